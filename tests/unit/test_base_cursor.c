/* Cursors: sticky failure, exact bounds, and that reading is the inverse of writing. */
#include "base/base.h"
#include "support/test_rand.h"
#include "tap.h"

static void reading(void) {
  const uint8_t b[23] = {1, 2, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6, 7};
  al_rd r = al_rd_init(al_view(b, sizeof b));
  tap_is_u64(al_rd_u8(&r), 1, "u8");
  tap_is_u64(al_rd_u16(&r), 2, "u16");
  tap_is_u64(al_rd_u32(&r), 3, "u32");
  tap_is_u64(al_rd_u48(&r), 4, "u48");
  tap_is_u64(al_rd_u64(&r), 5, "u64");
  tap_is_u64(al_rd_left(&r), 2, "two bytes left");
  tap_ok(al_rd_ok(&r) && !al_rd_done(&r), "ok but not done");
  al_bytes rest = al_rd_rest(&r);
  tap_ok(rest.ptr == b + 21 && rest.len == 2, "the rest is a view of the input");
  tap_ok(al_rd_done(&r), "done after the last byte");
  al_bytes none = al_rd_bytes(&r, 0);
  tap_ok(none.len == 0 && al_rd_done(&r), "reading nothing at the end is fine");
  tap_is_u64(al_rd_u8(&r), 0, "beyond the end there is zero");
  tap_ok(!al_rd_ok(&r) && !al_rd_done(&r), "and the cursor is bad");
}

static void sticking(void) {
  const uint8_t b[4] = {9, 9, 9, 9};
  al_rd r = al_rd_init(al_view(b, 4));
  al_rd_skip(&r, 5);
  tap_ok(!al_rd_ok(&r), "a skip too far is bad");
  tap_ok(al_rd_u8(&r) == 0 && al_rd_left(&r) == 0,
         "a bad cursor gives nothing, though bytes are there");
  uint8_t copy[4] = {1, 1, 1, 1};
  al_rd_copy(&r, copy, 4);
  tap_ok(al_zero_ct(copy, 4), "a failed copy leaves zeros");
  tap_ok(al_rd_rest(&r).ptr == NULL && al_rd_bytes(&r, 0).ptr == NULL, "a failed view is NULL");
  r = al_rd_init(al_view(b, 4));
  al_rd_u8(&r);
  al_rd_bytes(&r, SIZE_MAX);
  tap_ok(!al_rd_ok(&r), "a length that wraps is bad");
  r = al_rd_init(al_view(b, 4));
  al_rd_fail(&r);
  tap_ok(!al_rd_done(&r), "a cursor can be failed by hand");
  r = al_rd_init((al_bytes){NULL, 0});
  tap_ok(al_rd_done(&r), "an empty input is done at once");
  al_rd_copy(&r, NULL, 0);
  tap_ok(al_rd_done(&r), "copying nothing from nothing is fine");
}

static void writing(void) {
  uint8_t b[6];
  memset(b, 0xee, sizeof b);
  al_wr w = al_wr_init(b, 5);
  al_wr_u32(&w, 0x04030201);
  al_wr_u16(&w, 0xffff);
  tap_ok(!al_wr_ok(&w), "a write too far is bad");
  tap_is_u64(w.len, 4, "and wrote nothing");
  al_wr_u8(&w, 5);
  tap_is_u64(b[4], 0xee, "a bad cursor writes no more, though there is room");
  tap_ok(al_wr_view(&w).ptr == NULL && al_wr_left(&w) == 0, "a bad cursor has no view");
  w = al_wr_init(b, 5);
  al_wr_zero(&w, 3);
  al_wr_bytes(&w, al_view("xy", 2));
  tap_is_mem(b, "\0\0\0xy\xee", 6, "zeros and bytes");
  tap_ok(al_wr_ok(&w) && al_wr_left(&w) == 0, "a full buffer is ok");
  al_wr_bytes(&w, (al_bytes){NULL, 0});
  tap_ok(al_wr_ok(&w), "nothing fits into a full buffer");
  w = al_wr_init(b, 5);
  al_wr_u8(&w, 1);
  tap_ok(al_wr_take(&w, SIZE_MAX) == NULL && !al_wr_ok(&w), "a length that wraps is bad");
}

/* Random fields, written and read back; then every shorter input must fail, none may crash. */
static bool round_trip(void) {
  uint8_t kind[40], buffer[1400];
  uint64_t value[40];
  size_t n = 1 + (size_t)test_rand_below(40);
  al_wr w = al_wr_init(buffer, sizeof buffer);
  for (size_t i = 0; i < n; i++) {
    kind[i] = (uint8_t)test_rand_below(6);
    value[i] = test_rand();
    al_id id = {{0}};
    al_store_u64(id.b + 9, value[i]);
    if (kind[i] == 0) al_wr_u8(&w, (uint8_t)value[i]);
    if (kind[i] == 1) al_wr_u16(&w, (uint16_t)value[i]);
    if (kind[i] == 2) al_wr_u32(&w, (uint32_t)value[i]);
    if (kind[i] == 3) al_wr_u48(&w, value[i]);
    if (kind[i] == 4) al_wr_u64(&w, value[i]);
    if (kind[i] == 5) al_wr_id(&w, &id);
  }
  al_bytes all = al_wr_view(&w);
  for (size_t cut = 0; cut <= 1; cut++) {
    al_rd r = al_rd_init(al_view(all.ptr, all.len - cut));
    bool same = true;
    for (size_t i = 0; i < n; i++) {
      if (kind[i] == 0) same = same && al_rd_u8(&r) == (uint8_t)value[i];
      if (kind[i] == 1) same = same && al_rd_u16(&r) == (uint16_t)value[i];
      if (kind[i] == 2) same = same && al_rd_u32(&r) == (uint32_t)value[i];
      if (kind[i] == 3) same = same && al_rd_u48(&r) == (value[i] & 0xffffffffffff);
      if (kind[i] == 4) same = same && al_rd_u64(&r) == value[i];
      if (kind[i] == 5) same = same && al_load_u64(al_rd_id(&r).b + 9) == value[i];
    }
    if (cut == 0 && !(same && al_rd_done(&r))) return false;
    if (cut == 1 && al_rd_ok(&r)) return false;
  }
  return al_wr_ok(&w);
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  reading();
  sticking();
  writing();
  int bad = 0;
  for (int i = 0; i < 3000; i++) bad += !round_trip();
  tap_is_u64(bad, 0, "3000 random messages read back as written, and fail when cut");
  return tap_done();
}
