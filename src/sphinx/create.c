/* create.c — the origin's side of set-up packets. Sphinx (Danezis, Goldberg 2009) with a KEM at
 * each hop; the last hop's padding is random (Kuhn et al. 2020). Names follow PROTOCOL.md 5.5. */
#include "sphinx/sphinx_priv.h"

/* All that is known while a packet is made; about 6 KB, wiped at the end. */
typedef struct maker {
  const al_suite *suite;
  const al_sphinx_spec *spec;
  const al_sphinx_coins *coins;
  uint8_t ct[AL_SPHINX_HOPS_MAX][AL_KEM_CT_BYTES];
  al_sphinx_keys keys[AL_SPHINX_HOPS_MAX];
} maker;

static al_err make_keys(maker *m) {
  uint8_t ss[32];
  al_err err = AL_OK;
  for (uint32_t i = 0; i < m->spec->hops_count && err == AL_OK; i++) {
    err = m->suite->kem_enc(m->ct[i], ss, m->spec->hops[i].onion_pk, m->coins->kem[i]);
    if (err == AL_OK) al_sphinx_derive(m->suite, ss, &m->keys[i]);
  }
  al_wipe(ss, sizeof ss);
  return err;
}

/* How much of the last hop's beta is filler. */
static size_t filler_bytes(const maker *m) {
  return (size_t)(m->spec->hops_count - 1) * AL_SPHINX_BLOCK_BYTES;
}

/* What the zeros that hops move in will have become when the last hop gets the packet; written to
 * where it will be then. */
static void make_filler(const maker *m, uint8_t *beta) {
  uint8_t *filler = beta + AL_SPHINX_BETA_BYTES - filler_bytes(m);
  for (uint32_t i = 0; i + 1 < m->spec->hops_count; i++) {
    const size_t len = (size_t)i * AL_SPHINX_BLOCK_BYTES;
    memset(filler + len, 0, AL_SPHINX_BLOCK_BYTES);
    al_sphinx_stream_at(m->suite, m->keys[i].header, (uint32_t)(AL_SPHINX_BETA_BYTES - len),
                        (al_span){filler, len + AL_SPHINX_BLOCK_BYTES});
  }
}

static void make_route(const maker *m, uint32_t hop, uint8_t out[AL_ROUTE_BYTES]) {
  const bool last = hop + 1 == m->spec->hops_count;
  al_route route = {.command = last ? AL_ROUTE_CREATE_END : AL_ROUTE_CREATE};
  if (!last) route.next = m->spec->hops[hop + 1].id;
  memcpy(route.eph, m->spec->hops[hop].eph, sizeof route.eph);
  al_route_encode(&route, out);
}

/* beta of the last hop: route ‖ 16 zero bytes ‖ random, encrypted; the filler after it stays. */
static void make_last(const maker *m, uint8_t *beta) {
  const uint32_t last = m->spec->hops_count - 1;
  const size_t own = AL_SPHINX_BETA_BYTES - filler_bytes(m);
  al_wr w = al_wr_init(beta, own);
  make_route(m, last, al_wr_take(&w, AL_ROUTE_BYTES));
  al_wr_zero(&w, AL_TAG_BYTES);
  al_wr_copy(&w, m->coins->beta_pad, al_wr_left(&w));
  AL_ASSERT(al_wr_ok(&w));
  al_sphinx_stream(m->suite, m->keys[last].header, beta, own);
}

/* beta of another hop, from that of the next one: route ‖ MAC ‖ ciphertext ‖ next beta, cut off and
 * encrypted. The packet's MAC field holds the next hop's MAC on entry. */
static void make_before(const maker *m, uint32_t hop, uint8_t *packet) {
  uint8_t *beta = packet + AL_SPHINX_BETA_AT;
  memmove(beta + AL_SPHINX_BLOCK_BYTES, beta, AL_SPHINX_BETA_BYTES - AL_SPHINX_BLOCK_BYTES);
  make_route(m, hop, beta);
  memcpy(beta + AL_ROUTE_BYTES, packet + AL_SPHINX_MAC_AT, AL_TAG_BYTES);
  memcpy(beta + AL_ROUTE_BYTES + AL_TAG_BYTES, m->ct[hop + 1], AL_KEM_CT_BYTES);
  al_sphinx_stream(m->suite, m->keys[hop].header, beta, AL_SPHINX_BETA_BYTES);
}

static void make_header(const maker *m, uint8_t *packet) {
  uint8_t *beta = packet + AL_SPHINX_BETA_AT;
  for (uint32_t left = m->spec->hops_count; left > 0; left--) {
    const uint32_t hop = left - 1;
    if (left == m->spec->hops_count)
      make_last(m, beta);
    else
      make_before(m, hop, packet);
    m->suite->poly1305(packet + AL_SPHINX_MAC_AT, beta, AL_SPHINX_BETA_BYTES, m->keys[hop].mac);
  }
  al_store_u16(packet, AL_SPHINX_VERSION);
  memcpy(packet + AL_SPHINX_CT_AT, m->ct[0], AL_KEM_CT_BYTES);
}

static void make_body(const maker *m, uint8_t *body) {
  const al_bytes data = m->spec->data;
  al_wr w = al_wr_init(body, AL_SPHINX_BODY_BYTES);
  al_wr_zero(&w, AL_SPHINX_BODY_ZERO_BYTES);
  al_wr_u16(&w, (uint16_t)data.len);
  al_wr_bytes(&w, data);
  al_wr_copy(&w, m->coins->body_pad, al_wr_left(&w));
  AL_ASSERT(al_wr_ok(&w));
  for (uint32_t left = m->spec->hops_count; left > 0; left--) {
    al_wide_key wide;
    al_wide_init(m->suite, m->keys[left - 1].body, &wide);
    al_wide_encrypt(m->suite, &wide, 0, body, AL_SPHINX_BODY_BYTES);
    al_wipe(&wide, sizeof wide);
  }
}

static bool spec_valid(const al_sphinx_spec *spec) {
  if (spec->hops_count < 1 || spec->hops_count > AL_SPHINX_HOPS_MAX) return false;
  if (spec->data.len > AL_SPHINX_DATA_BYTES_MAX) return false;
  for (uint32_t i = 1; i < spec->hops_count; i++) {
    if (al_id_is_zero(&spec->hops[i].id)) return false;
  }
  return true;
}

al_err al_sphinx_create_coins(const al_suite *suite, const al_sphinx_coins *coins,
                              const al_sphinx_spec *spec, uint8_t *ret_packet,
                              uint8_t (*ret_secrets)[32]) {
  if (!spec_valid(spec)) return AL_EINVAL;
  maker m = {.suite = suite, .spec = spec, .coins = coins};
  al_err err = make_keys(&m);
  if (err == AL_OK) {
    make_filler(&m, ret_packet + AL_SPHINX_BETA_AT);
    make_header(&m, ret_packet);
    make_body(&m, ret_packet + AL_SPHINX_BODY_AT);
    for (uint32_t i = 0; i < spec->hops_count; i++) memcpy(ret_secrets[i], m.keys[i].secret, 32);
  }
  al_wipe(&m, sizeof m);
  return err;
}

al_err al_sphinx_create(const al_suite *suite, al_rng *rng, const al_sphinx_spec *spec,
                        uint8_t *ret_packet, uint8_t (*ret_secrets)[32]) {
  al_sphinx_coins coins;
  al_rng_bytes(rng, &coins, sizeof coins);
  al_err err = al_sphinx_create_coins(suite, &coins, spec, ret_packet, ret_secrets);
  al_wipe(&coins, sizeof coins);
  return err;
}
