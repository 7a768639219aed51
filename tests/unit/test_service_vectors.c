/* Services against service.txt, which an independent model made. Argument: tests/vectors. */
#include "service/session.h"
#include "tap.h"
#include "test_wire_vectors.h"

enum { NOW = 1700000000 };

static const al_suite *s;
static al_service_keys keys;
static uint8_t kem_pk[AL_KEM_PK_BYTES], kem_sk[AL_KEM_SK_BYTES], client_pk[AL_KEM_PK_BYTES],
    client_sk[AL_KEM_SK_BYTES];
static uint64_t period;

static void test_names(void) {
  static const uint8_t hash[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                   16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
  uint8_t pk[32], factor[32], sig[64];
  al_service_keys_make(s, vec("root").ptr, &keys);
  tap_ok(vec_is(vec("address"), keys.name.bytes, sizeof keys.name.bytes), "the address");
  period = al_name_period(s, &keys.name, NOW, NULL);
  tap_is_u64(period, al_load_u64(vec("period").ptr), "the period");
  for (int i = 0; i < 2; i++) {
    const uint8_t *client = i == 0 ? NULL : client_pk;
    const char *name = i == 0 ? "blinded" : "blinded_client";
    al_name_factor(s, &keys.name, period, client, factor);
    bool good = al_name_blinded(s, &keys.name, period, client, pk) == AL_OK;
    tap_ok(good && vec_is(vec("%s.pk", name), pk, sizeof pk), "%s: the key", name);
    s->ed_blind_sign(sig, keys.ed_seed, factor, hash);
    tap_ok(vec_is(vec("%s.sig", name), sig, sizeof sig), "%s: a signature", name);
  }
}

static void test_descriptor(void) {
  static uint8_t out[AL_DESC_SEALED_BYTES], box[AL_CLIENT_SEALED_BYTES];
  al_service_desc got;
  uint8_t cookie[32];
  al_desc_from from = {&keys.name, period, NULL};
  tap_ok(al_desc_open(s, &from, vec("descriptor"), &got) == AL_OK && got.puzzle_bits == 12 &&
             got.intros_count == 3 && vec_is(vec("intro"), got.intros[2].id, 32),
         "the descriptor is read");
  al_desc_coins coins;
  memcpy(coins.salt, vec("salt").ptr, sizeof coins.salt);
  memcpy(coins.sig, vec("rnd").ptr, sizeof coins.sig);
  al_desc_make m = {&keys, &got, period, NULL};
  al_desc_seal_coins(s, &coins, &m, out);
  tap_ok(vec_is(vec("descriptor"), out, sizeof out), "and written, byte for byte");
  m.cookie = vec("cookie").ptr;
  al_desc_seal_coins(s, &coins, &m, out);
  tap_ok(vec_is(vec("descriptor.clients"), out, sizeof out), "so is one for clients");
  tap_ok(al_client_seal(s, vec("box.coins").ptr, client_pk, m.cookie, box) == AL_OK &&
             vec_is(vec("box"), box, sizeof box),
         "and a client's box");
  tap_ok(al_client_open(s, client_sk, vec("box"), cookie) == AL_OK &&
             vec_is(vec("cookie"), cookie, sizeof cookie),
         "which the client opens");
}

static void test_session(const char *name, bool resume) {
  static al_ask ask;
  static al_heard heard;
  static al_answer answer;
  al_session_keys client;
  al_ask_coins coins;
  const uint8_t *old = resume ? vec("first.resume").ptr : NULL;
  al_request req = {.resume = resume, .time_s = NOW};
  memcpy(req.relay.b, vec("%s.relay", name).ptr, 32);
  memcpy(req.cookie, vec("%s.cookie", name).ptr, sizeof req.cookie);
  if (resume) memcpy(req.session, vec("first.id").ptr, sizeof req.session);
  memcpy(coins.kem, vec("%s.kem", name).ptr, sizeof coins.kem);
  memcpy(coins.x_sk, vec("%s.x_sk", name).ptr, sizeof coins.x_sk);
  const al_ask_to to = {&keys.name, vec("intro").ptr, kem_pk, kem_sk, old};
  tap_ok(al_ask_make(s, &coins, &to, &req, &ask) == AL_OK &&
             vec_is(vec("%s.request", name), ask.bytes, sizeof ask.bytes),
         "%s: the request", name);
  tap_ok(al_ask_open(s, &to, vec("%s.request", name).ptr, &heard) == AL_OK &&
             al_answer_make(s, &heard, vec("%s.y_sk", name).ptr, old, &answer) == AL_OK &&
             vec_is(vec("%s.answer", name), answer.bytes, sizeof answer.bytes),
         "%s: the answer", name);
  tap_ok(al_answer_take(s, &ask, old, answer.bytes, &client) == AL_OK &&
             memcmp(&client, &answer.keys, sizeof client) == 0 &&
             vec_is(vec("%s.to_service", name), client.to_service, 32) &&
             vec_is(vec("%s.to_client", name), client.to_client, 32) &&
             vec_is(vec("%s.resume", name), client.resume, 32) &&
             vec_is(vec("%s.id", name), client.id, sizeof client.id),
         "%s: the keys", name);
  if (!resume) return;
  static uint8_t payload[1068];
  static al_sealed sealed;
  al_sealed_init(&sealed, &client, true);
  memcpy(al_sealed_text(payload), vec("sealed.text").ptr, AL_SEALED_TEXT_BYTES);
  tap_ok(al_sealed_close(&sealed, s, payload) &&
             vec_is(vec("sealed.payload"), payload, sizeof payload),
         "a sealed payload");
  memcpy(ask.bytes, vec("puzzle.nonce").ptr, 8);
  tap_ok(al_puzzle_bits(s, to.intro_id, ask.bytes) >= 8, "a nonce that shows work");
}

int main(int argc, char **argv) {
  uint8_t id[32];
  if (argc < 2) return 2;
  s = al_suite_hacl();
  vec_load(argv[1], "service.txt");
  s->kem_keypair(kem_pk, kem_sk, vec("kem.seed").ptr);
  s->kem_keypair(client_pk, client_sk, vec("client.seed").ptr);
  test_names();
  al_intro_id(s, vec("listen").ptr, id);
  tap_ok(vec_is(vec("intro"), id, sizeof id), "the name of an introduction point");
  test_descriptor();
  test_session("first", false);
  test_session("again", true);
  return tap_done();
}
