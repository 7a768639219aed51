/* command.c — what the host asks of streams. Only here, and when bundles are made, is memory asked
 * for; and here the memory of streams that ended is given back. */
#include "stream/internal.h"

/* A stream the host may still talk about. */
static al_stream_item *live(const al_streams *ss, al_stream s) {
  al_stream_item *st = al_stream_at(ss, s);
  if (st == NULL || st->state == STREAM_ENDED || st->state == STREAM_RESETTING) return NULL;
  return st;
}

/* The block: al_dead, one bit for each byte of the receive ring, both rings, the target's host. */
static al_err get_block(al_streams *ss, al_stream_item *st, size_t host_len) {
  uint64_t window = ss->c.stream_window;
  uint64_t bytes = sizeof(al_dead) + window / 8 + 2 * window + host_len;
  if (bytes > SIZE_MAX / 2) return AL_ENOMEM;
  uint8_t *at = al_new(ss->c.alloc, (size_t)bytes);
  if (at == NULL) return AL_ENOMEM;
  st->block = (al_dead *)(void *)at;
  st->block->bytes = (size_t)bytes;
  at += sizeof(al_dead);
  st->rx_bits = (uint64_t *)(void *)at;
  at += window / 8;
  st->tx = al_ring_init(at, (size_t)window);
  at += window;
  st->rx_ring = at;
  st->target_host = at + window;
  st->window = (uint32_t)window;
  return AL_OK;
}

/* Free items for what peers will ask for; not having them only means to refuse those. */
static void spare(al_streams *ss) {
  uint64_t want = (uint64_t)al_slab_count(&ss->streams) + SPARE_STREAMS;
  (void)al_slab_reserve(&ss->streams, (uint32_t)al_min_u64(want, ss->c.streams_max));
}

al_err al_streams_open(al_streams *ss, al_time now, al_bundle b, const al_stream_target *t,
                       al_stream *ret) {
  if (b != 0 && al_bundle_at(ss, b) == NULL) return AL_ENOTFOUND;
  if (!al_frame_target_ok(t)) return AL_EINVAL;
  if (al_slab_count(&ss->streams) >= ss->c.streams_max) return AL_EFULL;
  void *item;
  al_stream s = al_slab_take(&ss->streams, &item);
  if (s == 0) return AL_ENOMEM;
  al_stream_item *st = item;
  st->self = s;
  st->state = STREAM_IDLE;
  st->ours = true;
  st->rx_end = NO_END;
  al_err e = get_block(ss, st, t->host.len);
  if (e == AL_OK) {
    st->target_kind = t->kind;
    st->target_port = t->port;
    st->target_len = (uint8_t)t->host.len;
    if (t->host.len != 0) memcpy(st->target_host, t->host.ptr, t->host.len);
    if (b != 0) e = al_streams_attach(ss, now, s, b);
  }
  if (e != AL_OK) {
    al_stream_end(ss, st, 0, 0);
    return e;
  }
  *ret = s;
  return AL_OK;
}

al_err al_streams_attach(al_streams *ss, al_time now, al_stream s, al_bundle b) {
  al_stream_item *st = live(ss, s);
  al_bundle_item *bi = al_bundle_at(ss, b);
  if (st == NULL || bi == NULL) return AL_ENOTFOUND;
  if (st->state != STREAM_IDLE) return AL_ESTATE;
  if (bi->next_id > UINT32_MAX - 2) return AL_EFULL;
  uint32_t id = bi->next_id;
  if (al_map_put_u64(&ss->by_wire, (uint64_t)b << 32 | id, s) != AL_OK) return AL_EFULL;
  bi->next_id += 2;
  bi->streams++;
  st->bundle = b;
  st->bundle_user = bi->user;
  st->wire_id = id;
  st->state = STREAM_OPENING;
  al_stream_need(ss, st, NEED_OPEN);
  al_bundle_touch(ss, b, bi, now);
  return AL_OK;
}

al_err al_streams_detach(al_streams *ss, al_stream s) {
  al_stream_item *st = live(ss, s);
  if (st == NULL) return AL_ENOTFOUND;
  if (st->state != STREAM_OPENING || st->tx_next != 0 || st->fin_sent) return AL_ESTATE;
  if (st->moves >= AL_STREAM_MOVES_MAX || !al_bundle_cancel(ss, st->bundle, st->wire_id)) {
    return AL_EFULL;
  }
  st->moves++;
  al_stream_leave(ss, st);
  st->state = STREAM_IDLE;
  st->bundle = 0;
  st->bundle_user = 0;
  st->rx_credit = 0;
  return AL_OK;
}

bool al_streams_target(const al_streams *ss, al_stream s, al_stream_target *ret) {
  const al_stream_item *st = live(ss, s);
  if (st == NULL || !st->ours) return false;
  *ret = (al_stream_target){st->target_kind, st->target_port,
                            al_view(st->target_host, st->target_len)};
  return true;
}

al_err al_streams_accept(al_streams *ss, al_time now, al_stream s) {
  al_stream_item *st = live(ss, s);
  if (st == NULL) return AL_ENOTFOUND;
  if (st->state != STREAM_REQUEST) return AL_ESTATE;
  al_err e = get_block(ss, st, 0);
  if (e != AL_OK) return e;
  al_bundle_item *b = al_bundle_at(ss, st->bundle);
  b->requests--;
  st->state = STREAM_OPEN;
  al_stream_need(ss, st, NEED_OPENED);
  st->rx_credit =
      st->rx_used + st->window; /* as OPENED says: what came too early may overtake it */
  if (st->rx_next == st->rx_end) al_stream_tell(ss, st, EV_FIN); /* all came with OPEN */
  spare(ss);
  al_bundle_touch(ss, st->bundle, b, now);
  return AL_OK;
}

al_err al_streams_put(al_streams *ss, al_time now, al_stream s, al_bytes data, size_t *ret_taken) {
  al_stream_item *st = live(ss, s);
  if (st == NULL) return AL_ENOTFOUND;
  if (st->shut || st->state == STREAM_REQUEST) return AL_ESTATE;
  uint64_t end = st->tx_una + al_ring_len(&st->tx);
  data.len = (size_t)al_min_u64(data.len, AL_STREAM_OFFSET_MAX - end);
  size_t taken = data.len != 0 ? al_ring_write(&st->tx, data) : 0;
  if (taken < data.len) st->short_put = true;
  *ret_taken = taken;
  al_bundle_item *b = al_bundle_at(ss, st->bundle);
  if (b == NULL || taken == 0) return AL_OK;
  al_stream_sendable(ss, st);
  al_bundle_touch(ss, st->bundle, b, now);
  return AL_OK;
}

size_t al_streams_writable(const al_streams *ss, al_stream s) {
  const al_stream_item *st = live(ss, s);
  if (st == NULL || st->shut || st->state == STREAM_REQUEST) return 0;
  return al_ring_space(&st->tx);
}

al_err al_streams_consume(al_streams *ss, al_time now, al_stream s, size_t bytes) {
  al_stream_item *st = live(ss, s);
  if (st == NULL) return AL_ENOTFOUND;
  if (bytes > st->rx_given - st->rx_used) return AL_EINVAL;
  st->rx_used += bytes;
  al_bundle_item *b = al_bundle_at(ss, st->bundle);
  if (st->rx_end != NO_END || b == NULL) return AL_OK;
  if (st->rx_used + st->window - st->rx_credit < st->window / 4) return AL_OK;
  al_stream_need(ss, st, NEED_CREDIT);
  al_bundle_touch(ss, st->bundle, b, now);
  return AL_OK;
}

al_err al_streams_shut(al_streams *ss, al_time now, al_stream s) {
  al_stream_item *st = live(ss, s);
  if (st == NULL) return AL_ENOTFOUND;
  if (st->state == STREAM_REQUEST) return AL_ESTATE;
  st->shut = true;
  st->short_put = false;
  al_bundle_item *b = al_bundle_at(ss, st->bundle);
  if (b == NULL) return AL_OK;
  al_stream_sendable(ss, st);
  al_bundle_touch(ss, st->bundle, b, now);
  return AL_OK;
}

void al_streams_reset(al_streams *ss, al_time now, al_stream s, uint8_t reason) {
  al_stream_item *st = live(ss, s);
  if (st == NULL) return;
  al_bundle h = st->bundle;
  al_bundle_item *b = al_bundle_at(ss, h);
  al_list_drop(ss, &ss->ready, LIST_READY, st);
  st->events = 0;
  if (b == NULL || st->need & NEED_OPEN) /* the peer knows nothing of it */
    al_stream_end(ss, st, 0, reason);
  else
    al_stream_linger(ss, st, reason);
  if (b != NULL) al_bundle_touch(ss, h, b, now);
}

void al_streams_set_early(al_streams *ss, al_stream s) {
  al_stream_item *st = live(ss, s);
  if (st != NULL && st->ours) st->early = true;
}

void al_streams_set_user(al_streams *ss, al_stream s, uint64_t user) {
  al_stream_item *st = live(ss, s);
  if (st != NULL) st->user = user;
}

al_bundle al_streams_bundle(const al_streams *ss, al_stream s) {
  const al_stream_item *st = live(ss, s);
  return st != NULL ? st->bundle : 0;
}

al_stream al_streams_each(const al_streams *ss, al_bundle b, uint32_t *cursor) {
  al_stream s;
  while ((s = al_slab_each(&ss->streams, cursor)) != 0) {
    const al_stream_item *st = live(ss, s);
    if (st != NULL && st->bundle == b) return s;
  }
  return 0;
}
