/* mldsa.c — ML-DSA-65 from PQClean. Its coins travel in the output buffer, because PQClean has no
 * argument for them and we have no global: subprojects/packagefiles/pqclean/randombytes.h says how.
 */
#include <string.h>

#include "api.h"
#include "crypto/hacl/hacl_priv.h"

_Static_assert(PQCLEAN_MLDSA65_CLEAN_CRYPTO_PUBLICKEYBYTES == AL_MLDSA_PK_BYTES, "ML-DSA-65");
_Static_assert(PQCLEAN_MLDSA65_CLEAN_CRYPTO_SECRETKEYBYTES == AL_MLDSA_SK_BYTES, "ML-DSA-65");
_Static_assert(PQCLEAN_MLDSA65_CLEAN_CRYPTO_BYTES == AL_MLDSA_SIG_BYTES, "ML-DSA-65");

void al_hacl_mldsa_keypair(uint8_t pk[AL_MLDSA_PK_BYTES], uint8_t sk[AL_MLDSA_SK_BYTES],
                           const uint8_t seed[32]) {
  memcpy(sk, seed, 32);
  int failed = PQCLEAN_MLDSA65_CLEAN_crypto_sign_keypair(pk, sk);
  AL_ASSERT(!failed);
}

void al_hacl_mldsa_sign(uint8_t sig[AL_MLDSA_SIG_BYTES], const uint8_t sk[AL_MLDSA_SK_BYTES],
                        al_bytes context, al_bytes msg, const uint8_t coins[32]) {
  AL_ASSERT(context.len <= 255);
  size_t len = 0;
  memcpy(sig, coins, 32);
  int failed = PQCLEAN_MLDSA65_CLEAN_crypto_sign_signature_ctx(sig, &len, msg.ptr, msg.len,
                                                               context.ptr, context.len, sk);
  AL_ASSERT(!failed && len == AL_MLDSA_SIG_BYTES);
}

bool al_hacl_mldsa_verify(al_bytes sig, const uint8_t pk[AL_MLDSA_PK_BYTES], al_bytes context,
                          al_bytes msg) {
  return PQCLEAN_MLDSA65_CLEAN_crypto_sign_verify_ctx(sig.ptr, sig.len, msg.ptr, msg.len,
                                                      context.ptr, context.len, pk) == 0;
}
