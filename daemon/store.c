/* store.c — records in SQLite, secrets in files. */
#include "store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "error.h"
#include "log.h"
#include "secret.h"

#define SECRET_PREFIX "key/"

enum {
  APPLICATION_ID = 0x416c6c31, /* "All1" */
  SCHEMA_VERSION = 1,
  BATCH_MS = 20,
  RETRY_S = 5,
};

typedef struct change {
  GBytes *key, *value; /* value NULL: delete */
} change;

struct al_store {
  sqlite3 *db;
  sqlite3_stmt *put, *del;
  char *db_path, *keys_dir;
  GQueue waiting;     /* of change, in order */
  GHashTable *by_key; /* key -> its link in `waiting` */
  guint timer;
  bool failing, settled; /* settled: one durable batch has been written since the start */
  al_store_info info;
};

static bool is_secret(GBytes *key) {
  size_t len = strlen(SECRET_PREFIX);
  return g_bytes_get_size(key) > len && !memcmp(g_bytes_get_data(key, NULL), SECRET_PREFIX, len);
}

static void change_free(change *c) {
  if (c->value && is_secret(c->key)) {
    gsize len;
    guint8 *value = g_bytes_unref_to_data(g_steal_pointer(&c->value), &len);
    al_secret_wipe(value, len);
    g_free(value);
  }
  g_bytes_unref(c->key);
  if (c->value) g_bytes_unref(c->value);
  g_free(c);
}

/* ---- opening ---- */

static bool fail_db(const al_store *s, GError **err, const char *what) {
  int code = s->db ? sqlite3_extended_errcode(s->db) : SQLITE_NOMEM;
  bool corrupt = (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
  g_set_error(
      err, AL_ERROR, AL_EXIT_STATE, "%s: %s: %s%s", s->db_path, what,
      s->db ? sqlite3_errmsg(s->db) : "out of memory",
      corrupt ? "; restore it from a backup, or move it away to start with no records" : "");
  return false;
}

static bool run(al_store *s, const char *sql, GError **err) {
  if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK) return true;
  return fail_db(s, err, "cannot be used");
}

/* One number or text from a pragma. */
static char *ask(al_store *s, const char *sql, GError **err) {
  sqlite3_stmt *st = NULL;
  char *answer = NULL;
  if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
    answer = g_strdup((const char *)sqlite3_column_text(st, 0));
  if (!answer) fail_db(s, err, "cannot be read");
  sqlite3_finalize(st);
  return answer;
}

/* SQLite takes a file of a few bytes for an empty one and would write over it. */
static bool check_head(al_store *s, GError **err) {
  static const char magic[] = "SQLite format 3";
  char head[sizeof magic] = "";
  FILE *f = fopen(s->db_path, "re");
  if (!f && errno == ENOENT) return true;
  size_t n = f ? fread(head, 1, sizeof head, f) : 0;
  const char *what =
      !f ? g_strerror(errno)
      : n == 0 || (n == sizeof head && memcmp(head, magic, sizeof head) == 0)
          ? NULL
          : "not a database; restore it from a backup, or move it away to start with "
            "no records";
  if (f) fclose(f);
  if (what) g_set_error(err, AL_ERROR, AL_EXIT_STATE, "%s: %s", s->db_path, what);
  return what == NULL;
}

static bool check_file(al_store *s, GError **err) {
  g_autofree char *check = ask(s, "PRAGMA quick_check(1)", err);
  if (!check) return false;
  g_autofree char *id = ask(s, "PRAGMA application_id", err);
  g_autofree char *version = ask(s, "PRAGMA user_version", err);
  g_autofree char *tables = ask(s, "SELECT count(*) FROM sqlite_master", err);
  if (!id || !version || !tables) return false;
  const char *what = NULL;
  bool empty = strcmp(tables, "0") == 0;
  if (strcmp(check, "ok") != 0)
    what = "damaged; restore it from a backup, or move it away to start with no records";
  else if (!empty && g_ascii_strtoll(id, NULL, 10) != APPLICATION_ID)
    what = "not a database of allium";
  else if (g_ascii_strtoll(version, NULL, 10) > SCHEMA_VERSION)
    what = "made by a newer version of allium";
  if (what) g_set_error(err, AL_ERROR, AL_EXIT_STATE, "%s: %s", s->db_path, what);
  return what == NULL;
}

static bool make_tables(al_store *s, GError **err) {
  g_autofree char *sql = g_strdup_printf(
      "PRAGMA journal_mode = WAL;"
      "CREATE TABLE IF NOT EXISTS kv (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
      "PRAGMA application_id = %d; PRAGMA user_version = %d;",
      APPLICATION_ID, SCHEMA_VERSION);
  g_autofree char *version = ask(s, "PRAGMA user_version", err);
  if (!version) return false;
  if (strcmp(version, "0") == 0 && !run(s, sql, err)) return false;
  if (sqlite3_prepare_v3(s->db, "INSERT OR REPLACE INTO kv VALUES (?1, ?2)", -1,
                         SQLITE_PREPARE_PERSISTENT, &s->put, NULL) != SQLITE_OK ||
      sqlite3_prepare_v3(s->db, "DELETE FROM kv WHERE key = ?1", -1, SQLITE_PREPARE_PERSISTENT,
                         &s->del, NULL) != SQLITE_OK)
    return fail_db(s, err, "cannot be used");
  return true;
}

al_store *al_store_open(const char *dir, GError **err) {
  al_store *s = g_new0(al_store, 1);
  s->db_path = g_build_filename(dir, "store.db", NULL);
  s->keys_dir = g_build_filename(dir, "keys", NULL);
  s->by_key = g_hash_table_new(g_bytes_hash, g_bytes_equal);
  g_queue_init(&s->waiting);
  mode_t before = umask(077);
  bool good = g_mkdir_with_parents(s->keys_dir, 0700) == 0;
  if (!good) g_set_error(err, AL_ERROR, AL_EXIT_STATE, "%s: %s", s->keys_dir, g_strerror(errno));
  good = good && check_head(s, err);
  good = good && (sqlite3_open_v2(s->db_path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                                  NULL) == SQLITE_OK ||
                  fail_db(s, err, "cannot be opened"));
  /* The directory is locked already, so the database needs no lock of its own and no shared memory.
   */
  good = good &&
         run(s,
             "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = NORMAL;"
             "PRAGMA secure_delete = ON; PRAGMA cache_size = -512",
             err) &&
         check_file(s, err) && make_tables(s, err);
  umask(before);
  if (good) return s;
  al_store_close(s);
  return NULL;
}

/* ---- writing ---- */

static char *secret_path(const al_store *s, GBytes *key) {
  gsize len;
  const char *data = g_bytes_get_data(key, &len);
  g_autofree char *name = g_strndup(data + strlen(SECRET_PREFIX), len - strlen(SECRET_PREFIX));
  g_autofree char *plain = g_uri_escape_string(name, NULL, FALSE);
  return g_build_filename(s->keys_dir, plain, NULL);
}

static bool write_secret(al_store *s, const change *c) {
  g_autofree char *path = secret_path(s, c->key);
  g_autoptr(GError) err = NULL;
  gsize len = 0;
  const uint8_t *value = c->value ? g_bytes_get_data(c->value, &len) : NULL;
  bool good =
      c->value ? al_secret_save(path, "record", value, len, &err) : al_secret_erase(path, &err);
  if (!good && !s->failing) al_log_error("%s", err->message);
  return good;
}

static bool write_record(al_store *s, const change *c) {
  sqlite3_stmt *st = c->value ? s->put : s->del;
  gsize len;
  const void *data = g_bytes_get_data(c->key, &len);
  sqlite3_bind_blob(st, 1, data, (int)len, SQLITE_STATIC);
  if (c->value) {
    data = g_bytes_get_data(c->value, &len);
    if (len == 0)
      sqlite3_bind_zeroblob(st, 2, 0);
    else
      sqlite3_bind_blob(st, 2, data, (int)len, SQLITE_STATIC);
  }
  bool good = sqlite3_step(st) == SQLITE_DONE;
  if (!good && !s->failing) al_log_error("%s: %s", s->db_path, sqlite3_errmsg(s->db));
  sqlite3_reset(st);
  sqlite3_clear_bindings(st);
  return good;
}

static void forget_first(al_store *s, guint count) {
  for (; count > 0; count--) {
    change *c = g_queue_pop_head(&s->waiting);
    g_hash_table_remove(s->by_key, c->key);
    change_free(c);
    s->info.records++;
  }
}

/* The leading changes that are records, as one transaction. */
static bool write_records(al_store *s) {
  guint count = 0;
  bool good = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
  for (GList *l = s->waiting.head; good && l && !is_secret(((change *)l->data)->key); l = l->next) {
    good = write_record(s, l->data);
    count++;
  }
  if (good && sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK) {
    forget_first(s, count);
    s->info.batches++;
    return true;
  }
  if (good && !s->failing) al_log_error("%s: %s", s->db_path, sqlite3_errmsg(s->db));
  if (!sqlite3_get_autocommit(s->db)) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
  return false;
}

static bool write_waiting(al_store *s) {
  while (s->waiting.head) {
    const change *c = s->waiting.head->data;
    if (!is_secret(c->key)) {
      if (!write_records(s)) return false;
    } else {
      if (!write_secret(s, c)) return false;
      forget_first(s, 1);
    }
  }
  return true;
}

static gboolean on_timer(gpointer data);

static void arm(al_store *s, guint ms) {
  if (s->timer == 0) s->timer = g_timeout_add_full(G_PRIORITY_DEFAULT, ms, on_timer, s, NULL);
}

bool al_store_flush(al_store *s, bool durable) {
  if (s->timer) g_source_remove(s->timer);
  s->timer = 0;
  if (durable) sqlite3_exec(s->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
  bool good = write_waiting(s);
  if (good && durable)
    good = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_FULL, NULL, NULL) == SQLITE_OK;
  if (durable) sqlite3_exec(s->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
  if (good) {
    if (s->failing) al_log_info("records are written again");
    s->settled = s->settled || durable;
    s->failing = false;
    return true;
  }
  s->info.errors++;
  if (!s->failing) al_log_error("records cannot be written; trying again every %d s", RETRY_S);
  s->failing = true;
  arm(s, RETRY_S * 1000);
  return false;
}

/* The first batch after a start takes back the mark of a clean shutdown: it must be on disk before
 * what follows, whatever happens to the power. */
static gboolean on_timer(gpointer data) {
  al_store *s = data;
  s->timer = 0;
  al_store_flush(s, !s->settled);
  return G_SOURCE_REMOVE;
}

static al_err queue_change(al_store *s, al_bytes key, const al_bytes *value) {
  if (key.len == 0 || key.len > AL_STORE_KEY_MAX) return AL_EINVAL;
  if (value && value->len > AL_STORE_VALUE_MAX) return AL_EINVAL;
  change *c = g_new0(change, 1);
  c->key = g_bytes_new(key.ptr, key.len);
  if (value) c->value = g_bytes_new(value->ptr, value->len);
  GList *old = g_hash_table_lookup(s->by_key, c->key);
  if (old) {
    g_hash_table_remove(s->by_key, c->key);
    change_free(old->data);
    g_queue_delete_link(&s->waiting, old);
  }
  g_queue_push_tail(&s->waiting, c);
  g_hash_table_insert(s->by_key, c->key, s->waiting.tail);
  arm(s, BATCH_MS);
  return AL_OK;
}

static al_err store_put(al_store *s, al_bytes key, al_bytes value) {
  return queue_change(s, key, &value);
}

static al_err store_del(al_store *s, al_bytes key) { return queue_change(s, key, NULL); }

const al_store_ops *al_store_table(void) {
  static const al_store_ops ops = {.put = store_put, .del = store_del};
  return &ops;
}

/* ---- reading ---- */

static void append_record(GByteArray *to, al_bytes key, al_bytes value) {
  uint8_t head[6] = {(uint8_t)key.len,           (uint8_t)(key.len >> 8),
                     (uint8_t)value.len,         (uint8_t)(value.len >> 8),
                     (uint8_t)(value.len >> 16), (uint8_t)(value.len >> 24)};
  g_byte_array_append(to, head, sizeof head);
  g_byte_array_append(to, key.ptr, (guint)key.len);
  g_byte_array_append(to, value.ptr, (guint)value.len);
}

static bool read_records(al_store *s, GByteArray *to, GError **err) {
  sqlite3_stmt *st = NULL;
  int rc = sqlite3_prepare_v2(s->db, "SELECT key, value FROM kv ORDER BY key", -1, &st, NULL);
  while (rc == SQLITE_OK || rc == SQLITE_ROW) {
    rc = sqlite3_step(st);
    if (rc != SQLITE_ROW) break;
    al_bytes key = {sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0)};
    al_bytes value = {sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1)};
    if (key.len > 0 && key.len <= AL_STORE_KEY_MAX && value.len <= AL_STORE_VALUE_MAX)
      append_record(to, key, value);
  }
  sqlite3_finalize(st);
  return rc == SQLITE_DONE || fail_db(s, err, "cannot be read");
}

/* A file that a crash left half-made is no record yet. */
static bool read_secret(al_store *s, const char *name, GByteArray *to, GError **err) {
  g_autofree char *path = g_build_filename(s->keys_dir, name, NULL);
  if (g_str_has_suffix(name, ".tmp")) return al_secret_erase(path, err);
  g_autofree char *plain = g_uri_unescape_string(name, NULL);
  g_autofree char *key = g_strconcat(SECRET_PREFIX, plain ? plain : name, NULL);
  g_autoptr(GByteArray) value = g_byte_array_new();
  bool found = false, good = al_secret_load(path, "record", value, &found, err);
  if (good && found && strlen(key) <= AL_STORE_KEY_MAX)
    append_record(to, (al_bytes){(const uint8_t *)key, strlen(key)},
                  (al_bytes){value->data, value->len});
  al_secret_wipe(value->data, value->len);
  return good;
}

static bool read_secrets(al_store *s, GByteArray *to, GError **err) {
  GError *inner = NULL;
  g_autoptr(GDir) dir = g_dir_open(s->keys_dir, 0, &inner);
  const char *name;
  if (!dir) {
    g_set_error(err, AL_ERROR, AL_EXIT_STATE, "%s: %s", s->keys_dir, inner->message);
    g_error_free(inner);
    return false;
  }
  while ((name = g_dir_read_name(dir)))
    if (!read_secret(s, name, to, err)) return false;
  return true;
}

GByteArray *al_store_snapshot(al_store *s, GError **err) {
  GByteArray *all = g_byte_array_sized_new(64 * 1024);
  if (read_records(s, all, err) && read_secrets(s, all, err)) return all;
  al_secret_wipe(all->data, all->len);
  g_byte_array_unref(all);
  return NULL;
}

void al_store_inspect(const al_store *s, al_store_info *ret) {
  *ret = s->info;
  ret->pending = s->waiting.length;
}

void al_store_close(al_store *s) {
  if (!s) return;
  if (s->put && s->waiting.head) al_store_flush(s, true);
  if (s->timer) g_source_remove(s->timer);
  for (change *c; (c = g_queue_pop_head(&s->waiting));) change_free(c);
  g_hash_table_unref(s->by_key);
  sqlite3_finalize(s->put);
  sqlite3_finalize(s->del);
  sqlite3_close(s->db);
  g_free(s->db_path);
  g_free(s->keys_dir);
  g_free(s);
}
