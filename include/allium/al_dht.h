/* al_dht.h — the distributed hash table of a node: records under 256-bit keys, kept by the nodes
 * whose identifiers are closest. Layer 4 (implemented by src/node). Source: PROTOCOL.md 7. */
#ifndef AL_RECORDS_API_H
#define AL_RECORDS_API_H

#include "allium.h"

#ifdef __cplusplus
extern "C" {
#endif

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
