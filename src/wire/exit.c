/* exit.c — which targets an exit policy accepts (declared in allium.h). */
#include "wire/descriptor.h"

static bool prefix_match(const uint8_t *a, const uint8_t *b, uint32_t bits) {
  uint32_t bytes = bits / 8, rest = bits % 8;
  if (memcmp(a, b, bytes) != 0) return false;
  return rest == 0 || ((a[bytes] ^ b[bytes]) >> (8 - rest)) == 0;
}

/* An IPv4-mapped IPv6 address (::ffff:a.b.c.d) is judged as the IPv4 address that the host's system
 * would connect to: else it would pass by every IPv4 rule. */
static uint8_t canonical(const al_target *t, uint8_t ip[16]) {
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  size_t len = t->kind == AL_TARGET_IPV4 ? 4 : 16;
  if (t->host_len != len) return 0;
  memset(ip, 0, 16);
  memcpy(ip, t->host, len);
  if (len == 4) return 4;
  if (memcmp(ip, mapped, sizeof mapped) != 0) return 6;
  memcpy(ip, t->host + sizeof mapped, 4);
  return 4;
}

static bool match_address(const al_exit_rule *rules, size_t count, const al_target *t) {
  uint8_t ip[16];
  uint8_t family = canonical(t, ip);
  if (family == 0) return false;
  for (size_t i = 0; i < count; i++) {
    const al_exit_rule *r = &rules[i];
    if (t->port < r->port_min || t->port > r->port_max) continue;
    if (r->family == 0) return r->accept;
    if (r->family == family && prefix_match(r->addr, ip, r->prefix)) return r->accept;
  }
  return false;
}

/* Before the first rule for everything that covers the port, any accepting rule makes it "maybe".
 */
static bool match_name(const al_exit_rule *rules, size_t count, const al_target *t) {
  bool maybe = false;
  if (t->host_len == 0 || al_has_byte(t->host, t->host_len, 0)) return false;
  for (size_t i = 0; i < count; i++) {
    const al_exit_rule *r = &rules[i];
    if (t->port < r->port_min || t->port > r->port_max) continue;
    if (r->family == 0) return r->accept || maybe;
    maybe = maybe || r->accept;
  }
  return maybe;
}

bool al_exit_match(const al_exit_rule *rules, size_t count, const al_target *t) {
  switch (t->kind) {
    case AL_TARGET_NAME:
      return match_name(rules, count, t);
    case AL_TARGET_IPV4:
    case AL_TARGET_IPV6:
      return match_address(rules, count, t);
    case AL_TARGET_NODE:
      return false;
  }
  return false;
}
