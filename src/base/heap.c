/* heap.c — see heap.h. */
#include "base/heap.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"

enum { LIMIT_MAX = 1 << 24 };

static bool before(al_heap_entry a, al_heap_entry b) {
  return a.time != b.time ? a.time < b.time : a.id < b.id;
}

static void place(al_heap *h, uint32_t at, al_heap_entry e) {
  h->entries[at] = e;
  h->places[e.id] = at + 1;
}

static void sift_up(al_heap *h, uint32_t at, al_heap_entry e) {
  while (at > 0 && before(e, h->entries[(at - 1) / 2])) {
    place(h, at, h->entries[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  place(h, at, e);
}

static void sift_down(al_heap *h, uint32_t at, al_heap_entry e) {
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= h->count) break;
    if (child + 1 < h->count && before(h->entries[child + 1], h->entries[child])) child++;
    if (!before(h->entries[child], e)) break;
    place(h, at, h->entries[child]);
    at = child;
  }
  place(h, at, e);
}

/* The entry at `at` has gone or changed: put e where it belongs, starting there. */
static void settle(al_heap *h, uint32_t at, al_heap_entry e) {
  if (at > 0 && before(e, h->entries[(at - 1) / 2]))
    sift_up(h, at, e);
  else
    sift_down(h, at, e);
}

static void take_out(al_heap *h, uint32_t at) {
  h->places[h->entries[at].id] = 0;
  h->count--;
  if (at != h->count) settle(h, at, h->entries[h->count]);
}

al_err al_heap_init(al_heap *h, const al_alloc *a, uint32_t limit) {
  AL_ASSERT(limit >= 1 && limit <= LIMIT_MAX);
  memset(h, 0, sizeof *h);
  al_heap_entry *mem = al_new_array(a, limit, sizeof *mem + sizeof(uint32_t));
  if (mem == NULL) return AL_ENOMEM;
  h->alloc = a;
  h->entries = mem;
  h->places = (uint32_t *)(mem + limit);
  h->limit = limit;
  return AL_OK;
}

al_err al_heap_reserve(al_heap *h, uint32_t limit, uint32_t step) {
  if (limit <= h->limit) return AL_OK;
  al_heap more;
  al_err e = al_heap_init(&more, h->alloc, (limit + step - 1) / step * step);
  if (e != AL_OK) return e;
  memcpy(more.entries, h->entries, h->count * sizeof *h->entries);
  memcpy(more.places, h->places, h->limit * sizeof *h->places);
  more.count = h->count;
  al_heap_clear(h);
  *h = more;
  return AL_OK;
}

void al_heap_clear(al_heap *h) {
  if (h->entries != NULL)
    al_delete(h->alloc, h->entries, h->limit * (sizeof *h->entries + sizeof *h->places));
  memset(h, 0, sizeof *h);
}

void al_heap_set(al_heap *h, uint32_t id, al_time time) {
  AL_ASSERT(id < h->limit);
  uint32_t at = h->places[id];
  al_heap_entry e = {time, id};
  if (at == 0) {
    if (time == AL_TIME_NEVER) return;
    sift_up(h, h->count++, e);
  } else if (time == AL_TIME_NEVER) {
    take_out(h, at - 1);
  } else {
    settle(h, at - 1, e);
  }
}

al_time al_heap_time(const al_heap *h, uint32_t id) {
  AL_ASSERT(id < h->limit);
  return h->places[id] != 0 ? h->entries[h->places[id] - 1].time : AL_TIME_NEVER;
}

bool al_heap_pop_due(al_heap *h, al_time now, uint32_t *ret_id) {
  if (h->count == 0 || h->entries[0].time > now) return false;
  *ret_id = h->entries[0].id;
  take_out(h, 0);
  return true;
}
