/* process.c — this process and the system around it. */
#include "process.h"

#include <glib.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { FDS_WANTED = 65536 };

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

void al_process_inspect(al_process_info *ret) {
  struct rusage use;
  struct rlimit fds;
  unsigned long size = 0, resident = 0;
  *ret = (al_process_info){.cpu_s = 0};
  if (getrusage(RUSAGE_SELF, &use) == 0) ret->cpu_s = seconds(use.ru_utime) + seconds(use.ru_stime);
  if (getrlimit(RLIMIT_NOFILE, &fds) == 0) ret->fds_max = (uint32_t)fds.rlim_cur;
  FILE *f = fopen("/proc/self/statm", "re");
  if (!f) return;
  if (fscanf(f, "%lu %lu", &size, &resident) == 2)
    ret->rss_bytes = (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
  fclose(f);
}

void al_process_prepare(void) {
  struct rlimit fds;
  umask(077);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  if (getrlimit(RLIMIT_NOFILE, &fds) != 0) return;
  fds.rlim_cur = MIN(fds.rlim_max, FDS_WANTED);
  setrlimit(RLIMIT_NOFILE, &fds);
}

void al_process_notify(const char *text) {
  const char *path = g_getenv("NOTIFY_SOCKET");
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof un.sun_path) return;
  g_strlcpy(un.sun_path, path, sizeof un.sun_path);
  if (*path == '@') un.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
  if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&un, len) < 0)
    g_warning("the service manager cannot be told `%s`", text);
  close(fd);
}
