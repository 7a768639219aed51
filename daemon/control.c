/* control.c — the control socket. */
#include "control.h"

#include <gio/gunixsocketaddress.h>
#include <libsoup/soup.h>
#include <string.h>
#include <unistd.h>

#include "dht.h"
#include "error.h"
#include "listen.h"
#include "report.h"

enum { BODY_MAX = 4096 };

struct al_control {
  al_daemon *daemon;
  SoupServer *server;
  al_dht_page *dht;
  char *path;
};

static void reply(SoupServerMessage *m, guint status, JsonNode *root) {
  g_autoptr(JsonGenerator) gen = json_generator_new();
  gsize len = 0;
  json_generator_set_root(gen, root);
  char *text = json_generator_to_data(gen, &len);
  soup_server_message_set_status(m, status, NULL);
  soup_server_message_set_response(m, "application/json", SOUP_MEMORY_TAKE, text, len);
}

static void reply_error(SoupServerMessage *m, guint status, const char *what) {
  g_autoptr(JsonBuilder) b = json_builder_new();
  json_builder_begin_object(b);
  json_builder_set_member_name(b, "error");
  json_builder_add_string_value(b, what);
  json_builder_end_object(b);
  g_autoptr(JsonNode) root = json_builder_get_root(b);
  reply(m, status, root);
}

static bool is_get(SoupServerMessage *m) {
  const char *method = soup_server_message_get_method(m);
  if (method == SOUP_METHOD_GET || method == SOUP_METHOD_HEAD) return true;
  soup_message_headers_replace(soup_server_message_get_response_headers(m), "Allow", "GET, HEAD");
  reply_error(m, SOUP_STATUS_METHOD_NOT_ALLOWED, "only GET is answered here");
  return false;
}

static void on_page(SoupServer *server, SoupServerMessage *m, const char *path, GHashTable *query,
                    gpointer data) {
  const al_control *c = data;
  (void)server, (void)query;
  g_autoptr(JsonNode) root = g_str_has_prefix(path, "/v1/") ? al_report(c->daemon, path + 4) : NULL;
  if (!root)
    reply_error(m, SOUP_STATUS_NOT_FOUND, "no such page");
  else if (is_get(m))
    reply(m, SOUP_STATUS_OK, root);
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
    reply_error(m, SOUP_STATUS_BAD_GATEWAY, err->message);
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
    reply(m, SOUP_STATUS_OK, root);
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
    reply_error(m, SOUP_STATUS_METHOD_NOT_ALLOWED, "only POST is answered here");
    return;
  }
  g_autofree char *text = address_of(soup_server_message_get_request_body(m));
  if (!text) {
    reply_error(m, SOUP_STATUS_BAD_REQUEST, "want {\"address\": \"allium:...\"}");
  } else if (!al_peer_address_parse(text, &a, &err)) {
    reply_error(m, SOUP_STATUS_BAD_REQUEST, err->message);
  } else {
    soup_server_message_pause(m);
    al_daemon_join(c->daemon, &a, on_joined, g_object_ref(m));
  }
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
