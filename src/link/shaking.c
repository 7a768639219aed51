/* shaking.c — see session.h: a handshake over frames. What the messages hold is src/shake's. A
 * handshake that fails says nothing: it stays mute until its time is over. */
#include "link/keys.h"

static al_link_shaking *shaking_of(const al_links *ls, const al_link_session *s) {
  (void)ls;
  AL_ASSERT(s->shaking != NULL);
  return s->shaking;
}

static void shake_init(al_links *ls, al_link_session *s, const uint8_t binding[32]) {
  al_shake_setup setup = {
      .suite = ls->cfg.suite,
      .network = ls->cfg.network,
      .secret = ls->cfg.secret,
      .binding = binding,
      .initiator = s->initiator,
  };
  al_shake_init(&shaking_of(ls, s)->sh, &setup);
}

/* Our own descriptor as bytes; `buf` has room for AL_DESC_BYTES_MAX. */
static al_bytes own_record(const al_links *ls, uint8_t *buf) {
  if (ls->cfg.descriptor != NULL) return *ls->cfg.descriptor;
  const al_peer_entry *e = al_book_own(ls->cfg.book);
  al_wr w = al_wr_init(buf, AL_DESC_BYTES_MAX);
  AL_ASSERT(e != NULL);
  al_entry_write(e, &w);
  return al_wr_view(&w);
}

static uint64_t own_sequence(const al_links *ls) {
  al_desc own;
  if (ls->cfg.descriptor == NULL) return al_book_own(ls->cfg.book)->desc.sequence;
  AL_ASSERT(al_desc_decode(*ls->cfg.descriptor, &own) == AL_OK);
  return own.sequence;
}

/* A slot with an empty cursor over it; 0 when there is none. */
static uint32_t message_begin(al_links *ls, al_link_session *s, al_handshake_type type, al_time now,
                              al_wr *w) {
  const al_link_need need = {AL_LINK_USE_SHAKE, (uint8_t)type, AL_LINK_SLOT_BYTES};
  uint32_t slot = al_link_slot_take(ls, s, &need, now);
  if (slot == 0)
    al_count(ls->cfg.counters, AL_COUNT_link_slots);
  else
    *w = al_wr_init(al_link_slot_body(ls, slot), AL_LINK_SLOT_BYTES);
  return slot;
}

static al_err message_end(al_links *ls, al_link_session *s, uint32_t slot, al_err e, al_wr *w) {
  al_link_slot_at(ls, slot)->total = (uint32_t)w->len;
  if (e == AL_OK)
    al_link_enqueue(ls, s, AL_LINK_LANE_OWN, slot);
  else
    al_link_slot_drop(ls, slot);
  return e;
}

static al_err send_fetch(al_links *ls, al_link_session *s, al_time now) {
  uint8_t coins[AL_SHAKE_FETCH_COINS];
  al_wr w;
  uint32_t slot = message_begin(ls, s, AL_HANDSHAKE_FETCH, now, &w);
  if (slot == 0) return AL_EFULL;
  al_rng_bytes(ls->cfg.rng, coins, sizeof coins);
  al_err e = al_shake_make_fetch(&shaking_of(ls, s)->sh, coins, &w);
  al_wipe(coins, sizeof coins);
  return message_end(ls, s, slot, e, &w);
}

static al_err send_record(al_links *ls, al_link_session *s, al_time now) {
  uint8_t coins[AL_SHAKE_RECORD_COINS], buf[AL_DESC_BYTES_MAX];
  al_wr w;
  uint32_t slot = message_begin(ls, s, AL_HANDSHAKE_RECORD, now, &w);
  if (slot == 0) return AL_EFULL;
  al_rng_bytes(ls->cfg.rng, coins, sizeof coins);
  al_err e = al_shake_make_record(&shaking_of(ls, s)->sh, coins, own_record(ls, buf), &w);
  al_wipe(coins, sizeof coins);
  return message_end(ls, s, slot, e, &w);
}

static al_err send_init(al_links *ls, al_link_session *s, al_time now) {
  uint8_t coins[AL_SHAKE_INIT_COINS], buf[AL_DESC_BYTES_MAX];
  al_wr w;
  al_link_shaking *k = shaking_of(ls, s);
  uint32_t slot = message_begin(ls, s, AL_HANDSHAKE_INIT, now, &w);
  if (slot == 0) return AL_EFULL;
  al_rng_bytes(ls->cfg.rng, coins, sizeof coins);
  al_shake_name(&k->sh, &k->claimed);
  al_err e = al_shake_make_init(&k->sh, k->peer_pk, coins, own_record(ls, buf), &w);
  al_wipe(coins, sizeof coins);
  return message_end(ls, s, slot, e, &w);
}

static al_err send_accept(al_links *ls, al_link_session *s, const uint8_t *peer_link_pk,
                          al_time now) {
  uint8_t coins[AL_SHAKE_ACCEPT_COINS];
  al_wr w;
  uint64_t own = own_sequence(ls);
  uint32_t slot = message_begin(ls, s, AL_HANDSHAKE_ACCEPT, now, &w);
  if (slot == 0) return AL_EFULL;
  al_rng_bytes(ls->cfg.rng, coins, sizeof coins);
  al_err e = al_shake_make_accept(&shaking_of(ls, s)->sh, peer_link_pk, coins, own, &w);
  al_wipe(coins, sizeof coins);
  return message_end(ls, s, slot, e, &w);
}

al_err al_link_shake_start(al_links *ls, al_link_session *s, al_time now,
                           const uint8_t binding[32]) {
  shake_init(ls, s, binding);
  return shaking_of(ls, s)->know_pk ? send_init(ls, s, now) : send_fetch(ls, s, now);
}

void al_link_shake_await(al_links *ls, al_link_session *s, al_time now, const uint8_t binding[32]) {
  (void)now;
  shake_init(ls, s, binding);
}

/* Keys are there: the handshake's own state is not needed any more. False without memory for whose
 * they are. */
static bool finish(al_links *ls, al_link_session *s, al_time now) {
  al_link_shaking *k = shaking_of(ls, s);
  if (s->initiator ? !al_link_name(ls, s, &k->claimed) : !al_link_claim(ls, s, &k->claimed))
    return false; /* of an answerer it is proved by the first data frame */
  al_shake_take_root(&k->sh, s->root);
  al_link_keys_begin(ls, s, now);
  al_link_shaking_end(ls, s);
  return true;
}

/* ---- the other side's descriptor ---- */

static bool in_time(uint64_t wall_s, uint64_t published_s, uint64_t expiry_s) {
  return wall_s < expiry_s && published_s <= wall_s + AL_DESC_SKEW_S;
}

/* What a descriptor says that the handshake needs. */
typedef struct other_side {
  al_id id;
  uint8_t link_pk[AL_KEM_PK_BYTES];
} other_side;

/* Everything the book would ask for, the signature last: not asked for again of a record that was
 * verified before. */
static bool descriptor_valid(const al_links *ls, al_bytes record, al_time now, other_side *ret) {
  const al_suite *suite = ls->cfg.suite;
  const al_peer_entry *e;
  uint64_t wall_s = al_link_wall(ls, now), puzzle;
  al_desc d;
  bool verified = ls->cfg.book != NULL && al_book_verified(ls->cfg.book, record, &e);
  if (verified) {
    if (!in_time(wall_s, e->desc.published_s, e->desc.expiry_s)) return false;
    ret->id = e->id;
    al_entry_link_pk(e, ret->link_pk);
    puzzle = e->puzzle;
  } else {
    if (al_desc_decode(record, &d) != AL_OK) return false;
    if (!in_time(wall_s, d.published_s, d.expiry_s)) return false;
    ret->id = al_node_id(suite, d.sig_pk);
    memcpy(ret->link_pk, d.link_pk, sizeof ret->link_pk);
    puzzle = d.puzzle;
  }
  if (!ls->cfg.simulation && !al_puzzle_check(suite, &ret->id, puzzle)) return false;
  return verified || al_descriptor_verify(suite, &d) == AL_OK;
}

/* The other side cannot be talked with, and it is honest to say so to the caller at once. */
static al_link_verdict refuse(al_links *ls, al_link_session *s, uint32_t slot, al_link_code code,
                              al_link_in *ret) {
  al_count(ls->cfg.counters, AL_COUNT_link_handshake_auth);
  al_link_slot_drop(ls, slot);
  al_link_end(ls, s);
  ret->code = (uint8_t)code;
  return AL_LINK_CLOSED;
}

/* The handshake is over, its stage says so; the link stays mute until its time-out. */
static al_link_verdict fail(al_links *ls, al_err why) {
  if (why != AL_EFULL)
    al_count(ls->cfg.counters,
             why == AL_EPARSE ? AL_COUNT_link_handshake_parse : AL_COUNT_link_handshake_auth);
  return AL_LINK_DROP;
}

/* The descriptor goes to the caller, in the slot it came in. */
static al_link_verdict hand_over(al_links *ls, uint32_t slot, al_bytes record, const al_id *id,
                                 al_link_in *ret) {
  al_link_slot_use(ls, slot, AL_LINK_USE_LENT);
  ret->descriptor = record;
  ret->peer = *id;
  ret->slot = slot;
  return AL_LINK_NONE;
}

/* ---- whole messages; each owns the slot ---- */

static al_link_verdict take_fetch(al_links *ls, al_link_session *s, uint32_t slot, al_time now) {
  al_span m = {al_link_slot_body(ls, slot), al_link_slot_at(ls, slot)->total};
  al_err e = al_shake_take_fetch(&shaking_of(ls, s)->sh, m);
  al_link_slot_drop(ls, slot);
  if (e == AL_OK) e = send_record(ls, s, now);
  return e == AL_OK ? AL_LINK_NONE : fail(ls, e);
}

static al_link_verdict take_record(al_links *ls, al_link_session *s, uint32_t slot, al_time now,
                                   al_link_in *ret) {
  al_link_shaking *k = shaking_of(ls, s);
  al_span m = {al_link_slot_body(ls, slot), al_link_slot_at(ls, slot)->total};
  al_bytes record;
  other_side other;
  al_err e = al_shake_take_record(&k->sh, m, &record);
  if (e != AL_OK) {
    al_link_slot_drop(ls, slot);
    return fail(ls, e);
  }
  if (!descriptor_valid(ls, record, now, &other))
    return refuse(ls, s, slot, AL_LINK_CODE_DESCRIPTOR, ret);
  if ((s->named && !al_id_equal(&other.id, al_link_peer_id(ls, s))) ||
      al_id_equal(&other.id, &ls->cfg.keys->id))
    return refuse(ls, s, slot, AL_LINK_CODE_IDENTITY, ret);
  memcpy(k->peer_pk, other.link_pk, sizeof k->peer_pk);
  k->claimed = other.id;
  e = send_init(ls, s, now);
  if (e != AL_OK) {
    al_link_slot_drop(ls, slot);
    return fail(ls, e);
  }
  return hand_over(ls, slot, record, &other.id, ret);
}

static al_link_verdict take_init(al_links *ls, al_link_session *s, uint32_t slot, al_time now,
                                 al_link_in *ret) {
  al_link_shaking *k = shaking_of(ls, s);
  al_span m = {al_link_slot_body(ls, slot), al_link_slot_at(ls, slot)->total};
  al_bytes record;
  other_side other;
  al_shake_name(&k->sh, &ls->cfg.keys->id);
  uint8_t sk[AL_KEM_SK_BYTES];
  al_err e = al_shake_take_init(&k->sh, al_keyring_link_sk(ls->cfg.keys, sk), m, &record);
  al_wipe(sk, sizeof sk);
  if (e != AL_OK) {
    al_link_slot_drop(ls, slot);
    return fail(ls, e);
  }
  if (!descriptor_valid(ls, record, now, &other))
    return refuse(ls, s, slot, AL_LINK_CODE_DESCRIPTOR, ret);
  if (al_id_equal(&other.id, &ls->cfg.keys->id))
    return refuse(ls, s, slot, AL_LINK_CODE_IDENTITY, ret);
  k->claimed = other.id;
  e = send_accept(ls, s, other.link_pk, now);
  if (e != AL_OK) {
    al_link_slot_drop(ls, slot);
    return fail(ls, e);
  }
  if (!finish(ls, s, now)) {
    al_link_slot_drop(ls, slot);
    return fail(ls, AL_EFULL);
  }
  return hand_over(ls, slot, record, &other.id, ret);
}

static al_link_verdict take_accept(al_links *ls, al_link_session *s, uint32_t slot, al_time now,
                                   al_link_in *ret) {
  al_link_shaking *k = shaking_of(ls, s);
  al_span m = {al_link_slot_body(ls, slot), al_link_slot_at(ls, slot)->total};
  uint64_t sequence = 0;
  uint8_t sk[AL_KEM_SK_BYTES];
  al_err e = al_shake_take_accept(&k->sh, al_keyring_link_sk(ls->cfg.keys, sk), m, &sequence);
  al_wipe(sk, sizeof sk);
  al_link_slot_drop(ls, slot);
  if (e != AL_OK) return fail(ls, e);
  if (!finish(ls, s, now)) return fail(ls, AL_EFULL);
  s->state = AL_LINK_OPEN;
  al_link_note_rx(ls, s, now);
  al_link_ping_now(ls, s, now);
  al_link_arm_all(ls, s);
  ret->became_up = true;
  ret->peer = *al_link_peer_id(ls, s);
  return AL_LINK_UP;
}

/* ---- frames ---- */

/* Which message the handshake waits for; the answerer, at its start, for one of two. */
static bool expected(const al_shake *sh, uint8_t type) {
  switch (type) {
    case AL_HANDSHAKE_FETCH:
      return !sh->initiator && sh->stage == AL_SHAKE_START;
    case AL_HANDSHAKE_RECORD:
      return sh->initiator && sh->stage == AL_SHAKE_WAIT_RECORD;
    case AL_HANDSHAKE_INIT:
      return !sh->initiator && (sh->stage == AL_SHAKE_START || sh->stage == AL_SHAKE_HAVE_RECORD);
    case AL_HANDSHAKE_ACCEPT:
      return sh->initiator && sh->stage == AL_SHAKE_WAIT_ACCEPT;
    default:
      return false;
  }
}

static al_link_verdict drop(al_links *ls, al_counter why) {
  al_count(ls->cfg.counters, why);
  return AL_LINK_DROP;
}

al_link_verdict al_link_shake_rx(al_links *ls, al_link_session *s, uint8_t *frame, al_time now,
                                 al_link_in *ret) {
  al_handshake_frame f;
  if (s->state != AL_LINK_SHAKING || s->shaking == NULL) return drop(ls, AL_COUNT_link_state);
  if (al_handshake_decode(frame, &f) != AL_OK) return drop(ls, AL_COUNT_link_handshake_parse);
  if (!expected(&shaking_of(ls, s)->sh, f.type)) return drop(ls, AL_COUNT_link_state);
  al_link_part p = {
      .use = AL_LINK_USE_SHAKE,
      .kind = f.type,
      .total = f.total,
      .index = f.index,
      .stride = AL_HANDSHAKE_FRAGMENT_BYTES,
      .bytes = f.fragment.ptr,
  };
  uint32_t slot = 0;
  if (!al_link_assemble(ls, s, &p, now, &slot)) return drop(ls, AL_COUNT_link_slots);
  if (slot == 0) return AL_LINK_NONE;
  switch (f.type) {
    case AL_HANDSHAKE_FETCH:
      return take_fetch(ls, s, slot, now);
    case AL_HANDSHAKE_RECORD:
      return take_record(ls, s, slot, now, ret);
    case AL_HANDSHAKE_INIT:
      return take_init(ls, s, slot, now, ret);
    default:
      return take_accept(ls, s, slot, now, ret);
  }
}
