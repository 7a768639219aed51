/* stream.h — ordered byte streams between the two ends of a bundle of circuits: packets, acks,
 * loss, credit, congestion. Sans-I/O; both ends run the same code. Circuits are unknown here: a
 * "path" takes and brings relay payloads of AL_STREAM_PAYLOAD_BYTES.
 *
 * After a packet, a tick, a command or al_bundle_close: drain al_streams_event, then
 * al_streams_next. Events may point into the payload given to al_bundle_rx: drain them while it is
 * there, the next al_bundle_rx asserts it. Layer 3. */
#ifndef AL_STREAM_STREAM_H
#define AL_STREAM_STREAM_H

#include "allium/al_types.h"
#include "base/counters.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/slab.h"

enum {
  AL_STREAM_PAYLOAD_BYTES = 1068, /* a relay payload (PROTOCOL.md 6.4) */
  AL_STREAM_PAYLOAD_BYTES_MIN = 512,
  AL_STREAM_KIND_BUNDLE = 1, /* its first byte, for packets of this module */
  AL_BUNDLE_PATHS_MAX = 8,
  AL_STREAM_HOST_BYTES_MAX = 255,
  AL_STREAM_MOVES_MAX = 3,
  AL_STREAM_PACKETS_MAX = 8192, /* packet numbers that may be open on one path */
};

/* al_bundle — handle of a bundle; 0 is none, stale ones are found out. */
typedef uint32_t al_bundle;

/* al_stream_target — where a stream leads (PROTOCOL.md 8.1, OPEN). Same meaning as al_target. */
typedef struct al_stream_target {
  uint8_t kind;  /* 1 name, 2 the node itself, 4, 6 */
  uint16_t port; /* of kind 2: which service */
  al_bytes host; /* 1..255 bytes of a name, none, or 4 or 16 bytes in network order */
} al_stream_target;

/* al_streams_config — what al_streams_init needs. */
typedef struct al_streams_config {
  const al_alloc *alloc;  /* kept */
  al_rng *rng;            /* drawn from in init only */
  al_counters *counters;  /* kept */
  uint32_t streams_max;   /* 1..1048575, both ends */
  uint32_t bundles_max;   /* 1..1048575 */
  uint32_t stream_window; /* bytes buffered per stream and direction, 4096..2^30; 0: 8 MiB */
  uint32_t packets_max;   /* packet numbers open per path, a power of two, 64..8192; 0: 8192 */
  uint32_t silence_us;    /* no answer for so long: event SILENT; 0: 30 s */
} al_streams_config;

/* al_list — a queue of streams; private to src/stream. */
typedef struct al_list {
  al_stream head, tail;
} al_list;

/* al_streams — all streams and bundles of a node; fields are private to src/stream. */
typedef struct al_streams {
  al_streams_config c;
  al_slab streams, bundles;
  al_map by_wire;                  /* bundle handle and wire id -> stream handle */
  al_heap timers;                  /* by bundle index */
  al_bundle *by_index;             /* handles of the live bundles */
  void *dead;                      /* memory to be given back by the next command */
  al_list ready;                   /* streams with events */
  uint32_t dirty_head, dirty_tail; /* bundles for al_streams_next */
  uint32_t silent_head;            /* bundles with event SUSPECT or SILENT */
} al_streams;

/* ---- the table ---- */

/* al_streams_init — an empty table.
 *   c    copied; what it points to must outlive the table                                [in]
 * Result: AL_OK, AL_EINVAL (a field is out of range), AL_ENOMEM (then ss is cleared).
 * Cost: a few allocations.   Source: PROTOCOL.md 8.   Tested: unit/stream_life. */
al_err al_streams_init(al_streams *ss, const al_streams_config *c);

/* al_streams_clear — give everything back; a zeroed al_streams is allowed.
 * Result: none.   Cost: one pass.   Source: PROTOCOL.md 8.   Tested: unit/stream_life. */
void al_streams_clear(al_streams *ss);

typedef enum al_stream_event_kind {
  AL_STREAM_EV_REQUEST = 1, /* the peer asks for `target`, maybe with first bytes: answer it */
  AL_STREAM_EV_OPENED,      /* the peer accepted */
  AL_STREAM_EV_DATA,        /* `data`, in order; count it back with al_streams_consume */
  AL_STREAM_EV_FIN,         /* the peer has written all it wanted */
  AL_STREAM_EV_WRITABLE,    /* `count` bytes fit again after a short put */
  AL_STREAM_EV_RESET,       /* the stream is gone, its handle dead: `reason` */
  AL_STREAM_EV_CLOSED,      /* both directions are finished, the handle dead */
  AL_STREAM_EV_SUSPECT,     /* of a `path` (stream is 0): nothing comes back, PROTOCOL.md 8.6 */
  AL_STREAM_EV_SILENT,      /* of a `path` (stream is 0): nothing acknowledged for silence_us */
} al_stream_event_kind;

/* al_stream_event — what happened; views are borrowed from the payload or from the stream. */
typedef struct al_stream_event {
  al_stream_event_kind kind;
  uint8_t reason; /* reasons.def */
  uint8_t path;
  uint32_t count;
  al_stream stream;
  al_bundle bundle;
  uint64_t user;        /* al_streams_set_user; also when the handle is dead by now */
  uint32_t bundle_user; /* al_bundle_open */
  al_bytes data;
  al_stream_target target;
} al_stream_event;

/* al_streams_event — take the next event. A stream's events come in the order of the enum.
 *   ret   written when true                                                              [out]
 * Result: false when drained.   Cost: O(1).   Source: PROTOCOL.md 8.   Tested: unit/stream_life. */
bool al_streams_event(al_streams *ss, al_stream_event *ret);

/* al_streams_next — the next bundle that may want to send since it was last given here. A hint: ask
 * al_bundle_wants for the paths; again, unprompted, when one could not take what was wanted.
 *   Result: 0 when there is none.   Cost: O(1).   Source: none.   Tested: unit/stream_life. */
al_bundle al_streams_next(al_streams *ss);

/* al_streams_deadline — when al_streams_tick has something to do; AL_TIME_NEVER possible.
 *   Result: a time.   Cost: O(1).   Source: none.   Tested: prop/stream. */
al_time al_streams_deadline(const al_streams *ss);

/* al_streams_tick — what is due: then drain events and next. Superfluous ticks are harmless.
 * Result: none.   Cost: bundles due.   Source: PROTOCOL.md 8.1, 8.2.   Tested: prop/stream. */
void al_streams_tick(al_streams *ss, al_time now);

/* al_streams_reap — give back memory of streams that ended; no event that points there is left.
 * Result: none.   Cost: one free for each buffer.   Source: none.   Tested: unit/stream_life. */
void al_streams_reap(al_streams *ss);

/* ---- bundles ---- */

/* al_bundle_open — a bundle without paths. A command: allocates.
 *   initiator  true at the end that built the circuit: its streams have even ids
 *   user       the caller's own mark, told in events
 * Result: AL_OK, AL_EFULL, AL_ENOMEM.
 * Cost: slab items for the bundle and for some streams that the peer may ask for.
 * Source: PROTOCOL.md 8.   Tested: unit/stream_life. */
al_err al_bundle_open(al_streams *ss, bool initiator, uint32_t user, al_bundle *ret);

/* al_bundle_set_payload — payloads of _BYTES_MIN.._BYTES (at first), before it has a path.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 9.6.   Tested: unit/stream_life. */
void al_bundle_set_payload(al_streams *ss, al_bundle b, uint32_t bytes);

/* al_bundle_add_path — a circuit can carry the bundle from now on. One path of a bundle is in use:
 * new frames and repairs go there, acknowledgements where they are due. The others stand by. When
 * the one in use is lost or suspected (PROTOCOL.md 8.6), another one takes its place with all that
 * is not acknowledged. A command: allocates.
 *   path    0..AL_BUNDLE_PATHS_MAX-1, not in use
 *   rtt_us  what the set-up of the circuit took, 0 when not known: paces the first round
 * Result: AL_OK, AL_ENOTFOUND, AL_EINVAL (no such path), AL_ESTATE (path in use), AL_ENOMEM.
 * Cost: one allocation of packets_max * 48 bytes, touched as far as packets are under way.
 * Source: PROTOCOL.md 8.   Tested: unit/stream_life. */
al_err al_bundle_add_path(al_streams *ss, al_bundle b, uint32_t path, al_time now, uint32_t rtt_us);

/* al_bundle_path_lost — a circuit is gone, the bundle stays: what it carried is sent again on the
 * other paths (or when there is one).
 * Result: none.   Cost: what was under way.   Source: PROTOCOL.md 8.2.
 * Tested: unit/stream_life. */
void al_bundle_path_lost(al_streams *ss, al_bundle b, uint32_t path, al_time now);

/* al_bundle_mover — a path's move: `path` of `from`, where nothing is under way, into `to`. */
typedef struct al_bundle_mover {
  al_bundle from, to;
  uint32_t path;
  al_time now;
} al_bundle_mover;

/* al_bundle_move_path — a circuit carries another bundle from now on.
 *   ret_path   its number there                                                          [out]
 * Result: AL_OK, AL_ENOTFOUND, AL_ESTATE (something is under way), AL_EFULL (no free number).
 * Cost: its paths; no allocation.   Source: PROTOCOL.md 8.7.   Tested: unit/stream_path. */
al_err al_bundle_move_path(al_streams *ss, const al_bundle_mover *m, uint32_t *ret_path);

/* al_bundle_ping — have a PING go out on a path: it shows that the path lives, at each hop, too.
 *   Result: none.   Cost: O(1).   Source: PROTOCOL.md 8.6.   Tested: unit/stream_path. */
void al_bundle_ping(al_streams *ss, al_bundle b, uint32_t path, al_time now);

/* al_bundle_close — end a bundle and, with event RESET(reason), all its streams. Its handle is
 * dead after this. May be called while a packet is handled.
 * Result: none.   Cost: its streams.   Source: PROTOCOL.md 8.4.   Tested: unit/stream_life. */
void al_bundle_close(al_streams *ss, al_bundle b, uint8_t reason);

typedef enum al_stream_verdict { AL_STREAM_DROP = 0, AL_STREAM_TAKE = 1 } al_stream_verdict;

/* al_bundle_rx — a relay payload arrived on a path.
 *   payload  AL_STREAM_PAYLOAD_BYTES bytes; events point into it                     [in, borrowed]
 * Result: AL_STREAM_TAKE; AL_STREAM_DROP when nothing of it was used (counted: stream_parse,
 *         stream_unknown, stream_duplicate, stream_full).
 * Cost: its frames; no allocation; data in order is not copied.
 * Source: PROTOCOL.md 8.1.   Tested: unit/stream_rx, prop/stream, fuzz/bundle. */
al_stream_verdict al_bundle_rx(al_streams *ss, al_bundle b, uint32_t path, al_time now,
                               al_bytes payload);

/* al_bundle_fill — write the next packet of a path, if there is one to be sent now.
 *   payload  AL_STREAM_PAYLOAD_BYTES bytes, all written when true                        [out]
 * Result: true when a packet was written: it counts as sent.
 * Cost: one copy of its data; no allocation.
 * Source: PROTOCOL.md 8.1, 8.5.   Tested: unit/stream_tx, prop/stream. */
bool al_bundle_fill(al_streams *ss, al_bundle b, uint32_t path, al_time now, uint8_t *payload);

typedef enum al_bundle_want {
  AL_BUNDLE_WANT_NOTHING = 0, /* until an input or a command changes that */
  AL_BUNDLE_WANT_LATER,       /* al_streams_tick will tell */
  AL_BUNDLE_WANT_NOW,         /* al_bundle_fill would write a packet */
} al_bundle_want;

/* al_bundle_wants — would al_bundle_fill write a packet?
 *   Result: see al_bundle_want; NOTHING for what is unknown.   Cost: O(1).
 *   Source: PROTOCOL.md 8.5.   Tested: unit/stream_tx. */
al_bundle_want al_bundle_wants(const al_streams *ss, al_bundle b, uint32_t path, al_time now);

/* al_bundle_info — what is known of a path, for status pages and tests. */
typedef struct al_bundle_info {
  uint32_t user, streams;
  bool in_use, suspected; /* the path: see al_bundle_add_path */
  uint32_t rtt_us, rtt_min_us, rtt_var_us;
  uint32_t rate;           /* pacing, packets a second */
  uint32_t delivered_hz;   /* delivery rate, packets a second */
  uint32_t flight, window; /* packets */
  uint64_t packets_tx, packets_rx, packets_lost;
  al_time silent_since; /* AL_TIME_NEVER: nothing is waiting for an answer */
} al_bundle_info;

/* al_bundle_look — fill an al_bundle_info.
 *   path   AL_BUNDLE_PATHS_MAX: only `user` and `streams`, of the bundle
 *   Result: false: unknown.   Cost: O(1).   Source: none.   Tested: unit/stream_tx. */
bool al_bundle_look(const al_streams *ss, al_bundle b, uint32_t path, al_bundle_info *ret);

/* ---- streams: commands ---- */

/* al_streams_open — a stream to a target. A command: allocates its buffers.
 *   b    the bundle, or 0: writing is possible, OPEN is sent after al_streams_attach
 * Result: AL_OK, AL_ENOTFOUND (b), AL_EINVAL (target), AL_EFULL, AL_ENOMEM.
 * Cost: two buffers of stream_window bytes, touched as far as they are used.
 * Source: PROTOCOL.md 8.4.   Tested: unit/stream_life. */
al_err al_streams_open(al_streams *ss, al_time now, al_bundle b, const al_stream_target *t,
                       al_stream *ret);

/* al_streams_set_early — what is written before OPEN goes out goes with it, as much as fits.
 *   Result: none.   Cost: O(1).   Source: PROTOCOL.md 8.4.   Tested: unit/stream_early. */
void al_streams_set_early(al_streams *ss, al_stream s);

/* al_streams_attach — put a stream that was opened without a bundle, or detached, onto one.
 * Result: AL_OK, AL_ENOTFOUND (stream or bundle), AL_ESTATE (is on one), AL_EFULL.
 * Cost: one map entry.   Source: PROTOCOL.md 8.4.   Tested: unit/stream_life. */
al_err al_streams_attach(al_streams *ss, al_time now, al_stream s, al_bundle b);

/* al_streams_detach — take a stream off its bundle that the peer has neither accepted nor had bytes
 * of, for another one. The peer hears RESET, if the old bundle has a path again.
 * Result: AL_OK, AL_ENOTFOUND, AL_ESTATE (accepted, or not ours), AL_EFULL (moved too often).
 * Cost: O(1).   Source: none.   Tested: unit/stream_life. */
al_err al_streams_detach(al_streams *ss, al_stream s);

/* al_streams_target — where a stream leads; its host points into the stream. Tested:
 *   unit/stream_life.   Result: false when not ours, or dead.   Cost: O(1).   Source: none. */
bool al_streams_target(const al_streams *ss, al_stream s, al_stream_target *ret);

/* al_streams_accept — answer event REQUEST. A command: allocates the buffers and grants credit.
 * Result: AL_OK, AL_ENOTFOUND, AL_ESTATE (not asked, or answered), AL_ENOMEM.
 * Cost: as al_streams_open.   Source: PROTOCOL.md 8.4.   Tested: unit/stream_life. */
al_err al_streams_accept(al_streams *ss, al_time now, al_stream s);

/* al_streams_put — queue bytes for sending.
 *   ret_taken  less than data.len: event WRITABLE will follow                            [out]
 * Result: AL_OK, AL_ENOTFOUND, AL_ESTATE (after shut, or not accepted yet by us).
 * Cost: one copy.   Source: PROTOCOL.md 8.4.   Tested: unit/stream_tx. */
al_err al_streams_put(al_streams *ss, al_time now, al_stream s, al_bytes data, size_t *ret_taken);

/* al_streams_writable — how much a put would take.
 *   Result: bytes; 0 for a dead handle.   Cost: O(1).   Source: none.   Tested: unit/stream_tx. */
size_t al_streams_writable(const al_streams *ss, al_stream s);

/* al_streams_consume — the host is done with bytes it got by event DATA: credit for the peer.
 * Result: AL_OK, AL_ENOTFOUND, AL_EINVAL (more than was given).
 * Cost: O(1).   Source: PROTOCOL.md 8.3.   Tested: unit/stream_rx. */
al_err al_streams_consume(al_streams *ss, al_time now, al_stream s, size_t bytes);

/* al_streams_shut — nothing more will be put (half-close).
 * Result: AL_OK (also when done before), AL_ENOTFOUND, AL_ESTATE (not accepted yet by us).
 * Cost: O(1).   Source: PROTOCOL.md 8.4.   Tested: unit/stream_life. */
al_err al_streams_shut(al_streams *ss, al_time now, al_stream s);

/* al_streams_reset — end a stream at once. The handle is dead after this, no event follows; the
 * peer is told reliably.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 8.4.   Tested: unit/stream_life. */
void al_streams_reset(al_streams *ss, al_time now, al_stream s, uint8_t reason);

/* al_streams_set_user — the caller's own mark on a stream, told in its events.
 *   Result: none.   Cost: O(1).   Source: none.   Tested: unit/stream_life. */
void al_streams_set_user(al_streams *ss, al_stream s, uint64_t user);

/* al_streams_bundle — the bundle a stream is on; 0: none, or it is dead.
 *   Result: a handle.   Cost: O(1).   Source: none.   Tested: unit/stream_life. */
al_bundle al_streams_bundle(const al_streams *ss, al_stream s);

/* al_streams_each — walk over the live streams of a bundle, which may be reset meanwhile.
 *   b    0: those on no bundle
 *   cursor  0 at first; advanced                                                         [in/out]
 * Result: a handle, 0 at the end.   Cost: the table.   Source: none.   Tested: unit/stream_life. */
al_stream al_streams_each(const al_streams *ss, al_bundle b, uint32_t *cursor);

#endif
