/* cc.c — see cc.h and docs/decisions/0003-congestion.md. */
#include "stream/cc.h"

#include <string.h>

#include "base/bytes.h"

enum {
  BASE_HALF_US = 5000000, /* the base round-trip time is the least of the last 5..10 s */
  ROUND_US_MIN = 8000,    /* a round is a round trip and no shorter than this */
  START_GAIN = 900,       /* /256: paced 3.5 times as fast as was delivered ... */
  START_WINDOW = 3,  /* ... of which three times as much is under way: it triples every round */
  FIRST_PER_S = 480, /* packets a second of the first round trip, ... */
  FIRST_MIN = 32,    /* ... at least and at most so many in all */
  FIRST_MAX = 288,
  KEEP_GAIN = 252,     /* /256: what is kept of the delivered rate when a queue showed ... */
  KEEP_GAIN_SPAN = 20, /* ... less up to so much */
  STUCK_MAX = 2,       /* drains in a row without effect before a deep one */
  SEEN_US = 4000000,   /* the base is looked for when it was not seen for so long */
  GROWTH = 8,          /* packets a second each second, times the root of the rate */
  CALM_ROUNDS = 2,     /* rounds without a queue after which growth accelerates */
  OVER_ROUNDS = 3,     /* rounds with a queue that make it ours, when growth was slow */
  FAST_SHARE = 32,     /* growth by more than one in so many is quick */
  SLACK_US = 15000,    /* the window's allowance for ack delay and late timers */
  WINDOW_FLOOR = 8,
};

void al_rtt_take(al_rtt *r, uint32_t sample_us) {
  r->latest = sample_us;
  if (!r->any) {
    r->any = true;
    r->smoothed = sample_us;
    r->var = sample_us / 2;
    return;
  }
  uint32_t off = sample_us > r->smoothed ? sample_us - r->smoothed : r->smoothed - sample_us;
  r->var = (uint32_t)((3 * (uint64_t)r->var + off + 2) / 4);
  r->smoothed = (uint32_t)((7 * (uint64_t)r->smoothed + sample_us + 4) / 8);
}

static void min_reset(al_cc_min *m, al_time now) { *m = (al_cc_min){now, UINT32_MAX, UINT32_MAX}; }

static void min_take(al_cc_min *m, al_time now, uint64_t half_us, uint32_t value) {
  if (al_time_since(now, m->since) >= half_us) {
    m->before = al_time_since(now, m->since) >= 2 * half_us ? UINT32_MAX : m->now;
    m->now = UINT32_MAX;
    m->since = now;
  }
  if (value < m->now) m->now = value;
}

static uint32_t min_get(const al_cc_min *m) { return m->now < m->before ? m->now : m->before; }

uint32_t al_cc_base(const al_cc *c) {
  uint32_t us = min_get(&c->base);
  return us == UINT32_MAX ? c->rtt_hint : us;
}

/* Sent in the first round trip: by time and not by rounds, so that a long path does not begin more
 * slowly than a short one. */
static uint64_t first_packets(const al_cc *c) {
  uint64_t n = (uint64_t)al_cc_base(c) * FIRST_PER_S / 1000000;
  return al_min_u64(al_max_u64(n, FIRST_MIN), FIRST_MAX);
}

void al_cc_init(al_cc *c, al_time now, uint32_t rtt_us, uint32_t window_max) {
  memset(c, 0, sizeof *c);
  c->mode = AL_CC_START;
  c->rtt_hint = rtt_us != 0 ? rtt_us : AL_CC_RTT_GUESS_US;
  c->window_max = window_max;
  c->round_at = now;
  min_reset(&c->base, now);
  min_reset(&c->standing, now);
  c->rate = first_packets(c) * AL_CC_RATE_ONE * 1000000 / c->rtt_hint;
}

static uint64_t best_of(const al_cc *c, uint32_t rounds) {
  uint64_t best = 0;
  for (uint32_t i = 0; i < rounds && i <= c->rounds; i++)
    best = al_max_u64(best, c->best[(c->rounds - i) % 4]);
  return best;
}

uint64_t al_cc_best(const al_cc *c) { return best_of(c, 4); }

/* Packets that a rate puts on its way in a time. */
static uint64_t packets(uint64_t rate, uint64_t us) {
  return rate * us / (AL_CC_RATE_ONE * 1000000);
}

/* What is under way at the rate aimed at when nothing waits in queues, late acknowledgements
 * included. */
static uint64_t drained(const al_cc *c) {
  return packets(c->rate, (uint64_t)al_cc_base(c) + 3000) + WINDOW_FLOOR / 2;
}

uint32_t al_cc_window(const al_cc *c) {
  uint64_t rate = al_max_u64(c->rate, best_of(c, 4));
  if (c->mode == AL_CC_DRAIN)
    return (uint32_t)al_min_u64(c->deep ? drained(c) / 2 + 2 : drained(c), c->window_max);
  bool start = c->mode == AL_CC_START;
  uint64_t window = (start ? START_WINDOW : 2) * packets(rate, al_cc_base(c));
  window += packets(rate, SLACK_US) + WINDOW_FLOOR;
  if (start) window = al_max_u64(window, first_packets(c));
  return (uint32_t)al_min_u64(window, c->window_max);
}

uint64_t al_cc_rate(const al_cc *c) {
  uint64_t rate = c->rate;
  if (c->mode == AL_CC_START) rate = rate * START_GAIN / 256;
  return al_max_u64(rate, 1);
}

bool al_cc_may(const al_cc *c, al_time now) { return c->pace_ns <= (now + AL_CC_AHEAD_US) * 1000; }

al_time al_cc_at(const al_cc *c) { return (c->pace_ns + 999) / 1000; }

void al_cc_sent(al_cc *c, al_time now) {
  uint64_t behind = now > AL_CC_BEHIND_US ? (now - AL_CC_BEHIND_US) * 1000 : 0;
  c->pace_ns = al_max_u64(c->pace_ns, behind) + AL_CC_RATE_ONE * 1000000000 / al_cc_rate(c);
}

static uint64_t root(uint64_t v) {
  uint64_t r = 0;
  for (uint64_t bit = (uint64_t)1 << 31; bit != 0; bit >>= 1)
    if ((r | bit) * (r | bit) <= v) r |= bit;
  return r;
}

/* The standing queue that is aimed at: 7 ms at 10,000 packets a second and longer for less, so
 * that of several senders at one queue the fastest gives way first. */
static uint64_t target_us(const al_cc *c) {
  uint64_t per_s = c->rate / AL_CC_RATE_ONE + 1;
  uint64_t us = 700000 / root(per_s);
  us = al_min_u64(al_max_u64(us, 5000), 40000);
  return us + al_cc_base(c) / 64;
}

static uint64_t queue_us(const al_cc *c) {
  uint32_t standing = min_get(&c->standing), base = al_cc_base(c);
  return standing != UINT32_MAX && standing > base ? standing - base : 0;
}

static void enter(al_cc *c, al_cc_mode mode, al_time now) {
  c->mode = mode;
  c->mode_round = c->rounds;
  c->calm = 0;
  c->over = 0;
  c->flat = 0;
  if (mode == AL_CC_CRUISE) min_reset(&c->standing, now);
}

/* The fast give up more than the slow, which brings them together. */
static uint64_t keep(uint64_t rate) {
  uint64_t less = root(rate / AL_CC_RATE_ONE) / 8;
  return rate * (KEEP_GAIN - al_min_u64(less, KEEP_GAIN_SPAN)) / 256;
}

/* A queue showed: keep a little less than what was delivered, and let the queue run dry. */
static void back_off(al_cc *c, al_time now) {
  uint64_t share = best_of(c, 2);
  c->ceiling = c->mode == AL_CC_START ? 0 : al_max_u64(c->rate, share);
  if (share != 0) c->rate = keep(share);
  c->found = c->mode != AL_CC_START;
  enter(c, AL_CC_DRAIN, now);
}

static void start_round(al_cc *c, al_time now) {
  uint64_t best = best_of(c, 4);
  if (c->round_limited) return;
  if (best >= c->plateau + c->plateau / 4) {
    c->plateau = best;
    c->flat = 0;
  } else if (++c->flat >= 3) {
    back_off(c, now);
  }
}

/* Additive growth, in time and not in rounds so that near and far senders grow alike; the root
 * makes it fit slow and fast paths. Long calm means that the path became faster. */
static void cruise_round(al_cc *c, uint64_t round_us) {
  uint64_t best = best_of(c, 4);
  bool high = queue_us(c) > target_us(c);
  c->over = high && !c->round_limited ? c->over + 1 : 0;
  if (high) c->calm -= (c->calm + 3) / 4;
  if (high || c->round_limited || best == 0) return;
  c->calm++;
  uint64_t step = GROWTH * AL_CC_RATE_ONE * root(c->rate / AL_CC_RATE_ONE) * round_us / 1000000;
  uint64_t most = c->rate / 8;
  if (c->calm > CALM_ROUNDS || !c->found) {
    uint32_t shift = c->found ? (c->calm - CALM_ROUNDS) / 2 : 5;
    shift = shift < 8 ? shift : 8;
    step <<= shift;
    most = c->rate / 4;
  }
  if (c->rate < c->ceiling - c->ceiling / 8) step = al_max_u64(step, (c->ceiling - c->rate) / 2);
  step = al_min_u64(al_max_u64(step, 1), al_max_u64(most, 1));
  if (step > c->rate / FAST_SHARE) c->fast_round = c->rounds;
  c->rate += step;
  c->rate = al_min_u64(c->rate, best + best / 4 + 4 * AL_CC_RATE_ONE);
}

/* Is the queue we made gone? After a deep drain, half of what we send taken away for a round, what
 * is left of the delay is not ours: then the path itself became longer. */
static void drain_check(al_cc *c, const al_cc_sample *s) {
  uint32_t rounds = c->rounds - c->mode_round;
  if (c->deep ? rounds < 3 : s->flight > drained(c) && rounds < 3) return;
  if (c->deep && queue_us(c) > target_us(c)) {
    uint32_t standing = min_get(&c->standing);
    min_reset(&c->base, s->now);
    min_take(&c->base, s->now, BASE_HALF_US, standing);
  }
  if (c->deep) c->seen_at = s->now;
  if (c->round_lost == 0) c->rate = al_max_u64(c->rate, keep(best_of(c, 2)));
  enter(c, AL_CC_CRUISE, s->now);
  c->deep = false;
}

static void end_round(al_cc *c, const al_cc_sample *s) {
  uint64_t round_us = al_time_since(s->now, c->round_at);
  if (c->mode == AL_CC_START) start_round(c, s->now);
  if (c->mode == AL_CC_CRUISE) cruise_round(c, round_us);
  c->rounds++;
  c->best[c->rounds % 4] = 0;
  c->round_end = s->delivered;
  c->round_at = s->now;
  c->round_sent = c->round_lost = 0;
  c->round_limited = false;
}

static bool lossy(const al_cc *c) {
  return c->round_lost > 8 && c->round_lost > c->round_sent / 20 &&
         (c->mode == AL_CC_START || queue_us(c) > target_us(c) / 2);
}

/* Is a queue that shows of our own making? Whoever grows by half a percent a round adds less than a
 * millisecond in a round: when ten show at once, a relay was not scheduled, or somebody else came.
 * The first passes, and who came is still there rounds later. */
static bool ours(const al_cc *c) {
  return c->rounds - c->fast_round <= OVER_ROUNDS || c->over >= OVER_ROUNDS;
}

/* Whoever sends a packet now and then makes no queue, and what it delivers says nothing about the
 * path: a path that stands by must not be held for one that is slow. */
static void begin_check(al_cc *c, const al_cc_sample *s) {
  if (!s->limited && c->begun_us != 0) return;
  c->begun_us = s->limited ? 0 : s->rtt_us;
  c->seen_at = s->now;
}

/* After a drain the first round still sees the queue of before; and at the start, what stood in
 * queues when it began is not ours. */
static void queue_check(al_cc *c, const al_cc_sample *s) {
  uint64_t queue = queue_us(c);
  uint32_t rounds = c->rounds - c->mode_round;
  if (c->begun_us == 0) return;
  if (c->mode == AL_CC_START) {
    if (c->begun_us > al_cc_base(c)) queue -= al_min_u64(queue, c->begun_us - al_cc_base(c));
    if (queue > al_max_u64(target_us(c), 8000) + al_cc_base(c) / 8 || lossy(c)) back_off(c, s->now);
    return;
  }
  if (c->mode != AL_CC_CRUISE || rounds < 2) return;
  if (queue < target_us(c) / 2 || rounds > 3) c->stuck = 0;
  bool unseen = s->rtt_us != 0 && al_time_since(s->now, c->seen_at) > SEEN_US;
  if ((queue <= target_us(c) || !ours(c)) && !unseen && !lossy(c)) return;
  c->deep = unseen || ++c->stuck > STUCK_MAX;
  if (c->deep) c->stuck = 0;
  back_off(c, s->now);
}

void al_cc_take(al_cc *c, const al_cc_sample *s, uint32_t srtt_us) {
  c->round_sent += s->acked + s->lost;
  c->round_lost += s->lost;
  if (s->limited) c->round_limited = true;
  if (s->rtt_us != 0) {
    uint64_t half = al_min_u64(al_max_u64(srtt_us / 2, 12000), 128000);
    min_take(&c->base, s->now, BASE_HALF_US, s->rtt_us);
    if (s->rtt_us <= al_cc_base(c) + al_cc_base(c) / 64 + target_us(c) / 2) c->seen_at = s->now;
    min_take(&c->standing, s->now, half, s->rtt_us);
    begin_check(c, s);
  }
  uint64_t *best = &c->best[c->rounds % 4];
  if (c->mode == AL_CC_START) {
    uint64_t first = first_packets(c) * AL_CC_RATE_ONE * 1000000 / al_cc_base(c);
    c->rate = al_max_u64(best_of(c, 4), first);
  }
  if (s->rate > *best && (!s->limited || s->rate > best_of(c, 4))) *best = s->rate;
  if (s->acked != 0 && (int32_t)(s->prior - c->round_end) >= 0 &&
      al_time_since(s->now, c->round_at) >= ROUND_US_MIN)
    end_round(c, s);
  if (c->mode == AL_CC_DRAIN) drain_check(c, s);
  queue_check(c, s);
}
