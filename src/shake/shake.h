/* shake.h — the link handshake as functions on whole messages: who may speak next, what is hashed,
 * which keys come out. Frames, fragments and time-outs are src/link's; whether a descriptor is to
 * be believed is the caller's to find out between take and make. Layer 2.
 *
 *   dialler                                answerer
 *   make_fetch    -- FETCH -->             take_fetch       only when the dialler has no descriptor
 *   take_record   <-- RECORD --            make_record
 *   make_init     -- INIT -->              take_init        verify the dialler's descriptor
 *   take_accept   <-- ACCEPT --            make_accept
 *   al_shake_take_root                     al_shake_take_root */
#ifndef AL_SHAKE_H
#define AL_SHAKE_H

#include "base/base.h"
#include "crypto/crypto.h"
#include "shake/hop.h"
#include "wire/handshake.h"

enum {
  AL_SHAKE_NETWORK_BYTES_MAX = 64,
  AL_SHAKE_FETCH_COINS = AL_KEM_SEED_BYTES,
  AL_SHAKE_RECORD_COINS = AL_KEM_COINS_BYTES,
  AL_SHAKE_INIT_COINS = AL_KEM_SEED_BYTES + AL_KEM_COINS_BYTES,
  AL_SHAKE_ACCEPT_COINS = 2 * AL_KEM_COINS_BYTES,
};

/* al_shake_stage — what may happen next. */
typedef enum al_shake_stage {
  AL_SHAKE_FAILED = 0,  /* nothing any more */
  AL_SHAKE_START,       /* dialler: make_fetch or make_init; answerer: take_fetch or take_init */
  AL_SHAKE_WAIT_RECORD, /* dialler: take_record */
  AL_SHAKE_SEND_RECORD, /* answerer: make_record */
  AL_SHAKE_HAVE_RECORD, /* dialler: make_init; answerer: take_init */
  AL_SHAKE_WAIT_ACCEPT, /* dialler: take_accept */
  AL_SHAKE_SEND_ACCEPT, /* answerer: make_accept */
  AL_SHAKE_DONE,        /* al_shake_take_root */
} al_shake_stage;

/* al_shake — one handshake; secret; fields are private to shake.c, but `stage` may be read. */
typedef struct al_shake {
  const al_suite *suite;
  al_shake_stage stage;
  bool initiator;
  uint8_t ck[32], h[32];
  uint8_t seed[AL_KEM_SEED_BYTES];   /* dialler: of its ephemeral key in flight */
  uint8_t peer_eph[AL_KEM_PK_BYTES]; /* answerer: the dialler's ephemeral key */
  al_id answerer;                    /* al_shake_name */
} al_shake;

/* al_shake_setup — what both sides know before the first message. */
typedef struct al_shake_setup {
  const al_suite *suite;
  al_bytes network;       /* 1..AL_SHAKE_NETWORK_BYTES_MAX bytes */
  al_bytes secret;        /* 32 bytes, or empty for a public network */
  const uint8_t *binding; /* 32 bytes of the transport */
  bool initiator;         /* we dialled */
} al_shake_setup;

/* al_shake_init — begin. Lengths in the set-up are asserted.
 * Result: none.   Cost: one hash, one HMAC.
 * Source: PROTOCOL.md 4.2.   Tested: unit/shake_link. */
void al_shake_init(al_shake *sh, const al_shake_setup *setup);

/* al_shake_clear — wipe; also after failure and after the root was taken. A zeroed one is allowed.
 * Result: none.   Cost: one wipe.   Source: HACKING.md, "Secrets".   Tested: unit/shake_link. */
void al_shake_clear(al_shake *sh);

/* Of all make and take functions: called in another stage than the comment at `al_shake_stage`
 * says, they return AL_ESTATE and change nothing. Any other error ends the handshake
 * (AL_SHAKE_FAILED). A message is appended to an empty cursor; a message that was taken is
 * decrypted in place. */

/* al_shake_make_fetch — dialler: ask the answerer who it is.
 *   coins   AL_SHAKE_FETCH_COINS random bytes
 *   w       AL_HANDSHAKE_FETCH_BYTES are appended                                      [in/out]
 * Result: AL_OK, AL_EFULL, AL_ESTATE.   Cost: one KEM key generation.
 * Source: PROTOCOL.md 4.2.   Tested: unit/shake_link, vectors (link). */
al_err al_shake_make_fetch(al_shake *sh, const uint8_t *coins, al_wr *w);

/* al_shake_take_fetch — answerer: check that the asker knows the network.
 * Result: AL_OK, AL_EPARSE, AL_ECRYPTO, AL_ESTATE.   Cost: a hash of 1.2 KB.
 * Source: PROTOCOL.md 4.2.   Tested: unit/shake_link, vectors (link), fuzz/handshake. */
al_err al_shake_take_fetch(al_shake *sh, al_span message);

/* al_shake_make_record — answerer: give our descriptor to the asker.
 *   coins       AL_SHAKE_RECORD_COINS random bytes
 *   descriptor  ours
 * Result: AL_OK, AL_ECRYPTO (the asker's key is no key), AL_EFULL, AL_ESTATE.
 * Cost:   one KEM encapsulation.
 * Source: PROTOCOL.md 4.2.   Tested: unit/shake_link, vectors (link). */
al_err al_shake_make_record(al_shake *sh, const uint8_t *coins, al_bytes descriptor, al_wr *w);

/* al_shake_take_record — dialler: open the answerer's descriptor.
 *   ret_descriptor  a view into the message; not verified in any way: the caller verifies it, and
 *                   that it is the node it wanted, before al_shake_make_init           [out]
 * Result: AL_OK, AL_EPARSE, AL_ECRYPTO, AL_ESTATE.
 * Cost:   one KEM key generation, one decapsulation.
 * Source: PROTOCOL.md 4.2.   Tested: unit/shake_link, vectors (link), fuzz/handshake. */
al_err al_shake_take_record(al_shake *sh, al_span message, al_bytes *ret_descriptor);

/* al_shake_name — whom the handshake is with: the answerer's ID, on both sides, before INIT is made
 * or taken. Without it a node whose descriptor copies another's link key would be taken for it.
 *   answerer   dialler: of the verified descriptor; answerer: our own
 * Result: none.   Cost: one copy.   Source: PROTOCOL.md 4.2.   Tested: unit/shake_link. */
void al_shake_name(al_shake *sh, const al_id *answerer);

/* al_shake_make_init — dialler: prove who we are to the owner of a link key only.
 *   peer_link_pk  AL_KEM_PK_BYTES from the answerer's verified descriptor
 *   coins         AL_SHAKE_INIT_COINS random bytes
 *   descriptor    ours
 * Result: AL_OK, AL_ECRYPTO (the link key is no key), AL_EFULL, AL_ESTATE.
 * Cost:   one KEM key generation, one encapsulation.
 * Source: PROTOCOL.md 4.2.   Tested: unit/shake_link, vectors (link). */
al_err al_shake_make_init(al_shake *sh, const uint8_t *peer_link_pk, const uint8_t *coins,
                          al_bytes descriptor, al_wr *w);

/* al_shake_take_init — answerer: open the dialler's descriptor.
 *   link_sk         our link key, AL_KEM_SK_BYTES
 *   ret_descriptor  a view into the message; not verified: the caller does it          [out]
 * Result: AL_OK, AL_EPARSE, AL_ECRYPTO, AL_ESTATE.   Cost: one KEM decapsulation.
 * Source: PROTOCOL.md 4.2.   Tested: unit/shake_link, vectors (link), fuzz/handshake. */
al_err al_shake_take_init(al_shake *sh, const uint8_t *link_sk, al_span message,
                          al_bytes *ret_descriptor);

/* al_shake_make_accept — answerer: finish. The stage is DONE after it.
 *   peer_link_pk  AL_KEM_PK_BYTES from the dialler's verified descriptor
 *   coins         AL_SHAKE_ACCEPT_COINS random bytes
 *   sequence      of our own descriptor: the dialler learns whether it has the latest
 * Result: AL_OK, AL_ECRYPTO (a key of the dialler is no key), AL_EFULL, AL_ESTATE.
 * Cost:   two KEM encapsulations.
 * Source: PROTOCOL.md 4.2.   Tested: unit/shake_link, vectors (link). */
al_err al_shake_make_accept(al_shake *sh, const uint8_t *peer_link_pk, const uint8_t *coins,
                            uint64_t sequence, al_wr *w);

/* al_shake_take_accept — dialler: finish; the answerer is authenticated. The stage is DONE then.
 *   link_sk       our link key, AL_KEM_SK_BYTES
 *   ret_sequence  of the answerer's latest descriptor                                  [out]
 * Result: AL_OK, AL_EPARSE, AL_ECRYPTO, AL_ESTATE.
 * Cost:   one KEM key generation, two decapsulations.
 * Source: PROTOCOL.md 4.2.   Tested: unit/shake_link, vectors (link), fuzz/handshake. */
al_err al_shake_take_accept(al_shake *sh, const uint8_t *link_sk, al_span message,
                            uint64_t *ret_sequence);

/* al_shake_take_root — what a finished handshake gives: the secret of phase 0. It is wiped itself.
 *   sh    in stage DONE                                                                [asserted]
 *   ret   32 bytes; secret                                                             [out]
 * Result: none.   Cost: an HMAC.
 * Source: PROTOCOL.md 4.2.   Tested: unit/shake_link, vectors (link). */
void al_shake_take_root(al_shake *sh, uint8_t ret[32]);

/* al_shake_frame_key — of a phase's secret, for one direction.
 *   from_dialler   frames that the dialler sends
 *   ret            32 bytes; secret                                                    [out]
 * Result: none.   Cost: an HMAC.   Source: PROTOCOL.md 4.2.   Tested: unit/shake_link, vectors
 * (link). */
void al_shake_frame_key(const al_suite *suite, const uint8_t root[32], bool from_dialler,
                        uint8_t ret[32]);

/* ---- fresh keys for a link that is up ---- */

/* al_shake_rekey_ask — dialler: the REKEY message.
 *   seed   AL_KEM_SEED_BYTES random bytes; keep them for al_shake_rekey_finish         [secret]
 *   ret    AL_REKEY_BYTES bytes                                                        [out]
 * Result: none.   Cost: one KEM key generation.
 * Source: PROTOCOL.md 4.5.   Tested: unit/shake_link, vectors (link). */
void al_shake_rekey_ask(const al_suite *suite, const uint8_t *seed, uint8_t *ret);

/* al_shake_rekey_answer — answerer: the REKEYED message and the secret of the next phase.
 *   root   of this phase; becomes that of the next; untouched on failure               [in/out]
 *   ask    AL_REKEY_BYTES bytes
 *   coins  AL_KEM_COINS_BYTES random bytes
 *   ret    AL_REKEYED_BYTES bytes                                                      [out]
 * Result: AL_OK or AL_ECRYPTO (ask is no key).   Cost: one KEM encapsulation.
 * Source: PROTOCOL.md 4.5.   Tested: unit/shake_link, vectors (link). */
al_err al_shake_rekey_answer(const al_suite *suite, uint8_t root[32], const uint8_t *ask,
                             const uint8_t *coins, uint8_t *ret);

/* al_shake_rekey_finish — dialler: the secret of the next phase.
 *   root    of this phase; becomes that of the next                                    [in/out]
 *   seed    given to al_shake_rekey_ask; wipe it afterwards
 *   answer  AL_REKEYED_BYTES bytes
 * Result: none: a wrong answer gives one under whose keys nothing opens.
 * Cost:   one KEM key generation, one decapsulation.
 * Source: PROTOCOL.md 4.5.   Tested: unit/shake_link, vectors (link). */
void al_shake_rekey_finish(const al_suite *suite, uint8_t root[32], const uint8_t *seed,
                           const uint8_t *answer);

#endif
