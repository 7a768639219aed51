/* timers.c — see link.h and session.h: what time does to a link. A session has one place in the
 * table of timers, no later than its next deadline; what it wants is worked out when that is due.
 * The table is four bytes a link and gone through whenever something is due: a heap of them takes
 * five times as much, and as long for as many links as there are. */
#include "base/alloc.h"
#include "link/keys.h"

#define NEVER UINT32_MAX

/* The first tick that is not before t; one of 2^32 means never. */
static uint32_t tick_after(al_time t) {
  uint32_t tick = al_link_tick(t + ((1u << AL_LINK_TICK_BITS) - 1));
  return tick == NEVER ? 0 : tick;
}

al_err al_link_timers_reserve(al_links *ls, uint32_t links) {
  if (links <= ls->timers_len) return AL_OK;
  uint32_t len = (links + AL_LINK_STEP - 1) / AL_LINK_STEP * AL_LINK_STEP;
  uint32_t *more =
      al_grown(ls->cfg.alloc, ls->timers, ls->timers_len * sizeof *more, len * sizeof *more);
  if (more == NULL) return AL_ENOMEM;
  for (uint32_t i = ls->timers_len; i < len; i++) more[i] = NEVER;
  ls->timers = more;
  ls->timers_len = len;
  return AL_OK;
}

void al_link_timers_clear(al_links *ls) {
  al_delete(ls->cfg.alloc, ls->timers, ls->timers_len * sizeof *ls->timers);
  ls->timers = NULL;
  ls->timers_len = 0;
}

void al_link_timers_jump(al_links *ls, al_time now) {
  for (uint32_t i = 0; i < ls->timers_len; i++) {
    if (ls->timers[i] != NEVER && al_link_when(ls, ls->timers[i]) + AL_LINK_AGE_MAX_US < now)
      ls->timers[i] = tick_after(now);
  }
}

void al_link_disarm(al_links *ls, const al_link_session *s) {
  ls->timers[al_slab_index(s->handle)] = NEVER;
}

void al_link_arm(al_links *ls, const al_link_session *s, al_time t) {
  uint32_t *timer = &ls->timers[al_slab_index(s->handle)];
  if (t == AL_TIME_NEVER) return;
  if (*timer != NEVER && al_link_when(ls, *timer) <= t) return;
  *timer = tick_after(t);
  ls->next = al_min_u64(ls->next, al_link_when(ls, *timer));
}

/* The first of all timers, if it is due; `next` is right then. */
static bool pop_due(al_links *ls, al_time now, uint32_t *ret) {
  if (ls->next > now) return false;
  const uint32_t past = al_link_tick(ls->clock) - (uint32_t)INT32_MAX;
  uint32_t first = NEVER, at = 0;
  for (uint32_t i = 0; i < ls->timers_len; i++) {
    uint32_t after = ls->timers[i] - past;
    if (ls->timers[i] == NEVER || (first != NEVER && after >= first)) continue;
    first = after;
    at = i;
  }
  ls->next = first == NEVER ? AL_TIME_NEVER : al_link_when(ls, past + first);
  if (ls->next > now) return false;
  ls->timers[at] = NEVER;
  *ret = at;
  return true;
}

void al_link_pad_at(al_link_session *s, al_time t) {
  if (s->close_due || s->state == AL_LINK_CLOSING) return;
  s->pad_at = al_link_tick(t);
  s->timed = true;
}

void al_link_close_at(al_link_session *s, al_time t) {
  s->close_at = al_link_tick(t);
  s->timed = true;
}

void al_link_note_tx(al_links *ls, al_link_session *s, al_time now, bool asks) {
  if (++s->frames_tx == 0) s->tx_high++;
  if (asks && !s->unheard && s->tries == 0) {
    s->unheard = true;
    s->quiet_at = al_link_tick(now);
    al_link_arm(ls, s, now + AL_LINK_UNHEARD_US);
  }
  s->pad_due = false;
  if (ls->cfg.padding != AL_PADDING_OFF) {
    uint64_t extra = (uint64_t)al_rng_u32(ls->cfg.rng) * AL_LINK_PAD_RANGE_US >> 32;
    al_time t = now + AL_LINK_PAD_MIN_US + extra;
    al_link_pad_at(s, t);
    al_link_arm(ls, s, t);
  }
}

/* ---- deadlines ---- */

static bool rekey_waits(const al_link_session *s) {
  return s->initiator && !s->close_due && !s->rekey_due && !s->rekey_asked &&
         s->tx_phase == s->key_phase && s->rx_phase == s->key_phase;
}

static al_time rekey_overdue(const al_links *ls, const al_link_session *s) {
  if (s->worn) return 0;
  return al_time_add(al_link_when(ls, s->phase_at),
                     ls->cfg.rekey_us + ls->cfg.rekey_us / 4 + 60 * AL_SECOND);
}

static al_time assembly_deadline(const al_links *ls, const al_link_session *s) {
  al_time t = AL_TIME_NEVER;
  for (size_t i = 0; i < AL_LINK_IN_MAX; i++)
    if (s->in[i] != 0) t = al_min_u64(t, al_link_slot_at(ls, s->in[i])->born + AL_LINK_MESSAGE_US);
  return t;
}

/* When a link that is to be closed, or is, is over. */
static al_time close_time(const al_links *ls, const al_link_session *s) {
  bool closing = s->close_due || s->state == AL_LINK_CLOSING;
  return closing && s->timed ? al_link_when(ls, s->close_at) : AL_TIME_NEVER;
}

static bool pads(const al_links *ls, const al_link_session *s) {
  return ls->cfg.padding != AL_PADDING_OFF && s->timed && !s->pad_due && !s->close_due;
}

static al_time deadline_of(const al_links *ls, const al_link_session *s) {
  switch (s->state) {
    case AL_LINK_NEW:
      return al_link_when(ls, s->since_at) + AL_LINK_OPEN_US;
    case AL_LINK_SHAKING:
      return al_link_when(ls, s->since_at) + AL_LINK_SHAKE_US;
    case AL_LINK_CLOSING:
      return close_time(ls, s);
    default:
      break;
  }
  al_time t = al_min_u64(al_link_beat_deadline(ls, s), assembly_deadline(ls, s));
  if (pads(ls, s)) t = al_min_u64(t, al_link_when(ls, s->pad_at));
  if (s->old_valid) t = al_min_u64(t, al_link_turn_of(ls, s)->old_until);
  if (rekey_waits(s)) t = al_min_u64(t, al_link_when(ls, s->rekey_at));
  t = al_min_u64(t, rekey_overdue(ls, s));
  return al_min_u64(t, close_time(ls, s));
}

void al_link_arm_all(al_links *ls, al_link_session *s) { al_link_arm(ls, s, deadline_of(ls, s)); }

al_time al_links_deadline(const al_links *ls) { return ls->next; }

/* ---- what is due ---- */

static bool dead(al_links *ls, al_link_session *s, al_link_code code, al_link_event *ret) {
  al_link_end(ls, s);
  *ret = (al_link_event){AL_LINK_EVENT_DEAD, s->handle, code};
  return true;
}

static void drop_late(al_links *ls, al_link_session *s, al_time now) {
  for (size_t i = 0; i < AL_LINK_IN_MAX; i++) {
    if (s->in[i] == 0) continue;
    if (al_link_slot_at(ls, s->in[i])->born + AL_LINK_MESSAGE_US > now) continue;
    al_link_slot_drop(ls, s->in[i]);
    s->in[i] = 0;
    al_count(ls->cfg.counters, AL_COUNT_link_message_late);
  }
}

static void rekey_time(al_links *ls, al_link_session *s, al_time now) {
  if (s->key_phase < AL_LINK_PHASE_MAX) {
    s->rekey_due = true;
  } else {
    s->close_due = true;
    s->close_code = AL_LINK_CODE_PHASES;
    al_link_close_at(s, now + AL_LINK_CLOSE_US);
    al_link_slots_forget(ls, s);
  }
}

/* The keys of the last phase are over, unless the next change of keys has begun. */
static void old_time(al_links *ls, al_link_session *s, al_time now) {
  al_link_turn *t = al_link_turn_of(ls, s);
  if (!s->old_valid || t->old_until > now) return;
  if (!s->rekey_asked) {
    al_link_turn_end(ls, s);
    return;
  }
  al_link_window_clear(ls, &t->old);
  al_wipe(t->rx, sizeof t->rx);
  s->old_valid = false;
}

/* An open link; true when there is an event. */
static bool open_due(al_links *ls, al_link_session *s, al_time now, al_link_event *ret) {
  if (close_time(ls, s) <= now) return dead(ls, s, (al_link_code)s->close_code, ret);
  if (rekey_overdue(ls, s) <= now) return dead(ls, s, AL_LINK_CODE_REKEY, ret);
  bool doubt = false;
  if (!al_link_beat(ls, s, now, &doubt)) {
    al_count(ls->cfg.counters, AL_COUNT_link_dead);
    return dead(ls, s, AL_LINK_CODE_DEAD, ret);
  }
  drop_late(ls, s, now);
  old_time(ls, s, now);
  if (rekey_waits(s) && al_link_when(ls, s->rekey_at) <= now) rekey_time(ls, s, now);
  if (pads(ls, s) && al_link_when(ls, s->pad_at) <= now) s->pad_due = true;
  al_link_arm_all(ls, s);
  *ret = (al_link_event){AL_LINK_EVENT_SEND, s->handle, AL_LINK_CODE_DONE};
  if (doubt) ret->kind = AL_LINK_EVENT_DOUBT;
  return doubt || al_link_has_urgent(ls, s->handle);
}

static bool session_due(al_links *ls, al_link_session *s, al_time now, al_link_event *ret) {
  if (deadline_of(ls, s) > now) {
    al_link_arm_all(ls, s);
    return false;
  }
  switch (s->state) {
    case AL_LINK_NEW:
      al_count(ls->cfg.counters, AL_COUNT_link_handshake_timeout);
      return dead(ls, s, AL_LINK_CODE_OPEN_TIMEOUT, ret);
    case AL_LINK_SHAKING:
      al_count(ls->cfg.counters, AL_COUNT_link_handshake_timeout);
      return dead(ls, s, AL_LINK_CODE_SHAKE_TIMEOUT, ret);
    case AL_LINK_CLOSING:
      return dead(ls, s, (al_link_code)s->close_code, ret);
    default:
      return open_due(ls, s, now, ret);
  }
}

bool al_links_tick(al_links *ls, al_time now, al_link_event *ret) {
  uint32_t index;
  al_links_clock(ls, now);
  while (pop_due(ls, now, &index)) {
    uint32_t cursor = index;
    al_link_session *s = al_link_session_get(ls, al_slab_each(&ls->sessions, &cursor));
    AL_ASSERT(s != NULL && al_slab_index(s->handle) == index);
    if (session_due(ls, s, now, ret)) return true;
  }
  return false;
}
