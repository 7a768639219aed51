/* Gossip in a network that is larger than a book: pages, renewal, rumours, doubts, records fetched
 * for others, KEEP. One instance with a real book; its neighbours are played by this file. */
#include "test_gossip_net.h"

enum { NODES = 64, MEMBERS = 40, ROOM = 48 };

static al_book book;
static test_alloc book_alloc;
static al_identity identities[NODES];
static al_identity own;
static uint8_t out[AL_GOSSIP_MESSAGE_MAX], in[AL_GOSSIP_MESSAGE_MAX];
static crowd *c;
static al_gossip *g;

static al_book *crowd_book(unsigned node) { return node == 0 ? &book : NULL; }

static uint64_t crowd_sequence(unsigned node, const al_id *id) {
  const al_peer_entry *e = al_book_get(&book, al_book_find(&book, id));
  return node == 0 && e != NULL ? e->desc.sequence : 0;
}

static al_book_verdict crowd_put(crowd *w, unsigned node, al_bytes record, al_id *ret_id) {
  al_peer peer = 0;
  al_book_source from = {al_suite_null(), al_gossip_wall(&w->n[node].g, w->now), 0};
  al_book_verdict v = al_book_put(&book, &from, record, &peer);
  const al_peer_entry *e = al_book_get(&book, peer);
  if (e != NULL) *ret_id = e->id;
  return v;
}

static al_bytes make(const al_identity *who, uint64_t sequence) {
  static uint8_t onion[AL_KEM_PK_BYTES], record[AL_DESC_BYTES_MAX];
  uint8_t coins[AL_SIG_COINS_BYTES] = {0};
  uint64_t wall = al_gossip_wall(g, c->now);
  al_desc d = {.sequence = sequence,
               .published_s = wall - 60,
               .expiry_s = wall - 60 + AL_DESC_LIFETIME_S,
               .epoch = (wall - 60) / AL_EPOCH_S,
               .onion_pk = {onion, onion}};
  al_wr w = al_wr_init(record, sizeof record);
  if (al_descriptor_make(al_suite_null(), who, &d, coins, &w) != AL_OK) abort();
  return al_wr_view(&w);
}

static void start(void) {
  uint8_t root[32] = {0}, secret[AL_MAP_SECRET_BYTES] = {7};
  al_id ignored;
  c = crowd_new(1);
  al_identity_init(al_suite_null(), root, &own);
  c->n[0].id = own.id;
  if (al_book_init(&book, test_alloc_bind(&book_alloc), ROOM, secret, &own.id) != AL_OK) abort();
  al_book_set_sample(&book, MEMBERS);
  if (al_book_reserve(&book, ROOM) != AL_OK) abort();
  crowd_node_init(c, 0, 64);
  g = &c->n[0].g;
  (void)al_book_set_own(&book, al_suite_null(), make(&own, 1));
  al_gossip_own(g, c->now, CROWD_WALL_S);
  for (unsigned i = 0; i < NODES; i++) {
    root[0] = (uint8_t)(i + 1);
    al_identity_init(al_suite_null(), root, &identities[i]);
    (void)crowd_put(c, 0, make(&identities[i], 10), &ignored);
  }
}

static void end(void) {
  al_book_clear(&book);
  crowd_free(c);
  tap_ok(test_alloc_clean(&book_alloc), "the book gave all back");
}

static void later(al_time us) {
  c->now += us;
  c->n[0].ta.closed = true;
  al_gossip_tick(g, c->now);
  c->n[0].ta.closed = false;
}

/* What is said to a link now: messages of one kind; the last one stays in `out`. */
static unsigned said(al_link link, al_message_kind kind, size_t *ret_len) {
  static uint8_t buf[AL_GOSSIP_MESSAGE_MAX];
  unsigned count = 0;
  for (;;) {
    al_wr w = al_wr_init(buf, sizeof buf);
    al_message_kind k;
    if (!al_gossip_next(g, link, c->now, &w, &k)) return count;
    if (k != kind) continue;
    count++;
    memcpy(out, buf, w.len);
    if (ret_len != NULL) *ret_len = w.len;
  }
}

static al_link attach(uint32_t index) {
  al_link link = ++c->n[0].generation << AL_SLAB_INDEX_BITS | index;
  c->n[0].edges[index].link = link;
  al_gossip_link_up(g, link, c->now);
  return link;
}

static al_gossip_verdict rx(al_link link, al_message_kind kind, const al_wr *w) {
  c->n[0].ta.closed = true;
  al_gossip_verdict v = al_gossip_rx(g, link, kind, al_view(w->ptr, w->len), c->now);
  c->n[0].ta.closed = false;
  return v;
}

static al_gossip_verdict rumour(al_link link, al_rumour_kind kind, const al_id *id,
                                uint64_t stamp) {
  al_wr w = al_wr_init(in, sizeof in);
  al_rumour r = {kind, 9, *id, stamp};
  al_sample_start(&w);
  (void)al_sample_add(&w, &r);
  return rx(link, AL_MESSAGE_SAMPLE, &w);
}

static void digest(al_link link, const al_id *id, uint64_t sequence) {
  al_wr w = al_wr_init(in, sizeof in);
  al_digest_start(&w);
  al_digest_add(&w, id, sequence);
  (void)rx(link, AL_MESSAGE_DIGEST, &w);
}

static uint64_t counted(al_counter what) { return c->n[0].counters.v[what]; }

/* A member of the sample; a node that is not in it. */
static unsigned some(bool member, unsigned skip) {
  for (unsigned i = 0; i < NODES; i++) {
    al_peer p = al_book_find(&book, &identities[i].id);
    bool is = p != 0 && al_book_member(&book, p);
    if ((member ? is : p == 0) && skip-- == 0) return i;
  }
  abort();
}

static uint64_t wall(void) { return al_gossip_wall(g, c->now); }

/* How many of the links hear a rumour in the next batch; the last one stays in *ret. */
static unsigned told(const al_link *link, unsigned links, al_rumour *ret) {
  unsigned count = 0;
  size_t len = 0;
  al_rd r;
  bool keep;
  later(AL_GOSSIP_ANNOUNCE_US);
  for (unsigned i = 0; i < links; i++) {
    if (said(link[i], AL_MESSAGE_SAMPLE, &len) == 0) continue;
    count++;
    if (al_sample_decode(al_view(out, len), &keep, &r) != AL_SAMPLE_RUMOURS) return 1000;
    (void)al_sample_next(&r, ret);
  }
  return count;
}

static void test_pages(void) {
  start();
  tap_ok(al_book_full(&book), "64 nodes, a book for 40: a sample");
  al_link link = attach(0);
  size_t len = 0;
  tap_is_u64(said(link, AL_MESSAGE_DIGEST, &len), 1, "one digest when a link comes up");
  tap_is_u64(len, 2 + 40 * (1 + al_book_count(&book)), "of this node and whom it knows");
  unsigned pages = 0;
  for (unsigned s = 0; s < 600; s++) {
    later(AL_SECOND);
    if (said(link, AL_MESSAGE_DIGEST, &len) == 0) continue;
    pages++;
    if (len > 2 + 40 * (AL_GOSSIP_PAGE + 1)) pages += 1000;
  }
  tap_ok(pages >= 20 && pages <= 50, "then a page now and then: %u in ten minutes", pages);
  unsigned node = some(true, 0);
  digest(link, &identities[node].id, 11);
  tap_is_u64(said(link, AL_MESSAGE_WANT, NULL), 0, "a newer record is not fetched at once");
  al_gossip_set_wall(g, CROWD_WALL_S + 2 * AL_EPOCH_S, c->now);
  digest(link, &identities[node].id, 11);
  tap_is_u64(said(link, AL_MESSAGE_WANT, NULL), 1, "but when its keys have run out");
  unsigned stranger = some(false, 0);
  digest(link, &identities[stranger].id, 11);
  tap_is_u64(said(link, AL_MESSAGE_WANT, NULL), 0, "nor one that the sample would not take");
  end();
}

static void test_spread(void) {
  start();
  al_link link[10];
  al_rumour r = {0};
  for (uint32_t i = 0; i < 10; i++) {
    link[i] = attach(i);
    said(link[i], AL_MESSAGE_DIGEST, NULL);
  }
  unsigned node = some(true, 0), stranger = some(false, 0);
  rumour(link[0], AL_RUMOUR_DEAD, &identities[stranger].id, wall());
  unsigned n = told(link, 10, &r);
  tap_ok(n == AL_GOSSIP_FAN || n == AL_GOSSIP_FAN - 1, "a rumour goes on to %u neighbours", n);
  tap_ok(al_id_equal(&r.id, &identities[stranger].id) && r.hops == 8, "with a hop less");
  rumour(link[1], AL_RUMOUR_DEAD, &identities[stranger].id, wall() + 3);
  tap_is_u64(told(link, 10, &r), 0, "once, though others noticed it a moment later");
  uint32_t since = 0;
  al_id who;
  tap_ok(al_gossip_accused(g, &since, &who) && al_id_equal(&who, &identities[stranger].id) &&
             !al_gossip_accused(g, &since, &who),
         "whoever is linked with it can look");
  rumour(link[0], AL_RUMOUR_DEAD, &identities[node].id, wall() - AL_GOSSIP_STAMP_S - 1);
  rumour(link[0], AL_RUMOUR_DEAD, &identities[node].id, wall() + AL_DESC_SKEW_S + 1);
  tap_is_u64(told(link, 10, &r), 0, "nothing old, nothing of a time to come");
  tap_is_u64(counted(AL_COUNT_gossip_expired), 2, "gossip_expired");
  al_wr w = al_wr_init(in, sizeof in);
  al_wr_u32(&w, 7);
  tap_ok(
      rx(link[0], AL_MESSAGE_SAMPLE, &w) == AL_GOSSIP_DROP && counted(AL_COUNT_gossip_parse) == 1,
      "gossip_parse");
  unsigned heard = 0;
  for (unsigned i = 0; i < 2000; i++) {
    al_id id;
    test_rand_bytes(id.b, sizeof id.b);
    uint64_t before = g->news_count;
    rumour(link[2], AL_RUMOUR_DEAD, &id, wall());
    heard += g->news_count != before;
  }
  tap_is_u64(heard, AL_GOSSIP_RUMOURS_MAX, "of a flood of rumours a few are heard");
  uint64_t before = g->news_count;
  rumour(link[2], AL_RUMOUR_NEWER, &identities[stranger].id, wall());
  tap_is_u64(g->news_count - before, 1, "keys that are lost have a quota of their own");
  tap_is_u64(counted(AL_COUNT_gossip_rate), 2000 - AL_GOSSIP_RUMOURS_MAX, "gossip_rate");
  rumour(link[3], AL_RUMOUR_ALIVE, &identities[stranger].id, wall() + 10);
  tap_ok(al_gossip_find_news(g, &identities[stranger].id, AL_GOSSIP_ALIVE) != NULL,
         "those of others still are");
  while (al_gossip_accused(g, &since, &who)) continue;
  al_gossip_dead(g, &identities[some(true, 5)].id, c->now);
  tap_ok(!al_gossip_accused(g, &since, &who), "what this node found out it knows already");
  end();
}

static void test_doubt(void) {
  start();
  al_link link = attach(0);
  al_rumour r = {0};
  said(link, AL_MESSAGE_DIGEST, NULL);
  unsigned a = some(true, 0), b = some(true, 1);
  al_peer pa = al_book_find(&book, &identities[a].id), pb = al_book_find(&book, &identities[b].id);
  rumour(link, AL_RUMOUR_DEAD, &identities[a].id, wall());
  tap_ok(!al_book_usable(&book, pa) && al_book_member(&book, pa), "said to be dead: in doubt");
  rumour(link, AL_RUMOUR_ALIVE, &identities[a].id, wall() + 1);
  tap_ok(al_book_usable(&book, pa), "it lives: no doubt");
  rumour(link, AL_RUMOUR_DEAD, &identities[a].id, wall() + 30);
  tap_ok(al_book_usable(&book, pa), "a rumour so soon after is not believed");
  rumour(link, AL_RUMOUR_DEAD, &identities[b].id, wall());
  al_book_pin(&book, pb, true);
  rumour(link, AL_RUMOUR_DEAD, &identities[a].id, wall() + AL_GOSSIP_IMMUNE_S + 2);
  tap_ok(!al_book_usable(&book, pa), "a later one is");
  for (unsigned i = 2; i < 9; i++) /* doubts_max is 4 */
    rumour(link, AL_RUMOUR_DEAD, &identities[some(true, i)].id, wall());
  tap_ok(g->marks_count == 4 && counted(AL_COUNT_gossip_doubts) == 5,
         "gossip_doubts: no more than so many are in doubt");
  uint32_t before = al_book_count(&book);
  for (unsigned s = 0; s < AL_GOSSIP_SILENCE_S + 20; s++) later(AL_SECOND);
  tap_is_u64(al_book_count(&book), before, "many at once: they are not forgotten so soon");
  (void)al_gossip_trust(g, al_book_find(&book, &identities[some(true, 2)].id));
  (void)al_gossip_trust(g, al_book_find(&book, &identities[some(true, 3)].id));
  later(AL_GOSSIP_MARKS_US);
  tap_ok(al_book_find(&book, &identities[a].id) == 0, "few: who keeps silent is forgotten");
  tap_ok(al_book_usable(&book, pb), "but for a neighbour");
  digest(link, &identities[a].id, 10);
  tap_is_u64(said(link, AL_MESSAGE_WANT, NULL), 0, "and not asked for");
  digest(link, &identities[a].id, wall() + AL_GOSSIP_IMMUNE_S + 3);
  tap_is_u64(said(link, AL_MESSAGE_WANT, NULL), 1, "unless it has said something since");
  al_gossip_dead(g, &identities[b].id, c->now);
  tap_ok(told(&link, 1, &r) == 1 && r.kind == AL_RUMOUR_DEAD && r.stamp == wall() - 0,
         "what this node finds out is told");
  al_gossip_alive(g, &identities[b].id, c->now);
  tap_ok(told(&link, 1, &r) == 1 && r.kind == AL_RUMOUR_ALIVE && al_book_usable(&book, pb),
         "and that it was wrong");
  end();
}

static void test_accused(void) {
  start();
  al_link link = attach(0);
  al_rumour r = {0};
  said(link, AL_MESSAGE_DIGEST, NULL);
  uint64_t stamp = wall() + 100;
  rumour(link, AL_RUMOUR_DEAD, &own.id, stamp);
  tap_ok(told(&link, 1, &r) == 1 && r.kind == AL_RUMOUR_ALIVE && al_id_equal(&r.id, &own.id) &&
             r.stamp == stamp + 1,
         "who is said to be dead says that it lives");
  rumour(link, AL_RUMOUR_DEAD, &own.id, stamp + 200);
  tap_is_u64(told(&link, 1, &r), 0, "but not too often");
  later(AL_GOSSIP_REFUTE_US);
  rumour(link, AL_RUMOUR_DEAD, &own.id, stamp + 200);
  tap_ok(told(&link, 1, &r) == 1 && r.stamp == stamp + 201, "every ten seconds");
  end();
}

static void test_newer(void) {
  start();
  al_link from = attach(0), asks = attach(1);
  al_link to[AL_GOSSIP_FOR];
  al_id ignored;
  said(from, AL_MESSAGE_DIGEST, NULL);
  said(asks, AL_MESSAGE_DIGEST, NULL);
  unsigned member = some(true, 0), stranger = some(false, 0);
  rumour(from, AL_RUMOUR_NEWER, &identities[member].id, 11);
  tap_is_u64(said(from, AL_MESSAGE_WANT, NULL), 1, "a member lost its keys: asked for at once");
  al_wr w = al_wr_init(in, sizeof in);
  al_wr_bytes(&w, make(&identities[member], 11));
  tap_ok(rx(from, AL_MESSAGE_DESCRIPTOR, &w) == AL_GOSSIP_DESCRIPTOR &&
             crowd_put(c, 0, al_view(in, w.len), &ignored) == AL_BOOK_NEWER,
         "it comes");
  al_gossip_learned(g, &identities[member].id, from, c->now);
  rumour(from, AL_RUMOUR_NEWER, &identities[stranger].id, 11);
  tap_is_u64(said(from, AL_MESSAGE_WANT, NULL), 0, "a stranger did: not for this node");
  w = al_wr_init(in, sizeof in);
  al_want_start(&w);
  al_want_add(&w, &identities[stranger].id);
  rx(asks, AL_MESSAGE_WANT, &w);
  tap_is_u64(said(from, AL_MESSAGE_WANT, NULL), 1, "but fetched for the neighbour who asks");
  w = al_wr_init(in, sizeof in);
  al_wr_bytes(&w, make(&identities[stranger], 11));
  tap_ok(rx(from, AL_MESSAGE_DESCRIPTOR, &w) == AL_GOSSIP_DESCRIPTOR &&
             crowd_put(c, 0, al_view(in, w.len), &ignored) == AL_BOOK_FULL,
         "the book does not take it");
  tap_ok(al_gossip_transit(g, &identities[stranger].id, asks, to) == 0 &&
             al_gossip_transit(g, &identities[stranger].id, from, to) == 1 && to[0] == asks,
         "the neighbour gets it");
  tap_is_u64(al_map_count(&g->want_by_id), 0, "nothing is wanted any more");
  w = al_wr_init(in, sizeof in);
  al_want_start(&w);
  al_want_add(&w, &identities[some(false, 1)].id);
  rx(asks, AL_MESSAGE_WANT, &w);
  tap_is_u64(al_map_count(&g->want_by_id), 0, "who is unknown is not looked for");
  al_gossip_urgent(g, c->now);
  later(0);
  al_rumour r = {0};
  tap_ok(told(&from, 1, &r) == 1 && r.kind == AL_RUMOUR_NEWER && r.stamp == CROWD_WALL_S &&
             al_id_equal(&r.id, &own.id) && r.hops == AL_RUMOUR_HOPS_MAX - 1,
         "this node's own keys are new: everybody hears");
  end();
}

static void test_keep(void) {
  start();
  al_link link = attach(0);
  size_t len = 0;
  said(link, AL_MESSAGE_DIGEST, NULL);
  tap_ok(!al_gossip_kept(g, link), "nobody wants it");
  al_wr w = al_wr_init(in, sizeof in);
  al_sample_keep(&w, true);
  rx(link, AL_MESSAGE_SAMPLE, &w);
  tap_ok(al_gossip_kept(g, link), "the neighbour does");
  al_gossip_keep(g, link, true);
  tap_ok(said(link, AL_MESSAGE_SAMPLE, &len) == 1 && len == 2 && out[1] == 1, "so does this node");
  al_gossip_keep(g, link, true);
  tap_is_u64(said(link, AL_MESSAGE_SAMPLE, NULL), 0, "said once");
  al_gossip_keep(g, link, false);
  al_gossip_keep(g, link, true);
  tap_is_u64(said(link, AL_MESSAGE_SAMPLE, NULL), 0, "a change of mind is not told");
  end();
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_pages();
  test_spread();
  test_doubt();
  test_accused();
  test_newer();
  test_keep();
  return tap_done();
}
