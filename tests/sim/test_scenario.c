/* test_scenario.c — a scenario of sim/scenarios/ runs to its end and its checkers find nothing.
 * Arguments: file seed [section.key=value ...] [digest=HEX]. The digest must be the same for every
 * compiler, optimisation level and machine. Prints every figure. */
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

int main(int argc, char **argv) {
  char error[256] = "";
  const char *digest = NULL;
  if (argc < 3 || !load(argv[1])) {
    fprintf(stderr, "usage: test_scenario FILE SEED [section.key=value ...] [digest=HEX]\n");
    return 2;
  }
  sim_plan *plan = sim_plan_new();
  bool good = sim_plan_read(plan, argv[1], text, error);
  for (int i = 3; good && i < argc; i++) {
    if (strncmp(argv[i], "digest=", 7) == 0)
      digest = argv[i] + 7;
    else
      good = sim_plan_set(plan, argv[i], error);
  }
  if (!tap_ok(good, "the scenario is read")) printf("# %s\n", error);
  sim_scenario s;
  sim_plan_draw(plan, strtoull(argv[2], NULL, 0), &s);
  sim_run_options o = {.scenario = &s, .seed = strtoull(argv[2], NULL, 0)};
  sim_run *r = sim_run_new(&o);
  while (sim_run_step(r)) {
  }
  print_figures(r);
  printf("# seed %llu digest %016llx\n", (unsigned long long)o.seed,
         (unsigned long long)sim_run_digest(r));
  if (!tap_ok(sim_run_failures(r) == 0, "the checkers found nothing")) {
    const char *f;
    for (size_t i = 0; (f = sim_run_failure(r, i)) != NULL; i++) printf("# %s\n", f);
  }
  if (digest != NULL)
    tap_ok(sim_run_digest(r) == strtoull(digest, NULL, 16), "the digest is the frozen one");
  sim_run_free(r);
  sim_plan_free(plan);
  return tap_done();
}
