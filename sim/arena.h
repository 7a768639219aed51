/* arena.h — frames under way: slots of one size in chunks that are never given back, so that a
 * frame costs no call of the allocator. */
#ifndef SIM_ARENA_H
#define SIM_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "allium/al_host.h"

/* A frame and its length. `next` is the free list's while the slot is free. */
enum { SIM_ARENA_CHUNK = 256, SIM_FRAME_WORDS = AL_FRAME_BYTES / 8 + 1 };

typedef struct sim_frame {
  uint64_t sent; /* when */
  uint32_t next;
  uint16_t len;
  uint8_t channel; /* al_channel */
  bool queued;     /* has waited for the receiver's access link */
  uint64_t bytes[SIM_FRAME_WORDS];
} sim_frame;

typedef struct sim_arena {
  sim_frame **chunks;
  uint32_t chunks_count, chunks_cap, free; /* index + 1 */
  uint32_t used, peak;
} sim_arena;

/* A slot for a frame: its index. */
uint32_t sim_arena_take(sim_arena *a);
void sim_arena_drop(sim_arena *a, uint32_t frame);
void sim_arena_clear(sim_arena *a);

static inline sim_frame *sim_arena_at(const sim_arena *a, uint32_t frame) {
  return &a->chunks[frame / SIM_ARENA_CHUNK][frame % SIM_ARENA_CHUNK];
}

#endif
