/* The hacl provider: every SIMD width against scalar at every length, the checks on public keys,
 * and what a failure leaves behind. */
#include "allium/al_suite.h"
#include "base/bytes.h"
#include "tap.h"

enum { LENGTH_MAX = 2100, GUARD = 64 };

static uint8_t text[LENGTH_MAX + GUARD], a[LENGTH_MAX + GUARD], b[LENGTH_MAX + GUARD], key[32],
    nonce[12];

static void fill(uint8_t *p, size_t len, uint32_t seed) {
  for (size_t i = 0; i < len; i++) {
    seed = seed * 1664525u + 1013904223u;
    p[i] = (uint8_t)(seed >> 24);
  }
}

static void test_stream(const al_suite *s, const al_suite *scalar) {
  static const uint32_t counters[] = {0, 1, 0x7fffffff, 0xffffffff - LENGTH_MAX / 64 - 1};
  bool good = true;
  for (size_t len = 0; len <= LENGTH_MAX; len++) {
    const uint32_t counter = counters[len % 4];
    memcpy(a, text, sizeof a);
    memcpy(b, text, sizeof b);
    s->xor_stream(a, len, key, nonce, counter);
    scalar->xor_stream(b, len, key, nonce, counter);
    good = good && memcmp(a, b, sizeof a) == 0;
  }
  tap_ok(good, "%s: xor_stream is scalar's at every length 0..%d", s->name, LENGTH_MAX);
  good = true;
  for (uint32_t counter = 0; counter < 40; counter++) {
    memset(a, 0, LENGTH_MAX);
    s->xor_stream(a, LENGTH_MAX, key, nonce, 0);
    s->block(b, key, nonce, counter % 32);
    good = good && memcmp(a + (size_t)64 * (counter % 32), b, 64) == 0;
  }
  tap_ok(good, "%s: block is the stream's block", s->name);
}

static void test_poly(const al_suite *s, const al_suite *scalar) {
  bool good = true;
  for (size_t len = 0; len <= LENGTH_MAX; len++) {
    uint8_t x[16], y[16];
    s->poly1305(x, text, len, key);
    scalar->poly1305(y, text, len, key);
    good = good && memcmp(x, y, 16) == 0;
  }
  tap_ok(good, "%s: poly1305 is scalar's at every length", s->name);
}

static void test_aead(const al_suite *s, const al_suite *scalar) {
  bool same = true, opened = true, refused = true, kept = true;
  for (size_t len = 0; len <= LENGTH_MAX; len++) {
    uint8_t x[16], y[16];
    const al_bytes ad = {text, len % 40};
    const uint64_t n = len * 0x0123456789abcdefu;
    memcpy(a, text, sizeof a);
    memcpy(b, text, sizeof b);
    s->seal(a, len, x, key, n, ad);
    scalar->seal(b, len, y, key, n, ad);
    same = same && memcmp(a, b, sizeof a) == 0 && memcmp(x, y, 16) == 0;
    x[len % 16] ^= 0x10;
    refused = refused && s->open(a, len, x, key, n, ad) == AL_ECRYPTO;
    kept = kept && memcmp(a, b, sizeof a) == 0;
    refused = refused && s->open(a, len, y, key, n + 1, ad) == AL_ECRYPTO;
    opened = opened && s->open(a, len, y, key, n, ad) == AL_OK;
    opened = opened && memcmp(a, text, sizeof a) == 0;
  }
  tap_ok(same, "%s: seal is scalar's at every length, and writes nothing else", s->name);
  tap_ok(opened, "%s: open gives the text back", s->name);
  tap_ok(refused, "%s: a wrong tag or nonce is refused", s->name);
  tap_ok(kept, "%s: a refused text is left as it was", s->name);
}

static void test_aead_tamper(const al_suite *s) {
  uint8_t tag[16];
  unsigned taken = 0;
  const al_bytes ad = {key, 8};
  memcpy(a, text, 1096);
  s->seal(a, 1096, tag, key, 3, ad);
  for (size_t i = 0; i < 1096; i += 7) {
    a[i] ^= 1;
    taken += s->open(a, 1096, tag, key, 3, ad) == AL_OK;
    a[i] ^= 1;
  }
  taken += s->open(a, 1096, tag, key, 3, (al_bytes){key, 7}) == AL_OK;
  taken += s->open(a, 1095, tag, key, 3, ad) == AL_OK;
  tap_is_u64(taken, 0, "%s: no changed byte, associated data or length is taken", s->name);
}

/* RFC 7748 6.1: the all-zero result of a small-order point is refused and wiped. */
static void test_dh(const al_suite *s) {
  uint8_t x[32], y[32], sk[32], pk[32] = {0};
  fill(sk, 32, 9);
  memset(x, 0xaa, 32);
  tap_ok(s->dh(x, sk, pk) == AL_ECRYPTO, "%s: dh refuses the point 0", s->name);
  tap_ok(al_zero_ct(x, 32), "%s: dh wipes the result it refuses", s->name);
  pk[0] = 1;
  tap_ok(s->dh(x, sk, pk) == AL_ECRYPTO, "%s: dh refuses the point 1", s->name);
  uint8_t sk2[32], pk2[32];
  fill(sk2, 32, 10);
  s->dh_public(pk, sk);
  s->dh_public(pk2, sk2);
  tap_ok(s->dh(x, sk, pk2) == AL_OK && s->dh(y, sk2, pk) == AL_OK, "%s: dh works", s->name);
  tap_is_mem(x, y, 32, "%s: both sides of dh agree", s->name);
}

static void test_kem(const al_suite *s) {
  static uint8_t pk[AL_KEM_PK_BYTES], sk[AL_KEM_SK_BYTES], ct[AL_KEM_CT_BYTES];
  uint8_t seed[32], coins[64], x[32], y[32], z[32];
  fill(seed, 32, 11);
  fill(coins, 64, 12);
  s->kem_keypair(pk, sk, seed);
  tap_is_mem(sk + 2432, pk + 1184, 32, "%s: the expanded key ends with the X25519 key", s->name);
  tap_ok(s->kem_enc(ct, x, pk, coins) == AL_OK, "%s: kem_enc", s->name);
  s->kem_dec(y, ct, sk);
  tap_is_mem(x, y, 32, "%s: kem_dec gives the same secret", s->name);
  unsigned same = 0;
  for (size_t i = 0; i < AL_KEM_CT_BYTES; i += 35) {
    ct[i] ^= 4;
    s->kem_dec(y, ct, sk);
    s->kem_dec(z, ct, sk);
    same += memcmp(x, y, 32) == 0 || memcmp(y, z, 32) != 0;
    ct[i] ^= 4;
  }
  tap_is_u64(same, 0, "%s: a tampered ciphertext gives another secret, always the same", s->name);

  /* FIPS 203 7.2: the first coefficient becomes 3329 or more: 12 bits all ones are 4095. */
  memset(ct, 0x55, sizeof ct);
  memset(x, 0x55, sizeof x);
  pk[0] = 0xff;
  pk[1] |= 0x0f;
  tap_ok(s->kem_enc(ct, x, pk, coins) == AL_ECRYPTO, "%s: kem_enc checks the modulus", s->name);
  bool untouched = true;
  for (size_t i = 0; i < sizeof ct; i++) untouched = untouched && ct[i] == 0x55;
  tap_ok(untouched && x[0] == 0x55, "%s: and then writes nothing", s->name);
}

int main(void) {
  static const int widths[] = {32, 128, 256, 512};
  const al_suite *scalar = al_suite_hacl_width(32), *widest = NULL;
  fill(text, sizeof text, 1);
  fill(key, sizeof key, 2);
  fill(nonce, sizeof nonce, 3);
  tap_ok(scalar != NULL, "there is always a scalar width");
  tap_ok(al_suite_hacl_width(64) == NULL, "there is no width 64");
  for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
    const al_suite *s = al_suite_hacl_width(widths[i]);
    if (s == NULL) continue;
    widest = s;
    tap_ok(!s->simulation_only, "%s: is for use", s->name);
    test_stream(s, scalar);
    test_poly(s, scalar);
    test_aead(s, scalar);
    test_aead_tamper(s);
    test_dh(s);
    test_kem(s);
  }
  tap_ok(al_suite_hacl() == widest, "the default is the widest: %s", al_suite_hacl()->name);
  return tap_done();
}
