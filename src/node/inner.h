/* inner.h — streams that end inside a node: what its own circuits are used for besides its host's
 * streams, and what it does for others at the ends of theirs. A stream to a service has target kind
 * NODE and the service as port; at both ends a mark (al_streams_set_user) says whose it is, and its
 * events go there instead of to the host. Layer 4, private. */
#ifndef AL_NODE_INNER_H
#define AL_NODE_INNER_H

#include "node/parts.h"

/* al_node_service — ports of target kind 2; on the wire. */
typedef enum al_node_service {
  AL_SERVICE_DHT = 1, /* look something up (PROTOCOL.md 7.4) */
} al_node_service;

/* node_inner_owner — which file of the node a stream belongs to. */
typedef enum node_inner_owner {
  INNER_NONE = 0,   /* the host's */
  INNER_DHT_CLIENT, /* a question of ours (askfar.c); the value names it */
  INNER_DHT_SERVER, /* a question of somebody's; likewise */
} node_inner_owner;

/* al_node_inner_user — the mark of a stream: its owner, and what the owner wants to know again. */
static inline uint64_t al_node_inner_user(node_inner_owner owner, uint32_t value) {
  return (uint64_t)owner << 32 | value;
}

/* al_node_inner_is — whether an event is of a stream that ends inside the node. */
static inline bool al_node_inner_is(const al_stream_event *ev) {
  return ev->user != 0 || (ev->kind == AL_STREAM_EV_REQUEST && ev->target.kind == AL_TARGET_NODE);
}

/* al_node_inner_open — a stream to a service at the end of an own circuit.
 *   t     kind NODE, port the service; host: the node it must be, 32 bytes, or nothing: any
 *   ret   to be marked by al_streams_set_user(al_node_inner_user()) at once               [out]
 * Result: AL_OK, or AL_EFULL, AL_ENOMEM, AL_ESTATE (closing, or no path: no event follows).
 * Cost:   allocates its buffers; a circuit when none fits.
 * Source: PROTOCOL.md 8.8.   Tested: sim/inner. */
al_err al_node_inner_open(al_node *n, al_work *w, const al_target *t, uint64_t isolation,
                          al_stream *ret);

/* al_node_inner_event — an event of a stream that ends inside the node.
 * Result: none.   Cost: its owner's.   Source: PROTOCOL.md 8.8.   Tested: sim/inner. */
void al_node_inner_event(al_node *n, al_work *w, const al_stream_event *ev);

/* al_node_inner_accept — take a stream that somebody asks for.
 * Result: AL_OK; otherwise it is refused, with RESOURCE.   Cost: allocates its buffers.
 * Source: PROTOCOL.md 8.8.   Tested: sim/inner. */
al_err al_node_inner_accept(al_node *n, al_stream s, uint64_t user);

/* al_node_inner_push — write what fits; again at event WRITABLE.
 * Result: whether all is written.   Cost: one copy.   Source: PROTOCOL.md 8.4.
 * Tested: sim/inner. */
bool al_node_inner_push(al_node *n, al_stream s, node_inner_out *out);

/* al_node_inner_refuse — end a stream that a service does not want; counted node_inner_refused.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 8.8.   Tested: sim/inner. */
void al_node_inner_refuse(al_node *n, al_stream s, al_reason why);

#endif
