/* test_sample.c — a network larger than its nodes' books: how uniform the samples are, how fast
 * news spread, what hostile nodes achieve, how halves find each other. Shipped cores in virtual
 * time, null crypto. Arguments: seed, nodes, members of a sample, then what to do, in this order:
 * settle=SECONDS, hostile (instead of a peaceful network), key, death, split=SECONDS. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/test_alloc.h"
#include "../support/test_rand.h"
#include "base/hash.h"
#include "node/state.h"
#include "tap.h"
#include "world.h"

enum { LINKS = 40, TRIALS = 5, STEPS = 120, HOSTILE_EVERY = 5, HOSTILE_DIAL_S = 20 };

typedef struct scene {
  world *w;
  al_shelf *shelf;
  uint32_t nodes, members, turn;
  bool hostile;
  al_limits limits;
} scene;

static scene s;

static bool is_hostile(uint32_t node) { return s.hostile && node % HOSTILE_EVERY == 0; }
static bool runs(uint32_t node) { return world_running(s.w, node); }

static void configure(void *ctx, world *w, uint32_t node, al_config *c) {
  (void)ctx;
  (void)w;
  (void)node;
  c->shelf = s.shelf;
}

static void on_event(void *ctx, world *w, uint32_t node, const al_event *ev) {
  (void)ctx;
  (void)w;
  (void)node;
  (void)ev;
}

/* Which node an ID belongs to: a table of IDs, sorted once. */
typedef struct named {
  al_id id;
  uint32_t node;
} named;
static named *names;

static int by_id(const void *a, const void *b) {
  return memcmp(((const named *)a)->id.b, ((const named *)b)->id.b, 32);
}

static uint32_t node_of(const al_id *id) {
  named key = {.id = *id};
  const named *f = bsearch(&key, names, s.nodes, sizeof *names, by_id);
  return f != NULL ? f->node : UINT32_MAX;
}

/* ---- hostile nodes ---- */

/* They tell of each other only, and dial whom they can: as hard as the protocol lets them. */
static void conspire(void) {
  for (uint32_t i = 0; i < s.nodes; i++) {
    if (!is_hostile(i) || !runs(i)) continue;
    al_node *n = world_node(s.w, i);
    uint32_t cursor = 0;
    for (al_peer p; (p = al_book_each(&n->book, &cursor)) != 0;) {
      uint32_t who = node_of(&al_book_get(&n->book, p)->id);
      al_book_doubt(&n->book, p, who == UINT32_MAX || !is_hostile(who)); /* not told of */
    }
    if (i / HOSTILE_EVERY % HOSTILE_DIAL_S != s.turn % HOSTILE_DIAL_S) continue;
    uint32_t to = (uint32_t)test_rand_below(s.nodes);
    if (to != i && runs(to) && al_link_count(&n->links) + 4 < LINKS) world_join(s.w, i, to);
  }
  s.turn++;
}

static void run(al_time us) {
  al_time end = world_now(s.w) + us;
  while (world_now(s.w) < end) {
    world_run(s.w, al_min_u64(end, world_now(s.w) + AL_SECOND));
    if (s.hostile && names != NULL) conspire();
  }
}

/* ---- start ---- */

static void learn_names(void) {
  names = calloc(s.nodes, sizeof *names);
  if (names == NULL) abort();
  for (uint32_t i = 0; i < s.nodes; i++) names[i] = (named){world_node(s.w, i)->identity.id, i};
  qsort(names, s.nodes, sizeof *names, by_id);
}

static void start(uint64_t seed, al_time settle) {
  static const uint8_t secret[16] = {1};
  static test_alloc ta;
  world_options o;
  const al_alloc *heap = test_alloc_bind(&ta);
  if (al_shelf_new(&s.shelf, heap, al_suite_null(), secret) != AL_OK) abort();
  world_options_default(&o);
  o.seed = seed;
  o.nodes = s.nodes;
  o.exits = 1;
  o.no_store = true;
  o.padding = AL_PADDING_OFF;
  o.limits = (al_limits){.links_max = LINKS,
                         .circuits_max = 64,
                         .streams_max = 16,
                         .peers_max = s.members,
                         .queue_cells_max = 64,
                         .creates_per_s = 50,
                         .stream_window = 65536,
                         .replay_tags_max = 64,
                         .lean = true};
  o.configure = configure;
  s.w = world_new(&o, on_event, NULL);
  for (uint32_t i = 0; i < s.nodes; i++) {
    world_start(s.w, i);
    for (uint32_t k = 0; k < 2 && i > 0; k++) world_join(s.w, i, (uint32_t)test_rand_below(i));
    if (i % 100 == 99) run(AL_SECOND);
  }
  learn_names();
  run(settle);
}

/* ---- what the samples are like ---- */

/* How many of the members that it would have if it had heard of everybody a node has. */
static uint32_t complete(const al_book *b) {
  uint32_t lower = 0, has = 0;
  for (uint32_t i = 0; i < s.nodes; i++) {
    if (!runs(i)) continue;
    bool below = (uint32_t)(al_hash_id(b->secret, &names[i].id) >> 32) <= b->bar;
    lower += below && !al_id_equal(&names[i].id, &b->self);
    has += below && al_book_find(b, &names[i].id) != 0;
  }
  return lower == 0 ? 0 : 1000 * has / lower;
}

/* In how many samples of the honest each node is: against all being equally likely. */
static void judge_samples(void) {
  uint32_t *in = calloc(s.nodes, sizeof *in), samples = 0, hostile = 0;
  uint64_t heard = 0, sum = 0, bad = 0, least = UINT64_MAX, links = 0;
  if (in == NULL) abort();
  for (uint32_t i = 0; i < s.nodes; i++) {
    if (is_hostile(i) || !runs(i)) continue;
    const al_node *n = world_node(s.w, i);
    uint64_t has = 0;
    uint32_t cursor = 0;
    for (al_peer p; (p = al_book_each(&n->book, &cursor)) != 0;) {
      uint32_t who = node_of(&al_book_get(&n->book, p)->id);
      if (who == UINT32_MAX || !al_book_member(&n->book, p)) continue;
      in[who]++;
      has++;
      bad += is_hostile(who);
    }
    if (has < least) least = has;
    sum += has;
    heard += complete(&n->book);
    samples++;
    links += n->up_count;
  }
  for (uint32_t i = 0; i < s.nodes; i++) hostile += is_hostile(i);
  double share = (double)sum / samples / (s.nodes - 1), chi = 0;
  for (uint32_t i = 0; i < s.nodes; i++) {
    /* A node is in no sample of its own; hostile ones are judged by their share. */
    double tries = samples - (is_hostile(i) ? 0 : 1), want = tries * share;
    if (!s.hostile) chi += (in[i] - want) * (in[i] - want) / (want * (1 - share));
  }
  double fill = (double)sum / samples / s.members, df = s.nodes - 1;
  printf(
      "# samples: %.1f%% full (least %.1f%%); they have %.1f%% of whom they would if they had "
      "heard of everybody; %.1f links\n",
      100 * fill, 100.0 * (double)least / s.members, 0.1 * (double)heard / samples,
      (double)links / samples);
  tap_ok(fill > 0.99, "the samples are full");
  if (!s.hostile) {
    /* chi2 with df degrees of freedom has mean df and variance 2 df. */
    double z = (chi - df) * (chi - df) / (2 * df);
    printf("# chi-square %.0f with %.0f degrees of freedom, %.2f of it; (x - df)^2 / 2 df = %.2f\n",
           chi, df, chi / df, z);
    tap_ok(z < 16, "and uniform: within four standard deviations");
  } else {
    double part = (double)bad / (double)sum, of = (double)hostile / s.nodes;
    printf("# hostile: %.2f%% of the nodes, %.2f%% of the samples: %.3f times\n", 100 * of,
           100 * part, part / of);
    tap_ok(part <= 1.2 * of, "and hold at most 1.2 times the hostile share");
  }
  free(in);
}

/* ---- how news spread ---- */

typedef struct count {
  uint32_t hold, know; /* members of so many samples; of these the news are known */
} count;

static count count_key(uint32_t node, uint64_t sequence) {
  count c = {0};
  al_id id = world_node(s.w, node)->identity.id;
  for (uint32_t i = 0; i < s.nodes; i++) {
    if (!runs(i) || i == node || is_hostile(i)) continue;
    const al_book *b = &world_node(s.w, i)->book;
    al_peer p = al_book_find(b, &id);
    if (!al_book_member(b, p)) continue;
    c.hold++;
    c.know += al_book_get(b, p)->desc.sequence >= sequence;
  }
  return c;
}

/* What is said to be dead is in doubt, or forgotten: all that held it at the start are asked. */
static count count_death(const al_id *id, const bool *held) {
  count c = {0};
  for (uint32_t i = 0; i < s.nodes; i++) {
    if (!held[i] || !runs(i)) continue;
    const al_book *b = &world_node(s.w, i)->book;
    c.hold++;
    c.know += !al_book_usable(b, al_book_find(b, id));
  }
  return c;
}

/* Of several trials together: after how many steps of 100 ms 99% knew it; 0: never. */
typedef struct pool {
  uint64_t hold, know[STEPS];
} pool;

static unsigned pool_ms(const pool *p, unsigned percent) {
  for (unsigned i = 0; i < STEPS; i++)
    if (p->know[i] * 100 >= p->hold * percent) return 100 * (i + 1);
  return 0;
}

static void pool_report(const pool *p, const char *what) {
  printf(
      "# %s: %u samples in all; half know after %u ms, 90%% after %u, 99%% after %u; %.2f%% in "
      "the end\n",
      what, (unsigned)p->hold, pool_ms(p, 50), pool_ms(p, 90), pool_ms(p, 99),
      100 * (double)p->know[STEPS - 1] / (double)p->hold);
}

static uint32_t some_honest(void) {
  uint32_t node = 1 + (uint32_t)test_rand_below(s.nodes - 1);
  while (is_hostile(node) || !runs(node)) node = (node + 1) % s.nodes;
  return node;
}

/* New keys, that make the old descriptor useless: from the moment it is signed. */
static uint64_t publish(uint32_t node) {
  al_node *n = world_node(s.w, node);
  al_config c;
  al_config_default(&c);
  c.addresses[0] = world_address(s.w, node);
  c.addresses_count = 1;
  c.padding = AL_PADDING_OFF;
  if (al_node_reconfigure(n, al_drive_work(world_drive(s.w, node)), world_now(s.w), &c) != AL_OK)
    abort();
  al_drive_pump(world_drive(s.w, node));
  return n->sequence;
}

static void test_key(void) {
  pool p = {0};
  uint64_t bytes = world_stats_now(s.w).bytes;
  for (uint32_t t = 0; t < TRIALS; t++) {
    uint32_t node = some_honest();
    uint64_t sequence = publish(node);
    for (uint32_t i = 0; i < STEPS; i++) {
      run(100 * AL_MS);
      count k = count_key(node, sequence);
      p.know[i] += k.know;
      if (i + 1 == STEPS) p.hold += k.hold;
    }
  }
  pool_report(&p, "new keys");
  printf("# %.1f KB a node and trial, all traffic of %u s\n",
         (double)(world_stats_now(s.w).bytes - bytes) / s.nodes / TRIALS / 1000, STEPS / 10);
  unsigned ms = pool_ms(&p, 99);
  tap_ok(ms != 0 && ms < 10000, "a new key is with 99%% of those that hold the node after %u ms",
         ms);
}

static void test_death(void) {
  pool p = {0};
  bool *held = calloc(s.nodes, sizeof *held);
  unsigned longest = 0;
  if (held == NULL) abort();
  for (uint32_t t = 0; t < TRIALS; t++) {
    uint32_t node = some_honest(), found = 0;
    al_id id = world_node(s.w, node)->identity.id;
    for (uint32_t i = 0; i < s.nodes; i++) {
      const al_book *b = runs(i) && i != node ? &world_node(s.w, i)->book : NULL;
      held[i] = b != NULL && !is_hostile(i) && al_book_usable(b, al_book_find(b, &id));
    }
    world_stop(s.w, node, false);
    for (uint32_t i = 0; found == 0 && i < 600; i++) {
      run(100 * AL_MS);
      if (count_death(&id, held).know != 0) found = i + 1;
    }
    for (uint32_t i = 0; i < STEPS; i++) {
      count k = count_death(&id, held);
      p.know[i] += k.know;
      if (i == 0) p.hold += k.hold;
      run(100 * AL_MS);
    }
    if (found > longest) longest = found;
    if (s.members / 10 <= TRIALS) run(130 * AL_SECOND); /* it is forgotten: room for other doubts */
  }
  free(held);
  pool_report(&p, "deaths");
  unsigned ms = pool_ms(&p, 99);
  tap_ok(ms != 0 && ms < 10000,
         "a death is with 99%% %u ms after the first of them knows (%u ms after it, at most)", ms,
         100 * longest);
}

/* ---- halves ---- */

static uint32_t *parent;

static uint32_t root_of(uint32_t i) {
  while (parent[i] != i) i = parent[i] = parent[parent[i]];
  return i;
}

/* How many nodes the largest part has that is held together by links that are up. */
static uint32_t largest(uint32_t *ret_across) {
  uint32_t *size = calloc(s.nodes, sizeof *size), most = 0;
  parent = calloc(s.nodes, sizeof *parent);
  if (size == NULL || parent == NULL) abort();
  *ret_across = 0;
  for (uint32_t i = 0; i < s.nodes; i++) parent[i] = i;
  for (uint32_t i = 0; i < s.nodes; i++) {
    al_link_info link;
    for (uint32_t k = 0; runs(i) && al_inspect_link(world_node(s.w, i), k, &link); k++) {
      uint32_t peer = link.up ? node_of(&link.peer) : UINT32_MAX;
      if (peer == UINT32_MAX) continue;
      *ret_across += (peer ^ i) & 1;
      parent[root_of(i)] = root_of(peer);
    }
  }
  for (uint32_t i = 0; i < s.nodes; i++)
    if (++size[root_of(i)] > most) most = size[root_of(i)];
  free(size);
  free(parent);
  return most;
}

static double share_of_other_half(void) {
  uint64_t all = 0, other = 0;
  for (uint32_t i = 0; i < s.nodes; i++) {
    if (!runs(i)) continue;
    const al_book *b = &world_node(s.w, i)->book;
    uint32_t cursor = 0;
    for (al_peer p; (p = al_book_each(b, &cursor)) != 0;) {
      if (!al_book_usable(b, p)) continue;
      all++;
      other += (node_of(&al_book_get(b, p)->id) ^ i) & 1;
    }
  }
  return (double)other / (double)all;
}

static void test_split(unsigned seconds) {
  uint32_t across, one = 0;
  printf("# before: %u in one part, %.1f%% of the samples in the other half\n", largest(&across),
         100 * share_of_other_half());
  for (uint32_t i = 0; i < s.nodes; i++) world_set_group(s.w, i, i & 1);
  world_block(s.w, 0, 1, true);
  world_block(s.w, 1, 0, true);
  run(seconds * AL_SECOND);
  uint32_t part = largest(&across);
  printf(
      "# cut for %u s: %u in one part, %u links across, %.1f%% of the samples in the other "
      "half\n",
      seconds, part, across / 2, 100 * share_of_other_half());
  tap_ok(part <= (s.nodes + 1) / 2 && across == 0, "two halves");
  world_block(s.w, 0, 1, false);
  world_block(s.w, 1, 0, false);
  for (uint32_t i = 1; i <= 60; i++) {
    run(AL_SECOND);
    part = largest(&across);
    if (one == 0 && part == world_stats_now(s.w).running) one = i;
    if (i % 10 == 0)
      printf("# %u s after: %u in one part, %u links across, %.1f%% in the other half\n", i, part,
             across / 2, 100 * share_of_other_half());
    if (i == 30) test_key();
  }
  tap_ok(one != 0 && one <= 30, "one network after %u s", one);
  run(600 * AL_SECOND);
  part = largest(&across);
  double share = share_of_other_half();
  printf("# ten minutes after: %u in one part, %u links across, %.1f%% in the other half\n", part,
         across / 2, 100 * share);
  tap_ok(share > 0.4, "and the samples are of both halves again");
}

/* Frames that gossip sent, of one kind; all of it for 0. */
static double gossip_frames(unsigned kind) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < s.nodes; i++)
    for (unsigned k = 0; runs(i) && k < AL_MESSAGE_KIND_COUNT; k++)
      if (kind == 0 || k == kind) sum += world_node(s.w, i)->gossip.frames[k];
  return (double)sum;
}

static void judge_traffic(al_time us) {
  static const unsigned kinds[] = {0, AL_MESSAGE_DIGEST, AL_MESSAGE_WANT, AL_MESSAGE_DESCRIPTOR,
                                   AL_MESSAGE_SAMPLE};
  double before[5], rate[5], per = s.nodes * ((double)us / AL_SECOND);
  uint64_t bytes = world_stats_now(s.w).bytes, events = world_events(s.w);
  for (int i = 0; i < 5; i++) before[i] = gossip_frames(kinds[i]);
  run(us);
  for (int i = 0; i < 5; i++)
    rate[i] = (gossip_frames(kinds[i]) - before[i]) * AL_FRAME_BYTES / per;
  printf(
      "# idle, bytes a second and node: %.0f in all; gossip %.0f: digests %.0f, wants %.0f, "
      "descriptors %.0f, rumours %.0f; %.2f events\n",
      (double)(world_stats_now(s.w).bytes - bytes) / per, rate[0], rate[1], rate[2], rate[3],
      rate[4], (double)(world_events(s.w) - events) / per);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  s.nodes = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 300;
  s.members = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 60;
  unsigned settle = 0;
  for (int i = 4; i < argc; i++) {
    s.hostile |= strcmp(argv[i], "hostile") == 0;
    if (strncmp(argv[i], "settle=", 7) == 0) settle = (unsigned)strtoul(argv[i] + 7, NULL, 10);
  }
  if (settle == 0) settle = s.hostile ? 1800 : 900;
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("# seed %llu, %u nodes, samples of %u\n", (unsigned long long)seed, s.nodes, s.members);
  test_rand_state = seed;
  start(seed, settle * AL_SECOND);
  judge_traffic(300 * AL_SECOND);
  judge_samples();
  for (int i = 4; i < argc; i++) {
    if (strcmp(argv[i], "key") == 0) test_key();
    if (strcmp(argv[i], "death") == 0) test_death();
    if (strncmp(argv[i], "split=", 6) == 0) test_split((unsigned)strtoul(argv[i] + 6, NULL, 10));
  }
  world_free(s.w);
  al_shelf_free(s.shelf);
  free(names);
  return tap_done();
}
