/* face.h — how others reach this node: the addresses it announces. */
#ifndef AL_DAEMON_FACE_H
#define AL_DAEMON_FACE_H

#include "address.h"
#include "allium/allium.h"
#include "option.h"

/* al_face — at most AL_ADDRESSES_MAX addresses, as text fields and as records. */
typedef struct al_face {
  uint32_t count;
  al_peer_address address[AL_ADDRESSES_MAX];
  uint8_t record[AL_ADDRESSES_MAX][AL_ADDRESS_RECORD_MAX];
  size_t record_len[AL_ADDRESSES_MAX];
} al_face;

/* al_face_make — what the settings announce; if nothing, the addresses listened on, where `*`
 * stands for those of the interfaces: public ones first, then private ones, loopback only if there
 * is nothing else.
 *   secret  AL_ADDRESS_SECRET_BYTES: certificate hash and ICE password                    [in]
 *   port    the UDP port that was bound                                                    [in]
 * Result: none.   Cost: asks the system for its interfaces.   Source: PROTOCOL.md 3.2.
 * Tested: unit/daemon_face. */
void al_face_make(al_face *ret, const al_settings *s, const uint8_t *secret, uint16_t port);

/* al_face_equal — do two faces announce the same?
 *   Result: yes or no.   Cost: O(addresses).   Source: none.   Tested: unit/daemon_face. */
bool al_face_equal(const al_face *a, const al_face *b);

/* al_face_rank — how useful an address is to others: 3 public, 2 private, 1 loopback, 0 none at all
 * (link-local, multicast, unspecified).
 *   Result: 0..3.   Cost: none.   Source: RFC 6890.   Tested: unit/daemon_face. */
unsigned al_face_rank(const al_endpoint *e);

#endif
