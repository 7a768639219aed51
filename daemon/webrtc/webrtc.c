/* webrtc.c — the transport object: identities, the table of links, the operations, life and death.
 */
#include "webrtc.h"

#include <string.h>

#include "dial.h"
#include "ice.h"
#include "lite.h"
#include "session.h"
#include "transport.h"

enum { SWEEP_MS = 1000 };

/* ---- configuration ---- */

void al_webrtc_config_init(al_webrtc_config *c) {
  memset(c, 0, sizeof *c);
  c->bind[0] = "::";
  c->sessions_max = 4096;
  c->sessions_per_address = 32;
  c->sessions_per_loopback = 4096;
  c->half_open_max = 512;
  c->cookie_above = 64;
  c->unsent_max = 256 << 10;
  c->handshake_ms = 10000;
  c->silence_ms = 30000;
  c->sctp = (al_webrtc_sctp){.mtu = 1280,
                             .buffer_bytes = 4 << 20,
                             .streams = 256,
                             .initial_cwnd = 128,
                             .max_burst = 0,
                             .abc = 16,
                             .sack_packets = 8,
                             .sack_delay_ms = 20,
                             .rto_min_ms = 200,
                             .heartbeat_ms = 10000};
}

void al_webrtc_password_text(const uint8_t password[AL_WEBRTC_PASSWORD_BYTES], char out[25]) {
  gchar *text = g_base64_encode(password, AL_WEBRTC_PASSWORD_BYTES);
  memcpy(out, text, 25);
  g_free(text);
}

static bool identity_open(al_rtc_identity *id, const al_webrtc_identity *cfg, bool create,
                          GError **err) {
  if (!al_cert_open(&id->cert, cfg, create, err)) return false;
  id->present = true;
  id->dtls = al_dtls_ctx_new(&id->cert);
  if (!id->dtls) {
    g_set_error(err, AL_WEBRTC_ERROR, 0, "OpenSSL refuses the certificate or the cipher list");
    return false;
  }
  memcpy(id->password, cfg->password, sizeof id->password);
  al_webrtc_password_text(id->password, id->key);
  return true;
}

/* ---- death, from the main loop only ---- */

static void bury(al_transport *t, al_session *s) {
  al_link link = s->link;
  al_down_reason why = s->why;
  if (link) g_hash_table_remove(t->links, GUINT_TO_POINTER(link));
  al_session_free(s);
  if (link) t->sink.down(t->sink.ctx, link, why);
}

static gboolean on_reap(gpointer u) {
  al_transport *t = u;
  t->reaper = 0;
  for (al_session *s = t->sessions; s;) {
    if (!s->dead) {
      s = s->next;
      continue;
    }
    bury(t, s);
    s = t->sessions; /* the sink may have opened others */
  }
  return G_SOURCE_REMOVE;
}

void al_transport_reap_later(al_transport *t) {
  if (!t->reaper) t->reaper = g_idle_add_full(G_PRIORITY_DEFAULT, on_reap, t, NULL);
}

void al_transport_after(void *u) {
  al_transport *t = u;
  while (t->due) {
    al_session *s = t->due;
    t->due = s->due_next;
    s->credit_due = false;
    al_session_credit(s);
  }
  t->now_us = g_get_monotonic_time();
}

static gboolean on_sweep(gpointer u) {
  al_transport *t = u;
  t->now_us = g_get_monotonic_time();
  for (al_session *s = t->sessions; s; s = s->next) al_session_tick(s, t->now_us);
  al_lite_tick(t->lite, t->now_us);
  return G_SOURCE_CONTINUE;
}

/* ---- life ---- */

al_transport *al_webrtc_new(const al_webrtc_config *cfg, const al_transport_sink *sink,
                            GError **err) {
  al_transport *t = g_new0(al_transport, 1);
  t->cfg = *cfg;
  /* a living peer must be heard of at least twice before it counts as silent */
  t->cfg.sctp.heartbeat_ms = MIN(cfg->sctp.heartbeat_ms, MAX(cfg->silence_ms / 3, 1));
  t->sink = *sink;
  t->now_us = g_get_monotonic_time();
  t->links = g_hash_table_new(NULL, NULL);
  if (!identity_open(&t->identity[0], &cfg->identity, true, err) ||
      (cfg->previous && !identity_open(&t->identity[1], cfg->previous, false, err))) {
    al_webrtc_free(t);
    return NULL;
  }
  t->hub = al_udp_hub_new(&t->count, al_transport_after, t);
  t->lite = al_lite_new(t, err);
  if (!t->lite) {
    al_webrtc_free(t);
    return NULL;
  }
  al_sctp_hold(&t->cfg.sctp);
  t->sweeper = g_timeout_add(MIN(SWEEP_MS, MAX(cfg->silence_ms / 4, 50)), on_sweep, t);
  /* the caller's strings and identities are not ours to keep */
  memset(t->cfg.bind, 0, sizeof t->cfg.bind);
  memset(&t->cfg.identity, 0, sizeof t->cfg.identity);
  t->cfg.previous = NULL;
  return t;
}

void al_webrtc_close_all(al_transport *t) {
  t->draining = true;
  for (al_session *s = t->sessions; s; s = s->next) al_session_end(s, AL_DOWN_CLOSED);
}

void al_webrtc_free(al_transport *t) {
  if (!t) return;
  while (t->sessions) al_session_free(t->sessions);
  if (t->reaper) g_source_remove(t->reaper);
  if (t->sweeper) g_source_remove(t->sweeper);
  if (t->lite) {
    al_lite_free(t->lite);
    al_sctp_release();
  }
  al_udp_hub_free(t->hub);
  for (int i = 0; i < 2; i++) {
    al_dtls_ctx_free(t->identity[i].dtls);
    al_cert_clear(&t->identity[i].cert);
  }
  g_hash_table_unref(t->links);
  g_free(t);
}

/* ---- operations ---- */

static al_session *find(const al_transport *t, al_link link) {
  return g_hash_table_lookup(t->links, GUINT_TO_POINTER(link));
}

static al_err rtc_open(al_transport *t, al_link link, al_bytes addr) {
  al_rtc_address a;
  if (!link || find(t, link) || !al_rtc_address_decode(&a, addr)) return AL_EINVAL;
  if (t->draining) return AL_ESTATE;
  al_session *s = al_session_new(t, true, !al_udp_addr_is_v4(&a.at));
  al_session_bind(s, link);
  if (t->session_count > t->cfg.sessions_max) {
    t->count.drop_total_limit++;
    al_session_end(s, AL_DOWN_LIMIT);
    return AL_OK;
  }
  al_session_begin(s, 0, a.certificate, false);
  if (t->cfg.dialler == AL_WEBRTC_DIAL_NICE)
    al_ice_start(s, &a);
  else
    al_dial_start(s, &a);
  return AL_OK;
}

static void rtc_accept(al_transport *t, al_link link, void *transport_ref) {
  (void)t;
  al_session_bind(transport_ref, link);
}

static al_err rtc_send(al_transport *t, al_link link, al_channel channel, al_bytes frame) {
  al_session *s = find(t, link);
  bool dropped;
  if (!s || s->dead || !s->up) return AL_ESTATE;
  if (frame.len == 0 || frame.len > AL_FRAME_BYTES || (unsigned)channel > AL_CHANNEL_RT)
    return AL_EINVAL;
  al_err e = al_channels_send(&s->channels, channel, frame, &dropped);
  if (e == AL_OK && !dropped) t->count.frames_out++;
  if (dropped) t->count.drop_rt++;
  return e;
}

static void rtc_close(al_transport *t, al_link link) {
  al_session *s = find(t, link);
  if (s) al_session_end(s, AL_DOWN_CLOSED);
}

const al_transport_ops *al_webrtc_ops(void) {
  static const al_transport_ops ops = {.name = "webrtc",
                                       .open = rtc_open,
                                       .accept = rtc_accept,
                                       .send = rtc_send,
                                       .close = rtc_close};
  return &ops;
}

/* ---- questions ---- */

uint32_t al_webrtc_links(const al_transport *t) { return t->session_count; }

uint16_t al_webrtc_port(const al_transport *t) { return al_lite_port(t->lite); }

const uint8_t *al_webrtc_certificate(const al_transport *t) { return t->identity[0].cert.hash; }

size_t al_webrtc_address(const al_transport *t, const char *ip,
                         uint8_t out[AL_WEBRTC_ADDRESS_MAX]) {
  al_rtc_address a;
  if (!al_udp_addr_parse(&a.at, ip, al_webrtc_port(t))) return 0;
  memcpy(a.certificate, t->identity[0].cert.hash, sizeof a.certificate);
  memcpy(a.password, t->identity[0].password, sizeof a.password);
  return al_rtc_address_encode(out, &a);
}

void al_webrtc_count(const al_transport *t, al_webrtc_counters *out) {
  *out = t->count;
  out->sessions = t->session_count;
}

bool al_webrtc_link_info(const al_transport *t, al_link link, al_webrtc_info *out) {
  al_session *s = find(t, link);
  if (!s || !s->sctp) return false;
  al_sctp_path_info path;
  al_sctp_path(s->sctp, &path);
  out->cwnd = path.cwnd;
  out->rtt_us = path.rtt_us;
  out->rate = path.rate;
  out->buffered = al_sctp_buffered(s->sctp);
  return true;
}
