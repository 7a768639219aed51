/* Identity, puzzle and a node's own descriptor, with the real and the simulation suite. */
#include "book/identity.h"
#include "crypto/crypto.h"
#include "tap.h"

static al_identity me, other;
static uint8_t record[AL_DESC_BYTES_MAX];
static const uint8_t coins[AL_SIG_COINS_BYTES] = {1};

static al_desc fields(void) {
  al_desc d = {.flags = AL_DESC_RELAY, .sequence = 1, .published_s = 1000, .expiry_s = 2000};
  d.onion_pk[0] = me.link_pk;
  d.onion_pk[1] = other.link_pk;
  return d;
}

static void test_identity(const al_suite *suite) {
  uint8_t root[32] = "root";
  al_identity again;
  al_identity_init(suite, root, &me);
  al_identity_init(suite, root, &again);
  tap_is_mem(&me, &again, sizeof me, "%s: one root, one identity", suite->name);
  root[31] ^= 1;
  al_identity_init(suite, root, &other);
  tap_ok(!al_id_equal(&me.id, &other.id) && memcmp(me.link_pk, other.link_pk, 32) != 0,
         "another root, another identity");
  const al_id id = al_node_id(suite, me.sig_pk);
  tap_ok(al_id_equal(&id, &me.id), "the identifier is that of the signature key");
  al_identity_clear(&again);
  tap_ok(al_zero_ct(&again, sizeof again), "cleared is wiped");
}

static void test_puzzle(const al_suite *suite) {
  uint64_t n = 0;
  uint32_t rounds = 0;
  while (!al_puzzle_search(suite, &me.id, 1000, &n) && rounds < 2000) rounds++;
  tap_ok(rounds < 2000 && al_puzzle_check(suite, &me.id, n), "a solution is found: %d", (int)n);
  tap_ok(!al_puzzle_check(suite, &other.id, n), "it solves this identifier's puzzle only");
  uint64_t at = n;
  tap_ok(al_puzzle_search(suite, &me.id, 1, &at) && at == n, "the search begins where it is told");
  uint32_t solved = 0;
  for (uint64_t i = 0; i < 3000; i++) solved += al_puzzle_check(suite, &other.id, i << 20);
  tap_ok(solved < 3, "%u of 3000 numbers solve another puzzle", solved);
}

static void test_descriptor(const al_suite *suite) {
  al_wr w = al_wr_init(record, sizeof record);
  al_desc d = fields(), got;
  tap_ok(al_descriptor_make(suite, &me, &d, coins, &w) == AL_OK, "a descriptor is made");
  tap_ok(al_desc_decode(al_wr_view(&w), &got) == AL_OK, "it is decoded");
  tap_ok(al_descriptor_verify(suite, &got) == AL_OK, "and verified");
  uint32_t accepted = 0;
  const size_t places[] = {8,
                           16,
                           48,
                           48 + 40,
                           AL_DESC_FIXED_BYTES - 1,
                           w.len - 1,
                           w.len - AL_SIG_BYTES,
                           w.len - AL_SIG_BYTES + 64};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    record[places[i]] ^= 1;
    if (al_desc_decode(al_wr_view(&w), &got) == AL_OK)
      accepted += al_descriptor_verify(suite, &got) == AL_OK;
    record[places[i]] ^= 1;
  }
  tap_is_u64(accepted, 0, "no changed one is verified, whichever half of key or signature it is");
  d.flags = 64;
  al_wr again = al_wr_init(record, sizeof record);
  tap_ok(al_descriptor_make(suite, &me, &d, coins, &again) == AL_EINVAL && again.len == 0,
         "fields that the wire does not know are refused");
  d = fields();
  al_wr small = al_wr_init(record, AL_DESC_BYTES_MIN - 1);
  tap_ok(al_descriptor_make(suite, &me, &d, coins, &small) == AL_EFULL, "too small a buffer");
}

static void test_all(const al_suite *suite) {
  test_identity(suite);
  test_puzzle(suite);
  test_descriptor(suite);
}

int main(void) {
  test_all(al_suite_hacl());
  test_all(al_suite_null());
  return tap_done();
}
