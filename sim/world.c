/* world.c — the event queue, the simulated transport, stores and clocks of many nodes. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

enum {
  LINKS_MAX = 512, /* transport links of one node */
  HANDSHAKE_RTTS = 4,
  RETRANSMIT_US = 200000,
  WALL_S = 1800000000,              /* at the world's time 0 */
  WIRE_BYTES = AL_FRAME_BYTES + 93, /* with SCTP, DTLS, UDP and IP around it */
};

typedef enum ev_kind { EV_TICK, EV_UP, EV_FRAME, EV_DOWN, EV_CREDIT } ev_kind;

typedef struct ev {
  al_time time;
  uint64_t seq;
  ev_kind kind;
  uint32_t node, slot,
      serial; /* slot of the node's transport link; serial: which use of the slot */
  al_down_reason reason;
  uint32_t len;
  uint8_t *frame;
} ev;

typedef struct tlink {
  bool used, up;
  al_link link;    /* the core's handle; 0 until the sink gave one */
  uint32_t serial; /* counts uses of this slot */
  uint32_t peer, peer_slot, peer_serial;
  al_time busy_until; /* transmitter */
  bool credit_due;
} tlink;

typedef struct record {
  struct record *next;
  size_t key_len, value_len;
  uint8_t *key, *value;
} record;

typedef struct actor {
  world *w;
  uint32_t index, starts;
  bool running, cut;
  al_drive *drive;
  al_node *node;
  world_puppet puppet; /* instead of a core */
  al_time deadline;    /* of the newest EV_TICK that counts */
  uint8_t address[AL_ADDRESS_BYTES_MAX];
  size_t address_len;
  tlink links[LINKS_MAX];
  record *store;
} actor;

struct world {
  world_options o;
  world_event_fn *fn;
  void *ctx;
  world_tap_fn *tap;
  void *tap_ctx;
  al_alloc alloc;
  bool no_alloc;
  al_work *work;
  uint32_t bufs;
  actor *actors;
  ev *heap;
  size_t heap_count, heap_cap;
  uint64_t seq, digest, events, rand;
  al_time now;
};

/* A rule of the core is broken: nothing after this can be believed. */
static void broken(const world *w, const char *what) {
  fprintf(stderr, "world: %s (seed %llu, %llu us)\n", what, (unsigned long long)w->o.seed,
          (unsigned long long)w->now);
  abort();
}

/* ---- chance and digest ---- */

static uint64_t draw(world *w) { /* splitmix64 */
  uint64_t z = (w->rand += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static void fold(world *w, const void *data, size_t len) { /* FNV-1a, 64 bits */
  const uint8_t *p = data;
  for (size_t i = 0; i < len; i++) w->digest = (w->digest ^ p[i]) * 0x100000001b3u;
}

static void fold_u64(world *w, uint64_t v) {
  uint8_t b[8];
  sim_store_u64(b, v);
  fold(w, b, sizeof b);
}

/* ---- event heap, ordered by (time, seq) ---- */

static bool before(const ev *a, const ev *b) {
  return a->time != b->time ? a->time < b->time : a->seq < b->seq;
}

static void post(world *w, ev e) {
  if (w->heap_count == w->heap_cap) {
    w->heap_cap = w->heap_cap == 0 ? 1024 : w->heap_cap * 2;
    w->heap = realloc(w->heap, w->heap_cap * sizeof *w->heap);
    if (w->heap == NULL) abort();
  }
  e.seq = w->seq++;
  size_t i = w->heap_count++;
  while (i > 0 && before(&e, &w->heap[(i - 1) / 2])) {
    w->heap[i] = w->heap[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  w->heap[i] = e;
}

static ev take(world *w) {
  ev top = w->heap[0], last = w->heap[--w->heap_count];
  size_t i = 0;
  for (;;) {
    size_t c = 2 * i + 1;
    if (c >= w->heap_count) break;
    if (c + 1 < w->heap_count && before(&w->heap[c + 1], &w->heap[c])) c++;
    if (!before(&w->heap[c], &last)) break;
    w->heap[i] = w->heap[c];
    i = c;
  }
  w->heap[i] = last;
  return top;
}

/* ---- memory ---- */

static void *world_alloc(void *ctx, size_t size) {
  world *w = ctx;
  if (w->no_alloc) broken(w, "the core allocates in the packet path");
  return calloc(1, size);
}

static void world_release(void *ctx, void *ptr, size_t size) {
  (void)ctx;
  (void)size;
  free(ptr);
}

/* ---- transport ---- */

static uint32_t free_slot(actor *a) {
  for (uint32_t i = 0; i < LINKS_MAX; i++) {
    if (!a->links[i].used) return i;
  }
  return LINKS_MAX;
}

static tlink *find_link(actor *a, al_link link) {
  for (uint32_t i = 0; i < LINKS_MAX; i++) {
    if (a->links[i].used && a->links[i].link == link) return &a->links[i];
  }
  return NULL;
}

static void drop_link(tlink *l) {
  uint32_t serial = l->serial;
  memset(l, 0, sizeof *l);
  l->serial = serial + 1;
}

static al_transport_sink sink_of(const actor *a) {
  return a->puppet.tick != NULL ? a->puppet.sink : al_drive_sink(a->drive);
}

static al_err t_open(al_transport *t, al_link link, al_bytes addr) {
  actor *a = (actor *)(void *)t;
  world *w = a->w;
  uint32_t peer = 0;
  for (; peer < w->o.nodes; peer++) {
    const actor *p = &w->actors[peer];
    if (p->address_len == addr.len && memcmp(p->address, addr.ptr, addr.len) == 0) break;
  }
  uint32_t slot = free_slot(a);
  if (peer == w->o.nodes || slot == LINKS_MAX) return AL_EINVAL;
  tlink *l = &a->links[slot];
  l->used = true;
  l->link = link;
  l->peer = peer;
  ev e = {.time = w->now + HANDSHAKE_RTTS * 2u * (w->o.delay_us + 1), .kind = EV_UP};
  e.node = a->index;
  e.slot = slot;
  e.serial = l->serial;
  post(w, e);
  return AL_OK;
}

static void t_accept(al_transport *t, al_link link, void *ref) {
  (void)t;
  ((tlink *)ref)->link = link;
}

static uint32_t buffered(const world *w, const tlink *l) {
  if (l->busy_until <= w->now) return 0;
  uint64_t wire = (l->busy_until - w->now) * w->o.rate_bytes_s / AL_SECOND;
  return (uint32_t)(wire * AL_FRAME_BYTES / WIRE_BYTES);
}

static void deliver(world *w, actor *a, const tlink *l, al_channel ch, al_bytes frame) {
  al_time at = l->busy_until + w->o.delay_us;
  if (w->o.jitter_us != 0) at += draw(w) % w->o.jitter_us;
  if (draw(w) % 1000000 < w->o.loss_ppm) {
    if (ch == AL_CHANNEL_RT) return;
    at += RETRANSMIT_US + 2u * w->o.delay_us;
  }
  if (a->cut || w->actors[l->peer].cut) return;
  uint8_t copy[AL_FRAME_BYTES];
  memcpy(copy, frame.ptr, frame.len);
  uint32_t times = 1;
  if (w->tap != NULL) {
    const world_wire f = {a->index, l->peer, copy, frame.len};
    times = w->tap(w->tap_ctx, w, &f);
  }
  for (; times > 0; times--) {
    ev e = {.time = at++, .kind = EV_FRAME, .node = l->peer, .slot = l->peer_slot};
    e.serial = l->peer_serial;
    e.len = (uint32_t)frame.len;
    e.frame = malloc(frame.len);
    if (e.frame == NULL) abort();
    memcpy(e.frame, copy, frame.len);
    post(w, e);
  }
}

static al_err t_send(al_transport *t, al_link link, al_channel channel, al_bytes frame) {
  actor *a = (actor *)(void *)t;
  world *w = a->w;
  tlink *l = find_link(a, link);
  if (l == NULL || !l->up) return AL_ESTATE;
  if (channel == AL_CHANNEL_BULK && buffered(w, l) > w->o.queue_bytes) {
    broken(w, "the core overdrew its credit");
  }
  if (l->busy_until < w->now) l->busy_until = w->now;
  l->busy_until += WIRE_BYTES * AL_SECOND / w->o.rate_bytes_s;
  deliver(w, a, l, channel, frame);
  if (!l->credit_due) {
    l->credit_due = true;
    ev e = {.kind = EV_CREDIT, .node = a->index, .serial = l->serial};
    e.slot = (uint32_t)(l - a->links);
    e.time = w->now + (uint64_t)w->o.queue_bytes / 4 * AL_SECOND / w->o.rate_bytes_s + 1;
    post(w, e);
  }
  return AL_OK;
}

static void end_link(world *w, actor *a, tlink *l, al_down_reason peer_hears) {
  actor *p = &w->actors[l->peer];
  if (l->up && !a->cut && !p->cut) {
    ev e = {.time = w->now + w->o.delay_us, .kind = EV_DOWN, .node = l->peer};
    e.slot = l->peer_slot;
    e.serial = l->peer_serial;
    e.reason = peer_hears;
    post(w, e);
  }
  drop_link(l);
}

static void t_close(al_transport *t, al_link link) {
  actor *a = (actor *)(void *)t;
  tlink *l = find_link(a, link);
  if (l != NULL) end_link(a->w, a, l, AL_DOWN_PEER);
}

static const al_transport_ops ops = {"sim", t_open, t_accept, t_send, t_close};

/* ---- store ---- */

static record *find_record(actor *a, al_bytes key) {
  for (record *r = a->store; r != NULL; r = r->next) {
    if (r->key_len == key.len && memcmp(r->key, key.ptr, key.len) == 0) return r;
  }
  return NULL;
}

static al_err s_put(al_store *s, al_bytes key, al_bytes value) {
  actor *a = (actor *)(void *)s;
  record *r = find_record(a, key);
  if (r == NULL) {
    r = calloc(1, sizeof *r);
    if (r == NULL) abort();
    r->key = malloc(key.len + 1);
    memcpy(r->key, key.ptr, key.len);
    r->key_len = key.len;
    r->next = a->store;
    a->store = r;
  }
  free(r->value);
  r->value = malloc(value.len + 1);
  if (r->key == NULL || r->value == NULL) abort();
  if (value.len != 0) memcpy(r->value, value.ptr, value.len);
  r->value_len = value.len;
  return AL_OK;
}

static al_err s_del(al_store *s, al_bytes key) {
  actor *a = (actor *)(void *)s;
  for (record **p = &a->store; *p != NULL; p = &(*p)->next) {
    record *r = *p;
    if (r->key_len != key.len || memcmp(r->key, key.ptr, key.len) != 0) continue;
    *p = r->next;
    free(r->key);
    free(r->value);
    free(r);
    return AL_OK;
  }
  return AL_OK;
}

static const al_store_ops store_ops = {s_put, s_del};

static al_bytes snapshot(const actor *a) {
  size_t len = 0;
  for (record *r = a->store; r != NULL; r = r->next) len += 6 + r->key_len + r->value_len;
  uint8_t *buf = malloc(len + 1);
  if (buf == NULL) abort();
  uint8_t *p = buf;
  for (record *r = a->store; r != NULL; r = r->next) {
    sim_store_u16(p, (uint16_t)r->key_len);
    sim_store_u32(p + 2, (uint32_t)r->value_len);
    memcpy(p + 6, r->key, r->key_len);
    if (r->value_len != 0) memcpy(p + 6 + r->key_len, r->value, r->value_len);
    p += 6 + r->key_len + r->value_len;
  }
  return (al_bytes){buf, len};
}

/* ---- host ---- */

static al_time h_now(void *ctx) { return ((actor *)ctx)->w->now; }

static void h_event(void *ctx, const al_event *e) {
  actor *a = ctx;
  world *w = a->w;
  fold_u64(w, e->kind);
  fold_u64(w, e->count);
  fold(w, e->data.ptr, e->data.len);
  if (w->fn != NULL) w->fn(w->ctx, w, a->index, e);
}

static void h_deadline(void *ctx, al_time when) {
  actor *a = ctx;
  a->deadline = when;
  if (when == AL_TIME_NEVER) return;
  ev e = {.time = when > a->w->now ? when : a->w->now, .kind = EV_TICK, .node = a->index};
  e.serial = a->starts;
  post(a->w, e);
}

/* ---- the world ---- */

void world_options_default(world_options *o) {
  memset(o, 0, sizeof *o);
  o->seed = 1;
  o->nodes = 8;
  o->exits = 1;
  o->suite = al_suite_null();
  o->delay_us = 10000;
  o->jitter_us = 1000;
  o->rate_bytes_s = 12500000;
  o->queue_bytes = 256 * 1024;
  o->hops = 3;
  o->padding = AL_PADDING_OFF;
}

world *world_new(const world_options *o, world_event_fn *fn, void *ctx) {
  world *w = calloc(1, sizeof *w);
  if (w == NULL) abort();
  w->o = *o;
  w->fn = fn;
  w->ctx = ctx;
  w->rand = o->seed;
  w->digest = 0xcbf29ce484222325u;
  w->now = AL_SECOND;
  w->alloc = (al_alloc){w, world_alloc, world_release};
  w->bufs = o->bufs != 0 ? o->bufs : 65536;
  uint32_t effects = o->effects != 0 ? o->effects : 65536;
  if (al_work_new(&w->work, &w->alloc, w->bufs, effects) != AL_OK) abort();
  w->actors = calloc(o->nodes, sizeof *w->actors);
  if (w->actors == NULL) abort();
  for (uint32_t i = 0; i < o->nodes; i++) {
    actor *a = &w->actors[i];
    a->w = w;
    a->index = i;
    /* 10.x.y.z with a /16 of its own, so that path diversity never starves a small world */
    uint8_t head[8] = {1, 4, 100, (uint8_t)(i & 255), (uint8_t)(i >> 8), 1, 0x23, 0x24};
    memcpy(a->address, head, sizeof head);
    if (i > 255) a->address[2] = (uint8_t)(101 + (i >> 8));
    memset(a->address + 8, (int)(i & 255), 50);
    a->address_len = 58;
  }
  return w;
}

static void stop_actor(world *w, actor *a, bool silent) {
  for (uint32_t i = 0; i < LINKS_MAX; i++) {
    if (!a->links[i].used) continue;
    if (silent)
      drop_link(&a->links[i]);
    else
      end_link(w, a, &a->links[i], AL_DOWN_PEER);
  }
  al_node_free(a->node, w->work);
  al_drive_free(a->drive);
  a->node = NULL;
  a->drive = NULL;
  a->puppet = (world_puppet){0};
  a->running = false;
}

void world_free(world *w) {
  if (w == NULL) return;
  w->no_alloc = false;
  for (uint32_t i = 0; i < w->o.nodes; i++) {
    actor *a = &w->actors[i];
    if (a->running) stop_actor(w, a, true);
    while (a->store != NULL) {
      al_bytes key = {a->store->key, a->store->key_len};
      (void)s_del((al_store *)(void *)a, key);
    }
  }
  while (w->heap_count > 0) free(take(w).frame);
  al_work_free(w->work);
  free(w->heap);
  free(w->actors);
  free(w);
}

al_drive *world_drive(world *w, uint32_t node) { return w->actors[node].drive; }
al_node *world_node(world *w, uint32_t node) { return w->actors[node].node; }
al_time world_now(const world *w) { return w->now; }
uint64_t world_wall_s(const world *w) { return WALL_S + w->now / AL_SECOND; }
const al_suite *world_suite(const world *w) { return w->o.suite; }
uint64_t world_digest(const world *w) { return w->digest; }
uint64_t world_events(const world *w) { return w->events; }
void world_forbid_alloc(world *w, bool on) { w->no_alloc = on; }
void world_cut(world *w, uint32_t node, bool cut) { w->actors[node].cut = cut; }

void world_set_tap(world *w, world_tap_fn *fn, void *ctx) {
  w->tap = fn;
  w->tap_ctx = ctx;
}

al_bytes world_address(world *w, uint32_t node) {
  return (al_bytes){w->actors[node].address, w->actors[node].address_len};
}

uint32_t world_bufs_free(const world *w) {
  al_buf *taken = calloc(w->bufs + 1, sizeof *taken);
  uint32_t n = 0;
  if (taken == NULL) abort();
  while ((taken[n] = al_buf_take(w->work)) != 0) n++;
  for (uint32_t i = n; i > 0; i--) al_buf_drop(w->work, taken[i - 1]);
  free(taken);
  return n;
}

void world_start(world *w, uint32_t node) {
  actor *a = &w->actors[node];
  bool forbidden = w->no_alloc;
  w->no_alloc = false;
  al_config c;
  al_config_default(&c);
  c.suite = w->o.suite;
  c.simulation = true;
  c.padding = w->o.padding;
  c.hops = w->o.hops;
  if (w->o.limits.links_max != 0) c.limits = w->o.limits;
  memset(c.identity, (int)(node + 1), sizeof c.identity);
  sim_store_u32(c.identity, node + 1);
  sim_store_u64(c.seed, w->o.seed);
  sim_store_u32(c.seed + 8, node);
  sim_store_u32(c.seed + 12, ++a->starts);
  c.wall_s = world_wall_s(w);
  c.snapshot = snapshot(a);
  c.network_secret = w->o.network_secret;
  c.addresses[0] = world_address(w, node);
  c.addresses_count = 1;
  if (node < w->o.exits) {
    c.exit_rules[0] = (al_exit_rule){.accept = true, .port_min = 0, .port_max = 65535};
    c.exit_rules_count = 1;
  }
  al_bytes snap = c.snapshot;
  if (w->o.configure != NULL) w->o.configure(w->ctx, w, node, &c);
  al_err e = al_node_new(&a->node, &w->alloc, &c, w->now);
  if (e != AL_OK) {
    fprintf(stderr, "world: node %u: %s\n", node, al_err_text(e));
    abort();
  }
  free((void *)(uintptr_t)snap.ptr);
  al_drive_host host = {a, h_now, h_event, h_deadline};
  if (al_drive_new(&a->drive, &w->alloc, &host, &store_ops, (al_store *)(void *)a) != AL_OK)
    abort();
  a->running = true;
  al_drive_start(a->drive, a->node, w->work, &ops, (al_transport *)(void *)a);
  w->no_alloc = forbidden;
}

void world_stop(world *w, uint32_t node, bool clean) {
  actor *a = &w->actors[node];
  if (!a->running) return;
  if (clean && a->node != NULL) {
    al_node_shutdown(a->node, w->work, w->now);
    al_drive_pump(a->drive);
  }
  stop_actor(w, a, !clean);
}

void world_join(world *w, uint32_t node, uint32_t via) {
  actor *a = &w->actors[node];
  bool forbidden = w->no_alloc;
  w->no_alloc = false;
  if (al_node_join(a->node, w->work, w->now, world_address(w, via)) != AL_OK) abort();
  al_drive_pump(a->drive);
  w->no_alloc = forbidden;
}

static void on_up(world *w, actor *a, tlink *l) {
  actor *p = &w->actors[l->peer];
  uint32_t slot = free_slot(p);
  uint8_t binding[32];
  al_transport_sink sink = sink_of(a);
  if (!p->running || a->cut || p->cut || slot == LINKS_MAX) {
    al_link link = l->link;
    drop_link(l);
    sink.down(sink.ctx, link, AL_DOWN_TIMEOUT);
    return;
  }
  for (int i = 0; i < 32; i++) binding[i] = (uint8_t)draw(w);
  tlink *other = &p->links[slot];
  other->used = other->up = l->up = true;
  other->peer = a->index;
  other->peer_slot = (uint32_t)(l - a->links);
  other->peer_serial = l->serial;
  l->peer_slot = slot;
  l->peer_serial = other->serial;
  al_transport_sink far = sink_of(p);
  uint32_t serial = l->serial;
  if (far.up(far.ctx, 0, binding, other) == 0) {
    al_link link = l->link;
    drop_link(other);
    drop_link(l);
    sink.down(sink.ctx, link, AL_DOWN_LIMIT);
    return;
  }
  if (other->used) far.credit(far.ctx, other->link, w->o.queue_bytes);
  if (l->serial == serial) sink.up(sink.ctx, l->link, binding, NULL);
  if (l->serial == serial) sink.credit(sink.ctx, l->link, w->o.queue_bytes);
}

static void happen(world *w, const ev *e) {
  actor *a = &w->actors[e->node];
  tlink *l = &a->links[e->slot];
  if (!a->running) return;
  if (e->kind == EV_TICK) {
    if (e->serial == a->starts && a->deadline != AL_TIME_NEVER && a->deadline <= w->now) {
      a->deadline = AL_TIME_NEVER;
      if (a->puppet.tick != NULL)
        a->puppet.tick(a->puppet.ctx);
      else
        al_drive_tick(a->drive);
    }
    return;
  }
  if (!l->used || l->serial != e->serial) return;
  al_transport_sink sink = sink_of(a);
  if (e->kind == EV_UP) {
    on_up(w, a, l);
  } else if (e->kind == EV_FRAME) {
    fold_u64(w, w->now);
    fold_u64(w, e->node);
    fold(w, e->frame, e->len);
    sink.rx(sink.ctx, l->link, (al_bytes){e->frame, e->len});
  } else if (e->kind == EV_DOWN) {
    al_link link = l->link;
    drop_link(l);
    sink.down(sink.ctx, link, e->reason);
  } else if (e->kind == EV_CREDIT) {
    l->credit_due = false;
    uint32_t left = buffered(w, l);
    if (left > 0) { /* the level rises again when that is gone */
      l->credit_due = true;
      ev next = *e;
      uint64_t part = left < w->o.queue_bytes / 4 ? left : w->o.queue_bytes / 4;
      next.time = w->now + part * AL_SECOND / w->o.rate_bytes_s + 1;
      post(w, next);
    }
    sink.credit(sink.ctx, l->link,
                w->o.queue_bytes - (left < w->o.queue_bytes ? left : w->o.queue_bytes));
  }
}

void world_run(world *w, al_time until) {
  while (w->heap_count > 0 && w->heap[0].time <= until) {
    ev e = take(w);
    if (e.time > w->now) w->now = e.time;
    w->events++;
    happen(w, &e);
    free(e.frame);
  }
  if (w->now < until) w->now = until;
}

uint64_t world_counter_of(world *w, uint32_t node, const char *name) {
  const char *n, *text;
  uint64_t v;
  const actor *a = &w->actors[node];
  for (uint32_t k = 0; a->node != NULL && al_inspect_counter(a->node, k, &n, &text, &v); k++) {
    if (strcmp(n, name) == 0) return v;
  }
  if (a->node != NULL) fprintf(stderr, "world: no counter %s\n", name);
  return a->node != NULL ? UINT64_MAX : 0;
}

uint64_t world_counter(world *w, const char *name) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < w->o.nodes; i++) sum += world_counter_of(w, i, name);
  return sum;
}

/* ---- puppets ---- */

void world_puppet_start(world *w, uint32_t node, const world_puppet *p) {
  actor *a = &w->actors[node];
  a->puppet = *p;
  a->running = true;
  a->starts++;
  a->deadline = AL_TIME_NEVER;
}

void world_puppet_wake(world *w, uint32_t node, al_time when) {
  h_deadline(&w->actors[node], when);
}

const al_transport_ops *world_ops(void) { return &ops; }

al_transport *world_transport(world *w, uint32_t node) {
  return (al_transport *)(void *)&w->actors[node];
}

uint32_t world_credit(world *w, uint32_t node, al_link link) {
  const tlink *l = find_link(&w->actors[node], link);
  if (l == NULL || !l->up) return 0;
  uint32_t used = buffered(w, l);
  return used < w->o.queue_bytes ? w->o.queue_bytes - used : 0;
}

/* ---- what is stored ---- */

bool world_record(world *w, uint32_t node, uint32_t index, al_bytes *key, al_bytes *value) {
  for (record *r = w->actors[node].store; r != NULL; r = r->next) {
    if (index-- != 0) continue;
    *key = (al_bytes){r->key, r->key_len};
    *value = (al_bytes){r->value, r->value_len};
    return true;
  }
  return false;
}

void world_record_put(world *w, uint32_t node, al_bytes key, al_bytes value) {
  (void)s_put((al_store *)(void *)&w->actors[node], key, value);
}

bool world_inject(world *w, uint32_t from, uint32_t to, const uint8_t *frame, size_t len) {
  actor *a = &w->actors[to];
  for (uint32_t i = 0; i < LINKS_MAX; i++) {
    tlink *l = &a->links[i];
    if (!l->used || !l->up || l->peer != from) continue;
    ev e = {.time = w->now, .kind = EV_FRAME, .node = to, .slot = i, .serial = l->serial};
    e.len = (uint32_t)len;
    e.frame = malloc(len + 1);
    if (e.frame == NULL) abort();
    memcpy(e.frame, frame, len);
    post(w, e);
    return true;
  }
  return false;
}
