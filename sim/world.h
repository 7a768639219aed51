/* world.h — many shipped cores in one process, in virtual time, from one seed. Every node runs
 * behind src/drive with a simulated transport: links have delay, jitter, loss, rate and a bounded
 * queue. A frame lost on the reliable channel arrives late (as SCTP would bring it), one lost on
 * the other channel never. Every delivery is folded into a digest, which is the same for every
 * compiler and machine. What the world itself allocates ends the process when there is no memory.
 * docs/SIMULATOR.md says what is modelled and how. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "allium/al_inspect.h"
#include "drive/drive.h"
#include "net.h"

typedef struct world world;

typedef struct world_options {
  uint64_t seed;
  uint32_t nodes; /* at most 1048576 */
  uint32_t exits; /* the first ones accept every target */
  const al_suite *suite;
  sim_net net;       /* zeroed: every two nodes are delay_us apart */
  uint32_t delay_us; /* one way, plus up to jitter_us drawn per frame */
  uint32_t jitter_us;
  uint32_t loss_ppm;
  uint64_t rate_bytes_s; /* per link and direction */
  uint32_t queue_bytes;  /* the transport's high mark */
  uint8_t hops;
  al_padding padding;
  al_limits limits; /* zeroed: the defaults */
  al_bytes network_secret;
  uint32_t bufs, effects; /* of the work area all nodes share; 0: 65536 */
  bool no_store;          /* what nodes store is forgotten */
  bool shelf;             /* all nodes share one shelf of descriptors: see al_shelf.h */
  /* NULL, or: change a node's configuration just before it starts */
  void (*configure)(void *ctx, world *w, uint32_t node, al_config *c);
} world_options;

/* What a test hears of a node. Commands may be given from inside, through world_drive. */
typedef void world_event_fn(void *ctx, world *w, uint32_t node, const al_event *ev);

/* Somebody else than a core at a node's place: hears the transport itself. */
typedef struct world_puppet {
  void *ctx;
  al_transport_sink sink;
  void (*tick)(void *ctx);
} world_puppet;

/* What happened in a world so far. */
typedef struct world_stats {
  uint64_t events;                        /* timers and what the network brought */
  uint64_t frames, bytes;                 /* put on the wire, with the headers below them */
  uint64_t lost, dropped, blocked, tried; /* by chance; by a full queue; by a fault; again later */
  uint64_t dials, dials_failed, downs;    /* of transport links */
  uint64_t core_bytes, core_bytes_peak;   /* asked for by all cores */
  uint64_t shelf_bytes;                   /* asked for by their common shelf */
  uint64_t frames_peak, events_peak;      /* under way at one time */
  uint32_t running;
} world_stats;

/* What the one who drives a run asked to be called for, by world_call. */
typedef void world_call_fn(void *ctx, world *w, uint32_t what, uint32_t arg);

void world_options_default(world_options *o);
world *world_new(const world_options *o, world_event_fn *fn, void *ctx);
void world_free(world *w);
al_drive *world_drive(world *w, uint32_t node);
al_node *world_node(world *w, uint32_t node);
al_time world_now(const world *w);
uint64_t world_wall_s(const world *w); /* Unix seconds */
const al_suite *world_suite(const world *w);
uint64_t world_digest(const world *w);
uint64_t world_events(const world *w);
world_stats world_stats_now(const world *w);
const world_options *world_options_of(const world *w);
bool world_running(const world *w, uint32_t node);
uint64_t world_bytes_sent(const world *w, uint32_t node);
/* The node at the other end of the index-th open link; UINT32_MAX past the last one. */
uint32_t world_neighbour(const world *w, uint32_t node, uint32_t index);
uint32_t world_bufs_free(const world *w);

/* The root secret of a node's identity, if nobody changes it in `configure`. */
void world_identity(const world *w, uint32_t node, uint8_t ret[32]);
/* The address record of a node. */
al_bytes world_address(world *w, uint32_t node);
/* Start a node (or start it again with its store, with a fresh process seed). */
void world_start(world *w, uint32_t node);
/* End it: at once and silently, as kill -9 on a host that loses its network; or with
 * al_node_shutdown. */
void world_stop(world *w, uint32_t node, bool clean);
/* Join through another node's address. */
void world_join(world *w, uint32_t node, uint32_t via);
/* A link between two nodes that run, there at once and without a handshake: see al_settle.h. False
 * when one of them has no room. random: one that both want as a random neighbour. */
bool world_wed(world *w, uint32_t a, uint32_t b, bool random);
/* A stopped node will be somebody else when it is started again: new keys, nothing stored. */
void world_renew(world *w, uint32_t node);
/* Silent loss of everything to and from a node, and back. */
void world_cut(world *w, uint32_t node, bool cut);
/* Partitions: nodes are in groups 0..7 (0 at first), and nothing goes from a group to one that is
 * blocked for it; the reliable channel goes on trying for net.give_up_us, then its links end. */
void world_set_group(world *w, uint32_t node, uint32_t group);
void world_block(world *w, uint32_t from_group, uint32_t to_group, bool blocked);
/* A process that stands still until then: what arrives waits for it. */
void world_pause(world *w, uint32_t node, al_time until);
/* A network access that carries nothing until then: what is under way waits in it. */
void world_clog(world *w, uint32_t node, al_time until);
/* Rates of a node's access link from now on, bytes a second; 0: no bound. */
void world_set_rates(world *w, uint32_t node, uint32_t up, uint32_t down);
/* Can a node be dialled? Decided by net.nat_ppm; may be changed before it starts. */
void world_set_nat(world *w, uint32_t node, bool nat);
bool world_nat(const world *w, uint32_t node);
/* Be called back at a time. */
void world_set_call(world *w, world_call_fn *fn, void *ctx);
void world_call(world *w, al_time when, uint32_t what, uint32_t arg);
/* Run until `until` or until nothing is left to happen. */
void world_run(world *w, al_time until);
/* Allocation by any core from now on ends the process while on. */
void world_forbid_alloc(world *w, bool on);
/* A counter of one node, or its sum over all running nodes; the name must exist. */
uint64_t world_counter_of(world *w, uint32_t node, const char *name);
uint64_t world_counter(world *w, const char *name);
/* Change, drop or repeat frames on the wire: called for every frame sent; returns how many times it
 * is delivered (0 drops it); may alter it in place. */
typedef struct world_wire {
  uint32_t from, to;
  uint8_t *frame;
  size_t len;
} world_wire;
typedef uint32_t world_tap_fn(void *ctx, world *w, const world_wire *f);
void world_set_tap(world *w, world_tap_fn *fn, void *ctx);
/* Hand a frame to a node as if its neighbour had sent it, on the first link between the two. */
bool world_inject(world *w, uint32_t from, uint32_t to, const uint8_t *frame, size_t len);

/* A puppet is started in the place of a node that does not run; world_stop ends it. It sends and
 * dials through the transport, and asks for one tick at a time. */
void world_puppet_start(world *w, uint32_t node, const world_puppet *p);
void world_puppet_wake(world *w, uint32_t node, al_time when);
const al_transport_ops *world_ops(void);
al_transport *world_transport(world *w, uint32_t node);
/* Bytes that a link's transport takes now. */
uint32_t world_credit(world *w, uint32_t node, al_link link);

/* What a node has stored: the index-th record (false past the end), borrowed; and change one. */
bool world_record(world *w, uint32_t node, uint32_t index, al_bytes *key, al_bytes *value);
void world_record_put(world *w, uint32_t node, al_bytes key, al_bytes value);

#endif
