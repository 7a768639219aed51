/* table.c — the node-wide table: memory, lists, events, the end of streams. */
#include "stream/internal.h"

/* ---- memory ---- */

static uint32_t or_default(uint32_t v, uint32_t otherwise) { return v != 0 ? v : otherwise; }

static bool config_ok(const al_streams_config *c) {
  return c->streams_max >= 1 && c->streams_max < AL_SLAB_LIMIT_MAX && c->bundles_max >= 1 &&
         c->bundles_max < AL_SLAB_LIMIT_MAX && c->stream_window >= 4096 &&
         c->stream_window <= UINT32_C(1) << 30 && c->packets_max >= 64 &&
         c->packets_max <= AL_STREAM_PACKETS_MAX && (c->packets_max & (c->packets_max - 1)) == 0;
}

al_err al_streams_init(al_streams *ss, const al_streams_config *c) {
  memset(ss, 0, sizeof *ss);
  al_streams_config k = *c;
  k.stream_window = or_default(k.stream_window, UINT32_C(8) << 20) & ~UINT32_C(63);
  k.packets_max = or_default(k.packets_max, AL_STREAM_PACKETS_MAX);
  k.silence_us = or_default(k.silence_us, 30 * (uint32_t)AL_SECOND);
  if (!config_ok(&k)) return AL_EINVAL;
  ss->c = k;
  uint8_t secret[AL_MAP_SECRET_BYTES];
  al_rng_bytes(k.rng, secret, sizeof secret);
  al_err e = al_slab_init(&ss->streams, k.alloc, sizeof(al_stream_item), k.streams_max);
  if (e == AL_OK) e = al_slab_init(&ss->bundles, k.alloc, sizeof(al_bundle_item), k.bundles_max);
  if (e == AL_OK) e = al_map_init(&ss->by_wire, k.alloc, 8, k.streams_max, secret);
  if (e == AL_OK) e = al_heap_init(&ss->timers, k.alloc, k.bundles_max);
  if (e == AL_OK) {
    ss->by_index = al_new_array(k.alloc, k.bundles_max, sizeof *ss->by_index);
    if (ss->by_index == NULL) e = AL_ENOMEM;
  }
  al_wipe(secret, sizeof secret);
  if (e != AL_OK) al_streams_clear(ss);
  return e;
}

void al_streams_clear(al_streams *ss) {
  uint32_t cursor = 0, h;
  if (ss->bundles.alloc != NULL && ss->streams.alloc != NULL && ss->by_index != NULL) {
    while ((h = al_slab_each(&ss->bundles, &cursor)) != 0) al_bundle_close(ss, h, REASON_SHUTDOWN);
    al_stream_event ev;
    while (al_streams_event(ss, &ev)) {
    }
    cursor = 0;
    while ((h = al_slab_each(&ss->streams, &cursor)) != 0)
      al_stream_end(ss, al_stream_at(ss, h), 0, 0);
    al_streams_reap(ss);
    al_delete(ss->c.alloc, ss->by_index, ss->c.bundles_max * sizeof *ss->by_index);
  }
  al_heap_clear(&ss->timers);
  al_map_clear(&ss->by_wire);
  al_slab_clear(&ss->bundles);
  al_slab_clear(&ss->streams);
  memset(ss, 0, sizeof *ss);
}

void al_stream_bury(al_streams *ss, al_dead *d, size_t bytes) {
  d->next = ss->dead;
  d->bytes = bytes;
  ss->dead = d;
}

void al_streams_reap(al_streams *ss) {
  while (ss->dead != NULL) {
    al_dead *d = ss->dead;
    ss->dead = d->next;
    al_delete(ss->c.alloc, d, d->bytes);
  }
}

/* ---- lists ---- */

void al_list_push(al_streams *ss, al_list *l, al_list_kind k, al_stream_item *st) {
  if (st->on & 1u << k) return;
  st->on = (uint8_t)(st->on | 1u << k);
  st->links[k].prev = l->tail;
  st->links[k].next = 0;
  if (l->tail != 0)
    al_stream_at(ss, l->tail)->links[k].next = st->self;
  else
    l->head = st->self;
  l->tail = st->self;
}

void al_list_drop(al_streams *ss, al_list *l, al_list_kind k, al_stream_item *st) {
  if (!(st->on & 1u << k)) return;
  st->on = (uint8_t)(st->on & ~(1u << k));
  al_stream prev = st->links[k].prev, next = st->links[k].next;
  if (prev != 0)
    al_stream_at(ss, prev)->links[k].next = next;
  else
    l->head = next;
  if (next != 0)
    al_stream_at(ss, next)->links[k].prev = prev;
  else
    l->tail = prev;
}

void al_stream_tell(al_streams *ss, al_stream_item *st, uint8_t event) {
  st->events = (uint8_t)(st->events | event);
  al_list_push(ss, &ss->ready, LIST_READY, st);
}

void al_stream_need(al_streams *ss, al_stream_item *st, uint8_t what) {
  al_bundle_item *b = al_bundle_at(ss, st->bundle);
  if (st->state != STREAM_OPENING) what &= (uint8_t)~NEED_OPEN;
  if (st->state != STREAM_OPEN) what &= (uint8_t) ~(NEED_OPENED | NEED_CREDIT);
  if (st->state != STREAM_RESETTING) what &= (uint8_t)~NEED_RESET;
  if (b == NULL || what == 0) return;
  st->need = (uint8_t)(st->need | what);
  al_list_push(ss, &b->ctl, LIST_CTL, st);
}

void al_stream_sendable(al_streams *ss, al_stream_item *st) {
  al_bundle_item *b = al_bundle_at(ss, st->bundle);
  if (b == NULL) return;
  uint64_t end = st->tx_una + al_ring_len(&st->tx);
  bool data = st->tx_next < end && st->tx_next < st->tx_credit;
  bool fin = st->shut && !st->fin_sent && st->tx_next == end;
  if (st->state == STREAM_OPEN && (data || fin))
    al_list_push(ss, &b->tx, LIST_TX, st);
  else
    al_list_drop(ss, &b->tx, LIST_TX, st);
}

void al_bundle_dirty(al_streams *ss, al_bundle h, al_bundle_item *b) {
  if (b->dirty) return;
  b->dirty = true;
  b->dirty_next = 0;
  if (ss->dirty_tail != 0)
    al_bundle_at(ss, ss->dirty_tail)->dirty_next = h;
  else
    ss->dirty_head = h;
  ss->dirty_tail = h;
}

/* ---- the end of a stream ---- */

static uint64_t wire_key(const al_stream_item *st) {
  return (uint64_t)st->bundle << 32 | st->wire_id;
}

/* Nothing of its data is sent or sent again; the packets themselves stay under way. */
static void forget_records(al_streams *ss, al_bundle_item *b, al_stream_item *st) {
  for (uint32_t ref = st->tx_first; ref != 0;) {
    al_sent *r = al_sent_ref(b, ref);
    al_path *p = b->paths[(ref - 1) >> REF_PATH_SHIFT];
    ref = r->next;
    r->stream = 0;
    r->prev = r->next = 0;
    if (r->state == SENT_LOST) al_flight_settle(ss, p, r);
  }
  st->tx_first = st->tx_last = 0;
}

static void release(al_streams *ss, al_stream_item *st) {
  al_list_drop(ss, &ss->ready, LIST_READY, st);
  if (st->block != NULL) al_stream_bury(ss, st->block, st->block->bytes);
  al_slab_drop(&ss->streams, st->self);
}

/* Off the bundle: after this nothing of the stream is sent. */
void al_stream_leave(al_streams *ss, al_stream_item *st) {
  al_bundle_item *b = al_bundle_at(ss, st->bundle);
  if (b == NULL) return;
  forget_records(ss, b, st);
  al_list_drop(ss, &b->tx, LIST_TX, st);
  al_list_drop(ss, &b->ctl, LIST_CTL, st);
  st->need = 0;
  if (al_map_drop_u64(&ss->by_wire, wire_key(st), NULL)) b->streams--;
  if (st->state == STREAM_REQUEST) b->requests--;
}

void al_stream_end(al_streams *ss, al_stream_item *st, uint8_t event, uint8_t reason) {
  al_stream_leave(ss, st);
  st->state = STREAM_ENDED;
  st->reason = reason;
  if (event == 0)
    release(ss, st);
  else
    al_stream_tell(ss, st, event);
}

/* The item stays, on its bundle, until the peer has acknowledged RESET. */
void al_stream_linger(al_streams *ss, al_stream_item *st, uint8_t reason) {
  al_bundle_item *b = al_bundle_at(ss, st->bundle);
  forget_records(ss, b, st);
  al_list_drop(ss, &b->tx, LIST_TX, st);
  if (st->state == STREAM_REQUEST) b->requests--;
  st->state = STREAM_RESETTING;
  st->need = 0;
  st->reason = reason;
  al_stream_need(ss, st, NEED_RESET);
}

void al_stream_fail(al_streams *ss, al_stream_item *st, uint8_t reason) {
  al_stream_linger(ss, st, reason);
  al_stream_tell(ss, st, EV_RESET);
}

void al_stream_closed(al_streams *ss, al_stream_item *st) {
  if (st->state == STREAM_OPEN && st->fin_acked && st->fin_told && st->tx_first == 0)
    al_stream_end(ss, st, EV_CLOSED, REASON_DONE);
}

/* ---- events ---- */

/* The next event of a stream that has some; false when its flags came to nothing. */
static bool event_of(al_streams *ss, al_stream_item *st, al_stream_event *ev) {
  if (st->events & EV_REQUEST) {
    st->events &= (uint8_t)~EV_REQUEST;
    ev->kind = AL_STREAM_EV_REQUEST;
    ev->target = (al_stream_target){st->target_kind, st->target_port, st->direct};
    ev->data = st->with_open;
    st->direct = st->with_open = (al_bytes){NULL, 0};
  } else if (st->events & EV_OPENED) {
    st->events &= (uint8_t)~EV_OPENED;
    ev->kind = AL_STREAM_EV_OPENED;
  } else if (st->events & EV_DATA) {
    ev->kind = AL_STREAM_EV_DATA;
    if (al_recv_event(st, &ev->data)) return true;
    st->events &= (uint8_t)~EV_DATA;
    return false;
  } else if (st->events & EV_FIN) {
    st->events &= (uint8_t)~EV_FIN;
    st->fin_told = true;
    ev->kind = AL_STREAM_EV_FIN;
    al_stream_closed(ss, st);
  } else if (st->events & EV_WRITABLE) {
    st->events &= (uint8_t)~EV_WRITABLE;
    ev->kind = AL_STREAM_EV_WRITABLE;
    ev->count = (uint32_t)al_ring_space(&st->tx);
  } else if (st->events & EV_RESET) {
    ev->kind = AL_STREAM_EV_RESET;
  } else {
    ev->kind = AL_STREAM_EV_CLOSED;
  }
  return true;
}

static bool silent_event(al_streams *ss, al_stream_event *ev) {
  while (ss->silent_head != 0) {
    al_bundle h = ss->silent_head;
    al_bundle_item *b = al_bundle_at(ss, h);
    uint8_t *which = b->suspect_paths != 0 ? &b->suspect_paths : &b->silent_paths;
    if (*which == 0) {
      ss->silent_head = b->silent_next;
      b->silent = false;
      continue;
    }
    *ev = (al_stream_event){.kind = AL_STREAM_EV_SILENT, .bundle = h, .bundle_user = b->user};
    if (which == &b->suspect_paths) ev->kind = AL_STREAM_EV_SUSPECT;
    ev->path = (uint8_t)__builtin_ctz(*which);
    *which = (uint8_t)(*which & (*which - 1));
    return true;
  }
  return false;
}

bool al_streams_event(al_streams *ss, al_stream_event *ret) {
  while (ss->ready.head != 0) {
    al_stream_item *st = al_stream_at(ss, ss->ready.head);
    if (st->events == 0) {
      al_list_drop(ss, &ss->ready, LIST_READY, st);
      continue;
    }
    al_stream_event ev = {.stream = st->self,
                          .bundle = st->bundle,
                          .user = st->user,
                          .bundle_user = st->bundle_user,
                          .reason = st->reason};
    if (!event_of(ss, st, &ev)) continue;
    *ret = ev;
    if (ev.kind != AL_STREAM_EV_RESET && ev.kind != AL_STREAM_EV_CLOSED) return true;
    st->events = 0;
    if (st->state == STREAM_ENDED)
      release(ss, st);
    else
      al_list_drop(ss, &ss->ready, LIST_READY, st);
    return true;
  }
  return silent_event(ss, ret);
}
