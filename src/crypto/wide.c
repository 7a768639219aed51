/* wide.c — the wide-block cipher of onion layers: four unbalanced Feistel rounds over Poly1305 and
 * ChaCha20. Why it is a tweakable strong pseudo-random permutation, and how far:
 * docs/decisions/0001-wide-block.md. */
#include <string.h>

#include "base/assert.h"
#include "crypto/crypto.h"

enum { LEFT = 16 }; /* bytes of the left half; the right half is the rest */

/* ChaCha20 as a pseudo-random function of 16 bytes: the first 4 are the counter (RFC 8439's
 * little-endian word), the other 12 the nonce. All 128 bits count. */
static void prf16(const al_suite *suite, uint8_t out[64], const uint8_t key[32],
                  const uint8_t in[LEFT]) {
  suite->block(out, key, in + 4, al_load_u32(in));
}

/* Rounds 1 and 3: L ^= PRF(Poly1305(T ‖ R)). T is written where L lies, so that T ‖ R is one run of
 * bytes and nothing is copied but these 16. */
static void round_left(const al_suite *suite, const al_wide_key *key, int which,
                       const uint8_t t[LEFT], al_span block) {
  uint8_t left[LEFT], tag[16], mask[64];
  memcpy(left, block.ptr, LEFT);
  memcpy(block.ptr, t, LEFT);
  suite->poly1305(tag, block.ptr, block.len, key->mac[which]);
  prf16(suite, mask, key->prf[which], tag);
  for (int i = 0; i < LEFT; i++) block.ptr[i] = (uint8_t)(left[i] ^ mask[i]);
  al_wipe(left, sizeof left);
  al_wipe(tag, sizeof tag);
  al_wipe(mask, sizeof mask);
}

/* Rounds 2 and 4: R ^= ChaCha20 under a key that L selects. */
static void round_right(const al_suite *suite, const al_wide_key *key, int which, al_span block) {
  static const uint8_t nonce[12] = {0};
  uint8_t subkey[64];
  prf16(suite, subkey, key->stream[which], block.ptr);
  suite->xor_stream(block.ptr + LEFT, block.len - LEFT, subkey, nonce, 0);
  al_wipe(subkey, sizeof subkey);
}

void al_wide_init(const al_suite *suite, const uint8_t secret[32], al_wide_key *key) {
  uint8_t all[sizeof *key];
  al_kdf(suite, secret, AL_LABEL_WIDE, (al_bytes){NULL, 0}, (al_span){all, sizeof all});
  memcpy(key->mac, all, 64);
  memcpy(key->prf, all + 64, 64);
  memcpy(key->stream, all + 128, 64);
  al_wipe(all, sizeof all);
}

void al_wide_encrypt(const al_suite *suite, const al_wide_key *key, uint64_t tweak, uint8_t *block,
                     size_t len) {
  AL_ASSERT(len >= AL_WIDE_BYTES_MIN && len <= AL_WIDE_BYTES_MAX);
  uint8_t t[LEFT];
  al_store_u64(t, tweak);
  al_store_u64(t + 8, len);
  const al_span b = {block, len};
  round_left(suite, key, 0, t, b);
  round_right(suite, key, 0, b);
  round_left(suite, key, 1, t, b);
  round_right(suite, key, 1, b);
}

void al_wide_decrypt(const al_suite *suite, const al_wide_key *key, uint64_t tweak, uint8_t *block,
                     size_t len) {
  AL_ASSERT(len >= AL_WIDE_BYTES_MIN && len <= AL_WIDE_BYTES_MAX);
  uint8_t t[LEFT];
  al_store_u64(t, tweak);
  al_store_u64(t + 8, len);
  const al_span b = {block, len};
  round_right(suite, key, 1, b);
  round_left(suite, key, 1, t, b);
  round_right(suite, key, 0, b);
  round_left(suite, key, 0, t, b);
}
