/* fuzz_relay.c — any bytes as the frames of a relay payload: what is accepted is what the encoder
 * writes for it, frame by frame. */
#include <stdlib.h>

#include "stream/frame.h"
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t again[AL_RELAY_BYTES];
  if (size > AL_RELAY_BYTES) return 0;
  al_rd r = al_rd_init((al_bytes){data, size});
  al_frame f;
  for (size_t at = 0; al_frame_next(&r, &f); at = r.pos) {
    al_wr w = al_wr_init(again, sizeof again);
    al_frame_put(&w, &f);
    if (!al_wr_ok(&w) || w.len != r.pos - at || memcmp(again, data + at, w.len) != 0) abort();
  }
  return 0;
}
