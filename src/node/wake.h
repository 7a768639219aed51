/* wake.h — what a lean node (al_limits.lean) has later than others, or not at all. Layer 4,
 * private. */
#ifndef AL_NODE_WAKE_H
#define AL_NODE_WAKE_H

#include "node/parts.h"

/* al_node_wake — have what circuits and streams need. Where memory may be got only.
 * Result: AL_OK, AL_ENOMEM.   Cost: none when it is there; else several allocations.   Source:
 * docs/decisions/0007-many-nodes.md.   Tested: sim/lean. */
al_err al_node_wake(al_node *n);

/* al_node_doze — a new node is not awake.
 * Result: none.   Cost: O(1).   Source: docs/decisions/0007-many-nodes.md.   Tested: sim/lean. */
void al_node_doze(al_node *n);

/* al_node_sleep — give it back; no circuit, no stream and no packet buffer is in it.
 * Result: none.   Cost: frees.   Source: docs/decisions/0007-many-nodes.md.   Tested:
 * sim/lean. */
void al_node_sleep(al_node *n);

/* ---- keys.c ---- */

/* al_node_keys_expand — have room for expanded secret keys, which are made once then.
 * Result: AL_OK, AL_ENOMEM.   Cost: three allocations.   Source: docs/decisions/0007-many-nodes.md.
 * Tested: sim/restart. */
al_err al_node_keys_expand(al_node *n);

/* al_node_onion_pk — the public half of a key.
 * Result: none.   Cost: KEM key generation.   Source: PROTOCOL.md 5.6.   Tested: sim/restart. */
void al_node_onion_pk(const al_node *n, const node_onion *o, uint8_t pk[AL_KEM_PK_BYTES]);

#endif
