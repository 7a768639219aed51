/* timers.c — see link.h and session.h: what time does to a link. A session has one entry in the
 * heap, no later than its next deadline; what it wants is worked out when that entry is due. */
#include "link/keys.h"

void al_link_arm(al_links *ls, al_link_session *s, al_time t) {
  uint32_t index = al_slab_index(s->handle);
  if (t < al_heap_time(&ls->timers, index)) al_heap_set(&ls->timers, index, t);
}

void al_link_note_tx(al_links *ls, al_link_session *s, al_time now, bool asks) {
  s->frames_tx++;
  if (asks && s->unheard == AL_TIME_NEVER) {
    s->unheard = now;
    al_link_arm(ls, s, now + AL_LINK_UNHEARD_US);
  }
  s->pad_due = false;
  if (ls->cfg.padding != AL_PADDING_OFF) {
    uint64_t extra = (uint64_t)al_rng_u32(ls->cfg.rng) * AL_LINK_PAD_RANGE_US >> 32;
    s->pad_at = now + AL_LINK_PAD_MIN_US + extra;
    al_link_arm(ls, s, s->pad_at);
  }
}

/* ---- deadlines ---- */

static bool rekey_waits(const al_link_session *s) {
  return s->initiator && !s->rekey_due && !s->rekey_asked && s->tx_phase == s->key_phase &&
         s->rx_phase == s->key_phase;
}

static al_time rekey_overdue(const al_links *ls, const al_link_session *s) {
  if (s->worn) return 0;
  return al_time_add(s->phase_since, ls->cfg.rekey_us + ls->cfg.rekey_us / 4 + 60 * AL_SECOND);
}

static al_time assembly_deadline(const al_links *ls, const al_link_session *s) {
  al_time t = AL_TIME_NEVER;
  for (size_t i = 0; i < AL_LINK_IN_MAX; i++)
    if (s->in[i] != 0) t = al_min_u64(t, al_link_slot_at(ls, s->in[i])->born + AL_LINK_MESSAGE_US);
  return t;
}

static al_time deadline_of(const al_links *ls, const al_link_session *s) {
  switch (s->state) {
    case AL_LINK_NEW:
      return s->created + AL_LINK_OPEN_US;
    case AL_LINK_SHAKING:
      return s->since + AL_LINK_SHAKE_US;
    case AL_LINK_CLOSING:
      return s->close_at;
    default:
      break;
  }
  al_time t = al_min_u64(al_link_beat_deadline(ls, s), assembly_deadline(ls, s));
  if (ls->cfg.padding != AL_PADDING_OFF && !s->pad_due) t = al_min_u64(t, s->pad_at);
  if (s->old_valid) t = al_min_u64(t, al_link_turn_of(ls, s)->old_until);
  if (rekey_waits(s)) t = al_min_u64(t, s->rekey_at);
  t = al_min_u64(t, rekey_overdue(ls, s));
  return al_min_u64(t, s->close_at);
}

void al_link_arm_all(al_links *ls, al_link_session *s) { al_link_arm(ls, s, deadline_of(ls, s)); }

al_time al_links_deadline(const al_links *ls) { return al_heap_deadline(&ls->timers); }

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
    s->rekey_at = AL_TIME_NEVER;
    s->close_at = now + AL_LINK_CLOSE_US;
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
  if (s->close_at <= now) return dead(ls, s, (al_link_code)s->close_code, ret);
  if (rekey_overdue(ls, s) <= now) return dead(ls, s, AL_LINK_CODE_REKEY, ret);
  bool doubt = false;
  if (!al_link_beat(ls, s, now, &doubt)) {
    al_count(ls->cfg.counters, AL_COUNT_link_dead);
    return dead(ls, s, AL_LINK_CODE_DEAD, ret);
  }
  drop_late(ls, s, now);
  old_time(ls, s, now);
  if (rekey_waits(s) && s->rekey_at <= now) rekey_time(ls, s, now);
  if (ls->cfg.padding != AL_PADDING_OFF && s->pad_at <= now) s->pad_due = true;
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
  while (al_heap_pop_due(&ls->timers, now, &index)) {
    uint32_t cursor = index;
    al_link_session *s = al_link_session_get(ls, al_slab_each(&ls->sessions, &cursor));
    AL_ASSERT(s != NULL && al_slab_index(s->handle) == index);
    if (session_due(ls, s, now, ret)) return true;
  }
  return false;
}
