/* Cells through circuits of every length: delivery, tampering, replay, order, counters, CREATED.
 *   test_circuit_cell [seed] */
#include "test_circuit_net.h"

static net world;

static uint32_t noise(net *n, int i) {
  return (uint32_t)(net_counter(n, i, AL_COUNT_circuit_auth) +
                    net_counter(n, i, AL_COUNT_circuit_replay) +
                    net_counter(n, i, AL_COUNT_circuit_state) +
                    net_counter(n, i, AL_COUNT_circuit_unknown) +
                    net_counter(n, i, AL_COUNT_circuit_parse));
}

static uint32_t all_noise(net *n) {
  uint32_t sum = 0;
  for (int i = 0; i < n->nodes; i++) sum += noise(n, i);
  return sum;
}

/* Every hop can be spoken to, and can speak; nobody else understands. */
static void test_delivery(net *n, uint8_t hops) {
  uint8_t cell[AL_CELL_BYTES];
  al_circuit_out out;
  bool there = true, back = true;
  for (uint8_t h = 1; h <= hops; h++) {
    for (uint32_t k = 0; k < 5; k++) {
      int at = 1;
      there = there && net_seal(n, h, h * 10u + k, cell);
      there = there && net_run(n, &at, true, cell, &out) == AL_CIRCUIT_DELIVER && at == h &&
              out.hop == 0 && out.circ == n->node[h].circ &&
              net_is_payload(out.payload, h * 10u + k);
      at = h - 1;
      back = back && net_answer(n, h, 100u + h * 10u + k, cell);
      back = back && net_run(n, &at, false, cell, &out) == AL_CIRCUIT_DELIVER && at == 0 &&
             out.hop == h && out.circ == n->node[0].circ &&
             net_is_payload(out.payload, 100u + h * 10u + k);
    }
  }
  tap_ok(there, "%d hops: each hop gets its cells and only those", hops);
  tap_ok(back, "%d hops: the origin gets cells of each hop and knows whose", hops);
  tap_is_u64(all_noise(n), 0, "%d hops: nothing was dropped", hops);
}

static void test_info(net *n, uint8_t hops) {
  al_circuit_info info;
  bool good = al_circuit_info_get(&n->node[0].cs, n->node[0].circ, n->now + 5, &info);
  good = good && info.role == AL_CIRCUIT_ORIGIN && info.open && info.hops == hops &&
         info.build_us == 1000 && info.age_us == 1005 && info.cells_tx == 5u * hops &&
         info.cells_rx == 5u * hops && info.queued == 0;
  for (int h = 0; good && h < hops; h++) good = al_id_equal(&info.path[h], &n->node[h + 1].id);
  tap_ok(good, "%d hops: the origin's circuit can be looked into", hops);
  good = al_circuit_info_get(&n->node[hops].cs, n->node[hops].circ, n->now, &info);
  tap_ok(good && info.role == AL_CIRCUIT_END && info.open, "%d hops: the end's too", hops);
  tap_ok(!al_circuit_info_get(&n->node[hops].cs, 0, n->now, &info), "no circuit, no information");
}

static void test_lengths(uint64_t seed) {
  for (uint8_t hops = 1; hops <= AL_HOPS_MAX; hops++) {
    net *n = &world;
    net_init(n, al_suite_hacl(), seed + hops);
    net_start_all(n);
    n->frozen = true;
    if (tap_ok(net_build(n, hops), "%d hops: built", hops)) {
      test_delivery(n, hops);
      test_info(n, hops);
    }
    net_clear(n);
  }
}

/* Change one bit of every byte of a body in front of each hop: nobody may take the cell. */
static void test_tampering(net *n, uint8_t hops, bool forward) {
  uint32_t taken = 0, wrong_counter = 0;
  uint8_t cell[AL_CELL_BYTES];
  al_circuit_out out;
  for (int h = 1; h <= hops; h++) {
    for (int byte = AL_CELL_HEADER_BYTES; byte < AL_CELL_BYTES; byte++) {
      int to = forward ? hops : 0, at = forward ? 1 : hops - 1;
      bool made = forward ? net_seal(n, hops, 7, cell) : net_answer(n, hops, 7, cell);
      /* As far as the node that will receive the changed cell, h or, on the way back, h - 1. */
      int victim = forward ? h : h - 1;
      while (made && at != victim)
        made = al_circuit_peel(&n->node[at].cs, n->now, forward ? NET_PREV : NET_NEXT, cell,
                               &out) == AL_CIRCUIT_HOLD &&
               (at += forward ? 1 : -1, true);
      cell[byte] ^= (uint8_t)(1u << (byte % 8));
      uint64_t before = net_counter(n, to, AL_COUNT_circuit_auth);
      taken += !made || net_run(n, &at, forward, cell, &out) != AL_CIRCUIT_DROP || at != to;
      wrong_counter += net_counter(n, to, AL_COUNT_circuit_auth) != before + 1;
      taken += !al_zero_ct(cell, sizeof cell);
    }
  }
  tap_is_u64(taken, 0, "%s: a changed bit anywhere makes noise, dropped at the end and wiped",
             forward ? "forward" : "backward");
  tap_is_u64(wrong_counter, 0, "and counted as circuit_auth");
}

/* Headers: the link authenticates them, but the previous node is not to be trusted. */
static void test_header(uint64_t seed) {
  net *n = &world;
  uint32_t taken = 0;
  for (int byte = 0; byte < AL_CELL_HEADER_BYTES; byte++) {
    net_init(n, al_suite_hacl(), seed);
    net_start_all(n);
    uint8_t cell[AL_CELL_BYTES];
    al_circuit_out out;
    bool made = net_build(n, 3);
    for (int forward = 0; forward < 2; forward++) {
      made = made && (forward ? net_seal(n, 3, 1, cell) : net_answer(n, 3, 1, cell));
      cell[byte] ^= 1;
      int at = forward ? 1 : 2;
      taken += !made || net_run(n, &at, forward != 0, cell, &out) != AL_CIRCUIT_DROP;
    }
    net_clear(n);
  }
  tap_is_u64(taken, 0, "a changed bit in each byte of the header: dropped");
}

static void test_replay(net *n) {
  uint8_t cell[AL_CELL_BYTES], copy[AL_CELL_BYTES];
  al_circuit_out out;
  for (int h = 1; h <= 3; h++) {
    bool good = net_seal(n, 3, 1, cell);
    for (int i = 1; i < h; i++)
      good =
          good && al_circuit_peel(&n->node[i].cs, n->now, NET_PREV, cell, &out) == AL_CIRCUIT_HOLD;
    memcpy(copy, cell, sizeof copy);
    int at = h;
    uint64_t before = net_counter(n, h, AL_COUNT_circuit_replay);
    good = good && net_run(n, &at, true, cell, &out) == AL_CIRCUIT_DELIVER && at == 3;
    at = h;
    tap_ok(good && net_run(n, &at, true, copy, &out) == AL_CIRCUIT_DROP && at == h,
           "a cell played again to hop %d is dropped there", h);
    tap_is_u64(net_counter(n, h, AL_COUNT_circuit_replay), before + 1, "as circuit_replay");
  }
  bool good = net_answer(n, 3, 1, cell);
  memcpy(copy, cell, sizeof copy);
  int at = 2;
  good = good && net_run(n, &at, false, cell, &out) == AL_CIRCUIT_DELIVER;
  at = 2;
  tap_ok(good && net_run(n, &at, false, copy, &out) == AL_CIRCUIT_DROP && at == 0,
         "a cell played again on the way back is dropped by the origin");
  tap_is_u64(net_counter(n, 0, AL_COUNT_circuit_replay), 1, "as circuit_replay");
}

enum { BATCH = 600 };

/* Links reorder: also the very first cells of a circuit. */
static void test_order(net *n, uint64_t seed) {
  static uint8_t cells[BATCH][AL_CELL_BYTES];
  uint32_t order[BATCH], lost = 0;
  al_circuit_out out;
  tap_ok(net_build(n, 2), "a fresh circuit for cells out of order (seed %" PRIu64 ")", seed);
  for (int back = 0; back < 2; back++) {
    for (uint32_t i = 0; i < BATCH; i++) {
      order[i] = i;
      lost += !(back ? net_answer(n, 2, i, cells[i]) : net_seal(n, 2, i, cells[i]));
    }
    al_rng_shuffle(&n->rng, order, BATCH);
    for (uint32_t i = 0; i < BATCH; i++) {
      int at = 1;
      lost += net_run(n, &at, back == 0, cells[order[i]], &out) != AL_CIRCUIT_DELIVER ||
              !net_is_payload(out.payload, order[i]);
    }
  }
  tap_is_u64(lost, 0, "cells in any order within the window arrive, the first ones too");
  static uint8_t old[AL_CELL_BYTES], edge[AL_CELL_BYTES], cell[AL_CELL_BYTES];
  int at = 1;
  bool good = net_seal(n, 2, 1, old) && net_seal(n, 2, 2, edge);
  for (uint32_t i = 0; good && i < AL_WINDOW_NUMBERS; i++) {
    good = net_seal(n, 2, 1, cell);
    if (i + 2 < AL_WINDOW_NUMBERS) continue; /* lost on the way */
    at = 1;
    good = good && net_run(n, &at, true, cell, &out) == AL_CIRCUIT_DELIVER;
    if (i + 2 > AL_WINDOW_NUMBERS) continue;
    at = 1;
    good = good && net_run(n, &at, true, edge, &out) == AL_CIRCUIT_DELIVER &&
           net_is_payload(out.payload, 2);
  }
  at = 1;
  uint64_t before = net_counter(n, 1, AL_COUNT_circuit_replay);
  tap_ok(good && net_run(n, &at, true, old, &out) == AL_CIRCUIT_DROP &&
             net_counter(n, 1, AL_COUNT_circuit_replay) == before + 1,
         "a late cell inside the window arrives, one 8,192 behind does not");
}

static al_circuit_item *item(net *n, int i) {
  return al_circuit_get(&n->node[i].cs, n->node[i].circ);
}

/* Offsets that carry the counters over the end of 48 bits while cells are under way. */
static void test_wrap(net *n) {
  tap_ok(net_build(n, 3), "a circuit whose counters wrap");
  const uint64_t near_end = AL_CIRCUIT_COUNTER_MASK - 4;
  item(n, 0)->hop[0]->forward_offset = item(n, 1)->hop[0]->forward_offset = near_end;
  item(n, 0)->hop[2]->backward_offset = item(n, 3)->hop[0]->backward_offset = near_end;
  item(n, 0)->hop[1]->backward_offset = item(n, 2)->hop[0]->backward_offset = near_end;
  uint32_t lost = 0;
  uint8_t cell[AL_CELL_BYTES];
  al_circuit_out out;
  for (uint32_t i = 0; i < 20; i++) {
    int at = 1;
    lost += !net_seal(n, 3, i, cell) || net_run(n, &at, true, cell, &out) != AL_CIRCUIT_DELIVER ||
            at != 3;
    at = 2;
    lost += !net_answer(n, 3, i, cell) ||
            net_run(n, &at, false, cell, &out) != AL_CIRCUIT_DELIVER || out.hop != 3;
  }
  tap_is_u64(lost, 0, "counters wrap at 2^48 at every hop and nothing is lost");
}

static void set_counter(uint8_t *cell, uint64_t w) {
  al_store_u32(cell + 6, (uint32_t)w);
  al_store_u16(cell + 10, (uint16_t)(w >> 32));
}

static void test_retire(net *n) {
  uint8_t cell[AL_CELL_BYTES];
  al_circuit_out out;
  al_link link;
  tap_ok(net_build(n, 2), "a circuit that will be used up");
  al_circuits *cs = &n->node[0].cs;
  al_circ circ = n->node[0].circ;
  int at = 1;
  tap_ok(net_seal(n, 2, 1, cell) && net_run(n, &at, true, cell, &out) == AL_CIRCUIT_DELIVER,
         "its first cell arrives");
  tap_ok(!al_circuit_retired(cs, circ), "it is not retired");
  item(n, 0)->spoken = AL_CIRCUIT_CELLS_MAX - AL_CIRCUIT_OLD_CELLS;
  tap_ok(al_circuit_retired(cs, circ), "near the end it is");
  item(n, 0)->spoken = AL_CIRCUIT_CELLS_MAX - 1;
  at = 1;
  tap_ok(net_seal(n, 2, 2, cell) && net_run(n, &at, true, cell, &out) == AL_CIRCUIT_DELIVER,
         "cell 2^32 - 1 arrives");
  tap_ok(al_circuit_seal(cs, circ, 2, cell, &link) == AL_ECLOSED, "there is no cell 2^32");
  uint64_t state = net_counter(n, 1, AL_COUNT_circuit_state);
  const uint64_t beyond[] = {AL_CIRCUIT_CELLS_MAX, (uint64_t)1 << 47,
                             AL_CIRCUIT_COUNTER_MASK - 8192};
  for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
    memset(cell, 0, sizeof cell);
    al_store_u32(cell, item(n, 1)->side[AL_CIRCUIT_BACKWARD].id);
    cell[4] = AL_CELL_CIRCUIT;
    set_counter(cell, beyond[i]);
    at = 1;
    if (net_run(n, &at, true, cell, &out) == AL_CIRCUIT_DROP) state++;
  }
  tap_is_u64(net_counter(n, 1, AL_COUNT_circuit_state), state,
             "a hop takes no counter 2^32 beyond the first: the window cannot be driven round");
  item(n, 2)->spoken = AL_CIRCUIT_CELLS_MAX;
  tap_ok(al_circuit_seal(&n->node[2].cs, n->node[2].circ, 0, cell, &link) == AL_ECLOSED,
         "the end retires, too");
}

/* The origin reads 48 bytes of each hop: every one of them counts, at every place on the way. */
static void test_created(uint64_t seed) {
  net *n = &world;
  net_init(n, al_suite_hacl(), seed);
  net_start_all(n);
  net_packet packet;
  uint8_t cell[AL_CELL_BYTES];
  uint32_t accepted = 0, tested = 0;
  for (int from = 1; from <= 3; from++) {
    int bytes = AL_HOP_HEAD_BYTES * (4 - from);
    for (int byte = 0; byte < bytes; byte += 5) {
      al_circuit_out out = {0};
      al_circuit_gone gone;
      bool good = net_open(n, 3, &packet) && net_extend_all(n, 3, &packet, cell);
      for (int i = 2; i >= from; i--)
        good = good &&
               al_circuit_peel(&n->node[i].cs, n->now, NET_NEXT, cell, &out) == AL_CIRCUIT_SEND;
      cell[AL_CELL_HEADER_BYTES + byte] ^= (uint8_t)(1u << byte % 8);
      tested++;
      accepted += !good || net_created(n, from, cell, &out) != AL_CIRCUIT_ENDED ||
                  out.gone.reason != AL_REASON_PROTOCOL ||
                  out.gone.tell[AL_CIRCUIT_FORWARD].link != NET_NEXT ||
                  out.gone.tell[AL_CIRCUIT_BACKWARD].link != 0 || out.gone.was_open;
      for (int i = 1; i <= 3; i++)
        al_circuit_destroy(&n->node[i].cs, n->node[i].circ, AL_REASON_DONE, &gone);
    }
  }
  tap_is_u64(accepted, 0, "a changed byte in CREATED ends the circuit (%u tried)", tested);
  tap_is_u64(net_counter(n, 0, AL_COUNT_circuit_auth), tested, "counted as circuit_auth");
  net_clear(n);
}

/* What comes at the wrong time, from the wrong side, or for nobody. */
static void test_states(net *n) {
  net_packet packet;
  uint8_t cell[AL_CELL_BYTES] = {0};
  al_circuit_out out;
  al_link link;
  al_circuits *cs = &n->node[0].cs;
  tap_ok(net_open(n, 2, &packet), "a circuit half open");
  tap_ok(al_circuit_seal(cs, n->node[0].circ, 1, cell, &link) == AL_ESTATE, "sends nothing yet");
  al_cell_header h = {.id = packet.id, .type = AL_CELL_CIRCUIT};
  uint64_t state = net_counter(n, 0, AL_COUNT_circuit_state);
  al_cell_encode(&h, cell);
  tap_ok(al_circuit_peel(cs, n->now, NET_NEXT, cell, &out) == AL_CIRCUIT_DROP &&
             net_counter(n, 0, AL_COUNT_circuit_state) == state + 1,
         "and takes no cell: circuit_state");
  tap_ok(net_extend_all(n, 2, &packet, cell) && net_created(n, 2, cell, &out) == AL_CIRCUIT_OPENED,
         "then it opens");
  tap_ok(al_circuit_seal(cs, n->node[0].circ, 0, cell, &link) == AL_EINVAL &&
             al_circuit_seal(cs, n->node[0].circ, 3, cell, &link) == AL_EINVAL,
         "it has hops 1 and 2 only");
  tap_ok(al_circuit_seal(&n->node[2].cs, n->node[2].circ, 1, cell, &link) == AL_EINVAL,
         "an end speaks to the origin only");
  tap_ok(al_circuit_seal(cs, 0, 1, cell, &link) == AL_ENOTFOUND, "no circuit, no cell");
  for (int who = 0; who < 3; who++) {
    al_circuit_item *c = item(n, who);
    for (int d = 0; d < 2; d++) {
      if (c->side[d].link == 0) continue;
      state = net_counter(n, who, AL_COUNT_circuit_state);
      h = (al_cell_header){.id = c->side[d].id, .type = AL_CELL_CREATED};
      al_cell_encode(&h, cell);
      tap_ok(al_circuit_peel(&n->node[who].cs, n->now, c->side[d].link, cell, &out) ==
                     AL_CIRCUIT_DROP &&
                 net_counter(n, who, AL_COUNT_circuit_state) == state + 1,
             "node %d takes no second CREATED on side %d", who, d);
    }
  }
}

static void test_foreign(net *n) {
  uint8_t cell[AL_CELL_BYTES] = {0};
  al_circuit_out out;
  al_circuits *cs = &n->node[1].cs;
  uint32_t id = item(n, 1)->side[AL_CIRCUIT_BACKWARD].id;
  uint64_t unknown = net_counter(n, 1, AL_COUNT_circuit_unknown);
  al_cell_header h = {.id = id ^ 2, .type = AL_CELL_CIRCUIT};
  al_cell_encode(&h, cell);
  tap_ok(al_circuit_peel(cs, n->now, NET_PREV, cell, &out) == AL_CIRCUIT_DROP, "unknown id");
  h.id = id;
  al_cell_encode(&h, cell);
  tap_ok(al_circuit_peel(cs, n->now, NET_NEXT, cell, &out) == AL_CIRCUIT_DROP, "wrong link");
  al_cell_encode(&h, cell);
  tap_ok(al_circuit_peel(cs, n->now, 99, cell, &out) == AL_CIRCUIT_DROP, "unknown link");
  tap_is_u64(net_counter(n, 1, AL_COUNT_circuit_unknown), unknown + 3, "all circuit_unknown");
  const uint8_t types[] = {AL_CELL_PADDING, AL_CELL_MESSAGE, AL_CELL_PING, AL_CELL_CLOSE, 200};
  uint64_t parse = net_counter(n, 1, AL_COUNT_circuit_parse);
  for (size_t i = 0; i < sizeof types; i++) {
    memset(cell, 0, sizeof cell);
    cell[4] = types[i];
    if (al_circuit_peel(cs, n->now, NET_PREV, cell, &out) != AL_CIRCUIT_DROP) parse--;
  }
  al_circuit_destroy_cell(cell, id, AL_REASON_DONE);
  cell[AL_CELL_BYTES - 1] = 1;
  if (al_circuit_peel(cs, n->now, NET_PREV, cell, &out) != AL_CIRCUIT_DROP) parse--;
  tap_is_u64(net_counter(n, 1, AL_COUNT_circuit_parse), parse + sizeof types + 1,
             "other types and a DESTROY with a payload: circuit_parse");
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  printf("# seed %" PRIu64 "\n", seed);
  test_lengths(seed);
  net *n = &world;
  net_init(n, al_suite_hacl(), seed + 100);
  net_start_all(n);
  n->frozen = true;
  tap_ok(net_build(n, 3), "a circuit of three hops");
  test_tampering(n, 3, true);
  test_tampering(n, 3, false);
  test_replay(n);
  test_order(n, seed);
  test_wrap(n);
  test_retire(n);
  test_states(n);
  test_foreign(n);
  net_clear(n);
  test_header(seed + 200);
  test_created(seed + 300);
  tap_is_u64(n->allocated, 0, "all memory is given back");
  return tap_done();
}
