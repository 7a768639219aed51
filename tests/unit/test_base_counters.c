/* The list of counters: names are well formed and unique, texts are there, counting counts. */
#include "base/base.h"
#include "tap.h"

static bool well_formed(const char *name) {
  if (name == NULL || name[0] < 'a' || name[0] > 'z') return false;
  for (const char *p = name; *p != '\0'; p++)
    if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_')) return false;
  return strchr(name, '_') != NULL;
}

int main(void) {
  int bad = 0, twice = 0, mute = 0;
  for (uint32_t i = 0; i < AL_COUNT__COUNT; i++) {
    bad += !well_formed(al_counter_name(i));
    mute += al_counter_text(i) == NULL || al_counter_text(i)[0] == '\0';
    for (uint32_t j = 0; j < i; j++) twice += strcmp(al_counter_name(i), al_counter_name(j)) == 0;
  }
  tap_ok(AL_COUNT__COUNT > 0, "there are counters");
  tap_is_u64(bad, 0, "every name is <module>_<reason> in lower case");
  tap_is_u64(twice, 0, "no name comes twice");
  tap_is_u64(mute, 0, "every counter says what it counts");
  tap_ok(al_counter_name(AL_COUNT__COUNT) == NULL, "no name beyond the last");
  tap_ok(al_counter_text(AL_COUNT__COUNT) == NULL, "no text beyond the last");
  al_counters c = {{0}};
  al_count(&c, AL_COUNT_link_auth);
  al_count_add(&c, AL_COUNT_link_auth, 41);
  tap_is_u64(c.v[AL_COUNT_link_auth], 42, "counting counts");
  tap_ok(strcmp(al_counter_name(AL_COUNT_link_auth), "link_auth") == 0, "a name is its line's");
  return tap_done();
}
