/* chance.h — numbers drawn from a seed. Whole numbers only: what a run does must not depend on how
 * a machine rounds. */
#ifndef SIM_CHANCE_H
#define SIM_CHANCE_H

#include <stdint.h>

typedef struct sim_chance {
  uint64_t state;
} sim_chance;

/* splitmix64. */
static inline uint64_t sim_mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static inline uint64_t sim_draw(sim_chance *c) { return sim_mix(c->state += 0x9e3779b97f4a7c15u); }

/* 0..n-1; n up to 2^32. */
static inline uint64_t sim_below(sim_chance *c, uint64_t n) {
  return n == 0 ? 0 : (sim_draw(c) >> 32) * n >> 32;
}

static inline int sim_happens(sim_chance *c, uint32_t ppm) {
  return ppm != 0 && sim_below(c, 1000000) < ppm;
}

/* A fixed number for an object: the same whenever asked. */
static inline uint64_t sim_of(uint64_t seed, uint64_t what, uint64_t which) {
  return sim_mix(seed ^ sim_mix(what * 0x9e3779b97f4a7c15u + sim_mix(which)));
}

/* -ln(u) for u in (0, 1] given as u32/2^32, in units of 2^-16: how long until something happens
 * that happens at rate one. Bit by bit, by squaring. */
uint32_t sim_minus_ln(uint32_t u);

/* A time from the exponential distribution of this mean. */
uint64_t sim_exponential(sim_chance *c, uint64_t mean);

#endif
