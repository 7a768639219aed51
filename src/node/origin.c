/* origin.c — own circuits: which one a stream gets, building, building again, spares. */
#include "node/parts.h"

static uint32_t index_of(const al_node *n, const node_origin *o) {
  return (uint32_t)(o - n->origins) + 1;
}

static al_bundle bundle_of(const al_node *n, const node_origin *o) {
  return n->ends[o->end - 1].bundle;
}

static bool has_streams(const al_node *n, const node_origin *o) {
  al_bundle_info info;
  return al_bundle_look(&n->streams, bundle_of(n, o), 0, &info) && info.streams != 0;
}

/* The circuit is given up; streams on it end with this reason. */
static void give_up(al_node *n, al_work *w, node_origin *o, al_reason reason) {
  uint32_t end = o->end;
  al_circ circ = n->ends[end - 1].circ;
  al_event ev = {.kind = AL_EV_CIRCUIT_DOWN, .circ = circ, .reason = reason};
  al_node_tell(n, w, &ev);
  *o = (node_origin){.state = ORIGIN_FREE};
  n->ends[end - 1].origin = 0; /* so that destroying does not come back here */
  if (circ != 0) al_node_end_set_circuit(n, end, 0, 0);
  al_node_end_free(n, end, reason);
  if (circ != 0) al_node_destroy(n, w, circ, AL_REASON_DONE);
}

static al_err choose(al_node *n, const node_origin *o, al_circuit_plan *plan, al_reason *ret_why) {
  al_path_query q = {.book = &n->book,
                     .self = n->identity.id,
                     .guards = &n->guards,
                     .rng = &n->rng,
                     .wall_s = al_node_wall_s(n),
                     .hops = n->hops,
                     .target = o->has_target ? &o->target : NULL};
  al_id named;
  if (o->has_target && o->target.kind == AL_TARGET_NODE) { /* any relay, or the one that is named */
    q.target = NULL;
    memcpy(named.b, o->target.host, sizeof named.b);
    if (o->target.host_len == sizeof named.b) q.last = &named;
  }
  if (o->has_target) return al_path_choose(&q, plan, ret_why);
  /* A spare should end at an exit, so that it is of use for the next stream. */
  const al_peer_entry *e =
      al_book_get(&n->book, al_book_sample(&n->book, &n->rng, AL_DESC_EXIT, q.wall_s));
  al_id last;
  if (e != NULL) {
    last = e->id;
    q.last = &last;
    if (al_path_choose(&q, plan, ret_why) == AL_OK) return AL_OK;
    q.last = NULL;
  }
  return al_path_choose(&q, plan, ret_why);
}

/* Send the set-up packet over a link that is up. */
static al_reason launch_on(al_node *n, node_origin *o, al_link link, const al_circuit_plan *plan) {
  al_circ circ;
  uint32_t id;
  uint8_t packet[AL_SPHINX_BYTES];
  al_circuit_opening opening = {.link = link, .plan = plan, .packet = packet};
  if (!al_link_may_message(&n->links, link, AL_MESSAGE_SPHINX)) return AL_REASON_RESOURCE;
  (void)al_circuits_reserve(&n->circuits, AL_NODE_CIRCUITS_SPARE); /* else it is refused */
  if (al_circuit_open(&n->circuits, n->now, &opening, &circ, &id) != AL_OK) {
    return AL_REASON_RESOURCE;
  }
  al_node_end_set_circuit(n, o->end, circ, link);
  o->state = ORIGIN_BUILDING;
  al_err e =
      al_link_send_message(&n->links, link, AL_MESSAGE_SPHINX, id, al_view(packet, sizeof packet));
  AL_ASSERT(e == AL_OK);
  al_node_touch(n, link);
  return AL_REASON_DONE;
}

/* Choose a path and begin; DONE means under way. */
static al_reason launch(al_node *n, al_work *w, node_origin *o) {
  al_circuit_plan plan;
  al_reason why = AL_REASON_NO_PATH;
  if (o->attempts >= AL_NODE_ATTEMPTS_MAX) return AL_REASON_CIRCUIT;
  o->attempts++;
  if (choose(n, o, &plan, &why) != AL_OK) return why;
  o->hops = plan.hops;
  memcpy(o->path, plan.id, sizeof o->path);
  al_link link = al_link_find_by_peer(&n->links, &plan.id[0]);
  if (link != 0) return launch_on(n, o, link, &plan);
  o->state = ORIGIN_LINK;
  return al_node_dial_peer(n, w, &plan.id[0]) == AL_OK ? AL_REASON_DONE : AL_REASON_NO_PATH;
}

/* An attempt failed: another path for the same bundle, or the end of it. */
static void retry(al_node *n, al_work *w, node_origin *o, al_reason reason) {
  for (;;) {
    al_node_end_set_circuit(n, o->end, 0, 0);
    if (n->closing || o->attempts >= AL_NODE_ATTEMPTS_MAX) break;
    al_reason why = launch(n, w, o);
    if (why == AL_REASON_DONE) return;
    reason = why;
    if (why != AL_REASON_CIRCUIT && why != AL_REASON_NO_PATH) break;
  }
  give_up(n, w, o, reason);
}

static node_origin *origin_new(al_node *n) {
  for (uint32_t i = 0; i < n->origins_max; i++) {
    node_origin *o = &n->origins[i];
    if (o->state != ORIGIN_FREE) continue;
    uint32_t end = al_node_end_new(n, true, i + 1);
    if (end == 0) return NULL;
    *o = (node_origin){.state = ORIGIN_LINK, .end = end, .started = n->now};
    return o;
  }
  return NULL;
}

static bool lets_through(const al_node *n, const node_origin *o, const al_target *t) {
  const al_peer_entry *e = al_book_get(&n->book, al_book_find(&n->book, &o->path[o->hops - 1]));
  if (e == NULL) return false;
  if (t->kind != AL_TARGET_NODE) return al_exit_match(e->desc.rules, e->desc.rules_count, t);
  return t->host_len == 0 || memcmp(t->host, e->id.b, sizeof e->id.b) == 0;
}

/* Fresh spares belong to nobody; a circuit in use serves its isolation only, and not for ever. */
static bool serves(const al_node *n, const node_origin *o, const al_target *t, uint64_t isolation) {
  if (o->state == ORIGIN_FREE || o->hops == 0) return false;
  if (o->isolated && o->isolation != isolation) return false;
  if (o->first_used != 0 && al_time_since(n->now, o->first_used) > AL_NODE_DIRTY_US) return false;
  if (o->state == ORIGIN_OPEN && al_circuit_retired(&n->circuits, n->ends[o->end - 1].circ)) {
    return false;
  }
  return lets_through(n, o, t);
}

static node_origin *pick(al_node *n, const al_target *t, uint64_t isolation) {
  node_origin *best = NULL;
  int best_score = 0;
  for (uint32_t i = 0; i < n->origins_max; i++) {
    node_origin *o = &n->origins[i];
    if (!serves(n, o, t, isolation)) continue;
    int score = 1 + (o->isolated ? 1 : 0) + (o->state == ORIGIN_OPEN ? 4 : 0);
    if (score <= best_score) continue;
    best = o;
    best_score = score;
  }
  return best;
}

uint32_t al_node_origin_for(al_node *n, al_work *w, const al_target *t, uint64_t isolation,
                            al_reason *ret_why) {
  node_origin *o = pick(n, t, isolation);
  if (o == NULL) {
    o = origin_new(n);
    if (o == NULL) {
      *ret_why = AL_REASON_RESOURCE;
      return 0;
    }
    o->has_target = true;
    o->target = *t;
    al_reason why = launch(n, w, o);
    if (why != AL_REASON_DONE) {
      give_up(n, w, o, why);
      *ret_why = why;
      return 0;
    }
  }
  o->isolated = true;
  o->isolation = isolation;
  if (!o->has_target) { /* a spare that is rebuilt must still serve this stream */
    o->has_target = true;
    o->target = *t;
  }
  if (o->first_used == 0) o->first_used = n->now;
  o->last_used = n->now;
  n->spare_at = n->now; /* another one in its place */
  return index_of(n, o);
}

static void mark_lost(al_node *n, node_origin *o, al_reason why) {
  o->lost = n->origins_lost = true;
  o->lost_why = why;
}

void al_node_origin_link(al_node *n, al_link link, const al_id *peer) {
  for (uint32_t i = 0; i < n->origins_max; i++) {
    node_origin *o = &n->origins[i];
    al_circuit_plan plan = {0};
    if (o->state != ORIGIN_LINK || o->lost || !al_id_equal(&o->path[0], peer)) continue;
    /* The book may have changed since the path was drawn: take the keys anew. */
    plan.hops = o->hops;
    memcpy(plan.id, o->path, sizeof plan.id);
    bool all = true;
    for (uint32_t h = 0; h < o->hops; h++) {
      const al_peer_entry *e = al_book_get(&n->book, al_book_find(&n->book, &o->path[h]));
      uint64_t epoch = al_node_wall_s(n) / AL_EPOCH_S;
      all = all && e != NULL && al_entry_onion_pk(e, epoch, plan.onion_pk[h]);
    }
    al_reason why = all ? launch_on(n, o, link, &plan) : AL_REASON_NO_PATH;
    if (why != AL_REASON_DONE) mark_lost(n, o, why);
  }
}

void al_node_origin_link_failed(al_node *n, const al_id *peer) {
  for (uint32_t i = 0; i < n->origins_max; i++) {
    node_origin *o = &n->origins[i];
    if (o->state == ORIGIN_LINK && al_id_equal(&o->path[0], peer)) {
      mark_lost(n, o, AL_REASON_LINK);
    }
  }
}

void al_node_origin_opened(al_node *n, al_work *w, al_circ circ, uint64_t build_us) {
  uint32_t end = n->end_of[al_slab_index(circ)];
  AL_ASSERT(end != 0 && n->ends[end - 1].origin != 0);
  node_origin *o = &n->origins[n->ends[end - 1].origin - 1];
  o->state = ORIGIN_OPEN;
  o->build_us = (uint32_t)al_min_u64(build_us, UINT32_MAX);
  n->spare_wait_us = 0;
  if (al_bundle_add_path(&n->streams, n->ends[end - 1].bundle, 0, n->now, o->build_us) != AL_OK) {
    give_up(n, w, o, AL_REASON_RESOURCE);
    return;
  }
  al_event ev = {.kind = AL_EV_CIRCUIT_UP, .circ = circ, .count = o->hops};
  ev.duration_us = o->build_us;
  al_node_tell(n, w, &ev);
}

void al_node_origin_lost(al_node *n, uint32_t origin, al_circ circ, al_reason reason) {
  node_origin *o = &n->origins[origin - 1];
  n->end_of[al_slab_index(circ)] = 0;
  n->ends[o->end - 1].circ = 0;
  mark_lost(n, o, reason);
}

/* What was found lost while other things were done is built again or given up now: whoever finds
 * it must not begin new work in the middle of its own. */
void al_node_origins_settle(al_node *n, al_work *w) {
  while (n->origins_lost) {
    n->origins_lost = false;
    for (uint32_t i = 0; i < n->origins_max; i++) {
      node_origin *o = &n->origins[i];
      if (o->state == ORIGIN_FREE || !o->lost) continue;
      if (!al_work_may_tell(w)) {
        n->origins_lost = n->again = true;
        return;
      }
      o->lost = false;
      if (o->state == ORIGIN_OPEN) {
        give_up(n, w, o, o->lost_why);
      } else {
        retry(n, w, o, o->lost_why);
      }
    }
  }
}

/* ---- housekeeping ---- */

static uint32_t retire(al_node *n, al_work *w) {
  uint32_t spares = 0;
  for (uint32_t i = 0; i < n->origins_max; i++) {
    node_origin *o = &n->origins[i];
    if (o->state == ORIGIN_FREE) continue;
    al_time used = al_max_u64(o->last_used, o->started);
    if (o->state == ORIGIN_OPEN && has_streams(n, o)) {
      o->last_used = n->now;
    } else if (o->state == ORIGIN_OPEN && al_time_since(n->now, used) > AL_NODE_IDLE_US &&
               al_work_may_tell(w)) {
      give_up(n, w, o, AL_REASON_DONE);
      continue;
    }
    if (!o->isolated) spares++;
  }
  return spares;
}

/* Keep spares ready; back off while that fails. */
void al_node_origins_house(al_node *n, al_work *w) {
  uint32_t spares = retire(n, w);
  if (n->closing || n->limits.lean || spares >= AL_NODE_SPARES || n->now < n->spare_at) return;
  node_origin *o = origin_new(n);
  if (o == NULL) return;
  n->spare_wait_us = n->spare_wait_us == 0 ? 500000 : n->spare_wait_us * 2;
  if (n->spare_wait_us > 60000000) n->spare_wait_us = 60000000;
  n->spare_at = n->now + n->spare_wait_us;
  al_reason why = launch(n, w, o);
  if (why == AL_REASON_DONE) return;
  /* Not worth an event: nothing was asked for. */
  uint32_t end = o->end;
  *o = (node_origin){.state = ORIGIN_FREE};
  n->ends[end - 1].origin = 0;
  al_node_end_free(n, end, why);
}
