/* frame.c — see session.h: data frames and the keys of their phases. */
#include "link/keys.h"

enum { TAG_BYTES = 16, FRAME_EXTRA = AL_LINK_CELL_AT + TAG_BYTES };

static const al_bytes no_ad = {NULL, 0};

void al_link_bytes_seal(const al_suite *suite, const uint8_t key[32], uint64_t counter,
                        uint8_t *frame, size_t len) {
  al_store_u64(frame, counter);
  suite->seal(frame + AL_LINK_CELL_AT, len - FRAME_EXTRA, frame + len - TAG_BYTES, key, counter,
              no_ad);
}

bool al_link_bytes_open(const al_suite *suite, const uint8_t key[32], uint8_t *frame, size_t len) {
  return suite->open(frame + AL_LINK_CELL_AT, len - FRAME_EXTRA, frame + len - TAG_BYTES, key,
                     al_load_u64(frame), no_ad) == AL_OK;
}

/* ---- keys of the newest phase: kept for each link; in lean tables made for each frame ---- */

al_err al_link_keys_init(al_links *ls) {
  ls->frame_keys = al_new_array(ls->cfg.alloc, ls->cfg.links_max, 2 * sizeof ls->frame_key);
  return ls->frame_keys != NULL ? AL_OK : AL_ENOMEM;
}

void al_link_keys_clear(al_links *ls) {
  const size_t bytes = ls->cfg.links_max * 2 * sizeof ls->frame_key;
  if (ls->frame_keys != NULL) {
    al_wipe(ls->frame_keys, bytes);
    al_delete(ls->cfg.alloc, ls->frame_keys, bytes);
  }
  ls->frame_keys = NULL;
  al_wipe(ls->frame_key, sizeof ls->frame_key);
}

static uint8_t *kept_keys(const al_links *ls, const al_link_session *s) {
  return ls->frame_keys + (size_t)al_slab_index(s->handle) * 2 * sizeof ls->frame_key;
}

void al_link_keys_wipe(al_links *ls, const al_link_session *s) {
  if (ls->frame_keys != NULL) al_wipe(kept_keys(ls, s), 2 * sizeof ls->frame_key);
}

void al_link_keys_made(al_links *ls, const al_link_session *s) {
  if (ls->frame_keys == NULL) return;
  uint8_t *keys = kept_keys(ls, s);
  al_shake_frame_key(ls->cfg.suite, s->root, s->initiator, keys);
  al_shake_frame_key(ls->cfg.suite, s->root, !s->initiator, keys + sizeof ls->frame_key);
}

/* The key that this side sends under, or receives. Good until the next call. */
static const uint8_t *newest(al_links *ls, const al_link_session *s, bool tx) {
  if (ls->frame_keys != NULL) return kept_keys(ls, s) + (tx ? 0 : sizeof ls->frame_key);
  al_shake_frame_key(ls->cfg.suite, s->root, s->initiator == tx, ls->frame_key);
  return ls->frame_key;
}

al_link_turn *al_link_turn_of(const al_links *ls, const al_link_session *s) {
  return s->turn != 0 ? al_slab_get(&ls->turns, s->turn) : NULL;
}

al_link_turn *al_link_turn_begin(al_links *ls, al_link_session *s) {
  void *item;
  if (s->turn != 0) return al_link_turn_of(ls, s);
  s->turn = al_slab_take_noalloc(&ls->turns, &item);
  return s->turn != 0 ? item : NULL;
}

static void old_ends(al_links *ls, al_link_session *s, al_link_turn *t) {
  if (s->old_valid) al_link_window_clear(ls, &t->old);
  s->old_valid = false;
}

void al_link_turn_keys(al_links *ls, al_link_session *s) {
  al_link_turn *t = al_link_turn_of(ls, s);
  AL_ASSERT(t != NULL && s->tx_phase == s->key_phase && s->rx_phase == s->key_phase);
  old_ends(ls, s, t); /* of the phase before: its frames are later than a whole exchange of keys */
  memcpy(t->tx, newest(ls, s, true), sizeof t->tx);
  memcpy(t->rx, newest(ls, s, false), sizeof t->rx);
}

void al_link_turn_end(al_links *ls, al_link_session *s) {
  if (s->turn == 0) return;
  old_ends(ls, s, al_link_turn_of(ls, s));
  al_slab_drop(&ls->turns, s->turn); /* wiped */
  s->turn = 0;
}

const uint8_t *al_link_tx_key(al_links *ls, const al_link_session *s) {
  const al_link_turn *t = al_link_turn_of(ls, s); /* NULL also when the link is closing */
  return s->tx_phase == s->key_phase || t == NULL ? newest(ls, s, true) : t->tx;
}

const uint8_t *al_link_rx_key(al_links *ls, const al_link_session *s) {
  const al_link_turn *t = al_link_turn_of(ls, s);
  return s->rx_phase == s->key_phase || t == NULL ? newest(ls, s, false) : t->rx;
}

void al_link_keys_begin(al_links *ls, al_link_session *s, al_time now) {
  s->have_keys = true;
  s->key_phase = s->rx_phase = 0;
  al_link_keys_made(ls, s);
  al_link_keys_tx(ls, s, now);
}

/* A phase lasts a little less than the configured time, so that links do not rekey all at once. */
void al_link_keys_tx(al_links *ls, al_link_session *s, al_time now) {
  s->tx_phase = s->key_phase;
  s->tx_number = 0;
  s->phase_at = al_link_tick(now);
  uint64_t jitter = al_rng_below(ls->cfg.rng, ls->cfg.rekey_us / 16 + 1);
  s->rekey_at = al_link_tick(now + (ls->cfg.rekey_us - jitter));
  s->rekey_asked = s->rekey_due = s->worn = false;
}

/* A frame of the next phase was opened: its keys are in use on both sides. */
static void phase_begins(al_links *ls, al_link_session *s, al_time now) {
  al_link_turn *t = al_link_turn_of(ls, s);
  bool wide = s->window.wide != 0;
  t->old = s->window;
  t->old_until = al_time_add(now, AL_LINK_OLD_KEY_US);
  s->old_valid = true;
  s->window = (al_link_window){0};
  if (wide) (void)al_link_window_widen(ls, &s->window, false); /* else narrow for this phase */
  s->rx_phase = s->key_phase;
  if (s->tx_phase != s->key_phase) al_link_keys_tx(ls, s, now);
  al_count(ls->cfg.counters, AL_COUNT_link_rekeyed);
  al_link_arm(ls, s, t->old_until);
}

bool al_link_keys_open(al_links *ls, al_link_session *s, al_time now, al_span frame,
                       al_counter *why) {
  uint64_t counter = al_load_u64(frame.ptr);
  uint32_t phase = (uint32_t)(counter >> AL_LINK_PHASE_BITS);
  uint64_t number = counter & (((uint64_t)1 << AL_LINK_PHASE_BITS) - 1);
  const uint8_t *key = NULL;
  al_link_window *window = &s->window;
  bool next = false;
  *why = AL_COUNT_link_auth;
  if (phase == s->rx_phase) {
    key = al_link_rx_key(ls, s);
  } else if (phase == s->rx_phase + 1u && s->key_phase == phase) {
    key = newest(ls, s, false);
    next = true;
  } else if (s->old_valid && phase + 1 == s->rx_phase) {
    key = al_link_turn_of(ls, s)->rx;
    window = &al_link_turn_of(ls, s)->old;
  } else {
    return false;
  }
  if (!next && !al_link_window_fresh(ls, window, number)) {
    *why = AL_COUNT_link_replay;
    return false;
  }
  if (!al_link_bytes_open(ls->cfg.suite, key, frame.ptr, frame.len)) return false;
  if (next) phase_begins(ls, s, now);
  al_link_window_take(ls, window, number);
  return true;
}
