/* DIGEST and WANT: limits, lengths, order of entries. */
#include "tap.h"
#include "wire/wire.h"

static uint8_t buffer[AL_DIGEST_BYTES_MAX + 64];

static al_id id_of(uint32_t n) {
  al_id id = {{0}};
  al_store_u32(id.b + 5, n);
  return id;
}

static void test_digest(void) {
  al_wr w = al_wr_init(buffer, sizeof buffer);
  al_rd r;
  al_id id;
  uint64_t seq;
  al_digest_start(&w);
  tap_ok(al_digest_decode(al_wr_view(&w), &r) == AL_OK && !al_digest_next(&r, &id, &seq),
         "an empty digest");
  uint32_t added = 0;
  for (uint32_t i = 0; i < 500; i++) {
    id = id_of(i);
    if (al_digest_add(&w, &id, i * 3)) added++;
  }
  tap_is_u64(added, AL_DIGEST_ENTRIES_MAX, "no more than %d entries", AL_DIGEST_ENTRIES_MAX);
  tap_is_u64(w.len, AL_DIGEST_BYTES_MAX, "the largest digest has its size");
  tap_ok(al_digest_decode(al_wr_view(&w), &r) == AL_OK, "it is decoded");
  uint32_t n = 0, good = 0;
  for (; al_digest_next(&r, &id, &seq); n++) {
    const al_id want = id_of(n);
    good += al_id_equal(&id, &want) && seq == n * 3;
  }
  tap_ok(n == added && good == added, "every entry comes back in its place");
  uint32_t taken = 0;
  for (size_t len = 0; len < w.len; len++)
    taken += al_digest_decode(al_view(buffer, len), &r) == AL_OK;
  taken += al_digest_decode(al_view(buffer, w.len + 1), &r) == AL_OK;
  tap_is_u64(taken, 0, "gossip_parse: no other length is taken");
  al_store_u16(buffer, AL_DIGEST_ENTRIES_MAX + 1);
  tap_ok(al_digest_decode(al_view(buffer, AL_DIGEST_BYTES_MAX + 40), &r) == AL_EPARSE,
         "one entry too many, although the length fits");
  al_wr small = al_wr_init(buffer, 2 + 40 + 39);
  al_digest_start(&small);
  tap_ok(al_digest_add(&small, &id, 1) && !al_digest_add(&small, &id, 2) && al_wr_ok(&small) &&
             al_digest_decode(al_wr_view(&small), &r) == AL_OK,
         "a buffer that is full stays a digest");
}

static void test_want(void) {
  al_wr w = al_wr_init(buffer, sizeof buffer);
  al_rd r;
  al_id id;
  al_want_start(&w);
  uint32_t added = 0, n = 0, good = 0;
  for (uint32_t i = 0; i < 100; i++) {
    id = id_of(i);
    if (al_want_add(&w, &id)) added++;
  }
  tap_is_u64(added, AL_WANT_ENTRIES_MAX, "no more than %d wants", AL_WANT_ENTRIES_MAX);
  tap_is_u64(w.len, AL_WANT_BYTES_MAX, "the largest want has its size");
  tap_ok(al_want_decode(al_wr_view(&w), &r) == AL_OK, "it is decoded");
  for (; al_want_next(&r, &id); n++) {
    const al_id want = id_of(n);
    good += al_id_equal(&id, &want);
  }
  tap_ok(n == added && good == added, "every identifier comes back in its place");
  uint32_t taken = 0;
  for (size_t len = 0; len < w.len; len++)
    taken += al_want_decode(al_view(buffer, len), &r) == AL_OK;
  tap_is_u64(taken, 0, "no shorter one is taken");
  al_store_u16(buffer, AL_WANT_ENTRIES_MAX + 1);
  tap_ok(al_want_decode(al_view(buffer, AL_WANT_BYTES_MAX + 32), &r) == AL_EPARSE, "one too many");
}

int main(void) {
  test_digest();
  test_want();
  return tap_done();
}
