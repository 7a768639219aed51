/* stream_sim.c — see stream_sim.h. */
#include "prop/stream_sim.h"

#include <stdlib.h>

#include "support/test_chacha.h"
#include "support/test_rand.h"

enum { CHUNK_BYTES = 1 << 16 };

void sim_seed(uint64_t seed) { test_rand_state = seed; }

uint64_t sim_rand(uint64_t n) { return test_rand_below(n); }

static uint8_t byte(uint64_t offset) {
  return (uint8_t)((offset * 0x9e3779b97f4a7c15u) >> 56 ^ offset);
}

/* ---- heap of packets under way ---- */

static bool before(const sim_packet *a, const sim_packet *b) {
  return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void push(sim *m, sim_packet *p) {
  if (m->heap_count == m->heap_cap) {
    m->heap_cap = m->heap_cap != 0 ? 2 * m->heap_cap : 1024;
    m->heap = realloc(m->heap, m->heap_cap * sizeof *m->heap);
  }
  uint32_t i = m->heap_count++;
  while (i != 0 && before(p, m->heap[(i - 1) / 2])) {
    m->heap[i] = m->heap[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  m->heap[i] = p;
}

static sim_packet *pop(sim *m) {
  sim_packet *top = m->heap[0], *last = m->heap[--m->heap_count];
  uint32_t i = 0;
  for (;;) {
    uint32_t k = 2 * i + 1;
    if (k >= m->heap_count) break;
    if (k + 1 < m->heap_count && before(m->heap[k + 1], m->heap[k])) k++;
    if (!before(m->heap[k], last)) break;
    m->heap[i] = m->heap[k];
    i = k;
  }
  if (m->heap_count != 0) m->heap[i] = last;
  return top;
}

/* ---- set-up ---- */

void sim_init(sim *m) {
  memset(m, 0, sizeof *m);
  m->now = 1000000;
  m->tick_late_us = 1000;
  static const uint8_t seed[32] = {7};
  al_rng_init(&m->rng, &test_chacha_suite, seed);
  for (int i = 0; i < 2; i++) m->pipe[i] = (sim_pipe){.queue_max = 100000, .delay_us = 1000};
}

void sim_flow_start(sim *m, int flow, uint64_t bytes, uint32_t hint_us) {
  sim_flow *f = &m->flow[flow];
  memset(f, 0, sizeof *f);
  f->on = true;
  f->bytes[0] = bytes;
  f->start = m->now;
  for (int i = 0; i < 2; i++) {
    sim_end *e = &f->end[i];
    al_streams_config c = {.alloc = test_alloc_bind(&e->ta),
                           .rng = &m->rng,
                           .counters = &e->counters,
                           .streams_max = 8,
                           .bundles_max = 2,
                           .stream_window = m->window,
                           .packets_max = m->packets};
    bool ok = al_streams_init(&e->ss, &c) == AL_OK &&
              al_bundle_open(&e->ss, i == 0, 1, &e->b) == AL_OK &&
              al_bundle_add_path(&e->ss, e->b, 0, m->now, hint_us) == AL_OK;
    if (!ok) abort();
    e->tick_at = AL_TIME_NEVER;
  }
  al_stream_target t = {1, 80, {(const uint8_t *)"example", 7}};
  if (al_streams_open(&f->end[0].ss, m->now, f->end[0].b, &t, &f->end[0].s) != AL_OK) abort();
}

static bool flow_stop(sim *m, int flow) {
  sim_flow *f = &m->flow[flow];
  bool clean = true;
  for (int i = 0; i < 2; i++) {
    al_streams_clear(&f->end[i].ss);
    clean = test_alloc_clean(&f->end[i].ta) && clean;
  }
  f->on = false;
  return clean;
}

bool sim_clear(sim *m) {
  bool clean = true;
  for (int i = 0; i < SIM_FLOWS_MAX; i++)
    if (m->flow[i].on) clean = flow_stop(m, i) && clean;
  while (m->heap_count != 0) free(pop(m));
  free(m->heap);
  return clean;
}

/* ---- the path ---- */

static bool chance(uint32_t ppm) { return ppm != 0 && test_rand_below(1000000) < ppm; }

static void send_packet(sim *m, int flow, int to, const uint8_t *payload) {
  sim_pipe *q = &m->pipe[to];
  al_time out = m->now;
  q->sent++;
  if (out < q->stall_until) out = q->stall_until;
  if (q->rate != 0) {
    uint64_t now_ns = out * 1000, gap = 1000000000u / q->rate;
    if (q->free_at < now_ns) q->free_at = now_ns;
    uint64_t wait = q->free_at - now_ns;
    if (wait / gap >= q->queue_max) {
      q->overflow++;
      return;
    }
    q->queue_us_sum += wait / 1000;
    q->queue_samples++;
    if (wait / 1000 > q->queue_us_max) q->queue_us_max = wait / 1000;
    q->free_at += gap;
    out = q->free_at / 1000;
  }
  if (chance(q->loss_ppm)) {
    q->lost++;
    return;
  }
  sim_packet *p = malloc(sizeof *p);
  p->at = out + q->delay_us + (chance(q->late_ppm) ? q->late_us : 0);
  if (q->shuffle_us != 0) p->at += test_rand_below(q->shuffle_us);
  p->order = m->order++;
  p->flow = flow;
  p->to = to;
  memcpy(p->payload, payload, sizeof p->payload);
  push(m, p);
}

/* ---- the hosts ---- */

static void write_bytes(sim *m, sim_flow *f, int i) {
  static uint8_t chunk[CHUNK_BYTES];
  sim_end *e = &f->end[i];
  uint64_t most = i == 0 && f->allow != 0 && f->allow < f->bytes[0] ? f->allow : f->bytes[i];
  while (f->put[i] < most) {
    uint64_t left = most - f->put[i];
    size_t n = left < sizeof chunk ? (size_t)left : sizeof chunk, took = 0;
    size_t room = al_streams_writable(&e->ss, e->s);
    if (n > room + 1) n = room + 1; /* one too many: so that WRITABLE is told */
    for (size_t k = 0; k < n; k++) chunk[k] = byte(f->put[i] + k);
    if (al_streams_put(&e->ss, m->now, e->s, (al_bytes){chunk, n}, &took) != AL_OK) return;
    f->put[i] += took;
    if (took < n) return;
  }
  if (most == f->bytes[i]) (void)al_streams_shut(&e->ss, m->now, e->s);
}

static void data(sim *m, sim_flow *f, int i, al_bytes d) {
  for (size_t k = 0; k < d.len; k++)
    if (d.ptr[k] != byte(f->got[i] + k)) f->wrong = true;
  f->got[i] += d.len;
  if (i == 1 && m->now >= m->read_at && chance(m->stall_read_ppm))
    m->read_at = m->now + test_rand_below(300000);
}

static void event(sim *m, sim_flow *f, int i, const al_stream_event *ev) {
  sim_end *e = &f->end[i];
  switch (ev->kind) {
    case AL_STREAM_EV_DATA:
      data(m, f, i, ev->data);
      break;
    case AL_STREAM_EV_FIN:
      if (f->fin[i] || f->got[i] != f->bytes[1 - i]) f->wrong = true;
      f->fin[i] = true;
      break;
    case AL_STREAM_EV_OPENED:
      f->opened = true;
      break;
    case AL_STREAM_EV_REQUEST:
      e->s = ev->stream;
      e->asked = true;
      break;
    case AL_STREAM_EV_CLOSED:
      f->closed[i] = true;
      e->s = 0;
      if (f->closed[0] && f->closed[1]) f->done = m->now;
      break;
    case AL_STREAM_EV_RESET:
      f->reset = ev->reason;
      e->s = 0;
      break;
    default:
      break;
  }
}

/* Commands, as a host would give them after its input. */
static void host(sim *m, sim_flow *f, int i) {
  sim_end *e = &f->end[i];
  if (e->asked && al_streams_accept(&e->ss, m->now, e->s) != AL_OK) f->wrong = true;
  e->asked = false;
  if (e->s == 0) return;
  write_bytes(m, f, i);
  if ((i == 1 && m->now < m->read_at) || f->used[i] == f->got[i]) return;
  if (al_streams_consume(&e->ss, m->now, e->s, (size_t)(f->got[i] - f->used[i])) != AL_OK)
    f->wrong = true;
  f->used[i] = f->got[i];
}

static void drain(sim *m, int flow, int i) {
  sim_flow *f = &m->flow[flow];
  sim_end *e = &f->end[i];
  al_stream_event ev;
  while (al_streams_event(&e->ss, &ev)) event(m, f, i, &ev);
}

static void pump(sim *m, int flow, int i) {
  sim_end *e = &m->flow[flow].end[i];
  uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
  while (al_streams_next(&e->ss) != 0) {
    e->ta.closed = true;
    while (al_bundle_fill(&e->ss, e->b, 0, m->now, payload)) send_packet(m, flow, 1 - i, payload);
    if (al_bundle_wants(&e->ss, e->b, 0, m->now) == AL_BUNDLE_WANT_NOW) m->flow[flow].wrong = true;
    e->ta.closed = false;
  }
  al_time at = al_streams_deadline(&e->ss);
  if (at == AL_TIME_NEVER)
    e->tick_at = at;
  else if (e->tick_at == AL_TIME_NEVER || e->tick_at < at || e->tick_at > at + m->tick_late_us)
    e->tick_at =
        (at > m->now ? at : m->now) + (m->tick_late_us != 0 ? test_rand_below(m->tick_late_us) : 0);
}

static void after(sim *m, int flow, int i) {
  drain(m, flow, i);
  m->flow[flow].end[i].ta.closed = false;
  host(m, &m->flow[flow], i);
  drain(m, flow, i);
  pump(m, flow, i);
}

/* One step; false when nothing can happen any more or `until` is reached. */
static bool step(sim *m, al_time until) {
  al_time at = m->heap_count != 0 ? m->heap[0]->at : AL_TIME_NEVER;
  int flow = -1, end = 0;
  for (int k = 0; k < 2 * SIM_FLOWS_MAX; k++) {
    if (!m->flow[k / 2].on) continue;
    sim_end *e = &m->flow[k / 2].end[k % 2];
    if (e->tick_at < at) {
      at = e->tick_at;
      flow = k / 2;
      end = k % 2;
    }
    if (k % 2 == 1 && m->flow[k / 2].used[1] != m->flow[k / 2].got[1] && e->s != 0 &&
        m->read_at < at) {
      at = m->read_at > m->now ? m->read_at : m->now;
      flow = SIM_FLOWS_MAX + k / 2;
    }
  }
  if (at > until) {
    m->now = until;
    return false;
  }
  if (at > m->now) m->now = at;
  if (flow >= SIM_FLOWS_MAX) {
    after(m, flow - SIM_FLOWS_MAX, 1);
  } else if (flow >= 0) {
    sim_end *e = &m->flow[flow].end[end];
    e->ta.closed = true;
    e->tick_at = AL_TIME_NEVER;
    al_streams_tick(&e->ss, m->now);
    after(m, flow, end);
  } else {
    sim_packet *p = pop(m);
    sim_end *e = &m->flow[p->flow].end[p->to];
    if (m->flow[p->flow].on) {
      e->ta.closed = true;
      (void)al_bundle_rx(&e->ss, e->b, 0, m->now, (al_bytes){p->payload, sizeof p->payload});
      after(m, p->flow, p->to);
    }
    free(p);
  }
  return true;
}

/* Runs until `until`, or until all flows are done. */
void sim_allow(sim *m, int flow, uint64_t bytes) {
  m->flow[flow].allow = bytes;
  after(m, flow, 0);
}

void sim_run(sim *m, al_time until) {
  for (int i = 0; i < SIM_FLOWS_MAX; i++)
    for (int k = 0; k < 2; k++)
      if (m->flow[i].on && m->now == m->flow[i].start) after(m, i, k);
  for (;;) {
    bool busy = false;
    for (int i = 0; i < SIM_FLOWS_MAX; i++)
      if (m->flow[i].on && m->flow[i].done == 0) busy = true;
    if (!busy || !step(m, until)) return;
  }
}
