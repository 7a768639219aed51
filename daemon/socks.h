/* socks.h — the SOCKS5 server: one stream of the core for each connection. */
#ifndef AL_DAEMON_SOCKS_H
#define AL_DAEMON_SOCKS_H

#include "pipe.h"
#include "waitlist.h"

typedef struct al_socks al_socks;

/* al_socks_info — for metrics. */
typedef struct al_socks_info {
  uint32_t open; /* connections, handshakes included */
  uint64_t accepted, over_limit, garbage, timed_out, refused, connected;
} al_socks_info;

/* al_socks_limits — what a server may use, and how patient it is. */
typedef struct al_socks_limits {
  uint32_t connections_max;
  guint handshake_ms; /* for a whole handshake: 30000 */
  guint open_ms;      /* for the far end to connect: 60000 */
} al_socks_limits;

/* al_socks_new — listen.
 *   where  texts for al_listen_parse, closed by NULL                                       [in]
 * Result: NULL and err (AL_EXIT_LISTEN).   Cost: a socket each.   Source: RFC 1928, RFC 1929.
 * Tested: unit/daemon_socks, e2e. */
al_socks *al_socks_new(char *const *where, const al_socks_limits *limits, al_pipes *pipes,
                       GError **err);

/* al_socks_names — names that are not for an exit: services.h. */
typedef struct al_socks_names {
  bool (*is)(const char *host, size_t len);
  /* whether a stream is as good as open: then the client is told so, and its first bytes are given
   * to `open` as `early`, at most AL_SERVICE_EARLY_MAX */
  bool (*expected)(void *ctx, const al_target *t, uint64_t isolation);
  /* AL_EPARSE: such a name there cannot be */
  al_err (*open)(void *ctx, const al_target *t, uint64_t isolation, al_bytes early, al_stream *ret);
  void *ctx;
} al_socks_names;

/* al_socks_set_names — these names lead elsewhere from now on.
 * Result: none.   Cost: none.   Source: PROTOCOL.md 9.   Tested: e2e/test_service. */
void al_socks_set_names(al_socks *s, const al_socks_names *names);

/* al_socks_stop — take no new connections; those that exist go on.
 *   Result: none.   Cost: closes sockets.   Source: none.   Tested: unit/daemon_socks. */
void al_socks_stop(al_socks *s);

/* al_socks_free — end everything at once; NULL is allowed.
 *   Result: none.   Cost: O(connections).   Source: none.   Tested: unit/daemon_socks. */
void al_socks_free(al_socks *s);

/* al_socks_inspect — the figures.
 *   Result: none.   Cost: none.   Source: none.   Tested: unit/daemon_socks. */
void al_socks_inspect(const al_socks *s, al_socks_info *ret);

/* al_socks_places — where it listens, as texts, to be freed with g_strfreev.
 *   Result: never NULL.   Cost: one system call each.   Source: none.   Tested: unit/daemon_socks.
 */
char **al_socks_places(const al_socks *s);

#endif
