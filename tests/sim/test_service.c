/* test_service.c — services between real cores in virtual time: expose, fetch the descriptor, meet,
 * carry streams, lose circuits and go on. Arguments: seed nodes suite(null|real). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allium/al_service.h"
#include "world.h"
#include "tap.h"

enum {
  NODES_MAX = 64,
  RECORDS = 64,
  SERVICE = 1,
  CLIENT = 2,
  BYTES = 300000,
  BYTES_KILL = 3000000
};

typedef struct flow {
  al_stream stream;
  uint64_t sent, got, wrong;
  bool opened, reset, fin;
  al_reason why;
  al_time asked, opened_at, first_at;
} flow;

static struct {
  flow flow;
  uint32_t service_events, requests, service;
  uint16_t port;
  uint64_t want;
  size_t early; /* bytes that came with the last request */
  uint8_t bytes[AL_SERVICE_EARLY_MAX];
} t;

static uint8_t byte_at(uint64_t i) { return (uint8_t)(i * 31 + i / 251); }

static void run(world *w, uint32_t nodes, al_time us) {
  (void)nodes;
  world_run(w, world_now(w) + us);
}

static void feed(world *w) {
  al_drive *d = world_drive(w, CLIENT);
  uint8_t chunk[4096];
  size_t taken = sizeof chunk;
  while (taken == sizeof chunk && t.flow.sent < t.want) {
    size_t len =
        t.want - t.flow.sent < sizeof chunk ? (size_t)(t.want - t.flow.sent) : sizeof chunk;
    for (size_t i = 0; i < len; i++) chunk[i] = byte_at(t.flow.sent + i);
    taken = 0;
    if (al_stream_write(al_drive_node(d), al_drive_work(d), world_now(w), t.flow.stream,
                        (al_bytes){chunk, len}, &taken) != AL_OK)
      return;
    t.flow.sent += taken;
    if (t.flow.sent == t.want)
      (void)al_stream_shut(al_drive_node(d), al_drive_work(d), world_now(w), t.flow.stream);
  }
}

static void at_service(world *w, uint32_t node, const al_event *ev) {
  al_drive *d = world_drive(w, node);
  al_node *n = al_drive_node(d);
  al_work *k = al_drive_work(d);
  size_t taken = 0;
  if (ev->kind == AL_EV_STREAM_REQUEST) {
    t.requests++;
    t.port = ev->target->port;
    if (ev->service != t.service) {
      al_stream_reset(n, k, world_now(w), ev->stream, AL_REASON_POLICY);
      return;
    }
    t.early = ev->data.len;
    if (t.early != 0) memcpy(t.bytes, ev->data.ptr, t.early); /* good until the next command */
    (void)al_stream_accept(n, k, world_now(w), ev->stream);
    (void)al_stream_write(n, k, world_now(w), ev->stream, (al_bytes){t.bytes, t.early}, &taken);
    (void)al_stream_consume(n, k, world_now(w), ev->stream, t.early);
  } else if (ev->kind == AL_EV_STREAM_DATA) {
    (void)al_stream_write(n, k, world_now(w), ev->stream, ev->data, &taken);
    if (taken != ev->data.len) printf("# echo took %zu of %zu\n", taken, ev->data.len);
    (void)al_stream_consume(n, k, world_now(w), ev->stream, ev->data.len);
  } else if (ev->kind == AL_EV_STREAM_FIN) {
    (void)al_stream_shut(n, k, world_now(w), ev->stream);
  }
}

static void on_event(void *ctx, world *w, uint32_t node, const al_event *ev) {
  (void)ctx;
  flow *f = &t.flow;
  if (ev->kind == AL_EV_SERVICE) t.service_events++;
  if (ev->stream == 0) return;
  if (node == SERVICE) at_service(w, node, ev);
  if (node != CLIENT || ev->stream != f->stream) return;
  if (ev->kind == AL_EV_STREAM_OPEN) {
    f->opened = true;
    f->opened_at = world_now(w);
  }
  if (ev->kind == AL_EV_STREAM_OPEN || ev->kind == AL_EV_STREAM_WRITABLE) feed(w);
  if (ev->kind == AL_EV_STREAM_FIN) f->fin = true;
  if (ev->kind == AL_EV_STREAM_RESET) {
    f->reset = true;
    f->why = ev->reason;
  }
  if (ev->kind != AL_EV_STREAM_DATA) return;
  if (f->got == 0) f->first_at = world_now(w);
  for (size_t i = 0; i < ev->data.len; i++) f->wrong += ev->data.ptr[i] != byte_at(f->got + i);
  f->got += ev->data.len;
  al_drive *d = world_drive(w, node);
  (void)al_stream_consume(al_drive_node(d), al_drive_work(d), world_now(w), ev->stream,
                          ev->data.len);
}

enum { EARLY = 500 };

static bool expected(world *w, const uint8_t *address, uint64_t isolation, uint16_t port) {
  const al_service_to to = {.address = address, .port = port, .isolation = isolation};
  return al_service_expected(al_drive_node(world_drive(w, CLIENT)), &to);
}

static void open_with(world *w, const al_service_to *to, uint64_t bytes) {
  al_drive *d = world_drive(w, CLIENT);
  memset(&t.flow, 0, sizeof t.flow);
  t.flow.asked = world_now(w);
  t.flow.sent = to->early.len;
  t.want = bytes;
  al_err e = al_service_open(al_drive_node(d), al_drive_work(d), world_now(w), to, &t.flow.stream);
  if (e != AL_OK) printf("# open: %s\n", al_err_text(e));
  al_drive_pump(d);
}

/* The first bytes go early. */
static void open_stream(world *w, const uint8_t *address, uint64_t isolation, uint64_t bytes) {
  uint8_t early[EARLY];
  const al_service_to to = {
      .address = address, .port = 80, .isolation = isolation, .early = {early, sizeof early}};
  for (size_t i = 0; i < sizeof early; i++) early[i] = byte_at(i);
  open_with(w, &to, bytes);
}

static void say(const char *what) {
  printf("# %s: opened %d after %.1f ms, got %llu, reset %d (%s)\n", what, t.flow.opened,
         t.flow.opened ? (double)(t.flow.opened_at - t.flow.asked) / 1000 : 0,
         (unsigned long long)t.flow.got, t.flow.reset, al_reason_text(t.flow.why));
}

/* The node at a hop of the youngest own circuit of a node that carries a transfer. */
static uint32_t hop_of(world *w, uint32_t nodes, uint32_t node, uint32_t hop) {
  al_circuit_info c, best = {.age_us = UINT64_MAX};
  const al_node *n = al_drive_node(world_drive(w, node));
  for (uint32_t i = 0; al_inspect_circuit(n, i, &c); i++)
    if (c.role == AL_CIRCUIT_ORIGIN && c.open && c.cells_rx > 300 && c.age_us < best.age_us)
      best = c;
  for (uint32_t i = 0; i < nodes; i++) {
    al_node_info info;
    if (al_drive_node(world_drive(w, i)) == NULL) continue;
    al_inspect_node(al_drive_node(world_drive(w, i)), &info);
    if (memcmp(&info.id, &best.path[hop], sizeof info.id) == 0) return i;
  }
  return nodes;
}

/* A relay dies, or falls silent, in the middle of a transfer: guard, middle and rendezvous of the
 * client, middle and guard of the service. */
static void kill_hops(world *w, uint32_t nodes, const uint8_t *address) {
  static const struct {
    uint32_t node, hop;
    bool cut;
    const char *what;
  } cases[] = {{CLIENT, 2, false, "the rendezvous dies"},
               {CLIENT, 1, false, "the client's middle dies"},
               {CLIENT, 0, false, "the client's guard dies"},
               {SERVICE, 1, false, "the service's middle dies"},
               {SERVICE, 0, false, "the service's guard dies"},
               {CLIENT, 2, true, "the rendezvous falls silent"},
               {CLIENT, 1, true, "the client's middle falls silent"}};
  for (uint32_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    open_stream(w, address, 50 + k, BYTES_KILL);
    for (int i = 0; i < 400 && t.flow.got < BYTES_KILL / 4; i++) run(w, nodes, 20000);
    uint32_t victim = hop_of(w, nodes, cases[k].node, cases[k].hop);
    uint64_t before = t.flow.got;
    al_time at = world_now(w);
    if (victim != SERVICE && victim != CLIENT && victim < nodes) {
      if (cases[k].cut)
        world_cut(w, victim, true);
      else
        world_stop(w, victim, false);
    }
    run(w, nodes, 100000);
    uint64_t got = t.flow.got;
    for (int i = 0; i < 2000 && t.flow.got < before + 400000 && !t.flow.reset; i++)
      run(w, nodes, 10000);
    double ms = (double)(world_now(w) - at) / 1000;
    run(w, nodes, 20 * AL_SECOND);
    printf("# %s: node %u at %llu bytes (%llu), 400 kB later after %.0f ms, reset %d\n",
           cases[k].what, victim, (unsigned long long)before, (unsigned long long)got, ms,
           t.flow.reset);
    tap_ok(t.flow.got == BYTES_KILL && t.flow.wrong == 0, "%s: every byte comes, once",
           cases[k].what);
    if (victim != SERVICE && victim != CLIENT && victim < nodes) {
      if (cases[k].cut)
        world_cut(w, victim, false);
      else
        world_start(w, victim);
      if (!cases[k].cut) world_join(w, victim, victim == 0 ? 3 : 0);
    }
    run(w, nodes, 40 * AL_SECOND);
  }
}

/* Over the change of the period, of the KEM key and of the relays' onion keys, by a client that has
 * nothing at hand any more. */
static void days(world *w, uint32_t nodes, const uint8_t *address) {
  for (uint32_t h = 3; h <= 27; h += 3) {
    run(w, nodes, 3 * 3600 * AL_SECOND);
    open_stream(w, address, 1000 + h, BYTES);
    run(w, nodes, 20 * AL_SECOND);
    tap_ok(t.flow.got == BYTES && t.flow.wrong == 0, "after %u hours a client reaches it", h);
    say("  it");
  }
}

/* The service's node dies in the middle of a stream and comes back: it knows nothing of its
 * sessions. A stream that was opened meanwhile goes on in a new one, the old one ends. */
static void forgotten(world *w, uint32_t nodes, const uint8_t *address) {
  const uint8_t root[32] = {7};
  const al_service_config c = {.root = root};
  const al_service_to bare = {.address = address, .port = 80, .isolation = 1};
  uint64_t moved = world_counter_of(w, CLIENT, "stream_moved");
  open_stream(w, address, 1, BYTES_KILL);
  for (int i = 0; i < 400 && t.flow.got < BYTES_KILL / 4; i++) run(w, nodes, 20000);
  tap_ok(t.flow.got > 0 && t.flow.got < BYTES_KILL, "a service dies in the middle of a stream");
  world_stop(w, SERVICE, false);
  world_start(w, SERVICE);
  world_join(w, SERVICE, 0);
  al_drive *d = world_drive(w, SERVICE);
  (void)al_service_add(al_drive_node(d), al_drive_work(d), world_now(w), &c, &t.service);
  al_drive_pump(d);
  open_with(w, &bare, BYTES);
  run(w, nodes, 20 * AL_SECOND);
  say("after the restart");
  tap_ok(t.flow.got == BYTES && t.flow.wrong == 0,
         "a stream that was opened meanwhile goes on in a new session");
  tap_ok(world_counter_of(w, CLIENT, "stream_moved") > moved, "stream_moved counts it");
}

int main(int argc, char **argv) {
  world_options o;
  world_options_default(&o);
  o.seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  o.nodes = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 12;
  if (argc > 3 && strcmp(argv[3], "real") == 0) o.suite = al_suite_hacl();
  if (argc > 4) o.delay_us = (uint32_t)strtoul(argv[4], NULL, 10);
  world *w = world_new(&o, on_event, NULL);
  uint32_t bufs = world_bufs_free(w);
  for (uint32_t i = 0; i < o.nodes; i++) {
    world_start(w, i);
    if (i > 0) world_join(w, i, 0);
    run(w, i + 1, 50000);
  }
  run(w, o.nodes, 40 * AL_SECOND);
  uint8_t root[32] = {7}, address[AL_SERVICE_ADDRESS_BYTES];
  al_drive *d = world_drive(w, SERVICE);
  const al_service_config c = {.root = root};
  tap_ok(al_service_add(al_drive_node(d), al_drive_work(d), world_now(w), &c, &t.service) == AL_OK,
         "a service is exposed");
  al_drive_pump(d);
  run(w, o.nodes, 5 * AL_SECOND);
  al_service_info info;
  tap_ok(al_service_look(al_drive_node(d), t.service, &info) && info.published && info.intros == 3,
         "it has three introduction points and is published (%u)", info.intros);
  tap_is_u64(t.service_events, 1, "and its host was told");
  al_service_address(world_suite(w), root, address);
  tap_is_mem(info.address, address, sizeof address, "under its address");

  open_stream(w, address, 1, BYTES);
  run(w, o.nodes, 10 * AL_SECOND);
  say("first");
  tap_ok(t.flow.opened && t.port == 80, "a client reaches it");
  tap_is_u64(t.flow.got, BYTES, "every byte came back");
  tap_is_u64(t.flow.wrong, 0, "and none was wrong");
  tap_ok(t.flow.fin, "and the end came");
  tap_ok(expected(w, address, 1, 80), "another stream is expected to be accepted");
  tap_ok(!expected(w, address, 1, 81) && !expected(w, address, 2, 80),
         "but none to another port, or of another isolation");

  open_stream(w, address, 1, BYTES);
  run(w, o.nodes, 10 * AL_SECOND);
  say("same session");
  tap_is_u64(t.flow.got, BYTES, "a second stream over the same session");
  tap_is_u64(t.early, EARLY, "its first bytes came with the request");
  tap_ok(t.flow.first_at < t.flow.opened_at + 10 * AL_MS, "so the answer is a round trip away");

  open_stream(w, address, 2, BYTES);
  run(w, o.nodes, 10 * AL_SECOND);
  say("another isolation");
  tap_is_u64(t.flow.got, BYTES, "a stream with another isolation");

  forgotten(w, o.nodes, address);
  if (argc > 5 && strcmp(argv[5], "deaths") == 0) kill_hops(w, o.nodes, address);
  if (argc > 5 && strcmp(argv[5], "days") == 0) days(w, o.nodes, address);

  uint8_t nobody[AL_SERVICE_ADDRESS_BYTES];
  root[0] = 8;
  al_service_address(world_suite(w), root, nobody);
  open_stream(w, nobody, 1, BYTES);
  run(w, o.nodes, 15 * AL_SECOND);
  say("nobody");
  tap_ok(t.flow.reset && t.flow.why == AL_REASON_NO_SERVICE, "nobody is there: not found");

  for (uint32_t i = 0; i < o.nodes; i++) world_stop(w, i, true);
  tap_is_u64(world_bufs_free(w), bufs, "every packet buffer came back");
  world_free(w);
  return tap_done();
}
