/* internal.h — what the files of src/stream share: the items behind the handles. Layer 3, private.
 *
 * Records: each packet number that is not settled has an al_sent in its path's ring. A record that
 * carried data is also a member of its stream's list, sorted by offset: the head of that list is
 * the oldest byte not acknowledged. A reference to a record is 1 + (path << 13 | place); 0 is none.
 */
#ifndef AL_STREAM_INTERNAL_H
#define AL_STREAM_INTERNAL_H

#include "base/base.h"
#include "stream/acks.h"
#include "stream/cc.h"
#include "stream/frame.h"
#include "stream/stream.h"

enum {
  CTL_PER_PACKET = 2,  /* streams whose control frames one packet carries */
  REFUSED_MAX = 16,    /* OPENs refused for want of room whose RESET is not acknowledged yet */
  SEEN_IDS = 1024,     /* ids of the peer's streams remembered below the highest */
  SPARE_STREAMS = 256, /* free slab items kept for what peers ask for: a bundle may ask at once */
  REF_PATH_SHIFT = 13,
};

/* Reasons as on the wire. */
enum {
#define AL_REASON(name, value, socks, text) REASON_##name = (value),
#include "allium/reasons.def"
#undef AL_REASON
};

#define NO_END UINT64_MAX

/* Memory that outlives its owner until the next command. */
typedef struct al_dead {
  struct al_dead *next;
  size_t bytes;
} al_dead;

typedef enum al_sent_state {
  SENT_NONE = 0, /* settled, or nothing in it wants an acknowledgement */
  SENT_FLIGHT,
  SENT_LOST, /* its frames have to go out again */
} al_sent_state;

/* al_sent — one packet number. Times are the low 32 bits of al_time. */
typedef struct al_sent {
  uint32_t at_us, first_us, delivered, delivered_us;
  al_stream stream; /* whose data; 0: none */
  uint32_t prev, next;
  uint32_t offset_low;
  uint16_t offset_high, len;
  al_stream ctl[CTL_PER_PACKET]; /* streams whose control frames it carries */
  uint8_t ctl_what[CTL_PER_PACKET];
  uint8_t state;
  bool fin : 1, limited : 1;
} al_sent;

/* al_path — one circuit of a bundle, with `packets_max` records behind it. */
typedef struct al_path {
  al_dead dead;   /* for when it is */
  bool closed;    /* the circuit is gone; what was lost with it is still to be sent again */
  bool ping;      /* send a PING */
  bool suspected; /* SUSPECT_TIMEOUTS probe time-outs in a row */
  bool expects;   /* data came in: when it stops, a PING asks whether the path still lives */
  bool asked;     /* it is silent: the other paths are asked whether the other end lives ... */
  bool beaten;    /* ... and one of them has answered */
  uint32_t next_pn, open_pn; /* numbers from open_pn on may be unsettled */
  uint32_t base_pn;          /* the number whose record is the first of the ring */
  uint32_t acked_pn;         /* the highest number acknowledged ... */
  bool any_acked;            /* ... if any was */
  uint32_t flight, lost;     /* records in these states */
  uint32_t lost_pn;          /* no lost record is older */
  uint32_t probes;           /* packets that may go out beyond the window */
  uint32_t timeouts;         /* probe time-outs in a row */
  uint32_t delivered, delivered_us, first_us;
  al_stream have;      /* what has come of it is told with the next acknowledgement; 0: of none */
  uint32_t limited_to; /* packets sent before `delivered` was this were short of data */
  uint64_t packets_tx, packets_rx, packets_lost;
  al_time probe_from; /* the probe time-out counts from here */
  uint32_t asked_us;  /* when `asked` was set; low 32 bits */
  al_time silent_since;
  al_time rx_at;      /* when the last packet came */
  uint32_t rx_gap_us; /* the mean time between them, of late */
  al_rtt rtt;
  al_cc cc;
  al_acks acks;
  al_sent sent[];
} al_path;

/* The lists a stream can be a member of; its neighbours are in its item. */
typedef enum al_list_kind { LIST_READY, LIST_CTL, LIST_TX, LIST_COUNT } al_list_kind;

typedef struct al_bundle_item {
  uint32_t user, next_id;
  bool initiator, dirty, silent;       /* silent: in the list of al_streams.silent_head ... */
  uint8_t suspect_paths, silent_paths; /* ... because of these paths, a bit each */
  uint8_t active;                      /* the path in use, if it is open */
  uint8_t refused_count;
  al_bundle dirty_next, silent_next;
  al_list ctl, tx;
  al_stream came; /* the stream that data came for last; 0: none */
  uint32_t streams, requests;
  uint32_t payload_bytes;
  bool seen_any;
  uint32_t seen_top; /* highest of the peer's ids, halved */
  uint64_t seen[SEEN_IDS / 64];
  uint32_t refused[REFUSED_MAX];
  bool refused_sent[REFUSED_MAX];
  al_path *paths[AL_BUNDLE_PATHS_MAX];
} al_bundle_item;

typedef enum al_stream_state {
  STREAM_IDLE = 1, /* ours, on no bundle yet */
  STREAM_OPENING,  /* ours, OPEN not answered */
  STREAM_REQUEST,  /* the peer's, not answered */
  STREAM_OPEN,
  STREAM_ENDED,    /* told by an event that is not drained yet */
  STREAM_RESETTING /* reset by us: the handle is dead, RESET is under way */
} al_stream_state;

/* Control frames; REFUSED in a record means that `ctl` is the wire id of a refused OPEN. */
enum { NEED_OPEN = 1, NEED_OPENED = 2, NEED_RESET = 4, NEED_CREDIT = 8, NEED_REFUSED = 16 };

enum {
  EV_REQUEST = 1,
  EV_OPENED = 2,
  EV_DATA = 4,
  EV_FIN = 8,
  EV_WRITABLE = 16,
  EV_RESET = 32,
  EV_CLOSED = 64,
};

typedef struct al_stream_item {
  al_stream self;
  al_bundle bundle;
  uint32_t bundle_user, wire_id;
  uint8_t state, need, events, reason;
  uint8_t on; /* bit of each al_list_kind it is a member of */
  bool ours, shut, fin_sent, fin_acked, fin_told, short_put;
  bool early; /* ours: its first bytes go with OPEN */
  struct {
    al_stream prev, next;
  } links[LIST_COUNT];
  uint64_t user;
  /* memory: one block for everything below; al_dead in front */
  al_dead *block;
  uint32_t window;
  /* sending: tx holds the bytes from tx_una on */
  al_ring tx;
  uint64_t tx_una, tx_next, tx_credit;
  uint64_t tx_have;           /* all below has come, the peer says: need not go out again */
  uint32_t tx_first, tx_last; /* records under way, by offset */
  /* receiving: in order up to rx_next; given to the host up to rx_given; beyond: ring and bits */
  uint8_t *rx_ring;
  uint64_t *rx_bits;
  uint64_t rx_next, rx_given, rx_used, rx_credit, rx_end, rx_high;
  uint64_t rx_base;   /* the offset that has the ring's first place */
  uint32_t rx_beyond; /* bytes in the ring above rx_next */
  al_bytes direct;    /* in order, still in the packet; REQUEST: the target's host */
  al_bytes with_open; /* REQUEST: bytes that came with OPEN, still in the packet */
  uint8_t moves;      /* times it was taken off a bundle */
  uint16_t target_port;
  uint8_t target_kind, target_len;
  uint8_t *target_host; /* in the block */
} al_stream_item;

/* al_stream_at — the item of a handle, whatever its state.
 *   Result: NULL when stale.   Cost: O(1).   Source: none.   Tested: unit/stream_life. */
static inline al_stream_item *al_stream_at(const al_streams *ss, al_stream s) {
  return al_slab_get(&ss->streams, s);
}

/* al_bundle_at — the item of a handle; NULL when stale. */
static inline al_bundle_item *al_bundle_at(const al_streams *ss, al_bundle b) {
  return al_slab_get(&ss->bundles, b);
}

/* al_sent_at — the record of a packet number of a path. */
static inline al_sent *al_sent_at(const al_streams *ss, al_path *p, uint32_t pn) {
  return &p->sent[(pn - p->base_pn) & (ss->c.packets_max - 1)];
}

/* al_sent_ref — the record a reference names. */
static inline al_sent *al_sent_ref(const al_bundle_item *b, uint32_t ref) {
  uint32_t i = ref - 1;
  return &b->paths[i >> REF_PATH_SHIFT]->sent[i & ((1u << REF_PATH_SHIFT) - 1)];
}

/* al_sent_offset — where a record's data begins in its stream. */
static inline uint64_t al_sent_offset(const al_sent *r) {
  return r->offset_low | (uint64_t)r->offset_high << 32;
}

/* ---- table.c ---- */

/* al_list_push — make a stream the last of a list, if it is no member yet.
 *   Result: none.   Cost: O(1).   Source: none.   Tested: unit/stream_life. */
void al_list_push(al_streams *ss, al_list *l, al_list_kind k, al_stream_item *st);

/* al_list_drop — take a stream out of a list, if it is a member.
 *   Result: none.   Cost: O(1).   Source: none.   Tested: unit/stream_life. */
void al_list_drop(al_streams *ss, al_list *l, al_list_kind k, al_stream_item *st);

/* al_stream_tell — note an event of a stream.
 *   Result: none.   Cost: O(1).   Source: none.   Tested: unit/stream_life. */
void al_stream_tell(al_streams *ss, al_stream_item *st, uint8_t event);

/* al_stream_need — a control frame of a stream has to go out.
 *   Result: none.   Cost: O(1).   Source: PROTOCOL.md 8.1.   Tested: unit/stream_life. */
void al_stream_need(al_streams *ss, al_stream_item *st, uint8_t what);

/* al_stream_sendable — bring a stream's membership in the bundle's list of senders up to date.
 *   Result: none.   Cost: O(1).   Source: PROTOCOL.md 8.3.   Tested: unit/stream_tx. */
void al_stream_sendable(al_streams *ss, al_stream_item *st);

/* al_stream_end — a stream is over: nothing of it is sent again. With an event (EV_RESET or
 * EV_CLOSED) the item lives until that is drained; with 0 it is dropped at once.
 *   Result: none.   Cost: its records.   Source: PROTOCOL.md 8.4.   Tested: unit/stream_life. */
void al_stream_end(al_streams *ss, al_stream_item *st, uint8_t event, uint8_t reason);

/* al_stream_linger — nothing of a stream is sent or taken any more but its RESET; the item lives
 * until that is acknowledged.
 *   Result: none.   Cost: its records.   Source: PROTOCOL.md 8.4.   Tested: unit/stream_life. */
void al_stream_linger(al_streams *ss, al_stream_item *st, uint8_t reason);

/* al_stream_fail — the peer broke a rule on a stream: reset it and tell both sides.
 *   Result: none.   Cost: its records.   Source: PROTOCOL.md 8.3.   Tested: unit/stream_rx. */
void al_stream_fail(al_streams *ss, al_stream_item *st, uint8_t reason);

/* al_stream_leave — take a stream off its bundle: nothing of it is sent any more.
 *   Result: none.   Cost: its records.   Source: none.   Tested: unit/stream_life. */
void al_stream_leave(al_streams *ss, al_stream_item *st);

/* al_stream_closed — end a stream whose two directions are finished.
 *   Result: none.   Cost: O(1).   Source: PROTOCOL.md 8.4.   Tested: unit/stream_life. */
void al_stream_closed(al_streams *ss, al_stream_item *st);

/* al_bundle_dirty — the bundle may want to send: al_streams_next will give it.
 *   Result: none.   Cost: O(1).   Source: none.   Tested: unit/stream_life. */
void al_bundle_dirty(al_streams *ss, al_bundle b, al_bundle_item *bi);

/* al_stream_bury — keep memory until the next command gives it back.
 *   Result: none.   Cost: O(1).   Source: none.   Tested: unit/stream_life. */
void al_stream_bury(al_streams *ss, al_dead *d, size_t bytes);

/* ---- recv.c ---- */

/* al_recv_data — bytes of a stream came in.
 * Result: true; false when they break a rule (counted: stream_window, stream_state).
 * Cost:   one copy when out of order.   Source: PROTOCOL.md 8.3.   Tested: unit/stream_rx. */
bool al_recv_data(al_streams *ss, al_stream_item *st, const al_frame *f);

/* al_recv_event — the next piece of data for the host.
 * Result: false when there is none.   Cost: O(1).   Source: none.   Tested: unit/stream_rx. */
bool al_recv_event(al_stream_item *st, al_bytes *ret);

/* ---- bundle.c, tx.c ---- */

/* al_path_open — a path that its circuit still carries.
 *   Result: NULL when there is none.   Cost: O(1).   Source: none.   Tested: unit/stream_path. */
static inline al_path *al_path_open(const al_bundle_item *b, uint32_t path) {
  if (b == NULL || path >= AL_BUNDLE_PATHS_MAX || b->paths[path] == NULL) return NULL;
  return b->paths[path]->closed ? NULL : b->paths[path];
}

/* al_bundle_choose — have a path in use that is open and not suspected, if there is one; what a
 * suspected one it replaces had under way goes out again there.
 *   Result: none.   Cost: what was under way.   Source: PROTOCOL.md 8.6.
 *   Tested: unit/stream_path, prop/stream_paths. */
void al_bundle_choose(al_streams *ss, al_bundle_item *b);

/* al_bundle_note — an event of a path.
 *   suspect   SUSPECT; else SILENT
 *   Result: none.   Cost: O(1).   Source: none.   Tested: unit/stream_path. */
void al_bundle_note(al_streams *ss, al_bundle h, al_bundle_item *b, uint32_t path, bool suspect);

/* al_path_drop — a path is done with: no record of it is needed.
 *   Result: none.   Cost: O(1).   Source: none.   Tested: unit/stream_life. */
void al_path_drop(al_streams *ss, al_bundle_item *b, uint32_t path);

/* al_bundle_cancel — have RESET go out for a stream of ours that leaves the bundle, reliably.
 *   Result: false when there is no room for it.   Cost: O(1).   Source: PROTOCOL.md 8.7.
 *   Tested: unit/stream_life. */
bool al_bundle_cancel(al_streams *ss, al_bundle h, uint32_t wire_id);

/* al_bundle_touch — something changed: set the bundle's timer, and have al_streams_next give it if
 * it may send.
 *   Result: none.   Cost: its paths.   Source: none.   Tested: prop/stream. */
void al_bundle_touch(al_streams *ss, al_bundle h, al_bundle_item *b, al_time now);

#include "stream/flight.h"

#endif
