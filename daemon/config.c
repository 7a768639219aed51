/* config.c — read the configuration. GKeyFile understands the values; the lines are counted here,
 * because a person needs to know where. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "error.h"

typedef struct entry {
  const al_option *option;
  unsigned line;
} entry;

static bool fail_at(GError **err, const char *file, unsigned line, const char *what) {
  g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "%s:%u: %s", file, line, what);
  return false;
}

void al_config_free(al_settings *s) {
  if (!s) return;
  for (size_t i = 0; al_option_at(i); i++) {
    const al_option *o = al_option_at(i);
    void *field = (char *)s + o->offset;
    if (o->kind == AL_OPTION_LIST)
      g_strfreev(*(char ***)field);
    else if (o->kind == AL_OPTION_STRING || o->kind == AL_OPTION_PATH)
      g_free(*(char **)field);
  }
  g_free(s->file);
  g_free(s);
}

/* ---- the file ---- */

static bool known_group(const char *group) {
  for (size_t i = 0; al_option_at(i); i++)
    if (strcmp(al_option_at(i)->group, group) == 0) return true;
  return false;
}

/* Why a key may not stand where it stands, or NULL. */
static char *key_problem(const char *key, const char *group) {
  const al_option *o = al_option_find(key);
  const char *near = al_option_suggest(key);
  if (!group) return g_strdup_printf("`%s` stands before the first [group]", key);
  if (!o && near) return g_strdup_printf("unknown key `%s`; did you mean `%s`?", key, near);
  if (!o) return g_strdup_printf("unknown key `%s`", key);
  if (strcmp(o->group, group) != 0)
    return g_strdup_printf("`%s` belongs in [%s], not in [%s]", key, o->group, group);
  return NULL;
}

typedef struct scan {
  const char *file;
  unsigned line;
  char *group;
  GArray *entries;
} scan;

static bool scan_group(scan *s, const char *text, GError **err) {
  size_t len = strlen(text);
  g_free(s->group);
  s->group = NULL;
  if (text[len - 1] != ']') return fail_at(err, s->file, s->line, "the group's `]` is missing");
  s->group = g_strndup(text + 1, len - 2);
  if (known_group(s->group)) return true;
  g_autofree char *what = g_strdup_printf("unknown group [%s]", s->group);
  return fail_at(err, s->file, s->line, what);
}

static bool scan_key(scan *s, const char *text, GError **err) {
  const char *eq = strchr(text, '=');
  if (!eq) return fail_at(err, s->file, s->line, "want `key = value`, `[group]` or `# comment`");
  g_autofree char *key = g_strchomp(g_strndup(text, (gsize)(eq - text)));
  g_autofree char *what = key_problem(key, s->group);
  if (what) return fail_at(err, s->file, s->line, what);
  entry e = {al_option_find(key), s->line};
  for (guint i = 0; i < s->entries->len; i++) {
    const entry *old = &g_array_index(s->entries, entry, i);
    if (old->option != e.option) continue;
    what = g_strdup_printf("`%s` was given in line %u already", key, old->line);
    return fail_at(err, s->file, s->line, what);
  }
  g_array_append_val(s->entries, e);
  return true;
}

/* Which keys stand in which lines; anything foreign is an error. */
static bool scan_lines(scan *s, const char *text, GError **err) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  bool good = true;
  for (guint i = 0; good && lines[i]; i++) {
    char *line = g_strstrip(lines[i]);
    s->line = i + 1;
    if (*line == 0 || *line == '#') continue;
    good = *line == '[' ? scan_group(s, line, err) : scan_key(s, line, err);
  }
  g_free(s->group);
  s->group = NULL;
  return good;
}

static bool set_from_file(al_settings *s, GKeyFile *keys, const entry *e, GError **err) {
  const al_option *o = e->option;
  if (o->kind == AL_OPTION_LIST) {
    g_auto(GStrv) list = g_key_file_get_string_list(keys, o->group, o->name, NULL, err);
    return list && al_option_set(s, o, (const char *const *)list, err);
  }
  g_autofree char *text = g_key_file_get_string(keys, o->group, o->name, err);
  const char *one[2] = {text ? g_strchomp(text) : NULL, NULL};
  return text && al_option_set(s, o, one, err);
}

static bool apply_text(al_settings *s, const char *file, const char *text, GError **err) {
  g_autoptr(GKeyFile) keys = g_key_file_new();
  g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(entry));
  scan sc = {.file = file, .entries = entries};
  GError *inner = NULL;
  if (!scan_lines(&sc, text, err)) return false;
  if (!g_key_file_load_from_data(keys, text, strlen(text), G_KEY_FILE_NONE, &inner)) {
    g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "%s: %s", file, inner->message);
    g_error_free(inner);
    return false;
  }
  for (guint i = 0; i < entries->len; i++) {
    const entry *e = &g_array_index(entries, entry, i);
    if (set_from_file(s, keys, e, &inner)) continue;
    g_autofree char *what = g_strdup_printf("%s: %s", e->option->name, inner->message);
    g_error_free(inner);
    return fail_at(err, file, e->line, what);
  }
  return true;
}

static bool apply_file(al_settings *s, const char *file, bool optional, GError **err) {
  g_autofree char *text = NULL;
  gsize len = 0;
  GError *inner = NULL;
  if (!g_file_get_contents(file, &text, &len, &inner)) {
    bool skip = optional && inner->domain == G_FILE_ERROR && inner->code == G_FILE_ERROR_ACCES;
    if (!skip) g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "%s", inner->message);
    g_error_free(inner);
    return skip;
  }
  const char *bad = NULL;
  if (!g_utf8_validate_len(text, len, &bad)) {
    unsigned line = 1;
    for (const char *p = text; p < bad; p++) line += *p == '\n';
    return fail_at(err, file, line, "not a text file (a byte that is no UTF-8)");
  }
  s->file = g_strdup(file);
  return apply_text(s, file, text, err);
}

/* ---- the other places ---- */

static bool apply_default(al_settings *s, const al_option *o, GError **err) {
  const char *value[2] = {o->fallback, NULL};
  return al_option_set(s, o, value, err);
}

static bool apply_environment(al_settings *s, const al_option *o, char **env, GError **err) {
  g_autofree char *name = al_option_env(o);
  const char *value = g_environ_getenv(env, name);
  GError *inner = NULL;
  if (!value) return true;
  const char *one[2] = {value, NULL};
  g_auto(GStrv) list = o->kind == AL_OPTION_LIST ? g_strsplit_set(value, " ;", -1) : NULL;
  if (al_option_set(s, o, list ? (const char *const *)list : one, &inner)) return true;
  g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "%s: %s", name, inner->message);
  g_error_free(inner);
  return false;
}

/* All values given for one option; for other kinds than lists the last one counts. */
static bool apply_given(al_settings *s, const al_option *o, const GArray *given, GError **err) {
  g_autoptr(GPtrArray) values = g_ptr_array_new();
  GError *inner = NULL;
  for (guint i = 0; given && i < given->len; i++) {
    const al_given *g = &g_array_index(given, al_given, i);
    if (g->option != o) continue;
    if (o->kind != AL_OPTION_LIST) g_ptr_array_set_size(values, 0);
    g_ptr_array_add(values, g->value);
  }
  if (values->len == 0) return true;
  g_ptr_array_add(values, NULL);
  if (al_option_set(s, o, (const char *const *)values->pdata, &inner)) return true;
  g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "--%s: %s", o->name, inner->message);
  g_error_free(inner);
  return false;
}

static char *find_file(char **env) {
  const char *named = g_environ_getenv(env, "ALLIUM_CONFIG");
  const char *xdg = g_environ_getenv(env, "XDG_CONFIG_HOME");
  const char *home = g_environ_getenv(env, "HOME");
  if (named && *named) return g_strdup(named);
  g_autofree char *own = xdg && *xdg ? g_build_filename(xdg, "allium", "allium.conf", NULL)
                         : home && *home
                             ? g_build_filename(home, ".config", "allium", "allium.conf", NULL)
                             : NULL;
  if (own && g_file_test(own, G_FILE_TEST_EXISTS)) return g_steal_pointer(&own);
  const char *system = "/etc/allium/allium.conf";
  return g_file_test(system, G_FILE_TEST_EXISTS) ? g_strdup(system) : NULL;
}

/* Paths that follow from others when nothing was said. */
static bool derive_paths(al_settings *s, char **env, GError **err) {
  const char *service = g_environ_getenv(env, "STATE_DIRECTORY");
  const char *xdg = g_environ_getenv(env, "XDG_STATE_HOME");
  const char *home = g_environ_getenv(env, "HOME");
  const char *run = g_environ_getenv(env, "RUNTIME_DIRECTORY");
  if (!s->state || *s->state == 0) {
    char *dir = service && *service ? g_strdup(service)
                : xdg && *xdg       ? g_build_filename(xdg, "allium", NULL)
                : home && *home     ? g_build_filename(home, ".local", "state", "allium", NULL)
                                    : NULL;
    if (!dir) {
      g_set_error(err, AL_ERROR, AL_EXIT_CONFIG,
                  "no place for the state: give --state or set $HOME");
      return false;
    }
    g_free(s->state);
    s->state = dir;
  }
  if (!s->control || *s->control == 0) {
    g_free(s->control);
    s->control = g_build_filename(run && *run ? run : s->state, "control.sock", NULL);
  }
  return true;
}

static bool check_together(const al_settings *s, GError **err) {
  guint n = g_strv_length(s->announce);
  if (n <= 4) return true;
  g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "announce: %u addresses are more than 4", n);
  return false;
}

static bool load(al_settings *s, const al_config_source *source, GError **err) {
  g_autofree char *file = source->file ? g_strdup(source->file) : find_file(source->environ);
  bool optional = source->optional && !source->file;
  for (size_t i = 0; al_option_at(i); i++)
    if (!apply_default(s, al_option_at(i), err)) return false;
  if (file && !apply_file(s, file, optional, err)) return false;
  for (size_t i = 0; al_option_at(i); i++) {
    if (!apply_environment(s, al_option_at(i), source->environ, err)) return false;
    if (!apply_given(s, al_option_at(i), source->given, err)) return false;
  }
  return derive_paths(s, source->environ, err) && check_together(s, err);
}

al_settings *al_config_load(const al_config_source *source, GError **err) {
  al_settings *s = g_new0(al_settings, 1);
  if (load(s, source, err)) return s;
  al_config_free(s);
  return NULL;
}
