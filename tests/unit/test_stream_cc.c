/* The congestion controller alone, fed with samples of paths that are made up. */
#include "stream/cc.h"
#include "tap.h"

static void test_rtt(void) {
  al_rtt r = {0};
  al_rtt_take(&r, 80000);
  tap_ok(r.smoothed == 80000 && r.var == 40000, "the first sample");
  al_rtt_take(&r, 88000);
  tap_ok(r.smoothed == 81000 && r.var == 32000 && r.latest == 88000, "the second (RFC 6298)");
  for (int i = 0; i < 100; i++) al_rtt_take(&r, 50000);
  tap_ok(r.smoothed < 50010 && r.var < 10, "it settles");
}

static void test_pace(void) {
  al_cc c;
  al_time now = 1000000;
  al_cc_init(&c, now, 100000, 1000);
  tap_ok(al_cc_base(&c) == 100000, "the hint stands for the round-trip time");
  uint64_t rate = al_cc_rate(&c);
  tap_ok(rate > 3 * 480000 && rate < 4 * 480000, "480 packets a second, and three times it");
  tap_ok(al_cc_window(&c) >= 32, "and room for them");
  int burst = 0;
  while (al_cc_may(&c, now) && burst < 1000) {
    al_cc_sent(&c, now);
    burst++;
  }
  tap_is_u64(burst, (4000 + 1000) * rate / 1000000000 + 1, "after silence: 4 ms late, 1 ms ahead");
  int n = 0;
  for (al_time t = now; t < now + 1000000;) {
    t = al_cc_at(&c) > t ? al_cc_at(&c) : t + 1;
    while (al_cc_may(&c, t)) {
      al_cc_sent(&c, t);
      n++;
    }
  }
  tap_ok(n >= (int)(rate / 1000) - 5 && n <= (int)(rate / 1000) + 5,
         "then the rate is kept: %d packets in a second", n);
}

/* One round trip each call: everything is delivered at `rate`, at `rtt`. */
static void feed(al_cc *c, al_cc_sample *s, uint64_t rate, uint32_t rtt_us, uint32_t lost) {
  uint32_t n = (uint32_t)(rate * rtt_us / 1000000000);
  for (uint32_t i = 0; i < 8; i++) {
    s->now += rtt_us / 8;
    s->acked = n / 8 + 1;
    s->lost = lost / 8;
    s->prior = s->delivered > n ? s->delivered - n : 0;
    s->delivered += s->acked;
    s->flight = n;
    s->rtt_us = rtt_us;
    s->rate = rate;
    al_cc_take(c, s, rtt_us);
  }
}

static void test_modes(void) {
  al_cc c;
  al_cc_sample s = {.now = 1000000};
  al_cc_init(&c, s.now, 100000, 7168);
  for (uint64_t rate = 300000; rate < 8000000; rate *= 2) feed(&c, &s, rate, 100000, 0);
  tap_ok(c.mode == AL_CC_START, "rates that double, no queue: goes on");
  feed(&c, &s, 9000000, 160000, 0);
  tap_ok(c.mode == AL_CC_DRAIN, "60 ms of queue: stops");
  tap_ok(al_cc_window(&c) <= 9000 * 103 / 1000 + 8, "what may be under way fits the path");
  s.flight = 0;
  feed(&c, &s, 9000000, 100000, 0);
  for (int i = 0; i < 3; i++) feed(&c, &s, 9000000, 100000, 0);
  tap_ok(c.mode == AL_CC_CRUISE, "the queue is gone: cruises");
  tap_ok(al_cc_rate(&c) > 8000000 && al_cc_rate(&c) < 9600000, "near what was delivered");
  uint64_t before = al_cc_rate(&c);
  feed(&c, &s, before, 100000, 0);
  feed(&c, &s, before, 100000, 0);
  tap_ok(al_cc_rate(&c) > before, "faster while no queue shows");
  s.limited = true;
  before = al_cc_rate(&c);
  for (int i = 0; i < 5; i++) feed(&c, &s, 1000000, 100000, 0);
  tap_is_u64(al_cc_rate(&c), before, "short of data it stays");
  s.limited = false;
  for (int i = 0; i < 2; i++) feed(&c, &s, 9000000, 140000, 0);
  tap_ok(c.mode == AL_CC_CRUISE, "a queue that came at once and not by our growth: waits");
  for (int i = 0; i < 3 && c.mode == AL_CC_CRUISE; i++) feed(&c, &s, 9000000, 140000, 0);
  tap_ok(c.mode == AL_CC_DRAIN, "it stays: backs off");
}

static void test_plateau_and_loss(void) {
  al_cc c;
  al_cc_sample s = {.now = 1000000};
  al_cc_init(&c, s.now, 20000, 7168);
  for (int i = 0; i < 8; i++) feed(&c, &s, 2000000, 20000, 0);
  tap_ok(c.mode != AL_CC_START, "rates that do not grow end the start");
  s = (al_cc_sample){.now = 1000000};
  al_cc_init(&c, s.now, 20000, 7168);
  feed(&c, &s, 2000000, 20000, 0);
  feed(&c, &s, 4000000, 20000, 0);
  tap_ok(c.mode == AL_CC_START, "starting");
  feed(&c, &s, 8000000, 20000, 80);
  tap_ok(c.mode != AL_CC_START, "every third packet lost ends the start");
}

/* A delay that no pause takes away is the path's own: the rate does not collapse. */
static void test_longer_path(void) {
  al_cc c;
  al_cc_sample s = {.now = 1000000};
  al_cc_init(&c, s.now, 50000, 7168);
  for (int i = 0; i < 12; i++) feed(&c, &s, 5000000, 50000, 0);
  tap_ok(c.mode == AL_CC_CRUISE && al_cc_base(&c) == 50000, "50 ms");
  for (int i = 0; i < 40; i++)
    feed(&c, &s, al_cc_rate(&c) < 5000000 ? al_cc_rate(&c) : 5000000, 90000, 0);
  tap_is_u64(al_cc_base(&c), 90000, "the path has become 40 ms longer");
  tap_ok(al_cc_rate(&c) > 3500000, "the rate is kept: %d packets a second",
         (int)(al_cc_rate(&c) / 1000));
}

/* A path that stands by: a PING now and then, whose round trip is what others make of it. It is
 * held neither for slow nor for full, before its start and after. */
static void test_standby(void) {
  al_cc c;
  al_cc_sample s = {.now = 1000000, .limited = true};
  al_cc_init(&c, s.now, 300000, 7168);
  uint64_t before = al_cc_rate(&c);
  for (uint32_t i = 0; i < 30; i++) {
    s.now += 900000;
    s.prior = s.delivered;
    s.delivered += s.acked = 1;
    s.rtt_us = 300000 + i % 5 * 60000;
    s.rate = AL_CC_RATE_ONE * 1000000 / s.rtt_us;
    al_cc_take(&c, &s, 400000);
  }
  tap_ok(c.mode == AL_CC_START && al_cc_rate(&c) >= before,
         "PINGs on a path of others' queues: %d packets a second, %d before",
         (int)(al_cc_rate(&c) / 1000), (int)(before / 1000));
  s.limited = false;
  for (uint64_t rate = 300000; rate < 4000000; rate *= 2) feed(&c, &s, rate, 420000, 0);
  tap_ok(c.mode == AL_CC_START, "it takes over: what queued before is not its own");
  feed(&c, &s, 4000000, 600000, 0);
  tap_ok(c.mode == AL_CC_DRAIN, "180 ms more are");
  s.flight = 0;
  for (int i = 0; i < 8; i++) feed(&c, &s, 4000000, 420000, 0);
  s.limited = true;
  before = al_cc_rate(&c);
  for (int i = 0; i < 20; i++) feed(&c, &s, 3000, 480000, 0);
  s.now += 20 * AL_SECOND;
  s.limited = false;
  s.prior = s.delivered;
  s.delivered += s.acked = 1; /* the first of many */
  al_cc_take(&c, &s, 480000);
  bool goes_on = c.mode == AL_CC_CRUISE && al_cc_rate(&c) == before;
  feed(&c, &s, 3000000, 480000, 0);
  tap_ok(goes_on && c.mode == AL_CC_CRUISE && al_cc_rate(&c) > before / 2,
         "after a pause it goes on: %d packets a second, %d before", (int)(al_cc_rate(&c) / 1000),
         (int)(before / 1000));
}

/* What cannot be sent, because the host or the first link is slower, is not asked for. */
static void test_slow_sender(void) {
  al_cc c;
  al_cc_sample s = {.now = 1000000};
  al_cc_init(&c, s.now, 50000, 7168);
  for (int i = 0; i < 200; i++) feed(&c, &s, 2000000, 50000, 0);
  tap_ok(c.mode == AL_CC_CRUISE && al_cc_rate(&c) <= 2504000,
         "the rate stays within a quarter of what is delivered");
}

int main(void) {
  test_slow_sender();
  test_rtt();
  test_pace();
  test_modes();
  test_plateau_and_loss();
  test_longer_path();
  test_standby();
  return tap_done();
}
