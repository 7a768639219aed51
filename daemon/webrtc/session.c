/* session.c — see session.h. */
#include "session.h"

#include <string.h>

enum { IPV4_UDP = 28, IPV6_UDP = 48 };

/* ---- downwards: SCTP packet → DTLS record → datagram ---- */

static void sctp_send(void *ctx, al_bytes packet) {
  al_session *s = ctx;
  al_dtls_send(s->dtls, packet);
}

static void dtls_send(void *ctx, al_bytes datagram) {
  al_session *s = ctx;
  s->sent_us = s->t->now_us;
  al_outbox_push(&s->out, datagram.ptr, datagram.len);
}

/* ---- upwards ---- */

static void sctp_rx(void *ctx, uint16_t stream, uint32_t ppid, al_bytes message) {
  al_session *s = ctx;
  if (s->dead || !s->up) return;
  switch (al_channels_rx(&s->channels, stream, ppid, message)) {
    case AL_CHANNEL_FRAME:
      s->t->count.frames_in++;
      s->t->sink.rx(s->t->sink.ctx, s->link, message);
      break;
    case AL_CHANNEL_DONE:
      break;
    case AL_CHANNEL_BAD:
      s->t->count.bad_frame++;
      al_session_end(s, AL_DOWN_PROTOCOL);
      break;
  }
}

static void sctp_up(void *ctx) {
  al_session *s = ctx;
  al_transport *t = s->t;
  uint8_t binding[32];
  if (s->dead) return;
  const uint8_t *own = t->identity[s->identity].cert.hash;
  if (s->dialled)
    al_cert_binding(binding, own, s->remote);
  else
    al_cert_binding(binding, s->remote, own);
  al_channels_init(&s->channels, s->sctp, t->cfg.unsent_max, t->cfg.sctp.buffer_bytes);
  s->up = true;
  t->count.ups++;
  t->count.links_up++;
  if (!s->dialled) t->half_open--;
  al_link link = t->sink.up(t->sink.ctx, s->link, binding, s);
  if (!s->dialled && !s->link && link) al_session_bind(s, link);
  if (!s->dead && !s->link) al_session_end(s, AL_DOWN_CLOSED); /* refused */
  if (!s->dead) al_session_credit(s);
}

static void sctp_room(void *ctx) {
  al_session *s = ctx;
  if (s->credit_due) return;
  s->credit_due = true;
  s->due_next = s->t->due;
  s->t->due = s;
}

static void sctp_gone(void *ctx, al_down_reason why) { al_session_end(ctx, why); }

static void dtls_up(void *ctx, const uint8_t remote[32]) {
  static const al_sctp_up up = {sctp_send, sctp_up, sctp_rx, sctp_room, sctp_gone};
  al_session *s = ctx;
  uint32_t mtu = s->t->cfg.sctp.mtu - (s->v6 ? IPV6_UDP : IPV4_UDP) - AL_DTLS_OVERHEAD;
  memcpy(s->remote, remote, 32);
  s->sctp = al_sctp_new(&s->t->cfg.sctp, mtu, &up, s);
  if (!s->sctp || !al_sctp_start(s->sctp)) al_session_end(s, AL_DOWN_PROTOCOL);
}

static void dtls_rx(void *ctx, al_bytes packet) {
  al_session *s = ctx;
  if (!s->dead && s->sctp) al_sctp_input(s->sctp, packet);
}

static void dtls_failed(void *ctx, al_down_reason why) {
  al_session *s = ctx;
  if (why == AL_DOWN_CERT) s->t->count.bad_certificate++;
  al_session_end(s, why);
}

/* ---- life ---- */

al_session *al_session_new(al_transport *t, bool dialled, bool v6) {
  al_session *s = g_new0(al_session, 1);
  s->t = t;
  s->dialled = dialled;
  s->v6 = v6;
  s->born_us = s->heard_us = t->now_us = g_get_monotonic_time();
  s->next = t->sessions;
  if (s->next) s->next->prev = s;
  t->sessions = s;
  t->session_count++;
  if (dialled)
    t->count.dials++;
  else {
    t->count.accepts++;
    t->half_open++;
  }
  al_outbox_init(&s->out, t->hub);
  return s;
}

void al_session_begin(al_session *s, unsigned identity, const uint8_t *want, bool cookie) {
  static const al_dtls_up up = {dtls_send, dtls_up, dtls_rx, dtls_failed};
  al_dtls_role role = {.client = s->dialled,
                       .cookie = cookie,
                       .want = want,
                       .mtu = s->t->cfg.sctp.mtu - (s->v6 ? IPV6_UDP : IPV4_UDP)};
  s->identity = identity;
  s->dtls = al_dtls_new(s->t->identity[identity].dtls, &role, &up, s);
}

void al_session_bind(al_session *s, al_link link) {
  if (s->link || !link || s->dead) return;
  s->link = link;
  g_hash_table_insert(s->t->links, GUINT_TO_POINTER(link), s);
}

static void take(al_session *s, al_bytes datagram) {
  if (al_dtls_input(s->dtls, datagram)) s->heard_us = s->t->now_us;
}

void al_session_path(al_session *s) {
  if (s->path || s->dead) return;
  s->path = true;
  al_dtls_start(s->dtls);
  for (unsigned i = 0; i < s->early_count; i++) {
    gsize len;
    const uint8_t *p = g_bytes_get_data(s->early[i], &len);
    if (!s->dead) take(s, (al_bytes){p, len});
    g_bytes_unref(s->early[i]);
  }
  s->early_count = 0;
}

void al_session_input(al_session *s, al_bytes datagram) {
  if (s->dead) return;
  if (s->path)
    take(s, datagram);
  else if (s->early_count < AL_SESSION_EARLY)
    s->early[s->early_count++] = g_bytes_new(datagram.ptr, datagram.len);
}

void al_session_end(al_session *s, al_down_reason why) {
  if (s->dead) return;
  s->dead = true;
  s->why = why;
  al_transport_reap_later(s->t);
}

void al_session_free(al_session *s) {
  al_transport *t = s->t;
  s->dead = true;
  al_sctp_free(s->sctp); /* its ABORT leaves through DTLS, */
  al_dtls_free(s->dtls); /* its close_notify through the outbox */
  al_outbox_flush(&s->out);
  al_outbox_clear(&s->out);
  if (s->carrier.free) s->carrier.free(s->carrier.self);
  while (s->early_count) g_bytes_unref(s->early[--s->early_count]);
  if (s->up) {
    t->count.links_up--;
    t->count.downs++;
  } else {
    t->count.handshakes_failed++;
    if (!s->dialled) t->half_open--;
  }
  if (s->prev)
    s->prev->next = s->next;
  else
    t->sessions = s->next;
  if (s->next) s->next->prev = s->prev;
  for (al_session **d = &t->due; *d; d = &(*d)->due_next) {
    if (*d != s) continue;
    *d = s->due_next;
    break;
  }
  t->session_count--;
  g_free(s);
}

void al_session_credit(al_session *s) {
  uint32_t level;
  if (s->up && !s->dead && s->link && al_channels_credit(&s->channels, &level))
    s->t->sink.credit(s->t->sink.ctx, s->link, level);
}

void al_session_tick(al_session *s, gint64 now_us) {
  const al_webrtc_config *c = &s->t->cfg;
  if (s->dead) return;
  bool late = !s->up && now_us - s->born_us > (gint64)c->handshake_ms * 1000;
  if (late || now_us - s->heard_us > (gint64)c->silence_ms * 1000)
    al_session_end(s, AL_DOWN_TIMEOUT);
  else if (s->carrier.tick)
    s->carrier.tick(s->carrier.self, now_us);
}
