/* work.c — what the nodes of a run are there for: streams through circuits to an echo behind an
 * exit, whose every byte is known and checked. */
#include "parts.h"

enum { CHUNK = 4096 };

static uint8_t byte_at(uint32_t number, uint64_t i) {
  return (uint8_t)(i * 31 + i / 251 + number * 7);
}

static flow *find(sim_run *r, uint32_t node, al_stream s) {
  for (uint32_t i = 0; i < FLOWS_MAX; i++) {
    flow *f = &r->work.flows[i];
    if (f->stream == s && f->client == node && s != 0) return f;
  }
  return NULL;
}

static al_node *node_of(sim_run *r, uint32_t node) { return world_node(r->w, node); }
static al_work *work_of(sim_run *r, uint32_t node) {
  return al_drive_work(world_drive(r->w, node));
}

static void again(sim_run *r) {
  uint64_t mean = AL_SECOND / r->s.work_streams;
  world_call(r->w, world_now(r->w) + sim_exponential(&r->chance, mean) + 1, CALL_STREAM, 0);
}

void work_begin(sim_run *r) {
  if (r->s.work_streams != 0) again(r);
}

static void open_stream(sim_run *r) {
  static const al_target target = {
      .kind = AL_TARGET_NAME, .port = 80, .host_len = 4, .host = "echo"};
  run_work *k = &r->work;
  uint32_t client = run_any(r, true), slot = 0;
  while (slot < FLOWS_MAX && k->flows[slot].stream != 0) slot++;
  if (slot == FLOWS_MAX || client == UINT32_MAX || client < r->exits) {
    k->skipped++;
    return;
  }
  flow *f = &k->flows[slot];
  *f = (flow){.client = client, .number = ++k->next, .asked = world_now(r->w)};
  f->settle = r->phase == RUN_SETTLE;
  k->opened[f->settle]++;
  if (al_stream_open(node_of(r, client), work_of(r, client), world_now(r->w), &target, f->number,
                     &f->stream) != AL_OK) {
    f->stream = 0;
    k->refused++;
  } else {
    world_call(r->w, world_now(r->w) + r->s.work_patience, CALL_PATIENCE,
               slot | f->number * FLOWS_MAX);
  }
  al_drive_pump(world_drive(r->w, client));
}

static void give_up(sim_run *r, uint32_t arg) {
  flow *f = &r->work.flows[arg % FLOWS_MAX];
  if (f->stream == 0 || f->number != arg / FLOWS_MAX) return;
  al_stream s = f->stream;
  r->work.late[f->settle]++;
  f->stream = 0;
  al_stream_reset(node_of(r, f->client), work_of(r, f->client), world_now(r->w), s,
                  AL_REASON_TIMEOUT);
  al_drive_pump(world_drive(r->w, f->client));
}

void work_call(sim_run *r, uint32_t what, uint32_t arg) {
  if (what == CALL_PATIENCE) {
    give_up(r, arg);
    return;
  }
  /* What is asked now must be done before the run is over. */
  if (r->phase > RUN_SETTLE || world_now(r->w) + r->s.work_patience > r->ends[RUN_SETTLE]) return;
  open_stream(r);
  again(r);
}

void work_gone(sim_run *r, uint32_t node) {
  for (uint32_t i = 0; i < FLOWS_MAX; i++) {
    flow *f = &r->work.flows[i];
    if (f->client != node || f->stream == 0) continue;
    r->work.opened[f->settle]--; /* nobody is left to want it */
    f->stream = 0;
  }
}

static void feed(sim_run *r, flow *f) {
  uint8_t chunk[CHUNK];
  size_t taken = CHUNK, len = CHUNK;
  while (!f->shut && taken == len) {
    uint64_t left = r->s.work_bytes - f->sent;
    len = left < CHUNK ? (size_t)left : CHUNK;
    for (size_t i = 0; i < len; i++) chunk[i] = byte_at(f->number, f->sent + i);
    taken = 0;
    if (al_stream_write(node_of(r, f->client), work_of(r, f->client), world_now(r->w), f->stream,
                        (al_bytes){chunk, len}, &taken) != AL_OK) {
      return;
    }
    f->sent += taken;
    if (f->sent < r->s.work_bytes) continue;
    f->shut = true;
    (void)al_stream_shut(node_of(r, f->client), work_of(r, f->client), world_now(r->w), f->stream);
  }
}

/* The far end: an exit's application sends back what it gets. */
static void echo(sim_run *r, uint32_t node, const al_event *ev) {
  al_node *n = node_of(r, node);
  al_work *k = work_of(r, node);
  al_time now = world_now(r->w);
  size_t taken = 0;
  if (ev->kind == AL_EV_STREAM_REQUEST) {
    (void)al_stream_accept(n, k, now, ev->stream);
  } else if (ev->kind == AL_EV_STREAM_DATA) {
    (void)al_stream_write(n, k, now, ev->stream, ev->data, &taken);
    (void)al_stream_consume(n, k, now, ev->stream, ev->data.len);
    if (taken != ev->data.len) al_stream_reset(n, k, now, ev->stream, AL_REASON_RESOURCE);
  } else if (ev->kind == AL_EV_STREAM_FIN) {
    (void)al_stream_shut(n, k, now, ev->stream);
  }
}

static void receive(sim_run *r, flow *f, const al_event *ev) {
  for (size_t i = 0; i < ev->data.len; i++) {
    r->work.wrong += ev->data.ptr[i] != byte_at(f->number, f->got + i);
  }
  f->got += ev->data.len;
  (void)al_stream_consume(node_of(r, f->client), work_of(r, f->client), world_now(r->w), ev->stream,
                          ev->data.len);
}

static void done(sim_run *r, flow *f) {
  run_work *k = &r->work;
  if (f->got == r->s.work_bytes) {
    k->whole[f->settle]++;
    sample_add(&k->done_ms, (world_now(r->w) - f->asked) / 1000);
  } else {
    k->reset[f->settle]++;
  }
  f->stream = 0;
}

void work_event(sim_run *r, uint32_t node, const al_event *ev) {
  flow *f = find(r, node, ev->stream);
  if (f == NULL) {
    if (node < r->exits) echo(r, node, ev);
    return;
  }
  if (ev->kind == AL_EV_STREAM_OPEN) {
    f->opened = true;
    sample_add(&r->work.open_ms, (world_now(r->w) - f->asked) / 1000);
  }
  if (ev->kind == AL_EV_STREAM_OPEN || ev->kind == AL_EV_STREAM_WRITABLE) feed(r, f);
  if (ev->kind == AL_EV_STREAM_DATA) receive(r, f, ev);
  if (ev->kind == AL_EV_STREAM_FIN || ev->kind == AL_EV_STREAM_RESET) done(r, f);
}
