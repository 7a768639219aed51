/* fuzz_descriptor.c — any bytes as a descriptor: what is accepted is what the encoder writes for
 * it, and every view lies inside the record. */
#include <stdlib.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good) {
  if (!good) abort();
}

static void inside(al_bytes all, const uint8_t *ptr, size_t len) {
  check(ptr >= all.ptr && len <= all.len && (size_t)(ptr - all.ptr) <= all.len - len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t again[AL_DESC_BYTES_MAX];
  const al_bytes record = {data, size};
  al_desc d;
  if (al_desc_decode(record, &d) != AL_OK) return 0;
  check(size >= AL_DESC_BYTES_MIN && size <= AL_DESC_BYTES_MAX);
  inside(record, d.sig_pk, AL_SIG_PK_BYTES);
  inside(record, d.link_pk, AL_KEM_PK_BYTES);
  for (int i = 0; i < 2; i++) inside(record, d.onion_pk[i], AL_KEM_PK_BYTES);
  for (uint32_t i = 0; i < d.addresses_count; i++)
    inside(record, d.addresses[i].ptr, d.addresses[i].len);
  inside(record, d.software.ptr, d.software.len);
  inside(record, d.signature, AL_SIG_BYTES);
  al_wr w = al_wr_init(again, sizeof again);
  check(al_desc_encode_unsigned(&d, &w) == AL_OK);
  check(w.len == d.signed_part.len && w.len + AL_SIG_BYTES == size);
  check(memcmp(again, data, w.len) == 0);
  return 0;
}
