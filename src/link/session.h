/* session.h — what the files of this module share: a session, its handshake, the message slots.
 * Private to src/link. Layer 3. */
#ifndef AL_LINK_SESSION_H
#define AL_LINK_SESSION_H

#include "link/link.h"

enum {
  AL_LINK_IN_MAX = 4,         /* messages in assembly, PROTOCOL.md 4.4 */
  AL_LINK_RECORDS_MAX = 4,    /* records that one link may have waiting to be sent */
  AL_LINK_NARROW = 128,       /* frames that a narrow window remembers */
  AL_LINK_TURNS_LEAN = 2,     /* links of a lean node whose keys may change at a time */
  AL_LINK_PINGS = 4,          /* PINGs whose answer is recognised */
  AL_LINK_TRIES = 5,          /* time-outs in a row after which a neighbour is suspected, and ... */
  AL_LINK_PATIENCE = 2,       /* ... how many more after which it is dead; one less for each who */
  AL_LINK_PATIENCE_MORE = 12, /* says so, too, and as many as this when somebody hears it */
  AL_LINK_UNWELL_MAX = 3,
  AL_LINK_LATES = 3,       /* late timers that count for nothing, until something is heard */
  AL_LINK_PHASE_BITS = 56, /* a frame counter: phase above, number below */
  AL_LINK_PHASE_MAX = 255,
  AL_LINK_TICK_BITS = 4, /* times of a session are kept in 16 us */
};
/* Times in microseconds, PROTOCOL.md 4.2, 4.4-4.6. */
#define AL_LINK_OPEN_US (30 * AL_SECOND)
#define AL_LINK_SHAKE_US (10 * AL_SECOND)
#define AL_LINK_MESSAGE_US (10 * AL_SECOND)
#define AL_LINK_STALLED_US (1 * AL_SECOND)
#define AL_LINK_OLD_KEY_US (30 * AL_SECOND)
#define AL_LINK_CLOSE_US (1 * AL_SECOND)
#define AL_LINK_UNHEARD_US (250 * AL_MS)
#define AL_LINK_WATCH_US (3 * AL_SECOND)
#define AL_LINK_QUIET_US (2 * AL_SECOND)
#define AL_LINK_LATE_US (100 * AL_MS)
#define AL_LINK_WELL_US (10 * AL_SECOND)
#define AL_LINK_RTO_MIN_US (200 * AL_MS)
#define AL_LINK_PAUSE_US (540 * AL_MS)
#define AL_LINK_RTO_MAX_US (3 * AL_SECOND)
#define AL_LINK_PAD_MIN_US (1500 * AL_MS)
#define AL_LINK_PAD_RANGE_US (8 * AL_SECOND)
#define AL_LINK_REKEY_US (3600 * AL_SECOND)
#define AL_LINK_REKEY_MAX_US (4 * AL_LINK_REKEY_US)

/* al_link_use — what a message slot is used for. */
typedef enum al_link_use {
  AL_LINK_USE_FREE = 0,
  AL_LINK_USE_SHAKE, /* a handshake message, coming or going */
  AL_LINK_USE_IN,    /* in assembly */
  AL_LINK_USE_OUT,   /* waiting to be sent */
  AL_LINK_USE_LENT,  /* with the caller until al_link_message_done */
} al_link_use;

/* al_link_slot — a place for one message, in front of its AL_LINK_SLOT_BYTES bytes. */
struct al_link_slot {
  al_link owner; /* 0: free, or lent by a link that is gone */
  uint32_t next; /* in a send queue: index + 1 */
  uint32_t id, total;
  uint32_t room; /* bytes of its place behind it */
  al_time born, touched;
  uint16_t got; /* SHAKE, IN: a bit for each fragment that is there */
  uint8_t sent; /* SHAKE, OUT: fragments gone */
  uint8_t use;  /* al_link_use */
  uint8_t kind; /* al_message_kind; of SHAKE: al_handshake_type */
};

/* al_link_queue — slots waiting to be sent, first in first out. */
typedef struct al_link_queue {
  uint8_t head, tail, count; /* index + 1 */
} al_link_queue;

/* al_link_lane — which queue of a session; the order of sending. */
typedef enum al_link_lane {
  AL_LINK_LANE_OWN = 0, /* handshake, REKEY, REKEYED */
  AL_LINK_LANE_SPHINX,  /* and other prompt ones */
  AL_LINK_LANE_RECORDS,
  AL_LINK_LANES,
} al_link_lane;

/* al_link_window — which frames of a phase were seen: of the 128 below the highest, or (`wide`) as
 * al_window has it. Frames older than that count as seen. */
typedef struct al_link_window {
  uint32_t next[2]; /* the highest number seen + 1, low half first; 0: none was */
  uint32_t wide;    /* handle in al_links.windows */
  uint32_t seen[AL_LINK_NARROW / 32];
} al_link_window;

/* al_link_turn — what a link needs while its keys change and for 30 s after; secret. */
typedef struct al_link_turn {
  uint8_t tx[32], rx[32];          /* of the phase before key_phase */
  uint8_t seed[AL_KEM_SEED_BYTES]; /* dialler: of its REKEY */
  al_time old_until;
  al_link_window old; /* of the phase before rx_phase, while old_valid */
} al_link_turn;

/* al_link_shaking — what a link needs during its handshake only; secret. */
typedef struct al_link_shaking {
  al_shake sh;
  bool know_pk;                     /* peer_pk is set: INIT can be sent */
  uint8_t peer_pk[AL_KEM_PK_BYTES]; /* dialler: link key of who must answer */
  al_id claimed;                    /* from the other side's descriptor */
} al_link_shaking;

/* al_link_session — a link. There are some thirty of them in each of a million nodes: what a
 * link has only while it is set up, changes keys or carries much is elsewhere, and times are
 * al_link_tick (docs/decisions/0007-many-nodes.md). */
struct al_link_session {
  al_link_shaking *shaking; /* NULL: the handshake is over */
  uint64_t tx_number;       /* next to send in this phase */
  uint64_t pong;
  al_link handle;
  al_link next;               /* in the chain of the bucket */
  uint8_t state;              /* al_link_state */
  uint8_t tx_phase, rx_phase; /* of the keys that are sent under and that opened the last frame */
  uint8_t key_phase;          /* of `root`: may be one ahead of both */
  bool initiator : 1, have_keys : 1;
  bool old_valid : 1; /* the turn's keys open frames of rx_phase - 1 */
  bool named : 1;     /* `peer` is set and in the chain of its bucket */
  bool worn : 1;      /* too many frames under the keys of one phase */
  bool watched : 1, ping_short : 1, pong_short : 1; /* short: the next ones are short frames */
  bool pong_due : 1, pad_due : 1, close_due : 1, rekey_due : 1, rekey_asked : 1;
  bool unheard : 1; /* something was sent at quiet_at and nothing heard since */
  bool timed : 1;   /* pad_at or close_at is set */
  uint8_t pings_due, tries, ping_next;
  uint8_t patience; /* AL_LINK_PATIENCE and what others say */
  uint8_t lates;    /* timers that fired late since it was heard */
  uint8_t close_code;
  al_link_queue out[AL_LINK_LANES];
  uint8_t in[AL_LINK_IN_MAX]; /* slots, index + 1 */
  uint8_t tx_high, rx_high;   /* above ... */
  uint32_t frames_tx, frames_rx;
  uint32_t message_id; /* of the last record */
  uint32_t turn;       /* handle in al_links.turns */
  uint32_t born;       /* counts links: the higher, the younger */
  uint32_t last_rx;    /* this and all that ends in _at: al_link_tick */
  uint32_t quiet_at;   /* tries == 0: as `unheard` says; else when the last PING was due */
  uint32_t since_at;   /* in its state, until it is up: dialled, begun to shake */
  uint32_t phase_at, rekey_at;
  union {
    uint32_t pad_at;   /* when PADDING is due; but ... */
    uint32_t close_at; /* ... of a link that is to be closed, or is: when it is over */
  };
  uint32_t srtt_us, rttvar_us;
  uint32_t pings[AL_LINK_PINGS]; /* that may still be answered: when they were sent, the low half of
                                  * microseconds; 0: none */
  uint32_t peer;                 /* al_names: dialled, claimed or proved; 0: nobody yet */
  uint8_t root[32];              /* of key_phase */
  al_link_window window;
};

/* al_links_own — what a table of links has by itself that a shelf lends to others. */
struct al_links_own {
  al_places places, shakes;
  al_names names;
};

/* ---- links.c ---- */

/* al_link_session_get — the session of a handle.
 * Result: NULL for a stale handle.   Cost: O(1).   Source: none.   Tested: unit/link_shake. */
al_link_session *al_link_session_get(const al_links *ls, al_link link);

/* al_link_claim — the peer says who it is, which is not proved.
 * Result: false without memory, which there is but on a shared shelf.   Cost: a keyed hash.
 * Source: PROTOCOL.md 4.2.   Tested: unit/link_shake. */
bool al_link_claim(al_links *ls, al_link_session *s, const al_id *peer);

/* al_link_name — the peer is known or proved now: put the session into the chain of its ID.
 * Result: likewise; true when it was claimed.   Cost: two keyed hashes.   Source: PROTOCOL.md 4.2.
 * Tested: unit/link_shake. */
bool al_link_name(al_links *ls, al_link_session *s, const al_id *peer);

/* al_link_peer_id — whose name a session has. Result: its `peer` must not be 0.   Cost: O(1).
 * Source: PROTOCOL.md 4.2.   Tested: unit/link_shake. */
static inline const al_id *al_link_peer_id(const al_links *ls, const al_link_session *s) {
  return al_names_get(ls->cfg.names, s->peer);
}

/* al_link_wall — Unix seconds at a moment.
 * Result: seconds.   Cost: O(1).   Source: PROTOCOL.md 3.4.   Tested: unit/link_shake. */
uint64_t al_link_wall(const al_links *ls, al_time now);

/* al_link_shaking_end — the state of a handshake is wiped and given back, if there is one.
 * Result: none.   Cost: a wipe.   Source: PROTOCOL.md 4.2.   Tested: unit/link_shake. */
void al_link_shaking_end(al_links *ls, al_link_session *s);

/* al_link_end — the link is over but for being freed: queues dropped, no more timers.
 * Result: none.   Cost: O(slots).   Source: PROTOCOL.md 4.3.   Tested: unit/link_message. */
void al_link_end(al_links *ls, al_link_session *s);

/* ---- slots.c ---- */

/* al_link_slots_init — make the pool.
 * Result: AL_OK or AL_ENOMEM.   Cost: two allocations.
 * Source: PROTOCOL.md 4.4.   Tested: unit/link_shake. */
al_err al_link_slots_init(al_links *ls);

/* al_link_slots_clear — wipe the pool and give it back.
 * Result: none.   Cost: one wipe.   Source: PROTOCOL.md 4.4.   Tested: unit/link_shake. */
void al_link_slots_clear(al_links *ls);

/* al_link_share_left — is there a slot for this use? Of the pool a half for handshakes, a half for
 * assembly, seven eighths for sending, a half for sending records; the last sixteenth for rekeying.
 * Result: whether.   Cost: O(1).   Source: PROTOCOL.md 4.4.   Tested: unit/link_message. */
bool al_link_share_left(const al_links *ls, al_link_use use, uint8_t kind);

/* al_link_need — what a slot is wanted for: its use, the kind of message, its bytes at most. */
typedef struct al_link_need {
  al_link_use use;
  uint8_t kind;
  uint32_t bytes;
} al_link_need;

/* al_link_slot_take — a free slot for a session, if its share allows. When an incoming message
 * finds none, the oldest of that use that stalled for a second gives way. Result: index + 1, or 0.
 * Cost: O(1), O(slots) when stealing. Source: PROTOCOL.md 4.4.   Tested: unit/link_message. */
uint32_t al_link_slot_take(al_links *ls, al_link_session *s, const al_link_need *need, al_time now);

/* al_link_slot_at — the slot behind an index + 1. Result: never NULL.   Cost: O(1).
 * Source: none.   Tested: unit/link_message. */
al_link_slot *al_link_slot_at(const al_links *ls, uint32_t slot);

/* al_link_slot_body — its AL_LINK_SLOT_BYTES bytes. Result: never NULL.   Cost: O(1).
 * Source: none.   Tested: unit/link_message. */
uint8_t *al_link_slot_body(const al_links *ls, uint32_t slot);

/* al_link_slot_use — the slot is used for something else from now on.
 * Result: none.   Cost: O(1).   Source: none.   Tested: unit/link_message. */
void al_link_slot_use(al_links *ls, uint32_t slot, al_link_use use);

/* al_link_slot_drop — a slot is free again; it must be in no queue and no list of a session.
 * Result: none.   Cost: O(1), a wipe after a handshake.   Source: none.
 * Tested: unit/link_message. */
void al_link_slot_drop(al_links *ls, uint32_t slot);

/* al_link_slots_forget — drop all slots of a session but those that are lent.
 * Result: none.   Cost: O(slots).   Source: none.   Tested: unit/link_message. */
void al_link_slots_forget(al_links *ls, al_link_session *s);

/* al_link_enqueue — a slot waits to be sent.
 * Result: none.   Cost: O(1).   Source: none.   Tested: unit/link_message. */
void al_link_enqueue(al_links *ls, al_link_session *s, al_link_lane lane, uint32_t slot);

/* al_link_dequeue — the first of a lane is sent; it is dropped.
 * Result: none.   Cost: O(1).   Source: none.   Tested: unit/link_message. */
void al_link_dequeue(al_links *ls, al_link_session *s, al_link_lane lane);

/* al_link_part — one fragment that arrived. */
typedef struct al_link_part {
  al_link_use use; /* SHAKE or IN */
  uint8_t kind;
  uint32_t id, total, index, stride; /* stride: bytes of every fragment but the last */
  const uint8_t *bytes;
} al_link_part;

/* al_link_assemble — add a fragment to its message.
 *   ret   the slot of the message, not in the session's list any more, when it is whole; else 0
 * [out] Result: false when there was no slot for it (to be counted: link_slots). Cost:   one copy;
 * O(slots) when the pool is full. Source: PROTOCOL.md 4.4.   Tested: unit/link_message. */
bool al_link_assemble(al_links *ls, al_link_session *s, const al_link_part *p, al_time now,
                      uint32_t *ret);

/* ---- shaking.c ---- */

/* al_link_shake_start — dialler: set up the handshake and queue its first message.
 * Result: AL_OK, AL_EFULL, AL_ECRYPTO (the peer's link key is no key).
 * Cost:   KEM key generation, encapsulation.
 * Source: PROTOCOL.md 4.2.   Tested: unit/link_shake. */
al_err al_link_shake_start(al_links *ls, al_link_session *s, al_time now,
                           const uint8_t binding[32]);

/* al_link_shake_await — answerer: set up the handshake.
 * Result: none.   Cost: one hash.   Source: PROTOCOL.md 4.2.   Tested: unit/link_shake. */
void al_link_shake_await(al_links *ls, al_link_session *s, al_time now, const uint8_t binding[32]);

/* al_link_shake_rx — a handshake frame.
 * Result: the verdict of al_link_rx.   Cost: see there.
 * Source: PROTOCOL.md 4.2.   Tested: unit/link_shake. */
al_link_verdict al_link_shake_rx(al_links *ls, al_link_session *s, uint8_t *frame, al_time now,
                                 al_link_in *ret);

/* ---- rekey.c ---- */

/* al_link_rekey_ask — dialler: queue REKEY, if it is due and a slot is free.
 * Result: none.   Cost: KEM key generation.   Source: PROTOCOL.md 4.5.   Tested: unit/link_rekey.
 */
void al_link_rekey_ask(al_links *ls, al_link_session *s, al_time now);

/* al_link_rekey_rx — REKEY or REKEYED arrived.
 * Result: false when it is not for this side or moment (link_state), or malformed (link_parse).
 * Cost:   KEM operations.   Source: PROTOCOL.md 4.5.   Tested: unit/link_rekey. */
bool al_link_rekey_rx(al_links *ls, al_link_session *s, al_message_kind kind, const uint8_t *bytes,
                      al_time now);

/* al_link_rekey_check — after a frame: are so many sent or received that keys must change?
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 4.5.   Tested: unit/link_rekey. */
void al_link_rekey_check(al_links *ls, al_link_session *s, al_time now);

#include "link/beat.h"

#endif
