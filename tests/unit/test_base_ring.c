/* The ring against a plain array of bytes, at every small capacity. */
#include "base/base.h"
#include "support/test_rand.h"
#include "tap.h"

/* What was written and not consumed, in order; `ahead` marks bytes put beyond the end. */
typedef struct model {
  uint8_t bytes[64];
  bool ahead[64];
  size_t len;
} model;

static bool same(const al_ring *r, const model *m, size_t cap) {
  uint8_t out[64];
  if (al_ring_len(r) != m->len || al_ring_space(r) != cap - m->len) return false;
  for (size_t off = 0; off <= m->len; off++) {
    size_t want = (size_t)test_rand_below(40), n = al_min_size(want, m->len - off);
    if (al_ring_copy(r, off, out, want) != n || memcmp(out, m->bytes + off, n) != 0) return false;
    al_bytes v[2];
    if (al_ring_peek(r, off, want, v) != n || v[0].len + v[1].len != n) return false;
    if (v[0].len != 0 && memcmp(v[0].ptr, m->bytes + off, v[0].len) != 0) return false;
    if (v[1].len != 0 && memcmp(v[1].ptr, m->bytes + off + v[0].len, v[1].len) != 0) return false;
    if ((v[1].len == 0) != (v[1].ptr == NULL)) return false;
  }
  return true;
}

static bool one_step(al_ring *r, model *m, size_t cap) {
  uint8_t data[40];
  size_t n = (size_t)test_rand_below(sizeof data);
  test_rand_bytes(data, sizeof data);
  switch (test_rand_below(4)) {
    case 0: { /* append */
      size_t fits = al_min_size(n, cap - m->len);
      if (al_ring_write(r, al_view(data, n)) != fits) return false;
      memcpy(m->bytes + m->len, data, fits);
      for (size_t i = 0; i < fits; i++) m->ahead[m->len + i] = false;
      m->len += fits;
      return true;
    }
    case 1: { /* consume */
      size_t k = (size_t)test_rand_below(m->len + 1);
      al_ring_consume(r, k);
      memmove(m->bytes, m->bytes + k, sizeof m->bytes - k);
      memmove(m->ahead, m->ahead + k, sizeof m->ahead - k);
      memset(m->ahead + (sizeof m->ahead - k), 0, k);
      m->len -= k;
      return true;
    }
    case 2: { /* put ahead of the end */
      size_t off = m->len + (size_t)test_rand_below(cap - m->len + 1);
      n = al_min_size(n, cap - off);
      al_ring_put_at(r, off, al_view(data, n));
      memcpy(m->bytes + off, data, n);
      for (size_t i = 0; i < n; i++) m->ahead[off + i] = true;
      return true;
    }
    default: { /* make what was put ahead readable */
      size_t k = 0;
      while (m->len + k < cap && m->ahead[m->len + k]) k++;
      al_ring_commit(r, k);
      m->len += k;
      return true;
    }
  }
}

static void against_array(size_t cap) {
  uint8_t memory[66];
  memset(memory, 0x77, sizeof memory);
  al_ring r = al_ring_init(memory + 1, cap);
  model m = {0};
  int bad = 0;
  for (int i = 0; i < 2000 && bad == 0; i++) bad += !one_step(&r, &m, cap) || !same(&r, &m, cap);
  bad += memory[0] != 0x77 || memory[cap + 1] != 0x77;
  if (bad != 0) tap_ok(false, "capacity %zu", cap);
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  for (size_t cap = 0; cap <= 64; cap++) against_array(cap);
  tap_is_u64(tap_failed, 0, "2000 random steps at each capacity 0..64 do what an array does");
  al_ring r = al_ring_init(NULL, 0);
  tap_ok(al_ring_write(&r, al_view("x", 1)) == 0, "a ring without memory takes nothing");
  return tap_done();
}
