/* traffic.c — see traffic.h. */
#include "traffic.h"

#include <stdio.h>

static uint8_t byte_at(uint32_t flow, uint64_t i) {
  return (uint8_t)(i * 31 + i / 251 + flow * 7 + 1);
}

static traffic_flow *find(traffic *t, uint32_t node, al_stream s) {
  for (uint32_t i = 0; i < t->count; i++) {
    traffic_flow *f = &t->flow[i];
    if (f->client == node && f->stream == s && !f->closed && !f->reset) return f;
  }
  return NULL;
}

static void echo(traffic *t, world *w, uint32_t node, const al_event *ev) {
  al_node *n = world_node(w, node);
  al_work *k = al_drive_work(world_drive(w, node));
  size_t taken = 0;
  if (ev->kind == AL_EV_STREAM_REQUEST) {
    t->requests++;
    (void)al_stream_accept(n, k, world_now(w), ev->stream);
  } else if (ev->kind == AL_EV_STREAM_DATA) {
    (void)al_stream_write(n, k, world_now(w), ev->stream, ev->data, &taken);
    if (taken != ev->data.len) t->exit_short++;
    (void)al_stream_consume(n, k, world_now(w), ev->stream, ev->data.len);
  } else if (ev->kind == AL_EV_STREAM_FIN) {
    (void)al_stream_shut(n, k, world_now(w), ev->stream);
  } else if (ev->kind == AL_EV_STREAM_RESET) {
    t->exit_resets++;
  }
}

static void feed(traffic *t, world *w, traffic_flow *f) {
  al_node *n = world_node(w, f->client);
  al_work *k = al_drive_work(world_drive(w, f->client));
  uint8_t chunk[4096];
  size_t taken = sizeof chunk;
  while (!f->shut && taken == sizeof chunk) {
    size_t len = f->upto - f->sent < sizeof chunk ? (size_t)(f->upto - f->sent) : sizeof chunk;
    for (size_t i = 0; i < len; i++) chunk[i] = byte_at((uint32_t)(f - t->flow), f->sent + i);
    taken = 0;
    if (al_stream_write(n, k, world_now(w), f->stream, (al_bytes){chunk, len}, &taken) != AL_OK)
      return;
    f->sent += taken;
    if (f->sent < f->want) continue;
    f->shut = true;
    (void)al_stream_shut(n, k, world_now(w), f->stream);
  }
}

static void receive(traffic *t, world *w, traffic_flow *f, al_bytes data) {
  for (size_t i = 0; i < data.len; i++)
    f->wrong += data.ptr[i] != byte_at((uint32_t)(f - t->flow), f->got + i);
  f->got += data.len;
  if (f->got == f->want) f->done_at = world_now(w);
  (void)al_stream_consume(world_node(w, f->client), al_drive_work(world_drive(w, f->client)),
                          world_now(w), f->stream, data.len);
}

static void happened(traffic *t, world *w, traffic_flow *f, const al_event *ev) {
  switch (ev->kind) {
    case AL_EV_STREAM_OPEN:
      f->opened = true;
      f->opened_at = world_now(w);
      feed(t, w, f);
      break;
    case AL_EV_STREAM_WRITABLE:
      feed(t, w, f);
      break;
    case AL_EV_STREAM_DATA:
      receive(t, w, f, ev->data);
      break;
    case AL_EV_STREAM_FIN:
      f->fin = true;
      break;
    case AL_EV_STREAM_CLOSED:
      f->closed = true;
      break;
    case AL_EV_STREAM_RESET:
      f->reset = true;
      f->why = ev->reason;
      break;
    default:
      break;
  }
}

bool traffic_event(traffic *t, world *w, uint32_t node, const al_event *ev) {
  if (ev->kind == AL_EV_CIRCUIT_UP) t->circuits_up++;
  if (ev->kind == AL_EV_CIRCUIT_DOWN) t->circuits_down++;
  if (ev->stream == 0) return false;
  traffic_flow *f = find(t, node, ev->stream);
  if (f != NULL)
    happened(t, w, f, ev);
  else
    echo(t, w, node, ev);
  return true;
}

static uint32_t open(traffic *t, world *w, uint32_t client, uint64_t bytes, uint64_t isolation) {
  static const al_target target = {AL_TARGET_NAME, 80, 4, "echo"};
  uint32_t index = t->count++;
  traffic_flow *f = &t->flow[index];
  *f = (traffic_flow){.client = client, .want = bytes, .upto = bytes, .asked_at = world_now(w)};
  al_drive *d = world_drive(w, client);
  al_err e = al_stream_open(al_drive_node(d), al_drive_work(d), world_now(w), &target, isolation,
                            &f->stream);
  if (e != AL_OK) {
    f->reset = true;
    f->why = AL_REASON_RESOURCE;
  }
  al_drive_pump(d);
  return index;
}

uint32_t traffic_open(traffic *t, world *w, uint32_t client, uint64_t bytes) {
  return open(t, w, client, bytes, 0);
}

uint32_t traffic_open_apart(traffic *t, world *w, uint32_t client, uint64_t bytes) {
  return open(t, w, client, bytes, t->count + 1);
}

uint32_t traffic_drip_open(traffic *t, world *w, uint32_t client, uint64_t most) {
  uint32_t f = open(t, w, client, most, t->count + 1);
  t->flow[f].upto = 0;
  return f;
}

void traffic_drip(traffic *t, world *w, uint32_t flow, uint64_t upto) {
  traffic_flow *f = &t->flow[flow];
  f->upto = upto < f->want ? upto : f->want;
  if (!f->opened || f->reset) return;
  feed(t, w, f);
  al_drive_pump(world_drive(w, f->client));
}

bool traffic_whole(const traffic *t, uint32_t flow) {
  const traffic_flow *f = &t->flow[flow];
  return f->opened && f->got == f->want && f->wrong == 0 && !f->reset;
}

uint32_t traffic_count_whole(const traffic *t, uint32_t first) {
  uint32_t n = 0;
  for (uint32_t i = first; i < t->count; i++) n += traffic_whole(t, i);
  return n;
}

uint32_t traffic_count_reset(const traffic *t, uint32_t first) {
  uint32_t n = 0;
  for (uint32_t i = first; i < t->count; i++) n += t->flow[i].reset;
  return n;
}

uint64_t traffic_wrong(const traffic *t) {
  uint64_t n = 0;
  for (uint32_t i = 0; i < t->count; i++) n += t->flow[i].wrong;
  return n;
}
