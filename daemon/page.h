/* page.h — answers of the control socket: JSON with a status. Layer 6. */
#ifndef AL_DAEMON_PAGE_H
#define AL_DAEMON_PAGE_H

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

/* al_page_reply — answer a request with a JSON value.
 *   root   stays the caller's                                                          [borrowed]
 * Result: none.   Cost: one text.   Source: docs/OPERATIONS.md.   Tested: e2e/life. */
void al_page_reply(SoupServerMessage *m, guint status, JsonNode *root);

/* al_page_error — answer {"error": what}.
 * Result: none.   Cost: one text.   Source: docs/OPERATIONS.md.   Tested: e2e/life, e2e/dht. */
void al_page_error(SoupServerMessage *m, guint status, const char *what);

#endif
