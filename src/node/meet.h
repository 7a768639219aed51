/* meet.h — clients, services and the relays where they meet (PROTOCOL.md 9), for the files of
 * src/node only. Files: meet.c (as a relay), trip.c (own circuits for services), session.c (bundles
 * from end to end), service.c (services of this node), visit.c (services
 * of others): see visit.h. A node that
 * has nothing to do with services has none of this but the table of meetings. Layer 4, private. */
#ifndef AL_NODE_MEET_H
#define AL_NODE_MEET_H

#include "allium/al_service.h"
#include "node/parts.h"
#include "service/session.h"

enum {
  NODE_TRIPS_MAX = AL_NODE_TRIPS_LIMIT, /* own circuits for services ... */
  NODE_TRIPS_SPARE = 8,                 /* ... of which so many are kept free */
  NODE_VISITS_MAX = 64,                 /* services of others in use */
  NODE_SESSIONS_MAX = 256,              /* clients of our services */
  NODE_INTROS = 3,                      /* introduction points of a service */
  NODE_LEARN_MAX = 16,                  /* last hops whose descriptors are being fetched */
  NODE_TRIP_TRIES = 3,                  /* paths tried for one circuit */
  NODE_KEEP_US = 120000000,             /* a circuit that is idle says so this often */
  NODE_DETACHED_US = 60000000,          /* a session waits so long for another circuit */
  NODE_CALM_US = 30000000,        /* after so long without streams it keeps one circuit only */
  NODE_VISIT_IDLE_US = 600000000, /* a session without streams is given up */
  NODE_ANSWER_US = 3000000,       /* a client waits at most so long for an answer ... */
  NODE_ANSWER_MIN_US = 800000,    /* ... and at least this beyond two set-ups; then it asks on */
  NODE_FAR_US = 3000000,          /* more of it in a network that is larger than the book */
  NODE_BUILD_US = 2000000,        /* a circuit is given so long, the next one twice as long */
  NODE_LINES = 3,                 /* circuits of a session: in use, standing by, replacing one */
  NODE_PORTS = 4,                 /* ports of a service that are remembered as good */
  NODE_STANDBY_PACKETS = 1000,    /* a session that moved as much, or ... */
  NODE_STANDBY_BUSY = 2,          /* ... had streams for so many seconds, gets a second circuit */
  NODE_STANDBY_WAIT_US = 1000000, /* pause after that failed, doubling ... */
  NODE_STANDBY_WAIT_MAX_US = 60000000, /* ... up to this */
  NODE_AGAIN_US = 200000,              /* pause after a rendezvous was lost */
  NODE_FETCH_US = 10000000,            /* ... and so long for a descriptor */
  NODE_VISIT_TRIES = 10,               /* requests before a client gives up */
  NODE_FETCH_TRIES = 3,                /* a descriptor that does not come counts as so many */
  NODE_SHUNNED = 4,                    /* places to meet that are not tried again */
  NODE_SOLVE_TRIES = 8192,             /* nonces tried in one go, about 3 ms */
  NODE_PUBLISH_S = 3600,               /* a descriptor is published anew at least this often */
  NODE_GATHER_US = 1500000, /* the first descriptor waits so long for all introduction points */
  NODE_KEM_S = 43200,       /* a service's KEM key is used so long */
  NODE_LISTEN_RATE = 50,    /* requests passed on to one service in a second; burst the same */
  NODE_BUNDLE_MEET = 0x40000000, /* in a bundle's user: index of a session + 1 follows */
  NODE_SESSION_ADDED = 8,        /* chunk in which tables of pointers grow */
};

/* ---- trip.c ---- */

typedef enum node_trip_kind {
  TRIP_FREE = 0,
  TRIP_LISTEN, /* service: ends at an introduction point */
  TRIP_JOIN,   /* service: ends at a client's rendezvous */
  TRIP_WAIT,   /* client: ends at its rendezvous */
  TRIP_ASK,    /* client: ends at an introduction point, and is done when it is there */
} node_trip_kind;

typedef enum node_trip_state {
  TRIP_LINK = 1,
  TRIP_BUILDING,
  TRIP_OPEN,
  TRIP_LEARN, /* the descriptor of the last hop is being fetched */
} node_trip_state;

/* An own circuit for a service. */
typedef struct node_trip {
  uint8_t kind, state, hops, tries;
  bool lost;       /* for `why`: see al_node_trips_settle */
  bool any_last;   /* the last hop is drawn; else it is `last` */
  uint8_t part_of; /* LISTEN: halves of a request that are there ... */
  uint16_t part_number;
  al_circ circ;
  al_link link;
  uint32_t owner; /* handle of the service, session or visit */
  uint32_t learn; /* the question for the last hop's descriptor; 0: none was needed */
  al_id path[AL_HOPS_MAX], last;
  al_bytes data; /* for the last hop; its owner's */
  al_time started, spoke_at;
  uint32_t build_us;
  al_reason why;
  uint8_t secret[AL_MEET_SECRET_BYTES]; /* LISTEN; WAIT: the cookie */
  uint8_t intro_id[32];                 /* LISTEN */
  uint8_t *parts;                       /* LISTEN: the request being put together */
} node_trip;

/* al_node_trip_plan — what circuit is wanted. */
typedef struct node_trip_plan {
  node_trip_kind kind;
  uint32_t owner;
  const al_id *last; /* NULL: any relay */
  al_bytes data;     /* borrowed until the circuit is open or given up */
} node_trip_plan;

/* al_node_trip_new — begin a circuit; its owner hears how it goes on (al_node_trip_event).
 * Result: index + 1; 0 with a reason when that is known at once.
 * Cost:   path choice and a set-up packet; may allocate.   Source: PROTOCOL.md 9.
 * Tested: sim/service. */
uint32_t al_node_trip_new(al_node *n, al_work *w, const node_trip_plan *p, al_reason *ret_why);

/* al_node_trips_free — how many more there may be.
 *   Result: a count.   Cost: O(trips).   Source: none.   Tested: sim/service_first. */
uint32_t al_node_trips_free(const al_node *n);

/* al_node_trip_adopt — the same for a WAIT from a spare circuit that is open already.
 * Result: index + 1; 0: there is no spare.   Cost: O(own circuits).   Source: PROTOCOL.md 9.
 * Tested: sim/service. */
uint32_t al_node_trip_adopt(al_node *n, al_work *w, uint32_t owner);

/* al_node_trip_end — give a circuit up; its owner is not told.
 *   trip   index + 1; 0 is allowed
 * Result: none.   Cost: O(held cells).   Source: PROTOCOL.md 9.   Tested: sim/service. */
void al_node_trip_end(al_node *n, al_work *w, uint32_t trip);

/* al_node_trip_learnt — the descriptor that circuits waited for is in the book, or cannot be had
 * (counted: meet_no_relay).   Result: none.   Cost: a set-up packet.   Source: PROTOCOL.md 9.3.
 * Tested: sim/service_far. */
void al_node_trip_learnt(al_node *n, al_work *w, uint32_t token, bool known);

/* al_node_trip_at — the circuit of index + 1.
 *   Result: never NULL.   Cost: O(1).   Source: none.   Tested: sim/service. */
node_trip *al_node_trip_at(const al_node *n, uint32_t trip);

/* al_node_trip_of — whether a circuit is for a service.
 * Result: index + 1 or 0.   Cost: O(1).   Source: PROTOCOL.md 9.   Tested: sim/service. */
uint32_t al_node_trip_of(const al_node *n, al_circ circ);

/* al_node_trips_house — circuits that stay idle say so; and who waits for a link too long.
 * Result: none.   Cost: O(trips).   Source: PROTOCOL.md 9.   Tested: sim/service. */
void al_node_trips_house(al_node *n, al_work *w);

/* al_node_trip_forget — wipe a circuit's place; nobody is told.
 *   Result: none.   Cost: O(1).   Source: none.   Tested: sim/service. */
void al_node_trip_forget(al_node *n, node_trip *t);

/* ---- meet.c ---- */

/* al_node_payload_send — have a relay payload go out on a circuit that begins or ends here.
 *   payload   AL_RELAY_BYTES bytes
 * Result: false when there was no buffer or the circuit is not open.
 * Cost:   one wide-block pass a hop.   Source: PROTOCOL.md 6.4.   Tested: sim/service. */
bool al_node_payload_send(al_node *n, al_work *w, al_circ circ, const uint8_t *payload);

/* al_node_meet_send — the same for a message of kind MEET.
 * Result: as al_node_payload_send.   Cost: the same.   Source: PROTOCOL.md 9.3.
 * Tested: sim/service. */
bool al_node_meet_send(al_node *n, al_work *w, al_circ circ, const al_meet *m);

/* ---- session.c ---- */

/* A circuit that carries a session. Secret. */
typedef struct node_line {
  uint32_t trip; /* index + 1; 0: none */
  uint8_t path;  /* of the session's bundle */
  al_sealed sealed;
} node_line;

/* A session with a service, at either end. Secret. */
typedef struct node_session {
  uint32_t self; /* handle: index + 1 and a generation */
  bool client, begun;
  node_line line[NODE_LINES];
  uint32_t next_trip; /* the service's side: a circuit that is to become a line */
  uint32_t service;   /* ... and whose it is */
  al_bundle bundle;
  al_session_keys keys, next_keys;
  uint8_t join[1 + AL_MEET_COOKIE_BYTES + AL_MEET_ANSWER_BYTES]; /* the service's side: JOIN */
  al_time lost_at;                                               /* 0: it has a line */
  al_time used_at;
  struct node_visit *visit; /* the client's side */
} node_session;

/* al_node_session_new — a session with a bundle and no circuit.
 * Result: NULL when full or out of memory.   Cost: allocates.   Source: PROTOCOL.md 9.6.
 * Tested: sim/service. */
node_session *al_node_session_new(al_node *n, bool client);

/* al_node_session_idle — the session of a service (or client) that is without streams for longest:
 * who gives way when there is no room.
 *   Result: NULL when all have streams.   Cost: O(sessions).   Source: PROTOCOL.md 9.6.
 *   Tested: sim/service_first. */
node_session *al_node_session_idle(const al_node *n, bool client);

/* al_node_session_spare — give up the circuits of a session that are not in use.
 *   Result: none.   Cost: what was under way.   Source: PROTOCOL.md 9.6.
 *   Tested: sim/service_first. */
void al_node_session_spare(al_node *n, al_work *w, node_session *s);

/* al_node_session_at — the session of a handle.
 *   Result: NULL when it is gone.   Cost: O(1).   Source: none.   Tested: sim/service. */
node_session *al_node_session_at(const al_node *n, uint32_t handle);

/* al_node_session_end — close its bundle, which resets its streams, and forget it.
 * Result: none.   Cost: O(streams).   Source: PROTOCOL.md 9.6.   Tested: sim/service. */
void al_node_session_end(al_node *n, al_work *w, node_session *s, al_reason why);

/* al_node_session_carry — a further circuit can carry the session, under fresh keys. At the client
 * those that are suspected end.
 * Result: AL_OK, AL_ENOMEM.   Cost: allocates the path's record.   Source: PROTOCOL.md 9.6.
 * Tested: sim/service. */
al_err al_node_session_carry(al_node *n, al_work *w, node_session *s, uint32_t trip,
                             const al_session_keys *keys);

/* al_node_trip_session — the session that a circuit carries, or will.
 *   Result: NULL when there is none.   Cost: O(1).   Source: PROTOCOL.md 9.6.
 *   Tested: sim/service. */
node_session *al_node_trip_session(const al_node *n, uint32_t trip);

/* al_node_session_rx — a packet on the circuit of a session; owns the buffer.
 * Result: none.   Cost: one AEAD, see al_bundle_rx.   Source: PROTOCOL.md 9.6.
 * Tested: sim/service. */
void al_node_session_rx(al_node *n, al_work *w, uint32_t trip, al_buf buf, uint8_t *payload);

/* al_node_session_lose — a circuit is gone; the bundle goes on over another one, or waits.
 * Result: false: it was not one of this session's.   Cost: what was under way.
 * Source: PROTOCOL.md 9.6.   Tested: sim/service. */
bool al_node_session_lose(al_node *n, node_session *s, uint32_t trip);

/* al_node_session_lines — how many circuits carry it.
 *   Result: a count.   Cost: O(1).   Source: none.   Tested: sim/service. */
uint32_t al_node_session_lines(const node_session *s);

/* al_node_session_look — what is known of it on one of its circuits.
 * Result: false: the circuit carries no session.   Cost: O(1).   Source: PROTOCOL.md 9.6.
 * Tested: sim/service. */
bool al_node_session_look(const al_node *n, al_circ circ, al_bundle_info *ret);

/* al_node_session_streams — how many streams it has.
 *   Result: a count.   Cost: O(1).   Source: none.   Tested: sim/service. */
uint32_t al_node_session_streams(const al_node *n, const node_session *s);

/* ---- desc.c ---- */

/* al_node_desc_put — have a record of a service kept by the network.
 *   Result: none.   Cost: a lookup.   Source: PROTOCOL.md 9.2.   Tested: sim/service. */
void al_node_desc_put(al_node *n, al_bytes record);

/* al_node_desc_get — fetch one; al_node_desc_got follows, never from inside.
 *   Result: none.   Cost: a lookup.   Source: PROTOCOL.md 9.2.   Tested: sim/service. */
void al_node_desc_get(al_node *n, const al_id *key, uint32_t token);

/* al_node_desc_node — have the descriptor of a node in the book; al_node_trip_learnt follows, never
 * from inside.   Result: none.   Cost: a lookup, through a circuit.   Source: PROTOCOL.md 9.3.
 * Tested: sim/service_far. */
void al_node_desc_node(al_node *n, const al_id *id, uint32_t token);

/* al_node_desc_got — it came, or (empty) it did not.
 *   Result: none.   Cost: one verification.   Source: PROTOCOL.md 9.2.   Tested: sim/service. */
void al_node_desc_got(al_node *n, al_work *w, uint32_t token, al_bytes record);

/* al_node_desc_clear — forget what is under way.
 *   Result: none.   Cost: frees.   Source: none.   Tested: sim/service. */
void al_node_desc_clear(al_node *n);

/* ---- all of it ---- */

/* node_meets — what a node has that uses or offers services. */
struct node_meets {
  node_trip trips[NODE_TRIPS_MAX];
  node_session *sessions[NODE_SESSIONS_MAX + NODE_VISITS_MAX];
  uint16_t session_uses[NODE_SESSIONS_MAX + NODE_VISITS_MAX];
  struct node_service *services[AL_SERVICES_MAX];
  struct node_visit *visits[NODE_VISITS_MAX];
  uint32_t *trip_of; /* by index of circuit: index + 1 */
  uint32_t service_uses, token, learns;
  bool trips_lost;
  al_time solve_at, tick_at;
  al_time put_again_at;    /* something was not kept: publish again; 0: nothing */
  struct node_desc *descs; /* of services: to be put or fetched */
};

/* al_node_meets_need — have a node_meets.
 * Result: AL_OK, AL_ENOMEM.   Cost: allocates it the first time.   Source: PROTOCOL.md 9.
 * Tested: sim/service. */
al_err al_node_meets_need(al_node *n);

#endif
