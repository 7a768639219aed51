/* map.c — see map.h. Linear probing; the full 32-bit mark beside each slot keeps deletion from
 * hashing again and most unequal keys from being compared. */
#include "base/map.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"

enum { LIMIT_MAX = 1 << 24 };

/* All keys of a map have one length, which is 4 or a multiple of 8. */
static uint64_t sip(const al_map *m, const uint8_t *key) {
  return al_hash_bytes(m->secret, al_view(key, m->key_bytes));
}

/* Never 0, because 0 is a free slot; the low 25 bits (more than any mask) are the hash's own. */
static uint32_t mark_of(const al_map *m, const uint8_t *key) {
  return (uint32_t)sip(m, key) | 0x80000000u;
}

static uint8_t *key_at(const al_map *m, uint32_t slot) {
  return m->keys + (size_t)slot * m->key_bytes;
}

/* The key's slot, or the free slot that ends its run: limit < slots, so there always is one. */
static uint32_t slot_of(const al_map *m, const uint8_t *key, uint32_t mark) {
  uint32_t slot = mark & m->mask;
  while (m->marks[slot] != 0 &&
         (m->marks[slot] != mark || memcmp(key_at(m, slot), key, m->key_bytes) != 0))
    slot = (slot + 1) & m->mask;
  return slot;
}

al_err al_map_init(al_map *m, const al_alloc *a, uint32_t key_bytes, uint32_t limit,
                   const uint8_t secret[AL_MAP_SECRET_BYTES]) {
  AL_ASSERT(key_bytes == 4 || key_bytes == 8 || key_bytes == 32);
  AL_ASSERT(limit >= 1 && limit <= LIMIT_MAX);
  uint32_t slots = 4;
  while (slots - slots / 4 < limit) slots *= 2; /* at most three quarters full */
  memset(m, 0, sizeof *m);
  uint32_t *mem = al_new_array(a, slots, 8 + (size_t)key_bytes);
  if (mem == NULL) return AL_ENOMEM;
  m->alloc = a;
  m->secret[0] = al_load_u64(secret);
  m->secret[1] = al_load_u64(secret + 8);
  m->marks = mem;
  m->values = mem + slots;
  m->keys = (uint8_t *)(mem + 2 * (size_t)slots);
  m->bytes = slots * (8 + (size_t)key_bytes);
  m->mask = slots - 1;
  m->limit = limit;
  m->key_bytes = key_bytes;
  return AL_OK;
}

void al_map_clear(al_map *m) {
  if (m->marks != NULL) {
    al_wipe(m->marks, m->bytes);
    al_delete(m->alloc, m->marks, m->bytes);
  }
  al_wipe(m, sizeof *m);
}

bool al_map_find(const al_map *m, const void *key, uint32_t *ret_value) {
  uint32_t slot = slot_of(m, key, mark_of(m, key));
  if (m->marks[slot] == 0) return false;
  if (ret_value != NULL) *ret_value = m->values[slot];
  return true;
}

al_err al_map_put(al_map *m, const void *key, uint32_t value) {
  uint32_t mark = mark_of(m, key);
  uint32_t slot = slot_of(m, key, mark);
  if (m->marks[slot] == 0) {
    if (m->count == m->limit) return AL_EFULL;
    m->count++;
    m->marks[slot] = mark;
    memcpy(key_at(m, slot), key, m->key_bytes);
  }
  m->values[slot] = value;
  return AL_OK;
}

/* Fills the hole with the next entry of the run whose home is not after the hole, and so on. */
static void close_hole(al_map *m, uint32_t hole) {
  uint32_t slot = hole;
  for (;;) {
    slot = (slot + 1) & m->mask;
    if (m->marks[slot] == 0) break;
    uint32_t from_home = (slot - m->marks[slot]) & m->mask;
    if (from_home < ((slot - hole) & m->mask)) continue;
    m->marks[hole] = m->marks[slot];
    m->values[hole] = m->values[slot];
    memcpy(key_at(m, hole), key_at(m, slot), m->key_bytes);
    hole = slot;
  }
  m->marks[hole] = 0;
  m->values[hole] = 0;
  memset(key_at(m, hole), 0, m->key_bytes);
}

bool al_map_drop(al_map *m, const void *key, uint32_t *ret_value) {
  uint32_t slot = slot_of(m, key, mark_of(m, key));
  if (m->marks[slot] == 0) return false;
  if (ret_value != NULL) *ret_value = m->values[slot];
  close_hole(m, slot);
  m->count--;
  return true;
}

bool al_map_each(const al_map *m, uint32_t *cursor, const uint8_t **ret_key, uint32_t *ret_value) {
  if (m->marks == NULL) return false;
  for (uint32_t slot = *cursor; slot <= m->mask; slot++) {
    if (m->marks[slot] == 0) continue;
    *cursor = slot + 1;
    *ret_key = key_at(m, slot);
    if (ret_value != NULL) *ret_value = m->values[slot];
    return true;
  }
  *cursor = m->mask + 1;
  return false;
}
