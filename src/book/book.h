/* book.h — the nodes this node knows of: one bounded table of verified descriptors behind 4-byte
 * handles. A record that is in the book has been checked completely. Layer 2. */
#ifndef AL_BOOK_H
#define AL_BOOK_H

#include "base/base.h"
#include "book/identity.h"
#include "book/shelf.h"
#include "wire/wire.h"

/* al_peer — a handle of the book; 0 is none; goes stale when the entry is removed. */
typedef uint32_t al_peer;

enum {
  AL_BOOK_RAISE_S = 60,         /* a sample that lacks members admits a sixteenth more so often */
  AL_BOOK_GRACE_S = 30 * 86400, /* an expired record stays so long, to have an address to dial */
};

/* al_book_item — an entry: which record, in which chain, how long known. Private to book.c. */
typedef struct al_book_item {
  al_shelved record;
  al_peer next;    /* in the chain of a bucket */
  uint32_t learnt; /* al_book.clock when its record came */
  uint32_t rank;   /* a keyed hash of the ID: the lowest ranks are the sample */
  uint16_t pins;
  bool doubted; /* al_book_doubt */
} al_book_item;

/* al_book — the table; fields are private to book.c. */
typedef struct al_book {
  al_shelf *shelf, *own_shelf; /* where the records are; own_shelf: to be freed with the book */
  const al_alloc *alloc;
  al_slab entries;
  al_peer *buckets;
  uint64_t secret[2];
  al_id self;
  al_shelved own;               /* this node's own descriptor */
  uint32_t mask;                /* of buckets */
  uint32_t reserved;            /* entries that there is memory for */
  uint32_t clock;               /* counts records that came */
  uint32_t sample_max, members; /* 0: every entry is a member; entries up to `bar` */
  uint32_t bar;                 /* the highest rank that the sample takes */
  uint64_t raised_s;            /* when the bar was raised last */
  uint64_t stable_s; /* before this Unix time no record expires, or goes because it has expired */
  uint32_t fresh;    /* records that have not expired, while fresh_known */
  bool fresh_known;
} al_book;

/* al_book_verdict — what became of a record. */
typedef enum al_book_verdict {
  AL_BOOK_NEW = 1,   /* a node that was not known; it is in the book now */
  AL_BOOK_NEWER,     /* took the place of the record that was there */
  AL_BOOK_SAME,      /* this very record is there already */
  AL_BOOK_STALE,     /* a record with a higher sequence, or other bytes with this one, is there */
  AL_BOOK_SELF,      /* our own identifier */
  AL_BOOK_MALFORMED, /* not a descriptor (count gossip_parse) */
  AL_BOOK_EXPIRED,   /* out of date, or of a time to come (count gossip_expired) */
  AL_BOOK_PUZZLE,    /* the identity puzzle is not solved (count gossip_puzzle) */
  AL_BOOK_SIGNATURE, /* the signature is wrong (count gossip_signature) */
  AL_BOOK_FULL,      /* not verified, because there is no room (count gossip_full) */
} al_book_verdict;

/* al_book_put options, or'ed. */
enum {
  AL_BOOK_CHECK_PUZZLE = 1, /* not in simulations */
  AL_BOOK_MAKE_ROOM = 2,    /* when full, the record learnt first that is not pinned gives way */
  AL_BOOK_ANYBODY = 4,      /* with a sample: also who is no member of it, as a neighbour */
};

/* al_book_init — an empty book.
 *   a       kept; must outlive the book                                                [borrowed]
 *   limit   entries it can hold, 1..2^20; memory for them comes by al_book_reserve
 *   secret  AL_MAP_SECRET_BYTES random bytes
 *   self    this node's identifier: its descriptor is never taken
 * Result: AL_OK or AL_ENOMEM (then the book is cleared).   Cost: three allocations.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/book_book. */
al_err al_book_init(al_book *b, const al_alloc *a, uint32_t limit,
                    const uint8_t secret[AL_MAP_SECRET_BYTES], const al_id *self);

/* al_book_share — keep the records on a shelf that others use too, and have its allocator give
 * memory for entries as they come. Before anything is put in.
 * Result: AL_OK, AL_ENOMEM.   Cost: frees the book's own shelf; an allocation.
 * Source: docs/decisions/0007-many-nodes.md.   Tested: unit/book_shelf. */
al_err al_book_share(al_book *b, al_shelf *shelf);

/* al_book_loose — the memory of a shared shelf: it may be asked at any time, for what is given back
 * soon.
 * Result: NULL when the shelf is the book's own.   Cost: O(1).
 * Source: docs/decisions/0007-many-nodes.md.   Tested: unit/book_shelf. */
static inline const al_alloc *al_book_loose(const al_book *b) {
  return b->own_shelf == NULL && b->shelf != NULL ? &b->shelf->alloc : NULL;
}

/* al_book_clear — give everything back. A zeroed al_book is allowed.
 * Result: none.   Cost: one pass.   Source: docs/ARCHITECTURE.md.   Tested: unit/book_book. */
void al_book_clear(al_book *b);

/* al_book_reserve — have memory for `free_count` entries more than there are, up to the limit.
 * Called when memory may be got (start, commands), never for RX or TICK; where the shelf is shared,
 * entries find memory when they come.
 * Result: AL_OK (also when the limit keeps it below), AL_ENOMEM (what was got stays).
 * Cost:   allocates about 30 bytes an entry, and 10 KB when the shelf is its own.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/book_book. */
al_err al_book_reserve(al_book *b, uint32_t free_count);

/* al_book_source — how a record is judged: by which crypto, at which Unix time, with which
 * AL_BOOK_* options. */
typedef struct al_book_source {
  const al_suite *suite;
  uint64_t wall_s;
  uint32_t options;
} al_book_source;

/* al_book_put — take in a descriptor. Cheap checks come first; the signature is verified last, and
 * only when the record would be taken.
 *   record    copied when taken
 *   ret_peer  entry of that identifier; 0 unless NEW, NEWER, SAME or STALE             [out]
 * Result: a verdict. SAME is as good as verified; of a STALE record only form and dates were
 *         looked at. Never allocates but from a shared shelf: FULL also when
 *         al_book_reserve was not called.
 * Cost:   a hash of the key; with a verification about 200 us natively.
 * Source: PROTOCOL.md 3.4, 7.   Tested: unit/book_book. */
al_book_verdict al_book_put(al_book *b, const al_book_source *from, al_bytes record,
                            al_peer *ret_peer);

/* al_book_set_sample — from now on the book is a sample: of all nodes that were ever offered, the
 * `members` with the lowest ranks, which are keyed hashes of their IDs. Whoever pushes a node, and
 * however often, cannot raise its chance (PROTOCOL.md 7.1). Neighbours that are no members are
 * taken with AL_BOOK_ANYBODY, as far as al_book_init's limit allows. Before anything is put in.
 * Result: none.   Cost: none.   Source: docs/decisions/0010-gossip.md.   Tested:
 * unit/book_sample. */
void al_book_set_sample(al_book *b, uint32_t members);

/* al_book_settle — as if `nodes` nodes had been offered: the bar is where it would be, on average.
 * For simulations.
 * Result: none.   Cost: O(1).   Source: docs/decisions/0007-many-nodes.md.   Tested: sim/settled.
 * */
void al_book_settle(al_book *b, uint32_t nodes);

/* al_book_adopt — take in another book's own descriptor, from the shelf that both share. For
 * simulations.
 *   member   it gets a rank of the sample, whatever its ID
 * Result: its entry, also when it is there already; 0: no room, or another shelf.
 * Cost: O(1); may allocate.   Source: docs/decisions/0007-many-nodes.md.   Tested: sim/settled. */
al_peer al_book_adopt(al_book *b, const al_book *other, bool member);

/* al_book_full — are there more nodes than the sample takes? While not, it is the whole network.
 */
static inline bool al_book_full(const al_book *b) {
  return b->sample_max != 0 && b->bar != UINT32_MAX;
}

/* al_book_scale — one of how many nodes heard of is a member: 1 while the network fits.
 * Result: a number.   Cost: constant.   Source: PROTOCOL.md 7.1.   Tested: unit/book_sample. */
static inline uint32_t al_book_scale(const al_book *b) {
  return al_book_full(b) && b->bar != 0 ? UINT32_MAX / b->bar : 1;
}

/* al_book_takes — would the sample take a node that is not in the book?
 * Result: whether.   Cost: one hash.   Source: PROTOCOL.md 7.1.   Tested: unit/book_sample. */
bool al_book_takes(const al_book *b, const al_id *id);

/* al_book_member — is it one of the sample, from which paths and random neighbours are drawn?
 * Result: false for stale handles, too.   Cost: constant.   Source: PROTOCOL.md 7.1.
 * Tested: unit/book_sample. */
bool al_book_member(const al_book *b, al_peer peer);

/* al_book_early — does it belong to the quarter whose records are renewed every epoch?
 * Result: false for stale handles, too.   Cost: constant.   Source: PROTOCOL.md 7.1.
 * Tested: unit/book_sample. */
bool al_book_early(const al_book *b, al_peer peer);

/* al_book_doubt — it is said to be dead, or (`on` false) it is known to live. Stale handles are
 * passed over. Result: none.   Cost: constant.   Source: PROTOCOL.md 7.1.   Tested:
 * unit/book_sample. */
void al_book_doubt(al_book *b, al_peer peer, bool on);

/* al_book_doubted — is it said to be dead?
 * Result: false for stale handles.   Cost: constant.   Source: PROTOCOL.md 7.1.
 * Tested: unit/book_sample. */
bool al_book_doubted(const al_book *b, al_peer peer);

/* al_book_usable — a member that is not in doubt: what is drawn at random.
 * Result: false for stale handles, too.   Cost: constant.   Source: PROTOCOL.md 7.1.
 * Tested: unit/book_sample. */
bool al_book_usable(const al_book *b, al_peer peer);

/* al_book_forget — drop an entry unless it is pinned.
 * Result: whether it is gone.   Cost: one wipe.   Source: PROTOCOL.md 7.1.
 * Tested: unit/book_sample. */
bool al_book_forget(al_book *b, al_peer peer);

/* al_book_find — the entry of an identifier.
 * Result: 0 when it is not known.   Cost: one map probe.
 * Source: docs/ARCHITECTURE.md.     Tested: unit/book_book. */
al_peer al_book_find(const al_book *b, const al_id *id);

/* al_book_get — what a handle stands for.
 * Result: borrowed until the book changes; NULL for 0 and for a stale handle.   Cost: constant.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/book_book. */
const al_peer_entry *al_book_get(const al_book *b, al_peer peer);

/* al_book_each — walk over the entries: start with *cursor = 0. The book may change meanwhile.
 *   cursor   advanced                                                                  [in/out]
 * Result: the next handle, 0 at the end.   Cost: one pass in all.
 * Source: docs/ARCHITECTURE.md.            Tested: unit/book_book. */
al_peer al_book_each(const al_book *b, uint32_t *cursor);

/* al_book_count — how many nodes are known. */
static inline uint32_t al_book_count(const al_book *b) { return al_slab_count(&b->entries); }

/* al_book_fresh — whether a record has not expired: only then it is sent, counted on and routed to.
 */
static inline bool al_book_fresh(const al_peer_entry *e, uint64_t wall_s) {
  return wall_s < e->desc.expiry_s;
}

/* al_book_verified — is this very record known to be signed as it must be, whoever has it? Only
 * storage answers: it says nothing about the book. The puzzle is not part of it.
 *   ret   its ID and dates; borrowed until the shelf changes; written when true          [out]
 * Result: whether.   Cost: a keyed hash of the record and a comparison.
 * Source: docs/decisions/0007-many-nodes.md.   Tested: unit/book_shelf. */
bool al_book_verified(const al_book *b, al_bytes record, const al_peer_entry **ret);

/* al_book_set_own — this node's own descriptor, just signed by it; takes the place of the last.
 * Result: AL_OK, AL_EPARSE, AL_ENOMEM (the last one stays).   Cost: one copy.
 * Source: PROTOCOL.md 3.4.   Tested: unit/book_shelf. */
al_err al_book_set_own(al_book *b, const al_suite *suite, al_bytes record);

/* al_book_own — that descriptor.
 *   Result: NULL when there is none; borrowed until the next al_book_set_own.   Cost: O(1).
 *   Source: PROTOCOL.md 3.4.   Tested: unit/book_shelf. */
const al_peer_entry *al_book_own(const al_book *b);

/* al_book_pin — keep an entry from being removed (a neighbour, a guard, a hop in use), or let it
 * go. Pins are counted. peer   0 and stale handles are passed over Result: none.   Cost: constant.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/book_book. */
void al_book_pin(al_book *b, al_peer peer, bool pin);

/* al_book_drop — remove an entry, pinned or not; 0 and stale handles are passed over.
 * Result: none.   Cost: one wipe.   Source: docs/ARCHITECTURE.md.   Tested: unit/book_book. */
void al_book_drop(al_book *b, al_peer peer);

/* al_book_count_fresh — how many records have not expired.
 * Result: count.   Cost: none while nothing changes; else one pass.
 * Source: PROTOCOL.md 7.           Tested: unit/book_book. */
uint32_t al_book_count_fresh(al_book *b, uint64_t wall_s);

/* al_book_expire — remove what expired more than AL_BOOK_GRACE_S ago, pinned or not; a full sample
 * lets expired members go at once, and one that is not full any more admits more nodes, slowly.
 * Result: how many were removed.   Cost: one pass.
 * Source: PROTOCOL.md 7.           Tested: unit/book_book. */
uint32_t al_book_expire(al_book *b, uint64_t wall_s);

/* al_book_sample — one of the fresh and usable entries that have all these flags, each equally
 * likely.
 *   flags   AL_DESC_*; 0: any
 *   rng     advanced                                                                   [in/out]
 * Result: 0 when there is none.   Cost: one pass.
 * Source: PROTOCOL.md 7.          Tested: unit/book_book. */
al_peer al_book_sample(const al_book *b, al_rng *rng, uint16_t flags, uint64_t wall_s);

#endif
