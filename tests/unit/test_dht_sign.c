/* What makes a record believable: no byte of it, of its key or of its signature can be another. */
#include "dht/sign.h"
#include "tap.h"

static uint8_t buffer[AL_RECORD_BYTES_MAX], sk[AL_SIG_SK_BYTES], pk[AL_SIG_PK_BYTES];
static uint8_t ed_pk[AL_ED_PK_BYTES];
static const al_suite *suite;

static const uint8_t seed[AL_SIG_SEED_BYTES] = {9}, coins[AL_SIG_COINS_BYTES] = {1};

static size_t make(al_record_kind kind, uint64_t sequence) {
  al_wr w = al_wr_init(buffer, sizeof buffer);
  al_record r = {.kind = kind, .value = al_view("a value of the test", 19)};
  if (kind != AL_RECORD_IMMUTABLE) {
    r.sequence = sequence;
    r.expiry_s = 1700000000;
    r.pk = kind == AL_RECORD_MUTABLE ? pk : ed_pk;
  }
  if (kind == AL_RECORD_MUTABLE) {
    r.salt = al_view("salt", 4);
    (void)al_record_sign_mutable(suite, &r, sk, coins, &w);
    return w.len;
  }
  if (kind == AL_RECORD_BLINDED) r.period = 4711;
  (void)al_record_encode_unsigned(&r, &w);
  if (kind == AL_RECORD_BLINDED) {
    uint8_t hash[AL_HASH_BYTES];
    al_record_blinded_hash(suite, al_wr_view(&w), hash);
    suite->ed_sign(al_wr_take(&w, AL_ED_SIG_BYTES), seed, hash);
  }
  return w.len;
}

static bool verify(size_t len, const al_id *key) {
  al_record r;
  return al_record_decode(al_view(buffer, len), &r) == AL_OK &&
         al_record_verify(suite, &r, key) == AL_OK;
}

static void test_kind(al_record_kind kind, size_t step) {
  al_record r;
  size_t len = make(kind, 5);
  tap_ok(al_record_decode(al_view(buffer, len), &r) == AL_OK, "kind %d is decoded", kind);
  al_id key = al_record_key(suite, &r), other = key;
  tap_ok(verify(len, &key), "it is good under its key");
  other.b[31] ^= 1;
  tap_ok(!verify(len, &other), "and under no other");
  uint32_t taken = 0;
  for (size_t i = 0; i < len; i += i < 60 || i + 60 > len ? 1 : step) {
    buffer[i] ^= 0x40;
    taken += verify(len, &key);
    buffer[i] ^= 0x40;
  }
  tap_is_u64(taken, 0, "no byte of it can be another");
  tap_ok(verify(len, &key), "it is good again");
  if (kind == AL_RECORD_IMMUTABLE) return;
  (void)make(kind, 6);
  tap_ok(verify(len, &key), "another sequence has the same key");
}

/* The same bytes in two kinds have two keys. */
static void test_apart(void) {
  al_record a = {.kind = AL_RECORD_IMMUTABLE, .value = al_view(pk, AL_SIG_PK_BYTES)};
  al_record b = {.kind = AL_RECORD_MUTABLE, .pk = pk};
  al_record c = {.kind = AL_RECORD_BLINDED, .pk = pk};
  al_id ka = al_record_key(suite, &a), kb = al_record_key(suite, &b), kc = al_record_key(suite, &c);
  tap_ok(!al_id_equal(&ka, &kb) && !al_id_equal(&kb, &kc) && !al_id_equal(&ka, &kc),
         "kinds do not share keys");
  b.salt = al_view("x", 1);
  c.period = 1;
  al_id kb2 = al_record_key(suite, &b), kc2 = al_record_key(suite, &c);
  tap_ok(!al_id_equal(&kb, &kb2) && !al_id_equal(&kc, &kc2), "salt and period make keys");
  al_wr w = al_wr_init(buffer, sizeof buffer);
  tap_ok(al_record_sign_mutable(suite, &a, sk, coins, &w) == AL_EINVAL && w.len == 0,
         "only a mutable record is signed so");
  b.value = al_view(pk, 9);
  w = al_wr_init(buffer, AL_RECORD_MUTABLE_BYTES);
  tap_ok(al_record_sign_mutable(suite, &b, sk, coins, &w) == AL_EFULL, "a buffer too small");
}

static void run(const al_suite *s, size_t step) {
  suite = s;
  suite->sig_keypair(pk, sk, seed);
  suite->ed_public(ed_pk, seed);
  test_kind(AL_RECORD_IMMUTABLE, 1);
  test_kind(AL_RECORD_MUTABLE, step);
  test_kind(AL_RECORD_BLINDED, 1);
  test_apart();
}

int main(void) {
  run(al_suite_hacl(), 23);
  run(al_suite_null(), 1);
  return tap_done();
}
