/* What a node does with messages of services that are garbage, out of place, too many or repeated:
 * nothing, and it counts them. The parts are called as the node calls them. */
#include <stdlib.h>

#include "node/visit.h"
#include "tap.h"

static void *get(void *ctx, size_t size) {
  (void)ctx;
  return calloc(1, size);
}

static void put(void *ctx, void *p, size_t size) {
  (void)ctx;
  (void)size;
  free(p);
}

static const al_alloc heap = {NULL, get, put};
static al_node *n;
static al_work *w;

static uint64_t count(al_counter c) { return n->counters.v[c]; }

static al_reason setup(uint32_t circ, uint8_t op, uint32_t name, size_t len) {
  uint8_t data[AL_MEET_BYTES_MAX] = {op};
  al_store_u32(data + 1, name);
  return al_node_meet_setup(n, w, circ, al_view(data, len));
}

static void as_relay(void) {
  tap_ok(setup(1, 99, 0, 40) == AL_REASON_PROTOCOL, "garbage in a set-up packet is refused");
  tap_ok(setup(1, AL_MEET_JOINED, 0, 49) == AL_REASON_PROTOCOL, "so is what belongs elsewhere");
  tap_is_u64(count(AL_COUNT_meet_parse), 2, "meet_parse counts");
  tap_ok(setup(1, AL_MEET_JOIN, 7, 69) == AL_REASON_NO_SERVICE, "nobody waits by this cookie");
  tap_ok(setup(1, AL_MEET_INTRODUCE, 7, 1313) == AL_REASON_NO_SERVICE, "nobody listens by this");
  tap_is_u64(count(AL_COUNT_meet_unknown), 2, "meet_unknown counts");
  uint32_t taken = 0;
  for (uint32_t i = 1; i <= n->meetings_max + 5; i++)
    taken += setup(i, AL_MEET_RENDEZVOUS, i, 21) == AL_REASON_DONE;
  tap_is_u64(taken, n->meetings_max, "as many wait as there are places");
  tap_is_u64(count(AL_COUNT_meet_full), 5, "meet_full counts");
  tap_ok(setup(3, AL_MEET_RENDEZVOUS, 12345, 21) == AL_REASON_DONE, "one may wait for another");
  for (uint32_t i = 1; i <= n->meetings_max; i++) al_node_meet_gone(n, i);
  tap_is_u64(n->meetings_used, 0, "who is gone waits no more");
}

static void too_many(void) {
  uint8_t secret[32], id[32], data[AL_MEET_BYTES_MAX] = {AL_MEET_LISTEN};
  al_rng_bytes(&n->rng, secret, sizeof secret);
  al_intro_id(n->suite, secret, id);
  memcpy(data + 1, secret, sizeof secret);
  tap_ok(al_node_meet_setup(n, w, 5, al_view(data, 33)) == AL_REASON_DONE, "somebody listens");
  data[0] = AL_MEET_INTRODUCE;
  memcpy(data + 1, id, sizeof id);
  for (int i = 0; i < NODE_LISTEN_RATE + 3; i++)
    tap_count += al_node_meet_setup(n, w, 6, al_view(data, 1313)) == AL_REASON_DONE;
  tap_is_u64(count(AL_COUNT_meet_rate), 3, "meet_rate counts what is too much in a second");
  al_node_meet_gone(n, 5);
}

static void as_service(void) {
  uint8_t root[32] = {4}, in[AL_MEET_REQUEST_BYTES] = {0};
  uint32_t handle;
  const al_service_config c = {.root = root};
  tap_ok(al_service_add(n, w, n->now, &c, &handle) == AL_OK, "a service, alone in the world");
  tap_ok(al_service_add(n, w, n->now, &c, &handle) == AL_ESTATE, "not twice");
  node_trip *t = &n->meets->trips[100];
  *t = (node_trip){.kind = TRIP_LISTEN, .state = TRIP_OPEN, .owner = n->meets->services[0]->self};
  al_node_service_request(n, w, 101, in);
  tap_is_u64(count(AL_COUNT_service_auth), 1, "service_auth counts what does not open");
  al_node_service_request(n, w, 101, in);
  tap_is_u64(count(AL_COUNT_service_replay), 1, "service_replay counts what came before");
  for (uint32_t i = 1; i < AL_GATE_BURST + 10; i++) {
    al_store_u32(in + 30, i);
    al_node_service_request(n, w, 101, in);
  }
  tap_is_u64(count(AL_COUNT_service_full), 1, "service_full counts the first beyond the rate");
  tap_ok(count(AL_COUNT_service_work) >= 8, "service_work counts what shows no work then");
  al_service_info info;
  tap_ok(al_service_look(n, n->meets->services[0]->self, &info) && info.puzzle_bits == 8 &&
             info.refused != 0,
         "and it is told");
  al_node_trip_forget(n, t);
}

static void as_client(void) {
  uint8_t root[32] = {5}, address[AL_SERVICE_ADDRESS_BYTES], answer[48] = {9}, payload[1068] = {2};
  al_stream s;
  al_service_address(n->suite, root, address);
  al_service_to to = {.address = address, .port = 80};
  tap_ok(al_service_open(n, w, n->now, &to, &s) == AL_OK, "a client, without anybody");
  al_effect fx;
  bool reset = false;
  while (al_work_next(w, &fx))
    reset = reset || (fx.kind == AL_FX_EVENT && fx.u.event.kind == AL_EV_STREAM_RESET &&
                      fx.u.event.stream == s && fx.u.event.reason == AL_REASON_NO_PATH);
  tap_ok(reset, "is told that there is no path");
  to.port = 0;
  tap_ok(al_service_open(n, w, n->now, &to, &s) == AL_EINVAL, "port 0 is none");
  to.port = 80;
  address[3] ^= 1;
  tap_ok(al_service_open(n, w, n->now, &to, &s) == AL_EINVAL, "nor is this an address");
  node_visit *v = calloc(1, sizeof *v);
  node_trip *t = &n->meets->trips[120];
  v->session = al_node_session_new(n, true);
  v->session->visit = v;
  v->state = VISIT_FETCH;
  v->fetches = 3;
  v->token = 77;
  v->deadline = AL_TIME_NEVER;
  v->wait_trip = 121;
  n->meets->visits[9] = v;
  *t = (node_trip){.kind = TRIP_WAIT, .state = TRIP_OPEN, .owner = 10};
  al_node_desc_got(n, w, 77 << 1 | 1, al_view(answer, sizeof answer));
  tap_is_u64(count(AL_COUNT_visit_descriptor), 1, "visit_descriptor counts what is no record");
  al_node_visit_joined(n, w, 121, answer);
  tap_is_u64(count(AL_COUNT_visit_answer), 1, "visit_answer counts what is not the service's");
  al_node_session_rx(n, w, 121, al_buf_take(w), payload);
  tap_is_u64(count(AL_COUNT_sealed_auth), 1, "sealed_auth counts what is not the other end's");
}

int main(void) {
  al_config c;
  al_config_default(&c);
  c.suite = al_suite_null();
  c.simulation = true;
  c.limits.circuits_max = 256;
  c.limits.links_max = 8;
  c.limits.streams_max = 64;
  c.limits.peers_max = 16;
  c.limits.stream_window = 65536;
  c.limits.replay_tags_max = 64;
  c.wall_s = 1800000000;
  memset(c.identity, 3, sizeof c.identity);
  if (al_work_new(&w, &heap, 256, 1024) != AL_OK || al_node_new(&n, &heap, &c, 1000) != AL_OK)
    return 1;
  const al_input in = {.kind = AL_IN_TICK, .now = 2000000};
  al_effect fx;
  (void)al_node_input(n, w, &in);
  while (al_work_next(w, &fx)) continue;
  as_relay();
  too_many();
  as_service();
  while (al_work_next(w, &fx)) continue;
  as_client();
  while (al_work_next(w, &fx)) continue;
  al_node_free(n, w);
  al_work_free(w);
  return tap_done();
}
