/* fuzz_link_world.h — two tables of links, up to four links between them, and the frames on the
 * way. The input says what happens next: a frame arrives, bent or not, or once more; a neighbour
 * that has the keys sends any cell; time passes; links come and go. */
#ifndef FUZZ_LINK_WORLD_H
#define FUZZ_LINK_WORLD_H

#include <stdlib.h>

#include "fuzz_link_keys.h"
#include "link/keys.h"

enum { PAIRS = 4, WIRE = 96, STEPS_MAX = 600, SLOTS = AL_LINK_SLOTS_MIN };

typedef struct wire_frame {
  unsigned to, pair;
  size_t len;
  uint8_t bytes[AL_FRAME_BYTES];
} wire_frame;

typedef struct side {
  al_rng rng;
  al_counters counters;
  al_identity identity;
  al_keyring keys;
  uint8_t record[AL_DESC_BYTES_MAX];
  al_bytes descriptor;
  al_links ls;
  al_link link[PAIRS];
} side;

typedef struct world {
  side s[2];
  al_time now;
  wire_frame wire[WIRE], last;
  unsigned on_wire;
} world;

static bool closed; /* the allocator must not be called now */

static void *get(void *ctx, size_t size) {
  (void)ctx;
  AL_ASSERT(!closed);
  return calloc(1, size);
}

static void put(void *ctx, void *ptr, size_t size) {
  (void)ctx;
  (void)size;
  free(ptr);
}

static const al_alloc heap = {NULL, get, put};
static void side_init(world *x, unsigned i) {
  side *s = &x->s[i];
  uint8_t seed[32] = {(uint8_t)(i + 7)};
  if (known == NULL) make_known();
  s->identity = known[i];
  al_rng_init(&s->rng, al_suite_null(), seed);
  s->descriptor = al_view(records[i], record_len[i]);
  al_links_config c = {.suite = al_suite_null(),
                       .alloc = &heap,
                       .rng = &s->rng,
                       .counters = &s->counters,
                       .keys = (s->keys = al_keyring_over(&s->identity), &s->keys),
                       .descriptor = &s->descriptor,
                       .network = al_view("fuzz", 4),
                       .simulation = true,
                       .padding = AL_PADDING_REDUCED,
                       .links_max = PAIRS,
                       .message_slots = SLOTS,
                       .wall_s = 2000,
                       .now = x->now,
                       .rekey_us = 600 * AL_SECOND,
                       .rekey_frames = 200};
  AL_ASSERT(al_links_init(&s->ls, &c) == AL_OK);
}

/* ---- the wire ---- */

static void pump(world *x, unsigned i, unsigned pair) {
  side *s = &x->s[i];
  al_channel ch;
  closed = true;
  while (s->link[pair] != 0 && x->on_wire < WIRE) {
    wire_frame *f = &x->wire[x->on_wire];
    f->len = al_link_next(&s->ls, s->link[pair], x->now, f->bytes, &ch);
    if (f->len == 0) break;
    f->to = 1 - i;
    f->pair = pair;
    x->on_wire++;
  }
  closed = false;
}

static void forget(world *x, unsigned i, unsigned pair) {
  al_link_free(&x->s[i].ls, x->s[i].link[pair]);
  x->s[i].link[pair] = 0;
}

/* What the caller of al_link_rx does, with a look at every byte that is handed out. */
static void arrive(world *x, wire_frame *f, size_t len) {
  side *s = &x->s[f->to];
  al_link_in in;
  unsigned sum = 0;
  if (s->link[f->pair] == 0) return;
  closed = true;
  al_link_verdict v = al_link_rx(&s->ls, s->link[f->pair], (al_span){f->bytes, len}, x->now, &in);
  for (size_t i = 0; i < in.descriptor.len; i++) sum += in.descriptor.ptr[i];
  for (size_t i = 0; v == AL_LINK_MESSAGE && i < in.message.len; i++) sum += in.message.ptr[i]++;
  for (size_t i = 0; v == AL_LINK_CELL && i < AL_CELL_PAYLOAD_BYTES; i++) sum += in.payload[i]++;
  AL_ASSERT(sum != UINT32_MAX);
  AL_ASSERT(in.slot == 0 || v == AL_LINK_NONE || v == AL_LINK_MESSAGE);
  AL_ASSERT((v == AL_LINK_CELL) == (in.payload != NULL));
  AL_ASSERT(!in.became_up || v == AL_LINK_CLOSED || al_link_is_up(&s->ls, s->link[f->pair]));
  al_link_message_done(&s->ls, in.slot);
  closed = false;
  if (v == AL_LINK_CLOSED)
    forget(x, f->to, f->pair);
  else
    pump(x, f->to, f->pair);
}

/* Frame k of the wire, with a byte bent when `bend` is not 0. */
static void deliver(world *x, unsigned k, unsigned bend) {
  if (x->on_wire == 0) return;
  k %= x->on_wire;
  wire_frame f = x->wire[k];
  x->on_wire--;
  memmove(&x->wire[k], &x->wire[k + 1], (x->on_wire - k) * sizeof f);
  if (bend != 0) f.bytes[bend * 9 % AL_FRAME_BYTES] ^= (uint8_t)bend;
  x->last = f;
  arrive(x, &f, f.len);
}

/* ---- what the input can make happen ---- */

static void tick(world *x) {
  al_link_event ev;
  for (unsigned i = 0; i < 2; i++) {
    unsigned rounds = 0;
    closed = true;
    while (al_links_tick(&x->s[i].ls, x->now, &ev)) {
      AL_ASSERT(rounds++ < 100);
      for (unsigned pair = 0; pair < PAIRS; pair++) {
        if (x->s[i].link[pair] != ev.link) continue;
        if (ev.kind == AL_LINK_EVENT_DEAD)
          forget(x, i, pair);
        else
          pump(x, i, pair);
      }
    }
    closed = false;
    AL_ASSERT(al_links_deadline(&x->s[i].ls) > x->now);
  }
}

static void connect(world *x, unsigned i, unsigned pair, bool name) {
  side *a = &x->s[i], *b = &x->s[1 - i];
  uint8_t binding[32] = {(uint8_t)pair};
  if (a->link[pair] != 0 || b->link[pair] != 0) return;
  al_bytes d = name ? b->descriptor : al_view(NULL, 0);
  if (al_link_dial(&a->ls, x->now, name ? &b->identity.id : NULL, d, &a->link[pair]) != AL_OK)
    return;
  if (al_link_accept(&b->ls, x->now, binding, &b->link[pair]) != AL_OK) b->link[pair] = 0;
  closed = true;
  (void)al_link_up(&a->ls, a->link[pair], x->now, binding);
  closed = false;
  pump(x, i, pair);
}

/* A cell of any form from a neighbour that has the keys. */
static void forge_cell(world *x, unsigned i, unsigned pair, al_rd *r) {
  side *s = &x->s[i];
  wire_frame f = {.to = 1 - i, .pair = pair};
  al_rd_copy(r, f.bytes + AL_LINK_CELL_AT, AL_CELL_HEADER_BYTES);
  uint8_t phase = al_rd_u8(r);
  al_link_session *k = al_link_session_get(&s->ls, s->link[pair]);
  if (k == NULL || !k->have_keys) return;
  if (phase < 250) phase = k->tx_phase;
  al_link_frame_seal(s->ls.cfg.suite, al_link_tx_key(&s->ls, k),
                     (uint64_t)phase << AL_LINK_PHASE_BITS | k->tx_number++, f.bytes);
  arrive(x, &f, AL_FRAME_BYTES);
}

static void forge_handshake(world *x, unsigned i, unsigned pair, al_rd *r) {
  wire_frame f = {.to = 1 - i, .pair = pair};
  memset(f.bytes, 0xff, 8);
  al_rd_copy(r, f.bytes + 8, 8);
  memset(f.bytes + 16, al_rd_u8(r), AL_FRAME_BYTES - 16);
  arrive(x, &f, AL_FRAME_BYTES);
}

static void send_one(world *x, unsigned i, unsigned pair, al_rd *r) {
  static const uint8_t zeros[AL_MESSAGE_BYTES_MAX];
  side *s = &x->s[i];
  uint8_t kind = al_rd_u8(r) % 5;
  uint32_t len = al_rd_u16(r);
  wire_frame f = {.to = 1 - i, .pair = pair};
  if (kind == 0 && al_link_may_seal(&s->ls, s->link[pair])) {
    al_cell_header h = {.id = len + 1, .type = AL_CELL_CIRCUIT};
    al_cell_encode(&h, f.bytes + AL_LINK_CELL_AT);
    al_link_seal(&s->ls, s->link[pair], x->now, f.bytes);
    arrive(x, &f, AL_FRAME_BYTES);
  } else if (al_message_valid(kind, len)) {
    bool may = al_link_may_message(&s->ls, s->link[pair], (al_message_kind)kind);
    al_err e = al_link_send_message(&s->ls, s->link[pair], (al_message_kind)kind, len,
                                    al_view(zeros, len));
    AL_ASSERT((e == AL_OK) == may);
    pump(x, i, pair);
  }
}

static void step(world *x, al_rd *r) {
  uint8_t op = al_rd_u8(r), arg = al_rd_u8(r);
  unsigned i = arg & 1, pair = arg / 2 % PAIRS;
  side *s = &x->s[i];
  switch (op % 12) {
    case 0:
      deliver(x, arg, 0);
      break;
    case 1:
      deliver(x, 0, arg);
      break;
    case 2: {
      wire_frame again = x->last;
      arrive(x, &again, AL_FRAME_BYTES - (arg == 255));
      break;
    }
    case 3:
      forge_cell(x, i, pair, r);
      break;
    case 4:
      forge_handshake(x, i, pair, r);
      break;
    case 5:
      x->now += (al_time)arg * arg * AL_MS;
      tick(x);
      break;
    case 6:
      send_one(x, i, pair, r);
      break;
    case 7:
      connect(x, i, pair, (arg & 128) != 0);
      break;
    case 8:
      (void)al_link_send_close(&s->ls, s->link[pair], x->now, AL_LINK_CODE_DONE);
      pump(x, i, pair);
      break;
    case 9:
      forget(x, i, pair);
      break;
    case 10:
      al_links_set(&s->ls, arg & 128 ? AL_PADDING_OFF : AL_PADDING_REDUCED, 2000, x->now);
      break;
    default:
      for (unsigned k = 0; k < arg; k++) deliver(x, 0, 0); /* many in order */
  }
}

static void world_check(const world *x) {
  for (unsigned i = 0; i < 2; i++) {
    const al_links *ls = &x->s[i].ls;
    uint32_t sum = 0;
    for (unsigned u = 0; u < 5; u++) sum += ls->used[u];
    AL_ASSERT(sum == SLOTS && ls->used[AL_LINK_USE_LENT] == 0);
  }
}

/* Runs the input in a world of its own; `open`: the first link is up already. */
static void world_run(const uint8_t *data, size_t size, bool open) {
  world *x = calloc(1, sizeof *x);
  AL_ASSERT(x != NULL);
  x->now = 1000 * AL_SECOND;
  for (unsigned i = 0; i < 2; i++) side_init(x, i);
  connect(x, 0, 0, open);
  while (open && x->on_wire != 0) deliver(x, 0, 0);
  AL_ASSERT(!open || (al_link_is_up(&x->s[0].ls, x->s[0].link[0]) &&
                      al_link_is_up(&x->s[1].ls, x->s[1].link[0])));
  al_rd r = al_rd_init(al_view(data, size));
  for (unsigned n = 0; n < STEPS_MAX && al_rd_left(&r) > 0; n++) {
    step(x, &r);
    world_check(x);
  }
  for (unsigned i = 0; i < 2; i++) {
    for (unsigned pair = 0; pair < PAIRS; pair++) forget(x, i, pair);
    AL_ASSERT(x->s[i].ls.used[AL_LINK_USE_FREE] == SLOTS);
    al_link_event ev; /* the table may look once more when the last link would have been due */
    if (al_links_deadline(&x->s[i].ls) != AL_TIME_NEVER)
      AL_ASSERT(!al_links_tick(&x->s[i].ls, al_links_deadline(&x->s[i].ls), &ev));
    AL_ASSERT(al_links_deadline(&x->s[i].ls) == AL_TIME_NEVER);
    AL_ASSERT(x->s[i].ls.named == 0);
    al_links_clear(&x->s[i].ls);
  }
  free(x);
}

#endif
