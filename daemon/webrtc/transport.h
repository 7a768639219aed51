/* transport.h — the transport object that sessions and carriers share; private to this directory.
 */
#ifndef AL_WEBRTC_TRANSPORT_H
#define AL_WEBRTC_TRANSPORT_H

#include "address.h"
#include "cert.h"
#include "dtls.h"
#include "udp.h"

typedef struct al_session al_session;
typedef struct al_lite al_lite;

/* al_rtc_identity — a certificate with its DTLS settings and ICE password (as text). */
typedef struct al_rtc_identity {
  bool present;
  al_cert cert;
  al_dtls_ctx *dtls;
  uint8_t password[AL_WEBRTC_PASSWORD_BYTES];
  char key[25];
} al_rtc_identity;

struct al_transport {
  al_webrtc_config cfg;
  al_transport_sink sink;
  al_webrtc_counters count;
  al_udp_hub *hub;
  al_lite *lite;
  al_rtc_identity identity[2]; /* current, previous */
  al_session *sessions;        /* list head */
  al_session *due;             /* head of those with credit_due set */
  GHashTable *links;           /* al_link -> al_session */
  uint32_t session_count, half_open;
  guint reaper, sweeper;
  bool draining;
  gint64 now_us; /* of this batch: read once, not for every datagram */
};

/* al_transport_reap_later — some session died: free it from the main loop. */
void al_transport_reap_later(al_transport *t);
/* al_transport_after — hand out credit that became due; after each batch of datagrams. */
void al_transport_after(void *t);

#endif
