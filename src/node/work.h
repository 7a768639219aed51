/* work.h — the work area as the conductor sees it: what al_work hides from hosts. Layer 4. */
#ifndef AL_NODE_WORK_H
#define AL_NODE_WORK_H

#include "allium/allium.h"

enum {
  AL_WORK_ARENA_BYTES = 256 * 1024, /* copies of keys and values of one drain */
  AL_WORK_SCRATCH_BYTES = 16 * 1024,
  AL_WORK_HELD_MAX = 64,      /* buffers kept until the drain because events look into them */
  AL_WORK_EFFECTS_MIN = 1024, /* the smallest queue */
  AL_WORK_ROOM_TO_SEND = 512, /* frames leave so much of it free for everything else ... */
  AL_WORK_ROOM_TO_TELL = 256, /* ... and what can wait leaves this for what cannot */
};

/* al_work_room — how many effects still fit.
 *   Result: count.   Cost: O(1).   Source: docs/ARCHITECTURE.md 4.   Tested: unit/node_work. */
uint32_t al_work_room(const al_work *w);

/* al_work_may_send — is there room for a frame?
 *   Result: whether.   Cost: O(1).   Source: docs/ARCHITECTURE.md 4.   Tested: unit/node_work. */
bool al_work_may_send(const al_work *w);

/* al_work_may_tell — is there room for an event that could also be told after the next drain?
 *   Result: whether.   Cost: O(1).   Source: docs/ARCHITECTURE.md 4.   Tested: unit/node_work. */
bool al_work_may_tell(const al_work *w);

/* al_work_drained — is the effect queue empty?
 *   Result: empty.   Cost: O(1).   Source: docs/ARCHITECTURE.md 4.   Tested: unit/node_work. */
bool al_work_drained(const al_work *w);

/* al_work_scratch — room for one message while it is built.
 *   Result: AL_WORK_SCRATCH_BYTES bytes, anybody's.   Cost: O(1).
 *   Source: docs/ARCHITECTURE.md 4.   Tested: sim/network. */
uint8_t *al_work_scratch(al_work *w);

/* al_work_tx — emit a frame; the buffer's ownership moves to the driver.
 *   Result: false when the queue is full: nothing was taken.   Cost: O(1).
 *   Source: docs/ARCHITECTURE.md 3.   Tested: unit/node_work. */
bool al_work_tx(al_work *w, al_link link, al_channel channel, al_buf b, size_t len);

/* al_work_open — ask for a link's transport.
 *   addr  copied
 * Result: false when the queue or the arena is full.   Cost: O(1).
 * Source: docs/ARCHITECTURE.md 3.   Tested: unit/node_work. */
bool al_work_open(al_work *w, al_link link, al_bytes addr);

/* al_work_close — ask for the end of a link's transport.
 * Result: false when the queue is full.   Cost: O(1).
 * Source: docs/ARCHITECTURE.md 3.   Tested: unit/node_work. */
bool al_work_close(al_work *w, al_link link);

/* al_work_put — a record for the host's store; key and value are copied.
 *   Result: false when the queue or the arena is full.   Cost: O(bytes).
 *   Source: PROTOCOL.md 3.5.   Tested: unit/node_work. */
bool al_work_put(al_work *w, al_bytes key, al_bytes value);

/* al_work_del — a record that the host may forget; the key is copied.
 *   Result: false when the queue or the arena is full.   Cost: O(bytes).
 *   Source: PROTOCOL.md 3.5.   Tested: unit/node_work. */
bool al_work_del(al_work *w, al_bytes key);

/* al_work_event — tell the host. data is not copied: it must stay until the drain (al_work_hold);
 * target is copied.
 *   Result: false when the queue or the arena is full.   Cost: O(1).
 *   Source: docs/ARCHITECTURE.md 4.   Tested: unit/node_work. */
bool al_work_event(al_work *w, const al_event *ev);

/* al_work_hold — keep a buffer until everything is drained, then drop it.
 *   Result: none; the buffer is dropped at the drain at the latest.   Cost: O(1).
 *   Source: docs/ARCHITECTURE.md 3.   Tested: unit/node_work. */
void al_work_hold(al_work *w, al_buf b);

#endif
