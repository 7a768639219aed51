/* route.c — see route.h. */
#include "wire/route.h"

#include "base/assert.h"

enum { TAIL_BYTES = 8 };

static bool valid(const al_route *r) {
  switch (r->command) {
    case AL_ROUTE_CREATE:
      return !al_id_is_zero(&r->next);
    case AL_ROUTE_CREATE_END:
      return al_id_is_zero(&r->next);
    default:
      return false;
  }
}

al_err al_route_decode(const uint8_t in[AL_ROUTE_BYTES], al_route *ret) {
  al_rd r = al_rd_init(al_view(in, AL_ROUTE_BYTES));
  al_route route = {.command = al_rd_u8(&r)};
  uint8_t reserved = al_rd_u8(&r);
  uint16_t reserved_too = al_rd_u16(&r);
  uint32_t delay = al_rd_u32(&r);
  route.next = al_rd_id(&r);
  al_rd_copy(&r, route.eph, sizeof route.eph);
  uint64_t tail = al_rd_u64(&r);
  if (!al_rd_done(&r) || reserved != 0 || reserved_too != 0 || delay != 0 || tail != 0)
    return AL_EPARSE;
  if (!valid(&route)) return AL_EPARSE;
  *ret = route;
  return AL_OK;
}

void al_route_encode(const al_route *r, uint8_t out[AL_ROUTE_BYTES]) {
  AL_ASSERT(valid(r));
  al_wr w = al_wr_init(out, AL_ROUTE_BYTES);
  al_wr_u8(&w, r->command);
  al_wr_zero(&w, 7);
  al_wr_id(&w, &r->next);
  al_wr_copy(&w, r->eph, sizeof r->eph);
  al_wr_zero(&w, TAIL_BYTES);
}
