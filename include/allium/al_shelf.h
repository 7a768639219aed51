/* al_shelf.h — what many nodes of one process share. Layer 0 (implemented by src/book). */
#ifndef AL_SHELF_H
#define AL_SHELF_H

#include "al_suite.h"
#include "al_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* al_shelf — descriptors of nodes, each kept once, and room for messages of links. Storage only: no
 * node learns from it what another one knows. For one thread. A node without one makes its own. */
typedef struct al_shelf al_shelf;

/* al_shelf_new — an empty shelf, to be given to nodes as al_config.shelf.
 *   a       its memory: it grows as records come, also while nodes handle packets
 *   suite   of all its nodes: what it holds counts as verified by it
 *   secret  random bytes: keep peers from choosing records that collide
 * Result: AL_OK, AL_ENOMEM.   Cost: one allocation.
 * Source: docs/decisions/0007-many-nodes.md.   Tested: unit/book_shelf. */
al_err al_shelf_new(al_shelf **ret, const al_alloc *a, const al_suite *suite,
                    const uint8_t secret[16]);

/* al_shelf_free — give it back; NULL is allowed. Its nodes must have been freed before.
 *   Result: none.   Cost: frees.   Source: docs/decisions/0007-many-nodes.md.
 *   Tested: unit/book_shelf. */
void al_shelf_free(al_shelf *s);

/* al_shelf_stats — how much is on a shelf. */
typedef struct al_shelf_stats {
  uint32_t records;
  uint64_t bytes; /* of records */
} al_shelf_stats;

/* al_shelf_look — how much is on it now.
 *   Result: counts.   Cost: O(1).   Source: docs/decisions/0007-many-nodes.md.
 *   Tested: unit/book_shelf. */
al_shelf_stats al_shelf_look(const al_shelf *s);

struct al_limits;

/* al_limits_small — limits for big simulations: an idle node takes 8 KB and 630 bytes a link.
 *   Result: none.   Cost: none.   Source: docs/decisions/0007-many-nodes.md.   Tested: sim/lean. */
void al_limits_small(struct al_limits *l);

#ifdef __cplusplus
}
#endif
#endif
