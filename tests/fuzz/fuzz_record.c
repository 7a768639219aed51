/* fuzz_record.c — any bytes as a record of the DHT: what is accepted is what the encoder writes for
 * it, and every view lies inside. */
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
  static uint8_t again[AL_RECORD_BYTES_MAX];
  const al_bytes bytes = {data, size};
  al_record r;
  if (al_record_decode(bytes, &r) != AL_OK) return 0;
  check(size >= AL_RECORD_HEADER_BYTES && size <= AL_RECORD_BYTES_MAX);
  inside(bytes, r.value.ptr, r.value.len);
  inside(bytes, r.salt.ptr, r.salt.len);
  size_t signature = 0;
  if (r.kind == AL_RECORD_MUTABLE) {
    inside(bytes, r.pk, AL_SIG_PK_BYTES);
    signature = AL_SIG_BYTES;
  } else if (r.kind == AL_RECORD_BLINDED) {
    inside(bytes, r.pk, AL_ED_PK_BYTES);
    signature = AL_ED_SIG_BYTES;
  } else {
    check(r.kind == AL_RECORD_IMMUTABLE && r.sequence == 0 && r.expiry_s == 0);
  }
  inside(bytes, r.signature, signature);
  check(r.signed_part.ptr == data && r.signed_part.len + signature == size);
  al_wr w = al_wr_init(again, sizeof again);
  check(al_record_encode_unsigned(&r, &w) == AL_OK);
  check(w.len == r.signed_part.len && memcmp(again, data, w.len) == 0);
  return 0;
}
