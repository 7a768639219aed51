/* inspect.c — looking into a node: al_inspect.h. */
#include "node/meet.h"

void al_inspect_node(const al_node *n, al_node_info *ret) {
  *ret = (al_node_info){.id = n->identity.id};
  uint32_t cursor = 0;
  for (uint32_t i = 0; i < n->neighbours_len; i++) {
    const node_neighbour *nb = al_node_neighbour_at(n, i);
    if (nb->link == 0) continue;
    ret->links++;
    if (nb->up) ret->links_up++;
  }
  for (al_peer p; (p = al_book_each(&n->book, &cursor)) != 0;) {
    const al_peer_entry *e = al_book_get(&n->book, p);
    if (!al_book_fresh(e, al_node_wall_s(n))) continue;
    ret->peers++;
    if ((e->desc.flags & AL_DESC_RELAY) != 0) ret->relays++;
    if ((e->desc.flags & AL_DESC_EXIT) != 0) ret->exits++;
  }
  ret->circuits_origin = al_circuit_count(n->circuits, AL_CIRCUIT_ORIGIN);
  ret->circuits_relay = al_circuit_count(n->circuits, AL_CIRCUIT_RELAY);
  ret->circuits_end = al_circuit_count(n->circuits, AL_CIRCUIT_END);
  ret->streams = al_slab_count(&n->streams->streams);
  ret->wall_s = al_node_wall_s(n);
  ret->epoch = ret->wall_s / AL_EPOCH_S;
  ret->relay = n->relay;
  ret->exit = n->rules_count != 0;
}

bool al_inspect_link(const al_node *n, uint32_t index, al_link_info *ret) {
  for (uint32_t i = 0; i < n->neighbours_len; i++) {
    const node_neighbour *nb = al_node_neighbour_at(n, i);
    al_link_stats s;
    if (nb->link == 0 || index-- != 0) continue;
    if (!al_link_get_stats(&n->links, nb->link, &s)) return false;
    *ret = (al_link_info){.link = nb->link,
                          .peer = s.peer,
                          .up = nb->up,
                          .initiator = s.initiator,
                          .rtt_us = s.rtt_us,
                          .frames_tx = s.frames_tx,
                          .frames_rx = s.frames_rx};
    if (nb->up) ret->up_us = al_time_since(n->now, nb->since);
    ret->circuits = nb->up ? al_circuit_link_count(n->circuits, nb->link) : 0;
    return true;
  }
  return false;
}

static al_circ circuit_at(const al_node *n, uint32_t index) {
  uint32_t cursor = 0;
  al_circ c;
  while ((c = al_circuit_each(n->circuits, &cursor)) != 0) {
    if (index-- == 0) return c;
  }
  return 0;
}

bool al_inspect_circuit(const al_node *n, uint32_t index, al_circuit_info *ret) {
  al_circ c = circuit_at(n, index);
  al_bundle_info b;
  if (c == 0 || !al_circuit_info_get(n->circuits, c, n->now, ret)) return false;
  uint32_t path, end = al_node_end_of(n, c, &path);
  if (end == 0 && al_node_session_look(n, c, &b)) {
    ret->streams = b.streams;
    ret->rtt_us = b.rtt_us;
  }
  if (end == 0) return true;
  if (al_bundle_look(n->streams, n->ends[end - 1].bundle, path, &b)) {
    ret->streams = b.streams;
    ret->rtt_us = b.rtt_us;
  }
  return true;
}

bool al_inspect_peer(const al_node *n, uint32_t index, al_peer_info *ret) {
  uint32_t cursor = 0;
  for (al_peer p; (p = al_book_each(&n->book, &cursor)) != 0;) {
    if (index-- != 0) continue;
    const al_peer_entry *e = al_book_get(&n->book, p);
    *ret = (al_peer_info){.id = e->id,
                          .sequence = e->desc.sequence,
                          .expiry_s = e->desc.expiry_s,
                          .relay = (e->desc.flags & AL_DESC_RELAY) != 0,
                          .exit = (e->desc.flags & AL_DESC_EXIT) != 0,
                          .guard = al_guards_has(n->guards, &e->id),
                          .doubted = al_book_doubted(&n->book, p),
                          .linked = al_link_find_by_peer(&n->links, &e->id) != 0,
                          .addresses_count = e->desc.addresses_count};
    if (e->desc.addresses_count != 0) ret->address = e->desc.addresses[0];
    return true;
  }
  return false;
}

bool al_inspect_counter(const al_node *n, uint32_t index, const char **name, const char **text,
                        uint64_t *value) {
  if (index >= AL_COUNT__COUNT) return false;
  *name = al_counter_name(index);
  *text = al_counter_text(index);
  *value = n->counters.v[index];
  return true;
}

al_bytes al_inspect_descriptor(const al_node *n, uint8_t *buf, size_t cap) {
  al_wr w = al_wr_init(buf, cap);
  al_entry_write(al_book_own(&n->book), &w);
  return al_wr_view(&w);
}

bool al_inspect_record(const al_node *n, const al_id *key, uint32_t *lifetime_s) {
  al_record_held h;
  if (!al_records_get(&n->records.store, key, al_node_wall_s(n), NULL, &h)) return false;
  *lifetime_s = h.lifetime_s;
  return true;
}
