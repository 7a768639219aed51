/* keep.c — upkeep of the table: one lookup at a time for what it lacks. */
#include "dht/internal.h"

static bool busy(const al_dht *d) {
  for (uint32_t i = 0; i < d->lookups_len; i++) {
    if (d->lookups[i].handle != 0 && d->lookups[i].ask.user == 0) return true;
  }
  return false;
}

/* Who is around the own ID? Over three paths: what a newcomer hears decides whom it links to. */
static void find_self(al_dht *d, al_time now) {
  al_dht_ask ask = {.op = AL_DHT_FIND, .paths = 3, .target = d->cfg.self};
  uint32_t handle;
  if (al_dht_start(d, &ask, now, &handle) == AL_OK) d->joined = true;
}

/* One of the closest neighbours is asked whom it knows around the own ID. */
static void check(al_dht *d, al_time now) {
  al_link close[AL_DHT_CLOSE];
  uint32_t n = al_dht_closest(d, &d->cfg.self, AL_DHT_CLOSE, close), handle;
  if (n == 0) return;
  al_dht_ask ask = {.op = AL_DHT_FIND, .flags = AL_DHT_LOCAL, .paths = 1, .target = d->cfg.self};
  ask.via = close[al_rng_below(d->cfg.rng, n)];
  if (al_dht_start(d, &ask, now, &handle) != AL_OK) return;
  uint64_t wait = (uint64_t)d->check_wait_s * AL_SECOND;
  d->check_at = now + wait / 2 + al_rng_below(d->cfg.rng, wait);
  if (d->check_wait_s < CHECK_MAX_S) d->check_wait_s = (uint16_t)(2 * d->check_wait_s);
}

/* A random ID in a region. */
static al_id id_in(al_dht *d, uint32_t region) {
  al_id id;
  al_rng_bytes(d->cfg.rng, id.b, sizeof id.b);
  uint32_t bucket = d->cfg.per_bucket == 1 ? region : region / 2;
  uint64_t distance = al_rng_u64(d->cfg.rng) >> bucket | (uint64_t)1 << (63 - bucket);
  if (d->cfg.per_bucket == 2 && bucket < 63) {
    uint64_t half = (uint64_t)1 << (62 - bucket);
    distance = (region & 1) != 0 ? distance | half : distance & ~half;
  }
  uint64_t prefix = d->self ^ distance;
  for (uint32_t i = 0; i < 8; i++) id.b[i] = (uint8_t)(prefix >> (56 - 8 * i));
  return id;
}

/* One of the regions without a contact, farther than the closest neighbours, at random. */
static bool pick_region(al_dht *d, uint32_t *ret) {
  uint32_t seen = 0;
  uint32_t end = d->cfg.per_bucket * al_dht_bucket(d->radius);
  for (uint32_t i = 0; i < end && i < REGIONS; i++) {
    if (((d->filled[i / 64] | d->looked[i / 64]) >> i % 64 & 1) != 0) continue;
    if (al_rng_below(d->cfg.rng, ++seen) == 0) *ret = i;
  }
  return seen != 0;
}

void al_dht_keep(al_dht *d, al_time now) {
  uint32_t region = 0, handle;
  al_dht_settle(d);
  if (d->count == 0) d->joined = false;
  if (d->count == 0 || busy(d)) return;
  if (now >= d->forget_at) {
    d->looked[0] = d->looked[1] = 0;
    d->forget_at = now + FORGET_US;
  }
  if (!d->joined) {
    find_self(d, now);
  } else if (now >= d->check_at) {
    check(d, now);
  } else if (pick_region(d, &region)) {
    d->looked[region / 64] |= (uint64_t)1 << region % 64;
    al_dht_ask ask = {.op = AL_DHT_FIND, .paths = 1, .first = true, .target = id_in(d, region)};
    (void)al_dht_start(d, &ask, now, &handle);
  }
}
