/* cells.h — where things are in a cell, for those who change what hostile nodes send just before it
 * is sealed: PROTOCOL.md 4.3, 7. */
#ifndef SIM_CELLS_H
#define SIM_CELLS_H

#include <stddef.h>

#include "bytes.h"

enum {
  CELL_BYTES = 1096,
  CELL_TYPE = 4,
  CELL_KIND = 5,
  CELL_TOTAL = 6, /* bytes of the message */
  CELL_INDEX = 10,
  CELL_PAYLOAD = 12,
  FRAGMENT = CELL_BYTES - CELL_PAYLOAD, /* bytes of a message in one cell */
  TYPE_CELL = 1,
  TYPE_MESSAGE = 4,
  KIND_DIGEST = 2,
  KIND_DHT = 7,
  KIND_SAMPLE = 9,

  DHT_QUERY = 2,
  DHT_ANSWER = 4,
  ANSWER_STATUS = 1,
  ANSWER_PATH = 2,
  ANSWER_HOPS = 3,
  ANSWER_COUNT = 4,
  ANSWER_QUERY = 8,
  ANSWER_ENTRIES = 16,
  ENTRY_ID = 32,
  PROOF_BYTES = 1 + 1984 + 64,
  STATUS_CLOSEST = 0,
  STATUS_FOUND = 1,
  STATUS_STORED = 2,
  STATUS_REFUSED = 3,

  DIGEST_ENTRIES = 2,
  DIGEST_ENTRY = 40,
  RUMOUR_BYTES = 42,
  RUMOURS_MAX = 25,
  RUMOUR_HOPS = 24,
  RUMOUR_DEAD = 1,
};

/* The fragment of a message that a cell is. */
static inline uint32_t cell_index(const uint8_t *cell) {
  return cell[CELL_INDEX] | (uint32_t)cell[CELL_INDEX + 1] << 8;
}

static inline uint32_t cell_total(const uint8_t *cell) { return sim_load_u32(cell + CELL_TOTAL); }

/* Is it a fragment of a message of this kind? */
static inline int cell_is(const uint8_t *cell, unsigned kind) {
  return cell[CELL_TYPE] == TYPE_MESSAGE && cell[CELL_KIND] == kind;
}

/* Where the entries of an answer end, that are all in its first fragment; 0: they are not. */
static inline size_t answer_end(const uint8_t *p) {
  size_t at = ANSWER_ENTRIES;
  for (unsigned i = p[ANSWER_COUNT]; i > 0; i--) {
    if (at + ENTRY_ID >= FRAGMENT) return 0;
    at += ENTRY_ID + 1u + p[at + ENTRY_ID];
  }
  return at <= FRAGMENT ? at : 0;
}

#endif
