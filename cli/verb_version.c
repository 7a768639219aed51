/* verb_version.c — `allium version`. */
#include <stdio.h>

#include "daemon/error.h"
#include "verb.h"

int al_verb_version(const al_args *args) {
  (void)args;
  puts("allium " AL_VERSION);
  return AL_EXIT_OK;
}
