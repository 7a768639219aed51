/* Queues and turns: bounds, fairness, CoDel, and no buffer lost or given out twice.
 *   test_circuit_queue [seed] */
#include "test_circuit_net.h"

static net world;

enum { IN = 1 << 20 | 0, OUT = 1 << 20 | 1, CIRCUITS = 64, BUFS = 4096 };

typedef struct rig {
  net *n;
  al_circuits cs;
  al_counters count;
  al_circ circ[CIRCUITS];
} rig;

/* Relayed circuits from link IN to link OUT, open, without keys: queues do not look at cells. */
static void rig_init(rig *r, net *n, uint32_t circuits, const al_circuits_config *c) {
  al_circuits_config mine = *c;
  memset(r, 0, sizeof *r);
  r->n = n;
  mine.counters = &r->count;
  bool good = al_circuits_init(&r->cs, &mine) == AL_OK &&
              al_circuits_reserve(&r->cs, CIRCUITS) == AL_OK &&
              al_circuit_link_up(&r->cs, IN, false, n->now) == AL_OK &&
              al_circuit_link_up(&r->cs, OUT, true, n->now) == AL_OK;
  for (uint32_t i = 0; good && i < circuits; i++) {
    al_circuit_item *it = al_circuit_new(&r->cs, AL_CIRCUIT_RELAY, 1, n->now);
    al_circuit_attach(&r->cs, it, AL_CIRCUIT_BACKWARD, IN, i + 1);
    al_circuit_attach(&r->cs, it, AL_CIRCUIT_FORWARD, OUT, i + 1);
    al_circuit_opened(&r->cs, it, n->now);
    r->circ[i] = it->self;
  }
  if (!good) printf("Bail out! rig\n");
}

static al_circuits_config rig_config(net *n) {
  al_circuits_config c = net_config(n, 0);
  c.circuits_max = CIRCUITS;
  c.queue_cells_max = 100;
  c.held_cells_max = 1000;
  return c;
}

static uint64_t too_full(const rig *r) { return r->count.v[AL_COUNT_circuit_queue_full]; }

static al_buf hold(rig *r, uint32_t i, al_buf buf) {
  return al_circuit_hold(&r->cs, r->circ[i], AL_CIRCUIT_FORWARD, buf, r->n->now);
}

/* Somebody has turns on the link. */
static bool pending(const al_circuits *cs, al_link link) {
  const al_circuit_port *port = al_circuit_port_of(cs, link);
  return port != NULL && (port->fresh.head != NULL || port->busy.head != NULL);
}

/* ---- order and bounds ---- */

static void test_fifo(net *n) {
  rig r;
  al_pick p;
  const al_circuits_config c = rig_config(n);
  rig_init(&r, n, 1, &c);
  tap_ok(!pending(&r.cs, OUT) && !al_circuit_pick(&r.cs, OUT, n->now, &p),
         "nothing held, nothing to send");
  uint32_t dropped = 0, wrong = 0;
  for (al_buf b = 1; b <= 50; b++) dropped += hold(&r, 0, b) != 0;
  tap_ok(pending(&r.cs, OUT) && !pending(&r.cs, IN), "one link has work");
  tap_ok(!al_circuit_pick(&r.cs, IN, n->now, &p), "the other has none");
  for (al_buf b = 1; b <= 50; b++)
    wrong += !al_circuit_pick(&r.cs, OUT, n->now, &p) || p.send != b || p.circ != r.circ[0];
  tap_ok(dropped == 0 && wrong == 0, "cells of a circuit go out in the order they came");
  tap_ok(!al_circuit_pick(&r.cs, OUT, n->now, &p), "and that was all");
  tap_ok(!al_circuit_pick(&r.cs, 77, n->now, &p) && !pending(&r.cs, 77), "no link");
  tap_is_u64(al_circuit_hold(&r.cs, 0, AL_CIRCUIT_FORWARD, 9, n->now), 9, "no circuit: drop it");
  al_circuits_clear(&r.cs);
}

static void test_bound(net *n) {
  rig r;
  al_pick p;
  const al_circuits_config c = rig_config(n);
  rig_init(&r, n, CIRCUITS, &c);
  uint32_t wrong = 0, held = 0;
  for (al_buf b = 1; b <= 150; b++) wrong += hold(&r, 0, b) != (b > 100 ? b - 100 : 0);
  tap_is_u64(wrong, 0, "a full queue drops its oldest cell");
  tap_is_u64(too_full(&r), 50, "counted as circuit_queue_full");
  al_circuit_info info;
  tap_ok(al_circuit_info_get(&r.cs, r.circ[0], n->now, &info) && info.queued == 100, "100 wait");
  for (al_buf b = 0; b < 150; b++)
    for (uint32_t i = 1; i < CIRCUITS; i++) hold(&r, i, 1000 + i * 200 + b);
  for (uint32_t i = 0; i < CIRCUITS; i++) {
    al_circuit_info_get(&r.cs, r.circ[i], n->now, &info);
    held += info.queued;
    if (info.queued == 0) wrong++;
  }
  tap_ok(held <= 500 && wrong == 0, "greedy circuits of a link share half the places (%u of 1000)",
         held);
  for (al_buf b = 1; b <= 100; b++)
    wrong += al_circuit_hold(&r.cs, r.circ[0], AL_CIRCUIT_BACKWARD, b + 200, n->now) != 0;
  tap_is_u64(wrong, 0, "a link that stands still leaves room for the others");
  al_circuit_gone gone;
  al_circuit_destroy(&r.cs, r.circ[0], AL_REASON_DONE, &gone);
  uint32_t back = 0;
  for (al_buf b; (b = al_circuit_gone_next(&r.cs, &gone)) != 0;) back += b >= 51 && b <= 300;
  tap_is_u64(back, 200, "a circuit that ends gives its cells back");
  while (al_circuit_pick(&r.cs, OUT, n->now, &p)) back += p.send != 0;
  tap_is_u64(back, 100 + held, "the rest can be sent");
  tap_is_u64(r.cs.held_count, 0, "no place is taken any more");
  al_circuits_clear(&r.cs);
}

static void test_one_place(net *n) {
  rig r;
  al_pick p;
  al_circuits_config c = rig_config(n);
  c.held_cells_max = 1;
  rig_init(&r, n, 2, &c);
  tap_is_u64(hold(&r, 0, 5), 0, "one place in all: taken");
  tap_is_u64(hold(&r, 1, 6), 6, "a circuit that holds nothing gets its own cell back");
  tap_is_u64(hold(&r, 0, 7), 5, "the one that holds it drops the older");
  tap_ok(al_circuit_pick(&r.cs, OUT, n->now, &p) && p.send == 7, "and sends the newer");
  tap_ok(!al_circuit_pick(&r.cs, OUT, n->now, &p), "that was all");
  al_circuits_clear(&r.cs);
}

/* ---- fairness ---- */

static void test_shares(net *n) {
  rig r;
  al_pick p;
  const al_circuits_config c = rig_config(n);
  rig_init(&r, n, 10, &c);
  uint32_t got[CIRCUITS] = {0}, least = UINT32_MAX, most = 0;
  for (uint32_t turn = 0; turn < 5000; turn++) {
    /* Circuit i offers i + 1 cells for each one that is sent. */
    for (uint32_t i = 0; i < 10; i++)
      for (uint32_t k = 0; k <= i; k++) hold(&r, i, 1);
    if (al_circuit_pick(&r.cs, OUT, n->now, &p) && p.send != 0)
      for (uint32_t i = 0; i < 10; i++) got[i] += p.circ == r.circ[i];
  }
  for (uint32_t i = 0; i < 10; i++) {
    if (got[i] < least) least = got[i];
    if (got[i] > most) most = got[i];
  }
  tap_ok(most - least <= 5 && least >= 497, "ten greedy circuits get the same (%u..%u of 5000)",
         least, most);
  al_circuits_clear(&r.cs);
}

/* One cell now and then among greedy circuits: it waits for two turns at most. */
static void test_sparse(net *n) {
  rig r;
  al_pick p;
  const al_circuits_config c = rig_config(n);
  rig_init(&r, n, 21, &c);
  uint32_t worst = 0, sent = 0, waiting = 0, since = 0;
  for (uint32_t turn = 0; turn < 20000; turn++) {
    for (uint32_t i = 1; i <= 20; i++) hold(&r, i, 2);
    if (turn % 97 == 0) {
      hold(&r, 0, 1);
      waiting++;
      since = turn;
    }
    if (!al_circuit_pick(&r.cs, OUT, n->now, &p) || p.circ != r.circ[0]) continue;
    sent++;
    waiting--;
    if (turn >= 97 && turn - since > worst) worst = turn - since; /* at first all are fresh */
  }
  tap_ok(waiting == 0 && sent == 207, "a sparse circuit gets all its cells out (%u)", sent);
  tap_ok(worst <= 2, "among 20 greedy ones a cell waits for %u turns", worst);
  al_circuits_clear(&r.cs);
}

/* Many circuits that come and go cannot shut out one that is busy. */
static void test_starving(net *n) {
  rig r;
  al_pick p;
  const al_circuits_config c = rig_config(n);
  rig_init(&r, n, CIRCUITS, &c);
  uint32_t busy = 0;
  const uint32_t turns = 64000;
  for (uint32_t turn = 0; turn < turns; turn++) {
    hold(&r, 0, 1);
    for (uint32_t i = 1; i < CIRCUITS; i++)
      if (al_circuit_get(&r.cs, r.circ[i])->side[AL_CIRCUIT_FORWARD].count == 0) hold(&r, i, 2);
    if (al_circuit_pick(&r.cs, OUT, n->now, &p)) busy += p.circ == r.circ[0];
  }
  tap_ok(busy >= turns / CIRCUITS - 1,
         "one busy circuit among 63 that come and go gets its share (%u of %u)", busy, turns);
  al_circuits_clear(&r.cs);
  rig_init(&r, n, CIRCUITS, &c);
  for (int k = 0; k < 50; k++) hold(&r, 0, 1);
  al_circuit_pick(&r.cs, OUT, n->now, &p);
  for (uint32_t i = 1; i < CIRCUITS; i++) hold(&r, i, 2);
  busy = 0;
  for (int turn = 0; turn < 20; turn++)
    busy += al_circuit_pick(&r.cs, OUT, n->now, &p) && p.circ == r.circ[0];
  tap_ok(busy >= 2, "63 that come at once do not all go first (%u of 20 turns)", busy);
  al_circuits_clear(&r.cs);
}

/* ---- own cells ---- */

static void test_originate(net *n) {
  rig r;
  al_pick p;
  const al_circuits_config c = rig_config(n);
  rig_init(&r, n, 2, &c);
  al_circuit_want_send(&r.cs, r.circ[0], true);
  tap_ok(!pending(&r.cs, OUT), "a relay originates nothing");
  al_circuit_item *end = al_circuit_new(&r.cs, AL_CIRCUIT_END, 1, n->now);
  al_circuit_attach(&r.cs, end, AL_CIRCUIT_BACKWARD, OUT, 50);
  al_circuit_want_send(&r.cs, end->self, true);
  tap_ok(!al_circuit_pick(&r.cs, OUT, n->now, &p), "nor a circuit that is not open");
  al_circuit_opened(&r.cs, end, n->now);
  al_circuit_want_send(&r.cs, end->self, true);
  al_circuit_want_send(&r.cs, end->self, true);
  uint32_t own = 0, held = 0;
  for (int i = 0; i < 100; i++) {
    hold(&r, 0, 3);
    if (!al_circuit_pick(&r.cs, OUT, n->now, &p)) break;
    own += p.circ == end->self && p.send == 0 && p.drop == 0;
    held += p.send == 3;
  }
  tap_ok(own + held == 100 && own >= 49 && own <= 51, "own cells and held ones take turns");
  al_circuit_want_send(&r.cs, end->self, false);
  own = 0;
  while (al_circuit_pick(&r.cs, OUT, n->now, &p)) own += p.circ == end->self;
  tap_is_u64(own, 0, "what wants no more is not asked");
  al_circuit_want_send(&r.cs, end->self, true);
  al_circuit_gone gone;
  al_circuit_destroy(&r.cs, end->self, AL_REASON_DONE, &gone);
  tap_ok(!al_circuit_pick(&r.cs, OUT, n->now, &p), "nor what is gone");
  al_circuit_want_send(&r.cs, gone.circ, true);
  tap_ok(!pending(&r.cs, OUT), "a dead handle is ignored");
  al_circuits_clear(&r.cs);
}

/* ---- CoDel ---- */

/* One circuit, a link that sends a cell a millisecond, `offer` cells in each: drops by cause. */
static void run_load(rig *r, uint32_t ms, uint32_t queue_ms, al_time *ret_first,
                     uint32_t *ret_drops) {
  al_pick p;
  al_time start = r->n->now;
  *ret_first = 0;
  *ret_drops = 0;
  for (uint32_t i = 0; i < queue_ms; i++) hold(r, 0, 1);
  for (uint32_t t = 0; t < ms; t++) {
    r->n->now += AL_MS;
    hold(r, 0, 1);
    while (al_circuit_pick(&r->cs, OUT, r->n->now, &p) && p.drop != 0) {
      hold(r, 0, 1); /* the sender does not slow down */
      if (++*ret_drops == 1) *ret_first = r->n->now - start;
    }
  }
}

static void test_codel(net *n) {
  rig r;
  al_circuits_config c = rig_config(n);
  c.queue_cells_max = 1000;
  al_time first;
  uint32_t drops, more;
  rig_init(&r, n, 1, &c);
  run_load(&r, 5000, 20, &first, &drops);
  tap_is_u64(drops, 0, "a standing queue of 20 ms is below the target: no drop");
  al_circuits_clear(&r.cs);
  rig_init(&r, n, 1, &c);
  run_load(&r, 400, 60, &first, &drops);
  tap_is_u64(drops, 0, "60 ms for less than an interval: no drop");
  al_circuits_clear(&r.cs);
  rig_init(&r, n, 1, &c);
  al_pick p;
  more = 0;
  for (int k = 0; k < 3; k++) {
    run_load(&r, 400, 60, &first, &drops);
    more += drops;
    while (al_circuit_pick(&r.cs, OUT, n->now, &p)) continue;
    run_load(&r, 200, 0, &first, &drops);
    more += drops;
  }
  tap_is_u64(more, 0, "nor three times that, with a pause between");
  al_circuits_clear(&r.cs);
  rig_init(&r, n, 1, &c);
  run_load(&r, 5000, 60, &first, &drops);
  tap_ok(first >= 500 * AL_MS && first < 580 * AL_MS,
         "60 ms for an interval: first drop after %u ms", (unsigned)(first / AL_MS));
  /* Drop k comes 500/sqrt(k) ms after the one before: 4.5 s have room for 25 (sum = 2 sqrt k
   * - 1.46). */
  tap_ok(drops >= 23 && drops <= 28, "then at the control law's pace: %u drops in 5 s", drops);
  tap_is_u64(r.count.v[AL_COUNT_circuit_late], drops, "counted as circuit_late");
  run_load(&r, 5000, 0, &first, &more);
  tap_ok(more > drops + 20, "faster the longer it lasts: %u in the next 5 s", more);
  while (al_circuit_pick(&r.cs, OUT, n->now, &p)) continue;
  n->now += 100 * AL_SECOND;
  run_load(&r, 2000, 10, &first, &drops);
  tap_is_u64(drops, 0, "and not at all when the queue is short again");
  al_circuits_clear(&r.cs);
}

/* ---- everything at random: no buffer is lost, none comes twice ---- */

static bool give_back(bool *out, al_buf b) {
  if (b == 0) return true;
  bool good = b < BUFS && out[b];
  out[b] = false;
  return good;
}

static void test_random(net *n, uint64_t seed) {
  static bool out[BUFS];
  rig r;
  al_circuits_config c = rig_config(n);
  c.held_cells_max = 300;
  c.queue_cells_max = 40;
  c.codel_interval_us = 20 * AL_MS;
  c.codel_target_us = 5 * AL_MS;
  rig_init(&r, n, 32, &c);
  memset(out, 0, sizeof out);
  uint32_t wrong = 0, live = 32, left = 0;
  al_buf next = 1;
  al_pick p;
  al_circuit_gone gone;
  for (uint32_t step = 0; step < 200000; step++) {
    n->now += al_rng_below(&n->rng, 400);
    uint64_t what = al_rng_below(&n->rng, 1000);
    uint32_t i = (uint32_t)al_rng_below(&n->rng, 32);
    al_circuit_dir dir = (al_circuit_dir)al_rng_below(&n->rng, 2);
    if (what < 550) {
      while (out[next]) next = next % (BUFS - 1) + 1;
      out[next] = true;
      al_buf buf = next;
      next = next % (BUFS - 1) + 1;
      wrong += !give_back(out, al_circuit_hold(&r.cs, r.circ[i], dir, buf, n->now));
    } else if (what < 999 || live < 4) {
      if (al_circuit_pick(&r.cs, dir == AL_CIRCUIT_FORWARD ? OUT : IN, n->now, &p))
        wrong +=
            (p.send != 0) == (p.drop != 0) || !give_back(out, p.send) || !give_back(out, p.drop);
    } else if (al_circuit_destroy(&r.cs, r.circ[i], AL_REASON_DONE, &gone) == AL_OK) {
      live--;
      for (al_buf b; (b = al_circuit_gone_next(&r.cs, &gone)) != 0;) wrong += !give_back(out, b);
    }
  }
  while (al_circuit_link_down(&r.cs, IN, &gone))
    for (al_buf b; (b = al_circuit_gone_next(&r.cs, &gone)) != 0;) wrong += !give_back(out, b);
  for (uint32_t b = 0; b < BUFS; b++) left += out[b];
  tap_is_u64(wrong, 0, "200,000 random steps: every buffer comes back once (seed %" PRIu64 ")",
             seed);
  tap_is_u64(left, 0, "and none is lost");
  tap_is_u64(r.cs.held_count, 0, "no place is taken at the end");
  tap_is_u64(al_circuit_port_of(&r.cs, OUT)->held, 0, "nor counted for the other link");
  tap_is_u64(al_circuit_link_count(&r.cs, OUT), 0, "no circuit is left on the other link");
  al_circuits_clear(&r.cs);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  net *n = &world;
  net_init(n, al_suite_hacl(), seed);
  test_fifo(n);
  test_bound(n);
  test_one_place(n);
  test_shares(n);
  test_sparse(n);
  test_starving(n);
  test_originate(n);
  test_codel(n);
  test_random(n, seed);
  return tap_done();
}
