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

node_session *al_node_session_idle(const al_node *n, bool client) {
  node_session *best = NULL;
  for (uint32_t i = 0; i < SESSIONS; i++) {
    node_session *s = n->meets->sessions[i];
    if (s == NULL || s->client != client || !s->begun || s->next_trip != 0) continue;
    if ((best == NULL || s->used_at < best->used_at) && al_node_session_streams(n, s) == 0)
      best = s;
  }
  return best;
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
  uint32_t trips[NODE_LINES + 1] = {s->next_trip};
  for (int k = 0; k < NODE_LINES; k++) trips[k + 1] = s->line[k].trip;
  n->meets->sessions[i] = NULL;
  al_bundle_close(n->streams, s->bundle, (uint8_t)why);
  al_wipe(s, sizeof *s);
  al_delete(&n->alloc, s, sizeof *s);
  for (int k = 0; k <= NODE_LINES; k++) al_node_trip_end(n, w, trips[k]);
}

uint32_t al_node_session_streams(const al_node *n, const node_session *s) {
  al_bundle_info info;
  bool known = al_bundle_look(n->streams, s->bundle, AL_BUNDLE_PATHS_MAX, &info);
  return known ? info.streams : 0;
}

/* ---- its circuit ---- */

static node_line *line_of(node_session *s, uint32_t trip) {
  for (int k = 0; k < NODE_LINES; k++)
    if (trip != 0 && s->line[k].trip == trip) return &s->line[k];
  return NULL;
}

static node_line *line_on(node_session *s, uint32_t path) {
  for (int k = 0; k < NODE_LINES; k++)
    if (s->line[k].trip != 0 && s->line[k].path == path) return &s->line[k];
  return NULL;
}

uint32_t al_node_session_lines(const node_session *s) {
  uint32_t count = 0;
  for (int k = 0; k < NODE_LINES; k++) count += s->line[k].trip != 0;
  return count;
}

static bool look(const al_node *n, const node_session *s, const node_line *l, al_bundle_info *ret) {
  return l->trip != 0 && al_bundle_look(n->streams, s->bundle, l->path, ret);
}

/* The line that packets go out on. */
static const node_line *in_use(const al_node *n, const node_session *s) {
  al_bundle_info info;
  for (int k = 0; k < NODE_LINES; k++)
    if (look(n, s, &s->line[k], &info) && info.in_use) return &s->line[k];
  return NULL;
}

bool al_node_session_look(const al_node *n, al_circ circ, al_bundle_info *ret) {
  uint32_t trip = al_node_trip_of(n, circ);
  node_session *s = trip != 0 ? al_node_trip_session(n, trip) : NULL;
  const node_line *l = s != NULL ? line_of(s, trip) : NULL;
  return l != NULL && look(n, s, l, ret);
}

bool al_node_session_lose(al_node *n, node_session *s, uint32_t trip) {
  node_line *l = line_of(s, trip);
  if (l == NULL) return false;
  al_bundle_path_lost(n->streams, s->bundle, l->path, n->now);
  al_wipe(l, sizeof *l);
  if (al_node_session_lines(s) == 0) s->lost_at = al_max_u64(n->now, 1);
  return true;
}

static void give_up(al_node *n, al_work *w, node_session *s, const node_line *l) {
  uint32_t trip = l->trip;
  (void)al_node_session_lose(n, s, trip);
  al_node_trip_end(n, w, trip);
}

void al_node_session_spare(al_node *n, al_work *w, node_session *s) {
  al_bundle_info info;
  for (int k = 0; k < NODE_LINES && al_node_session_lines(s) > 1; k++)
    if (look(n, s, &s->line[k], &info) && !info.in_use) give_up(n, w, s, &s->line[k]);
}

/* A free place; else that of one that is suspected, or is not in use. */
static node_line *place(al_node *n, al_work *w, node_session *s) {
  node_line *worst = &s->line[0];
  for (int k = 0; k < NODE_LINES; k++) {
    al_bundle_info info;
    node_line *l = &s->line[k];
    if (l->trip == 0) return l;
    if (look(n, s, l, &info) && (info.suspected || !info.in_use)) worst = l;
  }
  give_up(n, w, s, worst);
  return worst;
}

al_err al_node_session_carry(al_node *n, al_work *w, node_session *s, uint32_t trip,
                             const al_session_keys *keys) {
  al_err e = AL_ESTATE;
  uint32_t path = 0;
  al_bundle_info info;
  node_line *l = place(n, w, s);
  uint32_t rtt_us = 2 * al_node_trip_at(n, trip)->build_us; /* the other half is as long */
  for (; path < AL_BUNDLE_PATHS_MAX && e == AL_ESTATE; path++)
    e = al_bundle_add_path(n->streams, s->bundle, path, n->now, rtt_us);
  if (e != AL_OK) return e;
  l->trip = trip;
  l->path = (uint8_t)(path - 1);
  al_sealed_init(&l->sealed, keys, s->client);
  s->lost_at = 0;
  s->used_at = n->now;
  if (!s->begun) s->keys = *keys; /* name and secret of a session stay */
  s->begun = true;
  for (int k = 0; k < NODE_LINES && s->client; k++)
    if (&s->line[k] != l && look(n, s, &s->line[k], &info) && info.suspected)
      give_up(n, w, s, &s->line[k]);
  return AL_OK;
}

/* ---- packets ---- */

void al_node_session_rx(al_node *n, al_work *w, uint32_t trip, al_buf buf, uint8_t *payload) {
  node_session *s = al_node_trip_session(n, trip);
  node_line *l = s != NULL ? line_of(s, trip) : NULL;
  if (l == NULL || al_sealed_open(&l->sealed, n->suite, payload) != AL_OK) {
    al_count(&n->counters, AL_COUNT_sealed_auth);
    al_buf_drop(w, buf);
    return;
  }
  (void)al_bundle_rx(n->streams, s->bundle, l->path, n->now,
                     al_view(al_sealed_text(payload), AL_SEALED_TEXT_BYTES));
  al_work_hold(w, buf); /* events look into it until the drain */
}

bool al_node_meet_fill(al_node *n, al_circ circ, uint8_t *payload) {
  uint32_t trip = al_node_trip_of(n, circ);
  node_session *s = trip != 0 ? al_node_trip_session(n, trip) : NULL;
  node_line *l = s != NULL ? line_of(s, trip) : NULL;
  if (l == NULL || !al_bundle_fill(n->streams, s->bundle, l->path, n->now, al_sealed_text(payload)))
    return false;
  al_node_trip_at(n, trip)->spoke_at = n->now;
  return al_sealed_close(&l->sealed, n->suite, payload);
}

void al_node_session_wants(al_node *n, al_bundle b, uint32_t user) {
  const node_session *s = of_bundle(n, user);
  if (s == NULL || s->bundle != b) return;
  for (int k = 0; k < NODE_LINES; k++) {
    const node_line *l = &s->line[k];
    if (l->trip == 0) continue;
    if (al_bundle_wants(n->streams, b, l->path, n->now) != AL_BUNDLE_WANT_NOW) continue;
    const node_trip *t = al_node_trip_at(n, l->trip);
    al_circuit_want_send(n->circuits, t->circ, true);
    al_node_touch(n, t->link);
  }
}

/* ---- events ---- */

bool al_node_session_is(uint32_t user) { return (user & NODE_BUNDLE_MEET) != 0; }

/* Nothing comes back on a line: the client has another one made in its place; a service leaves that
 * to the client, and its only line alone. */
static void silent(al_node *n, al_work *w, node_session *s, const al_stream_event *ev) {
  const node_line *l = line_on(s, ev->path);
  if (l == NULL) return;
  if (ev->kind == AL_STREAM_EV_SILENT && (s->client || al_node_session_lines(s) > 1))
    al_node_destroy(n, w, al_node_trip_at(n, l->trip)->circ, AL_REASON_TIMEOUT);
  else if (ev->kind == AL_STREAM_EV_SUSPECT && s->client)
    al_node_visit_suspect(n, w, s);
}

bool al_node_session_event(al_node *n, al_work *w, const al_stream_event *ev, al_event *out) {
  node_session *s = of_bundle(n, ev->bundle_user);
  if (s != NULL && s->bundle == ev->bundle) s->used_at = n->now;
  if (ev->kind == AL_STREAM_EV_SILENT || ev->kind == AL_STREAM_EV_SUSPECT) {
    if (s != NULL && s->bundle == ev->bundle) silent(n, w, s, ev);
    return false;
  }
  const node_line *l = s != NULL ? in_use(n, s) : NULL;
  if (l != NULL) out->circ = al_node_trip_at(n, l->trip)->circ;
  bool reset = ev->kind == AL_STREAM_EV_RESET;
  if (s != NULL && s->bundle == ev->bundle && s->client &&
      (reset || ev->kind == AL_STREAM_EV_OPENED))
    al_node_visit_port(s, (uint16_t)ev->user, !reset);
  if (ev->kind != AL_STREAM_EV_REQUEST) return true;
  out->service = s != NULL ? s->service : 0;
  if (s != NULL && !s->client && ev->target.kind == AL_TARGET_NAME) return true;
  al_count(&n->counters, AL_COUNT_stream_refused);
  al_streams_reset(n->streams, n->now, ev->stream, AL_REASON_POLICY);
  return false;
}
