/* test_hostile.c — what an authenticated neighbour can say that is wrong: frames, cells, messages,
 * descriptors, silence. Everything is counted under one name and dropped, and the network goes on.
 * Argument: seed. */
#include <stdlib.h>
#include <string.h>

#include "scene.h"

static uint64_t rand_state = 1;

static uint64_t draw(void) {
  rand_state = rand_state * 6364136223846793005u + 1442695040888963407u;
  return rand_state >> 11;
}

static void fill(uint8_t *p, size_t len) {
  for (size_t i = 0; i < len; i++) p[i] = (uint8_t)draw();
}

static void head(uint8_t h[AL_CELL_HEADER_BYTES], uint32_t id, uint8_t type, uint8_t flags,
                 uint64_t counter) {
  al_store_u32(h, id);
  h[4] = type;
  h[5] = flags;
  al_store_u32(h + 6, (uint32_t)counter);
  al_store_u16(h + 10, (uint16_t)(counter >> 32));
}

/* ---- frames ---- */

static void test_random_frames(scene *s) {
  uint8_t frame[AL_FRAME_BYTES + 1];
  uint64_t auth = scene_count(s, "link_auth"), size = scene_count(s, "link_frame_size");
  for (int i = 0; i < 200; i++) {
    fill(frame, sizeof frame);
    frame[6] = frame[7] =
        0; /* a number ahead, of the phase that is in use, so that they are tried */
    (void)world_inject(s->w, SCENE_HOSTILE, SCENE_VICTIM, frame, AL_FRAME_BYTES);
  }
  scene_wait(s, AL_SECOND);
  tap_is_u64(scene_count(s, "link_auth") - auth, 200, "link_auth: random frames");
  static const size_t lens[] = {1, 7, 8, 20, 1104, AL_FRAME_BYTES - 1};
  for (size_t i = 0; i < 6; i++)
    (void)world_inject(s->w, SCENE_HOSTILE, SCENE_VICTIM, frame, lens[i]);
  (void)world_inject(s->w, SCENE_HOSTILE, SCENE_VICTIM, frame, sizeof frame);
  scene_wait(s, AL_SECOND);
  tap_is_u64(scene_count(s, "link_frame_size") - size, 6,
             "link_frame_size: short ones; what is too long does not reach the core");
  tap_ok(s->h.link != 0 && s->h.downs == 0, "the link outlives them");
}

/* Frames sealed in order and brought in any other. */
static void sealed(scene *s, uint8_t (*frames)[AL_FRAME_BYTES], int count) {
  al_link_session *k = al_link_session_get(&s->h.links, s->h.link);
  for (int i = 0; i < count; i++) {
    memset(frames[i], 0, AL_FRAME_BYTES);
    al_link_frame_seal(s->h.suite, al_link_tx_key(&s->h.links, k), k->tx_number++, frames[i]);
  }
}

static void test_replayed_frames(scene *s) {
  enum { COUNT = 8300 };
  uint8_t(*f)[AL_FRAME_BYTES] = calloc(COUNT, sizeof *f);
  if (f == NULL) abort();
  uint64_t replay = scene_count(s, "link_replay");
  sealed(s, f, COUNT);
  for (int i = 99; i >= 0; i--)
    (void)world_inject(s->w, SCENE_HOSTILE, SCENE_VICTIM, f[i], AL_FRAME_BYTES);
  scene_wait(s, AL_SECOND);
  tap_is_u64(scene_count(s, "link_replay") - replay, 0, "reordered frames are taken");
  for (int i = 0; i < 100; i++)
    (void)world_inject(s->w, SCENE_HOSTILE, SCENE_VICTIM, f[i], AL_FRAME_BYTES);
  scene_wait(s, AL_SECOND);
  tap_is_u64(scene_count(s, "link_replay") - replay, 100, "link_replay: every repeated one");
  (void)world_inject(s->w, SCENE_HOSTILE, SCENE_VICTIM, f[COUNT - 1], AL_FRAME_BYTES);
  (void)world_inject(s->w, SCENE_HOSTILE, SCENE_VICTIM, f[100], AL_FRAME_BYTES);
  scene_wait(s, AL_SECOND);
  tap_is_u64(scene_count(s, "link_replay") - replay, 101, "link_replay: one before the window");
  free(f);
}

/* ---- cells ---- */

static void test_random_cells(scene *s) {
  uint8_t cell[AL_CELL_BYTES], h[AL_CELL_HEADER_BYTES];
  uint64_t parse = scene_count(s, "link_parse"), unknown = scene_count(s, "circuit_unknown");
  for (int type = 8; type < 256; type++) {
    fill(cell, sizeof cell);
    cell[4] = (uint8_t)type;
    hostile_cell(&s->h, SCENE_VICTIM, cell);
  }
  scene_wait(s, AL_SECOND);
  tap_is_u64(scene_count(s, "link_parse") - parse, 248, "link_parse: cells of unknown types");
  parse = scene_count(s, "link_parse");
  const uint8_t bad[][6] = {/* type, flags, has id, has counter */
                            {AL_CELL_PADDING, 1, 0, 0}, {AL_CELL_PADDING, 0, 1, 0},
                            {AL_CELL_CIRCUIT, 0, 0, 1}, {AL_CELL_CREATED, 0, 1, 1},
                            {AL_CELL_DESTROY, 0, 0, 0}, {AL_CELL_PING, 0, 1, 0},
                            {AL_CELL_PONG, 0, 0, 1},    {AL_CELL_CLOSE, 0, 1, 0}};
  for (size_t i = 0; i < 8; i++) {
    head(h, bad[i][2], bad[i][0], bad[i][1], bad[i][3]);
    hostile_send(&s->h, SCENE_VICTIM, h, al_view("", 0));
  }
  scene_wait(s, AL_SECOND);
  tap_is_u64(scene_count(s, "link_parse") - parse, 8, "link_parse: fields where none belong");
  for (uint32_t i = 0; i < 300; i++) {
    head(h, (uint32_t)draw() | 1, (uint8_t)(AL_CELL_CIRCUIT + i % 3), 0, 0);
    hostile_send(&s->h, SCENE_VICTIM, h, al_view("", 0));
  }
  scene_wait(s, AL_SECOND);
  tap_is_u64(scene_count(s, "circuit_unknown") - unknown, 300,
             "circuit_unknown: cells, answers and ends of circuits that are not there");
  tap_ok(s->h.downs == 0, "the link outlives them");
}

/* ---- messages ---- */

static void test_malformed_messages(scene *s) {
  uint8_t m[AL_MESSAGE_BYTES_MAX] = {0}, h[AL_CELL_HEADER_BYTES];
  uint64_t parse = scene_count(s, "gossip_parse"), link = scene_count(s, "link_parse");
  uint64_t state = scene_count(s, "link_state"), unasked = scene_count(s, "gossip_unasked");
  al_store_u16(m, 3); /* entries that are not there, or too many */
  hostile_message(&s->h, SCENE_VICTIM, AL_MESSAGE_DIGEST, 1, al_view(m, 2));
  hostile_message(&s->h, SCENE_VICTIM, AL_MESSAGE_DIGEST, 2, al_view(m, 2 + 3 * 40 + 1));
  hostile_message(&s->h, SCENE_VICTIM, AL_MESSAGE_WANT, 3, al_view(m, 2));
  al_store_u16(m, 401);
  hostile_message(&s->h, SCENE_VICTIM, AL_MESSAGE_DIGEST, 4, al_view(m, 2 + 400 * 40));
  scene_wait(s, AL_SECOND);
  tap_is_u64(scene_count(s, "gossip_parse") - parse, 4, "gossip_parse: counts that do not fit");
  hostile_message(&s->h, SCENE_VICTIM, AL_MESSAGE_DESCRIPTOR, 5, s->h.descriptor);
  fill(m, sizeof m);
  hostile_message(&s->h, SCENE_VICTIM, AL_MESSAGE_DESCRIPTOR, 6, al_view(m, AL_DESC_BYTES_MIN));
  scene_wait(s, AL_SECOND);
  tap_is_u64(scene_count(s, "gossip_unasked") - unasked, 2, "gossip_unasked: nobody asked for it");
  hostile_message(&s->h, SCENE_VICTIM, AL_MESSAGE_REKEYED, 7, al_view(m, AL_REKEYED_BYTES));
  scene_wait(s, AL_SECOND);
  tap_is_u64(scene_count(s, "link_state") - state, 1, "link_state: an answer to no rekeying");
  static const uint64_t counters[] = {0, 1, 16261, (uint64_t)7 << 32 | 7588, (uint64_t)1 << 32 | 2};
  for (size_t i = 0; i < 5; i++) {
    head(h, 9, AL_CELL_MESSAGE, i == 4 ? AL_MESSAGE_DIGEST : AL_MESSAGE_SPHINX, counters[i]);
    hostile_send(&s->h, SCENE_VICTIM, h, al_view(m, 100));
  }
  head(h, 9, AL_CELL_MESSAGE, 77, 100);
  hostile_send(&s->h, SCENE_VICTIM, h, al_view(m, 100));
  scene_wait(s, AL_SECOND);
  tap_is_u64(scene_count(s, "link_parse") - link, 6, "link_parse: lengths no such message has");
}

static void test_unfinished_messages(scene *s) {
  uint8_t m[AL_CELL_PAYLOAD_BYTES] = {0}, h[AL_CELL_HEADER_BYTES];
  uint64_t slots = scene_count(s, "link_slots"), late = scene_count(s, "link_message_late");
  for (uint32_t i = 0; i < 6; i++) { /* four are kept; the oldest gives way */
    head(h, 100 + i, AL_CELL_MESSAGE, AL_MESSAGE_SPHINX, AL_SPHINX_BYTES);
    hostile_send(&s->h, SCENE_VICTIM, h, al_view(m, sizeof m));
  }
  scene_wait(s, AL_SECOND);
  tap_is_u64(scene_count(s, "link_slots") - slots, 2, "link_slots: more than four in assembly");
  scene_wait(s, 11 * AL_SECOND);
  tap_is_u64(scene_count(s, "link_message_late") - late, 4, "link_message_late: the others");
}

/* ---- descriptors ---- */

/* A descriptor of some other node: who, and with which dates. */
typedef struct stranger {
  al_identity id;
  uint8_t record[AL_DESC_BYTES_MAX];
  al_bytes bytes;
} stranger;

static void describe(scene *s, stranger *x, uint64_t sequence, int64_t shift_s) {
  uint8_t root[32] = {99}, coins[32] = {(uint8_t)sequence};
  al_desc d = s->h.fields;

  al_identity_init(s->h.suite, root, &x->id);
  d.sequence = sequence;
  d.published_s = (uint64_t)((int64_t)world_wall_s(s->w) + shift_s);
  d.expiry_s = d.published_s + 3600;
  al_wr w = al_wr_init(x->record, sizeof x->record);
  if (al_descriptor_make(s->h.suite, &x->id, &d, coins, &w) != AL_OK) abort();
  x->bytes = al_wr_view(&w);
}

/* The hostile neighbour says that it has `sequence` of the stranger, and answers with x. */
static void offer(scene *s, stranger *x, uint64_t sequence) {
  uint8_t m[64];
  al_wr w = al_wr_init(m, sizeof m);
  al_digest_start(&w);
  (void)al_digest_add(&w, &x->id.id, sequence);
  s->h.answers[0] = x->bytes;
  s->h.answers_count = 1;
  hostile_message(&s->h, SCENE_VICTIM, AL_MESSAGE_DIGEST, 1, al_wr_view(&w));
  scene_wait(s, 8 * AL_SECOND); /* what was refused is asked for elsewhere after five */
  s->h.answers_count = 0;
}

static uint64_t peers_of(scene *s, uint32_t node) {
  al_node_info info;
  al_inspect_node(world_node(s->w, node), &info);
  return info.peers;
}

static void test_descriptors(scene *s) {
  static stranger x;
  uint64_t sig = scene_count(s, "gossip_signature"), old = scene_count(s, "gossip_expired");
  uint64_t stale = scene_count(s, "gossip_stale"), parse = scene_count(s, "gossip_parse");
  uint64_t before = peers_of(s, SCENE_VICTIM);
  describe(s, &x, 5, 0);
  x.record[x.bytes.len - 1] ^= 1;
  offer(s, &x, 5);
  tap_is_u64(scene_count(s, "gossip_signature") - sig, 1, "gossip_signature: forged");
  describe(s, &x, 6, -4000);
  offer(s, &x, 6);
  describe(s, &x, 7, 4000);
  offer(s, &x, 7);
  tap_is_u64(scene_count(s, "gossip_expired") - old, 2,
             "gossip_expired: of yesterday, of tomorrow");
  describe(s, &x, 8, 0);
  x.record[4] ^= 0x80; /* a reserved flag */
  offer(s, &x, 8);
  tap_is_u64(scene_count(s, "gossip_parse") - parse, 1, "gossip_parse: malformed");
  tap_is_u64(peers_of(s, SCENE_VICTIM), before, "none of them is in the book");
  describe(s, &x, 20, 0);
  offer(s, &x, 20);
  tap_is_u64(peers_of(s, SCENE_VICTIM), before + 1, "a good one is");
  describe(s, &x, 20, -10);
  offer(s, &x, 21);
  tap_is_u64(scene_count(s, "gossip_stale") - stale, 1, "gossip_stale: contradicts the first");
  describe(s, &x, 19, 0);
  offer(s, &x, 22);
  tap_is_u64(scene_count(s, "gossip_stale") - stale, 2, "gossip_stale: older");
  tap_is_u64(peers_of(s, 3), before + 1, "the good one came to everybody");
}

/* A digest with names that nobody has. */
static void name_inventions(scene *s, uint32_t id, int count) {
  static uint8_t m[AL_MESSAGE_BYTES_MAX];
  al_wr w = al_wr_init(m, sizeof m);
  al_digest_start(&w);
  for (int i = 0; i < count; i++) {
    al_id invention;
    fill(invention.b, sizeof invention.b);
    (void)al_digest_add(&w, &invention, 1);
  }
  hostile_message(&s->h, SCENE_VICTIM, AL_MESSAGE_DIGEST, id, al_wr_view(&w));
}

/* Whoever hands out forgeries is believed less: of what it names only some is looked for. */
static void test_forger(scene *s) {
  static stranger x;
  uint64_t sig = scene_count(s, "gossip_signature"), rate = scene_count(s, "gossip_rate");
  for (uint32_t i = 0; i < 20; i++) {
    describe(s, &x, 100 + i, 0);
    x.record[x.bytes.len - 1] ^= 1;
    offer(s, &x, 200);
  }
  tap_is_u64(scene_count(s, "gossip_signature") - sig, 20, "gossip_signature: forger at work");
  tap_is_u64(scene_count(s, "gossip_rate") - rate, 0, "gossip_rate: not yet");
  name_inventions(s, 1, 190);
  scene_wait(s, AL_SECOND);
  tap_ok(scene_count(s, "gossip_rate") - rate > 40, "gossip_rate: a forger is believed less (%u)",
         (unsigned)(scene_count(s, "gossip_rate") - rate));
  scene_wait(s, 130 * AL_SECOND);
}

static void test_digest_flood(scene *s) {
  uint64_t rate = scene_count(s, "gossip_rate");
  uint32_t asked = s->h.messages[AL_MESSAGE_WANT];
  for (uint32_t k = 0; k < 60; k++) name_inventions(s, 1000 + k, 400);
  scene_wait(s, 30 * AL_SECOND);
  tap_ok(scene_count(s, "gossip_rate") - rate > 1000, "gossip_rate: names without end (%u)",
         (unsigned)(scene_count(s, "gossip_rate") - rate));
  tap_ok(s->h.messages[AL_MESSAGE_WANT] - asked < 100, "few of them are asked for (%u)",
         s->h.messages[AL_MESSAGE_WANT] - asked);
}

/* ---- silence and unfinished handshakes ---- */

static void test_silence(scene *s) {
  uint64_t dead = scene_count(s, "link_dead");
  uint32_t downs = s->downs[SCENE_VICTIM];
  al_time began = world_now(s->w);
  s->h.silent = true;
  scene_wait(s, 30 * AL_SECOND);
  tap_is_u64(scene_count(s, "link_dead") - dead, 1, "link_dead: a neighbour that went silent");
  tap_ok(s->downs[SCENE_VICTIM] == downs + 1 && s->down_at[SCENE_VICTIM] - began < 15 * AL_SECOND,
         "declared dead after %u ms", (unsigned)((s->down_at[SCENE_VICTIM] - began) / AL_MS));
}

static void test_mute_dialler(scene *s) {
  uint64_t late = scene_count(s, "link_handshake_timeout");
  uint32_t failed = s->failed[SCENE_VICTIM];
  al_time began = world_now(s->w);
  tap_ok(!hostile_dial(&s->h, SCENE_VICTIM), "a dialler that says nothing gets no link");
  scene_wait(s, 10 * AL_SECOND);
  tap_is_u64(scene_count(s, "link_handshake_timeout") - late, 1, "link_handshake_timeout");
  tap_ok(
      s->failed[SCENE_VICTIM] == failed + 1 && s->failed_at[SCENE_VICTIM] - began < 11 * AL_SECOND,
      "it is closed in time");
}

/* Handshake frames of every wrong form, at a node that waits for the first one. */
static void test_bad_handshakes(scene *s) {
  uint8_t f[AL_FRAME_BYTES];
  uint64_t parse = scene_count(s, "link_handshake_parse"), state = scene_count(s, "link_state");
  uint64_t auth = scene_count(s, "link_handshake_auth");
  al_link link;
  (void)al_link_dial(&s->h.links, world_now(s->w), NULL, al_view(NULL, 0), &link);
  (void)world_ops()->open(world_transport(s->w, SCENE_HOSTILE), link,
                          world_address(s->w, SCENE_VICTIM));
  scene_wait(s, AL_SECOND);
  fill(f, sizeof f);
  memset(f, 0xff, 8);
  const uint8_t heads[][8] = {{9, 0, 1, 0, 1},
                              {3, 0, 11, 1},
                              {1, 0, 4, 0, 0x40, 0xe},
                              {1, 4, 4, 0, 0x40, 0xe},
                              {1, 0, 1, 0, 0x40, 0xe}};
  for (size_t i = 0; i < 5; i++) {
    memcpy(f + 8, heads[i], 8);
    (void)world_inject(s->w, SCENE_HOSTILE, SCENE_VICTIM, f, sizeof f);
  }
  scene_wait(s, 100 * AL_MS);
  tap_is_u64(scene_count(s, "link_handshake_parse") - parse, 4, "link_handshake_parse");
  memcpy(f + 8, (const uint8_t[8]){4, 0, 3, 0, 0xe0, 8}, 8);
  (void)world_inject(s->w, SCENE_HOSTILE, SCENE_VICTIM, f, sizeof f);
  f[0] = 0;
  (void)world_inject(s->w, SCENE_HOSTILE, SCENE_VICTIM, f, sizeof f);
  scene_wait(s, 100 * AL_MS);
  tap_is_u64(scene_count(s, "link_state") - state, 2, "link_state: out of turn; data before keys");
  f[0] = 0xff;
  for (uint8_t index = 1; index < 4; index++) {
    memcpy(f + 8, (const uint8_t[8]){1, index, 4, 0, 0x40, 0xe}, 8);
    (void)world_inject(s->w, SCENE_HOSTILE, SCENE_VICTIM, f, sizeof f);
  }
  scene_wait(s, 100 * AL_MS);
  tap_is_u64(scene_count(s, "link_handshake_auth") - auth, 1, "link_handshake_auth: garbage");
  scene_wait(s, 15 * AL_SECOND);
}

/* The victim looks for so many descriptors at a time that trust is what limits a forger. */
static void configure(void *ctx, world *w, uint32_t node, al_config *c) {
  (void)ctx;
  (void)w;
  if (node == SCENE_VICTIM) c->limits.peers_max = 400;
}

int main(int argc, char **argv) {
  static scene s;
  world_options o;
  world_options_default(&o);
  o.nodes = SCENE_NODES;
  if (argc > 1) o.seed = rand_state = strtoull(argv[1], NULL, 10);
  printf("# seed %llu\n", (unsigned long long)o.seed);
  scene_limits(&o);
  o.configure = configure;
  scene_start(&s, &o, SCENE_HOSTILE);
  scene_works(&s, "the start");
  hostile_start(&s.h, s.w, SCENE_HOSTILE, al_view(NULL, 0));
  tap_ok(hostile_dial(&s.h, SCENE_VICTIM), "somebody hostile has a link");
  world_forbid_alloc(s.w, true);
  test_random_frames(&s);
  test_replayed_frames(&s);
  test_random_cells(&s);
  test_malformed_messages(&s);
  test_unfinished_messages(&s);
  world_forbid_alloc(s.w, false);
  scene_works(&s, "garbage");
  test_descriptors(&s);
  test_forger(&s);
  test_digest_flood(&s);
  scene_works(&s, "descriptors");
  test_silence(&s);
  test_mute_dialler(&s);
  test_bad_handshakes(&s);
  scene_works(&s, "bad handshakes");
  hostile_stop(&s.h);
  scene_end(&s, SCENE_HOSTILE);
  return tap_done();
}
