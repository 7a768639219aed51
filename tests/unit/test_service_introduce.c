/* A client's request, the service's answer and the session that both have then; sealed packets;
 * the guard of a service under load. With both providers. */
#include "service/session.h"
#include "tap.h"

static const al_suite *s;
static al_service_keys keys;
static uint8_t kem_pk[AL_KEM_PK_BYTES], kem_sk[AL_KEM_SK_BYTES], id[32];
#define ASKED ask.bytes
#define ANSWER reply.bytes
static al_ask ask;
static al_heard heard;
static al_answer reply;
static al_request asked;
static al_session_keys client, service;
#define GOT heard.request
static uint8_t coins_byte;

static al_ask_to whom(const uint8_t *resume) {
  return (al_ask_to){&keys.name, id, kem_pk, kem_sk, resume};
}

static al_err make(const uint8_t *resume) {
  al_ask_coins coins;
  const al_ask_to to = whom(resume);
  memset(&coins, ++coins_byte, sizeof coins);
  return al_ask_make(s, &coins, &to, &asked, &ask);
}

static al_err hear(void) {
  const al_ask_to to = whom(NULL);
  return al_ask_open(s, &to, ASKED, &heard);
}

static void test_session(void) {
  uint8_t y[32] = {6};
  memset(&asked, 0, sizeof asked);
  memset(&asked.relay, 4, sizeof asked.relay);
  memset(asked.cookie, 5, sizeof asked.cookie);
  asked.time_s = 1234567;
  tap_ok(make(NULL) == AL_OK && hear() == AL_OK, "%s: a request is heard", s->name);
  tap_is_mem(&GOT, &asked, sizeof GOT, "%s: as it was asked", s->name);
  tap_ok(al_answer_make(s, &heard, y, NULL, &reply) == AL_OK &&
             al_answer_take(s, &ask, NULL, ANSWER, &client) == AL_OK,
         "%s: and answered", s->name);
  service = reply.keys;
  tap_is_mem(&client, &service, sizeof client, "%s: both have the same keys", s->name);
  unsigned taken = 0;
  for (size_t i = 0; i < sizeof ANSWER; i++) {
    ANSWER[i] ^= 2;
    al_session_keys k;
    taken += al_answer_take(s, &ask, NULL, ANSWER, &k) == AL_OK;
    ANSWER[i] ^= 2;
  }
  tap_is_u64(taken, 0, "%s: no other answer is taken", s->name);
  taken = 0;
  for (size_t i = 16; i < sizeof ASKED; i += 13) {
    ASKED[i] ^= 2;
    taken += hear() == AL_OK;
    ASKED[i] ^= 2;
  }
  tap_is_u64(taken, 0, "%s: no altered request is heard", s->name);
  id[0] ^= 1;
  tap_ok(hear() == AL_ECRYPTO, "%s: nor by another introduction point", s->name);
  id[0] ^= 1;
}

static void test_resume(void) {
  uint8_t y[32] = {7}, proof[16];
  al_session_keys again, same;
  asked.resume = true;
  memcpy(asked.session, client.id, sizeof asked.session);
  tap_ok(make(client.resume) == AL_OK && hear() == AL_OK && GOT.resume, "%s: goes on", s->name);
  al_resume_proof(s, service.resume, &GOT, proof);
  tap_is_mem(proof, GOT.proof, 16, "%s: proved by who has the session", s->name);
  al_resume_proof(s, service.to_client, &GOT, proof);
  tap_ok(memcmp(proof, GOT.proof, 16) != 0, "%s: and by nobody else", s->name);
  (void)al_answer_make(s, &heard, y, service.resume, &reply);
  again = reply.keys;
  tap_ok(al_answer_take(s, &ask, client.resume, ANSWER, &same) == AL_OK &&
             memcmp(&again, &same, sizeof same) == 0 && memcmp(&same, &client, 64) != 0,
         "%s: with new keys", s->name);
  tap_ok(al_answer_take(s, &ask, NULL, ANSWER, &same) == AL_ECRYPTO,
         "%s: that hang on the old ones", s->name);
  asked.resume = false;
  tap_ok(make(client.resume) == AL_OK && hear() == AL_EPARSE, "%s: a new one has no proof",
         s->name);
  memset(asked.session, 0, sizeof asked.session);
  memset(asked.proof, 0, sizeof asked.proof);
}

static void test_sealed(void) {
  static uint8_t p[1068], q[1068], text[AL_SEALED_TEXT_BYTES];
  static al_sealed a, b;
  al_sealed_init(&a, &client, true);
  al_sealed_init(&b, &service, false);
  for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)i;
  memcpy(al_sealed_text(p), text, sizeof text);
  tap_ok(al_sealed_close(&a, s, p) && p[0] == AL_RELAY_KIND_SEALED, "%s: sealed", s->name);
  tap_ok(memcmp(al_sealed_text(p), text, sizeof text) != 0, "%s: unreadable", s->name);
  memcpy(q, p, sizeof q);
  unsigned taken = 0;
  for (size_t i = 1; i < sizeof q; i += 19) {
    q[i] ^= 1;
    taken += al_sealed_open(&b, s, q) == AL_OK;
    memcpy(q, p, sizeof q);
  }
  tap_is_u64(taken, 0, "%s: nothing altered opens", s->name);
  tap_ok(al_sealed_open(&b, s, q) == AL_OK, "%s: it opens", s->name);
  tap_is_mem(al_sealed_text(q), text, sizeof text, "%s: with its text", s->name);
  tap_ok(al_sealed_open(&b, s, p) == AL_ESTATE, "%s: once", s->name);
  memcpy(al_sealed_text(p), text, sizeof text);
  (void)al_sealed_close(&b, s, p);
  memcpy(q, p, sizeof q);
  tap_ok(al_sealed_open(&b, s, p) != AL_OK, "%s: not where it came from", s->name);
  tap_ok(al_sealed_open(&a, s, q) == AL_OK, "%s: but at the other end", s->name);
  a.next = ((uint64_t)1 << 48) - 1;
  tap_ok(!al_sealed_close(&a, s, p), "%s: numbers end", s->name);
}

static void test_guard(void) {
  static al_gate g;
  memset(&g, 0, sizeof g);
  al_time now = 5 * AL_SECOND;
  tap_ok(al_gate_judge(&g, s, now, id, ASKED) == AL_GATE_TAKE, "%s: taken", s->name);
  ASKED[3] ^= 1; /* another nonce does not make it another request */
  tap_ok(al_gate_judge(&g, s, now, id, ASKED) == AL_GATE_REPLAY, "%s: once", s->name);
  unsigned count[5] = {0};
  for (unsigned i = 0; i < 500; i++) {
    al_store_u32(ASKED + 100, i);
    count[al_gate_judge(&g, s, now, id, ASKED)]++;
  }
  tap_is_u64(count[AL_GATE_TAKE], AL_GATE_BURST - 1, "%s: a burst is taken", s->name);
  tap_is_u64(g.bits, AL_GATE_BITS_FIRST, "%s: then work is asked for", s->name);
  now += 2 * AL_SECOND;
  memset(ASKED, 0, 16);
  al_store_u32(ASKED + 100, 1000);
  while (al_puzzle_bits(s, id, ASKED) >= g.bits) ASKED[200]++;
  tap_ok(al_gate_judge(&g, s, now, id, ASKED) == AL_GATE_WORK, "%s: none shown", s->name);
  bool found = false;
  for (int i = 0; i < 100 && !found; i++) found = al_puzzle_try(s, id, g.bits, ASKED, 1000);
  tap_ok(found && al_puzzle_bits(s, id, ASKED) >= g.bits, "%s: work is found", s->name);
  tap_ok(al_gate_judge(&g, s, now, id, ASKED) == AL_GATE_TAKE, "%s: and taken", s->name);
  tap_ok(!al_gate_calm(&g, now + 10 * AL_SECOND), "%s: not calm yet", s->name);
  tap_ok(al_gate_calm(&g, now + 100 * AL_SECOND) && g.bits == 0, "%s: calm again", s->name);
}

int main(void) {
  const al_suite *suites[2] = {al_suite_hacl(), al_suite_null()};
  uint8_t root[32] = {1}, listen[32] = {2};
  for (int i = 0; i < 2; i++) {
    s = suites[i];
    al_service_keys_make(s, root, &keys);
    s->kem_keypair(kem_pk, kem_sk, root);
    al_intro_id(s, listen, id);
    test_session();
    test_resume();
    test_sealed();
    test_guard();
  }
  memset(kem_pk, 0xff, 1184);
  s = suites[0];
  tap_ok(make(NULL) == AL_ECRYPTO, "a key that is none is refused");
  return tap_done();
}
