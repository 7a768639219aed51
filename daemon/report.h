/* report.h — what the control socket tells: the node's state as JSON and as metrics. */
#ifndef AL_DAEMON_REPORT_H
#define AL_DAEMON_REPORT_H

#include <json-glib/json-glib.h>

#include "daemon.h"

enum { AL_REPORT_ID_TEXT = 52, AL_REPORT_SHORT_TEXT = 8 };

/* al_report — one of the pages: "status", "peers", "circuits", "id", "address".
 *   Result: a node for json_node_unref, or NULL for another page.   Cost: O(tables).
 *   Source: docs/OPERATIONS.md.   Tested: e2e. */
JsonNode *al_report(const al_daemon *d, const char *page);

/* al_report_metrics — all figures in Prometheus' text form, to be freed with g_free.
 *   Result: never NULL.   Cost: O(tables).   Source: docs/OPERATIONS.md.   Tested: e2e. */
char *al_report_metrics(const al_daemon *d);

/* al_report_id — a node ID as text.
 *   out  AL_REPORT_ID_TEXT + 1 bytes                                                       [out]
 * Result: none.   Cost: one encoding.   Source: PROTOCOL.md 3.1.   Tested: e2e. */
void al_report_id(const al_id *id, char *out);

#endif
