/* client.h — ask a running node over its control socket. */
#ifndef AL_CLI_CLIENT_H
#define AL_CLI_CLIENT_H

#include <json-glib/json-glib.h>

#include "args.h"

/* al_client_ask — one question.
 *   path  such as "/v1/status"                                                              [in]
 *   body  JSON to POST, or NULL to GET                                                      [in]
 * Result: the answer for json_node_unref, or NULL and err: AL_EXIT_NO_DAEMON when nobody answers,
 *         AL_EXIT_FAILED with the node's own words, AL_EXIT_CONFIG.
 * Cost: one connection.   Source: docs/OPERATIONS.md.   Tested: e2e. */
JsonNode *al_client_ask(const al_args *args, const char *path, const char *body, GError **err);

/* al_client_show — ask and print: as JSON if asked for, else by `print`.
 *   Result: an al_exit_status.   Cost: one connection.   Source: allium(1).   Tested: e2e. */
int al_client_show(const al_args *args, const char *path, void (*print)(JsonObject *answer));

/* al_client_print_json — an answer, indented, to stdout.
 *   Result: none.   Cost: prints.   Source: none.   Tested: e2e. */
void al_client_print_json(JsonNode *node);

#endif
