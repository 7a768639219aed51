/* The hybrid signature: its frame, its limits, and that neither half is enough. */
#include "crypto/crypto.h"
#include "crypto/hacl/hacl_priv.h"
#include "tap.h"

static uint8_t pk[AL_SIG_PK_BYTES], sk[AL_SIG_SK_BYTES], sig[AL_SIG_BYTES], other[AL_SIG_BYTES];
static uint8_t long_msg[AL_SIG_MSG_BYTES_MAX + 1];
static const uint8_t coins[32] = {7};
static const al_bytes context = {(const uint8_t *)"allium test v1", 14};
static const al_bytes msg = {(const uint8_t *)"message", 7};

/* Each half over the frame of PROTOCOL.md 2.3, written out here by hand. */
static void test_frame(void) {
  uint8_t framed[26 + 1 + 14 + 7];
  memcpy(framed, "allium hybrid signature v1", 26);
  framed[26] = 14;
  memcpy(framed + 27, "allium test v1", 14);
  memcpy(framed + 41, "message", 7);
  const al_bytes m = {framed, sizeof framed};
  tap_ok(al_hacl_ed25519_verify(sig, pk, m), "the first 64 bytes are Ed25519 over the frame");
  tap_ok(al_hacl_mldsa_verify((al_bytes){sig + 64, 3309}, pk + 32, context, m),
         "the rest is ML-DSA-65 over the frame, with the context");
  tap_ok(!al_hacl_mldsa_verify((al_bytes){sig + 64, 3309}, pk + 32, (al_bytes){NULL, 0}, m),
         "and not without the context");
}

static void test_halves(const al_suite *s) {
  memcpy(other, sig, sizeof sig);
  other[40] ^= 1;
  tap_ok(s->verify(other, pk, context, msg) == AL_ECRYPTO, "ML-DSA alone is not enough");
  memcpy(other, sig, sizeof sig);
  other[64 + 1000] ^= 1;
  tap_ok(s->verify(other, pk, context, msg) == AL_ECRYPTO, "Ed25519 alone is not enough");
  /* Halves of two valid signatures of one key over two messages. */
  const al_bytes msg2 = {(const uint8_t *)"another", 7};
  tap_ok(s->sign(other, sk, context, msg2, coins) == AL_OK, "sign another message");
  memcpy(other, sig, 64);
  tap_ok(s->verify(other, pk, context, msg) == AL_ECRYPTO, "halves do not mix: first message");
  tap_ok(s->verify(other, pk, context, msg2) == AL_ECRYPTO, "halves do not mix: second message");
  /* A key whose one half is another's. */
  static uint8_t pk2[AL_SIG_PK_BYTES], sk2[AL_SIG_SK_BYTES], mixed[AL_SIG_PK_BYTES];
  uint8_t seed2[64];
  memset(seed2, 9, sizeof seed2);
  s->sig_keypair(pk2, sk2, seed2);
  memcpy(mixed, pk, sizeof mixed);
  memcpy(mixed, pk2, 32);
  tap_ok(s->verify(sig, mixed, context, msg) == AL_ECRYPTO, "another Ed25519 key fails");
  memcpy(mixed, pk2, sizeof mixed);
  memcpy(mixed, pk, 32);
  tap_ok(s->verify(sig, mixed, context, msg) == AL_ECRYPTO, "another ML-DSA key fails");
}

static void test_binding(const al_suite *s) {
  unsigned taken = 0;
  for (size_t i = 0; i < AL_SIG_BYTES; i += 41) {
    memcpy(other, sig, sizeof sig);
    other[i] ^= 0x20;
    taken += s->verify(other, pk, context, msg) == AL_OK;
  }
  tap_is_u64(taken, 0, "no changed byte of a signature is taken");
  /* The same bytes cut elsewhere between context and message. */
  const uint8_t *all = (const uint8_t *)"allium test v1message";
  tap_ok(s->verify(sig, pk, (al_bytes){all, 13}, (al_bytes){all + 13, 8}) == AL_ECRYPTO,
         "context and message do not run into each other");
  tap_ok(s->verify(sig, pk, (al_bytes){NULL, 0}, msg) == AL_ECRYPTO, "no context fails");
  tap_ok(s->verify(sig, pk, context, (al_bytes){NULL, 0}) == AL_ECRYPTO, "no message fails");
}

static void test_limits(const al_suite *s) {
  memset(long_msg, 'x', sizeof long_msg);
  const al_bytes longest = {long_msg, AL_SIG_MSG_BYTES_MAX}, longer = {long_msg, sizeof long_msg};
  const al_bytes ctx255 = {long_msg, 255}, ctx256 = {long_msg, 256}, none = {NULL, 0};
  tap_ok(s->sign(other, sk, ctx255, longest, coins) == AL_OK, "%s: the longest signs", s->name);
  tap_ok(s->verify(other, pk, ctx255, longest) == AL_OK, "%s: the longest verifies", s->name);
  tap_ok(s->sign(other, sk, none, none, coins) == AL_OK, "%s: nothing signs", s->name);
  tap_ok(s->verify(other, pk, none, none) == AL_OK, "%s: nothing verifies", s->name);
  memset(other, 0x55, sizeof other);
  tap_ok(s->sign(other, sk, ctx256, msg, coins) == AL_EINVAL, "%s: context too long", s->name);
  tap_ok(s->sign(other, sk, context, longer, coins) == AL_EINVAL, "%s: message too long", s->name);
  tap_ok(other[0] == 0x55 && other[64] == 0x55, "%s: and nothing is written", s->name);
  tap_ok(s->verify(sig, pk, ctx256, msg) == AL_EINVAL, "%s: verify: context too long", s->name);
  tap_ok(s->verify(sig, pk, context, longer) == AL_EINVAL, "%s: verify: too long", s->name);
}

int main(void) {
  const al_suite *suites[] = {al_suite_hacl(), al_suite_null()};
  const uint8_t seed[64] = {5};
  for (size_t i = 0; i < 2; i++) {
    const al_suite *s = suites[i];
    s->sig_keypair(pk, sk, seed);
    tap_ok(s->sign(sig, sk, context, msg, coins) == AL_OK, "%s: sign", s->name);
    tap_ok(s->verify(sig, pk, context, msg) == AL_OK, "%s: verify", s->name);
    tap_ok(s->sign(other, sk, context, msg, coins) == AL_OK, "%s: sign again", s->name);
    tap_is_mem(sig, other, sizeof sig, "%s: the same coins, the same signature", s->name);
    test_binding(s);
    test_limits(s);
    if (i > 0) continue;
    test_frame();
    test_halves(s);
  }
  return tap_done();
}
