/* route.h — what a set-up packet tells one hop (PROTOCOL.md 5.4). Layer 1. */
#ifndef AL_WIRE_ROUTE_H
#define AL_WIRE_ROUTE_H

#include "base/cursor.h"

enum { AL_ROUTE_BYTES = 80 };

/* al_route_command — values are on the wire. */
typedef enum al_route_command {
  AL_ROUTE_CREATE = 1,     /* install a circuit and pass the packet on */
  AL_ROUTE_CREATE_END = 2, /* the circuit ends here */
} al_route_command;

/* al_route — decoded. */
typedef struct al_route {
  uint8_t command; /* al_route_command */
  al_id next;      /* all zero exactly for CREATE_END */
  uint8_t eph[32]; /* X: the origin's ephemeral X25519 key for this hop */
} al_route;

/* al_route_decode — read a route.
 *   ret   written on success                                                           [out]
 * Result: AL_OK, or AL_EPARSE: unknown command, reserved bytes that are not 0, a next hop where
 *         none belongs or none where one does.
 * Cost:   constant.   Source: PROTOCOL.md 5.4.   Tested: unit/wire_route, fuzz/sphinx. */
al_err al_route_decode(const uint8_t in[AL_ROUTE_BYTES], al_route *ret);

/* al_route_encode — write a route.
 *   r   fields that al_route_decode accepts                                            [asserted]
 * Result: none.   Cost: constant.   Source: PROTOCOL.md 5.4.   Tested: unit/wire_route. */
void al_route_encode(const al_route *r, uint8_t out[AL_ROUTE_BYTES]);

#endif
