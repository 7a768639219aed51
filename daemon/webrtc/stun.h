/* stun.h — the part of STUN (RFC 8489) and ICE (RFC 8445) that connectivity checks need: a total
 * decoder and three encoders. No state: transactions belong to the caller. */
#ifndef AL_WEBRTC_STUN_H
#define AL_WEBRTC_STUN_H

#include "udp.h"

enum {
  AL_STUN_HEADER = 20,
  AL_STUN_MAX = 256, /* longest message we write */
  AL_STUN_KEY = 24,  /* our ICE passwords are 24 characters */
};

typedef enum al_stun_kind {
  AL_STUN_REQUEST = 0x0001,
  AL_STUN_INDICATION = 0x0011,
  AL_STUN_SUCCESS = 0x0101,
  AL_STUN_ERROR = 0x0111,
} al_stun_kind;

/* Error codes that are sent or understood. */
enum { AL_STUN_ROLE_CONFLICT = 487, AL_STUN_QUOTA = 486 };

/* al_stun_msg — a decoded message; views point into the datagram. */
typedef struct al_stun_msg {
  al_bytes raw;
  al_stun_kind kind; /* method is Binding, anything else does not decode */
  uint8_t id[12];
  al_bytes username;
  size_t integrity_at; /* offset of MESSAGE-INTEGRITY, 0: none */
  bool use_candidate, controlled, unknown_required;
  uint64_t tie_breaker; /* of a controlling side, else 0 */
  int error;            /* of an error response, else 0 */
  bool has_mapped;
  al_udp_addr mapped;
} al_stun_msg;

/* al_stun_looks_like — RFC 7983: may this datagram be STUN at all?
 *   Result: first byte below 4 and at least a header.   Cost: none.
 *   Source: RFC 7983.   Tested: unit/webrtc_stun. */
bool al_stun_looks_like(al_bytes d);

/* al_stun_decode — parse one datagram; checks lengths, magic cookie and FINGERPRINT when present.
 *   Result: false for everything that is not a well-formed Binding message.
 *   Cost:   one pass, one CRC.   Source: RFC 8489 5, 14.   Tested: unit/webrtc_stun. */
bool al_stun_decode(al_stun_msg *m, al_bytes d);

/* al_stun_verify — MESSAGE-INTEGRITY with a password of 24 characters, in constant time.
 *   Result: false when it is missing or wrong.   Cost: one HMAC-SHA1.
 *   Source: RFC 8489 14.5.   Tested: unit/webrtc_stun. */
bool al_stun_verify(const al_stun_msg *m, const char key[AL_STUN_KEY]);

/* al_stun_check — what a check says; always controlling and nominating. */
typedef struct al_stun_check {
  const char *username; /* "allium:<ours>" */
  const char *key;      /* the answerer's password */
  uint32_t priority;
  uint64_t tie_breaker;
  uint8_t id[12];
} al_stun_check;

/* al_stun_write_* — encode; out has AL_STUN_MAX bytes.
 *   check    Binding request, USE-CANDIDATE, MESSAGE-INTEGRITY, FINGERPRINT
 *   success  answer to `id` with XOR-MAPPED-ADDRESS; key NULL: bare (a plain request's answer)
 *   error    answer with an error code
 *   Result: length.   Cost: one HMAC-SHA1 when there is a key.
 *   Source: RFC 8489, RFC 8445 7.   Tested: unit/webrtc_stun. */
size_t al_stun_write_check(uint8_t *out, const al_stun_check *c);
size_t al_stun_write_success(uint8_t *out, const uint8_t id[12], const al_udp_addr *mapped,
                             const char *key);
size_t al_stun_write_error(uint8_t *out, const uint8_t id[12], int code, const char *key);

#endif
