/* sphinx_priv.h — what making and peeling a packet have in common. Private to src/sphinx. Layer 2.
 */
#ifndef AL_SPHINX_PRIV_H
#define AL_SPHINX_PRIV_H

#include "sphinx/sphinx.h"

/* al_sphinx_derive — the keys of a hop.
 *   ss    secret of the KEM, 32 bytes
 *   ret   secret                                                                       [out]
 * Result: none.   Cost: five HMACs.   Source: PROTOCOL.md 5.2.   Tested: vectors (sphinx). */
void al_sphinx_derive(const al_suite *suite, const uint8_t ss[32], al_sphinx_keys *ret);

/* al_sphinx_stream — text ^= Stream(key), from its first byte on.
 * Result: none.   Cost: one pass.   Source: PROTOCOL.md 2.   Tested: vectors (sphinx). */
void al_sphinx_stream(const al_suite *suite, const uint8_t key[32], uint8_t *text, size_t len);

/* al_sphinx_stream_at — text ^= Stream(key), from byte `from` of the stream on.
 *   text   any length                                                                  [in/out]
 * Result: none.   Cost: one pass.
 * Source: PROTOCOL.md 2.   Tested: vectors (sphinx). */
void al_sphinx_stream_at(const al_suite *suite, const uint8_t key[32], uint32_t from, al_span text);

#endif
