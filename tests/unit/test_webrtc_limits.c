/* What strangers, liars and bad networks may do to the port: garbage, floods, forged checks,
 * limits, bad messages, packets out of order, a NAT that forgets. */
#include <arpa/inet.h>
#include <errno.h>
#include <glib-unix.h>
#include <stdlib.h>
#include <unistd.h>

#include "../tap.h"
#include "test_webrtc_rig.h"
#include "webrtc/lite.h"
#include "webrtc/session.h"
#include "webrtc/stun.h"

static rig_node a, b;

static void start_with(rig_node *n, const al_webrtc_config *c, uint8_t seed) {
  al_webrtc_config copy = *c;
  GError *e = NULL;
  memset(n, 0, sizeof *n);
  if (!rig_start(n, &copy, seed, &e)) {
    printf("Bail out! %s\n", e->message);
    exit(1);
  }
}

static al_webrtc_config config(void) {
  al_webrtc_config c;
  al_webrtc_config_init(&c);
  c.bind[0] = "127.0.0.1";
  return c;
}

static void stop(void) {
  al_webrtc_free(a.t);
  al_webrtc_free(b.t);
  a.t = b.t = NULL;
}

static bool at_least(void *p) {
  unsigned **w = p;
  return *w[0] >= *w[1];
}

static bool wait_for(unsigned *what, unsigned n, guint ms) {
  unsigned *w[2] = {what, &n};
  return rig_until(at_least, w, ms);
}

/* A plain UDP socket on loopback, connected to a port. */
static int stranger(uint16_t port) {
  struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (connect(fd, (struct sockaddr *)&to, sizeof to)) abort();
  return fd;
}

static void say(int fd, const void *p, size_t len) {
  if (send(fd, p, len, 0) < 0 && errno != ECONNREFUSED) abort();
}

/* ---- start-up errors ---- */

static void refused(al_webrtc_config *c, const char *why) {
  GError *e = NULL;
  bool ok = !rig_start(&a, c, 1, &e) && e && strstr(e->message, why);
  tap_ok(ok, "refused: %s", e ? e->message : "no error");
  g_clear_error(&e);
}

static void test_errors(void) {
  al_webrtc_config c = config();
  start_with(&b, &c, 2);
  memset(&a, 0, sizeof a);
  c.port = al_webrtc_port(b.t);
  refused(&c, "in use");
  c.port = 0;
  c.bind[0] = "not an address";
  refused(&c, "not an IP address");
  c.bind[0] = "192.0.2.1"; /* not ours */
  refused(&c, "cannot listen");
  c.bind[0] = NULL;
  refused(&c, "no address");
  stop();
}

/* ---- garbage ---- */

static uint32_t lcg(void) {
  static uint32_t x = 12345;
  return x = x * 1664525u + 1013904223u;
}

static void test_garbage(void) {
  al_webrtc_config c = config();
  uint8_t p[1400], check[AL_STUN_MAX];
  int fd[64];
  start_with(&a, &c, 1);
  start_with(&b, &c, 2);
  uint16_t port = al_webrtc_port(b.t);
  for (int i = 0; i < 64; i++) fd[i] = stranger(port);
  al_stun_check k = {.username = "allium:abcdefgh", .key = "AAAAAAAAAAAAAAAAAAAAAAAA"};
  size_t check_len = al_stun_write_check(check, &k);
  for (int i = 0; i < 20000; i++) {
    size_t len = lcg() >> 16;
    len = len % 4 ? len % 200 : len % sizeof p;
    for (size_t j = 0; j < len; j++) p[j] = (uint8_t)(lcg() >> 24);
    if (len && i % 3 == 1) p[0] = (uint8_t)(20 + i % 44); /* looks like DTLS */
    if (len && i % 3 == 2) {                              /* looks like a check */
      len = 1 + lcg() % check_len;
      memcpy(p, check, len);
      if (i % 2) p[lcg() % len] = (uint8_t)i;
    }
    say(fd[i % 64], p, len);
    if (i % 256 == 0) rig_run(1);
  }
  for (int i = 0; i < 100; i++) say(fd[i % 64], check, check_len); /* whole, wrong password */
  rig_run(50);
  al_webrtc_counters n = rig_count(&b);
  tap_ok(n.packets_in > 2000, "a flood of %u datagrams arrived", (unsigned)n.packets_in);
  tap_is_u64(n.sessions, 0, "it made no session");
  tap_is_u64(al_lite_callers(b.t->lite), 0, "nor a caller");
  tap_is_u64(n.checks_answered, 0, "nor an answer to a check");
  tap_ok(n.drop_short && n.drop_source && n.drop_stun && n.drop_password,
         "counted: drop_short %u, drop_source %u, drop_stun %u, drop_password %u",
         (unsigned)n.drop_short, (unsigned)n.drop_source, (unsigned)n.drop_stun,
         (unsigned)n.drop_password);
  tap_ok(n.bytes_out <= n.bytes_in / 10, "hardly a byte came back: %u", (unsigned)n.bytes_out);
  rig_open(&a, 1, &b);
  tap_ok(wait_for(&a.ups, 1, 2000), "a link comes up afterwards");
  for (int i = 0; i < 64; i++) close(fd[i]);
  stop();
}

/* ---- plain STUN ---- */

static unsigned hear(int fd, uint8_t *p, size_t *ret_bytes) {
  unsigned n = 0;
  ssize_t r;
  *ret_bytes = 0;
  while ((r = recv(fd, p, 1500, 0)) > 0) {
    *ret_bytes += (size_t)r;
    n++;
  }
  return n;
}

static void test_stun(void) {
  al_webrtc_config c = config();
  uint8_t p[1500] = {0};
  size_t bytes;
  al_stun_msg m;
  static const uint8_t request[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3};
  start_with(&b, &c, 2);
  int fd = stranger(al_webrtc_port(b.t));
  say(fd, request, sizeof request);
  rig_run(20);
  tap_is_u64(hear(fd, p, &bytes), 0, "a first short request is not answered: it would amplify");
  say(fd, request, sizeof request);
  rig_run(20);
  struct sockaddr_in me = {0};
  socklen_t len = sizeof me;
  getsockname(fd, (struct sockaddr *)&me, &len);
  unsigned got = hear(fd, p, &bytes);
  tap_ok(got == 1 && al_stun_decode(&m, (al_bytes){p, bytes}) && m.has_mapped &&
             m.mapped.port == ntohs(me.sin_port) && memcmp(m.id, request + 8, 12) == 0,
         "its repetition is, with our address");
  for (int i = 0; i < 500; i++) say(fd, request, sizeof request);
  rig_run(50);
  got = hear(fd, p, &bytes);
  tap_ok(got <= 20, "500 requests at once get %u answers", got);
  al_webrtc_counters k = rig_count(&b);
  tap_ok(k.bytes_out + 28 * k.stun_answered < k.bytes_in + 28 * k.packets_in,
         "less went out than came in");
  tap_ok(k.drop_stun_rate > 400, "counted: drop_stun_rate %u", (unsigned)k.drop_stun_rate);
  close(fd);
  stop();
}

/* ---- limits ---- */

static void test_address_limit(void) {
  al_webrtc_config c = config();
  start_with(&a, &c, 1);
  c.sessions_per_loopback = 3;
  start_with(&b, &c, 2);
  for (al_link l = 1; l <= 5; l++) rig_open(&a, l, &b);
  tap_ok(wait_for(&a.downs, 2, 3000) && wait_for(&a.ups, 3, 3000), "3 of 5 links come up");
  unsigned limit = 0;
  for (al_link l = 1; l <= 5; l++) limit += a.link[l].down && a.link[l].why == AL_DOWN_LIMIT;
  tap_is_u64(limit, 2, "two are told LIMIT");
  tap_ok(rig_count(&b).drop_address_limit >= 2, "counted: drop_address_limit");
  al_webrtc_ops()->close(a.t, a.link[1].up ? 1 : 2);
  wait_for(&b.downs, 1, 2000);
  rig_open(&a, 6, &b);
  tap_ok(wait_for(&a.ups, 4, 2000), "a free place is taken again");
  stop();
}

static void test_total_limit(void) {
  al_webrtc_config c = config();
  start_with(&a, &c, 1);
  c.sessions_max = 2;
  start_with(&b, &c, 2);
  rig_open(&a, 1, &b);
  rig_open(&a, 2, &b);
  tap_ok(wait_for(&b.ups, 2, 2000), "two links");
  rig_open(&a, 3, &b);
  tap_ok(wait_for(&a.downs, 1, 2000) && a.link[3].why == AL_DOWN_LIMIT, "a third is one too many");
  tap_ok(rig_count(&b).drop_total_limit >= 1, "counted: drop_total_limit");
  rig_open(&b, 1, &a);
  tap_ok(wait_for(&b.downs, 1, 2000) && b.link[1].why == AL_DOWN_LIMIT, "it dials no third either");
  tap_is_u64(al_webrtc_links(b.t), 2, "two sessions");
  stop();
}

/* Checks with the right password from sources that never speak DTLS. */
static void test_forged(void) {
  al_webrtc_config c = config();
  uint8_t check[AL_STUN_MAX];
  char key[25];
  int fd[100];
  c.handshake_ms = 1000;
  c.cookie_above = 0;
  start_with(&a, &c, 1);
  start_with(&b, &c, 2);
  al_webrtc_password_text(b.t->identity[0].password, key);
  for (int i = 0; i < 100; i++) {
    char name[32];
    snprintf(name, sizeof name, "allium:forged%d", i);
    al_stun_check k = {.username = name, .key = key, .tie_breaker = (uint64_t)i};
    fd[i] = stranger(al_webrtc_port(b.t));
    say(fd[i], check, al_stun_write_check(check, &k));
  }
  rig_run(50);
  tap_is_u64(al_lite_callers(b.t->lite), 100, "100 callers are remembered");
  tap_is_u64(rig_count(&b).sessions, 0, "without a session");
  al_webrtc_counters n = rig_count(&b);
  tap_ok(n.bytes_out <= n.bytes_in, "the answers are no longer than the checks");
  rig_open(&a, 1, &b);
  rig_open(&a, 2, &b);
  tap_ok(wait_for(&a.ups, 2, 2000), "links come up, also by way of a cookie");
  rig_run(2500);
  tap_is_u64(al_lite_callers(b.t->lite), 2, "the silent ones are forgotten");
  uint8_t hello[200] = {22, 0xfe, 0xff};
  for (int i = 0; i < 100; i++) say(fd[i], hello, sizeof hello);
  rig_run(20);
  tap_is_u64(rig_count(&b).sessions, 2, "and may not begin DTLS any more");
  for (int i = 0; i < 100; i++) close(fd[i]);
  stop();
}

/* A check under a new name from the address of a living session: forged, it must not cut the
 * session off; genuine, it succeeds once the old session has been quiet for a while. */
static void test_rival(void) {
  al_webrtc_config c = config();
  uint8_t check[AL_STUN_MAX];
  char key[25];
  start_with(&a, &c, 1);
  start_with(&b, &c, 2);
  al_webrtc_password_text(b.t->identity[0].password, key);
  rig_open(&a, 1, &b);
  tap_ok(wait_for(&b.ups, 1, 2000), "a session on an address");
  al_session *s = g_hash_table_lookup(a.t->links, GUINT_TO_POINTER(1));
  al_stun_check k = {.username = "allium:rival", .key = key, .tie_breaker = 5};
  if (send(s->out.sock_fd, check, al_stun_write_check(check, &k), 0) < 0) abort();
  rig_run(50);
  tap_is_u64(rig_count(&b).drop_rival, 1, "counted: drop_rival");
  tap_ok(b.downs == 0 && al_lite_callers(b.t->lite) == 1, "the session keeps its address");
  s = b.t->sessions;
  s->heard_us -= 6 * G_USEC_PER_SEC; /* six quiet seconds later */
  s = g_hash_table_lookup(a.t->links, GUINT_TO_POINTER(1));
  if (send(s->out.sock_fd, check, al_stun_write_check(check, &k), 0) < 0) abort();
  tap_ok(wait_for(&b.downs, 1, 500), "a quiet one gives way");
  stop();
}

/* ---- bad messages from a linked peer ---- */

static void bad_message(const char *what, const al_sctp_message *m) {
  al_webrtc_config c = config();
  uint8_t p[4] = {1, 2, 3, 4};
  start_with(&a, &c, 1);
  start_with(&b, &c, 2);
  rig_open(&a, 1, &b);
  rig_open(&a, 2, &b);
  tap_ok(wait_for(&a.ups, 2, 2000) && wait_for(&b.ups, 2, 2000), "two links, for %s", what);
  al_session *s = g_hash_table_lookup(a.t->links, GUINT_TO_POINTER(1));
  al_sctp_send(s->sctp, m);
  tap_ok(wait_for(&b.downs, 1, 2000) && wait_for(&a.downs, 1, 2000), "it ends the link");
  unsigned reason = 0;
  for (int i = 0; i < RIG_LINKS; i++)
    if (b.link[i].down) reason = b.link[i].why;
  tap_is_u64(reason, AL_DOWN_PROTOCOL, "for breaking the protocol");
  tap_is_u64(rig_count(&b).bad_frame, 1, "counted: bad_frame");
  rig_send(&a, 2, AL_CHANNEL_BULK, (al_bytes){p, sizeof p});
  rig_run(100);
  uint64_t got = 0;
  for (int i = 0; i < RIG_LINKS; i++) got += b.link[i].rx_count;
  tap_ok(got == 1 && a.downs == 1, "the other link is not touched");
  tap_ok(!rig_violation, "the sink was called by the rules");
  stop();
}

static void test_messages(void) {
  static uint8_t big[20000];
  al_sctp_message m = {.stream = 0, .ppid = 53, .unordered = true, .data = {big, 1121}};
  bad_message("a frame of 1,121 bytes", &m);
  m.data.len = sizeof big;
  bad_message("a message of 20,000 bytes", &m);
  m.data.len = 1;
  m.ppid = 57;
  bad_message("an empty message", &m);
  m.ppid = 51;
  bad_message("a text message", &m);
  m.ppid = 53;
  m.stream = 9;
  bad_message("a channel that is none of ours", &m);
  m.ppid = 50;
  big[0] = 3;
  m.data.len = 12;
  bad_message("opening a channel without our name", &m);
}

/* ---- a network in between ---- */

typedef struct relay {
  int front, back;
  guint in, out;
  struct sockaddr_in client;
  uint16_t server;
  unsigned seen, swap; /* swap: hold the first packet back behind the second */
  uint8_t held[2000];
  ssize_t held_len;
} relay;

static gboolean relay_in(gint fd, GIOCondition cond, gpointer u) {
  relay *r = u;
  uint8_t p[2000];
  socklen_t len = sizeof r->client;
  ssize_t n = recvfrom(fd, p, sizeof p, 0, (struct sockaddr *)&r->client, &len);
  (void)cond;
  if (n < 0) return G_SOURCE_CONTINUE;
  if (r->swap && r->seen++ == 0) {
    memcpy(r->held, p, (size_t)n);
    r->held_len = n;
    return G_SOURCE_CONTINUE;
  }
  say(r->back, p, (size_t)n);
  if (r->held_len) say(r->back, r->held, (size_t)r->held_len);
  r->held_len = 0;
  return G_SOURCE_CONTINUE;
}

static gboolean relay_out(gint fd, GIOCondition cond, gpointer u) {
  relay *r = u;
  uint8_t p[2000];
  ssize_t n = recv(fd, p, sizeof p, 0);
  (void)cond;
  if (n > 0 &&
      sendto(r->front, p, (size_t)n, 0, (struct sockaddr *)&r->client, sizeof r->client) < 0)
    return G_SOURCE_CONTINUE;
  return G_SOURCE_CONTINUE;
}

static void relay_rebind(relay *r) {
  if (r->out) {
    g_source_remove(r->out);
    close(r->back);
  }
  r->back = stranger(r->server);
  r->out = g_unix_fd_add(r->back, G_IO_IN, relay_out, r);
}

static uint16_t relay_start(relay *r, uint16_t server) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof at;
  r->server = server;
  r->front = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (bind(r->front, (struct sockaddr *)&at, sizeof at) ||
      getsockname(r->front, (struct sockaddr *)&at, &len))
    abort();
  r->in = g_unix_fd_add(r->front, G_IO_IN, relay_in, r);
  relay_rebind(r);
  return ntohs(at.sin_port);
}

static void relay_stop(relay *r) {
  g_source_remove(r->in);
  g_source_remove(r->out);
  close(r->front);
  close(r->back);
}

static void open_through(uint16_t port, al_link link) {
  uint8_t record[AL_WEBRTC_ADDRESS_MAX];
  size_t len = al_webrtc_address(b.t, "127.0.0.1", record);
  record[6] = (uint8_t)port;
  record[7] = (uint8_t)(port >> 8);
  rig_open_record(&a, link, (al_bytes){record, len});
}

/* Five attempts, because a busy machine may be slow; a repetition would come after 100 ms. */
static void test_overtaken(void) {
  al_webrtc_config c = config();
  int best = 1000;
  for (int i = 0; i < 5; i++) {
    relay r = {.swap = 1};
    start_with(&a, &c, 1);
    start_with(&b, &c, 2);
    open_through(relay_start(&r, al_webrtc_port(b.t)), 1);
    if (wait_for(&a.ups, 1, 2000))
      best = MIN(best, (int)((a.link[1].up_us - a.link[1].opened_us) / 1000));
    relay_stop(&r);
    stop();
  }
  tap_ok(best < 80, "a link whose hello overtook its check is up at once: %d ms", best);
}

static void test_rebinding(void) {
  al_webrtc_config c = config();
  relay r = {0};
  uint8_t p[10] = {1};
  start_with(&a, &c, 1);
  start_with(&b, &c, 2);
  open_through(relay_start(&r, al_webrtc_port(b.t)), 1);
  tap_ok(wait_for(&b.ups, 1, 2000), "a link through a NAT");
  relay_rebind(&r); /* the NAT forgets its mapping and makes another */
  rig_send(&a, 1, AL_CHANNEL_BULK, (al_bytes){p, sizeof p});
  rig_run(4500);
  tap_is_u64(rig_count(&b).moves, 1, "the session follows its peer to the new address");
  tap_is_u64(b.link[RIG_LINKS / 2].rx_count, 1, "what was sent meanwhile arrives");
  rig_send(&b, RIG_LINKS / 2, AL_CHANNEL_BULK, (al_bytes){p, sizeof p});
  rig_run(100);
  tap_is_u64(a.link[1].rx_count, 1, "the way back works too");
  tap_is_u64(a.downs + b.downs, 0, "the link lived through it");
  relay_stop(&r);
  stop();
}

/* The default socket takes both families; full frames fit the path of either. */
static void test_families(void) {
  static const char *const ips[] = {"127.0.0.1", "::1"};
  static uint8_t p[AL_FRAME_BYTES];
  uint8_t record[AL_WEBRTC_ADDRESS_MAX];
  al_webrtc_config c;
  al_webrtc_config_init(&c);
  start_with(&a, &c, 1);
  start_with(&b, &c, 2);
  for (al_link l = 1; l <= 2; l++) {
    size_t len = al_webrtc_address(b.t, ips[l - 1], record);
    rig_open_record(&a, l, (al_bytes){record, len});
    tap_ok(wait_for(&a.ups, l, 2000), "a link to %s", ips[l - 1]);
    uint64_t packets = rig_count(&a).packets_out;
    for (int i = 0; i < 20; i++) rig_send(&a, l, AL_CHANNEL_BULK, (al_bytes){p, sizeof p});
    rig_run(100);
    tap_is_u64(b.link[RIG_LINKS / 2 + l - 1].rx_count, 20, "full frames arrive");
    packets = rig_count(&a).packets_out - packets;
    tap_ok(packets < 30, "one datagram a frame: %u", (unsigned)packets);
  }
  stop();
}

/* The other side vanishes without a word: first its network, then nothing but silence. */
static void test_silence(void) {
  al_webrtc_config c = config();
  relay r = {0};
  c.silence_ms = 1500;
  start_with(&a, &c, 1);
  start_with(&b, &c, 2);
  open_through(relay_start(&r, al_webrtc_port(b.t)), 1);
  tap_ok(wait_for(&b.ups, 1, 2000), "a link to lose");
  rig_run(3000);
  tap_is_u64(a.downs + b.downs, 0, "idle, it outlives twice the time of silence");
  relay_stop(&r);
  gint64 t0 = g_get_monotonic_time();
  tap_ok(wait_for(&a.downs, 1, 4000) && a.link[1].why == AL_DOWN_TIMEOUT,
         "cut off, it goes down as TIMEOUT");
  int ms = (int)((g_get_monotonic_time() - t0) / 1000);
  tap_ok(ms >= 200, "not at once: after %d ms", ms); /* less what it was silent already */
  tap_ok(wait_for(&b.downs, 1, 2000) && b.link[RIG_LINKS / 2].why == AL_DOWN_TIMEOUT,
         "on both sides");
  stop();
}

int main(void) {
  test_errors();
  test_garbage();
  test_stun();
  test_address_limit();
  test_total_limit();
  test_forged();
  test_rival();
  test_messages();
  test_overtaken();
  test_rebinding();
  test_silence();
  test_families();
  return tap_done();
}
