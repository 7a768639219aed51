/* table.c — neighbours as a routing table: who is needed, who is nearest, how many there may be. */
#include "dht/internal.h"

static bool config_valid(const al_dht_config *c) {
  return c->links_max >= 1 && c->links_max <= 4096 && c->queries_max >= 1 &&
         c->queries_max <= 65536 && c->lookups_max >= 1 && c->lookups_max <= 255 &&
         (c->per_bucket == 1 || c->per_bucket == 2);
}

static const al_alloc *memory(const al_dht *d) {
  return d->cfg.loose != NULL ? d->cfg.loose : d->cfg.alloc;
}

bool al_dht_open_queries(al_dht *d) {
  if (d->queries != NULL) return true;
  d->queries = al_new_array(memory(d), d->cfg.queries_max, sizeof *d->queries);
  if (d->queries != NULL) d->queries_len = d->cfg.queries_max;
  return d->queries != NULL;
}

static void close_queries(al_dht *d) {
  al_delete(memory(d), d->queries, d->queries_len * sizeof *d->queries);
  d->queries = NULL;
  d->queries_len = 0;
}

static size_t named_bytes(const al_dht *d) {
  return (d->cfg.lookups_max - 1) * (size_t)NAMED_MAX * sizeof *d->named;
}

static void close_lookups(al_dht *d) {
  al_delete(memory(d), d->lookups, d->cfg.lookups_max * sizeof *d->lookups);
  if (d->named != NULL) al_delete(memory(d), d->named, named_bytes(d));
  d->lookups = NULL;
  d->named = NULL;
  d->lookups_len = 0;
}

bool al_dht_open_lookups(al_dht *d) {
  if (d->lookups != NULL) return true;
  d->lookups = al_new_array(memory(d), d->cfg.lookups_max, sizeof *d->lookups);
  if (d->cfg.lookups_max > 1) d->named = al_new(memory(d), named_bytes(d));
  d->lookups_len = d->cfg.lookups_max;
  if (d->lookups != NULL && (d->named != NULL || d->cfg.lookups_max == 1)) return true;
  close_lookups(d);
  return false;
}

void al_dht_rest(al_dht *d) {
  bool queries = false, lookups = false;
  if (d->cfg.loose == NULL) return;
  for (uint32_t i = 0; i < d->queries_len; i++) queries |= d->queries[i].state != STATE_FREE;
  for (uint32_t i = 0; i < d->lookups_len; i++) lookups |= d->lookups[i].handle != 0;
  if (!queries) close_queries(d);
  if (!lookups) close_lookups(d);
}

al_err al_dht_reserve(al_dht *d, uint32_t links) {
  if (links <= d->contacts_len) return AL_OK;
  const uint32_t len = (links + LINKS_STEP - 1) / LINKS_STEP * LINKS_STEP;
  al_dht_contact *more =
      al_grown(d->cfg.alloc, d->contacts, d->contacts_len * sizeof *more, len * sizeof *more);
  if (more == NULL) return AL_ENOMEM;
  d->contacts = more;
  d->contacts_len = len;
  return AL_OK;
}

al_err al_dht_init(al_dht *d, const al_dht_config *c) {
  memset(d, 0, sizeof *d);
  if (!config_valid(c)) return AL_EINVAL;
  d->cfg = *c;
  if (c->loose == NULL && (al_dht_reserve(d, c->links_max) != AL_OK || !al_dht_open_queries(d) ||
                           !al_dht_open_lookups(d))) {
    al_dht_clear(d);
    return AL_ENOMEM;
  }
  d->self = al_dht_prefix(&c->self);
  d->radius = UINT64_MAX;
  d->next = AL_TIME_NEVER;
  d->typical_us = TYPICAL_US;
  d->check_wait_s = CHECK_MIN_S;
  return AL_OK;
}

void al_dht_clear(al_dht *d) {
  const al_alloc *a = d->cfg.alloc;
  if (a == NULL) return;
  al_delete(a, d->contacts, d->contacts_len * sizeof *d->contacts);
  close_queries(d);
  close_lookups(d);
  memset(d, 0, sizeof *d);
}

al_dht_contact *al_dht_contact_of(const al_dht *d, al_link link) {
  uint32_t i = al_slab_index(link);
  if (link == 0 || i >= d->contacts_len || d->contacts[i].link != link) return NULL;
  return &d->contacts[i];
}

/* ---- who is there ---- */

static uint8_t group_byte(uint64_t group) {
  if (group == 0) return 0;
  return (uint8_t)(1 + (group * 0x9e3779b97f4a7c15u >> 32) % 255);
}

void al_dht_link_up(al_dht *d, al_link link, const al_id *id, uint64_t group, al_time now) {
  uint32_t i = al_slab_index(link);
  AL_ASSERT(link != 0 && i < d->contacts_len);
  (void)now;
  d->contacts[i] =
      (al_dht_contact){.prefix = al_dht_prefix(id), .link = link, .group = group_byte(group)};
  if (i >= d->top) d->top = i + 1;
  d->told_all = false;
}

/* A neighbour begins to route, or ceases. */
static void routes(al_dht *d, al_dht_contact *c, bool on) {
  if (((c->flags & CONTACT_ROUTES) != 0) == on) return;
  c->flags ^= CONTACT_ROUTES;
  d->count = on ? d->count + 1 : d->count - 1;
  d->changed = true;
}

void al_dht_adopt(al_dht *d, al_link link, bool on) {
  al_dht_contact *c = al_dht_contact_of(d, link);
  if (c == NULL) return;
  c->flags |= CONTACT_TOLD;
  routes(d, c, on);
}

void al_dht_settled(al_dht *d, al_time now) {
  d->joined = true;
  al_dht_settle(d);
  d->check_wait_s = CHECK_MAX_S;
  d->check_at = now + al_rng_below(d->cfg.rng, (uint64_t)CHECK_MAX_S * AL_SECOND);
}

void al_dht_set_contact(al_dht *d, bool contact) {
  if (d->cfg.contact == contact) return;
  d->cfg.contact = contact;
  d->told_all = false;
  for (uint32_t i = 0; i < d->top; i++) d->contacts[i].flags &= (uint8_t)~CONTACT_TOLD;
}

void al_dht_state_came(al_dht *d, al_link from, uint8_t flags) {
  al_dht_contact *c = al_dht_contact_of(d, from);
  if (c == NULL) return;
  routes(d, c, (flags & AL_DHT_STATE_CONTACT) != 0);
}

void al_dht_contact_lost(al_dht *d, al_link link) {
  al_dht_contact *c = al_dht_contact_of(d, link);
  if (c == NULL) return;
  routes(d, c, false);
  *c = (al_dht_contact){0};
  while (d->top > 0 && d->contacts[d->top - 1].link == 0) d->top--;
}

al_link al_dht_state_next(al_dht *d, uint32_t *cursor, al_dht_message *ret) {
  if (d->told_all) return 0;
  bool first = *cursor == 0;
  while (*cursor < d->top) {
    const al_dht_contact *c = &d->contacts[(*cursor)++];
    if (c->link == 0 || (c->flags & CONTACT_TOLD) != 0) continue;
    *ret = (al_dht_message){.type = AL_DHT_STATE};
    if (d->cfg.contact) ret->flags |= AL_DHT_STATE_CONTACT;
    return c->link;
  }
  if (first) d->told_all = true;
  return 0;
}

void al_dht_state_said(al_dht *d, al_link link) {
  al_dht_contact *c = al_dht_contact_of(d, link);
  if (c != NULL) c->flags |= CONTACT_TOLD;
}

/* ---- who is needed ---- */

uint32_t al_dht_region(const al_dht *d, uint64_t distance) {
  uint32_t bucket = al_dht_bucket(distance);
  if (d->cfg.per_bucket == 1) return bucket;
  uint32_t half = bucket < 63 ? (uint32_t)(distance >> (62 - bucket)) & 1 : 0;
  return 2 * bucket + half;
}

static bool bit_get(const uint64_t *set, uint32_t i) { return (set[i / 64] >> i % 64 & 1) != 0; }

static void bit_set(uint64_t *set, uint32_t i) { set[i / 64] |= (uint64_t)1 << i % 64; }

/* IDs whose first so many bits are the same are in one cell, a quarter as wide as nodes usually lie
 * apart. 64: this node knows too little of the network for that. */
static uint32_t cell_bits(const al_dht *d) {
  if (d->spread == 0) return 64;
  uint64_t most = d->radius > UINT64_MAX / CELL_SLACK ? UINT64_MAX : d->radius * CELL_SLACK;
  uint64_t width = al_min_u64(d->spread, most) / AL_DHT_CLOSE / CELLS;
  return width < 2 ? 64 : al_dht_bucket(width) + 1;
}

/* Do so many of these share a cell with it that it was made to be there? Such are left out: else
 * they would stand for the whole neighbourhood of what they are next to. */
static bool crowded(al_dht_contact *const *few, uint32_t n, const al_dht_contact *c,
                    uint32_t bits) {
  uint32_t same = 0;
  for (uint32_t i = 0; i < n; i++) same += (few[i]->prefix ^ c->prefix) >> (64 - bits) == 0;
  return bits < 64 && same >= CELL_SHARE;
}

/* The closest contacts, in order; of one address group no more than its share. */
static uint32_t closest_few(const al_dht *d, al_dht_contact *ret[AL_DHT_CLOSE]) {
  uint32_t n = 0, bits = cell_bits(d);
  uint64_t after = 0; /* distances below were looked at */
  while (n < AL_DHT_CLOSE) {
    al_dht_contact *best = NULL;
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < d->top; i++) {
      al_dht_contact *c = &d->contacts[i];
      uint64_t distance = c->prefix ^ d->self;
      if ((c->flags & CONTACT_ROUTES) == 0 || distance < after || distance >= least) continue;
      best = c;
      least = distance;
    }
    if (best == NULL) break;
    uint32_t same = 0;
    for (uint32_t i = 0; i < n; i++) same += best->group != 0 && ret[i]->group == best->group;
    if (same < GROUP_SHARE && !crowded(ret, n, best, bits)) ret[n++] = best;
    if (least == UINT64_MAX) break;
    after = least + 1;
  }
  return n;
}

/* Whoever was needed before (`keep`) goes first, so that links live long. */
static void fill_regions(al_dht *d, bool keep) {
  for (uint32_t i = 0; i < d->top; i++) {
    al_dht_contact *c = &d->contacts[i];
    uint64_t distance = c->prefix ^ d->self;
    uint32_t region = al_dht_region(d, distance);
    if (((c->flags & CONTACT_NEEDED) != 0) != keep) continue;
    c->flags &= (uint8_t)~CONTACT_NEEDED;
    if ((c->flags & CONTACT_ROUTES) == 0 || distance <= d->radius) continue;
    if (bit_get(d->filled, region)) continue;
    c->flags |= CONTACT_NEEDED;
    bit_set(d->filled, region);
  }
}

void al_dht_settle(al_dht *d) {
  if (!d->changed) return;
  d->changed = false;
  al_dht_contact *few[AL_DHT_CLOSE];
  uint32_t n = closest_few(d, few);
  uint64_t radius = n < AL_DHT_CLOSE ? UINT64_MAX : few[n - 1]->prefix ^ d->self;
  if (radius != d->radius) { /* ask around soon, whether that is all */
    d->radius = radius;
    d->check_wait_s = CHECK_MIN_S;
    d->check_at = 0;
  }
  d->filled[0] = d->filled[1] = 0;
  for (uint32_t i = 0; i < n; i++) bit_set(d->filled, al_dht_region(d, few[i]->prefix ^ d->self));
  fill_regions(d, true);
  fill_regions(d, false);
  for (uint32_t i = 0; i < n; i++) few[i]->flags |= CONTACT_NEEDED;
}

bool al_dht_lacks(al_dht *d) {
  al_dht_settle(d);
  if (d->radius == UINT64_MAX) return true;
  uint32_t end = d->cfg.per_bucket * al_dht_bucket(d->radius);
  for (uint32_t i = 0; i < end; i++) {
    if (!bit_get(d->filled, i)) return true;
  }
  return false;
}

bool al_dht_needs(al_dht *d, al_link link) {
  al_dht_settle(d);
  const al_dht_contact *c = al_dht_contact_of(d, link);
  return c != NULL && (c->flags & CONTACT_NEEDED) != 0;
}

bool al_dht_near(const al_dht *d, al_link link) {
  const al_dht_contact *c = al_dht_contact_of(d, link);
  return c != NULL && (c->prefix ^ d->self) / 4 <= d->radius;
}

bool al_dht_wants(al_dht *d, const al_id *id) {
  al_dht_settle(d);
  uint64_t distance = al_dht_prefix(id) ^ d->self;
  if (distance == 0) return false;
  return distance < d->radius || !bit_get(d->filled, al_dht_region(d, distance));
}

bool al_dht_close_to(const al_dht *d, uint64_t target) {
  if (d->radius == UINT64_MAX) return true;
  return al_dht_bucket(target ^ d->self) + 1 >= al_dht_bucket(d->radius);
}

/* ---- who is nearest ---- */

static bool was_tried(const al_dht_pick *p, al_link link) {
  if (link == p->from) return true;
  for (uint32_t i = 0; i < p->tried_count; i++) {
    if (p->tried[i] == link) return true;
  }
  return false;
}

const al_dht_contact *al_dht_nearest(const al_dht *d, const al_dht_pick *p) {
  const al_dht_contact *best = NULL;
  uint64_t least = 0;
  for (uint32_t i = 0; i < d->top; i++) {
    const al_dht_contact *c = &d->contacts[i];
    uint64_t distance = c->prefix ^ p->target;
    uint32_t faults = c->flags / CONTACT_FAULT;
    if ((c->flags & CONTACT_ROUTES) == 0 || distance >= p->below) continue;
    uint64_t looks = distance > UINT64_MAX >> faults ? UINT64_MAX : distance << faults;
    if ((best != NULL && looks >= least) || was_tried(p, c->link)) continue;
    best = c;
    least = looks;
  }
  return best;
}

uint32_t al_dht_closest(const al_dht *d, const al_id *target, uint32_t max, al_link *ret) {
  al_dht_contact *few[AL_DHT_FEW];
  uint64_t t = al_dht_prefix(target), after = 0;
  uint32_t n = 0, bits = cell_bits(d);
  AL_ASSERT(max <= AL_DHT_FEW);
  while (n < max) {
    al_dht_contact *best = NULL;
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < d->top; i++) {
      al_dht_contact *c = &d->contacts[i];
      uint64_t distance = c->prefix ^ t;
      if ((c->flags & CONTACT_ROUTES) == 0 || distance < after || distance >= least) continue;
      best = c;
      least = distance;
    }
    if (best == NULL) break;
    if (!crowded(few, n, best, bits)) few[n++] = best;
    after = least + 1;
  }
  for (uint32_t i = 0; i < n; i++) ret[i] = few[i]->link;
  return n;
}

/* The k-th closest of n points in a space of 2^64 lies at k / n of it, on average. */
uint64_t al_dht_size(al_dht *d) {
  al_dht_settle(d);
  if (d->radius == UINT64_MAX) return d->count + 1;
  uint64_t spread = d->spread != 0 ? d->spread : d->radius;
  /* what was measured while the table filled is out of date; later, that others are much nearer may
   * be a crowd around this node */
  if (d->measured < 16 && spread / 2 > d->radius) spread = 2 * d->radius;
  if (spread < d->radius / 2) spread = d->radius / 2;
  uint64_t parts = UINT64_MAX / (spread == 0 ? 1 : spread);
  return parts > UINT64_MAX / AL_DHT_CLOSE ? UINT64_MAX : parts * AL_DHT_CLOSE;
}

uint64_t al_dht_span(al_dht *d) {
  al_dht_settle(d);
  return d->radius == UINT64_MAX ? UINT64_MAX : al_max_u64(d->spread, d->radius);
}

al_dht_zone al_dht_zone_of(al_dht *d, const al_id *point, const al_id *node) {
  uint64_t distance = al_dht_prefix(point) ^ al_dht_prefix(node), span = al_dht_span(d);
  if (span == UINT64_MAX) return AL_DHT_AMONG;
  if (distance < span / AL_DHT_CLOSE / CELLS) return AL_DHT_CROWD;
  return distance <= span ? AL_DHT_AMONG : AL_DHT_BEYOND;
}

/* ---- how neighbours behave ---- */

void al_dht_acked(al_dht *d, al_link link, uint32_t asked, al_time now) {
  al_dht_contact *c = al_dht_contact_of(d, link);
  uint32_t took = (uint32_t)now - asked;
  d->typical_us = d->typical_us - d->typical_us / 16 + took / 16;
  if (c == NULL) return;
  uint32_t units = (uint32_t)al_min_u64(took / 64 + 1, UINT16_MAX);
  c->ack = (uint16_t)(c->ack == 0 ? units : c->ack - c->ack / 8u + units / 8);
}

void al_dht_fault(al_dht *d, al_link link, bool good) {
  al_dht_contact *c = al_dht_contact_of(d, link);
  if (c == NULL) return;
  uint32_t faults = c->flags / CONTACT_FAULT;
  if (good && faults > 0) {
    c->flags = (uint8_t)(c->flags - CONTACT_FAULT);
  } else if (!good && faults < FAULTS_MAX) {
    c->flags = (uint8_t)(c->flags + CONTACT_FAULT);
  }
}

uint64_t al_dht_ack_wait(const al_dht *d, const al_dht_contact *c) {
  uint64_t usual = c->ack != 0 ? (uint64_t)c->ack * 64 : d->typical_us;
  return al_min_u64(2 * usual + ACK_SLACK_US, ACK_MAX_US);
}

uint64_t al_dht_answer_wait(const al_dht *d, al_link link, uint64_t target) {
  const al_dht_contact *c = al_dht_contact_of(d, link);
  uint32_t there = al_dht_bucket((c != NULL ? c->prefix : d->self) ^ target);
  uint32_t end = al_dht_bucket(d->radius);
  uint64_t hops = there < end ? (end - there) / 2 + 2 : 2; /* at most; see docs/decisions/0008 */
  if (hops > 12) hops = 12;
  uint64_t ack = 2 * (uint64_t)d->typical_us + ACK_SLACK_US;
  return ANSWER_SLACK_US + hops * (ack + d->typical_us * (hops + 1) / 2);
}
