/* session.h — from a client's request to a session with a service: introductions, answers, sealed
 * packets, and what a service does under load. Layer 3. */
#ifndef AL_SERVICE_SESSION_H
#define AL_SERVICE_SESSION_H

#include "service/service.h"

/* ---- introduce.c: from a request to a session ---- */

/* al_intro_id — the name under which a service listens at a relay.
 * Result: none.   Cost: one hash.   Source: PROTOCOL.md 9.3.   Tested: unit/service_introduce. */
void al_intro_id(const al_suite *suite, const uint8_t secret[AL_MEET_SECRET_BYTES],
                 uint8_t ret[32]);

/* al_request — what a client asks of a service. */
typedef struct al_request {
  bool resume;
  al_id relay; /* where it waits ... */
  uint8_t cookie[AL_MEET_COOKIE_BYTES];
  uint8_t x[32]; /* its ephemeral X25519 key */
  uint64_t time_s;
  uint8_t session[AL_SESSION_ID_BYTES], proof[16]; /* resume: of the session that goes on */
} al_request;

/* al_ask — a request in the making, kept by the client until it is answered; secret. */
typedef struct al_ask {
  uint8_t x_sk[32];
  uint8_t ss[32]; /* of the KEM */
  uint8_t transcript[32];
  uint8_t bytes[AL_MEET_REQUEST_BYTES]; /* what is sent */
} al_ask;

/* al_ask_coins — the randomness of a request. */
typedef struct al_ask_coins {
  uint8_t kem[AL_KEM_COINS_BYTES], x_sk[32];
} al_ask_coins;

/* al_ask_to — whom a request is for. */
typedef struct al_ask_to {
  const al_name *name;
  const uint8_t *intro_id; /* 32 */
  const uint8_t *kem_pk;   /* AL_KEM_PK_BYTES */
  const uint8_t *kem_sk;   /* the service's side only: AL_KEM_SK_BYTES */
  const uint8_t *resume;   /* the client's side: secret of the session that goes on; NULL: none */
} al_ask_to;

/* al_ask_make — a request; its nonce is zero: al_puzzle_try finds one when it must.
 *   req   x is written, and proof when a session goes on                               [in/out]
 * Result: AL_OK, AL_ECRYPTO (the service's key is no key).
 * Cost:   one encapsulation, one X25519.   Source: PROTOCOL.md 9.4.
 * Tested: unit/service_introduce, vectors (service). */
al_err al_ask_make(const al_suite *suite, const al_ask_coins *coins, const al_ask_to *to,
                   al_request *req, al_ask *ret);

/* al_heard — the service's end of a request; secret. */
typedef struct al_heard {
  uint8_t ss[32], transcript[32];
  al_request request;
} al_heard;

/* al_ask_open — the service's side.
 *   in       AL_MEET_REQUEST_BYTES bytes
 * Result: AL_OK, AL_ECRYPTO, AL_EPARSE; ret is wiped on failure.
 * Cost:   one decapsulation.   Source: PROTOCOL.md 9.4.
 * Tested: unit/service_introduce, vectors (service), fuzz/service. */
al_err al_ask_open(const al_suite *suite, const al_ask_to *me, const uint8_t *in, al_heard *ret);

/* al_resume_proof — what proves a session's end in a request that resumes it.
 * Result: none.   Cost: one HMAC.   Source: PROTOCOL.md 9.4.   Tested: unit/service_introduce. */
void al_resume_proof(const al_suite *suite, const uint8_t secret[32], const al_request *req,
                     uint8_t ret[16]);

/* al_session_keys — what both ends of a session have; secret. */
typedef struct al_session_keys {
  uint8_t to_service[32], to_client[32];
  uint8_t resume[32];
  uint8_t id[AL_SESSION_ID_BYTES];
} al_session_keys;

/* al_answer — the service's answer, and the keys that follow; keys are secret. */
typedef struct al_answer {
  uint8_t bytes[AL_MEET_ANSWER_BYTES];
  al_session_keys keys;
} al_answer;

/* al_answer_make — answer a request.
 *   y_sk     32 random bytes
 *   resume   the session's secret when it goes on, else NULL                           [secret]
 * Result: AL_OK, AL_ECRYPTO (the client's key is of small order).
 * Cost:   two X25519.   Source: PROTOCOL.md 9.4.   Tested: unit/service_introduce,
 * vectors (service). */
al_err al_answer_make(const al_suite *suite, const al_heard *heard, const uint8_t y_sk[32],
                      const uint8_t *resume, al_answer *ret);

/* al_answer_take — the client's side: the keys, if the answer is the service's.
 * Result: AL_OK, AL_ECRYPTO (ret is wiped).   Cost: one X25519.   Source: PROTOCOL.md 9.4.
 * Tested: unit/service_introduce, vectors (service). */
al_err al_answer_take(const al_suite *suite, const al_ask *ask, const uint8_t *resume,
                      const uint8_t *answer, al_session_keys *ret);

/* ---- gate.c: a service under load ---- */

/* al_puzzle_bits — how much work a request shows.
 *   id   of the introduction point
 *   in   AL_MEET_REQUEST_BYTES bytes
 * Result: leading zero bits, at most AL_PUZZLE_BITS_MAX.   Cost: two hashes.
 * Source: PROTOCOL.md 9.5.   Tested: unit/service_introduce. */
uint8_t al_puzzle_bits(const al_suite *suite, const uint8_t id[32], const uint8_t *in);

/* al_puzzle_try — look for a nonce that shows so much work, from the one in the request on.
 *   in      AL_MEET_REQUEST_BYTES bytes; its nonce is changed                          [in/out]
 *   tries   at most so many; call again
 * Result: whether it is found.   Cost: one hash a try, about 0.4 us.
 * Source: PROTOCOL.md 9.5.   Tested: unit/service_introduce. */
bool al_puzzle_try(const al_suite *suite, const uint8_t id[32], uint8_t bits, uint8_t *in,
                   uint32_t tries);

enum {
  AL_GATE_SEEN = 8192, /* requests remembered: what the rate lets in within AL_GATE_TIME_S */
  AL_GATE_RATE = 20,   /* a second */
  AL_GATE_BURST = 60,
  AL_GATE_TIME_S = 300,       /* clocks may differ by so much */
  AL_GATE_BITS_FIRST = 8,     /* the first puzzle; two bits more each time */
  AL_GATE_CALM_US = 60000000, /* two bits less after so long without refusing anybody */
};

/* al_gate — what a service knows of the requests that came. */
typedef struct al_gate {
  uint64_t seen[AL_GATE_SEEN]; /* beginnings of hashes; a ring */
  uint32_t seen_next;
  uint32_t tokens; /* thousandths */
  al_time filled_at, changed_at;
  uint8_t bits; /* work asked for */
} al_gate;

typedef enum al_gate_verdict {
  AL_GATE_TAKE = 1,
  AL_GATE_REPLAY, /* seen before */
  AL_GATE_WORK,   /* too little work */
  AL_GATE_FULL,   /* too many: the puzzle becomes harder */
} al_gate_verdict;

/* al_gate_judge — may this request cost a decapsulation and a circuit?
 *   id   of the introduction point it came by
 *   in   AL_MEET_REQUEST_BYTES bytes
 * Result: see al_gate_verdict. A change of `bits` calls for a new descriptor.
 * Cost:   two hashes, one pass over `seen`.   Source: PROTOCOL.md 9.5.
 * Tested: unit/service_introduce. */
al_gate_verdict al_gate_judge(al_gate *g, const al_suite *suite, al_time now, const uint8_t id[32],
                              const uint8_t *in);

/* al_gate_calm — lower the puzzle when there was no load.
 * Result: whether `bits` changed.   Cost: constant.   Source: PROTOCOL.md 9.5.
 * Tested: unit/service_introduce. */
bool al_gate_calm(al_gate *g, al_time now);

/* ---- sealed.c: packets from end to end ---- */

/* al_sealed — one end of a session on one pair of joined circuits. */
typedef struct al_sealed {
  uint8_t tx[32], rx[32];
  uint64_t next; /* number of the next packet */
  al_window window;
} al_sealed;

/* al_sealed_init — begin with fresh keys.
 * Result: none.   Cost: one pass over the window.   Source: PROTOCOL.md 9.6.
 * Tested: unit/service_introduce. */
void al_sealed_init(al_sealed *s, const al_session_keys *k, bool client);

/* al_sealed_text — where the AL_SEALED_TEXT_BYTES bytes of text are in a relay payload. */
static inline uint8_t *al_sealed_text(uint8_t *payload) { return payload + 7; }

/* al_sealed_close — encrypt the text in a relay payload.
 *   payload   1068 bytes: its text is written                                          [in/out]
 * Result: false when the numbers are used up.   Cost: one AEAD.   Source: PROTOCOL.md 9.6.
 * Tested: unit/service_introduce, vectors (service). */
bool al_sealed_close(al_sealed *s, const al_suite *suite, uint8_t *payload);

/* al_sealed_open — decrypt the text in a relay payload, once.
 * Result: AL_OK, AL_ECRYPTO (not authentic), AL_ESTATE (a replay).
 * Cost:   one AEAD.   Source: PROTOCOL.md 9.6.   Tested: unit/service_introduce, fuzz/service. */
al_err al_sealed_open(al_sealed *s, const al_suite *suite, uint8_t *payload);

#endif
