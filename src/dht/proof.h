/* proof.h — who says that: the answer to a FIND that asks for proof is signed by who gives it, so
 * that nobody on the way back can change it or invent who gave it. Layer 3. */
#ifndef AL_DHT_PROOF_H
#define AL_DHT_PROOF_H

#include "dht/dht.h"

/* The payload of such an answer: number of entries that the signature covers, the signature key
 * that the first one's ID is made from, an Ed25519 signature. */
enum { AL_DHT_PROOF_BYTES = 1 + AL_SIG_PK_BYTES + AL_ED_SIG_BYTES };

/* al_dht_prove — sign an answer, all its entries.
 *   pk       AL_SIG_PK_BYTES bytes: the first entry's ID is made from it
 *   ed_seed  AL_ED_SEED_BYTES bytes, of the Ed25519 key in pk; secret
 *   answer   path, query, count and entries are used; its payload is to be `out`
 *   out      AL_DHT_PROOF_BYTES bytes                                                   [out]
 * Result: none.   Cost: one Ed25519 signature.   Source: PROTOCOL.md 7.2.
 * Tested: unit/dht_proof, vectors (dht). */
void al_dht_prove(const al_suite *suite, const uint8_t *pk, const uint8_t *ed_seed,
                  const al_dht_message *answer, uint8_t *out);

/* al_dht_proved — whether an answer was given by the node that its first entry names.
 * Result: how many entries that node has signed, the first ones; 0: it is not proved.
 * Cost: a hash of 2 KB and one Ed25519 verification.   Source: PROTOCOL.md 7.2.
 * Tested: unit/dht_proof, vectors (dht). */
uint8_t al_dht_proved(const al_suite *suite, const al_dht_message *answer);

#endif
