/* ask.c — see ask.h. Decoder and encoder share one test of what may be in a message. */
#include "wire/ask.h"

#include "base/assert.h"

static bool request_valid(const al_ask_request *r) {
  if (r->op < AL_ASK_LOCATE || r->op > AL_ASK_DESCRIBE) return false;
  if (r->quorum > AL_ASK_QUORUM_MAX) return false;
  if (r->op != AL_ASK_PUBLISH) return r->record.len == 0;
  return r->record.len >= AL_RECORD_HEADER_BYTES && r->record.len <= AL_RECORD_BYTES_MAX;
}

al_err al_ask_request_decode(al_bytes bytes, al_ask_request *ret) {
  al_rd r = al_rd_init(bytes);
  al_ask_request q = {0};
  uint8_t version = al_rd_u8(&r);
  q.op = al_rd_u8(&r);
  q.quorum = al_rd_u8(&r);
  uint8_t zero = al_rd_u8(&r);
  q.key = al_rd_id(&r);
  uint32_t len = al_rd_u32(&r);
  q.lifetime_s = al_rd_u32(&r);
  q.record = al_rd_bytes(&r, len);
  if (!al_rd_done(&r) || version != AL_ASK_VERSION || zero != 0) return AL_EPARSE;
  if (!request_valid(&q)) return AL_EPARSE;
  *ret = q;
  return AL_OK;
}

void al_ask_request_encode(const al_ask_request *r, al_wr *w) {
  AL_ASSERT(request_valid(r));
  al_wr_u8(w, AL_ASK_VERSION);
  al_wr_u8(w, r->op);
  al_wr_u8(w, r->quorum);
  al_wr_u8(w, 0);
  al_wr_id(w, &r->key);
  al_wr_u32(w, (uint32_t)r->record.len);
  al_wr_u32(w, r->lifetime_s);
  al_wr_bytes(w, r->record);
}

static bool reply_valid(const al_ask_reply *r) {
  if (r->status > AL_ASK_STATUS_MAX || r->nodes_count > AL_ASK_NODES_MAX) return false;
  if (r->nodes.len != (size_t)r->nodes_count * AL_ASK_NODE_BYTES) return false;
  return r->record.len == 0 || (r->record.len >= AL_ASK_PREFIX_BYTES + AL_RECORD_HEADER_BYTES &&
                                r->record.len <= AL_ASK_PREFIX_BYTES + AL_RECORD_BYTES_MAX);
}

al_err al_ask_reply_decode(al_bytes bytes, al_ask_reply *ret) {
  al_rd r = al_rd_init(bytes);
  al_ask_reply a = {0};
  uint8_t version = al_rd_u8(&r);
  a.status = al_rd_u8(&r);
  a.answers = al_rd_u8(&r);
  a.hops = al_rd_u8(&r);
  a.nodes_count = al_rd_u8(&r);
  uint8_t zero = al_rd_u8(&r);
  uint16_t zeros = al_rd_u16(&r);
  uint32_t len = al_rd_u32(&r);
  a.nodes = al_rd_bytes(&r, (size_t)a.nodes_count * AL_ASK_NODE_BYTES);
  a.record = al_rd_bytes(&r, len);
  if (!al_rd_done(&r) || version != AL_ASK_VERSION || zero != 0 || zeros != 0) return AL_EPARSE;
  if (!reply_valid(&a)) return AL_EPARSE;
  *ret = a;
  return AL_OK;
}

void al_ask_reply_encode(const al_ask_reply *r, al_wr *w) {
  AL_ASSERT(reply_valid(r));
  al_wr_u8(w, AL_ASK_VERSION);
  al_wr_u8(w, r->status);
  al_wr_u8(w, r->answers);
  al_wr_u8(w, r->hops);
  al_wr_u8(w, r->nodes_count);
  al_wr_zero(w, 3);
  al_wr_u32(w, (uint32_t)r->record.len);
  al_wr_bytes(w, r->nodes);
  al_wr_bytes(w, r->record);
}
