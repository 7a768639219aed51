/* hop.h — the handshake of a circuit with one of its hops: keys from the Sphinx secret and a fresh
 * X25519 exchange, and the CREATED payload by which hops answer. Layer 2. */
#ifndef AL_SHAKE_HOP_H
#define AL_SHAKE_HOP_H

#include "crypto/crypto.h"
#include "wire/cell.h"

enum {
  AL_HOP_CONFIRM_BYTES = 16,
  AL_HOP_HEAD_BYTES = 32 + AL_HOP_CONFIRM_BYTES,                 /* Y ‖ confirmation */
  AL_HOP_REST_BYTES = AL_CELL_PAYLOAD_BYTES - AL_HOP_HEAD_BYTES, /* what the next hop said */
};
_Static_assert(AL_HOP_REST_BYTES == 1036, "PROTOCOL.md 6.2");

/* al_hop_keys — what origin and hop share; secret. */
typedef struct al_hop_keys {
  uint8_t forward[32], backward[32]; /* for al_wide_init, one wide-block key each */
  uint8_t created[32];
  uint8_t resume[32]; /* of use at the end hop: resume.h */
  uint8_t confirm[AL_HOP_CONFIRM_BYTES];
  uint64_t forward_offset, backward_offset; /* below 2^48: added to a cell's counter */
} al_hop_keys;

/* al_hop_exchange — one side's view of the exchange. */
typedef struct al_hop_exchange {
  const al_id *id;       /* the hop's */
  const uint8_t *secret; /* hop secret of al_sphinx_create or al_sphinx_open, 32 bytes */
  const uint8_t *x, *y;  /* public keys of origin and hop, 32 bytes each */
  const uint8_t *sk;     /* our own scalar, 32 bytes */
  bool origin;           /* sk belongs to x; else to y */
} al_hop_exchange;

/* al_hop_derive — the keys of a hop, the same at both ends.
 *   ret   wiped on failure                                                             [out]
 * Result: AL_OK or AL_ECRYPTO (the exchange gave all zeros).   Cost: one X25519, 9 HMACs.
 * Source: PROTOCOL.md 6.1.   Tested: unit/shake_hop, vectors (hop). */
al_err al_hop_derive(const al_suite *suite, const al_hop_exchange *exchange, al_hop_keys *ret);

/* al_hop_created_add — hop: put our answer in front of what the next hop said, in place.
 *   y        our fresh public key, 32 bytes
 *   payload  AL_CELL_PAYLOAD_BYTES bytes: the payload of the CREATED that came, at the end of a
 *            circuit random bytes                                                      [in/out]
 * Result: none.   Cost: one pass of ChaCha20.
 * Source: PROTOCOL.md 6.2.   Tested: unit/shake_hop, vectors (hop). */
void al_hop_created_add(const al_suite *suite, const al_hop_keys *keys, const uint8_t *y,
                        uint8_t payload[AL_CELL_PAYLOAD_BYTES]);

/* al_hop_created_y — the hop's public key at the head of a payload, needed to derive the keys. */
static inline const uint8_t *al_hop_created_y(const uint8_t payload[AL_CELL_PAYLOAD_BYTES]) {
  return payload;
}

/* al_hop_created_peel — origin: check a hop's answer and uncover that of the next one, in place.
 *   keys     derived with the key at the head of the payload
 *   payload  AL_CELL_PAYLOAD_BYTES bytes; what is unknown at its end becomes 0; untouched
 *            on failure                                                                [in/out]
 * Result: AL_OK or AL_ECRYPTO (the confirmation is wrong: the circuit ends).
 * Cost:   one pass of ChaCha20; constant time in the confirmation.
 * Source: PROTOCOL.md 6.2.   Tested: unit/shake_hop, vectors (hop). */
al_err al_hop_created_peel(const al_suite *suite, const al_hop_keys *keys,
                           uint8_t payload[AL_CELL_PAYLOAD_BYTES]);

#endif
