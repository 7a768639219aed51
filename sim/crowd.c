/* crowd.c — hostile nodes that know each other. They choose identifiers near a key or a node, by
 * making many identities and keeping the nearest, and answer with each other's names only, signed
 * as an answer must be (PROTOCOL.md 7.2). They carry what is not theirs as everybody does. */
#include <string.h>

#include "allium/al_dht.h"
#include "cells.h"
#include "parts.h"

enum {
  CROWD_MAX = 1 << 14,
  SEEDS = 1 << 15, /* a power of two, above CROWD_MAX */
  PATCHES = 256,
  ADDRESS = 58,
  SETTLED_US = 20000000,  /* lookups are aimed so long after the crowd came ... */
  NEWCOMER_US = 10000000, /* ... and the newcomer comes after this */
  CLOSE = 8,
};

typedef struct crowd_seed {
  bool used;
  uint8_t pk[32], seed[32];
} crowd_seed;

/* A signature that belongs into a later fragment of an answer. */
typedef struct crowd_patch {
  uint8_t key[32], sig[64];
  uint32_t total, at;
} crowd_patch;

/* What the cryptography of all of them knows; it has no room for whose it is. */
static struct {
  const al_suite *honest;
  world *w;
  uint32_t count;
  al_id id[CROWD_MAX];
  uint32_t node[CROWD_MAX];
  crowd_seed seed[SEEDS];
  crowd_patch patch[PATCHES];
  uint32_t next;
} crowd;

bool crowd_has(const sim_run *r, uint32_t node) {
  return node >= r->s.join_seeds + 1 && node + r->s.hostile_chosen >= r->nodes;
}

uint32_t crowd_victim(const sim_run *r) {
  bool node =
      r->s.hostile_around == CROWD_AROUND_NODE || r->s.hostile_around == CROWD_AROUND_NEWCOMER;
  if (r->s.hostile_chosen == 0 || !node) return UINT32_MAX;
  return (uint32_t)r->s.join_seeds;
}

bool crowd_late(const sim_run *r, uint32_t node) {
  bool newcomer = r->s.hostile_around == CROWD_AROUND_NEWCOMER && node == crowd_victim(r);
  return newcomer || crowd_has(r, node);
}

al_id crowd_key(const sim_run *r) {
  al_id key;
  if (crowd_hides(r)) return keepsakes_key(r, 0);
  for (uint32_t i = 0; i < 4; i++) sim_store_u64(key.b + 8 * i, sim_of(r->o.seed, DRAW_KEY, i));
  return key;
}

bool crowd_hides(const sim_run *r) {
  return r->s.hostile_chosen != 0 &&
         (r->s.hostile_around == CROWD_AROUND_RECORD || r->s.hostile_around == CROWD_AROUND_PLACES);
}

/* What a node of the crowd wants to be near to. */
static al_id target_of(const sim_run *r, uint32_t node, const al_suite *suite) {
  al_id target = crowd_key(r);
  uint8_t root[32];
  if (crowd_victim(r) != UINT32_MAX) {
    world_identity(r->w, crowd_victim(r), root);
    al_identity_name(suite, root, &target);
  } else if (r->s.hostile_around == CROWD_AROUND_PLACES) {
    target = al_record_place(suite, &target, node % AL_RECORD_PLACES);
  }
  return target;
}

static bool nearer(const al_id *a, const al_id *b, const al_id *target) {
  for (int i = 0; i < 32; i++) {
    uint8_t x = a->b[i] ^ target->b[i], y = b->b[i] ^ target->b[i];
    if (x != y) return x < y;
  }
  return false;
}

/* The nearest of many identities. */
void crowd_configure(const sim_run *r, uint32_t node, al_config *c) {
  if (!crowd_has(r, node)) return;
  al_id target = target_of(r, node, c->suite), best, id;
  uint8_t root[32];
  for (uint64_t i = 0; i < r->s.hostile_tries; i++) {
    for (uint64_t k = 0; k < 4; k++)
      sim_store_u64(root + 8 * k, sim_of(r->o.seed, DRAW_NAME, (node * 4 + k) << 32 | i));
    al_identity_name(c->suite, root, &id);
    if (i != 0 && !nearer(&id, &best, &target)) continue;
    best = id;
    memcpy(c->identity, root, sizeof root);
  }
}

void crowd_know(sim_run *r, uint32_t node) {
  crowd.w = r->w;
  for (uint32_t i = 0; i < crowd.count; i++) {
    if (crowd.node[i] == node) {
      crowd.id[i] = r->lookups.ids[node];
      return;
    }
  }
  if (crowd.count == CROWD_MAX) return;
  crowd.node[crowd.count] = node;
  crowd.id[crowd.count++] = r->lookups.ids[node];
}

bool crowd_knows(const uint8_t id[32]) {
  for (uint32_t i = 0; i < crowd.count; i++) {
    if (memcmp(crowd.id[i].b, id, 32) == 0) return true;
  }
  return false;
}

void crowd_begin(sim_run *r) {
  al_time now = world_now(r->w);
  r->lookups.aimed_from = now + SETTLED_US;
  if (r->s.hostile_chosen == 0) return;
  for (uint32_t i = 0; i < r->nodes; i++) {
    if (crowd_has(r, i))
      world_call(r->w, now + 1 + sim_below(&r->chance, AL_SECOND), CALL_JOIN, i);
    else if (crowd_late(r, i))
      world_call(r->w, now + NEWCOMER_US, CALL_JOIN, i);
  }
  if (r->s.hostile_around == CROWD_AROUND_NEWCOMER) r->lookups.aimed_from += NEWCOMER_US;
}

uint64_t crowd_grip(const sim_run *r) {
  uint32_t victim = crowd_victim(r), hostile = 0, all = 0, n;
  if (victim == UINT32_MAX || !world_running(r->w, victim)) return 0;
  for (; (n = world_neighbour(r->w, victim, all)) != UINT32_MAX; all++) {
    hostile += run_hostile(r, n);
  }
  return all == 0 ? 0 : (uint64_t)hostile * 10000 / all;
}

/* ---- signatures ---- */

static crowd_seed *seed_of(const uint8_t pk[32]) {
  uint32_t at = sim_load_u32(pk) % SEEDS;
  for (uint32_t i = 0; i < SEEDS; i++, at = (at + 1) % SEEDS) {
    crowd_seed *s = &crowd.seed[at];
    if (!s->used || memcmp(s->pk, pk, 32) == 0) return s;
  }
  return NULL;
}

static void learning_sign(uint8_t sig[64], const uint8_t seed[32], const uint8_t hash[32]) {
  uint8_t pk[32];
  crowd.honest->ed_public(pk, seed);
  crowd_seed *s = seed_of(pk);
  if (s != NULL && !s->used) {
    s->used = true;
    memcpy(s->pk, pk, 32);
    memcpy(s->seed, seed, 32);
  }
  crowd.honest->ed_sign(sig, seed, hash);
}

void crowd_init(sim_run *r, const al_suite *honest, al_suite *suite) {
  (void)r;
  memset(&crowd, 0, sizeof crowd);
  crowd.honest = honest;
  if (r->s.hostile_collude != 0) suite->ed_sign = learning_sign;
}

/* ---- answers ---- */

/* The nearest of the crowd to an ID, that ID itself and those taken left out; UINT32_MAX: none. */
static uint32_t member(const al_id *to, const uint32_t taken[], uint32_t count) {
  uint32_t best = UINT32_MAX;
  for (uint32_t i = 0; i < crowd.count; i++) {
    bool out = memcmp(&crowd.id[i], to, sizeof *to) == 0 || !world_running(crowd.w, crowd.node[i]);
    for (uint32_t k = 0; k < count; k++) out |= taken[k] == i;
    if (!out && (best == UINT32_MAX || nearer(&crowd.id[i], &crowd.id[best], to))) best = i;
  }
  return best;
}

/* Others of the crowd in the place of all entries but the first. Result: where entries end. */
static size_t rename_entries(uint8_t *p, uint8_t count) {
  uint32_t taken[16], named = 0;
  al_id self;
  size_t at = ANSWER_ENTRIES;
  memcpy(self.b, p + at, sizeof self.b);
  at += 33u + p[at + 32];
  for (uint8_t i = 1; i < count && at + 33u + ADDRESS < FRAGMENT; i++) {
    uint8_t len = p[at + 32];
    uint32_t m = member(&self, taken, named);
    if (m != UINT32_MAX) {
      taken[named++] = m;
      memcpy(p + at, crowd.id[m].b, 32);
      if (len == ADDRESS) memcpy(p + at + 33, world_address(crowd.w, crowd.node[m]).ptr, ADDRESS);
    } else {
      p[at + 8] ^= 0x5a; /* nobody */
    }
    at += 33u + len;
  }
  return at;
}

/* Sign again what was changed. */
static void forge(const uint8_t *p, size_t entries_end, const uint8_t key[32]) {
  static const char label[] = "allium dht answer v1";
  uint8_t head[10], hash[32];
  const crowd_seed *s = seed_of(p + entries_end + 1);
  if (s == NULL || !s->used) return;
  memcpy(head, p + ANSWER_QUERY, 8);
  head[8] = p[ANSWER_PATH];
  head[9] = p[ANSWER_COUNT];
  const al_bytes in[3] = {{(const uint8_t *)label, sizeof label - 1},
                          {head, sizeof head},
                          {p + ANSWER_ENTRIES, entries_end - ANSWER_ENTRIES}};
  crowd.honest->sha3_256(hash, in, 3);
  crowd_patch *c = &crowd.patch[crowd.next++ % PATCHES];
  memcpy(c->key, key, 32);
  crowd.honest->ed_sign(c->sig, s->seed, hash);
  c->at = (uint32_t)entries_end + 1 + 1984;
  c->total = c->at + 64;
}

static void patch(uint8_t *p, uint32_t index, uint32_t total, const uint8_t key[32]) {
  for (uint32_t i = 0; i < PATCHES; i++) {
    crowd_patch *c = &crowd.patch[i];
    if (c->total != total || memcmp(c->key, key, 32) != 0) continue;
    for (uint32_t b = 0; b < 64; b++) {
      if ((c->at + b) / FRAGMENT == index) p[(c->at + b) % FRAGMENT] = c->sig[b];
    }
    if ((c->at + 63) / FRAGMENT == index) c->total = 0;
    return;
  }
}

void crowd_twist(uint8_t *cell, const uint8_t key[32]) {
  uint8_t *p = cell + CELL_PAYLOAD;
  uint32_t total = cell_total(cell), index = cell_index(cell);
  if (!cell_is(cell, KIND_DHT)) return;
  if (index != 0) {
    patch(p, index, total, key);
    return;
  }
  if (p[0] != DHT_ANSWER || p[ANSWER_HOPS] != 0 || p[ANSWER_COUNT] > CLOSE + 1) return;
  size_t end = rename_entries(p, p[ANSWER_COUNT]);
  if (total == end + PROOF_BYTES && end + 33 <= FRAGMENT) forge(p, end, key);
}
