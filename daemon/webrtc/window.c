/* window.c — see window.h. */
#include "window.h"

enum {
  SLACK_US = 10 * 1000,    /* queue that is kept at the bottleneck */
  SLACK_BYTES = 256 << 10, /* more than that is no use on a fast path and leaves the CPU's cache */
  FLOOR_BYTES = 32 << 10,
  CAUTION_BYTES = 256 << 10,  /* start-up doubles up to there and then grows by half a round */
  PLATEAU_ROUNDS = 2,         /* so many rounds without growth end start-up */
  RTT_LIFE_US = 10 * 1000000, /* an older least round trip is looked for anew ... */
  PROBE_ROUNDS = 2,           /* ... in so many rounds with half a window */
};

uint64_t al_window_rate(const al_window *w) {
  uint64_t best = 0;
  for (unsigned i = 0; i < AL_WINDOW_ROUNDS; i++)
    if (w->rate[i] > best) best = w->rate[i];
  return best;
}

void al_window_depart(al_window *w, uint32_t tsn, int64_t now_us, uint64_t delivered,
                      bool limited) {
  if (w->sampling) {
    if (w->tsn == tsn) w->sampling = false; /* sent again: its acknowledgement would be ambiguous */
    return;
  }
  w->sampling = true;
  w->tsn = tsn;
  w->sent_us = now_us;
  w->delivered = delivered;
  w->limited = limited;
}

bool al_window_covers(const al_window *w, uint32_t tsn) {
  return w->sampling && (int32_t)(tsn - w->tsn) >= 0;
}

static void take_rtt(al_window *w, int64_t now_us, int64_t rtt) {
  bool drained = w->probing && --w->probing == 0; /* no queue of ours is left: this is the path */
  w->rtt_us = rtt;
  if (!w->rtt_min_us || rtt <= w->rtt_min_us || drained) {
    w->rtt_min_us = rtt;
    w->rtt_seen_us = now_us;
  } else if (!w->probing && now_us - w->rtt_seen_us > RTT_LIFE_US) {
    w->probing = PROBE_ROUNDS;
  }
}

static void take_rate(al_window *w, uint64_t rate, bool limited) {
  if (!limited && rate <= al_window_rate(w)) return; /* a slow application is not a slow path */
  if (w->probing) return;
  w->rate[w->round++ % AL_WINDOW_ROUNDS] = rate;
  if (w->steady || !limited) return;
  if (rate > w->best + w->best / 4) {
    w->best = rate;
    w->plateau = 0;
  } else {
    w->plateau++;
  }
  bool queue = w->rtt_us > w->rtt_min_us + w->rtt_min_us / 2 + 2 * SLACK_US;
  if (w->plateau >= PLATEAU_ROUNDS || queue) w->steady = true;
}

uint32_t al_window_arrive(al_window *w, int64_t now_us, uint64_t delivered, bool limited) {
  int64_t rtt = now_us - w->sent_us;
  w->sampling = false;
  if (rtt < 1) rtt = 1;
  take_rtt(w, now_us, rtt);
  take_rate(w, (delivered - w->delivered) * 1000000 / (uint64_t)rtt, limited && w->limited);
  uint64_t rate = al_window_rate(w);
  if (!rate) return 0;
  uint64_t path = rate * (uint64_t)w->rtt_min_us / 1000000;
  uint64_t slack = rate * SLACK_US / 1000000, bound;
  if (slack > SLACK_BYTES) slack = SLACK_BYTES;
  if (w->probing)
    bound = path / 2;
  else if (w->steady)
    bound = path + slack;
  else
    bound = path < CAUTION_BYTES ? 2 * path + slack : path + path / 2 + slack;
  if (bound < FLOOR_BYTES) bound = FLOOR_BYTES;
  return bound > UINT32_MAX ? UINT32_MAX : (uint32_t)bound;
}
