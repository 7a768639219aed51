/* dht.h — Kademlia over standing links: which neighbours are contacts, where a query goes next,
 * what this node looks up itself, which links it needs. The module says what to send and whom to
 * link to; src/node does it. Distances are XOR, compared over the first 64 bits of the IDs.
 * Layer 3. Source: PROTOCOL.md 7.2. */
#ifndef AL_DHT_H
#define AL_DHT_H

#include "base/base.h"
#include "crypto/crypto.h"
#include "wire/wire.h"

enum {
  AL_DHT_FEW = 16,        /* al_dht_closest gives so many at most */
  AL_DHT_CLOSE = 8,       /* neighbours closest to itself that a node links to */
  AL_DHT_BEST = 8,        /* nodes closest to the target that a lookup tells of ... */
  AL_DHT_CROWD_SHARE = 4, /* ... of which so many may crowd around it, while there are others */
  AL_DHT_TTL = 24,        /* of own queries, less 0..3: the first hop cannot tell whose it is */
  AL_DHT_TRIES = 4,       /* neighbours a hop tries for one query */
  AL_DHT_LINK_SHARE = 4,  /* one neighbour gets 1/4 of the table of queries under way */
  AL_DHT_LOOKUP_US = 10000000, /* an own lookup ends after this */
  AL_DHT_KEEP_US = 3000000,    /* a query that was answered is remembered so long */
  AL_DHT_CHECK_US = 60000000,  /* mean time between two questions to the closest neighbours */
};

/* al_dht_config — what it works on. Pointers must outlive it. */
typedef struct al_dht_config {
  const al_alloc *alloc;
  const al_alloc *loose; /* NULL, or: may be asked at any time for memory that is given back soon:
                          * for queries and lookups while there are any */
  const al_suite *suite;
  al_rng *rng;
  al_counters *counters;
  al_id self;
  uint32_t links_max;   /* as in al_links_config: al_slab_index(link) must be below */
  uint32_t queries_max; /* other nodes' queries under way */
  uint32_t lookups_max; /* own ones; one of them is the module's */
  uint8_t per_bucket;   /* links wanted for each bucket: 1, or 2 (one for each half of it) */
  bool contact;         /* this node routes: AL_DESC_RELAY */
} al_dht_config;

typedef struct al_dht_contact al_dht_contact; /* private to src/dht */
typedef struct al_dht_query al_dht_query;
typedef struct al_dht_lookup al_dht_lookup;
typedef struct al_dht_named al_dht_named;

/* al_dht — the module's state; fields are private to src/dht. */
typedef struct al_dht {
  al_dht_config cfg;
  al_dht_contact *contacts; /* by index of the link's handle; contacts_len */
  al_dht_query *queries;
  al_dht_lookup *lookups;
  al_dht_named *named; /* nodes that lookups were told of, but for the first lookup */
  uint32_t contacts_len, queries_len, lookups_len; /* places that there are now: none, or all */
  uint64_t self;                                   /* the first 64 bits of our ID */
  uint64_t filled[2];                              /* regions with a contact */
  uint64_t looked[2];                              /* regions looked into lately */
  uint64_t radius;     /* distance of the AL_DHT_CLOSE-th closest contact; UINT64_MAX: fewer */
  uint64_t spread;     /* smoothed distance to the AL_DHT_CLOSE-th closest of a random target */
  al_time next;        /* no later than the first deadline of queries and lookups */
  al_time check_at;    /* the next question to a close neighbour */
  al_time forget_at;   /* `looked` is forgotten */
  uint32_t top;        /* indices of contacts in use are below */
  uint32_t count;      /* contacts that route */
  uint32_t typical_us; /* smoothed time from a query to its ACK */
  uint32_t serial;     /* of lookups */
  uint16_t check_wait_s;
  uint8_t measured; /* how often `spread` was corrected */
  bool joined;      /* the own ID was looked up */
  bool changed;     /* contacts came or went: al_dht_settle */
  bool told_all;    /* every neighbour has heard whether we route */
} al_dht;

/* al_dht_init — no contacts.
 *   c    copied                                                                       [borrowed]
 * Result: AL_OK, AL_EINVAL (a number is out of range), AL_ENOMEM (d is cleared).
 * Cost:   16 bytes for each possible link; without `loose` 88 for each query, about 1,100 for each
 *         lookup.
 * Source: PROTOCOL.md 7.2.   Tested: unit/dht_table. */
al_err al_dht_init(al_dht *d, const al_dht_config *c);

/* al_dht_reserve — have room for links whose index is below `links`; with `loose` there is none at
 * first. Before al_dht_link_up, where memory may be got.
 * Result: AL_OK, AL_ENOMEM.   Cost: nothing, or a copy.   Source:
 * docs/decisions/0007-many-nodes.md.   Tested: unit/dht_table, sim/lean. */
al_err al_dht_reserve(al_dht *d, uint32_t links);

/* al_dht_clear — give the memory back. A zeroed al_dht is allowed.
 * Result: none.   Cost: frees.   Source: none.   Tested: unit/dht_table. */
void al_dht_clear(al_dht *d);

/* ---- contacts ---- */

/* al_dht_link_up — a neighbour is authenticated. It becomes a contact when it says so (STATE).
 *   id     proved                                                                     [borrowed]
 *   group  al_address_group of its address; 0: exempt from limits
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.2.   Tested: unit/dht_table. */
void al_dht_link_up(al_dht *d, al_link link, const al_id *id, uint64_t group, al_time now);

/* al_dht_adopt — a neighbour that is up routes, and knows that we do; for simulations.
 * Result: none.   Cost: O(1).   Source: docs/decisions/0007-many-nodes.md.   Tested: sim/settled.
 * */
void al_dht_adopt(al_dht *d, al_link link, bool routes);

/* al_dht_settled — as if it had looked around for long: the next question to a close neighbour is
 * a full period away. For simulations.
 * Result: none.   Cost: O(links).   Source: docs/decisions/0007-many-nodes.md.   Tested:
 * sim/settled.
 */
void al_dht_settled(al_dht *d, al_time now);

/* al_dht_link_down — a neighbour is gone: queries that went there go another way. A link that is
 * not known is allowed.
 * Result: none; call al_dht_tick.   Cost: O(queries).   Source: PROTOCOL.md 7.2.
 * Tested: unit/dht_route. */
void al_dht_link_down(al_dht *d, al_link link, al_time now);

/* al_dht_set_contact — begin or cease to route.
 * Result: none; al_dht_state_next tells the neighbours.   Cost: O(1).   Source: PROTOCOL.md 7.2.
 * Tested: unit/dht_table. */
void al_dht_set_contact(al_dht *d, bool contact);

/* al_dht_state_next — a neighbour that has not heard yet whether we route; call al_dht_state_said
 * when it was told.
 *   cursor  begins as 0                                                               [in/out]
 *   ret     what to send                                                                [out]
 * Result: 0 at the end.   Cost: O(links).   Source: PROTOCOL.md 7.2.
 * Tested: unit/dht_table. */
al_link al_dht_state_next(al_dht *d, uint32_t *cursor, al_dht_message *ret);

/* al_dht_state_said — a neighbour was told.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 7.2.   Tested: unit/dht_table. */
void al_dht_state_said(al_dht *d, al_link link);

/* al_dht_lacks — whether the table has regions without a contact, or fewer than AL_DHT_CLOSE.
 * Result: whether.   Cost: O(1), or O(links) after a change.   Source: PROTOCOL.md 7.2.
 * Tested: unit/dht_table. */
bool al_dht_lacks(al_dht *d);

/* al_dht_needs — whether this node needs the link: the neighbour is one of its closest, or the only
 * one of its region.
 * Result: whether; false for a link that is not known.   Cost: O(links).
 * Source: PROTOCOL.md 7.2.   Tested: unit/dht_table. */
bool al_dht_needs(al_dht *d, al_link link);

/* al_dht_near — whether a neighbour may count this node among its closest: it lies at most two
 * buckets farther than our own closest. Result: whether; false for a link that is not known.
 * Cost: O(1).   Source: PROTOCOL.md 7.1.   Tested: unit/dht_table. */
bool al_dht_near(const al_dht *d, al_link link);

/* al_dht_wants — whether a link to this node would be needed: it is closer than the closest
 * neighbours, or in a region where there is none. True while there is a link to it, too.
 * Result: whether.   Cost: O(links).   Source: PROTOCOL.md 7.2.   Tested: unit/dht_table. */
bool al_dht_wants(al_dht *d, const al_id *id);

/* al_dht_closest — contacts closest to a target, closest first; of those that crowd together a few.
 *   ret   links, at most max, which is at most AL_DHT_FEW                               [out]
 * Result: how many.   Cost: O(links * max).   Source: PROTOCOL.md 7.2.
 * Tested: unit/dht_table. */
uint32_t al_dht_closest(const al_dht *d, const al_id *target, uint32_t max, al_link *ret);

/* al_dht_size — how many nodes that route there are, judged by how densely they lie.
 * Result: at least 1; within a factor of 2 in 95 of 100 cases.   Cost: O(links).
 * Source: PROTOCOL.md 7.2.   Tested: unit/dht_table, sim/overlay. */
uint64_t al_dht_size(al_dht *d);

/* al_dht_zone — how near to a point a node lies, by how densely nodes lie elsewhere. */
typedef enum al_dht_zone {
  AL_DHT_CROWD = 0, /* a quarter as far as one node usually is: so is one in five */
  AL_DHT_AMONG,     /* where the AL_DHT_CLOSE closest usually are */
  AL_DHT_BEYOND,
} al_dht_zone;

/* al_dht_zone_of — where a node lies that was named as one of the closest to a point. Identifiers
 * that were chosen to be closer than others crowd; those who keep and look for records go on beyond
 * them. A node that does not know the network's density yet says AMONG.
 * Result: the zone.   Cost: O(1), or O(links) after a change.
 * Source: PROTOCOL.md 7.2.   Tested: unit/dht_table, scenario_sybil. */
al_dht_zone al_dht_zone_of(al_dht *d, const al_id *point, const al_id *node);

/* ---- queries of other nodes ---- */

/* al_dht_verdict — what a message is. */
typedef enum al_dht_verdict {
  AL_DHT_DROP = 0, /* counted */
  AL_DHT_NONE,
  AL_DHT_REFUSE,    /* send ACK `message` on `link` */
  AL_DHT_ASKED,     /* `message` is a query: answer it from what is at hand, or al_dht_route it */
  AL_DHT_PASS,      /* send the same bytes, as they are now, on `link` */
  AL_DHT_PASS_NEAR, /* likewise, but put our own closest contacts to the message's `target` in the
                     * place of all entries behind the first AL_DHT_CLOSE + 1 */
  AL_DHT_ANSWERED,  /* `message` answers the own lookup `lookup` */
} al_dht_verdict;

/* al_dht_in — what came of a message. */
typedef struct al_dht_in {
  al_dht_message message; /* views lead into the bytes that came */
  al_link link;
  uint32_t lookup;
  uint64_t user; /* of the lookup; */
  al_dht_op op;  /* what it asks */
} al_dht_in;

/* al_dht_rx — a message of kind DHT.
 *   bytes  modified (PASS)                                                            [in/out]
 *   ret    written for every verdict but DROP and NONE                                  [out]
 * Result: the verdict; DROP is counted: dht_parse, dht_unasked. Call al_dht_tick afterwards.
 * Cost:   O(queries).   Source: PROTOCOL.md 7.2.   Tested: unit/dht_route, sim/overlay. */
al_dht_verdict al_dht_rx(al_dht *d, al_link from, al_span bytes, al_time now, al_dht_in *ret);

/* al_dht_way — where a query goes. */
typedef enum al_dht_way {
  AL_DHT_HERE = 1, /* to nobody: this node answers */
  AL_DHT_ONWARD,   /* send ACK TAKEN back, and the query, its ttl one less, to `link` */
  AL_DHT_BACK,     /* send ACK with `code` to where it came from */
} al_dht_way;

/* al_dht_next_hop — the result of al_dht_route. */
typedef struct al_dht_next_hop {
  al_link link;
  al_dht_ack code;
} al_dht_next_hop;

/* al_dht_route — decide on a query that al_dht_rx called ASKED, and remember it.
 *   q     the message
 *   ret   ONWARD: link; BACK: code (counted: dht_busy)                                  [out]
 * Result: the way.   Cost: O(links + queries); no allocation.
 * Source: PROTOCOL.md 7.2.   Tested: unit/dht_route, sim/overlay. */
al_dht_way al_dht_route(al_dht *d, al_link from, const al_dht_message *q, al_time now,
                        al_dht_next_hop *ret);

/* ---- own lookups ---- */

/* al_dht_ask — what an own lookup asks. FIND over more than one path, without flags and with a
 * user, wants signed answers, and goes on until the closest node it was told of has given one. */
typedef struct al_dht_ask {
  al_dht_op op;
  uint8_t flags; /* AL_DHT_EXACT; AL_DHT_LOCAL asks one neighbour only, `via` */
  uint8_t paths; /* 1..AL_DHT_PATHS_MAX: that many disjoint ones */
  bool first;    /* the first answer that says FOUND or STORED ends it; else all paths do */
  al_id target;
  al_bytes payload; /* must stay as it is until the lookup ends                      [borrowed] */
  al_link via;      /* with LOCAL */
  uint64_t user;    /* comes back with the end */
} al_dht_ask;

/* al_dht_start — look something up. Answers come by al_dht_rx, the end by al_dht_tick.
 *   ret   its handle                                                                    [out]
 * Result: AL_OK, AL_EFULL (lookups_max are under way), AL_EINVAL (a field is out of range).
 * Cost:   O(lookups); no allocation; call al_dht_tick.
 * Source: PROTOCOL.md 7.2.   Tested: unit/dht_route, sim/overlay. */
al_err al_dht_start(al_dht *d, const al_dht_ask *ask, al_time now, uint32_t *ret);

/* al_dht_stop — forget a lookup; a stale handle is allowed.
 * Result: none.   Cost: O(lookups).   Source: none.   Tested: unit/dht_route. */
void al_dht_stop(al_dht *d, uint32_t lookup);

/* al_dht_event — what there is to do. */
typedef struct al_dht_event {
  enum {
    AL_DHT_EV_SEND = 1, /* send `message` (a QUERY or an ACK) on `link` */
    AL_DHT_EV_HERE,     /* the own lookup `lookup` asks this very node: answer by al_dht_own */
    AL_DHT_EV_END,      /* the lookup is over; `best` are the closest nodes heard of */
  } kind;
  al_link link;
  uint32_t lookup;
  uint64_t user;
  al_dht_message message;       /* SEND; HERE: the query; END: only what the target was */
  uint8_t count, answers, hops; /* END: of `best`; answers that came; of the best of them */
  uint32_t took_us;             /* END */
  bool found;                   /* END: an answer was FOUND or STORED; FIND: one was CLOSEST */
  al_id best[AL_DHT_BEST];      /* END: the closest, those that several paths name first */
} al_dht_event;

/* al_dht_tick — one thing to do; call until false, after time has passed and after every other
 * call of the module.
 *   ret   written when true                                                             [out]
 * Result: false when nothing more is due.   Cost: O(queries + lookups) when something is due.
 * Source: PROTOCOL.md 7.2.   Tested: unit/dht_route, sim/overlay. */
bool al_dht_tick(al_dht *d, al_time now, al_dht_event *ret);

/* al_dht_own — this node's own answer to its own lookup (AL_DHT_EV_HERE).
 * Result: none; call al_dht_tick.   Cost: O(1).   Source: PROTOCOL.md 7.2.
 * Tested: unit/dht_route. */
void al_dht_own(al_dht *d, uint32_t lookup, const al_dht_message *answer, al_time now);

/* al_dht_deadline — when al_dht_tick has something to do, at the earliest.
 * Result: a time, maybe past, or AL_TIME_NEVER.   Cost: O(1).   Source: none.
 * Tested: unit/dht_route. */
static inline al_time al_dht_deadline(const al_dht *d) { return d->next; }

/* ---- upkeep ---- */

/* al_dht_keep — once a second: start what lookups the table needs (user 0): of the own ID after
 * joining and when a close neighbour is lost, of a region without contact, a question to a close
 * neighbour from time to time. To nodes of their answers that al_dht_wants, dial.
 * Result: none; call al_dht_tick.   Cost: O(links).   Source: PROTOCOL.md 7.2.
 * Tested: unit/dht_table, sim/overlay. */
void al_dht_keep(al_dht *d, al_time now);

#endif
