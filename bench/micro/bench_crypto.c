/* bench_crypto — microseconds of each cryptographic operation, provider by provider.
 *   bench_crypto [--json] [ROUNDS]
 * Every round times every operation of every provider once, in turn, so that a slow moment of the
 * machine falls on all alike; the figure is the median over the rounds. Compare within one run
 * only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/crypto.h"

enum { SUITES_MAX = 5, ROUNDS_MAX = 201, BATCH_NS = 150000, WARM_NS = 20000000, TEXT_MAX = 4096 };

/* What the operations work on; one for each provider. */
typedef struct fixture {
  const al_suite *suite;
  uint8_t kem_pk[AL_KEM_PK_BYTES], kem_sk[AL_KEM_SK_BYTES], kem_ct[AL_KEM_CT_BYTES];
  uint8_t sig_pk[AL_SIG_PK_BYTES], sig_sk[AL_SIG_SK_BYTES], sig[AL_SIG_BYTES];
  al_wide_key wide;
  uint8_t text[TEXT_MAX], tag[16], key[32], coins[64], out[64];
  uint64_t number;
} fixture;

typedef struct operation {
  const char *name;
  void (*run)(fixture *f);
} operation;

static void op_kem_dec(fixture *f) { f->suite->kem_dec(f->out, f->kem_ct, f->kem_sk); }

static void op_kem_enc(fixture *f) {
  (void)f->suite->kem_enc(f->kem_ct, f->out, f->kem_pk, f->coins);
}

static void op_kem_keypair(fixture *f) { f->suite->kem_keypair(f->kem_pk, f->kem_sk, f->key); }

static void op_dh(fixture *f) { (void)f->suite->dh(f->out, f->key, f->kem_pk + 1184); }

static void op_wide_encrypt(fixture *f) {
  al_wide_encrypt(f->suite, &f->wide, f->number++, f->text, 1084);
}

static void op_wide_decrypt(fixture *f) {
  al_wide_decrypt(f->suite, &f->wide, f->number++, f->text, 1084);
}

static void op_wide_init(fixture *f) { al_wide_init(f->suite, f->key, &f->wide); }

static void op_seal(fixture *f) {
  f->suite->seal(f->text, 1096, f->tag, f->key, f->number++, (al_bytes){f->coins, 8});
}

static void op_seal_small(fixture *f) {
  f->suite->seal(f->text, 64, f->tag, f->key, f->number++, (al_bytes){f->coins, 8});
}

/* The tag does not match: what is timed is the check, the larger part of opening. */
static void op_open_bad(fixture *f) {
  (void)f->suite->open(f->text, 1096, f->coins, f->key, f->number++, (al_bytes){f->coins, 8});
}

static void op_stream(fixture *f) { f->suite->xor_stream(f->text, 1068, f->key, f->coins, 0); }

static void op_poly(fixture *f) { f->suite->poly1305(f->tag, f->text, 1084, f->key); }

static void op_block(fixture *f) {
  f->suite->block(f->out, f->key, f->coins, (uint32_t)f->number++);
}

static void op_sha256(fixture *f) { f->suite->sha256(f->out, &(al_bytes){f->text, 1084}, 1); }

static void op_sha3(fixture *f) { f->suite->sha3_256(f->out, &(al_bytes){f->text, 1084}, 1); }

static void op_kdf(fixture *f) {
  al_kdf(f->suite, f->key, AL_LABEL_WIDE, (al_bytes){f->coins, 32}, (al_span){f->out, 32});
}

static void op_sign(fixture *f) {
  al_store_u64(f->coins, f->number++); /* a fresh hedge: the rejection loop varies */
  (void)f->suite->sign(f->sig, f->sig_sk, (al_bytes){f->key, 16}, (al_bytes){f->text, 1000},
                       f->coins);
}

static void op_verify(fixture *f) {
  (void)f->suite->verify(f->sig, f->sig_pk, (al_bytes){f->key, 16}, (al_bytes){f->text, 1000});
}

static const operation operations[] = {
    {"xwing_dec", op_kem_dec},
    {"xwing_enc", op_kem_enc},
    {"xwing_keypair", op_kem_keypair},
    {"x25519", op_dh},
    {"wide_encrypt_1084", op_wide_encrypt},
    {"wide_decrypt_1084", op_wide_decrypt},
    {"wide_init", op_wide_init},
    {"seal_1096", op_seal},
    {"seal_64", op_seal_small},
    {"open_bad_1096", op_open_bad},
    {"stream_1068", op_stream},
    {"poly1305_1084", op_poly},
    {"block", op_block},
    {"sha256_1084", op_sha256},
    {"sha3_1084", op_sha3},
    {"kdf_32", op_kdf},
    {"hybrid_sign_1000", op_sign},
    {"hybrid_verify_1000", op_verify},
};
enum { OPERATIONS = sizeof operations / sizeof operations[0] };

static double samples[SUITES_MAX][OPERATIONS][ROUNDS_MAX];

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void fixture_init(fixture *f, const al_suite *suite) {
  uint8_t seed[AL_SIG_SEED_BYTES];
  memset(f, 0, sizeof *f);
  f->suite = suite;
  for (size_t i = 0; i < sizeof seed; i++) seed[i] = (uint8_t)(i * 37 + 1);
  memcpy(f->key, seed, 32);
  memcpy(f->coins, seed, 64);
  op_kem_keypair(f);
  op_kem_enc(f);
  op_wide_init(f);
  suite->sig_keypair(f->sig_pk, f->sig_sk, seed);
  op_sign(f);
}

/* One call before the clock starts: what ran before has filled the caches with other things. */
static double batch_ns(fixture *f, const operation *op, unsigned n) {
  op->run(f);
  const double start = now_ns();
  for (unsigned i = 0; i < n; i++) op->run(f);
  return now_ns() - start;
}

/* How many calls take about BATCH_NS, found after WARM_NS of the same: a WASM engine has compiled
 * the code for good by then. */
static unsigned calibrate(fixture *f, const operation *op) {
  unsigned n = 1;
  double spent = 0;
  for (;;) {
    const double took = batch_ns(f, op, n);
    spent += took;
    if (took < BATCH_NS) {
      n *= 2;
    } else if (spent >= WARM_NS) {
      return took > 2 * BATCH_NS && n > 1 ? n / 2 : n;
    }
  }
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void print_table(const fixture *f, size_t suites, bool json, unsigned rounds) {
  if (json) printf("{\"unit\": \"us\", \"rounds\": %u, \"results\": [\n", rounds);
  if (!json) {
    printf("%-20s", "us, median");
    for (size_t s = 0; s < suites; s++) printf("%12s", f[s].suite->name);
    printf("\n");
  }
  for (size_t o = 0; o < OPERATIONS; o++) {
    if (!json) printf("%-20s", operations[o].name);
    for (size_t s = 0; s < suites; s++) {
      double *v = samples[s][o];
      qsort(v, rounds, sizeof *v, by_value);
      double median = v[rounds / 2] / 1e3, p10 = v[rounds / 10] / 1e3;
      if (!json) printf("%12.3f", median);
      if (json) {
        bool last = o + 1 == OPERATIONS && s + 1 == suites;
        printf(
            "  {\"provider\": \"%s\", \"operation\": \"%s\", \"median\": %.4f, \"p10\": %.4f}%s\n",
            f[s].suite->name, operations[o].name, median, p10, last ? "" : ",");
      }
    }
    if (!json) printf("\n");
  }
  if (json) printf("]}\n");
}

int main(int argc, char **argv) {
  static fixture f[SUITES_MAX];
  static unsigned batch[SUITES_MAX][OPERATIONS];
  static const int widths[] = {512, 256, 128, 32};
  bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
  unsigned rounds = argc > 1 + json ? (unsigned)atoi(argv[1 + json]) : 61;
  if (rounds < 1 || rounds > ROUNDS_MAX) {
    fprintf(stderr, "usage: %s [--json] [ROUNDS 1..%d]\n", argv[0], ROUNDS_MAX);
    return 2;
  }
  size_t suites = 0;
  for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
    const al_suite *s = al_suite_hacl_width(widths[w]);
    if (s != NULL) fixture_init(&f[suites++], s);
  }
  fixture_init(&f[suites++], al_suite_null());
  for (size_t s = 0; s < suites; s++) {
    for (size_t o = 0; o < OPERATIONS; o++) batch[s][o] = calibrate(&f[s], &operations[o]);
  }
  for (unsigned r = 0; r < rounds; r++) {
    for (size_t o = 0; o < OPERATIONS; o++) {
      for (size_t s = 0; s < suites; s++) {
        samples[s][o][r] = batch_ns(&f[s], &operations[o], batch[s][o]) / batch[s][o];
      }
    }
  }
  print_table(f, suites, json, rounds);
  return 0;
}
