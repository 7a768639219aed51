/* link_query.h — looking at links without changing them. Included by link.h. Layer 3. */
#ifndef AL_LINK_QUERY_H
#define AL_LINK_QUERY_H

#include "link/link.h"

/* al_link_state — where a link is in its life. */
typedef enum al_link_state {
  AL_LINK_NEW = 0, /* dialled, its transport is not open */
  AL_LINK_SHAKING, /* handshake under way */
  AL_LINK_OPEN,    /* authenticated */
  AL_LINK_CLOSING, /* CLOSE was said or heard, or it is dead */
} al_link_state;

/* al_link_stats — a link in numbers. */
typedef struct al_link_stats {
  al_id peer; /* zero as long as it is neither known nor proved */
  al_link_state state;
  bool initiator;
  uint8_t phase;
  uint32_t rtt_us; /* smoothed; 0: not measured */
  uint32_t rto_us;
  uint64_t frames_tx, frames_rx; /* 40 bits of each are counted */
  al_time last_rx;
} al_link_stats;

/* al_link_get_stats — all of the above.
 *   ret   written when true                                                             [out]
 * Result: false for a stale handle.   Cost: O(1).
 * Source: none.   Tested: unit/link_time. */
bool al_link_get_stats(const al_links *ls, al_link link, al_link_stats *ret);

/* al_link_peer — the ID at the other end: dialled or proved.
 *   ret   written when true                                                             [out]
 * Result: false when unknown.   Cost: O(1).   Source: PROTOCOL.md 4.2.
 * Tested: unit/link_shake. */
bool al_link_peer(const al_links *ls, al_link link, al_id *ret);

/* al_link_is_up — authenticated and not closing.
 * Result: whether.   Cost: O(1).   Source: PROTOCOL.md 4.2.   Tested: unit/link_shake. */
bool al_link_is_up(const al_links *ls, al_link link);

/* al_link_is_initiator — did this node dial it? Decides the top bit of circuit ids.
 * Result: whether; false for a stale handle.   Cost: O(1).   Source: PROTOCOL.md 4.3.
 * Tested: unit/link_shake. */
bool al_link_is_initiator(const al_links *ls, al_link link);

/* al_link_rtt_us — smoothed round-trip time.
 * Result: microseconds; 0 when not measured.   Cost: O(1).   Source: PROTOCOL.md 4.6.
 * Tested: unit/link_time. */
uint32_t al_link_rtt_us(const al_links *ls, al_link link);

/* al_link_find_by_peer — the best link to a node: of those that are up, the one that the rule of
 * PROTOCOL.md 4.2 keeps.
 * Result: 0 when none is up.   Cost: one map probe.   Source: PROTOCOL.md 4.2.
 * Tested: unit/link_shake. */
al_link al_link_find_by_peer(const al_links *ls, const al_id *peer);

/* al_link_is_redundant — is another link to the same node up that the rule of PROTOCOL.md 4.2 keeps
 * rather than this one? Then this one may be closed (REDUNDANT) as soon as nothing uses it. Of two
 * links dialled by the same side, the younger is kept.
 * Result: whether.   Cost: one map probe.   Source: PROTOCOL.md 4.2.   Tested: unit/link_shake. */
bool al_link_is_redundant(const al_links *ls, al_link link);

/* al_link_find_dialling — a link to this ID that is not up yet, so that it is not dialled twice.
 * Result: 0 when there is none.   Cost: one map probe.   Source: PROTOCOL.md 4.2.
 * Tested: unit/link_shake. */
al_link al_link_find_dialling(const al_links *ls, const al_id *peer);

/* al_link_each — walk over all links: start with *cursor = 0. Links may be freed meanwhile.
 *   cursor   advanced                                                                   [in/out]
 * Result: the next handle, 0 at the end.   Cost: one pass.   Source: none.
 * Tested: unit/link_shake. */
al_link al_link_each(const al_links *ls, uint32_t *cursor);

/* al_link_count — how many links there are, in any state. */
static inline uint32_t al_link_count(const al_links *ls) { return al_slab_count(&ls->sessions); }

#endif
