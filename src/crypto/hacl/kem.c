/* kem.c — X25519 from HACL*, ML-KEM-768 from libcrux, and X-Wing over both. */
#include <string.h>

#include "Hacl_Curve25519_51.h"
#include "crypto/hacl/hacl_priv.h"
#include "libcrux_mlkem768_portable.h"

typedef libcrux_ml_kem_types_MlKemPublicKey_15 mlkem_pk;
typedef libcrux_ml_kem_types_MlKemPrivateKey_55 mlkem_sk;
typedef libcrux_ml_kem_mlkem768_MlKem768Ciphertext mlkem_ct;

_Static_assert(sizeof(mlkem_pk) == AL_MLKEM_PK_BYTES, "a public key is its bytes");
_Static_assert(sizeof(mlkem_sk) == AL_MLKEM_SK_BYTES, "a secret key is its bytes");
_Static_assert(sizeof(mlkem_ct) == AL_MLKEM_CT_BYTES, "a ciphertext is its bytes");

void al_hacl_dh_public(uint8_t pk[32], const uint8_t sk[32]) {
  Hacl_Curve25519_51_secret_to_public(pk, al_hacl_in(sk));
}

al_err al_hacl_dh(uint8_t out[32], const uint8_t sk[32], const uint8_t pk[32]) {
  if (Hacl_Curve25519_51_ecdh(out, al_hacl_in(sk), al_hacl_in(pk))) return AL_OK;
  al_wipe(out, 32);
  return AL_ECRYPTO;
}

void al_hacl_mlkem_keypair(uint8_t pk[AL_MLKEM_PK_BYTES], uint8_t sk[AL_MLKEM_SK_BYTES],
                           const uint8_t seed[64]) {
  libcrux_ml_kem_mlkem768_MlKem768KeyPair pair =
      libcrux_ml_kem_mlkem768_portable_generate_key_pair(al_hacl_in(seed));
  memcpy(pk, pair.pk.value, AL_MLKEM_PK_BYTES);
  memcpy(sk, pair.sk.value, AL_MLKEM_SK_BYTES);
  al_wipe(&pair, sizeof pair);
}

al_err al_hacl_mlkem_enc(uint8_t ct[AL_MLKEM_CT_BYTES], uint8_t ss[32],
                         const uint8_t pk[AL_MLKEM_PK_BYTES], const uint8_t coins[32]) {
  mlkem_pk *key = (mlkem_pk *)al_hacl_in(pk);
  if (!libcrux_ml_kem_mlkem768_portable_validate_public_key(key)) return AL_ECRYPTO;
  tuple_3c both = libcrux_ml_kem_mlkem768_portable_encapsulate(key, al_hacl_in(coins));
  memcpy(ct, both.fst.value, AL_MLKEM_CT_BYTES);
  memcpy(ss, both.snd, 32);
  al_wipe(&both, sizeof both);
  return AL_OK;
}

void al_hacl_mlkem_dec(uint8_t ss[32], const uint8_t ct[AL_MLKEM_CT_BYTES],
                       const uint8_t sk[AL_MLKEM_SK_BYTES]) {
  libcrux_ml_kem_mlkem768_portable_decapsulate((mlkem_sk *)al_hacl_in(sk),
                                               (mlkem_ct *)al_hacl_in(ct), ss);
}

bool al_hacl_mlkem_check_sk(const uint8_t sk[AL_MLKEM_SK_BYTES]) {
  mlkem_ct any = {.value = {0}};
  return libcrux_ml_kem_mlkem768_portable_validate_private_key((mlkem_sk *)al_hacl_in(sk), &any);
}

/* The combiner: SHA3-256(ss_M ‖ ss_X ‖ ct_X ‖ pk_X ‖ label). */
static void xwing_combine(uint8_t ss[32], const uint8_t ss_m[32], const uint8_t ss_x[32],
                          const uint8_t *ct_x, const uint8_t *pk_x) {
  static const uint8_t label[6] = {'\\', '.', '/', '/', '^', '\\'};
  const al_bytes in[5] = {{ss_m, 32}, {ss_x, 32}, {ct_x, 32}, {pk_x, 32}, {label, sizeof label}};
  al_hacl_sha3_256(ss, in, 5);
}

/* The expanded key: 2400 ML-KEM ‖ 32 X25519 secret ‖ 32 X25519 public. */
void al_hacl_kem_keypair(uint8_t pk[AL_KEM_PK_BYTES], uint8_t sk[AL_KEM_SK_BYTES],
                         const uint8_t seed[AL_KEM_SEED_BYTES]) {
  uint8_t expanded[96];
  al_hacl_shake256(expanded, sizeof expanded, &(al_bytes){seed, AL_KEM_SEED_BYTES}, 1);
  al_hacl_mlkem_keypair(pk, sk, expanded);
  memcpy(sk + AL_MLKEM_SK_BYTES, expanded + 64, 32);
  al_hacl_dh_public(pk + AL_MLKEM_PK_BYTES, expanded + 64);
  memcpy(sk + AL_MLKEM_SK_BYTES + 32, pk + AL_MLKEM_PK_BYTES, 32);
  al_wipe(expanded, sizeof expanded);
}

/* X-Wing does not check the X25519 result: a low-order point adds nothing, and the ML-KEM half and
 * the hash over ct_X and pk_X keep the secret. */
al_err al_hacl_kem_enc(uint8_t ct[AL_KEM_CT_BYTES], uint8_t ss[32],
                       const uint8_t pk[AL_KEM_PK_BYTES], const uint8_t coins[AL_KEM_COINS_BYTES]) {
  uint8_t ss_m[32], ss_x[32], *ct_x = ct + AL_MLKEM_CT_BYTES;
  const uint8_t *pk_x = pk + AL_MLKEM_PK_BYTES;
  al_err err = al_hacl_mlkem_enc(ct, ss_m, pk, coins);
  if (err != AL_OK) return err;
  al_hacl_dh_public(ct_x, coins + 32);
  Hacl_Curve25519_51_scalarmult(ss_x, al_hacl_in(coins + 32), al_hacl_in(pk_x));
  xwing_combine(ss, ss_m, ss_x, ct_x, pk_x);
  al_wipe(ss_m, sizeof ss_m);
  al_wipe(ss_x, sizeof ss_x);
  return AL_OK;
}

void al_hacl_kem_dec(uint8_t ss[32], const uint8_t ct[AL_KEM_CT_BYTES],
                     const uint8_t sk[AL_KEM_SK_BYTES]) {
  uint8_t ss_m[32], ss_x[32];
  const uint8_t *ct_x = ct + AL_MLKEM_CT_BYTES, *sk_x = sk + AL_MLKEM_SK_BYTES;
  al_hacl_mlkem_dec(ss_m, ct, sk);
  Hacl_Curve25519_51_scalarmult(ss_x, al_hacl_in(sk_x), al_hacl_in(ct_x));
  xwing_combine(ss, ss_m, ss_x, ct_x, sk_x + 32);
  al_wipe(ss_m, sizeof ss_m);
  al_wipe(ss_x, sizeof ss_x);
}
