/* traffic.h — streams for simulations: clients send numbered bytes to an echo behind an exit and
 * check what comes back. Call traffic_event from the world's event function. */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include "world.h"

enum { TRAFFIC_FLOWS_MAX = 128 };

typedef struct traffic_flow {
  uint32_t client;
  al_stream stream;
  uint64_t want, sent, got, wrong; /* wrong: bytes that were not what was sent */
  uint64_t upto;                   /* what may be sent by now: see traffic_drip */
  bool opened, shut, fin, closed, reset;
  al_reason why; /* with reset */
  al_time asked_at, opened_at, done_at;
} traffic_flow;

typedef struct traffic {
  traffic_flow flow[TRAFFIC_FLOWS_MAX];
  uint32_t count;
  uint32_t requests, exit_resets, exit_short; /* at the exits; short: the echo's buffer was full */
  uint32_t circuits_up, circuits_down;
} traffic;

/* A stream of `client` that sends `bytes` (less than the stream window) and ends. Result: its
 * index; the flow is `reset` at once when the core refuses. */
uint32_t traffic_open(traffic *t, world *w, uint32_t client, uint64_t bytes);
/* The same with an isolation value of its own: on another circuit than all others. */
uint32_t traffic_open_apart(traffic *t, world *w, uint32_t client, uint64_t bytes);
/* A stream that is kept open: it sends as far as this is raised, and ends at `most`. */
uint32_t traffic_drip_open(traffic *t, world *w, uint32_t client, uint64_t most);
void traffic_drip(traffic *t, world *w, uint32_t flow, uint64_t upto);
/* What the application does with an event. Result: whether it was a stream's. */
bool traffic_event(traffic *t, world *w, uint32_t node, const al_event *ev);
/* All bytes came back and were right. */
bool traffic_whole(const traffic *t, uint32_t flow);
/* How many of the flows from `first` on came back whole; were reset; bytes that were wrong. */
uint32_t traffic_count_whole(const traffic *t, uint32_t first);
uint32_t traffic_count_reset(const traffic *t, uint32_t first);
uint64_t traffic_wrong(const traffic *t);

#endif
