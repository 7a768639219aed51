/* shake.c — see shake.h. Every function is: the stage is right, KEM operations, a step of
 * transcript and chaining key, one AEAD. Names follow PROTOCOL.md 4.2. */
#include "shake/shake.h"

enum { VERSION = 1, CONFIRM_BYTES = 16 };

static void mix_hash(al_shake *sh, al_bytes x) {
  const al_bytes in[3] = {al_label(AL_LABEL_TRANSCRIPT), {sh->h, sizeof sh->h}, x};
  uint8_t h[AL_HASH_BYTES];
  sh->suite->sha3_256(h, in, 3);
  memcpy(sh->h, h, sizeof h);
}

static void extract(const al_suite *suite, uint8_t ck[32], const uint8_t ikm[32]) {
  uint8_t next[32];
  al_hkdf_extract(suite, next, al_view(ck, 32), al_view(ikm, 32));
  memcpy(ck, next, sizeof next);
  al_wipe(next, sizeof next);
}

/* ck = Extract(ck, ss); ss is wiped. */
static void mix_key(al_shake *sh, uint8_t ss[32]) {
  extract(sh->suite, sh->ck, ss);
  al_wipe(ss, 32);
}

static void derive(const al_shake *sh, al_label_id label, uint8_t key[32]) {
  al_kdf(sh->suite, sh->ck, label, al_view(sh->h, sizeof sh->h), (al_span){key, 32});
}

static al_err fail(al_shake *sh, al_err err) {
  al_shake_clear(sh);
  return err;
}

/* Encapsulates to pk, appends the ciphertext; writes the secret. */
static al_err encapsulate(const al_shake *sh, const uint8_t *pk, const uint8_t *coins, al_wr *w,
                          uint8_t ss[32]) {
  uint8_t *ct = al_wr_take(w, AL_KEM_CT_BYTES);
  if (ct == NULL) return AL_EFULL;
  return sh->suite->kem_enc(ct, ss, pk, coins);
}

static void decapsulate(const al_shake *sh, const uint8_t seed[32], const uint8_t *ct,
                        uint8_t ss[32]) {
  uint8_t pk[AL_KEM_PK_BYTES], sk[AL_KEM_SK_BYTES];
  sh->suite->kem_keypair(pk, sk, seed);
  sh->suite->kem_dec(ss, ct, sk);
  al_wipe(sk, sizeof sk);
}

/* A fresh key from a seed, which is kept; appends the public key. */
static al_err fresh_key(al_shake *sh, const uint8_t *seed, al_wr *w) {
  uint8_t sk[AL_KEM_SK_BYTES], *pk = al_wr_take(w, AL_KEM_PK_BYTES);
  if (pk == NULL) return AL_EFULL;
  memcpy(sh->seed, seed, sizeof sh->seed);
  sh->suite->kem_keypair(pk, sk, seed);
  al_wipe(sk, sizeof sk);
  return AL_OK;
}

/* Appends Seal(key of label, 0, h, text) and hashes it. */
static al_err seal_part(al_shake *sh, al_label_id label, al_bytes text, al_wr *w) {
  uint8_t key[32], *to = al_wr_take(w, text.len + AL_TAG_BYTES);
  if (to == NULL) return AL_EFULL;
  derive(sh, label, key);
  if (text.len > 0) memcpy(to, text.ptr, text.len);
  sh->suite->seal(to, text.len, to + text.len, key, 0, al_view(sh->h, sizeof sh->h));
  mix_hash(sh, al_view(to, text.len + AL_TAG_BYTES));
  al_wipe(key, sizeof key);
  return AL_OK;
}

/* The inverse, in place. What is hashed is the ciphertext, so that comes first. */
static al_err open_part(al_shake *sh, al_label_id label, al_span sealed, al_bytes *ret_text) {
  uint8_t key[32], h[AL_HASH_BYTES];
  const size_t len = sealed.len - AL_TAG_BYTES;
  derive(sh, label, key);
  memcpy(h, sh->h, sizeof h);
  mix_hash(sh, al_view(sealed.ptr, sealed.len));
  al_err err = sh->suite->open(sealed.ptr, len, sealed.ptr + len, key, 0, al_view(h, sizeof h));
  al_wipe(key, sizeof key);
  if (err == AL_OK) *ret_text = al_view(sealed.ptr, len);
  return err;
}

void al_shake_init(al_shake *sh, const al_shake_setup *setup) {
  static const uint8_t version = VERSION, no_secret[32];
  AL_ASSERT(setup->network.len >= 1 && setup->network.len <= AL_SHAKE_NETWORK_BYTES_MAX);
  AL_ASSERT(setup->secret.len == 0 || setup->secret.len == 32);
  const uint8_t name_bytes = (uint8_t)setup->network.len;
  const al_bytes in[5] = {al_label(AL_LABEL_LINK),
                          {&version, 1},
                          {&name_bytes, 1},
                          setup->network,
                          {setup->binding, 32}};
  memset(sh, 0, sizeof *sh);
  sh->suite = setup->suite;
  sh->initiator = setup->initiator;
  sh->stage = AL_SHAKE_START;
  sh->suite->sha3_256(sh->h, in, 5);
  memcpy(sh->ck, sh->h, sizeof sh->ck);
  extract(sh->suite, sh->ck, setup->secret.len != 0 ? setup->secret.ptr : no_secret);
}

void al_shake_clear(al_shake *sh) { al_wipe(sh, sizeof *sh); }

/* ---- FETCH, RECORD ---- */

enum { FETCH_PAD_BYTES = AL_HANDSHAKE_FETCH_BYTES - AL_KEM_PK_BYTES - AL_TAG_BYTES };
_Static_assert(AL_HANDSHAKE_RECORD_BYTES_MAX <= 3 * AL_HANDSHAKE_FETCH_BYTES,
               "whoever is not known is not answered with more than three times as much");

/* The tag says that the asker knows network and secret; it covers the key. */
static void fetch_tag(const al_shake *sh, const uint8_t *pk, uint8_t tag[AL_TAG_BYTES]) {
  uint8_t key[32], none = 0;
  derive(sh, AL_LABEL_LINK_FETCH, key);
  sh->suite->seal(&none, 0, tag, key, 0, al_view(pk, AL_KEM_PK_BYTES));
  al_wipe(key, sizeof key);
}

al_err al_shake_make_fetch(al_shake *sh, const uint8_t *coins, al_wr *w) {
  if (!sh->initiator || sh->stage != AL_SHAKE_START) return AL_ESTATE;
  const size_t start = w->len;
  al_err err = fresh_key(sh, coins, w);
  uint8_t *tag = al_wr_take(w, AL_TAG_BYTES + FETCH_PAD_BYTES);
  if (err != AL_OK || tag == NULL) return fail(sh, AL_EFULL);
  fetch_tag(sh, w->ptr + start, tag);
  memset(tag + AL_TAG_BYTES, 0, FETCH_PAD_BYTES);
  mix_hash(sh, al_view(w->ptr + start, AL_HANDSHAKE_FETCH_BYTES));
  sh->stage = AL_SHAKE_WAIT_RECORD;
  return AL_OK;
}

al_err al_shake_take_fetch(al_shake *sh, al_span message) {
  if (sh->initiator || sh->stage != AL_SHAKE_START) return AL_ESTATE;
  uint8_t tag[AL_TAG_BYTES];
  if (message.len != AL_HANDSHAKE_FETCH_BYTES) return fail(sh, AL_EPARSE);
  fetch_tag(sh, message.ptr, tag);
  if (!al_equal_ct(tag, message.ptr + AL_KEM_PK_BYTES, sizeof tag)) return fail(sh, AL_ECRYPTO);
  const uint8_t *pad = message.ptr + AL_KEM_PK_BYTES + AL_TAG_BYTES;
  for (size_t i = 0; i < FETCH_PAD_BYTES; i++)
    if (pad[i] != 0) return fail(sh, AL_EPARSE);
  memcpy(sh->peer_eph, message.ptr, sizeof sh->peer_eph);
  mix_hash(sh, al_view(message.ptr, message.len));
  sh->stage = AL_SHAKE_SEND_RECORD;
  return AL_OK;
}

al_err al_shake_make_record(al_shake *sh, const uint8_t *coins, al_bytes descriptor, al_wr *w) {
  if (sh->stage != AL_SHAKE_SEND_RECORD) return AL_ESTATE;
  uint8_t ss[32];
  const size_t start = w->len;
  al_err err = encapsulate(sh, sh->peer_eph, coins, w, ss);
  if (err != AL_OK) return fail(sh, err);
  mix_hash(sh, al_view(w->ptr + start, AL_KEM_CT_BYTES));
  mix_key(sh, ss);
  err = seal_part(sh, AL_LABEL_LINK_RECORD, descriptor, w);
  if (err != AL_OK) return fail(sh, err);
  sh->stage = AL_SHAKE_HAVE_RECORD;
  return AL_OK;
}

al_err al_shake_take_record(al_shake *sh, al_span message, al_bytes *ret_descriptor) {
  if (sh->stage != AL_SHAKE_WAIT_RECORD) return AL_ESTATE;
  uint8_t ss[32];
  if (message.len < AL_KEM_CT_BYTES + AL_TAG_BYTES) return fail(sh, AL_EPARSE);
  mix_hash(sh, al_view(message.ptr, AL_KEM_CT_BYTES));
  decapsulate(sh, sh->seed, message.ptr, ss);
  mix_key(sh, ss);
  const al_span sealed = {message.ptr + AL_KEM_CT_BYTES, message.len - AL_KEM_CT_BYTES};
  al_err err = open_part(sh, AL_LABEL_LINK_RECORD, sealed, ret_descriptor);
  if (err != AL_OK) return fail(sh, err);
  sh->stage = AL_SHAKE_HAVE_RECORD;
  return AL_OK;
}

/* ---- INIT, ACCEPT ---- */

void al_shake_name(al_shake *sh, const al_id *answerer) { sh->answerer = *answerer; }

al_err al_shake_make_init(al_shake *sh, const uint8_t *peer_link_pk, const uint8_t *coins,
                          al_bytes descriptor, al_wr *w) {
  if (!sh->initiator || (sh->stage != AL_SHAKE_START && sh->stage != AL_SHAKE_HAVE_RECORD))
    return AL_ESTATE;
  uint8_t ss[32];
  const size_t start = w->len;
  al_err err = fresh_key(sh, coins, w);
  if (err == AL_OK) err = encapsulate(sh, peer_link_pk, coins + AL_KEM_SEED_BYTES, w, ss);
  if (err != AL_OK) return fail(sh, err);
  mix_hash(sh, al_view(sh->answerer.b, sizeof sh->answerer.b));
  mix_hash(sh, al_view(w->ptr + start, AL_KEM_PK_BYTES + AL_KEM_CT_BYTES));
  mix_key(sh, ss);
  err = seal_part(sh, AL_LABEL_LINK_INIT, descriptor, w);
  if (err != AL_OK) return fail(sh, err);
  sh->stage = AL_SHAKE_WAIT_ACCEPT;
  return AL_OK;
}

al_err al_shake_take_init(al_shake *sh, const uint8_t *link_sk, al_span message,
                          al_bytes *ret_descriptor) {
  if (sh->initiator || (sh->stage != AL_SHAKE_START && sh->stage != AL_SHAKE_HAVE_RECORD))
    return AL_ESTATE;
  uint8_t ss[32];
  const size_t head = AL_KEM_PK_BYTES + AL_KEM_CT_BYTES;
  if (message.len < head + AL_TAG_BYTES) return fail(sh, AL_EPARSE);
  mix_hash(sh, al_view(sh->answerer.b, sizeof sh->answerer.b));
  mix_hash(sh, al_view(message.ptr, head));
  sh->suite->kem_dec(ss, message.ptr + AL_KEM_PK_BYTES, link_sk);
  mix_key(sh, ss);
  memcpy(sh->peer_eph, message.ptr, sizeof sh->peer_eph);
  al_err err = open_part(sh, AL_LABEL_LINK_INIT, (al_span){message.ptr + head, message.len - head},
                         ret_descriptor);
  if (err != AL_OK) return fail(sh, err);
  sh->stage = AL_SHAKE_SEND_ACCEPT;
  return AL_OK;
}

al_err al_shake_make_accept(al_shake *sh, const uint8_t *peer_link_pk, const uint8_t *coins,
                            uint64_t sequence, al_wr *w) {
  if (sh->stage != AL_SHAKE_SEND_ACCEPT) return AL_ESTATE;
  uint8_t ss[2][32], confirm[CONFIRM_BYTES] = {0};
  const size_t start = w->len;
  al_err err = encapsulate(sh, sh->peer_eph, coins, w, ss[0]);
  if (err == AL_OK) err = encapsulate(sh, peer_link_pk, coins + AL_KEM_COINS_BYTES, w, ss[1]);
  if (err != AL_OK) {
    al_wipe(ss, sizeof ss);
    return fail(sh, err);
  }
  mix_hash(sh, al_view(w->ptr + start, 2 * AL_KEM_CT_BYTES));
  mix_key(sh, ss[0]);
  mix_key(sh, ss[1]);
  al_store_u64(confirm, sequence);
  err = seal_part(sh, AL_LABEL_LINK_ACCEPT, al_view(confirm, sizeof confirm), w);
  if (err != AL_OK) return fail(sh, err);
  sh->stage = AL_SHAKE_DONE;
  return AL_OK;
}

al_err al_shake_take_accept(al_shake *sh, const uint8_t *link_sk, al_span message,
                            uint64_t *ret_sequence) {
  if (sh->stage != AL_SHAKE_WAIT_ACCEPT) return AL_ESTATE;
  uint8_t ss[2][32];
  const size_t head = 2 * AL_KEM_CT_BYTES;
  if (message.len != AL_HANDSHAKE_ACCEPT_BYTES) return fail(sh, AL_EPARSE);
  mix_hash(sh, al_view(message.ptr, head));
  decapsulate(sh, sh->seed, message.ptr, ss[0]);
  sh->suite->kem_dec(ss[1], message.ptr + AL_KEM_CT_BYTES, link_sk);
  mix_key(sh, ss[0]);
  mix_key(sh, ss[1]);
  al_bytes confirm;
  al_err err = open_part(sh, AL_LABEL_LINK_ACCEPT,
                         (al_span){message.ptr + head, message.len - head}, &confirm);
  if (err != AL_OK) return fail(sh, err);
  al_rd r = al_rd_init(confirm);
  uint64_t sequence = al_rd_u64(&r), reserved = al_rd_u64(&r);
  if (!al_rd_done(&r) || reserved != 0) return fail(sh, AL_EPARSE);
  *ret_sequence = sequence;
  sh->stage = AL_SHAKE_DONE;
  return AL_OK;
}

/* ---- keys ---- */

void al_shake_take_root(al_shake *sh, uint8_t ret[32]) {
  AL_ASSERT(sh->stage == AL_SHAKE_DONE);
  al_kdf(sh->suite, sh->ck, AL_LABEL_LINK_ROOT, al_view(sh->h, sizeof sh->h), (al_span){ret, 32});
  al_shake_clear(sh);
}

void al_shake_frame_key(const al_suite *suite, const uint8_t root[32], bool from_dialler,
                        uint8_t ret[32]) {
  al_kdf(suite, root, from_dialler ? AL_LABEL_LINK_I2R : AL_LABEL_LINK_R2I, (al_bytes){NULL, 0},
         (al_span){ret, 32});
}

/* ---- fresh keys for a link that is up ---- */

/* Both sides: of the old secret, which holds all that was said before, the new one and what was
 * said now. ss is wiped. */
static void next_root(const al_suite *suite, uint8_t root[32], const al_bytes said[2],
                      uint8_t ss[32]) {
  const al_bytes in[3] = {al_label(AL_LABEL_LINK_REKEY), said[0], said[1]};
  uint8_t h[32], ck[32];
  suite->sha3_256(h, in, 3);
  al_hkdf_extract(suite, ck, al_view(root, 32), al_view(ss, 32));
  al_kdf(suite, ck, AL_LABEL_LINK_ROOT, al_view(h, sizeof h), (al_span){root, 32});
  al_wipe(ck, sizeof ck);
  al_wipe(ss, 32);
}

void al_shake_rekey_ask(const al_suite *suite, const uint8_t *seed, uint8_t *ret) {
  uint8_t sk[AL_KEM_SK_BYTES];
  suite->kem_keypair(ret, sk, seed);
  al_wipe(sk, sizeof sk);
}

al_err al_shake_rekey_answer(const al_suite *suite, uint8_t root[32], const uint8_t *ask,
                             const uint8_t *coins, uint8_t *ret) {
  uint8_t ss[32];
  al_err err = suite->kem_enc(ret, ss, ask, coins);
  if (err != AL_OK) return err;
  const al_bytes said[2] = {{ask, AL_REKEY_BYTES}, {ret, AL_REKEYED_BYTES}};
  next_root(suite, root, said, ss);
  return AL_OK;
}

void al_shake_rekey_finish(const al_suite *suite, uint8_t root[32], const uint8_t *seed,
                           const uint8_t *answer) {
  uint8_t ss[32], pk[AL_KEM_PK_BYTES], sk[AL_KEM_SK_BYTES];
  suite->kem_keypair(pk, sk, seed);
  suite->kem_dec(ss, answer, sk);
  al_wipe(sk, sizeof sk);
  const al_bytes said[2] = {{pk, AL_REKEY_BYTES}, {answer, AL_REKEYED_BYTES}};
  next_root(suite, root, said, ss);
}
