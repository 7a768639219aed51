/* verb_circuits.c — `allium circuits`. */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "table.h"
#include "verb.h"

static double real(JsonObject *o, const char *name) {
  return json_object_get_double_member_with_default(o, name, 0);
}

static char *count(JsonObject *o, const char *name) {
  return g_strdup_printf("%" G_GINT64_FORMAT, json_object_get_int_member_with_default(o, name, 0));
}

static char *path(JsonObject *c) {
  GString *s = g_string_new(NULL);
  JsonArray *hops =
      json_object_has_member(c, "path") ? json_object_get_array_member(c, "path") : NULL;
  for (guint i = 0; hops && i < json_array_get_length(hops); i++) {
    g_autofree char *id = al_table_short(json_array_get_string_element(hops, i));
    g_string_append_printf(s, "%s%s", i ? " > " : "", id);
  }
  if (s->len == 0) g_string_append(s, "-");
  return g_string_free(s, FALSE);
}

static char *millis(double ms) { return ms > 0 ? g_strdup_printf("%.1f ms", ms) : g_strdup("-"); }

static void add(al_table *t, JsonObject *c) {
  const char *role = json_object_get_string_member_with_default(c, "role", "?");
  bool open = json_object_get_boolean_member_with_default(c, "open", FALSE);
  al_table_add(t, g_strconcat(role, open ? "" : " (building)", NULL));
  al_table_add(t, path(c));
  al_table_add(t, millis(real(c, "build_ms")));
  al_table_add(t, millis(real(c, "rtt_ms")));
  al_table_add(t, count(c, "streams"));
  al_table_add(t, count(c, "cells_sent"));
  al_table_add(t, count(c, "cells_received"));
  al_table_add(t, count(c, "queued"));
  al_table_add(t, al_table_duration(real(c, "age_s")));
}

static void print_circuits(JsonObject *o) {
  static const char *const head[] = {"ROLE",       "PATH",      ">BUILT IN", ">RTT", ">STREAMS",
                                     ">CELLS OUT", ">CELLS IN", ">QUEUED",   ">AGE", NULL};
  static const char *const roles[] = {"own", "relay", "end"};
  JsonArray *all = json_object_get_array_member(o, "circuits");
  guint n = all ? json_array_get_length(all) : 0;
  if (n == 0) {
    puts("there are no circuits");
    return;
  }
  al_table *t = al_table_new(head);
  for (size_t r = 0; r < G_N_ELEMENTS(roles); r++)
    for (guint i = 0; i < n; i++) {
      JsonObject *c = json_array_get_object_element(all, i);
      if (strcmp(json_object_get_string_member_with_default(c, "role", ""), roles[r]) == 0)
        add(t, c);
    }
  g_autofree char *text = al_table_text(t);
  fputs(text, stdout);
}

int al_verb_circuits(const al_args *args) {
  return al_client_show(args, "/v1/circuits", print_circuits);
}
