/* gossip.c — see gossip.h: neighbours, what comes from them, and time. */
#include "gossip/state.h"

enum { LINKS_MAX = 4096, WANTS_MAX = 65536 };

static size_t ready_words(const al_gossip *g) { return (g->cfg.links_max + 63) / 64; }

al_err al_gossip_init(al_gossip *g, const al_gossip_config *c) {
  memset(g, 0, sizeof *g);
  if (c->alloc == NULL || c->rng == NULL || c->counters == NULL || c->book == NULL ||
      c->links_max == 0 || c->links_max > LINKS_MAX || c->wants_max == 0 ||
      c->wants_max > WANTS_MAX)
    return AL_EINVAL;
  uint8_t secret[AL_MAP_SECRET_BYTES];
  g->cfg = *c;
  al_rng_bytes(c->rng, secret, sizeof secret);
  g->peers = al_new_array(c->alloc, c->links_max, sizeof *g->peers);
  g->wants = al_new_array(c->alloc, c->wants_max, sizeof *g->wants);
  g->news = al_new_array(c->alloc, AL_GOSSIP_NEWS, sizeof *g->news);
  g->ready = al_new_array(c->alloc, ready_words(g), sizeof *g->ready);
  al_err e = g->peers != NULL && g->wants != NULL && g->news != NULL && g->ready != NULL
                 ? AL_OK
                 : AL_ENOMEM;
  if (e == AL_OK) e = al_map_init(&g->want_by_id, c->alloc, sizeof(al_id), c->wants_max, secret);
  if (e == AL_OK) e = al_heap_init(&g->want_timers, c->alloc, c->wants_max);
  if (e != AL_OK) {
    al_gossip_clear(g);
    return e;
  }
  for (uint32_t i = 0; i < c->wants_max; i++) g->wants[i].next = i + 1 < c->wants_max ? i + 2 : 0;
  g->want_free = 1;
  g->flush_at = g->round_at = AL_TIME_NEVER;
  return AL_OK;
}

void al_gossip_clear(al_gossip *g) {
  const al_alloc *a = g->cfg.alloc;
  al_heap_clear(&g->want_timers);
  al_map_clear(&g->want_by_id);
  if (g->ready != NULL) al_delete(a, g->ready, ready_words(g) * sizeof *g->ready);
  if (g->news != NULL) al_delete(a, g->news, AL_GOSSIP_NEWS * sizeof *g->news);
  if (g->wants != NULL) al_delete(a, g->wants, g->cfg.wants_max * sizeof *g->wants);
  if (g->peers != NULL) al_delete(a, g->peers, g->cfg.links_max * sizeof *g->peers);
  memset(g, 0, sizeof *g);
}

uint64_t al_gossip_wall(const al_gossip *g, al_time now) {
  return g->cfg.wall_s + al_time_since(now, g->cfg.now) / AL_SECOND;
}

void al_gossip_set_wall(al_gossip *g, uint64_t wall_s, al_time now) {
  g->cfg.wall_s = wall_s;
  g->cfg.now = now;
}

bool al_gossip_spend(al_gossip_bucket *b, uint32_t n, uint32_t per_s, uint32_t most, al_time now) {
  uint64_t gained = al_min_u64(al_time_since(now, b->at) / (AL_SECOND / per_s), most);
  if (gained != 0) {
    b->left = (uint32_t)al_min_u64(b->left + gained, most);
    b->at = now;
  }
  if (b->left < n) return false;
  b->left -= n;
  return true;
}

/* ---- neighbours ---- */

al_gossip_peer *al_gossip_peer_of(const al_gossip *g, al_link link) {
  uint32_t index = al_slab_index(link);
  if (link == 0 || index >= g->cfg.links_max || g->peers[index].link != link) return NULL;
  return &g->peers[index];
}

void al_gossip_wake(al_gossip *g, const al_gossip_peer *p, bool on) {
  size_t index = (size_t)(p - g->peers);
  uint64_t bit = (uint64_t)1 << index % 64, *word = &g->ready[index / 64];
  if (((*word & bit) != 0) == on) return;
  *word ^= bit;
  g->ready_count = on ? g->ready_count + 1 : g->ready_count - 1;
}

/* 30 s, give or take a fifth. */
static al_time next_round(const al_gossip *g, al_time now) {
  return now + AL_GOSSIP_PERIOD_US / 5 * 4 +
         al_rng_below(g->cfg.rng, AL_GOSSIP_PERIOD_US / 5 * 2 + 1);
}

void al_gossip_link_up(al_gossip *g, al_link link, al_time now) {
  uint32_t index = al_slab_index(link);
  AL_ASSERT(link != 0 && index < g->cfg.links_max);
  al_gossip_peer *p = &g->peers[index];
  if (p->link == link) return;
  if (p->link != 0) al_gossip_link_down(g, p->link, now);
  p->link = link;
  p->digest_due = true;
  p->news_at = g->news_count;
  p->trust = (al_gossip_bucket){AL_GOSSIP_TRUST_MAX, now};
  p->entries = (al_gossip_bucket){AL_GOSSIP_ENTRIES_MAX, now};
  p->served = (al_gossip_bucket){AL_GOSSIP_SERVED_MAX, now};
  if (g->peers_count++ == 0) g->round_at = next_round(g, now);
  al_gossip_wake(g, p, true);
}

void al_gossip_link_down(al_gossip *g, al_link link, al_time now) {
  (void)now;
  al_gossip_peer *p = al_gossip_peer_of(g, link);
  if (p == NULL) return;
  al_gossip_wants_leave(g, p);
  al_gossip_wake(g, p, false);
  memset(p, 0, sizeof *p);
  if (--g->peers_count == 0) g->round_at = AL_TIME_NEVER;
}

/* ---- news ---- */

static void announce(al_gossip *g, const al_id *id, al_link from, al_time now) {
  g->news[g->news_count++ % AL_GOSSIP_NEWS] = (al_gossip_news){*id, from};
  g->flush_at = al_min_u64(g->flush_at, now + AL_GOSSIP_ANNOUNCE_US);
}

void al_gossip_own(al_gossip *g, al_time now, uint64_t sequence) {
  g->own_sequence = sequence;
  announce(g, &g->cfg.self, 0, now);
}

void al_gossip_learned(al_gossip *g, const al_id *peer, al_link from, al_time now) {
  al_gossip_got(g, peer, from, now);
  announce(g, peer, from, now);
}

void al_gossip_refused(al_gossip *g, al_link from, al_book_verdict why, al_time now) {
  al_gossip_peer *p = al_gossip_peer_of(g, from);
  if (why == AL_BOOK_FULL) g->full_until = now + AL_GOSSIP_FULL_US;
  if (p == NULL) return;
  uint32_t cost = 0;
  if (why == AL_BOOK_MALFORMED || why == AL_BOOK_PUZZLE || why == AL_BOOK_SIGNATURE)
    cost = AL_GOSSIP_TRUST_FORGED;
  else if (why == AL_BOOK_EXPIRED)
    cost = AL_GOSSIP_TRUST_EXPIRED;
  p->trust.left -= cost < p->trust.left ? cost : p->trust.left;
}

/* ---- messages ---- */

static al_gossip_verdict drop(al_gossip *g, al_counter why) {
  al_count(g->cfg.counters, why);
  return AL_GOSSIP_DROP;
}

static al_gossip_verdict digest_rx(al_gossip *g, al_gossip_peer *p, al_bytes bytes, al_time now) {
  al_rd r;
  al_id id;
  uint64_t sequence;
  if (al_digest_decode(bytes, &r) != AL_OK) return drop(g, AL_COUNT_gossip_parse);
  uint32_t entries = (uint32_t)(bytes.len / AL_DIGEST_ENTRY_BYTES);
  if (!al_gossip_spend(&p->entries, entries + 1, AL_GOSSIP_ENTRIES_PER_S, AL_GOSSIP_ENTRIES_MAX,
                       now))
    return drop(g, AL_COUNT_gossip_rate);
  while (al_digest_next(&r, &id, &sequence)) al_gossip_named(g, p, &id, sequence, now);
  return AL_GOSSIP_NONE;
}

static void serve(al_gossip *g, al_gossip_peer *p, al_peer peer, al_time now) {
  for (uint32_t i = 0; i < p->serve_count; i++)
    if (p->serve[(p->serve_first + i) % AL_GOSSIP_SERVE_MAX] == peer) return;
  if (p->serve_count == AL_GOSSIP_SERVE_MAX ||
      !al_gossip_spend(&p->served, 1, AL_GOSSIP_SERVED_PER_S, AL_GOSSIP_SERVED_MAX, now)) {
    al_count(g->cfg.counters, AL_COUNT_gossip_rate);
    return;
  }
  p->serve[(p->serve_first + p->serve_count++) % AL_GOSSIP_SERVE_MAX] = peer;
  al_gossip_wake(g, p, true);
}

static al_gossip_verdict want_rx(al_gossip *g, al_gossip_peer *p, al_bytes bytes, al_time now) {
  al_rd r;
  al_id id;
  if (al_want_decode(bytes, &r) != AL_OK) return drop(g, AL_COUNT_gossip_parse);
  while (al_want_next(&r, &id)) {
    al_peer peer =
        al_id_equal(&id, &g->cfg.self) ? (al_peer)AL_GOSSIP_OWN : al_book_find(g->cfg.book, &id);
    if (peer != 0) serve(g, p, peer, now);
  }
  return AL_GOSSIP_NONE;
}

static al_gossip_verdict descriptor_rx(al_gossip *g, al_gossip_peer *p) {
  if (p->answers == 0) return drop(g, AL_COUNT_gossip_unasked);
  p->answers--;
  return AL_GOSSIP_DESCRIPTOR;
}

al_gossip_verdict al_gossip_rx(al_gossip *g, al_link link, al_message_kind kind, al_bytes bytes,
                               al_time now) {
  al_gossip_peer *p = al_gossip_peer_of(g, link);
  if (p == NULL) return drop(g, AL_COUNT_gossip_unasked);
  switch (kind) {
    case AL_MESSAGE_DIGEST:
      return digest_rx(g, p, bytes, now);
    case AL_MESSAGE_WANT:
      return want_rx(g, p, bytes, now);
    case AL_MESSAGE_DESCRIPTOR:
      return descriptor_rx(g, p);
    default:
      return drop(g, AL_COUNT_gossip_parse);
  }
}

/* ---- time ---- */

al_time al_gossip_deadline(const al_gossip *g) {
  return al_min_u64(al_min_u64(g->flush_at, g->round_at), al_heap_deadline(&g->want_timers));
}

/* Everybody who has not been told the news is to be told. */
static void flush(al_gossip *g) {
  g->flush_at = AL_TIME_NEVER;
  for (uint32_t i = 0; i < g->cfg.links_max; i++) {
    al_gossip_peer *p = &g->peers[i];
    if (p->link == 0 || p->news_at == g->news_count) continue;
    p->news_due = true;
    al_gossip_wake(g, p, true);
  }
}

/* The periodic digest, to one neighbour at random. */
static void round_due(al_gossip *g, al_time now) {
  uint64_t skip = al_rng_below(g->cfg.rng, g->peers_count);
  g->round_at = next_round(g, now);
  for (uint32_t i = 0; i < g->cfg.links_max; i++) {
    al_gossip_peer *p = &g->peers[i];
    if (p->link == 0 || skip-- != 0) continue;
    if (!p->digest_due) {
      p->digest_due = true;
      p->digest_started = false;
      p->digest_cursor = 0;
    }
    al_gossip_wake(g, p, true);
    return;
  }
}

void al_gossip_tick(al_gossip *g, al_time now) {
  al_gossip_wants_tick(g, now);
  if (g->flush_at <= now) flush(g);
  if (g->round_at <= now) round_due(g, now);
}
