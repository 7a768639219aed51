/* Signed answers: what a signature covers, and that nobody passes for another node. */
#include "book/identity.h"
#include "dht/proof.h"
#include "tap.h"
#include "support/test_rand.h"

enum { ENTRIES = 12, SIGNED = 9 };

typedef struct said {
  uint8_t pk[AL_SIG_PK_BYTES], sk[AL_SIG_SK_BYTES];
  uint8_t entries[1024], proof[AL_DHT_PROOF_BYTES];
  al_dht_message m;
} said;

/* An answer of nine entries, to which somebody on the way added three. */
static void make(const al_suite *suite, said *s) {
  uint8_t seed[AL_SIG_SEED_BYTES];
  test_rand_bytes(seed, sizeof seed);
  suite->sig_keypair(s->pk, s->sk, seed);
  al_wr w = al_wr_init(s->entries, sizeof s->entries);
  s->m = (al_dht_message){.type = AL_DHT_ANSWER, .path = 2, .query = test_rand()};
  for (uint32_t i = 0; i < ENTRIES; i++) {
    al_id id;
    test_rand_bytes(id.b, sizeof id.b);
    if (i == 0) id = al_node_id(suite, s->pk);
    al_dht_put_entry(&w, &id, al_view(seed, i % 3 * 4));
    s->m.count++;
    s->m.entries = al_wr_view(&w);
    if (i + 1 == SIGNED) al_dht_prove(suite, s->pk, s->sk, &s->m, s->proof);
  }
  s->m.payload = al_view(s->proof, sizeof s->proof);
}

static void test_bytes(const al_suite *suite) {
  static said s, other;
  make(suite, &s);
  make(suite, &other);
  tap_is_u64(al_dht_proved(suite, &s.m), SIGNED, "%s: nine entries are signed", suite->name);
  uint32_t passed = 0, in_signed = 0;
  al_rd r = al_rd_init(s.m.entries);
  al_dht_entry e;
  for (uint32_t i = 0; i < SIGNED; i++) (void)al_dht_next_entry(&r, &e);
  in_signed = (uint32_t)r.pos;
  for (uint32_t i = 0; i < in_signed; i++) {
    s.entries[i] ^= 1;
    passed += al_dht_proved(suite, &s.m) != 0;
    s.entries[i] ^= 1;
  }
  for (uint32_t i = 0; i < sizeof s.proof; i += i < 40 || i > 1980 ? 1 : 61) {
    s.proof[i] ^= 1;
    passed += al_dht_proved(suite, &s.m) != 0;
    s.proof[i] ^= 1;
  }
  tap_is_u64(passed, 0, "... no byte of them, of the key or of the signature can be another");
  s.entries[in_signed + 3] ^= 1;
  tap_is_u64(al_dht_proved(suite, &s.m), SIGNED, "... what was added behind them does not count");
  s.m.query ^= 1;
  tap_is_u64(al_dht_proved(suite, &s.m), 0, "... it answers no other question");
  s.m.query ^= 1;
  s.m.path = 1;
  tap_is_u64(al_dht_proved(suite, &s.m), 0, "... and no other path");
  s.m.path = 2;
  s.m.payload = other.m.payload;
  tap_is_u64(al_dht_proved(suite, &s.m), 0, "... another node's proof is none");
  s.m.payload = al_view(s.proof, sizeof s.proof - 1);
  tap_is_u64(al_dht_proved(suite, &s.m), 0, "... nor is a part of it");
}

/* Somebody signs with an own key what he says in another's name. */
static void test_borrowed(const al_suite *suite) {
  static said s, thief;
  make(suite, &s);
  make(suite, &thief);
  s.m.count = SIGNED;
  al_dht_prove(suite, thief.pk, thief.sk, &s.m, s.proof);
  tap_is_u64(al_dht_proved(suite, &s.m), 0, "%s: an ID belongs to its key", suite->name);
  al_dht_prove(suite, s.pk, thief.sk, &s.m, s.proof);
  tap_is_u64(al_dht_proved(suite, &s.m), 0, "... and the key to who signs");
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_bytes(al_suite_null());
  test_bytes(al_suite_hacl());
  test_borrowed(al_suite_null());
  test_borrowed(al_suite_hacl());
  return tap_done();
}
