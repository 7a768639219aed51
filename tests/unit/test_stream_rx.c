/* What arrives: malformed packets, order, overlaps, credit, rules that the peer breaks. */
#include <stdlib.h>

#include "stream_pair.h"
#include "support/test_rand.h"

static pair p;
static const al_streams_config small = {.streams_max = 8, .bundles_max = 2, .stream_window = 4096};
static uint32_t number; /* of the next packet made by hand, from A to B */
static al_stream s[2];  /* a stream; its wire id is 0 */

static void begin(void) {
  pair_init(&p, &small);
  pair_connect(&p, s);
  p.end[B].got_len = 0;
  number = 1000;
}

static al_stream_verdict send(pair_packet *k) {
  number++;
  p.now += 100;
  return pair_give(&p, B, k->payload);
}

static al_stream_verdict send_data(uint64_t offset, const char *text, bool fin) {
  pair_packet k;
  packet_begin(&k, number);
  packet_data(&k, 0, offset, (al_bytes){(const uint8_t *)text, strlen(text)}, fin);
  return send(&k);
}

static bool got(const char *text) {
  return p.end[B].got_len == strlen(text) && memcmp(p.end[B].got, text, strlen(text)) == 0;
}

static void test_malformed(void) {
  begin();
  pair_packet k;
  packet_begin(&k, number);
  k.payload[0] = 0;
  tap_ok(pair_give(&p, B, k.payload) == AL_STREAM_DROP, "another kind of payload");
  packet_begin(&k, number);
  k.payload[5] = 99;
  tap_ok(pair_give(&p, B, k.payload) == AL_STREAM_DROP, "an unknown frame");
  packet_begin(&k, number);
  packet_data(&k, 0, 0, (al_bytes){(const uint8_t *)"abc", 3}, false);
  al_wr_u8(&k.w, 1); /* an ACK of what was never sent */
  al_wr_u32(&k.w, 5000);
  tap_ok(send(&k) == AL_STREAM_DROP && p.end[B].got_len == 0, "nothing of a bad packet is used");
  packet_begin(&k, UINT32_MAX);
  tap_ok(pair_give(&p, B, k.payload) == AL_STREAM_DROP, "the last packet number is not used");
  packet_begin(&k, number);
  packet_open(&k, 1, "x");
  tap_ok(send(&k) == AL_STREAM_DROP, "OPEN with an id of our own");
  al_bytes cut = {k.payload, 1067};
  tap_ok(al_bundle_rx(&p.end[B].ss, p.end[B].b, 0, p.now, cut) == AL_STREAM_DROP, "another size");
  tap_is_u64(pair_counter(&p, B, AL_COUNT_stream_parse), 6, "counted: stream_parse");
  packet_begin(&k, number);
  tap_ok(send(&k) == AL_STREAM_TAKE, "an empty packet is none");
  tap_ok(pair_give(&p, B, k.payload) == AL_STREAM_DROP, "a number counts once");
  tap_is_u64(pair_counter(&p, B, AL_COUNT_stream_duplicate), 1, "counted: stream_duplicate");
  al_bytes all = {k.payload, 1068};
  tap_ok(al_bundle_rx(&p.end[B].ss, 12345, 0, p.now, all) == AL_STREAM_DROP, "no such bundle");
  tap_ok(al_bundle_rx(&p.end[B].ss, p.end[B].b, 1, p.now, all) == AL_STREAM_DROP, "no such path");
  tap_ok(al_bundle_rx(&p.end[B].ss, p.end[B].b, 8, p.now, all) == AL_STREAM_DROP, "nor that");
  packet_begin(&k, number);
  packet_data(&k, 40, 0, (al_bytes){(const uint8_t *)"abc", 3}, false);
  tap_ok(send(&k) == AL_STREAM_TAKE, "data of an unknown stream");
  tap_is_u64(pair_counter(&p, B, AL_COUNT_stream_unknown), 4, "counted: stream_unknown");
  pair_clear(&p);
}

static void test_order(void) {
  begin();
  (void)send_data(0, "abc", false);
  tap_ok(got("abc"), "in order: at once");
  (void)send_data(6, "ghi", false);
  tap_ok(got("abc"), "early: kept");
  (void)send_data(12, "mno", false);
  (void)send_data(3, "def", false);
  tap_ok(got("abcdefghi"), "the gap is filled");
  (void)send_data(7, "hijkl", false);
  tap_ok(got("abcdefghijklmno"), "an overlap on both sides");
  uint64_t before = pair_counter(&p, B, AL_COUNT_stream_duplicate);
  (void)send_data(2, "cde", false);
  (void)send_data(18, "st", false);
  (void)send_data(18, "st", false);
  tap_is_u64(pair_counter(&p, B, AL_COUNT_stream_duplicate) - before, 2, "nothing new: counted");
  (void)send_data(14, "opqrstu", true);
  tap_ok(got("abcdefghijklmnopqrstu"), "a new end over old data");
  tap_ok(pair_last(&p, B, AL_STREAM_EV_FIN) != NULL, "and it is the end");
  pair_clear(&p);
}

/* Two pieces in one packet, the second before the first, around the end of the ring. */
static void test_one_packet(void) {
  begin();
  static char text[3001];
  for (int i = 0; i < 3000; i++) text[i] = (char)('a' + i % 26);
  uint64_t at = 0;
  bool good = true;
  for (int i = 0; i < 40; i++) {
    pair_packet k;
    packet_begin(&k, number);
    packet_data(&k, 0, at + 700, (al_bytes){(const uint8_t *)text + 700, 200}, false);
    packet_data(&k, 0, at, (al_bytes){(const uint8_t *)text, 400}, false);
    (void)send(&k);
    packet_begin(&k, number);
    packet_data(&k, 0, at + 400, (al_bytes){(const uint8_t *)text + 400, 100}, false);
    packet_data(&k, 0, at + 500, (al_bytes){(const uint8_t *)text + 500, 250}, false);
    packet_data(&k, 0, at + 900, (al_bytes){(const uint8_t *)text + 900, 1}, false);
    packet_data(&k, 0, at + 950, (al_bytes){(const uint8_t *)text + 49, 10}, false);
    (void)send(&k);
    good = good && p.end[B].got_len == 901 && memcmp(p.end[B].got, text, 901) == 0;
    p.end[B].got_len = 0;
    at += 901;
    pair_run(&p, 30000, 0);
    number += 10;
  }
  tap_ok(good, "several pieces in a packet, in any order, around the ring");
  pair_clear(&p);
}

/* An ACK of everything B has sent, so that it goes on giving credit. */
static void acknowledge(pair_packet *k) {
  uint8_t out[AL_STREAM_PAYLOAD_BYTES];
  uint32_t last = 0;
  while (pair_fill(&p, B, out)) last = al_load_u32(out + 1);
  if (last == 0) return;
  al_wr_u8(&k->w, 1);
  al_wr_u32(&k->w, last);
  al_wr_u16(&k->w, 0);
  al_wr_u8(&k->w, 0);
  al_wr_u16(&k->w, (uint16_t)last);
}

/* Pieces of random place and length up to 3,500 bytes ahead, many twice: ten times around the
 * ring. */
static bool random_order(void) {
  static uint8_t text[40000];
  test_rand_bytes(text, sizeof text);
  begin();
  size_t given = 0;
  for (int i = 0; i < 20000 && p.end[B].got_len < sizeof text; i++) {
    size_t from = p.end[B].got_len + (size_t)test_rand_below(3000);
    from -= al_min_size(from, (size_t)test_rand_below(400));
    size_t len = 1 + (size_t)test_rand_below(500);
    if (from >= sizeof text) continue;
    if (from + len > sizeof text) len = sizeof text - from;
    pair_packet k;
    packet_begin(&k, number);
    if (p.end[B].got_len > given + 1500) acknowledge(&k);
    if (k.w.len > 5) given = p.end[B].got_len;
    if (from + len <= given + 3000)
      packet_data(&k, 0, from, (al_bytes){text + from, len}, from + len == sizeof text);
    (void)send(&k);
    p.now += 3000;
  }
  bool good = p.end[B].got_len == sizeof text && memcmp(p.end[B].got, text, sizeof text) == 0 &&
              pair_last(&p, B, AL_STREAM_EV_RESET) == NULL;
  al_streams_clear(&p.end[A].ss);
  al_streams_clear(&p.end[B].ss);
  return good;
}

static void test_random_order(void) {
  for (int round = 0; round < 10; round++)
    tap_ok(random_order(), "pieces in any order, around the ring, make the whole");
}

static void expect_failed(const char *what, al_counter c, uint64_t count) {
  const al_stream_event *ev = pair_last(&p, B, AL_STREAM_EV_RESET);
  tap_ok(ev != NULL && ev->stream == s[B] && ev->reason == 12, "%s: reset, PROTOCOL", what);
  tap_is_u64(pair_counter(&p, B, c), count, "  and counted");
  tap_ok(al_streams_writable(&p.end[B].ss, s[B]) == 0, "  the handle is dead");
  uint8_t out[AL_STREAM_PAYLOAD_BYTES];
  tap_ok(pair_fill(&p, B, out) && out[5] == 1, "  an answer: ACK");
  size_t behind = 5 + 10 + 4 * (size_t)out[12];
  static const uint8_t reset[] = {6, 0, 0, 0, 0, 12};
  tap_is_mem(out + behind, reset, 6, "  and RESET with PROTOCOL");
  pair_clear(&p);
}

static void test_rules(void) {
  begin();
  p.consume = false;
  (void)send_data(0, "abc", false);
  pair_packet k;
  packet_begin(&k, number);
  packet_data(&k, 0, 4096 - 3, (al_bytes){(const uint8_t *)"abc", 3}, false);
  (void)send(&k);
  tap_ok(pair_last(&p, B, AL_STREAM_EV_RESET) == NULL, "up to the credit");
  packet_begin(&k, number);
  packet_data(&k, 0, 4096, (al_bytes){(const uint8_t *)"a", 1}, false);
  (void)send(&k);
  expect_failed("a byte beyond the credit", AL_COUNT_stream_window, 1);

  begin();
  (void)send_data(3, "def", true);
  (void)send_data(3, "defg", false);
  expect_failed("data behind the end", AL_COUNT_stream_state, 1);
  begin();
  (void)send_data(3, "def", true);
  (void)send_data(0, "abc", true);
  expect_failed("another end", AL_COUNT_stream_state, 1);
  begin();
  (void)send_data(3, "def", false);
  (void)send_data(0, "abc", true);
  expect_failed("an end before data that was sent", AL_COUNT_stream_state, 1);

  pair_init(&p, &small);
  number = 0;
  packet_begin(&k, number);
  packet_open(&k, 0, "early.example");
  (void)send(&k);
  s[B] = pair_last(&p, B, AL_STREAM_EV_REQUEST)->stream;
  tap_ok(strcmp(p.end[B].host, "early.example") == 0, "a request by hand");
  packet_begin(&k, number);
  packet_data(&k, 0, 0, (al_bytes){(const uint8_t *)"a", 1}, false);
  tap_ok(send(&k) == AL_STREAM_DROP && pair_last(&p, B, AL_STREAM_EV_RESET) == NULL,
         "data before it was accepted: as if lost");
  tap_is_u64(pair_counter(&p, B, AL_COUNT_stream_early), 1, "  and counted");
  pair_clear(&p);
}

static void test_opens(void) {
  pair_init(&p, &(al_streams_config){.streams_max = 4, .bundles_max = 2, .stream_window = 4096});
  number = 0;
  pair_packet k;
  for (uint32_t i = 0; i < 6; i++) {
    packet_begin(&k, number);
    packet_open(&k, 2 * i, "x.example");
    (void)send(&k);
  }
  tap_is_u64(pair_counter(&p, B, AL_COUNT_stream_full), 2, "four streams fit, two are refused");
  packet_begin(&k, number);
  packet_open(&k, 4, "x.example");
  (void)send(&k);
  tap_is_u64(pair_counter(&p, B, AL_COUNT_stream_duplicate), 1, "a repeated OPEN is nothing new");
  packet_begin(&k, number);
  for (uint32_t i = 0; i < 15; i++) packet_open(&k, 100 + 2 * i, "x");
  tap_ok(send(&k) == AL_STREAM_DROP, "more OPENs than can be refused: dropped whole");
  tap_is_u64(pair_counter(&p, B, AL_COUNT_stream_full), 3, "  and counted");
  uint8_t out[AL_STREAM_PAYLOAD_BYTES];
  tap_ok(pair_fill(&p, B, out), "an answer");
  bool found[2] = {false, false};
  for (int i = 5; i + 6 < 60; i++)
    for (uint8_t n = 0; n < 2; n++)
      if (out[i] == 6 && out[i + 1] == 8 + 2 * n && out[i + 5] == 11) found[n] = true;
  tap_ok(found[0] && found[1], "RESET with RESOURCE for both");
  p.now += 100000; /* whatever the pace: nothing more to say */
  tap_ok(al_bundle_wants(&p.end[B].ss, p.end[B].b, 0, p.now) == AL_BUNDLE_WANT_NOTHING, "once");
  p.now += AL_SECOND;
  al_streams_tick(&p.end[B].ss, p.now);
  static const uint8_t twice[] = {8, 6, 8, 0, 0, 0, 11, 6, 10, 0, 0, 0, 11};
  tap_ok(pair_fill(&p, B, out), "not acknowledged: again");
  tap_is_mem(out + 5, twice, sizeof twice, "PING and both");
  pair_clear(&p);
}

/* Ids are used once, in whatever order frames come. */
static void test_ids(void) {
  pair_init(&p, &(al_streams_config){.streams_max = 400, .bundles_max = 2, .stream_window = 4096});
  number = 0;
  pair_packet k;
  packet_begin(&k, number);
  al_wr_u8(&k.w, 6);
  al_wr_u32(&k.w, 50);
  al_wr_u8(&k.w, 0);
  (void)send(&k);
  packet_begin(&k, number);
  packet_open(&k, 50, "late.example");
  (void)send(&k);
  tap_ok(p.end[B].count == 0, "an OPEN that its RESET overtook is nothing");
  packet_begin(&k, number);
  packet_open(&k, 4000, "new.example");
  packet_open(&k, 4000 - 2046, "old.example");
  (void)send(&k);
  tap_is_u64(p.end[B].count, 2, "an id 1,023 places below the highest may come");
  packet_begin(&k, number);
  packet_open(&k, 4000 - 2048, "older.example");
  packet_open(&k, 10, "oldest.example");
  (void)send(&k);
  tap_is_u64(p.end[B].count, 2, "older ones may not");
  for (uint32_t i = 0; i < 300; i++) {
    packet_begin(&k, number);
    packet_open(&k, 4002 + 2 * i, "x");
    al_wr_u8(&k.w, 6);
    al_wr_u32(&k.w, 4002 + 2 * i);
    al_wr_u8(&k.w, 14);
    (void)send(&k);
  }
  tap_is_u64(pair_counter(&p, B, AL_COUNT_stream_full), 0, "requests taken back do not count");
  for (uint32_t i = 0; i < 300; i++) {
    packet_begin(&k, number);
    packet_open(&k, 5002 + 2 * i, "x");
    (void)send(&k);
    if (i == 253) tap_is_u64(pair_counter(&p, B, AL_COUNT_stream_full), 0, "256 may be open");
    if (i == 254) tap_is_u64(pair_counter(&p, B, AL_COUNT_stream_full), 1, "no more");
  }
  pair_clear(&p);
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_malformed();
  test_order();
  test_one_packet();
  test_random_order();
  test_rules();
  test_opens();
  test_ids();
  return tap_done();
}
