/* link.h — sessions with neighbours: handshake, frames, messages, fresh keys, heartbeat, padding.
 * Frames go in (al_link_rx) and come out (al_link_next, al_link_seal); nothing is allocated but by
 * init, dial and accept. Layer 3. Source: PROTOCOL.md 4. */
#ifndef AL_LINK_H
#define AL_LINK_H

#include "allium/al_host.h"
#include "base/base.h"
#include "base/names.h"
#include "book/book.h"
#include "crypto/crypto.h"
#include "shake/shake.h"
#include "wire/wire.h"

enum {
  AL_LINK_CELL_AT = 8,      /* where the cell (AL_CELL_BYTES) begins in a frame */
  AL_LINK_SHORT_BYTES = 40, /* a short frame: PING or PONG that hides nothing (PROTOCOL.md 4.1) */
  AL_LINK_PAYLOAD_AT = 20,  /* where its payload (AL_CELL_PAYLOAD_BYTES) begins in a frame */
  AL_LINK_SLOT_BYTES = 16384,
  AL_LINK_PLACE_BYTES = AL_SHELF_PLACE_BYTES,
  AL_LINK_SLOTS_DEFAULT = 96,
  AL_LINK_SLOTS_MIN = 16,
  AL_LINK_OUT_MAX = 16, /* messages that one link may have waiting to be sent */
  AL_LINK_STEP = 4,     /* what lean nodes keep by index of a link grows by so many */
};

/* al_link_code — why a link is closed: the code of CLOSE, and of AL_LINK_EVENT_DEAD. */
typedef enum al_link_code {
  AL_LINK_CODE_DONE = 0,      /* not needed any more */
  AL_LINK_CODE_SHUTDOWN = 1,  /* the node ends */
  AL_LINK_CODE_REDUNDANT = 2, /* another link to the same node stays */
  AL_LINK_CODE_PHASES = 3,    /* 256 phases of keys are used up */
  AL_LINK_CODE_LIMIT = 4,     /* too many links */
  /* never sent: */
  AL_LINK_CODE_OPEN_TIMEOUT = 128,  /* the transport did not open in 30 s */
  AL_LINK_CODE_SHAKE_TIMEOUT = 129, /* the handshake was not finished in 10 s */
  AL_LINK_CODE_DEAD = 130,          /* PINGs unanswered, PROTOCOL.md 4.6 */
  AL_LINK_CODE_REKEY = 131,         /* keys were not replaced in time */
  AL_LINK_CODE_IDENTITY = 132,      /* the other side proved another ID than the one dialled */
  AL_LINK_CODE_DESCRIPTOR = 133,    /* the other side's descriptor is not valid */
} al_link_code;

/* al_links_config — everything a table of links needs. Pointers must outlive the table. */
typedef struct al_links_config {
  const al_suite *suite;
  const al_alloc *alloc;
  al_rng *rng;
  al_counters *counters;
  const al_keyring *keys; /* own keys and ID                                           [borrowed] */
  const al_book *book; /* NULL, or: records that are in it are not verified again      [borrowed] */
  const al_bytes *descriptor; /* own descriptor, read anew whenever it is sent         [borrowed]
                               * NULL: al_book_own of `book` */
  al_bytes network;           /* 1..64 bytes                                           [borrowed] */
  al_bytes secret;            /* 32 bytes, or empty for a public network               [borrowed] */
  bool simulation;            /* puzzles of descriptors are not checked */
  bool lean; /* replay windows are of 128 frames until al_link_widen, few links rekey at a time */
  al_padding padding;
  uint32_t links_max;     /* 1..4096 */
  uint32_t message_slots; /* AL_LINK_SLOTS_MIN..255; 0: AL_LINK_SLOTS_DEFAULT */
  al_places *places;      /* blocks of AL_LINK_PLACE_BYTES for messages, shared; NULL: own ones */
  al_places *shakes;      /* blocks of AL_SHELF_SHAKE_BYTES for handshakes, likewise */
  al_names *names;        /* identifiers of other ends, likewise */
  uint64_t wall_s;        /* Unix seconds at `now`, for the expiry of descriptors */
  al_time now;
  uint64_t rekey_us;     /* 0: one hour; at most four */
  uint64_t rekey_frames; /* 0: 2^32 */
} al_links_config;

typedef struct al_link_session al_link_session; /* private to src/link */
typedef struct al_link_slot al_link_slot;

/* al_links — the table; fields are private to src/link. */
typedef struct al_links {
  al_links_config cfg;
  al_slab sessions; /* al_link_session; the handles are al_link */
  uint32_t *timers; /* by index of session: a tick no later than its next deadline, or never */
  al_slab turns;    /* al_link_turn: what a link needs while its keys change */
  al_slab windows;  /* al_window: of links that remember 8,192 frames */
  al_link *buckets; /* chains of the links whose peer is known, by its ID */
  uint64_t secret[2];
  uint32_t mask, named;     /* of buckets; links in them */
  uint32_t twins;           /* ... that have another one to the same node before them */
  struct al_links_own *own; /* what no shelf lends; NULL: everything is lent */
  al_link_slot **slots;     /* places that are in use, by index; the others NULL */
  uint32_t next_slot;       /* where to look for a free one first */
  uint32_t used[5];         /* slots by use */
  uint32_t probe_cursor;
  uint32_t births;
  uint8_t
      *frame_keys; /* by index of session: 32 bytes to send under, 32 to receive; NULL if lean */
  uint8_t frame_key[32]; /* the last one that was made, when lean */
  al_time clock;         /* the latest time that was told */
  al_time next;          /* no later than the first of timers */
  uint32_t timers_len;
  uint8_t unwell;    /* times that everybody is given more time, 0..3 ... */
  al_time unwell_at; /* ... since when */
} al_links;

/* al_links_init — an empty table.
 *   c    copied; `network` and `secret` are copied by reference                       [borrowed]
 * Result: AL_OK, AL_EINVAL (a field is out of range), AL_ENOMEM (ls is cleared).
 * Cost:   allocates message_slots * 16 KiB if places are own, 20 bytes for each possible link.
 * Source: PROTOCOL.md 4.   Tested: unit/link_shake. */
al_err al_links_init(al_links *ls, const al_links_config *c);

/* al_links_clear — wipe all keys and give the memory back. A zeroed al_links is allowed.
 * Result: none.   Cost: one pass.   Source: HACKING.md, "Secrets".   Tested: unit/link_shake. */
void al_links_clear(al_links *ls);

/* al_links_set — change what may change while links live.
 *   padding  as in the configuration
 *   wall_s   Unix seconds that belong to now
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 4.6.   Tested: unit/link_time. */
void al_links_set(al_links *ls, al_padding padding, uint64_t wall_s, al_time now);

/* ---- life of a link ---- */

/* al_link_dial — a link that this node opens; the transport is asked for it by the caller.
 *   peer        the ID that must answer; NULL: whoever does                             [borrowed]
 *   descriptor  the peer's, verified, when it is known (saves one round trip); or empty [borrowed]
 *   ret         its handle                                                              [out]
 * Result: AL_OK; AL_EFULL (counted: link_full), AL_ENOMEM, AL_EPARSE (the descriptor).
 * Cost:   may allocate.   Source: PROTOCOL.md 4.2.   Tested: unit/link_shake. */
al_err al_link_dial(al_links *ls, al_time now, const al_id *peer, al_bytes descriptor,
                    al_link *ret);

/* al_link_up — the transport of a dialled link is open: the handshake begins.
 *   binding   PROTOCOL.md 3.3                                                           [borrowed]
 * Result: AL_OK; call al_link_next. AL_ENOTFOUND, AL_ESTATE (not dialling), AL_EFULL (no message
 *         slot: free the link).
 * Cost:   X-Wing key generation and encapsulation; no allocation.
 * Source: PROTOCOL.md 4.2.   Tested: unit/link_shake. */
al_err al_link_up(al_links *ls, al_link link, al_time now, const uint8_t binding[32]);

/* al_link_accept — a link that another node opened, its transport is open.
 *   ret   its handle                                                                    [out]
 * Result: AL_OK, AL_EFULL (counted: link_full), AL_ENOMEM.
 * Cost:   may allocate.   Source: PROTOCOL.md 4.2.   Tested: unit/link_shake. */
al_err al_link_accept(al_links *ls, al_time now, const uint8_t binding[32], al_link *ret);

/* al_link_widen — a link is going to carry much: its replay window becomes 8,192 frames wide, as
 * links that are not lean have it from the start. Where memory may be got only. Without memory it
 * stays narrow: frames that come more than 128 behind are dropped as replayed.
 * Result: whether it is wide.   Cost: none when it is; else may allocate 1 KiB.
 * Source: docs/decisions/0007-many-nodes.md.   Tested: unit/link_window. */
bool al_link_widen(al_links *ls, al_link link);

/* al_link_free — forget a link: keys wiped, its messages dropped. The only way a handle dies; the
 * caller closes the transport. A stale handle is allowed.
 * Result: none.   Cost: O(slots).   Source: PROTOCOL.md 4.   Tested: unit/link_shake. */
void al_link_free(al_links *ls, al_link link);

/* ---- receiving ---- */

/* al_link_verdict — what a frame was. */
typedef enum al_link_verdict {
  AL_LINK_DROP = 0, /* not valid; counted */
  AL_LINK_NONE,     /* taken; call al_link_next for what it caused */
  AL_LINK_UP,   /* taken; the link is authenticated now (became_up) and it carried nothing else */
  AL_LINK_CELL, /* `cell`, of type CELL, CREATED or DESTROY */
  AL_LINK_MESSAGE, /* `message` is whole */
  AL_LINK_CLOSED,  /* the link ended; `code`. Free it */
} al_link_verdict;

/* al_link_message — a whole message; its bytes may be written to. */
typedef struct al_link_message {
  al_message_kind kind;
  uint32_t id; /* of a SPHINX: the circuit's */
  uint8_t *ptr;
  uint32_t len;
} al_link_message;

/* al_link_in — what came of a frame. Fields not named by the verdict are zero. */
typedef struct al_link_in {
  bool became_up;      /* with UP, CELL, MESSAGE and CLOSED: this very frame authenticated the link;
                        * deal with that first. `peer` is set */
  al_id peer;          /* with became_up and with a descriptor */
  al_bytes descriptor; /* not empty (with NONE only): the peer's descriptor, valid and signed, for
                        * the book; whose it is gets proved with became_up. In `slot` */
  al_cell_header cell;
  uint8_t *payload; /* of the cell: AL_CELL_PAYLOAD_BYTES, in the frame given to al_link_rx */
  al_link_message message;
  uint8_t code;
  uint32_t slot; /* where the bytes of `message` or `descriptor` are: to be given back with
                  * al_link_message_done; other calls may come in between. 0: they are in the frame
                  * given to al_link_rx, or there are none */
} al_link_in;

/* al_link_rx — one frame of a link.
 *   frame  modified: opened in place; a frame of another length than these two is dropped
 * [in/out] ret    written for every verdict [out] Result: the verdict. DROP is counted:
 * link_frame_size, link_auth, link_replay, link_state, link_parse, link_handshake_parse,
 * link_handshake_auth, link_slots; the frame is then as it was, or wiped. A stale handle is DROP
 * (link_state). Cost:   data: one AEAD open. Handshake: KEM operations, one hybrid signature check.
 * No allocation. Source: PROTOCOL.md 4.1-4.6.   Tested: unit/link_shake, unit/link_frame,
 * fuzz/link. */
al_link_verdict al_link_rx(al_links *ls, al_link link, al_span frame, al_time now, al_link_in *ret);

/* al_link_message_done — give back `slot` of an al_link_in; 0 is allowed.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 4.4.   Tested: unit/link_message. */
void al_link_message_done(al_links *ls, uint32_t slot);

/* ---- sending ---- */

/* al_link_has_urgent — is a frame of the handshake, PING, PONG, PADDING, a rekey or CLOSE waiting?
 * These go before everything else, those of channel rt even without credit (the transport may drop
 * them).
 * Result: whether al_link_next would give one.   Cost: O(1).
 * Source: PROTOCOL.md 4.3.   Tested: unit/link_message. */
bool al_link_has_urgent(const al_links *ls, al_link link);

/* al_link_urgent_is_rt — will the next urgent frame go over channel rt, which needs no credit?
 * Result: whether.   Cost: O(1).   Source: PROTOCOL.md 4.3.   Tested: unit/link_message. */
bool al_link_urgent_is_rt(const al_links *ls, al_link link);

/* al_link_has_message — is a fragment of a message waiting? One fragment counts as one cell: the
 * caller lets messages and circuits take turns.
 * Result: whether al_link_next would give one once nothing is urgent.   Cost: O(1).
 * Source: PROTOCOL.md 4.4.   Tested: unit/link_message. */
bool al_link_has_message(const al_links *ls, al_link link);

/* al_link_next — the next own frame of a link, sealed: urgent ones first, then one fragment; SPHINX
 * before records. It must be sent: what it carried is not queued any more.
 *   frame  AL_FRAME_BYTES                                                               [out]
 *   ch     the channel it belongs to                                                    [out]
 * Result: its length, AL_FRAME_BYTES or AL_LINK_SHORT_BYTES; 0 when nothing is waiting.
 * Cost:   one AEAD seal; no allocation.
 * Source: PROTOCOL.md 4.   Tested: unit/link_message. */
size_t al_link_next(al_links *ls, al_link link, al_time now, uint8_t frame[AL_FRAME_BYTES],
                    al_channel *ch);

/* al_link_may_seal — does the link take cells of circuits: authenticated and not closing?
 * Result: whether.   Cost: O(1).   Source: PROTOCOL.md 4.3.   Tested: unit/link_message. */
bool al_link_may_seal(const al_links *ls, al_link link);

/* al_link_seal — make a frame of a cell, in place. It goes over channel bulk.
 *   link   al_link_may_seal must be true                                                [asserted]
 *   frame  [8..1104) is the cell, its header encoded                                   [in/out]
 * Result: none.   Cost: one AEAD seal; no allocation.
 * Source: PROTOCOL.md 4.1, 4.3.   Tested: unit/link_message. */
void al_link_seal(al_links *ls, al_link link, al_time now, uint8_t frame[AL_FRAME_BYTES]);

/* al_link_send_message — queue a message, copied into a slot.
 *   kind   not REKEY, REKEYED                                                           [asserted]
 *   id     circuit id of a SPHINX; ignored for the others
 *   bytes  al_message_valid() in length [asserted] Result: AL_OK; AL_EFULL (no slot, or
 * AL_LINK_OUT_MAX are waiting), AL_ESTATE (al_link_may_seal is false). Cost:   one copy; no
 * allocation.   Source: PROTOCOL.md 4.4.   Tested: unit/link_message. */
al_err al_link_send_message(al_links *ls, al_link link, al_message_kind kind, uint32_t id,
                            al_bytes bytes);

/* al_link_may_message — would al_link_send_message take one of this kind now? Records are taken
 * only as long as few of them wait, so that set-up packets find room. Result: whether.   Cost:
 * O(1).   Source: PROTOCOL.md 4.4.   Tested: unit/link_message. */
bool al_link_may_message(const al_links *ls, al_link link, al_message_kind kind);

/* al_link_send_close — say CLOSE: al_link_next gives one last frame, queued messages are dropped;
 * then free the link (if nobody does, AL_LINK_EVENT_DEAD comes after a second).
 * Result: AL_OK, AL_ESTATE (not up, or closing).   Cost: O(slots).
 * Source: PROTOCOL.md 4.3.   Tested: unit/link_message. */
al_err al_link_send_close(al_links *ls, al_link link, al_time now, al_link_code code);

/* ---- time ---- */

/* al_link_event — what time brought. DEAD: tell whom it concerns, close the transport, free the
 * link. SEND: call al_link_next for it. DOUBT: a PING was not answered: the same, and others may be
 * asked (al_link_hearsay). */
typedef struct al_link_event {
  enum { AL_LINK_EVENT_DEAD = 1, AL_LINK_EVENT_SEND, AL_LINK_EVENT_DOUBT } kind;
  al_link link;
  al_link_code code; /* with DEAD */
} al_link_event;

/* al_links_deadline — when al_links_tick has something to do, at the earliest.
 * Result: a time, maybe past, or AL_TIME_NEVER.   Cost: O(1).
 * Source: PROTOCOL.md 4.6.   Tested: unit/link_time. */
al_time al_links_deadline(const al_links *ls);

/* al_links_tick — one event; call until false.
 *   ret   written when true                                                             [out]
 * Result: false when nothing more is due.   Cost: O(log links) an event; no allocation.
 * Source: PROTOCOL.md 4.2, 4.5, 4.6.   Tested: unit/link_time. */
bool al_links_tick(al_links *ls, al_time now, al_link_event *ret);

#include "link/link_health.h"
#include "link/link_query.h"
#include "link/link_settle.h"

#endif
