/* settle.c — see al_settle.h: nodes of a simulation that begin with their links and their book. */
#include "allium/al_settle.h"

#include "node/overlay.h"
#include "node/parts.h"
#include "node/wants.h"

al_err al_node_settle(al_node *n, uint32_t nodes, uint32_t links) {
  if (!n->simulation || n->up_count != 0 || nodes == 0) return AL_ESTATE;
  al_book_settle(&n->book, nodes);
  n->rotations = 3 * al_book_scale(&n->book); /* it has met as many as it has to */
  links = (uint32_t)al_min_u64(links, n->limits.links_max);
  al_err e = al_links_reserve(&n->links, links);
  return e == AL_OK ? al_node_links_reserve(n, links) : e;
}

al_err al_node_settle_know(al_node *n, const al_node *peer) {
  if (!n->simulation) return AL_ESTATE;
  return al_book_adopt(&n->book, &peer->book, true) != 0 ? AL_OK : AL_EFULL;
}

al_err al_node_settle_link(al_node *n, al_work *w, al_time now, const al_settled *s, al_link *ret) {
  const al_id *peer = &s->peer->identity.id;
  if (now > n->now) n->now = now;
  if (!n->simulation || n->closing) return AL_ESTATE;
  if (al_book_adopt(&n->book, &s->peer->book, false) == 0) return AL_EFULL;
  al_link_given given = {.peer = peer, .keys = s->keys, .initiator = s->initiator};
  al_err e = al_link_adopt(&n->links, n->now, &given, ret);
  if (e != AL_OK) return e;
  node_neighbour *nb = al_node_neighbour_new(n, *ret, true);
  if (nb == NULL) {
    al_link_free(&n->links, *ret);
    return AL_ENOMEM;
  }
  if (s->random) nb->wanted |= AL_NODE_WANT_RANDOM;
  nb->handed = true;
  al_node_link_authenticated(n, w, *ret, peer);
  al_gossip_adopt(&n->gossip, *ret);
  al_dht_adopt(&n->dht, *ret, s->peer->relay && s->peer->addresses_count != 0);
  return AL_OK;
}

void al_node_settle_end(al_node *n, al_time now) {
  if (now > n->now) n->now = now;
  if (!n->simulation) return;
  al_dht_settled(&n->dht, n->now);
  al_node_dht_mark(n);
}
