/* setup.c — circuits of other nodes: set-up packets, extension to the next hop, cells, ends. */
#include "node/health.h"
#include "node/overlay.h"
#include "node/wake.h"
#include "node/wants.h"

/* A circuit ends here: its bundle begins. */
static bool end_installed(al_node *n, al_circ circ) {
  uint32_t end = al_node_end_new(n, false, 0);
  if (end == 0) return false;
  al_node_end_begin(n, end, circ);
  if (al_node_end_carry(n, end, circ, 0) == AL_OK) return true;
  al_node_end_free(n, end, AL_REASON_RESOURCE);
  return false;
}

/* ---- ends of circuits ---- */

static void pending_drop(al_node *n, node_pending *p) {
  al_link_message_done(&n->links, p->slot);
  *p = (node_pending){0};
}

void al_node_circuit_gone(al_node *n, al_work *w, al_circuit_gone *gone) {
  for (al_buf b; (b = al_circuit_gone_next(n->circuits, gone)) != 0;) al_buf_drop(w, b);
  for (int side = 0; side < 2; side++) {
    if (gone->tell[side].link == 0) continue;
    al_node_urgent_destroy(n, gone->tell[side].link, gone->tell[side].id, gone->reason);
    al_node_health_watch(n, gone->tell[side].link);
  }
  for (uint32_t i = 0; i < n->pending_max; i++) {
    if (n->pending[i].circ == gone->circ) pending_drop(n, &n->pending[i]);
  }
  al_node_meet_gone(n, gone->circ);
  if (al_node_trip_gone(n, gone->circ, gone->reason)) return;
  uint32_t path, end = al_node_end_of(n, gone->circ, &path);
  if (end == 0) return;
  if (n->ends[end - 1].origin != 0) {
    al_node_origin_lost(n, end, gone->circ, gone->reason);
  } else {
    al_node_end_gone(n, end, path, gone->reason);
  }
}

void al_node_destroy(al_node *n, al_work *w, al_circ circ, al_reason reason) {
  al_circuit_gone gone;
  if (al_circuit_destroy(n->circuits, circ, reason, &gone) == AL_OK) {
    al_node_circuit_gone(n, w, &gone);
  }
}

/* ---- extension ---- */

static bool pass_on(al_node *n, al_work *w, al_circ circ, al_link link, const uint8_t *packet) {
  uint32_t id;
  if (al_link_may_message(&n->links, link, AL_MESSAGE_SPHINX) &&
      al_circuit_link_out(n->circuits, circ, link, &id) == AL_OK &&
      al_link_send_message(&n->links, link, AL_MESSAGE_SPHINX, id,
                           al_view(packet, AL_SPHINX_BYTES)) == AL_OK) {
    (void)al_link_widen(&n->links, link);
    al_node_health_watch(n, link);
    al_node_touch(n, link);
    return true;
  }
  al_node_destroy(n, w, circ, AL_REASON_RESOURCE);
  return false;
}

/* The packet goes on as soon as there is a link. Result: whether the message slot is kept. */
static bool extend_to(al_node *n, al_work *w, const al_circuit_out *out, uint32_t slot,
                      uint8_t *packet) {
  al_link link = al_link_find_by_peer(&n->links, &out->next);
  if (link != 0) {
    (void)pass_on(n, w, out->circ, link, packet);
    return false;
  }
  if (al_node_missed(n, &out->next)) { /* dialling it would take longer than another path */
    al_count(&n->counters, AL_COUNT_sphinx_no_route);
    al_node_destroy(n, w, out->circ, AL_REASON_NO_RELAY);
    return false;
  }
  node_pending *p = NULL;
  for (uint32_t i = 0; i < n->pending_max && p == NULL; i++) {
    if (n->pending[i].circ == 0) p = &n->pending[i];
  }
  if (p == NULL || slot == 0) {
    al_count(&n->counters, AL_COUNT_circuit_full);
    al_node_destroy(n, w, out->circ, AL_REASON_RESOURCE);
    return false;
  }
  *p = (node_pending){.circ = out->circ, .next = out->next, .slot = slot, .packet = packet};
  p->deadline = n->now + AL_NODE_PENDING_US;
  al_err e = al_node_dial_peer(n, w, &out->next);
  if (e == AL_ENOTFOUND) e = al_node_find_hop(n, &out->next); /* the book is a sample */
  if (e == AL_OK) return true;
  al_count(&n->counters, AL_COUNT_sphinx_no_route);
  p->slot = 0; /* the caller gives it back */
  al_node_destroy(n, w, out->circ, AL_REASON_NO_RELAY);
  return false;
}

void al_node_pending_link(al_node *n, al_work *w, al_link link, const al_id *peer) {
  for (uint32_t i = 0; i < n->pending_max; i++) {
    node_pending *p = &n->pending[i];
    if (p->circ == 0 || !al_id_equal(&p->next, peer)) continue;
    node_pending ready = *p;
    *p = (node_pending){0};
    (void)pass_on(n, w, ready.circ, link, ready.packet);
    al_link_message_done(&n->links, ready.slot);
  }
}

void al_node_pending_failed(al_node *n, al_work *w, const al_id *peer) {
  for (uint32_t i = 0; i < n->pending_max; i++) {
    node_pending *p = &n->pending[i];
    if (p->circ == 0 || !al_id_equal(&p->next, peer)) continue;
    al_count(&n->counters, AL_COUNT_sphinx_no_route);
    al_node_destroy(n, w, p->circ, AL_REASON_NO_RELAY); /* frees p through node_circuit_gone */
  }
}

void al_node_pending_house(al_node *n, al_work *w) {
  for (uint32_t i = 0; i < n->pending_max; i++) {
    node_pending *p = &n->pending[i];
    if (p->circ != 0 && p->deadline <= n->now) al_node_destroy(n, w, p->circ, AL_REASON_TIMEOUT);
  }
}

/* ---- set-up packets ---- */

/* A neighbour that does not take its refusals does not fill the list for all others: what it is not
 * told it learns by its time-out. */
static bool may_refuse(al_node *n, al_link link) {
  if (n->ahead != NULL && n->ahead[al_slab_index(link)].count < AL_NODE_REFUSALS_MAX) return true;
  al_count(&n->counters, AL_COUNT_node_urgent_full);
  return false;
}

static void refuse(al_node *n, al_link link, uint32_t id, al_reason why) {
  if (may_refuse(n, link)) al_node_urgent_destroy(n, link, id, why);
}

/* A circuit that comes with something to say: it carries no bundle of ours. */
static void meets_here(al_node *n, al_work *w, const al_circuit_out *out, al_buf created,
                       al_bytes data) {
  al_reason why = al_node_meet_setup(n, w, out->circ, data);
  if (why == AL_REASON_DONE) {
    al_node_urgent_buf(n, w, out->link, created);
    return;
  }
  al_buf_drop(w, created);
  al_node_destroy(n, w, out->circ, why);
}

bool al_node_setup(al_node *n, al_work *w, al_link link, const al_link_message *m, uint32_t slot) {
  al_sphinx_keys keys;
  al_sphinx_result res;
  al_circuit_out out;
  al_reason why = AL_REASON_POLICY;
  bool kept = false;
  if (n->closing || (!n->relay && n->rules_count == 0)) {
    al_count(&n->counters, AL_COUNT_node_setup_refused);
    refuse(n, link, m->id, n->closing ? AL_REASON_SHUTDOWN : AL_REASON_POLICY);
    return false;
  }
  if (al_node_wake(n) != AL_OK) {
    al_count(&n->counters, AL_COUNT_circuit_full);
    return false; /* nothing to tell it with: it learns by its time-out */
  }
  if (!al_circuit_may_create(n->circuits, link, n->now)) {
    refuse(n, link, m->id, AL_REASON_RESOURCE);
    return false;
  }
  if (al_node_onion_open(n, w, m->ptr, &keys, &why) != AL_OK) {
    refuse(n, link, m->id, why);
    return false;
  }
  al_err e = al_sphinx_peel(n->suite, m->ptr, &keys, &res);
  al_buf b = e == AL_OK ? al_buf_take(w) : 0;
  if (b == 0) {
    if (e != AL_OK) {
      al_count(&n->counters, e == AL_EPARSE ? AL_COUNT_sphinx_command : AL_COUNT_sphinx_auth);
    }
    refuse(n, link, m->id, e == AL_OK ? AL_REASON_RESOURCE : AL_REASON_PROTOCOL);
    al_wipe(&keys, sizeof keys);
    return false;
  }
  (void)al_circuits_reserve(n->circuits, AL_NODE_CIRCUITS_SPARE); /* else it is refused */
  (void)al_link_widen(&n->links, link);
  al_circuit_request q = {
      .link = link, .id = m->id, .route = &res.route, .hop_secret = keys.secret};
  al_circuit_verdict v =
      al_circuit_extend(n->circuits, n->now, &q, al_buf_ptr(w, b) + AL_LINK_CELL_AT, &out);
  al_wipe(&keys, sizeof keys);
  al_node_health_watch(n, link);
  if (v == AL_CIRCUIT_SEND && out.circ != 0 && res.data.len != 0) {
    meets_here(n, w, &out, b, res.data);
    return false;
  }
  if (v == AL_CIRCUIT_SEND && (out.circ != 0 || may_refuse(n, out.link))) {
    al_node_urgent_buf(n, w, out.link, b);
    if (out.circ != 0 && !end_installed(n, out.circ)) {
      al_node_destroy(n, w, out.circ, AL_REASON_RESOURCE);
    }
    return false;
  }
  al_buf_drop(w, b);
  if (v == AL_CIRCUIT_NEXT) kept = extend_to(n, w, &out, slot, m->ptr);
  return kept;
}

/* ---- cells ---- */

void al_node_cell(al_node *n, al_work *w, al_link link, al_buf buf) {
  al_circuit_out out;
  uint8_t *cell = al_buf_ptr(w, buf) + AL_LINK_CELL_AT;
  if (!n->awake) { /* no circuit was ever here: what it belongs to did not come, or is invented */
    al_count(&n->counters, AL_COUNT_circuit_unknown);
    al_buf_drop(w, buf);
    return;
  }
  switch (al_circuit_peel(n->circuits, n->now, link, cell, &out)) {
    case AL_CIRCUIT_HOLD:
      al_buf_drop(w, al_circuit_hold(n->circuits, out.circ, out.dir, buf, n->now));
      al_node_touch(n, out.link);
      return;
    case AL_CIRCUIT_DELIVER:
      al_node_flow_rx(n, w, out.circ, buf, out.payload);
      return;
    case AL_CIRCUIT_SEND:
      al_node_urgent_buf(n, w, out.link, buf);
      return;
    case AL_CIRCUIT_OPENED:
      al_buf_drop(w, buf);
      if (!al_node_trip_opened(n, w, out.circ, out.build_us)) {
        al_node_origin_opened(n, w, out.circ, out.build_us);
      }
      return;
    case AL_CIRCUIT_ENDED:
      al_buf_drop(w, buf);
      al_node_circuit_gone(n, w, &out.gone);
      return;
    case AL_CIRCUIT_DROP:
    case AL_CIRCUIT_NEXT:
      al_buf_drop(w, buf);
      return;
  }
}
