/* checker_safety.c — what must hold at every moment, whatever goes wrong: no byte of a stream is
 * wrong, tables stay within their limits, honest nodes never find each other's messages forged or
 * malformed, and no packet buffer is lost. */
#include <string.h>

#include "parts.h"

/* Counters that stay at zero while nobody is hostile. */
static const char *const never[] = {
    "link_frame_size", "link_auth",    "link_parse",       "link_handshake_parse",
    "circuit_parse",   "gossip_parse", "gossip_signature", "stream_parse",
    "stream_window",   "circuit_auth", "sphinx_parse",     "sphinx_replay",
};

static void check_tables(sim_run *r, uint32_t node) {
  al_node_info info;
  al_inspect_node(world_node(r->w, node), &info);
  /* The book has room for neighbours besides its sample: docs/PROTOCOL.md 7.1. */
  uint64_t peers = r->s.limits_peers + (r->s.limits_links < 256 ? r->s.limits_links : 256) + 16;
  if (info.links > r->s.limits_links || info.peers > peers || info.streams > r->s.limits_streams ||
      info.circuits_origin + info.circuits_relay + info.circuits_end > r->s.limits_circuits) {
    run_fail(r, "safety: node %u is over its limits: %u links, %u peers, %u streams, %u circuits",
             node, info.links, info.peers, info.streams,
             info.circuits_origin + info.circuits_relay + info.circuits_end);
  }
}

/* What a node counted under the k-th of `never`. */
static uint64_t count_of(sim_run *r, uint32_t node, size_t k) {
  const char *name, *text;
  uint64_t value = 0;
  if (r->never_index[k] == 0) {
    uint32_t i = 0;
    while (al_inspect_counter(world_node(r->w, node), i, &name, &text, &value) &&
           strcmp(name, never[k]) != 0) {
      i++;
    }
    r->never_index[k] = i + 1;
  }
  if (al_inspect_counter(world_node(r->w, node), r->never_index[k] - 1, &name, &text, &value))
    return value;
  run_fail(r, "safety: there is no counter %s", never[k]);
  return 0;
}

/* A few nodes at each look: all are seen in a long run, and a look stays cheap in a large one. */
void safety_sample(sim_run *r) {
  uint32_t looks = r->running_count < 64 ? r->running_count : 64;
  for (uint32_t i = 0; i < looks; i++) {
    uint32_t node = r->running_count <= 64 ? r->running[i] : run_any(r, false);
    check_tables(r, node);
    if (r->s.hostile_share != 0) continue;
    for (size_t k = 0; k < sizeof never / sizeof *never; k++) {
      uint64_t n = count_of(r, node, k);
      if (n != 0)
        run_fail(r, "safety: node %u counted %s %llu times", node, never[k], (unsigned long long)n);
    }
  }
  if (r->work.wrong != 0) {
    run_fail(r, "safety: %llu bytes of streams were wrong", (unsigned long long)r->work.wrong);
    r->work.wrong = 0;
  }
}

/* Every node has left. */
void safety_over(sim_run *r) {
  uint32_t left = world_bufs_free(r->w);
  if (left != r->bufs) run_fail(r, "safety: %u packet buffers did not come back", r->bufs - left);
}
