/* world.c — the nodes of a world: their life, their clocks, and the run. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "inner.h"

enum {
  WALL_S = 1800000000, /* at the world's time 0 */
  ADDRESS_BYTES = 58,
};

_Noreturn void sim_broken(const world *w, const char *what) {
  fprintf(stderr, "world: %s (seed %llu, %llu us)\n", what, (unsigned long long)w->o.seed,
          (unsigned long long)w->now);
  abort();
}

/* ---- digest: 64-bit words, multiplied and turned ---- */

static uint64_t stir(uint64_t h, uint64_t word) {
  h = (h ^ word) * 0x9e3779b97f4a7c15u;
  return h << 29 | h >> 35;
}

void sim_fold_u64(world *w, uint64_t v) { w->digest = stir(w->digest, v); }

static uint64_t word_at(const uint8_t *p, size_t len) {
  uint64_t v = 0;
  for (size_t i = 0; i < len; i++) v |= (uint64_t)p[i] << (8 * i);
  return v;
}

static void fold_bytes(world *w, al_bytes b) {
  for (size_t i = 0; i < b.len; i += 8) {
    sim_fold_u64(w, word_at(b.ptr + i, b.len - i < 8 ? b.len - i : 8));
  }
}

/* Four chains side by side, because a multiplication takes longer than a step. */
void sim_fold_frame(world *w, const sim_frame *f) {
  const uint8_t *p = (const uint8_t *)f->bytes;
  size_t words = (f->len + 7u) / 8u, i = 0;
  uint64_t h[4] = {w->digest, 1, 2, 3};
  for (; i + 4 <= words; i += 4, p += 32) {
    for (size_t k = 0; k < 4; k++) h[k] = stir(h[k], word_at(p + 8 * k, 8));
  }
  for (; i < words; i++, p += 8) h[0] = stir(h[0], word_at(p, 8));
  w->digest = stir(stir(stir(h[0], h[1]), h[2]), h[3]);
}

/* ---- memory ---- */

static void *world_alloc(void *ctx, size_t size) {
  world *w = ctx;
  if (w->no_alloc) sim_broken(w, "the core allocates in the packet path");
  w->stats.core_bytes += size;
  if (w->stats.core_bytes > w->stats.core_bytes_peak)
    w->stats.core_bytes_peak = w->stats.core_bytes;
  return sim_pool_get(&w->pool, size);
}

static void world_release(void *ctx, void *ptr, size_t size) {
  world *w = ctx;
  if (ptr != NULL) w->stats.core_bytes -= size;
  sim_pool_put(&w->pool, ptr, size);
}

/* The shelf grows whenever a record comes. */
static void *shelf_get(void *ctx, size_t size) {
  world *w = ctx;
  w->stats.shelf_bytes += size;
  return sim_pool_get(&w->pool, size);
}

static void shelf_put(void *ctx, void *ptr, size_t size) {
  world *w = ctx;
  if (ptr != NULL) w->stats.shelf_bytes -= size;
  sim_pool_put(&w->pool, ptr, size);
}

/* ---- host ---- */

al_transport_sink sim_sink_of(const actor *a) {
  return a->puppet != NULL ? a->puppet->sink : al_drive_sink(a->drive);
}

static al_time h_now(void *ctx) { return ((actor *)ctx)->w->now; }

static void h_event(void *ctx, const al_event *e) {
  actor *a = ctx;
  world *w = a->w;
  sim_fold_u64(w, (uint64_t)e->kind << 32 | e->count);
  fold_bytes(w, e->data);
  if (w->fn != NULL) w->fn(w->ctx, w, a->index, e);
}

static void set_timer(actor *a, al_time when) {
  a->timer_at = when;
  sim_queue_timer(&a->w->queue, when, a->index, EV_TIMER);
}

/* A timer put off stays in the queue until its old time comes; of one brought forward the later
 * entry stays, and is found to be void. */
static void h_deadline(void *ctx, al_time when) {
  actor *a = ctx;
  a->deadline = when;
  if (when < a->w->now) when = a->w->now;
  if (when < a->timer_at) set_timer(a, when);
}

/* ---- addresses: 10.x.y.z-like records that tell the node's number back ---- */

static void address_of(uint32_t i, uint8_t a[ADDRESS_BYTES]) {
  uint32_t low = i & 255, mid = i >> 8 & 255, high = i >> 16;
  /* 25,600 /16 networks, so that path diversity never starves a small world */
  uint8_t head[8] = {
      1,    4,   (uint8_t)(100 + mid % 100), (uint8_t)low, (uint8_t)(mid / 100 + 3 * high), 1,
      0x23, 0x24};
  memcpy(a, head, sizeof head);
  memset(a + 8, (int)low, ADDRESS_BYTES - 8);
}

uint32_t world_by_address(const world *w, al_bytes address) {
  uint8_t want[ADDRESS_BYTES];
  if (address.len != sizeof want) return UINT32_MAX;
  const uint8_t *a = address.ptr;
  uint32_t i =
      a[3] | (uint32_t)((uint8_t)(a[2] - 100) + 100 * (a[4] % 3)) << 8 | (uint32_t)(a[4] / 3) << 16;
  if (i >= w->o.nodes) return UINT32_MAX;
  address_of(i, want);
  return memcmp(a, want, sizeof want) == 0 ? i : UINT32_MAX;
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
  o->net.give_up_us = 20 * AL_SECOND;
}

static void place(world *w, actor *a, uint32_t index) {
  sim_place p;
  sim_place_of(&w->o.net, w->o.seed, index, &p);
  a->w = w;
  a->index = index;
  a->deadline = a->timer_at = AL_TIME_NEVER;
  a->nat = p.nat;
  a->up_rate = p.up_rate;
  a->down_rate = p.down_rate;
}

world *world_new(const world_options *o, world_event_fn *fn, void *ctx) {
  world *w = calloc(1, sizeof *w);
  if (w == NULL) abort();
  w->o = *o;
  w->fn = fn;
  w->ctx = ctx;
  w->chance.state = o->seed;
  w->digest = 0xcbf29ce484222325u;
  w->now = AL_SECOND;
  w->alloc = (al_alloc){w, world_alloc, world_release};
  w->bufs = o->bufs != 0 ? o->bufs : 65536;
  uint32_t effects = o->effects != 0 ? o->effects : 65536;
  if (al_work_new(&w->work, &w->alloc, w->bufs, effects) != AL_OK) abort();
  w->stats.core_bytes = w->stats.core_bytes_peak = 0; /* of the nodes only */
  w->shelf_alloc = (al_alloc){w, shelf_get, shelf_put};
  uint8_t secret[16] = {1};
  sim_store_u64(secret + 8, o->seed);
  if (o->shelf && al_shelf_new(&w->shelf, &w->shelf_alloc, o->suite, secret) != AL_OK) abort();
  w->actors = calloc(o->nodes, sizeof *w->actors);
  if (w->actors == NULL) abort();
  for (uint32_t i = 0; i < o->nodes; i++) place(w, &w->actors[i], i);
  return w;
}

static void stop_actor(world *w, actor *a, bool silent) {
  sim_wires_end(a, silent);
  al_node_free(a->node, w->work);
  al_drive_free(a->drive);
  free(a->puppet);
  a->node = NULL;
  a->drive = NULL;
  a->puppet = NULL;
  a->running = false;
  a->deadline = a->timer_at = AL_TIME_NEVER;
  w->stats.running--;
}

void world_free(world *w) {
  if (w == NULL) return;
  w->no_alloc = false;
  for (uint32_t i = 0; i < w->o.nodes; i++) {
    actor *a = &w->actors[i];
    if (a->running) stop_actor(w, a, true);
    sim_store_clear(a);
    free(a->address);
  }
  sim_queue_clear(&w->queue);
  sim_arena_clear(&w->arena);
  sim_wires_clear(w);
  al_shelf_free(w->shelf);
  al_work_free(w->work);
  sim_pool_clear(&w->pool);
  free(w->actors);
  free(w);
}

al_drive *world_drive(world *w, uint32_t node) { return w->actors[node].drive; }
al_node *world_node(world *w, uint32_t node) { return w->actors[node].node; }
bool world_running(const world *w, uint32_t node) { return w->actors[node].running; }
uint64_t world_bytes_sent(const world *w, uint32_t node) { return w->actors[node].bytes_sent; }
al_time world_now(const world *w) { return w->now; }
uint64_t world_wall_s(const world *w) { return WALL_S + w->now / AL_SECOND; }
const al_suite *world_suite(const world *w) { return w->o.suite; }
const world_options *world_options_of(const world *w) { return &w->o; }
uint64_t world_digest(const world *w) { return w->digest; }
uint64_t world_events(const world *w) { return w->stats.events; }
void world_forbid_alloc(world *w, bool on) { w->no_alloc = on; }

world_stats world_stats_now(const world *w) {
  world_stats s = w->stats;
  s.frames_peak = w->arena.peak;
  s.events_peak = w->queue.peak;
  return s;
}

void world_set_tap(world *w, world_tap_fn *fn, void *ctx) {
  w->tap = fn;
  w->tap_ctx = ctx;
}

al_bytes world_address(world *w, uint32_t node) {
  actor *a = &w->actors[node];
  if (a->address == NULL) {
    a->address = malloc(ADDRESS_BYTES);
    if (a->address == NULL) abort();
    address_of(node, a->address);
  }
  return (al_bytes){a->address, ADDRESS_BYTES};
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

void world_identity(const world *w, uint32_t node, uint8_t ret[32]) {
  const actor *a = &w->actors[node];
  memset(ret, (int)(node + 1), 32);
  sim_store_u32(ret, node + 1);
  if (a->births != 0) sim_store_u32(ret + 4, a->births);
}

/* `address` must stay until the node is made. */
static void configure(world *w, actor *a, al_config *c, uint8_t address[ADDRESS_BYTES]) {
  sim_place p;
  sim_place_of(&w->o.net, w->o.seed, a->index, &p);
  al_config_default(c);
  c->suite = w->o.suite;
  c->simulation = true;
  c->padding = w->o.padding;
  c->hops = w->o.hops;
  if (w->o.limits.links_max != 0) c->limits = w->o.limits;
  c->shelf = w->shelf;
  world_identity(w, a->index, c->identity);
  sim_store_u64(c->seed, w->o.seed);
  sim_store_u32(c->seed + 8, a->index);
  sim_store_u32(c->seed + 12, ++a->starts);
  c->wall_s = world_wall_s(w) + (uint64_t)(int64_t)p.skew_s;
  c->network_secret = w->o.network_secret;
  c->relay = !a->nat; /* nobody could come to it */
  address_of(a->index, address);
  c->addresses[0] = (al_bytes){address, ADDRESS_BYTES};
  c->addresses_count = a->nat ? 0 : 1;
  if (a->index < w->o.exits) {
    c->exit_rules[0] = (al_exit_rule){.accept = true, .port_min = 0, .port_max = 65535};
    c->exit_rules_count = 1;
  }
}

void world_start(world *w, uint32_t node) {
  actor *a = &w->actors[node];
  bool forbidden = w->no_alloc;
  w->no_alloc = false;
  al_config c;
  uint8_t address[ADDRESS_BYTES];
  configure(w, a, &c, address);
  al_bytes snap = sim_store_snapshot(a);
  c.snapshot = snap;
  if (w->o.configure != NULL) w->o.configure(w->ctx, w, node, &c);
  al_err e = al_node_new(&a->node, &w->alloc, &c, w->now);
  if (e != AL_OK) {
    fprintf(stderr, "world: node %u: %s\n", node, al_err_text(e));
    abort();
  }
  free((void *)(uintptr_t)snap.ptr);
  al_drive_host host = {a, h_now, h_event, h_deadline};
  if (al_drive_new(&a->drive, &w->alloc, &host, &sim_store_ops, (al_store *)(void *)a) != AL_OK)
    abort();
  a->running = true;
  w->stats.running++;
  al_drive_start(a->drive, a->node, w->work, &sim_transport_ops, (al_transport *)(void *)a);
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

void world_renew(world *w, uint32_t node) {
  actor *a = &w->actors[node];
  if (a->running) sim_broken(w, "a running node cannot become somebody else");
  a->births++;
  sim_store_clear(a);
}

void world_join(world *w, uint32_t node, uint32_t via) {
  actor *a = &w->actors[node];
  bool forbidden = w->no_alloc;
  w->no_alloc = false;
  uint8_t address[ADDRESS_BYTES];
  address_of(via, address);
  if (al_node_join(a->node, w->work, w->now, (al_bytes){address, sizeof address}) != AL_OK) abort();
  al_drive_pump(a->drive);
  w->no_alloc = forbidden;
}

/* ---- the run ---- */

static void tick(actor *a) {
  a->deadline = AL_TIME_NEVER;
  if (a->puppet != NULL)
    a->puppet->tick(a->puppet->ctx);
  else
    al_drive_tick(a->drive);
}

static void timer(world *w, const sim_event *e) {
  actor *a = &w->actors[e->a];
  if (a->timer_at != e->time) return; /* void */
  if (a->paused_until > w->now) {
    set_timer(a, a->paused_until);
    return;
  }
  if (a->deadline <= w->now) {
    w->stats.events++;
    tick(a);
  }
  if (!a->running) return;
  a->timer_at = AL_TIME_NEVER;
  if (a->deadline != AL_TIME_NEVER) set_timer(a, a->deadline > w->now ? a->deadline : w->now);
}

void world_run(world *w, al_time until) {
  for (sim_event e; sim_queue_pop(&w->queue, until, &e);) {
    if (e.time > w->now) w->now = e.time;
    sim_look_ahead(w);
    if (sim_event_kind(&e) == EV_TIMER) {
      timer(w, &e);
      continue;
    }
    w->stats.events++;
    if (sim_event_kind(&e) != EV_CALL)
      sim_wire_event(w, &e);
    else if (w->call != NULL)
      w->call(w->call_ctx, w, e.a, e.b);
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
  a->puppet = malloc(sizeof *a->puppet);
  if (a->puppet == NULL) abort();
  *a->puppet = *p;
  a->running = true;
  a->starts++;
  a->deadline = AL_TIME_NEVER;
  w->stats.running++;
}

void world_puppet_wake(world *w, uint32_t node, al_time when) {
  h_deadline(&w->actors[node], when);
}

const al_transport_ops *world_ops(void) { return &sim_transport_ops; }

al_transport *world_transport(world *w, uint32_t node) {
  return (al_transport *)(void *)&w->actors[node];
}
