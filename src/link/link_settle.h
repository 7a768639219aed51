/* link_settle.h — links of a simulation that begins with them. Included by link.h. Layer 3.
 * Source: docs/decisions/0007-many-nodes.md. */
#ifndef AL_LINK_SETTLE_H
#define AL_LINK_SETTLE_H

#include "link/link.h"

/* al_links_reserve — have room for so many links, in all; otherwise there is as they come.
 * Result: AL_OK, AL_EFULL (more than links_max), AL_ENOMEM.   Cost: allocates.
 * Source: docs/decisions/0007-many-nodes.md.   Tested: sim/settled. */
al_err al_links_reserve(al_links *ls, uint32_t links);

/* al_link_given — a link of a simulation that begins with it: whoever is at the other end, 32 bytes
 * that are the same there, from which the link's keys follow, and which side this is. */
typedef struct al_link_given {
  const al_id *peer;
  const uint8_t *keys;
  bool initiator;
} al_link_given;

/* al_link_adopt — a link that is open from the start, for simulations.
 *   ret    its handle                                                                   [out]
 * Result: AL_OK, AL_ESTATE (no simulation), AL_EFULL, AL_ENOMEM.   Cost: may allocate.
 * Source: docs/decisions/0007-many-nodes.md.   Tested: sim/settled. */
al_err al_link_adopt(al_links *ls, al_time now, const al_link_given *given, al_link *ret);

#endif
