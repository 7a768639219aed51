/* Cell headers: every type, every rule, and the decoder against the encoder on random bytes. */
#include "support/test_rand.h"
#include "tap.h"
#include "wire/wire.h"

static al_err decode(const al_cell_header *h, al_cell_header *ret) {
  uint8_t b[AL_CELL_HEADER_BYTES];
  al_store_u32(b, h->id);
  b[4] = h->type;
  b[5] = h->flags;
  al_store_u32(b + 6, (uint32_t)h->counter);
  al_store_u16(b + 10, (uint16_t)(h->counter >> 32));
  return al_cell_decode(b, ret);
}

static bool takes(uint32_t id, uint8_t type, uint8_t flags, uint64_t counter) {
  const al_cell_header h = {id, type, flags, counter};
  al_cell_header got = {0};
  bool ok = decode(&h, &got) == AL_OK;
  return ok && got.id == id && got.type == type && got.flags == flags && got.counter == counter;
}

static void test_types(void) {
  const uint64_t top = ((uint64_t)1 << 48) - 1;
  tap_ok(takes(0, AL_CELL_PADDING, 0, 0), "PADDING");
  tap_ok(!takes(1, AL_CELL_PADDING, 0, 0), "PADDING with an id is refused");
  tap_ok(!takes(0, AL_CELL_PADDING, 0, 1), "PADDING with a counter is refused");
  tap_ok(takes(9, AL_CELL_CIRCUIT, 0, top), "CELL with the highest counter");
  tap_ok(!takes(0, AL_CELL_CIRCUIT, 0, 0), "CELL without a circuit is refused");
  tap_ok(!takes(9, AL_CELL_CIRCUIT, 1, 0), "CELL with flags is refused");
  tap_ok(takes(0x80000001, AL_CELL_CREATED, 0, 0), "CREATED");
  tap_ok(!takes(1, AL_CELL_CREATED, 0, 1), "CREATED with a counter is refused");
  tap_ok(takes(1, AL_CELL_DESTROY, 255, 0), "DESTROY with any reason");
  tap_ok(!takes(0, AL_CELL_DESTROY, 1, 0), "DESTROY without a circuit is refused");
  tap_ok(takes(0, AL_CELL_PING, 0, 0) && takes(0, AL_CELL_PONG, 0, 0), "PING and PONG");
  tap_ok(!takes(0, AL_CELL_PING, 1, 0), "PING with flags is refused");
  tap_ok(takes(0, AL_CELL_CLOSE, 15, 0), "CLOSE with a code");
  tap_ok(!takes(3, AL_CELL_CLOSE, 15, 0), "CLOSE with an id is refused");
  tap_ok(!takes(0, AL_CELL_TYPE_COUNT, 0, 0) && !takes(0, 255, 0, 0), "other types are refused");
}

static bool message(uint8_t kind, uint32_t total, uint16_t index) {
  return takes(5, AL_CELL_MESSAGE, kind, al_cell_fragment(total, index));
}

static void test_messages(void) {
  tap_ok(message(AL_MESSAGE_SPHINX, AL_SPHINX_BYTES, 6), "the last fragment of a set-up packet");
  tap_ok(!message(AL_MESSAGE_SPHINX, AL_SPHINX_BYTES, 7), "one fragment too far");
  tap_ok(!message(AL_MESSAGE_SPHINX, AL_SPHINX_BYTES + 1, 0), "a set-up packet of another size");
  tap_ok(message(AL_MESSAGE_DIGEST, 2, 0), "an empty digest");
  tap_ok(message(AL_MESSAGE_DIGEST, AL_DIGEST_BYTES_MAX, 14), "the last of the largest digest");
  tap_ok(!message(AL_MESSAGE_DIGEST, AL_DIGEST_BYTES_MAX + 1, 0), "too large a digest");
  tap_ok(!message(AL_MESSAGE_DIGEST, 1, 0), "too small a digest");
  tap_ok(message(AL_MESSAGE_WANT, AL_WANT_BYTES_MAX, 1), "the largest want");
  tap_ok(message(AL_MESSAGE_DESCRIPTOR, AL_DESC_BYTES_MAX, 9), "the largest descriptor");
  tap_ok(!message(AL_MESSAGE_DESCRIPTOR, AL_DESC_BYTES_MIN - 1, 0), "too small a descriptor");
  tap_ok(message(AL_MESSAGE_REKEY, 1216, 1) && !message(AL_MESSAGE_REKEY, 1217, 1), "REKEY");
  tap_ok(message(AL_MESSAGE_REKEYED, 1120, 1) && !message(AL_MESSAGE_REKEYED, 1120, 2), "REKEYED");
  tap_ok(message(AL_MESSAGE_SAMPLE, AL_SAMPLE_BYTES_MAX, 0) &&
             !message(AL_MESSAGE_SAMPLE, AL_SAMPLE_BYTES_MAX + 1, 0) &&
             !message(AL_MESSAGE_SAMPLE, 1, 0),
         "SAMPLE fits one cell");
  tap_ok(!message(0, 100, 0) && !message(AL_MESSAGE_KIND_COUNT, 100, 0) && !message(255, 100, 0),
         "other kinds are refused");
  const al_cell_header nobody = {0, AL_CELL_MESSAGE, AL_MESSAGE_DIGEST, al_cell_fragment(2, 0)};
  al_cell_header got;
  tap_ok(decode(&nobody, &got) == AL_EPARSE, "a message without an id is refused");
  const al_cell_header h = {1, AL_CELL_MESSAGE, 1, al_cell_fragment(AL_SPHINX_BYTES, 3)};
  tap_ok(al_cell_message_total(&h) == AL_SPHINX_BYTES && al_cell_message_index(&h) == 3 &&
             al_message_fragments(AL_SPHINX_BYTES) == 7 && al_message_fragments(1085) == 2,
         "length and index come back");
}

/* Whatever is accepted is encoded to the same bytes. */
static void test_inverse(void) {
  uint32_t accepted = 0, different = 0;
  for (int i = 0; i < 200000; i++) {
    uint8_t b[AL_CELL_HEADER_BYTES], again[AL_CELL_HEADER_BYTES];
    test_rand_bytes(b, sizeof b);
    b[4] &= 7;
    if (test_rand_below(2) == 0) memset(b + 5, 0, 7);
    if (test_rand_below(4) == 0) memset(b, 0, 4);
    al_cell_header h;
    if (al_cell_decode(b, &h) != AL_OK) continue;
    al_cell_encode(&h, again);
    accepted++;
    different += memcmp(b, again, sizeof b) != 0;
  }
  tap_ok(accepted > 1000, "%u random headers are accepted", accepted);
  tap_is_u64(different, 0, "each is what the encoder writes");
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_types();
  test_messages();
  test_inverse();
  return tap_done();
}
