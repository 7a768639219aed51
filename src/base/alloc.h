/* alloc.h — memory through the caller's allocator. Layer 0. */
#ifndef AL_BASE_ALLOC_H
#define AL_BASE_ALLOC_H

#include <string.h>

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

/* al_grown — a longer block with the contents of an old one, which is freed; the rest is zero.
 * Pointers into the old one are bad then. NULL without memory: the old one stays. */
static inline void *al_grown(const al_alloc *a, void *old, size_t old_size, size_t size) {
  void *more = al_new(a, size);
  if (more == NULL) return NULL;
  if (old_size != 0) memcpy(more, old, old_size);
  al_delete(a, old, old_size);
  return more;
}

#endif
