/* neighbour.c — links and what is learnt over them: dialling, joining, coming up, going down, and
 * the exchange of descriptors. Which links there should be is decided in wants.c. */
#include "node/health.h"
#include "node/records.h"
#include "node/wants.h"

node_neighbour *al_node_neighbour_of(al_node *n, al_link link) {
  uint32_t i = al_slab_index(link);
  if (link == 0 || i >= n->neighbours_len) return NULL;
  node_neighbour *nb = al_node_neighbour_at(n, i);
  return nb->link == link ? nb : NULL;
}

al_err al_node_links_reserve(al_node *n, uint32_t links) {
  while (n->neighbours_len < links) {
    node_neighbour *piece = al_new_array(&n->alloc, AL_NODE_LINKS_STEP, sizeof *piece);
    if (piece == NULL) return AL_ENOMEM;
    n->neighbours[n->neighbours_len / AL_NODE_LINKS_STEP] = piece;
    n->neighbours_len += AL_NODE_LINKS_STEP;
  }
  al_err e = al_gossip_reserve(&n->gossip, links);
  return e == AL_OK ? al_dht_reserve(&n->dht, links) : e;
}

void al_node_neighbours_clear(al_node *n) {
  while (n->neighbours_len != 0) {
    n->neighbours_len -= AL_NODE_LINKS_STEP;
    al_delete(&n->alloc, al_node_neighbour_at(n, n->neighbours_len),
              AL_NODE_LINKS_STEP * sizeof(node_neighbour));
  }
  al_delete(&n->alloc, n->neighbours, AL_NODE_PIECES(n->limits.links_max) * sizeof(void *));
}

node_neighbour *al_node_neighbour_each(const al_node *n, uint32_t *cursor) {
  while (*cursor < n->neighbours_len) {
    node_neighbour *nb = al_node_neighbour_at(n, (*cursor)++);
    if (nb->link != 0) return nb;
  }
  return NULL;
}

node_neighbour *al_node_neighbour_new(al_node *n, al_link link, bool open) {
  if (al_node_links_reserve(n, al_slab_index(link) + 1) != AL_OK) return NULL;
  node_neighbour *nb = al_node_neighbour_at(n, al_slab_index(link));
  bool touched = nb->touched; /* the index may still be in the list of its predecessor */
  AL_ASSERT(nb->link == 0);
  *nb = (node_neighbour){.link = link, .open = open, .since = n->now, .touched = touched};
  nb->used_ms = (uint32_t)(n->now / AL_MS);
  return nb;
}

/* A peer whose descriptor is known is asked nothing first. */
al_err al_node_dial(al_node *n, al_work *w, const al_id *peer, al_bytes address, al_link *ret) {
  al_link link;
  const al_peer_entry *known =
      peer == NULL ? NULL : al_book_get(&n->book, al_book_find(&n->book, peer));
  uint8_t record[AL_DESC_BYTES_MAX];
  al_wr w_record = al_wr_init(record, sizeof record);
  if (known != NULL) al_entry_write(known, &w_record);
  al_err e = al_link_dial(&n->links, n->now, peer, al_wr_view(&w_record), &link);
  if (e == AL_EFULL && al_node_make_room(n, w))
    e = al_link_dial(&n->links, n->now, peer, al_wr_view(&w_record), &link);
  if (e != AL_OK) return e;
  node_neighbour *nb = al_node_neighbour_new(n, link, false);
  if (nb == NULL || !al_work_open(w, link, address)) { /* nobody has heard of it yet */
    if (nb != NULL) nb->link = 0;
    al_link_free(&n->links, link);
    return nb != NULL ? AL_EFULL : AL_ENOMEM;
  }
  *ret = link;
  return AL_OK;
}

/* Which address of a node to dial: another one each time, so that one that is dead does not matter
 * for long. */
al_err al_node_dial_peer(al_node *n, al_work *w, const al_id *peer) {
  const al_peer_entry *e = al_book_get(&n->book, al_book_find(&n->book, peer));
  if (e == NULL || e->desc.addresses_count == 0) return AL_ENOTFOUND;
  if (al_link_find_dialling(&n->links, peer) != 0) return AL_OK;
  uint32_t pick = (uint32_t)al_rng_below(&n->rng, e->desc.addresses_count);
  al_link link;
  return al_node_dial(n, w, peer, e->desc.addresses[pick], &link);
}

static bool same_address(const node_address *a, al_bytes b) {
  return a->len == b.len && memcmp(a->bytes, b.ptr, b.len) == 0;
}

static bool own_address(const al_node *n, al_bytes a) {
  for (uint32_t i = 0; i < n->addresses_count; i++) {
    if (same_address(&n->addresses[i], a)) return true;
  }
  return false;
}

/* One place more for an address to join through; false when there are enough or memory is out. */
static bool joins_grow(al_node *n) {
  if (n->joins_count == AL_NODE_JOINS_MAX) return false;
  node_join *more = al_new_array(&n->alloc, n->joins_count + 1, sizeof *more);
  if (more == NULL) return false;
  if (n->joins_count != 0) memcpy(more, n->joins, n->joins_count * sizeof *more);
  al_delete(&n->alloc, n->joins, n->joins_count * sizeof *more);
  n->joins = more;
  n->joins_count++;
  return true;
}

/* Remember an address to go back to when nobody is there any more; the oldest gives way. */
static void keep_join(al_node *n, const al_join_to *j) {
  uint32_t slot = 0;
  while (slot < n->joins_count && !same_address(&n->joins[slot].address, j->address)) slot++;
  if (slot == n->joins_count) {
    if (!joins_grow(n)) slot = n->joins_next;
    if (slot >= n->joins_count) return;
    n->joins_next = (slot + 1) % AL_NODE_JOINS_MAX;
  }
  node_join *to = &n->joins[slot];
  memcpy(to->address.bytes, j->address.ptr, j->address.len);
  to->address.len = (uint8_t)j->address.len;
  to->peer = j->peer != NULL ? *j->peer : (al_id){0};
}

al_err al_node_join_peer(al_node *n, al_work *w, al_time now, const al_join_to *j, al_link *ret) {
  al_address a;
  if (now > n->now) n->now = now;
  if (al_address_decode(j->address, &a) != AL_OK || own_address(n, j->address)) return AL_EINVAL;
  keep_join(n, j);
  al_err e = al_node_dial(n, w, j->peer, j->address, ret);
  al_node_finish(n, w);
  return e;
}

al_err al_node_join(al_node *n, al_work *w, al_time now, al_bytes address) {
  al_link link;
  al_join_to j = {.address = address};
  return al_node_join_peer(n, w, now, &j, &link);
}

al_err al_node_accept(al_node *n, al_work *w, al_time now, const uint8_t binding[32],
                      al_link *ret) {
  if (now > n->now) n->now = now;
  if (n->closing) return AL_EFULL;
  al_err e = al_link_accept(&n->links, n->now, binding, ret);
  if (e == AL_EFULL && al_node_make_room(n, w)) e = al_link_accept(&n->links, n->now, binding, ret);
  if (e != AL_OK) return AL_EFULL;
  if (al_node_neighbour_new(n, *ret, true) == NULL) {
    al_link_free(&n->links, *ret);
    return AL_EFULL;
  }
  al_node_finish(n, w);
  return AL_OK;
}

void al_node_link_authenticated(al_node *n, al_work *w, al_link link, const al_id *peer) {
  node_neighbour *nb = al_node_neighbour_of(n, link);
  if (nb == NULL || nb->up) return;
  nb->up = true;
  n->up_count++;
  if (n->awake && al_circuit_link_up(n->circuits, link, al_link_is_initiator(&n->links, link),
                                     n->now) != AL_OK) {
    al_node_link_lost(n, w, link, AL_EFULL, true);
    return;
  }
  nb->pinned = al_book_find(&n->book, peer);
  al_book_pin(&n->book, nb->pinned, true);
  al_gossip_link_up(&n->gossip, link, n->now);
  const al_peer_entry *known = al_book_get(&n->book, nb->pinned);
  al_dht_link_up(&n->dht, link, peer, known != NULL ? known->group : 0, n->now);
  al_node_records_open(n);
  al_guards_reached(n->guards, peer);
  al_node_found(n, peer);
  al_gossip_alive(&n->gossip, peer, n->now);
  n->join_wait_us = 0;
  al_event ev = {.kind = AL_EV_LINK_UP, .link = link, .peer = *peer};
  ev.duration_us = (uint32_t)al_min_u64(al_time_since(n->now, nb->since), UINT32_MAX);
  nb->since = n->now;
  al_node_tell(n, w, &ev);
  al_node_pending_link(n, w, link, peer);
  al_node_origin_link(n, w, peer);
  al_node_trip_link(n, w, peer);
}

/* Whoever waited for a link to this node tries another way. */
static void dial_failed(al_node *n, al_work *w, const al_id *peer) {
  if (al_link_find_by_peer(&n->links, peer) != 0 || al_link_find_dialling(&n->links, peer) != 0) {
    return;
  }
  if (n->up_count != 0) al_guards_failed(n->guards, peer, al_node_wall_s(n));
  al_node_pending_failed(n, w, peer);
  al_node_origin_link_failed(n, peer);
  al_node_trip_link_failed(n, peer);
}

/* Known as nothing but a client: every circuit on a link with it is its own, and when it says that
 * it ends it is done with them, whether or not its DESTROY comes before its CLOSE. */
static bool is_client(const al_node *n, const al_id *id) {
  const al_peer_entry *e = al_book_get(&n->book, al_book_find(&n->book, id));
  return e != NULL && (e->desc.flags & (AL_DESC_RELAY | AL_DESC_EXIT)) == 0;
}

void al_node_link_lost(al_node *n, al_work *w, al_link link, al_err why, bool close_transport) {
  node_neighbour *nb = al_node_neighbour_of(n, link);
  al_circuit_gone gone;
  al_id peer;
  if (nb == NULL) return;
  bool was_up = nb->up;
  bool known = al_link_peer(&n->links, link, &peer);
  al_node_urgent_clear(n, w, al_slab_index(link));
  nb->link = 0;
  nb->up = nb->open = false;
  if (was_up) {
    n->up_count--;
    bool done = nb->ends && known && is_client(n, &peer);
    while (al_circuit_link_down(n->circuits, link, &gone)) {
      if (done) gone.reason = AL_REASON_DONE;
      al_node_circuit_gone(n, w, &gone);
    }
    al_gossip_link_down(&n->gossip, link, n->now);
    al_dht_link_down(&n->dht, link, n->now);
  }
  al_link_free(&n->links, link);
  if (close_transport) {
    bool asked = al_work_close(w, link);
    AL_ASSERT(asked);
  }
  al_event ev = {.kind = was_up ? AL_EV_LINK_DOWN : AL_EV_LINK_FAILED, .link = link, .err = why};
  if (known) ev.peer = peer;
  al_node_tell(n, w, &ev);
  if (was_up && !nb->bye && !n->closing) al_node_miss(n, nb->pinned);
  if (was_up && known && (nb->ends || (why == AL_EAGAIN && n->up_count != 0)))
    al_gossip_dead(&n->gossip, &peer, n->now);
  al_book_pin(&n->book, nb->pinned, false); /* this very entry; it may be gone, or new */
  nb->pinned = 0;
  if (known) dial_failed(n, w, &peer);
}

/* ---- descriptors ---- */

static void count_verdict(al_node *n, al_book_verdict v) {
  switch (v) {
    case AL_BOOK_MALFORMED:
      al_count(&n->counters, AL_COUNT_gossip_parse);
      break;
    case AL_BOOK_EXPIRED:
      al_count(&n->counters, AL_COUNT_gossip_expired);
      break;
    case AL_BOOK_PUZZLE:
      al_count(&n->counters, AL_COUNT_gossip_puzzle);
      break;
    case AL_BOOK_SIGNATURE:
      al_count(&n->counters, AL_COUNT_gossip_signature);
      break;
    case AL_BOOK_FULL:
      al_count(&n->counters, AL_COUNT_gossip_full);
      break;
    case AL_BOOK_STALE:
      al_count(&n->counters, AL_COUNT_gossip_stale);
      break;
    default:
      break;
  }
}

/* A record that the sample does not take may have been fetched for neighbours: they get it if it is
 * signed as it must be, so that nobody is blamed for what somebody else forged. */
static bool pass_on(al_node *n, al_link from, al_bytes record) {
  al_desc d;
  al_link to[AL_GOSSIP_FOR];
  if (al_desc_decode(record, &d) != AL_OK) return false;
  al_id id = al_node_id(n->suite, d.sig_pk);
  uint32_t count = al_gossip_transit(&n->gossip, &id, from, to);
  if (count == 0 || al_descriptor_verify(n->suite, &d) != AL_OK) return false;
  for (uint32_t i = 0; i < count; i++) {
    if (!al_link_may_message(&n->links, to[i], AL_MESSAGE_DESCRIPTOR)) continue;
    (void)al_link_send_message(&n->links, to[i], AL_MESSAGE_DESCRIPTOR, 0, record);
    al_node_touch(n, to[i]);
  }
  return true;
}

void al_node_descriptor_came(al_node *n, al_work *w, al_link from, al_bytes record, bool asked) {
  al_peer peer = 0;
  al_book_source src = {.suite = n->suite, .wall_s = al_node_wall_s(n)};
  src.options = AL_BOOK_MAKE_ROOM | (n->simulation ? 0 : AL_BOOK_CHECK_PUZZLE);
  if (!asked) src.options |= AL_BOOK_ANYBODY; /* a neighbour's own */
  al_book_verdict v = al_book_put(&n->book, &src, record, &peer);
  if (v == AL_BOOK_NEW || v == AL_BOOK_NEWER) {
    al_gossip_learned(&n->gossip, &al_book_get(&n->book, peer)->id, from, n->now);
    al_node_store_peer(n, w, peer);
    return;
  }
  if (asked && v == AL_BOOK_FULL && pass_on(n, from, record)) return;
  count_verdict(n, v);
  if (!asked) return;
  al_gossip_refused(&n->gossip, from, v, n->now);
}

void al_node_message(al_node *n, al_work *w, al_link link, const al_link_message *m) {
  al_bytes bytes = al_view(m->ptr, m->len);
  uint32_t since = n->gossip.news_count;
  al_id accused;
  if (al_gossip_rx(&n->gossip, link, m->kind, bytes, n->now) == AL_GOSSIP_DESCRIPTOR) {
    al_node_descriptor_came(n, w, link, bytes, true);
  }
  while (al_gossip_accused(&n->gossip, &since, &accused)) al_node_health_rumour(n, &accused);
}

void al_node_gossip_send(al_node *n, al_work *w) {
  uint32_t cursor = 0;
  for (al_link l; (l = al_gossip_ready(&n->gossip, &cursor)) != 0;) {
    while (al_link_may_message(&n->links, l, AL_MESSAGE_DESCRIPTOR)) {
      al_wr wr = al_wr_init(al_work_scratch(w), AL_WORK_SCRATCH_BYTES);
      al_message_kind kind;
      if (!al_gossip_next(&n->gossip, l, n->now, &wr, &kind)) break;
      (void)al_link_send_message(&n->links, l, kind, 0, al_wr_view(&wr));
      al_node_touch(n, l);
    }
  }
}

/* ---- housekeeping ---- */

/* Guards stay in the book however full it gets. */
static void pin_guards(al_node *n) {
  for (uint32_t i = 0; n->awake && i < AL_GUARDS_MAX; i++) {
    const al_id *id = &n->guards->slot[i].id;
    al_peer want = al_id_is_zero(id) ? 0 : al_book_find(&n->book, id);
    if (n->busy->guard_pins[i] == want) continue;
    al_book_pin(&n->book, n->busy->guard_pins[i], false);
    al_book_pin(&n->book, want, true);
    n->busy->guard_pins[i] = want;
  }
}

void al_node_neighbours_house(al_node *n, al_work *w) {
  if (n->closing) return;
  (void)al_book_expire(&n->book, al_node_wall_s(n));
  pin_guards(n);
  al_node_wants_house(n, w);
  uint32_t known = al_book_count_fresh(&n->book, al_node_wall_s(n));
  if (known != n->peers_told) {
    n->peers_told = known;
    al_event ev = {.kind = AL_EV_PEERS, .count = known};
    al_node_tell(n, w, &ev);
  }
}
