/* address.c — addresses as text and as records. */
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base32.h"
#include "error.h"

#define SCHEME "allium:"

enum { RECORD_KIND = 1, RECORD_HEAD = 2 };

static bool fail(GError **err, const char *text, const char *what) {
  g_set_error(err, AL_ERROR, AL_EXIT_USAGE, "`%s`: %s", text, what);
  return false;
}

static bool parse_port(const char *text, uint16_t *ret) {
  guint64 v = 0;
  if (!g_ascii_string_to_unsigned(text, 10, 0, 65535, &v, NULL)) return false;
  *ret = (uint16_t)v;
  return true;
}

/* A name that a resolver may be asked for: letters, digits, `-`, `_`, `.`. */
static bool name_ok(const char *host) {
  for (const char *p = host; *p; p++)
    if (!g_ascii_isalnum(*p) && *p != '-' && *p != '_' && *p != '.') return false;
  return *host != 0 && *host != '.';
}

bool al_hostport_parse(const char *text, int fallback, char *host, uint16_t *ret_port,
                       GError **err) {
  const char *begin = text, *end, *rest;
  al_endpoint e;
  bool bracket = *text == '[';
  if (bracket) {
    begin = text + 1;
    end = strchr(begin, ']');
    if (!end) return fail(err, text, "the bracket `[` is not closed");
    rest = end + 1;
  } else {
    const char *first = strchr(text, ':');
    bool bare6 = first && strchr(first + 1, ':') && al_endpoint_parse(text, 0, &e);
    end = first && !bare6 ? first : text + strlen(text);
    rest = end;
  }
  size_t len = (size_t)(end - begin);
  if (len == 0 || len > AL_ADDRESS_HOST_MAX)
    return fail(err, text, "the host is missing or too long");
  memcpy(host, begin, len);
  host[len] = 0;
  bool numeric = al_endpoint_parse(host, 0, &e);
  if (bracket && !(numeric && strchr(host, ':')))
    return fail(err, text, "only an IPv6 address stands in brackets");
  if (!numeric && !name_ok(host))
    return fail(err, text, "the host is neither a name nor an address");
  if (*rest == 0) {
    if (fallback < 0) return fail(err, text, "the port is missing (HOST:PORT)");
    *ret_port = (uint16_t)fallback;
    return true;
  }
  if (*rest != ':' || !parse_port(rest + 1, ret_port))
    return fail(err, text, "the port is not a number from 0 to 65535");
  return true;
}

bool al_peer_address_parse(const char *text, al_peer_address *ret, GError **err) {
  al_peer_address a = {.has_id = false};
  if (!g_str_has_prefix(text, SCHEME))
    return fail(err, text, "an address begins with `allium:` (see `allium address`)");
  g_auto(GStrv) part = g_strsplit(text + strlen(SCHEME), "/", 4);
  guint n = g_strv_length(part);
  if (n != 2 && n != 3) return fail(err, text, "want allium:HOST:PORT/SECRET or .../SECRET/NODEID");
  if (!al_hostport_parse(part[0], -1, a.host, &a.port, err)) return false;
  if (a.port == 0) return fail(err, text, "the port may not be 0");
  if (!al_base32_decode(a.secret, sizeof a.secret, part[1], strlen(part[1])))
    return fail(err, text, "the secret is damaged (80 characters of a-z and 2-7)");
  if (n == 3) {
    if (!al_base32_decode(a.id.b, sizeof a.id.b, part[2], strlen(part[2])))
      return fail(err, text, "the node ID is damaged (52 characters of a-z and 2-7)");
    a.has_id = true;
  }
  *ret = a;
  return true;
}

char *al_peer_address_text(const al_peer_address *a) {
  char secret[AL_BASE32_LEN(AL_ADDRESS_SECRET_BYTES) + 1], id[AL_BASE32_LEN(32) + 1] = "";
  bool v6 = strchr(a->host, ':') != NULL;
  al_base32_encode(secret, a->secret, sizeof a->secret);
  if (a->has_id) al_base32_encode(id, a->id.b, sizeof a->id.b);
  return g_strdup_printf(SCHEME "%s%s%s:%u/%s%s%s", v6 ? "[" : "", a->host, v6 ? "]" : "", a->port,
                         secret, a->has_id ? "/" : "", id);
}

size_t al_peer_address_record(const al_peer_address *a, const al_endpoint *e, uint8_t *out) {
  size_t n = e->family == 4 ? 4 : 16, at = 0;
  out[at++] = RECORD_KIND;
  out[at++] = e->family;
  memcpy(out + at, e->addr, n);
  at += n;
  out[at++] = (uint8_t)(a->port & 255);
  out[at++] = (uint8_t)(a->port >> 8);
  memcpy(out + at, a->secret, AL_ADDRESS_SECRET_BYTES);
  return at + AL_ADDRESS_SECRET_BYTES;
}

bool al_peer_address_from_record(al_bytes record, al_peer_address *ret) {
  if (record.len < RECORD_HEAD || record.ptr[0] != RECORD_KIND) return false;
  uint8_t family = record.ptr[1];
  size_t n = family == 4 ? 4 : 16;
  if ((family != 4 && family != 6) || record.len != RECORD_HEAD + n + 2 + AL_ADDRESS_SECRET_BYTES)
    return false;
  *ret = (al_peer_address){.has_id = false};
  const uint8_t *p = record.ptr + RECORD_HEAD;
  inet_ntop(family == 4 ? AF_INET : AF_INET6, p, ret->host, sizeof ret->host);
  ret->port = (uint16_t)(p[n] | p[n + 1] << 8);
  memcpy(ret->secret, p + n + 2, AL_ADDRESS_SECRET_BYTES);
  return true;
}

/* ::ffff:a.b.c.d means a.b.c.d. */
static void unwrap(al_endpoint *e) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  if (e->family != 6 || memcmp(e->addr, mapped, sizeof mapped) != 0) return;
  memmove(e->addr, e->addr + 12, 4);
  memset(e->addr + 4, 0, 12);
  e->family = 4;
}

bool al_endpoint_parse(const char *host, uint16_t port, al_endpoint *ret) {
  al_endpoint e = {.family = 4, .port = port};
  if (inet_pton(AF_INET, host, e.addr) != 1) {
    e.family = 6;
    if (inet_pton(AF_INET6, host, e.addr) != 1) return false;
    unwrap(&e);
  }
  *ret = e;
  return true;
}

char *al_endpoint_text(const al_endpoint *e) {
  char host[INET6_ADDRSTRLEN] = "";
  inet_ntop(e->family == 4 ? AF_INET : AF_INET6, e->addr, host, sizeof host);
  return e->family == 4 ? g_strdup_printf("%s:%u", host, e->port)
                        : g_strdup_printf("[%s]:%u", host, e->port);
}

socklen_t al_endpoint_sockaddr(const al_endpoint *e, struct sockaddr_storage *ret) {
  memset(ret, 0, sizeof *ret);
  if (e->family == 4) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(e->port)};
    memcpy(&in.sin_addr, e->addr, 4);
    memcpy(ret, &in, sizeof in);
    return sizeof in;
  }
  struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(e->port)};
  memcpy(&in6.sin6_addr, e->addr, 16);
  memcpy(ret, &in6, sizeof in6);
  return sizeof in6;
}

bool al_endpoint_from_sockaddr(const struct sockaddr *sa, al_endpoint *ret) {
  al_endpoint e = {.family = 4};
  if (sa->sa_family == AF_INET) {
    struct sockaddr_in in;
    memcpy(&in, sa, sizeof in);
    e.port = ntohs(in.sin_port);
    memcpy(e.addr, &in.sin_addr, 4);
  } else if (sa->sa_family == AF_INET6) {
    struct sockaddr_in6 in6;
    memcpy(&in6, sa, sizeof in6);
    e.family = 6;
    e.port = ntohs(in6.sin6_port);
    memcpy(e.addr, &in6.sin6_addr, 16);
    unwrap(&e);
  } else {
    return false;
  }
  *ret = e;
  return true;
}

bool al_endpoint_equal(const al_endpoint *a, const al_endpoint *b) {
  return a->family == b->family && a->port == b->port &&
         memcmp(a->addr, b->addr, a->family == 4 ? 4 : 16) == 0;
}

bool al_endpoint_is_wildcard(const al_endpoint *e) {
  static const uint8_t zero[16];
  return memcmp(e->addr, zero, e->family == 4 ? 4 : 16) == 0;
}

bool al_endpoint_is_loopback(const al_endpoint *e) {
  static const uint8_t one[16] = {[15] = 1};
  return e->family == 4 ? e->addr[0] == 127 : memcmp(e->addr, one, 16) == 0;
}
