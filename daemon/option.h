/* option.h — the table of options (options.def) and the settings they fill. */
#ifndef AL_DAEMON_OPTION_H
#define AL_DAEMON_OPTION_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum al_option_kind {
  AL_OPTION_STRING, /* char * */
  AL_OPTION_PATH,   /* char *, made absolute */
  AL_OPTION_BOOL,   /* bool */
  AL_OPTION_UINT,   /* uint32_t */
  AL_OPTION_CHOICE, /* uint32_t, index into the choices */
  AL_OPTION_LIST,   /* char **, closed by NULL */
} al_option_kind;

/* al_option — one line of options.def. */
typedef struct al_option {
  const char *name, *group;
  al_option_kind kind;
  const char *argument, *fallback, *limits, *help;
  size_t offset; /* of the field in al_settings */
} al_option;

#define AL_FIELD_STRING char *
#define AL_FIELD_PATH char *
#define AL_FIELD_BOOL bool
#define AL_FIELD_UINT uint32_t
#define AL_FIELD_CHOICE uint32_t
#define AL_FIELD_LIST char **

/* al_settings — the value of every option, and the file they came from (NULL: none was found). */
typedef struct al_settings {
  char *file;
#define AL_OPTION(field, name, group, kind, arg, def, limits, help) AL_FIELD_##kind field;
#include "options.def"
#undef AL_OPTION
} al_settings;

/* The choices of two options, in the order of their lines. */
enum { AL_LOG_ERROR, AL_LOG_WARNING, AL_LOG_INFO, AL_LOG_DEBUG };

/* al_option_at — the index-th option.
 *   Result: NULL past the end.   Cost: none.   Source: options.def.   Tested: unit/daemon_config.
 */
const al_option *al_option_at(size_t index);

/* al_option_find — the option of a name.
 *   Result: NULL when there is none.   Cost: O(options).   Source: options.def.
 *   Tested: unit/daemon_config. */
const al_option *al_option_find(const char *name);

/* al_option_env — the environment variable of an option, to be freed with g_free.
 *   Result: "ALLIUM_LOG_LEVEL" for log-level.   Cost: one allocation.   Source: options.def.
 *   Tested: unit/daemon_config. */
char *al_option_env(const al_option *o);

/* al_option_set — check a value and store it; what stood there before is freed.
 *   values  one text; for LIST any number                                                [in]
 *   err     what is wrong with the value, without saying where it came from              [out]
 * Result: false and err (AL_EXIT_CONFIG), s unchanged.   Cost: O(text).   Source: options.def.
 * Tested: unit/daemon_config. */
bool al_option_set(al_settings *s, const al_option *o, const char *const *values, GError **err);

/* al_option_text — the value of an option as it would stand in the file, to be freed with g_free.
 *   Result: never NULL.   Cost: one allocation.   Source: options.def.
 *   Tested: unit/daemon_config. */
char *al_option_text(const al_settings *s, const al_option *o);

/* al_option_suggest — the name most like a mistyped one.
 *   Result: NULL when none is near (more than a third of it differs).   Cost: O(options).
 *   Source: none.   Tested: unit/daemon_config. */
const char *al_option_suggest(const char *name);

/* al_suggest_distance — how many letters must be added, taken, changed or swapped.
 *   Result: the distance; at most 64 letters are looked at.   Cost: O(length^2).
 *   Source: Damerau-Levenshtein.   Tested: unit/daemon_config. */
unsigned al_suggest_distance(const char *a, const char *b);

#endif
