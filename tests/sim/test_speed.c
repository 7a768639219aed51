/* test_speed.c — how fast one download is through three hops, or from a service through two joined
 * circuits, in virtual time, so that a loss of speed fails like any other error, on every machine.
 * Arguments: delay_us megabytes mbit_min [service]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allium/al_service.h"
#include "tap.h"
#include "world.h"

enum { NODES = 8, NODES_SERVICE = 12, CLIENT = 5, SERVICE = 7 };

typedef struct test {
  uint64_t total, sent, got, wrong;
  al_stream down, up;
  al_time first, last;
  uint32_t resets;
} test;

static uint8_t pattern[65536 + 251];

static void feed(world *w, test *t, uint32_t node, al_stream s) {
  al_drive *d = world_drive(w, node);
  while (t->sent < t->total) {
    size_t taken = 0, at = (size_t)(t->sent % 251);
    uint64_t left = t->total - t->sent;
    al_bytes chunk = {pattern + at, left < 65536 ? (size_t)left : 65536};
    if (al_stream_write(al_drive_node(d), al_drive_work(d), world_now(w), s, chunk, &taken) !=
        AL_OK) {
      return;
    }
    t->sent += taken;
    if (taken < chunk.len) return;
  }
  (void)al_stream_shut(al_drive_node(d), al_drive_work(d), world_now(w), s);
}

static void on_event(void *ctx, world *w, uint32_t node, const al_event *ev) {
  test *t = ctx;
  al_drive *d = world_drive(w, node);
  if (ev->kind == AL_EV_STREAM_REQUEST) {
    t->up = ev->stream;
    (void)al_stream_accept(al_drive_node(d), al_drive_work(d), world_now(w), ev->stream);
    feed(w, t, node, ev->stream);
  } else if (ev->kind == AL_EV_STREAM_WRITABLE && node != CLIENT) {
    feed(w, t, node, ev->stream);
  } else if (ev->kind == AL_EV_STREAM_DATA && node == CLIENT) {
    if (t->got == 0) t->first = world_now(w);
    for (size_t i = 0; i < ev->data.len; i++) {
      t->wrong += ev->data.ptr[i] != pattern[(t->got + i) % 251];
    }
    t->got += ev->data.len;
    t->last = world_now(w);
    (void)al_stream_consume(al_drive_node(d), al_drive_work(d), world_now(w), ev->stream,
                            ev->data.len);
  } else if (ev->kind == AL_EV_STREAM_RESET) {
    t->resets++;
  }
}

static al_err open_it(world *w, test *t, bool service, const uint8_t *address) {
  static const al_target target = {
      .kind = AL_TARGET_NAME, .port = 80, .host_len = 4, .host = "file"};
  const al_service_to to = {.address = address, .port = 80, .isolation = 1};
  al_drive *d = world_drive(w, CLIENT);
  al_node *n = al_drive_node(d);
  al_err e = service ? al_service_open(n, al_drive_work(d), world_now(w), &to, &t->down)
                     : al_stream_open(n, al_drive_work(d), world_now(w), &target, 1, &t->down);
  al_drive_pump(d);
  return e;
}

static void expose(world *w, uint8_t *address) {
  static const uint8_t root[32] = {7};
  uint32_t handle;
  al_drive *d = world_drive(w, SERVICE);
  const al_service_config c = {.root = root};
  tap_ok(al_service_add(al_drive_node(d), al_drive_work(d), world_now(w), &c, &handle) == AL_OK,
         "a service is exposed");
  al_drive_pump(d);
  world_run(w, world_now(w) + 10 * AL_SECOND);
  al_service_address(world_suite(w), root, address);
}

int main(int argc, char **argv) {
  static test t;
  world_options o;
  world_options_default(&o);
  bool service = argc > 4;
  uint8_t address[AL_SERVICE_ADDRESS_BYTES];
  o.nodes = service ? NODES_SERVICE : NODES;
  o.delay_us = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 10000;
  o.jitter_us = o.delay_us / 20;
  t.total = (argc > 2 ? strtoull(argv[2], NULL, 10) : 50) * 1000000;
  uint64_t mbit_min = argc > 3 ? strtoull(argv[3], NULL, 10) : 60;
  for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = (uint8_t)(i % 251);
  world *w = world_new(&o, on_event, &t);
  for (uint32_t i = 0; i < o.nodes; i++) {
    world_start(w, i);
    if (i > 0) world_join(w, i, 0);
  }
  world_run(w, world_now(w) + 30 * AL_SECOND);
  if (service) expose(w, address);
  al_time asked = world_now(w);
  tap_ok(open_it(w, &t, service, address) == AL_OK, "a stream is opened");
  world_run(w, world_now(w) + 60 * AL_SECOND);
  uint64_t us = t.last - asked;
  uint64_t mbit = us == 0 ? 0 : t.got * 8 / us;
  printf("# %llu bytes in %llu ms: %llu Mbit/s; first byte after %llu ms\n",
         (unsigned long long)t.got, (unsigned long long)(us / 1000), (unsigned long long)mbit,
         (unsigned long long)((t.first - asked) / 1000));
  printf("# lost %llu, queue drops %llu\n",
         (unsigned long long)world_counter(w, "stream_retransmit"),
         (unsigned long long)world_counter(w, "circuit_queue_full"));
  tap_is_u64(t.got, t.total, "every byte came");
  tap_is_u64(t.wrong, 0, "each in its place");
  tap_is_u64(t.resets, 0, "no stream was reset");
  tap_ok(mbit >= mbit_min, "%llu Mbit/s, at least %llu", (unsigned long long)mbit,
         (unsigned long long)mbit_min);
  world_free(w);
  return tap_done();
}
