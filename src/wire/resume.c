/* resume.c — see resume.h. */
#include "wire/resume.h"

#include "base/assert.h"
#include "wire/wire.h"

static bool all_zero(const uint8_t *p, size_t n) {
  uint8_t any = 0;
  for (size_t i = 0; i < n; i++) any |= p[i];
  return any == 0;
}

static bool valid(const al_resume *r) {
  if (r->op < AL_RESUME_JOIN || r->op > AL_RESUME_REFUSED) return false;
  return r->op != AL_RESUME_REFUSED || all_zero(r->tag, sizeof r->tag);
}

al_err al_resume_decode(al_bytes in, al_resume *ret) {
  if (in.len != AL_RELAY_BYTES) return AL_EPARSE;
  al_rd r = al_rd_init(in);
  uint8_t kind = al_rd_u8(&r);
  al_resume m = {.op = al_rd_u8(&r)};
  al_rd_copy(&r, m.id, sizeof m.id);
  al_rd_copy(&r, m.tag, sizeof m.tag);
  al_bytes rest = al_rd_bytes(&r, al_rd_left(&r));
  if (!al_rd_done(&r) || kind != AL_RESUME_KIND || !valid(&m) || !all_zero(rest.ptr, rest.len))
    return AL_EPARSE;
  *ret = m;
  return AL_OK;
}

void al_resume_encode(const al_resume *m, uint8_t *out) {
  AL_ASSERT(valid(m));
  al_wr w = al_wr_init(out, AL_RELAY_BYTES);
  al_wr_u8(&w, AL_RESUME_KIND);
  al_wr_u8(&w, m->op);
  al_wr_copy(&w, m->id, sizeof m->id);
  al_wr_copy(&w, m->tag, sizeof m->tag);
  al_wr_zero(&w, al_wr_left(&w));
}
