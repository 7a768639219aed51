/* handshake.h — how the messages of a link handshake lie in frames (PROTOCOL.md 4.1). What they
 * hold is src/shake's. Layer 1. */
#ifndef AL_WIRE_HANDSHAKE_H
#define AL_WIRE_HANDSHAKE_H

#include "allium/al_host.h"
#include "allium/al_suite.h"
#include "base/rng.h"
#include "wire/descriptor.h"

enum {
  AL_HANDSHAKE_HEADER_BYTES = 16,
  AL_HANDSHAKE_FRAGMENT_BYTES = 1104,
  /* The four messages; the two that carry a descriptor at most. FETCH comes from anybody: it is
   * padded, so that its answer is at most three times as long. */
  AL_HANDSHAKE_FETCH_BYTES = 3648,
  AL_HANDSHAKE_RECORD_BYTES_MAX = AL_KEM_CT_BYTES + AL_DESC_BYTES_MAX + AL_TAG_BYTES,
  AL_HANDSHAKE_INIT_BYTES_MAX =
      AL_KEM_PK_BYTES + AL_KEM_CT_BYTES + AL_DESC_BYTES_MAX + AL_TAG_BYTES,
  AL_HANDSHAKE_ACCEPT_BYTES = 2 * AL_KEM_CT_BYTES + 16 + AL_TAG_BYTES,
  AL_HANDSHAKE_BYTES_MAX = AL_HANDSHAKE_INIT_BYTES_MAX,
};

/* al_handshake_type — values are on the wire. */
typedef enum al_handshake_type {
  AL_HANDSHAKE_FETCH = 1,
  AL_HANDSHAKE_RECORD = 2,
  AL_HANDSHAKE_INIT = 3,
  AL_HANDSHAKE_ACCEPT = 4,
} al_handshake_type;

/* al_handshake_frame — a decoded handshake frame. */
typedef struct al_handshake_frame {
  uint8_t type;         /* al_handshake_type */
  uint8_t index, count; /* index < count = al_handshake_frames(total) */
  uint32_t total;       /* bytes of the whole message; one its type can have */
  al_bytes fragment;    /* this part of the message, padding cut off; borrowed */
} al_handshake_frame;

/* al_handshake_is — whether a frame is a handshake frame: data frames never begin like that. */
static inline bool al_handshake_is(const uint8_t frame[AL_FRAME_BYTES]) {
  return al_load_u64(frame) == UINT64_MAX;
}

/* al_handshake_frames — how many frames a message of `total` bytes takes. */
static inline uint32_t al_handshake_frames(uint32_t total) {
  return total / AL_HANDSHAKE_FRAGMENT_BYTES + (total % AL_HANDSHAKE_FRAGMENT_BYTES != 0 ? 1 : 0);
}

/* al_handshake_decode — read a handshake frame.
 *   frame   AL_FRAME_BYTES bytes, borrowed: ret->fragment points into them
 *   ret     written on success                                                         [out]
 * Result: AL_OK, or AL_EPARSE: not a handshake frame, unknown type, a length its type cannot have,
 *         a count that does not follow from the length, an index beyond it.
 * Cost:   constant.   Source: PROTOCOL.md 4.1.   Tested: unit/wire_handshake, fuzz/handshake. */
al_err al_handshake_decode(const uint8_t frame[AL_FRAME_BYTES], al_handshake_frame *ret);

/* al_handshake_encode — write frame `index` of a message.
 *   frame    AL_FRAME_BYTES bytes                                                      [out]
 *   type     al_handshake_type
 *   message  all of it; of a length its type can have                                  [asserted]
 *   index    below al_handshake_frames(message.len)                                    [asserted]
 *   rng      what the last frame is padded with                                        [in/out]
 * Result: none.   Cost: one copy.   Source: PROTOCOL.md 4.1.   Tested: unit/wire_handshake. */
void al_handshake_encode(uint8_t frame[AL_FRAME_BYTES], al_handshake_type type, al_bytes message,
                         uint32_t index, al_rng *rng);

#endif
