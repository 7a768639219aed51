/* state.h — what the files of this module share: neighbours, wants, news, doubts. Private to
 * src/gossip. Layer 3. */
#ifndef AL_GOSSIP_STATE_H
#define AL_GOSSIP_STATE_H

#include "gossip/gossip.h"

enum {
  /* A neighbour may name so many descriptors that it does not deliver; each one delivered, and
   * time, gives it one back. */
  AL_GOSSIP_TRUST_MAX = 2048,
  AL_GOSSIP_TRUST_PER_S = 16,
  AL_GOSSIP_TRUST_FORGED = 256, /* what a forged one costs it */
  AL_GOSSIP_TRUST_EXPIRED = 8,
  /* Entries of its digests that are looked at, and its rumours. */
  AL_GOSSIP_ENTRIES_MAX = 20000,
  AL_GOSSIP_ENTRIES_PER_S = 1000,
  AL_GOSSIP_LISTED_MAX = 1200, /* the same of a sample, where nobody has so many to tell */
  AL_GOSSIP_LISTED_PER_S = 20,
  AL_GOSSIP_RUMOURS_MAX = 256,
  AL_GOSSIP_RUMOURS_PER_S = 8,
  /* Rumours of one kind that are taken from all neighbours together. */
  AL_GOSSIP_ALL_MAX = 512,
  AL_GOSSIP_ALL_PER_S = 40,
  AL_GOSSIP_OWN = -1, /* in a queue of handles of the book: this node's own descriptor */
};

#define AL_GOSSIP_PATIENCE_US (30 * AL_SECOND) /* with a neighbour that answers slowly */
#define AL_GOSSIP_FULL_US (60 * AL_SECOND)  /* no new nodes are asked for when the book is full */
#define AL_GOSSIP_MARKS_US (10 * AL_SECOND) /* doubts are looked at so often */

/* al_gossip_list — wants that wait to be asked of one neighbour; indices + 1. */
typedef struct al_gossip_list {
  uint16_t head, tail, count;
} al_gossip_list;

/* al_gossip_peer — a neighbour. */
struct al_gossip_peer {
  al_link link;            /* 0: none */
  bool digest_due : 1;     /* a page of the book is to be sent, from digest_cursor on */
  bool digest_started : 1; /* the own entry was sent */
  bool digest_wrapped : 1; /* past the end: it goes on up to digest_from */
  bool digest_whole : 1;   /* a page as large as a message takes, not a small one */
  bool listing : 1;        /* of a sample: further pages are to follow, with time */
  bool news_due : 1;
  bool keep : 1, keep_told : 1;    /* this node wants the link; what the neighbour was told */
  bool kept : 1;                   /* the neighbour wants it */
  uint16_t trust, entries, served; /* quotas */
  uint16_t rumours, newer;         /* ... of deaths and lives, and of NEWER */
  uint32_t digest_from, digest_cursor;
  uint32_t news_at;  /* announcements before this number are told or came from it */
  uint32_t filled_s; /* the second when its quotas were filled */
};

/* al_gossip_traffic — what is under way between a neighbour and this node, there while anything is:
 * see al_gossip_open. By index of the neighbour. */
struct al_gossip_traffic {
  uint32_t answered_s; /* the end of the second when it sent the last one that was asked for */
  uint16_t serve_head, serve_tail; /* what it has asked for; index + 1 */
  al_gossip_list waiting;          /* to be asked */
  uint16_t answers;                /* descriptors it may still send */
  uint16_t named;                  /* wants that it was the first to name */
  uint8_t asked;                   /* wants that it is being asked for */
  uint8_t serve_count;
};

/* al_gossip_want_state — where a want is. */
typedef enum al_gossip_want_state {
  AL_GOSSIP_WANT_FREE = 0,
  AL_GOSSIP_WANT_WAITING, /* in the list of `target` */
  AL_GOSSIP_WANT_ASKED,   /* of `target`, with a timer */
} al_gossip_want_state;

/* al_gossip_want — a descriptor that is being looked for. */
struct al_gossip_want {
  al_id id;
  uint64_t sequence; /* the highest that was named */
  al_time asked_at;
  al_link target, first; /* who is asked; who named it first, or asked for it */
  al_link sources[AL_GOSSIP_SOURCES];
  al_link wanted_by[AL_GOSSIP_FOR]; /* neighbours to hand it to */
  uint32_t prev, next;              /* in a list, or in the free list; index + 1 */
  uint8_t sources_count;
  uint8_t state; /* al_gossip_want_state */
};

/* al_gossip_topic — what an announcement is: that this node has a descriptor, or a
 * rumour (al_rumour_kind). */
typedef enum al_gossip_topic {
  AL_GOSSIP_HAVE = 0,
  AL_GOSSIP_DEAD = AL_RUMOUR_DEAD,
  AL_GOSSIP_ALIVE = AL_RUMOUR_ALIVE,
  AL_GOSSIP_NEWER = AL_RUMOUR_NEWER,
} al_gossip_topic;

/* al_gossip_news — one announcement. */
struct al_gossip_news {
  al_id id;
  uint64_t stamp;
  al_link from;
  uint8_t topic, hops;
};

/* al_gossip_serve — a descriptor that waits to be sent. */
struct al_gossip_serve {
  al_peer peer;
  uint16_t next; /* index + 1 */
};

/* al_gossip_mark — a node of the book that is in doubt, and since when. */
struct al_gossip_mark {
  al_peer peer;
  al_time at;
};

/* al_gossip_peer_of — the neighbour behind a link.
 * Result: NULL when it is not known.   Cost: O(1).   Source: none.   Tested: unit/gossip_rx. */
al_gossip_peer *al_gossip_peer_of(const al_gossip *g, al_link link);

/* al_gossip_traffic_of — what is under way with a neighbour; al_gossip_open must be so.
 * Result: never NULL.   Cost: O(1).   Source: docs/decisions/0007-many-nodes.md.
 * Tested: unit/gossip_rx. */
static inline al_gossip_traffic *al_gossip_traffic_of(const al_gossip *g, const al_gossip_peer *p) {
  AL_ASSERT(g->traffic != NULL);
  return &g->traffic[p - g->peers];
}

/* al_gossip_wake — something is to be sent to it, or (`on` false) nothing any more.
 * Result: none.   Cost: O(1).   Source: none.   Tested: unit/gossip_net. */
void al_gossip_wake(al_gossip *g, const al_gossip_peer *p, bool on);

/* al_gossip_wall — Unix seconds at a moment.
 * Result: seconds.   Cost: O(1).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rx. */
uint64_t al_gossip_wall(const al_gossip *g, al_time now);

/* al_gossip_fill — what time gives back to a neighbour's quotas, by whole seconds.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rx. */
void al_gossip_fill(const al_gossip *g, al_gossip_peer *p, al_time now);

/* al_gossip_spend — take n from a quota.
 * Result: false when less is left; nothing is taken then.   Cost: O(1).
 * Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rx. */
bool al_gossip_spend(uint16_t *left, uint32_t n);

/* al_gossip_next_random — a time that is `mean` away, give or take a fifth.
 * Result: a time.   Cost: O(1).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rx. */
al_time al_gossip_next_random(const al_gossip *g, al_time now, uint64_t mean_us);

/* al_gossip_list_from — begin a digest of the book for a neighbour: all of it, or of a sample the
 * first page now, from somewhere on.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_net. */
void al_gossip_list_from(al_gossip *g, al_gossip_peer *p);

/* al_gossip_open — have places for wants and for what is to be served.
 * Result: false without memory.   Cost: nothing, or three allocations.
 * Source: docs/decisions/0007-many-nodes.md.   Tested: unit/gossip_rx. */
bool al_gossip_open(al_gossip *g);

/* al_gossip_open_news — have places for announcements.
 * Result: false without memory.   Cost: nothing, or an allocation.
 * Source: docs/decisions/0007-many-nodes.md.   Tested: unit/gossip_rx. */
bool al_gossip_open_news(al_gossip *g);

/* al_gossip_rest — give it all back while nothing is in it, where memory may be had again at any
 * time.
 * Result: none.   Cost: O(links), four frees.   Source: docs/decisions/0007-many-nodes.md.
 * Tested: unit/gossip_rx. */
void al_gossip_rest(al_gossip *g, al_time now);

/* ---- wants.c ---- */

/* al_gossip_find_want — the want of an ID.
 *   ret   its index; written when true; may be NULL                                   [out]
 * Result: whether there is one.   Cost: a map probe, or O(wants_max) in a lean node.
 * Source: none.   Tested: unit/gossip_rx. */
bool al_gossip_find_want(const al_gossip *g, const al_id *id, uint32_t *ret);

/* al_gossip_named — a neighbour says that it has a descriptor of this sequence.
 * Result: none; counts gossip_full, gossip_rate.   Cost: two map probes.
 * Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rx. */
void al_gossip_named(al_gossip *g, al_gossip_peer *p, const al_id *id, uint64_t sequence,
                     al_time now);

/* al_gossip_want_of — look for a descriptor at a neighbour.
 *   payer    whose quota it counts against
 *   ret      the want, new or not; written when true; may be NULL                     [out]
 * Result: false when there is no room; counts gossip_full, gossip_rate.   Cost: two map probes.
 * Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rx, unit/gossip_rumour. */
bool al_gossip_want_of(al_gossip *g, al_gossip_peer *source, al_gossip_peer *payer,
                       const al_rumour *what, al_gossip_want **ret);

/* al_gossip_ask — the next want of a neighbour is asked for now.
 *   ret_id   whose descriptor; written when true                                      [out]
 * Result: false when none waits or enough are asked for.   Cost: O(log wants).
 * Source: PROTOCOL.md 7.1.   Tested: unit/gossip_net. */
bool al_gossip_ask(al_gossip *g, al_gossip_peer *p, al_time now, al_id *ret_id);

/* al_gossip_can_ask — would al_gossip_ask give one?
 * Result: whether.   Cost: O(1).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_net. */
bool al_gossip_can_ask(const al_gossip *g, const al_gossip_peer *p);

/* al_gossip_got — the book has a descriptor of this ID now.
 *   from   0: nobody asked for it
 * Result: none.   Cost: one map probe.   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_net. */
void al_gossip_got(al_gossip *g, const al_id *id, al_link from, al_time now);

/* al_gossip_wants_leave — a neighbour is gone: its wants go to other sources or are given up.
 * Result: none.   Cost: O(wants).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_net. */
void al_gossip_wants_leave(al_gossip *g, al_gossip_peer *p);

/* al_gossip_wants_tick — wants that were not answered in time go to the next source.
 * Result: none.   Cost: O(due).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_net. */
void al_gossip_wants_tick(al_gossip *g, al_time now);

/* ---- serve.c ---- */

/* al_gossip_serve_peer — a descriptor of the book is to be sent to a neighbour.
 *   peer   or AL_GOSSIP_OWN
 * Result: none; counts gossip_rate.   Cost: O(what waits for it).   Source: PROTOCOL.md 7.1.
 * Tested: unit/gossip_rx. */
void al_gossip_serve_peer(al_gossip *g, al_gossip_peer *p, al_peer peer);

/* al_gossip_serve_next — the next one, if its pace allows it.
 *   ret    written when true                                                          [out]
 * Result: false when none waits, or later: then the tick wakes it.   Cost: O(1).
 * Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rx. */
bool al_gossip_serve_next(al_gossip *g, al_gossip_peer *p, al_time now, al_peer *ret);

/* al_gossip_serve_clear — nothing waits for a neighbour any more.
 * Result: none.   Cost: O(what waited).   Source: none.   Tested: unit/gossip_net. */
void al_gossip_serve_clear(al_gossip *g, al_gossip_peer *p);

/* al_gossip_serve_tick — neighbours whose pace allows another one.
 * Result: none.   Cost: O(links).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rx. */
void al_gossip_serve_tick(al_gossip *g, al_time now);

/* ---- rumour.c ---- */

/* al_gossip_tell — remember an announcement, and tell it with the next batch.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rumour. */
void al_gossip_tell(al_gossip *g, const al_gossip_news *news, al_time now);

/* al_gossip_sample_rx — a SAMPLE came.
 * Result: see al_gossip_rx.   Cost: O(news_max) for each rumour.   Source: PROTOCOL.md 7.1.
 * Tested: unit/gossip_rumour. */
al_gossip_verdict al_gossip_sample_rx(al_gossip *g, al_gossip_peer *p, al_bytes bytes, al_time now);

/* al_gossip_find_news — the newest announcement of one topic about a node.
 * Result: NULL when none is remembered.   Cost: O(news_max).   Source: PROTOCOL.md 7.1.
 * Tested: unit/gossip_rumour. */
const al_gossip_news *al_gossip_find_news(const al_gossip *g, const al_id *id,
                                          al_gossip_topic topic);

/* al_gossip_source — the neighbour through which a node's descriptor may be had.
 *   ret_sequence   what is known of it                                                [out]
 * Result: NULL when none is known.   Cost: O(news_max).   Source: PROTOCOL.md 7.1.
 * Tested: unit/gossip_rumour. */
al_gossip_peer *al_gossip_source(const al_gossip *g, const al_id *id, uint64_t *ret_sequence);

/* al_gossip_trust — a node of the book has proved to live: it is in no doubt.
 * Result: whether it was.   Cost: O(doubts_max).   Source: PROTOCOL.md 7.1.   Tested:
 * unit/gossip_rumour. */
bool al_gossip_trust(al_gossip *g, al_peer peer);

/* al_gossip_marks_tick — who kept silent for long enough is forgotten.
 * Result: none.   Cost: O(doubts_max).   Source: PROTOCOL.md 7.1.   Tested: unit/gossip_rumour. */
void al_gossip_marks_tick(al_gossip *g, al_time now);

#endif
