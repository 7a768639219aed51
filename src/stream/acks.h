/* acks.h — what was received on a path, and when to say so. Layer 3, private to src/stream. */
#ifndef AL_STREAM_ACKS_H
#define AL_STREAM_ACKS_H

#include "base/cursor.h"

enum {
  AL_ACKS_NUMBERS = 8192,  /* numbers remembered below the highest */
  AL_ACKS_EVERY = 64,      /* packets are acknowledged when so many wait ... */
  AL_ACKS_US_MIN = 2000,   /* ... or after an eighth of the round-trip time, */
  AL_ACKS_US_MAX = 25000,  /* within these bounds, */
  AL_ACKS_US_FIRST = 5000, /* and after so long while that is not known */
};

/* al_acks — the receiving half of a path; fields are private to acks.c. */
typedef struct al_acks {
  uint32_t top; /* highest number received */
  bool any;
  uint32_t waiting; /* packets that want an acknowledgement and have none yet */
  uint32_t wait_us; /* how long they may wait */
  al_time top_at;   /* arrival of `top` */
  al_time due;      /* AL_TIME_NEVER: nothing waits */
  uint64_t seen[AL_ACKS_NUMBERS / 64];
} al_acks;

/* al_acks_init — nothing received yet.
 *   Result: none.   Cost: one memset.   Source: PROTOCOL.md 8.1.   Tested: unit/stream_acks. */
void al_acks_init(al_acks *a);

/* al_acks_rtt — the path's round-trip time is known: acknowledge about eight times in one.
 *   Result: none.   Cost: O(1).   Source: PROTOCOL.md 8.1.   Tested: unit/stream_acks. */
void al_acks_rtt(al_acks *a, uint32_t rtt_us);

/* al_acks_fresh — could this number be taken?
 *   Result: false for one seen before or too old.   Cost: O(1).   Source: PROTOCOL.md 8.1.
 *   Tested: unit/stream_acks. */
bool al_acks_fresh(const al_acks *a, uint32_t number);

/* al_acks_take — record a fresh number.
 *   wants  the packet holds more than ACK and PAD
 *   now    it is acknowledged at once when `urgent`
 * Result: none.   Cost: O(1), and one word for each 64 numbers passed over.
 * Source: PROTOCOL.md 8.1.   Tested: unit/stream_acks. */
void al_acks_take(al_acks *a, uint32_t number, al_time now, bool wants, bool urgent);

/* al_acks_put — write an ACK frame with as many runs as fit, and count everything as acknowledged.
 *   w          nothing is written when nothing was received or the frame has no room     [in/out]
 *   runs_max   at most 255
 * Result: none.   Cost: the window's words, and its runs.
 * Source: PROTOCOL.md 8.1.   Tested: unit/stream_acks. */
void al_acks_put(al_acks *a, al_wr *w, al_time now, size_t runs_max);

#endif
