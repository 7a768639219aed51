/* records.c — see records.h. The places of live entries are ordered by their distance to our own
 * identifier: who asks for one is answered by bisection, and who must go is at the end. An item of
 * the order is 4 times the index of an entry, and which of its places it is. */
#include "dht/records.h"

enum { ENTRY_FREE = 0, ENTRY_LIVE, ENTRY_CACHED, ENTRY_GONE };

_Static_assert(AL_RECORD_PLACES <= 4, "an item of the order has two bits for it");

const char *al_record_verdict_name(al_record_verdict v) {
  static const char *const names[] = {"taken",    "same",    "bad",   "stale", "conflict",
                                      "oversize", "expired", "quota", "full",  "far"};
  _Static_assert(sizeof names / sizeof names[0] == AL_RECORD_VERDICT_COUNT, "one name each");
  return (uint32_t)v < AL_RECORD_VERDICT_COUNT ? names[v] : "?";
}

const char *al_record_verdict_text(al_record_verdict v) {
  switch (v) {
#define AL_VERDICT(name, value, text) \
  case AL_RECORD_##name:              \
    return text;
#include "allium/verdicts.def"
#undef AL_VERDICT
    case AL_RECORD_VERDICT_COUNT:
      break;
  }
  return "unknown verdict";
}

/* ---- memory ---- */

void al_records_init(al_records *r, const al_records_config *c) {
  AL_ASSERT(c->records_max <= AL_RECORDS_MAX && c->bytes_max <= AL_RECORDS_BYTES_LIMIT);
  *r = (al_records){.c = *c, .expiry_next_s = UINT64_MAX, .republish_next_s = UINT64_MAX};
}

/* Entries, of which some only remember who is gone until the host was told. */
static uint32_t entries_of(const al_records *r) {
  return r->c.records_max + (uint32_t)al_min_u64(r->c.records_max, AL_RECORDS_GONE_MAX);
}

static size_t memory_of(const al_records *r) {
  return (size_t)entries_of(r) * sizeof(records_entry) +
         (size_t)r->c.records_max * AL_RECORD_PLACES * sizeof(uint32_t) +
         (size_t)r->blocks_max * (AL_RECORDS_BLOCK_BYTES + sizeof(uint32_t));
}

al_err al_records_open(al_records *r) {
  uint32_t blocks = r->c.bytes_max / AL_RECORDS_BLOCK_BYTES;
  if (r->entries != NULL || r->c.records_max == 0 || blocks == 0) return AL_OK;
  r->blocks_max = blocks;
  r->entries = al_new(r->c.alloc, memory_of(r));
  if (r->entries == NULL) {
    r->blocks_max = 0;
    return AL_ENOMEM;
  }
  r->order = (uint32_t *)(void *)(r->entries + entries_of(r));
  r->next = r->order + (size_t)r->c.records_max * AL_RECORD_PLACES;
  r->blocks = (uint8_t *)(r->next + blocks);
  for (uint32_t b = 0; b < blocks; b++) r->next[b] = b + 1 < blocks ? b + 2 : 0;
  r->free_head = 1;
  r->blocks_free = blocks;
  return AL_OK;
}

void al_records_clear(al_records *r) {
  if (r->entries != NULL) al_delete(r->c.alloc, r->entries, memory_of(r));
  *r = (al_records){0};
}

static uint32_t blocks_of(size_t len) {
  return (uint32_t)((len + AL_RECORDS_BLOCK_BYTES - 1) / AL_RECORDS_BLOCK_BYTES);
}

static void bytes_free(al_records *r, records_entry *e) {
  uint32_t n = blocks_of(e->len);
  if (e->state == ENTRY_CACHED) r->cached_blocks -= n;
  for (uint32_t b = e->head; b != 0;) {
    uint32_t after = r->next[b - 1];
    r->next[b - 1] = r->free_head;
    r->free_head = b;
    b = after;
  }
  r->blocks_free += n;
  e->head = 0;
  e->len = 0;
}

static void bytes_take(al_records *r, records_entry *e, al_bytes bytes) {
  uint32_t n = blocks_of(bytes.len), *link = &e->head;
  AL_ASSERT(r->blocks_free >= n);
  for (size_t at = 0; at < bytes.len; at += AL_RECORDS_BLOCK_BYTES) {
    uint32_t b = r->free_head;
    r->free_head = r->next[b - 1];
    memcpy(r->blocks + (size_t)(b - 1) * AL_RECORDS_BLOCK_BYTES, bytes.ptr + at,
           al_min_size(AL_RECORDS_BLOCK_BYTES, bytes.len - at));
    *link = b;
    link = &r->next[b - 1];
  }
  *link = 0;
  r->blocks_free -= n;
  e->len = (uint16_t)bytes.len;
  if (e->state == ENTRY_CACHED) r->cached_blocks += n;
}

static void bytes_copy(const al_records *r, const records_entry *e, uint8_t *out) {
  size_t at = 0;
  for (uint32_t b = e->head; b != 0; b = r->next[b - 1]) {
    size_t n = al_min_size(AL_RECORDS_BLOCK_BYTES, e->len - at);
    memcpy(out + at, r->blocks + (size_t)(b - 1) * AL_RECORDS_BLOCK_BYTES, n);
    at += n;
  }
}

/* Whether the first `len` bytes are these. */
static bool bytes_begin(const al_records *r, const records_entry *e, al_bytes want) {
  size_t at = 0;
  if (want.len > e->len) return false;
  for (uint32_t b = e->head; b != 0 && at < want.len; b = r->next[b - 1]) {
    size_t n = al_min_size(AL_RECORDS_BLOCK_BYTES, want.len - at);
    if (memcmp(want.ptr + at, r->blocks + (size_t)(b - 1) * AL_RECORDS_BLOCK_BYTES, n) != 0) {
      return false;
    }
    at += n;
  }
  return true;
}

/* ---- order ---- */

/* Below 0 when a is closer to us than b. */
static int compare(const al_records *r, const al_id *a, const al_id *b) {
  for (size_t i = 0; i < sizeof a->b; i++) {
    uint8_t da = a->b[i] ^ r->c.self.b[i], db = b->b[i] ^ r->c.self.b[i];
    if (da != db) return da < db ? -1 : 1;
  }
  return 0;
}

static records_entry *entry_of(const al_records *r, uint32_t item) { return &r->entries[item / 4]; }

static uint32_t items_of(const al_records *r) { return r->count * AL_RECORD_PLACES; }

/* Where a place is in an order of `count` items, or would be. */
static uint32_t spot_of(const al_records *r, const al_id *place, uint32_t count, bool *ret_found) {
  uint32_t low = 0, high = count;
  *ret_found = false;
  while (low < high) {
    uint32_t mid = low + (high - low) / 2, item = r->order[mid];
    int c = compare(r, &entry_of(r, item)->place[item % 4], place);
    if (c == 0) {
      *ret_found = true;
      return mid;
    }
    if (c < 0) {
      low = mid + 1;
    } else {
      high = mid;
    }
  }
  return low;
}

static records_entry *find(const al_records *r, const al_id *place) {
  bool found;
  uint32_t spot = spot_of(r, place, items_of(r), &found);
  return found ? entry_of(r, r->order[spot]) : NULL;
}

static void order_take(al_records *r, const records_entry *e) {
  bool found;
  uint32_t items = items_of(r);
  for (uint32_t i = 0; i < AL_RECORD_PLACES; i++) {
    uint32_t spot = spot_of(r, &e->place[i], items, &found);
    AL_ASSERT(found);
    items--;
    memmove(r->order + spot, r->order + spot + 1, (items - spot) * sizeof *r->order);
  }
  r->count--;
}

static void order_put(al_records *r, const records_entry *e) {
  bool found;
  uint32_t items = items_of(r), index = (uint32_t)(e - r->entries);
  for (uint32_t i = 0; i < AL_RECORD_PLACES; i++) {
    uint32_t spot = spot_of(r, &e->place[i], items, &found);
    memmove(r->order + spot + 1, r->order + spot, (items - spot) * sizeof *r->order);
    r->order[spot] = 4 * index + i;
    items++;
  }
  r->count++;
}

static void forget(al_records *r, records_entry *e) {
  bool stored = e->state == ENTRY_LIVE;
  order_take(r, e);
  bytes_free(r, e);
  e->state = stored ? ENTRY_GONE : ENTRY_FREE;
  r->gone += stored;
}

bool al_records_drop(al_records *r, const al_id *key) {
  records_entry *e = find(r, key);
  if (e != NULL) forget(r, e);
  return e != NULL;
}

/* The places of a key, and which of them is the nearest to us. */
static void file(const al_records *r, const al_id *key, records_entry *e) {
  e->nearest = 0;
  for (uint32_t i = 0; i < AL_RECORD_PLACES; i++) {
    e->place[i] = al_record_place(r->c.suite, key, i);
    if (compare(r, &e->place[i], &e->place[e->nearest]) < 0) e->nearest = (uint8_t)i;
  }
}

/* A place for a new entry; one that is only remembered as gone if there is no other. */
static records_entry *entry_new(al_records *r) {
  records_entry *gone = NULL;
  for (uint32_t i = 0; i < entries_of(r); i++) {
    records_entry *e = &r->entries[i];
    if (e->state == ENTRY_FREE) return e;
    if (e->state == ENTRY_GONE && gone == NULL) gone = e;
  }
  AL_ASSERT(gone != NULL); /* fewer than records_max are live */
  r->gone--;
  return gone;
}

/* ---- room ---- */

/* What is wanted, and what may go for it. */
typedef struct room {
  const al_records_offer *o;
  uint32_t blocks, entries; /* wanted in all */
  const al_id *near;        /* its place that is nearest to us */
  const records_entry *old; /* the one that it replaces, whose blocks come back */
  bool own;                 /* only what the same source brought may go */
} room;

/* Copies go first (pass 0), then what is farther than the new one (pass 1). */
static bool may_go(const al_records *r, const room *q, const records_entry *e, int pass) {
  if (e == q->old) return false;
  if (e->state == ENTRY_CACHED) return pass == 0;
  if (pass == 0 || q->o->cached) return false;
  if (q->own && e->source != q->o->source) return false;
  return compare(r, &e->place[e->nearest], q->near) > 0;
}

static bool enough(const al_records *r, const room *q, uint32_t blocks, uint32_t entries) {
  uint32_t have = r->blocks_free + blocks + (q->old != NULL ? blocks_of(q->old->len) : 0);
  return have >= q->blocks && r->c.records_max - r->count + entries >= q->entries;
}

/* Whether there would be room, and who must go for it: everything that may, from the far end on. */
static bool make_room(al_records *r, const room *q, bool act) {
  uint32_t blocks = 0, entries = 0;
  for (int pass = 0; pass < 2; pass++) {
    for (uint32_t spot = items_of(r); spot-- > 0;) {
      uint32_t item = r->order[spot];
      records_entry *e = entry_of(r, item);
      if (enough(r, q, blocks, entries)) return true;
      if (item % 4 != e->nearest || !may_go(r, q, e, pass)) continue;
      if (act) { /* what is not looked at yet moves down, and is still to come */
        forget(r, e);
        spot = (uint32_t)al_min_u64(spot, items_of(r));
      } else {
        blocks += blocks_of(e->len);
        entries++;
      }
    }
  }
  return enough(r, q, blocks, entries);
}

static uint32_t blocks_of_source(const al_records *r, uint32_t source, const records_entry * not ) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < entries_of(r); i++) {
    const records_entry *e = &r->entries[i];
    if (e != not &&e->state == ENTRY_LIVE && e->source == source) n += blocks_of(e->len);
  }
  return n;
}

/* When the store is half full nobody who has something gets beyond a share of it. */
static bool over_share(const al_records *r, const al_records_offer *o, const records_entry *old) {
  uint32_t need = blocks_of(o->bytes.len), used = r->blocks_max - r->blocks_free;
  if (o->source == 0 || o->cached || used <= r->blocks_max / 2) return false;
  uint32_t share = r->blocks_max / AL_RECORDS_SHARE, held = blocks_of_source(r, o->source, old);
  return held != 0 && held + need > share;
}

/* SAME when there is room (and, to act, made) for a record filed `as` this, else why not. */
static al_record_verdict room_for(al_records *r, const al_records_offer *o, const records_entry *as,
                                  const records_entry *old, bool act) {
  uint32_t need = blocks_of(o->bytes.len);
  uint32_t back = old != NULL ? blocks_of(old->len) : 0, most, must_go = 0;
  room q = {.o = o, .entries = old == NULL ? 1 : 0, .near = &as->place[as->nearest], .old = old};
  if (o->cached) {
    uint32_t others = r->cached_blocks - back; /* who is replaced by a copy is one */
    most = r->blocks_max / AL_RECORDS_CACHE_SHARE;
    if (need > most) return AL_RECORD_FULL;
    if (others + need > most) must_go = others + need - most;
  } else if (over_share(r, o, old)) {
    uint32_t held = blocks_of_source(r, o->source, old);
    q.own = true;
    most = r->blocks_max / AL_RECORDS_SHARE;
    must_go = (uint32_t)al_min_u64(held + need - most, al_min_u64(held, need));
  }
  q.blocks = need;
  if (must_go != 0) q.blocks = (uint32_t)al_max_u64(need, r->blocks_free + back + must_go);
  if (make_room(r, &q, act)) return AL_RECORD_SAME;
  return q.own ? AL_RECORD_QUOTA : AL_RECORD_FULL;
}

/* ---- judgement ---- */

static al_record_verdict count(al_records *r, al_record_verdict v) {
  static const al_counter counter[] = {
      [AL_RECORD_TAKEN] = AL_COUNT_record_taken,
      [AL_RECORD_SAME] = AL_COUNT_record_same,
      [AL_RECORD_BAD] = AL_COUNT_record_bad,
      [AL_RECORD_STALE] = AL_COUNT_record_stale,
      [AL_RECORD_CONFLICT] = AL_COUNT_record_conflict,
      [AL_RECORD_OVERSIZE] = AL_COUNT_record_oversize,
      [AL_RECORD_EXPIRED] = AL_COUNT_record_expired,
      [AL_RECORD_QUOTA] = AL_COUNT_record_quota,
      [AL_RECORD_FULL] = AL_COUNT_record_full,
      [AL_RECORD_FAR] = AL_COUNT_record_far,
  };
  al_count(r->c.counters, counter[v]);
  return v;
}

/* What can be said of a record without looking into the store. */
static al_record_verdict judge(const al_records_offer *o, al_record *rec, uint64_t *ret_expires) {
  if (o->bytes.len > AL_RECORD_BYTES_MAX) return AL_RECORD_OVERSIZE;
  if (al_record_decode(o->bytes, rec) != AL_OK) return AL_RECORD_BAD;
  uint64_t expires = o->wall_s + al_min_u64(o->lifetime_s, AL_RECORDS_LIFETIME_S);
  if (rec->kind != AL_RECORD_IMMUTABLE) {
    if (rec->expiry_s > o->wall_s + AL_RECORDS_LIFETIME_S + AL_RECORDS_SKEW_S) {
      return AL_RECORD_EXPIRED;
    }
    expires = al_min_u64(expires, rec->expiry_s);
  }
  *ret_expires = expires;
  return expires > o->wall_s ? AL_RECORD_TAKEN : AL_RECORD_EXPIRED;
}

static void schedule(al_records *r, records_entry *e, uint64_t wall_s) {
  e->republish_s = wall_s + AL_RECORDS_REPUBLISH_S / 2 +
                   al_rng_below(r->c.rng, (uint64_t)AL_RECORDS_REPUBLISH_S + 1);
  if (e->state == ENTRY_LIVE) r->republish_next_s = al_min_u64(r->republish_next_s, e->republish_s);
  r->expiry_next_s = al_min_u64(r->expiry_next_s, e->expires_s);
}

/* The same record again: kept for longer perhaps, and no copy any more if it was one. */
static al_record_verdict again(al_records *r, const al_records_offer *o, records_entry *e,
                               uint64_t expires) {
  bool knows = !o->cached || e->state == ENTRY_CACHED; /* else a mere answer says so */
  if (knows && expires > e->expires_s) e->expires_s = expires;
  if (o->cached) return AL_RECORD_SAME;
  bool was_copy = e->state == ENTRY_CACHED;
  if (was_copy) {
    if (o->far) return AL_RECORD_FAR;
    e->state = ENTRY_LIVE;
    e->source = o->source;
    r->cached_blocks -= blocks_of(e->len);
  }
  schedule(r, e, o->wall_s);
  return was_copy ? AL_RECORD_TAKEN : AL_RECORD_SAME;
}

/* Beside what is there of the same key: TAKEN means that it may take its place. */
static al_record_verdict compare_with(al_records *r, const al_records_offer *o,
                                      const al_record *rec, records_entry *e, uint64_t expires) {
  if (rec->kind == AL_RECORD_IMMUTABLE) return again(r, o, e, expires);
  if (rec->sequence < e->sequence) return AL_RECORD_STALE;
  if (rec->sequence > e->sequence) return AL_RECORD_TAKEN;
  if (bytes_begin(r, e, rec->signed_part)) return again(r, o, e, expires);
  return AL_RECORD_CONFLICT;
}

static void keep(al_records *r, const al_records_offer *o, const records_entry *as,
                 records_entry *old) {
  records_entry *e = old;
  if (e != NULL) {
    order_take(r, e);
    bytes_free(r, e);
  } else {
    e = entry_new(r);
  }
  *e = *as;
  e->source = o->source;
  e->state = o->cached ? ENTRY_CACHED : ENTRY_LIVE;
  order_put(r, e);
  bytes_take(r, e, o->bytes);
  schedule(r, e, o->wall_s);
}

al_record_verdict al_records_put(al_records *r, const al_records_offer *o) {
  al_record rec;
  uint64_t expires = 0;
  al_record_verdict v = judge(o, &rec, &expires);
  if (v != AL_RECORD_TAKEN) return count(r, v);
  al_id key = al_record_key(r->c.suite, &rec);
  if (!al_id_equal(&key, &o->key)) return count(r, AL_RECORD_BAD);
  al_records_tick(r, o->wall_s);
  records_entry *old = find(r, &key);
  if (old != NULL) v = compare_with(r, o, &rec, old, expires);
  if (old == NULL && o->far && !o->cached) v = AL_RECORD_FAR;
  /* What would change what is kept, or accuse its signer, must be signed. */
  if (v != AL_RECORD_TAKEN && v != AL_RECORD_CONFLICT) return count(r, v);
  if (old != NULL && rec.kind == AL_RECORD_IMMUTABLE) return count(r, v); /* no copy any more */
  bool copy = o->cached && (old == NULL || old->state == ENTRY_CACHED);
  al_records_offer offer = *o;
  offer.cached = copy;
  records_entry as = {.sequence = rec.sequence, .expires_s = expires, .kind = (uint8_t)rec.kind};
  file(r, &key, &as);
  if (v == AL_RECORD_TAKEN) {
    al_record_verdict fits = room_for(r, &offer, &as, old, false);
    if (fits != AL_RECORD_SAME) return count(r, fits);
  }
  if (al_record_verify(r->c.suite, &rec, &key) != AL_OK) return count(r, AL_RECORD_BAD);
  if (v == AL_RECORD_CONFLICT) return count(r, v);
  (void)room_for(r, &offer, &as, old, true);
  keep(r, &offer, &as, old);
  return count(r, AL_RECORD_TAKEN);
}

/* ---- reading and time ---- */

bool al_records_get(const al_records *r, const al_id *key, uint64_t wall_s, uint8_t *out,
                    al_record_held *ret) {
  const records_entry *e = find(r, key);
  if (e == NULL || e->expires_s <= wall_s) return false;
  if (out != NULL) bytes_copy(r, e, out);
  *ret = (al_record_held){.sequence = e->sequence,
                          .lifetime_s = (uint32_t)(e->expires_s - wall_s),
                          .len = e->len,
                          .kind = (al_record_kind)e->kind,
                          .nearest = e->nearest,
                          .cached = e->state == ENTRY_CACHED};
  return true;
}

void al_records_tick(al_records *r, uint64_t wall_s) {
  if (wall_s < r->expiry_next_s) return;
  r->expiry_next_s = UINT64_MAX;
  for (uint32_t i = 0; i < entries_of(r); i++) {
    records_entry *e = &r->entries[i];
    if (e->state != ENTRY_LIVE && e->state != ENTRY_CACHED) continue;
    if (e->expires_s <= wall_s) {
      forget(r, e);
    } else {
      r->expiry_next_s = al_min_u64(r->expiry_next_s, e->expires_s);
    }
  }
}

bool al_records_due(al_records *r, uint64_t wall_s, al_id *ret_key) {
  bool found = false;
  if (wall_s < r->republish_next_s) return false;
  r->republish_next_s = UINT64_MAX;
  for (uint32_t i = 0; i < entries_of(r); i++) {
    records_entry *e = &r->entries[i];
    if (e->state != ENTRY_LIVE) continue;
    if (!found && e->republish_s <= wall_s && e->expires_s > wall_s) {
      found = true;
      *ret_key = e->place[0];
      schedule(r, e, wall_s);
    }
    r->republish_next_s = al_min_u64(r->republish_next_s, e->republish_s);
  }
  return found;
}

bool al_records_demote(al_records *r, const al_id *key) {
  records_entry *e = find(r, key);
  if (e == NULL) return false;
  if (e->state == ENTRY_LIVE) r->cached_blocks += blocks_of(e->len);
  e->state = ENTRY_CACHED;
  return true;
}

bool al_records_each(const al_records *r, uint32_t *cursor, al_id *ret_key) {
  while (*cursor < items_of(r)) {
    uint32_t item = r->order[(*cursor)++];
    const records_entry *e = entry_of(r, item);
    if (e->state != ENTRY_LIVE || item % 4 != e->nearest) continue;
    *ret_key = e->place[0];
    return true;
  }
  return false;
}

bool al_records_gone(al_records *r, al_id *ret_key) {
  if (r->gone == 0) return false;
  for (uint32_t i = 0; i < entries_of(r); i++) {
    records_entry *e = &r->entries[i];
    if (e->state != ENTRY_GONE) continue;
    e->state = ENTRY_FREE;
    r->gone--;
    *ret_key = e->place[0];
    return true;
  }
  AL_ASSERT(false);
  return false;
}

void al_records_mark_gone(al_records *r, const al_id *key) {
  for (uint32_t i = 0; r->entries != NULL && i < entries_of(r); i++) {
    records_entry *e = &r->entries[i];
    if (e->state != ENTRY_FREE) continue;
    *e = (records_entry){.place = {*key}, .state = ENTRY_GONE};
    r->gone++;
    return;
  }
}

uint32_t al_records_cache_s(uint32_t hops) {
  uint32_t s = hops >= 31 ? 0 : (uint32_t)AL_RECORDS_CACHE_S >> hops;
  return s < AL_RECORDS_CACHE_S_MIN ? 0 : s;
}
