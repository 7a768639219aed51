/* al_dht.h — the distributed hash table of a node: records under 256-bit keys, kept by the nodes
 * whose identifiers are closest. Layer 4 (implemented by src/node). Source: PROTOCOL.md 7. */
#ifndef AL_RECORDS_API_H
#define AL_RECORDS_API_H

#include "allium.h"

#ifdef __cplusplus
extern "C" {
#endif

/* al_lookup — what to look for among the nodes. */
typedef struct al_lookup {
  al_id target;    /* an identifier, or any other 256 bits */
  uint8_t paths;   /* 1..4 disjoint ones; the more, the fewer hostile nodes can hide the target */
  bool first;      /* the first answer will do */
  bool exact;      /* only the node with this very identifier will do */
  bool descriptor; /* bring its descriptor, too: it is known from then on */
} al_lookup;

/* al_node_lookup — find the nodes closest to a target. EVENT LOOKUP follows, with their
 * identifiers, the closest first.
 *   ret   its number                                                                     [out]
 * Result: AL_OK, AL_EINVAL, AL_EFULL (too many under way), AL_ESTATE (shutting down).
 * Cost: O(links).   Source: PROTOCOL.md 7.2.   Tested: sim/overlay. */
al_err al_node_lookup(al_node *n, al_work *w, al_time now, const al_lookup *what, uint32_t *ret);

/* al_node_network_size — about how many nodes route in the network.
 *   Result: at least 1.   Cost: O(links).   Source: PROTOCOL.md 7.2.   Tested: sim/overlay. */
uint64_t al_node_network_size(al_node *n);

/* al_record_verdict — what a node said of a record it was asked to keep; values are on the wire. */
typedef enum al_record_verdict {
#define AL_VERDICT(name, value, text) AL_RECORD_##name = (value),
#include "verdicts.def"
#undef AL_VERDICT
  AL_RECORD_VERDICT_COUNT
} al_record_verdict;

/* al_record_verdict_name — the verdict in lower case, "stale"; "?" for a value that is none.
 *   Result: a static string.   Cost: one look.   Source: verdicts.def.
 *   Tested: unit/dht_records. */
const char *al_record_verdict_name(al_record_verdict v);

/* al_record_verdict_text — one lower-case phrase for people.
 *   Result: a static string.   Cost: one switch.   Source: verdicts.def.
 *   Tested: unit/dht_records. */
const char *al_record_verdict_text(al_record_verdict v);

#ifdef __cplusplus
}
#endif
#endif
