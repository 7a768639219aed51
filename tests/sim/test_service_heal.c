/* test_service_heal.c — a download from a service goes on when any relay of its path dies or falls
 * silent: every byte once, after a bounded pause. Arguments: seed, delay one way in microseconds,
 * ms that the pause may be at most, nodes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allium/al_service.h"
#include "tap.h"
#include "world.h"

enum {
  NODES_MAX = 64,
  SERVICE = 1,
  CLIENT = 2,
  STEP_US = 10000,
  STEP_BYTES = 3000, /* 300 kB/s: streams move, and nothing is ever queued for long */
  CELLS_NEW = 20,
};

typedef enum fault { KILL, CUT } fault;

typedef struct test {
  world *w;
  uint32_t nodes, service;
  uint8_t address[AL_SERVICE_ADDRESS_BYTES];
  al_stream at_client, at_service;
  bool serving, fin, reset;
  uint64_t sent, got, wrong;
  al_time last, gap, gap_from; /* the longest time without a byte since gap_from */
} test;

static uint8_t byte_at(uint64_t i) { return (uint8_t)(i * 31 + i / 251 + i / 65521); }

static void wait(test *t, al_time us) { world_run(t->w, world_now(t->w) + us); }

static void at_service(test *t, world *w, const al_event *ev) {
  al_drive *d = world_drive(w, SERVICE);
  if (ev->kind == AL_EV_STREAM_REQUEST) {
    t->at_service = ev->stream;
    t->serving = true;
    (void)al_stream_accept(al_drive_node(d), al_drive_work(d), world_now(w), ev->stream);
  } else if (ev->stream == t->at_service && ev->kind == AL_EV_STREAM_RESET) {
    t->serving = false;
  }
}

static void on_event(void *ctx, world *w, uint32_t node, const al_event *ev) {
  test *t = ctx;
  if (ev->stream == 0) return;
  if (node == SERVICE) at_service(t, w, ev);
  if (node != CLIENT || ev->stream != t->at_client) return;
  if (ev->kind == AL_EV_STREAM_FIN) t->fin = true;
  if (ev->kind == AL_EV_STREAM_RESET) t->reset = true;
  if (ev->kind != AL_EV_STREAM_DATA) return;
  al_drive *d = world_drive(w, CLIENT);
  al_time since = t->last > t->gap_from ? t->last : t->gap_from;
  for (size_t i = 0; i < ev->data.len; i++) t->wrong += ev->data.ptr[i] != byte_at(t->got + i);
  t->got += ev->data.len;
  if (t->gap_from != 0 && world_now(w) - since > t->gap) t->gap = world_now(w) - since;
  t->last = world_now(w);
  (void)al_stream_consume(al_drive_node(d), al_drive_work(d), world_now(w), ev->stream,
                          ev->data.len);
}

/* The service has bytes to send all the time, at a constant rate. */
static void feed_for(test *t, al_time us) {
  static uint8_t chunk[STEP_BYTES];
  for (al_time at = 0; at < us; at += STEP_US) {
    wait(t, STEP_US);
    if (!t->serving) continue;
    al_drive *d = world_drive(t->w, SERVICE);
    size_t taken = 0;
    for (size_t i = 0; i < sizeof chunk; i++) chunk[i] = byte_at(t->sent + i);
    if (al_stream_write(al_drive_node(d), al_drive_work(d), world_now(t->w), t->at_service,
                        (al_bytes){chunk, sizeof chunk}, &taken) == AL_OK)
      t->sent += taken;
    al_drive_pump(d);
  }
}

static bool begin(test *t, uint64_t isolation) {
  al_drive *d = world_drive(t->w, CLIENT);
  const al_service_to to = {.address = t->address, .port = 80, .isolation = isolation};
  t->serving = t->fin = t->reset = false;
  t->sent = t->got = t->wrong = t->last = t->gap = t->gap_from = 0;
  al_err e =
      al_service_open(al_drive_node(d), al_drive_work(d), world_now(t->w), &to, &t->at_client);
  al_drive_pump(d);
  return e == AL_OK;
}

static uint32_t node_of(test *t, const al_id *id) {
  for (uint32_t i = 0; i < t->nodes; i++) {
    al_node_info info;
    if (!world_running(t->w, i)) continue;
    al_inspect_node(world_node(t->w, i), &info);
    if (memcmp(&info.id, id, sizeof info.id) == 0) return i;
  }
  return t->nodes;
}

static uint64_t moved(const al_circuit_info *c) { return c->cells_rx + c->cells_tx; }

/* The circuit of a node that has carried most since `before` was noted: it is the one in use. */
static bool carrying(test *t, uint32_t node, al_circuit_info *ret) {
  static al_circuit_info before[256];
  uint32_t count = 0;
  uint64_t most = CELLS_NEW;
  bool found = false;
  const al_node *n = world_node(t->w, node);
  for (al_circuit_info c; count < 256 && al_inspect_circuit(n, count, &c);) before[count++] = c;
  feed_for(t, 500000);
  al_circuit_info c;
  for (uint32_t i = 0; al_inspect_circuit(n, i, &c); i++) {
    if (c.role != AL_CIRCUIT_ORIGIN || !c.open || c.streams == 0) continue;
    for (uint32_t k = 0; k < count; k++) {
      if (before[k].circ != c.circ || moved(&c) - moved(&before[k]) <= most) continue;
      most = moved(&c) - moved(&before[k]);
      *ret = c;
      found = true;
    }
  }
  return found;
}

static uint32_t lines(test *t, uint32_t node) {
  uint32_t count = 0;
  al_circuit_info c;
  for (uint32_t i = 0; al_inspect_circuit(world_node(t->w, node), i, &c); i++)
    count += c.role == AL_CIRCUIT_ORIGIN && c.open && c.streams != 0;
  return count;
}

static void end_stream(test *t) {
  al_drive *c = world_drive(t->w, CLIENT), *s = world_drive(t->w, SERVICE);
  (void)al_stream_shut(al_drive_node(s), al_drive_work(s), world_now(t->w), t->at_service);
  t->serving = false;
  al_drive_pump(s);
  wait(t, 10 * AL_SECOND);
  (void)al_stream_shut(al_drive_node(c), al_drive_work(c), world_now(t->w), t->at_client);
  al_drive_pump(c);
}

/* Put it back, and let everybody find it again. */
static void restore(test *t, uint32_t victim, fault f) {
  if (f == CUT)
    world_cut(t->w, victim, false);
  else
    world_start(t->w, victim);
  if (f == KILL) world_join(t->w, victim, victim == 0 ? 3 : 0);
  wait(t, 60 * AL_SECOND);
}

/* How many circuits of both ends a node is on. */
static uint32_t crossings(test *t, uint32_t victim) {
  uint32_t count = 0;
  al_circuit_info c;
  for (uint32_t node = SERVICE; node <= CLIENT; node++) {
    for (uint32_t i = 0; al_inspect_circuit(world_node(t->w, node), i, &c); i++) {
      if (c.role != AL_CIRCUIT_ORIGIN || !c.open || c.streams == 0) continue;
      for (uint32_t h = 0; h < c.hops; h++) count += node_of(t, &c.path[h]) == victim;
    }
  }
  return count;
}

/* A download over two pairs of circuits, and the node at a hop of the one that carries it, which is
 * on no other: that one end draws a relay for its second circuit that the other has in its first
 * cannot be helped, and happens in a small network. Nobody: t->nodes. */
static uint32_t victim_of(test *t, uint32_t node, uint32_t hop) {
  static uint64_t isolation = 100;
  for (int tries = 0; tries < 20; tries++) {
    al_circuit_info c;
    if (!begin(t, ++isolation)) break;
    feed_for(t, 8 * AL_SECOND);
    bool two = lines(t, CLIENT) == 2 && lines(t, SERVICE) == 2;
    if (!tap_ok(two && carrying(t, node, &c), "  has a circuit standing by")) break;
    uint32_t victim = node_of(t, &c.path[hop]);
    if (crossings(t, victim) == (hop == 2 ? 2 : 1)) return victim;
    end_stream(t);
  }
  return t->nodes;
}

static void strike(test *t, uint32_t node, uint32_t hop, fault f, al_time most) {
  static const char *const who[2][3] = {{"service's guard", "service's middle", "rendezvous"},
                                        {"client's guard", "client's middle", "rendezvous"}};
  printf("# %s of the %s\n", f == KILL ? "kill -9" : "silent cut", who[node == CLIENT][hop]);
  uint32_t victim = victim_of(t, node, hop);
  if (!tap_ok(victim < t->nodes, "  a relay that may die is found")) return;
  t->gap_from = world_now(t->w);
  if (f == CUT)
    world_cut(t->w, victim, true);
  else
    world_stop(t->w, victim, false);
  feed_for(t, 20 * AL_SECOND);
  al_time gap = t->gap;
  tap_ok(t->last > t->gap_from && gap <= most, "  it pauses for %u ms (%u at most)",
         (unsigned)(gap / 1000), (unsigned)(most / 1000));
  tap_ok(lines(t, CLIENT) == 2, "  another circuit stands by then");
  end_stream(t);
  tap_ok(t->fin && !t->reset && t->got == t->sent && t->wrong == 0,
         "  every byte comes, once: %llu", (unsigned long long)t->got);
  restore(t, victim, f);
}

static void configure(void *ctx, world *w, uint32_t node, al_config *c) {
  (void)ctx;
  (void)w;
  if (node == CLIENT || node == SERVICE) c->relay = false; /* so that all others may die */
}

int main(int argc, char **argv) {
  static test t;
  world_options o;
  world_options_default(&o);
  o.seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  o.delay_us = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 50000;
  al_time most = argc > 3 ? strtoull(argv[3], NULL, 10) * AL_MS : 2 * AL_SECOND;
  o.nodes = t.nodes = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 16;
  o.configure = configure;
  t.w = world_new(&o, on_event, &t);
  uint32_t bufs = world_bufs_free(t.w);
  for (uint32_t i = 0; i < t.nodes; i++) {
    world_start(t.w, i);
    if (i > 0) world_join(t.w, i, 0);
    wait(&t, 50000);
  }
  wait(&t, 40 * AL_SECOND);
  static const uint8_t root[32] = {7};
  al_drive *d = world_drive(t.w, SERVICE);
  const al_service_config c = {.root = root};
  tap_ok(
      al_service_add(al_drive_node(d), al_drive_work(d), world_now(t.w), &c, &t.service) == AL_OK,
      "a service is exposed");
  al_drive_pump(d);
  wait(&t, 5 * AL_SECOND);
  al_service_address(world_suite(t.w), root, t.address);
  for (uint32_t f = KILL; f <= CUT; f++) {
    for (uint32_t hop = 0; hop < 3; hop++) strike(&t, CLIENT, hop, (fault)f, most);
    for (uint32_t hop = 0; hop < 2; hop++) strike(&t, SERVICE, hop, (fault)f, most);
  }
  for (uint32_t i = 0; i < t.nodes; i++) world_stop(t.w, i, true);
  tap_is_u64(world_bufs_free(t.w), bufs, "every packet buffer came back");
  world_free(t.w);
  return tap_done();
}
