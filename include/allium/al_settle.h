/* al_settle.h — for simulations of many nodes in one process: a network that begins as if it had
 * run for long, instead of the hours that a million joins take. Whoever simulates says which nodes
 * are linked and whom each knows; from then on the nodes are on their own. Refused unless
 * al_config.simulation is set. Layer 4 (implemented by src/node). */
#ifndef AL_SETTLE_H
#define AL_SETTLE_H

#include "allium.h"

#ifdef __cplusplus
extern "C" {
#endif

/* al_node_settle — a node that was started and has no links begins as one of so many: its book is
 * the sample of a network of that size, to be filled by al_node_settle_know, and it has room for so
 * many links.
 * Result: AL_OK, AL_ESTATE (not a simulation, or not new), AL_ENOMEM.   Cost: O(links).
 * Source: docs/decisions/0007-many-nodes.md.   Tested: sim/settled. */
al_err al_node_settle(al_node *n, uint32_t nodes, uint32_t links);

/* al_node_settle_know — another node's descriptor is in the sample from the start.
 *   peer   shares the shelf
 * Result: AL_OK, AL_ESTATE, AL_EFULL, AL_ENOMEM.   Cost: a copy of a handle; may allocate.
 * Source: docs/decisions/0007-many-nodes.md.   Tested: sim/settled. */
al_err al_node_settle_know(al_node *n, const al_node *peer);

/* al_settled — a link that is there from the start. */
typedef struct al_settled {
  const al_node *peer; /* shares the shelf; its side is made by a call of its own */
  bool initiator;      /* on one side only */
  bool random;         /* one of the random neighbours that the node wants */
  uint8_t keys[32];    /* the link's keys follow from these: the same on both sides */
} al_settled;

/* al_node_settle_link — one side of a link, as if its handshake had just ended, gossip had told
 * what it tells a new neighbour and the DHT had taken it into the table. Effects are left in w.
 *   ret   its handle, for the transport                                                 [out]
 * Result: AL_OK, AL_ESTATE, AL_EFULL, AL_ENOMEM.   Cost: may allocate.
 * Source: docs/decisions/0007-many-nodes.md.   Tested: sim/settled. */
al_err al_node_settle_link(al_node *n, al_work *w, al_time now, const al_settled *s, al_link *ret);

/* al_node_settle_end — all its links are there: the DHT's table is as old as the network.
 * Result: none.   Cost: O(links).   Source: docs/decisions/0007-many-nodes.md.
 * Tested: sim/settled. */
void al_node_settle_end(al_node *n, al_time now);

#ifdef __cplusplus
}
#endif
#endif
