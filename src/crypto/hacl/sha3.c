/* sha3.c — SHA3-256 and SHAKE256 over several parts: our sponge over HACL*'s Keccak functions. */
#include <string.h>

#include "crypto/hacl/hacl_priv.h"
#include "internal/Hacl_Hash_SHA3.h"

enum { RATE = 136, SUFFIX_SHA3 = 0x06, SUFFIX_SHAKE = 0x1f };

static void absorb(uint64_t state[25], const al_bytes *in, size_t in_count, uint8_t suffix) {
  uint8_t block[RATE];
  size_t fill = 0;
  for (size_t i = 0; i < in_count; i++) {
    uint8_t *from = al_hacl_in(in[i].ptr);
    for (size_t left = in[i].len; left > 0;) {
      const size_t n = al_min_size(RATE - fill, left);
      if (n == RATE) { /* a whole block where it lies */
        Hacl_Impl_SHA3_absorb_inner(RATE, from, state);
      } else {
        memcpy(block + fill, from, n);
        fill += n;
        if (fill == RATE) Hacl_Impl_SHA3_absorb_inner(RATE, block, state);
        fill %= RATE;
      }
      from += n;
      left -= n;
    }
  }
  memset(block + fill, 0, RATE - fill);
  block[fill] = suffix;
  block[RATE - 1] |= 0x80;
  Hacl_Impl_SHA3_absorb_inner(RATE, block, state);
  al_wipe(block, sizeof block);
}

void al_hacl_sha3_256(uint8_t out[32], const al_bytes *in, size_t in_count) {
  uint64_t state[25] = {0};
  absorb(state, in, in_count, SUFFIX_SHA3);
  Hacl_Impl_SHA3_squeeze(state, RATE, 32, out);
  al_wipe(state, sizeof state);
}

void al_hacl_shake256(uint8_t *out, size_t out_len, const al_bytes *in, size_t in_count) {
  uint64_t state[25] = {0};
  absorb(state, in, in_count, SUFFIX_SHAKE);
  Hacl_Impl_SHA3_squeeze(state, RATE, al_hacl_len(out_len), out);
  al_wipe(state, sizeof state);
}
