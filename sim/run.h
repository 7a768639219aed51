/* run.h — one run of a scenario: nodes join, things go wrong, work is done, checkers look on, and
 * in the end there are figures. The host calls sim_run_step until it says that it is over. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "scenario.h"
#include "world.h"

typedef struct sim_run sim_run;

/* A figure of the results: `value` has so many decimals. Names are words divided by dots. */
typedef struct sim_figure {
  char name[64];
  int64_t value;
  unsigned decimals;
  const char *unit;
} sim_figure;

typedef struct sim_run_options {
  const sim_scenario *scenario;
  uint64_t seed;
  /* NULL, or: one line for each thing that happens at node trace_node */
  void (*trace)(void *ctx, const char *line);
  void *trace_ctx;
  uint32_t trace_node;
  const al_suite *suite; /* NULL: the scenario's; tests break one */
} sim_run_options;

sim_run *sim_run_new(const sim_run_options *o);
void sim_run_free(sim_run *r);
/* Let a tenth of a second of virtual time pass. False when the run is over: its last checks are
 * made then. */
bool sim_run_step(sim_run *r);
/* "join", "warm-up", "run", "settle" or "over". */
const char *sim_run_phase(const sim_run *r);
/* Virtual microseconds since the start, and how many there will be. */
uint64_t sim_run_elapsed(const sim_run *r);
uint64_t sim_run_length(const sim_run *r);
world *sim_run_world(sim_run *r);

/* The index-th figure; NULL past the end. There when the run is over. */
const sim_figure *sim_run_figure(const sim_run *r, size_t index);
/* The figure of a name; NULL: there is none. */
const sim_figure *sim_run_find(const sim_run *r, const char *name);
/* The index-th thing that was measured many times: its name, how often, and 21 values: the
 * smallest, that at 5%, 10%, ... and the largest. False past the end. */
bool sim_run_distribution(sim_run *r, size_t index, const char **name, uint64_t *count,
                          uint32_t value[21]);
uint64_t sim_run_digest(const sim_run *r);
/* What the checkers found wrong: how many things, and the first of them; NULL past their end. */
uint32_t sim_run_failures(const sim_run *r);
const char *sim_run_failure(const sim_run *r, size_t index);

#endif
