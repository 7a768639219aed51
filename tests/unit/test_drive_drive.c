/* The loop of all hosts against a host that fails: opens refused, stores that fail, buffers that
 * are out, frames of wrong sizes; deadlines asked for and replaced. */
#include "../support/test_alloc.h"
#include "allium/al_inspect.h"
#include "drive/drive.h"

#include "base/base.h"
#include "tap.h"

typedef struct host {
  al_drive *drive;
  al_time now, deadline;
  uint32_t deadlines, opens, closes, sends, puts, dels, failed, ups;
  al_err open_result;
  al_link last;
  bool join_again; /* from inside an event */
} host;

static uint8_t address[58] = {1, 4, 192, 0, 2, 9, 0x23, 0x24, 7};

static al_time h_now(void *ctx) { return ((host *)ctx)->now; }

static void h_event(void *ctx, const al_event *ev) {
  host *h = ctx;
  if (ev->kind == AL_EV_LINK_FAILED) h->failed++;
  if (ev->kind == AL_EV_LINK_UP) h->ups++;
  if (ev->kind != AL_EV_LINK_FAILED || !h->join_again) return;
  h->join_again = false;
  (void)al_node_join(al_drive_node(h->drive), al_drive_work(h->drive), h->now,
                     al_view(address, sizeof address));
  al_drive_pump(h->drive); /* returns at once: the outer one goes on */
}

static void h_deadline(void *ctx, al_time when) {
  host *h = ctx;
  h->deadline = when;
  h->deadlines++;
}

static al_err t_open(al_transport *t, al_link link, al_bytes addr) {
  host *h = (host *)(void *)t;
  h->opens += addr.len == sizeof address;
  h->last = link;
  return h->open_result;
}

static void t_accept(al_transport *t, al_link link, void *ref) {
  *(al_link *)ref = link;
  (void)t;
}

static al_err t_send(al_transport *t, al_link link, al_channel channel, al_bytes frame) {
  host *h = (host *)(void *)t;
  (void)link;
  (void)channel;
  h->sends += frame.len == AL_FRAME_BYTES;
  return AL_EAGAIN;
}

static void t_close(al_transport *t, al_link link) {
  (void)link;
  ((host *)(void *)t)->closes++;
}

static const al_transport_ops ops = {"test", t_open, t_accept, t_send, t_close};

static al_err s_put(al_store *s, al_bytes key, al_bytes value) {
  (void)value;
  ((host *)(void *)s)->puts += key.len > 0;
  return AL_ENOMEM;
}

static al_err s_del(al_store *s, al_bytes key) {
  ((host *)(void *)s)->dels += key.len > 0;
  return AL_ENOMEM;
}

static const al_store_ops store_ops = {s_put, s_del};

static al_node *node_new(const al_alloc *a) {
  al_config c;
  al_node *n = NULL;
  al_config_default(&c);
  c.suite = al_suite_null();
  c.simulation = true;
  c.wall_s = 1800000000;
  c.limits.peers_max = 16;
  c.limits.circuits_max = 16;
  c.limits.links_max = 4;
  memset(c.identity, 2, sizeof c.identity);
  if (al_node_new(&n, a, &c, 1) != AL_OK) return NULL;
  return n;
}

static void test_before_start(al_drive *d) {
  al_transport_sink s = al_drive_sink(d);
  uint8_t binding[32] = {0}, frame[AL_FRAME_BYTES] = {0};
  tap_is_u64(s.up(s.ctx, 0, binding, NULL), 0, "before the start a link is refused");
  s.down(s.ctx, 7, AL_DOWN_PEER);
  s.rx(s.ctx, 7, al_view(frame, sizeof frame));
  s.credit(s.ctx, 7, 1000);
  al_drive_tick(d);
  al_drive_pump(d);
  tap_ok(al_drive_node(d) == NULL, "and everything else is passed over");
}

static void test_refused_open(host *h) {
  al_drive *d = h->drive;
  h->open_result = AL_EINVAL;
  h->join_again = true;
  (void)al_node_join(al_drive_node(d), al_drive_work(d), h->now, al_view(address, sizeof address));
  al_drive_pump(d);
  tap_is_u64(h->opens, 2, "an open that is refused, and one more from inside its event");
  tap_is_u64(h->failed, 2, "both are told as failed, in the same call");
  al_link_info info;
  tap_ok(!al_inspect_link(al_drive_node(d), 0, &info), "no link is left");
}

static void test_deadlines(host *h) {
  uint32_t before = h->deadlines;
  al_drive_pump(h->drive);
  tap_is_u64(h->deadlines, before, "a deadline that did not change is not told again");
  h->now = h->deadline;
  al_drive_tick(h->drive);
  tap_ok(h->deadlines == before + 1 && h->deadline > h->now, "a tick asks for the next one");
  al_time far = h->deadline;
  h->open_result = AL_OK;
  (void)al_node_join(al_drive_node(h->drive), al_drive_work(h->drive), h->now,
                     al_view(address, sizeof address));
  al_transport_sink s = al_drive_sink(h->drive);
  uint8_t binding[32] = {1};
  al_drive_pump(h->drive);
  (void)s.up(s.ctx, h->last, binding, NULL);
  s.credit(s.ctx, h->last, 65536);
  tap_ok(h->sends > 0, "an open link is greeted, though every send is refused");
  tap_ok(h->deadline <= far + 10 * AL_SECOND, "and the deadline stays one that was asked for");
}

static void test_frames(host *h) {
  al_transport_sink s = al_drive_sink(h->drive);
  uint8_t frame[AL_FRAME_BYTES + 1] = {0}, binding[32] = {3};
  al_link incoming = 0;
  al_buf taken[4096];
  uint32_t n = 0;
  al_link given = s.up(s.ctx, 0, binding, &incoming);
  tap_ok(given != 0 && given == incoming, "an incoming link has its handle before up returns");
  s.rx(s.ctx, given, al_view(frame, sizeof frame));
  s.rx(s.ctx, given, al_view(frame, 1));
  s.rx(s.ctx, 12345, al_view(frame, AL_FRAME_BYTES));
  al_work *w = al_drive_work(h->drive);
  while (n < 4096 && (taken[n] = al_buf_take(w)) != 0) n++;
  tap_is_u64(n, 64, "frames of wrong sizes and links leave no buffer behind");
  s.rx(s.ctx, given, al_view(frame, AL_FRAME_BYTES)); /* as if lost */
  for (uint32_t i = 0; i < n; i++) al_buf_drop(w, taken[i]);
  uint32_t failed = h->failed;
  s.down(s.ctx, given, AL_DOWN_PEER);
  s.down(s.ctx, given, AL_DOWN_PEER);
  tap_is_u64(h->failed - failed, 1, "a link goes down once");
}

int main(void) {
  test_alloc ta;
  const al_alloc *a = test_alloc_bind(&ta);
  host h = {.now = 1000, .deadline = AL_TIME_NEVER};
  al_drive_host face = {&h, h_now, h_event, h_deadline};
  al_work *w = NULL;
  ta.fail_from = 1;
  tap_ok(al_drive_new(&h.drive, a, &face, NULL, NULL) == AL_ENOMEM, "no memory: AL_ENOMEM");
  ta.fail_from = 0;
  (void)al_drive_new(&h.drive, a, &face, &store_ops, (al_store *)(void *)&h);
  test_before_start(h.drive);
  (void)al_work_new(&w, a, 64, 1024);
  al_node *n = node_new(a);
  al_drive_start(h.drive, n, w, &ops, (al_transport *)(void *)&h);
  tap_ok(h.puts >= 3 && h.dels >= 1, "records go to the store; that it fails stops nothing");
  tap_ok(h.deadlines == 1 && h.deadline > h.now, "the start asks for a tick");
  test_refused_open(&h);
  test_deadlines(&h);
  test_frames(&h);
  al_node_shutdown(n, w, h.now);
  al_drive_pump(h.drive);
  tap_ok(h.closes >= 1, "shutdown closes what is open");
  al_node_free(n, w);
  al_work_free(w);
  al_drive_free(h.drive);
  al_drive_free(NULL);
  tap_ok(test_alloc_clean(&ta), "nothing leaked");
  return tap_done();
}
