/* Many small nodes on one shelf: they join, know each other, carry circuits and streams as others
 * do; until the first circuit a node is small, and what it knows is its own. */
#include <stdlib.h>

#include "scene.h"

enum { NODES = 32, STREAMS = 12, BYTES = 30000, IDLE_BYTES = 192 * 1024 };

static al_shelf *shelf;
static uint64_t shelf_bytes;

static void *shelf_get(void *ctx, size_t size) {
  (void)ctx;
  shelf_bytes += size;
  return calloc(1, size);
}

static void shelf_put(void *ctx, void *ptr, size_t size) {
  (void)ctx;
  shelf_bytes -= size;
  free(ptr);
}

static void lean(void *ctx, world *w, uint32_t node, al_config *c) {
  (void)ctx;
  (void)w;
  (void)node;
  c->shelf = shelf;
}

static world *start(scene *s) {
  world_options o;
  const al_alloc a = {NULL, shelf_get, shelf_put};
  if (al_shelf_new(&shelf, &a, al_suite_null(), (const uint8_t[16]){3}) != AL_OK) abort();
  world_options_default(&o);
  o.nodes = NODES;
  o.exits = 2;
  o.jitter_us = 5000;
  o.bufs = 16384;
  o.no_store = true;
  al_limits_small(&o.limits);
  o.configure = lean;
  return world_new(&o, scene_event, s);
}

static uint32_t awake(world *w) {
  al_node_info info;
  uint32_t n = 0;
  for (uint32_t i = 0; i < NODES; i++) {
    al_inspect_node(world_node(w, i), &info);
    n += info.circuits_origin + info.circuits_relay + info.circuits_end != 0;
  }
  return n;
}

/* A descriptor that one node has is on the shelf; another one must be told of it all the same. */
static void test_knowledge(world *w) {
  al_node_info info;
  world_start(w, 0);
  world_start(w, 1);
  world_run(w, world_now(w) + 10 * AL_SECOND);
  al_inspect_node(world_node(w, 1), &info);
  tap_ok(al_shelf_look(shelf).records == 2 && info.peers == 0,
         "two records are on the shelf, and nobody knows anybody");
  world_join(w, 1, 0);
  world_run(w, world_now(w) + 10 * AL_SECOND);
  al_inspect_node(world_node(w, 1), &info);
  tap_is_u64(info.peers, 1, "who was linked knows the other");
}

int main(void) {
  static scene s;
  world *w = s.w = start(&s);
  uint32_t bufs = world_bufs_free(w);
  test_knowledge(w);
  for (uint32_t i = 2; i < NODES; i++) {
    world_start(w, i);
    world_join(w, i, i / 3);
    world_run(w, world_now(w) + 100 * AL_MS);
  }
  world_run(w, world_now(w) + 60 * AL_SECOND);
  world_forbid_alloc(w, true);
  world_run(w, world_now(w) + 20 * AL_SECOND); /* no circuit: nothing may be got */
  world_forbid_alloc(w, false);
  al_node_info info;
  uint32_t knowing = 0;
  for (uint32_t i = 0; i < NODES; i++) {
    al_inspect_node(world_node(w, i), &info);
    knowing += info.peers >= NODES / 4;
  }
  uint64_t idle = world_stats_now(w).core_bytes / NODES;
  tap_ok(knowing >= NODES * 3 / 4, "%u nodes know a quarter of the others or more", knowing);
  tap_is_u64(al_shelf_look(shelf).records, NODES, "each descriptor is there once");
  tap_is_u64(awake(w), 0, "nobody has a circuit: none is kept ready");
  tap_ok(idle < IDLE_BYTES, "an idle node takes %u bytes", (unsigned)idle);
  for (uint32_t i = 0; i < STREAMS; i++) (void)traffic_open_apart(&s.t, w, 2 + i, BYTES);
  world_run(w, world_now(w) + 30 * AL_SECOND);
  for (uint32_t i = 0; i < s.t.count; i++)
    if (s.t.flow[i].reset) printf("# stream %u: %s\n", i, al_reason_text(s.t.flow[i].why));
  tap_is_u64(traffic_count_whole(&s.t, 0), STREAMS, "streams come back whole");
  tap_is_u64(traffic_wrong(&s.t), 0, "no byte is wrong");
  tap_is_u64(world_counter(w, "sphinx_auth") + world_counter(w, "link_auth"), 0,
             "keys made of seeds open what is sealed to them");
  for (uint32_t i = 0; i < NODES; i++) world_stop(w, i, true);
  tap_is_u64(world_bufs_free(w), bufs, "every packet buffer came back");
  tap_is_u64(al_shelf_look(shelf).records, 0, "and every record");
  world_free(w);
  al_shelf_free(shelf);
  tap_is_u64(shelf_bytes, 0, "and all of the shelf's memory");
  return tap_done();
}
