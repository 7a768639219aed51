/* The generator: vectors from an independent model in Python, independence of call sizes, key
 * erasure, and the statistics of its distributions. The seed is fixed: the same numbers come every
 * time. */
#include "base/base.h"
#include "support/test_chacha.h"
#include "tap.h"

static al_rng seeded(uint8_t first) {
  al_rng r;
  uint8_t seed[AL_RNG_SEED_BYTES];
  for (size_t i = 0; i < sizeof seed; i++) seed[i] = (uint8_t)(first + i);
  al_rng_init(&r, &test_chacha_suite, seed);
  return r;
}

static void reference(void) {
  /* RFC 8439 2.3.2. */
  static const uint8_t nonce[12] = {0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0};
  static const uint8_t want[16] = {0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15,
                                   0x50, 0x0f, 0xdd, 0x1f, 0xa3, 0x20, 0x71, 0xc4};
  uint8_t key[32], out[64];
  for (size_t i = 0; i < 32; i++) key[i] = (uint8_t)i;
  test_chacha_block(out, key, nonce, 1);
  tap_is_mem(out, want, 16, "the test's own ChaCha20 block is RFC 8439's");
}

static void vectors(void) {
  static const uint8_t after_1000[16] = {0x79, 0x2a, 0xed, 0xa3, 0x19, 0x8f, 0xf8, 0x29,
                                         0x4c, 0xf5, 0xc0, 0xa8, 0xec, 0xce, 0x89, 0x7d};
  static const uint8_t after_add[16] = {0xd7, 0x40, 0x82, 0x43, 0x74, 0x25, 0x69, 0xd8,
                                        0x83, 0x17, 0xa6, 0x91, 0x79, 0x2d, 0x15, 0x3e};
  al_rng r = seeded(0);
  uint8_t skip[1000], out[16], seed[AL_RNG_SEED_BYTES];
  al_rng_bytes(&r, skip, sizeof skip);
  al_rng_bytes(&r, out, sizeof out);
  tap_is_mem(out, after_1000, 16, "bytes 1000..1015 as the model has them");
  for (size_t i = 0; i < sizeof seed; i++) seed[i] = (uint8_t)(100 + i);
  al_rng_add(&r, seed);
  al_rng_bytes(&r, out, sizeof out);
  tap_is_mem(out, after_add, 16, "the first bytes after more entropy as the model has them");
}

static void sizes(void) {
  al_rng whole = seeded(3), parts = seeded(3);
  uint8_t a[2000], b[2000];
  al_rng_bytes(&whole, a, sizeof a);
  size_t at = 0;
  for (size_t n = 0; at < sizeof b; n++) {
    size_t len = al_min_size(n, sizeof b - at);
    al_rng_bytes(&parts, b + at, len);
    at += len;
  }
  tap_is_mem(a, b, sizeof a, "the bytes do not depend on how they are asked for");
  al_rng other = seeded(4);
  al_rng_bytes(&other, b, 32);
  tap_ok(memcmp(a, b, 32) != 0, "another seed gives other bytes");
  al_rng added = seeded(3);
  al_rng_add(&added, (const uint8_t[AL_RNG_SEED_BYTES]){0});
  al_rng_bytes(&added, b, 32);
  tap_ok(memcmp(a, b, 32) != 0, "even a zero seed moves the state on");
}

/* Nothing that was given out may be left in the state. */
static void erasure(void) {
  al_rng r = seeded(9);
  uint8_t out[64];
  al_rng_bytes(&r, out, sizeof out);
  int found = 0;
  const uint8_t *state = (const uint8_t *)&r;
  for (size_t i = 0; i + 8 <= sizeof r; i++)
    for (size_t j = 0; j + 8 <= sizeof out; j++) found += memcmp(state + i, out + j, 8) == 0;
  tap_is_u64(found, 0, "no eight bytes that were given out are left in the state");
  al_rng_clear(&r);
  tap_ok(al_zero_ct(&r, sizeof r), "clear wipes everything");
}

static void below(void) {
  al_rng r = seeded(20);
  enum { N = 10, DRAWS = 100000 };
  uint32_t seen[N] = {0};
  for (int i = 0; i < DRAWS; i++) seen[al_rng_below(&r, N)]++;
  double chi = 0, mean = (double)DRAWS / N;
  for (int i = 0; i < N; i++) chi += ((double)seen[i] - mean) * ((double)seen[i] - mean) / mean;
  tap_ok(chi < 27.9, "below(10) is uniform: chi square %.1f (9 degrees, p = 0.001 at 27.9)", chi);
  int bad = 0;
  for (unsigned bits = 0; bits < 64; bits++) {
    uint64_t n = (uint64_t)1 << bits;
    for (int i = 0; i < 50; i++) {
      bad += al_rng_below(&r, n) >= n;
      bad += al_rng_below(&r, n + n / 3 + 1) > n + n / 3;
    }
  }
  for (int i = 0; i < 50; i++) bad += al_rng_below(&r, 1) != 0;
  tap_is_u64(bad, 0, "below(n) is below n at every size");
  uint64_t any = 0;
  for (int i = 0; i < 100; i++) any |= al_rng_below(&r, UINT64_MAX);
  tap_is_u64(any, UINT64_MAX, "below(2^64 - 1) reaches every bit");
}

static void exponential(void) {
  /* -ln(U) * 10^12 for the first eight draws of this seed, from the model. */
  static const double want[8] = {2057375661583.803,  967403186708.3241, 104685576612.4559,
                                 457234379994.1164,  1793021582158.703, 1024865510311.7622,
                                 1420441765948.2373, 221831598302.54626};
  al_rng r = seeded(0);
  double worst = 0, off;
  for (int i = 0; i < 8; i++) {
    off = (double)al_rng_exp_us(&r, 1000000000000) - want[i];
    off = off < 0 ? -off : off;
    worst = off > worst ? off : worst;
  }
  tap_ok(worst < 1e12 / 16777216, "exp is -mean ln U within mean * 2^-24 (worst %.3g * 2^-24)",
         worst * 16777216 / 1e12);
  enum { DRAWS = 200000 };
  double sum = 0, squares = 0, mean = 50000;
  uint32_t over = 0;
  for (int i = 0; i < DRAWS; i++) {
    double v = (double)al_rng_exp_us(&r, 50000);
    sum += v;
    squares += v * v;
    over += v > 2.302585 * mean;
  }
  double got = sum / DRAWS, variance = squares / DRAWS - got * got;
  tap_ok(got > 0.99 * mean && got < 1.01 * mean, "its mean is the mean (%.0f of %.0f)", got, mean);
  tap_ok(variance > 0.97 * mean * mean && variance < 1.03 * mean * mean, "its variance is mean^2");
  tap_ok(over > DRAWS / 10 - 700 && over < DRAWS / 10 + 700, "a tenth is above mean * ln 10 (%u)",
         over);
  tap_is_u64(al_rng_exp_us(&r, 0), 0, "mean 0 gives 0");
}

/* A suite whose bits are all ones or all zeros: the two ends of the distribution. */
static void ones(uint8_t out[64], const uint8_t key[32], const uint8_t nonce[12],
                 uint32_t counter) {
  memset(out, 0xff, 64);
  (void)key, (void)nonce, (void)counter;
}

static void zeros(uint8_t out[64], const uint8_t key[32], const uint8_t nonce[12],
                  uint32_t counter) {
  memset(out, 0, 64);
  (void)key, (void)nonce, (void)counter;
}

static void extremes(void) {
  const al_suite high = {.block = ones}, low = {.block = zeros};
  static const uint8_t seed[AL_RNG_SEED_BYTES];
  al_rng r;
  al_rng_init(&r, &high, seed);
  tap_is_u64(al_rng_exp_us(&r, (uint64_t)1 << 40), 0, "U = 1 gives 0");
  tap_is_u64(al_rng_below(&r, 256), 255, "all ones give the largest");
  al_rng_init(&r, &low, seed);
  uint64_t longest = al_rng_exp_us(&r, 1000000);
  tap_ok(longest > 43668000 && longest < 43669000, "U = 2^-63 gives 43.668 means (%u)",
         (unsigned)longest);
}

static void shuffling(void) {
  al_rng r = seeded(30);
  uint32_t seen[6] = {0};
  for (int i = 0; i < 60000; i++) {
    uint32_t p[3] = {0, 1, 2};
    al_rng_shuffle(&r, p, 3);
    seen[p[0] * 2 + (p[1] > p[2])]++;
  }
  int bad = 0;
  for (int i = 0; i < 6; i++) bad += seen[i] < 9600 || seen[i] > 10400;
  tap_is_u64(bad, 0, "all six orders of three come equally often");
  al_rng_shuffle(&r, NULL, 0);
  uint32_t many[100] = {0}, sum = 0;
  for (uint32_t i = 0; i < 100; i++) many[i] = i;
  al_rng_shuffle(&r, many, 100);
  for (uint32_t i = 0; i < 100; i++) sum += many[i] * many[i];
  tap_is_u64(sum, 328350, "a shuffled array has the same elements");
}

int main(void) {
  reference();
  vectors();
  sizes();
  erasure();
  below();
  exponential();
  extremes();
  shuffling();
  return tap_done();
}
