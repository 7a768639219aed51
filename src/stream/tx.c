/* tx.c — which packet goes out next on a path, and when. Order in a packet: acknowledgement, PING,
 * control frames, then one piece of data, lost ones before new ones. */
#include "stream/internal.h"

enum { RUNS_WITH_DATA = 64 }; /* runs of an ACK that shares its packet with data */

static bool room(const al_path *p, uint32_t numbers) {
  return p->next_pn - p->open_pn < numbers && p->next_pn != UINT32_MAX;
}

static bool any_lost(const al_bundle_item *b) {
  for (uint32_t i = 0; i < AL_BUNDLE_PATHS_MAX; i++)
    if (b->paths[i] != NULL && b->paths[i]->lost != 0) return true;
  return false;
}

static bool in_use(const al_bundle_item *b, const al_path *p) { return b->paths[b->active] == p; }

static bool any_refused(const al_bundle_item *b) {
  for (uint32_t i = 0; i < b->refused_count; i++)
    if (!b->refused_sent[i]) return true;
  return false;
}

/* Repairs may use the last numbers of the ring, new frames leave an eighth: a repair always makes
 * room, so that the path cannot lock up. */
static bool has_repair(const al_streams *ss, const al_bundle_item *b, const al_path *p) {
  return (p->ping || (in_use(b, p) && any_lost(b))) && room(p, ss->c.packets_max - 1);
}

static bool has_new(const al_streams *ss, const al_bundle_item *b, const al_path *p) {
  return in_use(b, p) && (b->ctl.head != 0 || b->tx.head != 0 || any_refused(b)) &&
         room(p, ss->c.packets_max - ss->c.packets_max / 8);
}

static bool has_frames(const al_streams *ss, const al_bundle_item *b, const al_path *p) {
  return has_repair(ss, b, p) || has_new(ss, b, p);
}

static bool window_open(const al_path *p) {
  return p->probes != 0 || p->flight < al_cc_window(&p->cc);
}

static bool may_send(const al_path *p, al_time now) {
  return window_open(p) && (p->probes != 0 || al_cc_may(&p->cc, now));
}

static bool ack_due(const al_streams *ss, const al_path *p, al_time now) {
  return p->acks.due <= now && room(p, ss->c.packets_max - ss->c.packets_max / 16);
}

static al_bundle_want wants(const al_streams *ss, const al_bundle_item *b, const al_path *p,
                            al_time now) {
  bool frames = has_frames(ss, b, p);
  if ((frames && may_send(p, now)) || ack_due(ss, p, now)) return AL_BUNDLE_WANT_NOW;
  return frames || p->acks.due != AL_TIME_NEVER ? AL_BUNDLE_WANT_LATER : AL_BUNDLE_WANT_NOTHING;
}

al_bundle_want al_bundle_wants(const al_streams *ss, al_bundle h, uint32_t path, al_time now) {
  const al_bundle_item *b = al_bundle_at(ss, h);
  const al_path *p = al_path_open(b, path);
  return p != NULL ? wants(ss, b, p, now) : AL_BUNDLE_WANT_NOTHING;
}

/* ---- timers ---- */

static void arm(al_streams *ss, al_bundle h, al_bundle_item *b, al_time now, bool hint) {
  al_time at = AL_TIME_NEVER;
  for (uint32_t i = 0; i < AL_BUNDLE_PATHS_MAX; i++) {
    al_path *p = al_path_open(b, i);
    if (p == NULL) continue;
    at = al_min_u64(at, al_flight_timer(ss, b, p, now));
    if (p->acks.due > now) at = al_min_u64(at, p->acks.due);
    if (!has_frames(ss, b, p) || !window_open(p)) {
      if (hint && ack_due(ss, p, now)) al_bundle_dirty(ss, h, b);
    } else if (!may_send(p, now)) {
      at = al_min_u64(at, al_cc_at(&p->cc));
      if (hint && ack_due(ss, p, now)) al_bundle_dirty(ss, h, b);
    } else if (hint) {
      al_bundle_dirty(ss, h, b);
    }
  }
  if (at <= now) at = now + 1; /* one that is due already stays so: nothing may put it off */
  uint32_t index = al_slab_index(h);
  if (at < al_heap_time(&ss->timers, index)) al_heap_set(&ss->timers, index, at);
}

void al_bundle_touch(al_streams *ss, al_bundle h, al_bundle_item *b, al_time now) {
  arm(ss, h, b, now, true);
}

static void silence(al_streams *ss, al_bundle h, al_bundle_item *b, al_time now) {
  for (uint32_t i = 0; i < AL_BUNDLE_PATHS_MAX; i++) {
    al_path *p = al_path_open(b, i);
    if (p == NULL || p->silent_since == AL_TIME_NEVER) continue;
    if (now < al_time_add(p->silent_since, ss->c.silence_us)) continue;
    p->silent_since = now; /* and again after as long */
    al_count(ss->c.counters, AL_COUNT_stream_timeout);
    al_bundle_note(ss, h, b, i, false);
  }
}

void al_streams_tick(al_streams *ss, al_time now) {
  uint32_t index;
  while (al_heap_pop_due(&ss->timers, now, &index)) {
    al_bundle h = ss->by_index[index];
    al_bundle_item *b = al_bundle_at(ss, h);
    AL_ASSERT(b != NULL); /* a closed bundle has no timer */
    for (uint32_t i = 0; i < AL_BUNDLE_PATHS_MAX; i++) {
      if (al_path_open(b, i) == NULL || !al_flight_tick(ss, b, i, now)) continue;
      al_bundle_choose(ss, b);
      al_bundle_note(ss, h, b, i, true);
    }
    silence(ss, h, b, now);
    al_bundle_touch(ss, h, b, now);
  }
}

al_time al_streams_deadline(const al_streams *ss) { return al_heap_deadline(&ss->timers); }

al_bundle al_streams_next(al_streams *ss) {
  al_bundle h = ss->dirty_head;
  if (h == 0) return 0;
  al_bundle_item *b = al_bundle_at(ss, h);
  ss->dirty_head = b->dirty_next;
  if (ss->dirty_head == 0) ss->dirty_tail = 0;
  b->dirty = false;
  return h;
}

/* ---- filling ---- */

static void put_have(const al_streams *ss, const al_bundle_item *b, al_path *p, al_wr *w) {
  const al_stream_item *st = p->have != 0 ? al_stream_at(ss, p->have) : NULL;
  p->have = 0;
  if (st == NULL || st->state != STREAM_OPEN || al_bundle_at(ss, st->bundle) != b) return;
  if (st->rx_next == 0) return;
  al_frame_put(w, &(al_frame){.type = AL_FRAME_HAVE, .stream = st->wire_id, .offset = st->rx_next});
}

/* One packet in the making. */
typedef struct packet {
  al_streams *ss;
  al_bundle_item *b;
  al_path *p;
  uint32_t path;
  al_wr w;
  al_sent rec;
  int ctl; /* entries of rec.ctl used */
  bool wants;
  uint32_t old_path, old_pn; /* the lost record whose data it carries ... */
  bool old;                  /* ... if it does */
  al_stream_item *opening;   /* a stream whose OPEN is in it */
} packet;

static void note_ctl(packet *k, uint32_t who, uint8_t what) {
  k->rec.ctl[k->ctl] = who;
  k->rec.ctl_what[k->ctl++] = what;
  k->wants = true;
}

static void put_refused(packet *k) {
  for (uint32_t i = 0; i < k->b->refused_count && k->ctl < CTL_PER_PACKET; i++) {
    if (k->b->refused_sent[i]) continue;
    al_frame f = {.type = AL_FRAME_RESET, .stream = k->b->refused[i], .reason = REASON_RESOURCE};
    al_frame_put(&k->w, &f);
    k->b->refused_sent[i] = true;
    note_ctl(k, f.stream, NEED_REFUSED);
  }
}

static void put_control(packet *k, al_stream_item *st) {
  al_frame f = {.stream = st->wire_id, .reason = st->reason};
  uint64_t credit = st->rx_used + st->window;
  if (st->need & (NEED_OPEN | NEED_OPENED)) {
    f.type = st->need & NEED_OPEN ? AL_FRAME_OPEN : AL_FRAME_OPENED;
    f.offset = al_min_u64(credit, UINT32_MAX);
    f.target = (al_stream_target){st->target_kind, st->target_port,
                                  al_view(st->target_host, st->target_len)};
    al_frame_put(&k->w, &f);
    st->rx_credit = al_max_u64(st->rx_credit, f.offset);
    if (st->need & NEED_OPEN) k->opening = st;
  }
  if (st->need & NEED_CREDIT) {
    f.type = AL_FRAME_CREDIT;
    f.offset = al_min_u64(credit, AL_STREAM_OFFSET_MAX);
    al_frame_put(&k->w, &f);
    st->rx_credit = al_max_u64(st->rx_credit, f.offset);
  }
  if (st->need & NEED_RESET) {
    f.type = AL_FRAME_RESET;
    al_frame_put(&k->w, &f);
  }
}

static void put_controls(packet *k) {
  put_refused(k);
  while (k->b->ctl.head != 0 && k->ctl < CTL_PER_PACKET &&
         al_wr_left(&k->w) >= AL_FRAME_OPEN_BYTES_MAX) {
    al_stream_item *st = al_stream_at(k->ss, k->b->ctl.head);
    put_control(k, st);
    note_ctl(k, st->self, st->need);
    st->need = 0;
    al_list_drop(k->ss, &k->b->ctl, LIST_CTL, st);
  }
}

static void put_data(packet *k, const al_stream_item *st, uint64_t offset, size_t len, bool fin) {
  al_frame f = {.type = fin ? AL_FRAME_DATA_FIN : AL_FRAME_DATA,
                .stream = st->wire_id,
                .offset = offset,
                .bytes = {NULL, len}};
  uint8_t *to = al_frame_put_data(&k->w, &f);
  if (len != 0) al_ring_copy(&st->tx, (size_t)(offset - st->tx_una), to, len);
  k->rec.stream = st->self;
  k->rec.offset_low = (uint32_t)offset;
  k->rec.offset_high = (uint16_t)(offset >> 32);
  k->rec.len = (uint16_t)len;
  k->rec.fin = fin;
  k->wants = true;
}

/* The oldest lost piece, of this path before others. False when it does not fit. */
static bool put_lost(packet *k) {
  for (uint32_t i = 0; i < AL_BUNDLE_PATHS_MAX; i++) {
    uint32_t path = (k->path + i) % AL_BUNDLE_PATHS_MAX;
    al_path *p = k->b->paths[path];
    if (p == NULL || p->lost == 0) continue;
    while (al_sent_at(k->ss, p, p->lost_pn)->state != SENT_LOST) p->lost_pn++;
    const al_sent *r = al_sent_at(k->ss, p, p->lost_pn);
    size_t space = al_wr_left(&k->w) - AL_FRAME_DATA_HEADER_BYTES;
    if (al_wr_left(&k->w) < AL_FRAME_DATA_HEADER_BYTES || (space == 0 && r->len != 0)) return false;
    size_t len = al_min_size(r->len, space);
    const al_stream_item *st = al_stream_at(k->ss, r->stream);
    put_data(k, st, al_sent_offset(r), len, r->fin && len == r->len);
    k->old = true;
    k->old_path = path;
    k->old_pn = p->lost_pn;
    al_count(k->ss->c.counters, AL_COUNT_stream_retransmit);
    return true;
  }
  return false;
}

static void put_new(packet *k) {
  if (al_wr_left(&k->w) <= AL_FRAME_DATA_HEADER_BYTES || k->b->tx.head == 0) return;
  al_stream_item *st = al_stream_at(k->ss, k->b->tx.head);
  uint64_t end = st->tx_una + al_ring_len(&st->tx);
  uint64_t len = al_min_u64(end, al_max_u64(st->tx_credit, st->tx_next)) - st->tx_next;
  len = al_min_u64(len, al_wr_left(&k->w) - AL_FRAME_DATA_HEADER_BYTES);
  bool fin = st->shut && st->tx_next + len == end;
  put_data(k, st, st->tx_next, (size_t)len, fin);
  st->tx_next += len;
  if (fin) st->fin_sent = true;
  al_list_drop(k->ss, &k->b->tx, LIST_TX, st);
  al_stream_sendable(k->ss, st);
}

/* The first bytes of a stream, with its OPEN. */
static bool put_with_open(packet *k) {
  al_stream_item *st = k->opening;
  if (st == NULL || !st->early || st->tx_next != 0 || st->fin_sent) return false;
  size_t all = al_ring_len(&st->tx);
  if (al_wr_left(&k->w) <= AL_FRAME_DATA_HEADER_BYTES || (all == 0 && !st->shut)) return false;
  size_t len = al_min_size(all, al_wr_left(&k->w) - AL_FRAME_DATA_HEADER_BYTES);
  bool fin = st->shut && len == all;
  put_data(k, st, 0, len, fin);
  st->tx_next = len;
  if (fin) st->fin_sent = true;
  return true;
}

/* The new record takes the place of the lost one, or of the part of it that it carries. */
static void replace_lost(packet *k, uint32_t ref) {
  al_path *p = k->b->paths[k->old_path];
  al_sent *old = al_sent_at(k->ss, p, k->old_pn);
  al_stream_item *st = al_stream_at(k->ss, old->stream);
  uint32_t old_ref = al_flight_ref(k->ss, p, k->old_path, k->old_pn);
  al_flight_link(k->b, st, ref, old_ref);
  if (k->rec.len < old->len) {
    uint64_t offset = al_sent_offset(old) + k->rec.len;
    old->offset_low = (uint32_t)offset;
    old->offset_high = (uint16_t)(offset >> 32);
    old->len = (uint16_t)(old->len - k->rec.len);
    return;
  }
  al_flight_unlink(k->b, st, old_ref);
  al_flight_settle(k->ss, p, old);
  if (p->closed && p->lost == 0) al_path_drop(k->ss, k->b, k->old_path);
}

/* The packet counts as sent from here on. */
static void commit(packet *k, al_time now) {
  al_path *p = k->p;
  uint32_t pn = p->next_pn++;
  al_sent *r = al_sent_at(k->ss, p, pn);
  p->packets_tx++;
  *r = k->rec;
  if (!k->wants) {
    al_flight_settle(k->ss, p, r);
    return;
  }
  if (p->flight++ == 0) {
    p->first_us = p->delivered_us = (uint32_t)now;
    p->probe_from = now;
  }
  r->state = SENT_FLIGHT;
  r->at_us = (uint32_t)now;
  r->first_us = p->first_us;
  r->delivered = p->delivered;
  r->delivered_us = p->delivered_us;
  uint32_t ref = al_flight_ref(k->ss, p, k->path, pn);
  if (k->old)
    replace_lost(k, ref);
  else if (r->stream != 0)
    al_flight_link(k->b, al_stream_at(k->ss, r->stream), ref, 0);
  if (!has_frames(k->ss, k->b, p) && p->flight < al_cc_window(&p->cc))
    p->limited_to = p->delivered + p->flight;
  r->limited = (int32_t)(p->limited_to - p->delivered) > 0;
  al_cc_sent(&p->cc, now);
  if (p->silent_since == AL_TIME_NEVER) p->silent_since = now;
  if (p->probes != 0) p->probes--;
}

bool al_bundle_fill(al_streams *ss, al_bundle h, uint32_t path, al_time now, uint8_t *payload) {
  al_bundle_item *b = al_bundle_at(ss, h);
  al_path *p = al_path_open(b, path);
  if (p == NULL || wants(ss, b, p, now) != AL_BUNDLE_WANT_NOW) return false;
  packet k = {.ss = ss, .b = b, .p = p, .path = path};
  k.w = al_wr_init(payload, b->payload_bytes);
  al_wr_u8(&k.w, AL_STREAM_KIND_BUNDLE);
  al_wr_u32(&k.w, p->next_pn);
  bool repair = may_send(p, now) && has_repair(ss, b, p);
  bool fresh = may_send(p, now) && has_new(ss, b, p);
  if (p->acks.waiting != 0) {
    put_have(ss, b, p, &k.w);
    al_acks_put(&p->acks, &k.w, now, repair || fresh ? RUNS_WITH_DATA : AL_FRAME_ACK_RUNS_MAX);
  }
  if (repair && p->ping) {
    al_frame_put(&k.w, &(al_frame){.type = AL_FRAME_PING});
    p->ping = false;
    k.wants = true;
  }
  if (fresh) put_controls(&k);
  bool full = put_with_open(&k) || (repair && in_use(b, p) && put_lost(&k));
  if (!full && fresh) put_new(&k);
  AL_ASSERT(al_wr_ok(&k.w));
  al_wr_zero(&k.w, al_wr_left(&k.w));
  commit(&k, now);
  arm(ss, h, b, now, false);
  return true;
}
