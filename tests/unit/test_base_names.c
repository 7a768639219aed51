/* Names: one number for one identifier, counted, forgotten, against a plain table of references. */
#include "base/bytes.h"
#include "base/names.h"
#include "support/test_alloc.h"
#include "support/test_rand.h"
#include "tap.h"

enum { IDS = 500, STEPS = 60000 };

static const uint64_t secret[2] = {1, 2};

static al_id id_of(uint32_t i) {
  al_id id = {{(uint8_t)i, (uint8_t)(i >> 8)}};
  return id;
}

static void test_model(void) {
  static uint32_t held[IDS], number[IDS];
  test_alloc ta;
  al_names n;
  unsigned wrong = 0, different = 0;
  al_names_init(&n, test_alloc_bind(&ta), secret, true);
  tap_is_u64(ta.pieces_out, 0, "no memory before it is needed");
  for (uint32_t step = 0; step < STEPS; step++) {
    uint32_t i = (uint32_t)test_rand_below(IDS);
    al_id id = id_of(i);
    if (test_rand_below(2) == 0) {
      uint32_t name = al_names_take(&n, &id);
      wrong += name == 0 || (held[i] != 0 && name != number[i]);
      different += held[i] == 0;
      number[i] = name;
      held[i]++;
    } else if (held[i] != 0) {
      wrong += !al_id_equal(al_names_get(&n, number[i]), &id);
      al_names_drop(&n, number[i]);
      different -= --held[i] == 0;
    }
    wrong += al_names_count(&n) != different;
  }
  tap_is_u64(wrong, 0, "one number for one identifier, as long as it is held");
  for (uint32_t i = 0; i < IDS; i++)
    for (; held[i] != 0; held[i]--) al_names_drop(&n, number[i]);
  tap_is_u64(al_names_count(&n), 0, "all are forgotten");
  al_names_drop(&n, 0);
  al_names_clear(&n);
  tap_ok(test_alloc_clean(&ta), "all memory went back");
}

static void test_reserved(void) {
  test_alloc ta;
  al_names n;
  al_names_init(&n, test_alloc_bind(&ta), secret, false);
  al_id id = id_of(7);
  tap_is_u64(al_names_take(&n, &id), 0, "none without memory, which is not asked for");
  tap_ok(al_names_reserve(&n, 3) == AL_OK, "some is reserved");
  ta.closed = true;
  unsigned got = 0;
  for (uint32_t i = 0; i < 3; i++) {
    id = id_of(i);
    got += al_names_take(&n, &id) != 0;
  }
  tap_is_u64(got, 3, "as many as were reserved, without more");
  ta.closed = false;
  for (uint32_t i = 0; i < 3; i++) {
    id = id_of(i);
    uint32_t name = al_names_take(&n, &id);
    al_names_drop(&n, name);
    al_names_drop(&n, name);
  }
  al_names_clear(&n);
  tap_ok(test_alloc_clean(&ta), "all memory went back");
}

static void test_no_memory(void) {
  test_alloc ta;
  unsigned failed = 0, leaked = 0;
  for (unsigned from = 1; from < 8; from++) {
    al_names n;
    al_names_init(&n, test_alloc_bind(&ta), secret, true);
    ta.fail_from = from;
    uint32_t number[200];
    for (uint32_t i = 0; i < 200; i++) {
      al_id id = id_of(i);
      number[i] = al_names_take(&n, &id);
      failed += number[i] == 0;
    }
    for (uint32_t i = 0; i < 200; i++) al_names_drop(&n, number[i]);
    al_names_clear(&n);
    leaked += ta.pieces_out != 0 || ta.breaches != 0;
  }
  tap_ok(failed > 0 && leaked == 0, "memory that is out is told, and none is lost");
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_model();
  test_reserved();
  test_no_memory();
  return tap_done();
}
