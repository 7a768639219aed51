/* queue.c — see queue.h. */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

enum {
  BUCKET_BITS = 7, /* us, as a power of two */
  BUCKET_US = 1 << BUCKET_BITS,
  RING = 16384, /* a power of two, and of 64 */
  FEW = 24,     /* events that are sorted by insertion */
};
static const uint64_t TIMER_KEY = (uint64_t)1 << 63;

static bool before(const sim_event *a, const sim_event *b) {
  return a->time != b->time ? a->time < b->time : a->key < b->key;
}

static void *grown(void *p, size_t count, size_t size) {
  void *more = realloc(p, count * size);
  if (more == NULL) abort();
  return more;
}

/* ---- beyond the calendar ---- */

static void far_push(sim_queue *q, sim_event e) {
  if (q->far_count == q->far_cap) {
    q->far_cap = q->far_cap == 0 ? 64 : q->far_cap * 2;
    q->far = grown(q->far, q->far_cap, sizeof *q->far);
  }
  size_t i = q->far_count++;
  while (i > 0) {
    size_t parent = (i - 1) / 4;
    if (!before(&e, &q->far[parent])) break;
    q->far[i] = q->far[parent];
    i = parent;
  }
  q->far[i] = e;
}

static sim_event far_pop(sim_queue *q) {
  sim_event top = q->far[0], last = q->far[--q->far_count];
  size_t i = 0;
  for (;;) {
    size_t first = 4 * i + 1, best = first;
    if (first >= q->far_count) break;
    size_t end = first + 4 < q->far_count ? first + 4 : q->far_count;
    for (size_t c = first + 1; c < end; c++) {
      if (before(&q->far[c], &q->far[best])) best = c;
    }
    if (!before(&q->far[best], &last)) break;
    q->far[i] = q->far[best];
    i = best;
  }
  q->far[i] = last;
  return top;
}

/* ---- the calendar ---- */

static uint32_t chunk_take(sim_queue *q) {
  if (q->chunks_free != 0) {
    uint32_t i = q->chunks_free;
    q->chunks_free = q->chunks[i - 1].next;
    return i;
  }
  if (q->chunks_count == q->chunks_cap) {
    q->chunks_cap = q->chunks_cap == 0 ? 64 : q->chunks_cap + q->chunks_cap / 2;
    q->chunks = grown(q->chunks, q->chunks_cap, sizeof *q->chunks);
  }
  return ++q->chunks_count;
}

static void ring_add(sim_queue *q, const sim_event *e) {
  size_t place = (size_t)(e->time >> BUCKET_BITS) & (RING - 1);
  sim_bucket *b = &q->ring[place];
  if (b->last == 0 || q->chunks[b->last - 1].count == SIM_CHUNK_EVENTS) {
    uint32_t fresh = chunk_take(q);
    q->chunks[fresh - 1].next = q->chunks[fresh - 1].count = 0;
    if (b->last == 0)
      b->first = fresh;
    else
      q->chunks[b->last - 1].next = fresh;
    b->last = fresh;
    q->busy[place / 64] |= (uint64_t)1 << place % 64;
  }
  sim_chunk *c = &q->chunks[b->last - 1];
  c->e[c->count++] = *e;
}

/* The place of the next bucket after `from` where events are, as a distance; RING: none. */
static uint64_t ring_next(const sim_queue *q, uint64_t from) {
  uint64_t skip = 1;
  while (skip < RING) {
    size_t place = (size_t)(from + skip) & (RING - 1);
    uint64_t bits = q->busy[place / 64] >> place % 64;
    if (bits != 0) {
      skip += (uint64_t)__builtin_ctzll(bits);
      return skip < RING ? skip : RING;
    }
    skip += 64 - place % 64;
  }
  return RING;
}

static void open_reserve(sim_queue *q, size_t count) {
  if (count <= q->open_cap) return;
  q->open_cap = count + count / 2 + 64;
  q->open = grown(q->open, q->open_cap, sizeof *q->open);
}

/* Events keep the order in which they were posted; so what is left is ties with timers. */
static void sort_few(sim_event *e, size_t count) {
  for (size_t i = 1; i < count; i++) {
    sim_event v = e[i];
    size_t k = i;
    for (; k > 0 && before(&v, &e[k - 1]); k--) e[k] = e[k - 1];
    e[k] = v;
  }
}

/* Counted by microsecond, and put where they belong. */
static void gather_many(sim_queue *q, uint32_t first) {
  uint32_t at[BUCKET_US + 1] = {0};
  for (uint32_t c = first; c != 0; c = q->chunks[c - 1].next)
    for (uint32_t i = 0; i < q->chunks[c - 1].count; i++)
      at[(q->chunks[c - 1].e[i].time & (BUCKET_US - 1)) + 1]++;
  for (uint32_t i = 1; i < BUCKET_US; i++) at[i] += at[i - 1];
  for (uint32_t c = first; c != 0; c = q->chunks[c - 1].next)
    for (uint32_t i = 0; i < q->chunks[c - 1].count; i++) {
      const sim_event *e = &q->chunks[c - 1].e[i];
      q->open[at[e->time & (BUCKET_US - 1)]++] = *e;
    }
}

/* The events of a bucket move into `open`, in order. */
static void gather(sim_queue *q, uint64_t bucket) {
  size_t place = (size_t)bucket & (RING - 1), count = 0;
  sim_bucket *b = &q->ring[place];
  for (uint32_t c = b->first; c != 0; c = q->chunks[c - 1].next) count += q->chunks[c - 1].count;
  open_reserve(q, count);
  q->at = 0;
  q->end = count;
  if (count > FEW) {
    gather_many(q, b->first);
  } else {
    size_t k = 0;
    for (uint32_t c = b->first; c != 0; c = q->chunks[c - 1].next)
      for (uint32_t i = 0; i < q->chunks[c - 1].count; i++) q->open[k++] = q->chunks[c - 1].e[i];
  }
  sort_few(q->open, count);
  if (b->last != 0) {
    q->chunks[b->last - 1].next = q->chunks_free;
    q->chunks_free = b->first;
  }
  b->first = b->last = 0;
  q->busy[place / 64] &= ~((uint64_t)1 << place % 64);
}

/* The next bucket with events becomes the open one. What the calendar reaches now leaves the heap
 * before anything can be posted there directly, so that order of posting is kept. */
static bool advance(sim_queue *q, uint64_t until) {
  if (q->count == 0) return false;
  uint64_t skip = ring_next(q, q->bucket), to = q->bucket + skip;
  uint64_t far = q->far_count > 0 ? q->far[0].time >> BUCKET_BITS : UINT64_MAX;
  if (skip == RING || far < to) to = far;
  if (to > until >> BUCKET_BITS) return false;
  q->bucket = to;
  while (q->far_count > 0 && q->far[0].time >> BUCKET_BITS < to + RING) {
    sim_event e = far_pop(q);
    ring_add(q, &e);
  }
  gather(q, to);
  return true;
}

/* Its time is that of the open bucket, or before. */
static void open_add(sim_queue *q, const sim_event *e) {
  if (q->at == q->end) q->at = q->end = 0;
  open_reserve(q, q->end + 1);
  size_t i = q->end++;
  for (; i > q->at && before(e, &q->open[i - 1]); i--) q->open[i] = q->open[i - 1];
  q->open[i] = *e;
}

static void add(sim_queue *q, const sim_event *e) {
  if (q->ring == NULL) {
    q->ring = calloc(RING, sizeof *q->ring);
    q->busy = calloc(RING / 64, sizeof *q->busy);
    if (q->ring == NULL || q->busy == NULL) abort();
  }
  if (++q->count > q->peak) q->peak = q->count;
  uint64_t bucket = e->time >> BUCKET_BITS;
  if (bucket <= q->bucket)
    open_add(q, e);
  else if (bucket - q->bucket < RING)
    ring_add(q, e);
  else
    far_push(q, *e);
}

void sim_queue_push(sim_queue *q, sim_event e, unsigned kind, uint16_t serial) {
  e.key = q->next++ << (SIM_KIND_BITS + SIM_SERIAL_BITS) | (uint64_t)serial << SIM_KIND_BITS | kind;
  add(q, &e);
}

void sim_queue_timer(sim_queue *q, uint64_t time, uint32_t node, unsigned kind) {
  const sim_event e = {
      .time = time, .key = TIMER_KEY | (uint64_t)node << SIM_KIND_BITS | kind, .a = node};
  add(q, &e);
}

bool sim_queue_pop(sim_queue *q, uint64_t until, sim_event *ret) {
  if (q->at == q->end && !advance(q, until)) return false;
  if (q->open[q->at].time > until) return false;
  q->count--;
  *ret = q->open[q->at++];
  return true;
}

void sim_queue_clear(sim_queue *q) {
  free(q->open);
  free(q->ring);
  free(q->busy);
  free(q->chunks);
  free(q->far);
  memset(q, 0, sizeof *q);
}
