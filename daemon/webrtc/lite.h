/* lite.h — the ICE-lite answerer: one UDP port for all incoming peers. It only answers checks,
 * which are keyed with our own password, so it needs nothing of the caller but what the check says.
 */
#ifndef AL_WEBRTC_LITE_H
#define AL_WEBRTC_LITE_H

#include "transport.h"

/* al_lite_new — bind every address of the configuration to one port.
 *   Result: NULL and `err` with one line (port in use, no such address).
 *   Cost:   a socket an address.   Source: RFC 8445 2.5, PROTOCOL.md 3.
 *   Tested: unit/webrtc_limits. */
al_lite *al_lite_new(al_transport *t, GError **err);
/* al_lite_free — after the last session. */
void al_lite_free(al_lite *l);
uint16_t al_lite_port(const al_lite *l);
/* al_lite_tick — once a second: forget callers that checked and never spoke. */
void al_lite_tick(al_lite *l, gint64 now_us);
/* al_lite_callers — entries of the table, for tests. */
uint32_t al_lite_callers(const al_lite *l);

#endif
