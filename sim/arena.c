/* arena.c — see arena.h. */
#include "arena.h"

#include <stdlib.h>
#include <string.h>

static void grow(sim_arena *a) {
  if (a->chunks_count == a->chunks_cap) {
    a->chunks_cap = a->chunks_cap == 0 ? 64 : a->chunks_cap * 2;
    a->chunks = realloc(a->chunks, a->chunks_cap * sizeof(void *));
    if (a->chunks == NULL) abort();
  }
  sim_frame *chunk = malloc(SIM_ARENA_CHUNK * sizeof *chunk);
  if (chunk == NULL) abort();
  uint32_t first = a->chunks_count * SIM_ARENA_CHUNK;
  a->chunks[a->chunks_count++] = chunk;
  for (uint32_t i = SIM_ARENA_CHUNK; i > 0; i--) {
    chunk[i - 1].next = a->free;
    a->free = first + i;
  }
}

uint32_t sim_arena_take(sim_arena *a) {
  if (a->free == 0) grow(a);
  uint32_t frame = a->free - 1;
  a->free = sim_arena_at(a, frame)->next;
  if (++a->used > a->peak) a->peak = a->used;
  return frame;
}

void sim_arena_drop(sim_arena *a, uint32_t frame) {
  sim_arena_at(a, frame)->next = a->free;
  a->free = frame + 1;
  a->used--;
}

void sim_arena_clear(sim_arena *a) {
  for (uint32_t i = 0; i < a->chunks_count; i++) free(a->chunks[i]);
  free(a->chunks);
  memset(a, 0, sizeof *a);
}
