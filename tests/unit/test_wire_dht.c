/* The DHT's messages: against overlay.txt, every cut, every changed byte.
 * Argument: tests/vectors. */
#include "tap.h"
#include "test_wire_vectors.h"
#include "wire/wire.h"

static uint8_t out[AL_MESSAGE_BYTES_MAX + 64];

/* Decoded and encoded again it has the same bytes. */
static bool same(al_bytes bytes, al_dht_message *m) {
  al_wr w = al_wr_init(out, sizeof out);
  if (al_dht_decode(bytes, m) != AL_OK) return false;
  al_dht_encode(m, &w);
  return vec_is(bytes, out, w.len);
}

static bool id_is(const al_id *id, al_bytes want) { return vec_is(want, id->b, sizeof id->b); }

static void test_small(void) {
  al_dht_message m;
  tap_ok(same(vec("state"), &m) && m.type == AL_DHT_STATE && m.flags == AL_DHT_STATE_CONTACT,
         "STATE");
  tap_ok(same(vec("state.client"), &m) && m.flags == 0, "of a client");
  tap_ok(same(vec("ack"), &m) && m.type == AL_DHT_ACK && m.code == AL_DHT_TAKEN && m.path == 1 &&
             m.query == 0x0123456789abcdef,
         "ACK");
  tap_ok(same(vec("ack.far"), &m) && m.code == AL_DHT_TOO_FAR && m.path == 0, "with a reason");
  tap_is_u64(vec("state").len, AL_DHT_STATE_BYTES, "a STATE has its size");
  tap_is_u64(vec("ack").len, AL_DHT_ACK_BYTES, "an ACK has its size");
}

static void test_query(void) {
  al_dht_message m;
  tap_ok(same(vec("find"), &m) && m.type == AL_DHT_QUERY && m.op == AL_DHT_FIND && m.flags == 0 &&
             m.ttl == 23 && m.path == 2 && m.query == 0x0123456789abcdef &&
             id_is(&m.target, vec("target")) && m.payload.len == 0,
         "QUERY");
  tap_ok(same(vec("find.local"), &m) && m.flags == AL_DHT_LOCAL && m.ttl == 0, "for one node");
  tap_ok(same(vec("put"), &m) && m.op == AL_DHT_PUT && m.flags == AL_DHT_EXACT &&
             vec_is(vec("payload"), m.payload.ptr, m.payload.len),
         "with a payload");
  tap_is_u64(vec("find").len, AL_DHT_QUERY_BYTES, "a QUERY has its size");
  al_bytes find = vec("find");
  memcpy(out, find.ptr, find.len);
  memset(out + find.len, 7, AL_DHT_PAYLOAD_BYTES_MAX + 1);
  tap_ok(al_dht_decode(al_view(out, find.len + AL_DHT_PAYLOAD_BYTES_MAX), &m) == AL_OK &&
             al_dht_decode(al_view(out, find.len + AL_DHT_PAYLOAD_BYTES_MAX + 1), &m) == AL_EPARSE,
         "the largest payload, and one byte more");
}

static void test_answer(void) {
  al_dht_message m;
  al_dht_entry e;
  tap_ok(same(vec("answer"), &m) && m.type == AL_DHT_ANSWER && m.code == AL_DHT_CLOSEST &&
             m.path == 1 && m.hops == 4 && m.count == 1 && m.payload.len == 0,
         "ANSWER");
  al_rd r = al_rd_init(m.entries);
  tap_ok(al_dht_next_entry(&r, &e) && id_is(&e.id, vec("id.0")) &&
             vec_is(vec("address.1"), e.address.ptr, e.address.len) && !al_dht_next_entry(&r, &e),
         "its entry");
  tap_ok(same(vec("answer.full"), &m) && m.code == AL_DHT_FOUND && m.hops == 31 &&
             m.count == AL_DHT_ENTRIES_MAX && vec_is(vec("payload"), m.payload.ptr, m.payload.len),
         "with all it can hold");
  r = al_rd_init(m.entries);
  uint32_t good = 0;
  for (uint32_t i = 0; al_dht_next_entry(&r, &e); i++) {
    good += id_is(&e.id, vec("id.%u", i)) &&
            vec_is(vec("address.%u", i % 3), e.address.ptr, e.address.len);
  }
  tap_is_u64(good, AL_DHT_ENTRIES_MAX, "every entry is in its place");
  uint8_t entries[256];
  al_wr w = al_wr_init(entries, sizeof entries);
  al_dht_put_entry(&w, &e.id, al_view(NULL, 0));
  tap_is_u64(w.len, 33, "an entry without an address");
  tap_ok(AL_DHT_ANSWER_BYTES + 33 == vec("answer").len - vec("address.1").len,
         "an ANSWER has its size");
}

/* What is accepted is canonical, whatever was changed; what must be 0 is looked at. */
static void test_changed(const char *name) {
  static uint8_t bytes[4096];
  al_bytes v = vec("%s", name);
  al_dht_message m;
  uint32_t cut = 0, odd = 0;
  for (size_t len = 0; len < v.len; len++) {
    if (al_dht_decode(al_view(v.ptr, len), &m) == AL_OK && m.payload.len == 0) cut++;
  }
  tap_ok(cut <= 1, "%s: no cut of it is another message", name);
  memcpy(bytes, v.ptr, v.len);
  for (size_t at = 0; at < v.len && at < 64; at++) {
    for (uint32_t x = 1; x < 256; x++) {
      bytes[at] ^= (uint8_t)x;
      if (al_dht_decode(al_view(bytes, v.len), &m) == AL_OK && !same(al_view(bytes, v.len), &m))
        odd++;
      bytes[at] ^= (uint8_t)x;
    }
  }
  tap_is_u64(odd, 0, "... and what is taken of its changes is canonical");
}

static void test_refused(void) {
  static const struct {
    const char *name, *what;
    uint8_t at, value;
  } bad[] = {
      {"find", "dht_parse: no such type", 0, 5},
      {"find", "type 0", 0, 0},
      {"find", "no such operation", 1, 5},
      {"find", "operation 0", 1, 0},
      {"find", "an unknown flag", 2, 8},
      {"find", "a ttl too large", 3, 33},
      {"find", "a path too many", 4, 4},
      {"find", "a byte that must be 0", 7, 1},
      {"state", "an unknown flag of a STATE", 1, 2},
      {"state", "a byte that must be 0", 3, 1},
      {"ack", "no such code", 1, 5},
      {"ack", "a byte that must be 0", 3, 9},
      {"answer", "no such status", 1, 4},
      {"answer", "no entry at all", 4, 0},
      {"answer", "an entry too many", 4, 17},
      {"answer", "a byte that must be 0", 6, 1},
      {"answer", "an address too long", 48, 73},
      {"answer", "an address longer than all", 48, 72},
  };
  uint8_t bytes[512];
  al_dht_message m;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    al_bytes v = vec("%s", bad[i].name);
    memcpy(bytes, v.ptr, v.len);
    bytes[bad[i].at] = bad[i].value;
    tap_ok(al_dht_decode(al_view(bytes, v.len), &m) == AL_EPARSE, "refused: %s", bad[i].what);
  }
  al_bytes v = vec("ack");
  memcpy(bytes, v.ptr, v.len);
  bytes[v.len] = 0;
  tap_ok(al_dht_decode(al_view(bytes, v.len + 1), &m) == AL_EPARSE, "refused: a byte too many");
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  vec_load(argv[1], "overlay.txt");
  test_small();
  test_query();
  test_answer();
  test_changed("state");
  test_changed("ack");
  test_changed("find");
  test_changed("answer");
  test_refused();
  return tap_done();
}
