/* checker_health.c — what must hold again when the faults are over: every node has neighbours, the
 * links make one network of all of them, and streams get through. Also says how long the network
 * took for that. */
#include <stdlib.h>

#include "parts.h"

void health_begin(sim_run *r) {
  r->health.parent = malloc((r->nodes + 1) * sizeof *r->health.parent);
  if (r->health.parent == NULL) abort();
  r->health.fault_over = 0;
  r->health.repair_ms = UINT32_MAX;
}

void health_free(sim_run *r) { free(r->health.parent); }

static uint32_t root(uint32_t *parent, uint32_t i) {
  while (parent[i] != i) i = parent[i] = parent[parent[i]];
  return i;
}

static void unite(uint32_t *parent, uint32_t a, uint32_t b) {
  a = root(parent, a);
  b = root(parent, b);
  if (a < b)
    parent[b] = a;
  else
    parent[a] = b;
}

/* Counts the honest nodes that have an authenticated neighbour, and those in the largest component
 * of the graph of links. */
static void look(sim_run *r) {
  run_health *h = &r->health;
  uint32_t *parent = h->parent, best = 0;
  h->linked = h->honest = h->connected = 0;
  for (uint32_t i = 0; i < r->nodes; i++) parent[i] = i;
  for (uint32_t k = 0; k < r->running_count; k++) {
    uint32_t node = r->running[k], other;
    if (run_hostile(r, node)) continue;
    al_node_info info;
    al_inspect_node(world_node(r->w, node), &info);
    h->honest++;
    h->linked += info.links_up > 0;
    for (uint32_t i = 0; (other = world_neighbour(r->w, node, i)) != UINT32_MAX; i++) {
      if (!run_hostile(r, other) && world_running(r->w, other)) unite(parent, node, other);
    }
  }
  uint32_t *size = calloc(r->nodes + 1, sizeof *size);
  if (size == NULL) abort();
  for (uint32_t k = 0; k < r->running_count; k++) {
    if (run_hostile(r, r->running[k])) continue;
    uint32_t n = ++size[root(parent, r->running[k])];
    if (n > best) best = n;
  }
  free(size);
  h->connected = best;
}

static bool share_of(uint64_t part, uint64_t whole, uint64_t ppm) {
  return part * 1000000 >= whole * ppm;
}

static bool well(const sim_run *r) {
  const run_health *h = &r->health;
  return share_of(h->linked, h->honest, r->s.check_linked) &&
         share_of(h->connected, h->honest, r->s.check_connected);
}

void health_sample(sim_run *r) {
  run_health *h = &r->health;
  if (h->parent == NULL || h->fault_over == 0 || h->repaired) return;
  look(r);
  if (!well(r)) return;
  h->repaired = true;
  h->repair_ms = (uint32_t)((world_now(r->w) - h->fault_over) / 1000);
}

static void check_lookups(sim_run *r) {
  static const char *const when[LOOKUP_TIMES] = {"during the run", "after the fault",
                                                 "while settling", "aimed at"};
  const uint64_t wanted[LOOKUP_TIMES] = {r->s.check_lookups_run, r->s.check_lookups_fault,
                                         r->s.check_lookups, r->s.check_lookups_aimed};
  for (int i = 0; i < LOOKUP_TIMES; i++) {
    const lookup_part *p = &r->lookups.part[i];
    if (p->asked == 0 || share_of(p->right, p->asked, wanted[i])) continue;
    run_fail(r, "health: %llu of %llu lookups %s named the closest node",
             (unsigned long long)p->right, (unsigned long long)p->asked, when[i]);
  }
}

/* Whom honest nodes would draw for a path, and whom they doubt. */
static void look_samples(sim_run *r) {
  run_health *h = &r->health;
  for (uint32_t i = 0; i < r->running_count; i++) {
    al_peer_info p;
    if (run_hostile(r, r->running[i])) continue;
    for (uint32_t k = 0; al_inspect_peer(world_node(r->w, r->running[i]), k, &p); k++) {
      bool hostile = crowd_knows(p.id.b);
      h->drawn += !p.doubted;
      h->drawn_hostile += hostile && !p.doubted;
      h->known_honest += !hostile;
      h->doubted += !hostile && p.doubted;
    }
  }
}

static void check_samples(sim_run *r) {
  const run_health *h = &r->health;
  if (r->s.hostile_share == 0 && r->s.hostile_gossip == 0) return;
  look_samples(r);
  if (h->drawn_hostile * 1000000 > h->drawn * r->s.check_sample)
    run_fail(r, "health: %llu of %llu nodes that honest ones draw from are hostile",
             (unsigned long long)h->drawn_hostile, (unsigned long long)h->drawn);
  if (h->doubted * 1000000 > h->known_honest * r->s.check_doubted)
    run_fail(r, "health: %llu of %llu honest nodes are in doubt", (unsigned long long)h->doubted,
             (unsigned long long)h->known_honest);
}

static void check_records(sim_run *r) {
  static const char *const what[FETCH_AIMS] = {"", " of the one that was surrounded"};
  for (int i = 0; i < FETCH_AIMS; i++) {
    const fetch_part *p = &r->keepsakes.part[i];
    const unsigned long long found = p->found, stale = p->stale, asked = p->asked;
    if (!share_of(found, asked, r->s.check_records))
      run_fail(r, "health: %llu of %llu fetches%s brought the record", found, asked, what[i]);
    if (stale * 1000000 > asked * r->s.check_stale)
      run_fail(r, "health: %llu of %llu fetches%s brought an old record", stale, asked, what[i]);
  }
  if (r->keepsakes.wrong != 0)
    run_fail(r, "health: %llu fetches brought what nobody published",
             (unsigned long long)r->keepsakes.wrong);
}

void health_over(sim_run *r) {
  const run_health *h = &r->health;
  const run_work *k = &r->work;
  look(r);
  if (!share_of(h->linked, h->honest, r->s.check_linked))
    run_fail(r, "health: %u of %u nodes have a neighbour", h->linked, h->honest);
  if (!share_of(h->connected, h->honest, r->s.check_connected))
    run_fail(r, "health: %u of %u nodes are one network", h->connected, h->honest);
  const uint64_t wanted[2] = {r->s.check_streams_run, r->s.check_streams};
  for (int i = 0; i < 2; i++) {
    if (k->opened[i] == 0 || share_of(k->whole[i], k->opened[i], wanted[i])) continue;
    run_fail(r, "health: %llu of %llu streams %s were whole", (unsigned long long)k->whole[i],
             (unsigned long long)k->opened[i], i == 0 ? "during the faults" : "after the faults");
  }
  check_lookups(r);
  check_records(r);
  check_samples(r);
}
