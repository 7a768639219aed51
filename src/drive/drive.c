/* drive.c — transport calls become inputs, effects become calls; one node, one work area. */
#include "drive/drive.h"

#include "base/base.h"

enum { AL_DRIVE_FAILED_MAX = AL_FRAME_BYTES / sizeof(al_link) };

struct al_drive {
  al_alloc alloc;
  al_drive_host host;
  const al_store_ops *store_ops;
  al_store *store;
  al_node *node;
  al_work *work;
  const al_transport_ops *ops;
  al_transport *transport;
  al_time deadline; /* what the host was last asked for */
  al_buf failed;    /* handles of links whose open was refused: told after the drain */
  uint32_t failed_count;
  bool draining;
};

al_err al_drive_new(al_drive **ret, const al_alloc *a, const al_drive_host *host,
                    const al_store_ops *store_ops, al_store *store) {
  al_drive *d = al_new(a, sizeof *d);
  if (d == NULL) return AL_ENOMEM;
  d->alloc = *a;
  d->host = *host;
  d->store_ops = store_ops;
  d->store = store;
  d->deadline = AL_TIME_NEVER;
  *ret = d;
  return AL_OK;
}

void al_drive_free(al_drive *d) {
  if (d == NULL) return;
  al_alloc a = d->alloc;
  al_delete(&a, d, sizeof *d);
}

al_node *al_drive_node(al_drive *d) { return d->node; }
al_work *al_drive_work(al_drive *d) { return d->work; }
al_time al_drive_now(al_drive *d) { return d->host.now(d->host.ctx); }

static void carry_out_tx(al_drive *d, const al_effect *fx) {
  al_bytes frame = al_view(al_buf_ptr(d->work, fx->u.tx.buf), fx->u.tx.len);
  /* AL_EAGAIN would mean that the core overdrew its credit; the transport counts it. */
  (void)d->ops->send(d->transport, fx->link, fx->u.tx.channel, frame);
  al_buf_drop(d->work, fx->u.tx.buf);
}

static void carry_out_open(al_drive *d, const al_effect *fx) {
  if (d->ops->open(d->transport, fx->link, fx->u.addr) == AL_OK) return;
  if (d->failed_count == 0) d->failed = al_buf_take(d->work);
  /* Where nothing is free to remember it, the node finds out when the link does not open. */
  if (d->failed == 0 || d->failed_count == AL_DRIVE_FAILED_MAX) return;
  al_store_u32(al_buf_ptr(d->work, d->failed) + d->failed_count++ * sizeof fx->link, fx->link);
}

static void carry_out(al_drive *d, const al_effect *fx) {
  switch (fx->kind) {
    case AL_FX_TX:
      carry_out_tx(d, fx);
      return;
    case AL_FX_LINK_OPEN:
      carry_out_open(d, fx);
      return;
    case AL_FX_LINK_CLOSE:
      d->ops->close(d->transport, fx->link);
      return;
    case AL_FX_STORE_PUT:
      if (d->store_ops != NULL) {
        (void)d->store_ops->put(d->store, fx->u.store.key, fx->u.store.value);
      }
      return;
    case AL_FX_STORE_DEL:
      if (d->store_ops != NULL) (void)d->store_ops->del(d->store, fx->u.store.key);
      return;
    case AL_FX_EVENT:
      d->host.event(d->host.ctx, &fx->u.event);
      return;
  }
}

/* Refused opens become inputs, which may leave effects again: until nothing is left. */
static bool next_failed(al_drive *d, al_input *in) {
  if (d->failed_count == 0) return false;
  *in = (al_input){.kind = AL_IN_LINK_DOWN, .now = al_drive_now(d)};
  in->link = al_load_u32(al_buf_ptr(d->work, d->failed) + --d->failed_count * sizeof in->link);
  in->u.down = AL_DOWN_ADDRESS;
  if (d->failed_count == 0) al_buf_drop(d->work, d->failed);
  return true;
}

void al_drive_pump(al_drive *d) {
  if (d->draining || d->node == NULL) return;
  al_effect fx;
  al_input in;
  d->draining = true;
  do {
    while (al_work_next(d->work, &fx)) carry_out(d, &fx);
  } while (next_failed(d, &in) && (al_node_input(d->node, d->work, &in), true));
  d->draining = false;
  al_time when = al_node_deadline(d->node);
  if (when != d->deadline) {
    d->deadline = when;
    d->host.deadline(d->host.ctx, when);
  }
}

static void input(al_drive *d, const al_input *in) {
  /* A transport may not call from inside its own operations, so nothing is being drained here. */
  AL_ASSERT(!d->draining);
  (void)al_node_input(d->node, d->work, in);
  al_drive_pump(d);
}

void al_drive_tick(al_drive *d) {
  if (d->node == NULL) return;
  d->deadline = AL_TIME_NEVER; /* the host's timer is spent */
  input(d, &(al_input){.kind = AL_IN_TICK, .now = al_drive_now(d)});
}

static al_link sink_up(void *ctx, al_link link, const uint8_t binding[32], void *transport_ref) {
  al_drive *d = ctx;
  if (d->node == NULL) return 0;
  if (link != 0) {
    al_input in = {.kind = AL_IN_LINK_UP, .link = link, .now = al_drive_now(d)};
    memcpy(in.u.binding, binding, sizeof in.u.binding);
    input(d, &in);
    return link;
  }
  al_link fresh = 0;
  if (al_node_accept(d->node, d->work, al_drive_now(d), binding, &fresh) != AL_OK) return 0;
  d->ops->accept(d->transport, fresh, transport_ref);
  al_drive_pump(d);
  return fresh;
}

static void sink_down(void *ctx, al_link link, al_down_reason reason) {
  al_drive *d = ctx;
  if (d->node == NULL) return;
  al_input in = {.kind = AL_IN_LINK_DOWN, .link = link, .now = al_drive_now(d)};
  in.u.down = reason;
  input(d, &in);
}

static void sink_rx(void *ctx, al_link link, al_bytes frame) {
  al_drive *d = ctx;
  if (d->node == NULL || frame.len > AL_FRAME_BYTES) return;
  al_buf b = al_buf_take(d->work);
  if (b == 0)
    return; /* as if lost on the way; the link's or the stream's retransmission brings it */
  memcpy(al_buf_ptr(d->work, b), frame.ptr, frame.len);
  al_input in = {.kind = AL_IN_RX, .link = link, .now = al_drive_now(d)};
  in.u.rx.buf = b;
  in.u.rx.len = (uint32_t)frame.len;
  input(d, &in);
}

static void sink_credit(void *ctx, al_link link, uint32_t bytes) {
  al_drive *d = ctx;
  if (d->node == NULL) return;
  al_input in = {.kind = AL_IN_LINK_CREDIT, .link = link, .now = al_drive_now(d)};
  in.u.credit_bytes = bytes;
  input(d, &in);
}

al_transport_sink al_drive_sink(al_drive *d) {
  return (al_transport_sink){
      .ctx = d, .up = sink_up, .down = sink_down, .rx = sink_rx, .credit = sink_credit};
}

void al_drive_start(al_drive *d, al_node *n, al_work *w, const al_transport_ops *ops,
                    al_transport *t) {
  d->node = n;
  d->work = w;
  d->ops = ops;
  d->transport = t;
  al_drive_tick(d);
}
