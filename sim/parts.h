/* parts.h — what a run is made of, for run.c, churn.c, trouble.c, hostility.c, work.c, figures.c
 * and the checkers. */
#ifndef SIM_PARTS_H
#define SIM_PARTS_H

#include "chance.h"
#include "run.h"

/* What a run asks the world to be called for. */
typedef enum run_call {
  CALL_JOIN = 1, /* node */
  CALL_LEAVE,    /* node */
  CALL_FLASH,
  CALL_FAIL,
  CALL_CUT,  /* a partition begins */
  CALL_HEAL, /* ... and ends */
  CALL_PAUSE,
  CALL_CLOG,
  CALL_FLOOD,
  CALL_STREAM,
  CALL_PATIENCE, /* flow */
  CALL_LOOKUP,
  CALL_PUBLISH, /* number of the record, and its version: times two, plus 0 or 1 */
  CALL_FETCH,
  CALL_SAMPLE,
} run_call;

typedef enum run_phase { RUN_JOIN, RUN_WARMUP, RUN_RUN, RUN_SETTLE, RUN_OVER } run_phase;

enum {
  FAILURES_KEPT = 8,
  FIGURES_MAX = 112,
  FLOWS_MAX = 512,
  DRAW_HOSTILE = 40,
  DRAW_LATE,
  DRAW_KEY,
  DRAW_NAME,
  DRAW_VALUE
};

/* Numbers of which the middle and the rest are wanted later. */
typedef struct sim_samples {
  uint32_t *value;
  size_t count, cap;
  uint64_t sum;
  bool sorted;
} sim_samples;

typedef struct flow {
  uint32_t client;
  uint32_t number;  /* of the stream in the run: its bytes follow from it */
  al_stream stream; /* 0: free */
  uint64_t sent, got;
  al_time asked;
  bool opened, shut, settle;
} flow;

typedef struct run_work {
  flow flows[FLOWS_MAX];
  uint32_t next;
  uint64_t opened[2], whole[2], reset[2], late[2]; /* [1]: asked while settling */
  uint64_t wrong, refused, skipped;                /* skipped: no flow or no client was free */
  sim_samples open_ms, done_ms;
} run_work;

/* When a lookup was asked: in the run, within half a minute after a fault, while settling; or what
 * for. */
enum {
  LOOKUP_RUN,
  LOOKUP_FAULT,
  LOOKUP_SETTLE,
  LOOKUP_AIMED, /* of the key that hostile nodes surround, or by the node that they do */
  LOOKUP_TIMES,
  LOOKUPS_MAX = 1024
};

typedef struct lookup_one {
  uint32_t node, number;
  al_id target;
  uint8_t part;
  bool used;
} lookup_one;

typedef struct lookup_part {
  uint64_t asked, right, wrong, failed; /* what is none of these has not ended */
  sim_samples hops, ms;
} lookup_part;

typedef struct run_lookups {
  al_time aimed_from;
  al_id *ids; /* by node: of the one that runs or ran there last */
  lookup_one one[LOOKUPS_MAX];
  lookup_part part[LOOKUP_TIMES];
  sim_samples hops, ms; /* of all */
  uint64_t refused;
  uint32_t next;
} run_lookups;

/* What fetches were made for: any record, or the one that hostile nodes surround. */
enum { FETCH_ANY, FETCH_AIMED, FETCH_AIMS, QUESTIONS_MAX = 512 };

/* A question about a record under way. */
typedef struct keepsake_question {
  uint32_t node, ask, number;
  uint8_t version; /* published; of a fetch the newest that was kept when it was asked for */
  bool used, fetch;
  uint8_t aim;
} keepsake_question;

typedef struct fetch_part {
  uint64_t asked, found, stale, lost; /* what is none of these has not ended */
  sim_samples ms;
} fetch_part;

typedef struct run_keepsakes {
  uint8_t *kept; /* by number: the newest version that somebody keeps */
  uint32_t count, next;
  keepsake_question one[QUESTIONS_MAX];
  fetch_part part[FETCH_AIMS];
  uint64_t published, refused, skipped, wrong;
} run_keepsakes;

typedef struct run_health {
  uint32_t *parent; /* union-find over nodes */
  uint32_t linked, connected, honest;
  al_time fault_over; /* when the last fault ended */
  uint32_t repair_ms; /* from then until all was connected again; UINT32_MAX: never */
  bool repaired;
  /* In the end: nodes that honest ones may draw, and the hostile among them; honest nodes that
   * honest ones know, and those of them that are in doubt. */
  uint64_t drawn, drawn_hostile, known_honest, doubted;
} run_health;

struct sim_run {
  sim_scenario s;
  sim_run_options o;
  world *w;
  sim_chance chance;
  run_phase phase;
  al_time begin, ends[RUN_OVER]; /* when each phase ends */
  uint32_t nodes, exits;
  uint32_t *running;    /* nodes that run, in no order */
  uint32_t *running_at; /* by node: index + 1 */
  uint32_t running_count;
  run_work work;
  run_lookups lookups;
  run_keepsakes keepsakes;
  run_health health;
  sim_samples circuit_ms, link_ms;
  uint64_t joins, leaves, circuits_up, circuits_down, links_up, links_down, links_failed;
  uint64_t bytes_before;                      /* the run phase began with so many on the wire */
  uint64_t node_us, node_us_at, node_running; /* node-time of the run phase */
  uint64_t events_before;
  uint32_t bufs;
  sim_figure figures[FIGURES_MAX];
  uint32_t figures_count;
  char failures[FAILURES_KEPT][160];
  uint32_t failures_count;
  uint32_t never_index[16]; /* of counters that stay at zero, + 1: checker_safety.c */
};

/* run.c */
void run_start_node(sim_run *r, uint32_t node);
void run_stop_node(sim_run *r, uint32_t node, bool silent);
bool run_hostile(const sim_run *r, uint32_t node);
/* A checker found something wrong. */
void run_fail(sim_run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A running node; UINT32_MAX: none. honest: no hostile one. */
uint32_t run_any(sim_run *r, bool honest);
/* Times until a call is due again, exponential around `mean` / what runs. */
void run_again(sim_run *r, run_call what, uint64_t mean_us);

/* settle.c: a network that begins with its links */
void settle_network(sim_run *r);

/* churn.c: joins and leaves */
void churn_begin(sim_run *r);
void churn_call(sim_run *r, uint32_t what, uint32_t node);

/* trouble.c: partitions, pauses, clogs, mass failure */
void trouble_begin(sim_run *r);
void trouble_call(sim_run *r, uint32_t what);
void trouble_end(sim_run *r);

/* hostility.c */
void hostility_init(sim_run *r, const al_suite *suite);
void hostility_configure(void *ctx, world *w, uint32_t node, al_config *c);
void hostility_begin(sim_run *r);
void hostility_call(sim_run *r);

/* crowd.c: hostile nodes that know each other */
enum {
  CROWD_AROUND_KEY,
  CROWD_AROUND_NODE,
  CROWD_AROUND_NEWCOMER,
  CROWD_AROUND_RECORD,
  CROWD_AROUND_PLACES
};
/* Is this one of those with a chosen identifier? They come in the run. */
bool crowd_has(const sim_run *r, uint32_t node);
/* The node that they surround; UINT32_MAX: none. */
uint32_t crowd_victim(const sim_run *r);
/* A node that is not there from the start. */
bool crowd_late(const sim_run *r, uint32_t node);
/* Do they surround a record, the first that is published? */
bool crowd_hides(const sim_run *r);
/* Is this the identifier of a hostile node? */
bool crowd_knows(const uint8_t id[32]);
/* The key that they surround. */
al_id crowd_key(const sim_run *r);
/* `suite` is what hostile nodes use: what it signs is remembered. */
void crowd_init(sim_run *r, const al_suite *honest, al_suite *suite);
void crowd_configure(const sim_run *r, uint32_t node, al_config *c);
/* A hostile node has started. */
void crowd_know(sim_run *r, uint32_t node);
void crowd_begin(sim_run *r);
/* A cell of a hostile node, before it is sealed with this key. */
void crowd_twist(uint8_t *cell, const uint8_t key[32]);
/* Hostile ones among the neighbours of the node that they surround, in ten thousands. */
uint64_t crowd_grip(const sim_run *r);

/* keepers.c: hostile nodes that records are brought to */
void keepers_init(sim_run *r, const al_suite *honest, al_suite *suite);
void keepers_configure(al_config *c);
void keepers_twist(uint8_t *cell);

/* slander.c: hostile nodes that lie in gossip */
void slander_init(sim_run *r);
void slander_twist(uint8_t *cell);

/* work.c: streams */
void work_begin(sim_run *r);
void work_call(sim_run *r, uint32_t what, uint32_t arg);
void work_event(sim_run *r, uint32_t node, const al_event *ev);
/* A node is gone: what it did is over. */
void work_gone(sim_run *r, uint32_t node);

/* lookups.c */
void seek_init(sim_run *r);
void seek_free(sim_run *r);
void seek_begin(sim_run *r);
void seek_call(sim_run *r);
/* A node has started: remember its ID. */
void seek_know(sim_run *r, uint32_t node);
void seek_event(sim_run *r, uint32_t node, const al_event *ev);
void seek_gone(sim_run *r, uint32_t node);

/* keepsakes.c: records that nodes publish, and others fetch */
void keepsakes_begin(sim_run *r);
void keepsakes_free(sim_run *r);
void keepsakes_call(sim_run *r, uint32_t what, uint32_t arg);
void keepsakes_event(sim_run *r, uint32_t node, const al_event *ev);
void keepsakes_gone(sim_run *r, uint32_t node);
/* The key of a record. */
al_id keepsakes_key(const sim_run *r, uint32_t number);

/* checker_safety.c: what must hold at any time */
void safety_sample(sim_run *r);
void safety_over(sim_run *r);
/* checker_health.c: what must hold again when faults are over */
void health_begin(sim_run *r);
void health_sample(sim_run *r);
void health_over(sim_run *r);
void health_free(sim_run *r);

/* figures.c */
void figures_make(sim_run *r);
void sample_add(sim_samples *s, uint64_t value);
uint32_t sample_at(sim_samples *s, unsigned per_mille);
void sample_free(sim_samples *s);

#endif
