/* bench_cell — microseconds of a cell at a relay and at an origin.
 *   bench_cell [--json] [ROUNDS]
 * Every round times every operation once, in turn; the figure is the median over the rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "circuit/circuit.h"
#include "circuit/table.h"

enum { ROUNDS_MAX = 201, BATCH = 25, IN = 1 << 20 | 0, OUT = 1 << 20 | 1, HOPS = 3 };

typedef struct fixture {
  al_circuits cs;
  al_counters count;
  al_rng rng;
  al_circuit_item *relay, *end, *origin;
  uint64_t counter;
  uint8_t cell[AL_CELL_BYTES];
} fixture;

static void *get(void *ctx, size_t size) {
  (void)ctx;
  return calloc(1, size);
}

static void put(void *ctx, void *ptr, size_t size) {
  (void)ctx;
  (void)size;
  free(ptr);
}

static const al_alloc heap = {NULL, get, put};

static al_circuit_item *make(fixture *f, al_circuit_role role, uint8_t hops, uint32_t id) {
  al_circuit_item *c = al_circuit_new(&f->cs, role, hops, 1);
  if (role != AL_CIRCUIT_ORIGIN) al_circuit_attach(&f->cs, c, AL_CIRCUIT_BACKWARD, IN, id);
  if (role != AL_CIRCUIT_END) al_circuit_attach(&f->cs, c, AL_CIRCUIT_FORWARD, OUT, id);
  for (int i = 0; i < hops; i++) {
    uint8_t key[32];
    al_rng_bytes(&f->rng, key, sizeof key);
    al_wide_init(f->cs.cfg.suite, key, &c->hop[i]->forward);
    al_wide_init(f->cs.cfg.suite, key, &c->hop[i]->backward);
    al_window_init(&c->hop[i]->u.window, 48);
  }
  al_circuit_opened(&f->cs, c, 1);
  return c;
}

static void start(fixture *f) {
  uint8_t seed[AL_RNG_SEED_BYTES] = {1};
  memset(f, 0, sizeof *f);
  al_rng_init(&f->rng, al_suite_hacl(), seed);
  const al_circuits_config c = {.alloc = &heap,
                                .suite = al_suite_hacl(),
                                .rng = &f->rng,
                                .counters = &f->count,
                                .circuits_max = 8,
                                .links_max = 2};
  if (al_circuits_init(&f->cs, &c) != AL_OK || al_circuits_reserve(&f->cs, 8) != AL_OK) abort();
  al_circuit_link_up(&f->cs, IN, false, 1);
  al_circuit_link_up(&f->cs, OUT, true, 1);
  f->relay = make(f, AL_CIRCUIT_RELAY, 1, 1);
  f->end = make(f, AL_CIRCUIT_END, 1, 2);
  f->origin = make(f, AL_CIRCUIT_ORIGIN, HOPS, 3);
}

static void header(fixture *f, uint32_t id) {
  const al_cell_header h = {.id = id, .type = AL_CELL_CIRCUIT, .counter = f->counter++};
  al_cell_encode(&h, f->cell);
}

static void op_forward(fixture *f) {
  al_circuit_out out;
  header(f, 1);
  if (al_circuit_peel(&f->cs, 1, IN, f->cell, &out) != AL_CIRCUIT_HOLD) abort();
}

static void op_backward(fixture *f) {
  al_circuit_out out;
  header(f, 1);
  if (al_circuit_peel(&f->cs, 1, OUT, f->cell, &out) != AL_CIRCUIT_HOLD) abort();
}

static void op_turn(fixture *f) {
  al_pick p;
  if (al_circuit_hold(&f->cs, f->relay->self, AL_CIRCUIT_FORWARD, 5, 1) != 0) abort();
  if (!al_circuit_pick(&f->cs, OUT, 1, &p) || p.send != 5) abort();
}

static void op_seal_origin(fixture *f) {
  al_link link;
  if (al_circuit_seal(&f->cs, f->origin->self, HOPS, f->cell, &link) != AL_OK) abort();
}

static void op_seal_end(fixture *f) {
  al_link link;
  if (al_circuit_seal(&f->cs, f->end->self, 0, f->cell, &link) != AL_OK) abort();
}

static void op_peel_origin(fixture *f) {
  al_circuit_out out;
  header(f, 3);
  if (al_circuit_peel(&f->cs, 1, OUT, f->cell, &out) != AL_CIRCUIT_DROP) abort();
}

static const struct {
  const char *name;
  void (*run)(fixture *f);
} operations[] = {
    {"relay_forward", op_forward},     {"relay_backward", op_backward},
    {"relay_hold_pick", op_turn},      {"origin_seal_3", op_seal_origin},
    {"origin_peel_3", op_peel_origin}, {"end_seal", op_seal_end},
};

enum { OPERATIONS = sizeof operations / sizeof *operations };

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  static fixture f;
  static double us[OPERATIONS][ROUNDS_MAX];
  int rounds = 201;
  bool json = false;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0)
      json = true;
    else
      rounds = atoi(argv[i]);
  }
  if (rounds < 1 || rounds > ROUNDS_MAX) return 2;
  start(&f);
  for (int r = 0; r < rounds; r++) {
    for (int o = 0; o < OPERATIONS; o++) {
      double from = seconds();
      for (int k = 0; k < BATCH; k++) operations[o].run(&f);
      us[o][r] = (seconds() - from) * 1e6 / BATCH;
    }
  }
  if (json) printf("{\"suite\": \"%s\", \"rounds\": %d", al_suite_hacl()->name, rounds);
  for (int o = 0; o < OPERATIONS; o++) {
    qsort(us[o], (size_t)rounds, sizeof us[o][0], by_value);
    printf(json ? ", \"%s_us\": %.3f" : "%-16s %8.3f us\n", operations[o].name, us[o][rounds / 2]);
  }
  if (json) printf("}\n");
  al_circuits_clear(&f.cs);
  return 0;
}
