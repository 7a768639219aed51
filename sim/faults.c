/* faults.c — what can go wrong between the nodes of a world, and with them. */
#include "inner.h"

bool sim_reaches(const world *w, const actor *from, const actor *to) {
  return (w->blocked[from->group] >> to->group & 1) == 0;
}

void world_cut(world *w, uint32_t node, bool cut) { w->actors[node].cut = cut; }

void world_set_group(world *w, uint32_t node, uint32_t group) {
  w->actors[node].group = (uint8_t)(group % GROUPS);
}

void world_block(world *w, uint32_t from_group, uint32_t to_group, bool blocked) {
  uint8_t bit = (uint8_t)(1u << to_group % GROUPS);
  uint8_t *set = &w->blocked[from_group % GROUPS];
  *set = (uint8_t)(blocked ? *set | bit : *set & ~bit);
}

void world_pause(world *w, uint32_t node, al_time until) { w->actors[node].paused_until = until; }
void world_clog(world *w, uint32_t node, al_time until) { w->actors[node].clogged_until = until; }

void world_set_rates(world *w, uint32_t node, uint32_t up, uint32_t down) {
  w->actors[node].up_rate = up;
  w->actors[node].down_rate = down;
}

void world_set_nat(world *w, uint32_t node, bool nat) { w->actors[node].nat = nat; }
bool world_nat(const world *w, uint32_t node) { return w->actors[node].nat; }

void world_set_call(world *w, world_call_fn *fn, void *ctx) {
  w->call = fn;
  w->call_ctx = ctx;
}

void world_call(world *w, al_time when, uint32_t what, uint32_t arg) {
  sim_event e = {.time = when > w->now ? when : w->now, .a = what, .b = arg};
  sim_queue_push(&w->queue, e, EV_CALL, 0);
}
