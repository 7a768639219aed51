/* lookups.c — see lookups.h. */
#include "lookups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lookups_init(lookups *l, world *w, uint32_t nodes, uint64_t seed) {
  memset(l, 0, sizeof *l);
  l->w = w;
  l->nodes = nodes;
  l->rand = seed;
  l->ids = calloc(nodes, sizeof *l->ids);
  l->gone = calloc(nodes, sizeof *l->gone);
  l->one = calloc(LOOKUPS_MAX, sizeof *l->one);
  if (l->ids == NULL || l->gone == NULL || l->one == NULL) abort();
  for (uint32_t i = 0; i < nodes; i++) l->gone[i] = true;
}

void lookups_free(lookups *l) {
  free(l->ids);
  free(l->gone);
  free(l->one);
}

void lookups_know(lookups *l, uint32_t node) {
  al_node_info info;
  al_inspect_node(world_node(l->w, node), &info);
  l->ids[node] = info.id;
  l->gone[node] = false;
}

uint64_t lookups_draw(lookups *l, uint64_t below) {
  uint64_t z = (l->rand += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (z ^ (z >> 31)) % below;
}

uint32_t lookups_someone(lookups *l) {
  for (;;) {
    uint32_t i = (uint32_t)lookups_draw(l, l->nodes);
    if (!l->gone[i]) return i;
  }
}

static bool closer(const al_id *a, const al_id *b, const al_id *target) {
  for (int i = 0; i < 32; i++) {
    uint8_t x = a->b[i] ^ target->b[i], y = b->b[i] ^ target->b[i];
    if (x != y) return x < y;
  }
  return false;
}

uint32_t lookups_closest(const lookups *l, const al_id *target) {
  uint32_t best = UINT32_MAX;
  for (uint32_t i = 0; i < l->nodes; i++) {
    if (l->gone[i]) continue;
    if (best == UINT32_MAX || closer(&l->ids[i], &l->ids[best], target)) best = i;
  }
  return best;
}

/* A node that has too many under way gives its turn to another one. */
void lookups_ask(lookups *l, uint32_t node, const al_lookup *what) {
  uint32_t number;
  al_err e = AL_EFULL;
  if (l->count == LOOKUPS_MAX) abort();
  l->score.asked++;
  for (uint32_t tries = 0; e == AL_EFULL && tries < 16; tries++) {
    if (tries != 0) node = lookups_someone(l);
    al_drive *d = world_drive(l->w, node);
    e = al_node_lookup(al_drive_node(d), al_drive_work(d), world_now(l->w), what, &number);
    if (e == AL_OK) {
      l->one[l->count++] = (lookups_one){.node = node,
                                         .number = number,
                                         .target = what->target,
                                         .used = true,
                                         .exact = what->exact};
    }
    al_drive_pump(d);
  }
  if (e == AL_OK) return;
  l->score.ended++;
  l->score.failed++;
}

void lookups_run(lookups *l, uint32_t count, uint8_t paths, al_time every) {
  for (uint32_t i = 0; i < count; i++) {
    al_lookup what = {.paths = paths, .first = paths == 1};
    for (int k = 0; k < 32; k++) what.target.b[k] = (uint8_t)lookups_draw(l, 256);
    lookups_ask(l, lookups_someone(l), &what);
    world_run(l->w, world_now(l->w) + every);
  }
  world_run(l->w, world_now(l->w) + 12 * AL_SECOND);
}

void lookups_event(lookups *l, uint32_t node, const al_event *ev) {
  if (ev->kind != AL_EV_LOOKUP) return;
  for (uint32_t i = 0; i < l->count; i++) {
    lookups_one *o = &l->one[i];
    if (o->node != node || o->number != ev->lookup || !o->used || o->done) continue;
    o->done = true;
    lookups_score *s = &l->score;
    uint32_t hops = ev->hops < 31 ? ev->hops : 31;
    uint32_t best = lookups_closest(l, &o->target);
    bool right = false;
    for (uint32_t k = 0; k < ev->count; k++)
      right |= memcmp(ev->data.ptr + 32 * k, l->ids[best].b, 32) == 0;
    /* the node that asks may be the closest itself, and is not in its own answer's list then */
    if (best == node) right = true;
    if (o->exact) right = ev->err == AL_OK; /* of a descriptor somebody else may have had it */
    if (right) {
      s->right++;
      s->hops[hops]++;
      s->hops_sum += hops;
      s->took_sum_us += ev->duration_us;
      s->took_ms[s->right - 1] = ev->duration_us / 1000;
    } else if (ev->err != AL_OK) {
      s->failed++;
    } else {
      s->wrong++;
    }
    s->ended++;
    return;
  }
}

void lookups_reset(lookups *l) {
  memset(&l->score, 0, sizeof l->score);
  l->count = 0;
}

uint32_t lookups_success(const lookups *l) {
  return l->score.asked == 0 ? 0 : (uint32_t)((uint64_t)l->score.right * 1000 / l->score.asked);
}

uint32_t lookups_hops(const lookups *l) {
  return l->score.right == 0 ? 0 : (uint32_t)(l->score.hops_sum * 100 / l->score.right);
}

static int by_size(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

uint32_t lookups_ms(lookups *l, uint32_t p) {
  lookups_score *s = &l->score;
  if (s->right == 0) return 0;
  qsort(s->took_ms, s->right, sizeof s->took_ms[0], by_size);
  return s->took_ms[(uint64_t)(s->right - 1) * p / 100];
}

void lookups_print(lookups *l, const char *what) {
  const lookups_score *s = &l->score;
  printf(
      "# %s: %u asked, %u right, %u wrong, %u failed, %u without end; hops %u.%02u; "
      "%u ms median, %u ms p95\n",
      what, s->asked, s->right, s->wrong, s->failed, s->asked - s->ended, lookups_hops(l) / 100,
      lookups_hops(l) % 100, lookups_ms(l, 50), lookups_ms(l, 95));
  fflush(stdout);
}
