/* origin.c — own circuits: which one a stream gets, building, building again. What becomes of them
 * when they are there: standby.c. */
#include "circuit/upkeep.h"
#include "node/health.h"
#include "node/standby.h"
#include "node/wake.h"

/* A second circuit ends where the first one does and shares nothing else with it, or nothing but a
 * middle: never its guard, with which both would be lost. When the first one is gone already,
 * whatever can be had will do. */
static al_err choose_beside(al_path_query *q, const node_origin *first, al_circuit_plan *plan,
                            al_reason *ret_why) {
  q->last = &first->path[first->hops - 1];
  q->hops = first->hops;
  q->target = NULL;
  q->exclude = first->path;
  q->exclude_count = first->hops - 1u;
  q->more_guards = true;
  if (al_path_choose(q, plan, ret_why) == AL_OK) return AL_OK;
  q->exclude_count = 1;
  if (al_path_choose(q, plan, ret_why) == AL_OK) return AL_OK;
  q->exclude_count = 0;
  return first->state == ORIGIN_WAITING ? al_path_choose(q, plan, ret_why) : AL_ENOTFOUND;
}

/* The path that failed before may have failed because of any of its relays: others first. (Guards
 * are kept all the same.) */
static al_err choose_anew(al_path_query *q, const node_origin *o, al_circuit_plan *plan,
                          al_reason *ret_why) {
  q->exclude = o->path + 1;
  q->exclude_count = o->hops > 1 ? o->hops - 1u : 0;
  if (q->exclude_count != 0 && al_path_choose(q, plan, ret_why) == AL_OK) return AL_OK;
  q->exclude_count = 0;
  return al_path_choose(q, plan, ret_why);
}

static al_err choose(al_node *n, const node_origin *o, al_circuit_plan *plan, al_reason *ret_why) {
  al_path_query q = {.book = &n->book,
                     .self = n->identity.id,
                     .guards = n->guards,
                     .rng = &n->rng,
                     .wall_s = al_node_wall_s(n),
                     .hops = n->hops,
                     .target = o->use.has_target ? &o->use.target : NULL};
  al_id named;
  if (o->main != 0) return choose_beside(&q, &n->origins[o->main - 1], plan, ret_why);
  if (o->use.has_target && o->use.target.kind == AL_TARGET_NODE) { /* any relay, or the one named */
    q.target = NULL;
    memcpy(named.b, o->use.target.host, sizeof named.b);
    if (o->use.target.host_len == sizeof named.b) q.last = &named;
  }
  if (o->use.has_target) return choose_anew(&q, o, plan, ret_why);
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

bool al_node_circuit_plan(al_node *n, const al_id *path, uint8_t hops, al_circuit_plan *ret) {
  uint64_t epoch = al_node_wall_s(n) / AL_EPOCH_S;
  *ret = (al_circuit_plan){.hops = hops};
  for (uint32_t h = 0; h < hops; h++) {
    const al_peer_entry *e = al_book_get(&n->book, al_book_find(&n->book, &path[h]));
    ret->id[h] = path[h];
    if (al_id_equal(&path[h], &n->identity.id))
      al_node_onion_pk(n, al_node_onion_now(n), ret->onion_pk[h]);
    else if (e == NULL || !al_entry_onion_pk(e, epoch, ret->onion_pk[h]))
      return false;
  }
  return true;
}

/* Over a link that is up. */
static al_reason launch(al_node *n, al_link link, const al_circuit_plan *plan, al_bytes data,
                        al_circ *ret) {
  uint32_t id;
  uint8_t packet[AL_SPHINX_BYTES];
  al_circuit_opening opening = {.link = link, .plan = plan, .packet = packet, .data = data};
  if (!al_link_may_message(&n->links, link, AL_MESSAGE_SPHINX)) return AL_REASON_RESOURCE;
  (void)al_circuits_reserve(n->circuits, AL_NODE_CIRCUITS_SPARE); /* else it is refused */
  if (al_circuit_open(n->circuits, n->now, &opening, ret, &id) != AL_OK) return AL_REASON_RESOURCE;
  (void)al_link_widen(&n->links, link);
  al_node_health_watch(n, link);
  al_err e =
      al_link_send_message(&n->links, link, AL_MESSAGE_SPHINX, id, al_view(packet, sizeof packet));
  AL_ASSERT(e == AL_OK);
  al_node_touch(n, link);
  return AL_REASON_DONE;
}

al_reason al_node_circuit_begin(al_node *n, al_work *w, const al_circuit_plan *plan, al_bytes data,
                                al_circ *ret) {
  al_link link = al_link_find_by_peer(&n->links, &plan->id[0]);
  *ret = 0;
  if (link != 0) return launch(n, link, plan, data, ret);
  return al_node_dial_peer(n, w, &plan->id[0]) == AL_OK ? AL_REASON_DONE : AL_REASON_NO_PATH;
}

static al_reason begin(al_node *n, al_work *w, node_origin *o, const al_circuit_plan *plan) {
  al_reason why = al_node_circuit_begin(n, w, plan, al_view(NULL, 0), &o->circ);
  o->state = o->circ != 0 ? ORIGIN_BUILDING : ORIGIN_LINK;
  if (o->circ != 0) al_node_end_begin(n, o->end, o->circ);
  return why;
}

/* Choose a path and begin; DONE means under way. */
al_reason al_node_origin_launch(al_node *n, al_work *w, node_origin *o) {
  al_circuit_plan plan;
  al_reason why = AL_REASON_NO_PATH;
  if (o->attempts >= AL_NODE_ATTEMPTS_MAX) return AL_REASON_CIRCUIT;
  o->attempts++;
  if (choose(n, o, &plan, &why) != AL_OK) return why;
  o->hops = plan.hops;
  memcpy(o->path, plan.id, sizeof o->path);
  return begin(n, w, o, &plan);
}

bool al_node_origin_retry(al_node *n, al_work *w, node_origin *o, al_reason *why) {
  for (;;) {
    al_node_end_begin(n, o->end, 0);
    o->circ = 0;
    if (n->closing || o->attempts >= AL_NODE_ATTEMPTS_MAX) return false;
    al_reason again = al_node_origin_launch(n, w, o);
    if (again == AL_REASON_DONE) return true;
    *why = again;
    if (again != AL_REASON_CIRCUIT && again != AL_REASON_NO_PATH) return false;
  }
}

node_origin *al_node_origin_new(al_node *n) {
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
  if (o->state == ORIGIN_FREE || o->state == ORIGIN_WAITING || o->hops == 0) return false;
  if (o->lost && o->state == ORIGIN_OPEN) return false; /* its circuit is gone */
  if (o->main != 0 || (o->use.isolated && o->use.isolation != isolation)) return false;
  if (o->use.first_used != 0 && al_time_since(n->now, o->use.first_used) > AL_NODE_DIRTY_US) {
    return false;
  }
  if (o->state == ORIGIN_OPEN && al_circuit_retired(n->circuits, o->circ)) return false;
  return lets_through(n, o, t);
}

static node_origin *pick(al_node *n, const al_target *t, uint64_t isolation) {
  node_origin *best = NULL;
  int best_score = 0;
  for (uint32_t i = 0; i < n->origins_max; i++) {
    node_origin *o = &n->origins[i];
    if (!serves(n, o, t, isolation)) continue;
    int score = 1 + (o->use.isolated ? 1 : 0) + (o->state == ORIGIN_OPEN ? 4 : 0);
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
    o = al_node_origin_new(n);
    if (o == NULL) {
      *ret_why = AL_REASON_RESOURCE;
      return 0;
    }
    o->use.has_target = true;
    o->use.target = *t;
    al_reason why = al_node_origin_launch(n, w, o);
    if (why != AL_REASON_DONE) {
      al_node_origin_give_up(n, w, o, why);
      *ret_why = why;
      return 0;
    }
  }
  o->use.isolated = true;
  o->use.isolation = isolation;
  if (!o->use.has_target) { /* a spare that is rebuilt must still serve this stream */
    o->use.has_target = true;
    o->use.target = *t;
  }
  if (o->use.first_used == 0) o->use.first_used = al_max_u64(n->now, 1);
  o->use.last_used = n->now;
  n->spare_at = n->now; /* another one in its place */
  return (uint32_t)(o - n->origins) + 1;
}

static bool shunned(const node_spare *s, const al_id *last) {
  for (size_t i = 0; i < s->shuns; i++)
    if (al_id_equal(&s->shunned[i], last)) return true;
  return false;
}

bool al_node_origin_release(al_node *n, node_spare *ret) {
  for (uint32_t i = 0; i < n->origins_max; i++) {
    node_origin *o = &n->origins[i];
    uint32_t path, end = o->end;
    if (o->state != ORIGIN_OPEN || o->lost || o->main != 0 || o->use.isolated) continue;
    if (al_node_end_streams(n, end) != 0 || al_circuit_retired(n->circuits, o->circ)) continue;
    if (al_node_end_of(n, o->circ, &path) != end || shunned(ret, &o->path[o->hops - 1])) continue;
    ret->circ = o->circ;
    ret->hops = o->hops;
    ret->build_us = o->build_us;
    ret->link = al_circuit_speaks_on(n->circuits, o->circ);
    memcpy(ret->path, o->path, sizeof ret->path);
    n->end_of[al_slab_index(o->circ)] = 0;
    n->ends[end - 1].circ[path] = 0;
    n->ends[end - 1].origin = 0;
    *o = (node_origin){.state = ORIGIN_FREE};
    al_node_end_free(n, end, AL_REASON_DONE);
    n->spare_at = n->now; /* another one in its place */
    return true;
  }
  return false;
}

static void mark_lost(al_node *n, node_origin *o, al_reason why) {
  o->lost = n->origins_lost = true;
  o->lost_why = why;
}

void al_node_origin_link(al_node *n, al_work *w, const al_id *peer) {
  for (uint32_t i = 0; i < n->origins_max; i++) {
    node_origin *o = &n->origins[i];
    al_circuit_plan plan;
    if (o->state != ORIGIN_LINK || o->lost || !al_id_equal(&o->path[0], peer)) continue;
    bool all = al_node_circuit_plan(n, o->path, o->hops, &plan);
    al_reason why = all ? begin(n, w, o, &plan) : AL_REASON_NO_PATH;
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
