/* The SOCKS server on real sockets: replies, limits, time-outs, hang-ups. */
#include "daemon/socks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/error.h"
#include "daemon_core.h"
#include "tap.h"

#define LITERAL(s) (s), sizeof(s) - 1
#define CONNECT_80 "\5\1\0\5\1\0\1\x0a\0\0\1\0\x50"

static al_poll *poll_set;
static al_pipes *pipes;
static al_socks *server;
static al_socks_info info;

static void fake_event(const al_event *ev) { al_pipes_event(pipes, ev); }

static al_socks *serve(const char *where, uint32_t max, GError **err) {
  char *const places[] = {(char *)where, NULL};
  al_socks_limits limits = {.connections_max = max, .handshake_ms = 300, .open_ms = 200};
  return al_socks_new(places, &limits, pipes, err);
}

/* The port it got. */
static uint16_t port_of(const al_socks *s) {
  g_auto(GStrv) at = al_socks_places(s);
  return (uint16_t)atoi(strrchr(at[0], ':') + 1);
}

static int dial_port(uint16_t port) {
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, (struct sockaddr *)&in, sizeof in) == 0) return fd;
  close(fd);
  return -1;
}

static int dial(void) { return dial_port(port_of(server)); }

static bool say(int fd, const void *bytes, size_t len) {
  return send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* What arrives until `len` bytes or the end; runs the loop meanwhile. -1: reset. */
static ssize_t hear(int fd, uint8_t *out, size_t len) {
  size_t got = 0;
  gint64 end = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
  while (got < len && g_get_monotonic_time() < end) {
    g_main_context_iteration(NULL, FALSE);
    ssize_t n = recv(fd, out + got, len - got, MSG_DONTWAIT);
    if (n == 0) break;
    if (n > 0)
      got += (size_t)n;
    else if (errno != EAGAIN)
      return -1;
  }
  return (ssize_t)got;
}

static bool hears(int fd, const void *want, size_t len) {
  uint8_t got[64];
  return hear(fd, got, len) == (ssize_t)len && !memcmp(got, want, len);
}

static bool hears_end(int fd) {
  uint8_t c;
  return hear(fd, &c, 1) == 0;
}

static void test_connect(void) {
  int fd = dial();
  uint32_t before = fake_count;
  say(fd, LITERAL(CONNECT_80 "early"));
  tap_ok(hears(fd, LITERAL("\5\0")), "no login wanted");
  wait_for(fake_count == before + 1, "a stream is asked for");
  al_stream s = fake_count;
  tap_ok(fake_at(s)->target.port == 80 && fake_at(s)->target.host[0] == 10, "to the target");
  wait_for(fake_at(s)->written->len == 5, "early bytes go along");
  fake_say(AL_EV_STREAM_OPEN, s);
  tap_ok(hears(fd, LITERAL("\5\0\0\1\0\0\0\0\0\0")), "connected");
  fake_data(s, "hello", 5);
  tap_ok(hears(fd, LITERAL("hello")), "data");
  shutdown(fd, SHUT_WR);
  wait_for(fake_at(s)->shut, "half-close by the application");
  fake_say(AL_EV_STREAM_FIN, s);
  fake_say(AL_EV_STREAM_CLOSED, s);
  tap_ok(hears_end(fd), "and by the far end");
  al_socks_inspect(server, &info);
  tap_ok(info.open == 0 && info.connected == 1, "gone");
  close(fd);
}

/* Every reason of the core has its reply, and the client can read it although it went on sending.
 */
static void test_reasons(void) {
  static const struct {
    al_reason why;
    uint8_t reply;
  } table[] = {
      {AL_REASON_POLICY, 2},  {AL_REASON_NET_UNREACHABLE, 3}, {AL_REASON_HOST_UNREACHABLE, 4},
      {AL_REASON_REFUSED, 5}, {AL_REASON_RESOLVE, 4},         {AL_REASON_TIMEOUT, 6},
      {AL_REASON_NO_EXIT, 2}, {AL_REASON_NO_PATH, 1},         {AL_REASON_DONE, 1}};
  static const char noise[100000];
  for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
    int fd = dial();
    uint32_t before = fake_count;
    uint8_t want[] = {5, 0, 5, table[i].reply, 0, 1, 0, 0, 0, 0, 0, 0};
    say(fd, LITERAL(CONNECT_80));
    wait_for(fake_count == before + 1, "asked");
    say(fd, noise, sizeof noise);
    fake_reset(fake_count, table[i].why);
    say(fd, noise, sizeof noise);
    gint64 from = g_get_monotonic_time();
    tap_ok(hears(fd, want, sizeof want) && hears_end(fd), "reason %d is reply %d, then the end",
           table[i].why, table[i].reply);
    bool calm = say(fd, "x", 1) && (settle(2), say(fd, "x", 1)) && (settle(2), say(fd, "x", 1));
    tap_ok(calm && g_get_monotonic_time() - from < G_USEC_PER_SEC, "at once, and no reset");
    close(fd);
  }
  settle(20);
  fake_open_result = AL_EFULL;
  int fd = dial();
  say(fd, LITERAL(CONNECT_80));
  tap_ok(hears(fd, LITERAL("\5\0\5\1\0\1\0\0\0\0\0\0")), "no room for a stream: failure");
  fake_open_result = AL_OK;
  close(fd);
}

static void test_lost(void) {
  int fd = dial();
  uint32_t before = fake_count;
  uint8_t c;
  say(fd, LITERAL(CONNECT_80));
  wait_for(fake_count == before + 1, "asked");
  al_stream s = fake_count;
  fake_say(AL_EV_STREAM_OPEN, s);
  tap_ok(hears(fd, LITERAL("\5\0\5\0\0\1\0\0\0\0\0\0")), "connected");
  fake_reset(s, AL_REASON_CIRCUIT);
  tap_ok(hear(fd, &c, 1) == -1, "a lost circuit is a reset connection, not an end");
  close(fd);
  fd = dial();
  say(fd, LITERAL(CONNECT_80));
  wait_for(fake_count == before + 2, "asked");
  s = fake_count;
  wait_for(fake_at(s)->was_reset, "the far end is silent: given up");
  tap_ok(fake_at(s)->reset_why == AL_REASON_TIMEOUT, "with the reason");
  tap_ok(hears(fd, LITERAL("\5\0\5\6\0\1\0\0\0\0\0\0")), "reply 6");
  close(fd);
}

static void test_bad_clients(void) {
  int fd = dial(), slow = dial(), mute = dial();
  say(fd, LITERAL("GET / HTTP/1.0\r\n\r\n"));
  tap_ok(hear(fd, (uint8_t[1]){0}, 1) <= 0, "HTTP is hung up on");
  close(fd);
  fd = dial();
  say(fd, LITERAL("\5\1\0\5\2\0\1\1\2\3\4\0\x50"));
  tap_ok(hears(fd, LITERAL("\5\0\5\7\0\1\0\0\0\0\0\0")) && hears_end(fd), "BIND is reply 7");
  close(fd);
  gint64 end = g_get_monotonic_time() + 400 * 1000;
  while (g_get_monotonic_time() < end) {
    say(slow, "\5", 1);
    settle(50);
  }
  al_socks_inspect(server, &info);
  tap_ok(info.timed_out >= 1, "a silent client is hung up on after the time for a handshake");
  tap_ok(hear(mute, (uint8_t[1]){0}, 1) <= 0, "it notices");
  close(slow);
  close(mute);
  fd = dial();
  say(fd, LITERAL("\5\1\0\5"));
  settle(20);
  close(fd);
  settle(50);
  al_socks_inspect(server, &info);
  tap_is_u64(info.open, 0, "a client that leaves in the middle leaves nothing behind");
}

static void test_limit(void) {
  int fd[4];
  al_socks *s = serve("127.0.0.1:0", 2, NULL), *old = server;
  server = s;
  for (int i = 0; i < 4; i++) fd[i] = dial();
  settle(20);
  al_socks_inspect(s, &info);
  tap_ok(info.open == 2 && info.over_limit == 2, "two are served, two are sent away");
  for (int i = 0; i < 4; i++) close(fd[i]);
  settle(20);
  fd[0] = dial();
  say(fd[0], LITERAL("\5\1\0"));
  tap_ok(hears(fd[0], LITERAL("\5\0")), "there is room again");
  uint16_t port = port_of(s);
  al_socks_stop(s);
  tap_ok(dial_port(port) == -1, "stopped: nobody listens");
  al_socks_free(s);
  server = old;
  close(fd[0]);
}

static void test_places(void) {
  GError *err = NULL;
  g_autofree char *used = g_strdup_printf("127.0.0.1:%u", port_of(server));
  tap_ok(!serve(used, 1, &err) && al_error_status(err) == AL_EXIT_LISTEN &&
             strstr(err->message, "in use"),
         "port in use: %s", err ? err->message : "no error");
  g_clear_error(&err);
  g_autofree char *path = g_strdup_printf("/tmp/allium-socks-%d.sock", getpid());
  g_autofree char *text = g_strconcat("unix:", path, NULL);
  al_socks *s = serve(text, 9, &err);
  struct stat st;
  tap_ok(s && stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "a Unix socket of mode 0600");
  tap_ok(!serve(text, 9, &err) && strstr(err->message, "another program"), "taken");
  g_clear_error(&err);
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  g_strlcpy(un.sun_path, path, sizeof un.sun_path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  tap_ok(connect(fd, (struct sockaddr *)&un, sizeof un) == 0 && say(fd, LITERAL("\5\1\0")) &&
             hears(fd, LITERAL("\5\0")),
         "it answers");
  close(fd);
  al_socks_free(s);
  tap_ok(stat(path, &st) != 0, "removed at the end");
  fd = socket(AF_UNIX, SOCK_STREAM, 0);
  tap_ok(bind(fd, (struct sockaddr *)&un, sizeof un) == 0, "a socket left by a crash");
  close(fd);
  s = serve(text, 9, &err);
  tap_ok(s, "is replaced");
  al_socks_free(s);
  g_file_set_contents(path, "a file", -1, NULL);
  tap_ok(!serve(text, 9, &err), "a file in its place is left alone");
  g_clear_error(&err);
  tap_ok(g_file_test(path, G_FILE_TEST_IS_REGULAR), "still there");
  unlink(path);
  s = serve("off", 9, &err);
  tap_ok(s, "off is fine");
  al_socks_free(s);
}

/* 200 at once, each with its own bytes. */
static void test_many(void) {
  enum { N = 200 };
  int fd[N];
  uint32_t before = fake_count;
  char text[16];
  for (int i = 0; i < N; i++) {
    fd[i] = dial();
    say(fd[i], LITERAL(CONNECT_80));
  }
  wait_for(fake_count == before + N, "200 streams");
  for (uint32_t s = before + 1; s <= fake_count; s++) {
    fake_say(AL_EV_STREAM_OPEN, s);
    g_snprintf(text, sizeof text, "%08u", s);
    fake_data(s, text, 8);
  }
  int good = 0;
  bool seen[N] = {false};
  for (int i = 0; i < N; i++) {
    uint8_t got[21] = {0};
    if (hear(fd[i], got, 20) != 20) continue;
    uint32_t s = (uint32_t)atoi((char *)got + 12) - before - 1;
    if (s < N && !seen[s]) good++, seen[s] = true;
    close(fd[i]);
  }
  tap_is_u64(good, N, "each got its own bytes");
  for (uint32_t s = before + 1; s <= fake_count; s++) fake_reset(s, AL_REASON_DONE);
  al_socks_inspect(server, &info);
  tap_is_u64(info.open, 0, "none is left");
}

int main(void) {
  signal(SIGPIPE, SIG_DFL);
  poll_set = al_poll_new();
  pipes = al_pipes_new((al_drive *)1, poll_set, 1 << 20);
  server = serve("127.0.0.1:0", 1024, NULL);
  test_connect();
  test_reasons();
  test_lost();
  test_bad_clients();
  test_limit();
  test_places();
  test_many();
  al_socks_free(server);
  al_pipes_free(pipes);
  al_poll_free(poll_set);
  return tap_done();
}
