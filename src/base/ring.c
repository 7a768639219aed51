/* ring.c — see ring.h. */
#include "base/ring.h"

#include "base/assert.h"
#include "base/bytes.h"

/* The place `offset` bytes after head. cap is not a power of two, so no mask. */
static size_t place(const al_ring *r, size_t offset) {
  size_t to_end = r->cap - r->head;
  return offset < to_end ? r->head + offset : offset - to_end;
}

void al_ring_put_at(al_ring *r, size_t offset, al_bytes data) {
  AL_ASSERT(offset <= r->cap && data.len <= r->cap - offset);
  if (data.len == 0) return;
  size_t at = place(r, offset);
  size_t first = al_min_size(data.len, r->cap - at);
  memcpy(r->ptr + at, data.ptr, first);
  if (data.len > first) memcpy(r->ptr, data.ptr + first, data.len - first);
}

void al_ring_commit(al_ring *r, size_t n) {
  AL_ASSERT(n <= al_ring_space(r));
  r->len += n;
}

size_t al_ring_write(al_ring *r, al_bytes data) {
  data.len = al_min_size(data.len, al_ring_space(r));
  al_ring_put_at(r, r->len, data);
  r->len += data.len;
  return data.len;
}

size_t al_ring_peek(const al_ring *r, size_t offset, size_t len, al_bytes ret[2]) {
  AL_ASSERT(offset <= r->len);
  len = al_min_size(len, r->len - offset);
  ret[0] = ret[1] = (al_bytes){NULL, 0};
  if (len == 0) return 0;
  size_t at = place(r, offset);
  size_t first = al_min_size(len, r->cap - at);
  ret[0] = al_view(r->ptr + at, first);
  if (len > first) ret[1] = al_view(r->ptr, len - first);
  return len;
}

size_t al_ring_copy(const al_ring *r, size_t offset, void *dst, size_t len) {
  al_bytes part[2];
  size_t n = al_ring_peek(r, offset, len, part);
  if (part[0].len != 0) memcpy(dst, part[0].ptr, part[0].len);
  if (part[1].len != 0) memcpy((uint8_t *)dst + part[0].len, part[1].ptr, part[1].len);
  return n;
}

void al_ring_consume(al_ring *r, size_t n) {
  AL_ASSERT(n <= r->len);
  r->head = place(r, n);
  r->len -= n;
}
