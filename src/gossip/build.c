/* build.c — see gossip.h: the messages that go out, built when the link has room for them. */
#include "gossip/state.h"

al_link al_gossip_ready(const al_gossip *g, uint32_t *cursor) {
  if (g->ready_count == 0) return 0;
  for (uint32_t i = *cursor; i < g->cfg.links_max; i++) {
    uint64_t rest = g->ready[i / 64] >> i % 64;
    if (rest == 0) {
      i |= 63;
      continue;
    }
    if ((rest & 1) == 0) continue;
    *cursor = i + 1;
    return g->peers[i].link;
  }
  *cursor = g->cfg.links_max;
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
  if (!al_gossip_can_ask(p)) return false;
  al_want_start(w);
  for (unsigned i = 0; i < AL_WANT_ENTRIES_MAX && al_gossip_ask(g, p, now, &id); i++)
    al_want_add(w, &id);
  return true;
}

static bool build_news(al_gossip *g, al_gossip_peer *p, al_time now, al_wr *w) {
  if (!p->news_due) return false;
  if (g->news_count - p->news_at > AL_GOSSIP_NEWS) { /* it has missed some: all of it, then */
    p->news_at = g->news_count;
    p->news_due = false;
    p->digest_due = true;
    p->digest_started = false;
    p->digest_cursor = 0;
    return false;
  }
  uint64_t wall_s = al_gossip_wall(g, now);
  al_digest_start(w);
  for (; p->news_at < g->news_count; p->news_at++) {
    const al_gossip_news *n = &g->news[p->news_at % AL_GOSSIP_NEWS];
    if (n->from == p->link) continue;
    if (!add_entry(g, &n->id, wall_s, w)) return true;
  }
  p->news_due = false;
  return !is_empty(w);
}

static bool build_digest(al_gossip *g, al_gossip_peer *p, al_time now, al_wr *w) {
  if (!p->digest_due) return false;
  uint64_t wall_s = al_gossip_wall(g, now);
  al_digest_start(w);
  if (!p->digest_started) add_entry(g, &g->cfg.self, wall_s, w);
  p->digest_started = true;
  for (;;) {
    uint32_t cursor = p->digest_cursor;
    const al_peer_entry *e = al_book_get(g->cfg.book, al_book_each(g->cfg.book, &cursor));
    if (e == NULL) {
      p->digest_due = p->digest_started = false;
      p->digest_cursor = 0;
      return !is_empty(w);
    }
    if (al_book_fresh(e, wall_s) && !al_digest_add(w, &e->id, e->desc.sequence)) return true;
    p->digest_cursor = cursor;
  }
}

static bool build_descriptor(al_gossip *g, al_gossip_peer *p, al_time now, al_wr *w) {
  uint64_t wall_s = al_gossip_wall(g, now);
  while (p->serve_count != 0) {
    al_peer peer = p->serve[p->serve_first];
    p->serve_first = (p->serve_first + 1) % AL_GOSSIP_SERVE_MAX;
    p->serve_count--;
    bool own = peer == (al_peer)AL_GOSSIP_OWN;
    const al_peer_entry *e = own ? al_book_own(g->cfg.book) : al_book_get(g->cfg.book, peer);
    if (e == NULL || (!own && !al_book_fresh(e, wall_s))) continue;
    al_entry_write(e, w);
    return true;
  }
  return false;
}

bool al_gossip_next(al_gossip *g, al_link link, al_time now, al_wr *w, al_message_kind *kind) {
  al_gossip_peer *p = al_gossip_peer_of(g, link);
  if (p == NULL) return false;
  AL_ASSERT(w->len == 0 && w->cap >= AL_GOSSIP_MESSAGE_MAX);
  *kind = AL_MESSAGE_WANT;
  if (build_want(g, p, now, w)) return true;
  *kind = AL_MESSAGE_DIGEST;
  if (build_news(g, p, now, w)) return true;
  w->len = 0;
  if (build_digest(g, p, now, w)) return true;
  w->len = 0;
  *kind = AL_MESSAGE_DESCRIPTOR;
  if (build_descriptor(g, p, now, w)) return true;
  al_gossip_wake(g, p, false);
  return false;
}
