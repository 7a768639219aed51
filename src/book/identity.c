/* identity.c — see identity.h. */
#include "book/identity.h"

#include "base/assert.h"
#include "crypto/crypto.h"

void al_identity_init(const al_suite *suite, const uint8_t root[AL_IDENTITY_ROOT_BYTES],
                      al_identity *ret) {
  uint8_t sig_seed[AL_SIG_SEED_BYTES], link_seed[AL_KEM_SEED_BYTES];
  const al_bytes none = {NULL, 0};
  al_kdf(suite, root, AL_LABEL_IDENTITY_SIGN, none, (al_span){sig_seed, sizeof sig_seed});
  al_kdf(suite, root, AL_LABEL_IDENTITY_LINK, none, (al_span){link_seed, sizeof link_seed});
  suite->sig_keypair(ret->sig_pk, ret->sig_sk, sig_seed);
  suite->kem_keypair(ret->link_pk, ret->link_sk, link_seed);
  ret->id = al_node_id(suite, ret->sig_pk);
  al_wipe(sig_seed, sizeof sig_seed);
  al_wipe(link_seed, sizeof link_seed);
}

al_err al_keyring_init(al_keyring *k, const al_alloc *a, const al_suite *suite,
                       const uint8_t root[AL_IDENTITY_ROOT_BYTES], bool expanded) {
  al_identity all;
  *k = (al_keyring){.suite = suite};
  memcpy(k->root, root, sizeof k->root);
  al_identity_init(suite, root, &all);
  k->id = all.id;
  if (expanded) k->open = al_new(a, sizeof *k->open);
  if (k->open != NULL) *k->open = all;
  al_identity_clear(&all);
  return expanded && k->open == NULL ? AL_ENOMEM : AL_OK;
}

void al_keyring_clear(al_keyring *k, const al_alloc *a) {
  if (k->open != NULL) {
    al_identity_clear(k->open);
    al_delete(a, k->open, sizeof *k->open);
  }
  al_wipe(k, sizeof *k);
}

const al_identity *al_keyring_get(const al_keyring *k, al_identity *scratch) {
  if (k->open != NULL) return k->open;
  al_identity_init(k->suite, k->root, scratch);
  return scratch;
}

const uint8_t *al_keyring_link_sk(const al_keyring *k, uint8_t *scratch) {
  if (k->open != NULL) return k->open->link_sk;
  uint8_t seed[AL_KEM_SEED_BYTES], pk[AL_KEM_PK_BYTES];
  al_kdf(k->suite, k->root, AL_LABEL_IDENTITY_LINK, (al_bytes){NULL, 0},
         (al_span){seed, sizeof seed});
  k->suite->kem_keypair(pk, scratch, seed);
  al_wipe(seed, sizeof seed);
  return scratch;
}

void al_identity_clear(al_identity *identity) { al_wipe(identity, sizeof *identity); }

al_id al_node_id(const al_suite *suite, const uint8_t *sig_pk) {
  const al_bytes in[2] = {al_label(AL_LABEL_NODE_ID), {sig_pk, AL_SIG_PK_BYTES}};
  al_id id;
  suite->sha3_256(id.b, in, 2);
  return id;
}

bool al_puzzle_check(const al_suite *suite, const al_id *id, uint64_t puzzle) {
  uint8_t number[8], hash[AL_HASH_BYTES];
  al_store_u64(number, puzzle);
  const al_bytes in[3] = {al_label(AL_LABEL_PUZZLE), {id->b, sizeof id->b}, {number, 8}};
  suite->sha3_256(hash, in, 3);
  _Static_assert(AL_PUZZLE_BITS == 16, "two bytes are looked at");
  return hash[0] == 0 && hash[1] == 0;
}

bool al_puzzle_search(const al_suite *suite, const al_id *id, uint32_t tries, uint64_t *puzzle) {
  for (uint32_t i = 0; i < tries; i++) {
    if (al_puzzle_check(suite, id, *puzzle)) return true;
    (*puzzle)++;
  }
  return false;
}

al_err al_descriptor_make(const al_suite *suite, const al_identity *identity, const al_desc *fields,
                          const uint8_t *coins, al_wr *w) {
  al_desc d = *fields;
  d.sig_pk = identity->sig_pk;
  d.link_pk = identity->link_pk;
  size_t start = w->len;
  al_err err = al_desc_encode_unsigned(&d, w);
  if (err != AL_OK) return err;
  const al_bytes message = al_view(w->ptr + start, w->len - start);
  uint8_t *signature = al_wr_take(w, AL_SIG_BYTES);
  if (signature == NULL) return AL_EFULL;
  err = suite->sign(signature, identity->sig_sk, al_label(AL_LABEL_DESCRIPTOR), message, coins);
  AL_ASSERT(err == AL_OK); /* a descriptor is never too long to sign */
  return AL_OK;
}

al_err al_descriptor_verify(const al_suite *suite, const al_desc *d) {
  return suite->verify(d->signature, d->sig_pk, al_label(AL_LABEL_DESCRIPTOR), d->signed_part);
}
