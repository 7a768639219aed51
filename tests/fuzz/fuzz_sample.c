/* fuzz_sample.c — any bytes as a SAMPLE: what is accepted can be read to its end and is what the
 * encoder writes for it. */
#include <stdlib.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t again[AL_SAMPLE_BYTES_MAX];
  al_rd r = al_rd_init(al_view(NULL, 0));
  bool keep = false;
  al_wr w = al_wr_init(again, sizeof again);
  switch (al_sample_decode((al_bytes){data, size}, &keep, &r)) {
    case AL_SAMPLE_RUMOURS: {
      al_rumour one;
      al_sample_start(&w);
      while (al_sample_next(&r, &one))
        if (!al_sample_add(&w, &one)) abort();
      if (!al_rd_done(&r)) abort();
      break;
    }
    case AL_SAMPLE_KEEP:
      al_sample_keep(&w, keep);
      break;
    default:
      return 0;
  }
  if (w.len != size || memcmp(again, data, size) != 0) abort();
  return 0;
}
