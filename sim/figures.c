/* figures.c — the figures of a run, and where the middle of many numbers is. */
#include <stdio.h>
#include <stdlib.h>

#include "parts.h"

void sample_add(sim_samples *s, uint64_t value) {
  if (s->count == s->cap) {
    s->cap = s->cap == 0 ? 256 : s->cap * 2;
    s->value = realloc(s->value, s->cap * sizeof *s->value);
    if (s->value == NULL) abort();
  }
  s->value[s->count++] = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
  s->sum += value;
  s->sorted = false;
}

static int order(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

uint32_t sample_at(sim_samples *s, unsigned per_mille) {
  if (s->count == 0) return 0;
  if (!s->sorted) qsort(s->value, s->count, sizeof *s->value, order);
  s->sorted = true;
  return s->value[(s->count - 1) * (uint64_t)per_mille / 1000];
}

void sample_free(sim_samples *s) { free(s->value); }

static void add(sim_run *r, const char *name, const char *unit, unsigned decimals, uint64_t value) {
  if (r->figures_count == FIGURES_MAX) abort();
  sim_figure *f = &r->figures[r->figures_count++];
  snprintf(f->name, sizeof f->name, "%s", name);
  f->unit = unit;
  f->decimals = decimals;
  f->value = (int64_t)value;
}

static void add_samples(sim_run *r, const char *name, const char *unit, sim_samples *s) {
  static const unsigned at[] = {500, 950, 990};
  static const char *const words[] = {"p50", "p95", "p99"};
  char text[64];
  if (s->count == 0) return;
  for (int i = 0; i < 3; i++) {
    snprintf(text, sizeof text, "%s.%s", name, words[i]);
    add(r, text, unit, 0, sample_at(s, at[i]));
  }
}

/* part / whole with four decimals. */
static uint64_t ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : part * 10000 / whole;
}

static void add_work(sim_run *r) {
  run_work *k = &r->work;
  static const char *const when[2] = {"run", "settle"};
  char text[64];
  if (r->s.work_streams == 0) return;
  for (int i = 0; i < 2; i++) {
    snprintf(text, sizeof text, "streams.%s.asked", when[i]);
    add(r, text, "", 0, k->opened[i]);
    snprintf(text, sizeof text, "streams.%s.whole", when[i]);
    add(r, text, "", 4, ratio(k->whole[i], k->opened[i]));
    snprintf(text, sizeof text, "streams.%s.late", when[i]);
    add(r, text, "", 0, k->late[i]);
  }
  add(r, "streams.refused", "", 0, k->refused);
  add(r, "streams.skipped", "", 0, k->skipped);
  add_samples(r, "streams.open_ms", "ms", &k->open_ms);
  add_samples(r, "streams.done_ms", "ms", &k->done_ms);
}

static void add_lookups(sim_run *r) {
  static const char *const when[LOOKUP_TIMES] = {"run", "fault", "settle", "aimed"};
  run_lookups *k = &r->lookups;
  uint64_t asked = 0, right = 0;
  char text[64];
  if (r->s.work_lookups == 0) return;
  for (int i = 0; i < LOOKUP_TIMES; i++) {
    lookup_part *p = &k->part[i];
    asked += p->asked;
    right += p->right;
    if (p->asked == 0) continue;
    snprintf(text, sizeof text, "lookups.%s.asked", when[i]);
    add(r, text, "", 0, p->asked);
    snprintf(text, sizeof text, "lookups.%s.success", when[i]);
    add(r, text, "", 4, ratio(p->right, p->asked));
    snprintf(text, sizeof text, "lookups.%s.wrong", when[i]);
    add(r, text, "", 0, p->wrong);
    snprintf(text, sizeof text, "lookups.%s.failed", when[i]);
    add(r, text, "", 0, p->failed);
    snprintf(text, sizeof text, "lookups.%s.unended", when[i]);
    add(r, text, "", 0, p->asked - p->right - p->wrong - p->failed);
    snprintf(text, sizeof text, "lookups.%s.latency_ms", when[i]);
    add_samples(r, text, "ms", &p->ms);
  }
  add(r, "lookups.success", "", 4, ratio(right, asked));
  add(r, "lookups.refused", "", 0, k->refused);
  add(r, "lookups.hops_mean", "", 2, k->hops.count != 0 ? k->hops.sum * 100 / k->hops.count : 0);
  add(r, "lookups.hops_max", "", 0, sample_at(&k->hops, 1000));
  add_samples(r, "lookups.latency_ms", "ms", &k->ms);
}

static void add_keepsakes(sim_run *r) {
  static const char *const what[FETCH_AIMS] = {"records", "records.aimed"};
  run_keepsakes *k = &r->keepsakes;
  char text[64];
  if (k->count == 0) return;
  add(r, "records.published", "", 0, k->published);
  add(r, "records.refused", "", 0, k->refused);
  add(r, "records.skipped", "", 0, k->skipped);
  add(r, "records.wrong", "", 0, k->wrong);
  for (int i = 0; i < FETCH_AIMS; i++) {
    fetch_part *p = &k->part[i];
    if (p->asked == 0) continue;
    snprintf(text, sizeof text, "%s.asked", what[i]);
    add(r, text, "", 0, p->asked);
    snprintf(text, sizeof text, "%s.found", what[i]);
    add(r, text, "", 4, ratio(p->found, p->asked));
    snprintf(text, sizeof text, "%s.stale", what[i]);
    add(r, text, "", 4, ratio(p->stale, p->asked));
    snprintf(text, sizeof text, "%s.lost", what[i]);
    add(r, text, "", 4, ratio(p->lost, p->asked));
    snprintf(text, sizeof text, "%s.latency_ms", what[i]);
    add_samples(r, text, "ms", &p->ms);
  }
}

static void add_sample(sim_run *r) {
  const run_health *h = &r->health;
  if (r->s.hostile_share == 0 && r->s.hostile_gossip == 0) return;
  add(r, "sample.hostile", "", 4, ratio(h->drawn_hostile, h->drawn));
  add(r, "sample.doubted", "", 4, ratio(h->doubted, h->known_honest));
}

static void add_nodes(sim_run *r) {
  uint64_t links = 0, peers = 0, circuits = 0;
  for (uint32_t i = 0; i < r->running_count; i++) {
    al_node_info info;
    al_inspect_node(world_node(r->w, r->running[i]), &info);
    links += info.links_up;
    peers += info.peers;
    circuits += info.circuits_origin + info.circuits_relay + info.circuits_end;
  }
  uint64_t n = r->running_count != 0 ? r->running_count : 1;
  add(r, "nodes.running", "", 0, r->running_count);
  add(r, "nodes.joins", "", 0, r->joins);
  add(r, "nodes.leaves", "", 0, r->leaves);
  add(r, "nodes.links_mean", "", 2, links * 100 / n);
  add(r, "nodes.peers_mean", "", 2, peers * 100 / n);
  add(r, "nodes.circuits_mean", "", 2, circuits * 100 / n);
  world_stats st = world_stats_now(r->w);
  add(r, "nodes.memory_bytes", "B", 0, (st.core_bytes + st.shelf_bytes) / n);
}

void figures_make(sim_run *r) {
  world_stats st = world_stats_now(r->w);
  const run_health *h = &r->health;
  add_nodes(r);
  add(r, "links.up", "", 0, r->links_up);
  add(r, "links.down", "", 0, r->links_down);
  add(r, "links.failed", "", 0, r->links_failed);
  add_samples(r, "links.up_ms", "ms", &r->link_ms);
  add(r, "circuits.up", "", 0, r->circuits_up);
  add(r, "circuits.down", "", 0, r->circuits_down);
  add_samples(r, "circuits.build_ms", "ms", &r->circuit_ms);
  add_work(r);
  add_lookups(r);
  add_keepsakes(r);
  add_sample(r);
  if (crowd_victim(r) != UINT32_MAX) add(r, "hostile.links", "", 4, crowd_grip(r));
  add(r, "health.linked", "", 4, ratio(h->linked, h->honest));
  add(r, "health.connected", "", 4, ratio(h->connected, h->honest));
  if (h->fault_over != 0 && h->repaired) add(r, "repair.connected_ms", "ms", 0, h->repair_ms);
  add(r, "network.frames", "", 0, st.frames);
  add(r, "network.lost", "", 0, st.lost);
  add(r, "network.dropped", "", 0, st.dropped);
  add(r, "network.blocked", "", 0, st.blocked);
  add(r, "network.dials", "", 0, st.dials);
  add(r, "network.dials_failed", "", 0, st.dials_failed);
  add(r, "network.frames_peak", "", 0, st.frames_peak);
  uint64_t node_s = r->node_us / AL_SECOND;
  add(r, "bytes_per_node_s", "B/s", 0, node_s != 0 ? r->bytes_before / node_s : 0);
  add(r, "events_per_node_s", "", 2, node_s != 0 ? r->events_before * 100 / node_s : 0);
  add(r, "events", "", 0, st.events);
}

bool sim_run_distribution(sim_run *r, size_t index, const char **name, uint64_t *count,
                          uint32_t value[21]) {
  struct {
    const char *name;
    sim_samples *s;
  } all[] = {{"links.up_ms", &r->link_ms},
             {"circuits.build_ms", &r->circuit_ms},
             {"streams.open_ms", &r->work.open_ms},
             {"streams.done_ms", &r->work.done_ms},
             {"lookups.hops", &r->lookups.hops},
             {"lookups.latency_ms", &r->lookups.ms},
             {"records.latency_ms", &r->keepsakes.part[FETCH_ANY].ms}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    if (all[i].s->count == 0 || index-- != 0) continue;
    *name = all[i].name;
    *count = all[i].s->count;
    for (unsigned k = 0; k <= 20; k++) value[k] = sample_at(all[i].s, 50 * k);
    return true;
  }
  return false;
}
