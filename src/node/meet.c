/* meet.c — where clients and services meet: this node as introduction point and rendezvous of
 * others; and relay payloads of services on their way in and out. */
#include "node/visit.h"

/* ---- sending ---- */

bool al_node_payload_send(al_node *n, al_work *w, al_circ circ, const uint8_t *payload) {
  al_circuit_info info;
  al_link link;
  if (!al_circuit_info_get(n->circuits, circ, n->now, &info)) return false;
  bool origin = info.role == AL_CIRCUIT_ORIGIN;
  al_buf b = al_buf_take(w);
  if (b == 0) return false;
  uint8_t *cell = al_buf_ptr(w, b) + AL_LINK_CELL_AT;
  memcpy(cell + AL_CIRCUIT_PAYLOAD_AT, payload, AL_RELAY_BYTES);
  if (al_circuit_seal(n->circuits, circ, origin ? info.hops : 0, cell, &link) != AL_OK) {
    al_buf_drop(w, b);
    return false;
  }
  al_circuit_dir dir = origin ? AL_CIRCUIT_FORWARD : AL_CIRCUIT_BACKWARD;
  al_buf_drop(w, al_circuit_hold(n->circuits, circ, dir, b, n->now));
  al_node_touch(n, link);
  return true;
}

bool al_node_meet_send(al_node *n, al_work *w, al_circ circ, const al_meet *m) {
  uint8_t payload[AL_RELAY_BYTES] = {AL_RELAY_KIND_MEET};
  al_wr wr = al_wr_init(payload + 1, AL_MEET_PAYLOAD_BYTES);
  al_meet_encode(m, &wr);
  AL_ASSERT(al_wr_ok(&wr));
  return al_node_payload_send(n, w, circ, payload);
}

/* ---- who waits here ---- */

al_err al_node_meetings_init(al_node *n) {
  n->meetings_max = n->limits.circuits_max / 8;
  if (n->meetings_max < 4) n->meetings_max = 4;
  if (n->meetings_max > 1024) n->meetings_max = 1024;
  n->meetings = al_new_array(&n->alloc, n->meetings_max, sizeof *n->meetings);
  n->joined = al_new_array(&n->alloc, n->limits.circuits_max, sizeof *n->joined);
  return n->meetings != NULL && n->joined != NULL ? AL_OK : AL_ENOMEM;
}

void al_node_meetings_clear(al_node *n) {
  al_delete(&n->alloc, n->meetings, n->meetings_max * sizeof *n->meetings);
  al_delete(&n->alloc, n->joined, n->limits.circuits_max * sizeof *n->joined);
  n->meetings = NULL;
  n->joined = NULL;
  n->meetings_max = n->meetings_used = 0;
  n->orphans = 0;
}

static node_meeting *find(al_node *n, uint8_t op, const uint8_t *name, size_t len) {
  for (uint32_t i = 0; i < n->meetings_max; i++) {
    node_meeting *m = &n->meetings[i];
    if (m->circ != 0 && m->op == op && al_equal_ct(m->name, name, len)) return m;
  }
  return NULL;
}

/* A circuit has one place; the newest registration of a name counts. */
static al_reason put(al_node *n, al_circ circ, uint8_t op, const uint8_t *name, size_t len) {
  node_meeting *place = find(n, op, name, len), *empty = NULL;
  for (uint32_t i = 0; i < n->meetings_max; i++) {
    node_meeting *m = &n->meetings[i];
    if (m->circ == circ) place = m;
    if (m->circ == 0 && empty == NULL) empty = m;
  }
  if (place == NULL) place = empty;
  if (place == NULL) {
    al_count(&n->counters, AL_COUNT_meet_full);
    return AL_REASON_RESOURCE;
  }
  if (place->circ == 0) n->meetings_used++;
  *place = (node_meeting){.circ = circ, .op = op, .rate_at = n->now};
  memcpy(place->name, name, len);
  return AL_REASON_DONE;
}

static void take_out(al_node *n, node_meeting *m) {
  al_wipe(m, sizeof *m);
  n->meetings_used--;
}

void al_node_meet_gone(al_node *n, al_circ circ) {
  uint32_t index = al_slab_index(circ);
  al_circ other = n->joined[index].to;
  for (uint32_t i = 0; i < n->meetings_max && n->meetings_used != 0; i++) {
    if (n->meetings[i].circ == circ) take_out(n, &n->meetings[i]);
  }
  if (other == 0) return;
  n->joined[index].to = 0;
  n->joined[al_slab_index(other)] = (node_joined){.next = n->orphans};
  n->orphans = other;
}

void al_node_meet_settle(al_node *n, al_work *w) {
  while (n->orphans != 0) {
    al_circ circ = n->orphans;
    node_joined *j = &n->joined[al_slab_index(circ)];
    n->orphans = j->next;
    j->next = 0;
    al_node_destroy(n, w, circ, AL_REASON_CIRCUIT);
  }
}

/* ---- what they ask ---- */

static al_reason unknown(al_node *n) {
  al_count(&n->counters, AL_COUNT_meet_unknown);
  return AL_REASON_NO_SERVICE;
}

static al_reason introduce(al_node *n, al_work *w, const al_meet *m) {
  node_meeting *to = find(n, AL_MEET_LISTEN, m->name, 32);
  if (to == NULL) return unknown(n);
  if (al_time_since(n->now, to->rate_at) >= AL_SECOND) {
    to->rate_at = n->now;
    to->rate = 0;
  }
  if (to->rate++ >= NODE_LISTEN_RATE) {
    al_count(&n->counters, AL_COUNT_meet_rate);
    return AL_REASON_RESOURCE;
  }
  to->number++;
  for (uint8_t part = 0; part < 2; part++) {
    al_meet out = {.op = AL_MEET_REQUEST, .number = to->number, .part = part};
    out.bytes = m->bytes + part * AL_MEET_PART_BYTES;
    if (!al_node_meet_send(n, w, to->circ, &out)) return AL_REASON_RESOURCE;
  }
  return AL_REASON_DONE;
}

static al_reason join(al_node *n, al_work *w, al_circ circ, const al_meet *m) {
  node_meeting *to = find(n, AL_MEET_RENDEZVOUS, m->name, AL_MEET_COOKIE_BYTES);
  if (to == NULL || to->circ == circ) return unknown(n);
  al_circ other = to->circ;
  take_out(n, to);
  al_meet answer = {.op = AL_MEET_JOINED, .bytes = m->bytes};
  if (!al_node_meet_send(n, w, other, &answer)) return AL_REASON_RESOURCE;
  n->joined[al_slab_index(circ)].to = other;
  n->joined[al_slab_index(other)].to = circ;
  return AL_REASON_DONE;
}

al_reason al_node_meet_setup(al_node *n, al_work *w, al_circ circ, al_bytes data) {
  al_meet m;
  uint8_t id[32];
  if (al_meet_decode(data, &m) != AL_OK) m.op = 0;
  switch (m.op) {
    case AL_MEET_LISTEN:
      al_intro_id(n->suite, m.name, id);
      return put(n, circ, m.op, id, sizeof id);
    case AL_MEET_RENDEZVOUS:
      return put(n, circ, m.op, m.name, AL_MEET_COOKIE_BYTES);
    case AL_MEET_INTRODUCE:
      return introduce(n, w, &m);
    case AL_MEET_JOIN:
      return join(n, w, circ, &m);
    default:
      al_count(&n->counters, AL_COUNT_meet_parse);
      return AL_REASON_PROTOCOL;
  }
}

/* ---- relay payloads ---- */

/* From one of two joined circuits to the other: out of one onion, into the next. */
static void cross(al_node *n, al_work *w, al_circ to, al_buf buf) {
  al_link link;
  uint8_t *cell = al_buf_ptr(w, buf) + AL_LINK_CELL_AT;
  if (al_circuit_seal(n->circuits, to, 0, cell, &link) != AL_OK) {
    al_buf_drop(w, buf);
    return;
  }
  al_buf_drop(w, al_circuit_hold(n->circuits, to, AL_CIRCUIT_BACKWARD, buf, n->now));
  al_node_touch(n, link);
}

/* Half of a request; the halves come on one circuit, but maybe the second first. */
static void request_part(al_node *n, al_work *w, uint32_t trip, const al_meet *m) {
  node_trip *t = al_node_trip_at(n, trip);
  if (t->part_of == 0 || t->part_number != m->number) {
    t->part_of = 0;
    t->part_number = m->number;
  }
  memcpy(t->parts + m->part * AL_MEET_PART_BYTES, m->bytes, AL_MEET_PART_BYTES);
  t->part_of = (uint8_t)(t->part_of | 1u << m->part);
  if (t->part_of != 3) return;
  t->part_of = 0;
  al_node_service_request(n, w, trip, t->parts);
}

static void meet_payload(al_node *n, al_work *w, al_circ circ, const uint8_t *payload) {
  al_meet m;
  uint32_t trip = al_node_trip_of(n, circ);
  uint8_t kind = trip != 0 ? al_node_trip_at(n, trip)->kind : TRIP_FREE;
  if (al_meet_decode(al_view(payload + 1, AL_MEET_PAYLOAD_BYTES), &m) != AL_OK) m.op = 0;
  if (m.op == AL_MEET_REQUEST && kind == TRIP_LISTEN) {
    request_part(n, w, trip, &m);
  } else if (m.op == AL_MEET_JOINED && kind == TRIP_WAIT) {
    al_node_visit_joined(n, w, trip, m.bytes);
  } else if (m.op == AL_MEET_RENDEZVOUS && n->joined[al_slab_index(circ)].to == 0 && trip == 0) {
    if (put(n, circ, m.op, m.name, AL_MEET_COOKIE_BYTES) != AL_REASON_DONE) {
      al_node_destroy(n, w, circ, AL_REASON_RESOURCE);
    }
  } else {
    al_count(&n->counters, AL_COUNT_meet_parse);
  }
}

bool al_node_meet_rx(al_node *n, al_work *w, al_circ circ, al_buf buf, uint8_t *payload) {
  if (payload[0] == AL_RELAY_KIND_MEET) {
    meet_payload(n, w, circ, payload);
    al_buf_drop(w, buf);
    return true;
  }
  if (payload[0] != AL_RELAY_KIND_SEALED) return false;
  al_circ other = n->joined[al_slab_index(circ)].to;
  uint32_t trip = al_node_trip_of(n, circ);
  if (other != 0) {
    cross(n, w, other, buf);
  } else if (trip != 0) {
    al_node_session_rx(n, w, trip, buf, payload);
  } else {
    return false;
  }
  return true;
}
