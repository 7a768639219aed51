/* channel.h — the two channels of a link over one association: DCEP (RFC 8832), frame checks and
 * back-pressure by what is buffered. */
#ifndef AL_WEBRTC_CHANNEL_H
#define AL_WEBRTC_CHANNEL_H

#include "sctp.h"

/* al_channels — in place, inside a session. */
typedef struct al_channels {
  al_sctp *sctp;
  uint16_t stream[2]; /* negotiated: 0 and 1; a browser that opens in band may choose others */
  uint32_t unsent_max, buffer_bytes;
  uint32_t granted;             /* bytes the sink may still send of what it was told */
  uint32_t window, level, step; /* of the last look */
} al_channels;

typedef enum al_channel_verdict {
  AL_CHANNEL_FRAME = 0, /* deliver it */
  AL_CHANNEL_DONE = 1,  /* it was ours (DCEP) */
  AL_CHANNEL_BAD = 2,   /* end the link */
} al_channel_verdict;

/* al_channels_init — `unsent_max`: high mark above the congestion window.
 *   Result: none.   Cost: none.   Source: docs/TRANSPORT.md.   Tested: unit/webrtc_link. */
void al_channels_init(al_channels *c, al_sctp *s, uint32_t unsent_max, uint32_t buffer_bytes);

/* al_channels_rx — classify one message; answers DCEP.
 *   Result: a verdict.   Cost: none but for DCEP.
 *   Source: RFC 8831 8, RFC 8832 5.   Tested: unit/webrtc_link, interop. */
al_channel_verdict al_channels_rx(al_channels *c, uint16_t stream, uint32_t ppid, al_bytes message);

/* al_channels_send — one frame of 1..AL_FRAME_BYTES bytes.
 *   Result: AL_OK; AL_EAGAIN above the credit; AL_ESTATE; *ret_dropped: real time, buffer full.
 *   Cost:   one usrsctp send.   Source: al_host.h.   Tested: unit/webrtc_link. */
al_err al_channels_send(al_channels *c, al_channel channel, al_bytes frame, bool *ret_dropped);

/* al_channels_credit — look at the buffer; when the level rose by a quarter of the mark, grant it.
 *   Result: true and the new level, which must be told; false: nothing to tell.
 *   Cost:   one usrsctp query.   Source: al_host.h.   Tested: unit/webrtc_link. */
bool al_channels_credit(al_channels *c, uint32_t *ret_level);

#endif
