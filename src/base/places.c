/* places.c — see places.h. */
#include "base/places.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"

void al_places_init(al_places *p, const al_alloc *a, size_t bytes, uint32_t limit) {
  AL_ASSERT(bytes >= sizeof(void *));
  *p = (al_places){.alloc = a, .bytes = bytes, .limit = limit};
}

void al_places_init_exact(al_places *p, const al_alloc *a, size_t bytes, uint32_t limit) {
  *p = (al_places){.alloc = a, .bytes = bytes, .limit = limit, .exact = true};
}

static void push(al_places *p, void *block) {
  memcpy(block, &p->free, sizeof p->free);
  p->free = block;
}

static void *pop(al_places *p) {
  void *block = p->free;
  if (block != NULL) memcpy(&p->free, block, sizeof p->free);
  return block;
}

void al_places_clear(al_places *p) {
  AL_ASSERT(p->lent == 0);
  for (void *block; (block = pop(p)) != NULL;) al_delete(p->alloc, block, p->bytes);
  memset(p, 0, sizeof *p);
}

static bool grow(al_places *p) {
  if (p->made == p->limit) return false;
  void *block = al_new(p->alloc, p->bytes);
  if (block == NULL) return false;
  p->made++;
  push(p, block);
  return true;
}

al_err al_places_reserve(al_places *p, uint32_t blocks) {
  while (p->made < blocks && p->made < p->limit)
    if (!grow(p)) return AL_ENOMEM;
  return AL_OK;
}

void *al_places_take(al_places *p, size_t bytes, bool may_get) {
  AL_ASSERT(bytes <= p->bytes);
  if (p->exact) {
    void *block = p->lent < p->limit ? al_new(p->alloc, bytes) : NULL;
    p->lent += block != NULL;
    return block;
  }
  if (p->free == NULL && (!may_get || !grow(p))) return NULL;
  p->lent++;
  return pop(p);
}

void al_places_give(al_places *p, void *block, size_t bytes) {
  AL_ASSERT(p->lent > 0);
  p->lent--;
  if (p->exact)
    al_delete(p->alloc, block, bytes);
  else
    push(p, block);
}
