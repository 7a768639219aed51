/* clock.h — the one clock of a node, CLOCK_BOOTTIME in microseconds: it does not stop while the
 * machine sleeps and does not jump when somebody sets the date. And the one timer on it. */
#ifndef AL_DAEMON_CLOCK_H
#define AL_DAEMON_CLOCK_H

#include "allium/al_types.h"
#include "poll.h"

typedef struct al_clock al_clock;

/* al_clock_now — microseconds since the machine started.
 *   Result: never goes back.   Cost: no system call on Linux.   Source: clock_gettime(2).
 *   Tested: unit/daemon_poll. */
al_time al_clock_now(void);

/* al_clock_new — a timer that calls fn.
 *   Result: never NULL.   Cost: one descriptor.   Source: timerfd_create(2).
 *   Tested: unit/daemon_poll. */
al_clock *al_clock_new(al_poll *poll, void (*fn)(void *data), void *data);

/* al_clock_set — call once at `when`, instead of what was set before, never earlier.
 * AL_TIME_NEVER: not at all.
 *   Result: none.   Cost: a system call when the timer would ring too late.   Source: none.
 *   Tested: unit/daemon_poll. */
void al_clock_set(al_clock *c, al_time when);

/* al_clock_free — NULL is allowed.
 *   Result: none.   Cost: none.   Source: none.   Tested: unit/daemon_poll. */
void al_clock_free(al_clock *c);

#endif
