/* Buffers, the effect queue, the arena and held buffers of a work area. */
#include <stdlib.h>

#include "base/base.h"
#include "node/work.h"
#include "tap.h"

static int live;

static void *get(void *ctx, size_t size) {
  (void)ctx;
  live++;
  return calloc(1, size);
}

static void put(void *ctx, void *ptr, size_t size) {
  (void)ctx;
  (void)size;
  live--;
  free(ptr);
}

static const al_alloc heap = {NULL, get, put};

static void test_limits(void) {
  al_work *w = NULL;
  tap_ok(al_work_new(&w, &heap, 63, 1024) == AL_EINVAL, "too few buffers are refused");
  tap_ok(al_work_new(&w, &heap, 64, 1023) == AL_EINVAL, "too few effects are refused");
  tap_ok(al_work_new(&w, &heap, 64, 1024) == AL_OK, "the least is taken");
  al_work_free(w);
  al_work_free(NULL);
  tap_is_u64((uint64_t)live, 0, "all memory came back");
}

static void test_bufs(void) {
  al_work *w = NULL;
  al_buf b[64];
  (void)al_work_new(&w, &heap, 64, 1024);
  bool distinct = true;
  for (int i = 0; i < 64; i++) {
    b[i] = al_buf_take(w);
    memset(al_buf_ptr(w, b[i]), i, AL_FRAME_BYTES);
  }
  for (int i = 0; i < 64; i++) distinct &= al_buf_ptr(w, b[i])[AL_FRAME_BYTES - 1] == i;
  tap_ok(distinct, "64 buffers do not overlap");
  tap_is_u64(al_buf_take(w), 0, "the 65th is refused");
  al_buf_drop(w, b[7]);
  al_buf_drop(w, 0);
  tap_is_u64(al_buf_take(w), b[7], "a dropped one comes back");
  al_work_free(w);
}

static void test_queue(void) {
  al_work *w = NULL;
  al_effect fx;
  (void)al_work_new(&w, &heap, 64, 1024);
  tap_ok(!al_work_next(w, &fx) && al_work_drained(w), "a new queue is drained");
  for (uint32_t i = 0; i < 1024; i++) (void)al_work_tx(w, i + 1, AL_CHANNEL_RT, i, AL_FRAME_BYTES);
  tap_is_u64(al_work_room(w), 0, "1024 effects fill it");
  tap_ok(!al_work_tx(w, 1, AL_CHANNEL_BULK, 1, AL_FRAME_BYTES) && !al_work_close(w, 1),
         "the next is refused");
  bool order = true;
  for (uint32_t i = 0; i < 1024; i++) {
    order &= al_work_next(w, &fx) && fx.kind == AL_FX_TX && fx.link == i + 1 && fx.u.tx.buf == i &&
             fx.u.tx.channel == AL_CHANNEL_RT;
  }
  tap_ok(order && !al_work_next(w, &fx), "effects come in their order");
  uint32_t frames = 0, events = 0;
  while (al_work_may_send(w) && al_work_tx(w, 1, AL_CHANNEL_BULK, 1, AL_FRAME_BYTES)) frames++;
  while (al_work_may_tell(w) && al_work_close(w, 1)) events++;
  tap_ok(frames == 512 && events == 256, "frames and events leave room for what cannot wait");
  al_work_free(w);
}

static void test_copies(void) {
  al_work *w = NULL;
  al_effect fx;
  uint8_t value[1000];
  al_target t = {.kind = AL_TARGET_NAME, .port = 80, .host_len = 1, .host = {'x'}};
  al_event ev = {.kind = AL_EV_STREAM_REQUEST, .target = &t};
  (void)al_work_new(&w, &heap, 64, 4096);
  memset(value, 5, sizeof value);
  (void)al_work_put(w, al_view("key", 3), al_view(value, sizeof value));
  (void)al_work_del(w, al_view("old", 3));
  (void)al_work_event(w, &ev);
  (void)al_work_open(w, 9, al_view("addr", 4));
  memset(value, 6, sizeof value);
  t.port = 81;
  (void)al_work_next(w, &fx);
  tap_ok(fx.kind == AL_FX_STORE_PUT && memcmp(fx.u.store.key.ptr, "key", 3) == 0 &&
             fx.u.store.value.len == 1000 && fx.u.store.value.ptr[999] == 5,
         "keys and values are copied");
  (void)al_work_next(w, &fx);
  tap_ok(fx.kind == AL_FX_STORE_DEL && fx.u.store.value.len == 0, "deletion has a key only");
  (void)al_work_next(w, &fx);
  tap_ok(fx.kind == AL_FX_EVENT && fx.u.event.target->port == 80, "targets are copied");
  (void)al_work_next(w, &fx);
  tap_ok(fx.kind == AL_FX_LINK_OPEN && fx.link == 9 && fx.u.addr.len == 4, "addresses too");
  (void)al_work_next(w, &fx);
  uint32_t fit = 0;
  while (al_work_put(w, al_view("k", 1), al_view(value, sizeof value))) fit++;
  tap_ok(fit > 200 && fit < 262, "the arena is bounded (%u records)", fit);
  while (al_work_next(w, &fx)) {
  }
  tap_ok(al_work_put(w, al_view("k", 1), al_view(value, sizeof value)), "and empty after a drain");
  al_work_free(w);
}

static void test_held(void) {
  al_work *w = NULL;
  al_effect fx;
  (void)al_work_new(&w, &heap, 64, 1024);
  al_buf b = al_buf_take(w);
  for (int i = 0; i < 63; i++) (void)al_buf_take(w);
  (void)al_work_close(w, 1);
  al_work_hold(w, b);
  (void)al_work_next(w, &fx);
  tap_is_u64(al_buf_take(w), 0, "a held buffer is kept while effects are left");
  (void)al_work_next(w, &fx);
  tap_is_u64(al_buf_take(w), b, "and free after the drain");
  al_work_free(w);
}

int main(void) {
  test_limits();
  test_bufs();
  test_queue();
  test_copies();
  test_held();
  return tap_done();
}
