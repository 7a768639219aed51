/* alloc.h — memory through the caller's allocator. Layer 0. */
#ifndef AL_BASE_ALLOC_H
#define AL_BASE_ALLOC_H

#include "allium/al_types.h"

/* al_new — size zeroed bytes, or NULL. */
static inline void *al_new(const al_alloc *a, size_t size) { return a->alloc(a->ctx, size); }

/* al_new_array — count * size zeroed bytes, or NULL, also when the product does not fit a size_t.
 */
static inline void *al_new_array(const al_alloc *a, size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / size) return NULL;
  return a->alloc(a->ctx, count * size);
}

/* al_delete — give back what al_new gave, with its size; NULL is allowed. */
static inline void al_delete(const al_alloc *a, void *ptr, size_t size) {
  if (ptr != NULL) a->free(a->ctx, ptr, size);
}

#endif
