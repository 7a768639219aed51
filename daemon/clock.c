/* clock.c — CLOCK_BOOTTIME, and a timer of microseconds: GLib's own timers end a poll in whole
 * milliseconds, which is more than a hop takes. */
#include "clock.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct al_clock {
  int fd;
  al_watch *watch;
  void (*fn)(void *data);
  void *data;
  al_time wanted, armed; /* armed <= wanted while something is wanted */
};

al_time al_clock_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_BOOTTIME, &t);
  return (al_time)t.tv_sec * AL_SECOND + (al_time)t.tv_nsec / 1000;
}

static void arm(al_clock *c) {
  struct itimerspec t = {.it_value = {.tv_sec = (time_t)(c->wanted / AL_SECOND),
                                      .tv_nsec = (long)(c->wanted % AL_SECOND) * 1000}};
  if (c->wanted == 0) t.it_value.tv_nsec = 1; /* all zero would disarm it */
  c->armed = c->wanted;
  timerfd_settime(c->fd, TFD_TIMER_ABSTIME, &t, NULL);
}

/* A deadline that moved away leaves the timer as it is: it rings, finds nothing due and is set
 * anew. So a deadline that moves with every packet costs nothing. */
static void on_ring(void *data, uint32_t events) {
  al_clock *c = data;
  uint64_t rings;
  (void)events;
  if (read(c->fd, &rings, sizeof rings) < 0 && errno == EAGAIN) return;
  c->armed = AL_TIME_NEVER;
  if (c->wanted == AL_TIME_NEVER) return;
  if (c->wanted > al_clock_now()) {
    arm(c);
    return;
  }
  c->wanted = AL_TIME_NEVER;
  c->fn(c->data);
}

al_clock *al_clock_new(al_poll *poll, void (*fn)(void *data), void *data) {
  al_clock *c = g_new0(al_clock, 1);
  c->fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  if (c->fd < 0) g_error("no timer: %s", g_strerror(errno));
  c->fn = fn;
  c->data = data;
  c->wanted = c->armed = AL_TIME_NEVER;
  c->watch = al_watch_new(poll, c->fd, EPOLLIN, on_ring, c);
  return c;
}

void al_clock_set(al_clock *c, al_time when) {
  c->wanted = when;
  if (when < c->armed) arm(c);
}

void al_clock_free(al_clock *c) {
  if (!c) return;
  al_watch_free(c->watch);
  close(c->fd);
  g_free(c);
}
