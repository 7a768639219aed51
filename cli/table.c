/* table.c — text in columns. */
#include "table.h"

#include <stdbool.h>
#include <string.h>

enum { SHORT = 8, GAP = 2 };

struct al_table {
  GPtrArray *cells; /* titles first */
  guint columns;
};

al_table *al_table_new(const char *const *head) {
  al_table *t = g_new0(al_table, 1);
  t->cells = g_ptr_array_new_with_free_func(g_free);
  for (; *head; head++, t->columns++) g_ptr_array_add(t->cells, g_strdup(*head));
  return t;
}

void al_table_add(al_table *t, char *text) { g_ptr_array_add(t->cells, text); }

static const char *cell(const al_table *t, guint i) {
  const char *text = g_ptr_array_index(t->cells, i);
  return i < t->columns && *text == '>' ? text + 1 : text;
}

static bool is_right(const al_table *t, guint column) {
  return *(const char *)g_ptr_array_index(t->cells, column) == '>';
}

char *al_table_text(al_table *t) {
  GString *s = g_string_new(NULL);
  glong *width = g_new0(glong, t->columns);
  for (guint i = 0; i < t->cells->len; i++)
    width[i % t->columns] = MAX(width[i % t->columns], g_utf8_strlen(cell(t, i), -1));
  for (guint i = 0; i < t->cells->len; i++) {
    guint column = i % t->columns;
    bool last = column + 1 == t->columns;
    const char *text = cell(t, i);
    int pad = (int)(width[column] - g_utf8_strlen(text, -1));
    if (is_right(t, column))
      g_string_append_printf(s, "%*s%s", pad, "", text);
    else if (last)
      g_string_append(s, text);
    else
      g_string_append_printf(s, "%s%*s", text, pad, "");
    g_string_append_printf(s, "%*s", last ? 0 : GAP, "");
    if (last) {
      while (s->len > 0 && s->str[s->len - 1] == ' ') g_string_truncate(s, s->len - 1);
      g_string_append_c(s, '\n');
    }
  }
  g_free(width);
  g_ptr_array_unref(t->cells);
  g_free(t);
  return g_string_free(s, FALSE);
}

char *al_table_duration(double seconds) {
  if (seconds < 1) return g_strdup_printf("%.0f ms", seconds * 1000);
  if (seconds < 60) return g_strdup_printf("%.1f s", seconds);
  guint64 s = (guint64)seconds, m = s / 60, h = m / 60, d = h / 24;
  if (h == 0) return g_strdup_printf("%um %02us", (unsigned)m, (unsigned)(s % 60));
  if (d == 0) return g_strdup_printf("%uh %02um", (unsigned)h, (unsigned)(m % 60));
  return g_strdup_printf("%ud %uh", (unsigned)d, (unsigned)(h % 24));
}

char *al_table_short(const char *id) { return g_strndup(id, SHORT); }
