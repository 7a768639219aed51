/* daemon.c — the life of a node: start, signals, periodic work, stop. */
#include "daemon.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "log.h"
#include "parts.h"
#include "process.h"
#include "report.h"
#include "secret.h"

enum {
  SEED_S = 300,
  TURN_MS = 50,    /* how often a stopping node looks whether it is done */
  CLOSE_MS = 1000, /* for neighbours to be told */
};

/* ---- while it runs ---- */

static void join_all(al_daemon *d) {
  al_peer_address a;
  for (char **text = d->settings->join; *text; text++)
    if (al_peer_address_parse(*text, &a, NULL)) al_join(d->joins, &a, NULL, NULL);
}

void al_daemon_join(al_daemon *d, const al_peer_address *a, al_join_done done, void *data) {
  al_join(d->joins, a, done, data);
}

/* Give the core what may change while it runs. */
static bool reconfigure(al_daemon *d) {
  al_config c;
  al_parts_configure(d, &c);
  al_err e = al_node_reconfigure(d->node, d->work, al_clock_now(), &c);
  al_drive_pump(d->drive);
  if (e != AL_OK) al_log_error("the node did not take the new settings: %s", al_err_text(e));
  return e == AL_OK;
}

/* Fresh entropy; and where we are may have changed. */
static gboolean on_period(gpointer data) {
  al_daemon *d = data;
  al_input in = {.kind = AL_IN_SEED, .now = al_clock_now()};
  al_face face;
  al_node_info n;
  al_secret_random(in.u.seed, sizeof in.u.seed);
  (void)al_node_input(d->node, d->work, &in);
  al_secret_wipe(&in, sizeof in);
  al_drive_pump(d->drive);
  al_face_make(&face, d->settings, d->secret, al_webrtc_port(d->transport));
  if (d->phase == AL_DAEMON_RUNNING && !al_face_equal(&face, &d->face)) {
    al_log_info("the addresses of this machine have changed");
    d->face = face;
    reconfigure(d);
  }
  al_inspect_node(d->node, &n);
  if (n.links_up == 0) join_all(d);
  return G_SOURCE_CONTINUE;
}

/* Options that only a restart can change, named when they were changed. */
static void warn_fixed(const al_settings *was, const al_settings *is) {
  static const char *const live[] = {"relay",    "hops",        "padding", "drain", "log-level",
                                     "announce", "exit-policy", "join",    NULL};
  for (size_t i = 0; al_option_at(i); i++) {
    const al_option *o = al_option_at(i);
    if (g_strv_contains(live, o->name)) continue;
    g_autofree char *a = al_option_text(was, o), *b = al_option_text(is, o);
    if (strcmp(a, b) != 0) al_log_warning("%s: changed; takes a restart", o->name);
  }
}

/* Addresses that were not in the settings before. */
static void join_new(al_daemon *d, char *const *before) {
  al_peer_address a;
  for (char **text = d->settings->join; *text; text++)
    if (!g_strv_contains((const char *const *)before, *text) &&
        al_peer_address_parse(*text, &a, NULL))
      al_join(d->joins, &a, NULL, NULL);
}

/* Take over what a running node can change; what it had before is in `from` then. */
static void take_live(al_settings *to, al_settings *from) {
  char **list = to->announce, **join = to->join, *policy = to->exit_policy;
  to->relay = from->relay;
  to->hops = from->hops;
  to->padding = from->padding;
  to->drain = from->drain;
  to->log_level = from->log_level;
  to->announce = from->announce;
  to->join = from->join;
  to->exit_policy = from->exit_policy;
  from->announce = list;
  from->join = join;
  from->exit_policy = policy;
}

static gboolean on_reload(gpointer data) {
  al_daemon *d = data;
  g_autoptr(GError) err = NULL;
  g_autoptr(al_settings) fresh = al_config_load(d->source, &err);
  if (!fresh || !al_policy_parse(fresh->exit_policy, &d->policy, &err)) {
    al_log_error("settings not reloaded: %s", err->message);
    return G_SOURCE_CONTINUE;
  }
  warn_fixed(d->settings, fresh);
  take_live(d->settings, fresh);
  al_log_level(d->settings->log_level);
  al_exit_set_policy(d->exit, &d->policy);
  al_face_make(&d->face, d->settings, d->secret, al_webrtc_port(d->transport));
  if (reconfigure(d)) al_log_info("settings reloaded");
  join_new(d, fresh->join);
  return G_SOURCE_CONTINUE;
}

/* ---- stopping ---- */

static void begin_closing(al_daemon *d) {
  d->phase = AL_DAEMON_CLOSING;
  d->phase_us = g_get_monotonic_time();
  al_node_shutdown(d->node, d->work, al_clock_now());
  al_drive_pump(d->drive);
  al_webrtc_close_all(d->transport);
}

static gboolean on_turn(gpointer data) {
  al_daemon *d = data;
  gint64 ms = (g_get_monotonic_time() - d->phase_us) / 1000;
  al_pipes_info pipes;
  al_pipes_inspect(d->pipes, &pipes);
  if (d->phase == AL_DAEMON_DRAINING && pipes.open > 0 && ms < (gint64)d->settings->drain * 1000)
    return G_SOURCE_CONTINUE;
  if (d->phase == AL_DAEMON_DRAINING)
    begin_closing(d);
  else if (al_webrtc_links(d->transport) == 0 || ms >= CLOSE_MS)
    g_main_loop_quit(d->loop);
  return G_SOURCE_CONTINUE;
}

static gboolean on_stop(gpointer data) {
  al_daemon *d = data;
  al_pipes_info pipes;
  if (d->signals++ > 0) {
    al_log_info("stopping at once");
    if (d->phase == AL_DAEMON_DRAINING) begin_closing(d);
    g_main_loop_quit(d->loop);
    return G_SOURCE_CONTINUE;
  }
  al_pipes_inspect(d->pipes, &pipes);
  al_log_info("stopping; %u stream%s open", pipes.open, pipes.open == 1 ? "" : "s");
  al_process_notify("STOPPING=1");
  d->phase = AL_DAEMON_DRAINING;
  d->phase_us = g_get_monotonic_time();
  al_socks_stop(d->socks);
  al_exit_stop(d->exit);
  d->sources[4] = g_timeout_add(TURN_MS, on_turn, d);
  return G_SOURCE_CONTINUE;
}

/* ---- life ---- */

static void say_where(const al_daemon *d) {
  al_node_info n;
  g_auto(GStrv) places = al_socks_places(d->socks);
  char id[AL_REPORT_ID_TEXT + 1];
  al_inspect_node(d->node, &n);
  al_report_id(&n.id, id);
  id[AL_REPORT_SHORT_TEXT] = 0;
  al_log_info("node %s, listening on udp port %u", id, al_webrtc_port(d->transport));
  for (guint i = 0; places[i]; i++) al_log_info("socks on %s", places[i]);
  if (d->settings->hops < 3) al_log_warning("hops = %u: fewer than 3 hide less", d->settings->hops);
  if (d->policy.count) al_log_info("this node is an exit");
  if (!d->settings->join[0] && n.peers == 0)
    al_log_info("nobody to join yet; `allium address` tells how others join this node");
}

/* A proxy that others can use gives them this node's circuits. */
static void warn_open(const al_daemon *d) {
  g_auto(GStrv) places = al_socks_places(d->socks);
  for (guint i = 0; places[i]; i++) {
    char host[AL_ADDRESS_HOST_MAX + 1];
    uint16_t port;
    al_endpoint e;
    if (g_str_has_prefix(places[i], "unix:")) continue;
    if (al_hostport_parse(places[i], -1, host, &port, NULL) && al_endpoint_parse(host, port, &e) &&
        !al_endpoint_is_loopback(&e))
      al_log_warning("socks is open to the network at %s", places[i]);
  }
}

static bool start(al_daemon *d, GError **err) {
  if (!al_parts_start(d, err)) return false;
  d->loop = g_main_loop_new(NULL, FALSE);
  d->sources[0] = g_unix_signal_add(SIGTERM, on_stop, d);
  d->sources[1] = g_unix_signal_add(SIGINT, on_stop, d);
  d->sources[2] = g_unix_signal_add(SIGHUP, on_reload, d);
  d->sources[3] = g_timeout_add_seconds(SEED_S, on_period, d);
  al_drive_start(d->drive, d->node, d->work, al_webrtc_ops(), d->transport);
  al_services_start(d->services);
  d->phase = AL_DAEMON_RUNNING;
  say_where(d);
  warn_open(d);
  join_all(d);
  al_process_notify("READY=1");
  return true;
}

static void stop(al_daemon *d) {
  for (size_t i = 0; i < G_N_ELEMENTS(d->sources); i++)
    if (d->sources[i]) g_source_remove(d->sources[i]);
  al_parts_stop(d);
  if (d->loop) g_main_loop_unref(d->loop);
  al_config_free(d->settings);
  al_secret_wipe(d, sizeof *d);
}

bool al_daemon_run(const al_config_source *source, al_settings *s, GError **err) {
  al_daemon d = {.source = source, .settings = s, .started_us = g_get_monotonic_time()};
  al_process_prepare();
  al_log_start(s->log_level);
  bool good = start(&d, err);
  if (good) {
    g_main_loop_run(d.loop);
    al_log_info("stopped");
  }
  stop(&d);
  return good;
}
