/* test_gossip_net.h — many instances of gossip over a graph of links, in virtual time. Links have a
 * delay and a rate; a node hands out messages as its links find room. What the instances know lies
 * in books that the including file supplies: crowd_book, crowd_put, crowd_sequence. */
#ifndef TEST_GOSSIP_NET_H
#define TEST_GOSSIP_NET_H

#include <stdlib.h>

#include "../support/test_alloc.h"
#include "../support/test_rand.h"
#include "gossip/state.h"
#include "tap.h"

#define CROWD_WALL_S ((uint64_t)1700000000)
#define CROWD_UNUSED __attribute__((unused))

enum { CROWD_LINKS_MAX = 24, CROWD_RATE = 12500000 /* bytes a second and link */ };

typedef struct crowd_edge {
  al_link link; /* 0: none */
  unsigned peer, back;
  uint64_t delay_us;
  al_time busy; /* until when what was sent takes to go out */
} crowd_edge;

typedef struct crowd_node {
  test_alloc ta;
  al_rng rng;
  al_counters counters;
  al_gossip g;
  al_id id;
  crowd_edge edges[CROWD_LINKS_MAX];
  uint32_t generation;
} crowd_node;

typedef struct crowd_message {
  al_time at;
  uint64_t order;
  unsigned to, edge;
  al_link link;
  al_message_kind kind;
  size_t len;
  uint8_t *bytes;
} crowd_message;

typedef struct crowd {
  crowd_node *n;
  unsigned count;
  al_time now;
  uint64_t order, sent[16], bytes;
  crowd_message *heap;
  size_t in_heap, room;
  uint64_t verified; /* descriptors that were given to a book */
} crowd;

/* Supplied by the including file. */
static al_book *crowd_book(unsigned node);
static al_book_verdict crowd_put(crowd *c, unsigned node, al_bytes record, al_id *ret_id);
static uint64_t crowd_sequence(unsigned node, const al_id *id); /* 0: not known */

/* ---- messages under way: a binary heap ---- */

static bool crowd_before(const crowd_message *a, const crowd_message *b) {
  return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void crowd_push(crowd *c, crowd_message m) {
  if (c->in_heap == c->room) {
    c->room = c->room * 2 + 64;
    c->heap = realloc(c->heap, c->room * sizeof *c->heap);
    if (c->heap == NULL) abort();
  }
  size_t i = c->in_heap++;
  for (; i > 0 && crowd_before(&m, &c->heap[(i - 1) / 2]); i = (i - 1) / 2)
    c->heap[i] = c->heap[(i - 1) / 2];
  c->heap[i] = m;
}

static crowd_message crowd_pop(crowd *c) {
  crowd_message first = c->heap[0], last = c->heap[--c->in_heap];
  size_t i = 0;
  for (;;) {
    size_t k = 2 * i + 1;
    if (k >= c->in_heap) break;
    if (k + 1 < c->in_heap && crowd_before(&c->heap[k + 1], &c->heap[k])) k++;
    if (!crowd_before(&c->heap[k], &last)) break;
    c->heap[i] = c->heap[k];
    i = k;
  }
  c->heap[i] = last;
  return first;
}

/* ---- the world ---- */

static crowd_edge *crowd_edge_of(crowd_node *n, al_link link) {
  crowd_edge *e = &n->edges[al_slab_index(link)];
  return e->link == link ? e : NULL;
}

/* Everything that a node has to say, as far as its links have room: two messages each. */
static void crowd_pump(crowd *c, unsigned node) {
  static uint8_t buf[AL_GOSSIP_MESSAGE_MAX];
  crowd_node *n = &c->n[node];
  uint32_t cursor = 0;
  for (al_link link; (link = al_gossip_ready(&n->g, &cursor)) != 0;) {
    crowd_edge *e = crowd_edge_of(n, link);
    while (e->busy <= c->now + 3 * AL_MS) {
      al_wr w = al_wr_init(buf, sizeof buf);
      al_message_kind kind;
      n->ta.closed = true;
      bool any = al_gossip_next(&n->g, link, c->now, &w, &kind);
      n->ta.closed = false;
      if (!any) break;
      if (!al_message_valid((uint8_t)kind, (uint32_t)w.len)) abort();
      e->busy = al_max_u64(e->busy, c->now) + w.len * AL_SECOND / CROWD_RATE;
      c->sent[kind]++;
      c->bytes += w.len;
      crowd_message m = {.at = e->busy + e->delay_us,
                         .order = c->order++,
                         .to = e->peer,
                         .edge = e->back,
                         .link = c->n[e->peer].edges[e->back].link,
                         .kind = kind,
                         .len = w.len,
                         .bytes = malloc(w.len)};
      if (m.bytes == NULL) abort();
      memcpy(m.bytes, buf, w.len);
      crowd_push(c, m);
    }
  }
}

static void crowd_deliver(crowd *c, const crowd_message *m) {
  crowd_node *n = &c->n[m->to];
  al_bytes bytes = al_view(m->bytes, m->len);
  al_id id = {{0}};
  if (n->edges[m->edge].link != m->link || m->link == 0) return;
  n->ta.closed = true;
  if (al_gossip_rx(&n->g, m->link, m->kind, bytes, c->now) == AL_GOSSIP_DESCRIPTOR) {
    al_book_verdict v = crowd_put(c, m->to, bytes, &id);
    c->verified++;
    if (v == AL_BOOK_NEW || v == AL_BOOK_NEWER)
      al_gossip_learned(&n->g, &id, m->link, c->now);
    else
      al_gossip_refused(&n->g, m->link, v, c->now);
  }
  n->ta.closed = false;
  crowd_pump(c, m->to);
}

/* When a node must be looked at: its deadline, or a link with something to send that has room. */
static al_time crowd_due(crowd *c, unsigned node) {
  crowd_node *n = &c->n[node];
  al_time t = al_gossip_deadline(&n->g);
  uint32_t cursor = 0;
  for (al_link link; (link = al_gossip_ready(&n->g, &cursor)) != 0;)
    t = al_min_u64(t, al_max_u64(crowd_edge_of(n, link)->busy, c->now + 1));
  return t;
}

/* Time in steps of 5 ms: messages that arrive in between, then timers and links with room. */
CROWD_UNUSED static void crowd_run(crowd *c, al_time until) {
  while (c->now < until) {
    al_time step = al_min_u64(c->now + 5 * AL_MS, until);
    while (c->in_heap != 0 && c->heap[0].at <= step) {
      crowd_message m = crowd_pop(c);
      c->now = al_max_u64(c->now, m.at);
      crowd_deliver(c, &m);
      free(m.bytes);
    }
    c->now = step;
    for (unsigned i = 0; i < c->count; i++) {
      if (crowd_due(c, i) > c->now + 1) continue;
      c->n[i].ta.closed = true;
      al_gossip_tick(&c->n[i].g, c->now);
      c->n[i].ta.closed = false;
      crowd_pump(c, i);
    }
  }
}

static int crowd_free_edge(crowd_node *n) {
  for (int i = 0; i < CROWD_LINKS_MAX; i++)
    if (n->edges[i].link == 0) return i;
  return -1;
}

/* A link between two nodes, unless there is one; false when there is no room. */
CROWD_UNUSED static bool crowd_connect(crowd *c, unsigned a, unsigned b) {
  for (int i = 0; i < CROWD_LINKS_MAX; i++)
    if (c->n[a].edges[i].link != 0 && c->n[a].edges[i].peer == b) return true;
  int x = crowd_free_edge(&c->n[a]), y = crowd_free_edge(&c->n[b]);
  if (a == b || x < 0 || y < 0) return false;
  uint64_t delay = 5 * AL_MS + test_rand_below(75 * AL_MS);
  al_link la = ++c->n[a].generation << AL_SLAB_INDEX_BITS | (uint32_t)x;
  al_link lb = ++c->n[b].generation << AL_SLAB_INDEX_BITS | (uint32_t)y;
  c->n[a].edges[x] = (crowd_edge){la, b, (unsigned)y, delay, 0};
  c->n[b].edges[y] = (crowd_edge){lb, a, (unsigned)x, delay, 0};
  al_gossip_link_up(&c->n[a].g, la, c->now);
  al_gossip_link_up(&c->n[b].g, lb, c->now);
  crowd_pump(c, a);
  crowd_pump(c, b);
  return true;
}

CROWD_UNUSED static void crowd_disconnect(crowd *c, unsigned a, int x) {
  crowd_edge e = c->n[a].edges[x];
  al_gossip_link_down(&c->n[a].g, e.link, c->now);
  al_gossip_link_down(&c->n[e.peer].g, c->n[e.peer].edges[e.back].link, c->now);
  c->n[e.peer].edges[e.back].link = 0;
  c->n[a].edges[x].link = 0;
}

/* How many of the nodes lo..hi-1 know the `sequence` of how many of them, in all. */
CROWD_UNUSED static uint64_t crowd_known(crowd *c, unsigned lo, unsigned hi, uint64_t sequence) {
  uint64_t known = 0;
  for (unsigned i = lo; i < hi; i++)
    for (unsigned k = lo; k < hi; k++)
      if (i != k && crowd_sequence(i, &c->n[k].id) >= sequence) known++;
  return known;
}

/* Runs until all know all, or for at most so long. Result: the time it took, in milliseconds. */
CROWD_UNUSED static unsigned crowd_settle(crowd *c, uint64_t sequence, uint64_t most_us) {
  al_time start = c->now, end = c->now + most_us;
  uint64_t want = (uint64_t)c->count * (c->count - 1);
  while (c->now < end && crowd_known(c, 0, c->count, sequence) < want)
    crowd_run(c, c->now + 100 * AL_MS);
  return (unsigned)((c->now - start) / 1000);
}

static void crowd_node_init(crowd *c, unsigned i, uint32_t wants_max) {
  crowd_node *n = &c->n[i];
  uint8_t seed[32];
  const al_alloc *a = test_alloc_bind(&n->ta);
  test_rand_bytes(seed, sizeof seed);
  al_rng_init(&n->rng, al_suite_null(), seed);
  al_gossip_config cfg = {.alloc = a,
                          .rng = &n->rng,
                          .counters = &n->counters,
                          .book = crowd_book(i),
                          .self = n->id,
                          .links_max = CROWD_LINKS_MAX,
                          .wants_max = wants_max,
                          .news_max = 512,
                          .serve_max = 1024,
                          .doubts_max = 4,
                          .wall_s = CROWD_WALL_S,
                          .now = c->now};
  if (al_gossip_init(&n->g, &cfg) != AL_OK) abort();
}

static crowd *crowd_new(unsigned count) {
  crowd *c = calloc(1, sizeof *c);
  if (c == NULL) abort();
  c->n = calloc(count, sizeof *c->n);
  if (c->n == NULL) abort();
  c->count = count;
  c->now = 50 * AL_SECOND;
  return c;
}

CROWD_UNUSED static void crowd_free(crowd *c) {
  size_t unclean = 0;
  for (unsigned i = 0; i < c->count; i++) {
    al_gossip_clear(&c->n[i].g);
    if (!test_alloc_clean(&c->n[i].ta)) unclean++;
  }
  tap_is_u64(unclean, 0, "nothing leaked, nothing allocated in rx, tick or next");
  while (c->in_heap != 0) free(crowd_pop(c).bytes);
  free(c->heap);
  free(c->n);
  free(c);
}

CROWD_UNUSED static uint64_t crowd_count(const crowd *c, al_counter what) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < c->count; i++) sum += c->n[i].counters.v[what];
  return sum;
}

#endif
