/* introduce.c — a client's request, the service's answer, and the keys that both have then. The KEM
 * makes the keys safe from who records today, the service's half of it and the signature over its
 * key make the answer the service's; X25519 on both sides makes them forgotten. */
#include "service/service_priv.h"
#include "service/session.h"

enum {
  NONCE_BYTES = 16,
  CT_AT = NONCE_BYTES,
  TEXT_AT = CT_AT + AL_KEM_CT_BYTES,
  TEXT_BYTES = AL_REQUEST_TEXT_BYTES,
  FLAG_RESUME = 1,
};
_Static_assert(TEXT_AT + TEXT_BYTES + AL_TAG_BYTES == AL_MEET_REQUEST_BYTES, "PROTOCOL.md 9.4");

void al_intro_id(const al_suite *suite, const uint8_t secret[AL_MEET_SECRET_BYTES],
                 uint8_t ret[32]) {
  const al_bytes in[2] = {al_label(AL_LABEL_SERVICE_LISTEN), {secret, AL_MEET_SECRET_BYTES}};
  suite->sha3_256(ret, in, 2);
}

/* Both ends know whom the request is for, and where it came in. */
static void request_key(const al_suite *suite, const al_ask_to *to, const uint8_t ss[32],
                        uint8_t key[32]) {
  uint8_t context[AL_NAME_BYTES + 32];
  memcpy(context, to->name->bytes, AL_NAME_BYTES);
  memcpy(context + AL_NAME_BYTES, to->intro_id, 32);
  al_kdf(suite, ss, AL_LABEL_SERVICE_INTRO, (al_bytes){context, sizeof context},
         (al_span){key, 32});
}

/* The nonce is not part of it: it is looked for later. */
static void transcript_of(const al_suite *suite, const al_ask_to *to, const uint8_t *request,
                          uint8_t out[32]) {
  const al_bytes in[5] = {al_label(AL_LABEL_SERVICE_SESSION),
                          {to->name->bytes, AL_NAME_BYTES},
                          {to->intro_id, 32},
                          {to->kem_pk, AL_KEM_PK_BYTES},
                          {request + CT_AT, AL_MEET_REQUEST_BYTES - CT_AT}};
  suite->sha3_256(out, in, 5);
}

void al_resume_proof(const al_suite *suite, const uint8_t secret[32], const al_request *req,
                     uint8_t ret[16]) {
  uint8_t context[AL_MEET_COOKIE_BYTES + 32];
  memcpy(context, req->cookie, sizeof req->cookie);
  memcpy(context + sizeof req->cookie, req->x, sizeof req->x);
  al_kdf(suite, secret, AL_LABEL_SERVICE_RESUME, (al_bytes){context, sizeof context},
         (al_span){ret, 16});
}

void al_request_write(const al_request *req, uint8_t *out) {
  al_wr w = al_wr_init(out, TEXT_BYTES);
  al_wr_u8(&w, 1);
  al_wr_u8(&w, req->resume ? FLAG_RESUME : 0);
  al_wr_u16(&w, 0);
  al_wr_id(&w, &req->relay);
  al_wr_copy(&w, req->cookie, sizeof req->cookie);
  al_wr_copy(&w, req->x, sizeof req->x);
  al_wr_u64(&w, req->time_s);
  al_wr_copy(&w, req->session, sizeof req->session);
  al_wr_copy(&w, req->proof, sizeof req->proof);
  AL_ASSERT(al_wr_ok(&w) && al_wr_left(&w) == 0);
}

al_err al_request_read(const uint8_t *text, al_request *ret) {
  al_rd r = al_rd_init((al_bytes){text, TEXT_BYTES});
  uint8_t version = al_rd_u8(&r), flags = al_rd_u8(&r);
  uint16_t zero = al_rd_u16(&r);
  if (version != 1 || flags > FLAG_RESUME || zero != 0) return AL_EPARSE;
  ret->resume = flags == FLAG_RESUME;
  ret->relay = al_rd_id(&r);
  al_rd_copy(&r, ret->cookie, sizeof ret->cookie);
  al_rd_copy(&r, ret->x, sizeof ret->x);
  ret->time_s = al_rd_u64(&r);
  al_rd_copy(&r, ret->session, sizeof ret->session);
  al_rd_copy(&r, ret->proof, sizeof ret->proof);
  AL_ASSERT(al_rd_done(&r));
  bool plain =
      al_zero_ct(ret->session, sizeof ret->session) && al_zero_ct(ret->proof, sizeof ret->proof);
  return ret->resume || plain ? AL_OK : AL_EPARSE;
}

al_err al_ask_make(const al_suite *suite, const al_ask_coins *coins, const al_ask_to *to,
                   al_request *req, al_ask *ret) {
  uint8_t key[32];
  uint8_t *text = ret->bytes + TEXT_AT;
  memset(ret->bytes, 0, NONCE_BYTES);
  const al_err err = suite->kem_enc(ret->bytes + CT_AT, ret->ss, to->kem_pk, coins->kem);
  if (err != AL_OK) return err;
  memcpy(ret->x_sk, coins->x_sk, sizeof ret->x_sk);
  suite->dh_public(req->x, ret->x_sk);
  if (to->resume != NULL) al_resume_proof(suite, to->resume, req, req->proof);
  al_request_write(req, text);
  request_key(suite, to, ret->ss, key);
  suite->seal(text, TEXT_BYTES, text + TEXT_BYTES, key, 0, (al_bytes){NULL, 0});
  al_wipe(key, sizeof key);
  transcript_of(suite, to, ret->bytes, ret->transcript);
  return AL_OK;
}

al_err al_ask_open(const al_suite *suite, const al_ask_to *me, const uint8_t *in, al_heard *ret) {
  uint8_t key[32], text[TEXT_BYTES];
  suite->kem_dec(ret->ss, in + CT_AT, me->kem_sk);
  request_key(suite, me, ret->ss, key);
  memcpy(text, in + TEXT_AT, sizeof text);
  al_err err =
      suite->open(text, sizeof text, in + TEXT_AT + TEXT_BYTES, key, 0, (al_bytes){NULL, 0});
  if (err == AL_OK) err = al_request_read(text, &ret->request);
  if (err == AL_OK)
    transcript_of(suite, me, in, ret->transcript);
  else
    al_wipe(ret, sizeof *ret);
  al_wipe(key, sizeof key);
  al_wipe(text, sizeof text);
  return err;
}

/* ---- the answer ---- */

/* What both ends derive: the session, and the proof that the service has it. */
typedef struct derived {
  al_session_keys keys;
  uint8_t confirm[16];
} derived;

/* secrets: of the KEM, of X25519, and of the session that goes on or zeros; 32 bytes each. */
static void derive(const al_suite *suite, const uint8_t transcript[32], const uint8_t y[32],
                   const uint8_t secrets[96], derived *ret) {
  uint8_t prk[32], out[128];
  al_hkdf_extract(suite, prk, (al_bytes){transcript, 32}, (al_bytes){secrets, 96});
  al_kdf(suite, prk, AL_LABEL_SERVICE_KEYS, (al_bytes){y, 32}, (al_span){out, sizeof out});
  memcpy(ret->keys.to_service, out, 32);
  memcpy(ret->keys.to_client, out + 32, 32);
  memcpy(ret->keys.resume, out + 64, 32);
  memcpy(ret->keys.id, out + 96, sizeof ret->keys.id);
  memcpy(ret->confirm, out + 112, sizeof ret->confirm);
  al_wipe(prk, sizeof prk);
  al_wipe(out, sizeof out);
}

static void gather(uint8_t secrets[96], const uint8_t ss[32], const uint8_t *resume) {
  memcpy(secrets, ss, 32);
  memset(secrets + 64, 0, 32);
  if (resume != NULL) memcpy(secrets + 64, resume, 32);
}

al_err al_answer_make(const al_suite *suite, const al_heard *heard, const uint8_t y_sk[32],
                      const uint8_t *resume, al_answer *ret) {
  uint8_t secrets[96];
  derived d = {0};
  gather(secrets, heard->ss, resume);
  suite->dh_public(ret->bytes, y_sk);
  const al_err err = suite->dh(secrets + 32, y_sk, heard->request.x);
  if (err == AL_OK) {
    derive(suite, heard->transcript, ret->bytes, secrets, &d);
    memcpy(ret->bytes + 32, d.confirm, sizeof d.confirm);
    ret->keys = d.keys;
  }
  al_wipe(secrets, sizeof secrets);
  al_wipe(&d, sizeof d);
  return err;
}

al_err al_answer_take(const al_suite *suite, const al_ask *ask, const uint8_t *resume,
                      const uint8_t *answer, al_session_keys *ret) {
  uint8_t secrets[96];
  derived d = {0};
  gather(secrets, ask->ss, resume);
  al_err err = suite->dh(secrets + 32, ask->x_sk, answer);
  if (err == AL_OK) {
    derive(suite, ask->transcript, answer, secrets, &d);
    if (!al_equal_ct(d.confirm, answer + 32, sizeof d.confirm)) err = AL_ECRYPTO;
  }
  if (err == AL_OK)
    *ret = d.keys;
  else
    al_wipe(ret, sizeof *ret);
  al_wipe(secrets, sizeof secrets);
  al_wipe(&d, sizeof d);
  return err;
}
