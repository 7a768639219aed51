/* gossip.c — see gossip.h: neighbours, what comes from them, and time. */
#include "gossip/state.h"

enum { LINKS_MAX = 4096, LINKS_STEP = 4, WANTS_MAX = 65535, NEWS_MAX = 4096, URGENT_US = 2000000 };

/* Places come by steps: some bits more. */
static size_t ready_words(const al_gossip *g) { return (g->cfg.links_max + LINKS_STEP + 62) / 64; }

static bool config_valid(const al_gossip_config *c) {
  return c->alloc != NULL && c->rng != NULL && c->counters != NULL && c->book != NULL &&
         c->links_max >= 1 && c->links_max <= LINKS_MAX && c->wants_max >= 1 &&
         c->wants_max <= WANTS_MAX && c->news_max >= 16 && c->news_max <= NEWS_MAX &&
         (c->news_max & (c->news_max - 1)) == 0 && c->serve_max >= 16 &&
         c->serve_max <= UINT16_MAX && c->doubts_max >= 1 && c->doubts_max <= UINT16_MAX;
}

static const al_alloc *memory(const al_gossip *g) {
  return g->cfg.loose != NULL ? g->cfg.loose : g->cfg.alloc;
}

static void close_tables(al_gossip *g) {
  const al_gossip_config *c = &g->cfg;
  al_delete(memory(g), g->wants, c->wants_max * sizeof *g->wants);
  al_delete(memory(g), g->serves, c->serve_max * sizeof *g->serves);
  al_delete(memory(g), g->traffic, g->peers_len * sizeof *g->traffic);
  al_heap_clear(&g->want_timers);
  g->traffic = NULL;
  g->wants = NULL;
  g->serves = NULL;
  g->want_free = g->serve_free = 0;
}

bool al_gossip_open(al_gossip *g) {
  const al_gossip_config *c = &g->cfg;
  if (g->wants != NULL) return true;
  g->wants = al_new_array(memory(g), c->wants_max, sizeof *g->wants);
  g->serves = al_new_array(memory(g), c->serve_max, sizeof *g->serves);
  g->traffic = al_new_array(memory(g), g->peers_len, sizeof *g->traffic);
  if (g->wants == NULL || g->serves == NULL || g->traffic == NULL ||
      al_heap_init(&g->want_timers, memory(g), c->wants_max) != AL_OK) {
    close_tables(g);
    return false;
  }
  for (uint32_t i = 0; i < c->wants_max; i++) g->wants[i].next = i + 1 < c->wants_max ? i + 2 : 0;
  for (uint32_t i = 0; i < c->serve_max; i++)
    g->serves[i].next = (uint16_t)(i + 1 < c->serve_max ? i + 2 : 0);
  g->want_free = g->serve_free = 1;
  return true;
}

bool al_gossip_open_news(al_gossip *g) {
  if (g->news == NULL) g->news = al_new_array(memory(g), g->cfg.news_max, sizeof *g->news);
  return g->news != NULL;
}

/* Nobody is to be told any of them, and none is young enough to be told again by others. */
static void forget_news(al_gossip *g, al_time now) {
  if (g->news == NULL || g->news_until > now || g->flush_at != AL_TIME_NEVER) return;
  for (uint32_t i = 0; i < g->peers_len; i++)
    if (g->peers[i].link != 0 && g->peers[i].news_due) return;
  al_delete(memory(g), g->news, g->cfg.news_max * sizeof *g->news);
  g->news = NULL;
  g->news_from = g->news_count;
}

void al_gossip_rest(al_gossip *g, al_time now) {
  if (g->cfg.loose == NULL) return;
  if (g->wants_count == 0 && g->serves_count == 0 && g->answers_count == 0) close_tables(g);
  forget_news(g, now);
}

al_err al_gossip_reserve(al_gossip *g, uint32_t links) {
  if (links <= g->peers_len) return AL_OK;
  const uint32_t had = g->peers_len, len = (links + LINKS_STEP - 1) / LINKS_STEP * LINKS_STEP;
  al_gossip_traffic *t = NULL;
  if (g->traffic != NULL && (t = al_new_array(memory(g), len, sizeof *t)) == NULL) return AL_ENOMEM;
  al_gossip_peer *more = al_grown(g->cfg.alloc, g->peers, had * sizeof *more, len * sizeof *more);
  if (more == NULL) {
    al_delete(memory(g), t, len * sizeof *t);
    return AL_ENOMEM;
  }
  g->peers = more;
  g->peers_len = len;
  if (t == NULL) return AL_OK;
  if (had != 0) memcpy(t, g->traffic, had * sizeof *t);
  al_delete(memory(g), g->traffic, had * sizeof *t);
  g->traffic = t;
  return AL_OK;
}

static al_err take_tables(al_gossip *g) {
  const al_gossip_config *c = &g->cfg;
  uint8_t secret[AL_MAP_SECRET_BYTES];
  al_rng_bytes(c->rng, secret, sizeof secret);
  if (c->loose == NULL) g->news = al_new_array(c->alloc, c->news_max, sizeof *g->news);
  g->marks = al_new_array(c->alloc, c->doubts_max, sizeof *g->marks);
  g->ready = al_new_array(c->alloc, ready_words(g), sizeof *g->ready);
  if (g->marks == NULL || g->ready == NULL) return AL_ENOMEM;
  if (c->loose != NULL) return AL_OK;
  if (g->news == NULL) return AL_ENOMEM;
  if (al_gossip_reserve(g, c->links_max) != AL_OK) return AL_ENOMEM;
  if (!al_gossip_open(g)) return AL_ENOMEM;
  return al_map_init(&g->want_by_id, c->alloc, sizeof(al_id), c->wants_max, secret);
}

al_err al_gossip_init(al_gossip *g, const al_gossip_config *c) {
  memset(g, 0, sizeof *g);
  if (!config_valid(c)) return AL_EINVAL;
  g->cfg = *c;
  al_err e = take_tables(g);
  if (e != AL_OK) {
    al_gossip_clear(g);
    return e;
  }
  g->flush_at = g->round_at = g->page_at = g->pace_at = AL_TIME_NEVER;
  g->marks_at = g->urgent_at = AL_TIME_NEVER;
  g->filled = c->now;
  for (int i = 0; i < 3; i++) g->rumours_left[i] = AL_GOSSIP_ALL_MAX;
  return AL_OK;
}

void al_gossip_clear(al_gossip *g) {
  const al_alloc *a = g->cfg.alloc;
  al_map_clear(&g->want_by_id);
  if (a != NULL) {
    close_tables(g);
    al_delete(a, g->ready, ready_words(g) * sizeof *g->ready);
    al_delete(a, g->marks, g->cfg.doubts_max * sizeof *g->marks);
    al_delete(memory(g), g->news, g->cfg.news_max * sizeof *g->news);
    al_delete(a, g->peers, g->peers_len * sizeof *g->peers);
  }
  memset(g, 0, sizeof *g);
}

uint64_t al_gossip_wall(const al_gossip *g, al_time now) {
  return g->cfg.wall_s + al_time_since(now, g->cfg.now) / AL_SECOND;
}

void al_gossip_set_wall(al_gossip *g, uint64_t wall_s, al_time now) {
  g->cfg.wall_s = wall_s;
  g->cfg.now = now;
}

/* ---- quotas ---- */

static void grow(uint16_t *left, uint64_t seconds, uint32_t per_s, uint32_t most) {
  *left = (uint16_t)al_min_u64(*left + seconds * per_s, most);
}

void al_gossip_fill(const al_gossip *g, al_gossip_peer *p, al_time now) {
  uint32_t now_s = (uint32_t)(now / AL_SECOND);
  uint64_t s = al_min_u64(now_s - p->filled_s, UINT16_MAX);
  if (s == 0) return;
  p->filled_s = now_s;
  grow(&p->trust, s, AL_GOSSIP_TRUST_PER_S, AL_GOSSIP_TRUST_MAX);
  if (al_book_full(g->cfg.book))
    grow(&p->entries, s, AL_GOSSIP_LISTED_PER_S, AL_GOSSIP_LISTED_MAX);
  else
    grow(&p->entries, s, AL_GOSSIP_ENTRIES_PER_S, AL_GOSSIP_ENTRIES_MAX);
  grow(&p->served, s, AL_GOSSIP_PACE_PER_S, AL_GOSSIP_PACE_BURST);
  grow(&p->rumours, s, AL_GOSSIP_RUMOURS_PER_S, AL_GOSSIP_RUMOURS_MAX);
  grow(&p->newer, s, AL_GOSSIP_RUMOURS_PER_S, AL_GOSSIP_RUMOURS_MAX);
}

bool al_gossip_spend(uint16_t *left, uint32_t n) {
  if (*left < n) return false;
  *left = (uint16_t)(*left - n);
  return true;
}

/* ---- neighbours ---- */

al_gossip_peer *al_gossip_peer_of(const al_gossip *g, al_link link) {
  uint32_t index = al_slab_index(link);
  if (link == 0 || index >= g->peers_len || g->peers[index].link != link) return NULL;
  return &g->peers[index];
}

void al_gossip_wake(al_gossip *g, const al_gossip_peer *p, bool on) {
  size_t index = (size_t)(p - g->peers);
  uint64_t bit = (uint64_t)1 << index % 64, *word = &g->ready[index / 64];
  if (((*word & bit) != 0) == on) return;
  *word ^= bit;
  g->ready_count = on ? g->ready_count + 1 : g->ready_count - 1;
}

al_time al_gossip_next_random(const al_gossip *g, al_time now, uint64_t mean_us) {
  return now + mean_us / 5 * 4 + al_rng_below(g->cfg.rng, mean_us / 5 * 2 + 1);
}

/* Of a sample a neighbour gets what a message takes at once, from a place at random on, so that not
 * everybody tells the same; the rest page by page. */
void al_gossip_list_from(al_gossip *g, al_gossip_peer *p) {
  bool full = al_book_full(g->cfg.book);
  p->digest_due = p->digest_whole = true;
  p->digest_started = p->digest_wrapped = false;
  p->listing = full;
  p->digest_from = full ? (uint32_t)al_rng_below(g->cfg.rng, g->cfg.book->reserved + 1) : 0;
  p->digest_cursor = p->digest_from;
  al_gossip_wake(g, p, true);
}

void al_gossip_link_up(al_gossip *g, al_link link, al_time now) {
  uint32_t index = al_slab_index(link);
  AL_ASSERT(link != 0 && index < g->peers_len);
  al_gossip_peer *p = &g->peers[index];
  if (p->link == link) return;
  if (p->link != 0) al_gossip_link_down(g, p->link, now);
  p->link = link;
  p->news_at = g->news_count;
  p->trust = AL_GOSSIP_TRUST_MAX;
  p->entries = al_book_full(g->cfg.book) ? AL_GOSSIP_LISTED_MAX : AL_GOSSIP_ENTRIES_MAX;
  p->served = AL_GOSSIP_PACE_BURST;
  p->rumours = p->newer = AL_GOSSIP_RUMOURS_MAX;
  p->filled_s = (uint32_t)(now / AL_SECOND);
  if (g->peers_count++ == 0) {
    g->round_at = al_gossip_next_random(g, now, AL_GOSSIP_PERIOD_US);
    g->page_at = al_gossip_next_random(g, now, AL_GOSSIP_PAGE_US);
    if (g->urgent) g->urgent_at = now + URGENT_US;
  }
  al_gossip_list_from(g, p);
}

void al_gossip_adopt(al_gossip *g, al_link link) {
  al_gossip_peer *p = al_gossip_peer_of(g, link);
  if (p == NULL) return;
  p->digest_due = p->digest_whole = p->listing = false;
  p->keep = p->keep_told = p->kept = true;
  g->urgent = false;
  g->urgent_at = g->flush_at = AL_TIME_NEVER;
  al_gossip_wake(g, p, false);
}

void al_gossip_link_down(al_gossip *g, al_link link, al_time now) {
  (void)now;
  al_gossip_peer *p = al_gossip_peer_of(g, link);
  if (p == NULL) return;
  al_gossip_wants_leave(g, p);
  al_gossip_serve_clear(g, p);
  al_gossip_wake(g, p, false);
  if (g->traffic != NULL) {
    al_gossip_traffic *t = al_gossip_traffic_of(g, p);
    g->answers_count -= t->answers;
    memset(t, 0, sizeof *t);
  }
  memset(p, 0, sizeof *p);
  if (--g->peers_count == 0) g->round_at = g->page_at = AL_TIME_NEVER;
}

void al_gossip_keep(al_gossip *g, al_link link, bool keep) {
  al_gossip_peer *p = al_gossip_peer_of(g, link);
  if (p == NULL || p->keep == keep) return;
  p->keep = keep;
  if (p->keep != p->keep_told) al_gossip_wake(g, p, true);
}

bool al_gossip_kept(const al_gossip *g, al_link link) {
  const al_gossip_peer *p = al_gossip_peer_of(g, link);
  return p != NULL && p->kept;
}

/* ---- news ---- */

/* Of a sample nobody is told what came in: it would be news of everybody to everybody. And whoever
 * becomes a neighbour gets a digest anyhow. */
static void announce(al_gossip *g, const al_id *id, al_link from, al_time now) {
  if (al_book_full(g->cfg.book) || g->peers_count == 0) return;
  al_gossip_news n = {.id = *id, .from = from, .topic = AL_GOSSIP_HAVE};
  al_gossip_tell(g, &n, now);
}

void al_gossip_own(al_gossip *g, al_time now, uint64_t sequence) {
  g->own_sequence = sequence;
  announce(g, &g->cfg.self, 0, now);
}

void al_gossip_urgent(al_gossip *g, al_time now) {
  g->urgent = true;
  if (g->peers_count != 0) g->urgent_at = now;
}

static void urgent_due(al_gossip *g, al_time now) {
  g->urgent = false;
  g->urgent_at = AL_TIME_NEVER;
  if (!al_book_full(g->cfg.book)) return;
  al_gossip_news n = {.id = g->cfg.self,
                      .stamp = g->own_sequence,
                      .topic = AL_GOSSIP_NEWER,
                      .hops = AL_RUMOUR_HOPS_MAX};
  al_gossip_tell(g, &n, now);
}

void al_gossip_learned(al_gossip *g, const al_id *peer, al_link from, al_time now) {
  (void)al_gossip_trust(g, al_book_find(g->cfg.book, peer));
  al_gossip_got(g, peer, from, now);
  announce(g, peer, from, now);
}

void al_gossip_refused(al_gossip *g, al_link from, al_book_verdict why, al_time now) {
  al_gossip_peer *p = al_gossip_peer_of(g, from);
  if (why == AL_BOOK_FULL && !al_book_full(g->cfg.book)) g->full_until = now + AL_GOSSIP_FULL_US;
  if (p == NULL) return;
  uint32_t cost = 0;
  if (why == AL_BOOK_MALFORMED || why == AL_BOOK_PUZZLE || why == AL_BOOK_SIGNATURE)
    cost = AL_GOSSIP_TRUST_FORGED;
  else if (why == AL_BOOK_EXPIRED)
    cost = AL_GOSSIP_TRUST_EXPIRED;
  p->trust = (uint16_t)(p->trust - al_min_u64(cost, p->trust));
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
  if (!al_gossip_spend(&p->entries, (uint32_t)(bytes.len / AL_DIGEST_ENTRY_BYTES) + 1))
    return drop(g, AL_COUNT_gossip_rate);
  while (al_digest_next(&r, &id, &sequence)) al_gossip_named(g, p, &id, sequence, now);
  return AL_GOSSIP_NONE;
}

/* Asked for a descriptor that is not here: if a neighbour is known to be nearer to it, it is
 * fetched there. Rumours and hints lead towards their origin, so this ends. */
static void fetch_for(al_gossip *g, al_gossip_peer *p, const al_id *id) {
  al_rumour r = {.kind = AL_RUMOUR_NEWER, .id = *id};
  al_gossip_want *w;
  al_gossip_peer *source = al_gossip_source(g, id, &r.stamp);
  if (source == NULL || source == p) return;
  if (!al_gossip_spend(&p->served, 1)) {
    al_count(g->cfg.counters, AL_COUNT_gossip_rate);
    return;
  }
  if (!al_gossip_want_of(g, source, p, &r, &w)) return;
  for (unsigned i = 0; i < AL_GOSSIP_FOR; i++) {
    if (w->wanted_by[i] == p->link) return;
    if (w->wanted_by[i] != 0) continue;
    w->wanted_by[i] = p->link;
    return;
  }
}

static al_gossip_verdict want_rx(al_gossip *g, al_gossip_peer *p, al_bytes bytes) {
  al_rd r;
  al_id id;
  uint64_t newest;
  if (al_want_decode(bytes, &r) != AL_OK) return drop(g, AL_COUNT_gossip_parse);
  while (al_want_next(&r, &id)) {
    al_peer peer = al_book_find(g->cfg.book, &id);
    const al_peer_entry *e = al_book_get(g->cfg.book, peer);
    if (al_id_equal(&id, &g->cfg.self)) {
      al_gossip_serve_peer(g, p, (al_peer)AL_GOSSIP_OWN);
    } else if (e != NULL &&
               (al_gossip_source(g, &id, &newest) == NULL || newest <= e->desc.sequence)) {
      al_gossip_serve_peer(g, p, peer);
    } else {
      fetch_for(g, p, &id);
    }
  }
  return AL_GOSSIP_NONE;
}

static al_gossip_verdict descriptor_rx(al_gossip *g, al_gossip_peer *p) {
  if (g->traffic == NULL || al_gossip_traffic_of(g, p)->answers == 0)
    return drop(g, AL_COUNT_gossip_unasked);
  al_gossip_traffic_of(g, p)->answers--;
  g->answers_count--;
  return AL_GOSSIP_DESCRIPTOR;
}

al_gossip_verdict al_gossip_rx(al_gossip *g, al_link link, al_message_kind kind, al_bytes bytes,
                               al_time now) {
  al_gossip_peer *p = al_gossip_peer_of(g, link);
  if (p == NULL) return drop(g, AL_COUNT_gossip_unasked);
  al_gossip_fill(g, p, now);
  switch (kind) {
    case AL_MESSAGE_DIGEST:
      return digest_rx(g, p, bytes, now);
    case AL_MESSAGE_WANT:
      return want_rx(g, p, bytes);
    case AL_MESSAGE_DESCRIPTOR:
      return descriptor_rx(g, p);
    case AL_MESSAGE_SAMPLE:
      return al_gossip_sample_rx(g, p, bytes, now);
    default:
      return drop(g, AL_COUNT_gossip_parse);
  }
}

/* ---- time ---- */

al_time al_gossip_deadline(const al_gossip *g) {
  al_time t = al_min_u64(g->flush_at, g->round_at);
  t = al_min_u64(t, al_min_u64(g->page_at, g->pace_at));
  t = al_min_u64(t, al_min_u64(g->marks_at, g->urgent_at));
  return al_min_u64(t, al_heap_deadline(&g->want_timers));
}

/* Everybody who has not been told the news is to be told; of a sample, as many neighbours as a
 * rumour needs to reach all, others each time. */
static void flush(al_gossip *g) {
  uint32_t left = g->peers_count, take = left;
  if (al_book_full(g->cfg.book)) take = (uint32_t)al_min_u64(left, AL_GOSSIP_FAN);
  g->flush_at = AL_TIME_NEVER;
  for (uint32_t i = 0; i < g->peers_len && left != 0; i++) {
    al_gossip_peer *p = &g->peers[i];
    if (p->link == 0) continue;
    bool chosen = take == left || al_rng_below(g->cfg.rng, left) < take;
    left--;
    take -= chosen;
    if (!chosen && !p->news_due) p->news_at = g->news_count;
    if (!chosen || p->news_at == g->news_count) continue;
    p->news_due = true;
    al_gossip_wake(g, p, true);
  }
}

/* The periodic digest, to one neighbour at random. */
static void round_due(al_gossip *g, al_time now) {
  uint64_t skip = al_rng_below(g->cfg.rng, g->peers_count);
  g->round_at = al_gossip_next_random(g, now, AL_GOSSIP_PERIOD_US);
  for (uint32_t i = 0; i < g->peers_len; i++) {
    al_gossip_peer *p = &g->peers[i];
    if (p->link == 0 || skip-- != 0) continue;
    if (p->digest_due || p->listing) return;
    al_gossip_list_from(g, p);
    if (!al_book_full(g->cfg.book)) return;
    p->digest_due = p->digest_whole = false; /* in its turn */
    return;
  }
}

/* One more page of the sample for one of those who have not seen all of it. */
static void page_due(al_gossip *g, al_time now) {
  g->page_at = al_gossip_next_random(g, now, AL_GOSSIP_PAGE_US);
  for (uint32_t i = 0; i < g->peers_len; i++) {
    uint32_t at = (g->page_next + i) % g->peers_len;
    al_gossip_peer *p = &g->peers[at];
    if (p->link == 0 || !p->listing || p->digest_due) continue;
    g->page_next = at + 1;
    p->digest_due = true;
    al_gossip_wake(g, p, true);
    return;
  }
}

void al_gossip_tick(al_gossip *g, al_time now) {
  al_gossip_wants_tick(g, now);
  al_gossip_serve_tick(g, now);
  al_gossip_marks_tick(g, now);
  if (g->urgent_at <= now) urgent_due(g, now);
  if (g->flush_at <= now) flush(g);
  if (g->round_at <= now) round_due(g, now);
  if (g->page_at <= now) page_due(g, now);
  al_gossip_rest(g, now);
}
