/* service.c — services of this node: introduction points, descriptors, and the clients that ask. */
#include "dht/sign.h"
#include "node/visit.h"

enum {
  INDEX_BITS = 16,
  RETRY_US = 1000000,
  RETRY_MAX_US = 60000000,
  RECORD_S = 86400, /* published anew every hour, so it is good until well into the next period */
  RECORD_BYTES = AL_RECORD_BLINDED_BYTES + AL_DESC_SEALED_BYTES,
};

static node_service *service_at(const al_node *n, uint32_t handle) {
  uint32_t i = handle & ((1u << INDEX_BITS) - 1);
  if (n->meets == NULL || i == 0 || i > AL_SERVICES_MAX) return NULL;
  node_service *s = n->meets->services[i - 1];
  return s != NULL && s->self == handle ? s : NULL;
}

static uint32_t intros_open(const al_node *n, const node_service *s) {
  uint32_t count = 0;
  for (int k = 0; k < NODE_INTROS; k++)
    count += s->trips[k] != 0 && al_node_trip_at(n, s->trips[k])->state == TRIP_OPEN;
  return count;
}

/* ---- publication ---- */

/* One record of a service: the descriptor, or a client's box. */
typedef struct piece {
  uint64_t period;
  const uint8_t *client; /* NULL: the descriptor */
  al_bytes value;
} piece;

/* What is written, as a record under the period's blinded key, or under a client's. */
static void put(al_node *n, const node_service *s, const piece *p) {
  uint8_t bytes[RECORD_BYTES], pk[AL_ED_PK_BYTES], factor[AL_KEY_BYTES], hash[AL_HASH_BYTES];
  uint8_t *sig;
  al_wr wr = al_wr_init(bytes, sizeof bytes);
  uint64_t wall_s = al_node_wall_s(n);
  al_record r = {.kind = AL_RECORD_BLINDED,
                 .sequence = s->sequence,
                 .expiry_s = wall_s + RECORD_S,
                 .period = p->period,
                 .pk = pk,
                 .value = p->value};
  al_name_factor(n->suite, &s->keys.name, p->period, p->client, factor);
  al_err e = al_name_blinded(n->suite, &s->keys.name, p->period, p->client, pk);
  AL_ASSERT(e == AL_OK); /* our own key */
  e = al_record_encode_unsigned(&r, &wr);
  AL_ASSERT(e == AL_OK);
  al_record_blinded_hash(n->suite, al_wr_view(&wr), hash);
  sig = al_wr_take(&wr, AL_ED_SIG_BYTES);
  AL_ASSERT(sig != NULL);
  n->suite->ed_blind_sign(sig, s->keys.ed_seed, factor, hash);
  al_node_desc_put(n, al_wr_view(&wr));
}

static void put_clients(al_node *n, node_service *s, uint64_t period) {
  uint8_t coins[AL_KEM_COINS_BYTES], box[AL_CLIENT_SEALED_BYTES];
  for (uint32_t i = 0; i < s->clients_count; i++) {
    const uint8_t *client = s->clients + (size_t)i * AL_KEM_PK_BYTES;
    al_rng_bytes(&n->rng, coins, sizeof coins);
    const piece p = {period, client, al_view(box, sizeof box)};
    if (al_client_seal(n->suite, coins, client, s->cookie, box) == AL_OK) put(n, s, &p);
  }
  al_wipe(coins, sizeof coins);
}

static void describe(const al_node *n, const node_service *s, al_service_desc *ret) {
  *ret = (al_service_desc){.puzzle_bits = s->gate.bits, .published_s = al_node_wall_s(n)};
  memcpy(ret->kem_pk, s->kem_pk[0], sizeof ret->kem_pk);
  for (int k = 0; k < NODE_INTROS; k++) {
    if (s->trips[k] == 0) continue;
    const node_trip *t = al_node_trip_at(n, s->trips[k]);
    if (t->state != TRIP_OPEN) continue;
    al_intro *intro = &ret->intros[ret->intros_count++];
    intro->relay = t->path[t->hops - 1];
    memcpy(intro->id, t->intro_id, sizeof intro->id);
  }
}

/* Whoever exposes a service anew, here or elsewhere, goes on from there. */
static uint64_t wall_ms(const al_node *n) {
  return n->wall_s * 1000 + al_time_since(n->now, n->started) / AL_MS;
}

/* This period's and the next one's: nobody waits when one ends. */
static void publish(al_node *n, al_work *w, node_service *s) {
  al_service_desc desc;
  uint8_t sealed[AL_DESC_SEALED_BYTES];
  uint64_t period = al_name_period(n->suite, &s->keys.name, al_node_wall_s(n), NULL);
  describe(n, s, &desc);
  if (desc.intros_count == 0) return;
  s->sequence = al_max_u64(s->sequence + 1, wall_ms(n));
  for (uint64_t p = period; p <= period + 1; p++) {
    const al_desc_make m = {.keys = &s->keys,
                            .desc = &desc,
                            .period = p,
                            .cookie = s->clients_count != 0 ? s->cookie : NULL};
    al_desc_seal(n->suite, &n->rng, &m, sealed);
    put(n, s, &(piece){p, NULL, al_view(sealed, sizeof sealed)});
    put_clients(n, s, p);
  }
  s->changed = false;
  s->published_at = n->now;
  s->published_period = period;
  al_event ev = {.kind = AL_EV_SERVICE, .service = s->self, .count = desc.intros_count};
  if (s->published && s->told == desc.intros_count) return;
  s->published = true;
  s->told = desc.intros_count;
  if (al_work_may_tell(w)) al_node_tell(n, w, &ev);
}

static void maybe_publish(al_node *n, al_work *w, node_service *s) {
  uint32_t open = intros_open(n, s);
  uint64_t period = al_name_period(n->suite, &s->keys.name, al_node_wall_s(n), NULL);
  if (open == 0 || n->closing) return;
  bool gathered = open == NODE_INTROS || al_time_since(n->now, s->first_at) >= NODE_GATHER_US;
  bool due = !s->published || period != s->published_period ||
             al_time_since(n->now, s->published_at) >= NODE_PUBLISH_S * AL_SECOND;
  if ((s->changed && gathered) || (due && gathered)) publish(n, w, s);
}

static void touch(al_node *n, node_service *s) {
  if (!s->changed) s->first_at = n->now;
  s->changed = true;
}

/* ---- introduction points and keys ---- */

static void fresh_kem(al_node *n, node_service *s) {
  s->kem_before = s->kem_at != 0;
  memcpy(s->kem_pk[1], s->kem_pk[0], AL_KEM_PK_BYTES);
  memcpy(s->kem_sk[1], s->kem_sk[0], AL_KEM_SK_BYTES);
  uint8_t seed[AL_KEM_SEED_BYTES];
  al_rng_bytes(&n->rng, seed, sizeof seed);
  n->suite->kem_keypair(s->kem_pk[0], s->kem_sk[0], seed);
  al_wipe(seed, sizeof seed);
  s->kem_at = al_max_u64(n->now, 1);
  touch(n, s);
}

static void house(al_node *n, al_work *w, node_service *s) {
  if (al_time_since(n->now, s->kem_at) >= NODE_KEM_S * AL_SECOND) fresh_kem(n, s);
  if (al_gate_calm(&s->gate, n->now)) touch(n, s);
  for (int k = 0; k < NODE_INTROS && !n->closing; k++) {
    al_reason why;
    const node_trip_plan p = {.kind = TRIP_LISTEN, .owner = s->self};
    if (s->trips[k] != 0 || n->now < s->retry_at[k]) continue;
    s->trips[k] = al_node_trip_new(n, w, &p, &why);
    s->wait_us[k] =
        (uint32_t)al_min_u64(al_max_u64(2 * (uint64_t)s->wait_us[k], RETRY_US), RETRY_MAX_US);
    s->retry_at[k] = n->now + s->wait_us[k];
  }
  maybe_publish(n, w, s);
}

static void listen_event(al_node *n, al_work *w, uint32_t trip, bool opened) {
  node_service *s = service_at(n, al_node_trip_at(n, trip)->owner);
  for (int k = 0; s != NULL && k < NODE_INTROS; k++) {
    if (s->trips[k] != trip) continue;
    if (opened)
      s->wait_us[k] = 0;
    else
      s->trips[k] = 0;
    touch(n, s);
    maybe_publish(n, w, s);
  }
}

/* ---- sessions ---- */

static void end_next(al_node *n, al_work *w, node_session *s) {
  uint32_t trip = s->next_trip;
  s->next_trip = 0;
  al_node_trip_end(n, w, trip);
}

static void join_event(al_node *n, al_work *w, uint32_t trip, bool opened) {
  node_session *s = al_node_session_at(n, al_node_trip_at(n, trip)->owner);
  if (s == NULL) return;
  if (opened) {
    s->next_trip = 0;
    if (al_node_session_carry(n, w, s, trip, &s->next_keys) == AL_OK) {
      al_wipe(&s->next_keys, sizeof s->next_keys);
      return;
    }
    s->next_trip = trip;
    if (al_node_session_lines(s) == 0)
      al_node_session_end(n, w, s, AL_REASON_RESOURCE);
    else
      end_next(n, w, s);
    return;
  }
  if (s->next_trip == trip) s->next_trip = 0;
  (void)al_node_session_lose(n, s, trip);
  bool of_use = s->begun && al_node_session_streams(n, s) != 0 && !n->closing;
  if (al_node_session_lines(s) == 0 && s->next_trip == 0 && !of_use) {
    al_node_session_end(n, w, s, AL_REASON_CIRCUIT);
  }
}

void al_node_service_trip(al_node *n, al_work *w, uint32_t trip, bool opened, al_reason why) {
  (void)why;
  if (al_node_trip_at(n, trip)->kind == TRIP_LISTEN)
    listen_event(n, w, trip, opened);
  else
    join_event(n, w, trip, opened);
}

/* The session that a request names; NULL: none of that name (any more). */
static node_session *session_named(const al_node *n, const node_service *sv,
                                   const al_request *req) {
  for (uint32_t i = 0; i < NODE_SESSIONS_MAX; i++) {
    node_session *s = n->meets->sessions[i];
    if (s == NULL || s->client || !s->begun || s->service != sv->self) continue;
    if (al_equal_ct(s->keys.id, req->session, sizeof req->session)) return s;
  }
  return NULL;
}

static bool proves(const al_node *n, const node_session *s, const al_request *req) {
  uint8_t proof[16];
  al_resume_proof(n->suite, s->keys.resume, req, proof);
  return al_equal_ct(proof, req->proof, sizeof proof);
}

/* Whoever asks by a second introduction point waits at the same place: the first circuit there is
 * as good. */
static bool asked_before(const node_session *s, const al_heard *heard) {
  return s->next_trip != 0 &&
         memcmp(s->join + 1, heard->request.cookie, sizeof heard->request.cookie) == 0;
}

static bool answer(al_node *n, al_work *w, node_session *s, const al_heard *heard) {
  uint8_t y[32];
  al_answer a;
  al_reason why;
  if (asked_before(s, heard)) return true;
  al_rng_bytes(&n->rng, y, sizeof y);
  al_err e = al_answer_make(n->suite, heard, y, s->begun ? s->keys.resume : NULL, &a);
  al_wipe(y, sizeof y);
  if (e != AL_OK) return false;
  s->next_keys = a.keys;
  end_next(n, w, s);
  al_wr wr = al_wr_init(s->join, sizeof s->join);
  al_meet_encode(&(al_meet){.op = AL_MEET_JOIN, .name = heard->request.cookie, .bytes = a.bytes},
                 &wr);
  const node_trip_plan p = {
      .kind = TRIP_JOIN, .owner = s->self, .last = &heard->request.relay, .data = al_wr_view(&wr)};
  s->next_trip = al_node_trip_new(n, w, &p, &why);
  al_wipe(&a, sizeof a);
  return s->next_trip != 0;
}

/* Whoever has asked for nothing for longest gives way: else a service could be visited by so many
 * clients in ten minutes, and by nobody after them. Result: whether somebody did. */
static bool give_way(al_node *n, al_work *w) {
  node_session *idle = al_node_session_idle(n, false);
  if (idle == NULL) return false;
  al_count(&n->counters, AL_COUNT_session_idle);
  al_node_session_end(n, w, idle, AL_REASON_RESOURCE);
  return true;
}

static node_session *session_new(al_node *n, al_work *w, const node_service *sv) {
  node_session *s = al_node_session_new(n, false);
  if (s == NULL && give_way(n, w)) s = al_node_session_new(n, false);
  if (s == NULL)
    al_count(&n->counters, AL_COUNT_service_full);
  else
    s->service = sv->self;
  return s;
}

static void heard(al_node *n, al_work *w, node_service *sv, const al_heard *h) {
  while (al_node_trips_free(n) < NODE_TRIPS_SPARE && give_way(n, w)) continue;
  node_session *s = h->request.resume ? session_named(n, sv, &h->request) : NULL;
  if (s != NULL && !proves(n, s, &h->request)) {
    al_count(&n->counters, AL_COUNT_service_auth);
    s = NULL;
  } else if (s == NULL) { /* one that is forgotten begins anew, and its client sees that it does */
    s = session_new(n, w, sv);
  }
  if (s == NULL) {
    sv->refused++;
    return;
  }
  sv->introduced++;
  bool done = answer(n, w, s, h) || (!s->begun && give_way(n, w) && answer(n, w, s, h));
  if (!done && !s->begun) al_node_session_end(n, w, s, AL_REASON_NO_PATH);
}

static bool may_hear(al_node *n, node_service *sv, const uint8_t *id, const uint8_t *in) {
  uint8_t bits = sv->gate.bits;
  al_gate_verdict v = al_gate_judge(&sv->gate, n->suite, n->now, id, in);
  if (sv->gate.bits != bits) touch(n, sv);
  if (v == AL_GATE_TAKE) return true;
  sv->refused++;
  al_count(&n->counters, v == AL_GATE_REPLAY ? AL_COUNT_service_replay
                         : v == AL_GATE_WORK ? AL_COUNT_service_work
                                             : AL_COUNT_service_full);
  return false;
}

void al_node_service_request(al_node *n, al_work *w, uint32_t trip, const uint8_t *in) {
  const node_trip *t = al_node_trip_at(n, trip);
  node_service *sv = service_at(n, t->owner);
  al_heard h;
  if (sv == NULL || n->closing || !may_hear(n, sv, t->intro_id, in)) return;
  al_err e = AL_ECRYPTO;
  for (int k = 0; k < 2 && e == AL_ECRYPTO && (k == 0 || sv->kem_before); k++) {
    const al_ask_to me = {&sv->keys.name, t->intro_id, sv->kem_pk[k], sv->kem_sk[k], NULL};
    e = al_ask_open(n->suite, &me, in, &h);
  }
  uint64_t wall_s = al_node_wall_s(n);
  if (e != AL_OK || h.request.time_s > wall_s + AL_GATE_TIME_S ||
      h.request.time_s + AL_GATE_TIME_S < wall_s) {
    al_count(&n->counters, AL_COUNT_service_auth);
    sv->refused++;
  } else {
    heard(n, w, sv, &h);
  }
  al_wipe(&h, sizeof h);
}

/* ---- life ---- */

/* Sessions of services that wait for another circuit too long, and those that nobody uses. */
static void sessions_house(al_node *n, al_work *w) {
  for (uint32_t i = 0; i < NODE_SESSIONS_MAX; i++) {
    node_session *s = n->meets->sessions[i];
    if (s == NULL || !al_work_may_tell(w)) continue;
    bool streams = al_node_session_streams(n, s) != 0;
    if (streams && s->lost_at == 0) s->used_at = n->now;
    bool late = s->lost_at != 0 && al_time_since(n->now, s->lost_at) >= NODE_DETACHED_US;
    bool idle = !streams && al_time_since(n->now, s->used_at) >= 2 * (al_time)NODE_VISIT_IDLE_US;
    if (late || idle) al_node_session_end(n, w, s, AL_REASON_CIRCUIT);
  }
}

void al_node_services_house(al_node *n, al_work *w) {
  bool again = n->meets->put_again_at != 0 && n->meets->put_again_at <= n->now;
  if (again) n->meets->put_again_at = 0;
  sessions_house(n, w);
  for (uint32_t i = 0; i < AL_SERVICES_MAX; i++) {
    if (n->meets->services[i] == NULL) continue;
    if (again) touch(n, n->meets->services[i]);
    house(n, w, n->meets->services[i]);
  }
}

void al_node_service_free(al_node *n, node_service *s) {
  al_delete(&n->alloc, s->clients, (size_t)s->clients_count * AL_KEM_PK_BYTES);
  if (s->kem_sk != NULL) al_wipe(s->kem_sk, 2 * sizeof *s->kem_sk);
  al_delete(&n->alloc, s->kem_sk, 2 * sizeof *s->kem_sk);
  al_wipe(s, sizeof *s);
  al_delete(&n->alloc, s, sizeof *s);
}

static node_service *service_new(al_node *n, const al_service_config *c) {
  node_service *s = al_new(&n->alloc, sizeof *s);
  if (s == NULL) return NULL;
  size_t bytes = (size_t)c->clients_count * AL_KEM_PK_BYTES;
  s->clients_count = c->clients_count;
  s->kem_sk = al_new(&n->alloc, 2 * sizeof *s->kem_sk);
  s->clients = bytes != 0 ? al_new(&n->alloc, bytes) : NULL;
  if (s->kem_sk == NULL || (bytes != 0 && s->clients == NULL)) {
    al_node_service_free(n, s);
    return NULL;
  }
  if (bytes != 0) memcpy(s->clients, c->clients, bytes);
  al_service_keys_make(n->suite, c->root, &s->keys);
  al_rng_bytes(&n->rng, s->cookie, sizeof s->cookie);
  return s;
}

al_err al_service_add(al_node *n, al_work *w, al_time now, const al_service_config *c,
                      uint32_t *ret) {
  if (now > n->now) n->now = now;
  if (c->clients_count > AL_SERVICE_CLIENTS_MAX) return AL_EINVAL;
  if (al_node_meets_need(n) != AL_OK) return AL_ENOMEM;
  uint32_t place = 0;
  while (place < AL_SERVICES_MAX && n->meets->services[place] != NULL) place++;
  if (place == AL_SERVICES_MAX) return AL_EFULL;
  node_service *s = service_new(n, c);
  if (s == NULL) return AL_ENOMEM;
  for (uint32_t i = 0; i < AL_SERVICES_MAX; i++) {
    const node_service *o = n->meets->services[i];
    if (o == NULL || memcmp(&o->keys.name, &s->keys.name, sizeof s->keys.name) != 0) continue;
    al_node_service_free(n, s);
    return AL_ESTATE;
  }
  s->self = ++n->meets->service_uses << INDEX_BITS | (place + 1);
  n->meets->services[place] = s;
  fresh_kem(n, s);
  *ret = s->self;
  house(n, w, s);
  al_node_finish(n, w);
  return AL_OK;
}

void al_service_remove(al_node *n, al_work *w, al_time now, uint32_t service) {
  if (now > n->now) n->now = now;
  node_service *s = service_at(n, service);
  if (s == NULL) return;
  for (uint32_t i = 0; i < NODE_SESSIONS_MAX; i++) {
    node_session *x = n->meets->sessions[i];
    if (x != NULL && x->service == service) al_node_session_end(n, w, x, AL_REASON_NO_SERVICE);
  }
  for (int k = 0; k < NODE_INTROS; k++) al_node_trip_end(n, w, s->trips[k]);
  n->meets->services[(service & ((1u << INDEX_BITS) - 1)) - 1] = NULL;
  al_node_service_free(n, s);
  al_node_finish(n, w);
}

bool al_service_look(const al_node *n, uint32_t service, al_service_info *ret) {
  const node_service *s = service_at(n, service);
  if (s == NULL) return false;
  *ret = (al_service_info){.intros = intros_open(n, s),
                           .clients_count = s->clients_count,
                           .puzzle_bits = s->gate.bits,
                           .published = s->published,
                           .introduced = s->introduced,
                           .refused = s->refused};
  memcpy(ret->address, s->keys.name.bytes, sizeof ret->address);
  for (uint32_t i = 0; i < NODE_SESSIONS_MAX; i++) {
    const node_session *x = n->meets->sessions[i];
    ret->sessions += x != NULL && x->service == service && x->begun;
  }
  return true;
}

void al_service_address(const al_suite *suite, const uint8_t *root, uint8_t *ret) {
  al_service_keys keys;
  al_service_keys_make(suite, root, &keys);
  memcpy(ret, keys.name.bytes, sizeof keys.name.bytes);
  al_wipe(&keys, sizeof keys);
}

al_err al_service_address_ok(const al_suite *suite, al_bytes address) {
  al_name name;
  return al_name_take(suite, address, &name);
}

void al_service_client_key(const al_suite *suite, const uint8_t *seed, uint8_t *ret) {
  uint8_t sk[AL_KEM_SK_BYTES];
  suite->kem_keypair(ret, sk, seed);
  al_wipe(sk, sizeof sk);
}
