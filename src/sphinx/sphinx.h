/* sphinx.h — the packet that sets up a circuit in one pass: create it at the origin, open and peel
 * it at a hop. Every packet is AL_SPHINX_BYTES long whatever the number of hops. Layer 2. At a hop:
 * al_sphinx_open, then al_replay_add of the tag, then al_sphinx_peel. */
#ifndef AL_SPHINX_H
#define AL_SPHINX_H

#include "base/base.h"
#include "crypto/crypto.h"
#include "sphinx/replay.h"
#include "wire/cell.h"
#include "wire/route.h"

enum {
  AL_SPHINX_VERSION = 1,
  AL_SPHINX_HOPS_MAX = 5,
  AL_SPHINX_BLOCK_BYTES = AL_ROUTE_BYTES + AL_TAG_BYTES + AL_KEM_CT_BYTES,
  AL_SPHINX_BETA_BYTES =
      (AL_SPHINX_HOPS_MAX - 1) * AL_SPHINX_BLOCK_BYTES + AL_ROUTE_BYTES + AL_TAG_BYTES,
  AL_SPHINX_BODY_BYTES = 1490,
  AL_SPHINX_BODY_ZERO_BYTES = 16,
  AL_SPHINX_DATA_BYTES_MAX = AL_SPHINX_BODY_BYTES - AL_SPHINX_BODY_ZERO_BYTES - 2,
  AL_SPHINX_PAD_BYTES = AL_SPHINX_BETA_BYTES - AL_ROUTE_BYTES - AL_TAG_BYTES,
  /* Where the parts of a packet are. */
  AL_SPHINX_CT_AT = 2,
  AL_SPHINX_MAC_AT = AL_SPHINX_CT_AT + AL_KEM_CT_BYTES,
  AL_SPHINX_BETA_AT = AL_SPHINX_MAC_AT + AL_TAG_BYTES,
  AL_SPHINX_BODY_AT = AL_SPHINX_BETA_AT + AL_SPHINX_BETA_BYTES,
};
_Static_assert(AL_SPHINX_BLOCK_BYTES == 1216 && AL_SPHINX_BETA_BYTES == 4960, "PROTOCOL.md 5.1");
_Static_assert(AL_SPHINX_BODY_AT + AL_SPHINX_BODY_BYTES == AL_SPHINX_BYTES, "PROTOCOL.md 5.1");

/* al_sphinx_hop — one hop of a path, as the origin knows it. */
typedef struct al_sphinx_hop {
  const uint8_t *onion_pk; /* AL_KEM_PK_BYTES, of the current epoch; borrowed */
  al_id id;                /* of this hop; told to the hop in front of it */
  uint8_t eph[32];         /* X: our ephemeral X25519 public key for this hop */
} al_sphinx_hop;

/* al_sphinx_spec — what to make a packet of. */
typedef struct al_sphinx_spec {
  const al_sphinx_hop *hops; /* first hop first */
  uint32_t hops_count;       /* 1..AL_SPHINX_HOPS_MAX */
  al_bytes data;             /* for the last hop; at most AL_SPHINX_DATA_BYTES_MAX */
} al_sphinx_spec;

/* al_sphinx_coins — all randomness of one packet; how much of the pads is used depends on spec. */
typedef struct al_sphinx_coins {
  uint8_t kem[AL_SPHINX_HOPS_MAX][AL_KEM_COINS_BYTES];
  uint8_t beta_pad[AL_SPHINX_PAD_BYTES];
  uint8_t body_pad[AL_SPHINX_DATA_BYTES_MAX];
} al_sphinx_coins;

/* al_sphinx_create — make a set-up packet.
 *   spec         path and data                                                         [borrowed]
 *   ret_packet   AL_SPHINX_BYTES bytes; untouched on failure                           [out]
 *   ret_secrets  hop secret of each hop, spec->hops_count of them; the same            [out]
 * Result: AL_OK; AL_EINVAL (count or length out of range); AL_ECRYPTO (an onion key is no key).
 * Cost:   per hop one KEM encapsulation and under 15 us natively; no allocation; 14 KB of stack.
 * Source: PROTOCOL.md 5.5.   Tested: unit/sphinx_packet, vectors (sphinx). */
al_err al_sphinx_create(const al_suite *suite, al_rng *rng, const al_sphinx_spec *spec,
                        uint8_t *ret_packet, uint8_t (*ret_secrets)[32]);

/* al_sphinx_create_coins — the same with the randomness given: for vectors.
 * Result: as al_sphinx_create.   Cost: as al_sphinx_create.
 * Source: PROTOCOL.md 5.5.       Tested: unit/sphinx_packet, vectors (sphinx). */
al_err al_sphinx_create_coins(const al_suite *suite, const al_sphinx_coins *coins,
                              const al_sphinx_spec *spec, uint8_t *ret_packet,
                              uint8_t (*ret_secrets)[32]);

/* al_sphinx_keys — what a hop derives from the shared secret; secret but for the tag. */
typedef struct al_sphinx_keys {
  uint8_t header[32], mac[32], body[32];
  uint8_t tag[32];    /* for al_replay_add */
  uint8_t secret[32]; /* hop secret: for al_hop_derive */
} al_sphinx_keys;

/* al_sphinx_open — derive the keys of a packet and check its header, which is not changed.
 *   packet    AL_SPHINX_BYTES bytes
 *   onion_sk  AL_KEM_SK_BYTES bytes
 *   ret       secret; wiped on failure                                                 [out]
 * Result: AL_OK; AL_EPARSE (another version; count sphinx_parse); AL_ECRYPTO (not authentic under
 *         this key; count sphinx_auth when no other key is left to try).
 * Cost:   one KEM decapsulation, about 85 us natively, and 5 us.
 * Source: PROTOCOL.md 5.2, 5.3.   Tested: unit/sphinx_packet, vectors (sphinx), fuzz/sphinx. */
al_err al_sphinx_open(const al_suite *suite, const uint8_t *packet, const uint8_t *onion_sk,
                      al_sphinx_keys *ret);

/* al_sphinx_result — what a hop is told. */
typedef struct al_sphinx_result {
  al_route route;
  al_bytes data; /* CREATE_END: a view into the packet; else empty */
} al_sphinx_result;

/* al_sphinx_peel — remove this hop's layer, in place: the packet becomes the next hop's.
 *   packet   opened with keys; wiped when the result is an error                       [in/out]
 *   ret      written on success                                                        [out]
 * Result: AL_OK; AL_EPARSE (the route means nothing; count sphinx_command); AL_ECRYPTO (CREATE_END
 *         whose body is not authentic; count sphinx_auth).
 * Cost:   two passes of ChaCha20 over the header, one wide block; about 10 us natively.
 * Source: PROTOCOL.md 5.3, 5.4.   Tested: unit/sphinx_packet, vectors (sphinx), fuzz/sphinx. */
al_err al_sphinx_peel(const al_suite *suite, uint8_t *packet, const al_sphinx_keys *keys,
                      al_sphinx_result *ret);

#endif
