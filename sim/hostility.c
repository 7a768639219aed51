/* hostility.c — nodes that do not keep the rules. They run the shipped core, but not as it stands:
 * what their links carry is changed just before it is sealed, so that it is authentic (drop, lie;
 * crowd.c, keepers.c, slander.c), or on its way to the wire, so that it is not (alter, replay,
 * flood). */
#include <string.h>

#include "cells.h"
#include "parts.h"

/* Frames of somebody who alters and repeats: one in twenty. */
enum { ONE_IN = 20 };

/* The cryptography of liars: it has no room for whose it is, so there is one for all of a process.
 * Drop: 1 lookups, 2 cells, 3 both. */
static struct {
  const al_suite *honest;
  al_suite suite;
  bool now, lie, collude, any;
  unsigned drop;
} liar;

static void lie(uint8_t *answer, size_t len) {
  size_t at = ANSWER_ENTRIES;
  for (unsigned i = answer[4]; i > 0 && at + ENTRY_ID < len; i--) {
    for (int k = 4; k < 12; k++) answer[at + (size_t)k] ^= 0x5a; /* near the truth, and nobody */
    at += ENTRY_ID + 1u + answer[at + ENTRY_ID];
  }
}

static void twist(uint8_t *cell) {
  uint8_t *payload = cell + CELL_PAYLOAD;
  bool dht = cell_is(cell, KIND_DHT) && cell_index(cell) == 0;
  bool lookup = dht && (payload[0] == DHT_QUERY || payload[0] == DHT_ANSWER);
  if ((lookup && (liar.drop & 1) != 0) || (cell[CELL_TYPE] == TYPE_CELL && (liar.drop & 2) != 0))
    memset(cell, 0, CELL_PAYLOAD); /* padding */
  else if (lookup && liar.lie && payload[0] == DHT_ANSWER)
    lie(payload, FRAGMENT);
}

static void liar_seal(uint8_t *text, size_t len, uint8_t tag[16], const uint8_t key[32],
                      uint64_t nonce, al_bytes ad) {
  if (liar.now && len == CELL_BYTES && ad.len == 0) {
    twist(text);
    keepers_twist(text);
    slander_twist(text);
    if (liar.collude) crowd_twist(text, key);
  }
  liar.honest->seal(text, len, tag, key, nonce, ad);
}

void hostility_init(sim_run *r, const al_suite *suite) {
  liar.honest = suite;
  liar.suite = *suite;
  liar.suite.seal = liar_seal;
  crowd_init(r, suite, &liar.suite);
  keepers_init(r, suite, &liar.suite);
  slander_init(r);
  liar.now = false;
  liar.lie = r->s.hostile_lie != 0;
  liar.collude = r->s.hostile_collude != 0;
  liar.drop = (unsigned)r->s.hostile_drop;
  liar.any = liar.lie || liar.collude || liar.drop != 0 || r->s.hostile_records != 0 ||
             r->s.hostile_gossip != 0;
}

void hostility_configure(void *ctx, world *w, uint32_t node, al_config *c) {
  const sim_run *r = ctx;
  (void)w;
  if (!run_hostile(r, node)) return;
  crowd_configure(r, node, c);
  keepers_configure(c);
  if (!liar.any) return;
  c->suite = &liar.suite;
  c->shelf = NULL; /* the common one is for nodes of one cryptography */
}

static uint32_t on_wire(void *ctx, world *w, const world_wire *f) {
  sim_run *r = ctx;
  (void)w;
  if (r->phase < RUN_RUN || !run_hostile(r, f->from)) return 1;
  uint64_t chance = sim_draw(&r->chance);
  if (r->s.hostile_alter != 0 && chance % ONE_IN == 0) {
    f->frame[(chance >> 32) % f->len] ^= (uint8_t)(1u << (chance >> 16) % 8);
  }
  return r->s.hostile_replay != 0 && (chance >> 8) % ONE_IN == 0 ? 2 : 1;
}

void hostility_begin(sim_run *r) {
  if (r->s.hostile_share == 0 && r->s.hostile_chosen == 0) return;
  liar.now = true;
  crowd_begin(r);
  if (r->s.hostile_alter != 0 || r->s.hostile_replay != 0) world_set_tap(r->w, on_wire, r);
  if (r->s.hostile_flood != 0) run_again(r, CALL_FLOOD, AL_SECOND / r->s.hostile_flood);
}

/* Rubbish from a hostile node to one it has a link with, if this one has. */
void hostility_call(sim_run *r) {
  uint8_t frame[AL_FRAME_BYTES];
  if (r->phase != RUN_RUN) return;
  run_again(r, CALL_FLOOD, AL_SECOND / r->s.hostile_flood);
  uint32_t from = run_any(r, false);
  if (from == UINT32_MAX || !run_hostile(r, from)) return;
  for (size_t i = 0; i < sizeof frame; i += 8) {
    uint64_t v = sim_draw(&r->chance);
    memcpy(frame + i, &v, 8);
  }
  uint32_t to = world_neighbour(r->w, from, (uint32_t)sim_below(&r->chance, 64));
  if (to != UINT32_MAX) (void)world_inject(r->w, from, to, frame, sizeof frame);
}
