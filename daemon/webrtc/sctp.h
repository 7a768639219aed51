/* sctp.h — one SCTP association over DTLS (RFC 8261) by usrsctp, driven from the main loop.
 * usrsctp is one global instance: its state, and only its, lives in sctp.c. */
#ifndef AL_WEBRTC_SCTP_H
#define AL_WEBRTC_SCTP_H

#include <glib.h>

#include "webrtc.h"

typedef struct al_sctp al_sctp;

/* al_sctp_up — what is told and asked. No member may free the association; `send` may not call back
 * into it. `gone`: the other side closed (PEER) or nothing came back (TIMEOUT). */
typedef struct al_sctp_up {
  void (*send)(void *ctx, al_bytes packet);
  void (*up)(void *ctx);
  void (*rx)(void *ctx, uint16_t stream, uint32_t ppid, al_bytes message);
  void (*room)(void *ctx); /* the send buffer became emptier */
  void (*gone)(void *ctx, al_down_reason why);
} al_sctp_up;

/* al_sctp_message — where and how one message travels. */
typedef struct al_sctp_message {
  uint16_t stream;
  uint32_t ppid;
  bool unordered;
  bool fleeting; /* never retransmitted */
  al_bytes data;
} al_sctp_message;

/* al_sctp_hold — start usrsctp for the first holder; al_sctp_release stops it after the last.
 *   cfg     settings of the first holder apply to all
 *   Result: none.   Cost: usrsctp's tables, a timer of 10 ms (100 ms when quiet).
 *   Source: docs/TRANSPORT.md, traps 8-12.   Tested: unit/webrtc_link. */
void al_sctp_hold(const al_webrtc_sctp *cfg);
void al_sctp_release(void);

/* al_sctp_new — an association that has not sent anything yet. `mtu`: largest packet.
 *   Result: NULL when usrsctp refuses.   Cost: about 80 KiB with 256 streams.
 *   Source: RFC 8261, RFC 8831.   Tested: unit/webrtc_link. */
al_sctp *al_sctp_new(const al_webrtc_sctp *cfg, uint32_t mtu, const al_sctp_up *up, void *ctx);
/* al_sctp_free — an ABORT goes out through `send` when the association was open. */
void al_sctp_free(al_sctp *s);

/* al_sctp_start — both sides do: simultaneous INITs (RFC 8841). False: usrsctp refused. */
bool al_sctp_start(al_sctp *s);
/* al_sctp_input — one packet out of one DTLS record. */
void al_sctp_input(al_sctp *s, al_bytes packet);
/* al_sctp_send — AL_OK, AL_EAGAIN (buffer full, nothing taken) or AL_ESTATE (no association). */
al_err al_sctp_send(al_sctp *s, const al_sctp_message *m);
/* al_sctp_buffered — bytes given and not yet acknowledged. */
uint32_t al_sctp_buffered(const al_sctp *s);
/* al_sctp_path — congestion window, last round trip, delivery rate (0: not known yet). */
typedef struct al_sctp_path_info {
  uint32_t cwnd, rtt_us;
  uint64_t rate; /* bytes a second */
} al_sctp_path_info;
void al_sctp_path(al_sctp *s, al_sctp_path_info *out);

#endif
