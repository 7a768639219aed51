/* test_circuit_net.h — a line of nodes in one process for the tests of src/circuit: origin 0, hops
 * 1..n, joined by links that are arrays. */
#ifndef TEST_CIRCUIT_NET_H
#define TEST_CIRCUIT_NET_H

#include <stdlib.h>

#include "circuit/circuit.h"
#include "circuit/table.h"
#include "shake/hop.h"
#include "sphinx/sphinx.h"
#include "tap.h"

enum {
  NET_NODES = AL_HOPS_MAX + 1,
  NET_PREV = 1 << 20 | 0, /* every node's link to the node in front of it */
  NET_NEXT = 1 << 20 | 1, /* every node's link to the node behind it */
};

typedef struct net_node {
  al_circuits cs;
  al_counters count;
  al_id id;
  uint8_t onion_pk[AL_KEM_PK_BYTES], onion_sk[AL_KEM_SK_BYTES];
  al_circ circ; /* of the circuit built last */
} net_node;

typedef struct net {
  const al_suite *suite;
  al_rng rng;
  al_alloc alloc;
  bool frozen; /* allocation ends the program: nothing on the packet path may allocate */
  size_t allocated;
  int nodes;
  al_time now;
  net_node node[NET_NODES];
} net;

static void *net_alloc(void *ctx, size_t size) {
  net *n = ctx;
  if (n->frozen) {
    printf("Bail out! allocation on the packet path\n");
    abort();
  }
  n->allocated += size;
  return calloc(1, size);
}

static void net_free(void *ctx, void *ptr, size_t size) {
  ((net *)ctx)->allocated -= size;
  free(ptr);
}

/* The configuration of node i; a test changes what it wants to test. */
static inline al_circuits_config net_config(net *n, int i) {
  return (al_circuits_config){.alloc = &n->alloc,
                              .suite = n->suite,
                              .rng = &n->rng,
                              .counters = &n->node[i].count,
                              .self = n->node[i].id,
                              .circuits_max = 64,
                              .links_max = 4};
}

static inline void net_init(net *n, const al_suite *suite, uint64_t seed) {
  memset(n, 0, sizeof *n);
  n->suite = suite;
  n->alloc = (al_alloc){n, net_alloc, net_free};
  n->now = 1000 * AL_SECOND;
  uint8_t s[AL_RNG_SEED_BYTES] = {0};
  al_store_u64(s, seed);
  al_rng_init(&n->rng, suite, s);
  n->nodes = NET_NODES;
  for (int i = 0; i < NET_NODES; i++) {
    uint8_t kem[AL_KEM_SEED_BYTES];
    al_rng_bytes(&n->rng, kem, sizeof kem);
    al_rng_bytes(&n->rng, n->node[i].id.b, sizeof n->node[i].id.b);
    suite->kem_keypair(n->node[i].onion_pk, n->node[i].onion_sk, kem);
  }
}

/* Tables and links of node i. Of the link between i and i + 1 node i is the dialler when i is even.
 */
static inline void net_start(net *n, int i, const al_circuits_config *c) {
  al_circuits *cs = &n->node[i].cs;
  al_err e = al_circuits_init(cs, c);
  if (e == AL_OK) e = al_circuits_reserve(cs, c->circuits_max);
  if (e == AL_OK && i > 0) e = al_circuit_link_up(cs, NET_PREV, (i - 1) % 2 != 0, n->now);
  if (e == AL_OK && i + 1 < n->nodes) e = al_circuit_link_up(cs, NET_NEXT, i % 2 == 0, n->now);
  if (e != AL_OK) {
    printf("Bail out! node %d: %s\n", i, al_err_name(e));
    abort();
  }
}

static inline void net_start_all(net *n) {
  for (int i = 0; i < n->nodes; i++) {
    al_circuits_config c = net_config(n, i);
    net_start(n, i, &c);
  }
}

static inline void net_clear(net *n) {
  n->frozen = false;
  for (int i = 0; i < n->nodes; i++) al_circuits_clear(&n->node[i].cs);
}

static inline uint64_t net_counter(const net *n, int i, al_counter what) {
  return n->node[i].count.v[what];
}

static inline void net_plan(const net *n, uint8_t hops, al_circuit_plan *plan) {
  plan->hops = hops;
  for (uint8_t h = 0; h < hops; h++) {
    plan->id[h] = n->node[h + 1].id;
    memcpy(plan->onion_pk[h], n->node[h + 1].onion_pk, AL_KEM_PK_BYTES);
  }
}

/* A set-up packet on its way. */
typedef struct net_packet {
  uint32_t id; /* on the link it is on */
  uint8_t bytes[AL_SPHINX_BYTES];
} net_packet;

/* Node i receives the set-up packet: the verdict, and what al_circuit_extend gave. */
static inline al_circuit_verdict net_extend(net *n, int i, net_packet *packet, uint8_t *cell,
                                            al_circuit_out *out) {
  al_sphinx_keys keys;
  al_sphinx_result r;
  if (al_sphinx_open(n->suite, packet->bytes, n->node[i].onion_sk, &keys) != AL_OK ||
      al_sphinx_peel(n->suite, packet->bytes, &keys, &r) != AL_OK)
    return AL_CIRCUIT_DROP;
  const al_circuit_request q = {
      .link = NET_PREV, .id = packet->id, .route = &r.route, .hop_secret = keys.secret};
  al_circuit_verdict v = al_circuit_extend(&n->node[i].cs, n->now, &q, cell, out);
  if (v != AL_CIRCUIT_DROP) n->node[i].circ = out->circ;
  return v;
}

/* Send a set-up packet down the line; the CREATED cell of the last hop is in `cell`. */
static inline bool net_extend_all(net *n, uint8_t hops, net_packet *packet, uint8_t *cell) {
  al_circuit_out out;
  for (int i = 1; i < hops; i++) {
    if (net_extend(n, i, packet, cell, &out) != AL_CIRCUIT_NEXT) return false;
    if (!al_id_equal(&out.next, &n->node[i + 1].id)) return false;
    if (al_circuit_link_out(&n->node[i].cs, out.circ, NET_NEXT, &packet->id) != AL_OK) return false;
  }
  return net_extend(n, hops, packet, cell, &out) == AL_CIRCUIT_SEND && out.circ != 0 &&
         out.link == NET_PREV;
}

/* Bring a CREATED cell from hop `from` back to the origin. */
static inline al_circuit_verdict net_created(net *n, int from, uint8_t *cell, al_circuit_out *out) {
  for (int i = from - 1; i > 0; i--)
    if (al_circuit_peel(&n->node[i].cs, n->now, NET_NEXT, cell, out) != AL_CIRCUIT_SEND ||
        out->link != NET_PREV)
      return AL_CIRCUIT_DROP;
  return al_circuit_peel(&n->node[0].cs, n->now, NET_NEXT, cell, out);
}

/* Begin a circuit of so many hops at the origin. */
static inline bool net_open(net *n, uint8_t hops, net_packet *packet) {
  al_circuit_plan plan;
  net_plan(n, hops, &plan);
  const al_circuit_opening o = {.link = NET_NEXT, .plan = &plan, .packet = packet->bytes};
  return al_circuit_open(&n->node[0].cs, n->now, &o, &n->node[0].circ, &packet->id) == AL_OK;
}

/* Build a circuit of so many hops; node[i].circ are its handles. */
static inline bool net_build(net *n, uint8_t hops) {
  net_packet packet;
  uint8_t cell[AL_CELL_BYTES];
  al_circuit_out out;
  if (!net_open(n, hops, &packet) || !net_extend_all(n, hops, &packet, cell)) return false;
  n->now += 1000;
  return net_created(n, hops, cell, &out) == AL_CIRCUIT_OPENED && out.circ == n->node[0].circ &&
         out.build_us == 1000;
}

/* A relay payload that is known by a number. */
static inline void net_payload(uint8_t *payload, uint32_t number) {
  for (uint32_t i = 0; i < AL_RELAY_BYTES; i++)
    payload[i] = (uint8_t)(number * 31 + i * 7 + (i >> 8));
}

static inline bool net_is_payload(const uint8_t *payload, uint32_t number) {
  uint8_t want[AL_RELAY_BYTES];
  net_payload(want, number);
  return memcmp(payload, want, sizeof want) == 0;
}

/* The origin makes a cell for a hop. */
static inline bool net_seal(net *n, uint8_t hop, uint32_t number, uint8_t *cell) {
  al_link link;
  net_payload(cell + AL_CIRCUIT_PAYLOAD_AT, number);
  return al_circuit_seal(&n->node[0].cs, n->node[0].circ, hop, cell, &link) == AL_OK &&
         link == NET_NEXT;
}

/* Hop i makes a cell for the origin. */
static inline bool net_answer(net *n, int i, uint32_t number, uint8_t *cell) {
  al_link link;
  net_payload(cell + AL_CIRCUIT_PAYLOAD_AT, number);
  return al_circuit_seal(&n->node[i].cs, n->node[i].circ, 0, cell, &link) == AL_OK &&
         link == NET_PREV;
}

/* Carry a cell on from node `at`, which receives it, until somebody does not pass it on: the last
 * verdict; *at is who said it. */
static inline al_circuit_verdict net_run(net *n, int *at, bool forward, uint8_t *cell,
                                         al_circuit_out *out) {
  for (;;) {
    al_circuit_verdict v =
        al_circuit_peel(&n->node[*at].cs, n->now, forward ? NET_PREV : NET_NEXT, cell, out);
    if (v != AL_CIRCUIT_HOLD) return v;
    if (out->dir != (forward ? AL_CIRCUIT_FORWARD : AL_CIRCUIT_BACKWARD)) return AL_CIRCUIT_DROP;
    *at += forward ? 1 : -1;
  }
}

#endif
