/* dial.c — see dial.h. */
#include "dial.h"

#include <openssl/rand.h>
#include <string.h>

#include "stun.h"

enum {
  UFRAG_BYTES = 9,         /* 12 characters of our own name */
  FIRST_WAIT_PRIVATE = 50, /* ms before the check is repeated, doubling */
  FIRST_WAIT = 100,
  WAIT_MAX = 1600,
  SILENT_US = 2000 * 1000,    /* spoke and heard nothing for so long: look whether the path moved */
  REOPEN_AFTER = 2,           /* unanswered checks before the socket is connected anew */
  HOST_PRIORITY = 0x6e0001ff, /* RFC 8445 5.1.2: type preference of a peer-reflexive candidate */
};

typedef struct dial {
  al_session *s;
  al_udp_sock *sock;
  al_udp_addr to;
  char name[sizeof AL_WEBRTC_UFRAG + 1 + 12];
  char key[25];
  uint64_t tie_breaker;
  uint8_t id[12], request[AL_STUN_MAX];
  size_t request_len;
  guint timer, wait_ms;
  bool answered;
  unsigned unanswered;
} dial;

static void random_fill(void *p, size_t len) {
  if (RAND_bytes(p, (int)len) != 1) g_error("the system has no random bytes");
}

static void write_check(dial *d) {
  al_stun_check c = {
      .username = d->name, .key = d->key, .priority = HOST_PRIORITY, .tie_breaker = d->tie_breaker};
  random_fill(d->id, sizeof d->id);
  memcpy(c.id, d->id, sizeof c.id);
  d->request_len = al_stun_write_check(d->request, &c);
}

static void send_check(dial *d) {
  al_udp_send_now(d->sock, NULL, (al_bytes){d->request, d->request_len});
}

static gboolean on_timer(gpointer u) {
  dial *d = u;
  d->wait_ms = MIN(d->wait_ms * 2, (guint)WAIT_MAX);
  d->timer = g_timeout_add(d->wait_ms, on_timer, d);
  send_check(d);
  return G_SOURCE_REMOVE;
}

static void stop_timer(dial *d) {
  if (d->timer) g_source_remove(d->timer);
  d->timer = 0;
}

static void on_answer(dial *d, al_bytes datagram) {
  al_stun_msg m;
  al_webrtc_counters *count = &d->s->t->count;
  if (!al_stun_decode(&m, datagram) || (m.kind != AL_STUN_SUCCESS && m.kind != AL_STUN_ERROR) ||
      memcmp(m.id, d->id, sizeof d->id) != 0) {
    count->drop_stun++;
    return;
  }
  if (!al_stun_verify(&m, d->key)) {
    count->drop_password++;
    return;
  }
  if (m.kind == AL_STUN_SUCCESS) {
    d->answered = true;
    d->unanswered = 0;
    stop_timer(d);
  } else if (!d->s->up) {
    stop_timer(d);
    al_session_end(d->s, m.error == AL_STUN_QUOTA ? AL_DOWN_LIMIT : AL_DOWN_PROTOCOL);
  }
}

static void on_datagram(void *ctx, al_udp_sock *sock, const al_udp_addr *from, al_bytes datagram) {
  dial *d = ctx;
  (void)sock;
  (void)from; /* the socket is connected: the kernel lets nobody else in */
  if (datagram.len && datagram.ptr[0] < 4)
    on_answer(d, datagram);
  else if (datagram.len && datagram.ptr[0] >= 20 && datagram.ptr[0] <= 63)
    al_session_input(d->s, datagram);
  else
    d->s->t->count.drop_short++;
}

/* ICMP says nobody is there. It can be forged, so it ends only what never came up. */
static void on_failed(void *ctx, int error) {
  dial *d = ctx;
  (void)error;
  if (!d->s->up) al_session_end(d->s, AL_DOWN_TIMEOUT);
}

static void on_tick(void *self, gint64 now_us) {
  dial *d = self;
  al_session *s = d->s;
  if (now_us - s->heard_us < SILENT_US || s->sent_us <= s->heard_us || d->timer) return;
  if (d->unanswered++ >= REOPEN_AFTER)
    al_udp_connect(d->sock, &d->to); /* routes may have changed */
  write_check(d);
  send_check(d);
}

static void dial_free(void *self) {
  dial *d = self;
  stop_timer(d);
  al_udp_close(d->sock);
  g_free(d);
}

static al_udp_sock *open_socket(al_session *s, const al_udp_addr *to) {
  al_udp_addr any;
  al_udp_addr_parse(&any, al_udp_addr_is_v4(to) ? "0.0.0.0" : "::", 0);
  al_udp_sock *sock = al_udp_open(s->t->hub, &any, false);
  if (sock && al_udp_connect(sock, to)) {
    al_udp_close(sock);
    return NULL;
  }
  return sock;
}

bool al_dial_start(al_session *s, const al_rtc_address *a) {
  uint8_t own[UFRAG_BYTES];
  al_udp_sock *sock = open_socket(s, &a->at);
  if (!sock) {
    al_session_end(s, AL_DOWN_TIMEOUT);
    return false;
  }
  dial *d = g_new0(dial, 1);
  d->s = s;
  d->to = a->at;
  d->sock = sock;
  sock->rx = on_datagram;
  sock->failed = on_failed;
  sock->ctx = d;
  s->carrier = (al_carrier){.self = d, .free = dial_free, .tick = on_tick};
  random_fill(own, sizeof own);
  random_fill(&d->tie_breaker, sizeof d->tie_breaker);
  gchar *text = g_base64_encode(own, sizeof own);
  g_snprintf(d->name, sizeof d->name, "%s:%s", AL_WEBRTC_UFRAG, text);
  g_free(text);
  al_webrtc_password_text(a->password, d->key);
  d->wait_ms = al_udp_addr_is_private(&a->at) ? FIRST_WAIT_PRIVATE : FIRST_WAIT;
  d->timer = g_timeout_add(d->wait_ms, on_timer, d);
  al_outbox_aim(&s->out, sock->fd, NULL, 0);
  write_check(d);
  send_check(d);
  al_session_path(s);
  return true;
}
