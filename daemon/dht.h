/* dht.h — POST /v1/dht: questions to the distributed hash table, for the control socket.
 *   {"op": "put", "record": BASE64}   {"op": "get", "key": ID}   {"op": "lookup", "key": ID}
 *   each with "direct": true to ask over the node's own links instead of a circuit */
#ifndef AL_DAEMON_DHT_H
#define AL_DAEMON_DHT_H

#include <libsoup/soup.h>

#include "daemon.h"

typedef struct al_dht_page al_dht_page;

/* al_dht_page_new — answer /v1/dht on a server.
 *   Result: never NULL.   Cost: none.   Source: docs/OPERATIONS.md.   Tested: e2e/dht. */
al_dht_page *al_dht_page_new(al_daemon *d, SoupServer *server);

/* al_dht_page_free — questions that wait are forgotten; NULL is allowed.
 *   Result: none.   Cost: O(questions).   Source: none.   Tested: e2e/dht. */
void al_dht_page_free(al_dht_page *p);

/* al_dht_page_event — an event RECORD of the core: answer who waits for it.
 *   Result: none.   Cost: O(questions).   Source: al_dht.h.   Tested: e2e/dht. */
void al_dht_page_event(al_dht_page *p, const al_event *ev);

#endif
