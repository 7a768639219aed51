/* queue.h — what is to happen: events ordered by (time, key). A calendar: time is cut into buckets
 * of 128 us, events of one bucket are sorted when its time comes; those that lie beyond the
 * calendar (2 s) wait in a heap. Posting and taking cost O(1), and what comes next lies side by
 * side, so that the memory it will touch can be fetched ahead (sim_queue_ahead). Source: R. Brown,
 * "Calendar queues", CACM 31 (1988). */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An event: 24 bytes. `key` orders events of one time. For what is posted by sim_queue_push it is
 * the number of the event (upper 44 bits), a serial (16 bits) that tells whether the place it is
 * for has found another use since, and the kind. Timers come after them, by node. */
typedef struct sim_event {
  uint64_t time, key;
  uint32_t a, b;
} sim_event;

enum { SIM_KIND_BITS = 4, SIM_SERIAL_BITS = 16, SIM_CHUNK_EVENTS = 21 };

typedef struct sim_chunk {
  sim_event e[SIM_CHUNK_EVENTS];
  uint32_t next, count; /* next: index + 1 */
} sim_chunk;

typedef struct sim_bucket {
  uint32_t first, last; /* chunks, index + 1 */
} sim_bucket;

typedef struct sim_queue {
  sim_event *open; /* the events of the bucket whose time it is, sorted; the next is open[at] */
  size_t at, end, open_cap;
  uint64_t bucket; /* its number */
  sim_bucket *ring;
  uint64_t *busy; /* a bit for each place of the ring: events are there */
  sim_chunk *chunks;
  uint32_t chunks_count, chunks_cap, chunks_free;
  sim_event *far; /* a heap, four children to a parent */
  size_t far_count, far_cap;
  size_t count, peak;
  uint64_t next; /* number of the next event */
} sim_queue;

/* Add an event; its key is set from the next number, this kind and this serial. */
void sim_queue_push(sim_queue *q, sim_event e, unsigned kind, uint16_t serial);
/* Add a timer of a node: event a = node of this kind, after all other events of its time. */
void sim_queue_timer(sim_queue *q, uint64_t time, uint32_t node, unsigned kind);
/* Take the first event; false: none is due by then. */
bool sim_queue_pop(sim_queue *q, uint64_t until, sim_event *ret);
void sim_queue_clear(sim_queue *q);

/* The event that comes after `skip` others; NULL: not known yet. */
static inline const sim_event *sim_queue_ahead(const sim_queue *q, size_t skip) {
  return q->end - q->at > skip ? &q->open[q->at + skip] : NULL;
}
static inline unsigned sim_event_kind(const sim_event *e) {
  return (unsigned)(e->key & ((1u << SIM_KIND_BITS) - 1));
}
static inline uint16_t sim_event_serial(const sim_event *e) {
  return (uint16_t)(e->key >> SIM_KIND_BITS);
}

#endif
