/* address.h — how a node is dialled, as text: allium:HOST:PORT/SECRET[/NODEID] (PROTOCOL.md 3.2),
 * and the small grammar of HOST:PORT that all options share. */
#ifndef AL_DAEMON_ADDRESS_H
#define AL_DAEMON_ADDRESS_H

#include <glib.h>
#include <sys/socket.h>

#include "allium/al_types.h"

enum {
  AL_ADDRESS_SECRET_BYTES = 50, /* SHA-256 of the certificate ‖ ICE password */
  AL_ADDRESS_RECORD_MAX = 70,   /* binary record with an IPv6 address */
  AL_ADDRESS_HOST_MAX = 255,    /* characters of a host name */
  AL_ADDRESS_TEXT_MAX = 512,    /* more than the longest text */
};

/* al_peer_address — a parsed text. The host may be a name that has to be resolved at the time of
 * dialling. */
typedef struct al_peer_address {
  char host[AL_ADDRESS_HOST_MAX + 1]; /* without brackets */
  uint16_t port;
  uint8_t secret[AL_ADDRESS_SECRET_BYTES];
  bool has_id;
  al_id id;
} al_peer_address;

/* al_endpoint — an IP address and a port. */
typedef struct al_endpoint {
  uint8_t family;   /* 4 or 6 */
  uint8_t addr[16]; /* network order, IPv4 in the first four bytes */
  uint16_t port;
} al_endpoint;

/* al_peer_address_parse — text to fields.
 *   err  says what is wrong with which part                                              [out]
 * Result: false and err (AL_EXIT_USAGE).   Cost: O(text).   Source: PROTOCOL.md 3.2.
 * Tested: unit/daemon_address. */
bool al_peer_address_parse(const char *text, al_peer_address *ret, GError **err);

/* al_peer_address_text — fields to text, to be freed with g_free.
 *   Result: never NULL.   Cost: one allocation.   Source: PROTOCOL.md 3.2.
 *   Tested: unit/daemon_address. */
char *al_peer_address_text(const al_peer_address *a);

/* al_peer_address_record — the binary record of an address whose host is, or was resolved to, e.
 *   out  AL_ADDRESS_RECORD_MAX bytes                                                     [out]
 * Result: bytes written, 58 or 70.   Cost: one copy.   Source: PROTOCOL.md 3.2.
 * Tested: unit/daemon_address. */
size_t al_peer_address_record(const al_peer_address *a, const al_endpoint *e, uint8_t *out);

/* al_peer_address_from_record — a binary record as an address whose host is numeric.
 *   Result: false when it is no record of kind 1.   Cost: one copy.   Source: PROTOCOL.md 3.2.
 *   Tested: unit/daemon_address. */
bool al_peer_address_from_record(al_bytes record, al_peer_address *ret);

/* al_hostport_parse — split HOST:PORT, [IPV6]:PORT, and, when a fallback port is given, HOST alone.
 *   fallback  port when the text has none; -1: the text must have one                    [in]
 *   host      AL_ADDRESS_HOST_MAX + 1 bytes                                              [out]
 * Result: false and err.   Cost: O(text).   Source: RFC 3986 3.2.2.
 * Tested: unit/daemon_address. */
bool al_hostport_parse(const char *text, int fallback, char *host, uint16_t *ret_port,
                       GError **err);

/* al_endpoint_parse — a numeric host as an endpoint; an IPv4 address inside IPv6 (::ffff:a.b.c.d)
 * becomes the IPv4 address it means, so that no rule can be passed by in disguise.
 *   Result: false when host is not a numeric address.   Cost: O(text).   Source: RFC 4291 2.5.5.
 *   Tested: unit/daemon_address. */
bool al_endpoint_parse(const char *host, uint16_t port, al_endpoint *ret);

/* al_endpoint_text — HOST:PORT or [IPV6]:PORT, to be freed with g_free.
 *   Result: never NULL.   Cost: one allocation.   Source: RFC 5952.   Tested: unit/daemon_address.
 */
char *al_endpoint_text(const al_endpoint *e);

/* al_endpoint_sockaddr — for bind and connect.
 *   Result: the length of what was written to ret.   Cost: none.   Source: POSIX.
 *   Tested: unit/daemon_address. */
socklen_t al_endpoint_sockaddr(const al_endpoint *e, struct sockaddr_storage *ret);

/* al_endpoint_from_sockaddr — the other way; unwraps IPv4 inside IPv6 as al_endpoint_parse does.
 *   Result: false for another family.   Cost: none.   Source: POSIX.   Tested: unit/daemon_address.
 */
bool al_endpoint_from_sockaddr(const struct sockaddr *sa, al_endpoint *ret);

/* al_endpoint_equal — the same address and port. */
bool al_endpoint_equal(const al_endpoint *a, const al_endpoint *b);

/* al_endpoint_is_wildcard, al_endpoint_is_loopback — 0.0.0.0 or ::; 127.0.0.0/8 or ::1. */
bool al_endpoint_is_wildcard(const al_endpoint *e);
bool al_endpoint_is_loopback(const al_endpoint *e);

#endif
