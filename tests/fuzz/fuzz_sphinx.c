/* fuzz_sphinx.c — set-up packets at a hop, with the simulation suite. First byte 0: the rest is the
 * packet as it comes. Else the rest is the plaintext of a route and a body by an origin that knows
 * how to make them authentic: what a malicious origin can reach. */
#include <stdlib.h>

#include "sphinx/sphinx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
  bool ready;
  uint8_t pk[AL_KEM_PK_BYTES], sk[AL_KEM_SK_BYTES];
  uint8_t packet[AL_SPHINX_BYTES]; /* a good one */
  al_sphinx_keys keys;             /* of it */
} w;

static void check(bool good) {
  if (!good) abort();
}

static void prepare(void) {
  static const uint8_t seed[32] = {1};
  static al_sphinx_coins coins;
  uint8_t secret[1][32];
  al_suite_null()->kem_keypair(w.pk, w.sk, seed);
  const al_sphinx_hop hop = {.onion_pk = w.pk};
  const al_sphinx_spec spec = {&hop, 1, {NULL, 0}};
  check(al_sphinx_create_coins(al_suite_null(), &coins, &spec, w.packet, secret) == AL_OK);
  check(al_sphinx_open(al_suite_null(), w.packet, w.sk, &w.keys) == AL_OK);
  w.ready = true;
}

/* Route and body as given, sealed with the keys of the good packet. */
static void authentic(uint8_t *packet, const uint8_t *data, size_t size) {
  static const uint8_t nonce[12];
  const al_suite *suite = al_suite_null();
  uint8_t *beta = packet + AL_SPHINX_BETA_AT, *body = packet + AL_SPHINX_BODY_AT;
  memset(beta, 0, AL_ROUTE_BYTES);
  memset(body, 0, AL_SPHINX_BODY_BYTES);
  const size_t n = al_min_size(size, AL_ROUTE_BYTES);
  memcpy(beta, data, n);
  memcpy(body, data + n, al_min_size(size - n, AL_SPHINX_BODY_BYTES));
  suite->xor_stream(beta, AL_ROUTE_BYTES, w.keys.header, nonce, 0);
  suite->poly1305(packet + AL_SPHINX_MAC_AT, beta, AL_SPHINX_BETA_BYTES, w.keys.mac);
  al_wide_key wide;
  al_wide_init(suite, w.keys.body, &wide);
  al_wide_encrypt(suite, &wide, 0, body, AL_SPHINX_BODY_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint8_t packet[AL_SPHINX_BYTES];
  al_sphinx_keys keys;
  al_sphinx_result result;
  if (!w.ready) prepare();
  if (size < 1) return 0;
  memcpy(packet, w.packet, sizeof packet);
  if (data[0] == 0)
    memcpy(packet, data + 1, al_min_size(size - 1, sizeof packet));
  else
    authentic(packet, data + 1, size - 1);
  al_err err = al_sphinx_open(al_suite_null(), packet, w.sk, &keys);
  check(err == AL_OK || (data[0] == 0 && al_zero_ct(&keys, sizeof keys)));
  if (err != AL_OK) return 0;
  err = al_sphinx_peel(al_suite_null(), packet, &keys, &result);
  if (err != AL_OK) {
    check(al_zero_ct(packet, sizeof packet));
    return 0;
  }
  if (result.route.command == AL_ROUTE_CREATE_END && result.data.len > 0)
    check(result.data.ptr >= packet + AL_SPHINX_BODY_AT &&
          result.data.ptr + result.data.len <= packet + sizeof packet);
  return 0;
}
