/* al_host.h — what a host implements: a transport and a store. The daemon, the browser and the
 * simulator each fill these tables; src/drive calls them; the core does not know them. Layer 0. */
#ifndef AL_HOST_H
#define AL_HOST_H

#include "al_types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  AL_FRAME_BYTES = 1120, /* every message of a link, both channels (PROTOCOL.md 4.4) */
};

/* al_channel — the two data channels of a link. BULK is reliable and unordered; RT is unordered and
 * never retransmitted (heartbeats, padding). */
typedef enum al_channel { AL_CHANNEL_BULK = 0, AL_CHANNEL_RT = 1 } al_channel;

/* al_down_reason — why a transport link ended, for logs and back-off. */
typedef enum al_down_reason {
  AL_DOWN_CLOSED = 1,   /* we asked for it */
  AL_DOWN_PEER = 2,     /* the other side closed */
  AL_DOWN_TIMEOUT = 3,  /* nobody answered, or silence for too long */
  AL_DOWN_ADDRESS = 4,  /* the address is malformed or not supported by this transport */
  AL_DOWN_CERT = 5,     /* the certificate is not the one the address names */
  AL_DOWN_PROTOCOL = 6, /* not our channels, oversize message, DTLS or SCTP failure */
  AL_DOWN_LIMIT = 7,    /* per-address or total limit */
} al_down_reason;

typedef struct al_transport al_transport; /* the host's own object */
typedef struct al_store al_store;

/* al_transport_sink — what a transport tells its driver. Every call comes from the main loop, never
 * from inside a call of al_transport_ops.
 *   up      both channels are open; binding = SHA3-256(label ‖ dialler's certificate hash ‖
 *           answerer's certificate hash) (PROTOCOL.md 3.3); link is the handle given to open, or 0
 *           for an incoming link: then the sink returns the handle it gives to it (0: refused,
 *           close it)
 *   down    the link is gone; the handle is dead after this call; comes once for every open or up
 *   rx      one message of 1..AL_FRAME_BYTES bytes; anything longer is the transport's to refuse
 *   credit  bytes that may be sent now in total without queueing above the high mark: an absolute
 *           level, not an increment; sent after up and whenever the level rose by a quarter of
 *           the window */
typedef struct al_transport_sink {
  void *ctx;
  al_link (*up)(void *ctx, al_link link, const uint8_t binding[32], void *transport_ref);
  void (*down)(void *ctx, al_link link, al_down_reason reason);
  void (*rx)(void *ctx, al_link link, al_bytes frame);
  void (*credit)(void *ctx, al_link link, uint32_t bytes);
} al_transport_sink;

/* al_transport_ops — what a driver asks of a transport.
 *   open    start dialling `addr` (PROTOCOL.md 3.2 address record, binary); answers later
 *           through the sink: up or down. AL_EINVAL: not an address of this transport; no down
 *           follows.
 *   accept  binds an incoming transport_ref (given to sink.up) to its handle; called from inside up
 *   send    never blocks; copies the frame; AL_EAGAIN when the credit was exceeded (frame not
 *           taken); on AL_CHANNEL_RT a full buffer drops the frame and says AL_OK
 *   close   ends the link; down follows later with AL_DOWN_CLOSED */
typedef struct al_transport_ops {
  const char *name; /* "webrtc", "sim" */
  al_err (*open)(al_transport *t, al_link link, al_bytes addr);
  void (*accept)(al_transport *t, al_link link, void *transport_ref);
  al_err (*send)(al_transport *t, al_link link, al_channel channel, al_bytes frame);
  void (*close)(al_transport *t, al_link link);
} al_transport_ops;

/* al_store_ops — durable key/value records. Keys are text of at most 80 bytes; values at most 16
 * KiB. put and del are queued and made durable in order, in batches; keys that begin with "key/"
 * hold secrets: the host keeps them in files of mode 0600, atomically replaced. There is no get:
 * what was stored comes back as al_config.snapshot at the next start. */
typedef struct al_store_ops {
  al_err (*put)(al_store *s, al_bytes key, al_bytes value);
  al_err (*del)(al_store *s, al_bytes key);
} al_store_ops;

#ifdef __cplusplus
}
#endif
#endif
