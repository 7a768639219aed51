/* keepsakes.c — records that nodes publish in the DHT and others fetch. Every second one can change
 * and is published anew. A fetch is right when it brings the newest version that somebody said he
 * keeps; an older one is stale. */
#include <stdlib.h>
#include <string.h>

#include "allium/al_dht.h"
#include "bytes.h"
#include "parts.h"

enum {
  VALUE_BYTES = 200,
  SALT_BYTES = 4,
  LIFETIME_S = 86400,
  ASK_US = 30000000, /* a question has an answer after this */
  QUARTERS = 4,
  REPUBLISH_QUARTER = 2,
  FETCH_QUARTER = 3,
};

static bool is_mutable(uint32_t number) { return number % 2 == 1; }

/* A version of a record, 0 or 1; its sequence is one higher. */
static al_record_made make(const sim_run *r, const al_suite *suite, uint32_t number,
                           uint32_t version, uint8_t *out) {
  uint8_t value[VALUE_BYTES], seed[AL_SIG_SEED_BYTES + AL_SIG_COINS_BYTES] = {0};
  uint8_t salt[SALT_BYTES];
  uint64_t name = (uint64_t)number * 2 + (is_mutable(number) ? version : 0);
  for (size_t i = 0; i < VALUE_BYTES; i += 8)
    sim_store_u64(value + i, sim_of(r->o.seed, DRAW_VALUE, name * VALUE_BYTES + i));
  sim_store_u64(seed, sim_of(r->o.seed, DRAW_VALUE, number));
  sim_store_u32(salt, number);
  al_record_fields f = {.value = {value, sizeof value}};
  if (is_mutable(number)) {
    f.is_mutable = true;
    f.sequence = version + 1;
    f.expiry_s = world_wall_s(r->w) + LIFETIME_S / 2;
    f.salt = (al_bytes){salt, sizeof salt};
  }
  al_record_made m = {0};
  if (al_record_make(suite, &f, seed, out, &m) != AL_OK) abort();
  return m;
}

al_id keepsakes_key(const sim_run *r, uint32_t number) {
  uint8_t out[AL_RECORD_BUFFER_BYTES];
  return make(r, world_suite(r->w), number, 0, out).key;
}

/* ---- asking ---- */

static keepsake_question *question_new(sim_run *r) {
  run_keepsakes *k = &r->keepsakes;
  for (uint32_t i = 0; i < QUESTIONS_MAX; i++) {
    keepsake_question *q = &k->one[k->next++ % QUESTIONS_MAX];
    if (!q->used) return q;
  }
  return NULL;
}

/* Result: whether it is under way. */
static bool ask(sim_run *r, keepsake_question *q, const al_record_ask *what) {
  al_drive *d = world_drive(r->w, q->node);
  al_err e = al_record_start(al_drive_node(d), al_drive_work(d), world_now(r->w), what, &q->ask);
  q->used = e == AL_OK;
  al_drive_pump(d);
  return e == AL_OK;
}

static void publish(sim_run *r, uint32_t number, uint32_t version) {
  uint8_t out[AL_RECORD_BUFFER_BYTES];
  uint32_t node = run_any(r, true);
  keepsake_question *q = question_new(r);
  if (node == UINT32_MAX || q == NULL) {
    r->keepsakes.skipped++;
    return;
  }
  al_record_made m = make(r, world_suite(r->w), number, version, out);
  al_record_ask what = {
      .op = AL_RECORD_PUBLISH, .direct = true, .lifetime_s = LIFETIME_S, .record = {out, m.len}};
  *q = (keepsake_question){.node = node, .number = number, .version = (uint8_t)(version + 1)};
  if (!ask(r, q, &what)) r->keepsakes.skipped++;
}

static void again(sim_run *r) {
  uint64_t mean = AL_SECOND / r->s.work_fetches;
  world_call(r->w, world_now(r->w) + sim_exponential(&r->chance, mean) + 1, CALL_FETCH, 0);
}

static void fetch(sim_run *r) {
  run_keepsakes *k = &r->keepsakes;
  if (world_now(r->w) + ASK_US + AL_SECOND > r->ends[RUN_SETTLE]) return;
  again(r);
  uint32_t node = run_any(r, true), number = (uint32_t)sim_below(&r->chance, k->count);
  bool aimed = crowd_hides(r) && k->next % 2 == 0;
  if (aimed) number = 0;
  keepsake_question *q = question_new(r);
  if (node == UINT32_MAX || q == NULL || k->kept[number] == 0) {
    k->skipped++;
    return;
  }
  *q = (keepsake_question){.node = node, .number = number, .fetch = true};
  q->version = k->kept[number];
  q->aim = aimed ? FETCH_AIMED : FETCH_ANY;
  al_record_ask what = {.op = AL_RECORD_FETCH,
                        .direct = true,
                        .quorum = (uint8_t)r->s.work_quorum,
                        .key = keepsakes_key(r, number)};
  k->part[q->aim].asked++;
  if (ask(r, q, &what)) return;
  k->part[q->aim].asked--;
  k->skipped++;
}

void keepsakes_begin(sim_run *r) {
  run_keepsakes *k = &r->keepsakes;
  al_time quarter = (r->ends[RUN_RUN] - world_now(r->w)) / QUARTERS, begin = world_now(r->w);
  k->count = (uint32_t)r->s.work_records;
  if (k->count == 0) return;
  k->kept = calloc(k->count, sizeof *k->kept);
  if (k->kept == NULL) abort();
  al_time first = crowd_hides(r) ? r->lookups.aimed_from : begin;
  for (uint32_t i = 0; i < k->count; i++) {
    world_call(r->w, first + quarter / k->count * i, CALL_PUBLISH, 2 * i);
    al_time later = begin + REPUBLISH_QUARTER * quarter + quarter / k->count * i;
    if (is_mutable(i)) world_call(r->w, later, CALL_PUBLISH, 2 * i + 1);
  }
  if (r->s.work_fetches != 0)
    world_call(r->w, begin + FETCH_QUARTER * quarter + ASK_US, CALL_FETCH, 0);
}

void keepsakes_free(sim_run *r) {
  free(r->keepsakes.kept);
  for (int i = 0; i < FETCH_AIMS; i++) sample_free(&r->keepsakes.part[i].ms);
}

void keepsakes_call(sim_run *r, uint32_t what, uint32_t arg) {
  if (what == CALL_PUBLISH) {
    publish(r, arg / 2, arg % 2);
  } else if (r->phase <= RUN_SETTLE) {
    fetch(r);
  }
}

/* ---- answers ---- */

/* Which version this is: 0: none of them. */
static uint32_t version_of(const sim_run *r, const keepsake_question *q, al_bytes record) {
  al_record_fields got;
  uint8_t out[AL_RECORD_BUFFER_BYTES];
  if (al_record_read(record, &got) != AL_OK) return 0;
  for (uint32_t v = 0; v < 2; v++) {
    al_record_fields want;
    al_record_made m = make(r, world_suite(r->w), q->number, v, out);
    if (al_record_read((al_bytes){out, m.len}, &want) != AL_OK) abort();
    bool same = got.value.len == want.value.len && got.sequence == want.sequence &&
                memcmp(got.value.ptr, want.value.ptr, want.value.len) == 0;
    if (same) return v + 1;
  }
  return 0;
}

static void fetched(sim_run *r, const keepsake_question *q, const al_record_answer *a) {
  fetch_part *p = &r->keepsakes.part[q->aim];
  uint32_t version = a->status == AL_RECORD_OK ? version_of(r, q, a->record) : 0;
  uint32_t wanted = is_mutable(q->number) ? q->version : 1;
  if (a->status != AL_RECORD_OK) {
    p->lost++;
  } else if (version == 0) {
    r->keepsakes.wrong++;
  } else if (version < wanted) {
    p->stale++;
  } else {
    p->found++;
    sample_add(&p->ms, a->duration_us / 1000);
  }
}

void keepsakes_event(sim_run *r, uint32_t node, const al_event *ev) {
  run_keepsakes *k = &r->keepsakes;
  for (uint32_t i = 0; i < QUESTIONS_MAX; i++) {
    keepsake_question *q = &k->one[i];
    if (!q->used || q->node != node || q->ask != ev->answer->ask) continue;
    q->used = false;
    if (q->fetch) {
      fetched(r, q, ev->answer);
    } else if (ev->answer->status == AL_RECORD_OK) {
      k->published++;
      if (k->kept[q->number] < q->version) k->kept[q->number] = q->version;
    } else {
      k->refused++;
    }
    return;
  }
}

/* Whoever asked is gone: nobody wants the answer. */
void keepsakes_gone(sim_run *r, uint32_t node) {
  run_keepsakes *k = &r->keepsakes;
  for (uint32_t i = 0; i < QUESTIONS_MAX; i++) {
    keepsake_question *q = &k->one[i];
    if (!q->used || q->node != node) continue;
    q->used = false;
    if (q->fetch) k->part[q->aim].asked--;
  }
}
