/* frame.h — the frames inside a packet: reading and writing. Layer 3, private to src/stream. */
#ifndef AL_STREAM_FRAME_H
#define AL_STREAM_FRAME_H

#include "base/cursor.h"
#include "stream/stream.h"

enum {
  AL_PACKET_HEADER_BYTES = 5, /* kind, packet number */
  AL_FRAME_ACK_BYTES = 10,    /* without runs */
  AL_FRAME_ACK_RUNS_MAX = 255,
  AL_FRAME_DATA_HEADER_BYTES = 13,
  AL_FRAME_HAVE_BYTES = 11,
  AL_FRAME_OPEN_BYTES_MAX = 13 + AL_STREAM_HOST_BYTES_MAX,
};

/* The largest offset in a stream, 2^48 - 1. */
#define AL_STREAM_OFFSET_MAX ((uint64_t)0xffffffffffff)

typedef enum al_frame_type {
  AL_FRAME_PAD = 0,
  AL_FRAME_ACK = 1,
  AL_FRAME_OPEN = 2,
  AL_FRAME_OPENED = 3,
  AL_FRAME_DATA = 4,
  AL_FRAME_DATA_FIN = 5,
  AL_FRAME_RESET = 6,
  AL_FRAME_CREDIT = 7,
  AL_FRAME_PING = 8,
  AL_FRAME_HAVE = 9,
} al_frame_type;

/* al_frame — one frame; the fields its type has. */
typedef struct al_frame {
  al_frame_type type;
  uint8_t reason;          /* RESET */
  uint16_t delay;          /* ACK: units of 64 us */
  uint16_t run;            /* ACK: numbers below `largest` that are acknowledged with it */
  uint32_t largest;        /* ACK */
  uint32_t stream;         /* all but ACK and PING */
  uint64_t offset;         /* DATA: of the first byte; CREDIT, OPEN, OPENED: may send up to here;
                              HAVE: all below has come */
  al_bytes bytes;          /* DATA: the data; ACK: pairs of gap and run */
  al_stream_target target; /* OPEN */
} al_frame;

/* al_frame_next — read the next frame of a packet and check it as far as it can be checked alone.
 *   r    behind the packet number, or behind the frame before; bad when malformed        [in/out]
 *   ret  written when true; views borrow from the packet                                 [out]
 * Result: false at the padding, at the end, and when malformed (then r is bad).
 * Cost:   O(1), ACK: its runs.   Source: PROTOCOL.md 8.1.   Tested: unit/stream_frame, fuzz/bundle.
 */
bool al_frame_next(al_rd *r, al_frame *ret);

/* al_frame_put — write a frame.
 *   w   bad when it does not fit                                                         [in/out]
 *   f   its `bytes` are copied                                                           [in]
 * Result: none.   Cost: one copy.   Source: PROTOCOL.md 8.1.   Tested: unit/stream_frame. */
void al_frame_put(al_wr *w, const al_frame *f);

/* al_frame_put_data — write the head of a DATA frame.
 *   f   type, stream and offset are read, and of `bytes` the length                      [in]
 * Result: where its bytes go; NULL when the frame does not fit (then w is bad).
 * Cost:   O(1).   Source: PROTOCOL.md 8.1.   Tested: unit/stream_frame. */
uint8_t *al_frame_put_data(al_wr *w, const al_frame *f);

/* al_frame_target_ok — is this a target a stream can lead to?
 * Result: kind 4 with 4 bytes, 6 with 16, or a name of 1..255 bytes without NUL; port not 0.
 * Cost:   the name.   Source: PROTOCOL.md 8.1.   Tested: unit/stream_frame. */
bool al_frame_target_ok(const al_stream_target *t);

#endif
