/* Hacl_Hash_SHA2_shim.h — what Hacl_Ed25519.c includes as "../Hacl_Hash_SHA2_shim.h". NSS puts its own,
 * unverified SHA-512 behind these three names; here they reach HACL*'s SHA-512. The file is found
 * through the include folder beside it, so that the fetched sources stay as they are. */
#ifndef HACL_HASH_SHA2_SHIM_H
#define HACL_HASH_SHA2_SHIM_H

#include <stddef.h>
#include <stdint.h>

/* Defined in src/crypto/hacl/sha2.c: SHA-512 over up to three parts, without allocation. */
void al_hacl_sha512_parts(uint8_t out[64], const uint8_t *const part[3], const uint32_t len[3]);

static inline void Hacl_Streaming_SHA2_hash_512(uint8_t *input, uint32_t len, uint8_t *out) {
  al_hacl_sha512_parts(out, (const uint8_t *const[3]){input, NULL, NULL},
                       (const uint32_t[3]){len, 0, 0});
}

static inline void sha512_pre_msg(uint8_t *out, uint8_t *prefix, uint32_t len, uint8_t *msg) {
  al_hacl_sha512_parts(out, (const uint8_t *const[3]){prefix, msg, NULL},
                       (const uint32_t[3]){32, len, 0});
}

static inline void sha512_pre_pre2_msg(uint8_t *out, uint8_t *prefix, uint8_t *prefix2,
                                       uint32_t len, uint8_t *msg) {
  al_hacl_sha512_parts(out, (const uint8_t *const[3]){prefix, prefix2, msg},
                       (const uint32_t[3]){32, 32, len});
}

#endif
