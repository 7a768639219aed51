/* beat.h — what time does to a session: what timers.c and beat.c offer the other files of this
 * module. Included by session.h. Layer 3, private. */
#ifndef AL_LINK_BEAT_H
#define AL_LINK_BEAT_H

#include "link/session.h"

/* al_link_arm — the session wants to be looked at no later than t.
 * Result: none.   Cost: O(log links) when that is earlier than before.
 * Source: none.   Tested: unit/link_time. */
void al_link_arm(al_links *ls, al_link_session *s, al_time t);

/* al_link_arm_all — the same for its next deadline of any kind.
 * Result: none.   Cost: O(log links).   Source: none.   Tested: unit/link_time. */
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

/* al_link_pong — a PING was answered: a sample of the RTT.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 4.6, RFC 6298.   Tested: unit/link_time. */
void al_link_pong(al_link_session *s, uint64_t opaque, al_time now);

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
