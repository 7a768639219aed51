/* The null provider: no secrecy, but the same algebra, so that a simulation meets the same
 * failures. */
#include "crypto/crypto.h"
#include "tap.h"

static const al_suite *s;
static uint8_t a[1200], b[1200], zero[1200];

static void test_kem(void) {
  static uint8_t pk[AL_KEM_PK_BYTES], sk[AL_KEM_SK_BYTES], ct[AL_KEM_CT_BYTES];
  static uint8_t pk2[AL_KEM_PK_BYTES], sk2[AL_KEM_SK_BYTES];
  uint8_t seed[32] = {1}, coins[64] = {2}, x[32], y[32];
  s->kem_keypair(pk, sk, seed);
  seed[31] = 1;
  s->kem_keypair(pk2, sk2, seed);
  tap_ok(s->kem_enc(ct, x, pk, coins) == AL_OK, "kem_enc");
  s->kem_dec(y, ct, sk);
  tap_is_mem(x, y, 32, "kem_dec gives the same secret");
  s->kem_dec(y, ct, sk2);
  tap_ok(memcmp(x, y, 32) != 0, "another key gives another secret");
  unsigned same = 0;
  for (size_t i = 0; i < AL_KEM_CT_BYTES; i++) {
    ct[i] ^= 1;
    s->kem_dec(y, ct, sk);
    same += memcmp(x, y, 32) == 0;
    ct[i] ^= 1;
  }
  tap_is_u64(same, 0, "every byte of the ciphertext counts");
  coins[63] = 1;
  s->kem_enc(ct, y, pk, coins);
  tap_ok(memcmp(x, y, 32) != 0, "other coins, another secret");
  pk[700] ^= 1;
  tap_ok(s->kem_enc(ct, y, pk, coins) == AL_ECRYPTO, "a mangled public key is refused");
}

static void test_dh(void) {
  uint8_t sk1[32] = {1}, sk2[32] = {2}, pk1[32], pk2[32], x[32], y[32];
  s->dh_public(pk1, sk1);
  s->dh_public(pk2, sk2);
  tap_ok(s->dh(x, sk1, pk2) == AL_OK && s->dh(y, sk2, pk1) == AL_OK, "dh");
  tap_is_mem(x, y, 32, "dh commutes");
  s->dh(y, sk1, pk1);
  tap_ok(memcmp(x, y, 32) != 0, "dh depends on the other key");
  tap_ok(s->dh(y, sk1, zero) == AL_ECRYPTO && al_zero_ct(y, 32), "dh refuses and wipes zero");
}

/* Each 8-byte word of the key stream must depend on key, nonce and counter, or layers would cancel.
 */
static void test_stream(void) {
  uint8_t key[32] = {1}, nonce[12] = {2};
  for (int change = 0; change < 3; change++) {
    memset(a, 0, sizeof a);
    memset(b, 0, sizeof b);
    s->xor_stream(a, sizeof a, key, nonce, 5);
    if (change == 0) key[31] ^= 1;
    if (change == 1) nonce[11] ^= 1;
    s->xor_stream(b, sizeof b, key, nonce, change == 2 ? 6 : 5);
    unsigned same = 0;
    for (size_t i = 0; i < sizeof a; i += 8) {
      same += memcmp(a + i, b + i, 8) == 0 || al_load_u64(a + i) == 0;
    }
    static const char *const what[3] = {"key", "nonce", "counter"};
    tap_is_u64(same, 0, "every word of the stream depends on the %s", what[change]);
  }
  s->block(b, key, nonce, 6);
  memset(a, 0, 128);
  s->xor_stream(a, 128, key, nonce, 5);
  tap_is_mem(a + 64, b, 64, "block is the stream's block");
  memset(a, 0, sizeof a);
  s->xor_stream(a, 77, key, nonce, 5);
  s->xor_stream(a, 77, key, nonce, 5);
  tap_ok(al_zero_ct(a, sizeof a), "the stream undoes itself and writes nothing else");
}

static void test_aead(void) {
  uint8_t key[32] = {1}, tag[16];
  unsigned taken = 0;
  memset(a, 7, sizeof a);
  memcpy(b, a, sizeof b);
  s->seal(a, 1096, tag, key, 1, (al_bytes){key, 8});
  tap_ok(memcmp(a, b, 1096) != 0, "seal changes the text");
  for (size_t i = 0; i < 1096; i++) {
    a[i] ^= 1;
    taken += s->open(a, 1096, tag, key, 1, (al_bytes){key, 8}) == AL_OK;
    a[i] ^= 1;
  }
  taken += s->open(a, 1096, tag, key, 2, (al_bytes){key, 8}) == AL_OK;
  taken += s->open(a, 1096, tag, key, 1, (al_bytes){key, 9}) == AL_OK;
  taken += s->open(a, 1095, tag, key, 1, (al_bytes){key, 8}) == AL_OK;
  tap_is_u64(taken, 0, "every change is noticed");
  tap_ok(s->open(a, 1096, tag, key, 1, (al_bytes){key, 8}) == AL_OK, "open");
  tap_is_mem(a, b, sizeof a, "open gives the text back");
}

static void test_hashes(void) {
  uint8_t x[32], y[32];
  unsigned same = 0;
  for (size_t i = 0; i < sizeof a; i++) a[i] = (uint8_t)i;
  for (size_t n = 0; n < 300; n++) {
    const al_bytes parts[3] = {{a, n / 3}, {a + n / 3, n / 2 - n / 3}, {a + n / 2, n - n / 2}};
    s->sha256(x, &(al_bytes){a, n}, 1);
    s->sha256(y, parts, 3);
    if (memcmp(x, y, 32) != 0) same++;
    s->sha3_256(y, parts, 3);
    if (memcmp(x, y, 32) == 0) same++;
    s->sha256(y, &(al_bytes){a, n + 1}, 1);
    if (memcmp(x, y, 32) == 0) same++;
  }
  tap_is_u64(same, 0, "parts do not matter; function and length do");
  s->shake256(a, 100, &(al_bytes){x, 32}, 1);
  s->shake256(b, 33, &(al_bytes){x, 32}, 1);
  tap_is_mem(a, b, 33, "a short shake256 is the beginning of a long one");
}

static void test_blinding(void) {
  uint8_t seed[32] = {3}, factor[32] = {4}, hash[32] = {5}, pk[32], blinded[32], sig[64];
  s->ed_public(pk, seed);
  tap_ok(s->ed_blind_public(blinded, pk, factor) == AL_OK, "ed_blind_public");
  s->ed_blind_sign(sig, seed, factor, hash);
  tap_ok(s->ed_verify(sig, blinded, hash) == AL_OK, "a blinded signature verifies");
  tap_ok(s->ed_verify(sig, pk, hash) == AL_ECRYPTO, "and not under the key itself");
  factor[31] ^= 1;
  tap_ok(s->ed_blind_public(pk, pk, factor) == AL_OK && s->ed_verify(sig, pk, hash) == AL_ECRYPTO,
         "nor under another factor");
  tap_ok(s->ed_blind_public(blinded, zero, factor) == AL_ECRYPTO, "what is no key is refused");
}

int main(void) {
  s = al_suite_null();
  tap_ok(s->simulation_only, "null says that it is for simulations only");
  test_kem();
  test_dh();
  test_stream();
  test_aead();
  test_hashes();
  test_blinding();
  return tap_done();
}
