/* shelf.h — descriptor records as they were signed, each kept once however many nodes of a process
 * know it: interned by content, immutable, counted by reference, verified before they come in.
 * A shelf is storage and no knowledge: what a node knows is its book. Layer 2. */
#ifndef AL_BOOK_SHELF_H
#define AL_BOOK_SHELF_H

#include "allium/al_shelf.h"
#include "base/base.h"
#include "base/names.h"
#include "base/places.h"
#include "book/identity.h"
#include "wire/wire.h"

enum {
  AL_SHELF_PLACE_BYTES = 16384 + 64, /* a message of a link and what is noted of it */
  AL_SHELF_SHAKE_BYTES = 2688,       /* what a link needs during its handshake */
};

/* al_shelved — a record of a shelf; 0 is none. Good as long as its holder keeps its reference. */
typedef uint32_t al_shelved;

/* al_desc_brief — what is read often of a descriptor; the keys are in the record itself. */
typedef struct al_desc_brief {
  uint16_t flags, capacity_mbit;
  uint8_t addresses_count, rules_count;
  uint64_t sequence, published_s, expiry_s, epoch;
  const al_bytes *addresses;
  const al_exit_rule *rules;
} al_desc_brief;

/* al_peer_entry — a record on a shelf, and what is known of its node. Borrowed. */
typedef struct al_peer_entry {
  al_id id;
  al_desc_brief desc;
  uint64_t puzzle;
  uint64_t group; /* al_address_group of the first address that has one; 0: exempt */
  /* private to shelf.c: */
  uint64_t hash; /* of the record's bytes */
  size_t bytes;  /* of this allocation */
  const uint8_t *data;
  uint32_t refs, record_len, data_len; /* data_len < record_len: runs of zeros are left out */
} al_peer_entry;

/* al_shelf — the records; fields are private to shelf.c. */
struct al_shelf {
  al_alloc alloc;
  const al_suite *suite; /* by which its records were verified; NULL: not said yet */
  uint64_t secret[2];
  al_peer_entry **items; /* by al_shelved - 1 */
  struct al_shelf_block *blocks;
  uint32_t *next; /* the same: chain of a bucket, or of free places; al_shelved */
  uint32_t *buckets;
  uint32_t limit, count, mask, free_place, made;
  uint32_t shared_by; /* nodes */
  uint64_t bytes;     /* of records */
  bool grows;
  al_places places; /* for messages of links */
  al_places shakes; /* for their handshakes */
  al_names names;   /* of their other ends */
};

/* al_shelf_init — an empty shelf with memory for no record.
 *   a       copied
 *   secret  AL_MAP_SECRET_BYTES random bytes: keeps peers from choosing records that collide
 *   grows   true: memory comes as records come, as much as each needs (a shelf that many nodes
 *           share); false: by al_shelf_reserve only, for the largest record (a node's own)
 * Result: none.   Cost: none.   Source: docs/ARCHITECTURE.md.   Tested: unit/book_shelf. */
void al_shelf_init(al_shelf *s, const al_alloc *a, const uint8_t *secret, bool grows);

/* al_shelf_clear — give everything back; a zeroed al_shelf is allowed. No reference is good after.
 * Result: none.   Cost: frees.   Source: docs/ARCHITECTURE.md.   Tested: unit/book_shelf. */
void al_shelf_clear(al_shelf *s);

/* al_shelf_suite — by which its records are verified; NULL: not said yet. */
static inline const al_suite *al_shelf_suite(const al_shelf *s) { return s->suite; }

/* al_shelf_places — room for messages of links, for al_links_config. */
static inline al_places *al_shelf_places(al_shelf *s) { return &s->places; }

/* al_shelf_shakes — room for handshakes of links, likewise. */
static inline al_places *al_shelf_shakes(al_shelf *s) { return &s->shakes; }

/* al_shelf_names — identifiers of the other ends of links, likewise. */
static inline al_names *al_shelf_names(al_shelf *s) { return &s->names; }

/* al_shelf_reserve — have memory for so many records of any size, in all.
 * Result: AL_OK, AL_ENOMEM (what was got stays).   Cost: allocates about 10 KB a record.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/book_shelf. */
al_err al_shelf_reserve(al_shelf *s, uint32_t records);

/* al_shelf_find — the record with exactly these bytes; takes no reference.
 * Result: 0 when it is not there.   Cost: one keyed hash of the bytes, one comparison.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/book_shelf. */
al_shelved al_shelf_find(const al_shelf *s, al_bytes record);

/* al_shelf_add — put in a record that is not there, with one reference. The caller has verified it.
 *   suite  by which; the shelf's own from then on
 *   d      the record, decoded
 *   id     whose it is
 * Result: 0 when there is no memory for it.   Cost: one copy; allocates when the shelf grows.
 * Source: docs/ARCHITECTURE.md.   Tested: unit/book_shelf. */
al_shelved al_shelf_add(al_shelf *s, const al_suite *suite, al_bytes record, const al_desc *d,
                        const al_id *id);

/* al_shelf_ref — one reference more.
 *   Result: none.   Cost: O(1).   Source: docs/ARCHITECTURE.md.   Tested: unit/book_shelf. */
void al_shelf_ref(al_shelf *s, al_shelved r);

/* al_shelf_unref — one reference less; the last one removes the record. 0 is allowed.
 * Result: none.   Cost: O(1).   Source: docs/ARCHITECTURE.md.   Tested: unit/book_shelf. */
void al_shelf_unref(al_shelf *s, al_shelved r);

/* al_shelf_get — what a record says; good as long as a reference is held.
 * Result: NULL for 0.   Cost: O(1).   Source: docs/ARCHITECTURE.md.   Tested: unit/book_shelf. */
const al_peer_entry *al_shelf_get(const al_shelf *s, al_shelved r);

/* al_entry_copy — bytes of a record as it was signed.
 *   at, len   a part of it, within its length                                       [asserted]
 * Result: none.   Cost: one copy.   Source: docs/ARCHITECTURE.md.   Tested: unit/book_shelf. */
void al_entry_copy(const al_peer_entry *e, size_t at, uint8_t *out, size_t len);

/* al_entry_write — append a whole record.
 *   w   bad when it does not fit                                                    [in/out]
 * Result: none.   Cost: one copy.   Source: docs/ARCHITECTURE.md.   Tested: unit/book_shelf. */
void al_entry_write(const al_peer_entry *e, al_wr *w);

/* al_entry_equal — whether a record has exactly these bytes.
 * Result: equal.   Cost: one comparison.   Source: docs/ARCHITECTURE.md.
 * Tested: unit/book_shelf. */
bool al_entry_equal(const al_peer_entry *e, al_bytes record);

/* al_entry_link_pk — the link key of a record.
 *   out   AL_KEM_PK_BYTES bytes                                                     [out]
 * Result: none.   Cost: one copy.   Source: PROTOCOL.md 3.4.   Tested: unit/book_shelf. */
void al_entry_link_pk(const al_peer_entry *e, uint8_t *out);

/* al_entry_has_onion — whether a record publishes an onion key for an epoch.
 * Result: whether.   Cost: O(1).   Source: PROTOCOL.md 5.6.   Tested: unit/book_shelf. */
bool al_entry_has_onion(const al_peer_entry *e, uint64_t epoch);

/* al_entry_onion_pk — that key.
 *   out   AL_KEM_PK_BYTES bytes; written when true                                  [out]
 * Result: al_entry_has_onion.   Cost: one copy.   Source: PROTOCOL.md 5.6.
 * Tested: unit/book_shelf. */
bool al_entry_onion_pk(const al_peer_entry *e, uint64_t epoch, uint8_t *out);

#endif
