/* wire.c — the simulated transport: links between two nodes, and what is under way on them. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "inner.h"

enum {
  HANDSHAKE_RTTS = 4,
  RETRANSMIT_US = 200000,
  AROUND_BYTES = 93, /* SCTP, DTLS, UDP and IP around a frame */
  WIRE_BYTES = AL_FRAME_BYTES + AROUND_BYTES,
};

static wire *wire_at(const world *w, uint32_t i) {
  return &w->wires[i / WIRE_CHUNK][i % WIRE_CHUNK];
}
static wire *wire_of(const world *w, uint32_t ref) { return wire_at(w, ref >> 1); }
static wire_end *end_of(const world *w, uint32_t ref) { return &wire_of(w, ref)->end[ref & 1]; }

static bool is_live(const wire *l, uint32_t side) { return side == 0 ? l->live0 : l->live1; }

static void set_live(wire *l, uint32_t side, bool on) {
  if (side == 0)
    l->live0 = on;
  else
    l->live1 = on;
}

static bool is_due(const wire *l, uint32_t side) { return side == 0 ? l->due0 : l->due1; }

static void set_due(wire *l, uint32_t side, bool on) {
  if (side == 0)
    l->due0 = on;
  else
    l->due1 = on;
}

static uint32_t wire_take(world *w) {
  if (w->wires_free == 0) {
    if (w->wires_count == w->wires_cap) {
      w->wires_cap = w->wires_cap == 0 ? 64 : w->wires_cap * 2;
      w->wires = realloc(w->wires, w->wires_cap * sizeof(void *));
      if (w->wires == NULL) abort();
    }
    wire *chunk = sim_pool_get(&w->pool, WIRE_CHUNK * sizeof *chunk);
    uint32_t first = w->wires_count * WIRE_CHUNK;
    w->wires[w->wires_count++] = chunk;
    for (uint32_t i = WIRE_CHUNK; i > 0; i--) {
      chunk[i - 1].next_free = w->wires_free;
      w->wires_free = first + i;
    }
  }
  uint32_t i = w->wires_free - 1;
  w->wires_free = wire_at(w, i)->next_free;
  wire_at(w, i)->delay_us = 0;
  return i;
}

static void wire_drop(world *w, uint32_t i) {
  wire *l = wire_at(w, i);
  uint16_t serial = (uint16_t)(l->serial + 1);
  memset(l, 0, sizeof *l);
  l->serial = serial;
  l->next_free = w->wires_free;
  w->wires_free = i + 1;
}

void sim_wires_clear(world *w) {
  for (uint32_t i = 0; i < w->wires_count; i++)
    sim_pool_put(&w->pool, w->wires[i], WIRE_CHUNK * sizeof(wire));
  free(w->wires);
}

/* ---- the links of a node, by the handles of its core ---- */

enum { LINKS_STEP = 4, INDEX_MASK = (1 << 20) - 1 }; /* of a handle: see al_link */

static void attach(actor *a, al_link link, uint32_t ref) {
  uint32_t at = link & INDEX_MASK;
  if (at >= a->links_len) {
    uint32_t len = (at / LINKS_STEP + 1) * LINKS_STEP;
    if (len > UINT16_MAX) sim_broken(a->w, "a node has 65535 links");
    uint32_t *more = sim_pool_get(&a->w->pool, len * sizeof *more);
    if (a->links_len != 0) memcpy(more, a->links, a->links_len * sizeof *more);
    sim_pool_put(&a->w->pool, a->links, a->links_len * sizeof *more);
    a->links = more;
    a->links_len = (uint16_t)len;
  }
  a->links[at] = ref + 1;
  a->links_count++;
}

static void detach(actor *a, al_link link, uint32_t ref) {
  uint32_t at = link & INDEX_MASK;
  if (at >= a->links_len || a->links[at] != ref + 1) return;
  a->links[at] = 0;
  a->links_count--;
}

/* The reference of a link + 1; 0: not there. */
static uint32_t find_link(const actor *a, al_link link) {
  uint32_t at = link & INDEX_MASK, ref = at < a->links_len ? a->links[at] : 0;
  return ref != 0 && end_of(a->w, ref - 1)->link == link ? ref : 0;
}

/* One side of a link is no more; the place is free when both are. */
static void end_drop(world *w, uint32_t ref) {
  wire *l = wire_of(w, ref);
  detach(&w->actors[l->end[ref & 1].node], l->end[ref & 1].link, ref);
  set_live(l, ref & 1, false);
  l->end[ref & 1].link = 0;
  if (!is_live(l, (ref & 1) ^ 1)) wire_drop(w, ref >> 1);
}

static void post_down(world *w, uint32_t ref, al_time when, al_down_reason why) {
  sim_event e = {.time = when, .a = ref, .b = (uint32_t)why};
  sim_queue_push(&w->queue, e, EV_DOWN, wire_of(w, ref)->serial);
}

/* One side closes: the other hears of it, unless nothing reaches it. */
static void end_close(world *w, uint32_t ref) {
  wire *l = wire_of(w, ref);
  actor *a = &w->actors[l->end[ref & 1].node], *p = &w->actors[l->end[(ref & 1) ^ 1].node];
  if (l->up && is_live(l, (ref & 1) ^ 1) && !a->cut && !p->cut && sim_reaches(w, a, p)) {
    post_down(w, ref ^ 1, w->now + l->delay_us, AL_DOWN_PEER);
  }
  end_drop(w, ref);
}

void sim_wires_end(actor *a, bool silent) {
  for (uint32_t i = 0; i < a->links_len; i++) {
    if (a->links[i] == 0) continue;
    if (silent)
      end_drop(a->w, a->links[i] - 1);
    else
      end_close(a->w, a->links[i] - 1);
  }
  sim_pool_put(&a->w->pool, a->links, a->links_len * sizeof *a->links);
  a->links = NULL;
  a->links_len = 0;
}

/* ---- opening ---- */

static al_err t_open(al_transport *t, al_link link, al_bytes addr) {
  actor *a = (actor *)(void *)t;
  world *w = a->w;
  uint32_t peer = world_by_address(w, addr);
  if (peer == UINT32_MAX) return AL_EINVAL;
  uint32_t i = wire_take(w);
  wire *l = wire_at(w, i);
  l->end[0] = (wire_end){.node = a->index, .link = link};
  l->live0 = true;
  l->end[1] = (wire_end){.node = peer};
  l->delay_us =
      w->o.net.internet ? sim_net_delay(&w->o.net, w->o.seed, a->index, peer) : w->o.delay_us;
  attach(a, link, 2 * i);
  w->stats.dials++;
  sim_event e = {.time = w->now + HANDSHAKE_RTTS * 2u * (l->delay_us + 1), .a = 2 * i};
  sim_queue_push(&w->queue, e, EV_UP, l->serial);
  return AL_OK;
}

static void t_accept(al_transport *t, al_link link, void *ref) {
  actor *a = (actor *)(void *)t;
  uint32_t end = *(const uint32_t *)ref;
  end_of(a->w, end)->link = link;
  attach(a, link, end);
}

static bool answers(const world *w, const actor *a, const actor *p) {
  return p->running && !p->nat && !a->cut && !p->cut && sim_reaches(w, a, p) &&
         sim_reaches(w, p, a);
}

static void dial_failed(world *w, uint32_t ref, al_down_reason why) {
  wire_end *e = end_of(w, ref);
  al_transport_sink sink = sim_sink_of(&w->actors[e->node]);
  al_link link = e->link;
  w->stats.dials_failed++;
  end_drop(w, ref);
  sink.down(sink.ctx, link, why);
}

static void on_up(world *w, uint32_t ref) {
  wire *l = wire_of(w, ref);
  actor *a = &w->actors[l->end[0].node], *p = &w->actors[l->end[1].node];
  uint16_t serial = l->serial;
  uint8_t binding[32];
  if (p->paused_until > w->now) {
    sim_event later = {.time = p->paused_until, .a = ref};
    sim_queue_push(&w->queue, later, EV_UP, serial);
    return;
  }
  if (!answers(w, a, p)) {
    al_time asked = HANDSHAKE_RTTS * 2u * (l->delay_us + 1);
    if (w->o.net.dial_us > asked && !l->waited) { /* nobody says no: wait for longer */
      l->waited = true;
      sim_event e = {.time = w->now + w->o.net.dial_us - asked, .a = ref};
      sim_queue_push(&w->queue, e, EV_UP, serial);
      return;
    }
    dial_failed(w, ref, AL_DOWN_TIMEOUT);
    return;
  }
  for (int i = 0; i < 32; i++) binding[i] = (uint8_t)sim_draw(&w->chance);
  uint32_t far = ref ^ 1;
  l->up = l->live1 = true;
  l->end[1].credit = l->end[0].credit = w->o.queue_bytes;
  al_transport_sink sink = sim_sink_of(p);
  if (sink.up(sink.ctx, 0, binding, &far) == 0) {
    detach(p, l->end[1].link, far);
    l->live1 = l->up = false;
    dial_failed(w, ref, AL_DOWN_LIMIT);
    return;
  }
  if (l->live1) sink.credit(sink.ctx, l->end[1].link, l->end[1].credit);
  sink = sim_sink_of(a);
  if (l->serial == serial && l->live0) sink.up(sink.ctx, l->end[0].link, binding, NULL);
  if (l->serial == serial && l->live0) {
    sink.credit(sink.ctx, l->end[0].link, l->end[0].credit);
  }
}

static bool wed_side(world *w, uint32_t ref, const al_settled *s) {
  wire_end *e = end_of(w, ref);
  actor *a = &w->actors[e->node];
  if (al_node_settle_link(a->node, w->work, w->now, s, &e->link) != AL_OK) return false;
  set_live(wire_of(w, ref), ref & 1, true);
  e->credit = w->o.queue_bytes;
  attach(a, e->link, ref);
  al_drive_pump(a->drive);
  al_transport_sink sink = sim_sink_of(a);
  sink.credit(sink.ctx, e->link, e->credit);
  return true;
}

bool world_wed(world *w, uint32_t a, uint32_t b, bool random) {
  bool forbidden = w->no_alloc;
  uint32_t i = wire_take(w);
  wire *l = wire_at(w, i);
  l->end[0] = (wire_end){.node = a};
  l->end[1] = (wire_end){.node = b};
  l->delay_us = w->o.net.internet ? sim_net_delay(&w->o.net, w->o.seed, a, b) : w->o.delay_us;
  l->up = true;
  al_settled s = {.peer = w->actors[b].node, .initiator = true, .random = random};
  sim_store_u64(s.keys, sim_draw(&w->chance));
  w->no_alloc = false;
  bool wed = wed_side(w, 2 * i, &s);
  if (wed) {
    s.peer = w->actors[a].node;
    s.initiator = false;
    wed = wed_side(w, 2 * i + 1, &s);
    if (!wed) end_close(w, 2 * i);
  } else {
    wire_drop(w, i);
  }
  w->no_alloc = forbidden;
  return wed;
}

/* ---- sending ---- */

static uint64_t rate_of(const world *w, const actor *a) {
  return a->up_rate != 0 && a->up_rate < w->o.rate_bytes_s ? a->up_rate : w->o.rate_bytes_s;
}

/* Bytes of frames that wait to leave. With an access link, what waits before them counts too. */
static uint32_t buffered(const world *w, uint32_t ref) {
  al_time busy_until = wire_of(w, ref)->busy_until[ref & 1];
  if (busy_until <= w->now) return 0;
  const actor *a = &w->actors[end_of(w, ref)->node];
  uint64_t on_wire = (busy_until - w->now) * rate_of(w, a) / AL_SECOND;
  uint64_t bytes = on_wire * AL_FRAME_BYTES / WIRE_BYTES;
  return bytes < w->o.queue_bytes ? (uint32_t)bytes : w->o.queue_bytes;
}

/* When the frame has left the sender. */
static al_time depart(world *w, actor *a, uint32_t ref, uint64_t bytes) {
  al_time *busy_until = &wire_of(w, ref)->busy_until[ref & 1];
  if (*busy_until < w->now) *busy_until = w->now;
  if (*busy_until < a->clogged_until) *busy_until = a->clogged_until;
  *busy_until += bytes * AL_SECOND / w->o.rate_bytes_s;
  if (a->up_rate != 0) {
    if (a->up_busy < w->now) a->up_busy = w->now;
    if (a->up_busy < a->clogged_until) a->up_busy = a->clogged_until;
    a->up_busy += bytes * AL_SECOND / a->up_rate;
    if (*busy_until < a->up_busy) *busy_until = a->up_busy;
  }
  return *busy_until;
}

static void post_frame(world *w, uint32_t to_ref, al_time when, uint32_t frame) {
  sim_event e = {.time = when, .a = to_ref, .b = frame};
  sim_queue_push(&w->queue, e, EV_FRAME, wire_of(w, to_ref)->serial);
}

static uint32_t frame_new(world *w, al_channel ch, al_bytes bytes) {
  uint32_t i = sim_arena_take(&w->arena);
  sim_frame *f = sim_arena_at(&w->arena, i);
  f->len = (uint16_t)bytes.len;
  f->channel = (uint8_t)ch;
  f->sent = w->now;
  f->queued = false;
  f->bytes[bytes.len / 8] = 0; /* whole words are hashed */
  memcpy(f->bytes, bytes.ptr, bytes.len);
  return i;
}

static void deliver(world *w, uint32_t ref, al_time left, al_channel ch, al_bytes bytes) {
  const wire *l = wire_of(w, ref);
  const actor *a = &w->actors[l->end[ref & 1].node], *p = &w->actors[l->end[(ref & 1) ^ 1].node];
  al_time at = left + l->delay_us;
  if (w->o.jitter_us != 0) at += sim_draw(&w->chance) % w->o.jitter_us;
  if (sim_happens(&w->chance, w->o.loss_ppm)) {
    w->stats.lost++;
    if (ch == AL_CHANNEL_RT) return;
    at += RETRANSMIT_US + 2u * l->delay_us;
  }
  if (a->cut || p->cut || (ch == AL_CHANNEL_RT && !sim_reaches(w, a, p))) {
    w->stats.blocked++;
    return;
  }
  if (w->tap == NULL) {
    post_frame(w, ref ^ 1, at, frame_new(w, ch, bytes));
    return;
  }
  uint64_t copy[SIM_FRAME_WORDS];
  memcpy(copy, bytes.ptr, bytes.len);
  const world_wire f = {a->index, p->index, (uint8_t *)copy, bytes.len};
  for (uint32_t times = w->tap(w->tap_ctx, w, &f); times > 0; times--) {
    post_frame(w, ref ^ 1, at++, frame_new(w, ch, (al_bytes){(uint8_t *)copy, bytes.len}));
  }
}

/* Room is told when a quarter of the window has been used, as the transport's contract wants. */
static void credit_due(world *w, uint32_t ref) {
  wire_end *e = end_of(w, ref);
  wire *l = wire_of(w, ref);
  if (is_due(l, ref & 1) || e->credit > w->o.queue_bytes - w->o.queue_bytes / 4) return;
  set_due(l, ref & 1, true);
  uint64_t quarter = (uint64_t)w->o.queue_bytes / 4 * AL_SECOND;
  sim_event due = {.time = w->now + quarter / rate_of(w, &w->actors[e->node]) + 1, .a = ref};
  sim_queue_push(&w->queue, due, EV_CREDIT, l->serial);
}

static al_err t_send(al_transport *t, al_link link, al_channel channel, al_bytes frame) {
  actor *a = (actor *)(void *)t;
  world *w = a->w;
  uint32_t ref = find_link(a, link);
  if (ref-- == 0 || !wire_of(w, ref)->up) return AL_ESTATE;
  wire_end *e = end_of(w, ref);
  if (channel == AL_CHANNEL_BULK && e->credit < frame.len) {
    if (a->puppet != NULL) return AL_EAGAIN;
    sim_broken(w, "the core overdrew its credit");
  }
  bool full = buffered(w, ref) >= w->o.queue_bytes;
  if (w->o.net.queue_us != 0 && a->up_busy > w->now + w->o.net.queue_us) full = true;
  if (channel == AL_CHANNEL_RT && full) {
    w->stats.dropped++;
    return AL_OK;
  }
  e->credit -= e->credit < frame.len ? e->credit : (uint32_t)frame.len;
  w->stats.frames++;
  uint64_t bytes = frame.len + AROUND_BYTES;
  w->stats.bytes += bytes;
  a->bytes_sent += bytes;
  deliver(w, ref, depart(w, a, ref, bytes), channel, frame);
  credit_due(w, ref);
  return AL_OK;
}

static void t_close(al_transport *t, al_link link) {
  actor *a = (actor *)(void *)t;
  uint32_t ref = find_link(a, link);
  if (ref != 0) end_close(a->w, ref - 1);
}

const al_transport_ops sim_transport_ops = {"sim", t_open, t_accept, t_send, t_close};

/* ---- what happens ---- */

/* Whoever cannot be reached by the reliable channel is tried again for a while, then given up. */
static bool tried_again(world *w, const sim_event *e, const sim_frame *f) {
  const wire *l = wire_of(w, e->a);
  const actor *p = &w->actors[l->end[e->a & 1].node];
  const actor *a = &w->actors[l->end[(e->a & 1) ^ 1].node];
  if (sim_reaches(w, a, p)) return false;
  w->stats.blocked++;
  if (f->channel == AL_CHANNEL_RT) return false;
  al_time age = w->now - f->sent;
  if (age >= w->o.net.give_up_us) {
    for (uint32_t side = 0; side < 2; side++) {
      if (is_live(l, side)) post_down(w, (e->a & ~1u) | side, w->now, AL_DOWN_TIMEOUT);
    }
    return false;
  }
  w->stats.tried++;
  post_frame(w, e->a, w->now + RETRANSMIT_US + age / 2, e->b);
  return true;
}

/* The access link of the receiver: true when the frame has to wait for those before it. */
static bool waits(world *w, actor *a, const sim_event *e) {
  al_time until = a->clogged_until > a->paused_until ? a->clogged_until : a->paused_until;
  if (until > w->now) {
    post_frame(w, e->a, until, e->b);
    return true;
  }
  if (a->down_rate == 0) return false;
  sim_frame *f = sim_arena_at(&w->arena, e->b);
  if (f->queued) return false; /* its time has come */
  al_time start = a->down_busy > w->now ? a->down_busy : w->now;
  a->down_busy = start + (f->len + (uint64_t)AROUND_BYTES) * AL_SECOND / a->down_rate;
  if (start == w->now) return false;
  f->queued = true;
  post_frame(w, e->a, start, e->b);
  return true;
}

static void on_frame(world *w, const sim_event *e) {
  wire_end *end = end_of(w, e->a);
  actor *a = &w->actors[end->node];
  sim_frame *f = sim_arena_at(&w->arena, e->b);
  if (tried_again(w, e, f) || waits(w, a, e)) return;
  if (sim_reaches(w, &w->actors[wire_of(w, e->a)->end[(e->a & 1) ^ 1].node], a)) {
    al_transport_sink sink = sim_sink_of(a);
    sim_fold_u64(w, w->now);
    sim_fold_u64(w, (uint64_t)end->node << 16 | f->len);
    sim_fold_frame(w, f);
    sink.rx(sink.ctx, end->link, (al_bytes){(const uint8_t *)f->bytes, f->len});
  }
  sim_arena_drop(&w->arena, e->b);
}

static void on_credit(world *w, uint32_t ref) {
  wire_end *e = end_of(w, ref);
  actor *a = &w->actors[e->node];
  uint32_t left = buffered(w, ref);
  set_due(wire_of(w, ref), ref & 1, left > 0);
  if (left > 0) { /* the level rises again when that is gone */
    uint64_t part = left < w->o.queue_bytes / 4 ? left : w->o.queue_bytes / 4;
    sim_event next = {.time = w->now + part * AL_SECOND / rate_of(w, a) + 1, .a = ref};
    sim_queue_push(&w->queue, next, EV_CREDIT, wire_of(w, ref)->serial);
  }
  e->credit = w->o.queue_bytes - left;
  al_transport_sink sink = sim_sink_of(a);
  sink.credit(sink.ctx, e->link, e->credit);
}

/* Memory that an event will touch is fetched while others are worked on: first the link, then the
 * node's place and the frame, then the node. */
static const actor *actor_of(const world *w, const sim_event *e) {
  if (sim_event_kind(e) == EV_TIMER) return &w->actors[e->a];
  return &w->actors[end_of(w, e->a)->node];
}

void sim_look_ahead(const world *w) {
  enum { LINK_AHEAD = 12, PLACE_AHEAD = 8, NODE_AHEAD = 4 };
  const sim_event *e = sim_queue_ahead(&w->queue, LINK_AHEAD);
  if (e != NULL && sim_event_kind(e) < EV_CALL) __builtin_prefetch(wire_of(w, e->a));
  e = sim_queue_ahead(&w->queue, PLACE_AHEAD);
  if (e != NULL && sim_event_kind(e) != EV_CALL) {
    const char *a = (const char *)actor_of(w, e);
    __builtin_prefetch(a);
    __builtin_prefetch(a + 64);
    __builtin_prefetch(a + 128);
    if (sim_event_kind(e) == EV_FRAME) __builtin_prefetch(sim_arena_at(&w->arena, e->b));
  }
  e = sim_queue_ahead(&w->queue, NODE_AHEAD);
  if (e != NULL && sim_event_kind(e) != EV_CALL) {
    const actor *a = actor_of(w, e);
    __builtin_prefetch(a->drive);
    __builtin_prefetch(a->node);
    if (sim_event_kind(e) == EV_FRAME) {
      const char *f = (const char *)sim_arena_at(&w->arena, e->b);
      __builtin_prefetch(f + 64);
      __builtin_prefetch(f + 128);
    }
  }
}

void sim_wire_event(world *w, const sim_event *e) {
  const wire *l = wire_of(w, e->a);
  const wire_end *end = &l->end[e->a & 1];
  actor *a = &w->actors[end->node];
  unsigned kind = sim_event_kind(e);
  if (!is_live(l, e->a & 1) || l->serial != sim_event_serial(e) || !a->running) {
    if (kind == EV_FRAME) sim_arena_drop(&w->arena, e->b);
    return;
  }
  if (kind != EV_FRAME && a->paused_until > w->now) {
    sim_event later = {.time = a->paused_until, .a = e->a, .b = e->b};
    sim_queue_push(&w->queue, later, kind, l->serial);
  } else if (kind == EV_UP) {
    on_up(w, e->a);
  } else if (kind == EV_FRAME) {
    on_frame(w, e);
  } else if (kind == EV_CREDIT) {
    on_credit(w, e->a);
  } else {
    al_transport_sink sink = sim_sink_of(a);
    al_link link = end->link;
    w->stats.downs++;
    end_drop(w, e->a);
    sink.down(sink.ctx, link, (al_down_reason)e->b);
  }
}

/* ---- from outside ---- */

uint32_t world_credit(world *w, uint32_t node, al_link link) {
  uint32_t ref = find_link(&w->actors[node], link);
  if (ref-- == 0 || !wire_of(w, ref)->up) return 0;
  wire_end *e = end_of(w, ref);
  e->credit = w->o.queue_bytes - buffered(w, ref);
  return e->credit;
}

uint32_t world_neighbour(const world *w, uint32_t node, uint32_t index) {
  const actor *a = &w->actors[node];
  for (uint32_t i = 0; i < a->links_len; i++) {
    uint32_t ref = a->links[i];
    if (ref-- != 0 && wire_of(w, ref)->up && index-- == 0) return end_of(w, ref ^ 1)->node;
  }
  return UINT32_MAX;
}

bool world_inject(world *w, uint32_t from, uint32_t to, const uint8_t *frame, size_t len) {
  const actor *a = &w->actors[to];
  for (uint32_t i = 0; i < a->links_len && len <= AL_FRAME_BYTES; i++) {
    uint32_t ref = a->links[i];
    if (ref-- == 0 || !wire_of(w, ref)->up || end_of(w, ref ^ 1)->node != from) continue;
    post_frame(w, ref, w->now, frame_new(w, AL_CHANNEL_BULK, (al_bytes){frame, len}));
    return true;
  }
  return false;
}
