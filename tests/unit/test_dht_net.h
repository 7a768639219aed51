/* test_dht_net.h — a network of tables, each with the links that it needs, given by somebody who
 * knows all nodes; and lookups in it. */
#ifndef TEST_DHT_NET_H
#define TEST_DHT_NET_H

#include "test_dht_wires.h"

static uint64_t net_distance(const net *t, uint32_t a, uint64_t target) {
  return al_dht_prefix(&t->n[a].id) ^ target;
}

static uint32_t net_closest(const net *t, const al_id *target) {
  uint32_t best = UINT32_MAX;
  for (uint32_t i = 0; i < NET_NODES; i++) {
    if (t->n[i].way != NET_HONEST) continue;
    uint64_t p = al_dht_prefix(target);
    if (best == UINT32_MAX || net_distance(t, i, p) < net_distance(t, best, p)) best = i;
  }
  return best;
}

/* Every node is linked to its closest, and to somebody of every region it lacks. */
static net *net_new(uint8_t per_bucket) {
  static const uint8_t seed[32] = {7};
  net *t = calloc(1, sizeof *t);
  AL_ASSERT(t != NULL);
  t->queue = calloc(NET_MESSAGES, sizeof *t->queue);
  AL_ASSERT(t->queue != NULL);
  al_rng_init(&t->rng, al_suite_null(), seed);
  t->now = AL_SECOND;
  al_dht_config c = {.alloc = test_alloc_bind(&t->ta),
                     .suite = al_suite_null(),
                     .rng = &t->rng,
                     .counters = &t->counters,
                     .links_max = NET_LINKS,
                     .queries_max = 64,
                     .lookups_max = 4,
                     .per_bucket = per_bucket,
                     .contact = true};
  for (uint32_t i = 0; i < NET_NODES; i++) {
    net_name(&t->n[i]);
    c.self = t->n[i].id;
    if (al_dht_init(&t->n[i].d, &c) != AL_OK) AL_ASSERT(false);
  }
  for (uint32_t i = 0; i < NET_NODES; i++) {
    uint64_t self = al_dht_prefix(&t->n[i].id);
    for (uint32_t k = 0; k < NET_NODES; k++) {
      uint32_t closer = 0;
      for (uint32_t j = 0; j < NET_NODES; j++)
        closer += j != i && net_distance(t, j, self) < net_distance(t, k, self);
      if (closer < AL_DHT_CLOSE) net_connect(t, i, k);
    }
  }
  for (uint32_t i = 0; i < NET_NODES; i++) {
    uint32_t at = (uint32_t)test_rand_below(NET_NODES);
    for (uint32_t k = 0; k < NET_NODES; k++, at = (at + 1) % NET_NODES) {
      if (at != i && al_dht_wants(&t->n[i].d, &t->n[at].id)) net_connect(t, i, at);
    }
  }
  return t;
}

static void net_free(net *t) {
  for (uint32_t i = 0; i < NET_NODES; i++) al_dht_clear(&t->n[i].d);
  tap_ok(t->ta.bytes_out == 0 && t->ta.breaches == 0, "nothing leaked");
  free(t->queue);
  free(t);
}

/* Ask, and wait for the end. Result: whether it named the closest node. */
static bool net_look(net *t, uint32_t node, const al_dht_ask *ask) {
  uint32_t handle;
  if (al_dht_start(&t->n[node].d, ask, t->now, &handle) != AL_OK) return false;
  net_run(t, t->now + 20 * AL_SECOND);
  const al_id *want = &t->n[net_closest(t, &ask->target)].id;
  for (uint32_t i = 0; t->ended && i < t->ended_count; i++) {
    if (al_id_equal(&t->best[i], want)) return true;
  }
  return false;
}

static uint32_t net_honest(const net *t) {
  for (;;) {
    uint32_t i = (uint32_t)test_rand_below(NET_NODES);
    if (t->n[i].way == NET_HONEST) return i;
  }
}

/* So many nodes become something else. */
static void net_turn(net *t, uint32_t count, net_way way) {
  for (uint32_t i = 0; i < count; i++) t->n[net_honest(t)].way = way;
}

#endif
