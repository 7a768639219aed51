/* address.h — where a node can be dialled: the webrtc-direct record (PROTOCOL.md 3.2). Layer 1. */
#ifndef AL_WIRE_ADDRESS_H
#define AL_WIRE_ADDRESS_H

#include "base/cursor.h"

enum {
  AL_ADDRESS_KIND_WEBRTC = 1,
  AL_ADDRESS_IPV4_BYTES = 58,
  AL_ADDRESS_IPV6_BYTES = 70,
  AL_ADDRESS_CERT_BYTES = 32,
  AL_ADDRESS_PWD_BYTES = 18,
};

/* al_address — a decoded record of kind 1. */
typedef struct al_address {
  uint8_t family;                      /* 4 or 6 */
  uint8_t ip[16];                      /* network order; IPv4 in the first four bytes, the rest 0 */
  uint16_t port;                       /* not 0 */
  uint8_t cert[AL_ADDRESS_CERT_BYTES]; /* SHA-256 of the answerer's certificate */
  uint8_t pwd[AL_ADDRESS_PWD_BYTES];   /* ICE password, 24 characters of base64 as text */
} al_address;

/* al_address_decode — read an address record of kind 1.
 *   ret   written on success                                                           [out]
 * Result: AL_OK, or AL_EPARSE: another kind or family, port 0, a byte too few or too many.
 * Cost:   constant.   Source: PROTOCOL.md 3.2.   Tested: unit/wire_address, fuzz/address. */
al_err al_address_decode(al_bytes record, al_address *ret);

/* al_address_encode — append an address record.
 *   a   family 4 or 6 and port not 0                                                   [asserted]
 *   w   AL_ADDRESS_IPV4_BYTES or AL_ADDRESS_IPV6_BYTES bytes are appended              [in/out]
 * Result: none; the cursor says whether it fitted.   Cost: constant.
 * Source: PROTOCOL.md 3.2.   Tested: unit/wire_address, fuzz/address. */
void al_address_encode(const al_address *a, al_wr *w);

/* al_address_group — the network an address counts for when paths are kept diverse.
 * Result: a number that is equal for addresses in the same IPv4 /16 or IPv6 /32 and never equal
 *         across families; 0 (exempt) for private, link-local, unspecified and loopback addresses.
 * Cost:   constant.   Source: docs/ARCHITECTURE.md.   Tested: unit/wire_address. */
uint64_t al_address_group(const al_address *a);

#endif
