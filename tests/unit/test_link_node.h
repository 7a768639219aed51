/* test_link_node.h — one node of the tests of links: keys, descriptor, a table of links whose
 * allocator can be closed, and what happened to it. */
#ifndef TEST_LINK_NODE_H
#define TEST_LINK_NODE_H

#include <stdlib.h>

#include "../support/test_alloc.h"
#include "../support/test_rand.h"
#include "link/keys.h"
#include "tap.h"

#define NET_WALL_S ((uint64_t)1700000000)
#define NET_UNUSED __attribute__((unused))

enum { NET_PAIRS_MAX = 8 };

typedef struct net_node {
  test_alloc ta;
  const al_alloc *alloc;
  al_rng rng;
  al_counters counters;
  al_identity identity;
  al_keyring keys;
  uint8_t record[AL_DESC_BYTES_MAX];
  al_bytes descriptor;
  al_links ls;
  al_link link[NET_PAIRS_MAX]; /* by pair; 0: none */
  /* what happened */
  unsigned ups, cells, messages, closed, dead, descriptors, drops;
  al_time up_at, dead_at;
  al_id up_peer, desc_peer;
  uint8_t code;
  al_cell_header cell;
  uint8_t payload[AL_CELL_PAYLOAD_BYTES];
  al_message_kind kind;
  uint32_t id, len;
  uint8_t body[AL_LINK_SLOT_BYTES];
  bool keep_slot; /* the slot of a message is not given back, but left in `slot` */
  uint32_t slot;
} net_node;

/* ---- nodes ---- */

/* Writes and signs the descriptor of an identity, with some fields of the caller's. */
NET_UNUSED static al_bytes net_descriptor(const al_suite *suite, const al_identity *identity,
                                          al_desc fields, uint8_t *out) {
  static uint8_t onion[AL_KEM_PK_BYTES];
  uint8_t coins[AL_SIG_COINS_BYTES] = {0};
  fields.onion_pk[0] = fields.onion_pk[1] = onion;
  if (fields.sequence == 0) fields.sequence = 7;
  if (fields.published_s == 0) fields.published_s = NET_WALL_S - 100;
  if (fields.expiry_s == 0) fields.expiry_s = fields.published_s + AL_DESC_LIFETIME_S;
  fields.epoch = fields.published_s / AL_EPOCH_S;
  al_wr w = al_wr_init(out, AL_DESC_BYTES_MAX);
  if (al_descriptor_make(suite, identity, &fields, coins, &w) != AL_OK) abort();
  return al_wr_view(&w);
}

static void net_node_init(net_node *n, const al_suite *suite, uint8_t name) {
  uint8_t seed[32];
  memset(seed, name, sizeof seed);
  memset(n, 0, sizeof *n);
  n->alloc = test_alloc_bind(&n->ta);
  al_identity_init(suite, seed, &n->identity);
  test_rand_bytes(seed, sizeof seed);
  al_rng_init(&n->rng, suite, seed);
  n->descriptor = net_descriptor(suite, &n->identity, (al_desc){0}, n->record);
}

NET_UNUSED static al_links_config net_config(net_node *n, const al_suite *suite) {
  return (al_links_config){
      .suite = suite,
      .alloc = n->alloc,
      .rng = &n->rng,
      .counters = &n->counters,
      .keys = (n->keys = al_keyring_over(&n->identity), &n->keys),
      .descriptor = &n->descriptor,
      .network = al_view("test", 4),
      .simulation = true,
      .links_max = NET_PAIRS_MAX,
      .wall_s = NET_WALL_S,
  };
}

#endif
