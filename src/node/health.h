/* health.h — neighbours that fall silent: who else is asked, what is answered, what is told.
 * Layer 4, private. Source: PROTOCOL.md 4.7; docs/decisions/0011-failures.md. */
#ifndef AL_NODE_HEALTH_H
#define AL_NODE_HEALTH_H

#include "node/parts.h"

/* al_node_health_init — have room for doubts; a lean node gets it when there is one.
 * Result: AL_OK, AL_ENOMEM.   Cost: an allocation.   Source: docs/decisions/0007-many-nodes.md.
 * Tested: sim/health. */
al_err al_node_health_init(al_node *n);

/* al_node_health_clear — give it back.
 * Result: none.   Cost: a free.   Source: docs/decisions/0007-many-nodes.md.   Tested: sim/health.
 */
void al_node_health_clear(al_node *n);

/* al_node_health_doubt — a neighbour did not answer: ask others that may be linked with it.
 * Result: none.   Cost: O(links).   Source: PROTOCOL.md 4.7.   Tested: sim/health. */
void al_node_health_doubt(al_node *n, al_link link);

/* al_node_health_dead — it is dead: tell those who may be linked with it, before the link is freed.
 * Result: none.   Cost: O(links).   Source: PROTOCOL.md 4.7.   Tested: sim/health. */
void al_node_health_dead(al_node *n, al_link link);

/* al_node_health_message — a PROBE.
 * Result: none.   Cost: O(1), a message.   Source: PROTOCOL.md 4.7.   Tested: sim/health,
 * sim/hostile. */
void al_node_health_message(al_node *n, al_link from, al_bytes message);

/* al_node_health_rumour — a node is said to be gone (LOST, a rumour): look, if it is linked.
 * Result: none.   Cost: one PING at most.   Source: PROTOCOL.md 4.7.   Tested: sim/health. */
void al_node_health_rumour(al_node *n, const al_id *about);

/* al_node_health_tick — answers that are due; and once a second one neighbour is probed.
 * Result: none.   Cost: O(questions).   Source: PROTOCOL.md 4.6, 4.7.   Tested: sim/health. */
void al_node_health_tick(al_node *n);

/* al_node_health_deadline — when that is.
 *   Result: a time.   Cost: O(1).   Source: PROTOCOL.md 4.7.   Tested: sim/health. */
al_time al_node_health_deadline(const al_node *n);

/* al_node_health_watch — a link carries circuits, or none any more.
 * Result: none.   Cost: O(1).   Source: PROTOCOL.md 4.6.   Tested: sim/health. */
void al_node_health_watch(al_node *n, al_link link);

#endif
