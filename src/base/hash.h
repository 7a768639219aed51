/* hash.h — SipHash-1-3: places in tables that a peer who does not know the secret cannot choose.
 * Not for anything else. Layer 0. */
#ifndef AL_BASE_HASH_H
#define AL_BASE_HASH_H

#include "allium/al_types.h"
#include "base/bytes.h"

/* al_sip — a hash under way; fields are private. */
typedef struct al_sip {
  uint64_t v[4];
} al_sip;

/* al_sip_rotl — a rotation to the left by 1..63. */
static inline uint64_t al_sip_rotl(uint64_t v, unsigned n) { return v << n | v >> (64 - n); }

/* al_sip_round — one round. */
static inline void al_sip_round(uint64_t v[4]) {
  v[0] += v[1];
  v[1] = al_sip_rotl(v[1], 13) ^ v[0];
  v[0] = al_sip_rotl(v[0], 32);
  v[2] += v[3];
  v[3] = al_sip_rotl(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = al_sip_rotl(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = al_sip_rotl(v[1], 17) ^ v[2];
  v[2] = al_sip_rotl(v[2], 32);
}

/* al_sip_init — begin under a secret. */
static inline al_sip al_sip_init(const uint64_t secret[2]) {
  return (al_sip){{secret[0] ^ 0x736f6d6570736575, secret[1] ^ 0x646f72616e646f6d,
                   secret[0] ^ 0x6c7967656e657261, secret[1] ^ 0x7465646279746573}};
}

/* al_sip_word — eight bytes more. */
static inline void al_sip_word(al_sip *s, uint64_t word) {
  s->v[3] ^= word;
  al_sip_round(s->v);
  s->v[0] ^= word;
}

/* al_sip_end — the last word (the length in its top byte, what is left of the input below) and the
 * hash. */
static inline uint64_t al_sip_end(al_sip *s, uint64_t last) {
  al_sip_word(s, last);
  s->v[2] ^= 0xff;
  al_sip_round(s->v);
  al_sip_round(s->v);
  al_sip_round(s->v);
  return s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}

/* al_hash_bytes — SipHash-1-3 of a buffer. */
static inline uint64_t al_hash_bytes(const uint64_t secret[2], al_bytes in) {
  al_sip s = al_sip_init(secret);
  uint64_t last = (uint64_t)(in.len & 255) << 56;
  size_t i = 0;
  for (; i + 8 <= in.len; i += 8) al_sip_word(&s, al_load_u64(in.ptr + i));
  for (unsigned k = 0; i + k < in.len; k++) last |= (uint64_t)in.ptr[i + k] << 8 * k;
  return al_sip_end(&s, last);
}

/* al_hash_id — SipHash-1-3 of an identifier. */
static inline uint64_t al_hash_id(const uint64_t secret[2], const al_id *id) {
  return al_hash_bytes(secret, al_view(id->b, sizeof id->b));
}

#endif
