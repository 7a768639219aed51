/* window.c — see window.h. */
#include "window.h"

enum {
  SLACK_US = 30 * 1000,    /* queue that is kept at the bottleneck ... */
  SLACK_BYTES = 256 << 10, /* ... more is no use on a fast path and leaves the CPU's cache */
  FLOOR_BYTES = 32 << 10,
  CAUTION_BYTES = 256 << 10, /* start-up doubles up to there, then grows by half a round trip ... */
  STEP_US = 75 * 1000,       /* ... or by so much: what overshoots must fit in the path's queue */
  PLATEAU_ROUNDS = 2,        /* so many rounds without growth end start-up */
  EMPTY_ROUNDS = 4,          /* so many without a queue begin it again */
  RTT_LIFE_US = 10 * 1000000, /* an older least round trip is looked for anew ... */
  RTT_NOISE_US = 2000,
  PROBE_ROUNDS = 2, /* ... in so many rounds with half a window */
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
  } else if (rtt <= w->rtt_min_us + w->rtt_min_us / 16 + RTT_NOISE_US) {
    w->rtt_seen_us = now_us; /* no queue worth a look: the path has not changed */
  } else if (!w->probing && now_us - w->rtt_seen_us > RTT_LIFE_US) {
    w->probing = PROBE_ROUNDS;
  }
}

static uint64_t slack_bytes(uint64_t rate) {
  uint64_t slack = rate * SLACK_US / 1000000;
  return slack > SLACK_BYTES ? SLACK_BYTES : slack;
}

/* The bound leaves a queue when the path is full. Round trips without one tell that start-up
 * ended too early, or that the path has become faster: begin again from here. */
static void watch_queue(al_window *w, uint64_t rate) {
  int64_t half = (int64_t)(slack_bytes(rate) * 1000000 / (rate + 1) / 2);
  w->empty = w->rtt_us < w->rtt_min_us + half ? w->empty + 1 : 0;
  if (w->empty < EMPTY_ROUNDS) return;
  w->steady = false;
  w->best = rate;
  w->plateau = w->empty = 0;
}

static void take_rate(al_window *w, uint64_t rate, bool limited) {
  if (!limited && rate <= al_window_rate(w)) return; /* a slow application is not a slow path */
  if (w->probing) {
    w->empty = 0;
    return;
  }
  w->rate[w->round++ % AL_WINDOW_ROUNDS] = rate;
  if (!limited) return;
  if (w->steady) {
    watch_queue(w, rate);
    return;
  }
  if (rate > w->best + w->best / 16) {
    w->best = rate;
    w->plateau = 0;
  } else {
    w->plateau++;
  }
  bool queue = w->rtt_us > w->rtt_min_us + w->rtt_min_us / 4 + 2 * SLACK_US;
  if (w->plateau >= PLATEAU_ROUNDS || queue) w->steady = true;
}

/* A round delivers what was sent in the one before, so the bound acts two rounds later: trebling
 * lets the window grow by 1.7 a round, doubling by 1.4. */
static uint64_t start_up_step(uint64_t path, uint64_t rate) {
  uint64_t most = rate * STEP_US / 1000000;
  if (path < CAUTION_BYTES) return 2 * path;
  return path < most ? path : most;
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
  uint64_t slack = slack_bytes(rate), bound;
  if (w->probing)
    bound = path / 2;
  else if (w->steady)
    bound = path + slack;
  else
    bound = path + slack + start_up_step(path, rate);
  if (bound < FLOOR_BYTES) bound = FLOOR_BYTES;
  return bound > UINT32_MAX ? UINT32_MAX : (uint32_t)bound;
}
