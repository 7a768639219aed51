/* verb_id.c — `allium id`. */
#include <stdio.h>

#include "client.h"
#include "verb.h"

static void print_id(JsonObject *o) {
  puts(json_object_get_string_member_with_default(o, "id", ""));
}

int al_verb_id(const al_args *args) { return al_client_show(args, "/v1/id", print_id); }
