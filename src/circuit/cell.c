/* cell.c — cells on their way: layers off, layers on, counters. See circuit.h. */
#include "circuit/table.h"

static al_circuit_verdict drop(al_circuits *cs, uint8_t *cell, al_counter why) {
  al_count(cs->cfg.counters, why);
  al_wipe(cell, AL_CELL_BYTES);
  return AL_CIRCUIT_DROP;
}

static uint64_t plus(uint64_t counter, uint64_t offset) {
  return (counter + offset) & AL_CIRCUIT_COUNTER_MASK;
}

static uint64_t minus(uint64_t counter, uint64_t offset) {
  return (counter - offset) & AL_CIRCUIT_COUNTER_MASK;
}

static void put_header(uint8_t *cell, const al_circuit_side *s, uint64_t counter) {
  const al_cell_header h = {.id = s->id, .type = AL_CELL_CIRCUIT, .counter = counter};
  al_cell_encode(&h, cell);
}

/* ---- forward: at a relay or an end ---- */

/* Take a forward counter once. A hop does not know where the origin's count began, but it knows
 * that it takes no more than 2^32 steps: so nobody can drive the window once around the 48 bits and
 * make it forget what it saw. Cells in front of the first one may come late. */
static al_counter take_counter(al_circuit_hop *hop, uint64_t w) {
  if (!hop->begun) {
    hop->begun = true;
    hop->first = w;
  }
  uint64_t ahead = minus(w, hop->first), behind = minus(hop->first, w);
  if (ahead >= AL_CIRCUIT_CELLS_MAX && behind >= AL_WINDOW_NUMBERS) return AL_COUNT_circuit_state;
  return al_window_take(&hop->u.window, w) ? AL_COUNT__COUNT : AL_COUNT_circuit_replay;
}

static al_circuit_verdict deliver(al_circuit_item *c, uint8_t hop, uint8_t *cell,
                                  al_circuit_out *ret) {
  ret->circ = c->self;
  ret->hop = hop;
  ret->payload = cell + AL_CIRCUIT_PAYLOAD_AT;
  return AL_CIRCUIT_DELIVER;
}

static bool is_ours(const uint8_t *cell) {
  return al_zero_ct(cell + AL_CELL_HEADER_BYTES, AL_RELAY_ZERO_BYTES);
}

static al_circuit_verdict hold(al_circuit_item *c, al_circuit_dir dir, al_circuit_out *ret) {
  ret->circ = c->self;
  ret->dir = dir;
  ret->link = c->side[dir].link;
  return AL_CIRCUIT_HOLD;
}

static al_circuit_verdict forward(al_circuits *cs, al_circuit_item *c, uint64_t w, uint8_t *cell,
                                  al_circuit_out *ret) {
  al_circuit_hop *hop = c->hop[0];
  al_counter bad = take_counter(hop, w);
  if (bad != AL_COUNT__COUNT) return drop(cs, cell, bad);
  c->cells_rx++;
  al_wide_decrypt(cs->cfg.suite, &hop->forward, w, cell + AL_CELL_HEADER_BYTES,
                  AL_CELL_PAYLOAD_BYTES);
  if (is_ours(cell)) return deliver(c, 0, cell, ret);
  if (c->role == AL_CIRCUIT_END) return drop(cs, cell, AL_COUNT_circuit_auth);
  put_header(cell, &c->side[AL_CIRCUIT_FORWARD], plus(w, hop->forward_offset));
  return hold(c, AL_CIRCUIT_FORWARD, ret);
}

/* ---- backward: at a relay, at the origin ---- */

static void add_backward(al_circuits *cs, al_circuit_item *c, uint64_t counter, uint8_t *cell) {
  al_circuit_hop *hop = c->hop[0];
  uint64_t v = plus(counter, hop->backward_offset);
  al_wide_encrypt(cs->cfg.suite, &hop->backward, v, cell + AL_CELL_HEADER_BYTES,
                  AL_CELL_PAYLOAD_BYTES);
  put_header(cell, &c->side[AL_CIRCUIT_BACKWARD], v);
}

static al_circuit_verdict backward(al_circuits *cs, al_circuit_item *c, uint64_t v, uint8_t *cell,
                                   al_circuit_out *ret) {
  c->cells_rx++;
  if (c->role == AL_CIRCUIT_RELAY) {
    add_backward(cs, c, v, cell);
    return hold(c, AL_CIRCUIT_BACKWARD, ret);
  }
  for (uint8_t i = 0; i < c->hops; i++) {
    al_circuit_hop *hop = c->hop[i];
    al_wide_decrypt(cs->cfg.suite, &hop->backward, v, cell + AL_CELL_HEADER_BYTES,
                    AL_CELL_PAYLOAD_BYTES);
    v = minus(v, hop->backward_offset);
    if (!is_ours(cell)) continue;
    if (v >= AL_CIRCUIT_CELLS_MAX) return drop(cs, cell, AL_COUNT_circuit_state);
    if (!al_window_take(&hop->u.window, v)) return drop(cs, cell, AL_COUNT_circuit_replay);
    return deliver(c, (uint8_t)(i + 1), cell, ret);
  }
  return drop(cs, cell, AL_COUNT_circuit_auth);
}

/* ---- what came in ---- */

/* A reason that we do not know is a breach of the protocol. */
static al_reason reason_of(uint8_t value) {
  switch (value) {
#define AL_REASON(name, number, socks, text) \
  case AL_REASON_##name:                     \
    return AL_REASON_##name;
#include "allium/reasons.def"
#undef AL_REASON
    default:
      return AL_REASON_PROTOCOL;
  }
}

/* LINK is what the relay says that lost its next hop: those before it say BEYOND, so that an origin
 * can tell whether its end is what cannot be reached. */
static al_circuit_verdict destroyed(al_circuits *cs, al_circuit_item *c, al_circuit_dir from,
                                    const al_cell_header *h, al_circuit_out *ret) {
  al_reason why = reason_of(h->flags);
  bool back = from == AL_CIRCUIT_FORWARD && c->role == AL_CIRCUIT_RELAY;
  if (back && why == AL_REASON_LINK) why = AL_REASON_BEYOND;
  al_count(cs->cfg.counters, AL_COUNT_circuit_destroyed);
  al_circuit_end(cs, c, why, &ret->gone);
  ret->gone.tell[from].link = 0;
  return AL_CIRCUIT_ENDED;
}

al_circuit_verdict al_circuit_peel(al_circuits *cs, al_time now, al_link link, uint8_t *cell,
                                   al_circuit_out *ret) {
  al_cell_header h;
  memset(ret, 0, sizeof *ret);
  if (al_cell_decode(cell, &h) != AL_OK || h.type < AL_CELL_CIRCUIT || h.type > AL_CELL_DESTROY)
    return drop(cs, cell, AL_COUNT_circuit_parse);
  uint32_t circ;
  if (!al_map_find_u64(&cs->by_id, al_circuit_key(link, h.id), &circ))
    return drop(cs, cell, AL_COUNT_circuit_unknown);
  al_circuit_item *c = al_circuit_get(cs, circ);
  AL_ASSERT(c != NULL); /* the map holds live circuits only */
  const al_circuit_side *in = &c->side[AL_CIRCUIT_BACKWARD];
  al_circuit_dir from =
      in->link == link && in->id == h.id ? AL_CIRCUIT_BACKWARD : AL_CIRCUIT_FORWARD;
  if (h.type == AL_CELL_DESTROY && !al_zero_ct(cell + AL_CELL_HEADER_BYTES, AL_CELL_PAYLOAD_BYTES))
    return drop(cs, cell, AL_COUNT_circuit_parse);
  if (h.type == AL_CELL_DESTROY) return destroyed(cs, c, from, &h, ret);
  if (h.type == AL_CELL_CREATED) {
    if (from == AL_CIRCUIT_FORWARD && !c->open)
      return al_circuit_created_back(cs, now, c, cell, ret);
    return drop(cs, cell, AL_COUNT_circuit_state);
  }
  if (!c->open) return drop(cs, cell, AL_COUNT_circuit_state);
  return from == AL_CIRCUIT_BACKWARD ? forward(cs, c, h.counter, cell, ret)
                                     : backward(cs, c, h.counter, cell, ret);
}

/* ---- what goes out ---- */

al_err al_circuit_seal(al_circuits *cs, al_circ circ, uint8_t hop, uint8_t *cell,
                       al_link *ret_link) {
  al_circuit_item *c = al_circuit_get(cs, circ);
  if (c == NULL) return AL_ENOTFOUND;
  if (!c->open) return AL_ESTATE;
  bool origin = c->role == AL_CIRCUIT_ORIGIN;
  if (origin ? hop < 1 || hop > c->hops : hop != 0) return AL_EINVAL;
  if (c->spoken >= AL_CIRCUIT_CELLS_MAX) return AL_ECLOSED;
  memset(cell + AL_CELL_HEADER_BYTES, 0, AL_RELAY_ZERO_BYTES);
  uint64_t n = c->spoken++;
  c->cells_tx++;
  if (!origin) {
    add_backward(cs, c, n, cell);
    *ret_link = c->side[AL_CIRCUIT_BACKWARD].link;
    return AL_OK;
  }
  uint64_t w[AL_HOPS_MAX] = {n};
  for (uint8_t i = 1; i < hop; i++) w[i] = plus(w[i - 1], c->hop[i - 1]->forward_offset);
  for (uint8_t i = hop; i > 0; i--)
    al_wide_encrypt(cs->cfg.suite, &c->hop[i - 1]->forward, w[i - 1], cell + AL_CELL_HEADER_BYTES,
                    AL_CELL_PAYLOAD_BYTES);
  put_header(cell, &c->side[AL_CIRCUIT_FORWARD], n);
  *ret_link = c->side[AL_CIRCUIT_FORWARD].link;
  return AL_OK;
}
