/* args.h — the command line behind a verb. */
#ifndef AL_CLI_ARGS_H
#define AL_CLI_ARGS_H

#include <glib.h>
#include <stdbool.h>

#include "daemon/config.h"

/* Which options a verb takes. */
enum {
  AL_ARGS_CLIENT = 1,  /* --json, --control, --state, --config */
  AL_ARGS_DHT = 4,     /* --direct, --mutable, --salt, --key */
  AL_ARGS_NODE = 2,    /* every option of options.def, --config, --check-config */
  AL_ARGS_SERVICE = 4, /* --name, --port, --clients */
  AL_ARGS_OWN = 256,   /* the verb reads its line itself: all of it is in words */
};

/* al_args — what stands on the line. */
typedef struct al_args {
  bool help, json, check_config;
  bool direct, is_mutable;
  const char *config, *salt, *key;   /* as given, or NULL */
  const char *name, *port, *clients; /* of AL_ARGS_SERVICE, or NULL */
  GArray *given;                     /* of al_given */
  char **words;                      /* what is no option, closed by NULL */
} al_args;

/* al_args_parse — options as `--name value`, `--name=value`, `--no-name` for a switch; `--` ends
 * them.
 *   take   AL_ARGS_ bits                                                                    [in]
 * Result: false and err (AL_EXIT_USAGE).   Cost: O(line).   Source: allium(1).
 * Tested: e2e/test_cli. */
bool al_args_parse(al_args *ret, unsigned take, char **argv, GError **err);

/* al_args_clear — free what it holds.
 *   Result: none.   Cost: frees.   Source: none.   Tested: e2e/test_cli. */
void al_args_clear(al_args *a);

/* al_args_settings — the settings that follow from the line, the environment and the file.
 *   Result: NULL and err (AL_EXIT_CONFIG).   Cost: reads one file.   Source: allium.conf(5).
 *   Tested: e2e/test_cli. */
al_settings *al_args_settings(const al_args *a, al_config_source *source, GError **err);

/* al_args_print_options — the options that a verb takes, for its help.
 *   Result: none.   Cost: prints.   Source: options.def.   Tested: e2e/test_cli. */
void al_args_print_options(unsigned take);

#endif
