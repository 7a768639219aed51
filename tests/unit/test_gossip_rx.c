/* Gossip with real books: what comes in, quotas, liars; a few nodes with real records. */
#include "book/book.h"
#include "test_gossip_net.h"

enum { NODES = 16, PEERS_MAX = 40 };

static al_book books[NODES];
static test_alloc book_alloc;
static al_identity identities[NODES];

static al_book *crowd_book(unsigned node) { return &books[node]; }

static uint64_t crowd_sequence(unsigned node, const al_id *id) {
  const al_peer_entry *e = al_book_get(&books[node], al_book_find(&books[node], id));
  return e != NULL ? e->desc.sequence : 0;
}

static al_book_verdict crowd_put(crowd *c, unsigned node, al_bytes record, al_id *ret_id) {
  al_peer peer = 0;
  al_book_source from = {al_suite_null(), al_gossip_wall(&c->n[node].g, c->now), 0};
  al_book_verdict v = al_book_put(&books[node], &from, record, &peer);
  const al_peer_entry *e = al_book_get(&books[node], peer);
  if (e != NULL) *ret_id = e->id;
  return v;
}

static al_bytes make(const al_identity *who, uint64_t sequence, uint64_t published_s,
                     uint8_t *out) {
  static uint8_t onion[AL_KEM_PK_BYTES];
  uint8_t coins[AL_SIG_COINS_BYTES] = {0};
  al_desc d = {.sequence = sequence,
               .published_s = published_s,
               .expiry_s = published_s + AL_DESC_LIFETIME_S,
               .epoch = published_s / AL_EPOCH_S,
               .onion_pk = {onion, onion}};
  al_wr w = al_wr_init(out, AL_DESC_BYTES_MAX);
  if (al_descriptor_make(al_suite_null(), who, &d, coins, &w) != AL_OK) abort();
  return al_wr_view(&w);
}

/* A new descriptor of a node itself. */
static void own(crowd *c, unsigned i, uint64_t sequence, uint64_t published_s) {
  static uint8_t record[AL_DESC_BYTES_MAX];
  al_bytes bytes = make(&identities[i], sequence, published_s, record);
  if (al_book_set_own(&books[i], al_suite_null(), bytes) != AL_OK) abort();
  al_gossip_own(&c->n[i].g, c->now, sequence);
}

static crowd *start(unsigned count, uint32_t wants_max) {
  crowd *c = crowd_new(count);
  const al_alloc *a = test_alloc_bind(&book_alloc);
  for (unsigned i = 0; i < count; i++) {
    uint8_t root[32] = {(uint8_t)(i + 1)};
    al_identity_init(al_suite_null(), root, &identities[i]);
    c->n[i].id = identities[i].id;
    if (al_book_init(&books[i], a, PEERS_MAX, root, &c->n[i].id) != AL_OK ||
        al_book_reserve(&books[i], PEERS_MAX) != AL_OK)
      abort();
    crowd_node_init(c, i, wants_max);
    own(c, i, 1, CROWD_WALL_S - 60);
  }
  return c;
}

static void end(crowd *c) {
  for (unsigned i = 0; i < c->count; i++) al_book_clear(&books[i]);
  crowd_free(c);
  tap_ok(test_alloc_clean(&book_alloc), "books gave all back");
}

/* ---- one instance and neighbours that this file plays ---- */

static al_link attach(crowd *c, uint32_t index) {
  al_link link = ++c->n[0].generation << AL_SLAB_INDEX_BITS | index;
  c->n[0].edges[index].link = link;
  al_gossip_link_up(&c->n[0].g, link, c->now);
  return link;
}

static al_gossip_verdict rx(crowd *c, al_link link, al_message_kind kind, const al_wr *w) {
  c->n[0].ta.closed = true;
  al_gossip_verdict v = al_gossip_rx(&c->n[0].g, link, kind, al_view(w->ptr, w->len), c->now);
  c->n[0].ta.closed = false;
  return v;
}

static uint8_t out[AL_GOSSIP_MESSAGE_MAX], in[AL_GOSSIP_MESSAGE_MAX];

/* What instance 0 has to say to a link, kind by kind; the last message of a kind stays in `out`. */
static unsigned said(crowd *c, al_link link, al_message_kind kind, size_t *ret_len) {
  unsigned count = 0;
  for (;;) {
    al_wr w = al_wr_init(out, sizeof out);
    al_message_kind k;
    if (!al_gossip_next(&c->n[0].g, link, c->now, &w, &k)) return count;
    if (k != kind) continue;
    count++;
    if (ret_len != NULL) *ret_len += w.len;
  }
}

static void test_real(void) {
  crowd *c = start(NODES, 64);
  for (unsigned i = 1; i < NODES; i++) crowd_connect(c, i, i - 1); /* a chain */
  crowd_settle(c, 1, 60 * AL_SECOND);
  tap_is_u64(crowd_known(c, 0, NODES, 1), NODES * (NODES - 1), "a chain of 16: all know all");
  tap_is_u64(c->verified, NODES * (NODES - 1), "each record came once");
  own(c, 0, 2, CROWD_WALL_S - 30);
  al_time t0 = c->now;
  while (crowd_sequence(NODES - 1, &c->n[0].id) < 2 && c->now < t0 + 60 * AL_SECOND)
    crowd_run(c, c->now + 50 * AL_MS);
  tap_ok(c->now - t0 < 15 * (200 + 3 * 80 + 20) * AL_MS, "a newer one crosses 15 links in %u ms",
         (unsigned)((c->now - t0) / 1000));
  /* Time passes: records expire and are neither sent nor wanted. */
  for (unsigned i = 0; i < NODES; i++)
    al_gossip_set_wall(&c->n[i].g, CROWD_WALL_S + 2 * AL_DESC_LIFETIME_S, c->now);
  uint64_t before = c->sent[AL_MESSAGE_DESCRIPTOR];
  al_book_drop(&books[3], al_book_find(&books[3], &c->n[9].id));
  uint64_t bytes = c->bytes, digests = c->sent[AL_MESSAGE_DIGEST];
  crowd_run(c, c->now + 300 * AL_SECOND);
  tap_ok(c->sent[AL_MESSAGE_DIGEST] > digests, "digests go on");
  tap_is_u64(c->bytes - bytes, 42 * (c->sent[AL_MESSAGE_DIGEST] - digests),
             "but name nobody but their sender");
  tap_is_u64(c->sent[AL_MESSAGE_DESCRIPTOR] - before, 0, "expired records are not sent");
  tap_is_u64(crowd_sequence(3, &c->n[9].id), 0, "and do not come back");
  al_link link = attach(c, 20);
  al_wr w = al_wr_init(in, sizeof in);
  al_want_start(&w);
  al_want_add(&w, &c->n[5].id);
  tap_ok(rx(c, link, AL_MESSAGE_WANT, &w) == AL_GOSSIP_NONE, "nor to who asks for them");
  tap_is_u64(said(c, link, AL_MESSAGE_DESCRIPTOR, NULL), 0, "nothing");
  c->n[0].edges[20].link = 0;
  al_gossip_link_down(&c->n[0].g, link, c->now);
  end(c);
}

static void digest_of(al_wr *w, unsigned entries) {
  *w = al_wr_init(in, sizeof in);
  al_digest_start(w);
  for (unsigned i = 0; i < entries; i++) {
    al_id id;
    test_rand_bytes(id.b, sizeof id.b);
    al_digest_add(w, &id, 1 + test_rand_below(100));
  }
}

static void test_malformed(void) {
  crowd *c = start(1, 64);
  al_link link = attach(c, 0);
  al_wr w;
  digest_of(&w, 3);
  w.len--;
  tap_ok(rx(c, link, AL_MESSAGE_DIGEST, &w) == AL_GOSSIP_DROP, "a digest cut short");
  tap_ok(rx(c, link, AL_MESSAGE_WANT, &w) == AL_GOSSIP_DROP, "a want that is none");
  tap_ok(rx(c, link, AL_MESSAGE_SPHINX, &w) == AL_GOSSIP_DROP, "a message of another kind");
  tap_is_u64(c->n[0].counters.v[AL_COUNT_gossip_parse], 3, "gossip_parse");
  tap_ok(rx(c, link + 1, AL_MESSAGE_DIGEST, &w) == AL_GOSSIP_DROP, "an unknown link");
  tap_ok(rx(c, link, AL_MESSAGE_DESCRIPTOR, &w) == AL_GOSSIP_DROP, "nobody asked for it");
  tap_is_u64(c->n[0].counters.v[AL_COUNT_gossip_unasked], 2, "gossip_unasked");
  digest_of(&w, 0);
  tap_ok(rx(c, link, AL_MESSAGE_DIGEST, &w) == AL_GOSSIP_NONE, "an empty digest is one");
  al_gossip bad;
  al_gossip_config cfg = c->n[0].g.cfg;
  cfg.wants_max = 0;
  tap_ok(al_gossip_init(&bad, &cfg) == AL_EINVAL, "no wants: AL_EINVAL");
  cfg.wants_max = 64;
  bool all = true;
  for (uint64_t from = 1; from < 20; from++) {
    c->n[0].ta.fail_from = c->n[0].ta.requests + from;
    size_t had = c->n[0].ta.pieces_out;
    al_err e = al_gossip_init(&bad, &cfg);
    c->n[0].ta.fail_from = 0;
    if (e == AL_OK) break;
    if (e != AL_ENOMEM || c->n[0].ta.pieces_out != had) all = false;
  }
  al_gossip_clear(&bad);
  tap_ok(all, "out of memory anywhere: said, and nothing leaked");
  end(c);
}

/* Where memory may be had at any time there is none but for what is under way. */
static void test_loose(void) {
  crowd *c = start(2, 64);
  test_alloc *ta = &c->n[0].ta;
  al_gossip g;
  al_gossip_config cfg = c->n[0].g.cfg;
  al_id id = {{1}};
  uint32_t index;
  cfg.loose = cfg.alloc;
  tap_ok(al_gossip_init(&g, &cfg) == AL_OK && g.wants == NULL && g.peers == NULL,
         "loose: no table of wants");
  tap_ok(al_gossip_reserve(&g, 1) == AL_OK, "loose: room for a link");
  al_link link = 1u << AL_SLAB_INDEX_BITS;
  al_gossip_link_up(&g, link, c->now);
  size_t idle = ta->bytes_out;
  al_rumour what = {.id = id, .stamp = 1};
  al_gossip_peer *p = al_gossip_peer_of(&g, link);
  al_gossip_fill(&g, p, c->now);
  tap_ok(al_gossip_want_of(&g, p, p, &what, NULL) && ta->bytes_out > idle, "loose: a want");
  tap_ok(al_gossip_find_want(&g, &id, &index), "loose: it is found without a map");
  al_gossip_tick(&g, c->now);
  tap_ok(al_gossip_find_want(&g, &id, NULL), "loose: it stays while it is wanted");
  al_gossip_link_down(&g, link, c->now);
  al_gossip_tick(&g, c->now);
  tap_ok(g.wants == NULL && ta->bytes_out == idle, "loose: its memory is given back");
  al_gossip_link_up(&g, link, c->now);
  al_gossip_dead(&g, &id, c->now);
  al_gossip_tick(&g, c->now + AL_SECOND);
  tap_ok(g.news != NULL && al_gossip_find_news(&g, &id, AL_GOSSIP_DEAD) != NULL,
         "loose: news is remembered");
  al_gossip_tick(&g, c->now + 2 * AL_GOSSIP_STAMP_S * AL_SECOND);
  tap_ok(g.news != NULL, "loose: as long as somebody is to be told");
  uint8_t room[AL_GOSSIP_MESSAGE_MAX];
  al_message_kind kind;
  for (al_wr w = al_wr_init(room, sizeof room); al_gossip_next(&g, link, c->now, &w, &kind);)
    w = al_wr_init(room, sizeof room);
  al_gossip_tick(&g, c->now + 2 * AL_GOSSIP_STAMP_S * AL_SECOND);
  tap_ok(g.news == NULL && ta->bytes_out == idle &&
             al_gossip_find_news(&g, &id, AL_GOSSIP_DEAD) == NULL,
         "loose: then its memory is given back, too");
  al_gossip_clear(&g);
  end(c);
}

/* A neighbour that names nodes of its invention, forever. */
static void test_liar(void) {
  crowd *c = start(2, 256);
  al_link liar = attach(c, 0), honest = attach(c, 1);
  said(c, liar, AL_MESSAGE_DIGEST, NULL);
  said(c, honest, AL_MESSAGE_DIGEST, NULL);
  unsigned asked = 0;
  for (unsigned s = 0; s < 600; s++) {
    al_wr w;
    digest_of(&w, 400);
    rx(c, liar, AL_MESSAGE_DIGEST, &w);
    al_gossip_tick(&c->n[0].g, c->now);
    size_t bytes = 0;
    if (said(c, liar, AL_MESSAGE_WANT, &bytes) != 0) asked += (unsigned)(bytes / 32);
    if (al_map_count(&c->n[0].g.want_by_id) > 129) asked = 1u << 30;
    c->now += AL_SECOND;
  }
  tap_ok(asked <= 600 * AL_GOSSIP_ASKED_MAX / 5 + AL_GOSSIP_ASKED_MAX,
         "ten minutes of 400 invented names a second: %u are asked for", asked);
  tap_ok(c->n[0].counters.v[AL_COUNT_gossip_rate] > 200000, "the rest is gossip_rate");
  al_wr w = al_wr_init(in, sizeof in);
  al_digest_start(&w);
  al_digest_add(&w, &c->n[1].id, 1);
  rx(c, honest, AL_MESSAGE_DIGEST, &w);
  tap_is_u64(said(c, honest, AL_MESSAGE_WANT, NULL), 1, "an honest neighbour is still heard");
  al_wr d = al_wr_init(in, sizeof in);
  al_entry_write(al_book_own(&books[1]), &d);
  tap_ok(rx(c, honest, AL_MESSAGE_DESCRIPTOR, &d) == AL_GOSSIP_DESCRIPTOR, "and its answer taken");
  al_gossip_learned(&c->n[0].g, &c->n[1].id, honest, c->now);
  tap_ok(rx(c, honest, AL_MESSAGE_DESCRIPTOR, &d) == AL_GOSSIP_DROP, "once");
  end(c);
}

/* A neighbour that answers every want with something forged. */
static void test_forger(void) {
  crowd *c = start(1, 4096);
  al_link link = attach(c, 0);
  unsigned checked = 0;
  for (unsigned s = 0; s < 600; s++) {
    al_wr w;
    digest_of(&w, 400);
    rx(c, link, AL_MESSAGE_DIGEST, &w);
    said(c, link, AL_MESSAGE_WANT, NULL);
    al_wr d = al_wr_init(in, 100);
    al_wr_zero(&d, 100);
    while (rx(c, link, AL_MESSAGE_DESCRIPTOR, &d) == AL_GOSSIP_DESCRIPTOR) {
      checked++;
      al_gossip_refused(&c->n[0].g, link, AL_BOOK_SIGNATURE, c->now);
    }
    if (s == 0)
      tap_is_u64(al_gossip_peer_of(&c->n[0].g, link)->trust, 0, "it is not trusted any more");
    if (s == 1)
      tap_is_u64(al_map_count(&c->n[0].g.want_by_id), 400 + 16, "16 names are heard next second");
    c->now += AL_SECOND;
    al_gossip_tick(&c->n[0].g, c->now);
  }
  tap_ok(checked <= 600 * AL_GOSSIP_ASKED_MAX / 5 + AL_GOSSIP_ASKED_MAX,
         "ten minutes of forged answers: %u signatures were looked at", checked);
  tap_ok(c->n[0].counters.v[AL_COUNT_gossip_unasked] > 0, "gossip_unasked");
  tap_is_u64(al_book_count(&books[0]), 0, "the book is empty");
  end(c);
}

/* A neighbour that asks for everything, again and again. */
static void test_glutton(void) {
  crowd *c = start(NODES, 64);
  for (unsigned i = 1; i < NODES; i++) crowd_connect(c, i, 0);
  crowd_settle(c, 1, 60 * AL_SECOND);
  al_link link = attach(c, 20);
  said(c, link, AL_MESSAGE_DIGEST, NULL);
  size_t bytes = 0;
  unsigned got = 0;
  for (unsigned s = 0; s < 6000; s++) {
    al_wr w = al_wr_init(in, sizeof in);
    al_want_start(&w);
    for (unsigned i = 0; i < NODES; i++) al_want_add(&w, &c->n[i].id);
    rx(c, link, AL_MESSAGE_WANT, &w);
    got += said(c, link, AL_MESSAGE_DESCRIPTOR, &bytes);
    c->now += 100 * AL_MS;
  }
  tap_ok(got >= AL_GOSSIP_PACE_PER_S * 590 &&
             got <= AL_GOSSIP_PACE_BURST + AL_GOSSIP_PACE_PER_S * 600 + 1,
         "ten minutes of asking: %u descriptors, %u MB", got, (unsigned)(bytes / 1000000));
  /* A flood of digests that name what is known. */
  uint64_t before = c->n[0].counters.v[AL_COUNT_gossip_rate], taken = 0;
  for (unsigned s = 0; s < 2000; s++) {
    al_wr w = al_wr_init(in, sizeof in);
    al_digest_start(&w);
    for (unsigned i = 0; i < 400; i++) al_digest_add(&w, &c->n[i % NODES].id, 1);
    if (rx(c, link, AL_MESSAGE_DIGEST, &w) == AL_GOSSIP_NONE) taken++;
    c->now += AL_MS;
  }
  tap_ok(taken <= (AL_GOSSIP_ENTRIES_MAX + 2000) / 400 + 1, "%u of 2,000 digests looked at",
         (unsigned)taken);
  tap_ok(c->n[0].counters.v[AL_COUNT_gossip_rate] - before == 2000 - taken, "gossip_rate again");
  c->n[0].edges[20].link = 0;
  al_gossip_link_down(&c->n[0].g, link, c->now);
  end(c);
}

/* One neighbour at a time: silence for 5 s sends the want to the next that named it. */
static void test_sources(void) {
  crowd *c = start(2, 64);
  al_link link[3];
  for (uint32_t i = 0; i < 3; i++) {
    link[i] = attach(c, i);
    said(c, link[i], AL_MESSAGE_DIGEST, NULL);
  }
  for (uint32_t i = 0; i < 3; i++) {
    al_wr w = al_wr_init(in, sizeof in);
    al_digest_start(&w);
    al_digest_add(&w, &c->n[1].id, 1);
    rx(c, link[i], AL_MESSAGE_DIGEST, &w);
  }
  unsigned order[3] = {0}, at = 0;
  for (unsigned s = 0; s < 20; s++) {
    for (uint32_t i = 0; i < 3; i++)
      if (said(c, link[i], AL_MESSAGE_WANT, NULL) != 0 && at < 3) {
        order[at++] = i;
        tap_is_u64(s / 5, at - 1, "neighbour %u is asked after %u s", i, s);
      }
    if (at == 2 && s == 7) al_gossip_link_down(&c->n[0].g, link[order[1]], c->now);
    if (at == 3) break;
    c->now += AL_SECOND;
    al_gossip_tick(&c->n[0].g, c->now);
    if (s == 7 && at == 2) {
      tap_is_u64(said(c, link[3 - order[0] - order[1]], AL_MESSAGE_WANT, NULL), 1,
                 "a neighbour that is gone: the third is asked at once");
      at = 3;
    }
  }
  tap_is_u64(at, 3, "three were asked");
  c->now += 6 * AL_SECOND;
  al_gossip_tick(&c->n[0].g, c->now);
  tap_is_u64(al_map_count(&c->n[0].g.want_by_id), 0, "then it is given up");
  /* The book is full: nodes that are not known are not asked for, newer records are. */
  al_gossip_refused(&c->n[0].g, link[0], AL_BOOK_FULL, c->now);
  al_wr w;
  digest_of(&w, 10);
  rx(c, link[order[0]], AL_MESSAGE_DIGEST, &w);
  tap_is_u64(al_map_count(&c->n[0].g.want_by_id), 0, "the book is full: nobody new is wanted");
  c->now += 61 * AL_SECOND;
  rx(c, link[order[0]], AL_MESSAGE_DIGEST, &w);
  tap_is_u64(al_map_count(&c->n[0].g.want_by_id), 10, "for a minute");
  digest_of(&w, 100);
  rx(c, link[3 - order[0] - order[1]], AL_MESSAGE_DIGEST, &w);
  tap_is_u64(al_map_count(&c->n[0].g.want_by_id), 10 + 33, "half of the wants to a neighbour");
  digest_of(&w, 100);
  rx(c, link[order[0]], AL_MESSAGE_DIGEST, &w);
  tap_is_u64(al_map_count(&c->n[0].g.want_by_id), 64, "then the table is full");
  tap_is_u64(c->n[0].counters.v[AL_COUNT_gossip_full], 100 - 21, "gossip_full");
  end(c);
}

/* More news than are remembered: the neighbour gets a whole digest. */
static void test_news(void) {
  crowd *c = start(1, 64);
  al_link link = attach(c, 0);
  said(c, link, AL_MESSAGE_DIGEST, NULL);
  tap_ok(al_gossip_deadline(&c->n[0].g) < AL_TIME_NEVER, "a deadline");
  al_time t0 = c->now;
  al_gossip_own(&c->n[0].g, c->now, 2);
  tap_is_u64(al_gossip_deadline(&c->n[0].g), t0 + 200 * AL_MS, "news wait for 200 ms");
  uint32_t cursor = 0;
  tap_is_u64(al_gossip_ready(&c->n[0].g, &cursor), 0, "nothing is ready");
  c->now += 200 * AL_MS;
  al_gossip_tick(&c->n[0].g, c->now);
  cursor = 0;
  tap_is_u64(al_gossip_ready(&c->n[0].g, &cursor), link, "now it is");
  tap_is_u64(al_gossip_ready(&c->n[0].g, &cursor), 0, "and only it");
  size_t bytes = 0;
  tap_ok(said(c, link, AL_MESSAGE_DIGEST, &bytes) == 1 && bytes == 42, "one digest of one entry");
  tap_is_u64(al_load_u64(out + 34), 2, "with the new sequence");
  for (unsigned i = 0; i < 512 + 1; i++) al_gossip_learned(&c->n[0].g, &c->n[0].id, 0, c->now);
  c->now += 200 * AL_MS;
  al_gossip_tick(&c->n[0].g, c->now);
  bytes = 0;
  tap_ok(said(c, link, AL_MESSAGE_DIGEST, &bytes) == 1 && bytes == 42, "too many: a whole digest");
  al_gossip_learned(&c->n[0].g, &c->n[0].id, link, c->now);
  c->now += 200 * AL_MS;
  al_gossip_tick(&c->n[0].g, c->now);
  tap_is_u64(said(c, link, AL_MESSAGE_DIGEST, NULL), 0, "who told us is not told");
  unsigned digests = 0;
  for (unsigned s = 0; s < 300; s++) {
    c->now += AL_SECOND;
    al_gossip_tick(&c->n[0].g, c->now);
    digests += said(c, link, AL_MESSAGE_DIGEST, NULL);
  }
  tap_ok(digests >= 8 && digests <= 12, "a digest every 30 s: %u in 300 s", digests);
  end(c);
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_real();
  test_malformed();
  test_loose();
  test_liar();
  test_forger();
  test_glutton();
  test_sources();
  test_news();
  return tap_done();
}
