/* wants.c — see state.h: what is being looked for, and of whom. A want waits in the list of one of
 * its sources, is asked of that one, and goes on to the next source when no answer comes. */
#include "gossip/state.h"

static al_gossip_want *want_at(const al_gossip *g, uint32_t index) { return &g->wants[index]; }

bool al_gossip_find_want(const al_gossip *g, const al_id *id, uint32_t *ret) {
  if (g->want_by_id.limit != 0) return al_map_find_id(&g->want_by_id, id, ret);
  if (g->wants_count == 0) return false;
  for (uint32_t i = 0; i < g->cfg.wants_max; i++) {
    const al_gossip_want *w = want_at(g, i);
    if (w->state == AL_GOSSIP_WANT_FREE || !al_id_equal(&w->id, id)) continue;
    if (ret != NULL) *ret = i;
    return true;
  }
  return false;
}

/* ---- lists ---- */

static al_gossip_list *waiting_of(const al_gossip *g, const al_gossip_peer *p) {
  return &al_gossip_traffic_of(g, p)->waiting;
}

/* What a neighbour has to do. */
static uint32_t load_of(const al_gossip *g, const al_gossip_peer *p) {
  const al_gossip_traffic *t = al_gossip_traffic_of(g, p);
  return (uint32_t)t->waiting.count + t->asked;
}

static void list_add(al_gossip *g, al_gossip_peer *p, uint32_t index) {
  al_gossip_want *w = want_at(g, index);
  w->state = AL_GOSSIP_WANT_WAITING;
  w->target = p->link;
  w->next = 0;
  w->prev = waiting_of(g, p)->tail;
  if (w->prev != 0)
    want_at(g, w->prev - 1)->next = index + 1;
  else
    waiting_of(g, p)->head = (uint16_t)(index + 1);
  waiting_of(g, p)->tail = (uint16_t)(index + 1);
  waiting_of(g, p)->count++;
  al_gossip_wake(g, p, true);
}

static void list_remove(al_gossip *g, al_gossip_peer *p, uint32_t index) {
  al_gossip_want *w = want_at(g, index);
  if (w->prev != 0)
    want_at(g, w->prev - 1)->next = w->next;
  else
    waiting_of(g, p)->head = (uint16_t)w->next;
  if (w->next != 0)
    want_at(g, w->next - 1)->prev = w->prev;
  else
    waiting_of(g, p)->tail = (uint16_t)w->prev;
  w->prev = w->next = 0;
  waiting_of(g, p)->count--;
}

/* Out of whatever list or count it is in. */
static void detach(al_gossip *g, uint32_t index) {
  al_gossip_want *w = want_at(g, index);
  al_gossip_peer *p = al_gossip_peer_of(g, w->target);
  if (p != NULL && w->state == AL_GOSSIP_WANT_WAITING) list_remove(g, p, index);
  if (p != NULL && w->state == AL_GOSSIP_WANT_ASKED) {
    al_gossip_traffic_of(g, p)->asked--;
    al_gossip_wake(g, p, true);
  }
  al_heap_set(&g->want_timers, index, AL_TIME_NEVER);
  w->target = 0;
}

static void want_free(al_gossip *g, uint32_t index) {
  al_gossip_want *w = want_at(g, index);
  detach(g, index);
  al_gossip_peer *first = al_gossip_peer_of(g, w->first);
  if (first != NULL) al_gossip_traffic_of(g, first)->named--;
  if (g->want_by_id.limit != 0) al_map_drop_id(&g->want_by_id, &w->id, NULL);
  memset(w, 0, sizeof *w);
  w->next = g->want_free;
  g->want_free = index + 1;
  g->wants_count--;
}

/* ---- sources ---- */

static void source_add(al_gossip_want *w, al_link link) {
  for (unsigned i = 0; i < w->sources_count; i++)
    if (w->sources[i] == link) return;
  if (w->sources_count < AL_GOSSIP_SOURCES) w->sources[w->sources_count++] = link;
}

static void source_remove(al_gossip_want *w, al_link link) {
  for (unsigned i = 0; i < w->sources_count; i++) {
    if (w->sources[i] != link) continue;
    w->sources[i] = w->sources[--w->sources_count];
    return;
  }
}

/* To the source that has the least to do; given up when there is none. */
static void go_on(al_gossip *g, uint32_t index) {
  al_gossip_want *w = want_at(g, index);
  al_gossip_peer *best = NULL;
  for (unsigned i = 0; i < w->sources_count; i++) {
    al_gossip_peer *p = al_gossip_peer_of(g, w->sources[i]);
    if (p == NULL) continue;
    if (best == NULL || load_of(g, p) < load_of(g, best)) best = p;
  }
  if (best == NULL)
    want_free(g, index);
  else
    list_add(g, best, index);
}

static uint64_t known_sequence(const al_gossip *g, const al_id *id, bool *known) {
  const al_peer_entry *e = al_book_get(g->cfg.book, al_book_find(g->cfg.book, id));
  *known = e != NULL;
  return e != NULL ? e->desc.sequence : 0;
}

/* ---- naming ---- */

static void named_again(al_gossip *g, al_gossip_peer *p, uint32_t index, uint64_t sequence) {
  al_gossip_want *w = want_at(g, index);
  if (sequence < w->sequence) return;
  if (sequence > w->sequence) { /* the others have an older one */
    w->sequence = sequence;
    w->sources_count = 0;
  }
  source_add(w, p->link);
  al_gossip_peer *holder = al_gossip_peer_of(g, w->target);
  if (w->state == AL_GOSSIP_WANT_WAITING && holder != NULL && holder != p &&
      load_of(g, p) < waiting_of(g, holder)->count / 2u) {
    list_remove(g, holder, index);
    list_add(g, p, index);
  }
}

bool al_gossip_want_of(al_gossip *g, al_gossip_peer *source, al_gossip_peer *payer,
                       const al_rumour *what, al_gossip_want **ret) {
  uint32_t index;
  bool there = al_gossip_find_want(g, &what->id, &index);
  if (!there && (!al_gossip_open(g) || g->want_free == 0)) {
    al_count(g->cfg.counters, AL_COUNT_gossip_full);
    return false;
  }
  /* No neighbour may fill the table with names of its invention. */
  if (!there && (al_gossip_traffic_of(g, payer)->named > g->cfg.wants_max / 2 ||
                 !al_gossip_spend(&payer->trust, 1))) {
    al_count(g->cfg.counters, AL_COUNT_gossip_rate);
    return false;
  }
  if (there) {
    named_again(g, source, index, what->stamp);
  } else {
    index = g->want_free - 1;
    al_gossip_want *w = want_at(g, index);
    g->want_free = w->next;
    *w = (al_gossip_want){.id = what->id, .sequence = what->stamp, .first = payer->link};
    source_add(w, source->link);
    al_gossip_traffic_of(g, payer)->named++;
    g->wants_count++;
    if (g->want_by_id.limit != 0)
      AL_ASSERT(al_map_put_id(&g->want_by_id, &what->id, index) == AL_OK);
    list_add(g, source, index);
  }
  if (ret != NULL) *ret = want_at(g, index);
  return true;
}

/* In a sample a record is renewed when its keys run out, not whenever there is a newer one: that
 * would be the whole sample in every epoch. A quarter is renewed an epoch ahead, so that there is
 * always enough to draw from. */
static bool due(const al_gossip *g, al_peer peer, al_time now) {
  const al_peer_entry *e = al_book_get(g->cfg.book, peer);
  uint64_t epoch = al_gossip_wall(g, now) / AL_EPOCH_S, last = e->desc.epoch + 1;
  return last < epoch || (last == epoch && al_book_early(g->cfg.book, peer));
}

/* Who is said to be dead, and has said nothing since, is not asked for. */
static bool is_buried(const al_gossip *g, const al_id *id, uint64_t sequence) {
  const al_gossip_news *dead = al_gossip_find_news(g, id, AL_GOSSIP_DEAD);
  const al_gossip_news *alive = al_gossip_find_news(g, id, AL_GOSSIP_ALIVE);
  return dead != NULL && dead->stamp >= sequence && (alive == NULL || alive->stamp < dead->stamp);
}

void al_gossip_named(al_gossip *g, al_gossip_peer *p, const al_id *id, uint64_t sequence,
                     al_time now) {
  bool known, full = al_book_full(g->cfg.book);
  if (al_id_equal(id, &g->cfg.self)) return;
  if (known_sequence(g, id, &known) >= sequence && known) return;
  if (known && full && !due(g, al_book_find(g->cfg.book, id), now)) return;
  if (!known && (!al_book_takes(g->cfg.book, id) || now < g->full_until)) return;
  if (!known && full && is_buried(g, id, sequence)) return;
  al_rumour what = {.id = *id, .stamp = sequence};
  (void)al_gossip_want_of(g, p, p, &what, NULL);
}

/* ---- asking ---- */

bool al_gossip_can_ask(const al_gossip *g, const al_gossip_peer *p) {
  return g->traffic != NULL && waiting_of(g, p)->head != 0 &&
         al_gossip_traffic_of(g, p)->asked < AL_GOSSIP_ASKED_MAX;
}

bool al_gossip_ask(al_gossip *g, al_gossip_peer *p, al_time now, al_id *ret_id) {
  if (!al_gossip_can_ask(g, p)) return false;
  uint32_t index = waiting_of(g, p)->head - 1u;
  al_gossip_want *w = want_at(g, index);
  list_remove(g, p, index);
  w->state = AL_GOSSIP_WANT_ASKED;
  w->asked_at = now;
  al_gossip_traffic_of(g, p)->asked++;
  al_gossip_traffic_of(g, p)->answers++;
  g->answers_count++;
  al_heap_set(&g->want_timers, index, now + AL_GOSSIP_WANT_US);
  *ret_id = w->id;
  return true;
}

static bool is_asked_of(const al_gossip_want *w, const al_gossip_peer *p) {
  return p != NULL && w->state == AL_GOSSIP_WANT_ASKED && w->target == p->link;
}

static void answered(al_gossip *g, al_gossip_peer *p, al_time now) {
  al_gossip_traffic_of(g, p)->answered_s = (uint32_t)(now / AL_SECOND) + 1;
  if (p->trust < AL_GOSSIP_TRUST_MAX) p->trust++;
}

/* The neighbours that it was fetched for get it from the book. */
static void hand_on(al_gossip *g, const al_gossip_want *w) {
  al_peer peer = al_book_find(g->cfg.book, &w->id);
  for (unsigned i = 0; i < AL_GOSSIP_FOR; i++) {
    al_gossip_peer *p = al_gossip_peer_of(g, w->wanted_by[i]);
    if (p != NULL) al_gossip_serve_peer(g, p, peer);
  }
}

uint32_t al_gossip_transit(al_gossip *g, const al_id *id, al_link from, al_link *ret) {
  uint32_t index, count = 0;
  if (!al_gossip_find_want(g, id, &index)) return 0;
  al_gossip_want *w = want_at(g, index);
  if (!is_asked_of(w, al_gossip_peer_of(g, from))) return 0;
  for (unsigned i = 0; i < AL_GOSSIP_FOR; i++)
    if (al_gossip_peer_of(g, w->wanted_by[i]) != NULL) ret[count++] = w->wanted_by[i];
  want_free(g, index);
  return count;
}

void al_gossip_got(al_gossip *g, const al_id *id, al_link from, al_time now) {
  uint32_t index;
  bool known;
  if (!al_gossip_find_want(g, id, &index)) return;
  al_gossip_want *w = want_at(g, index);
  al_gossip_peer *p = al_gossip_peer_of(g, from);
  bool asked = is_asked_of(w, p);
  if (asked) answered(g, p, now);
  if (known_sequence(g, id, &known) >= w->sequence && known) {
    hand_on(g, w);
    want_free(g, index);
  } else if (asked) { /* it gave an older one than it, or another, had named */
    detach(g, index);
    source_remove(w, from);
    go_on(g, index);
  }
}

void al_gossip_wants_leave(al_gossip *g, al_gossip_peer *p) {
  for (uint32_t index = 0; g->wants_count != 0 && index < g->cfg.wants_max; index++) {
    al_gossip_want *w = want_at(g, index);
    if (w->state == AL_GOSSIP_WANT_FREE) continue;
    if (w->first == p->link) w->first = 0;
    for (unsigned i = 0; i < AL_GOSSIP_FOR; i++)
      if (w->wanted_by[i] == p->link) w->wanted_by[i] = 0;
    source_remove(w, p->link);
    if (w->target != p->link) continue;
    detach(g, index);
    go_on(g, index);
  }
}

void al_gossip_wants_tick(al_gossip *g, al_time now) {
  uint32_t index;
  while (al_heap_pop_due(&g->want_timers, now, &index)) {
    al_gossip_want *w = want_at(g, index);
    al_gossip_peer *p = al_gossip_peer_of(g, w->target);
    AL_ASSERT(p != NULL && w->state == AL_GOSSIP_WANT_ASKED);
    al_gossip_traffic *t = al_gossip_traffic_of(g, p);
    /* A slow neighbour that sends one after the other is not interrupted. */
    al_time patient = t->answered_s * AL_SECOND + AL_GOSSIP_WANT_US;
    if (patient > now && now < w->asked_at + AL_GOSSIP_PATIENCE_US) {
      al_heap_set(&g->want_timers, index, patient);
      continue;
    }
    if (t->answers > 0) {
      t->answers--;
      g->answers_count--;
    }
    detach(g, index);
    source_remove(w, p->link);
    go_on(g, index);
  }
}
