/* session.h — one link from first check to last breath: carrier → DTLS → SCTP → channels. A carrier
 * (lite.c, dial.c, ice.c) finds the path and aims the outbox; a session does the rest. */
#ifndef AL_WEBRTC_SESSION_H
#define AL_WEBRTC_SESSION_H

#include "channel.h"
#include "dtls.h"
#include "transport.h"

enum { AL_SESSION_EARLY = 4 };

/* al_carrier — what a session asks of its carrier: stop and forget it (free), look after the path
 * once a second (tick; nullable). */
typedef struct al_carrier {
  void *self;
  void (*free)(void *self);
  void (*tick)(void *self, gint64 now_us);
} al_carrier;

struct al_session {
  al_transport *t;
  al_session *next, *prev; /* all sessions of the transport */
  al_session *due_next;    /* those whose credit is looked at after this batch */
  al_carrier carrier;
  al_link link; /* 0: not known to the sink (incoming, before up) */
  bool dialled, v6, path, up, dead, credit_due;
  al_down_reason why;
  unsigned identity; /* which of our certificates */
  gint64 born_us, heard_us, sent_us;
  uint8_t remote[32];
  al_outbox out;
  al_dtls *dtls;
  al_sctp *sctp;
  al_channels channels;
  GBytes *early[AL_SESSION_EARLY]; /* DTLS that overtook the path */
  unsigned early_count;
};

/* al_session_new — a session without a path, in the transport's list.
 *   Result: never NULL.   Cost: one allocation.   Source: none.   Tested: unit/webrtc_link. */
al_session *al_session_new(al_transport *t, bool dialled, bool v6);

/* al_session_begin — create the DTLS object under our certificate number `identity`.
 *   want    the certificate hash the address names; dialler only                    [nullable]
 *   Result: none.   Cost: one SSL object.   Source: PROTOCOL.md 3.   Tested: unit/webrtc_link. */
void al_session_begin(al_session *s, unsigned identity, const uint8_t *want, bool cookie);
/* al_session_bind — the handle of an incoming link; once. */
void al_session_bind(al_session *s, al_link link);

/* al_session_path — the carrier found a path (the outbox is aimed): the handshake starts or goes
 * on. */
void al_session_path(al_session *s);
/* al_session_input — a DTLS datagram of this session. */
void al_session_input(al_session *s, al_bytes datagram);
/* al_session_end — dead from now on; told and freed from the main loop. Any depth, any number of
 * times. */
void al_session_end(al_session *s, al_down_reason why);
/* al_session_free — tells the peer, frees all layers; does not tell the sink. */
void al_session_free(al_session *s);
/* al_session_credit — tell the sink what may be sent when that rose enough. */
void al_session_credit(al_session *s);
/* al_session_tick — once a second: handshake limit, silence, the carrier's own care. */
void al_session_tick(al_session *s, gint64 now_us);

#endif
