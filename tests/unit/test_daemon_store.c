/* What must survive: secrets and records; and what must never be overwritten. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/error.h"
#include "daemon/secret.h"
#include "daemon/state.h"
#include "daemon/store.h"
#include "tap.h"

static char dir[] = "/tmp/allium-store-XXXXXX";

static char *at(const char *name) { return g_build_filename(dir, name, NULL); }

static void write_file(const char *path, const char *bytes, gssize len, mode_t mode) {
  unlink(path);
  g_file_set_contents_full(path, bytes, len, G_FILE_SET_CONTENTS_NONE, 0600, NULL);
  chmod(path, mode);
}

static al_bytes text(const char *s) { return (al_bytes){(const uint8_t *)s, strlen(s)}; }

static void put(al_store *s, const char *key, const char *value) {
  al_store_table()->put(s, text(key), text(value));
}

/* The value of a key in a snapshot, or NULL; checks the form of the whole. */
static char *find(const GByteArray *all, const char *key) {
  size_t i = 0;
  char *got = NULL;
  while (i + 6 <= all->len) {
    const uint8_t *p = all->data + i;
    size_t klen = (size_t)(p[0] | p[1] << 8);
    size_t vlen = (size_t)(p[2] | p[3] << 8 | p[4] << 16) | (size_t)p[5] << 24;
    if (i + 6 + klen + vlen > all->len) break;
    if (klen == strlen(key) && !memcmp(p + 6, key, klen))
      got = g_strndup((const char *)p + 6 + klen, vlen);
    i += 6 + klen + vlen;
  }
  tap_is_u64(i, all->len, "the snapshot is whole (looking for %s)", key);
  return got;
}

/* A store must open and hold this value (NULL: no such record). */
static void holds(const char *key, const char *want) {
  GError *err = NULL;
  al_store *s = al_store_open(dir, &err);
  if (!tap_ok(s, "opened: %s", err ? err->message : "yes")) return;
  GByteArray *all = al_store_snapshot(s, &err);
  g_autofree char *got = all ? find(all, key) : NULL;
  tap_ok(g_strcmp0(got, want) == 0, "%s is %s", key, want ? want : "not there");
  if (all) g_byte_array_unref(all);
  al_store_close(s);
}

/* Opening must fail with this text and change no byte of the file. */
static void refuses(const char *name, const char *want) {
  g_autofree char *path = at(name), *before = NULL, *after = NULL;
  gsize blen = 0, alen = 0;
  GError *err = NULL;
  g_file_get_contents(path, &before, &blen, NULL);
  al_store *s = al_store_open(dir, &err);
  GByteArray *all = s ? al_store_snapshot(s, &err) : NULL;
  tap_ok(!all && err && strstr(err->message, want) && al_error_status(err) == AL_EXIT_STATE,
         "refused: %s", err ? err->message : "no error");
  al_store_close(s);
  g_clear_error(&err);
  g_file_get_contents(path, &after, &alen, NULL);
  tap_ok(blen == alen && !memcmp(before, after, alen), "%s is as it was", name);
}

static void test_records(void) {
  GError *err = NULL;
  al_store_info info;
  al_store *s = al_store_open(dir, &err);
  if (!tap_ok(s, "a new store: %s", err ? err->message : "good")) return;
  put(s, "a", "1");
  put(s, "b", "2");
  put(s, "a", "3");
  put(s, "key/onion/7", "secret");
  put(s, "empty", "");
  put(s, "gone", "x");
  al_store_table()->del(s, text("gone"));
  al_store_inspect(s, &info);
  tap_is_u64(info.pending, 5, "a later change replaces one that waits");
  tap_ok(al_store_flush(s, false), "flushed");
  al_store_inspect(s, &info);
  tap_ok(info.pending == 0 && info.records == 5 && info.errors == 0, "all written");
  g_autofree char *big = g_strnfill(AL_STORE_VALUE_MAX + 1, 'x'), *key = g_strnfill(81, 'k');
  tap_ok(al_store_table()->put(s, text("big"), text(big)) == AL_EINVAL, "a value too long");
  tap_ok(al_store_table()->put(s, text(key), text("v")) == AL_EINVAL, "a key too long");
  tap_ok(al_store_table()->put(s, text(""), text("v")) == AL_EINVAL, "no key");
  put(s, "late", "written by close");
  al_store_close(s);
  holds("a", "3");
  holds("b", "2");
  holds("empty", "");
  holds("gone", NULL);
  holds("late", "written by close");
  holds("key/onion/7", "secret");
  struct stat st;
  g_autofree char *file = at("keys/onion%2F7"), *db = at("store.db");
  tap_ok(stat(file, &st) == 0 && (st.st_mode & 0777) == 0600, "a secret is a file of mode 0600");
  tap_ok(stat(db, &st) == 0 && (st.st_mode & 0777) == 0600, "so is the database");
}

/* The timer writes without being asked. */
static void test_timer(void) {
  al_store *s = al_store_open(dir, NULL);
  al_store_info info;
  put(s, "timer", "1");
  for (int i = 0; i < 200; i++) {
    g_main_context_iteration(NULL, FALSE);
    al_store_inspect(s, &info);
    if (info.pending == 0) break;
    g_usleep(5000);
  }
  tap_is_u64(info.pending, 0, "written soon by itself");
  al_store_table()->del(s, text("key/onion/7"));
  al_store_close(s);
  holds("key/onion/7", NULL);
}

/* A process that is killed loses nothing that was flushed. */
static void test_kill(void) {
  pid_t pid = fork();
  if (pid == 0) {
    al_store *s = al_store_open(dir, NULL);
    put(s, "killed", "yes");
    put(s, "key/k", "v");
    al_store_flush(s, false);
    put(s, "killed", "no");
    raise(SIGKILL);
  }
  waitpid(pid, NULL, 0);
  holds("killed", "yes");
  holds("key/k", "v");
  g_autofree char *tmp = at("keys/half.tmp");
  g_file_set_contents(tmp, "half", -1, NULL);
  holds("key/half", NULL);
  tap_ok(!g_file_test(tmp, G_FILE_TEST_EXISTS), "a half-made file is cleared away");
}

/* The file-size limit stands for a full disk: writes fail, nothing breaks, and later all is there.
 */
static void test_full(void) {
  struct rlimit old, tight = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
  al_store_info info;
  al_store *s = al_store_open(dir, NULL);
  g_autofree char *value = g_strnfill(15000, 'v');
  getrlimit(RLIMIT_FSIZE, &old);
  tight.rlim_max = old.rlim_max;
  setrlimit(RLIMIT_FSIZE, &tight);
  for (int i = 0; i < 40; i++) {
    g_autofree char *key = g_strdup_printf("full/%d", i);
    put(s, key, value);
  }
  tap_ok(!al_store_flush(s, false), "a full disk is noticed");
  tap_ok(!al_store_flush(s, true), "and again");
  al_store_inspect(s, &info);
  tap_ok(info.errors == 2 && info.pending == 40, "counted, nothing is lost");
  setrlimit(RLIMIT_FSIZE, &old);
  tap_ok(al_store_flush(s, false), "room again");
  al_store_close(s);
  holds("full/39", value);
  holds("a", "3");
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 10, .rlim_max = old.rlim_max});
  s = al_store_open(dir, NULL);
  tap_ok(s, "an existing store opens on a full disk");
  put(s, "key/full", "a secret of more than ten bytes");
  tap_ok(s && !al_store_flush(s, false), "a secret that does not fit");
  setrlimit(RLIMIT_FSIZE, &old);
  al_store_close(s);
  holds("key/full", "a secret of more than ten bytes");
}

static void test_corrupt(void) {
  g_autofree char *db = at("store.db"), *key = at("keys/k"), *good = NULL, *bytes = NULL;
  gsize len = 0, klen = 0;
  g_file_get_contents(key, &good, &klen, NULL);
  good[16] ^= 1; /* a letter of the secret, behind `allium record 1 ` */
  write_file(key, good, (gssize)klen, 0600);
  refuses("keys/k", "damaged");
  good[16] ^= 1; /* a letter of the secret, behind `allium record 1 ` */
  write_file(key, good, (gssize)klen, 0600);
  chmod(key, 0644);
  refuses("keys/k", "others may read it");
  chmod(key, 0600);
  holds("key/k", "v");
  g_file_get_contents(db, &bytes, &len, NULL);
  memset(bytes + len / 2, 0x5a, 4096);
  write_file(db, bytes, (gssize)len, 0600);
  refuses("store.db", "store.db: ");
  write_file(db, bytes, (gssize)len / 3, 0600);
  refuses("store.db", "store.db: ");
  write_file(db, "this is not a database at all, but text", -1, 0600);
  refuses("store.db", "not a database");
}

static void test_state(void) {
  GError *err = NULL;
  g_autofree char *sub = at("a/b"), *identity = at("a/b/identity.key"), *text_before = NULL;
  al_state *s = al_state_open(sub, &err);
  if (!tap_ok(s && s->fresh, "a new state: %s", err ? err->message : "good")) return;
  uint8_t kept[32];
  memcpy(kept, s->identity, 32);
  pid_t pid = fork();
  if (pid == 0) {
    GError *e = NULL;
    al_state *t = al_state_open(sub, &e);
    g_autofree char *want =
        g_strdup_printf("in use by another `allium node`, process %d", getppid());
    _exit(!t && e && strstr(e->message, want) ? 0 : 1);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  tap_is_u64(status, 0, "a second process is refused and told which holds it");
  al_state_close(s);
  s = al_state_open(sub, &err);
  tap_ok(s && !s->fresh && !memcmp(kept, s->identity, 32), "the same identity again");
  al_state_close(s);
  g_file_get_contents(identity, &text_before, NULL, NULL);
  for (int cut = 0; cut < 3; cut++) {
    g_autofree char *text_now = g_strndup(text_before, strlen(text_before) * (gsize)cut / 3);
    write_file(identity, text_now, -1, 0600);
    tap_ok(!al_state_open(sub, &err) && strstr(err->message, "identity.key: damaged"),
           "cut identity: %s", err ? err->message : "opened");
    g_clear_error(&err);
  }
  write_file(identity, text_before, -1, 0640);
  tap_ok(!al_state_open(sub, &err) && strstr(err->message, "others may read it"), "too open");
  g_clear_error(&err);
  chmod(identity, 0600);
  chmod(sub, 0777);
  tap_ok(!al_state_open(sub, &err) && strstr(err->message, "others may write"), "open directory");
  g_clear_error(&err);
  tap_ok(!al_state_open(identity, &err) && al_error_status(err) == AL_EXIT_STATE, "a file");
  g_clear_error(&err);
}

static void test_network_secret(void) {
  g_autofree char *path = at("net");
  uint8_t out[32];
  GError *err = NULL;
  tap_ok(!al_state_network_secret(path, out, &err) && al_error_status(err) == AL_EXIT_CONFIG,
         "none");
  g_clear_error(&err);
  const char *good = " aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaq\n";
  write_file(path, good, -1, 0600);
  tap_ok(al_state_network_secret(path, out, &err) && out[31] == 1 && out[0] == 0, "a good one");
  chmod(path, 0644);
  tap_ok(!al_state_network_secret(path, out, &err) && strstr(err->message, "others"), "too open");
  g_clear_error(&err);
  write_file(path, "short", -1, 0600);
  tap_ok(!al_state_network_secret(path, out, &err) && strstr(err->message, "52"), "too short");
  g_clear_error(&err);
}

int main(void) {
  signal(SIGXFSZ, SIG_IGN);
  if (!mkdtemp(dir)) return 1;
  test_records();
  test_timer();
  test_kill();
  test_full();
  test_corrupt();
  test_state();
  test_network_secret();
  g_autofree char *clear = g_strdup_printf("rm -rf %s", dir);
  return system(clear) == 0 ? tap_done() : 1;
}
