/* links.c — see link.h: the table of sessions, their birth and end, and questions about them. */
#include "link/session.h"

enum { LINKS_MAX = 4096, NETWORK_MAX = AL_SHAKE_NETWORK_BYTES_MAX };

static bool config_valid(const al_links_config *c) {
  return c->suite != NULL && c->alloc != NULL && c->rng != NULL && c->counters != NULL &&
         c->keys != NULL && (c->descriptor != NULL || c->book != NULL) && c->network.len >= 1 &&
         c->network.len <= NETWORK_MAX && (c->secret.len == 0 || c->secret.len == 32) &&
         c->links_max >= 1 && c->links_max <= LINKS_MAX &&
         (c->message_slots == 0 || c->message_slots >= AL_LINK_SLOTS_MIN);
}

al_err al_links_init(al_links *ls, const al_links_config *c) {
  memset(ls, 0, sizeof *ls);
  if (!config_valid(c)) return AL_EINVAL;
  ls->cfg = *c;
  if (ls->cfg.message_slots == 0) ls->cfg.message_slots = AL_LINK_SLOTS_DEFAULT;
  if (ls->cfg.rekey_us == 0) ls->cfg.rekey_us = AL_LINK_REKEY_US;
  if (ls->cfg.rekey_frames == 0) ls->cfg.rekey_frames = (uint64_t)1 << 32;
  uint8_t secret[AL_MAP_SECRET_BYTES];
  al_rng_bytes(c->rng, secret, sizeof secret);
  al_err e = al_slab_init(&ls->sessions, c->alloc, sizeof(al_link_session), c->links_max);
  if (e == AL_OK) e = al_slab_init(&ls->shakes, c->alloc, sizeof(al_link_shaking), c->links_max);
  if (e == AL_OK) e = al_heap_init(&ls->timers, c->alloc, c->links_max);
  if (e == AL_OK) e = al_map_init(&ls->by_peer, c->alloc, sizeof(al_id), c->links_max, secret);
  if (e == AL_OK) e = al_link_slots_init(ls);
  if (e != AL_OK) al_links_clear(ls);
  al_wipe(secret, sizeof secret);
  return e;
}

void al_links_clear(al_links *ls) {
  al_link_slots_clear(ls);
  al_map_clear(&ls->by_peer);
  al_heap_clear(&ls->timers);
  al_slab_clear(&ls->shakes);
  al_slab_clear(&ls->sessions);
  memset(ls, 0, sizeof *ls);
}

void al_links_set(al_links *ls, al_padding padding, uint64_t wall_s, al_time now) {
  ls->cfg.padding = padding;
  ls->cfg.wall_s = wall_s;
  ls->cfg.now = now;
  uint32_t cursor = 0;
  for (al_link link; (link = al_link_each(ls, &cursor)) != 0;) {
    al_link_session *s = al_link_session_get(ls, link);
    s->pad_due = false;
    if (s->state == AL_LINK_OPEN) s->pad_at = now + AL_LINK_PAD_MIN_US;
    al_link_arm_all(ls, s);
  }
}

uint64_t al_link_wall(const al_links *ls, al_time now) {
  return ls->cfg.wall_s + al_time_since(now, ls->cfg.now) / AL_SECOND;
}

al_link_session *al_link_session_get(const al_links *ls, al_link link) {
  return al_slab_get(&ls->sessions, link);
}

/* ---- the chain of links to one ID ---- */

static al_link chain_of(const al_links *ls, const al_id *peer) {
  uint32_t first = 0;
  return al_map_find_id(&ls->by_peer, peer, &first) ? first : 0;
}

static void unname(al_links *ls, al_link_session *s) {
  if (!s->named) return;
  al_link first = chain_of(ls, &s->peer);
  if (first == s->handle) {
    if (s->next_same != 0)
      AL_ASSERT(al_map_put_id(&ls->by_peer, &s->peer, s->next_same) == AL_OK);
    else
      al_map_drop_id(&ls->by_peer, &s->peer, NULL);
  } else {
    al_link_session *p = al_link_session_get(ls, first);
    while (p != NULL && p->next_same != s->handle) p = al_link_session_get(ls, p->next_same);
    AL_ASSERT(p != NULL);
    p->next_same = s->next_same;
  }
  s->next_same = 0;
  s->named = false;
}

void al_link_name(al_links *ls, al_link_session *s, const al_id *peer) {
  if (s->named && al_id_equal(&s->peer, peer)) return;
  unname(ls, s);
  s->peer = *peer;
  s->next_same = chain_of(ls, peer);
  s->named = true;
  AL_ASSERT(al_map_put_id(&ls->by_peer, peer, s->handle) == AL_OK);
}

/* ---- birth and end ---- */

static al_err session_new(al_links *ls, al_time now, al_link_session **ret) {
  void *item = NULL, *shaking = NULL;
  al_link handle = al_slab_take(&ls->sessions, &item);
  if (handle == 0) {
    bool full = al_slab_count(&ls->sessions) == ls->cfg.links_max;
    if (full) al_count(ls->cfg.counters, AL_COUNT_link_full);
    return full ? AL_EFULL : AL_ENOMEM;
  }
  uint32_t shakes = al_slab_take(&ls->shakes, &shaking);
  if (shakes == 0) {
    al_slab_drop(&ls->sessions, handle);
    return AL_ENOMEM;
  }
  al_link_session *s = item;
  s->handle = handle;
  s->shaking = shakes;
  s->created = now;
  s->up_at = s->unheard = s->armed = AL_TIME_NEVER;
  s->old_until = s->close_at = s->rekey_at = s->pad_at = AL_TIME_NEVER;
  s->last_rx = s->last_tx = now;
  s->rto_us = (uint32_t)AL_SECOND;
  *ret = s;
  return AL_OK;
}

al_err al_link_dial(al_links *ls, al_time now, const al_id *peer, al_bytes descriptor,
                    al_link *ret) {
  al_desc d;
  if (descriptor.len != 0) {
    if (al_desc_decode(descriptor, &d) != AL_OK) return AL_EPARSE;
  }
  al_link_session *s;
  al_err e = session_new(ls, now, &s);
  if (e != AL_OK) return e;
  s->initiator = true;
  s->state = AL_LINK_NEW;
  al_link_shaking *k = al_slab_get(&ls->shakes, s->shaking);
  if (descriptor.len != 0) {
    k->know_pk = true;
    memcpy(k->peer_pk, d.link_pk, sizeof k->peer_pk);
    k->claimed = peer != NULL ? *peer : al_node_id(ls->cfg.suite, d.sig_pk);
    peer = &k->claimed;
  }
  if (peer != NULL) al_link_name(ls, s, peer);
  al_link_arm_all(ls, s);
  *ret = s->handle;
  return AL_OK;
}

al_err al_link_up(al_links *ls, al_link link, al_time now, const uint8_t binding[32]) {
  al_link_session *s = al_link_session_get(ls, link);
  if (s == NULL) return AL_ENOTFOUND;
  if (s->state != AL_LINK_NEW) return AL_ESTATE;
  s->state = AL_LINK_SHAKING;
  s->started = s->last_rx = s->last_tx = now;
  al_err e = al_link_shake_start(ls, s, now, binding);
  al_link_arm_all(ls, s);
  return e;
}

al_err al_link_accept(al_links *ls, al_time now, const uint8_t binding[32], al_link *ret) {
  al_link_session *s;
  al_err e = session_new(ls, now, &s);
  if (e != AL_OK) return e;
  s->state = AL_LINK_SHAKING;
  s->started = now;
  al_link_shake_await(ls, s, now, binding);
  al_link_arm_all(ls, s);
  *ret = s->handle;
  return AL_OK;
}

void al_link_end(al_links *ls, al_link_session *s) {
  s->state = AL_LINK_CLOSING;
  s->close_due = false;
  s->close_at = AL_TIME_NEVER;
  al_link_slots_forget(ls, s);
  if (s->shaking != 0) al_slab_drop(&ls->shakes, s->shaking);
  s->shaking = 0;
  s->armed = AL_TIME_NEVER;
  al_heap_set(&ls->timers, al_slab_index(s->handle), AL_TIME_NEVER);
}

void al_link_free(al_links *ls, al_link link) {
  al_link_session *s = al_link_session_get(ls, link);
  if (s == NULL) return;
  al_link_end(ls, s);
  unname(ls, s);
  al_slab_drop(&ls->sessions, link);
}

/* ---- questions ---- */

bool al_link_get_stats(const al_links *ls, al_link link, al_link_stats *ret) {
  const al_link_session *s = al_link_session_get(ls, link);
  if (s == NULL) return false;
  *ret = (al_link_stats){
      .state = (al_link_state)s->state,
      .initiator = s->initiator,
      .phase = s->tx_phase,
      .rtt_us = s->srtt_us,
      .rto_us = s->rto_us,
      .frames_tx = s->frames_tx,
      .frames_rx = s->frames_rx,
      .peer_sequence = s->peer_sequence,
      .created = s->created,
      .up = s->up_at,
      .last_rx = s->last_rx,
  };
  if (s->named) ret->peer = s->peer;
  return true;
}

bool al_link_peer(const al_links *ls, al_link link, al_id *ret) {
  const al_link_session *s = al_link_session_get(ls, link);
  if (s == NULL || !s->named) return false;
  *ret = s->peer;
  return true;
}

bool al_link_is_up(const al_links *ls, al_link link) {
  const al_link_session *s = al_link_session_get(ls, link);
  return s != NULL && s->state == AL_LINK_OPEN && !s->close_due;
}

bool al_link_is_initiator(const al_links *ls, al_link link) {
  const al_link_session *s = al_link_session_get(ls, link);
  return s != NULL && s->initiator;
}

uint32_t al_link_rtt_us(const al_links *ls, al_link link) {
  const al_link_session *s = al_link_session_get(ls, link);
  return s != NULL ? s->srtt_us : 0;
}

/* Of two links to one node that were dialled by different sides, both sides keep the one dialled by
 * the lower ID. Of two dialled by one side, that side keeps the younger; the other side cannot know
 * the order, and keeps both. */
static bool kept_before(const al_links *ls, const al_link_session *a, const al_link_session *b) {
  if (a->initiator != b->initiator) {
    bool we_are_lower = memcmp(ls->cfg.keys->id.b, a->peer.b, sizeof a->peer.b) < 0;
    return a->initiator == we_are_lower;
  }
  return a->initiator && a->created > b->created;
}

al_link al_link_find_by_peer(const al_links *ls, const al_id *peer) {
  const al_link_session *best = NULL;
  for (al_link link = chain_of(ls, peer); link != 0;) {
    const al_link_session *s = al_link_session_get(ls, link);
    if (al_link_is_up(ls, link) && (best == NULL || kept_before(ls, s, best))) best = s;
    link = s->next_same;
  }
  return best != NULL ? best->handle : 0;
}

bool al_link_is_redundant(const al_links *ls, al_link link) {
  const al_link_session *s = al_link_session_get(ls, link);
  if (s == NULL || !al_link_is_up(ls, link)) return false;
  for (al_link other = chain_of(ls, &s->peer); other != 0;) {
    const al_link_session *o = al_link_session_get(ls, other);
    if (o != s && al_link_is_up(ls, other) && kept_before(ls, o, s)) return true;
    other = o->next_same;
  }
  return false;
}

al_link al_link_find_dialling(const al_links *ls, const al_id *peer) {
  for (al_link link = chain_of(ls, peer); link != 0;) {
    const al_link_session *s = al_link_session_get(ls, link);
    if (s->state == AL_LINK_NEW || s->state == AL_LINK_SHAKING) return link;
    link = s->next_same;
  }
  return 0;
}

al_link al_link_each(const al_links *ls, uint32_t *cursor) {
  return al_slab_each(&ls->sessions, cursor);
}
