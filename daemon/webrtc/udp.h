/* udp.h — UDP sockets of the transport: batched receive (recvmmsg, UDP_GRO), batched send
 * (sendmmsg, UDP_SEGMENT), one epoll set and one GSource for all of them. Knows nothing of what it
 * carries. */
#ifndef AL_WEBRTC_UDP_H
#define AL_WEBRTC_UDP_H

#include <glib.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "webrtc.h"

enum {
  AL_UDP_BATCH = 64,          /* datagrams an outbox collects before it is flushed early */
  AL_UDP_DATAGRAM_MAX = 1500, /* longest datagram we send */
};

/* al_udp_addr — an address of either family; IPv4 as ::ffff:a.b.c.d. Port in host byte order. */
typedef struct al_udp_addr {
  uint8_t ip[16];
  uint16_t port;
  uint32_t scope;
} al_udp_addr;

typedef struct al_udp_hub al_udp_hub;
typedef struct al_udp_sock al_udp_sock;

/* al_udp_rx — one datagram; `data` may be written to; `ctx` is the socket's. */
typedef void (*al_udp_rx)(void *ctx, al_udp_sock *s, const al_udp_addr *from, al_bytes datagram);

struct al_udp_sock {
  al_udp_hub *hub;
  int fd;
  bool v6;
  al_udp_rx rx;
  void (*failed)(void *ctx, int error); /* an ICMP error came back; connected sockets only */
  void *ctx;
};

/* al_outbox — datagrams of one peer waiting for the end of the main loop's turn. `sock_fd` < 0: not
 * connected to a path yet, what is pushed is dropped. */
typedef struct al_outbox {
  al_udp_hub *hub;
  int sock_fd;
  struct sockaddr_storage to;
  socklen_t to_len; /* 0: the socket is connected */
  uint8_t *buf;     /* taken from the hub's pool while dirty */
  uint16_t len[AL_UDP_BATCH];
  uint32_t count, used;
  bool dirty;
  struct al_outbox *next, *prev;
} al_outbox;

/* al_udp_addr_* — parse, print, compare, classify. `is_private`: loopback, link-local or a private
 * range. `key64` folds an IPv6 address to its /64 and keeps an IPv4 address: the unit of limits. */
bool al_udp_addr_parse(al_udp_addr *a, const char *ip, uint16_t port);
void al_udp_addr_text(const al_udp_addr *a, char out[INET6_ADDRSTRLEN]);
bool al_udp_addr_is_v4(const al_udp_addr *a);
bool al_udp_addr_is_loopback(const al_udp_addr *a);
bool al_udp_addr_is_private(const al_udp_addr *a);
uint64_t al_udp_addr_key64(const al_udp_addr *a);
guint al_udp_addr_hash(gconstpointer a);
gboolean al_udp_addr_equal(gconstpointer a, gconstpointer b);
/* al_udp_addr_sockaddr — `v6`: the family of the socket it is for (a mapped address then stays). */
socklen_t al_udp_addr_sockaddr(const al_udp_addr *a, bool v6, struct sockaddr_storage *out);
void al_udp_addr_from(al_udp_addr *a, const struct sockaddr_storage *ss);

/* al_udp_hub_new — the epoll set, its GSource on the default main context and the receive buffers.
 *   after   called after each batch of received datagrams                               [nullable]
 *   Result: never NULL.   Cost: 512 KiB, touched as used.
 *   Source: docs/TRANSPORT.md.   Tested: unit/webrtc_link. */
al_udp_hub *al_udp_hub_new(al_webrtc_counters *count, void (*after)(void *ctx), void *ctx);
void al_udp_hub_free(al_udp_hub *h);

/* al_udp_open — a non-blocking socket with 4 MB buffers and GRO, bound to `local` and in the hub's
 * set. dual    an IPv6 socket that also takes IPv4 Result: NULL with errno set.   Cost: a few
 * system calls. Source: docs/TRANSPORT.md.   Tested: unit/webrtc_link. */
al_udp_sock *al_udp_open(al_udp_hub *h, const al_udp_addr *local, bool dual);
/* al_udp_connect — (re)connect to one peer; the kernel chooses the source address anew. 0 or errno.
 */
int al_udp_connect(al_udp_sock *s, const al_udp_addr *peer);
uint16_t al_udp_port(const al_udp_sock *s);
/* al_udp_close — never from inside rx. */
void al_udp_close(al_udp_sock *s);
/* al_udp_send_now — one datagram outside any batch (checks and their answers). */
void al_udp_send_now(al_udp_sock *s, const al_udp_addr *to, al_bytes datagram);
/* al_udp_fd_setup — buffers for a socket that somebody else opened (libnice). */
void al_udp_fd_setup(int fd);

/* al_outbox_* — point an outbox at a path, add a datagram (flushed at the end of the turn or when
 * 64 wait), flush now, drop what waits. */
void al_outbox_init(al_outbox *o, al_udp_hub *h);
void al_outbox_aim(al_outbox *o, int fd, const struct sockaddr_storage *to, socklen_t to_len);
void al_outbox_push(al_outbox *o, const void *data, size_t len);
void al_outbox_flush(al_outbox *o);
void al_outbox_clear(al_outbox *o);

#endif
