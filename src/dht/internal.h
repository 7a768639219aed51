/* internal.h — what the files of src/dht share: see dht.h. Private. table.c has the contacts,
 * route.c other nodes' queries, lookup.c own ones, keep.c upkeep. */
#ifndef AL_DHT_INTERNAL_H
#define AL_DHT_INTERNAL_H

#include "dht/dht.h"

enum {
  /* flags of a contact */
  CONTACT_ROUTES = 1,
  CONTACT_TOLD = 2,   /* it has heard a STATE from us */
  CONTACT_NEEDED = 4, /* one of the closest, or chosen for its region */
  CONTACT_FAULT = 8,  /* the upper bits: how often it did not answer lately ... */
  FAULTS_MAX = 7,     /* ... at most so often */

  GROUP_SHARE = 2,       /* of one address group among the closest */
  CELLS = 4,             /* parts of the distance between two nodes, by which a crowd is seen */
  CELL_SHARE = 3,        /* of one such part among the closest */
  CELL_SLACK = 64,       /* a density measured long ago is believed up to so many times our own */
  TYPICAL_US = 150000,   /* before anything was measured */
  ACK_SLACK_US = 100000, /* a hop has twice its usual time and this to say that it has a query */
  ACK_MAX_US = 3000000,
  ANSWER_SLACK_US = 200000,
  TRIED_MAX = 16,
  NAMED_MAX = 24,  /* remembered of one lookup ... */
  NAMED_CROWD = 8, /* ... of which so many nearer to the target than nodes usually are */
  WAVES = 3,       /* an own lookup goes on so often, over other neighbours */
  PROVED_MIN =
      3, /* of the closest nodes that a lookup was told of must have signed an answer ... */
  PROVED_CROWD = 2, /* ... of which so many may crowd around the target; one more is asked */
  VAIN_TOLD = 2,    /* of those asked in vain, the closest; they may be hidden */
  CALMS = 2,        /* a lookup that nobody answers begins anew so often, and waits longer ... */
  CALM_US = 500000, /* ... after this */
  WAVE_TRIES = 2,   /* ways that a path of a later wave is tried */
  FAR_NODES = 32,   /* who answers has hardly so many nodes between itself and the target */
  CHECK_MIN_S = 4,
  CHECK_MAX_S = 64,
  FORGET_US = 30000000,
  REGIONS = 128,
  LINKS_STEP = 4, /* room for links grows by so many */
};

/* A neighbour. */
struct al_dht_contact {
  uint64_t prefix; /* of its ID */
  al_link link;    /* 0: free */
  uint16_t ack;    /* smoothed time to its ACK, in 64 us; 0: not measured */
  uint8_t group;   /* of its address, hashed to 1..255; 0: exempt */
  uint8_t flags;
};

typedef enum dht_state {
  STATE_FREE = 0,
  STATE_ASKED,   /* passed on, not acknowledged */
  STATE_WAITING, /* acknowledged, no answer yet */
  STATE_RETRY,   /* to be passed to somebody else */
  STATE_DONE,    /* over; remembered so that it is known when it comes again */
} dht_state;

/* Another node's query. */
struct al_dht_query {
  uint64_t query;
  al_id target;
  al_time deadline;
  al_link from, to;
  al_link tried[AL_DHT_TRIES - 1];
  uint32_t asked; /* when, low 32 bits of microseconds */
  uint8_t state, op, flags, ttl, path, tries;
  bool payload; /* it had one, which is not kept: it cannot be passed on again */
};

typedef struct dht_path {
  al_link link;
  uint8_t state, tries;
  uint32_t asked;
  al_time deadline;
} dht_path;

/* A node that a lookup was told of. */
struct al_dht_named {
  al_id id;
  uint8_t by, answers, hops; /* paths that name it; that it answered; of its answer */
  uint8_t from;              /* which answer named it first */
  uint8_t aim;               /* path + 1 that leads to it in this wave */
  bool asked, proved, told;  /* some path led to it; it has signed an answer; it is in the end */
};

/* An own lookup. */
struct al_dht_lookup {
  uint32_t handle; /* 0: free */
  uint8_t waves, tried_count, named_count, answers, hops;
  uint8_t turns; /* answers that did not come, or were not believed */
  uint8_t calms; /* how often it began anew, because nobody answered at all */
  bool found, over;
  bool signs; /* answers must be signed */
  uint64_t query;
  al_dht_ask ask;
  al_time deadline, started;
  dht_path path[AL_DHT_PATHS_MAX];
  al_link tried[TRIED_MAX];
};

/* al_dht_prefix — the first 64 bits of an ID: distances are taken between these. */
static inline uint64_t al_dht_prefix(const al_id *id) {
  uint64_t prefix = 0;
  for (uint32_t i = 0; i < 8; i++) prefix = prefix << 8 | id->b[i];
  return prefix;
}

/* al_dht_bucket — how many leading bits of a distance are zero, at most 63. */
static inline uint32_t al_dht_bucket(uint64_t distance) {
  uint32_t n = 0;
  for (uint32_t step = 32; step != 0; step /= 2) {
    if (distance >> (64 - step) != 0) continue;
    n += step;
    distance <<= step;
  }
  return n;
}

/* al_dht_pick — what al_dht_nearest may not choose: the neighbour a query came from, those tried
 * before, and (below) nodes that are not closer than that. */
typedef struct al_dht_pick {
  uint64_t target, below;
  al_link from;
  const al_link *tried;
  uint32_t tried_count;
} al_dht_pick;

/* al_dht_contact_of — the neighbour of a link.
 * Result: NULL for a link that is not known.   Cost: O(1).   Source: none.
 * Tested: unit/dht_table. */
al_dht_contact *al_dht_contact_of(const al_dht *d, al_link link);

/* al_dht_nearest — the contact to pass a query to: the closest, where each fault lately makes it
 * look twice as far.
 * Result: NULL when there is none.   Cost: O(links).   Source: PROTOCOL.md 7.2.
 * Tested: unit/dht_route. */
const al_dht_contact *al_dht_nearest(const al_dht *d, const al_dht_pick *p);

/* al_dht_close_to — whether this node may say that it is the closest to a target: it lies among our
 * closest neighbours, or one bit farther.
 * Result: whether.   Cost: O(1).   Source: PROTOCOL.md 7.2.   Tested: unit/dht_route. */
bool al_dht_close_to(const al_dht *d, uint64_t target);

/* al_dht_span — how far the AL_DHT_CLOSE-th closest node of a point usually is: of what was
 * measured and what this node sees around itself the wider, because hostile nodes may crowd around
 * it.
 * Result: a distance; UINT64_MAX when this node knows too few.   Cost: O(1), or O(links) after a
 * change.   Source: PROTOCOL.md 7.2.   Tested: unit/dht_table. */
uint64_t al_dht_span(al_dht *d);

/* al_dht_state_came — a neighbour's STATE.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.2.   Tested: unit/dht_table. */
void al_dht_state_came(al_dht *d, al_link from, uint8_t flags);

/* al_dht_contact_lost — take a neighbour out of the table; one that is not there is allowed.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.2.   Tested: unit/dht_table. */
void al_dht_contact_lost(al_dht *d, al_link link);

/* al_dht_settle — bring up to date which contacts are needed, after the table changed.
 * Result: none.   Cost: O(links).   Source: PROTOCOL.md 7.2.   Tested: unit/dht_table. */
void al_dht_settle(al_dht *d);

/* al_dht_region — which region of the table a distance belongs to.
 * Result: below REGIONS.   Cost: O(1).   Source: PROTOCOL.md 7.2.   Tested: unit/dht_table. */
uint32_t al_dht_region(const al_dht *d, uint64_t distance);

/* al_dht_acked — a neighbour has taken a query that it was sent at `asked`.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.2.   Tested: unit/dht_route. */
void al_dht_acked(al_dht *d, al_link link, uint32_t asked, al_time now);

/* al_dht_fault — a neighbour did not answer in time, or (good) did.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.2.   Tested: unit/dht_route. */
void al_dht_fault(al_dht *d, al_link link, bool good);

/* al_dht_ack_wait — how long a neighbour has to acknowledge.
 * Result: microseconds.   Cost: O(1).   Source: PROTOCOL.md 7.2.   Tested: unit/dht_route. */
uint64_t al_dht_ack_wait(const al_dht *d, const al_dht_contact *c);

/* al_dht_answer_wait — how long it then has to bring an answer: the farther the target, the longer,
 * so that a hop behind it gives up first.
 * Result: microseconds.   Cost: O(1).   Source: PROTOCOL.md 7.2.   Tested: unit/dht_route. */
uint64_t al_dht_answer_wait(const al_dht *d, al_link link, uint64_t target);

/* al_dht_open_queries — have places for queries; they are free.
 * Result: false without memory.   Cost: nothing, or an allocation.   Source:
 * docs/decisions/0007-many-nodes.md.   Tested: unit/dht_table. */
bool al_dht_open_queries(al_dht *d);

/* al_dht_open_lookups — have places for own lookups.
 * Result: false without memory.   Cost: nothing, or two allocations.   Source:
 * docs/decisions/0007-many-nodes.md.   Tested: unit/dht_table. */
bool al_dht_open_lookups(al_dht *d);

/* al_dht_rest — give back what nothing is in, where memory may be had again at any time.
 * Result: none.   Cost: O(queries + lookups).   Source: docs/decisions/0007-many-nodes.md.
 * Tested: unit/dht_table. */
void al_dht_rest(al_dht *d);

/* al_dht_due — something is to be done at `when`.
 * Result: none.   Cost: O(1).   Source: none.   Tested: unit/dht_route. */
static inline void al_dht_due(al_dht *d, al_time when) {
  if (when < d->next) d->next = when;
}

/* al_dht_has_lookup — is this an own lookup's number?
 * Result: whether.   Cost: O(lookups).   Source: none.   Tested: unit/dht_route. */
bool al_dht_has_lookup(const al_dht *d, uint64_t query);

/* al_dht_lookup_ack — an ACK of a number that no other node's query has.
 * Result: whether it belongs to an own lookup.   Cost: O(lookups).   Source: PROTOCOL.md 7.2.
 * Tested: unit/dht_route. */
bool al_dht_lookup_ack(al_dht *d, al_link from, const al_dht_message *m, al_time now);

/* al_dht_lookup_answer — an ANSWER likewise.
 *   ret   its lookup and user                                                           [out]
 * Result: whether it belongs to an own lookup.   Cost: O(lookups).   Source: PROTOCOL.md 7.2.
 * Tested: unit/dht_route. */
bool al_dht_lookup_answer(al_dht *d, al_link from, const al_dht_message *m, al_time now,
                          al_dht_in *ret);

/* al_dht_lookup_lost — a link is gone: paths over it go another way.
 * Result: none.   Cost: O(lookups).   Source: PROTOCOL.md 7.2.   Tested: unit/dht_route. */
void al_dht_lookup_lost(al_dht *d, al_link link, al_time now);

/* al_dht_lookup_tick — one thing that an own lookup needs.
 * Result: false when none is due.   Cost: O(lookups).   Source: PROTOCOL.md 7.2.
 * Tested: unit/dht_route. */
bool al_dht_lookup_tick(al_dht *d, al_time now, al_dht_event *ret);

#endif
