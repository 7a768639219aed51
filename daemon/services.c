/* services.c — services of this node's owner. */
#include "services.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "address.h"
#include "base32.h"
#include "error.h"
#include "log.h"
#include "secret.h"

static const char suffix[] = ".allium";
enum { LABEL = AL_SERVICE_TEXT - 7 };

/* One service. */
typedef struct exposed {
  char *name, *target;
  char host[AL_ADDRESS_HOST_MAX + 1];
  uint16_t host_port, port;
  char **clients;
  uint32_t handle, intros;
  uint8_t root[AL_SERVICE_ROOT_BYTES];
  char text[AL_SERVICE_TEXT + 1];
} exposed;

struct al_services {
  al_drive *drive;
  al_exit *exit;
  char *dir, *clients_dir;
  GPtrArray *list;     /* of exposed */
  GHashTable *clients; /* address text -> GByteArray, seed */
};

static bool fail(GError **err, int status, const char *what, const char *name) {
  g_set_error(err, AL_ERROR, status, "%s: %s", name, what);
  return false;
}

/* ---- addresses ---- */

void al_service_text(const uint8_t *address, char *out) {
  al_base32_encode(out, address, AL_SERVICE_ADDRESS_BYTES);
  memcpy(out + LABEL, suffix, sizeof suffix);
}

bool al_service_text_is(const char *host, size_t len) {
  const size_t n = sizeof suffix - 1;
  return len >= n && g_ascii_strncasecmp(host + len - n, suffix, n) == 0;
}

bool al_service_text_parse(const char *host, size_t len, uint8_t *out) {
  char label[LABEL];
  size_t have = LABEL;
  if (!al_service_text_is(host, len)) return false;
  len -= sizeof suffix - 1;
  while (len > 0 && have > 0) {
    char c = host[--len];
    if (c != '.') label[--have] = c;
  }
  if (have != 0 || (len > 0 && host[len - 1] != '.')) return false;
  if (!al_base32_decode(out, AL_SERVICE_ADDRESS_BYTES, label, sizeof label)) return false;
  const al_bytes bytes = {out, AL_SERVICE_ADDRESS_BYTES};
  return al_service_address_ok(al_suite_hacl(), bytes) == AL_OK;
}

/* ---- files ---- */

static void exposed_free(void *data) {
  exposed *e = data;
  g_free(e->name);
  g_free(e->target);
  g_strfreev(e->clients);
  al_secret_wipe(e, sizeof *e);
  g_free(e);
}

static char *file_of(const al_services *s, const char *name, const char *end) {
  g_autofree char *file = g_strconcat(name, end, NULL);
  return g_build_filename(s->dir, file, NULL);
}

static bool name_good(const char *name) {
  size_t len = strlen(name);
  if (len == 0 || len > AL_SERVICE_NAME_MAX || *name == '.' || *name == '-') return false;
  for (size_t i = 0; i < len; i++)
    if (!g_ascii_isalnum(name[i]) && !strchr("-_.", name[i])) return false;
  return true;
}

static bool set_target(exposed *e, const char *target, GError **err) {
  if (!al_hostport_parse(target, -1, e->host, &e->host_port, err)) return false;
  g_free(e->target);
  e->target = g_strdup(target);
  return true;
}

static bool save(const al_services *s, const exposed *e, GError **err) {
  g_autoptr(GKeyFile) file = g_key_file_new();
  g_autofree char *path = file_of(s, e->name, ".conf"), *key = file_of(s, e->name, ".key");
  gsize len;
  g_key_file_set_string(file, "service", "target", e->target);
  g_key_file_set_integer(file, "service", "port", e->port);
  g_key_file_set_string_list(file, "service", "clients", (const char *const *)e->clients,
                             g_strv_length(e->clients));
  g_autofree char *text = g_key_file_to_data(file, &len, NULL);
  return al_secret_save(key, "service", e->root, sizeof e->root, err) &&
         g_file_set_contents_full(path, text, (gssize)len,
                                  G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                  0600, err);
}

static void set_text(exposed *e) {
  uint8_t address[AL_SERVICE_ADDRESS_BYTES];
  al_service_address(al_suite_hacl(), e->root, address);
  al_service_text(address, e->text);
}

static bool load(al_services *s, const char *name, GError **err) {
  g_autofree char *conf = file_of(s, name, ".conf"), *key = file_of(s, name, ".key");
  g_autoptr(GKeyFile) file = g_key_file_new();
  g_autoptr(GByteArray) root = g_byte_array_new();
  bool found;
  if (!g_key_file_load_from_file(file, conf, G_KEY_FILE_NONE, err)) {
    g_prefix_error(err, "%s: ", conf);
    if (err && *err) (*err)->domain = AL_ERROR, (*err)->code = AL_EXIT_STATE;
    return false;
  }
  if (!al_secret_load(key, "service", root, &found, err)) return false;
  if (!found || root->len != AL_SERVICE_ROOT_BYTES)
    return fail(err, AL_EXIT_STATE, "not the key of a service", key);
  exposed *e = g_new0(exposed, 1);
  e->name = g_strdup(name);
  memcpy(e->root, root->data, sizeof e->root);
  al_secret_wipe(root->data, root->len);
  g_autofree char *target = g_key_file_get_string(file, "service", "target", NULL);
  e->port = (uint16_t)g_key_file_get_integer(file, "service", "port", NULL);
  e->clients = g_key_file_get_string_list(file, "service", "clients", NULL, NULL);
  if (!e->clients) e->clients = g_new0(char *, 1);
  if (!target || !set_target(e, target, err) || e->port == 0) {
    exposed_free(e);
    if (err && *err) return false;
    return fail(err, AL_EXIT_STATE, "does not say what to expose", conf);
  }
  set_text(e);
  g_ptr_array_add(s->list, e);
  return true;
}

static bool load_all(al_services *s, GError **err) {
  g_autoptr(GDir) dir = g_dir_open(s->dir, 0, NULL);
  for (const char *file; dir && (file = g_dir_read_name(dir));) {
    if (!g_str_has_suffix(file, ".conf")) continue;
    g_autofree char *name = g_strndup(file, strlen(file) - 5);
    if (name_good(name) && !load(s, name, err)) return false;
  }
  return true;
}

static bool load_clients(al_services *s, GError **err) {
  g_autoptr(GDir) dir = g_dir_open(s->clients_dir, 0, NULL);
  for (const char *file; dir && (file = g_dir_read_name(dir));) {
    uint8_t address[AL_SERVICE_ADDRESS_BYTES];
    bool found;
    if (!al_service_text_parse(file, strlen(file), address)) continue;
    g_autofree char *path = g_build_filename(s->clients_dir, file, NULL);
    GByteArray *seed = g_byte_array_new();
    if (!al_secret_load(path, "client", seed, &found, err) || !found ||
        seed->len != AL_KEM_SEED_BYTES) {
      g_byte_array_unref(seed);
      return (err && *err) ? false : fail(err, AL_EXIT_STATE, "not the key of a client", path);
    }
    g_hash_table_insert(s->clients, g_strdup(file), seed);
  }
  return true;
}

/* ---- exposing ---- */

static bool clients_bytes(char *const *clients, GByteArray *out, GError **err) {
  for (; *clients; clients++) {
    uint8_t pk[AL_KEM_PK_BYTES];
    if (!al_base32_decode(pk, sizeof pk, *clients, strlen(*clients))) {
      g_autofree char *some = g_strndup(*clients, 16);
      return fail(err, AL_EXIT_FAILED, "not the public key of a client", some);
    }
    g_byte_array_append(out, pk, sizeof pk);
  }
  return true;
}

/* The one that is there under this handle gives way. */
static bool put_up(al_services *s, exposed *e, GError **err) {
  al_node *n = al_drive_node(s->drive);
  al_work *w = al_drive_work(s->drive);
  g_autoptr(GByteArray) clients = g_byte_array_new();
  if (!clients_bytes(e->clients, clients, err)) return false;
  const al_service_config c = {
      .root = e->root, .clients_count = clients->len / AL_KEM_PK_BYTES, .clients = clients->data};
  if (e->handle) al_service_remove(n, w, al_drive_now(s->drive), e->handle);
  e->handle = e->intros = 0;
  al_err r = al_service_add(n, w, al_drive_now(s->drive), &c, &e->handle);
  al_drive_pump(s->drive);
  return r == AL_OK || fail(err, AL_EXIT_FAILED, al_err_text(r), e->name);
}

static exposed *find(const al_services *s, const char *name) {
  for (guint i = 0; i < s->list->len; i++) {
    exposed *e = g_ptr_array_index(s->list, i);
    if (strcmp(e->name, name) == 0) return e;
  }
  return NULL;
}

static bool take(exposed *e, const al_expose *x, GError **err) {
  if (x->target && !set_target(e, x->target, err)) return false;
  if (!e->target) return fail(err, AL_EXIT_FAILED, "there is no such service", e->name);
  if (x->port || !e->port) e->port = x->port ? x->port : e->host_port;
  if (x->key && !al_base32_decode(e->root, sizeof e->root, x->key, strlen(x->key)))
    return fail(err, AL_EXIT_FAILED, "not the key of a service", e->name);
  if (x->clients || !e->clients) {
    g_strfreev(e->clients);
    e->clients = x->clients ? g_strdupv((char **)x->clients) : g_new0(char *, 1);
  }
  return true;
}

static void describe(const exposed *e, JsonBuilder *b) {
  json_builder_begin_object(b);
  json_builder_set_member_name(b, "name");
  json_builder_add_string_value(b, e->name);
  json_builder_set_member_name(b, "address");
  json_builder_add_string_value(b, e->text);
  json_builder_set_member_name(b, "target");
  json_builder_add_string_value(b, e->target);
  json_builder_set_member_name(b, "port");
  json_builder_add_int_value(b, e->port);
  json_builder_set_member_name(b, "clients");
  json_builder_add_int_value(b, g_strv_length(e->clients));
}

bool al_services_expose(al_services *s, const al_expose *x, JsonBuilder *answer, GError **err) {
  g_autofree char *made = NULL;
  if (!x->name && x->target) {
    made = g_strdup(x->target);
    g_strcanon(made, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._", '_');
    if (strlen(made) > AL_SERVICE_NAME_MAX) made[AL_SERVICE_NAME_MAX] = 0;
  }
  const char *name = x->name ? x->name : made ? made : "";
  if (!name_good(name))
    return fail(err, AL_EXIT_FAILED, "want up to 32 letters, digits, `.`, `-`, `_`", "name");
  exposed *e = find(s, name);
  bool fresh = !e;
  if (fresh) {
    if (s->list->len >= AL_SERVICES_MAX)
      return fail(err, AL_EXIT_FAILED, "as many services as a node can have", name);
    e = g_new0(exposed, 1);
    e->name = g_strdup(name);
    al_secret_random(e->root, sizeof e->root);
  }
  bool good = take(e, x, err);
  if (good) set_text(e);
  good = good && put_up(s, e, err) && save(s, e, err);
  if (fresh && good) g_ptr_array_add(s->list, e);
  if (good) {
    describe(e, answer);
    json_builder_end_object(answer);
    al_log_info("service %s is exposed", e->name);
  } else if (fresh) {
    if (e->handle)
      al_service_remove(al_drive_node(s->drive), al_drive_work(s->drive), al_drive_now(s->drive),
                        e->handle);
    exposed_free(e);
  }
  return good;
}

bool al_services_unexpose(al_services *s, const char *name, GError **err) {
  exposed *e = find(s, name);
  if (!e) return fail(err, AL_EXIT_FAILED, "there is no such service", name);
  g_autofree char *conf = file_of(s, name, ".conf"), *key = file_of(s, name, ".key"),
                  *old = file_of(s, name, ".key.old");
  if (g_unlink(conf) != 0) return fail(err, AL_EXIT_FAILED, g_strerror(errno), conf);
  (void)g_rename(key, old);
  if (e->handle)
    al_service_remove(al_drive_node(s->drive), al_drive_work(s->drive), al_drive_now(s->drive),
                      e->handle);
  al_drive_pump(s->drive);
  al_log_info("service %s is taken back", name);
  g_ptr_array_remove(s->list, e);
  return true;
}

char *al_services_export(const al_services *s, const char *name, GError **err) {
  const exposed *e = find(s, name);
  if (!e) {
    fail(err, AL_EXIT_FAILED, "there is no such service", name);
    return NULL;
  }
  char *text = g_malloc0(AL_BASE32_LEN(sizeof e->root) + 1);
  al_base32_encode(text, e->root, sizeof e->root);
  return text;
}

void al_services_report(const al_services *s, JsonBuilder *b) {
  json_builder_begin_array(b);
  for (guint i = 0; i < s->list->len; i++) {
    const exposed *e = g_ptr_array_index(s->list, i);
    al_service_info info = {.intros = 0};
    (void)al_service_look(al_drive_node(s->drive), e->handle, &info);
    describe(e, b);
    json_builder_set_member_name(b, "published");
    json_builder_add_boolean_value(b, info.published);
    json_builder_set_member_name(b, "introduction_points");
    json_builder_add_int_value(b, info.intros);
    json_builder_set_member_name(b, "sessions");
    json_builder_add_int_value(b, info.sessions);
    json_builder_set_member_name(b, "puzzle_bits");
    json_builder_add_int_value(b, info.puzzle_bits);
    json_builder_set_member_name(b, "requests_taken");
    json_builder_add_int_value(b, (gint64)info.introduced);
    json_builder_set_member_name(b, "requests_refused");
    json_builder_add_int_value(b, (gint64)info.refused);
    json_builder_end_object(b);
  }
  json_builder_end_array(b);
}

/* ---- events ---- */

bool al_services_event(al_services *s, const al_event *ev) {
  if (ev->service == 0) return false;
  for (guint i = 0; i < s->list->len; i++) {
    exposed *e = g_ptr_array_index(s->list, i);
    if (e->handle != ev->service) continue;
    if (ev->kind == AL_EV_SERVICE) {
      if (e->intros == 0) al_log_info("service %s is published", e->name);
      e->intros = ev->count;
      return true;
    }
    if (ev->target->port != e->port) break;
    al_target t = {.kind = AL_TARGET_NAME, .port = e->host_port};
    t.host_len = (uint8_t)strlen(e->host);
    memcpy(t.host, e->host, t.host_len);
    al_exit_connect(s->exit, ev->stream, &t);
    return true;
  }
  if (ev->kind == AL_EV_STREAM_REQUEST)
    al_stream_reset(al_drive_node(s->drive), al_drive_work(s->drive), al_drive_now(s->drive),
                    ev->stream, AL_REASON_REFUSED);
  return true;
}

/* ---- as a client ---- */

char *al_services_client_key(al_services *s, const char *address, GError **err) {
  uint8_t bytes[AL_SERVICE_ADDRESS_BYTES], pk[AL_KEM_PK_BYTES];
  char text[AL_SERVICE_TEXT + 1];
  bool made;
  if (!al_service_text_parse(address, strlen(address), bytes)) {
    fail(err, AL_EXIT_FAILED, "not the address of a service", address);
    return NULL;
  }
  al_service_text(bytes, text);
  GByteArray *seed = g_hash_table_lookup(s->clients, text);
  if (!seed) {
    g_autofree char *path = g_build_filename(s->clients_dir, text, NULL);
    seed = g_byte_array_new();
    g_byte_array_set_size(seed, AL_KEM_SEED_BYTES);
    if (!al_secret_make(path, "client", seed, &made, err)) {
      g_byte_array_unref(seed);
      return NULL;
    }
    g_hash_table_insert(s->clients, g_strdup(text), seed);
  }
  al_service_client_key(al_suite_hacl(), seed->data, pk);
  char *out = g_malloc0(AL_BASE32_LEN(sizeof pk) + 1);
  al_base32_encode(out, pk, sizeof pk);
  return out;
}

/* Where a stream shall lead; false: that is no address. */
static bool to_of(const al_services *s, const al_target *t, uint8_t *address, al_service_to *ret) {
  char text[AL_SERVICE_TEXT + 1];
  if (!al_service_text_parse((const char *)t->host, t->host_len, address)) return false;
  al_service_text(address, text);
  const GByteArray *seed = g_hash_table_lookup(s->clients, text);
  *ret =
      (al_service_to){.address = address, .port = t->port, .client_seed = seed ? seed->data : NULL};
  return true;
}

al_err al_services_open(void *services, const al_target *t, uint64_t isolation, al_bytes early,
                        al_stream *ret) {
  const al_services *s = services;
  uint8_t address[AL_SERVICE_ADDRESS_BYTES];
  al_service_to to;
  if (!to_of(s, t, address, &to)) return AL_EPARSE;
  to.isolation = isolation;
  to.early = early;
  return al_service_open(al_drive_node(s->drive), al_drive_work(s->drive), al_drive_now(s->drive),
                         &to, ret);
}

bool al_services_expected(void *services, const al_target *t, uint64_t isolation) {
  const al_services *s = services;
  uint8_t address[AL_SERVICE_ADDRESS_BYTES];
  al_service_to to;
  if (!to_of(s, t, address, &to)) return false;
  to.isolation = isolation;
  return al_service_expected(al_drive_node(s->drive), &to);
}

/* ---- life ---- */

static void seed_free(void *data) {
  GByteArray *seed = data;
  al_secret_wipe(seed->data, seed->len);
  g_byte_array_unref(seed);
}

al_services *al_services_new(al_drive *d, al_exit *x, const char *state, GError **err) {
  al_services *s = g_new0(al_services, 1);
  s->drive = d;
  s->exit = x;
  s->dir = g_build_filename(state, "services", NULL);
  s->clients_dir = g_build_filename(state, "clients", NULL);
  s->list = g_ptr_array_new_with_free_func(exposed_free);
  s->clients = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, seed_free);
  bool there =
      g_mkdir_with_parents(s->dir, 0700) == 0 && g_mkdir_with_parents(s->clients_dir, 0700) == 0;
  if (!there) fail(err, AL_EXIT_STATE, g_strerror(errno), s->dir);
  if (there && load_all(s, err) && load_clients(s, err)) return s;
  al_services_free(s);
  return NULL;
}

void al_services_start(al_services *s) {
  for (guint i = 0; i < s->list->len; i++) {
    g_autoptr(GError) err = NULL;
    exposed *e = g_ptr_array_index(s->list, i);
    if (!put_up(s, e, &err)) al_log_error("service %s: %s", e->name, err->message);
  }
}

void al_services_free(al_services *s) {
  if (!s) return;
  g_ptr_array_unref(s->list);
  g_hash_table_unref(s->clients);
  g_free(s->dir);
  g_free(s->clients_dir);
  g_free(s);
}
