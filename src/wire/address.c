/* address.c — see address.h. */
#include "wire/address.h"

#include "base/assert.h"

al_err al_address_decode(al_bytes record, al_address *ret) {
  al_rd r = al_rd_init(record);
  al_address a = {0};
  if (al_rd_u8(&r) != AL_ADDRESS_KIND_WEBRTC) return AL_EPARSE;
  a.family = al_rd_u8(&r);
  if (a.family != 4 && a.family != 6) return AL_EPARSE;
  al_rd_copy(&r, a.ip, a.family == 4 ? 4 : 16);
  a.port = al_rd_u16(&r);
  al_rd_copy(&r, a.cert, sizeof a.cert);
  al_rd_copy(&r, a.pwd, sizeof a.pwd);
  if (!al_rd_done(&r) || a.port == 0) return AL_EPARSE;
  *ret = a;
  return AL_OK;
}

void al_address_encode(const al_address *a, al_wr *w) {
  AL_ASSERT((a->family == 4 || a->family == 6) && a->port != 0);
  al_wr_u8(w, AL_ADDRESS_KIND_WEBRTC);
  al_wr_u8(w, a->family);
  al_wr_copy(w, a->ip, a->family == 4 ? 4 : 16);
  al_wr_u16(w, a->port);
  al_wr_copy(w, a->cert, sizeof a->cert);
  al_wr_copy(w, a->pwd, sizeof a->pwd);
}

/* Networks that say nothing about where a node is: RFC 1918, 6598, 1122, 3927. */
static bool exempt4(const uint8_t *ip) {
  return ip[0] == 0 || ip[0] == 10 || ip[0] == 127 || (ip[0] == 100 && (ip[1] & 0xc0) == 64) ||
         (ip[0] == 169 && ip[1] == 254) || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
         (ip[0] == 192 && ip[1] == 168);
}

static uint64_t group4(const uint8_t *ip) {
  return exempt4(ip) ? 0 : (uint64_t)4 << 32 | (uint64_t)ip[0] << 8 | ip[1];
}

/* ::ffff:a.b.c.d is the IPv4 address; ::/96 otherwise is unspecified, loopback or nothing. */
static bool zero_start(const uint8_t *ip, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (ip[i] != 0) return false;
  }
  return true;
}

static uint64_t group6(const uint8_t *ip) {
  if (zero_start(ip, 10) && ip[10] == 0xff && ip[11] == 0xff) return group4(ip + 12);
  if (zero_start(ip, 12)) return 0;
  if ((ip[0] & 0xfe) == 0xfc || (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80)) return 0;
  uint64_t prefix = (uint64_t)ip[0] << 24 | (uint64_t)ip[1] << 16 | (uint64_t)ip[2] << 8 | ip[3];
  return (uint64_t)6 << 32 | prefix;
}

uint64_t al_address_group(const al_address *a) {
  return a->family == 4 ? group4(a->ip) : a->family == 6 ? group6(a->ip) : 0;
}
