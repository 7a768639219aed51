/* table.h — what a circuit is made of, for the files of this module and their tests. Layer 3. */
#ifndef AL_CIRCUIT_TABLE_H
#define AL_CIRCUIT_TABLE_H

#include "circuit/circuit.h"

enum {
  AL_CIRCUIT_IDS_TRIED = 16, /* random ids drawn before giving up */
  AL_CIRCUIT_ORIGINS_SPARE = 8,
  AL_CIRCUIT_OLD_CELLS = 1 << 20, /* this near the last cell a circuit counts as retired */
};

#define AL_CIRCUIT_COUNTER_MASK (((uint64_t)1 << 48) - 1)
#define AL_CIRCUIT_CELLS_MAX ((uint64_t)1 << 32) /* one speaker's cells on one circuit */

/* al_circuit_hop — the keys shared with one hop: an origin has one for each, a relay and an end one
 * for itself. */
typedef struct al_circuit_hop {
  al_wide_key forward, backward;
  uint64_t forward_offset, backward_offset; /* below 2^48 */
  al_id id;                                 /* origin: the hop; relay: the next node */
  uint8_t resume[32];                       /* of use at the end hop: shake/resume.h */
  bool begun;                               /* `first` is set */
  uint64_t first;                           /* wire counter of the first forward cell */
  union {
    al_window window; /* open: forward cells seen; at an origin: backward cells of this hop */
    struct {
      uint8_t secret[32], x_secret[32], x[32];
    } asked; /* an origin that waits for CREATED */
    struct {
      uint8_t y[32], confirm[16], created_key[32];
    } held; /* a relay that waits for CREATED */
  } u;
} al_circuit_hop;

/* al_circuit_held — one place for a queued cell; numbered from 1. */
struct al_circuit_held {
  al_buf buf;
  uint32_t next;
  al_time since;
};

/* al_circuit_where — which list of its port a side is in. */
typedef enum al_circuit_where {
  AL_CIRCUIT_IDLE = 0,
  AL_CIRCUIT_FRESH, /* had nothing to send before */
  AL_CIRCUIT_BUSY,
} al_circuit_where;

/* al_circuit_side — one end of a circuit in this node: a link, an id on it, and what waits there.
 */
typedef struct al_circuit_side {
  al_link link; /* 0: there is no such side */
  uint32_t id;
  al_circ circ;
  al_circuit_where where;
  bool want;                  /* an own circuit or the end of one may originate */
  uint32_t head, tail, count; /* held cells */
  bool dropping;              /* CoDel, as RFC 8289 names them */
  uint32_t drops, last_drops;
  al_time first_above, drop_next;
  struct al_circuit_side *prev, *next;   /* in the list `where` */
  struct al_circuit_side *lprev, *lnext; /* in the list of the link's sides */
} al_circuit_side;

/* al_circuit_item — one circuit. */
struct al_circuit_item {
  al_circuit_side side[2]; /* by al_circuit_dir */
  al_circuit_role role;
  al_circ self;
  uint8_t hops;
  bool open;
  uint32_t hop_handle[AL_HOPS_MAX];
  al_circuit_hop *hop[AL_HOPS_MAX];
  uint64_t spoken; /* cells that this node originated */
  uint64_t cells_tx, cells_rx;
  al_time started;
  uint64_t build_us;
  uint32_t swept_cells;           /* those of it until it was last seen to move ... */
  al_time swept_at;               /* ... which was then */
  al_circuit_item *older, *newer; /* half-open circuits */
};

/* al_circuit_list — sides in the order of their turns. */
typedef struct al_circuit_list {
  al_circuit_side *head, *tail;
} al_circuit_list;

/* al_circuit_port — what the table knows of a link. */
struct al_circuit_port {
  al_link link; /* 0: free */
  bool dialled;
  bool busy_turn; /* the next turn is the busy ones' */
  uint32_t sides_count, half_open, held;
  al_time creates_at; /* when the quota is whole again */
  al_circuit_side *sides;
  al_circuit_list fresh, busy;
};

/* al_circuit_port_of — the entry of a link that is up, or NULL. */
static inline al_circuit_port *al_circuit_port_of(const al_circuits *cs, al_link link) {
  uint32_t i = al_slab_index(link);
  if (link == 0 || i >= cs->cfg.links_max || cs->ports[i].link != link) return NULL;
  return &cs->ports[i];
}

/* al_circuit_key — the key of a circuit's side in the map. */
static inline uint64_t al_circuit_key(al_link link, uint32_t id) {
  return (uint64_t)link << 32 | id;
}

/* al_circuit_get — a live circuit, or NULL. */
static inline al_circuit_item *al_circuit_get(const al_circuits *cs, al_circ circ) {
  return al_slab_get(&cs->items, circ);
}

/* al_circuit_new — a circuit with its hops and no sides, half-open.
 *   hops   1..AL_HOPS_MAX                                                              [asserted]
 * Result: the item, or NULL when memory or a limit is reached.   Cost: constant; no allocation.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/circuit_table. */
al_circuit_item *al_circuit_new(al_circuits *cs, al_circuit_role role, uint8_t hops, al_time now);

/* al_circuit_attach — give a circuit its side on a link.
 *   id   not in use there
 * Result: none.   Cost: constant.   Source: PROTOCOL.md 4.3.   Tested: unit/circuit_table. */
void al_circuit_attach(al_circuits *cs, al_circuit_item *c, al_circuit_dir dir, al_link link,
                       uint32_t id);

/* al_circuit_opened — the circuit is built: it leaves the list of those that may time out.
 * Result: none.   Cost: constant.   Source: PROTOCOL.md 6.2.   Tested: unit/circuit_table. */
void al_circuit_opened(al_circuits *cs, al_circuit_item *c, al_time now);

/* al_circuit_free_id — a random id that is free on the link and has its top bit as this side must.
 * Result: 0 when AL_CIRCUIT_IDS_TRIED draws found none.   Cost: one map probe a draw.
 * Source: PROTOCOL.md 4.3.   Tested: unit/circuit_table. */
uint32_t al_circuit_free_id(al_circuits *cs, const al_circuit_port *port);

/* al_circuit_end — take a circuit out of everything, wipe it and say whom to tell.
 *   gone   both sides are named                                                          [out]
 * Result: none.   Cost: constant.   Source: PROTOCOL.md 6.5.   Tested: unit/circuit_table. */
void al_circuit_end(al_circuits *cs, al_circuit_item *c, al_reason reason, al_circuit_gone *gone);

/* al_circuit_unqueue — take a side out of the turns and its held cells out of the queue.
 * Result: the first of its held cells, as a chain; 0 none.   Cost: constant.
 * Source: docs/DATAFLOW.md.   Tested: unit/circuit_queue. */
uint32_t al_circuit_unqueue(al_circuits *cs, al_circuit_side *s);

/* al_circuit_created_back — CREATED arrived on the out-side: a relay wraps it, an origin checks it.
 * Result: as al_circuit_peel.   Cost: origin: one X25519 and 20 HMACs a hop.
 * Source: PROTOCOL.md 6.2.   Tested: unit/circuit_cell. */
al_circuit_verdict al_circuit_created_back(al_circuits *cs, al_time now, al_circuit_item *c,
                                           uint8_t *cell, al_circuit_out *ret);

#endif
