/* gossip.h — how descriptors and news of nodes spread (PROTOCOL.md 7.1). In a network that fits
 * into the book every node knows every other: digests when a link comes up and from time to time,
 * wants for what is newer, announcements of what is new. In a larger one the book is a sample:
 * digests go page by page, records are renewed when their keys run out, and rumours tell of deaths
 * and of keys that are lost. The module says what to send to whom; the caller puts records into the
 * book and tells what came of it. Layer 3. */
#ifndef AL_GOSSIP_H
#define AL_GOSSIP_H

#include "base/base.h"
#include "book/book.h"
#include "wire/wire.h"

enum {
  AL_GOSSIP_MESSAGE_MAX = 16260,  /* room that al_gossip_next needs */
  AL_GOSSIP_SOURCES = 4,          /* neighbours remembered as having one descriptor */
  AL_GOSSIP_FOR = 4,              /* neighbours that one descriptor is fetched for */
  AL_GOSSIP_ASKED_MAX = 16,       /* descriptors asked of one neighbour at a time */
  AL_GOSSIP_SERVE_MAX = 64,       /* descriptors that one neighbour may have waiting for it */
  AL_GOSSIP_PACE_PER_S = 16,      /* descriptors handed to one neighbour in a second ... */
  AL_GOSSIP_PACE_BURST = 32,      /* ... after so many at once */
  AL_GOSSIP_FAN = 7,              /* neighbours that a rumour is told, drawn anew for each batch */
  AL_GOSSIP_PAGE = 26,            /* entries of a page of a sample: with the own one, a cell */
  AL_GOSSIP_ANNOUNCE_US = 200000, /* announcements wait at most so long for company */
  AL_GOSSIP_WANT_US = 5000000,    /* a neighbour has so long to answer a WANT */
  AL_GOSSIP_PERIOD_US = 30000000, /* mean of the time between two digests to a random neighbour */
  AL_GOSSIP_PAGE_US = 6000000,    /* between two pages of a sample */
  AL_GOSSIP_REFUTE_US = 10000000, /* a node answers rumours of its death so often */
  AL_GOSSIP_SILENCE_S = 120,      /* who does not answer them so long is forgotten ... */
  AL_GOSSIP_MOURN_S = 7200,       /* ... or this long, when many went at once: a partition? */
  AL_GOSSIP_IMMUNE_S = 60,        /* after a sign of life rumours of death are not believed */
  AL_GOSSIP_STAMP_S = 600,        /* rumours older than this are not passed on */
};

/* al_gossip_config — what it works on. Pointers must outlive it. */
typedef struct al_gossip_config {
  const al_alloc *alloc;
  const al_alloc *loose; /* NULL, or: may be asked at any time for memory that is given back soon:
                          * for wants and what is to be served while there are any */
  al_rng *rng;
  al_counters *counters;
  al_book *book;       /* read for digests and answers; doubts are noted in it         [borrowed] */
  al_id self;          /* never asked for */
  uint32_t links_max;  /* as in al_links_config: al_slab_index(link) must be below */
  uint32_t wants_max;  /* descriptors being looked for at a time; 1..65535 */
  uint32_t news_max;   /* announcements remembered, a power of two, 16..4096 */
  uint32_t serve_max;  /* descriptors that wait for all neighbours; 16..65535 */
  uint32_t doubts_max; /* nodes that rumours may bring in doubt at a time; 1..65535 */
  uint64_t wall_s;     /* Unix seconds at `now` */
  al_time now;
} al_gossip_config;

typedef struct al_gossip_peer al_gossip_peer; /* private to src/gossip */
typedef struct al_gossip_traffic al_gossip_traffic;
typedef struct al_gossip_want al_gossip_want;
typedef struct al_gossip_news al_gossip_news;
typedef struct al_gossip_serve al_gossip_serve;
typedef struct al_gossip_mark al_gossip_mark;

/* al_gossip — the module's state; fields are private to src/gossip. */
typedef struct al_gossip {
  al_gossip_config cfg;
  al_gossip_peer *peers;      /* by index of the link's handle; peers_len */
  al_gossip_traffic *traffic; /* likewise; NULL while there is none */
  al_gossip_want *wants;
  al_gossip_news *news; /* number n is at n % news_max; NULL with `loose`, while none is */
  al_gossip_serve *serves;
  al_gossip_mark *marks; /* the first marks_count are in use */
  uint64_t *ready;       /* a bit for each peer that something is to be sent to */
  al_map want_by_id;     /* ID -> index in wants, where there may be many */
  al_heap want_timers;
  uint32_t news_count; /* announcements since the start ... */
  uint32_t news_from;  /* ... of which those from this one on may be remembered */
  al_time news_until;  /* at least so long, where their memory is given back */
  al_time flush_at, round_at, page_at, pace_at, marks_at, urgent_at, refute_at, full_until;
  al_time filled; /* when the quotas below were filled up to */
  uint64_t own_sequence, alive_s;
  uint32_t frames[AL_MESSAGE_KIND_COUNT]; /* that its messages take, by kind */
  uint32_t want_free, serve_free;         /* first of the lists, index + 1 */
  uint32_t wants_count, serves_count;     /* in use */
  uint32_t answers_count;                 /* descriptors that neighbours may still send */
  uint32_t peers_len, peers_count, ready_count, marks_count, page_next;
  uint16_t rumours_left[3]; /* of each kind, that are taken from all neighbours */
  bool urgent;
} al_gossip;

/* al_gossip_init — no neighbours, nothing wanted.
 *   c    copied                                                                       [borrowed]
 * Result: AL_OK, AL_EINVAL (a number is out of range), AL_ENOMEM (g is cleared).
 * Cost:   allocates all tables, or with `loose` those that are kept.
 * Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rx. */
al_err al_gossip_init(al_gossip *g, const al_gossip_config *c);

/* al_gossip_reserve — have room for links whose index is below `links`; with `loose` there is none
 * at first. Before al_gossip_link_up, where memory may be got.
 * Result: AL_OK, AL_ENOMEM.   Cost: nothing, or a copy.   Source:
 * docs/decisions/0007-many-nodes.md.   Tested: unit/gossip_rx, sim/lean. */
al_err al_gossip_reserve(al_gossip *g, uint32_t links);

/* al_gossip_clear — give the memory back. A zeroed al_gossip is allowed.
 * Result: none.   Cost: frees.   Source: none.   Tested: unit/gossip_rx. */
void al_gossip_clear(al_gossip *g);

/* al_gossip_own — this node's descriptor, al_book_own, is new: it is announced, and answered with
 * from now on.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_net. */
void al_gossip_own(al_gossip *g, al_time now, uint64_t sequence);

/* al_gossip_urgent — and earlier ones are of no use: in a large network a rumour tells everybody.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rumour. */
void al_gossip_urgent(al_gossip *g, al_time now);

/* al_gossip_set_wall — Unix seconds that belong to now, after the clock was set.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rx. */
void al_gossip_set_wall(al_gossip *g, uint64_t wall_s, al_time now);

/* al_gossip_link_up — a neighbour is authenticated: it will get a digest.
 *   link   a handle of al_links; index below links_max                                [asserted]
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_net. */
void al_gossip_link_up(al_gossip *g, al_link link, al_time now);

/* al_gossip_link_down — a neighbour is gone: what was asked of it is asked of others. A link that
 * is not known is allowed. Result: none.   Cost: O(wants).   Source: PROTOCOL.md 7.1.   Tested:
 * unit/gossip_net. */
void al_gossip_link_down(al_gossip *g, al_link link, al_time now);

/* al_gossip_dead — a neighbour was found dead, by this node: others are told.
 * Result: none.   Cost: O(news_max).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rumour. */
void al_gossip_dead(al_gossip *g, const al_id *id, al_time now);

/* al_gossip_alive — a node has just proved to live (a link to it came up): if it was in doubt it is
 * not any more, and others are told.
 * Result: none.   Cost: O(news_max).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rumour. */
void al_gossip_alive(al_gossip *g, const al_id *id, al_time now);

/* al_gossip_accused — rumours of death that came from neighbours since a number, oldest first.
 * Whoever is linked to the accused had better look whether it answers.
 *   since  0 at the start; advanced past what is returned                             [in/out]
 *   ret    of whom                                                                    [out]
 * Result: false when there is none left.   Cost: O(news since).   Source: PROTOCOL.md 4.6.
 * Tested: unit/gossip_rumour. */
bool al_gossip_accused(const al_gossip *g, uint32_t *since, al_id *ret);

/* al_gossip_adopt — a neighbour that is up was told all, and each side what the other wants; for
 * simulations.
 * Result: none.   Cost: O(1).   Source: docs/decisions/0007-many-nodes.md.   Tested: sim/settled.
 * */
void al_gossip_adopt(al_gossip *g, al_link link);

/* al_gossip_keep — whether this node wants a link; the neighbour is told when that changes.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rumour. */
void al_gossip_keep(al_gossip *g, al_link link, bool keep);

/* al_gossip_kept — whether the neighbour has said that it wants the link.
 * Result: whether.   Cost: O(1).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rumour. */
bool al_gossip_kept(const al_gossip *g, al_link link);

/* al_gossip_verdict — what a message was. */
typedef enum al_gossip_verdict {
  AL_GOSSIP_DROP = 0,   /* malformed, not asked for or over a quota; counted */
  AL_GOSSIP_NONE,       /* taken; there may be something to send */
  AL_GOSSIP_DESCRIPTOR, /* a descriptor that was asked for: give it to the book, then call
                         * al_gossip_learned or al_gossip_refused */
} al_gossip_verdict;

/* al_gossip_rx — a message of kind DIGEST, WANT, DESCRIPTOR or SAMPLE.
 *   bytes   of DESCRIPTOR not decoded here; the caller's book does it                 [borrowed]
 * Result: verdict; DROP is counted: gossip_parse, gossip_rate, gossip_unasked, gossip_full.
 * Cost:   one map probe for each entry, O(news_max) for each rumour; no allocation.
 * Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rx, unit/gossip_net, unit/gossip_rumour. */
al_gossip_verdict al_gossip_rx(al_gossip *g, al_link link, al_message_kind kind, al_bytes bytes,
                               al_time now);

/* al_gossip_learned — the book has taken a descriptor that is new to it. While the network fits
 * into the book the other neighbours hear of it.
 *   peer   whose
 *   from   where it came from (also from a handshake); 0: from nowhere
 * Result: none.   Cost: one map probe.   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_net. */
void al_gossip_learned(al_gossip *g, const al_id *peer, al_link from, al_time now);

/* al_gossip_refused — the book has not taken a descriptor (the caller has counted why).
 *   why   what al_book_put said; MALFORMED, EXPIRED, PUZZLE and SIGNATURE count against the
 *         neighbour: it is asked for less for a while
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rx. */
void al_gossip_refused(al_gossip *g, al_link from, al_book_verdict why, al_time now);

/* al_gossip_transit — a descriptor that was asked for came, and the book does not take it: whom was
 * it fetched for? If its signature is right, send it to them.
 *   ret    AL_GOSSIP_FOR links                                                        [out]
 * Result: how many.   Cost: one map probe.   Source: PROTOCOL.md 7.1.
 * Tested: unit/gossip_rumour. */
uint32_t al_gossip_transit(al_gossip *g, const al_id *id, al_link from, al_link *ret);

/* al_gossip_ready — the neighbours that something is to be sent to: start with *cursor = 0; call
 * al_gossip_next for each as long as its link takes a record. Those that do not take one stay.
 *   cursor   advanced                                                                 [in/out]
 * Result: a link, 0 at the end.   Cost: O(1) for each.   Source: PROTOCOL.md 7.1.
 * Tested: unit/gossip_net. */
al_link al_gossip_ready(const al_gossip *g, uint32_t *cursor);

/* al_gossip_next — build the next message for a neighbour. It must be sent: it is not built again.
 *   w     an empty cursor with room for AL_GOSSIP_MESSAGE_MAX bytes                   [in/out]
 *   kind  DIGEST, WANT, DESCRIPTOR or SAMPLE                                          [out]
 * Result: false when there is nothing for it now.
 * Cost:   O(entries of one message); no allocation.
 * Source: PROTOCOL.md 7.1.   Tested: unit/gossip_net. */
bool al_gossip_next(al_gossip *g, al_link link, al_time now, al_wr *w, al_message_kind *kind);

/* al_gossip_deadline — when al_gossip_tick has something to do, at the earliest.
 * Result: a time, maybe past, or AL_TIME_NEVER.   Cost: O(1).
 * Source: PROTOCOL.md 7.1.   Tested: unit/gossip_net. */
al_time al_gossip_deadline(const al_gossip *g);

/* al_gossip_tick — batches that are due, wants that were not answered, the periodic digest. Look at
 * al_gossip_ready afterwards.
 * Result: none.   Cost: O(what is due); no allocation.
 * Source: PROTOCOL.md 7.1.   Tested: unit/gossip_net. */
void al_gossip_tick(al_gossip *g, al_time now);

#endif
