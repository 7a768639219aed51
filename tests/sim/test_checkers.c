/* test_checkers.c — the checkers of the simulator find what is wrong: a core whose cryptography
 * is broken, a packet buffer that is lost, nodes that stay apart, streams that do not come through.
 * And a run is repeated by its seed. */
#include <string.h>

#include "run.h"
#include "tap.h"

static const char scene[] =
    "[network]\nnodes = 10\nexits = 30%\n[limits]\nlean = no\npeers = 64\ncircuits = 128\n"
    "[net]\ninternet = no\naccess = no\ndelay = 20ms\nloss = 0%\n"
    "[time]\njoin = 2s\nwarmup = 20s\nrun = 20s\nsettle = 60s\n"
    "[work]\nstreams = 2\nbytes = 5k\n[check]\nstreams = 95%\nlinked = 100%\nconnected = 100%\n";

typedef struct outcome {
  uint32_t failures;
  char first[160];
  uint64_t digest;
} outcome;

/* What somebody does to a run: called after every step. */
typedef void meddle_fn(sim_run *r);

static outcome carry_out(uint64_t seed, const al_suite *suite, meddle_fn *meddle) {
  char error[256] = "";
  sim_plan *plan = sim_plan_new();
  sim_scenario s;
  if (!sim_plan_read(plan, "scene", scene, error)) printf("# %s\n", error);
  sim_plan_draw(plan, seed, &s);
  sim_plan_free(plan);
  sim_run_options o = {.scenario = &s, .seed = seed, .suite = suite};
  sim_run *r = sim_run_new(&o);
  while (sim_run_step(r)) {
    if (meddle != NULL) meddle(r);
  }
  outcome out = {.failures = sim_run_failures(r), .digest = sim_run_digest(r)};
  if (out.failures > 0) snprintf(out.first, sizeof out.first, "%s", sim_run_failure(r, 0));
  sim_run_free(r);
  return out;
}

static bool phase(const sim_run *r, const char *name) {
  return strcmp(sim_run_phase(r), name) == 0;
}

/* A packet buffer is taken and forgotten. */
static void lose_buffer(sim_run *r) {
  static bool lost;
  world *w = sim_run_world(r);
  if (phase(r, "warm-up")) lost = false;
  if (!phase(r, "run") || lost) return;
  lost = true;
  (void)al_buf_take(al_drive_work(world_drive(w, 0)));
}

/* Node 5 hears nothing any more. */
static void keep_apart(sim_run *r) { world_cut(sim_run_world(r), 5, phase(r, "settle")); }

/* Nobody reaches an exit. */
static void cut_exits(sim_run *r) {
  for (uint32_t i = 0; i < 3; i++) world_cut(sim_run_world(r), i, phase(r, "settle"));
}

/* A cipher that sometimes gives other bytes than were put in, and says that they are right. */
static uint32_t opened;

static al_err bad_open(uint8_t *text, size_t len, const uint8_t tag[16], const uint8_t key[32],
                       uint64_t nonce, al_bytes ad) {
  al_err e = al_suite_null()->open(text, len, tag, key, nonce, ad);
  if (e == AL_OK && len > 200 && ++opened % 200 == 0) text[len - 100] ^= 1;
  return e;
}

int main(void) {
  outcome a = carry_out(3, NULL, NULL), b = carry_out(3, NULL, NULL), c = carry_out(4, NULL, NULL);
  tap_ok(a.failures == 0 && c.failures == 0, "nothing is wrong when nothing is (%s)", a.first);
  tap_ok(a.digest == b.digest, "a seed repeats its run");
  tap_ok(a.digest != c.digest, "another seed is another run");
  outcome lost = carry_out(3, NULL, lose_buffer);
  tap_ok(strcmp(lost.first, "safety: 1 packet buffers did not come back") == 0, "lost buffer: %s",
         lost.first);
  outcome apart = carry_out(3, NULL, keep_apart);
  tap_ok(strncmp(apart.first, "health: 9 of 10 nodes", 21) == 0, "apart: %s", apart.first);
  outcome exits = carry_out(3, NULL, cut_exits);
  bool said = strstr(exits.first, "health: ") != NULL;
  tap_ok(exits.failures >= 2 && said, "no exit: %u things, %s", exits.failures, exits.first);
  al_suite broken = *al_suite_null();
  broken.open = bad_open;
  outcome bad = carry_out(3, &broken, NULL);
  tap_ok(strncmp(bad.first, "safety: ", 8) == 0, "a broken cipher: %s", bad.first);
  return tap_done();
}
