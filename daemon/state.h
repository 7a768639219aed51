/* state.h — the directory that makes a node the same node after a restart. One process at a time.
 */
#ifndef AL_DAEMON_STATE_H
#define AL_DAEMON_STATE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { AL_STATE_IDENTITY_BYTES = 32, AL_STATE_PASSWORD_BYTES = 18 };

/* al_state — an open state directory:
 *   lock          held while the process lives
 *   identity.key  root secret of the node's keys
 *   password.key  ICE password of the node's address
 *   webrtc.pem    certificate and its key, made and read by the transport
 *   keys/         secrets among the core's records, one file each
 *   store.db      all other records */
typedef struct al_state {
  char *dir;
  int lock_fd;
  bool fresh; /* the identity is new */
  uint8_t identity[AL_STATE_IDENTITY_BYTES];
  uint8_t password[AL_STATE_PASSWORD_BYTES];
} al_state;

/* al_state_open — create or open the directory, lock it, load or make the secrets.
 *   Result: NULL and err (AL_EXIT_STATE); nothing that was there is changed then.
 *   Cost: a few files.   Source: docs/OPERATIONS.md.   Tested: unit/daemon_store. */
al_state *al_state_open(const char *dir, GError **err);

/* al_state_path — a file in the directory, to be freed with g_free.
 *   Result: never NULL.   Cost: one allocation.   Source: none.   Tested: unit/daemon_store. */
char *al_state_path(const al_state *s, const char *name);

/* al_state_close — wipe the secrets and let go of the lock; NULL is allowed.
 *   Result: none.   Cost: none.   Source: none.   Tested: unit/daemon_store. */
void al_state_close(al_state *s);

/* al_state_network_secret — the secret of a private network from a file of the user: 52 characters
 * of base32 and white space around it. out  32 bytes [out] Result: false and err (AL_EXIT_CONFIG).
 * Cost: reads one file.   Source: PROTOCOL.md 4.2. Tested: unit/daemon_store. */
bool al_state_network_secret(const char *path, uint8_t *out, GError **err);

#endif
