/* tap.h — the whole test framework: Test Anything Protocol on stdout, for Meson. */
#ifndef TAP_H
#define TAP_H
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

#define tap_ok(cond, ...) tap_ok_at((cond) ? true : false, __FILE__, __LINE__, __VA_ARGS__)
#define tap_is_u64(got, want, ...) \
  tap_is_u64_at((uint64_t)(got), (uint64_t)(want), __FILE__, __LINE__, __VA_ARGS__)
#define tap_is_mem(got, want, len, ...) \
  tap_is_mem_at((got), (want), (len), __FILE__, __LINE__, __VA_ARGS__)

/* One test point. Says where it failed; returns the condition so that a test can stop early. */
__attribute__((unused, format(printf, 4, 5))) static bool tap_ok_at(bool good, const char *file,
                                                                    int line, const char *fmt,
                                                                    ...) {
  __builtin_va_list ap;
  __builtin_va_start(ap, fmt);
  printf("%sok %d - ", good ? "" : "not ", ++tap_count);
  vprintf(fmt, ap);
  printf("\n");
  __builtin_va_end(ap);
  if (!good) {
    tap_failed++;
    printf("# failed at %s:%d\n", file, line);
  }
  fflush(stdout);
  return good;
}

#define tap_is_u64_at(got, want, file, line, ...)         \
  (tap_ok_at((got) == (want), file, line, __VA_ARGS__) || \
   (printf("# got %" PRIu64 ", want %" PRIu64 "\n", (uint64_t)(got), (uint64_t)(want)), false))

#define tap_is_mem_at(got, want, len, file, line, ...)                      \
  (tap_ok_at(memcmp((got), (want), (len)) == 0, file, line, __VA_ARGS__) || \
   (tap_hex("got ", (got), (len)), tap_hex("want", (want), (len)), false))

__attribute__((unused)) static void tap_hex(const char *name, const void *data, size_t len) {
  const uint8_t *p = data;
  printf("# %s ", name);
  for (size_t i = 0; i < len && i < 64; i++) printf("%02x", p[i]);
  printf("%s\n", len > 64 ? "..." : "");
}

/* The plan and the exit code. */
__attribute__((unused)) static int tap_done(void) {
  printf("1..%d\n", tap_count);
  return tap_failed ? 1 : 0;
}
#endif
