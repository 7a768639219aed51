/* socks_parser.h — the client's half of a SOCKS5 handshake as a state machine: bytes in, answers
 * and one target out. Reads no socket. */
#ifndef AL_DAEMON_SOCKS_PARSER_H
#define AL_DAEMON_SOCKS_PARSER_H

#include "allium/allium.h"

enum {
  AL_SOCKS_MESSAGE_MAX = 3 + 255 + 255, /* the longest: user and password */
  AL_SOCKS_ANSWER_MAX = 10,
};

/* Reply field of RFC 1928 6. */
typedef enum al_socks_reply {
  AL_SOCKS_OK = 0,
  AL_SOCKS_FAILURE = 1,
  AL_SOCKS_NOT_ALLOWED = 2,
  AL_SOCKS_TIMEOUT = 6,
  AL_SOCKS_COMMAND = 7,
  AL_SOCKS_ADDRESS = 8,
} al_socks_reply;

typedef enum al_socks_verdict {
  AL_SOCKS_MORE,    /* send the answer, if any, and give more bytes */
  AL_SOCKS_REQUEST, /* the target is known; what follows is the application's data */
  AL_SOCKS_REFUSE,  /* send the answer, if any, and close */
} al_socks_verdict;

typedef struct al_socks_parser {
  enum { AL_SOCKS_AT_GREETING, AL_SOCKS_AT_LOGIN, AL_SOCKS_AT_REQUEST, AL_SOCKS_AT_END } state;
  uint16_t have;
  uint8_t message[AL_SOCKS_MESSAGE_MAX];
  uint8_t answer[AL_SOCKS_ANSWER_MAX];
  uint8_t answer_len;
  uint64_t isolation; /* 0 without a login; else from user and password */
  al_target target;
} al_socks_parser;

/* al_socks_parser_init — before the first byte.
 *   Result: none.   Cost: none.   Source: RFC 1928.   Tested: unit/daemon_socks_parser. */
void al_socks_parser_init(al_socks_parser *p);

/* al_socks_parse — take bytes up to the end of one message.
 *   used  how many were taken; the rest is for the next call, or the application's data     [out]
 * Result: what to do; p->answer[0..answer_len) is to be sent first.
 * Cost:   one copy; one SHA-256 for a login.   Source: RFC 1928, RFC 1929.
 * Tested: unit/daemon_socks_parser. */
al_socks_verdict al_socks_parse(al_socks_parser *p, const uint8_t *in, size_t len, size_t *used);

/* al_socks_answer — put a reply to the request into p->answer.
 *   Result: none.   Cost: none.   Source: RFC 1928 6.   Tested: unit/daemon_socks_parser. */
void al_socks_answer(al_socks_parser *p, uint8_t reply);

#endif
