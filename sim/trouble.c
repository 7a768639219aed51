/* trouble.c — what goes wrong between nodes during a run: partitions, pauses, clogged accesses, a
 * mass failure. All of it is over when the run settles. */
#include "parts.h"

enum { REST = 0, CUT_OFF = 1, DRAW_CUT = 42, DRAW_FAIL };

static void cut(sim_run *r, bool on) {
  bool in = r->s.faults_partition_way != 2, out = r->s.faults_partition_way != 1;
  for (uint32_t i = 0; i < r->nodes; i++) {
    bool off = sim_of(r->o.seed, DRAW_CUT, i) % 1000000 < r->s.faults_partition;
    world_set_group(r->w, i, off ? CUT_OFF : REST);
  }
  if (in) world_block(r->w, REST, CUT_OFF, on);
  if (out) world_block(r->w, CUT_OFF, REST, on);
  if (!on) r->health.fault_over = world_now(r->w);
}

static void fail(sim_run *r) {
  for (uint32_t i = (uint32_t)r->s.join_seeds; i < r->nodes; i++) {
    if (sim_of(r->o.seed, DRAW_FAIL, i) % 1000000 < r->s.churn_fail) run_stop_node(r, i, true);
  }
  r->health.fault_over = world_now(r->w);
}

void trouble_begin(sim_run *r) {
  al_time now = world_now(r->w);
  if (r->s.faults_partition != 0) {
    world_call(r->w, now + r->s.faults_partition_at, CALL_CUT, 0);
    world_call(r->w, now + r->s.faults_partition_at + r->s.faults_partition_for, CALL_HEAL, 0);
  }
  if (r->s.churn_fail != 0) world_call(r->w, now + r->s.churn_fail_at, CALL_FAIL, 0);
  if (r->s.faults_pause_every != 0) run_again(r, CALL_PAUSE, r->s.faults_pause_every);
  if (r->s.faults_clog_every != 0) run_again(r, CALL_CLOG, r->s.faults_clog_every);
}

void trouble_call(sim_run *r, uint32_t what) {
  if (r->phase != RUN_RUN) return;
  al_time now = world_now(r->w);
  uint32_t node = what == CALL_PAUSE || what == CALL_CLOG ? run_any(r, false) : UINT32_MAX;
  if (what == CALL_FAIL) fail(r);
  if (what == CALL_CUT) cut(r, true);
  if (what == CALL_HEAL) cut(r, false);
  if (what == CALL_PAUSE) {
    if (node != UINT32_MAX) world_pause(r->w, node, now + r->s.faults_pause_for);
    run_again(r, CALL_PAUSE, r->s.faults_pause_every);
  }
  if (what == CALL_CLOG) {
    if (node != UINT32_MAX) world_clog(r->w, node, now + r->s.faults_clog_for);
    run_again(r, CALL_CLOG, r->s.faults_clog_every);
  }
}

void trouble_end(sim_run *r) {
  if (r->s.faults_partition != 0) cut(r, false);
}
