/* The log: levels, one line a message, and no address above debug. */
#include "daemon/log.h"

#include <fcntl.h>
#include <unistd.h>

#include "daemon/option.h"
#include "tap.h"

static char path[] = "/tmp/allium-log-XXXXXX";

/* What stderr got since the last call. */
static char *said(void) {
  char *text = NULL;
  fflush(stderr);
  g_file_get_contents(path, &text, NULL, NULL);
  g_assert(truncate(path, 0) == 0);
  lseek(STDERR_FILENO, 0, SEEK_SET);
  return text;
}

static void everything(void) {
  al_log_error("one");
  al_log_warning("two");
  al_log_info("three");
  al_log_debug("four");
}

int main(void) {
  static const char *const last[] = {"one", "two", "three", "four"};
  int fd = mkstemp(path);
  if (fd < 0 || dup2(fd, STDERR_FILENO) < 0) return 1;
  g_unsetenv("JOURNAL_STREAM");
  al_log_start(AL_LOG_INFO);
  for (uint32_t level = AL_LOG_ERROR; level <= AL_LOG_DEBUG; level++) {
    al_log_level(level);
    everything();
    g_autofree char *text = said();
    bool good = true;
    for (uint32_t i = 0; i < 4; i++) good = good && (strstr(text, last[i]) != NULL) == (i <= level);
    tap_ok(good, "level %u says what it should", level);
  }
  al_endpoint e;
  al_endpoint_parse("192.0.2.9", 77, &e);
  al_log_level(AL_LOG_INFO);
  tap_ok(!strstr(al_log_address(&e), "192") && !strstr(al_log_name("secret.example"), "secret"),
         "addresses and names are hidden");
  al_log_level(AL_LOG_DEBUG);
  tap_ok(g_str_equal(al_log_address(&e), "192.0.2.9:77"), "at debug they are shown");
  tap_ok(g_str_equal(al_log_name("a.example"), "a.example"), "names too");
  al_log_info("line\nfeed \x1b[31m");
  g_autofree char *text = said();
  bool one = strchr(text, '\n') == text + strlen(text) - 1 && !strchr(text, 0x1b);
  tap_ok(one, "one line: %s", g_strchomp(text));
  g_warning("from a library");
  g_autofree char *other = said();
  tap_ok(strstr(other, "warning") && strstr(other, "from a library"), "libraries go the same way");
  tap_ok(al_log_shows(AL_LOG_DEBUG), "debug is shown");
  close(fd);
  unlink(path);
  return tap_done();
}
