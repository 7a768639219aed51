/* slab.c — see slab.h. A chunk is: `n` items, then two bytes of bookkeeping for each: of the live
 * or of the next handle the generation, never 0, and whether it is live. The first four bytes of a
 * free item are the index + 1 of the next free one, 0 at the end; the rest of it is zero. */
#include "base/slab.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"

enum {
  GEN_MAX = (1 << (32 - AL_SLAB_INDEX_BITS)) - 1,
  LIVE = GEN_MAX + 1,
  CHUNK_BYTES = 1024, /* at most, but for a larger item; and a quarter of the limit */
  ITEM_BYTES_MAX = 1 << 20,
};

static uint32_t chunk_items(const al_slab *s) { return 1u << s->chunk_shift; }

static size_t chunk_bytes(const al_slab *s) {
  return (size_t)chunk_items(s) * (sizeof(uint16_t) + s->item_bytes);
}

static uint16_t *mark_at(const al_slab *s, uint32_t index) {
  uint8_t *chunk = s->chunks[index >> s->chunk_shift];
  uint16_t *marks = (uint16_t *)(void *)(chunk + (size_t)chunk_items(s) * s->item_bytes);
  return &marks[index & (chunk_items(s) - 1)];
}

static void *item_at(const al_slab *s, uint32_t index) {
  uint8_t *chunk = s->chunks[index >> s->chunk_shift];
  return chunk + (size_t)(index & (chunk_items(s) - 1)) * s->item_bytes;
}

static void push_free(al_slab *s, uint32_t index) {
  if (s->free_tail != 0)
    al_store_u32(item_at(s, s->free_tail - 1), index + 1);
  else
    s->free_head = index + 1;
  s->free_tail = index + 1;
}

al_err al_slab_init(al_slab *s, const al_alloc *a, uint32_t item_bytes, uint32_t limit) {
  AL_ASSERT(item_bytes >= 1 && item_bytes <= ITEM_BYTES_MAX);
  AL_ASSERT(limit >= 1 && limit <= AL_SLAB_LIMIT_MAX);
  memset(s, 0, sizeof *s);
  uint32_t rounded = (item_bytes + 3) & ~3u, shift = 0;
  while (shift < 6 && 4u << shift < limit &&
         (rounded + sizeof(uint16_t)) << (shift + 1) <= CHUNK_BYTES)
    shift++;
  uint32_t chunks_max = (limit + (1u << shift) - 1) >> shift;
  void **chunks = al_new_array(a, chunks_max, sizeof *chunks);
  if (chunks == NULL) return AL_ENOMEM;
  s->alloc = a;
  s->chunks = chunks;
  s->item_bytes = rounded;
  s->limit = limit;
  s->chunk_shift = shift;
  s->chunks_max = chunks_max;
  return AL_OK;
}

void al_slab_clear(al_slab *s) {
  for (uint32_t i = 0; i < s->chunks_count; i++) {
    al_wipe(s->chunks[i], chunk_bytes(s));
    al_delete(s->alloc, s->chunks[i], chunk_bytes(s));
  }
  if (s->chunks != NULL) al_delete(s->alloc, s->chunks, s->chunks_max * sizeof *s->chunks);
  memset(s, 0, sizeof *s);
}

/* Adds one chunk and queues its items, those beyond the limit excepted. */
static al_err grow(al_slab *s) {
  if (s->chunks_count == s->chunks_max) return AL_EFULL;
  void *chunk = al_new(s->alloc, chunk_bytes(s));
  if (chunk == NULL) return AL_ENOMEM;
  uint32_t first = s->chunks_count << s->chunk_shift;
  s->chunks[s->chunks_count++] = chunk;
  for (uint32_t i = first; i < first + chunk_items(s) && i < s->limit; i++) {
    *mark_at(s, i) = 1;
    push_free(s, i);
  }
  return AL_OK;
}

al_err al_slab_reserve(al_slab *s, uint32_t items) {
  if (items > s->limit) return AL_EFULL;
  while (s->chunks_count << s->chunk_shift < items) {
    al_err e = grow(s);
    if (e != AL_OK) return e;
  }
  return AL_OK;
}

uint32_t al_slab_take_noalloc(al_slab *s, void **ret_item) {
  if (s->free_head == 0) return 0;
  uint32_t index = s->free_head - 1;
  s->free_head = al_load_u32(item_at(s, index));
  if (s->free_head == 0) s->free_tail = 0;
  al_store_u32(item_at(s, index), 0);
  uint32_t gen = *mark_at(s, index);
  *mark_at(s, index) = (uint16_t)(gen | LIVE);
  s->count++;
  if (ret_item != NULL) *ret_item = item_at(s, index);
  return gen << AL_SLAB_INDEX_BITS | index;
}

uint32_t al_slab_take(al_slab *s, void **ret_item) {
  if (s->free_head == 0 && grow(s) != AL_OK) return 0;
  return al_slab_take_noalloc(s, ret_item);
}

static bool live(const al_slab *s, uint32_t handle) {
  uint32_t index = al_slab_index(handle);
  if (index >> s->chunk_shift >= s->chunks_count) return false;
  return *mark_at(s, index) == (LIVE | handle >> AL_SLAB_INDEX_BITS);
}

void al_slab_drop(al_slab *s, uint32_t handle) {
  AL_ASSERT(live(s, handle));
  uint32_t index = al_slab_index(handle), gen = handle >> AL_SLAB_INDEX_BITS;
  al_wipe(item_at(s, index), s->item_bytes);
  *mark_at(s, index) = (uint16_t)(gen == GEN_MAX ? 1 : gen + 1);
  s->count--;
  push_free(s, index);
}

void *al_slab_get(const al_slab *s, uint32_t handle) {
  return live(s, handle) ? item_at(s, al_slab_index(handle)) : NULL;
}

uint32_t al_slab_each(const al_slab *s, uint32_t *cursor) {
  uint32_t end = s->chunks_count << s->chunk_shift;
  for (uint32_t i = *cursor; i < end; i++) {
    uint32_t mark = *mark_at(s, i);
    if ((mark & LIVE) == 0) continue;
    *cursor = i + 1;
    return (mark & GEN_MAX) << AL_SLAB_INDEX_BITS | i;
  }
  *cursor = end;
  return 0;
}
