/* flight.c — packets under way: acknowledgement, loss, probes (PROTOCOL.md 8.1, 8.2). */
#include "stream/internal.h"

enum {
  PROBE_US_MIN = 100000, /* hops repair losses themselves: probing earlier only adds load */
  PROBE_US_MAX = 5000000,
  REORDER_US = 10000,   /* allowance for late timers and ack delay */
  SAMPLE_US_MIN = 1000, /* delivery rates are not measured over less */
  SUSPECT_TIMEOUTS = 2, /* the first one and its double: three probe time-outs without an answer */
  ASK_FLIGHT = 16,      /* with so much under way, acknowledgements come one after the other: ... */
  ASK_US_MIN =
      200000,         /* ... if none does for so long, and a quarter of the RTT, others are asked */
  BEATEN_US = 500000, /* so long a path may be silent while another one answers */
};

uint32_t al_flight_ref(const al_streams *ss, const al_path *p, uint32_t path, uint32_t pn) {
  uint32_t place = (pn - p->base_pn) & (ss->c.packets_max - 1);
  return 1 + (path << REF_PATH_SHIFT | place);
}

void al_flight_link(al_bundle_item *b, al_stream_item *st, uint32_t ref, uint32_t at) {
  al_sent *r = al_sent_ref(b, ref);
  r->next = at;
  r->prev = at != 0 ? al_sent_ref(b, at)->prev : st->tx_last;
  if (r->prev != 0)
    al_sent_ref(b, r->prev)->next = ref;
  else
    st->tx_first = ref;
  if (at != 0)
    al_sent_ref(b, at)->prev = ref;
  else
    st->tx_last = ref;
}

void al_flight_unlink(al_bundle_item *b, al_stream_item *st, uint32_t ref) {
  al_sent *r = al_sent_ref(b, ref);
  if (r->prev != 0)
    al_sent_ref(b, r->prev)->next = r->next;
  else
    st->tx_first = r->next;
  if (r->next != 0)
    al_sent_ref(b, r->next)->prev = r->prev;
  else
    st->tx_last = r->prev;
  r->prev = r->next = 0;
  r->stream = 0;
  uint64_t una = st->tx_first != 0 ? al_sent_offset(al_sent_ref(b, st->tx_first)) : st->tx_next;
  AL_ASSERT(una >= st->tx_una && una - st->tx_una <= al_ring_len(&st->tx));
  al_ring_consume(&st->tx, (size_t)(una - st->tx_una));
  if (al_ring_len(&st->tx) == 0) st->tx.head = 0;
  st->tx_una = una;
}

void al_flight_settle(al_streams *ss, al_path *p, al_sent *r) {
  if (r->state == SENT_FLIGHT) p->flight--;
  if (r->state == SENT_LOST) p->lost--;
  r->state = SENT_NONE;
  r->ctl[0] = r->ctl[1] = 0;
  while (p->open_pn != p->next_pn && al_sent_at(ss, p, p->open_pn)->state == SENT_NONE)
    p->open_pn++;
  if (p->open_pn == p->next_pn) p->base_pn = p->next_pn;
}

/* ---- acknowledgement ---- */

static void refused_drop(al_bundle_item *b, uint32_t wire_id) {
  for (uint32_t i = 0; i < b->refused_count; i++) {
    if (b->refused[i] != wire_id) continue;
    b->refused_count--;
    b->refused[i] = b->refused[b->refused_count];
    b->refused_sent[i] = b->refused_sent[b->refused_count];
    return;
  }
}

static void ack_ctl(al_streams *ss, al_bundle_item *b, al_sent *r) {
  for (int i = 0; i < CTL_PER_PACKET; i++) {
    if (r->ctl[i] == 0 && r->ctl_what[i] == 0) continue;
    if (r->ctl_what[i] == NEED_REFUSED) {
      refused_drop(b, r->ctl[i]);
    } else if (r->ctl_what[i] & NEED_RESET) {
      al_stream_item *st = al_stream_at(ss, r->ctl[i]);
      if (st != NULL && st->state == STREAM_RESETTING)
        al_stream_end(ss, st, st->events & EV_RESET, st->reason);
    }
    r->ctl[i] = r->ctl_what[i] = 0;
  }
}

static void ack_data(al_streams *ss, al_bundle_item *b, uint32_t ref) {
  al_sent *r = al_sent_ref(b, ref);
  al_stream_item *st = al_stream_at(ss, r->stream);
  if (st == NULL) return;
  bool fin = r->fin;
  al_flight_unlink(b, st, ref);
  if (fin) st->fin_acked = true;
  size_t space = al_ring_space(&st->tx);
  if (st->short_put && space >= st->window / 8 && !st->shut) {
    st->short_put = false;
    al_stream_tell(ss, st, EV_WRITABLE);
  }
  al_stream_closed(ss, st);
}

/* One ACK's gathered result. */
typedef struct gain {
  uint32_t acked, newest_pn;
  bool any;
  al_sent newest;
} gain;

static void ack_one(al_streams *ss, al_bundle_item *b, uint32_t path, uint32_t pn, gain *g) {
  al_path *p = b->paths[path];
  al_sent *r = al_sent_at(ss, p, pn);
  if (r->state == SENT_NONE) return;
  if (r->state == SENT_FLIGHT && (!g->any || pn > g->newest_pn)) {
    g->any = true;
    g->newest_pn = pn;
    g->newest = *r;
  }
  g->acked++;
  ack_ctl(ss, b, r);
  if (r->stream != 0) ack_data(ss, b, al_flight_ref(ss, p, path, pn));
  al_flight_settle(ss, p, r);
}

/* The numbers low..high, as far as they are not settled. Descends, because settling moves open_pn
 * and, when all is settled, the ring's base. */
static void ack_range(al_streams *ss, al_bundle_item *b, uint32_t path, uint32_t range[2],
                      gain *g) {
  al_path *p = b->paths[path];
  for (uint32_t pn = range[1]; p->open_pn != p->next_pn && pn >= p->open_pn && pn >= range[0];
       pn--) {
    ack_one(ss, b, path, pn, g);
    if (pn == 0) return;
  }
}

static void learn(al_path *p, al_time now, const al_frame *f, const gain *g, uint32_t lost) {
  al_cc_sample s = {.now = now, .acked = g->acked, .lost = lost, .flight = p->flight};
  p->delivered += g->acked;
  p->delivered_us = (uint32_t)now;
  s.delivered = p->delivered;
  s.prior = p->delivered - g->acked;
  if (g->any) {
    const al_sent *r = &g->newest;
    uint32_t rtt = (uint32_t)now - r->at_us;
    uint32_t ack_us = (uint32_t)now - r->delivered_us, send_us = r->at_us - r->first_us;
    uint32_t span = ack_us > send_us ? ack_us : send_us;
    if (g->newest_pn == f->largest) {
      uint32_t delay = (uint32_t)f->delay * 64;
      uint32_t net = rtt > delay ? rtt - delay : 0;
      s.rtt_us = (net >= al_cc_base(&p->cc) || !p->rtt.any) && net > 0 ? net : rtt;
      if (s.rtt_us == 0) s.rtt_us = 1;
      al_rtt_take(&p->rtt, s.rtt_us);
    }
    if (span < SAMPLE_US_MIN) span = SAMPLE_US_MIN;
    if (span >= al_cc_base(&p->cc) || p->cc.mode == AL_CC_START)
      s.rate = AL_CC_RATE_ONE * 1000000 * (p->delivered - r->delivered) / span;
    s.prior = r->delivered;
    s.limited = r->limited;
    p->first_us = r->at_us;
  }
  al_cc_take(&p->cc, &s, p->rtt.smoothed);
}

/* This path has answered what was asked when the one in use fell silent. */
static void beat(al_bundle_item *b, uint32_t path, const gain *g) {
  al_path *used = al_path_open(b, b->active);
  if (!g->any || path == b->active || used == NULL || !used->asked) return;
  if ((int32_t)(g->newest.at_us - used->asked_us) >= 0) used->beaten = true;
}

bool al_flight_ack(al_streams *ss, al_bundle_item *b, uint32_t path, al_time now,
                   const al_frame *f) {
  al_path *p = b->paths[path];
  if (f->largest >= p->next_pn) return false;
  if (!p->any_acked || f->largest > p->acked_pn) p->acked_pn = f->largest;
  p->any_acked = true;
  gain g = {0};
  uint32_t range[2] = {f->largest - f->run, f->largest};
  ack_range(ss, b, path, range, &g);
  al_rd r = al_rd_init(f->bytes);
  while (al_rd_left(&r) != 0 && range[0] > p->open_pn) {
    range[1] = range[0] - al_rd_u16(&r) - 2;
    range[0] = range[1] - al_rd_u16(&r);
    ack_range(ss, b, path, range, &g);
  }
  uint32_t lost = al_flight_lose(ss, b, path, now);
  if (g.acked != 0) {
    p->timeouts = 0;
    p->suspected = p->asked = p->beaten = false;
    p->probe_from = now;
    p->silent_since = p->flight != 0 ? now : AL_TIME_NEVER;
  }
  beat(b, path, &g);
  if (g.acked != 0 || lost != 0) learn(p, now, f, &g, lost);
  return true;
}

/* ---- loss ---- */

static void lost_ctl(al_streams *ss, al_bundle_item *b, al_sent *r) {
  for (int i = 0; i < CTL_PER_PACKET; i++) {
    if (r->ctl_what[i] == NEED_REFUSED) {
      for (uint32_t k = 0; k < b->refused_count; k++)
        if (b->refused[k] == r->ctl[i]) b->refused_sent[k] = false;
    } else if (r->ctl_what[i] != 0) {
      al_stream_item *st = al_stream_at(ss, r->ctl[i]);
      if (st != NULL) al_stream_need(ss, st, r->ctl_what[i]);
    }
    r->ctl[i] = r->ctl_what[i] = 0;
  }
}

/* The acknowledgement was lost, not the packet: its data is known to have come. */
static bool has_come(const al_streams *ss, const al_sent *r) {
  const al_stream_item *st = al_stream_at(ss, r->stream);
  return st != NULL && !r->fin && al_sent_offset(r) + r->len <= st->tx_have;
}

void al_flight_have(al_streams *ss, al_bundle_item *b, al_stream_item *st, uint64_t offset) {
  if (offset <= st->tx_have) return;
  st->tx_have = offset;
  for (uint32_t next, ref = st->tx_first; ref != 0; ref = next) {
    al_sent *r = al_sent_ref(b, ref);
    uint32_t path = (ref - 1) >> REF_PATH_SHIFT;
    al_path *p = b->paths[path];
    next = r->next;
    if (al_sent_offset(r) >= offset) return;
    if (r->state != SENT_LOST || !has_come(ss, r)) continue;
    ack_data(ss, b, ref);
    al_flight_settle(ss, p, r);
    if (p->closed && p->lost == 0) al_path_drop(ss, b, path);
  }
}

void al_flight_lost(al_streams *ss, al_bundle_item *b, uint32_t path, uint32_t pn) {
  al_path *p = b->paths[path];
  al_sent *r = al_sent_at(ss, p, pn);
  lost_ctl(ss, b, r);
  bool come = r->stream != 0 && has_come(ss, r);
  if (come) ack_data(ss, b, al_flight_ref(ss, p, path, pn));
  if (r->stream == 0 || come) {
    al_flight_settle(ss, p, r);
    return;
  }
  r->state = SENT_LOST;
  p->flight--;
  if (p->lost++ == 0 || pn < p->lost_pn) p->lost_pn = pn;
}

static uint32_t loss_us(const al_path *p) {
  uint32_t rtt = p->rtt.smoothed > p->rtt.latest ? p->rtt.smoothed : p->rtt.latest;
  return rtt + rtt / 2 + 4 * p->rtt.var + AL_ACKS_US_MAX + REORDER_US;
}

uint32_t al_flight_lose(al_streams *ss, al_bundle_item *b, uint32_t path, al_time now) {
  al_path *p = b->paths[path];
  uint32_t lost = 0, wait = loss_us(p);
  if (!p->any_acked || !p->rtt.any) return 0;
  for (uint32_t pn = p->open_pn; pn != p->next_pn && pn < p->acked_pn; pn++) {
    al_sent *r = al_sent_at(ss, p, pn);
    if (r->state != SENT_FLIGHT) continue;
    if ((uint32_t)now - r->at_us < wait) break;
    al_flight_lost(ss, b, path, pn);
    lost++;
  }
  p->packets_lost += lost;
  return lost;
}

uint64_t al_flight_probe_us(const al_path *p, uint32_t timeouts) {
  uint64_t us = 2 * (uint64_t)al_cc_base(&p->cc) + 2 * (uint64_t)PROBE_US_MIN;
  if (p->rtt.any) us = p->rtt.smoothed + 4 * (uint64_t)p->rtt.var + AL_ACKS_US_MAX + REORDER_US;
  us = al_max_u64(us, PROBE_US_MIN) << (timeouts < 8 ? timeouts : 8);
  return al_min_u64(us, PROBE_US_MAX);
}

static uint64_t probe_us(const al_path *p) { return al_flight_probe_us(p, p->timeouts); }

void al_flight_came(al_path *p, al_time now) {
  uint64_t gap = al_min_u64(al_time_since(now, p->rx_at), AL_SECOND);
  p->rx_gap_us = (uint32_t)((7 * (uint64_t)p->rx_gap_us + gap) / 8);
  p->rx_at = now;
}

/* Data came in and nothing is under way: silence for two probe time-outs is worth a PING. */
static al_time doubt_at(const al_path *p) {
  if (!p->expects || p->ping || p->flight != 0) return AL_TIME_NEVER;
  return al_time_add(p->rx_at, 2 * al_flight_probe_us(p, 0));
}

/* Is it the path, or the other end? Packets that come, or acknowledgements, follow close on each
 * other when there are many, and then stop: time to ask on all paths. */
static al_time ask_at(const al_bundle_item *b, const al_path *p) {
  if (p->asked || p->suspected || !p->rtt.any || b->streams == 0) return AL_TIME_NEVER;
  uint64_t us = al_max_u64(ASK_US_MIN, p->rtt.smoothed / 4);
  al_time at = AL_TIME_NEVER;
  bool sends = b->paths[b->active] == p && p->flight >= ASK_FLIGHT;
  if (sends && p->silent_since != AL_TIME_NEVER) at = al_time_add(p->silent_since, us);
  if (p->expects && (uint64_t)p->rx_gap_us * ASK_FLIGHT < p->rtt.smoothed)
    at = al_min_u64(at, al_time_add(p->rx_at, us));
  return at;
}

/* ... and the oldest packet is overdue; however long the round trip is, acknowledgements of many
 * packets come one after the other. */
static al_time beaten_at(const al_streams *ss, al_path *p, al_time now) {
  if (!p->beaten || p->suspected || p->silent_since == AL_TIME_NEVER) return AL_TIME_NEVER;
  uint64_t ago = (uint32_t)now - al_sent_at(ss, p, p->open_pn)->at_us;
  uint64_t wait = p->rtt.smoothed + 2 * (uint64_t)p->rtt.var + AL_ACKS_US_MAX + REORDER_US;
  return al_max_u64(al_time_add(p->silent_since, BEATEN_US), now + (ago < wait ? wait - ago : 0));
}

al_time al_flight_timer(const al_streams *ss, const al_bundle_item *b, al_path *p, al_time now) {
  al_time at = AL_TIME_NEVER;
  if (p->silent_since != AL_TIME_NEVER) at = al_time_add(p->silent_since, ss->c.silence_us);
  at = al_min_u64(at, ask_at(b, p));
  if (p->flight == 0) return al_min_u64(at, doubt_at(p));
  at = al_min_u64(at, beaten_at(ss, p, now));
  if (p->probes == 0) at = al_min_u64(at, al_time_add(p->probe_from, probe_us(p)));
  if (!p->any_acked || !p->rtt.any || p->open_pn >= p->acked_pn) return at;
  const al_sent *r = al_sent_at(ss, p, p->open_pn);
  uint32_t ago = (uint32_t)now - r->at_us, wait = loss_us(p);
  if (r->state == SENT_FLIGHT) at = al_min_u64(at, now + (ago < wait ? wait - ago : 0));
  return at;
}

static void ask_others(al_bundle_item *b, uint32_t path, al_time now) {
  al_path *silent = b->paths[path];
  if (silent->asked) return;
  silent->asked = true;
  silent->asked_us = (uint32_t)now;
  for (uint32_t i = 0; i < AL_BUNDLE_PATHS_MAX; i++) {
    al_path *p = i != path ? al_path_open(b, i) : NULL;
    if (p != NULL && !p->suspected) p->ping = true;
  }
}

/* The probe carries what the oldest packet carried; it is not held to be lost by the controller. */
bool al_flight_tick(al_streams *ss, al_bundle_item *b, uint32_t path, al_time now) {
  al_path *p = b->paths[path];
  if (now >= ask_at(b, p)) {
    ask_others(b, path, now);
    p->ping = p->ping || p->expects;
    p->expects = false;
  }
  if (now >= doubt_at(p)) {
    p->expects = false;
    p->ping = b->streams != 0;
  }
  if (p->flight == 0) return false;
  uint32_t lost = al_flight_lose(ss, b, path, now);
  if (lost != 0) learn(p, now, NULL, &(gain){0}, lost);
  if (p->flight != 0 && now >= beaten_at(ss, p, now)) {
    p->suspected = p->ping = true;
    return true;
  }
  if (p->flight == 0 || p->probes != 0) return false;
  if (now < al_time_add(p->probe_from, probe_us(p))) return false;
  uint32_t pn = p->open_pn;
  while (al_sent_at(ss, p, pn)->state != SENT_FLIGHT) pn++;
  al_flight_lost(ss, b, path, pn);
  p->timeouts++;
  p->probes = 1;
  p->ping = true;
  p->probe_from = now;
  if (path == b->active) ask_others(b, path, now);
  if (p->suspected || p->timeouts < SUSPECT_TIMEOUTS) return false;
  p->suspected = true;
  return true;
}
