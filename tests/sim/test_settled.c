/* test_settled.c — a network that begins settled (al_settle.h) is one: every lookup is right, no
 * link ends or has to be dialled, nothing is refused, and what a node takes is small. */
#include "allium/al_settle.h"
#include "run.h"
#include "tap.h"

static const char scene[] =
    "[network]\nnodes = 400\n[join]\nsettled = yes\n"
    "[time]\njoin = 1s\nwarmup = 5s\nrun = 20s\nsettle = 20s\n[work]\nlookups = 20\n";

enum { MEMORY_MAX = 24000 };

static int64_t figure(const sim_run *r, const char *name) {
  const sim_figure *f = sim_run_find(r, name);
  return f != NULL ? f->value : -1;
}

/* A node that has links already is not settled again. */
static bool refused(sim_run *r) {
  world *w = sim_run_world(r);
  return world_running(w, 0) && al_node_settle(world_node(w, 0), 400, 8) == AL_ESTATE;
}

int main(void) {
  char error[256] = "";
  sim_plan *plan = sim_plan_new();
  sim_scenario s;
  if (!sim_plan_read(plan, "scene", scene, error)) printf("# %s\n", error);
  sim_plan_draw(plan, 1, &s);
  sim_plan_free(plan);
  sim_run_options o = {.scenario = &s, .seed = 1};
  sim_run *r = sim_run_new(&o);
  bool no = false;
  uint64_t forged = 0, replayed = 0;
  while (sim_run_step(r)) {
    if (sim_run_elapsed(r) != 10000000) continue;
    no = refused(r);
    forged = world_counter(sim_run_world(r), "link_auth");
    replayed = world_counter(sim_run_world(r), "link_replay");
  }
  tap_ok(no, "only a new node is settled");
  tap_is_u64(forged + replayed, 0, "both ends of every link have the same keys");
  tap_is_u64(sim_run_failures(r), 0, "no checker found anything");
  tap_ok(figure(r, "lookups.run.asked") > 300, "lookups were asked");
  tap_is_u64((uint64_t)figure(r, "lookups.success"), 10000, "all of them were right");
  tap_is_u64((uint64_t)figure(r, "links.down"), 0, "no link has ended");
  tap_ok(figure(r, "network.dials") < 240, "few were dialled: %u",
         (unsigned)figure(r, "network.dials"));
  tap_ok(figure(r, "nodes.memory_bytes") < MEMORY_MAX, "a node takes %u bytes",
         (unsigned)figure(r, "nodes.memory_bytes"));
  sim_run_free(r);
  return tap_done();
}
