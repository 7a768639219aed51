/* guard.h — the few relays that an own circuit may begin with, kept for weeks: whoever enters last
 * does not see every first hop sooner or later. Layer 3. */
#ifndef AL_GUARD_H
#define AL_GUARD_H

#include "base/base.h"
#include "book/book.h"

enum {
  AL_GUARDS = 3,     /* guards in regular use: the first three that are usable, in the order kept */
  AL_GUARDS_MAX = 8, /* kept; beyond three only while fewer than two of them are usable */
  AL_GUARD_RECORD_BYTES = 53,
  AL_GUARD_LIFE_S = 60 * 86400, /* replaced this long after it was chosen */
  AL_GUARD_LOST_S = 7 * 86400,  /* replaced after it was unreachable this long ... */
  AL_GUARD_LOST_FAILURES = 8,   /* ... and failed at least this often in a row */
  AL_GUARD_RETRY_MIN_S = 5,     /* first wait after a failure; doubles with every further one */
  AL_GUARD_RETRY_MAX_S = 1800,
};

/* al_guard — one of them. Times are Unix seconds. */
typedef struct al_guard {
  al_id id;                                   /* zero: the slot is free */
  uint64_t added_s, failing_since_s, retry_s; /* the last two are 0 while it works */
  uint32_t failures;                          /* in a row */
  bool dirty;                                 /* its record is not stored yet */
} al_guard;

/* al_guards — the list; slot n is stored as record `guard/<n>`. */
typedef struct al_guards {
  al_guard slot[AL_GUARDS_MAX];
} al_guards;

/* al_guards_init — no guards.
 *   Result: none.   Cost: none.   Source: PROTOCOL.md 3.5.   Tested: unit/circuit_guard. */
void al_guards_init(al_guards *g);

/* al_guards_restore — take over a record of an earlier run.
 *   slot    the <n> of `guard/<n>`
 *   record  of al_guards_dirty
 * Result: AL_OK; AL_EPARSE (malformed, or the slot or its node is there already; nothing changed).
 * Cost:   none.   Source: PROTOCOL.md 3.5.   Tested: unit/circuit_guard. */
al_err al_guards_restore(al_guards *g, uint32_t slot, al_bytes record);

/* al_guards_dirty — the next record that must be stored; call until false. It counts as stored
 * then. ret_slot  the <n> of `guard/<n>`                                                     [out]
 *   record    AL_GUARD_RECORD_BYTES bytes; *ret_len = 0: delete the record               [out]
 * Result: whether one was written.   Cost: constant.
 * Source: PROTOCOL.md 3.5.   Tested: unit/circuit_guard. */
bool al_guards_dirty(al_guards *g, uint32_t *ret_slot, uint8_t *record, size_t *ret_len);

/* al_guards_refresh — let expired and lost guards go. Part of al_path_choose.
 *   Result: none.   Cost: constant.   Source: README.md, "Guards".   Tested: unit/circuit_guard.
 */
void al_guards_refresh(al_guards *g, uint64_t wall_s);

/* al_guards_add — keep a further guard.
 * Result: AL_OK, AL_EFULL, AL_ESTATE (is one already).   Cost: constant.
 * Source: README.md, "Guards".   Tested: unit/circuit_guard. */
al_err al_guards_add(al_guards *g, const al_id *id, uint64_t wall_s);

/* al_guards_reached — a circuit through this node was built, or a link to it came up: it works.
 *   Result: none; not a guard: nothing.   Cost: constant.   Source: README.md, "Guards".
 *   Tested: unit/circuit_guard. */
void al_guards_reached(al_guards *g, const al_id *id);

/* al_guards_failed — it could not be linked to. Say it only while some other neighbour is up: our
 * own outage is no guard's fault.
 *   Result: none; not a guard: nothing.   Cost: constant.   Source: README.md, "Guards".
 *   Tested: unit/circuit_guard. */
void al_guards_failed(al_guards *g, const al_id *id, uint64_t wall_s);

/* al_guards_usable — whether a slot holds a guard that is not waiting for its next try.
 *   Result: usable.   Cost: constant.   Source: README.md, "Guards".   Tested:
 * unit/circuit_guard. */
bool al_guards_usable(const al_guards *g, uint32_t slot, uint64_t wall_s);

/* al_guards_has — whether a node is one of the guards.
 *   Result: is one.   Cost: constant.   Source: README.md, "Guards".   Tested:
 * unit/circuit_guard. */
bool al_guards_has(const al_guards *g, const al_id *id);

#endif
