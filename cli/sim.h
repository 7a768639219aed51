/* sim.h — the parts of `allium sim`: verb_sim.c runs a scenario, sim_text.c prints what came of it,
 * sim_report.c draws results that were kept. */
#ifndef AL_CLI_SIM_H
#define AL_CLI_SIM_H

#include <glib.h>

#include "run.h"

/* What is said of a run besides its figures. */
typedef struct al_sim_about {
  const char *scenario;
  const sim_plan *plan;
  const sim_scenario *drawn;
  uint64_t seed;
  double wall_s;
} al_sim_about;

/* al_sim_print_options — what stands behind `allium sim`, for its help. */
void al_sim_print_options(void);

/* al_sim_print_keys — every key of a scenario file, with its default, limits and meaning. */
void al_sim_print_keys(void);

/* al_sim_print_table, al_sim_print_json — the results of a run that is over, on stdout. */
void al_sim_print_table(sim_run *r, const al_sim_about *about);
void al_sim_print_json(sim_run *r, const al_sim_about *about);

/* al_sim_report — draw plots of result files into a folder, and a table of them.
 *   words  `--out DIR` and names of files that `allium sim --json` has written              [in]
 * Result: an al_exit_status, after one line to stderr.   Cost: runs gnuplot.
 * Source: docs/SIMULATOR.md.   Tested: e2e/test_sim. */
int al_sim_report(char **words);

#endif
