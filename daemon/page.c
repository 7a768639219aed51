/* page.c — see page.h. */
#include "page.h"

void al_page_reply(SoupServerMessage *m, guint status, JsonNode *root) {
  g_autoptr(JsonGenerator) gen = json_generator_new();
  gsize len = 0;
  json_generator_set_root(gen, root);
  char *text = json_generator_to_data(gen, &len);
  soup_server_message_set_status(m, status, NULL);
  soup_server_message_set_response(m, "application/json", SOUP_MEMORY_TAKE, text, len);
}

void al_page_error(SoupServerMessage *m, guint status, const char *what) {
  g_autoptr(JsonBuilder) b = json_builder_new();
  json_builder_begin_object(b);
  json_builder_set_member_name(b, "error");
  json_builder_add_string_value(b, what);
  json_builder_end_object(b);
  g_autoptr(JsonNode) root = json_builder_get_root(b);
  al_page_reply(m, status, root);
}
