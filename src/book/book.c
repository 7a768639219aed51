/* book.c — see book.h. Entries are slab items of a few bytes, in chains by identifier; what they
 * stand for is on a shelf. */
#include "book/book.h"

#include "base/hash.h"

/* An own shelf has places for the own descriptor beside those of the book: the last one, the new
 * one, and the newer record of an entry before its old one goes. */
enum { OWN_RECORDS = 3, BUCKETS_MIN = 4 };

static al_book_item *item_at(const al_book *b, al_peer peer) {
  return al_slab_get(&b->entries, peer);
}

static const al_peer_entry *entry_of(const al_book *b, const al_book_item *i) {
  return al_shelf_get(b->shelf, i->record);
}

al_err al_book_init(al_book *b, const al_alloc *a, uint32_t limit,
                    const uint8_t secret[AL_MAP_SECRET_BYTES], const al_id *self) {
  memset(b, 0, sizeof *b);
  b->alloc = a;
  b->self = *self;
  b->bar = UINT32_MAX;
  b->secret[0] = al_load_u64(secret);
  b->secret[1] = al_load_u64(secret + 8);
  uint32_t buckets = BUCKETS_MIN;
  while (buckets < limit - limit / 3) buckets *= 2;
  b->mask = buckets - 1;
  b->buckets = al_new_array(a, buckets, sizeof *b->buckets);
  b->shelf = b->own_shelf = al_new(a, sizeof *b->own_shelf);
  al_err err = b->buckets != NULL && b->shelf != NULL ? AL_OK : AL_ENOMEM;
  if (b->shelf != NULL) al_shelf_init(b->shelf, a, secret, false);
  if (err == AL_OK) err = al_slab_init(&b->entries, a, sizeof(al_book_item), limit);
  if (err != AL_OK) al_book_clear(b);
  return err;
}

static void free_own_shelf(al_book *b) {
  if (b->own_shelf == NULL) return;
  al_shelf_clear(b->own_shelf);
  al_delete(b->alloc, b->own_shelf, sizeof *b->own_shelf);
  b->own_shelf = NULL;
}

al_err al_book_share(al_book *b, al_shelf *shelf) {
  const uint32_t limit = b->entries.limit;
  AL_ASSERT(al_book_count(b) == 0 && b->own == 0);
  free_own_shelf(b);
  b->shelf = shelf;
  shelf->shared_by++;
  b->reserved = 0;
  al_slab_clear(&b->entries);
  return al_slab_init(&b->entries, &shelf->alloc, sizeof(al_book_item), limit);
}

void al_book_clear(al_book *b) {
  if (b->shelf != NULL && b->own_shelf == NULL) { /* others go on using it */
    uint32_t cursor = 0;
    for (al_peer p; (p = al_slab_each(&b->entries, &cursor)) != 0;)
      al_shelf_unref(b->shelf, item_at(b, p)->record);
    al_shelf_unref(b->shelf, b->own);
    b->shelf->shared_by--;
  }
  free_own_shelf(b);
  al_slab_clear(&b->entries);
  if (b->buckets != NULL) al_delete(b->alloc, b->buckets, (b->mask + 1) * sizeof *b->buckets);
  memset(b, 0, sizeof *b);
}

al_err al_book_reserve(al_book *b, uint32_t free_count) {
  uint64_t wanted = (uint64_t)al_slab_count(&b->entries) + free_count;
  uint32_t items = (uint32_t)al_min_u64(wanted, b->entries.limit);
  if (items <= b->reserved) return AL_OK;
  al_err err = al_slab_reserve(&b->entries, items);
  if (err == AL_OK && b->own_shelf != NULL)
    err = al_shelf_reserve(b->own_shelf, items + OWN_RECORDS);
  if (err == AL_OK) b->reserved = b->own_shelf != NULL ? items : al_slab_room(&b->entries);
  return err;
}

/* Is there no room for one more? Where memory may be asked for at any time, there is up to the
 * limit. */
static bool crowded(al_book *b) {
  if (al_book_count(b) < b->reserved) return false;
  return al_book_loose(b) == NULL || al_book_reserve(b, 1) != AL_OK ||
         al_book_count(b) >= b->reserved;
}

static al_peer *bucket_of(const al_book *b, const al_id *id) {
  return &b->buckets[al_hash_id(b->secret, id) & b->mask];
}

al_peer al_book_find(const al_book *b, const al_id *id) {
  if (b->buckets == NULL) return 0;
  for (al_peer p = *bucket_of(b, id); p != 0;) {
    const al_book_item *i = item_at(b, p);
    if (al_id_equal(&entry_of(b, i)->id, id)) return p;
    p = i->next;
  }
  return 0;
}

const al_peer_entry *al_book_get(const al_book *b, al_peer peer) {
  const al_book_item *i = item_at(b, peer);
  return i != NULL ? entry_of(b, i) : NULL;
}

al_peer al_book_each(const al_book *b, uint32_t *cursor) {
  return al_slab_each(&b->entries, cursor);
}

void al_book_pin(al_book *b, al_peer peer, bool pin) {
  al_book_item *i = item_at(b, peer);
  if (i == NULL) return;
  AL_ASSERT(pin ? i->pins < UINT16_MAX : i->pins > 0);
  i->pins = (uint16_t)(pin ? i->pins + 1 : i->pins - 1);
}

void al_book_drop(al_book *b, al_peer peer) {
  al_book_item *i = item_at(b, peer);
  if (i == NULL) return;
  al_peer *at = bucket_of(b, &entry_of(b, i)->id);
  while (*at != peer) at = &item_at(b, *at)->next;
  *at = i->next;
  al_shelf_unref(b->shelf, i->record);
  if (b->sample_max != 0) b->members -= i->rank <= b->bar;
  b->fresh_known = false;
  al_slab_drop(&b->entries, peer);
}

/* ---- the own descriptor; records of others that are verified ---- */

bool al_book_verified(const al_book *b, al_bytes record, const al_peer_entry **ret) {
  al_shelved r = al_shelf_find(b->shelf, record);
  if (r != 0) *ret = al_shelf_get(b->shelf, r);
  return r != 0;
}

al_err al_book_set_own(al_book *b, const al_suite *suite, al_bytes record) {
  al_desc d;
  if (al_desc_decode(record, &d) != AL_OK) return AL_EPARSE;
  if (b->own_shelf != NULL && al_shelf_reserve(b->own_shelf, OWN_RECORDS) != AL_OK)
    return AL_ENOMEM;
  al_shelved r = al_shelf_find(b->shelf, record);
  if (r != 0)
    al_shelf_ref(b->shelf, r);
  else
    r = al_shelf_add(b->shelf, suite, record, &d, &b->self);
  if (r == 0) return AL_ENOMEM;
  al_shelf_unref(b->shelf, b->own);
  b->own = r;
  return AL_OK;
}

const al_peer_entry *al_book_own(const al_book *b) { return al_shelf_get(b->shelf, b->own); }

/* ---- the sample ---- */

void al_book_set_sample(al_book *b, uint32_t members) {
  AL_ASSERT(al_book_count(b) == 0);
  b->sample_max = members;
}

static uint32_t rank_of(const al_book *b, const al_id *id) {
  return (uint32_t)(al_hash_id(b->secret, id) >> 32); /* buckets go by the other half */
}

static bool takes(const al_book *b, uint32_t rank) {
  if (b->sample_max == 0) return true;
  return b->members < b->sample_max ? rank <= b->bar : rank < b->bar;
}

bool al_book_takes(const al_book *b, const al_id *id) { return takes(b, rank_of(b, id)); }

bool al_book_member(const al_book *b, al_peer peer) {
  const al_book_item *i = item_at(b, peer);
  return i != NULL && i->rank <= b->bar;
}

bool al_book_early(const al_book *b, al_peer peer) {
  const al_book_item *i = item_at(b, peer);
  return i != NULL && i->rank <= b->bar / 4;
}

void al_book_doubt(al_book *b, al_peer peer, bool on) {
  al_book_item *i = item_at(b, peer);
  if (i != NULL) i->doubted = on;
}

bool al_book_doubted(const al_book *b, al_peer peer) {
  const al_book_item *i = item_at(b, peer);
  return i != NULL && i->doubted;
}

bool al_book_usable(const al_book *b, al_peer peer) {
  const al_book_item *i = item_at(b, peer);
  return i != NULL && i->rank <= b->bar && !i->doubted;
}

bool al_book_forget(al_book *b, al_peer peer) {
  const al_book_item *i = item_at(b, peer);
  if (i == NULL || i->pins != 0) return false;
  al_book_drop(b, peer);
  return true;
}

/* Count the members anew; one too many: the bar goes below the highest rank. A sample that has all
 * it takes has its bar at its highest rank. */
static void settle(al_book *b) {
  uint32_t cursor = 0, count = 0, highest = 0, second = 0;
  if (b->sample_max == 0) return;
  for (al_peer p; (p = al_slab_each(&b->entries, &cursor)) != 0;) {
    uint32_t rank = item_at(b, p)->rank;
    if (rank > b->bar) continue;
    count++;
    if (rank >= highest) {
      second = highest;
      highest = rank;
    } else if (rank > second) {
      second = rank;
    }
  }
  b->members = count;
  if (count < b->sample_max || (count == b->sample_max && b->bar == UINT32_MAX)) return;
  b->bar = count > b->sample_max ? second : highest;
  b->members = b->sample_max;
}

/* Members went, and few new ones were heard of: more nodes may be members. */
static void raise_bar(al_book *b, uint64_t wall_s) {
  if (!al_book_full(b) || b->members >= b->sample_max - b->sample_max / 8) return;
  if (wall_s < b->raised_s + AL_BOOK_RAISE_S) return;
  b->raised_s = wall_s;
  b->bar = (uint32_t)al_min_u64((uint64_t)b->bar + b->bar / 16 + 1, UINT32_MAX);
  settle(b);
}

uint32_t al_book_count_fresh(al_book *b, uint64_t wall_s) {
  if (b->fresh_known && wall_s < b->stable_s) return b->fresh;
  uint32_t cursor = 0;
  b->fresh = 0;
  b->stable_s = UINT64_MAX;
  for (al_peer p; (p = al_book_each(b, &cursor)) != 0;) {
    const al_peer_entry *e = al_book_get(b, p);
    bool fresh = al_book_fresh(e, wall_s);
    b->fresh += fresh;
    /* One that has expired may have to go at any time. */
    b->stable_s = al_min_u64(b->stable_s, fresh ? e->desc.expiry_s : wall_s + 1);
  }
  b->fresh_known = true;
  return b->fresh;
}

uint32_t al_book_expire(al_book *b, uint64_t wall_s) {
  uint32_t removed = 0, cursor = 0;
  if (b->fresh_known && wall_s < b->stable_s) {
    raise_bar(b, wall_s);
    return 0;
  }
  for (al_peer p; (p = al_book_each(b, &cursor)) != 0;) {
    const al_peer_entry *e = al_book_get(b, p);
    if (wall_s < e->desc.expiry_s) continue;
    bool grace = wall_s - e->desc.expiry_s <= AL_BOOK_GRACE_S;
    if (grace && (!al_book_full(b) || item_at(b, p)->pins != 0)) continue;
    al_book_drop(b, p);
    removed++;
  }
  raise_bar(b, wall_s);
  return removed;
}

al_peer al_book_sample(const al_book *b, al_rng *rng, uint16_t flags, uint64_t wall_s) {
  uint32_t cursor = 0;
  uint64_t seen = 0;
  al_peer chosen = 0;
  for (al_peer p; (p = al_book_each(b, &cursor)) != 0;) {
    const al_peer_entry *e = al_book_get(b, p);
    if ((e->desc.flags & flags) != flags || !al_book_fresh(e, wall_s)) continue;
    if (!al_book_usable(b, p)) continue;
    if (al_rng_below(rng, ++seen) == 0) chosen = p; /* a reservoir of one */
  }
  return chosen;
}

/* What may go first: an unpinned record that has expired; with `any`, else the one learnt first. */
static al_peer victim(const al_book *b, uint64_t wall_s, bool any) {
  uint32_t cursor = 0;
  al_peer oldest = 0;
  uint32_t oldest_age = 0;
  for (al_peer p; (p = al_book_each(b, &cursor)) != 0;) {
    const al_book_item *i = item_at(b, p);
    if (i->pins != 0) continue;
    if (!al_book_fresh(entry_of(b, i), wall_s)) return p;
    if (!any || (oldest != 0 && b->clock - i->learnt <= oldest_age)) continue;
    oldest = p;
    oldest_age = b->clock - i->learnt;
  }
  return oldest;
}

/* In a sample: who is no member and pinned goes first, the one learnt first; then the member with
 * the highest rank, if a member with a lower one comes. */
static al_peer victim_of_sample(const al_book *b, uint32_t rank, uint64_t wall_s) {
  uint32_t cursor = 0, oldest_age = 0;
  al_peer oldest = 0, highest = 0, expired = 0;
  for (al_peer p; (p = al_book_each(b, &cursor)) != 0;) {
    const al_book_item *i = item_at(b, p);
    if (i->pins != 0) continue;
    if (!al_book_fresh(entry_of(b, i), wall_s)) expired = p;
    if (i->rank <= b->bar) {
      if (i->rank > rank && (highest == 0 || i->rank > item_at(b, highest)->rank)) highest = p;
    } else if (oldest == 0 || b->clock - i->learnt > oldest_age) {
      oldest = p;
      oldest_age = b->clock - i->learnt;
    }
  }
  if (expired != 0 || oldest != 0) return expired != 0 ? expired : oldest;
  return takes(b, rank) ? highest : 0;
}

/* The member that a new one takes the place of, if the sample has all it takes. */
static al_peer displaced(const al_book *b) {
  uint32_t cursor = 0;
  for (al_peer p; (p = al_book_each(b, &cursor)) != 0;) {
    const al_book_item *i = item_at(b, p);
    if (i->rank == b->bar && i->pins == 0) return p;
  }
  return 0;
}

/* Who makes room for a new entry. Result: false when it finds none. */
static bool room_for(al_book *b, const al_book_source *from, uint32_t rank, al_peer *out) {
  *out = 0;
  if (b->sample_max == 0) {
    bool full = crowded(b);
    if (full) *out = victim(b, from->wall_s, (from->options & AL_BOOK_MAKE_ROOM) != 0);
    return !full || *out != 0;
  }
  if (!takes(b, rank) && (from->options & AL_BOOK_ANYBODY) == 0) return false;
  if (takes(b, rank) && b->members >= b->sample_max) *out = displaced(b);
  if (*out != 0 || !crowded(b)) return true;
  *out = victim_of_sample(b, rank, from->wall_s);
  return *out != 0;
}

/* A record under judgement: on the shelf already, or decoded. */
typedef struct judged {
  al_shelved known; /* 0: not verified yet */
  al_desc d;        /* when not known */
  al_id id;
  uint64_t sequence, published_s, expiry_s;
} judged;

static bool read(const al_book *b, const al_book_source *from, al_bytes record, judged *j) {
  const al_peer_entry *e;
  j->known = b->shelf->suite == from->suite ? al_shelf_find(b->shelf, record) : 0;
  if (j->known != 0) {
    e = al_shelf_get(b->shelf, j->known);
    j->id = e->id;
    j->sequence = e->desc.sequence;
    j->published_s = e->desc.published_s;
    j->expiry_s = e->desc.expiry_s;
    return true;
  }
  if (al_desc_decode(record, &j->d) != AL_OK) return false;
  j->id = al_node_id(from->suite, j->d.sig_pk);
  j->sequence = j->d.sequence;
  j->published_s = j->d.published_s;
  j->expiry_s = j->d.expiry_s;
  return true;
}

/* What can be said against a record before its signature is looked at, cheapest first; 0: nothing.
 */
static al_book_verdict judge(const al_book *b, const al_book_source *from, const judged *j) {
  if (al_id_equal(&j->id, &b->self)) return AL_BOOK_SELF;
  if (j->expiry_s <= from->wall_s) return AL_BOOK_EXPIRED;
  if (j->published_s > from->wall_s && j->published_s - from->wall_s > AL_DESC_SKEW_S)
    return AL_BOOK_EXPIRED;
  return 0;
}

/* Takes a good record of a node that is not in the book; `out` gives way to it if it is not 0. */
static al_peer insert(al_book *b, al_peer out, const al_id *id) {
  void *item;
  al_book_drop(b, out);
  al_peer peer = al_slab_take_noalloc(&b->entries, &item);
  AL_ASSERT(peer != 0); /* there was room or `out` made some */
  al_peer *bucket = bucket_of(b, id);
  ((al_book_item *)item)->next = *bucket;
  ((al_book_item *)item)->rank = rank_of(b, id);
  *bucket = peer;
  return peer;
}

/* A reference to the record, which is verified now if nobody has done it. */
static al_book_verdict admit(al_book *b, const al_book_source *from, al_bytes record, judged *j) {
  if (j->known != 0) {
    al_shelf_ref(b->shelf, j->known);
    return AL_BOOK_NEW;
  }
  if (al_descriptor_verify(from->suite, &j->d) != AL_OK) return AL_BOOK_SIGNATURE;
  j->known = al_shelf_add(b->shelf, from->suite, record, &j->d, &j->id);
  return j->known != 0 ? AL_BOOK_NEW : AL_BOOK_FULL;
}

static bool puzzle_solved(const al_book *b, const al_book_source *from, const judged *j) {
  if ((from->options & AL_BOOK_CHECK_PUZZLE) == 0) return true;
  uint64_t puzzle = j->known != 0 ? al_shelf_get(b->shelf, j->known)->puzzle : j->d.puzzle;
  return al_puzzle_check(from->suite, &j->id, puzzle);
}

al_book_verdict al_book_put(al_book *b, const al_book_source *from, al_bytes record,
                            al_peer *ret_peer) {
  judged j;
  *ret_peer = 0;
  if (!read(b, from, record, &j)) return AL_BOOK_MALFORMED;
  al_book_verdict against = judge(b, from, &j);
  if (against != 0) return against;
  al_peer peer = al_book_find(b, &j.id), out = 0;
  al_book_item *i = item_at(b, peer);
  if (i != NULL && j.sequence <= entry_of(b, i)->desc.sequence) {
    *ret_peer = peer;
    return i->record == j.known ? AL_BOOK_SAME : AL_BOOK_STALE;
  }
  if (!puzzle_solved(b, from, &j)) return AL_BOOK_PUZZLE;
  if (i == NULL && !room_for(b, from, rank_of(b, &j.id), &out)) return AL_BOOK_FULL;
  al_book_verdict v = admit(b, from, record, &j);
  if (v != AL_BOOK_NEW) return v;
  if (i == NULL) {
    peer = insert(b, out, &j.id);
    i = item_at(b, peer);
  } else {
    al_shelf_unref(b->shelf, i->record);
    v = AL_BOOK_NEWER;
  }
  i->record = j.known;
  b->fresh_known = false;
  i->learnt = ++b->clock;
  i->doubted = false;
  if (v == AL_BOOK_NEW) settle(b);
  *ret_peer = peer;
  return v;
}

/* ---- simulations ---- */

void al_book_settle(al_book *b, uint32_t nodes) {
  if (b->sample_max == 0 || nodes <= b->sample_max) return;
  b->bar = (uint32_t)((uint64_t)UINT32_MAX * b->sample_max / nodes);
}

al_peer al_book_adopt(al_book *b, const al_book *other, bool member) {
  const al_peer_entry *e = al_book_own(other);
  if (b->own_shelf != NULL || b->shelf != other->shelf || e == NULL) return 0;
  al_peer peer = al_book_find(b, &e->id);
  if (peer != 0) return peer;
  if (crowded(b)) return 0;
  peer = insert(b, 0, &e->id);
  al_book_item *i = item_at(b, peer);
  al_shelf_ref(b->shelf, other->own);
  i->record = other->own;
  i->learnt = ++b->clock;
  /* Evenly below the bar, in the order in which they come. */
  if (member && al_book_full(b))
    i->rank = (uint32_t)((uint64_t)b->bar * (b->members + 1) / b->sample_max);
  b->fresh_known = false;
  settle(b);
  return peer;
}
