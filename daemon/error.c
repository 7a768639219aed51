/* error.c — the error domain of the program. */
#include "error.h"

GQuark al_error_quark(void) { return g_quark_from_static_string("allium"); }

int al_error_status(const GError *err) {
  return err->domain == AL_ERROR ? err->code : AL_EXIT_FAILED;
}
