/* test_parts.c — the parts of the simulator: events in order, timers, frames, chance, the Internet,
 * scenario files. */
#include <string.h>

#include "arena.h"
#include "chance.h"
#include "net.h"
#include "queue.h"
#include "scenario.h"
#include "tap.h"

enum { EVENTS = 20000 };

/* Times that meet, that lie in one bucket, in the calendar, and beyond it. */
static uint64_t some_time(sim_chance *c, uint64_t from) {
  static const uint64_t spans[] = {3, 200, 50000, 10000000};
  return from + sim_below(c, spans[sim_below(c, 4)]);
}

static bool after(const sim_event *a, const sim_event *b) {
  return a->time > b->time || (a->time == b->time && a->key > b->key);
}

/* Against an array that is searched: posted while others are taken, with timers among it. */
static void test_queue(void) {
  enum { HELD = 300 };
  static sim_event held[HELD];
  sim_queue q = {0};
  sim_chance c = {1};
  uint64_t now = 0, number = 0;
  uint32_t wrong = 0, count = 0, early = 0;
  for (uint32_t i = 0; i < EVENTS; i++) {
    while (count < HELD && sim_below(&c, 3) != 0) {
      sim_event e = {.time = some_time(&c, now), .a = (uint32_t)sim_below(&c, 50), .b = i};
      if (sim_below(&c, 4) == 0) {
        e.b = 0;
        e.key = (uint64_t)1 << 63 | (uint64_t)e.a << SIM_KIND_BITS | 5;
        sim_queue_timer(&q, e.time, e.a, 5);
      } else {
        e.key = number++ << (SIM_KIND_BITS + SIM_SERIAL_BITS) | 77u << SIM_KIND_BITS | 3;
        sim_queue_push(&q, e, 3, 77);
      }
      held[count++] = e;
    }
    uint32_t best = 0;
    sim_event got = {0};
    for (uint32_t k = 1; k < count; k++)
      if (after(&held[best], &held[k])) best = k;
    if (count == 0) continue;
    uint64_t due = held[best].time;
    if (due > now && sim_below(&c, 2) == 0) { /* not yet */
      early += sim_queue_pop(&q, due - 1, &got);
      now = due - 1;
    }
    if (!sim_queue_pop(&q, due, &got)) got.key = 0;
    wrong += got.time != due || got.key != held[best].key || got.a != held[best].a;
    wrong += got.b != held[best].b;
    now = due;
    held[best] = held[--count];
    wrong += q.count != count;
  }
  tap_is_u64(wrong, 0,
             "events come by time, those of one time as posted, timers after them by node");
  tap_is_u64(early, 0, "and none before its time");
  sim_queue_clear(&q);
}

static void test_arena(void) {
  sim_arena a = {0};
  uint32_t frame[1000], wrong = 0;
  for (uint32_t i = 0; i < 1000; i++) {
    frame[i] = sim_arena_take(&a);
    sim_arena_at(&a, frame[i])->bytes[0] = i;
  }
  for (uint32_t i = 0; i < 1000; i++) wrong += sim_arena_at(&a, frame[i])->bytes[0] != i;
  for (uint32_t i = 0; i < 1000; i++) sim_arena_drop(&a, frame[i]);
  uint32_t chunks = a.chunks_count;
  for (uint32_t i = 0; i < 1000; i++) (void)sim_arena_take(&a);
  tap_ok(wrong == 0 && a.used == 1000 && a.peak == 1000, "frames do not share a place");
  tap_is_u64(a.chunks_count, chunks, "and places are used again");
  sim_arena_clear(&a);
}

static void test_chance(void) {
  static const struct {
    uint32_t u, ln; /* -ln(u / 2^32) * 65536, rounded down by hand */
  } known[] = {
      {0x80000000u, 45426}, {0x40000000u, 90852}, {0xc0000000u, 18853}, {0x10000000u, 181704}};
  sim_chance c = {3};
  uint32_t wrong = 0, hits = 0;
  uint64_t sum = 0, over = 0;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    uint32_t ln = sim_minus_ln(known[i].u);
    wrong += ln + 4 < known[i].ln || ln > known[i].ln + 4;
  }
  tap_is_u64(wrong, 0, "logarithms are right to 4 in 65536");
  for (uint32_t i = 0; i < 100000; i++) {
    uint64_t t = sim_exponential(&c, 1000000);
    sum += t;
    over += t > 3000000;
    hits += sim_happens(&c, 30000) != 0;
  }
  tap_ok(sum / 100000 > 985000 && sum / 100000 < 1015000, "the mean is the mean");
  tap_ok(over > 4700 && over < 5260, "e^-3 of all are three times as long (%u)", (unsigned)over);
  tap_ok(hits > 2800 && hits < 3200, "3%% happen in 3%% of cases (%u)", hits);
}

static void test_net(void) {
  sim_net n = {.internet = true, .access = true, .nat_ppm = 200000, .slow_ppm = 100000};
  uint32_t wrong = 0, nat = 0, slow = 0, west = 0;
  uint64_t sum = 0;
  n.skew_s = 60;
  for (uint32_t i = 0; i < 10000; i++) {
    sim_place p;
    sim_place_of(&n, 9, i, &p);
    uint32_t there = sim_net_delay(&n, 9, i, i + 1), back = sim_net_delay(&n, 9, i + 1, i);
    wrong += there != back || there < 3000 || there > 320000 || p.skew_s < -60 || p.skew_s > 60;
    sum += there;
    nat += p.nat;
    slow += p.slow;
    west += p.region == SIM_REGION_EUROPE_WEST;
  }
  tap_is_u64(wrong, 0, "it is as far there as back, and no farther than the world is wide");
  tap_ok(sum / 10000 > 60000 && sum / 10000 < 100000, "two nodes are %u us apart in the mean",
         (unsigned)(sum / 10000));
  tap_ok(nat > 1850 && nat < 2150 && slow > 900 && slow < 1100 && west > 2250 && west < 2550,
         "shares are kept: %u behind NAT, %u slow, %u in western Europe", nat, slow, west);
}

static void refused(const char *text, const char *want) {
  char error[256] = "";
  sim_plan *p = sim_plan_new();
  bool read = sim_plan_read(p, "f", text, error);
  if (!tap_ok(!read && strcmp(error, want) == 0, "%s", want)) printf("# %s\n", error);
  sim_plan_free(p);
}

static void test_scenario(void) {
  char error[256], text[32];
  sim_scenario a, b;
  sim_plan *p = sim_plan_new();
  tap_ok(sim_plan_read(p, "f",
                       "# c\n\n[net]\r\n delay = 1.5ms..20ms\nloss=2.5%\n[network]\nnodes = 2k\n",
                       error),
         "a scenario is read");
  tap_ok(sim_plan_set(p, "work.streams=7", error), "and one key set over it");
  sim_plan_draw(p, 1, &a);
  tap_ok(a.net_loss == 25000 && a.network_nodes == 2000 && a.work_streams == 7,
         "values have units");
  sim_plan_draw(p, 2, &b);
  tap_ok(a.net_delay >= 1500 && a.net_delay <= 20000 && a.net_delay != b.net_delay,
         "a range is drawn from the seed");
  sim_plan_draw(p, 1, &b);
  tap_ok(memcmp(&a, &b, sizeof a) == 0, "which draws the same again");
  for (size_t i = 0; sim_option_at(i) != NULL; i++) {
    const sim_option *o = sim_option_at(i);
    char line[128];
    sim_value_text(o, sim_scenario_value(&a, i), text);
    snprintf(line, sizeof line, "%s.%s=%s", o->section, o->key, text);
    if (!sim_plan_set(p, line, error)) tap_ok(false, "%s: %s", line, error);
  }
  sim_plan_draw(p, 5, &b);
  tap_ok(memcmp(&a, &b, sizeof a) == 0, "every value is read as it is written");
  sim_plan_free(p);
  refused("[net]\nlos = 1%\n", "f:2: unknown key `los` in [net]");
  refused("[nett]\n", "f:1: unknown section [nett]");
  refused("loss = 1%\n", "f:1: unknown key `loss` in []");
  refused("[net]\n\nloss\n", "f:3: neither [section] nor key = value");
  refused("[net]\nloss = 1\n", "f:2: `loss` cannot be `1`; wanted: 0%..90%");
  refused("[net]\nloss = 95%\n", "f:2: `loss` cannot be `95%`; wanted: 0%..90%");
  refused("[net]\nloss = 3%..1%\n", "f:2: `loss` cannot be `3%..1%`; wanted: 0%..90%");
  refused("[net]\ndelay = 99999999999999999999s\n",
          "f:2: `delay` cannot be `99999999999999999999s`; wanted: 0us..10s");
  refused("[net]\nloss = 1%\nloss = 1%\n", "f:3: `loss` was given before, in line 2");
}

int main(void) {
  test_queue();
  test_arena();
  test_chance();
  test_net();
  test_scenario();
  return tap_done();
}
