/* standby.h — own circuits that stand by for others: what origin.c and standby.c offer each other,
 * and the files of src/node. Layer 4, private. */
#ifndef AL_NODE_STANDBY_H
#define AL_NODE_STANDBY_H

#include "node/parts.h"

/* al_node_origin_new — a free place for an own circuit, with a bundle of its own.
 * Result: NULL when full.   Cost: may allocate.   Source: PROTOCOL.md 6.   Tested: sim/network. */
node_origin *al_node_origin_new(al_node *n);

/* al_node_origin_launch — choose a path and begin.
 * Result: DONE: under way; else why not.   Cost: path choice, a set-up packet.
 * Source: PROTOCOL.md 6.   Tested: sim/network. */
al_reason al_node_origin_launch(al_node *n, al_work *w, node_origin *o);

/* al_node_origin_retry — an attempt failed: another path for the same bundle.
 *   why   changed when a later attempt fails for another reason                         [in/out]
 * Result: whether one is under way.   Cost: path choice, a set-up packet.
 * Source: PROTOCOL.md 6.   Tested: sim/network, sim/restart. */
bool al_node_origin_retry(al_node *n, al_work *w, node_origin *o, al_reason *why);

/* al_node_origin_give_up — an own circuit and what stands by for it end; the streams of its bundle
 * end with this reason.
 * Result: none.   Cost: O(streams).   Source: PROTOCOL.md 6.   Tested: sim/network. */
void al_node_origin_give_up(al_node *n, al_work *w, node_origin *o, al_reason reason);

/* ---- for the other files of src/node ---- */

/* al_node_origin_joins — the place that an own circuit's bundle is to be given up for.
 *   Result: index + 1 of a node_end; 0: it asks for none.   Cost: O(1).   Source: PROTOCOL.md 8.7.
 *   Tested: sim/heal. */
uint32_t al_node_origin_joins(const al_node *n, uint32_t origin);

/* al_node_origin_joined — the end took an own circuit into the bundle of `end`.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 8.7.   Tested: sim/heal. */
void al_node_origin_joined(al_node *n, uint32_t origin, uint32_t end);

/* al_node_origin_refused — ... or did not: the circuit is of no use.
 * Result: none.   Cost: O(own circuits).   Source: PROTOCOL.md 8.7.   Tested: sim/heal. */
void al_node_origin_refused(al_node *n, al_work *w, uint32_t origin);

/* al_node_origin_suspect — a bundle's circuit fell silent: have a second one.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 8.6.   Tested: sim/heal. */
void al_node_origin_suspect(al_node *n, uint32_t origin);

/* al_node_origins_end — say goodbye on all own circuits: this node shuts down.
 * Result: none.   Cost: O(own circuits).   Source: PROTOCOL.md 8.7.   Tested: sim/heal. */
void al_node_origins_end(al_node *n, al_work *w);

/* al_node_circuits_house — end circuits of others that carry nothing.
 * Result: none.   Cost: AL_NODE_LOOKS circuits.   Source: PROTOCOL.md 6.5.   Tested: sim/heal. */
void al_node_circuits_house(al_node *n, al_work *w);

#endif
