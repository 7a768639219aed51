/* chance.c — see chance.h. */
#include "chance.h"

uint32_t sim_minus_ln(uint32_t u) {
  if (u == 0) u = 1;
  uint32_t whole = 0;
  uint64_t x = u; /* brought to 2^31..2^32, that is [0.5, 1) times 2^32 */
  while (x < 0x80000000u) {
    x <<= 1;
    whole++;
  }
  /* -log2 of x / 2^32 lies in (0, 1]: its bits are found by squaring. */
  uint32_t bits = 0;
  for (int i = 0; i < 16; i++) {
    x = x * x >> 32;
    bits <<= 1;
    if (x < 0x80000000u) {
      x <<= 1;
      bits |= 1;
    }
  }
  uint64_t log2 = ((uint64_t)whole << 16) + bits;
  return (uint32_t)(log2 * 45426u >> 16); /* ln 2 = 45426 / 65536 */
}

uint64_t sim_exponential(sim_chance *c, uint64_t mean) {
  uint32_t l = sim_minus_ln((uint32_t)(sim_draw(c) >> 32));
  return (mean >> 16) * l + ((mean & 65535) * l >> 16);
}
