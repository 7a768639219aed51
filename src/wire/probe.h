/* probe.h — what neighbours ask each other about a third node that fell silent (PROTOCOL.md 4.7).
 * Layer 1. */
#ifndef AL_WIRE_PROBE_H
#define AL_WIRE_PROBE_H

#include "base/cursor.h"

enum { AL_PROBE_BYTES = 41 };

/* al_probe_op — values are on the wire. */
typedef enum al_probe_op {
  AL_PROBE_ASK = 1,     /* does this node answer you? */
  AL_PROBE_ALIVE = 2,   /* it did, after I was asked */
  AL_PROBE_SILENT = 3,  /* it did not */
  AL_PROBE_UNKNOWN = 4, /* I have no link to it, or do not say */
  AL_PROBE_LOST = 5,    /* my link to it is lost: look after yours */
} al_probe_op;

/* al_probe — decoded. */
typedef struct al_probe {
  uint8_t op;     /* al_probe_op */
  uint64_t nonce; /* of the question; 0 exactly in LOST */
  al_id about;
} al_probe;

/* al_probe_decode — read a PROBE message.
 *   ret   written on success                                                           [out]
 * Result: AL_OK, or AL_EPARSE: another length, an unknown op, a nonce where none belongs or none
 *         where one does, an ID of zeros.
 * Cost:   constant.   Source: PROTOCOL.md 4.7.   Tested: unit/wire_probe, fuzz/probe. */
al_err al_probe_decode(al_bytes in, al_probe *ret);

/* al_probe_encode — write one.
 *   p     fields that al_probe_decode accepts                                          [asserted]
 * Result: none.   Cost: constant.   Source: PROTOCOL.md 4.7.   Tested: unit/wire_probe. */
void al_probe_encode(const al_probe *p, uint8_t out[AL_PROBE_BYTES]);

#endif
