/* resume.h — how two ends of a circuit prove to each other that another circuit belongs to the same
 * bundle (PROTOCOL.md 8.7). The resume secret of a circuit is known to its origin and its end hop
 * alone; the bundle's is that of its first circuit. Layer 2. */
#ifndef AL_SHAKE_RESUME_H
#define AL_SHAKE_RESUME_H

#include "crypto/crypto.h"
#include "wire/resume.h"

enum { AL_RESUME_SECRET_BYTES = 32 };

/* al_resume_name — the public name of a resume secret: names a bundle, and a circuit.
 * Result: none.   Cost: one HMAC.   Source: PROTOCOL.md 8.7.   Tested: unit/shake_resume. */
void al_resume_name(const al_suite *suite, const uint8_t secret[AL_RESUME_SECRET_BYTES],
                    uint8_t ret[AL_RESUME_ID_BYTES]);

/* al_resume_make — a JOIN or JOINED for a bundle, good on one circuit only.
 *   secret    the bundle's
 *   circuit   al_resume_name of the new circuit's secret
 *   ret       id and tag                                                                [out]
 * Result: none.   Cost: two HMACs.   Source: PROTOCOL.md 8.7.   Tested: unit/shake_resume. */
void al_resume_make(const al_suite *suite, al_resume_op op,
                    const uint8_t secret[AL_RESUME_SECRET_BYTES],
                    const uint8_t circuit[AL_RESUME_ID_BYTES], al_resume *ret);

/* al_resume_check — does the tag of a JOIN or JOINED prove that its sender has the secret, on this
 * circuit?
 * Result: whether; constant time in the tag.   Cost: two HMACs.
 * Source: PROTOCOL.md 8.7.   Tested: unit/shake_resume. */
bool al_resume_check(const al_suite *suite, const al_resume *m,
                     const uint8_t secret[AL_RESUME_SECRET_BYTES],
                     const uint8_t circuit[AL_RESUME_ID_BYTES]);

#endif
