/* window.h — a bound for the congestion window from what the path delivers. usrsctp's own rules
 * fill a queue until it overflows, then need minutes to grow again; with this bound nothing
 * overflows on a path without random loss. Pure: no clock, no I/O.
 *
 * A round is the life of one sampled packet: from its departure to the SACK that covers it. It
 * gives a round-trip time and a delivery rate. The bound is (best rate of the last rounds) x (least
 * round trip
 * + 10 ms): it grows with the path, and keeps a queue of about 10 ms at the bottleneck. */
#ifndef AL_WEBRTC_WINDOW_H
#define AL_WEBRTC_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

enum { AL_WINDOW_ROUNDS = 8 };

/* al_window — in place; zero is a fresh one. Times in microseconds, rates in bytes a second. */
typedef struct al_window {
  bool sampling, limited; /* a packet is being watched; the sender had more to send than allowed */
  uint32_t tsn;
  int64_t sent_us;
  uint64_t delivered; /* when it left */
  uint64_t rate[AL_WINDOW_ROUNDS];
  unsigned round, plateau, empty; /* rounds without growth; rounds that left no queue */
  bool steady;                    /* start-up is over */
  unsigned probing;    /* rounds left with a small window, to see the path without our own queue */
  uint64_t best;       /* rate of start-up so far */
  int64_t rtt_us;      /* of the last round */
  int64_t rtt_min_us;  /* of the last ten seconds or so, 0: none yet */
  int64_t rtt_seen_us; /* when that was seen */
} al_window;

/* al_window_depart — a data packet leaves.
 *   limited   more was waiting than the window lets go                                  [in]
 *   Result: none.   Cost: a comparison.   Source: docs/TRANSPORT.md.
 *   Tested: unit/webrtc_window. */
void al_window_depart(al_window *w, uint32_t tsn, int64_t now_us, uint64_t delivered, bool limited);

/* al_window_covers — does a SACK up to `tsn` end the round?
 *   Result: true: call al_window_arrive.   Cost: a comparison.
 *   Source: RFC 1982.   Tested: unit/webrtc_window. */
bool al_window_covers(const al_window *w, uint32_t tsn);

/* al_window_arrive — the watched packet is acknowledged; the round ends.
 *   delivered  bytes acknowledged so far, this SACK included                            [in]
 *   Result: the new bound in bytes, 0: none yet.   Cost: constant.
 *   Source: docs/TRANSPORT.md.   Tested: unit/webrtc_window. */
uint32_t al_window_arrive(al_window *w, int64_t now_us, uint64_t delivered, bool limited);

/* al_window_rate — the best delivery rate of the last rounds, bytes a second.
 *   Result: 0 before the first round.   Cost: a loop over the rounds.
 *   Source: docs/TRANSPORT.md.   Tested: unit/webrtc_window. */
uint64_t al_window_rate(const al_window *w);

#endif
