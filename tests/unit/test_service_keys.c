/* Addresses, periods and the keys under which descriptors are found; with both providers. */
#include "service/service.h"
#include "tap.h"

static void test_address(const al_suite *s) {
  static al_service_keys a, b;
  uint8_t root[32] = {1};
  al_name got;
  al_service_keys_make(s, root, &a);
  al_service_keys_make(s, root, &b);
  tap_is_mem(a.name.bytes, b.name.bytes, 55, "%s: one root, one address", s->name);
  root[31] = 1;
  al_service_keys_make(s, root, &b);
  tap_ok(memcmp(a.name.bytes, b.name.bytes, 33) != 0, "%s: another root, another", s->name);
  tap_ok(al_name_take(s, al_view(a.name.bytes, 55), &got) == AL_OK, "%s: an address", s->name);
  unsigned taken = 0;
  for (size_t i = 0; i < 55; i++) {
    a.name.bytes[i] ^= 4;
    taken += al_name_take(s, al_view(a.name.bytes, 55), &got) == AL_OK;
    a.name.bytes[i] ^= 4;
  }
  tap_is_u64(taken, 0, "%s: no slip of the pen is an address", s->name);
  tap_ok(al_name_take(s, al_view(a.name.bytes, 54), &got) == AL_EPARSE, "%s: short", s->name);
}

static void test_periods(const al_suite *s) {
  static al_service_keys k;
  uint8_t root[32] = {2};
  uint64_t end, now = 1800000000;
  al_service_keys_make(s, root, &k);
  uint64_t p = al_name_period(s, &k.name, now, &end);
  tap_ok(end > now && end <= now + 86400, "%s: a period ends within a day", s->name);
  tap_is_u64(al_name_period(s, &k.name, end - 1, NULL), p, "%s: and lasts until then", s->name);
  tap_is_u64(al_name_period(s, &k.name, end, NULL), p + 1, "%s: then comes the next", s->name);
}

static void test_blinding(const al_suite *s) {
  static al_service_keys k;
  static uint8_t client[AL_KEM_PK_BYTES];
  uint8_t root[32] = {3}, factor[32], pk[4][32], sig[64], hash[32] = {9};
  al_service_keys_make(s, root, &k);
  tap_ok(al_name_blinded(s, &k.name, 7, NULL, pk[0]) == AL_OK &&
             al_name_blinded(s, &k.name, 8, NULL, pk[1]) == AL_OK &&
             al_name_blinded(s, &k.name, 7, client, pk[2]) == AL_OK,
         "%s: blinded keys", s->name);
  client[5]++;
  (void)al_name_blinded(s, &k.name, 7, client, pk[3]);
  unsigned same = 0;
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < i; j++) same += memcmp(pk[i], pk[j], 32) == 0;
  tap_is_u64(same, 0, "%s: each period and client has its own", s->name);
  al_name_factor(s, &k.name, 7, NULL, factor);
  s->ed_blind_sign(sig, k.ed_seed, factor, hash);
  tap_ok(s->ed_verify(sig, pk[0], hash) == AL_OK, "%s: the service signs for it", s->name);
  tap_ok(s->ed_verify(sig, pk[1], hash) == AL_ECRYPTO, "%s: for one period", s->name);
}

int main(void) {
  const al_suite *suites[2] = {al_suite_hacl(), al_suite_null()};
  for (int i = 0; i < 2; i++) {
    test_address(suites[i]);
    test_periods(suites[i]);
    test_blinding(suites[i]);
  }
  return tap_done();
}
