/* listen.c — listening sockets for applications. */
#include "listen.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "error.h"

enum { BACKLOG = 1024 };

bool al_listen_parse(const char *text, al_listen_spec *ret, GError **err) {
  al_listen_spec spec = {.kind = AL_LISTEN_OFF};
  char host[AL_ADDRESS_HOST_MAX + 1];
  uint16_t port = 0;
  guint64 bare;
  if (strcmp(text, "off") == 0 || strcmp(text, "0") == 0) {
    *ret = spec;
    return true;
  }
  if (g_str_has_prefix(text, "unix:")) {
    spec.kind = AL_LISTEN_UNIX;
    const char *path = text + strlen("unix:");
    if (*path == '/' && g_strlcpy(spec.path, path, sizeof spec.path) < sizeof spec.path) {
      *ret = spec;
      return true;
    }
    g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "`%s`: want unix:/PATH of at most %d bytes", text,
                AL_LISTEN_PATH_MAX);
    return false;
  }
  spec.kind = AL_LISTEN_IP;
  if (g_ascii_string_to_unsigned(text, 10, 1, 65535, &bare, NULL)) {
    al_endpoint_parse("127.0.0.1", (uint16_t)bare, &spec.endpoint);
  } else {
    if (!al_hostport_parse(text, -1, host, &port, err)) return false;
    if (!al_endpoint_parse(host, port, &spec.endpoint)) {
      g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "`%s`: want a numeric IP address", text);
      return false;
    }
  }
  *ret = spec;
  return true;
}

static int fail(GError **err, int fd, const char *where, const char *why) {
  int saved = errno;
  if (fd >= 0) close(fd);
  g_set_error(err, AL_ERROR, AL_EXIT_LISTEN, "cannot listen on %s: %s", where,
              why ? why : g_strerror(saved));
  return -1;
}

/* Is somebody answering at the path? A refused connection means the socket file is a left-over. */
static bool is_stale(const struct sockaddr_un *un) {
  struct stat st;
  if (lstat(un->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode)) return false;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  bool refused = connect(fd, (const struct sockaddr *)un, sizeof *un) != 0 && errno == ECONNREFUSED;
  close(fd);
  return refused;
}

static int open_unix(const al_listen_spec *spec, GError **err) {
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  g_strlcpy(un.sun_path, spec->path, sizeof un.sun_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail(err, fd, spec->path, NULL);
  if (is_stale(&un)) unlink(un.sun_path);
  mode_t before = umask(0177);
  int bound = bind(fd, (const struct sockaddr *)&un, sizeof un);
  umask(before);
  if (bound != 0)
    return fail(err, fd, spec->path, errno == EADDRINUSE ? "another program listens there" : NULL);
  if (listen(fd, BACKLOG) != 0) return fail(err, fd, spec->path, NULL);
  return fd;
}

static int open_ip(const al_listen_spec *spec, GError **err) {
  struct sockaddr_storage ss;
  socklen_t len = al_endpoint_sockaddr(&spec->endpoint, &ss);
  g_autofree char *where = al_endpoint_text(&spec->endpoint);
  int one = 1, fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail(err, fd, where, NULL);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (const struct sockaddr *)&ss, len) != 0 || listen(fd, BACKLOG) != 0)
    return fail(err, fd, where, errno == EADDRINUSE ? "the port is in use" : NULL);
  return fd;
}

int al_listen_open(const al_listen_spec *spec, GError **err) {
  if (spec->kind == AL_LISTEN_UNIX) return open_unix(spec, err);
  return open_ip(spec, err);
}

char *al_listen_text(const al_listen_spec *spec, int fd) {
  struct sockaddr_storage ss;
  socklen_t len = sizeof ss;
  al_endpoint e;
  if (spec->kind == AL_LISTEN_UNIX) return g_strconcat("unix:", spec->path, NULL);
  if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0 ||
      !al_endpoint_from_sockaddr((const struct sockaddr *)&ss, &e))
    e = spec->endpoint;
  return al_endpoint_text(&e);
}
