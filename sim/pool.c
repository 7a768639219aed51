/* pool.c — see pool.h. */
#define _DEFAULT_SOURCE
#include "pool.h"

#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIM_POOL_PLAIN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || !defined(__linux__)
#define SIM_POOL_PLAIN
#endif

#ifdef SIM_POOL_PLAIN

void *sim_pool_get(sim_pool *p, size_t size) {
  void *ptr = calloc(1, size);
  (void)p;
  if (ptr == NULL) abort();
  return ptr;
}

void sim_pool_put(sim_pool *p, void *ptr, size_t size) {
  (void)p;
  (void)size;
  free(ptr);
}

void sim_pool_clear(sim_pool *p) { (void)p; }

#else

#include <sys/mman.h>

enum { BLOCK_BYTES = 16 << 20, HEAD_BYTES = 64 };

/* Memory of the system is zero. */
static void more(sim_pool *p) {
  uint8_t *block =
      mmap(NULL, BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) abort();
  (void)madvise(block, BLOCK_BYTES, MADV_HUGEPAGE);
  memcpy(block, &p->blocks, sizeof p->blocks);
  p->blocks = block;
  p->at = block + HEAD_BYTES;
  p->end = block + BLOCK_BYTES;
}

void *sim_pool_get(sim_pool *p, size_t size) {
  size_t steps = (size + SIM_POOL_STEP - 1) / SIM_POOL_STEP;
  if (steps == 0) steps = 1;
  if (steps > SIM_POOL_LISTS) {
    void *ptr = calloc(1, size);
    if (ptr == NULL) abort();
    return ptr;
  }
  void *ptr = p->free[steps - 1];
  if (ptr != NULL) {
    memcpy(&p->free[steps - 1], ptr, sizeof ptr);
    return memset(ptr, 0, steps * SIM_POOL_STEP);
  }
  if ((size_t)(p->end - p->at) < steps * SIM_POOL_STEP) more(p); /* what was left is lost */
  ptr = p->at;
  p->at += steps * SIM_POOL_STEP;
  return ptr;
}

void sim_pool_put(sim_pool *p, void *ptr, size_t size) {
  size_t steps = (size + SIM_POOL_STEP - 1) / SIM_POOL_STEP;
  if (ptr == NULL) return;
  if (steps == 0) steps = 1;
  if (steps > SIM_POOL_LISTS) {
    free(ptr);
    return;
  }
  memcpy(ptr, &p->free[steps - 1], sizeof ptr);
  p->free[steps - 1] = ptr;
}

void sim_pool_clear(sim_pool *p) {
  for (void *block = p->blocks; block != NULL;) {
    void *before;
    memcpy(&before, block, sizeof before);
    munmap(block, BLOCK_BYTES);
    block = before;
  }
  memset(p, 0, sizeof *p);
}

#endif
