/* cert.h — the self-signed P-256 certificate of a transport: made once, kept on disk with its key.
 */
#ifndef AL_WEBRTC_CERT_H
#define AL_WEBRTC_CERT_H

#include <glib.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "webrtc.h"

/* al_cert — the certificate, its key and its name: SHA-256 over the DER form. */
typedef struct al_cert {
  X509 *x509;
  EVP_PKEY *key;
  uint8_t hash[32];
} al_cert;

/* al_cert_open — from `pem`, or from the file at `path`; a missing file is created (mode 0600,
 * written beside it, synced and renamed), a bad one is reported and never overwritten. Result:
 * false and `err` with one line.   Cost: file I/O; a key pair when new. Source: PROTOCOL.md 3.
 * Tested: unit/webrtc_address. */
bool al_cert_open(al_cert *c, const al_webrtc_identity *id, bool create, GError **err);
void al_cert_clear(al_cert *c);

/* al_cert_hash — SHA-256 of any certificate's DER form.
 *   Result: false when it cannot be encoded.   Cost: one hash.
 *   Source: RFC 8122.   Tested: unit/webrtc_link. */
bool al_cert_hash(X509 *x, uint8_t out[32]);

/* al_cert_binding — PROTOCOL.md 3.3: SHA3-256(label ‖ dialler's hash ‖ answerer's hash).
 *   Result: none.   Cost: one hash.   Source: PROTOCOL.md 3.3.   Tested: unit/webrtc_link. */
void al_cert_binding(uint8_t out[32], const uint8_t dialler[32], const uint8_t answerer[32]);

/* al_webrtc_error_quark — domain of the GErrors of this directory. */
#define AL_WEBRTC_ERROR (g_quark_from_static_string("al-webrtc"))

#endif
