/* serve.c — see state.h: descriptors that wait to be sent, handed on at a pace. A burst of records
 * would fill the transport's buffers of a new neighbour. */
#include "gossip/state.h"

static al_gossip_serve *at(const al_gossip *g, uint16_t index) { return &g->serves[index - 1]; }

void al_gossip_serve_peer(al_gossip *g, al_gossip_peer *p, al_peer peer) {
  if (!al_gossip_open(g)) {
    al_count(g->cfg.counters, AL_COUNT_gossip_rate);
    return;
  }
  al_gossip_traffic *t = al_gossip_traffic_of(g, p);
  for (uint16_t i = t->serve_head; i != 0; i = at(g, i)->next)
    if (at(g, i)->peer == peer) return;
  if (t->serve_count >= AL_GOSSIP_SERVE_MAX || g->serve_free == 0) {
    al_count(g->cfg.counters, AL_COUNT_gossip_rate);
    return;
  }
  uint16_t index = (uint16_t)g->serve_free;
  al_gossip_serve *s = at(g, index);
  g->serve_free = s->next;
  *s = (al_gossip_serve){.peer = peer};
  if (t->serve_tail != 0)
    at(g, t->serve_tail)->next = index;
  else
    t->serve_head = index;
  t->serve_tail = index;
  t->serve_count++;
  g->serves_count++;
  al_gossip_wake(g, p, true);
}

static al_peer take(al_gossip *g, al_gossip_traffic *t) {
  uint16_t index = t->serve_head;
  al_gossip_serve *s = at(g, index);
  al_peer peer = s->peer;
  t->serve_head = s->next;
  if (t->serve_head == 0) t->serve_tail = 0;
  t->serve_count--;
  g->serves_count--;
  *s = (al_gossip_serve){.next = (uint16_t)g->serve_free};
  g->serve_free = index;
  return peer;
}

bool al_gossip_serve_next(al_gossip *g, al_gossip_peer *p, al_time now, al_peer *ret) {
  if (g->traffic == NULL || al_gossip_traffic_of(g, p)->serve_count == 0) return false;
  al_gossip_fill(g, p, now);
  if (!al_gossip_spend(&p->served, 1)) {
    g->pace_at = al_min_u64(g->pace_at, (p->filled_s + (al_time)1) * AL_SECOND);
    return false;
  }
  *ret = take(g, al_gossip_traffic_of(g, p));
  return true;
}

void al_gossip_serve_clear(al_gossip *g, al_gossip_peer *p) {
  while (g->traffic != NULL && al_gossip_traffic_of(g, p)->serve_count != 0)
    (void)take(g, al_gossip_traffic_of(g, p));
}

void al_gossip_serve_tick(al_gossip *g, al_time now) {
  if (g->pace_at > now) return;
  g->pace_at = AL_TIME_NEVER;
  for (uint32_t i = 0; g->traffic != NULL && i < g->peers_len; i++) {
    al_gossip_peer *p = &g->peers[i];
    if (p->link != 0 && g->traffic[i].serve_count != 0) al_gossip_wake(g, p, true);
  }
}
