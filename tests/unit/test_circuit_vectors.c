/* The frozen circuit of the Python model, run through tables of circuits: the answers of its hops,
 * a cell each way. Argument: tests/vectors. */
#include "test_circuit_net.h"
#include "test_wire_vectors.h"

enum { HOPS = 3 };

static net world;

static void copy(void *dst, al_bytes b, size_t len) {
  if (b.len != len) vec_die("wrong length", "circuit.txt");
  memcpy(dst, b.ptr, len);
}

static uint64_t number(al_bytes b) {
  if (b.len != 8) vec_die("not a number", "circuit.txt");
  return al_load_u64(b.ptr);
}

static al_circuit_item *item(int i) {
  return al_circuit_get(&world.node[i].cs, world.node[i].circ);
}

/* A circuit whose origin asked with the vector's secrets, and whose relays hold its answers. */
static uint32_t install(net *n) {
  net_packet packet;
  uint8_t cell[AL_CELL_BYTES];
  bool good = net_open(n, HOPS, &packet) && net_extend_all(n, HOPS, &packet, cell);
  for (int i = 0; good && i < HOPS; i++) {
    al_circuit_hop *own = item(0)->hop[i], *hop = item(i + 1)->hop[0];
    copy(own->id.b, vec("%d.id", i), 32);
    copy(own->u.asked.secret, vec("%d.secret", i), 32);
    copy(own->u.asked.x_secret, vec("%d.x_sk", i), 32);
    copy(own->u.asked.x, vec("%d.x", i), 32);
    if (i + 1 < HOPS) {
      copy(hop->u.held.y, vec("%d.y", i), 32);
      copy(hop->u.held.confirm, vec("%d.confirm", i), AL_HOP_CONFIRM_BYTES);
      copy(hop->u.held.created_key, vec("%d.created", i), 32);
    }
    al_wide_init(n->suite, vec("%d.forward", i).ptr, &hop->forward);
    al_wide_init(n->suite, vec("%d.backward", i).ptr, &hop->backward);
    hop->forward_offset = number(vec("%d.forward_offset", i));
    hop->backward_offset = number(vec("%d.backward_offset", i));
  }
  tap_ok(good, "the circuit is installed");
  return item(HOPS - 1)->side[AL_CIRCUIT_FORWARD].id;
}

static bool body_is(const uint8_t *cell, al_bytes want) {
  return vec_is(want, cell + AL_CELL_HEADER_BYTES, AL_CELL_PAYLOAD_BYTES);
}

static void test_created(net *n, uint32_t id) {
  uint8_t cell[AL_CELL_BYTES];
  al_circuit_out out;
  const al_cell_header h = {.id = id, .type = AL_CELL_CREATED};
  al_cell_encode(&h, cell);
  copy(cell + AL_CELL_HEADER_BYTES, vec("created.2"), AL_CELL_PAYLOAD_BYTES);
  for (int i = HOPS - 1; i > 0; i--)
    tap_ok(al_circuit_peel(&n->node[i].cs, n->now, NET_NEXT, cell, &out) == AL_CIRCUIT_SEND &&
               body_is(cell, vec("created.%d", i - 1)),
           "relay %d wraps CREATED as the model does", i);
  tap_ok(al_circuit_peel(&n->node[0].cs, n->now, NET_NEXT, cell, &out) == AL_CIRCUIT_OPENED,
         "the origin takes it");
  for (int i = 0; i < HOPS; i++) {
    const al_circuit_hop *own = item(0)->hop[i], *hop = item(i + 1)->hop[0];
    tap_ok(memcmp(&own->forward, &hop->forward, sizeof own->forward) == 0 &&
               memcmp(&own->backward, &hop->backward, sizeof own->backward) == 0 &&
               own->forward_offset == hop->forward_offset &&
               own->backward_offset == hop->backward_offset,
           "and has the model's keys for hop %d", i + 1);
  }
}

static bool counter_is(const uint8_t *cell, al_bytes want) {
  al_cell_header h;
  return al_cell_decode(cell, &h) == AL_OK && h.type == AL_CELL_CIRCUIT &&
         h.counter == number(want);
}

static void test_forward(net *n) {
  uint8_t cell[AL_CELL_BYTES];
  al_circuit_out out;
  al_cell_header h = {.id = item(1)->side[AL_CIRCUIT_BACKWARD].id,
                      .type = AL_CELL_CIRCUIT,
                      .counter = number(vec("forward.counter"))};
  al_cell_encode(&h, cell);
  copy(cell + AL_CELL_HEADER_BYTES, vec("forward.0.body"), AL_CELL_PAYLOAD_BYTES);
  for (int i = 1; i < HOPS; i++)
    tap_ok(al_circuit_peel(&n->node[i].cs, n->now, NET_PREV, cell, &out) == AL_CIRCUIT_HOLD &&
               body_is(cell, vec("forward.%d.body", i)) &&
               counter_is(cell, vec("forward.%d.counter", i)),
           "hop %d passes on what the model says", i);
  tap_ok(al_circuit_peel(&n->node[HOPS].cs, n->now, NET_PREV, cell, &out) == AL_CIRCUIT_DELIVER &&
             body_is(cell, vec("forward.plain")),
         "the end reads the plain cell");
}

static void test_backward(net *n) {
  uint8_t cell[AL_CELL_BYTES];
  al_circuit_out out;
  al_link link;
  item(HOPS)->spoken = number(vec("backward.counter"));
  copy(cell + AL_CELL_HEADER_BYTES, vec("backward.plain"), AL_CELL_PAYLOAD_BYTES);
  bool good = al_circuit_seal(&n->node[HOPS].cs, n->node[HOPS].circ, 0, cell, &link) == AL_OK;
  for (int i = HOPS - 1; i >= 0; i--) {
    tap_ok(good && body_is(cell, vec("backward.%d.body", i)) &&
               counter_is(cell, vec("backward.%d.counter", i)),
           "hop %d sends back what the model says", i + 1);
    if (i > 0)
      good = al_circuit_peel(&n->node[i].cs, n->now, NET_NEXT, cell, &out) == AL_CIRCUIT_HOLD;
  }
  tap_ok(al_circuit_peel(&n->node[0].cs, n->now, NET_NEXT, cell, &out) == AL_CIRCUIT_DELIVER &&
             out.hop == HOPS && body_is(cell, vec("backward.plain")),
         "the origin reads the plain cell, from the last hop");
}

/* The origin's layers against the model's hops: what it seals is what they take off. */
static void test_seal(net *n) {
  uint8_t cell[AL_CELL_BYTES];
  al_circuit_out out;
  for (int i = 1; i <= HOPS; i++) item(i)->hop[0]->begun = false;
  for (int i = 1; i <= HOPS; i++) al_window_init(&item(i)->hop[0]->u.window, 48);
  int at = 1;
  tap_ok(net_seal(n, HOPS, 7, cell) && net_run(n, &at, true, cell, &out) == AL_CIRCUIT_DELIVER &&
             at == HOPS && net_is_payload(out.payload, 7),
         "what the origin seals they read");
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  vec_load(argv[1], "circuit.txt");
  net *n = &world;
  net_init(n, al_suite_hacl(), 1);
  net_start_all(n);
  uint32_t id = install(n);
  test_created(n, id);
  test_forward(n);
  test_backward(n);
  test_seal(n);
  net_clear(n);
  return tap_done();
}
