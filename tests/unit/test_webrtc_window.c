/* The bound of the window against a simulated bottleneck: rate, delay, a queue; no clock. */
#include "../tap.h"
#include "webrtc/window.h"

typedef struct path {
  double rate;      /* bytes a second */
  int64_t delay_us; /* round trip without queue */
  double queue_max; /* bytes */
  double cap;       /* what the application sends, bytes a second; 0: all it may */
} path;

static double model_growth = 2;   /* of the window in a round, at most */
static double model_before;       /* what the round before sent is acknowledged in this one */
static double model_cwnd = 38400; /* carried from one run to the next */

typedef struct outcome {
  double goodput, queue_most, window;
  int64_t rtt_us;
  bool overflow;
} outcome;

/* Fluid model: each round sends a window; the bottleneck delivers `rate` and queues the rest.
 * Slow start doubles the window each round up to the bound. */
static outcome run(const path *p, double seconds, al_window *w, int64_t *now) {
  outcome o = {0};
  double cwnd = model_cwnd, delivered = (double)w->delivered, base = delivered;
  int64_t start = *now;
  uint32_t tsn = w->tsn;
  while (*now - start < (int64_t)(seconds * 1e6)) {
    double pipe = p->rate * (double)p->delay_us / 1e6, queue = cwnd > pipe ? cwnd - pipe : 0;
    int64_t rtt = p->delay_us + (int64_t)(queue / p->rate * 1e6);
    double sent = cwnd;
    bool limited = true;
    if (p->cap > 0 && p->cap * (double)rtt / 1e6 < cwnd) {
      sent = p->cap * (double)p->delay_us / 1e6;
      rtt = p->delay_us;
      queue = 0;
      limited = false;
    }
    if (queue > p->queue_max) o.overflow = true;
    if (queue > o.queue_most) o.queue_most = queue;
    al_window_depart(w, ++tsn, *now, (uint64_t)delivered, limited);
    *now += rtt;
    double could = p->rate * (double)rtt / 1e6;
    delivered += model_before < could ? model_before : could;
    model_before = sent;
    uint32_t bound = al_window_arrive(w, *now, (uint64_t)delivered, limited);
    cwnd *= model_growth;
    if (bound && cwnd > bound) cwnd = bound;
    o.rtt_us = rtt;
  }
  o.goodput = (delivered - base) / seconds;
  o.window = model_cwnd = cwnd;
  return o;
}

static void test_paths(void) {
  static const path paths[] = {{12.5e6, 20000, 1.25e6, 0},  {12.5e6, 100000, 1.25e6, 0},
                               {12.5e6, 400000, 1.25e6, 0}, {1.25e6, 40000, 0.125e6, 0},
                               {125e6, 10000, 2e6, 0},      {0.25e6, 60000, 0.1e6, 0}};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    al_window w = {0};
    int64_t now = 1000000;
    const path *p = &paths[i];
    model_cwnd = 38400;
    model_before = 0;
    outcome first = run(p, 12, &w, &now), o = run(p, 24, &w, &now);
    tap_ok(!first.overflow, "start-up leaves %.0f bytes in a queue of %.0f", first.queue_most,
           p->queue_max);
    tap_ok(o.goodput > 0.9 * p->rate, "%.0f Mbit/s, %d ms: %.1f Mbit/s", p->rate * 8 / 1e6,
           (int)(p->delay_us / 1000), o.goodput * 8 / 1e6);
    tap_ok(!o.overflow, "the queue does not overflow: %.0f of %.0f bytes", o.queue_most,
           p->queue_max);
    tap_ok(o.rtt_us < p->delay_us + 150000, "round trip %.1f ms", (double)o.rtt_us / 1e3);
  }
}

static void test_change(void) {
  al_window w = {0};
  int64_t now = 1;
  path p = {12.5e6, 20000, 4e6, 0};
  run(&p, 5, &w, &now);
  p.rate = 1.25e6;
  run(&p, 5, &w, &now);
  outcome o = run(&p, 5, &w, &now);
  tap_ok(o.rtt_us < 60000, "a path that became slower: the queue drains, %.1f ms",
         (double)o.rtt_us / 1e3);
  p.rate = 12.5e6;
  run(&p, 5, &w, &now);
  o = run(&p, 5, &w, &now);
  tap_ok(o.goodput > 0.85 * p.rate, "and faster again: %.1f Mbit/s", o.goodput * 8 / 1e6);
  p.delay_us = 100000;
  run(&p, 30, &w, &now);
  o = run(&p, 10, &w, &now);
  tap_ok(o.goodput > 0.85 * p.rate, "a longer path is recognised: %.1f Mbit/s",
         o.goodput * 8 / 1e6);
}

/* Slow start that grows too little for our measure must not be taken for the path's limit. */
static void test_slow_start(void) {
  static const double growth[] = {1.1, 1.25, 1.5};
  for (size_t i = 0; i < sizeof growth / sizeof *growth; i++) {
    al_window w = {0};
    int64_t now = 1;
    path p = {12.5e6, 100000, 1.25e6, 0};
    model_cwnd = 12000;
    model_before = 0;
    model_growth = growth[i];
    run(&p, 6, &w, &now);
    outcome o = run(&p, 2, &w, &now);
    tap_ok(o.goodput > 0.9 * p.rate, "start-up by %.2f a round: %.1f Mbit/s after 6 s", growth[i],
           o.goodput * 8 / 1e6);
  }
  model_growth = 2;
}

static void test_application(void) {
  al_window w = {0};
  int64_t now = 1;
  path p = {12.5e6, 50000, 4e6, 0};
  run(&p, 5, &w, &now);
  uint64_t rate = al_window_rate(&w);
  p.cap = 0.1e6;
  outcome o = run(&p, 20, &w, &now);
  tap_is_u64(al_window_rate(&w), rate, "a quiet application does not lower the rate");
  tap_ok(o.window > 0.5e6, "nor the bound: %.0f bytes", o.window);
}

static void test_samples(void) {
  al_window w = {0};
  tap_ok(!al_window_covers(&w, 5), "nothing is watched at first");
  al_window_depart(&w, UINT32_MAX, 100, 0, true);
  tap_ok(!al_window_covers(&w, UINT32_MAX - 1), "an older TSN does not end the round");
  tap_ok(al_window_covers(&w, 3), "a TSN past the wrap does");
  al_window_depart(&w, 7, 200, 10, true);
  tap_is_u64(w.tsn, UINT32_MAX, "one packet is watched at a time");
  al_window_depart(&w, UINT32_MAX, 300, 10, true);
  tap_ok(!al_window_covers(&w, 3), "a packet that is sent again is not watched any more");
  tap_is_u64(al_window_rate(&w), 0, "no rate without a round");
}

int main(void) {
  test_paths();
  test_change();
  test_slow_start();
  test_application();
  test_samples();
  return tap_done();
}
