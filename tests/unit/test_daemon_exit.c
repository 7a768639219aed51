/* The exit on real sockets: what it connects to, what it refuses, and how it says so. */
#include "daemon/exit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon_core.h"
#include "tap.h"

static al_poll *poll_set;
static al_pipes *pipes;
static al_exit *out;
static al_exit_info info;
static int listener;
static uint16_t port;

static void fake_event(const al_event *ev) { al_pipes_event(pipes, ev); }

static int listen_any(uint16_t *ret_port, int backlog) {
  struct sockaddr_in in = {.sin_family = AF_INET};
  socklen_t len = sizeof in;
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  g_assert(bind(fd, (struct sockaddr *)&in, sizeof in) == 0);
  g_assert(listen(fd, backlog) == 0);
  getsockname(fd, (struct sockaddr *)&in, &len);
  *ret_port = ntohs(in.sin_port);
  return fd;
}

static al_target target(const char *host, uint16_t p) {
  al_target t = {.port = p};
  if (inet_pton(AF_INET, host, t.host) == 1) {
    t.kind = AL_TARGET_IPV4;
    t.host_len = 4;
  } else if (inet_pton(AF_INET6, host, t.host) == 1) {
    t.kind = AL_TARGET_IPV6;
    t.host_len = 16;
  } else {
    t.kind = AL_TARGET_NAME;
    t.host_len = (uint8_t)strlen(host);
    memcpy(t.host, host, t.host_len);
  }
  return t;
}

static al_stream ask(const char *host, uint16_t p) {
  al_target t = target(host, p);
  al_stream s = fake_new();
  al_exit_request(out, s, &t);
  return s;
}

static void policy(const char *text) {
  al_policy p;
  g_assert(al_policy_parse(text, &p, NULL));
  al_exit_set_policy(out, &p);
}

/* The request must end with this reason. */
static void refused(const char *host, uint16_t p, al_reason why) {
  al_stream s = ask(host, p);
  wait_for(fake_at(s)->was_reset, host);
  tap_ok(fake_at(s)->reset_why == why && !fake_at(s)->accepted, "%s:%u: reason %d, want %d", host,
         p, fake_at(s)->reset_why, why);
}

static int taken(void) {
  int fd = -1;
  wait_for((fd = accept(listener, NULL, NULL)) >= 0, "the target is connected");
  return fd;
}

static void test_good(const char *host) {
  char got[16] = "";
  al_stream s = ask(host, port);
  fake_data(s, "early", 5);
  int fd = taken();
  wait_for(fake_at(s)->accepted, "accepted");
  wait_for(recv(fd, got, sizeof got, MSG_DONTWAIT) == 5 && !memcmp(got, "early", 5), "early bytes");
  tap_ok(send(fd, "answer", 6, 0) == 6, "the target answers");
  wait_for(fake_at(s)->written->len == 6, "the stream has it");
  close(fd);
  wait_for(fake_at(s)->shut, "the target's end is the stream's");
  fake_say(AL_EV_STREAM_FIN, s);
  fake_say(AL_EV_STREAM_CLOSED, s);
  al_exit_inspect(out, &info);
  tap_is_u64(info.open, 0, "gone");
}

static void test_refused(void) {
  uint16_t closed;
  int fd = listen_any(&closed, 1);
  close(fd);
  policy("accept 127.0.0.0/8:*");
  refused("127.0.0.1", closed, AL_REASON_REFUSED);
  g_autofree char *one = g_strdup_printf("accept 127.0.0.1:%u", port);
  policy(one);
  refused("127.0.0.2", port, AL_REASON_POLICY);
  refused("127.0.0.1", closed, AL_REASON_POLICY);
  refused("::ffff:127.0.0.2", port, AL_REASON_POLICY);
  refused("0.0.0.0", port, AL_REASON_POLICY);
  refused("::", port, AL_REASON_POLICY);
  policy("accept *:*");
  refused("127.0.0.1", port, AL_REASON_POLICY);
  refused("10.1.2.3", port, AL_REASON_POLICY);
  refused("localhost", port, AL_REASON_POLICY);
  refused("no-such-host.invalid", 80, AL_REASON_RESOLVE);
  policy("");
  refused("127.0.0.1", port, AL_REASON_POLICY);
  refused("localhost", port, AL_REASON_POLICY);
}

/* A listener whose queue is full does not answer: the time-out has to. */
static void test_silent(void) {
  uint16_t full;
  int fd = listen_any(&full, 0), fill[4];
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(full)};
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < 4; i++) {
    fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)connect(fill[i], (struct sockaddr *)&in, sizeof in);
  }
  policy("accept 127.0.0.0/8:*");
  refused("127.0.0.1", full, AL_REASON_TIMEOUT);
  for (int i = 0; i < 4; i++) close(fill[i]);
  close(fd);
}

static void test_gone(void) {
  policy("accept 127.0.0.0/8:*");
  al_stream s = ask("localhost", port);
  fake_reset(s, AL_REASON_CANCELLED);
  al_exit_inspect(out, &info);
  tap_is_u64(info.open, 0, "the client is gone while its name is looked up");
  settle(50);
  s = ask("127.0.0.1", port);
  fake_reset(s, AL_REASON_CANCELLED);
  settle(20);
  tap_ok(!fake_at(s)->accepted, "the client is gone while it is connected");
  close(taken());
  fake_accept_result = AL_ENOTFOUND;
  s = ask("127.0.0.1", port);
  int fd = taken();
  wait_for(fake_at(s)->was_reset, "a stream that the core does not know any more");
  fake_accept_result = AL_OK;
  close(fd);
  s = ask("127.0.0.1", port);
  fd = taken();
  wait_for(fake_at(s)->accepted, "accepted");
  fake_reset(s, AL_REASON_CIRCUIT);
  char c;
  wait_for(recv(fd, &c, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET, "the target sees a reset");
  close(fd);
  al_exit_stop(out);
  refused("127.0.0.1", port, AL_REASON_SHUTDOWN);
  s = ask("localhost", port);
  al_exit_inspect(out, &info);
  tap_ok(info.open == 0 && info.connected == 4, "nothing is left, %u were connected",
         (unsigned)info.connected);
}

int main(void) {
  al_policy none = {0};
  al_exit_patience patience = {.total_ms = 400, .each_ms = 150};
  poll_set = al_poll_new();
  pipes = al_pipes_new((al_drive *)1, poll_set, 1 << 20);
  out = al_exit_new(pipes, &none, &patience);
  listener = listen_any(&port, 16);
  policy("accept 127.0.0.0/8:*, accept [::1]:*");
  test_good("127.0.0.1");
  test_good("::ffff:127.0.0.1");
  test_good("localhost");
  test_refused();
  test_silent();
  test_gone();
  al_exit_free(out);
  al_pipes_free(pipes);
  al_poll_free(poll_set);
  return tap_done();
}
