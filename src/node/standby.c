/* standby.c — own circuits that are there: in charge of a bundle, standing by for one that is, lost
 * and replaced, retired, spare. A bundle has one circuit in charge (main == 0) and at most one that
 * stands by; when the first is gone the other takes its place with all the streams. */
#include "node/standby.h"

#include "circuit/upkeep.h"

static uint32_t index_of(const al_node *n, const node_origin *o) {
  return (uint32_t)(o - n->origins) + 1;
}

static node_origin *second_of(al_node *n, const node_origin *first) {
  for (uint32_t i = 0; i < n->origins_max; i++) {
    if (n->origins[i].state != ORIGIN_FREE && n->origins[i].main == index_of(n, first)) {
      return &n->origins[i];
    }
  }
  return NULL;
}

static void tell_down(al_node *n, al_work *w, al_circ circ, al_reason reason) {
  al_event ev = {.kind = AL_EV_CIRCUIT_DOWN, .circ = circ, .reason = reason};
  al_node_tell(n, w, &ev);
}

/* Take an own circuit's place from it: the circuit, if there still is one, is said goodbye to. */
static void leave(al_node *n, al_work *w, node_origin *o) {
  uint32_t path, end = al_node_end_of(n, o->circ, &path);
  al_circ circ = o->circ;
  bool own = o->main == 0 || o->state != ORIGIN_OPEN; /* its end is nobody else's */
  uint32_t place = o->end;
  *o = (node_origin){.state = ORIGIN_FREE};
  if (end != 0) (void)al_node_end_lose(n, end, path);
  if (own) {
    n->ends[place - 1].origin = 0;
    al_node_end_free(n, place, AL_REASON_DONE);
  }
  if (circ != 0) al_node_destroy(n, w, circ, AL_REASON_DONE);
}

void al_node_origin_give_up(al_node *n, al_work *w, node_origin *o, al_reason reason) {
  node_origin *second = second_of(n, o);
  if (second != NULL) leave(n, w, second);
  tell_down(n, w, o->circ, reason);
  /* The streams hear the reason: the bundle is closed before the circuit is left. */
  uint32_t place = o->end;
  al_circ circ = o->circ;
  *o = (node_origin){.state = ORIGIN_FREE};
  n->ends[place - 1].origin = 0;
  al_node_end_free(n, place, reason);
  if (circ != 0) al_node_destroy(n, w, circ, AL_REASON_DONE);
}

/* ---- a circuit that stands by ---- */

static void pause(al_node *n, node_origin *first) {
  uint32_t wait = al_max_u64(first->standby_wait_us, AL_NODE_STANDBY_WAIT_US) & UINT32_MAX;
  first->standby_at = n->now + wait;
  first->standby_wait_us = (uint32_t)al_min_u64(2u * (uint64_t)wait, AL_NODE_STANDBY_WAIT_MAX_US);
}

static void begin_second(al_node *n, al_work *w, node_origin *first) {
  first->urgent = false;
  if (first->hops < 2 || n->closing) return;
  pause(n, first);
  node_origin *o = al_node_origin_new(n);
  if (o == NULL) return;
  o->main = index_of(n, first);
  if (al_node_origin_launch(n, w, o) != AL_REASON_DONE) leave(n, w, o);
}

/* Of three hops the middle one says that it lost the last. One may lie, or be what is wrong itself;
 * two that differ are believed: nobody waits for an end that is gone. */
static bool end_lost(const node_origin *o) {
  return o->hops == 3 && o->lost_why == AL_REASON_BEYOND;
}

static bool end_lost_twice(const node_origin *a, const node_origin *b) {
  return end_lost(a) && end_lost(b) && !al_id_equal(&a->path[1], &b->path[1]);
}

static void note_end_lost(const al_node *n, const node_origin *lost, node_origin *other) {
  if (end_lost(lost) && !al_id_equal(&lost->path[1], &other->path[1]))
    other->end_lost_at = al_max_u64(n->now, 1);
}

/* It takes the place of the one that is gone. */
static void promote(al_node *n, node_origin *first, node_origin *o) {
  o->main = 0;
  o->use = first->use;
  note_end_lost(n, first, o);
  o->started = first->started;
  o->standby_at = n->now;
  n->ends[first->end - 1].origin = index_of(n, o);
  *first = (node_origin){.state = ORIGIN_FREE};
}

uint32_t al_node_origin_joins(const al_node *n, uint32_t origin) {
  if (origin == 0) return 0;
  const node_origin *o = &n->origins[origin - 1];
  return o->main != 0 && o->state == ORIGIN_JOINING ? n->origins[o->main - 1].end : 0;
}

void al_node_origin_joined(al_node *n, uint32_t origin, uint32_t end) {
  node_origin *o = &n->origins[origin - 1], *first = &n->origins[o->main - 1];
  o->end = end;
  o->state = ORIGIN_OPEN;
  first->standby_wait_us = 0;
  if (first->state == ORIGIN_WAITING) promote(n, first, o);
}

void al_node_origin_refused(al_node *n, al_work *w, uint32_t origin) {
  node_origin *o = &n->origins[origin - 1], *first = &n->origins[o->main - 1];
  leave(n, w, o);
  if (first->state == ORIGIN_WAITING) {
    al_node_origin_give_up(n, w, first, AL_REASON_CIRCUIT);
    return;
  }
  first->standby_wait_us = AL_NODE_STANDBY_WAIT_MAX_US;
  pause(n, first);
}

void al_node_origin_suspect(al_node *n, uint32_t origin) {
  node_origin *o = &n->origins[origin - 1];
  if (o->state != ORIGIN_OPEN || al_node_end_streams(n, o->end) == 0) return;
  o->urgent = n->origins_lost = n->again = true;
}

/* ---- open, lost ---- */

void al_node_origin_opened(al_node *n, al_work *w, al_circ circ, uint64_t build_us) {
  uint32_t path, end = al_node_end_of(n, circ, &path);
  AL_ASSERT(end != 0 && n->ends[end - 1].origin != 0);
  node_origin *o = &n->origins[n->ends[end - 1].origin - 1];
  o->state = o->main != 0 ? ORIGIN_JOINING : ORIGIN_OPEN;
  o->build_us = (uint32_t)al_min_u64(build_us, UINT32_MAX);
  o->ping_at = n->now + AL_NODE_ALIVE_US;
  o->lost_why = AL_REASON_DONE;
  n->spare_wait_us = 0;
  if (al_node_end_carry(n, end, circ, o->build_us) != AL_OK) {
    al_node_origin_give_up(n, w, o, AL_REASON_RESOURCE);
    return;
  }
  if (o->main != 0) {
    o->asked = 1;
    al_node_resume_ask(n, circ);
  }
  al_event ev = {.kind = AL_EV_CIRCUIT_UP, .circ = circ, .count = o->hops};
  ev.duration_us = o->build_us;
  al_node_tell(n, w, &ev);
}

void al_node_origin_lost(al_node *n, uint32_t end, al_circ circ, al_reason reason) {
  uint32_t path;
  if (al_node_end_of(n, circ, &path) == end) (void)al_node_end_lose(n, end, path);
  for (uint32_t i = 0; i < n->origins_max; i++) {
    node_origin *o = &n->origins[i];
    if (o->state == ORIGIN_FREE || o->circ != circ) continue;
    o->circ = 0;
    o->lost = n->origins_lost = true;
    o->lost_why = reason;
  }
}

/* Streams that the far end has not accepted, as far as is known: nothing of them was delivered, so
 * they are asked for again at whichever end can be had. */
static void move_unanswered(al_node *n, al_work *w, node_origin *o) {
  al_bundle from = n->ends[o->end - 1].bundle;
  uint32_t cursor = 0;
  al_stream_target st;
  for (al_stream s; (s = al_streams_each(n->streams, from, &cursor)) != 0;) {
    if (!al_work_may_tell(w) || !al_streams_target(n->streams, s, &st)) continue;
    if (st.kind == AL_TARGET_NODE) continue; /* asked of one node in particular; asked again */
    if (al_streams_detach(n->streams, s) != AL_OK) continue;
    al_target t = al_node_target_of(&st);
    al_reason why = AL_REASON_RESOURCE;
    al_count(&n->counters, AL_COUNT_stream_moved);
    uint32_t to = al_node_origin_for(n, w, &t, o->use.isolation, &why);
    if (to != 0 && al_streams_attach(n->streams, n->now, s,
                                     n->ends[n->origins[to - 1].end - 1].bundle) == AL_OK)
      continue;
    al_streams_reset(n->streams, n->now, s, AL_REASON_CANCELLED);
    al_event ev = {.kind = AL_EV_STREAM_RESET, .stream = s, .reason = why};
    al_node_tell(n, w, &ev);
  }
}

/* The circuit in charge of a bundle is gone. */
static void lost_first(al_node *n, al_work *w, node_origin *o) {
  node_origin *second = second_of(n, o);
  bool joined = second != NULL && second->state == ORIGIN_OPEN && !second->lost;
  bool gone = end_lost(o) && o->end_lost_at != 0 &&
              al_time_since(n->now, o->end_lost_at) < AL_NODE_END_LOST_US;
  if (!joined && !n->closing) {
    o->state = ORIGIN_WAITING; /* it serves nobody meanwhile */
    move_unanswered(n, w, o);
    o->state = ORIGIN_OPEN;
  }
  bool streams = al_node_end_streams(n, o->end) != 0;
  if (n->closing || (!joined && (!streams || o->hops < 2 || gone))) {
    al_node_origin_give_up(n, w, o, o->lost_why);
    return;
  }
  tell_down(n, w, 0, o->lost_why);
  if (joined) {
    promote(n, o, second);
    return;
  }
  o->state = ORIGIN_WAITING;
  o->waits_until = n->now + AL_NODE_DETACHED_US;
  o->standby_wait_us = 0;
  if (second == NULL) begin_second(n, w, o);
}

/* One that stood by, or was to, is not to be had. */
static void lost_second(al_node *n, al_work *w, node_origin *o, al_reason reason) {
  node_origin *first = &n->origins[o->main - 1];
  bool had = o->state == ORIGIN_OPEN, tried_all = !had && o->attempts >= AL_NODE_ATTEMPTS_MAX;
  note_end_lost(n, o, first);
  leave(n, w, o);
  if (first->state == ORIGIN_WAITING && (tried_all || n->closing)) {
    al_node_origin_give_up(n, w, first, reason);
  } else if (first->state == ORIGIN_WAITING && had) {
    begin_second(n, w, first);
  } else if (first->standby_wait_us == 0) {
    pause(n, first);
  }
}

static void settle(al_node *n, al_work *w, node_origin *o) {
  al_reason why = o->lost_why;
  node_origin *first = o->main != 0 ? &n->origins[o->main - 1] : NULL;
  o->lost = false;
  if (first != NULL && first->state == ORIGIN_WAITING && end_lost_twice(first, o)) {
    al_node_origin_give_up(n, w, first, why);
  } else if (o->state == ORIGIN_OPEN && o->main == 0) {
    lost_first(n, w, o);
  } else if (o->state == ORIGIN_OPEN) {
    tell_down(n, w, 0, why);
    lost_second(n, w, o, why);
  } else if (!al_node_origin_retry(n, w, o, &why)) {
    if (o->main == 0)
      al_node_origin_give_up(n, w, o, why);
    else
      lost_second(n, w, o, why);
  }
}

/* What was found lost while other things were done is built again or given up now: whoever finds
 * it must not begin new work in the middle of its own. */
void al_node_origins_settle(al_node *n, al_work *w) {
  while (n->origins_lost) {
    n->origins_lost = false;
    for (uint32_t i = 0; i < n->origins_max; i++) {
      node_origin *o = &n->origins[i];
      if (o->state == ORIGIN_FREE || (!o->lost && !o->urgent)) continue;
      if (!al_work_may_tell(w)) {
        n->origins_lost = n->again = true;
        return;
      }
      if (o->lost) {
        settle(n, w, o);
      } else if (o->state == ORIGIN_OPEN && second_of(n, o) == NULL) {
        begin_second(n, w, o);
      } else {
        o->urgent = false;
      }
    }
  }
}

/* ---- housekeeping ---- */

/* Streams that live a while, or move much, are worth a second circuit. */
static bool worth_second(al_node *n, const node_origin *o) {
  al_bundle_info info;
  uint32_t path, end = al_node_end_of(n, o->circ, &path);
  if (o->hops < 2 || end == 0 || n->now < o->standby_at) return false;
  if (!al_bundle_look(n->streams, n->ends[end - 1].bundle, path, &info)) return false;
  return info.streams != 0 && (al_time_since(n->now, o->use.first_used) >= AL_NODE_STANDBY_US ||
                               info.packets_rx + info.packets_tx >= AL_NODE_STANDBY_PACKETS);
}

static al_time idle_us(const node_origin *o) {
  return o->use.brief ? AL_NODE_BRIEF_US : AL_NODE_IDLE_US;
}

static void house_first(al_node *n, al_work *w, node_origin *o) {
  node_origin *second = second_of(n, o);
  bool streams = al_node_end_streams(n, o->end) != 0;
  al_time used = al_max_u64(o->use.last_used, o->started);
  if (streams) o->use.last_used = n->now;
  bool waits = o->state == ORIGIN_WAITING, open = o->state == ORIGIN_OPEN;
  if (waits && (!streams || n->now >= o->waits_until)) {
    al_node_origin_give_up(n, w, o, AL_REASON_CIRCUIT);
  } else if (open && !streams && al_time_since(n->now, used) > idle_us(o)) {
    al_node_origin_give_up(n, w, o, AL_REASON_DONE);
  } else if (second == NULL &&
             ((waits && n->now >= o->standby_at) || (open && worth_second(n, o)))) {
    begin_second(n, w, o);
  }
}

static void house_one(al_node *n, al_work *w, node_origin *o) {
  bool open = o->state == ORIGIN_OPEN || o->state == ORIGIN_JOINING;
  if (open && n->now >= o->ping_at) { /* relays end what carries nothing */
    al_node_end_ping(n, o->circ);
    o->ping_at = n->now + AL_NODE_ALIVE_US - al_rng_below(&n->rng, AL_NODE_ALIVE_US / 4);
  }
  if (o->main == 0) {
    house_first(n, w, o);
  } else if (o->state == ORIGIN_JOINING && o->asked++ < AL_NODE_JOINS_ASKED) {
    al_node_resume_ask(n, o->circ);
  } else if (o->state == ORIGIN_JOINING) {
    lost_second(n, w, o, AL_REASON_TIMEOUT);
  }
}

/* Keep spares ready; back off while that fails. */
static void keep_spares(al_node *n, al_work *w, uint32_t spares) {
  if (n->closing || n->limits.lean || spares >= AL_NODE_SPARES || n->now < n->spare_at) return;
  node_origin *o = al_node_origin_new(n);
  if (o == NULL) return;
  n->spare_wait_us = n->spare_wait_us == 0 ? 500000 : n->spare_wait_us * 2;
  if (n->spare_wait_us > 60000000) n->spare_wait_us = 60000000;
  n->spare_at = n->now + n->spare_wait_us;
  if (al_node_origin_launch(n, w, o) != AL_REASON_DONE) leave(n, w, o); /* nobody asked for it */
}

void al_node_origins_house(al_node *n, al_work *w) {
  uint32_t spares = 0;
  for (uint32_t i = 0; i < n->origins_max && al_work_may_tell(w); i++) {
    node_origin *o = &n->origins[i];
    if (o->state == ORIGIN_FREE || o->lost) continue;
    house_one(n, w, o);
    if (o->state != ORIGIN_FREE && o->main == 0 && !o->use.isolated) spares++;
  }
  keep_spares(n, w, spares);
  al_node_ends_house(n, w);
}

/* What waits at far ends need not wait there. */
void al_node_origins_end(al_node *n, al_work *w) {
  for (uint32_t i = 0; i < n->origins_max && al_work_may_tell(w); i++) {
    node_origin *o = &n->origins[i];
    if (o->state != ORIGIN_FREE && o->main == 0) {
      al_node_origin_give_up(n, w, o, AL_REASON_SHUTDOWN);
    }
  }
  al_node_pump_all(n, w);
}

void al_node_circuits_house(al_node *n, al_work *w) {
  al_circuit_sweeping at = {n->sweep_cursor, AL_NODE_LOOKS, AL_NODE_RELAYED_US};
  al_circuit_gone gone;
  while (al_work_may_tell(w) && al_circuit_sweep(n->circuits, n->now, &at, &gone)) {
    al_node_circuit_gone(n, w, &gone);
  }
  n->sweep_cursor = at.cursor;
}
