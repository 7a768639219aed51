/* A node whose memory, effect queue or records fail it: al_node_new without memory at every place,
 * commands without room, ends before beginnings, tags that cannot be read. */
#include <stdlib.h>

#include "../support/test_alloc.h"
#include "allium/al_inspect.h"
#include "base/base.h"
#include "book/identity.h"
#include "node/work.h"
#include "tap.h"

static uint8_t record[58] = {1, 4, 192, 0, 2, 1, 0x23, 0x24, 7};

static al_config config(void) {
  al_config c;
  al_config_default(&c);
  c.suite = al_suite_null();
  c.simulation = true;
  c.wall_s = 1800000000;
  memset(c.seed, 1, sizeof c.seed);
  memset(c.identity, 2, sizeof c.identity);
  c.limits = (al_limits){.links_max = 8,
                         .circuits_max = 16,
                         .streams_max = 2000,
                         .peers_max = 16,
                         .queue_cells_max = 16,
                         .creates_per_s = 5,
                         .stream_window = 4096,
                         .replay_tags_max = 256};
  c.addresses[0] = al_view(record, sizeof record);
  c.addresses_count = 1;
  return c;
}

static uint64_t counter(const al_node *n, const char *wanted) {
  const char *name, *text;
  uint64_t v;
  for (uint32_t i = 0; al_inspect_counter(n, i, &name, &text, &v); i++)
    if (strcmp(name, wanted) == 0) return v;
  return UINT64_MAX;
}

static void test_memory(void) {
  test_alloc ta;
  const al_alloc *a = test_alloc_bind(&ta);
  al_node *n = NULL;
  al_config c = config();
  (void)al_node_new(&n, a, &c, 1);
  al_node_free(n, NULL);
  uint64_t all = ta.requests, refused = 0, kept = 0;
  tap_ok(test_alloc_clean(&ta), "a node gives everything back (%u pieces)", (unsigned)all);
  for (uint64_t i = 1; i <= all; i++) {
    a = test_alloc_bind(&ta);
    ta.fail_from = i;
    n = NULL;
    c = config();
    refused += al_node_new(&n, a, &c, 1) == AL_ENOMEM && n == NULL;
    kept += ta.pieces_out + ta.breaches;
  }
  tap_is_u64(refused, all, "without memory at any place: AL_ENOMEM");
  tap_is_u64(kept, 0, "and nothing is kept");
  al_work *w = NULL;
  for (uint64_t i = 1; i <= 5; i++) {
    a = test_alloc_bind(&ta);
    ta.fail_from = i;
    refused += al_work_new(&w, a, 64, 1024) == AL_ENOMEM && w == NULL;
    kept += ta.pieces_out + ta.breaches;
  }
  tap_ok(refused == all + 5 && kept == 0, "nor does a work area");
}

static void drain(al_work *w) {
  al_effect fx;
  while (al_work_next(w, &fx)) {
    if (fx.kind == AL_FX_TX) al_buf_drop(w, fx.u.tx.buf);
  }
}

static void test_late_memory(void) {
  test_alloc ta;
  const al_alloc *a = test_alloc_bind(&ta);
  al_node *n = NULL;
  al_work *w = NULL;
  al_stream s;
  al_link link;
  uint8_t binding[32] = {0};
  al_config c = config();
  al_target t = {.kind = AL_TARGET_NAME, .port = 80, .host_len = 1, .host = {'x'}};
  (void)al_work_new(&w, a, 64, 1024);
  (void)al_node_new(&n, a, &c, 1);
  (void)al_node_input(n, w, &(al_input){.kind = AL_IN_TICK, .now = 2});
  drain(w);
  ta.fail_from = 1;
  tap_ok(al_stream_open(n, w, 3, &t, 0, &s) == AL_ENOMEM, "a stream without memory: AL_ENOMEM");
  tap_ok(al_node_accept(n, w, 3, binding, &link) == AL_EFULL, "a link without memory: refused");
  tap_ok(al_node_join(n, w, 3, al_view((uint8_t[58]){1, 4, 9, 9, 9, 9, 1, 1}, 58)) != AL_OK,
         "joining without memory: refused");
  drain(w);
  ta.fail_from = 0;
  tap_ok(al_node_accept(n, w, 4, binding, &link) == AL_OK, "with memory a link is taken");
  drain(w);
  al_node_free(n, w);
  al_work_free(w);
  tap_ok(test_alloc_clean(&ta), "nothing leaked");
}

/* A host that gives commands without ever draining. */
static void test_no_room(void) {
  test_alloc ta;
  const al_alloc *a = test_alloc_bind(&ta);
  al_node *n = NULL;
  al_work *w = NULL;
  al_stream s;
  al_config c = config(), face;
  al_target t = {.kind = AL_TARGET_NAME, .port = 80, .host_len = 1, .host = {'x'}};
  (void)al_work_new(&w, a, 64, 1024);
  (void)al_node_new(&n, a, &c, 1);
  uint32_t opened = 0;
  al_err e = AL_OK;
  while (e == AL_OK && opened < 5000) {
    e = al_stream_open(n, w, 2, &t, 0, &s);
    opened += e == AL_OK;
  }
  tap_ok(e == AL_EFULL && opened > 300, "streams that are not drained: AL_EFULL after %u", opened);
  for (int i = 0; i < 300; i++) {
    face = config();
    (void)al_node_reconfigure(n, w, 3, &face);
  }
  tap_ok(counter(n, "node_store_full") > 0, "node_store_full: records that find no room (%u)",
         (unsigned)counter(n, "node_store_full"));
  uint32_t events = 0;
  al_effect fx;
  while (al_work_next(w, &fx))
    events += fx.kind == AL_FX_EVENT && fx.u.event.kind == AL_EV_STREAM_RESET;
  tap_is_u64(events, opened, "no event was lost");
  tap_ok(al_stream_open(n, w, 4, &t, 0, &s) == AL_OK, "after a drain there is room");
  drain(w);
  al_node_free(n, w);
  al_work_free(w);
  tap_ok(test_alloc_clean(&ta), "nothing leaked");
}

/* ---- records ---- */

static void put_record(al_wr *w, const char *key, const uint8_t *value, size_t len) {
  al_wr_u16(w, (uint16_t)strlen(key));
  al_wr_u32(w, (uint32_t)len);
  al_wr_copy(w, key, strlen(key));
  al_wr_copy(w, value, len);
}

/* What became of the records: the key stored for this epoch, and what was deleted. */
typedef struct outcome {
  uint8_t key[32];
  uint32_t keys, tags_deleted, clean_at, key_deleted_at, effects;
} outcome;

static outcome watch(al_work *w, uint64_t epoch) {
  outcome o = {0};
  char name[40];
  al_effect fx;
  snprintf(name, sizeof name, "key/onion/%llu", (unsigned long long)epoch);
  while (al_work_next(w, &fx)) {
    al_bytes key = fx.u.store.key;
    o.effects++;
    if (fx.kind == AL_FX_TX) al_buf_drop(w, fx.u.tx.buf);
    if (fx.kind == AL_FX_STORE_DEL) {
      o.tags_deleted += key.len > 4 && memcmp(key.ptr, "tag/", 4) == 0;
      if (key.len == strlen(name) && memcmp(key.ptr, name, key.len) == 0)
        o.key_deleted_at = o.effects;
    }
    if (fx.kind != AL_FX_STORE_PUT) continue;
    if (key.len == 5 && memcmp(key.ptr, "clean", 5) == 0) o.clean_at = o.effects;
    if (key.len != strlen(name) || memcmp(key.ptr, name, key.len) != 0) continue;
    o.keys++;
    memcpy(o.key, fx.u.store.value.ptr, 32);
  }
  return o;
}

static outcome start_with(bool clean, size_t tag_bytes, bool end_at_once) {
  test_alloc ta;
  const al_alloc *a = test_alloc_bind(&ta);
  uint8_t snapshot[4096], value[512] = {42};
  char name[40];
  al_node *n = NULL;
  al_work *w = NULL;
  al_config c = config();
  uint64_t epoch = c.wall_s / AL_EPOCH_S;
  al_wr wr = al_wr_init(snapshot, sizeof snapshot);
  if (clean) put_record(&wr, "clean", value, 8);
  snprintf(name, sizeof name, "key/onion/%llu", (unsigned long long)epoch);
  put_record(&wr, name, value, 32);
  snprintf(name, sizeof name, "tag/%llu/0", (unsigned long long)epoch);
  put_record(&wr, name, value, tag_bytes);
  c.snapshot = al_wr_view(&wr);
  (void)al_work_new(&w, a, 64, 1024);
  tap_ok(al_node_new(&n, a, &c, 1) == AL_OK, "a node starts with %s records, %u bytes of tags",
         clean ? "clean" : "unclean", (unsigned)tag_bytes);
  if (!end_at_once) (void)al_node_input(n, w, &(al_input){.kind = AL_IN_TICK, .now = 2});
  if (end_at_once) al_node_shutdown(n, w, 2);
  outcome o = watch(w, epoch);
  al_node_free(n, w);
  al_work_free(w);
  tap_ok(test_alloc_clean(&ta), "and nothing leaked");
  return o;
}

static void test_records(void) {
  outcome o = start_with(true, 32, false);
  tap_ok(o.keys == 1 && o.key[0] == 42 && o.tags_deleted == 0, "its onion key and tags are kept");
  o = start_with(true, 33, false);
  tap_ok(o.keys == 1 && o.key[0] != 42 && o.tags_deleted == 1,
         "tags that cannot be read cost the key");
  o = start_with(false, 32, false);
  tap_ok(o.keys == 1 && o.key[0] != 42 && o.tags_deleted == 1 && o.key_deleted_at > 0,
         "so does a run that did not end cleanly");
  o = start_with(false, 32, true);
  tap_ok(o.key_deleted_at > 0 && o.clean_at > o.key_deleted_at && o.tags_deleted == 1,
         "ended at once, it leaves a clean mark only behind keys of its own");
}

int main(void) {
  test_memory();
  test_late_memory();
  test_no_room();
  test_records();
  return tap_done();
}
