/* parts.h — the parts of a running node, for daemon.c only. */
#ifndef AL_DAEMON_PARTS_H
#define AL_DAEMON_PARTS_H

#include "allium/al_inspect.h"
#include "daemon.h"

/* al_parts_start — everything up to the first input: state, transport, node, applications.
 *   Result: false and err; al_parts_stop is wanted all the same.   Cost: key generation.
 *   Source: docs/OPERATIONS.md.   Tested: e2e. */
bool al_parts_start(al_daemon *d, GError **err);

/* al_parts_stop — end and free what was started; a part that was not is passed over.
 *   Result: none.   Cost: writes what waits for the disk.   Source: none.   Tested: e2e. */
void al_parts_stop(al_daemon *d);

/* al_parts_configure — the core's configuration as the settings have it now, without the secrets
 * that it takes only once.
 *   Result: none; c borrows from d.   Cost: none.   Source: allium.h.   Tested: e2e. */
void al_parts_configure(const al_daemon *d, al_config *c);

#endif
