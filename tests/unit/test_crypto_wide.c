/* The wide-block cipher as a permutation: inverse, diffusion of every change, independence of
 * tweak, key and length; on every provider. Its exact bytes are checked by test_crypto_vectors. */
#include "crypto/crypto.h"
#include "tap.h"

enum { CELL = 1084 };

static uint8_t plain[AL_WIDE_BYTES_MAX + 16], a[AL_WIDE_BYTES_MAX + 16], b[AL_WIDE_BYTES_MAX + 16];

static void fill(uint8_t *p, size_t len, uint32_t seed) {
  for (size_t i = 0; i < len; i++) {
    seed = seed * 1664525u + 1013904223u;
    p[i] = (uint8_t)(seed >> 24);
  }
}

static unsigned weight(const uint8_t *x, const uint8_t *y, size_t len) {
  unsigned n = 0;
  for (size_t i = 0; i < len; i++) n += (unsigned)__builtin_popcount((unsigned)(x[i] ^ y[i]));
  return n;
}

/* Whether two blocks look unrelated: no run of 16 bytes is equal, and about half of the bits
 * differ. 8 standard deviations: below 10^-14 for one honest comparison. */
static bool unrelated(const uint8_t *x, const uint8_t *y, size_t len) {
  for (size_t i = 0; i + 16 <= len; i += 16) {
    if (memcmp(x + i, y + i, 16) == 0) return false;
  }
  const double bits = 8.0 * (double)len, off = (double)weight(x, y, len) - bits / 2;
  return off * off < 64 * bits / 4;
}

typedef void (*direction)(const al_suite *, const al_wide_key *, uint64_t, uint8_t *, size_t);

static void test_inverse(const al_suite *s, const al_wide_key *key) {
  bool good = true, guarded = true;
  for (size_t len = AL_WIDE_BYTES_MIN; len <= AL_WIDE_BYTES_MAX; len += len < 1200 ? 1 : 29) {
    memcpy(a, plain, sizeof a);
    al_wide_encrypt(s, key, len, a, len);
    guarded = guarded && memcmp(a + len, plain + len, 16) == 0;
    good = good && memcmp(a, plain, len) != 0;
    al_wide_decrypt(s, key, len, a, len);
    good = good && memcmp(a, plain, sizeof a) == 0;
  }
  tap_ok(good, "%s: decrypt undoes encrypt at every length", s->name);
  tap_ok(guarded, "%s: nothing is written behind the block", s->name);
  memcpy(a, plain, AL_WIDE_BYTES_MAX);
  al_wide_decrypt(s, key, 5, a, AL_WIDE_BYTES_MAX);
  al_wide_encrypt(s, key, 5, a, AL_WIDE_BYTES_MAX);
  tap_is_mem(a, plain, AL_WIDE_BYTES_MAX, "%s: encrypt undoes decrypt at 4096", s->name);
}

/* Every bit of the first 48 bytes, of the last 16, and one of every byte between. Among them are
 * the bits that a cipher which forgets part of its left half would let through. */
static void test_diffusion(const al_suite *s, const al_wide_key *key, direction run,
                           const char *what) {
  unsigned weak = 0, all = 0;
  memcpy(a, plain, CELL);
  run(s, key, 7, a, CELL);
  for (size_t bit = 0; bit < CELL * 8; bit += (bit < 48 * 8 || bit >= (CELL - 16) * 8) ? 1 : 13) {
    memcpy(b, plain, CELL);
    b[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    run(s, key, 7, b, CELL);
    weak += unrelated(a, b, CELL) ? 0 : 1;
    all++;
  }
  tap_is_u64(weak, 0, "%s: %s: each of %u single-bit changes changes everything", s->name, what,
             all);
}

static void test_separation(const al_suite *s, const al_wide_key *key) {
  al_wide_key other;
  uint8_t secret[32] = {1};
  al_wide_init(s, secret, &other);
  memcpy(a, plain, CELL);
  al_wide_encrypt(s, key, 7, a, CELL);
  unsigned weak = 0;
  for (unsigned bit = 0; bit < 64; bit++) {
    memcpy(b, plain, CELL);
    al_wide_encrypt(s, key, 7 ^ (uint64_t)1 << bit, b, CELL);
    weak += unrelated(a, b, CELL) ? 0 : 1;
    memcpy(b, a, CELL);
    al_wide_decrypt(s, key, 7 ^ (uint64_t)1 << bit, b, CELL);
    weak += unrelated(plain, b, CELL) ? 0 : 1;
  }
  tap_is_u64(weak, 0, "%s: every bit of the tweak counts, both ways", s->name);
  memcpy(b, plain, CELL);
  al_wide_encrypt(s, &other, 7, b, CELL);
  tap_ok(unrelated(a, b, CELL), "%s: another key, another permutation", s->name);
  memcpy(b, plain, CELL);
  al_wide_encrypt(s, key, 7, b, CELL - 1);
  tap_ok(unrelated(a, b, CELL - 1), "%s: another length, another permutation", s->name);
  memcpy(b, plain, CELL);
  al_wide_encrypt(s, key, 7, b, CELL);
  al_wide_encrypt(s, key, 7, b, CELL);
  tap_ok(unrelated(plain, b, CELL), "%s: two layers do not cancel", s->name);
}

/* Onion use: three layers on, three off in the other order, and a change between is noise. */
static void test_onion(const al_suite *s) {
  al_wide_key hop[3];
  uint8_t secret[32] = {0};
  for (size_t i = 0; i < 3; i++) {
    secret[0] = (uint8_t)(i + 1);
    al_wide_init(s, secret, &hop[i]);
  }
  memset(a, 0, CELL);
  for (size_t i = 3; i-- > 0;) al_wide_encrypt(s, &hop[i], 9, a, CELL);
  memcpy(b, a, CELL);
  for (size_t i = 0; i < 3; i++) al_wide_decrypt(s, &hop[i], 9, a, CELL);
  tap_ok(al_zero_ct(a, CELL), "%s: three layers peel in order", s->name);
  al_wide_decrypt(s, &hop[0], 9, b, CELL);
  b[3] ^= 0x80;
  for (size_t i = 1; i < 3; i++) al_wide_decrypt(s, &hop[i], 9, b, CELL);
  memset(a, 0, CELL);
  tap_ok(unrelated(a, b, CELL), "%s: one bit tagged between two hops leaves nothing", s->name);
}

int main(void) {
  const al_suite *suites[] = {al_suite_hacl_width(32), al_suite_hacl_width(128),
                              al_suite_hacl_width(256), al_suite_hacl_width(512), al_suite_null()};
  const uint8_t secret[32] = {0};
  fill(plain, sizeof plain, 1);
  for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
    if (suites[i] == NULL) continue;
    al_wide_key key;
    al_wide_init(suites[i], secret, &key);
    test_inverse(suites[i], &key);
    test_diffusion(suites[i], &key, al_wide_encrypt, "encrypt");
    test_diffusion(suites[i], &key, al_wide_decrypt, "decrypt");
    test_separation(suites[i], &key);
    test_onion(suites[i]);
  }
  return tap_done();
}
