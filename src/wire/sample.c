/* sample.c — see sample.h. */
#include "wire/sample.h"

#include "base/assert.h"

static bool valid(const al_rumour *r) {
  return r->kind >= AL_RUMOUR_DEAD && r->kind <= AL_RUMOUR_NEWER && r->hops <= AL_RUMOUR_HOPS_MAX;
}

void al_sample_start(al_wr *w) {
  AL_ASSERT(w->len == 0);
  al_wr_u8(w, AL_SAMPLE_RUMOURS);
  al_wr_u8(w, 0);
}

bool al_sample_add(al_wr *w, const al_rumour *r) {
  AL_ASSERT(al_wr_ok(w) && w->len >= 2 && valid(r));
  if (w->ptr[1] >= AL_RUMOURS_MAX || al_wr_left(w) < AL_RUMOUR_BYTES) return false;
  w->ptr[1]++;
  al_wr_u8(w, (uint8_t)r->kind);
  al_wr_u8(w, r->hops);
  al_wr_id(w, &r->id);
  al_wr_u64(w, r->stamp);
  return true;
}

void al_sample_keep(al_wr *w, bool keep) {
  AL_ASSERT(w->len == 0);
  al_wr_u8(w, AL_SAMPLE_KEEP);
  al_wr_u8(w, keep ? 1 : 0);
}

bool al_sample_next(al_rd *r, al_rumour *ret) {
  if (al_rd_left(r) < AL_RUMOUR_BYTES) return false;
  ret->kind = (al_rumour_kind)al_rd_u8(r);
  ret->hops = al_rd_u8(r);
  ret->id = al_rd_id(r);
  ret->stamp = al_rd_u64(r);
  return true;
}

al_sample_type al_sample_decode(al_bytes message, bool *ret_keep, al_rd *r) {
  al_rd c = al_rd_init(message);
  uint8_t type = al_rd_u8(&c), count = al_rd_u8(&c);
  if (!al_rd_ok(&c)) return 0;
  if (type == AL_SAMPLE_KEEP) {
    if (al_rd_left(&c) != 0 || count > 1) return 0;
    *ret_keep = count == 1;
    return AL_SAMPLE_KEEP;
  }
  if (type != AL_SAMPLE_RUMOURS || count > AL_RUMOURS_MAX ||
      al_rd_left(&c) != (size_t)count * AL_RUMOUR_BYTES) {
    return 0;
  }
  *r = c;
  al_rumour one;
  while (al_sample_next(&c, &one)) {
    if (!valid(&one)) return 0;
  }
  return AL_SAMPLE_RUMOURS;
}
