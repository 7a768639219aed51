/* churn.c — nodes come and go: sessions of exponential length, a flash crowd, a mass failure. */
#include "parts.h"

static void leave_later(sim_run *r, uint32_t node) {
  if (r->s.churn_session == 0 || node < r->s.join_seeds) return;
  al_time stay = sim_exponential(&r->chance, r->s.churn_session);
  world_call(r->w, world_now(r->w) + stay + 1, CALL_LEAVE, node);
}

void churn_begin(sim_run *r) {
  for (uint32_t i = 0; i < r->nodes; i++) {
    if (world_running(r->w, i)) leave_later(r, i);
  }
  if (r->s.churn_late != 0) world_call(r->w, world_now(r->w) + r->s.churn_flash, CALL_FLASH, 0);
}

static void flash(sim_run *r) {
  for (uint32_t i = 0; i < r->nodes; i++) {
    bool late = sim_of(r->o.seed, DRAW_LATE, i) % 1000000 < r->s.churn_late;
    if (!late || i < r->s.join_seeds || crowd_late(r, i) || world_running(r->w, i)) continue;
    world_call(r->w, world_now(r->w) + sim_below(&r->chance, AL_SECOND), CALL_JOIN, i);
  }
}

void churn_call(sim_run *r, uint32_t what, uint32_t node) {
  bool churning = r->phase == RUN_RUN && r->s.churn_session != 0;
  if (what == CALL_FLASH) {
    flash(r);
  } else if (what == CALL_JOIN) {
    run_start_node(r, node);
    if (r->phase == RUN_RUN) leave_later(r, node);
  } else if (churning && world_running(r->w, node)) {
    run_stop_node(r, node, sim_happens(&r->chance, (uint32_t)r->s.churn_silent));
    if (sim_happens(&r->chance, (uint32_t)r->s.churn_renew)) world_renew(r->w, node);
    al_time away = sim_exponential(&r->chance, r->s.churn_absence);
    world_call(r->w, world_now(r->w) + away + 1, CALL_JOIN, node);
  }
}
