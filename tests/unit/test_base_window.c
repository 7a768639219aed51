/* The replay window against a list of everything taken, with late, repeated and far numbers, at
 * counter widths that wrap during the test. */
#include <stdlib.h>

#include "base/base.h"
#include "support/test_rand.h"
#include "tap.h"

enum { STEPS = 60000 };

/* All positions are kept without wrapping; the window sees them modulo 2^bits. */
static bool against_list(unsigned bits, int64_t start, uint64_t reach) {
  al_window w;
  al_window_init(&w, bits);
  uint64_t mask = UINT64_MAX >> (64 - bits);
  size_t span = STEPS * (size_t)reach + 4 * AL_WINDOW_NUMBERS;
  uint8_t *taken = calloc(span, 1);
  int64_t top = -1, origin = 2 * AL_WINDOW_NUMBERS;
  bool good = taken != NULL;
  for (int i = 0; good && i < STEPS; i++) {
    int64_t at = top < 0 ? origin : top;
    if (test_rand_below(2) != 0)
      at += (int64_t)test_rand_below(reach + 1);
    else
      at -= (int64_t)test_rand_below(AL_WINDOW_NUMBERS * 5 / 4);
    if (at < 0) continue;
    uint64_t number = (uint64_t)(start + at) & mask;
    bool want = top < 0 || at > top || (top - at < AL_WINDOW_NUMBERS && taken[at] == 0);
    good = al_window_fresh(&w, number) == want && al_window_take(&w, number) == want &&
           !al_window_fresh(&w, number);
    if (want) taken[at] = 1;
    if (want && at > top) top = at;
  }
  free(taken);
  return good;
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  static const unsigned widths[] = {16, 48, 56, 64};
  static const uint64_t reaches[] = {1, 3, 100, 300};
  for (size_t i = 0; i < 4; i++)
    for (size_t j = 0; j < 4; j++)
      tap_ok(against_list(widths[i], -5000, reaches[j]),
             "%u-bit counter, steps of up to %u, across the wrap", widths[i], (unsigned)reaches[j]);
  al_window w;
  al_window_init(&w, 48);
  tap_ok(!al_window_fresh(&w, (uint64_t)1 << 48), "a number of too many bits is refused");
  tap_ok(al_window_take(&w, 12345) && !al_window_take(&w, 12345), "the first number may be any");
  tap_ok(al_window_take(&w, 12345 - 8191), "the oldest of the window");
  tap_ok(!al_window_take(&w, 12345 - 8192), "and the one before it");
  tap_ok(al_window_take(&w, 12345 + 100000), "a jump beyond the window");
  tap_ok(!al_window_fresh(&w, 12345 + 1), "makes all before it old");
  int refused = 0;
  for (uint64_t n = 12345 + 100000 - 8191; n < 12345 + 100000; n++)
    refused += !al_window_take(&w, n);
  tap_is_u64(refused, 0, "and leaves none of its window taken");
  return tap_done();
}
