/* scenario.c — see scenario.h. A small reader of `[section]` and `key = value` lines, because the
 * same scenario must run where there is no other library, and because errors tell their line. */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chance.h"

enum {
#define SIM_OPTION(section, key, kind, def, limits, help) OPTION_##section##_##key,
#include "options.def"
#undef SIM_OPTION
  OPTIONS
};

static const sim_option options[OPTIONS] = {
#define SIM_OPTION(section, key, kind, def, limits, help) \
  {#section, #key, def, limits, help, SIM_##kind},
#include "options.def"
#undef SIM_OPTION
};

typedef struct range {
  uint64_t low, high;
  unsigned line; /* where it was given; 0: not */
} range;

struct sim_plan {
  range value[OPTIONS];
};

const sim_option *sim_option_at(size_t index) { return index < OPTIONS ? &options[index] : NULL; }

/* ---- values ---- */

typedef struct unit {
  const char *name;
  uint64_t times;
} unit;

static const unit times[] = {{"us", 1},       {"ms", 1000},       {"s", 1000000},
                             {"m", 60000000}, {"h", 3600000000u}, {NULL, 0}};
static const unit counts[] = {{"", 1}, {"k", 1000}, {"M", 1000000}, {NULL, 0}};
static const unit shares[] = {{"%", 10000}, {NULL, 0}};

/* A number with up to four decimals and a unit, at the start of a text; its end, or NULL. */
static const char *number(const char *s, const unit *units, uint64_t *ret) {
  uint64_t whole = 0, scale = 1;
  const char *p = s;
  for (; *p >= '0' && *p <= '9'; p++) {
    if (whole > UINT64_MAX / 100000u) return NULL;
    whole = whole * 10 + (uint64_t)(*p - '0');
  }
  if (p == s) return NULL;
  if (*p == '.' && p[1] >= '0' && p[1] <= '9') {
    for (p++; *p >= '0' && *p <= '9'; p++) {
      if (scale == 10000) return NULL;
      whole = whole * 10 + (uint64_t)(*p - '0');
      scale *= 10;
    }
  }
  size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyzM%");
  for (; units->name != NULL; units++) {
    if (strlen(units->name) != len || strncmp(units->name, p, len) != 0) continue;
    if (whole > UINT64_MAX / units->times || whole * units->times % scale != 0) return NULL;
    *ret = whole * units->times / scale;
    return p + len;
  }
  return NULL;
}

/* The index of a word among those divided by |. */
static const char *word(const char *s, const char *words, uint64_t *ret) {
  size_t len = strcspn(s, ".");
  for (uint64_t i = 0; *words != '\0'; i++) {
    size_t n = strcspn(words, "|");
    if (n == len && strncmp(s, words, n) == 0) {
      *ret = i;
      return s + len;
    }
    words += n + (words[n] == '|');
  }
  return NULL;
}

static const char *scalar(const sim_option *o, const char *s, uint64_t *ret) {
  switch (o->kind) {
    case SIM_COUNT:
      return number(s, counts, ret);
    case SIM_TIME:
      return number(s, times, ret);
    case SIM_SHARE:
      return number(s, shares, ret);
    case SIM_BOOL:
      return word(s, "no|yes", ret);
    case SIM_CHOICE:
      return word(s, o->limits, ret);
  }
  return NULL;
}

/* `a` or `a..b`. */
static bool span(const sim_option *o, const char *s, range *ret) {
  const char *p = scalar(o, s, &ret->low);
  if (p == NULL) return false;
  ret->high = ret->low;
  if (strncmp(p, "..", 2) == 0) p = scalar(o, p + 2, &ret->high);
  return p != NULL && *p == '\0' && ret->low <= ret->high;
}

static bool parse(const sim_option *o, const char *s, range *ret) {
  range all = {0};
  if (!span(o, s, ret)) return false;
  if (o->kind == SIM_BOOL || o->kind == SIM_CHOICE) return true;
  return span(o, o->limits, &all) && ret->low >= all.low && ret->high <= all.high;
}

void sim_value_text(const sim_option *o, uint64_t value, char ret[32]) {
  const unit *u = o->kind == SIM_TIME ? times : o->kind == SIM_SHARE ? shares : counts;
  if (o->kind == SIM_BOOL) {
    snprintf(ret, 32, "%s", value != 0 ? "yes" : "no");
  } else if (o->kind == SIM_CHOICE) {
    const char *w = o->limits;
    for (; value > 0; value--) w += strcspn(w, "|") + 1;
    snprintf(ret, 32, "%.*s", (int)strcspn(w, "|"), w);
  } else if (o->kind == SIM_SHARE) {
    snprintf(ret, 32, "%u.%02u%%", (unsigned)(value / 10000), (unsigned)(value % 10000 / 100));
  } else {
    while (u[1].name != NULL && value != 0 && value % u[1].times == 0) u++;
    snprintf(ret, 32, "%llu%s", (unsigned long long)(value / u->times), u->name);
  }
}

/* ---- plans ---- */

sim_plan *sim_plan_new(void) {
  sim_plan *p = calloc(1, sizeof *p);
  if (p == NULL) abort();
  for (size_t i = 0; i < OPTIONS; i++) {
    if (!parse(&options[i], options[i].def, &p->value[i])) {
      fprintf(stderr, "sim: the default of %s.%s\n", options[i].section, options[i].key);
      abort();
    }
  }
  return p;
}

void sim_plan_free(sim_plan *p) { free(p); }

static char *trim(char *s) {
  s += strspn(s, " \t");
  size_t len = strlen(s);
  while (len > 0 && strchr(" \t\r", s[len - 1]) != NULL) s[--len] = '\0';
  return s;
}

/* One key; false, and what is wrong in `error`. */
static bool assign(sim_plan *p, const char *section, const char *key, const char *value,
                   char error[200]) {
  size_t i = 0;
  while (i < OPTIONS &&
         (strcmp(options[i].section, section) != 0 || strcmp(options[i].key, key) != 0)) {
    i++;
  }
  if (i == OPTIONS) {
    snprintf(error, 200, "unknown key `%.40s` in [%.40s]", key, section);
    return false;
  }
  if (!parse(&options[i], value, &p->value[i])) {
    snprintf(error, 200, "`%.40s` cannot be `%.40s`; wanted: %s", key, value,
             options[i].kind == SIM_BOOL ? "no|yes" : options[i].limits);
    return false;
  }
  return true;
}

typedef struct reader {
  sim_plan *plan;
  char section[64];
  unsigned line;
  unsigned given[OPTIONS]; /* line */
} reader;

static bool known_section(const char *name) {
  for (size_t i = 0; i < OPTIONS; i++) {
    if (strcmp(options[i].section, name) == 0) return true;
  }
  return false;
}

static bool once(reader *r, const char *key, char error[200]) {
  for (size_t i = 0; i < OPTIONS; i++) {
    if (strcmp(options[i].section, r->section) != 0 || strcmp(options[i].key, key) != 0) continue;
    if (r->given[i] != 0) {
      snprintf(error, 200, "`%.40s` was given before, in line %u", key, r->given[i]);
      return false;
    }
    r->given[i] = r->line;
  }
  return true;
}

static bool read_line(reader *r, char *s, char error[200]) {
  s = trim(s);
  if (*s == '\0' || *s == '#' || *s == ';') return true;
  size_t len = strlen(s);
  if (*s == '[') {
    if (s[len - 1] != ']' || len >= sizeof r->section) {
      snprintf(error, 200, "a section is written [name]");
      return false;
    }
    s[len - 1] = '\0';
    snprintf(r->section, sizeof r->section, "%s", s + 1);
    if (known_section(r->section)) return true;
    snprintf(error, 200, "unknown section [%.40s]", r->section);
    return false;
  }
  char *equals = strchr(s, '=');
  if (equals == NULL) {
    snprintf(error, 200, "neither [section] nor key = value");
    return false;
  }
  *equals = '\0';
  char *key = trim(s), *value = trim(equals + 1);
  return once(r, key, error) && assign(r->plan, r->section, key, value, error);
}

bool sim_plan_read(sim_plan *p, const char *name, const char *text, char error[256]) {
  reader r = {.plan = p};
  char line[512], what[200];
  while (*text != '\0') {
    size_t len = strcspn(text, "\n");
    r.line++;
    snprintf(line, sizeof line, "%.*s", (int)(len < 511 ? len : 511), text);
    if (!read_line(&r, line, what)) {
      snprintf(error, 256, "%.40s:%u: %s", name, r.line, what);
      return false;
    }
    text += len + (text[len] == '\n');
  }
  return true;
}

bool sim_plan_set(sim_plan *p, const char *assignment, char error[256]) {
  char copy[256], what[200];
  snprintf(copy, sizeof copy, "%s", assignment);
  char *dot = strchr(copy, '.'), *equals = strchr(copy, '=');
  if (dot == NULL || equals == NULL || dot > equals) {
    snprintf(error, 256, "`%.60s` is not section.key=value", assignment);
    return false;
  }
  *dot = *equals = '\0';
  if (assign(p, trim(copy), trim(dot + 1), trim(equals + 1), what)) return true;
  snprintf(error, 256, "%s", what);
  return false;
}

void sim_plan_draw(const sim_plan *p, uint64_t seed, sim_scenario *ret) {
  uint64_t *all[OPTIONS] = {
#define SIM_OPTION(section, key, kind, def, limits, help) &ret->section##_##key,
#include "options.def"
#undef SIM_OPTION
  };
  for (size_t i = 0; i < OPTIONS; i++) {
    uint64_t width = p->value[i].high - p->value[i].low + 1;
    uint64_t v = p->value[i].low + (width > 1 ? sim_of(seed, 1000 + i, 0) % width : 0);
    uint64_t round = options[i].kind == SIM_TIME ? 1000 : options[i].kind == SIM_SHARE ? 100 : 1;
    *all[i] = width > round && v - v % round >= p->value[i].low ? v - v % round : v;
  }
}

uint64_t sim_scenario_value(const sim_scenario *s, size_t index) {
  const uint64_t all[OPTIONS] = {
#define SIM_OPTION(section, key, kind, def, limits, help) s->section##_##key,
#include "options.def"
#undef SIM_OPTION
  };
  return all[index];
}
