/* sim_report.c — `allium sim report`: plots of kept results, drawn by gnuplot from one script that
 * stays beside them. */
#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/error.h"
#include "sim.h"
#include "table.h"

/* A result file. */
typedef struct result {
  char *name; /* "churn, 1000 nodes, seed 1" */
  JsonObject *root;
  double nodes;
} result;

/* What is drawn against the number of nodes. */
static const struct {
  const char *file, *figure, *title, *axis;
} curves[] = {
    {"hops", "lookups.hops_mean", "Hops of a lookup", "hops, mean"},
    {"memory", "nodes.memory_bytes", "Memory of a node, links included", "bytes"},
    {"traffic", "bytes_per_node_s", "Traffic of a node", "bytes a second"},
    {"events", "host.events_per_s", "Speed of the simulator", "events a second"},
};

static void result_free(gpointer p) {
  result *r = p;
  g_free(r->name);
  json_object_unref(r->root);
  g_free(r);
}

/* The number at a path of names divided by dots. */
static bool number_at(JsonObject *o, const char *path, double *ret) {
  g_auto(GStrv) parts = g_strsplit(path, ".", 8);
  for (guint i = 0; parts[i]; i++) {
    JsonNode *n = json_object_get_member(o, parts[i]);
    if (!n) return false;
    if (!parts[i + 1] && JSON_NODE_HOLDS_VALUE(n)) {
      *ret = json_node_get_double(n);
      return true;
    }
    if (!JSON_NODE_HOLDS_OBJECT(n)) return false;
    o = json_node_get_object(n);
  }
  return false;
}

static result *load(const char *path, GError **err) {
  g_autoptr(JsonParser) p = json_parser_new();
  double seed = 0;
  if (!json_parser_load_from_file(p, path, err)) return NULL;
  JsonNode *root = json_parser_get_root(p);
  result *r = g_new0(result, 1);
  bool good = root && JSON_NODE_HOLDS_OBJECT(root);
  if (good) r->root = json_object_ref(json_node_get_object(root));
  if (!good || !number_at(r->root, "nodes.running", &r->nodes) ||
      !number_at(r->root, "seed", &seed)) {
    g_set_error(err, AL_ERROR, AL_EXIT_FAILED, "%s: not what `allium sim --json` prints", path);
    if (good) json_object_unref(r->root);
    g_free(r);
    return NULL;
  }
  g_autofree char *base = g_path_get_basename(path);
  r->name = g_strdup_printf("%s, %.0f nodes", base, r->nodes);
  g_strdelimit(r->name, "\"\\_", '-');
  return r;
}

static gint by_nodes(gconstpointer a, gconstpointer b) {
  const result *x = *(result *const *)a, *y = *(result *const *)b;
  return x->nodes < y->nodes ? -1 : x->nodes > y->nodes;
}

/* Slope of figure against log2(n), by least squares; false with fewer than two different n. */
static bool slope(GPtrArray *all, const char *figure, double *ret) {
  double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, y;
  for (guint i = 0; i < all->len; i++) {
    const result *r = g_ptr_array_index(all, i);
    if (r->nodes < 1 || !number_at(r->root, figure, &y)) continue;
    double x = log2(r->nodes);
    n++;
    sx += x;
    sy += y;
    sxx += x * x;
    sxy += x * y;
  }
  double under = n * sxx - sx * sx;
  if (n < 2 || under < 1e-9) return false;
  *ret = (n * sxy - sx * sy) / under;
  return true;
}

static void add_curve(GString *gp, GPtrArray *all, size_t c) {
  double y, m;
  guint points = 0;
  g_autoptr(GString) data = g_string_new(NULL);
  for (guint i = 0; i < all->len; i++) {
    const result *r = g_ptr_array_index(all, i);
    if (!number_at(r->root, curves[c].figure, &y)) continue;
    g_string_append_printf(data, "%.0f %.6g\n", r->nodes, y);
    points++;
  }
  if (points == 0) return;
  g_string_append_printf(gp, "$%s << EOD\n%sEOD\nset output '%s.svg'\nset title \"%s",
                         curves[c].file, data->str, curves[c].file, curves[c].title);
  if (strcmp(curves[c].file, "hops") == 0 && slope(all, curves[c].figure, &m))
    g_string_append_printf(gp, " (slope %.3f for each doubling)", m);
  g_string_append_printf(gp,
                         "\"\nset xlabel 'nodes'\nset ylabel '%s'\nset logscale x\n"
                         "plot $%s using 1:2 with linespoints pointtype 7 notitle\n"
                         "unset logscale x\n\n",
                         curves[c].axis, curves[c].file);
}

/* How a thing that was measured many times is distributed: one curve for each result. */
static void add_distribution(GString *gp, GPtrArray *all, const char *name, guint number) {
  g_autoptr(GString) plot = g_string_new(NULL);
  for (guint i = 0; i < all->len; i++) {
    const result *r = g_ptr_array_index(all, i);
    JsonNode *n = json_object_get_member(r->root, "distributions");
    if (!n || !JSON_NODE_HOLDS_OBJECT(n)) continue;
    n = json_object_get_member(json_node_get_object(n), name);
    if (!n || !JSON_NODE_HOLDS_OBJECT(n)) continue;
    JsonNode *at = json_object_get_member(json_node_get_object(n), "at");
    if (!at || !JSON_NODE_HOLDS_ARRAY(at)) continue;
    g_string_append_printf(gp, "$d%u_%u << EOD\n", number, i);
    JsonArray *a = json_node_get_array(at);
    for (guint k = 0; k < json_array_get_length(a); k++)
      g_string_append_printf(gp, "%.0f %u\n", json_array_get_double_element(a, k), 5 * k);
    g_string_append(gp, "EOD\n");
    g_string_append_printf(plot, "%s $d%u_%u with lines title \"%s\"", plot->len ? "," : "", number,
                           i, r->name);
  }
  if (plot->len == 0) return;
  g_autofree char *file = g_strdelimit(g_strdup(name), ".", '-');
  g_autofree char *title = g_strdelimit(g_strdup(name), "_", ' ');
  g_string_append_printf(gp,
                         "set output '%s.svg'\nset title '%s'\nset xlabel 'milliseconds'\n"
                         "set ylabel 'per cent'\nset key bottom right\nplot%s\nset key default\n\n",
                         file, title, plot->str);
}

static void add_distributions(GString *gp, GPtrArray *all) {
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < all->len; i++) {
    const result *r = g_ptr_array_index(all, i);
    JsonNode *n = json_object_get_member(r->root, "distributions");
    if (!n || !JSON_NODE_HOLDS_OBJECT(n)) continue;
    g_autoptr(GList) members = json_object_get_members(json_node_get_object(n));
    for (GList *m = members; m; m = m->next)
      if (g_hash_table_add(names, m->data))
        add_distribution(gp, all, m->data, g_hash_table_size(names));
  }
}

/* How long repairs took: a bar for each result. */
static void add_repairs(GString *gp, GPtrArray *all) {
  double ms;
  g_autoptr(GString) data = g_string_new(NULL);
  for (guint i = 0; i < all->len; i++) {
    const result *r = g_ptr_array_index(all, i);
    if (number_at(r->root, "repair.connected_ms", &ms))
      g_string_append_printf(data, "\"%s\" %.3f\n", r->name, ms / 1e3);
  }
  if (data->len == 0) return;
  g_string_append_printf(gp,
                         "$repair << EOD\n%sEOD\nset output 'repair.svg'\n"
                         "set title 'From the end of the fault to one network'\n"
                         "set style fill solid 0.6\nset boxwidth 0.6\nset yrange [0:*]\n"
                         "set xlabel ''\nset ylabel 'seconds'\nset xtics rotate by -20\n"
                         "plot $repair using 0:2:xtic(1) with boxes notitle\n",
                         data->str);
}

static bool draw(const char *dir, const GString *script, GError **err) {
  g_autofree char *path = g_build_filename(dir, "plots.gp", NULL);
  g_autofree char *program = g_find_program_in_path("gnuplot");
  g_autofree char *said = NULL;
  const char *const argv[] = {"gnuplot", "plots.gp", NULL};
  int status;
  if (!program) {
    g_set_error(err, AL_ERROR, AL_EXIT_FAILED,
                "gnuplot is not there; `tools/setup report` or apt-get install gnuplot-nox");
    return false;
  }
  if (g_mkdir_with_parents(dir, 0777) != 0) {
    g_set_error(err, AL_ERROR, AL_EXIT_FAILED, "%s: %s", dir, g_strerror(errno));
    return false;
  }
  if (!g_file_set_contents(path, script->str, (gssize)script->len, err)) return false;
  if (!g_spawn_sync(dir, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &said, &status,
                    err))
    return false;
  if (g_spawn_check_wait_status(status, NULL)) return true;
  g_set_error(err, AL_ERROR, AL_EXIT_FAILED, "gnuplot: %s", g_strstrip(said));
  return false;
}

static int fail(const GError *err) {
  fprintf(stderr, "allium: %s\n", err->message);
  return al_error_status(err);
}

int al_sim_report(char **words) {
  g_autoptr(GError) err = NULL;
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(result_free);
  const char *dir = ".";
  for (; *words; words++) {
    if (strcmp(*words, "--out") == 0 && words[1])
      dir = *++words;
    else if (g_str_has_prefix(*words, "--out="))
      dir = *words + strlen("--out=");
    else {
      result *r = load(*words, &err);
      if (!r) return fail(err);
      g_ptr_array_add(all, r);
    }
  }
  if (all->len == 0) {
    fputs("allium: usage: allium sim report [--out DIR] FILE...\n", stderr);
    return AL_EXIT_USAGE;
  }
  g_ptr_array_sort(all, by_nodes);
  g_autoptr(GString) gp = g_string_new("set terminal svg size 800,500 noenhanced\nset grid\n\n");
  for (size_t c = 0; c < G_N_ELEMENTS(curves); c++) add_curve(gp, all, c);
  add_distributions(gp, all);
  add_repairs(gp, all);
  if (!draw(dir, gp, &err)) return fail(err);
  printf("plots of %u results are in %s\n", all->len, dir);
  return AL_EXIT_OK;
}
