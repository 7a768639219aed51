/* sha2.c — SHA-256 and SHA-512 over several parts: our buffering over HACL*'s block functions. Its
 * own file because these come from another HACL* snapshot, whose headers clash with the first's. */
#include <string.h>

#include "crypto/hacl/hacl_priv.h"
#include "internal/Hacl_Hash_SHA2.h"

/* Bytes that did not fill a block yet, and the count of all. */
typedef struct sha2_tail {
  uint8_t block[128];
  size_t fill;
  uint64_t total;
} sha2_tail;

/* Where the next run of whole blocks lies: in the tail when that has become full, else in the
 * input. Advances `in` past what it used. A last whole block is held back for nobody: HACL*'s
 * update_last takes any rest below a block, 0 included. */
static al_bytes sha2_take(sha2_tail *t, al_bytes *in, size_t block) {
  if (t->fill > 0 || in->len < block) {
    size_t n = al_min_size(block - t->fill, in->len);
    if (n > 0) memcpy(t->block + t->fill, in->ptr, n);
    t->fill += n;
    *in = (al_bytes){in->ptr + n, in->len - n};
    if (t->fill < block) return (al_bytes){NULL, 0};
    t->fill = 0;
    return (al_bytes){t->block, block};
  }
  al_bytes run = {in->ptr, in->len - in->len % block};
  *in = (al_bytes){in->ptr + run.len, in->len - run.len};
  return run;
}

void al_hacl_sha256(uint8_t out[32], const al_bytes *in, size_t in_count) {
  uint32_t state[8];
  sha2_tail tail = {.fill = 0};
  Hacl_Hash_SHA2_sha256_init(state);
  for (size_t i = 0; i < in_count; i++) {
    tail.total += in[i].len;
    for (al_bytes rest = in[i]; rest.len > 0;) {
      al_bytes run = sha2_take(&tail, &rest, 64);
      if (run.len > 0) {
        Hacl_Hash_SHA2_sha256_update_nblocks(al_hacl_len(run.len), al_hacl_in(run.ptr), state);
      }
    }
  }
  Hacl_Hash_SHA2_sha256_update_last(tail.total, (uint32_t)tail.fill, tail.block, state);
  Hacl_Hash_SHA2_sha256_finish(state, out);
  al_wipe(state, sizeof state);
  al_wipe(&tail, sizeof tail);
}

void al_hacl_sha512_parts(uint8_t out[64], const uint8_t *const part[3], const uint32_t len[3]) {
  uint64_t state[8];
  sha2_tail tail = {.fill = 0};
  Hacl_Hash_SHA2_sha512_init(state);
  for (size_t i = 0; i < 3; i++) {
    tail.total += len[i];
    for (al_bytes rest = {part[i], len[i]}; rest.len > 0;) {
      al_bytes run = sha2_take(&tail, &rest, 128);
      if (run.len > 0) {
        Hacl_Hash_SHA2_sha512_update_nblocks(al_hacl_len(run.len), al_hacl_in(run.ptr), state);
      }
    }
  }
  Hacl_Hash_SHA2_sha512_update_last(FStar_UInt128_uint64_to_uint128(tail.total),
                                    (uint32_t)tail.fill, tail.block, state);
  Hacl_Hash_SHA2_sha512_finish(state, out);
  al_wipe(state, sizeof state);
  al_wipe(&tail, sizeof tail);
}
