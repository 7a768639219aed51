/* inner.h — what a world is made of, for the files of sim/ that build it: world.c (life of nodes,
 * the run), wire.c (links), store.c (records), faults.c (partitions, pauses, slow links). */
#ifndef SIM_INNER_H
#define SIM_INNER_H

#include "allium/al_settle.h"
#include "allium/al_shelf.h"
#include "arena.h"
#include "chance.h"
#include "pool.h"
#include "queue.h"
#include "world.h"

enum { WIRE_CHUNK = 256, GROUPS = 8 };

typedef enum event_kind {
  EV_UP = 0, /* a: side 0 of a wire that is being dialled */
  EV_FRAME,  /* a: receiving end, b: frame */
  EV_DOWN,   /* a: end that hears of it, b: reason */
  EV_CREDIT, /* a: end */
  EV_CALL,   /* a: what, b: arg */
  EV_TIMER,  /* a: node */
} event_kind;

/* One side of a transport link. Its reference is 2 * wire + side. */
typedef struct wire_end {
  uint32_t node;
  al_link link;    /* the core's handle; 0 until the sink gave one */
  uint32_t credit; /* what the node was told, less what it has sent */
} wire_end;

/* 48 bytes: there are fifteen for each of a million nodes. */
typedef struct wire {
  al_time busy_until[2]; /* when the last frame sent has left */
  wire_end end[2];
  union {
    uint32_t delay_us;
    uint32_t next_free; /* of a free place: index + 1 */
  };
  uint16_t serial;                               /* counts the uses of this place */
  bool live0 : 1, live1 : 1, due0 : 1, due1 : 1; /* by side; due: it will be told of credit */
  bool up : 1, waited : 1; /* waited: nobody answered, the dialler does not know it yet */
} wire;

typedef struct record {
  struct record *next;
  size_t key_len, value_len;
  uint8_t *key, *value;
} record;

typedef struct actor {
  world *w;
  al_drive *drive;
  al_node *node;
  world_puppet *puppet; /* instead of a core */
  uint32_t *links;      /* by index of the core's handle: reference + 1 */
  record *store;
  uint8_t *address;           /* once somebody asked for it */
  al_time deadline;           /* when the node wants its tick */
  al_time timer_at;           /* its earliest timer in the queue */
  al_time up_busy, down_busy; /* its access link */
  al_time paused_until;       /* its process stands still */
  al_time clogged_until;      /* its access link carries nothing, and loses nothing */
  uint64_t bytes_sent;        /* on the wire */
  uint32_t index, starts, births;
  uint32_t up_rate, down_rate; /* of its access link; 0: no bound */
  uint16_t links_count, links_len;
  uint8_t group;
  bool running, cut, nat;
} actor;

struct world {
  world_options o;
  world_event_fn *fn;
  void *ctx;
  world_tap_fn *tap;
  void *tap_ctx;
  world_call_fn *call;
  void *call_ctx;
  al_alloc alloc;
  sim_pool pool; /* of all nodes, and of their links */
  bool no_alloc;
  al_alloc shelf_alloc;
  al_shelf *shelf; /* may be NULL */
  al_work *work;
  uint32_t bufs;
  actor *actors;
  sim_queue queue;
  sim_arena arena;
  wire **wires; /* chunks */
  uint32_t wires_count, wires_cap, wires_free;
  uint8_t blocked[GROUPS]; /* by sender's group: bits of the groups it does not reach */
  uint64_t digest;
  sim_chance chance;
  al_time now;
  world_stats stats;
};

/* A rule of the core is broken: nothing after this can be believed. */
_Noreturn void sim_broken(const world *w, const char *what);

/* world.c */
void sim_fold_u64(world *w, uint64_t v);
void sim_fold_frame(world *w, const sim_frame *f);
uint32_t world_by_address(const world *w, al_bytes address);
al_transport_sink sim_sink_of(const actor *a);

/* wire.c */
extern const al_transport_ops sim_transport_ops;
void sim_wire_event(world *w, const sim_event *e);
void sim_look_ahead(const world *w);
/* End all links of a node; silently, or so that its neighbours hear of it. */
void sim_wires_end(actor *a, bool silent);
void sim_wires_clear(world *w);

/* store.c */
extern const al_store_ops sim_store_ops;
void sim_store_clear(actor *a);
/* All records as al_config.snapshot wants them; for free(). */
al_bytes sim_store_snapshot(const actor *a);

/* faults.c: does a frame from one node reach the other at all? */
bool sim_reaches(const world *w, const actor *from, const actor *to);

#endif
