/* ask.c — questions to the DHT over the node's own links (PROTOCOL.md 7.3): find the closest nodes
 * of each place of a key, then ask them one by one. */
#include "node/overlay.h"
#include "node/records.h"

const char *al_record_status_text(al_record_status s) {
  static const char *const texts[] = {"done", "not found", "nobody keeps it",
                                      "nobody could be reached"};
  _Static_assert(sizeof texts / sizeof texts[0] == AL_RECORD_STATUS_COUNT, "one text each");
  return (uint32_t)s < AL_RECORD_STATUS_COUNT ? texts[s] : "unknown status";
}

bool al_node_ask_brings(const node_ask *a) {
  return a->op == AL_RECORD_FETCH || a->op == AL_RECORD_DESCRIBE;
}

/* ---- life of a question ---- */

static void ask_free(al_node *n, node_ask *a) {
  al_delete(&n->alloc, a->bytes, a->bytes_max);
  if (a->found != NULL) al_delete(&n->alloc, a->found, AL_ASK_REPLY_BYTES_MAX);
  al_delete(&n->alloc, a, sizeof *a);
}

/* The request as it goes over a stream; what goes to a node is its end: lifetime and record. */
static void write_request(node_ask *a, al_bytes record) {
  al_wr w = al_wr_init(a->bytes, a->bytes_max);
  al_ask_request q = {.op = (uint8_t)a->op,
                      .quorum = a->quorum,
                      .key = a->key,
                      .lifetime_s = a->lifetime_s,
                      .record = record};
  al_ask_request_encode(&q, &w);
  AL_ASSERT(al_wr_ok(&w));
  a->bytes_len = (uint32_t)w.len;
}

static bool check(const al_node *n, const al_record_ask *ask, al_id *ret_key) {
  al_record r;
  *ret_key = ask->key;
  if (ask->quorum > AL_ASK_QUORUM_MAX) return false;
  if (ask->op != AL_RECORD_PUBLISH) {
    bool known = ask->op >= AL_RECORD_LOCATE && ask->op <= AL_RECORD_DESCRIBE;
    return known && ask->record.len == 0;
  }
  if (al_record_decode(ask->record, &r) != AL_OK) return false;
  *ret_key = al_record_key(n->suite, &r);
  return true;
}

al_err al_node_ask_new(al_node *n, const al_record_ask *ask, node_ask_owner owner, node_ask **ret) {
  al_id key;
  if (n->closing) return AL_ESTATE;
  if (!check(n, ask, &key)) return AL_EINVAL;
  if (n->records.asks_count >= AL_NODE_ASKS_MAX) return AL_EFULL;
  node_ask *a = al_new(&n->alloc, sizeof *a);
  if (a == NULL) return AL_ENOMEM;
  a->bytes_max = AL_ASK_REQUEST_BYTES + (uint32_t)ask->record.len;
  a->bytes = al_new(&n->alloc, a->bytes_max);
  a->op = ask->op;
  bool reads = al_node_ask_brings(a) || !ask->direct;
  if (reads) a->found = al_new(&n->alloc, AL_ASK_REPLY_BYTES_MAX);
  if (a->bytes == NULL || (reads && a->found == NULL)) {
    ask_free(n, a);
    return AL_ENOMEM;
  }
  a->serial = ++n->records.serial;
  if (a->serial == 0) a->serial = ++n->records.serial;
  a->owner = owner;
  a->direct = ask->direct;
  a->quorum = ask->quorum == 0 ? AL_NODE_ASK_QUORUM : ask->quorum;
  a->lifetime_s = ask->lifetime_s == 0 ? AL_RECORDS_LIFETIME_S : ask->lifetime_s;
  a->key = key;
  a->started = n->now;
  a->deadline = n->now + AL_NODE_ASK_US;
  write_request(a, ask->record);
  a->next = n->records.asks;
  n->records.asks = a;
  n->records.asks_count++;
  *ret = a;
  return AL_OK;
}

void al_node_ask_reap(al_node *n) {
  for (node_ask **at = &n->records.asks; *at != NULL;) {
    node_ask *a = *at;
    bool told = a->owner != ASK_SERVICE || a->heard || n->meets == NULL;
    if (a->stage != ASK_DONE || !told) {
      at = &a->next;
      continue;
    }
    *at = a->next;
    n->records.asks_count--;
    n->records.served_count -= a->owner == ASK_SERVED;
    ask_free(n, a);
  }
}

static void stop_runs(al_node *n, node_ask *a) {
  for (uint32_t i = 0; i < AL_NODE_ASK_RUNS; i++) {
    if (a->run[i].lookup != 0) al_dht_stop(&n->dht, a->run[i].lookup);
    a->run[i].lookup = 0;
  }
}

/* Who is worth telling of at its first place: who answered, then who did not, closest first. */
uint8_t al_node_ask_nodes(const node_ask *a, al_record_node ret[AL_RECORD_NODES_MAX]) {
  const node_ask_place *p = &a->place[0];
  uint8_t count = 0;
  for (int silent = 0; silent < 2 && !al_node_ask_brings(a); silent++) {
    for (uint32_t i = 0; i < p->count && count < AL_RECORD_NODES_MAX; i++) {
      bool no = p->verdict[i] == AL_RECORD_NO_VERDICT;
      if (no != (silent == 1)) continue;
      ret[count++] = (al_record_node){.id = p->best[i], .verdict = p->verdict[i]};
    }
  }
  return count;
}

static void tell_host(al_node *n, al_work *w, node_ask *a) {
  al_record_answer *t = &a->told;
  *t = (al_record_answer){.ask = a->serial,
                          .op = a->op,
                          .status = a->status,
                          .key = a->key,
                          .answers = a->answers,
                          .hops = a->hops,
                          .duration_us = al_time_since(n->now, a->started)};
  t->nodes_count = al_node_ask_nodes(a, t->nodes);
  if (al_node_ask_brings(a) && a->found_len != 0) {
    t->lifetime_s = al_load_u32(a->found);
    t->record = al_view(a->found + AL_ASK_PREFIX_BYTES, a->found_len - AL_ASK_PREFIX_BYTES);
  }
  al_event ev = {.kind = AL_EV_RECORD, .answer = t};
  al_node_tell(n, w, &ev);
}

void al_node_ask_finish(al_node *n, al_work *w, node_ask *a, al_record_status status) {
  stop_runs(n, a);
  a->status = status;
  a->stage = ASK_DONE;
  switch (a->owner) {
    case ASK_HOST:
      tell_host(n, w, a);
      break;
    case ASK_SERVICE: /* al_node_desc_settle */
      break;
    case ASK_SERVED:
      al_node_askfar_reply(n, a);
      break;
    case ASK_UPKEEP:
    case ASK_HAND:
      al_node_upkeep_done(n, a);
      break;
  }
}

static uint32_t kept_by(const node_ask_place *p) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < p->count; i++) {
    n += p->verdict[i] == AL_RECORD_TAKEN || p->verdict[i] == AL_RECORD_SAME;
  }
  return n;
}

/* Nodes that need not be asked further: they have it, or a record that it may not replace. */
static uint32_t settled_by(const node_ask_place *p) {
  uint32_t n = kept_by(p);
  for (uint32_t i = 0; i < p->count; i++) {
    n += p->verdict[i] == AL_RECORD_STALE || p->verdict[i] == AL_RECORD_CONFLICT;
  }
  return n;
}

/* Lookups under way, for all places or (below AL_RECORD_PLACES) for one. */
static uint32_t runs_of(const node_ask *a, uint32_t place) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < AL_NODE_ASK_RUNS; i++) {
    n += a->run[i].lookup != 0 && (place >= AL_RECORD_PLACES || a->run[i].place == place);
  }
  return n;
}

/* What has become of it, now that nobody is left to ask. */
static al_record_status outcome(const node_ask *a) {
  bool found = a->found_len != 0;
  uint32_t known = 0, kept = 0, settled = 0;
  for (uint32_t i = 0; i < a->places; i++) {
    known += a->place[i].count;
    kept += kept_by(&a->place[i]);
    settled += settled_by(&a->place[i]);
  }
  if (a->op == AL_RECORD_DESCRIBE) return found ? AL_RECORD_OK : AL_RECORD_NOT_FOUND;
  if (known == 0 && !found) return AL_RECORD_UNREACHABLE;
  if (a->op == AL_RECORD_LOCATE) return AL_RECORD_OK;
  if (a->op == AL_RECORD_FETCH) return found ? AL_RECORD_OK : AL_RECORD_NOT_FOUND;
  /* Where most have a newer one, that the others took it is of no use. */
  return kept != 0 && kept >= settled - kept ? AL_RECORD_OK : AL_RECORD_REFUSED;
}

/* ---- lookups ---- */

static al_bytes payload_of(const node_ask *a) {
  uint32_t at = AL_ASK_REQUEST_BYTES - AL_ASK_PREFIX_BYTES;
  return al_view(a->bytes + at, a->bytes_len - at);
}

/* Result: whether it is under way: a place for it was free, and a lookup. */
static bool run_start(al_node *n, node_ask *a, const node_run *as, al_dht_ask *ask) {
  uint32_t i = 0;
  while (i < AL_NODE_ASK_RUNS && a->run[i].lookup != 0) i++;
  if (i == AL_NODE_ASK_RUNS) return false;
  ask->user = AL_NODE_LOOKUP_RECORD;
  a->run[i] = *as;
  a->waiting = al_dht_start(&n->dht, ask, n->now, &a->run[i].lookup) != AL_OK;
  if (a->waiting) a->run[i].lookup = 0;
  return !a->waiting;
}

/* One lookup for each place. A record is asked for on one path to each, because the places are as
 * good as disjoint; who the closest nodes are is asked on several, and signed. */
static void begin_places(al_node *n, node_ask *a) {
  bool get = a->stage == ASK_GETTING;
  for (uint8_t i = 0; i < a->places; i++) {
    node_ask_place *p = &a->place[i];
    al_dht_ask ask = {.op = get ? AL_DHT_GET : AL_DHT_FIND,
                      .paths = get ? 1 : AL_NODE_ASK_PATHS,
                      .target = p->at};
    if (p->begun) continue;
    if (!run_start(n, a, &(node_run){.place = i}, &ask)) return;
    p->begun = true;
  }
}

static bool all_begun(const node_ask *a) {
  for (uint32_t i = 0; i < a->places; i++) {
    if (!a->place[i].begun) return false;
  }
  return true;
}

static void enter(node_ask *a, node_ask_stage stage) {
  a->stage = stage;
  for (uint32_t i = 0; i < a->places; i++) a->place[i].begun = false;
}

/* A node is named by its ID: whoever has its descriptor on the way to it may answer. */
static void find_node(al_node *n, node_ask *a) {
  al_dht_ask ask = {
      .op = AL_DHT_DESCRIPTOR, .flags = AL_DHT_EXACT, .paths = 2, .first = true, .target = a->key};
  a->found_nodes = a->found_nodes || run_start(n, a, &(node_run){0}, &ask);
}

/* What is in the book was verified. */
bool al_node_ask_described(al_node *n, node_ask *a) {
  const al_peer_entry *e = al_node_described(n, &a->key);
  if (e == NULL) return false;
  al_wr w = al_wr_init(a->found, AL_ASK_REPLY_BYTES_MAX);
  al_wr_u32(&w, 0);
  al_entry_write(e, &w);
  AL_ASSERT(al_wr_ok(&w));
  a->found_len = (uint32_t)w.len;
  a->answers = 1;
  return true;
}

/* Our own store, before anybody is bothered. Result: whether that was enough. */
static bool look_here(al_node *n, al_work *w, node_ask *a) {
  al_record_held h;
  uint8_t *bytes = al_work_scratch(w);
  if (a->op == AL_RECORD_DESCRIBE) return al_node_ask_described(n, a);
  if (a->op != AL_RECORD_FETCH || !al_records_get(&n->records.store, &a->key, al_node_wall_s(n),
                                                  bytes + AL_ASK_PREFIX_BYTES, &h)) {
    return false;
  }
  al_store_u32(bytes, h.lifetime_s);
  return al_node_ask_candidate(n, a, al_view(bytes, AL_ASK_PREFIX_BYTES + (size_t)h.len)) &&
         (h.kind == AL_RECORD_IMMUTABLE || a->answers >= a->quorum);
}

void al_node_ask_begin(al_node *n, al_work *w, node_ask *a) {
  if (!a->direct) {
    if (al_node_askfar_begin(n, w, a) != AL_OK) {
      al_node_ask_finish(n, w, a, AL_RECORD_UNREACHABLE);
    }
    return;
  }
  if (look_here(n, w, a)) {
    al_node_ask_finish(n, w, a, AL_RECORD_OK);
    return;
  }
  if (a->op == AL_RECORD_DESCRIBE) {
    a->stage = ASK_NAMING;
    find_node(n, a);
    return;
  }
  if (a->places == 0) {
    a->places = a->op == AL_RECORD_LOCATE ? 1 : AL_RECORD_PLACES;
    for (uint32_t i = 0; i < a->places; i++) a->place[i].at = al_record_place(n->suite, &a->key, i);
  }
  for (uint32_t i = 0; i < AL_RECORD_PLACES; i++)
    memset(a->place[i].verdict, AL_RECORD_NO_VERDICT, sizeof a->place[i].verdict);
  enter(a, a->op == AL_RECORD_FETCH ? ASK_GETTING : ASK_FINDING);
  begin_places(n, a);
}

/* One of the closest nodes is we ourselves. */
static void ask_self(al_node *n, al_work *w, node_ask *a, node_ask_place *p, uint32_t which) {
  if (a->op != AL_RECORD_PUBLISH) return; /* our own store was looked into first */
  al_bytes payload = payload_of(a);
  al_records_offer o = {
      .key = a->key,
      .bytes = al_view(payload.ptr + AL_ASK_PREFIX_BYTES, payload.len - AL_ASK_PREFIX_BYTES),
      .lifetime_s = a->lifetime_s,
      .source = a->owner == ASK_SERVED ? UINT32_MAX : 0};
  p->verdict[which] = (uint8_t)al_node_record_keep(n, w, &o);
}

int al_node_nearer(const al_id *key, const al_id *a, const al_id *b) {
  for (size_t i = 0; i < sizeof key->b; i++) {
    uint8_t da = a->b[i] ^ key->b[i], db = b->b[i] ^ key->b[i];
    if (da != db) return da < db ? -1 : 1;
  }
  return 0;
}

static void best_drop(node_ask_place *p, uint32_t i) {
  p->count--;
  memmove(p->best + i, p->best + i + 1, (p->count - i) * sizeof *p->best);
  memmove(p->verdict + i, p->verdict + i + 1, p->count - i);
  p->verdict[p->count] = AL_RECORD_NO_VERDICT;
}

/* Of a crowd around a place, so close that somebody may have chosen to be, the nearest few are
 * candidates: which one gives way to another. AL_NODE_ASK_CANDIDATES: none need. */
static uint32_t crowd_last(al_node *n, const node_ask_place *p) {
  uint32_t crowd = 0, last = AL_NODE_ASK_CANDIDATES;
  for (uint32_t i = 0; i < p->count; i++) {
    if (al_dht_zone_of(&n->dht, &p->at, &p->best[i]) != AL_DHT_CROWD) continue;
    crowd++;
    last = i;
  }
  return crowd < AL_NODE_ASK_CROWD ? AL_NODE_ASK_CANDIDATES : last;
}

/* A candidate, among the others by its distance; those that were asked stay where they are. */
static void best_add(al_node *n, node_ask_place *p, const al_id *id) {
  uint32_t at = p->count, last = AL_NODE_ASK_CANDIDATES;
  for (uint32_t i = 0; i < p->count; i++) {
    if (al_id_equal(&p->best[i], id)) return;
  }
  while (at > p->next && al_node_nearer(&p->at, id, &p->best[at - 1]) < 0) at--;
  if (al_dht_zone_of(&n->dht, &p->at, id) == AL_DHT_CROWD) last = crowd_last(n, p);
  if (last < p->count) {
    if (last < p->next || at > last) return;
    best_drop(p, last);
  }
  if (at == AL_NODE_ASK_CANDIDATES) return;
  if (p->count == AL_NODE_ASK_CANDIDATES) best_drop(p, p->count - 1u);
  memmove(p->best + at + 1, p->best + at, (p->count - at) * sizeof *p->best);
  memmove(p->verdict + at + 1, p->verdict + at, p->count - at);
  p->best[at] = *id;
  p->verdict[at] = AL_RECORD_NO_VERDICT;
  p->count++;
}

/* The closest nodes are known, those that we know ourselves and perhaps we among them. */
static void found_closest(al_node *n, node_ask *a) {
  al_link links[AL_NODE_ASK_NODES];
  al_id id;
  for (uint32_t k = 0; k < a->places; k++) {
    node_ask_place *p = &a->place[k];
    uint32_t count = al_dht_closest(&n->dht, &p->at, AL_NODE_ASK_NODES, links);
    for (uint32_t i = 0; i < count; i++) {
      if (al_link_peer(&n->links, links[i], &id)) best_add(n, p, &id);
    }
    if (n->relay && a->op != AL_RECORD_FETCH) best_add(n, p, &n->identity.id);
  }
  a->found_nodes = true;
}

/* Is one more node of a place to be asked? A record is brought to the closest ones and to all that
 * are where these usually are: whoever chose to be closer does not keep it from the others. */
static bool more_wanted(al_node *n, const node_ask *a, uint32_t place) {
  const node_ask_place *p = &a->place[place];
  if (p->next >= p->count) return false;
  if (a->op == AL_RECORD_FETCH) {
    return a->answers < a->quorum &&
           p->next < (a->found_nodes ? AL_NODE_ASK_NODES : AL_NODE_ASK_QUICK);
  }
  if (settled_by(p) + runs_of(a, place) < AL_NODE_ASK_NODES) return true;
  return al_dht_zone_of(&n->dht, &p->at, &p->best[p->next]) != AL_DHT_BEYOND;
}

/* The next node of a place. Result: false when no lookup is free for it. */
static bool ask_one(al_node *n, al_work *w, node_ask *a, uint8_t place) {
  node_ask_place *p = &a->place[place];
  node_run run = {.place = place, .which = p->next};
  const al_id *id = &p->best[run.which];
  if (al_id_equal(id, &n->identity.id)) {
    p->next++;
    ask_self(n, w, a, p, run.which);
    return true;
  }
  al_dht_ask ask = {.op = a->op == AL_RECORD_FETCH ? AL_DHT_GET : AL_DHT_PUT,
                    .flags = AL_DHT_EXACT,
                    .paths = 1,
                    .first = true,
                    .target = *id};
  ask.payload = a->op == AL_RECORD_FETCH ? al_view(a->key.b, sizeof a->key.b) : payload_of(a);
  if (!run_start(n, a, &run, &ask)) return false;
  p->next++;
  return true;
}

/* Nodes of all places in turn. Result: whether somebody is asked, or is to be. */
static bool ask_next(al_node *n, al_work *w, node_ask *a) {
  for (bool more = true; more;) {
    more = false;
    for (uint8_t i = 0; i < a->places; i++) {
      if (!more_wanted(n, a, i)) continue;
      if (!ask_one(n, w, a, i)) return true;
      more = true;
    }
  }
  return runs_of(a, AL_RECORD_PLACES) != 0;
}

void al_node_ask_step(al_node *n, al_work *w, node_ask *a) {
  if (a->stage == ASK_NAMING) {
    bool asked = a->found_nodes;
    find_node(n, a);
    if (asked && runs_of(a, AL_RECORD_PLACES) == 0) al_node_ask_finish(n, w, a, outcome(a));
    return;
  }
  if (a->stage == ASK_GETTING || a->stage == ASK_FINDING) {
    begin_places(n, a);
    if (runs_of(a, AL_RECORD_PLACES) != 0 || !all_begun(a)) return;
    if (a->stage == ASK_FINDING) found_closest(n, a);
    a->stage = a->stage == ASK_GETTING && a->answers == 0 ? ASK_GETTING : ASK_ASKING;
  }
  if (a->stage == ASK_ASKING) {
    if (a->op != AL_RECORD_LOCATE && ask_next(n, w, a)) return;
    if (a->op != AL_RECORD_FETCH || a->found_nodes) {
      al_node_ask_finish(n, w, a, outcome(a));
      return;
    }
  }
  if (a->stage != ASK_GETTING && a->stage != ASK_ASKING) return;
  enter(a, ASK_FINDING); /* what came on the way was too little */
  begin_places(n, a);
}

/* ---- answers ---- */

bool al_node_ask_candidate(al_node *n, node_ask *a, al_bytes bytes) {
  al_record r;
  al_bytes record;
  if (bytes.len < AL_ASK_PREFIX_BYTES) return false;
  record = al_view(bytes.ptr + AL_ASK_PREFIX_BYTES, bytes.len - AL_ASK_PREFIX_BYTES);
  if (al_record_decode(record, &r) != AL_OK || al_record_verify(n->suite, &r, &a->key) != AL_OK ||
      (r.kind != AL_RECORD_IMMUTABLE && r.expiry_s <= al_node_wall_s(n))) {
    al_count(&n->counters, AL_COUNT_record_lie);
    return false;
  }
  a->answers++;
  if (r.kind == AL_RECORD_IMMUTABLE) a->quorum = a->answers; /* there is no other one */
  if (a->found_len != 0 && r.sequence <= a->found_sequence) return true;
  a->found_sequence = r.sequence;
  memmove(a->found, bytes.ptr, bytes.len);
  a->found_len = (uint32_t)bytes.len;
  return true;
}

/* The same node's answer at the same place is none more. */
static bool answered_before(node_ask *a, uint8_t place, const al_dht_message *m) {
  al_rd r = al_rd_init(m->entries);
  al_dht_entry e;
  if (!al_dht_next_entry(&r, &e)) return true;
  for (uint32_t i = 0; i < a->from_count; i++) {
    if (a->from_place[i] == place && al_id_equal(&a->from[i], &e.id)) return true;
  }
  if (a->from_count == AL_ASK_QUORUM_MAX) return false;
  a->from_place[a->from_count] = place;
  a->from[a->from_count++] = e.id;
  return false;
}

static node_run *run_of(node_ask *a, uint32_t lookup) {
  for (uint32_t i = 0; a != NULL && i < AL_NODE_ASK_RUNS; i++) {
    if (lookup != 0 && a->run[i].lookup == lookup) return &a->run[i];
  }
  return NULL;
}

static node_ask *ask_of_lookup(al_node *n, uint32_t lookup, node_run **ret_run) {
  for (node_ask *a = n->records.asks; a != NULL; a = a->next) {
    *ret_run = run_of(a, lookup);
    if (*ret_run != NULL) return a;
  }
  *ret_run = run_of(n->records.upkeep, lookup);
  return *ret_run != NULL ? n->records.upkeep : NULL;
}

void al_node_ask_answer(al_node *n, al_work *w, uint32_t lookup, const al_dht_message *m) {
  node_run *run;
  node_ask *a = ask_of_lookup(n, lookup, &run);
  if (a == NULL) return;
  if (a->op == AL_RECORD_DESCRIBE) {
    if (m->code == AL_DHT_FOUND && al_node_ask_described(n, a))
      al_node_ask_finish(n, w, a, AL_RECORD_OK);
  } else if (a->op == AL_RECORD_FETCH && m->code == AL_DHT_FOUND) {
    uint8_t before = a->answers;
    if (!al_node_ask_candidate(n, a, m->payload)) return;
    if (answered_before(a, run->place, m)) a->answers = before;
    a->hops = m->hops;
    if (a->answers >= a->quorum) al_node_ask_finish(n, w, a, AL_RECORD_OK);
  } else if (a->op == AL_RECORD_PUBLISH && a->stage == ASK_ASKING && m->payload.len == 1 &&
             m->payload.ptr[0] < AL_RECORD_VERDICT_COUNT) {
    a->place[run->place].verdict[run->which] = m->payload.ptr[0];
  }
}

void al_node_ask_end(al_node *n, al_work *w, const al_dht_event *ev) {
  node_run *run;
  node_ask *a = ask_of_lookup(n, ev->lookup, &run);
  if (a == NULL) return;
  run->lookup = 0;
  if (a->stage == ASK_GETTING || a->stage == ASK_FINDING) {
    for (uint32_t i = 0; i < ev->count; i++) best_add(n, &a->place[run->place], &ev->best[i]);
    if (ev->hops > a->hops) a->hops = ev->hops;
  }
  al_node_ask_step(n, w, a);
  if (a == n->records.upkeep) al_node_upkeep_next(n, w);
}

void al_node_ask_expire(al_node *n, al_work *w, node_ask *a) {
  if (a->stage == ASK_READING || a->stage == ASK_WRITING || a->stage == ASK_CIRCUIT) {
    if (a->stream != 0) al_streams_reset(n->streams, n->now, a->stream, AL_REASON_TIMEOUT);
    a->stream = 0;
  }
  al_node_ask_finish(n, w, a, outcome(a));
}

void al_node_ask_end_all(al_node *n, al_work *w) {
  for (node_ask *a = n->records.asks; a != NULL && al_work_may_tell(w); a = a->next) {
    if (a->stage != ASK_DONE) al_node_ask_expire(n, w, a);
  }
}

bool al_node_ask_hand(al_node *n, node_ask *a, al_link to) {
  al_dht_ask ask = {.op = AL_DHT_PUT, .flags = AL_DHT_LOCAL, .paths = 1, .first = true, .via = to};
  ask.target = a->key;
  ask.payload = payload_of(a);
  a->stage = ASK_ASKING;
  if (run_start(n, a, &(node_run){0}, &ask)) return true;
  a->stage = ASK_IDLE;
  return false;
}

/* ---- commands ---- */

al_err al_record_start(al_node *n, al_work *w, al_time now, const al_record_ask *ask,
                       uint32_t *ret) {
  node_ask *a;
  if (now > n->now) n->now = now;
  if (!al_work_may_tell(w)) return AL_EFULL; /* effects must be drained first */
  al_err e = al_node_ask_new(n, ask, ASK_HOST, &a);
  if (e != AL_OK) return e;
  *ret = a->serial;
  al_node_ask_begin(n, w, a);
  al_node_finish(n, w);
  return AL_OK;
}
