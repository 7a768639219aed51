/* map.h — a hash map of fixed capacity from keys of one size (4, 8 or 32 bytes) to a uint32_t.
 * Open addressing with linear probing and backward-shift deletion: no tombstones, no growth, no
 * allocation after init. Places come from SipHash-1-3 under a secret of this node, so that a peer
 * cannot choose keys that collide. Layer 0. */
#ifndef AL_BASE_MAP_H
#define AL_BASE_MAP_H

#include "allium/al_types.h"
#include "base/bytes.h"

enum {
  AL_MAP_SECRET_BYTES = 16,
  AL_MAP_KEY_BYTES_MAX = 32,
};

/* al_map — the table; fields are private to map.c. Three arrays in one allocation. */
typedef struct al_map {
  const al_alloc *alloc;
  uint64_t secret[2];
  uint32_t *marks; /* 0: free; else 1 + upper bits of the hash, whose low bits are the home slot */
  uint32_t *values;
  uint8_t *keys;
  size_t bytes;
  uint32_t mask, count, limit, key_bytes;
} al_map;

/* al_map_init — an empty map.
 *   m          written                                                                   [out]
 *   a          kept; must outlive the map                                                [borrowed]
 *   key_bytes  4, 8 or 32
 *   limit      entries it can hold, 1..2^24; memory is up to 2.7 times limit * (8 + key_bytes)
 *   secret     AL_MAP_SECRET_BYTES random bytes; iteration order depends on it           [in]
 * Result: AL_OK or AL_ENOMEM (then m is cleared).   Cost: one allocation.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_map. */
al_err al_map_init(al_map *m, const al_alloc *a, uint32_t key_bytes, uint32_t limit,
                   const uint8_t secret[AL_MAP_SECRET_BYTES]);

/* al_map_clear — give the memory back; m may be initialised again. A zeroed al_map is allowed.
 * Result: none.   Cost: one free.   Source: docs/ARCHITECTURE.md.   Tested: unit/base_map. */
void al_map_clear(al_map *m);

/* al_map_find — the value of a key.
 *   key        key_bytes bytes                                                           [in]
 *   ret_value  written when found; may be NULL                                           [out]
 * Result: whether it is there.   Cost: one hash, about two probes; no allocation.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_map. */
bool al_map_find(const al_map *m, const void *key, uint32_t *ret_value);

/* al_map_put — insert a key, or give it another value.
 *   key   key_bytes bytes, copied                                                        [in]
 * Result: AL_OK, or AL_EFULL when the key is new and `limit` keys are in.
 * Cost:   one hash, about two probes; no allocation.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_map. */
al_err al_map_put(al_map *m, const void *key, uint32_t value);

/* al_map_drop — remove a key.
 *   ret_value  the value it had; written when found; may be NULL                         [out]
 * Result: whether it was there.   Cost: as find, and the rest of its run is moved up.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_map. */
bool al_map_drop(al_map *m, const void *key, uint32_t *ret_value);

/* al_map_each — walk over the entries: start with *cursor = 0 and call until false. The map must
 * not change meanwhile. cursor     advanced [in/out] ret_key    the key, borrowed until the next
 * change                                   [out] ret_value  its value; may be NULL [out] Result:
 * false at the end.   Cost: one pass over the table in all. Source: docs/ARCHITECTURE.md.   Tested:
 * unit/base_map. */
bool al_map_each(const al_map *m, uint32_t *cursor, const uint8_t **ret_key, uint32_t *ret_value);

/* al_map_count — how many keys are in. */
static inline uint32_t al_map_count(const al_map *m) { return m->count; }

/* al_map_find_u32 — al_map_find for a map of 4-byte keys. */
static inline bool al_map_find_u32(const al_map *m, uint32_t key, uint32_t *ret_value) {
  uint8_t k[4];
  al_store_u32(k, key);
  return al_map_find(m, k, ret_value);
}

/* al_map_put_u32 — al_map_put for a map of 4-byte keys. */
static inline al_err al_map_put_u32(al_map *m, uint32_t key, uint32_t value) {
  uint8_t k[4];
  al_store_u32(k, key);
  return al_map_put(m, k, value);
}

/* al_map_drop_u32 — al_map_drop for a map of 4-byte keys. */
static inline bool al_map_drop_u32(al_map *m, uint32_t key, uint32_t *ret_value) {
  uint8_t k[4];
  al_store_u32(k, key);
  return al_map_drop(m, k, ret_value);
}

/* al_map_find_u64 — al_map_find for a map of 8-byte keys. */
static inline bool al_map_find_u64(const al_map *m, uint64_t key, uint32_t *ret_value) {
  uint8_t k[8];
  al_store_u64(k, key);
  return al_map_find(m, k, ret_value);
}

/* al_map_put_u64 — al_map_put for a map of 8-byte keys. */
static inline al_err al_map_put_u64(al_map *m, uint64_t key, uint32_t value) {
  uint8_t k[8];
  al_store_u64(k, key);
  return al_map_put(m, k, value);
}

/* al_map_drop_u64 — al_map_drop for a map of 8-byte keys. */
static inline bool al_map_drop_u64(al_map *m, uint64_t key, uint32_t *ret_value) {
  uint8_t k[8];
  al_store_u64(k, key);
  return al_map_drop(m, k, ret_value);
}

/* al_map_find_id — al_map_find for a map of 32-byte keys. */
static inline bool al_map_find_id(const al_map *m, const al_id *key, uint32_t *ret_value) {
  return al_map_find(m, key->b, ret_value);
}

/* al_map_put_id — al_map_put for a map of 32-byte keys. */
static inline al_err al_map_put_id(al_map *m, const al_id *key, uint32_t value) {
  return al_map_put(m, key->b, value);
}

/* al_map_drop_id — al_map_drop for a map of 32-byte keys. */
static inline bool al_map_drop_id(al_map *m, const al_id *key, uint32_t *ret_value) {
  return al_map_drop(m, key->b, ret_value);
}

#endif
