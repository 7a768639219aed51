/* ends.c — see ends.h. */
#include "circuit/upkeep.h"
#include "node/parts.h"
#include "node/standby.h"
#include "shake/resume.h"

uint32_t al_node_end_new(al_node *n, bool initiator, uint32_t origin) {
  for (uint32_t k = 0; k < n->ends_max; k++) {
    uint32_t i = (n->end_free_hint + k) % n->ends_max;
    node_end *e = &n->ends[i];
    if (e->bundle != 0) continue;
    *e = (node_end){.origin = origin};
    if (al_bundle_open(n->streams, initiator, i + 1, &e->bundle) != AL_OK) return 0;
    n->end_free_hint = (i + 1) % n->ends_max;
    return i + 1;
  }
  return 0;
}

void al_node_end_free(al_node *n, uint32_t end, al_reason reason) {
  node_end *e = &n->ends[end - 1];
  for (uint32_t k = 0; k < AL_BUNDLE_PATHS_MAX; k++) {
    if (e->circ[k] != 0) n->end_of[al_slab_index(e->circ[k])] = 0;
  }
  if (e->detached_at != 0) n->detached_count--;
  al_bundle_close(n->streams, e->bundle, (uint8_t)reason);
  al_wipe(e, sizeof *e);
}

uint32_t al_node_end_of(const al_node *n, al_circ circ, uint32_t *ret_path) {
  uint32_t end = circ != 0 ? n->end_of[al_slab_index(circ)] : 0;
  if (end == 0) return 0;
  for (uint32_t k = 0; k < AL_BUNDLE_PATHS_MAX; k++) {
    if (n->ends[end - 1].circ[k] != circ) continue;
    *ret_path = k;
    return end;
  }
  return 0;
}

void al_node_end_begin(al_node *n, uint32_t end, al_circ circ) {
  node_end *e = &n->ends[end - 1];
  if (e->circ[0] != 0) n->end_of[al_slab_index(e->circ[0])] = 0;
  e->circ[0] = circ;
  if (circ != 0) n->end_of[al_slab_index(circ)] = end;
}

al_err al_node_end_carry(al_node *n, uint32_t end, al_circ circ, uint32_t rtt_us) {
  node_end *e = &n->ends[end - 1];
  al_err err = al_bundle_add_path(n->streams, e->bundle, 0, n->now, rtt_us);
  if (err != AL_OK) return err;
  if (al_circuit_resume_secret(n->circuits, circ, e->secret)) {
    al_resume_name(n->suite, e->secret, e->name);
    e->resumable = true;
  }
  return AL_OK;
}

uint32_t al_node_end_streams(const al_node *n, uint32_t end) {
  al_bundle_info info;
  bool known = al_bundle_look(n->streams, n->ends[end - 1].bundle, AL_BUNDLE_PATHS_MAX, &info);
  return known ? info.streams : 0;
}

void al_node_end_ping(al_node *n, al_circ circ) {
  uint32_t path, end = al_node_end_of(n, circ, &path);
  if (end != 0) al_bundle_ping(n->streams, n->ends[end - 1].bundle, path, n->now);
}

/* ---- circuits that are gone ---- */

uint32_t al_node_end_lose(al_node *n, uint32_t end, uint32_t path) {
  node_end *e = &n->ends[end - 1];
  uint32_t left = 0;
  n->end_of[al_slab_index(e->circ[path])] = 0;
  e->circ[path] = 0;
  e->due[path] = 0;
  al_bundle_path_lost(n->streams, e->bundle, path, n->now);
  for (uint32_t k = 0; k < AL_BUNDLE_PATHS_MAX; k++) left += e->circ[k] != 0;
  return left;
}

static void oldest_expires(al_node *n) {
  uint32_t oldest = 0;
  for (uint32_t i = 0; i < n->ends_max; i++) {
    al_time at = n->ends[i].detached_at;
    if (at != 0 && (oldest == 0 || at < n->ends[oldest - 1].detached_at)) oldest = i + 1;
  }
  al_count(&n->counters, AL_COUNT_resume_expired);
  al_node_end_free(n, oldest, AL_REASON_CIRCUIT);
}

/* An origin that is done says DONE. Everything else may be an accident on the way: what is open
 * waits, as long as not more than a quarter of all places does. */
void al_node_end_gone(al_node *n, uint32_t end, uint32_t path, al_reason reason) {
  node_end *e = &n->ends[end - 1];
  if (al_node_end_lose(n, end, path) != 0) return;
  if (reason == AL_REASON_DONE || n->closing || !e->resumable || al_node_end_streams(n, end) == 0) {
    al_node_end_free(n, end, AL_REASON_CIRCUIT);
    return;
  }
  if (n->detached_count >= (n->ends_max + 3) / 4) oldest_expires(n);
  e->detached_at = al_max_u64(n->now, 1);
  n->detached_count++;
}

void al_node_ends_house(al_node *n, al_work *w) {
  for (uint32_t i = 0; i < n->ends_max && n->detached_count != 0; i++) {
    const node_end *e = &n->ends[i];
    if (e->detached_at == 0 || !al_work_may_tell(w)) continue;
    bool late = al_time_since(n->now, e->detached_at) >= AL_NODE_DETACHED_US;
    if (!late && al_node_end_streams(n, i + 1) != 0) continue;
    if (late) al_count(&n->counters, AL_COUNT_resume_expired);
    al_node_end_free(n, i + 1, AL_REASON_CIRCUIT);
  }
}

/* ---- joining ---- */

static void due(al_node *n, uint32_t end, uint32_t path, al_resume_op op) {
  node_end *e = &n->ends[end - 1];
  e->due[path] = (uint8_t)op;
  al_circuit_want_send(n->circuits, e->circ[path], true);
  al_node_touch(n, al_circuit_speaks_on(n->circuits, e->circ[path]));
}

void al_node_resume_ask(al_node *n, al_circ circ) {
  uint32_t path, end = al_node_end_of(n, circ, &path);
  if (end != 0) due(n, end, path, AL_RESUME_JOIN);
}

/* The secret that a RESUME on this circuit is made with: at an origin that asks, the bundle's that
 * is to be joined; else that of the bundle it carries. */
static const node_end *bundle_meant(const al_node *n, uint32_t end) {
  uint32_t joins = al_node_origin_joins(n, n->ends[end - 1].origin);
  return &n->ends[(joins != 0 ? joins : end) - 1];
}

bool al_node_resume_fill(al_node *n, uint32_t end, uint32_t path, uint8_t *payload) {
  node_end *e = &n->ends[end - 1];
  al_resume m = {.op = e->due[path]};
  uint8_t secret[AL_RESUME_SECRET_BYTES], circuit[AL_RESUME_ID_BYTES];
  if (m.op == 0) return false;
  e->due[path] = 0;
  const node_end *b = bundle_meant(n, end);
  if (m.op != AL_RESUME_REFUSED) {
    if (!al_circuit_resume_secret(n->circuits, e->circ[path], secret)) return false;
    al_resume_name(n->suite, secret, circuit);
    al_resume_make(n->suite, (al_resume_op)m.op, b->secret, circuit, &m);
    al_wipe(secret, sizeof secret);
  }
  al_resume_encode(&m, payload);
  return true;
}

/* The circuit leaves its own place, whose bundle is empty, for that of the bundle. */
static bool move(al_node *n, uint32_t from, uint32_t path, uint32_t to) {
  node_end *a = &n->ends[from - 1], *b = &n->ends[to - 1];
  al_bundle_mover m = {.from = a->bundle, .to = b->bundle, .path = path, .now = n->now};
  uint32_t at;
  if (from == to || al_node_end_streams(n, from) != 0) return false;
  if (al_bundle_move_path(n->streams, &m, &at) != AL_OK) return false;
  al_circ circ = a->circ[path];
  a->circ[path] = 0;
  al_node_end_free(n, from, AL_REASON_DONE);
  b->circ[at] = circ;
  n->end_of[al_slab_index(circ)] = to;
  if (b->detached_at != 0) {
    b->detached_at = 0;
    n->detached_count--;
  }
  al_count(&n->counters, AL_COUNT_resume_joined);
  return true;
}

static bool proves(const al_node *n, const al_resume *m, const node_end *b, al_circ circ) {
  uint8_t secret[AL_RESUME_SECRET_BYTES], circuit[AL_RESUME_ID_BYTES];
  if (!b->resumable || !al_circuit_resume_secret(n->circuits, circ, secret)) return false;
  al_resume_name(n->suite, secret, circuit);
  al_wipe(secret, sizeof secret);
  return al_resume_check(n->suite, m, b->secret, circuit);
}

static void rx_join(al_node *n, uint32_t end, uint32_t path, const al_resume *m) {
  al_circ circ = n->ends[end - 1].circ[path];
  for (uint32_t i = 0; i < n->ends_max; i++) {
    const node_end *b = &n->ends[i];
    if (b->bundle == 0 || b->origin != 0 || !al_equal_ct(b->name, m->id, sizeof m->id)) continue;
    if (!proves(n, m, b, circ)) break;
    if (i + 1 != end && !move(n, end, path, i + 1)) break;
    end = al_node_end_of(n, circ, &path);
    due(n, end, path, AL_RESUME_JOINED);
    return;
  }
  al_count(&n->counters, AL_COUNT_resume_refused);
  due(n, end, path, AL_RESUME_REFUSED);
}

/* What the end of an own circuit says. */
static void rx_answer(al_node *n, al_work *w, uint32_t end, uint32_t path, const al_resume *m) {
  al_circ circ = n->ends[end - 1].circ[path];
  uint32_t origin = n->ends[end - 1].origin, to = al_node_origin_joins(n, origin);
  if (to == 0) {
    al_count(&n->counters, AL_COUNT_resume_parse);
  } else if (m->op == AL_RESUME_REFUSED) {
    al_node_origin_refused(n, w, origin);
  } else if (!proves(n, m, &n->ends[to - 1], circ) || !move(n, end, path, to)) {
    al_count(&n->counters, AL_COUNT_resume_refused);
    al_node_destroy(n, w, circ, AL_REASON_PROTOCOL);
  } else {
    al_node_origin_joined(n, origin, to);
  }
}

void al_node_resume_rx(al_node *n, al_work *w, al_circ circ, const uint8_t *payload) {
  uint32_t path, end = al_node_end_of(n, circ, &path);
  al_resume m;
  if (end == 0) return;
  bool own = n->ends[end - 1].origin != 0;
  if (al_resume_decode(al_view(payload, AL_RELAY_BYTES), &m) != AL_OK ||
      own == (m.op == AL_RESUME_JOIN)) {
    al_count(&n->counters, AL_COUNT_resume_parse);
  } else if (own) {
    rx_answer(n, w, end, path, &m);
  } else {
    rx_join(n, end, path, &m);
  }
}
