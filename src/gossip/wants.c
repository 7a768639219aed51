/* wants.c — see state.h: what is being looked for, and of whom. A want waits in the list of one of
 * its sources, is asked of that one, and goes on to the next source when no answer comes. */
#include "gossip/state.h"

static al_gossip_want *want_at(const al_gossip *g, uint32_t index) { return &g->wants[index]; }

/* ---- lists ---- */

static void list_add(al_gossip *g, al_gossip_peer *p, uint32_t index) {
  al_gossip_want *w = want_at(g, index);
  w->state = AL_GOSSIP_WANT_WAITING;
  w->target = p->link;
  w->next = 0;
  w->prev = p->waiting.tail;
  if (w->prev != 0)
    want_at(g, w->prev - 1)->next = index + 1;
  else
    p->waiting.head = index + 1;
  p->waiting.tail = index + 1;
  p->waiting.count++;
  al_gossip_wake(g, p, true);
}

static void list_remove(al_gossip *g, al_gossip_peer *p, uint32_t index) {
  al_gossip_want *w = want_at(g, index);
  if (w->prev != 0)
    want_at(g, w->prev - 1)->next = w->next;
  else
    p->waiting.head = w->next;
  if (w->next != 0)
    want_at(g, w->next - 1)->prev = w->prev;
  else
    p->waiting.tail = w->prev;
  w->prev = w->next = 0;
  p->waiting.count--;
}

/* Out of whatever list or count it is in. */
static void detach(al_gossip *g, uint32_t index) {
  al_gossip_want *w = want_at(g, index);
  al_gossip_peer *p = al_gossip_peer_of(g, w->target);
  if (p != NULL && w->state == AL_GOSSIP_WANT_WAITING) list_remove(g, p, index);
  if (p != NULL && w->state == AL_GOSSIP_WANT_ASKED) {
    p->asked--;
    al_gossip_wake(g, p, true);
  }
  al_heap_set(&g->want_timers, index, AL_TIME_NEVER);
  w->target = 0;
}

static void want_free(al_gossip *g, uint32_t index) {
  al_gossip_want *w = want_at(g, index);
  detach(g, index);
  al_gossip_peer *first = al_gossip_peer_of(g, w->first);
  if (first != NULL) first->named--;
  al_map_drop_id(&g->want_by_id, &w->id, NULL);
  memset(w, 0, sizeof *w);
  w->next = g->want_free;
  g->want_free = index + 1;
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
    if (best == NULL || p->waiting.count + p->asked < best->waiting.count + best->asked) best = p;
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
      p->waiting.count + p->asked < holder->waiting.count / 2) {
    list_remove(g, holder, index);
    list_add(g, p, index);
  }
}

void al_gossip_named(al_gossip *g, al_gossip_peer *p, const al_id *id, uint64_t sequence,
                     al_time now) {
  uint32_t index;
  bool known;
  if (al_id_equal(id, &g->cfg.self)) return;
  if (known_sequence(g, id, &known) >= sequence && known) return;
  if (al_map_find_id(&g->want_by_id, id, &index)) {
    named_again(g, p, index, sequence);
    return;
  }
  if (!known && now < g->full_until) return;
  if (g->want_free == 0) {
    al_count(g->cfg.counters, AL_COUNT_gossip_full);
    return;
  }
  /* No neighbour may fill the table with names of its invention. */
  if (p->named > g->cfg.wants_max / 2 ||
      !al_gossip_spend(&p->trust, 1, AL_GOSSIP_TRUST_PER_S, AL_GOSSIP_TRUST_MAX, now)) {
    al_count(g->cfg.counters, AL_COUNT_gossip_rate);
    return;
  }
  index = g->want_free - 1;
  al_gossip_want *w = want_at(g, index);
  g->want_free = w->next;
  *w = (al_gossip_want){.id = *id, .sequence = sequence, .first = p->link};
  source_add(w, p->link);
  p->named++;
  AL_ASSERT(al_map_put_id(&g->want_by_id, id, index) == AL_OK);
  list_add(g, p, index);
}

/* ---- asking ---- */

bool al_gossip_can_ask(const al_gossip_peer *p) {
  return p->waiting.head != 0 && p->asked < AL_GOSSIP_ASKED_MAX;
}

bool al_gossip_ask(al_gossip *g, al_gossip_peer *p, al_time now, al_id *ret_id) {
  if (!al_gossip_can_ask(p)) return false;
  uint32_t index = p->waiting.head - 1;
  al_gossip_want *w = want_at(g, index);
  list_remove(g, p, index);
  w->state = AL_GOSSIP_WANT_ASKED;
  w->asked_at = now;
  p->asked++;
  p->answers++;
  al_heap_set(&g->want_timers, index, now + AL_GOSSIP_WANT_US);
  *ret_id = w->id;
  return true;
}

void al_gossip_got(al_gossip *g, const al_id *id, al_link from, al_time now) {
  uint32_t index;
  bool known;
  if (!al_map_find_id(&g->want_by_id, id, &index)) return;
  al_gossip_want *w = want_at(g, index);
  al_gossip_peer *p = al_gossip_peer_of(g, from);
  bool asked = p != NULL && w->state == AL_GOSSIP_WANT_ASKED && w->target == from;
  if (asked) p->answered = now;
  if (asked && p->trust.left < AL_GOSSIP_TRUST_MAX) p->trust.left++;
  if (known_sequence(g, id, &known) >= w->sequence && known) {
    want_free(g, index);
  } else if (asked) { /* it gave an older one than it, or another, had named */
    detach(g, index);
    source_remove(w, from);
    go_on(g, index);
  }
}

void al_gossip_wants_leave(al_gossip *g, al_gossip_peer *p) {
  for (uint32_t index = 0; index < g->cfg.wants_max; index++) {
    al_gossip_want *w = want_at(g, index);
    if (w->state == AL_GOSSIP_WANT_FREE) continue;
    if (w->first == p->link) w->first = 0;
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
    /* A slow neighbour that sends one after the other is not interrupted. */
    al_time patient = p->answered + AL_GOSSIP_WANT_US;
    if (patient > now && now < w->asked_at + AL_GOSSIP_PATIENCE_US) {
      al_heap_set(&g->want_timers, index, patient);
      continue;
    }
    if (p->answers > 0) p->answers--;
    detach(g, index);
    source_remove(w, p->link);
    go_on(g, index);
  }
}
