/* base32.c — RFC 4648 base32, lower case, no padding. */
#include "base32.h"

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

void al_base32_encode(char *out, const uint8_t *in, size_t len) {
  uint32_t bits = 0;
  unsigned have = 0;
  for (size_t i = 0; i < len; i++) {
    bits = bits << 8 | in[i];
    have += 8;
    while (have >= 5) {
      have -= 5;
      *out++ = alphabet[bits >> have & 31];
    }
  }
  if (have > 0) *out++ = alphabet[bits << (5 - have) & 31];
  *out = 0;
}

/* The value of a character, 32 for a foreign one. */
static uint32_t value_of(char c) {
  if (c >= 'a' && c <= 'z') return (uint32_t)(c - 'a');
  if (c >= 'A' && c <= 'Z') return (uint32_t)(c - 'A');
  if (c >= '2' && c <= '7') return (uint32_t)(c - '2') + 26;
  return 32;
}

bool al_base32_decode(uint8_t *out, size_t out_len, const char *text, size_t text_len) {
  uint32_t bits = 0;
  unsigned have = 0;
  size_t at = 0;
  if (text_len != AL_BASE32_LEN(out_len)) return false;
  for (size_t i = 0; i < text_len; i++) {
    uint32_t v = value_of(text[i]);
    if (v > 31) return false;
    bits = bits << 5 | v;
    have += 5;
    if (have >= 8) {
      have -= 8;
      out[at++] = (uint8_t)(bits >> have);
    }
  }
  return (bits & ((1U << have) - 1)) == 0;
}
