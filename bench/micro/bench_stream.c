/* bench_stream — what a packet of a bundle costs both its ends, without circuits and links.
 *   bench_stream [--json] [MEGABYTES]
 * Two ends in one process, packets handed over directly, virtual time: first in order, then with
 * every 50th packet 30 packets late (reassembly), then 1,000 idle streams beside the busy one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../tests/support/test_alloc.h"
#include "../../tests/support/test_chacha.h"
#include "stream/stream.h"

enum { LATE = 30, IDLE = 1000 };

typedef struct end {
  al_streams ss;
  al_bundle b;
  al_stream s;
  al_counters counters;
  test_alloc ta;
  uint64_t got;
} end;

static al_time now = 1000000;

static double clock_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void check(bool good, const char *what) {
  if (good) return;
  fprintf(stderr, "bench_stream: %s failed\n", what);
  exit(1);
}

/* `window`: of each stream; 1,000 of them must fit into the memory of WebAssembly. */
static void init(end *e, al_rng *rng, bool initiator, uint32_t window) {
  memset(e, 0, sizeof *e);
  al_streams_config c = {.alloc = test_alloc_bind(&e->ta),
                         .rng = rng,
                         .counters = &e->counters,
                         .streams_max = IDLE + 1,
                         .bundles_max = 1,
                         .stream_window = window};
  check(al_streams_init(&e->ss, &c) == AL_OK, "init");
  check(al_bundle_open(&e->ss, initiator, 0, &e->b) == AL_OK, "open");
  check(al_bundle_add_path(&e->ss, e->b, 0, now, 1000) == AL_OK, "path");
}

static void drain(end *e) {
  al_stream_event ev;
  while (al_streams_event(&e->ss, &ev)) {
    if (ev.kind == AL_STREAM_EV_REQUEST)
      check(al_streams_accept(&e->ss, now, ev.stream) == AL_OK, "accept");
    if (ev.kind != AL_STREAM_EV_DATA) continue;
    e->got += ev.data.len;
    (void)al_streams_consume(&e->ss, now, ev.stream, ev.data.len);
  }
}

static void give(end *to, const uint8_t *payload) {
  (void)al_bundle_rx(&to->ss, to->b, 0, now, (al_bytes){payload, AL_STREAM_PAYLOAD_BYTES});
  drain(to);
}

/* One millisecond: everything both ends want to send arrives. Result: packets. */
static uint64_t turn(end *a, end *b, bool late) {
  static uint8_t held[AL_STREAM_PAYLOAD_BYTES];
  static int wait;
  uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
  uint64_t n = 0;
  while (al_bundle_fill(&a->ss, a->b, 0, now, payload)) {
    n++;
    if (late && wait == 0 && n % 50 == 7) {
      memcpy(held, payload, sizeof held);
      wait = LATE;
    } else {
      give(b, payload);
    }
    if (wait != 0 && --wait == 0) give(b, held);
  }
  while (al_bundle_fill(&b->ss, b->b, 0, now, payload)) {
    n++;
    give(a, payload);
  }
  now += 1000;
  al_streams_tick(&a->ss, now);
  al_streams_tick(&b->ss, now);
  drain(a);
  drain(b);
  return n;
}

static void run(const char *name, uint64_t bytes, bool late, int idle, bool json) {
  static uint8_t chunk[65536];
  static const uint8_t seed[32] = {5};
  static end a, b;
  al_rng rng;
  al_rng_init(&rng, &test_chacha_suite, seed);
  const uint32_t window = idle ? 1 << 18 : 1 << 20;
  init(&a, &rng, true, window);
  init(&b, &rng, false, window);
  al_stream_target t = {1, 80, {(const uint8_t *)"example", 7}};
  for (int i = 0; i <= idle; i++) {
    check(al_streams_open(&a.ss, now, a.b, &t, &a.s) == AL_OK, "stream");
    (void)turn(&a, &b, false);
  }
  for (int i = 0; i < 100; i++) (void)turn(&a, &b, false);
  uint64_t put = 0, packets = 0;
  double from = clock_ns();
  while (b.got < bytes) {
    size_t took = 1;
    while (put < bytes && took != 0) {
      size_t n = bytes - put < sizeof chunk ? (size_t)(bytes - put) : sizeof chunk;
      check(al_streams_put(&a.ss, now, a.s, (al_bytes){chunk, n}, &took) == AL_OK, "put");
      put += took;
    }
    packets += turn(&a, &b, late);
  }
  double ns = clock_ns() - from;
  if (json)
    printf("{\"name\": \"stream_%s\", \"ns_per_packet\": %.0f}\n", name, ns / (double)packets);
  else
    printf("%-14s %6.0f ns a packet, both ends together (%.1f Gbit/s)\n", name,
           ns / (double)packets, (double)bytes * 8 / ns);
  al_streams_clear(&a.ss);
  al_streams_clear(&b.ss);
  check(test_alloc_clean(&a.ta) && test_alloc_clean(&b.ta), "giving memory back");
}

int main(int argc, char **argv) {
  bool json = false;
  uint64_t mb = 200;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0)
      json = true;
    else
      mb = strtoull(argv[i], NULL, 10);
  }
  run("in_order", mb * 1000000, false, 0, json);
  run("reordered", mb * 1000000, true, 0, json);
  run("many_streams", mb * 1000000, false, IDLE, json);
  return 0;
}
