/* al_types.h — the words every layer shares: ids, handles, bytes, time, errors, memory.
 * Layer 0. Includes nothing but the freestanding C11 headers. */
#ifndef AL_TYPES_H
#define AL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* al_time — microseconds on a monotonic clock of any epoch. AL_TIME_NEVER means "no deadline". */
typedef uint64_t al_time;
#define AL_TIME_NEVER UINT64_MAX
#define AL_MS ((al_time)1000)
#define AL_SECOND ((al_time)1000000)

/* Handles. 0 is "none" for every kind; a handle is never reused while somebody may still hold it:
 * its upper bits are a generation, so a stale handle is found out. */
typedef uint32_t al_link;   /* a neighbour; given out by the node, known to core and transport */
typedef uint32_t al_stream; /* an ordered byte stream */
typedef uint32_t al_circ;   /* a circuit of this node: origin, relay or end */
typedef uint32_t al_buf;    /* a packet buffer of an al_work */

/* al_id — a node's identifier: SHA3-256 over a label and both identity keys (PROTOCOL.md 3.1). */
typedef struct al_id {
  uint8_t b[32];
} al_id;

/* al_bytes — a borrowed view; valid until the next call on the object it came from. */
typedef struct al_bytes {
  const uint8_t *ptr;
  size_t len;
} al_bytes;

typedef enum al_err {
#define AL_ERR(name, value, text) AL_##name = (value),
#include "errors.def"
#undef AL_ERR
} al_err;

/* al_err_name — the code's name, "AL_EINVAL", or "AL_E?" for a value that is none.
 *   Result: a static string.   Cost: one switch.   Source: errors.def.   Tested: unit/base. */
const char *al_err_name(al_err e);

/* al_err_text — one lower-case phrase for people, without a full stop.
 *   Result: a static string.   Cost: one switch.   Source: errors.def.   Tested: unit/base. */
const char *al_err_text(al_err e);

/* al_alloc — where a node's memory comes from. alloc returns zeroed memory or NULL; free takes
 * NULL. Called in *_new/_init, in command handling and where a circuit is built (growth of tables
 * within al_limits); never for other cells and ticks. */
typedef struct al_alloc {
  void *ctx;
  void *(*alloc)(void *ctx, size_t size);
  void (*free)(void *ctx, void *ptr, size_t size);
} al_alloc;

#ifdef __cplusplus
}
#endif
#endif
