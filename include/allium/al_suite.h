/* al_suite.h — the one face of cryptography. A provider (hacl, null) fills one `al_suite`;
 * everything above calls only these members. All coins are arguments: no function here draws
 * randomness. Layer 0 (types only). Source: PROTOCOL.md 2. */
#ifndef AL_SUITE_H
#define AL_SUITE_H

#include "al_types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  AL_KEY_BYTES = 32,       /* symmetric keys, X25519 scalars and points, seeds */
  AL_HASH_BYTES = 32,      /* SHA-256, SHA3-256 */
  AL_TAG_BYTES = 16,       /* Poly1305 tag */
  AL_KEM_SEED_BYTES = 32,  /* X-Wing decapsulation key as a seed */
  AL_KEM_COINS_BYTES = 64, /* X-Wing encapsulation: 32 ML-KEM message, 32 X25519 scalar */
  AL_KEM_PK_BYTES = 1216,  /* X-Wing public key: 1184 ML-KEM-768 ‖ 32 X25519 */
  AL_KEM_CT_BYTES = 1120,  /* X-Wing ciphertext: 1088 ‖ 32 */
  /* expanded decapsulation key: 2400 ML-KEM ‖ 32 X25519 secret ‖ 32 public */
  AL_KEM_SK_BYTES = 2464,
  AL_SIG_SEED_BYTES = 64,       /* 32 Ed25519 ‖ 32 ML-DSA-65 */
  AL_SIG_PK_BYTES = 1984,       /* 32 Ed25519 ‖ 1952 ML-DSA-65 */
  AL_SIG_SK_BYTES = 4064,       /* 32 Ed25519 seed ‖ 4032 ML-DSA-65 */
  AL_SIG_BYTES = 3373,          /* 64 Ed25519 ‖ 3309 ML-DSA-65 */
  AL_SIG_COINS_BYTES = 32,      /* ML-DSA hedge */
  AL_SIG_MSG_BYTES_MAX = 16384, /* longest signed message; longer ones: AL_EINVAL */
  AL_ED_SEED_BYTES = 32,        /* Ed25519 alone: keys that are blinded, or short-lived */
  AL_ED_PK_BYTES = 32,
  AL_ED_SIG_BYTES = 64,
};

/* al_suite — one provider. Sizes are the enum above for every provider, `null` included.
 * Inputs are never written through; outputs may not overlap inputs unless a member says so. */
typedef struct al_suite {
  const char *name; /* "hacl-avx512", "hacl-avx2", "hacl-128", "hacl-32", "null" */
  /* true for null: al_node_new refuses it unless al_config.simulation is set */
  bool simulation_only;

  void (*sha256)(uint8_t out[32], const al_bytes *in, size_t in_count);
  void (*sha3_256)(uint8_t out[32], const al_bytes *in, size_t in_count);
  void (*shake256)(uint8_t *out, size_t out_len, const al_bytes *in, size_t in_count);

  /* X25519. dh returns AL_ECRYPTO on the all-zero result (RFC 7748 6.1) and then wipes out. */
  void (*dh_public)(uint8_t pk[32], const uint8_t sk[32]);
  al_err (*dh)(uint8_t out[32], const uint8_t sk[32], const uint8_t pk[32]);

  /* X-Wing (draft-connolly-cfrg-xwing-kem). kem_keypair expands a seed; kem_enc checks the
   * encapsulation key's modulus (FIPS 203 7.2) and fails with AL_ECRYPTO; kem_dec never fails
   * (implicit rejection). */
  void (*kem_keypair)(uint8_t pk[AL_KEM_PK_BYTES], uint8_t sk[AL_KEM_SK_BYTES],
                      const uint8_t seed[AL_KEM_SEED_BYTES]);
  al_err (*kem_enc)(uint8_t ct[AL_KEM_CT_BYTES], uint8_t ss[32], const uint8_t pk[AL_KEM_PK_BYTES],
                    const uint8_t coins[AL_KEM_COINS_BYTES]);
  void (*kem_dec)(uint8_t ss[32], const uint8_t ct[AL_KEM_CT_BYTES],
                  const uint8_t sk[AL_KEM_SK_BYTES]);

  /* Hybrid signature: Ed25519 and ML-DSA-65 over the same framed message (context ‖ message,
   * PROTOCOL.md 2.3); both must verify. context is at most 255 bytes. Not for the packet path. */
  void (*sig_keypair)(uint8_t pk[AL_SIG_PK_BYTES], uint8_t sk[AL_SIG_SK_BYTES],
                      const uint8_t seed[AL_SIG_SEED_BYTES]);
  al_err (*sign)(uint8_t sig[AL_SIG_BYTES], const uint8_t sk[AL_SIG_SK_BYTES], al_bytes context,
                 al_bytes msg, const uint8_t coins[AL_SIG_COINS_BYTES]);
  al_err (*verify)(const uint8_t sig[AL_SIG_BYTES], const uint8_t pk[AL_SIG_PK_BYTES],
                   al_bytes context, al_bytes msg);

  /* Ed25519 alone (RFC 8032), for records that must be verified under a blinded key. The message
   * is a hash that names its label. */
  void (*ed_public)(uint8_t pk[AL_ED_PK_BYTES], const uint8_t seed[AL_ED_SEED_BYTES]);
  void (*ed_sign)(uint8_t sig[AL_ED_SIG_BYTES], const uint8_t seed[AL_ED_SEED_BYTES],
                  const uint8_t hash[AL_HASH_BYTES]);
  al_err (*ed_verify)(const uint8_t sig[AL_ED_SIG_BYTES], const uint8_t pk[AL_ED_PK_BYTES],
                      const uint8_t hash[AL_HASH_BYTES]);
  /* The same keys multiplied by a factor that both sides know (PROTOCOL.md 9.1): a signature of
   * ed_blind_sign verifies under the key of ed_blind_public. AL_ECRYPTO: pk is not a key. */
  al_err (*ed_blind_public)(uint8_t out[AL_ED_PK_BYTES], const uint8_t pk[AL_ED_PK_BYTES],
                            const uint8_t factor[AL_KEY_BYTES]);
  void (*ed_blind_sign)(uint8_t sig[AL_ED_SIG_BYTES], const uint8_t seed[AL_ED_SEED_BYTES],
                        const uint8_t factor[AL_KEY_BYTES], const uint8_t hash[AL_HASH_BYTES]);

  /* ChaCha20-Poly1305 (RFC 8439), in place over text[len]; nonce = 4 zero bytes ‖ nonce LE64.
   * open fails with AL_ECRYPTO and leaves text as it was. */
  void (*seal)(uint8_t *text, size_t len, uint8_t tag[16], const uint8_t key[32], uint64_t nonce,
               al_bytes ad);
  al_err (*open)(uint8_t *text, size_t len, const uint8_t tag[16], const uint8_t key[32],
                 uint64_t nonce, al_bytes ad);

  /* ChaCha20 (RFC 8439 2.4), in place; counter + len/64 must not pass 2^32. */
  void (*xor_stream)(uint8_t *text, size_t len, const uint8_t key[32], const uint8_t nonce[12],
                     uint32_t counter);
  /* One ChaCha20 block: 64 bytes of key stream. The fast path for PRF calls. */
  void (*block)(uint8_t out[64], const uint8_t key[32], const uint8_t nonce[12], uint32_t counter);
  /* Poly1305 (RFC 8439 2.5) over one buffer. */
  void (*poly1305)(uint8_t tag[16], const uint8_t *msg, size_t len, const uint8_t key[32]);
} al_suite;

/* al_suite_hacl — the default provider, at the widest SIMD this CPU has.
 *   Result: a static object.   Cost: CPU detection at the first call.
 *   Source: HACL* and libcrux (docs/DEPENDENCIES.md).   Tested: vectors. */
const al_suite *al_suite_hacl(void);

/* al_suite_hacl_width — the default provider at one SIMD width.
 *   width   32, 128, 256, or 512: AVX-512 instructions on 256-bit vectors                [bits]
 *   Result: NULL when the CPU or the build lacks it.   Cost: none.
 *   Source: HACL*.   Tested: vectors, every width. */
const al_suite *al_suite_hacl_width(int width);

/* al_suite_null — same sizes, no secrecy: for simulations of many nodes only.
 *   Result: a static object with simulation_only set.   Cost: none.
 *   Source: docs/ARCHITECTURE.md.   Tested: unit/crypto_null. */
const al_suite *al_suite_null(void);

#ifdef __cplusplus
}
#endif
#endif
