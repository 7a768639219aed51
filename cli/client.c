/* client.c — HTTP over the control socket. */
#include "client.h"

#include <gio/gunixsocketaddress.h>
#include <libsoup/soup.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/error.h"
#include "verb.h"

#define SYSTEM_SOCKET "/run/allium/control.sock"

enum { TIMEOUT_S = 60 };

static bool was_given(const al_args *args) {
  const char *env = g_getenv("ALLIUM_CONTROL"), *state = g_getenv("ALLIUM_STATE");
  return args->given->len > 0 || args->config || (env && *env) || (state && *state);
}

/* Where the node is: as its settings say; if nothing was said, the system's node is good too. */
static char *find_socket(const al_args *args, GError **err) {
  g_auto(GStrv) env = g_get_environ();
  al_config_source source = {.optional = true, .environ = env};
  g_autoptr(al_settings) s = al_args_settings(args, &source, err);
  if (!s) return NULL;
  if (!was_given(args) && access(s->control, F_OK) != 0 && access(SYSTEM_SOCKET, F_OK) == 0)
    return g_strdup(SYSTEM_SOCKET);
  return g_strdup(s->control);
}

static void no_daemon(GError **err, const char *path, const GError *why) {
  bool denied = g_error_matches(why, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_set_error(err, AL_ERROR, AL_EXIT_NO_DAEMON,
              denied ? "%s: not allowed; the node runs as another user"
                     : "no node answers at %s; start one with `allium node`",
              path);
}

/* The node's own words for what is wrong. */
static void take_complaint(JsonNode *node, guint status, GError **err) {
  const char *text = NULL;
  if (node && JSON_NODE_HOLDS_OBJECT(node))
    text = json_object_get_string_member_with_default(json_node_get_object(node), "error", NULL);
  g_set_error(err, AL_ERROR, status == 400 ? AL_EXIT_USAGE : AL_EXIT_FAILED, "%s",
              text ? text : "the node's answer makes no sense");
}

static JsonNode *exchange(const char *path, SoupMessage *m, GError **err) {
  g_autoptr(GSocketAddress) at = g_unix_socket_address_new(path);
  g_autoptr(SoupSession) session = soup_session_new_with_options(
      "remote-connectable", at, "timeout", TIMEOUT_S, "max-conns", 1, NULL);
  g_autoptr(GError) why = NULL;
  g_autoptr(GBytes) bytes = soup_session_send_and_read(session, m, NULL, &why);
  if (!bytes) {
    no_daemon(err, path, why);
    return NULL;
  }
  gsize len;
  const char *text = g_bytes_get_data(bytes, &len);
  g_autofree char *copy = g_strndup(text ? text : "", len);
  g_autoptr(JsonNode) node = json_from_string(copy, NULL);
  guint status = soup_message_get_status(m);
  if (status == 200 && node && JSON_NODE_HOLDS_OBJECT(node)) return g_steal_pointer(&node);
  take_complaint(node, status, err);
  return NULL;
}

JsonNode *al_client_ask(const al_args *args, const char *path, const char *body, GError **err) {
  g_autofree char *at = find_socket(args, err);
  if (!at) return NULL;
  if (strcmp(at, "off") == 0 || strlen(at) > 107) {
    g_set_error(err, AL_ERROR, AL_EXIT_NO_DAEMON, "`%s` is no control socket", at);
    return NULL;
  }
  g_autofree char *url = g_strconcat("http://localhost", path, NULL);
  g_autoptr(SoupMessage) m = soup_message_new(body ? "POST" : "GET", url);
  if (body) {
    g_autoptr(GBytes) bytes = g_bytes_new(body, strlen(body));
    soup_message_set_request_body_from_bytes(m, "application/json", bytes);
  }
  return exchange(at, m, err);
}

void al_client_print_json(JsonNode *node) {
  g_autofree char *text = json_to_string(node, TRUE);
  puts(text);
}

int al_client_show(const al_args *args, const char *path, void (*print)(JsonObject *answer)) {
  g_autoptr(GError) err = NULL;
  g_autoptr(JsonNode) node = al_client_ask(args, path, NULL, &err);
  if (!node) return al_complain(err);
  if (args->json)
    al_client_print_json(node);
  else
    print(json_node_get_object(node));
  return AL_EXIT_OK;
}
