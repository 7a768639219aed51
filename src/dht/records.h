/* records.h — the records that this node keeps for the network: bounded in number and bytes, each
 * until it expires, the closest to the node's own identifier first. One allocation, when the store
 * is opened; nothing before and nothing after. Layer 3. */
#ifndef AL_DHT_RECORDS_H
#define AL_DHT_RECORDS_H

#include "allium/al_dht.h"
#include "base/base.h"
#include "dht/sign.h"

enum {
  AL_RECORDS_LIFETIME_S = 86400,    /* nothing is kept for longer without being brought again */
  AL_RECORDS_SKEW_S = 3600,         /* an expiry may be this much later: clocks differ */
  AL_RECORDS_REPUBLISH_S = 3600,    /* mean; uniform between half and one and a half of it */
  AL_RECORDS_CACHE_S = 1800,        /* a copy at the first node of the way back ... */
  AL_RECORDS_CACHE_S_MIN = 60,      /* ... half as long at each further one, down to this */
  AL_RECORDS_BLOCK_BYTES = 256,     /* bytes are taken in blocks of this size */
  AL_RECORDS_MAX = 65536,           /* limit of al_records_config.records_max */
  AL_RECORDS_BYTES_LIMIT = 1 << 28, /* limit of al_records_config.bytes_max */
  AL_RECORDS_SHARE = 8,             /* of a store half full one source has an eighth at most ... */
  AL_RECORDS_GONE_MAX = 64,         /* forgotten ones that the host was not told of yet */
  AL_RECORDS_CACHE_SHARE = 4,       /* ... and copies a quarter of every store */
};

typedef struct al_records_config {
  const al_alloc *alloc;
  const al_suite *suite;
  al_rng *rng;
  al_counters *counters;
  al_id self;
  uint32_t records_max; /* 0: this node keeps none */
  uint32_t bytes_max;
} al_records_config;

/* One record's place; private to records.c. */
typedef struct records_entry {
  al_id place[AL_RECORD_PLACES]; /* the first is its key */
  uint64_t sequence, expires_s, republish_s;
  uint32_t source; /* who brought it; 0: this node's own host */
  uint32_t head;   /* first block + 1 */
  uint16_t len;
  uint8_t state, kind;
  uint8_t nearest; /* to our identifier, of its places */
} records_entry;

/* al_records — the store; fields are private to records.c. */
typedef struct al_records {
  al_records_config c;
  records_entry *entries; /* records_max, and AL_RECORDS_GONE_MAX at most for those gone */
  uint32_t *order;        /* every place of live entries, the closest to self first */
  uint32_t *next;         /* of each block: the next one + 1 */
  uint8_t *blocks;
  uint32_t count, blocks_max, blocks_free, free_head, cached_blocks, gone;
  uint64_t expiry_next_s, republish_next_s; /* nothing expires or is due before */
} al_records;

/* al_records_offer — a record that somebody brings. */
typedef struct al_records_offer {
  al_id key;
  al_bytes bytes;
  uint64_t wall_s;
  uint32_t lifetime_s; /* how long it is to be kept; the record's own expiry bounds it too */
  uint32_t source;     /* names who brought it (any hash); 0: our own host, without a quota */
  bool far;            /* this node is not among the closest to the key */
  bool cached;         /* a copy made on the way of an answer: goes first */
} al_records_offer;

/* al_records_init — an empty store, without memory of its own.
 *   c   copied; alloc, suite, rng and counters must outlive it
 * Result: none.   Cost: none.   Source: PROTOCOL.md 7.3.   Tested: unit/dht_records. */
void al_records_init(al_records *r, const al_records_config *c);

/* al_records_clear — give the memory back; a zeroed al_records is allowed.
 * Result: none.   Cost: one free.   Source: none.   Tested: unit/dht_records. */
void al_records_clear(al_records *r);

/* al_records_open — have the memory for all that may be kept; nothing when it is there already.
 * Before this every record is refused: FULL.
 * Result: AL_OK, AL_ENOMEM.   Cost: one allocation of bytes_max and 160 bytes a record.
 * Source: docs/decisions/0009-records.md.   Tested: unit/dht_records. */
al_err al_records_open(al_records *r);

/* al_records_put — judge a record and keep it: form, lifetime, key, sequence, room, signature, in
 * this order, so that what can be refused cheaply is.
 * Result: TAKEN, SAME (its lifetime may have grown), or why not; each is counted as record_<name>.
 * Cost:   one hash of the record, two of its key; a signature check when it would be kept;
 *         O(records) when full.
 * Source: PROTOCOL.md 7.3.   Tested: unit/dht_records. */
al_record_verdict al_records_put(al_records *r, const al_records_offer *o);

/* al_record_held — what al_records_get tells of a record besides its bytes. */
typedef struct al_record_held {
  uint64_t sequence;
  uint32_t lifetime_s; /* left */
  uint16_t len;
  al_record_kind kind;
  uint8_t nearest; /* which of its places is the nearest to this node */
  bool cached;
} al_record_held;

/* al_records_get — the record of a key, or that has a place there.
 *   out   AL_RECORD_BYTES_MAX bytes, or NULL: only ret is wanted                       [out]
 *   ret   written when true                                                            [out]
 * Result: false when there is none, or it has expired.   Cost: O(log records), one copy.
 * Source: PROTOCOL.md 7.3.   Tested: unit/dht_records. */
bool al_records_get(const al_records *r, const al_id *key, uint64_t wall_s, uint8_t *out,
                    al_record_held *ret);

/* al_records_drop — forget a record.
 * Result: whether it was there.   Cost: O(records).   Source: none.   Tested: unit/dht_records. */
bool al_records_drop(al_records *r, const al_id *key);

/* al_records_tick — forget what has expired.
 * Result: none.   Cost: O(1) when nothing is due, else O(records).   Source: PROTOCOL.md 7.3.
 * Tested: unit/dht_records. */
void al_records_tick(al_records *r, uint64_t wall_s);

/* al_records_due — a record whose time has come to be brought to the closest nodes again; its next
 * time is set.
 *   ret_key   written when true                                                        [out]
 * Result: false when none is due.   Cost: O(1) when none is due, else O(records).
 * Source: PROTOCOL.md 7.3.   Tested: unit/dht_records. */
bool al_records_due(al_records *r, uint64_t wall_s, al_id *ret_key);

/* al_records_demote — others are closer now: keep it as a copy, which goes first.
 * Result: whether it was there.   Cost: O(log records).   Source: PROTOCOL.md 7.3.
 * Tested: unit/dht_records. */
bool al_records_demote(al_records *r, const al_id *key);

/* al_records_each — walk over the keys, the closest to the node's own identifier first; start with
 * *cursor = 0. Copies (cached) are passed over.
 *   ret_key   written when true                                                        [out]
 * Result: false at the end.   Cost: O(1).   Source: none.   Tested: unit/dht_records. */
bool al_records_each(const al_records *r, uint32_t *cursor, al_id *ret_key);

/* al_records_gone — a record that was forgotten since and that the host may have stored; each is
 * told once, unless its place was needed before.
 *   ret_key   written when true                                                        [out]
 * Result: false when none is left.   Cost: O(1) when none is left, else O(records).
 * Source: PROTOCOL.md 3.5.   Tested: unit/dht_records. */
bool al_records_gone(al_records *r, al_id *ret_key);

/* al_records_mark_gone — a record that the host has and this node has not: to be told as gone.
 * Result: none; without a free place it is not told.   Cost: O(records).   Source: PROTOCOL.md 3.5.
 * Tested: unit/dht_records. */
void al_records_mark_gone(al_records *r, const al_id *key);

/* al_records_cache_s — how long a copy is kept that many hops away from who had the record.
 * Result: seconds; 0: not at all.   Cost: none.   Source: PROTOCOL.md 7.3.
 * Tested: unit/dht_records. */
uint32_t al_records_cache_s(uint32_t hops);

/* al_records_bytes — bytes of blocks that are taken. */
static inline uint32_t al_records_bytes(const al_records *r) {
  return (r->blocks_max - r->blocks_free) * AL_RECORDS_BLOCK_BYTES;
}

/* al_records_count — how many records are kept, copies included. */
static inline uint32_t al_records_count(const al_records *r) { return r->count; }

#endif
