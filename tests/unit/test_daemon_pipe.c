/* Sockets joined to streams: order, half-close, back-pressure, faults on both sides. */
#include "daemon/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon_core.h"
#include "tap.h"

enum { WINDOW = 256 * 1024 };

static al_drive *drive = (al_drive *)1; /* never looked into */
static al_poll *poll_set;
static al_pipes *pipes;
static unsigned opened, ended;
static al_reason ended_why;
static bool ended_clean;

static void fake_event(const al_event *ev) { al_pipes_event(pipes, ev); }

static void on_opened(void *owner) {
  (void)owner;
  opened++;
}

static void on_ended(void *owner, al_reason why, bool clean) {
  int *fd = owner;
  ended++;
  ended_why = why;
  ended_clean = clean;
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static const al_pipe_ops ops = {.opened = on_opened, .ended = on_ended};

/* A pipe on one end of a socket pair; the test holds the other. */
static al_stream start(int *near, int *far, const char *first) {
  int fd[2];
  g_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
  *near = fd[0];
  *far = fd[1];
  al_stream s = fake_new();
  al_pipe *p = al_pipe_new(pipes, s, &ops, near);
  al_pipe_start(p, fd[0], (al_bytes){(const uint8_t *)first, strlen(first)});
  ended = 0;
  return s;
}

static bool wrote(al_stream s, const char *want) {
  GByteArray *w = fake_at(s)->written;
  return w->len == strlen(want) && !memcmp(w->data, want, w->len);
}

static bool reads(int fd, const char *want) {
  char got[256] = "";
  ssize_t n = recv(fd, got, sizeof got, 0);
  return n == (ssize_t)strlen(want) && !memcmp(got, want, (size_t)n);
}

static void test_both_ways(void) {
  int near, far;
  al_stream s = start(&near, &far, "first ");
  tap_ok(wrote(s, "first "), "bytes that were read before go first");
  tap_ok(send(far, "second", 6, 0) == 6, "the application writes");
  wait_for(wrote(s, "first second"), "the stream has it");
  fake_say(AL_EV_STREAM_OPEN, s);
  tap_is_u64(opened, 1, "the owner hears that the far end has connected");
  fake_data(s, "abc", 3);
  fake_data(s, "def", 3);
  tap_is_u64(fake_at(s)->consumed, 0, "nothing is consumed before the socket took it");
  wait_for(fake_at(s)->consumed == 6, "then it is");
  tap_ok(reads(far, "abcdef"), "the application has it");
  shutdown(far, SHUT_WR);
  wait_for(fake_at(s)->shut, "the application ends its side, the stream is shut");
  fake_data(s, "more", 4);
  wait_for(fake_at(s)->consumed == 10, "the other direction goes on");
  tap_ok(reads(far, "more"), "and arrives");
  fake_say(AL_EV_STREAM_FIN, s);
  fake_say(AL_EV_STREAM_CLOSED, s);
  wait_for(ended == 1, "both ends closed: the pipe ends");
  tap_ok(ended_clean, "clean");
  char end;
  tap_ok(recv(far, &end, 1, 0) == 0, "the application sees the end");
  close(far);
}

/* The far end finishes first. */
static void test_far_first(void) {
  int near, far;
  al_stream s = start(&near, &far, "");
  char end;
  fake_data(s, "last words", 10);
  fake_say(AL_EV_STREAM_FIN, s);
  wait_for(fake_at(s)->consumed == 10, "written before the end");
  tap_ok(reads(far, "last words") && recv(far, &end, 1, 0) == 0, "bytes, then the end");
  tap_ok(send(far, "still", 5, 0) == 5, "the application may still write");
  wait_for(wrote(s, "still"), "and the stream has it");
  close(far);
  wait_for(fake_at(s)->shut, "until it closes");
  fake_say(AL_EV_STREAM_CLOSED, s);
  tap_ok(ended == 1 && ended_clean, "clean");
}

/* The stream takes 10000 bytes at a time; nothing may be lost or out of order. */
static void test_slow_stream(void) {
  int near, far;
  enum { TOTAL = 600000 };
  uint8_t *bytes = g_malloc(TOTAL);
  for (unsigned i = 0; i < TOTAL; i++) bytes[i] = (uint8_t)(i * 7 + i / 251);
  fake_room = 10000;
  al_stream s = start(&near, &far, "");
  fake_room = 1 << 20;
  size_t sent = 0;
  unsigned stalls = 0;
  for (int turn = 0; turn < 20000 && fake_at(s)->written->len < TOTAL; turn++) {
    ssize_t n = sent < TOTAL ? send(far, bytes + sent, TOTAL - sent, MSG_DONTWAIT) : 0;
    if (n > 0) sent += (size_t)n;
    if (n < 0) stalls++;
    g_main_context_iteration(NULL, FALSE);
    if (fake_at(s)->room == 0 && fake_at(s)->short_write) fake_drain(s, 10000);
  }
  tap_is_u64(fake_at(s)->written->len, TOTAL, "all of it came through");
  tap_is_mem(fake_at(s)->written->data, bytes, TOTAL, "in order");
  tap_ok(stalls > 0, "the application had to wait (%u times)", stalls);
  size_t before = fake_at(s)->written->len;
  fake_at(s)->room = 0;
  tap_ok(send(far, bytes, 60000, 0) == 60000, "more, and the stream takes nothing");
  settle(20);
  tap_ok(fake_at(s)->short_write, "the core knows that room is wanted");
  shutdown(far, SHUT_WR);
  settle(20);
  tap_ok(!fake_at(s)->shut, "an end behind waiting bytes waits too");
  for (int i = 0; i < 100 && !fake_at(s)->shut; i++) {
    fake_drain(s, 7000);
    settle(1);
  }
  tap_ok(fake_at(s)->shut && fake_at(s)->written->len == before + 60000,
         "bytes first, then the end");
  fake_reset(s, AL_REASON_CIRCUIT);
  tap_ok(ended == 1 && !ended_clean && ended_why == AL_REASON_CIRCUIT, "a reset ends it");
  close(far);
  g_free(bytes);
}

/* The application does not read: credit stops, memory is bounded, and then all arrives. */
static void test_slow_reader(void) {
  int near, far, small = 4096;
  al_stream s = start(&near, &far, "");
  uint8_t cell[1000];
  setsockopt(near, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  size_t sent = 0;
  while (sent + sizeof cell <= WINDOW) {
    for (unsigned i = 0; i < sizeof cell; i++)
      cell[i] = (uint8_t)((sent + i) * 3 + (sent + i) / 509);
    fake_data(s, cell, sizeof cell);
    sent += sizeof cell;
  }
  settle(20);
  tap_ok(fake_at(s)->consumed < sent / 2, "credit for %zu of %zu", fake_at(s)->consumed, sent);
  fake_say(AL_EV_STREAM_FIN, s);
  fake_say(AL_EV_STREAM_CLOSED, s);
  settle(5);
  tap_is_u64(ended, 0, "the pipe stays until the socket took everything");
  size_t got = 0, wrong = 0;
  for (int turn = 0; turn < 20000 && got < sent; turn++) {
    uint8_t in[3000];
    ssize_t n = recv(far, in, sizeof in, 0);
    for (ssize_t i = 0; i < n; i++, got++) wrong += in[i] != (uint8_t)(got * 3 + got / 509);
    g_main_context_iteration(NULL, FALSE);
  }
  tap_ok(got == sent && wrong == 0, "all bytes arrived, %zu, %zu wrong", got, wrong);
  wait_for(ended == 1, "then it ends");
  tap_ok(ended_clean, "clean");
  close(far);
}

static void test_faults(void) {
  int near, far;
  al_stream s = start(&near, &far, "");
  static uint8_t flood[WINDOW + 200000];
  fake_data(s, flood, sizeof flood);
  tap_ok(ended == 1 && fake_at(s)->was_reset && fake_at(s)->reset_why == AL_REASON_PROTOCOL,
         "more than the window: reset");
  close(far);
  s = start(&near, &far, "");
  close(far);
  fake_data(s, "x", 1);
  wait_for(ended == 1, "writing to an application that is gone");
  tap_ok(fake_at(s)->was_reset && fake_at(s)->reset_why == AL_REASON_CANCELLED,
         "resets the stream");
  s = start(&near, &far, "");
  fake_at(s)->live = false;
  tap_ok(send(far, "x", 1, 0) == 1, "a byte for a dead stream");
  wait_for(ended == 1, "ends the pipe");
  close(far);
  s = start(&near, &far, "");
  fake_say(AL_EV_LINK_UP, s);
  al_event other = {.kind = AL_EV_STREAM_DATA, .stream = 511};
  tap_ok(!al_pipes_event(pipes, &other), "an event for nobody");
  fake_data(s, "y", 1);
  fake_reset(s, AL_REASON_LINK);
  tap_ok(ended == 1 && !ended_clean, "reset with bytes on the way");
  settle(10);
  close(far);
}

/* Data before the socket is there, as at an exit that still connects; and the owner's reset. */
static void test_late_socket(void) {
  int fd[2], near = -1;
  g_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
  al_stream s = fake_new();
  al_pipe *p = al_pipe_new(pipes, s, &ops, &near);
  ended = 0;
  fake_data(s, "early", 5);
  fake_say(AL_EV_STREAM_FIN, s);
  settle(5);
  near = fd[0];
  al_pipe_start(p, fd[0], (al_bytes){NULL, 0});
  wait_for(fake_at(s)->consumed == 5, "what came early is written when the socket is there");
  char end;
  tap_ok(reads(fd[1], "early") && recv(fd[1], &end, 1, 0) == 0, "and the end behind it");
  al_pipe_reset(p, AL_REASON_SHUTDOWN);
  tap_ok(ended == 0 && fake_at(s)->reset_why == AL_REASON_SHUTDOWN, "the owner gave up");
  tap_ok(fcntl(fd[0], F_GETFD) >= 0, "the socket is still the owner's");
  close(fd[0]);
  close(fd[1]);
}

int main(void) {
  signal(SIGPIPE, SIG_DFL); /* no write may raise it */
  poll_set = al_poll_new();
  pipes = al_pipes_new(drive, poll_set, WINDOW);
  test_both_ways();
  test_far_first();
  test_slow_stream();
  test_slow_reader();
  test_faults();
  test_late_socket();
  al_pipes_info info;
  al_pipes_inspect(pipes, &info);
  tap_ok(info.open == 0 && info.started == 9 && info.failed == 6,
         "figures: %u open, %u started, %u failed", info.open, (unsigned)info.started,
         (unsigned)info.failed);
  tap_ok(info.up_bytes > 600000 && info.down_bytes > 250000, "bytes are counted");
  al_pipes_free(pipes);
  al_poll_free(poll_set);
  return tap_done();
}
