/* test_scenario.c — a scenario of sim/scenarios/ runs to its end and its checkers find nothing.
 * Arguments: file, seed or first-last, [section.key=value ...]. Prints every figure when there is
 * one seed, and each digest: tools/check holds those of all builds against each other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "tap.h"

static char text[65536];

static bool load(const char *path) {
  FILE *f = fopen(path, "rb");
  if (f == NULL) return false;
  size_t len = fread(text, 1, sizeof text - 1, f);
  text[len] = '\0';
  return fclose(f) == 0;
}

static void print_figures(const sim_run *r) {
  const sim_figure *f;
  for (size_t i = 0; (f = sim_run_figure(r, i)) != NULL; i++) {
    long long scale = 1;
    for (unsigned d = 0; d < f->decimals; d++) scale *= 10;
    printf("# %s %lld", f->name, (long long)f->value / scale);
    if (f->decimals != 0) printf(".%0*lld", (int)f->decimals, (long long)f->value % scale);
    printf(" %s\n", f->unit);
  }
}

static void run_seed(const sim_plan *plan, const char *name, uint64_t seed, bool figures) {
  sim_scenario s;
  sim_plan_draw(plan, seed, &s);
  sim_run_options o = {.scenario = &s, .seed = seed};
  sim_run *r = sim_run_new(&o);
  while (sim_run_step(r)) {
  }
  if (figures) print_figures(r);
  printf("# %s seed %llu digest %016llx\n", name, (unsigned long long)seed,
         (unsigned long long)sim_run_digest(r));
  if (!tap_ok(sim_run_failures(r) == 0, "%s, seed %llu: the checkers found nothing", name,
              (unsigned long long)seed)) {
    const char *f;
    for (size_t i = 0; (f = sim_run_failure(r, i)) != NULL; i++) printf("# %s\n", f);
  }
  sim_run_free(r);
}

int main(int argc, char **argv) {
  char error[256] = "", *end = NULL;
  if (argc < 3 || !load(argv[1])) {
    fprintf(stderr, "usage: test_scenario FILE SEED|FIRST-LAST [section.key=value ...]\n");
    return 2;
  }
  const char *slash = strrchr(argv[1], '/'), *name = slash != NULL ? slash + 1 : argv[1];
  sim_plan *plan = sim_plan_new();
  bool good = sim_plan_read(plan, name, text, error);
  for (int i = 3; good && i < argc; i++) good = sim_plan_set(plan, argv[i], error);
  if (!tap_ok(good, "the scenario is read")) printf("# %s\n", error);
  uint64_t first = strtoull(argv[2], &end, 10), last = first;
  if (*end == '-') last = strtoull(end + 1, NULL, 10);
  for (uint64_t seed = first; good && seed <= last; seed++) {
    run_seed(plan, name, seed, first == last);
  }
  sim_plan_free(plan);
  return tap_done();
}
