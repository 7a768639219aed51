/* dtls.h — DTLS 1.2 over OpenSSL: records in, datagrams out, one object a session. */
#ifndef AL_WEBRTC_DTLS_H
#define AL_WEBRTC_DTLS_H

#include "cert.h"

enum {
  AL_DTLS_OVERHEAD = 37, /* record header 13, explicit nonce 8, AEAD tag 16 */
};

typedef struct al_dtls_ctx al_dtls_ctx; /* one certificate */
typedef struct al_dtls al_dtls;

/* al_dtls_up — what the layer above and the carrier below provide. `failed` comes at most once; the
 * object may not be freed from inside any of these. `rx`'s view ends with the call. */
typedef struct al_dtls_up {
  void (*send)(void *ctx, al_bytes datagram);
  void (*up)(void *ctx, const uint8_t remote_certificate[32]);
  void (*rx)(void *ctx, al_bytes packet);
  void (*failed)(void *ctx, al_down_reason why);
} al_dtls_up;

/* al_dtls_role — dialler: client, `want` is the hash its address names; answerer: server, `want`
 * NULL. cookie: make the client prove its address before our certificate goes out. */
typedef struct al_dtls_role {
  bool client;
  bool cookie;
  const uint8_t *want;
  uint32_t mtu; /* largest datagram of the handshake */
} al_dtls_role;

/* al_dtls_ctx_new — settings shared by all sessions under one certificate (copied by reference).
 *   Result: NULL when OpenSSL lacks what we need.   Cost: one SSL_CTX.
 *   Source: docs/TRANSPORT.md.   Tested: unit/webrtc_link. */
al_dtls_ctx *al_dtls_ctx_new(const al_cert *c);
void al_dtls_ctx_free(al_dtls_ctx *x);

/* al_dtls_new — a session that has not sent anything yet; `up` and `ctx` outlive it.
 *   Result: never NULL.   Cost: about 20 KiB.
 *   Source: RFC 6347, RFC 8827.   Tested: unit/webrtc_link. */
al_dtls *al_dtls_new(al_dtls_ctx *x, const al_dtls_role *role, const al_dtls_up *up, void *ctx);
/* al_dtls_free — with a close notification when the session was up. */
void al_dtls_free(al_dtls *d);

/* al_dtls_start — a client sends its hello; a server waits for one. */
void al_dtls_start(al_dtls *d);
/* al_dtls_input — one received datagram; may call every member of `up`.
 *   Result: true when it held an authentic record or moved the handshake on. */
bool al_dtls_input(al_dtls *d, al_bytes datagram);
/* al_dtls_send — one packet as one record in one datagram; dropped when the session is not up. */
void al_dtls_send(al_dtls *d, al_bytes packet);

#endif
