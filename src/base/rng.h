/* rng.h — the node's random numbers: a ChaCha20 generator that erases its key with every refill, so
 * that what it gave out cannot be found again from its state. It draws from nothing but the seeds
 * the host hands in, and the same seeds give the same numbers on every platform. Layer 0. */
#ifndef AL_BASE_RNG_H
#define AL_BASE_RNG_H

#include "allium/al_suite.h"

enum {
  AL_RNG_SEED_BYTES = 32,
  AL_RNG_POOL_BYTES = 96, /* two ChaCha20 blocks, less the next key */
};

/* al_rng — the generator; fields are private to rng.c. Bytes given out are wiped from the pool. */
typedef struct al_rng {
  const al_suite *suite;
  uint64_t counter; /* refills since init: the nonce, so that no key and nonce meet twice */
  uint8_t key[32];
  uint8_t pool[AL_RNG_POOL_BYTES];
  uint32_t used; /* bytes of the pool given out */
} al_rng;

/* al_rng_init — a generator from a seed.
 *   suite  kept; only its `block` is used                                                [borrowed]
 *   seed   AL_RNG_SEED_BYTES bytes from the system's generator (simulations: any)        [in]
 * Result: none.   Cost: none until the first draw.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_rng. */
void al_rng_init(al_rng *r, const al_suite *suite, const uint8_t seed[AL_RNG_SEED_BYTES]);

/* al_rng_add — stir in more entropy: the state is unknown afterwards to whoever lacks either the
 * state before or the seed. What is left of the pool is thrown away. seed   AL_RNG_SEED_BYTES bytes
 * [in] Result: none.   Cost: one block.   Source: docs/ARCHITECTURE.md.   Tested: unit/base_rng. */
void al_rng_add(al_rng *r, const uint8_t seed[AL_RNG_SEED_BYTES]);

/* al_rng_bytes — len random bytes.
 *   out   written                                                                        [out]
 * Result: none.   Cost: four blocks for each 224 bytes.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/base_rng. */
void al_rng_bytes(al_rng *r, void *out, size_t len);

/* al_rng_u32 — 32 random bits.
 *   Result: any value.   Cost: four bytes of the pool.
 *   Source: docs/ARCHITECTURE.md.   Tested: unit/base_rng. */
uint32_t al_rng_u32(al_rng *r);

/* al_rng_u64 — 64 random bits.
 *   Result: any value.   Cost: eight bytes of the pool.
 *   Source: docs/ARCHITECTURE.md.   Tested: unit/base_rng. */
uint64_t al_rng_u64(al_rng *r);

/* al_rng_below — a number that is uniform in 0..n-1, without bias.
 *   n   at least 1                                                                       [asserted]
 * Result: below n.   Cost: under two draws on average.
 * Source: rejection under a bit mask.   Tested: unit/base_rng. */
uint64_t al_rng_below(al_rng *r, uint64_t n);

/* al_rng_exp_us — a waiting time of a Poisson process: exponential with the given mean, in
 * integers, the same on every platform. mean_us   0..2^40 (twelve days); 0 gives 0 [asserted]
 * Result: 0..43.7 times the mean (the chance to exceed that is 2^-63); before the final rounding
 * down to a microsecond it differs from -mean * ln(U) by less than mean * 2^-24. Cost:   one draw,
 * 28 multiplications. Source: log2 by repeated squaring.   Tested: unit/base_rng. */
uint64_t al_rng_exp_us(al_rng *r, uint64_t mean_us);

/* al_rng_shuffle — bring an array into a random order, all orders equally likely.
 *   array   count elements                                                               [in/out]
 * Result: none.   Cost: one al_rng_below an element.
 * Source: Fisher-Yates.   Tested: unit/base_rng. */
void al_rng_shuffle(al_rng *r, uint32_t *array, size_t count);

/* al_rng_clear — wipe the state; it must be initialised before the next draw.
 * Result: none.   Cost: one wipe.   Source: HACKING.md, "Secrets".   Tested: unit/base_rng. */
void al_rng_clear(al_rng *r);

#endif
