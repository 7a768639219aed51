/* fuzz_probe.c — any bytes as a PROBE: what is accepted is what the encoder writes. */
#include <stdlib.h>

#include "wire/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t again[AL_PROBE_BYTES];
  al_probe p;
  if (al_probe_decode((al_bytes){data, size}, &p) != AL_OK) return 0;
  al_probe_encode(&p, again);
  if (size != sizeof again || memcmp(again, data, size) != 0) abort();
  return 0;
}
