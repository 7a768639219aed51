/* test_tables.c — every table full, one at a time, and the policy that docs/ARCHITECTURE.md states
 * for it. Argument: seed. */
#include <stdlib.h>
#include <string.h>

#include "scene.h"

static uint64_t seed = 1;

/* What is tiny, and where: node SCENE_EXIT unless `everywhere`. */
static struct {
  al_limits tiny; /* fields that are 0 stay as they are */
  bool everywhere, no_relay;
} squeeze;

static void squeeze_limits(al_limits *l) {
  const al_limits *t = &squeeze.tiny;
  if (t->links_max != 0) l->links_max = t->links_max;
  if (t->circuits_max != 0) l->circuits_max = t->circuits_max;
  if (t->streams_max != 0) l->streams_max = t->streams_max;
  if (t->peers_max != 0) l->peers_max = t->peers_max;
  if (t->queue_cells_max != 0) l->queue_cells_max = t->queue_cells_max;
  if (t->stream_window != 0) l->stream_window = t->stream_window;
  if (t->replay_tags_max != 0) l->replay_tags_max = t->replay_tags_max;
}

static void configure(void *ctx, world *w, uint32_t node, al_config *c) {
  (void)ctx;
  (void)w;
  if (squeeze.everywhere || node == SCENE_EXIT) squeeze_limits(&c->limits);
  if (squeeze.no_relay && node == SCENE_VICTIM) c->relay = false;
}

static void begin(scene *s, world_options *o) {
  memset(s, 0, sizeof *s);
  o->seed = seed;
  o->nodes = SCENE_NODES;
  o->configure = configure;
  scene_limits(o);
  scene_start(s, o, SCENE_HOSTILE);
}

static void finish(scene *s) {
  scene_end(s, SCENE_HOSTILE);
  memset(&squeeze, 0, sizeof squeeze);
}

static uint64_t exit_count(const scene *s, const char *name) {
  return world_counter_of(s->w, SCENE_EXIT, name);
}

static void test_links(scene *s) {
  world_options o;
  al_node_info info;
  world_options_default(&o);
  squeeze.tiny.links_max = 4;
  begin(s, &o);
  for (uint32_t i = 4; i < SCENE_HOSTILE; i++) world_join(s->w, i, 1);
  scene_wait(s, 20 * AL_SECOND);
  al_inspect_node(world_node(s->w, SCENE_EXIT), &info);
  tap_ok(info.links <= 4, "links: four at most (%u)", info.links);
  tap_ok(exit_count(s, "link_full") > 0, "link_full: others are refused (%u)",
         (unsigned)exit_count(s, "link_full"));
  al_inspect_node(world_node(s->w, SCENE_CLIENT), &info);
  tap_is_u64(info.peers, SCENE_HOSTILE - 1, "who was refused knows everybody through others");
  scene_works(s, "links were refused");
  finish(s);
}

static void test_circuits(scene *s) {
  world_options o;
  world_options_default(&o);
  squeeze.tiny.circuits_max = 24;
  begin(s, &o);
  uint32_t first = s->t.count;
  for (int i = 0; i < 20; i++) {
    (void)traffic_open_apart(&s->t, s->w, SCENE_CLIENT, 1000);
    scene_wait(s, AL_SECOND);
  }
  scene_wait(s, 60 * AL_SECOND);
  uint32_t whole = traffic_count_whole(&s->t, first), reset = traffic_count_reset(&s->t, first);
  tap_ok(whole >= 1 && whole + reset == 20, "circuits: %u streams found room, %u were refused",
         whole, reset);
  uint32_t with_reason = 0;
  for (uint32_t i = first; i < s->t.count; i++)
    with_reason += s->t.flow[i].reset && (s->t.flow[i].why == AL_REASON_RESOURCE ||
                                          s->t.flow[i].why == AL_REASON_CIRCUIT);
  tap_is_u64(with_reason, reset, "with the reason that a limit is reached, or no circuit");
  tap_ok(exit_count(s, "circuit_full") > 0, "circuit_full (%u)",
         (unsigned)exit_count(s, "circuit_full"));
  scene_wait(s, 1300 * AL_SECOND); /* circuits without streams are given up */
  scene_works(s, "circuits were refused");
  finish(s);
}

static void test_streams(scene *s) {
  world_options o;
  world_options_default(&o);
  squeeze.tiny.streams_max = 4;
  begin(s, &o);
  uint32_t first = s->t.count;
  for (int i = 0; i < 12; i++) (void)traffic_open(&s->t, s->w, SCENE_CLIENT, 500000);
  scene_wait(s, 60 * AL_SECOND);
  uint32_t whole = traffic_count_whole(&s->t, first), reset = 0;
  for (uint32_t i = first; i < s->t.count; i++)
    reset += s->t.flow[i].reset && s->t.flow[i].why == AL_REASON_RESOURCE;
  tap_ok(whole == 4 && reset == 8, "streams: four find room (%u), the rest RESOURCE (%u)", whole,
         reset);
  tap_is_u64(exit_count(s, "stream_full"), 8, "stream_full: each is counted");
  finish(s);
  squeeze.tiny.streams_max = 3;
  squeeze.everywhere = true;
  begin(s, &o);
  for (int i = 0; i < 5; i++) (void)traffic_open(&s->t, s->w, SCENE_CLIENT, 500000);
  tap_ok(s->t.flow[2].stream != 0 && s->t.flow[3].reset && s->t.flow[4].reset,
         "at the client itself: refused at once");
  scene_wait(s, 30 * AL_SECOND);
  scene_works(s, "streams were refused");
  finish(s);
}

static void test_peers(scene *s) {
  world_options o;
  al_node_info info;
  world_options_default(&o);
  squeeze.tiny.peers_max = 3;
  begin(s, &o);
  al_inspect_node(world_node(s->w, SCENE_EXIT), &info);
  tap_ok(info.peers <= 3 + info.links && info.links_up >= 3,
         "descriptors: three and those of %u links at most (%u)", info.links, info.peers);
  scene_wait(s, 300 * AL_SECOND);
  scene_works(s, "descriptors were refused");
  uint32_t stored = 0;
  al_bytes key, value;
  for (uint32_t i = 0; world_record(s->w, SCENE_EXIT, i, &key, &value); i++)
    stored += key.len > 5 && memcmp(key.ptr, "peer/", 5) == 0;
  tap_ok(stored <= 2 * info.peers, "and the store keeps no more than twice as many (%u)", stored);
  finish(s);
}

/* A neighbour that is no member of the sample goes: what was not pinned is not unpinned. */
static void test_late_entry(scene *s) {
  world_options o;
  al_peer_info p;
  al_node_info info;
  world_options_default(&o);
  memset(s, 0, sizeof *s);
  squeeze.tiny.peers_max = 1;
  o.seed = seed;
  o.nodes = 3;
  o.configure = configure;
  scene_limits(&o);
  scene_start(s, &o, 3);
  world_stop(s->w, 1, true);
  al_inspect_node(world_node(s->w, 2), &info);
  bool there = false;
  for (int i = 0; i < 300 && !there; i++) {
    scene_wait(s, AL_SECOND);
    for (uint32_t k = 0; al_inspect_peer(world_node(s->w, SCENE_EXIT), k, &p); k++)
      there |= al_id_equal(&p.id, &info.id);
  }
  tap_ok(there, "a neighbour's descriptor finds room");
  uint32_t downs = s->downs[SCENE_EXIT];
  world_stop(s->w, 2, true);
  scene_wait(s, AL_SECOND);
  tap_is_u64(s->downs[SCENE_EXIT] - downs, 1, "and it goes");
  scene_end(s, 3);
  memset(&squeeze, 0, sizeof squeeze);
}

static void test_tags(scene *s) {
  world_options o;
  world_options_default(&o);
  squeeze.tiny.replay_tags_max = 20;
  begin(s, &o);
  uint32_t first = s->t.count;
  for (int i = 0; i < 20; i++) {
    (void)traffic_open_apart(&s->t, s->w, SCENE_CLIENT, 1000);
    scene_wait(s, 5 * AL_SECOND);
  }
  uint32_t whole = traffic_count_whole(&s->t, first), reset = traffic_count_reset(&s->t, first);
  tap_ok(reset > 0 && whole + reset == 20, "tags: %u streams, then %u are refused", whole, reset);
  tap_ok(exit_count(s, "sphinx_replay_full") > 0, "sphinx_replay_full: no tag is forgotten");
  uint64_t next = (world_wall_s(s->w) / AL_EPOCH_S + 1) * AL_EPOCH_S;
  scene_wait(s, (next + 20 - world_wall_s(s->w)) * AL_SECOND);
  scene_works(s, "the next epoch began");
  finish(s);
}

/* A slow exit's link: its relay's queue is bounded in cells, then in time. */
static void test_queues(scene *s) {
  world_options o;
  world_options_default(&o);
  o.rate_bytes_s = 60000;
  o.queue_bytes = 16384;
  squeeze.tiny.queue_cells_max = 4;
  squeeze.everywhere = true;
  begin(s, &o);
  uint32_t first = s->t.count;
  for (uint32_t i = 0; i < 12; i++) (void)traffic_open_apart(&s->t, s->w, 2 + i % 5, 100000);
  scene_wait(s, 300 * AL_SECOND);
  tap_is_u64(traffic_count_whole(&s->t, first), 12,
             "cells: slow links and short queues lose no byte");
  tap_ok(world_counter(s->w, "circuit_queue_full") > 0,
         "circuit_queue_full: the oldest is dropped");
  finish(s);
  begin(s, &o);
  first = s->t.count;
  for (uint32_t i = 0; i < 12; i++) (void)traffic_open_apart(&s->t, s->w, 2 + i % 5, 200000);
  scene_wait(s, 300 * AL_SECOND);
  tap_is_u64(traffic_count_whole(&s->t, first), 12, "nor do long queues");
  tap_ok(world_counter(s->w, "circuit_late") > 0, "circuit_late: what waits too long is dropped");
  finish(s);
}

/* So few packet buffers that frames are lost at the door: streams send again. */
static void test_buffers(scene *s) {
  world_options o;
  world_options_default(&o);
  o.bufs = 64;
  o.effects = 1024;
  o.rate_bytes_s = 1000000;
  begin(s, &o);
  uint32_t first = s->t.count;
  for (int i = 0; i < 6; i++) (void)traffic_open_apart(&s->t, s->w, SCENE_CLIENT, 300000);
  scene_wait(s, 600 * AL_SECOND);
  tap_is_u64(traffic_count_whole(&s->t, first), 6, "buffers: 64 for seven nodes lose no byte");
  tap_is_u64(traffic_wrong(&s->t), 0, "and make none wrong");
  finish(s);
}

/* More streams than the effect queue holds end at once. */
static void test_effects(scene *s) {
  enum { STREAMS = 1200 };
  static al_stream handle[STREAMS];
  static const al_target t = {AL_TARGET_NAME, 80, 4, "echo"};
  world_options o;
  world_options_default(&o);
  o.effects = 1024;
  squeeze.tiny.streams_max = 2000;
  squeeze.everywhere = true;
  squeeze.tiny.stream_window = 32768;
  begin(s, &o);
  uint32_t resets = s->t.exit_resets, opened = 0;
  al_drive *d = world_drive(s->w, SCENE_CLIENT);
  for (int i = 0; i < STREAMS; i++) {
    opened += al_stream_open(al_drive_node(d), al_drive_work(d), world_now(s->w), &t, 0,
                             &handle[i]) == AL_OK;
    al_drive_pump(d);
    if (i % 50 == 0) scene_wait(s, 100 * AL_MS);
  }
  scene_wait(s, 10 * AL_SECOND);
  tap_is_u64(opened, STREAMS, "effects: 1200 streams of one circuit");
  world_stop(s->w, SCENE_EXIT, false);
  scene_wait(s, 60 * AL_SECOND);
  tap_is_u64(s->t.exit_resets - resets, STREAMS, "all of them hear that it is gone");
  world_start(s->w, SCENE_EXIT);
  scene_wait(s, 60 * AL_SECOND);
  scene_works(s, "they ended");
  finish(s);
}

/* A node that carries nothing, one that lets nothing out, a list of control cells that is full. */
static void test_refusals(scene *s) {
  static const uint32_t victim[1] = {SCENE_VICTIM};
  uint8_t p[AL_SPHINX_BYTES], open[AL_RELAY_BYTES] = {1};
  uint32_t id;
  world_options o;
  world_options_default(&o);
  squeeze.no_relay = true;
  begin(s, &o);
  hostile_start(&s->h, s->w, SCENE_HOSTILE, al_view(NULL, 0));
  (void)hostile_dial(&s->h, SCENE_VICTIM);
  (void)hostile_packet(&s->h, victim, 1, p, &id);
  hostile_message(&s->h, SCENE_VICTIM, AL_MESSAGE_SPHINX, id, al_view(p, sizeof p));
  scene_wait(s, AL_SECOND);
  tap_ok(scene_count(s, "node_setup_refused") == 1 && s->h.destroy_why == AL_REASON_POLICY,
         "node_setup_refused: a node that is no relay says so");
  hostile_stop(&s->h);
  finish(s);
  begin(s, &o);
  hostile_start(&s->h, s->w, SCENE_HOSTILE, al_view(NULL, 0));
  (void)hostile_dial(&s->h, SCENE_VICTIM);
  al_circ circ = hostile_circuit(&s->h, SCENE_VICTIM, victim, 1);
  memcpy(open + 5, "\x02\0\0\0\0\xff\xff\0\0P\0\x01\x01x", 14);
  hostile_relay(&s->h, SCENE_VICTIM, circ, 1, al_view(open, sizeof open));
  uint32_t delivered = s->h.delivered;
  scene_wait(s, AL_SECOND);
  tap_ok(scene_count(s, "stream_refused") == 1 && s->h.delivered > delivered,
         "stream_refused: a relay lets nothing out, and answers");
  uint64_t full = scene_count(s, "node_urgent_full");
  for (int i = 0; i < 900 && hostile_packet(&s->h, victim, 1, p, &id) != 0; i++)
    hostile_message(&s->h, SCENE_VICTIM, AL_MESSAGE_SPHINX, id, al_view(p, sizeof p));
  scene_wait(s, AL_SECOND);
  tap_ok(scene_count(s, "node_urgent_full") > full, "node_urgent_full: not all refusals are told");
  scene_works(s, "refusals");
  hostile_stop(&s->h);
  finish(s);
}

/* A relay that swallows set-up packets. */
static void test_build_timeout(scene *s) {
  world_options o;
  world_options_default(&o);
  o.nodes = 4;
  o.seed = seed;
  memset(s, 0, sizeof *s);
  scene_limits(&o);
  scene_start(s, &o, 3); /* exit, relay, client: every path needs the fourth */
  hostile_start(&s->h, s->w, 3, al_view(NULL, 0));
  s->h.fields.flags = AL_DESC_RELAY;
  s->h.fields.addresses_count = 1;
  hostile_describe(&s->h);
  for (uint32_t i = 0; i < 3; i++) (void)hostile_dial(&s->h, i);
  uint32_t f = traffic_open(&s->t, s->w, 2, 1000);
  scene_wait(s, 60 * AL_SECOND);
  tap_ok(s->t.flow[f].reset && s->t.flow[f].why == AL_REASON_TIMEOUT,
         "set-up that is swallowed: the stream ends (%s)", al_reason_text(s->t.flow[f].why));
  tap_ok(world_counter(s->w, "circuit_build_timeout") >= 4, "circuit_build_timeout: every attempt");
  s->h.mischief = HOSTILE_FAITHFUL;
  scene_wait(s, 70 * AL_SECOND);
  f = traffic_open(&s->t, s->w, 2, 1000);
  scene_wait(s, 20 * AL_SECOND);
  tap_ok(traffic_whole(&s->t, f), "it works as soon as the relay does");
  hostile_stop(&s->h);
  scene_end(s, 3);
}

int main(int argc, char **argv) {
  static scene s;
  if (argc > 1) seed = strtoull(argv[1], NULL, 10);
  printf("# seed %llu\n", (unsigned long long)seed);
  test_links(&s);
  test_circuits(&s);
  test_streams(&s);
  test_peers(&s);
  test_late_entry(&s);
  test_tags(&s);
  test_queues(&s);
  test_buffers(&s);
  test_effects(&s);
  test_refusals(&s);
  test_build_timeout(&s);
  return tap_done();
}
