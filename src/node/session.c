/* session.c — bundles from end to end, over two joined circuits: packets sealed for the other end,
 * and a bundle that outlives its circuits for a while. */
#include "node/visit.h"
#include "node/wake.h"

enum {
  SESSIONS = NODE_SESSIONS_MAX + NODE_VISITS_MAX,
  INDEX_BITS = 16,
};

al_err al_node_meets_need(al_node *n) {
  if (n->meets != NULL) return AL_OK;
  if (al_node_wake(n) != AL_OK) return AL_ENOMEM;
  struct node_meets *m = al_new(&n->alloc, sizeof *m);
  if (m == NULL) return AL_ENOMEM;
  m->trip_of = al_new_array(&n->alloc, n->limits.circuits_max, sizeof *m->trip_of);
  if (m->trip_of == NULL) {
    al_delete(&n->alloc, m, sizeof *m);
    return AL_ENOMEM;
  }
  m->solve_at = AL_TIME_NEVER;
  m->tick_at = AL_TIME_NEVER;
  n->meets = m;
  return AL_OK;
}

void al_node_meets_clear(al_node *n) {
  struct node_meets *m = n->meets;
  if (m == NULL) return;
  for (uint32_t i = 0; i < SESSIONS; i++) {
    node_session *s = m->sessions[i];
    if (s == NULL) continue;
    al_wipe(s, sizeof *s);
    al_delete(&n->alloc, s, sizeof *s);
  }
  for (uint32_t i = 0; i < NODE_VISITS_MAX; i++)
    if (m->visits[i] != NULL) al_node_visit_free(n, m->visits[i]);
  for (uint32_t i = 0; i < AL_SERVICES_MAX; i++)
    if (m->services[i] != NULL) al_node_service_free(n, m->services[i]);
  for (uint32_t i = 0; i < NODE_TRIPS_MAX; i++) al_node_trip_forget(n, &m->trips[i]);
  al_node_desc_clear(n);
  al_delete(&n->alloc, m->trip_of, n->limits.circuits_max * sizeof *m->trip_of);
  al_wipe(m, sizeof *m);
  al_delete(&n->alloc, m, sizeof *m);
  n->meets = NULL;
}

void al_node_meets_tick(al_node *n, al_work *w, bool house) {
  if (n->meets == NULL) return;
  al_node_visits_tick(n, w);
  if (!house) return;
  al_node_visits_house(n, w);
  al_node_services_house(n, w);
  al_node_trips_house(n, w);
}

al_time al_node_meets_deadline(const al_node *n) {
  return n->meets != NULL ? al_min_u64(n->meets->solve_at, n->meets->tick_at) : AL_TIME_NEVER;
}

/* ---- the table ---- */

node_session *al_node_session_new(al_node *n, bool client) {
  struct node_meets *m = n->meets;
  uint32_t i = client ? NODE_SESSIONS_MAX : 0, end = client ? SESSIONS : NODE_SESSIONS_MAX;
  while (i < end && m->sessions[i] != NULL) i++;
  if (i == end) return NULL;
  node_session *s = al_new(&n->alloc, sizeof *s);
  if (s == NULL) return NULL;
  if (al_bundle_open(n->streams, client, NODE_BUNDLE_MEET | (i + 1), &s->bundle) != AL_OK) {
    al_delete(&n->alloc, s, sizeof *s);
    return NULL;
  }
  al_bundle_set_payload(n->streams, s->bundle, AL_SEALED_TEXT_BYTES);
  m->session_uses[i]++;
  s->self = (uint32_t)m->session_uses[i] << INDEX_BITS | (i + 1);
  s->client = client;
  s->lost_at = s->used_at = al_max_u64(n->now, 1);
  m->sessions[i] = s;
  return s;
}

node_session *al_node_session_at(const al_node *n, uint32_t handle) {
  uint32_t i = handle & ((1u << INDEX_BITS) - 1);
  if (n->meets == NULL || i == 0 || i > SESSIONS) return NULL;
  node_session *s = n->meets->sessions[i - 1];
  return s != NULL && s->self == handle ? s : NULL;
}

static node_session *of_bundle(const al_node *n, uint32_t user) {
  uint32_t i = user & ~(uint32_t)NODE_BUNDLE_MEET;
  return n->meets != NULL && i >= 1 && i <= SESSIONS ? n->meets->sessions[i - 1] : NULL;
}

void al_node_session_end(al_node *n, al_work *w, node_session *s, al_reason why) {
  uint32_t i = (s->self & ((1u << INDEX_BITS) - 1)) - 1;
  uint32_t trips[2] = {s->trip, s->next_trip};
  n->meets->sessions[i] = NULL;
  al_bundle_close(n->streams, s->bundle, (uint8_t)why);
  al_wipe(s, sizeof *s);
  al_delete(&n->alloc, s, sizeof *s);
  al_node_trip_end(n, w, trips[0]);
  al_node_trip_end(n, w, trips[1]);
}

uint32_t al_node_session_streams(const al_node *n, const node_session *s) {
  al_bundle_info info;
  bool known = al_bundle_look(n->streams, s->bundle, AL_BUNDLE_PATHS_MAX, &info);
  return known ? info.streams : 0;
}

/* ---- its circuit ---- */

void al_node_session_lose(al_node *n, node_session *s) {
  if (s->lost_at != 0) return;
  al_bundle_path_lost(n->streams, s->bundle, s->path, n->now);
  s->lost_at = al_max_u64(n->now, 1);
  s->trip = 0;
}

al_err al_node_session_carry(al_node *n, al_work *w, node_session *s, uint32_t trip,
                             const al_session_keys *keys) {
  uint32_t old = s->trip;
  al_err e = AL_ESTATE;
  al_node_session_lose(n, s);
  if (old != trip) al_node_trip_end(n, w, old);
  for (uint32_t k = 1; k <= AL_BUNDLE_PATHS_MAX && e == AL_ESTATE; k++) {
    uint32_t path = (s->path + k) % AL_BUNDLE_PATHS_MAX;
    e = al_bundle_add_path(n->streams, s->bundle, path, n->now, 0);
    if (e == AL_OK) s->path = (uint8_t)path;
  }
  if (e != AL_OK) return e;
  s->trip = trip;
  s->lost_at = 0;
  s->used_at = n->now;
  if (!s->begun) s->keys = *keys; /* name and secret of a session stay */
  s->begun = true;
  al_sealed_init(&s->sealed, keys, s->client);
  return AL_OK;
}

/* ---- packets ---- */

void al_node_session_rx(al_node *n, al_work *w, uint32_t trip, al_buf buf, uint8_t *payload) {
  node_session *s = al_node_trip_session(n, trip);
  if (s == NULL || s->trip != trip || al_sealed_open(&s->sealed, n->suite, payload) != AL_OK) {
    al_count(&n->counters, AL_COUNT_sealed_auth);
    al_buf_drop(w, buf);
    return;
  }
  (void)al_bundle_rx(n->streams, s->bundle, s->path, n->now,
                     al_view(al_sealed_text(payload), AL_SEALED_TEXT_BYTES));
  al_work_hold(w, buf); /* events look into it until the drain */
}

bool al_node_meet_fill(al_node *n, al_circ circ, uint8_t *payload) {
  uint32_t trip = al_node_trip_of(n, circ);
  node_session *s = trip != 0 ? al_node_trip_session(n, trip) : NULL;
  if (s == NULL || s->trip != trip) return false;
  if (!al_bundle_fill(n->streams, s->bundle, s->path, n->now, al_sealed_text(payload)))
    return false;
  al_node_trip_at(n, trip)->spoke_at = n->now;
  return al_sealed_close(&s->sealed, n->suite, payload);
}

void al_node_session_wants(al_node *n, al_bundle b, uint32_t user) {
  const node_session *s = of_bundle(n, user);
  if (s == NULL || s->bundle != b || s->trip == 0 || s->lost_at != 0) return;
  if (al_bundle_wants(n->streams, b, s->path, n->now) != AL_BUNDLE_WANT_NOW) return;
  const node_trip *t = al_node_trip_at(n, s->trip);
  al_circuit_want_send(n->circuits, t->circ, true);
  al_node_touch(n, t->link);
}

/* ---- events ---- */

bool al_node_session_is(uint32_t user) { return (user & NODE_BUNDLE_MEET) != 0; }

bool al_node_session_event(al_node *n, al_work *w, const al_stream_event *ev, al_event *out) {
  node_session *s = of_bundle(n, ev->bundle_user);
  if (s != NULL && s->bundle == ev->bundle) s->used_at = n->now;
  if (ev->kind == AL_STREAM_EV_SILENT || ev->kind == AL_STREAM_EV_SUSPECT) {
    if (s == NULL || s->bundle != ev->bundle || s->trip == 0 || ev->path != s->path) return false;
    if (!s->client) return false; /* the client finds another way */
    if (ev->kind == AL_STREAM_EV_SUSPECT)
      al_node_visit_suspect(n, w, s);
    else
      al_node_destroy(n, w, al_node_trip_at(n, s->trip)->circ, AL_REASON_TIMEOUT);
    return false;
  }
  if (s != NULL && s->trip != 0) out->circ = al_node_trip_at(n, s->trip)->circ;
  if (ev->kind != AL_STREAM_EV_REQUEST) return true;
  out->service = s != NULL ? s->service : 0;
  if (s != NULL && !s->client && ev->target.kind == AL_TARGET_NAME) return true;
  al_count(&n->counters, AL_COUNT_stream_refused);
  al_streams_reset(n->streams, n->now, ev->stream, AL_REASON_POLICY);
  return false;
}
