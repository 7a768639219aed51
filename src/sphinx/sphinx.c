/* sphinx.c — what a hop does with a set-up packet: see sphinx.h. */
#include "sphinx/sphinx.h"

#include "sphinx/sphinx_priv.h"

static const uint8_t nonce_zero[12];

void al_sphinx_stream(const al_suite *suite, const uint8_t key[32], uint8_t *text, size_t len) {
  suite->xor_stream(text, len, key, nonce_zero, 0);
}

/* The blocks are 64 bytes: a first one of which only the end counts, then whole ones. */
void al_sphinx_stream_at(const al_suite *suite, const uint8_t key[32], uint32_t from,
                         al_span text) {
  const uint32_t skip = from % 64;
  uint8_t block[64];
  size_t n = skip == 0 ? 0 : al_min_size(64 - skip, text.len);
  if (n > 0) suite->block(block, key, nonce_zero, from / 64);
  for (size_t i = 0; i < n; i++) text.ptr[i] ^= block[skip + i];
  if (n < text.len)
    suite->xor_stream(text.ptr + n, text.len - n, key, nonce_zero, (from + 63) / 64);
  al_wipe(block, sizeof block);
}

void al_sphinx_derive(const al_suite *suite, const uint8_t ss[32], al_sphinx_keys *ret) {
  uint8_t version[2], all[5 * 32];
  al_store_u16(version, AL_SPHINX_VERSION);
  al_kdf(suite, ss, AL_LABEL_SPHINX, al_view(version, 2), (al_span){all, sizeof all});
  memcpy(ret->header, all, 32);
  memcpy(ret->mac, all + 32, 32);
  memcpy(ret->body, all + 64, 32);
  memcpy(ret->tag, all + 96, 32);
  memcpy(ret->secret, all + 128, 32);
  al_wipe(all, sizeof all);
}

al_err al_sphinx_open(const al_suite *suite, const uint8_t *packet, const uint8_t *onion_sk,
                      al_sphinx_keys *ret) {
  uint8_t ss[32], mac[AL_TAG_BYTES];
  memset(ret, 0, sizeof *ret);
  if (al_load_u16(packet) != AL_SPHINX_VERSION) return AL_EPARSE;
  suite->kem_dec(ss, packet + AL_SPHINX_CT_AT, onion_sk);
  al_sphinx_derive(suite, ss, ret);
  al_wipe(ss, sizeof ss);
  suite->poly1305(mac, packet + AL_SPHINX_BETA_AT, AL_SPHINX_BETA_BYTES, ret->mac);
  bool good = al_equal_ct(mac, packet + AL_SPHINX_MAC_AT, sizeof mac);
  al_wipe(mac, sizeof mac);
  if (good) return AL_OK;
  al_wipe(ret, sizeof *ret);
  return AL_ECRYPTO;
}

/* Removes the header's layer: the first block comes off, zeros move in at the end and are encrypted
 * as the packet's maker foresaw. */
static void peel_header(const al_suite *suite, uint8_t *packet, const uint8_t key[32],
                        uint8_t route[AL_ROUTE_BYTES]) {
  uint8_t *beta = packet + AL_SPHINX_BETA_AT;
  al_sphinx_stream(suite, key, beta, AL_SPHINX_BETA_BYTES);
  memcpy(route, beta, AL_ROUTE_BYTES);
  memcpy(packet + AL_SPHINX_MAC_AT, beta + AL_ROUTE_BYTES, AL_TAG_BYTES);
  memcpy(packet + AL_SPHINX_CT_AT, beta + AL_ROUTE_BYTES + AL_TAG_BYTES, AL_KEM_CT_BYTES);
  const size_t kept = AL_SPHINX_BETA_BYTES - AL_SPHINX_BLOCK_BYTES;
  memmove(beta, beta + AL_SPHINX_BLOCK_BYTES, kept);
  memset(beta + kept, 0, AL_SPHINX_BLOCK_BYTES);
  al_sphinx_stream_at(suite, key, AL_SPHINX_BETA_BYTES,
                      (al_span){beta + kept, AL_SPHINX_BLOCK_BYTES});
}

/* The body at its end: 16 zero bytes ‖ u16 length ‖ data ‖ padding. */
static al_err read_body(const uint8_t *body, al_bytes *ret_data) {
  if (!al_zero_ct(body, AL_SPHINX_BODY_ZERO_BYTES)) return AL_ECRYPTO;
  al_rd r = al_rd_init(al_view(body, AL_SPHINX_BODY_BYTES));
  al_rd_skip(&r, AL_SPHINX_BODY_ZERO_BYTES);
  size_t len = al_rd_u16(&r);
  al_bytes data = al_rd_bytes(&r, len);
  if (!al_rd_ok(&r)) return AL_EPARSE;
  *ret_data = data;
  return AL_OK;
}

al_err al_sphinx_peel(const al_suite *suite, uint8_t *packet, const al_sphinx_keys *keys,
                      al_sphinx_result *ret) {
  uint8_t route[AL_ROUTE_BYTES], *body = packet + AL_SPHINX_BODY_AT;
  al_sphinx_result result = {0};
  al_wide_key wide;
  peel_header(suite, packet, keys->header, route);
  al_wide_init(suite, keys->body, &wide);
  al_wide_decrypt(suite, &wide, 0, body, AL_SPHINX_BODY_BYTES);
  al_wipe(&wide, sizeof wide);
  al_err err = al_route_decode(route, &result.route);
  al_wipe(route, sizeof route);
  if (err == AL_OK && result.route.command == AL_ROUTE_CREATE_END)
    err = read_body(body, &result.data);
  if (err != AL_OK) {
    al_wipe(packet, AL_SPHINX_BYTES);
    return err;
  }
  *ret = result;
  return AL_OK;
}
