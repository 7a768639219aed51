/* meet.h — the messages by which clients and services find each other at relays (PROTOCOL.md 9.3):
 * the data of a set-up packet that ends at the relay, or a relay payload of kind MEET. Layer 1. */
#ifndef AL_WIRE_MEET_H
#define AL_WIRE_MEET_H

#include "base/cursor.h"

enum {
  AL_MEET_COOKIE_BYTES = 20,
  AL_MEET_SECRET_BYTES = 32,
  AL_MEET_ANSWER_BYTES = 48,    /* a service's X25519 key and its proof */
  AL_MEET_REQUEST_BYTES = 1280, /* nonce 16, KEM ciphertext 1120, sealed 128 and its tag */
  AL_MEET_PART_BYTES = 640,     /* a request goes to the service in two halves */
  AL_MEET_PAYLOAD_BYTES = 1067, /* of a relay payload, behind its kind */
  AL_MEET_BYTES_MAX = 1 + AL_MEET_SECRET_BYTES + AL_MEET_REQUEST_BYTES,
  AL_RELAY_KIND_SEALED = 2, /* relay payloads (PROTOCOL.md 6.4) */
  AL_RELAY_KIND_MEET = 4,
};
_Static_assert(2 * AL_MEET_PART_BYTES == AL_MEET_REQUEST_BYTES, "two parts");

/* al_meet_op — values are on the wire. */
typedef enum al_meet_op {
  AL_MEET_RENDEZVOUS = 1, /* client to relay: join whoever comes with this cookie to my circuit */
  AL_MEET_LISTEN = 2,     /* service to relay: I am reached here, by the hash of this secret */
  AL_MEET_INTRODUCE = 3,  /* client to relay: a request for whoever listens by this name */
  AL_MEET_JOIN = 4,       /* service to relay: join me to the circuit that waits by this cookie */
  AL_MEET_REQUEST = 5,    /* relay to service: half of a request */
  AL_MEET_JOINED = 6,     /* relay to client: the service's answer; its circuit is joined */
} al_meet_op;

/* al_meet — decoded; views lead into what was decoded. */
typedef struct al_meet {
  uint8_t op;           /* al_meet_op */
  uint8_t part;         /* REQUEST: 0 or 1 */
  uint16_t number;      /* REQUEST: which one */
  const uint8_t *name;  /* RENDEZVOUS, JOIN: cookie; LISTEN: secret; INTRODUCE: hash of it */
  const uint8_t *bytes; /* INTRODUCE, REQUEST, JOIN, JOINED: of the op's own length */
} al_meet;

/* al_meet_decode — read a message.
 *   bytes   of a set-up packet; or of a relay payload behind its kind, then with zeros to its end
 *   ret     written on success                                                         [out]
 * Result: AL_OK, or AL_EPARSE for anything that al_meet_encode would not have written.
 * Cost:   constant.   Source: PROTOCOL.md 9.3.   Tested: unit/wire_meet, fuzz/meet. */
al_err al_meet_decode(al_bytes bytes, al_meet *ret);

/* al_meet_encode — write a message.
 *   m   fields that its op has                                                         [asserted]
 *   w   appended to                                                                    [in/out]
 * Result: none; the cursor is bad when it does not fit.   Cost: one copy.
 * Source: PROTOCOL.md 9.3.   Tested: unit/wire_meet, fuzz/meet. */
void al_meet_encode(const al_meet *m, al_wr *w);

#endif
