/* net.h — the Internet between the nodes of a world: how far apart two nodes are, how fast each is
 * connected, who can be dialled. All of it follows from the seed and the nodes' numbers, so that
 * it costs no memory. */
#ifndef SIM_NET_H
#define SIM_NET_H

#include <stdbool.h>
#include <stdint.h>

/* Where nodes stand. The delays are synthetic: round figures near half the round-trip times that
 * are usual between such places (docs/SIMULATOR.md). */
typedef struct sim_net {
  bool internet;       /* regions and access links; otherwise delay_us between every two nodes */
  bool access;         /* access links have rates and bounded queues, shared by a node's links */
  uint32_t nat_ppm;    /* share of nodes that nobody can dial */
  uint32_t slow_ppm;   /* share of nodes whose access link has a twentieth of the rate */
  uint32_t skew_s;     /* wall clocks are wrong by up to this much, either way */
  uint32_t queue_us;   /* an access link's queue: frames that may be lost are dropped beyond it */
  uint64_t dial_us;    /* dialling somebody who does not answer fails after this; 0: at once */
  uint64_t give_up_us; /* frames of the reliable channel are tried so long */
} sim_net;

typedef enum sim_region {
#define SIM_REGION(name, weight, text) SIM_REGION_##name,
#include "regions.def"
#undef SIM_REGION
  SIM_REGIONS
} sim_region;

typedef enum sim_access {
  SIM_ACCESS_HOSTED, /* in a data centre */
  SIM_ACCESS_FIBRE,
  SIM_ACCESS_CABLE,
  SIM_ACCESS_DSL,
  SIM_ACCESS_MOBILE,
  SIM_ACCESSES
} sim_access;

/* What is fixed about a node: drawn from the seed by its number. */
typedef struct sim_place {
  uint8_t region, access;
  bool nat, slow;
  int32_t skew_s;
  uint32_t access_us;          /* delay of its access link */
  uint32_t up_rate, down_rate; /* bytes a second; 0: no bound */
} sim_place;

const char *sim_region_name(sim_region r);
void sim_place_of(const sim_net *n, uint64_t seed, uint32_t node, sim_place *ret);
/* One-way delay between two nodes, without queues and jitter. */
uint32_t sim_net_delay(const sim_net *n, uint64_t seed, uint32_t from, uint32_t to);

#endif
