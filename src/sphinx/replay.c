/* replay.c — see replay.h. An array of tags in order of arrival and a hash table of places in it.
 * The hash is NH (Black et al. 1999) under a secret, whose high half picks the home: a peer that
 * searches for tags whose first bytes agree gains nothing by it. */
#include "sphinx/replay.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"

enum { LIMIT_MAX = 1 << 24 };

al_err al_replay_init(al_replay *r, const al_alloc *a, uint32_t limit, const uint8_t secret[16]) {
  AL_ASSERT(limit >= 1 && limit <= LIMIT_MAX);
  uint32_t slots = 4;
  while (slots / 2 < limit) slots *= 2; /* at most half full */
  memset(r, 0, sizeof *r);
  r->alloc = a;
  r->limit = limit;
  r->mask = slots - 1;
  r->tags = al_new_array(a, limit, AL_REPLAY_TAG_BYTES);
  r->places = al_new_array(a, slots, sizeof *r->places);
  if (r->tags == NULL || r->places == NULL) {
    al_replay_clear(r);
    return AL_ENOMEM;
  }
  for (int i = 0; i < 4; i++) r->secret[i] = al_load_u32(secret + 4 * i);
  return AL_OK;
}

void al_replay_clear(al_replay *r) {
  if (r->alloc != NULL) {
    al_delete(r->alloc, r->tags, (size_t)r->limit * AL_REPLAY_TAG_BYTES);
    al_delete(r->alloc, r->places, ((size_t)r->mask + 1) * sizeof *r->places);
  }
  al_wipe(r, sizeof *r);
}

void al_replay_reset(al_replay *r) {
  if (r->tags == NULL) return;
  memset(r->tags, 0, (size_t)r->count * AL_REPLAY_TAG_BYTES);
  memset(r->places, 0, ((size_t)r->mask + 1) * sizeof *r->places);
  r->count = 0;
}

static uint32_t home(const al_replay *r, const uint8_t *tag) {
  uint32_t w[4];
  for (int i = 0; i < 4; i++) w[i] = al_load_u32(tag + 4 * i) + r->secret[i];
  uint64_t h = (uint64_t)w[0] * w[1] + (uint64_t)w[2] * w[3];
  return (uint32_t)(h * 0x9e3779b97f4a7c15 >> 32) & r->mask;
}

/* The tag's place, or the free one that ends its run: there always is one. */
static uint32_t *place_of(const al_replay *r, const uint8_t *tag) {
  uint32_t slot = home(r, tag);
  for (;; slot = (slot + 1) & r->mask) {
    uint32_t *place = &r->places[slot];
    if (*place == 0) return place;
    const uint8_t *there = r->tags + (size_t)(*place - 1) * AL_REPLAY_TAG_BYTES;
    if (memcmp(there, tag, AL_REPLAY_TAG_BYTES) == 0) return place;
  }
}

al_replay_verdict al_replay_add(al_replay *r, const uint8_t *tag) {
  uint32_t *place = place_of(r, tag);
  if (*place != 0) return AL_REPLAY_SEEN;
  if (r->count == r->limit) return AL_REPLAY_FULL;
  memcpy(r->tags + (size_t)r->count * AL_REPLAY_TAG_BYTES, tag, AL_REPLAY_TAG_BYTES);
  *place = ++r->count;
  return AL_REPLAY_NEW;
}

al_bytes al_replay_view(const al_replay *r, uint32_t first, uint32_t count) {
  if (first >= r->count) return (al_bytes){NULL, 0};
  size_t n = al_min_size(count, r->count - first);
  return al_view(r->tags + (size_t)first * AL_REPLAY_TAG_BYTES, n * AL_REPLAY_TAG_BYTES);
}

al_err al_replay_load(al_replay *r, al_bytes tags) {
  if (tags.len % AL_REPLAY_TAG_BYTES != 0) return AL_EPARSE;
  for (size_t at = 0; at < tags.len; at += AL_REPLAY_TAG_BYTES) {
    if (al_replay_add(r, tags.ptr + at) == AL_REPLAY_FULL) return AL_EFULL;
  }
  return AL_OK;
}
