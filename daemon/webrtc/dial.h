/* dial.h — dialling a node with an open port by checks of our own: the answerer is ICE-lite, so all
 * that is left of ICE is one nominated check, its answer, and care for the path afterwards. */
#ifndef AL_WEBRTC_DIAL_H
#define AL_WEBRTC_DIAL_H

#include "session.h"

/* al_dial_start — give the session a connected socket of its own and send the first check. The DTLS
 * hello leaves right behind it: one round trip less.
 *   Result: false: no route or no socket; the session has ended.
 *   Cost:   one socket.   Source: RFC 8445 7, docs/TRANSPORT.md.   Tested: unit/webrtc_link. */
bool al_dial_start(al_session *s, const al_rtc_address *a);

#endif
