/* pipe.h — a socket and a stream of the core, joined: bytes both ways, half-close both ways, and no
 * more in memory than the stream's window. Used by SOCKS at one end and by the exit at the other.
 */
#ifndef AL_DAEMON_PIPE_H
#define AL_DAEMON_PIPE_H

#include <glib.h>

#include "drive/drive.h"
#include "poll.h"

typedef struct al_pipes al_pipes;
typedef struct al_pipe al_pipe;

/* al_pipe_ops — what a pipe tells its owner.
 *   opened  the far end has connected; nothing has been written to the socket yet
 *   ended   the pipe is gone when this returns; the socket, if one was given, is the owner's again.
 *           clean: both directions finished and everything was written */
typedef struct al_pipe_ops {
  void (*opened)(void *owner);
  void (*ended)(void *owner, al_reason why, bool clean);
} al_pipe_ops;

/* al_pipes_info — for metrics. */
typedef struct al_pipes_info {
  uint32_t open;
  uint64_t started, failed, up_bytes, down_bytes; /* up: socket to stream */
} al_pipes_info;

/* al_pipes_new — the pipes of a node.
 *   window  bytes that one stream may have under way: al_limits.stream_window             [in]
 * Result: never NULL.   Cost: one GSource.   Source: none.   Tested: unit/daemon_pipe. */
al_pipes *al_pipes_new(al_drive *d, al_poll *poll, uint32_t window);

/* al_pipes_free — all pipes must be gone; NULL is allowed.
 *   Result: none.   Cost: none.   Source: none.   Tested: unit/daemon_pipe. */
void al_pipes_free(al_pipes *ps);

/* al_pipes_event — give an event of the core to the pipe it is about.
 *   Result: false when it is about no pipe.   Cost: one hash lookup.   Source: allium.h.
 *   Tested: unit/daemon_pipe. */
bool al_pipes_event(al_pipes *ps, const al_event *ev);

/* al_pipes_inspect — the figures.
 *   Result: none.   Cost: none.   Source: none.   Tested: unit/daemon_pipe. */
void al_pipes_inspect(const al_pipes *ps, al_pipes_info *ret);

/* al_pipes_drive, al_pipes_poll — what they live on, for their owners. */
al_drive *al_pipes_drive(al_pipes *ps);
al_poll *al_pipes_poll(al_pipes *ps);

/* al_pipe_new — a pipe for a stream whose socket is not there yet; what arrives is kept.
 *   ops, owner  told as above; must outlive the pipe                                      [in]
 * Result: never NULL.   Cost: one allocation.   Source: none.   Tested: unit/daemon_pipe. */
al_pipe *al_pipe_new(al_pipes *ps, al_stream stream, const al_pipe_ops *ops, void *owner);

/* al_pipe_start — the socket is there; both directions begin. The caller pumps the drive.
 *   fd     non-blocking, connected                                                        [in]
 *   first  bytes that were read from the socket already; at most 64 KiB                   [in]
 * Result: none; `ended` may not be called from inside.   Cost: one system call.   Source: none.
 * Tested: unit/daemon_pipe. */
void al_pipe_start(al_pipe *p, int fd, al_bytes first);

/* al_pipe_reset — the owner gives up: the stream is reset, the pipe freed, `ended` is not called
 * and the socket is the owner's. The caller pumps the drive. Result: none.   Cost: none.   Source:
 * none.   Tested: unit/daemon_pipe. */
void al_pipe_reset(al_pipe *p, al_reason why);

/* al_socket_tune — settings of every stream socket: no delay, keepalive.
 *   Result: none.   Cost: system calls.   Source: tcp(7).   Tested: unit/daemon_pipe. */
void al_socket_tune(int fd);

/* al_socket_abort — close so that a TCP peer sees a reset, not an end.
 *   Result: none.   Cost: system calls.   Source: socket(7).   Tested: unit/daemon_pipe. */
void al_socket_abort(int fd);

#endif
