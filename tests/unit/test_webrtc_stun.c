/* The STUN codec: RFC 5769's vector, our own round trips, every truncation and a million
 * mutations; and both CRC-32C. argv[1]: seed. */
#include <stdlib.h>

#include "../tap.h"
#include "webrtc/crc32c.h"
#include "webrtc/stun.h"

/* RFC 5769 2.1: password "VOkJxbRl1RmTxUk/WvJxBt" has 22 characters, so only its structure is
 * used. */
static const uint8_t rfc5769_request[] = {
    0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73,
    0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,
    0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09,
    0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14,
    0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
    0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf};
static const uint8_t rfc5769_response[] = {
    0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63,
    0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43,
    0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9,
    0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96};

static const char key[] = "AAECAwQFBgcICQoLDA0ODxAR";
static const char other_key[] = "AAECAwQFBgcICQoLDA0ODxAS";

static uint64_t state;
static uint32_t next(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33);
}

static size_t example(uint8_t *out) {
  al_stun_check c = {.username = "allium:abcd",
                     .key = key,
                     .priority = 0x6e0001ff,
                     .tie_breaker = 0x0123456789abcdefu,
                     .id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
  return al_stun_write_check(out, &c);
}

static void test_vectors(void) {
  al_stun_msg m;
  al_udp_addr a;
  tap_ok(al_stun_decode(&m, (al_bytes){rfc5769_request, sizeof rfc5769_request}),
         "RFC 5769 request decodes, fingerprint included");
  tap_ok(m.kind == AL_STUN_REQUEST && m.username.len == 9 &&
             memcmp(m.username.ptr, "evtj:h6vY", 9) == 0 && m.controlled && !m.use_candidate,
         "its attributes");
  tap_is_u64(m.integrity_at, 76, "its integrity");
  tap_ok(al_stun_decode(&m, (al_bytes){rfc5769_response, sizeof rfc5769_response}),
         "RFC 5769 response decodes");
  al_udp_addr_parse(&a, "192.0.2.1", 32853);
  tap_ok(m.has_mapped && al_udp_addr_equal(&m.mapped, &a), "its mapped address");
}

static void test_own(void) {
  uint8_t b[AL_STUN_MAX];
  al_stun_msg m;
  al_udp_addr a;
  const uint8_t id[12] = {9, 8, 7};
  size_t n = example(b);
  tap_ok(al_stun_decode(&m, (al_bytes){b, n}), "our check decodes");
  tap_ok(m.use_candidate && m.tie_breaker == 0x0123456789abcdefu && !m.controlled &&
             !m.unknown_required && m.username.len == 11,
         "it nominates and controls");
  tap_ok(al_stun_verify(&m, key) && !al_stun_verify(&m, other_key), "its integrity is keyed");
  static const char *const ips[] = {"203.0.113.9", "2001:db8::1:2"};
  for (int i = 0; i < 2; i++) {
    al_udp_addr_parse(&a, ips[i], 65001);
    n = al_stun_write_success(b, id, &a, key);
    tap_ok(al_stun_decode(&m, (al_bytes){b, n}) && m.kind == AL_STUN_SUCCESS && m.has_mapped &&
               al_udp_addr_equal(&m.mapped, &a) && al_stun_verify(&m, key) &&
               memcmp(m.id, id, 12) == 0,
           "a success with %s", ips[i]);
    n = al_stun_write_success(b, id, &a, NULL);
    tap_ok(al_stun_decode(&m, (al_bytes){b, n}) && !m.integrity_at && !al_stun_verify(&m, key),
           "a bare one, %d bytes", (int)n);
  }
  n = al_stun_write_error(b, id, AL_STUN_QUOTA, key);
  tap_ok(al_stun_decode(&m, (al_bytes){b, n}) && m.kind == AL_STUN_ERROR && m.error == 486 &&
             al_stun_verify(&m, key),
         "an error");
}

static void test_damage(void) {
  uint8_t b[AL_STUN_MAX] = {0}, c[AL_STUN_MAX] = {0};
  al_stun_msg m;
  size_t n = example(b), accepted = 0, verified = 0;
  for (size_t len = 0; len < n; len++) accepted += al_stun_decode(&m, (al_bytes){b, len});
  tap_is_u64(accepted, 0, "no truncation decodes");
  const size_t covered = n - 8; /* what follows the integrity is not, and is ignored */
  for (size_t bit = 0; bit < covered * 8; bit++) {
    memcpy(c, b, n);
    c[bit / 8] ^= (uint8_t)(1 << bit % 8);
    if (al_stun_decode(&m, (al_bytes){c, n}) && al_stun_verify(&m, key)) verified++;
  }
  tap_is_u64(verified, 0, "no flipped bit before the fingerprint passes");
  for (int i = 0; i < 1000000; i++) {
    memcpy(c, b, n);
    size_t len = next() % 4 ? n : next() % (n + 1), hits = 1 + next() % 4;
    for (size_t k = 0; k < hits; k++) c[next() % n] = (uint8_t)next();
    uint8_t *exact = malloc(len ? len : 1); /* so that a sanitizer sees one byte too many */
    memcpy(exact, c, len);
    if (al_stun_decode(&m, (al_bytes){exact, len}) && m.integrity_at)
      if (memcmp(exact, b, covered) != 0 && al_stun_verify(&m, key)) verified++;
    free(exact);
  }
  tap_is_u64(verified, 0, "no mutation passes");
}

static void test_crc32c(void) {
  uint8_t p[2000];
  size_t differ = 0;
  tap_is_u64(al_crc32c((const uint8_t *)"123456789", 9), 0xe3069283u, "CRC-32C check value");
  tap_is_u64(al_crc32c_portable((const uint8_t *)"123456789", 9), 0xe3069283u, "and by table");
  for (size_t i = 0; i < sizeof p; i++) p[i] = (uint8_t)next();
  for (size_t len = 0; len < sizeof p; len++)
    differ += al_crc32c(p, len) != al_crc32c_portable(p, len);
  tap_is_u64(differ, 0, "both agree at every length");
}

int main(int argc, char **argv) {
  state = argc > 1 ? strtoull(argv[1], NULL, 0) : 20260601;
  printf("# seed %" PRIu64 "\n", state);
  test_vectors();
  test_own();
  test_damage();
  test_crc32c();
  return tap_done();
}
