/* webrtc.h — the WebRTC transport: data channels over SCTP, DTLS and ICE on one GLib main loop.
 * Implements al_transport_ops (al_host.h). One UDP port answers every incoming peer (ICE-lite); an
 * outgoing link has a socket of its own. docs/TRANSPORT.md says where every trap is answered. */
#ifndef AL_WEBRTC_H
#define AL_WEBRTC_H

#include <glib.h>

#include "allium/al_host.h"

enum {
  AL_WEBRTC_PASSWORD_BYTES = 18, /* ICE password: 24 ice-chars when written as base64 */
  AL_WEBRTC_ADDRESS_MAX = 1 + 1 + 16 + 2 + 32 + AL_WEBRTC_PASSWORD_BYTES,
  AL_WEBRTC_BIND_MAX = 8,
};

/* The constant ICE username fragment of every answerer (PROTOCOL.md 3.2). */
#define AL_WEBRTC_UFRAG "allium"

/* al_webrtc_identity — what others know of us: a certificate and an ICE password. `pem` (both
 * blocks, certificate and key) wins over `path`; a missing file at `path` is created, mode 0600. */
typedef struct al_webrtc_identity {
  const char *path;
  const char *pem;
  uint8_t password[AL_WEBRTC_PASSWORD_BYTES];
} al_webrtc_identity;

/* al_webrtc_dialler — who carries an outgoing link to a node with an open port.
 * OWN: connectivity checks of our own on a connected socket; NICE: one libnice agent a link. */
typedef enum al_webrtc_dialler {
  AL_WEBRTC_DIAL_OWN = 0,
  AL_WEBRTC_DIAL_NICE = 1
} al_webrtc_dialler;

/* al_webrtc_sctp — association settings. usrsctp is one per process: the first transport's hold. */
typedef struct al_webrtc_sctp {
  uint32_t mtu; /* IP packet size that is safe on every path; 1280                 [bytes] */
  uint32_t
      buffer_bytes; /* send and receive buffer of an association; 4 MiB                [bytes] */
  uint32_t streams; /* outgoing streams; 256                                                   */
  uint32_t
      initial_cwnd;   /* first window; 32                                              [packets] */
  uint32_t cwnd_max;  /* window limit, 0 = none                                          [bytes] */
  uint32_t max_burst; /* packets that may leave at once; 0 = no limit                  [packets] */
  uint32_t abc;       /* window growth per SACK in slow start                          [packets] */
  uint32_t cc_module; /* 0 RFC 2581, 1 HSTCP, 2 H-TCP, 3 RTCC                                    */
  uint32_t sack_packets; /* a SACK for every so many packets ... */
  uint32_t
      sack_delay_ms;   /* ... or after so long                                               [ms] */
  uint32_t rto_min_ms; /* 200                                                                [ms] */
  uint32_t
      heartbeat_ms; /* 10000                                                              [ms] */
} al_webrtc_sctp;

/* al_webrtc_config — everything a caller may choose; fill with al_webrtc_config_init first. */
typedef struct al_webrtc_config {
  const char
      *bind[AL_WEBRTC_BIND_MAX]; /* numeric addresses, NULL ends the list; "::" is dual-stack */
  uint16_t port;                 /* one for all addresses; 0: any free one */
  al_webrtc_identity identity;   /* current */
  const al_webrtc_identity
      *previous; /* still answered during rotation, or NULL  [path must exist] */
  al_webrtc_dialler dialler;
  uint32_t sessions_max;          /* all links, both directions; 4096 */
  uint32_t sessions_per_address;  /* incoming, by IPv4 address or IPv6 /64; 32 */
  uint32_t sessions_per_loopback; /* the same for loopback; 4096 */
  uint32_t half_open_max;         /* incoming handshakes at a time; 512 */
  uint32_t cookie_above; /* half-open handshakes above which a DTLS cookie is asked for; 64 */
  uint32_t unsent_max;   /* high mark: bytes queued above the congestion window; 256 KiB */
  uint32_t handshake_ms; /* a link that is not up by then is given up; 10000 */
  uint32_t silence_ms;   /* a link that hears nothing authentic for so long is dead; 30000 */
  uint32_t pace_ms;      /* check pacing Ta; 0: 2 ms on private paths, 5 ms otherwise */
  al_webrtc_sctp sctp;
} al_webrtc_config;

/* al_webrtc_counters — for metrics; all but the two gauges only grow. */
typedef struct al_webrtc_counters {
#define AL_COUNT(name, text) uint64_t name;
#include "counters.def"
#undef AL_COUNT
} al_webrtc_counters;

/* al_webrtc_config_init — the defaults named above; bind is {"::"}, port 0, password zero.
 *   Result: none.   Cost: none.   Source: docs/TRANSPORT.md.   Tested: unit/webrtc_link. */
void al_webrtc_config_init(al_webrtc_config *cfg);

/* al_webrtc_new — bind the port, load or create the certificate, start answering.
 *   sink   copied; called from the default main context only                            [in]
 *   Result: NULL and `err` with one clear line (port in use, bad file, bad address).
 *   Cost:   about 1 MB of receive buffers, one or two file descriptors a bound address.
 *   Source: PROTOCOL.md 3.        Tested: unit/webrtc_link, unit/webrtc_limits. */
al_transport *al_webrtc_new(const al_webrtc_config *cfg, const al_transport_sink *sink,
                            GError **err);

/* al_webrtc_close_all — end every link with a close notification to its peer; down(CLOSED) follows
 * for each from the main loop, and no new link is taken or opened from now on.
 *   Result: none.   Cost: O(links).   Source: al_host.h.   Tested: unit/webrtc_link. */
void al_webrtc_close_all(al_transport *t);

/* al_webrtc_free — drop everything at once; peers are told, the sink is not. NULL is allowed. Never
 * from inside a sink call.
 *   Result: none.   Cost: O(links).   Source: al_host.h.   Tested: unit/webrtc_link. */
void al_webrtc_free(al_transport *t);

/* al_webrtc_ops — the table for al_drive.
 *   Result: a static object.   Cost: none.   Source: al_host.h.   Tested: unit/webrtc_link. */
const al_transport_ops *al_webrtc_ops(void);

/* al_webrtc_links — how many sessions exist, half-open ones included.
 *   Result: the number; 0 after close_all has finished.   Cost: none.
 *   Source: docs/TRANSPORT.md.   Tested: unit/webrtc_limits. */
uint32_t al_webrtc_links(const al_transport *t);

/* al_webrtc_port — the UDP port that was bound.
 *   Result: host byte order.   Cost: none.   Source: none.   Tested: unit/webrtc_link. */
uint16_t al_webrtc_port(const al_transport *t);

/* al_webrtc_certificate — SHA-256 of our certificate (DER), as in our address record.
 *   Result: 32 bytes, valid as long as t.   Cost: none.
 *   Source: PROTOCOL.md 3.2.   Tested: unit/webrtc_address. */
const uint8_t *al_webrtc_certificate(const al_transport *t);

/* al_webrtc_address — the address record by which others dial us at one of our IP addresses.
 *   ip    numeric IPv4 or IPv6 address                                                  [in]
 *   out   AL_WEBRTC_ADDRESS_MAX bytes of room                                           [out]
 *   Result: bytes written; 0 when ip is not an address.   Cost: none.
 *   Source: PROTOCOL.md 3.2.   Tested: unit/webrtc_address. */
size_t al_webrtc_address(const al_transport *t, const char *ip, uint8_t out[AL_WEBRTC_ADDRESS_MAX]);

/* al_webrtc_password_text — an ICE password as it stands in SDP: 24 characters of base64.
 *   Result: none.   Cost: none.   Source: PROTOCOL.md 3.2.   Tested: unit/webrtc_address. */
void al_webrtc_password_text(const uint8_t password[AL_WEBRTC_PASSWORD_BYTES], char out[25]);

/* al_webrtc_count — a copy of the counters as they stand.
 *   Result: none.   Cost: one copy.   Source: counters.def.   Tested: unit/webrtc_limits. */
void al_webrtc_count(const al_transport *t, al_webrtc_counters *out);

/* al_webrtc_link_info — one link's window, round trip and queue, for status pages.
 *   Result: false when there is no such link.   Cost: one usrsctp query.
 *   Source: docs/TRANSPORT.md.   Tested: unit/webrtc_link. */
typedef struct al_webrtc_info {
  uint32_t cwnd, rtt_us, buffered;
  uint64_t rate; /* delivery, bytes a second */
} al_webrtc_info;
bool al_webrtc_link_info(const al_transport *t, al_link link, al_webrtc_info *out);

#endif
