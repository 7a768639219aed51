/* ask.h — a question to the DHT and its answer, as they go over a stream to the node at the end of
 * a circuit (PROTOCOL.md 7.4). Layer 1. */
#ifndef AL_WIRE_ASK_H
#define AL_WIRE_ASK_H

#include "wire/record.h"

enum {
  AL_ASK_VERSION = 1,
  AL_ASK_LOCATE = 1, /* ops; the same numbers as al_record_op */
  AL_ASK_FETCH = 2,
  AL_ASK_PUBLISH = 3,
  AL_ASK_DESCRIBE = 4,
  AL_ASK_QUORUM_MAX = 8,
  AL_ASK_NODES_MAX = 8,
  AL_ASK_STATUS_MAX = 3,     /* al_record_status */
  AL_ASK_REQUEST_BYTES = 44, /* in front of the record */
  AL_ASK_REPLY_BYTES = 12,   /* in front of nodes and record */
  AL_ASK_NODE_BYTES = 33,
  AL_ASK_PREFIX_BYTES = 4, /* lifetime, in front of a record wherever one travels */
  AL_ASK_REQUEST_BYTES_MAX = AL_ASK_REQUEST_BYTES + AL_RECORD_BYTES_MAX,
  AL_ASK_REPLY_BYTES_MAX = AL_ASK_REPLY_BYTES + AL_ASK_NODES_MAX * AL_ASK_NODE_BYTES +
                           AL_ASK_PREFIX_BYTES + AL_RECORD_BYTES_MAX,
};

/* al_ask_request — what is asked. */
typedef struct al_ask_request {
  uint8_t op, quorum;
  al_id key;
  uint32_t lifetime_s;
  al_bytes record; /* PUBLISH only */
} al_ask_request;

/* al_ask_reply — what came of it. */
typedef struct al_ask_reply {
  uint8_t status, answers, hops, nodes_count;
  al_bytes nodes;  /* AL_ASK_NODE_BYTES each: ID and verdict */
  al_bytes record; /* lifetime and record; empty when there is none */
} al_ask_reply;

/* al_ask_request_decode — read a request.
 *   ret   views lead into bytes                                                        [out]
 * Result: AL_OK, or AL_EPARSE for anything that al_ask_request_encode would not have written.
 * Cost:   constant.   Source: PROTOCOL.md 7.4.   Tested: unit/wire_ask, fuzz/ask. */
al_err al_ask_request_decode(al_bytes bytes, al_ask_request *ret);

/* al_ask_request_encode — write a request; its last bytes are what a PUT carries: lifetime, record.
 *   r   fields that al_ask_request_decode accepts                                      [asserted]
 * Result: none; the cursor is bad when it does not fit.   Cost: one copy.
 * Source: PROTOCOL.md 7.4.   Tested: unit/wire_ask, fuzz/ask. */
void al_ask_request_encode(const al_ask_request *r, al_wr *w);

/* al_ask_reply_decode — read a reply.
 *   ret   views lead into bytes                                                        [out]
 * Result: AL_OK, or AL_EPARSE for anything that al_ask_reply_encode would not have written.
 * Cost:   constant.   Source: PROTOCOL.md 7.4.   Tested: unit/wire_ask, fuzz/ask. */
al_err al_ask_reply_decode(al_bytes bytes, al_ask_reply *ret);

/* al_ask_reply_encode — write a reply.
 *   r   fields that al_ask_reply_decode accepts                                        [asserted]
 * Result: none; the cursor is bad when it does not fit.   Cost: one copy.
 * Source: PROTOCOL.md 7.4.   Tested: unit/wire_ask, fuzz/ask. */
void al_ask_reply_encode(const al_ask_reply *r, al_wr *w);

#endif
