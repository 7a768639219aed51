/* Data frames: sealing and opening, counters, replays, malformed cells, the end of a link. */
#include "test_link_net.h"

static void test_seal_open(const al_suite *suite) {
  uint8_t key[32], plain[AL_FRAME_BYTES], frame[AL_FRAME_BYTES];
  test_rand_bytes(key, sizeof key);
  test_rand_bytes(plain, sizeof plain);
  const uint64_t counter = 0x0200000000000007;
  memcpy(frame, plain, sizeof frame);
  al_link_frame_seal(suite, key, counter, frame);
  tap_ok(al_load_u64(frame) == counter, "%s: counter in front", suite->name);
  tap_ok(memcmp(frame + 8, plain + 8, AL_CELL_BYTES) != 0, "the cell is not in clear");
  /* By hand: PROTOCOL.md 4.1 and 4.3. */
  uint8_t by_hand[AL_CELL_BYTES], tag[AL_TAG_BYTES];
  memcpy(by_hand, plain + 8, sizeof by_hand);
  suite->seal(by_hand, sizeof by_hand, tag, key, counter, al_view(NULL, 0));
  tap_is_mem(frame + 8, by_hand, sizeof by_hand, "ciphertext");
  tap_is_mem(frame + 1104, tag, sizeof tag, "tag");
  unsigned refused = 0;
  for (size_t i = 0; i < AL_FRAME_BYTES; i++) {
    uint8_t bent[AL_FRAME_BYTES], before[AL_FRAME_BYTES];
    memcpy(bent, frame, sizeof bent);
    bent[i] = (uint8_t)(bent[i] ^ (1u << test_rand_below(8)));
    memcpy(before, bent, sizeof bent);
    if (!al_link_frame_open(suite, key, bent) && memcmp(before, bent, sizeof bent) == 0) refused++;
  }
  tap_is_u64(refused, AL_FRAME_BYTES, "a bit turned in any byte: refused, frame untouched");
  tap_ok(al_link_frame_open(suite, key, frame), "opens");
  tap_is_mem(frame + 8, plain + 8, AL_CELL_BYTES, "and is what it was");
}

/* What a neighbour that does not keep to the rules can send: any cell, sealed with its keys. */
static void evil(net *t, unsigned from, const uint8_t head[AL_CELL_HEADER_BYTES],
                 uint8_t frame[AL_FRAME_BYTES]) {
  net_node *n = &t->n[from];
  al_link_session *s = al_link_session_get(&n->ls, n->link[0]);
  memset(frame, 0, AL_FRAME_BYTES);
  memcpy(frame + AL_LINK_CELL_AT, head, AL_CELL_HEADER_BYTES);
  al_link_frame_seal(n->ls.cfg.suite, al_link_tx_key(&n->ls, s),
                     (uint64_t)s->tx_phase << AL_LINK_PHASE_BITS | s->tx_number++, frame);
}

static void test_counters(const al_suite *suite) {
  net *t = net_new(suite);
  net_start(t, suite);
  net_dial(t, 0, 0);
  net_pass(t, AL_SECOND);
  uint8_t frame[AL_FRAME_BYTES], old[AL_FRAME_BYTES], copy[AL_FRAME_BYTES];
  uint8_t head[AL_CELL_HEADER_BYTES] = {1, 0, 0, 0, AL_CELL_CIRCUIT};
  al_link_session *s = al_link_session_get(&t->n[0].ls, t->n[0].link[0]);
  s->tx_number = 100;
  evil(t, 0, head, old);
  tap_is_u64(al_load_u64(old), 100, "phase 0, number 100");
  for (unsigned i = 0; i < 3; i++) {
    memcpy(copy, old, sizeof copy);
    tap_ok(net_deliver(t, 1, 0, copy, sizeof copy) == (i == 0 ? AL_LINK_CELL : AL_LINK_DROP),
           "once, not again (%u)", i);
  }
  tap_is_u64(net_count(t, 1, AL_COUNT_link_replay), 2, "link_replay");
  s->tx_number = 50;
  evil(t, 0, head, old);
  s->tx_number = 49 + AL_WINDOW_NUMBERS;
  evil(t, 0, head, frame);
  tap_ok(net_deliver(t, 1, 0, frame, sizeof frame) == AL_LINK_CELL, "far ahead");
  memcpy(copy, old, sizeof copy);
  tap_ok(net_deliver(t, 1, 0, copy, sizeof copy) == AL_LINK_CELL, "8,191 behind is taken");
  s->tx_number = 49;
  evil(t, 0, head, old);
  tap_ok(net_deliver(t, 1, 0, old, sizeof old) == AL_LINK_DROP &&
             net_count(t, 1, AL_COUNT_link_replay) == 3,
         "8,192 behind is not");
  uint64_t auth = net_count(t, 1, AL_COUNT_link_auth);
  s->tx_number = 20000;
  for (unsigned phase = 1; phase < 256; phase += 127) {
    s->tx_phase = (uint8_t)phase;
    evil(t, 0, head, frame);
    tap_ok(net_deliver(t, 1, 0, frame, sizeof frame) == AL_LINK_DROP, "phase %u", phase);
  }
  s->tx_phase = 0;
  tap_is_u64(net_count(t, 1, AL_COUNT_link_auth) - auth, 3, "link_auth");
  /* The keys of the two directions differ. */
  evil(t, 0, head, frame);
  tap_ok(net_deliver(t, 0, 0, frame, sizeof frame) == AL_LINK_DROP, "a frame sent back");
  tap_is_u64(net_count(t, 0, AL_COUNT_link_auth), 1, "does not open at its sender");
  net_free(t);
}

static void test_malformed(void) {
  const al_suite *suite = al_suite_null();
  net *t = net_new(suite);
  net_start(t, suite);
  net_dial(t, 0, 0);
  net_pass(t, AL_SECOND);
  static const uint8_t bad[][AL_CELL_HEADER_BYTES] = {
      {1, 0, 0, 0, 8},                                 /* a type that is none */
      {0, 0, 0, 0, AL_CELL_CIRCUIT},                   /* circuit 0 */
      {1, 0, 0, 0, AL_CELL_CIRCUIT, 1},                /* flags */
      {1, 0, 0, 0, AL_CELL_CREATED, 0, 1},             /* counter */
      {1, 0, 0, 0, AL_CELL_PING},                      /* id */
      {1, 0, 0, 0, AL_CELL_MESSAGE, 77, 4},            /* kind */
      {1, 0, 0, 0, AL_CELL_MESSAGE, 2, 1},             /* too short for its kind */
      {1, 0, 0, 0, AL_CELL_MESSAGE, 2, 255, 255},      /* too long */
      {1, 0, 0, 0, AL_CELL_MESSAGE, 2, 4, 0, 0, 0, 1}, /* a fragment beyond its end */
  };
  uint8_t frame[AL_FRAME_BYTES];
  size_t count = sizeof bad / sizeof bad[0];
  for (size_t i = 0; i < count; i++) {
    evil(t, 0, bad[i], frame);
    tap_ok(net_deliver(t, 1, 0, frame, sizeof frame) == AL_LINK_DROP, "malformed cell %zu", i);
  }
  tap_is_u64(net_count(t, 1, AL_COUNT_link_parse), count, "link_parse");
  tap_ok(al_link_is_up(&t->n[1].ls, t->n[1].link[0]), "the link is still up");
  static const uint8_t kinds[][AL_CELL_HEADER_BYTES] = {{5, 0, 0, 0, AL_CELL_DESTROY, 9},
                                                        {5, 0, 0, 0, AL_CELL_CREATED}};
  for (size_t i = 0; i < 2; i++) {
    evil(t, 0, kinds[i], frame);
    tap_ok(net_deliver(t, 1, 0, frame, sizeof frame) == AL_LINK_CELL &&
               t->n[1].cell.type == kinds[i][4] && t->n[1].cell.flags == kinds[i][5] &&
               t->n[1].cell.id == 5,
           "DESTROY and CREATED are the caller's");
  }
  static const uint8_t padding[AL_CELL_HEADER_BYTES] = {0};
  evil(t, 0, padding, frame);
  tap_ok(net_deliver(t, 1, 0, frame, sizeof frame) == AL_LINK_NONE, "PADDING is nobody's");
  net_free(t);
}

/* The first data frame of the dialler is not the PING it should be. */
static void test_first(const uint8_t head[AL_CELL_HEADER_BYTES], al_link_verdict want) {
  const al_suite *suite = al_suite_null();
  net *t = net_new(suite);
  net_start(t, suite);
  net_dial(t, 0, 0);
  net_run(t, t->now + 20000);
  net_pass(t, 1); /* ACCEPT has arrived, the PING is under way */
  uint8_t frame[AL_FRAME_BYTES];
  tap_ok(t->n[0].ups == 1 && t->n[1].ups == 0, "the dialler is up, the answerer is not");
  evil(t, 0, head, frame);
  tap_ok(net_deliver(t, 1, 0, frame, sizeof frame) == want && t->n[1].ups == 1,
         "first frame of type %u: up, and verdict %d", head[4], want);
  net_pass(t, AL_SECOND);
  tap_is_u64(t->n[1].ups, 1, "up once");
  net_free(t);
}

static void test_close(void) {
  const al_suite *suite = al_suite_null();
  net *t = net_new(suite);
  net_start(t, suite);
  net_dial(t, 0, 0);
  net_pass(t, AL_SECOND);
  uint8_t digest[3000] = {0};
  al_link link = t->n[0].link[0];
  al_links *ls = &t->n[0].ls;
  tap_ok(al_link_send_message(ls, link, AL_MESSAGE_DIGEST, 0, al_view(digest, 3000)) == AL_OK,
         "a message is waiting");
  tap_ok(al_link_send_close(ls, link, t->now, AL_LINK_CODE_SHUTDOWN) == AL_OK, "close");
  tap_ok(!al_link_is_up(ls, link) && !al_link_may_seal(ls, link) &&
             al_link_send_message(ls, link, AL_MESSAGE_DIGEST, 0, al_view(digest, 3000)) ==
                 AL_ESTATE &&
             al_link_send_close(ls, link, t->now, AL_LINK_CODE_DONE) == AL_ESTATE,
         "nothing more is taken");
  tap_ok(al_link_has_urgent(ls, link) && !al_link_has_message(ls, link), "CLOSE alone is left");
  t->no_free = true;
  net_pump(t, 0, 0);
  tap_ok(!al_link_has_urgent(ls, link), "and is gone");
  net_pass(t, 100 * AL_MS);
  tap_ok(t->n[1].closed == 1 && t->n[1].code == AL_LINK_CODE_SHUTDOWN && t->n[1].messages == 0,
         "the other side hears the code");
  uint8_t frame[AL_FRAME_BYTES] = {0};
  tap_ok(net_deliver(t, 1, 0, frame, sizeof frame) == AL_LINK_DROP &&
             net_count(t, 1, AL_COUNT_link_state) == 1,
         "frames after the end: link_state");
  net_pass(t, 2 * AL_SECOND);
  tap_ok(t->n[0].dead == 1 && t->n[0].code == AL_LINK_CODE_SHUTDOWN,
         "who does not free the link is told so");
  tap_is_u64(al_links_deadline(ls), AL_TIME_NEVER, "then all is quiet");
  net_free(t);
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_seal_open(al_suite_hacl());
  test_seal_open(al_suite_null());
  test_counters(al_suite_hacl());
  test_malformed();
  static const uint8_t cell[AL_CELL_HEADER_BYTES] = {1, 0, 0, 0, AL_CELL_CIRCUIT};
  static const uint8_t close[AL_CELL_HEADER_BYTES] = {0, 0, 0, 0, AL_CELL_CLOSE, 1};
  static const uint8_t nonsense[AL_CELL_HEADER_BYTES] = {0, 0, 0, 0, 99};
  static const uint8_t ping[AL_CELL_HEADER_BYTES] = {0, 0, 0, 0, AL_CELL_PING};
  test_first(cell, AL_LINK_CELL);
  test_first(close, AL_LINK_CLOSED);
  test_first(nonsense, AL_LINK_UP);
  test_first(ping, AL_LINK_UP);
  test_close();
  return tap_done();
}
