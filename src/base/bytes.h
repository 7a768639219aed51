/* bytes.h — bytes in memory: wiping, comparing, little-endian loads and stores, small arithmetic.
 * Layer 0. */
#ifndef AL_BASE_BYTES_H
#define AL_BASE_BYTES_H

#include <string.h>

#include "allium/al_types.h"

/* al_wipe — set secrets to zero, in a way no compiler removes.
 *   ptr   len bytes; may be NULL when len is 0                                           [out]
 * Result: none.   Cost: one memset.   Source: HACKING.md, "Secrets".   Tested: unit/base_bytes. */
void al_wipe(void *ptr, size_t len);

/* al_equal_ct — whether two buffers are equal, in a time that depends on len only.
 *   a, b   len bytes each; may be NULL when len is 0                                     [in]
 * Result: true when equal; true for len 0.   Cost: one pass, no early exit.
 * Source: HACKING.md, "Secrets".   Tested: unit/base_bytes. */
bool al_equal_ct(const void *a, const void *b, size_t len);

/* al_zero_ct — whether a buffer is all zero, in a time that depends on len only.
 *   a   len bytes; may be NULL when len is 0                                             [in]
 * Result: true when no bit is set.   Cost: one pass, no early exit.
 * Source: HACKING.md, "Secrets".   Tested: unit/base_bytes. */
bool al_zero_ct(const void *a, size_t len);

/* al_view — a borrowed view from pointer and length. */
static inline al_bytes al_view(const void *ptr, size_t len) {
  return (al_bytes){(const uint8_t *)ptr, len};
}

/* al_has_byte — whether one of len bytes has this value; not constant time. */
static inline bool al_has_byte(const uint8_t *ptr, size_t len, uint8_t value) {
  for (size_t i = 0; i < len; i++) {
    if (ptr[i] == value) return true;
  }
  return false;
}

/* al_id_equal — whether two identifiers are the same. They are public: not constant time. */
static inline bool al_id_equal(const al_id *a, const al_id *b) {
  return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* al_id_is_zero — whether an identifier is all zero, which stands for "none". */
static inline bool al_id_is_zero(const al_id *a) {
  return (a->b[0] == 0) && memcmp(a->b, a->b + 1, sizeof a->b - 1) == 0;
}

/* al_load_u16 — two bytes, little-endian. */
static inline uint16_t al_load_u16(const uint8_t *p) {
  return (uint16_t)(p[0] | (uint16_t)(p[1] << 8));
}

/* al_load_u32 — four bytes, little-endian. */
static inline uint32_t al_load_u32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* al_load_u64 — eight bytes, little-endian. */
static inline uint64_t al_load_u64(const uint8_t *p) {
  return (uint64_t)al_load_u32(p) | (uint64_t)al_load_u32(p + 4) << 32;
}

/* al_load_u48 — six bytes, little-endian. */
static inline uint64_t al_load_u48(const uint8_t *p) {
  return (uint64_t)al_load_u32(p) | (uint64_t)al_load_u16(p + 4) << 32;
}

/* al_store_u16 — two bytes, little-endian. */
static inline void al_store_u16(uint8_t *p, uint16_t v) {
  p[0] = (uint8_t)v;
  p[1] = (uint8_t)(v >> 8);
}

/* al_store_u32 — four bytes, little-endian. */
static inline void al_store_u32(uint8_t *p, uint32_t v) {
  p[0] = (uint8_t)v;
  p[1] = (uint8_t)(v >> 8);
  p[2] = (uint8_t)(v >> 16);
  p[3] = (uint8_t)(v >> 24);
}

/* al_store_u64 — eight bytes, little-endian. */
static inline void al_store_u64(uint8_t *p, uint64_t v) {
  al_store_u32(p, (uint32_t)v);
  al_store_u32(p + 4, (uint32_t)(v >> 32));
}

/* al_store_u48 — six bytes, little-endian; the upper 16 bits of v are dropped. */
static inline void al_store_u48(uint8_t *p, uint64_t v) {
  al_store_u32(p, (uint32_t)v);
  al_store_u16(p + 4, (uint16_t)(v >> 32));
}

/* al_min_u64 — the smaller one. */
static inline uint64_t al_min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* al_max_u64 — the larger one. */
static inline uint64_t al_max_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* al_min_size — the smaller one. */
static inline size_t al_min_size(size_t a, size_t b) { return a < b ? a : b; }

/* al_max_size — the larger one. */
static inline size_t al_max_size(size_t a, size_t b) { return a > b ? a : b; }

/* al_time_add — a moment later by us; stops at AL_TIME_NEVER instead of wrapping. */
static inline al_time al_time_add(al_time t, uint64_t us) {
  return us > AL_TIME_NEVER - t ? AL_TIME_NEVER : t + us;
}

/* al_time_since — how long ago `then` was; 0 when it is not past. */
static inline uint64_t al_time_since(al_time now, al_time then) {
  return now > then ? now - then : 0;
}

#endif
