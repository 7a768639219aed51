/* cell.c — see cell.h. The rules of PROTOCOL.md 4.3 and 4.4 are two tables. */
#include "wire/cell.h"

#include "base/assert.h"
#include "base/cursor.h"
#include "wire/descriptor.h"
#include "wire/dht.h"
#include "wire/gossip.h"
#include "wire/probe.h"
#include "wire/sample.h"

#define COUNTER_LIMIT ((uint64_t)1 << 48)

/* What the fields of each type may hold. */
typedef struct rule {
  bool id, flags, counter; /* may differ from 0; an id that may differ must */
} rule;

static const rule rules[AL_CELL_TYPE_COUNT] = {
    [AL_CELL_PADDING] = {false, false, false}, [AL_CELL_CIRCUIT] = {true, false, true},
    [AL_CELL_CREATED] = {true, false, false},  [AL_CELL_DESTROY] = {true, true, false},
    [AL_CELL_MESSAGE] = {true, true, true},    [AL_CELL_PING] = {false, false, false},
    [AL_CELL_PONG] = {false, false, false},    [AL_CELL_CLOSE] = {false, true, false},
};

typedef struct span {
  uint32_t min, max;
} span;

static const span sizes[AL_MESSAGE_KIND_COUNT] = {
    [AL_MESSAGE_SPHINX] = {AL_SPHINX_BYTES, AL_SPHINX_BYTES},
    [AL_MESSAGE_DIGEST] = {2, AL_DIGEST_BYTES_MAX},
    [AL_MESSAGE_WANT] = {2, AL_WANT_BYTES_MAX},
    [AL_MESSAGE_DESCRIPTOR] = {AL_DESC_BYTES_MIN, AL_DESC_BYTES_MAX},
    [AL_MESSAGE_REKEY] = {AL_REKEY_BYTES, AL_REKEY_BYTES},
    [AL_MESSAGE_REKEYED] = {AL_REKEYED_BYTES, AL_REKEYED_BYTES},
    [AL_MESSAGE_DHT] = {AL_DHT_STATE_BYTES, AL_MESSAGE_BYTES_MAX},
    [AL_MESSAGE_PROBE] = {AL_PROBE_BYTES, AL_PROBE_BYTES},
    [AL_MESSAGE_SAMPLE] = {AL_SAMPLE_BYTES_MIN, AL_SAMPLE_BYTES_MAX},
};

bool al_message_valid(uint8_t kind, uint32_t total) {
  return kind != 0 && kind < AL_MESSAGE_KIND_COUNT && total >= sizes[kind].min &&
         total <= sizes[kind].max;
}

static bool valid(const al_cell_header *h) {
  if (h->type >= AL_CELL_TYPE_COUNT || h->counter >= COUNTER_LIMIT) return false;
  const rule *r = &rules[h->type];
  if ((h->id != 0) != r->id) return false;
  if (h->flags != 0 && !r->flags) return false;
  if (h->counter != 0 && !r->counter) return false;
  if (h->type != AL_CELL_MESSAGE) return true;
  uint32_t total = al_cell_message_total(h);
  return al_message_valid(h->flags, total) &&
         al_cell_message_index(h) < al_message_fragments(total);
}

al_err al_cell_decode(const uint8_t in[AL_CELL_HEADER_BYTES], al_cell_header *ret) {
  al_rd r = al_rd_init(al_view(in, AL_CELL_HEADER_BYTES));
  al_cell_header h = {.id = al_rd_u32(&r)};
  h.type = al_rd_u8(&r);
  h.flags = al_rd_u8(&r);
  h.counter = al_rd_u32(&r);
  h.counter |= (uint64_t)al_rd_u16(&r) << 32;
  if (!al_rd_done(&r) || !valid(&h)) return AL_EPARSE;
  *ret = h;
  return AL_OK;
}

void al_cell_encode(const al_cell_header *h, uint8_t out[AL_CELL_HEADER_BYTES]) {
  AL_ASSERT(valid(h));
  al_wr w = al_wr_init(out, AL_CELL_HEADER_BYTES);
  al_wr_u32(&w, h->id);
  al_wr_u8(&w, h->type);
  al_wr_u8(&w, h->flags);
  al_wr_u32(&w, (uint32_t)h->counter);
  al_wr_u16(&w, (uint16_t)(h->counter >> 32));
}
