/* keepers.c — hostile nodes that records are brought to. They say that they keep what they are
 * brought, and do not (hide); or keep the first version of a record that can change, give that to
 * whoever asks, and bring it to others as storers do (stale). */
#include <string.h>

#include "cells.h"
#include "parts.h"

enum { RECORDS_HIDE = 1, RECORDS_STALE };

/* Of a record, after its lifetime: PROTOCOL.md 7.3. */
enum { LIFETIME = 4, RECORD_KIND = 4, RECORD_SEQUENCE = 8, KIND_IMMUTABLE = 1, FIRST_SEQUENCE = 1 };

/* As in hostility.c: one for all of a process. */
static struct {
  const al_suite *honest;
  unsigned how;
} keepers;

/* What is newer than the first version is taken for a forgery, and so not kept. */
static al_err stale_verify(const uint8_t *sig, const uint8_t *pk, al_bytes context, al_bytes msg) {
  static const char label[] = "allium record signature v1";
  uint64_t sequence = 0;
  bool record = context.len == sizeof label - 1 && memcmp(context.ptr, label, context.len) == 0;
  for (size_t i = 8; record && i-- > 0;) sequence = sequence << 8 | msg.ptr[RECORD_SEQUENCE + i];
  if (record && sequence > FIRST_SEQUENCE) return AL_ECRYPTO;
  return keepers.honest->verify(sig, pk, context, msg);
}

void keepers_init(sim_run *r, const al_suite *honest, al_suite *suite) {
  keepers.honest = honest;
  keepers.how = (unsigned)r->s.hostile_records;
  if (keepers.how == RECORDS_STALE) suite->verify = stale_verify;
}

void keepers_configure(al_config *c) {
  if (keepers.how == RECORDS_HIDE) c->limits.records_max = 0;
}

void keepers_twist(uint8_t *cell) {
  uint8_t *p = cell + CELL_PAYLOAD;
  if (!cell_is(cell, KIND_DHT) || cell_index(cell) != 0) return;
  if (p[0] != DHT_ANSWER || p[ANSWER_HOPS] != 0) return; /* not its own */
  size_t end = answer_end(p);
  if (end == 0 || keepers.how == 0) return;
  if (p[ANSWER_STATUS] == STATUS_REFUSED && cell_total(cell) == end + 1 && end < FRAGMENT) {
    p[ANSWER_STATUS] = STATUS_STORED;
    p[end] = 0; /* taken */
  }
  bool kept = p[ANSWER_STATUS] == STATUS_FOUND && end + LIFETIME + RECORD_KIND < FRAGMENT;
  if (kept && p[end + LIFETIME + RECORD_KIND] == KIND_IMMUTABLE) p[ANSWER_STATUS] = STATUS_CLOSEST;
}
