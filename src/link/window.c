/* window.c — see session.h: which frames of a phase were seen. */
#include "link/keys.h"

static al_window *wide_of(const al_links *ls, const al_link_window *w) {
  return w->wide != 0 ? al_slab_get(&ls->windows, w->wide) : NULL;
}

static uint32_t bit_of(uint64_t number) { return (uint32_t)1 << number % 32; }

static bool narrow_seen(const al_link_window *w, uint64_t number) {
  return (w->seen[number % AL_LINK_NARROW / 32] & bit_of(number)) != 0;
}

static void set_next(al_link_window *w, uint64_t next) {
  w->next[0] = (uint32_t)next;
  w->next[1] = (uint32_t)(next >> 32);
}

bool al_link_window_fresh(const al_links *ls, const al_link_window *w, uint64_t number) {
  if (w->wide != 0) return al_window_fresh(wide_of(ls, w), number);
  uint64_t next = al_link_window_next(w);
  return number >= next || (next - 1 - number < AL_LINK_NARROW && !narrow_seen(w, number));
}

void al_link_window_take(al_links *ls, al_link_window *w, uint64_t number) {
  uint64_t next = al_link_window_next(w);
  if (w->wide != 0) {
    bool taken = al_window_take(wide_of(ls, w), number);
    AL_ASSERT(taken);
  } else {
    if (number >= next && number - next >= AL_LINK_NARROW - 1)
      memset(w->seen, 0, sizeof w->seen);
    else
      for (uint64_t n = next; n < number; n++) w->seen[n % AL_LINK_NARROW / 32] &= ~bit_of(n);
    w->seen[number % AL_LINK_NARROW / 32] |= bit_of(number);
  }
  if (number >= next) set_next(w, number + 1);
}

/* Of the numbers that the narrow window remembers the wide one learns which were seen; all others
 * below the highest count as seen, for nobody knows it any more. */
static void copy(const al_link_window *from, al_window *to) {
  uint64_t next = al_link_window_next(from);
  uint64_t first = next <= AL_WINDOW_NUMBERS ? 0 : next - AL_WINDOW_NUMBERS;
  for (uint64_t n = first; n < next; n++)
    if (next - 1 - n >= AL_LINK_NARROW || narrow_seen(from, n)) (void)al_window_take(to, n);
}

al_err al_link_windows_init(al_links *ls) {
  return al_slab_init(&ls->windows, ls->cfg.alloc, sizeof(al_window), 2 * ls->cfg.links_max);
}

bool al_link_window_widen(al_links *ls, al_link_window *w, bool may_get) {
  void *item;
  if (w->wide != 0) return true;
  if (ls->windows.limit == 0 && (!may_get || al_link_windows_init(ls) != AL_OK)) return false;
  uint32_t wide =
      may_get ? al_slab_take(&ls->windows, &item) : al_slab_take_noalloc(&ls->windows, &item);
  if (wide == 0) return false;
  al_window_init(item, AL_LINK_PHASE_BITS);
  copy(w, item);
  w->wide = wide;
  return true;
}

void al_link_window_clear(al_links *ls, al_link_window *w) {
  if (w->wide != 0) al_slab_drop(&ls->windows, w->wide);
  memset(w, 0, sizeof *w);
}

bool al_link_widen(al_links *ls, al_link link) {
  al_link_session *s = al_link_session_get(ls, link);
  return s != NULL && al_link_window_widen(ls, &s->window, true);
}
