/* visits.h — people who use services, for simulations: services of one node that echo what comes,
 * and clients that send numbered bytes there and check what comes back. Call visits_event from the
 * world's event function. */
#ifndef VISITS_H
#define VISITS_H

#include "allium/al_service.h"
#include "world.h"

enum { VISITS_MAX = 512, VISITS_SERVICES_MAX = 16 };

typedef struct visit {
  uint32_t client;
  al_stream stream;
  uint64_t want, sent, got, wrong; /* wrong: bytes that were not what was sent */
  bool opened, reset, whole;
  al_reason why; /* with reset */
  al_time asked_at, opened_at, done_at;
} visit;

typedef struct visits {
  uint32_t server;
  uint8_t address[VISITS_SERVICES_MAX][AL_SERVICE_ADDRESS_BYTES];
  uint32_t service[VISITS_SERVICES_MAX];
  uint32_t services, requests, count;
  visit visit[VISITS_MAX];
} visits;

/* Expose one more service at `server`. Result: its index; UINT32_MAX: refused. */
uint32_t visits_expose(visits *v, world *w, uint32_t server);
/* How many of the services are published with all their introduction points. */
uint32_t visits_published(const visits *v, world *w);
/* A stream of `client` that sends `bytes` and wants them back. Result: its index; it is `reset` at
 * once when the core refuses. */
uint32_t visits_open(visits *v, world *w, uint32_t client, const al_service_to *to, uint64_t bytes);
/* What the applications do with an event. Result: whether it was one of theirs. */
bool visits_event(visits *v, world *w, uint32_t node, const al_event *ev);
/* The `share`-th percentile, in ms, of the time from asking to acceptance of the visits from
 * `first` on that were accepted. */
uint64_t visits_opened_ms(const visits *v, uint32_t first, uint32_t share);
/* Visits from `first` on of which every byte came back. */
uint32_t visits_whole(const visits *v, uint32_t first);

#endif
