/* handshake.c — see handshake.h. */
#include "wire/handshake.h"

#include "base/assert.h"

static bool total_valid(uint8_t type, uint32_t total) {
  const uint32_t sealed_min = AL_DESC_BYTES_MIN + AL_TAG_BYTES;
  switch (type) {
    case AL_HANDSHAKE_FETCH:
      return total == AL_HANDSHAKE_FETCH_BYTES;
    case AL_HANDSHAKE_RECORD:
      return total >= AL_KEM_CT_BYTES + sealed_min && total <= AL_HANDSHAKE_RECORD_BYTES_MAX;
    case AL_HANDSHAKE_INIT:
      return total >= AL_KEM_PK_BYTES + AL_KEM_CT_BYTES + sealed_min &&
             total <= AL_HANDSHAKE_INIT_BYTES_MAX;
    case AL_HANDSHAKE_ACCEPT:
      return total == AL_HANDSHAKE_ACCEPT_BYTES;
    default:
      return false;
  }
}

/* How much of the message frame `index` holds. */
static uint32_t fragment_bytes(uint32_t total, uint32_t index) {
  uint32_t start = index * AL_HANDSHAKE_FRAGMENT_BYTES;
  return total - start < AL_HANDSHAKE_FRAGMENT_BYTES ? total - start : AL_HANDSHAKE_FRAGMENT_BYTES;
}

al_err al_handshake_decode(const uint8_t frame[AL_FRAME_BYTES], al_handshake_frame *ret) {
  al_rd r = al_rd_init(al_view(frame, AL_FRAME_BYTES));
  al_handshake_frame f = {0};
  uint64_t mark = al_rd_u64(&r);
  f.type = al_rd_u8(&r);
  f.index = al_rd_u8(&r);
  f.count = al_rd_u8(&r);
  uint8_t reserved = al_rd_u8(&r);
  f.total = al_rd_u32(&r);
  if (mark != UINT64_MAX || reserved != 0 || !total_valid(f.type, f.total)) return AL_EPARSE;
  if (f.count != al_handshake_frames(f.total) || f.index >= f.count) return AL_EPARSE;
  f.fragment = al_rd_bytes(&r, fragment_bytes(f.total, f.index));
  if (!al_rd_ok(&r)) return AL_EPARSE;
  *ret = f;
  return AL_OK;
}

void al_handshake_encode(uint8_t frame[AL_FRAME_BYTES], al_handshake_type type, al_bytes message,
                         uint32_t index, al_rng *rng) {
  AL_ASSERT(message.len <= AL_HANDSHAKE_BYTES_MAX);
  uint32_t total = (uint32_t)message.len, count = al_handshake_frames(total);
  AL_ASSERT(total_valid((uint8_t)type, total) && index < count);
  uint32_t bytes = fragment_bytes(total, index);
  al_wr w = al_wr_init(frame, AL_FRAME_BYTES);
  al_wr_u64(&w, UINT64_MAX);
  al_wr_u8(&w, (uint8_t)type);
  al_wr_u8(&w, (uint8_t)index);
  al_wr_u8(&w, (uint8_t)count);
  al_wr_u8(&w, 0);
  al_wr_u32(&w, total);
  al_wr_copy(&w, message.ptr + (size_t)index * AL_HANDSHAKE_FRAGMENT_BYTES, bytes);
  size_t pad = al_wr_left(&w);
  if (pad > 0) al_rng_bytes(rng, al_wr_take(&w, pad), pad);
}
