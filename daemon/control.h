/* control.h — HTTP and JSON on a Unix socket: what the CLI and a metrics collector speak to.
 *   GET /v1/status /v1/peers /v1/circuits /v1/id /v1/address    POST /v1/join {"address": "..."}
 *   POST /v1/dht: see dht.h
 *   GET /metrics */
#ifndef AL_DAEMON_CONTROL_H
#define AL_DAEMON_CONTROL_H

#include "daemon.h"

/* al_control_new — listen at a path, mode 0600.
 *   Result: NULL and err (AL_EXIT_LISTEN).   Cost: a socket.   Source: docs/OPERATIONS.md.
 *   Tested: e2e. */
al_control *al_control_new(al_daemon *d, const char *path, GError **err);

/* al_control_free — stop answering and remove the socket; NULL is allowed.
 *   Result: none.   Cost: none.   Source: none.   Tested: e2e. */
void al_control_free(al_control *c);

/* al_control_event — an event RECORD of the core, for who asked; NULL is allowed.
 *   Result: none.   Cost: O(questions).   Source: al_dht.h.   Tested: e2e/dht. */
void al_control_event(al_control *c, const al_event *ev);

#endif
