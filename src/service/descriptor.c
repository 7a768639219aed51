/* descriptor.c — a service's descriptor: signed, encrypted under the address, and for authorised
 * clients under a cookie besides. The storers see random bytes. */
#include "service/service_priv.h"

enum {
  FORM_OPEN = 1,
  FORM_CLIENTS = 2,
  SALT_AT = 4,
  TEXT_AT = SALT_AT + AL_DESC_SALT_BYTES,
  TEXT_BYTES = AL_DESC_BODY_BYTES + AL_SIG_BYTES,
};

static void write_body(const al_desc_make *m, uint8_t *out) {
  const al_service_desc *d = m->desc;
  al_wr w = al_wr_init(out, AL_DESC_BODY_BYTES);
  AL_ASSERT(d->intros_count >= 1 && d->intros_count <= AL_INTROS_MAX);
  al_wr_u8(&w, 1);
  al_wr_u8(&w, d->puzzle_bits);
  al_wr_u8(&w, d->intros_count);
  al_wr_u8(&w, 0);
  al_wr_u64(&w, d->published_s);
  al_wr_copy(&w, m->keys->sig_pk, AL_SIG_PK_BYTES);
  al_wr_copy(&w, d->kem_pk, AL_KEM_PK_BYTES);
  for (uint32_t i = 0; i < d->intros_count; i++) {
    al_wr_id(&w, &d->intros[i].relay);
    al_wr_copy(&w, d->intros[i].id, sizeof d->intros[i].id);
  }
  al_wr_zero(&w, al_wr_left(&w));
  AL_ASSERT(al_wr_ok(&w));
}

/* What the signature covers besides the body: so that no period's descriptor passes for another's.
 */
static al_bytes context_of(const al_name *name, uint64_t period, uint8_t *buf) {
  const al_bytes label = al_label(AL_LABEL_SERVICE_DESC);
  al_wr w = al_wr_init(buf, 128);
  al_wr_bytes(&w, label);
  al_wr_copy(&w, name->bytes, sizeof name->bytes);
  al_wr_u64(&w, period);
  AL_ASSERT(al_wr_ok(&w));
  return al_wr_view(&w);
}

static void key_of(const al_suite *suite, const al_desc_from *from, const uint8_t *salt,
                   uint8_t key[AL_KEY_BYTES]) {
  uint8_t ikm[AL_NAME_BYTES + AL_KEY_BYTES], prk[32], number[8];
  const size_t len = AL_NAME_BYTES + (from->cookie != NULL ? AL_KEY_BYTES : 0);
  memcpy(ikm, from->name->bytes, AL_NAME_BYTES);
  if (from->cookie != NULL) memcpy(ikm + AL_NAME_BYTES, from->cookie, AL_KEY_BYTES);
  al_hkdf_extract(suite, prk, (al_bytes){salt, AL_DESC_SALT_BYTES}, (al_bytes){ikm, len});
  al_store_u64(number, from->period);
  al_kdf(suite, prk, AL_LABEL_SERVICE_DESC_KEY, (al_bytes){number, sizeof number},
         (al_span){key, AL_KEY_BYTES});
  al_wipe(ikm, sizeof ikm);
  al_wipe(prk, sizeof prk);
}

void al_desc_seal_coins(const al_suite *suite, const al_desc_coins *coins, const al_desc_make *m,
                        uint8_t *ret) {
  uint8_t key[AL_KEY_BYTES], context[128];
  uint8_t *text = ret + TEXT_AT;
  const al_desc_from from = {&m->keys->name, m->period, m->cookie};
  memset(ret, 0, SALT_AT);
  ret[0] = m->cookie != NULL ? FORM_CLIENTS : FORM_OPEN;
  memcpy(ret + SALT_AT, coins->salt, sizeof coins->salt);
  write_body(m, text);
  const al_err err = suite->sign(text + AL_DESC_BODY_BYTES, m->keys->sig_sk,
                                 context_of(&m->keys->name, m->period, context),
                                 (al_bytes){text, AL_DESC_BODY_BYTES}, coins->sig);
  AL_ASSERT(err == AL_OK);
  key_of(suite, &from, coins->salt, key);
  suite->seal(text, TEXT_BYTES, text + TEXT_BYTES, key, 0, (al_bytes){ret, TEXT_AT});
  al_wipe(key, sizeof key);
}

void al_desc_seal(const al_suite *suite, al_rng *rng, const al_desc_make *m, uint8_t *ret) {
  al_desc_coins coins;
  al_rng_bytes(rng, &coins, sizeof coins);
  al_desc_seal_coins(suite, &coins, m, ret);
  al_wipe(&coins, sizeof coins);
}

bool al_desc_wants_cookie(al_bytes sealed) {
  return sealed.len == AL_DESC_SEALED_BYTES && sealed.ptr[0] == FORM_CLIENTS;
}

al_err al_desc_body_read(const uint8_t *body, al_service_desc *ret, const uint8_t **ret_sig_pk) {
  al_rd r = al_rd_init((al_bytes){body, AL_DESC_BODY_BYTES});
  al_service_desc d = {0};
  uint8_t version = al_rd_u8(&r);
  d.puzzle_bits = al_rd_u8(&r);
  d.intros_count = al_rd_u8(&r);
  uint8_t zero = al_rd_u8(&r);
  if (version != 1 || zero != 0 || d.puzzle_bits > AL_PUZZLE_BITS_MAX || d.intros_count < 1 ||
      d.intros_count > AL_INTROS_MAX)
    return AL_EPARSE;
  d.published_s = al_rd_u64(&r);
  const uint8_t *sig_pk = al_rd_bytes(&r, AL_SIG_PK_BYTES).ptr;
  al_rd_copy(&r, d.kem_pk, sizeof d.kem_pk);
  for (uint32_t i = 0; i < d.intros_count; i++) {
    d.intros[i].relay = al_rd_id(&r);
    al_rd_copy(&r, d.intros[i].id, sizeof d.intros[i].id);
  }
  al_bytes padding = al_rd_rest(&r);
  if (!al_rd_ok(&r) || !al_zero_ct(padding.ptr, padding.len)) return AL_EPARSE;
  *ret = d;
  *ret_sig_pk = sig_pk;
  return AL_OK;
}

static al_err check_text(const al_suite *suite, const al_desc_from *from, const uint8_t *text,
                         al_service_desc *ret) {
  uint8_t context[128];
  const uint8_t *sig_pk;
  const al_err err = al_desc_body_read(text, ret, &sig_pk);
  if (err != AL_OK) return err;
  if (!al_name_commits(suite, from->name, sig_pk)) return AL_ECRYPTO;
  return suite->verify(text + AL_DESC_BODY_BYTES, sig_pk,
                       context_of(from->name, from->period, context),
                       (al_bytes){text, AL_DESC_BODY_BYTES});
}

al_err al_desc_open(const al_suite *suite, const al_desc_from *from, al_bytes sealed,
                    al_service_desc *ret) {
  uint8_t key[AL_KEY_BYTES], text[TEXT_BYTES];
  al_service_desc got = {0};
  if (sealed.len != AL_DESC_SEALED_BYTES || sealed.ptr[0] < FORM_OPEN ||
      sealed.ptr[0] > FORM_CLIENTS || !al_zero_ct(sealed.ptr + 1, SALT_AT - 1))
    return AL_EPARSE;
  bool clients = sealed.ptr[0] == FORM_CLIENTS;
  if (clients && from->cookie == NULL) return AL_ESTATE;
  const al_desc_from by = {from->name, from->period, clients ? from->cookie : NULL};
  key_of(suite, &by, sealed.ptr + SALT_AT, key);
  memcpy(text, sealed.ptr + TEXT_AT, sizeof text);
  al_err err = suite->open(text, sizeof text, sealed.ptr + TEXT_AT + TEXT_BYTES, key, 0,
                           (al_bytes){sealed.ptr, TEXT_AT});
  al_wipe(key, sizeof key);
  if (err == AL_OK) err = check_text(suite, from, text, &got);
  if (err == AL_OK) *ret = got;
  al_wipe(text, sizeof text);
  return err;
}

/* ---- authorised clients ---- */

al_err al_client_seal(const al_suite *suite, const uint8_t coins[AL_KEM_COINS_BYTES],
                      const uint8_t *client_pk, const uint8_t cookie[AL_KEY_BYTES], uint8_t *ret) {
  uint8_t ss[32], key[AL_KEY_BYTES];
  uint8_t *text = ret + AL_KEM_CT_BYTES;
  const al_err err = suite->kem_enc(ret, ss, client_pk, coins);
  if (err != AL_OK) return err;
  al_kdf(suite, ss, AL_LABEL_SERVICE_CLIENT_KEY, (al_bytes){NULL, 0}, (al_span){key, sizeof key});
  memcpy(text, cookie, AL_KEY_BYTES);
  suite->seal(text, AL_KEY_BYTES, text + AL_KEY_BYTES, key, 0, (al_bytes){NULL, 0});
  al_wipe(ss, sizeof ss);
  al_wipe(key, sizeof key);
  return AL_OK;
}

al_err al_client_open(const al_suite *suite, const uint8_t *client_sk, al_bytes sealed,
                      uint8_t ret_cookie[AL_KEY_BYTES]) {
  uint8_t ss[32], key[AL_KEY_BYTES], text[AL_KEY_BYTES];
  if (sealed.len != AL_CLIENT_SEALED_BYTES) return AL_EPARSE;
  suite->kem_dec(ss, sealed.ptr, client_sk);
  al_kdf(suite, ss, AL_LABEL_SERVICE_CLIENT_KEY, (al_bytes){NULL, 0}, (al_span){key, sizeof key});
  memcpy(text, sealed.ptr + AL_KEM_CT_BYTES, sizeof text);
  const al_err err = suite->open(text, sizeof text, sealed.ptr + AL_KEM_CT_BYTES + AL_KEY_BYTES,
                                 key, 0, (al_bytes){NULL, 0});
  if (err == AL_OK) memcpy(ret_cookie, text, sizeof text);
  al_wipe(ss, sizeof ss);
  al_wipe(key, sizeof key);
  al_wipe(text, sizeof text);
  return err;
}
