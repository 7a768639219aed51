/* config.h — where settings come from: default < file < environment < command line. */
#ifndef AL_DAEMON_CONFIG_H
#define AL_DAEMON_CONFIG_H

#include "option.h"

/* al_given — an option given on the command line. */
typedef struct al_given {
  const al_option *option;
  char *value;
} al_given;

/* al_config_source — what to read.
 *   file      --config, or NULL: $ALLIUM_CONFIG, $XDG_CONFIG_HOME/allium/allium.conf (or
 *             ~/.config/...), /etc/allium/allium.conf; the first that exists
 *   optional  a file that was found and not asked for may be unreadable (clients do not need it)
 *   environ   NULL-ended NAME=VALUE list
 *   given     al_given values in the order of the command line, or NULL */
typedef struct al_config_source {
  const char *file;
  bool optional;
  char **environ;
  const GArray *given;
} al_config_source;

/* al_config_load — all settings from all places. Of the same option, the command line wins over the
 * environment, the environment over the file. Unknown groups and keys, keys given twice and values
 * that cannot be are errors that say where: FILE:LINE, --option or ALLIUM_OPTION.
 *   Result: settings for al_config_free, or NULL and err (AL_EXIT_CONFIG).
 *   Cost: reads one file.   Source: allium.conf(5).   Tested: unit/daemon_config. */
al_settings *al_config_load(const al_config_source *source, GError **err);

/* al_config_free — NULL is allowed.
 *   Result: none.   Cost: frees.   Source: none.   Tested: unit/daemon_config. */
void al_config_free(al_settings *s);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(al_settings, al_config_free)

#endif
