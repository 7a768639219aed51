/* kdf.c — labels, HMAC-SHA-256 and HKDF over a suite's SHA-256. */
#include <string.h>

#include "base/assert.h"
#include "crypto/crypto.h"

enum { SHA256_BLOCK = 64 };

al_bytes al_label(al_label_id id) {
  switch (id) {
#define AL_LABEL(name, text, use) \
  case AL_LABEL_##name:           \
    return (al_bytes){(const uint8_t *)(text), sizeof(text) - 1};
#include "crypto/labels.def"
#undef AL_LABEL
    case AL_LABEL_COUNT:
      break;
  }
  AL_ASSERT(id < AL_LABEL_COUNT);
  return (al_bytes){NULL, 0};
}

/* One pass of HMAC: the block key ^ pad, then the parts. */
static void hmac_pass(const al_suite *suite, uint8_t out[32], const uint8_t padded[SHA256_BLOCK],
                      const al_bytes *parts, size_t count) {
  al_bytes in[1 + AL_HMAC_PARTS_MAX];
  in[0] = (al_bytes){padded, SHA256_BLOCK};
  for (size_t i = 0; i < count; i++) in[1 + i] = parts[i];
  suite->sha256(out, in, 1 + count);
}

void al_hmac_sha256(const al_suite *suite, uint8_t out[32], al_bytes key, const al_bytes *parts,
                    size_t count) {
  AL_ASSERT(count <= AL_HMAC_PARTS_MAX);
  uint8_t block[SHA256_BLOCK] = {0};
  if (key.len > SHA256_BLOCK) {
    suite->sha256(block, &key, 1);
  } else if (key.len > 0) {
    memcpy(block, key.ptr, key.len);
  }
  uint8_t inner[32];
  for (size_t i = 0; i < SHA256_BLOCK; i++) block[i] ^= 0x36;
  hmac_pass(suite, inner, block, parts, count);
  for (size_t i = 0; i < SHA256_BLOCK; i++) block[i] ^= 0x36 ^ 0x5c;
  hmac_pass(suite, out, block, &(al_bytes){inner, sizeof inner}, 1);
  al_wipe(block, sizeof block);
  al_wipe(inner, sizeof inner);
}

void al_hkdf_extract(const al_suite *suite, uint8_t prk[32], al_bytes salt, al_bytes ikm) {
  /* HMAC pads a short key with zeros, so the empty salt already is the RFC's 32 zero bytes. */
  al_hmac_sha256(suite, prk, salt, &ikm, 1);
}

void al_hkdf_expand(const al_suite *suite, const uint8_t prk[32], const al_bytes *info,
                    size_t count, al_span out) {
  AL_ASSERT(count <= AL_HMAC_PARTS_MAX - 2 && out.len <= AL_HKDF_BYTES_MAX);
  uint8_t t[32], number = 0;
  al_bytes parts[AL_HMAC_PARTS_MAX];
  for (size_t i = 0; i < count; i++) parts[1 + i] = info[i];
  parts[1 + count] = (al_bytes){&number, 1};
  for (size_t done = 0; done < out.len; done += sizeof t) {
    parts[0] = (al_bytes){t, number == 0 ? 0 : sizeof t};
    number++;
    al_hmac_sha256(suite, t, (al_bytes){prk, 32}, parts, count + 2);
    size_t n = out.len - done < sizeof t ? out.len - done : sizeof t;
    memcpy(out.ptr + done, t, n);
  }
  al_wipe(t, sizeof t);
}

void al_kdf(const al_suite *suite, const uint8_t key[32], al_label_id label, al_bytes context,
            al_span out) {
  static const uint8_t zero = 0;
  const al_bytes info[3] = {al_label(label), {&zero, 1}, context};
  al_hkdf_expand(suite, key, info, 3, out);
}
