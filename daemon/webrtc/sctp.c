/* sctp.c — see sctp.h. All of usrsctp's globals are behind this file.
 * Rules: conn_output runs with the association locked and calls nothing of usrsctp; receive and
 * send callbacks may send; nobody frees an association from inside a callback. */
#include "sctp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <usrsctp.h>

#include "crc32c.h"
#include "window.h"

/* The option next to SCTP_PLUGGABLE_SS, which usrsctp handles and its header leaves out (its value
 * is that of FreeBSD's netinet/sctp.h). */
#ifndef SCTP_PLUGGABLE_CC
#define SCTP_PLUGGABLE_CC 0x00001202
#endif

enum {
  COMMON_HEADER_BYTES = 12,
  CHUNK_DATA = 0,
  CHUNK_SACK = 3,
  CHUNK_HEARTBEAT = 4,
  CHUNK_HEARTBEAT_ACK = 5,
  SCTP_PORT = 5000,       /* both sides; it means nothing inside DTLS */
  MESSAGE_MAX = 16 << 10, /* reassembly bound: what is longer than a frame ends the link anyway */
  FAST_TICK_MS = 10,
  SLOW_TICK_MS = 100,
  QUIET_US = 500 * 1000,
  NEVER_GIVE_UP = 1 << 30, /* retransmissions */
  CHUNKS_MAX = 10240,      /* the default of 512 is too few small messages for a long path */
};

struct al_sctp {
  struct socket *so;
  const al_sctp_up *up;
  void *ctx;
  bool is_up, gone;
  uint32_t buffer_bytes, buffered, mtu, cwnd_max, heartbeat_ms;
  uint32_t cwnd, bound; /* as last seen and set */
  uint64_t taken;       /* bytes usrsctp was given; less what is buffered: delivered */
  al_window window;
  GByteArray *partial; /* a message handed over in pieces */
};

/* usrsctp is one instance per process: so is what drives it. */
static struct {
  uint32_t holders;
  guint tick;
  guint tick_ms;
  gint64 last_us;
  bool active;    /* data moved since the last tick */
  uint32_t depth; /* inside usrsctp: its timers may not be run now */
  gint64 quiet_since_us;
  uint32_t initial_cwnd, cc_module; /* as settings() set them */
} engine;

/* ---- time: usrsctp cannot say when its next timer is due ---- */

static gboolean on_tick(gpointer u);

static void set_tick(guint ms) {
  if (engine.tick) g_source_remove(engine.tick);
  engine.tick_ms = ms;
  engine.tick = g_timeout_add_full(G_PRIORITY_DEFAULT - 5, ms, on_tick, NULL, NULL);
}

static void advance(gint64 now) {
  uint32_t ms = (uint32_t)((now - engine.last_us) / 1000);
  if (!ms) return;
  engine.last_us += (gint64)ms * 1000;
  engine.depth++;
  usrsctp_handle_timers(ms);
  engine.depth--;
}

static gboolean on_tick(gpointer u) {
  (void)u;
  gint64 now = g_get_monotonic_time();
  advance(now);
  if (engine.active) {
    engine.active = false;
    engine.quiet_since_us = now;
  }
  guint want = now - engine.quiet_since_us < QUIET_US ? FAST_TICK_MS : SLOW_TICK_MS;
  if (want == engine.tick_ms) return G_SOURCE_CONTINUE;
  engine.tick = 0;
  set_tick(want);
  return G_SOURCE_REMOVE;
}

/* Data moves: time in steps of 10 ms from now on. */
static void wake(void) {
  engine.active = true;
  if (engine.tick_ms == FAST_TICK_MS) return;
  gint64 now = g_get_monotonic_time();
  if (!engine.depth) advance(now);
  engine.quiet_since_us = now;
  set_tick(FAST_TICK_MS);
}

/* Heartbeats and SACKs alone keep nobody awake. */
static bool is_busy_chunk(al_bytes p) {
  if (p.len < 16) return false;
  switch (p.ptr[12]) {
    case 3: /* SACK */
    case 4: /* HEARTBEAT */
    case 5: /* HEARTBEAT ACK */
      return false;
    default:
      return true;
  }
}

/* ---- what the packets say ---- */

static uint32_t get32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The word behind the header of the first chunk of a type: DATA's TSN, SACK's cumulative TSN. */
static bool find_tsn(al_bytes p, uint8_t type, uint32_t *ret) {
  for (size_t at = 12; at + 8 <= p.len;) {
    size_t len = (size_t)(p.ptr[at + 2] << 8 | p.ptr[at + 3]);
    if (p.ptr[at] == type) {
      *ret = get32(p.ptr + at + 4);
      return true;
    }
    if (len < 4) return false;
    at += (len + 3) & ~(size_t)3;
  }
  return false;
}

static bool is_limited(const al_sctp *s) { return s->buffered > s->cwnd; }

/* ---- the global instance ---- */

static int conn_output(void *addr, void *buf, size_t len, uint8_t tos, uint8_t df) {
  al_sctp *s = addr;
  (void)tos;
  (void)df;
  if (len < 12) return EINVAL;
  uint32_t tsn;
  if (find_tsn((al_bytes){buf, len}, CHUNK_DATA, &tsn))
    al_window_depart(&s->window, tsn, s->window.sampling ? 0 : g_get_monotonic_time(),
                     s->taken - s->buffered, is_limited(s));
  uint32_t crc = al_crc32c(buf, len);
  memcpy((uint8_t *)buf + 8, &crc, sizeof crc);
  s->up->send(s->ctx, (al_bytes){buf, len});
  return 0;
}

static void settings(const al_webrtc_sctp *c) {
  usrsctp_enable_crc32c_offload();
  usrsctp_sysctl_set_sctp_no_csum_on_loopback(0); /* else AF_CONN packets carry no checksum */
  usrsctp_sysctl_set_sctp_ecn_enable(0);
  usrsctp_sysctl_set_sctp_asconf_enable(0);
  usrsctp_sysctl_set_sctp_auto_asconf(0);
  usrsctp_sysctl_set_sctp_auth_enable(0);
  usrsctp_sysctl_set_sctp_pr_enable(1);
  usrsctp_sysctl_set_sctp_reconfig_enable(1);
  usrsctp_sysctl_set_sctp_blackhole(2);
  usrsctp_sysctl_set_sctp_nr_outgoing_streams_default(c->streams);
  usrsctp_sysctl_set_sctp_sendspace(c->buffer_bytes);
  usrsctp_sysctl_set_sctp_recvspace(c->buffer_bytes);
  usrsctp_sysctl_set_sctp_max_chunks_on_queue(CHUNKS_MAX);
  usrsctp_sysctl_set_sctp_delayed_sack_time_default(c->sack_delay_ms);
  usrsctp_sysctl_set_sctp_sack_freq_default(c->sack_packets);
  usrsctp_sysctl_set_sctp_initial_cwnd(c->initial_cwnd);
  usrsctp_sysctl_set_sctp_max_burst_default(c->max_burst);
  usrsctp_sysctl_set_sctp_L2_abc_variable(c->abc);
  usrsctp_sysctl_set_sctp_default_cc_module(c->cc_module);
  usrsctp_sysctl_set_sctp_rto_min_default(c->rto_min_ms);
  usrsctp_sysctl_set_sctp_rto_initial_default(MAX(c->rto_min_ms, 1000));
  usrsctp_sysctl_set_sctp_rto_max_default(10000);
  usrsctp_sysctl_set_sctp_init_rto_max_default(10000);
  usrsctp_sysctl_set_sctp_heartbeat_interval_default(c->heartbeat_ms);
}

void al_sctp_hold(const al_webrtc_sctp *cfg) {
  if (engine.holders++) return;
  usrsctp_init_nothreads(0, conn_output, NULL);
  settings(cfg);
  engine.initial_cwnd = cfg->initial_cwnd;
  engine.cc_module = cfg->cc_module;
  engine.last_us = engine.quiet_since_us = g_get_monotonic_time();
  set_tick(SLOW_TICK_MS);
}

void al_sctp_release(void) {
  if (--engine.holders) return;
  g_source_remove(engine.tick);
  engine.tick = 0;
  engine.tick_ms = 0;
  /* aborted associations are freed by timers of their own: let them run out */
  for (int i = 0; i < 100 && usrsctp_finish() != 0; i++) usrsctp_handle_timers(100);
}

/* ---- receiving ---- */

static void gone(al_sctp *s, al_down_reason why) {
  if (s->gone) return;
  s->gone = true;
  s->up->gone(s->ctx, why);
}

static void on_message(al_sctp *s, struct sctp_rcvinfo *info, al_bytes piece, bool last) {
  if (s->gone) return;
  bool partial = s->partial && s->partial->len > 0;
  if (!last || partial) {
    if (!s->partial) s->partial = g_byte_array_new();
    if (s->partial->len + piece.len > MESSAGE_MAX) {
      gone(s, AL_DOWN_PROTOCOL);
      return;
    }
    g_byte_array_append(s->partial, piece.ptr, (guint)piece.len);
    if (!last) return;
    piece = (al_bytes){s->partial->data, s->partial->len};
  }
  s->up->rx(s->ctx, info->rcv_sid, ntohl(info->rcv_ppid), piece);
  if (s->partial) {
    g_byte_array_unref(s->partial);
    s->partial = NULL;
  }
}

static void on_notification(al_sctp *s, const union sctp_notification *n, size_t len) {
  if (len < sizeof n->sn_header) return;
  if (n->sn_header.sn_type == SCTP_STREAM_RESET_EVENT) {
    if (n->sn_strreset_event.strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN) gone(s, AL_DOWN_PEER);
    return;
  }
  if (n->sn_header.sn_type != SCTP_ASSOC_CHANGE) return;
  switch (n->sn_assoc_change.sac_state) {
    case SCTP_COMM_UP:
      if (!s->is_up && !s->gone) {
        s->is_up = true;
        s->up->up(s->ctx);
      }
      break;
    case SCTP_COMM_LOST:
    case SCTP_SHUTDOWN_COMP:
      gone(s, AL_DOWN_PEER);
      break;
    case SCTP_CANT_STR_ASSOC:
      gone(s, AL_DOWN_PROTOCOL);
      break;
    default:
      break;
  }
}

static int on_receive(struct socket *so, union sctp_sockstore addr, void *data, size_t len,
                      struct sctp_rcvinfo info, int flags, void *u) {
  al_sctp *s = u;
  (void)so;
  (void)addr;
  if (!data) {
    gone(s, AL_DOWN_PEER);
    return 1;
  }
  if (flags & MSG_NOTIFICATION)
    on_notification(s, data, len);
  else
    on_message(s, &info, (al_bytes){data, len}, (flags & MSG_EOR) != 0);
  free(data);
  return 1;
}

static int on_room(struct socket *so, uint32_t free_bytes, void *u) {
  al_sctp *s = u;
  (void)so;
  s->buffered = free_bytes < s->buffer_bytes ? s->buffer_bytes - free_bytes : 0;
  if (!s->gone) s->up->room(s->ctx);
  return 1;
}

/* ---- the association ---- */

static bool set_option(al_sctp *s, int level, int name, const void *value, size_t len) {
  return usrsctp_setsockopt(s->so, level, name, value, (socklen_t)len) == 0;
}

static bool set_options(al_sctp *s, const al_webrtc_sctp *c) {
  struct linger abort_at_once = {1, 0}; /* else a closed socket lives on for its timers */
  int buffer = (int)c->buffer_bytes, on = 1, off = 0;
  struct sctp_assoc_value reset = {SCTP_ALL_ASSOC, SCTP_ENABLE_RESET_STREAM_REQ};
  struct sctp_initmsg init = {.sinit_num_ostreams = (uint16_t)c->streams,
                              .sinit_max_instreams = UINT16_MAX};
  const uint16_t events[] = {SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT};
  bool ok = usrsctp_set_non_blocking(s->so, 1) == 0 &&
            set_option(s, SOL_SOCKET, SO_LINGER, &abort_at_once, sizeof abort_at_once) &&
            set_option(s, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer) &&
            set_option(s, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer) &&
            set_option(s, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on) &&
            set_option(s, IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, &off, sizeof off) &&
            set_option(s, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, &reset, sizeof reset) &&
            set_option(s, IPPROTO_SCTP, SCTP_INITMSG, &init, sizeof init);
  for (size_t i = 0; ok && i < G_N_ELEMENTS(events); i++) {
    struct sctp_event e = {.se_assoc_id = SCTP_ALL_ASSOC, .se_type = events[i], .se_on = 1};
    ok = set_option(s, IPPROTO_SCTP, SCTP_EVENT, &e, sizeof e);
  }
  return ok;
}

static bool set_path(al_sctp *s, const struct sockaddr_conn *peer) {
  struct sctp_paddrparams p;
  memset(&p, 0, sizeof p);
  p.spp_address.ss_family = AF_CONN;
  if (peer) memcpy(&p.spp_address, peer, sizeof *peer);
  p.spp_flags = SPP_PMTUD_DISABLE | SPP_HB_ENABLE;
  p.spp_hbinterval = s->heartbeat_ms;
  p.spp_pathmtu = s->mtu;
  return set_option(s, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &p, sizeof p);
}

al_sctp *al_sctp_new(const al_webrtc_sctp *cfg, uint32_t mtu, const al_sctp_up *up, void *ctx) {
  al_sctp *s = g_new0(al_sctp, 1);
  s->up = up;
  s->ctx = ctx;
  s->mtu = mtu;
  s->buffer_bytes = cfg->buffer_bytes;
  s->cwnd_max = cfg->cwnd_max;
  s->heartbeat_ms = cfg->heartbeat_ms;
  usrsctp_register_address(s);
  s->so = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, on_receive, on_room, 0, s);
  if (!s->so || !set_options(s, cfg) || !set_path(s, NULL)) {
    al_sctp_free(s);
    return NULL;
  }
  return s;
}

static void set_bound(al_sctp *s, uint32_t bound) {
  if (s->cwnd_max && bound > s->cwnd_max) bound = s->cwnd_max;
  if (bound == s->bound) return;
  struct sctp_assoc_value v = {SCTP_ALL_ASSOC, bound};
  if (set_option(s, IPPROTO_SCTP, SCTP_MAX_CWND, &v, sizeof v)) s->bound = bound;
}

bool al_sctp_start(al_sctp *s) {
  struct sockaddr_conn a = {
      .sconn_family = AF_CONN, .sconn_port = htons(SCTP_PORT), .sconn_addr = s};
  wake();
  if (usrsctp_bind(s->so, (struct sockaddr *)&a, sizeof a) < 0) return false;
  if (usrsctp_connect(s->so, (struct sockaddr *)&a, sizeof a) < 0 && errno != EINPROGRESS)
    return false;
  if (s->cwnd_max) set_bound(s, s->cwnd_max);
  return set_path(s, &a); /* once more: the first only set the endpoint's default */
}

/* usrsctp halves its window for every loss and wins it back by one packet a round trip. What the
 * path delivers is known here, so the window goes back to the bound at once: taking the congestion
 * module anew sets it to the initial window, and the bound caps that. */
static void reopen(al_sctp *s) {
  struct sctp_assoc_value module = {SCTP_ALL_ASSOC, engine.cc_module};
  al_sctp_path_info path;
  al_sctp_path(s, &path);
  if (path.cwnd + 2 * s->mtu >= s->bound) return;
  usrsctp_sysctl_set_sctp_initial_cwnd(s->bound / (s->mtu - COMMON_HEADER_BYTES) + 1);
  (void)set_option(s, IPPROTO_SCTP, SCTP_PLUGGABLE_CC, &module, sizeof module);
  usrsctp_sysctl_set_sctp_initial_cwnd(engine.initial_cwnd);
}

static void end_round(al_sctp *s) {
  uint32_t bound =
      al_window_arrive(&s->window, g_get_monotonic_time(), s->taken - s->buffered, is_limited(s));
  if (!bound) return;
  set_bound(s, bound);
  reopen(s);
}

void al_sctp_input(al_sctp *s, al_bytes packet) {
  if (s->gone) return;
  if (is_busy_chunk(packet)) wake();
  uint32_t acked;
  bool round = find_tsn(packet, CHUNK_SACK, &acked) && al_window_covers(&s->window, acked);
  engine.depth++;
  usrsctp_conninput(s, packet.ptr, packet.len, 0);
  engine.depth--;
  if (round && !s->gone) end_round(s);
}

al_err al_sctp_send(al_sctp *s, const al_sctp_message *m) {
  struct sctp_sendv_spa a;
  if (!s->is_up || s->gone) return AL_ESTATE;
  wake();
  memset(&a, 0, sizeof a);
  a.sendv_flags = SCTP_SEND_SNDINFO_VALID;
  a.sendv_sndinfo.snd_sid = m->stream;
  a.sendv_sndinfo.snd_ppid = htonl(m->ppid);
  a.sendv_sndinfo.snd_flags = m->unordered ? SCTP_UNORDERED : 0;
  /* A reliable message also carries a policy, one that never gives up: usrsctp's short path for
   * SACKs, taken only while no such message is queued, forgets to restart the T3 timer; it then
   * fires in the middle of a healthy transfer and halves the window for chunks a few ms older than
   * the mean. */
  a.sendv_flags |= SCTP_SEND_PRINFO_VALID;
  a.sendv_prinfo.pr_policy = SCTP_PR_SCTP_RTX;
  a.sendv_prinfo.pr_value = m->fleeting ? 0 : NEVER_GIVE_UP;
  s->buffered += (uint32_t)m->data.len;
  s->taken += m->data.len;
  errno = 0;
  if (usrsctp_sendv(s->so, m->data.ptr, m->data.len, NULL, 0, &a, sizeof a, SCTP_SENDV_SPA, 0) >= 0)
    return AL_OK;
  s->buffered -= MIN(s->buffered, (uint32_t)m->data.len);
  s->taken -= m->data.len;
  return errno == EWOULDBLOCK || errno == ENOBUFS ? AL_EAGAIN : AL_ESTATE;
}

uint32_t al_sctp_buffered(const al_sctp *s) { return s->buffered; }

void al_sctp_path(al_sctp *s, al_sctp_path_info *out) {
  struct sctp_status st;
  socklen_t len = sizeof st;
  memset(&st, 0, sizeof st);
  usrsctp_getsockopt(s->so, IPPROTO_SCTP, SCTP_STATUS, &st, &len);
  out->cwnd = s->cwnd = st.sstat_primary.spinfo_cwnd;
  out->rtt_us = (uint32_t)s->window.rtt_us;
  out->rate = al_window_rate(&s->window);
}

void al_sctp_free(al_sctp *s) {
  if (!s) return;
  s->gone = true; /* nothing upwards from here but the ABORT */
  if (s->so) usrsctp_close(s->so);
  usrsctp_deregister_address(s);
  if (s->partial) g_byte_array_unref(s->partial);
  g_free(s);
}
