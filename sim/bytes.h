/* bytes.h — numbers as little-endian bytes: what is hashed or hashed into must not depend on the
 * machine. */
#ifndef SIM_BYTES_H
#define SIM_BYTES_H

#include <stdint.h>

/* The low `count` bytes of a number, least significant first. */
static inline void sim_store(uint8_t *p, uint64_t v, unsigned count) {
  for (unsigned i = 0; i < count; i++) p[i] = (uint8_t)(v >> (8 * i));
}
static inline void sim_store_u16(uint8_t *p, uint16_t v) { sim_store(p, v, 2); }
static inline void sim_store_u32(uint8_t *p, uint32_t v) { sim_store(p, v, 4); }
static inline void sim_store_u64(uint8_t *p, uint64_t v) { sim_store(p, v, 8); }
static inline uint32_t sim_load_u32(const uint8_t *p) {
  return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

#endif
