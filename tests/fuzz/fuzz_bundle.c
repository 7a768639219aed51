/* fuzz_bundle.c — any packets, times and commands into one end of a bundle: nothing may break, no
 * memory be asked for in rx, tick and fill, and what is wanted must be written. The input is a list
 * of steps: a byte that says which, then its arguments. */
#include <stdlib.h>

#include "../support/test_alloc.h"
#include "../support/test_chacha.h"
#include "base/cursor.h"
#include "stream/stream.h"

enum { STREAMS = 8, STEPS_MAX = 2000 };

typedef struct world {
  al_streams ss;
  al_bundle b;
  al_stream s[STREAMS]; /* handles, some of them dead */
  unsigned count;
  al_time now;
  uint32_t number, path;
  al_rng rng;
  al_counters counters;
  test_alloc ta;
} world;

static volatile uint8_t sink; /* so that views are really read */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drain(world *w) {
  al_stream_event ev;
  while (al_streams_event(&w->ss, &ev)) {
    if (ev.kind == AL_STREAM_EV_REQUEST) {
      w->s[w->count++ % STREAMS] = ev.stream;
      for (size_t i = 0; i < ev.target.host.len; i++) sink = ev.target.host.ptr[i];
    }
    if (ev.kind != AL_STREAM_EV_DATA) continue;
    if (ev.data.len == 0) abort();
    for (size_t i = 0; i < ev.data.len; i += 7) sink = ev.data.ptr[i];
    if (ev.data.len % 2 == 0 &&
        al_streams_consume(&w->ss, w->now, ev.stream, ev.data.len) == AL_EINVAL)
      abort();
  }
}

static void fill(world *w, unsigned most) {
  uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
  for (unsigned i = 0; i < most; i++) {
    al_bundle_want want = al_bundle_wants(&w->ss, w->b, w->path, w->now);
    if (al_bundle_fill(&w->ss, w->b, w->path, w->now, payload) != (want == AL_BUNDLE_WANT_NOW))
      abort();
  }
}

/* A packet: its frames are from the input; the number is a fresh one, or near it. */
static void packet(world *w, al_rd *r) {
  uint8_t payload[AL_STREAM_PAYLOAD_BYTES] = {AL_STREAM_KIND_BUNDLE};
  uint8_t skew = al_rd_u8(r);
  size_t len = al_min_size(al_rd_u8(r) * 2u, al_rd_left(r));
  uint32_t number = skew < 128 ? w->number++ : w->number + skew - 192;
  al_store_u32(payload + 1, number);
  al_rd_copy(r, payload + 5, len);
  (void)al_bundle_rx(&w->ss, w->b, w->path, w->now, (al_bytes){payload, sizeof payload});
  drain(w);
}

static void command(world *w, uint8_t what, uint8_t arg) {
  static const uint8_t text[4096];
  al_stream s = w->s[arg % STREAMS];
  al_stream_target to = {1, 80, {(const uint8_t *)"host", 4}};
  size_t taken;
  switch (what) {
    case 0:
      (void)al_streams_accept(&w->ss, w->now, s);
      break;
    case 1:
      (void)al_streams_put(&w->ss, w->now, s, (al_bytes){text, arg * 16u}, &taken);
      break;
    case 2:
      (void)al_streams_shut(&w->ss, w->now, s);
      break;
    case 3:
      al_streams_reset(&w->ss, w->now, s, arg);
      break;
    case 4:
      (void)al_streams_open(&w->ss, w->now, arg % 4 != 0 ? w->b : 0, &to,
                            &w->s[w->count++ % STREAMS]);
      break;
    case 5:
      (void)al_streams_consume(&w->ss, w->now, s, arg);
      break;
    case 6:
      if (al_streams_detach(&w->ss, s) == AL_OK) (void)al_streams_attach(&w->ss, w->now, s, w->b);
      break;
    default:
      al_bundle_path_lost(&w->ss, w->b, w->path, w->now);
      w->path = (w->path + 1) % AL_BUNDLE_PATHS_MAX;
      w->number = 0;
      (void)al_bundle_add_path(&w->ss, w->b, w->path, w->now, arg * 1000u);
  }
  drain(w);
}

static void step(world *w, al_rd *r) {
  uint8_t what = al_rd_u8(r);
  w->ta.closed = true;
  if (what < 100) {
    packet(w, r);
  } else if (what < 140) {
    fill(w, 1 + what % 8);
  } else if (what < 180) {
    w->now += (al_time)al_rd_u8(r) * al_rd_u8(r) * 10;
    al_streams_tick(&w->ss, w->now);
    if (al_streams_deadline(&w->ss) <= w->now) abort();
    drain(w);
  } else {
    w->ta.closed = false;
    command(w, (uint8_t)(what % 8 == 7 && what < 250 ? 1 : what % 8), al_rd_u8(r));
  }
  while (al_streams_next(&w->ss) != 0) {
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint8_t seed[32] = {9};
  static world w;
  memset(&w, 0, sizeof w);
  al_rd r = al_rd_init((al_bytes){data, size});
  al_rng_init(&w.rng, &test_chacha_suite, seed);
  w.now = 1000000;
  al_streams_config c = {.alloc = test_alloc_bind(&w.ta),
                         .rng = &w.rng,
                         .counters = &w.counters,
                         .streams_max = 6,
                         .bundles_max = 1,
                         .stream_window = 4096,
                         .packets_max = 64};
  if (al_streams_init(&w.ss, &c) != AL_OK ||
      al_bundle_open(&w.ss, al_rd_u8(&r) % 2 == 0, 1, &w.b) != AL_OK ||
      al_bundle_add_path(&w.ss, w.b, 0, w.now, 10000) != AL_OK)
    abort();
  for (int i = 0; i < STEPS_MAX && al_rd_left(&r) != 0; i++) step(&w, &r);
  w.ta.closed = false;
  al_streams_clear(&w.ss);
  if (!test_alloc_clean(&w.ta)) abort();
  return 0;
}
