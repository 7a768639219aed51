/* daemon_core.h — stands in for the core in tests of the daemon's sockets: streams whose far end is
 * the test, with faults on demand. Included by one file of a test program. */
#ifndef AL_TEST_DAEMON_CORE_H
#define AL_TEST_DAEMON_CORE_H

#include <glib.h>

#include "allium/allium.h"
#include "drive/drive.h"

enum { FAKE_STREAMS = 512 };

/* What the daemon did to one stream. Index = handle. */
typedef struct fake_stream {
  bool live, shut, accepted, was_reset;
  al_target target;
  uint64_t isolation;
  GByteArray *written;
  size_t room; /* what write still takes */
  size_t consumed, delivered;
  bool short_write; /* WRITABLE is owed */
  al_reason reset_why;
} fake_stream;

static fake_stream fake[FAKE_STREAMS];
static uint32_t fake_count;       /* streams opened */
static al_err fake_open_result;   /* fault: al_stream_open */
static al_err fake_accept_result; /* fault: al_stream_accept */
static size_t fake_room = 1 << 20;
static unsigned fake_pumps;

static fake_stream *fake_at(al_stream s) { return &fake[s % FAKE_STREAMS]; }

static al_stream fake_new(void) {
  al_stream s = ++fake_count;
  fake_stream *f = fake_at(s);
  f->live = true;
  f->room = fake_room;
  f->written = g_byte_array_new();
  return s;
}

/* Events as the core would make them; fake_event is defined by the test. */
static void fake_event(const al_event *ev);

__attribute__((unused)) static void fake_say(al_event_kind kind, al_stream s) {
  al_event ev = {.kind = kind, .stream = s};
  if (kind == AL_EV_STREAM_CLOSED) fake_at(s)->live = false;
  fake_event(&ev);
}

__attribute__((unused)) static void fake_reset(al_stream s, al_reason why) {
  al_event ev = {.kind = AL_EV_STREAM_RESET, .stream = s, .reason = why};
  fake_at(s)->live = false;
  fake_event(&ev);
}

__attribute__((unused)) static void fake_data(al_stream s, const void *bytes, size_t len) {
  al_event ev = {.kind = AL_EV_STREAM_DATA, .stream = s, .data = {bytes, len}};
  fake_at(s)->delivered += len;
  fake_event(&ev);
}

/* More room; tells it if a write had come out short. */
__attribute__((unused)) static void fake_drain(al_stream s, size_t room) {
  fake_stream *f = fake_at(s);
  f->room += room;
  if (!f->short_write) return;
  f->short_write = false;
  fake_say(AL_EV_STREAM_WRITABLE, s);
}

al_node *al_drive_node(al_drive *d) { return (al_node *)d; }
al_work *al_drive_work(al_drive *d) { return (al_work *)d; }
al_time al_drive_now(al_drive *d) {
  (void)d;
  return 1;
}
void al_drive_pump(al_drive *d) {
  (void)d;
  fake_pumps++;
}

al_err al_stream_open(al_node *n, al_work *w, al_time now, const al_target *t, uint64_t isolation,
                      al_stream *ret) {
  (void)n, (void)w, (void)now;
  if (fake_open_result != AL_OK) return fake_open_result;
  *ret = fake_new();
  fake_at(*ret)->target = *t;
  fake_at(*ret)->isolation = isolation;
  return AL_OK;
}

al_err al_stream_accept(al_node *n, al_work *w, al_time now, al_stream s) {
  (void)n, (void)w, (void)now;
  if (fake_accept_result != AL_OK) return fake_accept_result;
  fake_at(s)->accepted = true;
  return AL_OK;
}

al_err al_stream_write(al_node *n, al_work *w, al_time now, al_stream s, al_bytes data,
                       size_t *taken) {
  (void)n, (void)w, (void)now;
  fake_stream *f = fake_at(s);
  if (!f->live) return AL_ENOTFOUND;
  if (f->shut) return AL_ESTATE;
  *taken = data.len < f->room ? data.len : f->room;
  f->room -= *taken;
  f->short_write = *taken < data.len;
  g_byte_array_append(f->written, data.ptr, (guint)*taken);
  return AL_OK;
}

size_t al_stream_writable(const al_node *n, al_stream s) {
  (void)n;
  return fake_at(s)->live ? fake_at(s)->room : 0;
}

al_err al_stream_consume(al_node *n, al_work *w, al_time now, al_stream s, size_t bytes) {
  (void)n, (void)w, (void)now;
  fake_stream *f = fake_at(s);
  f->consumed += bytes;
  return f->consumed <= f->delivered ? AL_OK : AL_EINVAL;
}

al_err al_stream_shut(al_node *n, al_work *w, al_time now, al_stream s) {
  (void)n, (void)w, (void)now;
  fake_at(s)->shut = true;
  return AL_OK;
}

void al_stream_reset(al_node *n, al_work *w, al_time now, al_stream s, al_reason why) {
  (void)n, (void)w, (void)now;
  fake_stream *f = fake_at(s);
  f->live = false;
  f->was_reset = true;
  f->reset_why = why;
}

const char *al_err_text(al_err e) { return e == AL_OK ? "success" : "failure"; }

const char *al_reason_text(al_reason r) {
  (void)r;
  return "a reason";
}

uint8_t al_reason_socks(al_reason r) {
  switch (r) {
#define AL_REASON(name, value, socks, text) \
  case AL_REASON_##name:                    \
    return socks;
#include "allium/reasons.def"
#undef AL_REASON
  }
  return 1;
}

static bool fake_matches(const al_exit_rule *r, const al_target *t) {
  if (t->port < r->port_min || t->port > r->port_max) return false;
  if (r->family == 0) return true;
  if (t->kind == AL_TARGET_NAME) return r->accept;
  if (r->family != (uint8_t)t->kind) return false;
  for (unsigned i = 0; i < r->prefix; i++)
    if ((r->addr[i / 8] ^ t->host[i / 8]) & (0x80 >> (i % 8))) return false;
  return true;
}

bool al_exit_match(const al_exit_rule *rules, size_t count, const al_target *t) {
  for (size_t i = 0; i < count; i++)
    if (fake_matches(&rules[i], t)) return rules[i].accept;
  return false;
}

/* Run the main loop until a condition holds; fails the test after 10 s. */
#define wait_for(cond, what)                                             \
  do {                                                                   \
    gint64 wait_end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;      \
    bool wait_good = false;                                              \
    while (!(wait_good = (cond)) && g_get_monotonic_time() < wait_end) { \
      if (!g_main_context_iteration(NULL, FALSE)) g_usleep(200);         \
    }                                                                    \
    tap_ok(wait_good, "%s", what);                                       \
  } while (0)

/* Let everything happen that is due. */
__attribute__((unused)) static void settle(unsigned ms) {
  gint64 end = g_get_monotonic_time() + (gint64)ms * 1000;
  while (g_get_monotonic_time() < end)
    if (!g_main_context_iteration(NULL, FALSE)) g_usleep(200);
}

#endif
