/* join.c — dial addresses. */
#include "join.h"

#include <gio/gio.h>
#include <string.h>

#include "allium/al_inspect.h"
#include "error.h"
#include "log.h"

enum {
  PATIENCE_S = 30,   /* for one attempt, its name included */
  ENDPOINTS_MAX = 8, /* of one name, tried one after the other */
};

typedef struct attempt {
  al_joins *joins; /* NULL: finished; the resolver's answer frees it */
  al_peer_address address;
  al_join_done done;
  void *data;
  al_endpoint endpoints[ENDPOINTS_MAX];
  unsigned count, next;
  al_link link; /* 0: not dialled yet */
  al_time since;
  guint timer;
  bool resolving;
  GCancellable *cancel;
} attempt;

struct al_joins {
  al_drive *drive;
  GList *attempts;
};

static void attempt_free(attempt *a) {
  g_object_unref(a->cancel);
  g_free(a);
}

/* Off the list; freed now or when the resolver has answered. */
static void retire(attempt *a) {
  a->joins->attempts = g_list_remove(a->joins->attempts, a);
  a->joins = NULL;
  if (a->timer) g_source_remove(a->timer);
  a->timer = 0;
  if (a->resolving)
    g_cancellable_cancel(a->cancel);
  else
    attempt_free(a);
}

static void retire_data(gpointer data) { retire(data); }

static void finish(attempt *a, const al_id *peer, const char *why) {
  al_join_done done = a->done;
  void *data = a->data;
  uint32_t took = (uint32_t)(al_drive_now(a->joins->drive) - a->since);
  g_autoptr(GError) err = NULL;
  retire(a);
  if (why) al_log_info("could not join by an address: %s", why);
  if (why) g_set_error(&err, AL_ERROR, AL_EXIT_FAILED, "%s", why);
  if (done) done(data, peer, took, err);
}

static gboolean on_late(gpointer data) {
  attempt *a = data;
  a->timer = 0;
  finish(a, NULL, "nobody answered in time");
  return G_SOURCE_REMOVE;
}

/* Dial the next endpoint. */
static void dial(attempt *a) {
  al_drive *d = a->joins->drive;
  uint8_t record[AL_ADDRESS_RECORD_MAX];
  size_t len = al_peer_address_record(&a->address, &a->endpoints[a->next++], record);
  al_join_to to = {.address = {record, len}, .peer = a->address.has_id ? &a->address.id : NULL};
  al_err err =
      al_node_join_peer(al_drive_node(d), al_drive_work(d), al_drive_now(d), &to, &a->link);
  if (err != AL_OK) {
    a->link = 0;
    finish(a, NULL,
           err == AL_EFULL ? "the node is dialling as many others as it may" : al_err_text(err));
  }
  al_drive_pump(d);
}

static void on_resolved(GObject *source, GAsyncResult *result, gpointer data) {
  attempt *a = data;
  GError *err = NULL;
  GList *found = g_resolver_lookup_by_name_finish(G_RESOLVER(source), result, &err);
  a->resolving = false;
  for (GList *l = found; l && a->count < ENDPOINTS_MAX; l = l->next) {
    g_autofree char *text = g_inet_address_to_string(l->data);
    if (al_endpoint_parse(text, a->address.port, &a->endpoints[a->count])) a->count++;
  }
  if (!a->joins)
    attempt_free(a);
  else if (a->count > 0)
    dial(a);
  else
    finish(a, NULL, err ? err->message : "the name has no address");
  g_clear_error(&err);
  g_resolver_free_addresses(found);
}

static bool is_neighbour(al_drive *d, const al_id *id) {
  al_link_info info;
  for (uint32_t i = 0; al_inspect_link(al_drive_node(d), i, &info); i++)
    if (info.up && memcmp(&info.peer, id, sizeof *id) == 0) return true;
  return false;
}

void al_join(al_joins *js, const al_peer_address *address, al_join_done done, void *data) {
  attempt *a = g_new0(attempt, 1);
  a->joins = js;
  a->address = *address;
  a->done = done;
  a->data = data;
  a->since = al_drive_now(js->drive);
  a->cancel = g_cancellable_new();
  a->timer = g_timeout_add_seconds(PATIENCE_S, on_late, a);
  js->attempts = g_list_prepend(js->attempts, a);
  if (address->has_id && is_neighbour(js->drive, &address->id)) {
    finish(a, &address->id, NULL);
    return;
  }
  if (al_endpoint_parse(address->host, address->port, &a->endpoints[0])) {
    a->count = 1;
    dial(a);
    return;
  }
  g_autoptr(GResolver) resolver = g_resolver_get_default();
  a->resolving = true;
  g_resolver_lookup_by_name_async(resolver, address->host, a->cancel, on_resolved, a);
}

/* Why a link that came up far enough to fail failed, as far as the core knows. */
static const char *failure(al_err e) {
  switch (e) {
    case AL_ECRYPTO:
      return "whoever answers there is not the node that the address names";
    case AL_EAGAIN: /* its handshake timed out */
      return "the node there does not answer our handshake: another network, or a wrong secret";
    case AL_ECLOSED:
      return "nobody answers at the address";
    default:
      return al_err_text(e);
  }
}

void al_joins_event(al_joins *js, const al_event *ev) {
  for (GList *l = js->attempts; l; l = l->next) {
    attempt *a = l->data;
    if (a->link == 0 || a->link != ev->link) continue;
    if (ev->kind == AL_EV_LINK_UP)
      finish(a, &ev->peer, NULL);
    else if (ev->kind == AL_EV_LINK_FAILED && a->next < a->count)
      dial(a);
    else if (ev->kind == AL_EV_LINK_FAILED)
      finish(a, NULL, failure(ev->err));
    return;
  }
}

al_joins *al_joins_new(al_drive *d) {
  al_joins *js = g_new0(al_joins, 1);
  js->drive = d;
  return js;
}

void al_joins_free(al_joins *js) {
  if (!js) return;
  GList *all = g_list_copy(js->attempts);
  g_list_free_full(all, retire_data);
  g_free(js);
}
