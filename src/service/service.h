/* service.h — the cryptography of services: addresses and their periods, descriptors, introductions
 * and the sessions that come of them. No circuit, no timer: src/node has those. Layer 3. */
#ifndef AL_SERVICE_SERVICE_H
#define AL_SERVICE_SERVICE_H

#include "base/base.h"
#include "crypto/crypto.h"
#include "wire/meet.h"

enum {
  AL_NAME_BYTES = 55, /* AL_SERVICE_ADDRESS_BYTES */
  AL_NAME_VERSION = 1,
  AL_NAME_COMMIT_BYTES = 20,
  AL_PERIOD_S = 86400, /* one record a day */
  AL_INTROS_MAX = 5,
  AL_DESC_INTRO_BYTES = 64,
  AL_DESC_HEAD_BYTES = 12,
  AL_DESC_BODY_BYTES = AL_DESC_HEAD_BYTES + AL_SIG_PK_BYTES + AL_KEM_PK_BYTES +
                       AL_INTROS_MAX * AL_DESC_INTRO_BYTES, /* what is signed */
  AL_DESC_SALT_BYTES = 16,
  AL_DESC_SEALED_BYTES = 4 + AL_DESC_SALT_BYTES + AL_DESC_BODY_BYTES + AL_SIG_BYTES + AL_TAG_BYTES,
  AL_CLIENT_SEALED_BYTES = AL_KEM_CT_BYTES + AL_KEY_BYTES + AL_TAG_BYTES,
  AL_PUZZLE_BITS_MAX = 24,
  AL_SESSION_ID_BYTES = 16,
  AL_SEALED_TEXT_BYTES = 1045, /* 1068 - kind 1 - number 6 - tag 16 */
};

/* ---- keys.c: addresses and periods ---- */

/* al_name — an address: the key that is blinded, and what the other keys must hash to. */
typedef struct al_name {
  uint8_t bytes[AL_NAME_BYTES]; /* version ‖ pk ‖ commitment ‖ checksum */
} al_name;

/* al_service_keys — the keys of a service; secret. */
typedef struct al_service_keys {
  al_name name;
  uint8_t ed_seed[AL_ED_SEED_BYTES];
  uint8_t sig_pk[AL_SIG_PK_BYTES], sig_sk[AL_SIG_SK_BYTES];
} al_service_keys;

/* al_service_keys_make — all keys from the root secret.
 * Result: none.   Cost: key generation.   Source: PROTOCOL.md 9.1.   Tested: unit/service_keys. */
void al_service_keys_make(const al_suite *suite, const uint8_t root[32], al_service_keys *ret);

/* al_name_take — take an address from bytes.
 * Result: AL_OK, or AL_EPARSE: version or checksum are wrong.   Cost: one hash.
 * Source: PROTOCOL.md 9.1.   Tested: unit/service_keys, fuzz/service. */
al_err al_name_take(const al_suite *suite, al_bytes bytes, al_name *ret);

/* al_name_period — the period of an address at a time, and when that ends.
 *   ret_end_s   may be NULL                                                            [out]
 * Result: a number.   Cost: one hash.   Source: PROTOCOL.md 9.1.   Tested: unit/service_keys. */
uint64_t al_name_period(const al_suite *suite, const al_name *name, uint64_t wall_s,
                        uint64_t *ret_end_s);

/* al_name_factor — by what the address's key is multiplied in a period.
 *   client   AL_KEM_PK_BYTES of the client whose own record is meant; NULL: the descriptor's
 * Result: none.   Cost: one hash.   Source: PROTOCOL.md 9.1.   Tested: unit/service_keys,
 * vectors (service). */
void al_name_factor(const al_suite *suite, const al_name *name, uint64_t period,
                    const uint8_t *client, uint8_t ret[AL_KEY_BYTES]);

/* al_name_blinded — the key under which a period's record is found.
 * Result: AL_OK, or AL_ECRYPTO: the address holds no key.   Cost: a point multiplication.
 * Source: PROTOCOL.md 9.1.   Tested: unit/service_keys, vectors (service). */
al_err al_name_blinded(const al_suite *suite, const al_name *name, uint64_t period,
                       const uint8_t *client, uint8_t ret[AL_ED_PK_BYTES]);

/* ---- descriptor.c ---- */

/* al_intro — an introduction point. */
typedef struct al_intro {
  al_id relay;
  uint8_t id[32]; /* the hash of the secret that the service listens by */
} al_intro;

/* al_service_desc — what a descriptor says. */
typedef struct al_service_desc {
  uint8_t puzzle_bits, intros_count;
  uint64_t published_s;
  uint8_t kem_pk[AL_KEM_PK_BYTES];
  al_intro intros[AL_INTROS_MAX];
} al_service_desc;

/* al_desc_make — what al_desc_seal needs. */
typedef struct al_desc_make {
  const al_service_keys *keys;
  const al_service_desc *desc;
  uint64_t period;
  const uint8_t *cookie; /* AL_KEY_BYTES that authorised clients have; NULL: none are asked for */
} al_desc_make;

/* al_desc_seal — a descriptor, signed and encrypted for those who know the address.
 *   ret   AL_DESC_SEALED_BYTES bytes                                                   [out]
 * Result: none.   Cost: one hybrid signature.   Source: PROTOCOL.md 9.2.
 * Tested: unit/service_descriptor. */
void al_desc_seal(const al_suite *suite, al_rng *rng, const al_desc_make *m, uint8_t *ret);

/* al_desc_coins — the randomness of a descriptor. */
typedef struct al_desc_coins {
  uint8_t salt[AL_DESC_SALT_BYTES], sig[AL_SIG_COINS_BYTES];
} al_desc_coins;

/* al_desc_seal_coins — the same with the randomness given: for vectors.
 * Result: none.   Cost: as al_desc_seal.   Source: PROTOCOL.md 9.2.
 * Tested: vectors (service). */
void al_desc_seal_coins(const al_suite *suite, const al_desc_coins *coins, const al_desc_make *m,
                        uint8_t *ret);

/* al_desc_wants_cookie — whether a sealed descriptor is for authorised clients only.
 * Result: as said.   Cost: constant.   Source: PROTOCOL.md 9.2.   Tested: unit/service_descriptor.
 */
bool al_desc_wants_cookie(al_bytes sealed);

/* al_desc_from — where a sealed descriptor belongs. */
typedef struct al_desc_from {
  const al_name *name;
  uint64_t period;
  const uint8_t *cookie; /* NULL: none */
} al_desc_from;

/* al_desc_open — decrypt and verify a descriptor.
 *   ret   written on success                                                           [out]
 * Result: AL_OK; AL_EPARSE (its form); AL_ESTATE (authorised clients only, and no cookie was
 *         given); AL_ECRYPTO (not for this address and period, or not its service's).
 * Cost:   one hybrid verification; 7 KB of stack.
 * Source: PROTOCOL.md 9.2.   Tested: unit/service_descriptor, vectors (service), fuzz/service. */
al_err al_desc_open(const al_suite *suite, const al_desc_from *from, al_bytes sealed,
                    al_service_desc *ret);

/* al_client_seal — the cookie, for one client.
 *   ret   AL_CLIENT_SEALED_BYTES bytes                                                 [out]
 * Result: AL_OK, AL_ECRYPTO (the client's key is no key).   Cost: one encapsulation.
 * Source: PROTOCOL.md 9.2.   Tested: unit/service_descriptor, vectors (service). */
al_err al_client_seal(const al_suite *suite, const uint8_t coins[AL_KEM_COINS_BYTES],
                      const uint8_t *client_pk, const uint8_t cookie[AL_KEY_BYTES], uint8_t *ret);

/* al_client_open — the cookie, by the client.
 *   client_sk   AL_KEM_SK_BYTES                                                        [secret]
 * Result: AL_OK, AL_EPARSE, AL_ECRYPTO.   Cost: one decapsulation.
 * Source: PROTOCOL.md 9.2.   Tested: unit/service_descriptor, fuzz/service. */
al_err al_client_open(const al_suite *suite, const uint8_t *client_sk, al_bytes sealed,
                      uint8_t ret_cookie[AL_KEY_BYTES]);

#endif
