/* rng.c — see rng.h. */
#include "base/rng.h"

#include "base/assert.h"
#include "base/bytes.h"

enum { BLOCK_BYTES = 64, BLOCKS = 2 };

/* Nonce: 4 bytes of purpose ‖ refill counter. */
static void make_block(const al_rng *r, uint8_t out[BLOCK_BYTES], uint32_t purpose,
                       uint32_t index) {
  uint8_t nonce[12];
  al_store_u32(nonce, purpose);
  al_store_u64(nonce + 4, r->counter);
  r->suite->block(out, r->key, nonce, index);
}

enum { PURPOSE_REFILL = 1, PURPOSE_ADD = 2 };

/* The first 32 bytes become the next key; the rest is the pool. */
static void refill(al_rng *r) {
  uint8_t blocks[BLOCKS * BLOCK_BYTES];
  for (uint32_t i = 0; i < BLOCKS; i++) make_block(r, blocks + i * BLOCK_BYTES, PURPOSE_REFILL, i);
  memcpy(r->key, blocks, sizeof r->key);
  memcpy(r->pool, blocks + sizeof r->key, sizeof r->pool);
  r->counter++;
  r->used = 0;
  al_wipe(blocks, sizeof blocks);
}

void al_rng_init(al_rng *r, const al_suite *suite, const uint8_t seed[AL_RNG_SEED_BYTES]) {
  memset(r, 0, sizeof *r);
  r->suite = suite;
  memcpy(r->key, seed, sizeof r->key);
  r->used = AL_RNG_POOL_BYTES;
}

void al_rng_add(al_rng *r, const uint8_t seed[AL_RNG_SEED_BYTES]) {
  /* PRF(key) ^ seed: unknown as long as one of the two is; the PRF keeps a chosen seed from
   * steering the key's relation to the old one. */
  uint8_t block[BLOCK_BYTES];
  make_block(r, block, PURPOSE_ADD, 0);
  for (size_t i = 0; i < sizeof r->key; i++) r->key[i] = (uint8_t)(block[i] ^ seed[i]);
  r->counter++;
  al_wipe(block, sizeof block);
  al_wipe(r->pool, sizeof r->pool);
  r->used = AL_RNG_POOL_BYTES;
}

void al_rng_bytes(al_rng *r, void *out, size_t len) {
  uint8_t *to = out;
  while (len > 0) {
    if (r->used == AL_RNG_POOL_BYTES) refill(r);
    size_t n = al_min_size(len, AL_RNG_POOL_BYTES - r->used);
    memcpy(to, r->pool + r->used, n);
    al_wipe(r->pool + r->used, n);
    r->used += (uint32_t)n;
    to += n;
    len -= n;
  }
}

uint32_t al_rng_u32(al_rng *r) {
  uint8_t b[4];
  al_rng_bytes(r, b, sizeof b);
  return al_load_u32(b);
}

uint64_t al_rng_u64(al_rng *r) {
  uint8_t b[8];
  al_rng_bytes(r, b, sizeof b);
  return al_load_u64(b);
}

uint64_t al_rng_below(al_rng *r, uint64_t n) {
  AL_ASSERT(n >= 1);
  uint64_t mask = n - 1;
  for (unsigned shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
  for (;;) {
    uint64_t v = (mask <= UINT32_MAX ? al_rng_u32(r) : al_rng_u64(r)) & mask;
    if (v < n) return v;
  }
}

enum { LOG_BITS = 28 };

/* log2(v / 2^63) as a positive number times 2^LOG_BITS, for v in 1..2^63: how far v is below 2^63.
 * The mantissa is squared again and again; each time it passes 2, the next bit of the fraction
 * is 1. Squaring doubles the logarithm, so the truncation of step k weighs 2^-k: in all under
 * 2^-29. */
static uint64_t neg_log2(uint64_t v) {
  uint32_t whole = 63 - (uint32_t)__builtin_clzll(v); /* floor(log2 v), 0..63 */
  uint64_t y = v << (63 - whole) >> 32;               /* 1.0 is 2^31, below 2^32 */
  uint64_t fraction = 0;
  for (int i = 0; i < LOG_BITS; i++) {
    y = y * y >> 31;
    fraction <<= 1;
    if (y >> 32 != 0) {
      y >>= 1;
      fraction |= 1;
    }
  }
  return ((uint64_t)63 << LOG_BITS) - ((uint64_t)whole << LOG_BITS) - fraction;
}

uint64_t al_rng_exp_us(al_rng *r, uint64_t mean_us) {
  AL_ASSERT(mean_us <= (uint64_t)1 << 40);
  uint64_t v = (al_rng_u64(r) >> 1) + 1;    /* U = v / 2^63, in (0, 1] */
  uint64_t ln2 = 0xb17217f8;                /* ln 2 * 2^32 */
  uint64_t log = neg_log2(v);               /* below 2^34 */
  uint64_t factor = (log >> 2) * ln2 >> 32; /* -ln U * 2^26: below 2^32 */
  return ((mean_us >> 32) * factor << 6) + ((mean_us & UINT32_MAX) * factor >> 26);
}

void al_rng_shuffle(al_rng *r, uint32_t *array, size_t count) {
  for (size_t left = count; left > 1; left--) {
    size_t pick = (size_t)al_rng_below(r, left);
    uint32_t swap = array[left - 1];
    array[left - 1] = array[pick];
    array[pick] = swap;
  }
}

void al_rng_clear(al_rng *r) { al_wipe(r, sizeof *r); }
