/* socks.c — the SOCKS5 server. */
#include "socks.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "allium/al_service.h"
#include "listen.h"
#include "log.h"
#include "socks_parser.h"

enum {
  READ_BYTES = 4096,
  ACCEPT_BATCH = 64,
  PAUSE_MS = 1000,            /* no accept while there is no descriptor left */
  EARLY_MS = 20,              /* for a client that was answered ahead to send its first bytes */
  LINGER_MS = 2000,           /* for a refused client to read its reply */
  LINGER_BYTES = 1024 * 1024, /* ... and at most this much of what it still sends */
};

typedef struct place {
  al_socks *server;
  al_listen_spec spec;
  int fd;
  al_watch *watch;
} place;

struct al_socks {
  al_pipes *pipes;
  al_socks_names names;
  al_socks_limits limits;
  GArray *places; /* of place * */
  GQueue conns;
  al_waitlist *handshakes, *earlies, *opens, *lingers;
  guint pause;
  bool full; /* said once that the limit is reached */
  al_socks_info info;
};

typedef enum conn_state {
  CONN_HANDSHAKE, /* reading a greeting, a login, a request */
  CONN_EARLY,     /* answered ahead: its first bytes shall go with the request for the stream */
  CONN_WAITING,   /* the stream is being opened */
  CONN_OPEN,      /* the pipe does the rest */
  CONN_CLOSING,   /* refused: the reply is on its way */
} conn_state;

typedef struct conn {
  al_socks *server;
  conn_state state;
  int fd;
  al_watch *watch; /* handshake and closing; the pipe has its own */
  al_pipe *pipe;
  al_wait wait;
  GList link;
  size_t drained;
  al_socks_parser parser;
} conn;

/* ---- end of a connection ---- */

/* Frees all but the socket, which is the caller's to close. */
static int conn_free(conn *c) {
  int fd = c->fd;
  al_wait_stop(&c->wait);
  al_watch_free(c->watch);
  g_queue_unlink(&c->server->conns, &c->link);
  c->server->info.open--;
  c->server->full = false;
  g_free(c);
  return fd;
}

static void conn_close(conn *c) { close(conn_free(c)); }

static bool answer(conn *c) {
  size_t len = c->parser.answer_len;
  return len == 0 || send(c->fd, c->parser.answer, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void on_closing(void *data, uint32_t events) {
  conn *c = data;
  uint8_t bin[READ_BYTES];
  (void)events;
  ssize_t n = recv(c->fd, bin, sizeof bin, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n > 0) c->drained += (size_t)n;
  if (n <= 0 || c->drained > LINGER_BYTES) conn_close(c);
}

/* Closing with unread bytes would reset the connection and may destroy the reply on its way: so end
 * our side, and read what comes until the client has ended its own. */
static void conn_linger(conn *c) {
  c->state = CONN_CLOSING;
  shutdown(c->fd, SHUT_WR);
  al_watch_free(c->watch);
  c->watch = al_watch_new(al_pipes_poll(c->server->pipes), c->fd, EPOLLIN, on_closing, c);
  al_wait_start(&c->wait, c->server->lingers, c);
}

static void conn_refuse(conn *c, uint8_t reply) {
  c->server->info.refused++;
  al_socks_answer(&c->parser, reply);
  if (answer(c))
    conn_linger(c);
  else
    conn_close(c);
}

/* ---- the stream ---- */

static void on_opened(void *owner) {
  conn *c = owner;
  if (c->state != CONN_WAITING) return;
  al_wait_stop(&c->wait);
  al_socks_answer(&c->parser, AL_SOCKS_OK);
  if (!answer(c)) { /* ten bytes into an empty buffer: the client is gone */
    al_pipe_reset(c->pipe, AL_REASON_CANCELLED);
    conn_close(c);
    return;
  }
  c->state = CONN_OPEN;
  c->server->info.connected++;
}

static void on_ended(void *owner, al_reason why, bool clean) {
  conn *c = owner;
  c->pipe = NULL;
  if (c->state == CONN_WAITING) {
    al_log_debug("socks: refused: %s", al_reason_text(why));
    uint8_t reply = al_reason_socks(why);
    conn_refuse(c, reply ? reply : AL_SOCKS_FAILURE);
    return;
  }
  if (clean) {
    conn_close(c);
    return;
  }
  al_socket_abort(conn_free(c));
}

static const al_pipe_ops pipe_ops = {.opened = on_opened, .ended = on_ended};

/* ---- answered ahead ---- */

static al_err open_name(conn *c, al_bytes early, al_stream *ret) {
  const al_socks_names *names = &c->server->names;
  return names->open(names->ctx, &c->parser.target, c->parser.isolation, early, ret);
}

/* It has been told that all is well: what goes wrong now is a reset. */
static void open_early(conn *c, al_bytes first) {
  al_stream stream = 0;
  al_bytes early = {first.ptr, MIN(first.len, AL_SERVICE_EARLY_MAX)};
  al_wait_stop(&c->wait);
  al_watch_free(c->watch);
  c->watch = NULL;
  if (open_name(c, early, &stream) != AL_OK) {
    al_socket_abort(conn_free(c));
    return;
  }
  c->state = CONN_OPEN;
  c->server->info.connected++;
  c->pipe = al_pipe_new(c->server->pipes, stream, &pipe_ops, c);
  al_pipe_start(c->pipe, c->fd, (al_bytes){first.ptr + early.len, first.len - early.len});
}

static void on_early(void *data, uint32_t events) {
  conn *c = data;
  al_drive *d = al_pipes_drive(c->server->pipes);
  uint8_t bytes[AL_SERVICE_EARLY_MAX];
  (void)events;
  ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n < 0) {
    conn_close(c);
    return;
  }
  open_early(c, (al_bytes){bytes, (size_t)n}); /* none: the pipe sees the end, too */
  al_drive_pump(d);
}

static void on_early_late(void *owner) {
  conn *c = owner;
  al_drive *d = al_pipes_drive(c->server->pipes);
  open_early(c, (al_bytes){(const uint8_t *)"", 0});
  al_drive_pump(d);
}

static void answer_ahead(conn *c, al_bytes first) {
  al_socks_answer(&c->parser, AL_SOCKS_OK);
  if (!answer(c)) {
    conn_close(c);
    return;
  }
  c->state = CONN_EARLY;
  if (first.len > 0) {
    open_early(c, first);
    return;
  }
  al_watch_free(c->watch);
  c->watch = al_watch_new(al_pipes_poll(c->server->pipes), c->fd, EPOLLIN, on_early, c);
  al_wait_start(&c->wait, c->server->earlies, c);
}

static void on_request(conn *c, al_bytes first) {
  al_socks *s = c->server;
  al_drive *d = al_pipes_drive(s->pipes);
  al_stream stream = 0;
  const al_target *t = &c->parser.target;
  bool special = s->names.is != NULL && t->kind == AL_TARGET_NAME &&
                 s->names.is((const char *)t->host, t->host_len);
  if (special && s->names.expected(s->names.ctx, t, c->parser.isolation)) {
    answer_ahead(c, first);
    return;
  }
  al_err e = special ? open_name(c, (al_bytes){NULL, 0}, &stream)
                     : al_stream_open(al_drive_node(d), al_drive_work(d), al_drive_now(d), t,
                                      c->parser.isolation, &stream);
  if (e != AL_OK) {
    al_log_debug("socks: no stream: %s", al_err_text(e));
    conn_refuse(c, e == AL_EPARSE ? al_reason_socks(AL_REASON_RESOLVE) : AL_SOCKS_FAILURE);
    return;
  }
  al_watch_free(c->watch);
  c->watch = NULL;
  c->state = CONN_WAITING;
  al_wait_start(&c->wait, s->opens, c);
  c->pipe = al_pipe_new(s->pipes, stream, &pipe_ops, c);
  al_pipe_start(c->pipe, c->fd, first);
}

/* ---- the handshake ---- */

static void on_verdict_refuse(conn *c) {
  if (c->parser.answer_len == AL_SOCKS_ANSWER_MAX)
    c->server->info.refused++;
  else
    c->server->info.garbage++;
  if (c->parser.answer_len > 0 && answer(c))
    conn_linger(c);
  else
    conn_close(c);
}

/* Take what was read; may free the connection. */
static void feed(conn *c, const uint8_t *bytes, size_t len) {
  size_t used = 0;
  while (len > 0) {
    al_socks_verdict v = al_socks_parse(&c->parser, bytes, len, &used);
    bytes += used;
    len -= used;
    if (v == AL_SOCKS_REFUSE) {
      on_verdict_refuse(c);
      return;
    }
    if (!answer(c)) {
      conn_close(c);
      return;
    }
    if (v == AL_SOCKS_REQUEST) {
      on_request(c, (al_bytes){bytes, len});
      return;
    }
  }
}

static void on_handshake(void *data, uint32_t events) {
  conn *c = data;
  al_drive *d = al_pipes_drive(c->server->pipes);
  uint8_t bytes[READ_BYTES];
  (void)events;
  ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    c->server->info.garbage++;
    conn_close(c);
    return;
  }
  feed(c, bytes, (size_t)n);
  al_drive_pump(d);
}

static void on_handshake_late(void *owner) {
  conn *c = owner;
  c->server->info.timed_out++;
  conn_close(c);
}

static void on_open_late(void *owner) {
  conn *c = owner;
  al_drive *d = al_pipes_drive(c->server->pipes);
  al_pipe_reset(c->pipe, AL_REASON_TIMEOUT);
  c->pipe = NULL;
  conn_refuse(c, AL_SOCKS_TIMEOUT);
  al_drive_pump(d);
}

static void on_linger_late(void *owner) { conn_close(owner); }

/* ---- listening ---- */

static void watch_places(al_socks *s, uint32_t events) {
  for (guint i = 0; i < s->places->len; i++) {
    place *p = g_array_index(s->places, place *, i);
    if (p->watch) al_watch_set(p->watch, events);
  }
}

static gboolean on_pause_over(gpointer data) {
  al_socks *s = data;
  s->pause = 0;
  watch_places(s, EPOLLIN);
  return G_SOURCE_REMOVE;
}

static void take(al_socks *s, int fd) {
  s->info.accepted++;
  if (s->info.open >= s->limits.connections_max) {
    if (!s->full) al_log_warning("socks: the limit of %u connections is reached", s->info.open);
    s->full = true;
    s->info.over_limit++;
    close(fd);
    return;
  }
  conn *c = g_new0(conn, 1);
  c->server = s;
  c->fd = fd;
  c->link.data = c;
  al_socks_parser_init(&c->parser);
  al_socket_tune(fd);
  g_queue_push_tail_link(&s->conns, &c->link);
  s->info.open++;
  c->watch = al_watch_new(al_pipes_poll(s->pipes), fd, EPOLLIN, on_handshake, c);
  al_wait_start(&c->wait, s->handshakes, c);
}

static void on_knock(void *data, uint32_t events) {
  place *p = data;
  al_socks *s = p->server;
  (void)events;
  for (int i = 0; i < ACCEPT_BATCH; i++) {
    int fd = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      take(s, fd);
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      al_log_warning("socks: %s; no new connections for a second", g_strerror(errno));
      watch_places(s, 0);
      s->pause = g_timeout_add(PAUSE_MS, on_pause_over, s);
      return;
    }
    if (errno == EAGAIN) return;
  }
}

static bool listen_at(al_socks *s, const char *text, GError **err) {
  place *p = g_new0(place, 1);
  p->server = s;
  p->fd = -1;
  if (!al_listen_parse(text, &p->spec, err) || p->spec.kind == AL_LISTEN_OFF) {
    bool off = p->spec.kind == AL_LISTEN_OFF && (!err || !*err);
    g_free(p);
    return off;
  }
  p->fd = al_listen_open(&p->spec, err);
  if (p->fd < 0) {
    g_free(p);
    return false;
  }
  p->watch = al_watch_new(al_pipes_poll(s->pipes), p->fd, EPOLLIN, on_knock, p);
  g_array_append_val(s->places, p);
  return true;
}

al_socks *al_socks_new(char *const *where, const al_socks_limits *limits, al_pipes *pipes,
                       GError **err) {
  al_socks *s = g_new0(al_socks, 1);
  s->pipes = pipes;
  s->limits = *limits;
  s->places = g_array_new(FALSE, FALSE, sizeof(place *));
  s->handshakes = al_waitlist_new(limits->handshake_ms, on_handshake_late);
  s->earlies = al_waitlist_new(EARLY_MS, on_early_late);
  s->opens = al_waitlist_new(limits->open_ms, on_open_late);
  s->lingers = al_waitlist_new(LINGER_MS, on_linger_late);
  g_queue_init(&s->conns);
  for (; *where; where++) {
    if (listen_at(s, *where, err)) continue;
    al_socks_free(s);
    return NULL;
  }
  return s;
}

void al_socks_set_names(al_socks *s, const al_socks_names *names) { s->names = *names; }

void al_socks_stop(al_socks *s) {
  if (s->pause) g_source_remove(s->pause);
  s->pause = 0;
  for (guint i = 0; i < s->places->len; i++) {
    place *p = g_array_index(s->places, place *, i);
    al_watch_free(p->watch);
    close(p->fd);
    if (p->spec.kind == AL_LISTEN_UNIX) unlink(p->spec.path);
    g_free(p);
  }
  g_array_set_size(s->places, 0);
}

void al_socks_free(al_socks *s) {
  if (!s) return;
  al_socks_stop(s);
  for (conn *c; (c = g_queue_peek_head(&s->conns));) {
    if (c->pipe) al_pipe_reset(c->pipe, AL_REASON_SHUTDOWN);
    conn_close(c);
  }
  al_waitlist_free(s->handshakes);
  al_waitlist_free(s->earlies);
  al_waitlist_free(s->opens);
  al_waitlist_free(s->lingers);
  g_array_unref(s->places);
  g_free(s);
}

void al_socks_inspect(const al_socks *s, al_socks_info *ret) { *ret = s->info; }

char **al_socks_places(const al_socks *s) {
  char **texts = g_new0(char *, s->places->len + 1);
  for (guint i = 0; i < s->places->len; i++) {
    const place *p = g_array_index(s->places, place *, i);
    texts[i] = al_listen_text(&p->spec, p->fd);
  }
  return texts;
}
