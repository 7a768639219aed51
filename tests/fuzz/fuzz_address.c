/* fuzz_address.c — any bytes as an address record: what is accepted is what the encoder writes. */
#include <stdlib.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t again[AL_ADDRESS_BYTES_MAX];
  al_address a;
  if (al_address_decode((al_bytes){data, size}, &a) != AL_OK) return 0;
  al_wr w = al_wr_init(again, sizeof again);
  al_address_encode(&a, &w);
  if (!al_wr_ok(&w) || w.len != size || memcmp(again, data, size) != 0) abort();
  (void)al_address_group(&a);
  return 0;
}
