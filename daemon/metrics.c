/* metrics.c — the page /metrics. */
#include <string.h>

#include "allium/al_inspect.h"
#include "process.h"
#include "report.h"

typedef struct metric {
  const char *name, *help;
  uint64_t value;
} metric;

/* A metric whose name ends in _total only grows. */
static void add(GString *s, const metric *m) {
  bool counter = g_str_has_suffix(m->name, "_total");
  g_string_append_printf(
      s, "# HELP allium_%s %s\n# TYPE allium_%s %s\nallium_%s %" G_GUINT64_FORMAT "\n", m->name,
      m->help, m->name, counter ? "counter" : "gauge", m->name, m->value);
}

static void add_all(GString *s, const metric *m, size_t count) {
  for (size_t i = 0; i < count; i++) add(s, &m[i]);
}

static void add_process(GString *s, const al_daemon *d) {
  al_process_info p;
  char cpu[G_ASCII_DTOSTR_BUF_SIZE];
  al_process_inspect(&p);
  g_ascii_formatd(cpu, sizeof cpu, "%.6f", p.cpu_s);
  g_string_append_printf(s,
                         "# HELP process_cpu_seconds_total CPU time, user and system\n"
                         "# TYPE process_cpu_seconds_total counter\n"
                         "process_cpu_seconds_total %s\n"
                         "# HELP process_resident_memory_bytes resident memory\n"
                         "# TYPE process_resident_memory_bytes gauge\n"
                         "process_resident_memory_bytes %" G_GUINT64_FORMAT
                         "\n"
                         "# HELP process_max_fds descriptors allowed\n"
                         "# TYPE process_max_fds gauge\n"
                         "process_max_fds %u\n"
                         "# HELP allium_build_info the version in a label\n"
                         "# TYPE allium_build_info gauge\n"
                         "allium_build_info{version=\"" AL_VERSION "\"} 1\n",
                         cpu, p.rss_bytes, p.fds_max);
  metric up = {"uptime_seconds", "since the start",
               (uint64_t)((g_get_monotonic_time() - d->started_us) / G_USEC_PER_SEC)};
  add(s, &up);
}

static void add_node(GString *s, const al_daemon *d) {
  al_node_info n;
  al_inspect_node(d->node, &n);
  const metric m[] = {
      {"links", "neighbours, those being dialled included", n.links},
      {"links_up", "authenticated neighbours", n.links_up},
      {"peers", "nodes known", n.peers},
      {"relays", "relays known", n.relays},
      {"exits", "exits known", n.exits},
      {"circuits_own", "own circuits", n.circuits_origin},
      {"circuits_relayed", "circuits carried for others", n.circuits_relay},
      {"circuits_ended", "circuits of others that end here", n.circuits_end},
      {"streams", "streams, own and served", n.streams},
  };
  add_all(s, m, G_N_ELEMENTS(m));
}

static void add_host(GString *s, const al_daemon *d) {
  al_socks_info socks;
  al_exit_info out;
  al_pipes_info pipes;
  al_store_info store;
  al_socks_inspect(d->socks, &socks);
  al_exit_inspect(d->exit, &out);
  al_pipes_inspect(d->pipes, &pipes);
  al_store_inspect(d->store, &store);
  const metric m[] = {
      {"socks_connections", "SOCKS connections, handshakes included", socks.open},
      {"socks_accepted_total", "SOCKS connections taken", socks.accepted},
      {"socks_over_limit_total", "SOCKS connections above the limit", socks.over_limit},
      {"socks_garbage_total", "SOCKS handshakes that were none", socks.garbage},
      {"socks_timed_out_total", "SOCKS handshakes that never ended", socks.timed_out},
      {"socks_refused_total", "SOCKS requests answered with an error", socks.refused},
      {"socks_connected_total", "SOCKS requests connected", socks.connected},
      {"exit_connections", "targets connected for others", out.open},
      {"exit_requested_total", "targets asked for by others", out.requested},
      {"exit_refused_total", "targets that the policy refused", out.refused},
      {"exit_unreachable_total", "targets that could not be connected", out.unreachable},
      {"exit_connected_total", "targets that were connected", out.connected},
      {"pipes", "streams joined to sockets", pipes.open},
      {"pipes_started_total", "streams joined to sockets since the start", pipes.started},
      {"pipes_failed_total", "streams that did not end cleanly", pipes.failed},
      {"pipe_up_bytes_total", "bytes from sockets into streams", pipes.up_bytes},
      {"pipe_down_bytes_total", "bytes from streams into sockets", pipes.down_bytes},
      {"store_batches_total", "transactions written", store.batches},
      {"store_records_total", "records written", store.records},
      {"store_errors_total", "writes that failed and wait", store.errors},
      {"store_pending", "changes not on disk yet", store.pending},
  };
  add_all(s, m, G_N_ELEMENTS(m));
}

/* The transport names its gauges in their help text. */
static void add_transport(GString *s, const al_daemon *d) {
  al_webrtc_counters c;
  al_webrtc_count(d->transport, &c);
  const metric m[] = {
#define AL_COUNT(name, text) {#name, text, c.name},
#include "webrtc/counters.def"
#undef AL_COUNT
  };
  for (size_t i = 0; i < G_N_ELEMENTS(m); i++) {
    bool gauge = strstr(m[i].help, "(gauge)") != NULL;
    g_autofree char *name = g_strconcat("transport_", m[i].name, gauge ? "" : "_total", NULL);
    metric one = {name, m[i].help, m[i].value};
    add(s, &one);
  }
}

static void add_core(GString *s, const al_daemon *d) {
  const char *name, *text;
  uint64_t value;
  for (uint32_t i = 0; al_inspect_counter(d->node, i, &name, &text, &value); i++) {
    g_autofree char *full = g_strconcat("core_", name, "_total", NULL);
    metric m = {full, text, value};
    add(s, &m);
  }
}

char *al_report_metrics(const al_daemon *d) {
  GString *s = g_string_sized_new(16 * 1024);
  add_process(s, d);
  add_node(s, d);
  add_host(s, d);
  add_transport(s, d);
  add_core(s, d);
  return g_string_free(s, FALSE);
}
