/* lite.c — see lite.h. What an unproven source can make us keep: nothing without our password; with
 * it (it stands in a public record) one small entry of a bounded table. A DTLS session is made for
 * a source that passed a check and then speaks DTLS; above a number of half-open ones it must also
 * return a cookie, so a forged source costs neither memory for long nor traffic to a third party.
 */
#include "lite.h"

#include <errno.h>
#include <openssl/rand.h>
#include <string.h>

#include "session.h"
#include "stun.h"

enum {
  NAME_MAX_BYTES = 64,
  PENDING_MAX = 1024, /* callers that passed a check and have no session yet */
  EARLY = 4,          /* hellos that overtook their check, all sources together */
  EARLY_US = 1000 * 1000,
  RIVAL_US = 5000 * 1000, /* a session heard within that time keeps its address */
  BUDGET_SLOTS = 1024,
  BUDGET_RATE = 10,    /* plain answers a second and slot ... */
  BUDGET_TOTAL = 1000, /* ... and in all */
  IP_UDP_BYTES = 28,
};

/* One caller: a source that passed a check. Its key is its user name and tie-breaker: 24 bits of a
 * browser's name alone could be guessed, and who has the key moves the session. */
typedef struct caller {
  char name[NAME_MAX_BYTES + 1];
  uint64_t tie_breaker;
  al_udp_addr from;
  al_lite *lite;
  al_udp_sock *sock;
  al_session *session;
  unsigned identity;
  gint64 seen_us;
  bool queued;   /* in lite->pending: no session yet */
  GList pending; /* its link there */
} caller;

typedef struct early {
  al_udp_addr from;
  gint64 at_us;
  size_t len;
  uint8_t data[AL_UDP_DATAGRAM_MAX];
} early;

/* What a source sent and got in plain binding requests: we never send more than we received. */
typedef struct budget {
  uint64_t key;
  uint32_t bytes;
  uint16_t answers;
  uint32_t second;
} budget;

struct al_lite {
  al_transport *t;
  al_udp_sock *sock[AL_WEBRTC_BIND_MAX];
  unsigned socks;
  GHashTable *by_addr, *by_name; /* al_udp_addr, caller key -> caller */
  GHashTable *per_address;       /* key64 -> number of callers */
  GQueue pending;
  early hello[EARLY];
  unsigned hello_next;
  budget plain[BUDGET_SLOTS];
  uint32_t plain_second, plain_answers;
  uint64_t budget_salt;
};

/* ---- the table ---- */

static guint name_hash(gconstpointer k) {
  const caller *c = k;
  return g_str_hash(c->name) ^ (guint)c->tie_breaker ^ (guint)(c->tie_breaker >> 32);
}

static gboolean name_equal(gconstpointer x, gconstpointer y) {
  const caller *a = x, *b = y;
  return a->tie_breaker == b->tie_breaker && strcmp(a->name, b->name) == 0;
}

static guint u64_hash(gconstpointer k) { return g_int64_hash(k); }

static uint32_t count_at(al_lite *l, uint64_t key) {
  return GPOINTER_TO_UINT(g_hash_table_lookup(l->per_address, &key));
}

static void count_add(al_lite *l, const al_udp_addr *a, int delta) {
  uint64_t key = al_udp_addr_key64(a);
  guint n = (guint)((int)count_at(l, key) + delta);
  if (n)
    g_hash_table_insert(l->per_address, g_memdup2(&key, sizeof key), GUINT_TO_POINTER(n));
  else
    g_hash_table_remove(l->per_address, &key);
}

static void caller_free(void *p) {
  caller *c = p;
  al_lite *l = c->lite;
  if (c->queued) g_queue_unlink(&l->pending, &c->pending);
  if (g_hash_table_lookup(l->by_addr, &c->from) == c) g_hash_table_remove(l->by_addr, &c->from);
  g_hash_table_remove(l->by_name, c);
  count_add(l, &c->from, -1);
  g_free(c);
}

/* The address belongs to a session that is alive: a new name on it would cut that session off. */
static bool is_held(const caller *c, gint64 now) {
  return c->session && !c->session->dead && now - c->session->heard_us < RIVAL_US;
}

static void evict(caller *c) {
  if (!c->session) {
    caller_free(c);
    return;
  }
  g_hash_table_remove(c->lite->by_addr, &c->from);
  al_session_end(c->session, AL_DOWN_PEER);
}

static caller *caller_new(al_lite *l, const caller *key, const al_udp_addr *from) {
  if (l->pending.length >= PENDING_MAX) caller_free(g_queue_peek_head(&l->pending));
  caller *c = g_memdup2(key, sizeof *key);
  c->lite = l;
  c->from = *from;
  c->pending.data = c;
  g_queue_push_tail_link(&l->pending, &c->pending);
  c->queued = true;
  g_hash_table_insert(l->by_addr, &c->from, c);
  g_hash_table_insert(l->by_name, c, c);
  count_add(l, from, 1);
  return c;
}

/* ---- DTLS of known sources ---- */

static void session_start(caller *c) {
  static const al_carrier carrier = {.free = caller_free};
  al_transport *t = c->lite->t;
  struct sockaddr_storage to;
  socklen_t len = al_udp_addr_sockaddr(&c->from, c->sock->v6, &to);
  al_session *s = al_session_new(t, false, !al_udp_addr_is_v4(&c->from));
  g_queue_unlink(&c->lite->pending, &c->pending);
  c->queued = false;
  c->session = s;
  s->carrier = carrier;
  s->carrier.self = c;
  al_outbox_aim(&s->out, c->sock->fd, &to, len);
  al_session_begin(s, c->identity, NULL, t->half_open > t->cfg.cookie_above);
  al_session_path(s);
}

static void on_dtls(caller *c, al_bytes d) {
  al_transport *t = c->lite->t;
  if (!c->session) {
    if (d.ptr[0] != 22) { /* a handshake begins with handshake records */
      t->count.drop_source++;
      return;
    }
    if (t->draining || t->session_count >= t->cfg.sessions_max ||
        t->half_open >= t->cfg.half_open_max) {
      t->count.drop_total_limit++;
      return;
    }
    session_start(c);
  }
  al_session_input(c->session, d);
}

static void hold_early(al_lite *l, const al_udp_addr *from, al_bytes d) {
  if (d.ptr[0] != 22 || d.len > sizeof l->hello[0].data) {
    l->t->count.drop_source++;
    return;
  }
  early *e = &l->hello[l->hello_next++ % EARLY];
  if (e->len) l->t->count.drop_source++; /* the one that is overwritten */
  e->from = *from;
  e->at_us = l->t->now_us;
  e->len = d.len;
  memcpy(e->data, d.ptr, d.len);
}

static void replay_early(caller *c) {
  al_lite *l = c->lite;
  for (unsigned i = 0; i < EARLY; i++) {
    early *e = &l->hello[i];
    if (!e->len || !al_udp_addr_equal(&e->from, &c->from)) continue;
    size_t len = e->len;
    e->len = 0;
    if (l->t->now_us - e->at_us < EARLY_US) on_dtls(c, (al_bytes){e->data, len});
  }
}

/* ---- checks ---- */

/* A check as it arrived. */
typedef struct arrival {
  al_udp_sock *sock;
  const al_udp_addr *from;
  const al_stun_msg *m;
  unsigned identity; /* whose password it carries */
} arrival;

static void answer(al_lite *l, const arrival *a, int error) {
  uint8_t out[AL_STUN_MAX];
  const char *key = l->t->identity[a->identity].key;
  size_t len = error ? al_stun_write_error(out, a->m->id, error, key)
                     : al_stun_write_success(out, a->m->id, a->from, key);
  l->t->count.checks_answered++;
  al_udp_send_now(a->sock, a->from, (al_bytes){out, len});
}

static bool below_limits(al_lite *l, const al_udp_addr *from) {
  al_transport *t = l->t;
  uint32_t max =
      al_udp_addr_is_loopback(from) ? t->cfg.sessions_per_loopback : t->cfg.sessions_per_address;
  if (t->draining || t->session_count >= t->cfg.sessions_max) {
    t->count.drop_total_limit++;
    return false;
  }
  if (count_at(l, al_udp_addr_key64(from)) >= max) {
    t->count.drop_address_limit++;
    return false;
  }
  return true;
}

/* A nominated check from elsewhere: the peer's NAT gave it a new address. The newest wins. */
static bool move(caller *c, al_udp_sock *sock, const al_udp_addr *from) {
  al_lite *l = c->lite;
  caller *other = g_hash_table_lookup(l->by_addr, from);
  struct sockaddr_storage to;
  if (other && is_held(other, l->t->now_us)) {
    l->t->count.drop_rival++;
    return false;
  }
  if (other) evict(other);
  if (g_hash_table_lookup(l->by_addr, &c->from) == c) g_hash_table_remove(l->by_addr, &c->from);
  count_add(l, &c->from, -1);
  count_add(l, from, 1);
  c->from = *from;
  c->sock = sock;
  g_hash_table_insert(l->by_addr, &c->from, c);
  l->t->count.moves++;
  if (c->session) {
    socklen_t len = al_udp_addr_sockaddr(from, sock->v6, &to);
    al_outbox_aim(&c->session->out, sock->fd, &to, len);
  }
  return true;
}

static void on_known(caller *c, const arrival *a) {
  bool elsewhere = !al_udp_addr_equal(&c->from, a->from);
  c->seen_us = c->lite->t->now_us;
  if (elsewhere && a->m->use_candidate && !move(c, a->sock, a->from)) return;
  answer(c->lite, a, 0);
}

static void on_check(al_lite *l, const arrival *a) {
  const al_stun_msg *m = a->m;
  caller key = {.tie_breaker = m->tie_breaker,
                .sock = a->sock,
                .identity = a->identity,
                .seen_us = l->t->now_us};
  if (m->controlled) {
    answer(l, a, AL_STUN_ROLE_CONFLICT);
    return;
  }
  if (m->username.ptr) memcpy(key.name, m->username.ptr, MIN(m->username.len, NAME_MAX_BYTES));
  caller *c = g_hash_table_lookup(l->by_name, &key);
  if (c) {
    on_known(c, a);
    return;
  }
  caller *other = g_hash_table_lookup(l->by_addr, a->from);
  if (other && is_held(other, l->t->now_us)) {
    l->t->count.drop_rival++;
    return;
  }
  if (other) evict(other);
  if (!below_limits(l, a->from)) {
    answer(l, a, AL_STUN_QUOTA);
    return;
  }
  c = caller_new(l, &key, a->from);
  answer(l, a, 0);
  replay_early(c);
}

/* Which of our identities the check is for: its password tells. -1: none. */
static int identity_of(al_lite *l, const al_stun_msg *m) {
  const size_t prefix = strlen(AL_WEBRTC_UFRAG);
  al_bytes u = m->username;
  if (!u.ptr || u.len < prefix + 2 || u.len > NAME_MAX_BYTES || memchr(u.ptr, 0, u.len) ||
      memcmp(u.ptr, AL_WEBRTC_UFRAG, prefix) != 0 || u.ptr[prefix] != ':')
    return -1;
  for (int i = 0; i < 2; i++)
    if (l->t->identity[i].present && al_stun_verify(m, l->t->identity[i].key)) return i;
  return -1;
}

/* A plain binding request: anybody may ask what its address looks like from here. */
static void on_plain(al_lite *l, al_udp_sock *sock, const al_udp_addr *from, const al_stun_msg *m) {
  uint8_t out[AL_STUN_MAX];
  size_t len = al_stun_write_success(out, m->id, from, NULL);
  uint64_t key = al_udp_addr_key64(from);
  budget *b = &l->plain[((key ^ l->budget_salt) * 0x9e3779b97f4a7c15u >> 32) % BUDGET_SLOTS];
  uint32_t second = (uint32_t)(l->t->now_us / 1000000);
  if (b->key != key || second - b->second > 60) *b = (budget){.key = key, .second = second};
  if (b->second != second) {
    b->second = second;
    b->answers = 0;
  }
  if (l->plain_second != second) {
    l->plain_second = second;
    l->plain_answers = 0;
  }
  b->bytes = MIN(b->bytes + (uint32_t)m->raw.len + IP_UDP_BYTES, 4096u);
  if (b->bytes < len + IP_UDP_BYTES || b->answers >= BUDGET_RATE ||
      l->plain_answers >= BUDGET_TOTAL) {
    l->t->count.drop_stun_rate++;
    return;
  }
  b->bytes -= (uint32_t)len + IP_UDP_BYTES;
  b->answers++;
  l->plain_answers++;
  l->t->count.stun_answered++;
  al_udp_send_now(sock, from, (al_bytes){out, len});
}

static void on_stun(al_lite *l, al_udp_sock *sock, const al_udp_addr *from, al_bytes d) {
  al_stun_msg m;
  if (!al_stun_decode(&m, d) || m.unknown_required ||
      (m.kind != AL_STUN_REQUEST && m.kind != AL_STUN_INDICATION)) {
    l->t->count.drop_stun++;
    return;
  }
  if (m.kind == AL_STUN_INDICATION) return; /* a keep-alive */
  if (!m.username.ptr && !m.integrity_at) {
    on_plain(l, sock, from, &m);
    return;
  }
  int identity = identity_of(l, &m);
  if (identity < 0)
    l->t->count.drop_password++;
  else
    on_check(l, &(arrival){sock, from, &m, (unsigned)identity});
}

static void on_datagram(void *ctx, al_udp_sock *sock, const al_udp_addr *from, al_bytes d) {
  al_lite *l = ctx;
  if (d.len && d.ptr[0] < 4) {
    on_stun(l, sock, from, d);
  } else if (d.len && d.ptr[0] >= 20 && d.ptr[0] <= 63) { /* RFC 7983 */
    caller *c = g_hash_table_lookup(l->by_addr, from);
    if (c)
      on_dtls(c, d);
    else
      hold_early(l, from, d);
  } else {
    l->t->count.drop_short++;
  }
}

/* ---- life ---- */

static bool has_v4(const al_webrtc_config *cfg) {
  for (unsigned i = 0; i < AL_WEBRTC_BIND_MAX && cfg->bind[i]; i++)
    if (!strchr(cfg->bind[i], ':')) return true;
  return false;
}

static bool bind_one(al_lite *l, const char *ip, uint16_t port, GError **err) {
  al_udp_addr a;
  if (!al_udp_addr_parse(&a, ip, port)) {
    g_set_error(err, AL_WEBRTC_ERROR, 0, "%s is not an IP address", ip);
    return false;
  }
  bool dual = strcmp(ip, "::") == 0 && !has_v4(&l->t->cfg);
  al_udp_sock *s = al_udp_open(l->t->hub, &a, dual);
  if (!s && dual && errno == EAFNOSUPPORT) { /* a machine without IPv6 */
    al_udp_addr_parse(&a, "0.0.0.0", port);
    s = al_udp_open(l->t->hub, &a, false);
  }
  if (!s) {
    int e = errno;
    if (e == EADDRINUSE)
      g_set_error(err, AL_WEBRTC_ERROR, e, "UDP port %u at %s is in use by another program",
                  (unsigned)port, ip);
    else
      g_set_error(err, AL_WEBRTC_ERROR, e, "cannot listen at %s, UDP port %u: %s", ip,
                  (unsigned)port, g_strerror(e));
    return false;
  }
  s->rx = on_datagram;
  s->ctx = l;
  l->sock[l->socks++] = s;
  return true;
}

al_lite *al_lite_new(al_transport *t, GError **err) {
  al_lite *l = g_new0(al_lite, 1);
  l->t = t;
  l->by_addr = g_hash_table_new(al_udp_addr_hash, al_udp_addr_equal);
  l->by_name = g_hash_table_new(name_hash, name_equal);
  l->per_address = g_hash_table_new_full(u64_hash, g_int64_equal, g_free, NULL);
  g_queue_init(&l->pending);
  bool ok = RAND_bytes((unsigned char *)&l->budget_salt, sizeof l->budget_salt) == 1;
  uint16_t port = t->cfg.port;
  for (unsigned i = 0; ok && i < AL_WEBRTC_BIND_MAX && t->cfg.bind[i]; i++) {
    ok = bind_one(l, t->cfg.bind[i], port, err);
    if (ok && !port) port = al_udp_port(l->sock[0]);
  }
  if (ok && l->socks) return l;
  if (ok) g_set_error(err, AL_WEBRTC_ERROR, 0, "no address to listen on");
  al_lite_free(l);
  return NULL;
}

void al_lite_free(al_lite *l) {
  if (!l) return;
  for (GList *k; (k = g_queue_pop_head_link(&l->pending));) {
    caller *c = k->data;
    c->queued = false;
    caller_free(c);
  }
  for (unsigned i = 0; i < l->socks; i++) al_udp_close(l->sock[i]);
  g_hash_table_unref(l->by_addr);
  g_hash_table_unref(l->by_name);
  g_hash_table_unref(l->per_address);
  g_free(l);
}

uint16_t al_lite_port(const al_lite *l) { return al_udp_port(l->sock[0]); }

void al_lite_tick(al_lite *l, gint64 now_us) {
  gint64 limit = (gint64)l->t->cfg.handshake_ms * 1000;
  for (GList *k = l->pending.head, *next; k; k = next) {
    caller *c = k->data;
    next = k->next;
    if (now_us - c->seen_us > limit) caller_free(c);
  }
}

uint32_t al_lite_callers(const al_lite *l) { return g_hash_table_size(l->by_name); }
