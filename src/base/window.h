/* window.h — which numbers of a counter have been seen: a sliding window of 8,192 numbers, for
 * frames and cells that may come late or out of order, but never twice. Layer 0. */
#ifndef AL_BASE_WINDOW_H
#define AL_BASE_WINDOW_H

#include "allium/al_types.h"

enum { AL_WINDOW_NUMBERS = 8192 };

/* al_window — the window below the highest number seen; fields are private to window.c. */
typedef struct al_window {
  uint64_t mask; /* 2^bits - 1: numbers are counted modulo 2^bits */
  uint64_t top;  /* the highest number seen */
  bool any;      /* false: nothing was seen, any number may be the first */
  uint64_t seen[AL_WINDOW_NUMBERS / 64];
} al_window;

/* al_window_init — nothing seen. The first number taken may be any: a hop does not know where the
 * counting began.
 *   bits   width of the counter, 16..64; numbers wrap at 2^bits, and "higher" means less
 *          than half of that ahead
 * Result: none.   Cost: one memset of 1 KiB.
 * Source: PROTOCOL.md 4.3, 6.3.   Tested: unit/base_window. */
void al_window_init(al_window *w, unsigned bits);

/* al_window_fresh — whether a number could be taken now; changes nothing. For asking before the
 * work of authentication, whose success al_window_take then records. Result: false when it was
 * taken, or is 8,192 or more below the highest, or needs more bits. Cost:   constant.   Source:
 * PROTOCOL.md 4.3, 6.3.   Tested: unit/base_window. */
bool al_window_fresh(const al_window *w, uint64_t number);

/* al_window_take — record a number.
 * Result: what al_window_fresh would have said; when false nothing changed.
 * Cost:   constant, and one word cleared for each 64 numbers passed over.
 * Source: PROTOCOL.md 4.3, 6.3.   Tested: unit/base_window. */
bool al_window_take(al_window *w, uint64_t number);

#endif
