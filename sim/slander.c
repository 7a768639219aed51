/* slander.c — hostile nodes that lie in gossip. What they would tell of the nodes that they know
 * (PROTOCOL.md 7.1) becomes news of their deaths, names that nobody has, or is left out but for
 * those of their own kind. */
#include <string.h>

#include "cells.h"
#include "parts.h"

enum { GOSSIP_DEATHS = 1, GOSSIP_NAMES, GOSSIP_FRIENDS };

static struct {
  sim_run *run;
  unsigned how;
} slander;

void slander_init(sim_run *r) {
  slander.run = r;
  slander.how = (unsigned)r->s.hostile_gossip;
}

/* The honest ones that are named are said to be dead. */
static void bury(uint8_t *cell, uint8_t *p, uint32_t entries) {
  uint8_t out[2 + RUMOURS_MAX * RUMOUR_BYTES] = {1, 0};
  for (uint32_t i = 0; i < entries && out[1] < RUMOURS_MAX; i++) {
    const uint8_t *id = p + DIGEST_ENTRIES + (size_t)i * DIGEST_ENTRY;
    uint8_t *to = out + 2 + (size_t)out[1] * RUMOUR_BYTES;
    if (crowd_knows(id)) continue;
    out[1]++;
    to[0] = RUMOUR_DEAD;
    to[1] = RUMOUR_HOPS;
    memcpy(to + 2, id, 32);
    sim_store_u64(to + 34, world_wall_s(slander.run->w));
  }
  size_t len = 2 + (size_t)out[1] * RUMOUR_BYTES;
  memset(p, 0, FRAGMENT);
  memcpy(p, out, len);
  cell[CELL_KIND] = KIND_SAMPLE;
  sim_store_u32(cell + CELL_TOTAL, (uint32_t)len);
}

/* Only those of the crowd stay. */
static void favour(uint8_t *cell, uint8_t *p, uint32_t entries) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < entries; i++) {
    uint8_t *from = p + DIGEST_ENTRIES + (size_t)i * DIGEST_ENTRY;
    if (!crowd_knows(from)) continue;
    memmove(p + DIGEST_ENTRIES + (size_t)kept * DIGEST_ENTRY, from, DIGEST_ENTRY);
    kept++;
  }
  size_t len = DIGEST_ENTRIES + (size_t)kept * DIGEST_ENTRY;
  memset(p + len, 0, FRAGMENT - len);
  sim_store_u16(p, (uint16_t)kept);
  sim_store_u32(cell + CELL_TOTAL, (uint32_t)len);
}

/* Bytes 4 to 11 of every name in this fragment. */
static void invent(uint8_t *p, uint32_t index, uint32_t total) {
  uint32_t first = index * FRAGMENT;
  for (uint32_t i = 0; i < FRAGMENT && first + i < total; i++) {
    uint32_t at = first + i < DIGEST_ENTRIES ? 0 : (first + i - DIGEST_ENTRIES) % DIGEST_ENTRY;
    if (at >= 4 && at < 12) p[i] ^= 0x5a;
  }
}

void slander_twist(uint8_t *cell) {
  uint8_t *p = cell + CELL_PAYLOAD;
  uint32_t total = cell_total(cell);
  if (slander.how == 0 || !cell_is(cell, KIND_DIGEST)) return;
  if (slander.how == GOSSIP_NAMES) {
    invent(p, cell_index(cell), total);
    return;
  }
  if (total > FRAGMENT) { /* of longer ones nothing is said */
    memset(cell, 0, CELL_PAYLOAD);
    return;
  }
  uint32_t entries = p[0] | (uint32_t)p[1] << 8;
  if (slander.how == GOSSIP_DEATHS) {
    bury(cell, p, entries);
  } else {
    favour(cell, p, entries);
  }
}
