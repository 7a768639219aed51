/* First bytes that go with OPEN: with the request, once, in order; and what must not come early. */
#include "stream_pair.h"

enum { LONG = 5000, SHORT = 200 };

static pair p;
static const al_streams_config small = {.streams_max = 8, .bundles_max = 2, .stream_window = 8192};
static uint8_t bytes[LONG];

static al_stream begin(bool early, size_t len, bool shut) {
  size_t taken = 0;
  pair_init(&p, &small);
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 7 + i / 251);
  al_stream s = pair_open(&p, "*");
  if (early) al_streams_set_early(&p.end[A].ss, s);
  tap_ok(
      al_streams_put(&p.end[A].ss, p.now, s, al_view(bytes, len), &taken) == AL_OK && taken == len,
      "%zu bytes are written before it is answered", len);
  if (shut) tap_ok(al_streams_shut(&p.end[A].ss, p.now, s) == AL_OK, "and that is all");
  return s;
}

static al_stream asked(void) {
  const al_stream_event *ev = pair_last(&p, B, AL_STREAM_EV_REQUEST);
  return ev != NULL ? ev->stream : 0;
}

static bool right(size_t len) {
  return p.end[B].got_len == len && memcmp(p.end[B].got, bytes, len) == 0;
}

static void accept_it(void) {
  tap_ok(al_streams_accept(&p.end[B].ss, p.now, asked()) == AL_OK, "it is accepted");
  pair_drain(&p, B);
}

static void test_with_open(void) {
  al_stream s = begin(true, SHORT, false);
  pair_run(&p, 15000, 0);
  tap_ok(asked() != 0 && right(SHORT), "they come with the request");
  tap_ok(pair_last(&p, A, AL_STREAM_EV_OPENED) == NULL, "which is not answered yet");
  accept_it();
  size_t taken = 0;
  (void)al_streams_put(&p.end[A].ss, p.now, s, al_view(bytes + SHORT, LONG - SHORT), &taken);
  pair_run(&p, AL_SECOND, 0);
  tap_ok(taken == LONG - SHORT && right(LONG), "what is written later follows");
  pair_clear(&p);
}

static void test_whole(void) {
  (void)begin(true, SHORT, true);
  pair_run(&p, 15000, 0);
  tap_ok(asked() != 0 && right(SHORT), "all of it comes with the request");
  tap_ok(pair_last(&p, B, AL_STREAM_EV_FIN) == NULL, "its end is not told before");
  accept_it();
  tap_ok(pair_last(&p, B, AL_STREAM_EV_FIN) != NULL, "but when it is accepted");
  al_stream b = asked();
  tap_ok(al_streams_shut(&p.end[B].ss, p.now, b) == AL_OK, "the other side ends, too");
  pair_run(&p, AL_SECOND, 0);
  tap_ok(pair_last(&p, A, AL_STREAM_EV_CLOSED) != NULL &&
             pair_last(&p, B, AL_STREAM_EV_CLOSED) != NULL,
         "and it is closed at both");
  pair_clear(&p);
}

static void test_more_than_fits(void) {
  (void)begin(true, LONG, false);
  pair_run(&p, 200000, 0);
  tap_ok(asked() != 0 && p.end[B].got_len > 900 && p.end[B].got_len < AL_STREAM_PAYLOAD_BYTES,
         "as much as fits comes with the request: %zu", p.end[B].got_len);
  accept_it();
  pair_run(&p, AL_SECOND, 0);
  tap_ok(right(LONG), "the rest when it is accepted");
  pair_clear(&p);
}

static void test_not_wanted(void) {
  (void)begin(false, SHORT, false);
  pair_run(&p, 200000, 0);
  tap_ok(asked() != 0 && p.end[B].got_len == 0, "without being told to, nothing goes early");
  accept_it();
  pair_run(&p, AL_SECOND, 0);
  tap_ok(right(SHORT), "it goes when it is accepted");
  pair_clear(&p);
}

static void test_lost(void) {
  static uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
  (void)begin(true, SHORT, true);
  tap_ok(pair_fill(&p, A, payload), "the first packet is lost");
  pair_run(&p, AL_SECOND, 0);
  tap_ok(asked() != 0 && right(SHORT), "both come again, together");
  accept_it();
  tap_ok(pair_give(&p, B, payload) == AL_STREAM_TAKE && right(SHORT), "the first one, late: once");
  pair_run(&p, AL_SECOND, 0);
  tap_ok(right(SHORT) && pair_last(&p, B, AL_STREAM_EV_FIN) != NULL, "and its end");
  pair_clear(&p);
}

static void test_refused(void) {
  (void)begin(true, SHORT, false);
  pair_run(&p, 15000, 0);
  al_streams_reset(&p.end[B].ss, p.now, asked(), 4);
  pair_run(&p, AL_SECOND, 0);
  const al_stream_event *ev = pair_last(&p, A, AL_STREAM_EV_RESET);
  tap_ok(ev != NULL && ev->reason == 4, "a refusal is told");
  pair_clear(&p);
}

/* What an honest peer does not send. */
static void test_by_hand(void) {
  pair_packet k;
  pair_init(&p, &small);
  packet_begin(&k, 1);
  packet_open(&k, 0, "*");
  packet_data(&k, 0, 5, al_view("abc", 3), false);
  tap_ok(pair_give(&p, B, k.payload) == AL_STREAM_DROP, "first bytes that are not the first");
  tap_is_u64(pair_counter(&p, B, AL_COUNT_stream_parse), 1, "stream_parse");
  packet_begin(&k, 2);
  packet_open(&k, 0, "*");
  packet_data(&k, 0, 0, al_view("abc", 3), false);
  tap_ok(pair_give(&p, B, k.payload) == AL_STREAM_TAKE && p.end[B].got_len == 3, "first bytes");
  packet_begin(&k, 3);
  packet_data(&k, 0, 3, al_view("def", 3), false);
  tap_ok(pair_give(&p, B, k.payload) == AL_STREAM_DROP, "more before it is accepted");
  tap_is_u64(pair_counter(&p, B, AL_COUNT_stream_early), 1, "stream_early: as if lost");
  packet_begin(&k, 4);
  packet_data(&k, 0, 3, al_view("", 0), true);
  tap_ok(pair_give(&p, B, k.payload) == AL_STREAM_DROP, "nor its end");
  packet_begin(&k, 5);
  packet_data(&k, 0, 0, al_view("abc", 3), false);
  tap_ok(pair_give(&p, B, k.payload) == AL_STREAM_TAKE && p.end[B].got_len == 3,
         "a copy says nothing new");
  packet_begin(&k, 6);
  packet_open(&k, 2, "*");
  packet_data(&k, 2, 0, al_view("xyz", 3), false);
  packet_data(&k, 2, 0, al_view("uvw", 3), false);
  tap_ok(pair_give(&p, B, k.payload) == AL_STREAM_TAKE && p.end[B].got_len == 6 &&
             memcmp(p.end[B].got, "abcxyz", 6) == 0,
         "first bytes twice in a packet: the first ones");
  accept_it();
  packet_begin(&k, 3);
  packet_data(&k, 0, 3, al_view("def", 3), false);
  al_stream first = p.end[B].log[0].stream;
  tap_ok(al_streams_accept(&p.end[B].ss, p.now, first) == AL_OK, "the first one, too");
  tap_ok(pair_give(&p, B, k.payload) == AL_STREAM_TAKE && p.end[B].got_len == 9,
         "what came too early, sent again: it was not acknowledged");
  pair_clear(&p);
}

int main(void) {
  test_with_open();
  test_whole();
  test_more_than_fits();
  test_not_wanted();
  test_lost();
  test_refused();
  test_by_hand();
  return tap_done();
}
