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

/* ---- asking ---- */

enum {
  AL_RECORD_PLACES = 3,    /* a record is kept at so many places, independent of each other ... */
  AL_RECORD_NODES_MAX = 8, /* ... and at each by so many nodes: the closest ones */
  AL_RECORD_NO_VERDICT = 255,
};

/* al_record_op — what is asked; values are on the wire (PROTOCOL.md 7.4). */
typedef enum al_record_op {
  AL_RECORD_LOCATE = 1,   /* which nodes are closest to a key */
  AL_RECORD_FETCH = 2,    /* the record of a key */
  AL_RECORD_PUBLISH = 3,  /* have a record kept by the nodes closest to its places */
  AL_RECORD_DESCRIBE = 4, /* the descriptor of the node whose ID is the key */
} al_record_op;

/* al_record_status — what came of it; values are on the wire (PROTOCOL.md 7.4). */
typedef enum al_record_status {
  AL_RECORD_OK = 0,
  AL_RECORD_NOT_FOUND = 1,   /* nobody who was asked has it */
  AL_RECORD_REFUSED = 2,     /* nobody kept it: see the verdicts */
  AL_RECORD_UNREACHABLE = 3, /* nobody answered, or there is no circuit */
  AL_RECORD_STATUS_COUNT
} al_record_status;

/* al_record_status_text — one lower-case phrase for people.
 *   Result: a static string.   Cost: one look.   Source: none.   Tested: sim/records. */
const char *al_record_status_text(al_record_status s);

/* al_record_ask — a question to the network. */
typedef struct al_record_ask {
  al_record_op op;
  bool direct;         /* over the node's own links: those asked learn who asks. Else a circuit */
  uint8_t quorum;      /* FETCH: answers wanted for a record that can change; 0: three */
  uint32_t lifetime_s; /* PUBLISH: 0: a day */
  al_id key;           /* not for PUBLISH */
  al_bytes record;     /* PUBLISH: whole and signed; copied */
} al_record_ask;

typedef struct al_record_node {
  al_id id;
  uint8_t verdict; /* PUBLISH: al_record_verdict, or AL_RECORD_NO_VERDICT: did not answer */
} al_record_node;

/* al_record_answer — what came of a question. */
typedef struct al_record_answer {
  uint32_t ask; /* as given by al_record_start */
  al_record_op op;
  al_record_status status;
  al_id key;
  al_bytes record;     /* FETCH, DESCRIBE: verified; borrowed until the node's next input */
  uint32_t lifetime_s; /* FETCH: what is left of it, by the word of who answered */
  uint8_t answers;     /* FETCH: valid ones that came */
  uint8_t hops;        /* to the closest node */
  uint8_t nodes_count;
  al_record_node nodes[AL_RECORD_NODES_MAX]; /* LOCATE, PUBLISH: the closest to the key first */
  uint64_t duration_us;
} al_record_answer;

/* al_record_start — ask the network; EVENT RECORD brings the answer, always.
 *   ret   names the question in its event                                              [out]
 * Result: AL_OK; AL_EINVAL (not a record), AL_EFULL (too many are under way), AL_ENOMEM, AL_ESTATE
 *         (closing).
 * Cost:   allocates up to 28 KB; starts lookups, or a circuit.
 * Source: PROTOCOL.md 7.3, 7.4.   Tested: sim/records, e2e/dht. */
al_err al_record_start(al_node *n, al_work *w, al_time now, const al_record_ask *ask,
                       uint32_t *ret);

/* ---- making and reading ---- */

enum { AL_RECORD_BUFFER_BYTES = 13605 }; /* the largest record */

/* al_record_fields — a record as hosts see it. */
typedef struct al_record_fields {
  bool is_mutable;
  uint64_t sequence, expiry_s; /* mutable only, as is salt */
  al_bytes salt;               /* at most 32 bytes */
  al_bytes value;              /* at most 8,192 bytes */
} al_record_fields;

/* al_record_made — where a record was written, and what it is named. */
typedef struct al_record_made {
  al_id key;
  size_t len;
} al_record_made;

/* al_record_make — make a record; a mutable one is signed.
 *   seed   AL_SIG_SEED_BYTES bytes, and behind them AL_SIG_COINS_BYTES random ones; NULL for an
 *          immutable one
 *   out    AL_RECORD_BUFFER_BYTES bytes                                                [out]
 *   ret    the bytes written; the record's key                                         [out]
 * Result: AL_OK, AL_EINVAL (too long).   Cost: key generation and a signature when mutable.
 * Source: PROTOCOL.md 7.3.   Tested: unit/dht_sign, e2e/dht. */
al_err al_record_make(const al_suite *suite, const al_record_fields *f, const uint8_t *seed,
                      uint8_t *out, al_record_made *ret);

/* al_record_place — where records of a key are kept: points that have nothing to do with each
 * other, so that whoever surrounds one with identifiers of his own has done nothing about the
 * others.
 *   which   below AL_RECORD_PLACES; 0: the key itself
 * Result: the point.   Cost: one hash.   Source: PROTOCOL.md 7.3.
 * Tested: unit/dht_sign, vectors (dht). */
al_id al_record_place(const al_suite *suite, const al_id *key, uint32_t which);

/* al_record_read — look into a record; nothing is verified.
 *   ret   views lead into bytes                                                        [out]
 * Result: AL_OK, AL_EPARSE (also for a blinded one: only services read those).   Cost: none.
 * Source: PROTOCOL.md 7.3.   Tested: unit/dht_sign. */
al_err al_record_read(al_bytes bytes, al_record_fields *ret);

#ifdef __cplusplus
}
#endif
#endif
