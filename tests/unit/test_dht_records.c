/* The store of records: what is taken, what is refused and why, who goes when it is full. */
#include "../support/test_alloc.h"
#include "../support/test_rand.h"
#include "dht/records.h"
#include "tap.h"

enum { WALL = 1700000000, DAY = 86400 };

static test_alloc memory;
static al_records store;
static al_rng rng;
static al_counters counters;
static const al_suite *suite;
static uint8_t buffer[AL_RECORD_BYTES_MAX + 8], copy[AL_RECORD_BYTES_MAX];
static uint8_t sk[AL_SIG_SK_BYTES], pk[AL_SIG_PK_BYTES];

static void start(uint32_t records_max, uint32_t bytes_max) {
  static const uint8_t seed[32] = {7};
  suite = al_suite_null();
  al_rng_init(&rng, suite, seed);
  memset(&counters, 0, sizeof counters);
  al_records_config c = {.alloc = &memory.a,
                         .suite = suite,
                         .rng = &rng,
                         .counters = &counters,
                         .records_max = records_max,
                         .bytes_max = bytes_max};
  suite->sha3_256(c.self.b, &(al_bytes){seed, 32}, 1);
  al_records_init(&store, &c);
}

/* An immutable record of `len` bytes that depends on n. */
static al_records_offer immutable(uint32_t n, size_t len) {
  static uint8_t value[AL_RECORD_VALUE_BYTES_MAX];
  memset(value, (int)(n & 0xff), len);
  if (len >= 4) al_store_u32(value, n);
  al_record r = {.kind = AL_RECORD_IMMUTABLE, .value = al_view(value, len)};
  al_wr w = al_wr_init(buffer, sizeof buffer);
  (void)al_record_encode_unsigned(&r, &w);
  return (al_records_offer){.key = al_record_key(suite, &r),
                            .bytes = al_wr_view(&w),
                            .wall_s = WALL,
                            .lifetime_s = DAY,
                            .source = 1};
}

static al_records_offer mutable(uint32_t n, uint64_t sequence, const char *value, uint64_t expiry) {
  static const uint8_t coins[AL_SIG_COINS_BYTES] = {1};
  uint8_t seed[AL_SIG_SEED_BYTES] = {0};
  al_store_u32(seed, n);
  suite->sig_keypair(pk, sk, seed);
  al_record r = {.kind = AL_RECORD_MUTABLE,
                 .sequence = sequence,
                 .expiry_s = expiry,
                 .pk = pk,
                 .value = al_view(value, strlen(value))};
  al_wr w = al_wr_init(buffer, sizeof buffer);
  (void)al_record_sign_mutable(suite, &r, sk, coins, &w);
  return (al_records_offer){.key = al_record_key(suite, &r),
                            .bytes = al_wr_view(&w),
                            .wall_s = WALL,
                            .lifetime_s = DAY,
                            .source = 1};
}

static void verdict(const al_records_offer *o, al_record_verdict want, const char *what) {
  al_record_verdict got = al_records_put(&store, o);
  tap_ok(got == want, "%s: %s", what, al_record_verdict_name(want));
  if (got != want) printf("# got %s\n", al_record_verdict_name(got));
}

static bool holds(const al_records_offer *o, uint64_t wall_s) {
  al_record_held h;
  return al_records_get(&store, &o->key, wall_s, copy, &h) && h.len == o->bytes.len &&
         memcmp(copy, o->bytes.ptr, h.len) == 0;
}

static void test_small(void) {
  tap_ok(sizeof store < 200, "an empty store is small: %zu bytes", sizeof store);
  start(10, 20000);
  memory.closed = true;
  al_records_offer o = immutable(1, 10);
  verdict(&o, AL_RECORD_FULL, "before it is opened nothing is kept");
  memory.closed = false;
  tap_ok(al_records_open(&store) == AL_OK && al_records_open(&store) == AL_OK, "opened once");
  memory.closed = true;
  verdict(&o, AL_RECORD_TAKEN, "then it is");
  al_records_clear(&store);
  memory.closed = false;
  start(0, 20000);
  tap_ok(al_records_open(&store) == AL_OK && store.entries == NULL, "a node that keeps none");
  verdict(&o, AL_RECORD_FULL, "refuses all");
  start(10, 20000);
  memory.fail_from = memory.requests + 1;
  tap_ok(al_records_open(&store) == AL_ENOMEM, "no memory is told");
  memory.fail_from = 0;
  verdict(&o, AL_RECORD_FULL, "and everything refused");
  al_records_clear(&store);
  tap_ok(test_alloc_clean(&memory), "the allocator was left alone while records came");
}

static void test_immutable(void) {
  static const size_t sizes[] = {0, 1, 247, 248, 249, 504, 505, 8192};
  start(64, 1 << 18);
  (void)al_records_open(&store);
  uint32_t good = 0;
  for (uint32_t i = 0; i < 8; i++) {
    al_records_offer o = immutable(i + 1, sizes[i]);
    good += al_records_put(&store, &o) == AL_RECORD_TAKEN && holds(&o, WALL);
    good += al_records_put(&store, &o) == AL_RECORD_SAME;
    good += al_records_get(&store, &o.key, WALL, NULL, &(al_record_held){0});
  }
  tap_is_u64(good, 24, "records of every size come back byte for byte");
  tap_is_u64(counters.v[AL_COUNT_record_same], 8, "record_same: counted");
  tap_is_u64(counters.v[AL_COUNT_record_taken], 8, "record_taken: counted");
  for (uint32_t i = 0; i < 8; i++) {
    al_records_offer o = immutable(i + 1, sizes[i]);
    good += al_records_drop(&store, &o.key) && !al_records_drop(&store, &o.key);
  }
  tap_ok(good == 32 && al_records_bytes(&store) == 0, "dropped, all bytes are free again");
  al_records_offer o = immutable(9, 100), p;
  o.key.b[0] ^= 1;
  verdict(&o, AL_RECORD_BAD, "under another key");
  o = immutable(9, 100);
  buffer[40] ^= 1;
  verdict(&o, AL_RECORD_BAD, "another value");
  o.bytes.len--;
  verdict(&o, AL_RECORD_BAD, "cut short");
  tap_is_u64(counters.v[AL_COUNT_record_bad], 3, "record_bad: counted");
  o.bytes = al_view(buffer, AL_RECORD_BYTES_MAX + 1);
  verdict(&o, AL_RECORD_OVERSIZE, "larger than any record");
  tap_is_u64(counters.v[AL_COUNT_record_oversize], 1, "record_oversize: counted");
  p = immutable(10, 100);
  p.far = true;
  verdict(&p, AL_RECORD_FAR, "we are not among the closest");
  tap_is_u64(counters.v[AL_COUNT_record_far], 1, "record_far: counted");
  p.far = false;
  (void)al_records_put(&store, &p);
  p.far = true;
  verdict(&p, AL_RECORD_SAME, "but what is kept is kept");
  al_records_clear(&store);
}

static void test_mutable(void) {
  al_record_held h;
  start(64, 1 << 18);
  (void)al_records_open(&store);
  al_records_offer o = mutable(1, 5, "five", WALL + 1000);
  verdict(&o, AL_RECORD_TAKEN, "the first");
  o = mutable(1, 4, "four", WALL + 1000);
  verdict(&o, AL_RECORD_STALE, "an older one");
  tap_is_u64(counters.v[AL_COUNT_record_stale], 1, "record_stale: counted");
  o = mutable(1, 5, "FIVE", WALL + 1000);
  verdict(&o, AL_RECORD_CONFLICT, "another of the same sequence");
  tap_is_u64(counters.v[AL_COUNT_record_conflict], 1, "record_conflict: counted");
  o = mutable(1, 5, "Five", WALL + 1000);
  buffer[o.bytes.len - 1] ^= 1;
  verdict(&o, AL_RECORD_BAD, "forged, of the same sequence");
  o = mutable(1, 6, "six", WALL + 1000);
  buffer[o.bytes.len - 1] ^= 1;
  verdict(&o, AL_RECORD_BAD, "forged, newer");
  o = mutable(1, 5, "five", WALL + 1000);
  tap_ok(holds(&o, WALL), "the first is kept through all that");
  buffer[o.bytes.len - 1] ^= 1;
  verdict(&o, AL_RECORD_SAME, "signed anew it is the same");
  buffer[o.bytes.len - 1] ^= 1;
  tap_ok(holds(&o, WALL), "and the one that was verified stays");
  o = mutable(1, 6,
              "a longer value than before, so that blocks change: "
              "........................................................................"
              "........................................................................"
              "........................................................................",
              WALL + 2000);
  verdict(&o, AL_RECORD_TAKEN, "a newer one");
  tap_ok(holds(&o, WALL) && al_records_get(&store, &o.key, WALL, NULL, &h) && h.sequence == 6 &&
             h.lifetime_s == 2000 && h.kind == AL_RECORD_MUTABLE && al_records_count(&store) == 1,
         "takes its place, until its own expiry");
  tap_ok(!holds(&o, WALL + 2000), "and is not given out after that");
  al_records_tick(&store, WALL + 1999);
  tap_is_u64(al_records_count(&store), 1, "a second before it is there");
  al_records_tick(&store, WALL + 2000);
  tap_ok(al_records_count(&store) == 0 && al_records_bytes(&store) == 0, "then it is gone");
  o = mutable(2, 1, "x", WALL);
  verdict(&o, AL_RECORD_EXPIRED, "expired when it comes");
  o = mutable(2, 1, "x", WALL + DAY + 3600 + 1);
  verdict(&o, AL_RECORD_EXPIRED, "for longer than a day");
  o = mutable(2, 1, "x", WALL + DAY + 3600);
  o.lifetime_s = 0;
  verdict(&o, AL_RECORD_EXPIRED, "without a lifetime");
  tap_is_u64(counters.v[AL_COUNT_record_expired], 3, "record_expired: counted");
  o.lifetime_s = UINT32_MAX;
  verdict(&o, AL_RECORD_TAKEN, "a clock an hour ahead is borne");
  (void)al_records_get(&store, &o.key, WALL, NULL, &h);
  tap_is_u64(h.lifetime_s, DAY, "but nothing is kept for longer than a day");
  al_records_clear(&store);
}

/* Distance to ourselves: for expectations. */
static int order_of(const al_id *a, const al_id *b) {
  for (int i = 0; i < 32; i++) {
    uint8_t x = a->b[i] ^ store.c.self.b[i], y = b->b[i] ^ store.c.self.b[i];
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

/* The place of a key that is the nearest to us. */
static al_id nearest(const al_id *key) {
  al_id best = *key;
  for (uint32_t i = 1; i < AL_RECORD_PLACES; i++) {
    al_id place = al_record_place(suite, key, i);
    if (order_of(&place, &best) < 0) best = place;
  }
  return best;
}

static int closer(const al_id *a, const al_id *b) {
  const al_id x = nearest(a), y = nearest(b);
  return order_of(&x, &y);
}

/* A record is found at each of its places, and is one record. */
static void test_places(void) {
  al_record_held h;
  al_id key;
  uint32_t found = 0, near = 0, cursor = 0, listed = 0;
  start(64, 1 << 18);
  (void)al_records_open(&store);
  for (uint32_t i = 0; i < 40; i++) {
    al_records_offer o = immutable(i, 100);
    (void)al_records_put(&store, &o);
    for (uint32_t k = 0; k < AL_RECORD_PLACES; k++) {
      al_id place = al_record_place(suite, &o.key, k), best = nearest(&o.key);
      bool there = al_records_get(&store, &place, WALL, copy, &h) && h.len == o.bytes.len &&
                   memcmp(copy, o.bytes.ptr, h.len) == 0;
      found += there;
      near += there && h.nearest == k && al_id_equal(&place, &best);
    }
  }
  tap_is_u64(found, 40 * AL_RECORD_PLACES, "a record is found at each of its places");
  tap_is_u64(near, 40, "and the one nearest to us is known");
  while (al_records_each(&store, &cursor, &key)) listed++;
  tap_ok(listed == 40 && al_records_count(&store) == 40, "it is listed once");
  for (uint32_t i = 0; i < 40; i++) {
    al_records_offer o = immutable(i, 100);
    al_id place = al_record_place(suite, &o.key, i % AL_RECORD_PLACES);
    found -= al_records_drop(&store, &o.key);
    found -= al_records_get(&store, &place, WALL, NULL, &h);
  }
  tap_ok(found == 40 * (AL_RECORD_PLACES - 1) && al_records_bytes(&store) == 0,
         "dropped, it is gone from all of them");
  al_records_clear(&store);
}

static void test_full(void) {
  enum { MAX = 16, OFFERS = 200 };
  al_id best[MAX], key;
  uint32_t n = 0, refused = 0;
  start(MAX, 1 << 16);
  (void)al_records_open(&store);
  for (uint32_t i = 0; i < OFFERS; i++) {
    al_records_offer o = immutable(i, 100);
    o.source = i;
    refused += al_records_put(&store, &o) == AL_RECORD_FULL;
    uint32_t at = n;
    while (at > 0 && closer(&o.key, &best[at - 1]) < 0) at--;
    if (at == MAX) continue;
    if (n < MAX) n++;
    memmove(best + at + 1, best + at, (n - at - 1) * sizeof *best);
    best[at] = o.key;
  }
  uint32_t cursor = 0, same = 0;
  for (uint32_t i = 0; al_records_each(&store, &cursor, &key); i++)
    same += i < MAX && al_id_equal(&key, &best[i]);
  tap_ok(same == MAX && al_records_count(&store) == MAX, "the closest ones are kept, in order");
  tap_is_u64(counters.v[AL_COUNT_record_full], refused, "record_full: farther ones are refused");
  uint32_t gone = 0, went = 0;
  while (al_records_gone(&store, &key)) gone++;
  tap_is_u64(gone, MAX, "of those that went as many are told as there is memory for");
  for (uint32_t i = OFFERS; i < 2 * OFFERS; i++) {
    al_records_offer o = immutable(i, 100);
    o.source = i;
    if (al_records_put(&store, &o) != AL_RECORD_TAKEN) continue;
    went += al_records_gone(&store, &key) && closer(&o.key, &key) < 0;
  }
  tap_ok(went > 5 && store.gone == 0, "asked after each, each is told once: %u", went);
  al_records_clear(&store);
  start(1000, 20 * 256); /* bytes are short, not places */
  (void)al_records_open(&store);
  for (uint32_t i = 0; i < OFFERS; i++) {
    al_records_offer o = immutable(i, i % 3 == 0 ? 2000 : 100);
    o.source = i;
    (void)al_records_put(&store, &o);
  }
  tap_ok(al_records_bytes(&store) <= 20 * 256 && al_records_count(&store) >= 2,
         "bytes bound it as well: %u in %u", al_records_bytes(&store), al_records_count(&store));
  al_records_offer big = immutable(1, 8192);
  verdict(&big, AL_RECORD_FULL, "what could never fit is refused");
  al_records_clear(&store);
}

static uint32_t held_by(uint32_t source) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < store.c.records_max; i++)
    n += store.entries[i].state == 1 && store.entries[i].source == source;
  return n;
}

static void test_quota(void) {
  enum { BLOCKS = 64, SHARE = BLOCKS / AL_RECORDS_SHARE };
  start(1000, BLOCKS * 256);
  (void)al_records_open(&store);
  for (uint32_t i = 0; i < 400; i++) { /* a flood from one neighbour */
    al_records_offer o = immutable(i, 100);
    o.source = 77;
    (void)al_records_put(&store, &o);
  }
  tap_ok(held_by(77) >= SHARE && held_by(77) <= BLOCKS / 2 + 1,
         "one source fills half of an empty store: %u of %d", held_by(77), BLOCKS);
  tap_ok(counters.v[AL_COUNT_record_quota] > 250, "record_quota: the rest is refused: %u",
         (unsigned)counters.v[AL_COUNT_record_quota]);
  uint32_t before = held_by(77), taken = 0;
  for (uint32_t i = 0; i < 32; i++) {
    al_records_offer o = immutable(1000 + i, 100);
    o.source = 1000 + i;
    taken += al_records_put(&store, &o) == AL_RECORD_TAKEN;
  }
  tap_ok(taken >= 31, "others find room: %u of 32", taken);
  for (uint32_t i = 0; i < 400; i++) {
    al_records_offer o = immutable(5000 + i, 100);
    o.source = 77;
    (void)al_records_put(&store, &o);
  }
  uint32_t others = 0;
  for (uint32_t i = 0; i < 32; i++) others += held_by(1000 + i);
  tap_ok(others >= taken - 1 && held_by(77) <= before, "a second flood takes nothing from them");
  al_records_offer own = immutable(9999, 100);
  own.source = 0;
  uint32_t was = store.count;
  al_record_verdict v = al_records_put(&store, &own);
  tap_ok(v == AL_RECORD_TAKEN || (v == AL_RECORD_FULL && store.count == was),
         "our own host has no quota");
  al_records_clear(&store);
}

static void test_copies(void) {
  al_record_held h;
  start(1000, 64 * 256);
  (void)al_records_open(&store);
  for (uint32_t i = 0; i < 100; i++) {
    al_records_offer o = immutable(i, 100);
    o.cached = true;
    o.lifetime_s = 900;
    (void)al_records_put(&store, &o);
  }
  tap_is_u64(al_records_count(&store), 16, "copies take a quarter at most");
  al_id key;
  uint32_t cursor = 0, live = 0;
  tap_ok(!al_records_each(&store, &cursor, &key) && !al_records_due(&store, WALL + DAY, &key),
         "they are not brought to others");
  for (uint32_t i = 0; i < 64; i++) {
    al_records_offer o = immutable(1000 + i, 100);
    o.source = i;
    live += al_records_put(&store, &o) == AL_RECORD_TAKEN;
  }
  tap_ok(live == 64 && al_records_count(&store) == 64 && store.cached_blocks == 0,
         "and go for anything that is not a copy");
  tap_ok(store.gone == 0, "nobody is told of them");
  al_records_offer o = immutable(1, 100);
  o.cached = true;
  verdict(&o, AL_RECORD_FULL, "a copy drives out nothing");
  o = immutable(1063, 100);
  tap_ok(al_records_demote(&store, &o.key) && store.cached_blocks == 1 &&
             al_records_get(&store, &o.key, WALL, NULL, &h) && h.cached,
         "one that others are closer to becomes a copy");
  verdict(&o, AL_RECORD_TAKEN, "until it is brought again");
  tap_is_u64(store.cached_blocks, 0, "then it is none");
  al_records_clear(&store);
  start(10, 64 * 256);
  (void)al_records_open(&store);
  o = immutable(5, 100);
  o.lifetime_s = 100;
  (void)al_records_put(&store, &o);
  o.cached = true;
  o.lifetime_s = DAY;
  verdict(&o, AL_RECORD_SAME, "an answer that passes by");
  (void)al_records_get(&store, &o.key, WALL, NULL, &h);
  tap_is_u64(h.lifetime_s, 100, "lengthens no life");
  tap_ok(al_records_cache_s(0) == 1800 && al_records_cache_s(1) == 900 &&
             al_records_cache_s(4) == 112 && al_records_cache_s(5) == 0 &&
             al_records_cache_s(40) == 0,
         "copies live half as long with each hop");
  al_records_clear(&store);
}

/* Records that the host has and the node does not want. */
static void test_gone(void) {
  al_id key;
  start(4, 1 << 16);
  (void)al_records_open(&store);
  for (uint32_t i = 0; i < 20; i++) {
    al_id k = {{(uint8_t)i}};
    al_records_mark_gone(&store, &k);
  }
  uint32_t told = 0;
  while (al_records_gone(&store, &key)) told += key.b[0] == told;
  tap_is_u64(told, 8, "what is not taken is told as gone, as far as there is memory");
  al_records_offer o = immutable(1, 100);
  verdict(&o, AL_RECORD_TAKEN, "and there is room again");
  al_records_clear(&store);
}

static void test_republish(void) {
  enum { N = 200 };
  al_id key;
  start(N, 1 << 20);
  (void)al_records_open(&store);
  for (uint32_t i = 0; i < N; i++) {
    al_records_offer o = immutable(i, 50);
    (void)al_records_put(&store, &o);
  }
  tap_ok(!al_records_due(&store, WALL + 1799, &key), "nothing is due in the first half hour");
  uint32_t due[3] = {0};
  for (uint32_t s = 1800; s <= 5400; s += 60) {
    while (al_records_due(&store, WALL + s, &key)) due[s / 1801]++;
  }
  uint32_t all = due[0] + due[1] + due[2];
  tap_ok(all >= N && all < 2 * N, "each within an hour and a half: %u of %d", all, N);
  tap_ok(due[1] > N / 3 && due[1] < 2 * N / 3, "spread: %u in the half hour around the hour",
         due[1]);
  al_records_offer o = immutable(3, 50);
  o.wall_s = WALL + 5400;
  (void)al_records_put(&store, &o);
  uint32_t early = 0;
  while (al_records_due(&store, WALL + 5400 + 1799, &key)) early += al_id_equal(&key, &o.key);
  tap_is_u64(early, 0, "who was brought a record need not bring it at once");
  al_records_clear(&store);
}

/* Whatever comes, what the store says of itself stays true. */
static bool consistent(void) {
  uint32_t blocks = 0, cached = 0, live = 0, gone = 0;
  for (uint32_t i = 0; store.entries + i < (records_entry *)(void *)store.order; i++) {
    const records_entry *e = &store.entries[i];
    uint32_t n = 0;
    for (uint32_t b = e->head; b != 0; b = store.next[b - 1]) n++;
    blocks += n;
    if (n != (uint32_t)(e->len + 255) / 256) return false;
    live += e->state == 1 || e->state == 2;
    cached += e->state == 2 ? n : 0;
    gone += e->state == 3;
  }
  for (uint32_t i = 1; i < store.count * AL_RECORD_PLACES; i++) {
    uint32_t a = store.order[i - 1], b = store.order[i];
    if (order_of(&store.entries[a / 4].place[a % 4], &store.entries[b / 4].place[b % 4]) >= 0)
      return false;
  }
  uint32_t list = 0;
  for (uint32_t b = store.free_head; b != 0 && list <= store.blocks_max; b = store.next[b - 1])
    list++;
  return live == store.count && cached == store.cached_blocks && gone == store.gone &&
         blocks + store.blocks_free == store.blocks_max && list == store.blocks_free;
}

static void test_random(uint64_t seed) {
  test_rand_state = seed;
  uint32_t bad = 0, taken = 0;
  uint64_t wall = WALL;
  start(40, 60 * 256);
  (void)al_records_open(&store);
  memory.closed = true;
  for (int i = 0; i < 20000; i++) {
    uint32_t n = (uint32_t)test_rand_below(300);
    al_records_offer o = test_rand_below(4) == 0
                             ? mutable(n, test_rand_below(5), "v", wall + DAY / 2)
                             : immutable(n, (size_t)test_rand_below(1500));
    al_id key;
    o.wall_s = wall;
    o.source = (uint32_t)test_rand_below(6);
    o.cached = test_rand_below(4) == 0;
    o.far = test_rand_below(10) == 0;
    o.lifetime_s = (uint32_t)test_rand_below(DAY);
    al_record_verdict v = al_records_put(&store, &o);
    taken += v == AL_RECORD_TAKEN;
    if ((v == AL_RECORD_TAKEN) && !holds(&o, wall)) bad++;
    if (test_rand_below(20) == 0) (void)al_records_drop(&store, &o.key);
    if (test_rand_below(20) == 0) (void)al_records_demote(&store, &o.key);
    if (test_rand_below(5) == 0) (void)al_records_gone(&store, &key);
    if (test_rand_below(5) == 0) (void)al_records_due(&store, wall, &key);
    wall += test_rand_below(100);
    if (i % 16 == 0 && !consistent()) bad++;
  }
  memory.closed = false;
  tap_ok(bad == 0 && taken > 1000, "seed %u: 20,000 random steps, %u taken, consistent",
         (unsigned)seed, taken);
  al_records_clear(&store);
}

int main(int argc, char **argv) {
  (void)test_alloc_bind(&memory);
  test_small();
  test_immutable();
  test_mutable();
  test_places();
  test_full();
  test_quota();
  test_copies();
  test_gone();
  test_republish();
  test_rand_seed(argc, argv);
  uint64_t seed = test_rand_state;
  for (uint64_t i = 0; i < 4; i++) test_random(seed + i);
  uint32_t named = 0;
  for (int v = 0; v < AL_RECORD_VERDICT_COUNT; v++)
    named += al_record_verdict_name((al_record_verdict)v)[0] != '?' &&
             strcmp(al_record_verdict_text((al_record_verdict)v), "unknown verdict") != 0;
  tap_ok(
      named == AL_RECORD_VERDICT_COUNT && al_record_verdict_name(AL_RECORD_VERDICT_COUNT)[0] == '?',
      "every verdict has a name and a text");
  tap_ok(test_alloc_clean(&memory), "nothing leaked, nothing allocated on the way");
  return tap_done();
}
