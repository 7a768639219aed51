/* drive.h — the loop that all hosts share: what the transport tells becomes inputs, effects become
 * calls of transport and store, the node's deadline becomes one timer. Layer 5.
 * The host calls in from its main loop only; al_drive drains the node before it returns. */
#ifndef AL_DRIVE_H
#define AL_DRIVE_H

#include "allium/al_host.h"
#include "allium/allium.h"

/* al_drive_host — the host's side.
 *   now       monotonic microseconds, the clock of all of the node's times (CLOCK_BOOTTIME)
 *   event     an event of the node; data and target are borrowed for the call; commands (stream
 *             write, accept, consume, reset...) may be given from inside
 *   deadline  the node wants al_drive_tick at this time; replaces the time asked before */
typedef struct al_drive_host {
  void *ctx;
  al_time (*now)(void *ctx);
  void (*event)(void *ctx, const al_event *ev);
  void (*deadline)(void *ctx, al_time when);
} al_drive_host;

typedef struct al_drive al_drive;

/* al_drive_new — tie a node to its host. The transport is set later by al_drive_set_transport,
 * because a transport needs the sink first.
 *   store  may be NULL together with store_ops: nothing is kept
 * Result: AL_OK, AL_ENOMEM.   Cost: one allocation.   Source: docs/ARCHITECTURE.md 4.
 * Tested: sim/network. */
al_err al_drive_new(al_drive **ret, const al_alloc *a, const al_drive_host *host,
                    const al_store_ops *store_ops, al_store *store);

/* al_drive_free — NULL is allowed; does not free the node, the work area or the transport.
 *   Result: none.   Cost: frees.   Source: docs/ARCHITECTURE.md 4.   Tested: sim/network. */
void al_drive_free(al_drive *d);

/* al_drive_sink — the sink to give to the transport; valid as long as d.
 *   Result: a copy.   Cost: none.   Source: al_host.h.   Tested: sim/network. */
al_transport_sink al_drive_sink(al_drive *d);

/* al_drive_start — attach node, work area and transport, and take the first tick.
 *   Result: none.   Cost: drains.   Source: docs/ARCHITECTURE.md 4.   Tested: sim/network. */
void al_drive_start(al_drive *d, al_node *n, al_work *w, const al_transport_ops *ops,
                    al_transport *t);

/* al_drive_tick — the timer fired.
 *   Result: none.   Cost: drains.   Source: docs/ARCHITECTURE.md 4.   Tested: sim/network. */
void al_drive_tick(al_drive *d);

/* al_drive_pump — drain effects after the host called a command maker (al_stream_write,
 * al_node_join,
 * ...) itself; harmless from inside an event, where it returns at once and the outer loop goes on.
 *   Result: none.   Cost: drains.   Source: docs/ARCHITECTURE.md 4.   Tested: sim/network. */
void al_drive_pump(al_drive *d);

/* al_drive_node — the node, for the command makers.
 *   Result: borrowed; NULL before al_drive_start.   Cost: none.   Source: docs/ARCHITECTURE.md 4.
 *   Tested: sim/network. */
al_node *al_drive_node(al_drive *d);

/* al_drive_work — the work area, for the command makers.
 *   Result: borrowed; NULL before al_drive_start.   Cost: none.   Source: docs/ARCHITECTURE.md 4.
 *   Tested: sim/network. */
al_work *al_drive_work(al_drive *d);

/* al_drive_now — the host's clock.
 *   Result: microseconds.   Cost: the host's.   Source: docs/ARCHITECTURE.md 4.
 *   Tested: sim/network. */
al_time al_drive_now(al_drive *d);
#endif
