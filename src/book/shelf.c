/* shelf.c — see shelf.h. An entry is one allocation: al_peer_entry, its rules, its addresses, their
 * bytes, the record. Where memory is as small as the record (`grows`), long runs of zeros are left
 * out of it: pieces of u16 count of bytes, the bytes, u16 count of zeros after them. */
#include "book/shelf.h"

#include "base/hash.h"

enum {
  ZEROS_MIN = 16, /* shorter runs are not worth a piece */
  PIECE_MAX = UINT16_MAX,
  BUCKETS_MIN = 16,
  PLACES_MAX = 65536,
  RECORD_LINK_PK = 48 + AL_SIG_PK_BYTES,
  RECORD_ONION_PK = RECORD_LINK_PK + AL_KEM_PK_BYTES,
  ENTRY_MAX = (int)sizeof(al_peer_entry) + AL_EXIT_RULES_MAX * (int)sizeof(al_exit_rule) +
              AL_ADDRESSES_MAX * ((int)sizeof(al_bytes) + AL_ADDRESS_BYTES_MAX) + AL_DESC_BYTES_MAX,
};

enum { ENTRY_BYTES = (ENTRY_MAX + 15) / 16 * 16 };

/* Room for many of the largest records, in one piece: nothing is written to an entry before it is
 * used, so the system gives pages only to those that are. */
typedef struct al_shelf_block {
  struct al_shelf_block *next;
  size_t bytes; /* of this allocation */
  _Alignas(16) uint8_t entries[];
} block;

_Static_assert(sizeof(al_exit_rule) % 2 == 0 && sizeof(al_exit_rule) == 24,
               "rules lie one after another");

/* ---- runs of zeros ---- */

/* The next piece of a record from `at` on: so many bytes as they are, then so many zeros. */
static void next_piece(al_bytes r, size_t at, size_t *bytes, size_t *zeros) {
  size_t i = at, run = 0;
  while (i < r.len && i - at < PIECE_MAX - ZEROS_MIN) {
    run = r.ptr[i] == 0 ? run + 1 : 0;
    i++;
    if (run < ZEROS_MIN) continue;
    while (i < r.len && r.ptr[i] == 0 && run < PIECE_MAX) {
      run++;
      i++;
    }
    break;
  }
  if (run < ZEROS_MIN) run = 0;
  *bytes = i - at - run;
  *zeros = run;
}

static size_t packed_len(al_bytes r) {
  size_t len = 0, bytes, zeros;
  for (size_t at = 0; at < r.len; at += bytes + zeros) {
    next_piece(r, at, &bytes, &zeros);
    len += 4 + bytes;
  }
  return len;
}

static void pack(al_bytes r, uint8_t *out) {
  size_t bytes, zeros;
  for (size_t at = 0; at < r.len; at += bytes + zeros) {
    next_piece(r, at, &bytes, &zeros);
    al_store_u16(out, (uint16_t)bytes);
    al_store_u16(out + 2, (uint16_t)zeros);
    memcpy(out + 4, r.ptr + at, bytes);
    out += 4 + bytes;
  }
}

void al_entry_copy(const al_peer_entry *e, size_t at, uint8_t *out, size_t len) {
  AL_ASSERT(at <= e->record_len && len <= e->record_len - at);
  if (e->data_len == e->record_len) {
    memcpy(out, e->data + at, len);
    return;
  }
  memset(out, 0, len);
  size_t from = 0, end = at + len; /* where a piece begins in the record */
  for (const uint8_t *p = e->data; p < e->data + e->data_len && from < end;) {
    size_t bytes = al_load_u16(p), zeros = al_load_u16(p + 2);
    size_t first = al_max_size(at, from), last = al_min_size(end, from + bytes);
    if (first < last) memcpy(out + (first - at), p + 4 + (first - from), last - first);
    from += bytes + zeros;
    p += 4 + bytes;
  }
}

static bool is_zero(const uint8_t *p, size_t len) {
  return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

bool al_entry_equal(const al_peer_entry *e, al_bytes record) {
  if (e->record_len != record.len) return false;
  if (e->data_len == e->record_len) return memcmp(e->data, record.ptr, record.len) == 0;
  const uint8_t *with = record.ptr;
  for (const uint8_t *p = e->data; p < e->data + e->data_len;) {
    size_t bytes = al_load_u16(p), zeros = al_load_u16(p + 2);
    if (memcmp(with, p + 4, bytes) != 0 || !is_zero(with + bytes, zeros)) return false;
    with += bytes + zeros;
    p += 4 + bytes;
  }
  return true;
}

void al_entry_write(const al_peer_entry *e, al_wr *w) {
  uint8_t *out = al_wr_take(w, e->record_len);
  if (out != NULL) al_entry_copy(e, 0, out, e->record_len);
}

void al_entry_link_pk(const al_peer_entry *e, uint8_t *out) {
  al_entry_copy(e, RECORD_LINK_PK, out, AL_KEM_PK_BYTES);
}

bool al_entry_has_onion(const al_peer_entry *e, uint64_t epoch) {
  return epoch - e->desc.epoch < 2; /* an earlier epoch wraps to a large number */
}

bool al_entry_onion_pk(const al_peer_entry *e, uint64_t epoch, uint8_t *out) {
  if (!al_entry_has_onion(e, epoch)) return false;
  size_t which = (size_t)(epoch - e->desc.epoch);
  al_entry_copy(e, RECORD_ONION_PK + which * AL_KEM_PK_BYTES, out, AL_KEM_PK_BYTES);
  return true;
}

/* ---- places for records ---- */

void al_shelf_init(al_shelf *s, const al_alloc *a, const uint8_t *secret, bool grows) {
  memset(s, 0, sizeof *s);
  s->alloc = *a;
  s->secret[0] = al_load_u64(secret);
  s->secret[1] = al_load_u64(secret + 8);
  s->grows = grows;
}

static uint32_t bucket_count(uint32_t limit) {
  uint32_t n = BUCKETS_MIN;
  while (n < limit) n *= 2;
  return n;
}

static void tables_free(al_shelf *s) {
  al_delete(&s->alloc, s->items, s->limit * sizeof(void *));
  al_delete(&s->alloc, s->next, s->limit * sizeof *s->next);
  if (s->buckets != NULL) al_delete(&s->alloc, s->buckets, (s->mask + 1) * sizeof *s->buckets);
}

static void chain(al_shelf *s, uint32_t i) {
  uint32_t *bucket = &s->buckets[s->items[i]->hash & s->mask];
  s->next[i] = *bucket;
  *bucket = i + 1;
}

/* Longer tables, with everything that is in; new places are free. */
static al_err widen(al_shelf *s, uint32_t limit) {
  al_shelf t = *s;
  t.limit = limit;
  t.mask = bucket_count(limit) - 1;
  t.items = al_new_array(&s->alloc, limit, sizeof(void *));
  t.next = al_new_array(&s->alloc, limit, sizeof *t.next);
  t.buckets = al_new_array(&s->alloc, t.mask + 1, sizeof *t.buckets);
  if (t.items == NULL || t.next == NULL || t.buckets == NULL) {
    tables_free(&t);
    return AL_ENOMEM;
  }
  if (s->limit != 0) memcpy(t.items, s->items, s->limit * sizeof(void *));
  t.free_place = 0;
  for (uint32_t i = limit; i-- > 0;) {
    if (t.items[i] != NULL && t.items[i]->refs != 0) {
      chain(&t, i);
    } else {
      t.next[i] = t.free_place;
      t.free_place = i + 1;
    }
  }
  tables_free(s);
  *s = t;
  return AL_OK;
}

static void entry_free(al_shelf *s, uint32_t i) {
  al_delete(&s->alloc, s->items[i], s->items[i]->bytes);
  s->items[i] = NULL;
}

void al_shelf_clear(al_shelf *s) {
  if (s->alloc.free == NULL) return;
  for (uint32_t i = 0; s->grows && i < s->limit; i++)
    if (s->items[i] != NULL) entry_free(s, i);
  for (block *b = s->blocks, *next; b != NULL; b = next) {
    next = b->next;
    al_delete(&s->alloc, b, b->bytes);
  }
  tables_free(s);
  al_places_clear(&s->places);
  al_places_clear(&s->shakes);
  al_names_clear(&s->names);
  memset(s, 0, sizeof *s);
}

al_err al_shelf_reserve(al_shelf *s, uint32_t records) {
  if (records <= s->limit) return AL_OK;
  if (s->grows) return widen(s, records);
  const size_t had = s->limit, count = records - had;
  if (count > (SIZE_MAX - sizeof(block)) / ENTRY_BYTES) return AL_ENOMEM;
  const size_t bytes = sizeof(block) + count * ENTRY_BYTES;
  block *b = al_new(&s->alloc, bytes);
  if (b == NULL) return AL_ENOMEM;
  al_err e = widen(s, records);
  if (e != AL_OK) {
    al_delete(&s->alloc, b, bytes);
    return e;
  }
  *b = (block){.next = s->blocks, .bytes = bytes};
  s->blocks = b;
  for (size_t i = 0; i < count; i++) {
    s->items[had + i] = (al_peer_entry *)(void *)(b->entries + i * ENTRY_BYTES);
  }
  return AL_OK;
}

/* ---- records ---- */

static al_shelved find(const al_shelf *s, al_bytes record, uint64_t hash) {
  if (s->limit == 0) return 0;
  for (uint32_t r = s->buckets[hash & s->mask]; r != 0; r = s->next[r - 1]) {
    const al_peer_entry *e = s->items[r - 1];
    if (e->hash == hash && al_entry_equal(e, record)) return r;
  }
  return 0;
}

al_shelved al_shelf_find(const al_shelf *s, al_bytes record) {
  return find(s, record, al_hash_bytes(s->secret, record));
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

static size_t tail_bytes(const al_desc *d) {
  size_t len = d->rules_count * sizeof(al_exit_rule) + d->addresses_count * sizeof(al_bytes);
  for (uint32_t i = 0; i < d->addresses_count; i++) len += d->addresses[i].len;
  return len;
}

/* Rules, addresses and the record, behind the entry. Views and rules are aligned, for the entry's
 * size is a multiple of 8 and a view's of 4 or 8. */
static void fill(al_peer_entry *e, const al_desc *d, al_bytes record, size_t data_len) {
  al_bytes *views = (al_bytes *)(void *)(e + 1);
  al_exit_rule *rules = (al_exit_rule *)(void *)(views + d->addresses_count);
  uint8_t *p = (uint8_t *)(rules + d->rules_count);
  for (uint32_t i = 0; i < d->addresses_count; i++) {
    memcpy(p, d->addresses[i].ptr, d->addresses[i].len);
    views[i] = al_view(p, d->addresses[i].len);
    p += d->addresses[i].len;
  }
  memcpy(rules, d->rules, d->rules_count * sizeof *rules);
  e->desc = (al_desc_brief){.flags = d->flags,
                            .capacity_mbit = d->capacity_mbit,
                            .addresses_count = (uint8_t)d->addresses_count,
                            .rules_count = (uint8_t)d->rules_count,
                            .sequence = d->sequence,
                            .published_s = d->published_s,
                            .expiry_s = d->expiry_s,
                            .epoch = d->epoch,
                            .addresses = views,
                            .rules = rules};
  e->data = p;
  e->record_len = (uint32_t)record.len;
  e->data_len = (uint32_t)data_len;
  if (data_len == record.len)
    memcpy(p, record.ptr, record.len);
  else
    pack(record, p);
}

/* Memory for a record at a free place: what it needs, or what was reserved. */
static al_peer_entry *entry_new(al_shelf *s, size_t bytes) {
  if (s->free_place == 0 &&
      (!s->grows || widen(s, s->limit == 0 ? BUCKETS_MIN : s->limit * 2) != AL_OK))
    return NULL;
  al_peer_entry **place = &s->items[s->free_place - 1];
  if (!s->grows) {
    memset(*place, 0, sizeof **place);
    (*place)->bytes = ENTRY_BYTES;
    return *place;
  }
  *place = al_new(&s->alloc, bytes);
  if (*place != NULL) (*place)->bytes = bytes;
  return *place;
}

al_shelved al_shelf_add(al_shelf *s, const al_suite *suite, al_bytes record, const al_desc *d,
                        const al_id *id) {
  AL_ASSERT(record.len <= AL_DESC_BYTES_MAX && (s->suite == NULL || s->suite == suite));
  AL_ASSERT(d->link_pk == record.ptr + RECORD_LINK_PK &&
            d->onion_pk[0] == record.ptr + RECORD_ONION_PK);
  size_t packed = s->grows ? packed_len(record) : record.len;
  size_t data_len = packed < record.len - record.len / 4 ? packed : record.len;
  al_peer_entry *e = entry_new(s, sizeof *e + tail_bytes(d) + data_len);
  if (e == NULL) return 0;
  s->suite = suite;
  al_shelved r = s->free_place;
  s->free_place = s->next[r - 1];
  e->id = *id;
  e->puzzle = d->puzzle;
  e->group = group_of(d);
  e->hash = al_hash_bytes(s->secret, record);
  e->refs = 1;
  fill(e, d, record, data_len);
  chain(s, r - 1);
  s->count++;
  s->bytes += e->bytes;
  return r;
}

static al_peer_entry *entry_at(const al_shelf *s, al_shelved r) {
  AL_ASSERT(r != 0 && r <= s->limit && s->items[r - 1] != NULL && s->items[r - 1]->refs != 0);
  return s->items[r - 1];
}

const al_peer_entry *al_shelf_get(const al_shelf *s, al_shelved r) {
  return r != 0 ? entry_at(s, r) : NULL;
}

void al_shelf_ref(al_shelf *s, al_shelved r) {
  al_peer_entry *e = entry_at(s, r);
  AL_ASSERT(e->refs < UINT32_MAX);
  e->refs++;
}

void al_shelf_unref(al_shelf *s, al_shelved r) {
  if (r == 0) return;
  al_peer_entry *e = entry_at(s, r);
  if (--e->refs != 0) return;
  uint32_t *at = &s->buckets[e->hash & s->mask];
  while (*at != r) at = &s->next[*at - 1];
  *at = s->next[r - 1];
  s->next[r - 1] = s->free_place;
  s->free_place = r;
  s->count--;
  s->bytes -= e->bytes;
  if (s->grows) entry_free(s, r - 1);
}

/* ---- for hosts ---- */

al_err al_shelf_new(al_shelf **ret, const al_alloc *a, const al_suite *suite,
                    const uint8_t secret[16]) {
  al_shelf *s = al_new(a, sizeof *s);
  if (s == NULL) return AL_ENOMEM;
  al_shelf_init(s, a, secret, true);
  s->suite = suite;
  al_places_init_exact(&s->places, &s->alloc, AL_SHELF_PLACE_BYTES, PLACES_MAX);
  al_places_init_exact(&s->shakes, &s->alloc, AL_SHELF_SHAKE_BYTES, PLACES_MAX);
  al_names_init(&s->names, &s->alloc, s->secret, true);
  *ret = s;
  return AL_OK;
}

void al_shelf_free(al_shelf *s) {
  if (s == NULL) return;
  AL_ASSERT(s->shared_by == 0);
  al_alloc a = s->alloc;
  al_shelf_clear(s);
  al_delete(&a, s, sizeof *s);
}

al_shelf_stats al_shelf_look(const al_shelf *s) { return (al_shelf_stats){s->count, s->bytes}; }
