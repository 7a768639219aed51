/* Property: whatever the path does, every byte arrives once and in order, in both directions, and
 * both ends learn that it is over. Usage: test_prop_stream_bytes [seed [runs]]. */
#include <stdlib.h>

#include "prop/stream_sim.h"
#include "tap.h"

/* A random path, random sizes, a reader that stops now and then. */
static bool run(uint64_t seed) {
  sim_seed(seed);
  sim *m = calloc(1, sizeof *m);
  sim_init(m);
  static const uint32_t windows[] = {4096, 16384, 100000, 1 << 20};
  m->window = windows[sim_rand(4)];
  m->packets = sim_rand(3) == 0 ? 64 : 0;
  m->stall_read_ppm = (uint32_t)sim_rand(3) * 20000;
  for (int i = 0; i < 2; i++) {
    sim_pipe *q = &m->pipe[i];
    q->rate = (uint32_t)(100 + sim_rand(20000));
    q->queue_max = (uint32_t)(20 + sim_rand(500));
    q->delay_us = sim_rand(100000);
    q->loss_ppm = (uint32_t)sim_rand(3) * (uint32_t)sim_rand(100000);
    q->late_ppm = (uint32_t)sim_rand(100000);
    q->late_us = sim_rand(200000);
    q->shuffle_us = (uint32_t)sim_rand(20000);
  }
  sim_flow_start(m, 0, sim_rand(300000), (uint32_t)sim_rand(200000));
  m->flow[0].bytes[1] = sim_rand(2) * sim_rand(300000);
  sim_run(m, m->now + 2000 * AL_SECOND);
  const sim_flow *f = &m->flow[0];
  bool good = f->done != 0 && !f->wrong && f->reset == 0 && f->fin[0] && f->fin[1] &&
              f->got[1] == f->bytes[0] && f->got[0] == f->bytes[1];
  if (!good)
    printf("# done %d wrong %d reset %d got %" PRIu64 "/%" PRIu64 " and %" PRIu64 "/%" PRIu64 "\n",
           f->done != 0, f->wrong, f->reset, f->got[1], f->bytes[0], f->got[0], f->bytes[1]);
  good = sim_clear(m) && good;
  free(m);
  return good;
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20250101;
  uint64_t runs = argc > 2 ? strtoull(argv[2], NULL, 0) : 60;
  for (uint64_t i = 0; i < runs; i++)
    tap_ok(run(seed + i), "every byte once and in order, seed %" PRIu64, seed + i);
  return tap_done();
}
