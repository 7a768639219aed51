/* rekey.c — see session.h: fresh keys for a link that is up (PROTOCOL.md 4.5). */
#include "link/keys.h"

/* No exchange is under way: both directions use the newest keys. */
static bool settled(const al_link_session *s) {
  return s->tx_phase == s->key_phase && s->rx_phase == s->key_phase;
}

void al_link_rekey_check(al_links *ls, al_link_session *s, al_time now) {
  uint64_t limit = ls->cfg.rekey_frames;
  uint64_t rx_number = al_link_window_next(&s->window);
  if (s->tx_number < limit && rx_number < limit) return;
  /* The dialler has had a quarter and 2^20 frames to do something about it. */
  uint64_t hard = limit + limit / 4 + ((uint64_t)1 << 20);
  if (s->tx_number >= hard || rx_number >= hard) {
    s->worn = true; /* the timer ends the link */
    al_link_arm(ls, s, now);
  }
  if (s->initiator && !s->rekey_asked && settled(s) && al_link_when(ls, s->rekey_at) > now) {
    s->rekey_at = al_link_tick(now);
    al_link_arm(ls, s, now);
  }
}

/* A slot with a copy of a message of ours, queued before everything but a handshake. */
static uint8_t *queue_own(al_links *ls, al_link_session *s, al_message_kind kind, uint32_t total,
                          al_time now) {
  const al_link_need need = {AL_LINK_USE_OUT, (uint8_t)kind, total};
  uint32_t slot = al_link_slot_take(ls, s, &need, now);
  if (slot == 0) {
    al_count(ls->cfg.counters, AL_COUNT_link_slots);
    return NULL;
  }
  al_link_slot *t = al_link_slot_at(ls, slot);
  t->id = ++s->message_id;
  if (t->id == 0) t->id = s->message_id = 1;
  t->total = total;
  al_link_enqueue(ls, s, AL_LINK_LANE_OWN, slot);
  return al_link_slot_body(ls, slot);
}

void al_link_rekey_ask(al_links *ls, al_link_session *s, al_time now) {
  if (!s->rekey_due || s->rekey_asked || !settled(s)) return;
  al_link_turn *t = al_link_turn_begin(ls, s);
  if (t == NULL) { /* again in a second, when another link may be done */
    s->rekey_due = false;
    s->rekey_at = al_link_tick(now + AL_SECOND);
    al_link_arm(ls, s, now + AL_SECOND);
    return;
  }
  uint8_t *body = queue_own(ls, s, AL_MESSAGE_REKEY, AL_REKEY_BYTES, now);
  if (body == NULL) return;
  al_rng_bytes(ls->cfg.rng, t->seed, sizeof t->seed);
  al_shake_rekey_ask(ls->cfg.suite, t->seed, body);
  s->rekey_asked = true;
  s->rekey_due = false;
}

static bool answer(al_links *ls, al_link_session *s, const uint8_t *ask, al_time now) {
  uint8_t coins[AL_KEM_COINS_BYTES], reply[AL_REKEYED_BYTES];
  if (s->initiator || !settled(s) || s->key_phase == AL_LINK_PHASE_MAX) {
    al_count(ls->cfg.counters, AL_COUNT_link_state);
    return false;
  }
  if (al_link_turn_begin(ls, s) == NULL) { /* the dialler's time-out tells it */
    al_count(ls->cfg.counters, AL_COUNT_link_slots);
    return false;
  }
  uint8_t *body = queue_own(ls, s, AL_MESSAGE_REKEYED, AL_REKEYED_BYTES, now);
  if (body == NULL) {
    if (!s->old_valid) al_link_turn_end(ls, s);
    return false;
  }
  uint8_t next[32];
  memcpy(next, s->root, sizeof next);
  al_rng_bytes(ls->cfg.rng, coins, sizeof coins);
  al_err e = al_shake_rekey_answer(ls->cfg.suite, next, ask, coins, reply);
  al_wipe(coins, sizeof coins);
  if (e != AL_OK) {
    if (!s->old_valid) al_link_turn_end(ls, s);
    /* Not a key. Nothing was queued before it in this lane: a handshake is long over. */
    al_link_dequeue(ls, s, AL_LINK_LANE_OWN);
    al_count(ls->cfg.counters, AL_COUNT_link_parse);
    return false;
  }
  memcpy(body, reply, sizeof reply);
  al_link_turn_keys(ls, s);
  memcpy(s->root, next, sizeof next);
  al_wipe(next, sizeof next);
  al_link_keys_made(ls, s);
  s->key_phase++;
  return true;
}

static bool finish(al_links *ls, al_link_session *s, const uint8_t *reply, al_time now) {
  if (!s->initiator || !s->rekey_asked) {
    al_count(ls->cfg.counters, AL_COUNT_link_state);
    return false;
  }
  al_link_turn *t = al_link_turn_of(ls, s);
  al_link_turn_keys(ls, s);
  al_shake_rekey_finish(ls->cfg.suite, s->root, t->seed, reply);
  al_link_keys_made(ls, s);
  al_wipe(t->seed, sizeof t->seed);
  s->key_phase++;
  al_link_keys_tx(ls, s, now);
  al_link_ping_now(ls, s, now); /* shows the other side the new phase */
  al_link_arm_all(ls, s);
  return true;
}

bool al_link_rekey_rx(al_links *ls, al_link_session *s, al_message_kind kind, const uint8_t *bytes,
                      al_time now) {
  return kind == AL_MESSAGE_REKEY ? answer(ls, s, bytes, now) : finish(ls, s, bytes, now);
}
