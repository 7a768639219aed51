/* Handshake frames: cutting a message, and every rule of the header. */
#include "support/test_chacha.h"
#include "tap.h"
#include "wire/wire.h"

static uint8_t message[AL_HANDSHAKE_BYTES_MAX], again[AL_HANDSHAKE_BYTES_MAX];
static uint8_t frame[AL_FRAME_BYTES];
static al_rng rng;

static bool round_trip(al_handshake_type type, size_t len) {
  al_handshake_frame f;
  const uint32_t count = al_handshake_frames((uint32_t)len);
  size_t have = 0;
  for (uint32_t i = count; i > 0; i--) { /* any order */
    al_handshake_encode(frame, type, al_view(message, len), i - 1, &rng);
    if (!al_handshake_is(frame) || al_handshake_decode(frame, &f) != AL_OK) return false;
    if (f.type != type || f.index != i - 1 || f.count != count || f.total != len) return false;
    memcpy(again + (size_t)f.index * AL_HANDSHAKE_FRAGMENT_BYTES, f.fragment.ptr, f.fragment.len);
    have += f.fragment.len;
  }
  return have == len && memcmp(again, message, len) == 0;
}

static void test_round_trips(void) {
  static const struct {
    al_handshake_type type;
    size_t len;
    const char *name;
  } cases[] = {
      {AL_HANDSHAKE_FETCH, AL_HANDSHAKE_FETCH_BYTES, "FETCH"},
      {AL_HANDSHAKE_RECORD, AL_HANDSHAKE_RECORD_BYTES_MAX, "the largest RECORD"},
      {AL_HANDSHAKE_RECORD, AL_KEM_CT_BYTES + AL_DESC_BYTES_MIN + 16, "the smallest RECORD"},
      {AL_HANDSHAKE_INIT, AL_HANDSHAKE_INIT_BYTES_MAX, "the largest INIT"},
      {AL_HANDSHAKE_ACCEPT, AL_HANDSHAKE_ACCEPT_BYTES, "ACCEPT"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    tap_ok(round_trip(cases[i].type, cases[i].len), "%s comes back from its frames", cases[i].name);
}

static void test_padding(void) {
  uint8_t other[AL_FRAME_BYTES];
  al_handshake_encode(frame, AL_HANDSHAKE_ACCEPT, al_view(message, AL_HANDSHAKE_ACCEPT_BYTES), 2,
                      &rng);
  al_handshake_encode(other, AL_HANDSHAKE_ACCEPT, al_view(message, AL_HANDSHAKE_ACCEPT_BYTES), 2,
                      &rng);
  const size_t end =
      AL_HANDSHAKE_HEADER_BYTES + AL_HANDSHAKE_ACCEPT_BYTES % AL_HANDSHAKE_FRAGMENT_BYTES;
  tap_is_mem(frame, other, end, "the same message gives the same frame");
  tap_ok(memcmp(frame + end, other + end, sizeof frame - end) != 0, "but for the random padding");
}

static void test_rules(void) {
  static const struct {
    size_t at;
    uint8_t value;
    const char *what;
  } cases[] = {{0, 0xfe, "another mark"},
               {8, 0, "type 0"},
               {8, 5, "type 5"},
               {8, 2, "a RECORD as short as an ACCEPT"},
               {9, 3, "an index beyond the count"},
               {10, 2, "too small a count"},
               {10, 4, "too large a count"},
               {11, 1, "the reserved byte"},
               {12, 0, "another total"},
               {15, 1, "a total beyond all"}};
  al_handshake_frame f;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    al_handshake_encode(frame, AL_HANDSHAKE_ACCEPT, al_view(message, AL_HANDSHAKE_ACCEPT_BYTES), 1,
                        &rng);
    bool good = al_handshake_decode(frame, &f) == AL_OK;
    frame[cases[i].at] = cases[i].value;
    tap_ok(good && al_handshake_decode(frame, &f) == AL_EPARSE, "link_handshake_parse: %s",
           cases[i].what);
  }
}

/* Whoever asks need not be known: the answer is at most three times as long, on the wire too. */
static void test_amplification(void) {
  uint32_t ask = al_handshake_frames(AL_HANDSHAKE_FETCH_BYTES);
  uint32_t answer = al_handshake_frames(AL_HANDSHAKE_RECORD_BYTES_MAX);
  tap_ok(answer <= 3 * ask, "RECORD: %u frames for %u of FETCH", answer, ask);
}

int main(void) {
  static const uint8_t seed[32] = "frames";
  al_rng_init(&rng, &test_chacha_suite, seed);
  al_rng_bytes(&rng, message, sizeof message);
  test_round_trips();
  test_padding();
  test_rules();
  test_amplification();
  return tap_done();
}
