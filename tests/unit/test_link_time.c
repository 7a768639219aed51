/* Heartbeat, round-trip times, death, padding: hours of virtual time. */
#include "test_link_net.h"

static net *start(al_padding padding) {
  const al_suite *suite = al_suite_null();
  net *t = net_new(suite);
  for (unsigned i = 0; i < 2; i++) {
    al_links_config c = net_config(&t->n[i], suite);
    c.now = t->now;
    c.padding = padding;
    if (al_links_init(&t->n[i].ls, &c) != AL_OK) abort();
  }
  net_dial(t, 0, 0);
  net_pass(t, AL_SECOND);
  t->probes = true;
  t->probe_at = t->now;
  return t;
}

static bool near(uint64_t got, uint64_t want, uint64_t off) {
  return got + off >= want && got <= want + off;
}

static void test_rtt(void) {
  net *t = start(AL_PADDING_OFF);
  for (unsigned i = 0; i < 2; i++)
    tap_is_u64(al_link_rtt_us(&t->n[i].ls, t->n[i].link[0]), 20000, "side %u: RTT at once", i);
  al_link_stats st;
  al_link_get_stats(&t->n[0].ls, t->n[0].link[0], &st);
  tap_is_u64(st.rto_us, 200000, "time-out is at least 200 ms");
  t->delay_us = 100000;
  t->jitter_us = 40000;
  net_pass(t, 300 * AL_SECOND);
  tap_ok(near(al_link_rtt_us(&t->n[0].ls, t->n[0].link[0]), 240000, 30000), "follows the delay");
  al_link_get_stats(&t->n[0].ls, t->n[0].link[0], &st);
  tap_ok(st.rto_us > 250000 && st.rto_us < 500000, "time-out follows mean and deviation: %u",
         st.rto_us);
  tap_ok(st.state == AL_LINK_OPEN && st.frames_tx > 50 && st.frames_rx > 50, "alive");
  /* RFC 6298 by hand. */
  al_link_session s = {0};
  static const uint32_t r[] = {100000, 140000, 60000};
  static const uint32_t srtt[] = {100000, 105000, 99375};
  static const uint32_t var[] = {50000, 47500, 46875};
  for (unsigned i = 0; i < 3; i++) {
    uint64_t opaque = al_link_ping_sent(&t->n[0].ls, &s, 1000);
    al_link_pong(&t->n[0].ls, &s, opaque ^ 1, 1000 + r[i]);
    al_link_pong(&t->n[0].ls, &s, opaque, 1000 + r[i]);
    al_link_pong(&t->n[0].ls, &s, opaque, 5000000);
    tap_is_u64(s.srtt_us, srtt[i], "smoothed RTT after sample %u", i);
    tap_is_u64(s.rttvar_us, var[i], "deviation after sample %u", i);
  }
  tap_is_u64(al_link_rto(&s), 99375 + 4 * 46875, "time-out");
  net_free(t);
}

/* The other side falls silent; `busy`: cells are being sent to it. */
static void test_death(const char *what, uint64_t delay_us, bool busy, uint64_t want_us) {
  net *t = start(AL_PADDING_OFF);
  t->delay_us = delay_us;
  net_pass(t, 600 * AL_SECOND);
  for (unsigned i = 0; busy && i < 100; i++) {
    net_cell(t, 0, 0, 1);
    net_cell(t, 1, 0, 1);
    net_pass(t, 10000);
  }
  net_pass(t, busy ? 0 : 17 * AL_SECOND / 10);
  t->cut = true;
  al_time start_us = t->now;
  al_link_stats st;
  al_link_get_stats(&t->n[0].ls, t->n[0].link[0], &st);
  t->no_free = true;
  for (unsigned i = 0; i < 3000 && t->n[0].dead == 0; i++) {
    if (busy && al_link_may_seal(&t->n[0].ls, t->n[0].link[0])) net_cell(t, 0, 0, 1);
    net_pass(t, 10000);
  }
  tap_ok(t->n[0].dead == 1 && t->n[0].code == AL_LINK_CODE_DEAD, "%s: dead", what);
  tap_ok(t->n[0].dead_at - start_us <= want_us, "%s: known after %u ms, at most %u", what,
         (unsigned)((t->n[0].dead_at - start_us) / 1000), (unsigned)(want_us / 1000));
  tap_ok(t->n[0].dead_at - start_us > want_us / 4, "but not rashly");
  tap_is_u64(net_count(t, 0, AL_COUNT_link_dead), 1, "link_dead");
  uint64_t before = st.frames_tx;
  al_link_get_stats(&t->n[0].ls, t->n[0].link[0], &st);
  if (!busy) tap_is_u64(st.frames_tx - before, 13, "after thirteen PINGs: one, then six times two");
  net_free(t);
}

static void test_false_alarms(void) {
  for (unsigned busy = 0; busy < 2; busy++) {
    net *t = start(busy ? AL_PADDING_REDUCED : AL_PADDING_OFF);
    t->loss_rt = 10; /* 1 % */
    t->delay_us = 30000;
    t->jitter_us = 20000;
    uint64_t hours = 100;
    net_run(t, t->now + hours * 3600 * AL_SECOND);
    tap_ok(t->n[0].dead + t->n[1].dead == 0, "1 %% loss, %u hours: no false alarm",
           (unsigned)hours);
    uint64_t frames = t->carried[0][0] + t->carried[0][1];
    tap_ok(frames > hours * 3600 / 10 && frames < hours * 3600 * 2, "%.2f frames a second",
           (double)frames / (double)(hours * 3600));
    net_free(t);
  }
}

static void test_heavy_loss(void) {
  net *t = start(AL_PADDING_OFF);
  t->loss_rt = 1000; /* nothing of channel rt comes through; bulk does, one way */
  for (unsigned i = 0; i < 200; i++) {
    net_cell(t, 0, 0, 1);
    net_cell(t, 1, 0, 1);
    net_pass(t, 100000);
  }
  tap_ok(t->n[0].dead + t->n[1].dead == 0, "any frame is a sign of life");
  net_pass(t, 10 * AL_SECOND);
  tap_ok(t->n[0].dead == 1 && t->n[1].dead == 1, "silence is none");
  net_free(t);
}

/* A host that slept: ticks come far too late, then the other side answers. */
static void test_slept(void) {
  net *t = start(AL_PADDING_OFF);
  t->now += 3600 * AL_SECOND;
  net_pass(t, 5 * AL_SECOND);
  tap_ok(t->n[0].dead + t->n[1].dead == 0, "an hour without a tick does not end a link");
  net_free(t);
}

/* Times of links are kept modulo 19 hours: however long a host slept, it is not taken for less. */
static void test_slept_long(void) {
  static const uint64_t hours[] = {6, 10, 13, 19, 20, 29, 39, 24 * 30};
  for (unsigned i = 0; i < sizeof hours / sizeof *hours; i++) {
    net *t = start(AL_PADDING_REDUCED);
    t->now += hours[i] * 3600 * AL_SECOND;
    net_pass(t, AL_SECOND);
    tap_ok(t->n[0].dead == 1 && t->n[1].dead == 1 && t->n[0].code == AL_LINK_CODE_REKEY,
           "%u hours without a tick: the keys are too old", (unsigned)hours[i]);
    net_free(t);
  }
}

/* A moment is told from its tick, to 16 us, within 9.5 hours both ways. */
static void test_ticks(void) {
  static const uint64_t reach = (uint64_t)INT32_MAX << AL_LINK_TICK_BITS;
  al_links ls = {0};
  unsigned wrong = 0;
  for (unsigned i = 0; i < 20000; i++) {
    ls.clock = test_rand() >> (16 + test_rand_below(30));
    uint64_t off = test_rand_below(reach);
    al_time late = ls.clock + off, early = ls.clock > off ? ls.clock - off : 0;
    al_time l = al_link_when(&ls, al_link_tick(late)), e = al_link_when(&ls, al_link_tick(early));
    wrong += l > late || late - l > 15 || e > early || early - e > 15;
  }
  tap_is_u64(wrong, 0, "ticks and back");
}

static void test_padding(void) {
  net *t = start(AL_PADDING_REDUCED);
  t->probes = false;
  al_link_session *s = al_link_session_get(&t->n[0].ls, t->n[0].link[0]);
  uint64_t low = UINT64_MAX, high = 0, sum = 0, count = 0;
  for (unsigned i = 0; i < 4000; i++) {
    net_cell(t, 0, 0, 1);
    uint64_t silence = al_link_when(&t->n[0].ls, s->pad_at) - t->now;
    low = al_min_u64(low, silence);
    high = al_max_u64(high, silence);
    sum += silence;
    count++;
    net_pass(t, 1000);
  }
  tap_ok(low >= 1500000 - 16 && low < 1550000, "shortest silence %u us", (unsigned)low);
  tap_ok(high <= 9500000 && high > 9450000, "longest silence %u us", (unsigned)high);
  tap_ok(near(sum / count, 5500000, 150000), "mean %u us", (unsigned)(sum / count));
  uint64_t before = t->carried[1][AL_CHANNEL_RT];
  net_pass(t, 600 * AL_SECOND);
  uint64_t with = t->carried[1][AL_CHANNEL_RT] - before;
  for (unsigned i = 0; i < 2; i++)
    al_links_set(&t->n[i].ls, AL_PADDING_OFF, NET_WALL_S + 700, t->now);
  before = t->carried[1][AL_CHANNEL_RT];
  net_pass(t, 600 * AL_SECOND);
  uint64_t without = t->carried[1][AL_CHANNEL_RT] - before;
  tap_ok(with > without + 25, "%u frames in ten minutes with padding, %u without", (unsigned)with,
         (unsigned)without);
  for (unsigned i = 0; i < 2; i++)
    al_links_set(&t->n[i].ls, AL_PADDING_REDUCED, NET_WALL_S + 1300, t->now);
  before = t->carried[1][AL_CHANNEL_RT];
  net_pass(t, 600 * AL_SECOND);
  tap_ok(t->carried[1][AL_CHANNEL_RT] - before > without + 25, "on again");
  tap_is_u64(al_link_wall(&t->n[0].ls, t->now), NET_WALL_S + 1900, "the wall clock goes on");
  net_free(t);
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_rtt();
  test_death("busy, 1 ms", 1000, true, 1950 * AL_MS);
  test_death("busy, 20 ms", 20000, true, 1950 * AL_MS);
  test_death("idle, 20 ms", 20000, false, 4900 * AL_MS);
  test_death("busy, 150 ms", 150000, true, 3500 * AL_MS);
  test_false_alarms();
  test_heavy_loss();
  test_slept();
  test_slept_long();
  test_ticks();
  test_padding();
  return tap_done();
}
