/* queue.c — see queue.h. */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

static bool before(const sim_event *a, const sim_event *b) {
  return a->time != b->time ? a->time < b->time : a->key < b->key;
}

void sim_queue_push(sim_queue *q, sim_event e, unsigned kind, uint16_t serial) {
  if (q->count == q->cap) {
    q->cap = q->cap == 0 ? 1024 : q->cap * 2;
    q->heap = realloc(q->heap, q->cap * sizeof *q->heap);
    if (q->heap == NULL) abort();
  }
  e.key = q->next++ << (SIM_KIND_BITS + SIM_SERIAL_BITS) | (uint64_t)serial << SIM_KIND_BITS | kind;
  size_t i = q->count++;
  if (q->count > q->peak) q->peak = q->count;
  while (i > 0) {
    size_t parent = (i - 1) / 4;
    if (!before(&e, &q->heap[parent])) break;
    q->heap[i] = q->heap[parent];
    i = parent;
  }
  q->heap[i] = e;
}

sim_event sim_queue_pop(sim_queue *q) {
  sim_event top = q->heap[0], last = q->heap[--q->count];
  size_t i = 0;
  for (;;) {
    size_t first = 4 * i + 1, best = first;
    if (first >= q->count) break;
    size_t end = first + 4 < q->count ? first + 4 : q->count;
    for (size_t c = first + 1; c < end; c++) {
      if (before(&q->heap[c], &q->heap[best])) best = c;
    }
    if (!before(&q->heap[best], &last)) break;
    q->heap[i] = q->heap[best];
    i = best;
  }
  q->heap[i] = last;
  return top;
}

void sim_queue_clear(sim_queue *q) {
  free(q->heap);
  memset(q, 0, sizeof *q);
}

/* ---- timers ---- */

static bool sooner(const sim_timer *a, const sim_timer *b) {
  return a->time != b->time ? a->time < b->time : a->node < b->node;
}

void sim_timers_init(sim_timers *t, uint32_t nodes) {
  t->heap = malloc(((size_t)nodes + 1) * sizeof *t->heap);
  t->at = calloc((size_t)nodes + 1, sizeof *t->at);
  if (t->heap == NULL || t->at == NULL) abort();
  t->count = 0;
  t->nodes = nodes;
}

void sim_timers_clear(sim_timers *t) {
  free(t->heap);
  free(t->at);
  memset(t, 0, sizeof *t);
}

static void put(sim_timers *t, uint32_t i, sim_timer v) {
  t->heap[i] = v;
  t->at[v.node] = i + 1;
}

static void rise(sim_timers *t, uint32_t i, sim_timer v) {
  while (i > 0) {
    uint32_t parent = (i - 1) / 4;
    if (!sooner(&v, &t->heap[parent])) break;
    put(t, i, t->heap[parent]);
    i = parent;
  }
  put(t, i, v);
}

static void sink(sim_timers *t, uint32_t i, sim_timer v) {
  for (;;) {
    uint32_t first = 4 * i + 1, best = first;
    if (first >= t->count) break;
    uint32_t end = first + 4 < t->count ? first + 4 : t->count;
    for (uint32_t c = first + 1; c < end; c++) {
      if (sooner(&t->heap[c], &t->heap[best])) best = c;
    }
    if (!sooner(&t->heap[best], &v)) break;
    put(t, i, t->heap[best]);
    i = best;
  }
  put(t, i, v);
}

void sim_timers_set(sim_timers *t, uint32_t node, uint64_t time) {
  sim_timer v = {time, node};
  uint32_t at = t->at[node];
  if (at == 0) {
    rise(t, t->count++, v);
  } else if (time < t->heap[at - 1].time) {
    rise(t, at - 1, v);
  } else {
    sink(t, at - 1, v);
  }
}

void sim_timers_drop(sim_timers *t, uint32_t node) {
  uint32_t at = t->at[node];
  if (at == 0) return;
  sim_timer last = t->heap[--t->count];
  t->at[node] = 0;
  if (last.node == node) return;
  if (at > 1 && sooner(&last, &t->heap[(at - 2) / 4]))
    rise(t, at - 1, last);
  else
    sink(t, at - 1, last);
}

uint64_t sim_timers_when(const sim_timers *t, uint32_t node) {
  uint32_t at = t->at[node];
  return at == 0 ? UINT64_MAX : t->heap[at - 1].time;
}
