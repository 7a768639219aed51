/* base.h — everything of this layer in one include: what every other module starts from. Layer 0.
 */
#ifndef AL_BASE_H
#define AL_BASE_H

#include "allium/al_types.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/counters.h"
#include "base/cursor.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/ring.h"
#include "base/rng.h"
#include "base/slab.h"
#include "base/window.h"

#endif
