/* trip.c — own circuits for services: built to a relay that is named, with something for it in the
 * set-up packet, so that nothing waits for a second round trip. */
#include "circuit/upkeep.h"
#include "node/overlay.h"
#include "node/visit.h"
#include "node/wake.h"

node_trip *al_node_trip_at(const al_node *n, uint32_t trip) { return &n->meets->trips[trip - 1]; }

uint32_t al_node_trip_of(const al_node *n, al_circ circ) {
  if (n->meets == NULL || circ == 0) return 0;
  uint32_t trip = n->meets->trip_of[al_slab_index(circ)];
  return trip != 0 && al_node_trip_at(n, trip)->circ == circ ? trip : 0;
}

static void set_circuit(al_node *n, node_trip *t, al_circ circ, al_link link) {
  if (t->circ != 0) n->meets->trip_of[al_slab_index(t->circ)] = 0;
  t->circ = circ;
  t->link = link;
  if (circ != 0) {
    n->meets->trip_of[al_slab_index(circ)] = (uint32_t)(t - n->meets->trips) + 1;
  }
}

static void mark_lost(al_node *n, node_trip *t, al_reason why) {
  t->lost = n->meets->trips_lost = true;
  t->why = why;
}

/* ---- building ---- */

/* A path that ends at this very node: whoever chose it as the place to meet cannot know. */
static al_err choose_self(al_node *n, al_path_query *q, al_circuit_plan *plan, al_reason *why) {
  q->last = NULL;
  if (q->hops > 1) q->hops--;
  al_err e = al_path_choose(q, plan, why);
  if (e != AL_OK || plan->hops >= AL_HOPS_MAX) return e;
  plan->id[plan->hops] = n->identity.id;
  al_node_onion_pk(n, al_node_onion_now(n), plan->onion_pk[plan->hops++]);
  return AL_OK;
}

/* No two introduction points of a service at one relay. */
static size_t excluded(const al_node *n, const node_trip *t, al_id *out) {
  size_t count = 0;
  for (uint32_t i = 0; i < NODE_TRIPS_MAX && count < NODE_INTROS; i++) {
    const node_trip *o = &n->meets->trips[i];
    if (o == t || o->kind != TRIP_LISTEN || o->owner != t->owner || o->hops == 0) continue;
    out[count++] = o->path[o->hops - 1];
  }
  return count;
}

enum { BESIDE_MAX = NODE_LINES * AL_HOPS_MAX + NODE_SHUNNED };

/* The relays of the circuits that a session has, or but their guards. */
static size_t relays_of(const al_node *n, const node_trip *t, bool guards, al_id *out) {
  const node_session *s = al_node_trip_session(n, (uint32_t)(t - n->meets->trips) + 1);
  size_t count = 0;
  for (int k = 0; s != NULL && k < NODE_LINES; k++) {
    if (s->line[k].trip == 0) continue;
    const node_trip *o = al_node_trip_at(n, s->line[k].trip);
    for (uint32_t h = 0; h < (guards ? 1u : o->hops); h++)
      if (t->any_last || !al_id_equal(&o->path[h], &t->last)) out[count++] = o->path[h];
  }
  return count;
}

/* A further circuit of a session shares no relay with those it has, or at least no guard, and has
 * none where nobody came; if there are not enough, anything. */
static al_err choose_beside(const al_node *n, const node_trip *t, const al_path_query *query,
                            al_circuit_plan *plan, al_reason *why) {
  al_id out[BESIDE_MAX];
  al_path_query q = *query;
  const al_id *shunned = NULL;
  size_t shuns = al_node_trip_shunned(n, t, &shunned);
  q.exclude = out;
  for (int guards = 0; guards < 2; guards++) {
    q.exclude_count = relays_of(n, t, guards != 0, out);
    q.more_guards = q.exclude_count != 0;
    if (shuns != 0) memcpy(out + q.exclude_count, shunned, shuns * sizeof *out);
    q.exclude_count += shuns;
    if (q.exclude_count != 0 && al_path_choose(&q, plan, why) == AL_OK) return AL_OK;
  }
  q.exclude_count = 0;
  q.more_guards = false;
  return al_path_choose(&q, plan, why);
}

static al_err choose(al_node *n, const node_trip *t, al_circuit_plan *plan, al_reason *why) {
  al_id out[NODE_INTROS];
  al_path_query q = {.book = &n->book,
                     .self = n->identity.id,
                     .guards = n->guards,
                     .rng = &n->rng,
                     .wall_s = al_node_wall_s(n),
                     .hops = n->hops,
                     .last = t->any_last ? NULL : &t->last};
  if (!t->any_last && al_id_equal(&t->last, &n->identity.id)) {
    return choose_self(n, &q, plan, why);
  }
  if (t->kind == TRIP_WAIT || t->kind == TRIP_JOIN) return choose_beside(n, t, &q, plan, why);
  if (t->kind != TRIP_LISTEN) return al_path_choose(&q, plan, why);
  q.exclude = out;
  q.exclude_count = excluded(n, t, out);
  if (al_path_choose(&q, plan, why) == AL_OK) return AL_OK;
  q.exclude_count = 0; /* better two at one relay than none */
  return al_path_choose(&q, plan, why);
}

static al_reason begin(al_node *n, al_work *w, node_trip *t, const al_circuit_plan *plan) {
  al_circ circ;
  al_reason why = al_node_circuit_begin(n, w, plan, t->data, &circ);
  t->state = circ != 0 ? TRIP_BUILDING : TRIP_LINK;
  if (circ != 0) set_circuit(n, t, circ, al_circuit_speaks_on(n->circuits, circ));
  return why;
}

/* Whoever named the last hop may know others than we do. Its descriptor is asked for through a
 * circuit: who asks for it is on the way to somebody. Result: false when that was in vain, or too
 * many are asked for: whoever names relays that nobody knows does not fill the queue for others. */
static bool learn(al_node *n, node_trip *t) {
  uint32_t under_way = 0;
  for (uint32_t i = 0; i < NODE_TRIPS_MAX; i++) {
    const node_trip *o = &n->meets->trips[i];
    under_way += o->kind != TRIP_FREE && o->state == TRIP_LEARN;
  }
  if (t->learn != 0 || under_way >= NODE_LEARN_MAX) return false;
  t->learn = ++n->meets->learns;
  t->state = TRIP_LEARN;
  al_node_desc_node(n, &t->last, t->learn);
  return true;
}

/* Choose a path and begin; DONE means under way. */
static al_reason launch(al_node *n, al_work *w, node_trip *t) {
  al_circuit_plan plan;
  al_reason why = AL_REASON_NO_PATH;
  bool self = al_id_equal(&t->last, &n->identity.id);
  if (!t->any_last && !self && al_node_described(n, &t->last) == NULL)
    return learn(n, t) ? AL_REASON_DONE : AL_REASON_NO_RELAY;
  t->tries++;
  if (choose(n, t, &plan, &why) != AL_OK) return why;
  t->hops = plan.hops;
  memcpy(t->path, plan.id, sizeof t->path);
  return begin(n, w, t, &plan);
}

uint32_t al_node_trips_free(const al_node *n) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < NODE_TRIPS_MAX; i++) count += n->meets->trips[i].kind == TRIP_FREE;
  return count;
}

static node_trip *free_trip(al_node *n) {
  for (uint32_t i = 0; i < NODE_TRIPS_MAX; i++) {
    if (n->meets->trips[i].kind == TRIP_FREE) return &n->meets->trips[i];
  }
  return NULL;
}

uint32_t al_node_trip_new(al_node *n, al_work *w, const node_trip_plan *p, al_reason *ret_why) {
  node_trip *t = free_trip(n);
  *ret_why = AL_REASON_RESOURCE;
  if (t == NULL) return 0;
  *t = (node_trip){.kind = (uint8_t)p->kind,
                   .owner = p->owner,
                   .any_last = p->last == NULL,
                   .data = p->data,
                   .started = n->now};
  if (p->last != NULL) t->last = *p->last;
  if (p->kind == TRIP_LISTEN) {
    uint8_t listen[1 + AL_MEET_SECRET_BYTES];
    t->parts = al_new(&n->alloc, AL_MEET_REQUEST_BYTES + sizeof listen);
    if (t->parts == NULL) {
      *t = (node_trip){.kind = TRIP_FREE};
      return 0;
    }
    al_rng_bytes(&n->rng, t->secret, sizeof t->secret);
    al_intro_id(n->suite, t->secret, t->intro_id);
    al_wr wr = al_wr_init(t->parts + AL_MEET_REQUEST_BYTES, sizeof listen);
    al_meet_encode(&(al_meet){.op = AL_MEET_LISTEN, .name = t->secret}, &wr);
    t->data = al_wr_view(&wr);
  }
  *ret_why = launch(n, w, t);
  if (*ret_why == AL_REASON_DONE) return (uint32_t)(t - n->meets->trips) + 1;
  al_node_trip_end(n, w, (uint32_t)(t - n->meets->trips) + 1);
  return 0;
}

uint32_t al_node_trip_adopt(al_node *n, al_work *w, uint32_t owner) {
  node_trip *t = free_trip(n);
  const node_trip who = {.kind = TRIP_WAIT, .owner = owner};
  node_spare spare = {0};
  (void)w;
  spare.shuns = al_node_trip_shunned(n, &who, &spare.shunned);
  if (t == NULL || !al_node_origin_release(n, &spare)) return 0;
  *t = (node_trip){.kind = TRIP_WAIT,
                   .state = TRIP_OPEN,
                   .hops = spare.hops,
                   .owner = owner,
                   .any_last = true,
                   .started = n->now,
                   .spoke_at = n->now,
                   .build_us = spare.build_us};
  memcpy(t->path, spare.path, sizeof t->path);
  set_circuit(n, t, spare.circ, spare.link);
  return (uint32_t)(t - n->meets->trips) + 1;
}

void al_node_trip_forget(al_node *n, node_trip *t) {
  set_circuit(n, t, 0, 0);
  al_delete(&n->alloc, t->parts, AL_MEET_REQUEST_BYTES + 1 + AL_MEET_SECRET_BYTES);
  al_wipe(t, sizeof *t);
}

void al_node_trip_end(al_node *n, al_work *w, uint32_t trip) {
  if (trip == 0) return;
  node_trip *t = al_node_trip_at(n, trip);
  al_circ circ = t->circ;
  if (t->kind == TRIP_FREE) return;
  al_node_trip_forget(n, t);
  if (circ != 0) al_node_destroy(n, w, circ, AL_REASON_DONE);
}

/* ---- what happens to them ---- */

static void tell(al_node *n, al_work *w, uint32_t trip, bool opened, al_reason why) {
  const node_trip *t = al_node_trip_at(n, trip);
  if (t->kind == TRIP_LISTEN || t->kind == TRIP_JOIN) {
    al_node_service_trip(n, w, trip, opened, why);
  } else {
    al_node_visit_trip(n, w, trip, opened, why);
  }
}

bool al_node_trip_opened(al_node *n, al_work *w, al_circ circ, uint64_t build_us) {
  uint32_t trip = al_node_trip_of(n, circ);
  if (trip == 0) return false;
  node_trip *t = al_node_trip_at(n, trip);
  t->state = TRIP_OPEN;
  t->build_us = (uint32_t)al_min_u64(build_us, UINT32_MAX);
  t->spoke_at = n->now;
  tell(n, w, trip, true, AL_REASON_DONE);
  return true;
}

bool al_node_trip_gone(al_node *n, al_circ circ, al_reason why) {
  uint32_t trip = al_node_trip_of(n, circ);
  if (trip == 0) return false;
  node_trip *t = al_node_trip_at(n, trip);
  set_circuit(n, t, 0, 0);
  mark_lost(n, t, why);
  return true;
}

void al_node_trip_learnt(al_node *n, al_work *w, uint32_t token, bool known) {
  for (uint32_t i = 0; i < NODE_TRIPS_MAX; i++) {
    node_trip *t = &n->meets->trips[i];
    if (t->kind == TRIP_FREE || t->state != TRIP_LEARN || t->learn != token || t->lost) continue;
    al_reason why = known && !n->closing ? launch(n, w, t) : AL_REASON_NO_RELAY;
    if (why == AL_REASON_DONE) return;
    al_count(&n->counters, AL_COUNT_meet_no_relay);
    tell(n, w, i + 1, false, why);
    al_node_trip_end(n, w, i + 1);
    return;
  }
}

void al_node_trip_link(al_node *n, al_work *w, const al_id *peer) {
  if (n->meets == NULL) return;
  for (uint32_t i = 0; i < NODE_TRIPS_MAX; i++) {
    node_trip *t = &n->meets->trips[i];
    al_circuit_plan plan;
    if (t->kind == TRIP_FREE || t->state != TRIP_LINK || t->lost || !al_id_equal(&t->path[0], peer))
      continue;
    bool all = al_node_circuit_plan(n, t->path, t->hops, &plan);
    al_reason why = all ? begin(n, w, t, &plan) : AL_REASON_NO_PATH;
    if (why != AL_REASON_DONE) mark_lost(n, t, why);
  }
}

void al_node_trip_link_failed(al_node *n, const al_id *peer) {
  if (n->meets == NULL) return;
  for (uint32_t i = 0; i < NODE_TRIPS_MAX; i++) {
    node_trip *t = &n->meets->trips[i];
    if (t->kind == TRIP_FREE || t->state != TRIP_LINK || !al_id_equal(&t->path[0], peer)) continue;
    mark_lost(n, t, AL_REASON_LINK);
  }
}

/* What the last hop itself says is final; anything else may be better on another path. */
static bool again(const al_node *n, const node_trip *t) {
  if (n->closing || t->state == TRIP_OPEN || t->state == TRIP_LEARN) return false;
  if (t->tries >= NODE_TRIP_TRIES) return false;
  return t->why != AL_REASON_NO_SERVICE && t->why != AL_REASON_PROTOCOL;
}

void al_node_trips_settle(al_node *n, al_work *w) {
  if (n->meets == NULL) return;
  while (n->meets->trips_lost) {
    n->meets->trips_lost = false;
    for (uint32_t i = 0; i < NODE_TRIPS_MAX; i++) {
      node_trip *t = &n->meets->trips[i];
      if (t->kind == TRIP_FREE || !t->lost) continue;
      if (!al_work_may_tell(w)) {
        n->meets->trips_lost = n->again = true;
        return;
      }
      t->lost = false;
      al_reason why = t->why;
      if (again(n, t)) {
        why = launch(n, w, t);
        if (why == AL_REASON_DONE) continue;
      }
      tell(n, w, i + 1, false, why);
      al_node_trip_end(n, w, i + 1);
    }
  }
}

void al_node_trips_house(al_node *n, al_work *w) {
  static const uint8_t drop[AL_RELAY_BYTES] = {0};
  for (uint32_t i = 0; i < NODE_TRIPS_MAX; i++) {
    node_trip *t = &n->meets->trips[i];
    if (t->kind == TRIP_FREE || t->lost) continue;
    if (t->state == TRIP_LEARN && al_time_since(n->now, t->started) > 2 * AL_NODE_ASK_US)
      mark_lost(n, t, AL_REASON_NO_RELAY); /* there was no place for the question */
    if (t->state != TRIP_OPEN || al_time_since(n->now, t->spoke_at) < NODE_KEEP_US) continue;
    if (al_node_payload_send(n, w, t->circ, drop)) t->spoke_at = n->now;
  }
}
