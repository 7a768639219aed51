/* parts.c — what a node is made of: each part's settings, start and end; and the core's events. */
#include "parts.h"

#include <malloc.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "error.h"
#include "log.h"
#include "report.h"
#include "secret.h"

enum {
  WORK_BUFS = 32768,
  WORK_EFFECTS = 8192,
  RECORD_BYTES = 2048, /* of the DHT, on average */
  SETTLE_MS = 300,     /* from the first neighbour to the message: peers are being learnt */
  HANDSHAKE_MS = 30000,
  OPEN_MS = 60000,
  CONNECT_MS = 15000,
  CONNECT_EACH_MS = 5000,
};

static bool fail(GError **err, int status, const char *what) {
  g_set_error(err, AL_ERROR, status, "%s", what);
  return false;
}

/* ---- what the core asks of its host ---- */

static void *host_alloc(void *ctx, size_t size) {
  (void)ctx;
  return calloc(1, size);
}

static void host_free(void *ctx, void *ptr, size_t size) {
  (void)ctx, (void)size;
  free(ptr);
}

static const al_alloc heap = {.alloc = host_alloc, .free = host_free};

static al_time host_now(void *ctx) {
  (void)ctx;
  return al_clock_now();
}

static void host_deadline(void *ctx, al_time when) {
  al_daemon *d = ctx;
  al_clock_set(d->clock, when);
}

static void on_clock(void *data) {
  al_daemon *d = data;
  al_drive_tick(d->drive);
}

static const char *id_text(const al_id *id) {
  static char text[AL_REPORT_ID_TEXT + 1];
  al_report_id(id, text);
  text[AL_REPORT_SHORT_TEXT] = 0;
  return text;
}

static gboolean on_settled(gpointer data) {
  al_daemon *d = data;
  al_node_info n;
  al_inspect_node(d->node, &n);
  d->joined_timer = 0;
  al_log_info("joined, %u peer%s", n.peers, n.peers == 1 ? "" : "s");
  return G_SOURCE_REMOVE;
}

static void on_link_up(al_daemon *d, const al_event *ev) {
  al_log_debug("neighbour %s is up after %.1f ms", id_text(&ev->peer),
               (double)ev->duration_us / 1000);
  if (d->joined) return;
  d->joined = true;
  d->joined_timer = g_timeout_add(SETTLE_MS, on_settled, d);
}

static void on_link_down(al_daemon *d, const al_event *ev) {
  al_node_info n;
  al_log_debug("neighbour %s is gone: %s", id_text(&ev->peer),
               ev->err == AL_ECLOSED ? "the link was closed" : "no answer");
  al_inspect_node(d->node, &n);
  if (n.links_up > 0 || d->phase > AL_DAEMON_RUNNING) return;
  al_log_info("no neighbour is left; trying to join again");
  d->joined = false;
}

static void on_circuit_up(al_daemon *d, const al_event *ev) {
  double ms = (double)ev->duration_us / 1000;
  al_log_debug("circuit up, %u hops, %.1f ms", ev->count, ms);
  if (d->circuit) return;
  d->circuit = true;
  al_log_info("first circuit, %u hop%s, %.0f ms", ev->count, ev->count == 1 ? "" : "s", ms);
}

/* Bytes that came with the request wait with what comes later for the target to be connected. */
static void on_stream_request(al_daemon *d, const al_event *ev) {
  if (!al_services_event(d->services, ev)) al_exit_request(d->exit, ev->stream, ev->target);
  const al_event first = {.kind = AL_EV_STREAM_DATA, .stream = ev->stream, .data = ev->data};
  if (ev->data.len > 0) (void)al_pipes_event(d->pipes, &first);
}

static void host_event(void *ctx, const al_event *ev) {
  al_daemon *d = ctx;
  switch (ev->kind) {
    case AL_EV_LINK_UP:
      on_link_up(d, ev);
      al_joins_event(d->joins, ev);
      return;
    case AL_EV_LINK_DOWN:
      on_link_down(d, ev);
      return;
    case AL_EV_LINK_FAILED:
      al_log_debug("a link failed: %s", al_err_text(ev->err));
      al_joins_event(d->joins, ev);
      return;
    case AL_EV_PEERS:
      al_log_debug("%u peers are known", ev->count);
      return;
    case AL_EV_CIRCUIT_UP:
      on_circuit_up(d, ev);
      return;
    case AL_EV_CIRCUIT_DOWN:
      al_log_debug("circuit down: %s", al_reason_text(ev->reason));
      return;
    case AL_EV_RECORD:
      al_control_event(d->control, ev);
      return;
    case AL_EV_STREAM_REQUEST:
      on_stream_request(d, ev);
      return;
    case AL_EV_SERVICE:
      (void)al_services_event(d->services, ev);
      return;
    default:
      (void)al_pipes_event(d->pipes, ev);
      return;
  }
}

/* ---- configuration of the parts ---- */

void al_parts_configure(const al_daemon *d, al_config *c) {
  const al_settings *s = d->settings;
  al_config_default(c);
  c->suite = al_suite_hacl();
  c->relay = s->relay;
  c->padding = (al_padding)s->padding;
  c->hops = (uint8_t)s->hops;
  c->limits.links_max = (uint16_t)s->limit_links;
  c->limits.circuits_max = s->limit_circuits;
  c->limits.streams_max = s->limit_streams;
  c->limits.peers_max = s->limit_peers;
  c->limits.creates_per_s = s->limit_creates;
  c->limits.records_max = s->limit_records;
  c->limits.records_bytes = s->limit_records * RECORD_BYTES;
  c->network = (al_bytes){(const uint8_t *)s->network, strlen(s->network)};
  if (*s->network_secret_file) c->network_secret = (al_bytes){d->network_secret, 32};
  c->wall_s = (uint64_t)(g_get_real_time() / G_USEC_PER_SEC);
  c->addresses_count = d->face.count;
  for (uint32_t i = 0; i < d->face.count; i++)
    c->addresses[i] = (al_bytes){d->face.record[i], d->face.record_len[i]};
  c->exit_rules_count = d->policy.count;
  memcpy(c->exit_rules, d->policy.rules, sizeof c->exit_rules);
}

/* `*` is one socket for both families, where the machine has IPv6. */
static const char *wildcard(void) {
  struct sockaddr_in6 any = {.sin6_family = AF_INET6};
  int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bool v6 = fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof any) == 0;
  if (fd >= 0) close(fd);
  return v6 ? "::" : "0.0.0.0";
}

static bool start_transport(al_daemon *d, GError **err) {
  const al_settings *s = d->settings;
  al_webrtc_config c;
  GError *inner = NULL;
  guint count = g_strv_length(s->listen);
  g_autofree char *pem = al_state_path(d->state, "webrtc.pem");
  al_transport_sink sink = al_drive_sink(d->drive);
  if (count == 0 || count >= AL_WEBRTC_BIND_MAX)
    return fail(err, AL_EXIT_CONFIG, "listen: want 1 to 7 addresses");
  al_webrtc_config_init(&c);
  for (guint i = 0; i < count; i++)
    c.bind[i] = strcmp(s->listen[i], "*") == 0 ? wildcard() : s->listen[i];
  c.bind[count] = NULL;
  c.port = (uint16_t)s->port;
  c.identity.path = pem;
  memcpy(c.identity.password, d->state->password, sizeof c.identity.password);
  d->transport = al_webrtc_new(&c, &sink, &inner);
  al_secret_wipe(c.identity.password, sizeof c.identity.password);
  if (!d->transport) { /* a code is that of the system call for the socket; 0 is the certificate */
    fail(err, inner->code ? AL_EXIT_LISTEN : AL_EXIT_STATE, inner->message);
    g_error_free(inner);
    return false;
  }
  memcpy(d->secret, al_webrtc_certificate(d->transport), 32);
  memcpy(d->secret + 32, d->state->password, AL_STATE_PASSWORD_BYTES);
  return true;
}

static bool start_node(al_daemon *d, GError **err) {
  al_config c;
  GByteArray *snapshot = al_store_snapshot(d->store, err);
  if (!snapshot) return false;
  al_parts_configure(d, &c);
  c.snapshot = (al_bytes){snapshot->data, snapshot->len};
  memcpy(c.identity, d->state->identity, sizeof c.identity);
  al_secret_random(c.seed, sizeof c.seed);
  al_err e = al_work_new(&d->work, &heap, WORK_BUFS, WORK_EFFECTS);
  if (e == AL_OK) e = al_node_new(&d->node, &heap, &c, al_clock_now());
  al_secret_wipe(&c, sizeof c);
  if (snapshot->len) al_secret_wipe(snapshot->data, snapshot->len);
  g_byte_array_unref(snapshot);
  malloc_trim(0);
  if (e == AL_OK) return true;
  g_set_error(err, AL_ERROR, e == AL_EPARSE ? AL_EXIT_STATE : AL_EXIT_FAILED,
              "the node cannot start: %s%s", al_err_text(e),
              e == AL_EPARSE ? " among the stored records" : "");
  return false;
}

static bool start_state(al_daemon *d, GError **err) {
  const al_settings *s = d->settings;
  al_drive_host host = {.ctx = d, .now = host_now, .event = host_event, .deadline = host_deadline};
  if (!al_policy_parse(s->exit_policy, &d->policy, err)) return false;
  if (*s->network_secret_file &&
      !al_state_network_secret(s->network_secret_file, d->network_secret, err))
    return false;
  d->state = al_state_open(s->state, err);
  if (!d->state) return false;
  d->store = al_store_open(s->state, err);
  if (!d->store) return false;
  d->poll = al_poll_new();
  d->clock = al_clock_new(d->poll, on_clock, d);
  if (al_drive_new(&d->drive, &heap, &host, al_store_table(), d->store) != AL_OK)
    return fail(err, AL_EXIT_FAILED, "out of memory");
  return true;
}

static bool start_applications(al_daemon *d, GError **err) {
  const al_settings *s = d->settings;
  al_config c;
  al_config_default(&c);
  al_socks_limits socks = {s->socks_connections, HANDSHAKE_MS, OPEN_MS};
  al_exit_patience patience = {CONNECT_MS, CONNECT_EACH_MS};
  d->pipes = al_pipes_new(d->drive, d->poll, c.limits.stream_window);
  d->exit = al_exit_new(d->pipes, &d->policy, &patience);
  d->services = al_services_new(d->drive, d->exit, s->state, err);
  if (!d->services) return false;
  d->joins = al_joins_new(d->drive);
  d->socks = al_socks_new(s->socks, &socks, d->pipes, err);
  if (!d->socks) return false;
  const al_socks_names names = {al_service_text_is, al_services_expected, al_services_open,
                                d->services};
  al_socks_set_names(d->socks, &names);
  if (strcmp(s->control, "off") == 0) return true;
  d->control = al_control_new(d, s->control, err);
  return d->control != NULL;
}

bool al_parts_start(al_daemon *d, GError **err) {
  if (!start_state(d, err) || !start_transport(d, err)) return false;
  al_face_make(&d->face, d->settings, d->secret, al_webrtc_port(d->transport));
  return start_node(d, err) && start_applications(d, err);
}

/* In the order in which nothing calls what is gone already. */
void al_parts_stop(al_daemon *d) {
  if (d->joined_timer) g_source_remove(d->joined_timer);
  al_control_free(d->control);
  al_joins_free(d->joins);
  al_socks_free(d->socks);
  al_exit_free(d->exit);
  al_services_free(d->services);
  if (d->drive) al_drive_pump(d->drive);
  al_webrtc_free(d->transport);
  al_drive_free(d->drive);
  al_node_free(d->node, d->work);
  al_work_free(d->work);
  al_pipes_free(d->pipes);
  al_clock_free(d->clock);
  al_poll_free(d->poll);
  al_store_close(d->store);
  al_state_close(d->state);
}
