/* assert_host.c — the assert hook of tests and of hosts without a log: say where, then end.
 * The core only declares it (src/base/assert.h), because it has no way to print. */
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

_Noreturn void al_assert_failed(const char *expr, const char *file, int line) {
  fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expr);
  fflush(NULL);
  abort();
}
