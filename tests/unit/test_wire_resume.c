/* RESUME payloads: what is written is read again; nothing else is. */
#include "tap.h"
#include "wire/resume.h"
#include "wire/wire.h"

static uint8_t bytes[AL_RELAY_BYTES];

static bool reads(void) {
  al_resume got;
  return al_resume_decode(al_view(bytes, sizeof bytes), &got) == AL_OK;
}

static void test_round_trip(uint8_t op) {
  al_resume m = {.op = op}, got;
  memset(m.id, 0x1d, sizeof m.id);
  if (op != AL_RESUME_REFUSED) memset(m.tag, 0x7a, sizeof m.tag);
  memset(bytes, 0xff, sizeof bytes);
  al_resume_encode(&m, bytes);
  tap_ok(al_resume_decode(al_view(bytes, sizeof bytes), &got) == AL_OK, "op %u is decoded", op);
  tap_is_mem(&got, &m, sizeof m, "to the same");
  tap_ok(al_resume_decode(al_view(bytes, sizeof bytes - 1), &got) == AL_EPARSE, "not when short");
  uint32_t taken = 0;
  for (size_t at = 50; at < sizeof bytes; at++) {
    bytes[at] = 1;
    taken += reads();
    bytes[at] = 0;
  }
  tap_is_u64(taken, 0, "every byte behind it is 0");
  bytes[0] = 1;
  tap_ok(!reads(), "another kind is not for here");
  bytes[0] = AL_RESUME_KIND;
  for (unsigned o = 0; o < 256; o++) {
    bytes[1] = (uint8_t)o;
    taken += reads();
  }
  tap_is_u64(taken, op == AL_RESUME_REFUSED ? 3 : 2, "three ops, of which one has no tag");
}

int main(void) {
  for (uint8_t op = AL_RESUME_JOIN; op <= AL_RESUME_REFUSED; op++) test_round_trip(op);
  return tap_done();
}
