/* gossip.c — see gossip.h. Both messages are a count and entries of one size. */
#include "wire/gossip.h"

#include "base/assert.h"

enum { ID_BYTES = 32 };

/* Counts one entry more, if it and the buffer allow it. */
static bool count_up(al_wr *w, uint16_t entries_max, size_t entry_bytes) {
  AL_ASSERT(al_wr_ok(w) && w->len >= 2);
  uint16_t count = al_load_u16(w->ptr);
  if (count >= entries_max || al_wr_left(w) < entry_bytes) return false;
  al_store_u16(w->ptr, (uint16_t)(count + 1));
  return true;
}

static al_err decode(al_bytes message, al_rd *r, uint16_t entries_max, size_t entry_bytes) {
  al_rd c = al_rd_init(message);
  uint16_t count = al_rd_u16(&c);
  if (!al_rd_ok(&c) || count > entries_max || al_rd_left(&c) != count * entry_bytes)
    return AL_EPARSE;
  *r = c;
  return AL_OK;
}

void al_digest_start(al_wr *w) {
  AL_ASSERT(w->len == 0);
  al_wr_u16(w, 0);
}

bool al_digest_add(al_wr *w, const al_id *id, uint64_t sequence) {
  if (!count_up(w, AL_DIGEST_ENTRIES_MAX, AL_DIGEST_ENTRY_BYTES)) return false;
  al_wr_id(w, id);
  al_wr_u64(w, sequence);
  return true;
}

al_err al_digest_decode(al_bytes message, al_rd *r) {
  return decode(message, r, AL_DIGEST_ENTRIES_MAX, AL_DIGEST_ENTRY_BYTES);
}

bool al_digest_next(al_rd *r, al_id *ret_id, uint64_t *ret_sequence) {
  if (al_rd_left(r) < AL_DIGEST_ENTRY_BYTES) return false;
  *ret_id = al_rd_id(r);
  *ret_sequence = al_rd_u64(r);
  return true;
}

void al_want_start(al_wr *w) {
  AL_ASSERT(w->len == 0);
  al_wr_u16(w, 0);
}

bool al_want_add(al_wr *w, const al_id *id) {
  if (!count_up(w, AL_WANT_ENTRIES_MAX, ID_BYTES)) return false;
  al_wr_id(w, id);
  return true;
}

al_err al_want_decode(al_bytes message, al_rd *r) {
  return decode(message, r, AL_WANT_ENTRIES_MAX, ID_BYTES);
}

bool al_want_next(al_rd *r, al_id *ret_id) {
  if (al_rd_left(r) < ID_BYTES) return false;
  *ret_id = al_rd_id(r);
  return true;
}
