/* frame.c — see frame.h. Type numbers and field order: PROTOCOL.md 8.1. */
#include "stream/frame.h"

static uint64_t rd_u48(al_rd *r) {
  uint64_t low = al_rd_u32(r);
  return low | (uint64_t)al_rd_u16(r) << 32;
}

static void wr_u48(al_wr *w, uint64_t v) {
  al_wr_u32(w, (uint32_t)v);
  al_wr_u16(w, (uint16_t)(v >> 32));
}

bool al_frame_target_ok(const al_stream_target *t) {
  if (t->port == 0) return false;
  if (t->kind == 2) return t->host.len == 0;
  if (t->kind == 4) return t->host.len == 4;
  if (t->kind == 6) return t->host.len == 16;
  return t->kind == 1 && t->host.len >= 1 && t->host.len <= AL_STREAM_HOST_BYTES_MAX &&
         !al_has_byte(t->host.ptr, t->host.len, 0);
}

/* The runs must stay above packet number -1. */
static void rd_ack(al_rd *r, al_frame *f) {
  f->largest = al_rd_u32(r);
  f->delay = al_rd_u16(r);
  size_t n = al_rd_u8(r);
  f->run = al_rd_u16(r);
  f->bytes = al_rd_bytes(r, 4 * n);
  if (!al_rd_ok(r) || f->run > f->largest) {
    al_rd_fail(r);
    return;
  }
  uint32_t low = f->largest - f->run;
  al_rd runs = al_rd_init(f->bytes);
  for (size_t i = 0; i < n; i++) {
    uint32_t down = (uint32_t)al_rd_u16(&runs) + al_rd_u16(&runs) + 2;
    if (down > low) {
      al_rd_fail(r);
      return;
    }
    low -= down;
  }
}

static void rd_open(al_rd *r, al_frame *f) {
  f->stream = al_rd_u32(r);
  f->offset = al_rd_u32(r);
  f->target.port = al_rd_u16(r);
  f->target.kind = al_rd_u8(r);
  f->target.host = al_rd_bytes(r, al_rd_u8(r));
  if (!al_rd_ok(r) || !al_frame_target_ok(&f->target)) al_rd_fail(r);
}

static void rd_data(al_rd *r, al_frame *f) {
  f->stream = al_rd_u32(r);
  f->offset = rd_u48(r);
  f->bytes = al_rd_bytes(r, al_rd_u16(r));
  if (f->offset + f->bytes.len > AL_STREAM_OFFSET_MAX) al_rd_fail(r);
}

bool al_frame_next(al_rd *r, al_frame *ret) {
  if (al_rd_left(r) == 0) return false;
  al_frame f = {.type = (al_frame_type)al_rd_u8(r)};
  switch (f.type) {
    case AL_FRAME_PAD:
      return false;
    case AL_FRAME_ACK:
      rd_ack(r, &f);
      break;
    case AL_FRAME_OPEN:
      rd_open(r, &f);
      break;
    case AL_FRAME_OPENED:
      f.stream = al_rd_u32(r);
      f.offset = al_rd_u32(r);
      break;
    case AL_FRAME_DATA:
    case AL_FRAME_DATA_FIN:
      rd_data(r, &f);
      break;
    case AL_FRAME_RESET:
      f.stream = al_rd_u32(r);
      f.reason = al_rd_u8(r);
      break;
    case AL_FRAME_CREDIT:
    case AL_FRAME_HAVE:
      f.stream = al_rd_u32(r);
      f.offset = rd_u48(r);
      break;
    case AL_FRAME_PING:
      break;
    default:
      al_rd_fail(r);
  }
  if (!al_rd_ok(r)) return false;
  *ret = f;
  return true;
}

uint8_t *al_frame_put_data(al_wr *w, const al_frame *f) {
  al_wr_u8(w, (uint8_t)f->type);
  al_wr_u32(w, f->stream);
  wr_u48(w, f->offset);
  al_wr_u16(w, (uint16_t)f->bytes.len);
  return al_wr_take(w, f->bytes.len);
}

void al_frame_put(al_wr *w, const al_frame *f) {
  if (f->type == AL_FRAME_DATA || f->type == AL_FRAME_DATA_FIN) {
    uint8_t *to = al_frame_put_data(w, f);
    if (to != NULL && f->bytes.len != 0) memcpy(to, f->bytes.ptr, f->bytes.len);
    return;
  }
  al_wr_u8(w, (uint8_t)f->type);
  if (f->type == AL_FRAME_PAD || f->type == AL_FRAME_PING) return;
  if (f->type == AL_FRAME_ACK) {
    al_wr_u32(w, f->largest);
    al_wr_u16(w, f->delay);
    al_wr_u8(w, (uint8_t)(f->bytes.len / 4));
    al_wr_u16(w, f->run);
    al_wr_bytes(w, f->bytes);
    return;
  }
  al_wr_u32(w, f->stream);
  if (f->type == AL_FRAME_RESET) {
    al_wr_u8(w, f->reason);
  } else if (f->type == AL_FRAME_CREDIT || f->type == AL_FRAME_HAVE) {
    wr_u48(w, f->offset);
  } else {
    al_wr_u32(w, (uint32_t)f->offset);
    if (f->type == AL_FRAME_OPENED) return;
    al_wr_u16(w, f->target.port);
    al_wr_u8(w, f->target.kind);
    al_wr_u8(w, (uint8_t)f->target.host.len);
    al_wr_bytes(w, f->target.host);
  }
}
