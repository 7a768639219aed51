/* people_records.h — tests that publish and fetch records in a simulated network: a question and
 * its answer in one call. */
#ifndef PEOPLE_RECORDS_H
#define PEOPLE_RECORDS_H

#include <stdio.h>
#include <string.h>

#include "allium/al_dht.h"
#include "tap.h"
#include "world.h"

typedef struct asked {
  uint32_t node, ask;
  bool done;
  al_record_answer answer; /* record: leads into `bytes` */
  uint8_t bytes[AL_RECORD_BUFFER_BYTES];
} asked;

enum { ASKED_MAX = 1024 };

static uint64_t people_expiry; /* of mutable records */

typedef struct people {
  world *w;
  asked *open[ASKED_MAX]; /* questions not answered yet */
  uint32_t open_count, told;
} people;

__attribute__((unused)) static void people_event(void *ctx, world *w, uint32_t node,
                                                 const al_event *ev) {
  people *p = ctx;
  (void)w;
  if (ev->kind != AL_EV_RECORD) return;
  p->told++;
  for (uint32_t i = 0; i < p->open_count; i++) {
    asked *a = p->open[i];
    if (a->node != node || a->ask != ev->answer->ask || a->done) continue;
    a->done = true;
    a->answer = *ev->answer;
    if (a->answer.record.len != 0) memcpy(a->bytes, a->answer.record.ptr, a->answer.record.len);
    a->answer.record.ptr = a->bytes;
    p->open[i] = p->open[--p->open_count];
    return;
  }
}

__attribute__((unused)) static al_err people_start(people *p, uint32_t node,
                                                   const al_record_ask *ask, asked *a) {
  al_drive *d = world_drive(p->w, node);
  memset(a, 0, sizeof *a);
  a->node = node;
  al_err e = al_record_start(al_drive_node(d), al_drive_work(d), world_now(p->w), ask, &a->ask);
  if (e == AL_OK && p->open_count < ASKED_MAX) p->open[p->open_count++] = a;
  al_drive_pump(d);
  return e;
}

/* Ask and wait. Result: the status, or -1 when it could not be asked or was never answered. */
__attribute__((unused)) static int people_ask(people *p, uint32_t node, const al_record_ask *ask,
                                              asked *a) {
  if (people_start(p, node, ask, a) != AL_OK) return -1;
  al_time end = world_now(p->w) + 70 * AL_SECOND;
  while (!a->done && world_now(p->w) < end) world_run(p->w, world_now(p->w) + 10 * AL_MS);
  return a->done ? (int)a->answer.status : -1;
}

/* A record of `n`: its bytes in `out`. */
__attribute__((unused)) static al_record_made people_immutable(uint32_t n, size_t len,
                                                               uint8_t *out) {
  uint8_t value[8192];
  for (size_t i = 0; i < len; i++) value[i] = (uint8_t)(n * 31 + i * 7 + i / 256);
  if (len >= 4) memcpy(value, &(uint8_t[4]){(uint8_t)n, (uint8_t)(n >> 8), 1, 2}, 4);
  al_record_fields f = {.value = {value, len}};
  al_record_made m = {0};
  (void)al_record_make(al_suite_null(), &f, NULL, out, &m);
  return m;
}

__attribute__((unused)) static al_record_made people_mutable(uint32_t signer, uint64_t sequence,
                                                             const char *value, uint8_t *out) {
  uint8_t seed[AL_SIG_SEED_BYTES + AL_SIG_COINS_BYTES] = {(uint8_t)signer, (uint8_t)(signer >> 8)};
  al_record_fields f = {.is_mutable = true,
                        .sequence = sequence,
                        .expiry_s = people_expiry,
                        .salt = {(const uint8_t *)"test", 4},
                        .value = {(const uint8_t *)value, strlen(value)}};
  al_record_made m = {0};
  (void)al_record_make(al_suite_null(), &f, seed, out, &m);
  return m;
}

/* Nodes 0..nodes-1, each joining through one that is there. */
__attribute__((unused)) static void people_begin(people *p, world_options *o) {
  o->limits = (al_limits){.links_max = 64,
                          .circuits_max = 128,
                          .streams_max = 64,
                          .peers_max = 512,
                          .queue_cells_max = 256,
                          .creates_per_s = 50,
                          .stream_window = 1 << 16,
                          .replay_tags_max = 1024,
                          .records_max = 256,
                          .records_bytes = 1 << 18};
  memset(p, 0, sizeof *p);
  p->w = world_new(o, people_event, p);
  people_expiry = world_wall_s(p->w) + 80000;
  for (uint32_t i = 0; i < o->nodes; i++) {
    world_start(p->w, i);
    if (i > 0) world_join(p->w, i, i / 2);
    world_run(p->w, world_now(p->w) + 50 * AL_MS);
  }
  world_run(p->w, world_now(p->w) + 60 * AL_SECOND);
}

#endif
