/* beat.h — what time does to a session: what timers.c and beat.c offer the other files of this
 * module. Included by session.h. Layer 3, private. */
#ifndef AL_LINK_BEAT_H
#define AL_LINK_BEAT_H

#include "link/session.h"

#define AL_LINK_JUMP_US (3600 * AL_SECOND)        /* that the clock never moves at once; and ... */
#define AL_LINK_AGE_MAX_US (8 * 3600 * AL_SECOND) /* ... how far back a moment may be if it does */

/* al_link_tick — a moment of a link: in units of 16 us and modulo 2^32, which is 19 hours. Told
 * apart within 9.5 hours around the clock of the links, and none is further away: a link that is up
 * is heard, or is dead, within 4,096 s and some, its keys change within 5 hours, and al_links_jump
 * sees to a clock that leaps. */
static inline uint32_t al_link_tick(al_time t) { return (uint32_t)(t >> AL_LINK_TICK_BITS); }

/* al_link_when — the moment again, at most 16 us early. */
static inline al_time al_link_when(const al_links *ls, uint32_t tick) {
  uint64_t now = ls->clock >> AL_LINK_TICK_BITS;
  uint32_t ago = (uint32_t)now - tick;
  if (ago > INT32_MAX) return (now + (0u - ago)) << AL_LINK_TICK_BITS;
  return ago > now ? 0 : (now - ago) << AL_LINK_TICK_BITS;
}

/* al_link_rto — how long an answer is waited for: RFC 6298. */
static inline uint32_t al_link_rto(const al_link_session *s) {
  if (s->srtt_us == 0) return AL_SECOND;
  uint64_t rto = s->srtt_us + 4 * (uint64_t)s->rttvar_us;
  return (uint32_t)al_min_u64(al_max_u64(rto, AL_LINK_RTO_MIN_US), AL_LINK_RTO_MAX_US);
}

/* al_links_jump — the clock stood still for more than an hour, as that of a machine that slept:
 * times of links are brought so close to `now` that they stay in order.
 * Result: none.   Cost: O(links).   Source: docs/decisions/0007-many-nodes.md.
 * Tested: unit/link_time. */
void al_links_jump(al_links *ls, al_time now);

/* al_links_clock — the time that came with a call. */
static inline void al_links_clock(al_links *ls, al_time now) {
  if (now <= ls->clock) return;
  if (now - ls->clock > AL_LINK_JUMP_US) al_links_jump(ls, now);
  ls->clock = now;
}

/* al_link_arm — the session wants to be looked at no later than t.
 * Result: none.   Cost: O(1).
 * Source: none.   Tested: unit/link_time. */
void al_link_arm(al_links *ls, const al_link_session *s, al_time t);

/* al_link_disarm — it does not.
 * Result: none.   Cost: O(1).   Source: none.   Tested: unit/link_time. */
void al_link_disarm(al_links *ls, const al_link_session *s);

/* al_link_timers_reserve — have timers for sessions whose index is below `links`.
 * Result: AL_OK, AL_ENOMEM.   Cost: nothing, or a copy.
 * Source: docs/decisions/0007-many-nodes.md.   Tested: unit/link_time. */
al_err al_link_timers_reserve(al_links *ls, uint32_t links);

/* al_link_timers_clear — give them back.
 * Result: none.   Cost: a free.   Source: none.   Tested: unit/link_time. */
void al_link_timers_clear(al_links *ls);

/* al_link_timers_jump — see al_links_jump: what was due long ago is due now.
 * Result: none.   Cost: O(links).   Source: docs/decisions/0007-many-nodes.md.
 * Tested: unit/link_time. */
void al_link_timers_jump(al_links *ls, al_time now);

/* al_link_pad_at — when PADDING is due; of no effect on a link that is to be closed.
 * Result: none; arm it.   Cost: O(1).   Source: PROTOCOL.md 4.6.   Tested: unit/link_time. */
void al_link_pad_at(al_link_session *s, al_time t);

/* al_link_close_at — when a link that is to be closed, or is, is over. `close_due` or the state
 * says so before.
 * Result: none; arm it.   Cost: O(1).   Source: PROTOCOL.md 4.3.   Tested: unit/link_message. */
void al_link_close_at(al_link_session *s, al_time t);

/* al_link_arm_all — the same for its next deadline of any kind.
 * Result: none.   Cost: O(1).   Source: none.   Tested: unit/link_time. */
void al_link_arm_all(al_links *ls, al_link_session *s);

/* al_link_note_rx — an authentic frame came.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 4.6.   Tested: unit/link_time. */
void al_link_note_rx(al_links *ls, al_link_session *s, al_time now);

/* al_link_note_tx — a frame goes out.
 *   asks   it is no PADDING, PING or PONG: silence after it is worth a PING
 * Result: none.   Cost: one draw.   Source: PROTOCOL.md 4.6.   Tested: unit/link_time. */
void al_link_note_tx(al_links *ls, al_link_session *s, al_time now, bool asks);

/* al_link_ping_now — a PING is due at once, for the RTT or to show the other side a new phase.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 4.2, 4.5.   Tested: unit/link_time. */
void al_link_ping_now(al_links *ls, al_link_session *s, al_time now);

/* al_link_ping_sent — a PING goes out now: what it carries, which only this node can know before.
 * Result: eight bytes.   Cost: a hash.   Source: PROTOCOL.md 4.6.   Tested: unit/link_time. */
uint64_t al_link_ping_sent(al_links *ls, al_link_session *s, al_time now);

/* al_link_pong — a PING was answered: a sample of the RTT.
 * Result: none.   Cost: four hashes.   Source: PROTOCOL.md 4.6, RFC 6298.
 * Tested: unit/link_time. */
void al_link_pong(const al_links *ls, al_link_session *s, uint64_t opaque, al_time now);

/* al_link_beat_deadline — when the next PING is due, or when the last one counts as unanswered.
 * Result: AL_TIME_NEVER possible.   Cost: O(1).   Source: PROTOCOL.md 4.6.
 * Tested: unit/link_health. */
al_time al_link_beat_deadline(const al_links *ls, const al_link_session *s);

/* al_link_beat — it is due, maybe.
 *   doubt   the first PING was not answered                                             [out]
 * Result: false when the heartbeat has stopped.   Cost: O(1).   Source: PROTOCOL.md 4.6.
 * Tested: unit/link_health. */
bool al_link_beat(al_links *ls, al_link_session *s, al_time now, bool *doubt);

#endif
