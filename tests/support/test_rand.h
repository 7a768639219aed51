/* test_rand.h — repeatable random numbers for property tests (splitmix64), seeded from argv[1] or
 * fixed; the seed is printed, so that a failure can be run again. Not for anything secret. */
#ifndef TEST_RAND_H
#define TEST_RAND_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t test_rand_state;

/* Call first in main. */
__attribute__((unused)) static void test_rand_seed(int argc, char **argv) {
  test_rand_state = argc > 1 ? strtoull(argv[1], NULL, 0) : 20250101;
  printf("# seed %" PRIu64 "\n", test_rand_state);
}

static uint64_t test_rand(void) {
  uint64_t z = (test_rand_state += 0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

/* Nearly uniform in 0..n-1; n at least 1. */
__attribute__((unused)) static uint64_t test_rand_below(uint64_t n) { return test_rand() % n; }

__attribute__((unused)) static void test_rand_bytes(void *out, size_t len) {
  uint8_t *p = out;
  for (size_t i = 0; i < len; i++) p[i] = (uint8_t)test_rand();
}

#endif
