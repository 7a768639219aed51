/* The replay window of a link: narrow, wide, and what a narrow one leaves to a wide one. Compared
 * with a model that remembers everything. */
#include "link/keys.h"
#include "support/test_rand.h"
#include "tap.h"
#include "test_link_net.h"

enum { NUMBERS = 40000 };

static bool seen[NUMBERS];

/* Numbers in nearly their order, some far behind, some twice. */
static uint64_t draw(uint64_t top) {
  uint64_t back = test_rand_below(20) == 0 ? test_rand_below(12000) : test_rand_below(300);
  if (test_rand_below(2) == 0) return top + 1 + test_rand_below(4);
  if (test_rand_below(500) == 0) return top + test_rand_below(600);
  return back > top ? 0 : top - back;
}

/* Runs a window until its highest number is `until`; counts what differs from the model. */
static unsigned run(al_links *ls, al_link_window *w, uint64_t until, uint64_t width,
                    uint64_t floor) {
  unsigned wrong = 0;
  uint64_t next;
  while ((next = al_link_window_next(w)) <= until) {
    uint64_t n = draw(next != 0 ? next - 1 : 0);
    bool late = n < next && next - 1 - n >= width;
    bool fresh = !seen[n] && !late && !(n < floor);
    if (al_link_window_fresh(ls, w, n) != fresh) wrong++;
    if (!fresh) continue;
    al_link_window_take(ls, w, n);
    seen[n] = true;
  }
  return wrong;
}

static void test_widths(al_links *ls) {
  al_link_window w = {0};
  tap_ok(al_link_window_fresh(ls, &w, 12345), "any number may be the first");
  tap_is_u64(run(ls, &w, 10000, AL_LINK_NARROW, 0), 0, "narrow: 128 numbers are remembered");
  uint64_t top = al_link_window_next(&w) - 1;
  tap_ok(al_link_window_widen(ls, &w, true) && w.wide != 0, "it becomes wide");
  unsigned wrong = 0;
  for (uint64_t n = 0; n < top + 5; n++) {
    bool fresh = !seen[n] && (n > top || top - n < AL_LINK_NARROW);
    wrong += al_link_window_fresh(ls, &w, n) != fresh;
  }
  tap_is_u64(wrong, 0, "and knows what the narrow one knew; older ones count as seen");
  tap_is_u64(run(ls, &w, 30000, AL_WINDOW_NUMBERS, top - AL_LINK_NARROW + 1), 0,
             "wide: 8,192 numbers are remembered");
  al_link_window_clear(ls, &w);
  tap_ok(w.wide == 0 && al_link_window_next(&w) == 0 && al_slab_count(&ls->windows) == 0,
         "cleared");
  tap_ok(al_link_window_widen(ls, &w, true) && al_link_window_fresh(ls, &w, 7), "empty, and wide");
  al_link_window_clear(ls, &w);
}

/* Lean links: narrow until they carry much; keys change in narrow and in wide ones. */
static void test_lean(void) {
  net *t = net_new(al_suite_null());
  for (unsigned i = 0; i < 2; i++) {
    al_links_config c = net_config(&t->n[i], al_suite_null());
    c.now = t->now;
    c.lean = true;
    c.rekey_us = 600 * AL_SECOND;
    if (al_links_init(&t->n[i].ls, &c) != AL_OK) abort();
  }
  for (unsigned k = 0; k < 6; k++) net_dial(t, 0, k);
  net_pass(t, AL_SECOND);
  al_link_session *s = al_link_session_get(&t->n[0].ls, t->n[0].link[0]);
  tap_ok(t->n[0].ups == 6 && s->window.wide == 0, "links are up, and narrow");
  net_pass(t, 1300 * AL_SECOND);
  bool all = true;
  for (unsigned k = 0; k < 6; k++) {
    s = al_link_session_get(&t->n[0].ls, t->n[0].link[k]);
    all = all && s != NULL && s->key_phase >= 1;
  }
  tap_ok(all && t->n[0].dead == 0, "six links change their keys, two at a time");
  tap_ok(al_link_widen(&t->n[0].ls, t->n[0].link[1]) && al_link_widen(&t->n[1].ls, t->n[1].link[1]),
         "one becomes wide");
  s = al_link_session_get(&t->n[0].ls, t->n[0].link[1]);
  uint8_t phase = s->key_phase;
  net_pass(t, 700 * AL_SECOND);
  tap_ok(s->key_phase > phase && t->n[0].dead == 0, "and changes its keys too");
  net_cell(t, 0, 1, 0x80000001);
  net_cell(t, 1, 1, 1);
  net_pass(t, AL_SECOND);
  tap_ok(t->n[0].cells == 1 && t->n[1].cells == 1, "cells go both ways");
  tap_ok(!al_link_widen(&t->n[0].ls, 0), "no link, nothing to widen");
  net_free(t);
}

int main(void) {
  net *t = net_new(al_suite_null());
  test_rand_state = 7;
  net_start(t, al_suite_null());
  test_widths(&t->n[0].ls);
  net_free(t);
  test_lean();
  return tap_done();
}
