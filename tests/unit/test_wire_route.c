/* Routes: both commands, and every byte that must be zero. */
#include "tap.h"
#include "wire/wire.h"

static void test_round_trip(uint8_t command) {
  al_route r = {.command = command}, got;
  uint8_t out[AL_ROUTE_BYTES];
  if (command == AL_ROUTE_CREATE) memset(r.next.b, 0x4e, sizeof r.next.b);
  memset(r.eph, 0x58, sizeof r.eph);
  al_route_encode(&r, out);
  tap_ok(al_route_decode(out, &got) == AL_OK, "command %d is decoded", command);
  tap_is_mem(&got, &r, sizeof r, "to the same");
  uint32_t taken = 0;
  for (size_t at = 1; at < AL_ROUTE_BYTES; at++) {
    if (at >= 8 && at < 72) continue;
    out[at] = 1;
    taken += al_route_decode(out, &got) == AL_OK;
    out[at] = 0;
  }
  tap_is_u64(taken, 0, "no reserved byte may be set");
  for (unsigned c = 0; c < 256; c++) {
    out[0] = (uint8_t)c;
    taken += al_route_decode(out, &got) == AL_OK;
  }
  tap_is_u64(taken, 1, "one command goes with this next hop");
}

int main(void) {
  test_round_trip(AL_ROUTE_CREATE);
  test_round_trip(AL_ROUTE_CREATE_END);
  return tap_done();
}
