/* socks_parser.c — RFC 1928 with RFC 1929, byte by byte if need be. */
#include "socks_parser.h"

#include <glib.h>
#include <string.h>

#include "address.h"

enum {
  VERSION = 5,
  VERSION_4 = 4,
  LOGIN_VERSION = 1,
  METHOD_NONE = 0,
  METHOD_LOGIN = 2,
  METHOD_NO = 0xff,
  CONNECT = 1,
  ATYP_IPV4 = 1,
  ATYP_NAME = 3,
  ATYP_IPV6 = 4,
};

void al_socks_parser_init(al_socks_parser *p) { *p = (al_socks_parser){.have = 0}; }

static void answer2(al_socks_parser *p, uint8_t a, uint8_t b) {
  p->answer[0] = a;
  p->answer[1] = b;
  p->answer_len = 2;
}

void al_socks_answer(al_socks_parser *p, uint8_t reply) {
  static const uint8_t any[] = {VERSION, 0, 0, ATYP_IPV4, 0, 0, 0, 0, 0, 0};
  memcpy(p->answer, any, sizeof any);
  p->answer[1] = reply;
  p->answer_len = sizeof any;
}

static al_socks_verdict refuse(al_socks_parser *p, uint8_t reply) {
  p->state = AL_SOCKS_AT_END;
  al_socks_answer(p, reply);
  return AL_SOCKS_REFUSE;
}

static al_socks_verdict hang_up(al_socks_parser *p) {
  p->state = AL_SOCKS_AT_END;
  return AL_SOCKS_REFUSE;
}

/* How long the message is, as far as its first p->have bytes tell; at least have + 1 while they do
 * not tell. */
static size_t wanted(const al_socks_parser *p) {
  const uint8_t *m = p->message;
  size_t have = p->have;
  switch (p->state) {
    case AL_SOCKS_AT_GREETING:
      return have < 2 ? have + 1 : 2 + (size_t)m[1];
    case AL_SOCKS_AT_LOGIN:
      if (have < 2) return have + 1;
      if (have < 3 + (size_t)m[1]) return 3 + (size_t)m[1];
      return 3 + (size_t)m[1] + m[2 + m[1]];
    case AL_SOCKS_AT_REQUEST:
      if (have < 5) return have + 1;
      return m[3] == ATYP_NAME ? 7 + (size_t)m[4] : m[3] == ATYP_IPV6 ? 22 : 10;
    case AL_SOCKS_AT_END:
      break;
  }
  return have;
}

/* Is it hopeless already? Said as early as possible, so that nobody waits for bytes of garbage. */
static bool is_foreign(const al_socks_parser *p) {
  uint8_t version = p->state == AL_SOCKS_AT_LOGIN ? LOGIN_VERSION : VERSION;
  return p->have >= 1 && p->message[0] != version;
}

static al_socks_verdict on_greeting(al_socks_parser *p) {
  const uint8_t *methods = p->message + 2;
  size_t count = p->message[1];
  if (memchr(methods, METHOD_LOGIN, count)) {
    answer2(p, VERSION, METHOD_LOGIN);
    p->state = AL_SOCKS_AT_LOGIN;
  } else if (memchr(methods, METHOD_NONE, count)) {
    answer2(p, VERSION, METHOD_NONE);
    p->state = AL_SOCKS_AT_REQUEST;
  } else {
    answer2(p, VERSION, METHOD_NO);
    return hang_up(p);
  }
  return AL_SOCKS_MORE;
}

/* Any user and password are welcome: they only keep circuits apart. The message holds both lengths,
 * so that its hash stands for the pair. */
static al_socks_verdict on_login(al_socks_parser *p) {
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  uint8_t digest[32];
  gsize len = sizeof digest;
  g_checksum_update(sum, p->message, p->have);
  g_checksum_get_digest(sum, digest, &len);
  memcpy(&p->isolation, digest, sizeof p->isolation);
  if (p->isolation == 0) p->isolation = 1;
  explicit_bzero(p->message, sizeof p->message);
  answer2(p, LOGIN_VERSION, 0);
  p->state = AL_SOCKS_AT_REQUEST;
  return AL_SOCKS_MORE;
}

static void set_endpoint(al_target *t, const al_endpoint *e) {
  t->kind = e->family == 4 ? AL_TARGET_IPV4 : AL_TARGET_IPV6;
  t->host_len = e->family == 4 ? 4 : 16;
  memcpy(t->host, e->addr, t->host_len);
}

/* A name must be one; an address that was sent as a name is an address. */
static bool take_name(al_target *t, const uint8_t *name, size_t len) {
  char text[256];
  al_endpoint e;
  for (size_t i = 0; i < len; i++)
    if (name[i] <= ' ' || name[i] >= 0x7f) return false;
  memcpy(text, name, len);
  text[len] = 0;
  if (al_endpoint_parse(text, 0, &e)) {
    set_endpoint(t, &e);
    return true;
  }
  t->kind = AL_TARGET_NAME;
  t->host_len = (uint8_t)len;
  memcpy(t->host, name, len);
  return len > 0;
}

/* IPv4 inside IPv6 is taken for what it means, as everywhere (al_endpoint_parse). */
static void take_ipv6(al_target *t, const uint8_t *addr) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  al_endpoint e = {.family = 6};
  bool v4 = memcmp(addr, mapped, sizeof mapped) == 0;
  if (v4) e.family = 4;
  memcpy(e.addr, v4 ? addr + 12 : addr, v4 ? 4 : 16);
  set_endpoint(t, &e);
}

static al_socks_verdict on_request(al_socks_parser *p) {
  const uint8_t *m = p->message, *port = m + p->have - 2;
  al_target *t = &p->target;
  if (m[1] != CONNECT) return refuse(p, AL_SOCKS_COMMAND);
  if (m[3] == ATYP_NAME) {
    if (!take_name(t, m + 5, m[4])) return refuse(p, AL_SOCKS_FAILURE);
  } else if (m[3] == ATYP_IPV4) {
    t->kind = AL_TARGET_IPV4;
    t->host_len = 4;
    memcpy(t->host, m + 4, 4);
  } else if (m[3] == ATYP_IPV6) {
    take_ipv6(t, m + 4);
  } else {
    return refuse(p, AL_SOCKS_ADDRESS);
  }
  t->port = (uint16_t)(port[0] << 8 | port[1]);
  if (t->port == 0) return refuse(p, AL_SOCKS_FAILURE);
  p->state = AL_SOCKS_AT_END;
  return AL_SOCKS_REQUEST;
}

/* An unknown kind of address has an unknown length: refused as soon as it is seen. */
static bool is_unknown_address(const al_socks_parser *p) {
  uint8_t atyp = p->message[3];
  return p->state == AL_SOCKS_AT_REQUEST && p->have >= 4 && atyp != ATYP_IPV4 &&
         atyp != ATYP_IPV6 && atyp != ATYP_NAME;
}

static al_socks_verdict on_foreign(al_socks_parser *p) {
  if (p->state == AL_SOCKS_AT_REQUEST) return refuse(p, AL_SOCKS_FAILURE);
  if (p->state == AL_SOCKS_AT_GREETING && p->message[0] == VERSION_4) {
    answer2(p, 0, 91); /* SOCKS4: rejected; eight bytes */
    memset(p->answer + 2, 0, 6);
    p->answer_len = 8;
  }
  if (p->state == AL_SOCKS_AT_LOGIN) answer2(p, LOGIN_VERSION, 1);
  return hang_up(p);
}

al_socks_verdict al_socks_parse(al_socks_parser *p, const uint8_t *in, size_t len, size_t *used) {
  p->answer_len = 0;
  *used = 0;
  for (;;) {
    size_t want = wanted(p);
    if (p->have == want && p->have > 0) break;
    size_t take = MIN(want - p->have, len - *used);
    if (take == 0) return AL_SOCKS_MORE;
    memcpy(p->message + p->have, in + *used, take);
    p->have = (uint16_t)(p->have + take);
    *used += take;
    if (is_foreign(p)) return on_foreign(p);
    if (is_unknown_address(p))
      return refuse(p, p->message[1] == CONNECT ? AL_SOCKS_ADDRESS : AL_SOCKS_COMMAND);
  }
  al_socks_verdict v = p->state == AL_SOCKS_AT_GREETING ? on_greeting(p)
                       : p->state == AL_SOCKS_AT_LOGIN  ? on_login(p)
                                                        : on_request(p);
  p->have = 0;
  return v;
}
