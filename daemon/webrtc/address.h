/* address.h — the address record of PROTOCOL.md 3.2, kind 1 (an open UDP port). */
#ifndef AL_WEBRTC_ADDRESS_H
#define AL_WEBRTC_ADDRESS_H

#include "udp.h"

typedef struct al_rtc_address {
  al_udp_addr at;
  uint8_t certificate[32];
  uint8_t password[AL_WEBRTC_PASSWORD_BYTES];
} al_rtc_address;

/* al_rtc_address_decode — total; inverse of al_rtc_address_encode.
 *   Result: false unless the record is exactly one of kind 1 with a usable address and port.
 *   Cost: none.   Source: PROTOCOL.md 3.2.   Tested: unit/webrtc_address. */
bool al_rtc_address_decode(al_rtc_address *a, al_bytes record);

/* al_rtc_address_encode — out has AL_WEBRTC_ADDRESS_MAX bytes.
 *   Result: length.   Cost: none.   Source: PROTOCOL.md 3.2.   Tested: unit/webrtc_address. */
size_t al_rtc_address_encode(uint8_t *out, const al_rtc_address *a);

#endif
