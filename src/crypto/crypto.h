/* crypto.h — what every layer builds on top of an al_suite: labels, HMAC, HKDF and the wide-block
 * cipher. Nothing here knows which provider it has. Layer 1. */
#ifndef AL_CRYPTO_H
#define AL_CRYPTO_H

#include "allium/al_suite.h"
#include "base/bytes.h"

/* al_label_id — the names in labels.def. */
typedef enum al_label_id {
#define AL_LABEL(name, text, use) AL_LABEL_##name,
#include "crypto/labels.def"
#undef AL_LABEL
  AL_LABEL_COUNT
} al_label_id;

enum {
  AL_HMAC_PARTS_MAX = 6,                   /* parts of one HMAC input, and of one HKDF info */
  AL_HKDF_BYTES_MAX = 255 * AL_HASH_BYTES, /* RFC 5869 2.3 */
  AL_WIDE_BYTES_MIN = 32,
  AL_WIDE_BYTES_MAX = 4096,
};

/* al_span — borrowed writable bytes. */
typedef struct al_span {
  uint8_t *ptr;
  size_t len;
} al_span;

/* al_label — the bytes of a label, without a NUL.
 *   id   below AL_LABEL_COUNT
 * Result: static bytes.   Cost: one switch.
 * Source: labels.def.     Tested: unit/crypto_kdf. */
al_bytes al_label(al_label_id id);

/* al_hmac_sha256 — HMAC-SHA-256 over the concatenation of some parts.
 *   out     the tag; may overlap no input                                              [out]
 *   key     any length                                                                 [borrowed]
 *   parts   count of them, at most AL_HMAC_PARTS_MAX                                   [borrowed]
 * Result: none.           Cost: 4 compressions and those of the parts; constant time in all bytes.
 * Source: RFC 2104, FIPS 198-1.   Tested: vectors (hmac). */
void al_hmac_sha256(const al_suite *suite, uint8_t out[32], al_bytes key, const al_bytes *parts,
                    size_t count);

/* al_hkdf_extract — a uniform key from uneven secrets.
 *   prk    the key                                                                     [out]
 *   salt   may be empty: then 32 zero bytes                                            [borrowed]
 * Result: none.           Cost: one HMAC.
 * Source: RFC 5869 2.2.   Tested: vectors (hkdf). */
void al_hkdf_extract(const al_suite *suite, uint8_t prk[32], al_bytes salt, al_bytes ikm);

/* al_hkdf_expand — bytes from a uniform key and an info of several parts.
 *   prk    32 uniform bytes                                                            [borrowed]
 *   info   count parts, concatenated; at most AL_HMAC_PARTS_MAX - 2                    [borrowed]
 *   out    at most AL_HKDF_BYTES_MAX bytes; may overlap no input                       [out]
 * Result: none.           Cost: one HMAC for each 32 bytes.
 * Source: RFC 5869 2.3.   Tested: vectors (hkdf). */
void al_hkdf_expand(const al_suite *suite, const uint8_t prk[32], const al_bytes *info,
                    size_t count, al_span out);

/* al_kdf — the only way keys are derived: HKDF-Expand with info = label ‖ 0x00 ‖ context.
 *   key       32 uniform bytes                                                         [borrowed]
 *   context   what the keys are bound to; may be empty                                 [borrowed]
 *   out       at most AL_HKDF_BYTES_MAX bytes                                          [out]
 * Result: none.           Cost: one HMAC for each 32 bytes.
 * Source: PROTOCOL.md 2.2.   Tested: unit/crypto_kdf. */
void al_kdf(const al_suite *suite, const uint8_t key[32], al_label_id label, al_bytes context,
            al_span out);

/* al_wide_key — the six keys of one wide-block cipher. Wipe it with al_wipe. */
typedef struct al_wide_key {
  uint8_t mac[2][32];    /* Poly1305 keys of rounds 1 and 3 */
  uint8_t prf[2][32];    /* ChaCha20 keys that turn those tags into masks */
  uint8_t stream[2][32]; /* ChaCha20 keys of rounds 2 and 4 */
} al_wide_key;

/* al_wide_init — derives the keys of a wide-block cipher.
 *   secret   32 uniform bytes; one secret serves one direction of one hop              [borrowed]
 *   key      the derived keys                                                          [out]
 * Result: none.           Cost: 6 HMACs, about 6 us natively.
 * Source: PROTOCOL.md 2.4.   Tested: unit/crypto_wide, vectors (wide). */
void al_wide_init(const al_suite *suite, const uint8_t secret[32], al_wide_key *key);

/* al_wide_encrypt — one pseudo-random permutation of a whole block, in place: a change of any bit
 * of the block or of the tweak changes every bit of the result with probability 1/2. tweak public;
 * separates blocks under one key (direction, counter) block   len bytes,
 * AL_WIDE_BYTES_MIN..AL_WIDE_BYTES_MAX                            [in/out, borrowed] Result: none.
 * Cost: two passes of Poly1305, two of ChaCha20, 4 blocks; no allocation; constant time in the key
 * and the block. Source: docs/decisions/0001-wide-block.md.   Tested: unit/crypto_wide, vectors
 * (wide), ct. */
void al_wide_encrypt(const al_suite *suite, const al_wide_key *key, uint64_t tweak, uint8_t *block,
                     size_t len);

/* al_wide_decrypt — the inverse of al_wide_encrypt under the same key, tweak and length.
 *   block   len bytes, AL_WIDE_BYTES_MIN..AL_WIDE_BYTES_MAX                            [in/out,
 * borrowed] Result: none: there is no tag; who needs authenticity puts known bytes into the
 * plaintext. Cost:   that of al_wide_encrypt. Source: docs/decisions/0001-wide-block.md.   Tested:
 * unit/crypto_wide, vectors (wide), ct. */
void al_wide_decrypt(const al_suite *suite, const al_wide_key *key, uint64_t tweak, uint8_t *block,
                     size_t len);

#endif
