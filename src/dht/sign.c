/* sign.c — see sign.h. */
#include "dht/sign.h"

#include "base/assert.h"
#include "crypto/crypto.h"

al_id al_record_key(const al_suite *suite, const al_record *r) {
  uint8_t period[8];
  al_bytes in[3] = {{0}};
  size_t count = 0;
  al_id key;
  switch (r->kind) {
    case AL_RECORD_IMMUTABLE:
      in[count++] = al_label(AL_LABEL_RECORD_IMMUTABLE);
      in[count++] = r->value;
      break;
    case AL_RECORD_MUTABLE:
      in[count++] = al_label(AL_LABEL_RECORD_MUTABLE);
      in[count++] = al_view(r->pk, AL_SIG_PK_BYTES);
      in[count++] = r->salt;
      break;
    case AL_RECORD_BLINDED:
      in[count++] = al_label(AL_LABEL_RECORD_BLINDED);
      in[count++] = al_view(r->pk, AL_ED_PK_BYTES);
      al_store_u64(period, r->period);
      in[count++] = al_view(period, sizeof period);
      break;
  }
  AL_ASSERT(count != 0);
  suite->sha3_256(key.b, in, count);
  return key;
}

al_id al_record_place(const al_suite *suite, const al_id *key, uint32_t which) {
  const uint8_t number[1] = {(uint8_t)which};
  const al_bytes in[3] = {
      al_label(AL_LABEL_RECORD_PLACE), al_view(key->b, sizeof key->b), {number, sizeof number}};
  al_id place = *key;
  AL_ASSERT(which < AL_RECORD_PLACES);
  if (which != 0) suite->sha3_256(place.b, in, 3);
  return place;
}

void al_record_blinded_hash(const al_suite *suite, al_bytes signed_part,
                            uint8_t hash[AL_HASH_BYTES]) {
  const al_bytes in[2] = {al_label(AL_LABEL_RECORD_ED), signed_part};
  suite->sha3_256(hash, in, 2);
}

al_err al_record_verify(const al_suite *suite, const al_record *r, const al_id *key) {
  uint8_t hash[AL_HASH_BYTES];
  al_id own = al_record_key(suite, r);
  if (!al_id_equal(&own, key)) return AL_ECRYPTO;
  if (r->kind == AL_RECORD_IMMUTABLE) return AL_OK;
  if (r->kind == AL_RECORD_MUTABLE) {
    return suite->verify(r->signature, r->pk, al_label(AL_LABEL_RECORD_SIGN), r->signed_part);
  }
  al_record_blinded_hash(suite, r->signed_part, hash);
  return suite->ed_verify(r->signature, r->pk, hash);
}

al_err al_record_sign_mutable(const al_suite *suite, const al_record *r, const uint8_t *sk,
                              const uint8_t *coins, al_wr *w) {
  if (r->kind != AL_RECORD_MUTABLE) return AL_EINVAL;
  size_t start = w->len;
  al_err e = al_record_encode_unsigned(r, w);
  if (e != AL_OK) return e;
  const al_bytes message = al_view(w->ptr + start, w->len - start);
  uint8_t *signature = al_wr_take(w, AL_SIG_BYTES);
  if (signature == NULL) return AL_EFULL;
  e = suite->sign(signature, sk, al_label(AL_LABEL_RECORD_SIGN), message, coins);
  AL_ASSERT(e == AL_OK); /* a record is never too long to sign */
  return AL_OK;
}

al_err al_record_make(const al_suite *suite, const al_record_fields *f, const uint8_t *seed,
                      uint8_t *out, al_record_made *ret) {
  uint8_t pk[AL_SIG_PK_BYTES], sk[AL_SIG_SK_BYTES];
  al_record r = {.kind = AL_RECORD_IMMUTABLE, .value = f->value};
  al_wr w = al_wr_init(out, AL_RECORD_BUFFER_BYTES);
  _Static_assert((int)AL_RECORD_BUFFER_BYTES == (int)AL_RECORD_BYTES_MAX, "the largest record");
  al_err e;
  if (f->is_mutable) {
    suite->sig_keypair(pk, sk, seed);
    r = (al_record){.kind = AL_RECORD_MUTABLE,
                    .sequence = f->sequence,
                    .expiry_s = f->expiry_s,
                    .pk = pk,
                    .salt = f->salt,
                    .value = f->value};
    e = al_record_sign_mutable(suite, &r, sk, seed + AL_SIG_SEED_BYTES, &w);
    al_wipe(sk, sizeof sk);
  } else {
    e = f->salt.len != 0 ? AL_EINVAL : al_record_encode_unsigned(&r, &w);
  }
  if (e != AL_OK) return AL_EINVAL;
  ret->key = al_record_key(suite, &r);
  ret->len = w.len;
  return AL_OK;
}

al_err al_record_read(al_bytes bytes, al_record_fields *ret) {
  al_record r;
  if (al_record_decode(bytes, &r) != AL_OK || r.kind == AL_RECORD_BLINDED) return AL_EPARSE;
  *ret = (al_record_fields){.is_mutable = r.kind == AL_RECORD_MUTABLE,
                            .sequence = r.sequence,
                            .expiry_s = r.expiry_s,
                            .salt = r.salt,
                            .value = r.value};
  return AL_OK;
}
