/* visits.c — see visits.h. */
#include "visits.h"

#include <stdlib.h>
#include <string.h>

static uint8_t byte_at(uint64_t i) { return (uint8_t)(i * 31 + i / 251); }

static void root_of(uint32_t index, uint8_t root[32]) {
  memset(root, 0, 32);
  root[0] = (uint8_t)(index + 1);
  root[1] = 0x5e;
}

uint32_t visits_expose(visits *v, world *w, uint32_t server) {
  uint8_t root[32];
  al_drive *d = world_drive(w, server);
  if (v->services == VISITS_SERVICES_MAX) return UINT32_MAX;
  root_of(v->services, root);
  const al_service_config c = {.root = root};
  v->server = server;
  al_err e = al_service_add(al_drive_node(d), al_drive_work(d), world_now(w), &c,
                            &v->service[v->services]);
  al_drive_pump(d);
  if (e != AL_OK) return UINT32_MAX;
  al_service_address(world_suite(w), root, v->address[v->services]);
  return v->services++;
}

uint32_t visits_published(const visits *v, world *w) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < v->services; i++) {
    al_service_info info;
    count += al_service_look(world_node(w, v->server), v->service[i], &info) && info.published &&
             info.intros == 3;
  }
  return count;
}

static void feed(world *w, visit *f) {
  al_drive *d = world_drive(w, f->client);
  uint8_t chunk[4096];
  size_t taken = sizeof chunk;
  while (taken == sizeof chunk && f->sent < f->want) {
    uint64_t left = f->want - f->sent;
    size_t len = left < sizeof chunk ? (size_t)left : sizeof chunk;
    for (size_t i = 0; i < len; i++) chunk[i] = byte_at(f->sent + i);
    taken = 0;
    if (al_stream_write(al_drive_node(d), al_drive_work(d), world_now(w), f->stream,
                        (al_bytes){chunk, len}, &taken) != AL_OK)
      return;
    f->sent += taken;
  }
  if (f->sent == f->want)
    (void)al_stream_shut(al_drive_node(d), al_drive_work(d), world_now(w), f->stream);
}

uint32_t visits_open(visits *v, world *w, uint32_t client, const al_service_to *to,
                     uint64_t bytes) {
  al_drive *d = world_drive(w, client);
  if (v->count == VISITS_MAX) abort();
  uint32_t index = v->count++;
  visit *f = &v->visit[index];
  *f = (visit){.client = client, .want = bytes, .asked_at = world_now(w)};
  al_err e = al_service_open(al_drive_node(d), al_drive_work(d), world_now(w), to, &f->stream);
  f->reset = e != AL_OK;
  f->why = AL_REASON_RESOURCE;
  al_drive_pump(d);
  return index;
}

static bool at_server(visits *v, world *w, uint32_t node, const al_event *ev) {
  al_drive *d = world_drive(w, node);
  al_node *n = al_drive_node(d);
  al_work *k = al_drive_work(d);
  size_t taken = 0;
  if (ev->kind == AL_EV_STREAM_REQUEST) {
    v->requests++;
    (void)al_stream_accept(n, k, world_now(w), ev->stream);
  } else if (ev->kind == AL_EV_STREAM_DATA) {
    (void)al_stream_write(n, k, world_now(w), ev->stream, ev->data, &taken);
    (void)al_stream_consume(n, k, world_now(w), ev->stream, ev->data.len);
  } else if (ev->kind == AL_EV_STREAM_FIN) {
    (void)al_stream_shut(n, k, world_now(w), ev->stream);
  } else {
    return false;
  }
  return true;
}

static void take(world *w, visit *f, al_bytes data) {
  al_drive *d = world_drive(w, f->client);
  for (size_t i = 0; i < data.len; i++) f->wrong += data.ptr[i] != byte_at(f->got + i);
  f->got += data.len;
  (void)al_stream_consume(al_drive_node(d), al_drive_work(d), world_now(w), f->stream, data.len);
}

bool visits_event(visits *v, world *w, uint32_t node, const al_event *ev) {
  if (ev->stream == 0) return false;
  for (uint32_t i = v->count; i-- > 0;) {
    visit *f = &v->visit[i];
    if (f->client != node || f->stream != ev->stream || f->reset) continue;
    if (ev->kind == AL_EV_STREAM_OPEN) {
      f->opened = true;
      f->opened_at = world_now(w);
    }
    if (ev->kind == AL_EV_STREAM_OPEN || ev->kind == AL_EV_STREAM_WRITABLE) feed(w, f);
    if (ev->kind == AL_EV_STREAM_DATA) take(w, f, ev->data);
    if (ev->kind == AL_EV_STREAM_FIN) {
      f->whole = f->got == f->want && f->wrong == 0;
      f->done_at = world_now(w);
    }
    if (ev->kind == AL_EV_STREAM_RESET) {
      f->reset = true;
      f->why = ev->reason;
      f->done_at = world_now(w);
    }
    return true;
  }
  return v->services != 0 && node == v->server && at_server(v, w, node, ev);
}

static int by_size(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

uint64_t visits_opened_ms(const visits *v, uint32_t first, uint32_t share) {
  static uint64_t ms[VISITS_MAX];
  uint32_t count = 0;
  for (uint32_t i = first; i < v->count; i++) {
    const visit *f = &v->visit[i];
    if (f->opened) ms[count++] = (f->opened_at - f->asked_at) / AL_MS;
  }
  if (count == 0) return 0;
  qsort(ms, count, sizeof *ms, by_size);
  return ms[(uint64_t)(count - 1) * share / 100];
}

uint32_t visits_whole(const visits *v, uint32_t first) {
  uint32_t count = 0;
  for (uint32_t i = first; i < v->count; i++) count += v->visit[i].whole;
  return count;
}
