/* Fresh keys: after an hour, after so many frames, while frames overtake one another. */
#include "test_link_net.h"

static net *start(const al_suite *suite, uint64_t us, uint64_t frames) {
  net *t = net_new(suite);
  for (unsigned i = 0; i < 2; i++) {
    al_links_config c = net_config(&t->n[i], suite);
    c.now = t->now;
    c.rekey_us = us;
    c.rekey_frames = frames;
    if (al_links_init(&t->n[i].ls, &c) != AL_OK) abort();
  }
  net_dial(t, 0, 0);
  net_pass(t, AL_SECOND);
  return t;
}

static al_link_session *session(net *t, unsigned side) {
  return al_link_session_get(&t->n[side].ls, t->n[side].link[0]);
}

static const uint8_t *tx_key(net *t, unsigned side) {
  return al_link_tx_key(&t->n[side].ls, session(t, side));
}

static const uint8_t *rx_key(net *t, unsigned side) {
  return al_link_rx_key(&t->n[side].ls, session(t, side));
}

static void test_hour(void) {
  net *t = start(al_suite_hacl(), 0, 0);
  uint8_t first[32];
  memcpy(first, tx_key(t, 0), 32);
  net_pass(t, 3374 * AL_SECOND); /* an hour less a sixteenth */
  tap_is_u64(session(t, 0)->tx_phase, 0, "not before an hour, less a sixteenth");
  net_pass(t, 226 * AL_SECOND);
  for (unsigned i = 0; i < 2; i++) {
    const al_link_session *s = session(t, i);
    tap_ok(s->tx_phase == 1 && s->rx_phase == 1 && s->key_phase == 1, "side %u: phase 1", i);
    tap_is_u64(net_count(t, i, AL_COUNT_link_rekeyed), 1, "link_rekeyed");
  }
  tap_is_mem(tx_key(t, 0), rx_key(t, 1), 32, "the same key at both ends");
  tap_is_mem(tx_key(t, 1), rx_key(t, 0), 32, "both ways");
  tap_ok(memcmp(first, tx_key(t, 0), 32) != 0, "a new one");
  net_pass(t, 31 * AL_SECOND);
  for (unsigned i = 0; i < 2; i++)
    tap_ok(!session(t, i)->old_valid && session(t, i)->turn == 0 &&
               al_slab_count(&t->n[i].ls.turns) == 0,
           "side %u: the old key is wiped after 30 s", i);
  net_pass(t, 5 * 3600 * AL_SECOND);
  tap_ok(session(t, 0)->tx_phase >= 6 && session(t, 0)->tx_phase <= 7 && t->n[0].dead == 0,
         "once an hour");
  net_cell(t, 0, 0, 0x80000001);
  net_cell(t, 1, 0, 1);
  net_pass(t, AL_SECOND);
  tap_ok(t->n[0].cells == 1 && t->n[1].cells == 1, "cells go both ways");
  net_free(t);
}

/* Cells all the time, with frames of two phases mixed on the way. */
static void test_frames(void) {
  net *t = start(al_suite_null(), 0, 64);
  t->jitter_us = 30000;
  unsigned sent[2] = {0, 0};
  for (unsigned i = 0; i < 3000; i++) {
    unsigned from = (unsigned)test_rand_below(2);
    net_cell(t, from, 0, 1 + i);
    sent[from]++;
    net_pump(t, 0, 0);
    net_pass(t, 1000);
  }
  net_pass(t, AL_SECOND);
  tap_ok(t->n[1].cells == sent[0] && t->n[0].cells == sent[1], "every cell came");
  tap_is_u64(t->n[0].drops + t->n[1].drops, 0, "nothing was dropped");
  tap_ok(session(t, 0)->tx_phase > 10, "through %u phases", session(t, 0)->tx_phase);
  tap_ok(session(t, 0)->tx_phase == session(t, 1)->tx_phase, "both in the same");
  net_free(t);
}

/* Frames kept back by the wire: within 30 s of the new phase they open, later not. */
static void test_late(void) {
  net *t = start(al_suite_null(), 0, 64);
  uint8_t late[2][AL_FRAME_BYTES];
  for (unsigned i = 0; i < 2; i++) {
    net_cell(t, 0, 0, 100 + i);
    memcpy(late[i], t->frames[--t->frames_count].bytes, AL_FRAME_BYTES);
  }
  for (unsigned i = 0; i < 70; i++) {
    net_cell(t, 0, 0, 1);
    net_pass(t, 1000);
  }
  net_pass(t, AL_SECOND);
  tap_is_u64(session(t, 1)->rx_phase, 1, "phase 1");
  uint8_t again[AL_FRAME_BYTES];
  memcpy(again, late[0], sizeof again);
  tap_ok(net_deliver(t, 1, 0, late[0], AL_FRAME_BYTES) == AL_LINK_CELL, "a frame of phase 0");
  tap_ok(net_deliver(t, 1, 0, again, AL_FRAME_BYTES) == AL_LINK_DROP &&
             net_count(t, 1, AL_COUNT_link_replay) == 1,
         "but once only");
  net_pass(t, 31 * AL_SECOND);
  tap_ok(net_deliver(t, 1, 0, late[1], AL_FRAME_BYTES) == AL_LINK_DROP &&
             net_count(t, 1, AL_COUNT_link_auth) == 1,
         "not after 30 s");
  net_free(t);
}

static al_link_verdict forge(net *t, unsigned from, al_message_kind kind, const uint8_t *bytes,
                             uint32_t total) {
  net_node *n = &t->n[from];
  al_link_session *s = session(t, from);
  al_link_verdict v = AL_LINK_NONE;
  for (uint16_t i = 0; i < 2; i++) {
    uint8_t frame[AL_FRAME_BYTES] = {0};
    al_cell_header h = {7777, AL_CELL_MESSAGE, (uint8_t)kind, al_cell_fragment(total, i)};
    al_cell_encode(&h, frame + AL_LINK_CELL_AT);
    memcpy(frame + AL_LINK_PAYLOAD_AT, bytes + i * AL_CELL_PAYLOAD_BYTES,
           i == 0 ? AL_CELL_PAYLOAD_BYTES : total - AL_CELL_PAYLOAD_BYTES);
    al_link_frame_seal(n->ls.cfg.suite, tx_key(t, from),
                       (uint64_t)s->tx_phase << AL_LINK_PHASE_BITS | s->tx_number++, frame);
    v = net_deliver(t, 1 - from, 0, frame, sizeof frame);
  }
  return v;
}

static void test_misuse(void) {
  net *t = start(al_suite_null(), 0, 0);
  uint8_t junk[AL_REKEY_BYTES], good[AL_REKEY_BYTES], seed[32] = {3};
  test_rand_bytes(junk, sizeof junk);
  al_shake_rekey_ask(al_suite_null(), seed, good);
  tap_ok(forge(t, 1, AL_MESSAGE_REKEY, good, AL_REKEY_BYTES) == AL_LINK_DROP &&
             net_count(t, 0, AL_COUNT_link_state) == 1,
         "REKEY from the answerer: link_state");
  tap_ok(forge(t, 1, AL_MESSAGE_REKEYED, junk, AL_REKEYED_BYTES) == AL_LINK_DROP &&
             net_count(t, 0, AL_COUNT_link_state) == 2,
         "REKEYED that nobody asked for: link_state");
  tap_ok(forge(t, 0, AL_MESSAGE_REKEYED, junk, AL_REKEYED_BYTES) == AL_LINK_DROP &&
             net_count(t, 1, AL_COUNT_link_state) == 1,
         "REKEYED from the dialler: link_state");
  tap_ok(forge(t, 0, AL_MESSAGE_REKEY, junk, AL_REKEY_BYTES) == AL_LINK_DROP &&
             net_count(t, 1, AL_COUNT_link_parse) == 1,
         "a key that is none: link_parse");
  tap_is_u64(t->n[1].ls.used[AL_LINK_USE_FREE], AL_LINK_SLOTS_DEFAULT, "no slot is lost");
  tap_ok(forge(t, 0, AL_MESSAGE_REKEY, good, AL_REKEY_BYTES) == AL_LINK_NONE, "a good one");
  tap_ok(forge(t, 0, AL_MESSAGE_REKEY, good, AL_REKEY_BYTES) == AL_LINK_DROP &&
             net_count(t, 1, AL_COUNT_link_state) == 2,
         "twice in one phase: link_state");
  net_free(t);
}

/* The other side never answers REKEY, but PINGs: the link ends. */
static void test_overdue(void) {
  net *t = start(al_suite_null(), 100 * AL_SECOND, 0);
  for (unsigned i = 0; i < 400 && t->n[0].dead + t->n[1].dead == 0; i++) {
    session(t, 1)->key_phase = 9; /* as if an exchange were under way: REKEY is ignored */
    net_pass(t, AL_SECOND);
  }
  tap_ok(t->n[0].dead + t->n[1].dead >= 1, "one side ended the link");
  tap_is_u64(t->n[0].dead ? t->n[0].code : t->n[1].code, AL_LINK_CODE_REKEY, "for the old keys");
  net_free(t);
}

static void test_worn(void) {
  net *t = start(al_suite_null(), 0, 64);
  al_link_session *s = session(t, 0);
  s->rekey_asked = true; /* REKEY was lost */
  s->tx_number = 64 + 16 + (1 << 20);
  net_cell(t, 0, 0, 1);
  net_pass(t, AL_SECOND);
  tap_ok(t->n[0].dead == 1 && t->n[0].code == AL_LINK_CODE_REKEY,
         "far too many frames under one key: the link ends");
  net_free(t);
}

static void test_phases(void) {
  net *t = start(al_suite_null(), 4 * AL_SECOND, 0);
  unsigned most = 0;
  for (unsigned i = 0; i < 2000 && t->n[1].closed == 0; i++) {
    if (session(t, 0) != NULL && session(t, 0)->tx_phase > most) most = session(t, 0)->tx_phase;
    net_pass(t, AL_SECOND);
  }
  tap_is_u64(most, 255, "256 phases");
  tap_ok(t->n[1].closed == 1 && t->n[1].code == AL_LINK_CODE_PHASES, "then CLOSE");
  net_pass(t, 2 * AL_SECOND);
  tap_ok(t->n[0].dead == 1 && t->n[0].code == AL_LINK_CODE_PHASES, "on both sides");
  net_free(t);
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_hour();
  test_frames();
  test_late();
  test_misuse();
  test_overdue();
  test_worn();
  test_phases();
  return tap_done();
}
