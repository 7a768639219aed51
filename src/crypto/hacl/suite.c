/* suite.c — the hacl provider: one al_suite for each SIMD width, and the choice between them. The
 * build says which widths there are (AL_HACL_VEC128, AL_HACL_VEC256); the CPU says which may run.
 */
#include <string.h>

#include "Hacl_Chacha20.h"
#include "Hacl_Chacha20Poly1305_32.h"
#include "Hacl_Poly1305_32.h"
#include "crypto/hacl/hacl_priv.h"

#if defined(__wasm__)
#include "Hacl_Chacha20_Vec128.h"
#elif defined(AL_HACL_VEC128)
/* The vector headers define vector types, which this file must not: it is compiled without -mavx.
 */
void Hacl_Chacha20_Vec128_chacha20_encrypt_128(uint32_t len, uint8_t *out, uint8_t *text,
                                               uint8_t *key, uint8_t *n, uint32_t ctr);
void Hacl_Chacha20Poly1305_128_aead_encrypt(uint8_t *k, uint8_t *n, uint32_t aadlen, uint8_t *aad,
                                            uint32_t mlen, uint8_t *m, uint8_t *cipher,
                                            uint8_t *mac);
uint32_t Hacl_Chacha20Poly1305_128_aead_decrypt(uint8_t *k, uint8_t *n, uint32_t aadlen,
                                                uint8_t *aad, uint32_t mlen, uint8_t *m,
                                                uint8_t *cipher, uint8_t *mac);
void Hacl_Poly1305_128_poly1305_mac(uint8_t *tag, uint32_t len, uint8_t *text, uint8_t *key);
#endif
#if defined(AL_HACL_VEC256)
void Hacl_Chacha20_Vec256_chacha20_encrypt_256(uint32_t len, uint8_t *out, uint8_t *text,
                                               uint8_t *key, uint8_t *n, uint32_t ctr);
void Hacl_Chacha20Poly1305_256_aead_encrypt(uint8_t *k, uint8_t *n, uint32_t aadlen, uint8_t *aad,
                                            uint32_t mlen, uint8_t *m, uint8_t *cipher,
                                            uint8_t *mac);
uint32_t Hacl_Chacha20Poly1305_256_aead_decrypt(uint8_t *k, uint8_t *n, uint32_t aadlen,
                                                uint8_t *aad, uint32_t mlen, uint8_t *m,
                                                uint8_t *cipher, uint8_t *mac);
void Hacl_Poly1305_256_poly1305_mac(uint8_t *tag, uint32_t len, uint8_t *text, uint8_t *key);
/* The same code again, compiled for AVX-512: rotations of one instruction, twice the registers. */
void Hacl_512_chacha20_encrypt(uint32_t len, uint8_t *out, uint8_t *text, uint8_t *key, uint8_t *n,
                               uint32_t ctr);
void Hacl_512_aead_encrypt(uint8_t *k, uint8_t *n, uint32_t aadlen, uint8_t *aad, uint32_t mlen,
                           uint8_t *m, uint8_t *cipher, uint8_t *mac);
uint32_t Hacl_512_aead_decrypt(uint8_t *k, uint8_t *n, uint32_t aadlen, uint8_t *aad, uint32_t mlen,
                               uint8_t *m, uint8_t *cipher, uint8_t *mac);
void Hacl_512_poly1305_mac(uint8_t *tag, uint32_t len, uint8_t *text, uint8_t *key);
#endif

enum {
  JOINT_TEXT_MAX = 1536, /* longest text of seal_joint: a frame has 1,096 */
  JOINT_AD_MAX = 16,
  JOINT_TEXT_AT = 64, /* behind one block of key stream */
};

/* One width's functions, and from how many bytes on they beat the scalar ones (bench/micro). */
typedef struct engine {
  void (*chacha)(uint32_t, uint8_t *, uint8_t *, uint8_t *, uint8_t *, uint32_t);
  void (*seal)(uint8_t *, uint8_t *, uint32_t, uint8_t *, uint32_t, uint8_t *, uint8_t *,
               uint8_t *);
  uint32_t (*open)(uint8_t *, uint8_t *, uint32_t, uint8_t *, uint32_t, uint8_t *, uint8_t *,
                   uint8_t *);
  void (*poly)(uint8_t *, uint32_t, uint8_t *, uint8_t *);
  size_t pass; /* bytes of one vector pass of ChaCha20; 0: scalar */
  size_t chacha_min, aead_min, poly_min;
  bool joint; /* seal_joint is quicker than its own AEAD */
} engine;

static const engine engine_32 = {
    .chacha = Hacl_Chacha20_chacha20_encrypt,
    .seal = Hacl_Chacha20Poly1305_32_aead_encrypt,
    .open = Hacl_Chacha20Poly1305_32_aead_decrypt,
    .poly = Hacl_Poly1305_32_poly1305_mac,
};

#if defined(__wasm__)
static const engine engine_128 = {
    .chacha = Hacl_Chacha20_Vec128_chacha20_encrypt_128,
    .seal = al_hacl_aead_seal,
    .open = al_hacl_aead_open,
    .poly = Hacl_Poly1305_32_poly1305_mac,
    .pass = 256,
    .chacha_min = 129,
    .aead_min = 129,
};
#elif defined(AL_HACL_VEC128)
static const engine engine_128 = {
    .chacha = Hacl_Chacha20_Vec128_chacha20_encrypt_128,
    .seal = Hacl_Chacha20Poly1305_128_aead_encrypt,
    .open = Hacl_Chacha20Poly1305_128_aead_decrypt,
    .poly = Hacl_Poly1305_128_poly1305_mac,
    .pass = 256,
    .chacha_min = 193,
    .aead_min = 480,
    .poly_min = 192,
};
#endif
#if defined(AL_HACL_VEC256)
static const engine engine_256 = {
    .chacha = Hacl_Chacha20_Vec256_chacha20_encrypt_256,
    .seal = Hacl_Chacha20Poly1305_256_aead_encrypt,
    .open = Hacl_Chacha20Poly1305_256_aead_decrypt,
    .poly = Hacl_Poly1305_256_poly1305_mac,
    .pass = 512,
    .chacha_min = 193,
    .aead_min = 352,
    .poly_min = 192,
    .joint = true,
};
static const engine engine_512 = {
    .chacha = Hacl_512_chacha20_encrypt,
    .seal = Hacl_512_aead_encrypt,
    .open = Hacl_512_aead_decrypt,
    .poly = Hacl_512_poly1305_mac,
    .pass = 512,
    .chacha_min = 129,
    .aead_min = 352,
    .poly_min = 192,
    .joint = true,
};
#endif

static const engine *pick(const engine *e, size_t len, size_t min) {
  return len < min ? &engine_32 : e;
}

/* HACL* takes the whole nonce; al_suite's is 4 zero bytes and a number. */
static void make_nonce(uint8_t out[12], uint64_t nonce) {
  memset(out, 0, 4);
  al_store_u64(out + 4, nonce);
}

/* A vector pass makes `pass` bytes of key stream, used or not; a short rest is cheaper in scalar.
 */
static void xor_with(const engine *e, uint8_t *text, size_t len, const uint8_t key[32],
                     const uint8_t nonce[12], uint32_t counter) {
  AL_ASSERT((uint64_t)counter + ((uint64_t)len + 63) / 64 <= (uint64_t)1 << 32);
  uint8_t *t = al_hacl_in(text), *k = al_hacl_in(key), *n = al_hacl_in(nonce);
  const size_t rest = e->pass > 0 && len % e->pass < e->chacha_min ? len % e->pass : 0;
  const size_t main_len = len - rest;
  if (main_len > 0) e->chacha(al_hacl_len(main_len), t, t, k, n, counter);
  if (rest == 0) return;
  Hacl_Chacha20_chacha20_encrypt((uint32_t)rest, t + main_len, t + main_len, k, n,
                                 counter + (uint32_t)(main_len / 64));
}

static void poly_with(const engine *e, uint8_t tag[16], const uint8_t *msg, size_t len,
                      const uint8_t key[32]) {
  pick(e, len, e->poly_min)->poly(tag, al_hacl_len(len), al_hacl_in(msg), al_hacl_in(key));
}

static void chacha_block(uint8_t out[64], const uint8_t key[32], const uint8_t nonce[12],
                         uint32_t counter) {
  memset(out, 0, 64);
  Hacl_Chacha20_chacha20_encrypt(64, out, out, al_hacl_in(key), al_hacl_in(nonce), counter);
}

/* RFC 8439 2.8 from ChaCha20 and Poly1305 of this width. HACL*'s own AEAD spends a vector pass on
 * the 64 bytes that give the Poly1305 key, and three calls on its input. Here that lies in one run,
 *     16 bytes of padded AD | text, padded | both lengths
 * behind room for the block of that key, which comes out of the same pass as the first of the text.
 * The composition is ours: covered by the RFC's and Wycheproof's vectors, not by F*. */
typedef struct joint {
  uint8_t run[JOINT_TEXT_AT + JOINT_TEXT_MAX + 2 * JOINT_AD_MAX];
} joint;

static bool fits_joint(const engine *e, const al_hacl_aead *a) {
  return e->joint && a->len <= JOINT_TEXT_MAX && a->ad.len <= JOINT_AD_MAX;
}

static void mac_joint(const engine *e, joint *j, const al_hacl_aead *a, uint8_t tag[16]) {
  uint8_t key[32], *ad = j->run + JOINT_TEXT_AT - JOINT_AD_MAX, *end = j->run + JOINT_TEXT_AT;
  memcpy(key, j->run, sizeof key);
  memset(ad, 0, JOINT_AD_MAX);
  if (a->ad.len > 0) memcpy(ad, a->ad.ptr, a->ad.len);
  end += a->len;
  const size_t pad = (16 - a->len % 16) % 16;
  memset(end, 0, pad);
  end += pad;
  al_store_u64(end, a->ad.len);
  al_store_u64(end + 8, a->len);
  const uint8_t *from = a->ad.len > 0 ? ad : j->run + JOINT_TEXT_AT;
  poly_with(e, tag, from, (size_t)(end + 16 - from), key);
  al_wipe(key, sizeof key);
}

static void seal_joint(const engine *e, const al_hacl_aead *a) {
  joint j;
  memset(j.run, 0, JOINT_TEXT_AT);
  if (a->len > 0) memcpy(j.run + JOINT_TEXT_AT, a->text, a->len);
  xor_with(e, j.run, JOINT_TEXT_AT + a->len, a->key, a->nonce, 0);
  mac_joint(e, &j, a, a->tag);
  if (a->len > 0) memcpy(a->text, j.run + JOINT_TEXT_AT, a->len);
  al_wipe(j.run, JOINT_TEXT_AT); /* what follows is ciphertext */
}

static al_err open_joint(const engine *e, const al_hacl_aead *a) {
  joint j;
  uint8_t want[16];
  chacha_block(j.run, a->key, a->nonce, 0);
  if (a->len > 0) memcpy(j.run + JOINT_TEXT_AT, a->text, a->len);
  mac_joint(e, &j, a, want);
  const bool good = al_equal_ct(want, a->tag, sizeof want);
  al_wipe(want, sizeof want);
  al_wipe(j.run, JOINT_TEXT_AT);
  if (!good) return AL_ECRYPTO;
  xor_with(e, a->text, a->len, a->key, a->nonce, 1);
  return AL_OK;
}

static void seal_with(const engine *e, const al_hacl_aead *a) {
  if (fits_joint(e, a)) {
    seal_joint(e, a);
    return;
  }
  uint8_t *text = al_hacl_in(a->text);
  e->seal(al_hacl_in(a->key), al_hacl_in(a->nonce), al_hacl_len(a->ad.len), al_hacl_in(a->ad.ptr),
          al_hacl_len(a->len), text, text, a->tag);
}

static al_err open_with(const engine *e, const al_hacl_aead *a) {
  if (fits_joint(e, a)) return open_joint(e, a);
  uint8_t *text = al_hacl_in(a->text);
  const uint32_t wrong = e->open(al_hacl_in(a->key), al_hacl_in(a->nonce), al_hacl_len(a->ad.len),
                                 al_hacl_in(a->ad.ptr), al_hacl_len(a->len), text, text, a->tag);
  return wrong == 0 ? AL_OK : AL_ECRYPTO;
}

static void ed_sign(uint8_t sig[AL_ED_SIG_BYTES], const uint8_t seed[AL_ED_SEED_BYTES],
                    const uint8_t hash[AL_HASH_BYTES]) {
  al_hacl_ed25519_sign(sig, seed, (al_bytes){hash, AL_HASH_BYTES});
}

static al_err ed_verify(const uint8_t sig[AL_ED_SIG_BYTES], const uint8_t pk[AL_ED_PK_BYTES],
                        const uint8_t hash[AL_HASH_BYTES]) {
  return al_hacl_ed25519_verify(sig, pk, (al_bytes){hash, AL_HASH_BYTES}) ? AL_OK : AL_ECRYPTO;
}

static void ed_blind_sign(uint8_t sig[AL_ED_SIG_BYTES], const uint8_t seed[AL_ED_SEED_BYTES],
                          const uint8_t factor[AL_KEY_BYTES], const uint8_t hash[AL_HASH_BYTES]) {
  al_hacl_ed25519_blind_sign(sig, seed, factor, (al_bytes){hash, AL_HASH_BYTES});
}

/* The four members that know their width, and the suite that holds them. */
#define WIDTH(w, suite_name)                                                                      \
  static void seal_##w(uint8_t *text, size_t len, uint8_t tag[16], const uint8_t key[32],         \
                       uint64_t nonce, al_bytes ad) {                                             \
    uint8_t n[12];                                                                                \
    make_nonce(n, nonce);                                                                         \
    const al_hacl_aead a = {text, len, tag, key, n, ad};                                          \
    seal_with(pick(&engine_##w, len, engine_##w.aead_min), &a);                                   \
  }                                                                                               \
  static al_err open_##w(uint8_t *text, size_t len, const uint8_t tag[16], const uint8_t key[32], \
                         uint64_t nonce, al_bytes ad) {                                           \
    uint8_t n[12];                                                                                \
    make_nonce(n, nonce);                                                                         \
    const al_hacl_aead a = {text, len, al_hacl_in(tag), key, n, ad};                              \
    return open_with(pick(&engine_##w, len, engine_##w.aead_min), &a);                            \
  }                                                                                               \
  static void xor_##w(uint8_t *text, size_t len, const uint8_t key[32], const uint8_t nonce[12],  \
                      uint32_t counter) {                                                         \
    xor_with(&engine_##w, text, len, key, nonce, counter);                                        \
  }                                                                                               \
  static void poly_##w(uint8_t tag[16], const uint8_t *msg, size_t len, const uint8_t key[32]) {  \
    poly_with(&engine_##w, tag, msg, len, key);                                                   \
  }                                                                                               \
  static const al_suite suite_##w = {.name = (suite_name),                                        \
                                     .sha256 = al_hacl_sha256,                                    \
                                     .sha3_256 = al_hacl_sha3_256,                                \
                                     .shake256 = al_hacl_shake256,                                \
                                     .dh_public = al_hacl_dh_public,                              \
                                     .dh = al_hacl_dh,                                            \
                                     .kem_keypair = al_hacl_kem_keypair,                          \
                                     .kem_enc = al_hacl_kem_enc,                                  \
                                     .kem_dec = al_hacl_kem_dec,                                  \
                                     .sig_keypair = al_hacl_sig_keypair,                          \
                                     .sign = al_hacl_sign,                                        \
                                     .verify = al_hacl_verify,                                    \
                                     .ed_public = al_hacl_ed25519_public,                         \
                                     .ed_sign = ed_sign,                                          \
                                     .ed_verify = ed_verify,                                      \
                                     .ed_blind_public = al_hacl_ed25519_blind_public,             \
                                     .ed_blind_sign = ed_blind_sign,                              \
                                     .seal = seal_##w,                                            \
                                     .open = open_##w,                                            \
                                     .xor_stream = xor_##w,                                       \
                                     .block = chacha_block,                                       \
                                     .poly1305 = poly_##w};

WIDTH(32, "hacl-32")
#if defined(AL_HACL_VEC128)
WIDTH(128, "hacl-128")
#endif
#if defined(AL_HACL_VEC256)
WIDTH(256, "hacl-avx2")
WIDTH(512, "hacl-avx512")
#endif

static const engine *engine_of(int width) {
  if (al_suite_hacl_width(width) == NULL) return NULL;
#if defined(AL_HACL_VEC128)
  if (width == 128) return &engine_128;
#endif
#if defined(AL_HACL_VEC256)
  if (width == 256) return &engine_256;
  if (width == 512) return &engine_512;
#endif
  return &engine_32;
}

al_err al_hacl_seal_raw(int width, const al_hacl_aead *a) {
  const engine *e = engine_of(width);
  if (e == NULL) return AL_EINVAL;
  seal_with(e, a);
  return AL_OK;
}

al_err al_hacl_open_raw(int width, const al_hacl_aead *a) {
  const engine *e = engine_of(width);
  return e == NULL ? AL_EINVAL : open_with(e, a);
}

const al_suite *al_suite_hacl_width(int width) {
  switch (width) {
    case 32:
      return &suite_32;
#if defined(__wasm__)
    case 128:
      return &suite_128;
#elif defined(AL_HACL_VEC128)
    case 128:
      return __builtin_cpu_supports("avx") ? &suite_128 : NULL;
#endif
#if defined(AL_HACL_VEC256)
    case 256:
      return __builtin_cpu_supports("avx2") ? &suite_256 : NULL;
    case 512:
      return __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("avx512dq")
                 ? &suite_512
                 : NULL;
#endif
    default:
      return NULL;
  }
}

const al_suite *al_suite_hacl(void) {
  const al_suite *s = al_suite_hacl_width(512);
  if (s == NULL) s = al_suite_hacl_width(256);
  if (s == NULL) s = al_suite_hacl_width(128);
  return s != NULL ? s : al_suite_hacl_width(32);
}
