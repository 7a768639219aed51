/* SAMPLE: rumours and KEEP; limits, lengths, values out of range, against overlay.txt.
 * Argument: tests/vectors. */
#include "tap.h"
#include "test_wire_vectors.h"
#include "wire/wire.h"

static uint8_t buffer[AL_SAMPLE_BYTES_MAX + 64];

static al_rumour rumour_of(uint32_t n) {
  al_rumour r = {.kind = (al_rumour_kind)(1 + n % 3), .hops = (uint8_t)(n % 25)};
  al_store_u32(r.id.b + 7, n);
  r.stamp = (uint64_t)n << 33 | 5;
  return r;
}

static al_sample_type decode(size_t len) {
  al_rd r;
  bool keep;
  return al_sample_decode(al_view(buffer, len), &keep, &r);
}

static void test_rumours(void) {
  al_wr w = al_wr_init(buffer, sizeof buffer);
  al_rd r;
  bool keep;
  al_rumour one;
  al_sample_start(&w);
  tap_is_u64(decode(w.len), AL_SAMPLE_RUMOURS, "no rumour at all");
  uint32_t added = 0, n = 0, good = 0;
  for (uint32_t i = 0; i < 40; i++) {
    one = rumour_of(i);
    if (al_sample_add(&w, &one)) added++;
  }
  tap_is_u64(added, AL_RUMOURS_MAX, "no more than %d", AL_RUMOURS_MAX);
  tap_is_u64(w.len, AL_SAMPLE_BYTES_MAX, "the largest has its size");
  tap_is_u64(al_sample_decode(al_wr_view(&w), &keep, &r), AL_SAMPLE_RUMOURS, "it is decoded");
  for (; al_sample_next(&r, &one); n++) {
    al_rumour want = rumour_of(n);
    good += one.kind == want.kind && one.hops == want.hops && al_id_equal(&one.id, &want.id) &&
            one.stamp == want.stamp;
  }
  tap_ok(n == added && good == added, "every rumour comes back in its place");
  uint32_t taken = 0;
  for (size_t len = 0; len < w.len; len++) taken += decode(len) != 0;
  taken += decode(w.len + 1) != 0;
  tap_is_u64(taken, 0, "gossip_parse: no other length is taken");
  uint8_t kind = buffer[2], hops = buffer[3];
  buffer[2] = 0;
  tap_is_u64(decode(w.len), 0, "kind 0");
  buffer[2] = 4;
  tap_is_u64(decode(w.len), 0, "kind 4");
  buffer[2] = kind;
  buffer[3] = AL_RUMOUR_HOPS_MAX + 1;
  tap_is_u64(decode(w.len), 0, "too many hops");
  buffer[3] = hops;
  tap_is_u64(decode(w.len), AL_SAMPLE_RUMOURS, "as it was");
  buffer[0] = 3;
  tap_is_u64(decode(w.len), 0, "an unknown type");
  buffer[0] = AL_SAMPLE_RUMOURS;
  buffer[1] = AL_RUMOURS_MAX + 1;
  tap_is_u64(decode(w.len + AL_RUMOUR_BYTES), 0, "one too many, although the length fits");
}

static void test_keep(void) {
  for (int on = 0; on < 2; on++) {
    al_wr w = al_wr_init(buffer, sizeof buffer);
    al_rd r;
    bool keep = on == 0;
    al_sample_keep(&w, on != 0);
    tap_ok(al_sample_decode(al_wr_view(&w), &keep, &r) == AL_SAMPLE_KEEP && keep == (on != 0),
           "KEEP %d", on);
  }
  buffer[1] = 2;
  tap_is_u64(decode(2), 0, "KEEP 2");
  buffer[1] = 1;
  tap_is_u64(decode(3), 0, "KEEP and more");
}

/* Against the model's bytes: what it says, and said again the same. */
static bool same(const char *name, uint32_t *ret_count, al_rumour *ret_first) {
  al_bytes bytes = vec("%s", name);
  al_rd r = al_rd_init(al_view(NULL, 0));
  bool keep = false;
  al_rumour one;
  al_wr w = al_wr_init(buffer, sizeof buffer);
  *ret_count = 0;
  if (al_sample_decode(bytes, &keep, &r) == AL_SAMPLE_KEEP) {
    al_sample_keep(&w, keep);
    *ret_count = keep;
    return vec_is(bytes, buffer, w.len);
  }
  al_sample_start(&w);
  while (al_sample_next(&r, &one)) {
    if (++*ret_count == 1) *ret_first = one;
    if (!al_sample_add(&w, &one)) return false;
  }
  return vec_is(bytes, buffer, w.len);
}

static void test_vectors(void) {
  uint32_t count;
  al_rumour r = {0};
  tap_ok(same("rumour", &count, &r) && count == 1 && r.kind == AL_RUMOUR_NEWER && r.hops == 24 &&
             vec_is(vec("id.0"), r.id.b, 32) && r.stamp == 0x0123456789abcdef,
         "a rumour byte for byte");
  tap_ok(same("rumours", &count, &r) && count == 25 && r.kind == AL_RUMOUR_DEAD && r.hops == 0 &&
             r.stamp == 1700000000,
         "as many as fit");
  tap_ok(same("keep", &count, &r) && count == 1, "KEEP");
  tap_ok(same("keep.not", &count, &r) && count == 0, "and not");
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  vec_load(argv[1], "overlay.txt");
  test_rumours();
  test_keep();
  test_vectors();
  return tap_done();
}
