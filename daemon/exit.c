/* exit.c — connect to targets for others. */
#include "exit.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "log.h"
#include "waitlist.h"

enum { ADDRESSES_MAX = 8 /* of one name */ };

typedef struct lookup lookup;

/* A target on its way, or connected. */
typedef struct conn {
  al_exit *exit;
  al_stream stream;
  al_pipe *pipe;
  GList link;
  al_wait total, each;
  lookup *lookup; /* while its name is asked for */
  al_endpoint addresses[ADDRESSES_MAX];
  unsigned count, next;
  int fd;
  al_watch *watch;    /* while connecting */
  bool open, trusted; /* trusted: the owner exposed this target; no policy applies */
  al_reason reason;   /* of the last address that failed */
} conn;

/* A question to the resolver; outlives the connection when that is gone before the answer. */
struct lookup {
  conn *conn;
  GCancellable *cancel;
};

struct al_exit {
  al_pipes *pipes;
  al_policy policy;
  al_waitlist *totals, *eaches;
  GQueue conns;
  bool stopped;
  al_exit_info info;
};

static al_drive *drive_of(const conn *c) { return al_pipes_drive(c->exit->pipes); }

/* ---- end ---- */

static void stop_lookup(conn *c) {
  lookup *l = g_steal_pointer(&c->lookup);
  if (!l) return;
  l->conn = NULL;
  g_cancellable_cancel(l->cancel);
}

/* Frees all but the socket, which is the caller's to close (-1: there is none). */
static int conn_free(conn *c) {
  int fd = c->fd;
  stop_lookup(c);
  al_wait_stop(&c->total);
  al_wait_stop(&c->each);
  al_watch_free(c->watch);
  g_queue_unlink(&c->exit->conns, &c->link);
  c->exit->info.open--;
  g_free(c);
  return fd;
}

static void conn_close(conn *c) {
  int fd = conn_free(c);
  if (fd >= 0) close(fd);
}

static void count_failure(al_exit *x, al_reason why) {
  if (why == AL_REASON_POLICY)
    x->info.refused++;
  else
    x->info.unreachable++;
}

/* Before it is open: tell the other end why. */
static void give_up(conn *c, al_reason why) {
  count_failure(c->exit, why);
  al_log_debug("exit: %s", al_reason_text(why));
  al_pipe_reset(c->pipe, why);
  conn_close(c);
}

static void on_ended(void *owner, al_reason why, bool clean) {
  conn *c = owner;
  (void)why;
  if (c->open && !clean)
    al_socket_abort(conn_free(c));
  else
    conn_close(c);
}

static void on_opened(void *owner) { (void)owner; /* streams that we accept do not open again */ }

/* ---- connecting ---- */

static al_reason reason_of(int error) {
  switch (error) {
    case ECONNREFUSED:
      return AL_REASON_REFUSED;
    case ENETUNREACH:
    case ENETDOWN:
    case EAFNOSUPPORT:
      return AL_REASON_NET_UNREACHABLE;
    case ETIMEDOUT:
      return AL_REASON_TIMEOUT;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EAGAIN:
      return AL_REASON_RESOURCE;
    default:
      return AL_REASON_HOST_UNREACHABLE;
  }
}

static void try_next(conn *c);

static void on_connected(conn *c) {
  al_drive *d = drive_of(c);
  al_wait_stop(&c->total);
  al_wait_stop(&c->each);
  al_watch_free(c->watch);
  c->watch = NULL;
  al_err e = al_stream_accept(al_drive_node(d), al_drive_work(d), al_drive_now(d), c->stream);
  if (e != AL_OK) {
    give_up(c, AL_REASON_CANCELLED);
    return;
  }
  c->open = true;
  c->exit->info.connected++;
  al_pipe_start(c->pipe, c->fd, (al_bytes){NULL, 0});
}

static void on_failed(conn *c, int error) {
  al_log_debug("exit: %s: %s", al_log_address(&c->addresses[c->next - 1]), g_strerror(error));
  c->reason = reason_of(error);
  al_watch_free(c->watch);
  c->watch = NULL;
  close(c->fd);
  c->fd = -1;
  try_next(c);
}

static void on_ready(void *data, uint32_t events) {
  conn *c = data;
  al_drive *d = drive_of(c);
  int error = 0;
  socklen_t len = sizeof error;
  (void)events;
  getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
  if (error)
    on_failed(c, error);
  else
    on_connected(c);
  al_drive_pump(d);
}

static int begin_connect(const al_endpoint *e) {
  struct sockaddr_storage ss;
  socklen_t len = al_endpoint_sockaddr(e, &ss);
  int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  al_socket_tune(fd);
  if (connect(fd, (const struct sockaddr *)&ss, len) == 0 || errno == EINPROGRESS) return fd;
  int saved = errno;
  close(fd);
  errno = saved;
  return -1;
}

/* The next address; gives up when there is none. */
static void try_next(conn *c) {
  while (c->next < c->count) {
    c->fd = begin_connect(&c->addresses[c->next++]);
    if (c->fd < 0) {
      c->reason = reason_of(errno);
      continue;
    }
    if (c->next < c->count)
      al_wait_start(&c->each, c->exit->eaches, c);
    else
      al_wait_stop(&c->each);
    c->watch = al_watch_new(al_pipes_poll(c->exit->pipes), c->fd, EPOLLOUT, on_ready, c);
    return;
  }
  give_up(c, c->reason);
}

static void on_each_late(void *owner) {
  conn *c = owner;
  al_drive *d = drive_of(c);
  on_failed(c, ETIMEDOUT);
  al_drive_pump(d);
}

static void on_total_late(void *owner) {
  conn *c = owner;
  al_drive *d = drive_of(c);
  give_up(c, AL_REASON_TIMEOUT);
  al_drive_pump(d);
}

/* ---- names ---- */

static al_target target_of(const al_endpoint *e) {
  al_target t = {.kind = e->family == 4 ? AL_TARGET_IPV4 : AL_TARGET_IPV6, .port = e->port};
  t.host_len = e->family == 4 ? 4 : 16;
  memcpy(t.host, e->addr, t.host_len);
  return t;
}

/* Keep an address if the policy accepts it. */
static void add_address(conn *c, const al_endpoint *e) {
  al_target t = target_of(e);
  bool may = c->trusted || al_policy_accepts(&c->exit->policy, &t);
  if (c->count < ADDRESSES_MAX && may) c->addresses[c->count++] = *e;
}

static void take_answer(conn *c, GList *found, uint16_t port) {
  for (GList *l = found; l; l = l->next) {
    g_autofree char *text = g_inet_address_to_string(l->data);
    al_endpoint e;
    if (al_endpoint_parse(text, port, &e)) add_address(c, &e);
  }
}

static void on_resolved(GObject *source, GAsyncResult *result, gpointer data) {
  lookup *l = data;
  conn *c = l->conn;
  GList *found = g_resolver_lookup_by_name_finish(G_RESOLVER(source), result, NULL);
  g_object_unref(l->cancel);
  g_free(l);
  if (c) {
    al_drive *d = drive_of(c);
    c->lookup = NULL;
    take_answer(c, found, c->addresses[0].port);
    c->reason = found ? AL_REASON_POLICY : AL_REASON_RESOLVE;
    try_next(c);
    al_drive_pump(d);
  }
  g_resolver_free_addresses(found);
}

static void resolve(conn *c, const al_target *target) {
  g_autoptr(GResolver) resolver = g_resolver_get_default();
  g_autofree char *name = g_strndup((const char *)target->host, target->host_len);
  c->addresses[0].port = target->port;
  c->lookup = g_new0(lookup, 1);
  c->lookup->conn = c;
  c->lookup->cancel = g_cancellable_new();
  al_log_debug("exit: asking for %s", al_log_name(name));
  g_resolver_lookup_by_name_async(resolver, name, c->lookup->cancel, on_resolved, c->lookup);
}

/* ---- requests ---- */

static bool is_numeric(const al_target *t, al_endpoint *e) {
  char text[256];
  *e = (al_endpoint){.family = t->kind == AL_TARGET_IPV4 ? 4 : 6, .port = t->port};
  if (t->kind != AL_TARGET_NAME) {
    memcpy(e->addr, t->host, t->kind == AL_TARGET_IPV4 ? 4 : 16);
    struct sockaddr_storage ss; /* unwraps IPv4 inside IPv6 */
    al_endpoint_sockaddr(e, &ss);
    return al_endpoint_from_sockaddr((const struct sockaddr *)&ss, e);
  }
  memcpy(text, t->host, t->host_len);
  text[t->host_len] = 0;
  return al_endpoint_parse(text, t->port, e);
}

static void begin(al_exit *x, al_stream stream, const al_target *target, bool trusted) {
  static const al_pipe_ops ops = {.opened = on_opened, .ended = on_ended};
  conn *c = g_new0(conn, 1);
  al_endpoint e;
  c->exit = x;
  c->stream = stream;
  c->trusted = trusted;
  c->fd = -1;
  c->link.data = c;
  c->reason = AL_REASON_POLICY;
  c->pipe = al_pipe_new(x->pipes, stream, &ops, c);
  g_queue_push_tail_link(&x->conns, &c->link);
  x->info.open++;
  x->info.requested++;
  if (x->stopped) {
    give_up(c, AL_REASON_SHUTDOWN);
    return;
  }
  if (is_numeric(target, &e)) {
    add_address(c, &e);
  } else if (!trusted && !al_policy_accepts(&x->policy, target)) {
    give_up(c, AL_REASON_POLICY);
    return;
  }
  al_wait_start(&c->total, x->totals, c);
  if (is_numeric(target, &e))
    try_next(c);
  else
    resolve(c, target);
}

void al_exit_request(al_exit *x, al_stream stream, const al_target *target) {
  begin(x, stream, target, false);
}

void al_exit_connect(al_exit *x, al_stream stream, const al_target *target) {
  begin(x, stream, target, true);
}

/* ---- the whole ---- */

al_exit *al_exit_new(al_pipes *pipes, const al_policy *policy, const al_exit_patience *patience) {
  al_exit *x = g_new0(al_exit, 1);
  x->pipes = pipes;
  x->policy = *policy;
  x->totals = al_waitlist_new(patience->total_ms, on_total_late);
  x->eaches = al_waitlist_new(patience->each_ms, on_each_late);
  g_queue_init(&x->conns);
  return x;
}

void al_exit_set_policy(al_exit *x, const al_policy *policy) { x->policy = *policy; }

void al_exit_stop(al_exit *x) { x->stopped = true; }

void al_exit_free(al_exit *x) {
  if (!x) return;
  for (conn *c; (c = g_queue_peek_head(&x->conns));) {
    al_pipe_reset(c->pipe, AL_REASON_SHUTDOWN);
    conn_close(c);
  }
  al_waitlist_free(x->totals);
  al_waitlist_free(x->eaches);
  g_free(x);
}

void al_exit_inspect(const al_exit *x, al_exit_info *ret) { *ret = x->info; }
