/* libcrux against PQClean: two independent ML-KEM-768, one in four ciphertexts tampered with.
 * Arguments: [seed [rounds]]. */
#include <stdlib.h>

#include "base/rng.h"
#include "crypto/hacl/hacl_priv.h"
#include "tap.h"

int PQCLEAN_MLKEM768_CLEAN_crypto_kem_keypair_derand(uint8_t *pk, uint8_t *sk,
                                                     const uint8_t *coins);
int PQCLEAN_MLKEM768_CLEAN_crypto_kem_enc_derand(uint8_t *ct, uint8_t *ss, const uint8_t *pk,
                                                 const uint8_t *coins);
int PQCLEAN_MLKEM768_CLEAN_crypto_kem_dec(uint8_t *ss, const uint8_t *ct, const uint8_t *sk);

/* PQClean's other entry points want it; nothing here calls them. */
int PQCLEAN_randombytes(uint8_t *out, size_t len);
int PQCLEAN_randombytes(uint8_t *out, size_t len) {
  (void)out;
  (void)len;
  abort();
}

typedef struct keys {
  uint8_t pk[AL_MLKEM_PK_BYTES], sk[AL_MLKEM_SK_BYTES], ct[AL_MLKEM_CT_BYTES], ss[32], dec[32];
} keys;

static keys x, y;
static unsigned keygen_differs, enc_differs, dec_differs, wrong, tampered;

static void one_round(al_rng *rng) {
  uint8_t seed[64], coins[32];
  al_rng_bytes(rng, seed, sizeof seed);
  al_rng_bytes(rng, coins, sizeof coins);
  al_hacl_mlkem_keypair(x.pk, x.sk, seed);
  PQCLEAN_MLKEM768_CLEAN_crypto_kem_keypair_derand(y.pk, y.sk, seed);
  keygen_differs += memcmp(x.pk, y.pk, sizeof x.pk) != 0 || memcmp(x.sk, y.sk, sizeof x.sk) != 0;
  enc_differs += al_hacl_mlkem_enc(x.ct, x.ss, x.pk, coins) != AL_OK;
  PQCLEAN_MLKEM768_CLEAN_crypto_kem_enc_derand(y.ct, y.ss, y.pk, coins);
  enc_differs += memcmp(x.ct, y.ct, sizeof x.ct) != 0 || memcmp(x.ss, y.ss, 32) != 0;
  bool tamper = al_rng_below(rng, 4) == 0;
  if (tamper) {
    size_t bit = (size_t)al_rng_below(rng, sizeof x.ct * 8);
    x.ct[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    tampered++;
  }
  al_hacl_mlkem_dec(x.dec, x.ct, x.sk);
  PQCLEAN_MLKEM768_CLEAN_crypto_kem_dec(y.dec, x.ct, y.sk);
  dec_differs += memcmp(x.dec, y.dec, 32) != 0;
  wrong += (memcmp(x.dec, x.ss, 32) == 0) == tamper;
}

int main(int argc, char **argv) {
  uint8_t seed[AL_RNG_SEED_BYTES] = {0};
  const uint64_t number = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  const unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 2000;
  al_rng rng;
  printf("# seed %llu\n", (unsigned long long)number);
  al_store_u64(seed, number);
  al_rng_init(&rng, al_suite_hacl(), seed);
  for (unsigned i = 0; i < rounds; i++) one_round(&rng);
  tap_is_u64(keygen_differs, 0, "%u key pairs are the same", rounds);
  tap_is_u64(enc_differs, 0, "%u ciphertexts and secrets are the same", rounds);
  tap_is_u64(dec_differs, 0, "%u decapsulations are the same, %u of them rejections", rounds,
             tampered);
  tap_is_u64(wrong, 0, "the secret comes back exactly when nothing was changed");
  tap_ok(tampered > rounds / 8, "tampering happened");
  return tap_done();
}
