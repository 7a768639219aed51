/* flight.h — packets under way: what flight.c offers the other files of this module. Included by
 * internal.h. Layer 3, private. */
#ifndef AL_STREAM_FLIGHT_H
#define AL_STREAM_FLIGHT_H

#include "stream/internal.h"

/* al_flight_link — put a record into its stream's list: before `at`, or at the end for 0.
 *   Result: none.   Cost: O(1).   Source: none.   Tested: prop/stream. */
void al_flight_link(al_bundle_item *b, al_stream_item *st, uint32_t ref, uint32_t at);

/* al_flight_unlink — take a record out of its stream's list, and forget the bytes that are
 * acknowledged with it.
 *   Result: none.   Cost: O(1).   Source: none.   Tested: prop/stream. */
void al_flight_unlink(al_bundle_item *b, al_stream_item *st, uint32_t ref);

/* al_flight_ref — the reference of a packet number's record.
 *   Result: never 0.   Cost: O(1).   Source: none.   Tested: prop/stream. */
uint32_t al_flight_ref(const al_streams *ss, const al_path *p, uint32_t path, uint32_t pn);

/* al_flight_came — a packet came in on this path.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 8.6.   Tested: unit/stream_path. */
void al_flight_came(al_path *p, al_time now);

/* al_flight_ack — an ACK frame came in.
 * Result: false when it acknowledges what was never sent.
 * Cost:   the numbers it tells of that are not settled.
 * Source: PROTOCOL.md 8.1, 8.2.   Tested: unit/stream_tx, prop/stream. */
bool al_flight_ack(al_streams *ss, al_bundle_item *b, uint32_t path, al_time now,
                   const al_frame *f);

/* al_flight_lose — hold for lost what is (PROTOCOL.md 8.2).
 *   Result: how many packets.   Cost: those.   Source: PROTOCOL.md 8.2.   Tested: prop/stream. */
uint32_t al_flight_lose(al_streams *ss, al_bundle_item *b, uint32_t path, al_time now);

/* al_flight_lost — mark one record under way as lost, or settle it when nothing of it is needed.
 *   Result: none.   Cost: O(1).   Source: PROTOCOL.md 8.2.   Tested: prop/stream. */
void al_flight_lost(al_streams *ss, al_bundle_item *b, uint32_t path, uint32_t pn);

/* al_flight_have — the peer has all of a stream below an offset: what of it was lost, or will be
 * held for lost, does not go out again.
 *   Result: none.   Cost: the records below.   Source: PROTOCOL.md 8.6.   Tested: unit/stream_path,
 *   prop/stream_paths. */
void al_flight_have(al_streams *ss, al_bundle_item *b, al_stream_item *st, uint64_t offset);

/* al_flight_settle — a record is done with; moves open_pn.
 *   Result: none.   Cost: O(1) in all.   Source: none.   Tested: prop/stream. */
void al_flight_settle(al_streams *ss, al_path *p, al_sent *r);

/* al_flight_timer — when the path's losses and probes have to be looked at.
 *   Result: AL_TIME_NEVER possible.   Cost: O(1).   Source: PROTOCOL.md 8.2.
 *   Tested: prop/stream. */
al_time al_flight_timer(const al_streams *ss, const al_bundle_item *b, al_path *p, al_time now);

/* al_flight_tick — losses and the probe time-out.
 *   Result: whether the path came to be suspected just now.   Cost: what is lost.
 *   Source: PROTOCOL.md 8.2, 8.6.   Tested: unit/stream_tx, unit/stream_path. */
bool al_flight_tick(al_streams *ss, al_bundle_item *b, uint32_t path, al_time now);

/* al_flight_probe_us — the probe time-out of a path that has had `timeouts` of them in a row.
 *   Result: microseconds.   Cost: O(1).   Source: PROTOCOL.md 8.2.   Tested: unit/stream_path. */
uint64_t al_flight_probe_us(const al_path *p, uint32_t timeouts);

#endif
