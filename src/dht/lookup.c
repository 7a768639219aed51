/* lookup.c — what this node looks up: several paths at once, each over another neighbour first.
 * Every node takes a number only once, so the paths share no node but the last. Nodes may lie, so
 * over several paths answers are signed, and whoever is named as the closest is asked next, until
 * the closest has answered itself. */
#include "dht/internal.h"
#include "dht/proof.h"

static al_dht_lookup *by_handle(const al_dht *d, uint32_t handle) {
  uint32_t i = handle & 255;
  if (handle == 0 || i >= d->lookups_len || d->lookups[i].handle != handle) return NULL;
  return &d->lookups[i];
}

static al_dht_lookup *by_query(const al_dht *d, uint64_t query) {
  for (uint32_t i = 0; i < d->lookups_len; i++) {
    al_dht_lookup *l = &d->lookups[i];
    if (l->handle != 0 && l->query == query) return l;
  }
  return NULL;
}

bool al_dht_has_lookup(const al_dht *d, uint64_t query) { return by_query(d, query) != NULL; }

/* Who was named, the closest first; of the upkeep's lookup nobody is remembered. */
static al_dht_named *named_of(const al_dht *d, const al_dht_lookup *l) {
  size_t i = (size_t)(l - d->lookups);
  return i == 0 ? NULL : d->named + (i - 1) * NAMED_MAX;
}

static void begin_wave(al_dht *d, al_dht_lookup *l, al_time now) {
  al_dht_named *all = named_of(d, l);
  for (uint32_t i = 0; i < l->named_count; i++) all[i].aim = 0;
  l->query = al_rng_u64(d->cfg.rng);
  for (uint32_t i = 0; i < l->ask.paths; i++) {
    l->path[i] = (dht_path){.state = STATE_RETRY, .deadline = now};
  }
  al_dht_due(d, now);
}

al_err al_dht_start(al_dht *d, const al_dht_ask *ask, al_time now, uint32_t *ret) {
  bool local = (ask->flags & AL_DHT_LOCAL) != 0;
  if (ask->op < AL_DHT_FIND || ask->op > AL_DHT_DESCRIPTOR || ask->paths < 1 ||
      ask->paths > AL_DHT_PATHS_MAX || ask->payload.len > AL_DHT_PAYLOAD_BYTES_MAX ||
      (local && al_dht_contact_of(d, ask->via) == NULL)) {
    return AL_EINVAL;
  }
  if (!al_dht_open_lookups(d)) return AL_EFULL;
  uint32_t i = ask->user == 0 || d->cfg.lookups_max == 1 ? 0 : 1; /* one is for upkeep */
  while (i < d->lookups_len && d->lookups[i].handle != 0) i++;
  if (i == d->cfg.lookups_max) return AL_EFULL;
  al_dht_lookup *l = &d->lookups[i];
  d->serial = (d->serial + 1) & 0xffffff;
  if (d->serial == 0) d->serial = 1;
  *l = (al_dht_lookup){.handle = d->serial << 8 | i, .ask = *ask};
  l->started = now;
  l->deadline = now + AL_DHT_LOOKUP_US;
  l->signs = ask->op == AL_DHT_FIND && ask->flags == 0 && ask->paths > 1 && named_of(d, l) != NULL;
  if (local) l->ask.paths = 1;
  begin_wave(d, l, now);
  *ret = l->handle;
  return AL_OK;
}

void al_dht_stop(al_dht *d, uint32_t lookup) {
  al_dht_lookup *l = by_handle(d, lookup);
  if (l != NULL) *l = (al_dht_lookup){0};
}

/* ---- answers ---- */

/* Which entry gives way: of those that one answer alone names, the farthest of the answer that has
 * most of them. So an answer full of inventions replaces itself, not what others agree on. */
static uint32_t victim(const al_dht_named *all, uint32_t count) {
  uint32_t most = 0, worst = count - 1;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t same = 0;
    for (uint32_t k = 0; k < count; k++) same += all[k].by < 2 && all[k].from == all[i].from;
    if (all[i].by >= 2 || same < most) continue;
    most = same;
    worst = i;
  }
  return worst;
}

/* Is this node nearer to the target than nodes usually are? Only of so many that is borne. */
static bool crowds(al_dht *d, const al_dht_lookup *l, const al_id *id) {
  return al_dht_zone_of(d, &l->ask.target, id) == AL_DHT_CROWD;
}

/* Which entry a further one that crowds takes the place of: the farthest that crowds and has not
 * proved itself. NAMED_MAX: none need go. */
static uint32_t crowd_victim(al_dht *d, const al_dht_lookup *l, const al_dht_named *all) {
  uint32_t crowd = 0, out = NAMED_MAX;
  for (uint32_t i = 0; i < l->named_count && crowds(d, l, &all[i].id); i++) {
    crowd++;
    if (!all[i].proved) out = i;
  }
  return crowd < NAMED_CROWD ? NAMED_MAX : out;
}

static al_dht_named *add_named(al_dht *d, al_dht_lookup *l, const al_id *id) {
  al_dht_named *all = named_of(d, l);
  uint64_t target = al_dht_prefix(&l->ask.target), distance = al_dht_prefix(id) ^ target;
  if (all == NULL) return NULL;
  for (uint32_t i = 0; i < l->named_count; i++) {
    if (al_id_equal(&all[i].id, id)) return &all[i];
  }
  uint32_t out = crowds(d, l, id) ? crowd_victim(d, l, all) : NAMED_MAX;
  if (l->named_count == NAMED_MAX && out == NAMED_MAX) out = victim(all, NAMED_MAX);
  if (out != NAMED_MAX) {
    memmove(&all[out], &all[out + 1], (l->named_count - 1u - out) * sizeof *all);
    l->named_count--;
  }
  uint32_t at = 0;
  while (at < l->named_count && (al_dht_prefix(&all[at].id) ^ target) < distance) at++;
  memmove(&all[at + 1], &all[at], (l->named_count - at) * sizeof *all);
  l->named_count++;
  all[at] = (al_dht_named){.id = *id, .from = l->answers};
  return &all[at];
}

/* How densely nodes lie around a target that nobody chose for being dense: the distance of the
 * AL_DHT_CLOSE-th of those that the closest one names. The first answer is taken as it is; of later
 * ones only whether it is more or less, so that a few that lie move the middle little. */
static void measure(al_dht *d, const al_dht_lookup *l, const al_dht_message *m) {
  al_rd r = al_rd_init(m->entries);
  al_dht_entry e;
  uint64_t far = 0, target = al_dht_prefix(&l->ask.target);
  uint32_t n = 0;
  if (l->ask.op != AL_DHT_FIND || l->ask.flags != 0 || d->radius == UINT64_MAX) return;
  if (m->path != 0 || l->waves != 0 || l->turns != 0) return;
  while (n < AL_DHT_CLOSE && al_dht_next_entry(&r, &e)) {
    far = al_max_u64(far, al_dht_prefix(&e.id) ^ target);
    n++;
  }
  if (n < AL_DHT_CLOSE) return;
  uint64_t step = d->spread >> (d->measured < 4 ? 1 : d->measured < 16 ? 2 : 4);
  if (d->spread == 0) {
    d->spread = far;
  } else if (far < d->spread) {
    d->spread -= step;
  } else {
    d->spread += al_min_u64(al_min_u64(step, far - d->spread), UINT64_MAX - d->spread);
  }
  if (d->measured < UINT8_MAX) d->measured++;
}

/* The first `count` entries of an answer; of a proved one, those that are signed. What hops near
 * the target added behind them is a hint whom to ask. */
static void take_answer(al_dht *d, al_dht_lookup *l, const al_dht_message *m, uint8_t count) {
  al_rd r = al_rd_init(m->entries);
  al_dht_entry e;
  for (uint32_t i = 0; al_dht_next_entry(&r, &e); i++) {
    if (i != 0 && al_id_equal(&e.id, &d->cfg.self)) continue;
    al_dht_named *n = add_named(d, l, &e.id);
    if (n == NULL || i >= count) continue;
    if (n->by < UINT8_MAX) n->by++;
    if (i != 0) continue;
    n->hops = (uint8_t)(m->hops + 1);
    if (n->answers < UINT8_MAX) n->answers++;
    n->proved |= l->signs;
    if (n->proved && n->by < 2) n->by = 2;
  }
  l->answers++;
  bool good = m->code == AL_DHT_FOUND || m->code == AL_DHT_STORED ||
              (l->ask.op == AL_DHT_FIND && (l->ask.flags & AL_DHT_EXACT) == 0);
  if (!good) return;
  l->found = true;
  l->hops = (uint8_t)(m->hops + 1);
  if (l->ask.first) l->over = true;
}

/* The distance between a node and the next, where nobody chose to be. */
static uint64_t spacing(al_dht *d) {
  uint64_t span = al_dht_span(d);
  return span == UINT64_MAX ? UINT64_MAX : span / AL_DHT_CLOSE;
}

/* How many entries of an answer count: all that its first node has signed, if that lies where the
 * closest node should; a hop that answers in the place of another is mostly too far. */
static uint8_t believed(al_dht *d, const al_dht_lookup *l, const al_dht_message *m) {
  al_rd r = al_rd_init(m->entries);
  al_dht_entry e;
  uint8_t count = l->signs ? al_dht_proved(d->cfg.suite, m) : m->count;
  if (count != 0) measure(d, l, m);
  if (!l->signs) return count;
  if (count == 0 || !al_dht_next_entry(&r, &e)) return 0;
  uint64_t distance = al_dht_prefix(&e.id) ^ al_dht_prefix(&l->ask.target);
  return distance / FAR_NODES <= spacing(d) ? count : 0;
}

bool al_dht_lookup_answer(al_dht *d, al_link from, const al_dht_message *m, al_time now,
                          al_dht_in *ret) {
  al_dht_lookup *l = by_query(d, m->query);
  if (l == NULL || l->over || m->path >= l->ask.paths) return false;
  dht_path *p = &l->path[m->path];
  if (p->link != from || (p->state != STATE_ASKED && p->state != STATE_WAITING)) return false;
  if (p->state == STATE_ASKED) al_dht_acked(d, from, p->asked, now);
  uint8_t count = believed(d, l, m);
  al_dht_due(d, now);
  if (count == 0) { /* somebody on this way lies: another one */
    al_count(d->cfg.counters, AL_COUNT_dht_unproved);
    l->turns++;
    p->state = STATE_RETRY;
    p->deadline = now;
    return true;
  }
  al_dht_fault(d, from, true);
  p->state = STATE_DONE;
  take_answer(d, l, m, count);
  ret->lookup = l->handle;
  ret->user = l->ask.user;
  ret->op = l->ask.op;
  return true;
}

void al_dht_own(al_dht *d, uint32_t lookup, const al_dht_message *answer, al_time now) {
  al_dht_lookup *l = by_handle(d, lookup);
  if (l == NULL || l->over) return;
  take_answer(d, l, answer, answer->count);
  al_dht_named *me = add_named(d, l, &d->cfg.self);
  if (me == NULL) return;
  me->hops = 0;
  me->by = me->answers = AL_DHT_PATHS_MAX; /* of this answer there is no doubt */
  me->proved = true;
  al_dht_due(d, now);
}

bool al_dht_lookup_ack(al_dht *d, al_link from, const al_dht_message *m, al_time now) {
  al_dht_lookup *l = by_query(d, m->query);
  if (l == NULL || m->path >= l->ask.paths) return false;
  dht_path *p = &l->path[m->path];
  if (p->link != from || p->state != STATE_ASKED) return true; /* late */
  if (m->code == AL_DHT_TAKEN) {
    al_dht_acked(d, from, p->asked, now);
    p->state = STATE_WAITING;
    p->deadline = now + (al_dht_answer_wait(d, from, al_dht_prefix(&l->ask.target)) << l->calms);
  } else {
    p->state = STATE_RETRY;
    p->deadline = now;
  }
  al_dht_due(d, p->deadline);
  return true;
}

void al_dht_lookup_lost(al_dht *d, al_link link, al_time now) {
  for (uint32_t i = 0; i < d->lookups_len; i++) {
    al_dht_lookup *l = &d->lookups[i];
    for (uint32_t k = 0; l->handle != 0 && k < l->ask.paths; k++) {
      dht_path *p = &l->path[k];
      if (p->link != link || (p->state != STATE_ASKED && p->state != STATE_WAITING)) continue;
      p->state = STATE_RETRY;
      p->deadline = now;
      al_dht_due(d, now);
    }
  }
}

/* ---- time ---- */

/* Whom a path of a later wave asks: the closest node that was named, has not answered, and was not
 * asked before; of those that crowd a few. NULL: there is none. */
static al_dht_named *to_prove(al_dht *d, const al_dht_lookup *l, uint8_t path) {
  al_dht_named *all = named_of(d, l), *best = NULL;
  uint32_t crowd = 0;
  for (uint32_t i = 0; i < l->named_count; i++) {
    bool known = all[i].asked || all[i].proved;
    if (all[i].aim == path + 1) return &all[i];
    if (best == NULL && !known && crowd < PROVED_MIN) best = &all[i];
    if (best == NULL && !known && !crowds(d, l, &all[i].id)) best = &all[i];
    crowd += known && crowds(d, l, &all[i].id);
  }
  if (best != NULL) {
    best->asked = true;
    best->aim = (uint8_t)(path + 1);
  }
  return best;
}

/* Where a path leads: the first one to the target; others, of a lookup of whoever is around it, to
 * points so near that their closest nodes are the same, in another order. So not all paths end at
 * one node, which may be hostile, and who answered badly is not asked for again. */
static al_id aim(al_dht *d, const al_dht_lookup *l, uint8_t path) {
  /* of the last four bits that tell nodes apart, which are inverted */
  static const uint8_t around[16] = {0, 2, 4, 8, 6, 10, 12, 1, 3, 5, 9, 14, 7, 11, 13, 15};
  al_id at = l->ask.target;
  uint32_t bits = al_dht_bucket(spacing(d)) + 1; /* which tell nodes apart */
  uint32_t turn = around[((uint32_t)path + l->waves + l->turns) % 16];
  const al_dht_named *named = l->signs && l->waves != 0 ? to_prove(d, l, path) : NULL;
  if (named != NULL) return named->id;
  if (l->ask.op != AL_DHT_FIND || l->ask.flags != 0 || bits < 1) return at;
  for (uint32_t up = 1; up <= 4; up++) {
    uint32_t bit = bits > up ? bits - up : 0;
    if ((turn >> (up - 1) & 1) != 0) at.b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
  }
  return at;
}

static void send(al_dht *d, al_dht_lookup *l, uint8_t path, al_dht_event *ret) {
  *ret = (al_dht_event){
      .kind = AL_DHT_EV_SEND, .link = l->path[path].link, .lookup = l->handle, .user = l->ask.user};
  ret->message = (al_dht_message){.type = AL_DHT_QUERY,
                                  .op = (uint8_t)l->ask.op,
                                  .flags = l->ask.flags,
                                  .path = path,
                                  .query = l->query,
                                  .target = aim(d, l, path),
                                  .payload = l->ask.payload};
  if (l->signs) ret->message.flags |= AL_DHT_SIGNED;
  if ((l->ask.flags & AL_DHT_LOCAL) == 0)
    ret->message.ttl = (uint8_t)(AL_DHT_TTL - al_rng_below(d->cfg.rng, 4));
}

/* Over which neighbour a path begins: the nearest that no path has used; it need not be closer than
 * this node. */
static al_link first_hop(const al_dht *d, const al_dht_lookup *l) {
  if ((l->ask.flags & AL_DHT_LOCAL) != 0) return l->tried_count == 0 ? l->ask.via : 0;
  if (l->tried_count == TRIED_MAX) return 0;
  al_dht_pick p = {.target = al_dht_prefix(&l->ask.target),
                   .below = UINT64_MAX,
                   .tried = l->tried,
                   .tried_count = l->tried_count};
  const al_dht_contact *c = al_dht_nearest(d, &p);
  return c != NULL ? c->link : 0;
}

/* Is this node itself the closest that it knows? Then it is asked first. */
static bool asks_itself(al_dht *d, const al_dht_lookup *l) {
  if (l->tried_count != 0 || l->answers != 0 || (l->ask.flags & AL_DHT_LOCAL) != 0) return false;
  if (!d->cfg.contact || !al_dht_close_to(d, al_dht_prefix(&l->ask.target))) return false;
  if (al_id_equal(&l->ask.target, &d->cfg.self) && l->ask.user == 0) return false;
  uint64_t target = al_dht_prefix(&l->ask.target);
  al_dht_pick p = {.target = target, .below = target ^ d->self};
  return al_dht_nearest(d, &p) == NULL;
}

/* What the end of a lookup tells, and how many of it may still crowd around the target. */
typedef struct lookup_end {
  al_dht *d;
  const al_dht_lookup *l;
  al_dht_event *ev;
  uint32_t crowd_left;
} lookup_end;

static void put_one(lookup_end *o, al_dht_named *n) {
  if (n->told || o->ev->count == AL_DHT_BEST) return;
  bool crowd = crowds(o->d, o->l, &n->id);
  if (crowd && o->crowd_left == 0) return;
  o->crowd_left -= crowd;
  n->told = true;
  if (n->answers != 0 && o->ev->count == 0) o->ev->hops = n->hops;
  o->ev->best[o->ev->count++] = n->id;
}

/* The closest of those that one answer alone names: the rank-th. */
static al_dht_named *only_by(al_dht_named *all, uint32_t count, uint8_t from, uint32_t rank) {
  for (uint32_t i = 0; i < count; i++) {
    if (all[i].by < 2 && all[i].from == from && rank-- == 0) return &all[i];
  }
  return NULL;
}

/* Those that several answers name, closest first, from the *at-th entry on, up to `max`. */
static void put_shared(lookup_end *o, al_dht_named *all, uint32_t *at, uint32_t max) {
  for (; *at < o->l->named_count && o->ev->count < max; (*at)++) {
    if (all[*at].by >= 2) put_one(o, &all[*at]);
  }
}

/* Of each answer in turn the closest that it alone names, among the first `count`. */
static void put_single(lookup_end *o, al_dht_named *all, uint32_t count) {
  for (uint32_t rank = 0; rank < AL_DHT_BEST; rank++) {
    for (uint8_t from = 0; from < o->l->answers && o->ev->count < AL_DHT_BEST; from++) {
      al_dht_named *n = only_by(all, count, from, rank);
      if (n != NULL) put_one(o, n);
    }
  }
}

/* Those that have proved themselves come first, then the closest that were asked in vain: they may
 * be hidden, or only slow. Then those that several answers name. What one
 * answer alone names may be invented, or the others may hide it: where it is closer than all that
 * they agree on, both get half of the room. */
static void put_best(lookup_end *o) {
  al_dht_named *all = named_of(o->d, o->l);
  uint32_t n = o->l->named_count, first = 0, at = 0;
  for (uint32_t i = 0; i < n && o->ev->count < AL_DHT_BEST / 2; i++) {
    if (all[i].proved) put_one(o, &all[i]);
  }
  for (uint32_t i = 0, vain = 0; i < n && vain < VAIN_TOLD; i++) {
    if (!all[i].asked || all[i].proved) continue;
    put_one(o, &all[i]);
    vain++;
  }
  while (first < n && all[first].by < 2) first++;
  if (first != 0 && first < n) {
    put_shared(o, all, &at, AL_DHT_BEST * 3 / 4);
    put_single(o, all, first);
  }
  put_shared(o, all, &at, AL_DHT_BEST);
  if (first == 0 || first == n) put_single(o, all, n);
}

static void end(al_dht *d, al_dht_lookup *l, al_time now, al_dht_event *ret) {
  *ret = (al_dht_event){.kind = AL_DHT_EV_END,
                        .lookup = l->handle,
                        .user = l->ask.user,
                        .answers = l->answers,
                        .hops = l->hops,
                        .found = l->found,
                        .took_us = (uint32_t)al_time_since(now, l->started)};
  ret->message.target = l->ask.target;
  lookup_end o = {.d = d, .l = l, .ev = ret, .crowd_left = AL_DHT_CROWD_SHARE};
  if (named_of(d, l) != NULL) put_best(&o);
  o.crowd_left = AL_DHT_BEST; /* there is nobody else */
  if (named_of(d, l) != NULL) put_best(&o);
  *l = (al_dht_lookup){0};
}

/* Whether paths agree: on who answered, or on half of those around. Or both lie. */
static bool agreed(const al_dht *d, const al_dht_lookup *l) {
  const al_dht_named *all = named_of(d, l);
  if (l->ask.paths == 1 || all == NULL) return l->answers != 0;
  if (l->ask.first && l->found) return true;
  uint32_t common = 0;
  for (uint32_t i = 0; i < l->named_count; i++) {
    if (all[i].answers >= 2) return true;
    common += all[i].by >= 2;
  }
  return common >= AL_DHT_CLOSE / 2;
}

/* Whether a lookup may end when all its paths have: the closest few that may be there have signed
 * an answer, so that not one alone says who is around. Who was asked and gave none is not there, or
 * hidden. */
static bool settled(al_dht *d, const al_dht_lookup *l) {
  const al_dht_named *all = named_of(d, l);
  uint32_t proved = 0, crowd = 0, known = 0;
  if (!l->signs) return agreed(d, l);
  for (uint32_t i = 0; i < l->named_count && proved < PROVED_MIN; i++) {
    bool near = crowds(d, l, &all[i].id);
    if (near && known >= PROVED_MIN) continue; /* of a crowd a few are heard */
    if (!all[i].proved && !all[i].asked) return false;
    known += near;
    if (near && crowd == PROVED_CROWD) continue;
    crowd += near && all[i].proved;
    proved += all[i].proved;
  }
  return proved != 0 || crowd != 0;
}

static bool tick_path(al_dht *d, al_dht_lookup *l, uint8_t path, al_time now, al_dht_event *ret) {
  dht_path *p = &l->path[path];
  if (p->state != STATE_RETRY) al_dht_fault(d, p->link, false);
  l->turns = (uint8_t)(l->turns + (p->state == STATE_WAITING));
  al_link link = first_hop(d, l);
  if (link == 0 || (l->signs && l->waves != 0 && p->tries == WAVE_TRIES)) {
    p->state = STATE_DONE;
    return false;
  }
  uint8_t tries = (uint8_t)(p->tries + 1);
  l->tried[l->tried_count++] = link;
  *p = (dht_path){.link = link, .state = STATE_ASKED, .tries = tries, .asked = (uint32_t)now};
  p->deadline = now + (al_dht_ack_wait(d, al_dht_contact_of(d, link)) << l->calms);
  al_dht_due(d, p->deadline);
  send(d, l, path, ret);
  return true;
}

/* Nobody has answered, whoever was asked: mostly because our own access is slow, or full for a
 * moment, and all waits were too short. */
static bool calm_down(al_dht *d, al_dht_lookup *l, al_time now) {
  if (!l->signs || l->answers != 0 || l->tried_count == 0 || l->calms == CALMS) return false;
  l->calms++;
  l->waves = l->tried_count = 0;
  begin_wave(d, l, now + CALM_US);
  return true;
}

/* One thing for one lookup. */
static bool tick_one(al_dht *d, al_dht_lookup *l, al_time now, al_dht_event *ret) {
  al_dht_settle(d);
  if (l->over || l->deadline <= now) {
    end(d, l, now, ret);
    return true;
  }
  if (asks_itself(d, l)) {
    l->path[0].state = STATE_DONE;
    send(d, l, 0, ret);
    ret->kind = AL_DHT_EV_HERE;
    ret->link = 0;
    return true;
  }
  bool all = true;
  for (uint8_t i = 0; i < l->ask.paths; i++) {
    dht_path *p = &l->path[i];
    if (p->state != STATE_DONE && p->deadline <= now && tick_path(d, l, i, now, ret)) return true;
    if (p->state == STATE_DONE) continue;
    all = false;
    al_dht_due(d, p->deadline);
  }
  al_dht_due(d, l->deadline);
  bool enough = settled(d, l) && (all || (l->signs && l->answers >= l->ask.paths));
  if (!all && !enough) return false;
  if (enough || ++l->waves >= WAVES || first_hop(d, l) == 0) {
    if (calm_down(d, l, now)) return false;
    end(d, l, now, ret);
    return true;
  }
  begin_wave(d, l, now);
  return tick_path(d, l, 0, now, ret); /* the others at the next call */
}

bool al_dht_lookup_tick(al_dht *d, al_time now, al_dht_event *ret) {
  for (uint32_t i = 0; i < d->lookups_len; i++) {
    al_dht_lookup *l = &d->lookups[i];
    if (l->handle == 0) continue;
    if (tick_one(d, l, now, ret)) {
      d->next = 0; /* call again */
      return true;
    }
  }
  return false;
}
