/* Watches on sockets and lists of time limits. */
#include "daemon/poll.h"

#include <sys/socket.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/waitlist.h"
#include "tap.h"

static al_watch *watches[2];
static unsigned calls[2];
static uint32_t seen;

static void spin(unsigned ms) {
  gint64 end = g_get_monotonic_time() + (gint64)ms * 1000;
  while (g_get_monotonic_time() < end)
    if (!g_main_context_iteration(NULL, FALSE)) g_usleep(100);
}

static void on_event(void *data, uint32_t events) {
  calls[GPOINTER_TO_INT(data)]++;
  seen = events;
}

/* Frees both watches, whichever is called first; the other must not be called any more. */
static void on_free_all(void *data, uint32_t events) {
  on_event(data, events);
  al_watch_free(watches[0]);
  al_watch_free(watches[1]);
}

static void test_poll(void) {
  int a[2], b[2];
  al_poll *p = al_poll_new();
  tap_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, a) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, b) == 0,
         "sockets");
  watches[0] = al_watch_new(p, a[0], EPOLLIN, on_event, GINT_TO_POINTER(0));
  spin(5);
  tap_is_u64(calls[0], 0, "nothing to read");
  tap_ok(write(a[1], "x", 1) == 1, "a byte");
  spin(5);
  tap_ok(calls[0] > 1 && seen == EPOLLIN, "told again and again until it is read");
  al_watch_set(watches[0], 0);
  calls[0] = 0;
  close(a[1]);
  spin(5);
  tap_is_u64(calls[0], 0, "a paused watch hears nothing, not even that the peer is gone");
  al_watch_set(watches[0], EPOLLIN | EPOLLOUT);
  spin(5);
  tap_ok(calls[0] > 0 && seen & EPOLLHUP, "and hears it when it goes on");
  al_watch_free(watches[0]);
  calls[0] = 0;
  spin(5);
  tap_is_u64(calls[0], 0, "a freed watch is silent");
  close(a[0]);
  tap_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, a) == 0, "sockets");
  watches[0] = al_watch_new(p, a[0], EPOLLOUT, on_free_all, GINT_TO_POINTER(0));
  watches[1] = al_watch_new(p, b[0], EPOLLOUT, on_free_all, GINT_TO_POINTER(1));
  calls[0] = calls[1] = 0;
  spin(5);
  tap_is_u64(calls[0] + calls[1], 1, "a watch freed by another of the same turn is not called");
  al_poll_free(p);
  close(a[0]);
  close(a[1]);
  close(b[0]);
  close(b[1]);
}

static GString *order;
static gint64 ended; /* when the last one was over */

static void on_expired(void *owner) {
  g_string_append(order, owner);
  ended = g_get_monotonic_time();
}

/* Order and least times only: on a busy machine everything may come late. */
static void test_waitlist(void) {
  al_waitlist *l = al_waitlist_new(30, on_expired);
  al_wait w[4] = {0};
  order = g_string_new(NULL);
  al_wait_start(&w[0], l, (void *)"a");
  al_wait_start(&w[1], l, (void *)"b");
  al_wait_start(&w[2], l, (void *)"c");
  al_wait_stop(&w[1]);
  al_wait_stop(&w[1]);
  g_usleep(10000);
  gint64 again = g_get_monotonic_time();
  al_wait_start(&w[0], l, (void *)"A");
  for (int i = 0; i < 2000 && order->len < 2; i++) spin(5);
  tap_ok(g_str_equal(order->str, "cA"), "what was not touched is over first: %s", order->str);
  tap_ok(ended - again >= 30000, "a limit that was started again runs from then");
  al_wait_start(&w[3], l, (void *)"z");
  al_waitlist_free(l);
  spin(40);
  tap_ok(g_str_equal(order->str, "cA"), "nothing ends after the list is gone");
  g_string_free(order, TRUE);
}

static al_time rang;
static unsigned rings;

static void on_ring(void *data) {
  (void)data;
  rang = al_clock_now();
  rings++;
}

/* Until it has rung so often; a busy machine may be late by more than a little. */
static void await(unsigned count) {
  for (int i = 0; i < 1000 && rings < count; i++) spin(2);
}

/* Rings when it was told to, not in whole milliseconds, and once. */
static void test_clock(void) {
  al_poll *p = al_poll_new();
  al_clock *c = al_clock_new(p, on_ring, NULL);
  al_time from = al_clock_now(), late_least = AL_TIME_NEVER;
  for (int i = 0; i < 20; i++) {
    al_time want = al_clock_now() + 300;
    rings = 0;
    al_clock_set(c, want);
    await(1);
    if (rings != 1 || rang < want)
      tap_ok(false, "rang %u times", rings);
    else if (rang - want < late_least)
      late_least = rang - want;
  }
  tap_ok(late_least < 500, "within %u us of a time between two milliseconds", (unsigned)late_least);
  rings = 0;
  al_clock_set(c, al_clock_now() + 5000);
  al_clock_set(c, al_clock_now() + 200000);
  spin(10);
  tap_is_u64(rings, 0, "a later time replaces an earlier one");
  await(1);
  tap_is_u64(rings, 1, "and rings");
  al_clock_set(c, from);
  await(2);
  tap_is_u64(rings, 2, "a time that has passed rings at once");
  al_clock_set(c, 0);
  await(3);
  tap_is_u64(rings, 3, "so does the beginning of time");
  al_clock_set(c, al_clock_now() + 3000);
  al_clock_set(c, AL_TIME_NEVER);
  spin(8);
  tap_is_u64(rings, 3, "never is never");
  al_clock_free(c);
  al_poll_free(p);
}

int main(void) {
  test_poll();
  test_clock();
  test_waitlist();
  return tap_done();
}
