/* Records of the DHT against dht.txt. Argument: tests/vectors. */
#include "crypto/crypto.h"
#include "dht/proof.h"
#include "dht/sign.h"
#include "tap.h"
#include "test_wire_vectors.h"

static uint8_t out[AL_RECORD_BYTES_MAX], sk[AL_SIG_SK_BYTES], pk[AL_SIG_PK_BYTES];
static const al_suite *suite;

static bool good(const char *name, al_record *ret) {
  al_id key, want;
  memcpy(want.b, vec("%s.key", name).ptr, sizeof want.b);
  bool decoded = al_record_decode(vec("%s.record", name), ret) == AL_OK;
  tap_ok(decoded && vec_is(vec("%s.value", name), ret->value.ptr, ret->value.len),
         "%s: decoded to its value", name);
  key = al_record_key(suite, ret);
  tap_ok(al_id_equal(&key, &want) && al_record_verify(suite, ret, &want) == AL_OK,
         "its key and its signature are right");
  return decoded;
}

static void test_immutable(const char *name) {
  al_record r;
  (void)good(name, &r);
  al_wr w = al_wr_init(out, sizeof out);
  tap_ok(al_record_encode_unsigned(&r, &w) == AL_OK && vec_is(vec("%s.record", name), out, w.len),
         "made here, it has the same bytes");
}

static void test_mutable(const char *name) {
  al_record r;
  (void)good(name, &r);
  tap_ok(r.sequence == 0x0102030405060708 && r.expiry_s == 1700086400 &&
             vec_is(vec("%s.salt", name), r.salt.ptr, r.salt.len) &&
             vec_is(vec("signer.pk"), r.pk, AL_SIG_PK_BYTES),
         "its fields");
  al_wr w = al_wr_init(out, sizeof out);
  tap_ok(al_record_sign_mutable(suite, &r, sk, vec("%s.rnd", name).ptr, &w) == AL_OK &&
             vec_is(vec("%s.record", name), out, w.len),
         "made here, it has the same bytes, signature and all");
}

static void test_blinded(void) {
  al_record r;
  uint8_t hash[32];
  (void)good("blinded", &r);
  tap_ok(r.sequence == 3 && r.expiry_s == 1700086400 && r.period == 19675 &&
             vec_is(vec("blinded.pk"), r.pk, AL_ED_PK_BYTES),
         "its fields");
  suite->ed_public(pk, vec("blinded.seed").ptr);
  r.pk = pk;
  al_wr w = al_wr_init(out, sizeof out);
  (void)al_record_encode_unsigned(&r, &w);
  al_record_blinded_hash(suite, al_wr_view(&w), hash);
  suite->ed_sign(al_wr_take(&w, AL_ED_SIG_BYTES), vec("blinded.seed").ptr, hash);
  tap_ok(vec_is(vec("blinded.record"), out, w.len), "made here, it has the same bytes");
  al_id key = al_record_key(suite, &r);
  for (uint32_t i = 0; i < AL_RECORD_PLACES; i++) {
    al_id place = al_record_place(suite, &key, i);
    tap_ok(vec_is(vec("blinded.place.%u", i), place.b, sizeof place.b), "place %u", i);
  }
}

static void test_signed(void) {
  al_dht_message m;
  tap_ok(al_dht_decode(vec("signed.answer"), &m) == AL_OK && m.count == 9 &&
             al_dht_proved(suite, &m) == 9,
         "an answer that its first node has signed");
  al_dht_prove(suite, pk, sk, &m, out);
  tap_ok(vec_is(m.payload, out, AL_DHT_PROOF_BYTES), "made here, its proof has the same bytes");
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  vec_load(argv[1], "dht.txt");
  suite = al_suite_hacl();
  test_immutable("empty");
  test_immutable("immutable");
  test_immutable("large");
  suite->sig_keypair(pk, sk, vec("signer.seed").ptr);
  tap_ok(vec_is(vec("signer.pk"), pk, sizeof pk), "the signer's key");
  test_mutable("mutable");
  test_mutable("salted");
  test_mutable("full");
  test_signed();
  test_blinded();
  return tap_done();
}
