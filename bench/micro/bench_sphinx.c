/* bench_sphinx — microseconds of set-up packets, hop keys, link handshakes and records.
 *   bench_sphinx [--json] [ROUNDS]
 * Every round times every operation once, in turn, so that a slow moment of the machine falls on
 * all alike; figures are the median and the tenth percentile over the rounds, the provider's KEM
 * and wide block included. `xwing_dec` is there to read the others by: an unwrap is that and the
 * rest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "book/book.h"
#include "shake/shake.h"
#include "sphinx/sphinx.h"

enum { HOPS = 5, ROUNDS_MAX = 1001 };

static const al_suite *suite;
static al_rng rng;
static uint8_t pk[HOPS][AL_KEM_PK_BYTES], sk[HOPS][AL_KEM_SK_BYTES], ct[AL_KEM_CT_BYTES];
static al_sphinx_hop hops[HOPS];
static uint8_t packet[AL_SPHINX_BYTES], work[AL_SPHINX_BYTES], secrets[HOPS][32];
static al_sphinx_keys keys;
static uint8_t x_sk[32], x[32], y_sk[32], y[32], payload[AL_CELL_PAYLOAD_BYTES];
static al_hop_keys hop_keys;
static al_identity me, peer;
static uint8_t record[AL_DESC_BYTES_MAX], message[AL_HANDSHAKE_BYTES_MAX];
static size_t record_len;
static unsigned failed; /* operations that did not do what is timed */

static void expect(bool good) { failed += !good; }

static void op_xwing_dec(void) {
  uint8_t ss[32];
  suite->kem_dec(ss, ct, sk[0]);
}

static void create(uint32_t count) {
  const al_sphinx_spec spec = {hops, count, {NULL, 0}};
  expect(al_sphinx_create(suite, &rng, &spec, packet, secrets) == AL_OK);
}

static void op_create3(void) { create(3); }

static void op_create5(void) { create(5); }

static void op_open(void) { expect(al_sphinx_open(suite, packet, sk[0], &keys) == AL_OK); }

/* A whole hop: copy, open, peel. */
static void op_unwrap(void) {
  al_sphinx_result result;
  memcpy(work, packet, sizeof work);
  expect(al_sphinx_open(suite, work, sk[0], &keys) == AL_OK &&
         al_sphinx_peel(suite, work, &keys, &result) == AL_OK);
}

static void op_hop_derive(void) {
  const al_hop_exchange e = {&hops[0].id, secrets[0], x, y, y_sk, false};
  suite->dh_public(y, y_sk);
  expect(al_hop_derive(suite, &e, &hop_keys) == AL_OK);
}

static void op_created(void) { al_hop_created_add(suite, &hop_keys, y, payload); }

static void op_node_id(void) {
  al_id id = al_node_id(suite, me.sig_pk);
  expect(al_id_equal(&id, &me.id));
}

static void op_desc_decode(void) {
  al_desc d;
  expect(al_desc_decode(al_view(record, record_len), &d) == AL_OK);
}

static void op_desc_verify(void) {
  al_desc d;
  expect(al_desc_decode(al_view(record, record_len), &d) == AL_OK &&
         al_descriptor_verify(suite, &d) == AL_OK);
}

static void begin(al_shake *sh, bool initiator) {
  static const uint8_t binding[32] = {1};
  const al_shake_setup setup = {suite, al_view("allium", 6), {NULL, 0}, binding, initiator};
  al_shake_init(sh, &setup);
}

/* Both sides of a handshake with a known answerer, without verifying the descriptor. */
static void op_handshake(void) {
  static const uint8_t coins[AL_SHAKE_ACCEPT_COINS] = {7};
  al_shake i, r;
  uint8_t root[32], frame_key[32];
  al_bytes got;
  uint64_t sequence;
  const al_bytes desc = {record, record_len};
  begin(&i, true);
  begin(&r, false);
  al_wr w = al_wr_init(message, sizeof message);
  expect(al_shake_make_init(&i, peer.link_pk, coins, desc, &w) == AL_OK &&
         al_shake_take_init(&r, peer.link_sk, (al_span){message, w.len}, &got) == AL_OK);
  w = al_wr_init(message, sizeof message);
  expect(al_shake_make_accept(&r, me.link_pk, coins, 1, &w) == AL_OK &&
         al_shake_take_accept(&i, me.link_sk, (al_span){message, w.len}, &sequence) == AL_OK);
  al_shake_take_root(&i, root);
  al_shake_take_root(&r, root);
  for (unsigned k = 0; k < 4; k++) al_shake_frame_key(suite, root, k % 2 == 0, frame_key);
}

typedef struct operation {
  const char *name;
  void (*run)(void);
} operation;

static const operation operations[] = {
    {"xwing_dec", op_xwing_dec},      {"sphinx_create_3", op_create3},
    {"sphinx_create_5", op_create5},  {"sphinx_open", op_open},
    {"sphinx_unwrap", op_unwrap},     {"hop_derive", op_hop_derive},
    {"created_add", op_created},      {"node_id", op_node_id},
    {"desc_decode", op_desc_decode},  {"desc_verify", op_desc_verify},
    {"link_handshake", op_handshake},
};
enum { OPERATIONS = sizeof operations / sizeof operations[0] };

static double samples[OPERATIONS][ROUNDS_MAX];

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The better of two calls in a row: the first finds caches full of other things. */
static double once(const operation *op) {
  double best = 0;
  for (int i = 0; i < 2; i++) {
    const double start = now_us();
    op->run();
    const double took = now_us() - start;
    if (i == 0 || took < best) best = took;
  }
  return best;
}

static void setup(void) {
  static const uint8_t seed[32] = "bench";
  uint8_t s[64], coins[AL_SIG_COINS_BYTES] = {0};
  al_rng_init(&rng, suite, seed);
  for (int i = 0; i < HOPS; i++) {
    al_rng_bytes(&rng, s, sizeof s);
    suite->kem_keypair(pk[i], sk[i], s);
    hops[i].onion_pk = pk[i];
    al_rng_bytes(&rng, hops[i].id.b, sizeof hops[i].id.b);
  }
  expect(suite->kem_enc(ct, s, pk[0], s) == AL_OK);
  al_rng_bytes(&rng, x_sk, sizeof x_sk);
  al_rng_bytes(&rng, y_sk, sizeof y_sk);
  suite->dh_public(x, x_sk);
  al_identity_init(suite, seed, &me);
  al_rng_bytes(&rng, s, sizeof s);
  al_identity_init(suite, s, &peer);
  const al_desc d = {.published_s = 1, .expiry_s = 2, .onion_pk = {pk[0], pk[1]}};
  al_wr w = al_wr_init(record, sizeof record);
  expect(al_descriptor_make(suite, &me, &d, coins, &w) == AL_OK);
  record_len = w.len;
}

static int by_value(const void *a, const void *b) {
  double p = *(const double *)a, q = *(const double *)b;
  return (p > q) - (p < q);
}

static void print_all(bool json, unsigned rounds) {
  if (json) printf("{\"unit\": \"us\", \"rounds\": %u, \"results\": [\n", rounds);
  if (!json) printf("%-20s%12s%12s   (%s)\n", "us", "median", "p10", suite->name);
  for (size_t o = 0; o < OPERATIONS; o++) {
    double *v = samples[o];
    qsort(v, rounds, sizeof *v, by_value);
    double median = v[rounds / 2], p10 = v[rounds / 10];
    if (json)
      printf("  {\"provider\": \"%s\", \"operation\": \"%s\", \"median\": %.4f, \"p10\": %.4f}%s\n",
             suite->name, operations[o].name, median, p10, o + 1 == OPERATIONS ? "" : ",");
    else
      printf("%-20s%12.3f%12.3f\n", operations[o].name, median, p10);
  }
  if (json) printf("]}\n");
}

int main(int argc, char **argv) {
  const bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
  const int rounds = argc > 1 + json ? atoi(argv[1 + json]) : 301;
  if (rounds < 1 || rounds > ROUNDS_MAX) {
    fprintf(stderr, "usage: %s [--json] [ROUNDS 1..%d]\n", argv[0], ROUNDS_MAX);
    return 2;
  }
  suite = al_suite_hacl();
  setup();
  for (int i = 0; i < 200; i++) { /* a WASM engine compiles for good meanwhile */
    for (size_t o = 0; o < OPERATIONS; o++) operations[o].run();
  }
  for (int r = 0; r < rounds; r++) {
    op_create3(); /* a packet whose first hop is hops[0] for open and unwrap */
    for (size_t o = 0; o < OPERATIONS; o++) samples[o][r] = once(&operations[o]);
  }
  print_all(json, (unsigned)rounds);
  if (failed != 0) fprintf(stderr, "bench_sphinx: %u operations failed\n", failed);
  return failed == 0 ? 0 : 1;
}
