/* test_records.c — records of the DHT in a network of shipped cores: kept and found, directly and
 * through circuits; newer ones win, refusals are told; a restart keeps them. Argument: seed. */
#include <stdlib.h>

#include "people_records.h"

enum { NODES = 40, RECORDS = 30 };

static uint64_t seed = 1;
static uint8_t bytes[AL_RECORD_BUFFER_BYTES];
static asked a;

static al_record_ask fetch(const al_id *key, bool direct) {
  return (al_record_ask){.op = AL_RECORD_FETCH, .key = *key, .direct = direct};
}

static al_record_ask publish(al_record_made m, bool direct) {
  return (al_record_ask){.op = AL_RECORD_PUBLISH, .record = {bytes, m.len}, .direct = direct};
}

static bool same(const asked *x, const uint8_t *want, size_t len) {
  return x->answer.record.len == len && memcmp(x->bytes, want, len) == 0;
}

static void test_kept(people *p, bool direct) {
  uint32_t kept = 0, found = 0, storers = 0, lost = 0;
  uint64_t us = 0;
  for (uint32_t i = 0; i < RECORDS; i++) {
    al_record_made m = people_immutable(i + (direct ? 0 : 1000), 10 + i * 270, bytes);
    al_record_ask ask = publish(m, direct);
    kept += people_ask(p, (i * 7 + 1) % NODES, &ask, &a) == AL_RECORD_OK;
    for (uint32_t k = 0; k < a.answer.nodes_count; k++) storers += a.answer.nodes[k].verdict <= 1;
    ask = fetch(&m.key, direct);
    found += people_ask(p, (i * 11 + 17) % NODES, &ask, &a) == AL_RECORD_OK;
    lost += !same(&a, bytes, m.len);
    us += a.answer.duration_us;
  }
  const char *how = direct ? "directly" : "through circuits";
  tap_is_u64(kept, RECORDS, "%s: every record is kept", how);
  tap_is_u64(found, RECORDS, "and found from elsewhere");
  tap_is_u64(lost, 0, "byte for byte");
  tap_ok(storers >= RECORDS * 7, "at eight nodes each: %u in all", storers);
  printf("# %s: a fetch takes %u ms\n", how, (unsigned)(us / RECORDS / 1000));
  uint32_t missing = 0;
  for (uint32_t i = 0; i < 5; i++) {
    al_id key = {{(uint8_t)i, 1, 2, 3}};
    al_record_ask ask = fetch(&key, direct);
    int s = people_ask(p, i, &ask, &a);
    missing += s == AL_RECORD_NOT_FOUND;
    if (s != AL_RECORD_NOT_FOUND)
      printf("# got %d after %u ms\n", s, (unsigned)(a.answer.duration_us / 1000));
  }
  tap_is_u64(missing, 5, "what was never kept is not found, and that is said");
}

static void test_mutable(people *p, bool direct) {
  uint32_t signer = direct ? 1 : 2;
  al_record_made m = people_mutable(signer, 1, "one", bytes);
  al_record_ask ask = publish(m, direct);
  tap_ok(people_ask(p, 3, &ask, &a) == AL_RECORD_OK, "a mutable record");
  m = people_mutable(signer, 2, "two", bytes);
  ask = publish(m, direct);
  tap_ok(people_ask(p, 4, &ask, &a) == AL_RECORD_OK, "and a newer one");
  ask = fetch(&m.key, direct);
  bool good = people_ask(p, 20, &ask, &a) == AL_RECORD_OK && same(&a, bytes, m.len);
  tap_ok(good && a.answer.answers >= (direct ? 3 : 1), "the newer one is found, by %u answers",
         a.answer.answers);
  m = people_mutable(signer, 1, "one", bytes);
  ask = publish(m, direct);
  tap_ok(people_ask(p, 5, &ask, &a) == AL_RECORD_REFUSED, "the older one is refused");
  uint32_t stale = 0, conflict = 0;
  for (uint32_t i = 0; i < a.answer.nodes_count; i++)
    stale += a.answer.nodes[i].verdict == AL_RECORD_STALE;
  tap_ok(stale >= 6, "as stale: by %u", stale);
  m = people_mutable(signer, 2, "TWO", bytes);
  ask = publish(m, direct);
  (void)people_ask(p, 6, &ask, &a);
  for (uint32_t i = 0; i < a.answer.nodes_count; i++)
    conflict += a.answer.nodes[i].verdict == AL_RECORD_CONFLICT;
  tap_ok(conflict >= 6, "another of the same sequence as a conflict: by %u", conflict);
  ask = fetch(&m.key, direct);
  m = people_mutable(signer, 2, "two", bytes);
  tap_ok(people_ask(p, 30, &ask, &a) == AL_RECORD_OK && same(&a, bytes, m.len),
         "and the first stays");
}

static void test_locate(people *p) {
  al_record_made m = people_immutable(5000, 10, bytes);
  al_record_ask ask = {.op = AL_RECORD_LOCATE, .key = m.key, .direct = true};
  asked far;
  tap_ok(people_ask(p, 8, &ask, &a) == AL_RECORD_OK && a.answer.nodes_count == 8,
         "the closest nodes of a key");
  ask.direct = false;
  tap_ok(people_ask(p, 9, &ask, &far) == AL_RECORD_OK && far.answer.nodes_count == 8,
         "and through a circuit");
  uint32_t equal = 0;
  for (uint32_t i = 0; i < 8; i++)
    equal += memcmp(&a.answer.nodes[i].id, &far.answer.nodes[i].id, 32) == 0;
  tap_ok(equal >= 7, "they are the same: %u of 8", equal);
  ask = (al_record_ask){.op = AL_RECORD_PUBLISH, .record = {bytes, 7}};
  tap_ok(people_start(p, 1, &ask, &a) == AL_EINVAL, "what is no record is not asked for");
}

/* Every storer ends, some at once, and starts again. */
static void test_restart(people *p) {
  al_record_made m = people_immutable(7000, 300, bytes);
  al_record_ask ask = publish(m, true);
  (void)people_ask(p, 2, &ask, &a);
  for (uint32_t i = 0; i < NODES; i++) world_stop(p->w, i, i % 2 == 0);
  for (uint32_t i = 0; i < NODES; i++) {
    world_start(p->w, i);
    if (i > 0) world_join(p->w, i, i / 2);
  }
  world_run(p->w, world_now(p->w) + 60 * AL_SECOND);
  ask = fetch(&m.key, true);
  tap_ok(people_ask(p, 33, &ask, &a) == AL_RECORD_OK && same(&a, bytes, m.len),
         "after all nodes were started again it is found");
}

int main(int argc, char **argv) {
  static people p;
  if (argc > 1) seed = strtoull(argv[1], NULL, 10);
  printf("# seed %llu\n", (unsigned long long)seed);
  world_options o;
  world_options_default(&o);
  o.nodes = NODES;
  o.seed = seed;
  o.bufs = 32768;
  people_begin(&p, &o);
  test_kept(&p, true);
  test_kept(&p, false);
  test_mutable(&p, true);
  test_mutable(&p, false);
  test_locate(&p);
  test_restart(&p);
  static asked last;
  al_record_ask ask = {.op = AL_RECORD_FETCH, .key = {{1}}};
  (void)people_start(&p, 5, &ask, &last);
  world_stop(p.w, 5, true);
  tap_ok(last.done && last.answer.status != AL_RECORD_OK, "a node that ends answers what is open");
  tap_is_u64(p.open_count, 0, "every question was answered");
  for (uint32_t i = 0; i < NODES; i++)
    if (i != 5) world_stop(p.w, i, true);
  world_free(p.w);
  return tap_done();
}
