/* build.c — see gossip.h: the messages that go out, built when the link has room for them. */
#include "gossip/state.h"

al_link al_gossip_ready(const al_gossip *g, uint32_t *cursor) {
  if (g->ready_count == 0) return 0;
  for (uint32_t i = *cursor; i < g->peers_len; i++) {
    uint64_t rest = g->ready[i / 64] >> i % 64;
    if (rest == 0) {
      i |= 63;
      continue;
    }
    if ((rest & 1) == 0) continue;
    *cursor = i + 1;
    return g->peers[i].link;
  }
  *cursor = g->peers_len;
  return 0;
}

/* The entry of an ID in a digest: the own one, or what the book has and has not expired. */
static bool add_entry(const al_gossip *g, const al_id *id, uint64_t wall_s, al_wr *w) {
  if (al_id_equal(id, &g->cfg.self))
    return al_book_own(g->cfg.book) == NULL || al_digest_add(w, id, g->own_sequence);
  const al_peer_entry *e = al_book_get(g->cfg.book, al_book_find(g->cfg.book, id));
  if (e == NULL || !al_book_fresh(e, wall_s)) return true;
  return al_digest_add(w, id, e->desc.sequence);
}

static bool is_empty(const al_wr *w) { return w->len <= 2; }

/* ---- one builder for each kind; false: nothing to say ---- */

static bool build_want(al_gossip *g, al_gossip_peer *p, al_time now, al_wr *w) {
  al_id id;
  if (!al_gossip_can_ask(g, p)) return false;
  al_want_start(w);
  for (unsigned i = 0; i < AL_WANT_ENTRIES_MAX && al_gossip_ask(g, p, now, &id); i++)
    al_want_add(w, &id);
  return true;
}

static bool build_keep(al_gossip_peer *p, al_wr *w) {
  if (p->keep == p->keep_told) return false;
  p->keep_told = p->keep;
  al_sample_keep(w, p->keep);
  return true;
}

/* It has missed some: of a whole network all of it, then; rumours are of no interest by now. */
static void catch_up(al_gossip *g, al_gossip_peer *p) {
  if (g->news_count - p->news_at <= g->cfg.news_max) return;
  if (al_book_full(g->cfg.book)) {
    p->news_at = g->news_count - g->cfg.news_max;
    return;
  }
  p->news_at = g->news_count;
  p->news_due = false;
  al_gossip_list_from(g, p);
}

/* One announcement into the message; a message holds rumours or entries of a digest.
 * Result: false when it does not fit into this one. */
static bool add_news(const al_gossip *g, const al_gossip_news *n, uint64_t wall_s, al_wr *w,
                     al_message_kind *kind) {
  bool rumour = n->topic != AL_GOSSIP_HAVE;
  al_message_kind mine = rumour ? AL_MESSAGE_SAMPLE : AL_MESSAGE_DIGEST;
  if (rumour && n->hops == 0) return true;
  if (w->len == 0) {
    *kind = mine;
    if (rumour)
      al_sample_start(w);
    else
      al_digest_start(w);
  }
  if (*kind != mine) return false;
  if (!rumour) return add_entry(g, &n->id, wall_s, w);
  al_rumour r = {(al_rumour_kind)n->topic, (uint8_t)(n->hops - 1), n->id, n->stamp};
  return al_sample_add(w, &r);
}

static bool build_news(al_gossip *g, al_gossip_peer *p, al_time now, al_wr *w,
                       al_message_kind *kind) {
  if (p->news_due) catch_up(g, p);
  if (!p->news_due) return false;
  uint32_t kept = g->news_count - g->news_from; /* what is older has been forgotten */
  if (g->news_count - p->news_at > kept) p->news_at = g->news_from;
  uint64_t wall_s = al_gossip_wall(g, now);
  for (; p->news_at != g->news_count; p->news_at++) {
    const al_gossip_news *n = &g->news[p->news_at & (g->cfg.news_max - 1)];
    if (n->from == p->link) continue;
    if (!add_news(g, n, wall_s, w, kind)) return true;
  }
  p->news_due = false;
  return !is_empty(w);
}

static void listed(al_gossip_peer *p) {
  p->digest_due = p->digest_started = p->listing = false;
  p->digest_cursor = 0;
}

/* The next entry of the book, round from digest_from to it again. */
static al_peer next_listed(const al_gossip *g, al_gossip_peer *p, uint32_t *cursor) {
  al_peer peer = al_book_each(g->cfg.book, cursor);
  if (peer == 0 && !p->digest_wrapped) {
    p->digest_wrapped = true;
    *cursor = 0;
    peer = al_book_each(g->cfg.book, cursor);
  }
  return p->digest_wrapped && *cursor > p->digest_from ? 0 : peer;
}

/* What is told of: who is in no doubt. Neighbours as well as members of a sample: else a node that
 * none of its neighbours has among its members would stay unknown. */
static bool worth_telling(const al_gossip *g, al_peer peer, uint64_t wall_s) {
  return al_book_fresh(al_book_get(g->cfg.book, peer), wall_s) &&
         (!al_book_full(g->cfg.book) || !al_book_doubted(g->cfg.book, peer));
}

static bool build_digest(al_gossip *g, al_gossip_peer *p, al_time now, al_wr *w) {
  if (!p->digest_due) return false;
  uint64_t wall_s = al_gossip_wall(g, now);
  uint32_t most = p->digest_whole ? AL_DIGEST_ENTRIES_MAX : AL_GOSSIP_PAGE;
  al_digest_start(w);
  if (!p->digest_started) add_entry(g, &g->cfg.self, wall_s, w);
  p->digest_started = true;
  for (uint32_t entries = (uint32_t)(w->len / AL_DIGEST_ENTRY_BYTES);; entries++) {
    uint32_t cursor = p->digest_cursor;
    al_peer peer = next_listed(g, p, &cursor);
    while (peer != 0 && !worth_telling(g, peer, wall_s)) peer = next_listed(g, p, &cursor);
    if (peer == 0) {
      listed(p);
      return !is_empty(w);
    }
    if (entries >= most) break;
    const al_peer_entry *e = al_book_get(g->cfg.book, peer);
    if (!al_digest_add(w, &e->id, e->desc.sequence)) break;
    p->digest_cursor = cursor;
  }
  if (!p->listing) return true; /* the next one at once */
  p->digest_due = p->digest_whole = false;
  return true;
}

static bool build_descriptor(al_gossip *g, al_gossip_peer *p, al_time now, al_wr *w) {
  uint64_t wall_s = al_gossip_wall(g, now);
  al_peer peer;
  while (al_gossip_serve_next(g, p, now, &peer)) {
    bool own = peer == (al_peer)AL_GOSSIP_OWN;
    const al_peer_entry *e = own ? al_book_own(g->cfg.book) : al_book_get(g->cfg.book, peer);
    if (e == NULL || (!own && !al_book_fresh(e, wall_s))) continue;
    al_entry_write(e, w);
    return true;
  }
  return false;
}

static bool build(al_gossip *g, al_gossip_peer *p, al_time now, al_wr *w, al_message_kind *kind) {
  *kind = AL_MESSAGE_SAMPLE;
  if (build_keep(p, w)) return true;
  *kind = AL_MESSAGE_WANT;
  if (build_want(g, p, now, w)) return true;
  if (build_news(g, p, now, w, kind)) return true;
  w->len = 0;
  *kind = AL_MESSAGE_DIGEST;
  if (build_digest(g, p, now, w)) return true;
  w->len = 0;
  *kind = AL_MESSAGE_DESCRIPTOR;
  return build_descriptor(g, p, now, w);
}

bool al_gossip_next(al_gossip *g, al_link link, al_time now, al_wr *w, al_message_kind *kind) {
  al_gossip_peer *p = al_gossip_peer_of(g, link);
  if (p == NULL) return false;
  AL_ASSERT(w->len == 0 && w->cap >= AL_GOSSIP_MESSAGE_MAX);
  if (!build(g, p, now, w, kind)) {
    al_gossip_wake(g, p, false);
    return false;
  }
  g->frames[*kind] += al_message_fragments((uint32_t)w->len);
  return true;
}
