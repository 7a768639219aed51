/* keys.c — a service's keys, its address, and what that is called in each period. */
#include "service/service_priv.h"

enum { PK_AT = 1, COMMIT_AT = PK_AT + AL_ED_PK_BYTES, CHECK_AT = COMMIT_AT + AL_NAME_COMMIT_BYTES };

static void checksum(const al_suite *suite, const uint8_t *bytes, uint8_t out[32]) {
  const al_bytes in[2] = {al_label(AL_LABEL_SERVICE_CHECK), {bytes, CHECK_AT}};
  suite->sha3_256(out, in, 2);
}

void al_name_make(const al_suite *suite, const uint8_t *ed_pk, const uint8_t *sig_pk,
                  al_name *ret) {
  uint8_t hash[32];
  const al_bytes in[3] = {
      al_label(AL_LABEL_SERVICE_IDENTITY), {ed_pk, AL_ED_PK_BYTES}, {sig_pk, AL_SIG_PK_BYTES}};
  suite->sha3_256(hash, in, 3);
  ret->bytes[0] = AL_NAME_VERSION;
  memcpy(ret->bytes + PK_AT, ed_pk, AL_ED_PK_BYTES);
  memcpy(ret->bytes + COMMIT_AT, hash, AL_NAME_COMMIT_BYTES);
  checksum(suite, ret->bytes, hash);
  memcpy(ret->bytes + CHECK_AT, hash, AL_NAME_BYTES - CHECK_AT);
}

bool al_name_commits(const al_suite *suite, const al_name *name, const uint8_t *sig_pk) {
  al_name made;
  al_name_make(suite, name->bytes + PK_AT, sig_pk, &made);
  return memcmp(made.bytes, name->bytes, sizeof made.bytes) == 0;
}

void al_service_keys_make(const al_suite *suite, const uint8_t root[32], al_service_keys *ret) {
  uint8_t seed[AL_SIG_SEED_BYTES], ed_pk[AL_ED_PK_BYTES];
  al_kdf(suite, root, AL_LABEL_SERVICE_ED, (al_bytes){NULL, 0},
         (al_span){ret->ed_seed, sizeof ret->ed_seed});
  al_kdf(suite, root, AL_LABEL_SERVICE_SIGN, (al_bytes){NULL, 0}, (al_span){seed, sizeof seed});
  suite->ed_public(ed_pk, ret->ed_seed);
  suite->sig_keypair(ret->sig_pk, ret->sig_sk, seed);
  al_name_make(suite, ed_pk, ret->sig_pk, &ret->name);
  al_wipe(seed, sizeof seed);
}

al_err al_name_take(const al_suite *suite, al_bytes bytes, al_name *ret) {
  uint8_t hash[32];
  if (bytes.len != AL_NAME_BYTES || bytes.ptr[0] != AL_NAME_VERSION) return AL_EPARSE;
  checksum(suite, bytes.ptr, hash);
  if (memcmp(hash, bytes.ptr + CHECK_AT, AL_NAME_BYTES - CHECK_AT) != 0) return AL_EPARSE;
  memcpy(ret->bytes, bytes.ptr, sizeof ret->bytes);
  return AL_OK;
}

uint64_t al_name_period(const al_suite *suite, const al_name *name, uint64_t wall_s,
                        uint64_t *ret_end_s) {
  uint8_t hash[32];
  const al_bytes in[2] = {al_label(AL_LABEL_SERVICE_PERIOD), {name->bytes, sizeof name->bytes}};
  suite->sha3_256(hash, in, 2);
  uint64_t offset = al_load_u64(hash) % AL_PERIOD_S;
  uint64_t period = (wall_s + offset) / AL_PERIOD_S;
  if (ret_end_s != NULL) *ret_end_s = (period + 1) * AL_PERIOD_S - offset;
  return period;
}

void al_name_factor(const al_suite *suite, const al_name *name, uint64_t period,
                    const uint8_t *client, uint8_t ret[AL_KEY_BYTES]) {
  uint8_t number[8];
  al_store_u64(number, period);
  const al_bytes in[4] = {
      al_label(client != NULL ? AL_LABEL_SERVICE_CLIENT : AL_LABEL_SERVICE_BLIND),
      {name->bytes, sizeof name->bytes},
      {number, sizeof number},
      {client, client != NULL ? AL_KEM_PK_BYTES : 0}};
  suite->sha3_256(ret, in, client != NULL ? 4 : 3);
}

al_err al_name_blinded(const al_suite *suite, const al_name *name, uint64_t period,
                       const uint8_t *client, uint8_t ret[AL_ED_PK_BYTES]) {
  uint8_t factor[AL_KEY_BYTES];
  al_name_factor(suite, name, period, client, factor);
  return suite->ed_blind_public(ret, name->bytes + PK_AT, factor);
}
