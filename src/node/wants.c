/* wants.c — see wants.h: which links there should be. */
#include "node/wants.h"

/* ---- reasons ---- */

/* If all links were its own wish it would lock newcomers out: part of them is left to others. */
bool al_node_may_want(const al_node *n) {
  uint32_t wanted = 0;
  for (uint32_t i = 0; i < n->neighbours_len; i++) {
    const node_neighbour *nb = al_node_neighbour_at(n, i);
    wanted += nb->link != 0 && nb->wanted != 0;
  }
  return wanted < n->limits.links_max - (n->limits.links_max + 3u) / 4;
}

al_err al_node_want_link(al_node *n, al_work *w, const al_id *peer, al_node_want why) {
  al_link link = al_link_find_by_peer(&n->links, peer);
  if (link == 0) link = al_link_find_dialling(&n->links, peer);
  const node_neighbour *there = al_node_neighbour_of(n, link);
  if ((there == NULL || there->wanted == 0) && !al_node_may_want(n)) return AL_EFULL;
  if (link == 0) {
    al_err e = al_node_dial_peer(n, w, peer);
    if (e != AL_OK) return e;
    link = al_link_find_dialling(&n->links, peer);
  }
  node_neighbour *nb = al_node_neighbour_of(n, link);
  if (nb == NULL) return AL_ENOTFOUND;
  nb->wanted |= (uint8_t)why;
  return AL_OK;
}

void al_node_unwant_link(al_node *n, al_link link, al_node_want why) {
  node_neighbour *nb = al_node_neighbour_of(n, link);
  if (nb != NULL) nb->wanted &= (uint8_t) ~(uint8_t)why;
}

static bool in_use(const al_node *n, al_link link, const node_neighbour *nb) {
  al_id peer;
  if (nb->wanted != 0 || al_circuit_link_count(n->circuits, link) != 0) return true;
  return n->awake && al_link_peer(&n->links, link, &peer) && al_guards_has(n->guards, &peer);
}

/* ---- closing ---- */

static bool close_link(al_node *n, al_work *w, al_link link, al_link_code code) {
  if (!al_work_may_tell(w)) return false;
  if (al_link_send_close(&n->links, link, n->now, code) != AL_OK) return false;
  al_node_neighbour_of(n, link)->bye = true;
  al_node_touch(n, link);
  al_node_pump_all(n, w);
  al_node_link_lost(n, w, link, AL_ECLOSED, true);
  return true;
}

/* Two nodes that dialled each other keep one link, with the reasons of both. */
static bool close_redundant(al_node *n, al_work *w, al_link link, const node_neighbour *nb) {
  al_id peer;
  if (!al_link_is_redundant(&n->links, link) || !al_link_peer(&n->links, link, &peer)) return false;
  if (al_circuit_link_count(n->circuits, link) != 0) return false;
  if (al_time_since(n->now, nb->since) < 5 * AL_SECOND) return false;
  node_neighbour *kept = al_node_neighbour_of(n, al_link_find_by_peer(&n->links, &peer));
  if (kept != NULL) kept->wanted |= nb->wanted;
  return close_link(n, w, link, AL_LINK_CODE_REDUNDANT);
}

static uint32_t unused_ms(const al_node *n, const node_neighbour *nb) {
  return (uint32_t)(n->now / AL_MS) - nb->used_ms;
}

/* A link that neither side wants is closed by the side that dialled it, after a while. */
static void close_unused(al_node *n, al_work *w) {
  uint32_t cursor = 0;
  for (node_neighbour *nb; (nb = al_node_neighbour_each(n, &cursor)) != NULL;) {
    const al_link l = nb->link;
    if (!nb->up || close_redundant(n, w, l, nb)) continue;
    bool used = in_use(n, l, nb);
    al_gossip_keep(&n->gossip, l, used);
    if (used || al_gossip_kept(&n->gossip, l)) nb->used_ms = (uint32_t)(n->now / AL_MS);
    if (unused_ms(n, nb) < AL_NODE_LINGER_US / AL_MS) continue;
    if (!al_link_is_initiator(&n->links, l)) continue;
    (void)close_link(n, w, l, AL_LINK_CODE_DONE);
  }
}

/* What a link is good for; the least useful one gives way when room is short. */
typedef enum usefulness {
  FOR_NOBODY,
  FOR_OTHER, /* the neighbour wants it: it finds another one */
  FOR_NEAR,  /* ... for being close to it, of whom there are few */
  FOR_SELF,  /* never closed for want of room */
} usefulness;

static usefulness good_for(const al_node *n, al_link link, const node_neighbour *nb) {
  if (in_use(n, link, nb)) return FOR_SELF;
  if (!al_gossip_kept(&n->gossip, link)) return FOR_NOBODY;
  return al_dht_near(&n->dht, link) ? FOR_NEAR : FOR_OTHER;
}

/* The least useful link of those that are settled, at most `most` useful; of several the one that
 * is longest unused. 0: none. */
static al_link least_useful(al_node *n, usefulness most) {
  uint32_t cursor = 0;
  al_link worst = 0;
  uint32_t unused = 0;
  for (const node_neighbour *nb; (nb = al_node_neighbour_each(n, &cursor)) != NULL;) {
    const al_link l = nb->link;
    if (!nb->up || al_time_since(n->now, nb->since) < AL_NODE_SETTLE_US) continue;
    usefulness u = good_for(n, l, nb);
    if (u > most || (u == most && worst != 0 && unused_ms(n, nb) <= unused)) continue;
    worst = l;
    unused = unused_ms(n, nb);
    most = u;
  }
  return worst;
}

/* Links that somebody wants give way one in a while only: who lost one looks for another. */
bool al_node_make_room(al_node *n, al_work *w) {
  bool wanted_too = n->now >= n->room_at;
  al_link worst = least_useful(n, wanted_too ? FOR_NEAR : FOR_NOBODY);
  if (worst == 0) return false;
  bool wanted = al_gossip_kept(&n->gossip, worst);
  if (!close_link(n, w, worst, AL_LINK_CODE_LIMIT)) return false;
  if (wanted) n->room_at = n->now + AL_NODE_ROOM_US;
  return true;
}

/* Room is made before it is asked for: whoever is needed must not wait for it. */
static void keep_room(al_node *n, al_work *w) {
  uint32_t spare = (n->limits.links_max + 7u) / 8, used = al_link_count(&n->links);
  for (; used + spare > n->limits.links_max; used--) {
    al_link l = least_useful(n, FOR_NOBODY);
    if (l == 0 || !close_link(n, w, l, AL_LINK_CODE_LIMIT)) return;
  }
}

/* ---- neighbours that are gone ---- */

void al_node_miss(al_node *n, al_peer peer) {
  if (al_book_get(&n->book, peer) == NULL) return;
  uint32_t slot = 0, room = n->limits.peers_max / 8; /* they are pinned: not all of a small book */
  for (uint32_t i = 0; i < AL_NODE_LOST_MAX; i++) {
    room -= n->lost[i].peer != 0 && room > 0;
    if (n->lost[i].peer == peer) return;
    if (n->lost[slot].peer != 0 &&
        (n->lost[i].peer == 0 || n->lost[i].tries > n->lost[slot].tries)) {
      slot = i;
    }
  }
  if (n->lost[slot].peer == 0 && room == 0) return;
  if (n->lost[slot].peer != 0) al_book_pin(&n->book, n->lost[slot].peer, false);
  al_book_pin(&n->book, peer, true);
  n->lost[slot] = (node_lost){.peer = peer};
  n->lost_wait_us = AL_NODE_LOST_US;
  n->lost_at = al_min_u64(n->lost_at, n->now + AL_NODE_LOST_US);
}

static void forget(al_node *n, node_lost *lost) {
  al_book_pin(&n->book, lost->peer, false);
  *lost = (node_lost){0};
}

void al_node_found(al_node *n, const al_id *peer) {
  al_peer p = al_book_find(&n->book, peer);
  for (uint32_t i = 0; i < AL_NODE_LOST_MAX && p != 0; i++) {
    if (n->lost[i].peer == p) forget(n, &n->lost[i]);
  }
}

bool al_node_missed(const al_node *n, const al_id *peer) {
  al_peer p = al_book_find(&n->book, peer);
  for (uint32_t i = 0; i < AL_NODE_LOST_MAX && p != 0; i++) {
    if (n->lost[i].peer == p && n->lost[i].tries < AL_NODE_MISSED_TRIES) return true;
  }
  return false;
}

/* One of them at a time, each in its turn. So two halves of a network find each other: whoever lost
 * a neighbour at the cut knocks there every 20 s at the latest. */
static void try_lost(al_node *n, al_work *w) {
  if (n->now < n->lost_at) return;
  for (uint32_t i = 0; i < AL_NODE_LOST_MAX; i++) {
    node_lost *lost = &n->lost[n->lost_next++ % AL_NODE_LOST_MAX];
    const al_peer_entry *e = al_book_get(&n->book, lost->peer);
    if (lost->peer == 0) continue;
    if (e == NULL || ++lost->tries > AL_NODE_LOST_TRIES ||
        al_link_find_by_peer(&n->links, &e->id) != 0) {
      forget(n, lost);
      continue;
    }
    (void)al_node_dial_peer(n, w, &e->id);
    n->lost_wait_us = (uint32_t)al_min_u64(2 * (uint64_t)n->lost_wait_us, AL_NODE_LOST_MAX_US);
    n->lost_at = n->now + n->lost_wait_us * 3 / 4 + al_rng_below(&n->rng, n->lost_wait_us / 2);
    return;
  }
  n->lost_at = AL_TIME_NEVER;
}

/* ---- seeking ---- */

/* While nobody is there: the addresses given, with a growing pause. */
static void try_joins(al_node *n, al_work *w) {
  if (n->now < n->join_at) return;
  n->join_wait_us = n->join_wait_us == 0 ? 2000000 : n->join_wait_us * 2;
  if (n->join_wait_us > 300000000) n->join_wait_us = 300000000;
  n->join_at = n->now + n->join_wait_us / 2 + al_rng_below(&n->rng, n->join_wait_us);
  for (uint32_t i = 0; i < n->joins_count; i++) {
    const node_join *j = &n->joins[i];
    const al_id *peer = al_id_is_zero(&j->peer) ? NULL : &j->peer;
    al_link link;
    (void)al_node_dial(n, w, peer, al_view(j->address.bytes, j->address.len), &link);
  }
}

/* Any node that is known, its descriptor expired or not: its address may still be right. */
static al_peer anybody(al_node *n) {
  uint32_t cursor = 0, seen = 0;
  al_peer chosen = 0;
  for (al_peer p; (p = al_book_each(&n->book, &cursor)) != 0;) {
    if (al_rng_below(&n->rng, ++seen) == 0) chosen = p;
  }
  return chosen;
}

/* What there is of links: how many are dialled, up, and wanted as random neighbours. */
typedef struct tally {
  uint32_t dialling, up, random;
  al_link oldest; /* of the random ones that are up */
} tally;

static tally count_links(al_node *n) {
  tally t = {0};
  uint32_t cursor = 0;
  al_time since = AL_TIME_NEVER;
  for (const node_neighbour *nb; (nb = al_node_neighbour_each(n, &cursor)) != NULL;) {
    const al_link l = nb->link;
    if (nb->up) {
      t.up++;
    } else if (al_link_is_initiator(&n->links, l)) {
      t.dialling++;
    }
    if ((nb->wanted & AL_NODE_WANT_RANDOM) == 0) continue;
    t.random++;
    if (!nb->up || nb->since >= since) continue;
    t.oldest = l;
    since = nb->since;
  }
  return t;
}

/* In a sample the oldest random neighbour gives way to another one now and then: who stays with the
 * same few hears of the same nodes only. */
static void rotate(al_node *n, const tally *t) {
  if (!al_book_full(&n->book)) {
    n->rotate_at = AL_TIME_NEVER;
    return;
  }
  bool due = n->rotate_at <= n->now;
  if (!due && n->rotate_at != AL_TIME_NEVER) return;
  /* With three times as many partners as it takes samples to make a network, 95% was heard of. */
  bool young = n->rotations < 3 * al_book_scale(&n->book);
  uint64_t wait = young ? AL_NODE_ROTATE_YOUNG_US : AL_NODE_ROTATE_US;
  n->rotate_at = n->now + wait / 2 + al_rng_below(&n->rng, wait);
  if (!due) return;
  n->rotations++;
  al_node_unwant_link(n, t->oldest, AL_NODE_WANT_RANDOM);
}

/* Some neighbours at random, so that the graph of links is connected and news spread. */
static void seek_neighbours(al_node *n, al_work *w) {
  tally t = count_links(n);
  rotate(n, &t);
  if (t.up == 0 && t.dialling == 0) try_joins(n, w);
  for (uint32_t tries = 0; tries < 8; tries++) {
    if (t.random >= AL_NODE_LINKS_WANTED || t.dialling >= AL_NODE_DIALS_MAX) return;
    al_peer p = al_book_sample(&n->book, &n->rng, 0, al_node_wall_s(n));
    if (p == 0 && t.up == 0) p = anybody(n);
    const al_peer_entry *e = al_book_get(&n->book, p);
    if (e == NULL) return;
    al_link link = al_link_find_by_peer(&n->links, &e->id);
    if (link == 0) link = al_link_find_dialling(&n->links, &e->id);
    const node_neighbour *nb = al_node_neighbour_of(n, link);
    if (nb != NULL && (nb->wanted & AL_NODE_WANT_RANDOM) != 0) continue;
    if (al_node_want_link(n, w, &e->id, AL_NODE_WANT_RANDOM) != AL_OK) continue;
    t.random++;
    if (nb == NULL) t.dialling++;
  }
}

void al_node_wants_house(al_node *n, al_work *w) {
  try_lost(n, w);
  seek_neighbours(n, w);
  close_unused(n, w);
  keep_room(n, w);
}
