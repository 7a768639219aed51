/* gate.c — a service under load: replays are dropped, work is asked for when too many come, and no
 * more are taken in a second than the node can bear. */
#include "service/session.h"

enum { NONCE_BYTES = 16, BITS_STEP = 2, TOKEN = 1000 };

static void hash_request(const al_suite *suite, const uint8_t id[32], const uint8_t *in,
                         uint8_t out[32]) {
  const al_bytes parts[3] = {al_label(AL_LABEL_SERVICE_PUZZLE),
                             {id, 32},
                             {in + NONCE_BYTES, AL_MEET_REQUEST_BYTES - NONCE_BYTES}};
  suite->sha3_256(out, parts, 3);
}

/* The long part is hashed once, so that a try costs one permutation. */
static uint8_t bits_of(const al_suite *suite, const uint8_t hash[32], const uint8_t *nonce) {
  uint8_t out[32], bits = 0;
  const al_bytes parts[3] = {al_label(AL_LABEL_SERVICE_WORK), {hash, 32}, {nonce, NONCE_BYTES}};
  suite->sha3_256(out, parts, 3);
  while (bits < AL_PUZZLE_BITS_MAX && (out[bits / 8] >> (7 - bits % 8) & 1) == 0) bits++;
  return bits;
}

uint8_t al_puzzle_bits(const al_suite *suite, const uint8_t id[32], const uint8_t *in) {
  uint8_t hash[32];
  hash_request(suite, id, in, hash);
  return bits_of(suite, hash, in);
}

bool al_puzzle_try(const al_suite *suite, const uint8_t id[32], uint8_t bits, uint8_t *in,
                   uint32_t tries) {
  uint8_t hash[32];
  hash_request(suite, id, in, hash);
  for (uint32_t i = 0; i < tries; i++) {
    if (bits_of(suite, hash, in) >= bits) return true;
    al_store_u64(in, al_load_u64(in) + 1);
  }
  return false;
}

static bool take_token(al_gate *g, al_time now) {
  const uint64_t rate = (uint64_t)AL_GATE_RATE * TOKEN, most = (uint64_t)AL_GATE_BURST * TOKEN;
  if (g->filled_at == 0) {
    g->tokens = (uint32_t)most;
    g->filled_at = now;
  }
  uint64_t since = al_min_u64(al_time_since(now, g->filled_at), 10 * AL_SECOND);
  uint64_t more = since * rate / AL_SECOND;
  if (more != 0) {
    g->tokens = (uint32_t)al_min_u64(g->tokens + more, most);
    g->filled_at = now;
  }
  if (g->tokens < TOKEN) return false;
  g->tokens -= TOKEN;
  return true;
}

al_gate_verdict al_gate_judge(al_gate *g, const al_suite *suite, al_time now, const uint8_t id[32],
                              const uint8_t *in) {
  uint8_t hash[32];
  hash_request(suite, id, in, hash);
  const uint64_t mark = al_load_u64(hash) | 1; /* 0 is an empty place */
  for (uint32_t i = 0; i < AL_GATE_SEEN; i++)
    if (g->seen[i] == mark) return AL_GATE_REPLAY;
  if (g->bits != 0 && bits_of(suite, hash, in) < g->bits) return AL_GATE_WORK;
  if (!take_token(g, now)) {
    if (g->bits < AL_PUZZLE_BITS_MAX && al_time_since(now, g->changed_at) >= AL_SECOND) {
      g->bits = g->bits == 0 ? AL_GATE_BITS_FIRST : (uint8_t)(g->bits + BITS_STEP);
      g->changed_at = now;
    }
    return AL_GATE_FULL;
  }
  g->seen[g->seen_next] = mark;
  g->seen_next = (g->seen_next + 1) % AL_GATE_SEEN;
  return AL_GATE_TAKE;
}

bool al_gate_calm(al_gate *g, al_time now) {
  if (g->bits == 0 || al_time_since(now, g->changed_at) < AL_GATE_CALM_US) return false;
  g->bits = g->bits <= AL_GATE_BITS_FIRST ? 0 : (uint8_t)(g->bits - BITS_STEP);
  g->changed_at = now;
  return true;
}
