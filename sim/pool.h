/* pool.h — memory of many small pieces: no header in front of each, pieces of one size from lists,
 * blocks that the system may give as large pages. A million nodes have some forty million pieces.
 * The owner says how long a piece is when it gives it back. Under sanitizers, and where there is no
 * mmap, every piece is the C library's, so that what runs over or is lost is found. */
#ifndef SIM_POOL_H
#define SIM_POOL_H

#include <stddef.h>
#include <stdint.h>

enum { SIM_POOL_STEP = 16, SIM_POOL_MAX = 4096, SIM_POOL_LISTS = SIM_POOL_MAX / SIM_POOL_STEP };

typedef struct sim_pool {
  void *free[SIM_POOL_LISTS]; /* by size, in steps, less one */
  uint8_t *at, *end;          /* of the newest block */
  void *blocks;               /* the first word of each leads to the one before */
} sim_pool;

/* Zeroed memory; ends the process when there is none. */
void *sim_pool_get(sim_pool *p, size_t size);
/* Give back `size` bytes; NULL is allowed. */
void sim_pool_put(sim_pool *p, void *ptr, size_t size);
/* All pieces, given back or not, are no more. */
void sim_pool_clear(sim_pool *p);

#endif
