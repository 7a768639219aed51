/* verb_dht.c — `allium dht put|get|lookup`. */
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "allium/al_dht.h"
#include "client.h"
#include "daemon/error.h"
#include "daemon/secret.h"
#include "table.h"
#include "verb.h"

enum { VALUE_MAX = 8192, SALT_MAX = 32, LIFETIME_S = 86400 };

static bool fail(GError **err, int status, const char *what) {
  g_set_error_literal(err, AL_ERROR, status, what);
  return false;
}

/* ---- what is put ---- */

/* The word itself, or standard input for `-`. */
static bool read_value(const char *word, GByteArray *ret, GError **err) {
  uint8_t part[4096];
  if (strcmp(word, "-") != 0) {
    g_byte_array_append(ret, (const guint8 *)word, (guint)strlen(word));
  } else {
    ssize_t n;
    while ((n = read(STDIN_FILENO, part, sizeof part)) > 0 && ret->len <= VALUE_MAX)
      g_byte_array_append(ret, part, (guint)n);
    if (n < 0) return fail(err, AL_EXIT_FAILED, "standard input cannot be read");
  }
  return ret->len <= VALUE_MAX || fail(err, AL_EXIT_USAGE, "a value has at most 8192 bytes");
}

/* The signer's key, made when the file is not there, and fresh coins behind it. */
static bool read_key(const char *path, uint8_t seed[AL_SIG_SEED_BYTES + AL_SIG_COINS_BYTES],
                     GError **err) {
  g_autoptr(GByteArray) key = g_byte_array_new();
  bool made;
  if (!path) return fail(err, AL_EXIT_USAGE, "--mutable wants --key FILE");
  g_byte_array_set_size(key, AL_SIG_SEED_BYTES);
  if (!al_secret_make(path, "dht", key, &made, err)) return false;
  memcpy(seed, key->data, AL_SIG_SEED_BYTES);
  al_secret_random(seed + AL_SIG_SEED_BYTES, AL_SIG_COINS_BYTES);
  al_secret_wipe(key->data, key->len);
  return true;
}

static bool make_record(const al_args *args, const GByteArray *value, uint8_t *out,
                        al_record_made *made, GError **err) {
  uint8_t seed[AL_SIG_SEED_BYTES + AL_SIG_COINS_BYTES];
  const char *salt = args->salt ? args->salt : "";
  gint64 now_us = g_get_real_time();
  al_record_fields f = {.is_mutable = args->is_mutable, .value = {value->data, value->len}};
  if (!args->is_mutable && (args->salt || args->key))
    return fail(err, AL_EXIT_USAGE, "--salt and --key belong to --mutable");
  if (strlen(salt) > SALT_MAX) return fail(err, AL_EXIT_USAGE, "a salt has at most 32 bytes");
  if (args->is_mutable) {
    if (!read_key(args->key, seed, err)) return false;
    f.salt = (al_bytes){(const uint8_t *)salt, strlen(salt)};
    f.sequence = (uint64_t)now_us / 1000; /* the later one is the newer one */
    f.expiry_s = (uint64_t)now_us / G_USEC_PER_SEC + LIFETIME_S;
  }
  al_err e = al_record_make(al_suite_hacl(), &f, seed, out, made);
  al_secret_wipe(seed, sizeof seed);
  return e == AL_OK || fail(err, AL_EXIT_FAILED, al_err_text(e));
}

/* ---- questions ---- */

static char *body_of(const al_args *args, const char *op, const char *name, const char *value) {
  g_autoptr(JsonBuilder) b = json_builder_new();
  json_builder_begin_object(b);
  json_builder_set_member_name(b, "op");
  json_builder_add_string_value(b, op);
  json_builder_set_member_name(b, name);
  json_builder_add_string_value(b, value);
  json_builder_set_member_name(b, "direct");
  json_builder_add_boolean_value(b, args->direct);
  json_builder_end_object(b);
  g_autoptr(JsonNode) root = json_builder_get_root(b);
  return json_to_string(root, FALSE);
}

static JsonNode *ask(const al_args *args, const char *op, const char *name, const char *value,
                     GError **err) {
  g_autofree char *body = body_of(args, op, name, value);
  return al_client_ask(args, "/v1/dht", body, err);
}

static void print_nodes(JsonObject *o) {
  static const char *const head[] = {"NODE", NULL};
  al_table *t = al_table_new(head);
  JsonArray *nodes = json_object_get_array_member(o, "nodes");
  for (guint i = 0; nodes && i < json_array_get_length(nodes); i++) {
    JsonObject *n = json_array_get_object_element(nodes, i);
    al_table_add(t, g_strdup(json_object_get_string_member_with_default(n, "id", "?")));
  }
  g_autofree char *text = al_table_text(t);
  fputs(text, stdout);
}

static int put(const al_args *args, GError **err) {
  uint8_t record[AL_RECORD_BUFFER_BYTES];
  al_record_made made;
  g_autoptr(GByteArray) value = g_byte_array_new();
  if (!read_value(args->words[1], value, err) || !make_record(args, value, record, &made, err))
    return al_complain(*err);
  g_autofree char *text = g_base64_encode(record, made.len);
  g_autoptr(JsonNode) node = ask(args, "put", "record", text, err);
  if (!node) return al_complain(*err);
  JsonObject *o = json_node_get_object(node);
  if (args->json)
    al_client_print_json(node);
  else
    puts(json_object_get_string_member_with_default(o, "key", "?"));
  return AL_EXIT_OK;
}

static int get(const al_args *args, GError **err) {
  g_autoptr(JsonNode) node = ask(args, "get", "key", args->words[1], err);
  if (!node) return al_complain(*err);
  if (args->json) {
    al_client_print_json(node);
    return AL_EXIT_OK;
  }
  const char *text =
      json_object_get_string_member_with_default(json_node_get_object(node), "value", "");
  gsize len = 0;
  g_autofree guchar *value = g_base64_decode(text, &len);
  return fwrite(value, 1, len, stdout) == len ? AL_EXIT_OK : AL_EXIT_FAILED;
}

static int lookup(const al_args *args, GError **err) {
  g_autoptr(JsonNode) node = ask(args, "lookup", "key", args->words[1], err);
  if (!node) return al_complain(*err);
  if (args->json)
    al_client_print_json(node);
  else
    print_nodes(json_node_get_object(node));
  return AL_EXIT_OK;
}

int al_verb_dht(const al_args *args) {
  g_autoptr(GError) err = NULL;
  const char *what = args->words[0];
  bool putting = strcmp(what, "put") == 0;
  if (!putting && (args->is_mutable || args->salt || args->key)) {
    (void)fail(&err, AL_EXIT_USAGE, "--mutable, --salt and --key belong to `dht put`");
    return al_complain(err);
  }
  if (putting) return put(args, &err);
  if (strcmp(what, "get") == 0) return get(args, &err);
  if (strcmp(what, "lookup") == 0) return lookup(args, &err);
  (void)fail(&err, AL_EXIT_USAGE, "usage: allium dht put|get|lookup VALUE|KEY");
  return al_complain(err);
}
