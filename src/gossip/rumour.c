/* rumour.c — see state.h: announcements, rumours of nodes and what is believed of them. A rumour is
 * nobody's word: it makes this node draw others, for a while, and no more. Whoever is accused hears
 * of it as everybody does and answers. */
#include "gossip/state.h"

/* ---- the ring ---- */

static al_gossip_news *news_at(const al_gossip *g, uint32_t number) {
  return &g->news[number & (g->cfg.news_max - 1)];
}

void al_gossip_tell(al_gossip *g, const al_gossip_news *news, al_time now) {
  if (!al_gossip_open_news(g)) {
    al_count(g->cfg.counters, AL_COUNT_gossip_full);
    return;
  }
  g->news_until = now + AL_GOSSIP_STAMP_S * AL_SECOND;
  *news_at(g, g->news_count++) = *news;
  g->flush_at = al_min_u64(g->flush_at, now + AL_GOSSIP_ANNOUNCE_US);
}

static uint32_t remembered(const al_gossip *g) {
  return (uint32_t)al_min_u64(g->news_count - g->news_from, g->cfg.news_max);
}

const al_gossip_news *al_gossip_find_news(const al_gossip *g, const al_id *id,
                                          al_gossip_topic topic) {
  for (uint32_t i = 1; i <= remembered(g); i++) {
    const al_gossip_news *n = news_at(g, g->news_count - i);
    if (n->topic == topic && al_id_equal(&n->id, id)) return n;
  }
  return NULL;
}

al_gossip_peer *al_gossip_source(const al_gossip *g, const al_id *id, uint64_t *ret_sequence) {
  for (uint32_t i = 1; i <= remembered(g); i++) {
    const al_gossip_news *n = news_at(g, g->news_count - i);
    if (n->topic != AL_GOSSIP_NEWER || !al_id_equal(&n->id, id)) continue;
    *ret_sequence = n->stamp;
    return al_gossip_peer_of(g, n->from);
  }
  return NULL;
}

static uint64_t stamp_of(const al_gossip *g, const al_id *id, al_gossip_topic topic) {
  const al_gossip_news *n = al_gossip_find_news(g, id, topic);
  return n != NULL ? n->stamp : 0;
}

/* Neighbours of a dead node notice it within a moment of each other: that is one piece of news. And
 * who has just shown life is not believed dead. */
static bool heard(const al_gossip *g, const al_rumour *r) {
  uint64_t alive = stamp_of(g, &r->id, AL_GOSSIP_ALIVE), dead = stamp_of(g, &r->id, AL_GOSSIP_DEAD);
  if (r->kind == AL_RUMOUR_NEWER) return r->stamp <= stamp_of(g, &r->id, AL_GOSSIP_NEWER);
  if (r->kind == AL_RUMOUR_ALIVE) return r->stamp <= alive || r->stamp <= dead;
  return (dead != 0 && r->stamp <= dead + AL_GOSSIP_IMMUNE_S) ||
         (alive != 0 && r->stamp <= alive + AL_GOSSIP_IMMUNE_S);
}

static void pass_on(al_gossip *g, const al_rumour *r, al_link from, al_time now) {
  al_gossip_news n = {r->id, r->stamp, from, (uint8_t)r->kind, r->hops};
  al_gossip_tell(g, &n, now);
}

/* ---- doubts ---- */

static al_gossip_mark *mark_of(al_gossip *g, al_peer peer) {
  for (uint32_t i = 0; i < g->marks_count; i++)
    if (g->marks[i].peer == peer) return &g->marks[i];
  return NULL;
}

static void mark_drop(al_gossip *g, al_gossip_mark *m) {
  *m = g->marks[--g->marks_count];
  if (g->marks_count == 0) g->marks_at = AL_TIME_NEVER;
}

static void doubt(al_gossip *g, al_peer peer, al_time now) {
  if (mark_of(g, peer) != NULL) return;
  if (g->marks_count == g->cfg.doubts_max) {
    al_count(g->cfg.counters, AL_COUNT_gossip_doubts);
    return;
  }
  if (g->marks_count == 0) g->marks_at = now + AL_GOSSIP_MARKS_US;
  g->marks[g->marks_count++] = (al_gossip_mark){peer, now};
  al_book_doubt(g->cfg.book, peer, true);
}

bool al_gossip_trust(al_gossip *g, al_peer peer) {
  al_gossip_mark *m = peer != 0 ? mark_of(g, peer) : NULL;
  if (m == NULL) return false;
  al_book_doubt(g->cfg.book, peer, false);
  mark_drop(g, m);
  return true;
}

/* Silence is taken for an answer after two minutes; but when many went at once they may be behind a
 * partition, and come back. Who is linked or a guard is not forgotten. */
void al_gossip_marks_tick(al_gossip *g, al_time now) {
  if (g->marks_at > now) return;
  g->marks_at = now + AL_GOSSIP_MARKS_US;
  bool many = g->marks_count > g->cfg.doubts_max / 2;
  al_time patience = (many ? AL_GOSSIP_MOURN_S : AL_GOSSIP_SILENCE_S) * AL_SECOND;
  for (uint32_t i = g->marks_count; i-- > 0;) {
    al_gossip_mark *m = &g->marks[i];
    if (al_time_since(now, m->at) < patience) continue;
    if (!al_book_forget(g->cfg.book, m->peer)) al_book_doubt(g->cfg.book, m->peer, false);
    mark_drop(g, m);
  }
}

/* ---- what is said of a node ---- */

static void on_dead(al_gossip *g, const al_rumour *r, al_time now) {
  al_peer peer = al_book_find(g->cfg.book, &r->id);
  const al_peer_entry *e = al_book_get(g->cfg.book, peer);
  if (e != NULL && e->desc.sequence <= r->stamp) doubt(g, peer, now);
}

/* This node is said to be dead: it says that it lives, later than the rumour has it. */
static void refute(al_gossip *g, const al_rumour *r, al_time now) {
  if (now < g->refute_at || r->stamp < g->alive_s) return;
  g->refute_at = now + AL_GOSSIP_REFUTE_US;
  g->alive_s = al_max_u64(al_gossip_wall(g, now), r->stamp + 1);
  al_rumour mine = {AL_RUMOUR_ALIVE, AL_RUMOUR_HOPS_MAX, g->cfg.self, g->alive_s};
  pass_on(g, &mine, 0, now);
}

/* Whoever tells it can be asked for the descriptor: each further one is a further source. */
static void on_newer(al_gossip *g, al_gossip_peer *p, const al_rumour *r) {
  const al_peer_entry *e = al_book_get(g->cfg.book, al_book_find(g->cfg.book, &r->id));
  if (e != NULL ? e->desc.sequence < r->stamp : al_book_takes(g->cfg.book, &r->id))
    (void)al_gossip_want_of(g, p, p, r, NULL);
}

static bool in_time(const al_gossip *g, const al_rumour *r, al_time now) {
  uint64_t wall = al_gossip_wall(g, now);
  if (r->kind == AL_RUMOUR_NEWER) return true;
  return r->stamp + AL_GOSSIP_STAMP_S >= wall && r->stamp <= wall + AL_DESC_SKEW_S;
}

/* What all neighbours together may tell, and what one may. Each kind apart: deaths must not drown
 * the answers to them, and after a partition everybody shows life at once while keys go on
 * changing. */
static bool spend(al_gossip *g, al_gossip_peer *p, al_rumour_kind kind, al_time now) {
  uint64_t s = al_min_u64(al_time_since(now, g->filled) / AL_SECOND, AL_GOSSIP_ALL_MAX);
  for (int i = 0; i < 3; i++) {
    uint64_t left = g->rumours_left[i] + s * AL_GOSSIP_ALL_PER_S;
    g->rumours_left[i] = (uint16_t)al_min_u64(left, AL_GOSSIP_ALL_MAX);
  }
  if (s != 0) g->filled = now;
  if (al_gossip_spend(kind == AL_RUMOUR_NEWER ? &p->newer : &p->rumours, 1) &&
      al_gossip_spend(&g->rumours_left[kind - AL_RUMOUR_DEAD], 1))
    return true;
  al_count(g->cfg.counters, AL_COUNT_gossip_rate);
  return false;
}

static void rumour_rx(al_gossip *g, al_gossip_peer *p, const al_rumour *r, al_time now) {
  if (!in_time(g, r, now)) {
    al_count(g->cfg.counters, AL_COUNT_gossip_expired);
    return;
  }
  if (al_id_equal(&r->id, &g->cfg.self)) {
    if (r->kind == AL_RUMOUR_DEAD) refute(g, r, now);
    return;
  }
  if (heard(g, r)) {
    bool wanted = al_gossip_find_want(g, &r->id, NULL);
    if (wanted && r->kind == AL_RUMOUR_NEWER) on_newer(g, p, r);
    return;
  }
  if (!spend(g, p, r->kind, now)) return;
  if (r->kind == AL_RUMOUR_DEAD) on_dead(g, r, now);
  if (r->kind == AL_RUMOUR_ALIVE) (void)al_gossip_trust(g, al_book_find(g->cfg.book, &r->id));
  if (r->kind == AL_RUMOUR_NEWER) on_newer(g, p, r);
  pass_on(g, r, p->link, now);
}

al_gossip_verdict al_gossip_sample_rx(al_gossip *g, al_gossip_peer *p, al_bytes bytes,
                                      al_time now) {
  al_rd r;
  al_rumour one;
  bool keep = false;
  al_gossip_fill(g, p, now);
  switch (al_sample_decode(bytes, &keep, &r)) {
    case AL_SAMPLE_KEEP:
      p->kept = keep;
      return AL_GOSSIP_NONE;
    case AL_SAMPLE_RUMOURS:
      while (al_sample_next(&r, &one)) rumour_rx(g, p, &one, now);
      return AL_GOSSIP_NONE;
    default:
      al_count(g->cfg.counters, AL_COUNT_gossip_parse);
      return AL_GOSSIP_DROP;
  }
}

/* ---- of this node's own knowledge ---- */

void al_gossip_dead(al_gossip *g, const al_id *id, al_time now) {
  al_rumour r = {AL_RUMOUR_DEAD, AL_RUMOUR_HOPS_MAX, *id, al_gossip_wall(g, now)};
  if (heard(g, &r)) return;
  on_dead(g, &r, now);
  pass_on(g, &r, 0, now);
}

void al_gossip_alive(al_gossip *g, const al_id *id, al_time now) {
  uint64_t dead = stamp_of(g, id, AL_GOSSIP_DEAD);
  bool doubted = al_gossip_trust(g, al_book_find(g->cfg.book, id));
  if (!doubted && dead == 0) return;
  al_rumour r = {AL_RUMOUR_ALIVE, AL_RUMOUR_HOPS_MAX, *id,
                 al_max_u64(al_gossip_wall(g, now), dead + 1)};
  if (!heard(g, &r)) pass_on(g, &r, 0, now);
}

bool al_gossip_accused(const al_gossip *g, uint32_t *since, al_id *ret) {
  if (g->news_count - *since > remembered(g)) *since = g->news_count - remembered(g);
  while (*since != g->news_count) {
    const al_gossip_news *n = news_at(g, (*since)++);
    if (n->topic != AL_GOSSIP_DEAD || n->from == 0) continue;
    *ret = n->id;
    return true;
  }
  return false;
}
