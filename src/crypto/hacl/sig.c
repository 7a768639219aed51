/* sig.c — Ed25519 from HACL*, and the hybrid signature: both schemes over one framed message. */
#include <string.h>

#include "Hacl_Ed25519.h"
#include "crypto/crypto.h"
#include "crypto/hacl/hacl_priv.h"

enum { ED_PK = 32, ED_SEED = 32, ED_SIG = 64, LABEL_BYTES_MAX = 32 };

/* M' = label ‖ u8 |context| ‖ context ‖ message, in one run because both schemes want one. */
typedef struct framed {
  size_t len;
  uint8_t bytes[LABEL_BYTES_MAX + 1 + 255 + AL_SIG_MSG_BYTES_MAX];
} framed;

void al_hacl_ed25519_public(uint8_t pk[32], const uint8_t seed[32]) {
  Hacl_Ed25519_secret_to_public(pk, al_hacl_in(seed));
}

void al_hacl_ed25519_sign(uint8_t sig[64], const uint8_t seed[32], al_bytes msg) {
  Hacl_Ed25519_sign(sig, al_hacl_in(seed), al_hacl_len(msg.len), al_hacl_in(msg.ptr));
}

bool al_hacl_ed25519_verify(const uint8_t sig[64], const uint8_t pk[32], al_bytes msg) {
  return Hacl_Ed25519_verify(al_hacl_in(pk), al_hacl_len(msg.len), al_hacl_in(msg.ptr),
                             al_hacl_in(sig));
}

static bool frame(framed *f, al_bytes context, al_bytes msg) {
  if (context.len > 255 || msg.len > AL_SIG_MSG_BYTES_MAX) return false;
  const al_bytes label = al_label(AL_LABEL_SIGNATURE);
  AL_ASSERT(label.len <= LABEL_BYTES_MAX);
  memcpy(f->bytes, label.ptr, label.len);
  f->bytes[label.len] = (uint8_t)context.len;
  f->len = label.len + 1;
  if (context.len > 0) memcpy(f->bytes + f->len, context.ptr, context.len);
  f->len += context.len;
  if (msg.len > 0) memcpy(f->bytes + f->len, msg.ptr, msg.len);
  f->len += msg.len;
  return true;
}

void al_hacl_sig_keypair(uint8_t pk[AL_SIG_PK_BYTES], uint8_t sk[AL_SIG_SK_BYTES],
                         const uint8_t seed[AL_SIG_SEED_BYTES]) {
  memcpy(sk, seed, ED_SEED);
  al_hacl_ed25519_public(pk, seed);
  al_hacl_mldsa_keypair(pk + ED_PK, sk + ED_SEED, seed + ED_SEED);
}

al_err al_hacl_sign(uint8_t sig[AL_SIG_BYTES], const uint8_t sk[AL_SIG_SK_BYTES], al_bytes context,
                    al_bytes msg, const uint8_t coins[AL_SIG_COINS_BYTES]) {
  framed f;
  if (!frame(&f, context, msg)) return AL_EINVAL;
  const al_bytes m = {f.bytes, f.len};
  al_hacl_ed25519_sign(sig, sk, m);
  al_hacl_mldsa_sign(sig + ED_SIG, sk + ED_SEED, context, m, coins);
  al_wipe(f.bytes, f.len);
  return AL_OK;
}

al_err al_hacl_verify(const uint8_t sig[AL_SIG_BYTES], const uint8_t pk[AL_SIG_PK_BYTES],
                      al_bytes context, al_bytes msg) {
  framed f;
  if (!frame(&f, context, msg)) return AL_EINVAL;
  const al_bytes m = {f.bytes, f.len};
  const bool ed = al_hacl_ed25519_verify(sig, pk, m);
  const bool dsa =
      al_hacl_mldsa_verify((al_bytes){sig + ED_SIG, AL_MLDSA_SIG_BYTES}, pk + ED_PK, context, m);
  al_wipe(f.bytes, f.len);
  return ((unsigned)ed & (unsigned)dsa) != 0 ? AL_OK : AL_ECRYPTO;
}
