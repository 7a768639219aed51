/* Identity, puzzle, addresses and descriptors against records.txt. Argument: tests/vectors. */
#include "book/book.h"
#include "crypto/crypto.h"
#include "tap.h"
#include "test_wire_vectors.h"

static al_identity me;
static uint8_t out[AL_DESC_BYTES_MAX];

static void test_identity(const al_suite *suite) {
  al_identity_init(suite, vec("identity.root").ptr, &me);
  tap_ok(vec_is(vec("identity.sig_pk"), me.sig_pk, sizeof me.sig_pk), "signature public key");
  tap_ok(vec_is(vec("identity.link_pk"), me.link_pk, sizeof me.link_pk), "link public key");
  tap_ok(vec_is(vec("identity.id"), me.id.b, sizeof me.id.b), "node identifier");
  uint64_t number = 0;
  tap_ok(al_puzzle_search(suite, &me.id, UINT32_MAX, &number) &&
             number == al_load_u64(vec("puzzle.number").ptr),
         "the first number that solves the puzzle");
}

static void test_address(const char *name, uint8_t family) {
  al_address a;
  const al_bytes record = vec("address.%s.record", name);
  tap_ok(al_address_decode(record, &a) == AL_OK && a.family == family, "%s is decoded", name);
  tap_ok(memcmp(a.ip, vec("address.%s.ip", name).ptr, family == 4 ? 4 : 16) == 0 &&
             a.port == al_load_u64(vec("address.%s.port", name).ptr) &&
             vec_is(vec("address.%s.cert", name), a.cert, sizeof a.cert) &&
             vec_is(vec("address.%s.pwd", name), a.pwd, sizeof a.pwd),
         "to its fields");
  al_wr w = al_wr_init(out, sizeof out);
  al_address_encode(&a, &w);
  tap_ok(vec_is(record, out, w.len), "and encoded to the same bytes");
}

static void test_descriptor(const al_suite *suite) {
  al_desc d;
  const al_bytes record = vec("descriptor.record");
  tap_ok(al_desc_decode(record, &d) == AL_OK, "the descriptor is decoded");
  tap_ok(d.flags == (AL_DESC_RELAY | AL_DESC_EXIT) && d.capacity_mbit == 250 &&
             d.sequence == 0x0102030405060708 && d.published_s == 1700000000 &&
             d.expiry_s == 1700086400 && d.epoch == 78703 &&
             d.puzzle == al_load_u64(vec("puzzle.number").ptr),
         "to its numbers");
  tap_ok(vec_is(vec("descriptor.onion0"), d.onion_pk[0], AL_KEM_PK_BYTES) &&
             vec_is(vec("descriptor.onion1"), d.onion_pk[1], AL_KEM_PK_BYTES) &&
             vec_is(vec("identity.sig_pk"), d.sig_pk, AL_SIG_PK_BYTES) &&
             vec_is(vec("identity.link_pk"), d.link_pk, AL_KEM_PK_BYTES),
         "its keys");
  tap_ok(d.addresses_count == 2 &&
             vec_is(vec("address.ip4.record"), d.addresses[0].ptr, d.addresses[0].len) &&
             vec_is(vec("address.ip6.record"), d.addresses[1].ptr, d.addresses[1].len),
         "its addresses");
  tap_ok(d.rules_count == 3 && !d.rules[0].accept && d.rules[0].prefix == 8 &&
             d.rules[0].port_max == 65535 && d.rules[1].family == 6 && d.rules[1].addr[2] == 0x0d &&
             d.rules[2].accept && d.rules[2].port_min == 80 && d.rules[2].port_max == 443,
         "its rules");
  tap_ok(vec_is(d.software, "allium/0.1.0", 12), "its software");
  tap_ok(al_descriptor_verify(suite, &d) == AL_OK, "the model's signature is good");
  al_wr w = al_wr_init(out, sizeof out);
  tap_ok(al_descriptor_make(suite, &me, &d, vec("descriptor.rnd").ptr, &w) == AL_OK &&
             vec_is(record, out, w.len),
         "made here, it has the same bytes, signature and all");
}

static void test_small(const al_suite *suite) {
  al_desc d;
  const al_bytes record = vec("small.record");
  tap_is_u64(record.len, AL_DESC_BYTES_MIN, "the smallest descriptor has its size");
  tap_ok(al_desc_decode(record, &d) == AL_OK && al_descriptor_verify(suite, &d) == AL_OK,
         "it is good");
  al_wr w = al_wr_init(out, sizeof out);
  (void)al_descriptor_make(suite, &me, &d, vec("small.rnd").ptr, &w);
  tap_ok(vec_is(record, out, w.len), "and made here the same");
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  vec_load(argv[1], "records.txt");
  test_identity(al_suite_hacl());
  test_address("ip4", 4);
  test_address("ip6", 6);
  test_descriptor(al_suite_hacl());
  test_small(al_suite_hacl());
  return tap_done();
}
