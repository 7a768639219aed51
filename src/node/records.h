/* records.h — the records of the DHT in a node: what it keeps for others, what it asks for itself,
 * for its host and for those whose circuits end here. records.c: the store and its upkeep; ask.c:
 * asking over the node's own links; askfar.c: asking through a circuit, and being asked so.
 * Layer 4, private. */
#ifndef AL_NODE_RECORDS_H
#define AL_NODE_RECORDS_H

#include "node/inner.h"

/* ---- records.c ---- */

/* al_node_records_init — an empty store without memory.
 * Result: none.   Cost: none.   Source: PROTOCOL.md 7.3.   Tested: sim/records. */
void al_node_records_init(al_node *n);

/* al_node_records_open — have memory for records, before the first may come.
 * Result: none; without memory all are refused.   Cost: allocates once.
 * Source: docs/decisions/0009-records.md.   Tested: sim/records. */
void al_node_records_open(al_node *n);

/* al_node_records_clear — forget all questions and the store.
 * Result: none.   Cost: frees.   Source: none.   Tested: sim/records. */
void al_node_records_clear(al_node *n);

/* al_node_record_query — a query for a record, or with one, that this node may answer.
 *   answer  code and payload; the payload lies in al_work_scratch                          [out]
 * Result: whether it is answered.   Cost: one copy, or see al_records_put.
 * Source: PROTOCOL.md 7.3.   Tested: sim/records. */
bool al_node_record_query(al_node *n, al_work *w, const node_record_query *in,
                          al_dht_message *answer);

/* al_node_record_passing — an answer goes by: keep a copy of what it brings, if that may be.
 * Result: none.   Cost: one hash when it is an immutable record.
 * Source: PROTOCOL.md 7.3.   Tested: sim/records. */
void al_node_record_passing(al_node *n, const al_dht_message *answer);

/* al_node_record_keep — judge a record that came, and tell the host's store.
 * Result: the verdict.   Cost: see al_records_put.   Source: PROTOCOL.md 7.3.
 * Tested: sim/records. */
al_record_verdict al_node_record_keep(al_node *n, al_work *w, al_records_offer *o);

/* al_node_record_contact — a neighbour routes: records that it is closer to are brought to it.
 * Result: none.   Cost: O(1); the rest with housekeeping.   Source: PROTOCOL.md 7.3.
 * Tested: sim/records. */
void al_node_record_contact(al_node *n, al_link link);

/* al_node_records_house — what has expired, what is due, what was asked and not answered.
 * Result: none.   Cost: O(records) when something is due.   Source: PROTOCOL.md 7.3.
 * Tested: sim/records. */
void al_node_records_house(al_node *n, al_work *w);

/* al_node_record_load — a record of the snapshot.
 *   name  the key behind "record/"
 * Result: none; one that is not taken is deleted.   Cost: see al_records_put.
 * Source: PROTOCOL.md 3.5.   Tested: sim/records. */
void al_node_record_load(al_node *n, const al_id *key, al_bytes value);

/* al_node_upkeep_done — a record was brought to others; when it is not for us any more it is kept
 * as a copy.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.3.   Tested: sim/records. */
void al_node_upkeep_done(al_node *n, node_ask *a);

/* al_node_upkeep_next — bring the next record to whom it belongs, if one waits.
 * Result: none.   Cost: starts a lookup; O(records) for a neighbour that came.
 * Source: PROTOCOL.md 7.3.   Tested: sim/records. */
void al_node_upkeep_next(al_node *n, al_work *w);

/* ---- persist.c ---- */

/* al_node_store_record — store a record of the DHT; an empty value: delete it.
 * Result: none.   Cost: one copy.   Source: PROTOCOL.md 3.5.   Tested: sim/records. */
void al_node_store_record(al_node *n, al_work *w, const al_id *key, al_bytes value);

/* ---- ask.c ---- */

/* al_node_nearer — which of two nodes is closer to a key.
 * Result: below 0 when a is, 0 when they are the same.   Cost: O(1).   Source: PROTOCOL.md 7.2.
 * Tested: sim/records. */
int al_node_nearer(const al_id *key, const al_id *a, const al_id *b);

/* al_node_ask_nodes — who is worth telling of: who answered, then who did not, the closest first.
 * Result: how many.   Cost: O(1).   Source: PROTOCOL.md 7.4.   Tested: sim/records. */
uint8_t al_node_ask_nodes(const node_ask *a, al_record_node ret[AL_RECORD_NODES_MAX]);

/* al_node_ask_hand — bring the upkeep's record to one neighbour.
 * Result: whether that is under way.   Cost: O(1).   Source: PROTOCOL.md 7.3.
 * Tested: sim/records. */
bool al_node_ask_hand(al_node *n, node_ask *a, al_link to);

/* al_node_ask_expire — its time is over: what is known is the answer.
 * Result: none.   Cost: its owner's.   Source: PROTOCOL.md 7.3.   Tested: sim/records. */
void al_node_ask_expire(al_node *n, al_work *w, node_ask *a);

/* al_node_ask_new — a question; it is begun by al_node_ask_begin.
 *   ask   record is copied
 *   ret   the question                                                                  [out]
 * Result: AL_OK, AL_EINVAL, AL_EFULL, AL_ENOMEM, AL_ESTATE (closing).   Cost: allocates.
 * Source: PROTOCOL.md 7.3.   Tested: sim/records. */
al_err al_node_ask_new(al_node *n, const al_record_ask *ask, node_ask_owner owner, node_ask **ret);

/* al_node_ask_begin — ask; may be answered before it returns.
 * Result: none.   Cost: starts lookups.   Source: PROTOCOL.md 7.3.   Tested: sim/records. */
void al_node_ask_begin(al_node *n, al_work *w, node_ask *a);

/* al_node_ask_step — whatever can be done next.
 * Result: none.   Cost: starts lookups.   Source: PROTOCOL.md 7.3.   Tested: sim/records. */
void al_node_ask_step(al_node *n, al_work *w, node_ask *a);

/* al_node_ask_finish — tell the owner.
 * Result: none; the question is not to be used any more.   Cost: the owner's.
 * Source: PROTOCOL.md 7.3.   Tested: sim/records. */
void al_node_ask_finish(al_node *n, al_work *w, node_ask *a, al_record_status status);

/* al_node_ask_brings — whether its answer is a record, or a descriptor.
 *   Result: whether.   Cost: O(1).   Source: PROTOCOL.md 7.4.   Tested: sim/records. */
bool al_node_ask_brings(const node_ask *a);

/* al_node_ask_described — take the descriptor that DESCRIBE asks for from the book, if it is there.
 * Result: whether.   Cost: one copy.   Source: PROTOCOL.md 7.4.   Tested: sim/service_far. */
bool al_node_ask_described(al_node *n, node_ask *a);

/* al_node_ask_candidate — a record that somebody gave as an answer.
 *   bytes  lifetime and record
 * Result: whether it is one, under its key and signed; counted record_lie when not.
 * Cost: a signature check.   Source: PROTOCOL.md 7.3.   Tested: sim/records. */
bool al_node_ask_candidate(al_node *n, node_ask *a, al_bytes bytes);

/* al_node_ask_end_all — the node ends: every question is answered.
 * Result: none.   Cost: O(questions).   Source: none.   Tested: sim/records. */
void al_node_ask_end_all(al_node *n, al_work *w);

/* al_node_ask_reap — forget the questions that were told.
 * Result: none.   Cost: O(questions).   Source: none.   Tested: sim/records. */
void al_node_ask_reap(al_node *n);

/* al_node_ask_answer — an own lookup was answered.
 * Result: none.   Cost: see al_node_ask_candidate.   Source: PROTOCOL.md 7.3.
 * Tested: sim/records. */
void al_node_ask_answer(al_node *n, al_work *w, uint32_t lookup, const al_dht_message *m);

/* al_node_ask_end — an own lookup is over.
 * Result: none.   Cost: starts the next ones.   Source: PROTOCOL.md 7.3.   Tested: sim/records. */
void al_node_ask_end(al_node *n, al_work *w, const al_dht_event *ev);

/* ---- askfar.c ---- */

/* al_node_askfar_begin — let the end of a circuit ask.
 * Result: AL_OK, or why not.   Cost: a stream, maybe a circuit.   Source: PROTOCOL.md 7.4.
 * Tested: sim/records. */
al_err al_node_askfar_begin(al_node *n, al_work *w, node_ask *a);

/* al_node_askfar_request — somebody wants to ask through a circuit that ends here.
 *   first   what came with it
 * Result: none.   Cost: allocates the question.   Source: PROTOCOL.md 7.4.
 * Tested: sim/records. */
void al_node_askfar_request(al_node *n, al_stream s, al_bytes first);

/* al_node_askfar_event — an event of such a stream, at either end.
 * Result: none.   Cost: its bytes.   Source: PROTOCOL.md 7.4.   Tested: sim/records. */
void al_node_askfar_event(al_node *n, al_work *w, const al_stream_event *ev);

/* al_node_askfar_reply — the answer of a question that was asked for somebody else.
 * Result: none.   Cost: one copy.   Source: PROTOCOL.md 7.4.   Tested: sim/records. */
void al_node_askfar_reply(al_node *n, node_ask *a);

#endif
