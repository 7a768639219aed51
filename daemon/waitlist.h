/* waitlist.h — many time limits of one length behind one timer: the oldest always ends first. */
#ifndef AL_DAEMON_WAITLIST_H
#define AL_DAEMON_WAITLIST_H

#include <glib.h>

typedef struct al_waitlist al_waitlist;

/* al_wait — one time limit; lies in the object that it limits. */
typedef struct al_wait {
  GList link;
  al_waitlist *list; /* NULL: not running */
  gint64 end_us;
} al_wait;

/* al_waitlist_new — a list for limits of one length.
 *   expired  called with the owner when its limit is over; it is not running any more then  [in]
 * Result: never NULL.   Cost: one allocation.   Source: none.   Tested: unit/daemon_poll. */
al_waitlist *al_waitlist_new(guint ms, void (*expired)(void *owner));

/* al_waitlist_free — nothing expires any more; NULL is allowed.
 *   Result: none.   Cost: O(running).   Source: none.   Tested: unit/daemon_poll. */
void al_waitlist_free(al_waitlist *l);

/* al_wait_start — (re)start a limit.
 *   Result: none.   Cost: O(1).   Source: none.   Tested: unit/daemon_poll. */
void al_wait_start(al_wait *w, al_waitlist *l, void *owner);

/* al_wait_stop — stop it; harmless when it does not run.
 *   Result: none.   Cost: O(1).   Source: none.   Tested: unit/daemon_poll. */
void al_wait_stop(al_wait *w);

#endif
