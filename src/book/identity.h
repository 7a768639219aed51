/* identity.h — who a node is: its long-lived keys, its identifier, the puzzle over it, and the
 * record it signs about itself. Layer 2. */
#ifndef AL_BOOK_IDENTITY_H
#define AL_BOOK_IDENTITY_H

#include "allium/al_suite.h"
#include "base/alloc.h"
#include "wire/descriptor.h"

enum {
  AL_IDENTITY_ROOT_BYTES = 32,
  AL_PUZZLE_BITS = 16,
  AL_EPOCH_S = 21600,
  AL_DESC_SKEW_S = 3600, /* a record may be from this far ahead of our clock */
};

/* al_identity — all long-lived keys of a node; secret. */
typedef struct al_identity {
  al_id id;
  uint8_t sig_pk[AL_SIG_PK_BYTES], sig_sk[AL_SIG_SK_BYTES];
  uint8_t link_pk[AL_KEM_PK_BYTES], link_sk[AL_KEM_SK_BYTES];
} al_identity;

/* al_identity_init — all keys from the root secret.
 *   root   AL_IDENTITY_ROOT_BYTES bytes from the system's generator
 *   ret    wipe it by al_identity_clear                                                [out]
 * Result: none.   Cost: two key generations, under 1 ms natively.
 * Source: PROTOCOL.md 3.1.   Tested: unit/book_identity, vectors (identity). */
void al_identity_init(const al_suite *suite, const uint8_t root[AL_IDENTITY_ROOT_BYTES],
                      al_identity *ret);

/* al_keyring — a node's long-lived keys as it keeps them: expanded, or (`open` NULL) as their root,
 * to be expanded for each use, where memory is scarcer than time. Secret. */
typedef struct al_keyring {
  al_id id;
  const al_suite *suite;
  uint8_t root[AL_IDENTITY_ROOT_BYTES];
  al_identity *open;
} al_keyring;

/* al_keyring_init — from the root secret.
 *   a         kept for al_keyring_clear by the caller; used when keys are to stay expanded
 *   expanded  whether they stay so: 9.6 KB
 * Result: AL_OK or AL_ENOMEM.   Cost: as al_identity_init.   Source: PROTOCOL.md 3.1.
 * Tested: unit/book_identity. */
al_err al_keyring_init(al_keyring *k, const al_alloc *a, const al_suite *suite,
                       const uint8_t root[AL_IDENTITY_ROOT_BYTES], bool expanded);

/* al_keyring_over — a keyring over keys that the caller keeps expanded; not to be cleared. */
static inline al_keyring al_keyring_over(al_identity *identity) {
  return (al_keyring){.id = identity->id, .open = identity};
}

/* al_keyring_clear — wipe and free. A zeroed one is allowed.
 * Result: none.   Cost: one wipe.   Source: HACKING.md, "Secrets".   Tested: unit/book_identity. */
void al_keyring_clear(al_keyring *k, const al_alloc *a);

/* al_keyring_get — all keys.
 *   scratch   for keys that are not kept expanded; al_identity_clear it after use        [out]
 * Result: keys, maybe in scratch.   Cost: none, or al_identity_init.   Source: PROTOCOL.md 3.1.
 * Tested: unit/book_identity. */
const al_identity *al_keyring_get(const al_keyring *k, al_identity *scratch);

/* al_keyring_link_sk — the secret link key alone.
 *   scratch   AL_KEM_SK_BYTES bytes for one that is not kept; wipe it after use          [out]
 * Result: AL_KEM_SK_BYTES bytes, maybe scratch.   Cost: none, or one KEM key generation.
 * Source: PROTOCOL.md 3.1.   Tested: unit/book_identity. */
const uint8_t *al_keyring_link_sk(const al_keyring *k, uint8_t *scratch);

/* al_identity_clear — wipe all keys.
 * Result: none.   Cost: one wipe.   Source: HACKING.md, "Secrets".   Tested: unit/book_identity. */
void al_identity_clear(al_identity *identity);

/* al_node_id — the identifier that belongs to a signature key.
 *   sig_pk   AL_SIG_PK_BYTES bytes
 * Result: the identifier.   Cost: SHA3-256 of 2 KB, about 10 us natively.
 * Source: PROTOCOL.md 3.1.   Tested: unit/book_identity, vectors (identity). */
al_id al_node_id(const al_suite *suite, const uint8_t *sig_pk);

/* al_puzzle_check — whether a number solves the puzzle of an identifier.
 * Result: true when the hash begins with AL_PUZZLE_BITS zero bits.   Cost: one hash.
 * Source: PROTOCOL.md 3.4.   Tested: unit/book_identity, vectors (identity). */
bool al_puzzle_check(const al_suite *suite, const al_id *id, uint64_t puzzle);

/* al_puzzle_search — try `tries` numbers from *puzzle on.
 *   puzzle   the solution when true, where to go on when false                         [in/out]
 * Result: whether one was found; 65,536 tries find one with probability 0.63.
 * Cost:   one hash a try, about 1 us natively.
 * Source: PROTOCOL.md 3.4.   Tested: unit/book_identity. */
bool al_puzzle_search(const al_suite *suite, const al_id *id, uint32_t tries, uint64_t *puzzle);

/* al_descriptor_make — write and sign a node's own descriptor.
 *   fields   everything but sig_pk, link_pk, signed_part and signature
 *   coins    AL_SIG_COINS_BYTES random bytes
 *   w        the record is appended; at most AL_DESC_BYTES_MAX bytes                   [in/out]
 * Result: AL_OK; AL_EINVAL for fields the wire does not know; AL_EFULL when it does not fit.
 * Cost:   one hybrid signature, about 1 ms natively.
 * Source: PROTOCOL.md 3.4.   Tested: unit/book_identity, vectors (descriptor). */
al_err al_descriptor_make(const al_suite *suite, const al_identity *identity, const al_desc *fields,
                          const uint8_t *coins, al_wr *w);

/* al_descriptor_verify — whether the signature of a decoded descriptor is its owner's.
 * Result: AL_OK or AL_ECRYPTO.   Cost: one hybrid verification, about 200 us natively.
 * Source: PROTOCOL.md 2.3, 3.4.   Tested: unit/book_identity, vectors (descriptor). */
al_err al_descriptor_verify(const al_suite *suite, const al_desc *d);

#endif
