/* The timer heap against a table that is searched from end to end. */
#include "base/base.h"
#include "support/test_alloc.h"
#include "support/test_rand.h"
#include "tap.h"

enum { LIMIT = 60 };

/* The earliest (time, id) of the table; LIMIT when there is none. */
static uint32_t first_of(const al_time table[LIMIT]) {
  uint32_t best = LIMIT;
  for (uint32_t i = 0; i < LIMIT; i++)
    if (table[i] != AL_TIME_NEVER && (best == LIMIT || table[i] < table[best])) best = i;
  return best;
}

static bool one_step(al_heap *h, al_time table[LIMIT], al_time now) {
  uint32_t id = (uint32_t)test_rand_below(LIMIT), popped = 0;
  if (test_rand_below(3) != 0) {
    table[id] = test_rand_below(6) == 0 ? AL_TIME_NEVER : now + test_rand_below(30);
    al_heap_set(h, id, table[id]);
  } else {
    uint32_t want = first_of(table);
    bool due = want != LIMIT && table[want] <= now;
    if (al_heap_pop_due(h, now, &popped) != due) return false;
    if (due && popped != want) return false;
    if (due) table[popped] = AL_TIME_NEVER;
  }
  uint32_t first = first_of(table), count = 0;
  for (uint32_t i = 0; i < LIMIT; i++) {
    if (al_heap_time(h, i) != table[i]) return false;
    count += table[i] != AL_TIME_NEVER;
  }
  return al_heap_deadline(h) == (first == LIMIT ? AL_TIME_NEVER : table[first]) &&
         al_heap_count(h) == count;
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_alloc ta;
  const al_alloc *a = test_alloc_bind(&ta);
  al_heap h;
  al_time table[LIMIT];
  for (uint32_t i = 0; i < LIMIT; i++) table[i] = AL_TIME_NEVER;
  tap_ok(al_heap_init(&h, a, LIMIT) == AL_OK, "init");
  tap_ok(al_heap_deadline(&h) == AL_TIME_NEVER, "an empty heap has no deadline");
  ta.closed = true;
  int bad = 0;
  for (uint32_t i = 0; i < 50000 && bad == 0; i++) bad += !one_step(&h, table, i / 8);
  tap_is_u64(bad, 0, "50000 random steps do what a table does");
  ta.closed = false;
  al_heap_clear(&h);
  al_heap_clear(&h);
  /* The order in which deadlines were set is forgotten: ties go by id. */
  al_heap_init(&h, a, LIMIT);
  for (uint32_t i = LIMIT; i-- > 0;) al_heap_set(&h, i, 7);
  uint32_t id = 0, wrong = 0;
  for (uint32_t i = 0; i < LIMIT; i++) wrong += !al_heap_pop_due(&h, 7, &id) || id != i;
  tap_is_u64(wrong, 0, "equal times come in the order of their ids");
  tap_ok(!al_heap_pop_due(&h, AL_TIME_NEVER, &id), "then it is empty");
  al_heap_clear(&h);
  al_heap_init(&h, a, 8);
  for (uint32_t i = 0; i < 8; i++) al_heap_set(&h, i, 100 - i);
  ta.fail_from = ta.requests + 1;
  tap_ok(al_heap_reserve(&h, 9, 8) == AL_ENOMEM && al_heap_deadline(&h) == 93,
         "no room: as it was");
  ta.fail_from = 0;
  tap_ok(al_heap_reserve(&h, 9, 8) == AL_OK && h.limit == 16, "room for 16 instead of 8");
  for (uint32_t i = 8; i < 16; i++) al_heap_set(&h, i, 100 - i);
  wrong = 0;
  for (uint32_t i = 16; i-- > 0;) wrong += !al_heap_pop_due(&h, 100, &id) || id != i;
  tap_is_u64(wrong, 0, "nothing is lost when there is more room");
  al_heap_clear(&h);
  ta.fail_from = ta.requests + 1;
  tap_ok(al_heap_init(&h, a, 5) == AL_ENOMEM, "no memory is AL_ENOMEM");
  al_heap_clear(&h);
  tap_ok(test_alloc_clean(&ta), "no leak, no allocation after init");
  return tap_done();
}
