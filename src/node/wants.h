/* wants.h — which links there should be. Every part of the node that needs a neighbour says so here
 * with its reason; a link that nobody wants any more is closed by the side that dialled it. Layer
 * 4, private. */
#ifndef AL_NODE_WANTS_H
#define AL_NODE_WANTS_H

#include "node/parts.h"

/* al_node_want — why this node wants a link; or'ed. Guards and links with circuits are kept without
 * a reason. */
typedef enum al_node_want {
  AL_NODE_WANT_RANDOM = 1, /* a neighbour drawn at random from the sample (PROTOCOL.md 7.1) */
  AL_NODE_WANT_DHT = 2,    /* a contact of the routing table (PROTOCOL.md 7.2) */
} al_node_want;

/* al_node_want_link — have a link to a node: one that there is gets the reason, else it is dialled.
 * Result: AL_OK, AL_ENOTFOUND (not known, no address), AL_EFULL (also when three quarters of
 *         links_max are wanted: the rest is for newcomers), AL_ENOMEM.
 * Cost:   O(links_max); may allocate.   Source: PROTOCOL.md 7.1.   Tested: sim/tables. */
al_err al_node_want_link(al_node *n, al_work *w, const al_id *peer, al_node_want why);

/* al_node_unwant_link — a reason is gone; the link is closed when none is left for a while.
 * Result: none; dead handles are ignored.   Cost: O(1).   Source: PROTOCOL.md 7.1.
 * Tested: sim/tables. */
void al_node_unwant_link(al_node *n, al_link link, al_node_want why);

/* al_node_dial — dial an address; `peer` NULL: whoever answers.
 * Result: AL_OK, AL_EFULL, AL_ENOMEM.   Cost: may allocate.   Source: PROTOCOL.md 4.2.   Tested:
 * sim/network, sim/hostile. */
al_err al_node_dial(al_node *n, al_work *w, const al_id *peer, al_bytes address, al_link *ret);

/* al_node_may_want — whether this node may want one link more: three quarters are its own.
 * Result: whether.   Cost: O(links_max).   Source: PROTOCOL.md 7.1.   Tested: sim/tables. */
bool al_node_may_want(const al_node *n);

/* al_node_make_room — the table of links is full: the least useful one is closed (code LIMIT), of
 * those that are no newcomers: one that neither side wants, else one that the neighbour wants, and
 * last one for which this node is among the closest. What this node wants or uses stays.
 * Result: false when there is none.   Cost: O(links).   Source: PROTOCOL.md 4.3, 7.1.
 * Tested: sim/tables. */
bool al_node_make_room(al_node *n, al_work *w);

/* al_node_miss — a neighbour is gone without a word: it is tried again now and then.
 *   peer   its entry in the book, 0 if there is none
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.1.   Tested: sim/network. */
void al_node_miss(al_node *n, al_peer peer);

/* al_node_missed — whether it is gone since a moment ago, and was not there when tried again.
 *   Result: as said.   Cost: O(missed).   Source: PROTOCOL.md 7.1.   Tested: sim/heal. */
bool al_node_missed(const al_node *n, const al_id *peer);

/* al_node_found — a node is linked: it is not missed any more.
 * Result: none.   Cost: O(missed).   Source: PROTOCOL.md 7.1.   Tested: sim/network. */
void al_node_found(al_node *n, const al_id *peer);

/* al_node_wants_house — seek random neighbours, try lost ones again, close what nobody wants.
 * Result: none.   Cost: O(links).   Source: PROTOCOL.md 7.1.   Tested: sim/network. */
void al_node_wants_house(al_node *n, al_work *w);

/* al_node_links_reserve — have room for what nodes keep by index of a link, here and in gossip and
 * DHT, for indices below `links`.
 * Result: AL_OK, AL_ENOMEM.   Cost: nothing, or some allocations.
 * Source: docs/decisions/0007-many-nodes.md.   Tested: sim/lean. */
al_err al_node_links_reserve(al_node *n, uint32_t links);

/* al_node_neighbours_clear — give the room for neighbours back.
 * Result: none.   Cost: frees.   Source: docs/decisions/0007-many-nodes.md.   Tested: sim/lean. */
void al_node_neighbours_clear(al_node *n);

/* al_node_neighbour_each — the neighbours in order of index, dialled ones included: start with
 * *cursor = 0. They may come and go meanwhile.
 * Result: NULL at the end.   Cost: one pass in all.   Source: none.   Tested: sim/network. */
node_neighbour *al_node_neighbour_each(const al_node *n, uint32_t *cursor);

/* al_node_neighbour_new — what the node keeps of a link that is new.
 * Result: NULL without memory.   Cost: may allocate.   Source: PROTOCOL.md 4.2.   Tested:
 * sim/network. */
node_neighbour *al_node_neighbour_new(al_node *n, al_link link, bool open);

#endif
