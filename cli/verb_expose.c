/* verb_expose.c — `allium expose`, `unexpose`, `services`, `service`. */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "daemon/error.h"
#include "table.h"
#include "verb.h"

static const char *text(JsonObject *o, const char *name) {
  return json_object_get_string_member_with_default(o, name, "?");
}

static void add_text(JsonBuilder *b, const char *name, const char *value) {
  if (!value) return;
  json_builder_set_member_name(b, name);
  json_builder_add_string_value(b, value);
}

static int fail(int status, const char *what, const char *about) {
  fprintf(stderr, "allium: %s: %s\n", about, what);
  return status;
}

/* The lines of a file that are not empty and no comments; of each the last word. */
static bool add_clients(JsonBuilder *b, const char *file, GError **err) {
  g_autofree char *all = NULL;
  if (!g_file_get_contents(file, &all, NULL, err)) return false;
  g_auto(GStrv) lines = g_strsplit(all, "\n", -1);
  json_builder_set_member_name(b, "clients");
  json_builder_begin_array(b);
  for (guint i = 0; lines[i]; i++) {
    const char *line = g_strstrip(lines[i]), *space = strrchr(line, ' ');
    if (*line && *line != '#') json_builder_add_string_value(b, space ? space + 1 : line);
  }
  json_builder_end_array(b);
  return true;
}

static char *end(JsonBuilder *b) {
  json_builder_end_object(b);
  g_autoptr(JsonNode) root = json_builder_get_root(b);
  return json_to_string(root, FALSE);
}

/* Ask, and print one member of the answer. */
static int ask(const al_args *args, const char *page, const char *body, const char *member) {
  g_autoptr(GError) err = NULL;
  g_autoptr(JsonNode) node = al_client_ask(args, page, body, &err);
  if (!node) return al_complain(err);
  if (args->json)
    al_client_print_json(node);
  else
    puts(text(json_node_get_object(node), member));
  return AL_EXIT_OK;
}

static int expose(const al_args *args, const char *target, const char *name, const char *key) {
  g_autoptr(JsonBuilder) b = json_builder_new();
  g_autoptr(GError) err = NULL;
  guint64 port = 0;
  if (args->port && !g_ascii_string_to_unsigned(args->port, 10, 1, 65535, &port, NULL))
    return fail(AL_EXIT_USAGE, "want a port, 1 to 65535", args->port);
  json_builder_begin_object(b);
  add_text(b, "target", target);
  add_text(b, "name", name);
  add_text(b, "key", key);
  json_builder_set_member_name(b, "port");
  json_builder_add_int_value(b, (gint64)port);
  if (args->clients && !add_clients(b, args->clients, &err))
    return fail(AL_EXIT_FAILED, err->message, "--clients");
  g_autofree char *body = end(b);
  return ask(args, "/v1/service/expose", body, "address");
}

int al_verb_expose(const al_args *args) { return expose(args, args->words[0], args->name, NULL); }

static int about(const al_args *args, const char *page, const char *what, const char *value) {
  g_autoptr(JsonBuilder) b = json_builder_new();
  json_builder_begin_object(b);
  add_text(b, what, value);
  g_autofree char *body = end(b);
  return ask(args, page, body, strcmp(page, "/v1/service/unexpose") == 0 ? "name" : "key");
}

int al_verb_unexpose(const al_args *args) {
  return about(args, "/v1/service/unexpose", "name", args->words[0]);
}

static char *number(JsonObject *o, const char *name) {
  return g_strdup_printf("%" G_GINT64_FORMAT, json_object_get_int_member_with_default(o, name, 0));
}

static void print_services(JsonObject *o) {
  static const char *const head[] = {"NAME",      "TARGET",   ">PORT",   "STATE",
                                     ">SESSIONS", ">CLIENTS", "ADDRESS", NULL};
  JsonArray *all = json_object_get_array_member(o, "services");
  guint n = all ? json_array_get_length(all) : 0;
  if (n == 0) {
    puts("there are no services; `allium expose HOST:PORT` makes one");
    return;
  }
  al_table *t = al_table_new(head);
  for (guint i = 0; i < n; i++) {
    JsonObject *s = json_array_get_object_element(all, i);
    gint64 points = json_object_get_int_member_with_default(s, "introduction_points", 0);
    bool up = json_object_get_boolean_member_with_default(s, "published", FALSE) && points > 0;
    bool some = json_object_get_int_member_with_default(s, "clients", 0) > 0;
    al_table_add(t, g_strdup(text(s, "name")));
    al_table_add(t, g_strdup(text(s, "target")));
    al_table_add(t, number(s, "port"));
    al_table_add(t, g_strdup(up ? "published" : "not yet"));
    al_table_add(t, number(s, "sessions"));
    al_table_add(t, some ? number(s, "clients") : g_strdup("all"));
    al_table_add(t, g_strdup(text(s, "address")));
  }
  g_autofree char *out = al_table_text(t);
  fputs(out, stdout);
}

int al_verb_services(const al_args *args) {
  return al_client_show(args, "/v1/services", print_services);
}

int al_verb_service(const al_args *args) {
  char *const *w = args->words;
  guint n = g_strv_length(args->words);
  if (strcmp(w[0], "export") == 0 && n == 2) return about(args, "/v1/service/export", "name", w[1]);
  if (strcmp(w[0], "client-key") == 0 && n == 2)
    return about(args, "/v1/service/client-key", "address", w[1]);
  if (strcmp(w[0], "import") == 0 && n == 3) {
    char key[256];
    bool piped = strcmp(w[1], "-") == 0;
    if (piped && !fgets(key, sizeof key, stdin)) return fail(AL_EXIT_USAGE, "no key", "stdin");
    return expose(args, w[2], args->name, piped ? g_strstrip(key) : w[1]);
  }
  fputs(
      "allium: usage: allium service export NAME\n"
      "               allium service import KEY|- HOST:PORT [--name NAME]\n"
      "               allium service client-key ADDRESS\n",
      stderr);
  return AL_EXIT_USAGE;
}
