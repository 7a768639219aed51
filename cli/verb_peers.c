/* verb_peers.c — `allium peers`. */
#include <stdio.h>

#include "client.h"
#include "table.h"
#include "verb.h"

static bool yes(JsonObject *o, const char *name) {
  return json_object_get_boolean_member_with_default(o, name, FALSE);
}

static double real(JsonObject *o, const char *name) {
  return json_object_get_double_member_with_default(o, name, 0);
}

static char *role(JsonObject *p) {
  GString *s = g_string_new(yes(p, "relay") ? "relay" : "client");
  if (yes(p, "exit")) g_string_append(s, ", exit");
  if (yes(p, "guard")) g_string_append(s, ", guard");
  return g_string_free(s, FALSE);
}

static void add(al_table *t, JsonObject *p) {
  JsonObject *link =
      json_object_has_member(p, "link") ? json_object_get_object_member(p, "link") : NULL;
  al_table_add(t, al_table_short(json_object_get_string_member_with_default(p, "id", "?")));
  al_table_add(t, role(p));
  al_table_add(t, g_strdup(!link ? "-" : yes(link, "initiator") ? "out" : "in"));
  al_table_add(t, link ? g_strdup_printf("%.1f ms", real(link, "rtt_ms")) : g_strdup("-"));
  al_table_add(t, link ? al_table_duration(real(link, "up_s")) : g_strdup("-"));
  al_table_add(t,
               link ? g_strdup_printf("%" G_GINT64_FORMAT,
                                      json_object_get_int_member_with_default(link, "circuits", 0))
                    : g_strdup("-"));
}

/* Neighbours first, then the others. */
static void print_peers(JsonObject *o) {
  static const char *const head[] = {"ID", "ROLE", "LINK", ">RTT", ">UP", ">CIRCUITS", NULL};
  JsonArray *peers = json_object_get_array_member(o, "peers");
  guint n = peers ? json_array_get_length(peers) : 0;
  if (n == 0) {
    puts("no peers are known yet");
    return;
  }
  al_table *t = al_table_new(head);
  for (int linked = 1; linked >= 0; linked--)
    for (guint i = 0; i < n; i++) {
      JsonObject *p = json_array_get_object_element(peers, i);
      if (yes(p, "linked") == (linked == 1)) add(t, p);
    }
  g_autofree char *text = al_table_text(t);
  fputs(text, stdout);
}

int al_verb_peers(const al_args *args) { return al_client_show(args, "/v1/peers", print_peers); }
