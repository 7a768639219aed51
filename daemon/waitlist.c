/* waitlist.c — time limits in the order of their end. */
#include "waitlist.h"

struct al_waitlist {
  GQueue running;
  guint ms, timer;
  void (*expired)(void *owner);
};

static gboolean on_timer(gpointer data);

static void arm(al_waitlist *l) {
  if (l->timer || !l->running.head) return;
  al_wait *first = (al_wait *)(void *)l->running.head;
  gint64 left = (first->end_us - g_get_monotonic_time() + 999) / 1000;
  l->timer = g_timeout_add(left > 0 ? (guint)left : 0, on_timer, l);
}

static gboolean on_timer(gpointer data) {
  al_waitlist *l = data;
  l->timer = 0;
  while (l->running.head) {
    al_wait *w = (al_wait *)(void *)l->running.head;
    if (w->end_us > g_get_monotonic_time()) break;
    void *owner = w->link.data;
    al_wait_stop(w);
    l->expired(owner);
  }
  arm(l);
  return G_SOURCE_REMOVE;
}

al_waitlist *al_waitlist_new(guint ms, void (*expired)(void *owner)) {
  al_waitlist *l = g_new0(al_waitlist, 1);
  g_queue_init(&l->running);
  l->ms = ms;
  l->expired = expired;
  return l;
}

void al_waitlist_free(al_waitlist *l) {
  if (!l) return;
  while (l->running.head) al_wait_stop((al_wait *)(void *)l->running.head);
  if (l->timer) g_source_remove(l->timer);
  g_free(l);
}

void al_wait_start(al_wait *w, al_waitlist *l, void *owner) {
  al_wait_stop(w);
  w->link.data = owner;
  w->list = l;
  w->end_us = g_get_monotonic_time() + (gint64)l->ms * 1000;
  g_queue_push_tail_link(&l->running, &w->link);
  arm(l);
}

void al_wait_stop(al_wait *w) {
  if (!w->list) return;
  g_queue_unlink(&w->list->running, &w->link);
  w->list = NULL;
}
