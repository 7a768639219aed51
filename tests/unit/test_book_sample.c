/* The book as a sample: who is in it, who goes, what neighbours and doubts change. */
#include "book/book.h"
#include "support/test_alloc.h"
#include "support/test_rand.h"
#include "tap.h"

enum { MEMBERS = 20, LIMIT = 28, NODES = 200 };

static al_book book;
static al_book_source from;
static al_identity nodes[NODES];
static al_identity self;

static al_book_verdict put(unsigned node, uint64_t sequence, uint32_t options, al_peer *ret) {
  static uint8_t record[AL_DESC_BYTES_MAX], onion[AL_KEM_PK_BYTES];
  uint8_t coins[AL_SIG_COINS_BYTES] = {0};
  al_wr w = al_wr_init(record, sizeof record);
  al_peer peer;
  al_desc d = {.sequence = sequence,
               .published_s = 1000,
               .expiry_s = 90000,
               .epoch = 10,
               .onion_pk = {onion, onion}};
  (void)al_descriptor_make(from.suite, &nodes[node], &d, coins, &w);
  from.options = AL_BOOK_MAKE_ROOM | options;
  al_book_verdict v = al_book_put(&book, &from, al_wr_view(&w), &peer);
  if (ret != NULL) *ret = peer;
  return v;
}

static void begin(test_alloc *ta) {
  uint8_t secret[AL_MAP_SECRET_BYTES], root[32] = {255, 255};
  test_rand_bytes(secret, sizeof secret);
  from = (al_book_source){.suite = al_suite_null(), .wall_s = 2000};
  al_identity_init(from.suite, root, &self);
  for (unsigned i = 0; i < NODES; i++) {
    al_store_u32(root, i + 1);
    al_identity_init(from.suite, root, &nodes[i]);
  }
  if (al_book_init(&book, test_alloc_bind(ta), LIMIT, secret, &self.id) != AL_OK) abort();
  al_book_set_sample(&book, MEMBERS);
  if (al_book_reserve(&book, LIMIT) != AL_OK) abort();
  ta->closed = true;
}

static void end(test_alloc *ta) {
  ta->closed = false;
  al_book_clear(&book);
  tap_ok(test_alloc_clean(ta), "all memory went back");
}

static bool has(unsigned node) { return al_book_find(&book, &nodes[node].id) != 0; }

static unsigned members(void) {
  unsigned n = 0;
  uint32_t cursor = 0;
  for (al_peer p; (p = al_book_each(&book, &cursor)) != 0;) n += al_book_member(&book, p);
  return n;
}

/* The sample is the same whatever the order in which nodes are offered, and however often. */
static void test_order(void) {
  static bool first[NODES];
  uint8_t secret[AL_MAP_SECRET_BYTES];
  unsigned different = 0, kept = 0;
  for (int round = 0; round < 3; round++) {
    test_alloc ta;
    uint32_t order[NODES];
    begin(&ta);
    if (round == 0) memcpy(secret, book.secret, sizeof secret);
    memcpy(book.secret, secret, sizeof secret); /* the same key in every round */
    for (uint32_t i = 0; i < NODES; i++) order[i] = i;
    for (uint32_t i = NODES - 1; i > 0; i--) {
      uint32_t k = (uint32_t)test_rand_below(i + 1), t = order[i];
      order[i] = order[k];
      order[k] = t;
    }
    for (uint32_t i = 0; i < NODES; i++)
      for (unsigned again = 0; again < (order[i] < 40 ? 20u : 1u); again++)
        (void)put(order[i], 1 + again, 0, NULL);
    for (unsigned i = 0; i < NODES; i++) {
      if (round == 0) first[i] = has(i);
      if (has(i) && !al_book_member(&book, al_book_find(&book, &nodes[i].id))) continue;
      different += round != 0 && has(i) != first[i];
      kept += round == 0 && has(i);
    }
    tap_is_u64(members(), MEMBERS, "as many members as the sample takes");
    end(&ta);
  }
  tap_ok(kept >= MEMBERS && kept <= MEMBERS + 1, "the sample is full: %u", kept);
  tap_ok(different <= 2, "and the same whatever the order (%u)", different);
}

static void test_small(void) {
  test_alloc ta;
  begin(&ta);
  for (unsigned i = 0; i < MEMBERS; i++) (void)put(i, 1, 0, NULL);
  tap_ok(!al_book_full(&book) && members() == MEMBERS, "a network that fits is known as a whole");
  tap_ok(put(MEMBERS, 1, 0, NULL) == AL_BOOK_NEW && al_book_full(&book), "one more: a sample");
  tap_is_u64(members(), MEMBERS, "of as many members");
  end(&ta);
}

static void test_neighbours(void) {
  test_alloc ta;
  al_peer pinned[8], p;
  unsigned out = 0, extra = 0, refused = 0;
  begin(&ta);
  for (unsigned i = 0; i < 100; i++) (void)put(i, 1, 0, NULL);
  for (unsigned i = 100; i < 120; i++) {
    if (al_book_takes(&book, &nodes[i].id)) continue;
    refused += put(i, 1, 0, NULL) == AL_BOOK_FULL;
    out++;
    if (extra == 8 || put(i, 1, AL_BOOK_ANYBODY, &p) != AL_BOOK_NEW) continue;
    al_book_pin(&book, p, true);
    pinned[extra++] = p;
  }
  tap_ok(out > 10 && refused == out, "who is no member is refused (%u)", out);
  tap_ok(extra >= 7, "but for neighbours (%u)", extra);
  tap_is_u64(members(), MEMBERS, "the members stay");
  tap_ok(al_book_scale(&book) >= 3 && al_book_scale(&book) <= 10, "one in %u is a member",
         al_book_scale(&book));
  unsigned drawn = 0;
  al_rng rng;
  uint8_t seed[32] = {1};
  al_rng_init(&rng, from.suite, seed);
  for (unsigned i = 0; i < 400; i++)
    drawn += !al_book_member(&book, al_book_sample(&book, &rng, 0, 2000));
  tap_is_u64(drawn, 0, "neighbours that are no members are not drawn");
  for (unsigned i = 0; i < extra; i++) al_book_pin(&book, pinned[i], false);
  tap_ok(al_book_forget(&book, pinned[0]) && al_book_get(&book, pinned[0]) == NULL, "forgotten");
  end(&ta);
}

static void test_doubt(void) {
  test_alloc ta;
  al_peer p = 0, drawn = 0;
  al_rng rng;
  uint8_t seed[32] = {2};
  begin(&ta);
  al_rng_init(&rng, from.suite, seed);
  for (unsigned i = 0; i < 3; i++) (void)put(i, 1, 0, &p);
  al_book_doubt(&book, p, true);
  unsigned times = 0;
  for (unsigned i = 0; i < 300; i++) times += al_book_sample(&book, &rng, 0, 2000) == p;
  tap_ok(times == 0 && !al_book_usable(&book, p) && al_book_doubted(&book, p),
         "one in doubt is not drawn");
  al_book_doubt(&book, p, false);
  for (unsigned i = 0; i < 300 && drawn != p; i++) drawn = al_book_sample(&book, &rng, 0, 2000);
  tap_ok(drawn == p, "it lives: it is drawn");
  al_book_doubt(&book, p, true);
  tap_ok(put(2, 2, 0, NULL) == AL_BOOK_NEWER && al_book_usable(&book, p),
         "a newer record is a proof of life");
  al_book_pin(&book, p, true);
  tap_ok(!al_book_forget(&book, p), "a neighbour is not forgotten");
  al_book_pin(&book, p, false);
  end(&ta);
}

/* Members go and no others are heard of: the bar rises, slowly, so that other nodes come in. */
static void test_bar(void) {
  test_alloc ta;
  unsigned gone = 0;
  begin(&ta);
  for (unsigned i = 0; i < 100; i++) (void)put(i, 1, 0, NULL);
  uint32_t bar = book.bar;
  for (unsigned i = 0; i < 100 && gone < 6; i++)
    gone += al_book_forget(&book, al_book_find(&book, &nodes[i].id));
  (void)al_book_expire(&book, 2000);
  tap_ok(book.bar > bar && book.bar < bar + bar / 8, "six are gone: the bar rises");
  uint32_t once = book.bar;
  (void)al_book_expire(&book, 2030);
  tap_is_u64(book.bar, once, "once a minute");
  for (uint64_t s = 2060; s < 2000 + 120 * 60; s += 60) (void)al_book_expire(&book, s);
  tap_ok(!al_book_full(&book), "in the end the network fits again");
  for (unsigned i = 100; i < 160; i++) (void)put(i, 1, 0, NULL);
  tap_ok(al_book_full(&book) && members() == MEMBERS, "until it does not");
  tap_ok(al_book_expire(&book, 95000) > 0 && al_book_count(&book) == 0,
         "a full sample keeps nobody who has expired");
  end(&ta);
}

/* Forged records move nobody out. */
static void test_forged(void) {
  test_alloc ta;
  al_peer p;
  static uint8_t record[AL_DESC_BYTES_MAX], onion[AL_KEM_PK_BYTES];
  uint8_t coins[AL_SIG_COINS_BYTES] = {0};
  begin(&ta);
  for (unsigned i = 0; i < 100; i++) (void)put(i, 1, 0, NULL);
  uint32_t bar = book.bar, forged = 0, clock = book.clock;
  for (unsigned i = 100; i < NODES; i++) {
    al_wr w = al_wr_init(record, sizeof record);
    al_desc d = {.sequence = 1,
                 .published_s = 1000,
                 .expiry_s = 90000,
                 .epoch = 10,
                 .onion_pk = {onion, onion}};
    (void)al_descriptor_make(from.suite, &nodes[i], &d, coins, &w);
    record[w.len - 1] ^= 1;
    forged += al_book_put(&book, &from, al_wr_view(&w), &p) == AL_BOOK_SIGNATURE;
  }
  tap_ok(forged > 0 && book.bar == bar && book.clock == clock && members() == MEMBERS,
         "%u forged ones change nothing", forged);
  end(&ta);
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_order();
  test_small();
  test_neighbours();
  test_doubt();
  test_bar();
  test_forged();
  return tap_done();
}
