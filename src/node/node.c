/* node.c — life of a node and dispatch of its inputs. Every public function that changes something
 * ends in node_finish: events out, senders woken, links pumped. */
#include "node/health.h"
#include "node/parts.h"
#include "node/standby.h"
#include "node/overlay.h"
#include "node/records.h"
#include "node/wake.h"
#include "node/wants.h"

void al_config_default(al_config *c) {
  memset(c, 0, sizeof *c);
  c->size = (uint32_t)sizeof *c;
  c->relay = true;
  c->padding = AL_PADDING_REDUCED;
  c->hops = 3;
  c->network = al_view("allium", 6);
  c->limits = (al_limits){.links_max = 512,
                          .circuits_max = 4096,
                          .streams_max = 4096,
                          .peers_max = 512,
                          .queue_cells_max = 512,
                          .creates_per_s = 50,
                          .stream_window = 8u << 20,
                          .replay_tags_max = 65536,
                          .records_max = 4096,
                          .records_bytes = 8u << 20};
}

void al_limits_small(al_limits *l) {
  *l = (al_limits){.links_max = 48,
                   .circuits_max = 32,
                   .streams_max = 32,
                   .peers_max = 32,
                   .queue_cells_max = 32,
                   .creates_per_s = 50,
                   .stream_window = 65536,
                   .replay_tags_max = 1024,
                   .lean = true};
}

static bool limits_valid(const al_limits *l) {
  return l->links_max >= 1 && l->links_max <= 4096 && l->circuits_max >= 1 &&
         l->circuits_max <= 524288 && l->streams_max >= 1 && l->streams_max <= 1048575 &&
         l->peers_max >= 1 && l->peers_max <= 1048576 && l->queue_cells_max >= 1 &&
         l->creates_per_s >= 1 && l->stream_window >= 4096 && l->stream_window <= 1u << 30 &&
         l->replay_tags_max >= 1 && l->replay_tags_max <= 1u << 24 &&
         l->records_max <= AL_RECORDS_MAX && l->records_bytes <= AL_RECORDS_BYTES_LIMIT;
}

static bool face_valid(const al_config *c) {
  if (c->hops < AL_HOPS_MIN || c->hops > AL_HOPS_MAX) return false;
  if (c->padding != AL_PADDING_OFF && c->padding != AL_PADDING_REDUCED) return false;
  if (c->addresses_count > AL_ADDRESSES_MAX || c->exit_rules_count > AL_EXIT_RULES_MAX)
    return false;
  for (uint32_t i = 0; i < c->addresses_count; i++) {
    al_address a;
    if (al_address_decode(c->addresses[i], &a) != AL_OK) return false;
  }
  for (uint32_t i = 0; i < c->exit_rules_count; i++) {
    if (!al_exit_rule_valid(&c->exit_rules[i])) return false;
  }
  return true;
}

static bool config_valid(const al_config *c) {
  return c->size == sizeof *c && c->suite != NULL &&
         (c->simulation || !c->suite->simulation_only) && limits_valid(&c->limits) &&
         (c->shelf == NULL || al_shelf_suite(c->shelf) == c->suite) && face_valid(c) &&
         c->network.len >= 1 && c->network.len <= 64 &&
         (c->network_secret.len == 0 || c->network_secret.len == 32);
}

/* Addresses, policy and the rest that may change while the node runs. */
static al_err take_face(al_node *n, const al_config *c) {
  node_address *addresses = al_new_array(&n->alloc, c->addresses_count, sizeof *addresses);
  al_exit_rule *rules = al_new_array(&n->alloc, c->exit_rules_count, sizeof *rules);
  if ((addresses == NULL && c->addresses_count != 0) ||
      (rules == NULL && c->exit_rules_count != 0)) {
    al_delete(&n->alloc, addresses, c->addresses_count * sizeof *addresses);
    al_delete(&n->alloc, rules, c->exit_rules_count * sizeof *rules);
    return AL_ENOMEM;
  }
  al_delete(&n->alloc, n->addresses, n->addresses_count * sizeof *addresses);
  al_delete(&n->alloc, n->rules, n->rules_count * sizeof *rules);
  n->relay = c->relay;
  n->padding = c->padding;
  n->hops = c->hops;
  n->addresses = addresses;
  n->addresses_count = c->addresses_count;
  for (uint32_t i = 0; i < c->addresses_count; i++) {
    addresses[i].len = (uint8_t)c->addresses[i].len;
    memcpy(addresses[i].bytes, c->addresses[i].ptr, c->addresses[i].len);
  }
  n->rules = rules;
  n->rules_count = c->exit_rules_count;
  for (uint32_t i = 0; i < c->exit_rules_count; i++) rules[i] = c->exit_rules[i];
  return AL_OK;
}

static al_err take_config(al_node *n, const al_config *c, al_time now) {
  n->suite = c->suite;
  n->now = n->started = now;
  n->wall_s = c->wall_s;
  n->simulation = c->simulation;
  n->limits = c->limits;
  n->network_len = (uint8_t)c->network.len;
  n->names = al_new_array(&n->alloc, c->network.len + c->network_secret.len, 1);
  if (n->names == NULL) return AL_ENOMEM;
  memcpy(n->names, c->network.ptr, c->network.len);
  n->secret_len = (uint8_t)c->network_secret.len;
  if (n->secret_len != 0) memcpy(n->names + n->network_len, c->network_secret.ptr, n->secret_len);
  al_rng_init(&n->rng, n->suite, c->seed);
  al_err e = take_face(n, c);
  if (e != AL_OK) return e;
  return al_keyring_init(&n->identity, &n->alloc, n->suite, c->identity, !n->limits.lean);
}

static al_err init_links(al_node *n, al_shelf *shelf) {
  al_links_config c = {.suite = n->suite,
                       .alloc = &n->alloc,
                       .rng = &n->rng,
                       .counters = &n->counters,
                       .keys = &n->identity,
                       .book = &n->book,
                       .network = al_view(n->names, n->network_len),
                       .secret = al_view(n->names + n->network_len, n->secret_len),
                       .simulation = n->simulation,
                       .padding = n->padding,
                       .links_max = n->limits.links_max,
                       .lean = n->limits.lean,
                       .message_slots = n->limits.lean ? AL_LINK_SLOTS_MIN : 0,
                       .places = shelf != NULL ? al_shelf_places(shelf) : NULL,
                       .shakes = shelf != NULL ? al_shelf_shakes(shelf) : NULL,
                       .names = shelf != NULL ? al_shelf_names(shelf) : NULL,
                       .wall_s = n->wall_s,
                       .now = n->now};
  return al_links_init(&n->links, &c);
}

/* The power of two at or above x, within bounds that are powers of two. */
static uint32_t power_of_two(uint32_t x, uint32_t least, uint32_t most) {
  uint32_t p = least;
  while (p < x && p < most) p *= 2;
  return p;
}

static al_err init_gossip(al_node *n) {
  uint32_t peers = n->limits.peers_max;
  al_gossip_config c = {.alloc = &n->alloc,
                        .loose = al_book_loose(&n->book),
                        .rng = &n->rng,
                        .counters = &n->counters,
                        .book = &n->book,
                        .self = n->identity.id,
                        .links_max = n->limits.links_max,
                        .wants_max = power_of_two(peers / 4, 8, 512),
                        .news_max = power_of_two(peers / 2, 16, 512),
                        .serve_max = power_of_two(peers, 32, 1024),
                        .doubts_max = peers < 20 ? 2 : peers / 10,
                        .wall_s = n->wall_s,
                        .now = n->now};
  return al_gossip_init(&n->gossip, &c);
}

static al_err init_tables(al_node *n) {
  const al_alloc *a = &n->alloc;
  n->neighbours = al_new_array(a, AL_NODE_PIECES(n->limits.links_max), sizeof(void *));
  n->touched = al_new_array(a, n->limits.links_max, sizeof *n->touched);
  if (!n->limits.lean) {
    n->stale_max = AL_NODE_STALE_MAX;
    n->stale = al_new_array(a, n->stale_max, sizeof *n->stale);
  }
  bool got = n->neighbours != NULL && n->touched != NULL && (n->stale != NULL || n->limits.lean);
  if (!got) return AL_ENOMEM;
  return n->limits.lean ? AL_OK : al_node_links_reserve(n, n->limits.links_max);
}

static al_err init_modules(al_node *n, al_shelf *shelf) {
  uint8_t secret[AL_MAP_SECRET_BYTES];
  al_rng_bytes(&n->rng, secret, sizeof secret);
  /* Beside the sample there is room for neighbours, guards and nodes that are missed. */
  uint32_t room = n->limits.peers_max + (uint32_t)al_min_u64(n->limits.links_max, 256) + 16;
  al_err e = al_book_init(&n->book, &n->alloc, room, secret, &n->identity.id);
  if (e == AL_OK && shelf != NULL) e = al_book_share(&n->book, shelf);
  if (e == AL_OK) al_book_set_sample(&n->book, n->limits.peers_max);
  if (e == AL_OK && shelf == NULL) e = al_book_reserve(&n->book, room);
  if (e == AL_OK) e = init_links(n, shelf);
  if (e == AL_OK) e = init_gossip(n);
  if (e == AL_OK) e = al_node_dht_init(n);
  if (e == AL_OK) al_node_records_init(n);
  if (e == AL_OK) e = init_tables(n);
  if (e == AL_OK && !n->limits.lean) e = al_node_wake(n);
  if (e == AL_OK) e = al_node_health_init(n);
  if (e == AL_OK) e = al_node_stored_init(n);
  if (e == AL_OK && !n->limits.lean) e = al_node_keys_expand(n);
  return e;
}

al_err al_node_new(al_node **ret, const al_alloc *a, al_config *c, al_time now) {
  if (!config_valid(c)) return AL_EINVAL;
  if (al_node_snapshot_check(c->snapshot) != AL_OK) return AL_EPARSE;
  al_node *n = al_new(a, sizeof *n);
  if (n == NULL) return AL_ENOMEM;
  n->alloc = *a;
  al_node_doze(n);
  al_err e = take_config(n, c, now);
  al_wipe(c->seed, sizeof c->seed);
  al_wipe(c->identity, sizeof c->identity);
  if (e == AL_OK) e = init_modules(n, c->shelf);
  if (e == AL_OK) {
    al_node_snapshot_load(n, c->snapshot);
    e = al_node_keys_init(n);
  }
  if (e == AL_OK) e = al_node_publish(n);
  if (e == AL_OK && !n->was_clean) al_gossip_urgent(&n->gossip, n->now); /* its keys are new */
  if (e != AL_OK) {
    al_node_free(n, NULL);
    return e;
  }
  n->help_at = AL_TIME_NEVER;
  n->probe_at = n->house_at = n->join_at = n->spare_at = now;
  n->lost_at = n->rotate_at = AL_TIME_NEVER;
  *ret = n;
  return AL_OK;
}

/* Give back the packet buffers that wait in queues; without a work area there are none. */
static void release_bufs(al_node *n, al_work *w) {
  uint32_t cursor = 0;
  al_circ c;
  al_circuit_gone gone;
  while ((c = al_circuit_each(n->circuits, &cursor)) != 0) {
    if (al_circuit_destroy(n->circuits, c, AL_REASON_SHUTDOWN, &gone) != AL_OK) continue;
    for (al_buf b; (b = al_circuit_gone_next(n->circuits, &gone)) != 0;) al_buf_drop(w, b);
  }
  for (uint32_t i = 0; n->ahead != NULL && i < n->limits.links_max; i++) {
    al_node_urgent_clear(n, w, i);
  }
}

void al_node_free(al_node *n, al_work *w) {
  if (n == NULL) return;
  al_alloc a = n->alloc;
  if (w != NULL) release_bufs(n, w);
  al_node_meets_clear(n);
  al_node_records_clear(n);
  al_node_health_clear(n);
  al_node_sleep(n);
  al_gossip_clear(&n->gossip);
  al_dht_clear(&n->dht);
  al_links_clear(&n->links);
  al_book_clear(&n->book);
  al_node_keys_clear(n);
  al_node_stored_clear(n);
  al_keyring_clear(&n->identity, &a);
  al_rng_clear(&n->rng);
  al_node_neighbours_clear(n);
  al_delete(&a, n->touched, n->limits.links_max * sizeof *n->touched);
  al_delete(&a, n->stale, n->stale_max * sizeof *n->stale);
  al_delete(&a, n->addresses, n->addresses_count * sizeof *n->addresses);
  al_delete(&a, n->rules, n->rules_count * sizeof *n->rules);
  al_delete(&a, n->joins, n->joins_count * sizeof *n->joins);
  if (n->names != NULL) {
    al_wipe(n->names, (size_t)n->network_len + n->secret_len);
    al_delete(&a, n->names, (size_t)n->network_len + n->secret_len);
  }
  al_wipe(n, sizeof *n);
  al_delete(&a, n, sizeof *n);
}

uint64_t al_node_wall_s(const al_node *n) {
  return n->wall_s + al_time_since(n->now, n->started) / AL_SECOND;
}

/* Events always fit: the pump leaves AL_NODE_EVENT_ROOM free, and the host's queue is larger than
 * its streams (al_work_new). */
void al_node_tell(al_node *n, al_work *w, const al_event *ev) {
  (void)n;
  bool told = al_work_event(w, ev);
  AL_ASSERT(told);
}

/* What a host hears of the end of a link: refused for what it is, or anything else. */
static al_err why_ended(uint32_t code, al_err otherwise) {
  bool refused = code == AL_LINK_CODE_IDENTITY || code == AL_LINK_CODE_DESCRIPTOR;
  return refused ? AL_ECRYPTO : otherwise;
}

static void on_rx(al_node *n, al_work *w, const al_input *in) {
  al_link link = in->link;
  al_buf buf = in->u.rx.buf;
  al_link_in got;
  al_span frame = {al_buf_ptr(w, buf), in->u.rx.len};
  al_link_verdict v = al_link_rx(&n->links, link, frame, n->now, &got);
  if (v == AL_LINK_DROP) {
    al_buf_drop(w, buf);
    return;
  }
  al_node_touch(n, link);
  if (got.descriptor.len != 0) al_node_descriptor_came(n, w, link, got.descriptor, false);
  if (got.became_up) al_node_link_authenticated(n, w, link, &got.peer);
  bool keep_slot = false;
  if (v == AL_LINK_CELL) {
    al_node_cell(n, w, link, buf);
    buf = 0;
  } else if (v == AL_LINK_MESSAGE && got.message.kind == AL_MESSAGE_SPHINX) {
    keep_slot = al_node_setup(n, w, link, &got.message, got.slot);
  } else if (v == AL_LINK_MESSAGE && got.message.kind == AL_MESSAGE_DHT) {
    al_node_dht_message(n, w, link, (al_span){got.message.ptr, got.message.len});
  } else if (v == AL_LINK_MESSAGE && got.message.kind == AL_MESSAGE_PROBE) {
    al_node_health_message(n, link, al_view(got.message.ptr, got.message.len));
  } else if (v == AL_LINK_MESSAGE) {
    al_node_message(n, w, link, &got.message);
  } else if (v == AL_LINK_CLOSED) {
    al_node_neighbour_of(n, link)->bye = true;
    al_node_neighbour_of(n, link)->ends = got.code == AL_LINK_CODE_SHUTDOWN;
    al_node_link_lost(n, w, link, why_ended(got.code, AL_ECLOSED), true);
  }
  if (!keep_slot) al_link_message_done(&n->links, got.slot);
  al_buf_drop(w, buf);
}

static void on_link_up(al_node *n, al_work *w, const al_input *in) {
  node_neighbour *nb = al_node_neighbour_of(n, in->link);
  nb->open = true;
  if (al_link_up(&n->links, in->link, n->now, in->u.binding) != AL_OK) {
    al_node_link_lost(n, w, in->link, AL_EFULL, true);
    return;
  }
  al_node_touch(n, in->link);
}

static void on_links_time(al_node *n, al_work *w) {
  al_link_event ev;
  while (al_work_may_tell(w) && al_links_tick(&n->links, n->now, &ev)) {
    if (ev.kind != AL_LINK_EVENT_DEAD) {
      if (ev.kind == AL_LINK_EVENT_DOUBT) al_node_health_doubt(n, ev.link);
      al_node_touch(n, ev.link);
    } else {
      if (ev.code == AL_LINK_CODE_DEAD) al_node_health_dead(n, ev.link);
      al_node_link_lost(n, w, ev.link, why_ended(ev.code, AL_EAGAIN), true);
    }
  }
}

/* Say CLOSE on every link and let it go, as many as the queue takes; then leave the clean mark. */
static void close_links(al_node *n, al_work *w) {
  uint32_t cursor = 0;
  for (al_link l; (l = al_link_each(&n->links, &cursor)) != 0;) {
    if (!al_work_may_send(w)) {
      n->again = true;
      return;
    }
    if (al_link_send_close(&n->links, l, n->now, AL_LINK_CODE_SHUTDOWN) == AL_OK) {
      al_node_touch(n, l);
      al_node_pump_all(n, w);
    }
    al_node_link_lost(n, w, l, AL_ECLOSED, true);
  }
  al_node_store_guards(n, w);
  al_node_store_u64(n, w, "clean", 1);
  n->ended = true;
}

static void on_tick(al_node *n, al_work *w) {
  al_circuit_gone gone;
  on_links_time(n, w);
  while (n->awake && al_circuit_tick(n->circuits, n->now, &gone)) {
    al_node_circuit_gone(n, w, &gone);
  }
  if (al_gossip_deadline(&n->gossip) <= n->now) al_gossip_tick(&n->gossip, n->now);
  if (n->awake && al_streams_deadline(n->streams) <= n->now) {
    al_streams_tick(n->streams, n->now);
  }
  if (al_node_health_deadline(n) <= n->now) al_node_health_tick(n);
  al_node_meets_tick(n, w, false);
  if (n->closing && !n->ended) close_links(n, w);
  if (n->house_at > n->now) return;
  n->house_at = n->now + AL_NODE_HOUSE_US;
  al_node_keys_house(n, w);
  al_node_neighbours_house(n, w);
  al_node_dht_house(n, w);
  al_node_pending_house(n, w);
  al_node_origins_house(n, w);
  al_node_circuits_house(n, w);
  al_node_records_house(n, w);
  al_node_meets_tick(n, w, true);
  al_node_store_guards(n, w);
  al_node_forget_stale(n, w);
  al_node_stored_sweep(n, w);
}

void al_node_finish(al_node *n, al_work *w) {
  n->again = n->starved = false;
  if (n->awake) {
    al_node_origins_settle(n, w);
    if (n->orphans != 0) al_node_meet_settle(n, w);
    al_node_trips_settle(n, w);
    (void)al_node_flow_events(n, w);
    al_node_desc_settle(n, w);
    al_node_flow_wants(n);
  }
  al_node_gossip_send(n, w);
  al_node_dht_pump(n, w);
  al_node_pump_all(n, w);
}

static void begin(al_node *n, al_work *w) {
  n->begun = true;
  al_node_keys_begin(n, w);
}

al_err al_node_input(al_node *n, al_work *w, const al_input *in) {
  AL_ASSERT(al_work_drained(w));
  al_node_ask_reap(n);
  if (n->awake) al_streams_reap(n->streams); /* no event of an earlier input is outstanding */
  if (in->now > n->now) n->now = in->now;
  if (!n->begun) begin(n, w);
  bool told = !n->events_left || al_node_flow_events(n, w);
  if (in->kind == AL_IN_RX && !told) { /* as if lost on the way */
    al_buf_drop(w, in->u.rx.buf);
    return AL_OK;
  }
  if (in->kind != AL_IN_TICK && in->kind != AL_IN_SEED &&
      al_node_neighbour_of(n, in->link) == NULL) {
    if (in->kind == AL_IN_RX) al_buf_drop(w, in->u.rx.buf);
    return AL_ENOTFOUND;
  }
  switch (in->kind) {
    case AL_IN_TICK:
      on_tick(n, w);
      break;
    case AL_IN_RX:
      on_rx(n, w, in);
      break;
    case AL_IN_LINK_UP:
      on_link_up(n, w, in);
      break;
    case AL_IN_LINK_DOWN: /* its CLOSE may have been overtaken */
      if (in->u.down == AL_DOWN_PEER) al_node_neighbour_of(n, in->link)->bye = true;
      al_node_link_lost(n, w, in->link, in->u.down == AL_DOWN_CERT ? AL_ECRYPTO : AL_ECLOSED,
                        false);
      break;
    case AL_IN_LINK_CREDIT:
      al_node_neighbour_of(n, in->link)->credit = in->u.credit_bytes;
      al_node_touch(n, in->link);
      break;
    case AL_IN_SEED:
      al_rng_add(&n->rng, in->u.seed);
      break;
  }
  al_node_finish(n, w);
  return AL_OK;
}

al_time al_node_deadline(const al_node *n) {
  if ((n->again && !n->starved) || !n->begun) return n->now;
  al_time t = n->again ? al_min_u64(n->house_at, n->now + AL_MS) : n->house_at;
  t = al_min_u64(t, al_links_deadline(&n->links));
  t = al_min_u64(t, al_node_health_deadline(n));
  t = al_min_u64(t, al_gossip_deadline(&n->gossip));
  t = al_min_u64(t, al_dht_deadline(&n->dht));
  if (!n->awake) return t;
  t = al_min_u64(t, al_circuit_deadline(n->circuits));
  t = al_min_u64(t, al_node_meets_deadline(n));
  return al_min_u64(t, al_streams_deadline(n->streams));
}

al_err al_node_reconfigure(al_node *n, al_work *w, al_time now, const al_config *c) {
  if (!face_valid(c)) return AL_EINVAL;
  if (now > n->now) n->now = now;
  al_err e = take_face(n, c);
  if (e != AL_OK) return e;
  al_node_dht_face(n);
  al_links_set(&n->links, n->padding, al_node_wall_s(n), n->now);
  e = al_node_publish(n);
  al_gossip_urgent(&n->gossip, n->now);
  al_node_store_u64(n, w, "seq", n->sequence);
  al_node_finish(n, w);
  return e;
}

void al_node_shutdown(al_node *n, al_work *w, al_time now) {
  if (now > n->now) n->now = now;
  if (!n->begun) begin(n, w); /* else a clean mark would vouch for tags of a run before */
  n->closing = true;
  n->again = n->starved = false;
  al_node_ask_end_all(n, w);
  al_node_origins_end(n, w);
  close_links(n, w);
  (void)al_node_flow_events(n, w);
}
