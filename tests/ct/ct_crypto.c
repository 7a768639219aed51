/* ct_crypto — no branch and no address depends on a secret, by Langley's method (ctgrind): secrets
 * are marked as undefined memory and valgrind complains wherever control flow or an address depends
 * on them. Every secret operation of the hacl provider runs once at every SIMD width; ct.supp lists
 * the few places where the standards themselves branch on what they are about to publish. The first
 * tests are leaks on purpose: if those are not caught, nothing here means anything. Run: valgrind
 * --suppressions=tests/ct/ct.supp ct_crypto */
#include <valgrind/memcheck.h>

#include "crypto/crypto.h"
#include "crypto/hacl/hacl_priv.h"
#include "tap.h"

static const al_suite *s;
static uint8_t text[1100], key[32], nonce[12], tag[16], seed[64], coins[64], out[200];
static uint8_t kem_pk[AL_KEM_PK_BYTES], kem_sk[AL_KEM_SK_BYTES], kem_ct[AL_KEM_CT_BYTES];
static uint8_t sig_pk[AL_SIG_PK_BYTES], sig_sk[AL_SIG_SK_BYTES], sig[AL_SIG_BYTES];

static void secret(void *p, size_t len) { (void)VALGRIND_MAKE_MEM_UNDEFINED(p, len); }

static void public(void *p, size_t len) { (void)VALGRIND_MAKE_MEM_DEFINED(p, len); }

/* The secret parts of the keys, whose public parts lie between them. */
static void secret_kem_sk(void) {
  secret(kem_sk, 1152);      /* ML-KEM's s */
  secret(kem_sk + 2368, 32); /* ML-KEM's z */
  secret(kem_sk + 2400, 32); /* X25519 */
}

static void secret_sig_sk(void) {
  secret(sig_sk, 32);                                 /* Ed25519 seed */
  secret(sig_sk + 32 + 32, 32);                       /* ML-DSA's K */
  secret(sig_sk + 32 + 128, AL_MLDSA_SK_BYTES - 128); /* s1, s2, t0 */
}

static void reset(void) {
  public(text, sizeof text);
  public(key, sizeof key);
  public(seed, sizeof seed);
  public(coins, sizeof coins);
  public(tag, sizeof tag);
  public(kem_pk, sizeof kem_pk);
  public(kem_sk, sizeof kem_sk);
  public(kem_ct, sizeof kem_ct);
  public(sig_pk, sizeof sig_pk);
  public(sig_sk, sizeof sig_sk);
  public(sig, sizeof sig);
  memset(seed, 3, sizeof seed);
  memset(coins, 4, sizeof coins);
  memset(key, 5, sizeof key);
  memset(text, 6, sizeof text);
  s->kem_keypair(kem_pk, kem_sk, seed);
  (void)s->kem_enc(kem_ct, out, kem_pk, coins);
  s->sig_keypair(sig_pk, sig_sk, seed);
  public(out, sizeof out);
}

/* Two leaks that must be found: a branch on a secret, and a look-up by a secret. */
static void leak_branch(void) {
  secret(key, 32);
  volatile uint8_t sink = 0;
  if (key[3] > 2) sink = 1;
  (void)sink;
}

static void leak_index(void) {
  secret(key, 32);
  volatile uint8_t sink = text[key[1]];
  (void)sink;
}

/* A comparison that ends early, as memcmp may: what al_equal_ct exists for. */
static void leak_compare(void) {
  secret(key, 32);
  volatile int sink = 0;
  for (int i = 0; i < 32; i++) {
    if (key[i] != text[i]) {
      sink = i;
      break;
    }
  }
  (void)sink;
}

static void run_dh_public(void) {
  secret(seed, 32);
  s->dh_public(out, seed);
}

static void run_dh(void) {
  secret(seed, 32);
  (void)s->dh(out, seed, kem_pk + 1184);
}

static void run_kem_keypair(void) {
  secret(seed, 32);
  s->kem_keypair(kem_pk, kem_sk, seed);
}

static void run_kem_enc(void) {
  secret(coins, 64);
  (void)s->kem_enc(kem_ct, out, kem_pk, coins);
}

static void run_kem_dec(void) {
  secret_kem_sk();
  s->kem_dec(out, kem_ct, kem_sk);
}

static void run_kem_dec_reject(void) {
  secret_kem_sk();
  kem_ct[7] ^= 1;
  s->kem_dec(out, kem_ct, kem_sk);
}

static void run_sig_keypair(void) {
  secret(seed, 64);
  s->sig_keypair(sig_pk, sig_sk, seed);
}

static void run_ed25519_sign(void) {
  secret(seed, 32);
  al_hacl_ed25519_sign(sig, seed, (al_bytes){text, 500});
}

static void run_ed25519_sign_secret_msg(void) {
  secret(seed, 32);
  secret(text, 500);
  al_hacl_ed25519_sign(sig, seed, (al_bytes){text, 500});
}

static void run_ed25519_blind_sign(void) {
  secret(seed, 32);
  s->ed_blind_sign(sig, seed, coins, text);
}

static void run_sign(void) {
  secret_sig_sk();
  secret(coins, 32);
  (void)s->sign(sig, sig_sk, (al_bytes){nonce, 12}, (al_bytes){text, 500}, coins);
}

static void run_seal(void) {
  secret(key, 32);
  secret(text, sizeof text);
  s->seal(text, 1096, tag, key, 1, (al_bytes){nonce, 12});
}

static void run_seal_short(void) {
  secret(key, 32);
  secret(text, sizeof text);
  s->seal(text, 33, tag, key, 1, (al_bytes){nonce, 12});
}

static void run_open(void) {
  s->seal(text, 1096, tag, key, 1, (al_bytes){nonce, 12});
  secret(key, 32);
  (void)s->open(text, 1096, tag, key, 1, (al_bytes){nonce, 12});
}

static void run_stream(void) {
  secret(key, 32);
  secret(text, sizeof text);
  s->xor_stream(text, 1100, key, nonce, 0);
}

static void run_block(void) {
  secret(key, 32);
  s->block(out, key, nonce, 0);
}

static void run_poly1305(void) {
  secret(key, 32);
  secret(text, sizeof text);
  s->poly1305(tag, text, 1099, key);
}

static void run_hashes(void) {
  secret(text, sizeof text);
  const al_bytes in[2] = {{text, 500}, {text + 500, 333}};
  s->sha256(out, in, 2);
  s->sha3_256(out, in, 2);
  s->shake256(out, 200, in, 2);
}

static void run_hkdf(void) {
  secret(key, 32);
  secret(text, 100);
  al_hkdf_extract(s, key, (al_bytes){text, 90}, (al_bytes){text, 100});
  al_kdf(s, key, AL_LABEL_WIDE, (al_bytes){text, 10}, (al_span){out, 100});
}

static void run_wide(void) {
  al_wide_key wide;
  secret(key, 32);
  secret(text, sizeof text);
  al_wide_init(s, key, &wide);
  al_wide_encrypt(s, &wide, 1, text, 1084);
  al_wide_decrypt(s, &wide, 2, text, 1084);
}

static void run_equal(void) {
  secret(key, 32);
  volatile bool sink = al_equal_ct(key, text, 32);
  (void)sink;
}

typedef struct operation {
  const char *name;
  void (*run)(void);
} operation;

static const operation leaks[] = {{"a branch on a secret", leak_branch},
                                  {"an index by a secret", leak_index},
                                  {"an early exit on a secret", leak_compare}};
static const operation operations[] = {
    {"dh_public", run_dh_public},
    {"dh", run_dh},
    {"kem_keypair", run_kem_keypair},
    {"kem_enc", run_kem_enc},
    {"kem_dec", run_kem_dec},
    {"kem_dec, implicit rejection", run_kem_dec_reject},
    {"sig_keypair", run_sig_keypair},
    {"Ed25519 sign", run_ed25519_sign},
    {"Ed25519 sign, secret message", run_ed25519_sign_secret_msg},
    {"Ed25519 sign, blinded", run_ed25519_blind_sign},
    {"hybrid sign", run_sign},
    {"seal", run_seal},
    {"seal, short", run_seal_short},
    {"open", run_open},
    {"xor_stream", run_stream},
    {"block", run_block},
    {"poly1305", run_poly1305},
    {"sha256, sha3_256, shake256", run_hashes},
    {"hkdf", run_hkdf},
    {"wide block", run_wide},
    {"al_equal_ct", run_equal},
};

static unsigned findings(void (*run)(void)) {
  reset();
  const unsigned before = VALGRIND_COUNT_ERRORS;
  run();
  return VALGRIND_COUNT_ERRORS - before;
}

int main(void) {
  static const int widths[] = {32, 128, 256, 512};
  if (!RUNNING_ON_VALGRIND) {
    printf("Bail out! run me under valgrind\n");
    return 1;
  }
  for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
    s = al_suite_hacl_width(widths[w]);
    if (s == NULL) continue;
    for (size_t i = 0; w == 0 && i < sizeof leaks / sizeof leaks[0]; i++) {
      tap_ok(findings(leaks[i].run) > 0, "control: %s is found", leaks[i].name);
    }
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
      tap_is_u64(findings(operations[i].run), 0, "%s: %s", s->name, operations[i].name);
    }
  }
  return tap_done();
}
