/* test_network.c — fifty real cores in virtual time from one seed: join, know each other, build
 * circuits, carry streams, with loss and reordering. Arguments: seed nodes suite(null|real) digest.
 * The digest of all events must be the same for every compiler, optimisation level and machine:
 * the one given is frozen in meson.build, and changes with the protocol only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "world.h"

enum { NODES_MAX = 256, STREAMS = 40, BYTES = 200000 };

typedef struct flow {
  uint32_t client;
  al_stream stream; /* at the client */
  uint64_t sent, got, hash_sent, hash_got;
  bool opened, fin, reset, shut;
} flow;

typedef struct test {
  flow flows[STREAMS];
  uint32_t peers[NODES_MAX], circuits_up, requests, resets;
} test;

static uint8_t byte_at(uint32_t f, uint64_t i) { return (uint8_t)(i * 31 + i / 251 + f * 7); }

static flow *find(test *t, uint32_t node, al_stream s) {
  for (int i = 0; i < STREAMS; i++) {
    if (t->flows[i].client == node && t->flows[i].stream == s) return &t->flows[i];
  }
  return NULL;
}

/* The exits echo what they get. */
static void echo(world *w, uint32_t node, const al_event *ev) {
  al_drive *d = world_drive(w, node);
  al_node *n = al_drive_node(d);
  al_work *k = al_drive_work(d);
  size_t taken = 0;
  if (ev->kind == AL_EV_STREAM_REQUEST) {
    (void)al_stream_accept(n, k, world_now(w), ev->stream);
  } else if (ev->kind == AL_EV_STREAM_DATA) {
    (void)al_stream_write(n, k, world_now(w), ev->stream, ev->data, &taken);
    tap_count += 0;
    if (taken != ev->data.len) printf("# echo took %zu of %zu\n", taken, ev->data.len);
    (void)al_stream_consume(n, k, world_now(w), ev->stream, ev->data.len);
  } else if (ev->kind == AL_EV_STREAM_FIN) {
    (void)al_stream_shut(n, k, world_now(w), ev->stream);
  }
}

static void feed(world *w, uint32_t node, flow *f) {
  al_drive *d = world_drive(w, node);
  uint8_t chunk[4096];
  size_t taken;
  if (f->shut) return;
  do {
    size_t len = BYTES - f->sent < sizeof chunk ? (size_t)(BYTES - f->sent) : sizeof chunk;
    uint32_t id = node;
    for (size_t i = 0; i < len; i++) chunk[i] = byte_at(id, f->sent + i);
    taken = 0;
    if (al_stream_write(al_drive_node(d), al_drive_work(d), world_now(w), f->stream,
                        (al_bytes){chunk, len}, &taken) != AL_OK) {
      return;
    }
    f->sent += taken;
    if (f->sent == BYTES) {
      f->shut = true;
      (void)al_stream_shut(al_drive_node(d), al_drive_work(d), world_now(w), f->stream);
      return;
    }
  } while (taken == sizeof chunk);
}

static void receive(world *w, uint32_t node, flow *f, const al_event *ev) {
  al_drive *d = world_drive(w, node);
  for (size_t i = 0; i < ev->data.len; i++) {
    if (ev->data.ptr[i] != byte_at(node, f->got + i)) f->hash_got++;
  }
  f->got += ev->data.len;
  (void)al_stream_consume(al_drive_node(d), al_drive_work(d), world_now(w), ev->stream,
                          ev->data.len);
}

static void on_event(void *ctx, world *w, uint32_t node, const al_event *ev) {
  test *t = ctx;
  if (ev->kind == AL_EV_PEERS) t->peers[node] = ev->count;
  if (ev->kind == AL_EV_CIRCUIT_UP) t->circuits_up++;
  if (ev->kind == AL_EV_STREAM_REQUEST) t->requests++;
  flow *f = ev->stream != 0 ? find(t, node, ev->stream) : NULL;
  if (f == NULL) {
    if (ev->stream != 0) echo(w, node, ev);
    return;
  }
  if (ev->kind == AL_EV_STREAM_OPEN) f->opened = true;
  if (ev->kind == AL_EV_STREAM_OPEN || ev->kind == AL_EV_STREAM_WRITABLE) feed(w, node, f);
  if (ev->kind == AL_EV_STREAM_DATA) receive(w, node, f, ev);
  if (ev->kind == AL_EV_STREAM_FIN) f->fin = true;
  if (ev->kind == AL_EV_STREAM_RESET) {
    f->reset = true;
    printf("# node %u: stream reset: %s\n", node, al_reason_text(ev->reason));
  }
}

static void join_all(world *w, uint32_t nodes) {
  for (uint32_t i = 0; i < nodes; i++) {
    world_start(w, i);
    if (i > 0) world_join(w, i, i / 3); /* a chain of introductions, not one bootstrap node */
    world_run(w, world_now(w) + 50000);
  }
}

static void open_all(world *w, test *t, uint32_t nodes) {
  al_target target = {.kind = AL_TARGET_NAME, .port = 80, .host_len = 4, .host = "echo"};
  for (uint32_t i = 0; i < STREAMS; i++) {
    flow *f = &t->flows[i];
    f->client = 2 + i % (nodes - 2);
    al_drive *d = world_drive(w, f->client);
    al_err e =
        al_stream_open(al_drive_node(d), al_drive_work(d), world_now(w), &target, i, &f->stream);
    if (e != AL_OK) printf("# open: %s\n", al_err_text(e));
    al_drive_pump(d);
    world_run(w, world_now(w) + 20000);
  }
}

static uint32_t knowing(const test *t, uint32_t nodes) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < nodes; i++) count += t->peers[i] == nodes - 1;
  return count;
}

int main(int argc, char **argv) {
  static test t;
  world_options o;
  world_options_default(&o);
  o.seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  o.nodes = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 50;
  if (argc > 3 && strcmp(argv[3], "real") == 0) o.suite = al_suite_hacl();
  o.exits = 2;
  o.jitter_us = 5000;
  o.loss_ppm = 10000;
  o.limits = (al_limits){.links_max = 128,
                         .circuits_max = 1024,
                         .streams_max = 512,
                         .peers_max = 256,
                         .queue_cells_max = 512,
                         .creates_per_s = 50,
                         .stream_window = 1 << 20,
                         .replay_tags_max = 4096};
  printf("# seed %llu, %u nodes, suite %s\n", (unsigned long long)o.seed, o.nodes, o.suite->name);
  world *w = world_new(&o, on_event, &t);
  uint32_t bufs = world_bufs_free(w);
  join_all(w, o.nodes);
  world_run(w, world_now(w) + 60 * AL_SECOND);
  tap_is_u64(knowing(&t, o.nodes), o.nodes, "every node knows every other");
  tap_ok(t.circuits_up >= o.nodes, "every node has a circuit ready (%u)", t.circuits_up);
  open_all(w, &t, o.nodes);
  world_run(w, world_now(w) + 5 * AL_SECOND);
  world_forbid_alloc(w, true); /* from here on only cells and ticks */
  world_run(w, world_now(w) + 60 * AL_SECOND);
  world_forbid_alloc(w, false);
  uint32_t whole = 0, opened = 0, wrong = 0, closed = 0;
  for (int i = 0; i < STREAMS; i++) {
    const flow *f = &t.flows[i];
    opened += f->opened;
    whole += f->got == BYTES;
    wrong += f->hash_got != 0;
    closed += f->fin;
  }
  tap_is_u64(opened, STREAMS, "every stream was opened at the exit");
  tap_is_u64(whole, STREAMS, "every stream brought all bytes back");
  tap_is_u64(wrong, 0, "no byte was wrong or out of order");
  tap_is_u64(closed, STREAMS, "every stream was half-closed and finished");
  tap_is_u64(world_counter(w, "circuit_auth"), 0, "no cell failed to authenticate");
  tap_is_u64(world_counter(w, "link_auth"), 0, "no frame failed to authenticate");
  for (uint32_t i = 0; i < o.nodes; i++) world_stop(w, i, true);
  tap_is_u64(world_bufs_free(w), bufs, "every packet buffer came back");
  printf("# events %llu digest %016llx\n", (unsigned long long)world_events(w),
         (unsigned long long)world_digest(w));
  if (argc > 4) {
    uint64_t frozen = strtoull(argv[4], NULL, 16);
    if (!tap_ok(world_digest(w) == frozen, "the digest is the frozen one")) {
      printf("# frozen %016llx; a change of behaviour needs a new one in tests/sim/meson.build\n",
             (unsigned long long)frozen);
    }
  }
  world_free(w);
  return tap_done();
}
