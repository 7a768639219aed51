/* circuit.h — circuits of one node, in all three roles: set-up, onion layers, switching, queues.
 * Sans-I/O: every call is told the time and answers with a verdict; src/node sends what it names.
 * Nothing here allocates but al_circuits_init and al_circuits_reserve. Layer 3. */
#ifndef AL_CIRCUIT_H
#define AL_CIRCUIT_H

#include "allium/al_inspect.h"
#include "base/base.h"
#include "crypto/crypto.h"
#include "wire/wire.h"

enum {
  AL_CIRCUIT_PAYLOAD_AT = 28, /* in a cell: header 12, zeros 16, AL_RELAY_BYTES of payload */
};

/* al_circuit_dir — which way a cell goes, and the side of the circuit it leaves by. */
typedef enum al_circuit_dir {
  AL_CIRCUIT_BACKWARD = 0, /* towards the origin: leaves by the in-side */
  AL_CIRCUIT_FORWARD = 1,  /* towards the end: leaves by the out-side */
} al_circuit_dir;

/* al_circuits_config — what a table needs. A number that is 0 takes the default named behind it. */
typedef struct al_circuits_config {
  const al_alloc *alloc; /* kept */
  const al_suite *suite; /* kept */
  al_rng *rng;           /* kept: ids, ephemeral keys, map secret */
  al_counters *counters; /* kept */
  al_id self;            /* this node, part of every hop key */
  uint32_t circuits_max; /* all roles together, 1..524288 */
  uint32_t origins_max;  /* of them own circuits (five hops each at most); min(circuits_max, 256) */
  uint16_t links_max;    /* al_slab_index of a link is below this */
  uint32_t queue_cells_max; /* cells held for one circuit and direction; 256 */
  uint32_t held_cells_max;  /* cells held in all, 1..1048575; 4096 */
  uint32_t creates_per_s;   /* set-up packets taken per link, burst 4x; 50 */
  uint32_t half_open_max; /* circuits per in-link that wait for their CREATED; 4 * creates_per_s */
  uint64_t build_timeout_us;  /* 10 s; at every hop */
  uint64_t codel_target_us;   /* RFC 8289 TARGET; 25 ms */
  uint64_t codel_interval_us; /* RFC 8289 INTERVAL; 500 ms: a slow round trip of a whole circuit */
} al_circuits_config;

typedef struct al_circuit_item al_circuit_item; /* private: src/circuit/table.h */
typedef struct al_circuit_held al_circuit_held;
typedef struct al_circuit_port al_circuit_port;

/* al_circuits — the table; fields are private to src/circuit. */
typedef struct al_circuits {
  al_circuits_config cfg;
  al_slab items, hops;
  al_map by_id; /* link ‖ id -> al_circ */
  al_circuit_port *ports;
  al_circuit_held *held;
  uint32_t held_free, held_count;
  al_circuit_item *oldest, *newest; /* half-open circuits in the order of their start */
  uint32_t roles[4];                /* live circuits by al_circuit_role */
} al_circuits;

/* al_circuits_init — an empty table.
 *   c    copied; what it points to must outlive the table                                [in]
 * Result: AL_OK, AL_EINVAL, AL_ENOMEM (then cs is cleared).
 * Cost:   allocates the map, links and held-cell places for the limits; circuits come with
 *         al_circuits_reserve.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/circuit_table. */
al_err al_circuits_init(al_circuits *cs, const al_circuits_config *c);

/* al_circuits_clear — wipe all keys and give the memory back. A zeroed table is allowed. Handles of
 * held cells must have been taken out before (al_circuit_link_down of every link).
 * Result: none.   Cost: one pass.   Source: docs/ARCHITECTURE.md.   Tested: unit/circuit_table. */
void al_circuits_clear(al_circuits *cs);

/* al_circuits_reserve — have memory for `spare` more circuits, as far as the limits go, and for
 * eight own ones of five hops. Call it where allocation is allowed: at start, for commands, when a
 * link came up. Without memory set-up is refused with RESOURCE; nothing else is harmed.
 * Result: AL_OK, AL_ENOMEM.   Cost: allocates.   Source: none.   Tested: unit/circuit_table. */
al_err al_circuits_reserve(al_circuits *cs, uint32_t spare);

/* ---- links ---- */

/* al_circuit_link_up — cells may travel on this link from now on.
 *   dialled   whether this node dialled it: decides the top bit of ids (PROTOCOL.md 4.3)
 * Result: AL_OK, AL_EFULL (index out of range), AL_ESTATE (its index is still in use).
 * Cost:   constant.   Source: PROTOCOL.md 4.3.   Tested: unit/circuit_table. */
al_err al_circuit_link_up(al_circuits *cs, al_link link, bool dialled, al_time now);

/* al_circuit_gone — what is to be done about a circuit that ended: a DESTROY for each side named,
 * the event or the next route for `circ`, and every held cell given back. */
typedef struct al_circuit_gone {
  al_circ circ; /* stale already */
  al_circuit_role role;
  bool was_open;
  al_reason reason;
  struct {
    al_link link; /* 0: nobody to tell */
    uint32_t id;
  } tell[2];     /* AL_CIRCUIT_BACKWARD: to the previous node; AL_CIRCUIT_FORWARD: to the next */
  uint32_t held; /* private: chain of held cells */
} al_circuit_gone;

/* al_circuit_gone_next — the next packet buffer of an ended circuit: drop it. Call until 0, before
 * any other call of this module.
 * Result: a handle, 0 at the end.   Cost: constant.
 * Source: docs/DATAFLOW.md.   Tested: unit/circuit_queue. */
al_buf al_circuit_gone_next(al_circuits *cs, al_circuit_gone *gone);

/* al_circuit_destroy_cell — write a DESTROY cell of AL_CELL_BYTES bytes.
 * Result: none.   Cost: one memset.
 * Source: PROTOCOL.md 4.3, 6.5.   Tested: unit/circuit_table. */
void al_circuit_destroy_cell(uint8_t *cell, uint32_t id, al_reason reason);

/* al_circuit_link_down — end one circuit of a link that is gone, with reason LINK. Call until
 * false; then the link is forgotten. A link that was never up: false at once.
 *   gone   written when true; its tell[] never names this link                           [out]
 * Result: whether a circuit was ended.   Cost: constant each.
 * Source: PROTOCOL.md 6.5.   Tested: unit/circuit_table. */
bool al_circuit_link_down(al_circuits *cs, al_link link, al_circuit_gone *gone);

/* al_circuit_destroy — end a circuit for a reason of our own; its keys are wiped.
 *   gone   names both sides; written on success                                          [out]
 * Result: AL_OK or AL_ENOTFOUND.   Cost: constant.
 * Source: PROTOCOL.md 6.5.   Tested: unit/circuit_table. */
al_err al_circuit_destroy(al_circuits *cs, al_circ circ, al_reason reason, al_circuit_gone *gone);

/* al_circuit_deadline — when al_circuit_tick has something to do.
 *   Result: a time or AL_TIME_NEVER.   Cost: constant.
 *   Source: docs/ARCHITECTURE.md 4.   Tested: unit/circuit_table. */
al_time al_circuit_deadline(const al_circuits *cs);

/* al_circuit_tick — end one circuit that was not built in time, reason TIMEOUT. Call until false.
 *   gone   written when true                                                             [out]
 * Result: whether a circuit was ended (counted: circuit_build_timeout).   Cost: constant each.
 * Source: PROTOCOL.md 6.   Tested: unit/circuit_table. */
bool al_circuit_tick(al_circuits *cs, al_time now, al_circuit_gone *gone);

/* ---- set-up ---- */

/* al_circuit_plan — the hops of a circuit to be, first the guard. What path.h chooses. */
typedef struct al_circuit_plan {
  uint8_t hops; /* 1..AL_HOPS_MAX */
  al_id id[AL_HOPS_MAX];
  uint8_t onion_pk[AL_HOPS_MAX][AL_KEM_PK_BYTES];
} al_circuit_plan;

/* al_circuit_opening — what al_circuit_open needs. */
typedef struct al_circuit_opening {
  al_link link; /* up, to plan->id[0] */
  const al_circuit_plan *plan;
  uint8_t *packet; /* AL_SPHINX_BYTES bytes, written: to be sent on the link */
  al_bytes data;   /* for the last hop; at most AL_SPHINX_DATA_BYTES_MAX */
} al_circuit_opening;

/* al_circuit_open — begin an own circuit.
 *   ret_circ  the new circuit, not open yet                                              [out]
 *   ret_id    its id on the link: the id of the SPHINX message                           [out]
 * Result: AL_OK; AL_EINVAL (hops), AL_ENOTFOUND (link), AL_EFULL (no circuit or id is free),
 *         AL_ECRYPTO (an onion key is not a key).
 * Cost:   one encapsulation and one X25519 a hop, the Sphinx packet; no allocation.
 * Source: PROTOCOL.md 5.5, 6.1.   Tested: unit/circuit_cell, unit/circuit_table. */
al_err al_circuit_open(al_circuits *cs, al_time now, const al_circuit_opening *o, al_circ *ret_circ,
                       uint32_t *ret_id);

/* al_circuit_may_create — take one token of the link's set-up quota. Ask before a Sphinx packet is
 * unwrapped: the unwrapping is what costs.
 * Result: false when the quota is used up (counted: circuit_full) or the link is not up.
 * Cost:   constant.   Source: PROTOCOL.md 6.   Tested: unit/circuit_table. */
bool al_circuit_may_create(al_circuits *cs, al_link link, al_time now);

/* al_circuit_verdict — what the node has to do now. */
typedef enum al_circuit_verdict {
  AL_CIRCUIT_DROP = 1, /* nothing; counted */
  AL_CIRCUIT_SEND,     /* `cell` was rewritten: send it at once on ret->link, ahead of queues */
  AL_CIRCUIT_NEXT,     /* extend only: find a link to ret->next, then al_circuit_link_out */
  AL_CIRCUIT_HOLD,     /* peel only: `cell` goes on: al_circuit_hold(ret->circ, ret->dir) */
  AL_CIRCUIT_DELIVER,  /* peel only: ret->payload is for this node */
  AL_CIRCUIT_OPENED,   /* peel only: own circuit ret->circ is open */
  AL_CIRCUIT_ENDED,    /* peel only: the circuit is gone: do what ret->gone says */
} al_circuit_verdict;

/* al_circuit_out — what belongs to a verdict; the fields named with it are written. */
typedef struct al_circuit_out {
  al_circ circ;         /* SEND (0 when refused), NEXT, HOLD, DELIVER, OPENED */
  al_link link;         /* SEND; HOLD: where it will leave */
  al_id next;           /* NEXT */
  al_circuit_dir dir;   /* HOLD */
  uint8_t hop;          /* DELIVER: who speaks, 1..hops, at an origin; 0 at a relay or an end */
  uint8_t *payload;     /* DELIVER: AL_RELAY_BYTES bytes inside cell, borrowed */
  uint64_t build_us;    /* OPENED: since al_circuit_open */
  al_circuit_gone gone; /* ENDED */
} al_circuit_out;

/* al_circuit_request — what a Sphinx packet asked of this node. */
typedef struct al_circuit_request {
  al_link link;              /* it came on this link */
  uint32_t id;               /* under this message id */
  const al_route *route;     /* borrowed */
  const uint8_t *hop_secret; /* 32 bytes, borrowed */
} al_circuit_request;

/* al_circuit_extend — install a circuit that a Sphinx packet asked for.
 *   cell   AL_CELL_BYTES bytes; with SEND a CREATED cell, or a DESTROY cell when
 *          the request is refused                                                        [out]
 *   ret    SEND: link, circ; NEXT: circ, next                                            [out]
 * Result: SEND (END installed, or refused: counted circuit_full, circuit_parse, circuit_state,
 *         circuit_auth), NEXT, or DROP (the link is not up: circuit_unknown).
 * Cost:   two X25519, 20 HMACs; no allocation.
 * Source: PROTOCOL.md 4.3, 6.1, 6.2.   Tested: unit/circuit_table, unit/circuit_cell. */
al_circuit_verdict al_circuit_extend(al_circuits *cs, al_time now, const al_circuit_request *q,
                                     uint8_t *cell, al_circuit_out *ret);

/* al_circuit_link_out — the link to the next node is up: send the packet on it under *ret_id.
 * Result: AL_OK; AL_ENOTFOUND (circuit or link is gone), AL_ESTATE (not a relay that waits for
 *         this), AL_EFULL (no id is free).
 * Cost:   constant.   Source: PROTOCOL.md 4.3.   Tested: unit/circuit_table. */
al_err al_circuit_link_out(al_circuits *cs, al_circ circ, al_link out, uint32_t *ret_id);

/* ---- cells ---- */

/* al_circuit_peel — take in a CELL, CREATED or DESTROY that came on a link, in place.
 *   cell  AL_CELL_BYTES bytes; with HOLD and SEND the id and counter of the next link are in its
 *         header; wiped when the result is DROP                                          [in/out]
 *   ret   see al_circuit_out                                                             [out]
 * Result: DROP (counted: circuit_unknown, circuit_auth, circuit_replay, circuit_state,
 *         circuit_parse), HOLD, DELIVER, SEND (CREATED on its way back), OPENED, ENDED.
 * Cost:   one map probe, one wide-block pass (origin: up to one a hop); no allocation; constant
 *         time in the layers' bytes. CREATED at an origin: one X25519 and 20 HMACs a hop.
 * Source: PROTOCOL.md 6.2, 6.3, 6.5.   Tested: unit/circuit_cell, fuzz/circuit. */
al_circuit_verdict al_circuit_peel(al_circuits *cs, al_time now, al_link link, uint8_t *cell,
                                   al_circuit_out *ret);

/* al_circuit_seal — make a cell of a relay payload that the caller wrote at AL_CIRCUIT_PAYLOAD_AT.
 *   hop       origin: the hop it is for, 1..hops; relay and end: 0
 *   cell      AL_CELL_BYTES bytes; header and layers are written                         [in/out]
 *   ret_link  where to send it                                                           [out]
 * Result: AL_OK; AL_ENOTFOUND, AL_ESTATE (not open), AL_EINVAL (hop), AL_ECLOSED (2^32 cells were
 *         sent: replace the circuit).
 * Cost:   one wide-block pass a layer; no allocation.
 * Source: PROTOCOL.md 6.3.   Tested: unit/circuit_cell. */
al_err al_circuit_seal(al_circuits *cs, al_circ circ, uint8_t hop, uint8_t *cell,
                       al_link *ret_link);

/* ---- queues: who sends next on a link ---- */

/* al_circuit_hold — queue a cell of verdict HOLD; the queue owns the buffer from here on. When the
 * queue is full its oldest cell gives way: the end learns of the loss soonest. A queue may hold
 * queue_cells_max cells, and no more than its link's queues leave of the free places (Choudhury and
 * Hahne 1998, alpha = 1, twice): no circuit and no link that stands still can take the last place.
 * Result: 0, or the buffer that the caller must drop now, maybe `buf` itself (counted:
 *         circuit_queue_full).
 * Cost:   constant.   Source: PROTOCOL.md 6.3.   Tested: unit/circuit_queue. */
al_buf al_circuit_hold(al_circuits *cs, al_circ circ, al_circuit_dir dir, al_buf buf, al_time now);

/* al_circuit_want_send — an own circuit, or this end of one, has something to originate, or no
 * longer has. Unknown handles are ignored.
 * Result: none.   Cost: constant.   Source: docs/DATAFLOW.md.   Tested: unit/circuit_queue. */
void al_circuit_want_send(al_circuits *cs, al_circ circ, bool want);

/* al_pick — what to send next. */
typedef struct al_pick {
  al_buf send;  /* not 0: a sealed cell of circ; the caller owns it */
  al_buf drop;  /* not 0: nothing to send; drop this one (circuit_late) and pick again */
  al_circ circ; /* when both are 0: let this circuit originate one cell (al_circuit_seal) and pick
                 * again; the caller must seal, or say al_circuit_want_send(circ, false) */
} al_pick;

/* al_circuit_pick — the next circuit's turn on a link: round robin over circuits, one cell each,
 * every other turn for circuits that were idle before (RFC 8290 with a bound on new flows); CoDel
 * (RFC 8289) within each queue.
 *   ret   written when true                                                              [out]
 * Result: false when there is nothing to send on the link.
 * Cost:   constant (amortized over the cells that were held).
 * Source: RFC 8289, RFC 8290.   Tested: unit/circuit_queue. */
bool al_circuit_pick(al_circuits *cs, al_link link, al_time now, al_pick *ret);

/* ---- looking in ---- */

/* al_circuit_each — walk over the circuits: start with *cursor = 0.
 *   Result: the next circuit, 0 at the end.   Cost: one pass in all.
 *   Source: docs/ARCHITECTURE.md.   Tested: unit/circuit_table. */
al_circ al_circuit_each(const al_circuits *cs, uint32_t *cursor);

/* al_circuit_info_get — a circuit's state. `streams` and `rtt_us` are the node's to fill in.
 *   ret   written when true                                                              [out]
 * Result: false for a dead handle.   Cost: constant.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/circuit_table. */
bool al_circuit_info_get(const al_circuits *cs, al_circ circ, al_time now, al_circuit_info *ret);

/* al_circuit_count — live circuits of one role.
 *   Result: a number.   Cost: constant.   Source: docs/ARCHITECTURE.md.
 *   Tested: unit/circuit_table. */
uint32_t al_circuit_count(const al_circuits *cs, al_circuit_role role);

/* al_circuit_link_count — live circuits that use a link.
 *   Result: a number; 0 for a link that is not up.   Cost: constant.
 *   Source: docs/ARCHITECTURE.md.   Tested: unit/circuit_table. */
uint32_t al_circuit_link_count(const al_circuits *cs, al_link link);

/* al_circuit_retired — whether an own circuit is so near its last cell that it must be replaced.
 *   Result: true past 2^32 - 2^20 cells, and for dead handles.   Cost: constant.
 *   Source: PROTOCOL.md 6.3.   Tested: unit/circuit_cell. */
bool al_circuit_retired(const al_circuits *cs, al_circ circ);

#endif
