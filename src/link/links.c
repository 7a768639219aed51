/* links.c — see link.h: the table of sessions, their birth and end, and questions about them. */
#include "link/keys.h"

#include "base/hash.h"

_Static_assert(sizeof(al_link_shaking) <= AL_SHELF_SHAKE_BYTES, "a handshake has room");

enum { LINKS_MAX = 4096, NETWORK_MAX = AL_SHAKE_NETWORK_BYTES_MAX };

static bool config_valid(const al_links_config *c) {
  return c->suite != NULL && c->alloc != NULL && c->rng != NULL && c->counters != NULL &&
         c->keys != NULL && (c->descriptor != NULL || c->book != NULL) && c->network.len >= 1 &&
         c->network.len <= NETWORK_MAX && (c->secret.len == 0 || c->secret.len == 32) &&
         c->links_max >= 1 && c->links_max <= LINKS_MAX &&
         (c->message_slots == 0 ||
          (c->message_slots >= AL_LINK_SLOTS_MIN && c->message_slots <= UINT8_MAX));
}

static al_err buckets_init(al_links *ls, const uint8_t *secret) {
  uint32_t count = 4;
  while (count < ls->cfg.links_max - ls->cfg.links_max / 3) count *= 2;
  ls->mask = count - 1;
  ls->secret[0] = al_load_u64(secret);
  ls->secret[1] = al_load_u64(secret + 8);
  ls->buckets = al_new_array(ls->cfg.alloc, count, sizeof *ls->buckets);
  return ls->buckets != NULL ? AL_OK : AL_ENOMEM;
}

/* What is not lent is had; the places for messages come with slots.c. */
static al_err own_init(al_links *ls, const uint8_t *secret) {
  al_links_config *c = &ls->cfg;
  const uint64_t key[2] = {al_load_u64(secret), al_load_u64(secret + 8)};
  if (c->places != NULL && c->shakes != NULL && c->names != NULL) return AL_OK;
  ls->own = al_new(c->alloc, sizeof *ls->own);
  if (ls->own == NULL) return AL_ENOMEM;
  al_places_init(&ls->own->shakes, c->alloc, sizeof(al_link_shaking), c->links_max);
  al_names_init(&ls->own->names, c->alloc, key, false);
  if (c->shakes == NULL) c->shakes = &ls->own->shakes;
  if (c->names == NULL) c->names = &ls->own->names;
  return AL_OK;
}

static void own_clear(al_links *ls) {
  if (ls->own == NULL) return;
  al_places_clear(&ls->own->places);
  al_places_clear(&ls->own->shakes);
  al_names_clear(&ls->own->names);
  al_delete(ls->cfg.alloc, ls->own, sizeof *ls->own);
}

al_err al_links_init(al_links *ls, const al_links_config *c) {
  memset(ls, 0, sizeof *ls);
  if (!config_valid(c)) return AL_EINVAL;
  ls->cfg = *c;
  if (ls->cfg.message_slots == 0) ls->cfg.message_slots = AL_LINK_SLOTS_DEFAULT;
  if (ls->cfg.rekey_us == 0) ls->cfg.rekey_us = AL_LINK_REKEY_US;
  if (ls->cfg.rekey_us > AL_LINK_REKEY_MAX_US) return AL_EINVAL;
  ls->clock = c->now;
  if (ls->cfg.rekey_frames == 0) ls->cfg.rekey_frames = (uint64_t)1 << 32;
  uint8_t secret[AL_MAP_SECRET_BYTES];
  al_rng_bytes(c->rng, secret, sizeof secret);
  al_err e = al_slab_init(&ls->sessions, c->alloc, sizeof(al_link_session), c->links_max);
  if (e == AL_OK) e = own_init(ls, secret);
  ls->next = AL_TIME_NEVER;
  if (e == AL_OK && !c->lean) e = al_link_timers_reserve(ls, c->links_max);
  uint32_t turns = c->lean && c->links_max > AL_LINK_TURNS_LEAN ? AL_LINK_TURNS_LEAN : c->links_max;
  if (e == AL_OK) e = al_slab_init(&ls->turns, c->alloc, sizeof(al_link_turn), turns);
  if (e == AL_OK && !c->lean) e = al_link_windows_init(ls);
  if (e == AL_OK && !c->lean) e = al_link_keys_init(ls);
  if (e == AL_OK) e = buckets_init(ls, secret);
  if (e == AL_OK) e = al_link_slots_init(ls);
  if (e != AL_OK) al_links_clear(ls);
  al_wipe(secret, sizeof secret);
  return e;
}

al_err al_links_reserve(al_links *ls, uint32_t links) {
  al_err e = al_slab_reserve(&ls->sessions, links);
  return e == AL_OK ? al_link_timers_reserve(ls, links) : e;
}

/* What a session has elsewhere. */
static void session_clear(al_links *ls, al_link_session *s) {
  al_link_shaking_end(ls, s);
  al_names_drop(ls->cfg.names, s->peer);
  s->peer = 0;
}

void al_links_clear(al_links *ls) {
  al_link_slots_clear(ls);
  al_link_keys_clear(ls);
  if (ls->buckets != NULL)
    al_delete(ls->cfg.alloc, ls->buckets, (ls->mask + 1) * sizeof *ls->buckets);
  al_slab_clear(&ls->windows);
  al_slab_clear(&ls->turns);
  al_link_timers_clear(ls);
  uint32_t cursor = 0;
  for (al_link link; (link = al_link_each(ls, &cursor)) != 0;)
    session_clear(ls, al_link_session_get(ls, link));
  own_clear(ls);
  al_slab_clear(&ls->sessions);
  memset(ls, 0, sizeof *ls);
}

void al_links_set(al_links *ls, al_padding padding, uint64_t wall_s, al_time now) {
  ls->cfg.padding = padding;
  ls->cfg.wall_s = wall_s;
  ls->cfg.now = now;
  al_links_clock(ls, now);
  uint32_t cursor = 0;
  for (al_link link; (link = al_link_each(ls, &cursor)) != 0;) {
    al_link_session *s = al_link_session_get(ls, link);
    s->pad_due = false;
    if (s->state == AL_LINK_OPEN) al_link_pad_at(s, now + AL_LINK_PAD_MIN_US);
    al_link_arm_all(ls, s);
  }
}

static void bring_along(const al_links *ls, uint32_t *tick, al_time now) {
  al_time then = al_link_when(ls, *tick);
  if (now > then && now - then > AL_LINK_AGE_MAX_US) *tick = al_link_tick(now - AL_LINK_AGE_MAX_US);
}

void al_links_jump(al_links *ls, al_time now) {
  uint32_t cursor = 0;
  al_link_timers_jump(ls, now);
  for (al_link link; (link = al_link_each(ls, &cursor)) != 0;) {
    al_link_session *s = al_link_session_get(ls, link);
    uint32_t *ticks[] = {&s->last_rx,  &s->quiet_at, &s->since_at,
                         &s->phase_at, &s->rekey_at, &s->pad_at};
    for (size_t i = 0; i < sizeof ticks / sizeof *ticks; i++) bring_along(ls, ticks[i], now);
  }
}

uint64_t al_link_wall(const al_links *ls, al_time now) {
  return ls->cfg.wall_s + al_time_since(now, ls->cfg.now) / AL_SECOND;
}

al_link_session *al_link_session_get(const al_links *ls, al_link link) {
  return al_slab_get(&ls->sessions, link);
}

/* ---- links by the ID of their other end ---- */

static al_link *bucket_of(const al_links *ls, const al_id *peer) {
  return &ls->buckets[al_hash_id(ls->secret, peer) & ls->mask];
}

/* The next link to an ID in its chain: start with `link` 0. */
static const al_link_session *next_to(const al_links *ls, const al_id *peer,
                                      const al_link_session *last) {
  al_link link = last == NULL ? *bucket_of(ls, peer) : last->next;
  while (link != 0) {
    const al_link_session *s = al_link_session_get(ls, link);
    if (al_id_equal(al_link_peer_id(ls, s), peer)) return s;
    link = s->next;
  }
  return NULL;
}

static void unname(al_links *ls, al_link_session *s) {
  if (!s->named) return;
  const al_id *peer = al_link_peer_id(ls, s);
  al_link *at = bucket_of(ls, peer);
  while (*at != s->handle) {
    al_link_session *before = al_link_session_get(ls, *at);
    AL_ASSERT(before != NULL);
    at = &before->next;
  }
  *at = s->next;
  s->next = 0;
  s->named = false;
  ls->named--;
  if (ls->twins != 0 && next_to(ls, peer, NULL) != NULL) ls->twins--;
}

bool al_link_claim(al_links *ls, al_link_session *s, const al_id *peer) {
  AL_ASSERT(!s->named);
  uint32_t name = al_names_take(ls->cfg.names, peer);
  if (name == 0) return false;
  al_names_drop(ls->cfg.names, s->peer);
  s->peer = name;
  return true;
}

bool al_link_name(al_links *ls, al_link_session *s, const al_id *peer) {
  if (s->named && al_id_equal(al_link_peer_id(ls, s), peer)) return true;
  unname(ls, s);
  if (!al_link_claim(ls, s, peer)) return false;
  if (next_to(ls, peer, NULL) != NULL) ls->twins++;
  al_link *bucket = bucket_of(ls, peer);
  s->next = *bucket;
  *bucket = s->handle;
  s->named = true;
  ls->named++;
  return true;
}

/* ---- birth and end ---- */

/* Keys change where no memory may be got: it is there before. */
static al_err reserve_turns(al_links *ls) {
  uint32_t links = al_slab_count(&ls->sessions);
  if (ls->cfg.lean)
    return al_slab_reserve(&ls->turns, links < AL_LINK_TURNS_LEAN ? links : AL_LINK_TURNS_LEAN);
  al_err e = al_slab_reserve(&ls->turns, links);
  return e == AL_OK ? al_slab_reserve(&ls->windows, 2 * links) : e;
}

void al_link_shaking_end(al_links *ls, al_link_session *s) {
  if (s->shaking == NULL) return;
  al_wipe(s->shaking, sizeof *s->shaking);
  al_places_give(ls->cfg.shakes, s->shaking, sizeof *s->shaking);
  s->shaking = NULL;
}

static al_err session_new(al_links *ls, al_time now, al_link_session **ret) {
  void *item = NULL;
  al_link handle = al_slab_take(&ls->sessions, &item);
  if (handle == 0) {
    bool full = al_slab_count(&ls->sessions) == ls->cfg.links_max;
    if (full) al_count(ls->cfg.counters, AL_COUNT_link_full);
    return full ? AL_EFULL : AL_ENOMEM;
  }
  al_link_session *s = item;
  s->shaking = al_places_take(ls->cfg.shakes, sizeof *s->shaking, true);
  bool names = ls->own == NULL || ls->cfg.names != &ls->own->names ||
               al_names_reserve(&ls->own->names, al_slab_count(&ls->sessions) + 1) == AL_OK;
  if (s->shaking == NULL || !names || reserve_turns(ls) != AL_OK ||
      al_link_timers_reserve(ls, al_slab_index(handle) + 1) != AL_OK) {
    al_link_shaking_end(ls, s);
    al_slab_drop(&ls->sessions, handle);
    return AL_ENOMEM;
  }
  memset(s->shaking, 0, sizeof *s->shaking);
  if (!ls->cfg.lean) {
    bool wide = al_link_window_widen(ls, &s->window, false);
    AL_ASSERT(wide); /* two for each link are reserved */
  }
  al_links_clock(ls, now);
  s->handle = handle;
  s->born = ls->births++;
  s->since_at = s->last_rx = al_link_tick(now);
  s->phase_at = s->rekey_at = s->quiet_at = s->pad_at =
      s->last_rx; /* none is read before it is set,
                                                                     * but all stay in order */
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
  al_link_shaking *k = s->shaking;
  if (descriptor.len != 0) {
    k->know_pk = true;
    memcpy(k->peer_pk, d.link_pk, sizeof k->peer_pk);
    k->claimed = peer != NULL ? *peer : al_node_id(ls->cfg.suite, d.sig_pk);
    peer = &k->claimed;
  }
  if (peer != NULL && !al_link_name(ls, s, peer)) {
    al_link_free(ls, s->handle);
    return AL_ENOMEM;
  }
  al_link_arm_all(ls, s);
  *ret = s->handle;
  return AL_OK;
}

al_err al_link_up(al_links *ls, al_link link, al_time now, const uint8_t binding[32]) {
  al_link_session *s = al_link_session_get(ls, link);
  if (s == NULL) return AL_ENOTFOUND;
  if (s->state != AL_LINK_NEW) return AL_ESTATE;
  s->state = AL_LINK_SHAKING;
  al_links_clock(ls, now);
  s->since_at = s->last_rx = al_link_tick(now);
  al_err e = al_link_shake_start(ls, s, now, binding);
  al_link_arm_all(ls, s);
  return e;
}

al_err al_link_accept(al_links *ls, al_time now, const uint8_t binding[32], al_link *ret) {
  al_link_session *s;
  al_err e = session_new(ls, now, &s);
  if (e != AL_OK) return e;
  s->state = AL_LINK_SHAKING;
  al_link_shake_await(ls, s, now, binding);
  al_link_arm_all(ls, s);
  *ret = s->handle;
  return AL_OK;
}

al_err al_link_adopt(al_links *ls, al_time now, const al_link_given *given, al_link *ret) {
  al_link_session *s;
  if (!ls->cfg.simulation) return AL_ESTATE;
  al_err e = session_new(ls, now, &s);
  if (e != AL_OK) return e;
  al_link_shaking_end(ls, s);
  al_rng draw;
  al_rng_init(&draw, ls->cfg.suite, given->keys);
  al_rng_bytes(&draw, s->root, sizeof s->root);
  al_rng_clear(&draw);
  s->initiator = given->initiator;
  al_link_keys_begin(ls, s, now);
  if (!al_link_name(ls, s, given->peer)) {
    al_link_free(ls, s->handle);
    return AL_ENOMEM;
  }
  s->state = AL_LINK_OPEN;
  al_link_arm_all(ls, s);
  *ret = s->handle;
  return AL_OK;
}

void al_link_end(al_links *ls, al_link_session *s) {
  s->state = AL_LINK_CLOSING;
  s->close_due = false;
  s->timed = false;
  al_link_slots_forget(ls, s);
  al_link_shaking_end(ls, s);
  al_link_turn_end(ls, s);
  al_link_disarm(ls, s);
}

void al_link_free(al_links *ls, al_link link) {
  al_link_session *s = al_link_session_get(ls, link);
  if (s == NULL) return;
  al_link_end(ls, s);
  unname(ls, s);
  al_names_drop(ls->cfg.names, s->peer);
  al_link_window_clear(ls, &s->window);
  al_link_keys_wipe(ls, s);
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
      .rto_us = al_link_rto(s),
      .frames_tx = (uint64_t)s->tx_high << 32 | s->frames_tx,
      .frames_rx = (uint64_t)s->rx_high << 32 | s->frames_rx,
      .last_rx = al_link_when(ls, s->last_rx),
  };
  if (s->named) ret->peer = *al_link_peer_id(ls, s);
  return true;
}

bool al_link_peer(const al_links *ls, al_link link, al_id *ret) {
  const al_link_session *s = al_link_session_get(ls, link);
  if (s == NULL || !s->named) return false;
  *ret = *al_link_peer_id(ls, s);
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
    bool we_are_lower = memcmp(ls->cfg.keys->id.b, al_link_peer_id(ls, a)->b, sizeof(al_id)) < 0;
    return a->initiator == we_are_lower;
  }
  return a->initiator && a->born - b->born <= INT32_MAX;
}

al_link al_link_find_by_peer(const al_links *ls, const al_id *peer) {
  const al_link_session *best = NULL;
  const al_link_session *s = NULL;
  while ((s = next_to(ls, peer, s)) != NULL) {
    if (al_link_is_up(ls, s->handle) && (best == NULL || kept_before(ls, s, best))) best = s;
  }
  return best != NULL ? best->handle : 0;
}

bool al_link_is_redundant(const al_links *ls, al_link link) {
  if (ls->twins == 0) return false;
  const al_link_session *s = al_link_session_get(ls, link);
  if (s == NULL || !al_link_is_up(ls, link)) return false;
  const al_link_session *o = NULL;
  while ((o = next_to(ls, al_link_peer_id(ls, s), o)) != NULL) {
    if (o != s && al_link_is_up(ls, o->handle) && kept_before(ls, o, s)) return true;
  }
  return false;
}

al_link al_link_find_dialling(const al_links *ls, const al_id *peer) {
  const al_link_session *s = NULL;
  while ((s = next_to(ls, peer, s)) != NULL) {
    if (s->state == AL_LINK_NEW || s->state == AL_LINK_SHAKING) return s->handle;
  }
  return 0;
}

al_link al_link_each(const al_links *ls, uint32_t *cursor) {
  return al_slab_each(&ls->sessions, cursor);
}
