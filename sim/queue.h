/* queue.h — what is to happen: a heap of events ordered by (time, number), and one timer for each
 * node in a heap of its own. Both have four children to a parent: half the levels of a binary
 * heap, and the children lie in one or two cache lines. */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An event: 24 bytes. `key` is the number that orders events of one time (upper 44 bits), a serial
 * (16 bits) that tells whether the place it is for has found another use since, and the kind. */
typedef struct sim_event {
  uint64_t time, key;
  uint32_t a, b;
} sim_event;

enum { SIM_KIND_BITS = 4, SIM_SERIAL_BITS = 16 };

typedef struct sim_queue {
  sim_event *heap;
  size_t count, cap, peak;
  uint64_t next; /* number of the next event */
} sim_queue;

/* Add an event; e->key is set from the next number, this kind and this serial. */
void sim_queue_push(sim_queue *q, sim_event e, unsigned kind, uint16_t serial);
/* Take the first one; there must be one. */
sim_event sim_queue_pop(sim_queue *q);
void sim_queue_clear(sim_queue *q);

static inline unsigned sim_event_kind(const sim_event *e) {
  return (unsigned)(e->key & ((1u << SIM_KIND_BITS) - 1));
}
static inline uint16_t sim_event_serial(const sim_event *e) {
  return (uint16_t)(e->key >> SIM_KIND_BITS);
}

/* Timers, one for each node, ordered by (time, node). Put off and brought forward in place. */
typedef struct sim_timer {
  uint64_t time;
  uint32_t node;
} sim_timer;

typedef struct sim_timers {
  sim_timer *heap;
  uint32_t *at; /* by node: its place in the heap + 1; 0: none */
  uint32_t count, nodes;
} sim_timers;

void sim_timers_init(sim_timers *t, uint32_t nodes);
void sim_timers_clear(sim_timers *t);
/* Set a node's timer, whether it had one or not. */
void sim_timers_set(sim_timers *t, uint32_t node, uint64_t time);
void sim_timers_drop(sim_timers *t, uint32_t node);
/* When a node's timer is set for; UINT64_MAX: never. */
uint64_t sim_timers_when(const sim_timers *t, uint32_t node);

#endif
