/* pump.c — what leaves on a link, and in which order: the link's own urgent frames, cells that go
 * ahead of queues, then fragments of messages and cells of circuits in turns, as far as the
 * transport has credit. */
#include "node/parts.h"

void al_node_touch(al_node *n, al_link link) {
  node_neighbour *nb = al_node_neighbour_of(n, link);
  if (nb == NULL || nb->touched) return;
  nb->touched = true;
  n->touched[n->touched_count++] = (uint16_t)al_slab_index(link);
}

static bool urgent_push(al_node *n, uint32_t index, const node_urgent *item) {
  uint32_t i = n->urgent_free;
  if (i == 0) return false;
  node_ahead *q = &n->ahead[index];
  node_urgent *u = &n->urgent[i - 1];
  n->urgent_free = u->next;
  *u = *item;
  u->next = 0;
  if (q->tail != 0) {
    n->urgent[q->tail - 1].next = i;
  } else {
    q->head = i;
  }
  q->tail = i;
  q->count++;
  return true;
}

static bool urgent_pop(al_node *n, uint32_t index, node_urgent *ret) {
  node_ahead *q = &n->ahead[index];
  uint32_t i = q->head;
  if (i == 0) return false;
  node_urgent *u = &n->urgent[i - 1];
  *ret = *u;
  q->head = u->next;
  if (q->head == 0) q->tail = 0;
  u->next = n->urgent_free;
  n->urgent_free = i;
  q->count--;
  return true;
}

void al_node_urgent_buf(al_node *n, al_work *w, al_link link, al_buf buf) {
  node_neighbour *nb = al_node_neighbour_of(n, link);
  node_urgent item = {.buf = buf};
  if (nb == NULL || !nb->up || !urgent_push(n, al_slab_index(link), &item)) {
    al_count(&n->counters, AL_COUNT_node_urgent_full);
    al_buf_drop(w, buf);
    return;
  }
  al_node_touch(n, link);
}

void al_node_urgent_destroy(al_node *n, al_link link, uint32_t id, al_reason reason) {
  node_neighbour *nb = al_node_neighbour_of(n, link);
  node_urgent item = {.id = id, .reason = reason};
  if (nb == NULL || !nb->up) return;
  if (!urgent_push(n, al_slab_index(link), &item)) {
    al_count(&n->counters, AL_COUNT_node_urgent_full);
    return;
  }
  al_node_touch(n, link);
}

void al_node_urgent_clear(al_node *n, al_work *w, uint32_t index) {
  node_urgent u = {0};
  while (n->ahead != NULL && urgent_pop(n, index, &u)) al_buf_drop(w, u.buf);
}

static void send(al_work *w, node_neighbour *nb, al_channel ch, al_buf b, size_t len) {
  bool sent = al_work_tx(w, nb->link, ch, b, len);
  AL_ASSERT(sent); /* room was checked */
  /* Both channels fill the same transport; heartbeats go without credit too. */
  nb->credit -= (uint32_t)al_min_u64(nb->credit, len);
}

static bool may_send(const al_node *n, al_work *w, const node_neighbour *nb) {
  (void)n;
  return nb->credit >= AL_FRAME_BYTES && al_work_may_send(w);
}

/* One frame that the link itself wants to send. */
static bool pump_own(al_node *n, al_work *w, node_neighbour *nb) {
  al_channel ch = AL_CHANNEL_BULK;
  al_buf b = al_buf_take(w);
  if (b == 0) {
    n->again = n->starved = true;
    return false;
  }
  size_t len = al_link_next(&n->links, nb->link, n->now, al_buf_ptr(w, b), &ch);
  if (len == 0) {
    al_buf_drop(w, b);
    return false;
  }
  send(w, nb, ch, b, len);
  return true;
}

static bool pump_urgent(al_node *n, al_work *w, node_neighbour *nb) {
  node_urgent u = {0};
  uint32_t index = al_slab_index(nb->link);
  if (n->ahead == NULL || n->ahead[index].head == 0) return false;
  if (!al_link_may_seal(&n->links, nb->link)) return false;
  if (n->urgent[n->ahead[index].head - 1].buf == 0) { /* a DESTROY needs a buffer now */
    al_buf b = al_buf_take(w);
    if (b == 0) {
      n->again = n->starved = true;
      return false;
    }
    (void)urgent_pop(n, index, &u);
    al_circuit_destroy_cell(al_buf_ptr(w, b) + AL_LINK_CELL_AT, u.id, u.reason);
    u.buf = b;
  } else {
    (void)urgent_pop(n, index, &u);
  }
  al_link_seal(&n->links, nb->link, n->now, al_buf_ptr(w, u.buf));
  send(w, nb, AL_CHANNEL_BULK, u.buf, AL_FRAME_BYTES);
  return true;
}

/* Let a circuit of ours make a cell: the stream fills it, the onion layers go over it. */
static al_buf originate(al_node *n, al_work *w, al_circ circ) {
  al_buf b = al_buf_take(w);
  if (b == 0) {
    n->again = n->starved = true;
    return 0;
  }
  uint8_t *cell = al_buf_ptr(w, b) + AL_LINK_CELL_AT;
  al_link link;
  uint8_t hop = 0;
  al_circuit_info info;
  if (al_node_flow_fill(n, circ, cell + AL_CIRCUIT_PAYLOAD_AT)) {
    if (al_circuit_info_get(n->circuits, circ, n->now, &info) && info.role == AL_CIRCUIT_ORIGIN) {
      hop = info.hops;
    }
    if (al_circuit_seal(n->circuits, circ, hop, cell, &link) == AL_OK) return b;
  }
  al_circuit_want_send(n->circuits, circ, false);
  al_buf_drop(w, b);
  return 0;
}

/* One cell of a circuit, if one may go. */
static bool pump_circuit(al_node *n, al_work *w, node_neighbour *nb) {
  al_pick p;
  while (al_circuit_pick(n->circuits, nb->link, n->now, &p)) {
    if (p.drop != 0) {
      al_buf_drop(w, p.drop);
      continue;
    }
    al_buf b = p.send != 0 ? p.send : originate(n, w, p.circ);
    if (b == 0) {
      if (n->again) return false;
      continue;
    }
    al_link_seal(&n->links, nb->link, n->now, al_buf_ptr(w, b));
    send(w, nb, AL_CHANNEL_BULK, b, AL_FRAME_BYTES);
    return true;
  }
  return false;
}

static bool pump_one(al_node *n, al_work *w, node_neighbour *nb) {
  if (pump_urgent(n, w, nb)) return true;
  bool message = al_link_has_message(&n->links, nb->link);
  bool cells = n->awake && al_link_may_seal(&n->links, nb->link);
  if (message && (nb->message_turn || !cells)) {
    nb->message_turn = false;
    return pump_own(n, w, nb);
  }
  if (cells && pump_circuit(n, w, nb)) {
    nb->message_turn = true;
    return true;
  }
  return message && !n->again && pump_own(n, w, nb);
}

static void pump_link(al_node *n, al_work *w, node_neighbour *nb) {
  if (!nb->open) return;
  /* Heartbeats go without credit too: the transport may drop what does not fit. */
  while (al_link_has_urgent(&n->links, nb->link) && al_work_may_send(w)) {
    if (nb->credit < AL_FRAME_BYTES && !al_link_urgent_is_rt(&n->links, nb->link)) return;
    if (!pump_own(n, w, nb)) break;
  }
  while (may_send(n, w, nb)) {
    if (!pump_one(n, w, nb)) return;
  }
  if (!al_work_may_send(w)) n->again = true;
}

void al_node_pump_all(al_node *n, al_work *w) {
  uint32_t i = 0;
  while (i < n->touched_count) {
    node_neighbour *nb = al_node_neighbour_at(n, n->touched[i]);
    if (nb->link != 0 && nb->touched) pump_link(n, w, nb);
    if (n->again) { /* keep the rest, this one included, for the next input */
      memmove(n->touched, n->touched + i, (n->touched_count - i) * sizeof *n->touched);
      n->touched_count -= i;
      return;
    }
    nb->touched = false;
    i++;
  }
  n->touched_count = 0;
}
