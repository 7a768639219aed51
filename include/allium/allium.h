/* allium.h — the core: a node is a pure function of (state, input, now). al_node_input and the thin
 * makers of commands are the only door in, al_work_next is the only door out: mutate once, drain
 * until it returns false, repeat. No clock is read, no socket opened, no randomness drawn that was
 * not handed in, and nothing allocated while cells and ticks are handled; only where a circuit is
 * built a table may grow within al_limits.
 * Layer 4 (implemented by src/node). Source: docs/ARCHITECTURE.md 4. */
#ifndef ALLIUM_H
#define ALLIUM_H

#include "al_host.h"
#include "al_shelf.h"
#include "al_suite.h"
#include "al_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- work area: packet buffers and the effect queue; one per driver thread, shared ---- */

typedef struct al_work al_work;

/* al_work_new — make a work area.
 *   bufs_max     packet buffers of AL_FRAME_BYTES each, 64..1048575
 *   effects_max  effects that one input may leave behind, at least 1024; when it is full the core
 *                defers work to the next input and never loses an effect
 * Result: AL_OK, AL_EINVAL, AL_ENOMEM.   Cost: allocates all of it.
 * Source: docs/ARCHITECTURE.md 4.   Tested: unit/node_work. */
al_err al_work_new(al_work **ret, const al_alloc *a, uint32_t bufs_max, uint32_t effects_max);

/* al_work_free — give it back; NULL is allowed. Nodes that used it must have been freed before.
 *   Result: none.   Cost: frees.   Source: docs/ARCHITECTURE.md 4.   Tested: unit/node_work. */
void al_work_free(al_work *w);

/* al_buf_take — a free packet buffer for a frame that arrived, 0 when none is free (drop the
 * frame).
 *   Result: handle.   Cost: O(1).   Source: docs/ARCHITECTURE.md 4.   Tested: unit/node_work. */
al_buf al_buf_take(al_work *w);

/* al_buf_ptr — the AL_FRAME_BYTES bytes of a buffer.
 *   Result: borrowed until dropped.   Cost: O(1).   Source: docs/ARCHITECTURE.md 4.
 *   Tested: unit/node_work. */
uint8_t *al_buf_ptr(al_work *w, al_buf b);

/* al_buf_drop — give a buffer back; 0 is allowed.
 *   Result: none.   Cost: O(1).   Source: docs/ARCHITECTURE.md 4.   Tested: unit/node_work. */
void al_buf_drop(al_work *w, al_buf b);

/* ---- configuration ---- */

typedef struct al_limits {
  uint16_t links_max;                  /* neighbours, 1..4096 */
  uint32_t circuits_max;               /* origin, relay and end circuits together, 1..1048575 */
  uint32_t streams_max;                /* streams at both ends */
  uint32_t peers_max;                  /* descriptors kept */
  uint32_t queue_cells_max;            /* cells held for one circuit and direction */
  uint32_t creates_per_s;              /* set-up packets accepted per link and second (burst 4x) */
  uint32_t stream_window;              /* receive window of one stream, bytes */
  uint32_t replay_tags_max;            /* Sphinx replay tags kept for one epoch key; full: refuse */
  uint32_t records_max, records_bytes; /* of the DHT, kept for others; 0: none */
  bool lean; /* one of many in a process: memory before time (docs/decisions/0007-many-nodes.md) */
} al_limits;

/* al_exit_rule — one line of an exit policy; the first that matches decides; no match: refused. */
typedef struct al_exit_rule {
  bool accept;
  uint8_t family;   /* 4, 6, or 0 for every address (and every name) */
  uint8_t prefix;   /* bits of addr that count */
  uint8_t addr[16]; /* network byte order, IPv4 in the first four bytes */
  uint16_t port_min, port_max;
} al_exit_rule;

enum {
  AL_EXIT_RULES_MAX = 16,
  AL_ADDRESSES_MAX = 4,
  AL_ADDRESS_BYTES_MAX = 72,
  AL_HOPS_MIN = 1,
  AL_HOPS_MAX = 5,
};

typedef enum al_padding { AL_PADDING_OFF = 0, AL_PADDING_REDUCED = 1 } al_padding;

typedef struct al_config {
  uint32_t size;         /* sizeof(al_config): lets the struct grow */
  const al_suite *suite; /* al_suite_hacl() */
  bool simulation;       /* allows a simulation-only suite */
  bool relay;            /* carry other nodes' circuits; default true */
  al_padding padding;    /* default reduced */
  uint8_t hops;          /* circuit length, default 3 */
  al_limits limits;
  al_shelf *shelf;         /* NULL: one of its own, for limits.peers_max descriptors */
  uint8_t seed[32];        /* fresh system entropy; wiped from the struct by al_node_new */
  uint8_t identity[32];    /* root secret of all long-lived keys; wiped likewise */
  al_bytes network;        /* network name, 1..64 bytes, default "allium" */
  al_bytes network_secret; /* private network: 32 bytes; empty: public */
  uint64_t wall_s;         /* Unix time that belongs to `now` of al_node_new, seconds */
  /* records that the host had stored: (u16 key_len, u32 value_len, key, value)* */
  al_bytes snapshot;
  al_bytes addresses[AL_ADDRESSES_MAX]; /* how others can dial this node: address records */
  uint32_t addresses_count;
  al_exit_rule exit_rules[AL_EXIT_RULES_MAX]; /* count 0: not an exit */
  uint32_t exit_rules_count;
} al_config;

/* al_config_default — fill a configuration with sane defaults.
 *   Result: none.   Cost: none.   Source: docs/ARCHITECTURE.md 4.   Tested: unit/node. */
void al_config_default(al_config *c);

/* ---- node ---- */

typedef struct al_node al_node;

/* al_node_new — make a node from a configuration. Its own tables are allocated here.
 *   c    read, then seed and identity are wiped in it                                  [in/out]
 *   now  any monotonic origin
 * Result: AL_OK; AL_EINVAL (a field is out of range), AL_EPARSE (snapshot malformed: nothing of it
 *         is used), AL_ENOMEM.
 * Cost: key generation, one hybrid signature (about 2 ms).
 * Source: PROTOCOL.md 3, 4.   Tested: unit/node. */
al_err al_node_new(al_node **ret, const al_alloc *a, al_config *c, al_time now);

/* al_identity_name — the identifier of a node whose al_config.identity is this.
 *   ret   the same as in al_inspect_node                                                [out]
 * Result: none.   Cost: key generation, below 1 ms.   Source: PROTOCOL.md 3.1.
 * Tested: simulator/world. */
void al_identity_name(const al_suite *suite, const uint8_t identity[32], al_id *ret);

/* al_node_free — wipe keys and free; NULL is allowed. Buffers it held go back to w.
 *   Result: none.   Cost: frees.   Source: docs/ARCHITECTURE.md 4.   Tested: unit/node. */
void al_node_free(al_node *n, al_work *w);

typedef enum al_in_kind {
  AL_IN_TICK = 1,    /* time passed; early and late ticks are harmless */
  AL_IN_RX,          /* a frame arrived: rx.buf is owned by the node from here on */
  AL_IN_LINK_UP,     /* a link that the node asked for is open */
  AL_IN_LINK_DOWN,   /* a link is gone */
  AL_IN_LINK_CREDIT, /* the transport takes this many bytes now */
  AL_IN_SEED,        /* 32 bytes of fresh system entropy; every few minutes */
} al_in_kind;

typedef struct al_input {
  al_in_kind kind;
  al_link link;
  al_time now;
  union {
    struct {
      al_buf buf;
      uint32_t len;
    } rx;
    uint8_t binding[32];
    al_down_reason down;
    uint32_t credit_bytes;
    uint8_t seed[32];
  } u;
} al_input;

/* al_node_input — hand one input to the node.
 *   w   must be drained                                                        [asserted]
 * Result: AL_OK; AL_ENOTFOUND for a dead link handle (the buffer is dropped all the same). A peer's
 *         malformed message is not an error: it is dropped and counted.
 * Cost:   RX of a cell: one AEAD, one wide-block pass; no allocation.
 * Source: docs/ARCHITECTURE.md 3, 4.   Tested: unit/node, sim. */
al_err al_node_input(al_node *n, al_work *w, const al_input *in);

/* al_node_accept — an incoming link is open; the node gives it a handle.
 *   binding  both certificate hashes, bound (PROTOCOL.md 3.3)
 *   ret      0 when refused                                                           [out]
 * Result: AL_OK, AL_EFULL (no room; close the transport link).
 * Cost: one slab item.   Source: PROTOCOL.md 4.2.   Tested: unit/node. */
al_err al_node_accept(al_node *n, al_work *w, al_time now, const uint8_t binding[32], al_link *ret);

/* al_node_deadline — when the node wants a TICK at the latest.
 *   Result: a time, AL_TIME_NEVER possible; may lie in the past.   Cost: O(1).
 *   Source: docs/ARCHITECTURE.md 4.   Tested: unit/node. */
al_time al_node_deadline(const al_node *n);

/* al_node_join — dial an address (binary record) of a node that may be unknown.
 * Result: AL_OK, AL_EINVAL (not an address record), AL_EFULL.
 * Cost: allocates a link.   Source: PROTOCOL.md 3.2.   Tested: sim, e2e. */
al_err al_node_join(al_node *n, al_work *w, al_time now, al_bytes address);

/* al_join_to — an address to dial, and who must answer there. */
typedef struct al_join_to {
  al_bytes address;  /* binary record */
  const al_id *peer; /* NULL: whoever answers; another node than this one is refused */
} al_join_to;

/* al_node_join_peer — the same, with the ID that must be proved and the link's handle told.
 *   ret  the link: its LINK_UP or LINK_FAILED follows                                  [out]
 * Result: AL_OK, AL_EINVAL (not an address record, or our own), AL_EFULL.
 * Cost: allocates a link.   Source: PROTOCOL.md 3.2, 4.2.   Tested: sim/hostile, e2e. */
al_err al_node_join_peer(al_node *n, al_work *w, al_time now, const al_join_to *j, al_link *ret);

/* al_node_reconfigure — take over addresses, exit rules, padding, hops and relay from c; the
 * rest of c is ignored. A new descriptor is published when it changed.
 * Result: AL_OK or AL_EINVAL (nothing changed).   Cost: one hybrid signature.
 * Source: PROTOCOL.md 3.4.   Tested: unit/node. */
al_err al_node_reconfigure(al_node *n, al_work *w, al_time now, const al_config *c);

/* al_node_shutdown — refuse new circuits and streams, close links with a code; the node is quiet
 * after the effects are drained. The clean mark that lets the next start keep its onion keys is
 * stored.
 * Result: none.   Cost: O(links).   Source: PROTOCOL.md 5.5.   Tested: unit/node, e2e. */
void al_node_shutdown(al_node *n, al_work *w, al_time now);

/* ---- streams ---- */

typedef enum al_reason {
#define AL_REASON(name, value, socks, text) AL_REASON_##name = (value),
#include "reasons.def"
#undef AL_REASON
} al_reason;

/* al_reason_text — one lower-case phrase for people.
 *   Result: a static string.   Cost: one switch.   Source: reasons.def.   Tested: unit/node. */
const char *al_reason_text(al_reason r);

/* al_reason_socks — RFC 1928 reply field for a reason.
 *   Result: 0..8.   Cost: one switch.   Source: reasons.def.   Tested: unit/node. */
uint8_t al_reason_socks(al_reason r);

typedef enum al_target_kind {
  AL_TARGET_NAME = 1,
  AL_TARGET_NODE = 2, /* a service of the node at the circuit's end itself; not for hosts */
  AL_TARGET_IPV4 = 4,
  AL_TARGET_IPV6 = 6,
} al_target_kind;

/* al_target — where a stream leads behind the last hop. host: 4 or 16 bytes in network order, or a
 * name of 1..255 bytes without a NUL. */
typedef struct al_target {
  al_target_kind kind;
  uint16_t port;
  uint8_t host_len;
  uint8_t host[255];
} al_target;

/* al_exit_match — does a policy accept a target? A name matches rules of family 0 only, for the
 * rest it is "maybe" and counts as accepted when some accepting rule covers the port.
 *   Result: accepted.   Cost: O(rules).   Source: PROTOCOL.md 3.4.   Tested: unit/wire_exit. */
bool al_exit_match(const al_exit_rule *rules, size_t count, const al_target *t);

/* al_stream_open — ask for a stream to a target through a circuit. Streams with different isolation
 * values never share a circuit.
 *   ret  the handle; EVENT STREAM_OPEN or STREAM_RESET follows                         [out]
 * Result: AL_OK, AL_EINVAL, AL_EFULL, AL_ENOMEM.
 * Cost: allocates its buffers.   Source: PROTOCOL.md 8.   Tested: sim, e2e. */
al_err al_stream_open(al_node *n, al_work *w, al_time now, const al_target *t, uint64_t isolation,
                      al_stream *ret);

/* al_stream_accept — the exit's host has connected the target of EVENT STREAM_REQUEST.
 * Result: AL_OK, AL_ENOTFOUND, AL_ESTATE.   Cost: O(1).   Source: PROTOCOL.md 8.4.
 * Tested: sim, e2e. */
al_err al_stream_accept(al_node *n, al_work *w, al_time now, al_stream s);

/* al_stream_write — queue bytes.
 *   taken  how many were taken; less than data.len means: wait for STREAM_WRITABLE      [out]
 * Result: AL_OK, AL_ENOTFOUND, AL_ESTATE (after shut).
 * Cost: one copy.   Source: PROTOCOL.md 8.   Tested: sim, e2e. */
al_err al_stream_write(al_node *n, al_work *w, al_time now, al_stream s, al_bytes data,
                       size_t *taken);

/* al_stream_writable — how many bytes a write would take now.
 *   Result: bytes; 0 for a dead handle.   Cost: O(1).   Source: PROTOCOL.md 8.   Tested: sim. */
size_t al_stream_writable(const al_node *n, al_stream s);

/* al_stream_consume — the host is done with this many received bytes: credit for the sender.
 * Result: AL_OK, AL_ENOTFOUND, AL_EINVAL (more than was delivered).
 * Cost: O(1).   Source: PROTOCOL.md 8.3.   Tested: sim. */
al_err al_stream_consume(al_node *n, al_work *w, al_time now, al_stream s, size_t bytes);

/* al_stream_shut — no more bytes will be written (half-close).
 * Result: AL_OK, AL_ENOTFOUND.   Cost: O(1).   Source: PROTOCOL.md 8.4.   Tested: sim, e2e. */
al_err al_stream_shut(al_node *n, al_work *w, al_time now, al_stream s);

/* al_stream_reset — end a stream at once, both directions; the handle is dead after this.
 *   Result: none.   Cost: O(1).   Source: PROTOCOL.md 8.4.   Tested: sim, e2e. */
void al_stream_reset(al_node *n, al_work *w, al_time now, al_stream s, al_reason why);

/* ---- effects ---- */

typedef enum al_event_kind {
  AL_EV_LINK_UP = 1,     /* a neighbour is authenticated: peer, link, duration_us since dialling */
  AL_EV_LINK_DOWN,       /* an authenticated neighbour is gone: peer, link */
  AL_EV_LINK_FAILED,     /* dialling or handshake failed: link, err */
  AL_EV_PEERS,           /* count: how many nodes are known now */
  AL_EV_CIRCUIT_UP,      /* an own circuit is ready: circ, count = hops, duration_us */
  AL_EV_CIRCUIT_DOWN,    /* an own circuit ended: circ, reason */
  AL_EV_STREAM_OPEN,     /* the far end has connected: stream, circ */
  AL_EV_STREAM_REQUEST,  /* exit: somebody asks for target; answer with accept or reset. data: the
                            first bytes, if they came with it: to be consumed like those of DATA */
  AL_EV_STREAM_DATA,     /* bytes in order: stream, data */
  AL_EV_STREAM_FIN,      /* the far end wrote all it wanted: stream */
  AL_EV_STREAM_RESET,    /* gone, handle dead: stream, reason */
  AL_EV_STREAM_CLOSED,   /* both directions finished, handle dead: stream */
  AL_EV_STREAM_WRITABLE, /* room again after a short write: stream, count = bytes */
  AL_EV_LOOKUP,          /* a lookup ended: lookup, err, hops, duration_us, count and data = IDs */
  AL_EV_RECORD,          /* a question to the DHT was answered: answer (al_dht.h) */
  AL_EV_SERVICE,         /* a service is published: service, count = introduction points */
} al_event_kind;

typedef struct al_event {
  al_event_kind kind;
  al_link link;
  al_stream stream;
  al_circ circ;
  uint32_t service; /* STREAM_REQUEST: which; 0: the exit */
  uint32_t lookup, hops, count;
  uint32_t duration_us;
  al_reason reason;
  al_err err;
  al_id peer;
  al_bytes data;                         /* borrowed until the next al_work_next */
  const al_target *target;               /* likewise */
  const struct al_record_answer *answer; /* until the next al_node_input */
} al_event;

typedef enum al_fx_kind {
  AL_FX_TX = 1,     /* send tx.len bytes of tx.buf on link, then al_buf_drop it */
  AL_FX_LINK_OPEN,  /* dial addr for link */
  AL_FX_LINK_CLOSE, /* close link's transport; its handle is dead, DOWN need not be told */
  AL_FX_STORE_PUT,  /* key, value borrowed until the next al_work_next */
  AL_FX_STORE_DEL,
  AL_FX_EVENT,
} al_fx_kind;

typedef struct al_effect {
  al_fx_kind kind;
  al_link link;
  union {
    struct {
      al_buf buf;
      al_channel channel;
      uint32_t len;
    } tx;
    al_bytes addr;
    struct {
      al_bytes key, value;
    } store;
    al_event event;
  } u;
} al_effect;

/* al_work_next — take the next effect.
 *   fx  written when true                                                             [out]
 * Result: false when drained.   Cost: O(1).   Source: ARCHITECTURE.md.   Tested: unit/node_work. */
bool al_work_next(al_work *w, al_effect *fx);

#ifdef __cplusplus
}
#endif
#endif
