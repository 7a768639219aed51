/* fuzz_node.c — two nodes in one process and a script of everything that can happen to them: links
 * that come and go, frames late, bent, twice or never, time, commands, cells and set-up packets
 * that an authenticated neighbour forges, memory and buffers that are short. After every step the
 * work area is drained and the deadlines make sense; at the end everything was given back. */
#include "node/parts.h"
#include "node/wake.h"

#include "../support/test_alloc.h"
#include "circuit/table.h"
#include "link/keys.h"

enum { PAIRS = 4, WIRE = 256, STREAMS = 16, STEPS_MAX = 400, BUFS = 512 };

typedef struct wire_frame {
  unsigned to, pair;
  uint32_t len;
  uint8_t bytes[AL_FRAME_BYTES];
} wire_frame;

/* One transport link; `open` is asked for by dialler, not there yet. */
typedef struct pair {
  al_link link[2];
  unsigned dialler;
  bool opening;
} pair;

typedef struct side {
  al_node *node;
  al_stream streams[STREAMS];
  unsigned streams_next;
} side;

typedef struct world {
  test_alloc ta;
  al_work *work;
  al_time now;
  side s[2];
  pair pairs[PAIRS];
  al_link refused[64]; /* opens there was no pair for: told as down */
  unsigned refused_to[64], refused_count;
  wire_frame wire[WIRE], last;
  unsigned on_wire;
} world;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t address[2][58];

/* ---- effects ---- */

static pair *pair_of(world *x, unsigned i, al_link link) {
  for (unsigned p = 0; p < PAIRS; p++)
    if (link != 0 && x->pairs[p].link[i] == link) return &x->pairs[p];
  return NULL;
}

static void on_tx(world *x, unsigned i, const al_effect *fx) {
  pair *p = pair_of(x, i, fx->link);
  if (p != NULL && x->on_wire < WIRE) {
    wire_frame *f = &x->wire[x->on_wire++];
    f->to = 1 - i;
    f->pair = (unsigned)(p - x->pairs);
    f->len = fx->u.tx.len;
    memcpy(f->bytes, al_buf_ptr(x->work, fx->u.tx.buf), fx->u.tx.len);
  }
  al_buf_drop(x->work, fx->u.tx.buf);
}

static void on_open(world *x, unsigned i, const al_effect *fx) {
  for (unsigned k = 0; k < PAIRS; k++) {
    pair *p = &x->pairs[k];
    if (p->link[0] != 0 || p->link[1] != 0) continue;
    *p = (pair){.dialler = i, .opening = true};
    p->link[i] = fx->link;
    return;
  }
  AL_ASSERT(x->refused_count < 64);
  x->refused_to[x->refused_count] = i;
  x->refused[x->refused_count++] = fx->link;
}

static void on_event(world *x, unsigned i, const al_event *ev) {
  side *s = &x->s[i];
  uint32_t sum = 0;
  if (ev->kind == AL_EV_STREAM_REQUEST) {
    AL_ASSERT(ev->target->host_len >= 1 && ev->target->port != 0);
    s->streams[s->streams_next++ % STREAMS] = ev->stream;
  }
  for (size_t k = 0; k < ev->data.len; k++) sum += ev->data.ptr[k];
  AL_ASSERT(sum != UINT32_MAX);
  if (ev->kind == AL_EV_STREAM_DATA && ev->data.len % 3 != 0)
    (void)al_stream_consume(s->node, x->work, x->now, ev->stream, ev->data.len);
}

static void drain(world *x, unsigned i) {
  al_effect fx;
  while (al_work_next(x->work, &fx)) {
    pair *p = pair_of(x, i, fx.link);
    if (fx.kind == AL_FX_TX) on_tx(x, i, &fx);
    if (fx.kind == AL_FX_LINK_OPEN) on_open(x, i, &fx);
    if (fx.kind == AL_FX_LINK_CLOSE && p != NULL) p->link[i] = 0;
    if (fx.kind == AL_FX_EVENT) on_event(x, i, &fx.u.event);
    if (fx.kind == AL_FX_STORE_PUT) AL_ASSERT(fx.u.store.key.len <= 80);
  }
  AL_ASSERT(al_work_drained(x->work));
}

static void input(world *x, unsigned i, al_input in) {
  in.now = x->now;
  al_err e = al_node_input(x->s[i].node, x->work, &in);
  AL_ASSERT(e == AL_OK || e == AL_ENOTFOUND);
  drain(x, i);
}

/* ---- transport ---- */

static void down(world *x, unsigned i, al_link link) {
  pair *p = pair_of(x, i, link);
  if (p != NULL) p->link[i] = 0;
  if (link != 0) input(x, i, (al_input){.kind = AL_IN_LINK_DOWN, .link = link, .u.down = 2});
}

/* Refused opens, and sides whose other one is gone. */
static void settle(world *x) {
  for (int rounds = 0; rounds < 64; rounds++) {
    bool again = false;
    if (x->refused_count > 0) {
      unsigned k = --x->refused_count;
      down(x, x->refused_to[k], x->refused[k]);
      again = true;
    }
    for (unsigned k = 0; k < PAIRS; k++) {
      pair *p = &x->pairs[k];
      if (p->opening && p->link[p->dialler] == 0) *p = (pair){0};
      if (p->opening || (p->link[0] != 0) == (p->link[1] != 0)) continue;
      down(x, p->link[0] != 0 ? 0 : 1, p->link[0] != 0 ? p->link[0] : p->link[1]);
      again = true;
    }
    if (!again) return;
  }
}

static void up(world *x, unsigned k, uint8_t binding_byte) {
  pair *p = &x->pairs[k % PAIRS];
  uint8_t binding[32] = {binding_byte};
  unsigned d = p->dialler;
  if (!p->opening) return;
  p->opening = false;
  al_link fresh = 0;
  if (al_node_accept(x->s[1 - d].node, x->work, x->now, binding, &fresh) == AL_OK)
    p->link[1 - d] = fresh;
  drain(x, 1 - d);
  if (fresh == 0 || p->link[d] == 0) return; /* settle() tells the dialler */
  al_input in = {.kind = AL_IN_LINK_UP, .link = p->link[d]};
  memcpy(in.u.binding, binding, sizeof binding);
  input(x, d, in);
  for (unsigned i = 0; i < 2; i++)
    if (p->link[i] != 0)
      input(x, i,
            (al_input){.kind = AL_IN_LINK_CREDIT, .link = p->link[i], .u.credit_bytes = 65536});
}

static void rx(world *x, unsigned i, unsigned k, const uint8_t *bytes, size_t len) {
  al_link link = x->pairs[k % PAIRS].link[i];
  al_buf b = al_buf_take(x->work);
  if (b == 0 || link == 0 || x->pairs[k % PAIRS].opening) {
    al_buf_drop(x->work, b);
    return;
  }
  memcpy(al_buf_ptr(x->work, b), bytes, len);
  al_input in = {.kind = AL_IN_RX, .link = link};
  in.u.rx.buf = b;
  in.u.rx.len = (uint32_t)len;
  input(x, i, in);
}

static void deliver(world *x, unsigned k, unsigned bend) {
  if (x->on_wire == 0) return;
  k %= x->on_wire;
  x->last = x->wire[k];
  x->on_wire--;
  memmove(&x->wire[k], &x->wire[k + 1], (x->on_wire - k) * sizeof x->wire[0]);
  if (bend != 0) x->last.bytes[bend * 9 % AL_FRAME_BYTES] ^= (uint8_t)bend;
  rx(x, x->last.to, x->last.pair, x->last.bytes, x->last.len);
}

/* ---- time ---- */

static void tick(world *x) {
  for (unsigned i = 0; i < 2; i++) {
    unsigned rounds = 0;
    do {
      AL_ASSERT(rounds++ < 50); /* no deadline stays in the past */
      input(x, i, (al_input){.kind = AL_IN_TICK});
    } while (al_node_deadline(x->s[i].node) <= x->now);
    AL_ASSERT(al_node_deadline(x->s[i].node) <= x->now + AL_NODE_HOUSE_US);
  }
}

/* ---- forgeries of a neighbour that has the keys ---- */

static void forge(world *x, unsigned i, unsigned k, uint8_t *frame) {
  al_node *n = x->s[1 - i].node;
  al_link_session *s = al_link_session_get(&n->links, x->pairs[k % PAIRS].link[1 - i]);
  if (s == NULL || !s->have_keys) return;
  al_link_frame_seal(n->suite, al_link_tx_key(&n->links, s),
                     (uint64_t)s->tx_phase << AL_LINK_PHASE_BITS | s->tx_number++, frame);
  rx(x, i, k, frame, AL_FRAME_BYTES);
}

static void forge_cell(world *x, unsigned i, unsigned k, al_rd *r) {
  uint8_t frame[AL_FRAME_BYTES] = {0};
  al_rd_copy(r, frame + AL_LINK_CELL_AT, AL_CELL_HEADER_BYTES);
  size_t n = al_min_size(al_rd_left(r), 24);
  al_rd_copy(r, frame + AL_LINK_PAYLOAD_AT, n);
  forge(x, i, k, frame);
}

static void forge_message(world *x, unsigned i, unsigned k, const al_link_message *m) {
  for (uint32_t at = 0, index = 0; at < m->len; at += AL_CELL_PAYLOAD_BYTES, index++) {
    uint8_t frame[AL_FRAME_BYTES] = {0};
    al_cell_header h = {.id = m->id != 0 ? m->id : 1,
                        .type = AL_CELL_MESSAGE,
                        .flags = (uint8_t)m->kind,
                        .counter = al_cell_fragment(m->len, (uint16_t)index)};
    al_cell_encode(&h, frame + AL_LINK_CELL_AT);
    memcpy(frame + AL_LINK_PAYLOAD_AT, m->ptr + at,
           al_min_size(m->len - at, AL_CELL_PAYLOAD_BYTES));
    forge(x, i, k, frame);
  }
}

/* A set-up packet that the node can open: it ends there, or leads on to whom the script says. */
static void forge_setup(world *x, unsigned i, unsigned k, al_rd *r) {
  uint8_t packet[AL_SPHINX_BYTES], secrets[2][32], what = al_rd_u8(r);
  uint32_t id = al_rd_u32(r);
  al_node *n = x->s[i].node, *other = x->s[1 - i].node;
  al_rng rng;
  uint8_t seed[32] = {al_rd_u8(r)};
  al_rng_init(&rng, n->suite, seed);
  uint8_t pk[2][AL_KEM_PK_BYTES];
  al_node_onion_pk(n, al_node_onion_now(n), pk[0]);
  al_node_onion_pk(other, al_node_onion_now(other), pk[1]);
  al_sphinx_hop hops[2] = {{.onion_pk = pk[0], .eph = {1}}, {.onion_pk = pk[1], .eph = {2}}};
  if ((what & 1) != 0) hops[1].id = other->identity.id;
  if ((what & 1) == 0) al_rd_copy(r, hops[1].id.b, 4);
  const al_sphinx_spec spec = {.hops = hops, .hops_count = (what & 2) != 0 ? 2 : 1};
  if (al_sphinx_create(n->suite, &rng, &spec, packet, secrets) != AL_OK) return;
  if ((what & 12) == 12) packet[al_rd_u16(r) % sizeof packet] ^= 1;
  forge_message(x, i, k, &(al_link_message){AL_MESSAGE_SPHINX, id, packet, sizeof packet});
}

/* A relay payload of any content on a circuit that the two have. */
static void forge_payload(world *x, unsigned i, unsigned k, al_rd *r) {
  uint8_t frame[AL_FRAME_BYTES] = {0};
  uint32_t cursor = 0;
  al_link link;
  al_node *n = x->s[1 - i].node;
  al_circ c = al_circuit_each(n->circuits, &cursor);
  size_t len = al_min_size(al_rd_left(r), al_rd_u8(r));
  al_circuit_item *item = al_circuit_get(n->circuits, c);
  al_rd_copy(r, frame + AL_LINK_CELL_AT + AL_CIRCUIT_PAYLOAD_AT, al_min_size(len, al_rd_left(r)));
  if (item == NULL || item->role == AL_CIRCUIT_RELAY) return;
  uint8_t hop = item->role == AL_CIRCUIT_ORIGIN ? item->hops : 0;
  if (al_circuit_seal(n->circuits, c, hop, frame + AL_LINK_CELL_AT, &link) != AL_OK) return;
  pair *p = pair_of(x, 1 - i, link);
  if (p != NULL) k = (unsigned)(p - x->pairs);
  forge(x, i, k, frame);
}

static void forge_record(world *x, unsigned i, unsigned k, al_rd *r) {
  uint8_t kind = al_rd_u8(r), bytes[AL_MESSAGE_BYTES_MAX] = {0};
  size_t len = al_rd_u16(r), n = al_min_size(al_rd_left(r), 100);
  uint8_t buf[AL_DESC_BYTES_MAX];
  al_bytes own = al_inspect_descriptor(x->s[kind & 1].node, buf, sizeof buf);
  if (kind % 5 == 4) {
    memcpy(bytes, own.ptr, own.len);
    if (len < own.len) bytes[len] ^= 1;
    len = own.len;
  } else {
    al_rd_copy(r, bytes, n);
  }
  kind = (uint8_t)(AL_MESSAGE_DIGEST + kind % 5 % 3 + (kind % 5 == 3 ? 3 : 0));
  if (kind % 5 == 4) kind = AL_MESSAGE_DESCRIPTOR;
  if (al_message_valid(kind, (uint32_t)len))
    forge_message(x, i, k, &(al_link_message){(al_message_kind)kind, 7, bytes, (uint32_t)len});
}

/* ---- commands ---- */

static void open_stream(world *x, unsigned i, al_rd *r) {
  side *s = &x->s[i];
  al_target t = {.kind = AL_TARGET_NAME, .port = al_rd_u16(r), .host_len = 2, .host = "ab"};
  al_stream h = 0;
  if (al_stream_open(s->node, x->work, x->now, &t, al_rd_u8(r) % 3, &h) == AL_OK)
    s->streams[s->streams_next++ % STREAMS] = h;
  drain(x, i);
}

static void use_stream(world *x, unsigned i, unsigned arg, al_rd *r) {
  static const uint8_t zeros[5000];
  side *s = &x->s[i];
  al_stream h = s->streams[arg % STREAMS];
  size_t taken = 0, len = al_rd_u16(r) % sizeof zeros;
  switch (arg / STREAMS % 5) {
    case 0:
      (void)al_stream_accept(s->node, x->work, x->now, h);
      break;
    case 1:
      (void)al_stream_write(s->node, x->work, x->now, h, al_view(zeros, len), &taken);
      AL_ASSERT(taken <= len);
      break;
    case 2:
      (void)al_stream_shut(s->node, x->work, x->now, h);
      break;
    case 3:
      (void)al_stream_consume(s->node, x->work, x->now, h, len);
      break;
    default:
      al_stream_reset(s->node, x->work, x->now, h, AL_REASON_CANCELLED);
  }
  drain(x, i);
}

/* ---- nodes ---- */

static al_config config_of(unsigned i) {
  al_config c;
  al_config_default(&c);
  c.suite = al_suite_null();
  c.simulation = true;
  c.hops = 1;
  c.wall_s = 1800000000;
  c.limits = (al_limits){.links_max = 4,
                         .circuits_max = 8,
                         .streams_max = 8,
                         .peers_max = 4,
                         .queue_cells_max = 8,
                         .creates_per_s = 4,
                         .stream_window = 4096,
                         .replay_tags_max = 16};
  memset(c.identity, (int)(i + 1), sizeof c.identity);
  memset(c.seed, (int)(i + 3), sizeof c.seed);
  memcpy(address[i], (const uint8_t[8]){1, 4, 100, (uint8_t)i, 0, 1, 1, 1}, 8);
  c.addresses[0] = al_view(address[i], sizeof address[i]);
  c.addresses_count = 1;
  c.exit_rules[0] = (al_exit_rule){.accept = true, .port_max = 65535};
  c.exit_rules_count = 1;
  return c;
}

static bool begin(world *x, unsigned i, al_bytes snapshot) {
  al_config c = config_of(i);
  c.snapshot = snapshot;
  c.wall_s += x->now / AL_SECOND;
  al_err e = al_node_new(&x->s[i].node, &x->ta.a, &c, x->now);
  AL_ASSERT(e == AL_OK || e == AL_EPARSE);
  if (e != AL_OK) return false;
  input(x, i, (al_input){.kind = AL_IN_TICK});
  return true;
}

/* Killed, or ended cleanly, and started again from records of the script's making. */
static void restart(world *x, unsigned i, bool clean, al_rd *r) {
  if (clean) al_node_shutdown(x->s[i].node, x->work, x->now);
  drain(x, i);
  al_node_free(x->s[i].node, x->work);
  x->s[i].node = NULL;
  for (unsigned k = 0; k < PAIRS; k++) x->pairs[k].link[i] = 0;
  for (unsigned k = 0; k < x->refused_count; k++)
    if (x->refused_to[k] == i) x->refused[k] = 0;
  size_t len = al_min_size(al_rd_u8(r), al_rd_left(r));
  al_bytes snapshot = al_rd_bytes(r, len);
  if (!begin(x, i, snapshot)) AL_ASSERT(begin(x, i, al_view(NULL, 0)));
  settle(x);
}

static void reconfigure(world *x, unsigned i, uint8_t arg) {
  al_config c = config_of(i);
  c.relay = (arg & 1) != 0;
  c.exit_rules_count = (arg & 2) != 0 ? 1 : 0;
  c.padding = (arg & 4) != 0 ? AL_PADDING_OFF : AL_PADDING_REDUCED;
  c.addresses_count = (arg & 8) != 0 ? 1 : 0;
  c.hops = (uint8_t)(arg >> 4);
  (void)al_node_reconfigure(x->s[i].node, x->work, x->now, &c);
  drain(x, i);
}

/* ---- the script ---- */

static void forgery(world *x, unsigned i, unsigned k, unsigned which, al_rd *r) {
  switch (which) {
    case 0:
      forge_cell(x, i, k, r);
      break;
    case 1:
      forge_setup(x, i, k, r);
      break;
    case 2:
      forge_payload(x, i, k, r);
      break;
    default:
      forge_record(x, i, k, r);
  }
}

static void raw(world *x, unsigned i, unsigned k, al_rd *r) {
  uint8_t bytes[AL_FRAME_BYTES] = {0};
  size_t len = al_min_size(al_rd_u16(r), sizeof bytes), n = al_min_size(al_rd_left(r), 40);
  al_rd_copy(r, bytes, al_min_size(n, len));
  rx(x, i, k, bytes, len);
}

static void step(world *x, al_rd *r) {
  uint8_t op = al_rd_u8(r), arg = al_rd_u8(r);
  unsigned i = arg & 1, k = arg / 2 % PAIRS;
  switch (op % 16) {
    case 0:
      x->now += (al_time)arg * arg * AL_MS;
      tick(x);
      break;
    case 1:
      deliver(x, arg, 0);
      break;
    case 2:
      deliver(x, 0, arg);
      break;
    case 3:
      rx(x, x->last.to, x->last.pair, x->last.bytes, x->last.len);
      break;
    case 4:
      (void)al_node_join(x->s[i].node, x->work, x->now, al_view(address[1 - i], 58));
      drain(x, i);
      break;
    case 5:
      up(x, k, arg);
      break;
    case 6:
      down(x, i, x->pairs[k].link[i]);
      break;
    case 7:
      input(x, i,
            (al_input){.kind = AL_IN_LINK_CREDIT,
                       .link = x->pairs[k].link[i],
                       .u.credit_bytes = al_rd_u16(r)});
      break;
    case 8:
      raw(x, i, k, r);
      break;
    case 9:
      open_stream(x, i, r);
      break;
    case 10:
      use_stream(x, i, arg / 2, r);
      break;
    case 11:
      reconfigure(x, i, arg);
      break;
    case 12:
      restart(x, i, (arg & 2) != 0, r);
      break;
    case 13:
    case 14:
      forgery(x, i, k, arg / 8 % 4, r);
      break;
    default:
      for (unsigned n = 0; n < arg; n++) deliver(x, 0, 0); /* many in order */
  }
  settle(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  world *x = calloc(1, sizeof *x);
  AL_ASSERT(x != NULL);
  (void)test_alloc_bind(&x->ta);
  x->now = 1000 * AL_SECOND;
  AL_ASSERT(al_work_new(&x->work, &x->ta.a, BUFS, 1024) == AL_OK);
  for (unsigned i = 0; i < 2; i++) AL_ASSERT(begin(x, i, al_view(NULL, 0)));
  al_rd r = al_rd_init(al_view(data, size));
  for (unsigned n = 0; n < STEPS_MAX && al_rd_left(&r) > 0; n++) step(x, &r);
  for (unsigned i = 0; i < 2; i++) {
    al_node_shutdown(x->s[i].node, x->work, x->now);
    drain(x, i);
    al_node_free(x->s[i].node, x->work);
  }
  unsigned bufs = 0;
  while (al_buf_take(x->work) != 0) bufs++;
  AL_ASSERT(bufs == BUFS);
  al_work_free(x->work);
  AL_ASSERT(x->ta.pieces_out == 0 && x->ta.breaches == 0);
  free(x);
  return 0;
}
