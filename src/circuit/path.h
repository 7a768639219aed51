/* path.h — which relays an own circuit goes through. Layer 3. */
#ifndef AL_PATH_H
#define AL_PATH_H

#include "circuit/circuit.h"
#include "circuit/guard.h"

enum {
  AL_PATH_CAPACITY_MAX = 100,    /* Mbit/s: what a relay claims beyond this does not draw more */
  AL_PATH_CAPACITY_UNKNOWN = 10, /* Mbit/s: what a relay counts for that claims nothing */
  AL_PATH_RELAYS_MIN = 3,        /* a path of three hops or more wants as many relays known */
};

/* al_path_query — what is asked. */
typedef struct al_path_query {
  const al_book *book;
  al_id self;
  al_guards *guards; /* new ones are added, old ones leave: see al_guards_dirty */
  al_rng *rng;
  uint64_t wall_s;
  uint8_t hops; /* 1..AL_HOPS_MAX; a path of one hop is the exit alone, without a guard */
  const al_target *target; /* what the last hop must let through; NULL: any relay will do */
  const al_id *last;       /* the last hop is this node; NULL: choose (target decides) */
  const al_id *exclude;    /* nodes that may not be on it, count of them */
  size_t exclude_count;
  bool more_guards; /* when none of the guards in regular use fits, a further one is kept */
} al_path_query;

/* al_path_choose — draw a path. First hop: a guard; middle and last: relays with probability in
 * proportion to capacity (self-declared, capped). Every hop is a relay with an address and an onion
 * key for this epoch; never this node, never one node twice, never two in one IPv4 /16 or IPv6 /32
 * (loopback and private addresses are exempt).
 *   ret      the plan                                                                   [out]
 *   ret_why  AL_REASON_NO_PATH (too few relays) or AL_REASON_NO_EXIT (no known exit takes the
 * target); written on AL_ENOTFOUND                                                      [out]
 * Result: AL_OK, AL_EINVAL (hops), AL_ENOTFOUND.
 * Cost:   one pass over the book a hop and guard tried; one random draw a relay.
 * Source: README.md, "Paths".   Tested: unit/circuit_path. */
al_err al_path_choose(const al_path_query *q, al_circuit_plan *ret, al_reason *ret_why);

#endif
