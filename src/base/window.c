/* window.c — see window.h. The bit of number n is bit n mod 8,192: the width of the counter is a
 * multiple of the window, so that this holds across the wrap. */
#include "base/window.h"

#include "base/assert.h"
#include "base/bytes.h"

enum { BITS_MIN = 16 };

static uint64_t *word_of(al_window *w, uint64_t number) {
  return &w->seen[number % AL_WINDOW_NUMBERS / 64];
}

static uint64_t bit_of(uint64_t number) { return (uint64_t)1 << number % 64; }

/* How far ahead of the highest a number is; more than half the range means behind. */
static uint64_t ahead(const al_window *w, uint64_t number) { return (number - w->top) & w->mask; }

static bool is_higher(const al_window *w, uint64_t number) {
  uint64_t d = ahead(w, number);
  return d != 0 && d <= w->mask / 2;
}

void al_window_init(al_window *w, unsigned bits) {
  AL_ASSERT(bits >= BITS_MIN && bits <= 64);
  memset(w, 0, sizeof *w);
  w->mask = UINT64_MAX >> (64 - bits);
}

bool al_window_fresh(const al_window *w, uint64_t number) {
  if (number > w->mask) return false;
  if (!w->any || is_higher(w, number)) return true;
  if (((w->top - number) & w->mask) >= AL_WINDOW_NUMBERS) return false;
  return (w->seen[number % AL_WINDOW_NUMBERS / 64] & bit_of(number)) == 0;
}

bool al_window_take(al_window *w, uint64_t number) {
  if (!al_window_fresh(w, number)) return false;
  if (!w->any) {
    w->any = true;
    w->top = number;
  } else if (is_higher(w, number)) {
    uint64_t step = ahead(w, number);
    if (step >= AL_WINDOW_NUMBERS) {
      memset(w->seen, 0, sizeof w->seen);
    } else {
      for (uint64_t n = w->top + 1; step > 0;) {
        uint64_t in_word = al_min_u64(step, 64 - n % 64);
        uint64_t run = in_word == 64 ? UINT64_MAX : (((uint64_t)1 << in_word) - 1) << n % 64;
        *word_of(w, n) &= ~run;
        n += in_word;
        step -= in_word;
      }
    }
    w->top = number;
  }
  *word_of(w, number) |= bit_of(number);
  return true;
}
