/* counters.h — what a node counts: every reason to drop something, and what happened. One line each
 * in counters.def. Layer 0. */
#ifndef AL_BASE_COUNTERS_H
#define AL_BASE_COUNTERS_H

#include "allium/al_types.h"

/* al_counter — AL_COUNT_<NAME>, in the order of counters.def. */
typedef enum al_counter {
#define AL_COUNTER(name, text) AL_COUNT_##name,
#include "base/counters.def"
#undef AL_COUNTER
  AL_COUNT__COUNT
} al_counter;

/* al_counters — one node's counts since its start; one that is full stays so. */
typedef struct al_counters {
  uint32_t v[AL_COUNT__COUNT];
} al_counters;

/* al_count — one more of it. */
static inline void al_count(al_counters *c, al_counter what) {
  c->v[what] += c->v[what] != UINT32_MAX;
}

/* al_count_add — n more of it. */
static inline void al_count_add(al_counters *c, al_counter what, uint64_t n) {
  c->v[what] = n < UINT32_MAX - c->v[what] ? c->v[what] + (uint32_t)n : UINT32_MAX;
}

/* al_counter_name — the counter's name as in counters.def, in lower case: "link_auth".
 *   index   0..AL_COUNT__COUNT-1
 * Result: a static string, or NULL for another index.   Cost: constant.
 * Source: counters.def.   Tested: unit/base_counters. */
const char *al_counter_name(uint32_t index);

/* al_counter_text — what it counts, one phrase for people.
 *   index   0..AL_COUNT__COUNT-1
 * Result: a static string, or NULL for another index.   Cost: constant.
 * Source: counters.def.   Tested: unit/base_counters. */
const char *al_counter_text(uint32_t index);

#endif
