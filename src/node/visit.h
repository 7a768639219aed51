/* visit.h — services of this node, and services of others that it uses. Layer 4,
 * private. */
#ifndef AL_NODE_VISIT_H
#define AL_NODE_VISIT_H

#include "node/meet.h"

/* ---- service.c ---- */

/* A service of this node. Secret. */
typedef struct node_service {
  uint32_t self;
  al_service_keys keys;
  uint8_t kem_pk[2][AL_KEM_PK_BYTES]; /* in use; the one before */
  uint8_t (*kem_sk)[AL_KEM_SK_BYTES]; /* two of them */
  bool kem_before;
  uint8_t cookie[AL_KEY_BYTES];
  uint32_t clients_count;
  uint8_t *clients;
  uint32_t trips[NODE_INTROS]; /* index + 1 */
  uint32_t wait_us[NODE_INTROS];
  al_time retry_at[NODE_INTROS];
  al_gate gate;
  al_time kem_at, published_at,
      first_at; /* first_at: an introduction point is there, unpublished */
  uint64_t published_period, sequence;
  uint32_t told; /* introduction points, as the host knows */
  bool changed, published;
  uint64_t introduced, refused;
} node_service;

/* al_node_service_trip — something happened to a circuit of a service or of its session.
 * Result: none.   Cost: its own.   Source: PROTOCOL.md 9.   Tested: sim/service. */
void al_node_service_trip(al_node *n, al_work *w, uint32_t trip, bool opened, al_reason why);

/* al_node_service_request — a request came on a LISTEN circuit.
 *   in   AL_MEET_REQUEST_BYTES bytes
 * Result: none.   Cost: hashes; when it is taken a decapsulation and a circuit.
 * Source: PROTOCOL.md 9.4.   Tested: sim/service. */
void al_node_service_request(al_node *n, al_work *w, uint32_t trip, const uint8_t *in);

/* al_node_services_house — introduction points, keys, publication.
 * Result: none.   Cost: O(services).   Source: PROTOCOL.md 9.   Tested: sim/service. */
void al_node_services_house(al_node *n, al_work *w);

/* al_node_service_free — forget a service; its circuits and sessions are gone already.
 * Result: none.   Cost: frees.   Source: PROTOCOL.md 9.   Tested: sim/service. */
void al_node_service_free(al_node *n, node_service *s);

/* ---- visit.c ---- */

typedef enum node_visit_state {
  VISIT_FETCH = 1, /* the descriptor is being fetched */
  VISIT_CHOOSE,    /* an introduction point is to be asked */
  VISIT_SOLVE,     /* the request must show work */
  VISIT_ASK,       /* the request is on its way */
  VISIT_WAIT,      /* ... and was handed over: an answer must come */
  VISIT_OPEN,      /* the session is carried, and no further circuit asked for */
} node_visit_state;

/* A service of somebody else that is in use, or was. Secret. */
typedef struct node_visit {
  node_visit_state state;
  node_session *session;
  al_name name;
  uint64_t isolation;
  bool has_client, has_box, has_desc, desc_fresh;
  uint8_t client_seed[AL_KEM_SEED_BYTES];
  uint8_t tries;
  uint8_t tried;               /* introduction points, a bit each ... */
  uint8_t denied;              /* ... and those that do not know the service */
  uint8_t intro;               /* the one in use */
  uint8_t fetches;             /* answers that are missing: descriptor 1, the client's box 2 */
  uint32_t token;              /* of the fetch under way */
  al_id shunned[NODE_SHUNNED]; /* relays where nobody came; latest first */
  uint32_t wait_trip, ask_trip;
  uint64_t period, desc_end_s;
  al_service_desc desc;
  uint8_t box[AL_CLIENT_SEALED_BYTES];
  uint8_t *sealed;          /* a descriptor that waits for the box */
  al_ask ask, before;       /* the last request, and the one before, to the same place ... */
  bool asked, asked_before; /* ... if there were */
  uint8_t cookie[AL_MEET_COOKIE_BYTES], rendezvous[1 + AL_MEET_COOKIE_BYTES];
  uint8_t introduce[AL_MEET_BYTES_MAX];
  al_id key[2];               /* of the records: descriptor, box */
  al_time deadline;           /* of the state; AL_TIME_NEVER */
  al_time standby_at;         /* no second circuit is tried for before */
  uint32_t standby_wait_us;   /* ... and the pause after the next failure */
  uint8_t busy;               /* seconds with streams */
  uint16_t ports[NODE_PORTS]; /* where the last stream was accepted, latest first; 0: none */
} node_visit;

/* al_node_trip_shunned — relays that a circuit had better not end at.
 *   ret   the first of them; written when there are any                                 [out]
 * Result: how many.   Cost: O(1).   Source: PROTOCOL.md 9.3.   Tested: sim/service_hostile. */
size_t al_node_trip_shunned(const al_node *n, const node_trip *t, const al_id **ret);

/* al_node_visit_trip — something happened to a circuit of a client.
 * Result: none.   Cost: its own.   Source: PROTOCOL.md 9.   Tested: sim/service. */
void al_node_visit_trip(al_node *n, al_work *w, uint32_t trip, bool opened, al_reason why);

/* al_node_visit_joined — the answer came to the rendezvous.
 *   answer   AL_MEET_ANSWER_BYTES bytes
 * Result: none.   Cost: one X25519.   Source: PROTOCOL.md 9.4.   Tested: sim/service. */
void al_node_visit_joined(al_node *n, al_work *w, uint32_t trip, const uint8_t *answer);

/* al_node_visit_port — a stream to a port was accepted, or was reset.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 9.6.   Tested: sim/service. */
void al_node_visit_port(node_session *s, uint16_t port, bool good);

/* al_node_visit_suspect — a client's circuit is silent: have another one in its place.
 * Result: none.   Cost: a circuit.   Source: PROTOCOL.md 9.6.   Tested: sim/service. */
void al_node_visit_suspect(al_node *n, al_work *w, node_session *s);

/* al_node_visits_tick — deadlines and puzzles.
 * Result: none.   Cost: O(visits) when one is due.   Source: PROTOCOL.md 9.
 * Tested: sim/service. */
void al_node_visits_tick(al_node *n, al_work *w);

/* al_node_visits_house — sessions that nobody uses, or that wait too long.
 * Result: none.   Cost: O(visits).   Source: PROTOCOL.md 9.   Tested: sim/service. */
void al_node_visits_house(al_node *n, al_work *w);

/* al_node_visit_free — forget a visit; its circuits and session are gone already.
 * Result: none.   Cost: frees.   Source: PROTOCOL.md 9.   Tested: sim/service. */
void al_node_visit_free(al_node *n, node_visit *v);

#endif
