/* fuzz_frame.c — a link that is up: cells of any form, messages, fresh keys, replays, time. See
 * fuzz_link_world.h. */
#include "fuzz_link_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  world_run(data, size, true);
  return 0;
}
