/* fips202_hacl.c — SHAKE128 and SHAKE256 for ML-DSA: our sponge over HACL*'s Keccak permutation. */
#include "fips202.h"
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "lanes are read and written as bytes: little-endian hosts only"
#endif

void Hacl_Impl_SHA3_state_permute(uint64_t *s);

void al_pq_keccak_init(al_pq_keccak *k) { memset(k, 0, sizeof *k); }

void al_pq_keccak_absorb(al_pq_keccak *k, uint32_t rate, const uint8_t *in, size_t len) {
  uint8_t *block = (uint8_t *)k->lanes;
  for (size_t i = 0; i < len; i++) {
    block[k->pos++] ^= in[i];
    if (k->pos == rate) {
      Hacl_Impl_SHA3_state_permute(k->lanes);
      k->pos = 0;
    }
  }
}

/* After this pos counts what is left of the squeezed block: none, so that the first squeeze permutes. */
void al_pq_keccak_finalize(al_pq_keccak *k, uint32_t rate) {
  uint8_t *block = (uint8_t *)k->lanes;
  block[k->pos] ^= 0x1f;
  block[rate - 1] ^= 0x80;
  k->pos = rate;
}

void al_pq_keccak_squeeze(al_pq_keccak *k, uint32_t rate, uint8_t *out, size_t len) {
  while (len > 0) {
    if (k->pos == rate) {
      Hacl_Impl_SHA3_state_permute(k->lanes);
      k->pos = 0;
    }
    size_t n = rate - k->pos;
    if (n > len) n = len;
    memcpy(out, (const uint8_t *)k->lanes + k->pos, n);
    k->pos += (uint32_t)n;
    out += n;
    len -= n;
  }
}

/* The states hold key material: gone before the stack frame is. The barrier keeps the store alive. */
void al_pq_keccak_release(al_pq_keccak *k) {
  memset(k, 0, sizeof *k);
  __asm__ volatile("" : : "r"(k) : "memory");
}

/* in may lie inside out: sign.c expands the seed in place. All is absorbed before the first squeeze. */
void al_pq_shake256(uint8_t *out, size_t out_len, const uint8_t *in, size_t len) {
  al_pq_keccak k;
  al_pq_keccak_init(&k);
  al_pq_keccak_absorb(&k, SHAKE256_RATE, in, len);
  al_pq_keccak_finalize(&k, SHAKE256_RATE);
  al_pq_keccak_squeeze(&k, SHAKE256_RATE, out, out_len);
  al_pq_keccak_release(&k);
}
