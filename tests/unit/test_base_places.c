/* Places: lent, given back, bounded, got late. */
#include "base/places.h"
#include "support/test_alloc.h"
#include "tap.h"

int main(void) {
  test_alloc ta;
  al_places p;
  void *got[3];
  al_places_init(&p, test_alloc_bind(&ta), 100, 3);
  tap_is_u64(ta.pieces_out, 0, "nothing is got before it is needed");
  tap_ok(al_places_take(&p, 100, false) == NULL, "none without asking for memory");
  tap_ok(al_places_reserve(&p, 1) == AL_OK && ta.pieces_out == 1, "one is reserved");
  got[0] = al_places_take(&p, 100, false);
  tap_ok(got[0] != NULL && al_places_take(&p, 100, false) == NULL, "it is lent, once");
  got[1] = al_places_take(&p, 100, true);
  got[2] = al_places_take(&p, 100, true);
  tap_ok(got[1] != NULL && got[2] != NULL && got[1] != got[2], "more come as they are needed");
  for (int i = 0; i < 3; i++) memset(got[i], i + 1, 100);
  tap_ok(al_places_take(&p, 100, true) == NULL, "never beyond the limit");
  tap_ok(*(uint8_t *)got[0] == 1 && ((uint8_t *)got[2])[99] == 3, "each has bytes of its own");
  al_places_give(&p, got[1], 100);
  tap_ok(al_places_take(&p, 100, false) == got[1], "what is given back is lent again");
  for (int i = 0; i < 3; i++) al_places_give(&p, got[i], 100);
  tap_ok(al_places_reserve(&p, 9) == AL_OK && ta.pieces_out == 3, "nor by reserving");
  al_places_clear(&p);
  al_places_init(&p, &ta.a, 100, 3);
  ta.fail_from = 1;
  tap_ok(al_places_take(&p, 100, true) == NULL && al_places_reserve(&p, 1) == AL_ENOMEM,
         "memory that is out is told");
  al_places_clear(&p);
  tap_ok(test_alloc_clean(&ta), "all went back");
  al_places_init_exact(&p, test_alloc_bind(&ta), 100, 2);
  got[0] = al_places_take(&p, 7, false);
  got[1] = al_places_take(&p, 90, false);
  tap_ok(got[0] != NULL && got[1] != NULL && ta.bytes_out == 97,
         "exact: as many bytes as asked for");
  tap_ok(al_places_take(&p, 1, true) == NULL && !al_places_left(&p), "and no more than the limit");
  al_places_give(&p, got[0], 7);
  al_places_give(&p, got[1], 90);
  tap_ok(test_alloc_clean(&ta), "each goes back at once");
  al_places_clear(&p);
  return tap_done();
}
