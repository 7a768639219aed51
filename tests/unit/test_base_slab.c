/* The slab against a naive list: handles go stale, limits hold, memory comes in chunks only. */
#include "base/base.h"
#include "support/test_alloc.h"
#include "support/test_rand.h"
#include "tap.h"

enum { LIMIT = 100, STALE = 256 };

typedef struct model {
  uint32_t live[LIMIT], stale[STALE];
  uint64_t stamp[LIMIT];
  uint32_t count, stale_count;
} model;

static bool step_take(al_slab *s, model *m) {
  void *item = NULL;
  uint32_t h = al_slab_take(s, &item);
  if (m->count == LIMIT) return h == 0;
  if (h == 0 || al_slab_get(s, h) != item || ((uintptr_t)item & 7) != 0) return false;
  if (!al_zero_ct(item, 24)) return false;
  for (uint32_t i = 0; i < m->count; i++)
    if (m->live[i] == h || al_slab_index(m->live[i]) == al_slab_index(h)) return false;
  m->stamp[m->count] = test_rand();
  memcpy(item, &m->stamp[m->count], 8);
  memset((uint8_t *)item + 8, 0xff, 16);
  m->live[m->count++] = h;
  return al_slab_index(h) < LIMIT;
}

static bool step_drop(al_slab *s, model *m) {
  if (m->count == 0) return true;
  uint32_t i = (uint32_t)test_rand_below(m->count), h = m->live[i];
  if (memcmp(al_slab_get(s, h), &m->stamp[i], 8) != 0) return false;
  al_slab_drop(s, h);
  m->stale[m->stale_count++ % STALE] = h;
  m->live[i] = m->live[--m->count];
  m->stamp[i] = m->stamp[m->count];
  return al_slab_get(s, h) == NULL;
}

static bool same(const al_slab *s, const model *m) {
  uint32_t cursor = 0, met = 0, h, last = 0;
  while ((h = al_slab_each(s, &cursor)) != 0) {
    bool known = false;
    for (uint32_t i = 0; i < m->count; i++) known = known || m->live[i] == h;
    if (!known || (met != 0 && al_slab_index(h) <= last)) return false;
    last = al_slab_index(h);
    met++;
  }
  for (uint32_t i = 0; i < STALE && i < m->stale_count; i++)
    if (al_slab_get(s, m->stale[i]) != NULL) return false;
  for (uint32_t i = 0; i < m->count; i++)
    if (memcmp(al_slab_get(s, m->live[i]), &m->stamp[i], 8) != 0) return false;
  return met == m->count && al_slab_count(s) == m->count;
}

static void against_naive(const al_alloc *a) {
  al_slab s;
  static model m;
  tap_ok(al_slab_init(&s, a, 21, LIMIT) == AL_OK, "init");
  int bad = 0;
  for (int i = 0; i < 30000 && bad == 0; i++) {
    /* Tides: mostly taking, then mostly dropping, so that both ends are reached. */
    bool take = test_rand_below(10) < (i / 500 % 2 ? 3u : 7u);
    bad += !(take ? step_take(&s, &m) : step_drop(&s, &m)) || (i % 32 == 0 && !same(&s, &m));
  }
  tap_is_u64(bad, 0, "30000 random steps do what a list does");
  al_slab_clear(&s);
}

static void memory(test_alloc *ta, const al_alloc *a) {
  al_slab s;
  al_slab_init(&s, a, 100, 50);
  tap_ok(al_slab_take_noalloc(&s, NULL) == 0, "an empty slab has no item without the allocator");
  tap_ok(al_slab_reserve(&s, 51) == AL_EFULL, "no reserve beyond the limit");
  tap_ok(al_slab_reserve(&s, 30) == AL_OK, "reserve 30");
  ta->closed = true;
  uint32_t got = 0;
  for (int i = 0; i < 30; i++) got += al_slab_take_noalloc(&s, NULL) != 0;
  tap_is_u64(got, 30, "then 30 items need no allocator");
  ta->closed = false;
  while (al_slab_take(&s, NULL) != 0) got++;
  tap_is_u64(got, 50, "take stops at the limit");
  al_slab_clear(&s);
  al_slab_clear(&s);
  ta->fail_from = ta->requests + 1;
  tap_ok(al_slab_init(&s, a, 100, 50) == AL_ENOMEM, "no memory for the table");
  al_slab_clear(&s);
  ta->fail_from = ta->requests + 2;
  tap_ok(al_slab_init(&s, a, 100, 50) == AL_OK, "memory for the table only");
  tap_ok(al_slab_take(&s, NULL) == 0, "no memory for a chunk: no item");
  tap_ok(al_slab_reserve(&s, 1) == AL_ENOMEM, "and no reserve");
  ta->fail_from = 0;
  tap_ok(al_slab_take(&s, NULL) != 0, "memory again: an item");
  al_slab_clear(&s);
}

static void handles(const al_alloc *a) {
  al_slab s;
  al_slab_init(&s, a, 8, 1);
  uint32_t first = al_slab_take(&s, NULL), h = first, zero = 0, early = 0;
  for (int i = 1; i < 4095; i++) {
    al_slab_drop(&s, h);
    h = al_slab_take(&s, NULL);
    zero += h == 0;
    early += h == first || al_slab_get(&s, first) != NULL;
  }
  tap_is_u64(zero, 0, "no handle is 0 through all generations");
  tap_is_u64(early, 0, "the first handle stays stale for 4094 reuses");
  al_slab_drop(&s, h);
  tap_ok(al_slab_take(&s, NULL) == first, "generations wrap at 4095");
  tap_ok(al_slab_get(&s, 0) == NULL, "handle 0 is nobody");
  tap_ok(al_slab_get(&s, 0x00100001) == NULL, "nor is an index beyond the memory");
  tap_ok(al_slab_get(&s, UINT32_MAX) == NULL, "nor the largest handle");
  al_slab_clear(&s);
  tap_ok(al_slab_get(&s, first) == NULL, "nothing lives in a cleared slab");
  al_slab_init(&s, a, 1 << 20, 3);
  tap_ok(al_slab_take(&s, NULL) != 0, "large items have a chunk of their own");
  al_slab_clear(&s);
}

/* Dropping while walking is what expiry does. */
static void walking(const al_alloc *a) {
  al_slab s;
  al_slab_init(&s, a, 16, 200);
  for (int i = 0; i < 200; i++) al_slab_take(&s, NULL);
  uint32_t cursor = 0, met = 0, h;
  while ((h = al_slab_each(&s, &cursor)) != 0) {
    al_slab_drop(&s, h);
    met++;
  }
  tap_ok(met == 200 && al_slab_count(&s) == 0, "each item is met once though it is dropped");
  al_slab_clear(&s);
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_alloc ta;
  const al_alloc *a = test_alloc_bind(&ta);
  against_naive(a);
  memory(&ta, a);
  handles(a);
  walking(a);
  tap_ok(test_alloc_clean(&ta), "no leak, sizes right, closed means closed");
  return tap_done();
}
