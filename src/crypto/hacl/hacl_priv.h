/* hacl_priv.h — the parts of the hacl provider, one by one; src/crypto/hacl and tests only. The
 * suite (suite.c) is a table of these. Layer 1, internal. */
#ifndef AL_CRYPTO_HACL_PRIV_H
#define AL_CRYPTO_HACL_PRIV_H

#include "allium/al_suite.h"
#include "base/assert.h"
#include "base/bytes.h"

enum {
  AL_MLKEM_PK_BYTES = 1184,
  AL_MLKEM_SK_BYTES = 2400,
  AL_MLKEM_CT_BYTES = 1088,
  AL_MLDSA_PK_BYTES = 1952,
  AL_MLDSA_SK_BYTES = 4032,
  AL_MLDSA_SIG_BYTES = 3309,
};

/* al_hacl_in — HACL*, libcrux and their kin write through no input but declare inputs without
 * const. The one place where const is cast away. An empty view becomes a pointer that may be copied
 * from. */
static inline uint8_t *al_hacl_in(const uint8_t *p) {
  static const uint8_t none[1] = {0};
  return (uint8_t *)(uintptr_t)(p != NULL ? p : none);
}

/* al_hacl_len — a length as HACL* counts: 32 bits. */
static inline uint32_t al_hacl_len(size_t len) {
  AL_ASSERT(len <= UINT32_MAX);
  return (uint32_t)len;
}

/* sha2.c, sha3.c: hashes over several parts, without allocation. */

/* al_hacl_sha256 — SHA-256 of the concatenation of some parts.
 * Result: none.   Cost: one compression for each 64 bytes.
 * Source: FIPS 180-4; HACL*.   Tested: vectors (hash). */
void al_hacl_sha256(uint8_t out[32], const al_bytes *in, size_t in_count);

/* al_hacl_sha512_parts — SHA-512 of three parts, for Ed25519 (Hacl_Hash_SHA2_shim.h).
 *   part   each may be NULL when its length is 0                                       [borrowed]
 * Result: none.   Cost: one compression for each 128 bytes.
 * Source: FIPS 180-4; HACL*.   Tested: vectors (hash, ed25519). */
void al_hacl_sha512_parts(uint8_t out[64], const uint8_t *const part[3], const uint32_t len[3]);

/* al_hacl_sha3_256 — SHA3-256 of the concatenation of some parts.
 * Result: none.   Cost: one permutation for each 136 bytes.
 * Source: FIPS 202; HACL*.   Tested: vectors (hash). */
void al_hacl_sha3_256(uint8_t out[32], const al_bytes *in, size_t in_count);

/* al_hacl_shake256 — SHAKE256 of the concatenation of some parts.
 * Result: none.   Cost: one permutation for each 136 bytes in and out.
 * Source: FIPS 202; HACL*.   Tested: vectors (hash). */
void al_hacl_shake256(uint8_t *out, size_t out_len, const al_bytes *in, size_t in_count);

/* kem.c: X25519, ML-KEM-768, X-Wing. */

/* al_hacl_dh_public — X25519 public key.
 * Result: none.   Cost: one ladder.   Source: RFC 7748; HACL*.   Tested: unit/crypto_suite. */
void al_hacl_dh_public(uint8_t pk[32], const uint8_t sk[32]);

/* al_hacl_dh — X25519 shared secret.
 * Result: AL_ECRYPTO, and out wiped, when it is all zero.   Cost: one ladder.
 * Source: RFC 7748 6.1; HACL*.   Tested: vectors (x25519), unit/crypto_suite. */
al_err al_hacl_dh(uint8_t out[32], const uint8_t sk[32], const uint8_t pk[32]);

/* al_hacl_mlkem_keypair — ML-KEM-768 keys from d ‖ z.
 * Result: none.   Cost: about 40 us.   Source: FIPS 203 7.1; libcrux.   Tested: vectors (mlkem768).
 */
void al_hacl_mlkem_keypair(uint8_t pk[AL_MLKEM_PK_BYTES], uint8_t sk[AL_MLKEM_SK_BYTES],
                           const uint8_t seed[64]);

/* al_hacl_mlkem_enc — ML-KEM-768 encapsulation of a given message.
 * Result: AL_ECRYPTO when the key fails the modulus check; ct and ss are then untouched.
 * Cost: about 47 us.   Source: FIPS 203 7.2; libcrux.   Tested: vectors (mlkem768). */
al_err al_hacl_mlkem_enc(uint8_t ct[AL_MLKEM_CT_BYTES], uint8_t ss[32],
                         const uint8_t pk[AL_MLKEM_PK_BYTES], const uint8_t coins[32]);

/* al_hacl_mlkem_dec — ML-KEM-768 decapsulation with implicit rejection.
 * Result: none.   Cost: about 50 us.   Source: FIPS 203 7.3; libcrux.   Tested: vectors (mlkem768).
 */
void al_hacl_mlkem_dec(uint8_t ss[32], const uint8_t ct[AL_MLKEM_CT_BYTES],
                       const uint8_t sk[AL_MLKEM_SK_BYTES]);

/* al_hacl_mlkem_check_sk — the hash check that FIPS 203 7.3 wants of decapsulation keys from
 * elsewhere. Ours are always expanded from a seed, so only the vectors need it. Result: whether the
 * key is consistent.   Cost: one hash. Source: FIPS 203 7.3; libcrux.   Tested: vectors (mlkem768).
 */
bool al_hacl_mlkem_check_sk(const uint8_t sk[AL_MLKEM_SK_BYTES]);

/* al_hacl_kem_keypair — X-Wing keys from a seed; the secret key is the expanded one.
 * Result: none.   Cost: about 75 us.
 * Source: draft-connolly-cfrg-xwing-kem 5.2.   Tested: vectors (xwing). */
void al_hacl_kem_keypair(uint8_t pk[AL_KEM_PK_BYTES], uint8_t sk[AL_KEM_SK_BYTES],
                         const uint8_t seed[AL_KEM_SEED_BYTES]);

/* al_hacl_kem_enc — X-Wing encapsulation with given coins.
 * Result: AL_ECRYPTO when the key fails the modulus check; ct and ss are then untouched.
 * Cost: about 115 us.   Source: draft-connolly-cfrg-xwing-kem 5.4.   Tested: vectors (xwing). */
al_err al_hacl_kem_enc(uint8_t ct[AL_KEM_CT_BYTES], uint8_t ss[32],
                       const uint8_t pk[AL_KEM_PK_BYTES], const uint8_t coins[AL_KEM_COINS_BYTES]);

/* al_hacl_kem_dec — X-Wing decapsulation.
 * Result: none.   Cost: about 85 us.
 * Source: draft-connolly-cfrg-xwing-kem 5.5.   Tested: vectors (xwing). */
void al_hacl_kem_dec(uint8_t ss[32], const uint8_t ct[AL_KEM_CT_BYTES],
                     const uint8_t sk[AL_KEM_SK_BYTES]);

/* mldsa.c: ML-DSA-65, with the coins as arguments. */

/* al_hacl_mldsa_keypair — ML-DSA-65 keys from a seed.
 * Result: none.   Cost: about 130 us.   Source: FIPS 204 5.1; PQClean.   Tested: vectors (mldsa65).
 */
void al_hacl_mldsa_keypair(uint8_t pk[AL_MLDSA_PK_BYTES], uint8_t sk[AL_MLDSA_SK_BYTES],
                           const uint8_t seed[32]);

/* al_hacl_mldsa_sign — pure ML-DSA-65; coins all zero is the deterministic variant.
 * Result: none.   Cost: 0.3 to 3 ms, by the standard's rejection loop.
 * Source: FIPS 204 5.2; PQClean.   Tested: vectors (mldsa65). */
void al_hacl_mldsa_sign(uint8_t sig[AL_MLDSA_SIG_BYTES], const uint8_t sk[AL_MLDSA_SK_BYTES],
                        al_bytes context, al_bytes msg, const uint8_t coins[32]);

/* al_hacl_mldsa_verify — pure ML-DSA-65; false for every length but AL_MLDSA_SIG_BYTES.
 * Result: whether it is valid.   Cost: about 135 us.
 * Source: FIPS 204 5.3; PQClean.   Tested: vectors (mldsa65). */
bool al_hacl_mldsa_verify(al_bytes sig, const uint8_t pk[AL_MLDSA_PK_BYTES], al_bytes context,
                          al_bytes msg);

/* sig.c: Ed25519 and the hybrid. */

/* al_hacl_ed25519_public — Ed25519 public key of a seed.
 * Result: none.   Cost: one base multiplication.   Source: RFC 8032; HACL*.   Tested: vectors. */
void al_hacl_ed25519_public(uint8_t pk[32], const uint8_t seed[32]);

/* al_hacl_ed25519_sign — pure Ed25519.
 * Result: none.   Cost: about 50 us.   Source: RFC 8032; HACL*.   Tested: vectors (ed25519). */
void al_hacl_ed25519_sign(uint8_t sig[64], const uint8_t seed[32], al_bytes msg);

/* al_hacl_ed25519_verify — pure Ed25519, cofactorless.
 * Result: whether it is valid.   Cost: about 60 us.
 * Source: RFC 8032; HACL*.   Tested: vectors (ed25519). */
bool al_hacl_ed25519_verify(const uint8_t sig[64], const uint8_t pk[32], al_bytes msg);

/* blind.c: Ed25519 keys multiplied by a public factor. */

/* al_hacl_ed25519_blind_public — the blinded public key.
 *   factor   32 bytes, clamped as RFC 8032 clamps secret scalars
 * Result: AL_ECRYPTO for what is no point or has small order; out is then untouched.
 * Cost: one point multiplication.   Source: PROTOCOL.md 9.1; HACL*.   Tested: vectors (ed25519). */
al_err al_hacl_ed25519_blind_public(uint8_t out[32], const uint8_t pk[32],
                                    const uint8_t factor[32]);

/* al_hacl_ed25519_blind_expand — the blinded secret key: public key ‖ scalar ‖ prefix.
 * Result: none.   Cost: two point multiplications; constant time in the seed.
 * Source: PROTOCOL.md 9.1; HACL*.   Tested: vectors (ed25519), ct. */
void al_hacl_ed25519_blind_expand(uint8_t expanded[96], const uint8_t seed[32],
                                  const uint8_t factor[32]);

/* al_hacl_ed25519_blind_sign — pure Ed25519 under the blinded key.
 * Result: none.   Cost: three point multiplications; constant time in the seed.
 * Source: PROTOCOL.md 9.1; HACL*.   Tested: vectors (service), unit/crypto_sig, ct. */
void al_hacl_ed25519_blind_sign(uint8_t sig[64], const uint8_t seed[32], const uint8_t factor[32],
                                al_bytes msg);

/* al_hacl_sig_keypair — both key pairs from both seeds.
 * Result: none.   Cost: about 180 us.   Source: PROTOCOL.md 2.3.   Tested: unit/crypto_sig. */
void al_hacl_sig_keypair(uint8_t pk[AL_SIG_PK_BYTES], uint8_t sk[AL_SIG_SK_BYTES],
                         const uint8_t seed[AL_SIG_SEED_BYTES]);

/* al_hacl_sign — the hybrid signature.
 * Result: AL_EINVAL when context or message is too long; sig is then untouched.
 * Cost: those of both.   Source: PROTOCOL.md 2.3.   Tested: unit/crypto_sig. */
al_err al_hacl_sign(uint8_t sig[AL_SIG_BYTES], const uint8_t sk[AL_SIG_SK_BYTES], al_bytes context,
                    al_bytes msg, const uint8_t coins[AL_SIG_COINS_BYTES]);

/* al_hacl_verify — valid only when both halves are; both are always computed.
 * Result: AL_OK, AL_ECRYPTO, or AL_EINVAL when context or message is too long.
 * Cost: those of both.   Source: PROTOCOL.md 2.3.   Tested: unit/crypto_sig. */
al_err al_hacl_verify(const uint8_t sig[AL_SIG_BYTES], const uint8_t pk[AL_SIG_PK_BYTES],
                      al_bytes context, al_bytes msg);

/* suite.c */

/* al_hacl_aead — one AEAD call with its whole 12-byte nonce. */
typedef struct al_hacl_aead {
  uint8_t *text; /* len bytes, in place */
  size_t len;
  uint8_t *tag; /* 16: written by seal, read by open */
  const uint8_t *key;
  const uint8_t *nonce;
  al_bytes ad;
} al_hacl_aead;

/* al_hacl_seal_raw — ChaCha20-Poly1305 at one width whatever the length, with any nonce: for the
 * vectors, whose nonces al_suite's 64-bit number cannot say.
 * Result: AL_EINVAL when there is no such width here.   Cost: one AEAD.
 * Source: RFC 8439 2.8; HACL*.   Tested: vectors (chachapoly). */
al_err al_hacl_seal_raw(int width, const al_hacl_aead *a);

/* al_hacl_open_raw — the inverse of al_hacl_seal_raw.
 * Result: AL_EINVAL when there is no such width here; AL_ECRYPTO, and text as it was, when the tag
 * is wrong.   Cost: one AEAD.   Source: RFC 8439 2.8; HACL*.   Tested: vectors (chachapoly). */
al_err al_hacl_open_raw(int width, const al_hacl_aead *a);

/* aead_wasm.c: the AEAD of the 128-bit width in WebAssembly, in the shape of HACL*'s functions. */

/* al_hacl_aead_seal — ChaCha20-Poly1305 from vector ChaCha20 and scalar Poly1305.
 *   text   len bytes, encrypted to out, which may be the same                          [borrowed]
 * Result: none.   Cost: see bench/micro.   Source: RFC 8439 2.8.   Tested: vectors (chachapoly). */
void al_hacl_aead_seal(uint8_t *key, uint8_t *nonce, uint32_t ad_len, uint8_t *ad, uint32_t len,
                       uint8_t *text, uint8_t *out, uint8_t *tag);

/* al_hacl_aead_open — the inverse of al_hacl_aead_seal.
 *   out   the plaintext; untouched on failure; may be text                             [out]
 * Result: 0, or 1 when the tag is wrong.   Cost: see bench/micro.
 * Source: RFC 8439 2.8.   Tested: vectors (chachapoly). */
uint32_t al_hacl_aead_open(uint8_t *key, uint8_t *nonce, uint32_t ad_len, uint8_t *ad, uint32_t len,
                           uint8_t *out, uint8_t *text, uint8_t *tag);

#endif
