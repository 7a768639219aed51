/* test_days.c — time: onion keys from epoch to epoch, links that change keys every hour, circuits
 * and descriptors over more than a day; wall clocks that are wrong; a node that was away for
 * days. Argument: seed. */
#include <stdlib.h>
#include <string.h>

#include "scene.h"

enum { NODES = 5, CLIENT = 4 };

static uint64_t seed = 1;
static int64_t skew_s[SCENE_NODES];

static void configure(void *ctx, world *w, uint32_t node, al_config *c) {
  (void)ctx;
  (void)w;
  c->wall_s = (uint64_t)((int64_t)c->wall_s + skew_s[node]);
}

static void begin(scene *s, uint32_t nodes) {
  world_options o;
  world_options_default(&o);
  memset(s, 0, sizeof *s);
  o.seed = seed;
  o.nodes = SCENE_NODES;
  o.configure = configure;
  scene_limits(&o);
  scene_start(s, &o, nodes);
}

/* ---- a day and two hours ---- */

/* The epochs whose onion keys a node has stored. */
static uint32_t stored_epochs(const scene *s, uint32_t node, uint64_t epochs[8]) {
  al_bytes key, value;
  uint32_t n = 0;
  for (uint32_t i = 0; world_record(s->w, node, i, &key, &value); i++) {
    uint64_t e = 0;
    if (key.len < 11 || memcmp(key.ptr, "key/onion/", 10) != 0 || n == 8) continue;
    for (size_t k = 10; k < key.len; k++) e = e * 10 + (uint64_t)(key.ptr[k] - '0');
    epochs[n++] = e;
  }
  return n;
}

/* This epoch's and the next one's, and the last one's during its hour of grace; no other. */
static bool keys_right(const scene *s, uint32_t node) {
  uint64_t epochs[8], wall = world_wall_s(s->w), now = wall / AL_EPOCH_S;
  uint32_t n = stored_epochs(s, node, epochs), good = 0;
  bool grace = wall - now * AL_EPOCH_S <= 3601;
  for (uint32_t i = 0; i < n; i++)
    good += epochs[i] == now || epochs[i] == now + 1 || (grace && epochs[i] + 1 == now);
  return n == (grace ? 3 : 2) && good == n;
}

static uint64_t tags_of_old_epochs(const scene *s, uint32_t node) {
  al_bytes key, value;
  char text[32];
  uint64_t n = 0, now = world_wall_s(s->w) / AL_EPOCH_S;
  for (uint32_t i = 0; world_record(s->w, node, i, &key, &value); i++) {
    if (key.len < 5 || memcmp(key.ptr, "tag/", 4) != 0) continue;
    snprintf(text, sizeof text, "%.*s", (int)(key.len - 4 < 20 ? key.len - 4 : 20), key.ptr + 4);
    n += strtoull(text, NULL, 10) + 1 < now;
  }
  return n;
}

static void test_day(void) {
  static scene s;
  al_link_info link;
  al_peer_info peer;
  uint32_t wrong_keys = 0, whole = 0, hours = 26, resets = 0;
  memset(skew_s, 0, sizeof skew_s);
  begin(&s, NODES);
  uint32_t flow = traffic_drip_open(&s.t, s.w, CLIENT, 1000000);
  scene_wait(&s, 5 * AL_SECOND);
  world_forbid_alloc(s.w, false);
  uint32_t downs = 0, first = s.t.count;
  for (uint32_t i = 0; i < hours * 6; i++) {
    traffic_drip(&s.t, s.w, flow, 100 * (i + 1));
    scene_wait(&s, 590 * AL_SECOND);
    for (uint32_t n = 0; n < NODES; n++) wrong_keys += !keys_right(&s, n);
    if (i % 6 == 0) (void)traffic_open_apart(&s.t, s.w, CLIENT, 20000);
    scene_wait(&s, 10 * AL_SECOND);
  }
  whole = traffic_count_whole(&s.t, first);
  resets = traffic_count_reset(&s.t, 0);
  for (uint32_t n = 0; n < NODES; n++) downs += s.downs[n];
  tap_is_u64(wrong_keys, 0, "at every moment the stored onion keys are those of their time");
  tap_is_u64(tags_of_old_epochs(&s, SCENE_EXIT), 0, "tags of erased keys are erased");
  tap_is_u64(whole, hours, "a stream an hour works");
  tap_ok(resets == 0 && s.t.flow[flow].got == 100 * hours * 6 && s.t.flow[flow].wrong == 0,
         "one stream lives for %u hours on its circuit", hours);
  bool old = true, up = false;
  for (uint32_t i = 0; al_inspect_link(world_node(s.w, SCENE_EXIT), i, &link); i++) {
    up = true;
    old &= link.up_us > 25 * 3600 * AL_SECOND;
  }
  tap_ok(up && old && downs <= 12, "links stay up (%u closed as redundant)", downs);
  uint64_t rekeyed = world_counter(s.w, "link_rekeyed");
  tap_ok(rekeyed >= 25 * 2 * (NODES - 1), "link_rekeyed: every hour (%u)", (unsigned)rekeyed);
  bool fresh = true;
  for (uint32_t i = 0; al_inspect_peer(world_node(s.w, CLIENT), i, &peer); i++)
    fresh &= peer.expiry_s > world_wall_s(s.w) + 11 * 3600;
  tap_ok(fresh, "descriptors are renewed");
  tap_is_u64(world_counter(s.w, "sphinx_auth"), 0, "no set-up packet met an erased key");
  scene_end(&s, NODES);
}

/* ---- clocks ---- */

/* One node's clock is wrong by `skew`; result: how many links it has. */
static void clock_case(int64_t skew, bool taken, const char *what) {
  static scene s;
  al_node_info info;
  memset(skew_s, 0, sizeof skew_s);
  skew_s[3] = skew;
  begin(&s, 4);
  scene_wait(&s, 60 * AL_SECOND);
  al_inspect_node(world_node(s.w, 3), &info);
  tap_ok((info.links_up > 0) == taken, "%s: %s", what, taken ? "it is linked" : "it is refused");
  if (!taken) {
    tap_ok(s.failed[3] > 0 && world_counter(s.w, "link_handshake_auth") > 0,
           "link_handshake_auth: and both sides say so");
    uint64_t others = 0;
    for (uint32_t i = 0; i < 3; i++) {
      al_inspect_node(world_node(s.w, i), &info);
      others += info.peers;
    }
    tap_is_u64(others, 6, "the others know each other, not it");
    world_stop(s.w, 3, true);
    skew_s[3] = 0; /* the clock is set right */
    world_start(s.w, 3);
    world_join(s.w, 3, 0);
    scene_wait(&s, 30 * AL_SECOND);
    al_inspect_node(world_node(s.w, 3), &info);
    tap_is_u64(info.peers, 3, "with the clock set right it is taken");
    al_inspect_node(world_node(s.w, 0), &info);
    tap_is_u64(info.peers, 3, "and its new descriptor is");
  }
  scene_end(&s, 4);
}

/* ---- away ---- */

static void test_away(void) {
  static scene s;
  al_node_info info;
  memset(skew_s, 0, sizeof skew_s);
  begin(&s, 4);
  world_stop(s.w, 3, true);
  scene_wait(&s, (al_time)50 * 3600 * AL_SECOND); /* all descriptors it has have expired */
  world_start(s.w, 3);
  scene_wait(&s, 60 * AL_SECOND);
  al_inspect_node(world_node(s.w, 3), &info);
  tap_ok(info.links_up >= 2 && info.peers == 3,
         "after two days away a node finds back by itself: %u links, %u peers", info.links_up,
         info.peers);
  uint32_t f = traffic_open(&s.t, s.w, 3, 20000);
  scene_wait(&s, 20 * AL_SECOND);
  tap_ok(traffic_whole(&s.t, f), "and is of use");
  for (uint32_t i = 0; i < 4; i++) world_stop(s.w, i, true);
  scene_wait(&s, (al_time)40 * 86400 * AL_SECOND);
  for (uint32_t i = 0; i < 3; i++) {
    world_start(s.w, i);
    if (i > 0) world_join(s.w, i, 0);
  }
  scene_wait(&s, 60 * AL_SECOND);
  al_inspect_node(world_node(s.w, 0), &info);
  tap_is_u64(info.peers, 2, "after forty days those that come back know each other");
  al_bytes key, value;
  uint32_t stored = 0;
  for (uint32_t i = 0; world_record(s.w, 0, i, &key, &value); i++)
    stored += key.len > 5 && memcmp(key.ptr, "peer/", 5) == 0;
  tap_is_u64(stored, 2, "and have forgotten the fourth, in the store too");
  scene_end(&s, 3);
}

int main(int argc, char **argv) {
  if (argc > 1) seed = strtoull(argv[1], NULL, 10);
  printf("# seed %llu\n", (unsigned long long)seed);
  test_day();
  clock_case(86400, false, "a clock one day ahead");
  clock_case(-86400, false, "a clock one day behind");
  clock_case(1800, true, "a clock half an hour ahead");
  clock_case(-1800, true, "a clock half an hour behind");
  clock_case(-7200, false, "a clock two hours behind");
  test_away();
  return tap_done();
}
