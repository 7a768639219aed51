/* assert.c — the core has found a bug in itself: say where, and end. */
#include <stdlib.h>

#include "log.h"

/* Declared in src/base/assert.h, which hosts do not include. */
_Noreturn void al_assert_failed(const char *expr, const char *file, int line);

_Noreturn void al_assert_failed(const char *expr, const char *file, int line) {
  al_log_error("this is a bug in allium, please report it: %s:%d: %s", file, line, expr);
  abort();
}
