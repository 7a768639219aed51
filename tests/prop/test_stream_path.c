/* Performance claims as tests in virtual time: how fast, how fair and with how much queue streams
 * go over given paths. 10,305 packets a second are 100 Mbit/s of datagrams (1,213 bytes each), of
 * which 87 Mbit/s are payload. Usage: test_prop_stream_path [seed]. */
#include <stdlib.h>

#include "prop/stream_sim.h"
#include "tap.h"

enum { HZ_100 = 10305 };
#define ENDLESS ((uint64_t)1 << 40)

static uint64_t seed = 20250101;

/* A path with the same bottleneck in both directions. */
static sim *path(uint32_t rate, al_time rtt_us) {
  sim *m = calloc(1, sizeof *m);
  if (m == NULL) abort();
  sim_seed(seed);
  sim_init(m);
  for (int i = 0; i < 2; i++) {
    m->pipe[i].rate = rate;
    m->pipe[i].delay_us = rtt_us / 2;
  }
  return m;
}

/* What happened in a while. */
typedef struct span {
  uint64_t kbit[SIM_FLOWS_MAX]; /* payload a second */
  uint64_t queue_us;            /* mean at the bottleneck towards B */
} span;

static span spend(sim *m, al_time us) {
  span s = {0};
  uint64_t got[SIM_FLOWS_MAX], sum = m->pipe[1].queue_us_sum, n = m->pipe[1].queue_samples;
  for (int i = 0; i < SIM_FLOWS_MAX; i++) got[i] = m->flow[i].got[1];
  sim_run(m, m->now + us);
  for (int i = 0; i < SIM_FLOWS_MAX; i++) s.kbit[i] = (m->flow[i].got[1] - got[i]) * 8000 / us;
  n = m->pipe[1].queue_samples - n;
  s.queue_us = n != 0 ? (m->pipe[1].queue_us_sum - sum) / n : 0;
  return s;
}

static void end(sim *m) {
  for (int i = 0; i < SIM_FLOWS_MAX; i++)
    if (m->flow[i].on) tap_ok(!m->flow[i].wrong && m->flow[i].reset == 0, "  its bytes are right");
  tap_ok(sim_clear(m), "  no memory asked for in rx, tick and fill; none leaked");
  free(m);
}

static void below(uint64_t got, uint64_t limit, const char *what) {
  tap_ok(got < limit, "%s: %" PRIu64 " < %" PRIu64, what, got, limit);
}

static void above(uint64_t got, uint64_t limit, const char *what) {
  tap_ok(got > limit, "%s: %" PRIu64 " > %" PRIu64, what, got, limit);
}

/* A transfer of given size, opening of the stream included, in milliseconds. */
static uint64_t transfer_ms(sim *m, uint64_t bytes, uint32_t hint_us) {
  sim_flow_start(m, 0, bytes, hint_us);
  sim_run(m, m->now + 300 * AL_SECOND);
  return m->flow[0].done != 0 ? (m->flow[0].done - m->flow[0].start) / 1000 : UINT64_MAX;
}

static void test_transfers(void) {
  sim *m = path(HZ_100, 400000);
  below(transfer_ms(m, 20000000, 420000), 6000, "20 MB, 100 Mbit/s, 400 ms: ms");
  end(m);
  m = path(HZ_100, 80000);
  below(transfer_ms(m, 20000000, 90000), 3000, "20 MB, 100 Mbit/s, 80 ms: ms");
  end(m);
  m = path(10 * HZ_100, 1000);
  below(transfer_ms(m, 300000000, 10000), 3500, "300 MB, 1 Gbit/s, 1 ms: ms");
  end(m);
  m = path(20000, 500);
  m->pipe[0].shuffle_us = m->pipe[1].shuffle_us = 1500;
  below(transfer_ms(m, 100000000, 10000), 5333,
        "100 MB, 194 Mbit/s, 0.5 to 3.5 ms (150 Mbit/s): ms");
  end(m);
  m = path(HZ_100, 80000);
  below(transfer_ms(m, 2000, 90000), 300,
        "2 kB, 100 Mbit/s, 80 ms (opening, sending, closing): ms");
  end(m);
}

static void test_steady(void) {
  sim *m = path(HZ_100, 80000);
  sim_flow_start(m, 0, ENDLESS, 90000);
  (void)spend(m, 3 * AL_SECOND);
  span s = spend(m, 10 * AL_SECOND);
  above(s.kbit[0], 80000, "100 Mbit/s, 80 ms, steady: kbit/s");
  below(s.queue_us, 15000, "  queue: us");
  above(m->pipe[1].sent / 20, m->pipe[0].sent, "  acknowledgements are under 5 %");
  end(m);
  m = path(HZ_100, 400000);
  sim_flow_start(m, 0, ENDLESS, 420000);
  (void)spend(m, 6 * AL_SECOND);
  s = spend(m, 20 * AL_SECOND);
  above(s.kbit[0], 80000, "100 Mbit/s, 400 ms, steady: kbit/s");
  below(s.queue_us, 30000, "  queue: us");
  end(m);
  m = path(103, 80000);
  sim_flow_start(m, 0, ENDLESS, 90000);
  (void)spend(m, 4 * AL_SECOND);
  s = spend(m, 20 * AL_SECOND);
  above(s.kbit[0], 750, "1 Mbit/s, 80 ms, steady: kbit/s");
  below(s.queue_us, 60000, "  queue (a packet takes 9.7 ms): us");
  end(m);
}

static void test_repairs_by_hops(void) {
  sim *m = path(HZ_100, 400000);
  for (int i = 0; i < 2; i++) {
    m->pipe[i].late_ppm = 40000;
    m->pipe[i].late_us = 130000;
  }
  below(transfer_ms(m, 60000000, 420000), 11000, "60 MB, 400 ms, 4 % come 130 ms late: ms");
  below(m->flow[0].end[0].counters.v[AL_COUNT_stream_retransmit], 200, "  sent twice");
  end(m);
  m = path(HZ_100, 80000);
  m->pipe[0].loss_ppm = m->pipe[1].loss_ppm = 10000;
  below(transfer_ms(m, 60000000, 90000), 7500, "60 MB, 80 ms, 1 % lost: ms");
  end(m);
  m = path(HZ_100, 400000);
  m->pipe[1].queue_max = 256;
  below(transfer_ms(m, 60000000, 420000), 13000, "60 MB, 400 ms, a queue of 256 packets: ms");
  end(m);
}

static void test_changes(void) {
  sim *m = path(HZ_100, 80000);
  sim_flow_start(m, 0, ENDLESS, 90000);
  (void)spend(m, AL_SECOND);
  al_time from = m->now;
  uint64_t got = m->flow[0].got[1];
  for (int i = 0; i < 20; i++) {
    sim_run(m, m->now + AL_SECOND);
    m->pipe[1].stall_until = m->now + 100000 + sim_rand(200000);
  }
  above((m->flow[0].got[1] - got) * 8000 / (m->now - from), 35000,
        "a stall of 100 to 300 ms each second: kbit/s");
  m->pipe[1].rate = HZ_100 / 5;
  (void)spend(m, 5 * AL_SECOND);
  span s = spend(m, 5 * AL_SECOND);
  below(s.queue_us, 30000, "a fifth of the rate, after 5 s: queue, us");
  above(s.kbit[0], 14500, "  kbit/s");
  m->pipe[1].rate = HZ_100;
  (void)spend(m, 4 * AL_SECOND);
  above(spend(m, 5 * AL_SECOND).kbit[0], 75000, "all of it again, after 4 s: kbit/s");
  m->pipe[1].delay_us += 100000;
  (void)spend(m, 6 * AL_SECOND);
  above(spend(m, 5 * AL_SECOND).kbit[0], 70000, "100 ms longer, after 6 s: kbit/s");
  end(m);
}

/* A little now and then says nothing about the path: what comes after it is as fast as ever. */
static void test_trickle(void) {
  sim *m = path(HZ_100, 80000);
  sim_flow_start(m, 0, 20500000, 90000);
  m->flow[0].allow = 1;
  for (int i = 1; i <= 50; i++) {
    sim_run(m, m->now + 200000);
    sim_allow(m, 0, (uint64_t)i * 10000);
  }
  al_time from = m->now;
  sim_allow(m, 0, 0);
  sim_run(m, m->now + 100 * AL_SECOND);
  tap_ok(m->flow[0].done != 0, "a trickle for 10 s, then 20 MB");
  below((m->flow[0].done - from) / 1000, 3000, "  these take, ms");
  end(m);
}

static void fair(sim *m, al_time lead_us, al_time grace_us, const char *what) {
  sim_flow_start(m, 0, ENDLESS, 90000);
  sim_run(m, m->now + lead_us);
  sim_flow_start(m, 1, ENDLESS, 90000);
  (void)spend(m, grace_us);
  span s = spend(m, 10 * AL_SECOND);
  uint64_t more = s.kbit[0] > s.kbit[1] ? s.kbit[0] : s.kbit[1], sum = s.kbit[0] + s.kbit[1];
  tap_ok(more < 2 * (sum - more), "%s: %" PRIu64 " and %" PRIu64 " kbit/s", what, s.kbit[0],
         s.kbit[1]);
  above(sum, (uint64_t)m->pipe[1].rate * 1050 * 8 / 1000 * 85 / 100, "  together, kbit/s");
  below(s.queue_us, 40000, "  queue: us");
  end(m);
}

static void test_fairness(void) {
  fair(path(HZ_100, 80000), 0, 2 * AL_SECOND, "two at once, 80 ms");
  fair(path(HZ_100, 80000), 10 * AL_SECOND, 8 * AL_SECOND, "the second 10 s later, 80 ms");
  fair(path(HZ_100, 400000), 20 * AL_SECOND, 50 * AL_SECOND, "the second 20 s later, 400 ms");
  fair(path(HZ_100 / 10, 20000), 10 * AL_SECOND, 5 * AL_SECOND, "10 Mbit/s, 20 ms, 10 s later");
  fair(path(HZ_100 / 10, 80000), 10 * AL_SECOND, 8 * AL_SECOND, "10 Mbit/s, 80 ms, 10 s later");
}

int main(int argc, char **argv) {
  if (argc > 1) seed = strtoull(argv[1], NULL, 0);
  printf("# seed %" PRIu64 "\n", seed);
  test_transfers();
  test_steady();
  test_repairs_by_hops();
  test_changes();
  test_trickle();
  test_fairness();
  return tap_done();
}
