/* report.c — the pages of the control socket. */
#include "report.h"

#include <string.h>
#include <unistd.h>

#include "allium/al_inspect.h"
#include "base32.h"
#include "process.h"

void al_report_id(const al_id *id, char *out) { al_base32_encode(out, id->b, sizeof id->b); }

static void add_int(JsonBuilder *b, const char *name, uint64_t value) {
  json_builder_set_member_name(b, name);
  json_builder_add_int_value(b, (gint64)value);
}

static void add_real(JsonBuilder *b, const char *name, double value) {
  json_builder_set_member_name(b, name);
  json_builder_add_double_value(b, value);
}

static void add_bool(JsonBuilder *b, const char *name, bool value) {
  json_builder_set_member_name(b, name);
  json_builder_add_boolean_value(b, value);
}

static void add_text(JsonBuilder *b, const char *name, const char *value) {
  json_builder_set_member_name(b, name);
  json_builder_add_string_value(b, value);
}

static void begin(JsonBuilder *b, const char *name) {
  json_builder_set_member_name(b, name);
  json_builder_begin_object(b);
}

static void begin_list(JsonBuilder *b, const char *name) {
  json_builder_set_member_name(b, name);
  json_builder_begin_array(b);
}

static void add_id(JsonBuilder *b, const al_id *id) {
  char text[AL_REPORT_ID_TEXT + 1];
  al_report_id(id, text);
  add_text(b, "id", text);
}

/* ---- status ---- */

static void add_node(JsonBuilder *b, const al_daemon *d) {
  static const char *const phases[] = {"starting", "running", "draining", "closing"};
  static const char *const paddings[] = {"off", "reduced"};
  add_text(b, "version", AL_VERSION);
  add_int(b, "pid", (uint64_t)getpid());
  add_text(b, "phase", phases[d->phase]);
  add_int(b, "uptime_s", (uint64_t)((g_get_monotonic_time() - d->started_us) / G_USEC_PER_SEC));
  add_text(b, "network", d->settings->network);
  add_bool(b, "private", *d->settings->network_secret_file != 0);
  add_int(b, "port", al_webrtc_port(d->transport));
  add_int(b, "hops", d->settings->hops);
  add_text(b, "padding", paddings[d->settings->padding]);
  add_text(b, "state", d->state->dir);
}

static void add_core(JsonBuilder *b, const al_daemon *d) {
  al_node_info n;
  al_inspect_node(d->node, &n);
  add_id(b, &n.id);
  add_bool(b, "relay", n.relay);
  add_bool(b, "exit", n.exit);
  add_int(b, "links", n.links);
  add_int(b, "links_up", n.links_up);
  add_int(b, "peers", n.peers);
  add_int(b, "relays", n.relays);
  add_int(b, "exits", n.exits);
  add_int(b, "circuits_own", n.circuits_origin);
  add_int(b, "circuits_relayed", n.circuits_relay);
  add_int(b, "circuits_ended", n.circuits_end);
  add_int(b, "streams", n.streams);
  add_int(b, "epoch", n.epoch);
}

static void add_host(JsonBuilder *b, const al_daemon *d) {
  al_socks_info socks;
  al_store_info store;
  al_process_info process;
  al_socks_inspect(d->socks, &socks);
  al_store_inspect(d->store, &store);
  al_process_inspect(&process);
  g_auto(GStrv) places = al_socks_places(d->socks);
  begin_list(b, "socks");
  for (guint i = 0; places[i]; i++) json_builder_add_string_value(b, places[i]);
  json_builder_end_array(b);
  add_int(b, "socks_connections", socks.open);
  add_int(b, "store_pending", store.pending);
  add_int(b, "store_errors", store.errors);
  add_real(b, "cpu_s", process.cpu_s);
  add_int(b, "rss_kib", process.rss_bytes / 1024);
}

static void add_status(JsonBuilder *b, const al_daemon *d) {
  add_node(b, d);
  add_core(b, d);
  add_host(b, d);
  g_autofree char *policy = al_policy_text(d->policy.rules, d->policy.count);
  add_text(b, "exit_policy", policy);
}

/* ---- tables ---- */

/* The link to a neighbour: its round trip and age. */
static void add_link(JsonBuilder *b, const al_daemon *d, const al_id *id) {
  al_link_info link;
  for (uint32_t i = 0; al_inspect_link(d->node, i, &link); i++) {
    if (!link.up || memcmp(&link.peer, id, sizeof *id) != 0) continue;
    begin(b, "link");
    add_bool(b, "initiator", link.initiator);
    add_real(b, "rtt_ms", (double)link.rtt_us / 1000);
    add_real(b, "up_s", (double)link.up_us / 1e6);
    add_int(b, "frames_sent", link.frames_tx);
    add_int(b, "frames_received", link.frames_rx);
    add_int(b, "circuits", link.circuits);
    json_builder_end_object(b);
    return;
  }
}

static void add_peers(JsonBuilder *b, const al_daemon *d) {
  al_peer_info p;
  al_peer_address a;
  begin_list(b, "peers");
  for (uint32_t i = 0; al_inspect_peer(d->node, i, &p); i++) {
    json_builder_begin_object(b);
    add_id(b, &p.id);
    add_bool(b, "relay", p.relay);
    add_bool(b, "exit", p.exit);
    add_bool(b, "guard", p.guard);
    add_bool(b, "linked", p.linked);
    add_int(b, "sequence", p.sequence);
    add_int(b, "expires_unix_s", p.expiry_s);
    add_int(b, "addresses", p.addresses_count);
    if (p.addresses_count && al_peer_address_from_record(p.address, &a)) {
      a.id = p.id;
      a.has_id = true;
      g_autofree char *text = al_peer_address_text(&a);
      add_text(b, "address", text);
    }
    if (p.linked) add_link(b, d, &p.id);
    json_builder_end_object(b);
  }
  json_builder_end_array(b);
}

static void add_path(JsonBuilder *b, const al_circuit_info *c) {
  char text[AL_REPORT_ID_TEXT + 1];
  begin_list(b, "path");
  for (unsigned i = 0; i < c->hops && i < AL_HOPS_MAX; i++) {
    al_report_id(&c->path[i], text);
    json_builder_add_string_value(b, text);
  }
  json_builder_end_array(b);
}

static void add_circuits(JsonBuilder *b, const al_daemon *d) {
  al_circuit_info c;
  begin_list(b, "circuits");
  for (uint32_t i = 0; al_inspect_circuit(d->node, i, &c); i++) {
    json_builder_begin_object(b);
    add_int(b, "circuit", c.circ);
    add_text(b, "role",
             c.role == AL_CIRCUIT_ORIGIN  ? "own"
             : c.role == AL_CIRCUIT_RELAY ? "relay"
                                          : "end");
    add_bool(b, "open", c.open);
    if (c.role == AL_CIRCUIT_ORIGIN) {
      add_path(b, &c);
      add_real(b, "build_ms", (double)c.build_us / 1000);
    }
    add_real(b, "rtt_ms", (double)c.rtt_us / 1000);
    add_int(b, "streams", c.streams);
    add_int(b, "queued", c.queued);
    add_int(b, "cells_sent", c.cells_tx);
    add_int(b, "cells_received", c.cells_rx);
    add_real(b, "age_s", (double)c.age_us / 1e6);
    json_builder_end_object(b);
  }
  json_builder_end_array(b);
}

static void add_own_id(JsonBuilder *b, const al_daemon *d) {
  al_node_info n;
  al_inspect_node(d->node, &n);
  add_id(b, &n.id);
}

static void add_addresses(JsonBuilder *b, const al_daemon *d) {
  al_node_info n;
  al_inspect_node(d->node, &n);
  begin_list(b, "addresses");
  for (uint32_t i = 0; i < d->face.count; i++) {
    al_peer_address a = d->face.address[i];
    a.id = n.id;
    a.has_id = true;
    g_autofree char *text = al_peer_address_text(&a);
    json_builder_add_string_value(b, text);
  }
  json_builder_end_array(b);
}

static void add_services(JsonBuilder *b, const al_daemon *d) {
  json_builder_set_member_name(b, "services");
  al_services_report(d->services, b);
}

JsonNode *al_report(const al_daemon *d, const char *page) {
  static const struct {
    const char *page;
    void (*add)(JsonBuilder *b, const al_daemon *d);
  } pages[] = {{"status", add_status},     {"peers", add_peers}, {"circuits", add_circuits},
               {"services", add_services}, {"id", add_own_id},   {"address", add_addresses}};
  for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
    if (strcmp(pages[i].page, page) != 0) continue;
    g_autoptr(JsonBuilder) b = json_builder_new();
    json_builder_begin_object(b);
    pages[i].add(b, d);
    json_builder_end_object(b);
    return json_builder_get_root(b);
  }
  return NULL;
}
