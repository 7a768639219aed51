/* queue.c — who sends next on a link: held cells, turns, CoDel. See circuit.h. */
#include "circuit/table.h"

/* ---- lists of sides ---- */

static void list_push(al_circuit_list *l, al_circuit_side *s) {
  s->prev = l->tail;
  s->next = NULL;
  if (l->tail != NULL)
    l->tail->next = s;
  else
    l->head = s;
  l->tail = s;
}

static void list_drop(al_circuit_list *l, al_circuit_side *s) {
  if (s->prev != NULL)
    s->prev->next = s->next;
  else
    l->head = s->next;
  if (s->next != NULL)
    s->next->prev = s->prev;
  else
    l->tail = s->prev;
  s->prev = s->next = NULL;
}

static al_circuit_list *list_of(al_circuit_port *port, al_circuit_where where) {
  return where == AL_CIRCUIT_FRESH ? &port->fresh : &port->busy;
}

static void leave_turns(al_circuit_port *port, al_circuit_side *s) {
  if (s->where == AL_CIRCUIT_IDLE) return;
  list_drop(list_of(port, s->where), s);
  s->where = AL_CIRCUIT_IDLE;
}

static void to_busy_end(al_circuit_port *port, al_circuit_side *s) {
  leave_turns(port, s);
  list_push(&port->busy, s);
  s->where = AL_CIRCUIT_BUSY;
}

/* The side has something to send: it gets turns, if it has none yet. */
static void wake(al_circuit_port *port, al_circuit_side *s) {
  if (s->where != AL_CIRCUIT_IDLE) return;
  list_push(&port->fresh, s);
  s->where = AL_CIRCUIT_FRESH;
}

/* ---- places for cells ---- */

/* Take the first place of a chain, and free it. */
static al_buf free_place(al_circuits *cs, uint32_t *head) {
  uint32_t place = *head;
  al_circuit_held *h = &cs->held[place - 1];
  al_buf buf = h->buf;
  *head = h->next;
  *h = (al_circuit_held){.next = cs->held_free};
  cs->held_free = place;
  cs->held_count--;
  return buf;
}

static al_buf pop_held(al_circuits *cs, al_circuit_port *port, al_circuit_side *s) {
  al_buf buf = free_place(cs, &s->head);
  if (s->head == 0) s->tail = 0;
  s->count--;
  port->held--;
  return buf;
}

static void push_held(al_circuits *cs, al_circuit_port *port, al_circuit_side *s,
                      al_circuit_held cell) {
  uint32_t place = cs->held_free;
  al_circuit_held *h = &cs->held[place - 1];
  cs->held_free = h->next;
  *h = cell;
  if (s->tail != 0)
    cs->held[s->tail - 1].next = place;
  else
    s->head = place;
  s->tail = place;
  s->count++;
  port->held++;
  cs->held_count++;
}

/* How many cells a queue of this link may hold now: what the link's queues leave of the free
 * places. So no circuit takes the last place of its link, and no link the last place of all, not
 * even one that stands still. */
static uint64_t room(const al_circuits *cs, const al_circuit_port *port) {
  uint32_t left = cs->cfg.held_cells_max - cs->held_count;
  return left > port->held ? al_min_u64(left - port->held, cs->cfg.queue_cells_max) : 0;
}

uint32_t al_circuit_unqueue(al_circuits *cs, al_circuit_side *s) {
  al_circuit_port *port = al_circuit_port_of(cs, s->link);
  leave_turns(port, s);
  port->held -= s->count;
  uint32_t chain = s->head;
  s->head = s->tail = s->count = 0;
  s->want = false;
  return chain;
}

al_buf al_circuit_gone_next(al_circuits *cs, al_circuit_gone *gone) {
  return gone->held != 0 ? free_place(cs, &gone->held) : 0;
}

al_buf al_circuit_hold(al_circuits *cs, al_circ circ, al_circuit_dir dir, al_buf buf, al_time now) {
  al_circuit_item *c = al_circuit_get(cs, circ);
  if (c == NULL || c->side[dir].link == 0) return buf;
  al_circuit_side *s = &c->side[dir];
  al_circuit_port *port = al_circuit_port_of(cs, s->link);
  al_buf victim = 0;
  if (s->count >= room(cs, port)) {
    al_count(cs->cfg.counters, AL_COUNT_circuit_queue_full);
    if (s->count == 0) return buf;
    victim = pop_held(cs, port, s);
  }
  push_held(cs, port, s, (al_circuit_held){.buf = buf, .since = now});
  wake(port, s);
  return victim;
}

void al_circuit_want_send(al_circuits *cs, al_circ circ, bool want) {
  al_circuit_item *c = al_circuit_get(cs, circ);
  if (c == NULL || c->role == AL_CIRCUIT_RELAY) return;
  al_circuit_side *s =
      &c->side[c->role == AL_CIRCUIT_ORIGIN ? AL_CIRCUIT_FORWARD : AL_CIRCUIT_BACKWARD];
  s->want = want && c->open;
  if (s->want) wake(al_circuit_port_of(cs, s->link), s);
}

/* ---- CoDel: RFC 8289, section 5; a cell at a time ---- */

/* Integer square root, rounded down. */
static uint64_t root(uint64_t v) {
  uint64_t r = 0;
  for (uint64_t bit = (uint64_t)1 << 62; bit != 0; bit >>= 2) {
    if (v >= r + bit) {
      v -= r + bit;
      r = r / 2 + bit;
    } else {
      r /= 2;
    }
  }
  return r;
}

/* When the next drop is due: INTERVAL / sqrt(drops) after `from`. */
static al_time control_law(const al_circuits *cs, const al_circuit_side *s, al_time from) {
  uint64_t sixteenfold = root((uint64_t)s->drops << 8);
  return al_time_add(from, cs->cfg.codel_interval_us * 16 / al_max_u64(sixteenfold, 16));
}

/* The cell at the head has waited too long, and so has every one before it for an INTERVAL. */
static bool too_late(const al_circuits *cs, al_circuit_side *s, al_time now) {
  uint64_t sojourn = al_time_since(now, cs->held[s->head - 1].since);
  if (sojourn < cs->cfg.codel_target_us || s->count <= 1) {
    s->first_above = 0;
    return false;
  }
  if (s->first_above == 0) {
    s->first_above = al_time_add(now, cs->cfg.codel_interval_us);
    return false;
  }
  return now >= s->first_above;
}

/* Whether the cell at the head must be dropped instead of sent. */
static bool codel_drops(const al_circuits *cs, al_circuit_side *s, al_time now) {
  bool late = too_late(cs, s, now);
  if (s->dropping) {
    if (!late) s->dropping = false;
    if (!late || now < s->drop_next) return false;
    s->drops++;
    s->drop_next = control_law(cs, s, s->drop_next);
    return true;
  }
  if (!late) return false;
  s->dropping = true;
  uint32_t delta = s->drops - s->last_drops;
  bool recent = al_time_since(now, s->drop_next) < 16 * cs->cfg.codel_interval_us;
  s->drops = delta > 1 && recent ? delta : 1;
  s->drop_next = control_law(cs, s, now);
  s->last_drops = s->drops;
  return true;
}

/* ---- turns ---- */

/* Whose turn it is, with something to send; sides that ran empty lose their turns on the way. A
 * fresh one that was served is busy until a turn of the busy finds it empty: so it cannot be fresh
 * again at once. */
static al_circuit_side *next_side(al_circuit_port *port) {
  for (;;) {
    bool fresh = port->fresh.head != NULL && !(port->busy_turn && port->busy.head != NULL);
    al_circuit_side *s = fresh ? port->fresh.head : port->busy.head;
    if (s == NULL || s->count > 0 || s->want) return s;
    leave_turns(port, s);
  }
}

bool al_circuit_pick(al_circuits *cs, al_link link, al_time now, al_pick *ret) {
  al_circuit_port *port = al_circuit_port_of(cs, link);
  if (port == NULL) return false;
  al_circuit_side *s = next_side(port);
  if (s == NULL) return false;
  *ret = (al_pick){.circ = s->circ};
  if (s->count > 0) {
    if (codel_drops(cs, s, now)) {
      al_count(cs->cfg.counters, AL_COUNT_circuit_late);
      ret->drop = pop_held(cs, port, s);
      return true;
    }
    ret->send = pop_held(cs, port, s);
    al_circuit_get(cs, s->circ)->cells_tx++;
  }
  port->busy_turn = s->where == AL_CIRCUIT_FRESH;
  to_busy_end(port, s);
  return true;
}
