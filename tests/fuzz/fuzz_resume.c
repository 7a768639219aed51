/* fuzz_resume.c — any bytes as a RESUME payload: what is accepted is what the encoder writes. */
#include <stdlib.h>

#include "wire/resume.h"
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t padded[AL_RELAY_BYTES], again[AL_RELAY_BYTES];
  al_resume m;
  if (size > sizeof padded) return 0;
  memset(padded, 0, sizeof padded); /* short inputs are what the encoder would pad */
  memcpy(padded, data, size);
  if (al_resume_decode(al_view(padded, sizeof padded), &m) != AL_OK) return 0;
  al_resume_encode(&m, again);
  if (memcmp(again, padded, sizeof again) != 0) abort();
  return 0;
}
