/* state.h — what the files of this module share: neighbours, wants, news. Private to src/gossip.
 * Layer 3. */
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
  /* Entries of its digests that are looked at, and descriptors it is given. */
  AL_GOSSIP_ENTRIES_MAX = 20000,
  AL_GOSSIP_ENTRIES_PER_S = 1000,
  AL_GOSSIP_SERVED_MAX = 2048,
  AL_GOSSIP_SERVED_PER_S = 8,
  AL_GOSSIP_OWN = -1, /* in a queue of handles of the book: this node's own descriptor */
};

#define AL_GOSSIP_PATIENCE_US (30 * AL_SECOND) /* with a neighbour that answers slowly */
#define AL_GOSSIP_FULL_US (60 * AL_SECOND) /* no new nodes are asked for when the book is full */

/* al_gossip_bucket — a quota that time refills. */
typedef struct al_gossip_bucket {
  uint32_t left;
  al_time at; /* when it was filled up to */
} al_gossip_bucket;

/* al_gossip_list — wants that wait to be asked of one neighbour; indices + 1. */
typedef struct al_gossip_list {
  uint32_t head, tail, count;
} al_gossip_list;

/* al_gossip_peer — a neighbour. */
struct al_gossip_peer {
  al_link link;        /* 0: none */
  bool digest_due;     /* pages of the whole book are to be sent, from digest_cursor on */
  bool digest_started; /* the own entry was sent */
  bool news_due;
  uint32_t digest_cursor;
  uint64_t news_at;       /* announcements before this number are told or came from it */
  al_gossip_list waiting; /* to be asked */
  uint32_t asked;         /* wants that it is being asked for */
  uint32_t answers;       /* descriptors it may still send */
  uint32_t named;         /* wants that it was the first to name */
  al_time answered;       /* when it sent the last one that was asked for */
  al_gossip_bucket trust, entries, served;
  uint32_t serve_first, serve_count;
  al_peer serve[AL_GOSSIP_SERVE_MAX]; /* what it has asked for, a ring */
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
  al_link target, first; /* who is asked; who named it first */
  al_link sources[AL_GOSSIP_SOURCES];
  uint32_t prev, next; /* in a list, or in the free list; index + 1 */
  uint8_t sources_count;
  uint8_t state; /* al_gossip_want_state */
};

/* al_gossip_news — one announcement. */
struct al_gossip_news {
  al_id id;
  al_link from;
};

/* al_gossip_peer_of — the neighbour behind a link.
 * Result: NULL when it is not known.   Cost: O(1).   Source: none.   Tested: unit/gossip_rx. */
al_gossip_peer *al_gossip_peer_of(const al_gossip *g, al_link link);

/* al_gossip_wake — something is to be sent to it, or (`on` false) nothing any more.
 * Result: none.   Cost: O(1).   Source: none.   Tested: unit/gossip_net. */
void al_gossip_wake(al_gossip *g, const al_gossip_peer *p, bool on);

/* al_gossip_wall — Unix seconds at a moment.
 * Result: seconds.   Cost: O(1).   Source: PROTOCOL.md 7.   Tested: unit/gossip_rx. */
uint64_t al_gossip_wall(const al_gossip *g, al_time now);

/* al_gossip_spend — take n from a quota that grows by `per_s` up to `most`.
 *   b   its fields say how much is left                                                [in/out]
 * Result: false when less is left; nothing is taken then.   Cost: O(1).
 * Source: PROTOCOL.md 7.   Tested: unit/gossip_rx. */
bool al_gossip_spend(al_gossip_bucket *b, uint32_t n, uint32_t per_s, uint32_t most, al_time now);

/* ---- wants.c ---- */

/* al_gossip_named — a neighbour says that it has a descriptor of this sequence.
 * Result: none; counts gossip_full, gossip_rate.   Cost: two map probes.
 * Source: PROTOCOL.md 7.   Tested: unit/gossip_rx. */
void al_gossip_named(al_gossip *g, al_gossip_peer *p, const al_id *id, uint64_t sequence,
                     al_time now);

/* al_gossip_ask — the next want of a neighbour is asked for now.
 *   ret_id   whose descriptor; written when true                                      [out]
 * Result: false when none waits or enough are asked for.   Cost: O(log wants).
 * Source: PROTOCOL.md 7.   Tested: unit/gossip_net. */
bool al_gossip_ask(al_gossip *g, al_gossip_peer *p, al_time now, al_id *ret_id);

/* al_gossip_can_ask — would al_gossip_ask give one?
 * Result: whether.   Cost: O(1).   Source: PROTOCOL.md 7.   Tested: unit/gossip_net. */
bool al_gossip_can_ask(const al_gossip_peer *p);

/* al_gossip_got — the book has a descriptor of this ID now.
 *   from   0: nobody asked for it
 * Result: none.   Cost: one map probe.   Source: PROTOCOL.md 7.   Tested: unit/gossip_net. */
void al_gossip_got(al_gossip *g, const al_id *id, al_link from, al_time now);

/* al_gossip_wants_leave — a neighbour is gone: its wants go to other sources or are given up.
 * Result: none.   Cost: O(wants).   Source: PROTOCOL.md 7.   Tested: unit/gossip_net. */
void al_gossip_wants_leave(al_gossip *g, al_gossip_peer *p);

/* al_gossip_wants_tick — wants that were not answered in time go to the next source.
 * Result: none.   Cost: O(due).   Source: PROTOCOL.md 7.   Tested: unit/gossip_net. */
void al_gossip_wants_tick(al_gossip *g, al_time now);

#endif
