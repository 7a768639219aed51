/* Set-up packets of 1, 3 and 5 hops against sphinx.txt, as made and as every hop sees and leaves
 * them. Argument: tests/vectors. */
#include "sphinx/sphinx.h"
#include "tap.h"
#include "test_wire_vectors.h"

static const al_suite *suite;
static uint8_t pk[AL_SPHINX_HOPS_MAX][AL_KEM_PK_BYTES], sk[AL_SPHINX_HOPS_MAX][AL_KEM_SK_BYTES];
static uint8_t packet[AL_SPHINX_BYTES], secrets[AL_SPHINX_HOPS_MAX][32];
static al_sphinx_hop hops[AL_SPHINX_HOPS_MAX];
static al_sphinx_coins coins;

static void create(uint32_t count) {
  memcpy(coins.beta_pad, vec("hops%u.beta_pad", count).ptr, sizeof coins.beta_pad);
  memcpy(coins.body_pad, vec("hops%u.body_pad", count).ptr, sizeof coins.body_pad);
  for (uint32_t i = 0; i < count; i++) {
    suite->kem_keypair(pk[i], sk[i], vec("hops%u.%u.seed", count, i).ptr);
    hops[i].onion_pk = pk[i];
    memcpy(hops[i].id.b, vec("hops%u.%u.id", count, i).ptr, 32);
    memcpy(hops[i].eph, vec("hops%u.%u.x", count, i).ptr, 32);
    memcpy(coins.kem[i], vec("hops%u.%u.coins", count, i).ptr, AL_KEM_COINS_BYTES);
  }
  const al_sphinx_spec spec = {hops, count, vec("hops%u.data", count)};
  al_err err = al_sphinx_create_coins(suite, &coins, &spec, packet, secrets);
  tap_ok(err == AL_OK && vec_is(vec("hops%u.packet", count), packet, sizeof packet),
         "a packet for %u hops", count);
}

static void hop(uint32_t count, uint32_t i) {
  al_sphinx_keys keys;
  al_sphinx_result result;
  uint8_t route[AL_ROUTE_BYTES], hash[32];
  tap_ok(al_sphinx_open(suite, packet, sk[i], &keys) == AL_OK &&
             vec_is(vec("hops%u.%u.tag", count, i), keys.tag, 32) &&
             vec_is(vec("hops%u.%u.secret", count, i), keys.secret, 32) &&
             memcmp(secrets[i], keys.secret, 32) == 0,
         "hop %u of %u: tag and secret", i + 1, count);
  al_err err = al_sphinx_peel(suite, packet, &keys, &result);
  if (!tap_ok(err == AL_OK, "the layer comes off")) return;
  al_route_encode(&result.route, route);
  const al_bytes whole = {packet, sizeof packet};
  suite->sha3_256(hash, &whole, 1);
  tap_ok(vec_is(vec("hops%u.%u.route", count, i), route, sizeof route), "its route");
  tap_ok(vec_is(vec("hops%u.%u.peeled", count, i), hash, sizeof hash), "the packet it leaves");
  if (i + 1 == count)
    tap_ok(vec_is(vec("hops%u.data", count), result.data.ptr, result.data.len), "the data");
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  suite = al_suite_hacl();
  vec_load(argv[1], "sphinx.txt");
  for (uint32_t count = 1; count <= 5; count += 2) {
    create(count);
    for (uint32_t i = 0; i < count; i++) hop(count, i);
  }
  return tap_done();
}
