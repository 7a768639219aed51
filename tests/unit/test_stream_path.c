/* Several paths of one bundle: which one is in use, what happens when one falls silent or is lost.
 * Packets are carried by hand between ends that are numbered alike. */
#include "stream/internal.h"
#include "stream_pair.h"

enum { PATHS = 3, CARRY_US = 10000, FAR_US = 150000 };

static pair p;
static const al_streams_config usual = {
    .streams_max = 16, .bundles_max = 2, .stream_window = 262144};

static al_time carry_us = CARRY_US;
static bool dead[PATHS];          /* packets on it vanish */
static int deaf = -1;             /* packets to this end vanish on path 0 */
static unsigned filled[2][PATHS]; /* packets sent, by sender */

typedef struct flying {
  uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
  al_time at;
  int to;
  uint32_t path;
} flying;
static flying air[4096];
static unsigned air_head, air_tail;

static void carry(int from) {
  pair_end *e = &p.end[from];
  for (uint32_t path = 0; path < PATHS; path++) {
    uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
    while (al_bundle_fill(&e->ss, e->b, path, p.now, payload)) {
      filled[from][path]++;
      if (dead[path] || (path == 0 && deaf == 1 - from)) continue;
      flying *f = &air[air_tail++ % 4096];
      memcpy(f->payload, payload, sizeof payload);
      *f = (flying){.at = p.now + carry_us, .to = 1 - from, .path = path};
      memcpy(f->payload, payload, sizeof payload);
    }
  }
}

/* Time passes in steps of 1 ms. */
static void run(al_time us) {
  for (al_time end = p.now + us; p.now < end; p.now += 1000) {
    for (; air_head != air_tail && air[air_head % 4096].at <= p.now; air_head++) {
      flying *f = &air[air_head % 4096];
      pair_end *e = &p.end[f->to];
      if (dead[f->path]) continue;
      (void)al_bundle_rx(&e->ss, e->b, f->path, p.now, al_view(f->payload, sizeof f->payload));
      pair_drain(&p, f->to);
    }
    for (int i = 0; i < 2; i++) {
      al_streams_tick(&p.end[i].ss, p.now);
      pair_drain(&p, i);
      while (al_streams_next(&p.end[i].ss) != 0) {
      }
      carry(i);
    }
  }
}

static void begin(al_stream s[2]) {
  memset(dead, 0, sizeof dead);
  memset(filled, 0, sizeof filled);
  air_head = air_tail = 0;
  pair_init(&p, &usual);
  s[A] = pair_open(&p, "example.org");
  run(3 * carry_us);
  const al_stream_event *ev = pair_last(&p, B, AL_STREAM_EV_REQUEST);
  s[B] = ev->stream;
  tap_ok(al_streams_accept(&p.end[B].ss, p.now, s[B]) == AL_OK, "accepted");
  run(6 * carry_us);
  for (int i = 0; i < 2; i++)
    tap_ok(al_bundle_add_path(&p.end[i].ss, p.end[i].b, 1, p.now, 20000) == AL_OK, "a second path");
}

static uint8_t byte_at(uint64_t i) { return (uint8_t)(i * 7 + i / 253); }

static void put(int i, al_stream s, uint64_t from, size_t len) {
  static uint8_t chunk[65536];
  size_t taken = 0;
  for (size_t k = 0; k < len; k++) chunk[k] = byte_at(from + k);
  tap_ok(
      al_streams_put(&p.end[i].ss, p.now, s, al_view(chunk, len), &taken) == AL_OK && taken == len,
      "%zu bytes are written", len);
}

static bool right(int i, size_t len) {
  bool ok = p.end[i].got_len == len;
  for (size_t k = 0; ok && k < len; k++) ok = p.end[i].got[k] == byte_at(k);
  return ok;
}

static al_bundle_info look(int i, uint32_t path) {
  al_bundle_info info = {0};
  tap_ok(al_bundle_look(&p.end[i].ss, p.end[i].b, path, &info), "path %u is there", path);
  return info;
}

static void end(void) {
  for (int i = 0; i < 2; i++) {
    al_streams_clear(&p.end[i].ss);
    tap_ok(test_alloc_clean(&p.end[i].ta), "nothing leaked");
  }
}

static void test_stands_by(void) {
  al_stream s[2];
  begin(s);
  put(A, s[A], 0, 50000);
  run(AL_SECOND);
  tap_ok(right(B, 50000), "they arrive");
  tap_ok(filled[A][1] == 0 && filled[B][1] == 0, "the second path stands by: nothing goes there");
  tap_ok(look(A, 0).in_use && !look(A, 1).in_use, "which is told");
  end();
}

/* The sender notices: three probe time-outs without an answer. */
static void test_sender_suspects(void) {
  al_stream s[2];
  begin(s);
  put(A, s[A], 0, 20000);
  run(300000);
  tap_ok(right(B, 20000), "some arrive");
  dead[0] = true;
  put(A, s[A], 20000, 40000);
  al_time from = p.now;
  uint64_t pto = al_flight_probe_us(al_path_open(al_bundle_at(&p.end[A].ss, p.end[A].b), 0), 0);
  while (pair_last(&p, A, AL_STREAM_EV_SUSPECT) == NULL && p.now < from + AL_SECOND) run(1000);
  const al_stream_event *ev = pair_last(&p, A, AL_STREAM_EV_SUSPECT);
  tap_ok(ev != NULL && ev->path == 0 && ev->bundle_user == 77, "the path is suspected");
  tap_ok(p.now - from >= 3 * pto && p.now - from < 3 * pto + 20000,
         "after three probe time-outs: %u of %u us", (unsigned)(p.now - from), (unsigned)pto);
  tap_ok(look(A, 0).suspected && look(A, 1).in_use, "the other path takes its place");
  run(100000);
  tap_ok(right(B, 60000), "with all that was under way");
  unsigned sent = filled[A][0];
  run(AL_SECOND);
  tap_ok(filled[A][0] > sent && filled[A][0] - sent < 8, "a PING now and then goes the old way");
  dead[0] = false;
  run(6 * AL_SECOND);
  tap_ok(!look(A, 0).suspected && look(A, 1).in_use, "it lives: it stands by from now on");
  dead[1] = true;
  put(A, s[A], 60000, 30000);
  run(AL_SECOND);
  tap_ok(right(B, 90000) && look(A, 0).in_use, "and is used again when the other one falls silent");
  end();
}

/* On a long path with much under way three time-outs are not waited for: the other path answers.
 * When it does not either, it may be the other end. */
static void test_other_answers(bool both) {
  al_stream s[2];
  carry_us = FAR_US;
  begin(s);
  for (uint64_t at = 0; at < 200000; at += 20000) {
    put(A, s[A], at, 20000);
    run(100000);
  }
  dead[0] = true;
  dead[1] = both;
  al_time from = p.now;
  uint64_t pto = al_flight_probe_us(al_path_open(al_bundle_at(&p.end[A].ss, p.end[A].b), 0), 0);
  unsigned asked = filled[A][1];
  tap_ok(look(A, 0).flight >= 16, "much is under way: %u", look(A, 0).flight);
  run(300000);
  tap_ok(filled[A][1] - asked == 1, "one PING asks beside");
  while (pair_last(&p, A, AL_STREAM_EV_SUSPECT) == NULL && p.now < from + 3 * AL_SECOND) run(1000);
  from = al_path_open(al_bundle_at(&p.end[A].ss, p.end[A].b), 0)->silent_since;
  if (both)
    tap_ok(p.now - from >= 3 * pto && p.now - from < 3 * pto + 90000,
           "both silent: suspected after three time-outs, %u ms", (unsigned)(p.now - from) / 1000);
  else
    tap_ok(p.now - from >= 500000 && p.now - from < 2 * pto,
           "the other one answers: suspected after %u ms, a time-out is %u",
           (unsigned)(p.now - from) / 1000, (unsigned)pto / 1000);
  dead[1] = false;
  run(20 * AL_SECOND);
  tap_ok(right(B, 200000), "all arrives");
  carry_us = CARRY_US;
  end();
}

/* Both fall silent: whichever answers first is used. */
static void test_both_silent(void) {
  al_stream s[2];
  begin(s);
  dead[0] = dead[1] = true;
  put(A, s[A], 0, 30000);
  run(20 * AL_SECOND);
  tap_ok(look(A, 0).suspected, "the first path is suspected");
  tap_ok(look(A, 1).suspected && look(A, 1).in_use, "the second, too, and stays in use");
  dead[1] = false;
  run(20 * AL_SECOND);
  tap_ok(right(B, 30000), "it comes back: all arrives");
  end();
}

static uint64_t resent(void) { return pair_counter(&p, A, AL_COUNT_stream_retransmit); }

/* In a steady flow the acknowledgements stop at once, long before the newest packet is overdue. And
 * what has come, though that was not heard, does not go out again. */
static void test_acks_lost(void) {
  al_stream s[2];
  begin(s);
  put(A, s[A], 0, 20000);
  run(300000);
  uint64_t before = resent(), sent = 20000;
  al_time from = p.now;
  deaf = A;
  const al_path *path = al_path_open(al_bundle_at(&p.end[A].ss, p.end[A].b), 0);
  for (; sent < 250000 && !path->suspected; sent += 300) {
    put(A, s[A], sent, 300);
    run(1000);
  }
  tap_ok(p.now - from < 400000, "a flow whose acknowledgements stop: suspected after %u us",
         (unsigned)(p.now - from));
  run(200000);
  deaf = -1;
  tap_ok(right(B, (size_t)sent) && look(A, 1).in_use, "the other path goes on");
  tap_ok(resent() - before < (sent - 20000) / 300 / 8, "%u of %u packets went out again",
         (unsigned)(resent() - before), (unsigned)((sent - 20000) / 300));
  run(AL_SECOND);
  tap_ok(look(A, 0).flight == 0 && look(A, 1).flight == 0, "nothing is left over");
  end();
}

/* Who claims to have what was not sent breaks a rule. */
static void test_have_too_much(void) {
  al_stream s[2];
  begin(s);
  put(A, s[A], 0, 5000);
  run(300000);
  uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
  al_wr w = al_wr_init(payload, sizeof payload);
  al_wr_u8(&w, AL_STREAM_KIND_BUNDLE);
  al_wr_u32(&w, 4000);
  al_frame_put(&w, &(al_frame){.type = AL_FRAME_HAVE, .stream = 0, .offset = 5001});
  al_wr_zero(&w, al_wr_left(&w));
  (void)al_bundle_rx(&p.end[A].ss, p.end[A].b, 0, p.now, al_view(payload, sizeof payload));
  pair_drain(&p, A);
  tap_is_u64(pair_counter(&p, A, AL_COUNT_stream_state), 1, "stream_state: more than was sent");
  tap_ok(pair_last(&p, A, AL_STREAM_EV_RESET) != NULL, "ends the stream");
  run(100000);
  end();
}

/* Who only receives asks when the data stops, and finds the path dead. */
static void test_receiver_doubts(void) {
  al_stream s[2];
  begin(s);
  put(B, s[B], 0, 20000);
  run(300000);
  tap_ok(right(A, 20000), "data towards the opener");
  unsigned sent = filled[A][0];
  run(AL_SECOND);
  tap_ok(filled[A][0] - sent <= 1, "then one PING at most: %u", filled[A][0] - sent);
  put(B, s[B], 20000, 1000);
  run(50000);
  dead[0] = true;
  al_time from = p.now;
  while (pair_last(&p, A, AL_STREAM_EV_SUSPECT) == NULL && p.now < from + 2 * AL_SECOND) run(1000);
  tap_ok(p.now - from < AL_SECOND, "silence after data is noticed: %u ms",
         (unsigned)((p.now - from) / 1000));
  tap_ok(pair_last(&p, B, AL_STREAM_EV_SUSPECT) == NULL, "by the receiver alone");
  end();
}

/* ... and when much came, at once and on all paths. */
static void test_receiver_asks(bool much) {
  al_stream s[2];
  begin(s);
  for (uint64_t sent = 0; sent < 60000; sent += 300) {
    put(B, s[B], sent, 300);
    run(much ? 1000 : 10000);
  }
  run(100000);
  unsigned used = filled[A][0], beside = filled[A][1];
  al_time from = p.now;
  while (filled[A][1] == beside && p.now < from + 300 * AL_MS) run(1000);
  if (much)
    tap_ok(filled[A][0] - used == 1 && filled[A][1] - beside == 1 && p.now - from < 150 * AL_MS,
           "200 packets in 200 ms, then none: all paths are asked");
  else
    tap_ok(filled[A][1] == beside, "in 2 s: only the one that is silent");
  run(AL_SECOND);
  tap_ok(pair_last(&p, A, AL_STREAM_EV_SUSPECT) == NULL && look(A, 0).in_use, "both answer");
  end();
}

static void test_lost(void) {
  al_stream s[2];
  begin(s);
  put(A, s[A], 0, 60000);
  run(3000);
  for (int i = 0; i < 2; i++) al_bundle_path_lost(&p.end[i].ss, p.end[i].b, 0, p.now);
  dead[0] = true;
  al_time from = p.now;
  while (!right(B, 60000) && p.now < from + 10 * AL_SECOND) run(1000);
  tap_ok(p.now - from < AL_SECOND / 2, "a path that is lost is replaced at once: %u ms",
         (unsigned)((p.now - from) / 1000));
  tap_ok(look(A, 1).in_use, "by the one that stood by");
  for (int i = 0; i < 2; i++) al_bundle_path_lost(&p.end[i].ss, p.end[i].b, 1, p.now);
  put(B, s[B], 0, 30000);
  run(40 * AL_SECOND);
  tap_ok(p.end[A].got_len == 0 && pair_last(&p, B, AL_STREAM_EV_SILENT) == NULL,
         "without a path the stream waits");
  for (int i = 0; i < 2; i++)
    tap_ok(al_bundle_add_path(&p.end[i].ss, p.end[i].b, 2, p.now, 20000) == AL_OK, "a third path");
  run(AL_SECOND);
  tap_ok(right(A, 30000), "and it goes on");
  end();
}

/* A circuit leaves a bundle of its own for another one. */
static void test_move(void) {
  al_stream s[2];
  uint32_t at = 99;
  begin(s);
  al_streams *ss = &p.end[A].ss;
  al_bundle own;
  al_bundle_info info;
  tap_ok(al_bundle_open(ss, true, 78, &own) == AL_OK, "another bundle");
  tap_ok(al_bundle_add_path(ss, own, 0, p.now, 20000) == AL_OK, "with a circuit");
  al_bundle_mover m = {.from = own, .to = p.end[A].b, .path = 0, .now = p.now};
  p.end[A].ta.closed = true;
  tap_ok(al_bundle_move_path(ss, &m, &at) == AL_OK && at == 2, "it becomes the third of the first");
  p.end[A].ta.closed = false;
  tap_ok(!al_bundle_look(ss, own, 0, &info), "and is gone from its own");
  tap_ok(al_bundle_look(ss, own, AL_BUNDLE_PATHS_MAX, &info) && info.user == 78, "which stays");
  tap_ok(look(A, 0).in_use && !look(A, 2).in_use, "it stands by");
  tap_ok(al_bundle_move_path(ss, &m, &at) == AL_ENOTFOUND, "once");
  al_bundle_close(ss, own, 0);
  al_bundle_ping(ss, p.end[A].b, 1, p.now);
  al_bundle_ping(ss, p.end[A].b, 7, p.now); /* unknown: nothing */
  run(1000);
  tap_ok(filled[A][1] == 1, "a PING on a path that stands by");
  m = (al_bundle_mover){.from = p.end[A].b, .to = p.end[A].b, .path = 1, .now = p.now};
  tap_ok(al_bundle_move_path(ss, &m, &at) == AL_ESTATE, "what is under way stays where it is");
  run(100000);
  tap_ok(look(A, 1).flight == 0, "it is answered");
  end();
}

int main(void) {
  test_move();
  test_stands_by();
  test_sender_suspects();
  test_other_answers(false);
  test_other_answers(true);
  test_acks_lost();
  test_have_too_much();
  test_both_silent();
  test_receiver_doubts();
  test_receiver_asks(true);
  test_receiver_asks(false);
  test_lost();
  return tap_done();
}
