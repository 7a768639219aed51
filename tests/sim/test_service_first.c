/* test_service_first.c — first connections to services, many of them: each client fetches each
 * descriptor, while frames are lost, processes stand still for a while and relays come and go.
 * Arguments: seed, nodes, loss in millionths, mean us between pauses of a process (0: none), how
 * long they are at most, delay one way in us. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tap.h"
#include "visits.h"

enum { SERVER = 1, CLIENTS = 2, BYTES = 5000, SERVICES = 8, PATIENCE_S = 60 };

static void on_event(void *ctx, world *w, uint32_t node, const al_event *ev) {
  (void)visits_event(ctx, w, node, ev);
}

/* A process that is not scheduled for a while, and the next one's turn. */
typedef struct pauses {
  uint64_t state;
  uint32_t nodes, every_us, for_us;
} pauses;

static uint64_t draw(pauses *p, uint64_t below) {
  p->state += 0x9e3779b97f4a7c15;
  uint64_t z = p->state;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return (z ^ z >> 31) % below;
}

static pauses plan;

static void on_call(void *ctx, world *w, uint32_t what, uint32_t arg) {
  (void)ctx;
  (void)what;
  (void)arg;
  uint32_t node = (uint32_t)draw(&plan, plan.nodes);
  if (world_running(w, node)) world_pause(w, node, world_now(w) + draw(&plan, plan.for_us) + 1);
  world_call(w, world_now(w) + draw(&plan, 2u * plan.every_us) + 1, 0, 0);
}

static void wait(world *w, al_time us) { world_run(w, world_now(w) + us); }

int main(int argc, char **argv) {
  static visits v;
  world_options o;
  world_options_default(&o);
  o.seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  o.nodes = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 16;
  o.loss_ppm = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 10000;
  plan = (pauses){.state = o.seed, .nodes = o.nodes};
  plan.every_us = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 300000;
  plan.for_us = argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 10) : 500000;
  o.delay_us = argc > 6 ? (uint32_t)strtoul(argv[6], NULL, 10) : 50000;
  world *w = world_new(&o, on_event, &v);
  for (uint32_t i = 0; i < o.nodes; i++) {
    world_start(w, i);
    if (i > 0) world_join(w, i, 0);
    wait(w, 100000);
  }
  wait(w, 40 * AL_SECOND);
  for (uint32_t i = 0; i < SERVICES; i++) (void)visits_expose(&v, w, SERVER);
  wait(w, 20 * AL_SECOND);
  tap_is_u64(visits_published(&v, w), SERVICES, "services are published");
  world_set_call(w, on_call, NULL);
  if (plan.every_us != 0) world_call(w, world_now(w) + 1, 0, 0);
  for (uint32_t s = 0; s < SERVICES; s++) {
    for (uint32_t c = CLIENTS; c < o.nodes; c++) {
      const al_service_to to = {.address = v.address[s], .port = 80, .isolation = 100 + s};
      (void)visits_open(&v, w, c, &to, BYTES);
      wait(w, 2 * AL_SECOND);
    }
  }
  wait(w, PATIENCE_S * AL_SECOND);
  uint32_t refused = 0;
  for (uint32_t i = 0; i < v.count; i++) {
    const visit *f = &v.visit[i];
    if (f->whole) continue;
    refused += !f->opened;
    printf("# visit %u of node %u, asked at %llu ms: %s after %llu ms, %llu bytes\n", i, f->client,
           (unsigned long long)(f->asked_at / AL_MS),
           f->reset ? al_reason_text(f->why) : "still open",
           (unsigned long long)((f->done_at - f->asked_at) / AL_MS), (unsigned long long)f->got);
  }
  printf("# sessions that gave way: %llu\n", (unsigned long long)world_counter(w, "session_idle"));
  printf("# %u first connections: %llu ms (median), %llu (95 of 100), %llu (all)\n", v.count,
         (unsigned long long)visits_opened_ms(&v, 0, 50),
         (unsigned long long)visits_opened_ms(&v, 0, 95),
         (unsigned long long)visits_opened_ms(&v, 0, 100));
  if (v.count > 256)
    tap_ok(world_counter(w, "session_idle") != 0, "sessions without streams gave way");
  tap_is_u64(refused, 0, "every first connection is made");
  tap_is_u64(visits_whole(&v, 0), v.count, "and brings every byte");
  world_free(w);
  return tap_done();
}
