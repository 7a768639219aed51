/* sign.h — what makes a record's bytes believable: its key and its signature. Layer 3. */
#ifndef AL_DHT_SIGN_H
#define AL_DHT_SIGN_H

#include "allium/al_dht.h"
#include "wire/record.h"

/* al_record_key — the key that a record belongs under.
 *   r   decoded, or with the fields of its kind set
 * Result: the key.   Cost: SHA3-256 of the value, or of the public key and the salt.
 * Source: PROTOCOL.md 7.3.   Tested: unit/dht_sign, vectors (dht). */
al_id al_record_key(const al_suite *suite, const al_record *r);

/* al_record_verify — whether a decoded record belongs under a key and is its signer's.
 *   key   what it was asked for, or claimed to be
 * Result: AL_OK or AL_ECRYPTO.
 * Cost:   one hash; MUTABLE a hybrid verification (about 170 us natively), BLINDED one of Ed25519.
 * Source: PROTOCOL.md 7.3.   Tested: unit/dht_sign, vectors (dht). */
al_err al_record_verify(const al_suite *suite, const al_record *r, const al_id *key);

/* al_record_sign_mutable — write a whole mutable record.
 *   r      kind, sequence, expiry_s, pk, salt and value are used
 *   sk     AL_SIG_SK_BYTES bytes, of the same key as r->pk
 *   coins  AL_SIG_COINS_BYTES random bytes
 *   w      the record is appended                                                      [in/out]
 * Result: AL_OK; AL_EINVAL for fields that the wire does not know; AL_EFULL when it does not fit.
 * Cost:   one hybrid signature.   Source: PROTOCOL.md 7.3.   Tested: unit/dht_sign, vectors (dht).
 */
al_err al_record_sign_mutable(const al_suite *suite, const al_record *r, const uint8_t *sk,
                              const uint8_t *coins, al_wr *w);

/* al_record_blinded_hash — what the Ed25519 signature of a blinded record covers.
 *   signed_part   what al_record_encode_unsigned wrote
 *   hash          AL_HASH_BYTES bytes                                                  [out]
 * Result: none.   Cost: one hash.   Source: PROTOCOL.md 7.3.   Tested: unit/dht_sign,
 * vectors (dht). */
void al_record_blinded_hash(const al_suite *suite, al_bytes signed_part,
                            uint8_t hash[AL_HASH_BYTES]);

#endif
