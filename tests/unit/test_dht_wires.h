/* test_dht_wires.h — tables with a queue of messages between them instead of links: for tests
 * of src/dht without a node. Which links there are is in test_dht_net.h. */
#ifndef TEST_DHT_WIRES_H
#define TEST_DHT_WIRES_H

#include "crypto/crypto.h"
#include "book/identity.h"
#include "dht/internal.h"
#include "dht/proof.h"
#include "tap.h"
#include "support/test_alloc.h"
#include "support/test_rand.h"

enum { NET_NODES = 400, NET_LINKS = 96, NET_MESSAGES = 1 << 14, NET_DELAY_US = 20000 };

/* How a node behaves. */
typedef enum net_way { NET_HONEST, NET_DEAD, NET_DROPS, NET_LIES } net_way;

typedef struct net_message {
  al_time at;
  uint32_t to, from;
  uint32_t len;
  uint8_t bytes[3200];
} net_message;

typedef struct net_node {
  al_dht d;
  al_id id;
  uint8_t pk[AL_SIG_PK_BYTES], sk[AL_SIG_SK_BYTES];
  net_way way;
  uint32_t peer[NET_LINKS]; /* index + 1 */
  uint32_t links;
} net_node;

typedef struct net {
  test_alloc ta;
  al_rng rng;
  al_counters counters;
  net_node n[NET_NODES];
  net_message *queue; /* by time: every message takes as long */
  uint32_t head, tail, count;
  al_time now;
  uint64_t sent, queries;
  /* the last lookup that ended */
  bool ended, found;
  uint32_t ended_count, hops, answers;
  al_id best[AL_DHT_BEST];
  uint64_t carried[NET_NODES]; /* number of the query that a node passed on last ... */
  uint32_t taken, again;       /* ... how many were, and how many of them twice by one node */
} net;

static al_link net_handle(uint32_t i) { return (1u << AL_SLAB_INDEX_BITS) | i; }

static void net_post(net *t, uint32_t from, uint32_t to, const al_dht_message *m) {
  AL_ASSERT(t->count < NET_MESSAGES);
  net_message *x = &t->queue[t->tail++ % NET_MESSAGES];
  t->count++;
  al_wr w = al_wr_init(x->bytes, sizeof x->bytes);
  al_dht_encode(m, &w);
  AL_ASSERT(al_wr_ok(&w));
  x->at = t->now + NET_DELAY_US;
  x->from = from;
  x->to = to;
  x->len = (uint32_t)w.len;
  t->sent++;
}

/* The far end of a link. */
static uint32_t net_far(const net *t, uint32_t node, al_link link) {
  return t->n[node].peer[al_slab_index(link)] - 1;
}

static al_link net_link_to(const net *t, uint32_t node, uint32_t peer) {
  for (uint32_t i = 0; i < t->n[node].links; i++) {
    if (t->n[node].peer[i] == peer + 1) return net_handle(i);
  }
  return 0;
}

static void net_say(net *t, uint32_t node, al_link link, const al_dht_message *m) {
  if (link == 0 || t->n[node].peer[al_slab_index(link)] == 0) return;
  net_post(t, node, net_far(t, node, link), m);
}

static void net_connect(net *t, uint32_t a, uint32_t b) {
  net_node *x = &t->n[a], *y = &t->n[b];
  if (a == b || net_link_to(t, a, b) != 0 || x->links == NET_LINKS || y->links == NET_LINKS) return;
  x->peer[x->links] = b + 1;
  y->peer[y->links] = a + 1;
  al_dht_link_up(&x->d, net_handle(x->links++), &y->id, 0, t->now);
  al_dht_link_up(&y->d, net_handle(y->links++), &x->id, 0, t->now);
  al_dht_state_came(&x->d, net_link_to(t, a, b), AL_DHT_STATE_CONTACT);
  al_dht_state_came(&y->d, net_link_to(t, b, a), AL_DHT_STATE_CONTACT);
}

/* An identity that it can prove. */
static void net_name(net_node *x) {
  uint8_t seed[AL_SIG_SEED_BYTES];
  test_rand_bytes(seed, sizeof seed);
  al_suite_null()->sig_keypair(x->pk, x->sk, seed);
  x->id = al_node_id(al_suite_null(), x->pk);
}

static al_dht_message net_answer(net *t, uint32_t node, al_link from, const al_dht_message *q,
                                 uint8_t entries[512 + AL_DHT_PROOF_BYTES]) {
  net_node *x = &t->n[node];
  al_link near[AL_DHT_CLOSE];
  al_wr w = al_wr_init(entries, 512);
  uint32_t count = al_dht_closest(&x->d, &q->target, AL_DHT_CLOSE, near);
  al_dht_message m = {.type = AL_DHT_ANSWER, .path = q->path, .query = q->query, .count = 1};
  if (al_id_equal(&q->target, &x->id)) m.code = AL_DHT_FOUND;
  al_dht_put_entry(&w, &x->id, al_view(NULL, 0));
  for (uint32_t i = 0; i < count; i++) {
    if (near[i] == from) continue;
    al_dht_put_entry(&w, &t->n[net_far(t, node, near[i])].id, al_view(NULL, 0));
    m.count++;
  }
  m.entries = al_wr_view(&w);
  if ((q->flags & AL_DHT_SIGNED) != 0) {
    al_dht_prove(al_suite_null(), x->pk, x->sk, &m, entries + 512);
    m.payload = al_view(entries + 512, AL_DHT_PROOF_BYTES);
  }
  return m;
}

static void net_lie(net *t, uint32_t node, al_link from, const al_dht_message *q) {
  uint8_t entries[64];
  al_wr w = al_wr_init(entries, sizeof entries);
  al_dht_message m = {.type = AL_DHT_ANSWER, .path = q->path, .query = q->query, .count = 1};
  al_id id = q->target;
  id.b[31] ^= (uint8_t)(node + 1);
  id.b[7] ^= (uint8_t)(node >> 3);
  al_dht_put_entry(&w, &id, al_view(NULL, 0));
  m.entries = al_wr_view(&w);
  net_say(t, node, from, &m);
}

static void net_query(net *t, uint32_t node, al_link from, const al_dht_message *q) {
  net_node *x = &t->n[node];
  uint8_t entries[512 + AL_DHT_PROOF_BYTES];
  al_dht_message m = {.type = AL_DHT_ACK, .path = q->path, .query = q->query};
  al_dht_next_hop next;
  if (x->way == NET_DROPS || x->way == NET_LIES) {
    net_say(t, node, from, &m);
    if (x->way == NET_LIES) net_lie(t, node, from, q);
    return;
  }
  switch (al_dht_route(&x->d, from, q, t->now, &next)) {
    case AL_DHT_HERE:
      m = net_answer(t, node, from, q, entries);
      net_say(t, node, from, &m);
      return;
    case AL_DHT_BACK:
      m.code = (uint8_t)next.code;
      net_say(t, node, from, &m);
      return;
    case AL_DHT_ONWARD:
      t->taken++;
      t->again += t->carried[node] == q->query;
      t->carried[node] = q->query;
      net_say(t, node, from, &m);
      m = *q;
      m.ttl--;
      net_say(t, node, next.link, &m);
      return;
  }
}

static void net_pass_near(net *t, uint32_t node, const al_dht_in *in) {
  uint8_t entries[1024];
  al_wr w = al_wr_init(entries, sizeof entries);
  al_rd r = al_rd_init(in->message.entries);
  al_dht_message m = in->message;
  al_link near[AL_DHT_CLOSE - 1];
  al_dht_entry e;
  uint32_t count = al_dht_closest(&t->n[node].d, &m.target, AL_DHT_CLOSE - 1, near);
  for (m.count = 0; m.count <= AL_DHT_CLOSE && al_dht_next_entry(&r, &e); m.count++)
    al_dht_put_entry(&w, &e.id, e.address);
  for (uint32_t i = 0; i < count; i++, m.count++)
    al_dht_put_entry(&w, &t->n[net_far(t, node, near[i])].id, al_view(NULL, 0));
  m.entries = al_wr_view(&w);
  net_say(t, node, in->link, &m);
}

static void net_rx(net *t, net_message *x) {
  net_node *n = &t->n[x->to];
  al_link from = net_link_to(t, x->to, x->from);
  al_dht_in in;
  if (n->way == NET_DEAD || from == 0) return;
  switch (al_dht_rx(&n->d, from, (al_span){x->bytes, x->len}, t->now, &in)) {
    case AL_DHT_ASKED:
      t->queries++;
      net_query(t, x->to, from, &in.message);
      break;
    case AL_DHT_REFUSE:
      net_say(t, x->to, from, &in.message);
      break;
    case AL_DHT_PASS_NEAR:
      net_pass_near(t, x->to, &in);
      break;
    case AL_DHT_PASS: {
      al_dht_message m;
      if (al_dht_decode(al_view(x->bytes, x->len), &m) == AL_OK) net_say(t, x->to, in.link, &m);
      break;
    }
    default:
      break;
  }
}

static void net_tick(net *t, uint32_t node) {
  al_dht_event ev;
  uint8_t entries[512 + AL_DHT_PROOF_BYTES];
  al_dht_message m;
  net_node *n = &t->n[node];
  while (n->way != NET_DEAD && al_dht_tick(&n->d, t->now, &ev)) {
    if (ev.kind == AL_DHT_EV_SEND) {
      net_say(t, node, ev.link, &ev.message);
    } else if (ev.kind == AL_DHT_EV_HERE) {
      m = net_answer(t, node, ev.link, &ev.message, entries);
      if (ev.link != 0) {
        net_say(t, node, ev.link, &m);
      } else {
        al_dht_own(&n->d, ev.lookup, &m, t->now);
      }
    } else {
      t->ended = true;
      t->found = ev.found;
      t->hops = ev.hops;
      t->answers = ev.answers;
      t->ended_count = ev.count;
      memcpy(t->best, ev.best, ev.count * sizeof *ev.best);
    }
  }
}

/* Until nothing is under way, or `until`, or a lookup has ended. */
static void net_run(net *t, al_time until) {
  t->ended = false;
  while (t->now < until && !t->ended) {
    al_time next = until;
    for (uint32_t i = 0; i < NET_NODES; i++) {
      net_tick(t, i);
      if (t->n[i].way != NET_DEAD) next = al_min_u64(next, al_dht_deadline(&t->n[i].d));
    }
    if (t->count != 0) next = al_min_u64(next, t->queue[t->head % NET_MESSAGES].at);
    if (next > t->now && !t->ended) t->now = next;
    while (t->count != 0 && t->queue[t->head % NET_MESSAGES].at <= t->now) {
      net_message x = t->queue[t->head++ % NET_MESSAGES];
      t->count--;
      net_rx(t, &x);
      net_tick(t, x.to);
    }
  }
}

#endif
