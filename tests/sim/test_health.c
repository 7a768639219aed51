/* test_health.c — how soon a dead neighbour is seen, and how often a living one is suspected.
 * Figures are printed; the bounds are the claims of docs/decisions/0011-failures.md.
 * Arguments: seed, hours of the run that counts false suspicions, loss in ppm. */
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"
#include "hostile.h"
#include "link/session.h"
#include "tap.h"
#include "wire/probe.h"
#include "world.h"

enum { NODES = 24, DEATHS = 8, SAMPLES_MAX = 1024 };

typedef struct test {
  world *w;
  uint32_t bufs;
  al_id victim;
  bool watching, had_link[NODES], had_circuit[NODES];
  al_time died, heard[NODES];
} test;

static void on_event(void *ctx, world *w, uint32_t node, const al_event *ev) {
  test *t = ctx;
  if (ev->kind != AL_EV_LINK_DOWN || !t->watching || !al_id_equal(&ev->peer, &t->victim)) return;
  if (t->heard[node] == 0) t->heard[node] = world_now(w) - t->died;
}

static void wait(test *t, al_time us) { world_run(t->w, world_now(t->w) + us); }

static void start(test *t, uint64_t seed, uint32_t loss_ppm, uint32_t nodes) {
  world_options o;
  world_options_default(&o);
  memset(t, 0, sizeof *t);
  o.seed = seed;
  o.nodes = NODES;
  o.exits = 2;
  o.delay_us = 25000;
  o.jitter_us = 10000;
  o.loss_ppm = loss_ppm;
  o.bufs = 8192;
  o.limits = (al_limits){.links_max = 64,
                         .circuits_max = 256,
                         .streams_max = 16,
                         .peers_max = 64,
                         .queue_cells_max = 64,
                         .creates_per_s = 50,
                         .stream_window = 1 << 16,
                         .replay_tags_max = 4096};
  t->w = world_new(&o, on_event, t);
  t->bufs = world_bufs_free(t->w);
  for (uint32_t i = 0; i < nodes; i++) {
    world_start(t->w, i);
    if (i > 0) world_join(t->w, i, i / 2);
    wait(t, 137 * AL_MS);
  }
  wait(t, 60 * AL_SECOND);
}

static void end(test *t) {
  for (uint32_t i = 0; i < NODES; i++)
    if (world_running(t->w, i)) world_stop(t->w, i, true);
  tap_is_u64(world_bufs_free(t->w), t->bufs, "  every packet buffer came back");
  world_free(t->w);
}

static int by_size(const void *a, const void *b) {
  al_time x = *(const al_time *)a, y = *(const al_time *)b;
  return x < y ? -1 : x > y;
}

typedef struct samples {
  al_time at[SAMPLES_MAX];
  uint32_t count;
} samples;

static al_time quantile(samples *s, uint32_t percent) {
  qsort(s->at, s->count, sizeof *s->at, by_size);
  return s->count != 0 ? s->at[(uint64_t)(s->count - 1) * percent / 100] : 0;
}

static void print(samples *s, const char *who) {
  printf("# %s (%u): p50 %u ms, p95 %u ms, last %u ms\n", who, s->count,
         (unsigned)(quantile(s, 50) / 1000), (unsigned)(quantile(s, 95) / 1000),
         (unsigned)(quantile(s, 100) / 1000));
}

/* One node dies silently while nothing but spare circuits and background is there. */
static void test_idle(uint64_t seed) {
  static test t;
  static samples first, needy, all;
  first.count = needy.count = all.count = 0;
  start(&t, seed, 0, NODES);
  uint32_t unseen = 0, links = 0;
  for (uint32_t k = 0; k < DEATHS; k++) {
    uint32_t victim = 2 + k * 2;
    al_node_info info;
    al_link_info link;
    al_inspect_node(world_node(t.w, victim), &info);
    t.victim = info.id;
    for (uint32_t i = 0; i < NODES; i++) {
      t.had_link[i] = t.had_circuit[i] = false;
      t.heard[i] = 0;
      if (i == victim || !world_running(t.w, i)) continue;
      for (uint32_t l = 0; al_inspect_link(world_node(t.w, i), l, &link); l++) {
        if (!al_id_equal(&link.peer, &info.id)) continue;
        t.had_link[i] = true;
        t.had_circuit[i] = link.circuits != 0;
      }
      links += t.had_link[i];
    }
    t.watching = true;
    t.died = world_now(t.w);
    world_stop(t.w, victim, false);
    wait(&t, 60 * AL_SECOND);
    t.watching = false;
    al_time soonest = AL_TIME_NEVER;
    for (uint32_t i = 0; i < NODES; i++) {
      if (!t.had_link[i]) continue;
      unseen += t.heard[i] == 0;
      if (t.heard[i] == 0) continue;
      soonest = al_min_u64(soonest, t.heard[i]);
      all.at[all.count++] = t.heard[i];
      if (t.had_circuit[i]) needy.at[needy.count++] = t.heard[i];
    }
    first.at[first.count++] = soonest;
  }
  printf("# %u links to the dead\n", links);
  print(&first, "idle, the first neighbour");
  print(&needy, "idle, neighbours with circuits through it");
  print(&all, "idle, every neighbour");
  tap_is_u64(unseen, 0, "every death is seen by every neighbour");
  tap_ok(quantile(&first, 95) < 5 * AL_SECOND, "idle: somebody sees it in less than 5 s (p95)");
  tap_ok(quantile(&needy, 95) < 5 * AL_SECOND, "and whoever has circuits through it does");
  end(&t);
}

/* Loss, and processes that stand still for half a second now and then: who is suspected? */
static void test_false(uint64_t seed, uint64_t hours, uint32_t loss_ppm) {
  static test t;
  uint32_t pauses = 0;
  start(&t, seed, loss_ppm, NODES);
  uint64_t bytes = world_stats_now(t.w).bytes, dead = world_counter(t.w, "link_dead");
  uint64_t suspected = world_counter(t.w, "link_suspected");
  al_time until = world_now(t.w) + hours * 3600 * AL_SECOND;
  uint64_t rand = seed;
  while (world_now(t.w) < until) {
    rand = rand * 6364136223846793005u + 1442695040888963407u;
    uint32_t node = (uint32_t)(rand >> 33) % NODES;
    world_pause(t.w, node, world_now(t.w) + 500 * AL_MS);
    pauses++;
    wait(&t, 5 * AL_SECOND); /* each node every two minutes */
  }
  suspected = world_counter(t.w, "link_suspected") - suspected;
  dead = world_counter(t.w, "link_dead") - dead;
  bytes = world_stats_now(t.w).bytes - bytes;
  uint32_t links = 0;
  al_link_info link;
  for (uint32_t i = 0; i < NODES; i++)
    for (uint32_t l = 0; al_inspect_link(world_node(t.w, i), l, &link); l++) links++;
  printf(
      "# %u node-hours, %u ppm lost, %u pauses of 500 ms: %u suspected, %u held for dead; "
      "%u.%u links and %u bytes/s a node\n",
      (unsigned)(hours * NODES), loss_ppm, pauses, (unsigned)suspected, (unsigned)dead,
      links / NODES, links * 10 / NODES % 10, (unsigned)(bytes / (hours * 3600) / NODES));
  tap_ok(suspected * 1000 <= hours * NODES && dead == 0,
         "link_suspected: at most one in 1,000 node-hours (%u)", (unsigned)suspected);
  end(&t);
}

/* ---- who lies ---- */

static void tell(hostile *h, uint8_t op, uint64_t nonce, const al_id *about) {
  uint8_t bytes[AL_PROBE_BYTES];
  al_probe p = {.op = op, .nonce = nonce, .about = *about};
  al_probe_encode(&p, bytes);
  hostile_message(h, 1, AL_MESSAGE_PROBE, 1, al_view(bytes, sizeof bytes));
}

/* Rumours of deaths cost a PING at most, answers that nobody asked for nothing. */
static void test_liar(uint64_t seed) {
  static test t;
  static hostile h;
  al_node_info info;
  start(&t, seed, 0, NODES - 1);
  hostile_start(&h, t.w, NODES - 1, al_view(NULL, 0));
  h.fields.flags = AL_DESC_RELAY;
  hostile_describe(&h);
  tap_ok(hostile_dial(&h, 1), "somebody hostile is a neighbour");
  uint64_t parse = world_counter_of(t.w, 1, "probe_parse");
  uint64_t unasked = world_counter_of(t.w, 1, "probe_unasked");
  uint64_t full = world_counter_of(t.w, 1, "probe_full"), downs = world_counter(t.w, "link_dead");
  uint8_t junk[AL_PROBE_BYTES] = {9};
  hostile_message(&h, 1, AL_MESSAGE_PROBE, 1, al_view(junk, sizeof junk));
  wait(&t, AL_SECOND);
  tap_is_u64(world_counter_of(t.w, 1, "probe_parse") - parse, 1, "probe_parse: nonsense");
  for (int round = 0; round < 20; round++) {
    for (uint32_t i = 0; i < NODES - 1; i++) {
      al_inspect_node(world_node(t.w, i), &info);
      tell(&h, AL_PROBE_LOST, 0, &info.id);
      tell(&h, AL_PROBE_SILENT, 77, &info.id);
      tell(&h, AL_PROBE_ASK, 78, &info.id);
    }
    wait(&t, 50 * AL_MS);
  }
  wait(&t, 20 * AL_SECOND);
  tap_ok(world_counter_of(t.w, 1, "probe_unasked") - unasked > 100,
         "probe_unasked: answers to no question");
  tap_ok(world_counter_of(t.w, 1, "probe_full") - full > 0,
         "probe_full: more questions than are looked into");
  tap_is_u64(world_counter(t.w, "link_dead"), downs, "nobody is lost for what is said of him");
  hostile_stop(&h);
  end(&t);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  uint64_t hours = argc > 2 ? strtoull(argv[2], NULL, 0) : 2;
  uint32_t loss = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 0) : 10000;
  printf("# seed %" PRIu64 "\n", seed);
  test_idle(seed);
  test_false(seed, hours, loss);
  test_liar(seed);
  return tap_done();
}
