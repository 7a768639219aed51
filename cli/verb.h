/* verb.h — the verbs of `allium`: one line in verbs.def and one file each. */
#ifndef AL_CLI_VERB_H
#define AL_CLI_VERB_H

#include "args.h"

/* al_verb — one verb.
 *   words  what is wanted behind it, for its usage line; "" for nothing
 *   count  how many words that are; -1: none or one;
 *          -2: one or more
 *   run    prints to stdout; returns an al_exit_status after printing one line to stderr */
typedef struct al_verb {
  const char *name, *words, *summary;
  int count;
  unsigned take;
  int (*run)(const al_args *args);
} al_verb;

/* The functions of verbs.def: al_verb_node, al_verb_status, ... each Result: an al_exit_status. */
#define AL_VERB(name, words, count, take, summary) int al_verb_##name(const al_args *args);
#include "verbs.def"
#undef AL_VERB

/* al_verb_at — the index-th verb; al_verb_find — the verb of a name; NULL when there is none. */
const al_verb *al_verb_at(size_t index);
const al_verb *al_verb_find(const char *name);

/* al_verb_unknown — say that there is no such verb, and which may be meant.
 *   Result: AL_EXIT_USAGE.   Cost: prints.   Source: allium(1).   Tested: e2e/test_cli. */
int al_verb_unknown(const char *name);

/* al_verb_help, al_usage — the help of one verb and of all. */
void al_usage_verb(const al_verb *v);
void al_usage(void);

/* al_complain — print `allium: MESSAGE` to stderr.
 *   Result: the error's exit status.   Cost: prints.   Source: allium(1).
 *   Tested: e2e/test_cli. */
int al_complain(const GError *err);

#endif
