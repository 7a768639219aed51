/* AL_ASSERT in a build like the release: every misuse below must reach the hook. The hook may not
 * return, so it goes on with the next misuse itself and ends the program after the last. */
#include <stdlib.h>

#include "base/base.h"
#include "support/test_alloc.h"
#include "support/test_chacha.h"
#include "tap.h"

static test_alloc ta;
static al_slab slab;
static al_heap heap;
static al_ring ring;
static al_map map;
static al_rng rng;
static uint32_t stale;
static int step, passed_over;

static void misuse(int which) {
  static const uint8_t zeros[32];
  uint8_t one[1] = {0};
  al_bytes views[2];
  switch (which) {
    case 0:
      AL_ASSERT(1 + 1 == 3);
      return;
    case 1:
      al_slab_drop(&slab, stale);
      return;
    case 2:
      al_slab_drop(&slab, 0);
      return;
    case 3:
      al_heap_set(&heap, 4, 1);
      return;
    case 4:
      al_ring_consume(&ring, 1);
      return;
    case 5:
      al_ring_commit(&ring, 9);
      return;
    case 6:
      al_ring_put_at(&ring, 8, al_view(one, 1));
      return;
    case 7:
      al_ring_peek(&ring, 1, 1, views);
      return;
    case 8:
      al_map_init(&map, &ta.a, 5, 1, zeros);
      return;
    case 9:
      al_map_init(&map, &ta.a, 4, 0, zeros);
      return;
    case 10:
      al_slab_init(&slab, &ta.a, 0, 1);
      return;
    case 11:
      al_slab_init(&slab, &ta.a, 1, AL_SLAB_LIMIT_MAX + 1);
      return;
    case 12:
      al_rng_below(&rng, 0);
      return;
    case 13:
      al_rng_exp_us(&rng, ((uint64_t)1 << 40) + 1);
      return;
    default:
      return;
  }
}

enum { MISUSES = 14 };

_Noreturn static void go_on(void) {
  while (step < MISUSES) {
    int which = step++;
    misuse(which);
    passed_over++;
    tap_ok(false, "misuse %d went unnoticed", which);
  }
  tap_is_u64(passed_over, 0, "every misuse is noticed");
  exit(tap_done());
}

_Noreturn void al_assert_failed(const char *expr, const char *file, int line) {
  tap_ok(expr[0] != '\0' && strstr(file, ".c") != NULL && line > 0, "noticed: %s", expr);
  go_on();
}

int main(void) {
  static const uint8_t seed[32];
  static uint8_t memory[8];
  const al_alloc *a = test_alloc_bind(&ta);
  al_slab_init(&slab, a, 8, 4);
  stale = al_slab_take(&slab, NULL);
  al_slab_drop(&slab, stale);
  al_heap_init(&heap, a, 4);
  ring = al_ring_init(memory, sizeof memory);
  al_rng_init(&rng, &test_chacha_suite, seed);
  AL_ASSERT(1 + 1 == 2);
  tap_ok(true, "a true condition goes on");
  go_on();
}
