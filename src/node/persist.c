/* persist.c — what a node keeps across restarts (PROTOCOL.md 3.5): reading the snapshot, writing
 * records. Keys are text; numbers in them are decimal. */
#include "node/records.h"
#include "node/wake.h"

enum { PUT_KEY_MAX = AL_NODE_SNAPSHOT_KEY_MAX };

/* ---- text of keys ---- */

static void key_text(al_wr *w, const char *s) {
  while (*s != 0) al_wr_u8(w, (uint8_t)*s++);
}

static void key_u64(al_wr *w, uint64_t v) {
  uint8_t digits[20];
  size_t count = 0;
  do {
    digits[count++] = (uint8_t)('0' + v % 10);
    v /= 10;
  } while (v != 0);
  while (count > 0) al_wr_u8(w, digits[--count]);
}

static void key_hex(al_wr *w, const al_id *id) {
  static const char hex[] = "0123456789abcdef";
  for (size_t i = 0; i < sizeof id->b; i++) {
    al_wr_u8(w, (uint8_t)hex[id->b[i] >> 4]);
    al_wr_u8(w, (uint8_t)hex[id->b[i] & 15]);
  }
}

/* `prefix` at the start of a key; the rest of it. */
static bool key_after(al_bytes key, const char *prefix, al_bytes *ret) {
  size_t len = 0;
  while (prefix[len] != 0) len++;
  if (key.len < len || memcmp(key.ptr, prefix, len) != 0) return false;
  *ret = al_view(key.ptr + len, key.len - len);
  return true;
}

static bool parse_u64(al_bytes *text, uint64_t *ret) {
  uint64_t v = 0;
  size_t i = 0;
  for (; i < text->len && i < 19 && text->ptr[i] >= '0' && text->ptr[i] <= '9'; i++) {
    v = v * 10 + (uint64_t)(text->ptr[i] - '0');
  }
  if (i == 0) return false;
  *text = al_view(text->ptr + i, text->len - i);
  *ret = v;
  return true;
}

static void stored_add(al_node *n, const al_id *id) {
  if (n->stored_count >= n->stored_max || al_map_find_id(&n->stored_at, id, NULL)) return;
  if (al_map_put_id(&n->stored_at, id, n->stored_count) != AL_OK) return;
  n->stored[n->stored_count++] = *id;
}

/* ---- snapshot ---- */

static bool next_record(al_rd *r, al_bytes *key, al_bytes *value) {
  if (al_rd_left(r) == 0) return false;
  uint16_t key_len = al_rd_u16(r);
  uint32_t value_len = al_rd_u32(r);
  if (key_len > AL_NODE_SNAPSHOT_KEY_MAX) al_rd_fail(r);
  *key = al_rd_bytes(r, key_len);
  *value = al_rd_bytes(r, value_len);
  return al_rd_ok(r);
}

al_err al_node_snapshot_check(al_bytes snapshot) {
  al_rd r = al_rd_init(snapshot);
  al_bytes key, value;
  while (next_record(&r, &key, &value)) {
  }
  return al_rd_done(&r) ? AL_OK : AL_EPARSE;
}

static bool key_is(al_bytes key, const char *name) {
  al_bytes rest;
  return key_after(key, name, &rest) && rest.len == 0;
}

/* First pass: what decides how the rest is read. */
static void load_first(al_node *n, al_bytes key, al_bytes value) {
  /* A lean node does not use onion keys again: it has no room for their tags yet. */
  if (key_is(key, "clean") && value.len == 8) n->was_clean = !n->limits.lean;
  if (key_is(key, "seq") && value.len == 8) n->sequence = al_load_u64(value.ptr);
  if (key_is(key, "puzzle") && value.len == 8) {
    n->puzzle = al_load_u64(value.ptr);
    n->puzzle_known = al_puzzle_check(n->suite, &n->identity.id, n->puzzle);
    if (!n->puzzle_known) n->puzzle = 0;
  }
}

static int hex_digit(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_id(al_bytes text, al_id *ret) {
  if (text.len != 2 * sizeof ret->b) return false;
  for (size_t i = 0; i < sizeof ret->b; i++) {
    int high = hex_digit(text.ptr[2 * i]), low = hex_digit(text.ptr[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    ret->b[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}

static void load_peer(al_node *n, al_bytes name, al_bytes value) {
  al_peer peer;
  al_id id;
  if (parse_id(name, &id)) stored_add(n, &id); /* deleted again if the book does not take it */
  /* Expired ones are kept to have addresses to dial: they are judged by a time when they were good.
   */
  al_desc d;
  if (al_desc_decode(value, &d) != AL_OK) return;
  al_book_source src = {.suite = n->suite, .wall_s = al_node_wall_s(n)};
  if (d.expiry_s <= src.wall_s && d.expiry_s + AL_BOOK_GRACE_S > src.wall_s) {
    src.wall_s = d.published_s;
  }
  src.options = n->simulation ? 0 : AL_BOOK_CHECK_PUZZLE;
  (void)al_book_put(&n->book, &src, value, &peer);
}

static void load_record(al_node *n, al_bytes name, al_bytes value) {
  al_id id;
  if (parse_id(name, &id)) al_node_record_load(n, &id, value);
}

static node_stale *stale_of(al_node *n, uint64_t epoch) {
  for (uint32_t i = 0; i < n->stale_count; i++) {
    if (n->stale[i].epoch == epoch) return &n->stale[i];
  }
  if (n->stale_count == n->stale_max) return NULL;
  n->stale[n->stale_count].epoch = epoch;
  return &n->stale[n->stale_count++];
}

static void load_second(al_node *n, al_bytes key, al_bytes value) {
  al_bytes rest;
  uint64_t number;
  if (key_after(key, "peer/", &rest)) {
    load_peer(n, rest, value);
  } else if (key_after(key, "record/", &rest)) {
    load_record(n, rest, value);
  } else if (key_after(key, "guard/", &rest) && parse_u64(&rest, &number)) {
    if (al_node_wake(n) == AL_OK) (void)al_guards_restore(n->guards, (uint32_t)number, value);
  } else if (key_after(key, "key/onion/", &rest) && parse_u64(&rest, &number)) {
    if (al_node_onion_restore(n, number, value)) return;
    node_stale *s = stale_of(n, number);
    if (s != NULL) s->key = true;
  }
}

/* Third pass: tags, now that their keys are there. */
static void load_tag(al_node *n, al_bytes key, al_bytes value) {
  al_bytes rest, number;
  uint64_t epoch, index;
  if (!key_after(key, "tag/", &rest) || !parse_u64(&rest, &epoch)) return;
  if (!key_after(rest, "/", &number) || !parse_u64(&number, &index) || index > 1u << 24) return;
  for (int i = 0; i < AL_NODE_ONION_KEYS; i++) {
    node_onion *o = &n->onion[i];
    if (!o->used || o->epoch != epoch) continue;
    if (o->replay == NULL || al_replay_load(o->replay, value) != AL_OK) {
      al_node_onion_erase(o); /* tags are missing: a new key is made */
      break;
    }
    o->loaded = al_replay_count(o->replay);
    if (index >= o->record_base) o->record_base = (uint32_t)index + 1;
    return;
  }
  node_stale *s = stale_of(n, epoch);
  if (s != NULL && index >= s->tag_records) s->tag_records = (uint32_t)index + 1;
}

void al_node_snapshot_load(al_node *n, al_bytes snapshot) {
  al_bytes key, value;
  for (int pass = 0; pass < 3; pass++) {
    al_rd r = al_rd_init(snapshot);
    while (next_record(&r, &key, &value)) {
      if (pass == 0) load_first(n, key, value);
      if (pass == 1) load_second(n, key, value);
      if (pass == 2) load_tag(n, key, value);
    }
  }
}

/* ---- records ---- */

static void put(al_node *n, al_work *w, const al_wr *key, al_bytes value) {
  AL_ASSERT(al_wr_ok(key));
  if (!al_work_put(w, al_wr_view(key), value)) {
    al_count(&n->counters, AL_COUNT_node_store_full);
  }
}

static void del(al_node *n, al_work *w, const al_wr *key) {
  AL_ASSERT(al_wr_ok(key));
  if (!al_work_del(w, al_wr_view(key))) al_count(&n->counters, AL_COUNT_node_store_full);
}

/* ---- stored descriptors: no more of them than the book has, but for a while ---- */

al_err al_node_stored_init(al_node *n) {
  uint8_t secret[AL_MAP_SECRET_BYTES];
  al_rng_bytes(&n->rng, secret, sizeof secret);
  if (n->limits.lean) return AL_OK; /* none is stored */
  n->stored_max = 2 * n->limits.peers_max;
  n->stored = al_new_array(&n->alloc, n->stored_max, sizeof *n->stored);
  if (n->stored == NULL) return AL_ENOMEM;
  return al_map_init(&n->stored_at, &n->alloc, sizeof(al_id), n->stored_max, secret);
}

void al_node_stored_clear(al_node *n) {
  al_map_clear(&n->stored_at);
  al_delete(&n->alloc, n->stored, n->stored_max * sizeof *n->stored);
  n->stored = NULL;
}

static al_wr peer_key(const al_id *id, uint8_t *buf) {
  al_wr key = al_wr_init(buf, PUT_KEY_MAX);
  key_text(&key, "peer/");
  key_hex(&key, id);
  return key;
}

static void stored_remove(al_node *n, al_work *w, uint32_t index) {
  uint8_t buf[PUT_KEY_MAX];
  al_id id = n->stored[index];
  al_wr key = peer_key(&id, buf);
  del(n, w, &key);
  al_map_drop_id(&n->stored_at, &id, NULL);
  n->stored[index] = n->stored[--n->stored_count];
  if (index == n->stored_count) return;
  al_err e = al_map_put_id(&n->stored_at, &n->stored[index], index);
  AL_ASSERT(e == AL_OK); /* it was in */
}

/* Some at a time: what the book has forgotten the host need not keep. */
void al_node_stored_sweep(al_node *n, al_work *w) {
  for (uint32_t k = 0; k < AL_NODE_SWEEP && n->stored_count > 0 && al_work_may_tell(w); k++) {
    if (n->stored_cursor >= n->stored_count) n->stored_cursor = 0;
    if (al_book_find(&n->book, &n->stored[n->stored_cursor]) != 0)
      n->stored_cursor++;
    else
      stored_remove(n, w, n->stored_cursor);
  }
}

/* Half of the places at most are taken by nodes in the book, so one can always be freed. */
static void stored_make_room(al_node *n, al_work *w) {
  for (uint32_t i = 0; n->stored_count == n->stored_max && i < n->stored_count; i++) {
    if (al_book_find(&n->book, &n->stored[i]) == 0) stored_remove(n, w, i);
  }
}

void al_node_store_peer(al_node *n, al_work *w, al_peer peer) {
  uint8_t buf[PUT_KEY_MAX];
  const al_peer_entry *e = al_book_get(&n->book, peer);
  if (n->stored_max == 0) return;
  stored_make_room(n, w);
  stored_add(n, &e->id);
  uint8_t record[AL_DESC_BYTES_MAX];
  al_wr key = peer_key(&e->id, buf), value = al_wr_init(record, sizeof record);
  al_entry_write(e, &value);
  put(n, w, &key, al_wr_view(&value));
}

void al_node_store_guards(al_node *n, al_work *w) {
  uint8_t buf[PUT_KEY_MAX], record[AL_GUARD_RECORD_BYTES];
  uint32_t slot;
  size_t len;
  while (al_guards_dirty(n->guards, &slot, record, &len)) {
    al_wr key = al_wr_init(buf, sizeof buf);
    key_text(&key, "guard/");
    key_u64(&key, slot);
    if (len != 0) {
      put(n, w, &key, al_view(record, len));
    } else {
      del(n, w, &key);
    }
  }
}

static al_wr onion_key(uint64_t epoch, uint8_t *buf) {
  al_wr key = al_wr_init(buf, PUT_KEY_MAX);
  key_text(&key, "key/onion/");
  key_u64(&key, epoch);
  return key;
}

static al_wr tag_key(uint64_t epoch, uint32_t index, uint8_t *buf) {
  al_wr key = al_wr_init(buf, PUT_KEY_MAX);
  key_text(&key, "tag/");
  key_u64(&key, epoch);
  key_text(&key, "/");
  key_u64(&key, index);
  return key;
}

void al_node_store_onion(al_node *n, al_work *w, const node_onion *o) {
  uint8_t buf[PUT_KEY_MAX];
  al_wr key = onion_key(o->epoch, buf);
  put(n, w, &key, al_view(o->seed, sizeof o->seed));
}

/* The key goes at once; the tags follow as the queue has room. */
void al_node_forget_onion(al_node *n, al_work *w, const node_onion *o) {
  uint8_t buf[PUT_KEY_MAX];
  al_wr key = onion_key(o->epoch, buf);
  uint32_t fresh = o->replay != NULL ? al_replay_count(o->replay) - o->loaded : 0;
  del(n, w, &key);
  node_stale *s = stale_of(n, o->epoch);
  if (s == NULL) return; /* what is left of it is found at the next start */
  s->tag_records = o->record_base + (fresh + AL_NODE_TAGS_PER_RECORD - 1) / AL_NODE_TAGS_PER_RECORD;
}

uint32_t al_node_stale_tags(const al_node *n, uint64_t epoch) {
  for (uint32_t i = 0; i < n->stale_count; i++) {
    if (n->stale[i].epoch == epoch) return n->stale[i].tag_records;
  }
  return 0;
}

void al_node_forget_stale(al_node *n, al_work *w) {
  uint8_t buf[PUT_KEY_MAX];
  for (uint32_t i = 0; i < n->stale_count; i++) {
    al_wr key = onion_key(n->stale[i].epoch, buf);
    if (n->stale[i].key) del(n, w, &key);
    n->stale[i].key = false;
  }
  while (n->stale_count > 0) {
    node_stale *s = &n->stale[n->stale_count - 1];
    for (; s->tag_next < s->tag_records; s->tag_next++) {
      if (!al_work_may_tell(w)) return; /* the next housekeeping goes on */
      al_wr key = tag_key(s->epoch, s->tag_next, buf);
      del(n, w, &key);
    }
    *s = (node_stale){0};
    n->stale_count--;
  }
}

/* The record that the newest tag belongs to is written again, whole. */
void al_node_store_tag(al_node *n, al_work *w, const node_onion *o) {
  uint8_t buf[PUT_KEY_MAX];
  uint32_t index = (al_replay_count(o->replay) - o->loaded - 1) / AL_NODE_TAGS_PER_RECORD;
  al_wr key = tag_key(o->epoch, o->record_base + index, buf);
  put(n, w, &key,
      al_replay_view(o->replay, o->loaded + index * AL_NODE_TAGS_PER_RECORD,
                     AL_NODE_TAGS_PER_RECORD));
}

void al_node_store_record(al_node *n, al_work *w, const al_id *id, al_bytes value) {
  uint8_t buf[PUT_KEY_MAX];
  al_wr key = al_wr_init(buf, sizeof buf);
  key_text(&key, "record/");
  key_hex(&key, id);
  if (value.len != 0) {
    put(n, w, &key, value);
  } else {
    del(n, w, &key);
  }
}

void al_node_store_u64(al_node *n, al_work *w, const char *name, uint64_t value) {
  uint8_t buf[PUT_KEY_MAX], number[8];
  al_wr key = al_wr_init(buf, sizeof buf);
  key_text(&key, name);
  al_store_u64(number, value);
  put(n, w, &key, al_view(number, sizeof number));
}

void al_node_store_forget(al_node *n, al_work *w, const char *name) {
  uint8_t buf[PUT_KEY_MAX];
  al_wr key = al_wr_init(buf, sizeof buf);
  key_text(&key, name);
  del(n, w, &key);
}
