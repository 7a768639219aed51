/* fuzz_dht.c — any bytes as a message of the DHT: what is accepted is what the encoder writes for
 * it, and its entries can be read to their end. */
#include <stdlib.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t again[AL_MESSAGE_BYTES_MAX];
  al_dht_message m;
  al_dht_entry e;
  if (al_dht_decode((al_bytes){data, size}, &m) != AL_OK) return 0;
  al_wr w = al_wr_init(again, sizeof again);
  al_dht_encode(&m, &w);
  if (w.len != size || memcmp(again, data, size) != 0) abort();
  if (m.type != AL_DHT_ANSWER) return 0;
  uint8_t entries[AL_DHT_ENTRIES_MAX * (33 + AL_ADDRESS_BYTES_MAX)];
  al_wr made = al_wr_init(entries, sizeof entries);
  al_rd r = al_rd_init(m.entries);
  for (uint32_t i = 0; i < m.count; i++) {
    if (!al_dht_next_entry(&r, &e)) abort();
    al_dht_put_entry(&made, &e.id, e.address);
  }
  if (!al_rd_done(&r) || made.len != m.entries.len ||
      memcmp(entries, m.entries.ptr, made.len) != 0) {
    abort();
  }
  return 0;
}
