/* test_hostile_circuits.c — set-up packets and circuits of somebody who does as he likes: garbage,
 * replays, wrong commands, cells that lie, floods; and a relay in the middle of honest circuits
 * that drops, alters, repeats and swaps cells. Argument: seed. */
#include <stdlib.h>
#include <string.h>

#include "circuit/upkeep.h"
#include "scene.h"
#include "shake/resume.h"
#include "sphinx/sphinx_priv.h"

/* ---- set-up packets ---- */

static void send_packet(scene *s, uint32_t id, const uint8_t *packet) {
  s->h.destroy_why = 0;
  hostile_message(&s->h, SCENE_VICTIM, AL_MESSAGE_SPHINX, id, al_view(packet, AL_SPHINX_BYTES));
  scene_wait(s, 500 * AL_MS);
}

/* One more of this counter, and a DESTROY with this reason. */
static void refused(scene *s, const char *counter, uint64_t before, al_reason why,
                    const char *what) {
  bool counted = scene_count(s, counter) == before + 1;
  if (!tap_ok(counted && s->h.destroy_why == why, "%s: %s", counter, what))
    printf("# %s %u, %s\n", counter, (unsigned)(scene_count(s, counter) - before),
           al_reason_text(s->h.destroy_why));
}

static void test_garbage_packets(scene *s) {
  uint8_t packet[AL_SPHINX_BYTES];
  const uint32_t hops[1] = {SCENE_VICTIM};
  uint32_t id, spare;
  for (size_t i = 0; i < sizeof packet; i++) packet[i] = (uint8_t)(i * 7);
  uint64_t n = scene_count(s, "sphinx_parse");
  send_packet(s, 0x80000001, packet);
  refused(s, "sphinx_parse", n, AL_REASON_PROTOCOL, "a packet of another version");
  al_store_u16(packet, AL_SPHINX_VERSION);
  n = scene_count(s, "sphinx_auth");
  send_packet(s, 0x80000002, packet);
  refused(s, "sphinx_auth", n, AL_REASON_KEY, "a packet that no key opens");
  (void)hostile_packet(&s->h, hops, 1, packet, &id);
  packet[AL_SPHINX_BODY_AT + 700] ^= 1;
  n = scene_count(s, "sphinx_auth");
  send_packet(s, id, packet);
  refused(s, "sphinx_auth", n, AL_REASON_PROTOCOL, "a body that was altered on the way");
  (void)hostile_packet(&s->h, hops, 1, packet, &id);
  uint8_t again[AL_SPHINX_BYTES];
  memcpy(again, packet, sizeof again);
  uint32_t created = s->h.created;
  send_packet(s, id, packet);
  tap_is_u64(s->h.created - created, 1, "a good packet makes a circuit");
  n = scene_count(s, "sphinx_replay");
  (void)hostile_packet(&s->h, hops, 1, packet, &spare);
  send_packet(s, spare, again);
  refused(s, "sphinx_replay", n, AL_REASON_REPLAY, "the same packet again");
  n = scene_count(s, "circuit_state");
  send_packet(s, id, packet);
  refused(s, "circuit_state", n, AL_REASON_PROTOCOL, "an id that is in use");
  n = scene_count(s, "circuit_parse");
  (void)hostile_packet(&s->h, hops, 1, packet, &id);
  send_packet(s, id & 0x7fffffff, packet);
  refused(s, "circuit_parse", n, AL_REASON_PROTOCOL, "an id of the other side's kind");
}

/* A packet for the victim with any route in it. */
static void craft(scene *s, const al_route *route, uint8_t flip, uint8_t *packet) {
  static al_sphinx_coins coins;
  uint8_t ct[AL_KEM_CT_BYTES], ss[32], secrets[2][32];
  al_desc d;
  al_sphinx_keys keys;
  uint8_t buf[AL_DESC_BYTES_MAX];
  al_node *victim = world_node(s->w, SCENE_VICTIM);
  (void)al_desc_decode(al_inspect_descriptor(victim, buf, sizeof buf), &d);
  const uint8_t *pk = d.onion_pk[world_wall_s(s->w) / AL_EPOCH_S - d.epoch];
  al_sphinx_hop hops[2] = {{.onion_pk = pk}, {.onion_pk = pk, .id = route->next}};
  memcpy(hops[0].eph, route->eph, 32);
  const al_sphinx_spec spec = {.hops = hops, .hops_count = route->command == 1 ? 2 : 1};
  al_rng_bytes(&s->h.rng, coins.kem[0], sizeof coins.kem);
  if (al_sphinx_create_coins(s->h.suite, &coins, &spec, packet, secrets) != AL_OK) abort();
  if (s->h.suite->kem_enc(ct, ss, pk, coins.kem[0]) != AL_OK) abort();
  al_sphinx_derive(s->h.suite, ss, &keys);
  packet[AL_SPHINX_BETA_AT] ^= flip; /* a stream cipher: the command changes with it */
  s->h.suite->poly1305(packet + AL_SPHINX_MAC_AT, packet + AL_SPHINX_BETA_AT, AL_SPHINX_BETA_BYTES,
                       keys.mac);
}

static void test_routes(scene *s) {
  uint8_t packet[AL_SPHINX_BYTES];
  al_node_info info;
  al_route r = {.command = AL_ROUTE_CREATE_END, .eph = {9}};
  uint64_t n = scene_count(s, "sphinx_command");
  craft(s, &r, 9 ^ AL_ROUTE_CREATE_END, packet);
  send_packet(s, 0x80001001, packet);
  refused(s, "sphinx_command", n, AL_REASON_PROTOCOL, "a command that is not known");
  r = (al_route){.command = AL_ROUTE_CREATE, .eph = {9}, .next.b = {1, 2, 3}};
  n = scene_count(s, "sphinx_no_route");
  craft(s, &r, 0, packet);
  send_packet(s, 0x80001002, packet);
  refused(s, "sphinx_no_route", n, AL_REASON_NO_RELAY, "a next hop that nobody knows");
  al_inspect_node(world_node(s->w, SCENE_VICTIM), &info);
  r.next = info.id;
  n = scene_count(s, "circuit_parse");
  craft(s, &r, 0, packet);
  send_packet(s, 0x80001003, packet);
  refused(s, "circuit_parse", n, AL_REASON_PROTOCOL, "the next hop is the same node");
  r = (al_route){.command = AL_ROUTE_CREATE_END};
  n = scene_count(s, "circuit_auth");
  craft(s, &r, 0, packet);
  send_packet(s, 0x80001004, packet);
  refused(s, "circuit_auth", n, AL_REASON_PROTOCOL, "an ephemeral key that is none");
}

/* A relay that is asked to extend to a node that does not answer. */
static void test_dead_next_hop(scene *s) {
  uint8_t packet[AL_SPHINX_BYTES];
  const uint32_t hops[2] = {SCENE_VICTIM, 5};
  uint32_t id;
  uint64_t n = scene_count(s, "sphinx_no_route");
  (void)hostile_packet(&s->h, hops, 2, packet, &id);
  world_stop(s->w, 5, true);
  scene_wait(s, 2 * AL_SECOND);
  send_packet(s, id, packet);
  scene_wait(s, 20 * AL_SECOND);
  tap_ok(scene_count(s, "sphinx_no_route") > n || s->h.destroy_why == AL_REASON_TIMEOUT,
         "a next hop that is gone: told within 20 s (%s)", al_reason_text(s->h.destroy_why));
  tap_ok(s->h.destroy_why != 0, "with a reason");
  world_start(s->w, 5);
  scene_wait(s, 10 * AL_SECOND);
}

/* ---- cells of a circuit that is there ---- */

static uint64_t exit_count(const scene *s, const char *name) {
  return world_counter_of(s->w, SCENE_EXIT, name);
}

static void test_cells(scene *s, al_circ circ) {
  static uint8_t cell[AL_CELL_BYTES];
  uint8_t p[AL_RELAY_BYTES] = {0};
  uint64_t kind = exit_count(s, "node_relay_payload"), auth = exit_count(s, "circuit_auth");
  uint64_t replay = exit_count(s, "circuit_replay"), state = exit_count(s, "circuit_state");
  p[0] = 0; /* padding: allowed, no news */
  hostile_relay(&s->h, SCENE_EXIT, circ, 1, al_view(p, sizeof p));
  p[0] = 77;
  hostile_relay_cell(&s->h, circ, 1, al_view(p, sizeof p), cell);
  hostile_cell(&s->h, SCENE_EXIT, cell);
  hostile_cell(&s->h, SCENE_EXIT, cell);
  scene_wait(s, AL_SECOND);
  tap_is_u64(exit_count(s, "node_relay_payload") - kind, 1, "node_relay_payload: unknown kind");
  tap_is_u64(exit_count(s, "circuit_replay") - replay, 1, "circuit_replay: a repeated cell");
  hostile_relay_cell(&s->h, circ, 1, al_view(p, sizeof p), cell);
  cell[500] ^= 1;
  hostile_cell(&s->h, SCENE_EXIT, cell);
  scene_wait(s, AL_SECOND);
  tap_is_u64(exit_count(s, "circuit_auth") - auth, 1, "circuit_auth: an altered cell is noise");
  memset(cell + AL_CELL_HEADER_BYTES, 0, AL_CELL_PAYLOAD_BYTES);
  cell[4] = AL_CELL_CREATED;
  memset(cell + 6, 0, 6);
  hostile_cell(&s->h, SCENE_EXIT, cell);
  cell[4] = AL_CELL_CIRCUIT;
  memset(cell + 6, 0x80, 6); /* a counter far away */
  hostile_cell(&s->h, SCENE_EXIT, cell);
  scene_wait(s, AL_SECOND);
  tap_is_u64(exit_count(s, "circuit_state") - state, 2,
             "circuit_state: an answer twice, a counter out of all reach");
  uint64_t parse = exit_count(s, "circuit_parse");
  cell[4] = AL_CELL_DESTROY;
  memset(cell + 6, 0, 6);
  cell[100] = 1;
  hostile_cell(&s->h, SCENE_EXIT, cell);
  scene_wait(s, AL_SECOND);
  tap_is_u64(exit_count(s, "circuit_parse") - parse, 1, "circuit_parse: a DESTROY with contents");
}

/* Packets of a bundle: number, then frames as they come. */
static void packet(scene *s, al_circ circ, uint32_t number, const char *frames, size_t len) {
  uint8_t p[AL_RELAY_BYTES] = {1};
  al_store_u32(p + 1, number);
  memcpy(p + 5, frames, len);
  hostile_relay(&s->h, SCENE_EXIT, circ, 1, al_view(p, sizeof p));
  scene_wait(s, 200 * AL_MS);
}
#define PACKET(s, circ, number, frames) packet(s, circ, number, frames, sizeof(frames) - 1)

static void test_bundle(scene *s, al_circ circ) {
  uint64_t parse = exit_count(s, "stream_parse"), unknown = exit_count(s, "stream_unknown");
  uint64_t dup = exit_count(s, "stream_duplicate"), window = exit_count(s, "stream_window");
  uint64_t state = exit_count(s, "stream_state");
  uint32_t requests = s->t.requests, resets = s->t.exit_resets;
  PACKET(s, circ, 0, "\x63");                               /* no such frame */
  PACKET(s, circ, 1, "\x01\x09\0\0\0\0\0\0\0\0");           /* ACK of what was never sent */
  PACKET(s, circ, 2, "\x02\x01\0\0\0\0\0\0\0P\0\x01\x01x"); /* an id of the exit's own */
  PACKET(s, circ, 3, "\x04\x02\0\0\0\0\0\0\0\0\0\xff\xff"); /* longer than the packet */
  tap_is_u64(exit_count(s, "stream_parse") - parse, 4, "stream_parse: four kinds of nonsense");
  PACKET(s, circ, 4, "\x04\x02\0\0\0\0\0\0\0\0\0\x02\0hi");
  tap_is_u64(exit_count(s, "stream_unknown") - unknown, 1, "stream_unknown: data of no stream");
  PACKET(s, circ, 4, "\x08");
  tap_is_u64(exit_count(s, "stream_duplicate") - dup, 1, "stream_duplicate: a number seen before");
  PACKET(s, circ, 5,
         "\x02\0\0\0\0\xff\xff\0\0P\0\x01\x04"
         "echo");
  tap_is_u64(s->t.requests - requests, 1, "a good OPEN is a request");
  PACKET(s, circ, 6, "\x04\0\0\0\0\0\0\0\xff\0\0\x01\0x"); /* offset 0xff000000 */
  tap_is_u64(exit_count(s, "stream_window") - window, 1, "stream_window: beyond the credit");
  PACKET(s, circ, 7,
         "\x02\x02\0\0\0\xff\xff\0\0P\0\x01\x04"
         "echo");
  PACKET(s, circ, 8, "\x05\x02\0\0\0\x05\0\0\0\0\0\x01\0x"); /* ends at 6 */
  PACKET(s, circ, 9, "\x04\x02\0\0\0\x08\0\0\0\0\0\x01\0x"); /* and goes on at 8 */
  tap_is_u64(exit_count(s, "stream_state") - state, 1, "stream_state: data behind the end");
  tap_is_u64(s->t.exit_resets - resets, 2, "both streams were reset, with an event each");
}

/* ---- circuits that want to join a bundle ---- */

/* What the exit answers to a RESUME; 0: nothing. */
static uint8_t say(scene *s, al_circ circ, const uint8_t *payload) {
  s->h.resume_op = 0;
  hostile_relay(&s->h, SCENE_EXIT, circ, 1, al_view(payload, AL_RELAY_BYTES));
  scene_wait(s, 300 * AL_MS);
  return s->h.resume_op;
}

/* A JOIN for the bundle of circuit `of`, made for circuit `on`. */
static void make_join(const scene *s, al_circ of, al_circ on, uint8_t *payload) {
  uint8_t secret[32], name[AL_RESUME_ID_BYTES];
  al_resume m;
  tap_ok(al_circuit_resume_secret(&s->h.circuits, on, secret), "a circuit has its secret");
  al_resume_name(al_suite_null(), secret, name);
  (void)al_circuit_resume_secret(&s->h.circuits, of, secret);
  al_resume_make(al_suite_null(), AL_RESUME_JOIN, secret, name, &m);
  al_resume_encode(&m, payload);
}

static void test_resume(scene *s) {
  const uint32_t hops[1] = {SCENE_EXIT};
  al_circ a = hostile_circuit(&s->h, SCENE_EXIT, hops, 1);
  al_circ b = hostile_circuit(&s->h, SCENE_EXIT, hops, 1);
  al_circ c = hostile_circuit(&s->h, SCENE_EXIT, hops, 1);
  uint64_t parse = exit_count(s, "resume_parse"), refused = exit_count(s, "resume_refused");
  uint64_t joined = exit_count(s, "resume_joined");
  uint8_t p[AL_RELAY_BYTES] = {AL_RESUME_KIND, 9};
  PACKET(s, a, 0, "\x02\0\0\0\0\0\0\x01\0P\0\x01\x01x"); /* a stream */
  (void)say(s, b, p);
  p[1] = AL_RESUME_JOINED;
  (void)say(s, b, p);
  tap_is_u64(exit_count(s, "resume_parse") - parse, 2,
             "resume_parse: no such operation, and one that is not for ends");
  make_join(s, a, b, p);
  p[20] ^= 1;
  tap_ok(say(s, b, p) == AL_RESUME_REFUSED, "a wrong tag is refused");
  make_join(s, a, c, p);
  tap_ok(say(s, b, p) == AL_RESUME_REFUSED, "so is one made for another circuit");
  make_join(s, a, b, p);
  p[2] ^= 1;
  tap_ok(say(s, b, p) == AL_RESUME_REFUSED, "and one for a bundle that is not there");
  make_join(s, a, b, p);
  tap_ok(say(s, b, p) == AL_RESUME_JOINED, "who has the secret joins");
  tap_ok(say(s, b, p) == AL_RESUME_JOINED, "twice is once");
  tap_ok(say(s, c, p) == AL_RESUME_REFUSED, "what was said there is worth nothing elsewhere");
  PACKET(s, c, 0, "\x02\0\0\0\0\0\0\x01\0P\0\x01\x01x");
  make_join(s, a, c, p);
  tap_ok(say(s, c, p) == AL_RESUME_REFUSED, "a circuit with streams of its own stays what it is");
  tap_is_u64(exit_count(s, "resume_refused") - refused, 5, "resume_refused");
  tap_is_u64(exit_count(s, "resume_joined") - joined, 1, "resume_joined");
}

/* ---- floods ---- */

static al_time latency(scene *s) {
  uint32_t f = traffic_open(&s->t, s->w, SCENE_CLIENT, 500);
  scene_wait(s, 2 * AL_SECOND);
  const traffic_flow *x = &s->t.flow[f];
  return traffic_whole(&s->t, f) ? x->done_at - x->asked_at : AL_TIME_NEVER;
}

static void flood(scene *s, uint32_t victim, uint32_t count) {
  uint8_t p[AL_SPHINX_BYTES];
  uint32_t id, hops[1] = {victim};
  for (uint32_t i = 0; i < count; i++) {
    if (hostile_packet(&s->h, hops, 1, p, &id) == 0) return;
    hostile_message(&s->h, victim, AL_MESSAGE_SPHINX, id, al_view(p, sizeof p));
  }
}

static void test_flood(scene *s) {
  al_link_info link;
  uint64_t full = exit_count(s, "circuit_full");
  uint32_t streams = s->t.count;
  (void)latency(s); /* the circuit is there then */
  al_time before = latency(s), during = 0;
  for (int i = 0; i < 5; i++) {
    flood(s, SCENE_EXIT, 150);
    al_time t = latency(s);
    if (t > during) during = t;
  }
  tap_ok(during < before + 50 * AL_MS,
         "a stream's latency through the node that is flooded: %u ms before, %u ms",
         (unsigned)(before / AL_MS), (unsigned)(during / AL_MS));
  tap_is_u64(traffic_count_whole(&s->t, streams), s->t.count - streams, "no stream suffers");
  tap_ok(exit_count(s, "circuit_full") > full, "circuit_full: over the quota (%u)",
         (unsigned)(exit_count(s, "circuit_full") - full));
  tap_ok(s->h.destroy_why == AL_REASON_RESOURCE, "who is over it is told so");
  uint32_t held = 0;
  for (uint32_t i = 0; al_inspect_link(world_node(s->w, SCENE_EXIT), i, &link); i++)
    if (al_id_equal(&link.peer, &s->h.identity.id)) held = link.circuits;
  tap_ok(held > 200 && held <= 256, "one link has not more than half of the circuits (%u of 512)",
         held);
}

/* ---- a relay that does as it likes with cells ---- */

static const char *const names[] = {"",
                                    "faithful",
                                    "drops everything",
                                    "drops some",
                                    "alters some",
                                    "repeats all",
                                    "swaps neighbours"};

static void mischief_flow(scene *s, hostile_mischief m) {
  uint32_t relayed = s->h.relayed, first = s->t.count;
  uint64_t timeouts = world_counter(s->w, "stream_timeout");
  s->h.mischief = HOSTILE_FAITHFUL; /* until the stream is open */
  for (int i = 0; i < 3; i++) (void)traffic_open_apart(&s->t, s->w, 2, 200000);
  scene_wait(s, 150 * AL_MS);
  s->h.mischief = m;
  scene_wait(s, 120 * AL_SECOND); /* half a minute of silence, a minute for another circuit */
  s->h.mischief = HOSTILE_FAITHFUL;
  uint32_t whole = traffic_count_whole(&s->t, first), reset = traffic_count_reset(&s->t, first);
  tap_ok(s->h.relayed > relayed, "a relay that %s carries cells (%u)", names[m],
         s->h.relayed - relayed);
  tap_ok(whole + reset == 3, "each stream is whole (%u) or reset (%u)", whole, reset);
  if (m != HOSTILE_DROP_ALL) tap_is_u64(whole, 3, "all are whole");
  if (m == HOSTILE_DROP_ALL) {
    tap_is_u64(reset, 3, "all are reset");
    tap_ok(world_counter(s->w, "stream_timeout") > timeouts, "stream_timeout: nothing answered");
  }
  tap_is_u64(traffic_wrong(&s->t), 0, "no wrong byte");
}

static void test_mischief(uint64_t seed) {
  static scene s;
  world_options o;
  world_options_default(&o);
  o.seed = seed;
  o.nodes = 4;
  scene_limits(&o);
  scene_start(&s, &o, 3); /* exit, relay, client */
  hostile_start(&s.h, s.w, 3, al_view(NULL, 0));
  s.h.fields.flags = AL_DESC_RELAY;
  s.h.fields.addresses_count = 1;
  hostile_describe(&s.h);
  s.h.mischief = HOSTILE_FAITHFUL;
  for (uint32_t i = 0; i < 3; i++) tap_ok(hostile_dial(&s.h, i), "the relay is linked with %u", i);
  scene_wait(&s, 30 * AL_SECOND);
  for (hostile_mischief m = HOSTILE_FAITHFUL; m <= HOSTILE_SWAP; m++) mischief_flow(&s, m);
  mischief_flow(&s, HOSTILE_FAITHFUL);
  hostile_stop(&s.h);
  scene_end(&s, 3);
}

int main(int argc, char **argv) {
  static scene s;
  world_options o;
  world_options_default(&o);
  o.nodes = SCENE_NODES;
  if (argc > 1) o.seed = strtoull(argv[1], NULL, 10);
  printf("# seed %llu\n", (unsigned long long)o.seed);
  scene_limits(&o);
  scene_start(&s, &o, SCENE_HOSTILE);
  hostile_start(&s.h, s.w, SCENE_HOSTILE, al_view(NULL, 0));
  tap_ok(hostile_dial(&s.h, SCENE_VICTIM), "somebody hostile has a link");
  test_garbage_packets(&s);
  test_routes(&s);
  test_dead_next_hop(&s);
  scene_works(&s, "wrong set-up packets");
  hostile_stop(&s.h);
  scene_wait(&s, 10 * AL_SECOND);
  hostile_start(&s.h, s.w, SCENE_HOSTILE, al_view(NULL, 0));
  tap_ok(hostile_dial(&s.h, SCENE_EXIT), "and one with the exit");
  const uint32_t hops[1] = {SCENE_EXIT};
  al_circ circ = hostile_circuit(&s.h, SCENE_EXIT, hops, 1);
  tap_ok(circ != 0, "a circuit of one hop");
  test_cells(&s, circ);
  test_bundle(&s, circ);
  test_resume(&s);
  test_flood(&s);
  scene_works(&s, "a flood");
  hostile_stop(&s.h);
  scene_end(&s, SCENE_HOSTILE);
  test_mischief(o.seed);
  return tap_done();
}
