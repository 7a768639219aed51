/* services.h — services of this node's owner: what is exposed, kept in the state directory
 * (services/NAME.key and NAME.conf, modes 0600), and the keys by which this node is an authorised
 * client of others' (clients/). */
#ifndef AL_DAEMON_SERVICES_H
#define AL_DAEMON_SERVICES_H

#include <json-glib/json-glib.h>

#include "allium/al_service.h"
#include "exit.h"

enum {
  AL_SERVICE_TEXT = 88 + 7, /* characters of an address, `.allium` included */
  AL_SERVICE_NAME_MAX = 32,
};

typedef struct al_services al_services;

/* al_service_text — an address for people.
 *   out   AL_SERVICE_TEXT + 1 bytes                                                      [out]
 * Result: none.   Cost: none.   Source: PROTOCOL.md 9.1.   Tested: e2e/test_service. */
void al_service_text(const uint8_t *address, char *out);

/* al_service_text_is — whether a host name ends in `.allium`: it is no name of the DNS.
 *   Result: as said.   Cost: none.   Source: PROTOCOL.md 9.1.   Tested: e2e/test_service. */
bool al_service_text_is(const char *host, size_t len);

/* al_service_text_parse — the address in a host name: the last 88 characters before `.allium`, dots
 * not counted. So what stands in front of it is free, and software that takes no label of more than
 * 63 characters is given the address with a dot in it.
 *   out   AL_SERVICE_ADDRESS_BYTES                                                       [out]
 * Result: false: it is none.   Cost: one hash.   Source: PROTOCOL.md 9.1.
 * Tested: e2e/test_service. */
bool al_service_text_parse(const char *host, size_t len, uint8_t *out);

/* al_services_new — load what was exposed before; al_services_start exposes it.
 *   Result: NULL and err (AL_EXIT_STATE).   Cost: a few files.   Source: docs/OPERATIONS.md.
 *   Tested: e2e/test_service. */
al_services *al_services_new(al_drive *d, al_exit *x, const char *state, GError **err);

/* al_services_start — the node runs.
 *   Result: none.   Cost: key generation.   Source: none.   Tested: e2e/test_service. */
void al_services_start(al_services *s);

/* al_services_free — NULL is allowed; what is exposed stays in the state directory.
 *   Result: none.   Cost: frees.   Source: none.   Tested: e2e/test_service. */
void al_services_free(al_services *s);

/* al_services_event — AL_EV_SERVICE, and AL_EV_STREAM_REQUEST with a service.
 *   Result: false when it is about none.   Cost: a connect.   Source: al_service.h.
 *   Tested: e2e/test_service. */
bool al_services_event(al_services *s, const al_event *ev);

/* al_expose — what to expose. */
typedef struct al_expose {
  const char *target;         /* HOST:PORT; NULL: as before */
  const char *name;           /* NULL: made from the target */
  const char *key;            /* of al_services_export; NULL: the one there is, or a new one */
  uint16_t port;              /* by which clients ask; 0: the target's */
  const char *const *clients; /* public keys; NULL: as before; empty: everybody */
} al_expose;

/* al_services_expose — expose a service, or change one. It stays so over restarts.
 *   Result: false and err.   Cost: two files, key generation.   Source: docs/OPERATIONS.md.
 *   Tested: e2e/test_service. */
bool al_services_expose(al_services *s, const al_expose *e, JsonBuilder *answer, GError **err);

/* al_services_unexpose — take a service back; its key is kept as NAME.key.old.
 *   Result: false and err.   Cost: a few files.   Source: docs/OPERATIONS.md.
 *   Tested: e2e/test_service. */
bool al_services_unexpose(al_services *s, const char *name, GError **err);

/* al_services_export — the key of a service, as text.
 *   Result: NULL and err; to be wiped and freed.   Cost: none.   Source: docs/OPERATIONS.md.
 *   Tested: e2e/test_service. */
char *al_services_export(const al_services *s, const char *name, GError **err);

/* al_services_report — the list of services.
 *   Result: none; `b` has an array more.   Cost: O(services).   Source: none.
 *   Tested: e2e/test_service. */
void al_services_report(const al_services *s, JsonBuilder *b);

/* al_services_client_key — the public key by which this node asks a service, made when there is
 * none.
 *   address   text                                                                       [in]
 * Result: text to be freed, or NULL and err.   Cost: a file.   Source: docs/OPERATIONS.md.
 * Tested: e2e/test_service. */
char *al_services_client_key(al_services *s, const char *address, GError **err);

/* al_services_open — a stream to the service that a target names; of al_socks_names.
 *   services   al_services                                                              [in]
 *   early      its first bytes; may be empty                                            [in]
 *   Result: AL_OK, AL_EPARSE (no address), or as al_service_open.   Cost: as al_service_open.
 *   Source: al_service.h.   Tested: e2e/test_service. */
al_err al_services_open(void *services, const al_target *t, uint64_t isolation, al_bytes early,
                        al_stream *ret);

/* al_services_expected — whether that is as good as answered; of al_socks_names.
 *   services   al_services                                                              [in]
 *   Result: see al_service_expected.   Cost: O(services in use).   Source: al_service.h.
 *   Tested: e2e/test_service. */
bool al_services_expected(void *services, const al_target *t, uint64_t isolation);

#endif
