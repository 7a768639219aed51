/* join.h — ways into the network: resolve the names in addresses, give them to the node, and tell
 * who asked how it went. */
#ifndef AL_DAEMON_JOIN_H
#define AL_DAEMON_JOIN_H

#include <glib.h>

#include "address.h"
#include "drive/drive.h"

typedef struct al_joins al_joins;

/* al_join_done — one attempt has ended; err NULL: the link is authenticated. */
typedef void (*al_join_done)(void *data, const al_id *peer, uint32_t duration_us,
                             const GError *err);

/* al_joins_new — attempts of a node.
 *   Result: never NULL.   Cost: none.   Source: none.   Tested: e2e. */
al_joins *al_joins_new(al_drive *d);

/* al_joins_free — attempts that run are forgotten, not answered; NULL is allowed.
 *   Result: none.   Cost: none.   Source: none.   Tested: e2e. */
void al_joins_free(al_joins *js);

/* al_join — dial an address; the node itself goes on trying while it has no neighbour.
 *   done  called once, perhaps from inside; NULL: nobody wants to know                     [in]
 * Result: none.   Cost: a resolver's question for a name.   Source: PROTOCOL.md 3.2.
 * Tested: e2e. */
void al_join(al_joins *js, const al_peer_address *a, al_join_done done, void *data);

/* al_joins_event — LINK_UP and LINK_FAILED, for those who wait.
 *   Result: none.   Cost: O(attempts).   Source: allium.h.   Tested: e2e. */
void al_joins_event(al_joins *js, const al_event *ev);

#endif
