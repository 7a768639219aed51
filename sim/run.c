/* run.c — see run.h: the phases of a run, and who is called for what. */
#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

enum { STEP_US = 100000, RECORD_ROOM = 2048 };

static const char *const event_names[] = {
    [AL_EV_LINK_UP] = "link up",           [AL_EV_LINK_DOWN] = "link down",
    [AL_EV_LINK_FAILED] = "link failed",   [AL_EV_PEERS] = "nodes known",
    [AL_EV_CIRCUIT_UP] = "circuit up",     [AL_EV_CIRCUIT_DOWN] = "circuit down",
    [AL_EV_STREAM_OPEN] = "stream open",   [AL_EV_STREAM_REQUEST] = "stream asked for",
    [AL_EV_STREAM_DATA] = "stream bytes",  [AL_EV_STREAM_FIN] = "stream finished",
    [AL_EV_STREAM_RESET] = "stream reset", [AL_EV_STREAM_CLOSED] = "stream closed",
    [AL_EV_LOOKUP] = "lookup ended",       [AL_EV_RECORD] = "record question answered",
};

void run_fail(sim_run *r, const char *format, ...) {
  va_list args;
  if (r->failures_count < FAILURES_KEPT) {
    va_start(args, format);
    vsnprintf(r->failures[r->failures_count], sizeof r->failures[0], format, args);
    va_end(args);
  }
  r->failures_count++;
}

static void trace(sim_run *r, uint32_t node, const char *what, const al_event *ev) {
  char line[160];
  if (r->o.trace == NULL || node != r->o.trace_node) return;
  int n =
      snprintf(line, sizeof line, "%10.6f %s", (double)(world_now(r->w) - r->begin) / 1e6, what);
  if (ev != NULL && n > 0 && (size_t)n < sizeof line) {
    const uint8_t *p = ev->peer.b;
    snprintf(line + n, sizeof line - (size_t)n,
             " link %x circuit %x stream %x count %u bytes %zu peer %02x%02x%02x%02x%s%s", ev->link,
             ev->circ, ev->stream, ev->count, ev->data.len, p[0], p[1], p[2], p[3],
             ev->err != AL_OK ? ": " : "", ev->err != AL_OK ? al_err_text(ev->err) : "");
  }
  r->o.trace(r->o.trace_ctx, line);
}

static void on_event(void *ctx, world *w, uint32_t node, const al_event *ev) {
  sim_run *r = ctx;
  (void)w;
  size_t names = sizeof event_names / sizeof *event_names;
  const char *name = (size_t)ev->kind < names ? event_names[ev->kind] : NULL;
  trace(r, node, name != NULL ? name : "event", ev);
  r->links_up += ev->kind == AL_EV_LINK_UP;
  r->links_down += ev->kind == AL_EV_LINK_DOWN;
  r->links_failed += ev->kind == AL_EV_LINK_FAILED;
  r->circuits_up += ev->kind == AL_EV_CIRCUIT_UP;
  r->circuits_down += ev->kind == AL_EV_CIRCUIT_DOWN;
  if (r->phase >= RUN_RUN && ev->kind == AL_EV_CIRCUIT_UP)
    sample_add(&r->circuit_ms, ev->duration_us / 1000);
  if (r->phase >= RUN_RUN && ev->kind == AL_EV_LINK_UP)
    sample_add(&r->link_ms, ev->duration_us / 1000);
  if (ev->kind == AL_EV_LOOKUP) seek_event(r, node, ev);
  if (ev->kind == AL_EV_RECORD) keepsakes_event(r, node, ev);
  if (ev->stream != 0) work_event(r, node, ev);
}

/* ---- nodes ---- */

bool run_hostile(const sim_run *r, uint32_t node) {
  if (crowd_has(r, node)) return true;
  if (node < r->s.join_seeds) return false;
  return sim_of(r->o.seed, DRAW_HOSTILE, node) % 1000000 < r->s.hostile_share;
}

/* Node-time of the run phase, for figures by node and second. */
static void account(sim_run *r) {
  al_time now = world_now(r->w);
  if (r->phase == RUN_RUN) r->node_us += (now - r->node_us_at) * r->running_count;
  r->node_us_at = now;
}

/* Whom a node joins by: any that runs when that is wanted, else a seed that runs; UINT32_MAX:
 * nobody is there. */
static uint32_t introducer(sim_run *r) {
  for (int tries = 0; r->s.join_warm && tries < 8 && r->running_count > 0; tries++) {
    uint32_t via = r->running[sim_below(&r->chance, r->running_count)];
    if (!world_nat(r->w, via)) return via;
  }
  uint32_t seeds = r->s.join_seeds < r->nodes ? (uint32_t)r->s.join_seeds : r->nodes;
  uint32_t first = (uint32_t)sim_below(&r->chance, seeds);
  for (uint32_t i = 0; i < seeds; i++) {
    if (world_running(r->w, (first + i) % seeds)) return (first + i) % seeds;
  }
  return UINT32_MAX;
}

/* Nodes of the beginning do not join: their links are made when all run. */
static bool settling(const sim_run *r) { return r->s.join_settled != 0 && r->phase == RUN_JOIN; }

void run_start_node(sim_run *r, uint32_t node) {
  if (world_running(r->w, node)) return;
  account(r);
  uint32_t via[8], count = (uint32_t)r->s.join_addresses;
  for (uint32_t i = 0; i < count; i++) via[i] = introducer(r);
  trace(r, node, "starts", NULL);
  world_start(r->w, node);
  for (uint32_t i = 0; i < count && !settling(r); i++) {
    bool again = via[i] == UINT32_MAX;
    for (uint32_t k = 0; k < i; k++) again |= via[k] == via[i];
    if (!again) world_join(r->w, node, via[i]);
  }
  seek_know(r, node);
  if (run_hostile(r, node)) crowd_know(r, node);
  r->running[r->running_count++] = node;
  r->running_at[node] = r->running_count;
  r->joins++;
}

void run_stop_node(sim_run *r, uint32_t node, bool silent) {
  if (!world_running(r->w, node)) return;
  account(r);
  trace(r, node, silent ? "fails" : "leaves", NULL);
  work_gone(r, node);
  seek_gone(r, node);
  keepsakes_gone(r, node);
  world_stop(r->w, node, !silent);
  uint32_t at = r->running_at[node] - 1, last = r->running[--r->running_count];
  r->running[at] = last;
  r->running_at[last] = at + 1;
  r->running_at[node] = 0;
  r->leaves++;
}

uint32_t run_any(sim_run *r, bool honest) {
  for (int tries = 0; tries < 64 && r->running_count > 0; tries++) {
    uint32_t node = r->running[sim_below(&r->chance, r->running_count)];
    if (!honest || !run_hostile(r, node)) return node;
  }
  return UINT32_MAX;
}

void run_again(sim_run *r, run_call what, uint64_t mean_us) {
  uint64_t among = r->running_count > 0 ? r->running_count : 1;
  world_call(r->w, world_now(r->w) + sim_exponential(&r->chance, mean_us / among) + 1, what, 0);
}

/* ---- phases ---- */

static void enter(sim_run *r, run_phase phase) {
  account(r);
  r->phase = phase;
  world_stats st = world_stats_now(r->w);
  if (phase == RUN_WARMUP && r->s.join_settled != 0) settle_network(r);
  if (phase == RUN_RUN) {
    r->bytes_before = st.bytes;
    r->events_before = st.events;
    churn_begin(r);
    trouble_begin(r);
    hostility_begin(r);
    work_begin(r);
    seek_begin(r);
    keepsakes_begin(r);
    health_begin(r);
    world_call(r->w, world_now(r->w) + r->s.time_sample, CALL_SAMPLE, 0);
  } else if (phase == RUN_SETTLE) {
    r->bytes_before = st.bytes - r->bytes_before;
    r->events_before = st.events - r->events_before;
    trouble_end(r);
  } else if (phase == RUN_OVER) {
    safety_sample(r);
    health_sample(r);
    health_over(r);
    figures_make(r);
    for (uint32_t i = 0; i < r->nodes; i++) run_stop_node(r, i, true);
    safety_over(r);
  }
}

static void on_call(void *ctx, world *w, uint32_t what, uint32_t arg) {
  sim_run *r = ctx;
  switch ((run_call)what) {
    case CALL_JOIN:
    case CALL_LEAVE:
    case CALL_FLASH:
      churn_call(r, what, arg);
      return;
    case CALL_FAIL:
    case CALL_CUT:
    case CALL_HEAL:
    case CALL_PAUSE:
    case CALL_CLOG:
      trouble_call(r, what);
      return;
    case CALL_FLOOD:
      hostility_call(r);
      return;
    case CALL_STREAM:
    case CALL_PATIENCE:
      work_call(r, what, arg);
      return;
    case CALL_LOOKUP:
      seek_call(r);
      return;
    case CALL_PUBLISH:
    case CALL_FETCH:
      keepsakes_call(r, what, arg);
      return;
    case CALL_SAMPLE:
      safety_sample(r);
      health_sample(r);
      if (r->phase < RUN_OVER) world_call(w, world_now(w) + r->s.time_sample, CALL_SAMPLE, 0);
      return;
  }
}

/* ---- set-up ---- */

static void limits(const sim_scenario *s, al_limits *l) {
  l->links_max = (uint16_t)s->limits_links;
  l->circuits_max = (uint32_t)s->limits_circuits;
  l->streams_max = (uint32_t)s->limits_streams;
  l->peers_max = (uint32_t)s->limits_peers;
  l->queue_cells_max = (uint32_t)s->limits_queue;
  l->creates_per_s = (uint32_t)s->limits_creates;
  l->stream_window = (uint32_t)s->limits_window;
  l->replay_tags_max = (uint32_t)s->limits_tags;
  l->records_max = (uint32_t)s->limits_records;
  l->records_bytes = (uint32_t)s->limits_records * RECORD_ROOM;
  l->lean = s->limits_lean != 0;
}

static void network(const sim_scenario *s, sim_net *n) {
  n->internet = s->net_internet != 0;
  n->access = s->net_access != 0;
  n->nat_ppm = (uint32_t)s->net_nat;
  n->slow_ppm = (uint32_t)s->net_slow;
  n->skew_s = (uint32_t)(s->net_skew / AL_SECOND);
  n->queue_us = (uint32_t)s->net_queue;
  n->dial_us = s->net_dial_timeout;
}

static void options(const sim_run *r, world_options *o) {
  const sim_scenario *s = &r->s;
  world_options_default(o);
  o->seed = r->o.seed;
  o->nodes = r->nodes;
  o->exits = r->exits;
  if (s->network_crypto == 1) o->suite = al_suite_hacl();
  if (r->o.suite != NULL) o->suite = r->o.suite;
  network(s, &o->net);
  o->delay_us = (uint32_t)s->net_delay;
  o->jitter_us = (uint32_t)s->net_jitter;
  o->loss_ppm = (uint32_t)s->net_loss;
  o->rate_bytes_s = s->net_rate;
  o->queue_bytes = (uint32_t)s->net_window;
  o->hops = (uint8_t)s->network_hops;
  o->padding = s->network_padding != 0 ? AL_PADDING_REDUCED : AL_PADDING_OFF;
  o->bufs = (uint32_t)s->network_bufs;
  o->no_store = s->network_store == 0;
  o->shelf = s->limits_lean != 0;
  limits(s, &o->limits);
}

sim_run *sim_run_new(const sim_run_options *o) {
  sim_run *r = calloc(1, sizeof *r);
  if (r == NULL) abort();
  r->o = *o;
  r->s = *o->scenario;
  r->nodes = (uint32_t)r->s.network_nodes;
  r->exits = (uint32_t)(r->s.network_nodes * r->s.network_exits / 1000000);
  if (r->exits == 0) r->exits = 1;
  r->running = calloc(r->nodes + 1, sizeof *r->running);
  r->running_at = calloc(r->nodes + 1, sizeof *r->running_at);
  if (r->running == NULL || r->running_at == NULL) abort();
  r->chance.state = sim_of(o->seed, 7, 7);
  seek_init(r);
  world_options wo;
  options(r, &wo);
  hostility_init(r, wo.suite);
  if (r->s.hostile_share != 0 || r->s.hostile_chosen != 0) wo.configure = hostility_configure;
  r->w = world_new(&wo, on_event, r);
  r->bufs = world_bufs_free(r->w);
  world_set_call(r->w, on_call, r);
  for (uint32_t i = 0; i < r->s.join_seeds && i < r->nodes; i++) world_set_nat(r->w, i, false);
  r->begin = r->node_us_at = world_now(r->w);
  r->ends[RUN_JOIN] = r->begin + r->s.time_join;
  r->ends[RUN_WARMUP] = r->ends[RUN_JOIN] + r->s.time_warmup;
  r->ends[RUN_RUN] = r->ends[RUN_WARMUP] + r->s.time_run;
  r->ends[RUN_SETTLE] = r->ends[RUN_RUN] + r->s.time_settle;
  for (uint32_t i = 0; i < r->nodes; i++) {
    bool late = sim_of(o->seed, DRAW_LATE, i) % 1000000 < r->s.churn_late && i >= r->s.join_seeds;
    late |= crowd_late(r, i);
    al_time at = r->begin + r->s.time_join / r->nodes * i;
    if (!late) world_call(r->w, at, CALL_JOIN, i);
  }
  return r;
}

void sim_run_free(sim_run *r) {
  if (r == NULL) return;
  world_free(r->w);
  health_free(r);
  seek_free(r);
  keepsakes_free(r);
  sample_free(&r->circuit_ms);
  sample_free(&r->link_ms);
  sample_free(&r->work.open_ms);
  sample_free(&r->work.done_ms);
  free(r->running);
  free(r->running_at);
  free(r);
}

bool sim_run_step(sim_run *r) {
  if (r->phase == RUN_OVER) return false;
  al_time end = r->ends[r->phase], next = world_now(r->w) + STEP_US;
  world_run(r->w, next < end ? next : end);
  while (r->phase < RUN_OVER && world_now(r->w) >= r->ends[r->phase]) {
    enter(r, (run_phase)(r->phase + 1));
  }
  return r->phase != RUN_OVER;
}

/* ---- what became of it ---- */

const char *sim_run_phase(const sim_run *r) {
  static const char *const names[] = {"join", "warm-up", "run", "settle", "over"};
  return names[r->phase];
}

uint64_t sim_run_elapsed(const sim_run *r) { return world_now(r->w) - r->begin; }
uint64_t sim_run_length(const sim_run *r) { return r->ends[RUN_SETTLE] - r->begin; }
world *sim_run_world(sim_run *r) { return r->w; }
uint64_t sim_run_digest(const sim_run *r) { return world_digest(r->w); }
uint32_t sim_run_failures(const sim_run *r) { return r->failures_count; }

const char *sim_run_failure(const sim_run *r, size_t index) {
  return index < r->failures_count && index < FAILURES_KEPT ? r->failures[index] : NULL;
}

const sim_figure *sim_run_figure(const sim_run *r, size_t index) {
  return index < r->figures_count ? &r->figures[index] : NULL;
}

const sim_figure *sim_run_find(const sim_run *r, const char *name) {
  for (uint32_t i = 0; i < r->figures_count; i++) {
    if (strcmp(r->figures[i].name, name) == 0) return &r->figures[i];
  }
  return NULL;
}
