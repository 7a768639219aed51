/* verb_address.c — `allium address`. */
#include <stdio.h>

#include "client.h"
#include "daemon/error.h"
#include "verb.h"

int al_verb_address(const al_args *args) {
  g_autoptr(GError) err = NULL;
  g_autoptr(JsonNode) node = al_client_ask(args, "/v1/address", NULL, &err);
  if (!node) return al_complain(err);
  if (args->json) {
    al_client_print_json(node);
    return AL_EXIT_OK;
  }
  JsonArray *all = json_object_get_array_member(json_node_get_object(node), "addresses");
  guint n = all ? json_array_get_length(all) : 0;
  for (guint i = 0; i < n; i++) puts(json_array_get_string_element(all, i));
  if (n > 0) return AL_EXIT_OK;
  fputs("allium: this machine has no address that others can reach; give `--announce`\n", stderr);
  return AL_EXIT_FAILED;
}
