/* health.c — see health.h. Only relays ask, and only relays are asked about: whom a client is
 * linked with is nobody's business. */
#include "node/health.h"

#include "node/wants.h"
#include "wire/probe.h"

/* ---- memory ---- */

static bool open_watch(al_node *n) {
  const al_alloc *a = al_book_loose(&n->book);
  if (n->watch == NULL) n->watch = al_new(a != NULL ? a : &n->alloc, sizeof *n->watch);
  return n->watch != NULL;
}

void al_node_health_clear(al_node *n) {
  const al_alloc *a = al_book_loose(&n->book);
  al_delete(a != NULL ? a : &n->alloc, n->watch, sizeof *n->watch);
  n->watch = NULL;
}

al_err al_node_health_init(al_node *n) {
  return al_book_loose(&n->book) != NULL || open_watch(n) ? AL_OK : AL_ENOMEM;
}

/* A lean node keeps room for doubts only while there are any. */
static void rest(al_node *n) {
  if (n->watch == NULL || al_book_loose(&n->book) == NULL) return;
  for (uint32_t i = 0; i < AL_NODE_DOUBTS_MAX; i++)
    if (n->watch->doubts[i].about != 0) return;
  for (uint32_t i = 0; i < AL_NODE_HELPS_MAX; i++)
    if (n->watch->helps[i].whom != 0) return;
  al_node_health_clear(n);
}

/* ---- messages ---- */

static void say(al_node *n, al_link to, al_probe_op op, uint64_t nonce, const al_id *about) {
  uint8_t bytes[AL_PROBE_BYTES];
  al_probe p = {.op = (uint8_t)op, .nonce = nonce, .about = *about};
  if (!al_link_may_message(&n->links, to, AL_MESSAGE_PROBE)) return;
  al_probe_encode(&p, bytes);
  (void)al_link_send_message(&n->links, to, AL_MESSAGE_PROBE, 0, al_view(bytes, sizeof bytes));
  al_node_touch(n, to);
}

static bool is_relay(const al_node *n, const al_id *id) {
  const al_peer_entry *e = al_book_get(&n->book, al_book_find(&n->book, id));
  return e != NULL && (e->desc.flags & AL_DESC_RELAY) != 0;
}

/* Is a nearer to `to` than b, by XOR? */
static bool nearer(const al_id *a, const al_id *b, const al_id *to) {
  for (size_t i = 0; i < sizeof to->b; i++) {
    uint8_t x = a->b[i] ^ to->b[i], y = b->b[i] ^ to->b[i];
    if (x != y) return x < y;
  }
  return false;
}

/* The neighbours whose IDs are nearest to one, nearest first: those most likely linked with it. */
static uint32_t nearest(al_node *n, const al_id *about, al_link *ret, uint32_t most) {
  al_id ids[AL_NODE_TOLD];
  uint32_t count = 0, cursor = 0;
  for (const node_neighbour *nb; (nb = al_node_neighbour_each(n, &cursor)) != NULL;) {
    const al_link l = nb->link;
    al_id id;
    if (!nb->up || !al_link_peer(&n->links, l, &id)) continue;
    if (al_id_equal(&id, about) || !is_relay(n, &id)) continue;
    uint32_t at = count;
    while (at > 0 && nearer(&id, &ids[at - 1], about)) at--;
    if (at == most) continue;
    if (count < most) count++;
    for (uint32_t i = count - 1; i > at; i--) {
      ids[i] = ids[i - 1];
      ret[i] = ret[i - 1];
    }
    ids[at] = id;
    ret[at] = l;
  }
  return count;
}

/* ---- asking ---- */

void al_node_health_doubt(al_node *n, al_link link) {
  al_id about;
  node_doubt *a = NULL;
  if (!n->relay || !al_link_peer(&n->links, link, &about) || !is_relay(n, &about)) return;
  if (!open_watch(n)) return; /* the link waits longer, that is all */
  for (uint32_t i = 0; i < AL_NODE_DOUBTS_MAX; i++) {
    if (n->watch->doubts[i].about == link) return;
    if (a == NULL && n->watch->doubts[i].about == 0) a = &n->watch->doubts[i];
  }
  if (a == NULL) return;
  *a = (node_doubt){.about = link, .until = n->now + AL_NODE_DOUBT_US};
  a->nonce = al_rng_u64(&n->rng) | 1;
  a->asked = nearest(n, &about, a->whom, AL_NODE_ASKED);
  for (uint32_t i = 0; i < a->asked; i++) say(n, a->whom[i], AL_PROBE_ASK, a->nonce, &about);
}

/* Who hears of nobody whom it asked is itself what is wrong. */
static void ask_ends(al_node *n, node_doubt *a) {
  if (a->asked != 0 && a->answered == 0) al_links_unwell(&n->links, n->now);
  *a = (node_doubt){0};
}

static void rx_answer(al_node *n, al_link from, const al_probe *p) {
  for (uint32_t i = 0; n->watch != NULL && i < AL_NODE_DOUBTS_MAX; i++) {
    node_doubt *a = &n->watch->doubts[i];
    al_id about;
    if (a->about == 0 || a->nonce != p->nonce) continue;
    if (!al_link_peer(&n->links, a->about, &about) || !al_id_equal(&about, &p->about)) continue;
    for (uint32_t k = 0; k < a->asked; k++) {
      if (a->whom[k] != from) continue;
      a->whom[k] = 0;
      a->answered++;
      if (p->op != AL_PROBE_UNKNOWN) {
        al_link_hearsay(&n->links, a->about, n->now, p->op == AL_PROBE_ALIVE);
      }
      return;
    }
  }
  al_count(&n->counters, AL_COUNT_probe_unasked);
}

/* ---- being asked ---- */

static void rx_ask(al_node *n, al_link from, const al_probe *p) {
  al_link link = al_link_find_by_peer(&n->links, &p->about);
  const node_neighbour *nb = al_node_neighbour_of(n, link);
  al_id asker;
  if (nb == NULL || !nb->up || !n->relay || !is_relay(n, &p->about) || link == from ||
      !al_link_peer(&n->links, from, &asker) || !is_relay(n, &asker)) {
    say(n, from, AL_PROBE_UNKNOWN, p->nonce, &p->about);
    return;
  }
  for (uint32_t i = 0; open_watch(n) && i < AL_NODE_HELPS_MAX; i++) {
    node_help *h = &n->watch->helps[i];
    if (h->whom != 0) continue;
    *h = (node_help){.whom = from, .about = link, .nonce = p->nonce, .since = n->now};
    h->until = n->now + AL_NODE_HELP_US;
    n->help_at = al_min_u64(n->help_at, n->now + AL_NODE_HELP_LOOK_US);
    if (al_link_doubt(&n->links, link, n->now, 0)) al_node_touch(n, link);
    return;
  }
  al_count(&n->counters, AL_COUNT_probe_full);
  say(n, from, AL_PROBE_UNKNOWN, p->nonce, &p->about);
}

static void help_looks(al_node *n) {
  n->help_at = AL_TIME_NEVER;
  for (uint32_t i = 0; n->watch != NULL && i < AL_NODE_HELPS_MAX; i++) {
    node_help *h = &n->watch->helps[i];
    al_id about;
    if (h->whom == 0) continue;
    bool known = al_link_peer(&n->links, h->about, &about);
    al_time heard = al_link_heard(&n->links, h->about);
    bool alive = heard != AL_TIME_NEVER && heard > h->since;
    if (known && !alive && n->now < h->until) {
      n->help_at = n->now + AL_NODE_HELP_LOOK_US;
      continue;
    }
    if (known) say(n, h->whom, alive ? AL_PROBE_ALIVE : AL_PROBE_SILENT, h->nonce, &about);
    *h = (node_help){0};
  }
}

void al_node_health_rumour(al_node *n, const al_id *about) {
  al_link link = al_link_find_by_peer(&n->links, about);
  if (link != 0 && al_link_doubt(&n->links, link, n->now, AL_NODE_RUMOUR_US)) {
    al_node_touch(n, link);
  }
}

void al_node_health_message(al_node *n, al_link from, al_bytes message) {
  al_probe p;
  if (al_probe_decode(message, &p) != AL_OK) {
    al_count(&n->counters, AL_COUNT_probe_parse);
  } else if (p.op == AL_PROBE_ASK) {
    rx_ask(n, from, &p);
  } else if (p.op == AL_PROBE_LOST) { /* who is in doubt already has one more who confirms it */
    al_link_hearsay(&n->links, al_link_find_by_peer(&n->links, &p.about), n->now, false);
    al_node_health_rumour(n, &p.about);
  } else {
    rx_answer(n, from, &p);
  }
}

/* ---- the verdict ---- */

void al_node_health_dead(al_node *n, al_link link) {
  al_link told[AL_NODE_TOLD];
  al_id about;
  if (!n->relay || !al_link_peer(&n->links, link, &about) || !is_relay(n, &about)) return;
  uint32_t count = nearest(n, &about, told, AL_NODE_TOLD);
  for (uint32_t i = 0; i < count; i++) say(n, told[i], AL_PROBE_LOST, 0, &about);
}

/* ---- time ---- */

void al_node_health_watch(al_node *n, al_link link) {
  al_link_watch(&n->links, link, al_circuit_link_count(n->circuits, link) != 0);
}

al_time al_node_health_deadline(const al_node *n) { return al_min_u64(n->probe_at, n->help_at); }

void al_node_health_tick(al_node *n) {
  if (n->help_at <= n->now) help_looks(n);
  if (n->probe_at > n->now) return;
  n->probe_at = n->now + AL_NODE_PROBE_US;
  for (uint32_t i = 0; n->watch != NULL && i < AL_NODE_DOUBTS_MAX; i++) {
    if (n->watch->doubts[i].about != 0 && n->watch->doubts[i].until <= n->now)
      ask_ends(n, &n->watch->doubts[i]);
  }
  rest(n);
  al_link link = al_links_probe(&n->links, n->now);
  if (link != 0) al_node_touch(n, link);
}
