/* The messages by which clients and services meet at relays: every op there and back, and nothing
 * else is taken. */
#include "tap.h"
#include "wire/meet.h"

static uint8_t name[32], bytes[AL_MEET_REQUEST_BYTES], buf[AL_MEET_BYTES_MAX + 8];

static size_t put(const al_meet *m) {
  al_wr w = al_wr_init(buf, sizeof buf);
  al_meet_encode(m, &w);
  return al_wr_ok(&w) ? w.len : 0;
}

static void there_and_back(uint8_t op, size_t name_len, size_t bytes_len) {
  al_meet m = {.op = op, .name = name, .bytes = bytes}, got;
  if (op == AL_MEET_REQUEST) {
    m.number = 0x1234;
    m.part = 1;
  }
  size_t len = put(&m);
  tap_is_u64(len, 1 + name_len + bytes_len + (op == AL_MEET_REQUEST ? 3 : 0), "op %u: length", op);
  bool same = al_meet_decode(al_view(buf, len), &got) == AL_OK && got.op == op &&
              got.number == m.number && got.part == m.part &&
              memcmp(got.name, name, name_len) == 0 && memcmp(got.bytes, bytes, bytes_len) == 0;
  tap_ok(same, "op %u: read as written", op);
  unsigned taken = 0;
  for (size_t i = 0; i < len; i++) taken += al_meet_decode(al_view(buf, i), &got) == AL_OK;
  buf[len] = 0;
  taken += al_meet_decode(al_view(buf, len + 1), &got) == AL_OK;
  tap_is_u64(taken, 0, "op %u: no other length", op);
}

static void padded(void) {
  static uint8_t payload[AL_MEET_PAYLOAD_BYTES];
  al_meet m = {.op = AL_MEET_RENDEZVOUS, .name = name}, got;
  size_t len = put(&m);
  memcpy(payload, buf, len);
  tap_ok(al_meet_decode(al_view(payload, sizeof payload), &got) == AL_OK, "a payload has padding");
  payload[sizeof payload - 1] = 1;
  tap_ok(al_meet_decode(al_view(payload, sizeof payload), &got) == AL_EPARSE, "of zeros");
}

int main(void) {
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 7 + 1);
  for (size_t i = 0; i < sizeof name; i++) name[i] = (uint8_t)(i + 100);
  there_and_back(AL_MEET_RENDEZVOUS, 20, 0);
  there_and_back(AL_MEET_LISTEN, 32, 0);
  there_and_back(AL_MEET_INTRODUCE, 32, 1280);
  there_and_back(AL_MEET_JOIN, 20, 48);
  there_and_back(AL_MEET_REQUEST, 0, 640);
  there_and_back(AL_MEET_JOINED, 0, 48);
  padded();
  al_meet got;
  uint8_t bad[21] = {0};
  tap_ok(al_meet_decode(al_view(bad, sizeof bad), &got) == AL_EPARSE, "op 0 is none");
  bad[0] = 7;
  tap_ok(al_meet_decode(al_view(bad, sizeof bad), &got) == AL_EPARSE, "nor is op 7");
  tap_ok(al_meet_decode(al_view(bad, 0), &got) == AL_EPARSE, "nor is nothing");
  return tap_done();
}
