/* fuzz_handshake.c — handshake frames, and each of the four messages given to the side that
 * waits for it. The first byte says which. With the simulation suite, so that messages get
 * behind the cryptography often and quickly; whatever comes, views lie inside the message, and a
 * handshake that failed holds nothing any more. */
#include <stdlib.h>

#include "base/base.h"
#include "shake/shake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where a handshake with fixed coins stands, before each message is taken. */
typedef struct world {
  bool ready;
  uint8_t pk[2][AL_KEM_PK_BYTES], sk[2][AL_KEM_SK_BYTES];
  al_shake before[4]; /* the taker of FETCH, RECORD, INIT, ACCEPT */
} world;

static world w;

static void check(bool good) {
  if (!good) abort();
}

static void prepare(void) {
  static const uint8_t coins[AL_SHAKE_ACCEPT_COINS] = {1}, binding[32] = {2},
                       descriptor[AL_DESC_BYTES_MIN] = {3};
  static uint8_t message[AL_HANDSHAKE_BYTES_MAX];
  const al_bytes record = {descriptor, sizeof descriptor};
  al_shake side[2];
  al_bytes got;
  uint8_t seed[32] = {4};
  for (int i = 0; i < 2; i++) {
    seed[1] = (uint8_t)i;
    al_suite_null()->kem_keypair(w.pk[i], w.sk[i], seed);
    const al_shake_setup setup = {
        al_suite_null(), al_view("allium", 6), {NULL, 0}, binding, i == 0};
    al_shake_init(&side[i], &setup);
  }
  al_wr out = al_wr_init(message, sizeof message);
  check(al_shake_make_fetch(&side[0], coins, &out) == AL_OK);
  w.before[0] = side[1];
  w.before[1] = side[0];
  check(al_shake_take_fetch(&side[1], (al_span){message, out.len}) == AL_OK);
  out = al_wr_init(message, sizeof message);
  check(al_shake_make_record(&side[1], coins, record, &out) == AL_OK);
  check(al_shake_take_record(&side[0], (al_span){message, out.len}, &got) == AL_OK);
  w.before[2] = side[1];
  out = al_wr_init(message, sizeof message);
  check(al_shake_make_init(&side[0], w.pk[1], coins, record, &out) == AL_OK);
  w.before[3] = side[0];
  w.ready = true;
}

static void take(unsigned kind, uint8_t *bytes, size_t size) {
  al_shake sh = w.before[kind];
  const al_span message = {bytes, size};
  al_bytes got = {bytes, 0};
  uint64_t sequence;
  al_err err = AL_EINVAL;
  switch (kind) {
    case 0:
      err = al_shake_take_fetch(&sh, message);
      break;
    case 1:
      err = al_shake_take_record(&sh, message, &got);
      break;
    case 2:
      err = al_shake_take_init(&sh, w.sk[1], message, &got);
      break;
    default:
      err = al_shake_take_accept(&sh, w.sk[0], message, &sequence);
      break;
  }
  check(err == AL_OK || err == AL_EPARSE || err == AL_ECRYPTO);
  if (err != AL_OK)
    check(sh.stage == AL_SHAKE_FAILED && al_zero_ct(&sh, sizeof sh));
  else
    check(got.ptr >= bytes && got.ptr + got.len <= bytes + size);
}

static void frame(const uint8_t *data, size_t size) {
  static uint8_t whole[AL_FRAME_BYTES];
  al_handshake_frame f;
  memset(whole, 0, sizeof whole);
  memcpy(whole, data, al_min_size(size, sizeof whole));
  if (al_handshake_decode(whole, &f) != AL_OK) return;
  check(f.index < f.count && f.count <= al_handshake_frames(AL_HANDSHAKE_BYTES_MAX));
  check(f.fragment.ptr == whole + AL_HANDSHAKE_HEADER_BYTES);
  check(f.fragment.len <= AL_HANDSHAKE_FRAGMENT_BYTES);
  check((size_t)f.index * AL_HANDSHAKE_FRAGMENT_BYTES + f.fragment.len <= f.total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t copy[1 << 16];
  if (!w.ready) prepare();
  if (size < 1 || size > sizeof copy) return 0;
  memcpy(copy, data + 1, size - 1);
  if (data[0] < 4)
    take(data[0], copy, size - 1);
  else
    frame(copy, size - 1);
  return 0;
}
