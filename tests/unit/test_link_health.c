/* Is the neighbour still there? What others say, who is watched, who is not well himself. */
#include "test_link_net.h"

static net *start(void) {
  const al_suite *suite = al_suite_null();
  net *t = net_new(suite);
  for (unsigned i = 0; i < 2; i++) {
    al_links_config c = net_config(&t->n[i], suite);
    c.now = t->now;
    if (al_links_init(&t->n[i].ls, &c) != AL_OK) abort();
  }
  net_dial(t, 0, 0);
  t->delay_us = 30000;
  net_pass(t, 3 * AL_SECOND);
  return t;
}

static al_links *links(net *t) { return &t->n[0].ls; }
static al_link link_of(const net *t) { return t->n[0].link[0]; }
static uint64_t suspected(const net *t) { return net_count(t, 0, AL_COUNT_link_suspected); }

/* Nobody asks for anything: silence; who is watched is heard of every three seconds. */
static void test_watch(void) {
  net *t = start();
  uint64_t before = t->carried[1][AL_CHANNEL_RT];
  net_pass(t, 60 * AL_SECOND);
  tap_is_u64(t->carried[1][AL_CHANNEL_RT] - before, 0, "a link that nobody needs costs nothing");
  unsigned small = t->short_rx[1];
  al_link_watch(links(t), link_of(t), true);
  net_pass(t, 60 * AL_SECOND);
  uint64_t frames = t->carried[1][AL_CHANNEL_RT] - before;
  tap_ok(frames >= 19 && frames <= 21, "one that somebody depends on: %u PINGs in a minute",
         (unsigned)frames);
  tap_is_u64(t->short_rx[1] - small, frames, "all of them short");
  tap_is_u64(t->short_rx[0], frames, "and so are the answers");
  t->cut = true;
  al_time from = t->now;
  while (t->n[0].dead == 0 && t->now < from + 10 * AL_SECOND) net_pass(t, 10000);
  tap_ok(t->now - from < 5 * AL_SECOND, "its death is seen after %u ms",
         (unsigned)((t->now - from) / 1000));
  net_free(t);
}

/* How long it takes when others are asked: `say` 0: nobody answers, 1: they confirm, 2: they have
 * heard it. */
static al_time verdict_after(int say, unsigned times) {
  net *t = start();
  t->cut = true;
  al_time from = t->now;
  tap_ok(al_link_doubt(links(t), link_of(t), t->now, 0), "somebody says that it is gone: a PING");
  tap_ok(!al_link_doubt(links(t), link_of(t), t->now, 0), "one at a time");
  net_pump(t, 0, 0);
  while (t->doubts[0] == 0) net_pass(t, 1000);
  tap_ok(t->now - from <= 210000, "after a time-out it is in doubt");
  for (unsigned i = 0; say != 0 && i < times; i++)
    al_link_hearsay(links(t), link_of(t), t->now, say == 2);
  while (t->n[0].dead == 0 && t->now < from + 20 * AL_SECOND) net_pass(t, 1000);
  tap_is_u64(suspected(t), 1, "link_suspected");
  tap_is_u64(net_count(t, 0, AL_COUNT_link_dead), 1, "then dead");
  from = t->now - from;
  net_free(t);
  return from;
}

static void test_hearsay(void) {
  al_time alone = verdict_after(0, 0), one = verdict_after(1, 1), three = verdict_after(1, 3);
  al_time many = verdict_after(1, 20), heard = verdict_after(2, 1);
  tap_ok(alone > 1100 * AL_MS && alone < 1200 * AL_MS, "alone: dead after %u ms",
         (unsigned)(alone / 1000));
  tap_ok(one < alone && three <= one && three > 900 * AL_MS, "one who confirms: %u ms, 3: %u ms",
         (unsigned)(one / 1000), (unsigned)(three / 1000));
  tap_is_u64(many, three, "there is a least time");
  tap_ok(heard > 2 * alone && heard < 5 * AL_SECOND, "one who hears it: %u ms",
         (unsigned)(heard / 1000));
}

static void test_cleared(void) {
  net *t = start();
  t->cut = true;
  (void)al_link_doubt(links(t), link_of(t), t->now, 0);
  net_pump(t, 0, 0);
  while (suspected(t) == 0) net_pass(t, 1000); /* for a second nothing came */
  t->cut = false;
  net_cell(t, 1, 0, 1);
  net_pass(t, 10 * AL_SECOND);
  tap_ok(t->n[0].dead == 0, "it is heard in the end");
  tap_is_u64(net_count(t, 0, AL_COUNT_link_cleared), 1, "link_cleared");
  tap_ok(!al_link_doubt(links(t), link_of(t), t->now, 60 * AL_SECOND),
         "who was heard lately needs no PING");
  al_link_hearsay(links(t), link_of(t), t->now, false); /* without a doubt: nothing */
  tap_ok(
      al_link_heard(links(t), link_of(t)) < t->now && al_link_heard(links(t), 77) == AL_TIME_NEVER,
      "when it was heard");
  net_free(t);
}

/* Far away: a PING is lost, and then the other side stands still for half a second. */
static void test_far(void) {
  net *t = start();
  t->delay_us = 150 * AL_MS;
  for (int i = 0; i < 20; i++) {
    (void)al_link_doubt(links(t), link_of(t), t->now, 0);
    net_pump(t, 0, 0);
    net_pass(t, 2 * AL_SECOND);
  }
  t->cut = true;
  unsigned doubts = t->doubts[0];
  (void)al_link_doubt(links(t), link_of(t), t->now, 0);
  net_pump(t, 0, 0);
  t->cut = false;
  t->delay_us = 650 * AL_MS;
  while (t->doubts[0] == doubts) net_pass(t, 1000);
  net_pass(t, 600 * AL_MS);
  t->delay_us = 150 * AL_MS;
  net_pass(t, 5 * AL_SECOND);
  tap_ok(t->n[0].dead == 0 && suspected(t) == 0, "a lost PING and a pause: nobody is suspected");
  net_free(t);
}

/* A process that stood still accuses nobody; what came meanwhile is looked at first. */
static void test_late(void) {
  net *t = start();
  (void)al_link_doubt(links(t), link_of(t), t->now, 0);
  net_pump(t, 0, 0);
  for (int i = 0; i < 20; i++) {
    t->cut = true;
    t->now += 500 * AL_MS; /* nothing was done in this time */
    t->cut = false;
    net_pass(t, 150 * AL_MS);
  }
  tap_ok(t->n[0].dead == 0 && suspected(t) == 0, "nobody was suspected");
  tap_ok(net_count(t, 0, AL_COUNT_probe_late) >= 1, "probe_late");
  net_free(t);
}

/* A host that looks at its clock once a second only: all its timers are late. It sees deaths all
 * the same, and holds nobody for dead who lives. */
static void test_slow_host(void) {
  net *t = start();
  al_link_watch(links(t), link_of(t), true);
  for (int i = 0; i < 120; i++) {
    t->now += 990 * AL_MS;
    net_pass(t, 10 * AL_MS);
  }
  tap_ok(t->n[0].dead == 0 && suspected(t) == 0, "whoever lives is not suspected");
  t->cut = true;
  al_time from = t->now;
  while (t->n[0].dead == 0 && t->now < from + 60 * AL_SECOND) {
    t->now += 990 * AL_MS;
    net_pass(t, 10 * AL_MS);
  }
  tap_ok(t->now - from < 30 * AL_SECOND, "whoever is dead is found dead after %u ms",
         (unsigned)((t->now - from) / 1000));
  tap_ok(net_count(t, 0, AL_COUNT_probe_late) >= 3, "probe_late: though its timers are late");
  net_free(t);
}

/* Lifeguard: who does not hear anybody has more patience. */
static void test_unwell(void) {
  net *t = start();
  for (int i = 0; i < 5; i++) {
    al_links_unwell(links(t), t->now);
    net_pass(t, 1100 * AL_MS);
  }
  tap_is_u64(links(t)->unwell, 3, "at most three times");
  t->cut = true;
  (void)al_link_doubt(links(t), link_of(t), t->now, 0);
  net_pump(t, 0, 0);
  al_time from = t->now;
  while (t->n[0].dead == 0 && t->now < from + 20 * AL_SECOND) net_pass(t, 1000);
  tap_ok(t->now - from > 2500 * AL_MS, "everybody gets more time: %u ms",
         (unsigned)((t->now - from) / 1000));
  for (int i = 0; i < 40; i++) {
    (void)al_links_probe(links(t), t->now);
    net_pass(t, AL_SECOND);
  }
  tap_is_u64(links(t)->unwell, 0, "and it passes");
  net_free(t);
}

/* One neighbour only, nothing to say and nobody to ask: the turns alone find its death. */
static void test_only(void) {
  net *t = start();
  net_pass(t, 10 * AL_SECOND);
  t->cut = true;
  al_time from = t->now, turn = from;
  while (t->n[0].dead == 0 && t->now < from + 20 * AL_SECOND) {
    if (t->now >= turn) {
      (void)al_links_probe(links(t), t->now);
      turn = t->now + AL_SECOND;
    }
    net_pump(t, 0, 0);
    net_pass(t, 10 * AL_MS);
  }
  tap_ok(t->now - from < 5 * AL_SECOND, "the only neighbour's death is seen after %u ms",
         (unsigned)((t->now - from) / 1000));
  net_free(t);
}

/* One after the other, whoever was silent. */
static void test_turns(void) {
  net *t = start();
  for (unsigned pair = 1; pair < NET_PAIRS_MAX; pair++) net_dial(t, 0, pair);
  net_pass(t, 5 * AL_SECOND);
  unsigned seen = 0;
  for (unsigned k = 0; k < NET_PAIRS_MAX; k++) {
    al_link l = al_links_probe(links(t), t->now);
    for (unsigned pair = 0; pair < NET_PAIRS_MAX; pair++)
      if (t->n[0].link[pair] == l) seen |= 1u << pair;
  }
  tap_is_u64(seen, (1u << NET_PAIRS_MAX) - 1, "each link gets its turn");
  tap_ok(al_links_probe(links(t), t->now) == 0, "once");
  for (unsigned pair = 0; pair < NET_PAIRS_MAX; pair++) net_pump(t, 0, pair);
  net_pass(t, AL_SECOND);
  tap_ok(al_links_probe(links(t), t->now) == 0, "who answered is left alone for a while");
  net_free(t);
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_watch();
  test_hearsay();
  test_cleared();
  test_far();
  test_late();
  test_slow_host();
  test_unwell();
  test_only();
  test_turns();
  return tap_done();
}
