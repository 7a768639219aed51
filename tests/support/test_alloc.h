/* test_alloc.h — an al_alloc for tests: counts what is out, checks sizes given back, can refuse the
 * n-th request, and can be closed (any request is then noted: for RX and TICK).
 *
 *   test_alloc ta;   const al_alloc *a = test_alloc_bind(&ta);   thing_init(&x, a, ...);
 * thing_clear(&x); tap_ok(test_alloc_clean(&ta), "nothing leaked"); */
#ifndef TEST_ALLOC_H
#define TEST_ALLOC_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allium/al_types.h"

typedef struct test_alloc {
  al_alloc a;         /* a.ctx is set by test_alloc_bind */
  uint64_t requests;  /* calls of alloc so far */
  uint64_t fail_from; /* requests with this number and later ones get NULL; 0: none (first is 1) */
  size_t bytes_out, pieces_out, bytes_peak;
  bool closed;     /* requests are refused and counted in `breaches` */
  size_t breaches; /* requests while closed, and pieces given back with a wrong size */
} test_alloc;

static void *test_alloc_get(void *ctx, size_t size) {
  test_alloc *t = ctx;
  t->requests++;
  if (t->closed) {
    t->breaches++;
    return NULL;
  }
  if (t->fail_from != 0 && t->requests >= t->fail_from) return NULL;
  /* The size stands in front; 16 bytes keep the alignment of malloc. */
  uint8_t *p = calloc(1, size + 16);
  if (p == NULL) return NULL;
  memcpy(p, &size, sizeof size);
  t->bytes_out += size;
  t->pieces_out++;
  if (t->bytes_out > t->bytes_peak) t->bytes_peak = t->bytes_out;
  return p + 16;
}

static void test_alloc_put(void *ctx, void *ptr, size_t size) {
  test_alloc *t = ctx;
  if (ptr == NULL) return;
  size_t had;
  memcpy(&had, (uint8_t *)ptr - 16, sizeof had);
  if (had != size) t->breaches++;
  t->bytes_out -= had;
  t->pieces_out--;
  free((uint8_t *)ptr - 16);
}

/* Must be called on the object itself, not on a copy: the allocator points to it. */
__attribute__((unused)) static const al_alloc *test_alloc_bind(test_alloc *t) {
  memset(t, 0, sizeof *t);
  t->a = (al_alloc){t, test_alloc_get, test_alloc_put};
  return &t->a;
}

/* Everything was given back, with the right sizes, and nothing was asked for while closed. */
__attribute__((unused)) static bool test_alloc_clean(const test_alloc *t) {
  if (t->pieces_out != 0) printf("# %zu pieces, %zu bytes leaked\n", t->pieces_out, t->bytes_out);
  if (t->breaches != 0) printf("# %zu breaches of the allocator's rules\n", t->breaches);
  return t->pieces_out == 0 && t->breaches == 0;
}

#endif
