/* Wiping, constant-time comparison, loads and stores, saturating time, error names. */
#include "base/base.h"
#include "tap.h"

static void wiping(void) {
  uint8_t b[40];
  memset(b, 0xa5, sizeof b);
  al_wipe(b + 4, 32);
  tap_ok(al_zero_ct(b + 4, 32), "wipe sets every byte to zero");
  tap_ok(b[3] == 0xa5 && b[36] == 0xa5, "wipe leaves the neighbours alone");
  al_wipe(NULL, 0);
  tap_ok(true, "wipe of nothing is allowed");
}

static void comparing(void) {
  uint8_t a[33], b[33];
  for (size_t i = 0; i < sizeof a; i++) a[i] = b[i] = (uint8_t)(i * 7);
  tap_ok(al_equal_ct(a, b, sizeof a), "equal buffers are equal");
  int wrong = 0;
  for (size_t bit = 0; bit < 8 * sizeof a; bit++) {
    b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    wrong += al_equal_ct(a, b, sizeof a);
    b[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
  tap_is_u64(wrong, 0, "every single flipped bit is found");
  tap_ok(al_equal_ct(NULL, NULL, 0), "nothing equals nothing");
  uint8_t z[16] = {0};
  tap_ok(al_zero_ct(z, 16) && al_zero_ct(NULL, 0), "zeros are zero");
  for (size_t bit = 0; bit < 128; bit++) {
    z[bit / 8] = (uint8_t)(1 << bit % 8);
    wrong += al_zero_ct(z, 16);
    z[bit / 8] = 0;
  }
  tap_is_u64(wrong, 0, "every single set bit is found");
  al_id x = {{0}}, y = {{0}};
  tap_ok(al_id_is_zero(&x) && al_id_equal(&x, &y), "the zero id is none");
  for (size_t i = 0; i < 32; i++) {
    y.b[i] = 1;
    wrong += al_id_is_zero(&y) || al_id_equal(&x, &y);
    y.b[i] = 0;
  }
  tap_is_u64(wrong, 0, "an id with any byte set is not zero");
}

static void loading(void) {
  const uint8_t b[8] = {0x01, 0x82, 0x03, 0x84, 0x05, 0x86, 0x07, 0x88};
  tap_is_u64(al_load_u16(b), 0x8201, "u16 is little-endian");
  tap_is_u64(al_load_u32(b), 0x84038201, "u32 is little-endian");
  tap_is_u64(al_load_u48(b), 0x860584038201, "u48 is little-endian");
  tap_is_u64(al_load_u64(b), 0x8807860584038201, "u64 is little-endian");
  uint8_t o[8] = {0};
  al_store_u16(o, 0x8201);
  tap_is_mem(o, b, 2, "u16 round trip");
  al_store_u32(o, 0x84038201);
  tap_is_mem(o, b, 4, "u32 round trip");
  al_store_u48(o, 0xffff860584038201);
  tap_is_mem(o, b, 6, "u48 round trip, upper bits dropped");
  tap_is_u64(o[6] | o[7], 0, "u48 writes six bytes");
  al_store_u64(o, 0x8807860584038201);
  tap_is_mem(o, b, 8, "u64 round trip");
}

static void arithmetic(void) {
  tap_is_u64(al_time_add(5, 7), 12, "time adds");
  tap_is_u64(al_time_add(AL_TIME_NEVER - 3, 4), AL_TIME_NEVER, "time stops at never");
  tap_is_u64(al_time_add(AL_TIME_NEVER, 1), AL_TIME_NEVER, "never stays never");
  tap_is_u64(al_time_since(9, 4), 5, "since counts");
  tap_is_u64(al_time_since(4, 9), 0, "the future is not past");
  tap_ok(al_min_u64(2, 3) == 2 && al_max_u64(2, 3) == 3, "min and max");
  tap_ok(al_min_size(3, 2) == 2 && al_max_size(3, 2) == 3, "min and max of sizes");
  tap_ok(al_view("ab", 2).len == 2, "a view has its length");
}

static void errors(void) {
  tap_ok(strcmp(al_err_name(AL_OK), "AL_OK") == 0, "AL_OK has its name");
  tap_ok(strcmp(al_err_name(AL_ECLOSED), "AL_ECLOSED") == 0, "AL_ECLOSED has its name");
  tap_ok(strcmp(al_err_name((al_err)-999), "AL_E?") == 0, "no code has the name AL_E?");
  tap_ok(strcmp(al_err_text(AL_EPARSE), "malformed input") == 0, "AL_EPARSE has its text");
  tap_ok(strcmp(al_err_text((al_err)77), "unknown error") == 0, "no code has a text too");
  tap_ok(AL_OK == 0 && AL_EINVAL == -1 && AL_ECLOSED == -10, "codes keep their numbers");
}

int main(void) {
  wiping();
  comparing();
  loading();
  arithmetic();
  errors();
  return tap_done();
}
