/* test_wire_vectors.h — the vector files of gen_protocol.py: lines `name hex`, where `-` is the
 * empty string and # begins a comment. A name that is missing ends the program: a test cannot pass
 * because a line was lost. */
#ifndef TEST_WIRE_VECTORS_H
#define TEST_WIRE_VECTORS_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { VEC_FILE_BYTES_MAX = 1 << 18, VEC_NAMES_MAX = 256 };

static struct {
  char text[VEC_FILE_BYTES_MAX]; /* names; values are decoded in place */
  const char *name[VEC_NAMES_MAX];
  al_bytes value[VEC_NAMES_MAX];
  size_t count;
} vec_file;

static void vec_die(const char *what, const char *name) {
  printf("Bail out! %s: %s\n", what, name);
  exit(1);
}

static unsigned vec_nibble(char c) {
  if (c >= '0' && c <= '9') return (unsigned)(c - '0');
  if (c >= 'a' && c <= 'f') return (unsigned)(c - 'a') + 10;
  vec_die("not a hex digit in a vector", vec_file.name[vec_file.count]);
  return 0;
}

static void vec_line(char *line) {
  if (line[0] == '#') return;
  char *hex = strchr(line, ' ');
  if (hex == NULL || vec_file.count == VEC_NAMES_MAX) vec_die("vector line", line);
  *hex++ = 0;
  vec_file.name[vec_file.count] = line;
  const size_t digits = strcmp(hex, "-") == 0 ? 0 : strlen(hex);
  uint8_t *out = (uint8_t *)hex;
  for (size_t i = 0; i + 1 < digits; i += 2)
    out[i / 2] = (uint8_t)(vec_nibble(hex[i]) << 4 | vec_nibble(hex[i + 1]));
  vec_file.value[vec_file.count++] = (al_bytes){out, digits / 2};
}

/* Reads FOLDER/NAME, in place of the file read before. */
__attribute__((unused)) static void vec_load(const char *folder, const char *name) {
  char path[1024];
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "rb");
  if (f == NULL) vec_die("cannot open", path);
  const size_t len = fread(vec_file.text, 1, sizeof vec_file.text - 1, f);
  if (len == 0 || fgetc(f) != EOF) vec_die("empty or too large", path);
  (void)fclose(f);
  vec_file.text[len] = 0;
  vec_file.count = 0;
  for (char *line = vec_file.text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    *end = 0;
    vec_line(line);
  }
}

/* The value of a name, which may be a format. */
__attribute__((unused, format(printf, 1, 2))) static al_bytes vec(const char *fmt, ...) {
  char name[128];
  va_list ap;
  va_start(ap, fmt);
  (void)vsnprintf(name, sizeof name, fmt, ap);
  va_end(ap);
  for (size_t i = 0; i < vec_file.count; i++) {
    if (strcmp(vec_file.name[i], name) == 0) return vec_file.value[i];
  }
  vec_die("no such vector", name);
  return (al_bytes){NULL, 0};
}

/* Whether a value is exactly these bytes. */
__attribute__((unused)) static bool vec_is(al_bytes want, const void *got, size_t len) {
  return want.len == len && memcmp(want.ptr, got, len) == 0;
}

#endif
