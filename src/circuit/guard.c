/* guard.c — see guard.h. */
#include "circuit/guard.h"

enum { RECORD_VERSION = 1 };

static al_guard *find(al_guards *g, const al_id *id) {
  for (uint32_t i = 0; i < AL_GUARDS_MAX; i++)
    if (!al_id_is_zero(&g->slot[i].id) && al_id_equal(&g->slot[i].id, id)) return &g->slot[i];
  return NULL;
}

void al_guards_init(al_guards *g) { memset(g, 0, sizeof *g); }

al_err al_guards_restore(al_guards *g, uint32_t slot, al_bytes record) {
  al_rd r = al_rd_init(record);
  uint8_t version = al_rd_u8(&r);
  al_guard n = {0};
  al_rd_copy(&r, n.id.b, sizeof n.id.b);
  n.added_s = al_rd_u64(&r);
  n.failing_since_s = al_rd_u64(&r);
  n.failures = al_rd_u32(&r);
  if (!al_rd_done(&r) || version != RECORD_VERSION || slot >= AL_GUARDS_MAX) return AL_EPARSE;
  if (al_id_is_zero(&n.id) || (n.failures == 0) != (n.failing_since_s == 0)) return AL_EPARSE;
  if (!al_id_is_zero(&g->slot[slot].id) || find(g, &n.id) != NULL) return AL_EPARSE;
  g->slot[slot] = n;
  return AL_OK;
}

bool al_guards_dirty(al_guards *g, uint32_t *ret_slot, uint8_t *record, size_t *ret_len) {
  for (uint32_t i = 0; i < AL_GUARDS_MAX; i++) {
    al_guard *s = &g->slot[i];
    if (!s->dirty) continue;
    s->dirty = false;
    *ret_slot = i;
    *ret_len = 0;
    if (al_id_is_zero(&s->id)) return true;
    al_wr w = al_wr_init(record, AL_GUARD_RECORD_BYTES);
    al_wr_u8(&w, RECORD_VERSION);
    al_wr_id(&w, &s->id);
    al_wr_u64(&w, s->added_s);
    al_wr_u64(&w, s->failing_since_s);
    al_wr_u32(&w, s->failures);
    *ret_len = w.len;
    return true;
  }
  return false;
}

void al_guards_refresh(al_guards *g, uint64_t wall_s) {
  for (uint32_t i = 0; i < AL_GUARDS_MAX; i++) {
    al_guard *s = &g->slot[i];
    if (al_id_is_zero(&s->id)) continue;
    if (s->added_s > wall_s) s->added_s = wall_s; /* the clock was ahead then */
    if (s->failing_since_s > wall_s) s->failing_since_s = wall_s;
    bool expired = wall_s - s->added_s >= AL_GUARD_LIFE_S;
    bool lost =
        s->failures >= AL_GUARD_LOST_FAILURES && wall_s - s->failing_since_s >= AL_GUARD_LOST_S;
    if (expired || lost) *s = (al_guard){.dirty = true};
  }
}

al_err al_guards_add(al_guards *g, const al_id *id, uint64_t wall_s) {
  if (find(g, id) != NULL) return AL_ESTATE;
  for (uint32_t i = 0; i < AL_GUARDS_MAX; i++) {
    if (!al_id_is_zero(&g->slot[i].id)) continue;
    g->slot[i] = (al_guard){.id = *id, .added_s = wall_s, .dirty = true};
    return AL_OK;
  }
  return AL_EFULL;
}

void al_guards_reached(al_guards *g, const al_id *id) {
  al_guard *s = find(g, id);
  if (s == NULL || s->failures == 0) return;
  s->failures = 0;
  s->failing_since_s = s->retry_s = 0;
  s->dirty = true;
}

void al_guards_failed(al_guards *g, const al_id *id, uint64_t wall_s) {
  al_guard *s = find(g, id);
  if (s == NULL) return;
  if (s->failures == 0) s->failing_since_s = wall_s != 0 ? wall_s : 1;
  uint64_t wait = AL_GUARD_RETRY_MAX_S;
  if (s->failures < 16) wait = al_min_u64(wait, (uint64_t)AL_GUARD_RETRY_MIN_S << s->failures);
  if (s->failures < UINT32_MAX) s->failures++;
  s->retry_s = wall_s + wait;
  s->dirty = true;
}

bool al_guards_usable(const al_guards *g, uint32_t slot, uint64_t wall_s) {
  const al_guard *s = &g->slot[slot];
  if (al_id_is_zero(&s->id)) return false;
  /* A wait longer than the longest means that the clock was set back. */
  return wall_s >= s->retry_s || s->retry_s - wall_s > AL_GUARD_RETRY_MAX_S;
}

bool al_guards_has(const al_guards *g, const al_id *id) {
  for (uint32_t i = 0; i < AL_GUARDS_MAX; i++)
    if (!al_id_is_zero(&g->slot[i].id) && al_id_equal(&g->slot[i].id, id)) return true;
  return false;
}
