/* test_records_churn.c — records outlive the nodes that keep them: half of all nodes are replaced
 * by strangers within the hour, without a word; then nearly a third fails at once.
 * Arguments: seed, nodes, minutes. */
#include <stdlib.h>

#include "people_records.h"

enum { RECORDS = 100, NODES_MAX = 1024 };

static uint8_t bytes[AL_RECORD_BUFFER_BYTES];
static asked a;
static uint64_t state;

static uint64_t draw(void) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

static al_id key_of(uint32_t i) {
  return i % 4 == 3 ? people_mutable(i, i, "mutable", bytes).key
                    : people_immutable(i, 100 + i * 20, bytes).key;
}

static uint32_t storers(people *p, uint32_t nodes, const al_id *key) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < nodes; i++) {
    uint32_t left;
    if (world_running(p->w, i) && al_inspect_record(world_node(p->w, i), key, &left)) n++;
  }
  return n;
}

static uint32_t fetch_all(people *p, uint32_t nodes) {
  uint32_t found = 0;
  for (uint32_t i = 0; i < RECORDS; i++) {
    al_id key = key_of(i);
    uint32_t node = (uint32_t)(draw() % nodes);
    while (!world_running(p->w, node)) node = (node + 1) % nodes;
    al_record_ask ask = {.op = AL_RECORD_FETCH, .key = key, .direct = true};
    if (people_ask(p, node, &ask, &a) == AL_RECORD_OK) {
      found++;
    } else {
      printf("# record %u: status %d, kept by %u nodes\n", i, (int)a.answer.status,
             storers(p, nodes, &key));
    }
  }
  return found;
}

/* A stranger in the place of a node that ended without a word. */
static void replace(people *p, uint32_t nodes, uint32_t node) {
  uint32_t via = (uint32_t)(draw() % nodes);
  world_stop(p->w, node, false);
  world_renew(p->w, node);
  world_start(p->w, node);
  while (via == node || !world_running(p->w, via)) via = (via + 1) % nodes;
  world_join(p->w, node, via);
}

int main(int argc, char **argv) {
  static people p;
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  uint32_t nodes = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 100;
  uint32_t minutes = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 60;
  state = seed;
  printf("# seed %llu\n", (unsigned long long)seed);
  world_options o;
  world_options_default(&o);
  o.nodes = nodes;
  o.seed = seed;
  people_begin(&p, &o);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < RECORDS; i++) {
    al_record_made m = i % 4 == 3 ? people_mutable(i, i, "mutable", bytes)
                                  : people_immutable(i, 100 + i * 20, bytes);
    al_record_ask ask = {
        .op = AL_RECORD_PUBLISH, .record = {bytes, m.len}, .direct = true, .lifetime_s = 80000};
    kept += people_ask(&p, (i * 7 + 1) % nodes, &ask, &a) == AL_RECORD_OK;
  }
  tap_is_u64(kept, RECORDS, "%u nodes keep %d records", nodes, RECORDS);
  tap_is_u64(fetch_all(&p, nodes), RECORDS, "all are found");

  /* Exponential sessions, of which half end within the hour: one of n nodes each hour / (n ln 2).
   */
  uint32_t replaced = 0, lost = 0;
  al_time end = world_now(p.w) + (al_time)minutes * 60 * AL_SECOND;
  uint64_t mean_us = (uint64_t)3600 * 1000000 * 1000 / 693 / nodes;
  while (world_now(p.w) < end) {
    world_run(p.w, world_now(p.w) + mean_us / 2 + draw() % mean_us);
    replace(&p, nodes, (uint32_t)(draw() % nodes));
    replaced++;
  }
  uint32_t found = fetch_all(&p, nodes), copies = 0;
  for (uint32_t i = 0; i < RECORDS; i++) {
    al_id key = key_of(i);
    uint32_t n = storers(&p, nodes, &key);
    copies += n;
    lost += n == 0;
  }
  tap_ok(found * 100 >= RECORDS * 99, "after %u of %u were replaced %u of %d are found", replaced,
         nodes, found, RECORDS);
  tap_is_u64(lost, 0, "and none is lost: %u.%u copies each", copies / RECORDS, copies / 10 % 10);
  for (uint32_t i = 0; i < nodes; i++) {
    if (draw() % 10 < 3) world_stop(p.w, i, false);
  }
  found = fetch_all(&p, nodes);
  tap_ok(found * 100 >= RECORDS * 95, "right after 30%% fail at once: %u", found);
  world_free(p.w);
  return tap_done();
}
