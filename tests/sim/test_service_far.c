/* test_service_far.c — services in a network that is larger than its nodes' books: introduction
 * points, rendezvous and next hops whose descriptors are not at hand are found. Arguments: seed,
 * nodes, members of a book, neighbours of a node. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "visits.h"

enum { SERVER = 1, BYTES = 20000, VISITS = 24, PATIENCE_US = 30000000 };

static void on_event(void *ctx, world *w, uint32_t node, const al_event *ev) {
  (void)visits_event(ctx, w, node, ev);
}

/* Nodes that have the descriptor of another one, of all pairs, in percent. */
static uint32_t known_share(world *w, uint32_t nodes) {
  uint64_t known = 0;
  for (uint32_t i = 0; i < nodes; i++) {
    al_node_info info;
    al_inspect_node(world_node(w, i), &info);
    known += info.peers;
  }
  return (uint32_t)(known * 100 / ((uint64_t)nodes * (nodes - 1)));
}

int main(int argc, char **argv) {
  static visits v;
  world_options o;
  world_options_default(&o);
  o.seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  o.nodes = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 80;
  o.limits = (al_limits){.links_max = argc > 4 ? (uint16_t)strtoul(argv[4], NULL, 10) : 24,
                         .circuits_max = 256,
                         .streams_max = 128,
                         .peers_max = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 12,
                         .queue_cells_max = 128,
                         .creates_per_s = 50,
                         .stream_window = 1u << 18,
                         .replay_tags_max = 4096,
                         .records_max = 64,
                         .records_bytes = 1u << 20};
  world *w = world_new(&o, on_event, &v);
  for (uint32_t i = 0; i < o.nodes; i++) {
    world_start(w, i);
    if (i > 0) world_join(w, i, i / 2);
    world_run(w, world_now(w) + 100000);
  }
  world_run(w, world_now(w) + 120 * AL_SECOND);
  printf("# of all pairs %u%% know each other's descriptors\n", known_share(w, o.nodes));
  tap_ok(known_share(w, o.nodes) < 60, "most nodes do not know most others");
  tap_ok(visits_expose(&v, w, SERVER) == 0, "a service is exposed");
  world_run(w, world_now(w) + 20 * AL_SECOND);
  tap_is_u64(visits_published(&v, w), 1, "it has its introduction points and is published");
  for (uint32_t i = 0; i < VISITS; i++) {
    const al_service_to to = {.address = v.address[0], .port = 80, .isolation = 7};
    (void)visits_open(&v, w, 2 + i * (o.nodes - 2) / VISITS, &to, BYTES);
    world_run(w, world_now(w) + 500 * AL_MS);
  }
  world_run(w, world_now(w) + PATIENCE_US);
  for (uint32_t i = 0; i < v.count; i++) {
    if (v.visit[i].reset)
      printf("# node %u: %s after %llu ms\n", v.visit[i].client, al_reason_text(v.visit[i].why),
             (unsigned long long)((v.visit[i].done_at - v.visit[i].asked_at) / AL_MS));
  }
  printf("# open after %llu ms (median), %llu (90 of 100), %llu (all)\n",
         (unsigned long long)visits_opened_ms(&v, 0, 50),
         (unsigned long long)visits_opened_ms(&v, 0, 90),
         (unsigned long long)visits_opened_ms(&v, 0, 100));
  printf("# relays that nobody described %llu, extensions refused %llu\n",
         (unsigned long long)world_counter(w, "meet_no_relay"),
         (unsigned long long)world_counter(w, "sphinx_no_route"));
  tap_is_u64(visits_whole(&v, 0), VISITS, "every client reaches the service and gets its bytes");
  world_free(w);
  return tap_done();
}
