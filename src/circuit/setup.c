/* setup.c — circuits come to be: the origin's packet, the hops' answers, the check. See circuit.h.
 */
#include "circuit/table.h"
#include "shake/hop.h"
#include "sphinx/sphinx.h"

static void take_keys(al_circuits *cs, al_circuit_hop *hop, const al_hop_keys *k) {
  al_wide_init(cs->cfg.suite, k->forward, &hop->forward);
  al_wide_init(cs->cfg.suite, k->backward, &hop->backward);
  memcpy(hop->resume, k->resume, sizeof hop->resume);
  hop->forward_offset = k->forward_offset;
  hop->backward_offset = k->backward_offset;
}

/* From here on cells may come: what was kept for the set-up makes room for the window. */
static void begin_window(al_circuit_hop *hop) {
  al_wipe(&hop->u, sizeof hop->u);
  al_window_init(&hop->u.window, 48);
}

/* ---- origin ---- */

/* The packet for the plan; secrets stay with the hops. */
static al_err make_packet(al_circuits *cs, al_circuit_item *c, const al_circuit_opening *o) {
  al_sphinx_hop hops[AL_HOPS_MAX];
  uint8_t secrets[AL_HOPS_MAX][32];
  for (uint8_t i = 0; i < c->hops; i++) {
    al_circuit_hop *hop = c->hop[i];
    hop->id = o->plan->id[i];
    al_rng_bytes(cs->cfg.rng, hop->u.asked.x_secret, sizeof hop->u.asked.x_secret);
    cs->cfg.suite->dh_public(hop->u.asked.x, hop->u.asked.x_secret);
    hops[i].onion_pk = o->plan->onion_pk[i];
    hops[i].id = hop->id;
    memcpy(hops[i].eph, hop->u.asked.x, sizeof hops[i].eph);
  }
  const al_sphinx_spec spec = {.hops = hops, .hops_count = c->hops, .data = o->data};
  al_err e = al_sphinx_create(cs->cfg.suite, cs->cfg.rng, &spec, o->packet, secrets);
  for (uint8_t i = 0; e == AL_OK && i < c->hops; i++)
    memcpy(c->hop[i]->u.asked.secret, secrets[i], sizeof secrets[i]);
  al_wipe(secrets, sizeof secrets);
  return e;
}

al_err al_circuit_open(al_circuits *cs, al_time now, const al_circuit_opening *o, al_circ *ret_circ,
                       uint32_t *ret_id) {
  if (o->plan->hops < AL_HOPS_MIN || o->plan->hops > AL_HOPS_MAX) return AL_EINVAL;
  const al_circuit_port *port = al_circuit_port_of(cs, o->link);
  if (port == NULL) return AL_ENOTFOUND;
  uint32_t id = al_circuit_free_id(cs, port);
  al_circuit_item *c = id != 0 ? al_circuit_new(cs, AL_CIRCUIT_ORIGIN, o->plan->hops, now) : NULL;
  if (c == NULL) {
    al_count(cs->cfg.counters, AL_COUNT_circuit_full);
    return AL_EFULL;
  }
  al_err e = make_packet(cs, c, o);
  if (e != AL_OK) {
    al_circuit_gone gone;
    al_circuit_end(cs, c, AL_REASON_KEY, &gone);
    return e;
  }
  al_circuit_attach(cs, c, AL_CIRCUIT_FORWARD, o->link, id);
  *ret_circ = c->self;
  *ret_id = id;
  return AL_OK;
}

/* One hop's answer at the head of the payload: right, and then that of the next is at the head. */
static al_err check_answer(al_circuits *cs, al_circuit_hop *hop, uint8_t *payload) {
  const al_hop_exchange exchange = {
      .id = &hop->id,
      .secret = hop->u.asked.secret,
      .x = hop->u.asked.x,
      .y = al_hop_created_y(payload),
      .sk = hop->u.asked.x_secret,
      .origin = true,
  };
  al_hop_keys keys;
  al_err e = al_hop_derive(cs->cfg.suite, &exchange, &keys);
  if (e == AL_OK) e = al_hop_created_peel(cs->cfg.suite, &keys, payload);
  if (e == AL_OK) take_keys(cs, hop, &keys);
  al_wipe(&keys, sizeof keys);
  return e;
}

static al_circuit_verdict origin_created(al_circuits *cs, al_time now, al_circuit_item *c,
                                         uint8_t *cell, al_circuit_out *ret) {
  for (uint8_t i = 0; i < c->hops; i++) {
    if (check_answer(cs, c->hop[i], cell + AL_CELL_HEADER_BYTES) != AL_OK) {
      al_count(cs->cfg.counters, AL_COUNT_circuit_auth);
      al_circuit_end(cs, c, AL_REASON_PROTOCOL, &ret->gone);
      al_wipe(cell, AL_CELL_BYTES);
      return AL_CIRCUIT_ENDED;
    }
    begin_window(c->hop[i]);
  }
  al_circuit_opened(cs, c, now);
  ret->circ = c->self;
  ret->build_us = c->build_us;
  return AL_CIRCUIT_OPENED;
}

/* ---- relay and end ---- */

/* Our answer in front of what the payload holds, as a CREATED cell for the in-side. */
static void write_created(al_circuits *cs, al_circuit_item *c, const al_hop_keys *keys,
                          const uint8_t *y, uint8_t *cell) {
  al_hop_created_add(cs->cfg.suite, keys, y, cell + AL_CELL_HEADER_BYTES);
  const al_cell_header h = {.id = c->side[AL_CIRCUIT_BACKWARD].id, .type = AL_CELL_CREATED};
  al_cell_encode(&h, cell);
}

static al_circuit_verdict relay_created(al_circuits *cs, al_time now, al_circuit_item *c,
                                        uint8_t *cell, al_circuit_out *ret) {
  al_circuit_hop *hop = c->hop[0];
  al_hop_keys keys = {0};
  memcpy(keys.created, hop->u.held.created_key, sizeof keys.created);
  memcpy(keys.confirm, hop->u.held.confirm, sizeof keys.confirm);
  write_created(cs, c, &keys, hop->u.held.y, cell);
  al_wipe(&keys, sizeof keys);
  begin_window(hop);
  al_circuit_opened(cs, c, now);
  ret->circ = c->self;
  ret->link = c->side[AL_CIRCUIT_BACKWARD].link;
  return AL_CIRCUIT_SEND;
}

al_circuit_verdict al_circuit_created_back(al_circuits *cs, al_time now, al_circuit_item *c,
                                           uint8_t *cell, al_circuit_out *ret) {
  if (c->role == AL_CIRCUIT_ORIGIN) return origin_created(cs, now, c, cell, ret);
  return relay_created(cs, now, c, cell, ret);
}

static al_circuit_verdict refuse(al_circuits *cs, const al_circuit_request *q, al_counter why,
                                 uint8_t *cell, al_circuit_out *ret) {
  al_count(cs->cfg.counters, why);
  ret->link = q->link;
  al_circuit_destroy_cell(cell, q->id,
                          why == AL_COUNT_circuit_full ? AL_REASON_RESOURCE : AL_REASON_PROTOCOL);
  return AL_CIRCUIT_SEND;
}

/* What is wrong with a request, as the counter for it; AL_COUNT__COUNT when nothing is. */
static al_counter judge(const al_circuits *cs, const al_circuit_port *port,
                        const al_circuit_request *q) {
  bool peer_dialled = (q->id & 0x80000000u) != 0;
  if (peer_dialled == port->dialled) return AL_COUNT_circuit_parse;
  if (al_map_find_u64(&cs->by_id, al_circuit_key(q->link, q->id), NULL))
    return AL_COUNT_circuit_state;
  /* No link has more circuits than it leaves free: nobody takes the last place alone. */
  if (port->sides_count >= cs->cfg.circuits_max - al_slab_count(&cs->items))
    return AL_COUNT_circuit_full;
  if (q->route->command == AL_ROUTE_CREATE_END) return AL_COUNT__COUNT;
  if (al_id_equal(&q->route->next, &cs->cfg.self)) return AL_COUNT_circuit_parse;
  return port->half_open >= cs->cfg.half_open_max ? AL_COUNT_circuit_full : AL_COUNT__COUNT;
}

/* Our half of the exchange: the keys and the public key that goes back. */
static al_err answer(al_circuits *cs, const al_circuit_request *q, al_hop_keys *keys,
                     uint8_t y[32]) {
  uint8_t sk[32];
  al_rng_bytes(cs->cfg.rng, sk, sizeof sk);
  cs->cfg.suite->dh_public(y, sk);
  const al_hop_exchange exchange = {
      .id = &cs->cfg.self, .secret = q->hop_secret, .x = q->route->eph, .y = y, .sk = sk};
  al_err e = al_hop_derive(cs->cfg.suite, &exchange, keys);
  al_wipe(sk, sizeof sk);
  return e;
}

/* The circuit is there and has its keys: the end answers at once, a relay keeps its answer. */
static al_circuit_verdict installed(al_circuits *cs, al_time now, al_circuit_item *c,
                                    const al_hop_keys *keys, const uint8_t *y) {
  al_circuit_hop *hop = c->hop[0];
  take_keys(cs, hop, keys);
  if (c->role == AL_CIRCUIT_END) {
    begin_window(hop);
    al_circuit_opened(cs, c, now);
    return AL_CIRCUIT_SEND;
  }
  memcpy(hop->u.held.y, y, sizeof hop->u.held.y);
  memcpy(hop->u.held.confirm, keys->confirm, sizeof hop->u.held.confirm);
  memcpy(hop->u.held.created_key, keys->created, sizeof hop->u.held.created_key);
  return AL_CIRCUIT_NEXT;
}

al_circuit_verdict al_circuit_extend(al_circuits *cs, al_time now, const al_circuit_request *q,
                                     uint8_t *cell, al_circuit_out *ret) {
  memset(ret, 0, sizeof *ret);
  const al_circuit_port *port = al_circuit_port_of(cs, q->link);
  if (port == NULL || q->id == 0) {
    al_count(cs->cfg.counters, AL_COUNT_circuit_unknown);
    return AL_CIRCUIT_DROP;
  }
  al_counter bad = judge(cs, port, q);
  if (bad != AL_COUNT__COUNT) return refuse(cs, q, bad, cell, ret);
  bool end = q->route->command == AL_ROUTE_CREATE_END;
  al_circuit_item *c = al_circuit_new(cs, end ? AL_CIRCUIT_END : AL_CIRCUIT_RELAY, 1, now);
  if (c == NULL) return refuse(cs, q, AL_COUNT_circuit_full, cell, ret);
  al_hop_keys keys;
  uint8_t y[32];
  if (answer(cs, q, &keys, y) != AL_OK) {
    al_circuit_gone gone;
    al_circuit_end(cs, c, AL_REASON_PROTOCOL, &gone);
    return refuse(cs, q, AL_COUNT_circuit_auth, cell, ret);
  }
  al_circuit_attach(cs, c, AL_CIRCUIT_BACKWARD, q->link, q->id);
  al_circuit_verdict v = installed(cs, now, c, &keys, y);
  ret->circ = c->self;
  if (end) {
    ret->link = q->link;
    al_rng_bytes(cs->cfg.rng, cell + AL_CELL_HEADER_BYTES, AL_CELL_PAYLOAD_BYTES);
    write_created(cs, c, &keys, y, cell);
  } else {
    ret->next = c->hop[0]->id = q->route->next;
  }
  al_wipe(&keys, sizeof keys);
  return v;
}

al_err al_circuit_link_out(al_circuits *cs, al_circ circ, al_link out, uint32_t *ret_id) {
  al_circuit_item *c = al_circuit_get(cs, circ);
  const al_circuit_port *port = al_circuit_port_of(cs, out);
  if (c == NULL || port == NULL) return AL_ENOTFOUND;
  if (c->role != AL_CIRCUIT_RELAY || c->side[AL_CIRCUIT_FORWARD].link != 0) return AL_ESTATE;
  uint32_t id = al_circuit_free_id(cs, port);
  if (id == 0) {
    al_count(cs->cfg.counters, AL_COUNT_circuit_full);
    return AL_EFULL;
  }
  al_circuit_attach(cs, c, AL_CIRCUIT_FORWARD, out, id);
  *ret_id = id;
  return AL_OK;
}
