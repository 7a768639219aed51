/* acks.c — see acks.h. Bit n mod 8192 of `seen` says whether packet n came, for the 8,192 numbers
 * up to `top`. */
#include "stream/acks.h"

#include <string.h>

#include "stream/frame.h"

void al_acks_init(al_acks *a) {
  memset(a, 0, sizeof *a);
  a->wait_us = AL_ACKS_US_FIRST;
  a->due = AL_TIME_NEVER;
}

void al_acks_rtt(al_acks *a, uint32_t rtt_us) {
  uint64_t us = al_max_u64(rtt_us / 8, AL_ACKS_US_MIN);
  a->wait_us = (uint32_t)al_min_u64(us, AL_ACKS_US_MAX);
}

static bool seen(const al_acks *a, uint32_t number) {
  uint32_t bit = number % AL_ACKS_NUMBERS;
  return (a->seen[bit / 64] >> (bit % 64) & 1) != 0;
}

bool al_acks_fresh(const al_acks *a, uint32_t number) {
  if (!a->any || number > a->top) return true;
  return a->top - number < AL_ACKS_NUMBERS && !seen(a, number);
}

/* Forgets what had the places of the numbers from..to. */
static void forget(al_acks *a, uint32_t from, uint32_t to) {
  if (to - from >= AL_ACKS_NUMBERS - 1) {
    memset(a->seen, 0, sizeof a->seen);
    return;
  }
  for (uint32_t n = from; n <= to; n++) {
    uint32_t bit = n % AL_ACKS_NUMBERS;
    if (bit % 64 == 0 && to - n >= 63) {
      a->seen[bit / 64] = 0;
      n += 63;
    } else {
      a->seen[bit / 64] &= ~((uint64_t)1 << bit % 64);
    }
    if (n == UINT32_MAX) return;
  }
}

void al_acks_take(al_acks *a, uint32_t number, al_time now, bool wants, bool urgent) {
  if (!a->any || number > a->top) {
    forget(a, a->any ? a->top + 1 : number, number);
    a->top = number;
    a->top_at = now;
    a->any = true;
  }
  uint32_t bit = number % AL_ACKS_NUMBERS;
  a->seen[bit / 64] |= (uint64_t)1 << bit % 64;
  if (!wants) return;
  a->waiting++;
  if (a->waiting >= AL_ACKS_EVERY || urgent)
    a->due = now;
  else if (a->due == AL_TIME_NEVER)
    a->due = al_time_add(now, a->wait_us);
}

/* How many numbers from `number` downwards, `number` included and `floor` the last, are all seen
 * (or all not seen). */
static uint32_t run_down(const al_acks *a, uint32_t number, uint32_t floor, bool value) {
  uint32_t left = number - floor + 1, count = 0;
  while (count < left) {
    uint32_t bit = (number - count) % AL_ACKS_NUMBERS, below = bit % 64 + 1;
    uint64_t word = a->seen[bit / 64];
    if (value) word = ~word;
    word <<= 64 - below; /* the bit asked for is on top now; a 1 ends the run */
    if (word != 0) {
      count += (uint32_t)__builtin_clzll(word);
      break;
    }
    count += below;
  }
  return count < left ? count : left;
}

void al_acks_put(al_acks *a, al_wr *w, al_time now, size_t runs_max) {
  uint8_t pairs[4 * AL_FRAME_ACK_RUNS_MAX];
  if (!a->any || al_wr_left(w) < AL_FRAME_ACK_BYTES) return;
  runs_max = al_min_size(runs_max, (al_wr_left(w) - AL_FRAME_ACK_BYTES) / 4);
  runs_max = al_min_size(runs_max, AL_FRAME_ACK_RUNS_MAX);
  uint32_t floor = a->top >= AL_ACKS_NUMBERS ? a->top - AL_ACKS_NUMBERS + 1 : 0;
  uint32_t run = run_down(a, a->top, floor, true), at = a->top - run + 1;
  al_frame f = {.type = AL_FRAME_ACK, .largest = a->top, .run = (uint16_t)(run - 1)};
  size_t n = 0;
  while (n < runs_max && at > floor) { /* at: the lowest number told so far */
    uint32_t gap = run_down(a, at - 1, floor, false);
    if (at - gap == floor) break; /* nothing was seen below */
    run = run_down(a, at - gap - 1, floor, true);
    al_store_u16(pairs + 4 * n, (uint16_t)(gap - 1));
    al_store_u16(pairs + 4 * n + 2, (uint16_t)(run - 1));
    at -= gap + run;
    n++;
  }
  f.bytes = al_view(pairs, 4 * n);
  f.delay = (uint16_t)al_min_u64(al_time_since(now, a->top_at) / 64, UINT16_MAX);
  al_frame_put(w, &f);
  a->waiting = 0;
  a->due = AL_TIME_NEVER;
}
