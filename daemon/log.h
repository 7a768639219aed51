/* log.h — what the program says while it runs: to the journal when it runs under one, else to
 * stderr with the time. No network address is written above the level debug. */
#ifndef AL_DAEMON_LOG_H
#define AL_DAEMON_LOG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "address.h"

/* al_log_start — take over GLib's log.
 *   level  AL_LOG_ERROR .. AL_LOG_DEBUG (option.h); more talkative messages are dropped     [in]
 * Result: none.   Cost: none.   Source: none.   Tested: unit/daemon_log. */
void al_log_start(uint32_t level);

/* al_log_level — change the level of a log that was started.
 *   Result: none.   Cost: none.   Source: none.   Tested: unit/daemon_log. */
void al_log_level(uint32_t level);

/* al_log_shows — would a message of this level be written? For messages that are dear to make.
 *   Result: yes or no.   Cost: none.   Source: none.   Tested: unit/daemon_log. */
bool al_log_shows(uint32_t level);

/* al_log_error, al_log_warning, al_log_info, al_log_debug — one line each; control characters that
 * came from outside are written as `?`. */
void al_log_error(const char *format, ...) G_GNUC_PRINTF(1, 2);
void al_log_warning(const char *format, ...) G_GNUC_PRINTF(1, 2);
void al_log_info(const char *format, ...) G_GNUC_PRINTF(1, 2);
void al_log_debug(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* al_log_address — an address as it may be logged now: itself at level debug, else `(address)`.
 *   Result: a text that is overwritten by the fourth call from now.   Cost: one formatting.
 *   Source: docs/OPERATIONS.md.   Tested: unit/daemon_log. */
const char *al_log_address(const al_endpoint *e);

/* al_log_name — the same for a host name.
 *   Result: the name or `(name)`.   Cost: none.   Source: docs/OPERATIONS.md.
 *   Tested: unit/daemon_log. */
const char *al_log_name(const char *name);

#endif
