/* recv.c — the receiving side of one stream: order, credit, events. Data that comes in order goes
 * to the host as a view into the packet; what comes early is kept in the ring, one bit a byte
 * saying what is there: no number of gaps is too many. */
#include "stream/internal.h"

static size_t place(const al_stream_item *st, uint64_t offset) {
  return (size_t)((offset - st->rx_base) % st->window);
}

/* The mask of the bits [from, from + n) of a word, n at least 1, from + n at most 64. */
static uint64_t mask(size_t from, size_t n) {
  return (n == 64 ? ~(uint64_t)0 : (((uint64_t)1 << n) - 1)) << from;
}

static uint32_t ones(uint64_t v) { return (uint32_t)__builtin_popcountll(v); }

/* Sets (or clears) the bits of the bytes [at, at + len), which do not wrap. Result: how many
 * changed. */
static uint32_t mark(al_stream_item *st, size_t at, size_t len, bool value) {
  uint32_t changed = 0;
  while (len > 0) {
    size_t from = at % 64, n = al_min_size(len, 64 - from);
    uint64_t m = mask(from, n), *word = &st->rx_bits[at / 64];
    changed += ones(value ? m & ~*word : m & *word);
    *word = value ? *word | m : *word & ~m;
    at += n;
    len -= n;
  }
  return changed;
}

static uint32_t mark_offsets(al_stream_item *st, uint64_t offset, size_t len, bool value) {
  size_t at = place(st, offset), first = al_min_size(len, st->window - at);
  uint32_t changed = mark(st, at, first, value);
  return len > first ? changed + mark(st, 0, len - first, value) : changed;
}

/* How many bytes from `offset` on are there without a gap. */
static uint64_t present(const al_stream_item *st, uint64_t offset, uint64_t most) {
  uint64_t count = 0;
  while (count < most) {
    size_t at = place(st, offset + count), from = at % 64;
    size_t n = al_min_size(64 - from, st->window - at);
    uint64_t missing = ~st->rx_bits[at / 64] & mask(from, n);
    if (missing != 0) return al_min_u64(most, count + (uint64_t)__builtin_ctzll(missing) - from);
    count += n;
  }
  return most;
}

static void copy_in(al_stream_item *st, uint64_t offset, al_bytes b) {
  size_t at = place(st, offset), first = al_min_size(b.len, st->window - at);
  memcpy(st->rx_ring + at, b.ptr, first);
  if (b.len > first) memcpy(st->rx_ring, b.ptr + first, b.len - first);
}

/* What was early and is in order now. */
static void advance(al_stream_item *st) {
  if (st->rx_beyond == 0) return;
  uint64_t n = present(st, st->rx_next, st->rx_beyond);
  if (n == 0) return;
  st->rx_beyond -= mark_offsets(st, st->rx_next, (size_t)n, false);
  st->rx_next += n;
}

static void in_order(al_stream_item *st, al_bytes b) {
  if (st->rx_given == st->rx_next)
    st->direct = b;
  else
    copy_in(st, st->rx_next, b);
  if (st->rx_beyond != 0) st->rx_beyond -= mark_offsets(st, st->rx_next, b.len, false);
  st->rx_next += b.len;
  advance(st);
}

/* With nothing in it the ring starts anew at its first place, so that small streams touch little
 * memory. (The host has looked at what was in it: events are drained before the next packet.) */
static void early(al_streams *ss, al_stream_item *st, uint64_t offset, al_bytes b) {
  if (st->rx_beyond == 0 && st->rx_given == st->rx_next) st->rx_base = st->rx_next;
  uint32_t fresh = mark_offsets(st, offset, b.len, true);
  if (fresh == 0) {
    al_count(ss->c.counters, AL_COUNT_stream_duplicate);
    return;
  }
  copy_in(st, offset, b);
  st->rx_beyond += fresh;
}

/* The length of a stream is told once and holds. */
static bool end_ok(al_streams *ss, al_stream_item *st, uint64_t end, bool fin) {
  bool ok = end <= st->rx_end && (!fin || st->rx_end == NO_END || st->rx_end == end) &&
            (!fin || end >= st->rx_high);
  if (!ok) al_count(ss->c.counters, AL_COUNT_stream_state);
  return ok;
}

bool al_recv_data(al_streams *ss, al_stream_item *st, const al_frame *f) {
  uint64_t offset = f->offset, end = offset + f->bytes.len;
  bool fin = f->type == AL_FRAME_DATA_FIN, news = fin && st->rx_end == NO_END;
  al_bytes b = f->bytes;
  if (!end_ok(ss, st, end, fin)) return false;
  if (end > st->rx_credit) {
    al_count(ss->c.counters, AL_COUNT_stream_window);
    return false;
  }
  if (fin) st->rx_end = end;
  st->rx_high = al_max_u64(st->rx_high, end);
  if (end <= st->rx_next) {
    if (!news) al_count(ss->c.counters, AL_COUNT_stream_duplicate);
  } else {
    if (offset < st->rx_next) {
      size_t old = (size_t)(st->rx_next - offset);
      b = al_view(b.ptr + old, b.len - old);
      offset = st->rx_next;
    }
    if (offset == st->rx_next)
      in_order(st, b);
    else
      early(ss, st, offset, b);
  }
  if (st->rx_given < st->rx_next) al_stream_tell(ss, st, EV_DATA);
  if (st->rx_next == st->rx_end && !st->fin_told) al_stream_tell(ss, st, EV_FIN);
  return true;
}

bool al_recv_event(al_stream_item *st, al_bytes *ret) {
  if (st->direct.len != 0) {
    *ret = st->direct;
    st->direct = (al_bytes){NULL, 0};
  } else if (st->rx_given < st->rx_next) {
    size_t at = place(st, st->rx_given);
    uint64_t n = al_min_u64(st->rx_next - st->rx_given, st->window - at);
    *ret = al_view(st->rx_ring + at, (size_t)n);
  } else {
    return false;
  }
  st->rx_given += ret->len;
  return true;
}
