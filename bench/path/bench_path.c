/* bench_path — a circuit of three hops inside one process, without links: what the core alone costs
 * from end to end, and what a relayed circuit takes of memory.
 *   bench_path [--json] [ROUNDS]
 * Each round builds a circuit, carries cells both ways, and ends it; figures are medians. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "circuit/circuit.h"
#include "circuit/table.h"
#include "sphinx/sphinx.h"

enum {
  ROUNDS_MAX = 201,
  HOPS = 3,
  NODES = HOPS + 1,
  CELLS = 20, /* a short batch: the median passes over those that were interrupted */
  PREV = 1 << 20 | 0,
  NEXT = 1 << 20 | 1,
  CIRCUITS = 1024,
};

typedef struct node {
  al_circuits cs;
  al_counters count;
  al_id id;
  uint8_t onion_pk[AL_KEM_PK_BYTES], onion_sk[AL_KEM_SK_BYTES];
  al_circ circ;
} node;

typedef struct fixture {
  al_rng rng;
  size_t allocated;
  node n[NODES];
  uint8_t packet[AL_SPHINX_BYTES], cell[AL_CELL_BYTES];
} fixture;

typedef struct figures {
  double build_us, forward_us, backward_us;
} figures;

static void *get(void *ctx, size_t size) {
  ((fixture *)ctx)->allocated += size;
  return calloc(1, size);
}

static void put(void *ctx, void *ptr, size_t size) {
  ((fixture *)ctx)->allocated -= size;
  free(ptr);
}

static void must(bool good) {
  if (!good) {
    fprintf(stderr, "bench_path: a cell was lost\n");
    exit(1);
  }
}

static void start(fixture *f, const al_alloc *a) {
  uint8_t seed[AL_RNG_SEED_BYTES] = {1};
  al_rng_init(&f->rng, al_suite_hacl(), seed);
  for (int i = 0; i < NODES; i++) {
    node *n = &f->n[i];
    al_rng_bytes(&f->rng, seed, sizeof seed);
    memcpy(n->id.b, seed, sizeof n->id.b);
    al_suite_hacl()->kem_keypair(n->onion_pk, n->onion_sk, seed);
    const al_circuits_config c = {.alloc = a,
                                  .suite = al_suite_hacl(),
                                  .rng = &f->rng,
                                  .counters = &n->count,
                                  .self = n->id,
                                  .circuits_max = CIRCUITS,
                                  .links_max = 2};
    must(al_circuits_init(&n->cs, &c) == AL_OK && al_circuits_reserve(&n->cs, 4) == AL_OK);
    must(al_circuit_link_up(&n->cs, PREV, false, 1) == AL_OK);
    must(al_circuit_link_up(&n->cs, NEXT, true, 1) == AL_OK);
  }
}

static void build(fixture *f) {
  al_circuit_plan plan = {.hops = HOPS};
  for (int i = 0; i < HOPS; i++) {
    plan.id[i] = f->n[i + 1].id;
    memcpy(plan.onion_pk[i], f->n[i + 1].onion_pk, AL_KEM_PK_BYTES);
  }
  const al_circuit_opening o = {.link = NEXT, .plan = &plan, .packet = f->packet};
  al_circuit_out out;
  uint32_t id;
  must(al_circuit_open(&f->n[0].cs, 1, &o, &f->n[0].circ, &id) == AL_OK);
  for (int i = 1; i <= HOPS; i++) {
    al_sphinx_keys keys;
    al_sphinx_result r;
    must(al_sphinx_open(al_suite_hacl(), f->packet, f->n[i].onion_sk, &keys) == AL_OK);
    must(al_sphinx_peel(al_suite_hacl(), f->packet, &keys, &r) == AL_OK);
    const al_circuit_request q = {
        .link = PREV, .id = id, .route = &r.route, .hop_secret = keys.secret};
    al_circuit_verdict v = al_circuit_extend(&f->n[i].cs, 1, &q, f->cell, &out);
    must(v == (i == HOPS ? AL_CIRCUIT_SEND : AL_CIRCUIT_NEXT));
    f->n[i].circ = out.circ;
    if (i < HOPS) must(al_circuit_link_out(&f->n[i].cs, out.circ, NEXT, &id) == AL_OK);
  }
  for (int i = HOPS - 1; i >= 0; i--)
    must(al_circuit_peel(&f->n[i].cs, 1, NEXT, f->cell, &out) ==
         (i == 0 ? AL_CIRCUIT_OPENED : AL_CIRCUIT_SEND));
}

static void forward(fixture *f) {
  al_link link;
  al_circuit_out out;
  must(al_circuit_seal(&f->n[0].cs, f->n[0].circ, HOPS, f->cell, &link) == AL_OK);
  for (int i = 1; i <= HOPS; i++)
    must(al_circuit_peel(&f->n[i].cs, 1, PREV, f->cell, &out) ==
         (i == HOPS ? AL_CIRCUIT_DELIVER : AL_CIRCUIT_HOLD));
}

static void backward(fixture *f) {
  al_link link;
  al_circuit_out out;
  must(al_circuit_seal(&f->n[HOPS].cs, f->n[HOPS].circ, 0, f->cell, &link) == AL_OK);
  for (int i = HOPS - 1; i >= 0; i--)
    must(al_circuit_peel(&f->n[i].cs, 1, NEXT, f->cell, &out) ==
         (i == 0 ? AL_CIRCUIT_DELIVER : AL_CIRCUIT_HOLD));
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void run_round(fixture *f, figures *ret) {
  al_circuit_gone gone;
  double t0 = seconds();
  build(f);
  double t1 = seconds();
  for (int i = 0; i < CELLS; i++) forward(f);
  double t2 = seconds();
  for (int i = 0; i < CELLS; i++) backward(f);
  double t3 = seconds();
  for (int i = 0; i < NODES; i++)
    al_circuit_destroy(&f->n[i].cs, f->n[i].circ, AL_REASON_DONE, &gone);
  *ret = (figures){(t1 - t0) * 1e6, (t2 - t1) * 1e6 / CELLS, (t3 - t2) * 1e6 / CELLS};
}

/* Bytes that one more relayed circuit takes: keys, window, ids, its places in the tables. */
static size_t circuit_bytes(fixture *f, const al_alloc *a) {
  al_circuits cs;
  al_circuits_config c = f->n[0].cs.cfg;
  c.circuits_max = CIRCUITS;
  c.origins_max = 1;
  c.alloc = a;
  size_t before = f->allocated;
  must(al_circuits_init(&cs, &c) == AL_OK);
  must(al_circuits_reserve(&cs, CIRCUITS) == AL_OK);
  size_t queue = cs.cfg.held_cells_max * sizeof *cs.held;
  size_t each = (f->allocated - before - queue) / CIRCUITS;
  al_circuits_clear(&cs);
  return each;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *v, int count) {
  qsort(v, (size_t)count, sizeof *v, by_value);
  return v[count / 2];
}

int main(int argc, char **argv) {
  static fixture f;
  static double v[3][ROUNDS_MAX];
  const al_alloc a = {&f, get, put};
  int rounds = 201;
  bool json = false;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0)
      json = true;
    else
      rounds = atoi(argv[i]);
  }
  if (rounds < 1 || rounds > ROUNDS_MAX) return 2;
  start(&f, &a);
  size_t bytes = circuit_bytes(&f, &a);
  for (int r = 0; r < rounds; r++) {
    figures g;
    run_round(&f, &g);
    v[0][r] = g.build_us;
    v[1][r] = g.forward_us;
    v[2][r] = g.backward_us;
  }
  double build_us = median(v[0], rounds), to = median(v[1], rounds), back = median(v[2], rounds);
  const char *form = json ? "{\"suite\": \"%s\", \"hops\": %d, \"build_us\": %.1f, "
                            "\"forward_cells_s\": %.0f, \"backward_cells_s\": %.0f, "
                            "\"bytes_a_relayed_circuit\": %zu}\n"
                          : "%s, %d hops: build %.1f us, forward %.0f cells/s, backward %.0f "
                            "cells/s, %zu bytes a relayed circuit\n";
  printf(form, al_suite_hacl()->name, HOPS, build_us, 1e6 / to, 1e6 / back, bytes);
  for (int i = 0; i < NODES; i++) al_circuits_clear(&f.n[i].cs);
  return 0;
}
