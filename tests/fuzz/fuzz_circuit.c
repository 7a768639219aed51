/* fuzz_circuit.c — one table of circuits between two links, driven by the input: cells of any form,
 * set-up requests, ends, time, queues. Whatever comes, no buffer is lost or given out twice, and
 * when the links are gone nothing is left. The input is a list of operations (see `step`). */
#include <stdlib.h>

#include "circuit/circuit.h"
#include "circuit/table.h"
#include "sphinx/sphinx.h"

enum {
  PREV = 1 << 20 | 0,
  NEXT = 1 << 20 | 1,
  BUFS = 64,
  KNOWN = 16,
  STEPS_MAX = 400,
};

typedef struct fuzz {
  al_circuits cs;
  al_counters count;
  al_rng rng;
  al_time now;
  bool out[BUFS]; /* buffers that a queue holds */
  al_circ circ[KNOWN];
  uint32_t circs;
  uint8_t onion_pk[AL_KEM_PK_BYTES];
  uint8_t cell[AL_CELL_BYTES];
} fuzz;

static void *get(void *ctx, size_t size) {
  (void)ctx;
  return calloc(1, size);
}

static void put(void *ctx, void *ptr, size_t size) {
  (void)ctx;
  (void)size;
  free(ptr);
}

static const al_alloc heap = {NULL, get, put};

static void give_back(fuzz *f, al_buf b) {
  if (b == 0) return;
  AL_ASSERT(b < BUFS && f->out[b]);
  f->out[b] = false;
}

static void settle(fuzz *f, al_circuit_gone *gone) {
  AL_ASSERT(al_circuit_get(&f->cs, gone->circ) == NULL);
  for (al_buf b; (b = al_circuit_gone_next(&f->cs, gone)) != 0;) give_back(f, b);
}

static void know(fuzz *f, al_circ circ) {
  if (circ != 0) f->circ[f->circs++ % KNOWN] = circ;
}

static al_circ pick_circ(const fuzz *f, al_rd *r) { return f->circ[al_rd_u8(r) % KNOWN]; }

/* An id of a live circuit on the link, or any. */
static uint32_t pick_id(const fuzz *f, al_link link, al_rd *r) {
  al_circuit_item *c = al_circuit_get(&f->cs, pick_circ(f, r));
  for (int d = 0; c != NULL && d < 2; d++)
    if (c->side[d].link == link) return c->side[d].id;
  return al_rd_u32(r);
}

static void step_hold(fuzz *f, al_circ circ, al_circuit_dir dir) {
  for (al_buf b = 1; b < BUFS; b++) {
    if (f->out[b]) continue;
    f->out[b] = true;
    give_back(f, al_circuit_hold(&f->cs, circ, dir, b, f->now));
    return;
  }
}

static void step_peel(fuzz *f, al_rd *r) {
  al_circuit_out out;
  al_link link = (al_rd_u8(r) & 1) != 0 ? NEXT : PREV;
  al_bytes body;
  memset(f->cell, 0, sizeof f->cell);
  al_store_u32(f->cell, pick_id(f, link, r));
  f->cell[4] = al_rd_u8(r);
  f->cell[5] = al_rd_u8(r);
  al_rd_copy(r, f->cell + 6, 6);
  body = al_rd_bytes(r, al_min_size(al_rd_u8(r), al_rd_left(r)));
  if (body.len != 0) memcpy(f->cell + AL_CELL_HEADER_BYTES, body.ptr, body.len);
  switch (al_circuit_peel(&f->cs, f->now, link, f->cell, &out)) {
    case AL_CIRCUIT_DROP:
      AL_ASSERT(al_zero_ct(f->cell, sizeof f->cell));
      break;
    case AL_CIRCUIT_HOLD:
      step_hold(f, out.circ, out.dir);
      break;
    case AL_CIRCUIT_ENDED:
      settle(f, &out.gone);
      break;
    case AL_CIRCUIT_DELIVER:
      AL_ASSERT(out.payload == f->cell + AL_CIRCUIT_PAYLOAD_AT);
      AL_ASSERT(al_zero_ct(f->cell + AL_CELL_HEADER_BYTES, AL_RELAY_ZERO_BYTES));
      break;
    case AL_CIRCUIT_SEND:
    case AL_CIRCUIT_OPENED:
      AL_ASSERT(al_circuit_get(&f->cs, out.circ)->open);
      break;
    case AL_CIRCUIT_NEXT:
      AL_ASSERT(false);
  }
}

/* A cell that is meant for the node: with the layers that honest nodes would have put around it. */
static void step_genuine(fuzz *f, al_rd *r) {
  al_circuit_out out;
  al_circuit_item *c = al_circuit_get(&f->cs, pick_circ(f, r));
  uint64_t counter = al_rd_u8(r);
  if (c == NULL || !c->open) return;
  bool origin = c->role == AL_CIRCUIT_ORIGIN;
  const al_circuit_side *s = &c->side[origin ? AL_CIRCUIT_FORWARD : AL_CIRCUIT_BACKWARD];
  int hop = origin ? al_rd_u8(r) % c->hops : 0;
  if (origin)
    for (int i = 0; i <= hop; i++) counter += c->hop[i]->backward_offset;
  al_cell_header h = {.id = s->id, .type = AL_CELL_CIRCUIT};
  memset(f->cell, 0, sizeof f->cell);
  for (int i = hop; i >= 0; i--) {
    uint64_t v = counter & AL_CIRCUIT_COUNTER_MASK;
    if (origin)
      for (int k = 0; k < i; k++) v = (v - c->hop[k]->backward_offset) & AL_CIRCUIT_COUNTER_MASK;
    al_wide_encrypt(f->cs.cfg.suite, origin ? &c->hop[i]->backward : &c->hop[i]->forward, v,
                    f->cell + AL_CELL_HEADER_BYTES, AL_CELL_PAYLOAD_BYTES);
    h.counter = v;
  }
  al_cell_encode(&h, f->cell);
  al_circuit_verdict v = al_circuit_peel(&f->cs, f->now, s->link, f->cell, &out);
  AL_ASSERT(v == AL_CIRCUIT_DELIVER || v == AL_CIRCUIT_DROP); /* DROP: the number came before */
  if (v == AL_CIRCUIT_DELIVER) AL_ASSERT(out.circ == c->self && out.hop == (origin ? hop + 1 : 0));
}

static void step_extend(fuzz *f, al_rd *r) {
  al_circuit_out out;
  uint8_t secret[32] = {1};
  al_route route = {.command = 1 + (al_rd_u8(r) & 1)};
  if (route.command == AL_ROUTE_CREATE) route.next.b[0] = 1 + (al_rd_u8(r) & 1);
  route.eph[0] = al_rd_u8(r);
  al_circuit_request q = {
      .link = (al_rd_u8(r) & 1) != 0 ? NEXT : PREV, .route = &route, .hop_secret = secret};
  q.id = al_rd_u32(r);
  al_circuit_verdict v = al_circuit_extend(&f->cs, f->now, &q, f->cell, &out);
  if (v == AL_CIRCUIT_DROP) return;
  AL_ASSERT(v == AL_CIRCUIT_SEND || v == AL_CIRCUIT_NEXT);
  know(f, out.circ);
}

static void step_open(fuzz *f, al_rd *r) {
  uint8_t packet[AL_SPHINX_BYTES];
  al_circuit_plan plan = {.hops = al_rd_u8(r) % 7};
  for (int i = 0; i < AL_HOPS_MAX; i++) {
    plan.id[i].b[0] = (uint8_t)(i + 1);
    memcpy(plan.onion_pk[i], f->onion_pk, AL_KEM_PK_BYTES);
  }
  al_circuit_opening o = {.link = NEXT, .plan = &plan, .packet = packet};
  al_circ circ;
  uint32_t id;
  al_err e = al_circuit_open(&f->cs, f->now, &o, &circ, &id);
  AL_ASSERT((e == AL_EINVAL) == (plan.hops == 0 || plan.hops > AL_HOPS_MAX));
  if (e == AL_OK) know(f, circ);
}

static void step_turn(fuzz *f, al_link link) {
  al_pick p;
  if (!al_circuit_pick(&f->cs, link, f->now, &p)) return;
  AL_ASSERT(p.send == 0 || p.drop == 0);
  give_back(f, p.send);
  give_back(f, p.drop);
  if (p.send == 0 && p.drop == 0) AL_ASSERT(al_circuit_get(&f->cs, p.circ)->open);
}

static void step_end(fuzz *f, al_rd *r) {
  al_circuit_gone gone;
  uint8_t what = al_rd_u8(r);
  if (what < 128) {
    if (al_circuit_destroy(&f->cs, pick_circ(f, r), AL_REASON_DONE, &gone) == AL_OK)
      settle(f, &gone);
  } else if (what < 200) {
    f->now += (al_time)al_rd_u16(r) * 1000;
    while (al_circuit_tick(&f->cs, f->now, &gone)) settle(f, &gone);
    AL_ASSERT(al_circuit_deadline(&f->cs) > f->now);
  } else {
    al_link link = (what & 1) != 0 ? NEXT : PREV;
    while (al_circuit_link_down(&f->cs, link, &gone)) settle(f, &gone);
    AL_ASSERT(al_circuit_link_count(&f->cs, link) == 0);
    AL_ASSERT(al_circuit_link_up(&f->cs, link, link == NEXT, f->now) == AL_OK);
  }
}

/* Make a circuit's circumstances odd: an own one open without an answer, offsets at the edge. */
static void step_force(fuzz *f, al_rd *r) {
  al_circuit_item *c = al_circuit_get(&f->cs, pick_circ(f, r));
  if (c == NULL || c->open || (c->role == AL_CIRCUIT_RELAY && c->side[1].link == 0)) return;
  for (int i = 0; i < c->hops; i++) {
    memset(&c->hop[i]->u, 0, sizeof c->hop[i]->u);
    al_window_init(&c->hop[i]->u.window, 48);
    c->hop[i]->forward_offset = AL_CIRCUIT_COUNTER_MASK - al_rd_u8(r);
    c->hop[i]->backward_offset = AL_CIRCUIT_COUNTER_MASK - al_rd_u8(r);
  }
  al_circuit_opened(&f->cs, c, f->now);
}

static void step(fuzz *f, al_rd *r) {
  uint32_t id;
  al_link link;
  al_circuit_info info;
  f->now += al_rd_u8(r);
  switch (al_rd_u8(r) % 11) {
    case 0:
    case 1:
      step_peel(f, r);
      break;
    case 2:
      step_extend(f, r);
      break;
    case 3:
      step_open(f, r);
      break;
    case 4:
      (void)al_circuit_link_out(&f->cs, pick_circ(f, r), NEXT, &id);
      break;
    case 5:
      step_turn(f, (al_rd_u8(r) & 1) != 0 ? NEXT : PREV);
      break;
    case 6:
      step_end(f, r);
      break;
    case 7:
      step_force(f, r);
      break;
    case 8:
      (void)al_circuit_seal(&f->cs, pick_circ(f, r), al_rd_u8(r), f->cell, &link);
      break;
    case 10:
      step_genuine(f, r);
      break;
    case 9: {
      al_circ circ = pick_circ(f, r);
      al_circuit_want_send(&f->cs, circ, (al_rd_u8(r) & 1) != 0);
      if (al_circuit_info_get(&f->cs, circ, f->now, &info)) AL_ASSERT(info.circ == circ);
      (void)al_circuit_may_create(&f->cs, PREV, f->now);
      step_hold(f, circ, (al_circuit_dir)(al_rd_u8(r) & 1));
      break;
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fuzz f;
  uint8_t seed[AL_RNG_SEED_BYTES] = {1}, sk[AL_KEM_SK_BYTES];
  memset(&f, 0, sizeof f);
  f.now = AL_SECOND;
  al_rng_init(&f.rng, al_suite_null(), seed);
  al_suite_null()->kem_keypair(f.onion_pk, sk, seed);
  const al_circuits_config c = {.alloc = &heap,
                                .suite = al_suite_null(),
                                .rng = &f.rng,
                                .counters = &f.count,
                                .self = {{2}},
                                .circuits_max = 12,
                                .links_max = 2,
                                .queue_cells_max = 8,
                                .held_cells_max = 24,
                                .half_open_max = 6,
                                .codel_target_us = 100,
                                .codel_interval_us = 1000};
  AL_ASSERT(al_circuits_init(&f.cs, &c) == AL_OK);
  AL_ASSERT(al_circuits_reserve(&f.cs, 12) == AL_OK);
  AL_ASSERT(al_circuit_link_up(&f.cs, PREV, false, f.now) == AL_OK);
  AL_ASSERT(al_circuit_link_up(&f.cs, NEXT, true, f.now) == AL_OK);
  al_rd r = al_rd_init(al_view(data, size));
  for (int i = 0; i < STEPS_MAX && al_rd_left(&r) > 0; i++) step(&f, &r);
  al_circuit_gone gone;
  while (al_circuit_link_down(&f.cs, PREV, &gone)) settle(&f, &gone);
  while (al_circuit_link_down(&f.cs, NEXT, &gone)) settle(&f, &gone);
  /* Relays half-open lived by PREV, own circuits by NEXT: none can be left. */
  AL_ASSERT(al_slab_count(&f.cs.items) == 0 && al_slab_count(&f.cs.hops) == 0);
  AL_ASSERT(al_map_count(&f.cs.by_id) == 0 && f.cs.held_count == 0 && f.cs.oldest == NULL);
  for (int b = 0; b < BUFS; b++) AL_ASSERT(!f.out[b]);
  for (int role = AL_CIRCUIT_ORIGIN; role <= AL_CIRCUIT_END; role++)
    AL_ASSERT(al_circuit_count(&f.cs, (al_circuit_role)role) == 0);
  al_circuits_clear(&f.cs);
  return 0;
}
