/* slab.h — items of one size behind handles that go stale. A handle is 20 bits of index and 12 bits
 * of generation; 0 is none. Items never move. Memory comes chunk by chunk from the allocator, up to
 * a limit, and stays. Two bytes of bookkeeping an item. Layer 0. */
#ifndef AL_BASE_SLAB_H
#define AL_BASE_SLAB_H

#include "allium/al_types.h"

enum {
  AL_SLAB_INDEX_BITS = 20,
  AL_SLAB_LIMIT_MAX = 1 << AL_SLAB_INDEX_BITS,
};

/* al_slab — the pool; fields are private to slab.c. Free items form a queue, so that an index (and
 * with it a generation) comes back as late as possible. */
typedef struct al_slab {
  const al_alloc *alloc;
  void **chunks;       /* chunks_max pointers; the first chunks_count are there */
  uint32_t item_bytes; /* rounded up to 4 */
  uint32_t limit, count, chunk_shift, chunks_count, chunks_max;
  uint32_t free_head, free_tail; /* index + 1; 0 is none */
} al_slab;

/* al_slab_init — an empty slab.
 *   a           kept; must outlive the slab                                              [borrowed]
 *   item_bytes  size of one item, 1..2^20; those of a type are aligned as it wants, up to 8
 *   limit       items it can ever hold, 1..AL_SLAB_LIMIT_MAX
 * Result: AL_OK or AL_ENOMEM (then s is cleared).   Cost: one allocation, of the chunk table.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_slab. */
al_err al_slab_init(al_slab *s, const al_alloc *a, uint32_t item_bytes, uint32_t limit);

/* al_slab_clear — wipe and give back everything; s may be initialised again. A zeroed al_slab is
 * allowed.
 * Result: none.   Cost: one pass over the items.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_slab. */
void al_slab_clear(al_slab *s);

/* al_slab_reserve — have memory for at least `items` items in all (live ones included).
 * Result: AL_OK, AL_EFULL when items > limit, AL_ENOMEM (what was got so far stays).
 * Cost:   one allocation a chunk.   Source: docs/ARCHITECTURE.md.   Tested: unit/base_slab. */
al_err al_slab_reserve(al_slab *s, uint32_t items);

/* al_slab_take — a new item, zeroed; may allocate one chunk.
 *   ret_item  its address, good until al_slab_drop; may be NULL; written on success      [out]
 * Result: its handle, or 0 when the limit is reached or memory is out.
 * Cost:   constant, and one allocation when no free item is there.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_slab. */
uint32_t al_slab_take(al_slab *s, void **ret_item);

/* al_slab_take_noalloc — the same, but never calls the allocator: for RX and TICK.
 *   ret_item  its address; may be NULL; written on success                               [out]
 * Result: its handle, or 0 when no item is free (al_slab_reserve makes them).
 * Cost:   constant.   Source: docs/ARCHITECTURE.md.   Tested: unit/base_slab. */
uint32_t al_slab_take_noalloc(al_slab *s, void **ret_item);

/* al_slab_drop — wipe an item and free it; its handle is stale from now on.
 *   handle   must be live                                                                [asserted]
 * Result: none.   Cost: one wipe of the item.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_slab. */
void al_slab_drop(al_slab *s, uint32_t handle);

/* al_slab_get — the item of a handle.
 * Result: its address, or NULL when the handle is 0, stale or was never given out. (A handle comes
 *         alive again after 4,095 reuses of its index.)
 * Cost:   constant.   Source: docs/ARCHITECTURE.md.   Tested: unit/base_slab. */
void *al_slab_get(const al_slab *s, uint32_t handle);

/* al_slab_each — walk over the live handles in order of index: start with *cursor = 0. Items may be
 * dropped and taken meanwhile.
 *   cursor   advanced                                                                    [in/out]
 * Result: the next live handle, or 0 at the end.   Cost: one pass over the chunks in all.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_slab. */
uint32_t al_slab_each(const al_slab *s, uint32_t *cursor);

/* al_slab_room — how many items there is memory for, live ones included. */
static inline uint32_t al_slab_room(const al_slab *s) {
  uint32_t room = s->chunks_count << s->chunk_shift;
  return room < s->limit ? room : s->limit;
}

/* al_slab_count — how many items are live. */
static inline uint32_t al_slab_count(const al_slab *s) { return s->count; }

/* al_slab_index — the item's index, 0..limit-1: the same as long as it lives, for parallel tables.
 */
static inline uint32_t al_slab_index(uint32_t handle) { return handle & (AL_SLAB_LIMIT_MAX - 1); }

#endif
