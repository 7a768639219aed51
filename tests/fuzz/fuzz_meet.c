/* fuzz_meet.c — any bytes as a message between client, service and relay: what is taken is what the
 * encoder writes for it, but for the padding of a relay payload. */
#include <stdlib.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good) {
  if (!good) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t again[AL_MEET_BYTES_MAX];
  al_meet m;
  if (al_meet_decode((al_bytes){data, size}, &m) != AL_OK) return 0;
  al_wr w = al_wr_init(again, sizeof again);
  al_meet_encode(&m, &w);
  check(al_wr_ok(&w) && w.len <= size && memcmp(again, data, w.len) == 0);
  check(w.len == size || size == AL_MEET_PAYLOAD_BYTES);
  for (size_t i = w.len; i < size; i++) check(data[i] == 0);
  return 0;
}
