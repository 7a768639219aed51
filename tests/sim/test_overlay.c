/* test_overlay.c — the DHT of many small cores in virtual time. Arguments: scene, seed, nodes, and
 * (not in the tests) 1 for two links a bucket. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lookups.h"
#include "tap.h"

typedef struct test {
  lookups l;
  world *w;
  uint32_t nodes;
  bool ready;
} test;

static al_shelf *shelf;

static void *shelf_get(void *ctx, size_t size) {
  (void)ctx;
  return calloc(1, size);
}

static void shelf_put(void *ctx, void *ptr, size_t size) {
  (void)ctx;
  (void)size;
  free(ptr);
}

static void configure(void *ctx, world *w, uint32_t node, al_config *c) {
  (void)ctx;
  (void)w;
  (void)node;
  c->shelf = shelf;
}

static void heard(void *ctx, world *w, uint32_t node, const al_event *ev) {
  test *t = ctx;
  (void)w;
  if (t->ready) lookups_event(&t->l, node, ev);
}

/* What the nodes look like: links, how many they think there are, bytes. */
static void look(test *t, const char *what) {
  uint64_t links = 0, most = 0, good = 0, running = 0;
  for (uint32_t i = 0; i < t->nodes; i++) {
    al_node_info info;
    if (!world_running(t->w, i)) continue;
    al_inspect_node(world_node(t->w, i), &info);
    uint64_t size = al_node_network_size(world_node(t->w, i));
    running++;
    links += info.links_up;
    if (info.links_up > most) most = info.links_up;
    good += size >= t->nodes / 2 && size <= t->nodes * 2u;
  }
  world_stats s = world_stats_now(t->w);
  printf(
      "# %s at %u s: %u run, %u.%u links a node, at most %u; %u guess their number; %u bytes of "
      "core a node, %u sent\n",
      what, (unsigned)(world_now(t->w) / AL_SECOND), (unsigned)running, (unsigned)(links / running),
      (unsigned)(links * 10 / running % 10), (unsigned)most, (unsigned)good,
      (unsigned)(s.core_bytes / running), (unsigned)(s.bytes / running));
  fflush(stdout);
}

static void start(test *t, uint64_t seed, uint32_t nodes, bool wide) {
  const al_alloc a = {NULL, shelf_get, shelf_put};
  world_options o;
  if (al_shelf_new(&shelf, &a, al_suite_null(), (const uint8_t[16]){3}) != AL_OK) abort();
  world_options_default(&o);
  o.seed = seed;
  o.nodes = nodes;
  o.delay_us = 25000;
  o.jitter_us = 10000;
  o.no_store = true;
  al_limits_small(&o.limits);
  o.limits.peers_max = 1024;
  if (wide) o.limits.links_max = 128;
  o.configure = configure;
  t->nodes = nodes;
  t->w = world_new(&o, heard, t);
  lookups_init(&t->l, t->w, nodes, seed);
  for (uint32_t i = 0; i < nodes; i++) {
    world_start(t->w, i);
    if (i > 0) world_join(t->w, i, (uint32_t)lookups_draw(&t->l, i));
    lookups_know(&t->l, i);
    world_run(t->w, world_now(t->w) + 20 * AL_MS);
  }
  t->ready = true;
  world_run(t->w, world_now(t->w) + 40 * AL_SECOND);
  look(t, "joined");
}

/* hops <= 1 + log2(n) / 2, in hundredths */
static uint32_t hops_bound(uint32_t nodes) {
  uint32_t bits = 0;
  while ((1u << (bits + 1)) <= nodes) bits++;
  return 100 + 50 * bits;
}

static void test_quiet(test *t) {
  lookups_run(&t->l, 300, 1, 20 * AL_MS);
  lookups_print(&t->l, "one path");
  tap_ok(lookups_success(&t->l) >= 999, "without churn every lookup names the closest node");
  tap_ok(lookups_hops(&t->l) <= hops_bound(t->nodes), "in no more hops than 1 + log2(n) / 2");
  lookups_reset(&t->l);
  lookups_run(&t->l, 100, 3, 20 * AL_MS);
  lookups_print(&t->l, "three paths");
  tap_ok(lookups_success(&t->l) >= 999, "over three paths, too");
  lookups_reset(&t->l);
  for (uint32_t i = 0; i < 50; i++) {
    al_lookup what = {.paths = 1, .first = true, .exact = true, .descriptor = i % 2 == 1};
    what.target = t->l.ids[lookups_someone(&t->l)];
    lookups_ask(&t->l, lookups_someone(&t->l), &what);
    world_run(t->w, world_now(t->w) + 20 * AL_MS);
  }
  world_run(t->w, world_now(t->w) + 12 * AL_SECOND);
  lookups_print(&t->l, "nodes by their ID");
  tap_ok(lookups_success(&t->l) == 1000 && t->l.score.failed == 0,
         "every node is reached by its ID, and its descriptor");
  tap_is_u64(world_counter(t->w, "dht_parse"), 0, "dht_parse: nobody says anything malformed");
  printf("# dht_unsent %u, dht_unasked %u, dht_busy %u\n",
         (unsigned)world_counter(t->w, "dht_unsent"), (unsigned)world_counter(t->w, "dht_unasked"),
         (unsigned)world_counter(t->w, "dht_busy"));
  look(t, "in the end");
}

int main(int argc, char **argv) {
  static test t;
  const char *scene = argc > 1 ? argv[1] : "quiet";
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  uint32_t nodes = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 100;
  printf("# scene %s, seed %u, %u nodes\n", scene, (unsigned)seed, nodes);
  start(&t, seed, nodes, argc > 4);
  if (strcmp(scene, "quiet") == 0) test_quiet(&t);
  lookups_free(&t.l);
  world_free(t.w);
  al_shelf_free(shelf);
  return tap_done();
}
