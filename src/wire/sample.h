/* sample.h — the message SAMPLE between neighbours: rumours, and the wish to keep a link
 * (PROTOCOL.md 7.1). Layer 1. */
#ifndef AL_WIRE_SAMPLE_H
#define AL_WIRE_SAMPLE_H

#include "base/cursor.h"

enum {
  AL_RUMOURS_MAX = 25, /* as many as one cell takes */
  AL_RUMOUR_BYTES = 42,
  AL_RUMOUR_HOPS_MAX = 24,
  AL_SAMPLE_BYTES_MIN = 2,
  AL_SAMPLE_BYTES_MAX = 2 + AL_RUMOURS_MAX * AL_RUMOUR_BYTES,
};

/* al_sample_type — first byte of a SAMPLE. */
typedef enum al_sample_type {
  AL_SAMPLE_RUMOURS = 1,
  AL_SAMPLE_KEEP = 2, /* whether the sender wants this link */
} al_sample_type;

/* al_rumour_kind — what is said of a node. Values are on the wire. */
typedef enum al_rumour_kind {
  AL_RUMOUR_DEAD = 1,  /* a neighbour found it dead at the time `stamp` */
  AL_RUMOUR_ALIVE = 2, /* it lives at the time `stamp` */
  AL_RUMOUR_NEWER = 3, /* its descriptor `stamp` is out, and earlier ones are of no use */
} al_rumour_kind;

/* al_rumour — one entry. */
typedef struct al_rumour {
  al_rumour_kind kind;
  uint8_t hops; /* how often it may be passed on yet; at most AL_RUMOUR_HOPS_MAX */
  al_id id;
  uint64_t stamp; /* Unix seconds, or a descriptor's sequence */
} al_rumour;

/* al_sample_start — begin a SAMPLE of rumours in a buffer.
 *   w   an empty cursor with room for at least 2 bytes                                 [in/out]
 * Result: none.   Cost: constant.   Source: PROTOCOL.md 7.1.   Tested: unit/wire_sample. */
void al_sample_start(al_wr *w);

/* al_sample_add — append one rumour and count it.
 *   r   as al_sample_next gives them                                                   [asserted]
 * Result: false when AL_RUMOURS_MAX are in or the buffer is full; nothing changed.
 * Cost:   constant.   Source: PROTOCOL.md 7.1.   Tested: unit/wire_sample. */
bool al_sample_add(al_wr *w, const al_rumour *r);

/* al_sample_keep — write a SAMPLE of type KEEP.
 *   w   an empty cursor with room for 2 bytes                                          [in/out]
 * Result: none.   Cost: constant.   Source: PROTOCOL.md 7.1.   Tested: unit/wire_sample. */
void al_sample_keep(al_wr *w, bool keep);

/* al_sample_decode — check a SAMPLE.
 *   ret_keep  of KEEP                                                                   [out]
 *   r         of RUMOURS: at the first one, for al_sample_next                          [out]
 * Result: the type; 0 when it is malformed anywhere: unknown type or kind, too many, another length
 *         than its count says, hops out of range.
 * Cost:   one pass.   Source: PROTOCOL.md 7.1.   Tested: unit/wire_sample, fuzz/sample. */
al_sample_type al_sample_decode(al_bytes message, bool *ret_keep, al_rd *r);

/* al_sample_next — the next rumour of a message that al_sample_decode has checked.
 *   ret   written when true                                                            [out]
 * Result: false at the end.   Cost: constant.
 * Source: PROTOCOL.md 7.1.    Tested: unit/wire_sample, fuzz/sample. */
bool al_sample_next(al_rd *r, al_rumour *ret);

#endif
