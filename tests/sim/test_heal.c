/* test_heal.c — relays that carry a download die, silently: the download goes on over another
 * circuit, without a lost, repeated or reordered byte. Figures are printed; the bounds are the
 * claims of docs/BENCHMARKS.md. Argument: seed. */
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"
#include "tap.h"
#include "world.h"

enum { NODES = 14, EXIT = 0, CLIENT = 1, FIRST_RELAY = 2 };

typedef struct test {
  world *w;
  uint32_t bufs;
  /* one download at a time */
  al_stream at_client, at_exit;
  uint64_t want, sent, got, wrong;
  bool shut, fin, reset, exit_reset;
  bool asking, opened; /* nobody accepts: who was asked */
  uint32_t asked[8], asked_count;
  al_stream asked_stream;
  al_time last, gap, gap_from; /* longest pause between bytes since gap_from */
  al_reason why;
} test;

static uint8_t byte_at(uint64_t i) { return (uint8_t)(i * 31 + i / 251 + i / 65521); }

static void serve(test *t, world *w) {
  al_drive *d = world_drive(w, EXIT);
  static uint8_t chunk[16384];
  size_t taken = sizeof chunk;
  while (!t->shut && taken == sizeof chunk) {
    size_t len = (size_t)al_min_u64(t->want - t->sent, sizeof chunk);
    for (size_t i = 0; i < len; i++) chunk[i] = byte_at(t->sent + i);
    taken = 0;
    if (al_stream_write(al_drive_node(d), al_drive_work(d), world_now(w), t->at_exit,
                        al_view(chunk, len), &taken) != AL_OK)
      return;
    t->sent += taken;
    if (t->sent < t->want) continue;
    t->shut = true;
    (void)al_stream_shut(al_drive_node(d), al_drive_work(d), world_now(w), t->at_exit);
  }
}

static void at_exit(test *t, world *w, const al_event *ev) {
  al_drive *d = world_drive(w, EXIT);
  if (ev->kind == AL_EV_STREAM_REQUEST) {
    t->at_exit = ev->stream;
    (void)al_stream_accept(al_drive_node(d), al_drive_work(d), world_now(w), ev->stream);
    serve(t, w);
  } else if (ev->stream != t->at_exit) {
    return;
  } else if (ev->kind == AL_EV_STREAM_WRITABLE) {
    serve(t, w);
  } else if (ev->kind == AL_EV_STREAM_RESET) {
    t->exit_reset = true;
  }
}

static void at_client(test *t, world *w, const al_event *ev) {
  al_drive *d = world_drive(w, CLIENT);
  if (ev->stream != t->at_client) return;
  if (ev->kind == AL_EV_STREAM_DATA) {
    for (size_t i = 0; i < ev->data.len; i++) t->wrong += ev->data.ptr[i] != byte_at(t->got + i);
    t->got += ev->data.len;
    al_time since = al_max_u64(t->last, t->gap_from);
    if (world_now(w) > since && world_now(w) - since > t->gap && t->gap_from != 0)
      t->gap = world_now(w) - since;
    t->last = world_now(w);
    (void)al_stream_consume(al_drive_node(d), al_drive_work(d), world_now(w), ev->stream,
                            ev->data.len);
  } else if (ev->kind == AL_EV_STREAM_FIN) {
    t->fin = true;
    (void)al_stream_shut(al_drive_node(d), al_drive_work(d), world_now(w), ev->stream);
  } else if (ev->kind == AL_EV_STREAM_RESET) {
    t->reset = true;
    t->why = ev->reason;
  }
}

static void on_event(void *ctx, world *w, uint32_t node, const al_event *ev) {
  test *t = ctx;
  if (ev->stream == 0) return;
  if (t->asking && ev->kind == AL_EV_STREAM_REQUEST) {
    t->asked_stream = ev->stream;
    if (t->asked_count < 8) t->asked[t->asked_count++] = node;
    return;
  }
  if (t->asking && node == CLIENT) t->opened = t->opened || ev->kind == AL_EV_STREAM_OPEN;
  if (node == EXIT) at_exit(t, w, ev);
  if (node == CLIENT) at_client(t, w, ev);
}

static void configure(void *ctx, world *w, uint32_t node, al_config *c) {
  (void)ctx;
  (void)w;
  if (node == CLIENT) c->relay = false;
}

static void wait(test *t, al_time us) { world_run(t->w, world_now(t->w) + us); }

static void start_with(test *t, uint64_t seed, uint32_t exits) {
  world_options o;
  world_options_default(&o);
  memset(t, 0, sizeof *t);
  o.seed = seed;
  o.nodes = NODES;
  o.exits = exits;
  o.delay_us = 25000; /* a circuit of three hops: 150 ms round trip and more */
  o.jitter_us = 2000;
  o.rate_bytes_s = 3000000;
  o.bufs = 16384;
  o.configure = configure;
  o.limits = (al_limits){.links_max = 64,
                         .circuits_max = 256,
                         .streams_max = 64,
                         .peers_max = 64,
                         .queue_cells_max = 512,
                         .creates_per_s = 50,
                         .stream_window = 4 << 20,
                         .replay_tags_max = 4096};
  t->w = world_new(&o, on_event, t);
  t->bufs = world_bufs_free(t->w);
  for (uint32_t i = 0; i < NODES; i++) {
    world_start(t->w, i);
    if (i > 0) world_join(t->w, i, 0);
    wait(t, 100 * AL_MS);
  }
  wait(t, 30 * AL_SECOND);
}

static void start(test *t, uint64_t seed) { start_with(t, seed, 1); }

static void end(test *t) {
  for (uint32_t i = 0; i < NODES; i++)
    if (world_running(t->w, i)) world_stop(t->w, i, true);
  tap_is_u64(world_bufs_free(t->w), t->bufs, "  every packet buffer came back");
  world_free(t->w);
}

static void download(test *t, uint64_t bytes) {
  static const al_target target = {AL_TARGET_NAME, 80, 4, "file"};
  al_drive *d = world_drive(t->w, CLIENT);
  t->want = bytes;
  t->sent = t->got = t->wrong = t->gap = t->gap_from = 0;
  t->shut = t->fin = t->reset = t->exit_reset = false;
  al_err e = al_stream_open(al_drive_node(d), al_drive_work(d), world_now(t->w), &target,
                            world_now(t->w), &t->at_client);
  if (e != AL_OK) t->reset = true;
  al_drive_pump(d);
}

static uint32_t node_of(test *t, const al_id *id) {
  for (uint32_t i = 0; i < NODES; i++) {
    al_node_info info;
    if (!world_running(t->w, i)) continue;
    al_inspect_node(world_node(t->w, i), &info);
    if (al_id_equal(&info.id, id)) return i;
  }
  return NODES;
}

/* The circuit that carries the download: the one whose cells move most. */
static bool carrying(test *t, al_circuit_info *ret) {
  bool any = false;
  al_circuit_info c;
  for (uint32_t i = 0; al_inspect_circuit(world_node(t->w, CLIENT), i, &c); i++) {
    if (c.role != AL_CIRCUIT_ORIGIN || !c.open || c.streams == 0) continue;
    if (any && c.cells_rx <= ret->cells_rx) continue;
    *ret = c;
    any = true;
  }
  return any;
}

/* Over how many guards circuits that carry something lead. */
static uint32_t guards_with_streams(test *t) {
  al_id guard[8];
  uint32_t n = 0, k;
  al_circuit_info c;
  for (uint32_t i = 0; al_inspect_circuit(world_node(t->w, CLIENT), i, &c); i++) {
    if (c.role != AL_CIRCUIT_ORIGIN || !c.open || c.streams == 0) continue;
    for (k = 0; k < n && !al_id_equal(&guard[k], &c.path[0]);) k++;
    if (k == n && n < 8) guard[n++] = c.path[0];
  }
  return n;
}

static void result(test *t, al_time most, const char *what) {
  al_time deadline = world_now(t->w) + 200 * AL_SECOND;
  while (!t->fin && !t->reset && world_now(t->w) < deadline) wait(t, 100 * AL_MS);
  tap_ok(t->fin && t->got == t->want && t->wrong == 0 && !t->reset,
         "%s: %" PRIu64 " of %" PRIu64 " bytes, %" PRIu64 " wrong, %s", what, t->got, t->want,
         t->wrong, t->reset ? al_reason_text(t->why) : "not reset");
  tap_ok(t->gap <= most, "  the longest pause: %u ms (%u at most)", (unsigned)(t->gap / 1000),
         (unsigned)(most / 1000));
}

typedef enum fault { KILL, CUT } fault;

/* hop 0: the guard; 1: the middle. */
static void test_death(uint64_t seed, fault f, int hop, al_time after, al_time most) {
  static test t;
  char what[80];
  al_circuit_info c;
  start(&t, seed);
  snprintf(what, sizeof what, "%s of the %s after %u ms", f == KILL ? "kill -9" : "silent cut",
           hop == 0 ? "guard" : "middle", (unsigned)(after / 1000));
  download(&t, 12000000);
  wait(&t, after);
  if (!tap_ok(carrying(&t, &c), "%s: a circuit carries it", what)) return;
  if (after > 4 * AL_SECOND)
    tap_ok(guards_with_streams(&t) == 2, "  and a second one stands by over another guard");
  uint32_t victim = node_of(&t, &c.path[hop]);
  t.gap_from = world_now(t.w);
  if (f == KILL)
    world_stop(t.w, victim, false);
  else
    world_cut(t.w, victim, true);
  result(&t, most, what);
  tap_ok(world_counter(t.w, "resume_joined") >= 2, "  a circuit joined the bundle, at both ends");
  end(&t);
}

/* Three deaths in a row, the last while the second circuit is gone, too. */
static void test_many(uint64_t seed) {
  static test t;
  al_circuit_info c;
  start(&t, seed);
  download(&t, 30000000);
  wait(&t, 5 * AL_SECOND);
  t.gap_from = world_now(t.w);
  for (int i = 0; i < 3 && carrying(&t, &c); i++) {
    world_stop(t.w, node_of(&t, &c.path[i % 2]), false);
    wait(&t, i == 1 ? 500 * AL_MS : 4 * AL_SECOND);
  }
  result(&t, 20 * AL_SECOND, "three deaths in a row");
  end(&t);
}

/* Two relays say that they lost it, soon after each other: nothing is waited for. */
static void test_exit_dies(uint64_t seed, fault f) {
  static test t;
  start(&t, seed);
  download(&t, 60000000);
  wait(&t, 5 * AL_SECOND);
  al_time from = world_now(t.w);
  if (f == KILL)
    world_stop(t.w, EXIT, false);
  else
    world_cut(t.w, EXIT, true);
  while (!t.reset && world_now(t.w) < from + 200 * AL_SECOND) wait(&t, 10 * AL_MS);
  tap_ok(
      t.reset && t.wrong == 0 && t.why == AL_REASON_BEYOND && world_now(t.w) - from < 2500 * AL_MS,
      "%s of the exit: the stream ends after %u ms: %s", f == KILL ? "kill -9" : "silent cut",
      (unsigned)((world_now(t.w) - from) / 1000), al_reason_text(t.why));
  end(&t);
}

static void accept_at(test *t, uint32_t node) {
  al_drive *d = world_drive(t->w, node);
  (void)al_stream_accept(al_drive_node(d), al_drive_work(d), world_now(t->w), t->asked_stream);
  al_drive_pump(d);
}

/* What was asked for and not answered is asked for again elsewhere when its exit dies; when the
 * middle does, the second circuit leads to the same exit. */
static void test_unanswered(uint64_t seed, bool middle) {
  static test t;
  al_circuit_info c;
  start_with(&t, seed, 3);
  t.asking = true;
  download(&t, 1000);
  wait(&t, 4 * AL_SECOND); /* a second circuit stands by */
  tap_ok(t.asked_count == 1 && !t.opened && carrying(&t, &c), "an exit is asked and says nothing");
  uint32_t first = t.asked[0];
  uint64_t moved = world_counter(t.w, "stream_moved");
  world_stop(t.w, middle ? node_of(&t, &c.path[1]) : first, false);
  al_time from = world_now(t.w);
  while (t.asked_count < 2 && world_now(t.w) < from + 6 * AL_SECOND) wait(&t, 100 * AL_MS);
  moved = world_counter(t.w, "stream_moved") - moved;
  uint32_t last = t.asked[t.asked_count - 1];
  if (middle)
    tap_ok(last == first && moved == 0, "  the middle dies: the same exit is asked once");
  else
    tap_ok(last != first && moved >= 1 && moved <= 3,
           "  it dies: another one is asked after %u ms (stream_moved: %u)",
           (unsigned)((world_now(t.w) - from) / 1000), (unsigned)moved);
  accept_at(&t, last);
  wait(&t, 2 * AL_SECOND);
  tap_ok(t.opened && !t.reset, "  and accepts");
  end(&t);
}

static void test_client_vanishes(uint64_t seed) {
  static test t;
  start(&t, seed);
  download(&t, 60000000);
  wait(&t, 5 * AL_SECOND);
  al_time from = world_now(t.w);
  world_stop(t.w, CLIENT, false);
  while (!t.exit_reset && world_now(t.w) < from + 200 * AL_SECOND) wait(&t, 100 * AL_MS);
  al_time took = world_now(t.w) - from;
  tap_ok(t.exit_reset && took > 58 * AL_SECOND && took < 70 * AL_SECOND &&
             world_counter(t.w, "resume_expired") == 1,
         "resume_expired: a client that vanishes is waited for, a minute (%u ms)",
         (unsigned)(took / 1000));
  end(&t);
}

/* Of all that the client says the last frame on each link arrives: CLOSE. */
typedef struct goodbye {
  uint8_t frame[NODES][AL_FRAME_BYTES];
  size_t len[NODES];
  uint32_t lost;
} goodbye;

static uint32_t keep_last(void *ctx, world *w, const world_wire *f) {
  goodbye *g = ctx;
  (void)w;
  if (f->from != CLIENT) return 1;
  g->lost += g->len[f->to] != 0;
  memcpy(g->frame[f->to], f->frame, f->len);
  g->len[f->to] = f->len;
  return 0;
}

static void test_goodbye(uint64_t seed) {
  static test t;
  static goodbye g;
  start(&t, seed);
  download(&t, 60000000);
  wait(&t, 5 * AL_SECOND);
  memset(&g, 0, sizeof g);
  world_set_tap(t.w, keep_last, &g);
  world_stop(t.w, CLIENT, true);
  world_set_tap(t.w, NULL, NULL);
  for (uint32_t i = 0; i < NODES; i++)
    if (g.len[i] != 0) (void)world_inject(t.w, CLIENT, i, g.frame[i], g.len[i]);
  tap_ok(g.lost >= 2, "a client ends, and its goodbyes are lost: %u", g.lost);
  wait(&t, 2 * AL_SECOND);
  tap_ok(t.exit_reset && world_counter(t.w, "resume_expired") == 0,
         "  that it ends says as much: nobody waits for it");
  end(&t);
}

/* Circuits that nobody uses or keeps alive do not stay for ever. */
static void test_idle(uint64_t seed) {
  static test t;
  start(&t, seed);
  uint64_t before = world_counter(t.w, "circuit_idle");
  wait(&t, 1500 * AL_SECOND);
  tap_is_u64(world_counter(t.w, "circuit_idle"), before, "circuits that are kept alive stay");
  world_cut(t.w, CLIENT, true);
  al_circuit_info c;
  wait(&t, 60 * AL_SECOND);
  bool any = false;
  for (uint32_t i = 0; al_inspect_circuit(world_node(t.w, EXIT), i, &c); i++)
    any = any || c.role == AL_CIRCUIT_END;
  tap_ok(any, "the exit has circuits of others");
  end(&t);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  printf("# seed %" PRIu64 "\n", seed);
  for (int hop = 0; hop < 2; hop++) {
    test_death(seed, KILL, hop, 5 * AL_SECOND, 2 * AL_SECOND);
    test_death(seed, CUT, hop, 5 * AL_SECOND, 2 * AL_SECOND);
  }
  test_death(seed, CUT, 0, AL_SECOND, 6 * AL_SECOND);
  test_death(seed, CUT, 1, AL_SECOND, 6 * AL_SECOND);
  test_many(seed);
  test_exit_dies(seed, KILL);
  test_exit_dies(seed, CUT);
  test_unanswered(seed, false);
  test_unanswered(seed, true);
  test_client_vanishes(seed);
  test_goodbye(seed);
  test_idle(seed);
  return tap_done();
}
