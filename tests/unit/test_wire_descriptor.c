/* Descriptors: round trips at both ends of the size, every rule of the form, every cut, and decoder
 * against encoder on changed bytes. */
#include "support/test_rand.h"
#include "tap.h"
#include "wire/wire.h"

static uint8_t keys[AL_DESC_FIXED_BYTES], record[AL_DESC_BYTES_MAX + 1];
static uint8_t addresses[AL_ADDRESSES_MAX][AL_ADDRESS_BYTES_MAX];
static const char software[] = "allium/0.1.0 (thirty-two chars!)";

static al_desc sample(uint32_t address_count, uint32_t rule_count) {
  al_desc d = {.flags = AL_DESC_RELAY,
               .capacity_mbit = 100,
               .sequence = 7,
               .published_s = 1000,
               .expiry_s = 1000 + AL_DESC_LIFETIME_S,
               .epoch = 5,
               .puzzle = 99};
  d.sig_pk = keys;
  d.link_pk = keys + AL_SIG_PK_BYTES;
  d.onion_pk[0] = d.link_pk + AL_KEM_PK_BYTES;
  d.onion_pk[1] = d.onion_pk[0] + AL_KEM_PK_BYTES;
  d.addresses_count = address_count;
  for (uint32_t i = 0; i < address_count; i++) {
    addresses[i][0] = 200; /* a kind of the future */
    d.addresses[i] = al_view(addresses[i], AL_ADDRESS_BYTES_MAX);
  }
  d.rules_count = rule_count;
  if (rule_count > 0) d.flags |= AL_DESC_EXIT;
  for (uint32_t i = 0; i < rule_count; i++)
    d.rules[i] = (al_exit_rule){true, 6, 16, {0x20, 0x01}, 80, (uint16_t)(80 + i)};
  d.software = al_view(software, rule_count > 0 ? 32 : 0);
  return d;
}

/* Encodes with a signature of sevens; 0 when refused. */
static size_t encode(const al_desc *d) {
  al_wr w = al_wr_init(record, sizeof record);
  if (al_desc_encode_unsigned(d, &w) != AL_OK) return 0;
  uint8_t *sig = al_wr_take(&w, AL_SIG_BYTES);
  if (sig == NULL) return 0;
  memset(sig, 7, AL_SIG_BYTES);
  return w.len;
}

static bool same(const al_desc *a, const al_desc *b) {
  bool eq = a->flags == b->flags && a->capacity_mbit == b->capacity_mbit &&
            a->sequence == b->sequence && a->published_s == b->published_s &&
            a->expiry_s == b->expiry_s && a->epoch == b->epoch && a->puzzle == b->puzzle &&
            a->addresses_count == b->addresses_count && a->rules_count == b->rules_count &&
            a->software.len == b->software.len;
  for (uint32_t i = 0; eq && i < a->addresses_count; i++)
    eq = a->addresses[i].len == b->addresses[i].len &&
         memcmp(a->addresses[i].ptr, b->addresses[i].ptr, a->addresses[i].len) == 0;
  for (uint32_t i = 0; eq && i < a->rules_count; i++)
    eq = memcmp(a->rules[i].addr, b->rules[i].addr, 16) == 0 &&
         a->rules[i].port_max == b->rules[i].port_max && a->rules[i].accept == b->rules[i].accept;
  return eq && memcmp(a->software.ptr, b->software.ptr, a->software.len) == 0 &&
         memcmp(a->sig_pk, b->sig_pk, AL_SIG_PK_BYTES) == 0 &&
         memcmp(a->link_pk, b->link_pk, AL_KEM_PK_BYTES) == 0 &&
         memcmp(a->onion_pk[0], b->onion_pk[0], AL_KEM_PK_BYTES) == 0 &&
         memcmp(a->onion_pk[1], b->onion_pk[1], AL_KEM_PK_BYTES) == 0;
}

static void test_round_trip(uint32_t address_count, uint32_t rule_count, size_t bytes) {
  const al_desc d = sample(address_count, rule_count);
  al_desc got;
  size_t len = encode(&d);
  tap_is_u64(len, bytes, "%u addresses and %u rules: size", address_count, rule_count);
  tap_ok(al_desc_decode(al_view(record, len), &got) == AL_OK && same(&d, &got), "comes back");
  tap_ok(got.signature == record + len - AL_SIG_BYTES && got.signed_part.ptr == record &&
             got.signed_part.len == len - AL_SIG_BYTES,
         "the signature covers all in front of it");
  uint32_t taken = 0;
  for (size_t n = 0; n <= len + 1; n++)
    taken += n != len && al_desc_decode(al_view(record, n), &got) == AL_OK;
  tap_is_u64(taken, 0, "gossip_parse: no other length is taken");
}

/* Fields that the encoder refuses; the decoder refuses the same when they are forced. */
static void test_rules(void) {
  al_desc d = sample(1, 0);
  d.flags = AL_DESC_EXIT;
  tap_ok(encode(&d) == 0, "flag exit without rules");
  d = sample(1, 1);
  d.flags = AL_DESC_RELAY;
  tap_ok(encode(&d) == 0, "rules without the flag");
  d = sample(0, 0);
  d.flags = 8;
  tap_ok(encode(&d) == 0, "a reserved flag");
  d = sample(0, 0);
  d.expiry_s = d.published_s;
  tap_ok(encode(&d) == 0, "no lifetime");
  d.expiry_s = d.published_s + AL_DESC_LIFETIME_S_MAX + 1;
  tap_ok(encode(&d) == 0, "too long a lifetime");
  d.published_s = UINT64_MAX;
  d.expiry_s = 10;
  tap_ok(encode(&d) == 0, "dates that wrap");
  d = sample(0, 0);
  d.software = al_view("a\tb", 3);
  tap_ok(encode(&d) == 0, "software that is not printable");
  d.software = al_view("a\x7f", 2);
  tap_ok(encode(&d) == 0, "software with a DEL");
  d = sample(1, 0);
  addresses[0][0] = AL_ADDRESS_KIND_WEBRTC;
  tap_ok(encode(&d) == 0, "a malformed address of a known kind");
  d = sample(1, 0);
  d.addresses[0].len = 0;
  tap_ok(encode(&d) == 0, "an empty address");
  d = sample(4, 1);
  d.rules[0].addr[3] = 1;
  tap_ok(encode(&d) == 0, "a rule that is not canonical");
  al_wr small = al_wr_init(record, 100);
  d = sample(0, 0);
  tap_ok(al_desc_encode_unsigned(&d, &small) == AL_EFULL, "a buffer that is too small");
}

/* One changed byte: what is still accepted is what the encoder writes for it. */
static void test_inverse(void) {
  static uint8_t changed[sizeof record];
  const al_desc d = sample(3, 4);
  const size_t len = encode(&d);
  uint32_t accepted = 0, refused = 0, different = 0;
  memcpy(changed, record, len);
  for (int i = 0; i < 20000; i++) {
    const size_t tail = len - AL_SIG_BYTES - AL_DESC_FIXED_BYTES + 8;
    size_t at = (size_t)test_rand_below(test_rand_below(4) == 0 ? 48 : tail);
    if (at >= 48 || test_rand_below(2) == 0) at += AL_DESC_FIXED_BYTES - 8;
    if (at >= len - AL_SIG_BYTES) at = 0;
    uint8_t old = changed[at];
    changed[at] = (uint8_t)test_rand();
    al_desc got;
    if (al_desc_decode(al_view(changed, len), &got) != AL_OK) {
      refused++;
    } else {
      accepted++;
      different += encode(&got) != len || memcmp(record, changed, len - AL_SIG_BYTES) != 0;
    }
    changed[at] = old;
  }
  tap_ok(accepted > 100 && refused > 100, "%u changed ones accepted, %u refused", accepted,
         refused);
  tap_is_u64(different, 0, "the accepted ones are canonical");
}

int main(int argc, char **argv) {
  test_rand_seed(argc, argv);
  test_rand_bytes(keys, sizeof keys);
  test_round_trip(0, 0, AL_DESC_BYTES_MIN);
  test_round_trip(1, 1, AL_DESC_BYTES_MIN + 73 + 24 + 32);
  test_round_trip(AL_ADDRESSES_MAX, AL_EXIT_RULES_MAX, AL_DESC_BYTES_MAX);
  test_rules();
  test_inverse();
  return tap_done();
}
