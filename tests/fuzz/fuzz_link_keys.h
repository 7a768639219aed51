/* fuzz_link_keys.h — two identities and their records, made once and never changed. */
#ifndef FUZZ_LINK_KEYS_H
#define FUZZ_LINK_KEYS_H

#include "book/identity.h"
#include "link/link.h"

static const al_identity *known;
static uint8_t records[2][AL_DESC_BYTES_MAX];
static size_t record_len[2];

static void make_known(void) {
  static al_identity both[2];
  static uint8_t onion[AL_KEM_PK_BYTES];
  for (unsigned i = 0; i < 2; i++) {
    uint8_t root[32] = {(uint8_t)(i + 1)}, coins[AL_SIG_COINS_BYTES] = {0};
    al_identity_init(al_suite_null(), root, &both[i]);
    al_desc d = {.sequence = 3, .published_s = 1000, .expiry_s = 80000, .onion_pk = {onion, onion}};
    al_wr w = al_wr_init(records[i], sizeof records[i]);
    AL_ASSERT(al_descriptor_make(al_suite_null(), &both[i], &d, coins, &w) == AL_OK);
    record_len[i] = w.len;
  }
  known = both;
}

#endif
