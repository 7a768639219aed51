/* hop.c — see hop.h. */
#include "shake/hop.h"

#include "base/bytes.h"

static void expand(const al_suite *suite, const uint8_t ck[32], al_label_id label, al_span out) {
  al_kdf(suite, ck, label, (al_bytes){NULL, 0}, out);
}

static uint64_t load_u48(const uint8_t *p) {
  return (uint64_t)al_load_u32(p) | (uint64_t)al_load_u16(p + 4) << 32;
}

al_err al_hop_derive(const al_suite *suite, const al_hop_exchange *exchange, al_hop_keys *ret) {
  uint8_t h[AL_HASH_BYTES], ikm[64], ck[32], offsets[12];
  al_err err = suite->dh(ikm + 32, exchange->sk, exchange->origin ? exchange->y : exchange->x);
  if (err != AL_OK) {
    al_wipe(ret, sizeof *ret);
    return err;
  }
  memcpy(ikm, exchange->secret, 32);
  const al_bytes in[4] = {al_label(AL_LABEL_CIRCUIT),
                          {exchange->id->b, sizeof exchange->id->b},
                          {exchange->x, 32},
                          {exchange->y, 32}};
  suite->sha3_256(h, in, 4);
  al_hkdf_extract(suite, ck, al_view(h, sizeof h), al_view(ikm, sizeof ikm));
  expand(suite, ck, AL_LABEL_CIRCUIT_FORWARD, (al_span){ret->forward, 32});
  expand(suite, ck, AL_LABEL_CIRCUIT_BACKWARD, (al_span){ret->backward, 32});
  expand(suite, ck, AL_LABEL_CIRCUIT_CREATED, (al_span){ret->created, 32});
  expand(suite, ck, AL_LABEL_CIRCUIT_RESUME, (al_span){ret->resume, 32});
  expand(suite, ck, AL_LABEL_CIRCUIT_CONFIRM, (al_span){ret->confirm, sizeof ret->confirm});
  expand(suite, ck, AL_LABEL_CIRCUIT_OFFSET, (al_span){offsets, sizeof offsets});
  ret->forward_offset = load_u48(offsets);
  ret->backward_offset = load_u48(offsets + 6);
  al_wipe(ikm, sizeof ikm);
  al_wipe(ck, sizeof ck);
  al_wipe(offsets, sizeof offsets);
  return AL_OK;
}

static void mask(const al_suite *suite, const al_hop_keys *keys, uint8_t *rest) {
  static const uint8_t nonce[12];
  suite->xor_stream(rest, AL_HOP_REST_BYTES, keys->created, nonce, 0);
}

void al_hop_created_add(const al_suite *suite, const al_hop_keys *keys, const uint8_t *y,
                        uint8_t payload[AL_CELL_PAYLOAD_BYTES]) {
  memmove(payload + AL_HOP_HEAD_BYTES, payload, AL_HOP_REST_BYTES);
  mask(suite, keys, payload + AL_HOP_HEAD_BYTES);
  memcpy(payload, y, 32);
  memcpy(payload + 32, keys->confirm, AL_HOP_CONFIRM_BYTES);
}

al_err al_hop_created_peel(const al_suite *suite, const al_hop_keys *keys,
                           uint8_t payload[AL_CELL_PAYLOAD_BYTES]) {
  if (!al_equal_ct(payload + 32, keys->confirm, AL_HOP_CONFIRM_BYTES)) return AL_ECRYPTO;
  memmove(payload, payload + AL_HOP_HEAD_BYTES, AL_HOP_REST_BYTES);
  mask(suite, keys, payload);
  memset(payload + AL_HOP_REST_BYTES, 0, AL_HOP_HEAD_BYTES);
  return AL_OK;
}
