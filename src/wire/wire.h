/* wire.h — every codec of the wire in one include, and the proof that the sizes of PROTOCOL.md fit
 * into one another. Encoders write canonical bytes, decoders are total and take nothing else.
 * Layer 1. */
#ifndef AL_WIRE_H
#define AL_WIRE_H

#include "allium/al_host.h"
#include "wire/address.h"
#include "wire/ask.h"
#include "wire/cell.h"
#include "wire/descriptor.h"
#include "wire/dht.h"
#include "wire/gossip.h"
#include "wire/handshake.h"
#include "wire/meet.h"
#include "wire/record.h"
#include "wire/route.h"
#include "wire/sample.h"

enum {
  AL_FRAME_COUNTER_BYTES = 8, /* u64 in front of a data frame: phase (top 8 bits) ‖ number */
  AL_RELAY_ZERO_BYTES = 16,   /* zero when a cell is meant for the hop that removed a layer */
  AL_RELAY_BYTES = 1068,      /* a relay payload (PROTOCOL.md 6.4) */
};

_Static_assert(AL_FRAME_COUNTER_BYTES + AL_CELL_BYTES + 16 == AL_FRAME_BYTES,
               "a cell fills a frame");
_Static_assert(AL_CELL_HEADER_BYTES + AL_CELL_PAYLOAD_BYTES == AL_CELL_BYTES, "cell");
_Static_assert(AL_RELAY_ZERO_BYTES + AL_RELAY_BYTES == AL_CELL_PAYLOAD_BYTES, "relay payload");
_Static_assert(AL_HANDSHAKE_HEADER_BYTES + AL_HANDSHAKE_FRAGMENT_BYTES == AL_FRAME_BYTES,
               "a handshake fragment fills a frame");
_Static_assert(AL_MESSAGE_FRAGMENTS_MAX *AL_CELL_PAYLOAD_BYTES == AL_MESSAGE_BYTES_MAX, "message");
_Static_assert(AL_SPHINX_BYTES == 7 * AL_CELL_PAYLOAD_BYTES, "a set-up packet fills its fragments");
_Static_assert((int)AL_DESC_BYTES_MAX <= (int)AL_MESSAGE_BYTES_MAX, "a descriptor is one message");
_Static_assert((int)AL_RECORD_BYTES_MAX + 1024 <= (int)AL_MESSAGE_BYTES_MAX,
               "a record and what travels with it are one message");
_Static_assert((int)AL_DIGEST_BYTES_MAX <= (int)AL_MESSAGE_BYTES_MAX, "a digest is one message");
_Static_assert((int)AL_SAMPLE_BYTES_MAX <= (int)AL_CELL_PAYLOAD_BYTES, "rumours are one cell");
_Static_assert((int)AL_WANT_BYTES_MAX <= (int)AL_MESSAGE_BYTES_MAX, "a want is one message");
_Static_assert(AL_DHT_ANSWER_BYTES + AL_DHT_ENTRIES_MAX * (33 + (int)AL_ADDRESS_BYTES_MAX) +
                       (int)AL_DHT_PAYLOAD_BYTES_MAX <=
                   (int)AL_MESSAGE_BYTES_MAX,
               "an answer is one message");
_Static_assert((int)AL_DESC_BYTES_MAX <= (int)AL_DHT_PAYLOAD_BYTES_MAX,
               "a descriptor is a payload");

#endif
