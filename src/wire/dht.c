/* dht.c — see dht.h. One function for each type, each way. */
#include "wire/dht.h"

#include "base/assert.h"

enum { ENTRY_BYTES_MIN = 33 };

static void get_state(al_rd *r, al_dht_message *m) {
  m->flags = al_rd_u8(r);
  if (al_rd_u16(r) != 0 || (m->flags & ~AL_DHT_STATE_CONTACT) != 0) al_rd_fail(r);
}

static void get_query(al_rd *r, al_dht_message *m) {
  m->op = al_rd_u8(r);
  m->flags = al_rd_u8(r);
  m->ttl = al_rd_u8(r);
  m->path = al_rd_u8(r);
  if (al_rd_u8(r) != 0 || al_rd_u16(r) != 0) al_rd_fail(r);
  m->query = al_rd_u64(r);
  m->target = al_rd_id(r);
  m->payload = al_rd_rest(r);
  if (m->op < AL_DHT_FIND || m->op > AL_DHT_DESCRIPTOR || m->ttl > AL_DHT_TTL_MAX) al_rd_fail(r);
  if ((m->flags & ~(AL_DHT_LOCAL | AL_DHT_EXACT | AL_DHT_SIGNED)) != 0) al_rd_fail(r);
  if (m->payload.len > AL_DHT_PAYLOAD_BYTES_MAX) al_rd_fail(r);
}

static void get_ack(al_rd *r, al_dht_message *m) {
  m->code = al_rd_u8(r);
  m->path = al_rd_u8(r);
  if (al_rd_u8(r) != 0 || m->code > AL_DHT_TOO_FAR) al_rd_fail(r);
  m->query = al_rd_u64(r);
}

static void get_answer(al_rd *r, al_dht_message *m) {
  m->code = al_rd_u8(r);
  m->path = al_rd_u8(r);
  m->hops = al_rd_u8(r);
  m->count = al_rd_u8(r);
  if (al_rd_u8(r) != 0 || al_rd_u16(r) != 0) al_rd_fail(r);
  m->query = al_rd_u64(r);
  if (m->code > AL_DHT_REFUSED || m->count == 0 || m->count > AL_DHT_ENTRIES_MAX) al_rd_fail(r);
  size_t start = r->pos;
  for (uint32_t i = 0; i < m->count && al_rd_ok(r); i++) {
    al_rd_skip(r, 32);
    uint8_t len = al_rd_u8(r);
    if (len > AL_ADDRESS_BYTES_MAX) al_rd_fail(r);
    al_rd_skip(r, len);
  }
  if (al_rd_ok(r)) m->entries = al_view(r->ptr + start, r->pos - start);
  m->payload = al_rd_rest(r);
  if (m->payload.len > AL_DHT_PAYLOAD_BYTES_MAX) al_rd_fail(r);
}

al_err al_dht_decode(al_bytes bytes, al_dht_message *ret) {
  al_rd r = al_rd_init(bytes);
  al_dht_message m = {.type = (al_dht_type)al_rd_u8(&r)};
  switch (m.type) {
    case AL_DHT_STATE:
      get_state(&r, &m);
      break;
    case AL_DHT_QUERY:
      get_query(&r, &m);
      break;
    case AL_DHT_ACK:
      get_ack(&r, &m);
      break;
    case AL_DHT_ANSWER:
      get_answer(&r, &m);
      break;
    default:
      return AL_EPARSE;
  }
  if (!al_rd_done(&r) || m.path >= AL_DHT_PATHS_MAX) return AL_EPARSE;
  *ret = m;
  return AL_OK;
}

bool al_dht_next_entry(al_rd *r, al_dht_entry *ret) {
  if (al_rd_left(r) < ENTRY_BYTES_MIN) return false;
  ret->id = al_rd_id(r);
  ret->address = al_rd_bytes(r, al_rd_u8(r));
  return al_rd_ok(r);
}

void al_dht_put_entry(al_wr *w, const al_id *id, al_bytes address) {
  AL_ASSERT(address.len <= AL_ADDRESS_BYTES_MAX);
  al_wr_id(w, id);
  al_wr_u8(w, (uint8_t)address.len);
  al_wr_bytes(w, address);
}

static void put_query(const al_dht_message *m, al_wr *w) {
  al_wr_u8(w, m->op);
  al_wr_u8(w, m->flags);
  al_wr_u8(w, m->ttl);
  al_wr_u8(w, m->path);
  al_wr_zero(w, 3);
  al_wr_u64(w, m->query);
  al_wr_id(w, &m->target);
  al_wr_bytes(w, m->payload);
}

static void put_answer(const al_dht_message *m, al_wr *w) {
  al_wr_u8(w, m->code);
  al_wr_u8(w, m->path);
  al_wr_u8(w, m->hops);
  al_wr_u8(w, m->count);
  al_wr_zero(w, 3);
  al_wr_u64(w, m->query);
  al_wr_bytes(w, m->entries);
  al_wr_bytes(w, m->payload);
}

void al_dht_encode(const al_dht_message *m, al_wr *w) {
  AL_ASSERT(m->path < AL_DHT_PATHS_MAX && m->payload.len <= AL_DHT_PAYLOAD_BYTES_MAX);
  al_wr_u8(w, (uint8_t)m->type);
  switch (m->type) {
    case AL_DHT_STATE:
      al_wr_u8(w, m->flags);
      al_wr_u16(w, 0);
      break;
    case AL_DHT_QUERY:
      AL_ASSERT(m->op >= AL_DHT_FIND && m->op <= AL_DHT_DESCRIPTOR && m->ttl <= AL_DHT_TTL_MAX);
      put_query(m, w);
      break;
    case AL_DHT_ACK:
      al_wr_u8(w, m->code);
      al_wr_u8(w, m->path);
      al_wr_u8(w, 0);
      al_wr_u64(w, m->query);
      break;
    case AL_DHT_ANSWER:
      AL_ASSERT(m->count >= 1 && m->count <= AL_DHT_ENTRIES_MAX);
      put_answer(m, w);
      break;
  }
}
