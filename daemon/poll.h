/* poll.h — many sockets behind one GSource. GLib asks every file descriptor of its own at every
 * turn of the loop; with hundreds of connections that is most of the work. An epoll descriptor is
 * one. */
#ifndef AL_DAEMON_POLL_H
#define AL_DAEMON_POLL_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

typedef struct al_poll al_poll;
typedef struct al_watch al_watch;

/* al_watch_fn — the socket is ready; events are EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP. The watch
 * may be changed or freed from inside. */
typedef void (*al_watch_fn)(void *data, uint32_t events);

/* al_poll_new — a set of watches, driven by the default main context.
 *   Result: never NULL; the program ends when there is no epoll.   Cost: one descriptor.
 *   Source: epoll(7).   Tested: unit/daemon_poll. */
al_poll *al_poll_new(void);

/* al_poll_free — all watches must have been freed; NULL is allowed.
 *   Result: none.   Cost: none.   Source: none.   Tested: unit/daemon_poll. */
void al_poll_free(al_poll *p);

/* al_watch_new — look at a socket.
 *   events  EPOLLIN, EPOLLOUT or both; 0: not yet                                        [in]
 * Result: never NULL.   Cost: one system call.   Source: epoll(7).   Tested: unit/daemon_poll. */
al_watch *al_watch_new(al_poll *p, int fd, uint32_t events, al_watch_fn fn, void *data);

/* al_watch_set — look for these events from now on. With 0 nothing at all is told, errors included.
 *   Result: none.   Cost: a system call when it is a change.   Source: epoll(7).
 *   Tested: unit/daemon_poll. */
void al_watch_set(al_watch *w, uint32_t events);

/* al_watch_free — stop looking; the descriptor stays open; NULL is allowed.
 *   Result: none.   Cost: one system call.   Source: epoll(7).   Tested: unit/daemon_poll. */
void al_watch_free(al_watch *w);

#endif
