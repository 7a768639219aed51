/* keys.h — data frames, the keys of their phases and what was seen of them. Private to src/link.
 * Layer 3. */
#ifndef AL_LINK_KEYS_H
#define AL_LINK_KEYS_H

#include "link/session.h"

/* ---- frame.c ---- */

/* al_link_bytes_seal — counter in front, ciphertext and tag behind it, in place.
 *   frame   [8..len - 16) is the plaintext                                            [in/out]
 *   len     AL_FRAME_BYTES or AL_LINK_SHORT_BYTES
 * Result: none.   Cost: one AEAD.   Source: PROTOCOL.md 4.1.   Tested: unit/link_frame. */
void al_link_bytes_seal(const al_suite *suite, const uint8_t key[32], uint64_t counter,
                        uint8_t *frame, size_t len);

/* al_link_bytes_open — the inverse.
 * Result: false: not authentic, frame as it was.   Cost: one AEAD.
 * Source: PROTOCOL.md 4.1.   Tested: unit/link_frame. */
bool al_link_bytes_open(const al_suite *suite, const uint8_t key[32], uint8_t *frame, size_t len);

/* al_link_frame_seal — the same for a frame of full length. */
static inline void al_link_frame_seal(const al_suite *suite, const uint8_t key[32],
                                      uint64_t counter, uint8_t frame[AL_FRAME_BYTES]) {
  al_link_bytes_seal(suite, key, counter, frame, AL_FRAME_BYTES);
}

/* al_link_frame_open — the same for a frame of full length. */
static inline bool al_link_frame_open(const al_suite *suite, const uint8_t key[32],
                                      uint8_t frame[AL_FRAME_BYTES]) {
  return al_link_bytes_open(suite, key, frame, AL_FRAME_BYTES);
}

/* al_link_keys_begin — the keys of the handshake are there: phase 0.
 * Result: none.   Cost: two wipes of 1 KiB.   Source: PROTOCOL.md 4.2.   Tested: unit/link_frame.
 */
void al_link_keys_begin(al_links *ls, al_link_session *s, al_time now);

/* al_link_keys_init — have room for the keys of frames, where they are kept.
 * Result: AL_OK, AL_ENOMEM.   Cost: 64 bytes for each possible link.
 * Source: docs/decisions/0007-many-nodes.md.   Tested: unit/link_frame. */
al_err al_link_keys_init(al_links *ls);

/* al_link_keys_clear — wipe them all and give the memory back.
 * Result: none.   Cost: one wipe.   Source: HACKING.md, "Secrets".   Tested: unit/link_frame. */
void al_link_keys_clear(al_links *ls);

/* al_link_keys_wipe — those of one link.
 * Result: none.   Cost: one wipe.   Source: HACKING.md, "Secrets".   Tested: unit/link_frame. */
void al_link_keys_wipe(al_links *ls, const al_link_session *s);

/* al_link_keys_made — the root of a session is new: the keys of its frames follow.
 * Result: none.   Cost: two HMACs, none in a lean table.   Source: PROTOCOL.md 4.2.
 * Tested: unit/link_frame, unit/link_rekey. */
void al_link_keys_made(al_links *ls, const al_link_session *s);

/* al_link_keys_tx — send under the keys of key_phase from now on.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 4.5.   Tested: unit/link_rekey. */
void al_link_keys_tx(al_links *ls, al_link_session *s, al_time now);

/* al_link_tx_key — the key that frames are sent under now.
 * Result: 32 bytes, good until the next call of this or al_link_rx_key.   Cost: O(1); an HMAC when
 * lean.   Source: PROTOCOL.md 4.5.   Tested: unit/link_rekey. */
const uint8_t *al_link_tx_key(al_links *ls, const al_link_session *s);

/* al_link_rx_key — the key that frames of rx_phase are opened with.
 * Result: 32 bytes, likewise.   Cost: O(1); an HMAC when lean.   Source: PROTOCOL.md 4.5.
 * Tested: unit/link_rekey. */
const uint8_t *al_link_rx_key(al_links *ls, const al_link_session *s);

/* al_link_turn_of — what is kept while keys change.
 * Result: NULL when they do not.   Cost: O(1).   Source: PROTOCOL.md 4.5.   Tested:
 * unit/link_rekey. */
al_link_turn *al_link_turn_of(const al_links *ls, const al_link_session *s);

/* al_link_turn_begin — have it; one that is there already is used again.
 * Result: NULL when none is free: keys are not changed now.   Cost: O(1), no allocation.
 * Source: PROTOCOL.md 4.5.   Tested: unit/link_rekey. */
al_link_turn *al_link_turn_begin(al_links *ls, al_link_session *s);

/* al_link_turn_keys — the keys of the phase that ends are kept in it; call before `root` changes.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 4.5.   Tested: unit/link_rekey. */
void al_link_turn_keys(al_links *ls, al_link_session *s);

/* al_link_turn_end — wipe it and give it back, also while it is in use.
 * Result: none.   Cost: a wipe.   Source: PROTOCOL.md 4.5.   Tested: unit/link_rekey. */
void al_link_turn_end(al_links *ls, al_link_session *s);

/* ---- window.c ---- */

/* al_link_window_next — the highest number seen + 1; 0: none was. */
static inline uint64_t al_link_window_next(const al_link_window *w) {
  return (uint64_t)w->next[1] << 32 | w->next[0];
}

/* al_link_window_fresh — could a frame of this number be taken now?
 * Result: whether.   Cost: O(1).   Source: PROTOCOL.md 4.1.   Tested: unit/link_window. */
bool al_link_window_fresh(const al_links *ls, const al_link_window *w, uint64_t number);

/* al_link_window_take — record a number that is fresh.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 4.1.   Tested: unit/link_window. */
void al_link_window_take(al_links *ls, al_link_window *w, uint64_t number);

/* al_link_windows_init — be ready for wide windows; lean links have it with the first of them.
 * Result: AL_OK, AL_ENOMEM.   Cost: one allocation.   Source: PROTOCOL.md 4.1.
 * Tested: unit/link_window. */
al_err al_link_windows_init(al_links *ls);

/* al_link_window_widen — remember 8,192 numbers instead of 128; what is older counts as seen.
 *   may_get   whether memory may be asked for
 * Result: whether it is wide now.   Cost: a wipe of 1 KiB.   Source: PROTOCOL.md 4.1.
 * Tested: unit/link_window. */
bool al_link_window_widen(al_links *ls, al_link_window *w, bool may_get);

/* al_link_window_clear — nothing seen, narrow.
 * Result: none.   Cost: a wipe.   Source: PROTOCOL.md 4.1.   Tested: unit/link_window. */
void al_link_window_clear(al_links *ls, al_link_window *w);

/* al_link_keys_open — authenticate a data frame with the key of its phase; takes the next phase's
 * keys into use when it is the first of that phase.
 *   why   the counter of the reason, when false                                       [out]
 * Result: false: not authentic, or seen before.   Cost: one AEAD.
 * Source: PROTOCOL.md 4.1, 4.5.   Tested: unit/link_frame, unit/link_rekey. */
bool al_link_keys_open(al_links *ls, al_link_session *s, al_time now, al_span frame,
                       al_counter *why);

#endif
