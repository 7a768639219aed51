/* verb_status.c — `allium status`. */
#include <stdio.h>

#include "client.h"
#include "table.h"
#include "verb.h"

static gint64 number(JsonObject *o, const char *name) {
  return json_object_get_int_member_with_default(o, name, 0);
}

static const char *text(JsonObject *o, const char *name) {
  return json_object_get_string_member_with_default(o, name, "");
}

static bool yes(JsonObject *o, const char *name) {
  return json_object_get_boolean_member_with_default(o, name, FALSE);
}

static const char *plural(gint64 n) { return n == 1 ? "" : "s"; }

static void print_socks(JsonObject *o) {
  JsonArray *places = json_object_get_array_member(o, "socks");
  guint n = places ? json_array_get_length(places) : 0;
  gint64 open = number(o, "socks_connections");
  printf("socks       ");
  for (guint i = 0; i < n; i++)
    printf("%s%s", i ? ", " : "", json_array_get_string_element(places, i));
  if (n == 0)
    puts("off");
  else
    printf(", %" G_GINT64_FORMAT " connection%s\n", open, plural(open));
}

static void print_network(JsonObject *o) {
  gint64 links = number(o, "links"), up = number(o, "links_up"), exits = number(o, "exits");
  printf("network     %s%s, udp port %" G_GINT64_FORMAT "\n", text(o, "network"),
         yes(o, "private") ? " (private)" : "", number(o, "port"));
  printf("neighbours  %" G_GINT64_FORMAT, up);
  if (links > up) printf(", %" G_GINT64_FORMAT " more being dialled", links - up);
  printf("\npeers       %" G_GINT64_FORMAT ": %" G_GINT64_FORMAT " relay%s, %" G_GINT64_FORMAT
         " exit%s\n",
         number(o, "peers"), number(o, "relays"), plural(number(o, "relays")), exits,
         plural(exits));
}

static void print_status(JsonObject *o) {
  g_autofree char *id = al_table_short(text(o, "id"));
  g_autofree char *up = al_table_duration((double)number(o, "uptime_s"));
  printf("node        %s, %s%s%s\n", id, yes(o, "relay") ? "relay" : "no relay",
         yes(o, "exit") ? ", exit" : "", "");
  printf("state       %s for %s, process %" G_GINT64_FORMAT ", version %s\n", text(o, "phase"), up,
         number(o, "pid"), text(o, "version"));
  print_network(o);
  printf("circuits    %" G_GINT64_FORMAT " own of %" G_GINT64_FORMAT " hops, %" G_GINT64_FORMAT
         " carried, %" G_GINT64_FORMAT " ending here\n",
         number(o, "circuits_own"), number(o, "hops"), number(o, "circuits_relayed"),
         number(o, "circuits_ended"));
  printf("streams     %" G_GINT64_FORMAT "\n", number(o, "streams"));
  print_socks(o);
  if (yes(o, "exit")) printf("exit        %s\n", text(o, "exit_policy"));
  if (number(o, "store_pending") > 0 && number(o, "store_errors") > 0)
    printf("store       %" G_GINT64_FORMAT " changes cannot be written\n",
           number(o, "store_pending"));
  printf("machine     %.1f MB, %.1f s of CPU\n", (double)number(o, "rss_kib") / 1024,
         json_object_get_double_member_with_default(o, "cpu_s", 0));
}

int al_verb_status(const al_args *args) { return al_client_show(args, "/v1/status", print_status); }
