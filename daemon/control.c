/* control.c — the control socket. */
#include "control.h"

#include <gio/gunixsocketaddress.h>
#include <libsoup/soup.h>
#include <string.h>
#include <unistd.h>

#include "dht.h"
#include "error.h"
#include "listen.h"
#include "page.h"
#include "report.h"
#include "secret.h"

enum { BODY_MAX = 4096, SERVICE_BODY_MAX = 128 * 1024 };

struct al_control {
  al_daemon *daemon;
  SoupServer *server;
  al_dht_page *dht;
  char *path;
};

static bool is_get(SoupServerMessage *m) {
  const char *method = soup_server_message_get_method(m);
  if (method == SOUP_METHOD_GET || method == SOUP_METHOD_HEAD) return true;
  soup_message_headers_replace(soup_server_message_get_response_headers(m), "Allow", "GET, HEAD");
  al_page_error(m, SOUP_STATUS_METHOD_NOT_ALLOWED, "only GET is answered here");
  return false;
}

static void on_page(SoupServer *server, SoupServerMessage *m, const char *path, GHashTable *query,
                    gpointer data) {
  const al_control *c = data;
  (void)server, (void)query;
  g_autoptr(JsonNode) root = g_str_has_prefix(path, "/v1/") ? al_report(c->daemon, path + 4) : NULL;
  if (!root)
    al_page_error(m, SOUP_STATUS_NOT_FOUND, "no such page");
  else if (is_get(m))
    al_page_reply(m, SOUP_STATUS_OK, root);
}

static void on_metrics(SoupServer *server, SoupServerMessage *m, const char *path,
                       GHashTable *query, gpointer data) {
  const al_control *c = data;
  (void)server, (void)path, (void)query;
  if (!is_get(m)) return;
  char *text = al_report_metrics(c->daemon);
  soup_server_message_set_status(m, SOUP_STATUS_OK, NULL);
  soup_server_message_set_response(m, "text/plain; version=0.0.4", SOUP_MEMORY_TAKE, text,
                                   strlen(text));
}

/* ---- join ---- */

static void on_joined(void *data, const al_id *peer, uint32_t duration_us, const GError *err) {
  SoupServerMessage *m = data;
  char id[AL_REPORT_ID_TEXT + 1];
  if (err) {
    al_page_error(m, SOUP_STATUS_BAD_GATEWAY, err->message);
  } else {
    g_autoptr(JsonBuilder) b = json_builder_new();
    al_report_id(peer, id);
    json_builder_begin_object(b);
    json_builder_set_member_name(b, "id");
    json_builder_add_string_value(b, id);
    json_builder_set_member_name(b, "duration_ms");
    json_builder_add_double_value(b, (double)duration_us / 1000);
    json_builder_end_object(b);
    g_autoptr(JsonNode) root = json_builder_get_root(b);
    al_page_reply(m, SOUP_STATUS_OK, root);
  }
  soup_server_message_unpause(m);
  g_object_unref(m);
}

/* {"address": "..."} or NULL. */
static char *address_of(SoupMessageBody *body) {
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GBytes) bytes = soup_message_body_flatten(body);
  gsize len;
  const char *text = g_bytes_get_data(bytes, &len);
  if (len == 0 || len > BODY_MAX || !json_parser_load_from_data(parser, text, (gssize)len, NULL))
    return NULL;
  JsonNode *root = json_parser_get_root(parser);
  if (!root || !JSON_NODE_HOLDS_OBJECT(root)) return NULL;
  return g_strdup(
      json_object_get_string_member_with_default(json_node_get_object(root), "address", NULL));
}

static void on_join(SoupServer *server, SoupServerMessage *m, const char *path, GHashTable *query,
                    gpointer data) {
  const al_control *c = data;
  al_peer_address a;
  g_autoptr(GError) err = NULL;
  (void)server, (void)path, (void)query;
  if (soup_server_message_get_method(m) != SOUP_METHOD_POST) {
    soup_message_headers_replace(soup_server_message_get_response_headers(m), "Allow", "POST");
    al_page_error(m, SOUP_STATUS_METHOD_NOT_ALLOWED, "only POST is answered here");
    return;
  }
  g_autofree char *text = address_of(soup_server_message_get_request_body(m));
  if (!text) {
    al_page_error(m, SOUP_STATUS_BAD_REQUEST, "want {\"address\": \"allium:...\"}");
  } else if (!al_peer_address_parse(text, &a, &err)) {
    al_page_error(m, SOUP_STATUS_BAD_REQUEST, err->message);
  } else {
    soup_server_message_pause(m);
    al_daemon_join(c->daemon, &a, on_joined, g_object_ref(m));
  }
}

/* ---- services ---- */

/* What a question says: an object, or NULL after an answer that says what is wrong with it. */
static JsonObject *question(SoupServerMessage *m, JsonParser *parser) {
  g_autoptr(GBytes) bytes = soup_message_body_flatten(soup_server_message_get_request_body(m));
  gsize len;
  const char *text = g_bytes_get_data(bytes, &len);
  if (soup_server_message_get_method(m) != SOUP_METHOD_POST) {
    soup_message_headers_replace(soup_server_message_get_response_headers(m), "Allow", "POST");
    al_page_error(m, SOUP_STATUS_METHOD_NOT_ALLOWED, "only POST is answered here");
    return NULL;
  }
  JsonNode *root = NULL;
  if (len > 0 && len <= SERVICE_BODY_MAX &&
      json_parser_load_from_data(parser, text, (gssize)len, NULL))
    root = json_parser_get_root(parser);
  if (root && JSON_NODE_HOLDS_OBJECT(root)) return json_node_get_object(root);
  al_page_error(m, SOUP_STATUS_BAD_REQUEST, "want a JSON object");
  return NULL;
}

static const char *text_of(JsonObject *o, const char *member) {
  JsonNode *n = json_object_get_member(o, member);
  return n && json_node_get_value_type(n) == G_TYPE_STRING ? json_node_get_string(n) : NULL;
}

/* The strings of a list, or NULL when there is none; to be freed with g_free. */
static const char **texts_of(JsonObject *o, const char *member) {
  JsonNode *n = json_object_get_member(o, member);
  if (!n || !JSON_NODE_HOLDS_ARRAY(n)) return NULL;
  JsonArray *a = json_node_get_array(n);
  guint count = json_array_get_length(a);
  const char **out = g_new0(const char *, count + 1);
  for (guint i = 0, k = 0; i < count; i++) {
    JsonNode *e = json_array_get_element(a, i);
    if (json_node_get_value_type(e) == G_TYPE_STRING) out[k++] = json_node_get_string(e);
  }
  return out;
}

static bool expose(const al_control *c, JsonObject *q, JsonBuilder *b, GError **err) {
  g_autofree const char **clients = texts_of(q, "clients");
  gint64 port = json_object_get_int_member_with_default(q, "port", 0);
  al_expose e = {.target = text_of(q, "target"),
                 .name = text_of(q, "name"),
                 .key = text_of(q, "key"),
                 .port = (uint16_t)(port > 0 && port < 65536 ? port : 0),
                 .clients = clients};
  return al_services_expose(c->daemon->services, &e, b, err);
}

static bool answer_text(JsonBuilder *b, const char *member, char *text) {
  if (!text) return false;
  json_builder_begin_object(b);
  json_builder_set_member_name(b, member);
  json_builder_add_string_value(b, text);
  json_builder_end_object(b);
  al_secret_wipe(text, strlen(text));
  g_free(text);
  return true;
}

static bool on_question(const al_control *c, const char *what, JsonObject *q, JsonBuilder *b,
                        GError **err) {
  const char *name = text_of(q, "name"), *address = text_of(q, "address");
  al_services *s = c->daemon->services;
  if (strcmp(what, "expose") == 0) return expose(c, q, b, err);
  if (strcmp(what, "unexpose") == 0)
    return al_services_unexpose(s, name ? name : "", err) && answer_text(b, "name", g_strdup(name));
  if (strcmp(what, "export") == 0)
    return answer_text(b, "key", al_services_export(s, name ? name : "", err));
  return answer_text(b, "key", al_services_client_key(s, address ? address : "", err));
}

static void on_service(SoupServer *server, SoupServerMessage *m, const char *path,
                       GHashTable *query, gpointer data) {
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(JsonBuilder) b = json_builder_new();
  g_autoptr(GError) err = NULL;
  (void)server, (void)query;
  JsonObject *q = question(m, parser);
  if (!q) return;
  if (!on_question(data, strrchr(path, '/') + 1, q, b, &err)) {
    al_page_error(m, SOUP_STATUS_BAD_REQUEST, err->message);
    return;
  }
  g_autoptr(JsonNode) root = json_builder_get_root(b);
  al_page_reply(m, SOUP_STATUS_OK, root);
}

/* ---- life ---- */

al_control *al_control_new(al_daemon *d, const char *path, GError **err) {
  al_listen_spec spec = {.kind = AL_LISTEN_UNIX};
  if (g_strlcpy(spec.path, path, sizeof spec.path) >= sizeof spec.path) {
    g_set_error(err, AL_ERROR, AL_EXIT_LISTEN, "control: %s: longer than %d bytes; give --control",
                path, AL_LISTEN_PATH_MAX);
    return NULL;
  }
  int fd = al_listen_open(&spec, err);
  if (fd < 0) return NULL;
  GSocket *socket = g_socket_new_from_fd(fd, err);
  if (!socket) {
    close(fd);
    return NULL;
  }
  al_control *c = g_new0(al_control, 1);
  c->daemon = d;
  c->path = g_strdup(path);
  c->server = soup_server_new("server-header", "allium/" AL_VERSION, NULL);
  soup_server_add_handler(c->server, NULL, on_page, c, NULL);
  soup_server_add_handler(c->server, "/v1/join", on_join, c, NULL);
  c->dht = al_dht_page_new(d, c->server);
  static const char *const service_pages[] = {"/v1/service/expose", "/v1/service/unexpose",
                                              "/v1/service/export", "/v1/service/client-key"};
  for (gsize i = 0; i < G_N_ELEMENTS(service_pages); i++)
    soup_server_add_handler(c->server, service_pages[i], on_service, c, NULL);
  soup_server_add_handler(c->server, "/metrics", on_metrics, c, NULL);
  bool good = soup_server_listen_socket(c->server, socket, 0, err);
  g_object_unref(socket);
  if (good) return c;
  al_control_free(c);
  return NULL;
}

void al_control_free(al_control *c) {
  if (!c) return;
  soup_server_disconnect(c->server);
  al_dht_page_free(c->dht);
  g_object_unref(c->server);
  unlink(c->path);
  g_free(c->path);
  g_free(c);
}

void al_control_event(al_control *c, const al_event *ev) {
  if (c) al_dht_page_event(c->dht, ev);
}
