/* Descriptors of services: who can read them, and what is refused; with both providers. */
#include "service/service.h"
#include "tap.h"

static const al_suite *s;
static al_service_keys keys, other;
static al_service_desc desc, got;
static uint8_t sealed[AL_DESC_SEALED_BYTES], cookie[32] = {5};
static al_rng rng;

static al_err open_with(const al_name *name, uint64_t period, const uint8_t *c) {
  const al_desc_from from = {name, period, c};
  memset(&got, 0, sizeof got);
  return al_desc_open(s, &from, al_view(sealed, sizeof sealed), &got);
}

static void test_open(void) {
  const al_desc_make m = {&keys, &desc, 20000, NULL};
  al_desc_seal(s, &rng, &m, sealed);
  tap_ok(open_with(&keys.name, 20000, NULL) == AL_OK, "%s: opens with the address", s->name);
  tap_ok(got.intros_count == 3 && got.published_s == 77 && got.puzzle_bits == 9 &&
             memcmp(got.kem_pk, desc.kem_pk, sizeof got.kem_pk) == 0 &&
             memcmp(got.intros, desc.intros, 3 * sizeof got.intros[0]) == 0,
         "%s: and says what was written", s->name);
  tap_ok(!al_desc_wants_cookie(al_view(sealed, sizeof sealed)), "%s: for everybody", s->name);
  tap_ok(open_with(&keys.name, 20001, NULL) == AL_ECRYPTO, "%s: not another period", s->name);
  tap_ok(open_with(&other.name, 20000, NULL) == AL_ECRYPTO, "%s: not another address", s->name);
  unsigned taken = 0;
  for (size_t i = 0; i < sizeof sealed; i += 61) {
    sealed[i] ^= 1;
    taken += open_with(&keys.name, 20000, NULL) == AL_OK;
    sealed[i] ^= 1;
  }
  tap_is_u64(taken, 0, "%s: every byte counts", s->name);
  const al_desc_from from = {&keys.name, 20000, NULL};
  tap_ok(al_desc_open(s, &from, al_view(sealed, sizeof sealed - 1), &got) == AL_EPARSE,
         "%s: cut short", s->name);
}

/* Somebody who knows the address can encrypt for it, but is not the service. */
static void test_impostor(void) {
  static al_service_keys liar;
  liar = other;
  liar.name = keys.name;
  const al_desc_make m = {&liar, &desc, 20000, NULL};
  al_desc_seal(s, &rng, &m, sealed);
  tap_ok(open_with(&keys.name, 20000, NULL) == AL_ECRYPTO,
         "%s: other keys than the address stands for are refused", s->name);
  liar = keys;
  memcpy(liar.sig_sk, other.sig_sk, sizeof liar.sig_sk);
  al_desc_seal(s, &rng, &m, sealed);
  /* null's secret key is its public key: a signature of another key is one all the same */
  tap_ok(open_with(&keys.name, 20000, NULL) == AL_ECRYPTO, "%s: nor another's signature", s->name);
}

static void test_clients(void) {
  static uint8_t pk[AL_KEM_PK_BYTES], sk[AL_KEM_SK_BYTES], sk2[AL_KEM_SK_BYTES];
  static uint8_t box[AL_CLIENT_SEALED_BYTES];
  uint8_t seed[32] = {8}, coins[64] = {9}, c[32];
  const al_desc_make m = {&keys, &desc, 20000, cookie};
  al_desc_seal(s, &rng, &m, sealed);
  tap_ok(al_desc_wants_cookie(al_view(sealed, sizeof sealed)), "%s: for clients", s->name);
  tap_ok(open_with(&keys.name, 20000, NULL) == AL_ESTATE, "%s: not without a cookie", s->name);
  tap_ok(open_with(&keys.name, 20000, seed) == AL_ECRYPTO, "%s: nor with another", s->name);
  s->kem_keypair(pk, sk2, seed);
  seed[0] = 7;
  s->kem_keypair(pk, sk, seed);
  tap_ok(al_client_seal(s, coins, pk, cookie, box) == AL_OK, "%s: a box for a client", s->name);
  tap_ok(al_client_open(s, sk2, al_view(box, sizeof box), c) == AL_ECRYPTO,
         "%s: another client does not open it", s->name);
  tap_ok(al_client_open(s, sk, al_view(box, sizeof box), c) == AL_OK &&
             open_with(&keys.name, 20000, c) == AL_OK,
         "%s: the client does, and reads the descriptor", s->name);
  tap_ok(al_client_open(s, sk, al_view(box, sizeof box - 1), c) == AL_EPARSE, "%s: short", s->name);
  memset(pk, 0xff, 1184);
  tap_ok(al_client_seal(s, coins, pk, cookie, box) == AL_ECRYPTO, "%s: no key", s->name);
}

int main(void) {
  const al_suite *suites[2] = {al_suite_hacl(), al_suite_null()};
  uint8_t root[32] = {1};
  for (int i = 0; i < 2; i++) {
    s = suites[i];
    al_rng_init(&rng, s, root);
    root[0] = 1;
    al_service_keys_make(s, root, &keys);
    root[0] = 2;
    al_service_keys_make(s, root, &other);
    desc = (al_service_desc){.puzzle_bits = 9, .intros_count = 3, .published_s = 77};
    memset(desc.kem_pk, 3, sizeof desc.kem_pk);
    for (int k = 0; k < 3; k++) memset(&desc.intros[k], 10 + k, sizeof desc.intros[k]);
    test_open();
    test_impostor();
    test_clients();
  }
  return tap_done();
}
