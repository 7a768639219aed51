/* Guards: records, back-off, who is kept and who is let go. */
#include "circuit/guard.h"
#include "tap.h"

static const uint64_t start = 1800000000;

static al_id id_of(uint8_t n) {
  al_id id = {{n, 1, 2, 3}};
  return id;
}

static void test_records(void) {
  al_guards g, back;
  uint8_t record[AL_GUARD_RECORD_BYTES];
  uint32_t slot, stored = 0, bad = 0;
  size_t len;
  al_guards_init(&g);
  al_guards_init(&back);
  tap_ok(!al_guards_dirty(&g, &slot, record, &len), "no guards, nothing to store");
  for (uint8_t i = 1; i <= 3; i++) {
    al_id id = id_of(i);
    bad += al_guards_add(&g, &id, start + i) != AL_OK;
  }
  al_id second = id_of(2), other = id_of(9);
  al_guards_failed(&g, &second, start + 50);
  while (al_guards_dirty(&g, &slot, record, &len)) {
    stored++;
    bad += len != sizeof record || al_guards_restore(&back, slot, al_view(record, len)) != AL_OK;
    bad += al_guards_restore(&back, slot, al_view(record, len)) != AL_EPARSE;
    bad += al_guards_restore(&back, slot + 4, al_view(record, len)) != AL_EPARSE;
  }
  tap_ok(stored == 3 && bad == 0, "three records, stored once each, taken back once each");
  bool same = true;
  for (uint32_t i = 0; i < 3; i++)
    same = same && al_id_equal(&g.slot[i].id, &back.slot[i].id) &&
           g.slot[i].added_s == back.slot[i].added_s &&
           g.slot[i].failures == back.slot[i].failures &&
           g.slot[i].failing_since_s == back.slot[i].failing_since_s;
  tap_ok(same, "they say the same after a restart");
  tap_ok(al_guards_usable(&back, 1, start), "but all may be tried at once");
  tap_ok(!al_guards_dirty(&back, &slot, record, &len), "and need not be stored again");
  tap_ok(al_guards_has(&back, &second) && !al_guards_has(&back, &other), "who is one and who not");
  /* Every shorter, longer or damaged record is refused. */
  g.slot[0].dirty = true;
  al_guards_dirty(&g, &slot, record, &len);
  uint8_t longer[AL_GUARD_RECORD_BYTES + 1] = {0};
  memcpy(longer, record, sizeof record);
  for (size_t n = 0; n <= sizeof longer; n++) {
    al_guards_init(&back);
    bad += (al_guards_restore(&back, 0, al_view(longer, n)) == AL_OK) != (n == sizeof record);
  }
  const struct {
    size_t at;
    uint8_t value;
  } damage[] = {{0, 2}, {41, 1}, {49, 1}};
  for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
    memcpy(longer, record, sizeof record);
    longer[damage[i].at] = damage[i].value;
    al_guards_init(&back);
    bad += al_guards_restore(&back, 0, al_view(longer, sizeof record)) != AL_EPARSE;
  }
  memset(longer, 0, sizeof longer);
  longer[0] = 1;
  bad += al_guards_restore(&back, 0, al_view(longer, sizeof record)) != AL_EPARSE;
  bad += al_guards_restore(&back, AL_GUARDS_MAX, al_view(record, sizeof record)) != AL_EPARSE;
  tap_is_u64(bad, 0, "malformed records are refused");
}

static void test_backoff(void) {
  al_guards g;
  al_id id = id_of(1), other = id_of(2);
  al_guards_init(&g);
  tap_ok(!al_guards_usable(&g, 0, start), "a free slot is no guard");
  al_guards_add(&g, &id, start);
  tap_ok(al_guards_add(&g, &id, start) == AL_ESTATE, "one node is one guard");
  tap_ok(al_guards_usable(&g, 0, start), "a new guard may be used");
  uint64_t now = start, wait = 0;
  bool good = true;
  for (int i = 0; i < 40; i++) {
    al_guards_failed(&g, &id, now);
    uint64_t w = 0;
    while (!al_guards_usable(&g, 0, now + w)) w++;
    good = good && (w == wait * 2 || w == AL_GUARD_RETRY_MAX_S || i == 0) && w >= wait;
    if (i == 0) good = good && w == AL_GUARD_RETRY_MIN_S;
    wait = w;
    now += w;
  }
  tap_ok(good && wait == AL_GUARD_RETRY_MAX_S, "waits double from 5 s to 30 min");
  al_guards_failed(&g, &id, now);
  tap_ok(al_guards_usable(&g, 0, now - 86400), "a clock that was set back does not lock it out");
  al_guards_failed(&g, &other, now);
  al_guards_reached(&g, &other);
  tap_ok(!al_guards_usable(&g, 0, now), "other nodes do not matter");
  al_guards_reached(&g, &id);
  tap_ok(al_guards_usable(&g, 0, now) && g.slot[0].failures == 0, "once reached all is forgotten");
}

static void test_life(void) {
  al_guards g;
  al_id id = id_of(1);
  uint32_t slot;
  uint8_t record[AL_GUARD_RECORD_BYTES];
  size_t len = 1;
  al_guards_init(&g);
  al_guards_add(&g, &id, start);
  al_guards_dirty(&g, &slot, record, &len);
  al_guards_refresh(&g, start + AL_GUARD_LIFE_S - 1);
  tap_ok(al_guards_has(&g, &id), "kept for 60 days");
  al_guards_refresh(&g, start + AL_GUARD_LIFE_S);
  tap_ok(!al_guards_has(&g, &id), "and no longer");
  tap_ok(al_guards_dirty(&g, &slot, record, &len) && slot == 0 && len == 0, "its record goes");
  al_guards_add(&g, &id, start);
  for (int i = 0; i < AL_GUARD_LOST_FAILURES - 1; i++) al_guards_failed(&g, &id, start + 10);
  al_guards_refresh(&g, start + 10 + AL_GUARD_LOST_S);
  tap_ok(al_guards_has(&g, &id), "seven failures are not enough");
  al_guards_failed(&g, &id, start + 20);
  al_guards_refresh(&g, start + 10 + AL_GUARD_LOST_S - 1);
  tap_ok(al_guards_has(&g, &id), "nor is less than a week");
  al_guards_refresh(&g, start + 10 + AL_GUARD_LOST_S);
  tap_ok(!al_guards_has(&g, &id), "eight failures and a week: lost");
  al_guards_add(&g, &id, start + 1000000);
  al_guards_refresh(&g, start);
  tap_ok(al_guards_has(&g, &id) && g.slot[0].added_s == start, "a date in the future is corrected");
  for (uint8_t i = 2; i <= AL_GUARDS_MAX; i++) {
    id = id_of(i);
    al_guards_add(&g, &id, start);
  }
  id = id_of(99);
  tap_ok(al_guards_add(&g, &id, start) == AL_EFULL, "there are eight places");
}

int main(void) {
  test_records();
  test_backoff();
  test_life();
  return tap_done();
}
