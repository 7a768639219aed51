/* verb_help.c — `allium help [VERB]`. */
#include "daemon/error.h"
#include "verb.h"

int al_verb_help(const al_args *args) {
  const char *name = args->words[0];
  const al_verb *v = name ? al_verb_find(name) : NULL;
  if (!name)
    al_usage();
  else if (v)
    al_usage_verb(v);
  else
    return al_verb_unknown(name);
  return AL_EXIT_OK;
}
