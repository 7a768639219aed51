/* fuzz_cell.c — any twelve bytes as a cell header: what is accepted is what the encoder writes, and
 * a fragment lies inside its message. */
#include <stdlib.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t again[AL_CELL_HEADER_BYTES];
  al_cell_header h;
  if (size < AL_CELL_HEADER_BYTES || al_cell_decode(data, &h) != AL_OK) return 0;
  al_cell_encode(&h, again);
  if (memcmp(again, data, sizeof again) != 0) abort();
  if (h.type != AL_CELL_MESSAGE) return 0;
  const uint32_t total = al_cell_message_total(&h);
  if (total > AL_MESSAGE_BYTES_MAX ||
      (uint32_t)al_cell_message_index(&h) * AL_CELL_PAYLOAD_BYTES >= total)
    abort();
  return 0;
}
