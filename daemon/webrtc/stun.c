/* stun.c — see stun.h. */
#include "stun.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

enum {
  COOKIE = 0x2112a442,
  FINGERPRINT_XOR = 0x5354554e,
  DECODE_MAX = 1280, /* a check is about 100 bytes; nothing longer is one */
  A_USERNAME = 0x0006,
  A_INTEGRITY = 0x0008,
  A_ERROR_CODE = 0x0009,
  A_XOR_MAPPED = 0x0020,
  A_PRIORITY = 0x0024,
  A_USE_CANDIDATE = 0x0025,
  A_FINGERPRINT = 0x8028,
  A_CONTROLLED = 0x8029,
  A_CONTROLLING = 0x802a,
  OPTIONAL = 0x8000,
  INTEGRITY_BYTES = 20,
};

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static uint32_t get32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static void put16(uint8_t *p, size_t v) {
  p[0] = (uint8_t)(v >> 8);
  p[1] = (uint8_t)v;
}
static void put32(uint8_t *p, uint32_t v) {
  put16(p, v >> 16);
  put16(p + 2, v & 0xffff);
}

/* CRC-32 (ISO-HDLC), a nibble at a time: messages are short. */
static uint32_t crc32(const uint8_t *p, size_t len) {
  static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                     0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                     0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                     0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
  uint32_t c = 0xffffffff;
  while (len--) {
    c ^= *p++;
    c = c >> 4 ^ table[c & 15];
    c = c >> 4 ^ table[c & 15];
  }
  return ~c;
}

/* HMAC-SHA1 over the first `at` bytes with the header's length set as if INTEGRITY came last. */
static void integrity(uint8_t out[INTEGRITY_BYTES], const uint8_t *msg, size_t at,
                      const char *key) {
  uint8_t copy[DECODE_MAX];
  unsigned n = INTEGRITY_BYTES;
  memcpy(copy, msg, at);
  put16(copy + 2, at + 4 + INTEGRITY_BYTES - AL_STUN_HEADER);
  HMAC(EVP_sha1(), key, AL_STUN_KEY, copy, at, out, &n);
}

/* ---- decoding ---- */

bool al_stun_looks_like(al_bytes d) { return d.len >= AL_STUN_HEADER && d.ptr[0] < 4; }

static bool decode_mapped(al_stun_msg *m, const uint8_t *v, size_t len) {
  if (len != 8 && len != 20) return false;
  if (v[1] != (len == 8 ? 1 : 2)) return false;
  memset(&m->mapped, 0, sizeof m->mapped);
  m->mapped.port = (uint16_t)(get16(v + 2) ^ (COOKIE >> 16));
  uint8_t *ip = m->mapped.ip;
  if (len == 8) {
    ip[10] = ip[11] = 0xff;
    put32(ip + 12, get32(v + 4) ^ COOKIE);
  } else {
    for (int i = 0; i < 16; i++) ip[i] = v[4 + i] ^ m->raw.ptr[4 + i];
  }
  m->has_mapped = true;
  return true;
}

static bool decode_attribute(al_stun_msg *m, size_t at, uint16_t type, size_t len) {
  const uint8_t *v = m->raw.ptr + at + 4;
  if (m->integrity_at && type != A_FINGERPRINT) return true; /* not covered: ignored */
  switch (type) {
    case A_USERNAME:
      m->username = (al_bytes){v, len};
      return len <= 513;
    case A_INTEGRITY:
      m->integrity_at = at;
      return len == INTEGRITY_BYTES;
    case A_ERROR_CODE:
      if (len < 4) return false;
      m->error = (v[2] & 7) * 100 + v[3] % 100;
      return true;
    case A_XOR_MAPPED:
      return decode_mapped(m, v, len);
    case A_USE_CANDIDATE:
      m->use_candidate = true;
      return true;
    case A_CONTROLLED:
      m->controlled = true;
      return len == 8;
    case A_FINGERPRINT:
      return len == 4 && at + 8 == m->raw.len &&
             get32(v) == (crc32(m->raw.ptr, at) ^ FINGERPRINT_XOR);
    case A_PRIORITY:
      return true;
    case A_CONTROLLING:
      if (len != 8) return false;
      m->tie_breaker = (uint64_t)get32(v) << 32 | get32(v + 4);
      return true;
    default:
      if (type < OPTIONAL) m->unknown_required = true;
      return true;
  }
}

bool al_stun_decode(al_stun_msg *m, al_bytes d) {
  memset(m, 0, sizeof *m);
  m->raw = d;
  if (!al_stun_looks_like(d) || d.len > DECODE_MAX || d.len % 4) return false;
  if (get16(d.ptr + 2) != d.len - AL_STUN_HEADER || get32(d.ptr + 4) != COOKIE) return false;
  switch (get16(d.ptr)) {
    case AL_STUN_REQUEST:
    case AL_STUN_INDICATION:
    case AL_STUN_SUCCESS:
    case AL_STUN_ERROR:
      m->kind = (al_stun_kind)get16(d.ptr);
      break;
    default:
      return false;
  }
  memcpy(m->id, d.ptr + 8, 12);
  for (size_t at = AL_STUN_HEADER; at < d.len;) {
    if (d.len - at < 4) return false;
    uint16_t type = get16(d.ptr + at);
    size_t len = get16(d.ptr + at + 2), padded = (len + 3) & ~(size_t)3;
    if (padded > d.len - at - 4) return false;
    if (!decode_attribute(m, at, type, len)) return false;
    at += 4 + padded;
  }
  return true;
}

bool al_stun_verify(const al_stun_msg *m, const char key[AL_STUN_KEY]) {
  uint8_t want[INTEGRITY_BYTES];
  if (!m->integrity_at) return false;
  integrity(want, m->raw.ptr, m->integrity_at, key);
  return CRYPTO_memcmp(want, m->raw.ptr + m->integrity_at + 4, INTEGRITY_BYTES) == 0;
}

/* ---- encoding ---- */

static size_t begin(uint8_t *out, al_stun_kind kind, const uint8_t id[12]) {
  put16(out, kind);
  put32(out + 4, COOKIE);
  memcpy(out + 8, id, 12);
  return AL_STUN_HEADER;
}

static size_t attribute(uint8_t *out, size_t at, uint16_t type, al_bytes value) {
  size_t padded = (value.len + 3) & ~(size_t)3;
  put16(out + at, type);
  put16(out + at + 2, value.len);
  memset(out + at + 4, 0, padded);
  if (value.len) memcpy(out + at + 4, value.ptr, value.len);
  return at + 4 + padded;
}

static size_t finish(uint8_t *out, size_t at, const char *key) {
  uint8_t mac[INTEGRITY_BYTES], crc[4];
  if (key) {
    integrity(mac, out, at, key);
    at = attribute(out, at, A_INTEGRITY, (al_bytes){mac, sizeof mac});
    put16(out + 2, at + 8 - AL_STUN_HEADER);
    put32(crc, crc32(out, at) ^ FINGERPRINT_XOR);
    at = attribute(out, at, A_FINGERPRINT, (al_bytes){crc, sizeof crc});
  }
  put16(out + 2, at - AL_STUN_HEADER);
  return at;
}

size_t al_stun_write_check(uint8_t *out, const al_stun_check *c) {
  uint8_t priority[4], tie[8];
  put32(priority, c->priority);
  put32(tie, (uint32_t)(c->tie_breaker >> 32));
  put32(tie + 4, (uint32_t)c->tie_breaker);
  size_t at = begin(out, AL_STUN_REQUEST, c->id);
  at = attribute(out, at, A_USERNAME,
                 (al_bytes){(const uint8_t *)c->username, MIN(strlen(c->username), (size_t)64)});
  at = attribute(out, at, A_PRIORITY, (al_bytes){priority, sizeof priority});
  at = attribute(out, at, A_CONTROLLING, (al_bytes){tie, sizeof tie});
  at = attribute(out, at, A_USE_CANDIDATE, (al_bytes){NULL, 0});
  return finish(out, at, c->key);
}

size_t al_stun_write_success(uint8_t *out, const uint8_t id[12], const al_udp_addr *mapped,
                             const char *key) {
  uint8_t v[20] = {0};
  size_t len = al_udp_addr_is_v4(mapped) ? 8 : 20, at = begin(out, AL_STUN_SUCCESS, id);
  v[1] = len == 8 ? 1 : 2;
  put16(v + 2, mapped->port ^ (COOKIE >> 16));
  if (len == 8)
    put32(v + 4, get32(mapped->ip + 12) ^ COOKIE);
  else
    for (int i = 0; i < 16; i++) v[4 + i] = mapped->ip[i] ^ out[4 + i];
  at = attribute(out, at, A_XOR_MAPPED, (al_bytes){v, len});
  return finish(out, at, key);
}

size_t al_stun_write_error(uint8_t *out, const uint8_t id[12], int code, const char *key) {
  uint8_t v[4] = {0, 0, (uint8_t)(code / 100), (uint8_t)(code % 100)};
  size_t at = begin(out, AL_STUN_ERROR, id);
  at = attribute(out, at, A_ERROR_CODE, (al_bytes){v, sizeof v});
  return finish(out, at, key);
}
