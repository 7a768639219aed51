/* cc.h — round-trip times and congestion control of one path, in integers: how fast and how much.
 * It knows packets, not frames. Reasons and measurements: docs/decisions/0003-congestion.md.
 * Layer 3, private to src/stream. */
#ifndef AL_STREAM_CC_H
#define AL_STREAM_CC_H

#include "allium/al_types.h"

/* Rates are in thousandths of a packet a second. */
#define AL_CC_RATE_ONE ((uint64_t)1000)

enum {
  AL_CC_AHEAD_US = 1000,      /* packets may go out so much before their time: one timer's burst */
  AL_CC_BEHIND_US = 4000,     /* a late timer is made up for up to so much */
  AL_CC_RTT_GUESS_US = 100000 /* before anything was measured */
};

/* al_rtt — round-trip time of a path (RFC 6298's estimators). */
typedef struct al_rtt {
  bool any;
  uint32_t smoothed, var, latest;
} al_rtt;

/* al_rtt_take — one sample, ack delay already taken off.
 *   Result: none.   Cost: O(1).   Source: RFC 6298, section 2.   Tested: unit/stream_cc. */
void al_rtt_take(al_rtt *r, uint32_t sample_us);

/* al_cc_min — smallest value of a sliding window, kept in two halves. */
typedef struct al_cc_min {
  al_time since;        /* start of the half that is being filled */
  uint32_t now, before; /* UINT32_MAX: none */
} al_cc_min;

typedef enum al_cc_mode {
  AL_CC_START = 1, /* triple every round until the path is full */
  AL_CC_DRAIN,     /* pause until the queue we made is gone */
  AL_CC_CRUISE,    /* a little faster every round until a queue shows */
} al_cc_mode;

/* al_cc — the controller; fields are private to cc.c. */
typedef struct al_cc {
  al_cc_mode mode;
  uint64_t rate;      /* what is aimed at */
  uint64_t pace_ns;   /* when the next packet is due, nanoseconds on al_time's clock */
  uint64_t best[4];   /* highest delivery rate of this round and the three before */
  uint64_t ceiling;   /* rate at which a queue showed, 0: not known */
  uint64_t plateau;   /* START: rate that has to be outgrown */
  uint32_t rounds;    /* of the path so far */
  uint32_t round_end; /* delivered count at which the round ends, see al_cc_sample.prior */
  uint32_t window_max;
  uint32_t rtt_hint;
  uint32_t mode_round; /* when the mode began */
  uint32_t calm;       /* CRUISE: rounds without a queue */
  uint32_t over;       /* CRUISE: rounds in a row with a queue above the target */
  uint32_t fast_round; /* when the rate last grew quickly */
  uint32_t flat;       /* START: rounds without growth */
  uint32_t stuck;      /* drains in a row that changed nothing */
  uint32_t round_sent, round_lost;
  bool found;         /* a queue ended CRUISE once: the path's rate is known */
  bool deep;          /* DRAIN: also look whether the base has changed */
  al_time seen_at;    /* when a round-trip time was last near the base, or nothing was amiss */
  uint32_t begun_us;  /* the round-trip time when there was enough to send again; 0: there is not */
  bool round_limited; /* the round was short of data, not of window */
  al_time round_at;
  al_cc_min base;     /* round-trip time without queues */
  al_cc_min standing; /* with the queue that stands now */
} al_cc;

/* al_cc_sample — what one ACK frame told. */
typedef struct al_cc_sample {
  al_time now;
  uint32_t acked;     /* packets newly acknowledged */
  uint32_t lost;      /* packets newly held to be lost */
  uint32_t flight;    /* packets under way, after this */
  uint32_t delivered; /* packets acknowledged on this path so far, this included */
  uint32_t prior;     /* what `delivered` was when the newest packet of these was sent */
  uint32_t rtt_us;    /* 0: no sample */
  uint64_t rate;      /* delivery rate of that packet; 0: no sample */
  bool limited;       /* that packet was sent when data was short */
} al_cc_sample;

/* al_cc_init — a path nothing is known of.
 *   rtt_us      what the set-up took, or 0
 *   window_max  packets that may ever be under way
 * Result: none.   Cost: O(1).   Source: docs/decisions/0003-congestion.md.
 * Tested: unit/stream_cc. */
void al_cc_init(al_cc *c, al_time now, uint32_t rtt_us, uint32_t window_max);

/* al_cc_take — learn from an ACK.
 *   srtt_us   smoothed round-trip time
 * Result: none.   Cost: O(1).   Source: docs/decisions/0003-congestion.md.
 * Tested: unit/stream_cc, prop/stream_path. */
void al_cc_take(al_cc *c, const al_cc_sample *s, uint32_t srtt_us);

/* al_cc_window — packets that may be under way.
 *   Result: at least 4.   Cost: O(1).   Source: docs/decisions/0003-congestion.md.
 *   Tested: unit/stream_cc. */
uint32_t al_cc_window(const al_cc *c);

/* al_cc_rate — the pace, in thousandths of a packet a second.
 *   Result: at least 1.   Cost: O(1).   Source: docs/decisions/0003-congestion.md.
 *   Tested: unit/stream_cc. */
uint64_t al_cc_rate(const al_cc *c);

/* al_cc_may — may a packet go out now, as far as the pace is concerned?
 *   Result: whether.   Cost: O(1).   Source: docs/decisions/0003-congestion.md.
 *   Tested: unit/stream_cc. */
bool al_cc_may(const al_cc *c, al_time now);

/* al_cc_at — when the pace lets the next burst go.
 *   Result: a time.   Cost: O(1).   Source: docs/decisions/0003-congestion.md.
 *   Tested: unit/stream_cc. */
al_time al_cc_at(const al_cc *c);

/* al_cc_sent — a packet went out.
 *   Result: none.   Cost: O(1).   Source: docs/decisions/0003-congestion.md.
 *   Tested: unit/stream_cc. */
void al_cc_sent(al_cc *c, al_time now);

/* al_cc_best — the delivery rate of late, in thousandths of a packet a second.
 *   Result: 0 before the first sample.   Cost: O(1).
 *   Source: docs/decisions/0003-congestion.md.   Tested: unit/stream_cc. */
uint64_t al_cc_best(const al_cc *c);

/* al_cc_base — the path's round-trip time without queues, as far as known.
 *   Result: microseconds; the hint before the first sample.   Cost: O(1).
 *   Source: docs/decisions/0003-congestion.md.   Tested: unit/stream_cc. */
uint32_t al_cc_base(const al_cc *c);

#endif
