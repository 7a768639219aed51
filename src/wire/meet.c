/* meet.c — codec of the messages between clients, services and the relays where they meet. */
#include "wire/meet.h"

#include "base/assert.h"

/* How long the two fields of each op are. */
static bool sizes(uint8_t op, size_t *name, size_t *bytes) {
  static const struct {
    uint16_t name, bytes;
  } table[] = {
      [AL_MEET_RENDEZVOUS] = {AL_MEET_COOKIE_BYTES, 0},
      [AL_MEET_LISTEN] = {AL_MEET_SECRET_BYTES, 0},
      [AL_MEET_INTRODUCE] = {AL_MEET_SECRET_BYTES, AL_MEET_REQUEST_BYTES},
      [AL_MEET_JOIN] = {AL_MEET_COOKIE_BYTES, AL_MEET_ANSWER_BYTES},
      [AL_MEET_REQUEST] = {0, AL_MEET_PART_BYTES},
      [AL_MEET_JOINED] = {0, AL_MEET_ANSWER_BYTES},
  };
  if (op == 0 || op >= sizeof table / sizeof table[0]) return false;
  *name = table[op].name;
  *bytes = table[op].bytes;
  return true;
}

al_err al_meet_decode(al_bytes bytes, al_meet *ret) {
  al_rd r = al_rd_init(bytes);
  size_t name = 0, rest = 0;
  al_meet m = {.op = al_rd_u8(&r)};
  if (!sizes(m.op, &name, &rest)) return AL_EPARSE;
  if (m.op == AL_MEET_REQUEST) {
    m.number = al_rd_u16(&r);
    m.part = al_rd_u8(&r);
    if (m.part > 1) return AL_EPARSE;
  }
  m.name = al_rd_bytes(&r, name).ptr;
  m.bytes = al_rd_bytes(&r, rest).ptr;
  if (!al_rd_ok(&r)) return AL_EPARSE;
  al_bytes padding = al_rd_rest(&r);
  if (padding.len != 0 && bytes.len != AL_MEET_PAYLOAD_BYTES) return AL_EPARSE;
  for (size_t i = 0; i < padding.len; i++)
    if (padding.ptr[i] != 0) return AL_EPARSE;
  *ret = m;
  return AL_OK;
}

void al_meet_encode(const al_meet *m, al_wr *w) {
  size_t name = 0, bytes = 0;
  bool known = sizes(m->op, &name, &bytes);
  AL_ASSERT(known);
  al_wr_u8(w, m->op);
  if (m->op == AL_MEET_REQUEST) {
    al_wr_u16(w, m->number);
    al_wr_u8(w, m->part);
  }
  al_wr_copy(w, m->name, name);
  al_wr_copy(w, m->bytes, bytes);
}
