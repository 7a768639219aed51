/* The routing table: who is needed, wanted, closest; against plain counts over random IDs. */
#include "crypto/crypto.h"
#include "dht/internal.h"
#include "tap.h"
#include "support/test_alloc.h"
#include "support/test_rand.h"

enum { LINKS = 1024, NODES = 400 };

static test_alloc ta;
static al_rng rng;
static al_counters counters;
static al_id ids[LINKS];

static al_link link_of(uint32_t i) { return (1u << AL_SLAB_INDEX_BITS) | i; }

static al_dht_config config(uint8_t per_bucket) {
  al_dht_config c = {.alloc = test_alloc_bind(&ta),
                     .rng = &rng,
                     .counters = &counters,
                     .links_max = LINKS,
                     .queries_max = 16,
                     .lookups_max = 4,
                     .per_bucket = per_bucket,
                     .contact = true};
  test_rand_bytes(c.self.b, sizeof c.self.b);
  return c;
}

static void say(al_dht *d, uint32_t i, uint8_t flags) {
  uint8_t bytes[8];
  al_wr w = al_wr_init(bytes, sizeof bytes);
  al_dht_message m = {.type = AL_DHT_STATE, .flags = flags};
  al_dht_in in;
  al_dht_encode(&m, &w);
  (void)al_dht_rx(d, link_of(i), (al_span){bytes, w.len}, 0, &in);
}

static void add(al_dht *d, uint32_t i, uint64_t group) {
  al_dht_link_up(d, link_of(i), &ids[i], group, 0);
  say(d, i, AL_DHT_STATE_CONTACT);
}

/* Tell the next neighbour. */
static al_link tell(al_dht *d, al_dht_message *m) {
  uint32_t cursor = 0;
  al_link l = al_dht_state_next(d, &cursor, m);
  al_dht_state_said(d, l);
  return l;
}

static uint64_t distance(const al_dht *d, uint32_t i) { return al_dht_prefix(&ids[i]) ^ d->self; }

static void test_config(void) {
  al_dht d;
  al_dht_config c = config(2);
  c.links_max = 0;
  tap_ok(al_dht_init(&d, &c) == AL_EINVAL, "no links at all");
  c = config(3);
  tap_ok(al_dht_init(&d, &c) == AL_EINVAL, "three links for each bucket");
  c = config(1);
  c.lookups_max = 256;
  tap_ok(al_dht_init(&d, &c) == AL_EINVAL, "more lookups than handles");
  for (uint64_t i = 1; i <= 4; i++) {
    c = config(1);
    ta.fail_from = i;
    tap_ok(al_dht_init(&d, &c) == AL_ENOMEM && ta.bytes_out == 0, "no memory, %u", (unsigned)i);
  }
  c = config(1);
  c.links_max = 48; /* as small nodes have it */
  c.queries_max = 16;
  c.lookups_max = 3;
  tap_ok(al_dht_init(&d, &c) == AL_OK, "a small table");
  printf("# %zu bytes, and %zu of tables\n", sizeof d, ta.bytes_out);
  tap_ok(sizeof d + ta.bytes_out < 5120, "... of a node among a million");
  al_dht_clear(&d);
  al_dht_clear(&d);
  tap_ok(ta.bytes_out == 0 && ta.breaches == 0, "nothing leaked");
}

/* Where memory may be had at any time there is none but for what is under way. */
static void test_loose(void) {
  al_dht d;
  al_dht_config c = config(1);
  al_dht_event ev;
  uint32_t handle, ended = 0;
  c.loose = c.alloc;
  tap_ok(al_dht_init(&d, &c) == AL_OK && ta.bytes_out == 0, "loose: nothing at first");
  tap_ok(al_dht_reserve(&d, 3) == AL_OK && d.contacts_len >= 3, "loose: room for three links");
  add(&d, 2, 0);
  size_t idle = ta.bytes_out;
  al_dht_ask ask = {.op = AL_DHT_FIND, .paths = 1, .target = ids[2], .user = 1};
  ta.fail_from = ta.requests + 1;
  tap_ok(al_dht_start(&d, &ask, 0, &handle) == AL_EFULL && ta.bytes_out == idle,
         "loose: no memory for a lookup");
  ta.fail_from = 0;
  tap_ok(al_dht_start(&d, &ask, 0, &handle) == AL_OK && ta.bytes_out > idle, "loose: a lookup");
  for (al_time now = 0; now < 2 * AL_DHT_LOOKUP_US; now += AL_SECOND)
    while (al_dht_tick(&d, now, &ev)) ended += ev.kind == AL_DHT_EV_END;
  tap_ok(ended == 1 && ta.bytes_out == idle, "loose: ended, and its memory is given back");
  al_dht_clear(&d);
  tap_ok(ta.bytes_out == 0, "loose: nothing leaked");
}

static void test_small(void) {
  al_dht d;
  al_dht_config c = config(2);
  al_link closest[4];
  al_dht_message m;
  (void)al_dht_init(&d, &c);
  tap_is_u64(al_dht_size(&d), 1, "alone, the network has one node");
  tap_ok(al_dht_wants(&d, &ids[0]) && !al_dht_wants(&d, &c.self), "everybody is wanted but itself");
  al_dht_link_up(&d, link_of(0), &ids[0], 0, 0);
  tap_ok(!al_dht_needs(&d, link_of(0)) && al_dht_closest(&d, &ids[0], 4, closest) == 0,
         "a neighbour that has not said that it routes is no contact");
  say(&d, 0, 0);
  tap_ok(al_dht_closest(&d, &ids[0], 4, closest) == 0, "a client is none, either");
  say(&d, 0, AL_DHT_STATE_CONTACT);
  tap_ok(al_dht_needs(&d, link_of(0)) && al_dht_closest(&d, &ids[0], 4, closest) == 1 &&
             closest[0] == link_of(0) && al_dht_size(&d) == 2,
         "one that routes is");
  tap_ok(tell(&d, &m) == link_of(0) && m.flags == AL_DHT_STATE_CONTACT && tell(&d, &m) == 0,
         "it is told once that we route, too");
  al_dht_set_contact(&d, false);
  tap_ok(tell(&d, &m) == link_of(0) && m.flags == 0, "and that we do no longer");
  al_dht_link_down(&d, link_of(0), 0);
  tap_ok(al_dht_closest(&d, &ids[0], 4, closest) == 0 && al_dht_size(&d) == 1, "gone");
  al_dht_link_down(&d, link_of(0), 0);
  al_dht_clear(&d);
}

/* Against a plain count: the eight closest and one of each region farther away. */
static void check_needs(al_dht *d, uint32_t count, const char *what) {
  uint32_t needed = 0, close = 0, in_region[REGIONS] = {0}, wrong = 0, lacking = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t closer = 0;
    for (uint32_t k = 0; k < count; k++) closer += distance(d, k) < distance(d, i);
    bool need = al_dht_needs(d, link_of(i));
    needed += need;
    if (closer < AL_DHT_CLOSE) {
      close += need;
    } else {
      in_region[al_dht_region(d, distance(d, i))] += need;
    }
  }
  for (uint32_t r = 0; r < REGIONS; r++) {
    bool some = false, near = false;
    for (uint32_t i = 0; i < count; i++) {
      if (al_dht_region(d, distance(d, i)) != r) continue;
      some = true;
      near |= distance(d, i) <= d->radius;
    }
    wrong += in_region[r] > 1;
    lacking += some && !near && in_region[r] != 1;
  }
  tap_ok(close == AL_DHT_CLOSE, "%s: the closest are needed", what);
  tap_ok(wrong == 0 && lacking == 0, "... and one of each region (%u links)", needed);
}

/* Whoever may count this node among its closest: up to four times as far as the eighth of ours. */
static void check_near(const al_dht *d, uint32_t count) {
  uint32_t wrong = 0, near = 0;
  for (uint32_t i = 0; i < count; i++) {
    bool want = distance(d, i) / 4 <= d->radius;
    wrong += al_dht_near(d, link_of(i)) != want;
    near += want;
  }
  tap_ok(wrong == 0 && near >= AL_DHT_CLOSE && near < count / 4,
         "... near are the closest and "
         "some more (%u)",
         near);
  tap_ok(!al_dht_near(d, link_of(LINKS - 1)), "... a link that is not there is not");
}

static void test_needs(uint8_t per_bucket) {
  al_dht d;
  al_dht_config c = config(per_bucket);
  (void)al_dht_init(&d, &c);
  for (uint32_t i = 0; i < NODES; i++) add(&d, i, 0);
  check_needs(&d, NODES, per_bucket == 1 ? "one a bucket" : "two a bucket");
  check_near(&d, NODES);
  bool was[NODES];
  uint32_t lost = 0;
  for (uint32_t i = 0; i < NODES; i++) was[i] = al_dht_needs(&d, link_of(i));
  for (uint32_t i = NODES; i < 2 * NODES; i++) add(&d, i, 0);
  for (uint32_t i = 0; i < NODES; i++) {
    if (was[i] && distance(&d, i) > d.radius) lost += !al_dht_needs(&d, link_of(i));
  }
  tap_ok(lost <= 4, "who was needed stays so when others come (%u lost)", lost);
  check_needs(&d, 2 * NODES, "twice as many");
  uint32_t odd = 0;
  for (uint32_t i = 0; i < 200; i++) {
    al_id id;
    test_rand_bytes(id.b, sizeof id.b);
    odd += al_dht_wants(&d, &id) && (al_dht_prefix(&id) ^ d.self) >= d.radius &&
           al_dht_region(&d, al_dht_prefix(&id) ^ d.self) < 6;
  }
  tap_is_u64(odd, 0, "nobody is wanted for a region that has somebody");
  for (uint32_t i = 0; i < 2 * NODES; i++) al_dht_link_down(&d, link_of(i), 0);
  tap_ok(d.count == 0 && d.top == 0, "all gone");
  al_dht_clear(&d);
}

/* Many neighbours of one address group do not make up the closest. */
static void test_groups(void) {
  al_dht d;
  al_dht_config c = config(1);
  (void)al_dht_init(&d, &c);
  for (uint32_t i = 0; i < 20; i++) { /* as close as one can make them, at one address */
    ids[i] = c.self;
    ids[i].b[5] ^= (uint8_t)(i + 1);
    add(&d, i, 77);
  }
  for (uint32_t i = 20; i < 60; i++) add(&d, i, 1000 + i);
  uint32_t same = 0, others = 0;
  for (uint32_t i = 0; i < 20; i++) same += al_dht_needs(&d, link_of(i));
  for (uint32_t i = 20; i < 60; i++) others += al_dht_needs(&d, link_of(i));
  tap_ok(same == GROUP_SHARE && others >= AL_DHT_CLOSE - GROUP_SHARE,
         "of one address group %u are needed, of others %u", same, others);
  al_dht_clear(&d);
  for (uint32_t i = 0; i < LINKS; i++) test_rand_bytes(ids[i].b, sizeof ids[i].b);
}

static void test_size(void) {
  uint32_t good = 0;
  for (uint32_t round = 0; round < 100; round++) {
    al_dht d;
    al_dht_config c = config(1);
    (void)al_dht_init(&d, &c);
    for (uint32_t i = 0; i < LINKS; i++) {
      test_rand_bytes(ids[i].b, sizeof ids[i].b);
      add(&d, i, 0);
    }
    uint64_t n = al_dht_size(&d);
    good += n >= LINKS / 2 && n <= LINKS * 2;
    al_dht_clear(&d);
  }
  tap_ok(good >= 90, "%u of 100 nodes know by their neighbours how many there are, within 2", good);
}

/* Contacts that do not answer look farther away, and closest() tells the truth all the same. */
static void test_closest(void) {
  al_dht d;
  al_dht_config c = config(1);
  al_link got[16];
  (void)al_dht_init(&d, &c);
  for (uint32_t i = 0; i < 100; i++) add(&d, i, 0);
  uint32_t wrong = 0;
  for (uint32_t round = 0; round < 100; round++) {
    al_id target;
    test_rand_bytes(target.b, sizeof target.b);
    uint64_t t = al_dht_prefix(&target), last = 0;
    wrong += al_dht_closest(&d, &target, 16, got) != 16;
    for (uint32_t k = 0; k < 16; k++) {
      uint64_t far = al_dht_prefix(&ids[al_slab_index(got[k])]) ^ t;
      uint32_t closer = 0;
      for (uint32_t i = 0; i < 100; i++) closer += (al_dht_prefix(&ids[i]) ^ t) < far;
      wrong += closer != k || far < last;
      last = far;
    }
    al_dht_pick p = {.target = t, .below = UINT64_MAX};
    wrong += al_dht_nearest(&d, &p)->link != got[0];
    p.from = got[0];
    p.tried = &got[1];
    p.tried_count = 1;
    wrong += al_dht_nearest(&d, &p)->link != got[2];
    p.below = (al_dht_prefix(&ids[al_slab_index(got[2])]) ^ t);
    wrong += al_dht_nearest(&d, &p) != NULL;
  }
  tap_is_u64(wrong, 0, "the closest in their order, and who is next");
  al_dht_clear(&d);
}

/* Identifiers whose first 64 bits are the same (2^64 tries, or a broken hash), our own among them:
 * distances of 0, and no order between them. */
static void test_collisions(void) {
  al_dht d;
  al_dht_config c = config(1);
  al_link got[8];
  (void)al_dht_init(&d, &c);
  for (uint32_t i = 0; i < 12; i++) {
    test_rand_bytes(ids[i].b, sizeof ids[i].b);
    memcpy(ids[i].b, i < 4 ? c.self.b : ids[4].b, 8);
    add(&d, i, 0);
  }
  uint32_t n = al_dht_closest(&d, &c.self, 8, got);
  tap_ok(n == 2, "of those with one prefix one is told of: %u", n);
  tap_ok(!al_dht_wants(&d, &c.self), "nobody wants a link to itself");
  for (uint32_t i = 0; i < 12; i++) al_dht_link_down(&d, link_of(i), 0);
  tap_ok(al_dht_closest(&d, &c.self, 8, got) == 0 && d.count == 0, "gone as they came");
  al_dht_clear(&d);
}

/* A crowd of identifiers in one cell takes three of the eight closest places, and of an answer. */
static void test_crowd(void) {
  al_dht d;
  al_dht_config c = config(1);
  al_link got[16];
  uint32_t needed = 0, told = 0;
  (void)al_dht_init(&d, &c);
  for (uint32_t i = 0; i < 100; i++) {
    test_rand_bytes(ids[i].b, sizeof ids[i].b);
    add(&d, i, 0);
  }
  d.spread = UINT64_MAX / 100 * AL_DHT_CLOSE; /* as lookups measured it */
  d.measured = 20;
  al_id near = c.self;
  near.b[1] ^= 0x40; /* at half of what usually lies between two nodes */
  for (uint32_t i = 0; i < 20; i++) {
    ids[100 + i] = near;
    ids[100 + i].b[7] = (uint8_t)i;
    add(&d, 100 + i, 0);
  }
  for (uint32_t i = 0; i < 20; i++) needed += al_dht_needs(&d, link_of(100 + i));
  uint32_t n = al_dht_closest(&d, &near, 9, got);
  for (uint32_t i = 0; i < n; i++) told += al_slab_index(got[i]) >= 100;
  tap_ok(needed <= 3, "of twenty that crowd %u are needed", needed);
  tap_ok(n == 9 && told == 3, "and %u are told of, beside %u others", told, n - told);
  tap_ok(al_dht_zone_of(&d, &near, &ids[105]) == AL_DHT_CROWD &&
             al_dht_zone_of(&d, &near, &ids[0]) != AL_DHT_CROWD,
         "they are seen to crowd");
  al_dht_clear(&d);
}

int main(int argc, char **argv) {
  static const uint8_t seed[32] = {1};
  test_rand_seed(argc, argv);
  al_rng_init(&rng, al_suite_null(), seed);
  for (uint32_t i = 0; i < LINKS; i++) test_rand_bytes(ids[i].b, sizeof ids[i].b);
  test_config();
  test_small();
  test_needs(1);
  test_needs(2);
  test_groups();
  test_closest();
  test_size();
  test_loose();
  test_collisions();
  test_crowd();
  return tap_done();
}
