/* The table of circuits: limits, links, ids, quotas, time-outs, ends, memory.
 *   test_circuit_table [seed] */
#include "test_circuit_net.h"

static net world;

/* ---- start ---- */

typedef struct meagre {
  int left; /* allocations that succeed */
  int live;
} meagre;

static void *meagre_alloc(void *ctx, size_t size) {
  meagre *m = ctx;
  if (m->left-- <= 0) return NULL;
  m->live++;
  return calloc(1, size);
}

static void meagre_free(void *ctx, void *ptr, size_t size) {
  (void)size;
  ((meagre *)ctx)->live--;
  free(ptr);
}

static void test_init(net *n) {
  al_circuits cs;
  const al_circuits_config good = net_config(n, 0);
  al_circuits_config c = good;
  c.circuits_max = 0;
  tap_ok(al_circuits_init(&cs, &c) == AL_EINVAL, "no circuits: refused");
  c.circuits_max = AL_SLAB_LIMIT_MAX;
  tap_ok(al_circuits_init(&cs, &c) == AL_EINVAL, "too many circuits: refused");
  c = good;
  c.links_max = 0;
  tap_ok(al_circuits_init(&cs, &c) == AL_EINVAL, "no links: refused");
  c = good;
  c.rng = NULL;
  tap_ok(al_circuits_init(&cs, &c) == AL_EINVAL, "no generator: refused");
  meagre m = {0};
  al_alloc a = {&m, meagre_alloc, meagre_free};
  c = good;
  c.alloc = &a;
  int failed = 0, leaked = 0;
  for (int k = 0; k < 100; k++) {
    m = (meagre){.left = k};
    al_err e = al_circuits_init(&cs, &c);
    bool init = e == AL_OK;
    if (init) e = al_circuits_reserve(&cs, 10);
    if (init) al_circuits_clear(&cs);
    leaked += m.live != 0;
    if (e == AL_OK) break;
    failed += e == AL_ENOMEM;
  }
  tap_ok(failed >= 5 && leaked == 0, "every failed allocation is reported, none leaks (%d)",
         failed);
  memset(&cs, 0, sizeof cs);
  al_circuits_clear(&cs);
  tap_ok(cs.items.chunks == NULL, "clearing a zeroed table is allowed");
}

static void test_links(net *n) {
  al_circuits cs;
  al_circuit_gone gone;
  const al_circuits_config c = net_config(n, 0);
  tap_ok(al_circuits_init(&cs, &c) == AL_OK, "a table");
  tap_ok(al_circuit_link_up(&cs, 0, true, 0) == AL_EFULL, "link 0 is none");
  tap_ok(al_circuit_link_up(&cs, 1 << 20 | 4, true, 0) == AL_EFULL, "index out of range");
  tap_ok(al_circuit_link_up(&cs, NET_PREV, true, 0) == AL_OK, "up");
  tap_ok(al_circuit_link_up(&cs, NET_PREV, true, 0) == AL_ESTATE, "but once");
  tap_ok(al_circuit_link_up(&cs, 2 << 20 | 0, true, 0) == AL_ESTATE,
         "nor another of its index before it went down");
  tap_ok(!al_circuit_link_down(&cs, 2 << 20 | 0, &gone), "a link that is not up goes not down");
  tap_ok(!al_circuit_link_down(&cs, NET_PREV, &gone), "down, no circuits");
  tap_ok(al_circuit_link_up(&cs, 2 << 20 | 0, true, 0) == AL_OK, "the index can be used again");
  tap_is_u64(al_circuit_deadline(&cs), AL_TIME_NEVER, "nothing is due");
  tap_ok(!al_circuit_tick(&cs, AL_TIME_NEVER - 1, &gone), "a tick at any time does nothing");
  al_circuits_clear(&cs);
}

/* ---- ids ---- */

static uint8_t cell[AL_CELL_BYTES]; /* what ask() gave */

static al_circuit_verdict ask(net *n, int i, uint32_t id, al_route_command command,
                              al_circuit_out *out) {
  uint8_t secret[32], x[32];
  al_route route = {.command = (uint8_t)command};
  if (command == AL_ROUTE_CREATE) route.next = n->node[i + 1].id;
  al_rng_bytes(&n->rng, secret, sizeof secret);
  al_rng_bytes(&n->rng, x, sizeof x);
  n->suite->dh_public(route.eph, x);
  const al_circuit_request q = {.link = NET_PREV, .id = id, .route = &route, .hop_secret = secret};
  return al_circuit_extend(&n->node[i].cs, n->now, &q, cell, out);
}

static bool is_destroy(uint32_t id, al_reason reason) {
  al_cell_header h;
  return al_cell_decode(cell, &h) == AL_OK && h.type == AL_CELL_DESTROY && h.id == id &&
         h.flags == reason && al_zero_ct(cell + AL_CELL_HEADER_BYTES, AL_CELL_PAYLOAD_BYTES);
}

static void test_ids(net *n) {
  al_circuit_out out;
  const uint32_t top = 0x80000000u;
  /* Node 0 dialled node 1, and so did node 2: ids from 1 to 2 have no top bit. */
  tap_ok(ask(n, 1, 0, AL_ROUTE_CREATE_END, &out) == AL_CIRCUIT_DROP, "id 0 is no id");
  uint64_t parse = net_counter(n, 1, AL_COUNT_circuit_parse);
  tap_ok(ask(n, 1, 5, AL_ROUTE_CREATE_END, &out) == AL_CIRCUIT_SEND && out.circ == 0 &&
             out.link == NET_PREV && is_destroy(5, AL_REASON_PROTOCOL),
         "an id without the dialler's bit is refused: DESTROY, PROTOCOL");
  tap_ok(ask(n, 2, top | 5, AL_ROUTE_CREATE_END, &out) == AL_CIRCUIT_SEND && out.circ == 0 &&
             is_destroy(top | 5, AL_REASON_PROTOCOL),
         "an id with the bit from a side that did not dial, too");
  tap_is_u64(net_counter(n, 1, AL_COUNT_circuit_parse), parse + 1, "counted as circuit_parse");
  tap_ok(ask(n, 1, top | 5, AL_ROUTE_CREATE_END, &out) == AL_CIRCUIT_SEND && out.circ != 0,
         "an id of the dialler is taken");
  al_circ circ = out.circ;
  uint64_t state = net_counter(n, 1, AL_COUNT_circuit_state);
  tap_ok(ask(n, 1, top | 5, AL_ROUTE_CREATE, &out) == AL_CIRCUIT_SEND && out.circ == 0 &&
             is_destroy(top | 5, AL_REASON_PROTOCOL),
         "a second time it is refused: DESTROY, PROTOCOL");
  tap_is_u64(net_counter(n, 1, AL_COUNT_circuit_state), state + 1, "counted as circuit_state");
  al_circuit_gone gone;
  tap_ok(al_circuit_destroy(&n->node[1].cs, circ, AL_REASON_DONE, &gone) == AL_OK,
         "the circuit in the way was not harmed");
  al_route self = {.command = AL_ROUTE_CREATE, .next = n->node[1].id, .eph = {9}};
  uint8_t secret[32] = {1};
  al_circuit_request q = {.link = NET_PREV, .id = top | 6, .route = &self, .hop_secret = secret};
  tap_ok(al_circuit_extend(&n->node[1].cs, n->now, &q, cell, &out) == AL_CIRCUIT_SEND &&
             is_destroy(top | 6, AL_REASON_PROTOCOL),
         "a way from a node to itself is refused");
  al_route weak = {.command = AL_ROUTE_CREATE_END};
  q = (al_circuit_request){.link = NET_PREV, .id = top | 7, .route = &weak, .hop_secret = secret};
  uint64_t auth = net_counter(n, 1, AL_COUNT_circuit_auth);
  tap_ok(al_circuit_extend(&n->node[1].cs, n->now, &q, cell, &out) == AL_CIRCUIT_SEND &&
             is_destroy(top | 7, AL_REASON_PROTOCOL),
         "an ephemeral key of small order is refused");
  tap_is_u64(net_counter(n, 1, AL_COUNT_circuit_auth), auth + 1, "counted as circuit_auth");
  q.link = 77;
  tap_ok(al_circuit_extend(&n->node[1].cs, n->now, &q, cell, &out) == AL_CIRCUIT_DROP,
         "a link that is not up asks for nothing");
  tap_is_u64(al_slab_count(&n->node[1].cs.items), 0, "no circuit is left");
  tap_is_u64(al_slab_count(&n->node[1].cs.hops), 0, "no keys are left");
  tap_is_u64(al_map_count(&n->node[1].cs.by_id), 0, "no ids are left");
}

/* The same generator state draws the same id: it must be seen that it is taken. */
static void test_own_ids(net *n, uint64_t seed) {
  uint8_t packet[AL_SPHINX_BYTES], s[AL_RNG_SEED_BYTES] = {0};
  al_circuit_plan plan;
  net_plan(n, 1, &plan);
  const al_circuit_opening o = {.link = NET_NEXT, .plan = &plan, .packet = packet};
  uint32_t id[3] = {0};
  al_circ circ[3];
  bool good = true;
  al_store_u64(s, seed);
  for (int i = 0; i < 3; i++) {
    al_rng_init(&n->rng, n->suite, s);
    good = good && al_circuit_open(&n->node[0].cs, n->now, &o, &circ[i], &id[i]) == AL_OK;
  }
  tap_ok(good && id[0] != id[1] && id[1] != id[2] && id[0] != id[2], "own ids do not collide");
  tap_ok((id[0] & id[1] & id[2] & 0x80000000u) != 0, "the dialler's own ids have the top bit");
  al_circuit_gone gone;
  for (int i = 0; i < 3; i++) al_circuit_destroy(&n->node[0].cs, circ[i], AL_REASON_DONE, &gone);
  plan.hops = 0;
  tap_ok(al_circuit_open(&n->node[0].cs, n->now, &o, circ, id) == AL_EINVAL, "no hops");
  plan.hops = AL_HOPS_MAX + 1;
  tap_ok(al_circuit_open(&n->node[0].cs, n->now, &o, circ, id) == AL_EINVAL, "too many hops");
  net_plan(n, 1, &plan);
  const al_circuit_opening nowhere = {.link = 77, .plan = &plan, .packet = packet};
  tap_ok(al_circuit_open(&n->node[0].cs, n->now, &nowhere, circ, id) == AL_ENOTFOUND, "no link");
  memset(plan.onion_pk[0], 0xff, sizeof plan.onion_pk[0]);
  tap_ok(al_circuit_open(&n->node[0].cs, n->now, &o, circ, id) == AL_ECRYPTO, "no onion key");
  tap_is_u64(al_slab_count(&n->node[0].cs.items), 0, "and nothing is left of all that");
}

static void test_link_out(net *n) {
  al_circuit_out out;
  al_circuits *cs = &n->node[1].cs;
  uint32_t id;
  tap_ok(ask(n, 1, 0x80000009u, AL_ROUTE_CREATE, &out) == AL_CIRCUIT_NEXT &&
             al_id_equal(&out.next, &n->node[2].id),
         "a relay is told the next node");
  tap_ok(al_circuit_link_out(cs, out.circ, 77, &id) == AL_ENOTFOUND, "no such link");
  tap_ok(al_circuit_link_out(cs, 0, NET_NEXT, &id) == AL_ENOTFOUND, "no such circuit");
  tap_ok(al_circuit_link_out(cs, out.circ, NET_NEXT, &id) == AL_OK && id != 0 && id >> 31 == 0,
         "an id for the next link, without the bit since the other side dialled");
  tap_ok(al_circuit_link_out(cs, out.circ, NET_NEXT, &id) == AL_ESTATE, "but once");
  al_circuit_out none;
  const al_circ circ = out.circ;
  const al_cell_header h = {.id = 0x80000009u, .type = AL_CELL_CREATED};
  uint64_t state = net_counter(n, 1, AL_COUNT_circuit_state);
  al_cell_encode(&h, cell);
  tap_ok(al_circuit_peel(cs, n->now, NET_PREV, cell, &none) == AL_CIRCUIT_DROP &&
             net_counter(n, 1, AL_COUNT_circuit_state) == state + 1 &&
             !al_circuit_get(cs, circ)->open,
         "CREATED from the origin's side opens nothing");
  al_circuit_gone gone;
  al_circuit_destroy(cs, circ, AL_REASON_DONE, &gone);
  tap_ok(gone.tell[0].link == NET_PREV && gone.tell[0].id == 0x80000009u &&
             gone.tell[1].link == NET_NEXT && gone.tell[1].id == id && !gone.was_open,
         "its end is told to both sides");
}

/* ---- quotas ---- */

static void test_quota(net *n) {
  al_circuits *cs = &n->node[1].cs;
  const uint32_t rate = cs->cfg.creates_per_s;
  uint32_t burst = 0, later = 0;
  uint64_t full = net_counter(n, 1, AL_COUNT_circuit_full);
  n->now += 100 * AL_SECOND;
  while (burst < 100000 && al_circuit_may_create(cs, NET_PREV, n->now)) burst++;
  tap_is_u64(burst, 4 * rate, "a burst of four seconds of set-ups");
  tap_is_u64(net_counter(n, 1, AL_COUNT_circuit_full), full + 1, "then circuit_full");
  tap_ok(al_circuit_may_create(cs, NET_NEXT, n->now), "another link has its own quota");
  for (int ms = 0; ms < 10000; ms++) {
    n->now += AL_MS;
    for (int k = 0; k < 3; k++) later += al_circuit_may_create(cs, NET_PREV, n->now);
  }
  tap_is_u64(later, 10 * rate, "a flood gets the rate and no more");
  tap_ok(!al_circuit_may_create(cs, 77, n->now), "a link that is not up gets nothing");
}

static void test_half_open(net *n) {
  al_circuit_out out;
  al_circuits *cs = &n->node[1].cs;
  uint32_t taken = 0, id;
  uint64_t full = net_counter(n, 1, AL_COUNT_circuit_full);
  al_circ first = 0;
  for (uint32_t i = 0; i < 40; i++) {
    if (ask(n, 1, 0x80000100u + i, AL_ROUTE_CREATE, &out) == AL_CIRCUIT_NEXT) {
      taken++;
      if (first == 0) first = out.circ;
      al_circuit_link_out(cs, out.circ, NET_NEXT, &id);
    } else if (!is_destroy(0x80000100u + i, AL_REASON_RESOURCE)) {
      taken = 1000;
    }
    n->now += AL_MS;
  }
  tap_is_u64(taken, 8, "eight circuits of a link may wait for their answer");
  tap_is_u64(net_counter(n, 1, AL_COUNT_circuit_full), full + 32, "the others are circuit_full");
  tap_ok(ask(n, 1, 0x80000200u, AL_ROUTE_CREATE_END, &out) == AL_CIRCUIT_SEND && out.circ != 0,
         "one that ends here does not wait, so it may come");
  /* An answer makes room, and so does time. */
  al_cell_header h = {.id = id, .type = AL_CELL_CREATED};
  al_circuit_info info;
  al_cell_encode(&h, cell);
  tap_ok(al_circuit_peel(cs, n->now, NET_NEXT, cell, &out) == AL_CIRCUIT_SEND &&
             al_circuit_info_get(cs, out.circ, n->now, &info) && info.open,
         "CREATED opens one");
  tap_ok(ask(n, 1, 0x80000300u, AL_ROUTE_CREATE, &out) == AL_CIRCUIT_NEXT, "room for one");
  tap_ok(ask(n, 1, 0x80000301u, AL_ROUTE_CREATE, &out) == AL_CIRCUIT_SEND, "and no more");
  al_circuit_gone gone;
  tap_is_u64(al_circuit_deadline(cs), al_circuit_get(cs, first)->started + 10 * AL_SECOND,
             "the first is due after ten seconds");
  tap_ok(!al_circuit_tick(cs, al_circuit_deadline(cs) - 1, &gone), "not before");
  uint32_t ended = 0;
  for (n->now += 20 * AL_SECOND; al_circuit_tick(cs, n->now, &gone); ended++)
    if (gone.reason != AL_REASON_TIMEOUT || gone.tell[0].link != NET_PREV || gone.was_open) break;
  tap_is_u64(ended, 8, "all that got no answer are ended");
  tap_is_u64(net_counter(n, 1, AL_COUNT_circuit_build_timeout), 8, "as circuit_build_timeout");
  tap_ok(ask(n, 1, 0x80000302u, AL_ROUTE_CREATE, &out) == AL_CIRCUIT_NEXT, "room again");
  tap_is_u64(al_circuit_count(cs, AL_CIRCUIT_RELAY), 2, "two relayed");
  tap_is_u64(al_circuit_count(cs, AL_CIRCUIT_END), 1, "one that ends here");
  tap_is_u64(al_circuit_link_count(cs, NET_PREV), 3, "three on the link they came by");
  tap_is_u64(al_circuit_link_count(cs, NET_NEXT), 1, "one goes on");
}

/* Ends every circuit; the table must be empty then and able to fill up again. */
static void test_full(net *n) {
  al_circuit_out out;
  al_circuits *cs = &n->node[1].cs;
  al_circuit_gone gone;
  uint32_t down = 0;
  while (al_circuit_link_down(cs, NET_PREV, &gone)) down += gone.tell[0].link == 0;
  tap_is_u64(down, 3, "a link that goes down ends its circuits and is not told");
  al_circuit_link_up(cs, NET_PREV, false, n->now);
  for (int round = 0; round < 3; round++) {
    uint32_t taken = 0;
    for (uint32_t i = 0; i < 100; i++)
      if (ask(n, 1, 0x80001000u + i, AL_ROUTE_CREATE_END, &out) == AL_CIRCUIT_SEND && out.circ != 0)
        taken++;
    tap_is_u64(taken, cs->cfg.circuits_max / 2, "one link gets half of the limit, round %d", round);
    tap_ok(is_destroy(0x80001000u + 99, AL_REASON_RESOURCE), "then DESTROY, RESOURCE");
    uint32_t cursor = 0, ended = 0;
    for (al_circ c; (c = al_circuit_each(cs, &cursor)) != 0;)
      ended += al_circuit_destroy(cs, c, AL_REASON_DONE, &gone) == AL_OK;
    tap_is_u64(ended, taken, "all can be walked over and ended");
  }
  tap_is_u64(al_map_count(&cs->by_id), 0, "no ids are left");
  tap_is_u64(al_slab_count(&cs->hops), 0, "no keys are left");
  tap_ok(cs->oldest == NULL && cs->newest == NULL, "nobody waits");
  tap_ok(al_circuit_destroy(cs, out.circ, AL_REASON_DONE, &gone) == AL_ENOTFOUND, "no circuit");
}

static void test_origins_max(net *n) {
  uint8_t packet[AL_SPHINX_BYTES];
  al_circuit_plan plan;
  net_plan(n, 5, &plan);
  const al_circuit_opening o = {.link = NET_NEXT, .plan = &plan, .packet = packet};
  uint32_t id, opened = 0;
  al_circ circ;
  al_circuit_gone gone;
  al_circuits *cs = &n->node[0].cs;
  while (opened < 100 && al_circuit_open(cs, n->now, &o, &circ, &id) == AL_OK) opened++;
  tap_is_u64(opened, 7, "as many own circuits as origins_max");
  tap_is_u64(al_circuit_count(cs, AL_CIRCUIT_ORIGIN), 7, "are counted");
  while (al_circuit_link_down(cs, NET_NEXT, &gone)) opened--;
  tap_ok(opened == 0 && gone.role == AL_CIRCUIT_ORIGIN && gone.tell[1].link == 0, "all end");
  tap_is_u64(al_circuit_count(cs, AL_CIRCUIT_ORIGIN), 0, "and are not counted any more");
}

/* ---- ends ---- */

/* An end that begins at node `from` travels both ways; every node is empty afterwards. */
static void test_destroy(net *n, uint8_t hops, int from) {
  al_circuit_gone gone;
  al_circuit_out out;
  bool good = net_build(n, hops);
  al_circuit_hop *keys = al_circuit_get(&n->node[from].cs, n->node[from].circ)->hop[0];
  bool secret = !al_zero_ct(keys, sizeof *keys);
  good = good && al_circuit_destroy(&n->node[from].cs, n->node[from].circ, AL_REASON_CANCELLED,
                                    &gone) == AL_OK;
  /* The first four bytes of a free item are the pool's. */
  tap_ok(good && secret && al_zero_ct((uint8_t *)keys + 4, sizeof *keys - 4),
         "%d hops: node %d wipes its keys", hops, from);
  for (int dir = 0; dir < 2 && good; dir++) {
    int step = dir == AL_CIRCUIT_FORWARD ? 1 : -1, at = from;
    al_circuit_gone g = gone;
    while (g.tell[dir].link != 0) {
      al_circuit_destroy_cell(cell, g.tell[dir].id, g.reason);
      at += step;
      uint64_t before = net_counter(n, at, AL_COUNT_circuit_destroyed);
      good = good && al_circuit_peel(&n->node[at].cs, n->now, step > 0 ? NET_PREV : NET_NEXT, cell,
                                     &out) == AL_CIRCUIT_ENDED;
      g = out.gone;
      good = good && g.reason == AL_REASON_CANCELLED && g.was_open && g.tell[1 - dir].link == 0 &&
             g.circ == n->node[at].circ &&
             net_counter(n, at, AL_COUNT_circuit_destroyed) == before + 1;
    }
    good = good && at == (step > 0 ? hops : 0);
  }
  for (int i = 0; i < n->nodes; i++)
    good =
        good && al_slab_count(&n->node[i].cs.items) == 0 && al_slab_count(&n->node[i].cs.hops) == 0;
  tap_ok(good, "%d hops: DESTROY from node %d frees all of it, once each", hops, from);
  al_circuit_destroy_cell(cell, 0x80000001u, AL_REASON_DONE);
  uint64_t unknown = net_counter(n, 1, AL_COUNT_circuit_unknown);
  tap_ok(al_circuit_peel(&n->node[1].cs, n->now, NET_PREV, cell, &out) == AL_CIRCUIT_DROP &&
             net_counter(n, 1, AL_COUNT_circuit_unknown) == unknown + 1,
         "DESTROY of nothing is circuit_unknown");
}

static void test_reasons(net *n) {
  al_circuit_out out;
  bool good = net_build(n, 1);
  al_circuit_destroy_cell(cell, al_circuit_get(&n->node[1].cs, n->node[1].circ)->side[0].id,
                          (al_reason)255);
  tap_ok(good &&
             al_circuit_peel(&n->node[1].cs, n->now, NET_PREV, cell, &out) == AL_CIRCUIT_ENDED &&
             out.gone.reason == AL_REASON_PROTOCOL,
         "an unknown reason counts as PROTOCOL");
  al_circuit_gone gone;
  al_circuit_destroy(&n->node[0].cs, n->node[0].circ, AL_REASON_DONE, &gone);
}

/* The relay `from` of a circuit of three hops loses the next one: what does the origin hear? */
static al_reason heard(net *n, int from) {
  al_circuit_gone gone;
  al_circuit_out out;
  bool good = net_build(n, 3);
  good = good &&
         al_circuit_destroy(&n->node[from].cs, n->node[from].circ, AL_REASON_LINK, &gone) == AL_OK;
  for (int at = from - 1; at >= 0 && good; at--) {
    al_circuit_destroy_cell(cell, gone.tell[AL_CIRCUIT_BACKWARD].id, gone.reason);
    good = al_circuit_peel(&n->node[at].cs, n->now, NET_NEXT, cell, &out) == AL_CIRCUIT_ENDED;
    gone = out.gone;
  }
  for (int at = from + 1; at < 4; at++)
    (void)al_circuit_destroy(&n->node[at].cs, n->node[at].circ, AL_REASON_DONE, &out.gone);
  return good ? gone.reason : AL_REASON_DONE;
}

static void test_beyond(net *n) {
  tap_is_u64(heard(n, 1), AL_REASON_LINK, "the first relay lost the next one: LINK");
  tap_is_u64(heard(n, 2), AL_REASON_BEYOND, "one further on did: BEYOND");
}

static void test_link_down(net *n) {
  al_circuit_gone gone;
  uint32_t ended = 0;
  bool good = true;
  for (int i = 0; i < 5; i++) good = good && net_build(n, 3);
  while (al_circuit_link_down(&n->node[2].cs, NET_PREV, &gone)) {
    ended++;
    good = good && gone.reason == AL_REASON_LINK && gone.tell[0].link == 0 &&
           gone.tell[1].link == NET_NEXT && gone.role == AL_CIRCUIT_RELAY;
  }
  tap_ok(good && ended == 5, "a lost link ends its circuits and tells the other side, reason LINK");
  ended = 0;
  while (al_circuit_link_down(&n->node[1].cs, NET_NEXT, &gone))
    ended += gone.tell[0].link == NET_PREV && gone.tell[1].link == 0;
  tap_is_u64(ended, 5, "at the other end of that link, too");
}

/* What a relayed circuit costs in all: its items, its two ids, its share of nothing else. */
static void test_memory(net *n) {
  enum { MANY = 4096 };
  al_circuits cs;
  al_circuits_config c = net_config(n, 0);
  c.circuits_max = MANY;
  c.origins_max = 1;
  size_t before = n->allocated;
  bool good = al_circuits_init(&cs, &c) == AL_OK && al_circuits_reserve(&cs, MANY) == AL_OK;
  size_t each = (n->allocated - before) / MANY;
  printf("# %zu bytes a relayed circuit, item %zu, hop %zu\n", each, sizeof(al_circuit_item),
         sizeof(al_circuit_hop));
  tap_ok(good && each < 8192, "a relayed circuit takes less than 8 KiB");
  al_circuits_clear(&cs);
  tap_is_u64(n->allocated, before, "all is given back");
  tap_ok(al_circuits_init(&cs, &c) == AL_OK && al_circuits_reserve(&cs, MANY + 100) == AL_OK,
         "more than the limit cannot be had, which is no error");
  al_circuits_clear(&cs);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
  printf("# seed %" PRIu64 "\n", seed);
  net *n = &world;
  net_init(n, al_suite_hacl(), seed);
  test_init(n);
  test_links(n);
  test_memory(n);
  for (int i = 0; i < n->nodes; i++) {
    al_circuits_config c = net_config(n, i);
    c.half_open_max = 8;
    c.origins_max = 7;
    net_start(n, i, &c);
  }
  n->frozen = true;
  test_ids(n);
  test_own_ids(n, seed);
  test_link_out(n);
  test_quota(n);
  test_half_open(n);
  test_full(n);
  test_origins_max(n);
  al_circuit_link_up(&n->node[0].cs, NET_NEXT, true, n->now);
  for (int from = 0; from <= 3; from++) test_destroy(n, 3, from);
  test_destroy(n, 1, 0);
  test_destroy(n, 5, 2);
  test_reasons(n);
  test_beyond(n);
  test_link_down(n);
  net_clear(n);
  tap_is_u64(n->allocated, 0, "all memory is given back");
  return tap_done();
}
