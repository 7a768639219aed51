/* wake.c — what circuits and streams need in a node: there from its start, or (al_limits.lean) from
 * the first circuit on. Called where memory may be got: at start, by commands, at a set-up. */
#include "node/parts.h"
#include "node/wake.h"

/* What a node without circuits reads: there are none. Never written. */
static const node_busy nothing;

void al_node_doze(al_node *n) {
  node_busy *none = (node_busy *)(uintptr_t)&nothing;
  n->circuits = &none->circuits;
  n->streams = &none->streams;
  n->guards = &none->guards;
}

static al_err init_busy(al_node *n) {
  n->busy = al_new(&n->alloc, sizeof *n->busy);
  if (n->busy == NULL) return AL_ENOMEM;
  n->circuits = &n->busy->circuits;
  n->streams = &n->busy->streams;
  n->guards = &n->busy->guards;
  al_guards_init(n->guards);
  return AL_OK;
}

static al_err init_circuits(al_node *n) {
  uint64_t held = (uint64_t)n->limits.circuits_max * n->limits.queue_cells_max;
  al_circuits_config c = {.alloc = &n->alloc,
                          .suite = n->suite,
                          .rng = &n->rng,
                          .counters = &n->counters,
                          .self = n->identity.id,
                          .circuits_max = n->limits.circuits_max,
                          .links_max = n->limits.links_max,
                          .origins_max = AL_NODE_ORIGINS_LIMIT + AL_NODE_TRIPS_LIMIT,
                          .queue_cells_max = n->limits.queue_cells_max,
                          .held_cells_max = (uint32_t)al_min_u64(held, AL_NODE_HELD_MAX),
                          .creates_per_s = n->limits.creates_per_s};
  return al_circuits_init(n->circuits, &c);
}

static al_err init_streams(al_node *n) {
  n->ends_max = n->limits.circuits_max;
  al_streams_config c = {.alloc = &n->alloc,
                         .rng = &n->rng,
                         .counters = &n->counters,
                         .streams_max = n->limits.streams_max,
                         .bundles_max = n->ends_max,
                         .stream_window = n->limits.stream_window,
                         .packets_max = n->limits.lean ? AL_NODE_PACKETS_LEAN : 0};
  return al_streams_init(n->streams, &c);
}

static al_err init_tables(al_node *n) {
  const al_alloc *a = &n->alloc;
  n->urgent_max = 2 * n->limits.circuits_max + 64;
  n->urgent = al_new_array(a, n->urgent_max, sizeof *n->urgent);
  n->ahead = al_new_array(a, n->limits.links_max, sizeof *n->ahead);
  n->ends = al_new_array(a, n->ends_max, sizeof *n->ends);
  n->end_of = al_new_array(a, n->limits.circuits_max, sizeof *n->end_of);
  n->origins_max = (uint32_t)al_min_u64(n->limits.circuits_max, AL_NODE_ORIGINS_LIMIT);
  n->origins = al_new_array(a, n->origins_max, sizeof *n->origins);
  n->pending_max = (uint32_t)al_min_u64(n->limits.circuits_max, AL_NODE_PENDING_LIMIT);
  n->pending = al_new_array(a, n->pending_max, sizeof *n->pending);
  if (n->urgent == NULL || n->ahead == NULL || n->ends == NULL || n->end_of == NULL ||
      n->origins == NULL || n->pending == NULL) {
    return AL_ENOMEM;
  }
  for (uint32_t i = 0; i < n->urgent_max; i++) {
    n->urgent[i].next = i + 1 < n->urgent_max ? i + 2 : 0;
  }
  n->urgent_free = 1;
  return AL_OK;
}

static al_err init_replay(al_node *n) {
  al_err e = AL_OK;
  for (int i = 0; i < AL_NODE_ONION_KEYS && e == AL_OK; i++) {
    uint8_t secret[AL_MAP_SECRET_BYTES];
    al_rng_bytes(&n->rng, secret, sizeof secret);
    n->onion[i].replay = &n->busy->replays[i];
    e = al_replay_init(n->onion[i].replay, &n->alloc, n->limits.replay_tags_max, secret);
  }
  return e;
}

/* Links that are up already carry circuits from now on. */
static void take_links(al_node *n) {
  for (uint32_t i = 0; i < n->neighbours_len; i++) {
    const node_neighbour *nb = al_node_neighbour_at(n, i);
    if (nb->link == 0 || !nb->up) continue;
    bool dialled = al_link_is_initiator(&n->links, nb->link);
    al_err e = al_circuit_link_up(n->circuits, nb->link, dialled, n->now);
    AL_ASSERT(e == AL_OK); /* as many places as links, and none is taken */
  }
}

al_err al_node_wake(al_node *n) {
  if (n->awake) return AL_OK;
  al_err e = init_busy(n);
  if (e == AL_OK) e = init_circuits(n);
  if (e == AL_OK) e = init_streams(n);
  if (e == AL_OK) e = init_tables(n);
  if (e == AL_OK) e = al_node_meetings_init(n);
  if (e == AL_OK) e = init_replay(n);
  if (e != AL_OK) {
    al_node_sleep(n);
    return e;
  }
  take_links(n);
  n->awake = true;
  return AL_OK;
}

void al_node_sleep(al_node *n) {
  const al_alloc *a = &n->alloc;
  al_node_meetings_clear(n);
  al_delete(a, n->urgent, n->urgent_max * sizeof *n->urgent);
  al_delete(a, n->ahead, n->limits.links_max * sizeof *n->ahead);
  al_delete(a, n->ends, n->ends_max * sizeof *n->ends);
  al_delete(a, n->end_of, n->limits.circuits_max * sizeof *n->end_of);
  al_delete(a, n->origins, n->origins_max * sizeof *n->origins);
  al_delete(a, n->pending, n->pending_max * sizeof *n->pending);
  if (n->busy != NULL) {
    al_streams_clear(n->streams);
    al_circuits_clear(n->circuits);
    for (int i = 0; i < AL_NODE_ONION_KEYS; i++) al_replay_clear(&n->busy->replays[i]);
    al_wipe(n->busy, sizeof *n->busy);
    al_delete(a, n->busy, sizeof *n->busy);
  }
  for (int i = 0; i < AL_NODE_ONION_KEYS; i++) n->onion[i].replay = NULL;
  n->busy = NULL;
  al_node_doze(n);
  n->urgent = NULL;
  n->ahead = NULL;
  n->ends = NULL;
  n->end_of = NULL;
  n->origins = NULL;
  n->pending = NULL;
  n->detached_count = n->sweep_cursor = 0;
  n->urgent_free = n->urgent_max = n->ends_max = n->origins_max = n->pending_max = 0;
  n->awake = false;
}
