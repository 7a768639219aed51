/* bench_memory.c — what a node costs in memory: bytes at its start, for each link that is up, each
 * circuit and each stream; with the default limits and with small ones. What the core asks its
 * allocator for is counted, so the figures are exact and the same on every run. --json */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link/session.h"
#include "node/state.h"

enum { NODES = 34, HUB = 0, EXIT = 1, FIRST = 2, LINKS = 64, QUEUE = 1 << 16, FLOWS = 4 };

/* The allocator of one node. */
typedef struct tally {
  al_alloc a;
  int64_t bytes, pieces;
} tally;

typedef struct wire {
  uint32_t peer;
  al_link far;
} wire;

typedef struct host {
  tally t;
  al_node *node;
  wire links[4096]; /* by index of the handle */
  uint8_t address[AL_ADDRESS_BYTES_MAX];
  size_t address_len;
} host;

typedef struct delivery {
  uint32_t to;
  al_input in;
  uint8_t *frame;
} delivery;

static host hosts[NODES];
static delivery queue[QUEUE];
static uint32_t head, count;
static al_work *work;
static al_time now;
static al_shelf *shelf;
static al_stream flows[FLOWS];
static uint32_t opened;

static void *tally_get(void *ctx, size_t size) {
  tally *t = ctx;
  t->bytes += (int64_t)size;
  t->pieces++;
  return calloc(1, size);
}

static void tally_put(void *ctx, void *ptr, size_t size) {
  tally *t = ctx;
  if (ptr == NULL) return;
  t->bytes -= (int64_t)size;
  t->pieces--;
  free(ptr);
}

static void expect(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "bench_memory: %s\n", what);
  exit(1);
}

/* ---- a network without delay ---- */

static void post(uint32_t to, const al_input *in, const uint8_t *frame) {
  expect(count < QUEUE, "too much is under way");
  delivery *d = &queue[(head + count++) % QUEUE];
  *d = (delivery){.to = to, .in = *in};
  if (frame == NULL) return;
  d->frame = malloc(AL_FRAME_BYTES);
  expect(d->frame != NULL, "memory");
  memcpy(d->frame, frame, AL_FRAME_BYTES);
}

static void drain(uint32_t me);

static void dial(uint32_t me, al_link link, al_bytes address) {
  uint8_t binding[32] = {1};
  uint32_t peer = 0;
  while (peer < NODES && (hosts[peer].address_len != address.len ||
                          memcmp(hosts[peer].address, address.ptr, address.len) != 0))
    peer++;
  expect(peer < NODES, "an address of nobody");
  hosts[me].links[al_slab_index(link)] = (wire){peer, 0};
  al_input in = {.kind = AL_IN_LINK_UP, .link = link};
  memcpy(in.u.binding, binding, sizeof binding);
  post(me, &in, NULL);
}

/* The far end hears of a link when this one does. */
static void connect(uint32_t me, al_link link) {
  uint8_t binding[32] = {1};
  wire *w = &hosts[me].links[al_slab_index(link)];
  host *p = &hosts[w->peer];
  al_link far;
  expect(al_node_accept(p->node, work, now, binding, &far) == AL_OK, "accept");
  p->links[al_slab_index(far)] = (wire){me, link};
  w->far = far;
  drain(w->peer);
  al_input in = {.kind = AL_IN_LINK_CREDIT, .link = far};
  in.u.credit_bytes = 1u << 30;
  post(w->peer, &in, NULL);
  in.link = link;
  post(me, &in, NULL);
}

static void event(uint32_t me, const al_event *ev) {
  al_input in = {.kind = AL_IN_TICK};
  (void)in;
  if (ev->kind == AL_EV_STREAM_OPEN) opened++;
  if (ev->kind == AL_EV_STREAM_RESET && me == HUB)
    fprintf(stderr, "stream reset: %s\n", al_reason_text(ev->reason));
}

static void drain(uint32_t me) {
  al_effect fx;
  al_stream asked[16];
  uint32_t asked_count = 0;
  while (al_work_next(work, &fx)) {
    wire *w = &hosts[me].links[al_slab_index(fx.link)];
    if (fx.kind == AL_FX_LINK_OPEN) dial(me, fx.link, fx.u.addr);
    if (fx.kind == AL_FX_LINK_CLOSE && w->far != 0) {
      al_input in = {.kind = AL_IN_LINK_DOWN, .link = w->far};
      in.u.down = AL_DOWN_PEER;
      post(w->peer, &in, NULL);
    }
    if (fx.kind == AL_FX_TX) {
      al_input in = {.kind = AL_IN_RX, .link = w->far};
      in.u.rx.len = AL_FRAME_BYTES;
      post(w->peer, &in, al_buf_ptr(work, fx.u.tx.buf));
      al_buf_drop(work, fx.u.tx.buf);
    }
    if (fx.kind == AL_FX_EVENT) event(me, &fx.u.event);
    if (fx.kind == AL_FX_EVENT && fx.u.event.kind == AL_EV_STREAM_REQUEST && asked_count < 16)
      asked[asked_count++] = fx.u.event.stream;
  }
  for (uint32_t i = 0; i < asked_count; i++) {
    (void)al_stream_accept(hosts[me].node, work, now, asked[i]);
    drain(me);
  }
}

static void settle(void) {
  while (count > 0) {
    delivery d = queue[head];
    head = (head + 1) % QUEUE;
    count--;
    d.in.now = now;
    if (d.in.kind == AL_IN_LINK_UP) connect(d.to, d.in.link);
    if (d.in.kind == AL_IN_RX) {
      d.in.u.rx.buf = al_buf_take(work);
      memcpy(al_buf_ptr(work, d.in.u.rx.buf), d.frame, AL_FRAME_BYTES);
      free(d.frame);
    }
    (void)al_node_input(hosts[d.to].node, work, &d.in);
    drain(d.to);
  }
}

static void run(al_time us) {
  for (al_time end = now + us; now < end; now += 20 * AL_MS) {
    for (uint32_t i = 0; i < NODES; i++) {
      if (hosts[i].node == NULL || al_node_deadline(hosts[i].node) > now) continue;
      al_input in = {.kind = AL_IN_TICK, .now = now};
      (void)al_node_input(hosts[i].node, work, &in);
      drain(i);
    }
    settle();
  }
}

/* ---- what is measured ---- */

static void start(uint32_t i, const al_limits *limits) {
  al_config c;
  host *h = &hosts[i];
  al_config_default(&c);
  c.suite = al_suite_null();
  c.simulation = true;
  c.padding = AL_PADDING_OFF;
  c.limits = *limits;
  c.shelf = shelf;
  memset(c.identity, (int)i + 1, sizeof c.identity);
  memset(c.seed, (int)i + 1, sizeof c.seed);
  c.wall_s = 1800000000;
  al_wr w = al_wr_init(h->address, sizeof h->address);
  al_address a = {.family = 4, .port = (uint16_t)(i + 1), .ip = {10, (uint8_t)i, 0, 1}};
  al_address_encode(&a, &w);
  h->address_len = w.len;
  c.addresses[0] = al_view(h->address, h->address_len);
  c.addresses_count = 1;
  if (i == EXIT) {
    c.exit_rules[0] = (al_exit_rule){.accept = true, .port_min = 0, .port_max = 65535};
    c.exit_rules_count = 1;
  }
  h->t = (tally){.a = {&h->t, tally_get, tally_put}};
  expect(al_node_new(&h->node, &h->t.a, &c, now) == AL_OK, "al_node_new");
}

static void join(uint32_t me, uint32_t to) {
  al_bytes address = al_view(hosts[to].address, hosts[to].address_len);
  expect(al_node_join(hosts[me].node, work, now, address) == AL_OK, "join");
  drain(me);
  settle();
}

static int64_t total(void) {
  int64_t sum = 0;
  for (uint32_t i = 0; i < NODES; i++) sum += hosts[i].t.bytes;
  return sum;
}

static void say(const char *profile, const char *what, double bytes) {
  printf("%-10s %-44s %10.0f\n", profile, what, bytes);
}

static void links(const char *profile) {
  al_node_info info;
  const host *h = &hosts[HUB];
  int64_t before = h->t.bytes;
  join(HUB, EXIT);
  int64_t first = h->t.bytes;
  for (uint32_t i = FIRST; i < NODES; i++) join(HUB, i);
  run(2 * AL_SECOND);
  al_inspect_node(h->node, &info);
  expect(info.links_up >= NODES - 1, "the hub is not linked to everybody");
  say(profile, "bytes of a node at its start", (double)before);
  say(profile, "... with one link", (double)first);
  char text[64];
  snprintf(text, sizeof text, "... with %u links", info.links_up);
  say(profile, text, (double)h->t.bytes);
  say(profile, "bytes of a link", (double)(h->t.bytes - first) / (info.links_up - 1));
}

static void circuits(const char *profile) {
  al_node_info info;
  al_target t = {.kind = AL_TARGET_IPV4, .port = 80, .host_len = 4, .host = {192, 0, 2, 1}};
  al_inspect_node(hosts[HUB].node, &info);
  uint32_t had = info.circuits_origin;
  int64_t hub = hosts[HUB].t.bytes, all = total();
  opened = 0;
  for (uint32_t i = 0; i < FLOWS; i++) {
    expect(al_stream_open(hosts[HUB].node, work, now, &t, i + 1, &flows[i]) == AL_OK, "open");
    drain(HUB);
    settle();
  }
  run(2 * AL_SECOND);
  expect(opened == FLOWS, "streams were not opened");
  al_inspect_node(hosts[HUB].node, &info);
  uint32_t more = info.circuits_origin - had;
  say(profile, "bytes of a stream and its circuit: origin",
      (double)(hosts[HUB].t.bytes - hub) / FLOWS);
  say(profile, "... at all parties", (double)(total() - all) / FLOWS);
  say(profile, "... new circuits", more);
}

static void profile(const char *name, const al_limits *limits) {
  now = AL_SECOND;
  expect(al_work_new(&work, &(al_alloc){&hosts[0].t, tally_get, tally_put}, 4096, 4096) == AL_OK,
         "work");
  tally st = {0};
  st.a = (al_alloc){&st, tally_get, tally_put};
  if (limits->lean)
    expect(al_shelf_new(&shelf, &st.a, al_suite_null(), (const uint8_t[16]){1}) == AL_OK, "shelf");
  for (uint32_t i = 0; i < NODES; i++) start(i, limits);
  links(name);
  circuits(name);
  double record = 0;
  if (shelf != NULL) record = (double)al_shelf_look(shelf).bytes / al_shelf_look(shelf).records;
  for (uint32_t i = 0; i < NODES; i++) {
    al_node_free(hosts[i].node, work);
    memset(&hosts[i], 0, sizeof hosts[i]);
  }
  if (shelf != NULL) {
    say(name, "bytes of a record on the shelf", record);
    say(name, "bytes of the shelf, room for messages included", (double)st.bytes);
  }
  al_shelf_free(shelf);
  shelf = NULL;
  al_work_free(work);
}

static void sizes(void) {
  printf("%-10s %-44s %10zu\n", "sizeof", "al_node", sizeof(al_node));
#define SIZE(type, field) \
  printf("%-10s %-44s %10zu\n", "sizeof", "al_node." #field, sizeof(((al_node *)0)->field))
  SIZE(al_node, counters);
  SIZE(al_node, identity);
  SIZE(al_node, book);
  SIZE(al_node, links);
  SIZE(al_node, gossip);
  SIZE(al_node, onion);
  SIZE(al_node, rng);
  printf("%-10s %-44s %10zu\n", "sizeof", "al_link_session", sizeof(al_link_session));
  printf("%-10s %-44s %10zu\n", "sizeof", "node_neighbour", sizeof(node_neighbour));
#undef SIZE
}

int main(void) {
  al_config c;
  al_config_default(&c);
  sizes();
  profile("default", &c.limits);
  al_limits_small(&c.limits);
  profile("small", &c.limits);
  return 0;
}
