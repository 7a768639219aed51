/* Every vector of tests/vectors at every SIMD width. Argument: that folder. Each file must hold the
 * number of vectors it was committed with, so that a lost file or line is a failure. */
#include <stdlib.h>

#include "crypto/crypto.h"
#include "crypto/hacl/hacl_priv.h"
#include "tap.h"

enum { FIELDS_MAX = 8, LINE_MAX_BYTES = 1 << 16, FIELD_MAX_BYTES = 1 << 15 };

/* One vector: `op id result field...`. */
typedef struct vector {
  const char *op, *id, *result;
  const char *text[FIELDS_MAX];
  al_bytes f[FIELDS_MAX];
  size_t fields;
} vector;

/* What a vector runs on: one width's suite. */
typedef struct context {
  const al_suite *suite;
  int width;
} context;

typedef struct op {
  const char *name;
  size_t fields;
  bool (*run)(const context *c, const vector *v); /* true: the operation accepts and agrees */
} op;

static uint8_t field_bytes[FIELDS_MAX][FIELD_MAX_BYTES], out_a[FIELD_MAX_BYTES],
    out_b[FIELD_MAX_BYTES];

static bool is(al_bytes want, const void *got, size_t len) {
  return want.len == len && memcmp(want.ptr, got, len) == 0;
}

static bool run_x25519(const context *c, const vector *v) {
  al_err err = c->suite->dh(out_a, v->f[0].ptr, v->f[1].ptr);
  bool zero = al_zero_ct(v->f[2].ptr, 32); /* RFC 7748 6.1: refused, and wiped */
  return err == (zero ? AL_ECRYPTO : AL_OK) && is(v->f[2], out_a, 32);
}

static bool run_x25519iter(const context *c, const vector *v) {
  uint8_t k[32] = {9}, u[32] = {9}, r[32];
  for (int i = 0, n = atoi(v->text[0]); i < n; i++) {
    if (c->suite->dh(r, k, u) != AL_OK) return false;
    memcpy(u, k, 32);
    memcpy(k, r, 32);
  }
  return is(v->f[1], k, 32);
}

static bool run_ed25519v(const context *c, const vector *v) {
  (void)c;
  return v->f[2].len == 64 && al_hacl_ed25519_verify(v->f[2].ptr, v->f[0].ptr, v->f[1]);
}

static bool run_ed25519s(const context *c, const vector *v) {
  (void)c;
  al_hacl_ed25519_public(out_a, v->f[0].ptr);
  al_hacl_ed25519_sign(out_b, v->f[0].ptr, v->f[2]);
  return is(v->f[1], out_a, 32) && is(v->f[3], out_b, 64);
}

/* seed pk factor scalar blinded: scalar and public key of the blinded key, and a signature under it
 * that verifies. */
static bool run_ed25519b(const context *c, const vector *v) {
  uint8_t pk[32], expanded[96], sig[64], hash[32] = {7};
  if (c->suite->ed_blind_public(pk, v->f[1].ptr, v->f[2].ptr) != AL_OK) return false;
  al_hacl_ed25519_public(out_a, v->f[0].ptr);
  al_hacl_ed25519_blind_expand(expanded, v->f[0].ptr, v->f[2].ptr);
  c->suite->ed_blind_sign(sig, v->f[0].ptr, v->f[2].ptr, hash);
  if (c->suite->ed_verify(sig, pk, hash) != AL_OK) return false;
  sig[0] ^= 1;
  return is(v->f[1], out_a, 32) && is(v->f[3], expanded + 32, 32) && is(v->f[4], expanded, 32) &&
         is(v->f[4], pk, 32) && c->suite->ed_verify(sig, pk, hash) == AL_ECRYPTO;
}

/* key nonce aad msg ct tag; a valid one must also seal to the same bytes. */
static bool run_aead(const context *c, const vector *v) {
  uint8_t tag[16];
  if (v->f[1].len != 12 || v->f[5].len != 16) return false;
  memcpy(out_a, v->f[4].ptr, v->f[4].len);
  memcpy(tag, v->f[5].ptr, 16);
  const al_hacl_aead a = {out_a, v->f[4].len, tag, v->f[0].ptr, v->f[1].ptr, v->f[2]};
  const bool opened = al_hacl_open_raw(c->width, &a) == AL_OK;
  /* An invalid one must be refused and its text left as it was. */
  if (strcmp(v->result, "invalid") == 0) return opened || !is(v->f[4], out_a, v->f[4].len);
  if (!opened || !is(v->f[3], out_a, v->f[4].len)) return false;
  memset(tag, 0, sizeof tag);
  if (al_hacl_seal_raw(c->width, &a) != AL_OK) return false;
  return is(v->f[4], out_a, v->f[4].len) && is(v->f[5], tag, 16);
}

static bool run_chacha(const context *c, const vector *v) {
  uint32_t counter = (uint32_t)strtoul(v->text[2], NULL, 10);
  memcpy(out_a, v->f[3].ptr, v->f[3].len);
  c->suite->xor_stream(out_a, v->f[3].len, v->f[0].ptr, v->f[1].ptr, counter);
  c->suite->block(out_b, v->f[0].ptr, v->f[1].ptr, counter);
  for (size_t i = 0; i < 64; i++) out_b[i] ^= v->f[3].ptr[i];
  return is(v->f[4], out_a, v->f[3].len) && memcmp(out_b, v->f[4].ptr, 64) == 0;
}

static bool run_hmac256(const context *c, const vector *v) {
  al_hmac_sha256(c->suite, out_a, v->f[0], &v->f[1], 1);
  return v->f[2].len <= 32 && is(v->f[2], out_a, v->f[2].len);
}

static bool run_hkdf256(const context *c, const vector *v) {
  uint8_t prk[32];
  size_t len = strtoul(v->text[3], NULL, 10);
  if (len > AL_HKDF_BYTES_MAX) return false;
  al_hkdf_extract(c->suite, prk, v->f[1], v->f[0]);
  al_hkdf_expand(c->suite, prk, &v->f[2], 1, (al_span){out_a, len});
  return is(v->f[4], out_a, len);
}

/* msg sha256 sha512 sha3-256 shake256(200): whole, and cut in three at every of several places. */
static bool run_hash(const context *c, const vector *v) {
  const al_bytes m = v->f[0];
  for (size_t x = 0; x <= m.len; x += m.len / 7 + 1) {
    const size_t y = (m.len - x) / 2;
    const al_bytes in[3] = {{m.ptr, x}, {m.ptr + x, y}, {m.ptr + x + y, m.len - x - y}};
    c->suite->sha256(out_a, in, 3);
    if (!is(v->f[1], out_a, 32)) return false;
    al_hacl_sha512_parts(
        out_a, (const uint8_t *const[3]){in[0].ptr, in[1].ptr, in[2].ptr},
        (const uint32_t[3]){(uint32_t)in[0].len, (uint32_t)in[1].len, (uint32_t)in[2].len});
    if (!is(v->f[2], out_a, 64)) return false;
    c->suite->sha3_256(out_a, in, 3);
    if (!is(v->f[3], out_a, 32)) return false;
    c->suite->shake256(out_a, 200, in, 3);
    if (!is(v->f[4], out_a, 200)) return false;
  }
  return true;
}

static bool run_kemkg(const context *c, const vector *v) {
  (void)c;
  al_hacl_mlkem_keypair(out_a, out_b, v->f[0].ptr);
  return is(v->f[1], out_a, AL_MLKEM_PK_BYTES) && is(v->f[2], out_b, AL_MLKEM_SK_BYTES);
}

static bool run_kemenc(const context *c, const vector *v) {
  (void)c;
  uint8_t ss[32];
  return v->f[1].len == AL_MLKEM_PK_BYTES &&
         al_hacl_mlkem_enc(out_a, ss, v->f[1].ptr, v->f[0].ptr) == AL_OK &&
         is(v->f[2], out_a, AL_MLKEM_CT_BYTES) && is(v->f[3], ss, 32);
}

static bool run_kemdec(const context *c, const vector *v) {
  (void)c;
  uint8_t ss[32];
  al_hacl_mlkem_dec(ss, v->f[1].ptr, v->f[0].ptr);
  return is(v->f[2], ss, 32);
}

static bool run_kemek(const context *c, const vector *v) {
  (void)c;
  uint8_t ss[32], coins[32] = {0};
  return al_hacl_mlkem_enc(out_a, ss, v->f[0].ptr, coins) == AL_OK;
}

static bool run_kemdk(const context *c, const vector *v) {
  (void)c;
  return al_hacl_mlkem_check_sk(v->f[0].ptr);
}

static bool run_kemfull(const context *c, const vector *v) {
  (void)c;
  uint8_t ss[32];
  if (v->f[0].len != 64 || v->f[2].len != AL_MLKEM_CT_BYTES) return false;
  al_hacl_mlkem_keypair(out_a, out_b, v->f[0].ptr);
  if (v->f[1].len > 0 && !is(v->f[1], out_a, AL_MLKEM_PK_BYTES)) return false;
  al_hacl_mlkem_dec(ss, v->f[2].ptr, out_b);
  return is(v->f[3], ss, 32);
}

static bool run_kemsemi(const context *c, const vector *v) {
  (void)c;
  uint8_t ss[32];
  if (v->f[0].len != AL_MLKEM_SK_BYTES || v->f[1].len != AL_MLKEM_CT_BYTES) return false;
  if (!al_hacl_mlkem_check_sk(v->f[0].ptr)) return false;
  al_hacl_mlkem_dec(ss, v->f[1].ptr, v->f[0].ptr);
  return v->f[2].len == 0 || is(v->f[2], ss, 32);
}

static bool run_xwing(const context *c, const vector *v) {
  uint8_t ss[32];
  c->suite->kem_keypair(out_a, out_b, v->f[0].ptr);
  if (!is(v->f[2], out_a, AL_KEM_PK_BYTES)) return false;
  c->suite->kem_dec(ss, v->f[3].ptr, out_b);
  if (!is(v->f[4], ss, 32)) return false;
  memset(ss, 0, sizeof ss);
  if (c->suite->kem_enc(out_a, ss, v->f[2].ptr, v->f[1].ptr) != AL_OK) return false;
  return is(v->f[3], out_a, AL_KEM_CT_BYTES) && is(v->f[4], ss, 32);
}

static bool run_dsakg(const context *c, const vector *v) {
  (void)c;
  al_hacl_mldsa_keypair(out_a, out_b, v->f[0].ptr);
  return is(v->f[1], out_a, AL_MLDSA_PK_BYTES) && is(v->f[2], out_b, AL_MLDSA_SK_BYTES);
}

static bool run_dsasign(const context *c, const vector *v) {
  (void)c;
  if (v->f[3].len > 255 || v->f[0].len != AL_MLDSA_SK_BYTES) return false;
  al_hacl_mldsa_sign(out_a, v->f[0].ptr, v->f[3], v->f[2], v->f[1].ptr);
  return is(v->f[4], out_a, AL_MLDSA_SIG_BYTES);
}

static bool run_dsaver(const context *c, const vector *v) {
  (void)c;
  return v->f[0].len == AL_MLDSA_PK_BYTES &&
         al_hacl_mldsa_verify(v->f[3], v->f[0].ptr, v->f[2], v->f[1]);
}

/* seed pk msg ctx sig: the deterministic variant. */
static bool run_dsaseed(const context *c, const vector *v) {
  (void)c;
  static uint8_t sig[AL_MLDSA_SIG_BYTES];
  const uint8_t coins[32] = {0};
  if (v->f[0].len != 32 || v->f[3].len > 255) return false;
  al_hacl_mldsa_keypair(out_a, out_b, v->f[0].ptr);
  if (v->f[1].len > 0 && !is(v->f[1], out_a, AL_MLDSA_PK_BYTES)) return false;
  al_hacl_mldsa_sign(sig, out_b, v->f[3], v->f[2], coins);
  return is(v->f[4], sig, AL_MLDSA_SIG_BYTES);
}

/* secret tweak plain cipher: frozen from tests/vectors/gen_wide.py. */
static bool run_wide(const context *c, const vector *v) {
  al_wide_key key;
  const uint64_t tweak = strtoull(v->text[1], NULL, 10);
  const size_t len = v->f[2].len;
  al_wide_init(c->suite, v->f[0].ptr, &key);
  memcpy(out_a, v->f[2].ptr, len);
  al_wide_encrypt(c->suite, &key, tweak, out_a, len);
  if (!is(v->f[3], out_a, len)) return false;
  al_wide_decrypt(c->suite, &key, tweak, out_a, len);
  return is(v->f[2], out_a, len);
}

static const op ops[] = {
    {"x25519", 3, run_x25519},     {"x25519iter", 2, run_x25519iter},
    {"ed25519v", 3, run_ed25519v}, {"ed25519s", 4, run_ed25519s},
    {"ed25519b", 5, run_ed25519b}, {"aead", 6, run_aead},
    {"chacha", 5, run_chacha},     {"hmac256", 3, run_hmac256},
    {"hkdf256", 5, run_hkdf256},   {"hash", 5, run_hash},
    {"kemkg", 3, run_kemkg},       {"kemenc", 4, run_kemenc},
    {"kemdec", 3, run_kemdec},     {"kemek", 1, run_kemek},
    {"kemdk", 1, run_kemdk},       {"kemfull", 4, run_kemfull},
    {"kemsemi", 3, run_kemsemi},   {"xwing", 5, run_xwing},
    {"dsakg", 3, run_dsakg},       {"dsasign", 5, run_dsasign},
    {"dsaver", 4, run_dsaver},     {"dsaseed", 5, run_dsaseed},
    {"wide", 4, run_wide},
};

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Numbers in decimal are fields too (iteration counts, lengths): their bytes are not used. */
static bool unhex(const char *s, uint8_t *out, size_t *ret_len) {
  size_t n = strlen(s);
  *ret_len = 0;
  if (strcmp(s, "-") == 0 || n % 2 != 0) return true;
  if (n / 2 > FIELD_MAX_BYTES) return false;
  for (size_t i = 0; i < n / 2; i++) {
    int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = (uint8_t)(high << 4 | low);
  }
  *ret_len = n / 2;
  return true;
}

static bool parse(char *line, vector *v) {
  const char *token[3 + FIELDS_MAX];
  size_t n = 0;
  for (char *t = strtok(line, " \n"); t != NULL; t = strtok(NULL, " \n")) {
    if (n == 3 + FIELDS_MAX) return false;
    token[n++] = t;
  }
  if (n < 4) return false;
  *v = (vector){.op = token[0], .id = token[1], .result = token[2], .fields = n - 3};
  for (size_t i = 0; i < v->fields; i++) {
    v->text[i] = token[3 + i];
    v->f[i].ptr = field_bytes[i];
    if (!unhex(v->text[i], field_bytes[i], &v->f[i].len)) return false;
  }
  return true;
}

/* Whether one line comes out as it says. */
static bool run_line(const context *c, char *line) {
  vector v;
  if (!parse(line, &v)) return false;
  const bool want = strcmp(v.result, "invalid") != 0;
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
    if (strcmp(ops[i].name, v.op) != 0) continue;
    if (v.fields == ops[i].fields && ops[i].run(c, &v) == want) return true;
    printf("# %s %s: want %s\n", v.op, v.id, v.result);
    return false;
  }
  printf("# no such operation: %s\n", v.op);
  return false;
}

static void run_file(const context *c, const char *folder, const char *name, unsigned want) {
  static char line[LINE_MAX_BYTES];
  char path[1024];
  unsigned good = 0, all = 0;
  snprintf(path, sizeof path, "%s/%s.txt", folder, name);
  FILE *file = fopen(path, "r");
  if (!tap_ok(file != NULL, "%s: open %s", c->suite->name, path)) return;
  while (fgets(line, sizeof line, file) != NULL) {
    if (line[0] == '#') continue;
    all++;
    good += run_line(c, line);
  }
  fclose(file);
  tap_ok(good == want && all == want, "%s: %s: %u of %u vectors", c->suite->name, name, good, want);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    unsigned vectors;
  } files[] = {
      {"x25519", 520}, {"ed25519", 167}, {"chachapoly", 317},        {"hmac", 174},
      {"hkdf", 80},    {"hash", 147},    {"mlkem768", 50},           {"mlkem768_wycheproof", 85},
      {"xwing", 3},    {"mldsa65", 29},  {"mldsa65_wycheproof", 38}, {"wide", 24},
  };
  static const int widths[] = {32, 128, 256, 512};
  if (argc != 2) {
    fprintf(stderr, "usage: %s VECTORS_FOLDER\n", argv[0]);
    return 2;
  }
  for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
    const context c = {al_suite_hacl_width(widths[w]), widths[w]};
    if (c.suite == NULL) {
      printf("# no width %d on this machine\n", widths[w]);
      continue;
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
      run_file(&c, argv[1], files[i].name, files[i].vectors);
    }
  }
  return tap_done();
}
