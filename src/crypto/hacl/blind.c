/* blind.c — Ed25519 keys multiplied by a public factor (Tor's rend-spec-v3, appendix A): whoever
 * knows a public key derives the blinded one, only the owner can sign for it, and nobody who sees
 * the blinded key alone can tell whose it is. The points are HACL*'s; the product of two scalars is
 * ours, because HACL* keeps its own to itself: small, without branches, tested against known
 * answers. */
#include <string.h>

#include "crypto/crypto.h"
#include "crypto/hacl/hacl_priv.h"
#include "internal/Hacl_Ed25519.h"

enum { WORDS = 8, POINT_LIMBS = 20 };

/* The order of the base point, 2^252 + 27742317777372353535851937790883648493. */
static const uint32_t order[WORDS] = {0x5cf5d3ed, 0x5812631a, 0xa2f79cd6, 0x14def9de,
                                      0,          0,          0,          0x10000000};

static void load_words(uint32_t out[WORDS], const uint8_t in[32]) {
  for (int i = 0; i < WORDS; i++) out[i] = al_load_u32(in + 4 * i);
}

/* r = 2 r + bit, less the order once if that is not below it; r < order before and after. */
static void step(uint32_t r[WORDS], uint32_t bit) {
  uint32_t less[WORDS];
  uint64_t borrow = 0;
  for (int i = 0; i < WORDS; i++) {
    const uint32_t next = r[i] >> 31;
    r[i] = r[i] << 1 | bit;
    bit = next;
  }
  for (int i = 0; i < WORDS; i++) {
    const uint64_t d = (uint64_t)r[i] - order[i] - borrow;
    less[i] = (uint32_t)d;
    borrow = d >> 63;
  }
  const uint32_t keep = 0u - (uint32_t)borrow; /* all ones: r was below the order */
  for (int i = 0; i < WORDS; i++) r[i] = (r[i] & keep) | (less[i] & ~keep);
}

/* out = a b mod order, for any a and b; the same steps whatever they are. */
static void multiply(uint8_t out[32], const uint8_t a[32], const uint8_t b[32]) {
  uint32_t x[WORDS], y[WORDS], product[2 * WORDS] = {0}, r[WORDS] = {0};
  load_words(x, a);
  load_words(y, b);
  for (int i = 0; i < WORDS; i++) {
    uint64_t carry = 0;
    for (int j = 0; j < WORDS; j++) {
      carry += (uint64_t)x[i] * y[j] + product[i + j];
      product[i + j] = (uint32_t)carry;
      carry >>= 32;
    }
    product[i + WORDS] = (uint32_t)carry;
  }
  for (int i = 64 * WORDS - 1; i >= 0; i--) step(r, product[i / 32] >> (i % 32) & 1);
  for (int i = 0; i < WORDS; i++) al_store_u32(out + 4 * i, r[i]);
  al_wipe(x, sizeof x);
  al_wipe(y, sizeof y);
  al_wipe(product, sizeof product);
  al_wipe(r, sizeof r);
}

/* A multiple of the cofactor with its top bit fixed, as RFC 8032 makes secret scalars. */
static void clamp(uint8_t out[32], const uint8_t factor[32]) {
  memcpy(out, factor, 32);
  out[0] &= 248;
  out[31] = (uint8_t)((out[31] & 63) | 64);
}

/* From the scalar and not from the plain public key: so nothing that follows from a secret is ever
 * decompressed, which branches. */
static void multiply_base(uint8_t out[32], const uint8_t scalar[32]) {
  static const uint8_t base[32] = {0x58, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
                                   0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
                                   0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66};
  uint64_t point[POINT_LIMBS], product[POINT_LIMBS];
  const bool ok = Hacl_Impl_Ed25519_PointDecompress_point_decompress(point, al_hacl_in(base));
  AL_ASSERT(ok);
  Hacl_Impl_Ed25519_Ladder_point_mul(product, al_hacl_in(scalar), point);
  Hacl_Impl_Ed25519_PointCompress_point_compress(out, product);
  al_wipe(product, sizeof product);
}

al_err al_hacl_ed25519_blind_public(uint8_t out[32], const uint8_t pk[32],
                                    const uint8_t factor[32]) {
  static const uint8_t neutral[32] = {1};
  uint64_t point[POINT_LIMBS], product[POINT_LIMBS];
  uint8_t h[32], got[32];
  if (!Hacl_Impl_Ed25519_PointDecompress_point_decompress(point, al_hacl_in(pk))) {
    return AL_ECRYPTO;
  }
  clamp(h, factor);
  Hacl_Impl_Ed25519_Ladder_point_mul(product, h, point);
  Hacl_Impl_Ed25519_PointCompress_point_compress(got, product);
  if (memcmp(got, neutral, sizeof got) == 0) return AL_ECRYPTO; /* a key of small order */
  memcpy(out, got, sizeof got);
  return AL_OK;
}

void al_hacl_ed25519_blind_expand(uint8_t expanded[96], const uint8_t seed[32],
                                  const uint8_t factor[32]) {
  const al_bytes label = al_label(AL_LABEL_BLIND_PREFIX);
  uint8_t plain[96], h[32], hash[64];
  Hacl_Ed25519_expand_keys(plain, al_hacl_in(seed));
  clamp(h, factor);
  multiply(expanded + 32, plain + 32, h);
  al_hacl_sha512_parts(hash, (const uint8_t *const[3]){label.ptr, h, plain + 64},
                       (const uint32_t[3]){(uint32_t)label.len, 32, 32});
  memcpy(expanded + 64, hash, 32);
  multiply_base(expanded, expanded + 32);
  al_wipe(plain, sizeof plain);
  al_wipe(hash, sizeof hash);
}

void al_hacl_ed25519_blind_sign(uint8_t sig[64], const uint8_t seed[32], const uint8_t factor[32],
                                al_bytes msg) {
  uint8_t expanded[96];
  al_hacl_ed25519_blind_expand(expanded, seed, factor);
  Hacl_Ed25519_sign_expanded(sig, expanded, al_hacl_len(msg.len), al_hacl_in(msg.ptr));
  al_wipe(expanded, sizeof expanded);
}
