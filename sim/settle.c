/* settle.c — a network that begins old: who would be linked with whom, and whom each would know, if
 * all had joined long ago. From then on the cores are on their own. Links are as PROTOCOL.md 7.2
 * wants them: the eight closest by XOR, one in each other half of the space around that, and four
 * at random; a link serves both its ends. */
#include <stdlib.h>
#include <string.h>

#include "allium/al_settle.h"
#include "parts.h"

enum { PLACE_MASK = (1 << 30) - 1, CLOSE = 8, RANDOM_RINGS = 2, BITS = 48, LINKS_MAX = 62 };

/* The first 64 bits of an ID, as distances are taken. */
static uint64_t prefix_of(const al_id *id) {
  uint64_t prefix = 0;
  for (uint32_t i = 0; i < 8; i++) prefix = prefix << 8 | id->b[i];
  return prefix;
}

/* A link of the plan: to which place, dialled by this side, random. */
typedef struct bond {
  uint32_t to : 30, dialled : 1, random : 1;
} bond;

/* A node of the plan, and its links so far. */
typedef struct place {
  uint64_t prefix;
  uint32_t node;
  uint32_t links_count;
  bond links[LINKS_MAX];
} place;

typedef struct plan {
  sim_run *r;
  place *all;      /* by prefix */
  uint32_t *order; /* their places */
  uint32_t count;
} plan;

static int by_prefix(const void *a, const void *b) {
  uint64_t x = ((const place *)a)->prefix, y = ((const place *)b)->prefix;
  return x < y ? -1 : x > y;
}

/* The first place whose prefix is not below. */
static uint32_t lower(const plan *p, uint64_t prefix) {
  uint32_t low = 0, high = p->count;
  while (low < high) {
    uint32_t mid = low + (high - low) / 2;
    if (p->all[mid].prefix < prefix)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

/* The places that share the first `bits` bits with a prefix: from *first, so many. */
static uint32_t within(const plan *p, uint64_t prefix, uint32_t bits, uint32_t *first) {
  uint64_t rest = bits == 0 ? UINT64_MAX : (UINT64_MAX >> (bits - 1)) >> 1;
  *first = lower(p, prefix & ~rest);
  uint32_t end = (prefix | rest) == UINT64_MAX ? p->count : lower(p, (prefix | rest) + 1);
  return end - *first;
}

static bool linked(const place *a, uint32_t b) {
  for (uint32_t i = 0; i < a->links_count; i++)
    if (a->links[i].to == b) return true;
  return false;
}

static void wed(plan *p, uint32_t a, uint32_t b, bool random) {
  place *x = &p->all[a], *y = &p->all[b];
  if (a == b || linked(x, b) || x->links_count == LINKS_MAX || y->links_count == LINKS_MAX) return;
  x->links[x->links_count++] = (bond){.to = b & PLACE_MASK, .dialled = 1, .random = random};
  y->links[y->links_count++] = (bond){.to = a & PLACE_MASK, .random = random};
}

/* The CLOSE closest of a place; how many bits all of them share with it. */
static uint32_t wed_close(plan *p, uint32_t at) {
  const uint64_t self = p->all[at].prefix;
  uint32_t bits = BITS, first = 0, count;
  while ((count = within(p, self, bits, &first)) <= CLOSE && bits > 0) bits--;
  uint64_t after = 0;
  for (uint32_t k = 0; k < CLOSE && k + 1 < count; k++) {
    uint32_t best = UINT32_MAX;
    for (uint32_t i = first; i < first + count; i++) {
      uint64_t d = p->all[i].prefix ^ self;
      if (d <= after) continue;
      if (best == UINT32_MAX || d < (p->all[best].prefix ^ self)) best = i;
    }
    if (best == UINT32_MAX) break;
    after = p->all[best].prefix ^ self;
    wed(p, at, best, false);
  }
  return bits;
}

/* One for each half of the space that has no contact yet: the one that has the same rank there, so
 * that links are spread evenly. */
static void wed_halves(plan *p, uint32_t at, uint32_t bits) {
  const uint64_t self = p->all[at].prefix;
  const place *me = &p->all[at];
  for (uint32_t b = 0; b < bits; b++) {
    uint32_t own, other;
    uint64_t there = self ^ (uint64_t)1 << (63 - b);
    (void)within(p, self, b + 1, &own);
    uint32_t count = within(p, there, b + 1, &other);
    bool has = count == 0;
    for (uint32_t i = 0; !has && i < me->links_count; i++)
      has = me->links[i].to >= other && me->links[i].to - other < count;
    if (!has) wed(p, at, other + (at - own) % count, false);
  }
}

static void shuffle(sim_run *r, uint32_t *order, uint32_t count) {
  for (uint32_t i = count; i > 1; i--) {
    uint32_t k = (uint32_t)sim_below(&r->chance, i), swap = order[i - 1];
    order[i - 1] = order[k];
    order[k] = swap;
  }
}

static void wed_random(plan *p) {
  for (uint32_t ring = 0; ring < RANDOM_RINGS; ring++) {
    shuffle(p->r, p->order, p->count);
    for (uint32_t i = 0; i < p->count; i++) {
      wed(p, p->order[i], p->order[(i + 1) % p->count], true);
    }
  }
}

static void know_others(const plan *p, uint32_t node) {
  al_node *n = world_node(p->r->w, node);
  uint64_t want = p->r->s.limits_peers < p->count ? p->r->s.limits_peers : p->count;
  for (uint64_t i = 0; i < want; i++) {
    uint32_t peer = p->r->running[sim_below(&p->r->chance, p->count)];
    if (peer != node) (void)al_node_settle_know(n, world_node(p->r->w, peer));
  }
}

static void plan_links(plan *p) {
  uint8_t *bits = calloc(p->count + 1u, 1);
  if (bits == NULL) abort();
  for (uint32_t i = 0; i < p->count; i++) bits[i] = (uint8_t)wed_close(p, i);
  for (uint32_t i = 0; i < p->count; i++) wed_halves(p, i, bits[i]);
  wed_random(p);
  free(bits);
}

/* Every node has room for as many links as it gets, before it gets the first: what grows step by
 * step leaves pieces behind that nothing else is as long as. */
static void make_links(const plan *p) {
  world *w = p->r->w;
  for (uint32_t i = 0; i < p->count; i++) {
    const place *a = &p->all[i];
    (void)al_node_settle(world_node(w, a->node), p->count, a->links_count);
  }
  for (uint32_t i = 0; i < p->count; i++) know_others(p, p->r->running[i]);
  for (uint32_t i = 0; i < p->count; i++) {
    const place *a = &p->all[i];
    for (uint32_t k = 0; k < a->links_count; k++) {
      const bond *b = &a->links[k];
      if (b->dialled) (void)world_wed(w, a->node, p->all[b->to].node, b->random);
    }
  }
}

void settle_network(sim_run *r) {
  plan p = {.r = r, .count = r->running_count};
  p.all = calloc(p.count + 1u, sizeof *p.all);
  p.order = calloc(p.count + 1u, sizeof *p.order);
  if (p.all == NULL || p.order == NULL) abort();
  for (uint32_t i = 0; i < p.count; i++) {
    uint32_t node = r->running[i];
    p.order[i] = i;
    p.all[i] = (place){.prefix = prefix_of(&r->lookups.ids[node]), .node = node};
  }
  qsort(p.all, p.count, sizeof *p.all, by_prefix);
  plan_links(&p);
  make_links(&p);
  for (uint32_t i = 0; i < p.count; i++)
    al_node_settle_end(world_node(r->w, r->running[i]), world_now(r->w));
  free(p.order);
  free(p.all);
}
