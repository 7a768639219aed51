/* test_chacha.h — ChaCha20's block function straight from RFC 8439 2.3, and a suite that has
 * nothing else: for tests of layers below crypto, and to compare the providers with. Not
 * constant-time proven; for tests only. */
#ifndef TEST_CHACHA_H
#define TEST_CHACHA_H

#include "allium/al_suite.h"
#include "base/bytes.h"

static uint32_t test_chacha_rotl(uint32_t v, unsigned n) { return v << n | v >> (32 - n); }

static void test_chacha_quarter(uint32_t s[16], int a, int b, int c, int d) {
  s[a] += s[b];
  s[d] = test_chacha_rotl(s[d] ^ s[a], 16);
  s[c] += s[d];
  s[b] = test_chacha_rotl(s[b] ^ s[c], 12);
  s[a] += s[b];
  s[d] = test_chacha_rotl(s[d] ^ s[a], 8);
  s[c] += s[d];
  s[b] = test_chacha_rotl(s[b] ^ s[c], 7);
}

__attribute__((unused)) static void test_chacha_block(uint8_t out[64], const uint8_t key[32],
                                                      const uint8_t nonce[12], uint32_t counter) {
  uint32_t in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, s[16];
  for (int i = 0; i < 8; i++) in[4 + i] = al_load_u32(key + 4 * i);
  in[12] = counter;
  for (int i = 0; i < 3; i++) in[13 + i] = al_load_u32(nonce + 4 * i);
  memcpy(s, in, sizeof s);
  for (int i = 0; i < 10; i++) {
    test_chacha_quarter(s, 0, 4, 8, 12);
    test_chacha_quarter(s, 1, 5, 9, 13);
    test_chacha_quarter(s, 2, 6, 10, 14);
    test_chacha_quarter(s, 3, 7, 11, 15);
    test_chacha_quarter(s, 0, 5, 10, 15);
    test_chacha_quarter(s, 1, 6, 11, 12);
    test_chacha_quarter(s, 2, 7, 8, 13);
    test_chacha_quarter(s, 3, 4, 9, 14);
  }
  for (int i = 0; i < 16; i++) al_store_u32(out + 4 * i, s[i] + in[i]);
}

__attribute__((unused)) static const al_suite test_chacha_suite = {
    .name = "test", .simulation_only = true, .block = test_chacha_block};

#endif
