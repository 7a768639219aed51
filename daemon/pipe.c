/* pipe.c — move bytes between sockets and streams.
 * Down (stream to socket): DATA events are gathered and written once a turn of the main loop,
 * because a cell carries 1 KB and a system call costs more than copying that. The core gets its
 * credit back only for what the socket took. Up (socket to stream): read what the stream takes;
 * when it takes less, the rest is kept and the socket is not read until STREAM_WRITABLE. */
#include "pipe.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  CHUNK = 64 * 1024,
  PROBE = 4096,   /* read when the stream takes nothing: makes the core say when it does again */
  SPARE_MAX = 32, /* buffers of CHUNK bytes kept for the next pipe */
  WINDOW_SLACK = CHUNK,
};

/* Bytes [at, at + len) of data wait. */
typedef struct queue {
  uint8_t *data;
  size_t at, len, cap;
} queue;

struct al_pipe {
  al_pipes *set;
  al_stream stream; /* 0: closed by both ends, the socket still takes what is queued */
  const al_pipe_ops *ops;
  void *owner;
  int fd; /* -1: not there yet */
  al_watch *watch;
  queue up, down;
  bool up_eof;      /* the socket ended */
  bool up_shut;     /* ... and the stream was told */
  bool up_paused;   /* the stream takes nothing now */
  bool down_fin;    /* the stream ended */
  bool down_shut;   /* ... and the socket was told */
  bool down_paused; /* the socket takes nothing now */
  bool dirty;       /* in set->dirty */
  GList link;       /* there */
};

struct al_pipes {
  al_drive *drive;
  al_poll *poll;
  size_t queue_max;
  GHashTable *by_stream;
  GQueue dirty; /* pipes with bytes for their sockets */
  GSource *flush;
  uint8_t *spare[SPARE_MAX];
  unsigned spares;
  al_pipes_info info;
  uint8_t chunk[CHUNK];
};

/* ---- queues ---- */

static void queue_clear(al_pipes *ps, queue *q) {
  if (q->cap == CHUNK && ps->spares < SPARE_MAX)
    ps->spare[ps->spares++] = q->data;
  else
    g_free(q->data);
  *q = (queue){0};
}

static void queue_grow(al_pipes *ps, queue *q, size_t need) {
  size_t cap = CHUNK;
  while (cap < need) cap *= 2;
  uint8_t *data = cap == CHUNK && ps->spares > 0 ? ps->spare[--ps->spares] : g_malloc(cap);
  if (q->len) memcpy(data, q->data + q->at, q->len);
  size_t len = q->len;
  queue_clear(ps, q);
  *q = (queue){.data = data, .len = len, .cap = cap};
}

static void queue_add(al_pipes *ps, queue *q, const uint8_t *bytes, size_t len) {
  if (q->len + len > q->cap) {
    queue_grow(ps, q, q->len + len);
  } else if (q->at + q->len + len > q->cap) {
    memmove(q->data, q->data + q->at, q->len);
    q->at = 0;
  }
  memcpy(q->data + q->at + q->len, bytes, len);
  q->len += len;
}

static void queue_take(al_pipes *ps, queue *q, size_t len) {
  q->at += len;
  q->len -= len;
  if (q->len == 0) queue_clear(ps, q);
}

/* ---- life ---- */

static void on_ready(void *data, uint32_t events);

static void set_dirty(al_pipe *p, bool dirty) {
  al_pipes *ps = p->set;
  if (p->dirty == dirty) return;
  p->dirty = dirty;
  if (dirty)
    g_queue_push_tail_link(&ps->dirty, &p->link);
  else
    g_queue_unlink(&ps->dirty, &p->link);
  if (dirty && ps->dirty.length == 1) g_source_set_ready_time(ps->flush, 0);
}

static void forget_stream(al_pipe *p) {
  if (p->stream) g_hash_table_remove(p->set->by_stream, GUINT_TO_POINTER(p->stream));
  p->stream = 0;
}

static void free_pipe(al_pipe *p) {
  set_dirty(p, false);
  forget_stream(p);
  al_watch_free(p->watch);
  queue_clear(p->set, &p->up);
  queue_clear(p->set, &p->down);
  p->set->info.open--;
  g_free(p);
}

static void end(al_pipe *p, al_reason why, bool clean) {
  const al_pipe_ops *ops = p->ops;
  void *owner = p->owner;
  if (!clean) p->set->info.failed++;
  free_pipe(p);
  ops->ended(owner, why, clean);
}

static void reset_stream(al_pipe *p, al_reason why) {
  al_drive *d = p->set->drive;
  if (!p->stream) return;
  al_stream_reset(al_drive_node(d), al_drive_work(d), al_drive_now(d), p->stream, why);
}

/* The socket or the core failed us. */
static void fail(al_pipe *p, al_reason why) {
  reset_stream(p, why);
  end(p, why, false);
}

static void look(al_pipe *p) {
  uint32_t events = 0;
  if (!p->watch) return;
  if (!p->up_eof && !p->up_paused) events |= EPOLLIN;
  if (p->down_paused) events |= EPOLLOUT;
  al_watch_set(p->watch, events);
}

/* ---- up ---- */

/* The socket is read only when nothing is left over, so its end comes behind all bytes. */
static void shut_up(al_pipe *p) {
  al_drive *d = p->set->drive;
  if (p->up_shut || !p->stream) return;
  p->up_shut = true;
  (void)al_stream_shut(al_drive_node(d), al_drive_work(d), al_drive_now(d), p->stream);
}

/* False: the stream is dead; its RESET or CLOSED is on the way or will never come: fail. */
static bool give(al_pipe *p, const uint8_t *bytes, size_t len, size_t *taken) {
  al_drive *d = p->set->drive;
  *taken = 0;
  if (!p->stream) return false;
  al_err e = al_stream_write(al_drive_node(d), al_drive_work(d), al_drive_now(d), p->stream,
                             (al_bytes){bytes, len}, taken);
  p->set->info.up_bytes += *taken;
  return e == AL_OK;
}

static bool send_up(al_pipe *p, const uint8_t *bytes, size_t len) {
  size_t taken;
  if (!give(p, bytes, len, &taken)) return false;
  if (taken < len) {
    queue_add(p->set, &p->up, bytes + taken, len - taken);
    p->up_paused = true;
  }
  return true;
}

/* False: the pipe has ended. */
static bool read_socket(al_pipe *p) {
  al_pipes *ps = p->set;
  if (p->up_eof || p->up_paused) return true;
  size_t room = p->stream ? al_stream_writable(al_drive_node(ps->drive), p->stream) : 0;
  size_t want = room == 0 ? PROBE : room < CHUNK ? room : CHUNK;
  ssize_t n = recv(p->fd, ps->chunk, want, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (n == 0) {
    p->up_eof = true;
    shut_up(p);
    return true;
  }
  if (n > 0 && send_up(p, ps->chunk, (size_t)n)) return true;
  fail(p, AL_REASON_CANCELLED);
  return false;
}

static void on_writable(al_pipe *p) {
  size_t taken;
  if (p->up.len > 0) {
    if (!give(p, p->up.data + p->up.at, p->up.len, &taken)) {
      fail(p, AL_REASON_CANCELLED);
      return;
    }
    queue_take(p->set, &p->up, taken);
    if (p->up.len > 0) return;
  }
  p->up_paused = false;
  look(p);
}

/* ---- down ---- */

/* False: the pipe has ended. */
static bool finish_down(al_pipe *p) {
  if (p->down.len > 0 || p->fd < 0) return true;
  if ((p->down_fin || !p->stream) && !p->down_shut) {
    p->down_shut = true;
    shutdown(p->fd, SHUT_WR);
  }
  if (p->stream) return true;
  end(p, AL_REASON_DONE, true);
  return false;
}

/* Write what is queued; false: the pipe has ended. */
static bool write_socket(al_pipe *p) {
  al_drive *d = p->set->drive;
  size_t wrote = 0;
  while (p->down.len > 0) {
    ssize_t n = send(p->fd, p->down.data + p->down.at, p->down.len, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) {
      fail(p, AL_REASON_CANCELLED);
      return false;
    }
    if (n < 0) break;
    wrote += (size_t)n;
    queue_take(p->set, &p->down, (size_t)n);
  }
  p->down_paused = p->down.len > 0;
  p->set->info.down_bytes += wrote;
  if (wrote > 0 && p->stream)
    (void)al_stream_consume(al_drive_node(d), al_drive_work(d), al_drive_now(d), p->stream, wrote);
  look(p);
  return finish_down(p);
}

static void on_data(al_pipe *p, al_bytes data) {
  if (p->down.len + data.len > p->set->queue_max) {
    fail(p, AL_REASON_PROTOCOL); /* more than the window that was given */
    return;
  }
  queue_add(p->set, &p->down, data.ptr, data.len);
  if (p->fd < 0 || p->down_paused) return;
  if (p->down.len < CHUNK) {
    set_dirty(p, true);
    return;
  }
  set_dirty(p, false);
  (void)write_socket(p);
}

static gboolean on_flush(GSource *source, GSourceFunc fn, gpointer data) {
  al_pipes *ps = data;
  (void)fn;
  g_source_set_ready_time(source, -1);
  for (GList *l; (l = ps->dirty.head);) {
    al_pipe *p = l->data;
    set_dirty(p, false);
    (void)write_socket(p);
  }
  al_drive_pump(ps->drive);
  return G_SOURCE_CONTINUE;
}

/* ---- sockets and events ---- */

static void on_ready(void *data, uint32_t events) {
  al_pipe *p = data;
  al_drive *d = p->set->drive;
  bool alive = true;
  if (events & EPOLLERR) {
    fail(p, AL_REASON_CANCELLED);
    alive = false;
  }
  if (alive && events & EPOLLOUT) alive = write_socket(p);
  if (alive && events & (EPOLLIN | EPOLLHUP)) alive = read_socket(p);
  if (alive) look(p);
  al_drive_pump(d); /* may end the pipe: last */
}

bool al_pipes_event(al_pipes *ps, const al_event *ev) {
  al_pipe *p = g_hash_table_lookup(ps->by_stream, GUINT_TO_POINTER(ev->stream));
  if (!p) return false;
  switch (ev->kind) {
    case AL_EV_STREAM_OPEN:
      p->ops->opened(p->owner);
      return true;
    case AL_EV_STREAM_DATA:
      on_data(p, ev->data);
      return true;
    case AL_EV_STREAM_WRITABLE:
      on_writable(p);
      return true;
    case AL_EV_STREAM_FIN:
      p->down_fin = true;
      (void)finish_down(p);
      return true;
    case AL_EV_STREAM_CLOSED:
      forget_stream(p);
      (void)finish_down(p);
      return true;
    case AL_EV_STREAM_RESET:
      forget_stream(p);
      end(p, ev->reason, false);
      return true;
    default:
      return false;
  }
}

al_pipe *al_pipe_new(al_pipes *ps, al_stream stream, const al_pipe_ops *ops, void *owner) {
  al_pipe *p = g_new0(al_pipe, 1);
  p->set = ps;
  p->stream = stream;
  p->ops = ops;
  p->owner = owner;
  p->fd = -1;
  p->link.data = p;
  g_hash_table_insert(ps->by_stream, GUINT_TO_POINTER(stream), p);
  ps->info.open++;
  ps->info.started++;
  return p;
}

void al_pipe_start(al_pipe *p, int fd, al_bytes first) {
  size_t taken = 0;
  p->fd = fd;
  if (first.len > 0) {
    /* A stream that died under us says so by its RESET; until then nothing is read. */
    bool good = give(p, first.ptr, first.len, &taken);
    if (taken < first.len) queue_add(p->set, &p->up, first.ptr + taken, first.len - taken);
    p->up_paused = !good || taken < first.len;
  }
  p->watch = al_watch_new(p->set->poll, fd, 0, on_ready, p);
  look(p);
  if (p->down.len > 0 || p->down_fin || !p->stream) set_dirty(p, true);
}

void al_pipe_reset(al_pipe *p, al_reason why) {
  reset_stream(p, why);
  p->set->info.failed++;
  free_pipe(p);
}

/* ---- the set ---- */

al_pipes *al_pipes_new(al_drive *d, al_poll *poll, uint32_t window) {
  static GSourceFuncs funcs = {.dispatch = on_flush};
  al_pipes *ps = g_new0(al_pipes, 1);
  ps->drive = d;
  ps->poll = poll;
  ps->queue_max = (size_t)window + WINDOW_SLACK;
  ps->by_stream = g_hash_table_new(g_direct_hash, g_direct_equal);
  g_queue_init(&ps->dirty);
  ps->flush = g_source_new(&funcs, sizeof(GSource));
  g_source_set_callback(ps->flush, NULL, ps, NULL);
  g_source_set_ready_time(ps->flush, -1);
  g_source_attach(ps->flush, NULL);
  return ps;
}

void al_pipes_free(al_pipes *ps) {
  if (!ps) return;
  g_source_destroy(ps->flush);
  g_source_unref(ps->flush);
  g_hash_table_unref(ps->by_stream);
  while (ps->spares > 0) g_free(ps->spare[--ps->spares]);
  g_free(ps);
}

void al_pipes_inspect(const al_pipes *ps, al_pipes_info *ret) { *ret = ps->info; }

al_drive *al_pipes_drive(al_pipes *ps) { return ps->drive; }

al_poll *al_pipes_poll(al_pipes *ps) { return ps->poll; }

void al_socket_tune(int fd) {
  int one = 1;
  /* A Unix socket knows neither; that is no failure. */
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
}

void al_socket_abort(int fd) {
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(fd);
}
