/* fips202.h — stands in front of PQClean's header of this name when ML-DSA is compiled: the part of its
 * interface that ML-DSA uses, over HACL*'s verified Keccak permutation, with the state inside the
 * object instead of on the heap. Defined in fips202_hacl.c. */
#ifndef FIPS202_H
#define FIPS202_H

#include <stddef.h>
#include <stdint.h>

#define SHAKE128_RATE 168
#define SHAKE256_RATE 136

/* pos is the next byte of the block to absorb into, or to squeeze from. */
typedef struct {
  uint64_t lanes[25];
  uint32_t pos;
} al_pq_keccak;

typedef al_pq_keccak shake128incctx;
typedef al_pq_keccak shake256incctx;

void al_pq_keccak_init(al_pq_keccak *k);
void al_pq_keccak_absorb(al_pq_keccak *k, uint32_t rate, const uint8_t *in, size_t len);
void al_pq_keccak_finalize(al_pq_keccak *k, uint32_t rate);
void al_pq_keccak_squeeze(al_pq_keccak *k, uint32_t rate, uint8_t *out, size_t len);
void al_pq_keccak_release(al_pq_keccak *k);
void al_pq_shake256(uint8_t *out, size_t out_len, const uint8_t *in, size_t len);

#define shake128_inc_init(k) al_pq_keccak_init(k)
#define shake128_inc_absorb(k, in, len) al_pq_keccak_absorb(k, SHAKE128_RATE, in, len)
#define shake128_inc_finalize(k) al_pq_keccak_finalize(k, SHAKE128_RATE)
#define shake128_inc_squeeze(out, len, k) al_pq_keccak_squeeze(k, SHAKE128_RATE, out, len)
#define shake128_inc_ctx_release(k) al_pq_keccak_release(k)

#define shake256_inc_init(k) al_pq_keccak_init(k)
#define shake256_inc_absorb(k, in, len) al_pq_keccak_absorb(k, SHAKE256_RATE, in, len)
#define shake256_inc_finalize(k) al_pq_keccak_finalize(k, SHAKE256_RATE)
#define shake256_inc_squeeze(out, len, k) al_pq_keccak_squeeze(k, SHAKE256_RATE, out, len)
#define shake256_inc_ctx_release(k) al_pq_keccak_release(k)
#define shake256(out, out_len, in, len) al_pq_shake256(out, out_len, in, len)

#endif
