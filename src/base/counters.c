/* counters.c — names and texts from counters.def. */
#include "base/counters.h"

const char *al_counter_name(uint32_t index) {
  switch (index) {
#define AL_COUNTER(name, text) \
  case AL_COUNT_##name:        \
    return #name;
#include "base/counters.def"
#undef AL_COUNTER
    default:
      return NULL;
  }
}

const char *al_counter_text(uint32_t index) {
  switch (index) {
#define AL_COUNTER(name, text) \
  case AL_COUNT_##name:        \
    return text;
#include "base/counters.def"
#undef AL_COUNTER
    default:
      return NULL;
  }
}
