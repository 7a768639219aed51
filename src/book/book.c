/* book.c — see book.h. Entries are slab items, found by identifier through one map. */
#include "book/book.h"

static al_peer_entry *entry_at(const al_book *b, al_peer peer) {
  return al_slab_get(&b->entries, peer);
}

al_err al_book_init(al_book *b, const al_alloc *a, uint32_t limit,
                    const uint8_t secret[AL_MAP_SECRET_BYTES], const al_id *self) {
  memset(b, 0, sizeof *b);
  b->self = *self;
  al_err err = al_slab_init(&b->entries, a, sizeof(al_peer_entry), limit);
  if (err == AL_OK) err = al_map_init(&b->by_id, a, sizeof(al_id), limit, secret);
  if (err != AL_OK) al_book_clear(b);
  return err;
}

void al_book_clear(al_book *b) {
  al_slab_clear(&b->entries);
  al_map_clear(&b->by_id);
  memset(b, 0, sizeof *b);
}

al_err al_book_reserve(al_book *b, uint32_t free_count) {
  uint64_t wanted = (uint64_t)al_slab_count(&b->entries) + free_count;
  uint32_t items = (uint32_t)al_min_u64(wanted, b->entries.limit);
  if (items <= b->reserved) return AL_OK;
  al_err err = al_slab_reserve(&b->entries, items);
  if (err == AL_OK) b->reserved = items;
  return err;
}

al_peer al_book_find(const al_book *b, const al_id *id) {
  uint32_t peer = 0;
  (void)al_map_find(&b->by_id, id->b, &peer);
  return peer;
}

const al_peer_entry *al_book_get(const al_book *b, al_peer peer) { return entry_at(b, peer); }

al_peer al_book_each(const al_book *b, uint32_t *cursor) {
  return al_slab_each(&b->entries, cursor);
}

const uint8_t *al_book_onion_pk(const al_peer_entry *e, uint64_t epoch) {
  uint64_t after = epoch - e->desc.epoch; /* an earlier epoch wraps to a large number */
  return after < 2 ? e->desc.onion_pk[after] : NULL;
}

void al_book_pin(al_book *b, al_peer peer, bool pin) {
  al_peer_entry *e = entry_at(b, peer);
  if (e == NULL) return;
  AL_ASSERT(pin ? e->pins < UINT32_MAX : e->pins > 0);
  e->pins = pin ? e->pins + 1 : e->pins - 1;
}

void al_book_drop(al_book *b, al_peer peer) {
  al_peer_entry *e = entry_at(b, peer);
  if (e == NULL) return;
  (void)al_map_drop(&b->by_id, e->id.b, NULL);
  al_slab_drop(&b->entries, peer);
}

uint32_t al_book_expire(al_book *b, uint64_t wall_s) {
  uint32_t removed = 0, cursor = 0;
  for (al_peer p; (p = al_book_each(b, &cursor)) != 0;) {
    const al_peer_entry *e = entry_at(b, p);
    if (wall_s < e->desc.expiry_s || wall_s - e->desc.expiry_s <= AL_BOOK_GRACE_S) continue;
    al_book_drop(b, p);
    removed++;
  }
  return removed;
}

al_peer al_book_sample(const al_book *b, al_rng *rng, uint16_t flags, uint64_t wall_s) {
  uint32_t cursor = 0;
  uint64_t seen = 0;
  al_peer chosen = 0;
  for (al_peer p; (p = al_book_each(b, &cursor)) != 0;) {
    const al_peer_entry *e = entry_at(b, p);
    if ((e->desc.flags & flags) != flags || !al_book_fresh(e, wall_s)) continue;
    if (al_rng_below(rng, ++seen) == 0) chosen = p; /* a reservoir of one */
  }
  return chosen;
}

/* What may go first: an unpinned record that has expired; with `any`, else the one learnt first. */
static al_peer victim(const al_book *b, uint64_t wall_s, bool any) {
  uint32_t cursor = 0;
  al_peer oldest = 0;
  uint64_t oldest_s = UINT64_MAX;
  for (al_peer p; (p = al_book_each(b, &cursor)) != 0;) {
    const al_peer_entry *e = entry_at(b, p);
    if (e->pins != 0) continue;
    if (!al_book_fresh(e, wall_s)) return p;
    if (any && e->learnt_s < oldest_s) {
      oldest = p;
      oldest_s = e->learnt_s;
    }
  }
  return oldest;
}

static uint64_t group_of(const al_desc *d) {
  for (uint32_t i = 0; i < d->addresses_count; i++) {
    al_address a;
    if (al_address_decode(d->addresses[i], &a) != AL_OK) continue;
    uint64_t group = al_address_group(&a);
    if (group != 0) return group;
  }
  return 0;
}

/* The record must have been decoded once: then its copy decodes as well. */
static void fill(al_peer_entry *e, const al_id *id, al_bytes record, uint64_t wall_s) {
  e->id = *id;
  memcpy(e->bytes, record.ptr, record.len);
  e->bytes_count = (uint32_t)record.len;
  e->record = al_view(e->bytes, record.len);
  al_err err = al_desc_decode(e->record, &e->desc);
  AL_ASSERT(err == AL_OK);
  e->learnt_s = wall_s;
  e->group = group_of(&e->desc);
}

/* What can be said against a record before its signature is looked at, cheapest first; 0: nothing.
 */
static al_book_verdict judge(const al_book *b, const al_book_source *from, const al_desc *d,
                             const al_id *id) {
  if (al_id_equal(id, &b->self)) return AL_BOOK_SELF;
  if (d->expiry_s <= from->wall_s) return AL_BOOK_EXPIRED;
  if (d->published_s > from->wall_s && d->published_s - from->wall_s > AL_DESC_SKEW_S)
    return AL_BOOK_EXPIRED;
  return 0;
}

/* Takes a good record of a node that is not in the book; `out` gives way to it if it is not 0. */
static al_peer insert(al_book *b, al_peer out, const al_id *id) {
  void *entry;
  al_book_drop(b, out);
  al_peer peer = al_slab_take_noalloc(&b->entries, &entry);
  AL_ASSERT(peer != 0); /* there was room or `out` made some */
  al_err err = al_map_put(&b->by_id, id->b, peer);
  AL_ASSERT(err == AL_OK); /* the map holds as many as the slab */
  return peer;
}

al_book_verdict al_book_put(al_book *b, const al_book_source *from, al_bytes record,
                            al_peer *ret_peer) {
  al_desc d;
  *ret_peer = 0;
  if (al_desc_decode(record, &d) != AL_OK) return AL_BOOK_MALFORMED;
  const al_id id = al_node_id(from->suite, d.sig_pk);
  al_book_verdict against = judge(b, from, &d, &id);
  if (against != 0) return against;
  al_peer peer = al_book_find(b, &id), out = 0;
  const al_peer_entry *e = al_book_get(b, peer);
  if (e != NULL && d.sequence <= e->desc.sequence) {
    *ret_peer = peer;
    bool same = e->record.len == record.len && memcmp(e->bytes, record.ptr, record.len) == 0;
    return same ? AL_BOOK_SAME : AL_BOOK_STALE;
  }
  if ((from->options & AL_BOOK_CHECK_PUZZLE) != 0 && !al_puzzle_check(from->suite, &id, d.puzzle))
    return AL_BOOK_PUZZLE;
  if (e == NULL && al_book_count(b) >= b->reserved) {
    out = victim(b, from->wall_s, (from->options & AL_BOOK_MAKE_ROOM) != 0);
    if (out == 0) return AL_BOOK_FULL;
  }
  if (al_descriptor_verify(from->suite, &d) != AL_OK) return AL_BOOK_SIGNATURE;
  bool known = e != NULL;
  if (!known) peer = insert(b, out, &id);
  fill(entry_at(b, peer), &id, record, from->wall_s);
  *ret_peer = peer;
  return known ? AL_BOOK_NEWER : AL_BOOK_NEW;
}
