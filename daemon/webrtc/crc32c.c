/* crc32c.c — see crc32c.h. */
#include "crc32c.h"

#include <string.h>

/* A nibble a step: reflected polynomial 0x82f63b78. */
uint32_t al_crc32c_portable(const uint8_t *p, size_t len) {
  static const uint32_t table[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
                                     0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
                                     0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                     0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
  uint32_t c = 0xffffffff;
  while (len--) {
    c ^= *p++;
    c = c >> 4 ^ table[c & 15];
    c = c >> 4 ^ table[c & 15];
  }
  return ~c;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t by_instruction(const uint8_t *p, size_t len) {
  uint64_t c = 0xffffffff;
  for (; len >= 8; len -= 8, p += 8) {
    uint64_t v;
    memcpy(&v, p, 8);
    c = _mm_crc32_u64(c, v);
  }
  uint32_t r = (uint32_t)c;
  while (len--) r = _mm_crc32_u8(r, *p++);
  return ~r;
}

uint32_t al_crc32c(const uint8_t *p, size_t len) {
  return __builtin_cpu_supports("sse4.2") ? by_instruction(p, len) : al_crc32c_portable(p, len);
}
#else
uint32_t al_crc32c(const uint8_t *p, size_t len) { return al_crc32c_portable(p, len); }
#endif
