/* fuzz_link.c — links from their first frame on: handshakes of any order and form, then everything
 * else. See fuzz_link_world.h. */
#include "fuzz_link_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  world_run(data, size, false);
  return 0;
}
