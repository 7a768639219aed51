/* aead_wasm.c — ChaCha20-Poly1305 for WebAssembly: HACL*'s 128-bit ChaCha20 and its scalar
 * Poly1305, put together here because HACL* composes only parts of one width, and Poly1305 gains
 * nothing from WASM's vectors. The composition is ours: covered by the RFC's and Wycheproof's
 * vectors, not by F*. */
#include <string.h>

#include "Hacl_Chacha20.h"
#include "Hacl_Chacha20_Vec128.h"
#include "Hacl_Poly1305_32.h"
#include "crypto/hacl/hacl_priv.h"

/* One section of the MAC input: the bytes, then zeros up to a multiple of 16. */
static void mac_padded(uint64_t ctx[25], uint32_t len, uint8_t *bytes) {
  const uint32_t whole = len - len % 16;
  Hacl_Poly1305_32_poly1305_update(ctx, whole, bytes);
  if (whole == len) return;
  uint8_t last[16] = {0};
  memcpy(last, bytes + whole, len - whole);
  Hacl_Poly1305_32_poly1305_update1(ctx, last);
}

static void mac(uint8_t tag[16], uint8_t *key, uint8_t *nonce, const al_bytes section[2]) {
  uint8_t block[64] = {0}, lengths[16];
  uint64_t ctx[25] = {0};
  Hacl_Chacha20_chacha20_encrypt(sizeof block, block, block, key, nonce, 0);
  Hacl_Poly1305_32_poly1305_init(ctx, block);
  for (int i = 0; i < 2; i++) {
    mac_padded(ctx, (uint32_t)section[i].len, al_hacl_in(section[i].ptr));
    al_store_u64(lengths + 8 * i, section[i].len);
  }
  Hacl_Poly1305_32_poly1305_update1(ctx, lengths);
  Hacl_Poly1305_32_poly1305_finish(tag, block, ctx);
  al_wipe(block, sizeof block);
  al_wipe(ctx, sizeof ctx);
}

void al_hacl_aead_seal(uint8_t *key, uint8_t *nonce, uint32_t ad_len, uint8_t *ad, uint32_t len,
                       uint8_t *text, uint8_t *out, uint8_t *tag) {
  Hacl_Chacha20_Vec128_chacha20_encrypt_128(len, out, text, key, nonce, 1);
  const al_bytes section[2] = {{ad, ad_len}, {out, len}};
  mac(tag, key, nonce, section);
}

uint32_t al_hacl_aead_open(uint8_t *key, uint8_t *nonce, uint32_t ad_len, uint8_t *ad, uint32_t len,
                           uint8_t *out, uint8_t *text, uint8_t *tag) {
  uint8_t want[16];
  const al_bytes section[2] = {{ad, ad_len}, {text, len}};
  mac(want, key, nonce, section);
  const bool good = al_equal_ct(want, tag, sizeof want);
  al_wipe(want, sizeof want);
  if (!good) return 1;
  Hacl_Chacha20_Vec128_chacha20_encrypt_128(len, out, text, key, nonce, 1);
  return 0;
}
