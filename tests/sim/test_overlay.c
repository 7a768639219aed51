/* test_overlay.c — the DHT of many small cores in virtual time. Arguments: scene, seed, nodes, and
 * (not in the tests) 1 for two links a bucket. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lookups.h"
#include "tap.h"
#include "wire/wire.h"

typedef struct test {
  lookups l;
  world *w;
  uint32_t nodes;
  bool ready, hostile;
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

/* ---- suites that look at what a node says of the DHT, and change it ---- */

/* What hostile nodes heard: which query has which target. */
enum { ASKED = 1 << 14 };
static struct {
  uint64_t query;
  al_id target;
} asked[ASKED];

static al_suite counting, dropping, lying;
static bool evil; /* hostile nodes begin to be so */
static uint64_t dht_frames, dht_lies;

/* A sealed or opened cell: its plaintext, if it is a message of the DHT in one piece. */
static bool dht_cell(uint8_t *text, size_t len, al_dht_message *m) {
  al_cell_header h;
  if (len != AL_CELL_BYTES || al_cell_decode(text, &h) != AL_OK) return false;
  if (h.type != AL_CELL_MESSAGE || h.flags != AL_MESSAGE_DHT) return false;
  uint32_t total = al_cell_message_total(&h);
  return total <= AL_CELL_PAYLOAD_BYTES &&
         al_dht_decode(al_view(text + AL_CELL_HEADER_BYTES, total), m) == AL_OK;
}

static void counting_seal(uint8_t *text, size_t len, uint8_t tag[16], const uint8_t key[32],
                          uint64_t nonce, al_bytes ad) {
  al_cell_header h;
  if (len == AL_CELL_BYTES && al_cell_decode(text, &h) == AL_OK && h.type == AL_CELL_MESSAGE)
    dht_frames += h.flags == AL_MESSAGE_DHT;
  al_suite_null()->seal(text, len, tag, key, nonce, ad);
}

/* Takes queries, and nothing comes of them. */
static void dropping_seal(uint8_t *text, size_t len, uint8_t tag[16], const uint8_t key[32],
                          uint64_t nonce, al_bytes ad) {
  al_dht_message m;
  if (evil && dht_cell(text, len, &m) && (m.type == AL_DHT_QUERY || m.type == AL_DHT_ANSWER))
    memset(text, 0, len); /* padding */
  al_suite_null()->seal(text, len, tag, key, nonce, ad);
}

static al_err lying_open(uint8_t *text, size_t len, const uint8_t tag[16], const uint8_t key[32],
                         uint64_t nonce, al_bytes ad) {
  al_dht_message m;
  al_err e = al_suite_null()->open(text, len, tag, key, nonce, ad);
  if (e == AL_OK && dht_cell(text, len, &m) && m.type == AL_DHT_QUERY) {
    asked[m.query % ASKED].query = m.query;
    asked[m.query % ASKED].target = m.target;
  }
  return e;
}

/* An answer full of nodes that are not there, closer than anybody. */
static void lie(uint8_t *text, const al_dht_message *q, const al_id *target) {
  static uint32_t number;
  uint8_t entries[512];
  al_wr w = al_wr_init(entries, sizeof entries);
  al_dht_message m = {.type = AL_DHT_ANSWER, .path = q->path, .query = q->query};
  for (m.count = 0; m.count < 12; m.count++) {
    al_id id = *target;
    al_store_u32(id.b + 5, ++number);
    al_dht_put_entry(&w, &id, al_view(NULL, 0));
  }
  m.entries = al_wr_view(&w);
  al_wr out = al_wr_init(text + AL_CELL_HEADER_BYTES, AL_CELL_PAYLOAD_BYTES);
  al_dht_encode(&m, &out);
  al_cell_header h;
  if (al_cell_decode(text, &h) != AL_OK) abort();
  h.counter = al_cell_fragment((uint32_t)out.len, 0);
  al_cell_encode(&h, text);
  dht_lies++;
}

/* Answers every query at once. */
static void lying_seal(uint8_t *text, size_t len, uint8_t tag[16], const uint8_t key[32],
                       uint64_t nonce, al_bytes ad) {
  al_dht_message m;
  if (evil && dht_cell(text, len, &m) && m.type != AL_DHT_STATE) {
    bool known = asked[m.query % ASKED].query == m.query;
    if (known && (m.type == AL_DHT_ACK || m.type == AL_DHT_ANSWER)) {
      al_id target = asked[m.query % ASKED].target;
      lie(text, &m, &target);
    } else {
      memset(text, 0, len);
    }
  }
  al_suite_null()->seal(text, len, tag, key, nonce, ad);
}

static void make_suites(void) {
  counting = dropping = lying = *al_suite_null();
  counting.seal = counting_seal;
  dropping.seal = dropping_seal;
  lying.seal = lying_seal;
  lying.open = lying_open;
}

/* In scene hostile one in ten drops, one in ten lies; they have shelves of their own. */
static bool is_hostile(const test *t, uint32_t node) { return t->hostile && node % 5 == 1; }

static void configure(void *ctx, world *w, uint32_t node, al_config *c) {
  const test *t = ctx;
  (void)w;
  c->shelf = shelf;
  c->suite = &counting;
  if (!is_hostile(t, node)) return;
  c->shelf = NULL;
  c->suite = node % 10 == 1 ? &dropping : &lying;
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
  make_suites();
  if (al_shelf_new(&shelf, &a, &counting, (const uint8_t[16]){3}) != AL_OK) abort();
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

/* At rest: what the DHT costs. */
static void test_idle(test *t) {
  world_run(t->w, world_now(t->w) + 240 * AL_SECOND); /* links that nobody wants are gone */
  look(t, "at rest");
  uint64_t frames = dht_frames, bytes = world_stats_now(t->w).bytes;
  world_run(t->w, world_now(t->w) + 60 * AL_SECOND);
  uint64_t dht = (dht_frames - frames) * (AL_FRAME_BYTES + 93) / t->nodes / 60;
  bytes = (world_stats_now(t->w).bytes - bytes) / t->nodes / 60;
  printf("# at rest a node sends %u bytes a second, %u of them for the DHT\n", (unsigned)bytes,
         (unsigned)dht);
  tap_ok(dht < 200, "the DHT of an idle node sends less than 200 bytes a second");
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

/* Lookups at once after so many have fallen silent; then when the rest has found together again. */
static void test_mass(test *t) {
  uint32_t fall = t->nodes * 3 / 10;
  for (uint32_t i = 0; i < fall; i++) {
    uint32_t n = lookups_someone(&t->l);
    t->l.gone[n] = true;
    world_stop(t->w, n, false);
  }
  for (uint32_t k = 0; k < 3; k++) {
    lookups_reset(&t->l);
    lookups_run(&t->l, 100, k == 0 ? 3 : 1, 5 * AL_MS);
    lookups_print(&t->l, k == 0 ? "at once, three paths" : "one path");
    if (k == 0)
      tap_ok(lookups_success(&t->l) >= 950, "right after 30 of 100 fail 95 of 100 are right");
    look(t, "after the fall");
    world_run(t->w, world_now(t->w) + 60 * AL_SECOND);
  }
  tap_ok(lookups_success(&t->l) >= 990, "three minutes later 99 of 100");
}

/* Sessions with an exponential length; half of all nodes go within an hour. Who has gone comes back
 * as somebody else, through a random one. */
static void test_churn(test *t) {
  uint32_t count = t->nodes / 5, right = 0, total = 0;
  al_time every = (al_time)5194 * AL_SECOND / t->nodes; /* mean session: an hour / ln 2 */
  for (uint32_t i = 0; i < count; i++) {
    uint32_t n = lookups_someone(&t->l);
    t->l.gone[n] = true;
    world_stop(t->w, n, lookups_draw(&t->l, 2) == 0);
    world_run(t->w, world_now(t->w) + every * lookups_draw(&t->l, 1000) / 1000);
    world_renew(t->w, n);
    world_start(t->w, n);
    world_join(t->w, n, lookups_someone(&t->l));
    lookups_reset(&t->l);
    for (uint32_t k = 0; k < 4; k++) {
      al_lookup what = {.paths = 2};
      for (int b = 0; b < 32; b++) what.target.b[b] = (uint8_t)lookups_draw(&t->l, 256);
      lookups_ask(&t->l, lookups_someone(&t->l), &what);
      world_run(t->w, world_now(t->w) + every / 4);
    }
    right += t->l.score.right;
    total += t->l.score.asked;
    lookups_know(&t->l, n);
  }
  printf("# %u of %u nodes replaced in %u s\n", count, t->nodes,
         (unsigned)(every * count * 3 / 2 / AL_SECOND));
  look(t, "under churn");
  tap_ok(right * 1000 >= total * 990, "half replaced in an hour: %u of %u lookups are right", right,
         total);
}

/* ---- hostile nodes ---- */

static void test_hostile(test *t) {
  for (uint32_t i = 0; i < t->nodes; i++) t->l.gone[i] |= is_hostile(t, i);
  evil = true;
  lookups_reset(&t->l);
  lookups_run(&t->l, 200, 1, 20 * AL_MS);
  lookups_print(&t->l, "20 of 100 hostile, one path");
  uint32_t one = lookups_success(&t->l);
  lookups_reset(&t->l);
  lookups_run(&t->l, 200, 3, 20 * AL_MS);
  lookups_print(&t->l, "three paths");
  printf("# %u lies\n", (unsigned)dht_lies);
  tap_ok(dht_lies > 0 && lookups_success(&t->l) >= 950 && lookups_success(&t->l) > one,
         "10 of 100 drop what they take, 10 lie: over three paths 95 of 100 are right");
}

int main(int argc, char **argv) {
  static test t;
  const char *scene = argc > 1 ? argv[1] : "quiet";
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  uint32_t nodes = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 100;
  printf("# scene %s, seed %u, %u nodes\n", scene, (unsigned)seed, nodes);
  t.hostile = strcmp(scene, "hostile") == 0;
  start(&t, seed, nodes, argc > 4);
  if (strcmp(scene, "quiet") == 0) test_quiet(&t);
  if (strcmp(scene, "idle") == 0) test_idle(&t);
  if (strcmp(scene, "mass") == 0) test_mass(&t);
  if (strcmp(scene, "churn") == 0) test_churn(&t);
  if (strcmp(scene, "hostile") == 0) test_hostile(&t);
  lookups_free(&t.l);
  world_free(t.w);
  al_shelf_free(shelf);
  return tap_done();
}
