/* A node by itself: what al_node_new refuses, what a fresh one shows, reconfiguration, snapshots.
 */
#include <stdlib.h>

#include "allium/al_inspect.h"
#include "base/base.h"
#include "tap.h"

static void *get(void *ctx, size_t size) {
  (void)ctx;
  return calloc(1, size);
}

static void put(void *ctx, void *ptr, size_t size) {
  (void)ctx;
  (void)size;
  free(ptr);
}

static const al_alloc heap = {NULL, get, put};

static uint8_t record[58] = {1, 4, 192, 0, 2, 1, 0x23, 0x24, 7};

static al_config config(void) {
  al_config c;
  al_config_default(&c);
  c.suite = al_suite_null();
  c.simulation = true;
  c.wall_s = 1800000000;
  memset(c.seed, 1, sizeof c.seed);
  memset(c.identity, 2, sizeof c.identity);
  c.limits.peers_max = 16;
  c.limits.circuits_max = 64;
  c.addresses[0] = al_view(record, sizeof record);
  c.addresses_count = 1;
  return c;
}

static bool refused(al_config c, al_err want) {
  al_node *n = NULL;
  al_err e = al_node_new(&n, &heap, &c, 1);
  al_node_free(n, NULL);
  return e == want && n == NULL;
}

static void test_refusals(void) {
  al_config c = config();
  c.suite = NULL;
  tap_ok(refused(c, AL_EINVAL), "no suite");
  c = config();
  c.simulation = false;
  tap_ok(refused(c, AL_EINVAL), "the null suite outside a simulation");
  c = config();
  c.size--;
  tap_ok(refused(c, AL_EINVAL), "a config of another version");
  c = config();
  c.hops = 6;
  tap_ok(refused(c, AL_EINVAL), "six hops");
  c = config();
  c.network = al_view("", 0);
  tap_ok(refused(c, AL_EINVAL), "no network name");
  c = config();
  c.network_secret = al_view(record, 31);
  tap_ok(refused(c, AL_EINVAL), "a short network secret");
  c = config();
  c.addresses[0].len--;
  tap_ok(refused(c, AL_EINVAL), "a malformed address");
  c = config();
  c.exit_rules[0] = (al_exit_rule){.accept = true, .family = 5};
  c.exit_rules_count = 1;
  tap_ok(refused(c, AL_EINVAL), "a malformed exit rule");
  c = config();
  c.limits.links_max = 0;
  tap_ok(refused(c, AL_EINVAL), "no links");
  c = config();
  static const uint8_t bad[] = {1, 0, 9, 0, 0, 0, 'k'};
  c.snapshot = al_view(bad, sizeof bad);
  tap_ok(refused(c, AL_EPARSE), "a truncated snapshot");
}

static void drain(al_work *w, uint32_t *puts) {
  al_effect fx;
  while (al_work_next(w, &fx)) {
    if (fx.kind == AL_FX_STORE_PUT) ++*puts;
    if (fx.kind == AL_FX_TX) al_buf_drop(w, fx.u.tx.buf);
  }
}

static void test_fresh(void) {
  al_config c = config();
  al_node *n = NULL;
  al_work *w = NULL;
  al_node_info info;
  al_link_info link;
  uint32_t puts = 0;
  (void)al_work_new(&w, &heap, 64, 4096);
  tap_ok(al_node_new(&n, &heap, &c, 1000) == AL_OK, "a valid config makes a node");
  tap_ok(al_zero_ct(c.seed, 32) && al_zero_ct(c.identity, 32), "secrets are wiped in the config");
  al_input in = {.kind = AL_IN_TICK, .now = 2000};
  tap_ok(al_node_input(n, w, &in) == AL_OK, "it takes a tick");
  drain(w, &puts);
  tap_ok(puts >= 3, "it stores its sequence and onion keys (%u)", puts);
  tap_ok(al_node_deadline(n) > 2000 && al_node_deadline(n) < AL_TIME_NEVER, "it has a deadline");
  al_inspect_node(n, &info);
  tap_ok(info.relay && !info.exit && info.links == 0 && info.epoch == 1800000000 / 21600,
         "inspection tells what it is");
  tap_ok(!al_inspect_link(n, 0, &link), "there is no link");
  in = (al_input){.kind = AL_IN_RX, .link = 77, .now = 3000, .u.rx = {al_buf_take(w), 1120}};
  tap_ok(al_node_input(n, w, &in) == AL_ENOTFOUND, "a frame of an unknown link is told");
  drain(w, &puts);
  al_node_free(n, w);
  al_work_free(w);
}

static void test_reconfigure(void) {
  al_config c = config();
  al_node *n = NULL;
  al_work *w = NULL;
  uint32_t puts = 0;
  (void)al_work_new(&w, &heap, 64, 4096);
  (void)al_node_new(&n, &heap, &c, 1000);
  static uint8_t buf[16384];
  size_t len = al_inspect_descriptor(n, buf, sizeof buf).len;
  c = config();
  c.exit_rules[0] = (al_exit_rule){.accept = true, .port_min = 80, .port_max = 80};
  c.exit_rules_count = 1;
  tap_ok(al_node_reconfigure(n, w, 2000, &c) == AL_OK, "a policy is taken over");
  drain(w, &puts);
  tap_is_u64(al_inspect_descriptor(n, buf, sizeof buf).len, len + 24,
             "the descriptor carries the rule");
  c.hops = 9;
  tap_ok(al_node_reconfigure(n, w, 3000, &c) == AL_EINVAL, "a bad one is refused");
  tap_is_u64(al_inspect_descriptor(n, buf, sizeof buf).len, len + 24, "and changes nothing");
  al_node_free(n, w);
  al_work_free(w);
}

static void test_streams_without_network(void) {
  al_config c = config();
  al_node *n = NULL;
  al_work *w = NULL;
  al_stream s = 0;
  al_effect fx;
  al_target t = {.kind = AL_TARGET_NAME, .port = 80, .host_len = 1, .host = {'x'}};
  (void)al_work_new(&w, &heap, 64, 4096);
  (void)al_node_new(&n, &heap, &c, 1000);
  tap_ok(al_stream_open(n, w, 2000, &t, 0, &s) == AL_OK && s != 0, "a stream can be asked for");
  al_reason why = AL_REASON_DONE;
  while (al_work_next(w, &fx)) {
    if (fx.kind == AL_FX_EVENT && fx.u.event.kind == AL_EV_STREAM_RESET && fx.u.event.stream == s)
      why = fx.u.event.reason;
  }
  tap_is_u64(why, AL_REASON_NO_PATH, "and ends with the reason that no path is known");
  t.port = 0;
  tap_ok(al_stream_open(n, w, 2000, &t, 0, &s) == AL_EINVAL, "port 0 is refused");
  tap_is_u64(al_stream_writable(n, 12345), 0, "a dead handle takes nothing");
  al_node_free(n, w);
  al_work_free(w);
}

static void test_words(void) {
  bool all = true, named = false;
  for (int r = 0; r <= AL_REASON_NO_RELAY; r++) all &= al_reason_text((al_reason)r)[0] != 0;
  tap_ok(all && al_reason_socks(AL_REASON_REFUSED) == 5 && al_reason_socks(AL_REASON_POLICY) == 2,
         "every reason has a text and a SOCKS reply");
  al_config c = config();
  al_node *n = NULL;
  (void)al_node_new(&n, &heap, &c, 1000);
  const char *name, *text;
  uint64_t value;
  for (uint32_t i = 0; al_inspect_counter(n, i, &name, &text, &value); i++) {
    all &= name[0] != 0 && text[0] != 0 && value == 0;
    named |= strcmp(name, "node_urgent_full") == 0;
  }
  tap_ok(all && named, "every counter has a name and begins at 0");
  al_node_free(n, NULL);
}

int main(void) {
  test_refusals();
  test_fresh();
  test_reconfigure();
  test_streams_without_network();
  test_words();
  return tap_done();
}
