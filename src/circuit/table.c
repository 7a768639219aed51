/* table.c — the life of circuits: links, ids, time-outs, ends. See circuit.h. */
#include "circuit/table.h"

enum {
  CIRCUITS_MAX = AL_SLAB_LIMIT_MAX / 2, /* two map entries each; hops fit a slab */
  ORIGINS_DEFAULT = 256,
  QUEUE_DEFAULT = 256,
  HELD_DEFAULT = 4096,
  HELD_MAX = AL_SLAB_LIMIT_MAX - 1,
  CREATES_DEFAULT = 50,
  CREATES_MAX = 1000000,
  BURST = 4,
};

#define BUILD_DEFAULT (10 * AL_SECOND)
#define TARGET_DEFAULT (25 * AL_MS)
#define INTERVAL_DEFAULT (500 * AL_MS)

/* ---- the table ---- */

static void fill_defaults(al_circuits_config *c) {
  if (c->origins_max == 0) c->origins_max = ORIGINS_DEFAULT;
  if (c->origins_max > c->circuits_max) c->origins_max = c->circuits_max;
  if (c->queue_cells_max == 0) c->queue_cells_max = QUEUE_DEFAULT;
  if (c->held_cells_max == 0) c->held_cells_max = HELD_DEFAULT;
  if (c->creates_per_s == 0) c->creates_per_s = CREATES_DEFAULT;
  if (c->half_open_max == 0) c->half_open_max = BURST * c->creates_per_s;
  if (c->build_timeout_us == 0) c->build_timeout_us = BUILD_DEFAULT;
  if (c->codel_target_us == 0) c->codel_target_us = TARGET_DEFAULT;
  if (c->codel_interval_us == 0) c->codel_interval_us = INTERVAL_DEFAULT;
}

static bool config_ok(const al_circuits_config *c) {
  return c->alloc != NULL && c->suite != NULL && c->rng != NULL && c->counters != NULL &&
         c->circuits_max >= 1 && c->circuits_max <= CIRCUITS_MAX && c->links_max >= 1 &&
         c->held_cells_max <= HELD_MAX && c->creates_per_s <= CREATES_MAX;
}

/* At most this many hops live at once: one for each circuit, and four more for each own one. */
static uint32_t hops_max(const al_circuits_config *c) {
  uint64_t n = (uint64_t)c->circuits_max + (AL_HOPS_MAX - 1) * (uint64_t)c->origins_max;
  return (uint32_t)al_min_u64(n, AL_SLAB_LIMIT_MAX);
}

al_err al_circuits_init(al_circuits *cs, const al_circuits_config *c) {
  memset(cs, 0, sizeof *cs);
  if (!config_ok(c)) return AL_EINVAL;
  cs->cfg = *c;
  fill_defaults(&cs->cfg);
  c = &cs->cfg;
  uint8_t secret[AL_MAP_SECRET_BYTES];
  al_rng_bytes(c->rng, secret, sizeof secret);
  al_err e = al_slab_init(&cs->items, c->alloc, sizeof(al_circuit_item), c->circuits_max);
  if (e == AL_OK) e = al_slab_init(&cs->hops, c->alloc, sizeof(al_circuit_hop), hops_max(c));
  if (e == AL_OK) e = al_map_init(&cs->by_id, c->alloc, 8, 2 * c->circuits_max, secret);
  al_wipe(secret, sizeof secret);
  if (e == AL_OK) {
    cs->ports = al_new_array(c->alloc, c->links_max, sizeof *cs->ports);
    cs->held = al_new_array(c->alloc, c->held_cells_max, sizeof *cs->held);
    if (cs->ports == NULL || cs->held == NULL) e = AL_ENOMEM;
  }
  if (e != AL_OK) {
    al_circuits_clear(cs);
    return e;
  }
  for (uint32_t i = 0; i < c->held_cells_max; i++)
    cs->held[i].next = i + 1 < c->held_cells_max ? i + 2 : 0;
  cs->held_free = 1;
  return AL_OK;
}

void al_circuits_clear(al_circuits *cs) {
  const al_circuits_config *c = &cs->cfg;
  al_slab_clear(&cs->items);
  al_slab_clear(&cs->hops);
  al_map_clear(&cs->by_id);
  if (c->alloc != NULL) {
    al_delete(c->alloc, cs->ports, c->links_max * sizeof *cs->ports);
    al_delete(c->alloc, cs->held, c->held_cells_max * sizeof *cs->held);
  }
  memset(cs, 0, sizeof *cs);
}

al_err al_circuits_reserve(al_circuits *cs, uint32_t spare) {
  const uint32_t own = AL_CIRCUIT_ORIGINS_SPARE * (AL_HOPS_MAX - 1);
  uint64_t items = (uint64_t)al_slab_count(&cs->items) + spare;
  uint64_t hops = (uint64_t)al_slab_count(&cs->hops) + spare + own;
  al_err e = al_slab_reserve(&cs->items, (uint32_t)al_min_u64(items, cs->cfg.circuits_max));
  if (e != AL_OK) return e;
  return al_slab_reserve(&cs->hops, (uint32_t)al_min_u64(hops, hops_max(&cs->cfg)));
}

/* ---- one circuit ---- */

static void half_push(al_circuits *cs, al_circuit_item *c) {
  c->older = cs->newest;
  c->newer = NULL;
  if (cs->newest != NULL)
    cs->newest->newer = c;
  else
    cs->oldest = c;
  cs->newest = c;
}

static void half_drop(al_circuits *cs, al_circuit_item *c) {
  if (c->older != NULL)
    c->older->newer = c->newer;
  else
    cs->oldest = c->newer;
  if (c->newer != NULL)
    c->newer->older = c->older;
  else
    cs->newest = c->older;
  c->older = c->newer = NULL;
}

al_circuit_item *al_circuit_new(al_circuits *cs, al_circuit_role role, uint8_t hops, al_time now) {
  AL_ASSERT(hops >= 1 && hops <= AL_HOPS_MAX);
  if (role == AL_CIRCUIT_ORIGIN && cs->roles[role] >= cs->cfg.origins_max) return NULL;
  void *p;
  al_circ circ = al_slab_take_noalloc(&cs->items, &p);
  if (circ == 0) return NULL;
  al_circuit_item *c = p;
  for (uint8_t i = 0; i < hops; i++) {
    uint32_t h = al_slab_take_noalloc(&cs->hops, &p);
    if (h == 0) {
      while (i > 0) al_slab_drop(&cs->hops, c->hop_handle[--i]);
      al_slab_drop(&cs->items, circ);
      return NULL;
    }
    c->hop_handle[i] = h;
    c->hop[i] = p;
  }
  c->self = c->side[0].circ = c->side[1].circ = circ;
  c->role = role;
  c->hops = hops;
  c->started = now;
  cs->roles[role]++;
  half_push(cs, c);
  return c;
}

void al_circuit_attach(al_circuits *cs, al_circuit_item *c, al_circuit_dir dir, al_link link,
                       uint32_t id) {
  al_circuit_port *port = al_circuit_port_of(cs, link);
  AL_ASSERT(port != NULL && c->side[dir].link == 0);
  al_circuit_side *s = &c->side[dir];
  s->link = link;
  s->id = id;
  s->lnext = port->sides;
  if (port->sides != NULL) port->sides->lprev = s;
  port->sides = s;
  port->sides_count++;
  if (c->role == AL_CIRCUIT_RELAY && dir == AL_CIRCUIT_BACKWARD) port->half_open++;
  al_err e = al_map_put_u64(&cs->by_id, al_circuit_key(link, id), c->self);
  AL_ASSERT(e == AL_OK); /* two entries for each circuit fit */
}

static void detach(al_circuits *cs, al_circuit_side *s) {
  al_circuit_port *port = al_circuit_port_of(cs, s->link);
  AL_ASSERT(port != NULL); /* a link goes down only after its circuits */
  if (s->lprev != NULL)
    s->lprev->lnext = s->lnext;
  else
    port->sides = s->lnext;
  if (s->lnext != NULL) s->lnext->lprev = s->lprev;
  port->sides_count--;
  al_map_drop_u64(&cs->by_id, al_circuit_key(s->link, s->id), NULL);
}

/* The circuit is not half-open any more: built, or about to end. */
static void leave_half(al_circuits *cs, al_circuit_item *c) {
  half_drop(cs, c);
  if (c->role != AL_CIRCUIT_RELAY || c->side[AL_CIRCUIT_BACKWARD].link == 0) return;
  al_circuit_port_of(cs, c->side[AL_CIRCUIT_BACKWARD].link)->half_open--;
}

void al_circuit_opened(al_circuits *cs, al_circuit_item *c, al_time now) {
  AL_ASSERT(!c->open);
  leave_half(cs, c);
  c->open = true;
  c->build_us = al_time_since(now, c->started);
}

uint32_t al_circuit_free_id(al_circuits *cs, const al_circuit_port *port) {
  for (int i = 0; i < AL_CIRCUIT_IDS_TRIED; i++) {
    uint32_t id = (al_rng_u32(cs->cfg.rng) & 0x7fffffffu) | (port->dialled ? 0x80000000u : 0);
    if (id != 0 && !al_map_find_u64(&cs->by_id, al_circuit_key(port->link, id), NULL)) return id;
  }
  return 0;
}

void al_circuit_end(al_circuits *cs, al_circuit_item *c, al_reason reason, al_circuit_gone *gone) {
  memset(gone, 0, sizeof *gone);
  gone->circ = c->self;
  gone->role = c->role;
  gone->was_open = c->open;
  gone->reason = reason;
  if (!c->open) leave_half(cs, c);
  for (int d = 0; d < 2; d++) {
    al_circuit_side *s = &c->side[d];
    if (s->link == 0) continue;
    gone->tell[d].link = s->link;
    gone->tell[d].id = s->id;
    uint32_t last = s->tail, chain = al_circuit_unqueue(cs, s);
    if (chain != 0) {
      cs->held[last - 1].next = gone->held;
      gone->held = chain;
    }
    detach(cs, s);
  }
  cs->roles[c->role]--;
  for (uint8_t i = 0; i < c->hops; i++) al_slab_drop(&cs->hops, c->hop_handle[i]);
  al_slab_drop(&cs->items, c->self);
}

/* ---- links and time ---- */

al_err al_circuit_link_up(al_circuits *cs, al_link link, bool dialled, al_time now) {
  uint32_t i = al_slab_index(link);
  if (link == 0 || i >= cs->cfg.links_max) return AL_EFULL;
  al_circuit_port *port = &cs->ports[i];
  if (port->link != 0) return AL_ESTATE;
  memset(port, 0, sizeof *port);
  port->link = link;
  port->dialled = dialled;
  port->creates_at = now;
  return AL_OK;
}

bool al_circuit_link_down(al_circuits *cs, al_link link, al_circuit_gone *gone) {
  al_circuit_port *port = al_circuit_port_of(cs, link);
  if (port == NULL) return false;
  if (port->sides == NULL) {
    memset(port, 0, sizeof *port);
    return false;
  }
  al_circuit_end(cs, al_circuit_get(cs, port->sides->circ), AL_REASON_LINK, gone);
  for (int d = 0; d < 2; d++)
    if (gone->tell[d].link == link) gone->tell[d].link = 0;
  return true;
}

al_err al_circuit_destroy(al_circuits *cs, al_circ circ, al_reason reason, al_circuit_gone *gone) {
  al_circuit_item *c = al_circuit_get(cs, circ);
  if (c == NULL) return AL_ENOTFOUND;
  al_circuit_end(cs, c, reason, gone);
  return AL_OK;
}

void al_circuit_destroy_cell(uint8_t *cell, uint32_t id, al_reason reason) {
  const al_cell_header h = {.id = id, .type = AL_CELL_DESTROY, .flags = (uint8_t)reason};
  al_cell_encode(&h, cell);
  memset(cell + AL_CELL_HEADER_BYTES, 0, AL_CELL_PAYLOAD_BYTES);
}

al_time al_circuit_deadline(const al_circuits *cs) {
  if (cs->oldest == NULL) return AL_TIME_NEVER;
  return al_time_add(cs->oldest->started, cs->cfg.build_timeout_us);
}

bool al_circuit_tick(al_circuits *cs, al_time now, al_circuit_gone *gone) {
  if (now < al_circuit_deadline(cs) || cs->oldest == NULL) return false;
  al_count(cs->cfg.counters, AL_COUNT_circuit_build_timeout);
  al_circuit_end(cs, cs->oldest, AL_REASON_TIMEOUT, gone);
  return true;
}

/* The quota as the time at which the bucket will be full again (GCRA): it holds BURST seconds. */
bool al_circuit_may_create(al_circuits *cs, al_link link, al_time now) {
  al_circuit_port *port = al_circuit_port_of(cs, link);
  if (port == NULL) return false;
  const uint64_t one = AL_SECOND / cs->cfg.creates_per_s, all = BURST * AL_SECOND;
  al_time at = al_max_u64(port->creates_at, now);
  if (at + one - now > all) {
    al_count(cs->cfg.counters, AL_COUNT_circuit_full);
    return false;
  }
  port->creates_at = at + one;
  return true;
}

/* ---- looking in ---- */

al_circ al_circuit_each(const al_circuits *cs, uint32_t *cursor) {
  return al_slab_each(&cs->items, cursor);
}

bool al_circuit_info_get(const al_circuits *cs, al_circ circ, al_time now, al_circuit_info *ret) {
  const al_circuit_item *c = al_circuit_get(cs, circ);
  if (c == NULL) return false;
  memset(ret, 0, sizeof *ret);
  ret->circ = circ;
  ret->role = c->role;
  ret->open = c->open;
  ret->hops = c->hops;
  if (c->role == AL_CIRCUIT_ORIGIN)
    for (uint8_t i = 0; i < c->hops; i++) ret->path[i] = c->hop[i]->id;
  ret->queued = c->side[0].count + c->side[1].count;
  ret->build_us = (uint32_t)al_min_u64(c->build_us, UINT32_MAX);
  ret->cells_tx = c->cells_tx;
  ret->cells_rx = c->cells_rx;
  ret->age_us = al_time_since(now, c->started);
  return true;
}

uint32_t al_circuit_count(const al_circuits *cs, al_circuit_role role) {
  return (uint32_t)role < sizeof cs->roles / sizeof *cs->roles ? cs->roles[role] : 0;
}

uint32_t al_circuit_link_count(const al_circuits *cs, al_link link) {
  const al_circuit_port *port = al_circuit_port_of(cs, link);
  return port != NULL ? port->sides_count : 0;
}

bool al_circuit_retired(const al_circuits *cs, al_circ circ) {
  const al_circuit_item *c = al_circuit_get(cs, circ);
  return c == NULL || c->spoken + AL_CIRCUIT_OLD_CELLS >= AL_CIRCUIT_CELLS_MAX;
}
