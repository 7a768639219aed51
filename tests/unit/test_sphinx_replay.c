/* The set of replay tags: bounds, order, reloading, refusal when full, memory. */
#include "sphinx/replay.h"
#include "support/test_alloc.h"
#include "support/test_rand.h"
#include "tap.h"

enum { LIMIT = 5000 };

static uint8_t tags[LIMIT + 1][32];

static void test_bounds(void) {
  static const uint8_t secret[16] = "replay";
  test_alloc ta;
  al_replay r;
  const al_alloc *a = test_alloc_bind(&ta);
  tap_ok(al_replay_init(&r, a, LIMIT, secret) == AL_OK, "init");
  ta.closed = true;
  uint32_t fresh = 0, seen = 0;
  for (int i = 0; i < LIMIT; i++) {
    fresh += al_replay_add(&r, tags[i]) == AL_REPLAY_NEW;
    seen += al_replay_add(&r, tags[i]) == AL_REPLAY_SEEN;
  }
  tap_is_u64(fresh, LIMIT, "every tag is new once");
  tap_is_u64(seen, LIMIT, "sphinx_replay: and seen the second time");
  tap_ok(al_replay_add(&r, tags[LIMIT]) == AL_REPLAY_FULL, "sphinx_replay_full: no room, refused");
  tap_ok(al_replay_add(&r, tags[17]) == AL_REPLAY_SEEN, "when full, a replay is still told apart");
  tap_is_u64(al_replay_count(&r), LIMIT, "nothing was forgotten");
  al_replay_reset(&r);
  tap_ok(al_replay_count(&r) == 0 && al_replay_add(&r, tags[LIMIT]) == AL_REPLAY_NEW &&
             al_replay_add(&r, tags[0]) == AL_REPLAY_NEW,
         "after a reset all are new again");
  al_replay_clear(&r);
  tap_ok(test_alloc_clean(&ta), "memory came at init only and all went back");
}

static void test_persistence(void) {
  static const uint8_t secret[16] = "one", secret2[16] = "two";
  test_alloc ta;
  al_replay r, again;
  const al_alloc *a = test_alloc_bind(&ta);
  (void)al_replay_init(&r, a, 1000, secret);
  (void)al_replay_init(&again, a, 1000, secret2);
  for (int i = 0; i < 700; i++) (void)al_replay_add(&r, tags[i]);
  al_bytes v = al_replay_view(&r, 0, 3);
  tap_ok(v.len == 48 && memcmp(v.ptr + 32, tags[2], 16) == 0, "tags in order of arrival");
  tap_is_u64(al_replay_view(&r, 690, 100).len, 160, "a view ends with the tags");
  tap_is_u64(al_replay_view(&r, 700, 100).len, 0, "behind the last is nothing");
  for (uint32_t at = 0; al_replay_view(&r, at, 100).len > 0; at += 100) {
    if (al_replay_load(&again, al_replay_view(&r, at, 100)) != AL_OK) break;
  }
  tap_is_u64(al_replay_count(&again), 700, "all are loaded");
  uint32_t seen = 0;
  for (int i = 0; i < 700; i++) seen += al_replay_add(&again, tags[i]) == AL_REPLAY_SEEN;
  tap_is_u64(seen, 700, "and seen");
  tap_ok(
      al_replay_load(&again, al_replay_view(&r, 0, 700)) == AL_OK && al_replay_count(&again) == 700,
      "loading twice changes nothing");
  tap_ok(al_replay_load(&again, (al_bytes){tags[0], 17}) == AL_EPARSE, "half a tag is refused");
  tap_ok(al_replay_load(&again, (al_bytes){tags[2000], 16 * 301}) == AL_EFULL,
         "more than fit: the caller is told");
  al_replay_clear(&r);
  al_replay_clear(&again);
  tap_ok(test_alloc_clean(&ta), "all memory went back");
}

static void test_no_memory(void) {
  static const uint8_t secret[16];
  test_alloc ta;
  const al_alloc *a = test_alloc_bind(&ta);
  for (uint64_t n = 1; n <= 2; n++) {
    al_replay r;
    ta.requests = 0;
    ta.fail_from = n;
    tap_ok(al_replay_init(&r, a, 10, secret) == AL_ENOMEM && test_alloc_clean(&ta),
           "request %d refused: nothing is left", (int)n);
    al_replay_clear(&r);
  }
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_rand_bytes(tags, sizeof tags);
  test_bounds();
  test_persistence();
  test_no_memory();
  return tap_done();
}
