/* err.c — names and texts of the error codes, from include/allium/errors.def. */
#include "allium/al_types.h"

const char *al_err_name(al_err e) {
  switch (e) {
#define AL_ERR(name, value, text) \
  case AL_##name:                 \
    return "AL_" #name;
#include "allium/errors.def"
#undef AL_ERR
  }
  return "AL_E?";
}

const char *al_err_text(al_err e) {
  switch (e) {
#define AL_ERR(name, value, text) \
  case AL_##name:                 \
    return text;
#include "allium/errors.def"
#undef AL_ERR
  }
  return "unknown error";
}
