/* places.h — blocks for big scratch, lent and given back, at most so many at a time. Either of one
 * size, got when they are first needed, and kept; or (`exact`) each of the size that was asked for,
 * got and given back to the allocator every time: many owners that rarely need one at the same
 * time. Layer 0. */
#ifndef AL_BASE_PLACES_H
#define AL_BASE_PLACES_H

#include "allium/al_types.h"

/* al_places — the blocks; fields are private to places.c. */
typedef struct al_places {
  const al_alloc *alloc;
  void *free; /* list through their first bytes */
  size_t bytes;
  uint32_t limit, made, lent;
  bool exact;
} al_places;

/* al_places_init — no blocks yet.
 *   a      kept; must outlive them                                                     [borrowed]
 *   bytes  of one block, at least sizeof(void *)
 *   limit  blocks there may be
 * Result: none.   Cost: none.   Source: docs/ARCHITECTURE.md.   Tested: unit/base_places. */
void al_places_init(al_places *p, const al_alloc *a, size_t bytes, uint32_t limit);

/* al_places_init_exact — the same, for blocks of the size asked for.
 *   bytes  of the largest                                                              [asserted]
 * Result: none.   Cost: none.   Source: docs/ARCHITECTURE.md.   Tested: unit/base_places. */
void al_places_init_exact(al_places *p, const al_alloc *a, size_t bytes, uint32_t limit);

/* al_places_clear — give the memory back. A zeroed al_places is allowed.
 *   p   nothing of it is lent                                                          [asserted]
 * Result: none.   Cost: frees.   Source: docs/ARCHITECTURE.md.   Tested: unit/base_places. */
void al_places_clear(al_places *p);

/* al_places_reserve — have so many blocks, as far as the limit goes.
 * Result: AL_OK, AL_ENOMEM.   Cost: allocates.   Source: docs/ARCHITECTURE.md.
 * Tested: unit/base_places. */
al_err al_places_reserve(al_places *p, uint32_t blocks);

/* al_places_take — a block; its bytes are not defined.
 *   bytes     how many are needed, at most those of init                               [asserted]
 *   may_get   whether memory may be asked for; exact ones always do
 * Result: NULL when the limit is reached or memory is out.   Cost: O(1), maybe an allocation.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_places. */
void *al_places_take(al_places *p, size_t bytes, bool may_get);

/* al_places_left — may one more be lent, if memory is not out? */
static inline bool al_places_left(const al_places *p) { return p->lent < p->limit; }

/* al_places_give — a block back; wipe secrets in it before.
 *   bytes   as it was asked for
 * Result: none.   Cost: O(1).   Source: docs/ARCHITECTURE.md.   Tested: unit/base_places. */
void al_places_give(al_places *p, void *block, size_t bytes);

#endif
