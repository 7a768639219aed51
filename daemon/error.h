/* error.h — what can go wrong for the person who runs the program. The code of an error is the exit
 * status of the program, so that a script can tell the cases apart. */
#ifndef AL_DAEMON_ERROR_H
#define AL_DAEMON_ERROR_H

#include <glib.h>

/* al_exit_status — the exit statuses of `allium`; documented in allium(1). */
typedef enum al_exit_status {
  AL_EXIT_OK = 0,
  AL_EXIT_FAILED = 1,    /* it was tried and did not work */
  AL_EXIT_USAGE = 2,     /* the command line is wrong */
  AL_EXIT_NO_DAEMON = 3, /* no running node answers on the control socket */
  AL_EXIT_CONFIG = 4,    /* the configuration is wrong */
  AL_EXIT_STATE = 5,     /* the state is in use, corrupt, unreadable or readable by others */
  AL_EXIT_LISTEN = 6,    /* an address cannot be listened on */
} al_exit_status;

#define AL_ERROR (al_error_quark())

/* al_error_quark — the domain of errors whose code is an al_exit_status.
 *   Result: a quark.   Cost: one hash lookup at the first call.   Source: none.
 *   Tested: unit/daemon_config. */
GQuark al_error_quark(void);

/* al_error_status — the exit status for an error.
 *   Result: its code when it is of AL_ERROR, else AL_EXIT_FAILED.   Cost: none.   Source: none.
 *   Tested: unit/daemon_config. */
int al_error_status(const GError *err);

#endif
