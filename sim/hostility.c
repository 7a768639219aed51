/* hostility.c — nodes that do not keep the rules. They run the shipped core; what they send is
 * changed on its way to the wire. */
#include <string.h>

#include "parts.h"

/* Frames of somebody who alters and repeats: one in twenty. */
enum { ONE_IN = 20 };

static uint32_t on_wire(void *ctx, world *w, const world_wire *f) {
  sim_run *r = ctx;
  (void)w;
  if (r->phase < RUN_RUN || !run_hostile(r, f->from)) return 1;
  uint64_t chance = sim_draw(&r->chance);
  if (r->s.hostile_alter != 0 && chance % ONE_IN == 0) {
    f->frame[(chance >> 32) % f->len] ^= (uint8_t)(1u << (chance >> 16) % 8);
  }
  return r->s.hostile_replay != 0 && (chance >> 8) % ONE_IN == 0 ? 2 : 1;
}

void hostility_begin(sim_run *r) {
  if (r->s.hostile_share == 0) return;
  if (r->s.hostile_alter != 0 || r->s.hostile_replay != 0) world_set_tap(r->w, on_wire, r);
  if (r->s.hostile_flood != 0) run_again(r, CALL_FLOOD, AL_SECOND / r->s.hostile_flood);
}

/* Rubbish from a hostile node to one it has a link with, if this one has. */
void hostility_call(sim_run *r) {
  uint8_t frame[AL_FRAME_BYTES];
  if (r->phase != RUN_RUN) return;
  run_again(r, CALL_FLOOD, AL_SECOND / r->s.hostile_flood);
  uint32_t from = run_any(r, false);
  if (from == UINT32_MAX || !run_hostile(r, from)) return;
  for (size_t i = 0; i < sizeof frame; i += 8) {
    uint64_t v = sim_draw(&r->chance);
    memcpy(frame + i, &v, 8);
  }
  uint32_t to = world_neighbour(r->w, from, (uint32_t)sim_below(&r->chance, 64));
  if (to != UINT32_MAX) (void)world_inject(r->w, from, to, frame, sizeof frame);
}
