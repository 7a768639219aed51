/* stream_sim.h — two ends of a bundle over a simulated path in virtual time: a FIFO bottleneck with
 * a rate and a bounded queue in each direction, shared by several flows; delay; loss; packets that
 * come late as after a repair by a hop; stalls; timers that fire late. Each flow is one stream from
 * A to B; its bytes are a function of their offset, so that every one can be checked. */
#ifndef STREAM_SIM_H
#define STREAM_SIM_H

#include "stream/stream.h"
#include "support/test_alloc.h"

enum { SIM_FLOWS_MAX = 4 };

/* One direction of the shared path. */
typedef struct sim_pipe {
  uint32_t rate;      /* packets a second, 0: no bottleneck */
  uint32_t queue_max; /* packets */
  al_time delay_us;   /* behind the bottleneck */
  uint32_t loss_ppm, late_ppm;
  al_time late_us;     /* how much a late one is late */
  uint32_t shuffle_us; /* every packet: 0..this later */
  al_time free_at;     /* when the bottleneck has sent what it holds, in 1/1000 us */
  al_time stall_until;
  uint64_t sent, lost, overflow, queue_us_sum, queue_us_max, queue_samples;
} sim_pipe;

typedef struct sim_packet {
  al_time at;
  uint64_t order;
  int flow, to; /* to: 0 is A, 1 is B */
  uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
} sim_packet;

typedef struct sim_end {
  al_streams ss;
  al_bundle b;
  al_stream s;
  bool asked;
  al_counters counters;
  test_alloc ta;
  al_time tick_at;
} sim_end;

typedef struct sim_flow {
  sim_end end[2];
  bool on, opened, fin[2], closed[2];
  /* by end: what it writes in all and has written, has received, has consumed */
  uint64_t bytes[2], put[2], got[2], used[2];
  uint64_t allow; /* A has only so many bytes yet; 0: all */
  al_time start, done;
  uint8_t reset;
  bool wrong;
} sim_flow;

typedef struct sim {
  al_time now;
  sim_pipe pipe[2]; /* towards A, towards B */
  sim_flow flow[SIM_FLOWS_MAX];
  sim_packet **heap;
  uint32_t heap_count, heap_cap;
  uint64_t order;
  al_time tick_late_us;    /* timers fire 0..this late */
  uint32_t stall_read_ppm; /* B's host stops reading after an event with this chance ... */
  al_time read_at;         /* ... until then */
  uint32_t window, packets;
  al_rng rng;
} sim;

/* All chances are drawn from one seed. */
void sim_seed(uint64_t seed);

/* A number in 0..n-1. */
uint64_t sim_rand(uint64_t n);

/* A path of 2 ms round trip without a bottleneck; change what is to differ. */
void sim_init(sim *m);

/* A flow begins: A opens a stream to B and writes `bytes`; set flow[].bytes[1] right after it for
 * the other direction. rtt_us: what the circuit's set-up is said to have taken. */
void sim_flow_start(sim *m, int flow, uint64_t bytes, uint32_t rtt_us);

/* A of a flow has so many bytes by now. */
void sim_allow(sim *m, int flow, uint64_t bytes);

/* Runs until `until`, or until all flows are done. */
void sim_run(sim *m, al_time until);

/* Ends everything. Result: all memory was given back, none was asked for in RX, TICK and fill. */
bool sim_clear(sim *m);

#endif
