/* replay.h — the tags of the packets that an onion key has opened, so that none is opened twice.
 * One al_replay for each onion key, bounded; a full one refuses. Tags are kept in the order in
 * which they came, so that the host can store them in numbered records. Layer 2. */
#ifndef AL_SPHINX_REPLAY_H
#define AL_SPHINX_REPLAY_H

#include "allium/al_types.h"

enum { AL_REPLAY_TAG_BYTES = 16 }; /* of the 32 that al_sphinx_open gives, the first 16 are kept */

/* al_replay — the set; fields are private to replay.c. */
typedef struct al_replay {
  const al_alloc *alloc;
  uint8_t *tags;    /* limit * AL_REPLAY_TAG_BYTES, in order of arrival */
  uint32_t *places; /* hash table: index into tags + 1; 0 is free */
  uint32_t limit, count, mask;
  uint32_t secret[4]; /* keeps peers from choosing tags that collide */
} al_replay;

/* al_replay_verdict — what became of a tag. */
typedef enum al_replay_verdict {
  AL_REPLAY_NEW = 0,  /* it is in the set now */
  AL_REPLAY_SEEN = 1, /* drop the packet (count sphinx_replay) */
  AL_REPLAY_FULL = 2, /* drop the packet (count sphinx_replay_full) */
} al_replay_verdict;

/* al_replay_init — an empty set.
 *   a       kept; must outlive the set                                                 [borrowed]
 *   limit   tags it holds, 1..2^24; memory is 24..32 bytes a tag
 *   secret  16 random bytes
 * Result: AL_OK or AL_ENOMEM (then r is cleared).   Cost: two allocations; none later.
 * Source: PROTOCOL.md 5.6.   Tested: unit/sphinx_replay. */
al_err al_replay_init(al_replay *r, const al_alloc *a, uint32_t limit, const uint8_t secret[16]);

/* al_replay_clear — give the memory back. A zeroed al_replay is allowed.
 * Result: none.   Cost: frees.   Source: PROTOCOL.md 5.6.   Tested: unit/sphinx_replay. */
void al_replay_clear(al_replay *r);

/* al_replay_reset — forget all tags, when the key that they belong to is erased; keeps the memory.
 * A zeroed al_replay is allowed.
 * Result: none.   Cost: one pass.   Source: PROTOCOL.md 5.6.   Tested: unit/sphinx_replay. */
void al_replay_reset(al_replay *r);

/* al_replay_add — look a tag up and remember it.
 *   tag   at least AL_REPLAY_TAG_BYTES bytes
 * Result: a verdict.   Cost: about two probes; no allocation.
 * Source: PROTOCOL.md 5.3, 5.6.   Tested: unit/sphinx_replay. */
al_replay_verdict al_replay_add(al_replay *r, const uint8_t *tag);

/* al_replay_count — how many tags are in. */
static inline uint32_t al_replay_count(const al_replay *r) { return r->count; }

/* al_replay_view — tags in the order in which they came, for storing.
 *   first   index of the first
 *   count   how many at most
 * Result: borrowed bytes, AL_REPLAY_TAG_BYTES each; empty when there are no more than `first`.
 * Cost:   none.   Source: PROTOCOL.md 3.5.   Tested: unit/sphinx_replay. */
al_bytes al_replay_view(const al_replay *r, uint32_t first, uint32_t count);

/* al_replay_load — take in stored tags; those that are there already are passed over.
 *   tags   as al_replay_view gave them
 * Result: AL_OK; AL_EPARSE (not whole tags: nothing taken); AL_EFULL (the key must be erased).
 * Cost:   about two probes a tag.   Source: PROTOCOL.md 3.5.   Tested: unit/sphinx_replay. */
al_err al_replay_load(al_replay *r, al_bytes tags);

#endif
