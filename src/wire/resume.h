/* resume.h — the relay payload by which a circuit joins a bundle that another circuit began
 * (PROTOCOL.md 6.4, 8.7). Layer 1. */
#ifndef AL_WIRE_RESUME_H
#define AL_WIRE_RESUME_H

#include "base/cursor.h"

enum {
  AL_RESUME_KIND = 3, /* first byte of the relay payload */
  AL_RESUME_ID_BYTES = 16,
  AL_RESUME_TAG_BYTES = 32,
};

/* al_resume_op — values are on the wire. */
typedef enum al_resume_op {
  AL_RESUME_JOIN = 1,    /* origin: this circuit shall carry bundle `id` */
  AL_RESUME_JOINED = 2,  /* end: it does */
  AL_RESUME_REFUSED = 3, /* end: there is no such bundle, or the tag is wrong */
} al_resume_op;

/* al_resume — decoded. */
typedef struct al_resume {
  uint8_t op; /* al_resume_op */
  uint8_t id[AL_RESUME_ID_BYTES];
  uint8_t tag[AL_RESUME_TAG_BYTES]; /* zero exactly in REFUSED */
} al_resume;

/* al_resume_decode — read a relay payload of kind RESUME.
 *   in    the whole payload, its kind included, AL_RELAY_BYTES bytes                    [borrowed]
 *   ret   written on success                                                           [out]
 * Result: AL_OK, or AL_EPARSE: another length or kind, an unknown op, a tag in REFUSED, or bytes
 *         behind it that are not 0.
 * Cost:   one pass.   Source: PROTOCOL.md 8.7.   Tested: unit/wire_resume, fuzz/resume. */
al_err al_resume_decode(al_bytes in, al_resume *ret);

/* al_resume_encode — write one.
 *   r     fields that al_resume_decode accepts                                         [asserted]
 *   out   AL_RELAY_BYTES bytes                                                          [out]
 * Result: none.   Cost: one pass.   Source: PROTOCOL.md 8.7.   Tested: unit/wire_resume. */
void al_resume_encode(const al_resume *r, uint8_t *out);

#endif
