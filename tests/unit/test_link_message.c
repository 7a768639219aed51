/* Messages over a link: fragments in any order, queues, quotas, the shared slots. */
#include "test_link_net.h"

static uint8_t big[AL_MESSAGE_BYTES_MAX];

/* A pair of nodes, node 0 with so many slots, and a link that is up. */
static net *start(uint32_t slots) {
  const al_suite *suite = al_suite_null();
  net *t = net_new(suite);
  for (unsigned i = 0; i < 2; i++) {
    al_links_config c = net_config(&t->n[i], suite);
    c.now = t->now;
    c.message_slots = slots;
    if (al_links_init(&t->n[i].ls, &c) != AL_OK) abort();
  }
  net_dial(t, 0, 0);
  net_pass(t, AL_SECOND);
  return t;
}

static al_err send(net *t, unsigned from, al_message_kind kind, uint32_t id, size_t len) {
  net_node *n = &t->n[from];
  n->ta.closed = true;
  al_err e = al_link_send_message(&n->ls, n->link[0], kind, id, al_view(big, len));
  n->ta.closed = false;
  return e;
}

static void test_sizes(void) {
  net *t = start(0);
  t->jitter_us = 9000;
  static const size_t sizes[] = {2, 1083, 1084, 1085, 2168, 2169, 16002};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    for (unsigned from = 0; from < 2; from++) {
      test_rand_bytes(big, sizes[i]);
      net_node *to = &t->n[1 - from];
      unsigned had = to->messages;
      tap_ok(send(t, from, AL_MESSAGE_DIGEST, 0, sizes[i]) == AL_OK, "%zu bytes", sizes[i]);
      net_pump(t, from, 0);
      net_pass(t, AL_SECOND);
      tap_ok(to->messages == had + 1 && to->kind == AL_MESSAGE_DIGEST && to->len == sizes[i],
             "came");
      tap_is_mem(to->body, big, sizes[i], "unharmed, in fragments out of order");
    }
  }
  test_rand_bytes(big, AL_SPHINX_BYTES);
  tap_ok(send(t, 0, AL_MESSAGE_SPHINX, 0x80000123, AL_SPHINX_BYTES) == AL_OK, "SPHINX");
  net_pump(t, 0, 0);
  net_pass(t, AL_SECOND);
  tap_ok(t->n[1].kind == AL_MESSAGE_SPHINX && t->n[1].id == 0x80000123, "keeps its circuit id");
  tap_is_mem(t->n[1].body, big, AL_SPHINX_BYTES, "unharmed");
  for (unsigned i = 0; i < 2; i++)
    tap_is_u64(t->n[i].ls.used[AL_LINK_USE_FREE], AL_LINK_SLOTS_DEFAULT, "all slots are free");
  net_free(t);
}

/* Reads the header of a sealed frame of node 0. */
static al_cell_header peek(net *t, const uint8_t *sealed) {
  uint8_t f[AL_FRAME_BYTES];
  al_cell_header h = {0};
  al_link_session *s = al_link_session_get(&t->n[0].ls, t->n[0].link[0]);
  memcpy(f, sealed, sizeof f);
  if (!al_link_frame_open(t->n[0].ls.cfg.suite, al_link_tx_key(&t->n[0].ls, s), f) ||
      al_cell_decode(f + AL_LINK_CELL_AT, &h) != AL_OK)
    h.type = 99;
  return h;
}

static void test_order(void) {
  net *t = start(0);
  al_links *ls = &t->n[0].ls;
  al_link link = t->n[0].link[0];
  uint8_t frame[AL_FRAME_BYTES];
  al_channel ch;
  tap_ok(!al_link_has_urgent(ls, link) && !al_link_has_message(ls, link) &&
             !al_link_next(ls, link, t->now, frame, &ch),
         "nothing to say");
  tap_ok(send(t, 0, AL_MESSAGE_DIGEST, 0, 5000) == AL_OK, "a record");
  tap_ok(send(t, 0, AL_MESSAGE_SPHINX, 0x80000001, AL_SPHINX_BYTES) == AL_OK, "a set-up packet");
  tap_ok(!al_link_has_urgent(ls, link) && al_link_has_message(ls, link), "messages wait");
  tap_ok(al_link_next(ls, link, t->now, frame, &ch) && ch == AL_CHANNEL_BULK, "a frame");
  al_cell_header h = peek(t, frame);
  tap_ok(h.type == AL_CELL_MESSAGE && h.flags == AL_MESSAGE_SPHINX, "SPHINX before records");
  al_link_ping_now(ls, al_link_session_get(ls, link), t->now);
  tap_ok(al_link_has_urgent(ls, link) && al_link_urgent_is_rt(ls, link), "a PING is urgent");
  tap_ok(al_link_next(ls, link, t->now, frame, &ch) && ch == AL_CHANNEL_RT, "goes over rt");
  tap_ok(peek(t, frame).type == AL_CELL_PING, "and first");
  tap_ok(!al_link_urgent_is_rt(ls, link), "then nothing of rt is left");
  unsigned kinds[8] = {0}, last = 0, sorted = 1;
  while (al_link_next(ls, link, t->now, frame, &ch)) {
    h = peek(t, frame);
    kinds[h.flags & 7]++;
    if (h.flags < last) sorted = 0;
    last = h.flags;
  }
  tap_ok(sorted && kinds[AL_MESSAGE_SPHINX] == 6 && kinds[AL_MESSAGE_DIGEST] == 5,
         "then the rest of both");
  net_free(t);
}

static void test_quota(void) {
  net *t = start(0);
  al_links *ls = &t->n[0].ls;
  al_link link = t->n[0].link[0];
  unsigned records = 0, packets = 0;
  while (send(t, 0, AL_MESSAGE_DIGEST, 0, 5000) == AL_OK) records++;
  tap_is_u64(records, AL_LINK_RECORDS_MAX, "records that may wait");
  tap_ok(!al_link_may_message(ls, link, AL_MESSAGE_WANT), "al_link_may_message says so");
  tap_ok(al_link_may_message(ls, link, AL_MESSAGE_SPHINX), "set-up packets still find room");
  while (send(t, 0, AL_MESSAGE_SPHINX, 7, AL_SPHINX_BYTES) == AL_OK) packets++;
  tap_is_u64(records + packets, AL_LINK_OUT_MAX, "messages that may wait");
  tap_ok(send(t, 0, AL_MESSAGE_SPHINX, 7, AL_SPHINX_BYTES) == AL_EFULL, "then AL_EFULL");
  net_pump(t, 0, 0);
  net_pass(t, AL_SECOND);
  tap_is_u64(t->n[1].messages, AL_LINK_OUT_MAX, "all of them arrive");
  tap_ok(send(t, 0, AL_MESSAGE_DIGEST, 0, 5000) == AL_OK, "and there is room again");
  al_link_free(ls, link);
  t->n[0].link[0] = 0;
  tap_is_u64(ls->used[AL_LINK_USE_FREE], AL_LINK_SLOTS_DEFAULT, "a link that ends gives all back");
  net_free(t);
}

/* One fragment of a message as a neighbour of any manners may send it. */
static al_link_verdict part(net *t, unsigned pair, al_message_kind kind, uint32_t id,
                            uint32_t total_index) {
  net_node *n = &t->n[0];
  al_link_session *s = al_link_session_get(&n->ls, n->link[pair]);
  uint8_t frame[AL_FRAME_BYTES] = {0};
  uint32_t total = total_index >> 8, index = total_index & 255;
  al_cell_header h = {id, AL_CELL_MESSAGE, (uint8_t)kind, al_cell_fragment(total, (uint16_t)index)};
  al_cell_encode(&h, frame + AL_LINK_CELL_AT);
  memset(frame + AL_LINK_PAYLOAD_AT, (int)index + 1, AL_CELL_PAYLOAD_BYTES);
  al_link_frame_seal(n->ls.cfg.suite, al_link_tx_key(&n->ls, s), s->tx_number++, frame);
  return net_deliver(t, 1, pair, frame, sizeof frame);
}

enum { TWO = 2000 << 8, THREE = 3000 << 8 };

static void test_assembly(void) {
  net *t = start(0);
  for (uint32_t id = 1; id <= 5; id++)
    tap_ok(part(t, 0, AL_MESSAGE_DIGEST, id, TWO) == AL_LINK_NONE, "message %u begins", id);
  tap_is_u64(net_count(t, 1, AL_COUNT_link_slots), 1, "the fifth made the first give way");
  tap_is_u64(t->n[1].ls.used[AL_LINK_USE_IN], AL_LINK_IN_MAX, "four are in assembly");
  for (uint32_t id = 5; id >= 2; id--)
    tap_ok(part(t, 0, AL_MESSAGE_DIGEST, id, TWO | 1) == AL_LINK_MESSAGE, "%u is whole", id);
  tap_ok(t->n[1].body[0] == 1 && t->n[1].body[1084] == 2, "fragments in their places");
  tap_ok(part(t, 0, AL_MESSAGE_DIGEST, 1, TWO | 1) == AL_LINK_NONE, "the rest of the first");
  tap_is_u64(t->n[1].messages, 4, "does not make it whole");
  tap_ok(part(t, 0, AL_MESSAGE_DIGEST, 9, THREE | 2) == AL_LINK_NONE &&
             part(t, 0, AL_MESSAGE_DIGEST, 9, THREE | 2) == AL_LINK_NONE &&
             part(t, 0, AL_MESSAGE_DIGEST, 9, THREE | 1) == AL_LINK_NONE,
         "a fragment twice counts once");
  tap_ok(part(t, 0, AL_MESSAGE_WANT, 9, TWO | 0) == AL_LINK_NONE &&
             part(t, 0, AL_MESSAGE_DIGEST, 9, TWO | 0) == AL_LINK_NONE,
         "another kind or length is another message");
  tap_ok(part(t, 0, AL_MESSAGE_DIGEST, 9, THREE | 0) == AL_LINK_MESSAGE && t->n[1].len == 3000,
         "then it is whole");
  net_pass(t, 9 * AL_SECOND);
  tap_is_u64(t->n[1].ls.used[AL_LINK_USE_IN], 3, "three are not whole after 9 s");
  net_pass(t, 2 * AL_SECOND);
  tap_is_u64(t->n[1].ls.used[AL_LINK_USE_IN], 0, "after 10 s they are dropped");
  tap_is_u64(net_count(t, 1, AL_COUNT_link_message_late), 3, "link_message_late");
  tap_ok(al_link_is_up(&t->n[1].ls, t->n[1].link[0]), "the link stays up");
  net_free(t);
}

/* Many links whose neighbours begin messages and never end them. */
static void test_shared(void) {
  net *t = start(AL_LINK_SLOTS_MIN);
  for (unsigned pair = 1; pair < 4; pair++) {
    net_dial(t, 0, pair);
    net_pass(t, AL_SECOND);
  }
  for (uint32_t id = 1; id <= 4; id++) {
    part(t, id < 4 ? 0 : 3, AL_MESSAGE_DIGEST, id, TWO);
    part(t, 1, AL_MESSAGE_DIGEST, id, TWO);
  }
  tap_is_u64(t->n[1].ls.used[AL_LINK_USE_IN], AL_LINK_SLOTS_MIN / 2, "half of the pool is taken");
  uint64_t before = net_count(t, 1, AL_COUNT_link_slots);
  tap_ok(part(t, 2, AL_MESSAGE_DIGEST, 1, TWO) == AL_LINK_DROP, "a third link finds no room");
  tap_is_u64(net_count(t, 1, AL_COUNT_link_slots) - before, 1, "link_slots");
  tap_ok(part(t, 0, AL_MESSAGE_DIGEST, 5, TWO) == AL_LINK_NONE, "the first makes its own room");
  net_pass(t, 1500 * AL_MS);
  tap_ok(part(t, 2, AL_MESSAGE_DIGEST, 2, TWO) == AL_LINK_NONE &&
             part(t, 2, AL_MESSAGE_DIGEST, 2, TWO | 1) == AL_LINK_MESSAGE,
         "but what has stalled for a second gives way to another link");
  tap_ok(send(t, 1, AL_MESSAGE_SPHINX, 7, AL_SPHINX_BYTES) == AL_OK, "there is room to send");
  /* A handshake still finds its slots. */
  net_dial(t, 0, 4);
  net_pass(t, AL_SECOND);
  tap_ok(al_link_is_up(&t->n[1].ls, t->n[1].link[4]), "and for a handshake");
  net_free(t);
}

/* Half-open handshakes that hold slots must not keep others out. */
static void test_half_open(void) {
  net *t = start(AL_LINK_SLOTS_MIN);
  uint8_t frame[AL_FRAME_BYTES], binding[32] = {0};
  al_link link[AL_LINK_SLOTS_MIN];
  unsigned open = 0;
  memset(big, 1, sizeof big);
  for (unsigned i = 0; i < 6; i++) {
    if (al_link_accept(&t->n[1].ls, t->now, binding, &link[i]) != AL_OK) break;
    al_handshake_encode(frame, AL_HANDSHAKE_FETCH, al_view(big, AL_HANDSHAKE_FETCH_BYTES), 0,
                        &t->n[0].rng);
    al_link_in in;
    if (al_link_rx(&t->n[1].ls, link[i], (al_span){frame, sizeof frame}, t->now, &in) ==
        AL_LINK_NONE)
      open++;
  }
  tap_is_u64(open, 6, "handshakes that will never go on");
  net_pass(t, 1500 * AL_MS);
  net_dial(t, 0, 1);
  net_pass(t, AL_SECOND);
  tap_ok(al_link_is_up(&t->n[1].ls, t->n[1].link[1]), "an honest one gets through");
  for (unsigned i = 0; i < 6; i++) al_link_free(&t->n[1].ls, link[i]);
  net_free(t);
}

static void test_lent(void) {
  net *t = start(0);
  net_node *n = &t->n[1];
  n->keep_slot = true;
  test_rand_bytes(big, 5000);
  send(t, 0, AL_MESSAGE_DIGEST, 0, 5000);
  net_pump(t, 0, 0);
  net_pass(t, AL_SECOND);
  uint32_t slot = n->slot;
  tap_ok(slot != 0 && n->ls.used[AL_LINK_USE_LENT] == 1, "a slot is lent");
  al_link_free(&n->ls, n->link[0]);
  n->link[0] = 0;
  tap_is_mem(al_link_slot_body(&n->ls, slot), big, 5000, "its bytes outlive the link");
  al_link_message_done(&n->ls, slot);
  al_link_message_done(&n->ls, 0);
  tap_is_u64(n->ls.used[AL_LINK_USE_FREE], AL_LINK_SLOTS_DEFAULT, "given back");
  net_free(t);
}

/* Random messages both ways at once, through reordering: all arrive, in whatever order. */
static void test_random(void) {
  net *t = start(0);
  t->jitter_us = 50000;
  unsigned sent[2] = {0, 0};
  for (unsigned i = 0; i < 400; i++) {
    unsigned from = (unsigned)test_rand_below(2);
    bool sphinx = test_rand_below(3) == 0;
    size_t len = sphinx ? AL_SPHINX_BYTES : 2 + (size_t)test_rand_below(AL_DIGEST_BYTES_MAX - 1);
    if (send(t, from, sphinx ? AL_MESSAGE_SPHINX : AL_MESSAGE_DIGEST, 1 + i, len) == AL_OK)
      sent[from]++;
    net_pump(t, from, 0);
    net_pass(t, 60000);
  }
  net_pass(t, AL_SECOND);
  tap_ok(sent[0] + sent[1] == 400, "400 messages were taken");
  tap_ok(t->n[1].messages == sent[0] && t->n[0].messages == sent[1], "and all came");
  tap_ok(t->n[0].drops + t->n[1].drops == 0, "nothing was dropped");
  net_free(t);
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_sizes();
  test_order();
  test_quota();
  test_assembly();
  test_shared();
  test_half_open();
  test_lent();
  test_random();
  return tap_done();
}
