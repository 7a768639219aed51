/* listen.h — listening sockets for applications: IP:PORT, unix:PATH or off. */
#ifndef AL_DAEMON_LISTEN_H
#define AL_DAEMON_LISTEN_H

#include <glib.h>
#include <stdbool.h>

#include "address.h"

typedef enum al_listen_kind { AL_LISTEN_OFF, AL_LISTEN_IP, AL_LISTEN_UNIX } al_listen_kind;

enum { AL_LISTEN_PATH_MAX = 107 };

typedef struct al_listen_spec {
  al_listen_kind kind;
  al_endpoint endpoint;
  char path[AL_LISTEN_PATH_MAX + 1];
} al_listen_spec;

/* al_listen_parse — text to a place to listen at. A bare port number means 127.0.0.1:PORT; `0` and
 * `off` mean nowhere.
 *   Result: false and err (AL_EXIT_CONFIG).   Cost: O(text).   Source: none.
 *   Tested: unit/daemon_config. */
bool al_listen_parse(const char *text, al_listen_spec *ret, GError **err);

/* al_listen_open — a listening, non-blocking socket. A Unix socket gets mode 0600; one that is left
 * over at its path is replaced only when nobody listens there any more.
 *   Result: a file descriptor, or -1 and err (AL_EXIT_LISTEN).   Cost: a few system calls.
 *   Source: POSIX.   Tested: unit/daemon_socks. */
int al_listen_open(const al_listen_spec *spec, GError **err);

/* al_listen_text — where a socket listens (with the port it got), to be freed with g_free.
 *   Result: never NULL.   Cost: one system call.   Source: none.   Tested: unit/daemon_socks. */
char *al_listen_text(const al_listen_spec *spec, int fd);

#endif
