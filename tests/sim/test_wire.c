/* test_wire.c — somebody between two nodes, and somebody who is not who he should be: frames that
 * are altered, repeated, dropped on the wire, a wrong network secret, a wrong node at an address,
 * two nodes that dial each other at once. Argument: seed. */
#include <stdlib.h>
#include <string.h>

#include "scene.h"

/* ---- frames on the wire ---- */

typedef enum meddling { NOTHING, ALTER, REPEAT, DROP, ALTER_HANDSHAKES } meddling;

typedef struct meddler {
  meddling what;
  uint64_t state;
  uint32_t done;
} meddler;

static bool chance(meddler *m, uint64_t per_mille) {
  m->state = m->state * 6364136223846793005u + 1442695040888963407u;
  bool yes = (m->state >> 33) % 1000 < per_mille;
  m->done += yes;
  return yes;
}

static uint32_t meddle(void *ctx, world *w, const world_wire *f) {
  meddler *m = ctx;
  uint8_t *frame = f->frame;
  (void)w;
  bool handshake = al_load_u64(frame) == UINT64_MAX;
  if (m->what == ALTER_HANDSHAKES && handshake) {
    frame[100] ^= 1;
    m->done++;
  }
  if (m->what == NOTHING || handshake) return 1;
  if (m->what == ALTER && chance(m, 20)) frame[m->state % f->len] ^= (uint8_t)(1 << (m->state % 8));
  if (m->what == DROP && chance(m, 20)) return 0;
  return m->what == REPEAT && chance(m, 300) ? 2 : 1;
}

static void under(scene *s, meddler *m, meddling what, const char *counter) {
  static const char *const names[] = {"", "altered", "repeated", "dropped, segments sent again"};
  const uint64_t share = what == DROP ? 20 : 90; /* of what is done that is counted, per cent */
  uint64_t before = world_counter(s->w, counter);
  uint32_t first = s->t.count;
  m->what = what;
  m->done = 0;
  for (int i = 0; i < 6; i++) (void)traffic_open_apart(&s->t, s->w, SCENE_CLIENT, 100000);
  scene_wait(s, 90 * AL_SECOND);
  m->what = NOTHING;
  uint32_t whole = traffic_count_whole(&s->t, first), reset = traffic_count_reset(&s->t, first);
  tap_ok(m->done > 20 && world_counter(s->w, counter) - before >= m->done * share / 100,
         "%s: %u frames %s", counter, m->done, names[what]);
  tap_ok(whole + reset == 6, "streams are whole (%u) or reset (%u)", whole, reset);
  tap_ok(whole >= 5, "nearly all are whole");
  tap_is_u64(traffic_wrong(&s->t), 0, "no wrong byte");
}

static void test_meddling(uint64_t seed) {
  static scene s;
  static meddler m;
  world_options o;
  world_options_default(&o);
  m.state = o.seed = seed;
  o.nodes = SCENE_NODES;
  o.jitter_us = 20000; /* more than the delay: frames overtake each other */
  scene_limits(&o);
  scene_start(&s, &o, SCENE_HOSTILE);
  world_set_tap(s.w, meddle, &m);
  under(&s, &m, ALTER, "link_auth");
  under(&s, &m, REPEAT, "link_replay");
  under(&s, &m, DROP, "stream_retransmit");
  scene_works(&s, "meddling");
  scene_end(&s, SCENE_HOSTILE);
}

/* Handshakes that are altered come to nothing, and are tried again without being asked. */
static void test_handshakes(uint64_t seed) {
  static scene s;
  static meddler m = {.what = ALTER_HANDSHAKES};
  al_node_info info;
  uint32_t ups = 0;
  world_options o;
  world_options_default(&o);
  o.seed = seed;
  o.nodes = 4;
  scene_limits(&o);
  s.w = world_new(&o, scene_event, &s);
  world_set_tap(s.w, meddle, &m);
  for (uint32_t i = 0; i < 4; i++) world_start(s.w, i);
  for (uint32_t i = 1; i < 4; i++) world_join(s.w, i, 0);
  scene_wait(&s, 15 * AL_SECOND);
  for (uint32_t i = 0; i < 4; i++) ups += s.ups[i];
  tap_is_u64(ups, 0, "no link comes of an altered handshake");
  tap_ok(world_counter(s.w, "link_handshake_auth") >= 3, "link_handshake_auth: each is counted");
  tap_ok(world_counter(s.w, "link_handshake_timeout") >= 3, "link_handshake_timeout: at both ends");
  m.what = NOTHING;
  scene_wait(&s, 60 * AL_SECOND);
  al_inspect_node(world_node(s.w, 3), &info);
  tap_is_u64(info.peers, 3, "they try again, and know each other");
  for (uint32_t i = 0; i < 4; i++) world_stop(s.w, i, true);
  world_free(s.w);
}

/* ---- a private network ---- */

typedef struct watch {
  scene s;
  uint8_t key[3][32]; /* the beginnings of the members' signature keys */
  uint32_t shown, to_stranger, from_stranger;
} watch;

static void wrong_secret(void *ctx, world *w, uint32_t node, al_config *c) {
  static const uint8_t ours[32] = {1}, theirs[32] = {2};
  (void)ctx;
  (void)w;
  c->network_secret = (al_bytes){node == 3 ? theirs : ours, 32};
}

static uint32_t look(void *ctx, world *w, const world_wire *f) {
  watch *x = ctx;
  (void)w;
  if (f->to == 3) x->to_stranger++;
  if (f->from == 3) x->from_stranger++;
  for (int k = 0; k < 3; k++) {
    for (size_t i = 0; i + 32 <= f->len; i++) x->shown += memcmp(f->frame + i, x->key[k], 32) == 0;
  }
  return 1;
}

static void test_wrong_secret(uint64_t seed) {
  static watch x;
  world_options o;
  al_node_info info;
  world_options_default(&o);
  o.seed = seed;
  o.nodes = 4;
  o.suite = al_suite_hacl();
  o.configure = wrong_secret;
  scene_limits(&o);
  x.s.w = world_new(&o, scene_event, &x.s);
  for (uint32_t i = 0; i < 4; i++) world_start(x.s.w, i);
  for (uint32_t i = 0; i < 3; i++) { /* a descriptor has it at byte 48 */
    static uint8_t buf[16384];
    al_bytes d = al_inspect_descriptor(world_node(x.s.w, i), buf, sizeof buf);
    memcpy(x.key[i], d.ptr + 48, 32);
  }
  world_set_tap(x.s.w, look, &x);
  for (uint32_t i = 1; i < 4; i++) world_join(x.s.w, i, 0);
  scene_wait(&x.s, 30 * AL_SECOND);
  al_inspect_node(world_node(x.s.w, 2), &info);
  tap_is_u64(info.peers, 2, "those with the secret know each other");
  al_inspect_node(world_node(x.s.w, 3), &info);
  tap_is_u64(info.peers, 0, "the one without knows nobody");
  tap_ok(x.s.failed[3] > 0 && x.s.ups[3] == 0, "and is told that it failed");
  tap_ok(x.from_stranger > 0 && x.to_stranger == 0, "it hears nothing at all");
  tap_ok(world_counter_of(x.s.w, 0, "link_handshake_auth") > 0, "link_handshake_auth");
  tap_is_u64(x.shown, 0, "no frame shows an identity");
  for (uint32_t i = 0; i < 4; i++) world_stop(x.s.w, i, true);
  world_free(x.s.w);
}

/* ---- not who he should be ---- */

static bool other_identity;

static void configure_impostor(void *ctx, world *w, uint32_t node, al_config *c) {
  (void)ctx;
  (void)w;
  if (node == 1 && other_identity) memset(c->identity, 77, sizeof c->identity);
  if (node == 2) c->addresses_count = 0; /* so that it does not know its own */
}

static bool linked_to(world *w, uint32_t node, const al_id *id) {
  al_link_info info;
  for (uint32_t i = 0; al_inspect_link(world_node(w, node), i, &info); i++)
    if (info.up && al_id_equal(&info.peer, id)) return true;
  return false;
}

static void test_impostor(uint64_t seed) {
  static scene s;
  world_options o;
  al_node_info old, now;
  world_options_default(&o);
  o.seed = seed;
  o.nodes = 3;
  o.configure = configure_impostor;
  scene_limits(&o);
  scene_start(&s, &o, 2);
  al_inspect_node(world_node(s.w, 1), &old);
  tap_ok(linked_to(s.w, 0, &old.id), "a node knows another at its address");
  world_stop(s.w, 1, false);
  other_identity = true;
  world_start(s.w, 1);
  scene_wait(&s, 60 * AL_SECOND);
  al_inspect_node(world_node(s.w, 1), &now);
  tap_ok(!al_id_equal(&old.id, &now.id), "somebody else has that address now");
  tap_ok(!linked_to(s.w, 0, &old.id), "and is not taken for the one that was there");
  tap_ok(s.failed[0] > 0 && world_counter_of(s.w, 1, "link_handshake_auth") > 0,
         "link_handshake_auth: who dials the old one fails");
  world_start(s.w, 2);
  uint64_t auth = world_counter_of(s.w, 2, "link_handshake_auth");
  world_join(s.w, 2, 2);
  scene_wait(&s, 5 * AL_SECOND);
  tap_ok(
      s.ups[2] == 0 && s.failed[2] >= 1 && world_counter_of(s.w, 2, "link_handshake_auth") > auth,
      "a node that dials itself finds out");
  tap_ok(s.refused[2] >= 1, "and says that it is refused for what it is");
  other_identity = false;
  scene_end(&s, 3);
}

/* ---- one identity, two nodes ---- */

enum { TWINS = 8 };

/* The last node has the root secret of the one before it: stolen, or restored from a backup. */
static void configure_twin(void *ctx, world *w, uint32_t node, al_config *c) {
  (void)ctx;
  if (node == TWINS - 1) world_identity(w, TWINS - 2, c->identity);
}

static uint32_t links_to(world *w, uint32_t node, const al_id *id) {
  al_link_info info;
  uint32_t n = 0;
  for (uint32_t i = 0; al_inspect_link(world_node(w, node), i, &info); i++)
    n += info.up && al_id_equal(&info.peer, id);
  return n;
}

/* Nothing can tell them apart: others have a link to either, or two where they dialled each other
 * and circuits use both, and go on. */
static void test_twins(uint64_t seed) {
  static scene s;
  world_options o;
  al_node_info a, b;
  uint32_t most = 0, have = 0, first;
  world_options_default(&o);
  o.seed = seed;
  o.nodes = TWINS;
  o.configure = configure_twin;
  scene_limits(&o);
  scene_start(&s, &o, TWINS);
  scene_wait(&s, 120 * AL_SECOND);
  al_inspect_node(world_node(s.w, TWINS - 2), &a);
  al_inspect_node(world_node(s.w, TWINS - 1), &b);
  tap_ok(al_id_equal(&a.id, &b.id), "two nodes with one identity");
  for (uint32_t i = 0; i + 2 < TWINS; i++) {
    uint32_t n = links_to(s.w, i, &a.id);
    most = n > most ? n : most;
    have += n != 0;
  }
  tap_ok(most <= 4 && have >= TWINS / 2, "others have %u links to it at most: %u of %u have", most,
         have, TWINS - 2);
  tap_ok(links_to(s.w, TWINS - 2, &a.id) == 0, "neither of the two has one to itself");
  first = s.t.count;
  for (int i = 0; i < 6; i++) (void)traffic_open_apart(&s.t, s.w, SCENE_CLIENT, 20000);
  scene_wait(&s, 60 * AL_SECOND);
  tap_is_u64(traffic_count_whole(&s.t, first), 6, "and streams of the others are whole");
  tap_is_u64(traffic_wrong(&s.t), 0, "no wrong byte");
  scene_end(&s, TWINS);
}

/* ---- both at once ---- */

static void test_both_dial(uint64_t seed) {
  static scene s;
  world_options o;
  world_options_default(&o);
  o.seed = seed;
  o.nodes = 2;
  scene_limits(&o);
  s.w = world_new(&o, scene_event, &s);
  s.bufs = world_bufs_free(s.w);
  world_start(s.w, 0);
  world_start(s.w, 1);
  world_join(s.w, 0, 1);
  world_join(s.w, 1, 0);
  scene_wait(&s, 2 * AL_SECOND);
  tap_ok(s.ups[0] == 2 && s.ups[1] == 2, "two nodes that dial each other have two links");
  scene_wait(&s, 30 * AL_SECOND);
  al_node_info a, b;
  al_link_info x, y;
  al_inspect_node(world_node(s.w, 0), &a);
  al_inspect_node(world_node(s.w, 1), &b);
  tap_ok(a.links == 1 && b.links == 1, "one of them stays");
  bool there =
      al_inspect_link(world_node(s.w, 0), 0, &x) && al_inspect_link(world_node(s.w, 1), 0, &y);
  tap_ok(there && x.up && y.up && x.initiator != y.initiator, "the same on both sides");
  tap_ok(there && x.initiator == (memcmp(a.id.b, b.id.b, 32) < 0), "the one of the lower ID");
  scene_wait(&s, 120 * AL_SECOND);
  tap_ok(s.downs[0] == 1 && s.downs[1] == 1, "and nothing else happens");
  scene_end(&s, 2);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  printf("# seed %llu\n", (unsigned long long)seed);
  test_meddling(seed);
  test_handshakes(seed);
  test_wrong_secret(seed);
  test_impostor(seed);
  test_twins(seed);
  test_both_dial(seed);
  return tap_done();
}
