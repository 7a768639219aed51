/* Address records and the network groups of addresses. */
#include "tap.h"
#include "wire/wire.h"

static al_address sample(uint8_t family) {
  al_address a = {.family = family, .port = 4433};
  for (uint8_t i = 0; i < (family == 4 ? 4 : 16); i++) a.ip[i] = (uint8_t)(i + 20);
  memset(a.cert, 0xc1, sizeof a.cert);
  memset(a.pwd, 0x77, sizeof a.pwd);
  return a;
}

static void test_round_trip(uint8_t family, size_t bytes) {
  uint8_t buffer[AL_ADDRESS_BYTES_MAX];
  al_wr w = al_wr_init(buffer, sizeof buffer);
  const al_address a = sample(family);
  al_address got;
  al_address_encode(&a, &w);
  tap_is_u64(w.len, bytes, "family %d: size", family);
  tap_ok(al_address_decode(al_wr_view(&w), &got) == AL_OK, "is decoded");
  tap_is_mem(&got, &a, sizeof a, "to the same");
  uint32_t taken = 0;
  for (size_t n = 0; n < w.len; n++) taken += al_address_decode(al_view(buffer, n), &got) == AL_OK;
  buffer[w.len] = 0;
  taken += al_address_decode(al_view(buffer, w.len + 1), &got) == AL_OK;
  tap_is_u64(taken, 0, "no other length is taken");
  const struct {
    size_t at;
    uint8_t value;
    const char *what;
  } cases[] = {{0, 2, "another kind"}, {1, 5, "another family"}, {1, 0, "family 0"}};
  for (size_t i = 0; i < 3; i++) {
    uint8_t bad[AL_ADDRESS_BYTES_MAX];
    memcpy(bad, buffer, sizeof bad);
    bad[cases[i].at] = cases[i].value;
    tap_ok(al_address_decode(al_view(bad, w.len), &got) == AL_EPARSE, "%s", cases[i].what);
  }
  memset(buffer + (family == 4 ? 6 : 18), 0, 2);
  tap_ok(al_address_decode(al_view(buffer, w.len), &got) == AL_EPARSE, "port 0");
}

static uint64_t group(uint8_t family, const char *hex) {
  al_address a = {.family = family, .port = 1};
  for (size_t i = 0; hex[2 * i] != 0 && i < 16; i++) {
    unsigned byte;
    (void)sscanf(hex + 2 * i, "%2x", &byte);
    a.ip[i] = (uint8_t)byte;
  }
  return al_address_group(&a);
}

static void test_groups(void) {
  static const char *const exempt4[] = {"0a010203", "7f000001", "ac10ffff", "ac1f0000",
                                        "c0a80001", "a9fe0101", "64400001", "00000000"};
  static const char *const exempt6[] = {
      "00000000000000000000000000000001", "00000000000000000000000000000000",
      "fc000000000000000000000000000001", "fd123456000000000000000000000001",
      "fe800000000000000000000000000001", "00000000000000000000ffff0a010203"};
  bool all = true;
  for (size_t i = 0; i < sizeof exempt4 / sizeof *exempt4; i++) all &= group(4, exempt4[i]) == 0;
  for (size_t i = 0; i < sizeof exempt6 / sizeof *exempt6; i++) all &= group(6, exempt6[i]) == 0;
  tap_ok(all, "private, local and loopback networks are exempt");
  tap_ok(group(4, "08080808") != 0 && group(4, "ac200001") != 0 && group(4, "64800001") != 0,
         "public ones are not");
  tap_ok(group(4, "08080808") == group(4, "08080101"), "one IPv4 /16 is one group");
  tap_ok(group(4, "08080808") != group(4, "08090808"), "two are two");
  tap_ok(
      group(6, "20010db8000000000000000000000001") == group(6, "20010db8ffff00000000000000000001"),
      "one IPv6 /32 is one group");
  tap_ok(
      group(6, "20010db8000000000000000000000001") != group(6, "20010db9000000000000000000000001"),
      "two are two");
  tap_ok(group(6, "00000000000000000000ffff08080808") == group(4, "08080101"),
         "a mapped IPv4 address is in the group of the IPv4 address");
  tap_ok(group(6, "00000808000000000000000000000000") != group(4, "08080000"),
         "families do not meet");
}

int main(void) {
  test_round_trip(4, AL_ADDRESS_IPV4_BYTES);
  test_round_trip(6, AL_ADDRESS_IPV6_BYTES);
  test_groups();
  return tap_done();
}
