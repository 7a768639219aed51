/* scenario.h — what a run is: the keys of options.def, from a file and the command line. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All values in their kind's unit: counts, microseconds, parts per million, 0 or 1, or the index of
 * a word. Members are named section_key. */
typedef struct sim_scenario {
#define SIM_OPTION(section, key, kind, def, limits, help) uint64_t section##_##key;
#include "options.def"
#undef SIM_OPTION
} sim_scenario;

typedef enum sim_kind { SIM_COUNT, SIM_TIME, SIM_SHARE, SIM_BOOL, SIM_CHOICE } sim_kind;

/* A key as it is documented. */
typedef struct sim_option {
  const char *section, *key, *def, *limits, *help;
  sim_kind kind;
} sim_option;

/* What was written: a range for each key, and whether it was given. */
typedef struct sim_plan sim_plan;

/* The index-th key; NULL past the end. */
const sim_option *sim_option_at(size_t index);

sim_plan *sim_plan_new(void);
void sim_plan_free(sim_plan *p);
/* Read a scenario's text. `name` is used in messages. Unknown sections and keys, keys given twice
 * and values that cannot be are errors: false, and a line "NAME:LINE: what" in `error`. */
bool sim_plan_read(sim_plan *p, const char *name, const char *text, char error[256]);
/* One key, "section.key=value", over what the file says. */
bool sim_plan_set(sim_plan *p, const char *assignment, char error[256]);
/* The scenario of this seed: ranges are drawn from it. */
void sim_plan_draw(const sim_plan *p, uint64_t seed, sim_scenario *ret);
/* A value as it would be written, for the report of what was drawn. */
void sim_value_text(const sim_option *o, uint64_t value, char ret[32]);
/* The value of the index-th key. */
uint64_t sim_scenario_value(const sim_scenario *s, size_t index);

#endif
