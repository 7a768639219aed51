/* Exit policies: what they accept, and which forms of a rule the wire knows. */
#include "tap.h"
#include "wire/wire.h"

static al_target ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port) {
  al_target t = {.kind = AL_TARGET_IPV4, .port = port, .host_len = 4, .host = {a, b, c, d}};
  return t;
}

static al_target ip6(const uint8_t ip[16], uint16_t port) {
  al_target t = {.kind = AL_TARGET_IPV6, .port = port, .host_len = 16};
  memcpy(t.host, ip, 16);
  return t;
}

static al_target name(const char *text, uint16_t port) {
  al_target t = {.kind = AL_TARGET_NAME, .port = port, .host_len = (uint8_t)strlen(text)};
  memcpy(t.host, text, strlen(text));
  return t;
}

#define RULE(a, f, p, lo, hi, ...)                                                        \
  {                                                                                       \
    .accept = (a), .family = (f), .prefix = (p), .addr = {__VA_ARGS__}, .port_min = (lo), \
    .port_max = (hi)                                                                      \
  }

static const al_exit_rule policy[] = {RULE(false, 4, 8, 0, 65535, 10),
                                      RULE(false, 4, 8, 0, 65535, 127),
                                      RULE(true, 4, 32, 25, 25, 192, 0, 2, 7),
                                      RULE(false, 0, 0, 25, 25, 0),
                                      RULE(true, 6, 32, 80, 80, 0x20, 0x01, 0x0d, 0xb8),
                                      RULE(true, 0, 0, 80, 443, 0)};
enum { POLICY = sizeof policy / sizeof *policy };

static bool match(al_target t) { return al_exit_match(policy, POLICY, &t); }

static void test_addresses(void) {
  static const uint8_t doc[16] = {0x20, 0x01, 0x0d, 0xb8, 1};
  static const uint8_t other[16] = {0x20, 0x01, 0x0d, 0xb9, 1};
  static const uint8_t mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
  static const uint8_t mapped_ok[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 8, 8, 8, 8};
  tap_ok(match(ip4(8, 8, 8, 8, 80)), "a public address at an accepted port");
  tap_ok(!match(ip4(8, 8, 8, 8, 79)) && !match(ip4(8, 8, 8, 8, 444)), "ports outside the range");
  tap_ok(match(ip4(8, 8, 8, 8, 443)), "the last port of the range");
  tap_ok(!match(ip4(10, 255, 0, 1, 80)), "stream_refused: an earlier rule refuses the network");
  tap_ok(match(ip4(11, 0, 0, 1, 80)), "the network next to it is accepted");
  tap_ok(match(ip4(192, 0, 2, 7, 25)) && !match(ip4(192, 0, 2, 8, 25)), "a rule for one address");
  tap_ok(match(ip6(doc, 80)) && match(ip6(other, 80)), "IPv6");
  tap_ok(!match(ip6(mapped, 80)), "a mapped IPv4 address does not pass by an IPv4 rule");
  tap_ok(match(ip6(mapped_ok, 80)), "other mapped ones are accepted like IPv4");
  al_target broken = ip4(8, 8, 8, 8, 80);
  broken.host_len = 5;
  tap_ok(!match(broken), "an address of another length is refused");
  broken.kind = 0;
  tap_ok(!match(broken), "an unknown kind is refused");
  tap_ok(!al_exit_match(policy, 0, &broken), "no rules accept nothing");
}

static void test_names(void) {
  tap_ok(match(name("example.org", 80)), "a name at an accepted port");
  tap_ok(match(name("example.org", 25)), "maybe: an accepting rule for some address comes first");
  tap_ok(!match(name("example.org", 22)), "a port that no rule covers");
  tap_ok(!match(name("", 80)), "the empty name");
  al_target nul = name("a.b", 80);
  nul.host[1] = 0;
  tap_ok(!match(nul), "a name with a NUL");
  const al_exit_rule late[] = {RULE(false, 0, 0, 25, 25, 0),
                               RULE(true, 4, 32, 25, 25, 192, 0, 2, 7)};
  const al_target t = name("example.org", 25);
  tap_ok(!al_exit_match(late, 2, &t), "behind a rule for everything nothing counts");
}

static bool valid(al_exit_rule r) { return al_exit_rule_valid(&r); }

static void test_forms(void) {
  bool all = true;
  for (int i = 0; i < POLICY; i++) all &= al_exit_rule_valid(&policy[i]);
  tap_ok(all, "the rules above are in the wire's form");
  tap_ok(!valid((al_exit_rule)RULE(true, 4, 33, 0, 1, 1)), "a prefix beyond 32 bits");
  tap_ok(!valid((al_exit_rule)RULE(true, 4, 8, 0, 1, 1, 2)), "address bits beyond the prefix");
  tap_ok(!valid((al_exit_rule)RULE(true, 4, 32, 0, 1, 1, 2, 3, 4, 5)), "bytes beyond IPv4");
  tap_ok(!valid((al_exit_rule)RULE(true, 0, 8, 0, 1, 1)), "a prefix of no family");
  tap_ok(!valid((al_exit_rule)RULE(true, 5, 0, 0, 1, 0)), "another family");
  tap_ok(!valid((al_exit_rule)RULE(true, 0, 0, 2, 1, 0)), "ports in the wrong order");
  tap_ok(
      valid((al_exit_rule)RULE(true, 6, 128, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 1, 1, 1, 1, 1, 1)),
      "a whole IPv6 address");
}

int main(void) {
  test_addresses();
  test_names();
  test_forms();
  return tap_done();
}
