/* beat.c — see link_health.h: PINGs, what their silence means, how sure to be of it. A link goes
 * through these: heard (tries 0) — a PING is out (1) — it was not answered, others are asked, two
 * more (2, 3) — suspected (more than AL_LINK_TRIES) — dead, after AL_LINK_PATIENCE time-outs more,
 * fewer when others say so, too. Any authentic frame leads back to the beginning. */
#include "base/hash.h"
#include "link/session.h"

void al_link_note_rx(al_links *ls, al_link_session *s, al_time now) {
  if (s->tries > AL_LINK_TRIES) al_count(ls->cfg.counters, AL_COUNT_link_cleared);
  s->last_rx = al_link_tick(now);
  s->unheard = false;
  s->tries = 0;
  s->lates = 0;
}

/* The first PING has a time-out of this link to be answered in, those that follow are closer to
 * each other: they need not wait for one another, only be spread over a while. Four steps lie
 * between the second and suspicion: a pause of the other side that is forgiven, and a round trip.
 * Longer while this node itself is not well. */
static uint64_t wait_us(const al_links *ls, const al_link_session *s) {
  uint64_t us = al_link_rto(s);
  if (s->tries != 1)
    us = al_max_u64(us, AL_LINK_PAUSE_US + s->srtt_us + 2 * (uint64_t)s->rttvar_us) / 4;
  return us + us * ls->unwell / 2;
}

al_time al_link_beat_deadline(const al_links *ls, const al_link_session *s) {
  if (s->tries > 0) return al_link_when(ls, s->quiet_at) + wait_us(ls, s);
  al_time t = s->watched ? al_link_when(ls, s->last_rx) + AL_LINK_WATCH_US : AL_TIME_NEVER;
  if (!s->unheard) return t;
  al_time quiet = al_link_when(ls, s->quiet_at);
  return al_min_u64(t, quiet + al_max_u64(AL_LINK_UNHEARD_US, s->srtt_us + s->srtt_us / 2));
}

/* A PING: short when its time tells an onlooker nothing that he does not see. */
static void ping(al_links *ls, al_link_session *s, al_time now, bool small) {
  s->pings_due = 1;
  s->ping_short = small;
  s->tries = 1;
  s->patience = AL_LINK_PATIENCE;
  s->quiet_at = al_link_tick(now);
  al_link_arm(ls, s, al_link_beat_deadline(ls, s));
}

void al_link_ping_now(al_links *ls, al_link_session *s, al_time now) { ping(ls, s, now, false); }

/* What a PING of that moment carries: kept nowhere, and not to be guessed by who has not got it. */
static uint64_t opaque_of(const al_links *ls, const al_link_session *s, uint32_t sent) {
  al_sip h = al_sip_init(ls->secret);
  return al_sip_end(&h, (uint64_t)s->handle << 32 | sent);
}

uint64_t al_link_ping_sent(al_links *ls, al_link_session *s, al_time now) {
  uint32_t sent = (uint32_t)now;
  if (sent == 0) sent = 1;
  s->pings[s->ping_next] = sent;
  s->ping_next = (uint8_t)((s->ping_next + 1) % AL_LINK_PINGS);
  return opaque_of(ls, s, sent);
}

void al_link_pong(const al_links *ls, al_link_session *s, uint64_t opaque, al_time now) {
  for (size_t i = 0; i < AL_LINK_PINGS; i++) {
    if (s->pings[i] == 0 || opaque_of(ls, s, s->pings[i]) != opaque) continue;
    uint32_t r32 = (uint32_t)now - s->pings[i]; /* at most a microsecond before 0, for 0 is none */
    uint64_t r = r32 > INT32_MAX ? 0 : al_min_u64(r32, 60 * AL_SECOND);
    s->pings[i] = 0;
    if (s->srtt_us == 0) {
      s->srtt_us = (uint32_t)al_max_u64(r, 1);
      s->rttvar_us = (uint32_t)(r / 2);
    } else {
      uint64_t off = r > s->srtt_us ? r - s->srtt_us : s->srtt_us - r;
      s->rttvar_us = (uint32_t)((3 * (uint64_t)s->rttvar_us + off) / 4);
      s->srtt_us = (uint32_t)al_max_u64((7 * (uint64_t)s->srtt_us + r) / 8, 1);
    }
    return;
  }
}

/* PINGs that repeat are doubled, because channel rt loses frames and false alarms must be rare. A
 * timer that fires late accuses nobody: what came meanwhile has not been looked at. After a few in
 * a row it was: there is nothing, and a host that is always late must see deaths, too. */
bool al_link_beat(al_links *ls, al_link_session *s, al_time now, bool *doubt) {
  al_time due = al_link_beat_deadline(ls, s);
  if (due > now) return true;
  if (s->tries == 0) {
    ping(ls, s, now, !s->unheard);
    return true;
  }
  if (now - due > AL_LINK_LATE_US && s->lates < AL_LINK_LATES) {
    s->lates++;
    al_count(ls->cfg.counters, AL_COUNT_probe_late);
    al_links_unwell(ls, now);
    s->pings_due = 1;
    s->quiet_at = al_link_tick(now);
    return true;
  }
  if (s->tries >= AL_LINK_TRIES + s->patience) return false;
  *doubt = s->tries == 1;
  s->tries++;
  if (s->tries == AL_LINK_TRIES + 1) al_count(ls->cfg.counters, AL_COUNT_link_suspected);
  s->pings_due = 2;
  s->quiet_at = al_link_tick(now);
  return true;
}

/* ---- what the conductor says ---- */

void al_link_watch(al_links *ls, al_link link, bool on) {
  al_link_session *s = al_link_session_get(ls, link);
  if (s == NULL || s->watched == on) return;
  s->watched = on;
  if (s->state == AL_LINK_OPEN) al_link_arm(ls, s, al_link_beat_deadline(ls, s));
}

static bool may_ping(const al_links *ls, const al_link_session *s, al_time now, uint64_t quiet_us) {
  return s->state == AL_LINK_OPEN && s->tries == 0 && !s->close_due &&
         al_time_since(now, al_link_when(ls, s->last_rx)) >= quiet_us;
}

al_link al_links_probe(al_links *ls, al_time now) {
  al_links_clock(ls, now);
  if (ls->unwell != 0 && al_time_since(now, ls->unwell_at) >= AL_LINK_WELL_US) {
    ls->unwell--;
    ls->unwell_at = now;
  }
  for (int round = 0; round < 2; round++) {
    for (al_link l; (l = al_slab_each(&ls->sessions, &ls->probe_cursor)) != 0;) {
      al_link_session *s = al_link_session_get(ls, l);
      if (!may_ping(ls, s, now, AL_LINK_QUIET_US)) continue;
      ping(ls, s, now, true);
      return l;
    }
    ls->probe_cursor = 0;
  }
  return 0;
}

bool al_link_doubt(al_links *ls, al_link link, al_time now, uint64_t quiet_us) {
  al_link_session *s = al_link_session_get(ls, link);
  al_links_clock(ls, now);
  if (s == NULL || !may_ping(ls, s, now, quiet_us)) return false;
  ping(ls, s, now, true);
  return true;
}

void al_link_hearsay(al_links *ls, al_link link, al_time now, bool alive) {
  (void)now;
  al_link_session *s = al_link_session_get(ls, link);
  if (s == NULL || s->state != AL_LINK_OPEN || s->tries < 2) return;
  if (alive)
    s->patience = AL_LINK_PATIENCE_MORE;
  else if (s->patience > 1)
    s->patience--;
}

void al_links_unwell(al_links *ls, al_time now) {
  if (ls->unwell != 0 && al_time_since(now, ls->unwell_at) < AL_SECOND) return;
  if (ls->unwell < AL_LINK_UNWELL_MAX) ls->unwell++;
  ls->unwell_at = now;
}

al_time al_link_heard(const al_links *ls, al_link link) {
  const al_link_session *s = al_link_session_get(ls, link);
  return s != NULL && s->state == AL_LINK_OPEN ? al_link_when(ls, s->last_rx) : AL_TIME_NEVER;
}
