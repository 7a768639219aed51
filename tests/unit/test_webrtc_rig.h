/* test_webrtc_rig.h — two or more transports in one process, with a sink that keeps what it is
 * told. */
#ifndef TEST_WEBRTC_RIG_H
#define TEST_WEBRTC_RIG_H

#include <glib.h>
#include <string.h>

#include "webrtc/webrtc.h"

enum { RIG_LINKS = 512 };

typedef struct rig_link {
  bool used, incoming, up, down;
  al_down_reason why;
  uint8_t binding[32];
  uint64_t rx_count, rx_bytes;
  uint32_t credit, credit_max;
  gint64 opened_us, up_us;
} rig_link;

typedef struct rig_node {
  al_transport *t;
  rig_link link[RIG_LINKS]; /* by handle; dialled 1.., accepted from RIG_LINKS / 2 */
  al_link next_in;
  unsigned ups, downs;
  bool refuse, close_on_up, close_on_rx, in_op;
  void (*on_rx)(struct rig_node *n, al_link link, al_bytes frame);
  void (*on_credit)(struct rig_node *n, al_link link);
  void *user;
} rig_node;

static bool rig_violation; /* the transport broke a rule of al_host.h */

static al_link rig_up(void *ctx, al_link link, const uint8_t binding[32], void *ref) {
  rig_node *n = ctx;
  if (n->in_op) rig_violation = true;
  bool incoming = link == 0;
  if (incoming) {
    if (n->refuse) return 0;
    link = n->next_in++;
    n->in_op = true;
    al_webrtc_ops()->accept(n->t, link, ref);
    n->in_op = false;
  }
  rig_link *l = &n->link[link];
  if (l->up || l->down) rig_violation = true;
  l->used = l->up = true;
  l->incoming = incoming;
  l->up_us = g_get_monotonic_time();
  memcpy(l->binding, binding, 32);
  n->ups++;
  if (n->close_on_up) al_webrtc_ops()->close(n->t, link);
  return link;
}

static void rig_down(void *ctx, al_link link, al_down_reason why) {
  rig_node *n = ctx;
  rig_link *l = &n->link[link];
  if (n->in_op || l->down || !l->used) rig_violation = true;
  l->down = true;
  l->why = why;
  n->downs++;
}

static void rig_rx(void *ctx, al_link link, al_bytes frame) {
  rig_node *n = ctx;
  rig_link *l = &n->link[link];
  if (n->in_op || !l->up || l->down || frame.len == 0 || frame.len > AL_FRAME_BYTES)
    rig_violation = true;
  l->rx_count++;
  l->rx_bytes += frame.len;
  if (n->on_rx) n->on_rx(n, link, frame);
  if (n->close_on_rx) al_webrtc_ops()->close(n->t, link);
}

static void rig_credit(void *ctx, al_link link, uint32_t bytes) {
  rig_node *n = ctx;
  rig_link *l = &n->link[link];
  if (n->in_op || !l->up || l->down) rig_violation = true;
  l->credit = bytes;
  if (bytes > l->credit_max) l->credit_max = bytes;
  if (n->on_credit) n->on_credit(n, link);
}

/* One node on 127.0.0.1; `cfg` NULL: defaults. The password is filled with `seed`. */
static bool rig_start(rig_node *n, al_webrtc_config *cfg, uint8_t seed, GError **err) {
  al_webrtc_config own;
  al_transport_sink sink = {
      .ctx = n, .up = rig_up, .down = rig_down, .rx = rig_rx, .credit = rig_credit};
  if (!cfg) {
    al_webrtc_config_init(&own);
    cfg = &own;
    cfg->bind[0] = "127.0.0.1";
  }
  memset(cfg->identity.password, seed, sizeof cfg->identity.password);
  if (!n->next_in) n->next_in = RIG_LINKS / 2;
  n->t = al_webrtc_new(cfg, &sink, err);
  return n->t != NULL;
}

static al_err rig_open_record(rig_node *n, al_link link, al_bytes record) {
  n->link[link].used = true;
  n->link[link].opened_us = g_get_monotonic_time();
  n->in_op = true;
  al_err e = al_webrtc_ops()->open(n->t, link, record);
  n->in_op = false;
  return e;
}

__attribute__((unused)) static al_err rig_open(rig_node *from, al_link link, const rig_node *to) {
  uint8_t record[AL_WEBRTC_ADDRESS_MAX];
  size_t len = al_webrtc_address(to->t, "127.0.0.1", record);
  return rig_open_record(from, link, (al_bytes){record, len});
}

__attribute__((unused)) static al_err rig_send(rig_node *n, al_link link, al_channel channel,
                                               al_bytes frame) {
  bool was = n->in_op;
  n->in_op = true;
  al_err e = al_webrtc_ops()->send(n->t, link, channel, frame);
  n->in_op = was;
  if (e == AL_OK && channel == AL_CHANNEL_BULK) n->link[link].credit -= (uint32_t)frame.len;
  return e;
}

static gboolean rig_expired(gpointer flag) {
  *(bool *)flag = true;
  return G_SOURCE_REMOVE;
}

/* Turn the main loop until `done` says so; false after `ms`. */
static bool rig_until(bool (*done)(void *), void *ctx, guint ms) {
  bool late = false;
  guint timer = g_timeout_add(ms, rig_expired, &late);
  while (!late && !done(ctx)) g_main_context_iteration(NULL, TRUE);
  if (!late) g_source_remove(timer);
  return done(ctx);
}

static bool rig_never(void *ctx) {
  (void)ctx;
  return false;
}

__attribute__((unused)) static void rig_run(guint ms) { rig_until(rig_never, NULL, ms); }

__attribute__((unused)) static al_webrtc_counters rig_count(const rig_node *n) {
  al_webrtc_counters c;
  al_webrtc_count(n->t, &c);
  return c;
}

#endif
