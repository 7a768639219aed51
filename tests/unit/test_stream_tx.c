/* What goes out: order of streams, credit, windows, probes, loss, wants, deadlines. */
#include <stdlib.h>

#include "stream_pair.h"

static pair p;
static const al_streams_config usual = {
    .streams_max = 16, .bundles_max = 2, .stream_window = 65536};

static size_t put(int i, al_stream s, const void *data, size_t len) {
  size_t taken = 0;
  al_err e = al_streams_put(&p.end[i].ss, p.now, s, (al_bytes){data, len}, &taken);
  pair_drain(&p, i);
  return e == AL_OK ? taken : SIZE_MAX;
}

/* The type of the first frame that is no ACK, and the stream of it. */
static int first_frame(const uint8_t *payload, uint32_t *stream) {
  al_rd r = al_rd_init(al_view(payload, AL_STREAM_PAYLOAD_BYTES));
  al_rd_skip(&r, 5);
  uint8_t type = al_rd_u8(&r);
  if (type == 1) {
    al_rd_skip(&r, 6);
    size_t n = al_rd_u8(&r);
    al_rd_skip(&r, 2 + 4 * n);
    type = al_rd_u8(&r);
  }
  *stream = al_rd_u32(&r);
  return type;
}

static void test_wants(void) {
  al_stream s[2];
  uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
  pair_init(&p, &usual);
  al_streams *ss = &p.end[A].ss;
  tap_ok(al_bundle_wants(ss, p.end[A].b, 0, p.now) == AL_BUNDLE_WANT_NOTHING, "nothing to send");
  tap_ok(!pair_fill(&p, A, payload), "and nothing is written");
  while (al_streams_next(ss) != 0) {
  }
  (void)pair_open(&p, "example.org");
  tap_ok(al_streams_next(ss) == p.end[A].b, "a stream was opened: the bundle is named");
  tap_ok(al_streams_next(ss) == 0, "once");
  tap_ok(al_bundle_wants(ss, p.end[A].b, 0, p.now) == AL_BUNDLE_WANT_NOW, "it wants to send");
  tap_ok(al_bundle_wants(ss, p.end[A].b, 1, p.now) == AL_BUNDLE_WANT_NOTHING, "on its path only");
  pair_clear(&p);

  pair_init(&p, &usual);
  pair_connect(&p, s);
  tap_ok(put(A, s[A], "hello", 5) == 5, "five bytes");
  tap_ok(pair_fill(&p, A, payload), "a packet");
  tap_ok(!pair_fill(&p, A, payload), "one");
  bool zero = true;
  for (int i = 40; i < AL_STREAM_PAYLOAD_BYTES; i++) zero = zero && payload[i] == 0;
  tap_ok(zero, "filled up with zeros");
  tap_ok(al_bundle_wants(&p.end[A].ss, p.end[A].b, 0, p.now) == AL_BUNDLE_WANT_NOTHING, "done");
  al_time at = al_streams_deadline(&p.end[A].ss);
  tap_ok(at > p.now && at < p.now + AL_SECOND, "a deadline: the probe");
  tap_ok(pair_give(&p, B, payload) == AL_STREAM_TAKE && p.end[B].got_len == 5, "it arrives");
  tap_ok(al_bundle_wants(&p.end[B].ss, p.end[B].b, 0, p.now) == AL_BUNDLE_WANT_LATER,
         "its acknowledgement waits");
  at = al_streams_deadline(&p.end[B].ss);
  tap_ok(at > p.now && at <= p.now + 25000, "25 ms at most");
  p.now = at;
  al_streams_tick(&p.end[B].ss, p.now);
  tap_ok(al_streams_next(&p.end[B].ss) == p.end[B].b && pair_fill(&p, B, payload), "then it goes");
  tap_ok(pair_give(&p, A, payload) == AL_STREAM_TAKE, "and arrives");
  al_bundle_info info;
  tap_ok(al_bundle_look(&p.end[A].ss, p.end[A].b, 0, &info) && info.flight == 0 && info.user == 77,
         "nothing is under way");
  tap_ok(info.rtt_min_us > 0 && info.rtt_us > 0 && info.streams == 1, "the path is known");
  tap_ok(!al_bundle_look(&p.end[A].ss, p.end[A].b, 3, &info), "no such path");
  pair_clear(&p);
}

static void test_round_robin(void) {
  pair_init(&p, &usual);
  al_stream s[3];
  for (int i = 0; i < 3; i++) s[i] = pair_open(&p, "example.org");
  pair_run(&p, 30000, 0);
  for (int i = 0; i < p.end[B].count; i++)
    if (p.end[B].log[i].kind == AL_STREAM_EV_REQUEST)
      (void)al_streams_accept(&p.end[B].ss, p.now, p.end[B].log[i].stream);
  pair_run(&p, 100000, 0);
  static uint8_t bulk[20000];
  for (int i = 0; i < 3; i++) (void)put(A, s[i], bulk, sizeof bulk);
  uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
  uint32_t stream, last = 99;
  int count[3] = {0, 0, 0};
  bool alternate = true;
  for (int i = 0; i < 12 && pair_fill(&p, A, payload); i++) {
    if (first_frame(payload, &stream) != 4) continue;
    if (stream == last) alternate = false;
    last = stream;
    count[stream / 2]++;
    p.now += 5000;
  }
  tap_ok(alternate && count[0] == count[1] && count[1] == count[2] && count[0] >= 3,
         "three streams take turns: %d %d %d", count[0], count[1], count[2]);
  pair_clear(&p);
}

static void test_credit(void) {
  al_stream s[2];
  pair_init(&p, &(al_streams_config){.streams_max = 4, .bundles_max = 2, .stream_window = 8192});
  pair_connect(&p, s);
  p.consume = false;
  static uint8_t bulk[30000];
  for (size_t i = 0; i < sizeof bulk; i++) bulk[i] = (uint8_t)(i * 7);
  size_t sent = put(A, s[A], bulk, sizeof bulk);
  tap_is_u64(sent, 8192, "the send buffer takes what it holds");
  tap_is_u64(al_streams_writable(&p.end[A].ss, s[A]), 0, "and no more");
  pair_run(&p, 300000, 0);
  tap_is_u64(p.end[B].got_len, 8192, "the other end gets it");
  const al_stream_event *ev = pair_last(&p, A, AL_STREAM_EV_WRITABLE);
  tap_ok(ev != NULL && ev->count >= 1024, "room is told");
  sent += put(A, s[A], bulk + sent, sizeof bulk - sent);
  pair_run(&p, 3000000, 0);
  tap_is_u64(p.end[B].got_len, 8192, "without credit nothing more is sent, however long");
  tap_ok(al_bundle_wants(&p.end[A].ss, p.end[A].b, 0, p.now) == AL_BUNDLE_WANT_NOTHING,
         "nor anything else");
  al_bundle_info info;
  tap_ok(al_bundle_look(&p.end[A].ss, p.end[A].b, 0, &info) && info.packets_tx < 40,
         "no empty packets");
  tap_ok(al_streams_consume(&p.end[B].ss, p.now, s[B], 8193) == AL_EINVAL, "more than was given");
  tap_ok(al_streams_consume(&p.end[B].ss, p.now, s[B], 1000) == AL_OK, "a little is consumed");
  pair_run(&p, 300000, 0);
  tap_is_u64(p.end[B].got_len, 8192, "too little to be told");
  p.consume = true;
  (void)al_streams_consume(&p.end[B].ss, p.now, s[B], 7192);
  for (int i = 0; i < 200 && p.end[B].got_len < sizeof bulk; i++) {
    if (sent < sizeof bulk) sent += put(A, s[A], bulk + sent, sizeof bulk - sent);
    pair_run(&p, 20000, 7);
  }
  tap_ok(p.end[B].got_len == sizeof bulk && memcmp(p.end[B].got, bulk, sizeof bulk) == 0,
         "the rest comes, every seventh packet lost: %zu of %zu put", p.end[B].got_len, sent);
  tap_ok(pair_counter(&p, A, AL_COUNT_stream_retransmit) > 0, "counted: stream_retransmit");
  pair_clear(&p);
}

static void test_window(void) {
  al_stream s[2];
  pair_init(&p,
            &(al_streams_config){
                .streams_max = 4, .bundles_max = 2, .stream_window = 1 << 20, .packets_max = 64});
  pair_connect(&p, s);
  static uint8_t bulk[200000];
  (void)put(A, s[A], bulk, sizeof bulk);
  uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
  int n = 0;
  al_bundle_info info;
  for (int i = 0; i < 400; i++) {
    while (pair_fill(&p, A, payload)) n++;
    p.now += 1000;
    if (i == 50) {
      (void)al_bundle_look(&p.end[A].ss, p.end[A].b, 0, &info);
      tap_ok(info.flight <= info.window && info.flight <= 56 && info.flight == (uint32_t)n,
             "no more under way than the window: %u", info.flight);
    }
  }
  tap_ok(n <= 56, "without acknowledgements it stops there");
  for (int i = 0; i < 100 && p.end[B].got_len < sizeof bulk; i++) pair_run(&p, 100000, 0);
  tap_is_u64(p.end[B].got_len, sizeof bulk, "all of them lost: it recovers, with 64 numbers");
  pair_clear(&p);
}

static void test_probe(void) {
  al_stream s[2];
  pair_init(&p, &usual);
  pair_connect(&p, s);
  (void)put(A, s[A], "hello", 5);
  uint8_t lost[AL_STREAM_PAYLOAD_BYTES], payload[AL_STREAM_PAYLOAD_BYTES];
  (void)pair_fill(&p, A, lost);
  al_time from = p.now, gaps[3];
  uint32_t stream;
  for (int i = 0; i < 3; i++) {
    from = p.now;
    while (!pair_fill(&p, A, payload) && p.now < from + 10 * AL_SECOND) {
      p.now += 1000;
      if (al_streams_deadline(&p.end[A].ss) <= p.now) al_streams_tick(&p.end[A].ss, p.now);
    }
    gaps[i] = p.now - from;
    tap_ok(first_frame(payload, &stream) == 8, "a probe after %d ms begins with PING",
           (int)(gaps[i] / 1000));
  }
  tap_ok(gaps[0] >= 100000 && gaps[0] < 500000, "the first after 100 ms or more");
  tap_ok(gaps[1] >= 2 * gaps[0] - 2000 && gaps[2] >= 2 * gaps[1] - 2000,
         "each after twice as long");
  (void)pair_give(&p, B, payload);
  tap_ok(p.end[B].got_len == 5, "it carries what was lost");
  tap_ok(al_bundle_wants(&p.end[B].ss, p.end[B].b, 0, p.now) == AL_BUNDLE_WANT_NOW,
         "and is acknowledged at once");
  (void)pair_give(&p, B, lost);
  tap_ok(p.end[B].got_len == 5, "the first packet, late, changes nothing");
  pair_run(&p, 100000, 0);
  al_bundle_info info;
  (void)al_bundle_look(&p.end[A].ss, p.end[A].b, 0, &info);
  tap_ok(info.flight == 0 && info.silent_since == AL_TIME_NEVER, "nothing waits for an answer");
  pair_clear(&p);
}

static void test_silence(void) {
  al_stream s[2];
  pair_init(&p, &(al_streams_config){.streams_max = 4, .bundles_max = 2, .silence_us = 3000000});
  pair_connect(&p, s);
  (void)put(A, s[A], "hello", 5);
  uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
  al_time from = p.now;
  while (pair_last(&p, A, AL_STREAM_EV_SILENT) == NULL && p.now < from + 20 * AL_SECOND) {
    while (pair_fill(&p, A, payload)) {
    }
    p.now += 1000;
    al_streams_tick(&p.end[A].ss, p.now);
    pair_drain(&p, A);
  }
  tap_ok(p.now >= from + 3 * AL_SECOND && p.now < from + 4 * AL_SECOND,
         "silence is told after 3 s");
  const al_stream_event *ev = pair_last(&p, A, AL_STREAM_EV_SILENT);
  tap_ok(ev != NULL && ev->stream == 0 && ev->bundle == p.end[A].b && ev->bundle_user == 77,
         "of the bundle");
  tap_is_u64(pair_counter(&p, A, AL_COUNT_stream_timeout), 1, "counted: stream_timeout");
  for (from = p.now; p.now < from + 2500000; p.now += 1000) al_streams_tick(&p.end[A].ss, p.now);
  tap_is_u64(pair_counter(&p, A, AL_COUNT_stream_timeout), 1, "not again at once");
  for (from = p.now; p.now < from + AL_SECOND; p.now += 1000) al_streams_tick(&p.end[A].ss, p.now);
  tap_is_u64(pair_counter(&p, A, AL_COUNT_stream_timeout), 2, "but every 3 s");
  pair_clear(&p);
}

/* The last piece, with FIN, fills its packet; it is lost, and what repeats it also carries an ACK:
 * it goes in two. */
static void test_split(void) {
  al_stream s[2];
  pair_init(&p, &usual);
  pair_connect(&p, s);
  static uint8_t text[AL_STREAM_PAYLOAD_BYTES - 18];
  for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)(i * 11);
  uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
  uint32_t stream;
  (void)put(A, s[A], text, sizeof text);
  (void)al_streams_shut(&p.end[A].ss, p.now, s[A]);
  tap_ok(pair_fill(&p, A, payload) && first_frame(payload, &stream) == 5, "a full packet with FIN");
  tap_ok(!pair_fill(&p, A, payload), "is all there is; it is lost");
  (void)put(B, s[B], "data the other way, to be acknowledged", 38);
  p.now += AL_SECOND;
  al_streams_tick(&p.end[A].ss, p.now);
  tap_ok(pair_fill(&p, B, payload) && pair_give(&p, A, payload) == AL_STREAM_TAKE, "and B sends");
  tap_ok(pair_fill(&p, A, payload) && payload[5] == 1, "the repeat begins with an ACK");
  (void)pair_give(&p, B, payload);
  tap_ok(p.end[B].got_len > 1000 && p.end[B].got_len < sizeof text, "most of it");
  tap_ok(pair_last(&p, B, AL_STREAM_EV_FIN) == NULL, "not yet the end");
  pair_run(&p, AL_SECOND, 0);
  tap_ok(p.end[B].got_len == sizeof text && memcmp(p.end[B].got, text, sizeof text) == 0 &&
             pair_last(&p, B, AL_STREAM_EV_FIN) != NULL,
         "then the rest and the end");
  pair_clear(&p);
}

/* A stream is reset while its data waits to be repeated. */
static void test_reset_lost(void) {
  al_stream s[2];
  uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
  uint32_t stream;
  pair_init(&p, &usual);
  pair_connect(&p, s);
  (void)put(A, s[A], "hello", 5);
  (void)pair_fill(&p, A, payload);
  p.now += AL_SECOND;
  al_streams_tick(&p.end[A].ss, p.now);
  al_streams_reset(&p.end[A].ss, p.now, s[A], 14);
  tap_ok(pair_fill(&p, A, payload) && first_frame(payload, &stream) == 8, "PING and RESET go out");
  tap_ok(al_bundle_wants(&p.end[A].ss, p.end[A].b, 0, p.now) == AL_BUNDLE_WANT_NOTHING,
         "its data does not");
  (void)pair_give(&p, B, payload);
  tap_ok(p.end[B].got_len == 0 && pair_last(&p, B, AL_STREAM_EV_RESET) != NULL, "B knows");
  pair_clear(&p);
}

/* The round-trip time is that of the path: acknowledgements say how long they waited. */
static void test_rtt(void) {
  al_stream s[2];
  al_bundle_info info;
  pair_init(&p, &usual);
  pair_connect(&p, s);
  for (int i = 0; i < 40; i++) {
    (void)put(A, s[A], "x", 1);
    pair_run(&p, 50000, 0);
  }
  (void)al_bundle_look(&p.end[A].ss, p.end[A].b, 0, &info);
  tap_ok(info.rtt_us >= 20000 && info.rtt_us < 21500 && info.rtt_min_us >= 20000,
         "20 ms and a step: %u us", info.rtt_us);
  pair_clear(&p);
}

int main(void) {
  test_split();
  test_reset_lost();
  test_rtt();
  test_wants();
  test_round_robin();
  test_credit();
  test_window();
  test_probe();
  test_silence();
  return tap_done();
}
