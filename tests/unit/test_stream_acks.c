/* Which packets were received, when that is told, and how. */
#include <stdlib.h>

#include "stream/acks.h"
#include "stream/frame.h"
#include "support/test_rand.h"
#include "tap.h"

static al_acks a;

static al_frame put(al_time now, size_t runs, uint8_t buf[1063]) {
  al_wr w = al_wr_init(buf, 1063);
  al_acks_put(&a, &w, now, runs);
  al_rd r = al_rd_init(al_wr_view(&w));
  al_frame f = {0};
  tap_ok(al_frame_next(&r, &f) && f.type == AL_FRAME_ACK && al_rd_done(&r), "an ACK is written");
  return f;
}

static void test_times(void) {
  uint8_t buf[1063];
  al_acks_init(&a);
  tap_ok(a.due == AL_TIME_NEVER, "nothing to acknowledge");
  al_acks_take(&a, 0, 1000, false, false);
  tap_ok(a.due == AL_TIME_NEVER, "an ACK is not acknowledged");
  al_acks_take(&a, 1, 1000, true, false);
  tap_is_u64(a.due, 6000, "the first packet 5 ms later");
  al_acks_take(&a, 2, 2000, true, false);
  tap_is_u64(a.due, 6000, "the next with it");
  al_frame f = put(2640, 255, buf);
  tap_ok(f.largest == 2 && f.run == 2 && f.bytes.len == 0 && f.delay == 10, "0 to 2, after 640 us");
  tap_ok(a.due == AL_TIME_NEVER && a.waiting == 0, "nothing waits then");
  al_acks_rtt(&a, 80000);
  al_acks_take(&a, 3, 10000, true, false);
  tap_is_u64(a.due, 20000, "an eighth of 80 ms");
  al_acks_rtt(&a, 1000);
  (void)put(10000, 255, buf);
  al_acks_take(&a, 4, 10000, true, false);
  tap_is_u64(a.due, 12000, "at least 2 ms");
  al_acks_take(&a, 5, 10100, true, true);
  tap_is_u64(a.due, 10100, "at once when urgent");
  (void)put(10100, 255, buf);
  al_acks_rtt(&a, 1000000);
  for (uint32_t i = 0; i < 63; i++) al_acks_take(&a, 6 + i, 11000, true, false);
  tap_is_u64(a.due, 36000, "at most 25 ms");
  al_acks_take(&a, 69, 11500, true, false);
  tap_is_u64(a.due, 11500, "at once for the 64th packet");
}

static void test_fresh(void) {
  al_acks_init(&a);
  al_acks_take(&a, 10000, 0, true, false);
  tap_ok(!al_acks_fresh(&a, 10000), "a number is taken once");
  tap_ok(al_acks_fresh(&a, 1809), "8,191 below is not too old");
  tap_ok(!al_acks_fresh(&a, 1808) && !al_acks_fresh(&a, 1807), "8,192 below is");
  al_acks_take(&a, 1809, 0, true, false);
  al_acks_take(&a, 10001, 0, true, false);
  tap_ok(!al_acks_fresh(&a, 1809), "the window moves");
  al_acks_take(&a, 18192, 0, true, false);
  tap_ok(!al_acks_fresh(&a, 10001) && al_acks_fresh(&a, 10002), "and keeps what it holds");
  al_acks_take(&a, 4000000, 0, true, false);
  tap_ok(al_acks_fresh(&a, 3999999) && al_acks_fresh(&a, 4000000 - 8191), "a jump empties it");
  al_acks_take(&a, UINT32_MAX - 1, 0, true, false);
  tap_ok(!al_acks_fresh(&a, UINT32_MAX - 1) && al_acks_fresh(&a, UINT32_MAX), "up to the last");
}

/* The numbers an ACK tells of are those received, for random patterns. */
static bool told(const bool *came, uint32_t top, uint32_t low, size_t runs, bool *all) {
  uint8_t buf[1063];
  al_frame f = put(0, runs, buf);
  bool *tells = calloc(top + 1, 1);
  uint32_t at = f.largest, from = at - f.run;
  for (uint32_t n = from; n <= at; n++) tells[n] = true;
  al_rd r = al_rd_init(f.bytes);
  size_t pairs = f.bytes.len / 4;
  for (size_t i = 0; i < pairs; i++) {
    at = from - al_rd_u16(&r) - 2;
    from = at - al_rd_u16(&r);
    for (uint32_t n = from; n <= at; n++) tells[n] = true;
  }
  bool good = f.largest == top;
  *all = true;
  for (uint32_t n = low; n <= top; n++) {
    if (tells[n] && !came[n]) good = false;
    if (n >= from && came[n] && !tells[n]) good = false;
    if (came[n] && !tells[n]) *all = false;
  }
  free(tells);
  return good && pairs <= runs;
}

static void test_runs(void) {
  bool good = true, whole = true, all;
  for (int round = 0; round < 200; round++) {
    uint32_t top = 1 + (uint32_t)test_rand_below(20000), holes = 1 + (uint32_t)test_rand_below(400);
    bool *came = calloc(top + 1, 1);
    al_acks_init(&a);
    uint32_t low = top >= 8192 ? top - 8191 : 0;
    for (uint32_t n = 0; n <= top; n++) {
      if (n != top && test_rand_below(holes) == 0) continue;
      came[n] = true;
      al_acks_take(&a, n, 0, true, false);
    }
    if (!told(came, top, low, 255, &all)) good = false;
    if (holes > 100 && !all) whole = false;
    if (!told(came, top, low, 3, &all)) good = false;
    free(came);
  }
  tap_ok(good, "an ACK tells of nothing else, and from the top down of all that its runs reach");
  tap_ok(whole, "with few gaps it tells of everything");
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_times();
  test_fresh();
  test_runs();
  return tap_done();
}
