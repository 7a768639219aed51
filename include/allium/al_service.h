/* al_service.h — services: an address is a key. A node exposes services, and opens streams to
 * services of others; neither end learns where the other is. Part of the core's face: see allium.h.
 * Layer 4 (implemented by src/node). Source: PROTOCOL.md 9. */
#ifndef AL_SERVICE_H
#define AL_SERVICE_H

#include "allium.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  AL_SERVICE_ADDRESS_BYTES = 55, /* 88 characters of base32, before `.allium` */
  AL_SERVICE_ROOT_BYTES = 32,    /* the secret that all keys of a service follow from */
  AL_SERVICES_MAX = 16,          /* of one node */
  AL_SERVICE_CLIENTS_MAX = 32,   /* authorised clients of one service */
  AL_SERVICE_EARLY_MAX = 2048,   /* bytes that may be given with al_service_open */
};

/* al_service_address — the address of the service that has this root secret.
 *   root   AL_SERVICE_ROOT_BYTES                                                       [secret]
 *   ret    AL_SERVICE_ADDRESS_BYTES                                                    [out]
 * Result: none.   Cost: key generation, about 0.2 ms.   Source: PROTOCOL.md 9.1.
 * Tested: unit/service_keys, vectors (service). */
void al_service_address(const al_suite *suite, const uint8_t *root, uint8_t *ret);

/* al_service_address_ok — whether these bytes are an address: version and checksum are right.
 * Result: AL_OK or AL_EPARSE.   Cost: one hash.   Source: PROTOCOL.md 9.1.
 * Tested: unit/service_keys, fuzz/service. */
al_err al_service_address_ok(const al_suite *suite, al_bytes address);

/* al_service_client_key — the public key of a client, to be named in a service's list of clients.
 *   seed   AL_KEM_SEED_BYTES                                                           [secret]
 *   ret    AL_KEM_PK_BYTES                                                             [out]
 * Result: none.   Cost: key generation.   Source: PROTOCOL.md 9.2.   Tested: e2e. */
void al_service_client_key(const al_suite *suite, const uint8_t *seed, uint8_t *ret);

/* al_service_config — a service to be exposed. */
typedef struct al_service_config {
  const uint8_t *root;    /* AL_SERVICE_ROOT_BYTES; copied */
  uint32_t clients_count; /* 0: whoever knows the address may connect */
  const uint8_t *clients; /* clients_count times AL_KEM_PK_BYTES; copied */
} al_service_config;

/* al_service_add — expose a service: introduction circuits are built, its descriptor is published.
 * AL_EV_SERVICE follows when that state changes; AL_EV_STREAM_REQUEST with `service` set when a
 * client wants a stream: accept or reset it.
 *   ret   a handle, never 0, as long as the service is exposed                         [out]
 * Result: AL_OK, AL_EINVAL (too many clients), AL_ESTATE (exposed already), AL_EFULL, AL_ENOMEM.
 * Cost:   key generation.   Source: PROTOCOL.md 9.   Tested: sim/service, e2e. */
al_err al_service_add(al_node *n, al_work *w, al_time now, const al_service_config *c,
                      uint32_t *ret);

/* al_service_remove — take it back: circuits and streams of it end. Unknown handles are ignored.
 *   Result: none.   Cost: its circuits.   Source: PROTOCOL.md 9.   Tested: sim/service. */
void al_service_remove(al_node *n, al_work *w, al_time now, uint32_t service);

/* al_service_info — how a service is doing. Unstable. */
typedef struct al_service_info {
  uint8_t address[AL_SERVICE_ADDRESS_BYTES];
  uint32_t intros; /* introduction circuits that are open */
  uint32_t clients_count, sessions;
  uint8_t puzzle_bits;
  bool published;
  uint64_t introduced, refused; /* requests taken and dropped */
} al_service_info;

/* al_service_look — the service of a handle.
 *   ret   written when true                                                            [out]
 * Result: false for an unknown handle.   Cost: O(sessions).   Source: none.
 * Tested: sim/service. */
bool al_service_look(const al_node *n, uint32_t service, al_service_info *ret);

/* al_service_to — where a stream shall lead. */
typedef struct al_service_to {
  const uint8_t *address; /* AL_SERVICE_ADDRESS_BYTES */
  uint16_t port;
  uint64_t isolation;
  const uint8_t *client_seed; /* AL_KEM_SEED_BYTES of an authorised client; NULL: none */
  al_bytes
      early; /* first bytes of the stream, at most AL_SERVICE_EARLY_MAX: they go with the request
                     for it, which saves a round trip */
} al_service_to;

/* al_service_expected — whether al_service_open is as good as answered: there is a session of this
 * isolation with a circuit, and the last stream of it to this port was accepted. A host may tell
 * its application so, and have the first bytes go early; if it comes otherwise, the stream is
 * reset.
 * Result: as said.   Cost: O(services in use).   Source: PROTOCOL.md 9.6.   Tested: sim/service. */
bool al_service_expected(const al_node *n, const al_service_to *to);

/* al_service_open — a stream to a service. It behaves as one of al_stream_open: bytes may be
 * written at once, AL_EV_STREAM_OPEN or AL_EV_STREAM_RESET follows.
 * Result: AL_OK, AL_EINVAL (address, port, early), AL_ESTATE (shutting down), AL_EFULL, AL_ENOMEM.
 * Cost:   allocates its buffers and, for the first one to a service, a session.
 * Source: PROTOCOL.md 9.   Tested: sim/service, e2e. */
al_err al_service_open(al_node *n, al_work *w, al_time now, const al_service_to *to,
                       al_stream *ret);

#ifdef __cplusplus
}
#endif
#endif
