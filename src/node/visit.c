/* visit.c — services of others: fetch the descriptor, ask at an introduction point, wait at a
 * rendezvous, and the same again when a circuit of the session dies. */
#include "dht/sign.h"
#include "node/overlay.h"
#include "node/visit.h"

static uint32_t index_of(const al_node *n, const node_visit *v) {
  for (uint32_t i = 0; i < NODE_VISITS_MAX; i++)
    if (n->meets->visits[i] == v) return i + 1;
  return 0;
}

static node_visit *visit_at(const al_node *n, uint32_t i) {
  return i >= 1 && i <= NODE_VISITS_MAX ? n->meets->visits[i - 1] : NULL;
}

size_t al_node_trip_shunned(const al_node *n, const node_trip *t, const al_id **ret) {
  const node_visit *v = t->kind == TRIP_WAIT ? visit_at(n, t->owner) : NULL;
  size_t count = 0;
  if (v == NULL) return 0;
  *ret = v->shunned;
  while (count < NODE_SHUNNED && !al_id_is_zero(&v->shunned[count])) count++;
  return count;
}

node_session *al_node_trip_session(const al_node *n, uint32_t trip) {
  const node_trip *t = al_node_trip_at(n, trip);
  if (t->kind == TRIP_JOIN) return al_node_session_at(n, t->owner);
  const node_visit *v = t->kind == TRIP_WAIT ? visit_at(n, t->owner) : NULL;
  return v != NULL ? v->session : NULL;
}

static void set_deadline(al_node *n, node_visit *v, al_time at) {
  v->deadline = at;
  n->meets->tick_at = al_min_u64(n->meets->tick_at, at);
}

static void go(al_node *n, node_visit *v, node_visit_state state, uint64_t patience_us) {
  v->state = state;
  set_deadline(n, v, patience_us == 0 ? AL_TIME_NEVER : al_time_add(n->now, patience_us));
}

/* ---- end ---- */

void al_node_visit_free(al_node *n, node_visit *v) {
  if (v->sealed != NULL) al_delete(&n->alloc, v->sealed, AL_DESC_SEALED_BYTES);
  al_wipe(v, sizeof *v);
  al_delete(&n->alloc, v, sizeof *v);
}

/* Its streams hear why. */
static void end(al_node *n, al_work *w, node_visit *v, al_reason why) {
  n->meets->visits[index_of(n, v) - 1] = NULL;
  al_node_session_end(n, w, v->session, why);
  al_node_trip_end(n, w, v->wait_trip);
  al_node_trip_end(n, w, v->ask_trip);
  al_node_visit_free(n, v);
}

static void step(al_node *n, al_work *w, node_visit *v);

static void forget_asked(node_visit *v) {
  al_wipe(&v->ask, sizeof v->ask);
  al_wipe(&v->before, sizeof v->before);
  v->asked = v->asked_before = false;
}

/* The place where the answer is waited for is given up. */
static void leave(al_node *n, al_work *w, node_visit *v) {
  al_node_trip_end(n, w, v->wait_trip);
  v->wait_trip = 0;
  forget_asked(v);
}

static void stop_asking(al_node *n, al_work *w, node_visit *v) {
  al_node_trip_end(n, w, v->ask_trip);
  v->ask_trip = 0;
}

static bool carried(const node_visit *v) { return al_node_session_lines(v->session) != 0; }

/* It came to nothing. Who has a circuit tries for another one later; who has a session is patient,
 * as long as the service is (al_node_visits_house); else it is over. */
static void fail(al_node *n, al_work *w, node_visit *v, al_reason why) {
  v->tries = v->tried = 0;
  if (n->closing || !v->session->begun) {
    end(n, w, v, why);
  } else if (carried(v)) {
    uint64_t wait = al_max_u64(v->standby_wait_us, NODE_STANDBY_WAIT_US);
    stop_asking(n, w, v);
    leave(n, w, v);
    v->standby_at = al_time_add(n->now, wait);
    v->standby_wait_us = (uint32_t)al_min_u64(2 * wait, NODE_STANDBY_WAIT_MAX_US);
    go(n, v, VISIT_OPEN, 0);
  } else {
    go(n, v, VISIT_CHOOSE, AL_SECOND);
  }
}

/* ---- the descriptor ---- */

static void fetch(al_node *n, al_work *w, node_visit *v) {
  uint8_t pk[AL_ED_PK_BYTES], client_pk[AL_KEM_PK_BYTES];
  v->period = al_name_period(n->suite, &v->name, al_node_wall_s(n), &v->desc_end_s);
  if (al_name_blinded(n->suite, &v->name, v->period, NULL, pk) != AL_OK) {
    end(n, w, v, AL_REASON_NO_SERVICE);
    return;
  }
  n->meets->token = (n->meets->token + 1) & 0xfffffff;
  v->token = n->meets->token;
  v->has_desc = v->has_box = false;
  v->fetches = v->has_client ? 3 : 1;
  go(n, v, VISIT_FETCH, NODE_FETCH_US);
  al_record r = {.kind = AL_RECORD_BLINDED, .period = v->period, .pk = pk};
  v->key[0] = al_record_key(n->suite, &r);
  uint32_t token = v->token;
  al_id key = v->key[1];
  if (v->has_client) {
    al_service_client_key(n->suite, v->client_seed, client_pk);
    (void)al_name_blinded(n->suite, &v->name, v->period, client_pk, pk);
    key = v->key[1] = al_record_key(n->suite, &r);
    al_node_desc_get(n, &key, token << 1 | 1);
  }
  key = v->key[0];
  al_node_desc_get(n, &key, token << 1);
}

static bool take_value(const al_node *n, const node_visit *v, int which, al_bytes record,
                       al_bytes *ret) {
  al_record r;
  if (al_record_decode(record, &r) != AL_OK || r.kind != AL_RECORD_BLINDED) return false;
  if (al_record_verify(n->suite, &r, &v->key[which]) != AL_OK) return false;
  *ret = r.value;
  return true;
}

static al_err open_desc(al_node *n, node_visit *v) {
  uint8_t cookie[AL_KEY_BYTES], pk[AL_KEM_PK_BYTES], sk[AL_KEM_SK_BYTES];
  al_desc_from from = {&v->name, v->period, NULL};
  if (v->has_box) {
    n->suite->kem_keypair(pk, sk, v->client_seed);
    if (al_client_open(n->suite, sk, al_view(v->box, sizeof v->box), cookie) == AL_OK)
      from.cookie = cookie;
    al_wipe(sk, sizeof sk);
  }
  al_err e = al_desc_open(n->suite, &from, al_view(v->sealed, AL_DESC_SEALED_BYTES), &v->desc);
  al_wipe(cookie, sizeof cookie);
  return e;
}

static void fetched_all(al_node *n, al_work *w, node_visit *v) {
  if (v->sealed == NULL) {
    v->has_desc = v->desc_fresh = v->session->begun; /* with the one there was */
    fail(n, w, v, AL_REASON_NO_SERVICE);
    return;
  }
  al_err e = open_desc(n, v);
  bool clients = al_desc_wants_cookie(al_view(v->sealed, AL_DESC_SEALED_BYTES));
  al_delete(&n->alloc, v->sealed, AL_DESC_SEALED_BYTES);
  v->sealed = NULL;
  if (e != AL_OK) {
    if (!clients) al_count(&n->counters, AL_COUNT_visit_descriptor);
    fail(n, w, v, clients ? AL_REASON_CLIENT : AL_REASON_NO_SERVICE);
    return;
  }
  v->has_desc = v->desc_fresh = true;
  v->tried = v->denied = 0;
  go(n, v, VISIT_CHOOSE, NODE_FETCH_US);
  step(n, w, v);
}

void al_node_desc_got(al_node *n, al_work *w, uint32_t token, al_bytes record) {
  node_visit *v = NULL;
  int which = (int)(token & 1);
  al_bytes value = {NULL, 0};
  for (uint32_t i = 0; n->meets != NULL && i < NODE_VISITS_MAX; i++) {
    node_visit *o = n->meets->visits[i];
    if (o != NULL && o->state == VISIT_FETCH && o->token == token >> 1) v = o;
  }
  if (v == NULL || (v->fetches & 1u << which) == 0) return;
  bool good = record.len != 0 && take_value(n, v, which, record, &value);
  if (record.len != 0 && !good) al_count(&n->counters, AL_COUNT_visit_descriptor);
  v->fetches = (uint8_t)(v->fetches & ~(1u << which));
  if (good && which == 1 && value.len == sizeof v->box) {
    memcpy(v->box, value.ptr, sizeof v->box);
    v->has_box = true;
  } else if (good && which == 0 && value.len == AL_DESC_SEALED_BYTES && v->sealed == NULL) {
    v->sealed = al_new(&n->alloc, AL_DESC_SEALED_BYTES);
    if (v->sealed != NULL) memcpy(v->sealed, value.ptr, value.len);
  }
  if (v->fetches == 0) fetched_all(n, w, v);
}

/* ---- the rendezvous ---- */

/* A circuit to wait at; the first one from a spare, if there is one. False when the visit is over,
 * or puts it off. */
static bool prepare(al_node *n, al_work *w, node_visit *v) {
  al_reason why = AL_REASON_RESOURCE;
  if (v->wait_trip != 0) return true;
  uint32_t owner = index_of(n, v);
  al_rng_bytes(&n->rng, v->cookie, sizeof v->cookie);
  const al_meet m = {.op = AL_MEET_RENDEZVOUS, .name = v->cookie};
  v->wait_trip = carried(v) ? 0 : al_node_trip_adopt(n, w, owner);
  if (v->wait_trip != 0) {
    if (al_node_meet_send(n, w, al_node_trip_at(n, v->wait_trip)->circ, &m)) return true;
    leave(n, w, v);
  }
  al_wr wr = al_wr_init(v->rendezvous, sizeof v->rendezvous);
  al_meet_encode(&m, &wr);
  const node_trip_plan p = {.kind = TRIP_WAIT, .owner = owner, .data = al_wr_view(&wr)};
  v->wait_trip = al_node_trip_new(n, w, &p, &why);
  if (v->wait_trip != 0) return true;
  fail(n, w, v, why);
  return false;
}

/* ---- asking ---- */

static bool relay_known(const al_node *n, const al_id *id) {
  return al_id_equal(id, &n->identity.id) || al_node_described(n, id) != NULL;
}

/* One that was not tried, at random; those whose descriptors are at hand first. */
static bool pick_intro(al_node *n, node_visit *v) {
  uint32_t count = v->desc.intros_count, from = (uint32_t)al_rng_below(&n->rng, count);
  for (uint32_t k = 0; k < 2 * count; k++) {
    uint32_t i = (from + k) % count;
    if ((v->tried & 1u << i) != 0) continue;
    if (k < count && !relay_known(n, &v->desc.intros[i].relay)) continue;
    v->tried = (uint8_t)(v->tried | 1u << i);
    v->intro = (uint8_t)i;
    return true;
  }
  return false;
}

static bool make_request(al_node *n, node_visit *v) {
  const node_trip *t = al_node_trip_at(n, v->wait_trip);
  const node_session *s = v->session;
  al_ask_coins coins;
  al_request req = {.resume = s->begun, .relay = t->path[t->hops - 1], .time_s = al_node_wall_s(n)};
  const al_ask_to to = {.name = &v->name,
                        .intro_id = v->desc.intros[v->intro].id,
                        .kem_pk = v->desc.kem_pk,
                        .resume = s->begun ? s->keys.resume : NULL};
  if (v->asked) v->before = v->ask;
  v->asked_before = v->asked;
  memcpy(req.cookie, v->cookie, sizeof req.cookie);
  if (s->begun) memcpy(req.session, s->keys.id, sizeof req.session);
  al_rng_bytes(&n->rng, &coins, sizeof coins);
  al_err e = al_ask_make(n->suite, &coins, &to, &req, &v->ask);
  al_wipe(&coins, sizeof coins);
  v->asked = e == AL_OK;
  return v->asked;
}

static void ask(al_node *n, al_work *w, node_visit *v) {
  al_reason why;
  const al_intro *intro = &v->desc.intros[v->intro];
  al_wr wr = al_wr_init(v->introduce, sizeof v->introduce);
  al_meet_encode(&(al_meet){.op = AL_MEET_INTRODUCE, .name = intro->id, .bytes = v->ask.bytes},
                 &wr);
  const node_trip_plan p = {
      .kind = TRIP_ASK, .owner = index_of(n, v), .last = &intro->relay, .data = al_wr_view(&wr)};
  bool known = relay_known(n, &intro->relay);
  v->ask_trip = al_node_trip_new(n, w, &p, &why);
  go(n, v, v->ask_trip != 0 ? VISIT_ASK : VISIT_CHOOSE, known ? NODE_ANSWER_US : NODE_FETCH_US);
}

static void solve(al_node *n, al_work *w, node_visit *v) {
  const uint8_t *id = v->desc.intros[v->intro].id;
  if (al_puzzle_try(n->suite, id, v->desc.puzzle_bits, v->ask.bytes, NODE_SOLVE_TRIES)) {
    ask(n, w, v);
  } else {
    n->meets->solve_at = n->now; /* on with the next input */
  }
}

/* Every introduction point was tried: the descriptor may be old. If it is not, those that did not
 * say no are asked once more. Result: whether there is one. */
static bool exhausted(al_node *n, al_work *w, node_visit *v) {
  bool over = v->tries >= NODE_VISIT_TRIES, fresh = v->desc_fresh;
  uint8_t all = (uint8_t)((1u << v->desc.intros_count) - 1);
  if (!over && fresh && v->denied != all) {
    v->tried = v->denied;
    return true;
  }
  v->desc_fresh = false;
  if (over || fresh)
    fail(n, w, v, v->denied == all ? AL_REASON_NO_SERVICE : AL_REASON_TIMEOUT);
  else
    fetch(n, w, v);
  return false;
}

/* One introduction point. Result: whether it came to nothing, and another one may do. */
static bool attempt(al_node *n, al_work *w, node_visit *v) {
  if (v->state != VISIT_CHOOSE || !prepare(n, w, v)) return false;
  if (al_node_trip_at(n, v->wait_trip)->state != TRIP_OPEN) return false;
  if (v->tries >= NODE_VISIT_TRIES || !pick_intro(n, v)) return exhausted(n, w, v);
  v->tries++;
  if (!make_request(n, v)) return true;
  if (v->desc.puzzle_bits != 0) {
    go(n, v, VISIT_SOLVE, 0);
    solve(n, w, v);
  } else {
    ask(n, w, v);
  }
  return v->state == VISIT_CHOOSE;
}

/* Whatever can be done now. */
static void step(al_node *n, al_work *w, node_visit *v) {
  bool more = true;
  while (more) more = attempt(n, w, v);
}

/* From the beginning, or as far back as it must. */
static void begin(al_node *n, al_work *w, node_visit *v) {
  v->tries = v->tried = v->denied = 0;
  v->desc_fresh = false;
  go(n, v, VISIT_CHOOSE, NODE_FETCH_US);
  if (!prepare(n, w, v)) return;
  if (v->has_desc && al_node_wall_s(n) < v->desc_end_s)
    step(n, w, v);
  else
    fetch(n, w, v);
}

/* Another circuit for a session, for as long as somebody needs it. */
static void again(al_node *n, al_work *w, node_visit *v) {
  bool needed = !n->closing && al_node_session_streams(n, v->session) != 0;
  if (needed && v->state == VISIT_OPEN)
    begin(n, w, v);
  else if (!needed && !carried(v))
    end(n, w, v, AL_REASON_CIRCUIT);
}

void al_node_visit_suspect(al_node *n, al_work *w, node_session *s) { again(n, w, s->visit); }

/* Not at once: what ended it may still be there. */
static void wait_lost(al_node *n, al_work *w, node_visit *v, al_reason why) {
  leave(n, w, v);
  stop_asking(n, w, v);
  v->tries++;
  if (v->tries >= NODE_VISIT_TRIES || n->closing) {
    fail(n, w, v, why);
  } else if (v->state != VISIT_FETCH) {
    v->tried = v->denied;
    go(n, v, VISIT_CHOOSE, NODE_AGAIN_US);
  }
}

/* How long an answer may take: it comes from the service over a circuit to be built. Whoever has
 * asked in vain is more patient: everybody may be slow. In a network larger than a book the service
 * may have to find the place first, and each relay the next one. */
static uint64_t answer_us(const al_node *n, const node_visit *v) {
  uint64_t build = v->wait_trip != 0 ? al_node_trip_at(n, v->wait_trip)->build_us : 0;
  uint64_t wait = (NODE_ANSWER_MIN_US + 2 * build) << (v->tries / 2 < 4 ? v->tries / 2 : 4);
  wait = al_min_u64(NODE_ANSWER_US, wait);
  return al_book_full(&n->book) ? wait + NODE_FAR_US : wait;
}

void al_node_visit_trip(al_node *n, al_work *w, uint32_t trip, bool opened, al_reason why) {
  node_visit *v = visit_at(n, al_node_trip_at(n, trip)->owner);
  if (v == NULL) return;
  if (trip == v->ask_trip) {
    v->ask_trip = 0;
    if (!opened && why == AL_REASON_NO_SERVICE) v->denied |= (uint8_t)(1u << v->intro);
    if (opened) al_node_trip_end(n, w, trip); /* it was there to be heard once */
    go(n, v, opened ? VISIT_WAIT : VISIT_CHOOSE, answer_us(n, v));
    step(n, w, v);
  } else if (opened) {
    step(n, w, v);
  } else if (al_node_session_lose(n, v->session, trip)) {
    if (carried(v))
      v->standby_at = n->now;
    else
      again(n, w, v);
  } else if (trip == v->wait_trip) {
    v->wait_trip = 0;
    wait_lost(n, w, v, why);
  }
}

/* The answer is to the last request, or to the one before. */
static al_err take_with(const al_node *n, const node_visit *v, const uint8_t *resume,
                        const uint8_t *answer, al_session_keys *ret) {
  if (!v->asked) return AL_ECRYPTO;
  if (al_answer_take(n->suite, &v->ask, resume, answer, ret) == AL_OK) return AL_OK;
  if (!v->asked_before) return AL_ECRYPTO;
  return al_answer_take(n->suite, &v->before, resume, answer, ret);
}

/* With the session's secret, or without: the service has forgotten the session. */
static al_err take_answer(const al_node *n, const node_visit *v, const uint8_t *answer,
                          al_session_keys *ret, bool *ret_anew) {
  *ret_anew = false;
  if (!v->session->begun) return take_with(n, v, NULL, answer, ret);
  if (take_with(n, v, v->session->keys.resume, answer, ret) == AL_OK) return AL_OK;
  *ret_anew = true;
  return take_with(n, v, NULL, answer, ret);
}

/* The service began anew: another session in place of the one it forgot. Streams of which nothing
 * was delivered go on there, the others end. */
static bool replace(al_node *n, al_work *w, node_visit *v) {
  node_session *old = v->session, *s = al_node_session_new(n, true);
  uint32_t cursor = 0;
  if (s == NULL) return false;
  for (al_stream st; (st = al_streams_each(n->streams, old->bundle, &cursor)) != 0;) {
    if (al_streams_detach(n->streams, st) != AL_OK) continue;
    al_err e = al_streams_attach(n->streams, n->now, st, s->bundle);
    AL_ASSERT(e == AL_OK); /* the new bundle is empty, and its place in the map was free before */
    al_count(&n->counters, AL_COUNT_stream_moved);
  }
  s->visit = v;
  v->session = s;
  memset(v->ports, 0, sizeof v->ports);
  al_node_session_end(n, w, old, AL_REASON_CIRCUIT);
  return true;
}

void al_node_visit_joined(al_node *n, al_work *w, uint32_t trip, const uint8_t *answer) {
  node_visit *v = visit_at(n, al_node_trip_at(n, trip)->owner);
  al_session_keys keys;
  bool anew = false;
  if (v == NULL || trip != v->wait_trip) {
    al_count(&n->counters, AL_COUNT_meet_parse);
    return;
  }
  if (take_answer(n, v, answer, &keys, &anew) != AL_OK) {
    al_count(&n->counters, AL_COUNT_visit_answer);
    al_node_destroy(n, w, al_node_trip_at(n, trip)->circ, AL_REASON_PROTOCOL);
    return;
  }
  stop_asking(n, w, v);
  v->wait_trip = 0;
  v->standby_wait_us = 0;
  al_err e = anew && !replace(n, w, v) ? AL_ENOMEM : AL_OK;
  if (e == AL_OK) e = al_node_session_carry(n, w, v->session, trip, &keys);
  al_wipe(&keys, sizeof keys);
  forget_asked(v);
  go(n, v, VISIT_OPEN, 0);
  if (e == AL_OK) return;
  v->wait_trip = trip;
  fail(n, w, v, AL_REASON_RESOURCE);
}

/* ---- time ---- */

/* The relay where we wait is not drawn again soon: it may keep what comes for us. */
static void shun(const al_node *n, node_visit *v) {
  const node_trip *t = al_node_trip_at(n, v->wait_trip);
  memmove(v->shunned + 1, v->shunned, (NODE_SHUNNED - 1) * sizeof v->shunned[0]);
  v->shunned[0] = t->path[t->hops - 1];
}

static void late(al_node *n, al_work *w, node_visit *v) {
  bool asked = v->ask_trip != 0 || v->state == VISIT_WAIT;
  if (v->state == VISIT_FETCH) {
    v->fetches = 0;
    v->tries = (uint8_t)(v->tries + NODE_FETCH_TRIES);
    if (v->sealed == NULL && v->tries < NODE_VISIT_TRIES && !n->closing)
      fetch(n, w, v);
    else
      fetched_all(n, w, v);
    return;
  }
  stop_asking(n, w, v);
  if (!asked && v->tries < UINT8_MAX) v->tries++;
  if (v->tries >= NODE_VISIT_TRIES) {
    fail(n, w, v, AL_REASON_TIMEOUT);
    return;
  }
  /* Nobody came: another introduction point; after two, perhaps the service cannot reach the place
   * either. */
  bool open = v->wait_trip != 0 && al_node_trip_at(n, v->wait_trip)->state == TRIP_OPEN;
  if (open && v->asked_before) shun(n, v);
  if (!open || v->asked_before) leave(n, w, v);
  go(n, v, VISIT_CHOOSE, NODE_ANSWER_US);
  step(n, w, v);
}

void al_node_visits_tick(al_node *n, al_work *w) {
  if (n->meets == NULL || (n->meets->solve_at > n->now && n->meets->tick_at > n->now)) return;
  n->meets->solve_at = n->meets->tick_at = AL_TIME_NEVER;
  for (uint32_t i = 0; i < NODE_VISITS_MAX; i++) {
    node_visit *v = n->meets->visits[i];
    if (v == NULL) continue;
    if (!al_work_may_tell(w)) {
      n->meets->tick_at = n->now;
      n->again = true;
      return;
    }
    if (v->state == VISIT_SOLVE) {
      solve(n, w, v);
      step(n, w, v);
    } else if (v->deadline <= n->now)
      late(n, w, v);
    v = n->meets->visits[i];
    if (v != NULL) n->meets->tick_at = al_min_u64(n->meets->tick_at, v->deadline);
  }
}

/* A session that lives a while, or moves much, has a circuit standing by: when one dies, both ends
 * go on over the other at once. */
static bool worth_second(const al_node *n, const node_visit *v) {
  al_bundle_info info;
  const node_session *s = v->session;
  if (n->closing || v->state != VISIT_OPEN || v->busy == 0 || n->now < v->standby_at) return false;
  if (al_node_session_lines(s) != 1) return false;
  if (v->busy >= NODE_STANDBY_BUSY) return true;
  for (int k = 0; k < NODE_LINES; k++) {
    if (s->line[k].trip == 0) continue;
    if (!al_bundle_look(n->streams, s->bundle, s->line[k].path, &info)) continue;
    if (info.packets_rx + info.packets_tx >= NODE_STANDBY_PACKETS) return true;
  }
  return false;
}

void al_node_visits_house(al_node *n, al_work *w) {
  for (uint32_t i = 0; i < NODE_VISITS_MAX; i++) {
    node_visit *v = n->meets->visits[i];
    if (v == NULL || !al_work_may_tell(w)) continue;
    node_session *s = v->session;
    bool streams = al_node_session_streams(n, s) != 0;
    if (streams && s->lost_at == 0) s->used_at = n->now;
    v->busy = streams ? (uint8_t)al_min_u64(v->busy + 1u, NODE_STANDBY_BUSY) : 0;
    if (!streams && s->lost_at == 0 && al_time_since(n->now, s->used_at) >= NODE_CALM_US)
      al_node_session_spare(n, w, s);
    if (worth_second(n, v))
      begin(n, w, v);
    else if (s->begun && s->lost_at != 0 && al_time_since(n->now, s->lost_at) >= NODE_DETACHED_US)
      end(n, w, v, AL_REASON_CIRCUIT);
    else if (!streams && al_time_since(n->now, s->used_at) >= NODE_VISIT_IDLE_US)
      end(n, w, v, AL_REASON_DONE);
  }
}

/* ---- the command ---- */

static bool same_client(const node_visit *v, const al_service_to *to) {
  if (v->has_client != (to->client_seed != NULL)) return false;
  return !v->has_client || al_equal_ct(v->client_seed, to->client_seed, sizeof v->client_seed);
}

/* A descriptor that another visit has serves this one too. */
static void copy_desc(const al_node *n, node_visit *v, const al_service_to *to) {
  for (uint32_t i = 0; i < NODE_VISITS_MAX; i++) {
    const node_visit *o = n->meets->visits[i];
    if (o == NULL || o == v || !o->has_desc || !same_client(o, to)) continue;
    if (memcmp(&o->name, &v->name, sizeof v->name) != 0) continue;
    v->desc = o->desc;
    v->period = o->period;
    v->desc_end_s = o->desc_end_s;
    v->has_desc = true;
  }
}

static node_visit *visit_of(const al_node *n, const al_name *name, const al_service_to *to) {
  for (uint32_t i = 0; i < NODE_VISITS_MAX; i++) {
    node_visit *v = n->meets->visits[i];
    if (v != NULL && v->isolation == to->isolation && same_client(v, to) &&
        memcmp(&v->name, name, sizeof *name) == 0)
      return v;
  }
  return NULL;
}

static node_visit *visit_for(al_node *n, al_work *w, const al_name *name, const al_service_to *to) {
  uint32_t place = 0, used = 0;
  node_visit *known = visit_of(n, name, to);
  if (known != NULL) return known;
  for (uint32_t i = 0; i < NODE_VISITS_MAX; i++) used += n->meets->visits[i] != NULL;
  node_session *idle = used == NODE_VISITS_MAX ? al_node_session_idle(n, true) : NULL;
  if (idle != NULL) {
    al_count(&n->counters, AL_COUNT_session_idle);
    end(n, w, idle->visit, AL_REASON_DONE);
  }
  while (place < NODE_VISITS_MAX && n->meets->visits[place] != NULL) place++;
  node_visit *v = place < NODE_VISITS_MAX ? al_new(&n->alloc, sizeof *v) : NULL;
  if (v == NULL) return NULL;
  v->session = al_node_session_new(n, true);
  if (v->session == NULL) {
    al_delete(&n->alloc, v, sizeof *v);
    return NULL;
  }
  v->session->visit = v;
  v->name = *name;
  v->isolation = to->isolation;
  v->has_client = to->client_seed != NULL;
  if (v->has_client) memcpy(v->client_seed, to->client_seed, sizeof v->client_seed);
  v->deadline = AL_TIME_NEVER;
  copy_desc(n, v, to);
  n->meets->visits[place] = v;
  return v;
}

bool al_service_expected(const al_node *n, const al_service_to *to) {
  al_name name;
  if (n->meets == NULL || n->closing || to->port == 0) return false;
  if (al_name_take(n->suite, al_view(to->address, AL_NAME_BYTES), &name) != AL_OK) return false;
  const node_visit *v = visit_of(n, &name, to);
  for (int k = 0; v != NULL && carried(v) && k < NODE_PORTS; k++)
    if (v->ports[k] == to->port) return true;
  return false;
}

void al_node_visit_port(node_session *s, uint16_t port, bool good) {
  uint16_t *p = s->visit->ports, before = good ? port : 0;
  for (int k = 0; k < NODE_PORTS; k++) {
    uint16_t here = p[k];
    if (good)
      p[k] = before; /* to the front */
    else if (here == port)
      p[k] = 0;
    if (good && (here == port || here == 0)) return;
    before = here;
  }
}

/* First bytes go early; and its port is known when it is accepted. */
static void mark(al_node *n, al_stream s, const al_service_to *to) {
  size_t taken = 0;
  al_streams_set_user(n->streams, s, to->port);
  al_streams_set_early(n->streams, s);
  if (to->early.len != 0) (void)al_streams_put(n->streams, n->now, s, to->early, &taken);
  AL_ASSERT(taken == to->early.len); /* a window is larger */
}

al_err al_service_open(al_node *n, al_work *w, al_time now, const al_service_to *to,
                       al_stream *ret) {
  al_name name;
  if (now > n->now) n->now = now;
  al_stream_target target = {
      .kind = AL_TARGET_NAME, .port = to->port, .host = {(const uint8_t *)"*", 1}};
  if (to->port == 0 || to->early.len > AL_SERVICE_EARLY_MAX ||
      al_name_take(n->suite, al_view(to->address, AL_NAME_BYTES), &name) != AL_OK)
    return AL_EINVAL;
  if (n->closing) return AL_ESTATE;
  if (!al_work_may_tell(w)) return AL_EFULL; /* effects must be drained first */
  if (al_node_meets_need(n) != AL_OK) return AL_ENOMEM;
  node_visit *v = visit_for(n, w, &name, to);
  if (v == NULL) return AL_EFULL;
  al_err e = al_streams_open(n->streams, n->now, v->session->bundle, &target, ret);
  if (e == AL_OK) mark(n, *ret, to);
  if (e == AL_OK && v->state == 0) begin(n, w, v);
  if (e != AL_OK && v->state == 0) end(n, w, v, AL_REASON_RESOURCE);
  al_node_finish(n, w);
  return e;
}
