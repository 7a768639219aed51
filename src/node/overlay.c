/* overlay.c — see overlay.h. src/dht decides; here its decisions become messages, links and
 * events. */
#include "node/overlay.h"

#include "allium/al_dht.h"
#include "dht/proof.h"
#include "node/records.h"
#include "node/wants.h"

enum {
  LINKS_SMALL = 96, /* with fewer links a node has one for each bucket, not two */
  QUERIES_SMALL = 16,
  LOOKUPS_SMALL = 3,
  LOOKUPS = 64,
  HEAD_BYTES_MAX = AL_DHT_ANSWER_BYTES + AL_DHT_ENTRIES_MAX * (33 + AL_ADDRESS_BYTES_MAX),
};

/* A query to be answered: of a neighbour, or (from == 0) of an own lookup. */
typedef struct node_asked {
  al_link from;
  uint32_t lookup;
  const al_dht_message *query;
} node_asked;

static bool routes(const al_node *n) { return n->relay && n->addresses_count != 0; }

al_err al_node_dht_init(al_node *n) {
  uint32_t links = n->limits.links_max;
  bool is_small = links < LINKS_SMALL;
  al_dht_config c = {.alloc = &n->alloc,
                     .loose = al_book_loose(&n->book),
                     .suite = n->suite,
                     .rng = &n->rng,
                     .counters = &n->counters,
                     .self = n->identity.id,
                     .links_max = links,
                     .queries_max = is_small ? QUERIES_SMALL : links,
                     .lookups_max = is_small ? LOOKUPS_SMALL : LOOKUPS,
                     .per_bucket = is_small ? 1 : 2,
                     .contact = routes(n)};
  return al_dht_init(&n->dht, &c);
}

void al_node_dht_face(al_node *n) { al_dht_set_contact(&n->dht, routes(n)); }

/* ---- messages ---- */

static void send_bytes(al_node *n, al_link link, al_bytes bytes) {
  if (al_link_send_message(&n->links, link, AL_MESSAGE_DHT, 0, bytes) != AL_OK) {
    al_count(&n->counters, AL_COUNT_dht_unsent); /* as if lost: whoever asked waits, and retries */
    return;
  }
  al_node_touch(n, link);
}

/* The payload may lie in the scratch room. */
static void send(al_node *n, al_work *w, al_link link, const al_dht_message *m) {
  uint8_t head[HEAD_BYTES_MAX];
  al_dht_message bare = *m;
  uint8_t *out = al_work_scratch(w);
  al_wr h = al_wr_init(head, sizeof head);
  bare.payload = al_view(NULL, 0);
  al_dht_encode(&bare, &h);
  AL_ASSERT(al_wr_ok(&h) && h.len + m->payload.len <= AL_WORK_SCRATCH_BYTES);
  if (m->payload.len != 0) memmove(out + h.len, m->payload.ptr, m->payload.len);
  memcpy(out, head, h.len);
  send_bytes(n, link, al_view(out, h.len + m->payload.len));
}

static void send_ack(al_node *n, al_work *w, al_link link, const al_dht_message *q,
                     al_dht_ack code) {
  al_dht_message ack = {
      .type = AL_DHT_ACK, .code = (uint8_t)code, .path = q->path, .query = q->query};
  send(n, w, link, &ack);
}

/* ---- answering ---- */

static al_bytes address_of(const al_node *n, const al_id *id) {
  const al_peer_entry *e = al_book_get(&n->book, al_book_find(&n->book, id));
  return e != NULL && e->desc.addresses_count != 0 ? e->desc.addresses[0] : al_view(NULL, 0);
}

static void put_self(const al_node *n, al_wr *w) {
  al_bytes own = al_view(NULL, 0);
  if (n->addresses_count != 0) own = al_view(n->addresses[0].bytes, n->addresses[0].len);
  al_dht_put_entry(w, &n->identity.id, own);
}

/* This node, then its contacts that are closest to the target. */
static uint8_t put_entries(al_node *n, al_link from, const al_id *target, al_wr *w) {
  al_link links[AL_DHT_CLOSE + 1];
  uint8_t count = 1;
  uint32_t found = al_dht_closest(&n->dht, target, AL_DHT_CLOSE + 1, links);
  put_self(n, w);
  for (uint32_t i = 0; i < found && count <= AL_DHT_CLOSE; i++) {
    al_id id;
    if (links[i] == from || !al_link_peer(&n->links, links[i], &id)) continue;
    al_dht_put_entry(w, &id, address_of(n, &id));
    count++;
  }
  return count;
}

static bool is_named(const al_id *named, uint32_t count, const al_id *id) {
  for (uint32_t i = 0; i < count; i++) {
    if (al_id_equal(&named[i], id)) return true;
  }
  return false;
}

/* An answer that goes by, near its target: whoever gave it may lie, so it goes on with what this
 * node knows in the place of what is behind its first entries: itself, which it was asked by and
 * does not name, and its contacts. */
static void pass_near(al_node *n, al_work *w, const al_dht_in *in) {
  uint8_t entries[HEAD_BYTES_MAX];
  al_wr wr = al_wr_init(entries, sizeof entries);
  al_rd r = al_rd_init(in->message.entries);
  al_id named[AL_DHT_CLOSE + 1];
  al_dht_message m = in->message;
  al_link links[AL_DHT_CLOSE];
  al_dht_entry e;
  uint32_t told = 0, found = al_dht_closest(&n->dht, &m.target, AL_DHT_CLOSE, links);
  while (told <= AL_DHT_CLOSE && al_dht_next_entry(&r, &e)) {
    named[told++] = e.id;
    al_dht_put_entry(&wr, &e.id, e.address);
  }
  m.count = (uint8_t)told;
  if (!is_named(named, told, &n->identity.id)) {
    put_self(n, &wr);
    m.count++;
  }
  for (uint32_t i = 0; i < found && m.count < AL_DHT_ENTRIES_MAX; i++) {
    al_id id;
    if (links[i] == in->link || !al_link_peer(&n->links, links[i], &id)) continue;
    if (is_named(named, told, &id)) continue;
    al_dht_put_entry(&wr, &id, address_of(n, &id));
    m.count++;
  }
  m.entries = al_wr_view(&wr);
  send(n, w, in->link, &m);
}

const al_peer_entry *al_node_described(const al_node *n, const al_id *id) {
  bool own = al_id_equal(id, &n->identity.id);
  const al_peer_entry *e =
      own ? al_book_own(&n->book) : al_book_get(&n->book, al_book_find(&n->book, id));
  uint64_t wall_s = al_node_wall_s(n);
  bool good = e != NULL && al_book_fresh(e, wall_s) && al_entry_has_onion(e, wall_s / AL_EPOCH_S);
  return good ? e : NULL;
}

static bool find_descriptor(al_node *n, al_work *w, const al_id *id, al_dht_message *answer) {
  const al_peer_entry *e = al_node_described(n, id);
  if (e == NULL) return false;
  al_wr wr = al_wr_init(al_work_scratch(w), AL_WORK_SCRATCH_BYTES);
  al_entry_write(e, &wr);
  answer->payload = al_wr_view(&wr);
  answer->code = AL_DHT_FOUND;
  return true;
}

/* What this node has to say to a query. `here`: nobody else is to be asked any more.
 * Result: whether that answers it. */
static bool know(al_node *n, al_work *w, const node_record_query *in, al_dht_message *answer) {
  const al_dht_message *q = in->query;
  bool me = al_id_equal(&q->target, &n->identity.id), here = in->here;
  node_record_query record = *in;
  record.here = me || (here && (q->flags & AL_DHT_EXACT) == 0);
  if (al_node_record_query(n, w, &record, answer)) return true;
  if (q->op == AL_DHT_DESCRIPTOR && find_descriptor(n, w, &q->target, answer)) return true;
  if (me && q->op == AL_DHT_FIND && (q->flags & AL_DHT_EXACT) != 0) answer->code = AL_DHT_FOUND;
  return here || me;
}

/* Sign what this node answers. */
static void prove(al_node *n, const al_dht_message *answer, uint8_t out[AL_DHT_PROOF_BYTES]) {
  al_identity scratch;
  const al_identity *me = al_keyring_get(&n->identity, &scratch);
  al_dht_prove(n->suite, me->sig_pk, me->sig_sk, answer, out);
  if (me == &scratch) al_identity_clear(&scratch);
}

/* Answer a query that came over `from`, or (0) of the own lookup `lookup`. */
static bool answer(al_node *n, al_work *w, const node_asked *a, bool here) {
  uint8_t entries[HEAD_BYTES_MAX], proof[AL_DHT_PROOF_BYTES];
  const al_dht_message *q = a->query;
  al_dht_message m = {.type = AL_DHT_ANSWER, .path = q->path, .query = q->query};
  const node_record_query in = {.query = q, .from = a->from, .here = here};
  if (!know(n, w, &in, &m)) return false;
  al_wr wr = al_wr_init(entries, sizeof entries);
  m.count = put_entries(n, a->from, &q->target, &wr);
  m.entries = al_wr_view(&wr);
  if (a->from != 0 && q->op == AL_DHT_FIND && (q->flags & AL_DHT_SIGNED) != 0) {
    prove(n, &m, proof);
    m.payload = al_view(proof, sizeof proof);
  }
  if (a->from != 0) {
    send(n, w, a->from, &m);
  } else {
    al_dht_own(&n->dht, a->lookup, &m, n->now);
  }
  return true;
}

static void on_query(al_node *n, al_work *w, al_link link, al_span bytes, const al_dht_message *q) {
  const node_asked a = {.from = link, .query = q};
  al_dht_next_hop next;
  if (answer(n, w, &a, false)) return;
  switch (al_dht_route(&n->dht, link, q, n->now, &next)) {
    case AL_DHT_HERE:
      (void)answer(n, w, &a, true);
      return;
    case AL_DHT_BACK:
      send_ack(n, w, link, q, next.code);
      return;
    case AL_DHT_ONWARD:
      send_ack(n, w, link, q, AL_DHT_TAKEN);
      bytes.ptr[AL_DHT_TTL_AT]--;
      send_bytes(n, next.link, al_view(bytes.ptr, bytes.len));
      return;
  }
}

/* ---- what lookups bring ---- */

static bool linked(al_node *n, const al_id *id) {
  return al_link_find_by_peer(&n->links, id) != 0 || al_link_find_dialling(&n->links, id) != 0;
}

static bool may_dial(al_node *n) {
  uint32_t dialling = 0, cursor = 0;
  for (const node_neighbour *nb; (nb = al_node_neighbour_each(n, &cursor)) != NULL;) {
    const al_link l = nb->link;
    dialling += !nb->up && al_link_is_initiator(&n->links, l);
  }
  return dialling < AL_NODE_DHT_DIALS_MAX;
}

static void dial_entry(al_node *n, al_work *w, const al_dht_entry *e) {
  al_address a;
  al_link link;
  if (al_address_decode(e->address, &a) != AL_OK) {
    (void)al_node_reach(n, w, &e->id);
    return;
  }
  if (!al_node_may_want(n)) return;
  if (al_node_dial(n, w, &e->id, e->address, &link) == AL_OK)
    al_node_neighbour_of(n, link)->wanted |= AL_NODE_WANT_DHT;
}

/* Whom an answer to the upkeep's own lookups names, and the table wants. */
static void take_entries(al_node *n, al_work *w, const al_dht_message *m) {
  al_rd r = al_rd_init(m->entries);
  al_dht_entry e;
  while (al_dht_next_entry(&r, &e)) {
    if (al_id_equal(&e.id, &n->identity.id) || !al_dht_wants(&n->dht, &e.id)) continue;
    if (!linked(n, &e.id) && may_dial(n)) dial_entry(n, w, &e);
  }
}

static void reached(al_node *n, al_work *w, const al_dht_message *m, uint64_t user) {
  al_rd r = al_rd_init(m->entries);
  al_dht_entry e;
  al_address a;
  al_link link;
  if (m->code != AL_DHT_FOUND || !al_dht_next_entry(&r, &e) || linked(n, &e.id)) return;
  if (al_address_decode(e.address, &a) != AL_OK) return;
  if (user == AL_NODE_LOOKUP_REACH)
    dial_entry(n, w, &e);
  else
    (void)al_node_dial(n, w, &e.id, e.address, &link);
}

static void on_answer(al_node *n, al_work *w, al_link link, const al_dht_in *in) {
  const al_dht_message *m = &in->message;
  if (in->user == 0) take_entries(n, w, m);
  if (in->user == AL_NODE_LOOKUP_REACH || in->user == AL_NODE_LOOKUP_HOP)
    reached(n, w, m, in->user);
  if (in->op == AL_DHT_DESCRIPTOR && m->code == AL_DHT_FOUND)
    al_node_descriptor_came(n, w, link, m->payload, false);
  if (in->user == AL_NODE_LOOKUP_RECORD) al_node_ask_answer(n, w, in->lookup, m);
}

static void tell_end(al_node *n, al_work *w, const al_dht_event *ev) {
  al_event e = {.kind = AL_EV_LOOKUP,
                .lookup = ev->lookup,
                .count = ev->count,
                .duration_us = ev->took_us,
                .hops = ev->hops,
                .err = ev->found ? AL_OK : AL_ENOTFOUND};
  e.data = al_view(ev->best, ev->count * sizeof *ev->best);
  al_node_tell(n, w, &e);
}

/* ---- in and out ---- */

void al_node_dht_message(al_node *n, al_work *w, al_link link, al_span bytes) {
  al_dht_in in;
  switch (al_dht_rx(&n->dht, link, bytes, n->now, &in)) {
    case AL_DHT_DROP:
      return;
    case AL_DHT_NONE:
      if (bytes.ptr[0] == AL_DHT_STATE) al_node_record_contact(n, link);
      return;
    case AL_DHT_REFUSE:
      send(n, w, link, &in.message);
      return;
    case AL_DHT_ASKED:
      on_query(n, w, link, bytes, &in.message);
      return;
    case AL_DHT_PASS:
      al_node_record_passing(n, &in.message);
      send_bytes(n, in.link, al_view(bytes.ptr, bytes.len));
      return;
    case AL_DHT_PASS_NEAR:
      al_node_record_passing(n, &in.message);
      pass_near(n, w, &in);
      return;
    case AL_DHT_ANSWERED:
      on_answer(n, w, link, &in);
      return;
  }
}

static void on_event(al_node *n, al_work *w, const al_dht_event *ev) {
  const node_asked a = {.from = ev->link, .lookup = ev->lookup, .query = &ev->message};
  switch (ev->kind) {
    case AL_DHT_EV_SEND:
      send(n, w, ev->link, &ev->message);
      return;
    case AL_DHT_EV_HERE:
      (void)answer(n, w, &a, true);
      return;
    case AL_DHT_EV_END:
      if (ev->user == 0) al_dht_keep(&n->dht, n->now);
      if (ev->user == AL_NODE_LOOKUP_HOP && !linked(n, &ev->message.target))
        al_node_pending_failed(n, w, &ev->message.target);
      if (ev->user == AL_NODE_LOOKUP_HOST) tell_end(n, w, ev);
      if (ev->user == AL_NODE_LOOKUP_RECORD) al_node_ask_end(n, w, ev);
      return;
  }
}

/* Whom there is no room for now is told later. */
static void say_states(al_node *n, al_work *w) {
  uint32_t cursor = 0;
  al_dht_message state;
  for (al_link l; (l = al_dht_state_next(&n->dht, &cursor, &state)) != 0;) {
    if (!al_link_may_message(&n->links, l, AL_MESSAGE_DHT)) continue;
    send(n, w, l, &state);
    al_dht_state_said(&n->dht, l);
  }
}

void al_node_dht_pump(al_node *n, al_work *w) {
  al_dht_event ev;
  while (al_dht_deadline(&n->dht) <= n->now) {
    if (!al_work_may_tell(w)) {
      n->again = true;
      return;
    }
    if (!al_dht_tick(&n->dht, n->now, &ev)) break;
    on_event(n, w, &ev);
  }
  say_states(n, w);
}

/* ---- links ---- */

/* Nodes of the book first: they cost no lookup. */
static void scan_book(al_node *n, al_work *w) {
  if (!al_dht_lacks(&n->dht)) return;
  for (uint32_t i = 0; i < AL_NODE_DHT_SCAN && may_dial(n); i++) {
    al_peer p = al_book_each(&n->book, &n->dht_cursor);
    const al_peer_entry *e = al_book_get(&n->book, p);
    if (e == NULL) {
      n->dht_cursor = 0;
      return;
    }
    if ((e->desc.flags & AL_DESC_RELAY) == 0 || !al_book_fresh(e, al_node_wall_s(n))) continue;
    if (!linked(n, &e->id) && al_dht_wants(&n->dht, &e->id))
      (void)al_node_want_link(n, w, &e->id, AL_NODE_WANT_DHT);
  }
}

/* wants.c closes those that nobody needs. */
void al_node_dht_mark(al_node *n) {
  uint32_t cursor = 0;
  for (node_neighbour *nb; (nb = al_node_neighbour_each(n, &cursor)) != NULL;) {
    const al_link l = nb->link;
    if (!nb->up) continue;
    nb->wanted &= (uint8_t)~AL_NODE_WANT_DHT;
    if (al_dht_needs(&n->dht, l)) nb->wanted |= AL_NODE_WANT_DHT;
  }
}

void al_node_dht_house(al_node *n, al_work *w) {
  if (n->closing) return;
  scan_book(n, w);
  al_dht_keep(&n->dht, n->now);
  al_node_dht_mark(n);
}

/* ---- commands ---- */

/* Of this very ID, and only itself can answer. */
static al_err find_exactly(al_node *n, const al_id *peer, uint8_t paths, uint64_t user) {
  uint32_t handle;
  al_dht_ask ask = {.op = AL_DHT_FIND,
                    .flags = AL_DHT_EXACT,
                    .paths = paths,
                    .first = true,
                    .target = *peer,
                    .user = user};
  return al_dht_start(&n->dht, &ask, n->now, &handle);
}

al_err al_node_find_hop(al_node *n, const al_id *peer) {
  return find_exactly(n, peer, 2, AL_NODE_LOOKUP_HOP);
}

al_err al_node_reach(al_node *n, al_work *w, const al_id *peer) {
  if (linked(n, peer)) return AL_OK;
  al_err e = al_node_want_link(n, w, peer, AL_NODE_WANT_DHT);
  return e != AL_ENOTFOUND ? e : find_exactly(n, peer, 1, AL_NODE_LOOKUP_REACH);
}

al_err al_node_lookup(al_node *n, al_work *w, al_time now, const al_lookup *what, uint32_t *ret) {
  if (now > n->now) n->now = now;
  if (n->closing) return AL_ESTATE;
  al_dht_ask ask = {.op = what->descriptor ? AL_DHT_DESCRIPTOR : AL_DHT_FIND,
                    .flags = what->exact ? AL_DHT_EXACT : 0,
                    .paths = what->paths,
                    .first = what->first,
                    .target = what->target,
                    .user = AL_NODE_LOOKUP_HOST};
  al_err e = al_dht_start(&n->dht, &ask, n->now, ret);
  al_node_finish(n, w);
  return e;
}

uint64_t al_node_network_size(al_node *n) { return al_dht_size(&n->dht); }
