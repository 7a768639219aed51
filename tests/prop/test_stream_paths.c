/* Property: circuits come and die at random, in one direction first, told to either end late or
 * never; every byte arrives once and in order, in both directions, and both ends learn that it is
 * over. Usage: test_prop_stream_paths [seed [runs]]. */
#include <stdlib.h>

#include "stream/stream.h"
#include "support/test_alloc.h"
#include "support/test_chacha.h"
#include "support/test_rand.h"
#include "tap.h"

enum { PATHS = AL_BUNDLE_PATHS_MAX, AIR = 1 << 14, STREAMS = 3 };

typedef struct flying {
  uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
  al_time at;
  uint32_t path, life;
  int to;
  bool used;
} flying;

typedef struct stream {
  al_stream s[2];
  bool asked, fin[2], closed[2];
  uint64_t bytes[2], put[2], got[2];
} stream;

typedef struct world {
  al_time now;
  al_rng rng;
  struct end {
    al_streams ss;
    al_bundle b;
    al_counters counters;
    test_alloc ta;
    bool has[PATHS];      /* holds the path */
    al_time hears[PATHS]; /* when it is told that the path is lost */
  } end[2];
  bool mute[2][PATHS];  /* packets to this end vanish */
  uint32_t life[PATHS]; /* which circuit uses the number */
  flying *air;
  uint32_t in_air, deaths, loss_ppm;
  stream st[STREAMS];
  bool wrong;
} world;

static uint8_t byte(uint32_t k, int dir, uint64_t i) {
  return (uint8_t)((i * 0x9e3779b97f4a7c15u) >> 56 ^ i ^ (k * 5u + (unsigned)dir));
}

/* ---- circuits ---- */

static void build(world *m) {
  uint32_t path = (uint32_t)test_rand_below(PATHS);
  if (m->end[0].has[path] || m->end[1].has[path]) return;
  for (int i = 0; i < 2; i++) {
    al_err e = al_bundle_add_path(&m->end[i].ss, m->end[i].b, path, m->now, 20000);
    if (e == AL_ESTATE && i == 0) return; /* what was lost with the last one is still to be sent */
    if (e == AL_ESTATE) {
      al_bundle_path_lost(&m->end[0].ss, m->end[0].b, path, m->now);
      m->end[0].has[path] = false;
      return;
    }
    if (e != AL_OK) m->wrong = true;
    m->end[i].has[path] = true;
    m->end[i].hears[path] = AL_TIME_NEVER;
    m->mute[i][path] = false;
  }
  m->life[path]++;
}

static void kill_one(world *m) {
  uint32_t path = (uint32_t)test_rand_below(PATHS);
  if (!m->end[0].has[path] || !m->end[1].has[path] || m->mute[0][path] || m->mute[1][path]) return;
  m->deaths++;
  int first = (int)test_rand_below(2);
  m->mute[first][path] = true;
  if (test_rand_below(3) != 0) m->mute[1 - first][path] = true;
  for (int i = 0; i < 2; i++)
    m->end[i].hears[path] = m->now + test_rand_below(test_rand_below(4) == 0 ? 20000000 : 300000);
}

static void hear(world *m) {
  for (int i = 0; i < 2; i++)
    for (uint32_t path = 0; path < PATHS; path++) {
      if (!m->end[i].has[path] || m->end[i].hears[path] > m->now) continue;
      al_bundle_path_lost(&m->end[i].ss, m->end[i].b, path, m->now);
      m->end[i].has[path] = false;
      m->mute[0][path] = m->mute[1][path] = true;
    }
}

/* ---- packets ---- */

static void fly(world *m, int to, uint32_t path, const uint8_t *payload) {
  if (m->mute[to][path] || test_rand_below(1000000) < m->loss_ppm) return;
  for (uint32_t i = 0; i < AIR; i++) {
    flying *f = &m->air[i];
    if (f->used) continue;
    *f = (flying){.to = to, .path = path, .life = m->life[path], .used = true};
    f->at = m->now + 5000 + 3000 * path + test_rand_below(2000);
    memcpy(f->payload, payload, sizeof f->payload);
    if (i >= m->in_air) m->in_air = i + 1;
    return;
  }
}

static void event(world *m, int i, const al_stream_event *ev) {
  stream *st = NULL;
  for (uint32_t k = 0; k < STREAMS; k++)
    if (m->st[k].s[i] == ev->stream && ev->stream != 0 && !m->st[k].closed[i]) st = &m->st[k];
  if (ev->kind == AL_STREAM_EV_REQUEST) {
    if (ev->target.port == 0 || ev->target.port > STREAMS) m->wrong = true;
    st = &m->st[(ev->target.port - 1) % STREAMS];
    if (st->asked) m->wrong = true;
    st->asked = true;
    st->s[1] = ev->stream;
  } else if (ev->kind == AL_STREAM_EV_DATA && st != NULL) {
    for (size_t k = 0; k < ev->data.len; k++)
      if (ev->data.ptr[k] != byte((uint32_t)(st - m->st), i, st->got[i] + k)) m->wrong = true;
    st->got[i] += ev->data.len;
    (void)al_streams_consume(&m->end[i].ss, m->now, ev->stream, ev->data.len);
  } else if (ev->kind == AL_STREAM_EV_FIN && st != NULL) {
    if (st->fin[i] || st->got[i] != st->bytes[1 - i]) m->wrong = true;
    st->fin[i] = true;
  } else if (ev->kind == AL_STREAM_EV_CLOSED && st != NULL) {
    st->closed[i] = true;
  } else if (ev->kind == AL_STREAM_EV_RESET) {
    m->wrong = true;
  }
}

static void drain(world *m, int i) {
  al_stream_event ev;
  while (al_streams_event(&m->end[i].ss, &ev)) {
    event(m, i, &ev);
    if (ev.kind == AL_STREAM_EV_REQUEST &&
        al_streams_accept(&m->end[i].ss, m->now, ev.stream) != AL_OK)
      m->wrong = true;
  }
}

static void write_some(world *m, int i) {
  uint8_t chunk[3000];
  for (uint32_t k = 0; k < STREAMS; k++) {
    stream *st = &m->st[k];
    if (st->s[i] == 0 || st->closed[i]) continue;
    size_t n = st->bytes[i] - st->put[i] < sizeof chunk ? (size_t)(st->bytes[i] - st->put[i])
                                                        : sizeof chunk;
    size_t took = 0;
    for (size_t b = 0; b < n; b++) chunk[b] = byte(k, 1 - i, st->put[i] + b);
    if (n != 0 &&
        al_streams_put(&m->end[i].ss, m->now, st->s[i], al_view(chunk, n), &took) == AL_OK)
      st->put[i] += took;
    if (st->put[i] == st->bytes[i]) (void)al_streams_shut(&m->end[i].ss, m->now, st->s[i]);
  }
}

static void step(world *m) {
  m->now += 1000;
  hear(m);
  for (uint32_t i = 0; i < m->in_air; i++) {
    flying *f = &m->air[i];
    if (!f->used || f->at > m->now) continue;
    f->used = false;
    struct end *e = &m->end[f->to];
    if (!e->has[f->path] || f->life != m->life[f->path] || m->mute[f->to][f->path]) continue;
    e->ta.closed = true;
    (void)al_bundle_rx(&e->ss, e->b, f->path, m->now, al_view(f->payload, sizeof f->payload));
    e->ta.closed = false;
    drain(m, f->to);
  }
  while (m->in_air > 0 && !m->air[m->in_air - 1].used) m->in_air--;
  for (int i = 0; i < 2; i++) {
    struct end *e = &m->end[i];
    uint8_t payload[AL_STREAM_PAYLOAD_BYTES];
    e->ta.closed = true;
    al_streams_tick(&e->ss, m->now);
    e->ta.closed = false;
    drain(m, i);
    write_some(m, i);
    for (uint32_t path = 0; path < PATHS; path++)
      for (int n = 0; n < 40 && al_bundle_fill(&e->ss, e->b, path, m->now, payload); n++)
        fly(m, 1 - i, path, payload);
    while (al_streams_next(&e->ss) != 0) {
    }
    al_streams_reap(&e->ss);
  }
}

/* ---- a run ---- */

static void begin(world *m) {
  static const uint8_t seed[32] = {9};
  m->now = 1000000;
  m->air = calloc(AIR, sizeof *m->air);
  if (m->air == NULL) abort();
  al_rng_init(&m->rng, &test_chacha_suite, seed);
  uint32_t window = (uint32_t)(4096u << test_rand_below(6));
  m->loss_ppm = (uint32_t)test_rand_below(3) * 10000;
  for (int i = 0; i < 2; i++) {
    al_streams_config c = {.alloc = test_alloc_bind(&m->end[i].ta),
                           .rng = &m->rng,
                           .counters = &m->end[i].counters,
                           .streams_max = 8,
                           .bundles_max = 2,
                           .stream_window = window,
                           .packets_max = test_rand_below(2) == 0 ? 64 : 1024};
    if (al_streams_init(&m->end[i].ss, &c) != AL_OK ||
        al_bundle_open(&m->end[i].ss, i == 0, 1, &m->end[i].b) != AL_OK)
      abort();
  }
  for (uint32_t k = 0; k < STREAMS; k++) {
    al_stream_target t = {1, (uint16_t)(k + 1), {(const uint8_t *)"x", 1}};
    m->st[k].bytes[0] = test_rand_below(400000);
    m->st[k].bytes[1] = test_rand_below(400000);
    if (al_streams_open(&m->end[0].ss, m->now, m->end[0].b, &t, &m->st[k].s[0]) != AL_OK) abort();
  }
}

static bool finished(const world *m) {
  for (uint32_t k = 0; k < STREAMS; k++)
    if (!m->st[k].closed[0] || !m->st[k].closed[1]) return false;
  return true;
}

static bool run(uint64_t seed, uint32_t *deaths) {
  test_rand_state = seed;
  world *m = calloc(1, sizeof *m);
  if (m == NULL) abort();
  begin(m);
  uint64_t every = 20 + test_rand_below(400);
  al_time calm = m->now + 20 * AL_SECOND; /* deaths end: then it must end well */
  while (!finished(m) && m->now < calm + 200 * AL_SECOND) {
    if (test_rand_below(every) == 0) build(m);
    if (m->now < calm && test_rand_below(every) == 0) kill_one(m);
    step(m);
  }
  bool good = finished(m) && !m->wrong;
  for (uint32_t k = 0; k < STREAMS && good; k++)
    good = m->st[k].got[0] == m->st[k].bytes[1] && m->st[k].got[1] == m->st[k].bytes[0];
  for (uint32_t k = 0; k < STREAMS && !good; k++)
    printf("# stream %u: %" PRIu64 "/%" PRIu64 " and %" PRIu64 "/%" PRIu64 ", wrong %d\n", k,
           m->st[k].got[1], m->st[k].bytes[0], m->st[k].got[0], m->st[k].bytes[1], m->wrong);
  *deaths += m->deaths;
  for (int i = 0; i < 2; i++) {
    al_streams_clear(&m->end[i].ss);
    good = test_alloc_clean(&m->end[i].ta) && good;
  }
  free(m->air);
  free(m);
  return good;
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20250101;
  uint64_t runs = argc > 2 ? strtoull(argv[2], NULL, 0) : 40;
  uint32_t deaths = 0;
  for (uint64_t i = 0; i < runs; i++)
    tap_ok(run(seed + i, &deaths), "every byte once and in order, seed %" PRIu64, seed + i);
  tap_ok(deaths > runs, "circuits died meanwhile: %u", deaths);
  return tap_done();
}
