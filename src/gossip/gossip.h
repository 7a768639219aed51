/* gossip.h — how descriptors spread: digests when a link comes up and from time to time, wants for
 * what is newer, announcements of what is new. The small-network full exchange of PROTOCOL.md 7:
 * every node knows every other. The module says what to send to whom; the caller keeps the book and
 * tells what came of it. Layer 3. */
#ifndef AL_GOSSIP_H
#define AL_GOSSIP_H

#include "base/base.h"
#include "book/book.h"
#include "wire/wire.h"

enum {
  AL_GOSSIP_MESSAGE_MAX = 16260,  /* room that al_gossip_next needs */
  AL_GOSSIP_SOURCES = 4,          /* neighbours remembered as having one descriptor */
  AL_GOSSIP_ASKED_MAX = 16,       /* descriptors asked of one neighbour at a time */
  AL_GOSSIP_SERVE_MAX = 128,      /* descriptors that one neighbour may have waiting for it */
  AL_GOSSIP_NEWS = 512,           /* announcements remembered; who misses more gets a digest */
  AL_GOSSIP_ANNOUNCE_US = 200000, /* announcements wait at most so long for company */
  AL_GOSSIP_WANT_US = 5000000,    /* a neighbour has so long to answer a WANT */
  AL_GOSSIP_PERIOD_US = 30000000, /* mean of the time between two digests to a random neighbour */
};

/* al_gossip_config — what it works on. Pointers must outlive it. */
typedef struct al_gossip_config {
  const al_alloc *alloc;
  al_rng *rng;
  al_counters *counters;
  const al_book *book; /* read for digests and answers; never changed here             [borrowed] */
  al_id self;          /* never asked for */
  uint32_t links_max;  /* as in al_links_config: al_slab_index(link) must be below */
  uint32_t wants_max;  /* descriptors being looked for at a time; 1..65536 */
  uint64_t wall_s;     /* Unix seconds at `now` */
  al_time now;
} al_gossip_config;

typedef struct al_gossip_peer al_gossip_peer; /* private to src/gossip */
typedef struct al_gossip_want al_gossip_want;
typedef struct al_gossip_news al_gossip_news;

/* al_gossip — the module's state; fields are private to src/gossip. */
typedef struct al_gossip {
  al_gossip_config cfg;
  al_gossip_peer *peers; /* by index of the link's handle */
  al_gossip_want *wants;
  al_gossip_news *news; /* number n is at n % AL_GOSSIP_NEWS */
  uint64_t *ready;      /* a bit for each peer that something is to be sent to */
  al_map want_by_id;    /* ID -> index in wants */
  al_heap want_timers;
  uint64_t news_count; /* announcements since the start */
  al_time flush_at, round_at, full_until;
  uint64_t own_sequence;
  uint32_t want_free; /* first of the list, index + 1 */
  uint32_t peers_count, ready_count;
} al_gossip;

/* al_gossip_init — no neighbours, nothing wanted.
 *   c    copied                                                                       [borrowed]
 * Result: AL_OK, AL_EINVAL (a number is out of range), AL_ENOMEM (g is cleared).
 * Cost:   allocates all tables.   Source: PROTOCOL.md 7.   Tested: unit/gossip_rx. */
al_err al_gossip_init(al_gossip *g, const al_gossip_config *c);

/* al_gossip_clear — give the memory back. A zeroed al_gossip is allowed.
 * Result: none.   Cost: frees.   Source: none.   Tested: unit/gossip_rx. */
void al_gossip_clear(al_gossip *g);

/* al_gossip_own — this node's descriptor, al_book_own, is new: it is announced, and answered with
 * from now on.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.   Tested: unit/gossip_net. */
void al_gossip_own(al_gossip *g, al_time now, uint64_t sequence);

/* al_gossip_set_wall — Unix seconds that belong to now, after the clock was set.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.   Tested: unit/gossip_rx. */
void al_gossip_set_wall(al_gossip *g, uint64_t wall_s, al_time now);

/* al_gossip_link_up — a neighbour is authenticated: it will get a digest.
 *   link   a handle of al_links; index below links_max                                [asserted]
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.   Tested: unit/gossip_net. */
void al_gossip_link_up(al_gossip *g, al_link link, al_time now);

/* al_gossip_link_down — a neighbour is gone: what was asked of it is asked of others. A link that
 * is not known is allowed. Result: none.   Cost: O(wants).   Source: PROTOCOL.md 7.   Tested:
 * unit/gossip_net. */
void al_gossip_link_down(al_gossip *g, al_link link, al_time now);

/* al_gossip_verdict — what a message was. */
typedef enum al_gossip_verdict {
  AL_GOSSIP_DROP = 0,   /* malformed, not asked for or over a quota; counted */
  AL_GOSSIP_NONE,       /* taken; there may be something to send */
  AL_GOSSIP_DESCRIPTOR, /* a descriptor that was asked for: give it to the book, then call
                         * al_gossip_learned or al_gossip_refused */
} al_gossip_verdict;

/* al_gossip_rx — a message of kind DIGEST, WANT or DESCRIPTOR.
 *   bytes   of DESCRIPTOR not decoded here; the caller's book does it                 [borrowed]
 * Result: verdict; DROP is counted: gossip_parse, gossip_rate, gossip_unasked, gossip_full.
 * Cost:   one map probe for each entry; no allocation.
 * Source: PROTOCOL.md 7.   Tested: unit/gossip_rx, unit/gossip_net. */
al_gossip_verdict al_gossip_rx(al_gossip *g, al_link link, al_message_kind kind, al_bytes bytes,
                               al_time now);

/* al_gossip_learned — the book has taken a descriptor that is new to it: the other neighbours hear
 * of it. peer   whose from   where it came from (also from a handshake); 0: from nowhere Result:
 * none.   Cost: one map probe.   Source: PROTOCOL.md 7.   Tested: unit/gossip_net. */
void al_gossip_learned(al_gossip *g, const al_id *peer, al_link from, al_time now);

/* al_gossip_refused — the book has not taken a descriptor (the caller has counted why).
 *   why   what al_book_put said; MALFORMED, EXPIRED, PUZZLE and SIGNATURE count against the
 * neighbour: it is asked for less for a while Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.
 * Tested: unit/gossip_rx. */
void al_gossip_refused(al_gossip *g, al_link from, al_book_verdict why, al_time now);

/* al_gossip_ready — the neighbours that something is to be sent to: start with *cursor = 0; call
 * al_gossip_next for each as long as its link takes a record. Those that do not take one stay.
 *   cursor   advanced                                                                 [in/out]
 * Result: a link, 0 at the end.   Cost: O(1) for each.   Source: PROTOCOL.md 7.
 * Tested: unit/gossip_net. */
al_link al_gossip_ready(const al_gossip *g, uint32_t *cursor);

/* al_gossip_next — build the next message for a neighbour. It must be sent: it is not built again.
 *   w     an empty cursor with room for AL_GOSSIP_MESSAGE_MAX bytes                   [in/out]
 *   kind  DIGEST, WANT or DESCRIPTOR                                                  [out]
 * Result: false when there is nothing for it now.
 * Cost:   O(entries of one message); no allocation.
 * Source: PROTOCOL.md 7.   Tested: unit/gossip_net. */
bool al_gossip_next(al_gossip *g, al_link link, al_time now, al_wr *w, al_message_kind *kind);

/* al_gossip_deadline — when al_gossip_tick has something to do, at the earliest.
 * Result: a time, maybe past, or AL_TIME_NEVER.   Cost: O(1).
 * Source: PROTOCOL.md 7.   Tested: unit/gossip_net. */
al_time al_gossip_deadline(const al_gossip *g);

/* al_gossip_tick — batches that are due, wants that were not answered, the periodic digest. Look at
 * al_gossip_ready afterwards.
 * Result: none.   Cost: O(what is due); no allocation.
 * Source: PROTOCOL.md 7.   Tested: unit/gossip_net. */
void al_gossip_tick(al_gossip *g, al_time now);

#endif
