/* work.c — packet buffers, the effect queue and the arena of one drain. */
#include "node/work.h"

#include "base/base.h"

struct al_work {
  const al_alloc *alloc;
  al_alloc alloc_copy;
  uint8_t *bufs; /* bufs_max x AL_FRAME_BYTES */
  al_buf *free;  /* stack of free handles */
  uint32_t bufs_max, free_count;
  al_effect *queue; /* ring */
  uint32_t queue_max, head, count;
  uint8_t *arena;
  size_t arena_used;
  al_buf held[AL_WORK_HELD_MAX];
  uint32_t held_count;
  uint8_t scratch[AL_WORK_SCRATCH_BYTES];
};

al_err al_work_new(al_work **ret, const al_alloc *a, uint32_t bufs_max, uint32_t effects_max) {
  if (bufs_max < 64 || bufs_max > 1048575 || effects_max < AL_WORK_EFFECTS_MIN ||
      effects_max > 1048576) {
    return AL_EINVAL;
  }
  al_work *w = al_new(a, sizeof *w);
  if (w == NULL) return AL_ENOMEM;
  w->alloc_copy = *a;
  w->alloc = &w->alloc_copy;
  w->bufs_max = bufs_max;
  w->queue_max = effects_max;
  w->bufs = al_new_array(a, bufs_max, AL_FRAME_BYTES);
  w->free = al_new_array(a, bufs_max, sizeof *w->free);
  w->queue = al_new_array(a, effects_max, sizeof *w->queue);
  w->arena = al_new(a, AL_WORK_ARENA_BYTES);
  if (w->bufs == NULL || w->free == NULL || w->queue == NULL || w->arena == NULL) {
    al_work_free(w);
    return AL_ENOMEM;
  }
  for (uint32_t i = 0; i < bufs_max; i++) w->free[i] = bufs_max - i; /* handle = index + 1 */
  w->free_count = bufs_max;
  *ret = w;
  return AL_OK;
}

void al_work_free(al_work *w) {
  if (w == NULL) return;
  al_alloc a = w->alloc_copy;
  al_delete(&a, w->bufs, (size_t)w->bufs_max * AL_FRAME_BYTES);
  al_delete(&a, w->free, w->bufs_max * sizeof *w->free);
  al_delete(&a, w->queue, w->queue_max * sizeof *w->queue);
  al_delete(&a, w->arena, AL_WORK_ARENA_BYTES);
  al_delete(&a, w, sizeof *w);
}

al_buf al_buf_take(al_work *w) { return w->free_count == 0 ? 0 : w->free[--w->free_count]; }

uint8_t *al_buf_ptr(al_work *w, al_buf b) {
  AL_ASSERT(b != 0 && b <= w->bufs_max);
  return w->bufs + (size_t)(b - 1) * AL_FRAME_BYTES;
}

void al_buf_drop(al_work *w, al_buf b) {
  if (b == 0) return;
  AL_ASSERT(b <= w->bufs_max && w->free_count < w->bufs_max);
  w->free[w->free_count++] = b;
}

uint32_t al_work_room(const al_work *w) { return w->queue_max - w->count; }

bool al_work_may_send(const al_work *w) { return al_work_room(w) > AL_WORK_ROOM_TO_SEND; }

bool al_work_may_tell(const al_work *w) { return al_work_room(w) > AL_WORK_ROOM_TO_TELL; }

bool al_work_drained(const al_work *w) { return w->count == 0; }

static al_effect *push(al_work *w, al_fx_kind kind, al_link link) {
  if (w->count == w->queue_max) return NULL;
  al_effect *fx = &w->queue[(w->head + w->count) % w->queue_max];
  w->count++;
  memset(fx, 0, sizeof *fx);
  fx->kind = kind;
  fx->link = link;
  return fx;
}

static bool arena_fits(const al_work *w, size_t len) {
  return len <= AL_WORK_ARENA_BYTES - w->arena_used;
}

static al_bytes arena_copy(al_work *w, al_bytes b) {
  uint8_t *p = w->arena + w->arena_used;
  if (b.len != 0) memcpy(p, b.ptr, b.len);
  w->arena_used += (b.len + 7) & ~(size_t)7; /* targets copied here are read as structs */
  if (w->arena_used > AL_WORK_ARENA_BYTES) w->arena_used = AL_WORK_ARENA_BYTES;
  return (al_bytes){p, b.len};
}

uint8_t *al_work_scratch(al_work *w) { return w->scratch; }

bool al_work_tx(al_work *w, al_link link, al_channel channel, al_buf b, size_t len) {
  al_effect *fx = push(w, AL_FX_TX, link);
  if (fx == NULL) return false;
  fx->u.tx.buf = b;
  fx->u.tx.channel = channel;
  fx->u.tx.len = (uint32_t)len;
  return true;
}

bool al_work_open(al_work *w, al_link link, al_bytes addr) {
  if (!arena_fits(w, addr.len)) return false;
  al_effect *fx = push(w, AL_FX_LINK_OPEN, link);
  if (fx == NULL) return false;
  fx->u.addr = arena_copy(w, addr);
  return true;
}

bool al_work_close(al_work *w, al_link link) { return push(w, AL_FX_LINK_CLOSE, link) != NULL; }

static bool store(al_work *w, al_fx_kind kind, al_bytes key, al_bytes value) {
  if (!arena_fits(w, key.len + value.len + 16)) return false;
  al_effect *fx = push(w, kind, 0);
  if (fx == NULL) return false;
  fx->u.store.key = arena_copy(w, key);
  fx->u.store.value = arena_copy(w, value);
  return true;
}

bool al_work_put(al_work *w, al_bytes key, al_bytes value) {
  return store(w, AL_FX_STORE_PUT, key, value);
}

bool al_work_del(al_work *w, al_bytes key) {
  return store(w, AL_FX_STORE_DEL, key, al_view(NULL, 0));
}

bool al_work_event(al_work *w, const al_event *ev) {
  if (ev->target != NULL && !arena_fits(w, sizeof *ev->target)) return false;
  bool copied = ev->kind == AL_EV_LOOKUP; /* data of others lies in packets that are held */
  if (copied && !arena_fits(w, ev->data.len)) return false;
  al_effect *fx = push(w, AL_FX_EVENT, ev->link);
  if (fx == NULL) return false;
  fx->u.event = *ev;
  if (copied) fx->u.event.data = arena_copy(w, ev->data);
  if (ev->target != NULL) {
    al_bytes copy = arena_copy(w, al_view(ev->target, sizeof *ev->target));
    fx->u.event.target = (const al_target *)(const void *)copy.ptr;
  }
  return true;
}

void al_work_hold(al_work *w, al_buf b) {
  if (b == 0) return;
  AL_ASSERT(w->held_count < AL_WORK_HELD_MAX);
  w->held[w->held_count++] = b;
}

bool al_work_next(al_work *w, al_effect *fx) {
  if (w->count == 0) {
    while (w->held_count > 0) al_buf_drop(w, w->held[--w->held_count]);
    w->arena_used = 0;
    return false;
  }
  *fx = w->queue[w->head];
  w->head = (w->head + 1) % w->queue_max;
  w->count--;
  return true;
}
