/* state.h — what a node is made of, for the files of src/node only. Layer 4.
 * What the files offer each other is in parts.h. Files: node.c (life, input dispatch), neighbour.c
 * (links and discovery), wants.c (which links there should be), setup.c (other nodes' circuits),
 * origin.c (own circuits), flow.c (streams), pump.c (what leaves on a link), keys.c (epochs, own
 * descriptor), persist.c (snapshot and records), inspect.c, work.c. */
#ifndef AL_NODE_STATE_H
#define AL_NODE_STATE_H

#include "allium/al_inspect.h"
#include "base/base.h"
#include "book/book.h"
#include "circuit/circuit.h"
#include "circuit/path.h"
#include "dht/dht.h"
#include "gossip/gossip.h"
#include "link/link.h"
#include "node/asks.h"
#include "node/work.h"
#include "sphinx/sphinx.h"
#include "stream/stream.h"

/* A cell that goes ahead of the queues: a sealed buffer, or a DESTROY still to be written. */
typedef struct node_urgent {
  uint32_t next; /* index + 1 */
  al_buf buf;    /* 0: DESTROY of id */
  uint32_t id;
  al_reason reason;
} node_urgent;

/* What the node keeps of a link besides its session, by index of the handle. */
typedef struct node_neighbour {
  al_link link;     /* 0: not in use */
  uint32_t credit;  /* bytes the transport takes */
  al_peer pinned;   /* its entry in the book while it is up, if there was one */
  bool open : 1;    /* the transport is up */
  bool up : 1;      /* authenticated and told to everybody */
  bool touched : 1; /* in n->touched */
  bool message_turn : 1;
  bool bye : 1, ends : 1; /* one side said CLOSE; the other one, that its node ends */
  bool handed : 1;        /* records were brought to it, or are about to be */
  uint8_t wanted;         /* al_node_want: by this node */
  uint16_t records_left;  /* tokens for records that it brings, in 1/256 ... */
  uint32_t records_ms;    /* ... counted up to then, as the next is kept */
  uint32_t used_ms;       /* when it was last wanted or had a circuit, as housekeeping saw it;
                           * milliseconds modulo 49 days: who is unused for longer seems young */
  al_time since;          /* dialled or accepted; up: since then */
} node_neighbour;

/* Cells that go ahead of the queues of a link, by its index: of n->urgent, index + 1. */
typedef struct node_ahead {
  uint32_t head, tail, count;
} node_ahead;

/* A neighbour that was lost without a word: it may be behind a partition. */
typedef struct node_lost {
  al_peer peer; /* pinned in the book; 0: free */
  uint32_t tries;
} node_lost;

/* An address record. */
typedef struct node_address {
  uint8_t len, bytes[AL_ADDRESS_BYTES_MAX];
} node_address;

/* An address to join through. */
typedef struct node_join {
  node_address address;
  al_id peer; /* who must answer there; zero: whoever does */
} node_join;

/* An onion key and the tags of the packets it has opened. */
typedef struct node_onion {
  bool used;
  uint64_t epoch;
  uint8_t seed[AL_KEM_SEED_BYTES];
  uint8_t *sk;          /* AL_KEM_SK_BYTES; NULL: made of the seed for each packet */
  al_replay *replay;    /* of node_busy: only while circuits are served */
  uint32_t loaded;      /* tags that came from records of an earlier run ... */
  uint32_t record_base; /* ... whose numbers are below this; newer tags go into new records */
} node_onion;

/* Records of an epoch whose key is not used again: to be deleted. */
typedef struct node_stale {
  uint64_t epoch;
  uint32_t tag_next, tag_records;
  bool key;
} node_stale;

/* A circuit of another node that waits for a link to its next hop. */
typedef struct node_pending {
  al_circ circ; /* 0: free */
  al_id next;
  uint32_t slot; /* message slot that holds the packet */
  uint8_t *packet;
  al_time deadline;
} node_pending;

/* A neighbour in doubt: who was asked about it. */
typedef struct node_doubt {
  al_link about;               /* 0: free */
  al_link whom[AL_NODE_ASKED]; /* 0: has answered */
  uint32_t asked, answered;
  uint64_t nonce;
  al_time until;
} node_doubt;

/* ... and on whose behalf one is being looked at. */
typedef struct node_help {
  al_link whom, about; /* whom 0: free */
  uint64_t nonce;
  al_time since, until;
} node_help;

/* Neighbours that others are asked about, and those looked at for others. */
typedef struct node_watch {
  node_doubt doubts[AL_NODE_DOUBTS_MAX];
  node_help helps[AL_NODE_HELPS_MAX];
} node_watch;

/* Where a bundle meets its circuits in this node, and what it takes to join it. Secret. */
typedef struct node_end {
  al_bundle bundle;                  /* 0: free */
  al_circ circ[AL_BUNDLE_PATHS_MAX]; /* by number of the bundle's path; all 0: it waits for one */
  uint8_t due[AL_BUNDLE_PATHS_MAX];  /* al_resume_op to be said on that circuit */
  uint32_t origin; /* index + 1 of the own circuit in charge; 0: the far end of somebody's */
  bool resumable;  /* name and secret are known */
  uint8_t name[16], secret[32];
  al_time detached_at; /* the far end: since when it waits; 0: it does not */
} node_end;

typedef enum node_origin_state {
  ORIGIN_FREE = 0,
  ORIGIN_LINK,     /* waits for a link to its first hop */
  ORIGIN_BUILDING, /* the set-up packet is under way */
  ORIGIN_JOINING,  /* open: asks to join the bundle of `main` */
  ORIGIN_OPEN,     /* carries a bundle */
  ORIGIN_WAITING,  /* its circuit is gone; its bundle waits for the one that joins */
} node_origin_state;

/* Whom a bundle serves: goes with it from circuit to circuit. */
typedef struct node_use {
  bool isolated; /* belongs to `isolation` */
  bool brief;    /* for questions of the node: given up soon after the last one */
  uint64_t isolation;
  bool has_target; /* rebuilt for this target when an attempt fails */
  al_target target;
  al_time first_used, last_used;
} node_use;

typedef struct node_origin {
  node_origin_state state;
  uint8_t hops, attempts, asked;
  bool lost;     /* its attempt or its circuit failed, for `lost_why`: see node_origins_settle */
  bool urgent;   /* a second circuit is wanted now */
  uint32_t end;  /* index + 1 of its node_end */
  uint32_t main; /* index + 1 of the circuit it stands by for; 0: it is in charge of its bundle */
  al_circ circ;
  al_id path[AL_HOPS_MAX];
  node_use use;
  al_time started, ping_at;
  al_time standby_at;       /* no second circuit is tried for before */
  uint32_t standby_wait_us; /* ... and the pause after the next failure */
  al_time waits_until;      /* WAITING */
  al_time end_lost_at;      /* another circuit to the same end lost it, by another relay; 0: none */
  uint32_t build_us;
  al_reason lost_why;
} node_origin;

/* Who waits at this node for somebody else's circuit (PROTOCOL.md 9.3). */
typedef struct node_meeting {
  al_circ circ;     /* 0: free */
  uint8_t op, rate; /* LISTEN, RENDEZVOUS; requests passed on since rate_at */
  uint16_t number;
  uint8_t name[32];
  al_time rate_at;
} node_meeting;

/* A circuit joined to another one, `to`; `next` is of n->orphans. */
typedef struct node_joined {
  al_circ to, next;
} node_joined;

/* What circuits and streams take in al_node, which a lean node has from its first circuit on. */
typedef struct node_busy {
  al_circuits circuits;
  al_streams streams;
  al_guards guards;
  al_peer guard_pins[AL_GUARDS_MAX]; /* by slot: the entry of the book that is pinned for it */
  al_replay replays[AL_NODE_ONION_KEYS];
} node_busy;

struct al_node {
  al_alloc alloc;
  const al_suite *suite;
  al_time now, started;
  uint64_t wall_s; /* Unix time at `started` */
  bool simulation, relay, closing;
  bool begun;     /* the first input was handled: start-up records are stored */
  bool was_clean; /* the snapshot says that the last run ended by al_node_shutdown */
  uint8_t hops;
  al_padding padding;
  al_limits limits;
  al_rng rng;
  al_counters counters;
  al_keyring identity;
  uint8_t *names; /* the network's name, then its secret; these may be empty: */
  uint8_t network_len, secret_len;
  bool puzzle_known;
  bool awake;        /* what circuits and streams need is there */
  bool origins_lost; /* one of them has `lost` or `urgent` set */
  bool again;        /* work was left because the work area was full ... */
  bool starved;      /* ... of packet buffers: a moment later there may be some */
  bool events_left;  /* of streams: told before the next frame is taken */
  bool ended;        /* closing, and every link is closed */

  al_book book;
  al_links links;
  al_gossip gossip;
  al_dht dht;
  node_busy *busy;       /* NULL: not awake; where these three are, else of an empty one: */
  al_circuits *circuits; /* read only while not awake */
  al_streams *streams;
  al_guards *guards;
  node_records records;
  node_onion onion[AL_NODE_ONION_KEYS];
  node_stale *stale; /* stale_max */
  uint32_t stale_count, stale_max;

  node_address *addresses; /* addresses_count */
  al_exit_rule *rules;     /* rules_count */
  uint32_t addresses_count, rules_count;
  uint64_t sequence, published_s, puzzle;

  node_neighbour **neighbours; /* pieces of AL_NODE_LINKS_STEP, which stay where they are */
  uint16_t *touched;           /* limits.links_max indices; a neighbour is in it at most once */
  uint32_t neighbours_len, touched_count, pending_max;
  node_urgent *urgent;
  node_ahead *ahead; /* limits.links_max; NULL: not awake */
  uint32_t urgent_free, urgent_max;
  node_pending *pending; /* pending_max */
  node_end *ends;        /* ends_max */
  uint32_t ends_max, end_free_hint;
  uint32_t *end_of;  /* by index of circuit: index + 1 of its end */
  node_watch *watch; /* NULL: nobody is in doubt */
  al_time probe_at, help_at;
  uint32_t detached_count; /* ends that wait for a circuit */
  uint32_t sweep_cursor;   /* over circuits that may carry nothing */
  node_origin *origins;    /* origins_max */
  node_join *joins;        /* joins_count; at most AL_NODE_JOINS_MAX */
  uint32_t joins_count, joins_next;
  node_lost lost[AL_NODE_LOST_MAX];
  uint32_t lost_next, lost_wait_us; /* whose turn it is; the pause before the next try */
  al_time house_at, join_at, spare_at, lost_at, room_at, rotate_at;
  uint32_t join_wait_us, spare_wait_us, rotations, origins_max;
  al_id *stored;    /* whose descriptors the host keeps, in no order; stored_max */
  al_map stored_at; /* ID -> index in stored */
  uint32_t stored_count, stored_max, stored_cursor;
  uint32_t peers_told, up_count;
  uint32_t dht_cursor;    /* where the next look into the book begins */
  al_circ orphans;        /* whose other half is gone: they end with it */
  node_meeting *meetings; /* meetings_max */
  uint32_t meetings_max, meetings_used;
  node_joined *joined;      /* by index of circuit */
  struct node_meets *meets; /* services, used or offered; NULL: none */
};

/* al_node_neighbour_at — what is kept at an index below n->neighbours_len, in use or not.
 * Result: never NULL.   Cost: O(1).   Source: docs/decisions/0007-many-nodes.md.   Tested:
 * sim/network. */
static inline node_neighbour *al_node_neighbour_at(const al_node *n, uint32_t index) {
  return &n->neighbours[index / AL_NODE_LINKS_STEP][index % AL_NODE_LINKS_STEP];
}

#endif
