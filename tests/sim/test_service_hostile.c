/* test_service_hostile.c — introduction points and rendezvous that do not keep the rules. They run
 * the shipped core with another cryptography: what they are about to seal for a circuit that ends
 * at them is seen in clear, and changed. Set-up, links and everybody else's circuits are honest.
 * Arguments: seed, share of the relays that are hostile (percent), delay one way in us. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "circuit/circuit.h"
#include "node/visit.h"
#include "tap.h"
#include "visits.h"
#include "wire/wire.h"

enum {
  NODES = 20,
  SERVER = 1,
  CLIENT = 2,
  RELAYS = 3, /* from here on; any of them may be hostile */
  HOSTS_MAX = NODES - RELAYS,
  BYTES = 20000,
  VISITS = 24,
  LATE_US = 5000000,
};

typedef enum mischief {
  HONEST = 0,
  INTRO_DROPS,      /* takes requests, and hands nothing over */
  INTRO_LATE,       /* hands them over after five seconds */
  INTRO_REPLAYS,    /* three times, a second apart */
  MEET_KEEPS,       /* joins circuits, and does not hand the answer over */
  MEET_DROPS,       /* hands the answer over, and no packet */
  MEET_SPOILS,      /* changes a bit of each packet */
  MEET_SPOILS_SOME, /* ... of every tenth */
  MISCHIEFS
} mischief;

static struct {
  const al_suite *honest;
  al_suite suite[HOSTS_MAX];
  bool hostile[HOSTS_MAX]; /* the relay RELAYS + i is */
  mischief what;
  world *w;
  uint64_t done; /* payloads that were changed, kept or repeated */
  struct {
    uint32_t host, left;
    uint8_t payload[AL_RELAY_BYTES];
  } kept[1024];
  uint32_t kept_count;
} crowd;

static bool zeros(const uint8_t *p, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (p[i] != 0) return false;
  return true;
}

/* A request or an answer, as it is before the onion's layer: padded with zeros. */
static bool is_meet(const uint8_t *payload, uint8_t op, size_t len) {
  return payload[0] == AL_RELAY_KIND_MEET && payload[1] == op &&
         zeros(payload + 1 + len, AL_RELAY_BYTES - 1 - len);
}

static bool is_sealed(const uint8_t *payload) {
  return payload[0] == AL_RELAY_KIND_SEALED && zeros(payload + 4, 3);
}

static void keep(uint32_t host, const uint8_t *payload, uint32_t times) {
  if (crowd.kept_count == sizeof crowd.kept / sizeof crowd.kept[0]) return;
  memcpy(crowd.kept[crowd.kept_count].payload, payload, AL_RELAY_BYTES);
  crowd.kept[crowd.kept_count].host = host;
  crowd.kept[crowd.kept_count].left = times;
  world_call(crowd.w, world_now(crowd.w) + (times == 1 ? LATE_US : AL_SECOND), 0,
             crowd.kept_count++);
}

static void on_request(uint32_t host, uint8_t *payload) {
  crowd.done++;
  if (crowd.what == INTRO_LATE) keep(host, payload, 1);
  if (crowd.what == INTRO_REPLAYS) keep(host, payload, 2);
  if (crowd.what != INTRO_REPLAYS) memset(payload, 0, AL_RELAY_BYTES);
}

static bool resending; /* what the test itself sends passes */

static void twist(uint32_t host, uint8_t *payload) {
  static uint32_t packets;
  static uint8_t last[40];
  if (resending || crowd.what == HONEST) return;
  bool intro = crowd.what <= INTRO_REPLAYS;
  if (intro && is_meet(payload, AL_MEET_REQUEST, 1 + 2 + 1 + AL_MEET_PART_BYTES)) {
    on_request(host, payload);
  } else if (crowd.what == MEET_KEEPS &&
             is_meet(payload, AL_MEET_JOINED, 1 + AL_MEET_ANSWER_BYTES)) {
    crowd.done++;
    memset(payload, 0, AL_RELAY_BYTES);
  } else if (!intro && crowd.what != MEET_KEEPS && is_sealed(payload)) {
    bool leaves = memcmp(last, payload, sizeof last) == 0; /* it was seen when it came in */
    memcpy(last, payload, sizeof last);
    if (!leaves || (crowd.what == MEET_SPOILS_SOME && ++packets % 10 != 0)) return;
    crowd.done++;
    if (crowd.what == MEET_DROPS)
      memset(payload, 0, AL_RELAY_BYTES);
    else
      payload[AL_RELAY_BYTES / 2] ^= 1;
  }
}

/* The first of a wide block's rounds hashes all of the clear text but its first 16 bytes, which
 * are zeros. */
static void seen(uint32_t host, const uint8_t *msg, size_t len) {
  if (len == AL_CELL_PAYLOAD_BYTES && crowd.hostile[host])
    twist(host, (uint8_t *)(uintptr_t)(msg + AL_RELAY_ZERO_BYTES));
}

#define HOST(i)                                                             \
  static void poly1305_##i(uint8_t tag[16], const uint8_t *msg, size_t len, \
                           const uint8_t key[32]) {                         \
    seen(i, msg, len);                                                      \
    crowd.honest->poly1305(tag, msg, len, key);                             \
  }
HOST(0)
HOST(1)
HOST(2)
HOST(3)
HOST(4)
HOST(5)
HOST(6)
HOST(7)
HOST(8)
HOST(9)
HOST(10)
HOST(11)
HOST(12)
HOST(13)
HOST(14)
HOST(15)
HOST(16)
#undef HOST

static void (*const poly1305_of[HOSTS_MAX])(uint8_t *, const uint8_t *, size_t, const uint8_t *) = {
    poly1305_0,  poly1305_1,  poly1305_2,  poly1305_3,  poly1305_4,  poly1305_5,
    poly1305_6,  poly1305_7,  poly1305_8,  poly1305_9,  poly1305_10, poly1305_11,
    poly1305_12, poly1305_13, poly1305_14, poly1305_15, poly1305_16};

static void configure(void *ctx, world *w, uint32_t node, al_config *c) {
  (void)ctx;
  (void)w;
  if (node >= RELAYS) c->suite = &crowd.suite[node - RELAYS];
}

/* A request that was kept goes to whom it is for, later or again. */
static void on_call(void *ctx, world *w, uint32_t what, uint32_t arg) {
  (void)ctx;
  (void)what;
  uint32_t host = crowd.kept[arg].host;
  al_drive *d = world_drive(w, RELAYS + host);
  al_node *n = al_drive_node(d);
  resending = true;
  for (uint32_t i = 0; i < n->meetings_max; i++) {
    if (n->meetings[i].circ == 0 || n->meetings[i].op != AL_MEET_LISTEN) continue;
    uint8_t payload[AL_RELAY_BYTES];
    memcpy(payload, crowd.kept[arg].payload, sizeof payload);
    (void)al_node_payload_send(n, al_drive_work(d), n->meetings[i].circ, payload);
  }
  resending = false;
  al_node_finish(n, al_drive_work(d));
  al_drive_pump(d);
  if (--crowd.kept[arg].left != 0) world_call(w, world_now(w) + AL_SECOND, 0, arg);
}

static void on_event(void *ctx, world *w, uint32_t node, const al_event *ev) {
  (void)visits_event(ctx, w, node, ev);
}

/* One kind of mischief: visits of clients that have nothing at hand. What must be counted, and how
 * long the slowest may take. */
static void attempt(visits *v, mischief what, const char *name, const char *counter,
                    uint64_t ms_max) {
  world *w = crowd.w;
  uint32_t first = v->count;
  uint64_t before = counter != NULL ? world_counter(w, counter) : 0;
  crowd.what = what;
  crowd.done = 0;
  for (uint32_t i = 0; i < VISITS; i++) {
    const al_service_to to = {
        .address = v->address[0], .port = 80, .isolation = (uint64_t)what * 100 + i};
    (void)visits_open(v, w, CLIENT, &to, BYTES);
    world_run(w, world_now(w) + AL_SECOND);
  }
  world_run(w, world_now(w) + 60 * AL_SECOND);
  crowd.what = HONEST;
  uint64_t ms = 0;
  for (uint32_t i = first; i < v->count; i++) {
    const visit *f = &v->visit[i];
    if (f->whole && (f->done_at - f->asked_at) / AL_MS > ms)
      ms = (f->done_at - f->asked_at) / AL_MS;
    if (!f->whole)
      printf("# visit %u: %s after %llu ms, %llu bytes\n", i - first,
             f->reset ? al_reason_text(f->why) : "still open",
             (unsigned long long)((f->done_at - f->asked_at) / AL_MS), (unsigned long long)f->got);
  }
  printf(
      "# %s: %llu times; open after %llu ms (median), %llu (90 of 100), %llu (all); all done "
      "after %llu\n",
      name, (unsigned long long)crowd.done, (unsigned long long)visits_opened_ms(v, first, 50),
      (unsigned long long)visits_opened_ms(v, first, 90),
      (unsigned long long)visits_opened_ms(v, first, 100), (unsigned long long)ms);
  tap_ok(what == HONEST || crowd.done != 0, "%s: it happened", name);
  /* Five places to meet in a row may be hostile, all that a client tries. */
  uint32_t least = what == MEET_KEEPS ? VISITS - 1 : VISITS;
  tap_ok(visits_whole(v, first) >= least, "%s: every visit brings every byte", name);
  tap_ok(ms <= ms_max, "%s: after %llu ms at most", name, (unsigned long long)ms_max);
  if (counter != NULL) {
    uint64_t counted = world_counter(w, counter) - before;
    tap_ok(counted != 0, "%s: %s (%llu)", name, counter, (unsigned long long)counted);
  }
  world_run(w, world_now(w) + 700 * AL_SECOND); /* sessions that nobody uses go */
}

static bool introduces(world *w, uint32_t node) {
  const al_node *n = world_node(w, node);
  for (uint32_t i = 0; i < n->meetings_max; i++)
    if (n->meetings[i].circ != 0 && n->meetings[i].op == AL_MEET_LISTEN) return true;
  return false;
}

/* So many relays are hostile, two of the three introduction points among them. */
static void choose(world *w, uint32_t count) {
  uint32_t intros = 0, chosen = 0;
  for (uint32_t i = 0; i < HOSTS_MAX; i++) {
    if (!introduces(w, RELAYS + i) || intros == 2) continue;
    crowd.hostile[i] = true;
    intros++;
    chosen++;
  }
  for (uint32_t i = 0; i < HOSTS_MAX && chosen < count; i++) {
    if (crowd.hostile[i] || introduces(w, RELAYS + i)) continue;
    crowd.hostile[i] = true;
    chosen++;
  }
}

int main(int argc, char **argv) {
  static visits v;
  world_options o;
  world_options_default(&o);
  o.seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  uint32_t share = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 30;
  o.delay_us = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 25000;
  o.nodes = NODES;
  o.exits = NODES; /* spare circuits end at exits, and become places to meet */
  o.configure = configure;
  crowd.honest = o.suite;
  for (uint32_t i = 0; i < HOSTS_MAX; i++) {
    crowd.suite[i] = *o.suite;
    crowd.suite[i].poly1305 = poly1305_of[i];
  }
  world *w = crowd.w = world_new(&o, on_event, &v);
  world_set_call(w, on_call, NULL);
  for (uint32_t i = 0; i < NODES; i++) {
    world_start(w, i);
    if (i > 0) world_join(w, i, 0);
    world_run(w, world_now(w) + 100000);
  }
  world_run(w, world_now(w) + 40 * AL_SECOND);
  tap_ok(visits_expose(&v, w, SERVER) == 0, "a service is exposed");
  world_run(w, world_now(w) + 20 * AL_SECOND);
  tap_is_u64(visits_published(&v, w), 1, "and published");
  choose(w, HOSTS_MAX * share / 100);
  attempt(&v, HONEST, "honest", NULL, 5000);
  attempt(&v, INTRO_DROPS, "introduction points drop", NULL, 30000);
  attempt(&v, INTRO_LATE, "introduction points are late", NULL, 30000);
  attempt(&v, INTRO_REPLAYS, "introduction points repeat", "service_replay", 30000);
  attempt(&v, MEET_KEEPS, "rendezvous keep the answer", NULL, 30000);
  attempt(&v, MEET_DROPS, "rendezvous drop packets", NULL, 30000);
  attempt(&v, MEET_SPOILS, "rendezvous spoil packets", "sealed_auth", 30000);
  attempt(&v, MEET_SPOILS_SOME, "rendezvous spoil some", "sealed_auth", 30000);
  world_free(w);
  return tap_done();
}
