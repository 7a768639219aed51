/* test_records_hostile.c — a neighbour, and the end of a circuit, that mean harm to the records of
 * the DHT: each thing it does has a stated outcome, and the network goes on working. */
#include "node/records.h"
#include "people_records.h"
#include "scene.h"

static scene s;
static uint8_t bytes[AL_RECORD_BUFFER_BYTES];
static struct {
  uint32_t answers;
  uint8_t code, verdict;
  uint32_t taken; /* ACKs */
} heard;

/* What the hostile node says to queries: this record for every GET; it keeps every PUT, it says. */
static struct {
  bool on;
  uint8_t payload[4 + AL_RECORD_BUFFER_BYTES];
  size_t len;
  uint32_t told;
} lie;

static void answer(hostile *h, al_link link, const al_dht_message *q) {
  uint8_t out[AL_MESSAGE_BYTES_MAX], entry[64];
  al_wr e = al_wr_init(entry, sizeof entry), w = al_wr_init(out, sizeof out);
  static const uint8_t taken[1] = {AL_RECORD_TAKEN};
  al_dht_put_entry(&e, &h->identity.id, al_view(NULL, 0));
  al_dht_message m = {.type = AL_DHT_ANSWER,
                      .path = q->path,
                      .query = q->query,
                      .count = 1,
                      .entries = al_wr_view(&e),
                      .code = q->op == AL_DHT_PUT   ? AL_DHT_STORED
                              : q->op == AL_DHT_GET ? AL_DHT_FOUND
                                                    : AL_DHT_CLOSEST};
  if (q->op == AL_DHT_PUT) m.payload = al_view(taken, 1);
  if (q->op == AL_DHT_GET) m.payload = al_view(lie.payload, lie.len);
  al_dht_encode(&m, &w);
  lie.told += q->op == AL_DHT_GET;
  (void)al_link_send_message(&h->links, link, AL_MESSAGE_DHT, 0, al_wr_view(&w));
  hostile_pump(h, link);
}

static void on_dht(hostile *h, al_link link, al_bytes message) {
  al_dht_message m;
  if (al_dht_decode(message, &m) != AL_OK) return;
  if (m.type == AL_DHT_QUERY && lie.on) answer(h, link, &m);
  heard.taken += m.type == AL_DHT_ACK && m.code == AL_DHT_TAKEN;
  if (m.type != AL_DHT_ANSWER) return;
  heard.answers++;
  heard.code = m.code;
  if (m.payload.len == 1) heard.verdict = m.payload.ptr[0];
}

/* A query to the victim itself. */
static void query(al_dht_op op, const al_id *target, al_bytes record, uint32_t lifetime_s) {
  static uint64_t number = 1000;
  uint8_t payload[4 + AL_RECORD_BUFFER_BYTES + 64], out[AL_MESSAGE_BYTES_MAX];
  al_wr p = al_wr_init(payload, sizeof payload), w = al_wr_init(out, sizeof out);
  if (op == AL_DHT_PUT) al_wr_u32(&p, lifetime_s);
  al_wr_bytes(&p, record);
  al_dht_message m = {.type = AL_DHT_QUERY,
                      .op = (uint8_t)op,
                      .flags = AL_DHT_LOCAL,
                      .ttl = 8,
                      .query = ++number,
                      .target = *target,
                      .payload = al_wr_view(&p)};
  al_dht_encode(&m, &w);
  hostile_message(&s.h, SCENE_VICTIM, AL_MESSAGE_DHT, (uint32_t)number, al_wr_view(&w));
}

static al_record_verdict put(al_bytes record, uint32_t lifetime_s) {
  const al_id any = {{1}};
  heard.answers = 0;
  query(AL_DHT_PUT, &any, record, lifetime_s);
  scene_wait(&s, AL_SECOND);
  return heard.answers == 1 ? (al_record_verdict)heard.verdict : AL_RECORD_VERDICT_COUNT;
}

static void verdict(al_record_verdict got, al_record_verdict want, const char *what) {
  tap_ok(got == want, "%s: %s", what, al_record_verdict_name(want));
  if (got != want) printf("# got %s\n", al_record_verdict_name(got));
}

static void test_records(void) {
  al_record_made m = people_immutable(1, 500, bytes);
  verdict(put((al_bytes){bytes, m.len}, 1000), AL_RECORD_TAKEN, "a good record of a neighbour");
  verdict(put((al_bytes){bytes, m.len - 1}, 1000), AL_RECORD_BAD, "cut short");
  verdict(put((al_bytes){bytes, m.len}, 0), AL_RECORD_EXPIRED, "without a lifetime");
  bytes[7] = 0xff;
  verdict(put((al_bytes){bytes, 200}, 1000), AL_RECORD_BAD, "longer than it is");
  memset(bytes, 0x5a, sizeof bytes);
  verdict(put((al_bytes){bytes, 13605}, 1000), AL_RECORD_BAD, "garbage");
  verdict(put((al_bytes){bytes, 0}, 1000), AL_RECORD_BAD, "nothing");
  m = people_mutable(9, 5, "good", bytes);
  verdict(put((al_bytes){bytes, m.len}, 1000), AL_RECORD_TAKEN, "a mutable record");
  m = people_mutable(9, 4, "good", bytes);
  verdict(put((al_bytes){bytes, m.len}, 1000), AL_RECORD_STALE, "an older one");
  m = people_mutable(9, 5, "evil", bytes);
  verdict(put((al_bytes){bytes, m.len}, 1000), AL_RECORD_CONFLICT, "another of its sequence");
  m = people_mutable(9, 6, "evil", bytes);
  bytes[m.len - 1] ^= 1;
  verdict(put((al_bytes){bytes, m.len}, 1000), AL_RECORD_BAD, "a forged newer one");
  people_expiry += 86400 * 2;
  m = people_mutable(9, 7, "long", bytes);
  verdict(put((al_bytes){bytes, m.len}, 1000), AL_RECORD_EXPIRED, "one for three days");
  people_expiry -= 86400 * 2;
}

static void test_flood(void) {
  uint64_t kept = scene_count(&s, "record_taken"), refused = scene_count(&s, "record_rate");
  for (uint32_t i = 0; i < 200; i++) {
    al_record_made m = people_immutable(10000 + i, 100, bytes);
    const al_id any = {{1}};
    query(AL_DHT_PUT, &any, (al_bytes){bytes, m.len}, 1000);
    if (i % 8 == 7) scene_wait(&s, 20 * AL_MS);
  }
  scene_wait(&s, AL_SECOND);
  kept = scene_count(&s, "record_taken") - kept;
  refused = scene_count(&s, "record_rate") - refused;
  tap_ok(kept >= 30 && kept <= 50, "record_rate: of 200 records at once %u are looked at",
         (unsigned)kept);
  tap_ok(refused > 100, "and %u refused unseen", (unsigned)refused);
  uint64_t sent = world_bytes_sent(s.w, SCENE_VICTIM);
  heard.answers = 0;
  for (uint32_t i = 0; i < 200; i++) {
    al_id key = {{(uint8_t)i, 7, 7}};
    query(AL_DHT_GET, &key, al_view(NULL, 0), 0);
    if (i % 8 == 7) scene_wait(&s, 20 * AL_MS);
  }
  scene_wait(&s, AL_SECOND);
  sent = world_bytes_sent(s.w, SCENE_VICTIM) - sent;
  tap_ok(heard.answers > 150 && sent < 200 * 3 * 1200 + 100000,
         "200 lookups for garbage: %u answers, %u bytes in all", heard.answers, (unsigned)sent);
}

/* The hostile node is closest to what is asked for, and says that it has it. */
static void test_lies(people *p) {
  static asked a;
  uint8_t record[AL_RECORD_BUFFER_BYTES];
  uint64_t lies = 0;
  uint32_t wrong = 0, good = 0;
  lie.on = true;
  al_record_made other = people_immutable(4242, 64, lie.payload + 4);
  lie.len = 4 + other.len;
  al_store_u32(lie.payload, 1000);
  uint8_t out[8];
  al_wr w = al_wr_init(out, sizeof out);
  al_dht_message state = {.type = AL_DHT_STATE, .flags = AL_DHT_STATE_CONTACT};
  al_dht_encode(&state, &w);
  for (uint32_t v = 0; v < SCENE_HOSTILE; v++) {
    (void)hostile_dial(&s.h, v);
    hostile_message(&s.h, v, AL_MESSAGE_DHT, 1, al_wr_view(&w));
  }
  scene_wait(&s, 5 * AL_SECOND);
  for (uint32_t i = 0; i < 12; i++) {
    al_record_made m = people_immutable(600 + i, 200, record);
    al_record_ask ask = {.op = AL_RECORD_PUBLISH, .record = {record, m.len}, .direct = true};
    (void)people_ask(p, i % SCENE_HOSTILE, &ask, &a);
    ask = (al_record_ask){.op = AL_RECORD_FETCH, .key = m.key, .direct = true};
    /* Who has it itself asks nobody: let it be somebody who has it not. */
    for (uint32_t n = 0; n < SCENE_HOSTILE; n++) {
      if (n == (i + 3) % SCENE_HOSTILE)
        (void)al_records_drop(&world_node(s.w, n)->records.store, &m.key);
    }
    int status = people_ask(p, (i + 3) % SCENE_HOSTILE, &ask, &a);
    good += status == AL_RECORD_OK;
    if (status != AL_RECORD_OK) printf("# record %u: status %d\n", i, status);
    wrong += status == AL_RECORD_OK &&
             (a.answer.record.len != m.len || memcmp(a.bytes, record, m.len) != 0);
  }
  for (uint32_t i = 0; i < 6; i++) { /* what nobody has: the liar is not beaten to the answer */
    al_record_made m = people_immutable(700 + i, 200, record);
    al_record_ask ask = {.op = AL_RECORD_FETCH, .key = m.key, .direct = true};
    wrong += people_ask(p, i % SCENE_HOSTILE, &ask, &a) == AL_RECORD_OK;
  }
  for (uint32_t n = 0; n < SCENE_HOSTILE; n++) lies += world_counter_of(s.w, n, "record_lie");
  tap_ok(lie.told > 0 && lies > 0, "record_lie: %u lies were told, %u came to who asked", lie.told,
         (unsigned)lies);
  tap_ok(wrong == 0 && good == 12, "none was believed, and %u of 12 records were found", good);
  lie.on = false;
}

/* Through a circuit that ends at the victim: garbage instead of a question. */
static void test_circuit(void) {
  static const uint32_t victim[1] = {SCENE_VICTIM};
  al_circ circ = hostile_circuit(&s.h, SCENE_VICTIM, victim, 1);
  tap_ok(circ != 0, "a circuit to the victim");
  uint64_t wrong = scene_count(&s, "record_request"), full = scene_count(&s, "node_inner_refused");
  uint8_t p[AL_RELAY_BYTES];
  for (uint32_t i = 0; i < 20; i++) { /* packet i: OPEN of stream 2i */
    al_wr w = al_wr_init(p, sizeof p);
    al_wr_u8(&w, AL_STREAM_KIND_BUNDLE);
    al_wr_u32(&w, i);
    al_wr_u8(&w, 2);
    al_wr_u32(&w, 2 * i);
    al_wr_u32(&w, 65536);
    al_wr_u16(&w, AL_SERVICE_DHT);
    al_wr_u8(&w, AL_TARGET_NODE);
    al_wr_u8(&w, 0);
    al_wr_zero(&w, al_wr_left(&w));
    hostile_relay(&s.h, SCENE_VICTIM, circ, 1, al_view(p, sizeof p));
  }
  scene_wait(&s, AL_SECOND);
  for (uint32_t i = 0; i < 4; i++) {
    al_wr w = al_wr_init(p, sizeof p);
    al_wr_u8(&w, AL_STREAM_KIND_BUNDLE);
    al_wr_u32(&w, 20 + i);
    al_wr_u8(&w, 5);
    al_wr_u32(&w, 2 * i);
    al_wr_u48(&w, 0);
    al_wr_u16(&w, 44);
    for (int k = 0; k < 44; k++) al_wr_u8(&w, (uint8_t)(i == 0 ? 0xff : i == 1 && k == 0));
    al_wr_zero(&w, al_wr_left(&w));
    hostile_relay(&s.h, SCENE_VICTIM, circ, 1, al_view(p, sizeof p));
  }
  scene_wait(&s, AL_SECOND);
  tap_is_u64(scene_count(&s, "record_request") - wrong, 4, "record_request: garbage is refused");
  tap_ok(scene_count(&s, "node_inner_refused") > full,
         "node_inner_refused: more questions than a node serves at a time");
  scene_wait(&s, 40 * AL_SECOND);
}

int main(void) {
  static people p;
  world_options o;
  world_options_default(&o);
  o.nodes = SCENE_NODES;
  scene_limits(&o);
  o.limits.records_max = 256;
  o.limits.records_bytes = 1 << 18;
  o.bufs = 8192;
  s.w = world_new(&o, people_event, &p);
  p.w = s.w;
  s.bufs = world_bufs_free(s.w);
  people_expiry = world_wall_s(s.w) + 80000;
  for (uint32_t i = 0; i < SCENE_HOSTILE; i++) {
    world_start(s.w, i);
    if (i > 0) world_join(s.w, i, 0);
    scene_wait(&s, 100 * AL_MS);
  }
  scene_wait(&s, 20 * AL_SECOND);
  hostile_start(&s.h, s.w, SCENE_HOSTILE, al_view(NULL, 0));
  s.h.on_dht = on_dht;
  (void)hostile_dial(&s.h, SCENE_VICTIM);
  test_records();
  test_flood();
  test_circuit();
  test_lies(&p);
  hostile_stop(&s.h);
  scene_wait(&s, 40 * AL_SECOND);
  static asked a;
  al_record_made m = people_immutable(77, 5000, bytes);
  al_record_ask ask = {.op = AL_RECORD_PUBLISH, .record = {bytes, m.len}};
  tap_ok(people_ask(&p, 2, &ask, &a) == AL_RECORD_OK, "the network works after all that");
  scene_end(&s, SCENE_HOSTILE);
  return tap_done();
}
