/* fuzz_want.c — any bytes as a WANT: what is accepted can be read to its end and is what the
 * encoder writes for these identifiers. */
#include <stdlib.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t again[AL_WANT_BYTES_MAX];
  al_rd r;
  if (al_want_decode((al_bytes){data, size}, &r) != AL_OK) return 0;
  al_wr w = al_wr_init(again, sizeof again);
  al_want_start(&w);
  al_id id;
  while (al_want_next(&r, &id)) {
    if (!al_want_add(&w, &id)) abort();
  }
  if (!al_rd_done(&r) || w.len != size || memcmp(again, data, size) != 0) abort();
  return 0;
}
