/* lookups.h — a population of nodes that look each other up: who is there, who is the closest to
 * what, and how the lookups went. Test code. */
#ifndef LOOKUPS_H
#define LOOKUPS_H

#include "allium/al_dht.h"
#include "world.h"

enum { LOOKUPS_MAX = 8192 };

typedef struct lookups_one {
  uint32_t node, number;
  al_id target;
  bool used, done, exact;
} lookups_one;

typedef struct lookups_score {
  uint32_t asked, ended, right, wrong, failed; /* right: the closest node that runs and is honest */
  uint32_t hops[32];
  uint64_t hops_sum, took_sum_us;
  uint32_t took_ms[LOOKUPS_MAX];
} lookups_score;

typedef struct lookups {
  world *w;
  uint32_t nodes;
  al_id *ids;
  bool *gone; /* does not count: stopped, or hostile */
  uint64_t rand;
  lookups_one *one;
  uint32_t count;
  lookups_score score;
} lookups;

void lookups_init(lookups *l, world *w, uint32_t nodes, uint64_t seed);
void lookups_free(lookups *l);
/* Node i runs: remember its ID. */
void lookups_know(lookups *l, uint32_t node);
/* Numbers that do not depend on the cores. */
uint64_t lookups_draw(lookups *l, uint64_t below);
/* A node that counts, at random. */
uint32_t lookups_someone(lookups *l);
/* The closest of those that count. */
uint32_t lookups_closest(const lookups *l, const al_id *target);
/* Start one. */
void lookups_ask(lookups *l, uint32_t node, const al_lookup *what);
/* For random targets from random nodes, `every` apart; then wait for the last one. */
void lookups_run(lookups *l, uint32_t count, uint8_t paths, al_time every);
/* Hear of the end of one. */
void lookups_event(lookups *l, uint32_t node, const al_event *ev);
void lookups_reset(lookups *l);
/* Thousandths; mean hops in hundredths; the p-th percentile of milliseconds. */
uint32_t lookups_success(const lookups *l);
uint32_t lookups_hops(const lookups *l);
uint32_t lookups_ms(lookups *l, uint32_t p);
void lookups_print(lookups *l, const char *what);

#endif
