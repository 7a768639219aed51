/* Questions to the DHT through a circuit, and answers: every rule, every cut. */
#include "tap.h"
#include "wire/wire.h"

static uint8_t buffer[AL_ASK_REPLY_BYTES_MAX + 8], record[AL_RECORD_BYTES_MAX + 8];

static void test_request(uint8_t op, size_t record_len) {
  al_ask_request r = {.op = op,
                      .quorum = 3,
                      .key = {{9, 8, 7}},
                      .lifetime_s = 0x01020304,
                      .record = al_view(record, record_len)};
  al_ask_request got;
  al_wr w = al_wr_init(buffer, sizeof buffer);
  al_ask_request_encode(&r, &w);
  tap_ok(w.len == AL_ASK_REQUEST_BYTES + record_len &&
             al_ask_request_decode(al_wr_view(&w), &got) == AL_OK && got.op == op &&
             got.quorum == 3 && al_id_equal(&got.key, &r.key) && got.lifetime_s == 0x01020304 &&
             got.record.len == record_len && memcmp(got.record.ptr, record, record_len) == 0,
         "op %u with %zu bytes goes and comes", op, record_len);
  tap_ok(al_load_u32(buffer + w.len - record_len - 4) == 0x01020304,
         "lifetime and record are its end");
  uint32_t taken = 0;
  for (size_t len = 0; len < w.len; len++)
    taken += al_ask_request_decode(al_view(buffer, len), &got) == AL_OK;
  taken += al_ask_request_decode(al_view(buffer, w.len + 1), &got) == AL_OK;
  static const struct {
    uint8_t at, value;
  } bad[] = {{0, 0}, {0, 2}, {1, 0}, {1, 5}, {2, 9}, {3, 1}, {39, 1}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    uint8_t was = buffer[bad[i].at];
    buffer[bad[i].at] = bad[i].value;
    taken += al_ask_request_decode(al_view(buffer, w.len), &got) == AL_OK;
    buffer[bad[i].at] = was;
  }
  tap_is_u64(taken, 0, "no other length, version, op, quorum or filling");
}

static void test_reply(uint8_t nodes, size_t record_len) {
  uint8_t list[AL_ASK_NODES_MAX * AL_ASK_NODE_BYTES] = {1, 2, 3};
  al_ask_reply r = {.status = 2,
                    .answers = 4,
                    .hops = 5,
                    .nodes_count = nodes,
                    .nodes = al_view(list, (size_t)nodes * AL_ASK_NODE_BYTES),
                    .record = al_view(record, record_len)};
  al_ask_reply got;
  al_wr w = al_wr_init(buffer, sizeof buffer);
  al_ask_reply_encode(&r, &w);
  tap_ok(al_ask_reply_decode(al_wr_view(&w), &got) == AL_OK && got.status == 2 &&
             got.answers == 4 && got.hops == 5 && got.nodes_count == nodes &&
             memcmp(got.nodes.ptr, list, got.nodes.len) == 0 && got.record.len == record_len &&
             memcmp(got.record.ptr, record, record_len) == 0,
         "%u nodes and %zu bytes go and come", nodes, record_len);
  uint32_t taken = 0;
  for (size_t len = 0; len < w.len; len++)
    taken += al_ask_reply_decode(al_view(buffer, len), &got) == AL_OK;
  taken += al_ask_reply_decode(al_view(buffer, w.len + 1), &got) == AL_OK;
  static const struct {
    uint8_t at, value;
  } bad[] = {{0, 0}, {1, 4}, {4, 9}, {5, 1}, {6, 1}, {7, 1}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    uint8_t was = buffer[bad[i].at];
    buffer[bad[i].at] = bad[i].value;
    taken += al_ask_reply_decode(al_view(buffer, w.len), &got) == AL_OK;
    buffer[bad[i].at] = was;
  }
  tap_is_u64(taken, 0, "no other length, version, status, count or filling");
}

int main(void) {
  for (size_t i = 0; i < sizeof record; i++) record[i] = (uint8_t)(i * 3);
  test_request(AL_ASK_LOCATE, 0);
  test_request(AL_ASK_FETCH, 0);
  test_request(AL_ASK_DESCRIBE, 0);
  test_request(AL_ASK_PUBLISH, AL_RECORD_HEADER_BYTES);
  test_request(AL_ASK_PUBLISH, AL_RECORD_BYTES_MAX);
  test_reply(0, 0);
  test_reply(1, AL_ASK_PREFIX_BYTES + AL_RECORD_HEADER_BYTES);
  test_reply(AL_ASK_NODES_MAX, AL_ASK_PREFIX_BYTES + AL_RECORD_BYTES_MAX);
  tap_is_u64(AL_ASK_REPLY_BYTES_MAX, 13885, "the largest reply");
  return tap_done();
}
