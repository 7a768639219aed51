/* probe.c — see probe.h. */
#include "wire/probe.h"

#include "base/assert.h"

static bool valid(const al_probe *p) {
  return p->op >= AL_PROBE_ASK && p->op <= AL_PROBE_LOST &&
         (p->op == AL_PROBE_LOST) == (p->nonce == 0) && !al_id_is_zero(&p->about);
}

al_err al_probe_decode(al_bytes in, al_probe *ret) {
  al_rd r = al_rd_init(in);
  al_probe p = {.op = al_rd_u8(&r)};
  p.nonce = al_rd_u64(&r);
  p.about = al_rd_id(&r);
  if (!al_rd_done(&r) || !valid(&p)) return AL_EPARSE;
  *ret = p;
  return AL_OK;
}

void al_probe_encode(const al_probe *p, uint8_t out[AL_PROBE_BYTES]) {
  AL_ASSERT(valid(p));
  al_wr w = al_wr_init(out, AL_PROBE_BYTES);
  al_wr_u8(&w, p->op);
  al_wr_u64(&w, p->nonce);
  al_wr_id(&w, &p->about);
}
