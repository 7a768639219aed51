/* dht.c — questions to the distributed hash table over the control socket. */
#include "dht.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "allium/al_dht.h"
#include "base32.h"
#include "page.h"
#include "report.h"

enum { BODY_MAX = 32768 };

typedef struct waiting {
  uint32_t ask;
  SoupServerMessage *message;
} waiting;

struct al_dht_page {
  al_daemon *daemon;
  GList *waiting;
};

/* ---- answers ---- */

static void reply(SoupServerMessage *m, guint status, JsonBuilder *b) {
  g_autoptr(JsonNode) root = json_builder_get_root(b);
  al_page_reply(m, status, root);
}

static void add_int(JsonBuilder *b, const char *name, uint64_t value) {
  json_builder_set_member_name(b, name);
  json_builder_add_int_value(b, (gint64)value);
}

static void add_text(JsonBuilder *b, const char *name, const char *value) {
  json_builder_set_member_name(b, name);
  json_builder_add_string_value(b, value);
}

static void add_record(JsonBuilder *b, const al_record_answer *a) {
  al_record_fields f;
  add_int(b, "lifetime_s", a->lifetime_s);
  add_int(b, "answers", a->answers);
  if (al_record_read(a->record, &f) != AL_OK) return;
  json_builder_set_member_name(b, "mutable");
  json_builder_add_boolean_value(b, f.is_mutable);
  if (f.is_mutable) {
    g_autofree char *salt = g_base64_encode(f.salt.ptr, f.salt.len);
    add_int(b, "sequence", f.sequence);
    add_int(b, "expires_unix_s", f.expiry_s);
    add_text(b, "salt", salt);
  }
  g_autofree char *value = g_base64_encode(f.value.ptr, f.value.len);
  add_text(b, "value", value);
}

static void add_nodes(JsonBuilder *b, const al_record_answer *a) {
  char text[AL_REPORT_ID_TEXT + 1];
  json_builder_set_member_name(b, "nodes");
  json_builder_begin_array(b);
  for (uint32_t i = 0; i < a->nodes_count; i++) {
    uint8_t v = a->nodes[i].verdict;
    al_report_id(&a->nodes[i].id, text);
    json_builder_begin_object(b);
    add_text(b, "id", text);
    if (a->op == AL_RECORD_PUBLISH)
      add_text(b, "verdict",
               v == AL_RECORD_NO_VERDICT ? "silent" : al_record_verdict_name((al_record_verdict)v));
    json_builder_end_object(b);
  }
  json_builder_end_array(b);
}

static void reply_answer(SoupServerMessage *m, const al_record_answer *a) {
  g_autoptr(JsonBuilder) b = json_builder_new();
  char key[AL_REPORT_ID_TEXT + 1];
  al_report_id(&a->key, key);
  json_builder_begin_object(b);
  add_text(b, "key", key);
  add_int(b, "hops", a->hops);
  json_builder_set_member_name(b, "duration_ms");
  json_builder_add_double_value(b, (double)a->duration_us / 1000);
  if (a->op == AL_RECORD_FETCH)
    add_record(b, a);
  else
    add_nodes(b, a);
  json_builder_end_object(b);
  reply(m, SOUP_STATUS_OK, b);
}

/* Why nobody kept it: what most of them said. */
static const char *complaint(const al_record_answer *a) {
  unsigned count[AL_RECORD_VERDICT_COUNT] = {0};
  unsigned most = AL_RECORD_TAKEN;
  for (uint32_t i = 0; i < a->nodes_count; i++)
    if (a->nodes[i].verdict < AL_RECORD_VERDICT_COUNT) count[a->nodes[i].verdict]++;
  for (unsigned v = AL_RECORD_BAD; v < AL_RECORD_VERDICT_COUNT; v++)
    if (count[v] > (most == AL_RECORD_TAKEN ? 0 : count[most])) most = v;
  return most == AL_RECORD_TAKEN ? NULL : al_record_verdict_text((al_record_verdict)most);
}

static void answer(SoupServerMessage *m, const al_record_answer *a) {
  const char *why = a->status == AL_RECORD_REFUSED ? complaint(a) : NULL;
  if (a->status == AL_RECORD_OK) {
    reply_answer(m, a);
  } else {
    const char *text = al_record_status_text(a->status);
    g_autofree char *what = why ? g_strdup_printf("%s: %s", text, why) : g_strdup(text);
    bool missing = a->status == AL_RECORD_NOT_FOUND;
    al_page_error(m, missing ? SOUP_STATUS_NOT_FOUND : SOUP_STATUS_BAD_GATEWAY, what);
  }
}

void al_dht_page_event(al_dht_page *p, const al_event *ev) {
  for (GList *l = p->waiting; l; l = l->next) {
    waiting *w = l->data;
    if (w->ask != ev->answer->ask) continue;
    answer(w->message, ev->answer);
    soup_server_message_unpause(w->message);
    g_object_unref(w->message);
    g_free(w);
    p->waiting = g_list_delete_link(p->waiting, l);
    return;
  }
}

/* ---- questions ---- */

/* Result: what is wrong with it, NULL when nothing is. `bytes` holds what `ask` points to. */
static const char *read_ask(JsonObject *o, al_record_ask *ask, guchar **bytes) {
  const char *op = json_object_get_string_member_with_default(o, "op", "");
  const char *key = json_object_get_string_member_with_default(o, "key", "");
  const char *record = json_object_get_string_member_with_default(o, "record", "");
  gint64 lifetime = json_object_get_int_member_with_default(o, "lifetime_s", 0);
  ask->direct = json_object_get_boolean_member_with_default(o, "direct", FALSE);
  if (lifetime < 0 || lifetime > 86400) return "lifetime_s is 1 to 86400 seconds";
  ask->lifetime_s = (uint32_t)lifetime;
  if (strcmp(op, "put") == 0) {
    ask->op = AL_RECORD_PUBLISH;
    *bytes = g_base64_decode(record, &ask->record.len);
    ask->record.ptr = *bytes;
    return NULL;
  }
  if (strcmp(op, "get") != 0 && strcmp(op, "lookup") != 0) return "op is put, get or lookup";
  ask->op = *op == 'g' ? AL_RECORD_FETCH : AL_RECORD_LOCATE;
  if (!al_base32_decode(ask->key.b, sizeof ask->key.b, key, strlen(key)))
    return "a key is 52 characters of base32";
  return NULL;
}

static const char *refusal(al_err e) {
  return e == AL_EINVAL  ? "that is no record"
         : e == AL_EFULL ? "the node has as many questions under way as it may"
                         : al_err_text(e);
}

static void start(al_dht_page *p, SoupServerMessage *m, const al_record_ask *ask) {
  al_drive *d = p->daemon->drive;
  waiting *w = g_new0(waiting, 1);
  al_err e = al_record_start(al_drive_node(d), al_drive_work(d), al_drive_now(d), ask, &w->ask);
  if (e != AL_OK) {
    g_free(w);
    al_page_error(m, e == AL_EINVAL ? SOUP_STATUS_BAD_REQUEST : SOUP_STATUS_SERVICE_UNAVAILABLE,
                  refusal(e));
    return;
  }
  w->message = g_object_ref(m);
  p->waiting = g_list_prepend(p->waiting, w);
  soup_server_message_pause(m);
  al_drive_pump(d); /* the answer may come from inside */
}

static void on_dht(SoupServer *server, SoupServerMessage *m, const char *path, GHashTable *query,
                   gpointer data) {
  (void)server, (void)path, (void)query;
  if (soup_server_message_get_method(m) != SOUP_METHOD_POST) {
    soup_message_headers_replace(soup_server_message_get_response_headers(m), "Allow", "POST");
    al_page_error(m, SOUP_STATUS_METHOD_NOT_ALLOWED, "only POST is answered here");
    return;
  }
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GBytes) body = soup_message_body_flatten(soup_server_message_get_request_body(m));
  g_autofree guchar *bytes = NULL;
  al_record_ask ask = {0};
  gsize len;
  const char *text = g_bytes_get_data(body, &len), *wrong = "want a JSON object";
  bool parsed = len > 0 && len <= BODY_MAX &&
                json_parser_load_from_data(parser, text, (gssize)len, NULL) &&
                JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser));
  if (parsed) wrong = read_ask(json_node_get_object(json_parser_get_root(parser)), &ask, &bytes);
  if (wrong)
    al_page_error(m, SOUP_STATUS_BAD_REQUEST, wrong);
  else
    start(data, m, &ask);
}

/* ---- life ---- */

al_dht_page *al_dht_page_new(al_daemon *d, SoupServer *server) {
  al_dht_page *p = g_new0(al_dht_page, 1);
  p->daemon = d;
  soup_server_add_handler(server, "/v1/dht", on_dht, p, NULL);
  return p;
}

void al_dht_page_free(al_dht_page *p) {
  if (!p) return;
  for (GList *l = p->waiting; l; l = l->next) {
    waiting *w = l->data;
    g_object_unref(w->message);
    g_free(w);
  }
  g_list_free(p->waiting);
  g_free(p);
}
