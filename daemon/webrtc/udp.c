/* udp.c — see udp.h. */
#include "udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
  RX_MESSAGES = 8,
  RX_BYTES = 65536,
  RX_ROUNDS = 8,          /* recvmmsg calls a socket gets before the others have their turn */
  SOCKET_BYTES = 4 << 20, /* the 208 KiB default holds about 90 full packets */
  GSO_SEGMENTS = 55,      /* 64 is the kernel's limit; 65,507 bytes come first */
  GSO_BYTES = 64000,
  EVENTS = 32,
  BUSY_PER_MS = 2, /* packets a millisecond from which on wake-ups are gathered */
  GATHER_US = 500, /* at most one wake-up in this time then */
  MEASURE_US = 2000,
};

struct al_udp_hub {
  GSource source;
  gpointer tag;
  int epoll_fd;
  bool gso;
  al_webrtc_counters *count;
  void (*after)(void *ctx);
  void *ctx;
  uint8_t (*rx)[RX_BYTES];
  al_outbox *dirty_head, *dirty_tail;
  GPtrArray *pool; /* idle outbox buffers */
  gint64 woken_us, measured_us;
  uint64_t measured_in;
  bool busy;
};

/* ---- addresses ---- */

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool al_udp_addr_is_v4(const al_udp_addr *a) { return memcmp(a->ip, v4_prefix, 12) == 0; }

bool al_udp_addr_parse(al_udp_addr *a, const char *ip, uint16_t port) {
  memset(a, 0, sizeof *a);
  a->port = port;
  if (inet_pton(AF_INET, ip, a->ip + 12) == 1) {
    memcpy(a->ip, v4_prefix, 12);
    return true;
  }
  return inet_pton(AF_INET6, ip, a->ip) == 1;
}

void al_udp_addr_text(const al_udp_addr *a, char out[INET6_ADDRSTRLEN]) {
  if (al_udp_addr_is_v4(a))
    inet_ntop(AF_INET, a->ip + 12, out, INET6_ADDRSTRLEN);
  else
    inet_ntop(AF_INET6, a->ip, out, INET6_ADDRSTRLEN);
}

bool al_udp_addr_is_loopback(const al_udp_addr *a) {
  static const uint8_t one[16] = {[15] = 1};
  return al_udp_addr_is_v4(a) ? a->ip[12] == 127 : memcmp(a->ip, one, 16) == 0;
}

bool al_udp_addr_is_private(const al_udp_addr *a) {
  const uint8_t *b = a->ip;
  if (al_udp_addr_is_loopback(a)) return true;
  if (!al_udp_addr_is_v4(a))
    return (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
  b += 12;
  return b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168) ||
         (b[0] == 169 && b[1] == 254);
}

uint64_t al_udp_addr_key64(const al_udp_addr *a) {
  uint64_t k;
  memcpy(&k, a->ip + (al_udp_addr_is_v4(a) ? 8 : 0), 8);
  return k;
}

guint al_udp_addr_hash(gconstpointer key) {
  const al_udp_addr *a = key;
  uint64_t lo, hi;
  memcpy(&hi, a->ip, 8);
  memcpy(&lo, a->ip + 8, 8);
  lo = (lo ^ hi * 0x9e3779b97f4a7c15u ^ a->port) * 0xff51afd7ed558ccdu;
  return (guint)(lo >> 32);
}

gboolean al_udp_addr_equal(gconstpointer x, gconstpointer y) {
  const al_udp_addr *a = x, *b = y;
  return a->port == b->port && a->scope == b->scope && memcmp(a->ip, b->ip, 16) == 0;
}

socklen_t al_udp_addr_sockaddr(const al_udp_addr *a, bool v6, struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  if (!v6) {
    struct sockaddr_in *s = (struct sockaddr_in *)out;
    s->sin_family = AF_INET;
    s->sin_port = htons(a->port);
    memcpy(&s->sin_addr, a->ip + 12, 4);
    return sizeof *s;
  }
  struct sockaddr_in6 *s = (struct sockaddr_in6 *)out;
  s->sin6_family = AF_INET6;
  s->sin6_port = htons(a->port);
  s->sin6_scope_id = a->scope;
  memcpy(&s->sin6_addr, a->ip, 16);
  return sizeof *s;
}

void al_udp_addr_from(al_udp_addr *a, const struct sockaddr_storage *ss) {
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  if (ss->ss_family == AF_INET) {
    memcpy(&v4, ss, sizeof v4);
    memcpy(a->ip, v4_prefix, 12);
    memcpy(a->ip + 12, &v4.sin_addr, 4);
    a->port = ntohs(v4.sin_port);
    a->scope = 0;
    return;
  }
  memcpy(&v6, ss, sizeof v6);
  memcpy(a->ip, &v6.sin6_addr, 16);
  a->port = ntohs(v6.sin6_port);
  a->scope = IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) ? v6.sin6_scope_id : 0;
}

/* ---- receiving ---- */

static size_t segment_size(struct msghdr *m, size_t total) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
    if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
      int gro;
      memcpy(&gro, CMSG_DATA(c), sizeof gro);
      if (gro > 0) return (size_t)gro;
    }
  }
  return total;
}

static void deliver(al_udp_sock *s, struct mmsghdr *m, const struct sockaddr_storage *from,
                    const uint8_t *buf) {
  size_t total = m->msg_len, seg = segment_size(&m->msg_hdr, total);
  al_udp_addr a;
  al_udp_addr_from(&a, from);
  s->hub->count->bytes_in += total;
  for (size_t off = 0; off < total; off += seg) {
    s->hub->count->packets_in++;
    s->rx(s->ctx, s, &a, (al_bytes){buf + off, MIN(seg, total - off)});
  }
  if (total == 0) {
    s->hub->count->packets_in++;
    s->rx(s->ctx, s, &a, (al_bytes){buf, 0});
  }
}

static void receive(al_udp_sock *s) {
  al_udp_hub *h = s->hub;
  struct mmsghdr mm[RX_MESSAGES];
  struct iovec iov[RX_MESSAGES];
  struct sockaddr_storage from[RX_MESSAGES] = {{0}};
  struct {
    _Alignas(struct cmsghdr) char b[CMSG_SPACE(sizeof(int))];
  } control[RX_MESSAGES];
  for (int round = 0; round < RX_ROUNDS; round++) {
    for (int i = 0; i < RX_MESSAGES; i++) {
      iov[i] = (struct iovec){h->rx[i], RX_BYTES};
      mm[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                      .msg_namelen = sizeof from[i],
                                      .msg_iov = &iov[i],
                                      .msg_iovlen = 1,
                                      .msg_control = control[i].b,
                                      .msg_controllen = sizeof control[i].b};
    }
    int n = recvmmsg(s->fd, mm, RX_MESSAGES, MSG_DONTWAIT, NULL);
    if (n < 0) {
      if (errno != EAGAIN && errno != EINTR && s->failed) s->failed(s->ctx, errno);
      return;
    }
    h->count->reads++;
    for (int i = 0; i < n; i++) deliver(s, &mm[i], &from[i], h->rx[i]);
    if (n < RX_MESSAGES) return;
  }
}

/* ---- the hub: a GSource around one epoll set ---- */

/* When packets come in quick succession, a wake-up for each costs more than the packet: then the
 * loop sleeps so that several wait when it looks again. A quiet node answers at once. */
static void gather(al_udp_hub *h) {
  gint64 now = g_get_monotonic_time(), span = now - h->measured_us;
  if (span >= MEASURE_US) {
    h->busy = (int64_t)(h->count->packets_in - h->measured_in) * 1000 >= BUSY_PER_MS * span;
    h->measured_us = now;
    h->measured_in = h->count->packets_in;
  }
  gint64 left = h->woken_us + GATHER_US - now;
  if (h->busy && left > 0) g_usleep((gulong)left);
}

static gboolean hub_prepare(GSource *src, gint *timeout) {
  al_udp_hub *h = (al_udp_hub *)src;
  while (h->dirty_head) al_outbox_flush(h->dirty_head);
  gather(h);
  *timeout = -1;
  return FALSE;
}

static gboolean hub_check(GSource *src) {
  al_udp_hub *h = (al_udp_hub *)src;
  return g_source_query_unix_fd(src, h->tag) != 0;
}

static gboolean hub_dispatch(GSource *src, GSourceFunc f, gpointer u) {
  al_udp_hub *h = (al_udp_hub *)src;
  struct epoll_event ev[EVENTS];
  (void)f;
  (void)u;
  int n = epoll_wait(h->epoll_fd, ev, EVENTS, 0);
  h->woken_us = g_get_monotonic_time();
  for (int i = 0; i < n; i++) receive(ev[i].data.ptr);
  if (n > 0 && h->after) h->after(h->ctx);
  return G_SOURCE_CONTINUE;
}

static void hub_finalize(GSource *src) {
  al_udp_hub *h = (al_udp_hub *)src;
  close(h->epoll_fd);
  g_free(h->rx);
  g_ptr_array_unref(h->pool);
}

al_udp_hub *al_udp_hub_new(al_webrtc_counters *count, void (*after)(void *ctx), void *ctx) {
  static GSourceFuncs funcs = {.prepare = hub_prepare,
                               .check = hub_check,
                               .dispatch = hub_dispatch,
                               .finalize = hub_finalize};
  al_udp_hub *h = (al_udp_hub *)g_source_new(&funcs, sizeof *h);
  h->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  h->gso = true;
  h->count = count;
  h->after = after;
  h->ctx = ctx;
  h->rx = g_malloc(sizeof h->rx[0] * RX_MESSAGES);
  h->pool = g_ptr_array_new_with_free_func(g_free);
  h->tag = g_source_add_unix_fd(&h->source, h->epoll_fd, G_IO_IN);
  g_source_set_name(&h->source, "allium-udp");
  g_source_attach(&h->source, NULL);
  return h;
}

void al_udp_hub_free(al_udp_hub *h) {
  if (!h) return;
  while (h->dirty_head) al_outbox_flush(h->dirty_head);
  g_source_destroy(&h->source);
  g_source_unref(&h->source);
}

/* ---- sockets ---- */

void al_udp_fd_setup(int fd) {
  int big = SOCKET_BYTES;
  /* FORCE passes the administrator's limit when we are allowed to; else we get what the limit gives
   */
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big))
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big))
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
}

al_udp_sock *al_udp_open(al_udp_hub *h, const al_udp_addr *local, bool dual) {
  bool v6 = !al_udp_addr_is_v4(local);
  int one = 1, only = dual ? 0 : 1;
  struct sockaddr_storage ss;
  socklen_t len = al_udp_addr_sockaddr(local, v6, &ss);
  int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return NULL;
  if (v6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  al_udp_fd_setup(fd);
  setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof one); /* without it each datagram comes alone */
  al_udp_sock *s = g_new0(al_udp_sock, 1);
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};
  if (bind(fd, (struct sockaddr *)&ss, len) || epoll_ctl(h->epoll_fd, EPOLL_CTL_ADD, fd, &ev)) {
    int e = errno;
    close(fd);
    g_free(s);
    errno = e;
    return NULL;
  }
  s->hub = h;
  s->fd = fd;
  s->v6 = v6;
  return s;
}

int al_udp_connect(al_udp_sock *s, const al_udp_addr *peer) {
  struct sockaddr_storage ss = {.ss_family = AF_UNSPEC};
  if (connect(s->fd, (struct sockaddr *)&ss, sizeof ss)) return errno;
  socklen_t len = al_udp_addr_sockaddr(peer, s->v6, &ss);
  return connect(s->fd, (struct sockaddr *)&ss, len) ? errno : 0;
}

uint16_t al_udp_port(const al_udp_sock *s) {
  struct sockaddr_storage ss = {0};
  socklen_t len = sizeof ss;
  al_udp_addr a;
  if (getsockname(s->fd, (struct sockaddr *)&ss, &len)) return 0;
  al_udp_addr_from(&a, &ss);
  return a.port;
}

void al_udp_close(al_udp_sock *s) {
  if (!s) return;
  close(s->fd); /* leaves the epoll set by itself */
  g_free(s);
}

void al_udp_send_now(al_udp_sock *s, const al_udp_addr *to, al_bytes d) {
  struct sockaddr_storage ss;
  socklen_t len = to ? al_udp_addr_sockaddr(to, s->v6, &ss) : 0;
  s->hub->count->writes++;
  if (sendto(s->fd, d.ptr, d.len, 0, to ? (struct sockaddr *)&ss : NULL, len) < 0) {
    s->hub->count->drop_send++;
    return;
  }
  s->hub->count->packets_out++;
  s->hub->count->bytes_out += d.len;
}

/* ---- outboxes ---- */

void al_outbox_init(al_outbox *o, al_udp_hub *h) {
  memset(o, 0, sizeof *o);
  o->hub = h;
  o->sock_fd = -1;
}

void al_outbox_aim(al_outbox *o, int fd, const struct sockaddr_storage *to, socklen_t to_len) {
  al_outbox_flush(o);
  o->sock_fd = fd;
  o->to_len = to_len;
  if (to_len) o->to = *to;
}

static void unlink_dirty(al_outbox *o) {
  al_udp_hub *h = o->hub;
  if (!o->dirty) return;
  o->dirty = false;
  if (o->prev)
    o->prev->next = o->next;
  else
    h->dirty_head = o->next;
  if (o->next)
    o->next->prev = o->prev;
  else
    h->dirty_tail = o->prev;
  o->next = o->prev = NULL;
}

static void mark_dirty(al_outbox *o) {
  al_udp_hub *h = o->hub;
  if (o->dirty) return;
  o->dirty = true;
  o->prev = h->dirty_tail;
  if (h->dirty_tail)
    h->dirty_tail->next = o;
  else
    h->dirty_head = o;
  h->dirty_tail = o;
}

static void give_back(al_outbox *o) {
  if (o->hub->pool->len < 4)
    g_ptr_array_add(o->hub->pool, o->buf);
  else
    g_free(o->buf);
  o->buf = NULL;
  o->count = o->used = 0;
}

void al_outbox_push(al_outbox *o, const void *data, size_t len) {
  if (o->sock_fd < 0 || len > AL_UDP_DATAGRAM_MAX) {
    o->hub->count->drop_send++;
    return;
  }
  if (!o->buf) {
    GPtrArray *pool = o->hub->pool;
    guint last = pool->len;
    o->buf = last ? g_ptr_array_steal_index_fast(pool, last - 1)
                  : g_malloc((gsize)AL_UDP_BATCH * AL_UDP_DATAGRAM_MAX);
  }
  memcpy(o->buf + o->used, data, len);
  o->used += (uint32_t)len;
  o->len[o->count++] = (uint16_t)len;
  mark_dirty(o);
  if (o->count == AL_UDP_BATCH) al_outbox_flush(o);
}

/* Runs of datagrams of one length leave as one UDP_SEGMENT super-datagram; its last may be shorter.
 */
static uint32_t take_run(const al_outbox *o, uint32_t at, size_t *ret_bytes) {
  uint32_t seg = o->len[at], n = 0;
  size_t total = 0;
  while (at < o->count && n < GSO_SEGMENTS && o->len[at] <= seg && total + o->len[at] < GSO_BYTES) {
    bool last = o->len[at] < seg;
    total += o->len[at++];
    n++;
    if (last) break;
  }
  *ret_bytes = total;
  return n;
}

typedef struct send_batch {
  struct mmsghdr mm[AL_UDP_BATCH];
  struct iovec iov[AL_UDP_BATCH];
  struct {
    _Alignas(struct cmsghdr) char b[CMSG_SPACE(sizeof(uint16_t))];
  } control[AL_UDP_BATCH];
} send_batch;

static uint32_t fill_batch(al_outbox *o, send_batch *b) {
  uint32_t m = 0;
  size_t off = 0, bytes;
  for (uint32_t at = 0; at < o->count; m++) {
    uint32_t n = 1;
    uint16_t seg = o->len[at];
    if (o->hub->gso)
      n = take_run(o, at, &bytes);
    else
      bytes = seg;
    b->iov[m] = (struct iovec){o->buf + off, bytes};
    b->mm[m].msg_hdr = (struct msghdr){.msg_name = o->to_len ? &o->to : NULL,
                                       .msg_namelen = o->to_len,
                                       .msg_iov = &b->iov[m],
                                       .msg_iovlen = 1};
    if (n > 1) {
      memset(b->control[m].b, 0, sizeof b->control[m].b);
      b->mm[m].msg_hdr.msg_control = b->control[m].b;
      b->mm[m].msg_hdr.msg_controllen = sizeof b->control[m].b;
      struct cmsghdr *c = CMSG_FIRSTHDR(&b->mm[m].msg_hdr);
      c->cmsg_level = SOL_UDP;
      c->cmsg_type = UDP_SEGMENT;
      c->cmsg_len = CMSG_LEN(sizeof seg);
      memcpy(CMSG_DATA(c), &seg, sizeof seg);
    }
    off += bytes;
    at += n;
  }
  return m;
}

void al_outbox_flush(al_outbox *o) {
  al_webrtc_counters *count = o->hub->count;
  send_batch b;
  unlink_dirty(o);
  if (!o->count) return;
  uint32_t m = fill_batch(o, &b), done = 0, refusals = 0;
  while (done < m) {
    int r = sendmmsg(o->sock_fd, b.mm + done, m - done, 0);
    count->writes++;
    if (r > 0) {
      done += (uint32_t)r;
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == ECONNREFUSED && refusals++ == 0)
      continue; /* news of an earlier one; this one waits */
    if (o->hub->gso && (errno == EIO || errno == EINVAL || errno == EOPNOTSUPP) && done == 0 &&
        b.mm[0].msg_hdr.msg_control) {
      o->hub->gso = false; /* this path cannot segment: one datagram a message from now on */
      m = fill_batch(o, &b);
      continue;
    }
    done++; /* a refused datagram is a lost one; SCTP repeats what matters */
    count->drop_send++;
  }
  count->packets_out += o->count;
  count->bytes_out += o->used;
  give_back(o);
}

void al_outbox_clear(al_outbox *o) {
  unlink_dirty(o);
  if (o->buf) give_back(o);
}
