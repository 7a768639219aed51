/* hooks.h — where the rest of a node meets services: meet.c, trip.c, session.c, service.c, visit.c,
 * whose own business is in meet.h and visit.h. Included by parts.h. Layer 4, private. */
#ifndef AL_NODE_HOOKS_H
#define AL_NODE_HOOKS_H

#include "node/state.h"

/* ---- origin.c, for services ---- */
/* node_spare — an own circuit that is open and carried nothing yet. */
typedef struct node_spare {
  al_circ circ;
  al_link link;
  uint8_t hops;
  al_id path[AL_HOPS_MAX];
  uint32_t build_us;
  const al_id *shunned; /* it must not end at one of these ... */
  size_t shuns;         /* ... so many */
} node_spare;

/* al_node_origin_release — give up a spare circuit to somebody else in the node.
 *   ret   says where it must not end                                                [in/out]
 * Result: false when there is none.   Cost: O(own circuits).   Source: PROTOCOL.md 9.
 * Tested: sim/service. */
bool al_node_origin_release(al_node *n, node_spare *ret);

/* al_node_circuit_begin — send a set-up packet, or dial its first hop, with which there is no link.
 *   data   for its last hop, or none                                              [in, borrowed]
 *   ret    the circuit; 0: begin again when there is a link                       [out]
 * Result: DONE: under way; RESOURCE, NO_PATH.   Cost: a set-up packet.
 * Source: PROTOCOL.md 5, 6.   Tested: sim/network, sim/service. */
al_reason al_node_circuit_begin(al_node *n, al_work *w, const al_circuit_plan *plan, al_bytes data,
                                al_circ *ret);

/* al_node_circuit_plan — a path that was drawn before, with the keys that the book has now.
 * Result: false when a hop is no longer known.   Cost: a map probe a hop.
 * Source: PROTOCOL.md 5.   Tested: sim/network, sim/service. */
bool al_node_circuit_plan(al_node *n, const al_id *path, uint8_t hops, al_circuit_plan *ret);

/* ---- services ---- */
/* al_node_meetings_init — the table of those who wait here.
 * Result: AL_OK, AL_ENOMEM.   Cost: allocates.   Source: PROTOCOL.md 9.3.   Tested: sim/service. */
al_err al_node_meetings_init(al_node *n);

/* al_node_meetings_clear — give it back.
 *   Result: none.   Cost: frees.   Source: PROTOCOL.md 9.3.   Tested: sim/service. */
void al_node_meetings_clear(al_node *n);

/* al_node_meets_clear — forget all services, used and offered.
 *   Result: none.   Cost: frees.   Source: PROTOCOL.md 9.   Tested: sim/service. */
void al_node_meets_clear(al_node *n);

/* al_node_meets_tick — what services do by time.
 *   house   once a second
 *   Result: none.   Cost: O(services).   Source: PROTOCOL.md 9.   Tested: sim/service. */
void al_node_meets_tick(al_node *n, al_work *w, bool house);

/* al_node_meets_deadline — when al_node_meets_tick has something to do.
 *   Result: AL_TIME_NEVER possible.   Cost: O(1).   Source: none.   Tested: sim/service. */
al_time al_node_meets_deadline(const al_node *n);

/* al_node_meet_setup — what a set-up packet that ends here says.
 * Result: AL_REASON_DONE: the circuit stays; else why it does not.
 * Cost:   O(meetings).   Source: PROTOCOL.md 9.3.   Tested: sim/service. */
al_reason al_node_meet_setup(al_node *n, al_work *w, al_circ circ, al_bytes data);

/* al_node_meet_rx — a relay payload, if it is one of services; then it owns the buffer.
 * Result: whether.   Cost: SEALED at a rendezvous: one wide-block pass; at an end: one AEAD.
 * Source: PROTOCOL.md 9.   Tested: sim/service. */
bool al_node_meet_rx(al_node *n, al_work *w, al_circ circ, al_buf buf, uint8_t *payload);

/* al_node_meet_gone — a circuit ended: whoever waited on it is forgotten, the one it was joined to
 * will end too.
 * Result: none.   Cost: O(meetings).   Source: PROTOCOL.md 9.3.   Tested: sim/service. */
void al_node_meet_gone(al_node *n, al_circ circ);

/* al_node_meet_settle — end circuits whose other half is gone.
 *   Result: none.   Cost: those.   Source: PROTOCOL.md 9.3.   Tested: sim/service. */
void al_node_meet_settle(al_node *n, al_work *w);

/* al_node_trip_opened — an own circuit for a service is open.
 * Result: false when it is not one.   Cost: its owner's.   Source: PROTOCOL.md 9.
 * Tested: sim/service. */
bool al_node_trip_opened(al_node *n, al_work *w, al_circ circ, uint64_t build_us);

/* al_node_trip_gone — ... or gone: al_node_trips_settle acts.
 * Result: false when it is not one.   Cost: O(1).   Source: PROTOCOL.md 9.
 * Tested: sim/service. */
bool al_node_trip_gone(al_node *n, al_circ circ, al_reason why);

/* al_node_trip_link — the first hop that circuits wait for is linked.
 *   Result: none.   Cost: O(trips).   Source: PROTOCOL.md 9.   Tested: sim/service. */
void al_node_trip_link(al_node *n, al_work *w, const al_id *peer);

/* al_node_trip_link_failed — ... or cannot be reached.
 *   Result: none.   Cost: O(trips).   Source: PROTOCOL.md 9.   Tested: sim/service. */
void al_node_trip_link_failed(al_node *n, const al_id *peer);

/* al_node_trips_settle — circuits for services that were lost are built again, or given up.
 *   Result: none.   Cost: O(trips) when one is.   Source: PROTOCOL.md 9.   Tested: sim/service. */
void al_node_trips_settle(al_node *n, al_work *w);

/* al_node_desc_settle — answers of the DHT about services are taken, questions that wait are asked.
 *   Result: none.   Cost: O(questions).   Source: PROTOCOL.md 9.2.   Tested: sim/service. */
void al_node_desc_settle(al_node *n, al_work *w);

/* al_node_meet_fill — let a session write the next relay payload of its circuit.
 * Result: whether it did.   Cost: al_bundle_fill and one AEAD.   Source: PROTOCOL.md 9.6.
 * Tested: sim/service. */
bool al_node_meet_fill(al_node *n, al_circ circ, uint8_t *payload);

/* al_node_session_wants — a bundle of a session may have something to send.
 *   Result: none.   Cost: O(1).   Source: PROTOCOL.md 9.6.   Tested: sim/service. */
void al_node_session_wants(al_node *n, al_bundle b, uint32_t user);

/* al_node_session_is — whether a bundle's user is that of a session.
 *   Result: as said.   Cost: none.   Source: none.   Tested: sim/service. */
bool al_node_session_is(uint32_t user);

/* al_node_session_event — an event of a session's bundle.
 *   out   circ and service are written
 * Result: whether the host is to be told.   Cost: O(1).   Source: PROTOCOL.md 9.6.
 * Tested: sim/service. */
bool al_node_session_event(al_node *n, al_work *w, const al_stream_event *ev, al_event *out);

#endif
