/* poll.c — epoll inside the GLib main loop. */
#include "poll.h"

#include <errno.h>
#include <glib-unix.h>
#include <unistd.h>

enum { BATCH = 128 };

struct al_watch {
  al_poll *poll;
  int fd;
  uint32_t events;
  al_watch_fn fn; /* NULL: freed while its batch is dispatched */
  void *data;
  al_watch *next; /* in the list of the dead */
};

struct al_poll {
  int fd;
  guint source;
  bool dispatching;
  al_watch *dead;
};

static void bury(al_poll *p) {
  while (p->dead) {
    al_watch *w = p->dead;
    p->dead = w->next;
    g_free(w);
  }
}

static gboolean on_ready(gint fd, GIOCondition condition, gpointer data) {
  al_poll *p = data;
  struct epoll_event ready[BATCH];
  (void)condition;
  int n = epoll_wait(fd, ready, BATCH, 0);
  p->dispatching = true;
  for (int i = 0; i < n; i++) {
    al_watch *w = ready[i].data.ptr;
    if (w->fn && w->events) w->fn(w->data, ready[i].events);
  }
  p->dispatching = false;
  bury(p);
  return G_SOURCE_CONTINUE;
}

al_poll *al_poll_new(void) {
  al_poll *p = g_new0(al_poll, 1);
  p->fd = epoll_create1(EPOLL_CLOEXEC);
  if (p->fd < 0) g_error("no epoll: %s", g_strerror(errno));
  p->source = g_unix_fd_add(p->fd, G_IO_IN, on_ready, p);
  return p;
}

void al_poll_free(al_poll *p) {
  if (!p) return;
  g_source_remove(p->source);
  close(p->fd);
  bury(p);
  g_free(p);
}

static void control(al_watch *w, int op) {
  struct epoll_event e = {.events = w->events, .data.ptr = w};
  if (epoll_ctl(w->poll->fd, op, w->fd, &e) != 0)
    g_error("epoll_ctl on descriptor %d: %s", w->fd, g_strerror(errno));
}

al_watch *al_watch_new(al_poll *p, int fd, uint32_t events, al_watch_fn fn, void *data) {
  al_watch *w = g_new0(al_watch, 1);
  w->poll = p;
  w->fd = fd;
  w->fn = fn;
  w->data = data;
  al_watch_set(w, events);
  return w;
}

void al_watch_set(al_watch *w, uint32_t events) {
  uint32_t before = w->events;
  if (before == events) return;
  w->events = events;
  control(w, before == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD);
}

void al_watch_free(al_watch *w) {
  if (!w) return;
  al_watch_set(w, 0);
  w->fn = NULL;
  if (w->poll->dispatching) {
    w->next = w->poll->dead;
    w->poll->dead = w;
  } else {
    g_free(w);
  }
}
