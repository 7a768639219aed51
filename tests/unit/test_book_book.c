/* The book: every verdict, replacement, room, pins, expiry, sampling, memory. */
#include "book/book.h"
#include "support/test_alloc.h"
#include "support/test_chacha.h"
#include "tap.h"

enum { NODES = 24, LIMIT = 8 };

static const al_suite *suite;
static const uint8_t secret[16] = "book";
static al_identity nodes[NODES];
static uint8_t record[AL_DESC_BYTES_MAX + 1];
static size_t record_len;
static al_book book;
static al_book_source from;

/* What differs between the records of these tests. */
typedef struct spec {
  int node;
  uint64_t sequence, published_s, expiry_s;
  uint16_t flags;
  uint8_t coin;
  const char *ip; /* four bytes, or NULL */
} spec;

static void make(const spec *s) {
  uint8_t coins[AL_SIG_COINS_BYTES] = {s->coin}, address[AL_ADDRESS_BYTES_MAX];
  al_wr w = al_wr_init(record, sizeof record), aw = al_wr_init(address, sizeof address);
  al_desc d = {.flags = s->flags,
               .sequence = s->sequence,
               .published_s = s->published_s,
               .expiry_s = s->expiry_s,
               .epoch = 10};
  d.onion_pk[0] = nodes[0].link_pk;
  d.onion_pk[1] = nodes[1].link_pk;
  if (s->ip != NULL) {
    al_address a = {.family = 4, .port = 1};
    memcpy(a.ip, s->ip, 4);
    al_address_encode(&a, &aw);
    d.addresses[d.addresses_count++] = al_wr_view(&aw);
  }
  (void)al_descriptor_make(suite, &nodes[s->node], &d, coins, &w);
  record_len = w.len;
}

static al_book_verdict put(al_peer *ret) {
  al_peer peer;
  al_book_verdict v = al_book_put(&book, &from, al_view(record, record_len), &peer);
  if (ret != NULL) *ret = peer;
  return v;
}

static al_book_verdict put_node(int node, uint64_t sequence, al_peer *ret) {
  const spec s = {node, sequence, 1000, 90000, AL_DESC_RELAY, 0, NULL};
  make(&s);
  return put(ret);
}

static void begin(test_alloc *ta) {
  const al_alloc *a = test_alloc_bind(ta);
  from = (al_book_source){suite, 1000, 0};
  if (al_book_init(&book, a, LIMIT, secret, &nodes[0].id) != AL_OK) tap_ok(false, "init");
  if (al_book_reserve(&book, LIMIT) != AL_OK) tap_ok(false, "reserve");
  ta->closed = true; /* nothing below may allocate */
}

static void end(test_alloc *ta) {
  al_book_clear(&book);
  tap_ok(test_alloc_clean(ta), "memory came with reserve only and all went back");
}

static void test_verdicts(void) {
  test_alloc ta;
  al_peer p, q;
  begin(&ta);
  tap_ok(put_node(1, 5, &p) == AL_BOOK_NEW && p != 0, "%s: NEW", suite->name);
  tap_ok(put(&q) == AL_BOOK_SAME && q == p, "SAME");
  tap_ok(put_node(1, 4, &q) == AL_BOOK_STALE && q == p, "gossip_stale: a lower sequence");
  const spec twin = {1, 5, 1000, 90001, AL_DESC_RELAY, 1, NULL};
  make(&twin);
  tap_ok(put(&q) == AL_BOOK_STALE && q == p, "an equal sequence with other bytes");
  tap_ok(put_node(1, 6, &q) == AL_BOOK_NEWER && q == p, "NEWER keeps the handle");
  tap_is_u64(al_book_get(&book, p)->desc.sequence, 6, "the newer record is there");
  tap_ok(put_node(0, 1, &q) == AL_BOOK_SELF && q == 0, "our own record is not taken");
  (void)put_node(2, 1, NULL);
  record_len--;
  tap_ok(put(&q) == AL_BOOK_MALFORMED && q == 0, "gossip_parse: a cut one");
  (void)put_node(3, 1, NULL);
  tap_ok(al_book_find(&book, &nodes[3].id) != 0, "the control: the next one is taken");
  const spec bad = {4, 1, 1000, 90000, 0, 0, NULL};
  make(&bad);
  record[10] ^= 1; /* the sequence */
  tap_ok(put(&q) == AL_BOOK_SIGNATURE && q == 0 && al_book_find(&book, &nodes[4].id) == 0,
         "gossip_signature: a changed one");
  (void)put_node(1, 7, &p);
  make(&(spec){1, 8, 1000, 90000, 0, 0, NULL});
  record[record_len - 1] ^= 1;
  tap_ok(put(NULL) == AL_BOOK_SIGNATURE && al_book_get(&book, p)->desc.sequence == 7,
         "a bad newer one does not push the good one out");
  end(&ta);
}

static void test_dates(void) {
  test_alloc ta;
  begin(&ta);
  from.wall_s = 50000;
  make(&(spec){1, 1, 1000, 50000, 0, 0, NULL});
  tap_ok(put(NULL) == AL_BOOK_EXPIRED, "gossip_expired: expired this second");
  make(&(spec){1, 1, 1000, 50001, 0, 0, NULL});
  tap_ok(put(NULL) == AL_BOOK_NEW, "a second before it is good");
  make(&(spec){2, 1, 50000 + AL_DESC_SKEW_S + 1, 90000, 0, 0, NULL});
  tap_ok(put(NULL) == AL_BOOK_EXPIRED, "one from more than an hour ahead");
  make(&(spec){2, 1, 50000 + AL_DESC_SKEW_S, 90000, 0, 0, NULL});
  tap_ok(put(NULL) == AL_BOOK_NEW, "an hour ahead is good");
  al_peer p = al_book_find(&book, &nodes[1].id);
  tap_ok(
      al_book_fresh(al_book_get(&book, p), 50000) && !al_book_fresh(al_book_get(&book, p), 50001),
      "fresh until its expiry");
  tap_ok(al_book_count_fresh(&book, 50000) == 2 && al_book_count_fresh(&book, 50000) == 2 &&
             al_book_count_fresh(&book, 50001) == 1 && al_book_count_fresh(&book, 90000) == 0,
         "the fresh ones are counted as time passes");
  tap_is_u64(al_book_expire(&book, 50001 + AL_BOOK_GRACE_S), 0, "it stays for a time of grace");
  tap_is_u64(al_book_expire(&book, 50002 + AL_BOOK_GRACE_S), 1, "then it goes");
  tap_ok(al_book_get(&book, p) == NULL && al_book_find(&book, &nodes[1].id) == 0,
         "its handle is stale");
  end(&ta);
}

static void test_puzzle(void) {
  test_alloc ta;
  begin(&ta);
  from.options = AL_BOOK_CHECK_PUZZLE;
  const bool lucky = al_puzzle_check(suite, &nodes[1].id, 0);
  tap_ok(lucky || put_node(1, 1, NULL) == AL_BOOK_PUZZLE, "gossip_puzzle: unsolved, refused");
  al_desc d = {.published_s = 1000, .expiry_s = 2000};
  while (!al_puzzle_search(suite, &nodes[1].id, 10000, &d.puzzle)) {
  }
  d.onion_pk[0] = d.onion_pk[1] = nodes[0].link_pk;
  al_wr w = al_wr_init(record, sizeof record);
  const uint8_t coins[AL_SIG_COINS_BYTES] = {0};
  (void)al_descriptor_make(suite, &nodes[1], &d, coins, &w);
  record_len = w.len;
  tap_ok(put(NULL) == AL_BOOK_NEW, "solved, taken");
  end(&ta);
}

static void test_room(void) {
  test_alloc ta;
  begin(&ta);
  al_peer p[LIMIT + 1];
  for (int i = 0; i < LIMIT; i++) {
    from.wall_s = 1000 + (uint64_t)i;
    (void)put_node(i + 1, 1, &p[i]);
  }
  tap_is_u64(al_book_count(&book), LIMIT, "the book is full");
  tap_ok(put_node(12, 1, NULL) == AL_BOOK_FULL, "gossip_full: refused");
  tap_ok(put_node(2, 2, NULL) == AL_BOOK_NEWER, "a newer record of a known node still is taken");
  from.options = AL_BOOK_MAKE_ROOM;
  al_book_pin(&book, p[0], true);
  make(&(spec){13, 1, 1000, 90000, 0, 0, NULL});
  record[record_len - 1] ^= 1;
  tap_ok(put(NULL) == AL_BOOK_SIGNATURE && al_book_count(&book) == LIMIT,
         "a bad record makes nobody go");
  tap_ok(put_node(13, 1, NULL) == AL_BOOK_NEW, "with MAKE_ROOM it is taken");
  tap_ok(al_book_get(&book, p[0]) != NULL, "a pinned one stays although it came first");
  tap_ok(al_book_get(&book, p[2]) == NULL, "the one learnt first among the others went");
  for (uint32_t c = 0, q; (q = al_book_each(&book, &c)) != 0;) al_book_pin(&book, q, true);
  tap_ok(put_node(14, 1, NULL) == AL_BOOK_FULL, "when all are pinned, nothing goes");
  al_book_pin(&book, p[0], false);
  tap_ok(put_node(14, 1, NULL) == AL_BOOK_FULL, "pins are counted");
  al_book_pin(&book, p[0], false);
  tap_ok(put_node(14, 1, NULL) == AL_BOOK_NEW, "the last pin gone, it may go");
  al_book_pin(&book, p[0], true);
  al_book_drop(&book, p[0]);
  tap_ok(al_book_count(&book) == LIMIT, "a stale handle is passed over");
  end(&ta);
}

/* Expired records give way even without MAKE_ROOM. */
static void test_room_expired(void) {
  test_alloc ta;
  begin(&ta);
  for (int i = 0; i < LIMIT; i++) {
    make(&(spec){i + 1, 1, 1000, i == 5 ? 2000 : 90000, 0, 0, NULL});
    (void)put(NULL);
  }
  from.wall_s = 3000;
  tap_ok(put_node(12, 1, NULL) == AL_BOOK_NEW, "an expired record gives way");
  tap_ok(al_book_find(&book, &nodes[6].id) == 0, "that one");
  tap_ok(put_node(13, 1, NULL) == AL_BOOK_FULL, "no other does");
  end(&ta);
}

static void test_reserve(void) {
  test_alloc ta;
  const al_alloc *a = test_alloc_bind(&ta);
  (void)al_book_init(&book, a, LIMIT, secret, &nodes[0].id);
  from = (al_book_source){suite, 1000, 0};
  tap_ok(put_node(1, 1, NULL) == AL_BOOK_FULL, "without memory the book is full");
  tap_ok(al_book_reserve(&book, 2) == AL_OK, "room for two");
  tap_ok(put_node(1, 1, NULL) == AL_BOOK_NEW && put_node(2, 1, NULL) == AL_BOOK_NEW &&
             put_node(3, 1, NULL) == AL_BOOK_FULL,
         "two are taken, the third is not");
  tap_ok(al_book_reserve(&book, 100) == AL_OK && book.reserved == LIMIT, "never beyond the limit");
  tap_ok(put_node(3, 1, NULL) == AL_BOOK_NEW, "now it is taken");
  al_book_clear(&book);
  tap_ok(test_alloc_clean(&ta), "all memory went back");
  for (uint64_t n = 1; n <= 9; n++) {
    (void)test_alloc_bind(&ta);
    ta.fail_from = n;
    al_err err = al_book_init(&book, a, LIMIT, secret, &nodes[0].id);
    if (err == AL_OK) err = al_book_reserve(&book, 3);
    al_book_clear(&book);
    tap_ok(err == AL_ENOMEM && test_alloc_clean(&ta), "request %d refused: told, nothing left",
           (int)n);
  }
}

static void test_entries(void) {
  test_alloc ta;
  al_peer p;
  begin(&ta);
  make(&(spec){1, 1, 1000, 90000, AL_DESC_RELAY, 0, "\x08\x08\x01\x01"});
  (void)put(&p);
  const al_peer_entry *e = al_book_get(&book, p);
  uint8_t pk[AL_KEM_PK_BYTES];
  tap_ok(al_id_equal(&e->id, &nodes[1].id) && al_entry_equal(e, al_view(record, record_len)),
         "the record is kept as it came");
  memset(record, 0, sizeof record);
  al_entry_link_pk(e, pk);
  tap_ok(memcmp(pk, nodes[1].link_pk, AL_KEM_PK_BYTES) == 0 &&
             e->desc.addresses[0].len == AL_ADDRESS_IPV4_BYTES,
         "its view leads into the book");
  make(&(spec){2, 1, 1000, 90000, 0, 0, "\x08\x08\xff\x01"});
  (void)put(&p);
  tap_ok(al_book_get(&book, p)->group == e->group && e->group != 0, "one /16 is one group");
  make(&(spec){3, 1, 1000, 90000, 0, 0, "\x0a\x01\x01\x01"});
  (void)put(&p);
  tap_is_u64(al_book_get(&book, p)->group, 0, "private addresses are exempt");
  e = al_book_get(&book, al_book_find(&book, &nodes[1].id));
  tap_ok(al_entry_onion_pk(e, 10, pk) && memcmp(pk, nodes[0].link_pk, sizeof pk) == 0 &&
             al_entry_onion_pk(e, 11, pk) && memcmp(pk, nodes[1].link_pk, sizeof pk) == 0 &&
             !al_entry_onion_pk(e, 12, pk) && !al_entry_onion_pk(e, 9, pk),
         "the onion keys of two epochs are published");
  tap_ok(al_book_get(&book, 0) == NULL && al_book_find(&book, &nodes[9].id) == 0,
         "nothing is not found");
  end(&ta);
}

static void test_sample(void) {
  static const uint8_t seed[32] = "sample";
  test_alloc ta;
  al_rng rng;
  al_peer peers[6];
  uint32_t hits[6] = {0}, other = 0;
  begin(&ta);
  al_rng_init(&rng, &test_chacha_suite, seed);
  tap_ok(al_book_sample(&book, &rng, 0, 1000) == 0, "nothing to sample from an empty book");
  for (int i = 0; i < 6; i++) {
    make(&(spec){i + 1, 1, 1000, i == 5 ? 1500 : 90000, i == 4 ? 0 : AL_DESC_RELAY, 0, NULL});
    (void)put(&peers[i]);
  }
  for (int n = 0; n < 4000; n++) {
    al_peer p = al_book_sample(&book, &rng, AL_DESC_RELAY, 1500);
    int i = 0;
    while (i < 6 && peers[i] != p) i++;
    if (i < 6)
      hits[i]++;
    else
      other++;
  }
  tap_ok(other == 0 && hits[4] == 0 && hits[5] == 0, "no other flags, nothing expired");
  bool even = true;
  for (int i = 0; i < 4; i++) even = even && hits[i] > 880 && hits[i] < 1120;
  tap_ok(even, "each equally often: %u %u %u %u", hits[0], hits[1], hits[2], hits[3]);
  end(&ta);
}

static void test_all(const al_suite *s) {
  suite = s;
  for (int i = 0; i < NODES; i++) {
    uint8_t root[32] = {(uint8_t)i, 1};
    al_identity_init(suite, root, &nodes[i]);
  }
  test_verdicts();
  test_dates();
  test_puzzle();
  test_room();
  test_room_expired();
  test_reserve();
  test_entries();
  test_sample();
}

int main(void) {
  test_all(al_suite_hacl());
  test_all(al_suite_null());
  return tap_done();
}
