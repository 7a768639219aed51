/* hostile.c — see hostile.h. */
#include "hostile.h"

#include <stdlib.h>
#include <string.h>

#include "link/keys.h"
#include "wire/resume.h"

static void *get(void *ctx, size_t size) {
  (void)ctx;
  return calloc(1, size);
}

static void put(void *ctx, void *ptr, size_t size) {
  (void)ctx;
  (void)size;
  free(ptr);
}

/* ---- its links ---- */

void hostile_pump(hostile *h, al_link link) {
  uint8_t frame[AL_FRAME_BYTES];
  al_channel ch;
  for (size_t len;
       !h->silent && (len = al_link_next(&h->links, link, world_now(h->w), frame, &ch)) != 0;)
    (void)world_ops()->send(world_transport(h->w, h->node), link, ch, al_view(frame, len));
  al_time t = al_links_deadline(&h->links);
  if (t != AL_TIME_NEVER) world_puppet_wake(h->w, h->node, t);
}

static void forget(hostile *h, al_link link) {
  al_circuit_gone gone;
  while (al_circuit_link_down(&h->circuits, link, &gone)) h->circuit_why = gone.reason;
  al_link_free(&h->links, link);
  if (h->link == link) h->link = 0;
}

static al_link on_up(void *ctx, al_link link, const uint8_t binding[32], void *ref) {
  hostile *h = ctx;
  if (link == 0) {
    if (al_link_accept(&h->links, world_now(h->w), binding, &link) != AL_OK) return 0;
    world_ops()->accept(world_transport(h->w, h->node), link, ref);
  } else {
    (void)al_link_up(&h->links, link, world_now(h->w), binding);
  }
  hostile_pump(h, link);
  return link;
}

static void on_down(void *ctx, al_link link, al_down_reason reason) {
  hostile *h = ctx;
  h->downs++;
  h->down_why = reason;
  forget(h, link);
}

static void on_credit(void *ctx, al_link link, uint32_t bytes) {
  (void)ctx;
  (void)link;
  (void)bytes;
}

/* ---- as a relay ---- */

static void send_cell(hostile *h, al_link link, const uint8_t *cell) {
  uint8_t frame[AL_FRAME_BYTES];
  if (!al_link_may_seal(&h->links, link)) return;
  if (world_credit(h->w, h->node, link) < sizeof frame) return;
  memcpy(frame + AL_LINK_CELL_AT, cell, AL_CELL_BYTES);
  al_link_seal(&h->links, link, world_now(h->w), frame);
  (void)world_ops()->send(world_transport(h->w, h->node), link, AL_CHANNEL_BULK,
                          (al_bytes){frame, sizeof frame});
}

static void tell_gone(hostile *h, al_circuit_gone *gone) {
  uint8_t cell[AL_CELL_BYTES];
  for (int side = 0; side < 2; side++) {
    if (gone->tell[side].link == 0) continue;
    al_circuit_destroy_cell(cell, gone->tell[side].id, gone->reason);
    send_cell(h, gone->tell[side].link, cell);
  }
}

static void pass_on(hostile *h, al_link link, uint8_t *cell) {
  bool chosen = ++h->relayed % 20 == 0;
  if (h->mischief == HOSTILE_DROP_ALL || (h->mischief == HOSTILE_DROP_SOME && chosen)) return;
  if (h->mischief == HOSTILE_ALTER && chosen) cell[AL_CELL_HEADER_BYTES + h->relayed % 1000] ^= 1;
  if (h->mischief == HOSTILE_REPEAT) send_cell(h, link, cell);
  if (h->mischief == HOSTILE_SWAP && h->swap_link == 0) {
    memcpy(h->swap, cell, AL_CELL_BYTES);
    h->swap_link = link;
    return;
  }
  send_cell(h, link, cell);
  if (h->swap_link != 0) send_cell(h, h->swap_link, h->swap);
  h->swap_link = 0;
}

static void relay_setup(hostile *h, al_link from, const al_link_message *m) {
  uint8_t cell[AL_CELL_BYTES];
  al_sphinx_keys keys;
  al_sphinx_result res;
  al_circuit_out out;
  al_circuit_gone gone;
  uint32_t id;
  const uint8_t *sk = h->onion_sk[world_wall_s(h->w) / AL_EPOCH_S - h->fields.epoch];
  if (al_sphinx_open(h->suite, m->ptr, sk, &keys) != AL_OK ||
      al_sphinx_peel(h->suite, m->ptr, &keys, &res) != AL_OK)
    return;
  const al_circuit_request q = {
      .link = from, .id = m->id, .route = &res.route, .hop_secret = keys.secret};
  al_circuit_verdict v = al_circuit_extend(&h->circuits, world_now(h->w), &q, cell, &out);
  if (v == AL_CIRCUIT_SEND) send_cell(h, out.link, cell);
  if (v != AL_CIRCUIT_NEXT) return;
  al_link link = al_link_find_by_peer(&h->links, &out.next);
  if (link != 0 && al_circuit_link_out(&h->circuits, out.circ, link, &id) == AL_OK) {
    (void)al_link_send_message(&h->links, link, AL_MESSAGE_SPHINX, id,
                               al_view(m->ptr, AL_SPHINX_BYTES));
    hostile_pump(h, link);
  } else if (al_circuit_destroy(&h->circuits, out.circ, AL_REASON_NO_RELAY, &gone) == AL_OK) {
    tell_gone(h, &gone);
  }
}

static void on_cell(hostile *h, al_link link, uint8_t *cell, const al_cell_header *head) {
  al_circuit_out out;
  if (head->type == AL_CELL_DESTROY) {
    h->destroys++;
    h->destroy_why = (al_reason)head->flags;
  }
  if (head->type == AL_CELL_CREATED) h->created++;
  switch (al_circuit_peel(&h->circuits, world_now(h->w), link, cell, &out)) {
    case AL_CIRCUIT_OPENED:
      h->opened = out.circ;
      break;
    case AL_CIRCUIT_DELIVER:
      h->delivered++;
      memcpy(h->payload, out.payload, sizeof h->payload);
      if (h->payload[0] == AL_RESUME_KIND) h->resume_op = h->payload[1];
      break;
    case AL_CIRCUIT_ENDED:
      h->circuit_why = out.gone.reason;
      tell_gone(h, &out.gone);
      break;
    case AL_CIRCUIT_SEND:
      send_cell(h, out.link, cell);
      break;
    case AL_CIRCUIT_HOLD:
      pass_on(h, out.link, cell);
      break;
    default:
      break;
  }
}

static void on_message(hostile *h, al_link link, const al_link_message *m) {
  if (m->kind < 8) h->messages[m->kind]++;
  if (m->kind == AL_MESSAGE_SPHINX && h->mischief != HOSTILE_NO_RELAY) relay_setup(h, link, m);
  if (m->kind == AL_MESSAGE_DHT && h->on_dht != NULL) h->on_dht(h, link, al_view(m->ptr, m->len));
  if (m->kind != AL_MESSAGE_WANT) return;
  for (uint32_t i = 0; i < h->answers_count; i++)
    (void)al_link_send_message(&h->links, link, AL_MESSAGE_DESCRIPTOR, 0, h->answers[i]);
}

static void on_rx(void *ctx, al_link link, al_bytes bytes) {
  hostile *h = ctx;
  uint8_t frame[AL_FRAME_BYTES];
  al_link_in in;
  memcpy(frame, bytes.ptr, bytes.len);
  al_link_verdict v =
      al_link_rx(&h->links, link, (al_span){frame, bytes.len}, world_now(h->w), &in);
  if (in.became_up) {
    h->ups++;
    h->link = link;
    (void)al_circuit_link_up(&h->circuits, link, al_link_is_initiator(&h->links, link),
                             world_now(h->w));
  }
  if (v == AL_LINK_CELL) on_cell(h, link, frame + AL_LINK_CELL_AT, &in.cell);
  if (v == AL_LINK_MESSAGE) on_message(h, link, &in.message);
  al_link_message_done(&h->links, in.slot);
  if (v == AL_LINK_CLOSED) {
    h->closes++;
    forget(h, link);
    world_ops()->close(world_transport(h->w, h->node), link);
    return;
  }
  hostile_pump(h, link);
}

static void on_tick(void *ctx) {
  hostile *h = ctx;
  al_link_event ev;
  al_circuit_gone gone;
  while (al_links_tick(&h->links, world_now(h->w), &ev)) {
    if (ev.kind != AL_LINK_EVENT_DEAD) {
      hostile_pump(h, ev.link);
    } else {
      forget(h, ev.link);
      world_ops()->close(world_transport(h->w, h->node), ev.link);
    }
  }
  while (al_circuit_tick(&h->circuits, world_now(h->w), &gone)) h->circuit_why = gone.reason;
  al_time t = al_links_deadline(&h->links);
  if (t != AL_TIME_NEVER) world_puppet_wake(h->w, h->node, t);
}

/* ---- life ---- */

void hostile_describe(hostile *h) {
  uint8_t coins[AL_SIG_COINS_BYTES] = {1};
  al_wr w = al_wr_init(h->record, sizeof h->record);
  if (al_descriptor_make(h->suite, &h->identity, &h->fields, coins, &w) != AL_OK) abort();
  h->descriptor = al_wr_view(&w);
}

static void fields_init(hostile *h) {
  uint64_t wall = world_wall_s(h->w);
  h->fields = (al_desc){.flags = 0,
                        .sequence = wall,
                        .published_s = wall,
                        .expiry_s = wall + AL_DESC_LIFETIME_S,
                        .epoch = wall / AL_EPOCH_S,
                        .addresses_count = 0}; /* nobody dials it */
  h->fields.addresses[0] = world_address(h->w, h->node);
  for (int i = 0; i < 2; i++) {
    al_rng_bytes(&h->rng, h->onion_seed[i], 32);
    h->suite->kem_keypair(h->onion_pk[i], h->onion_sk[i], h->onion_seed[i]);
    h->fields.onion_pk[i] = h->onion_pk[i];
  }
}

static void tables_init(hostile *h) {
  al_links_config lc = {.suite = h->suite,
                        .alloc = &h->alloc,
                        .rng = &h->rng,
                        .counters = &h->counters,
                        .keys = (h->keys = al_keyring_over(&h->identity), &h->keys),
                        .descriptor = &h->descriptor,
                        .network = al_view("allium", 6),
                        .secret = h->secret,
                        .simulation = true,
                        .links_max = 64,
                        .wall_s = world_wall_s(h->w),
                        .now = world_now(h->w)};
  al_circuits_config cc = {.alloc = &h->alloc,
                           .suite = h->suite,
                           .rng = &h->rng,
                           .counters = &h->counters,
                           .self = h->identity.id,
                           .circuits_max = 1024,
                           .origins_max = 1024,
                           .links_max = 64};
  if (al_links_init(&h->links, &lc) != AL_OK) abort();
  if (al_circuits_init(&h->circuits, &cc) != AL_OK) abort();
  if (al_circuits_reserve(&h->circuits, 1024) != AL_OK) abort();
}

void hostile_start(hostile *h, world *w, uint32_t node, al_bytes secret) {
  memset(h, 0, sizeof *h);
  h->w = w;
  h->node = node;
  h->suite = world_suite(w);
  h->secret = secret;
  h->alloc = (al_alloc){NULL, get, put};
  memset(h->root, (int)(0x80 + node), sizeof h->root);
  uint8_t seed[32];
  memcpy(seed, h->root, sizeof seed);
  al_store_u64(seed, world_now(w)); /* not the same again after a restart */
  al_rng_init(&h->rng, h->suite, seed);
  al_identity_init(h->suite, h->root, &h->identity);
  fields_init(h);
  hostile_describe(h);
  tables_init(h);
  al_transport_sink sink = {h, on_up, on_down, on_rx, on_credit};
  world_puppet_start(w, node, &(world_puppet){h, sink, on_tick});
}

void hostile_stop(hostile *h) {
  world_stop(h->w, h->node, true);
  al_circuits_clear(&h->circuits);
  al_links_clear(&h->links);
}

bool hostile_dial(hostile *h, uint32_t victim) {
  al_link link;
  h->link = 0;
  if (al_link_dial(&h->links, world_now(h->w), NULL, (al_bytes){NULL, 0}, &link) != AL_OK)
    return false;
  if (world_ops()->open(world_transport(h->w, h->node), link, world_address(h->w, victim)) != AL_OK)
    return false;
  for (int i = 0; i < 100 && h->link == 0; i++) world_run(h->w, world_now(h->w) + 50 * AL_MS);
  return h->link != 0;
}

/* ---- what it sends ---- */

void hostile_cell(hostile *h, uint32_t victim, const uint8_t cell[AL_CELL_BYTES]) {
  uint8_t frame[AL_FRAME_BYTES];
  al_link_session *s = al_link_session_get(&h->links, h->link);
  if (s == NULL) return;
  memcpy(frame + AL_LINK_CELL_AT, cell, AL_CELL_BYTES);
  al_link_frame_seal(h->suite, al_link_tx_key(&h->links, s),
                     (uint64_t)s->tx_phase << AL_LINK_PHASE_BITS | s->tx_number++, frame);
  (void)world_inject(h->w, h->node, victim, frame, sizeof frame);
}

void hostile_send(hostile *h, uint32_t victim, const uint8_t header[AL_CELL_HEADER_BYTES],
                  al_bytes payload) {
  uint8_t cell[AL_CELL_BYTES] = {0};
  memcpy(cell, header, AL_CELL_HEADER_BYTES);
  memcpy(cell + AL_CELL_HEADER_BYTES, payload.ptr, payload.len);
  hostile_cell(h, victim, cell);
}

void hostile_message(hostile *h, uint32_t victim, uint8_t kind, uint32_t id, al_bytes bytes) {
  uint8_t header[AL_CELL_HEADER_BYTES];
  size_t at = 0;
  uint16_t index = 0;
  do {
    size_t n = al_min_size(bytes.len - at, AL_CELL_PAYLOAD_BYTES);
    al_store_u32(header, id);
    header[4] = AL_CELL_MESSAGE;
    header[5] = kind;
    al_store_u32(header + 6, (uint32_t)bytes.len);
    al_store_u16(header + 10, index++);
    hostile_send(h, victim, header, al_view(bytes.ptr + at, n));
    at += n;
  } while (at < bytes.len);
}

al_circ hostile_packet(hostile *h, const uint32_t *hops, uint8_t count, uint8_t *packet,
                       uint32_t *ret_id) {
  al_circuit_plan plan = {.hops = count};
  al_circ circ;
  for (uint8_t i = 0; i < count; i++) {
    al_desc d;
    uint8_t buf[AL_DESC_BYTES_MAX];
    al_bytes record = al_inspect_descriptor(world_node(h->w, hops[i]), buf, sizeof buf);
    if (al_desc_decode(record, &d) != AL_OK) abort();
    plan.id[i] = al_node_id(h->suite, d.sig_pk);
    const uint8_t *pk = d.onion_pk[world_wall_s(h->w) / AL_EPOCH_S - d.epoch];
    memcpy(plan.onion_pk[i], pk, AL_KEM_PK_BYTES);
  }
  const al_circuit_opening o = {.link = h->link, .plan = &plan, .packet = packet};
  if (al_circuit_open(&h->circuits, world_now(h->w), &o, &circ, ret_id) != AL_OK) return 0;
  return circ;
}

al_circ hostile_circuit(hostile *h, uint32_t victim, const uint32_t *hops, uint8_t count) {
  uint8_t packet[AL_SPHINX_BYTES];
  uint32_t id;
  al_circ circ = hostile_packet(h, hops, count, packet, &id);
  h->opened = 0;
  if (circ == 0) return 0;
  hostile_message(h, victim, AL_MESSAGE_SPHINX, id, al_view(packet, sizeof packet));
  for (int i = 0; i < 100 && h->opened != circ; i++) world_run(h->w, world_now(h->w) + 50 * AL_MS);
  return h->opened == circ ? circ : 0;
}

void hostile_relay_cell(hostile *h, al_circ circ, uint8_t hops, al_bytes payload, uint8_t *cell) {
  al_link link;
  memset(cell, 0, AL_CELL_BYTES);
  memcpy(cell + AL_CIRCUIT_PAYLOAD_AT, payload.ptr, payload.len);
  if (al_circuit_seal(&h->circuits, circ, hops, cell, &link) != AL_OK) abort();
}

void hostile_relay(hostile *h, uint32_t victim, al_circ circ, uint8_t hops, al_bytes payload) {
  uint8_t cell[AL_CELL_BYTES];
  hostile_relay_cell(h, circ, hops, payload, cell);
  hostile_cell(h, victim, cell);
}
