/* The life of tables, bundles, paths and streams: opening, both ends, reset, detach, limits,
 * memory. */
#include <stdlib.h>

#include "stream/internal.h"
#include "stream_pair.h"

static pair p;
static const al_streams_config usual = {
    .streams_max = 16, .bundles_max = 2, .stream_window = 65536};

static bool put(int i, al_stream s, const char *text) {
  size_t taken = 0;
  al_bytes b = {(const uint8_t *)text, strlen(text)};
  return al_streams_put(&p.end[i].ss, p.now, s, b, &taken) == AL_OK && taken == b.len;
}

static uint32_t live(int i) { return al_slab_count(&p.end[i].ss.streams); }

static void test_config(void) {
  static const al_streams_config bad[] = {
      {.bundles_max = 1},
      {.streams_max = 1},
      {.streams_max = 1, .bundles_max = 1, .stream_window = 100},
      {.streams_max = 1, .bundles_max = 1, .packets_max = 100},
      {.streams_max = 1, .bundles_max = 1, .packets_max = 16384},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    al_streams ss;
    test_alloc ta;
    al_rng rng;
    al_counters c;
    static const uint8_t seed[32] = {3};
    al_rng_init(&rng, &test_chacha_suite, seed);
    al_streams_config k = bad[i];
    k.alloc = test_alloc_bind(&ta);
    k.rng = &rng;
    k.counters = &c;
    tap_ok(al_streams_init(&ss, &k) == AL_EINVAL, "a configuration out of range, %zu", i);
  }
  al_streams zero;
  memset(&zero, 0, sizeof zero);
  al_streams_clear(&zero);
  tap_ok(true, "clearing zeros");
}

static void test_life(void) {
  al_stream s[2];
  pair_init(&p, &usual);
  s[A] = pair_open(&p, "example.org");
  al_streams_set_user(&p.end[A].ss, s[A], 4711);
  tap_ok(put(A, s[A], "GET"), "written before it is open");
  pair_run(&p, 30000, 0);
  const al_stream_event *ev = pair_last(&p, B, AL_STREAM_EV_REQUEST);
  tap_ok(ev != NULL && ev->target.kind == 1 && ev->target.port == 443 &&
             ev->target.host.len == 11 && strcmp(p.end[B].host, "example.org") == 0,
         "the other end is asked for the target");
  s[B] = ev->stream;
  tap_ok(p.end[B].got_len == 0, "data waits for the answer");
  tap_ok(!put(B, s[B], "x"), "nothing is written before accepting");
  tap_ok(al_streams_shut(&p.end[B].ss, p.now, s[B]) == AL_ESTATE, "nor shut");
  tap_ok(al_streams_accept(&p.end[A].ss, p.now, s[A]) == AL_ESTATE, "one's own is not accepted");
  tap_ok(al_streams_accept(&p.end[B].ss, p.now, s[B]) == AL_OK, "accepted");
  tap_ok(al_streams_accept(&p.end[B].ss, p.now, s[B]) == AL_ESTATE, "once");
  pair_run(&p, 100000, 0);
  ev = pair_last(&p, A, AL_STREAM_EV_OPENED);
  tap_ok(ev != NULL && ev->user == 4711 && ev->bundle_user == 77 && ev->stream == s[A], "opened");
  tap_ok(p.end[B].got_len == 3 && memcmp(p.end[B].got, "GET", 3) == 0, "data follows");
  tap_ok(al_stream_at(&p.end[A].ss, s[A])->tx.head == 0,
         "the empty ring begins at its first place");
  tap_ok(al_streams_bundle(&p.end[B].ss, s[B]) == p.end[B].b, "its bundle");
  tap_ok(al_streams_shut(&p.end[A].ss, p.now, s[A]) == AL_OK, "A has no more");
  tap_ok(al_streams_shut(&p.end[A].ss, p.now, s[A]) == AL_OK, "said twice");
  tap_ok(!put(A, s[A], "more"), "and writes no more");
  pair_run(&p, 100000, 0);
  tap_ok(pair_last(&p, B, AL_STREAM_EV_FIN) != NULL, "B hears of it");
  tap_ok(pair_last(&p, B, AL_STREAM_EV_CLOSED) == NULL, "half-closed");
  tap_ok(put(B, s[B], "200 OK"), "B still writes");
  pair_run(&p, 100000, 0);
  tap_ok(p.end[A].got_len == 6, "and A reads");
  (void)al_streams_shut(&p.end[B].ss, p.now, s[B]);
  pair_run(&p, 100000, 0);
  ev = pair_last(&p, A, AL_STREAM_EV_CLOSED);
  tap_ok(ev != NULL && ev->user == 4711 && ev->reason == 0, "closed at A");
  tap_ok(pair_last(&p, B, AL_STREAM_EV_CLOSED) != NULL, "closed at B");
  tap_ok(live(A) == 0 && live(B) == 0, "nothing is left");
  tap_ok(!put(A, s[A], "x") && al_streams_bundle(&p.end[A].ss, s[A]) == 0, "the handles are dead");
  size_t before = p.end[A].ta.bytes_out;
  al_streams_reap(&p.end[A].ss);
  tap_ok(before - p.end[A].ta.bytes_out > 2 * 65536, "the buffers go with the next command");
  pair_clear(&p);
}

static void test_reset(void) {
  al_stream s[2];
  pair_init(&p, &usual);
  pair_connect(&p, s);
  (void)put(A, s[A], "some data that will not matter");
  al_streams_reset(&p.end[B].ss, p.now, s[B], 14);
  tap_ok(!put(B, s[B], "x"), "B's handle is dead at once");
  tap_ok(live(B) == 1, "the item waits");
  p.sent = 0;
  pair_run(&p, 1000000, 2);
  const al_stream_event *ev = pair_last(&p, A, AL_STREAM_EV_RESET);
  tap_ok(ev != NULL && ev->stream == s[A] && ev->reason == 14, "A is told why");
  tap_ok(pair_last(&p, B, AL_STREAM_EV_RESET) == NULL, "B is not");
  tap_ok(live(A) == 0 && live(B) == 0, "acknowledged: nothing is left");

  s[A] = pair_open(&p, "never.example");
  al_streams_reset(&p.end[A].ss, p.now, s[A], 14);
  tap_ok(live(A) == 0, "reset before OPEN went out: nothing happened");
  int asked = p.end[B].count;
  pair_run(&p, 100000, 0);
  tap_ok(p.end[B].count == asked, "B is not asked");

  s[A] = pair_open(&p, "refused.example");
  pair_run(&p, 30000, 0);
  s[B] = pair_last(&p, B, AL_STREAM_EV_REQUEST)->stream;
  al_streams_reset(&p.end[B].ss, p.now, s[B], 1);
  pair_run(&p, 100000, 0);
  ev = pair_last(&p, A, AL_STREAM_EV_RESET);
  tap_ok(ev != NULL && ev->stream == s[A] && ev->reason == 1, "B refuses: A hears POLICY");
  tap_ok(pair_last(&p, A, AL_STREAM_EV_OPENED) == NULL ||
             pair_last(&p, A, AL_STREAM_EV_OPENED)->stream != s[A],
         "and was never opened");

  pair_connect(&p, s);
  al_streams_reset(&p.end[A].ss, p.now, s[A], 14);
  al_streams_reset(&p.end[B].ss, p.now, s[B], 14);
  pair_run(&p, 300000, 0);
  tap_ok(live(A) == 0 && live(B) == 0, "both at once");
  al_streams_reset(&p.end[A].ss, p.now, s[A], 14);
  al_streams_reset(&p.end[A].ss, p.now, 0, 14);
  tap_ok(true, "dead handles are ignored");
  pair_clear(&p);
}

static void test_detach(void) {
  pair_init(&p, &usual);
  al_streams *ss = &p.end[A].ss;
  al_stream s = 0, t = 0;
  al_stream_target to = {4, 80, {(const uint8_t *)"\1\2\3\4", 4}};
  tap_ok(al_streams_open(ss, p.now, 0, &to, &s) == AL_OK, "a stream on no bundle");
  tap_ok(put(A, s, "early"), "can be written to");
  uint32_t cursor = 0;
  tap_ok(al_streams_each(ss, 0, &cursor) == s && al_streams_each(ss, 0, &cursor) == 0, "is found");
  tap_ok(al_streams_detach(ss, s) == AL_ESTATE, "is on none");
  tap_ok(al_streams_attach(ss, p.now, s, 999) == AL_ENOTFOUND, "no such bundle");
  al_bundle other = 0;
  tap_ok(al_bundle_open(ss, true, 5, &other) == AL_OK, "a bundle whose circuit will fail");
  tap_ok(al_bundle_add_path(ss, other, 0, p.now, 0) == AL_OK, "with a path");
  tap_ok(al_streams_attach(ss, p.now, s, other) == AL_OK, "attached to it");
  tap_ok(al_streams_attach(ss, p.now, s, other) == AL_ESTATE, "once");
  tap_ok(al_streams_open(ss, p.now, other, &to, &t) == AL_OK, "another one");
  cursor = 0;
  tap_ok(al_streams_each(ss, other, &cursor) == s && al_streams_each(ss, other, &cursor) == t,
         "both are found");
  tap_ok(al_streams_detach(ss, s) == AL_OK && al_streams_bundle(ss, s) == 0, "taken off it");
  al_bundle_close(ss, other, 9);
  al_bundle_close(ss, other, 9);
  tap_ok(al_streams_next(ss) == 0, "a closed bundle has nothing to send");
  pair_drain(&p, A);
  const al_stream_event *ev = pair_last(&p, A, AL_STREAM_EV_RESET);
  tap_ok(ev != NULL && ev->stream == t && ev->reason == 9 && ev->bundle_user == 5 &&
             ev->bundle == other,
         "closing it resets the other one");
  tap_ok(al_streams_attach(ss, p.now, s, p.end[A].b) == AL_OK, "attached to the one that works");
  pair_run(&p, 30000, 0);
  (void)al_streams_accept(&p.end[B].ss, p.now, pair_last(&p, B, AL_STREAM_EV_REQUEST)->stream);
  pair_run(&p, 100000, 0);
  tap_ok(p.end[B].got_len == 5, "what was written early arrives");
  tap_ok(al_streams_detach(ss, s) == AL_ESTATE, "accepted: it stays");
  pair_clear(&p);
}

/* A stream that was asked for and leaves its bundle: the peer hears RESET. Not for ever. */
static void test_detach_asked(void) {
  pair_init(&p, &usual);
  al_streams *ss = &p.end[A].ss;
  al_stream_target to = {4, 80, {(const uint8_t *)"\1\2\3\4", 4}}, got;
  al_stream s = 0;
  tap_ok(al_streams_open(ss, p.now, p.end[A].b, &to, &s) == AL_OK, "a stream is asked for");
  pair_run(&p, 30000, 0);
  const al_stream_event *ev = pair_last(&p, B, AL_STREAM_EV_REQUEST);
  al_stream asked = ev != NULL ? ev->stream : 0;
  tap_ok(asked != 0 && !al_streams_target(&p.end[B].ss, asked, &got), "of the peer");
  tap_ok(al_streams_target(ss, s, &got) && got.kind == 4 && got.port == 80 && got.host.len == 4 &&
             memcmp(got.host.ptr, "\1\2\3\4", 4) == 0,
         "its target is told to who asked");
  tap_ok(al_streams_detach(ss, s) == AL_OK, "it leaves");
  al_bundle_touch(ss, p.end[A].b, al_bundle_at(ss, p.end[A].b), p.now);
  pair_run(&p, 100000, 0);
  ev = pair_last(&p, B, AL_STREAM_EV_RESET);
  tap_ok(ev != NULL && ev->stream == asked, "the peer hears RESET");
  for (int i = 1; i < AL_STREAM_MOVES_MAX; i++) {
    tap_ok(al_streams_attach(ss, p.now, s, p.end[A].b) == AL_OK, "asked for again");
    tap_ok(al_streams_detach(ss, s) == AL_OK, "and taken away");
  }
  tap_ok(al_streams_attach(ss, p.now, s, p.end[A].b) == AL_OK, "asked for once more");
  tap_ok(al_streams_detach(ss, s) == AL_EFULL, "then it stays");
  pair_run(&p, 100000, 0);
  tap_ok(pair_last(&p, B, AL_STREAM_EV_REQUEST)->stream != asked, "and is a new one for the peer");
  pair_clear(&p);
}

/* A path is lost with data on it; the bundle goes on over another one. */
static void test_path_lost(void) {
  al_stream s[2];
  pair_init(&p, &usual);
  pair_connect(&p, s);
  static uint8_t bulk[20000];
  for (size_t i = 0; i < sizeof bulk; i++) bulk[i] = (uint8_t)(i * 13);
  size_t taken;
  (void)al_streams_put(&p.end[A].ss, p.now, s[A], (al_bytes){bulk, sizeof bulk}, &taken);
  uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
  int n = 0;
  while (pair_fill(&p, A, payload)) n++;
  tap_ok(n > 2, "%d packets are lost with their path", n);
  for (int i = 0; i < 2; i++) {
    al_bundle b = p.end[i].b;
    al_bundle_path_lost(&p.end[i].ss, b, 0, p.now);
    tap_ok(!pair_fill(&p, i, payload), "nothing goes out on it");
    tap_ok(al_bundle_rx(&p.end[i].ss, b, 0, p.now, (al_bytes){payload, 1068}) == AL_STREAM_DROP,
           "nothing is taken from it");
    tap_ok(al_bundle_add_path(&p.end[i].ss, b, 8, p.now, 0) == AL_EINVAL, "there are eight paths");
    tap_ok(al_bundle_add_path(&p.end[i].ss, b, 3, p.now, 20000) == AL_OK, "another path");
    tap_ok(al_bundle_add_path(&p.end[i].ss, b, 3, p.now, 0) == AL_ESTATE, "in use");
  }
  for (int round = 0; round < 300 && p.end[B].got_len < sizeof bulk; round++) {
    for (int i = 0; i < 2; i++) {
      al_streams_tick(&p.end[i].ss, p.now);
      while (al_bundle_fill(&p.end[i].ss, p.end[i].b, 3, p.now, payload)) {
        (void)al_bundle_rx(&p.end[1 - i].ss, p.end[1 - i].b, 3, p.now, (al_bytes){payload, 1068});
        pair_drain(&p, 1 - i);
      }
    }
    p.now += 1000;
  }
  tap_ok(p.end[B].got_len == sizeof bulk && memcmp(p.end[B].got, bulk, sizeof bulk) == 0,
         "every byte arrives, once");
  al_bundle_info info;
  tap_ok(!al_bundle_look(&p.end[A].ss, p.end[A].b, 0, &info), "the old path is gone");
  tap_ok(al_bundle_add_path(&p.end[A].ss, p.end[A].b, 0, p.now, 0) == AL_OK, "its place is free");
  pair_clear(&p);
}

/* A bundle whose payloads are shorter writes no byte beyond them, and takes no others. */
static void test_payload(void) {
  static uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
  const al_streams_config c = {.streams_max = 8, .bundles_max = 2, .stream_window = 65536};
  const al_stream_target t = {1, 80, {(const uint8_t *)"x", 1}};
  al_stream s;
  pair_init(&p, &c);
  for (int i = 0; i < 2; i++) al_bundle_set_payload(&p.end[i].ss, p.end[i].b, 1045);
  (void)al_streams_open(&p.end[A].ss, p.now, p.end[A].b, &t, &s);
  memset(payload, 0x5a, sizeof payload);
  tap_ok(pair_fill(&p, A, payload), "a shorter packet");
  unsigned beyond = 0;
  for (size_t i = 1045; i < sizeof payload; i++) beyond += payload[i] != 0x5a;
  tap_is_u64(beyond, 0, "ends where it should");
  tap_ok(pair_give(&p, B, payload) == AL_STREAM_DROP, "another length is malformed");
  const al_bytes right = {payload, 1045};
  tap_ok(al_bundle_rx(&p.end[B].ss, p.end[B].b, 0, p.now, right) == AL_STREAM_TAKE, "its own not");
  pair_drain(&p, B);
  tap_ok(pair_last(&p, B, AL_STREAM_EV_REQUEST) != NULL, "and it says what it should");
  pair_clear(&p);
}

static void test_limits(void) {
  pair_init(&p, &(al_streams_config){.streams_max = 3, .bundles_max = 1, .stream_window = 4096});
  al_streams *ss = &p.end[A].ss;
  al_bundle b;
  tap_ok(al_bundle_open(ss, true, 0, &b) == AL_EFULL, "bundles are bounded");
  al_stream_target to = {1, 80, {(const uint8_t *)"x", 1}}, no = {1, 0, {(const uint8_t *)"x", 1}};
  al_stream s;
  tap_ok(al_streams_open(ss, p.now, 777, &to, &s) == AL_ENOTFOUND, "no such bundle");
  tap_ok(al_streams_open(ss, p.now, p.end[A].b, &no, &s) == AL_EINVAL, "no such target");
  for (int i = 0; i < 3; i++) (void)pair_open(&p, "x.example");
  tap_ok(al_streams_open(ss, p.now, p.end[A].b, &to, &s) == AL_EFULL, "streams are bounded");
  pair_run(&p, 100000, 0);
  const al_stream_event *ev = pair_last(&p, B, AL_STREAM_EV_REQUEST);
  p.end[B].ta.closed = true;
  tap_ok(al_streams_accept(&p.end[B].ss, p.now, ev->stream) == AL_ENOMEM, "no memory to accept");
  p.end[B].ta.closed = false;
  p.end[B].ta.breaches = 0;
  tap_ok(al_streams_accept(&p.end[B].ss, p.now, ev->stream) == AL_OK, "later there is");
  pair_clear(&p);
}

/* Each request for memory fails in turn. */
static void test_memory(void) {
  int worked = 0;
  bool clean = true;
  for (uint64_t n = 1; n < 40; n++) {
    test_alloc ta;
    al_counters c = {0};
    al_rng rng;
    static const uint8_t seed[32] = {3};
    al_rng_init(&rng, &test_chacha_suite, seed);
    al_streams_config k = usual;
    k.alloc = test_alloc_bind(&ta);
    k.rng = &rng;
    k.counters = &c;
    ta.fail_from = n;
    al_streams ss;
    al_bundle b;
    al_stream s;
    al_stream_target to = {1, 80, {(const uint8_t *)"x", 1}};
    if (al_streams_init(&ss, &k) == AL_OK) {
      if (al_bundle_open(&ss, true, 0, &b) == AL_OK &&
          al_bundle_add_path(&ss, b, 0, 0, 0) == AL_OK &&
          al_streams_open(&ss, 0, b, &to, &s) == AL_OK)
        worked++;
      al_streams_clear(&ss);
    }
    clean = clean && test_alloc_clean(&ta);
  }
  tap_ok(clean, "whichever allocation fails, nothing leaks");
  tap_ok(worked > 20 && worked < 39, "and with enough of them it works");
  printf("# bytes: stream item %zu, bundle item %zu, path %zu + %zu a packet, table %zu\n",
         sizeof(al_stream_item), sizeof(al_bundle_item), sizeof(al_path), sizeof(al_sent),
         sizeof(al_streams));
  tap_ok(sizeof(al_stream_item) <= 400 && sizeof(al_sent) <= 64, "items are small");
}

int main(void) {
  test_config();
  test_life();
  test_reset();
  test_detach();
  test_detach_asked();
  test_path_lost();
  test_payload();
  test_limits();
  test_memory();
  return tap_done();
}
