/* test_inner.c — streams that end inside a node: they need no exit, may name the node at their end,
 * and a service that is not there refuses them. */
#include "node/inner.h"
#include "scene.h"

static struct {
  al_stream stream;
  al_reason why;
  uint32_t resets;
} heard;

static void on_event(void *ctx, world *w, uint32_t node, const al_event *ev) {
  if (node == SCENE_CLIENT && ev->kind == AL_EV_STREAM_RESET && ev->stream == heard.stream) {
    heard.resets++;
    heard.why = ev->reason;
  }
  scene_event(ctx, w, node, ev);
}

static al_err open_inner(scene *s, const al_target *t, uint64_t isolation) {
  al_drive *d = world_drive(s->w, SCENE_CLIENT);
  al_node *n = al_drive_node(d);
  /* Without a mark its events go to the host, so that this test hears them. */
  al_err e = al_node_inner_open(n, al_drive_work(d), t, isolation, &heard.stream);
  al_node_finish(n, al_drive_work(d));
  al_drive_pump(d);
  return e;
}

static al_id id_of(scene *s, uint32_t node) {
  al_node_info info;
  al_inspect_node(world_node(s->w, node), &info);
  return info.id;
}

int main(void) {
  static scene s;
  world_options o;
  world_options_default(&o);
  o.nodes = SCENE_NODES;
  o.exits = 0;
  scene_limits(&o);
  s.w = world_new(&o, on_event, &s);
  s.bufs = world_bufs_free(s.w);
  for (uint32_t i = 0; i < SCENE_NODES; i++) {
    world_start(s.w, i);
    if (i > 0) world_join(s.w, i, 0);
    world_run(s.w, world_now(s.w) + 100 * AL_MS);
  }
  scene_wait(&s, 20 * AL_SECOND);

  al_target t = {.kind = AL_TARGET_NODE, .port = 77};
  al_drive *d = world_drive(s.w, SCENE_CLIENT);
  tap_ok(al_stream_open(al_drive_node(d), al_drive_work(d), world_now(s.w), &t, 0, &heard.stream) ==
             AL_EINVAL,
         "a host cannot open one");
  al_drive_pump(d);
  tap_ok(open_inner(&s, &t, 1) == AL_OK, "the node can, although nobody is an exit");
  scene_wait(&s, 5 * AL_SECOND);
  tap_ok(heard.resets == 1 && heard.why == AL_REASON_POLICY, "a service that is not there refuses");
  tap_is_u64(world_counter(s.w, "node_inner_refused"), 1, "node_inner_refused: counted");
  for (uint32_t node = 1; node < 6; node++) {
    al_id id = id_of(&s, node);
    t.host_len = sizeof id.b;
    memcpy(t.host, id.b, sizeof id.b);
    uint64_t was = world_counter_of(s.w, node, "node_inner_refused");
    tap_ok(open_inner(&s, &t, 10 + node) == AL_OK, "a stream to a service of node %u", node);
    scene_wait(&s, 5 * AL_SECOND);
    tap_is_u64(world_counter_of(s.w, node, "node_inner_refused") - was, 1, "and it heard of it");
  }
  al_id self = id_of(&s, SCENE_CLIENT);
  memcpy(t.host, self.b, sizeof self.b);
  tap_ok(open_inner(&s, &t, 99) == AL_ESTATE, "none to itself");
  scene_end(&s, SCENE_NODES);
  return tap_done();
}
