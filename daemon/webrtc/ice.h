/* ice.h — dialling through libnice: a full agent a link, controlling, aggressive nomination. */
#ifndef AL_WEBRTC_ICE_H
#define AL_WEBRTC_ICE_H

#include "session.h"

/* al_ice_start — give the session an agent and let it find the path; the handshake starts when it
 * has. Result: false: no local address or libnice refused; the session has ended. Cost:   two file
 * descriptors.   Source: RFC 8445, docs/TRANSPORT.md.   Tested: unit/webrtc_link. */
bool al_ice_start(al_session *s, const al_rtc_address *a);

#endif
