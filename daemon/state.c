/* state.c — the state directory. */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base32.h"
#include "error.h"
#include "log.h"
#include "secret.h"

static bool fail(GError **err, const char *path, const char *what) {
  g_set_error(err, AL_ERROR, AL_EXIT_STATE, "%s: %s", path, what);
  return false;
}

char *al_state_path(const al_state *s, const char *name) {
  return g_build_filename(s->dir, name, NULL);
}

static bool make_directory(const char *dir, GError **err) {
  struct stat st;
  if (g_mkdir_with_parents(dir, 0700) != 0) return fail(err, dir, g_strerror(errno));
  if (stat(dir, &st) != 0) return fail(err, dir, g_strerror(errno));
  if (!S_ISDIR(st.st_mode)) return fail(err, dir, "not a directory");
  if (st.st_uid != geteuid()) return fail(err, dir, "belongs to another user");
  if (st.st_mode & 022) return fail(err, dir, "others may write to it; `chmod 700` it");
  return true;
}

/* flock goes with the open file: a killed process leaves no lock behind. */
static bool take_lock(al_state *s, GError **err) {
  g_autofree char *path = al_state_path(s, "lock");
  char pid[24] = "";
  s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (s->lock_fd < 0) return fail(err, path, g_strerror(errno));
  if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
    ssize_t n = read(s->lock_fd, pid, sizeof pid - 1);
    g_autofree char *what =
        g_strdup_printf("in use by another `allium node`%s%s", n > 0 ? ", process " : "",
                        n > 0 ? g_strchomp(pid) : "");
    return fail(err, s->dir, what);
  }
  int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
  /* Only a help for people; a full disk must not keep the node from starting. */
  if (ftruncate(s->lock_fd, 0) == 0 && pwrite(s->lock_fd, pid, (size_t)n, 0) != n)
    al_log_warning("%s: the process number could not be written", path);
  return true;
}

/* `identity.key` holds the secret of kind `identity`. */
static bool take_secret(const al_state *s, const char *kind, uint8_t *out, size_t len,
                        GError **err) {
  g_autofree char *name = g_strconcat(kind, ".key", NULL);
  g_autofree char *path = al_state_path(s, name);
  g_autoptr(GByteArray) bytes = g_byte_array_sized_new((guint)len);
  bool made;
  g_byte_array_set_size(bytes, (guint)len);
  bool good = al_secret_make(path, kind, bytes, &made, err);
  if (good) memcpy(out, bytes->data, len);
  al_secret_wipe(bytes->data, bytes->len);
  return good;
}

al_state *al_state_open(const char *dir, GError **err) {
  if (!make_directory(dir, err)) return NULL;
  al_state *s = g_new0(al_state, 1);
  s->dir = g_strdup(dir);
  s->lock_fd = -1;
  if (take_lock(s, err)) {
    g_autofree char *identity = al_state_path(s, "identity.key");
    s->fresh = !g_file_test(identity, G_FILE_TEST_EXISTS);
    if (take_secret(s, "identity", s->identity, sizeof s->identity, err) &&
        take_secret(s, "password", s->password, sizeof s->password, err))
      return s;
  }
  al_state_close(s);
  return NULL;
}

void al_state_close(al_state *s) {
  if (!s) return;
  if (s->lock_fd >= 0) close(s->lock_fd);
  g_free(s->dir);
  al_secret_wipe(s, sizeof *s);
  g_free(s);
}

bool al_state_network_secret(const char *path, uint8_t *out, GError **err) {
  g_autofree char *text = NULL;
  GError *inner = NULL;
  struct stat st;
  if (!g_file_get_contents(path, &text, NULL, &inner)) {
    g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "network-secret-file: %s", inner->message);
    g_error_free(inner);
    return false;
  }
  const char *what = NULL;
  g_strstrip(text);
  if (stat(path, &st) == 0 && st.st_mode & 077)
    what = "others may read it; `chmod 600` it";
  else if (!al_base32_decode(out, 32, text, strlen(text)))
    what = "want 52 characters of base32 (a-z, 2-7), which are 32 bytes";
  al_secret_wipe(text, strlen(text));
  if (what) g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "network-secret-file: %s: %s", path, what);
  return what == NULL;
}
