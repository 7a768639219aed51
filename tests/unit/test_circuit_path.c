/* Path choice over books of made-up relays: who may be a hop, diversity, weights, guards.
 *   test_circuit_path [seed] */
#include <stdlib.h>

#include "circuit/path.h"
#include "tap.h"

enum { NODES_MAX = 200 };

static const uint64_t wall = 1800000000;
static const al_exit_rule all_rule = {.accept = true, .port_min = 1, .port_max = 65535};
static const al_exit_rule web_rule = {.accept = true, .port_min = 80, .port_max = 80};

static void *heap_alloc(void *ctx, size_t size) {
  (void)ctx;
  return calloc(1, size);
}

static void heap_free(void *ctx, void *ptr, size_t size) {
  (void)ctx;
  (void)size;
  free(ptr);
}

static const al_alloc heap = {NULL, heap_alloc, heap_free};

/* A book, the asking node's guards, and what was put in. */
typedef struct world {
  const al_suite *suite;
  al_rng rng;
  al_book book;
  al_guards guards;
  al_id self;
  al_id id[NODES_MAX];
  uint32_t count;
} world;

/* A relay to be: everything that path choice looks at. */
typedef struct relay {
  uint16_t flags, capacity;
  const al_exit_rule *rule;
  uint8_t ip[2][16];
  uint8_t family[2]; /* 0: no such address */
  int64_t epoch;     /* relative to now */
  uint64_t expiry;   /* seconds from now */
} relay;

static void world_init(world *w, uint64_t seed) {
  memset(w, 0, sizeof *w);
  w->suite = al_suite_null();
  uint8_t s[AL_RNG_SEED_BYTES] = {0}, secret[AL_MAP_SECRET_BYTES] = {7};
  al_store_u64(s, seed);
  al_rng_init(&w->rng, w->suite, s);
  al_rng_bytes(&w->rng, w->self.b, sizeof w->self.b);
  al_guards_init(&w->guards);
  if (al_book_init(&w->book, &heap, NODES_MAX, secret, &w->self) != AL_OK ||
      al_book_reserve(&w->book, NODES_MAX) != AL_OK)
    printf("Bail out! no book\n");
}

static size_t write_addresses(const relay *r, uint8_t buf[2][AL_ADDRESS_BYTES_MAX], al_desc *d) {
  for (int i = 0; i < 2; i++) {
    if (r->family[i] == 0) continue;
    al_address a = {.family = r->family[i], .port = 9001};
    memcpy(a.ip, r->ip[i], r->family[i] == 4 ? 4 : 16);
    al_wr w = al_wr_init(buf[i], AL_ADDRESS_BYTES_MAX);
    al_address_encode(&a, &w);
    d->addresses[d->addresses_count++] = al_view(buf[i], w.len);
  }
  return d->addresses_count;
}

/* Publish a relay's descriptor and put it in the book, the way gossip would. */
static const al_id *add(world *w, const relay *r) {
  static al_identity identity;
  static uint8_t record[AL_DESC_BYTES_MAX], onion[2][AL_KEM_PK_BYTES];
  uint8_t root[AL_IDENTITY_ROOT_BYTES], coins[AL_SIG_COINS_BYTES], sk[AL_KEM_SK_BYTES];
  uint8_t addresses[2][AL_ADDRESS_BYTES_MAX];
  al_rng_bytes(&w->rng, root, sizeof root);
  al_rng_bytes(&w->rng, coins, sizeof coins);
  al_identity_init(w->suite, root, &identity);
  for (int i = 0; i < 2; i++) {
    al_rng_bytes(&w->rng, root, sizeof root);
    w->suite->kem_keypair(onion[i], sk, root);
  }
  al_desc d = {.flags = r->flags,
               .capacity_mbit = r->capacity,
               .sequence = 1,
               .published_s = wall - 100,
               .expiry_s = wall + r->expiry,
               .epoch = (uint64_t)((int64_t)(wall / AL_EPOCH_S) + r->epoch),
               .onion_pk = {onion[0], onion[1]}};
  write_addresses(r, addresses, &d);
  if (r->rule != NULL) {
    d.rules[d.rules_count++] = *r->rule;
    d.flags |= AL_DESC_EXIT;
  }
  al_wr out = al_wr_init(record, sizeof record);
  al_peer peer = 0;
  const al_book_source from = {w->suite, wall, 0};
  if (al_descriptor_make(w->suite, &identity, &d, coins, &out) != AL_OK ||
      al_book_put(&w->book, &from, al_view(record, out.len), &peer) != AL_BOOK_NEW) {
    printf("Bail out! a descriptor was refused\n");
    abort();
  }
  w->id[w->count] = identity.id;
  return &w->id[w->count++];
}

/* A good relay in a /16 of its own, the n-th. */
static relay plain(uint32_t n) {
  relay r = {.flags = AL_DESC_RELAY, .family = {4}, .expiry = 80000};
  r.ip[0][0] = (uint8_t)(20 + n / 200);
  r.ip[0][1] = (uint8_t)(n % 200);
  return r;
}

static al_path_query query(world *w, uint8_t hops) {
  return (al_path_query){.book = &w->book,
                         .self = w->self,
                         .guards = &w->guards,
                         .rng = &w->rng,
                         .wall_s = wall,
                         .hops = hops};
}

static const al_peer_entry *entry(const world *w, const al_id *id) {
  return al_book_get(&w->book, al_book_find(&w->book, id));
}

static int index_of(const world *w, const al_id *id) {
  for (uint32_t i = 0; i < w->count; i++)
    if (al_id_equal(&w->id[i], id)) return (int)i;
  return -1;
}

/* Everything that must hold of a path whatever the book. */
static bool is_sound(const world *w, const al_circuit_plan *p, uint8_t hops) {
  if (p->hops != hops) return false;
  for (int i = 0; i < hops; i++) {
    const al_peer_entry *e = entry(w, &p->id[i]);
    if (e == NULL || al_id_equal(&p->id[i], &w->self)) return false;
    if ((e->desc.flags & AL_DESC_RELAY) == 0 || e->desc.addresses_count == 0) return false;
    uint8_t pk[AL_KEM_PK_BYTES];
    if (!al_entry_onion_pk(e, wall / AL_EPOCH_S, pk)) return false;
    if (memcmp(p->onion_pk[i], pk, sizeof pk) != 0) return false;
    for (int j = 0; j < i; j++) {
      const al_peer_entry *f = entry(w, &p->id[j]);
      if (e == f || (e->group != 0 && e->group == f->group)) return false;
    }
  }
  return hops == 1 || al_guards_has(&w->guards, &p->id[0]);
}

static uint32_t guards_count(const world *w) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < AL_GUARDS_MAX; i++) n += !al_id_is_zero(&w->guards.slot[i].id);
  return n;
}

/* ---- tests ---- */

static void test_sound(uint64_t seed) {
  static world w;
  world_init(&w, seed);
  for (uint32_t i = 0; i < 120; i++) {
    relay r = plain(i / 3); /* three in each /16 */
    r.ip[0][2] = (uint8_t)i;
    r.capacity = (uint16_t)(i * 3);
    if (i % 2 == 0) r.rule = i % 4 == 0 ? &all_rule : &web_rule;
    add(&w, &r);
  }
  const al_target web = {.kind = AL_TARGET_IPV4, .port = 80, .host_len = 4, .host = {1, 1, 1, 1}};
  const al_target ssh = {.kind = AL_TARGET_NAME, .port = 22, .host_len = 1, .host = "a"};
  uint32_t bad = 0, starts[NODES_MAX] = {0}, seen = 0, made = 0;
  for (uint32_t k = 0; k < 2000; k++) {
    al_path_query q = query(&w, (uint8_t)(1 + k % AL_HOPS_MAX));
    q.target = k % 3 == 0 ? NULL : k % 3 == 1 ? &web : &ssh;
    al_circuit_plan p;
    al_reason why;
    if (al_path_choose(&q, &p, &why) != AL_OK || !is_sound(&w, &p, q.hops)) {
      bad++;
      continue;
    }
    const al_peer_entry *last = entry(&w, &p.id[q.hops - 1]);
    if (q.target != NULL) bad += !al_exit_match(last->desc.rules, last->desc.rules_count, q.target);
    if (q.hops > 1 && ++made) starts[index_of(&w, &p.id[0])]++;
  }
  tap_is_u64(bad, 0, "2,000 paths of 1..5 hops are sound (seed %" PRIu64 ")", seed);
  for (uint32_t i = 0; i < w.count; i++) {
    seen += starts[i] > 0;
    if (starts[i] > 0) bad += starts[i] < made / 4;
  }
  tap_ok(seen == AL_GUARDS && bad == 0, "all begin at one of three guards, evenly");
  tap_is_u64(guards_count(&w), AL_GUARDS, "there are three guards");
  al_book_clear(&w.book);
}

/* Drawing in proportion to capacity: chi-square over 24 relays, 30,000 draws. */
static void test_weights(uint64_t seed) {
  static world w;
  static const uint16_t capacity[8] = {0, 5, 10, 20, 50, 100, 200, 65535};
  static const uint32_t counts[8] = {10, 5, 10, 20, 50, 100, 100, 100};
  const uint32_t draws = 30000;
  world_init(&w, seed);
  for (uint32_t i = 0; i < 24; i++) {
    relay r = plain(i);
    r.capacity = capacity[i % 8];
    add(&w, &r);
  }
  uint32_t got[24] = {0}, bad = 0;
  for (uint32_t k = 0; k < draws; k++) {
    al_path_query q = query(&w, 1);
    al_circuit_plan p;
    al_reason why;
    bad += al_path_choose(&q, &p, &why) != AL_OK;
    got[index_of(&w, &p.id[0])]++;
  }
  uint64_t chi_milli = 0;
  for (uint32_t i = 0; i < 24; i++) {
    int64_t want = (int64_t)draws * counts[i % 8] / (3 * 395), d = (int64_t)got[i] - want;
    chi_milli += (uint64_t)(d * d * 1000 / want);
  }
  /* 23 degrees of freedom: above 49.7 with probability 0.001. */
  tap_ok(bad == 0 && chi_milli < 49700,
         "relays are drawn in proportion to capacity, capped: chi-square %u.%03u (seed %" PRIu64
         ")",
         (unsigned)(chi_milli / 1000), (unsigned)(chi_milli % 1000), seed);
  al_book_clear(&w.book);
}

static al_err choose(world *w, uint8_t hops, const al_target *t, al_reason *why) {
  al_path_query q = query(w, hops);
  al_circuit_plan p;
  q.target = t;
  al_err e = al_path_choose(&q, &p, why);
  return e == AL_OK && !is_sound(w, &p, hops) ? AL_EPARSE : e;
}

static void test_too_few(uint64_t seed) {
  static world w;
  al_reason why = AL_REASON_DONE;
  world_init(&w, seed);
  tap_ok(choose(&w, 3, NULL, &why) == AL_ENOTFOUND && why == AL_REASON_NO_PATH, "nobody known");
  tap_ok(choose(&w, 0, NULL, &why) == AL_EINVAL && choose(&w, 6, NULL, &why) == AL_EINVAL,
         "0 and 6 hops are no path");
  relay r = plain(0);
  add(&w, &r);
  r = plain(1);
  add(&w, &r);
  relay not [] = {plain(10), plain(11), plain(12), plain(13), plain(14)};
  not [0].flags = 0;               /* carries nothing */
  not [1].family[0] = 0;           /* cannot be dialled */
  not [2].epoch = 1;               /* no onion key for now, */
  not [3].epoch = -2;              /* nor here */
  not [4].flags = AL_DESC_BROWSER; /* a browser that is no relay */
  for (int i = 0; i < 5; i++) add(&w, &not [i]);
  tap_ok(choose(&w, 3, NULL, &why) == AL_ENOTFOUND && why == AL_REASON_NO_PATH,
         "two relays and five that cannot be: too few");
  tap_is_u64(guards_count(&w), 0, "and no guard is chosen among so few");
  tap_ok(choose(&w, 2, NULL, &why) == AL_OK, "enough for two hops");
  r = plain(2);
  r.epoch = -1; /* the second of its keys is for now */
  add(&w, &r);
  uint32_t bad = 0;
  for (int i = 0; i < 200; i++) bad += choose(&w, 3, NULL, &why) != AL_OK;
  tap_is_u64(bad, 0, "three relays: enough for three hops");
  tap_ok(choose(&w, 4, NULL, &why) == AL_ENOTFOUND && why == AL_REASON_NO_PATH, "not for four");
  al_path_query q = query(&w, 3);
  al_circuit_plan p;
  q.self = w.id[0];
  tap_ok(al_path_choose(&q, &p, &why) == AL_ENOTFOUND, "this node is no relay of its own");
  q.self = w.self;
  r = plain(3);
  r.expiry = 10;
  const al_id *brief = add(&w, &r);
  for (q.wall_s = wall + 9; q.wall_s <= wall + 10; q.wall_s++) {
    uint32_t drawn = 0;
    for (int i = 0; i < 200; i++) {
      q.hops = 1;
      drawn += al_path_choose(&q, &p, &why) == AL_OK && al_id_equal(&p.id[0], brief);
    }
    tap_ok((drawn > 0) == (q.wall_s < wall + 10), "a descriptor counts until it expires");
  }
  al_book_clear(&w.book);
}

static void test_exits(uint64_t seed) {
  static world w;
  al_reason why;
  const al_target web = {.kind = AL_TARGET_IPV4, .port = 80, .host_len = 4, .host = {1, 1, 1, 1}};
  const al_target ssh = {.kind = AL_TARGET_IPV4, .port = 22, .host_len = 4, .host = {1, 1, 1, 1}};
  world_init(&w, seed);
  for (uint32_t i = 0; i < 3; i++) {
    relay r = plain(i);
    if (i == 0) r.rule = &web_rule;
    add(&w, &r);
  }
  uint32_t bad = 0;
  for (int i = 0; i < 100; i++) bad += choose(&w, 3, &web, &why) != AL_OK;
  tap_is_u64(bad, 0, "the only exit is found although it is a guard, too");
  tap_ok(al_guards_has(&w.guards, &w.id[0]), "(it is)");
  tap_ok(choose(&w, 3, &ssh, &why) == AL_ENOTFOUND && why == AL_REASON_NO_EXIT,
         "a target that no exit lets through: NO_EXIT");
  al_book_doubt(&w.book, al_book_find(&w.book, &w.id[0]), true);
  for (int i = 0; i < 100; i++) bad += choose(&w, 3, &web, &why) != AL_OK;
  tap_is_u64(bad, 0, "and although it is said to be dead");
  relay other = plain(3);
  other.rule = &web_rule;
  add(&w, &other);
  al_path_query q = query(&w, 3);
  al_circuit_plan p;
  q.target = &web;
  for (int i = 0; i < 100; i++)
    bad += al_path_choose(&q, &p, &why) != AL_OK || al_id_equal(&p.id[2], &w.id[0]);
  tap_is_u64(bad, 0, "but not when there is another one");
  al_book_doubt(&w.book, al_book_find(&w.book, &w.id[0]), false);
  al_book_drop(&w.book, al_book_find(&w.book, &w.id[3]));
  q.exclude = &w.id[0];
  q.exclude_count = 1;
  tap_ok(al_path_choose(&q, &p, &why) == AL_ENOTFOUND && why == AL_REASON_NO_PATH,
         "the exit excluded: NO_PATH");
  q.last = &w.id[0];
  q.target = &ssh;
  tap_ok(al_path_choose(&q, &p, &why) == AL_OK && al_id_equal(&p.id[2], &w.id[0]),
         "a last hop that is given is taken");
  q.last = &w.self;
  tap_ok(al_path_choose(&q, &p, &why) == AL_ENOTFOUND && why == AL_REASON_NO_PATH,
         "unless it cannot be a hop");
  al_book_clear(&w.book);
}

static void test_exclude(uint64_t seed) {
  static world w;
  al_reason why;
  world_init(&w, seed);
  for (uint32_t i = 0; i < 12; i++) {
    relay r = plain(i);
    add(&w, &r);
  }
  uint32_t bad = 0, first[12] = {0};
  for (int k = 0; k < 300; k++) {
    al_path_query q = query(&w, 3);
    al_circuit_plan one, two;
    bad += al_path_choose(&q, &one, &why) != AL_OK;
    q.exclude = one.id;
    q.exclude_count = 2;
    q.last = &one.id[2];
    bad += al_path_choose(&q, &two, &why) != AL_OK || !is_sound(&w, &two, 3);
    first[index_of(&w, &two.id[0])]++;
    for (int i = 0; i < 2; i++)
      for (int j = 0; j < 2; j++) bad += al_id_equal(&one.id[i], &two.id[j]);
    bad += !al_id_equal(&one.id[2], &two.id[2]);
  }
  tap_is_u64(bad, 0, "a second path to the same end shares no other hop");
  tap_is_u64(guards_count(&w), AL_GUARDS, "and needs no further guard");
  al_book_clear(&w.book);
}

/* Of three guards one waits for its next try, one is the last hop, one is excluded: there is a path
 * beside that one only if a further guard is kept; it is used again, and eight are enough. */
static void test_more_guards(uint64_t seed) {
  static world w;
  al_reason why;
  world_init(&w, seed);
  for (uint32_t i = 0; i < 14; i++) {
    relay r = plain(i);
    add(&w, &r);
  }
  tap_ok(choose(&w, 3, NULL, &why) == AL_OK && guards_count(&w) == 3, "three guards");
  al_id used = w.guards.slot[0].id, last = w.guards.slot[1].id, failed = w.guards.slot[2].id;
  al_guards_failed(&w.guards, &failed, wall);
  al_path_query q = query(&w, 3);
  al_circuit_plan p;
  q.exclude = &used;
  q.exclude_count = 1;
  q.last = &last;
  tap_ok(al_path_choose(&q, &p, &why) == AL_ENOTFOUND && guards_count(&w) == 3,
         "none of them fits: no path");
  q.more_guards = true;
  tap_ok(al_path_choose(&q, &p, &why) == AL_OK && is_sound(&w, &p, 3) && guards_count(&w) == 4 &&
             al_guards_has(&w.guards, &p.id[0]) && !al_id_equal(&p.id[0], &used),
         "with a further guard there is one");
  al_id fourth = p.id[0];
  uint32_t bad = 0;
  for (int i = 0; i < 50; i++)
    bad += al_path_choose(&q, &p, &why) != AL_OK || !al_id_equal(&p.id[0], &fourth);
  tap_ok(bad == 0 && guards_count(&w) == 4, "which serves from then on");
  for (int i = 0; i < 20; i++) {
    if (al_path_choose(&q, &p, &why) != AL_OK) break;
    al_guards_failed(&w.guards, &p.id[0], wall);
  }
  tap_ok(al_path_choose(&q, &p, &why) == AL_ENOTFOUND && guards_count(&w) == AL_GUARDS_MAX,
         "eight at most");
  al_book_clear(&w.book);
}

static void test_diversity(uint64_t seed) {
  static world w;
  al_reason why;
  world_init(&w, seed);
  for (uint8_t i = 0; i < 6; i++) {
    relay r = plain(0);
    r.ip[0][2] = i;
    add(&w, &r);
  }
  tap_ok(choose(&w, 3, NULL, &why) == AL_ENOTFOUND, "six relays in one /16: no path");
  for (uint8_t i = 0; i < 3; i++) { /* one more network, and one that is in both */
    relay r = plain(7);
    r.ip[0][2] = i;
    if (i == 2) {
      r.family[1] = 4;
      memcpy(r.ip[1], (uint8_t[4]){20, 0, 9, 9}, 4);
    }
    add(&w, &r);
  }
  tap_ok(choose(&w, 3, NULL, &why) == AL_ENOTFOUND, "two networks: still none");
  uint32_t bad = 0;
  for (int i = 0; i < 300; i++) bad += choose(&w, 2, NULL, &why) != AL_OK;
  tap_is_u64(bad, 0, "but two hops");
  al_book_clear(&w.book);

  world_init(&w, seed);
  for (uint8_t i = 0; i < 4; i++) {
    relay r = plain(0);
    r.family[0] = 6;
    memcpy(r.ip[0], (uint8_t[16]){0x20, 0x01, 0x0d, 0xa8, i}, 16);
    add(&w, &r);
  }
  tap_ok(choose(&w, 3, NULL, &why) == AL_ENOTFOUND, "four relays in one IPv6 /32: no path");
  for (uint8_t i = 0; i < 2; i++) {
    relay r = plain(0);
    r.family[0] = 6;
    memcpy(r.ip[0], (uint8_t[16]){0x20, 0x01, 0x0d, (uint8_t)(0xa9 + i)}, 16);
    add(&w, &r);
  }
  for (int i = 0; i < 100; i++) bad += choose(&w, 3, NULL, &why) != AL_OK;
  tap_is_u64(bad, 0, "in three: a path");
  al_book_clear(&w.book);

  world_init(&w, seed);
  for (uint8_t i = 0; i < 5; i++) {
    relay r = plain(0);
    memcpy(r.ip[0], i < 3 ? (uint8_t[4]){127, 0, 0, 1} : (uint8_t[4]){10, 0, 0, i}, 4);
    add(&w, &r);
  }
  for (int i = 0; i < 100; i++) bad += choose(&w, 5, NULL, &why) != AL_OK;
  tap_is_u64(bad, 0, "loopback and private addresses are exempt");
  al_book_clear(&w.book);
}

static void test_guards(uint64_t seed) {
  static world w;
  al_reason why;
  world_init(&w, seed);
  for (uint32_t i = 0; i < 30; i++) {
    relay r = plain(i);
    add(&w, &r);
  }
  tap_ok(choose(&w, 3, NULL, &why) == AL_OK && guards_count(&w) == 3, "three guards at first");
  al_guards stored = w.guards;
  al_id first = w.guards.slot[0].id;
  al_guards_failed(&w.guards, &first, wall);
  uint32_t bad = 0;
  for (int i = 0; i < 200; i++) {
    al_path_query q = query(&w, 3);
    al_circuit_plan p;
    bad += al_path_choose(&q, &p, &why) != AL_OK || al_id_equal(&p.id[0], &first);
  }
  tap_ok(bad == 0 && guards_count(&w) == 3, "one that fails is not used, the two others are");
  al_id second = w.guards.slot[1].id;
  al_guards_failed(&w.guards, &second, wall);
  tap_ok(choose(&w, 3, NULL, &why) == AL_OK && guards_count(&w) == 4,
         "with one left a fourth is added");
  for (int round = 0; round < 20; round++) {
    for (uint32_t i = 0; i < AL_GUARDS_MAX; i++) {
      al_id id = w.guards.slot[i].id;
      if (!al_id_is_zero(&id)) al_guards_failed(&w.guards, &id, wall);
    }
    bad += choose(&w, 3, NULL, &why) != AL_OK;
  }
  tap_ok(bad == 0 && guards_count(&w) == AL_GUARDS_MAX,
         "when all fail others are added, eight in all, and one is always tried");
  al_guards_reached(&w.guards, &first);
  for (int i = 0; i < 100; i++) {
    al_path_query q = query(&w, 3);
    al_circuit_plan p;
    bad += al_path_choose(&q, &p, &why) != AL_OK || !al_id_equal(&p.id[0], &first);
  }
  tap_is_u64(bad, 0, "the one that works again is used alone");
  /* A restart: the same three, from their records. */
  w.guards = stored;
  uint32_t slot, restored = 0;
  uint8_t record[AL_GUARD_RECORD_BYTES];
  size_t len;
  al_guards fresh;
  al_guards_init(&fresh);
  while (al_guards_dirty(&w.guards, &slot, record, &len))
    restored += al_guards_restore(&fresh, slot, al_view(record, len)) == AL_OK;
  w.guards = fresh;
  for (int i = 0; i < 100; i++) {
    al_path_query q = query(&w, 3);
    al_circuit_plan p;
    bad += al_path_choose(&q, &p, &why) != AL_OK || !al_guards_has(&stored, &p.id[0]);
  }
  tap_ok(restored == 3 && bad == 0 && guards_count(&w) == 3, "they are the same after a restart");
  al_book_drop(&w.book, al_book_find(&w.book, &first));
  tap_ok(choose(&w, 3, NULL, &why) == AL_OK && !al_guards_usable(&w.guards, 0, wall),
         "a guard that nobody knows any more counts as failed");
  al_book_clear(&w.book);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  test_sound(seed);
  test_weights(seed);
  test_too_few(seed);
  test_exits(seed);
  test_exclude(seed);
  test_more_guards(seed);
  test_diversity(seed);
  test_guards(seed);
  return tap_done();
}
