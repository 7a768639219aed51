/* scene.h — the small network that the tests of faults use: an exit, relays, a client, and a place
 * for somebody hostile. */
#ifndef SCENE_H
#define SCENE_H

#include <stdio.h>

#include "hostile.h"
#include "link/keys.h"
#include "tap.h"
#include "traffic.h"

enum { SCENE_NODES = 8, SCENE_EXIT = 0, SCENE_VICTIM = 1, SCENE_CLIENT = 6, SCENE_HOSTILE = 7 };

typedef struct scene {
  world *w;
  uint32_t bufs;
  traffic t;
  hostile h;
  uint32_t ups[SCENE_NODES], downs[SCENE_NODES], failed[SCENE_NODES];
  uint32_t refused[SCENE_NODES]; /* links that ended with AL_ECRYPTO */
  al_time down_at[SCENE_NODES], failed_at[SCENE_NODES];
} scene;

__attribute__((unused)) static void scene_event(void *ctx, world *w, uint32_t node,
                                                const al_event *ev) {
  scene *s = ctx;
  if (node < SCENE_NODES) {
    if (ev->kind == AL_EV_LINK_UP) s->ups[node]++;
    if (ev->kind == AL_EV_LINK_DOWN) s->downs[node]++;
    if (ev->kind == AL_EV_LINK_FAILED) s->failed[node]++;
    if (ev->kind == AL_EV_LINK_DOWN) s->down_at[node] = world_now(w);
    if (ev->kind == AL_EV_LINK_FAILED) s->failed_at[node] = world_now(w);
    if (ev->kind == AL_EV_LINK_DOWN || ev->kind == AL_EV_LINK_FAILED)
      s->refused[node] += ev->err == AL_ECRYPTO;
  }
  (void)traffic_event(&s->t, w, node, ev);
}

__attribute__((unused)) static void scene_limits(world_options *o) {
  o->limits = (al_limits){.links_max = 32,
                          .circuits_max = 512,
                          .streams_max = 256,
                          .peers_max = 64,
                          .queue_cells_max = 512,
                          .creates_per_s = 50,
                          .stream_window = 1 << 20,
                          .replay_tags_max = 4096};
  if (o->bufs == 0) o->bufs = 8192;
}

/* Starts nodes 0..nodes-1, each joining through the first; twenty seconds later they know each
 * other. */
__attribute__((unused)) static void scene_start(scene *s, world_options *o, uint32_t nodes) {
  s->w = world_new(o, scene_event, s);
  s->bufs = world_bufs_free(s->w);
  for (uint32_t i = 0; i < nodes; i++) {
    world_start(s->w, i);
    if (i > 0) world_join(s->w, i, 0);
    world_run(s->w, world_now(s->w) + 100 * AL_MS);
  }
  world_run(s->w, world_now(s->w) + 20 * AL_SECOND);
}

__attribute__((unused)) static void scene_wait(scene *s, al_time us) {
  world_run(s->w, world_now(s->w) + us);
}

__attribute__((unused)) static uint64_t scene_count(const scene *s, const char *counter) {
  return world_counter_of(s->w, SCENE_VICTIM, counter);
}

/* An honest stream of 30 KB through the network, now. */
__attribute__((unused)) static void scene_works(scene *s, const char *after) {
  uint32_t f = traffic_open_apart(&s->t, s->w, SCENE_CLIENT, 30000);
  scene_wait(s, 10 * AL_SECOND);
  if (!tap_ok(traffic_whole(&s->t, f) && traffic_wrong(&s->t) == 0, "the network works after %s",
              after))
    printf("# opened %d got %u reset %d: %s\n", s->t.flow[f].opened, (unsigned)s->t.flow[f].got,
           s->t.flow[f].reset, al_reason_text(s->t.flow[f].why));
}

/* The end: everybody leaves, every packet buffer is back. */
__attribute__((unused)) static void scene_end(scene *s, uint32_t nodes) {
  for (uint32_t i = 0; i < nodes; i++) world_stop(s->w, i, true);
  tap_is_u64(world_bufs_free(s->w), s->bufs, "every packet buffer came back");
  world_free(s->w);
}

#endif
