/* secret.c — files of mode 0600 with a checksum. */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base32.h"
#include "error.h"

enum { CHECK_BYTES = 5, FILE_MAX = 64 * 1024 };

static bool fail(GError **err, const char *path, const char *what) {
  g_set_error(err, AL_ERROR, AL_EXIT_STATE, "%s: %s", path, what);
  return false;
}

static bool fail_errno(GError **err, const char *path, const char *verb) {
  g_set_error(err, AL_ERROR, AL_EXIT_STATE, "%s: cannot %s: %s", path, verb, g_strerror(errno));
  return false;
}

void al_secret_wipe(void *bytes, size_t len) {
  if (len > 0) explicit_bzero(bytes, len);
}

void al_secret_random(uint8_t *out, size_t len) {
  while (len > 0) {
    ssize_t n = getrandom(out, len, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) g_error("the system gives no random bytes: %s", g_strerror(errno));
    out += n;
    len -= (size_t)n;
  }
}

/* First bytes of SHA-256(kind ‖ 0 ‖ bytes): against damage, not against forgery. */
static void checksum(const char *kind, const uint8_t *bytes, size_t len, uint8_t out[CHECK_BYTES]) {
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  guint8 digest[32];
  gsize size = sizeof digest;
  g_checksum_update(sum, (const guchar *)kind, (gssize)strlen(kind) + 1);
  g_checksum_update(sum, bytes, (gssize)len);
  g_checksum_get_digest(sum, digest, &size);
  memcpy(out, digest, CHECK_BYTES);
}

/* The whole file, refused when anybody but the owner may touch it. */
static bool read_file(const char *path, char *text, size_t *len, bool *found, GError **err) {
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  *found = fd >= 0;
  *len = 0;
  if (fd < 0) return errno == ENOENT || fail_errno(err, path, "open");
  bool good = fstat(fd, &st) == 0;
  if (!good)
    fail_errno(err, path, "read");
  else if (!S_ISREG(st.st_mode))
    good = fail(err, path, "not a regular file");
  else if (st.st_mode & 077)
    good = fail(err, path, "others may read it; `chmod 600` it, or replace it if somebody did");
  while (good && *len < FILE_MAX) {
    ssize_t n = read(fd, text + *len, FILE_MAX - *len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) good = fail_errno(err, path, "read");
    if (n <= 0) break;
    *len += (size_t)n;
  }
  close(fd);
  return good;
}

static bool parse(const char *kind, char *text, size_t len, GByteArray *ret) {
  g_autofree char *head = g_strdup_printf("allium %s 1 ", kind);
  size_t head_len = strlen(head), check_len = AL_BASE32_LEN(CHECK_BYTES);
  uint8_t check[CHECK_BYTES], want[CHECK_BYTES];
  if (len < head_len + 1 + check_len + 1 || memcmp(text, head, head_len) != 0) return false;
  if (text[len - 1] != '\n' || text[len - check_len - 2] != ' ') return false;
  size_t body_len = len - head_len - check_len - 2, bytes = body_len * 5 / 8;
  if (!al_base32_decode(want, CHECK_BYTES, text + len - 1 - check_len, check_len)) return false;
  g_byte_array_set_size(ret, (guint)bytes);
  if (!al_base32_decode(ret->data, bytes, text + head_len, body_len)) return false;
  checksum(kind, ret->data, bytes, check);
  return memcmp(check, want, CHECK_BYTES) == 0;
}

bool al_secret_load(const char *path, const char *kind, GByteArray *ret, bool *found,
                    GError **err) {
  char *text = g_malloc(FILE_MAX);
  size_t len = 0;
  bool good = read_file(path, text, &len, found, err);
  if (good && *found && !parse(kind, text, len, ret))
    good = fail(err, path, "damaged; restore it from a backup, or move it away to start afresh");
  al_secret_wipe(text, FILE_MAX);
  g_free(text);
  return good;
}

static bool write_all(int fd, const char *text, size_t len) {
  while (len > 0) {
    ssize_t n = write(fd, text, len);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text += n;
    len -= (size_t)n;
  }
  return true;
}

static bool sync_directory(const char *path) {
  g_autofree char *dir = g_path_get_dirname(path);
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  bool good = fsync(fd) == 0;
  close(fd);
  return good;
}

static bool replace_file(const char *path, const char *text, size_t len, GError **err) {
  g_autofree char *tmp = g_strconcat(path, ".tmp", NULL);
  unlink(tmp);
  int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return fail_errno(err, tmp, "create");
  bool good = write_all(fd, text, len) && fsync(fd) == 0;
  int saved = errno;
  close(fd);
  errno = saved;
  good = good && rename(tmp, path) == 0 && sync_directory(path);
  if (good) return true;
  fail_errno(err, path, "write");
  unlink(tmp);
  return false;
}

bool al_secret_save(const char *path, const char *kind, const uint8_t *bytes, size_t len,
                    GError **err) {
  uint8_t check[CHECK_BYTES];
  char check_text[AL_BASE32_LEN(CHECK_BYTES) + 1];
  size_t body_len = AL_BASE32_LEN(len);
  char *body = g_malloc(body_len + 1);
  checksum(kind, bytes, len, check);
  al_base32_encode(body, bytes, len);
  al_base32_encode(check_text, check, CHECK_BYTES);
  char *text = g_strdup_printf("allium %s 1 %s %s\n", kind, body, check_text);
  size_t text_len = strlen(text);
  bool good = text_len <= FILE_MAX ? replace_file(path, text, text_len, err)
                                   : fail(err, path, "too long to be a secret");
  al_secret_wipe(body, body_len);
  al_secret_wipe(text, text_len);
  g_free(body);
  g_free(text);
  return good;
}

bool al_secret_erase(const char *path, GError **err) {
  static const char zeros[4096];
  struct stat st;
  int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return errno == ENOENT || fail_errno(err, path, "open");
  if (fstat(fd, &st) == 0) {
    for (off_t left = st.st_size; left > 0; left -= (off_t)sizeof zeros)
      if (!write_all(fd, zeros, (size_t)MIN(left, (off_t)sizeof zeros))) break;
    (void)fdatasync(fd); /* the file goes away in any case */
  }
  close(fd);
  return (unlink(path) == 0 && sync_directory(path)) || fail_errno(err, path, "remove");
}

bool al_secret_make(const char *path, const char *kind, GByteArray *ret, bool *made, GError **err) {
  guint want = ret->len;
  bool found = false;
  *made = false;
  if (!al_secret_load(path, kind, ret, &found, err)) return false;
  if (found) return ret->len == want || fail(err, path, "not of the right length");
  g_byte_array_set_size(ret, want);
  al_secret_random(ret->data, want);
  *made = true;
  return al_secret_save(path, kind, ret->data, want, err);
}
