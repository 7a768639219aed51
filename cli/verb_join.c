/* verb_join.c — `allium join ADDRESS`. */
#include <stdio.h>

#include "client.h"
#include "daemon/address.h"
#include "daemon/error.h"
#include "table.h"
#include "verb.h"

static char *body_of(const char *address) {
  g_autoptr(JsonBuilder) b = json_builder_new();
  json_builder_begin_object(b);
  json_builder_set_member_name(b, "address");
  json_builder_add_string_value(b, address);
  json_builder_end_object(b);
  g_autoptr(JsonNode) root = json_builder_get_root(b);
  return json_to_string(root, FALSE);
}

int al_verb_join(const al_args *args) {
  g_autoptr(GError) err = NULL;
  al_peer_address a;
  if (!al_peer_address_parse(args->words[0], &a, &err)) return al_complain(err);
  g_autofree char *body = body_of(args->words[0]);
  g_autoptr(JsonNode) node = al_client_ask(args, "/v1/join", body, &err);
  if (!node) return al_complain(err);
  JsonObject *o = json_node_get_object(node);
  if (args->json) {
    al_client_print_json(node);
    return AL_EXIT_OK;
  }
  g_autofree char *id = al_table_short(json_object_get_string_member_with_default(o, "id", "?"));
  printf("joined by %s in %.0f ms\n", id,
         json_object_get_double_member_with_default(o, "duration_ms", 0));
  return AL_EXIT_OK;
}
