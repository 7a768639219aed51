/* Set-up packets: every number of hops, every byte of a packet, every hop's view, both SIMD-wide
 * and simulation suites. */
#include "sphinx/sphinx.h"
#include "tap.h"

/* A path of hops with fixed keys. */
typedef struct path {
  const al_suite *suite;
  al_rng rng;
  uint8_t pk[AL_SPHINX_HOPS_MAX][AL_KEM_PK_BYTES], sk[AL_SPHINX_HOPS_MAX][AL_KEM_SK_BYTES];
  al_sphinx_hop hops[AL_SPHINX_HOPS_MAX];
  uint8_t packet[AL_SPHINX_BYTES], secrets[AL_SPHINX_HOPS_MAX][32];
  uint8_t data[AL_SPHINX_DATA_BYTES_MAX];
} path;

static path p;
static al_sphinx_keys keys;
static al_sphinx_result result;

static void setup(const al_suite *suite) {
  static const uint8_t seed[32] = "sphinx";
  memset(&p, 0, sizeof p);
  p.suite = suite;
  al_rng_init(&p.rng, suite, seed);
  al_rng_bytes(&p.rng, p.data, sizeof p.data);
  for (int i = 0; i < AL_SPHINX_HOPS_MAX; i++) {
    uint8_t s[32];
    al_rng_bytes(&p.rng, s, sizeof s);
    suite->kem_keypair(p.pk[i], p.sk[i], s);
    p.hops[i].onion_pk = p.pk[i];
    al_rng_bytes(&p.rng, p.hops[i].id.b, 32);
    al_rng_bytes(&p.rng, p.hops[i].eph, 32);
  }
}

static al_err create(uint32_t hops, size_t data) {
  const al_sphinx_spec spec = {p.hops, hops, al_view(p.data, data)};
  return al_sphinx_create(p.suite, &p.rng, &spec, p.packet, p.secrets);
}

static al_err step(uint32_t hop) {
  al_err err = al_sphinx_open(p.suite, p.packet, p.sk[hop], &keys);
  return err == AL_OK ? al_sphinx_peel(p.suite, p.packet, &keys, &result) : err;
}

/* Hop i of a packet for `hops` hops sees what was meant for it. */
static bool hop_sees(uint32_t i, uint32_t hops) {
  const bool last = i + 1 == hops;
  if (step(i) != AL_OK || memcmp(keys.secret, p.secrets[i], 32) != 0) return false;
  if (memcmp(result.route.eph, p.hops[i].eph, 32) != 0) return false;
  if (last) return result.route.command == AL_ROUTE_CREATE_END;
  return result.route.command == AL_ROUTE_CREATE && result.data.len == 0 &&
         al_id_equal(&result.route.next, &p.hops[i + 1].id);
}

static void test_round_trips(void) {
  const size_t sizes[] = {0, 1, 100, AL_SPHINX_DATA_BYTES_MAX};
  for (uint32_t hops = 1; hops <= AL_SPHINX_HOPS_MAX; hops++) {
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      bool good = create(hops, sizes[s]) == AL_OK;
      for (uint32_t i = 0; i < hops; i++) good = good && hop_sees(i, hops);
      good = good && result.data.len == sizes[s];
      tap_ok(good && memcmp(result.data.ptr, p.data, sizes[s]) == 0,
             "%s: %u hops, %zu bytes of data", p.suite->name, hops, sizes[s]);
    }
  }
}

/* Tags of one packet at its hops, and of two packets at one hop, all differ. */
static void test_tags(void) {
  uint8_t tags[6][32];
  for (uint32_t n = 0; n < 2; n++) {
    (void)create(3, 0);
    for (uint32_t i = 0; i < 3; i++) {
      (void)step(i);
      memcpy(tags[3 * n + i], keys.tag, 32);
    }
  }
  bool differ = true;
  for (int a = 0; a < 6; a++) {
    for (int b = 0; b < a; b++) differ = differ && memcmp(tags[a], tags[b], 32) != 0;
  }
  tap_ok(differ, "no two replay tags are equal");
}

/* Any change of the header is found at once; the packet is as it was. The KEM part is sampled, as
 * each try costs a decapsulation. */
static void test_header_flips(void) {
  uint8_t copy[AL_SPHINX_BYTES];
  uint32_t accepted = 0, version = 0, changed = 0, tried = 0;
  (void)create(3, 50);
  memcpy(copy, p.packet, sizeof copy);
  for (size_t at = 0; at < AL_SPHINX_BODY_AT; at++) {
    const uint8_t bit = (uint8_t)(1 << (at % 8));
    p.packet[at] ^= bit;
    memcpy(copy + at, p.packet + at, 1);
    al_err err = al_sphinx_open(p.suite, p.packet, p.sk[0], &keys);
    tried++;
    accepted += err == AL_OK;
    version += err == AL_EPARSE;
    changed += memcmp(copy, p.packet, sizeof copy) != 0 || !al_zero_ct(&keys, sizeof keys);
    p.packet[at] ^= bit;
    copy[at] ^= bit;
  }
  tap_is_u64(tried, AL_SPHINX_BODY_AT, "every byte of the header was changed");
  tap_is_u64(accepted, 0, "sphinx_auth: no changed header is accepted");
  tap_is_u64(version, 2, "sphinx_parse: a change of the version is told apart");
  tap_is_u64(changed, 0, "a refused packet is not changed, and no key of it stays");
  tap_ok(al_sphinx_open(p.suite, p.packet, p.sk[0], &keys) == AL_OK, "unchanged, it is accepted");
  tap_ok(al_sphinx_open(p.suite, p.packet, p.sk[1], &keys) == AL_ECRYPTO, "another key fails");
}

/* A change of the body passes the hops between and is found at the end. */
static void test_body_flips(void) {
  uint32_t early = 0, accepted = 0, kept = 0, tried = 0;
  for (size_t at = AL_SPHINX_BODY_AT; at < AL_SPHINX_BYTES; at += 37) {
    (void)create(2, 50);
    p.packet[at] ^= 0x80;
    early += step(0) != AL_OK;
    accepted += step(1) != AL_ECRYPTO;
    kept += !al_zero_ct(p.packet, sizeof p.packet);
    tried++;
  }
  tap_is_u64(early, 0, "%u changed bodies pass the first hop", tried);
  tap_is_u64(accepted, 0, "none passes the last one");
  tap_is_u64(kept, 0, "what is refused at the end is wiped");
}

/* Headers whose MAC is right but whose content is not: a malicious origin. */
static void forge(size_t at, uint8_t value) {
  uint8_t *beta = p.packet + AL_SPHINX_BETA_AT;
  (void)al_sphinx_open(p.suite, p.packet, p.sk[0], &keys);
  uint8_t stream[AL_ROUTE_BYTES] = {0};
  static const uint8_t nonce[12];
  p.suite->xor_stream(stream, sizeof stream, keys.header, nonce, 0);
  beta[at] = stream[at] ^ value;
  p.suite->poly1305(p.packet + AL_SPHINX_MAC_AT, beta, AL_SPHINX_BETA_BYTES, keys.mac);
}

static void test_forged_routes(void) {
  static const struct {
    size_t at;
    uint8_t value;
    const char *what;
  } cases[] = {
      {0, 0, "command 0"},        {0, 3, "command 3"},       {0, 2, "an end with a next hop"},
      {1, 1, "reserved byte"},    {3, 9, "reserved number"}, {5, 1, "a delay"},
      {79, 1, "the last 8 bytes"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    (void)create(2, 0);
    forge(cases[i].at, cases[i].value);
    tap_ok(al_sphinx_open(p.suite, p.packet, p.sk[0], &keys) == AL_OK &&
               al_sphinx_peel(p.suite, p.packet, &keys, &result) == AL_EPARSE &&
               al_zero_ct(p.packet, sizeof p.packet),
           "sphinx_command: refused and wiped: %s", cases[i].what);
  }
  (void)create(2, 0);
  forge(1, 0);
  tap_ok(step(0) == AL_OK, "the control: the same forgery without a change is accepted");
}

static void test_arguments(void) {
  tap_ok(create(0, 0) == AL_EINVAL && create(6, 0) == AL_EINVAL, "0 and 6 hops are refused");
  tap_ok(create(3, AL_SPHINX_DATA_BYTES_MAX + 1) == AL_EINVAL, "too much data is refused");
  const al_id id = p.hops[1].id;
  memset(&p.hops[1].id, 0, sizeof id);
  tap_ok(create(3, 0) == AL_EINVAL, "a hop without identifier is refused");
  p.hops[1].id = id;
  uint8_t packet[AL_SPHINX_BYTES], secrets[sizeof p.secrets], good[AL_KEM_PK_BYTES];
  memcpy(packet, p.packet, sizeof packet);
  memcpy(secrets, p.secrets, sizeof secrets);
  memcpy(good, p.pk[2], sizeof good);
  memset(p.pk[2], 0xff, AL_KEM_PK_BYTES);
  tap_ok(create(3, 0) == AL_ECRYPTO, "an onion key beyond the modulus is refused");
  tap_ok(memcmp(packet, p.packet, sizeof packet) == 0 &&
             memcmp(secrets, p.secrets, sizeof secrets) == 0,
         "on failure the outputs are untouched");
  memcpy(p.pk[2], good, sizeof good);
}

/* Nothing in a packet that a hop passes on tells how many hops are left: its padding is not zero.
 */
static void test_padding(void) {
  uint32_t zeros = 0;
  (void)create(1, 0);
  (void)step(0);
  for (size_t i = AL_SPHINX_BETA_AT; i < AL_SPHINX_BODY_AT; i++) zeros += p.packet[i] == 0;
  tap_ok(zeros < 60, "the last hop sees noise where the next header would be (%u zeros)", zeros);
}

int main(void) {
  setup(al_suite_hacl());
  test_round_trips();
  test_tags();
  test_header_flips();
  test_body_flips();
  test_forged_routes();
  test_arguments();
  test_padding();
  setup(al_suite_null());
  test_round_trips();
  return tap_done();
}
