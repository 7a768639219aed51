/* bundle.c — bundles and their paths, and what arrives on them. */
#include "stream/internal.h"

enum {
  OPENS_PER_PACKET = REFUSED_MAX, /* so that each can be refused */
  REQUESTS_MAX = 256,             /* of one bundle, not answered */
};

static size_t path_bytes(const al_streams *ss) {
  return sizeof(al_path) + ss->c.packets_max * sizeof(al_sent);
}

al_err al_bundle_open(al_streams *ss, bool initiator, uint32_t user, al_bundle *ret) {
  if (al_slab_count(&ss->bundles) >= ss->c.bundles_max) return AL_EFULL;
  uint64_t want = (uint64_t)al_slab_count(&ss->streams) + SPARE_STREAMS;
  al_err e = al_slab_reserve(&ss->streams, (uint32_t)al_min_u64(want, ss->c.streams_max));
  if (e != AL_OK) return e;
  void *item;
  al_bundle h = al_slab_take(&ss->bundles, &item);
  if (h == 0) return AL_ENOMEM;
  al_bundle_item *b = item;
  b->user = user;
  b->initiator = initiator;
  b->next_id = initiator ? 0 : 1;
  b->payload_bytes = AL_STREAM_PAYLOAD_BYTES;
  ss->by_index[al_slab_index(h)] = h;
  *ret = h;
  return AL_OK;
}

void al_bundle_set_payload(al_streams *ss, al_bundle h, uint32_t bytes) {
  al_bundle_item *b = al_bundle_at(ss, h);
  AL_ASSERT(bytes >= AL_STREAM_PAYLOAD_BYTES_MIN && bytes <= AL_STREAM_PAYLOAD_BYTES);
  if (b != NULL) b->payload_bytes = bytes;
}

al_err al_bundle_add_path(al_streams *ss, al_bundle h, uint32_t path, al_time now,
                          uint32_t rtt_us) {
  al_bundle_item *b = al_bundle_at(ss, h);
  if (b == NULL) return AL_ENOTFOUND;
  if (path >= AL_BUNDLE_PATHS_MAX) return AL_EINVAL;
  if (b->paths[path] != NULL) return AL_ESTATE;
  al_path *p = al_new(ss->c.alloc, path_bytes(ss));
  if (p == NULL) return AL_ENOMEM;
  p->silent_since = AL_TIME_NEVER;
  p->rx_at = now;
  p->rx_gap_us = UINT32_MAX / 8;
  al_acks_init(&p->acks);
  al_cc_init(&p->cc, now, rtt_us, ss->c.packets_max - ss->c.packets_max / 8);
  b->paths[path] = p;
  al_bundle_choose(ss, b);
  al_bundle_touch(ss, h, b, now);
  return AL_OK;
}

static void lose_all(al_streams *ss, al_bundle_item *b, uint32_t path) {
  al_path *p = b->paths[path];
  uint32_t end = p->next_pn;
  for (uint32_t pn = p->open_pn; pn != end; pn++)
    if (al_sent_at(ss, p, pn)->state == SENT_FLIGHT) al_flight_lost(ss, b, path, pn);
}

/* What a path that is suspected had under way goes out again on the one that takes its place; there
 * it keeps sending PINGs, to see whether it lives. */
void al_bundle_choose(al_streams *ss, al_bundle_item *b) {
  const al_path *now = al_path_open(b, b->active);
  if (now != NULL && !now->suspected) return;
  uint32_t best = AL_BUNDLE_PATHS_MAX;
  for (uint32_t i = 0; i < AL_BUNDLE_PATHS_MAX; i++) {
    const al_path *p = al_path_open(b, i);
    if (p == NULL || (p->suspected && now != NULL)) continue;
    if (best == AL_BUNDLE_PATHS_MAX || al_path_open(b, best)->suspected) best = i;
  }
  if (best == AL_BUNDLE_PATHS_MAX) return;
  if (now != NULL) lose_all(ss, b, b->active);
  b->active = (uint8_t)best;
}

void al_bundle_note(al_streams *ss, al_bundle h, al_bundle_item *b, uint32_t path, bool suspect) {
  uint8_t *which = suspect ? &b->suspect_paths : &b->silent_paths;
  *which = (uint8_t)(*which | 1u << path);
  if (b->silent) return;
  b->silent = true;
  b->silent_next = ss->silent_head;
  ss->silent_head = h;
}

void al_path_drop(al_streams *ss, al_bundle_item *b, uint32_t path) {
  al_stream_bury(ss, &b->paths[path]->dead, path_bytes(ss));
  b->paths[path] = NULL;
}

void al_bundle_path_lost(al_streams *ss, al_bundle h, uint32_t path, al_time now) {
  al_bundle_item *b = al_bundle_at(ss, h);
  if (b == NULL || path >= AL_BUNDLE_PATHS_MAX || b->paths[path] == NULL) return;
  al_path *p = b->paths[path];
  if (p->closed) return;
  p->closed = true;
  p->silent_since = AL_TIME_NEVER;
  lose_all(ss, b, path);
  b->suspect_paths = (uint8_t)(b->suspect_paths & ~(1u << path));
  b->silent_paths = (uint8_t)(b->silent_paths & ~(1u << path));
  if (p->lost == 0) al_path_drop(ss, b, path);
  al_bundle_choose(ss, b);
  al_bundle_touch(ss, h, b, now);
}

al_err al_bundle_move_path(al_streams *ss, const al_bundle_mover *m, uint32_t *ret_path) {
  al_bundle_item *from = al_bundle_at(ss, m->from), *to = al_bundle_at(ss, m->to);
  al_path *p = al_path_open(from, m->path);
  uint32_t at = 0;
  if (p == NULL || to == NULL) return AL_ENOTFOUND;
  if (p->open_pn != p->next_pn) return AL_ESTATE;
  while (at < AL_BUNDLE_PATHS_MAX && to->paths[at] != NULL) at++;
  if (at == AL_BUNDLE_PATHS_MAX) return AL_EFULL;
  from->paths[m->path] = NULL;
  to->paths[at] = p;
  p->rx_at = m->now;
  p->ping = true; /* its round trip is known when it is needed */
  al_bundle_choose(ss, to);
  al_bundle_touch(ss, m->to, to, m->now);
  *ret_path = at;
  return AL_OK;
}

void al_bundle_ping(al_streams *ss, al_bundle h, uint32_t path, al_time now) {
  al_bundle_item *b = al_bundle_at(ss, h);
  al_path *p = al_path_open(b, path);
  if (p == NULL) return;
  p->ping = true;
  al_bundle_touch(ss, h, b, now);
}

static void dirty_drop(al_streams *ss, al_bundle h, al_bundle_item *b) {
  if (!b->dirty) return;
  al_bundle before = 0;
  for (al_bundle at = ss->dirty_head; at != h; at = al_bundle_at(ss, at)->dirty_next) before = at;
  if (before != 0)
    al_bundle_at(ss, before)->dirty_next = b->dirty_next;
  else
    ss->dirty_head = b->dirty_next;
  if (ss->dirty_tail == h) ss->dirty_tail = before;
}

static void silent_drop(al_streams *ss, al_bundle h, al_bundle_item *b) {
  if (!b->silent) return;
  uint32_t *link = &ss->silent_head;
  while (*link != h) link = &al_bundle_at(ss, *link)->silent_next;
  *link = b->silent_next;
}

void al_bundle_close(al_streams *ss, al_bundle h, uint8_t reason) {
  al_bundle_item *b = al_bundle_at(ss, h);
  if (b == NULL) return;
  uint32_t cursor = 0;
  al_stream s;
  while ((s = al_slab_each(&ss->streams, &cursor)) != 0) {
    al_stream_item *st = al_stream_at(ss, s);
    if (st->bundle != h || st->state == STREAM_ENDED) continue;
    bool told = st->state == STREAM_RESETTING && !(st->events & EV_RESET);
    al_stream_end(ss, st, told ? 0 : EV_RESET, told ? 0 : reason);
  }
  for (uint32_t i = 0; i < AL_BUNDLE_PATHS_MAX; i++)
    if (b->paths[i] != NULL) al_path_drop(ss, b, i);
  dirty_drop(ss, h, b);
  silent_drop(ss, h, b);
  al_heap_set(&ss->timers, al_slab_index(h), AL_TIME_NEVER);
  ss->by_index[al_slab_index(h)] = 0;
  al_slab_drop(&ss->bundles, h);
}

/* ---- arrival ---- */

/* Ids of the peer's streams are halved here: both parities count 0, 1, 2, ... */
static bool id_fresh(const al_bundle_item *b, uint32_t id) {
  uint32_t k = id >> 1, bit = k % SEEN_IDS;
  if (!b->seen_any || k > b->seen_top) return true;
  return b->seen_top - k < SEEN_IDS && (b->seen[bit / 64] >> bit % 64 & 1) == 0;
}

static void id_take(al_bundle_item *b, uint32_t id) {
  uint32_t k = id >> 1;
  if (!b->seen_any || k > b->seen_top) {
    uint32_t from = b->seen_any ? b->seen_top + 1 : k;
    if (k - from >= SEEN_IDS) memset(b->seen, 0, sizeof b->seen);
    for (uint32_t i = from; k - from < SEEN_IDS && i <= k; i++)
      b->seen[i % SEEN_IDS / 64] &= ~((uint64_t)1 << i % 64);
    b->seen_top = k;
    b->seen_any = true;
  }
  b->seen[k % SEEN_IDS / 64] |= (uint64_t)1 << k % 64;
}

static bool id_of_peer(const al_bundle_item *b, uint32_t id) {
  return (id & 1) == (b->initiator ? 1 : 0);
}

typedef struct arrival {
  al_streams *ss;
  al_bundle h;
  al_bundle_item *b;
  uint32_t path;
  al_time now;
  uint32_t opens;
  bool wants, urgent; /* an acknowledgement; at once */
  bool asks;          /* there is an OPEN so far ... */
  uint32_t asked;     /* ... the last one of this stream */
  bool too_early;     /* data for a stream that is not accepted yet */
  bool data;
} arrival;

static void refuse(arrival *a, uint32_t id) {
  bool room = al_bundle_cancel(a->ss, a->h, id);
  AL_ASSERT(room); /* as many as that are let in */
  al_count(a->ss->c.counters, AL_COUNT_stream_full);
}

bool al_bundle_cancel(al_streams *ss, al_bundle h, uint32_t wire_id) {
  al_bundle_item *b = al_bundle_at(ss, h);
  if (b->refused_count >= REFUSED_MAX) return false;
  b->refused[b->refused_count] = wire_id;
  b->refused_sent[b->refused_count++] = false;
  return true;
}

static void rx_open(arrival *a, const al_frame *f) {
  al_streams *ss = a->ss;
  if (!id_fresh(a->b, f->stream)) {
    al_count(ss->c.counters, AL_COUNT_stream_duplicate);
    return;
  }
  id_take(a->b, f->stream);
  void *item = NULL;
  al_stream s = 0;
  if (a->b->requests < REQUESTS_MAX) s = al_slab_take_noalloc(&ss->streams, &item);
  if (s == 0) {
    refuse(a, f->stream);
    return;
  }
  al_stream_item *st = item;
  st->self = s;
  st->bundle = a->h;
  st->bundle_user = a->b->user;
  st->wire_id = f->stream;
  st->state = STREAM_REQUEST;
  st->rx_end = NO_END;
  st->tx_credit = f->offset;
  st->direct = f->target.host;
  st->target_kind = f->target.kind;
  st->target_port = f->target.port;
  al_err e = al_map_put_u64(&ss->by_wire, (uint64_t)a->h << 32 | f->stream, s);
  AL_ASSERT(e == AL_OK); /* as many places as stream items; fresh ids are not in */
  a->b->streams++;
  a->b->requests++;
  al_stream_tell(ss, st, EV_REQUEST);
}

/* The peer accepted: it says so, or behaves so (its OPENED may come later than what follows it). */
static void opened(al_streams *ss, al_stream_item *st) {
  if (st->state != STREAM_OPENING) return;
  st->state = STREAM_OPEN;
  st->need &= (uint8_t)~NEED_OPEN;
  if (st->need == 0) al_list_drop(ss, &al_bundle_at(ss, st->bundle)->ctl, LIST_CTL, st);
  al_stream_tell(ss, st, EV_OPENED);
}

static void rx_reset(arrival *a, al_stream_item *st, const al_frame *f) {
  if (st->state == STREAM_RESETTING)
    al_stream_end(a->ss, st, st->events & EV_RESET, st->reason);
  else
    al_stream_end(a->ss, st, EV_RESET, f->reason);
}

static void rx_have(arrival *a, al_stream_item *st, const al_frame *f) {
  if (st->state != STREAM_OPEN && f->offset != 0) return; /* of a stream that we have not sent on */
  if (f->offset <= st->tx_next) {
    al_flight_have(a->ss, a->b, st, f->offset);
    return;
  }
  al_count(a->ss->c.counters, AL_COUNT_stream_state);
  al_stream_fail(a->ss, st, REASON_PROTOCOL);
}

/* What came with OPEN is handed out with the request. A second copy adds nothing. */
static void rx_with_open(al_stream_item *st, const al_frame *f) {
  if (st->rx_next != 0 || st->rx_end != NO_END) return;
  st->with_open = f->bytes;
  st->rx_next = st->rx_given = st->rx_high = f->bytes.len;
  if (f->type == AL_FRAME_DATA_FIN) st->rx_end = f->bytes.len;
}

static void rx_stream(arrival *a, al_stream_item *st, const al_frame *f) {
  al_streams *ss = a->ss;
  bool answered = f->type != AL_FRAME_DATA && f->type != AL_FRAME_DATA_FIN;
  if (f->type == AL_FRAME_RESET) {
    rx_reset(a, st, f);
    return;
  }
  if (st->state == STREAM_RESETTING) return;
  if (f->type == AL_FRAME_HAVE) {
    rx_have(a, st, f);
    return;
  }
  bool old = st->state == STREAM_OPEN && f->offset + f->bytes.len <= st->rx_next;
  opened(ss, st);
  if (answered) {
    st->tx_credit = al_max_u64(st->tx_credit, f->offset);
    al_stream_sendable(ss, st);
  } else if (st->state == STREAM_REQUEST) {
    rx_with_open(st, f);
  } else if (st->state != STREAM_OPEN) {
    al_count(ss->c.counters, AL_COUNT_stream_window);
    al_stream_fail(ss, st, REASON_PROTOCOL);
  } else if (!al_recv_data(ss, st, f)) {
    al_stream_fail(ss, st, REASON_PROTOCOL);
  } else {
    a->b->came = st->self;
    if (old) a->b->paths[a->path]->have = st->self; /* its acknowledgement was lost: say it */
  }
}

static void rx_frame(arrival *a, const al_frame *f) {
  if (f->type == AL_FRAME_ACK) {
    bool known = al_flight_ack(a->ss, a->b, a->path, a->now, f);
    AL_ASSERT(known); /* checked by packet_ok */
    return;
  }
  if (f->type == AL_FRAME_PING) { /* another path may be dead, with acknowledgements on it */
    a->b->paths[a->path]->have = a->b->came;
    return;
  }
  if (f->type == AL_FRAME_OPEN) {
    rx_open(a, f);
    return;
  }
  uint32_t s;
  if (al_map_find_u64(&a->ss->by_wire, (uint64_t)a->h << 32 | f->stream, &s)) {
    rx_stream(a, al_stream_at(a->ss, s), f);
    return;
  }
  al_count(a->ss->c.counters, AL_COUNT_stream_unknown);
  /* A RESET that overtook its OPEN: that OPEN must not count any more. */
  if (f->type == AL_FRAME_RESET && id_of_peer(a->b, f->stream) && id_fresh(a->b, f->stream))
    id_take(a->b, f->stream);
}

/* Data of a stream that is not accepted: it may come with its OPEN, from offset 0; or say nothing
 * new; else there is no place for it yet. False when it makes no sense. */
static bool early_ok(arrival *a, const al_frame *f) {
  uint32_t s;
  if (!id_of_peer(a->b, f->stream)) return true;
  if (al_map_find_u64(&a->ss->by_wire, (uint64_t)a->h << 32 | f->stream, &s)) {
    const al_stream_item *st = al_stream_at(a->ss, s);
    bool old = f->offset + f->bytes.len <= st->rx_next &&
               (f->type == AL_FRAME_DATA || st->rx_end != NO_END);
    if (st->state == STREAM_REQUEST && !old) a->too_early = true;
    return true;
  }
  return !a->asks || a->asked != f->stream || f->offset == 0;
}

/* The whole packet is checked before anything of it counts. */
static bool packet_ok(arrival *a, al_rd r, uint32_t pn) {
  al_frame f;
  while (al_frame_next(&r, &f)) {
    if (f.type == AL_FRAME_ACK && f.largest >= a->b->paths[a->path]->next_pn) return false;
    if (f.type == AL_FRAME_OPEN && !id_of_peer(a->b, f.stream)) return false;
    bool data = f.type == AL_FRAME_DATA || f.type == AL_FRAME_DATA_FIN;
    if (data && (a->asks || a->b->requests != 0) && !early_ok(a, &f)) return false;
    if (f.type == AL_FRAME_OPEN) {
      a->opens++;
      a->asks = true;
      a->asked = f.stream;
    }
    if (f.type != AL_FRAME_ACK && f.type != AL_FRAME_HAVE) a->wants = true;
    if (f.type == AL_FRAME_PING || f.type == AL_FRAME_DATA_FIN) a->urgent = true;
    if (f.type == AL_FRAME_DATA) a->data = true;
  }
  return al_rd_ok(&r) && pn != UINT32_MAX;
}

static al_stream_verdict drop(const al_streams *ss, al_counter why) {
  al_count(ss->c.counters, why);
  return AL_STREAM_DROP;
}

al_stream_verdict al_bundle_rx(al_streams *ss, al_bundle h, uint32_t path, al_time now,
                               al_bytes payload) {
  AL_ASSERT(ss->ready.head == 0); /* events point into packets: they must have been drained */
  arrival a = {.ss = ss, .h = h, .b = al_bundle_at(ss, h), .path = path, .now = now};
  if (a.b == NULL || path >= AL_BUNDLE_PATHS_MAX || a.b->paths[path] == NULL ||
      a.b->paths[path]->closed)
    return drop(ss, AL_COUNT_stream_unknown);
  al_path *p = a.b->paths[path];
  al_rd r = al_rd_init(payload);
  uint8_t kind = al_rd_u8(&r);
  uint32_t pn = al_rd_u32(&r);
  if (payload.len != a.b->payload_bytes || kind != AL_STREAM_KIND_BUNDLE || !packet_ok(&a, r, pn))
    return drop(ss, AL_COUNT_stream_parse);
  if (!al_acks_fresh(&p->acks, pn)) return drop(ss, AL_COUNT_stream_duplicate);
  if (a.too_early) return drop(ss, AL_COUNT_stream_early);
  if (a.opens > (uint32_t)(OPENS_PER_PACKET - a.b->refused_count))
    return drop(ss, AL_COUNT_stream_full);
  p->packets_rx++;
  al_flight_came(p, now);
  if (a.data && a.b->initiator) p->expects = true;
  al_acks_take(&p->acks, pn, now, a.wants, a.urgent);
  al_frame f;
  while (al_frame_next(&r, &f)) rx_frame(&a, &f);
  if (p->rtt.any) al_acks_rtt(&p->acks, al_cc_base(&p->cc));
  al_bundle_touch(ss, h, a.b, now);
  return AL_STREAM_TAKE;
}

bool al_bundle_look(const al_streams *ss, al_bundle h, uint32_t path, al_bundle_info *ret) {
  const al_bundle_item *b = al_bundle_at(ss, h);
  if (b != NULL && path == AL_BUNDLE_PATHS_MAX) {
    *ret = (al_bundle_info){.user = b->user, .streams = b->streams};
    return true;
  }
  if (b == NULL || path >= AL_BUNDLE_PATHS_MAX || b->paths[path] == NULL) return false;
  const al_path *p = b->paths[path];
  *ret = (al_bundle_info){.user = b->user,
                          .streams = b->streams,
                          .in_use = b->active == path && !p->closed,
                          .suspected = p->suspected,
                          .rtt_us = p->rtt.smoothed,
                          .rtt_min_us = al_cc_base(&p->cc),
                          .rtt_var_us = p->rtt.var,
                          .rate = (uint32_t)(al_cc_rate(&p->cc) / AL_CC_RATE_ONE),
                          .delivered_hz = (uint32_t)(al_cc_best(&p->cc) / AL_CC_RATE_ONE),
                          .flight = p->flight,
                          .window = al_cc_window(&p->cc),
                          .packets_tx = p->packets_tx,
                          .packets_rx = p->packets_rx,
                          .packets_lost = p->packets_lost,
                          .silent_since = p->silent_since};
  return true;
}
