/* fuzz_digest.c — any bytes as a DIGEST: what is accepted can be read to its end and is what the
 * encoder writes for these entries. */
#include <stdlib.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t again[AL_DIGEST_BYTES_MAX];
  al_rd r;
  if (al_digest_decode((al_bytes){data, size}, &r) != AL_OK) return 0;
  al_wr w = al_wr_init(again, sizeof again);
  al_digest_start(&w);
  al_id id;
  uint64_t sequence;
  while (al_digest_next(&r, &id, &sequence)) {
    if (!al_digest_add(&w, &id, sequence)) abort();
  }
  if (!al_rd_done(&r) || w.len != size || memcmp(again, data, size) != 0) abort();
  return 0;
}
