/* Cells, messages in pieces, DIGEST, WANT and questions through a circuit against messages.txt.
 * Argument: tests/vectors. */
#include "tap.h"
#include "test_wire_vectors.h"
#include "wire/ask.h"
#include "wire/cell.h"
#include "wire/gossip.h"

static uint8_t out[AL_MESSAGE_BYTES_MAX], whole[3 * AL_CELL_PAYLOAD_BYTES];

static al_id id(unsigned i) {
  al_id ret;
  memcpy(ret.b, vec("id.%u", i).ptr, sizeof ret.b);
  return ret;
}

/* Its header is decoded to these fields, and is made of them. */
static void test_cell(const char *name, const al_cell_header *want) {
  al_cell_header h;
  al_bytes cell = vec("%s", name);
  tap_ok(cell.len == AL_CELL_BYTES && al_cell_decode(cell.ptr, &h) == AL_OK && h.id == want->id &&
             h.type == want->type && h.flags == want->flags && h.counter == want->counter,
         "%s is read", name);
  al_cell_encode(want, out);
  tap_is_mem(out, cell.ptr, AL_CELL_HEADER_BYTES, "and written");
}

static void test_cells(void) {
  test_cell("cell.padding", &(al_cell_header){.type = AL_CELL_PADDING});
  test_cell(
      "cell.circuit",
      &(al_cell_header){.id = 0x80000001, .type = AL_CELL_CIRCUIT, .counter = 0x010203040506});
  test_cell("cell.created", &(al_cell_header){.id = 7, .type = AL_CELL_CREATED});
  test_cell("cell.destroy", &(al_cell_header){.id = 7, .type = AL_CELL_DESTROY, .flags = 11});
  test_cell("cell.ping", &(al_cell_header){.type = AL_CELL_PING});
  test_cell("cell.pong", &(al_cell_header){.type = AL_CELL_PONG});
  test_cell("cell.close", &(al_cell_header){.type = AL_CELL_CLOSE, .flags = 4});
}

static void test_pieces(void) {
  al_bytes text = vec("text");
  uint32_t count = al_message_fragments((uint32_t)text.len);
  tap_is_u64(count, 3, "a message of 2,500 bytes takes three cells");
  for (uint16_t i = 0; i < count; i++) {
    char name[16];
    (void)snprintf(name, sizeof name, "piece.%u", i);
    test_cell(name, &(al_cell_header){.id = 0x0a0b0c0d,
                                      .type = AL_CELL_MESSAGE,
                                      .flags = AL_MESSAGE_DHT,
                                      .counter = al_cell_fragment((uint32_t)text.len, i)});
    al_cell_header h;
    (void)al_cell_decode(vec("%s", name).ptr, &h);
    memcpy(whole + (size_t)al_cell_message_index(&h) * AL_CELL_PAYLOAD_BYTES,
           vec("%s", name).ptr + AL_CELL_HEADER_BYTES, AL_CELL_PAYLOAD_BYTES);
  }
  tap_is_mem(whole, text.ptr, text.len, "which carry it");
}

static void test_digest(void) {
  al_id got, want;
  al_rd r;
  uint64_t sequence;
  uint32_t count = 0;
  al_wr w = al_wr_init(out, sizeof out);
  al_digest_start(&w);
  tap_ok(vec_is(vec("digest.empty"), out, w.len), "an empty DIGEST is written");
  for (unsigned i = 0; i < 3; i++) {
    want = id(i);
    (void)al_digest_add(&w, &want, 0x0102030405060708 + i);
  }
  tap_ok(vec_is(vec("digest"), out, w.len), "one of three");
  tap_ok(al_digest_decode(vec("digest"), &r) == AL_OK, "it is read");
  for (bool same = true; al_digest_next(&r, &got, &sequence); count += same) {
    want = id(count);
    same = al_id_equal(&got, &want) && sequence == (uint64_t)0x0102030405060708 + count;
    if (!same) break;
  }
  tap_is_u64(count, 3, "entry by entry");
}

static void test_want(void) {
  al_id got, want;
  al_rd r;
  uint32_t count = 0;
  al_wr w = al_wr_init(out, sizeof out);
  al_want_start(&w);
  tap_ok(vec_is(vec("want.empty"), out, w.len), "an empty WANT is written");
  for (unsigned i = 0; i < 3; i++) {
    want = id(i);
    (void)al_want_add(&w, &want);
  }
  tap_ok(vec_is(vec("want"), out, w.len), "one of three");
  tap_ok(al_want_decode(vec("want"), &r) == AL_OK, "it is read");
  for (; al_want_next(&r, &got); count++) {
    want = id(count);
    if (!al_id_equal(&got, &want)) break;
  }
  tap_is_u64(count, 3, "entry by entry");
}

static void test_question(const char *name, const al_ask_request *want) {
  al_ask_request q;
  tap_ok(al_ask_request_decode(vec("%s", name), &q) == AL_OK && q.op == want->op &&
             q.quorum == want->quorum && al_id_equal(&q.key, &want->key) &&
             q.lifetime_s == want->lifetime_s && q.record.len == want->record.len,
         "%s is read", name);
  al_wr w = al_wr_init(out, sizeof out);
  al_ask_request_encode(want, &w);
  tap_ok(vec_is(vec("%s", name), out, w.len), "and written");
}

static void test_reply(const char *name, uint8_t nodes, al_bytes record) {
  al_ask_reply a;
  bool read = al_ask_reply_decode(vec("%s", name), &a) == AL_OK;
  tap_ok(read && a.nodes_count == nodes, "%s is read", name);
  if (!read) return;
  for (unsigned i = 0; nodes == 3 && i < nodes; i++) {
    static const uint8_t verdict[3] = {0, 3, 255};
    const uint8_t *n = a.nodes.ptr + (size_t)i * AL_ASK_NODE_BYTES;
    tap_ok(memcmp(n, vec("id.%u", i).ptr, 32) == 0 && n[32] == verdict[i], "node %u", i);
  }
  bool carries = a.record.len == record.len + AL_ASK_PREFIX_BYTES &&
                 al_load_u32(a.record.ptr) == 86400 &&
                 memcmp(a.record.ptr + AL_ASK_PREFIX_BYTES, record.ptr, record.len) == 0;
  tap_ok(record.len == 0 ? a.record.len == 0 : carries, "with its record, or none");
  al_wr w = al_wr_init(out, sizeof out);
  al_ask_reply_encode(&a, &w);
  tap_ok(vec_is(vec("%s", name), out, w.len), "and written");
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  vec_load(argv[1], "messages.txt");
  test_cells();
  test_pieces();
  test_digest();
  test_want();
  test_question("locate", &(al_ask_request){.op = AL_ASK_LOCATE, .key = id(0)});
  test_question("fetch", &(al_ask_request){.op = AL_ASK_FETCH, .quorum = 8, .key = id(0)});
  test_question("publish", &(al_ask_request){.op = AL_ASK_PUBLISH,
                                             .quorum = 3,
                                             .key = id(1),
                                             .lifetime_s = 7200,
                                             .record = vec("record")});
  test_question("describe", &(al_ask_request){.op = AL_ASK_DESCRIBE, .quorum = 1, .key = id(2)});
  test_reply("reply.none", 0, (al_bytes){NULL, 0});
  test_reply("reply.nodes", 3, (al_bytes){NULL, 0});
  test_reply("reply.record", 1, vec("record"));
  return tap_done();
}
