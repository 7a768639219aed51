/* al_inspect.h — look into a node without changing it: for status pages, metrics and tests.
 * Unstable: may change with any version. Layer 4. */
#ifndef AL_INSPECT_H
#define AL_INSPECT_H

#include "allium.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct al_node_info {
  al_id id;
  uint32_t links, links_up, peers, relays, exits;
  uint32_t circuits_origin, circuits_relay, circuits_end, streams;
  uint64_t epoch, wall_s;
  bool relay, exit;
} al_node_info;

typedef struct al_link_info {
  al_link link;
  al_id peer;
  bool up, initiator;
  uint32_t rtt_us;
  uint64_t frames_tx, frames_rx;
  uint64_t up_us; /* since authentication */
  uint32_t circuits;
} al_link_info;

typedef enum al_circuit_role {
  AL_CIRCUIT_ORIGIN = 1,
  AL_CIRCUIT_RELAY,
  AL_CIRCUIT_END,
} al_circuit_role;

typedef struct al_circuit_info {
  al_circ circ;
  al_circuit_role role;
  bool open;
  uint8_t hops;
  al_id path[AL_HOPS_MAX]; /* origin only */
  uint32_t streams, queued;
  uint32_t build_us, rtt_us;
  uint64_t cells_tx, cells_rx, age_us;
} al_circuit_info;

typedef struct al_peer_info {
  al_id id;
  uint64_t sequence, expiry_s;
  bool relay, exit, guard, linked;
  bool doubted; /* said to be dead: paths are drawn of others */
  uint32_t addresses_count;
  al_bytes address; /* the first one, borrowed */
} al_peer_info;

/* al_inspect_node — the node as a whole.
 *   Result: none.   Cost: O(tables).   Source: none.   Tested: unit/node. */
void al_inspect_node(const al_node *n, al_node_info *ret);

/* al_inspect_link — the index-th neighbour.
 *   Result: false past the end.   Cost: O(index).   Source: none.   Tested: unit/node. */
bool al_inspect_link(const al_node *n, uint32_t index, al_link_info *ret);

/* al_inspect_circuit — the index-th circuit.
 *   Result: false past the end.   Cost: O(index).   Source: none.   Tested: unit/node. */
bool al_inspect_circuit(const al_node *n, uint32_t index, al_circuit_info *ret);

/* al_inspect_peer — the index-th known node, itself excluded.
 *   Result: false past the end.   Cost: O(index).   Source: none.   Tested: unit/node. */
bool al_inspect_peer(const al_node *n, uint32_t index, al_peer_info *ret);

/* al_inspect_counter — the index-th counter: a drop reason or a count of what happened.
 *   name, text  static strings                                                        [out]
 * Result: false past the end.   Cost: O(1).   Source: counters.def.   Tested: unit/node. */
bool al_inspect_counter(const al_node *n, uint32_t index, const char **name, const char **text,
                        uint64_t *value);

/* al_inspect_descriptor — the node's own descriptor as it is published.
 *   buf, cap   where it is written; 16 KiB is always enough                             [out]
 * Result: a view of it; empty when it does not fit.   Cost: one copy.   Source: PROTOCOL.md 3.4.
 * Tested: unit/node. */
al_bytes al_inspect_descriptor(const al_node *n, uint8_t *buf, size_t cap);

/* al_inspect_record — whether the node keeps a record of the DHT.
 *   lifetime_s  what is left of it                                                     [out]
 * Result: whether.   Cost: O(log records).   Source: PROTOCOL.md 7.3.   Tested: sim/records. */
bool al_inspect_record(const al_node *n, const al_id *key, uint32_t *lifetime_s);

#ifdef __cplusplus
}
#endif
#endif
