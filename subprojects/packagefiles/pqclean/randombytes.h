/* randombytes.h — stands in front of PQClean's header of this name when ML-DSA's sign.c is compiled, so
 * that it draws no randomness: its coins are arguments, and no global carries them.
 *
 * sign.c calls randombytes(dst, SEEDBYTES) once, in crypto_sign_keypair, before it writes sk; and
 * randombytes(dst, RNDBYTES) once, in crypto_sign_signature_ctx, before it writes sig. The name of the
 * length tells the two apart, and the coins are read from where the output is going to be:
 *   crypto_sign_keypair(pk, sk)         the 32-byte seed lies in sk[0..32)
 *   crypto_sign_signature_ctx(sig, ...) the 32-byte hedge lies in sig[0..32)
 * The sources are pinned by hash; the ACVP key generation and signing vectors fail if this order
 * ever changes. Used by src/crypto/hacl/mldsa.c only. */
#ifndef PQCLEAN_RANDOMBYTES_H
#define PQCLEAN_RANDOMBYTES_H

#include <string.h>

#define randombytes(dst, length_name) randombytes_##length_name(dst)
#define randombytes_SEEDBYTES(dst) memcpy((dst), sk, 32)
#define randombytes_RNDBYTES(dst) memcpy((dst), sig, 32)

#endif
