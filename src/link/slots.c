/* slots.c — see session.h: the pool of places for whole messages, shared by all links. */
#include "link/session.h"

_Static_assert(sizeof(al_link_slot) + AL_LINK_SLOT_BYTES <= AL_LINK_PLACE_BYTES,
               "a place holds a slot and its bytes");

al_link_slot *al_link_slot_at(const al_links *ls, uint32_t slot) {
  AL_ASSERT(slot >= 1 && slot <= ls->cfg.message_slots && ls->slots[slot - 1] != NULL);
  return ls->slots[slot - 1];
}

uint8_t *al_link_slot_body(const al_links *ls, uint32_t slot) {
  return (uint8_t *)(al_link_slot_at(ls, slot) + 1);
}

al_err al_link_slots_init(al_links *ls) {
  uint32_t n = ls->cfg.message_slots;
  if (ls->cfg.places == NULL) {
    al_places_init(&ls->own->places, ls->cfg.alloc, AL_LINK_PLACE_BYTES, n);
    ls->cfg.places = &ls->own->places;
    if (al_places_reserve(ls->cfg.places, n) != AL_OK) return AL_ENOMEM;
  }
  ls->slots = al_new_array(ls->cfg.alloc, n, sizeof(void *));
  if (ls->slots == NULL) return AL_ENOMEM;
  ls->used[AL_LINK_USE_FREE] = n;
  return AL_OK;
}

static void place_give(al_links *ls, uint32_t slot) {
  al_link_slot *t = ls->slots[slot - 1];
  al_places_give(ls->cfg.places, t, sizeof *t + t->room);
  ls->slots[slot - 1] = NULL;
}

void al_link_slots_clear(al_links *ls) {
  uint32_t n = ls->cfg.message_slots;
  if (ls->slots != NULL) {
    for (uint32_t slot = 1; slot <= n; slot++) {
      if (ls->slots[slot - 1] == NULL) continue;
      al_wipe(al_link_slot_body(ls, slot), al_link_slot_at(ls, slot)->room);
      place_give(ls, slot);
    }
    al_delete(ls->cfg.alloc, ls->slots, n * sizeof(void *));
  }
  ls->slots = NULL;
}

void al_link_slot_use(al_links *ls, uint32_t slot, al_link_use use) {
  al_link_slot *t = al_link_slot_at(ls, slot);
  ls->used[t->use]--;
  ls->used[use]++;
  t->use = (uint8_t)use;
}

void al_link_slot_drop(al_links *ls, uint32_t slot) {
  al_link_slot *t = al_link_slot_at(ls, slot);
  AL_ASSERT(t->use != AL_LINK_USE_FREE);
  if (t->use == AL_LINK_USE_SHAKE) al_wipe(al_link_slot_body(ls, slot), t->total);
  al_link_slot_use(ls, slot, AL_LINK_USE_FREE);
  place_give(ls, slot);
}

void al_link_message_done(al_links *ls, uint32_t slot) {
  if (slot == 0) return;
  AL_ASSERT(al_link_slot_at(ls, slot)->use == AL_LINK_USE_LENT);
  al_link_slot_drop(ls, slot);
}

void al_link_slots_forget(al_links *ls, al_link_session *s) {
  for (uint32_t slot = 1; slot <= ls->cfg.message_slots; slot++) {
    al_link_slot *t = ls->slots[slot - 1];
    if (t == NULL || t->owner != s->handle) continue;
    if (t->use == AL_LINK_USE_LENT)
      t->owner = 0;
    else
      al_link_slot_drop(ls, slot);
  }
  memset(s->out, 0, sizeof s->out);
  memset(s->in, 0, sizeof s->in);
}

/* ---- taking ---- */

static bool is_rekey(al_link_use use, uint8_t kind) {
  return use != AL_LINK_USE_SHAKE && (kind == AL_MESSAGE_REKEY || kind == AL_MESSAGE_REKEYED);
}

static bool is_record(al_link_use use, uint8_t kind) {
  return use == AL_LINK_USE_OUT && !al_message_is_prompt(kind);
}

bool al_link_share_left(const al_links *ls, al_link_use use, uint8_t kind) {
  uint32_t n = ls->cfg.message_slots, kept = n / 16 > 2 ? n / 16 : 2;
  if (ls->used[AL_LINK_USE_FREE] == 0 || !al_places_left(ls->cfg.places)) return false;
  if (is_rekey(use, kind)) return true;
  uint32_t share = use == AL_LINK_USE_OUT && !is_record(use, kind) ? n - n / 8 : n / 2;
  return ls->used[AL_LINK_USE_FREE] > kept && ls->used[use] < share;
}

static bool is_assembly(const al_link_slot *t, al_link_use use) {
  return t->use == use && t->got != 0;
}

/* The oldest assembly of that use that has stalled for a second, of whichever link; 0: none. */
static uint32_t find_stalled(const al_links *ls, al_link_use use, al_time now) {
  uint32_t found = 0;
  for (uint32_t slot = 1; slot <= ls->cfg.message_slots; slot++) {
    const al_link_slot *t = ls->slots[slot - 1];
    if (t == NULL || !is_assembly(t, use) || al_time_since(now, t->touched) < AL_LINK_STALLED_US)
      continue;
    if (found == 0 || t->born < al_link_slot_at(ls, found)->born) found = slot;
  }
  return found;
}

static void drop_assembly(al_links *ls, uint32_t slot) {
  al_link_session *s = al_link_session_get(ls, al_link_slot_at(ls, slot)->owner);
  AL_ASSERT(s != NULL);
  for (size_t i = 0; i < AL_LINK_IN_MAX; i++)
    if (s->in[i] == slot) s->in[i] = 0;
  al_count(ls->cfg.counters, AL_COUNT_link_slots);
  al_link_slot_drop(ls, slot);
}

uint32_t al_link_slot_take(al_links *ls, al_link_session *s, const al_link_need *need,
                           al_time now) {
  const al_link_use use = need->use;
  const uint8_t kind = need->kind;
  if (!al_link_share_left(ls, use, kind)) {
    uint32_t stalled = use != AL_LINK_USE_OUT ? find_stalled(ls, use, now) : 0;
    if (stalled != 0) drop_assembly(ls, stalled);
    if (!al_link_share_left(ls, use, kind)) return 0;
  }
  AL_ASSERT(ls->cfg.message_slots != 0);
  uint32_t slot = ls->next_slot;
  while (ls->slots[slot] != NULL) slot = (slot + 1) % ls->cfg.message_slots;
  al_link_slot *t = al_places_take(ls->cfg.places, sizeof *t + need->bytes, false);
  if (t == NULL) return 0;
  ls->slots[slot] = t;
  ls->next_slot = (slot + 1) % ls->cfg.message_slots;
  slot++;
  memset(t, 0, sizeof *t);
  t->room = need->bytes;
  al_link_slot_use(ls, slot, use);
  t->owner = s->handle;
  t->kind = kind;
  t->born = t->touched = now;
  return slot;
}

/* ---- queues ---- */

void al_link_enqueue(al_links *ls, al_link_session *s, al_link_lane lane, uint32_t slot) {
  al_link_queue *q = &s->out[lane];
  al_link_slot_at(ls, slot)->next = 0;
  if (q->tail != 0)
    al_link_slot_at(ls, q->tail)->next = slot;
  else
    q->head = (uint8_t)slot;
  q->tail = (uint8_t)slot;
  q->count++;
}

void al_link_dequeue(al_links *ls, al_link_session *s, al_link_lane lane) {
  al_link_queue *q = &s->out[lane];
  uint32_t slot = q->head;
  q->head = (uint8_t)al_link_slot_at(ls, slot)->next;
  if (q->head == 0) q->tail = 0;
  q->count--;
  al_link_slot_drop(ls, slot);
}

/* ---- assembly ---- */

static uint32_t parts_of(const al_link_part *p) {
  return p->total / p->stride + (p->total % p->stride != 0 ? 1 : 0);
}

/* The place in the session's list of the message that this is a part of; else of a free one, else
 * of the oldest, which gives way. */
static size_t place_of(al_links *ls, al_link_session *s, const al_link_part *p) {
  size_t places = p->use == AL_LINK_USE_SHAKE ? 1 : AL_LINK_IN_MAX, best = 0;
  for (size_t i = 0; i < places; i++) {
    if (s->in[i] == 0) continue;
    const al_link_slot *t = al_link_slot_at(ls, s->in[i]);
    if (t->kind == p->kind && t->id == p->id && t->total == p->total) return i;
  }
  for (size_t i = 0; i < places; i++) {
    if (s->in[i] == 0) return i;
    if (al_link_slot_at(ls, s->in[i])->born < al_link_slot_at(ls, s->in[best])->born) best = i;
  }
  drop_assembly(ls, s->in[best]);
  return best;
}

/* The pool is full: the oldest assembly of this same link gives way. */
static bool own_gives_way(al_links *ls, al_link_session *s) {
  size_t best = AL_LINK_IN_MAX;
  for (size_t i = 0; i < AL_LINK_IN_MAX; i++) {
    if (s->in[i] == 0) continue;
    if (best == AL_LINK_IN_MAX ||
        al_link_slot_at(ls, s->in[i])->born < al_link_slot_at(ls, s->in[best])->born)
      best = i;
  }
  if (best == AL_LINK_IN_MAX) return false;
  drop_assembly(ls, s->in[best]);
  return true;
}

bool al_link_assemble(al_links *ls, al_link_session *s, const al_link_part *p, al_time now,
                      uint32_t *ret) {
  *ret = 0;
  size_t place = place_of(ls, s, p);
  if (s->in[place] == 0) {
    const al_link_need need = {p->use, p->kind, p->total};
    uint32_t slot = al_link_slot_take(ls, s, &need, now);
    if (slot == 0 && own_gives_way(ls, s)) slot = al_link_slot_take(ls, s, &need, now);
    if (slot == 0) return false;
    al_link_slot *t = al_link_slot_at(ls, slot);
    t->id = p->id;
    t->total = p->total;
    s->in[place] = (uint8_t)slot;
    al_link_arm(ls, s, now + AL_LINK_MESSAGE_US);
  }
  uint32_t slot = s->in[place];
  al_link_slot *t = al_link_slot_at(ls, slot);
  uint32_t at = p->index * p->stride;
  uint32_t len = p->total - at < p->stride ? p->total - at : p->stride;
  AL_ASSERT(at < p->total && p->total <= AL_LINK_SLOT_BYTES);
  memcpy(al_link_slot_body(ls, slot) + at, p->bytes, len);
  t->got = (uint16_t)(t->got | 1u << p->index);
  t->touched = now;
  if (t->got == (1u << parts_of(p)) - 1) {
    s->in[place] = 0;
    *ret = slot;
  }
  return true;
}
