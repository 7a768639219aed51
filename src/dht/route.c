/* route.c — other nodes' queries on their way through this one. A query goes to the neighbour that
 * is closest to its target and closer than this node; the answer comes back over the same links.
 * Whoever does not acknowledge, refuses, or brings no answer is passed over: the hop next to the
 * trouble finds out first, because it waits the shortest. */
#include "dht/internal.h"

static al_dht_query *find(const al_dht *d, uint64_t query, uint8_t path) {
  for (uint32_t i = 0; i < d->queries_len; i++) {
    al_dht_query *q = &d->queries[i];
    if (q->state != STATE_FREE && q->query == query && q->path == path) return q;
  }
  return NULL;
}

static bool known(const al_dht *d, uint64_t query) {
  for (uint32_t i = 0; i < d->queries_len; i++) {
    if (d->queries[i].state != STATE_FREE && d->queries[i].query == query) return true;
  }
  return false;
}

static void finish(al_dht *d, al_dht_query *q, al_time now) {
  q->state = STATE_DONE;
  q->deadline = now + AL_DHT_KEEP_US;
  al_dht_due(d, q->deadline);
}

/* A place for a query: a free one, else the one that was over first. NULL: all are under way, or
 * this neighbour has its share of them. */
static al_dht_query *take(al_dht *d, al_link from) {
  al_dht_query *best = NULL;
  uint32_t share = 0;
  if (!al_dht_open_queries(d)) return NULL;
  for (uint32_t i = 0; i < d->queries_len; i++) {
    al_dht_query *q = &d->queries[i];
    bool over = q->state == STATE_FREE || q->state == STATE_DONE;
    if (!over) {
      share += q->from == from;
      continue;
    }
    if (best == NULL || q->deadline < best->deadline) best = q; /* of a free one it is 0 */
  }
  if (share > d->cfg.queries_max / AL_DHT_LINK_SHARE) return NULL;
  return best;
}

static const al_dht_contact *next_hop(const al_dht *d, const al_dht_query *q) {
  uint64_t target = al_dht_prefix(&q->target);
  al_dht_pick p = {.target = target,
                   .below = target ^ d->self,
                   .from = q->from,
                   .tried = q->tried,
                   .tried_count = q->tries};
  return al_dht_nearest(d, &p);
}

static void passed(al_dht *d, al_dht_query *q, const al_dht_contact *to, al_time now) {
  if (q->tries > 0) q->tried[q->tries - 1] = q->to;
  q->tries++;
  q->to = to->link;
  q->state = STATE_ASKED;
  q->asked = (uint32_t)now;
  q->deadline = now + al_dht_ack_wait(d, to);
  al_dht_due(d, q->deadline);
}

al_dht_way al_dht_route(al_dht *d, al_link from, const al_dht_message *m, al_time now,
                        al_dht_next_hop *ret) {
  al_dht_settle(d);
  al_dht_query q = {.query = m->query, .target = m->target, .from = from};
  uint64_t target = al_dht_prefix(&m->target);
  if ((m->flags & AL_DHT_LOCAL) != 0 || target == d->self) return AL_DHT_HERE;
  *ret = (al_dht_next_hop){.code = AL_DHT_STUCK};
  if (!d->cfg.contact) return AL_DHT_BACK;
  const al_dht_contact *to = next_hop(d, &q);
  if (to == NULL) return al_dht_close_to(d, target) ? AL_DHT_HERE : AL_DHT_BACK;
  ret->code = AL_DHT_TOO_FAR;
  if (m->ttl == 0) return AL_DHT_BACK;
  al_dht_query *place = take(d, from);
  ret->code = AL_DHT_BUSY;
  if (place == NULL) {
    al_count(d->cfg.counters, AL_COUNT_dht_busy);
    return AL_DHT_BACK;
  }
  q.op = m->op;
  q.flags = m->flags;
  q.ttl = (uint8_t)(m->ttl - 1);
  q.path = m->path;
  q.payload = m->payload.len != 0;
  *place = q;
  passed(d, place, to, now);
  ret->link = to->link;
  return AL_DHT_ONWARD;
}

/* ---- messages ---- */

static al_dht_verdict rx_query(al_dht *d, al_link from, const al_dht_message *m, al_dht_in *ret) {
  bool own = al_dht_has_lookup(d, m->query);
  bool seen = own || (known(d, m->query) && (m->flags & AL_DHT_LOCAL) == 0);
  al_dht_query q = {.target = m->target, .from = from};
  ret->link = from;
  ret->message = *m;
  /* who is the closest of all answers on every path */
  if (!seen || (!own && (al_dht_prefix(&m->target) == d->self || next_hop(d, &q) == NULL)))
    return AL_DHT_ASKED;
  ret->message =
      (al_dht_message){.type = AL_DHT_ACK, .code = AL_DHT_SEEN, .path = m->path, .query = m->query};
  return AL_DHT_REFUSE;
}

static al_dht_verdict rx_ack(al_dht *d, al_link from, const al_dht_message *m, al_time now) {
  al_dht_query *q = find(d, m->query, m->path);
  if (q == NULL || q->to != from || q->state != STATE_ASKED) {
    if (q == NULL && !al_dht_lookup_ack(d, from, m, now)) {
      al_count(d->cfg.counters, AL_COUNT_dht_unasked);
      return AL_DHT_DROP;
    }
    return AL_DHT_NONE; /* late */
  }
  if (m->code == AL_DHT_TAKEN) {
    al_dht_acked(d, from, q->asked, now);
    q->state = STATE_WAITING;
    q->deadline = now + al_dht_answer_wait(d, from, al_dht_prefix(&q->target));
  } else {
    q->state = STATE_RETRY;
    q->deadline = now;
  }
  al_dht_due(d, q->deadline);
  return AL_DHT_NONE;
}

static bool asked_of(const al_dht_query *q, al_link link) {
  if (q->to == link) return true;
  for (uint32_t i = 0; i + 1 < q->tries; i++) {
    if (q->tried[i] == link) return true;
  }
  return false;
}

static al_dht_verdict rx_answer(al_dht *d, al_link from, const al_dht_message *m, al_time now,
                                al_dht_in *ret) {
  al_dht_query *q = find(d, m->query, m->path);
  ret->message = *m;
  if (q == NULL && al_dht_lookup_answer(d, from, m, now, ret))
    return ret->lookup != 0 ? AL_DHT_ANSWERED : AL_DHT_NONE;
  if (q == NULL || !asked_of(q, from)) {
    al_count(d->cfg.counters, AL_COUNT_dht_unasked);
    return AL_DHT_DROP;
  }
  if (q->state == STATE_DONE) return AL_DHT_NONE; /* late */
  if (q->to == from && q->state == STATE_ASKED) al_dht_acked(d, from, q->asked, now);
  al_dht_fault(d, from, true);
  finish(d, q, now);
  if (al_dht_contact_of(d, q->from) == NULL) return AL_DHT_NONE;
  ret->link = q->from;
  ret->message.target = q->target;
  bool near = m->code == AL_DHT_CLOSEST && al_dht_close_to(d, al_dht_prefix(&q->target));
  return near ? AL_DHT_PASS_NEAR : AL_DHT_PASS;
}

al_dht_verdict al_dht_rx(al_dht *d, al_link from, al_span bytes, al_time now, al_dht_in *ret) {
  al_dht_message m;
  *ret = (al_dht_in){0};
  if (al_dht_decode(al_view(bytes.ptr, bytes.len), &m) != AL_OK) {
    al_count(d->cfg.counters, AL_COUNT_dht_parse);
    return AL_DHT_DROP;
  }
  if (al_dht_contact_of(d, from) == NULL) {
    al_count(d->cfg.counters, AL_COUNT_dht_unasked);
    return AL_DHT_DROP;
  }
  switch (m.type) {
    case AL_DHT_STATE:
      al_dht_state_came(d, from, m.flags);
      return AL_DHT_NONE;
    case AL_DHT_QUERY:
      return rx_query(d, from, &m, ret);
    case AL_DHT_ACK:
      return rx_ack(d, from, &m, now);
    case AL_DHT_ANSWER:
      break;
  }
  al_dht_verdict v = rx_answer(d, from, &m, now, ret);
  if (v != AL_DHT_PASS && v != AL_DHT_PASS_NEAR) return v;
  if (ret->message.hops != UINT8_MAX) bytes.ptr[AL_DHT_HOPS_AT] = ++ret->message.hops;
  return v;
}

void al_dht_link_down(al_dht *d, al_link link, al_time now) {
  al_dht_contact_lost(d, link);
  for (uint32_t i = 0; i < d->queries_len; i++) {
    al_dht_query *q = &d->queries[i];
    if (q->state != STATE_ASKED && q->state != STATE_WAITING) continue;
    if (q->from == link) {
      finish(d, q, now);
    } else if (q->to == link) {
      q->state = STATE_RETRY;
      q->deadline = now;
      al_dht_due(d, now);
    }
  }
  al_dht_lookup_lost(d, link, now);
}

/* ---- time ---- */

static void make_query(const al_dht_query *q, al_dht_message *ret) {
  *ret = (al_dht_message){.type = AL_DHT_QUERY,
                          .op = q->op,
                          .flags = q->flags,
                          .ttl = q->ttl,
                          .path = q->path,
                          .query = q->query,
                          .target = q->target};
}

/* To the next best neighbour; or nobody is closer who answers: then this node is the closest, if it
 * is close enough for that, or says that it does not know the way. */
static void retry(al_dht *d, al_dht_query *q, al_time now, al_dht_event *ret) {
  al_dht_settle(d);
  bool again = q->tries < AL_DHT_TRIES && !q->payload;
  if (again) q->tried[q->tries - 1] = q->to;
  const al_dht_contact *to = again ? next_hop(d, q) : NULL;
  make_query(q, &ret->message);
  if (to != NULL) {
    ret->kind = AL_DHT_EV_SEND;
    ret->link = to->link;
    passed(d, q, to, now);
    return;
  }
  ret->link = q->from;
  finish(d, q, now);
  ret->kind = AL_DHT_EV_HERE;
  if (again && al_dht_close_to(d, al_dht_prefix(&q->target))) return;
  ret->kind = AL_DHT_EV_SEND;
  ret->message = (al_dht_message){
      .type = AL_DHT_ACK, .code = AL_DHT_STUCK, .path = q->path, .query = q->query};
}

bool al_dht_tick(al_dht *d, al_time now, al_dht_event *ret) {
  if (now < d->next) return false;
  al_time next = AL_TIME_NEVER;
  for (uint32_t i = 0; i < d->queries_len; i++) {
    al_dht_query *q = &d->queries[i];
    if (q->state == STATE_FREE) continue;
    if (q->deadline > now) {
      next = al_min_u64(next, q->deadline);
      continue;
    }
    if (q->state == STATE_DONE) {
      *q = (al_dht_query){0};
      continue;
    }
    if (q->state != STATE_RETRY) al_dht_fault(d, q->to, false);
    *ret = (al_dht_event){.kind = AL_DHT_EV_SEND};
    retry(d, q, now, ret);
    return true; /* d->next is as it was: called again */
  }
  d->next = next; /* of queries; that of lookups is added there */
  if (al_dht_lookup_tick(d, now, ret)) return true;
  al_dht_rest(d);
  return false;
}
