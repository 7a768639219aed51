/* Labels, and what al_kdf makes of them. HMAC and HKDF themselves: test_crypto_vectors. */
#include "crypto/crypto.h"
#include "tap.h"

static void test_labels(void) {
  unsigned bad = 0, clash = 0;
  for (unsigned i = 0; i < AL_LABEL_COUNT; i++) {
    const al_bytes x = al_label((al_label_id)i);
    if (x.len < 11 || memcmp(x.ptr, "allium ", 7) != 0 || x.ptr[x.len - 2] != 'v') bad++;
    if (x.len > 40) bad++;
    for (unsigned j = 0; j < AL_LABEL_COUNT; j++) {
      const al_bytes y = al_label((al_label_id)j);
      if (i != j && x.len <= y.len && memcmp(x.ptr, y.ptr, x.len) == 0) {
        printf("# %.*s is a prefix of %.*s\n", (int)x.len, (const char *)x.ptr, (int)y.len,
               (const char *)y.ptr);
        clash++;
      }
    }
  }
  tap_is_u64(bad, 0, "every label reads allium ... vN, at most 40 bytes");
  tap_is_u64(clash, 0, "no label is equal to another or begins another");
}

static void test_kdf(const al_suite *s) {
  uint8_t key[32] = {3}, x[100], y[100], info[64];
  const al_bytes context = {(const uint8_t *)"context", 7};
  al_kdf(s, key, AL_LABEL_WIDE, context, (al_span){x, sizeof x});
  const al_bytes label = al_label(AL_LABEL_WIDE);
  memcpy(info, label.ptr, label.len);
  info[label.len] = 0;
  memcpy(info + label.len + 1, "context", 7);
  al_hkdf_expand(s, key, &(al_bytes){info, label.len + 8}, 1, (al_span){y, sizeof y});
  tap_is_mem(x, y, sizeof x, "%s: info is label, zero byte, context", s->name);
  for (size_t n = 0; n <= sizeof x; n++) {
    memset(y, 0x55, sizeof y);
    al_kdf(s, key, AL_LABEL_WIDE, context, (al_span){y, n});
    if (memcmp(x, y, n) != 0 || (n < sizeof y && y[n] != 0x55)) {
      tap_ok(false, "%s: %zu bytes", s->name, n);
      return;
    }
  }
  tap_ok(true, "%s: every length is a prefix of the longest, and no more is written", s->name);
  al_kdf(s, key, AL_LABEL_SIGNATURE, context, (al_span){y, 32});
  tap_ok(memcmp(x, y, 32) != 0, "%s: another label, other keys", s->name);
  al_kdf(s, key, AL_LABEL_WIDE, (al_bytes){NULL, 0}, (al_span){y, 32});
  tap_ok(memcmp(x, y, 32) != 0, "%s: another context, other keys", s->name);
  key[31] ^= 1;
  al_kdf(s, key, AL_LABEL_WIDE, context, (al_span){y, 32});
  tap_ok(memcmp(x, y, 32) != 0, "%s: another key, other keys", s->name);
}

/* The limit of RFC 5869, in several parts. The last of its 255 blocks comes from Python's hmac. */
static void test_expand(const al_suite *s) {
  static const uint8_t last[32] = {0x3f, 0x45, 0x85, 0x59, 0xa2, 0xd3, 0xd3, 0x5f, 0x8d, 0x15, 0x90,
                                   0x95, 0x6d, 0x9a, 0x8a, 0x76, 0x35, 0xc9, 0x05, 0xd5, 0xa5, 0x22,
                                   0x15, 0xb5, 0x75, 0x6c, 0xc7, 0xef, 0x29, 0x37, 0x72, 0xb4};
  static uint8_t x[AL_HKDF_BYTES_MAX], y[AL_HKDF_BYTES_MAX];
  const uint8_t key[32] = {4};
  const uint8_t info[4] = {1, 2, 3, 4};
  const al_bytes parts[4] = {{info, 1}, {info + 1, 0}, {info + 1, 2}, {info + 3, 1}};
  al_hkdf_expand(s, key, parts, 4, (al_span){x, sizeof x});
  al_hkdf_expand(s, key, &(al_bytes){info, 4}, 1, (al_span){y, sizeof y});
  tap_is_mem(x, y, sizeof x, "%s: 8,160 bytes; info in parts is info in one", s->name);
  if (s->simulation_only) return;
  tap_is_mem(x + sizeof x - 32, last, 32, "%s: block 255 is HMAC's", s->name);
}

int main(void) {
  const al_suite *suites[] = {al_suite_hacl(), al_suite_null()};
  test_labels();
  for (size_t i = 0; i < 2; i++) {
    test_kdf(suites[i]);
    test_expand(suites[i]);
  }
  return tap_done();
}
