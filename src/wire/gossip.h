/* gossip.h — the messages by which neighbours learn of descriptors (PROTOCOL.md 7). Layer 1. */
#ifndef AL_WIRE_GOSSIP_H
#define AL_WIRE_GOSSIP_H

#include "base/cursor.h"

enum {
  AL_DIGEST_ENTRIES_MAX = 400,
  AL_DIGEST_ENTRY_BYTES = 40,
  AL_DIGEST_BYTES_MAX = 2 + AL_DIGEST_ENTRIES_MAX * AL_DIGEST_ENTRY_BYTES,
  AL_WANT_ENTRIES_MAX = 64,
  AL_WANT_BYTES_MAX = 2 + AL_WANT_ENTRIES_MAX * 32,
};

/* al_digest_start — begin a DIGEST in a buffer: a count of 0.
 *   w   an empty cursor with room for at least 2 bytes                                 [in/out]
 * Result: none.   Cost: constant.   Source: PROTOCOL.md 7.   Tested: unit/wire_gossip. */
void al_digest_start(al_wr *w);

/* al_digest_add — append one entry and count it.
 *   w   started by al_digest_start                                                     [in/out]
 * Result: false when AL_DIGEST_ENTRIES_MAX entries are in or the buffer is full; nothing changed.
 * Cost:   constant.   Source: PROTOCOL.md 7.   Tested: unit/wire_gossip. */
bool al_digest_add(al_wr *w, const al_id *id, uint64_t sequence);

/* al_digest_decode — check a DIGEST and set a cursor at its first entry.
 *   r           entries are read by al_digest_next                                     [out]
 * Result: AL_OK, or AL_EPARSE: too many entries, or not exactly as long as the count says.
 * Cost:   constant.   Source: PROTOCOL.md 7.   Tested: unit/wire_gossip, fuzz/digest. */
al_err al_digest_decode(al_bytes message, al_rd *r);

/* al_digest_next — the next entry.
 *   ret_id, ret_sequence   written when true                                           [out]
 * Result: false at the end.   Cost: constant.
 * Source: PROTOCOL.md 7.      Tested: unit/wire_gossip, fuzz/digest. */
bool al_digest_next(al_rd *r, al_id *ret_id, uint64_t *ret_sequence);

/* al_want_start — begin a WANT in a buffer: a count of 0.
 *   w   an empty cursor with room for at least 2 bytes                                 [in/out]
 * Result: none.   Cost: constant.   Source: PROTOCOL.md 7.   Tested: unit/wire_gossip. */
void al_want_start(al_wr *w);

/* al_want_add — append one identifier and count it.
 *   w   started by al_want_start                                                       [in/out]
 * Result: false when AL_WANT_ENTRIES_MAX are in or the buffer is full; nothing changed.
 * Cost:   constant.   Source: PROTOCOL.md 7.   Tested: unit/wire_gossip. */
bool al_want_add(al_wr *w, const al_id *id);

/* al_want_decode — check a WANT and set a cursor at its first identifier.
 *   r   identifiers are read by al_want_next                                           [out]
 * Result: AL_OK, or AL_EPARSE: too many, or not exactly as long as the count says.
 * Cost:   constant.   Source: PROTOCOL.md 7.   Tested: unit/wire_gossip, fuzz/want. */
al_err al_want_decode(al_bytes message, al_rd *r);

/* al_want_next — the next identifier.
 *   ret_id   written when true                                                         [out]
 * Result: false at the end.   Cost: constant.
 * Source: PROTOCOL.md 7.      Tested: unit/wire_gossip, fuzz/want. */
bool al_want_next(al_rd *r, al_id *ret_id);

#endif
