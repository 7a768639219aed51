/* log.c — the log. */
#include "log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "option.h"

static uint32_t shown = AL_LOG_INFO;
static bool journal;

static uint32_t level_of(GLogLevelFlags flags) {
  if (flags & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) return AL_LOG_ERROR;
  if (flags & G_LOG_LEVEL_WARNING) return AL_LOG_WARNING;
  if (flags & (G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO)) return AL_LOG_INFO;
  return AL_LOG_DEBUG;
}

static const char *field(const GLogField *fields, gsize n, const char *key) {
  for (gsize i = 0; i < n; i++)
    if (strcmp(fields[i].key, key) == 0) return fields[i].value;
  return "";
}

static GLogWriterOutput write_line(GLogLevelFlags flags, const GLogField *fields, gsize n,
                                   gpointer data) {
  static const char *const names[] = {"error", "warning", "info", "debug"};
  uint32_t level = level_of(flags);
  (void)data;
  if (level > shown) return G_LOG_WRITER_HANDLED;
  if (journal && g_log_writer_journald(flags, fields, n, NULL) == G_LOG_WRITER_HANDLED)
    return G_LOG_WRITER_HANDLED;
  g_autoptr(GDateTime) now = g_date_time_new_now_local();
  g_autofree char *time = g_date_time_format(now, "%H:%M:%S");
  fprintf(stderr, "%s.%03d %-7s %s\n", time, g_date_time_get_microsecond(now) / 1000, names[level],
          field(fields, n, "MESSAGE"));
  return G_LOG_WRITER_HANDLED;
}

void al_log_start(uint32_t level) {
  shown = level;
  journal = g_log_writer_is_journald(STDERR_FILENO);
  g_log_set_writer_func(write_line, NULL, NULL);
}

void al_log_level(uint32_t level) { shown = level; }

bool al_log_shows(uint32_t level) { return level <= shown; }

static void say(GLogLevelFlags flags, const char *format, va_list args) {
  g_autofree char *text = g_strdup_vprintf(format, args);
  for (char *p = text; *p; p++)
    if ((unsigned char)*p < ' ' || *p == 0x7f) *p = '?';
  g_log_structured("allium", flags, "MESSAGE", "%s", text);
}

#define SAY(level, flags)           \
  va_list args;                     \
  if (!al_log_shows(level)) return; \
  va_start(args, format);           \
  say(flags, format, args);         \
  va_end(args)

/* GLib ends the program for its own level ERROR, so an error of ours travels as CRITICAL. */
void al_log_error(const char *format, ...) { SAY(AL_LOG_ERROR, G_LOG_LEVEL_CRITICAL); }
void al_log_warning(const char *format, ...) { SAY(AL_LOG_WARNING, G_LOG_LEVEL_WARNING); }
void al_log_info(const char *format, ...) { SAY(AL_LOG_INFO, G_LOG_LEVEL_INFO); }
void al_log_debug(const char *format, ...) { SAY(AL_LOG_DEBUG, G_LOG_LEVEL_DEBUG); }

const char *al_log_address(const al_endpoint *e) {
  static char text[4][64];
  static unsigned next;
  if (!al_log_shows(AL_LOG_DEBUG)) return "(address)";
  g_autofree char *full = al_endpoint_text(e);
  char *slot = text[next++ % 4];
  g_strlcpy(slot, full, sizeof text[0]);
  return slot;
}

const char *al_log_name(const char *name) { return al_log_shows(AL_LOG_DEBUG) ? name : "(name)"; }
