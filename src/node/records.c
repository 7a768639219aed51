/* records.c — the records that this node keeps for the network: answering for them, telling the
 * host's store, bringing them to the closest nodes again and to those that come. */
#include "node/records.h"

enum { STORED_PREFIX = 8 }; /* of a record in the host's store: u64 expiry */

/* ---- life ---- */

void al_node_records_init(al_node *n) {
  al_records_config c = {.alloc = &n->alloc,
                         .suite = n->suite,
                         .rng = &n->rng,
                         .counters = &n->counters,
                         .self = n->identity.id,
                         .records_max = n->limits.records_max,
                         .bytes_max = n->limits.records_bytes};
  al_records_init(&n->records.store, &c);
}

void al_node_records_open(al_node *n) {
  if (n->records.upkeep != NULL || n->limits.records_max == 0) return;
  if (al_records_open(&n->records.store) != AL_OK) return; /* all are refused: FULL */
  node_ask *a = al_new(&n->alloc, sizeof *a);
  if (a == NULL) return;
  a->bytes_max =
      AL_ASK_REQUEST_BYTES + (uint32_t)al_min_u64(AL_RECORD_BYTES_MAX, n->limits.records_bytes);
  a->bytes = al_new(&n->alloc, a->bytes_max);
  if (a->bytes == NULL) {
    al_delete(&n->alloc, a, sizeof *a);
    return;
  }
  a->op = AL_RECORD_PUBLISH;
  a->direct = true;
  n->records.upkeep = a;
}

void al_node_records_clear(al_node *n) {
  node_ask *a = n->records.asks;
  for (; a != NULL; a = a->next) a->stage = ASK_DONE;
  al_node_ask_reap(n);
  a = n->records.upkeep;
  if (a != NULL) {
    al_delete(&n->alloc, a->bytes, a->bytes_max);
    al_delete(&n->alloc, a, sizeof *a);
  }
  n->records.upkeep = NULL;
  al_records_clear(&n->records.store);
}

/* ---- the host's store ---- */

static void tell_gone(al_node *n, al_work *w) {
  al_id key;
  while (al_work_may_tell(w) && al_records_gone(&n->records.store, &key)) {
    al_node_store_record(n, w, &key, al_view(NULL, 0));
  }
}

static void tell_kept(al_node *n, al_work *w, const al_id *key) {
  al_record_held h;
  uint64_t wall_s = al_node_wall_s(n);
  uint8_t *value = al_work_scratch(w);
  if (!al_records_get(&n->records.store, key, wall_s, value + STORED_PREFIX, &h)) return;
  al_store_u64(value, wall_s + h.lifetime_s);
  al_node_store_record(n, w, key, al_view(value, STORED_PREFIX + (size_t)h.len));
}

/* One that is renewed is stored again when that gained some hours: else it would be forgotten too
 * early after a restart. */
al_record_verdict al_node_record_keep(al_node *n, al_work *w, al_records_offer *o) {
  al_record_held before = {0}, after = {0};
  o->wall_s = al_node_wall_s(n);
  (void)al_records_get(&n->records.store, &o->key, o->wall_s, NULL, &before);
  al_record_verdict v = al_records_put(&n->records.store, o);
  if (v == AL_RECORD_TAKEN || v == AL_RECORD_SAME) {
    bool there = al_records_get(&n->records.store, &o->key, o->wall_s, NULL, &after);
    bool longer = after.lifetime_s > before.lifetime_s + AL_RECORDS_LIFETIME_S / 8;
    if (there && !after.cached && (v == AL_RECORD_TAKEN || longer)) tell_kept(n, w, &o->key);
  }
  tell_gone(n, w);
  return v;
}

void al_node_record_load(al_node *n, const al_id *key, al_bytes value) {
  al_node_records_open(n);
  uint64_t wall_s = al_node_wall_s(n);
  uint64_t expires = value.len < STORED_PREFIX ? 0 : al_load_u64(value.ptr);
  al_records_offer o = {.key = *key, .wall_s = wall_s};
  if (expires > wall_s) {
    o.lifetime_s = (uint32_t)al_min_u64(expires - wall_s, AL_RECORDS_LIFETIME_S);
    o.bytes = al_view(value.ptr + STORED_PREFIX, value.len - STORED_PREFIX);
  }
  al_record_verdict v = al_records_put(&n->records.store, &o);
  if (v != AL_RECORD_TAKEN && v != AL_RECORD_SAME) al_records_mark_gone(&n->records.store, key);
}

/* ---- queries ---- */

/* Who brought it: a number for each neighbour, never 0. */
static uint32_t source_of(const al_node *n, al_link link) {
  al_id id;
  return al_link_peer(&n->links, link, &id) ? al_load_u32(id.b) | 1 : 1;
}

/* Tokens of a neighbour, in 1/256. */
static bool may_put(al_node *n, al_link link) {
  node_neighbour *nb = al_node_neighbour_of(n, link);
  if (nb == NULL) return true;
  const uint32_t now_ms = (uint32_t)(n->now / AL_MS);
  uint64_t ms = now_ms - nb->records_ms;
  uint64_t most = 4u * AL_NODE_PUTS_PER_S * 256u;
  uint64_t have = nb->records_left + al_min_u64(ms, 60000) * AL_NODE_PUTS_PER_S * 256 / 1000;
  nb->records_ms = now_ms;
  if (have > most) have = most;
  bool may = have >= 256;
  nb->records_left = (uint16_t)(may ? have - 256 : have);
  return may;
}

/* So many contacts are closer to a place that it is none of our business. */
static bool is_far_of(al_node *n, const al_id *place) {
  al_link links[AL_NODE_FAR_CLOSER];
  al_id id;
  if (al_dht_closest(&n->dht, place, AL_NODE_FAR_CLOSER, links) < AL_NODE_FAR_CLOSER) return false;
  return al_link_peer(&n->links, links[AL_NODE_FAR_CLOSER - 1], &id) &&
         al_node_nearer(place, &id, &n->identity.id) < 0;
}

static bool is_far(al_node *n, const al_id *key) {
  for (uint32_t i = 0; i < AL_RECORD_PLACES; i++) {
    al_id place = al_record_place(n->suite, key, i);
    if (!is_far_of(n, &place)) return false;
  }
  return true;
}

static al_record_verdict put(al_node *n, al_work *w, al_link from, al_bytes payload) {
  al_record r;
  if (payload.len < AL_ASK_PREFIX_BYTES) return AL_RECORD_BAD;
  if (!may_put(n, from)) {
    al_count(&n->counters, AL_COUNT_record_rate);
    return AL_RECORD_QUOTA;
  }
  al_records_offer o = {.lifetime_s = al_load_u32(payload.ptr), .source = source_of(n, from)};
  o.bytes = al_view(payload.ptr + AL_ASK_PREFIX_BYTES, payload.len - AL_ASK_PREFIX_BYTES);
  if (al_record_decode(o.bytes, &r) == AL_OK) o.key = al_record_key(n->suite, &r);
  o.far = is_far(n, &o.key);
  return al_node_record_keep(n, w, &o);
}

static bool get(al_node *n, al_work *w, const al_id *key, al_dht_message *answer) {
  al_record_held h;
  uint8_t *out = al_work_scratch(w);
  if (!al_records_get(&n->records.store, key, al_node_wall_s(n), out + AL_ASK_PREFIX_BYTES, &h)) {
    return false;
  }
  al_store_u32(out, h.lifetime_s);
  answer->payload = al_view(out, AL_ASK_PREFIX_BYTES + (size_t)h.len);
  answer->code = AL_DHT_FOUND;
  return true;
}

bool al_node_record_query(al_node *n, al_work *w, const node_record_query *in,
                          al_dht_message *answer) {
  const al_dht_message *q = in->query;
  bool exact = (q->flags & AL_DHT_EXACT) != 0;
  if (q->op == AL_DHT_GET && exact) {
    al_id key;
    if (!in->here || q->payload.len != sizeof key.b) return false;
    memcpy(key.b, q->payload.ptr, sizeof key.b);
    return get(n, w, &key, answer);
  }
  if (q->op == AL_DHT_GET) return get(n, w, &q->target, answer);
  if (q->op != AL_DHT_PUT || !in->here) return false;
  al_record_verdict v = put(n, w, in->from, q->payload);
  al_work_scratch(w)[0] = (uint8_t)v;
  answer->payload = al_view(al_work_scratch(w), 1);
  answer->code = v == AL_RECORD_TAKEN || v == AL_RECORD_SAME ? AL_DHT_STORED : AL_DHT_REFUSED;
  return true;
}

void al_node_record_passing(al_node *n, const al_dht_message *m) {
  al_record r;
  if (m->type != AL_DHT_ANSWER || m->code != AL_DHT_FOUND || n->records.upkeep == NULL) return;
  uint32_t cache_s = al_records_cache_s(m->hops);
  if (m->payload.len < AL_ASK_PREFIX_BYTES || cache_s == 0) return;
  al_records_offer o = {.wall_s = al_node_wall_s(n), .cached = true};
  o.bytes = al_view(m->payload.ptr + AL_ASK_PREFIX_BYTES, m->payload.len - AL_ASK_PREFIX_BYTES);
  if (al_record_decode(o.bytes, &r) != AL_OK || r.kind != AL_RECORD_IMMUTABLE) return;
  o.key = al_record_key(n->suite, &r);
  o.lifetime_s = (uint32_t)al_min_u64(cache_s, al_load_u32(m->payload.ptr));
  if (o.lifetime_s != 0) (void)al_records_put(&n->records.store, &o);
}

/* ---- upkeep ---- */

/* To which place of a record we bring it: mostly to the one that is ours; now and then to another
 * one, so that it comes back where all who kept it are gone. */
static al_id upkeep_place(al_node *n, const al_id *key, const al_record_held *h) {
  uint64_t turn = al_rng_below(&n->rng, AL_NODE_ELSEWHERE);
  uint32_t which = turn == 0 ? (uint32_t)al_rng_below(&n->rng, AL_RECORD_PLACES) : h->nearest;
  return al_record_place(n->suite, key, which);
}

/* The record of a key into the upkeep's question. Result: whether it is there. */
static bool upkeep_load(al_node *n, const al_id *key, node_ask_owner owner) {
  node_ask *a = n->records.upkeep;
  al_record_held h;
  if (!al_records_get(&n->records.store, key, al_node_wall_s(n), a->bytes + AL_ASK_REQUEST_BYTES,
                      &h)) {
    return false;
  }
  node_ask fresh = {.op = AL_RECORD_PUBLISH,
                    .owner = owner,
                    .direct = true,
                    .key = *key,
                    .lifetime_s = h.lifetime_s,
                    .started = n->now,
                    .deadline = n->now + AL_NODE_ASK_US,
                    .bytes = a->bytes,
                    .bytes_max = a->bytes_max,
                    .bytes_len = AL_ASK_REQUEST_BYTES + (uint32_t)h.len};
  *a = fresh;
  a->places = owner == ASK_UPKEEP ? 1 : 0;
  a->place[0].at = upkeep_place(n, key, &h);
  al_store_u32(a->bytes + AL_ASK_REQUEST_BYTES - AL_ASK_PREFIX_BYTES, h.lifetime_s);
  return true;
}

/* Whether a contact should have a record of ours, and it is for us to bring it: it is among the
 * closest to our place of it, and of the others at most one is closer than we are. */
static bool should_hand(al_node *n, const al_id *key, al_link to) {
  al_record_held h;
  if (!al_records_get(&n->records.store, key, al_node_wall_s(n), NULL, &h)) return false;
  const al_id place = al_record_place(n->suite, key, h.nearest);
  al_link links[AL_NODE_ASK_NODES + 1];
  al_id id;
  uint32_t closer = 0, before = 0;
  bool passed = false;
  uint32_t count = al_dht_closest(&n->dht, &place, AL_NODE_ASK_NODES + 1, links);
  for (uint32_t i = 0; i < count; i++) {
    if (links[i] == to) {
      passed = true;
      continue;
    }
    if (!passed) before++;
    if (al_link_peer(&n->links, links[i], &id) &&
        al_node_nearer(&place, &id, &n->identity.id) < 0) {
      closer++;
    }
  }
  return passed && before < AL_NODE_ASK_NODES && closer < 2;
}

/* The next record for the first neighbour that waits. Result: whether one is under way. */
static bool hand_next(al_node *n) {
  while (n->records.hands_count != 0) {
    node_hand *h = &n->records.hands[0];
    al_id key;
    while (al_node_neighbour_of(n, h->link) != NULL &&
           al_records_each(&n->records.store, &h->cursor, &key)) {
      if (!should_hand(n, &key, h->link) || !upkeep_load(n, &key, ASK_HAND)) continue;
      n->records.upkeep->stage = ASK_ASKING;
      return al_node_ask_hand(n, n->records.upkeep, h->link);
    }
    n->records.hands_count--;
    memmove(h, h + 1, n->records.hands_count * sizeof *h);
  }
  return false;
}

void al_node_upkeep_next(al_node *n, al_work *w) {
  node_ask *a = n->records.upkeep;
  al_id key;
  if (a == NULL || a->stage != ASK_IDLE || n->closing || hand_next(n)) return;
  if (!al_records_due(&n->records.store, al_node_wall_s(n), &key)) return;
  if (upkeep_load(n, &key, ASK_UPKEEP)) al_node_ask_begin(n, w, a);
}

void al_node_upkeep_done(al_node *n, node_ask *a) {
  const node_ask_place *p = &a->place[0];
  al_record_held h;
  a->stage = ASK_IDLE;
  if (a->owner != ASK_UPKEEP || p->count < AL_NODE_ASK_NODES ||
      !al_records_get(&n->records.store, &a->key, al_node_wall_s(n), NULL, &h)) {
    return;
  }
  const al_id own = al_record_place(n->suite, &a->key, h.nearest);
  bool ours = !al_id_equal(&own, &p->at);
  for (uint32_t i = 0; i < p->count; i++) {
    ours = ours || al_id_equal(&p->best[i], &n->identity.id);
  }
  if (!ours) (void)al_records_demote(&n->records.store, &a->key);
}

void al_node_record_contact(al_node *n, al_link link) {
  if (n->records.upkeep == NULL || al_records_count(&n->records.store) == 0) return;
  node_neighbour *nb = al_node_neighbour_of(n, link);
  if (n->records.hands_count == AL_NODE_HANDS_MAX) return; /* it gets them within the hour */
  if (nb == NULL || nb->handed) return;
  nb->handed = true;
  n->records.hands[n->records.hands_count++] = (node_hand){.link = link};
}

static void ask_house(al_node *n, al_work *w, node_ask *a) {
  if (a->stage == ASK_DONE || a->stage == ASK_IDLE) return;
  if (a->deadline <= n->now) {
    al_node_ask_expire(n, w, a);
  } else if (a->waiting) {
    al_node_ask_step(n, w, a);
  }
}

void al_node_records_house(al_node *n, al_work *w) {
  al_records_tick(&n->records.store, al_node_wall_s(n));
  tell_gone(n, w);
  for (node_ask *a = n->records.asks; a != NULL; a = a->next) ask_house(n, w, a);
  if (n->records.upkeep != NULL) ask_house(n, w, n->records.upkeep);
  al_node_upkeep_next(n, w);
}
