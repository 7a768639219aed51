/* cursor.h — the only way bytes of the wire are read and written. A cursor that was asked for more
 * than there is becomes bad and stays so; every later read gives zeros, every later write nothing:
 * one check at the end is enough. Layer 0. */
#ifndef AL_BASE_CURSOR_H
#define AL_BASE_CURSOR_H

#include <string.h>

#include "base/bytes.h"

/* al_rd — a read cursor over borrowed bytes. */
typedef struct al_rd {
  const uint8_t *ptr;
  size_t len, pos;
  bool bad;
} al_rd;

/* al_wr — a write cursor over the caller's buffer; `len` bytes of `cap` are written. */
typedef struct al_wr {
  uint8_t *ptr;
  size_t cap, len;
  bool bad;
} al_wr;

/* al_rd_init — a cursor at the first byte of a view. */
static inline al_rd al_rd_init(al_bytes b) { return (al_rd){b.ptr, b.len, 0, false}; }

/* al_rd_left — bytes not read yet; 0 when bad. */
static inline size_t al_rd_left(const al_rd *r) { return r->bad ? 0 : r->len - r->pos; }

/* al_rd_ok — nothing was asked for that was not there. */
static inline bool al_rd_ok(const al_rd *r) { return !r->bad; }

/* al_rd_done — ok, and every byte was read: what a decoder of a whole message returns. */
static inline bool al_rd_done(const al_rd *r) { return !r->bad && r->pos == r->len; }

/* al_rd_fail — make the cursor bad: for values that are there and mean nothing. */
static inline void al_rd_fail(al_rd *r) { r->bad = true; }

/* al_rd_bytes — the next n bytes as a borrowed view; {NULL, 0} and bad when there are fewer. */
static inline al_bytes al_rd_bytes(al_rd *r, size_t n) {
  if (r->bad || n > r->len - r->pos) {
    r->bad = true;
    return (al_bytes){NULL, 0};
  }
  al_bytes b = {r->pos == 0 ? r->ptr : r->ptr + r->pos, n}; /* an empty view may be at NULL */
  r->pos += n;
  return b;
}

/* al_rd_rest — all bytes not read yet; {NULL, 0} when bad. */
static inline al_bytes al_rd_rest(al_rd *r) { return al_rd_bytes(r, al_rd_left(r)); }

/* al_rd_skip — pass over n bytes. */
static inline void al_rd_skip(al_rd *r, size_t n) { (void)al_rd_bytes(r, n); }

/* al_rd_copy — copy the next n bytes to dst; zeros when there are fewer. */
static inline void al_rd_copy(al_rd *r, void *dst, size_t n) {
  al_bytes b = al_rd_bytes(r, n);
  if (n == 0) return;
  if (b.ptr != NULL)
    memcpy(dst, b.ptr, n);
  else
    memset(dst, 0, n);
}

/* al_rd_u8 — one byte. */
static inline uint8_t al_rd_u8(al_rd *r) {
  al_bytes b = al_rd_bytes(r, 1);
  return b.ptr != NULL ? b.ptr[0] : 0;
}

/* al_rd_u16 — two bytes, little-endian. */
static inline uint16_t al_rd_u16(al_rd *r) {
  al_bytes b = al_rd_bytes(r, 2);
  return b.ptr != NULL ? al_load_u16(b.ptr) : 0;
}

/* al_rd_u32 — four bytes, little-endian. */
static inline uint32_t al_rd_u32(al_rd *r) {
  al_bytes b = al_rd_bytes(r, 4);
  return b.ptr != NULL ? al_load_u32(b.ptr) : 0;
}

/* al_rd_u64 — eight bytes, little-endian. */
static inline uint64_t al_rd_u64(al_rd *r) {
  al_bytes b = al_rd_bytes(r, 8);
  return b.ptr != NULL ? al_load_u64(b.ptr) : 0;
}

/* al_rd_u48 — six bytes, little-endian. */
static inline uint64_t al_rd_u48(al_rd *r) {
  al_bytes b = al_rd_bytes(r, 6);
  return b.ptr != NULL ? al_load_u48(b.ptr) : 0;
}

/* al_rd_id — a 32-byte identifier. */
static inline al_id al_rd_id(al_rd *r) {
  al_id id;
  al_rd_copy(r, id.b, sizeof id.b);
  return id;
}

/* al_wr_init — a cursor at the start of an empty buffer of cap bytes. */
static inline al_wr al_wr_init(void *ptr, size_t cap) {
  return (al_wr){(uint8_t *)ptr, cap, 0, false};
}

/* al_wr_left — room not written yet; 0 when bad. */
static inline size_t al_wr_left(const al_wr *w) { return w->bad ? 0 : w->cap - w->len; }

/* al_wr_ok — everything fitted. */
static inline bool al_wr_ok(const al_wr *w) { return !w->bad; }

/* al_wr_view — what was written, borrowed; {NULL, 0} when bad. */
static inline al_bytes al_wr_view(const al_wr *w) {
  return w->bad ? (al_bytes){NULL, 0} : (al_bytes){w->ptr, w->len};
}

/* al_wr_take — room for n bytes that the caller fills; NULL and bad when there is less. */
static inline uint8_t *al_wr_take(al_wr *w, size_t n) {
  if (w->bad || n > w->cap - w->len) {
    w->bad = true;
    return NULL;
  }
  uint8_t *p = w->len == 0 ? w->ptr : w->ptr + w->len;
  w->len += n;
  return p;
}

/* al_wr_copy — append n bytes from src. */
static inline void al_wr_copy(al_wr *w, const void *src, size_t n) {
  uint8_t *p = al_wr_take(w, n);
  if (p != NULL && n != 0) memcpy(p, src, n);
}

/* al_wr_bytes — append a view. */
static inline void al_wr_bytes(al_wr *w, al_bytes b) { al_wr_copy(w, b.ptr, b.len); }

/* al_wr_zero — append n zero bytes. */
static inline void al_wr_zero(al_wr *w, size_t n) {
  uint8_t *p = al_wr_take(w, n);
  if (p != NULL && n != 0) memset(p, 0, n);
}

/* al_wr_u8 — append one byte. */
static inline void al_wr_u8(al_wr *w, uint8_t v) { al_wr_copy(w, &v, 1); }

/* al_wr_u16 — append two bytes, little-endian. */
static inline void al_wr_u16(al_wr *w, uint16_t v) {
  uint8_t *p = al_wr_take(w, 2);
  if (p != NULL) al_store_u16(p, v);
}

/* al_wr_u32 — append four bytes, little-endian. */
static inline void al_wr_u32(al_wr *w, uint32_t v) {
  uint8_t *p = al_wr_take(w, 4);
  if (p != NULL) al_store_u32(p, v);
}

/* al_wr_u64 — append eight bytes, little-endian. */
static inline void al_wr_u64(al_wr *w, uint64_t v) {
  uint8_t *p = al_wr_take(w, 8);
  if (p != NULL) al_store_u64(p, v);
}

/* al_wr_u48 — append six bytes, little-endian; the upper 16 bits of v are dropped. */
static inline void al_wr_u48(al_wr *w, uint64_t v) {
  uint8_t *p = al_wr_take(w, 6);
  if (p != NULL) al_store_u48(p, v);
}

/* al_wr_id — append a 32-byte identifier. */
static inline void al_wr_id(al_wr *w, const al_id *id) { al_wr_copy(w, id->b, sizeof id->b); }

#endif
