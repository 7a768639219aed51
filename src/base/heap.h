/* heap.h — timers: which of a set of numbered things is due first. A binary min-heap of fixed
 * capacity that knows where each id is, so that a deadline can be moved. Ties go to the smaller id:
 * the order depends on the contents only, never on history. Layer 0. */
#ifndef AL_BASE_HEAP_H
#define AL_BASE_HEAP_H

#include "allium/al_types.h"

/* al_heap_entry — private to heap.c. */
typedef struct al_heap_entry {
  al_time time;
  uint32_t id;
} al_heap_entry;

/* al_heap — the heap; fields are private to heap.c. */
typedef struct al_heap {
  const al_alloc *alloc;
  al_heap_entry *entries;
  uint32_t *places; /* by id: index of its entry + 1; 0: has no deadline */
  uint32_t count, limit;
} al_heap;

/* al_heap_init — an empty heap for the ids 0..limit-1 (a slab's indices, for example).
 *   a      kept; must outlive the heap                                                   [borrowed]
 *   limit  1..2^24
 * Result: AL_OK or AL_ENOMEM (then h is cleared).   Cost: one allocation, 20 bytes an id.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_heap. */
al_err al_heap_init(al_heap *h, const al_alloc *a, uint32_t limit);

/* al_heap_reserve — room for `limit` ids, by steps.
 *   step   the new limit is the next multiple of it
 * Result: AL_OK, AL_ENOMEM (nothing changed).   Cost: nothing when there is room; else a copy.
 * Source: docs/decisions/0007-many-nodes.md.   Tested: unit/base_heap. */
al_err al_heap_reserve(al_heap *h, uint32_t limit, uint32_t step);

/* al_heap_clear — give the memory back. A zeroed al_heap is allowed.
 * Result: none.   Cost: one free.   Source: docs/ARCHITECTURE.md.   Tested: unit/base_heap. */
void al_heap_clear(al_heap *h);

/* al_heap_set — give an id a deadline, or move it; AL_TIME_NEVER takes it out.
 *   id   below limit                                                                     [asserted]
 * Result: none: there is room for every id.   Cost: O(log n); no allocation.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_heap. */
void al_heap_set(al_heap *h, uint32_t id, al_time time);

/* al_heap_time — the deadline of one id.
 *   id   below limit                                                                     [asserted]
 * Result: AL_TIME_NEVER when it has none.   Cost: constant.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_heap. */
al_time al_heap_time(const al_heap *h, uint32_t id);

/* al_heap_pop_due — take out the earliest id if its time has come.
 *   ret_id   written when true                                                           [out]
 * Result: whether one was due at `now`; call until false.   Cost: O(log n).
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_heap. */
bool al_heap_pop_due(al_heap *h, al_time now, uint32_t *ret_id);

/* al_heap_deadline — the earliest time, AL_TIME_NEVER when empty. */
static inline al_time al_heap_deadline(const al_heap *h) {
  return h->count != 0 ? h->entries[0].time : AL_TIME_NEVER;
}

/* al_heap_count — how many ids have a deadline. */
static inline uint32_t al_heap_count(const al_heap *h) { return h->count; }

#endif
