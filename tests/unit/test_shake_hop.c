/* Keys of a circuit's hops and the CREATED payload, for every length of a path. */
#include "base/base.h"
#include "shake/hop.h"
#include "tap.h"

enum { HOPS = 5 };

typedef struct hop {
  al_id id;
  uint8_t secret[32], x_sk[32], x[32], y_sk[32], y[32];
  al_hop_keys at_origin, at_hop;
} hop;

static const al_suite *suite;
static al_rng rng;
static hop hops[HOPS];

static al_err derive(hop *h, bool origin, al_hop_keys *ret) {
  const al_hop_exchange e = {&h->id, h->secret, h->x, h->y, origin ? h->x_sk : h->y_sk, origin};
  return al_hop_derive(suite, &e, ret);
}

static void setup(const al_suite *s) {
  static const uint8_t seed[32] = "hop";
  suite = s;
  al_rng_init(&rng, s, seed);
  al_rng_bytes(&rng, hops, sizeof hops);
  for (int i = 0; i < HOPS; i++) {
    s->dh_public(hops[i].x, hops[i].x_sk);
    s->dh_public(hops[i].y, hops[i].y_sk);
  }
}

static void test_keys(void) {
  hop *h = &hops[0];
  al_hop_keys other;
  tap_ok(derive(h, true, &h->at_origin) == AL_OK && derive(h, false, &h->at_hop) == AL_OK,
         "%s: both sides derive keys", suite->name);
  tap_is_mem(&h->at_origin, &h->at_hop, sizeof h->at_hop, "the same ones");
  tap_ok(h->at_hop.forward_offset >> 48 == 0 && h->at_hop.backward_offset >> 48 == 0 &&
             h->at_hop.forward_offset != h->at_hop.backward_offset,
         "offsets of counters have 48 bits");
  uint8_t *inputs[] = {h->id.b, h->secret, h->x_sk};
  for (int i = 0; i < 3; i++) {
    inputs[i][7] ^= 1;
    (void)derive(h, true, &other);
    inputs[i][7] ^= 1;
    tap_ok(memcmp(other.forward, h->at_hop.forward, 32) != 0 &&
               memcmp(other.confirm, h->at_hop.confirm, 16) != 0,
           "input %d counts", i);
  }
}

static void test_low_order(void) {
  hop h = hops[0];
  memset(h.y, 0, sizeof h.y);
  memset(&h.at_origin, 7, sizeof h.at_origin);
  tap_ok(derive(&h, true, &h.at_origin) == AL_ECRYPTO, "an all-zero exchange is refused");
  tap_ok(al_zero_ct(&h.at_origin, sizeof h.at_origin), "and no keys are left");
}

/* Hops n..1 add, the origin peels 1..n. */
static bool created(uint8_t payload[AL_CELL_PAYLOAD_BYTES], int count) {
  al_rng_bytes(&rng, payload, AL_CELL_PAYLOAD_BYTES);
  for (int i = count - 1; i >= 0; i--) {
    if (derive(&hops[i], false, &hops[i].at_hop) != AL_OK) return false;
    al_hop_created_add(suite, &hops[i].at_hop, hops[i].y, payload);
  }
  for (int i = 0; i < count; i++) {
    memcpy(hops[i].y, al_hop_created_y(payload), 32);
    if (derive(&hops[i], true, &hops[i].at_origin) != AL_OK) return false;
    if (al_hop_created_peel(suite, &hops[i].at_origin, payload) != AL_OK) return false;
    if (memcmp(&hops[i].at_origin, &hops[i].at_hop, sizeof(al_hop_keys)) != 0) return false;
  }
  return true;
}

static void test_created(void) {
  uint8_t payload[AL_CELL_PAYLOAD_BYTES], copy[AL_CELL_PAYLOAD_BYTES];
  for (int n = 1; n <= HOPS; n++) tap_ok(created(payload, n), "%d hops answer", n);
  al_rng_bytes(&rng, payload, sizeof payload);
  (void)derive(&hops[0], false, &hops[0].at_hop);
  al_hop_created_add(suite, &hops[0].at_hop, hops[0].y, payload);
  memcpy(copy, payload, sizeof copy);
  uint32_t accepted = 0, changed = 0;
  for (int at = 0; at < AL_HOP_HEAD_BYTES; at++) {
    al_hop_keys keys;
    payload[at] ^= 4;
    copy[at] ^= 4;
    hop h = hops[0];
    memcpy(h.y, payload, 32);
    al_err err = derive(&h, true, &keys);
    accepted += err == AL_OK && al_hop_created_peel(suite, &keys, payload) == AL_OK;
    changed += memcmp(payload, copy, sizeof copy) != 0;
    payload[at] ^= 4;
    copy[at] ^= 4;
  }
  tap_is_u64(accepted, 0, "any change of key or confirmation is found");
  tap_is_u64(changed, 0, "and leaves the payload alone");
  tap_ok(al_hop_created_peel(suite, &hops[0].at_hop, payload) == AL_OK, "the control is accepted");
}

int main(void) {
  setup(al_suite_hacl());
  test_keys();
  test_low_order();
  test_created();
  setup(al_suite_null());
  test_keys();
  test_created();
  return tap_done();
}
