/* lookups.c — nodes look for keys in the DHT. Who really is the closest is known here: an answer is
 * right when it names the closest honest node that runs and can be dialled. */
#include <stdlib.h>
#include <string.h>

#include "allium/al_dht.h"
#include "parts.h"

enum { AFTER_FAULT_US = 30000000 };

void seek_init(sim_run *r) {
  r->lookups.ids = calloc((size_t)r->nodes + 1, sizeof *r->lookups.ids);
  if (r->lookups.ids == NULL) abort();
}

void seek_free(sim_run *r) {
  free(r->lookups.ids);
  for (int i = 0; i < LOOKUP_TIMES; i++) {
    sample_free(&r->lookups.part[i].hops);
    sample_free(&r->lookups.part[i].ms);
  }
  sample_free(&r->lookups.hops);
  sample_free(&r->lookups.ms);
}

void seek_know(sim_run *r, uint32_t node) {
  al_node_info info;
  al_inspect_node(world_node(r->w, node), &info);
  r->lookups.ids[node] = info.id;
}

static bool closer(const al_id *a, const al_id *b, const al_id *target) {
  for (int i = 0; i < 32; i++) {
    uint8_t x = a->b[i] ^ target->b[i], y = b->b[i] ^ target->b[i];
    if (x != y) return x < y;
  }
  return false;
}

/* The closest one that others can look for; UINT32_MAX: there is none. */
static uint32_t closest(const sim_run *r, const al_id *target) {
  uint32_t best = UINT32_MAX;
  for (uint32_t i = 0; i < r->running_count; i++) {
    uint32_t node = r->running[i];
    const al_id *id = &r->lookups.ids[node];
    if (best != UINT32_MAX && !closer(id, &r->lookups.ids[best], target)) continue;
    if (!world_nat(r->w, node) && !run_hostile(r, node)) best = node;
  }
  return best;
}

static void again(sim_run *r) {
  uint64_t mean = AL_SECOND / r->s.work_lookups;
  world_call(r->w, world_now(r->w) + sim_exponential(&r->chance, mean) + 1, CALL_LOOKUP, 0);
}

void seek_begin(sim_run *r) {
  if (r->s.work_lookups != 0) again(r);
}

/* Which part of the figures a lookup of now belongs to. */
static uint8_t part_of(const sim_run *r) {
  al_time over = r->health.fault_over;
  if (r->phase == RUN_SETTLE) return LOOKUP_SETTLE;
  return over != 0 && world_now(r->w) < over + AFTER_FAULT_US ? LOOKUP_FAULT : LOOKUP_RUN;
}

/* Every second lookup goes where hostile nodes lie in wait, when they have had time to. */
static void aim(sim_run *r, lookup_one *o) {
  uint32_t victim = crowd_victim(r);
  if (r->s.hostile_chosen == 0 || r->lookups.next % 2 == 0) return;
  if (r->phase == RUN_RUN && world_now(r->w) < r->lookups.aimed_from) return;
  if (victim != UINT32_MAX && !world_running(r->w, victim)) return;
  o->part = LOOKUP_AIMED;
  if (victim != UINT32_MAX) o->node = victim;
}

void seek_call(sim_run *r) {
  run_lookups *k = &r->lookups;
  if (r->phase > RUN_SETTLE || world_now(r->w) + 15 * AL_SECOND > r->ends[RUN_SETTLE]) return;
  uint32_t node = run_any(r, true), slot = k->next++ % LOOKUPS_MAX;
  again(r);
  if (node == UINT32_MAX || k->one[slot].used) return;
  lookup_one *o = &k->one[slot];
  *o = (lookup_one){.node = node, .part = part_of(r), .used = true};
  aim(r, o);
  node = o->node;
  al_lookup what = {.paths = (uint8_t)r->s.work_paths, .first = r->s.work_paths == 1};
  for (int i = 0; i < 32; i++) what.target.b[i] = (uint8_t)sim_draw(&r->chance);
  if (o->part == LOOKUP_AIMED && crowd_victim(r) == UINT32_MAX) what.target = crowd_key(r);
  o->target = what.target;
  k->part[o->part].asked++;
  al_drive *d = world_drive(r->w, node);
  if (al_node_lookup(world_node(r->w, node), al_drive_work(d), world_now(r->w), &what,
                     &o->number) != AL_OK) {
    o->used = false;
    k->refused++; /* too many of its own under way: the network was not asked */
    k->part[o->part].asked--;
  }
  al_drive_pump(d);
}

static bool names(const al_event *ev, const al_id *id) {
  for (uint32_t i = 0; i < ev->count; i++) {
    if (memcmp(ev->data.ptr + sizeof id->b * i, id->b, sizeof id->b) == 0) return true;
  }
  return false;
}

void seek_event(sim_run *r, uint32_t node, const al_event *ev) {
  run_lookups *k = &r->lookups;
  for (uint32_t i = 0; i < LOOKUPS_MAX; i++) {
    lookup_one *o = &k->one[i];
    if (!o->used || o->node != node || o->number != ev->lookup) continue;
    lookup_part *p = &k->part[o->part];
    uint32_t best = closest(r, &o->target);
    o->used = false;
    /* Who asks and is the closest itself is not in its own answer. */
    if (best == node || (best != UINT32_MAX && names(ev, &r->lookups.ids[best]))) {
      p->right++;
      sample_add(&p->hops, ev->hops);
      sample_add(&p->ms, ev->duration_us / 1000);
      sample_add(&k->hops, ev->hops);
      sample_add(&k->ms, ev->duration_us / 1000);
    } else if (ev->err != AL_OK) {
      p->failed++;
    } else {
      p->wrong++;
    }
    return;
  }
}

/* Whoever asked is gone: nobody wants the answer. */
void seek_gone(sim_run *r, uint32_t node) {
  for (uint32_t i = 0; i < LOOKUPS_MAX; i++) {
    lookup_one *o = &r->lookups.one[i];
    if (!o->used || o->node != node) continue;
    o->used = false;
    r->lookups.part[o->part].asked--;
  }
}
