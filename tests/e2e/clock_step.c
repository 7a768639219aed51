/* clock_step.c — loaded before libc (LD_PRELOAD): the wall clock of one process is off by as many
 * seconds as the file CLOCK_STEP_FILE says, an int64 in host order that may change at any time.
 * Clocks that nobody can set (monotonic, since boot) are as they are. For tests. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *step;
static int (*real_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("CLOCK_STEP_FILE");
  int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) abort();
  void *map = mmap(NULL, sizeof *step, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) abort();
  step = map;
  close(fd);
}

int clock_gettime(clockid_t id, struct timespec *ts) {
  if (real_gettime == NULL) {
    *(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime"); /* as POSIX has it */
  }
  int r = real_gettime(id, ts);
  if (step != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) ts->tv_sec += *step;
  return r;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone) {
  struct timespec ts;
  (void)zone;
  int r = clock_gettime(CLOCK_REALTIME, &ts);
  tv->tv_sec = ts.tv_sec;
  tv->tv_usec = ts.tv_nsec / 1000;
  return r;
}

time_t time(time_t *ret) {
  struct timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  if (ret != NULL) *ret = ts.tv_sec;
  return ts.tv_sec;
}
