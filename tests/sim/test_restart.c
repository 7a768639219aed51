/* test_restart.c — nodes that die and come back: identity, guards and replay tags across restarts,
 * streams in the middle, corrupt records, clocks that are wrong, a node that was away for days.
 * Argument: seed. */
#include <stdlib.h>
#include <string.h>

#include "scene.h"

static uint64_t seed = 1;

static void begin(scene *s, world_options *o) {
  memset(s, 0, sizeof *s);
  o->seed = seed;
  o->nodes = SCENE_NODES;
  scene_limits(o);
  scene_start(s, o, SCENE_HOSTILE);
}

static bool key_begins(al_bytes key, const char *prefix) {
  size_t n = strlen(prefix);
  return key.len >= n && memcmp(key.ptr, prefix, n) == 0;
}

static uint32_t records(const scene *s, uint32_t node, const char *prefix) {
  al_bytes key, value;
  uint32_t n = 0;
  for (uint32_t i = 0; world_record(s->w, node, i, &key, &value); i++) n += key_begins(key, prefix);
  return n;
}

static uint32_t links_up(const scene *s, uint32_t node) {
  al_node_info info;
  al_inspect_node(world_node(s->w, node), &info);
  return info.links_up;
}

/* ---- what a node keeps ---- */

static uint32_t guards_of(const scene *s, uint32_t node, al_id guards[8]) {
  uint32_t n = 0;
  al_peer_info p;
  for (uint32_t i = 0; al_inspect_peer(world_node(s->w, node), i, &p); i++)
    if (p.guard && n < 8) guards[n++] = p.id;
  return n;
}

static bool same_guards(const scene *s, const al_id *before, uint32_t count) {
  al_id now[8];
  uint32_t n = guards_of(s, SCENE_CLIENT, now), found = 0;
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t k = 0; k < count; k++) found += al_id_equal(&now[i], &before[k]);
  return n == count && found == count;
}

static void test_identity(scene *s, bool clean) {
  al_node_info before, after;
  al_id guards[8];
  const char *how = clean ? "a clean end" : "a sudden death";
  al_inspect_node(world_node(s->w, SCENE_CLIENT), &before);
  uint32_t n = guards_of(s, SCENE_CLIENT, guards);
  world_stop(s->w, SCENE_CLIENT, clean);
  scene_wait(s, 3 * AL_SECOND);
  world_start(s->w, SCENE_CLIENT);
  scene_wait(s, 20 * AL_SECOND);
  al_inspect_node(world_node(s->w, SCENE_CLIENT), &after);
  tap_ok(al_id_equal(&before.id, &after.id), "the identity stays after %s", how);
  tap_ok(after.links_up >= 3 && after.peers == SCENE_HOSTILE - 1,
         "it rejoins by itself: %u links, %u peers", after.links_up, after.peers);
  tap_ok(n >= 1 && same_guards(s, guards, n), "%u guards stay", n);
  scene_works(s, how);
}

/* ---- replayed set-up packets ---- */

static void replay(scene *s, const uint8_t *packet) {
  const uint32_t hops[1] = {SCENE_VICTIM};
  uint8_t unused[AL_SPHINX_BYTES];
  uint32_t id;
  s->h.destroy_why = 0;
  (void)hostile_packet(&s->h, hops, 1, unused, &id);
  hostile_message(&s->h, SCENE_VICTIM, AL_MESSAGE_SPHINX, id, al_view(packet, AL_SPHINX_BYTES));
  scene_wait(s, AL_SECOND);
}

static void test_replay(scene *s, bool clean) {
  const uint32_t hops[1] = {SCENE_VICTIM};
  static uint8_t packets[100][AL_SPHINX_BYTES];
  uint32_t id;
  hostile_start(&s->h, s->w, SCENE_HOSTILE, al_view(NULL, 0));
  tap_ok(hostile_dial(&s->h, SCENE_VICTIM), "somebody hostile has a link");
  uint32_t created = s->h.created;
  for (int i = 0; i < 100; i++) {
    (void)hostile_packet(&s->h, hops, 1, packets[i], &id);
    hostile_message(&s->h, SCENE_VICTIM, AL_MESSAGE_SPHINX, id,
                    al_view(packets[i], AL_SPHINX_BYTES));
    scene_wait(s, 50 * AL_MS);
  }
  tap_is_u64(s->h.created - created, 100, "a hundred circuits are built");
  world_stop(s->w, SCENE_VICTIM, clean);
  world_start(s->w, SCENE_VICTIM);
  scene_wait(s, 20 * AL_SECOND);
  tap_ok(hostile_dial(&s->h, SCENE_VICTIM), "it has one with the node that restarted");
  uint32_t refused = 0;
  created = s->h.created;
  for (uint32_t i = 0; i < 100; i++) {
    replay(s, packets[i]);
    refused += s->h.destroy_why == (clean ? AL_REASON_REPLAY : AL_REASON_KEY);
  }
  tap_is_u64(s->h.created - created, 0, "no circuit comes of a packet of before");
  tap_is_u64(refused, 100, clean ? "all are refused: REPLAY" : "all are refused: KEY");
  tap_is_u64(scene_count(s, clean ? "sphinx_replay" : "sphinx_auth"), 100, "and counted");
  tap_ok(hostile_circuit(&s->h, SCENE_VICTIM, hops, 1) != 0, "a new one is taken");
  hostile_stop(&s->h);
}

/* ---- a death in the middle ---- */

/* Kill one node that carries streams; they end or go on, with a reason, in bounded time. */
static void test_death(scene *s, uint32_t node, const char *who) {
  uint32_t first = s->t.count, downs = 0, before = 0;
  for (uint32_t i = 0; i < SCENE_HOSTILE; i++) before += i != node ? s->downs[i] : 0;
  for (uint32_t i = 0; i < 8; i++)
    (void)traffic_open_apart(&s->t, s->w, 2 + i % 5 == node ? SCENE_CLIENT : 2 + i % 5, 1000000);
  scene_wait(s, 600 * AL_MS);
  uint32_t had = links_up(s, node);
  al_time killed = world_now(s->w), last = 0;
  world_stop(s->w, node, false);
  scene_wait(s, 60 * AL_SECOND);
  for (uint32_t i = 0; i < SCENE_HOSTILE; i++) {
    if (i == node) continue;
    downs += s->downs[i];
    if (s->down_at[i] > last) last = s->down_at[i];
  }
  tap_ok(downs - before >= had, "%s dies: its %u neighbours notice", who, had);
  tap_ok(last - killed < 15 * AL_SECOND, "within %u ms", (unsigned)((last - killed) / AL_MS));
  uint32_t whole = traffic_count_whole(&s->t, first), reset = traffic_count_reset(&s->t, first);
  uint32_t own = 0, reasons = 0;
  for (uint32_t i = first; i < s->t.count; i++) {
    const traffic_flow *f = &s->t.flow[i];
    own += f->client == node && !f->reset && !traffic_whole(&s->t, i);
    reasons += f->reset && (f->why == AL_REASON_LINK || f->why == AL_REASON_CIRCUIT ||
                            f->why == AL_REASON_TIMEOUT || f->why == AL_REASON_NO_RELAY ||
                            f->why == AL_REASON_NO_EXIT || f->why == AL_REASON_BEYOND);
  }
  tap_is_u64(whole + reset + own, 8, "streams are whole (%u) or reset (%u)", whole, reset);
  tap_is_u64(reasons, reset, "each with a reason that fits");
  tap_is_u64(traffic_wrong(&s->t), 0, "no wrong byte");
  world_start(s->w, node);
  scene_wait(s, 60 * AL_SECOND);
  scene_works(s, who);
}

/* ---- corrupt records ---- */

/* Each record of a node in turn is flipped, cut or emptied; the node must start all the same. */
static void test_corrupt(scene *s) {
  static uint8_t copy[AL_DESC_BYTES_MAX + 1];
  uint32_t tried = 0, joined = 0, total = 0;
  al_node_info info;
  al_bytes key, value;
  while (world_record(s->w, SCENE_VICTIM, total, &key, &value)) total++;
  for (uint32_t i = 0; i < total; i++) {
    for (int way = 0; way < 4; way++) {
      world_stop(s->w, SCENE_VICTIM, true);
      if (!world_record(s->w, SCENE_VICTIM, i, &key, &value)) break;
      size_t len = value.len;
      memcpy(copy, value.ptr, len);
      if (way == 0 && len > 0) copy[len / 2] ^= 0x40;
      if (way == 1) len = len > 0 ? len - 1 : 0;
      if (way == 2) len = 0;
      if (way == 3) copy[len++] = 1;
      world_record_put(s->w, SCENE_VICTIM, key, al_view(copy, len));
      world_start(s->w, SCENE_VICTIM); /* aborts when the core does not start */
      scene_wait(s, 5 * AL_SECOND);
      al_inspect_node(world_node(s->w, SCENE_VICTIM), &info);
      joined += info.links_up > 0;
      tried++;
    }
    if (world_node(s->w, SCENE_VICTIM) == NULL) world_start(s->w, SCENE_VICTIM);
  }
  tap_ok(tried > 40, "%u records flipped, cut, emptied, lengthened", tried);
  tap_is_u64(joined, tried, "the node starts and finds its neighbours every time");
  const char *junk[] = {"",           "peer/",
                        "peer/zz",    "tag/",
                        "tag/x/1",    "tag/83333/99999999999999999999",
                        "key/onion/", "key/onion/99999999999999999999",
                        "guard/77",   "nonsense"};
  world_stop(s->w, SCENE_VICTIM, true);
  for (size_t i = 0; i < sizeof junk / sizeof *junk; i++)
    world_record_put(s->w, SCENE_VICTIM, al_view(junk[i], strlen(junk[i])), al_view(copy, 32));
  world_start(s->w, SCENE_VICTIM);
  scene_wait(s, 20 * AL_SECOND);
  tap_ok(links_up(s, SCENE_VICTIM) > 0, "records that mean nothing are passed over");
  scene_works(s, "corrupt records");
}

int main(int argc, char **argv) {
  static scene s;
  world_options o;
  world_options_default(&o);
  if (argc > 1) seed = strtoull(argv[1], NULL, 10);
  printf("# seed %llu\n", (unsigned long long)seed);
  begin(&s, &o);
  test_identity(&s, false);
  test_identity(&s, true);
  test_replay(&s, true);
  scene_wait(&s, 20 * AL_SECOND);
  test_replay(&s, false);
  test_death(&s, 3, "a relay");
  test_death(&s, SCENE_EXIT, "the exit");
  test_death(&s, SCENE_CLIENT, "a client");
  test_corrupt(&s);
  tap_ok(records(&s, SCENE_VICTIM, "key/onion/8") == 2, "two onion keys are stored");
  scene_end(&s, SCENE_HOSTILE);
  return tap_done();
}
