/* names.h — identifiers behind numbers of four bytes, each kept once and counted by reference: for
 * tables that hold many, in processes where many tables hold the same ones. Layer 0. */
#ifndef AL_BASE_NAMES_H
#define AL_BASE_NAMES_H

#include "allium/al_types.h"

/* al_names — the identifiers; fields are private to names.c. */
typedef struct al_names {
  al_alloc alloc;
  uint64_t secret[2];
  struct al_name **chunks;
  uint32_t *buckets;
  uint32_t chunks_count, chunks_max, mask, count, free; /* free: number of the first one */
  bool grows;
} al_names;

/* al_names_init — none, and no memory.
 *   a       copied
 *   secret  random: keeps peers from choosing identifiers that collide
 *   grows   memory may be asked for at any time; else by al_names_reserve only
 * Result: none.   Cost: none.   Source: docs/decisions/0007-many-nodes.md.
 * Tested: unit/base_names. */
void al_names_init(al_names *n, const al_alloc *a, const uint64_t secret[2], bool grows);

/* al_names_clear — give everything back; all numbers must have been dropped. A zeroed al_names is
 * allowed.
 * Result: none.   Cost: frees.   Source: docs/decisions/0007-many-nodes.md.
 * Tested: unit/base_names. */
void al_names_clear(al_names *n);

/* al_names_reserve — have memory for so many in all.
 * Result: AL_OK, AL_ENOMEM (what was got stays).   Cost: allocates 44 bytes each; moves chains when
 * the table doubles.
 * Source: docs/decisions/0007-many-nodes.md.   Tested: unit/base_names. */
al_err al_names_reserve(al_names *n, uint32_t names);

/* al_names_take — the number of an identifier, with one reference more.
 * Result: 0 when it is new and there is no memory for it.   Cost: a keyed hash; allocates when the
 * table grows.
 * Source: docs/decisions/0007-many-nodes.md.   Tested: unit/base_names. */
uint32_t al_names_take(al_names *n, const al_id *id);

/* al_names_drop — one reference less; the last one forgets it. 0 is allowed.
 * Result: none.   Cost: O(1).   Source: docs/decisions/0007-many-nodes.md.
 * Tested: unit/base_names. */
void al_names_drop(al_names *n, uint32_t name);

/* al_names_get — the identifier of a number that is held.
 * Result: stays where it is.   Cost: O(1).   Source: docs/decisions/0007-many-nodes.md.
 * Tested: unit/base_names. */
const al_id *al_names_get(const al_names *n, uint32_t name);

/* al_names_count — how many different ones are held. */
static inline uint32_t al_names_count(const al_names *n) { return n->count; }

#endif
