/* link_health.h — is the neighbour still there? What the conductor says and asks about it. Included
 * by link.h. Layer 3. Source: PROTOCOL.md 4.6, 4.7; docs/decisions/0011-failures.md. */
#ifndef AL_LINK_HEALTH_H
#define AL_LINK_HEALTH_H

#include "link/link.h"

/* al_link_watch — somebody depends on this link, or no longer does: while so, it is never silent
 * for more than 3 s without a PING.
 * Result: none; stale handles are ignored.   Cost: O(log links).   Source: PROTOCOL.md 4.6.
 * Tested: unit/link_health. */
void al_link_watch(al_links *ls, al_link link, bool on);

/* al_links_probe — the links take turns: PING the next one that was not heard of late. Call once a
 * second: a node spends the same on this however many links it has.
 * Result: the link, call al_link_next for it; 0: all were heard.   Cost: the links passed over.
 * Source: PROTOCOL.md 4.6.   Tested: unit/link_health. */
al_link al_links_probe(al_links *ls, al_time now);

/* al_link_doubt — somebody says that this neighbour is gone: PING it, unless that is under way or
 * it was heard within quiet_us.
 * Result: whether a PING is due: call al_link_next.   Cost: O(log links).
 * Source: PROTOCOL.md 4.7.   Tested: unit/link_health. */
bool al_link_doubt(al_links *ls, al_link link, al_time now, uint64_t quiet_us);

/* al_link_hearsay — another neighbour has looked, too: a doubt that is confirmed gets less time,
 * one that is not gets more. Without a doubt it means nothing.
 *   alive   it answered there
 * Result: none.   Cost: O(log links).   Source: PROTOCOL.md 4.7.   Tested: unit/link_health. */
void al_link_hearsay(al_links *ls, al_link link, al_time now, bool alive);

/* al_links_unwell — this node is the one who does not hear: more patience with everybody for a
 * while (Lifeguard's local health). Called, too, by timers that fire late.
 * Result: none.   Cost: O(1).   Source: docs/decisions/0011-failures.md.
 * Tested: unit/link_health. */
void al_links_unwell(al_links *ls, al_time now);

/* al_link_heard — when a frame of a link last came in.
 *   Result: AL_TIME_NEVER for a stale handle or one that is not up.   Cost: O(1).
 *   Source: none.   Tested: unit/link_health. */
al_time al_link_heard(const al_links *ls, al_link link);

#endif
