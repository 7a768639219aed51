/* ring.h — a first-in, first-out buffer of bytes over the caller's memory, with room to write ahead
 * of its end (for what arrives out of order). Layer 0. */
#ifndef AL_BASE_RING_H
#define AL_BASE_RING_H

#include "allium/al_types.h"

/* al_ring — the buffer: `len` bytes from `head`, wrapping at `cap`. */
typedef struct al_ring {
  uint8_t *ptr;
  size_t cap, head, len;
} al_ring;

/* al_ring_init — an empty ring over memory. */
static inline al_ring al_ring_init(void *ptr, size_t cap) {
  return (al_ring){(uint8_t *)ptr, cap, 0, 0};
}

/* al_ring_len — bytes to be read. */
static inline size_t al_ring_len(const al_ring *r) { return r->len; }

/* al_ring_space — bytes that can still be written. */
static inline size_t al_ring_space(const al_ring *r) { return r->cap - r->len; }

/* al_ring_write — append as much as fits.
 *   data   copied                                                                        [in]
 * Result: bytes taken, 0..data.len.   Cost: one copy.
 * Source: docs/DATAFLOW.md.   Tested: unit/base_ring. */
size_t al_ring_write(al_ring *r, al_bytes data);

/* al_ring_put_at — write beyond the end without making it readable yet.
 *   offset  from the read position; offset + data.len <= cap                             [asserted]
 *   data    copied                                                                       [in]
 * Result: none.   Cost: one copy.   Source: docs/DATAFLOW.md.   Tested: unit/base_ring. */
void al_ring_put_at(al_ring *r, size_t offset, al_bytes data);

/* al_ring_commit — make the next n bytes behind the end, put there before, readable.
 *   n   at most al_ring_space                                                            [asserted]
 * Result: none.   Cost: constant.   Source: docs/DATAFLOW.md.   Tested: unit/base_ring. */
void al_ring_commit(al_ring *r, size_t n);

/* al_ring_peek — what is readable from offset on, as up to two views.
 *   offset  from the read position, at most al_ring_len                                  [asserted]
 *   len     bytes wanted
 *   ret     both written; the second is {NULL, 0} when one is enough; borrowed until
 *           the next write or consume                                                    [out]
 * Result: bytes in both views: the smaller of len and what is there.   Cost: constant.
 * Source: docs/DATAFLOW.md.   Tested: unit/base_ring. */
size_t al_ring_peek(const al_ring *r, size_t offset, size_t len, al_bytes ret[2]);

/* al_ring_copy — copy readable bytes out and leave them in the ring.
 *   offset  from the read position, at most al_ring_len                                  [asserted]
 *   dst     at most len bytes are written                                                [out]
 * Result: bytes copied.   Cost: one copy.   Source: docs/DATAFLOW.md.   Tested: unit/base_ring. */
size_t al_ring_copy(const al_ring *r, size_t offset, void *dst, size_t len);

/* al_ring_consume — forget the first n readable bytes. They are not wiped.
 *   n   at most al_ring_len                                                              [asserted]
 * Result: none.   Cost: constant.   Source: docs/DATAFLOW.md.   Tested: unit/base_ring. */
void al_ring_consume(al_ring *r, size_t n);

#endif
