/* option.c — options: their table, their checks, their values. */
#include "option.h"

#include <string.h>

#include "address.h"
#include "error.h"
#include "listen.h"
#include "policy.h"

static const al_option options[] = {
#define AL_OPTION(field, name, group, kind, arg, def, limits, help) \
  {name, group, AL_OPTION_##kind, arg, def, limits, help, offsetof(al_settings, field)},
#include "options.def"
#undef AL_OPTION
};

const al_option *al_option_at(size_t index) {
  return index < G_N_ELEMENTS(options) ? &options[index] : NULL;
}

const al_option *al_option_find(const char *name) {
  for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
    if (strcmp(options[i].name, name) == 0) return &options[i];
  return NULL;
}

char *al_option_env(const al_option *o) {
  g_autofree char *upper = g_ascii_strup(o->name, -1);
  return g_strconcat("ALLIUM_", g_strdelimit(upper, "-", '_'), NULL);
}

unsigned al_suggest_distance(const char *a, const char *b) {
  enum { MAX = 64 };
  unsigned row[3][MAX + 1];
  size_t la = MIN(strlen(a), MAX), lb = MIN(strlen(b), MAX);
  for (size_t j = 0; j <= lb; j++) row[0][j] = (unsigned)j;
  for (size_t i = 1; i <= la; i++) {
    unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
    now[0] = (unsigned)i;
    for (size_t j = 1; j <= lb; j++) {
      unsigned change = last[j - 1] + (a[i - 1] != b[j - 1]);
      now[j] = MIN(change, MIN(last[j], now[j - 1]) + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = MIN(now[j], before[j - 2] + 1);
    }
  }
  return row[la % 3][lb];
}

const char *al_option_suggest(const char *name) {
  const char *best = NULL;
  unsigned least = (unsigned)strlen(name) / 3 + 1;
  for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
    unsigned d = al_suggest_distance(name, options[i].name);
    if (d < least) {
      least = d;
      best = options[i].name;
    }
  }
  return best;
}

/* ---- checks of text values, by the name in the column `limits` ---- */

static bool check_network(const char *v, GError **err) {
  size_t len = strlen(v);
  if (len >= 1 && len <= 64) return true;
  g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "a network name has 1 to 64 bytes");
  return false;
}

static bool check_join(const char *v, GError **err) {
  al_peer_address a;
  return al_peer_address_parse(v, &a, err);
}

static bool check_listen(const char *v, GError **err) {
  al_endpoint e;
  if (strcmp(v, "*") == 0 || al_endpoint_parse(v, 0, &e)) return true;
  g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "`%s` is neither `*` nor a numeric IP address", v);
  return false;
}

static bool check_announce(const char *v, GError **err) {
  char host[AL_ADDRESS_HOST_MAX + 1];
  uint16_t port;
  al_endpoint e;
  if (!al_hostport_parse(v, 0, host, &port, err)) return false;
  if (al_endpoint_parse(host, port, &e) && !al_endpoint_is_wildcard(&e)) return true;
  g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "`%s` is not a numeric IP address of this node", v);
  return false;
}

static bool check_socks(const char *v, GError **err) {
  al_listen_spec spec;
  return al_listen_parse(v, &spec, err);
}

static bool check_policy(const char *v, GError **err) {
  al_policy p;
  return al_policy_parse(v, &p, err);
}

static bool check_text(const char *limits, const char *value, GError **err) {
  static const struct {
    const char *name;
    bool (*check)(const char *value, GError **err);
  } checks[] = {
      {"network", check_network},   {"join", check_join},   {"listen", check_listen},
      {"announce", check_announce}, {"socks", check_socks}, {"policy", check_policy},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(checks); i++)
    if (strcmp(checks[i].name, limits) == 0) return checks[i].check(value, err);
  return true;
}

/* ---- values ---- */

static bool fail(GError **err, const char *value, const char *want) {
  g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "`%s` is not %s", value, want);
  return false;
}

static bool set_bool(bool *field, const char *v, GError **err) {
  static const char *const yes[] = {"yes", "true", "on", "1", NULL};
  static const char *const no[] = {"no", "false", "off", "0", NULL};
  if (g_strv_contains(yes, v))
    *field = true;
  else if (g_strv_contains(no, v))
    *field = false;
  else
    return fail(err, v, "yes or no");
  return true;
}

static bool set_uint(uint32_t *field, const al_option *o, const char *v, GError **err) {
  guint64 low = 0, high = 0, got;
  g_auto(GStrv) range = g_strsplit(o->limits, "..", 2);
  low = g_ascii_strtoull(range[0], NULL, 10);
  high = g_ascii_strtoull(range[1], NULL, 10);
  if (!g_ascii_string_to_unsigned(v, 10, low, high, &got, NULL)) {
    g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "`%s` is not a number from %s to %s", v, range[0],
                range[1]);
    return false;
  }
  *field = (uint32_t)got;
  return true;
}

static bool set_choice(uint32_t *field, const al_option *o, const char *v, GError **err) {
  g_auto(GStrv) choice = g_strsplit(o->limits, "|", -1);
  for (guint i = 0; choice[i]; i++) {
    if (strcmp(choice[i], v) != 0) continue;
    *field = i;
    return true;
  }
  g_autofree char *want = g_strjoinv(", ", choice);
  g_set_error(err, AL_ERROR, AL_EXIT_CONFIG, "`%s` is none of %s", v, want);
  return false;
}

static bool set_string(char **field, const al_option *o, const char *v, GError **err) {
  bool path = o->kind == AL_OPTION_PATH && *v != 0 && strcmp(v, "off") != 0;
  if (!check_text(o->limits, v, err)) return false;
  g_free(*field);
  *field = path ? g_canonicalize_filename(v, NULL) : g_strdup(v);
  return true;
}

static bool set_list(char ***field, const al_option *o, const char *const *values, GError **err) {
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
  for (; *values; values++) {
    g_autofree char *v = g_strstrip(g_strdup(*values));
    if (*v == 0) continue;
    if (!check_text(o->limits, v, err)) return false;
    g_ptr_array_add(list, g_steal_pointer(&v));
  }
  g_ptr_array_add(list, NULL);
  g_strfreev(*field);
  *field = (char **)g_ptr_array_steal(list, NULL);
  return true;
}

bool al_option_set(al_settings *s, const al_option *o, const char *const *values, GError **err) {
  void *field = (char *)s + o->offset;
  const char *v = values[0] ? values[0] : "";
  switch (o->kind) {
    case AL_OPTION_BOOL:
      return set_bool(field, v, err);
    case AL_OPTION_UINT:
      return set_uint(field, o, v, err);
    case AL_OPTION_CHOICE:
      return set_choice(field, o, v, err);
    case AL_OPTION_LIST:
      return set_list(field, o, values, err);
    case AL_OPTION_STRING:
    case AL_OPTION_PATH:
      return set_string(field, o, v, err);
  }
  return false;
}

char *al_option_text(const al_settings *s, const al_option *o) {
  const void *field = (const char *)s + o->offset;
  uint32_t number = 0;
  bool yes = false;
  char *text = NULL, **list = NULL;
  switch (o->kind) {
    case AL_OPTION_BOOL:
      memcpy(&yes, field, sizeof yes);
      return g_strdup(yes ? "yes" : "no");
    case AL_OPTION_UINT:
      memcpy(&number, field, sizeof number);
      return g_strdup_printf("%u", number);
    case AL_OPTION_CHOICE: {
      memcpy(&number, field, sizeof number);
      g_auto(GStrv) choice = g_strsplit(o->limits, "|", -1);
      return g_strdup(choice[number]);
    }
    case AL_OPTION_LIST:
      memcpy(&list, field, sizeof list);
      return g_strjoinv(";", list);
    case AL_OPTION_STRING:
    case AL_OPTION_PATH:
      memcpy(&text, field, sizeof text);
      return g_strdup(text);
  }
  return NULL;
}
