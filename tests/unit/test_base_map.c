/* The map against a naive list, at every key size; its limit, its secret, its memory. */
#include "base/base.h"
#include "support/test_alloc.h"
#include "support/test_rand.h"
#include "tap.h"

enum { LIMIT = 48, UNIVERSE = 80 };

static uint8_t secret[AL_MAP_SECRET_BYTES];

typedef struct naive {
  bool in[UNIVERSE];
  uint32_t value[UNIVERSE];
  uint32_t count;
} naive;

static void key_of(uint8_t key[32], uint32_t i) {
  memset(key, 0, 32);
  al_store_u32(key, i * 0x01000193u);
  key[31] = (uint8_t)i;
}

/* Every key of the universe is found exactly when it is in, and the walk meets each once. */
static bool same(const al_map *m, const naive *n) {
  uint8_t key[32];
  uint32_t value = 0, cursor = 0, met = 0;
  for (uint32_t i = 0; i < UNIVERSE; i++) {
    key_of(key, i);
    bool found = al_map_find(m, key, &value);
    if (found != n->in[i] || (found && value != n->value[i])) return false;
  }
  const uint8_t *at;
  while (al_map_each(m, &cursor, &at, &value)) {
    uint32_t i = al_load_u32(at) * 0x359c449bu; /* the inverse of 0x01000193 mod 2^32 */
    if (i >= UNIVERSE || !n->in[i] || n->value[i] != value) return false;
    met++;
  }
  return met == n->count && al_map_count(m) == n->count;
}

static bool one_step(al_map *m, naive *n) {
  uint8_t key[32];
  uint32_t i = (uint32_t)test_rand_below(UNIVERSE), value = (uint32_t)test_rand(), had = 0;
  key_of(key, i);
  if (test_rand_below(5) < 3) {
    al_err want = !n->in[i] && n->count == LIMIT ? AL_EFULL : AL_OK;
    if (al_map_put(m, key, value) != want) return false;
    if (want != AL_OK) return true;
    n->count += !n->in[i];
    n->in[i] = true;
    n->value[i] = value;
    return true;
  }
  bool dropped = al_map_drop(m, key, &had);
  if (dropped != n->in[i] || (dropped && had != n->value[i])) return false;
  n->count -= dropped;
  n->in[i] = false;
  return true;
}

static void against_naive(const al_alloc *a, uint32_t key_bytes) {
  al_map m;
  naive n = {0};
  tap_ok(al_map_init(&m, a, key_bytes, LIMIT, secret) == AL_OK, "init, %u-byte keys", key_bytes);
  int bad = 0;
  for (int i = 0; i < 20000 && bad == 0; i++)
    bad += !one_step(&m, &n) || (i % 16 == 0 && !same(&m, &n));
  tap_is_u64(bad, 0, "20000 random steps do what a list does, %u-byte keys", key_bytes);
  al_map_clear(&m);
}

static void limits(test_alloc *ta, const al_alloc *a) {
  al_map m;
  tap_ok(al_map_init(&m, a, 4, 3, secret) == AL_OK, "init of a small map");
  ta->closed = true;
  for (uint32_t i = 0; i < 3; i++) tap_ok(al_map_put_u32(&m, i, i) == AL_OK, "key %u fits", i);
  tap_ok(al_map_put_u32(&m, 3, 3) == AL_EFULL, "the fourth of three does not");
  tap_ok(!al_map_find_u32(&m, 3, NULL), "and is not there");
  tap_ok(al_map_put_u32(&m, 1, 99) == AL_OK, "a full map takes new values");
  uint32_t v = 0;
  tap_ok(al_map_find_u32(&m, 1, &v) && v == 99, "and gives them");
  tap_ok(al_map_drop_u32(&m, 0, NULL) && !al_map_drop_u32(&m, 0, NULL), "drop once, not twice");
  tap_ok(al_map_put_u32(&m, 3, 3) == AL_OK, "then there is room");
  ta->closed = false;
  al_map_clear(&m);
  al_map_clear(&m);
  tap_ok(al_map_count(&m) == 0, "clear twice is allowed");
  ta->fail_from = ta->requests + 1;
  tap_ok(al_map_init(&m, a, 8, 100, secret) == AL_ENOMEM, "no memory is AL_ENOMEM");
  al_map_clear(&m);
  ta->fail_from = 0;
}

static void wrappers(const al_alloc *a) {
  al_map m;
  uint32_t v = 0;
  al_map_init(&m, a, 8, 4, secret);
  al_map_put_u64(&m, 1ull << 63, 5);
  tap_ok(al_map_find_u64(&m, 1ull << 63, &v) && v == 5, "u64 keys keep their top bit");
  tap_ok(!al_map_find_u64(&m, 0, NULL), "and are told apart");
  tap_ok(al_map_drop_u64(&m, 1ull << 63, &v) && al_map_count(&m) == 0, "u64 drop");
  al_map_clear(&m);
  al_id id = {{1, 2, 3}};
  al_map_init(&m, a, 32, 4, secret);
  al_map_put_id(&m, &id, 6);
  tap_ok(al_map_find_id(&m, &id, &v) && v == 6, "id keys");
  id.b[31] = 1;
  tap_ok(!al_map_drop_id(&m, &id, NULL), "ids differ in the last byte too");
  al_map_clear(&m);
}

/* 10000 keys that sit in one run under one secret must not under another: the walk of a colliding
 * set is the witness. Here: the order of iteration of the same keys depends on the secret. */
static void keyed(const al_alloc *a) {
  al_map m[2];
  uint8_t other[AL_MAP_SECRET_BYTES];
  memcpy(other, secret, sizeof other);
  other[15] ^= 0x80;
  al_map_init(&m[0], a, 4, 1000, secret);
  al_map_init(&m[1], a, 4, 1000, other);
  for (uint32_t i = 0; i < 1000; i++) {
    al_map_put_u32(&m[0], i, i);
    al_map_put_u32(&m[1], i, i);
  }
  uint32_t c0 = 0, c1 = 0, same_place = 0;
  const uint8_t *k0, *k1;
  while (al_map_each(&m[0], &c0, &k0, NULL) && al_map_each(&m[1], &c1, &k1, NULL))
    same_place += al_load_u32(k0) == al_load_u32(k1);
  tap_ok(same_place < 20, "one bit of the secret moves nearly every key (%u stayed)", same_place);
  al_map_clear(&m[0]);
  al_map_clear(&m[1]);
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_rand_bytes(secret, sizeof secret);
  test_alloc ta;
  const al_alloc *a = test_alloc_bind(&ta);
  against_naive(a, 4);
  against_naive(a, 8);
  against_naive(a, 32);
  limits(&ta, a);
  wrappers(a);
  keyed(a);
  tap_ok(test_alloc_clean(&ta), "no leak, no allocation after init");
  return tap_done();
}
