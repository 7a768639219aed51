/* frame.c — see session.h: data frames and the keys of their phases. */
#include "link/session.h"

enum { TAG_AT = AL_LINK_CELL_AT + AL_CELL_BYTES };

static const al_bytes no_ad = {NULL, 0};

void al_link_frame_seal(const al_suite *suite, const uint8_t key[32], uint64_t counter,
                        uint8_t frame[AL_FRAME_BYTES]) {
  al_store_u64(frame, counter);
  suite->seal(frame + AL_LINK_CELL_AT, AL_CELL_BYTES, frame + TAG_AT, key, counter, no_ad);
}

bool al_link_frame_open(const al_suite *suite, const uint8_t key[32],
                        uint8_t frame[AL_FRAME_BYTES]) {
  return suite->open(frame + AL_LINK_CELL_AT, AL_CELL_BYTES, frame + TAG_AT, key,
                     al_load_u64(frame), no_ad) == AL_OK;
}

/* The keys for what this side sends and receives, out of a pair. */
static const uint8_t *tx_of(const al_link_session *s) {
  return s->initiator ? s->keys.i2r : s->keys.r2i;
}

static const uint8_t *rx_of(const al_link_session *s) {
  return s->initiator ? s->keys.r2i : s->keys.i2r;
}

void al_link_keys_begin(al_links *ls, al_link_session *s, al_time now) {
  s->have_keys = true;
  s->key_phase = s->rx_phase = 0;
  memcpy(s->rx_key, rx_of(s), sizeof s->rx_key);
  al_window_init(&s->rx_window, AL_LINK_PHASE_BITS);
  s->rx_number = 0;
  al_link_keys_tx(ls, s, now);
}

/* A phase lasts a little less than the configured time, so that links do not rekey all at once. */
void al_link_keys_tx(al_links *ls, al_link_session *s, al_time now) {
  s->tx_phase = s->key_phase;
  s->tx_number = 0;
  memcpy(s->tx_key, tx_of(s), sizeof s->tx_key);
  s->phase_since = now;
  uint64_t jitter = al_rng_below(ls->cfg.rng, ls->cfg.rekey_us / 16 + 1);
  s->rekey_at = al_time_add(now, ls->cfg.rekey_us - jitter);
  s->rekey_asked = s->rekey_due = s->worn = false;
}

/* A frame of the next phase was opened: its keys are in use on both sides. */
static void phase_begins(al_links *ls, al_link_session *s, al_time now) {
  memcpy(s->rx_old, s->rx_key, sizeof s->rx_old);
  s->old_window = s->rx_window;
  s->old_valid = true;
  s->old_until = al_time_add(now, AL_LINK_OLD_KEY_US);
  s->rx_phase = s->key_phase;
  memcpy(s->rx_key, rx_of(s), sizeof s->rx_key);
  al_window_init(&s->rx_window, AL_LINK_PHASE_BITS);
  s->rx_number = 0;
  if (s->tx_phase != s->key_phase) al_link_keys_tx(ls, s, now);
  al_count(ls->cfg.counters, AL_COUNT_link_rekeyed);
  al_link_arm(ls, s, s->old_until);
}

bool al_link_keys_open(al_links *ls, al_link_session *s, al_time now, uint8_t frame[AL_FRAME_BYTES],
                       al_counter *why) {
  uint64_t counter = al_load_u64(frame);
  uint32_t phase = (uint32_t)(counter >> AL_LINK_PHASE_BITS);
  uint64_t number = counter & (((uint64_t)1 << AL_LINK_PHASE_BITS) - 1);
  const uint8_t *key = s->rx_key;
  al_window *window = &s->rx_window;
  bool next = false;
  *why = AL_COUNT_link_auth;
  if (phase == s->rx_phase + 1u && s->key_phase == phase) {
    key = rx_of(s);
    next = true;
  } else if (s->old_valid && phase + 1 == s->rx_phase) {
    key = s->rx_old;
    window = &s->old_window;
  } else if (phase != s->rx_phase) {
    return false;
  }
  if (!next && !al_window_fresh(window, number)) {
    *why = AL_COUNT_link_replay;
    return false;
  }
  if (!al_link_frame_open(ls->cfg.suite, key, frame)) return false;
  if (next) phase_begins(ls, s, now);
  al_window_take(window, number);
  if (window == &s->rx_window && number >= s->rx_number) s->rx_number = number + 1;
  return true;
}
