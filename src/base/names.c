/* names.c — see names.h. Numbers are indices + 1 into chunks that never move. */
#include "base/names.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"

enum { CHUNK = 64, BUCKETS_MIN = 64, TABLE_STEP = 64 };

typedef struct al_name {
  al_id id;
  uint32_t refs; /* 0: free */
  uint32_t next; /* in the chain of a bucket, or of free ones: number */
} al_name;

static al_name *at(const al_names *n, uint32_t name) {
  AL_ASSERT(name >= 1 && name <= n->chunks_count * CHUNK);
  return &n->chunks[(name - 1) / CHUNK][(name - 1) % CHUNK];
}

static uint32_t *bucket_of(const al_names *n, const al_id *id) {
  return &n->buckets[al_hash_id(n->secret, id) & n->mask];
}

void al_names_init(al_names *n, const al_alloc *a, const uint64_t secret[2], bool grows) {
  memset(n, 0, sizeof *n);
  n->alloc = *a;
  n->secret[0] = secret[0];
  n->secret[1] = secret[1];
  n->grows = grows;
}

void al_names_clear(al_names *n) {
  AL_ASSERT(n->count == 0);
  for (uint32_t i = 0; i < n->chunks_count; i++)
    al_delete(&n->alloc, n->chunks[i], CHUNK * sizeof(al_name));
  if (n->chunks != NULL) al_delete(&n->alloc, n->chunks, n->chunks_max * sizeof(al_name *));
  if (n->buckets != NULL)
    al_delete(&n->alloc, n->buckets, ((size_t)n->mask + 1) * sizeof *n->buckets);
  memset(n, 0, sizeof *n);
}

static void chain(al_names *n, uint32_t name) {
  uint32_t *bucket = bucket_of(n, &at(n, name)->id);
  at(n, name)->next = *bucket;
  *bucket = name;
}

/* As many buckets as there is room for names: chains stay short. */
static al_err more_buckets(al_names *n) {
  size_t old = n->buckets != NULL ? (size_t)n->mask + 1 : 0, count = old != 0 ? old : BUCKETS_MIN;
  while (count < (size_t)n->chunks_count * CHUNK) count *= 2;
  if (count == old) return AL_OK;
  uint32_t *more = al_new_array(&n->alloc, count, sizeof *more);
  if (more == NULL) return AL_ENOMEM;
  if (old != 0) al_delete(&n->alloc, n->buckets, old * sizeof *n->buckets);
  n->buckets = more;
  n->mask = (uint32_t)(count - 1);
  for (uint32_t name = 1; name <= n->chunks_count * CHUNK; name++)
    if (at(n, name)->refs != 0) chain(n, name);
  return AL_OK;
}

static al_err more_chunks(al_names *n) {
  if (n->chunks_count == n->chunks_max) {
    uint32_t max = n->chunks_max == 0 ? TABLE_STEP : 2 * n->chunks_max;
    al_name **more =
        al_grown(&n->alloc, n->chunks, n->chunks_max * sizeof(al_name *), max * sizeof(al_name *));
    if (more == NULL) return AL_ENOMEM;
    n->chunks = more;
    n->chunks_max = max;
  }
  al_name *chunk = al_new_array(&n->alloc, CHUNK, sizeof *chunk);
  if (chunk == NULL) return AL_ENOMEM;
  n->chunks[n->chunks_count++] = chunk;
  for (uint32_t name = n->chunks_count * CHUNK; name > (n->chunks_count - 1) * CHUNK; name--) {
    at(n, name)->next = n->free;
    n->free = name;
  }
  return more_buckets(n);
}

al_err al_names_reserve(al_names *n, uint32_t names) {
  while (n->chunks_count * CHUNK < names) {
    al_err e = more_chunks(n);
    if (e != AL_OK) return e;
  }
  return n->buckets != NULL ? AL_OK : more_buckets(n);
}

uint32_t al_names_take(al_names *n, const al_id *id) {
  for (uint32_t i = n->buckets != NULL ? *bucket_of(n, id) : 0; i != 0; i = at(n, i)->next) {
    if (!al_id_equal(&at(n, i)->id, id)) continue;
    at(n, i)->refs++;
    return i;
  }
  if (n->free == 0 && n->grows) (void)more_chunks(n);
  if (n->free == 0 || n->buckets == NULL) return 0;
  uint32_t name = n->free;
  al_name *a = at(n, name);
  n->free = a->next;
  a->id = *id;
  a->refs = 1;
  chain(n, name);
  n->count++;
  return name;
}

void al_names_drop(al_names *n, uint32_t name) {
  if (name == 0) return;
  al_name *a = at(n, name);
  AL_ASSERT(a->refs != 0);
  if (--a->refs != 0) return;
  uint32_t *link = bucket_of(n, &a->id);
  while (*link != name) link = &at(n, *link)->next;
  *link = a->next;
  a->next = n->free;
  n->free = name;
  n->count--;
}

const al_id *al_names_get(const al_names *n, uint32_t name) {
  const al_name *a = at(n, name);
  AL_ASSERT(a->refs != 0);
  return &a->id;
}
