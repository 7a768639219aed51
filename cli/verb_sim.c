/* verb_sim.c — `allium sim SCENARIO`: read the scenario, run it, say what came of it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/error.h"
#include "sim.h"
#include "verb.h"

typedef struct line {
  const char *scenario;
  const char *nodes, *seed, *trace;
  GPtrArray *set; /* of "section.key=value", borrowed */
  bool json, keys;
} line;

typedef struct progress {
  gint64 began, told; /* of the host's clock, microseconds */
  bool shown, on;
} progress;

static int usage(const char *what, const char *of) {
  fprintf(stderr, "allium: %s%s%s\n", what, of != NULL && *of ? ": " : "", of != NULL ? of : "");
  return AL_EXIT_USAGE;
}

void al_sim_print_options(void) {
  puts(
      "\nSCENARIO is a file, or the name of one that came with the program: churn, hostile,\n"
      "partition, scale, ...\n"
      "\n  --nodes N                     how many nodes\n"
      "  --seed S                      run this seed again; default: a fresh one, printed\n"
      "  --set SECTION.KEY=VALUE       another value than the file's; may be given several times\n"
      "  --json                        print JSON\n"
      "  --trace NODE                  print everything that happens at one node\n"
      "  --keys                        print every key of a scenario file, and end\n"
      "\n`allium sim report [--out DIR] FILE...` draws plots of what --json has printed.\n"
      "Exit status 1: a checker found something wrong; the seed repeats it.");
}

/* The option's value, behind `=` or the next word; NULL when this is another option. */
static const char *value_of(char ***at, const char *name) {
  size_t len = strlen(name);
  if (strncmp(**at, name, len) != 0) return NULL;
  if ((**at)[len] == '=') return **at + len + 1;
  if ((**at)[len] != '\0') return NULL;
  return (*at)[1] ? *++*at : "";
}

static int read_line(char **words, line *ret) {
  for (char **at = words; *at; at++) {
    const char *v = NULL, *given = *at;
    if (strcmp(*at, "--json") == 0)
      ret->json = true;
    else if (strcmp(*at, "--keys") == 0)
      ret->keys = true;
    else if ((v = value_of(&at, "--nodes")))
      ret->nodes = v;
    else if ((v = value_of(&at, "--seed")))
      ret->seed = v;
    else if ((v = value_of(&at, "--trace")))
      ret->trace = v;
    else if ((v = value_of(&at, "--set")))
      g_ptr_array_add(ret->set, (gpointer)v);
    else if (**at == '-')
      return usage("unknown option", given);
    else if (ret->scenario)
      return usage("one scenario at a time", given);
    else
      ret->scenario = *at;
    if (v && !*v) return usage("a value is missing behind", given);
  }
  if (ret->trace && ret->json) return usage("--trace and --json exclude each other", "");
  if (ret->scenario || ret->keys) return AL_EXIT_OK;
  return usage("which scenario? see `allium sim --help`", "");
}

static bool whole_number(const char *text, uint64_t *ret) {
  return !text || g_ascii_string_to_unsigned(text, 10, 0, (guint64)1 << 53, ret, NULL);
}

/* The text of a scenario: a file, or one of those that came with the program. */
static char *load(const char *name, char **path, GError **err) {
  const char *dir = g_getenv("ALLIUM_SCENARIOS");
  g_autofree char *file = g_strconcat(name, ".ini", NULL);
  char *places[] = {g_strdup(name), g_build_filename(dir ? dir : "sim/scenarios", file, NULL),
                    g_build_filename(AL_SCENARIOS, file, NULL)};
  char *text = NULL;
  for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
    bool there = !text && g_file_test(places[i], G_FILE_TEST_IS_REGULAR);
    if (there && g_file_get_contents(places[i], &text, NULL, err)) *path = g_strdup(places[i]);
    if (there && !text) i = G_N_ELEMENTS(places);
  }
  for (size_t i = 0; i < G_N_ELEMENTS(places); i++) g_free(places[i]);
  if (!text && !*err)
    g_set_error(err, AL_ERROR, AL_EXIT_USAGE, "no scenario `%s`, neither file nor name", name);
  return text;
}

/* The plan that follows from file and line. */
static bool make_plan(const line *l, sim_plan *plan, GError **err) {
  g_autofree char *path = NULL;
  char error[256];
  g_autofree char *text = load(l->scenario, &path, err);
  if (!text) return false;
  bool good = sim_plan_read(plan, path, text, error);
  for (guint i = 0; good && i < l->set->len; i++)
    good = sim_plan_set(plan, g_ptr_array_index(l->set, i), error);
  if (good && l->nodes) {
    g_autofree char *set = g_strconcat("network.nodes=", l->nodes, NULL);
    good = sim_plan_set(plan, set, error);
  }
  if (!good) g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "%s", error);
  return good;
}

static void show(progress *p, sim_run *r) {
  gint64 now = g_get_monotonic_time();
  bool terminal = isatty(STDERR_FILENO);
  if (!p->on || now - p->told < (terminal ? 500000 : 10000000)) return;
  p->told = now;
  world_stats st = world_stats_now(sim_run_world(r));
  double wall = (double)(now - p->began) / 1e6, part = 1, virtual_s = 0;
  virtual_s = (double)sim_run_elapsed(r) / 1e6;
  part = (double)sim_run_elapsed(r) / (double)sim_run_length(r);
  double left = part > 0 ? wall * (1 - part) / part : 0;
  fprintf(stderr, "%s%-7s %8.1f of %.1f s, %u nodes, %.1fM events, %.0fk/s, %d:%02d left%s",
          terminal ? "\r" : "", sim_run_phase(r), virtual_s, (double)sim_run_length(r) / 1e6,
          st.running, (double)st.events / 1e6, wall > 0 ? (double)st.events / wall / 1e3 : 0,
          (int)left / 60, (int)left % 60, terminal ? "   " : "\n");
  p->shown = terminal;
}

static void print_trace(void *ctx, const char *text) {
  (void)ctx;
  puts(text);
}

static int run(const line *l, const sim_plan *plan, uint64_t seed) {
  sim_scenario drawn;
  sim_plan_draw(plan, seed, &drawn);
  uint64_t trace = 0;
  if (!whole_number(l->trace, &trace) || trace >= drawn.network_nodes)
    return usage("--trace wants the number of a node", l->trace);
  sim_run_options o = {.scenario = &drawn, .seed = seed, .trace_node = (uint32_t)trace};
  if (l->trace) o.trace = print_trace;
  progress p = {.began = g_get_monotonic_time(), .on = !l->trace};
  p.told = p.began;
  sim_run *r = sim_run_new(&o);
  while (sim_run_step(r)) show(&p, r);
  if (p.shown) fputs("\r\033[K", stderr);
  al_sim_about about = {l->scenario, plan, &drawn, seed,
                        (double)(g_get_monotonic_time() - p.began) / 1e6};
  if (l->json)
    al_sim_print_json(r, &about);
  else
    al_sim_print_table(r, &about);
  uint32_t failures = sim_run_failures(r);
  if (failures != 0)
    fprintf(stderr,
            "allium: %u checks failed, first: %s; again with --seed %" G_GUINT64_FORMAT "\n",
            failures, sim_run_failure(r, 0), seed);
  sim_run_free(r);
  return failures != 0 ? AL_EXIT_FAILED : AL_EXIT_OK;
}

int al_verb_sim(const al_args *args) {
  g_autoptr(GError) err = NULL;
  g_autoptr(GPtrArray) set = g_ptr_array_new();
  line l = {.set = set};
  uint64_t seed = g_random_int();
  if (args->words[0] && strcmp(args->words[0], "report") == 0)
    return al_sim_report(args->words + 1);
  int status = read_line(args->words, &l);
  if (status != AL_EXIT_OK) return status;
  if (l.keys) {
    al_sim_print_keys();
    return AL_EXIT_OK;
  }
  if (!whole_number(l.seed, &seed)) return usage("--seed wants a number below 2^53", l.seed);
  sim_plan *plan = sim_plan_new();
  status = make_plan(&l, plan, &err) ? run(&l, plan, seed) : al_complain(err);
  sim_plan_free(plan);
  return status;
}
