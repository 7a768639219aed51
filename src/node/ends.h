/* ends.h — where bundles meet circuits: which circuits carry a bundle, how further ones join it,
 * and how long it waits for one (PROTOCOL.md 8.6, 8.7). Layer 4, private. Included by parts.h. */
#ifndef AL_NODE_ENDS_H
#define AL_NODE_ENDS_H

#include "node/state.h"

/* al_node_end_new — a place where a bundle meets circuits, with a new bundle.
 *   origin   index + 1 of the own circuit it is made for; 0: the far end of somebody's
 * Result: index + 1, 0 when full.   Cost: may allocate.   Source: PROTOCOL.md 8.   Tested:
 * sim/network, sim/hostile. */
uint32_t al_node_end_new(al_node *n, bool initiator, uint32_t origin);

/* al_node_end_free — close the bundle, which resets its streams, and free the place.
 * Result: none.   Cost: O(streams).   Source: PROTOCOL.md 8.   Tested: sim/network, sim/hostile. */
void al_node_end_free(al_node *n, uint32_t end, al_reason reason);

/* al_node_end_of — the place of a circuit that begins or ends here.
 *   ret_path   which of its circuits it is                                              [out]
 * Result: index + 1, or 0.   Cost: O(1).   Source: PROTOCOL.md 8.   Tested: sim/network. */
uint32_t al_node_end_of(const al_node *n, al_circ circ, uint32_t *ret_path);

/* al_node_end_begin — the first circuit of a fresh place is under way: it is known, not used yet.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 8.   Tested: sim/network. */
void al_node_end_begin(al_node *n, uint32_t end, al_circ circ);

/* al_node_end_carry — ... and open: it carries the bundle, whose secret is this circuit's.
 * Result: AL_OK, AL_ENOMEM.   Cost: allocates the path's record.   Source: PROTOCOL.md 8.7.
 * Tested: sim/network. */
al_err al_node_end_carry(al_node *n, uint32_t end, al_circ circ, uint32_t rtt_us);

/* al_node_end_lose — a circuit of the place is gone; the bundle stays.
 * Result: how many circuits it has left.   Cost: what was under way.
 * Source: PROTOCOL.md 8.6.   Tested: sim/heal. */
uint32_t al_node_end_lose(al_node *n, uint32_t end, uint32_t path);

/* al_node_end_gone — a circuit that ends here is gone: what it carried waits for another one, or
 * ends with it.
 * Result: none.   Cost: O(streams).   Source: PROTOCOL.md 8.7.   Tested: sim/heal. */
void al_node_end_gone(al_node *n, uint32_t end, uint32_t path, al_reason reason);

/* al_node_end_streams — how many streams its bundle has.
 *   Result: a count.   Cost: O(1).   Source: none.   Tested: sim/heal. */
uint32_t al_node_end_streams(const al_node *n, uint32_t end);

/* al_node_end_ping — have the origin's PING go out on an own circuit.
 *   Result: none.   Cost: O(1).   Source: PROTOCOL.md 6.5.   Tested: sim/heal. */
void al_node_end_ping(al_node *n, al_circ circ);

/* al_node_ends_house — bundles that waited for a circuit for AL_NODE_DETACHED_US are given up.
 * Result: none.   Cost: O(ends) while some wait.   Source: PROTOCOL.md 8.7.   Tested: sim/heal. */
void al_node_ends_house(al_node *n, al_work *w);

/* al_node_resume_ask — have JOIN go out on an own circuit that is open.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 8.7.   Tested: sim/heal. */
void al_node_resume_ask(al_node *n, al_circ circ);

/* al_node_resume_rx — a relay payload of kind RESUME.
 * Result: none.   Cost: O(ends), some HMACs.   Source: PROTOCOL.md 8.7.   Tested: sim/heal. */
void al_node_resume_rx(al_node *n, al_work *w, al_circ circ, const uint8_t *payload);

/* al_node_resume_fill — write the RESUME that is due on a circuit, if one is.
 * Result: whether.   Cost: some HMACs.   Source: PROTOCOL.md 8.7.   Tested: sim/heal. */
bool al_node_resume_fill(al_node *n, uint32_t end, uint32_t path, uint8_t *payload);

#endif
