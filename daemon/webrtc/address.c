/* address.c — see address.h. Layout: kind 1 | family 4 or 6 | address | port LE | hash | password.
 */
#include "address.h"

#include <string.h>

enum { KIND_OPEN_PORT = 1, HASH = 32 };

static bool usable(const al_udp_addr *a) {
  static const uint8_t none[16];
  const uint8_t *ip = a->ip;
  if (a->port == 0) return false;
  if (al_udp_addr_is_v4(a)) return ip[12] != 0 && ip[12] < 224; /* this host, multicast, class E */
  return memcmp(ip, none, 16) != 0 && ip[0] != 0xff;
}

bool al_rtc_address_decode(al_rtc_address *a, al_bytes r) {
  memset(a, 0, sizeof *a);
  if (r.len < 2 || r.ptr[0] != KIND_OPEN_PORT) return false;
  size_t ip_len = r.ptr[1] == 4 ? 4 : r.ptr[1] == 6 ? 16 : 0;
  if (!ip_len || r.len != 2 + ip_len + 2 + HASH + AL_WEBRTC_PASSWORD_BYTES) return false;
  const uint8_t *p = r.ptr + 2;
  if (ip_len == 4) a->at.ip[10] = a->at.ip[11] = 0xff;
  memcpy(a->at.ip + 16 - ip_len, p, ip_len);
  if (ip_len == 16 && al_udp_addr_is_v4(&a->at)) return false; /* one form for each address */
  p += ip_len;
  a->at.port = (uint16_t)(p[0] | p[1] << 8);
  memcpy(a->certificate, p + 2, HASH);
  memcpy(a->password, p + 2 + HASH, AL_WEBRTC_PASSWORD_BYTES);
  return usable(&a->at);
}

size_t al_rtc_address_encode(uint8_t *out, const al_rtc_address *a) {
  size_t ip_len = al_udp_addr_is_v4(&a->at) ? 4 : 16, at = 2;
  out[0] = KIND_OPEN_PORT;
  out[1] = ip_len == 4 ? 4 : 6;
  memcpy(out + at, a->at.ip + 16 - ip_len, ip_len);
  at += ip_len;
  out[at++] = (uint8_t)a->at.port;
  out[at++] = (uint8_t)(a->at.port >> 8);
  memcpy(out + at, a->certificate, HASH);
  memcpy(out + at + HASH, a->password, AL_WEBRTC_PASSWORD_BYTES);
  return at + HASH + AL_WEBRTC_PASSWORD_BYTES;
}
