/* test_world.c — the network of the simulator, seen by two who are no cores: delay, rates, queues,
 * loss, what can be dialled, partitions one way and both, pauses, clogs, ends. */
#include <string.h>

#include "tap.h"
#include "world.h"

enum { A = 0, B = 1 };

typedef struct end {
  world *w;
  uint32_t node;
  al_link link;
  uint32_t ups, downs, frames;
  al_down_reason why;
  al_time up_at, down_at, first, last;
} end;

static al_link on_up(void *ctx, al_link link, const uint8_t binding[32], void *ref) {
  end *e = ctx;
  (void)binding;
  e->ups++;
  e->up_at = world_now(e->w);
  e->link = link != 0 ? link : 1000;
  if (link == 0) world_ops()->accept(world_transport(e->w, e->node), e->link, ref);
  return e->link;
}

static void on_down(void *ctx, al_link link, al_down_reason why) {
  end *e = ctx;
  (void)link;
  e->downs++;
  e->why = why;
  e->down_at = world_now(e->w);
}

static void on_rx(void *ctx, al_link link, al_bytes frame) {
  end *e = ctx;
  (void)link;
  if (frame.len != AL_FRAME_BYTES) return;
  if (e->frames++ == 0) e->first = world_now(e->w);
  e->last = world_now(e->w);
}

static void on_credit(void *ctx, al_link link, uint32_t bytes) {
  (void)ctx;
  (void)link;
  (void)bytes;
}

static void on_tick(void *ctx) { (void)ctx; }

static end ends[2];

static void enter(world *w, uint32_t node) {
  ends[node] = (end){.w = w, .node = node};
  al_transport_sink sink = {&ends[node], on_up, on_down, on_rx, on_credit};
  world_puppet_start(w, node, &(world_puppet){&ends[node], sink, on_tick});
}

static void pass(world *w, al_time us) { world_run(w, world_now(w) + us); }

static void dial(world *w) {
  (void)world_ops()->open(world_transport(w, A), 7, world_address(w, B));
  pass(w, 10 * AL_SECOND);
}

static world *begin(world_options *o) {
  o->nodes = 2;
  o->jitter_us = 0;
  world *w = world_new(o, NULL, NULL);
  enter(w, A);
  enter(w, B);
  return w;
}

static al_err put(world *w, uint32_t from, al_channel ch) {
  static const uint8_t frame[AL_FRAME_BYTES];
  return world_ops()->send(world_transport(w, from), ends[from].link, ch,
                           (al_bytes){frame, sizeof frame});
}

static void defaults(world_options *o) {
  world_options_default(o);
  o->delay_us = 30000;
}

static void test_delay(void) {
  world_options o;
  defaults(&o);
  world *w = begin(&o);
  al_time t = world_now(w);
  dial(w);
  tap_is_u64(ends[A].up_at - t, 8 * 30001, "a link takes four round trips");
  t = world_now(w);
  (void)put(w, A, AL_CHANNEL_BULK);
  pass(w, AL_SECOND);
  tap_is_u64(ends[B].first - t, 30000 + 97, "a frame takes its time on the wire and the way");
  world_ops()->close(world_transport(w, A), ends[A].link);
  pass(w, AL_SECOND);
  tap_ok(ends[B].downs == 1 && ends[B].why == AL_DOWN_PEER, "the other side hears of a close");
  tap_ok(put(w, A, AL_CHANNEL_BULK) == AL_ESTATE, "nothing goes over it then");
  world_free(w);
}

static void test_rate(void) {
  world_options o;
  defaults(&o);
  o.rate_bytes_s = 1213000; /* a thousand frames a second */
  world *w = begin(&o);
  dial(w);
  uint32_t taken = 0;
  while (put(w, A, AL_CHANNEL_BULK) == AL_OK) taken++;
  tap_is_u64(taken, 256 * 1024 / AL_FRAME_BYTES, "a link's transport takes its window");
  pass(w, AL_SECOND);
  tap_is_u64(ends[B].last - ends[B].first, (taken - 1) * 1000, "frames leave at the rate");
  while (put(w, A, AL_CHANNEL_BULK) == AL_OK) {
    (void)world_credit(w, A, ends[A].link);
  }
  uint64_t before = world_stats_now(w).dropped;
  (void)put(w, A, AL_CHANNEL_RT); /* less than a frame was free: this one makes it full */
  (void)put(w, A, AL_CHANNEL_RT);
  tap_is_u64(world_stats_now(w).dropped - before, 1, "the other channel drops what does not fit");
  world_free(w);
}

static void test_loss(void) {
  world_options o;
  defaults(&o);
  o.loss_ppm = 300000;
  o.queue_bytes = 1 << 20;
  world *w = begin(&o);
  dial(w);
  for (int i = 0; i < 500; i++) (void)put(w, A, AL_CHANNEL_RT);
  pass(w, AL_SECOND);
  tap_ok(ends[B].frames > 300 && ends[B].frames < 400, "a third is lost on one channel (%u of 500)",
         ends[B].frames);
  ends[B].frames = 0;
  for (int i = 0; i < 500; i++) {
    (void)put(w, A, AL_CHANNEL_BULK);
    (void)world_credit(w, A, ends[A].link);
  }
  pass(w, 5 * AL_SECOND);
  tap_is_u64(ends[B].frames, 500, "none on the other");
  world_free(w);
}

static void test_nat(void) {
  world_options o;
  defaults(&o);
  o.net.dial_us = 5 * AL_SECOND;
  world *w = begin(&o);
  world_set_nat(w, B, true);
  al_time t = world_now(w);
  dial(w);
  tap_ok(ends[A].downs == 1 && ends[A].why == AL_DOWN_TIMEOUT && ends[B].ups == 0,
         "a node behind a NAT cannot be dialled");
  tap_is_u64(ends[A].down_at - t, 5 * AL_SECOND, "which takes a while to find out");
  (void)world_ops()->open(world_transport(w, B), 8, world_address(w, A));
  pass(w, AL_SECOND);
  tap_ok(ends[B].ups == 1 && ends[A].ups == 1, "it can dial");
  world_free(w);
}

static void test_partition(void) {
  world_options o;
  defaults(&o);
  world *w = begin(&o);
  dial(w);
  world_set_group(w, B, 3);
  world_block(w, 0, 3, true);
  (void)put(w, A, AL_CHANNEL_RT);
  (void)put(w, A, AL_CHANNEL_BULK);
  (void)put(w, B, AL_CHANNEL_BULK);
  pass(w, 2 * AL_SECOND);
  tap_ok(ends[A].frames == 1 && ends[B].frames == 0, "a partition one way lets the other pass");
  world_block(w, 0, 3, false);
  pass(w, 5 * AL_SECOND);
  tap_is_u64(ends[B].frames, 1, "after it the reliable channel brings what it kept, no more");
  world_block(w, 0, 3, true);
  (void)put(w, A, AL_CHANNEL_BULK);
  pass(w, 60 * AL_SECOND);
  tap_ok(ends[A].downs == 1 && ends[B].downs == 1 && ends[A].why == AL_DOWN_TIMEOUT,
         "a long one ends the link");
  world_free(w);
}

static void test_slowness(void) {
  world_options o;
  defaults(&o);
  world *w = begin(&o);
  dial(w);
  al_time t = world_now(w);
  world_pause(w, B, t + AL_SECOND);
  (void)put(w, A, AL_CHANNEL_BULK);
  pass(w, 3 * AL_SECOND);
  tap_is_u64(ends[B].first - t, AL_SECOND, "a frame waits for a process that stands still");
  ends[B].frames = 0;
  t = world_now(w);
  world_clog(w, A, t + 2 * AL_SECOND);
  (void)put(w, A, AL_CHANNEL_BULK);
  pass(w, 5 * AL_SECOND);
  tap_is_u64(ends[B].first - t, 2 * AL_SECOND + 97 + 30000, "and for an access that is clogged");
  ends[B].frames = 0;
  world_set_rates(w, A, 121300, 0); /* a hundred frames a second */
  for (int i = 0; i < 11; i++) (void)put(w, A, AL_CHANNEL_BULK);
  pass(w, AL_SECOND);
  tap_is_u64(ends[B].last - ends[B].first, 100000, "and leaves at the rate of a slow one");
  world_set_rates(w, A, 0, 0);
  world_set_rates(w, B, 0, 121300);
  ends[B].frames = 0;
  for (int i = 0; i < 11; i++) (void)put(w, A, AL_CHANNEL_BULK);
  pass(w, AL_SECOND);
  tap_ok(ends[B].last - ends[B].first > 98000 && ends[B].frames == 11,
         "and comes in at the rate of a slow one");
  world_free(w);
}

static void test_ends(void) {
  world_options o;
  defaults(&o);
  world *w = begin(&o);
  dial(w);
  world_stop(w, B, false);
  (void)put(w, A, AL_CHANNEL_BULK);
  pass(w, 10 * AL_SECOND);
  tap_ok(ends[A].downs == 0 && ends[B].frames == 0, "a silent end is silent");
  enter(w, B);
  pass(w, AL_SECOND);
  tap_is_u64(ends[B].frames, 0, "and what was for it does not reach who comes after it");
  world_stop(w, A, true);
  world_free(w);
}

/* A name is known before its node runs. */
static void test_names(void) {
  world_options o;
  world_options_default(&o);
  o.nodes = 2;
  world *w = world_new(&o, NULL, NULL);
  uint8_t root[32];
  al_id id;
  al_node_info info;
  world_identity(w, B, root);
  al_identity_name(o.suite, root, &id);
  world_start(w, B);
  al_inspect_node(world_node(w, B), &info);
  tap_ok(memcmp(&id, &info.id, sizeof id) == 0, "a node has the name of its root secret");
  world_free(w);
}

int main(void) {
  test_names();
  test_delay();
  test_rate();
  test_loss();
  test_nat();
  test_partition();
  test_slowness();
  test_ends();
  return tap_done();
}
