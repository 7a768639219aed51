/* cell.h — the header of a cell, the plaintext of a data frame (PROTOCOL.md 4.3, 4.4). Layer 1. */
#ifndef AL_WIRE_CELL_H
#define AL_WIRE_CELL_H

#include "allium/al_types.h"

enum {
  AL_CELL_HEADER_BYTES = 12,
  AL_CELL_PAYLOAD_BYTES = 1084,
  AL_CELL_BYTES = 1096,
  AL_MESSAGE_FRAGMENTS_MAX = 15,
  AL_MESSAGE_BYTES_MAX = 16260,
  AL_SPHINX_BYTES = 7588,  /* message kind SPHINX has this size, always */
  AL_REKEY_BYTES = 1216,   /* REKEY: a KEM public key */
  AL_REKEYED_BYTES = 1120, /* REKEYED: a KEM ciphertext */
};

/* al_cell_type — values are on the wire. */
typedef enum al_cell_type {
  AL_CELL_PADDING = 0,
  AL_CELL_CIRCUIT = 1, /* "CELL" in PROTOCOL.md 4.3: onion layers of a circuit */
  AL_CELL_CREATED = 2,
  AL_CELL_DESTROY = 3, /* flags: al_reason */
  AL_CELL_MESSAGE = 4, /* flags: al_message_kind; counter: al_cell_fragment() */
  AL_CELL_PING = 5,
  AL_CELL_PONG = 6,
  AL_CELL_CLOSE = 7, /* flags: al_reason */
  AL_CELL_TYPE_COUNT
} al_cell_type;

/* al_message_kind — values are on the wire. */
typedef enum al_message_kind {
  AL_MESSAGE_SPHINX = 1,
  AL_MESSAGE_DIGEST = 2,
  AL_MESSAGE_WANT = 3,
  AL_MESSAGE_DESCRIPTOR = 4,
  AL_MESSAGE_REKEY = 5,
  AL_MESSAGE_REKEYED = 6,
  AL_MESSAGE_DHT = 7,
  AL_MESSAGE_PROBE = 8,
  AL_MESSAGE_SAMPLE = 9,
  AL_MESSAGE_KIND_COUNT
} al_message_kind;

/* al_cell_header — the twelve bytes in front of a cell's payload. */
typedef struct al_cell_header {
  uint32_t id;      /* circuit or message; 0 for cells of the link itself */
  uint8_t type;     /* al_cell_type */
  uint8_t flags;    /* reason, kind or code */
  uint64_t counter; /* below 2^48; of a MESSAGE: total length ‖ fragment index */
} al_cell_header;

/* al_cell_decode — read and check a cell header.
 *   in    AL_CELL_HEADER_BYTES bytes
 *   ret   written on success                                                           [out]
 * Result: AL_OK, or AL_EPARSE: unknown type or kind, a field that must be 0 is not, an id that must
 *         not be 0 is, or a fragment that cannot be part of a message of its kind.
 * Cost:   constant.   Source: PROTOCOL.md 4.3, 4.4.   Tested: unit/wire_cell, fuzz/cell. */
al_err al_cell_decode(const uint8_t in[AL_CELL_HEADER_BYTES], al_cell_header *ret);

/* al_cell_encode — write a cell header.
 *   h     fields that al_cell_decode accepts; counter below 2^48                       [asserted]
 *   out   AL_CELL_HEADER_BYTES bytes                                                   [out]
 * Result: none.   Cost: constant.   Source: PROTOCOL.md 4.3.   Tested: unit/wire_cell, fuzz/cell.
 */
void al_cell_encode(const al_cell_header *h, uint8_t out[AL_CELL_HEADER_BYTES]);

/* al_message_valid — whether a message of this kind can be `total` bytes long.
 * Result: false for an unknown kind.   Cost: constant.
 * Source: PROTOCOL.md 4.4.             Tested: unit/wire_cell. */
bool al_message_valid(uint8_t kind, uint32_t total);

/* al_message_is_prompt — whether somebody waits for such a message: it goes before others. */
static inline bool al_message_is_prompt(uint8_t kind) {
  return kind == AL_MESSAGE_SPHINX || kind == AL_MESSAGE_DHT;
}

/* al_cell_fragment — the counter of fragment `index` of a message of `total` bytes. */
static inline uint64_t al_cell_fragment(uint32_t total, uint16_t index) {
  return (uint64_t)total | (uint64_t)index << 32;
}

/* al_cell_message_total — the length of the message that a MESSAGE cell is a part of. */
static inline uint32_t al_cell_message_total(const al_cell_header *h) {
  return (uint32_t)h->counter;
}

/* al_cell_message_index — which fragment a MESSAGE cell is, from 0. */
static inline uint16_t al_cell_message_index(const al_cell_header *h) {
  return (uint16_t)(h->counter >> 32);
}

/* al_message_fragments — how many cells a message of `total` bytes takes. */
static inline uint32_t al_message_fragments(uint32_t total) {
  return total / AL_CELL_PAYLOAD_BYTES + (total % AL_CELL_PAYLOAD_BYTES != 0 ? 1 : 0);
}

#endif
