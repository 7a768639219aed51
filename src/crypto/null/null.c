/* null.c — the provider of simulations: the sizes and the algebra of the real one, no secrecy at
 * all. Everything rests on a fast 256-bit mixing function that anybody can invert or forge. It is
 * good enough that different inputs give different outputs, that a changed byte is noticed, and
 * that onion layers do not cancel; al_node_new refuses it outside simulations (simulation_only). */
#include <string.h>

#include "allium/al_suite.h"
#include "base/assert.h"
#include "base/bytes.h"

#define PRIME_1 0x9e3779b185ebca87u
#define PRIME_2 0xc2b2ae3d27d4eb4fu
#define PRIME_3 0x165667b19e3779f9u

/* What separates the uses of the one mixing function. */
enum use {
  USE_SHA256 = 1,
  USE_SHA3,
  USE_SHAKE,
  USE_DH,
  USE_KEM_ID,
  USE_KEM_CT,
  USE_KEM_SS,
  USE_SIG_ID,
  USE_SIG,
  USE_TAG,
  USE_STREAM,
  USE_MAC,
  USE_ED_ID,
  USE_ED,
  USE_ED_BLIND,
};

enum { ID_BYTES = 32 };

static uint64_t rotl(uint64_t x, int n) { return x << n | x >> (64 - n); }

static uint64_t finish(uint64_t x) {
  x ^= x >> 33;
  x *= PRIME_2;
  x ^= x >> 29;
  x *= PRIME_3;
  return x ^ x >> 32;
}

/* The mixing state: four lanes take 32 bytes at a time. */
typedef struct mix {
  uint64_t lane[4];
  uint64_t total;
  uint8_t block[32];
  size_t fill;
} mix;

static void mix_init(mix *m, enum use use) {
  memset(m, 0, sizeof *m);
  for (unsigned i = 0; i < 4; i++) m->lane[i] = finish(PRIME_1 * (4 * (unsigned)use + i + 1));
}

static void mix_block(mix *m, const uint8_t block[32]) {
  for (int i = 0; i < 4; i++) {
    m->lane[i] = rotl(m->lane[i] + al_load_u64(block + 8 * i) * PRIME_2, 31) * PRIME_1;
  }
}

static void mix_add(mix *m, const uint8_t *in, size_t len) {
  m->total += len;
  while (len > 0) {
    if (m->fill == 0 && len >= 32) {
      mix_block(m, in);
      in += 32;
      len -= 32;
      continue;
    }
    size_t n = al_min_size(32 - m->fill, len);
    memcpy(m->block + m->fill, in, n);
    m->fill += n;
    in += n;
    len -= n;
    if (m->fill == 32) {
      mix_block(m, m->block);
      m->fill = 0;
    }
  }
}

static void mix_add_u64(mix *m, uint64_t v) {
  uint8_t b[8];
  al_store_u64(b, v);
  mix_add(m, b, sizeof b);
}

/* Every lane reaches every output byte: two rounds around the ring. */
static void mix_end(mix *m, uint8_t out[32]) {
  memset(m->block + m->fill, 0, 32 - m->fill);
  mix_block(m, m->block);
  m->lane[0] ^= m->total * PRIME_3;
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 4; i++) {
      m->lane[(i + 1) % 4] = finish(m->lane[(i + 1) % 4] ^ rotl(m->lane[i], 23) * PRIME_1);
    }
  }
  for (int i = 0; i < 4; i++) al_store_u64(out + 8 * i, m->lane[i]);
}

static void mix_parts(enum use use, uint8_t out[32], const al_bytes *in, size_t in_count) {
  mix m;
  mix_init(&m, use);
  for (size_t i = 0; i < in_count; i++) mix_add(&m, in[i].ptr, in[i].len);
  mix_end(&m, out);
}

static uint64_t stream_word(const uint64_t s[4], uint64_t n) {
  return finish((s[n & 3] ^ rotl(s[(n + 1) & 3], 17)) + (n + 1) * PRIME_1);
}

/* XORs the key stream of a 32-byte seed, from 64-byte block number `block` on. */
static void stream_xor(uint8_t *text, size_t len, const uint8_t seed[32], uint64_t block) {
  uint64_t s[4], n = block * 8;
  for (int i = 0; i < 4; i++) s[i] = al_load_u64(seed + 8 * i);
  for (; len >= 8; text += 8, len -= 8, n++) {
    al_store_u64(text, al_load_u64(text) ^ stream_word(s, n));
  }
  uint64_t last = stream_word(s, n);
  for (size_t i = 0; i < len; i++) text[i] ^= (uint8_t)(last >> (8 * i));
}

static void stream_fill(uint8_t *out, size_t len, const uint8_t seed[32]) {
  memset(out, 0, len);
  stream_xor(out, len, seed, 0);
}

static void null_sha256(uint8_t out[32], const al_bytes *in, size_t in_count) {
  mix_parts(USE_SHA256, out, in, in_count);
}

static void null_sha3_256(uint8_t out[32], const al_bytes *in, size_t in_count) {
  mix_parts(USE_SHA3, out, in, in_count);
}

static void null_shake256(uint8_t *out, size_t out_len, const al_bytes *in, size_t in_count) {
  uint8_t seed[32];
  mix_parts(USE_SHAKE, seed, in, in_count);
  stream_fill(out, out_len, seed);
}

static void null_dh_public(uint8_t pk[32], const uint8_t sk[32]) {
  mix_parts(USE_DH, pk, &(al_bytes){sk, 32}, 1);
}

/* Commutes because it depends on the sum of both public keys only. */
static al_err null_dh(uint8_t out[32], const uint8_t sk[32], const uint8_t pk[32]) {
  if (al_zero_ct(pk, 32)) {
    al_wipe(out, 32);
    return AL_ECRYPTO;
  }
  uint8_t own[32];
  null_dh_public(own, sk);
  for (int i = 0; i < 4; i++) {
    al_store_u64(own + 8 * i, al_load_u64(own + 8 * i) + al_load_u64(pk + 8 * i));
  }
  mix_parts(USE_DH, out, &(al_bytes){own, 32}, 1);
  return AL_OK;
}

static bool is_zero(const uint8_t *p, size_t len) {
  return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

/* A public key is an identifier and zeros, so that a mangled one is noticed and a descriptor is
 * small where runs of zeros are left out (src/book/shelf.c). */
static void null_kem_keypair(uint8_t pk[AL_KEM_PK_BYTES], uint8_t sk[AL_KEM_SK_BYTES],
                             const uint8_t seed[AL_KEM_SEED_BYTES]) {
  mix_parts(USE_KEM_ID, pk, &(al_bytes){seed, AL_KEM_SEED_BYTES}, 1);
  memset(pk + ID_BYTES, 0, AL_KEM_PK_BYTES - ID_BYTES);
  memset(sk, 0, AL_KEM_SK_BYTES);
  memcpy(sk, pk, ID_BYTES);
}

/* The secret depends on the receiver and on every byte of the ciphertext. */
static void null_kem_secret(uint8_t ss[32], const uint8_t id[ID_BYTES],
                            const uint8_t ct[AL_KEM_CT_BYTES]) {
  const al_bytes in[2] = {{id, ID_BYTES}, {ct, AL_KEM_CT_BYTES}};
  mix_parts(USE_KEM_SS, ss, in, 2);
}

static al_err null_kem_enc(uint8_t ct[AL_KEM_CT_BYTES], uint8_t ss[32],
                           const uint8_t pk[AL_KEM_PK_BYTES],
                           const uint8_t coins[AL_KEM_COINS_BYTES]) {
  if (!is_zero(pk + ID_BYTES, AL_KEM_PK_BYTES - ID_BYTES)) return AL_ECRYPTO;
  const al_bytes in[2] = {{pk, ID_BYTES}, {coins, AL_KEM_COINS_BYTES}};
  mix_parts(USE_KEM_CT, ct, in, 2);
  stream_fill(ct + 32, AL_KEM_CT_BYTES - 32, ct);
  null_kem_secret(ss, pk, ct);
  return AL_OK;
}

static void null_kem_dec(uint8_t ss[32], const uint8_t ct[AL_KEM_CT_BYTES],
                         const uint8_t sk[AL_KEM_SK_BYTES]) {
  null_kem_secret(ss, sk, ct);
}

static void null_ed_public(uint8_t pk[AL_ED_PK_BYTES], const uint8_t seed[AL_ED_SEED_BYTES]) {
  mix_parts(USE_ED_ID, pk, &(al_bytes){seed, AL_ED_SEED_BYTES}, 1);
}

/* As in the real one, the first 32 bytes are a key pair of Ed25519. */
static void null_sig_keypair(uint8_t pk[AL_SIG_PK_BYTES], uint8_t sk[AL_SIG_SK_BYTES],
                             const uint8_t seed[AL_SIG_SEED_BYTES]) {
  memset(sk, 0, AL_SIG_SK_BYTES);
  mix_parts(USE_SIG_ID, sk, &(al_bytes){seed, AL_SIG_SEED_BYTES}, 1);
  memset(pk, 0, AL_SIG_PK_BYTES);
  null_ed_public(pk, sk);
}

/* The first 32 bytes are a hash of signer, context and message; the rest is zero. */
static void null_sig_head(uint8_t head[32], const uint8_t pk[AL_SIG_PK_BYTES], al_bytes context,
                          al_bytes msg) {
  const uint8_t context_len = (uint8_t)context.len;
  const al_bytes in[4] = {{pk, AL_SIG_PK_BYTES}, {&context_len, 1}, context, msg};
  mix_parts(USE_SIG, head, in, 4);
}

static al_err null_sign(uint8_t sig[AL_SIG_BYTES], const uint8_t sk[AL_SIG_SK_BYTES],
                        al_bytes context, al_bytes msg, const uint8_t coins[AL_SIG_COINS_BYTES]) {
  (void)coins;
  if (context.len > 255 || msg.len > AL_SIG_MSG_BYTES_MAX) return AL_EINVAL;
  uint8_t pk[AL_SIG_PK_BYTES] = {0};
  null_ed_public(pk, sk);
  null_sig_head(sig, pk, context, msg);
  memset(sig + 32, 0, AL_SIG_BYTES - 32);
  return AL_OK;
}

static al_err null_verify(const uint8_t sig[AL_SIG_BYTES], const uint8_t pk[AL_SIG_PK_BYTES],
                          al_bytes context, al_bytes msg) {
  if (context.len > 255 || msg.len > AL_SIG_MSG_BYTES_MAX) return AL_EINVAL;
  uint8_t want[32];
  null_sig_head(want, pk, context, msg);
  bool good = memcmp(want, sig, sizeof want) == 0 && is_zero(sig + 32, AL_SIG_BYTES - 32);
  return good ? AL_OK : AL_ECRYPTO;
}

static void null_ed_make(uint8_t sig[AL_ED_SIG_BYTES], const uint8_t pk[AL_ED_PK_BYTES],
                         const uint8_t hash[AL_HASH_BYTES]) {
  const al_bytes in[2] = {{pk, AL_ED_PK_BYTES}, {hash, AL_HASH_BYTES}};
  mix_parts(USE_ED, sig, in, 2);
  stream_fill(sig + 32, AL_ED_SIG_BYTES - 32, sig);
}

static void null_ed_sign(uint8_t sig[AL_ED_SIG_BYTES], const uint8_t seed[AL_ED_SEED_BYTES],
                         const uint8_t hash[AL_HASH_BYTES]) {
  uint8_t pk[AL_ED_PK_BYTES];
  null_ed_public(pk, seed);
  null_ed_make(sig, pk, hash);
}

static al_err null_ed_verify(const uint8_t sig[AL_ED_SIG_BYTES], const uint8_t pk[AL_ED_PK_BYTES],
                             const uint8_t hash[AL_HASH_BYTES]) {
  uint8_t want[AL_ED_SIG_BYTES];
  null_ed_make(want, pk, hash);
  return memcmp(want, sig, sizeof want) == 0 ? AL_OK : AL_ECRYPTO;
}

/* All zero stands for what is no key. */
static al_err null_ed_blind_public(uint8_t out[AL_ED_PK_BYTES], const uint8_t pk[AL_ED_PK_BYTES],
                                   const uint8_t factor[AL_KEY_BYTES]) {
  if (al_zero_ct(pk, AL_ED_PK_BYTES)) return AL_ECRYPTO;
  const al_bytes in[2] = {{pk, AL_ED_PK_BYTES}, {factor, AL_KEY_BYTES}};
  mix_parts(USE_ED_BLIND, out, in, 2);
  return AL_OK;
}

static void null_ed_blind_sign(uint8_t sig[AL_ED_SIG_BYTES], const uint8_t seed[AL_ED_SEED_BYTES],
                               const uint8_t factor[AL_KEY_BYTES],
                               const uint8_t hash[AL_HASH_BYTES]) {
  uint8_t pk[AL_ED_PK_BYTES], blinded[AL_ED_PK_BYTES];
  null_ed_public(pk, seed);
  const al_err err = null_ed_blind_public(blinded, pk, factor);
  AL_ASSERT(err == AL_OK);
  null_ed_make(sig, blinded, hash);
}

static void null_tag(uint8_t tag[16], const al_bytes text, const uint8_t key[32], uint64_t nonce,
                     al_bytes ad) {
  mix m;
  uint8_t out[32];
  mix_init(&m, USE_TAG);
  mix_add(&m, key, 32);
  mix_add_u64(&m, nonce);
  mix_add_u64(&m, ad.len);
  mix_add(&m, ad.ptr, ad.len);
  mix_add(&m, text.ptr, text.len);
  mix_end(&m, out);
  memcpy(tag, out, 16);
}

static void null_xor_stream(uint8_t *text, size_t len, const uint8_t key[32],
                            const uint8_t nonce[12], uint32_t counter) {
  AL_ASSERT((uint64_t)counter + ((uint64_t)len + 63) / 64 <= (uint64_t)1 << 32);
  const al_bytes in[2] = {{key, 32}, {nonce, 12}};
  uint8_t seed[32];
  mix_parts(USE_STREAM, seed, in, 2);
  stream_xor(text, len, seed, counter);
}

static void null_block(uint8_t out[64], const uint8_t key[32], const uint8_t nonce[12],
                       uint32_t counter) {
  memset(out, 0, 64);
  null_xor_stream(out, 64, key, nonce, counter);
}

/* Another text, at next to no cost: frames are most of what a simulation does. The tag notices. */
static void null_mask(uint8_t *text, size_t len, const uint8_t key[32], uint64_t nonce) {
  uint64_t s[4];
  for (int i = 0; i < 4; i++) s[i] = al_load_u64(key + 8 * i) ^ (nonce + 1) * PRIME_1;
  size_t i = 0;
  for (; i + 8 <= len; i += 8) al_store_u64(text + i, al_load_u64(text + i) ^ s[i / 8 & 3]);
  for (; i < len; i++) text[i] ^= (uint8_t)s[0];
}

static void null_seal(uint8_t *text, size_t len, uint8_t tag[16], const uint8_t key[32],
                      uint64_t nonce, al_bytes ad) {
  null_mask(text, len, key, nonce);
  null_tag(tag, (al_bytes){text, len}, key, nonce, ad);
}

static al_err null_open(uint8_t *text, size_t len, const uint8_t tag[16], const uint8_t key[32],
                        uint64_t nonce, al_bytes ad) {
  uint8_t want[16];
  null_tag(want, (al_bytes){text, len}, key, nonce, ad);
  if (memcmp(want, tag, sizeof want) != 0) return AL_ECRYPTO;
  null_mask(text, len, key, nonce);
  return AL_OK;
}

static void null_poly1305(uint8_t tag[16], const uint8_t *msg, size_t len, const uint8_t key[32]) {
  const al_bytes in[2] = {{key, 32}, {msg, len}};
  uint8_t out[32];
  mix_parts(USE_MAC, out, in, 2);
  memcpy(tag, out, 16);
}

static const al_suite suite_null = {
    .name = "null",
    .simulation_only = true,
    .sha256 = null_sha256,
    .sha3_256 = null_sha3_256,
    .shake256 = null_shake256,
    .dh_public = null_dh_public,
    .dh = null_dh,
    .kem_keypair = null_kem_keypair,
    .kem_enc = null_kem_enc,
    .kem_dec = null_kem_dec,
    .sig_keypair = null_sig_keypair,
    .sign = null_sign,
    .verify = null_verify,
    .ed_public = null_ed_public,
    .ed_sign = null_ed_sign,
    .ed_verify = null_ed_verify,
    .ed_blind_public = null_ed_blind_public,
    .ed_blind_sign = null_ed_blind_sign,
    .seal = null_seal,
    .open = null_open,
    .xor_stream = null_xor_stream,
    .block = null_block,
    .poly1305 = null_poly1305,
};

const al_suite *al_suite_null(void) { return &suite_null; }
