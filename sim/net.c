/* net.c — see net.h. */
#include "net.h"

#include <string.h>

#include "chance.h"

enum { DRAW_PLACE = 1, DRAW_ACCESS, DRAW_PAIR, DRAW_NAT, DRAW_SLOW, DRAW_SKEW };

static const uint8_t weight[SIM_REGIONS] = {
#define SIM_REGION(name, percent, text) percent,
#include "regions.def"
#undef SIM_REGION
};

static const char *const region_name[SIM_REGIONS] = {
#define SIM_REGION(name, percent, text) text,
#include "regions.def"
#undef SIM_REGION
};

/* Milliseconds one way; the half below the diagonal follows by symmetry. */
static const uint8_t distance_ms[SIM_REGIONS][SIM_REGIONS] = {
    {10, 32, 58, 40, 55, 75, 90, 100, 85, 100},
    {0, 10, 85, 70, 82, 100, 115, 110, 58, 72},
    {0, 0, 20, 95, 108, 125, 130, 150, 140, 145},
    {0, 0, 0, 8, 18, 45, 60, 65, 115, 135},
    {0, 0, 0, 0, 12, 40, 65, 60, 105, 140},
    {0, 0, 0, 0, 0, 15, 55, 30, 85, 110},
    {0, 0, 0, 0, 0, 0, 35, 95, 140, 150},
    {0, 0, 0, 0, 0, 0, 0, 18, 45, 75},
    {0, 0, 0, 0, 0, 0, 0, 0, 20, 60},
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 15},
};

typedef struct access_class {
  uint8_t percent;
  uint32_t delay_min_us, delay_max_us, up_mbit, down_mbit;
} access_class;

static const access_class classes[SIM_ACCESSES] = {
    [SIM_ACCESS_HOSTED] = {10, 100, 500, 1000, 1000},
    [SIM_ACCESS_FIBRE] = {35, 1000, 4000, 100, 300},
    [SIM_ACCESS_CABLE] = {30, 5000, 12000, 20, 100},
    [SIM_ACCESS_DSL] = {15, 8000, 20000, 5, 30},
    [SIM_ACCESS_MOBILE] = {10, 15000, 50000, 10, 40},
};

static uint8_t region_of(uint64_t seed, uint32_t node) {
  uint32_t at = (uint32_t)(sim_of(seed, DRAW_PLACE, node) % 100);
  uint8_t r = 0;
  while (r + 1 < SIM_REGIONS && at >= weight[r]) at -= weight[r++];
  return r;
}

static uint8_t access_of(uint64_t seed, uint32_t node) {
  uint32_t at = (uint32_t)(sim_of(seed, DRAW_ACCESS, node) % 100);
  uint8_t c = 0;
  while (c + 1 < SIM_ACCESSES && at >= classes[c].percent) at -= classes[c++].percent;
  return c;
}

static uint32_t access_delay(uint64_t seed, uint32_t node, const access_class *c) {
  uint64_t spread = c->delay_max_us - c->delay_min_us;
  return c->delay_min_us + (uint32_t)((sim_of(seed, DRAW_ACCESS, node) >> 20) % (spread + 1));
}

static bool share(uint64_t seed, unsigned what, uint32_t node, uint32_t ppm) {
  return sim_of(seed, what, node) % 1000000 < ppm;
}

const char *sim_region_name(sim_region r) { return region_name[r]; }

void sim_place_of(const sim_net *n, uint64_t seed, uint32_t node, sim_place *ret) {
  memset(ret, 0, sizeof *ret);
  ret->nat = share(seed, DRAW_NAT, node, n->nat_ppm);
  if (n->skew_s != 0) {
    uint64_t span = 2 * (uint64_t)n->skew_s + 1;
    ret->skew_s = (int32_t)(int64_t)(sim_of(seed, DRAW_SKEW, node) % span) - (int32_t)n->skew_s;
  }
  if (!n->internet) return;
  ret->region = region_of(seed, node);
  ret->access = access_of(seed, node);
  const access_class *c = &classes[ret->access];
  ret->access_us = access_delay(seed, node, c);
  if (!n->access) return;
  ret->slow = share(seed, DRAW_SLOW, node, n->slow_ppm);
  ret->up_rate = c->up_mbit * 125000u / (ret->slow ? 20 : 1);
  ret->down_rate = c->down_mbit * 125000u / (ret->slow ? 20 : 1);
}

uint32_t sim_net_delay(const sim_net *n, uint64_t seed, uint32_t from, uint32_t to) {
  sim_place a, b;
  sim_place_of(n, seed, from, &a);
  sim_place_of(n, seed, to, &b);
  uint8_t r = a.region < b.region ? a.region : b.region;
  uint8_t s = a.region < b.region ? b.region : a.region;
  uint32_t low = from < to ? from : to, high = from < to ? to : from;
  /* A region is large and routes differ: three quarters to five quarters of its figure. */
  uint64_t part = 750 + sim_of(seed, DRAW_PAIR, (uint64_t)low << 32 | high) % 501;
  return (uint32_t)(distance_ms[r][s] * part) + a.access_us + b.access_us;
}
