/* proof.c — see proof.h. */
#include "dht/proof.h"

#include "book/identity.h"

/* What is signed: the question's number, the path, and the first `count` entries. */
static void hash_of(const al_suite *suite, const al_dht_message *m, al_bytes entries,
                    uint8_t hash[AL_HASH_BYTES]) {
  uint8_t head[10];
  al_store_u64(head, m->query);
  head[8] = m->path;
  head[9] = m->count;
  const al_bytes in[3] = {al_label(AL_LABEL_DHT_ANSWER), {head, sizeof head}, entries};
  suite->sha3_256(hash, in, 3);
}

void al_dht_prove(const al_suite *suite, const uint8_t *pk, const uint8_t *ed_seed,
                  const al_dht_message *answer, uint8_t *out) {
  uint8_t hash[AL_HASH_BYTES];
  hash_of(suite, answer, answer->entries, hash);
  out[0] = answer->count;
  memcpy(out + 1, pk, AL_SIG_PK_BYTES);
  suite->ed_sign(out + 1 + AL_SIG_PK_BYTES, ed_seed, hash);
}

uint8_t al_dht_proved(const al_suite *suite, const al_dht_message *answer) {
  const uint8_t *p = answer->payload.ptr;
  uint8_t hash[AL_HASH_BYTES];
  al_rd r = al_rd_init(answer->entries);
  al_dht_entry first = {0}, e;
  if (answer->payload.len != AL_DHT_PROOF_BYTES || answer->code != AL_DHT_CLOSEST) return 0;
  if (p[0] == 0 || p[0] > answer->count) return 0;
  for (uint8_t i = 0; i < p[0]; i++) {
    if (!al_dht_next_entry(&r, i == 0 ? &first : &e)) return 0;
  }
  al_id id = al_node_id(suite, p + 1);
  if (!al_id_equal(&id, &first.id)) return 0;
  al_dht_message said = *answer;
  said.count = p[0];
  hash_of(suite, &said, al_view(answer->entries.ptr, r.pos), hash);
  return suite->ed_verify(p + 1 + AL_SIG_PK_BYTES, p + 1, hash) == AL_OK ? p[0] : 0;
}
