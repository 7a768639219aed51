/* path.c — see path.h. */
#include "circuit/path.h"

/* What has been chosen so far: no later hop may be one of these or near one. */
typedef struct taken {
  const al_path_query *q;
  const al_peer_entry *hop[AL_HOPS_MAX];
  uint32_t count;
} taken;

static uint64_t epoch_of(const al_path_query *q) { return q->wall_s / AL_EPOCH_S; }

/* Somebody who can be a hop at all, of whatever path of ours. */
static bool is_relay(const al_path_query *q, const al_peer_entry *e) {
  return (e->desc.flags & AL_DESC_RELAY) != 0 && e->desc.addresses_count > 0 &&
         al_book_fresh(e, q->wall_s) && al_entry_has_onion(e, epoch_of(q)) &&
         !al_id_equal(&e->id, &q->self);
}

static bool is_exit(const al_path_query *q, const al_peer_entry *e) {
  if (q->target == NULL) return true;
  return (e->desc.flags & AL_DESC_EXIT) != 0 &&
         al_exit_match(e->desc.rules, e->desc.rules_count, q->target);
}

static bool excluded(const al_path_query *q, const al_id *id) {
  for (size_t i = 0; i < q->exclude_count; i++)
    if (al_id_equal(&q->exclude[i], id)) return true;
  return false;
}

/* Two nodes are near when any address of the one is in the network of any of the other. */
static bool near(const al_peer_entry *a, const al_peer_entry *b) {
  for (uint32_t i = 0; i < a->desc.addresses_count; i++) {
    al_address x, y;
    if (al_address_decode(a->desc.addresses[i], &x) != AL_OK || al_address_group(&x) == 0) continue;
    for (uint32_t j = 0; j < b->desc.addresses_count; j++)
      if (al_address_decode(b->desc.addresses[j], &y) == AL_OK &&
          al_address_group(&x) == al_address_group(&y))
        return true;
  }
  return false;
}

static bool fits(const taken *t, const al_peer_entry *e) {
  for (uint32_t i = 0; i < t->count; i++)
    if (al_id_equal(&t->hop[i]->id, &e->id) || near(t->hop[i], e)) return false;
  return true;
}

static uint64_t weight(const al_peer_entry *e) {
  uint64_t mbit = e->desc.capacity_mbit;
  return mbit == 0 ? AL_PATH_CAPACITY_UNKNOWN : al_min_u64(mbit, AL_PATH_CAPACITY_MAX);
}

/* What a hop is wanted for. */
typedef enum purpose { MIDDLE, LAST, GUARD, FITTING_GUARD, NO_GUARD_MIDDLE } purpose;

static bool suits(const taken *t, const al_peer_entry *e, purpose what) {
  if (!is_relay(t->q, e)) return false;
  if (what == LAST && !is_exit(t->q, e)) return false;
  bool fresh = what != MIDDLE && what != LAST;
  if (fresh && al_guards_has(t->q->guards, &e->id)) return false;
  if (what != GUARD && excluded(t->q, &e->id)) return false;
  return fits(t, e);
}

/* One relay of the sample in proportion to weight, in one pass: the k-th takes the place of the one
 * before it with probability weight / (sum of the weights so far). */
static const al_peer_entry *draw_of(const taken *t, purpose what, bool in_doubt) {
  const al_peer_entry *best = NULL;
  uint64_t sum = 0;
  uint32_t cursor = 0;
  for (al_peer p; (p = al_book_each(t->q->book, &cursor)) != 0;) {
    const al_peer_entry *e = al_book_get(t->q->book, p);
    bool may = in_doubt ? al_book_doubted(t->q->book, p) : al_book_usable(t->q->book, p);
    if (!may || !suits(t, e, what)) continue;
    uint64_t w = weight(e);
    sum += w;
    if (al_rng_below(t->q->rng, sum) < w) best = e;
  }
  return best;
}

/* Those that are said to be dead come last: a rumour must not take away the only ones there are. */
static const al_peer_entry *draw(const taken *t, purpose what) {
  const al_peer_entry *e = draw_of(t, what, false);
  return e != NULL ? e : draw_of(t, what, true);
}

/* A known relay that may be a hop, by its name. */
static const al_peer_entry *by_id(const al_path_query *q, const al_id *id) {
  const al_peer_entry *e = al_book_get(q->book, al_book_find(q->book, id));
  return e != NULL && is_relay(q, e) ? e : NULL;
}

static bool take(taken *t, const al_peer_entry *e) {
  if (e == NULL) return false;
  t->hop[t->count++] = e;
  return true;
}

static bool take_last(taken *t) {
  if (t->q->last == NULL) return take(t, draw(t, LAST));
  const al_peer_entry *e = by_id(t->q, t->q->last);
  return e != NULL && fits(t, e) && take(t, e);
}

/* A guard in the middle would be missed by the next path that must be apart from this one. */
static bool take_middle(taken *t) {
  return take(t, draw(t, NO_GUARD_MIDDLE)) || take(t, draw(t, MIDDLE));
}

/* The rest of a path behind its guard (NULL: there is none): last hop first, since it is the
 * hardest to find. */
static bool complete(const al_path_query *q, const al_peer_entry *guard, al_circuit_plan *ret) {
  taken t = {.q = q};
  if (guard != NULL) take(&t, guard);
  if (!take_last(&t)) return false;
  while (t.count < q->hops)
    if (!take_middle(&t)) return false;
  ret->hops = q->hops;
  for (uint8_t i = 0; i < q->hops; i++) {
    /* Taken in the order guard, last, middles. */
    uint32_t from = i == 0 ? 0 : i + 1u == q->hops ? 1 : i + 1u;
    ret->id[i] = t.hop[from]->id;
    (void)al_entry_onion_pk(t.hop[from], epoch_of(q), ret->onion_pk[i]); /* is_relay asked */
  }
  return true;
}

/* ---- guards ---- */

/* Draw one more guard, away from those there are if that is possible. */
static bool add_guard(const al_path_query *q) {
  taken t = {.q = q};
  for (uint32_t i = 0; i < AL_GUARDS_MAX && t.count < AL_HOPS_MAX; i++)
    if (!al_id_is_zero(&q->guards->slot[i].id)) take(&t, by_id(q, &q->guards->slot[i].id));
  const al_peer_entry *e = draw(&t, GUARD);
  if (e == NULL) {
    t.count = 0;
    e = draw(&t, GUARD);
  }
  return e != NULL && al_guards_add(q->guards, &e->id, q->wall_s) == AL_OK;
}

/* Slots of the guards that may be tried now, in order, at most AL_GUARDS; *set: how many there are.
 */
static uint32_t list_guards(const al_path_query *q, uint32_t slots[AL_GUARDS], uint32_t *set) {
  uint32_t n = 0;
  *set = 0;
  for (uint32_t i = 0; i < AL_GUARDS_MAX; i++) {
    const al_guard *g = &q->guards->slot[i];
    if (al_id_is_zero(&g->id)) continue;
    ++*set;
    if (n == AL_GUARDS || !al_guards_usable(q->guards, i, q->wall_s)) continue;
    if (by_id(q, &g->id) != NULL)
      slots[n++] = i;
    else
      al_guards_failed(q->guards, &g->id, q->wall_s); /* nobody knows it any more */
  }
  return n;
}

/* When every guard waits for its next try and no further one may be had, the one that waits for the
 * shortest time is tried all the same: else a storm of failures would stop us for the longest wait.
 */
static uint32_t soonest(const al_path_query *q, uint32_t slots[AL_GUARDS]) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < AL_GUARDS_MAX; i++) {
    const al_guard *g = &q->guards->slot[i];
    if (al_id_is_zero(&g->id) || by_id(q, &g->id) == NULL) continue;
    if (n == 0 || g->retry_s < q->guards->slot[slots[0]].retry_s) slots[0] = i;
    n = 1;
  }
  return n;
}

static uint32_t usable_guards(const al_path_query *q, uint32_t slots[AL_GUARDS]) {
  al_guards_refresh(q->guards, q->wall_s);
  uint32_t set, n = list_guards(q, slots, &set);
  while ((set < AL_GUARDS || n < 2) && add_guard(q)) n = list_guards(q, slots, &set);
  return n > 0 ? n : soonest(q, slots);
}

static bool through(const al_path_query *q, uint32_t slot, al_circuit_plan *ret) {
  const al_id *id = &q->guards->slot[slot].id;
  const al_peer_entry *e = by_id(q, id);
  return e != NULL && !excluded(q, id) && complete(q, e, ret);
}

/* A relay that fits this path becomes a guard. */
static bool through_a_new_guard(const al_path_query *q, al_circuit_plan *ret) {
  taken t = {.q = q};
  if (q->last != NULL) take(&t, by_id(q, q->last));
  const al_peer_entry *e = draw(&t, FITTING_GUARD);
  return e != NULL && complete(q, e, ret) && al_guards_add(q->guards, &e->id, q->wall_s) == AL_OK;
}

static bool through_a_guard(const al_path_query *q, al_circuit_plan *ret) {
  uint32_t slots[AL_GUARDS];
  uint32_t n = usable_guards(q, slots);
  al_rng_shuffle(q->rng, slots, n);
  for (uint32_t i = 0; i < n; i++)
    if (through(q, slots[i], ret)) return true;
  if (!q->more_guards) return false;
  for (uint32_t i = 0; i < AL_GUARDS_MAX; i++)
    if (al_guards_usable(q->guards, i, q->wall_s) && through(q, i, ret)) return true;
  return through_a_new_guard(q, ret);
}

/* ---- the whole ---- */

static uint32_t count_relays(const al_path_query *q, bool *ret_exit) {
  uint32_t cursor = 0, n = 0;
  *ret_exit = q->last != NULL;
  for (al_peer p; (p = al_book_each(q->book, &cursor)) != 0;) {
    const al_peer_entry *e = al_book_get(q->book, p);
    if (!al_book_usable(q->book, p) && !al_book_doubted(q->book, p)) continue;
    if (!is_relay(q, e)) continue;
    n++;
    *ret_exit = *ret_exit || is_exit(q, e);
  }
  return n;
}

al_err al_path_choose(const al_path_query *q, al_circuit_plan *ret, al_reason *ret_why) {
  if (q->hops < AL_HOPS_MIN || q->hops > AL_HOPS_MAX) return AL_EINVAL;
  bool exit;
  al_circuit_plan plan = {0};
  uint32_t relays = count_relays(q, &exit);
  *ret_why = AL_REASON_NO_PATH;
  if (relays < al_min_u64(q->hops, AL_PATH_RELAYS_MIN)) return AL_ENOTFOUND;
  if (!exit) {
    *ret_why = AL_REASON_NO_EXIT;
    return AL_ENOTFOUND;
  }
  if (q->hops == 1 ? !complete(q, NULL, &plan) : !through_a_guard(q, &plan)) return AL_ENOTFOUND;
  *ret = plan;
  return AL_OK;
}
