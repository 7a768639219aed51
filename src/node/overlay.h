/* overlay.h — the node as a part of the DHT: its own lookups, other nodes' queries, the links that
 * the routing table needs. Layer 4, private. Source: PROTOCOL.md 7.2. */
#ifndef AL_NODE_OVERLAY_H
#define AL_NODE_OVERLAY_H

#include "dht/dht.h"
#include "node/parts.h"

enum {
  AL_NODE_DHT_DIALS_MAX = 8, /* links being dialled, above which the table waits */
  AL_NODE_DHT_SCAN = 64,     /* entries of the book looked at in a second, while it lacks some */
};

/* al_node_lookup_user — whose an own lookup is (al_dht_ask.user); 0 is the table's upkeep. */
typedef enum al_node_lookup_user {
  AL_NODE_LOOKUP_HOST = 1, /* al_node_lookup: told as AL_EV_LOOKUP */
  AL_NODE_LOOKUP_REACH,    /* dial the node that answers, for the table */
  AL_NODE_LOOKUP_HOP,      /* ... for circuits that wait for it */
  AL_NODE_LOOKUP_OTHERS,   /* from here on: of other files */
} al_node_lookup_user;

/* al_node_dht_init — an empty table, sized by the limits.
 * Result: AL_OK, AL_ENOMEM.   Cost: allocates.   Source: PROTOCOL.md 7.2.   Tested: sim/overlay. */
al_err al_node_dht_init(al_node *n);

/* al_node_dht_face — addresses or willingness to relay have changed.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.2.   Tested: sim/overlay. */
void al_node_dht_face(al_node *n);

/* al_node_dht_message — a message of kind DHT. Its bytes are modified.
 * Result: none.   Cost: see al_dht_rx, al_dht_route.   Source: PROTOCOL.md 7.2.
 * Tested: sim/overlay. */
void al_node_dht_message(al_node *n, al_work *w, al_link link, al_span bytes);

/* al_node_dht_pump — do what the table and lookups want now: queries, retries, ends, STATEs.
 * Result: none.   Cost: O(1) when nothing is due.   Source: PROTOCOL.md 7.2.
 * Tested: sim/overlay. */
void al_node_dht_pump(al_node *n, al_work *w);

/* al_node_dht_house — once a second: upkeep of the table and of its links.
 * Result: none.   Cost: O(links).   Source: PROTOCOL.md 7.2.   Tested: sim/overlay. */
void al_node_dht_house(al_node *n, al_work *w);

/* al_node_reach — have a link to a node of which only the ID is known: it is dialled at an address
 * of the book, or of the answer to a lookup of it.
 * Result: AL_OK (a link is there, or under way), AL_EFULL, AL_ENOMEM.
 * Cost:   a lookup.   Source: PROTOCOL.md 7.2.   Tested: sim/overlay. */
al_err al_node_reach(al_node *n, al_work *w, const al_id *peer);

/* al_node_find_hop — the same for set-up packets that wait for a link to it: al_node_pending_failed
 * follows when it is not found.
 * Result: AL_OK, AL_EFULL.   Cost: a lookup.   Source: PROTOCOL.md 6.5.
 * Tested: sim/service_far. */
al_err al_node_find_hop(al_node *n, const al_id *peer);

/* al_node_described — a descriptor that a path can lead through now: our own, or one of the book,
 * not expired and with the onion key of this epoch.
 * Result: NULL when there is none; borrowed until the book changes.   Cost: one map probe.
 * Source: PROTOCOL.md 7.2.   Tested: sim/overlay, sim/service_far. */
const al_peer_entry *al_node_described(const al_node *n, const al_id *id);

/* al_node_dht_mark — say which links the table needs.
 * Result: none.   Cost: O(links).   Source: PROTOCOL.md 7.2.   Tested: sim/overlay. */
void al_node_dht_mark(al_node *n);

#endif
