/* stream_pair.h — two ends of a bundle in one test, packets carried by hand or by pair_run; what
 * the ends tell is logged. */
#ifndef STREAM_PAIR_H
#define STREAM_PAIR_H

#include "base/cursor.h"
#include "stream/stream.h"
#include "support/test_alloc.h"
#include "support/test_chacha.h"
#include "tap.h"

enum { PAIR_LOG = 256, PAIR_GOT = 1 << 20, PAIR_SLOTS = 4096, A = 0, B = 1 };

typedef struct pair_end {
  al_streams ss;
  al_bundle b;
  al_counters counters;
  test_alloc ta;
  al_stream_event log[PAIR_LOG]; /* data and host are not to be looked at */
  int count;
  uint8_t got[PAIR_GOT]; /* of all streams */
  size_t got_len;
  char host[256];
} pair_end;

typedef struct pair {
  pair_end end[2];
  al_time now;
  al_rng rng;
  bool consume; /* pair_drain consumes what it gets */
  /* under way, by receiver */
  uint8_t queue[2][PAIR_SLOTS][AL_STREAM_PAYLOAD_BYTES];
  al_time at[2][PAIR_SLOTS];
  unsigned head[2], tail[2], sent;
} pair;

#define UNUSED __attribute__((unused)) static

UNUSED uint64_t pair_counter(const pair *p, int i, al_counter c) { return p->end[i].counters.v[c]; }

UNUSED void pair_init(pair *p, const al_streams_config *like) {
  static const uint8_t seed[32] = {1};
  memset(p, 0, sizeof *p);
  p->now = 5000000;
  p->consume = true;
  al_rng_init(&p->rng, &test_chacha_suite, seed);
  for (int i = 0; i < 2; i++) {
    pair_end *e = &p->end[i];
    al_streams_config c = *like;
    c.alloc = test_alloc_bind(&e->ta);
    c.rng = &p->rng;
    c.counters = &e->counters;
    tap_ok(al_streams_init(&e->ss, &c) == AL_OK, "init");
    tap_ok(al_bundle_open(&e->ss, i == A, 77, &e->b) == AL_OK, "a bundle");
    tap_ok(al_bundle_add_path(&e->ss, e->b, 0, p->now, 20000) == AL_OK, "its path");
  }
}

UNUSED void pair_clear(pair *p) {
  for (int i = 0; i < 2; i++) {
    al_streams_clear(&p->end[i].ss);
    tap_ok(test_alloc_clean(&p->end[i].ta), "nothing leaked, nothing asked for in rx and fill");
  }
}

/* Takes the events: the last one of a kind is found by pair_last. */
UNUSED void pair_drain(pair *p, int i) {
  pair_end *e = &p->end[i];
  al_stream_event ev;
  while (al_streams_event(&e->ss, &ev)) {
    if (e->count == PAIR_LOG) e->count = 0;
    e->log[e->count++] = ev;
    if (ev.kind == AL_STREAM_EV_REQUEST) {
      memcpy(e->host, ev.target.host.ptr, ev.target.host.len);
      e->host[ev.target.host.len] = 0;
    }
    if (ev.kind != AL_STREAM_EV_DATA && ev.kind != AL_STREAM_EV_REQUEST) continue;
    if (ev.data.len != 0 && e->got_len + ev.data.len <= PAIR_GOT)
      memcpy(e->got + e->got_len, ev.data.ptr, ev.data.len);
    e->got_len += ev.data.len;
    if (p->consume && ev.data.len != 0)
      (void)al_streams_consume(&e->ss, p->now, ev.stream, ev.data.len);
  }
}

UNUSED const al_stream_event *pair_last(const pair *p, int i, al_stream_event_kind kind) {
  for (int k = p->end[i].count - 1; k >= 0; k--)
    if (p->end[i].log[k].kind == kind) return &p->end[i].log[k];
  return NULL;
}

UNUSED bool pair_fill(pair *p, int i, uint8_t *payload) {
  pair_end *e = &p->end[i];
  e->ta.closed = true;
  bool wrote = al_bundle_fill(&e->ss, e->b, 0, p->now, payload);
  e->ta.closed = false;
  return wrote;
}

UNUSED al_stream_verdict pair_give(pair *p, int to, const uint8_t *payload) {
  pair_end *e = &p->end[to];
  e->ta.closed = true;
  al_stream_verdict v = al_bundle_rx(&e->ss, e->b, 0, p->now, (al_bytes){payload, 1068});
  e->ta.closed = false;
  pair_drain(p, to);
  return v;
}

/* Time passes in steps of 1 ms; a packet takes 10 ms; of those towards B each `lose`-th is lost (0:
 * none). */
UNUSED void pair_run(pair *p, al_time us, unsigned lose) {
  for (al_time end = p->now + us; p->now < end; p->now += 1000) {
    for (int i = 0; i < 2; i++) {
      while (p->head[i] != p->tail[i] && p->at[i][p->head[i] % PAIR_SLOTS] <= p->now)
        (void)pair_give(p, i, p->queue[i][p->head[i]++ % PAIR_SLOTS]);
      p->end[i].ta.closed = true;
      al_streams_tick(&p->end[i].ss, p->now);
      p->end[i].ta.closed = false;
      pair_drain(p, i);
    }
    for (int i = 0; i < 2; i++) {
      unsigned *tail = &p->tail[1 - i];
      while (*tail - p->head[1 - i] < PAIR_SLOTS &&
             pair_fill(p, i, p->queue[1 - i][*tail % PAIR_SLOTS])) {
        if (i == A && lose != 0 && ++p->sent % lose == 0) continue;
        p->at[1 - i][(*tail)++ % PAIR_SLOTS] = p->now + 10000;
      }
    }
  }
}

UNUSED al_stream pair_open(pair *p, const char *host) {
  al_stream s = 0;
  al_stream_target t = {1, 443, {(const uint8_t *)host, strlen(host)}};
  tap_ok(al_streams_open(&p->end[A].ss, p->now, p->end[A].b, &t, &s) == AL_OK, "open a stream");
  return s;
}

/* An accepted stream; ret: its handles at A and at B. */
UNUSED void pair_connect(pair *p, al_stream ret[2]) {
  ret[A] = pair_open(p, "example.org");
  pair_run(p, 30000, 0);
  const al_stream_event *ev = pair_last(p, B, AL_STREAM_EV_REQUEST);
  ret[B] = ev != NULL ? ev->stream : 0;
  tap_ok(ret[B] != 0, "the other end is asked");
  tap_ok(al_streams_accept(&p->end[B].ss, p->now, ret[B]) == AL_OK, "it accepts");
  pair_run(p, 60000, 0);
  ev = pair_last(p, A, AL_STREAM_EV_OPENED);
  tap_ok(ev != NULL && ev->stream == ret[A], "and the first end hears of it");
}

/* A packet made by hand: number, then frames. */
typedef struct pair_packet {
  uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
  al_wr w;
} pair_packet;

UNUSED void packet_begin(pair_packet *k, uint32_t number) {
  memset(k->payload, 0, sizeof k->payload);
  k->w = al_wr_init(k->payload, sizeof k->payload);
  al_wr_u8(&k->w, AL_STREAM_KIND_BUNDLE);
  al_wr_u32(&k->w, number);
}

UNUSED void packet_data(pair_packet *k, uint32_t stream, uint64_t offset, al_bytes b, bool fin) {
  al_wr_u8(&k->w, fin ? 5 : 4);
  al_wr_u32(&k->w, stream);
  al_wr_u32(&k->w, (uint32_t)offset);
  al_wr_u16(&k->w, (uint16_t)(offset >> 32));
  al_wr_u16(&k->w, (uint16_t)b.len);
  al_wr_bytes(&k->w, b);
}

UNUSED void packet_open(pair_packet *k, uint32_t stream, const char *host) {
  al_wr_u8(&k->w, 2);
  al_wr_u32(&k->w, stream);
  al_wr_u32(&k->w, 100000);
  al_wr_u16(&k->w, 443);
  al_wr_u8(&k->w, 1);
  al_wr_u8(&k->w, (uint8_t)strlen(host));
  al_wr_copy(&k->w, host, strlen(host));
}

#endif
