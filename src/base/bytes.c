/* bytes.c — the few byte operations that must not be inlined into their callers. */
#include "base/bytes.h"

void al_wipe(void *ptr, size_t len) {
  if (len == 0) return;
  memset(ptr, 0, len);
  /* The compiler must believe that somebody reads the zeros. */
  __asm__ volatile("" : : "r"(ptr) : "memory");
}

/* Hides a value from the optimizer, so that it cannot turn the loop into one with an early exit. */
static uint32_t hidden(uint32_t v) {
  __asm__ volatile("" : "+r"(v));
  return v;
}

bool al_equal_ct(const void *a, const void *b, size_t len) {
  const uint8_t *pa = a, *pb = b;
  uint32_t diff = 0;
  for (size_t i = 0; i < len; i++) diff = hidden(diff | (uint32_t)(pa[i] ^ pb[i]));
  return diff == 0;
}

bool al_zero_ct(const void *a, size_t len) {
  const uint8_t *pa = a;
  uint32_t sum = 0;
  for (size_t i = 0; i < len; i++) sum = hidden(sum | pa[i]);
  return sum == 0;
}
