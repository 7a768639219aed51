/* sim_text.c — the results of a run as a table and as JSON. Figures are whole numbers with a number
 * of decimals, so that they print alike everywhere. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "sim.h"
#include "table.h"

void al_sim_print_keys(void) {
  const sim_option *o;
  const char *section = "";
  for (size_t i = 0; (o = sim_option_at(i)); i++) {
    if (strcmp(section, o->section) != 0) printf("%s[%s]\n", i ? "\n" : "", o->section);
    section = o->section;
    g_autofree char *left = g_strdup_printf("%s = %s", o->key, o->def);
    printf("%-24s%s%s%s%s\n", left, o->help, *o->limits ? " (" : "", o->limits,
           *o->limits ? ")" : "");
  }
}

static char *value_text(const sim_figure *f) {
  gint64 scale = 1;
  for (unsigned i = 0; i < f->decimals; i++) scale *= 10;
  if (f->decimals == 0) return g_strdup_printf("%" G_GINT64_FORMAT, (gint64)f->value);
  return g_strdup_printf("%" G_GINT64_FORMAT ".%0*" G_GINT64_FORMAT, f->value / scale,
                         (int)f->decimals, f->value % scale);
}

/* What the run took of this machine. */
static struct rusage usage(void) {
  struct rusage u = {0};
  (void)getrusage(RUSAGE_SELF, &u);
  return u;
}

static double cpu_s(void) {
  struct rusage u = usage();
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* By processor time: others may be at work here, too. */
static double events_per_s(sim_run *r) {
  world_stats st = world_stats_now(sim_run_world(r));
  return cpu_s() > 0 ? (double)st.events / cpu_s() : 0;
}

/* Values that were drawn, or that differ from the defaults: fn gets the key and the value. */
static void each_option(const al_sim_about *about, void (*fn)(const char *, const char *, bool)) {
  const sim_option *o;
  bool first = true;
  for (size_t i = 0; (o = sim_option_at(i)); i++) {
    char value[32], usual[32];
    sim_scenario plain;
    sim_plan *p = sim_plan_new();
    sim_plan_draw(p, 0, &plain);
    sim_plan_free(p);
    sim_value_text(o, sim_scenario_value(about->drawn, i), value);
    sim_value_text(o, sim_scenario_value(&plain, i), usual);
    if (strcmp(value, usual) == 0) continue;
    g_autofree char *name = g_strconcat(o->section, ".", o->key, NULL);
    fn(name, value, first);
    first = false;
  }
}

static void table_option(const char *name, const char *value, bool first) {
  printf("%s%s=%s", first ? "  " : " ", name, value);
}

void al_sim_print_table(sim_run *r, const al_sim_about *about) {
  static const char *const head[] = {"figure", ">value", "unit", NULL};
  const sim_figure *f;
  printf("%s, seed %" G_GUINT64_FORMAT "\n", about->scenario, about->seed);
  each_option(about, table_option);
  puts("\n");
  al_table *t = al_table_new(head);
  for (size_t i = 0; (f = sim_run_figure(r, i)); i++) {
    al_table_add(t, g_strdup(f->name));
    al_table_add(t, value_text(f));
    al_table_add(t, g_strdup(f->unit));
  }
  g_autofree char *text = al_table_text(t);
  fputs(text, stdout);
  printf("\ndigest %016" G_GINT64_MODIFIER
         "x, %.1f s, %.1f s of processor, %.0f events in each, %ld MiB at most\n",
         sim_run_digest(r), about->wall_s, cpu_s(), events_per_s(r), usage().ru_maxrss / 1024);
  const char *failure;
  for (size_t i = 0; (failure = sim_run_failure(r, i)); i++) printf("FAILED %s\n", failure);
}

/* ---- JSON ---- */

static void json_text(const char *text) {
  putchar('"');
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    if ((unsigned char)*text >= 0x20) putchar(*text);
  }
  putchar('"');
}

static void json_option(const char *name, const char *value, bool first) {
  printf("%s\n    \"%s\": \"%s\"", first ? "" : ",", name, value);
}

/* Names with dots become objects in objects: those that begin alike stand together. */
static void json_figures(sim_run *r) {
  char open[4][64] = {"", "", "", ""};
  size_t depth = 0;
  const sim_figure *f;
  for (size_t i = 0; (f = sim_run_figure(r, i)); i++) {
    g_auto(GStrv) parts = g_strsplit(f->name, ".", 4);
    size_t count = g_strv_length(parts), same = 0;
    while (same < depth && same + 1 < count && strcmp(open[same], parts[same]) == 0) same++;
    bool closed = depth > same;
    for (; depth > same; depth--) printf("\n%*s}", 2 * (int)depth, "");
    printf("%s", i == 0 && !closed ? "" : ",");
    for (; depth + 1 < count; depth++) {
      g_strlcpy(open[depth], parts[depth], sizeof open[0]);
      printf("\n%*s\"%s\": {", 2 * (int)depth + 2, "", parts[depth]);
    }
    g_autofree char *value = value_text(f);
    printf("\n%*s\"%s\": %s", 2 * (int)depth + 2, "", parts[count - 1], value);
  }
  for (; depth > 0; depth--) printf("\n%*s}", 2 * (int)depth, "");
}

static void json_distributions(sim_run *r) {
  const char *name;
  uint64_t count;
  uint32_t v[21];
  printf(",\n  \"distributions\": {");
  for (size_t i = 0; sim_run_distribution(r, i, &name, &count, v); i++) {
    printf("%s\n    \"%s\": {\"count\": %" G_GUINT64_FORMAT ", \"at\": [", i ? "," : "", name,
           count);
    for (int k = 0; k <= 20; k++) printf("%s%u", k ? ", " : "", v[k]);
    printf("]}");
  }
  printf("\n  }");
}

static void json_failures(sim_run *r) {
  const char *failure;
  printf(",\n  \"failures\": [");
  for (size_t i = 0; (failure = sim_run_failure(r, i)); i++) {
    printf("%s\n    ", i ? "," : "");
    json_text(failure);
  }
  printf("]");
}

void al_sim_print_json(sim_run *r, const al_sim_about *about) {
  printf("{");
  json_figures(r);
  json_distributions(r);
  json_failures(r);
  printf(",\n  \"scenario\": ");
  json_text(about->scenario);
  printf(",\n  \"seed\": %" G_GUINT64_FORMAT ",\n  \"options\": {", about->seed);
  each_option(about, json_option);
  printf("\n  },\n  \"digest\": \"%016" G_GINT64_MODIFIER "x\"", sim_run_digest(r));
  printf(",\n  \"host\": {\n    \"wall_ms\": %.0f,\n    \"cpu_ms\": %.0f", about->wall_s * 1e3,
         cpu_s() * 1e3);
  printf(",\n    \"events_per_s\": %.0f,\n    \"memory_kb\": %ld\n  }\n}\n", events_per_s(r),
         usage().ru_maxrss);
}
