/* fuzz_ask.c — any bytes as a question to the DHT or as its answer: what is accepted is what the
 * encoder writes for it. */
#include <stdlib.h>

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good) {
  if (!good) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t again[AL_ASK_REPLY_BYTES_MAX];
  const al_bytes bytes = {data, size};
  al_ask_request q;
  al_ask_reply a;
  al_wr w = al_wr_init(again, sizeof again);
  if (al_ask_request_decode(bytes, &q) == AL_OK) {
    check(size >= AL_ASK_REQUEST_BYTES && size <= AL_ASK_REQUEST_BYTES_MAX);
    al_ask_request_encode(&q, &w);
    check(al_wr_ok(&w) && w.len == size && memcmp(again, data, size) == 0);
  }
  w = al_wr_init(again, sizeof again);
  if (al_ask_reply_decode(bytes, &a) == AL_OK) {
    check(size >= AL_ASK_REPLY_BYTES && size <= AL_ASK_REPLY_BYTES_MAX);
    al_ask_reply_encode(&a, &w);
    check(al_wr_ok(&w) && w.len == size && memcmp(again, data, size) == 0);
  }
  return 0;
}
